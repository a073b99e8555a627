/*
 * general.c
 *		The general path to a row: saved SPI plans, one of each kind a table,
 *		run as the table's owner.  Taken where the table is partitioned or has
 *		triggers, rules, checks or indexes that a direct write would skip.
 *
 * What tells the guards that a write is paystate's own: while the statement
 * runs, a frame on the C stack holds the exact values that the decision gave.
 * A guard lets through only a row that has all of them; anything else, and
 * anything written when no frame stands, is judged as a user's write.  So a
 * trigger of the user that runs under our statement can at most write what we
 * are writing, and an error unwinds the frame with the C stack.
 *
 * Static state: the top of that stack of frames; restored by PG_FINALLY.
 * The plans live in the PsTable.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_operator.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "paystate.h"

#define MAX_PARAMS (PS_MAX_COLUMNS + INDEX_MAX_KEYS)

typedef struct Frame
{
	struct Frame *up;
	PsRow	   *row;			/* what is being written */
	bool		insert;
	bool		used;			/* an insert is let through once */
} Frame;

static Frame *top = NULL;

typedef struct Params
{
	int			n;
	Oid			types[MAX_PARAMS];
	Datum		values[MAX_PARAMS];
	char		nulls[MAX_PARAMS + 1];
} Params;

typedef struct Identity
{
	Oid			user;
	int			context;
} Identity;

/* as referential integrity does: row-level security hides nothing from us */
static void
become_owner(const PsTable *table, Identity *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->context);
	SetUserIdAndSecContext(table->owner, saved->context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
}

/* ---- SQL text; made once a plan, every name and operator qualified */

static const char *
column_name(Relation rel, AttrNumber att)
{
	return quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(rel),
												  att - 1)->attname));
}

static const char *
table_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

/* "column = $n", or "$n = column" where the operator has our side right */
static void
append_equals(StringInfo sql, Relation rel, AttrNumber att, Oid op, int param,
			  bool param_first)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(op));
	Form_pg_operator form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", op);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	if (param_first)
		appendStringInfo(sql, "$%d", param);
	else
		appendStringInfoString(sql, column_name(rel, att));
	appendStringInfo(sql, " OPERATOR(%s.%s) ",
					 quote_identifier(get_namespace_name(form->oprnamespace)),
					 NameStr(form->oprname));
	if (param_first)
		appendStringInfoString(sql, column_name(rel, att));
	else
		appendStringInfo(sql, "$%d", param);
	ReleaseSysCache(tuple);
}

/* WHERE atts = $first, $first + 1 ... */
static void
append_where(StringInfo sql, Relation rel, int n, const AttrNumber *atts,
			 const Oid *ops, int first, bool param_first)
{
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(sql, i == 0 ? " WHERE " : " AND ");
		append_equals(sql, rel, atts[i], ops[i], first + i, param_first);
	}
}

/* SELECT of all columns we know, then the primary and the foreign key */
static void
append_select(StringInfo sql, Relation rel, const PsTable *table)
{
	int			n;

	(void) paystate_columns(table->kind, &n);
	appendStringInfoString(sql, "SELECT ");
	for (int i = 0; i < n; i++)
		appendStringInfo(sql, "%s, ", column_name(rel, table->att[i]));
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 column_name(rel, table->key[i]));
	for (int i = 0; i < table->link.nkeys; i++)
		appendStringInfo(sql, ", %s", column_name(rel, table->link.fk[i]));
	appendStringInfo(sql, " FROM %s", table_name(rel));
}

static void
append_key_order(StringInfo sql, Relation rel, const PsTable *table)
{
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(sql, "%s%s", i == 0 ? " ORDER BY " : ", ",
						 column_name(rel, table->key[i]));
}

/* ---- parameters */

static void
add_param(Params *p, Oid type, Datum value, bool isnull)
{
	p->types[p->n] = type;
	p->values[p->n] = value;
	p->nulls[p->n] = isnull ? 'n' : ' ';
	p->n++;
}

static void
add_key_params(Params *p, int n, const Oid *types, const Datum *key)
{
	for (int i = 0; i < n; i++)
		add_param(p, types[i], key[i], false);
}

/* the types that the referencing side of a link's operators takes */
static void
add_link_params(Params *p, const PsLink *link, const Datum *key)
{
	for (int i = 0; i < link->nkeys; i++)
	{
		Oid			left;
		Oid			right;

		op_input_types(link->op[i], &left, &right);
		add_param(p, right, key[i], false);
	}
}

static void
add_written_params(Params *p, const PsRow *row)
{
	int			n;
	const PsColumn *columns = paystate_columns(row->table->kind, &n);

	for (int i = 0; i < n; i++)
	{
		if (columns[i].written)
			add_param(p, row->table->type[i], row->values[i], row->nulls[i]);
	}
}

/* ---- running */

static SPIPlanPtr
keep_plan(PsTable *table, PsPlan which, const char *sql, Params *p)
{
	SPIPlanPtr	plan = SPI_prepare(sql, p->n, p->types);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed for %s: %s", sql,
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	table->plans[which] = plan;
	return plan;
}

static void
execute(SPIPlanPtr plan, Params *p)
{
	int			result = SPI_execute_plan(plan, p->values, p->nulls, false, 0);

	if (result < 0)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
}

/*
 * A write of ours must change exactly one row: a trigger that returns NULL or
 * a rule would else make it vanish without a word.
 */
static void
execute_write(PsRow *row, SPIPlanPtr plan, Params *p, bool insert)
{
	Frame		frame = {.up = top,.row = row,.insert = insert};

	top = &frame;
	PG_TRY();
	{
		execute(plan, p);
	}
	PG_FINALLY();
	{
		top = frame.up;
	}
	PG_END_TRY();
	if (SPI_processed != 1)
		paystate_unbound(row->rel, "Look for triggers that return null and for rules.",
						 "Something suppressed what paystate wrote to it.");
}

static Datum
result_datum(HeapTuple tuple, int column, bool *isnull)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	Form_pg_attribute att = TupleDescAttr(desc, column);
	Datum		value = heap_getattr(tuple, column + 1, desc, isnull);

	return *isnull ? (Datum) 0 : datumCopy(value, att->attbyval, att->attlen);
}

/* one result row into "row", in the memory of the caller */
static void
read_result(PsRow *row, HeapTuple tuple, MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	const PsTable *table = row->table;
	bool		isnull;
	int			n;

	(void) paystate_columns(table->kind, &n);
	for (int i = 0; i < n; i++)
		row->values[i] = result_datum(tuple, i, &row->nulls[i]);
	for (int i = 0; i < table->nkeys; i++)
		row->key[i] = result_datum(tuple, n + i, &isnull);
	row->has_parent = table->link.nkeys > 0;
	for (int i = 0; i < table->link.nkeys; i++)
	{
		row->parent[i] = result_datum(tuple, n + table->nkeys + i, &isnull);
		row->has_parent &= !isnull;
	}
	memcpy(row->old, row->values, sizeof(row->old));
	memcpy(row->oldnulls, row->nulls, sizeof(row->oldnulls));
	MemoryContextSwitchTo(old);
}

/* ---- find */

static SPIPlanPtr
find_plan(PsRow *row, PsFind how, Params *p)
{
	PsPlan		which = how == PS_FIND_LOCK ? PS_PLAN_LOCK : PS_PLAN_PEEK;
	StringInfoData sql;

	if (row->table->plans[which] != NULL)
		return row->table->plans[which];
	initStringInfo(&sql);
	append_select(&sql, row->rel, row->table);
	append_where(&sql, row->rel, row->link->nkeys, row->link->pk,
				 row->link->op, 1, false);
	if (how == PS_FIND_LOCK)
		appendStringInfoString(&sql, " FOR NO KEY UPDATE");
	return keep_plan(row->table, which, sql.data, p);
}

/* above READ COMMITTED: did the row come after the snapshot? */
static void
check_not_newer(PsRow *row, Params *p)
{
	Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());

	SPI_execute_snapshot(find_plan(row, PS_FIND_PEEK, p), p->values, p->nulls,
						 latest, InvalidSnapshot, true, false, 1);
	UnregisterSnapshot(latest);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
}

bool
paystate_general_find(PsRow *row, PsFind how)
{
	MemoryContext cxt = CurrentMemoryContext;
	Params		p = {0};
	Identity	saved;
	bool		found;

	add_link_params(&p, row->link, row->linkkey);
	become_owner(row->table, &saved);
	SPI_connect();
	execute(find_plan(row, how, &p), &p);
	found = SPI_processed > 0;
	if (found)
		read_result(row, SPI_tuptable->vals[0], cxt);
	else if (how == PS_FIND_LOCK && IsolationUsesXactSnapshot())
		check_not_newer(row, &p);
	SPI_finish();
	SetUserIdAndSecContext(saved.user, saved.context);
	return found;
}

/*
 * All payments of an order, locked, in key order: the lock order of an order
 * event.  Only cascades need them, so no time is spent on a direct path.
 */
int
paystate_general_list(PsRow *order, PsTable *payments, Relation rel,
					  PsRow **rows)
{
	MemoryContext cxt = CurrentMemoryContext;
	const PsLink *link = &payments->link;
	Params		p = {0};
	Identity	saved;
	int			n;

	add_key_params(&p, link->nkeys, order->table->keytype, order->key);
	become_owner(payments, &saved);
	SPI_connect();
	if (payments->plans[PS_PLAN_LIST] == NULL)
	{
		StringInfoData sql;

		initStringInfo(&sql);
		append_select(&sql, rel, payments);
		append_where(&sql, rel, link->nkeys, link->fk, link->op, 1, true);
		append_key_order(&sql, rel, payments);
		appendStringInfoString(&sql, " FOR NO KEY UPDATE");
		keep_plan(payments, PS_PLAN_LIST, sql.data, &p);
	}
	execute(payments->plans[PS_PLAN_LIST], &p);
	n = (int) SPI_processed;
	*rows = MemoryContextAllocZero(cxt, Max(n, 1) * sizeof(PsRow));
	for (int i = 0; i < n; i++)
	{
		(*rows)[i].table = payments;
		(*rows)[i].rel = rel;
		read_result(&(*rows)[i], SPI_tuptable->vals[i], cxt);
	}
	SPI_finish();
	SetUserIdAndSecContext(saved.user, saved.context);
	return n;
}

static SPIPlanPtr
judged_plan(PsTable *history, Relation rel, Params *p)
{
	StringInfoData sql;
	const AttrNumber *att = history->att;

	if (history->plans[PS_PLAN_LIST] != NULL)
		return history->plans[PS_PLAN_LIST];
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s, ", column_name(rel, att[PS_H_PAYMENT_TO]));
	appendStringInfo(&sql, "%s FROM ", column_name(rel, att[PS_H_AT]));
	appendStringInfoString(&sql, table_name(rel));
	append_where(&sql, rel, history->link.nkeys, history->link.fk,
				 history->link.op, 1, true);
	appendStringInfoString(&sql, " AND ");
	append_equals(&sql, rel, att[PS_H_PAYMENT_ID],
				  lookup_type_cache(history->type[PS_H_PAYMENT_ID], TYPECACHE_EQ_OPR)->eq_opr,
				  p->n, false);
	appendStringInfo(&sql, " ORDER BY %s DESC LIMIT 1",
					 column_name(rel, att[PS_H_SEQ]));
	return keep_plan(history, PS_PLAN_LIST, sql.data, p);
}

int
paystate_general_judged(PsTable *history, Relation rel, const PsRow *order,
						Datum payment_id, TimestampTz *since)
{
	Params		p = {0};
	Identity	saved;
	int			label = -1;

	add_key_params(&p, history->link.nkeys, order->table->keytype, order->key);
	add_param(&p, history->type[PS_H_PAYMENT_ID], payment_id, false);
	become_owner(history, &saved);
	SPI_connect();
	execute(judged_plan(history, rel, &p), &p);
	if (SPI_processed > 0)
	{
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		to = heap_getattr(SPI_tuptable->vals[0], 1, desc, &isnull);

		label = isnull ? -1 :
			paystate_label_from_datum(history->type[PS_H_PAYMENT_TO], to);
		*since = DatumGetTimestampTz(heap_getattr(SPI_tuptable->vals[0], 2,
												  desc, &isnull));
	}
	SPI_finish();
	SetUserIdAndSecContext(saved.user, saved.context);
	return label;
}

/* ---- write */

static SPIPlanPtr
update_plan(PsRow *row, Params *p)
{
	PsTable    *table = row->table;
	StringInfoData sql;
	int			n;
	const PsColumn *columns = paystate_columns(table->kind, &n);
	int			param = 0;

	if (table->plans[PS_PLAN_UPDATE] != NULL)
		return table->plans[PS_PLAN_UPDATE];
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s SET ", table_name(row->rel));
	for (int i = 0; i < n; i++)
	{
		if (columns[i].written)
		{
			param++;
			appendStringInfo(&sql, "%s%s = $%d", param > 1 ? ", " : "",
							 column_name(row->rel, table->att[i]), param);
		}
	}
	append_where(&sql, row->rel, table->nkeys, table->key, table->keyop,
				 param + 1, false);
	return keep_plan(table, PS_PLAN_UPDATE, sql.data, p);
}

void
paystate_general_update(PsRow *row)
{
	Params		p = {0};
	Identity	saved;

	add_written_params(&p, row);
	add_key_params(&p, row->table->nkeys, row->table->keytype, row->key);
	become_owner(row->table, &saved);
	SPI_connect();
	execute_write(row, update_plan(row, &p), &p, false);
	SPI_finish();
	SetUserIdAndSecContext(saved.user, saved.context);
}

static SPIPlanPtr
insert_plan(PsRow *row, Params *p)
{
	PsTable    *table = row->table;
	StringInfoData sql;
	int			n;
	const PsColumn *columns = paystate_columns(table->kind, &n);

	if (table->plans[PS_PLAN_INSERT] != NULL)
		return table->plans[PS_PLAN_INSERT];
	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", table_name(row->rel));
	for (int i = 0; i < n; i++)
	{
		if (columns[i].written)
			appendStringInfo(&sql, "%s, ", column_name(row->rel, table->att[i]));
	}
	for (int i = 0; i < row->link->nkeys; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 column_name(row->rel, row->link->fk[i]));
	appendStringInfoString(&sql, ") VALUES (");
	for (int i = 1; i <= p->n; i++)
		appendStringInfo(&sql, "%s$%d", i > 1 ? ", " : "", i);
	appendStringInfo(&sql, ") RETURNING %s",
					 column_name(row->rel, table->key[table->nkeys - 1]));
	return keep_plan(table, PS_PLAN_INSERT, sql.data, p);
}

void
paystate_general_insert(PsRow *row, Datum *id)
{
	MemoryContext cxt = CurrentMemoryContext;
	TupleDesc	desc = RelationGetDescr(row->rel);
	Params		p = {0};
	Identity	saved;

	add_written_params(&p, row);
	for (int i = 0; i < row->link->nkeys; i++)
		add_param(&p, TupleDescAttr(desc, row->link->fk[i] - 1)->atttypid,
				  row->linkkey[i], false);
	become_owner(row->table, &saved);
	SPI_connect();
	execute_write(row, insert_plan(row, &p), &p, true);
	if (id != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(cxt);
		bool		isnull;

		*id = result_datum(SPI_tuptable->vals[0], 0, &isnull);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	SetUserIdAndSecContext(saved.user, saved.context);
}

/* ---- is it ours? */

static bool
same_datum(TupleTableSlot *slot, AttrNumber attno, Datum value, bool isnull)
{
	Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, attno - 1);
	bool		slotnull;
	Datum		stored = slot_getattr(slot, attno, &slotnull);

	if (slotnull || isnull)
		return slotnull && isnull;
	return datum_image_eq(stored, value, att->attbyval, att->attlen);
}

static bool
same_written(const PsTable *self, TupleTableSlot *slot, const Datum *values,
			 const bool *nulls)
{
	int			n;
	const PsColumn *columns = paystate_columns(self->kind, &n);

	for (int i = 0; i < n; i++)
	{
		if (columns[i].written &&
			!same_datum(slot, self->att[i], values[i], nulls[i]))
			return false;
	}
	return true;
}

static bool
same_key(TupleTableSlot *slot, int n, const AttrNumber *atts, const Datum *key)
{
	for (int i = 0; i < n; i++)
	{
		if (!same_datum(slot, atts[i], key[i], false))
			return false;
	}
	return true;
}

/*
 * An update of ours goes from exactly what was read to exactly what was
 * decided: if a trigger of the user moved the row in between, this is no
 * longer our write, and is refused like anyone's.
 */
bool
paystate_is_own_write(PsTable *self, const TriggerData *td)
{
	bool		insert = TRIGGER_FIRED_BY_INSERT(td->tg_event);
	TupleTableSlot *slot = insert ? td->tg_trigslot : td->tg_newslot;
	PsRow	   *row;

	if (top == NULL || top->insert != insert || top->used ||
		top->row->table->root != self->root)
		return false;
	row = top->row;
	if (!same_written(self, slot, row->values, row->nulls))
		return false;
	if (!insert)
		return same_written(self, td->tg_trigslot, row->old, row->oldnulls) &&
			same_key(slot, self->nkeys, self->key, row->key);
	if (!same_key(slot, row->link->nkeys, self->link.fk, row->linkkey))
		return false;
	if (TRIGGER_FIRED_AFTER(td->tg_event))
		top->used = true;
	return true;
}
