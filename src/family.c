/*
 * family.c
 *		How a guarded table is related to others: the one foreign key to its
 *		parent, the guarded tables that reference it, and the owner that all
 *		of them must have.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "family.h"

Oid
paystate_topmost(Relation rel)
{
	Oid			root = RelationGetRelid(rel);

	if (rel->rd_rel->relispartition)
		root = llast_oid(get_partition_ancestors(root));
	paystate_watch(root);
	return root;
}

/* of a partition, the owner is that of its topmost ancestor */
Oid
paystate_owner(Relation rel)
{
	Oid			root = paystate_topmost(rel);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(root));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", root);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* ---- the foreign key to the parent */

/* is this a key on which rows can be found and that holds for every row? */
static bool
constraint_holds(PsLink *link, Oid constraint)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Form_pg_constraint con;
	bool		ok;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for constraint %u", constraint);
	con = (Form_pg_constraint) GETSTRUCT(tuple);
	ok = con->convalidated && !con->condeferrable && ps_is_enforced(con);
	link->index = con->conindid;
	link->name = pstrdup(NameStr(con->conname));
	ReleaseSysCache(tuple);
	return ok;
}

/*
 * A partitioned parent lists one key a partition besides the one that points
 * at its root: only the last counts.
 */
static bool
leads_to(const ForeignKeyCacheInfo *fk, PsKind parent_kind)
{
	Relation	parent;
	bool		guarded;

	if (get_rel_relispartition(fk->confrelid))
		return false;
	paystate_watch(fk->confrelid);
	if (fk->confrelid == fk->conrelid)
		return false;
	parent = table_open(fk->confrelid, AccessShareLock);
	guarded = paystate_carries_guard(parent, parent_kind);
	table_close(parent, AccessShareLock);
	return guarded;
}

/* puts entry i of the link where the parent's primary key has its column */
static void
swap_columns(PsLink *link, int i, int j)
{
	AttrNumber	fk = link->fk[i];
	AttrNumber	pk = link->pk[i];
	Oid			op = link->op[i];

	link->fk[i] = link->fk[j];
	link->pk[i] = link->pk[j];
	link->op[i] = link->op[j];
	link->fk[j] = fk;
	link->pk[j] = pk;
	link->op[j] = op;
}

/* text and varchar, and domains over a type, have the same image */
static Oid
image_type(Relation rel, AttrNumber att)
{
	Oid			type = getBaseType(TupleDescAttr(RelationGetDescr(rel),
												 att - 1)->atttypid);

	return type == VARCHAROID ? TEXTOID : type;
}

/*
 * From here on keys are compared and copied column by column, so the link
 * must have them in the order of the parent's primary key, and no other key.
 */
static void
order_link(PsLink *link, Relation rel)
{
	Relation	parent = table_open(link->parent, AccessShareLock);
	Relation	index;

	list_free(RelationGetIndexList(parent));
	if (link->index != parent->rd_pkindex)
		paystate_unbound(rel, NULL, "Foreign key \"%s\" does not reference the primary key.",
						 link->name);
	index = index_open(link->index, AccessShareLock);
	link->spelled = !_bt_allequalimage(index, false);
	for (int i = 0; i < link->nkeys; i++)
	{
		int			j = i;

		while (link->pk[j] != index->rd_index->indkey.values[i])
			j++;
		swap_columns(link, i, j);
		if (image_type(rel, link->fk[i]) != image_type(parent, link->pk[i]))
			paystate_unbound(rel, NULL, "Foreign key \"%s\" has columns of another type than the key it references.",
							 link->name);
	}
	index_close(index, AccessShareLock);
	table_close(parent, AccessShareLock);
}

static void
load_link(PsTable *table, Relation rel, PsKind parent_kind)
{
	PsLink	   *link = &table->link;
	List	   *keys = copyObject(RelationGetFKeyList(rel));
	ListCell   *lc;

	foreach(lc, keys)
	{
		ForeignKeyCacheInfo *fk = lfirst_node(ForeignKeyCacheInfo, lc);

		if (!leads_to(fk, parent_kind))
			continue;
		if (OidIsValid(link->parent))
			paystate_unbound(rel, "Keep one of them.",
							 "More than one foreign key leads to a guarded table.");
		if (!constraint_holds(link, fk->conoid))
			paystate_unbound(rel, NULL, "Foreign key \"%s\" is deferrable, not validated or not enforced.",
							 link->name);
		link->parent = fk->confrelid;
		link->nkeys = fk->nkeys;
		memcpy(link->fk, fk->conkey, sizeof(link->fk));
		memcpy(link->pk, fk->confkey, sizeof(link->pk));
		memcpy(link->op, fk->conpfeqop, sizeof(link->op));
	}
	if (!OidIsValid(link->parent))
		paystate_unbound(rel, NULL, "No foreign key leads to a guarded table.");
	order_link(link, rel);
}

/* anyone who may reference a table could else mint money with one of his */
static void
check_same_owner(const PsTable *table, Relation rel, Oid other)
{
	Relation	parent = table_open(other, AccessShareLock);
	Oid			owner = paystate_owner(parent);

	table_close(parent, AccessShareLock);
	if (owner != table->owner)
		paystate_unbound(rel, NULL, "Table \"%s\" has another owner.",
						 get_rel_name(other));
}

/*
 * ---- children: who references us and carries a guard of that kind.  One of
 * another owner is none of ours: whoever may reference us could else make us
 * ambiguous, and so stop all writes.  One that has lost its guard of rows
 * counts only where there is no other: a partition that was detached keeps
 * its foreign key and its guard against TRUNCATE.
 */

static Oid
find_child(const PsTable *table, Relation rel, PsKind kind)
{
	Oid			found[2] = {InvalidOid, InvalidOid};	/* by guard of rows */
	Oid			rival[2] = {InvalidOid, InvalidOid};
	bool		rows;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		Oid			child = rel->trigdesc->triggers[i].tgconstrrelid;
		Relation	crel;

		if (!OidIsValid(child) || child == found[0] || child == found[1] ||
			child == RelationGetRelid(rel) ||
			RI_FKey_trigger_type(rel->trigdesc->triggers[i].tgfoid) != RI_TRIGGER_PK ||
			get_rel_relispartition(child))
			continue;
		crel = table_open(child, AccessShareLock);
		paystate_watch(child);
		if (paystate_carries_guard(crel, kind) &&
			paystate_owner(crel) == table->owner)
		{
			rows = paystate_guards_rows(crel, kind);
			if (OidIsValid(found[rows]))
				rival[rows] = child;
			else
				found[rows] = child;
		}
		table_close(crel, AccessShareLock);
	}
	rows = OidIsValid(found[1]);
	if (OidIsValid(rival[rows]))
		paystate_unbound(rel, NULL, "Tables \"%s\" and \"%s\" both claim to be its %s.",
						 get_rel_name(found[rows]), get_rel_name(rival[rows]),
						 kind == PS_PAYMENTS ? "payments" :
						 kind == PS_REFUNDS ? "refunds" : "history");
	return found[rows];
}

/* ---- the history holds the statuses of all three, in their shop's words */

static void
load_words(PsTable *history, Relation rel, PsKind kind)
{
	const Trigger *guard = paystate_find_guard(rel, kind);

	if (guard != NULL)
		paystate_argument_labels(&history->labels[kind], guard);
}

/* opened for its guard's arguments; closed by the caller */
static Relation
open_child(PsTable *history, Relation rel, PsKind kind)
{
	Oid			child = rel == NULL ? InvalidOid : find_child(history, rel, kind);
	Relation	found;

	if (!OidIsValid(child))
		return NULL;
	found = table_open(child, AccessShareLock);
	load_words(history, found, kind);
	return found;
}

static void
load_all_words(PsTable *history)
{
	Relation	orders = table_open(history->link.parent, AccessShareLock);
	Relation	payments;
	Relation	refunds;

	load_words(history, orders, PS_ORDERS);
	payments = open_child(history, orders, PS_PAYMENTS);
	refunds = open_child(history, payments, PS_REFUNDS);
	if (refunds != NULL)
		table_close(refunds, AccessShareLock);
	if (payments != NULL)
		table_close(payments, AccessShareLock);
	table_close(orders, AccessShareLock);
}

void
paystate_load_family(PsTable *table, Relation rel)
{
	switch (table->kind)
	{
		case PS_ORDERS:
			table->payments = find_child(table, rel, PS_PAYMENTS);
			table->history = find_child(table, rel, PS_HISTORY);
			if (!OidIsValid(table->history) && !rel->rd_rel->relispartition)
				paystate_unbound(rel, NULL, "No guarded history table references it.");
			break;
		case PS_PAYMENTS:
			load_link(table, rel, PS_ORDERS);
			table->refunds = find_child(table, rel, PS_REFUNDS);
			break;
		case PS_REFUNDS:
			load_link(table, rel, PS_PAYMENTS);
			break;
		case PS_HISTORY:
			load_link(table, rel, PS_ORDERS);
			load_all_words(table);
			break;
	}
	if (OidIsValid(table->link.parent))
		check_same_owner(table, rel, table->link.parent);
}
