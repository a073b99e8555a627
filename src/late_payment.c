/*
 * late_payment.c
 *		late_payment(), late_refund(): insert a payment of which the application
 *		learns only now, though it was made while the order still took payments;
 *		and a refund that had failed before.
 *
 * The insert is the caller's, with his rights, and passes the guards; what
 * tells them that it is late is a frame on the C stack, good for one row of
 * that table.  So no setting and no trigger can say so for another's write.
 *
 * Static state: the top of that stack of frames; whoever pushed one pops it
 * in PG_FINALLY.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "paystate.h"

typedef struct LateFrame
{
	struct LateFrame *up;
	Oid			root;			/* the table, topmost */
	bool		used;
} LateFrame;

static LateFrame *top = NULL;

/* is the row that is being judged the one that is inserted late? */
bool
paystate_take_late(const PsTable *table)
{
	if (top == NULL || top->used || top->root != table->root)
		return false;
	top->used = true;
	return true;
}

/* INSERT INTO t (a, b) SELECT a, b FROM jsonb_populate_record(NULL::t, $1) */
static char *
sql_insert(Relation rel, Jsonb *fields)
{
	const char *table = quote_qualified_identifier(
												   get_namespace_name(RelationGetNamespace(rel)),
												   RelationGetRelationName(rel));
	StringInfoData columns;
	JsonbIterator *it = JsonbIteratorInit(&fields->root);
	JsonbIteratorToken token;
	JsonbValue	v;

	initStringInfo(&columns);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "",
							 quote_identifier(pnstrdup(v.val.string.val, v.val.string.len)));
	}
	return psprintf("INSERT INTO %s (%s) SELECT %s FROM pg_catalog.jsonb_populate_record(NULL::%s, $1)",
					table, columns.data, columns.data, table);
}

static void
insert_row(Relation rel, Jsonb *fields, const char *what)
{
	Oid			types[] = {JSONBOID};
	Datum		values[] = {JsonbPGetDatum(fields)};
	int			result;

	SPI_connect();
	result = SPI_execute_with_args(sql_insert(rel, fields), 1, types, values,
								   NULL, false, 0);
	if (result != SPI_OK_INSERT || SPI_processed != 1)
		paystate_unbound(rel, "Look for triggers that return null, and for rules.",
						 "Something suppressed the insert of a %s.", what);
	SPI_finish();
}

static Datum
insert_late(FunctionCallInfo fcinfo, PsKind kind)
{
	/* volatile: gcc 15 takes it for one that PG_TRY could spoil */
	const char *volatile what = kind == PS_PAYMENTS ? "payment" : "refund";
	Relation	rel;
	Jsonb	   *fields = PG_GETARG_JSONB_P(1);
	LateFrame	frame = {.up = top};

	if (!JB_ROOT_IS_OBJECT(fields) || JB_ROOT_COUNT(fields) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fields of a %s must be an object that names columns", what)));
	paystate_learn_guards(fcinfo->flinfo->fn_oid);
	rel = relation_open(PG_GETARG_OID(0), RowExclusiveLock);
	if (!paystate_carries_guard(rel, kind))
		paystate_unbound(rel, "Name a table as create_tables makes it.",
						 "It has no guard of %ss.", what);
	frame.root = paystate_table(rel, kind)->root;
	top = &frame;
	PG_TRY();
	{
		insert_row(rel, fields, what);
	}
	PG_FINALLY();
	{
		top = frame.up;
	}
	PG_END_TRY();
	relation_close(rel, NoLock);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(paystate_late_payment);

/* late_payment(payments, fields) */
Datum
paystate_late_payment(PG_FUNCTION_ARGS)
{
	return insert_late(fcinfo, PS_PAYMENTS);
}

PG_FUNCTION_INFO_V1(paystate_late_refund_row);

/* late_refund(refunds, fields) */
Datum
paystate_late_refund_row(PG_FUNCTION_ARGS)
{
	return insert_late(fcinfo, PS_REFUNDS);
}
