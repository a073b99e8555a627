/*
 * book_tables.c
 *		The four tables of an orders table, and statements over them.
 *
 * No state.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "book.h"

static Relation
open_one(Oid relid, PsKind kind, LOCKMODE lockmode, PsTable **table)
{
	Relation	rel;

	*table = NULL;
	if (!OidIsValid(relid))
		return NULL;
	rel = table_open(relid, lockmode);
	*table = paystate_table(rel, kind);
	return rel;
}

static void
open_all(PsTables *t, Oid orders, LOCKMODE lockmode)
{
	memset(t, 0, sizeof(*t));
	t->orders_rel = try_relation_open(orders, lockmode);
	if (t->orders_rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", orders)));
	t->orders = paystate_table(t->orders_rel, PS_ORDERS);
	if (t->orders->root != orders)
	{
		Oid			root = t->orders->root;

		table_close(t->orders_rel, lockmode);
		t->orders_rel = open_one(root, PS_ORDERS, lockmode, &t->orders);
		Assert(t->orders != NULL);
	}
	t->history_rel = open_one(t->orders->history, PS_HISTORY, lockmode, &t->history);
	t->payments_rel = open_one(t->orders->payments, PS_PAYMENTS, lockmode, &t->payments);
	if (t->payments != NULL)
		t->refunds_rel = open_one(t->payments->refunds, PS_REFUNDS, lockmode,
								  &t->refunds);
}

/* a backend that has not fired a guard yet does not know their functions */
static void
learn_guards(void)
{
	oidvector  *none = buildoidvector(NULL, 0);
	Oid			guard = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										CStringGetDatum("guard_orders"),
										PointerGetDatum(none),
										ObjectIdGetDatum(get_namespace_oid("paystate", false)));

	paystate_learn_guards(guard);
}

/*
 * 23PS8 unless the table is an orders table well guarded.  Opens and locks
 * first, then believes the descriptions only if nothing changed meanwhile.
 */
void
paystate_tables_open(PsTables *t, Oid orders, LOCKMODE lockmode)
{
	learn_guards();
	for (;;)
	{
		uint64		start = paystate_binding_generation();

		open_all(t, orders, lockmode);
		if (paystate_binding_generation() == start)
			return;
		paystate_tables_close(t);
		CHECK_FOR_INTERRUPTS();
	}
}

void
paystate_tables_close(PsTables *t)
{
	if (t->refunds_rel != NULL)
		table_close(t->refunds_rel, NoLock);
	if (t->payments_rel != NULL)
		table_close(t->payments_rel, NoLock);
	if (t->history_rel != NULL)
		table_close(t->history_rel, NoLock);
	table_close(t->orders_rel, NoLock);
}

/* runs a statement as the current user, its rows going straight to dest */
void
paystate_stream(const char *sql, int n, const Oid *types, const Datum *values,
				bool read_only, DestReceiver *dest)
{
	SPIExecuteOptions options = {.read_only = read_only,.dest = dest};
	SPIPlanPtr	plan;

	options.params = makeParamList(n);
	for (int i = 0; i < n; i++)
	{
		options.params->params[i].value = values[i];
		options.params->params[i].isnull = false;
		options.params->params[i].pflags = PARAM_FLAG_CONST;
		options.params->params[i].ptype = types[i];
	}
	SPI_connect();
	plan = SPI_prepare(sql, n, (Oid *) types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed for %s: %s", sql,
			 SPI_result_code_string(SPI_result));
	if (SPI_execute_plan_extended(plan, &options) < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s",
			 SPI_result_code_string(SPI_result));
	SPI_finish();
}
