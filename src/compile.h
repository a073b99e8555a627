/*
 * compile.h
 *		Between lifecycle.c, which keeps compiled life cycles, compile.c,
 *		which reads the rule tables, and compile_rules.c, which makes sense of
 *		the rules.
 */
#ifndef PAYSTATE_COMPILE_H
#define PAYSTATE_COMPILE_H

#include "utils/snapshot.h"

#include "paystate.h"

/* a life cycle in the making */
typedef struct PsDraft
{
	PsLifecycle *lc;
	PsStatus   *order;			/* lc's, still writable */
	PsStatus   *payment;
	PsRule	   *rules;			/* as they come; room for two a row */
	int			nrules;
	const char *event;			/* of the rule in hand, for errors, or NULL */
	const char *before;
	MemoryContext cxt;			/* of what is to last */
	Datum		name;			/* of the life cycle, for queries */
	Snapshot	snapshot;		/* to read with; invalid: the active one */
} PsDraft;

/* the text of a row of lifecycle_transition */
typedef struct PsRuleText
{
	const char *event;
	const char *before;
	const char *guard;
	const char *after;
	const char *effect;
} PsRuleText;

/*
 * Reads and compiles one life cycle into cxt; NULL when there is none of that
 * name, ERROR 22023 when it does not make sense.  *lasting says whether what
 * was read is the newest, so that it may be kept beyond the transaction.
 */
extern const PsLifecycle *paystate_compile(const char *name, int len,
										   MemoryContext cxt, bool *lasting);

/* ERROR 22023, naming the rule in hand */
pg_noreturn extern void paystate_bad_lifecycle(const PsDraft *d, const char *fmt,...)
			pg_attribute_printf(2, 3);

/* of one of the draft's two lists; ERROR when it is not in it */
extern int	paystate_status_index(const PsDraft *d, const PsStatus *statuses,
								  const char *label, int len);

extern void paystate_compile_rule(PsDraft *d, const PsRuleText *text);
extern void paystate_lay_out_rules(PsDraft *d);

#endif							/* PAYSTATE_COMPILE_H */
