/*
 * guard_payments.c
 *		The guard of a payments table.
 *
 * BEFORE fills in what the writer left out, and refuses what must be refused
 * before the foreign keys speak: a delete, a changed key.  AFTER ROW gives
 * the verdict on the row as stored, whatever a trigger of someone else made
 * of it in between, and moves the order along.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "paystate.h"

/* ---- AFTER: the verdict */

/*
 * Finds the order of the payment at hand, if it has one.  A composite key
 * that is partly null would check nothing.
 */
static void
find_order(PsCase *c)
{
	const PsTable *self = c->family.self;
	TupleTableSlot *slot = ps_new_slot(c->td);
	Datum		key[INDEX_MAX_KEYS];
	int			nulls = paystate_parent_key(self, slot, key);

	if (nulls == self->link.nkeys)
	{
		c->exponent = paystate_slot_exponent(slot, self, PS_P_CURRENCY);
		c->lc = paystate_named_lifecycle(c->td->tg_relation, self->lifecycle);
		return;
	}
	if (nulls > 0)
		paystate_unbound(c->td->tg_relation, NULL,
						 "The key of the payment's order is partly null.");
	if (!paystate_find_order(c, key))
		paystate_refuse_missing(c->td->tg_relation, &self->link, key);
}

/* the payment at hand, and its order */
static void
find_rows(PsCase *c)
{
	const PsTable *self = c->family.self;
	TriggerData *td = c->td;

	paystate_slot_key(ps_new_slot(td), self->nkeys, self->key, c->payment_key);
	c->entry.has_payment = true;
	c->entry.payment_id = c->payment_key[self->id];
	find_order(c);
}

/* false, here and below: the order has changed since it was read */
static bool
judge(PsCase *c)
{
	if (c->has_order)
		paystate_advance(c->lc, &c->before, &c->payment, &c->event, &c->verdict);
	else
		paystate_advance_orderless(c->lc, &c->payment, &c->event, &c->verdict);
	if (c->verdict.refusal == PS_LEGAL)
		return true;
	if (!paystate_hold_order(c))
		return false;
	paystate_refuse(c);
}

/* orders without currencies are in rupees */
static bool
same_currency(const PsRow *order, Datum currency)
{
	Datum		other;

	if (order->table->att[PS_O_CURRENCY] == 0)
		other = CStringGetTextDatum("INR");
	else if (order->nulls[PS_O_CURRENCY])
		return false;
	else
		other = paystate_word(order->table, PS_O_CURRENCY,
							  order->values[PS_O_CURRENCY]);
	return DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID,
												currency, other));
}

static void
check_inserted_derived(const PsCase *c, int64 captured)
{
	static const int derived[] = {PS_P_CAPTURED, PS_P_REFUNDED, PS_P_REFUND_PENDING};
	const PsTable *self = c->family.self;
	TupleTableSlot *slot = c->td->tg_trigslot;

	for (int i = 0; i < lengthof(derived); i++, captured = 0)
	{
		if (paystate_slot_int64(slot, c->td->tg_relation, self, derived[i], c->exponent) != captured)
			paystate_refuse_column(c->td->tg_relation, self->att[derived[i]], true);
	}
	if (!paystate_is_clock(slot, self->att[PS_P_STATUS_SINCE]))
		paystate_refuse_column(c->td->tg_relation, self->att[PS_P_STATUS_SINCE], true);
}

static void
judge_late(PsCase *c)
{
	paystate_advance_late(c->lc, &c->before, &c->event, &c->verdict);
	if (c->verdict.refusal == PS_WRONG_INITIAL)
		paystate_refuse_initial(c, paystate_slot_word(c->td->tg_trigslot, c->family.self,
													  PS_P_STATUS));
	if (c->verdict.refusal != PS_LEGAL)
		paystate_refuse(c);
	check_inserted_derived(c, c->verdict.payment.amount_captured);
}

/* the currency is the order's, and one of the life cycle's */
static bool
currency_ok(const PsCase *c)
{
	const PsTable *self = c->family.self;
	bool		isnull;
	Datum		value;
	text	   *currency;

	if (self->att[PS_P_CURRENCY] == 0)
		return !c->has_order || paystate_order_currency_ok(c->lc, &c->order);
	value = slot_getattr(c->td->tg_trigslot, self->att[PS_P_CURRENCY], &isnull);
	if (isnull)
		return false;
	value = paystate_word(self, PS_P_CURRENCY, value);
	if (c->has_order && !same_currency(&c->order, value))
		return false;
	currency = DatumGetTextPP(value);
	return paystate_currency_ok(c->lc, VARDATA_ANY(currency),
								VARSIZE_ANY_EXHDR(currency));
}

static bool
after_insert(PsCase *c)
{
	const PsTable *self = c->family.self;
	TupleTableSlot *slot = c->td->tg_trigslot;
	int			label = paystate_slot_label(slot, self, PS_P_STATUS);
	bool		late = paystate_take_late(self);

	if (!c->again)
		paystate_note_judged();
	c->hold |= late;
	find_rows(c);
	late &= c->has_order;
	if (!late)
		check_inserted_derived(c, 0);
	c->payment.status = PS_NO_STATUS;
	c->event.kind = PS_EV_INSERT;
	c->event.to = paystate_payment_status(c->lc, label);
	c->event.amount = paystate_slot_int64(slot, c->td->tg_relation, self,
										  PS_P_AMOUNT, c->exponent);
	c->event.currency_ok = currency_ok(c);
	if (late)
		judge_late(c);
	else if (c->event.to != c->lc->payment_initial)
		paystate_refuse_initial(c, paystate_slot_word(slot, self, PS_P_STATUS));
	else if (!judge(c))
		return false;
	if (!c->has_order)
		return true;
	c->entry.payment_to = label;
	c->entry.amount = c->event.amount;
	c->entry.at = paystate_history_clock(row_time(&c->order, PS_O_CHANGED_AT));
	return paystate_settle(c, NULL, false);
}

/* without a table of refunds, a new total is how one is given */
static bool
is_refund(const TriggerData *td, const PsTable *self)
{
	return !OidIsValid(self->refunds) &&
		paystate_same_column(td, self->att[PS_P_STATUS]) &&
		!paystate_same_column(td, self->att[PS_P_REFUNDED]);
}

/* unchanged: equal to the row as stored, so a whole-row save passes */
static bool
check_update(const TriggerData *td, const PsTable *self)
{
	static const int derived[] = {
		PS_P_CAPTURED, PS_P_REFUND_PENDING, PS_P_STATUS_SINCE, PS_P_REFUNDED
	};
	int			n = lengthof(derived) - is_refund(td, self);

	paystate_check_keys(td, self);
	paystate_check_immutable(td, self, PS_P_AMOUNT);
	paystate_check_immutable(td, self, PS_P_CURRENCY);
	paystate_check_immutable(td, self, PS_P_CREATED_AT);
	if (!paystate_same_column(td, self->att[PS_P_STATUS]))
		return true;
	for (int i = 0; i < n; i++)
		paystate_check_derived(td, self, derived[i]);
	return false;
}

static bool
is_capture(const PsCase *c, int to)
{
	return to != PS_NO_STATUS && c->lc->payment[to].role == PS_SETTLED &&
		(c->payment.status == PS_NO_STATUS ||
		 c->lc->payment[c->payment.status].role != PS_SETTLED);
}

/*
 * Beside a status change the derived columns must be what that change
 * implies; only amount_captured is the writer's, at a capture.
 */
static void
check_moved_derived(const PsCase *c, const PsPayment *new)
{
	const PsTable *self = c->family.self;
	Relation	rel = c->td->tg_relation;
	int64		captured = c->payment.amount_captured;
	int64		refunded = c->payment.amount_refunded;

	if (c->payment.status != PS_NO_STATUS && new->status != PS_NO_STATUS)
		paystate_implied(c->lc, &c->payment, new->status, &captured, &refunded);
	if (!is_capture(c, new->status) && new->amount_captured != captured)
		paystate_refuse_column(rel, self->att[PS_P_CAPTURED], true);
	if (new->amount_refunded != refunded)
		paystate_refuse_column(rel, self->att[PS_P_REFUNDED], true);
	if (new->refund_pending != c->payment.refund_pending)
		paystate_refuse_column(rel, self->att[PS_P_REFUND_PENDING], true);
	if (!paystate_is_clock(c->td->tg_newslot, self->att[PS_P_STATUS_SINCE]))
		paystate_refuse_column(rel, self->att[PS_P_STATUS_SINCE], true);
}

/* held, lost, released; captured; or given back */
static int64
moved_amount(const PsCase *c, const PsPayment *new)
{
	PsRole		role = c->lc->payment[new->status].role;

	if (role == PS_SETTLED || role == PS_RETURNED)
		return c->event.amount;
	return c->payment.amount;
}

static bool
settle_move(PsCase *c, const PsPayment *new, int label)
{
	bool		returned = c->verdict.rule != NULL &&
		(c->verdict.rule->effects & (PS_E_REFUND | PS_E_AUTO_REFUND)) != 0;

	if (!c->has_order)
	{
		if (returned)
			paystate_leave_refund(c);
		return true;
	}
	c->entry.payment_from = c->lc->payment[c->payment.status].label_id;
	c->entry.payment_to = label;
	c->entry.amount = moved_amount(c, new);
	c->entry.payment_since = paystate_slot_time(c->td->tg_trigslot, c->family.self,
												PS_P_STATUS_SINCE);
	c->entry.at = paystate_history_clock(row_time(&c->order, PS_O_CHANGED_AT));
	return paystate_settle(c, NULL, returned);
}

static bool
judge_move(PsCase *c)
{
	TriggerData *td = c->td;
	const PsTable *self = c->family.self;
	int			label = paystate_slot_label(td->tg_newslot, self, PS_P_STATUS);
	PsPayment	new;

	c->hold |= paystate_may_be_unjudged(HeapTupleHeaderGetXmin(td->tg_trigtuple->t_data));
	find_rows(c);
	paystate_slot_payment(c->lc, td->tg_relation, self, td->tg_trigslot, c->exponent, &c->payment);
	paystate_slot_payment(c->lc, td->tg_relation, self, td->tg_newslot, c->exponent, &new);
	check_moved_derived(c, &new);
	if (c->has_order && paystate_counted_already(c, label))
		return true;
	paystate_move_event(c->lc, &c->payment, new.status, new.amount_captured,
						&c->event);
	c->event.elapsed = paystate_elapsed(c->lc,
										paystate_slot_time(td->tg_trigslot, self,
														   PS_P_STATUS_SINCE));
	return judge(c) && settle_move(c, &new, label);
}

/* ---- a refund where refunds have no table of their own */

/* the payment as stored, with its new total; the verdict may move it on */
static void
lock_payment(PsCase *c, PsRow *row)
{
	paystate_open_payments(&c->family);
	CommandCounterIncrement();
	if (!paystate_row_find(row, c->family.payments_rel, c->family.payments,
						   &c->family.payments->self, c->payment_key,
						   PS_FIND_LOCK))
		elog(ERROR, "payment not found");
	paystate_row_currency(row, c->has_order ? &c->order : NULL);
}

static void
write_refund(PsCase *c, PsRow *row)
{
	int			after = c->verdict.payment.status;

	c->entry.at = paystate_history_clock(c->has_order ?
										 row_time(&c->order, PS_O_CHANGED_AT) : 0);
	c->entry.payment_from = c->lc->payment[c->payment.status].label_id;
	c->entry.payment_to = c->lc->payment[after].label_id;
	c->entry.refund_to = paystate_label_id("processed");
	c->entry.payment_since = row_time(row, PS_P_STATUS_SINCE);
	c->entry.amount = c->event.amount;
	if (after != c->payment.status)
	{
		row_set_label(row, PS_P_STATUS, c->entry.payment_to);
		row_set_time(row, PS_P_STATUS_SINCE, c->entry.at);
	}
	if (c->has_order)
		(void) paystate_settle(c, after != c->payment.status ? row : NULL, false);
	else if (after != c->payment.status)
		(void) paystate_row_update(row);
}

static void
judge_refund(PsCase *c)
{
	TriggerData *td = c->td;
	const PsTable *self = c->family.self;
	PsPayment	new;
	PsRow		row;

	c->hold = true;
	find_rows(c);
	paystate_slot_payment(c->lc, td->tg_relation, self, td->tg_trigslot, c->exponent, &c->payment);
	paystate_slot_payment(c->lc, td->tg_relation, self, td->tg_newslot, c->exponent, &new);
	lock_payment(c, &row);
	if (c->has_order)
		paystate_check_judged(c, &row);
	c->event.kind = PS_EV_REFUND;
	if (pg_sub_s64_overflow(new.amount_refunded, c->payment.amount_refunded,
							&c->event.amount))
		c->event.amount = 0;	/* no refund is of so much: 23PS4 */
	(void) judge(c);
	write_refund(c, &row);
	paystate_row_release(&row);
}

static bool
after_update(PsCase *c)
{
	bool		refund = is_refund(c->td, c->family.self);

	if (!c->again)
		paystate_note_judged();
	if (check_update(c->td, c->family.self))
		return judge_move(c);
	if (refund)
		judge_refund(c);
	return true;
}

/* ---- the trigger */

PG_FUNCTION_INFO_V1(paystate_guard_payments);

Datum
paystate_guard_payments(PG_FUNCTION_ARGS)
{
	static const PsGuardian guardian = {
		PS_PAYMENTS, "guard_payments", paystate_fill_inserted_payment,
		paystate_fill_updated_payment, after_insert, after_update
	};

	return paystate_guard(fcinfo, &guardian);
}
