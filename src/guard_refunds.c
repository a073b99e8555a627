/*
 * guard_refunds.c
 *		The guard of a refunds table.  A refund inserted "pending" reserves
 *		its amount, one that is "processed" gives it back: the payment's and
 *		the order's totals and statuses move with it.  Locks refund, payment,
 *		order, in that order.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "paystate.h"

typedef enum RefundStatus
{
	REFUND_NONE,				/* before its INSERT */
	REFUND_PENDING,
	REFUND_PROCESSED,
	REFUND_FAILED,
	REFUND_UNKNOWN
} RefundStatus;

static RefundStatus
refund_status(TupleTableSlot *slot, const PsTable *table)
{
	/* no rule names these, so a text is known for one of them only from here */
	const int	pending = paystate_label_id("pending");
	const int	processed = paystate_label_id("processed");
	const int	failed = paystate_label_id("failed");
	int			label = paystate_slot_label(slot, table, PS_R_STATUS);

	/* a table that has no statuses holds refunds that were given */
	if (table->att[PS_R_STATUS] == 0 || label == processed)
		return REFUND_PROCESSED;
	if (label == pending)
		return REFUND_PENDING;
	return label == failed ? REFUND_FAILED : REFUND_UNKNOWN;
}

/* ---- BEFORE */

static Datum
before_insert(TriggerData *td, PsTable *table)
{
	PsFill		f = {.td = td,.table = table};

	paystate_fill_label(&f, PS_R_STATUS, paystate_label_id("processed"));
	return paystate_filled(&f);
}

static Datum
before_update(TriggerData *td, PsTable *table)
{
	paystate_check_keys(td, table);
	return PointerGetDatum(td->tg_newtuple);
}

/* ---- AFTER */

/* the payment of the refund, locked */
static void
find_payment(PsCase *c, PsRow *payment)
{
	TriggerData *td = c->td;
	const PsTable *self = c->family.self;
	Datum		key[INDEX_MAX_KEYS];

	paystate_slot_key(ps_new_slot(td), self->link.nkeys, self->link.fk, key);
	CommandCounterIncrement();
	if (!paystate_row_find(payment, c->family.payments_rel, c->family.payments,
						   &self->link, key, PS_FIND_LOCK))
		paystate_refuse_missing(td->tg_relation, &self->link, key);
	memcpy(c->payment_key, payment->key, sizeof(c->payment_key));
	paystate_slot_key(ps_new_slot(td), 1, &self->key[self->id],
					  &c->entry.refund_id);
	c->entry.has_refund = true;
	c->entry.has_payment = true;
	c->entry.payment_id = payment->key[c->family.payments->id];
	c->entry.refund_to = self->att[PS_R_STATUS] == 0 ? paystate_label_id("processed") :
		paystate_slot_label(ps_new_slot(td), self, PS_R_STATUS);
	c->entry.payment_since = row_time(payment, PS_P_STATUS_SINCE);
}

/*
 * The order's key stands in the payment's row; without one the payment rules
 * of the table's life cycle decide alone.
 */
static void
find_order(PsCase *c, PsRow *payment)
{
	c->hold = true;
	c->exponent = payment->exponent;
	if (!payment->has_parent)
		c->lc = paystate_named_lifecycle(c->td->tg_relation,
										 c->family.payments->lifecycle);
	else if (!paystate_find_order(c, payment->parent))
		paystate_unbound(c->td->tg_relation, NULL, "The payment's order is missing.");
	paystate_row_currency(payment, c->has_order ? &c->order : NULL);
}

static void
write_case(PsCase *c, PsRow *row)
{
	const PsPayment *after = &c->verdict.payment;
	int			label = c->lc->payment[after->status].label_id;

	c->entry.at = paystate_history_clock(c->has_order ?
										 row_time(&c->order, PS_O_CHANGED_AT) : 0);
	c->entry.payment_from = c->lc->payment[c->payment.status].label_id;
	c->entry.payment_to = label;
	c->entry.amount = c->event.amount;
	row_set_int64(row, PS_P_REFUNDED, after->amount_refunded);
	row_set_int64(row, PS_P_REFUND_PENDING, after->refund_pending);
	if (after->status != c->payment.status)
	{
		row_set_label(row, PS_P_STATUS, label);
		row_set_time(row, PS_P_STATUS_SINCE, c->entry.at);
	}
	if (c->has_order)
		(void) paystate_settle(c, row, false);
	else
		(void) paystate_row_update(row);
}

/* a pending refund that failed gives back what it had reserved */
static void
release_reserve(PsCase *c)
{
	if (c->payment.status == PS_NO_STATUS ||
		(c->has_order && c->before.status == PS_NO_STATUS))
		paystate_refuse_drift(c);
	c->verdict.order = c->before;
	c->verdict.payment = c->payment;
	c->verdict.cascade_to = PS_NO_STATUS;
}

static void
judge(PsCase *c, bool reserve)
{
	c->event.kind = PS_EV_REFUND;
	c->event.reserve = reserve;
	if (c->has_order)
		paystate_advance(c->lc, &c->before, &c->payment, &c->event, &c->verdict);
	else
		paystate_advance_orderless(c->lc, &c->payment, &c->event, &c->verdict);
	if (c->verdict.refusal != PS_LEGAL)
		paystate_refuse(c);
}

/* takes the refund in hand out of what is reserved: it is judged anew */
static void
take_from_reserve(PsCase *c)
{
	c->payment.refund_pending -= c->event.amount;
	if (c->payment.refund_pending < 0)
		paystate_refuse_drift(c);
}

/* failed before, and told now: it had reserved its amount once */
static void
judge_late(PsCase *c)
{
	c->event.kind = PS_EV_REFUND;
	if (paystate_late_refund(&c->payment, c->event.amount))
		return;
	c->verdict.order = c->before;
	c->verdict.payment = c->payment;
	c->verdict.refusal = PS_BAD_AMOUNT;
	c->verdict.why = PS_WHY_OVER_REFUND;
	paystate_refuse(c);
}

static void
judge_event(PsCase *c, RefundStatus from, RefundStatus to)
{
	TriggerData *td = c->td;
	const PsTable *self = c->family.self;
	bool		late = from == REFUND_NONE && to == REFUND_FAILED && paystate_take_late(self);
	PsRow		payment;

	find_payment(c, &payment);
	find_order(c, &payment);
	paystate_read_payment(c->lc, &payment, &c->payment);
	if (c->has_order)
		paystate_check_judged(c, &payment);
	c->event.amount = paystate_slot_int64(ps_new_slot(td), td->tg_relation, self,
										  PS_R_AMOUNT, c->exponent);
	if (from == REFUND_NONE && to != REFUND_PENDING && to != REFUND_PROCESSED && !late)
		paystate_refuse_initial(c, paystate_slot_word(td->tg_trigslot, self,
													  PS_R_STATUS));
	if (from != REFUND_NONE && (from != REFUND_PENDING || to == REFUND_UNKNOWN))
		paystate_refuse_refund(c, paystate_slot_word(td->tg_trigslot, self, PS_R_STATUS));
	if (from == REFUND_PENDING)
		take_from_reserve(c);
	if (late)
		judge_late(c);
	if (to == REFUND_FAILED)
		release_reserve(c);
	else
		judge(c, to == REFUND_PENDING);
	write_case(c, &payment);
	paystate_row_release(&payment);
}

static bool
after_insert(PsCase *c)
{
	judge_event(c, REFUND_NONE, refund_status(c->td->tg_trigslot, c->family.self));
	return true;
}

static bool
after_update(PsCase *c)
{
	const TriggerData *td = c->td;
	const PsTable *self = c->family.self;

	paystate_check_keys(td, self);
	paystate_check_immutable(td, self, PS_R_AMOUNT);
	paystate_check_immutable(td, self, PS_R_CREATED_AT);
	if (self->att[PS_R_STATUS] != 0 &&
		!paystate_same_column(td, self->att[PS_R_STATUS]))
		judge_event(c, refund_status(td->tg_trigslot, self),
					refund_status(td->tg_newslot, self));
	return true;
}

/* ---- the trigger */

PG_FUNCTION_INFO_V1(paystate_guard_refunds);

Datum
paystate_guard_refunds(PG_FUNCTION_ARGS)
{
	static const PsGuardian guardian = {
		PS_REFUNDS, "guard_refunds", before_insert, before_update,
		after_insert, after_update
	};

	return paystate_guard(fcinfo, &guardian);
}
