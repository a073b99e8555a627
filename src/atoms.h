/*
 * atoms.h
 *		Between advance.c, which gives verdicts, and the two rooms that know
 *		the atoms of which rules are made: atoms.c what they mean, rules.c how
 *		they are spelled.  Pure like advance.h.
 */
#ifndef PAYSTATE_ATOMS_H
#define PAYSTATE_ATOMS_H

#include "advance.h"

/* what is being judged */
typedef struct PsQuestion
{
	const PsLifecycle *lc;
	const PsOrder *order;		/* NULL: the payment has none */
	const PsPayment *payment;
	const PsEvent *event;
	int			others;			/* live payments of the order but this one */
} PsQuestion;

/* guards that speak of where things stand rather than of an amount */
#define PS_STATE_GUARDS \
	(PS_G_OTHER_LIVE | PS_G_NO_OTHER_LIVE | PS_G_OTHERS_HELD | \
	 PS_G_OTHERS_DONE | PS_G_NONE_LIVE | PS_G_ATTEMPTS_LEFT | \
	 PS_G_ATTEMPTS_USED | PS_G_NOTHING_PAID | PS_G_SOMETHING_PAID)

/* guards that need no order */
#define PS_PAYMENT_GUARDS \
	(PS_G_REFUND_IS_AMOUNT | PS_G_REFUND_POSITIVE | \
	 PS_G_REFUNDED_BELOW_CAPTURED | PS_G_REFUNDED_IS_CAPTURED)

/* PS_WHY_NONE when all that the rule asks of the state holds */
extern PsWhy paystate_state_why(const PsQuestion *c, const PsRule *rule);

/* a payment that comes back from the dead after its time? */
extern bool paystate_too_late(const PsQuestion *c);

/* does all that the rule asks of amounts hold? */
extern bool paystate_amounts_hold(const PsQuestion *c, const PsRule *rule);

/* what is wrong with the amount, said as exactly as can be */
extern PsWhy paystate_amount_why(const PsQuestion *c, const PsRule *rule);

/* a word of the guard or the effect column; false: there is no such atom */
extern bool paystate_guard_atom(const char *word, int len, uint32 *guards);

/* of a "live>x", *target is the x */
extern bool paystate_effect_atom(const char *word, int len, uint32 *effects,
								 const char **target, int *targetlen);

/* the halves of an event: payment statuses, where it names any */
typedef struct PsEventName
{
	PsEventKind kind;
	const char *from;
	int			fromlen;
	const char *to;
	int			tolen;
} PsEventName;

extern bool paystate_event_name(const char *text, PsEventName *name);

/*
 * A rule that would move a payment's money without the order's, or the other
 * way round, is no rule, whoever wrote it.  NULL when all is well, else the
 * reason.
 */
extern const char *paystate_rule_fault(const PsLifecycle *lc,
									   const PsRule *rule);

#endif							/* PAYSTATE_ATOMS_H */
