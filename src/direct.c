/*
 * direct.c
 *		May a table be written through the table AM, without the executor?
 *		Only where nothing hangs on the table that such a write would skip;
 *		whatever is not understood here sends the table to the general path.
 *
 * No state: the answer is kept in the PsTable, for one generation.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "paystate.h"

bool
paystate_scan_direct(Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_RELATION;
}

/* an index whose entries need more than the stored columns, or no wait */
static bool
has_special_index(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;
	bool		special = false;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		HeapTuple	tuple = index->rd_indextuple;

		special |= !heap_attisnull(tuple, Anum_pg_index_indpred, NULL) ||
			!heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) ||
			index->rd_index->indisexclusion || !index->rd_index->indimmediate;
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return special;
}

static bool
is_written(const PsTable *table, AttrNumber att)
{
	int			n;
	const PsColumn *columns = paystate_columns(table->kind, &n);

	for (int i = 0; i < n; i++)
	{
		if (table->att[i] == att && columns[i].written)
			return true;
	}
	return false;
}

/* a CHECK that reads a column we write, or the whole row */
static bool
has_check_on_written(Relation rel, const PsTable *table)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	for (int i = 0; constr && i < constr->num_check; i++)
	{
		Bitmapset  *atts = NULL;
		int			x = -1;

		if (table->kind == PS_HISTORY)
			return true;
		pull_varattnos(stringToNode(constr->check[i].ccbin), 1, &atts);
		while ((x = bms_next_member(atts, x)) >= 0)
		{
			AttrNumber	att = x + FirstLowInvalidHeapAttributeNumber;

			if (att <= 0 || is_written(table, att))
				return true;
		}
	}
	return false;
}

/* a column we write whose type the executor would check or coerce */
static bool
has_coerced_column(Relation rel, const PsTable *table)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (is_written(table, att->attnum) &&
			(att->atttypmod != -1 || get_typtype(att->atttypid) == TYPTYPE_DOMAIN))
			return true;
	}
	return false;
}

/* columns of a history row that are never null */
static bool
is_always_given(const PsTable *table, AttrNumber att)
{
	static const int given[] = {
		PS_H_SEQ, PS_H_AT, PS_H_ORDER_TO, PS_H_AMOUNT, PS_H_PAID, PS_H_ATTEMPTS,
		PS_H_ACTOR, PS_H_FORCED
	};

	for (int i = 0; i < lengthof(given); i++)
	{
		if (table->att[given[i]] == att)
			return true;
	}
	return false;
}

/*
 * An INSERT of ours gives only the columns we know, some of them null: others
 * may want more, and a NOT NULL must be heard.
 */
static bool
insert_needs_more(Relation rel, const PsTable *table)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		bool		ours = is_always_given(table, i + 1);

		for (int k = 0; k < table->link.nkeys; k++)
			ours |= table->link.fk[k] == i + 1;
		if (!att->attisdropped && !ours && (att->attnotnull || att->atthasdef))
			return true;
	}
	return false;
}

/* a foreign key of the user over a column we write, which must be checked */
static bool
has_foreign_key_on_written(Relation rel, const PsTable *table)
{
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *fk = lfirst_node(ForeignKeyCacheInfo, lc);

		for (int i = 0; i < fk->nkeys; i++)
		{
			if (is_written(table, fk->conkey[i]))
				return true;
		}
	}
	return false;
}

bool
paystate_write_direct(Relation rel, const PsTable *table)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	if (rel->rd_rel->relkind != RELKIND_RELATION ||
		rel->rd_rel->relispartition || rel->rd_rel->relhassubclass ||
		rel->rd_rules != NULL)
		return false;
	if (constr && ps_has_generated(constr))
		return false;
	if (paystate_has_other_trigger(rel) || has_special_index(rel) ||
		has_check_on_written(rel, table) || has_coerced_column(rel, table) ||
		has_foreign_key_on_written(rel, table))
		return false;
	return table->kind != PS_HISTORY || !insert_needs_more(rel, table);
}
