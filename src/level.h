/*
 * level.h
 *		level.c knows when a statement's triggers have all been fired, and
 *		pending.c holds rows of the history back until then.
 */
#ifndef PAYSTATE_LEVEL_H
#define PAYSTATE_LEVEL_H

#include "executor/execdesc.h"
#include "nodes/parsenodes.h"

#include "paystate.h"

/* rows that wait to be written (pending.c) */
typedef struct PsPending PsPending;

/* one statement whose AFTER triggers are being fired, on the C stack */
typedef struct PsLevel
{
	struct PsLevel *up;
	EState	   *estate;			/* NULL: it is a COPY, */
	const CopyStmt *copy;		/* this one, */
	Oid			copied;			/* of that table */
	SubTransactionId subxact;
	bool		known;			/* is the next one right? */
	bool		alone;			/* nobody else's code runs meanwhile */
	int64		rows;			/* of the history, so far */
	PsPending  *pending;
} PsLevel;

/* the statement at whose end rows may be written; NULL: write them now */
extern PsLevel *paystate_waiting_level(void);

extern PsLevel *paystate_top_level(void);
extern void paystate_pending_drop(PsLevel *level);

/* false: the row must be written at once */
extern bool paystate_pending_add(Relation rel, TupleTableSlot *row);
extern void paystate_pending_flush(void);

/* whoever runs a statement, or makes code of others run, stops them first */
extern void paystate_pending_stop(void);

#endif							/* PAYSTATE_LEVEL_H */
