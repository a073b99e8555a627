/*
 * advance.c
 *		The decision: an order, one of its payments, an event, and whether the
 *		rules of the life cycle let it happen.  All that paystate ever allows
 *		or refuses comes from here.
 *
 * Pure: no palloc, SPI, locks or ereport.  No static state.
 */
#include "postgres.h"

#include "common/int.h"

#include "atoms.h"

/*
 * Slots: an insert for each payment status, a move for each pair, a refund
 * for each status, then order:cancel and order:fail.
 */
int
paystate_event_slot(const PsLifecycle *lc, PsEventKind kind, int from, int to)
{
	const int	n = lc->npayment;
	const bool	from_ok = from >= 0 && from < n;
	const bool	to_ok = to >= 0 && to < n;

	switch (kind)
	{
		case PS_EV_INSERT:
			return to_ok ? to : -1;
		case PS_EV_MOVE:
			return from_ok && to_ok ? n + from * n + to : -1;
		case PS_EV_REFUND:
			return from_ok ? n + n * n + from : -1;
		case PS_EV_CANCEL:
			return n + n * n + n;
		case PS_EV_FAIL:
			break;
	}
	return n + n * n + n + 1;
}

bool
paystate_has_rule(const PsLifecycle *lc, int slot)
{
	return slot >= 0 && slot < lc->nslots &&
		lc->first[slot * lc->norder] < lc->first[(slot + 1) * lc->norder];
}

/* the column of the order that sums its live payments in that role */
static int64 *
role_total(PsOrder *order, PsRole role)
{
	return role == PS_OPEN ? &order->amount_pending : &order->amount_authorized;
}

/* takes a payment out of the totals of its status */
static PsWhy
leave_status(const PsLifecycle *lc, PsOrder *order, int64 amount, int status)
{
	int64	   *total;

	if (!paystate_is_live(lc, status))
		return PS_WHY_NONE;
	total = role_total(order, lc->payment[status].role);
	if (amount < 0 || *total < amount || order->payments_open < 1)
		return PS_WHY_TOTALS;
	*total -= amount;
	order->payments_open--;
	return PS_WHY_NONE;
}

static PsWhy
enter_status(const PsLifecycle *lc, PsOrder *order, int64 amount, int status)
{
	int64	   *total;

	if (!paystate_is_live(lc, status))
		return PS_WHY_NONE;
	total = role_total(order, lc->payment[status].role);
	if (pg_add_s64_overflow(*total, amount, total) ||
		pg_add_s32_overflow(order->payments_open, 1, &order->payments_open))
		return PS_WHY_OVERFLOW;
	return PS_WHY_NONE;
}

static PsWhy
move_totals(const PsLifecycle *lc, PsOrder *order, int64 amount,
			int from, int to)
{
	PsWhy		why;

	if (from == to)
		return PS_WHY_NONE;
	why = leave_status(lc, order, amount, from);
	return why == PS_WHY_NONE ? enter_status(lc, order, amount, to) : why;
}

bool
paystate_cascade(const PsLifecycle *lc, PsOrder *order,
				 int64 payment_amount, int from, int to)
{
	PsOrder		after = *order;

	if (move_totals(lc, &after, payment_amount, from, to) != PS_WHY_NONE)
		return false;
	*order = after;
	return true;
}

/* a verdict that changes nothing; what it says is up to the caller */
static void
start_verdict(PsVerdict *verdict, const PsOrder *order,
			  const PsPayment *payment)
{
	memset(verdict, 0, sizeof(PsVerdict));
	if (order != NULL)
		verdict->order = *order;
	else
		verdict->order.status = PS_NO_STATUS;
	if (payment != NULL)
		verdict->payment = *payment;
	else
		verdict->payment.status = PS_NO_STATUS;
	verdict->cascade_to = PS_NO_STATUS;
}

static void
refuse(PsVerdict *verdict, PsRefusalClass refusal, PsWhy why)
{
	verdict->refusal = refusal;
	verdict->why = why;
}

/*
 * No rule fires for a reason that is not an amount.  What the order may still
 * undergo makes the code; setting an order's own status is never merely late,
 * and a payment for an order that takes none is never illegal in itself.
 */
static void
refuse_state(const PsQuestion *c, PsVerdict *verdict, PsWhy why)
{
	PsRefusalClass refusal = PS_CLOSED;

	if (c->event->kind == PS_EV_CANCEL || c->event->kind == PS_EV_FAIL)
		refusal = PS_ILLEGAL;
	else if (c->event->kind != PS_EV_INSERT &&
			 (why == PS_WHY_NOT_HERE || why == PS_WHY_STATE))
	{
		int			status = c->order->status;

		if (status < 0 || status >= c->lc->norder ||
			c->lc->order[status].role == PS_OPEN ||
			c->lc->order[status].role == PS_HELD)
			refusal = PS_ILLEGAL;
	}
	refuse(verdict, refusal, why);
}

/* the money of the payment, and of its order where it has one */
static PsWhy
apply_money(const PsQuestion *c, uint32 effects, PsOrder *order,
			PsPayment *payment)
{
	int64		amount = c->event->amount;

	if (effects & PS_E_CAPTURE)
	{
		Assert(amount >= 0 && order->amount_paid <= PG_INT64_MAX - amount); /* it was due */
		payment->amount_captured = amount;
		order->amount_paid += amount;
	}
	if (effects & PS_E_REFUND)
	{
		if (pg_add_s64_overflow(payment->amount_refunded, amount,
								&payment->amount_refunded))
			return PS_WHY_OVERFLOW;
		if (c->order != NULL &&
			pg_add_s64_overflow(order->amount_refunded, amount,
								&order->amount_refunded))
			return PS_WHY_OVERFLOW;
	}
	if (effects & PS_E_AUTO_REFUND)
		payment->amount_refunded = payment->amount;
	return PS_WHY_NONE;
}

/* the payment as the event leaves it, money apart */
static void
move_payment(const PsEvent *event, const PsRule *rule, PsPayment *payment)
{
	if (event->kind == PS_EV_INSERT)
	{
		memset(payment, 0, sizeof(PsPayment));
		payment->amount = event->amount;
		payment->status = event->to;
	}
	else if (event->kind == PS_EV_MOVE)
		payment->status = event->to;
	else if (rule->payment_after != PS_NO_STATUS)
		payment->status = rule->payment_after;
}

static PsWhy
apply_rule(const PsQuestion *c, const PsRule *rule, PsVerdict *verdict)
{
	PsOrder    *order = &verdict->order;
	PsPayment  *payment = &verdict->payment;
	int			from = PS_NO_STATUS;
	PsWhy		why;

	if (c->event->kind == PS_EV_MOVE || c->event->kind == PS_EV_REFUND)
		from = c->payment->status;
	if (c->event->kind != PS_EV_CANCEL && c->event->kind != PS_EV_FAIL)
	{
		move_payment(c->event, rule, payment);
		why = move_totals(c->lc, order, payment->amount, from,
						  payment->status);
		if (why != PS_WHY_NONE)
			return why;
	}
	if ((rule->effects & PS_E_ATTEMPT) &&
		pg_add_s32_overflow(order->attempts, 1, &order->attempts))
		return PS_WHY_OVERFLOW;
	why = apply_money(c, rule->effects, order, payment);
	if (why != PS_WHY_NONE)
		return why;
	order->status = rule->order_after;
	if ((rule->effects & PS_E_CASCADE) && c->others > 0)
		verdict->cascade_to = rule->cascade_to;
	verdict->rule = rule;
	return PS_WHY_NONE;
}

/* the rule's guards hold: what comes of it */
static void
fire(const PsQuestion *c, const PsRule *rule, PsVerdict *verdict)
{
	PsWhy		why;

	if (c->event->kind == PS_EV_REFUND && c->event->reserve)
	{
		/* cannot overflow: the refund was just found to fit */
		verdict->payment.refund_pending += c->event->amount;
		return;
	}
	why = apply_rule(c, rule, verdict);
	if (why == PS_WHY_NONE)
		return;
	start_verdict(verdict, c->order, c->payment);
	refuse(verdict, why == PS_WHY_TOTALS ? PS_DRIFTED : PS_BAD_AMOUNT, why);
}

/* tries the rules first[at] to first[at + 1] - 1, which are at least one */
static void
try_rules(const PsQuestion *c, int at, PsVerdict *verdict)
{
	const PsRule *nearest = NULL;	/* only amounts forbid it */
	PsWhy		state = PS_WHY_STATE;

	for (int i = c->lc->first[at]; i < c->lc->first[at + 1]; i++)
	{
		const PsRule *rule = &c->lc->rules[i];
		PsWhy		why = paystate_state_why(c, rule);

		if (why != PS_WHY_NONE)
			state = Min(state, why);
		else if (c->event->kind == PS_EV_INSERT && !c->event->currency_ok)
		{
			refuse(verdict, PS_BAD_CURRENCY, PS_WHY_NONE);
			return;
		}
		else if (paystate_amounts_hold(c, rule))
		{
			fire(c, rule, verdict);
			return;
		}
		else if (nearest == NULL)
			nearest = rule;
	}
	if (nearest == NULL)
		refuse_state(c, verdict, state);
	else if (c->event->kind == PS_EV_CANCEL || c->event->kind == PS_EV_FAIL)
		refuse_state(c, verdict, PS_WHY_STATE);
	else
		refuse(verdict, PS_BAD_AMOUNT, paystate_amount_why(c, nearest));
}

void
paystate_advance(const PsLifecycle *lc, const PsOrder *order,
				 const PsPayment *payment, const PsEvent *event,
				 PsVerdict *verdict)
{
	const int	from = payment == NULL ? PS_NO_STATUS : payment->status;
	const int	slot = paystate_event_slot(lc, event->kind, from, event->to);
	PsQuestion	c = {lc, order, payment, event, order->payments_open};
	int			at;

	start_verdict(verdict, order, payment);
	if (event->kind == PS_EV_INSERT && event->to != lc->payment_initial)
	{
		refuse(verdict, PS_WRONG_INITIAL, PS_WHY_NO_RULE);
		return;
	}
	if (!paystate_has_rule(lc, slot) ||
		(event->kind == PS_EV_CANCEL && !lc->order_cancel))
	{
		refuse(verdict, PS_ILLEGAL, PS_WHY_NO_RULE);
		return;
	}
	if ((event->kind == PS_EV_MOVE || event->kind == PS_EV_REFUND) &&
		paystate_is_live(lc, from))
		c.others--;
	at = slot * lc->norder + order->status;
	if (paystate_too_late(&c))
		refuse(verdict, PS_ILLEGAL, PS_WHY_TOO_LATE);
	else if (order->status < 0 || order->status >= lc->norder ||
			 lc->first[at] == lc->first[at + 1])
		refuse_state(&c, verdict, PS_WHY_NOT_HERE);
	else
		try_rules(&c, at, verdict);
}

/* the events of a payment alone: no order, no totals, no money captured */
static void
advance_alone(const PsQuestion *c, int slot, PsVerdict *verdict)
{
	const PsLifecycle *lc = c->lc;
	const int	end = lc->first[(slot + 1) * lc->norder];

	for (int i = lc->first[slot * lc->norder]; i < end; i++)
	{
		const PsRule *rule = &lc->rules[i];

		if (!paystate_amounts_hold(c, rule))
			continue;
		if (c->event->kind == PS_EV_REFUND && c->event->reserve)
			verdict->payment.refund_pending += c->event->amount;
		else
		{
			move_payment(c->event, rule, &verdict->payment);
			(void) apply_money(c, rule->effects, &verdict->order,
							   &verdict->payment);
			verdict->rule = rule;
		}
		return;
	}
	refuse(verdict, PS_BAD_AMOUNT,
		   paystate_amount_why(c, &lc->rules[end - 1]));
}

void
paystate_advance_orderless(const PsLifecycle *lc, const PsPayment *payment,
						   const PsEvent *event, PsVerdict *verdict)
{
	const int	from = payment == NULL ? PS_NO_STATUS : payment->status;
	const int	slot = paystate_event_slot(lc, event->kind, from, event->to);
	PsQuestion	c = {lc, NULL, payment, event, 0};

	start_verdict(verdict, NULL, payment);
	if (event->kind == PS_EV_INSERT)
	{
		if (event->to != lc->payment_initial)
			refuse(verdict, PS_WRONG_INITIAL, PS_WHY_NO_RULE);
		else if (!event->currency_ok)
			refuse(verdict, PS_BAD_CURRENCY, PS_WHY_NONE);
		else if (event->amount <= 0)
			refuse(verdict, PS_BAD_AMOUNT, PS_WHY_NOT_POSITIVE);
		else
			move_payment(event, NULL, &verdict->payment);
	}
	else if (event->kind == PS_EV_CANCEL || event->kind == PS_EV_FAIL ||
			 !paystate_has_rule(lc, slot))
		refuse(verdict, PS_ILLEGAL, PS_WHY_NO_RULE);
	else if (event->kind == PS_EV_MOVE &&
			 lc->payment[event->to].role == PS_SETTLED)
		refuse(verdict, PS_CLOSED, PS_WHY_NOT_HERE);
	else if (paystate_too_late(&c))
		refuse(verdict, PS_ILLEGAL, PS_WHY_TOO_LATE);
	else
		advance_alone(&c, slot, verdict);
}
