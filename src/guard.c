/*
 * guard.c
 *		What the guards of the four tables share: the tables of an event,
 *		opened and described, and the columns of the rows at hand.
 *
 * Static state: the time that the clock gave last, and in which transaction.
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "paystate.h"

static TimestampTz last_given = 0;
static LocalTransactionId given_in = InvalidLocalTransactionId;

/* ---- the tables of an event */

static Relation
open_table(Oid relid, PsKind kind, PsTable **table)
{
	Relation	rel = table_open(relid, RowExclusiveLock);

	*table = paystate_table(rel, kind);
	return rel;
}

static void
open_family(PsFamily *f, PsKind kind)
{
	Oid			orders;

	f->self = paystate_table(f->self_rel, kind);
	orders = f->self->link.parent;
	if (kind == PS_ORDERS)
		orders = f->self->root;
	else if (kind == PS_REFUNDS)
	{
		f->payments_rel = open_table(f->self->link.parent, PS_PAYMENTS,
									 &f->payments);
		orders = f->payments->link.parent;
	}
	f->orders_rel = open_table(orders, PS_ORDERS, &f->orders);
	f->history_rel = open_table(f->orders->history, PS_HISTORY, &f->history);
}

void
paystate_family_close(PsFamily *f)
{
	if (f->history_rel != NULL)
		table_close(f->history_rel, NoLock);
	if (f->orders_rel != NULL)
		table_close(f->orders_rel, NoLock);
	if (f->payments_rel != NULL)
		table_close(f->payments_rel, NoLock);
}

/*
 * Opens and locks first, then believes the descriptions only if nothing
 * changed while it did.
 */
void
paystate_family_open(PsFamily *f, Relation rel, PsKind kind)
{
	for (;;)
	{
		uint64		start = paystate_binding_generation();

		memset(f, 0, sizeof(*f));
		f->self_rel = rel;
		open_family(f, kind);
		if (paystate_binding_generation() == start)
			return;
		paystate_family_close(f);
		CHECK_FOR_INTERRUPTS();
	}
}

/* the payments of the orders, where an event moves others of them */
void
paystate_open_payments(PsFamily *f)
{
	if (f->payments_rel != NULL)
		return;
	if (!OidIsValid(f->orders->payments))
		paystate_unbound(f->orders_rel, NULL, "No guarded payments table references it.");
	f->payments_rel = open_table(f->orders->payments, PS_PAYMENTS, &f->payments);
}

/* ---- columns of the rows at hand */

/* bit by bit; short ones, as keys and labels are, without the core's detours */
bool
paystate_same_image(Form_pg_attribute att, Datum a, Datum b)
{
	struct varlena *short_a = (struct varlena *) DatumGetPointer(a);
	struct varlena *short_b = (struct varlena *) DatumGetPointer(b);

	if (att->attlen == -1 &&
		VARATT_IS_SHORT(short_a) && !VARATT_IS_EXTERNAL(short_a) &&
		VARATT_IS_SHORT(short_b) && !VARATT_IS_EXTERNAL(short_b))
		return VARSIZE_SHORT(short_a) == VARSIZE_SHORT(short_b) &&
			memcmp(short_a, short_b, VARSIZE_SHORT(short_a)) == 0;
	return datum_image_eq(a, b, att->attbyval, att->attlen);
}

/* equal to the row as stored */
bool
paystate_same_column(const TriggerData *td, AttrNumber att)
{
	Form_pg_attribute form = TupleDescAttr(RelationGetDescr(td->tg_relation),
										   att - 1);
	bool		oldnull;
	bool		newnull;
	Datum		old = slot_getattr(td->tg_trigslot, att, &oldnull);
	Datum		new = slot_getattr(td->tg_newslot, att, &newnull);

	if (oldnull || newnull)
		return oldnull && newnull;
	return paystate_same_image(form, old, new);
}

/* a column that the table does not have is null */
static Datum
get_column(TupleTableSlot *slot, const PsTable *table, int column, bool *isnull)
{
	*isnull = true;
	return table->att[column] == 0 ? (Datum) 0 :
		slot_getattr(slot, table->att[column], isnull);
}

int64
paystate_slot_int64(TupleTableSlot *slot, Relation rel, const PsTable *table,
					int column, int exponent)
{
	bool		isnull;
	Datum		value = get_column(slot, table, column, &isnull);

	return isnull ? 0 : paystate_money(rel, table, column, value, exponent);
}

TimestampTz
paystate_slot_time(TupleTableSlot *slot, const PsTable *table, int column)
{
	bool		isnull;
	Datum		value = get_column(slot, table, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

int
paystate_slot_label(TupleTableSlot *slot, const PsTable *table, int column)
{
	bool		isnull;
	Datum		value = get_column(slot, table, column, &isnull);

	return isnull ? -1 : paystate_status(table, column, value);
}

/* the same in words, for what is no label of any life cycle */
const char *
paystate_slot_word(TupleTableSlot *slot, const PsTable *table, int column)
{
	bool		isnull;
	Datum		value = get_column(slot, table, column, &isnull);
	Oid			output;
	bool		varlena;

	if (isnull)
		return "";
	getTypeOutputInfo(table->type[column], &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

void
paystate_slot_payment(const PsLifecycle *lc, Relation rel,
					  const PsTable *table, TupleTableSlot *slot, int exponent,
					  PsPayment *payment)
{
	payment->status =
		paystate_payment_status(lc, paystate_slot_label(slot, table, PS_P_STATUS));
	payment->amount = paystate_slot_int64(slot, rel, table, PS_P_AMOUNT, exponent);
	payment->amount_captured = paystate_slot_int64(slot, rel, table, PS_P_CAPTURED, exponent);
	payment->amount_refunded = paystate_slot_int64(slot, rel, table, PS_P_REFUNDED, exponent);
	payment->refund_pending = paystate_slot_int64(slot, rel, table, PS_P_REFUND_PENDING, exponent);
}

void
paystate_slot_key(TupleTableSlot *slot, int n, const AttrNumber *atts,
				  Datum *key)
{
	bool		isnull;

	for (int i = 0; i < n; i++)
		key[i] = slot_getattr(slot, atts[i], &isnull);
}

/* the key of the parent row; returns how many of its columns are null */
int
paystate_parent_key(const PsTable *table, TupleTableSlot *slot, Datum *key)
{
	int			nulls = 0;

	for (int i = 0; i < table->link.nkeys; i++)
	{
		bool		isnull;

		key[i] = slot_getattr(slot, table->link.fk[i], &isnull);
		nulls += isnull;
	}
	return nulls;
}

/*
 * Now; but within a transaction never before its beginning, nor before what
 * was given last: the host's clock may step back.
 */
TimestampTz
paystate_clock(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (given_in != ps_local_transaction())
		last_given = GetCurrentTransactionStartTimestamp();
	given_in = ps_local_transaction();
	last_given = Max(last_given, now);
	return last_given;
}

/*
 * Is that timestamp one that the clock gave while this transaction ran?
 * BEFORE filled it in; a trigger of the user may have changed it since.
 */
bool
paystate_is_clock(TupleTableSlot *slot, AttrNumber att)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, att, &isnull);
	TimestampTz at = DatumGetTimestampTz(value);

	return !isnull && at >= GetCurrentTransactionStartTimestamp() &&
		at <= paystate_clock();
}

/* ---- the life cycle */

static void
refuse_lifecycle(Relation rel, const char *name)
{
	paystate_report(&(PsReport) {
		.code = ERRCODE_PS_UNBOUND,.rel = rel,.column = "lifecycle",
		.constraint = "paystate_bound",
		.message = psprintf("life cycle \"%s\" does not exist", name),
		.hint = "Life cycles are the rows of paystate.lifecycle."
	});
}

const PsLifecycle *
paystate_lifecycle_or_fail(Relation rel, Datum name)
{
	const PsLifecycle *lc = paystate_lifecycle_of_text(name);

	if (lc == NULL)
		refuse_lifecycle(rel, TextDatumGetCString(name));
	return lc;
}

const PsLifecycle *
paystate_named_lifecycle(Relation rel, const char *name)
{
	const PsLifecycle *lc = paystate_lifecycle(name, strlen(name));

	if (lc == NULL)
		refuse_lifecycle(rel, name);
	return lc;
}

/* a null one is possible where its NOT NULL was dropped */
const PsLifecycle *
paystate_lifecycle_of_order(const PsRow *order)
{
	if (order->nulls[PS_O_LIFECYCLE])
		return paystate_named_lifecycle(order->rel, order->table->lifecycle);
	return paystate_lifecycle_or_fail(order->rel,
									  paystate_word(order->table, PS_O_LIFECYCLE,
													order->values[PS_O_LIFECYCLE]));
}

/* a table without currencies is one of rupees */
bool
paystate_order_currency_ok(const PsLifecycle *lc, const PsRow *order)
{
	text	   *code;

	if (order->table->att[PS_O_CURRENCY] == 0)
		return paystate_currency_ok(lc, "INR", 3);
	if (order->nulls[PS_O_CURRENCY])
		return false;
	code = DatumGetTextPP(paystate_word(order->table, PS_O_CURRENCY,
										order->values[PS_O_CURRENCY]));
	return paystate_currency_ok(lc, VARDATA_ANY(code), VARSIZE_ANY_EXHDR(code));
}

/* ---- 23PS6 */

char *
paystate_derived_message(Relation rel, AttrNumber att)
{
	return psprintf("column \"%s\" of table \"%s\" is derived",
					NameStr(TupleDescAttr(RelationGetDescr(rel), att - 1)->attname),
					paystate_relation_name(rel));
}

/* since: the DETAIL, from when on it is fixed; null where it is derived */
void
paystate_refuse_write(Relation rel, AttrNumber att, const char *since)
{
	const char *column = NameStr(TupleDescAttr(RelationGetDescr(rel), att - 1)->attname);

	paystate_report(&(PsReport) {
		.code = ERRCODE_PS_COLUMN,.rel = rel,.column = column,
		.constraint = since == NULL ? "paystate_derived" : "paystate_immutable",
		.message = since == NULL ?
			paystate_derived_message(rel, att) :
			psprintf("column \"%s\" of table \"%s\" cannot be changed", column,
					 paystate_relation_name(rel)),
		.detail = since == NULL ?
			"It follows from the payments and is written by paystate alone." : since,
		.hint = "Reload the row, or write only the columns you change."
	});
}

void
paystate_refuse_column(Relation rel, AttrNumber att, bool derived)
{
	paystate_refuse_write(rel, att, derived ? NULL : "It is fixed when the row is inserted.");
}

/* its own and its parent's: BEFORE, for no foreign key may speak first */
void
paystate_check_keys(const TriggerData *td, const PsTable *table)
{
	for (int i = 0; i < table->nkeys; i++)
	{
		if (!paystate_same_column(td, table->key[i]))
			paystate_refuse_column(td->tg_relation, table->key[i], false);
	}
	for (int i = 0; i < table->link.nkeys; i++)
	{
		if (!paystate_same_column(td, table->link.fk[i]))
			paystate_refuse_column(td->tg_relation, table->link.fk[i], false);
	}
}

void
paystate_check_immutable(const TriggerData *td, const PsTable *table, int column)
{
	if (table->att[column] != 0 && !paystate_same_column(td, table->att[column]))
		paystate_refuse_column(td->tg_relation, table->att[column], false);
}

void
paystate_check_derived(const TriggerData *td, const PsTable *table, int column)
{
	if (table->att[column] != 0 && !paystate_same_column(td, table->att[column]))
		paystate_refuse_column(td->tg_relation, table->att[column], true);
}
