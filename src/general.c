/*
 * general.c
 *		The general path to a row: saved SPI plans, one of each kind a table,
 *		run as the table's owner.  Taken where the table is partitioned or has
 *		triggers, rules, checks or indexes that a direct write would skip.
 *
 * No state; the plans live in the PsTable.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "general.h"
#include "level.h"
#include "paystate.h"

#define MAX_PARAMS (PS_MAX_COLUMNS + INDEX_MAX_KEYS)

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
take_identity(const PsTable *table, Identity *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->context);
	SetUserIdAndSecContext(table->owner, saved->context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
}

/* whoever sees or hears of the statement sees all that was done up to here */
static void
become_owner(const PsTable *table, Identity *saved)
{
	paystate_pending_stop();
	take_identity(table, saved);
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

/*
 * Declared as base types, so that a domain's checks are run on the way in.  A
 * timestamp is given as its column will store it: what comes back is compared.
 */
static void
add_written_params(Params *p, PsRow *row)
{
	int			n;
	const PsColumn *columns = paystate_columns(row->table->kind, &n);

	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute att;

		if (!columns[i].written || row->table->att[i] == 0)
			continue;
		att = TupleDescAttr(RelationGetDescr(row->rel), row->table->att[i] - 1);
		if (att->atttypid == TIMESTAMPTZOID && att->atttypmod >= 0 && !row->nulls[i])
			row->values[i] = DirectFunctionCall2(timestamptz_scale, row->values[i],
												 Int32GetDatum(att->atttypmod));
		add_param(p, row->table->base[i], row->values[i], row->nulls[i]);
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
	PsFrame		frame;

	paystate_push_frame(&frame, row, insert);
	PG_TRY();
	{
		execute(plan, p);
	}
	PG_FINALLY();
	{
		paystate_pop_frame(&frame);
	}
	PG_END_TRY();
	if (SPI_processed != 1 || !frame.used)
		paystate_unbound(row->rel, "Look for triggers that return null or put old values back, and for rules.",
						 "Something suppressed or changed what paystate wrote to it.");
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
void
paystate_read_result(PsRow *row, HeapTuple tuple, MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	const PsTable *table = row->table;
	ItemPointer tid;
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
	n += table->nkeys + table->link.nkeys;
	tid = (ItemPointer) DatumGetPointer(result_datum(tuple, n, &isnull));
	Assert(tid != NULL);
	row->tid = *tid;
	row->tableoid = DatumGetObjectId(result_datum(tuple, n + 1, &isnull));
	row->xmin = DatumGetTransactionId(result_datum(tuple, n + 2, &isnull));
	memcpy(row->old, row->values, sizeof(row->old));
	memcpy(row->oldnulls, row->nulls, sizeof(row->oldnulls));
	paystate_row_currency(row, NULL);
	MemoryContextSwitchTo(old);
}

/* ---- find */

static SPIPlanPtr
find_plan(PsRow *row, PsFind how, Params *p)
{
	PsPlan		which = how == PS_FIND_LOCK ? PS_PLAN_LOCK : PS_PLAN_PEEK;

	if (row->table->plans[which] != NULL)
		return row->table->plans[which];
	return keep_plan(row->table, which,
					 paystate_sql_find(row->rel, row->table, row->link,
									   how == PS_FIND_LOCK), p);
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
		paystate_read_result(row, SPI_tuptable->vals[0], cxt);
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
		keep_plan(payments, PS_PLAN_LIST, paystate_sql_list(rel, payments, true), &p);
	execute(payments->plans[PS_PLAN_LIST], &p);
	n = (int) SPI_processed;
	*rows = MemoryContextAllocZero(cxt, Max(n, 1) * sizeof(PsRow));
	for (int i = 0; i < n; i++)
	{
		(*rows)[i].table = payments;
		(*rows)[i].rel = rel;
		paystate_read_result(&(*rows)[i], SPI_tuptable->vals[i], cxt);
		paystate_row_currency(&(*rows)[i], order);
	}
	SPI_finish();
	SetUserIdAndSecContext(saved.user, saved.context);
	return n;
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
	/* nobody's code runs in this, and it reads no order */
	paystate_pending_stop_history();
	take_identity(history, &saved);
	SPI_connect();
	if (history->plans[PS_PLAN_LIST] == NULL)
		keep_plan(history, PS_PLAN_LIST, paystate_sql_judged(rel, history), &p);
	execute(history->plans[PS_PLAN_LIST], &p);
	if (SPI_processed > 0)
	{
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		to = heap_getattr(SPI_tuptable->vals[0], 1, desc, &isnull);

		label = isnull ? -1 :
			paystate_status(history, PS_H_PAYMENT_TO, to);
		*since = DatumGetTimestampTz(heap_getattr(SPI_tuptable->vals[0], 2,
												  desc, &isnull));
	}
	SPI_finish();
	SetUserIdAndSecContext(saved.user, saved.context);
	return label;
}

/* ---- write */

void
paystate_general_update(PsRow *row)
{
	Params		p = {0};
	Identity	saved;

	add_written_params(&p, row);
	add_key_params(&p, row->table->nkeys, row->table->keytype, row->key);
	become_owner(row->table, &saved);
	SPI_connect();
	if (row->table->plans[PS_PLAN_UPDATE] == NULL)
		keep_plan(row->table, PS_PLAN_UPDATE,
				  paystate_sql_update(row->rel, row->table), &p);
	execute_write(row, row->table->plans[PS_PLAN_UPDATE], &p, false);
	SPI_finish();
	SetUserIdAndSecContext(saved.user, saved.context);
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
	if (row->table->plans[PS_PLAN_INSERT] == NULL)
		keep_plan(row->table, PS_PLAN_INSERT,
				  paystate_sql_insert(row->rel, row->table), &p);
	execute_write(row, row->table->plans[PS_PLAN_INSERT], &p, true);
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
