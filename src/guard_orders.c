/*
 * guard_orders.c
 *		The guard of an orders table.
 *
 * An order's totals and status follow from its payments and are written by
 * paystate alone.  What a writer may do: insert an order, cancel or fail it
 * where its life cycle has that, change its amount before the first payment
 * where its life cycle allows it, and write the columns that are his.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "paystate.h"

static const int zero_columns[] = {
	PS_O_PAID, PS_O_AUTHORIZED, PS_O_PENDING, PS_O_REFUNDED
};
static const int zero_counts[] = {PS_O_ATTEMPTS, PS_O_OPEN};

/* ---- BEFORE INSERT: defaults only */

/* both times are the same moment: one that the writer took from the clock, or now */
static TimestampTz
opening_time(TupleTableSlot *slot, const PsTable *table)
{
	static const int times[] = {PS_O_CHANGED_AT, PS_O_STATUS_SINCE};
	bool		isnull;

	for (int i = 0; i < lengthof(times); i++)
	{
		AttrNumber	att = table->att[times[i]];

		if (!slot_attisnull(slot, att) && paystate_is_clock(slot, att))
			return DatumGetTimestampTz(slot_getattr(slot, att, &isnull));
	}
	return paystate_clock();
}

static const PsLifecycle *
lifecycle_of(TupleTableSlot *slot, const PsTable *table, Relation rel)
{
	bool		isnull = true;
	Datum		name = 0;

	if (table->att[PS_O_LIFECYCLE] != 0)
		name = slot_getattr(slot, table->att[PS_O_LIFECYCLE], &isnull);
	/* a null one is for the column's NOT NULL to refuse */
	return isnull ? paystate_named_lifecycle(rel, table->lifecycle) :
		paystate_lifecycle_or_fail(rel, paystate_word(table, PS_O_LIFECYCLE, name));
}

static Datum
before_insert(TriggerData *td, PsTable *table)
{
	PsFill		f = {.td = td,.table = table};
	TupleTableSlot *slot = td->tg_trigslot;
	const PsLifecycle *lc = lifecycle_of(slot, table, td->tg_relation);
	TimestampTz at = opening_time(slot, table);

	f.exponent = paystate_slot_exponent(slot, table, PS_O_CURRENCY);
	paystate_fill_label(&f, PS_O_STATUS, lc->order[lc->order_initial].label_id);
	paystate_fill_money(&f, PS_O_DUE,
						paystate_slot_int64(slot, td->tg_relation, table,
											PS_O_AMOUNT, f.exponent));
	for (int i = 0; i < lengthof(zero_columns); i++)
		paystate_fill_money(&f, zero_columns[i], 0);
	for (int i = 0; i < lengthof(zero_counts); i++)
		paystate_fill_count(&f, zero_counts[i], 0);
	paystate_fill_count(&f, PS_O_VERSION, 1);
	paystate_fill_if_null(&f, PS_O_PARTIAL, BoolGetDatum(false));
	paystate_fill_if_null(&f, PS_O_STATUS_SINCE, TimestampTzGetDatum(at));
	paystate_fill_if_null(&f, PS_O_CHANGED_AT, TimestampTzGetDatum(at));
	return paystate_filled(&f);
}

static Datum
before_update(TriggerData *td, PsTable *table)
{
	paystate_check_keys(td, table);
	return PointerGetDatum(td->tg_newtuple);
}

/* ---- AFTER INSERT */

/* the row as inserted, by meaning of its columns */
static void
read_row(PsCase *c, PsRow *row)
{
	const PsTable *self = c->family.self;
	TupleTableSlot *slot = ps_new_slot(c->td);

	row->table = c->family.orders;
	row->rel = c->family.orders_rel;
	for (int i = 0; i < PS_O_END; i++)
	{
		row->nulls[i] = true;
		if (self->att[i] != 0)
			row->values[i] = slot_getattr(slot, self->att[i], &row->nulls[i]);
	}
	paystate_row_currency(row, NULL);
	paystate_slot_key(slot, self->nkeys, self->key, row->key);
}

static void
check_opening(const PsCase *c, const PsRow *row)
{
	Relation	rel = c->td->tg_relation;
	const PsTable *self = c->family.self;

	for (int i = 0; i < lengthof(zero_columns); i++)
	{
		if (row_int64(row, zero_columns[i]) != 0)
			paystate_refuse_column(rel, self->att[zero_columns[i]], true);
	}
	for (int i = 0; i < lengthof(zero_counts); i++)
	{
		if (row_int32(row, zero_counts[i]) != 0)
			paystate_refuse_column(rel, self->att[zero_counts[i]], true);
	}
	if (row_int64(row, PS_O_DUE) != row_int64(row, PS_O_AMOUNT))
		paystate_refuse_column(rel, self->att[PS_O_DUE], true);
	if (row_int32(row, PS_O_VERSION) != 1)
		paystate_refuse_column(rel, self->att[PS_O_VERSION], true);
	if (!paystate_is_clock(c->td->tg_trigslot, self->att[PS_O_CHANGED_AT]))
		paystate_refuse_column(rel, self->att[PS_O_CHANGED_AT], true);
	if (!paystate_is_clock(c->td->tg_trigslot, self->att[PS_O_STATUS_SINCE]) ||
		row->values[PS_O_STATUS_SINCE] != row->values[PS_O_CHANGED_AT])
		paystate_refuse_column(rel, self->att[PS_O_STATUS_SINCE], true);
}

static void
check_amount(PsCase *c, const PsRow *row)
{
	c->event.amount = row_int64(row, PS_O_AMOUNT);
	c->verdict.refusal =
		paystate_open_order(c->lc, c->event.amount,
							!row->nulls[PS_O_PARTIAL] &&
							DatumGetBool(row->values[PS_O_PARTIAL]),
							paystate_order_currency_ok(c->lc, row),
							&c->verdict.why);
	if (c->verdict.refusal != PS_LEGAL)
		paystate_refuse(c);
}

static bool
after_insert(PsCase *c)
{
	const PsTable *self = c->family.self;
	TupleTableSlot *slot = c->td->tg_trigslot;
	int			label = paystate_slot_label(slot, self, PS_O_STATUS);

	paystate_check_merchant(c);
	read_row(c, &c->order);
	c->lc = lifecycle_of(slot, self, c->td->tg_relation);
	if (c->lc->refund_moves_order && self->att[PS_O_REFUNDED] == 0)
		paystate_unbound(c->td->tg_relation, "Add the column and attach the table again.",
						 "Life cycle \"%s\" decides by column \"amount_refunded\", which is missing.",
						 c->lc->name);
	check_opening(c, &c->order);
	if (paystate_order_status(c->lc, label) != c->lc->order_initial)
		paystate_refuse_initial(c, paystate_slot_word(slot, self, PS_O_STATUS));
	check_amount(c, &c->order);
	c->entry.order_to = label;
	c->entry.amount = c->event.amount;
	c->entry.at = row_time(&c->order, PS_O_CHANGED_AT);
	paystate_history_append(c->family.history, c->family.history_rel, &c->order,
							&c->entry);
	return true;
}

/* ---- AFTER UPDATE */

/* what may change while an order has no payment yet, and what never may */
static bool
check_update(const TriggerData *td, const PsTable *self)
{
	static const int derived[] = {
		PS_O_PAID, PS_O_DUE, PS_O_AUTHORIZED, PS_O_PENDING, PS_O_REFUNDED,
		PS_O_ATTEMPTS, PS_O_OPEN, PS_O_VERSION, PS_O_STATUS_SINCE,
		PS_O_CHANGED_AT
	};

	paystate_check_keys(td, self);
	paystate_check_immutable(td, self, PS_O_LIFECYCLE);
	paystate_check_immutable(td, self, PS_O_CREATED_AT);
	for (int i = 0; i < lengthof(derived); i++)
		paystate_check_derived(td, self, derived[i]);
	return !paystate_same_column(td, self->att[PS_O_STATUS]);
}

static int
changed_term(const TriggerData *td, const PsTable *self)
{
	static const int terms[] = {
		PS_O_AMOUNT, PS_O_CURRENCY, PS_O_PARTIAL, PS_O_FIRST_MIN
	};

	for (int i = 0; i < lengthof(terms); i++)
	{
		if (self->att[terms[i]] != 0 &&
			!paystate_same_column(td, self->att[terms[i]]))
			return terms[i];
	}
	return -1;
}

/* held: this statement wrote it */
static void
find_own_order(PsCase *c)
{
	Datum		key[INDEX_MAX_KEYS];

	paystate_slot_key(c->td->tg_newslot, c->family.self->nkeys,
					  c->family.self->key, key);
	if (!paystate_find_order(c, key))
		elog(ERROR, "order not found");
	c->entry.at = paystate_history_clock(row_time(&c->order, PS_O_CHANGED_AT));
}

/* amount, currency or partial terms, where amount_fixed is "first_payment" */
static bool
change_terms(PsCase *c, int column, bool moved)
{
	AttrNumber	att = c->family.self->att[column];

	find_own_order(c);
	if (c->lc->amount_fixed_at_creation)
		paystate_refuse_column(c->td->tg_relation, att, false);
	if (c->before.attempts > 0 || c->before.payments_open > 0)
		paystate_refuse_write(c->td->tg_relation, att,
							  "It is fixed from the order's first payment on.");
	if (moved)
		paystate_refuse_write(c->td->tg_relation, att,
							  "It cannot be changed together with the status.");
	check_amount(c, &c->order);
	c->verdict.order = c->before;
	c->verdict.cascade_to = PS_NO_STATUS;
	c->entry.amount = c->event.amount;
	return paystate_settle(c, NULL, false);
}

/* where an event of the order leads is for a writer to set, nothing else */
static bool
change_status(PsCase *c)
{
	TriggerData *td = c->td;
	const PsTable *self = c->family.self;

	find_own_order(c);
	if (!paystate_order_event(c->lc, paystate_slot_label(td->tg_newslot, self, PS_O_STATUS),
							  &c->event.kind))
		paystate_refuse_order_status(td->tg_relation, self->att[PS_O_STATUS],
									 paystate_slot_word(td->tg_newslot, self, PS_O_STATUS));
	c->before.status =
		paystate_order_status(c->lc, paystate_slot_label(td->tg_trigslot, self,
														 PS_O_STATUS));
	paystate_advance(c->lc, &c->before, NULL, &c->event, &c->verdict);
	if (c->verdict.refusal != PS_LEGAL)
		paystate_refuse(c);
	return paystate_settle(c, NULL, false);
}

static bool
after_update(PsCase *c)
{
	const PsTable *self = c->family.self;
	bool		moved;
	int			term;

	paystate_check_merchant(c);
	moved = check_update(c->td, self);
	term = changed_term(c->td, self);
	if (term >= 0)
		return change_terms(c, term, moved);
	return !moved || change_status(c);
}

/* ---- the trigger */

PG_FUNCTION_INFO_V1(paystate_guard_orders);

Datum
paystate_guard_orders(PG_FUNCTION_ARGS)
{
	static const PsGuardian guardian = {
		PS_ORDERS, "guard_orders", before_insert, before_update,
		after_insert, after_update
	};

	return paystate_guard(fcinfo, &guardian);
}
