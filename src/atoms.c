/*
 * atoms.c
 *		What the atoms of rules mean: every guard as a question about an
 *		order, one of its payments and an amount, and what must be true of an
 *		amount for an effect to be applied at all.
 *
 * Pure: no palloc, SPI, locks or ereport.  No static state.
 */
#include "postgres.h"

#include "common/int.h"

#include "atoms.h"

/*
 * Compares a + b + c with limit: below 0, 0 or above 0.  A sum that does not
 * fit is above every limit.
 */
static int
compare_sum(int64 a, int64 b, int64 c, int64 limit)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum) || pg_add_s64_overflow(sum, c, &sum))
		return 1;
	return (sum > limit) - (sum < limit);
}

/* what is captured now, leaving the order's due below, at or above 0 */
static int
compare_due(const PsQuestion *c)
{
	Assert(c->order != NULL);	/* else PS_PAYMENT_GUARDS alone are asked */
	return -compare_sum(c->order->amount_paid, c->event->amount, 0,
						c->order->amount);
}

/* the payment's refunds after this one, pending ones counted, fit in it */
static bool
refund_fits(const PsQuestion *c)
{
	return c->event->amount > 0 &&
		compare_sum(c->payment->amount_refunded, c->payment->refund_pending,
					c->event->amount, c->payment->amount_captured) <= 0;
}

static int
compare_refunded(const PsQuestion *c)
{
	return compare_sum(c->payment->amount_refunded, c->event->amount, 0,
					   c->payment->amount_captured);
}

static int
compare_order_refunded(const PsQuestion *c)
{
	Assert(c->order != NULL);
	return compare_sum(c->order->amount_refunded, c->event->amount, 0,
					   c->order->amount_paid);
}

static bool
attempts_left(const PsQuestion *c)
{
	return c->lc->max_attempts == 0 ||
		c->order->attempts < c->lc->max_attempts;
}

/* one_authorized; an order of 0 cannot tell by the sum, so it counts */
static bool
another_held(const PsQuestion *c)
{
	if (c->lc->parallel_payments != PS_ONE_AUTHORIZED)
		return false;
	return c->order->amount_authorized > 0 ||
		(c->order->amount == 0 && c->order->payments_open > 0);
}

/* a payment is of something, or of nothing if its order is */
static bool
insert_positive(const PsQuestion *c)
{
	Assert(c->order != NULL);
	return c->event->amount > 0 ||
		(c->event->amount == 0 && c->order->amount == 0);
}

/* what is wrong with the amount of a new payment */
static PsWhy
insert_why(const PsQuestion *c)
{
	const PsOrder *o = c->order;
	int64		a = c->event->amount;

	Assert(o != NULL);
	if (!insert_positive(c))
		return PS_WHY_NOT_POSITIVE;
	if (c->lc->parallel_payments == PS_PARALLEL_LEGS)
	{
		int64		live;

		if (pg_add_s64_overflow(o->amount_pending, o->amount_authorized,
								&live) ||
			compare_sum(live, o->amount_paid, a, o->amount) > 0)
			return PS_WHY_LEGS_ABOVE_AMOUNT;
	}
	else if (!o->partial_payment)
		return a == o->amount ? PS_WHY_NONE : PS_WHY_NOT_ORDER_AMOUNT;
	else if (compare_sum(o->amount_paid, a, 0, o->amount) > 0)
		return PS_WHY_ABOVE_DUE;
	else if (o->amount_paid == 0 && a < o->first_payment_min_amount)
		return PS_WHY_BELOW_FIRST_MINIMUM;
	return PS_WHY_NONE;
}

static bool
state_guard_holds(const PsQuestion *c, PsGuard guard)
{
	switch (guard)
	{
		case PS_G_OTHER_LIVE:
		case PS_G_OTHERS_HELD:
			return c->others > 0;
		case PS_G_NO_OTHER_LIVE:
		case PS_G_OTHERS_DONE:
			return c->others == 0;
		case PS_G_NONE_LIVE:
			return c->order->payments_open == 0;
		case PS_G_ATTEMPTS_LEFT:
			return attempts_left(c);
		case PS_G_ATTEMPTS_USED:
			return !attempts_left(c);
		case PS_G_NOTHING_PAID:
			return c->order->amount_paid == 0;
		default:
			Assert(guard == PS_G_SOMETHING_PAID);
			return c->order->amount_paid > 0;
	}
}

static bool
amount_guard_holds(const PsQuestion *c, PsGuard guard)
{
	const PsOrder *o = c->order;
	const PsPayment *p = c->payment;
	int64		amount = c->event->amount;

	switch (guard)
	{
		case PS_G_INSERT_OK:
			return insert_why(c) == PS_WHY_NONE;
		case PS_G_CAPTURE_IS_HELD:
		case PS_G_REFUND_IS_AMOUNT:
			return amount == p->amount;
		case PS_G_CAPTURE_BELOW_HELD:
			return amount > 0 && amount < p->amount;
		case PS_G_AMOUNT_IS_DUE:
			return amount == p->amount && compare_due(c) == 0;
		case PS_G_DUE_AFTER_ZERO:
			return compare_due(c) == 0;
		case PS_G_DUE_AFTER_POSITIVE:
			return compare_due(c) > 0;
		case PS_G_PARTIAL_PAYMENT:
			Assert(o != NULL);
			return o->partial_payment;
		case PS_G_REFUND_POSITIVE:
			return amount > 0;
		case PS_G_REFUNDED_BELOW_CAPTURED:
			return refund_fits(c) && compare_refunded(c) < 0;
		case PS_G_REFUNDED_IS_CAPTURED:
			return refund_fits(c) && compare_refunded(c) == 0;
		case PS_G_REFUNDED_BELOW_PAID:
			return refund_fits(c) && compare_order_refunded(c) < 0;
		case PS_G_REFUNDED_IS_PAID:
			return refund_fits(c) && compare_order_refunded(c) == 0;
		case PS_G_HELD_AFTER_BELOW:
			Assert(o != NULL);
			return compare_sum(o->amount_authorized, o->amount_paid,
							   p->amount, o->amount) < 0;
		case PS_G_HELD_AFTER_IS:
			Assert(o != NULL);
			return compare_sum(o->amount_authorized, o->amount_paid,
							   p->amount, o->amount) == 0;
		case PS_G_PAID_AFTER_BELOW:
			Assert(o != NULL);
			return compare_sum(o->amount_paid, p->amount, 0, o->amount) < 0;
		default:
			Assert(guard == PS_G_PAID_AFTER_IS && o != NULL);
			return compare_sum(o->amount_paid, p->amount, 0, o->amount) == 0;
	}
}

PsWhy
paystate_state_why(const PsQuestion *c, const PsRule *rule)
{
	uint32		left = rule->guards & PS_STATE_GUARDS;

	Assert(c->order != NULL);	/* else no guard on states is asked */
	if (rule->guards & PS_G_INSERT_OK)
	{
		if (another_held(c))
			return PS_WHY_ANOTHER_HELD;
		if (!attempts_left(c))
			return PS_WHY_ATTEMPTS_USED;
	}
	for (; left != 0; left &= left - 1)
	{
		PsGuard		guard = left & ~(left - 1);

		if (!state_guard_holds(c, guard))
			return guard == PS_G_NONE_LIVE ? PS_WHY_OTHERS_LIVE : PS_WHY_STATE;
	}
	return PS_WHY_NONE;
}

bool
paystate_too_late(const PsQuestion *c)
{
	const PsStatus *statuses = c->lc->payment;

	return c->event->kind == PS_EV_MOVE && c->lc->late_window > 0 &&
		c->event->elapsed > c->lc->late_window &&
		statuses[c->payment->status].role == PS_DEAD &&
		statuses[c->event->to].role != PS_DEAD;
}

/*
 * A capture takes something, nothing only of a payment of 0; never more than
 * was held or is due; and not less than was held, if the life cycle says so.
 */
static bool
capture_allowed(const PsQuestion *c)
{
	int64		amount = c->event->amount;
	int64		held = c->payment->amount;

	if (amount < 0 || amount > held || (amount == 0 && held != 0))
		return false;
	if (amount < held && !c->lc->partial_capture)
		return false;
	return c->order != NULL && compare_due(c) >= 0;
}

/* Money moves by these, whatever the guards of the rule leave unsaid. */
static bool
effects_allowed(const PsQuestion *c, uint32 effects)
{
	if (c->event->kind == PS_EV_INSERT && !insert_positive(c))
		return false;
	if ((effects & PS_E_CAPTURE) && !capture_allowed(c))
		return false;
	if ((effects & PS_E_REFUND) && !refund_fits(c))
		return false;
	if ((effects & PS_E_AUTO_REFUND) &&
		(c->payment->amount_captured != 0 ||
		 c->event->amount != c->payment->amount))
		return false;
	return true;
}

bool
paystate_amounts_hold(const PsQuestion *c, const PsRule *rule)
{
	uint32		left = rule->guards & ~PS_STATE_GUARDS;

	if (c->order == NULL)
		left &= PS_PAYMENT_GUARDS;
	for (; left != 0; left &= left - 1)
	{
		PsGuard		guard = left & ~(left - 1);

		if (!amount_guard_holds(c, guard))
			return false;
	}
	return effects_allowed(c, rule->effects);
}

static PsWhy
capture_why(const PsQuestion *c)
{
	int64		amount = c->event->amount;
	int64		held = c->payment->amount;

	if (amount < 0 || (amount == 0 && held != 0))
		return PS_WHY_NOT_POSITIVE;
	if (amount > held)
		return PS_WHY_OVER_CAPTURE;
	if (amount < held)
		return PS_WHY_PARTIAL_CAPTURE;
	Assert(c->order != NULL);	/* settled statuses are closed without one */
	if (compare_due(c) < 0)
		return PS_WHY_ABOVE_DUE;
	if (compare_due(c) > 0 && !c->order->partial_payment)
		return PS_WHY_NOT_ORDER_AMOUNT;
	return PS_WHY_AMOUNT;
}

static PsWhy
refund_why(const PsQuestion *c)
{
	if (c->event->amount <= 0)
		return PS_WHY_NOT_POSITIVE;
	if (compare_refunded(c) > 0)
		return PS_WHY_OVER_REFUND;
	if (!refund_fits(c))
		return PS_WHY_REFUND_PENDING;
	if (c->order != NULL && compare_order_refunded(c) > 0)
		return PS_WHY_OVER_REFUND;
	return PS_WHY_AMOUNT;
}

PsWhy
paystate_amount_why(const PsQuestion *c, const PsRule *rule)
{
	const uint32 legs = PS_G_HELD_AFTER_BELOW | PS_G_HELD_AFTER_IS |
		PS_G_PAID_AFTER_BELOW | PS_G_PAID_AFTER_IS;

	if (rule->effects & PS_E_REFUND)
		return refund_why(c);
	if (rule->effects & PS_E_CAPTURE)
	{
		PsWhy		why = capture_why(c);

		if (why != PS_WHY_AMOUNT)
			return why;
	}
	if (c->event->kind == PS_EV_INSERT)
	{
		PsWhy		why = insert_why(c);

		return why == PS_WHY_NONE ? PS_WHY_AMOUNT : why;
	}
	return (rule->guards & legs) ? PS_WHY_LEGS_ABOVE_AMOUNT : PS_WHY_AMOUNT;
}
