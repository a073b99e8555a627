/*
 * asking.c
 *		What may happen to an order and its payments: allowed_transitions()
 *		puts the rows, as the caller sees them, before the same advance() that
 *		the guards call.
 *
 * No state.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "asking.h"

/* one order under question */
typedef struct Inquiry
{
	Relation	orders_rel;
	PsTable    *orders;
	Relation	payments_rel;
	PsTable    *payments;
	Relation	history_rel;
	PsRow		row;			/* the order, */
	PsOrder		order;			/* and its state */
	const PsLifecycle *lc;
	ReturnSetInfo *answers;
} Inquiry;

/* ---- the tables */

Relation
paystate_open_guarded(Oid relid, PsKind kind, LOCKMODE lock, PsTable **table)
{
	Relation	rel = try_relation_open(relid, lock);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (!paystate_carries_guard(rel, kind))
		paystate_unbound(rel, "Name a table as create_tables makes it.",
						 "It has no guard of %s.",
						 kind == PS_ORDERS ? "orders" :
						 kind == PS_PAYMENTS ? "payments" : "history");
	*table = paystate_table(rel, kind);
	return rel;
}

static void
close_inquiry(Inquiry *q)
{
	if (q->history_rel != NULL)
		relation_close(q->history_rel, NoLock);
	if (q->payments_rel != NULL)
		relation_close(q->payments_rel, NoLock);
	relation_close(q->orders_rel, NoLock);
}

/* of a partition, the table it belongs to: that is where its payments point */
static void
open_tables(Inquiry *q, Oid relid)
{
	PsTable    *history;

	q->orders_rel = paystate_open_guarded(relid, PS_ORDERS, AccessShareLock, &q->orders);
	if (q->orders->root != relid)
	{
		relid = q->orders->root;
		relation_close(q->orders_rel, NoLock);
		q->orders_rel = paystate_open_guarded(relid, PS_ORDERS, AccessShareLock, &q->orders);
	}
	if (!OidIsValid(q->orders->payments))
		paystate_unbound(q->orders_rel, NULL, "No guarded payments table references it.");
	q->payments_rel = paystate_open_guarded(q->orders->payments, PS_PAYMENTS,
											AccessShareLock, &q->payments);
	q->history_rel = paystate_open_guarded(q->orders->history, PS_HISTORY,
										   AccessShareLock, &history);
}

/* opens first, then believes the descriptions only if nothing changed meanwhile */
static void
open_inquiry(Inquiry *q, Oid relid)
{
	for (;;)
	{
		uint64		start = paystate_binding_generation();

		memset(q, 0, sizeof(*q));
		open_tables(q, relid);
		if (paystate_binding_generation() == start)
			return;
		close_inquiry(q);
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- keys */

void
paystate_refuse_absent(Relation rel, PsKind kind, const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("%s \"%s\" of table \"%s\" does not exist",
					kind == PS_ORDERS ? "order" : "payment", key,
					paystate_relation_name(rel))));
}

Datum
paystate_value_of_text(Relation rel, AttrNumber att, char *word)
{
	Form_pg_attribute form = TupleDescAttr(RelationGetDescr(rel), att - 1);
	Oid			input;
	Oid			ioparam;

	getTypeInputInfo(form->atttypid, &input, &ioparam);
	return OidInputFunctionCall(input, word, ioparam, form->atttypmod);
}

char *
paystate_text_of_value(Oid type, Datum value)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

/*
 * The values of a primary key, given as texts, and "last" behind them where
 * it is not NULL; returns them in words.  A null is the key of no row.
 */
const char *
paystate_read_key(Relation rel, const PsTable *table, ArrayType *given,
				  char *last, Datum *key)
{
	StringInfoData words;
	Datum	   *texts;
	bool	   *nulls;
	bool		any_null = false;
	int			n;

	deconstruct_array(given, TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &n);
	if (n + (last != NULL) != table->nkeys)
		paystate_refuse_key_count(rel, table, n + (last != NULL));
	initStringInfo(&words);
	for (int i = 0; i < table->nkeys; i++)
	{
		bool		isnull = i < n && nulls[i];
		char	   *word = isnull ? "NULL" : i < n ? TextDatumGetCString(texts[i]) : last;

		appendStringInfo(&words, "%s%s", i > 0 ? ", " : "", word);
		any_null |= isnull;
		if (!isnull)
			key[i] = paystate_value_of_text(rel, table->key[i], word);
	}
	if (any_null)
		paystate_refuse_absent(rel, table->kind, words.data);
	return words.data;
}

/* ---- reading, with the caller's rights */

/* rows of a SELECT by key, as paystate_sql_find() and _list() word it */
int
paystate_read_rows(Relation rel, PsTable *table, const char *sql, int nkeys,
				   Oid *types, Datum *key, bool read_only, PsRow **rows)
{
	MemoryContext cxt = CurrentMemoryContext;
	int			n;
	int			result;

	SPI_connect();
	result = SPI_execute_with_args(sql, nkeys, types, key, NULL, read_only, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	n = (int) SPI_processed;
	*rows = MemoryContextAllocZero(cxt, Max(n, 1) * sizeof(PsRow));
	for (int i = 0; i < n; i++)
	{
		(*rows)[i].table = table;
		(*rows)[i].rel = rel;
		paystate_read_result(&(*rows)[i], SPI_tuptable->vals[i], cxt);
	}
	SPI_finish();
	return n;
}

static void
read_order(Inquiry *q, ArrayType *given)
{
	PsTable    *orders = q->orders;
	Datum		key[INDEX_MAX_KEYS];
	const char *words = paystate_read_key(q->orders_rel, orders, given, NULL, key);
	PsRow	   *rows;

	if (paystate_read_rows(q->orders_rel, orders,
						   paystate_sql_find(q->orders_rel, orders, &orders->self, false),
						   orders->nkeys, orders->keytype, key, true, &rows) == 0)
		paystate_refuse_absent(q->orders_rel, PS_ORDERS, words);
	q->row = rows[0];
	q->lc = paystate_lifecycle_of_order(&q->row);
	paystate_read_order(q->lc, &q->row, &q->order);
}

/* ---- allowed_transitions() */

static void
answer(const Inquiry *q, const char *kind, const char *payment_id,
	   const char *to, const char *reason)
{
	Datum		values[5];
	bool		nulls[5] = {false, payment_id == NULL, false, false, reason == NULL};

	values[0] = CStringGetTextDatum(kind);
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(payment_id);
	values[2] = CStringGetTextDatum(to);
	values[3] = BoolGetDatum(reason == NULL);
	values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(reason);
	tuplestore_putvalues(q->answers->setResult, q->answers->setDesc, values, nulls);
}

/* NULL when the event is legal */
static const char *
reason_of(const Inquiry *q, Relation rel, const PsPayment *payment,
		  const PsEvent *event)
{
	PsVerdict	verdict;

	paystate_advance(q->lc, &q->order, payment, event, &verdict);
	if (verdict.refusal == PS_LEGAL)
		return NULL;
	return paystate_refusal_message(verdict.refusal, "update", rel, q->lc);
}

/* as the guard has it: what an event of the order leads to, no other is to be set */
static void
answer_order(const Inquiry *q)
{
	const char *derived = paystate_derived_message(q->orders_rel,
												   q->orders->att[PS_O_STATUS]);

	for (int to = 0; to < q->lc->norder; to++)
	{
		const char *label = paystate_their_word(&q->orders->labels[PS_ORDERS],
												q->lc->order[to].label);
		PsEvent		event = {0};

		if (to == q->order.status)
			continue;
		if (paystate_order_event(q->lc, q->lc->order[to].label_id, &event.kind))
			answer(q, "order", NULL, label, reason_of(q, q->orders_rel, NULL, &event));
		else
			answer(q, "order", NULL, label, derived);
	}
}

/*
 * What a bare change of status comes to: BEFORE fills in what is captured
 * where nothing is yet, and AFTER judges the row as stored.
 */
static void
answer_payment(const Inquiry *q, const PsRow *row)
{
	const PsTable *table = q->payments;
	const char *id = paystate_text_of_value(table->keytype[table->id], row->key[table->id]);
	PsPayment	payment;

	paystate_read_payment(q->lc, row, &payment);
	for (int to = 0; to < q->lc->npayment; to++)
	{
		int64		captured;
		int64		refunded;
		PsEvent		event;

		if (to == payment.status)
			continue;
		paystate_implied(q->lc, &payment, to, &captured, &refunded);
		if (payment.amount_captured != 0)
			captured = payment.amount_captured;
		paystate_move_event(q->lc, &payment, to, captured, &event);
		event.elapsed = paystate_elapsed(q->lc, row_time(row, PS_P_STATUS_SINCE));
		answer(q, "payment", id,
			   paystate_their_word(&table->labels[PS_PAYMENTS], q->lc->payment[to].label),
			   reason_of(q, q->payments_rel, &payment, &event));
	}
}

static void
answer_payments(const Inquiry *q)
{
	PsRow	   *rows;
	int			n = paystate_read_rows(q->payments_rel, q->payments,
									   paystate_sql_list(q->payments_rel, q->payments, false),
									   q->orders->nkeys, q->orders->keytype,
									   (Datum *) q->row.key, true, &rows);

	for (int i = 0; i < n; i++)
	{
		paystate_row_currency(&rows[i], &q->row);
		answer_payment(q, &rows[i]);
	}
}

PG_FUNCTION_INFO_V1(paystate_allowed_transitions);

/* allowed_transitions(orders, VARIADIC order_key) */
Datum
paystate_allowed_transitions(PG_FUNCTION_ARGS)
{
	Inquiry		q;

	paystate_learn_guards(fcinfo->flinfo->fn_oid);
	open_inquiry(&q, PG_GETARG_OID(0));
	InitMaterializedSRF(fcinfo, 0);
	q.answers = (ReturnSetInfo *) fcinfo->resultinfo;
	read_order(&q, PG_GETARG_ARRAYTYPE_P(1));
	answer_order(&q);
	answer_payments(&q);
	close_inquiry(&q);
	return (Datum) 0;
}
