/*
 * level.h
 *		level.c knows when a statement's triggers have all been fired, and
 *		pending.c and waiting.c hold rows back until then.
 */
#ifndef PAYSTATE_LEVEL_H
#define PAYSTATE_LEVEL_H

#include "executor/execdesc.h"
#include "nodes/parsenodes.h"

#include "paystate.h"

/* rows of the history that wait to be written (pending.c), and orders (waiting.c) */
typedef struct PsPending PsPending;
typedef struct PsWaiting PsWaiting;

/* one statement whose AFTER triggers are being fired, on the C stack */
typedef struct PsLevel
{
	struct PsLevel *up;
	EState	   *estate;			/* NULL: it is a COPY, */
	const CopyStmt *copy;		/* this one, */
	Oid			copied;			/* of that table */
	SubTransactionId subxact;
	CommandId	cid;			/* of the statement itself, or before */
	bool		known;			/* is the next one right? */
	bool		alone;			/* nobody else's code runs meanwhile */
	bool		asked;			/* for its history, whose rows wait no more */
	int64		rows;			/* of the history, so far */
	PsPending  *pending;
	PsWaiting  *orders;
} PsLevel;

/* the statement at whose end rows may be written; NULL: write them now */
extern PsLevel *paystate_waiting_level(void);

extern PsLevel *paystate_top_level(void);
extern void paystate_pending_drop(PsLevel *level);

/* false: the row must be written at once */
extern bool paystate_pending_add(Relation rel, TupleTableSlot *row);
extern void paystate_pending_flush(void);

/* the same for orders, which the row's holder would else write now */
extern bool paystate_waiting_find(PsRow *row, bool (*fits) (PsRow *row));
extern bool paystate_may_wait(const PsRow *row);
extern bool paystate_wait(const PsRow *row, TupleTableSlot *version);
extern void paystate_waiting_flush(void);
extern void paystate_waiting_drop(PsLevel *level);
extern TM_Result paystate_write_version(Relation rel, const PsTable *table,
										const Datum *key,
										const ItemPointerData *stored,
										TupleTableSlot *slot);

/* whoever runs a statement, or makes code of others run, stops them first */
extern void paystate_pending_stop(void);

/* whoever reads the history stops its rows alone */
extern void paystate_pending_stop_history(void);

#endif							/* PAYSTATE_LEVEL_H */
