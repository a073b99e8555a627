/*
 * row.c
 *		Finds, locks, reads and writes one row of a guarded table, and appends
 *		one to the history: through the table AM where nothing hangs on the
 *		table that this would skip, else by the general path (general.c).
 *
 * A row decided by is always updated, never only locked: above READ COMMITTED
 * a lock alone lets a second transaction decide on totals that its snapshot
 * does not show.  It need not be locked first: the update tells whether what
 * was read is the last version, and a lock costs its own record in the WAL.
 *
 * No state.
 */
#include "postgres.h"

#include "access/relscan.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "level.h"
#include "paystate.h"

/* has it the key we look for?  1.0 and 1.00 are one, as is what a collation says */
static bool
has_link_key(PsRow *row)
{
	const PsLink *link = row->link;

	for (int i = 0; i < link->nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(row->rel),
											  link->pk[i] - 1);
		bool		isnull;
		Datum		value = slot_getattr(row->slot, link->pk[i], &isnull);

		if (!isnull && paystate_same_image(att, value, row->linkkey[i]))
			continue;
		if (isnull || !link->spelled ||
			!DatumGetBool(OidFunctionCall2Coll(get_opcode(link->op[i]),
											   att->attcollation, value,
											   row->linkkey[i])))
			return false;
	}
	return true;
}

/* a table rewritten or truncated meanwhile may have no such block any more */
static bool
find_seen(PsRow *row, Snapshot snapshot)
{
	ItemPointerData tid;

	return paystate_seen(row->rel, row->link->nkeys, row->link->pk,
						 row->linkkey, &tid) &&
		ItemPointerGetBlockNumber(&tid) < RelationGetNumberOfBlocks(row->rel) &&
		table_tuple_fetch_row_version(row->rel, &tid, snapshot, row->slot) &&
		has_link_key(row);
}

/* scan keys for "parent columns = key", in terms of the index's columns */
static void
build_scan_keys(ScanKey keys, Relation index, const PsLink *link,
				const Datum *key)
{
	for (int i = 0; i < link->nkeys; i++)
	{
		int			column = 0;
		Oid			subtype;
		Oid			lefttype;

		while (index->rd_index->indkey.values[column] != link->pk[i])
			column++;
		op_input_types(link->op[i], &lefttype, &subtype);
		if (subtype == index->rd_opcintype[column])
			subtype = InvalidOid;
		ScanKeyEntryInitialize(&keys[column], 0, column + 1,
							   BTEqualStrategyNumber, subtype,
							   index->rd_indcollation[column],
							   get_opcode(link->op[i]), key[i]);
	}
}

static bool
scan_index(PsRow *row, Snapshot snapshot)
{
	ScanKeyData keys[INDEX_MAX_KEYS];
	Relation	index = index_open(row->link->index, AccessShareLock);
	IndexScanDesc scan;
	bool		found;

	build_scan_keys(keys, index, row->link, row->linkkey);
	scan = ps_index_beginscan(row->rel, index, snapshot, row->link->nkeys);
	index_rescan(scan, keys, row->link->nkeys, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, row->slot);
	if (found)
		ExecMaterializeSlot(row->slot);
	index_endscan(scan);
	index_close(index, NoLock);
	return found;
}

/* the row of that key which the snapshot shows, into row->slot */
static bool
find_visible(PsRow *row, Snapshot snapshot)
{
	if (find_seen(row, snapshot))
		return true;
	if (!paystate_find_near(row, snapshot, has_link_key))
	{
		if (!scan_index(row, snapshot))
			return false;
		paystate_note_near(row);
	}
	if (row->table->kind == PS_ORDERS)
		paystate_see(row->rel, row->link->nkeys, row->link->pk, row->linkkey,
					 &row->slot->tts_tid);
	return true;
}

static TransactionId
xmin_of(TupleTableSlot *slot)
{
	bool		isnull;

	return DatumGetTransactionId(slot_getsysattr(slot,
												 MinTransactionIdAttributeNumber,
												 &isnull));
}

static void
serialization_failure(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent %s", what)));
}

/* false: others changed it, which above READ COMMITTED nobody may pass over */
static bool
still_last(TM_Result result)
{
	if (result == TM_Ok)
		return true;
	if (result != TM_Updated && result != TM_Deleted)
		elog(ERROR, "unexpected state of a row to write: %u", result);
	if (IsolationUsesXactSnapshot())
		serialization_failure(result == TM_Updated ? "update" : "delete");
	return false;
}

/*
 * Locks the version found: at READ COMMITTED the last one, after waiting;
 * above it the one of the snapshot or nothing.
 */
static bool
lock_version(PsRow *row, Snapshot snapshot)
{
	TM_FailureData failure;
	ItemPointerData tid = row->slot->tts_tid;

	return still_last(table_tuple_lock(row->rel, &tid, snapshot, row->slot,
									   GetCurrentCommandId(false),
									   LockTupleNoKeyExclusive, LockWaitBlock,
									   IsolationUsesXactSnapshot() ? 0 :
									   TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure));
}

/*
 * Locks a row that was only read.  False at READ COMMITTED when it is not the
 * last version any more; what was judged by it is to be judged anew.
 */
bool
paystate_row_hold(PsRow *row)
{
	TupleTableSlot *slot;
	TM_FailureData failure;
	ItemPointerData tid = row->tid;
	TM_Result	result;

	if (row->held)
		return true;
	slot = table_slot_create(row->rel, NULL);
	result = table_tuple_lock(row->rel, &tid, GetActiveSnapshot(), slot,
							  GetCurrentCommandId(false),
							  LockTupleNoKeyExclusive, LockWaitBlock, 0, &failure);
	ExecDropSingleTupleTableSlot(slot);
	row->held = still_last(result);
	return row->held;
}

/* above READ COMMITTED: did the row come after the snapshot? */
static void
check_not_newer(PsRow *row)
{
	Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());
	bool		found = scan_index(row, latest);

	UnregisterSnapshot(latest);
	if (found)
		serialization_failure("update");
}

/*
 * As this transaction may see it.  A version of its own is held by that
 * already; another one is locked here, or not yet.
 */
static bool
find_to_write(PsRow *row, bool lock)
{
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	bool		found = find_visible(row, snapshot);

	if (!found && IsolationUsesXactSnapshot())
		check_not_newer(row);
	row->held = found && TransactionIdIsCurrentTransactionId(xmin_of(row->slot));
	if (found && lock && !row->held)
		found = row->held = lock_version(row, snapshot);
	UnregisterSnapshot(snapshot);
	return found;
}

static void
read_columns(PsRow *row)
{
	const PsTable *table = row->table;
	int			n;

	row->tid = row->slot->tts_tid;
	row->tableoid = table->relid;
	row->xmin = xmin_of(row->slot);
	(void) paystate_columns(table->kind, &n);
	slot_getallattrs(row->slot);
	for (int i = 0; i < n; i++)
	{
		AttrNumber	att = table->att[i];

		row->nulls[i] = att == 0 || row->slot->tts_isnull[att - 1];
		row->values[i] = att == 0 ? (Datum) 0 : row->slot->tts_values[att - 1];
	}
	paystate_row_currency(row, NULL);
	memcpy(row->old, row->values, sizeof(row->old));
	memcpy(row->oldnulls, row->nulls, sizeof(row->oldnulls));
	for (int i = 0; i < table->nkeys; i++)
		row->key[i] = row->slot->tts_values[table->key[i] - 1];
	row->has_parent = table->link.nkeys > 0;
	for (int i = 0; i < table->link.nkeys; i++)
	{
		row->parent[i] = row->slot->tts_values[table->link.fk[i] - 1];
		row->has_parent &= !row->slot->tts_isnull[table->link.fk[i] - 1];
	}
}

bool
paystate_row_find(PsRow *row, Relation rel, PsTable *table,
				  const PsLink *link, const Datum *key, PsFind how)
{
	bool		found;

	row->rel = rel;
	row->table = table;
	row->link = link;
	row->slot = NULL;
	row->held = true;
	row->waits = false;
	row->events = 0;
	memcpy(row->linkkey, key, link->nkeys * sizeof(Datum));
	if (!table->scan_direct)
		return paystate_general_find(row, how == PS_FIND_READ ? PS_FIND_LOCK : how);
	found = paystate_waiting_find(row, has_link_key);
	if (!found)
		row->slot = table_slot_create(rel, NULL);
	if (found)
		row->held = true;
	else if (how == PS_FIND_PEEK)
		found = find_visible(row, SnapshotSelf);
	else
		found = find_to_write(row, how == PS_FIND_LOCK || !table->write_direct);
	if (found)
		read_columns(row);
	else
		paystate_row_release(row);
	return found;
}

void
paystate_row_release(PsRow *row)
{
	if (row->slot != NULL)
		ExecDropSingleTupleTableSlot(row->slot);
	row->slot = NULL;
}

/* a virtual slot with the columns we write, over "old" where there is one */
static TupleTableSlot *
form_new_version(const PsRow *row)
{
	const PsTable *table = row->table;
	TupleDesc	desc = RelationGetDescr(row->rel);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	int			n;
	const PsColumn *columns = paystate_columns(table->kind, &n);

	ExecClearTuple(slot);
	if (row->slot != NULL)
	{
		memcpy(slot->tts_values, row->slot->tts_values, desc->natts * sizeof(Datum));
		memcpy(slot->tts_isnull, row->slot->tts_isnull, desc->natts * sizeof(bool));
	}
	else
		memset(slot->tts_isnull, true, desc->natts * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		if (!columns[i].written || table->att[i] == 0)
			continue;
		slot->tts_values[table->att[i] - 1] = row->values[i];
		slot->tts_isnull[table->att[i] - 1] = row->nulls[i];
	}
	return ExecStoreVirtualTuple(slot);
}

/* it waited when it was found, and does no more: where is it now? */
static void
find_written(PsRow *row)
{
	PsRow		written = *row;

	CommandCounterIncrement();
	written.slot = table_slot_create(row->rel, NULL);
	if (!find_to_write(&written, false))
		elog(ERROR, "an order that was written is not there");
	row->slot->tts_tid = written.slot->tts_tid;
	paystate_row_release(&written);
}

/*
 * Writes a row that was found.  False when it was only read and is, at READ
 * COMMITTED, not the last version any more: nothing was written.
 */
bool
paystate_row_update(PsRow *row)
{
	TupleTableSlot *slot;
	TM_Result	result = TM_Ok;
	bool		wait;

	if (!row->table->write_direct || row->slot == NULL)
	{
		paystate_general_update(row);
		return true;
	}
	CheckCmdReplicaIdentity(row->rel, CMD_UPDATE);
	wait = row->waits || paystate_may_wait(row);
	if (wait && !paystate_row_hold(row))
		return false;
	slot = form_new_version(row);
	if (!wait || !paystate_wait(row, slot))
	{
		if (row->waits)
			find_written(row);
		result = paystate_write_version(row->rel, row->table, row->key,
										&row->slot->tts_tid, slot);
	}
	if (result != TM_Ok && row->held)
		elog(ERROR, "a row that was locked has changed");
	ExecDropSingleTupleTableSlot(slot);
	return still_last(result);
}

/* the unique index is asked: a duplicate seq means drift and must stop us */
void
paystate_row_insert(PsRow *row)
{
	TupleTableSlot *slot;

	if (!row->table->write_direct)
	{
		paystate_general_insert(row, NULL);
		return;
	}
	row->slot = NULL;
	slot = form_new_version(row);
	for (int i = 0; i < row->link->nkeys; i++)
	{
		slot->tts_values[row->link->fk[i] - 1] = row->linkkey[i];
		slot->tts_isnull[row->link->fk[i] - 1] = false;
	}
	if (!paystate_pending_add(row->rel, slot))
	{
		simple_table_tuple_insert(row->rel, slot);
		paystate_index_rows(row->rel, &slot, 1, false);
	}
	ExecDropSingleTupleTableSlot(slot);
}
