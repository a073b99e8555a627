/*
 * trying.c
 *		try_payment(): does the update of a payment's status in a transaction
 *		of its own within the caller's, and tells what came of it.
 *
 * No state.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "asking.h"

/* one payment to be moved */
typedef struct Trial
{
	Relation	rel;
	PsTable    *table;
	Datum		key[INDEX_MAX_KEYS];
	const char *words;			/* the same, for a message */
	Datum		to;
	const char *to_word;
	bool		has_captured;
	int64		captured;
	PsRow		row;			/* before */
	bool		moved;			/* or did it stand there already? */
} Trial;

static void
update_payment(const Trial *t)
{
	const PsTable *table = t->table;
	Oid			types[INDEX_MAX_KEYS + 2] = {table->type[PS_P_STATUS]};
	Datum		values[INDEX_MAX_KEYS + 2] = {t->to};
	int			n = 1;
	int			result;

	if (t->has_captured)
	{
		types[n] = table->base[PS_P_CAPTURED];
		values[n++] = paystate_money_datum(t->rel, table, PS_P_CAPTURED, t->captured,
										   t->row.exponent);
	}
	memcpy(&types[n], table->keytype, table->nkeys * sizeof(Oid));
	memcpy(&values[n], t->key, table->nkeys * sizeof(Datum));
	SPI_connect();
	result = SPI_execute_with_args(paystate_sql_move(t->rel, table, t->has_captured),
								   n + table->nkeys, types, values, NULL, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	if (result != SPI_OK_UPDATE || SPI_processed != 1)
		paystate_unbound(t->rel, "Look for triggers that return null, and for rules.",
						 "Something suppressed the update of a payment.");
	SPI_finish();
}

/* where only the order says the currency of its payments */
static void
learn_currency(Trial *t)
{
	const PsLink *link = &t->table->link;
	PsTable    *orders;
	Relation	rel;
	PsRow		order;

	if (t->table->base[PS_P_CAPTURED] != NUMERICOID || !t->row.has_parent)
		return;
	rel = paystate_open_guarded(link->parent, PS_ORDERS, AccessShareLock, &orders);
	if (paystate_row_find(&order, rel, orders, link, t->row.parent, PS_FIND_PEEK))
	{
		paystate_row_currency(&t->row, &order);
		paystate_row_release(&order);
	}
	relation_close(rel, NoLock);
}

/* locks the payment first, so that what it is said to have been is true */
static void
move_payment(Trial *t)
{
	PsTable    *table = t->table;
	PsRow	   *rows;

	if (paystate_read_rows(t->rel, table, paystate_sql_find(t->rel, table, &table->self, true),
						   table->nkeys, table->keytype, t->key, false, &rows) == 0)
		paystate_refuse_absent(t->rel, PS_PAYMENTS, t->words);
	t->row = rows[0];
	learn_currency(t);
	t->moved = strcmp(paystate_text_of_value(table->type[PS_P_STATUS],
											 t->row.values[PS_P_STATUS]),
					  t->to_word) != 0;
	if (t->moved ||
		(t->has_captured && t->captured != row_int64(&t->row, PS_P_CAPTURED)))
		update_payment(t);
}

/* 23PS8 is no answer: something is wrong with the tables */
static bool
is_refusal(int code)
{
	return code == ERRCODE_PS_ILLEGAL || code == ERRCODE_PS_INITIAL ||
		code == ERRCODE_PS_CLOSED || code == ERRCODE_PS_AMOUNT ||
		code == ERRCODE_PS_CURRENCY || code == ERRCODE_PS_COLUMN ||
		code == ERRCODE_PS_DELETE;
}

/* the refusal, or NULL; any other error goes on as it came */
static ErrorData *
try_to_move(Trial *t)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		move_payment(t);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	if (error != NULL && !is_refusal(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

/* by its order, as it is: a key of the order never changes */
static const PsLifecycle *
lifecycle_of_payment(const PsRow *payment)
{
	const PsLink *link = &payment->table->link;
	const PsLifecycle *lc;
	PsTable    *orders;
	Relation	rel;
	PsRow		order;

	if (!payment->has_parent)
		return paystate_named_lifecycle(payment->rel, payment->table->lifecycle);
	rel = paystate_open_guarded(link->parent, PS_ORDERS, AccessShareLock, &orders);
	if (!paystate_row_find(&order, rel, orders, link, payment->parent, PS_FIND_PEEK))
		elog(ERROR, "order not found"); /* its guard found it just now */
	lc = paystate_lifecycle_of_order(&order);
	paystate_row_release(&order);
	relation_close(rel, NoLock);
	return lc;
}

/* is there a chain of moves?  Statuses fit into one word */
static bool
can_reach(const PsLifecycle *lc, int from, int to)
{
	uint64		reached = UINT64CONST(1) << from;
	uint64		before;

	StaticAssertStmt(PS_MAX_STATUSES <= 64, "statuses do not fit into a word");
	do
	{
		before = reached;
		for (int a = 0; a < lc->npayment; a++)
		{
			for (int b = 0; b < lc->npayment; b++)
			{
				if ((reached >> a & 1) && paystate_payment_can_move(lc, a, b))
					reached |= UINT64CONST(1) << b;
			}
		}
	} while (reached != before);
	return reached >> to & 1;
}

/*
 * A move that came too late: the payment is past that status.  Where a rule
 * knows the move and only the order does not take it, it is no stale one, for
 * somebody's money may hang on it.
 */
static bool
is_stale(const Trial *t, const ErrorData *refusal)
{
	const PsLifecycle *lc;
	int			present;
	int			to;

	if (!t->moved || refusal->sqlerrcode != ERRCODE_PS_ILLEGAL)
		return false;
	lc = lifecycle_of_payment(&t->row);
	present = paystate_payment_status(lc, row_label(&t->row, PS_P_STATUS));
	to = paystate_payment_status(lc, paystate_status(t->table, PS_P_STATUS, t->to));
	return present != PS_NO_STATUS && to != PS_NO_STATUS && can_reach(lc, to, present);
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[] = {
		"payments", "payment_id", "to_status", NULL, "order_key"
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (names[i] != NULL && PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", names[i])));
	}
}

PG_FUNCTION_INFO_V1(paystate_try_payment);

/* try_payment(payments, payment_id, to_status, amount_captured, VARIADIC order_key) */
Datum
paystate_try_payment(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Trial		t = {0};
	ErrorData  *refusal;
	Datum		values[2] = {0};
	bool		nulls[2] = {false, true};

	check_arguments(fcinfo);
	paystate_learn_guards(fcinfo->flinfo->fn_oid);
	t.rel = paystate_open_guarded(PG_GETARG_OID(0), PS_PAYMENTS, RowExclusiveLock,
								  &t.table);
	t.words = paystate_read_key(t.rel, t.table, PG_GETARG_ARRAYTYPE_P(4),
								text_to_cstring(PG_GETARG_TEXT_PP(1)), t.key);
	t.to = paystate_value_of_text(t.rel, t.table->att[PS_P_STATUS],
								  text_to_cstring(PG_GETARG_TEXT_PP(2)));
	t.to_word = paystate_text_of_value(t.table->type[PS_P_STATUS], t.to);
	t.has_captured = !PG_ARGISNULL(3);
	t.captured = t.has_captured ? PG_GETARG_INT64(3) : 0;
	InitMaterializedSRF(fcinfo, 0);
	refusal = try_to_move(&t);
	if (refusal == NULL)
		values[0] = CStringGetTextDatum(t.moved ? "applied" : "unchanged");
	else
	{
		values[0] = CStringGetTextDatum(is_stale(&t, refusal) ? "stale" : "refused");
		values[1] = CStringGetTextDatum(refusal->message);
		nulls[1] = false;
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	relation_close(t.rel, NoLock);
	return (Datum) 0;
}
