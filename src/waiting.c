/*
 * waiting.c
 *		Orders whose new version waits to be written.  Of an order with many
 *		events in one statement only the last version is worth a row: the
 *		others would be dead at once, and whoever looks for the order, as the
 *		foreign key does for each payment, would walk them all.
 *
 * Waits only what this transaction holds, by a lock or by a version of its
 * own, under the conditions of level.c: so nobody else can write the order,
 * and who looks for it here finds what waits in place of what is stored.
 *
 * No static state: what waits belongs to its level.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "level.h"
#include "paystate.h"

#define MAX_ORDERS 32
#define MAX_BYTES (256 * 1024)

struct PsWaiting
{
	MemoryContext cxt;			/* holds all of it */
	Relation	rel;			/* the orders */
	PsTable    *table;
	TupleDesc	desc;			/* a copy: many pins are slow */
	Size		bytes;
	int			n;
	int			last;			/* the one found last */
	TupleTableSlot *slots[MAX_ORDERS];	/* tts_tid: of the stored version */
};

/* ---- writing */

/* through the table AM; slot->tts_tid is then where the new version stands */
TM_Result
paystate_write_version(Relation rel, const PsTable *table, const Datum *key,
					   const ItemPointerData *stored, TupleTableSlot *slot)
{
	ItemPointerData tid = *stored;
	PsUpdateIndexes update_indexes;
	TM_FailureData failure;
	LockTupleMode mode;
	TM_Result	result;

	result = ps_table_tuple_update(rel, &tid, slot, GetCurrentCommandId(true),
								   GetActiveSnapshot(), &failure, &mode,
								   &update_indexes);
	if (result != TM_Ok)
		return result;
	if (!ps_needs_no_index(update_indexes))
		paystate_index_rows(rel, &slot, 1, ps_only_summarizing(update_indexes));
	if (table->kind == PS_ORDERS)
		paystate_see(rel, table->nkeys, table->key, key, &slot->tts_tid);
	return TM_Ok;
}

static void
write_image(PsWaiting *w, TupleTableSlot *slot)
{
	Datum		key[INDEX_MAX_KEYS] = {0};
	ItemPointerData stored = slot->tts_tid;
	bool		isnull;

	for (int i = 0; i < w->table->nkeys; i++)
		key[i] = slot_getattr(slot, w->table->key[i], &isnull);
	if (paystate_write_version(w->rel, w->table, key, &stored, slot) != TM_Ok)
		elog(ERROR, "an order that was held has changed");
}

/* those of the innermost statement are written now */
void
paystate_waiting_flush(void)
{
	PsLevel    *level = paystate_top_level();
	PsWaiting  *w = level == NULL ? NULL : level->orders;
	MemoryContext old;

	if (w == NULL)
		return;
	level->orders = NULL;
	old = MemoryContextSwitchTo(w->cxt);
	for (int i = 0; i < w->n; i++)
	{
		write_image(w, w->slots[i]);
		ExecDropSingleTupleTableSlot(w->slots[i]);
	}
	table_close(w->rel, NoLock);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(w->cxt);
}

/* after an error: the table is not ours to close then */
void
paystate_waiting_drop(PsLevel *level)
{
	if (level->orders != NULL)
		MemoryContextDelete(level->orders->cxt);
	level->orders = NULL;
}

/* ---- waiting */

static PsWaiting *
begin_waiting(const PsRow *row)
{
	MemoryContext cxt = AllocSetContextCreate(TopTransactionContext,
											  "paystate waiting orders",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	PsWaiting  *w = palloc0(sizeof(PsWaiting));

	w->cxt = cxt;
	/* the caller has it open and locked */
	w->rel = table_open(RelationGetRelid(row->rel), NoLock);
	w->table = row->table;
	w->desc = CreateTupleDescCopy(RelationGetDescr(row->rel));
	MemoryContextSwitchTo(old);
	return w;
}

/* the i-th is this now; who finds it takes it for a version of ours */
static void
set_image(PsWaiting *w, int i, TupleTableSlot *version,
		  const ItemPointerData *stored)
{
	MemoryContext old = MemoryContextSwitchTo(w->cxt);
	HeapTuple	tuple = ExecCopySlotHeapTuple(version);

	w->bytes += tuple->t_len;
	tuple->t_self = *stored;
	HeapTupleHeaderSetXmin(tuple->t_data, GetCurrentTransactionId());
	if (i == w->n)
		w->slots[w->n++] = MakeSingleTupleTableSlot(w->desc, &TTSOpsHeapTuple);
	else
		w->bytes -= ((HeapTupleTableSlot *) w->slots[i])->tuple->t_len;
	ExecStoreHeapTuple(tuple, w->slots[i], true);
	w->last = i;
	MemoryContextSwitchTo(old);
}

/*
 * Orders of that table which wait.  While one does, no code runs that could
 * begin a subtransaction: it would take along what it wrote, were it undone.
 */
static PsWaiting *
waiting_of(Relation rel)
{
	PsLevel    *level = paystate_top_level();

	if (level == NULL || level->orders == NULL)
		return NULL;
	if (level->subxact != GetCurrentSubTransactionId())
		elog(ERROR, "orders wait that are not of this subtransaction");
	if (RelationGetRelid(level->orders->rel) != RelationGetRelid(rel))
		return NULL;
	return level->orders;
}

/* into row->slot, a copy, if what is looked for waits */
bool
paystate_waiting_find(PsRow *row, bool (*fits) (PsRow *row))
{
	PsWaiting  *w = waiting_of(row->rel);

	for (int i = 0; w != NULL && i < w->n; i++)
	{
		int			k = (w->last + i) % w->n;

		row->slot = w->slots[k];
		if (!fits(row))
			continue;
		row->slot = MakeSingleTupleTableSlot(RelationGetDescr(row->rel),
											 &TTSOpsHeapTuple);
		ExecStoreHeapTuple(ExecCopySlotHeapTuple(w->slots[k]), row->slot, true);
		w->last = k;
		row->waits = true;
		return true;
	}
	row->slot = NULL;
	return false;
}

/* what was found so, and nothing since: false when it has been written */
static bool
replace_image(const PsRow *row, TupleTableSlot *version)
{
	PsWaiting  *w = waiting_of(row->rel);

	if (w == NULL)
		return false;
	if (!ItemPointerEquals(&w->slots[w->last]->tts_tid, &row->slot->tts_tid))
		elog(ERROR, "an order waits that is not the one last found");
	set_image(w, w->last, version, &row->slot->tts_tid);
	return true;
}

/* has a guard written this version since the statement began to fire them? */
static bool
is_of_statement(const PsRow *row, const PsLevel *level)
{
	HeapTupleHeader header;

	if (!TTS_IS_BUFFERTUPLE(row->slot) ||
		!TransactionIdIsCurrentTransactionId(row->xmin))
		return false;
	header = ((BufferHeapTupleTableSlot *) row->slot)->base.tuple->t_data;
	return HeapTupleHeaderGetRawCommandId(header) > level->cid &&
		!(header->t_infomask & HEAP_COMBOCID);
}

/*
 * Is it worth to wait?  Where the statement has more events of the order, or
 * has had one; else writing it at once is less work.
 */
bool
paystate_may_wait(const PsRow *row)
{
	PsLevel    *level;

	if (row->table->kind != PS_ORDERS || row->slot == NULL ||
		row->events == 0)
		return false;
	level = paystate_waiting_level();
	return level != NULL && (row->events > 1 || is_of_statement(row, level));
}

/* false: it must be written; the caller holds the order */
bool
paystate_wait(const PsRow *row, TupleTableSlot *version)
{
	PsLevel    *level;

	if (row->waits)
		return replace_image(row, version);
	level = paystate_waiting_level();
	Assert(level != NULL && row->held);
	if (level->orders != NULL &&
		(level->orders->n == MAX_ORDERS || level->orders->bytes >= MAX_BYTES ||
		 RelationGetRelid(level->orders->rel) != RelationGetRelid(row->rel)))
		paystate_waiting_flush();
	if (level->orders == NULL)
		level->orders = begin_waiting(row);
	set_image(level->orders, level->orders->n, version, &row->slot->tts_tid);
	return true;
}
