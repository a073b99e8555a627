/*
 * general.h
 *		Between general.c, which runs the general path's statements,
 *		general_sql.c, which words them, and own.c, which lets them through.
 */
#ifndef PAYSTATE_GENERAL_H
#define PAYSTATE_GENERAL_H

#include "paystate.h"

/* one write of ours under way; on the C stack of the one that runs it */
typedef struct PsFrame
{
	struct PsFrame *up;
	PsRow	   *row;			/* what is being written */
	bool		insert;
	bool		used;			/* let through, once */
} PsFrame;

extern void paystate_push_frame(PsFrame *frame, PsRow *row, bool insert);
extern void paystate_pop_frame(PsFrame *frame);

/* a table, a column and a comparison as they stand in a statement */
extern const char *paystate_sql_table(Relation rel);
extern const char *paystate_sql_column(Relation rel, AttrNumber att);
extern const char *paystate_sql_operator(Oid op);

extern char *paystate_sql_find(Relation rel, const PsTable *table,
							   const PsLink *link, bool lock);
extern char *paystate_sql_list(Relation rel, const PsTable *payments, bool lock);
extern char *paystate_sql_judged(Relation rel, const PsTable *history);
extern char *paystate_sql_update(Relation rel, const PsTable *table);
extern char *paystate_sql_insert(Relation rel, const PsTable *table);
extern char *paystate_sql_move(Relation rel, const PsTable *payments,
							   bool captured);

/* a row that paystate_sql_find() or _list() gave, copied into cxt */
extern void paystate_read_result(PsRow *row, HeapTuple tuple, MemoryContext cxt);

#endif							/* PAYSTATE_GENERAL_H */
