/*
 * asof.c
 *		Orders as they were at some moment: what the last row of the history
 *		that is not younger says.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "book.h"

/* "o.a = h.b AND ..." */
static void
append_link(StringInfo sql, const PsTables *t, const char *child)
{
	const PsLink *link = &t->history->link;

	for (int i = 0; i < link->nkeys; i++)
		appendStringInfo(sql, "%so.%s %s %s.%s", i > 0 ? " AND " : "",
						 paystate_sql_column(t->orders_rel, link->pk[i]),
						 paystate_sql_operator(link->op[i]), child,
						 paystate_sql_column(t->history_rel, link->fk[i]));
}

/* the order's key as one text: 'x', or 'x, y' */
static void
append_key(StringInfo sql, const PsTables *t)
{
	for (int i = 0; i < t->orders->nkeys; i++)
		appendStringInfo(sql, "%so.%s::pg_catalog.text",
						 i > 0 ? " OPERATOR(pg_catalog.||) ', ' OPERATOR(pg_catalog.||) " : "",
						 paystate_sql_column(t->orders_rel, t->orders->key[i]));
}

static const char *
history_column(const PsTables *t, int column)
{
	return paystate_sql_column(t->history_rel, t->history->att[column]);
}

/*
 * The amount may have changed before the first payment: then it is that of
 * the last row up to then which is about the amount: where the history
 * begins, or where neither payment nor status changed.
 */
static void
append_amount(StringInfo sql, const PsTables *t)
{
	appendStringInfo(sql, "(SELECT a.%s FROM %s AS a WHERE ",
					 history_column(t, PS_H_AMOUNT), paystate_sql_table(t->history_rel));
	append_link(sql, t, "a");
	appendStringInfo(sql, " AND a.%1$s OPERATOR(pg_catalog.<=) h.%1$s"
					 " AND a.%2$s IS NULL AND (a.%3$s IS NULL OR NOT a.%4$s"
					 " AND a.%5$s::pg_catalog.text OPERATOR(pg_catalog.=) a.%6$s::pg_catalog.text)"
					 " ORDER BY a.%1$s DESC LIMIT 1)",
					 history_column(t, PS_H_SEQ), history_column(t, PS_H_PAYMENT_ID),
					 history_column(t, PS_H_ORDER_SINCE), history_column(t, PS_H_FORCED),
					 history_column(t, PS_H_ORDER_FROM), history_column(t, PS_H_ORDER_TO));
}

/* "h.seq, h.order_to ..." as the columns of the result need them */
static void
append_history_columns(StringInfo sql, const PsTables *t)
{
	static const int columns[] = {PS_H_SEQ, PS_H_ORDER_TO, PS_H_PAID, PS_H_ATTEMPTS};

	for (int i = 0; i < (int) lengthof(columns); i++)
		appendStringInfo(sql, "%sh.%s", i > 0 ? ", " : "",
						 history_column(t, columns[i]));
}

static void
append_result(StringInfo sql, const PsTables *t, const char *amount)
{
	appendStringInfoString(sql, "SELECT ");
	append_key(sql, t);
	appendStringInfo(sql, ", h.%s::pg_catalog.text, h.%s, %s OPERATOR(pg_catalog.-) h.%s, h.%s, h.%s",
					 history_column(t, PS_H_ORDER_TO), history_column(t, PS_H_PAID),
					 amount, history_column(t, PS_H_PAID),
					 history_column(t, PS_H_ATTEMPTS), history_column(t, PS_H_SEQ));
}

static const char *
amount_expression(const PsTables *t, bool may_be_fixed)
{
	const char *now = paystate_sql_subunits(t->orders_rel, t->orders, PS_O_AMOUNT, "o");
	StringInfoData sql;

	initStringInfo(&sql);
	if (may_be_fixed)
		appendStringInfo(&sql, "CASE WHEN l.amount_fixed OPERATOR(pg_catalog.=) 'creation' THEN %s ELSE ",
						 now);
	appendStringInfoString(&sql, "COALESCE(");
	append_amount(&sql, t);
	appendStringInfo(&sql, ", %s)%s", now, may_be_fixed ? " END" : "");
	return sql.data;
}

static void
append_where_key(StringInfo sql, const PsTables *t)
{
	for (int i = 0; i < t->orders->nkeys; i++)
		appendStringInfo(sql, " %s o.%s %s $%d", i == 0 ? "WHERE" : "AND",
						 paystate_sql_column(t->orders_rel, t->orders->key[i]),
						 paystate_sql_operator(t->orders->keyop[i]), i + 1);
}

/*
 * By the history's primary key; the moment is the last parameter.  An order
 * that did not exist yet is a row without seq, one that never did is none.
 */
static char *
sql_of_one(const PsTables *t)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_result(&sql, t, amount_expression(t, false));
	appendStringInfo(&sql, " FROM %s AS o LEFT JOIN LATERAL (SELECT ",
					 paystate_sql_table(t->orders_rel));
	append_history_columns(&sql, t);
	appendStringInfo(&sql, " FROM %s AS h WHERE ", paystate_sql_table(t->history_rel));
	append_link(&sql, t, "h");
	appendStringInfo(&sql, " AND h.%s OPERATOR(pg_catalog.<=) $%d ORDER BY h.%s DESC LIMIT 1) AS h ON true",
					 history_column(t, PS_H_AT), t->orders->nkeys + 1,
					 history_column(t, PS_H_SEQ));
	append_where_key(&sql, t);
	return sql.data;
}

/* "h.a, h.b": the order's key in the history */
static void
append_history_key(StringInfo sql, const PsTables *t)
{
	for (int i = 0; i < t->history->link.nkeys; i++)
		appendStringInfo(sql, "h.%s, ",
						 paystate_sql_column(t->history_rel, t->history->link.fk[i]));
}

/* one pass over the history; the amount is looked up only where it may change */
static char *
sql_of_all(const PsTables *t)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_result(&sql, t, amount_expression(t, true));
	appendStringInfoString(&sql, " FROM (SELECT DISTINCT ON (");
	append_history_key(&sql, t);
	sql.len -= 2;				/* the last comma */
	sql.data[sql.len] = '\0';
	appendStringInfoString(&sql, ") ");
	append_history_key(&sql, t);
	append_history_columns(&sql, t);
	appendStringInfo(&sql, " FROM %s AS h WHERE h.%s OPERATOR(pg_catalog.<=) $1 ORDER BY ",
					 paystate_sql_table(t->history_rel), history_column(t, PS_H_AT));
	append_history_key(&sql, t);
	appendStringInfo(&sql, "h.%s DESC) AS h JOIN %s AS o ON ",
					 history_column(t, PS_H_SEQ), paystate_sql_table(t->orders_rel));
	append_link(&sql, t, "h");
	appendStringInfo(&sql, " LEFT JOIN paystate.lifecycle AS l ON l.name OPERATOR(pg_catalog.=) %s",
					 paystate_sql_lifecycle(t->orders_rel, t->orders, "o"));
	return sql.data;
}

static void
return_rows(FunctionCallInfo fcinfo, const char *sql, int n, const Oid *types,
			const Datum *values)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DestReceiver *dest = CreateTuplestoreDestReceiver();

	SetTuplestoreDestReceiverParams(dest, rsinfo->setResult,
									rsinfo->econtext->ecxt_per_query_memory,
									false, NULL, NULL);
	paystate_stream(sql, n, types, values, true, dest);
	dest->rDestroy(dest);
}

/* its plan is saved: to make it costs several times what it costs to run */
static SPIPlanPtr
plan_of_one(const PsTables *t)
{
	PsTable    *orders = t->orders;
	Oid			types[INDEX_MAX_KEYS + 1];
	SPIPlanPtr	plan = orders->plans[PS_PLAN_AS_OF];

	if (plan != NULL)
		return plan;
	memcpy(types, orders->keytype, orders->nkeys * sizeof(Oid));
	types[orders->nkeys] = TIMESTAMPTZOID;
	plan = SPI_prepare_cursor(sql_of_one(t), orders->nkeys + 1, types,
							  CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare: %s", SPI_result_code_string(SPI_result));
	orders->plans[PS_PLAN_AS_OF] = plan;
	return plan;
}

/* there was no such order then; or its history does not go back that far */
static void
refuse_moment(const PsTables *t, const Datum *values)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("history of order \"%s\" does not go back to %s",
					paystate_key_in_words(t, values),
					timestamptz_to_str(DatumGetTimestampTz(values[t->orders->nkeys]))),
			 errdetail("The order was inserted later, or its oldest rows were let go."),
			 errtable(t->orders_rel)));
}

/*
 * The order's key and the moment are the values; P0002 without such an order,
 * or without a row of its history that is old enough.
 */
static void
return_one(FunctionCallInfo fcinfo, const PsTables *t, Datum *values)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	desc;
	HeapTuple	tuple;

	SPI_connect();
	if (SPI_execute_plan(plan_of_one(t), values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for an order");
	if (SPI_processed == 0)
		paystate_no_such_order(t, values);
	desc = SPI_tuptable->tupdesc;
	tuple = SPI_tuptable->vals[0];
	if (heap_attisnull(tuple, desc->natts, desc))
		refuse_moment(t, values);
	tuplestore_puttuple(rsinfo->setResult, tuple);
	SPI_finish();
}

static void
begin(FunctionCallInfo fcinfo, PsTables *tables)
{
	if (PG_ARGISNULL(0))
		paystate_null_argument("orders");
	if (PG_ARGISNULL(1))
		paystate_null_argument("at");
	InitMaterializedSRF(fcinfo, 0);
	paystate_tables_open(tables, PG_GETARG_OID(0), AccessShareLock);
}

PG_FUNCTION_INFO_V1(paystate_order_as_of);

/* order_as_of(orders, at, VARIADIC order_key) */
Datum
paystate_order_as_of(PG_FUNCTION_ARGS)
{
	PsTables	tables;
	Datum		values[INDEX_MAX_KEYS + 1];

	begin(fcinfo, &tables);
	if (PG_ARGISNULL(2))
		paystate_null_argument("order_key");
	paystate_order_key(&tables, PG_GETARG_ARRAYTYPE_P(2), values);
	values[tables.orders->nkeys] = PG_GETARG_DATUM(1);
	return_one(fcinfo, &tables, values);
	paystate_tables_close(&tables);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(paystate_orders_as_of);

/* orders_as_of(orders, at) */
Datum
paystate_orders_as_of(PG_FUNCTION_ARGS)
{
	PsTables	tables;
	Oid			type = TIMESTAMPTZOID;
	Datum		at;

	begin(fcinfo, &tables);
	at = PG_GETARG_DATUM(1);
	return_rows(fcinfo, sql_of_all(&tables), 1, &type, &at);
	paystate_tables_close(&tables);
	return (Datum) 0;
}
