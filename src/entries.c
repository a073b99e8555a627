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

#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/rel.h"

#include "paystate.h"

/* a unique index is asked: a duplicate seq means drift and must stop us */
static void
insert_into(Relation index, IndexInfo *info, Relation rel,
			TupleTableSlot **slots, int n)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	for (int i = 0; i < n; i++)
	{
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
