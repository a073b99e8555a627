/*
 * entries.c
 *		New index entries for rows just written through the table AM.
 *
 * No state.  Locks on indexes are kept as that on the table is: the next row,
 * and the foreign key's check, get them for less.  IndexInfo is built anew
 * each time: GIN and BRIN keep pointers in it that do not outlive the
 * statement.
 */
#include "postgres.h"

#include "access/brin_internal.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "paystate.h"

/* does it keep of all rows of a page the earliest and the latest time alone? */
static bool
keeps_bounds(Relation index)
{
	return index->rd_rel->relam == BRIN_AM_OID &&
		IndexRelationGetNumberOfKeyAttributes(index) == 1 &&
		index->rd_opcintype[0] == TIMESTAMPTZOID &&
		index_getprocid(index, 1, BRIN_PROCNUM_ADDVALUE) == F_BRIN_MINMAX_ADD_VALUE;
}

/* on one page, and no time before the other? */
static bool
is_later(Relation index, TupleTableSlot *slot, TupleTableSlot *than)
{
	AttrNumber	att = index->rd_index->indkey.values[0];
	bool		isnull[2];
	Datum		at[2];

	if (ItemPointerGetBlockNumber(&slot->tts_tid) != ItemPointerGetBlockNumber(&than->tts_tid))
		return false;
	at[0] = slot_getattr(than, att, &isnull[0]);
	at[1] = slot_getattr(slot, att, &isnull[1]);
	return !isnull[0] && !isnull[1] &&
		DatumGetTimestampTz(at[0]) <= DatumGetTimestampTz(at[1]);
}

/*
 * A unique index is asked: a duplicate seq means drift and must stop us.  Of
 * many rows of a page, one summarizing times needs to hear of two: of one it
 * has heard of, of rows that are no earlier, and of the last of these.
 */
static void
insert_into(Relation index, IndexInfo *info, Relation rel,
			TupleTableSlot **slots, int n)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	bool		bounds = n > 2 && keeps_bounds(index);
	int			heard = -1;

	for (int i = 0; i < n; i++)
	{
		if (bounds && heard >= 0 && i + 1 < n &&
			is_later(index, slots[i], slots[heard]) &&
			is_later(index, slots[i + 1], slots[i]))
			continue;
		heard = i;
		FormIndexDatum(info, slots[i], NULL, values, nulls);
		index_insert(index, values, nulls, &slots[i]->tts_tid, rel,
					 info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
					 false, info);
	}
	ps_index_insert_cleanup(index, info);
}

void
paystate_index_rows(Relation rel, TupleTableSlot **slots, int n,
					bool only_summarizing)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), RowExclusiveLock);
		IndexInfo  *info = BuildIndexInfo(index);

		if (info->ii_ReadyForInserts &&
			(!only_summarizing || ps_is_summarizing(info)))
			insert_into(index, info, rel, slots, n);
		index_close(index, NoLock);
	}
	list_free(indexes);
}
