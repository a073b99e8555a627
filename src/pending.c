/*
 * pending.c
 *		Rows of a history that one statement gave rise to and that wait for
 *		its end (level.c), or until there are many: they are written together,
 *		and each index is opened and descended for all of them at once.
 *
 * The first row of a statement never waits: most statements have but one.
 * A statement that fails, or a subtransaction, takes what waits with it.
 *
 * No static state: what waits belongs to its level.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "level.h"

#define MAX_ROWS 1000
#define MAX_BYTES (256 * 1024)

struct PsPending
{
	MemoryContext cxt;			/* holds all of it, */
	MemoryContext work;			/* and for one batch what it takes to write */
	Relation	rel;			/* the history */
	TupleDesc	desc;			/* a copy: many pins are slow */
	int			n;
	Size		bytes;
	int			nslots;
	TupleTableSlot *slots[MAX_ROWS];
};

static void
write_rows(PsPending *p)
{
	MemoryContext old = MemoryContextSwitchTo(p->work);

	table_multi_insert(p->rel, p->slots, p->n, GetCurrentCommandId(true), 0, NULL);
	paystate_index_rows(p->rel, p->slots, p->n, false);
	for (int i = 0; i < p->n; i++)
		ExecClearTuple(p->slots[i]);
	p->n = 0;
	p->bytes = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(p->work);
}

static void
flush_history(PsLevel *level)
{
	PsPending  *p = level->pending;

	if (p == NULL)
		return;
	if (p->n > 0)
		write_rows(p);
	for (int i = 0; i < p->nslots; i++)
		ExecDropSingleTupleTableSlot(p->slots[i]);
	table_close(p->rel, NoLock);
	level->pending = NULL;
	MemoryContextDelete(p->cxt);
}

/* what waits in the innermost statement is written now, the orders first */
void
paystate_pending_flush(void)
{
	PsLevel    *level = paystate_top_level();

	Assert(level != NULL);
	paystate_waiting_flush();
	flush_history(level);
}

void
paystate_pending_stop_history(void)
{
	PsLevel    *level = paystate_top_level();

	if (level == NULL)
		return;
	flush_history(level);
	level->asked = true;
}

/* the same, and from now on none waits: who comes may want to read them */
void
paystate_pending_stop(void)
{
	PsLevel    *level = paystate_top_level();

	if (level == NULL)
		return;
	paystate_pending_flush();
	level->known = true;
	level->alone = false;
}

/* after an error: the table and its description are not ours to close then */
void
paystate_pending_drop(PsLevel *level)
{
	if (level->pending != NULL)
		MemoryContextDelete(level->pending->cxt);
	level->pending = NULL;
}

static PsPending *
begin_pending(Relation rel)
{
	MemoryContext cxt = AllocSetContextCreate(TopTransactionContext,
											  "paystate pending history",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	PsPending  *p = palloc(sizeof(PsPending));

	p->cxt = cxt;
	p->work = AllocSetContextCreate(cxt, "paystate pending batch",
									ALLOCSET_DEFAULT_SIZES);
	/* the caller has it open and locked */
	p->rel = table_open(RelationGetRelid(rel), NoLock);
	p->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	p->n = 0;
	p->bytes = 0;
	p->nslots = 0;
	MemoryContextSwitchTo(old);
	return p;
}

static void
add_row(PsPending *p, TupleTableSlot *row)
{
	MemoryContext old = MemoryContextSwitchTo(p->cxt);
	HeapTuple	tuple = ExecCopySlotHeapTuple(row);

	if (p->n == p->nslots)
		p->slots[p->nslots++] =
			MakeSingleTupleTableSlot(p->desc, &TTSOpsHeapTuple);
	ExecStoreHeapTuple(tuple, p->slots[p->n], true);
	p->n++;
	p->bytes += tuple->t_len;
	MemoryContextSwitchTo(old);
}

/* false: the row must be written at once */
bool
paystate_pending_add(Relation rel, TupleTableSlot *row)
{
	PsLevel    *level = paystate_waiting_level();

	if (level == NULL || level->asked || level->rows++ == 0)
		return false;
	if (level->pending != NULL && RelationGetRelid(level->pending->rel) != RelationGetRelid(rel))
		flush_history(level);
	if (level->pending == NULL)
		level->pending = begin_pending(rel);
	add_row(level->pending, row);
	if (level->pending->n == MAX_ROWS || level->pending->bytes >= MAX_BYTES)
		write_rows(level->pending);
	return true;
}
