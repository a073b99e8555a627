/*
 * late.c
 *		The decision on what is told too late: a payment that was made when its
 *		order still took payments, a refund that failed before all money went
 *		back.  Gateways' events come in any order, and these did happen.
 *
 * A payment brings no money then: either it is dead already, and only counts
 * as the attempt that it was; or it is in its initial status where a rule
 * leads it on from, and then every further move is judged by the rules, as of
 * any payment.  The order's status stays.
 *
 * But for one case.  Where refunds move the order, one that gives back a leg
 * may be told before another leg's capture that came before it, and nothing
 * more is taken by then.  That leg is inserted as captured, in one step, if
 * the rules would have had it all in turn: opened, captured, and then given
 * back what was given back.
 *
 * Pure like advance.c.  No static state.
 */
#include "postgres.h"

#include "common/int.h"

#include "advance.h"

static void
refuse(PsVerdict *verdict, const PsOrder *order, PsRefusalClass refusal, PsWhy why)
{
	verdict->order = *order;
	verdict->refusal = refusal;
	verdict->why = why;
}

/* a rule of that event, in one order status or (-1) in any */
static const PsRule *
find_rule(const PsLifecycle *lc, int slot, int order_status)
{
	int			from = slot * lc->norder + Max(order_status, 0);
	int			end = order_status < 0 ? (slot + 1) * lc->norder : from + 1;

	if (slot < 0 || slot >= lc->nslots || lc->first[from] == lc->first[end])
		return NULL;
	return &lc->rules[lc->first[from]];
}

static const PsRule *
find_move(const PsLifecycle *lc, int to, int order_status)
{
	return find_rule(lc, paystate_event_slot(lc, PS_EV_MOVE, lc->payment_initial, to),
					 order_status);
}

/* could a payment that was opened once have died so, by itself or others? */
static bool
could_die(const PsLifecycle *lc, int to)
{
	if (lc->payment[to].role != PS_DEAD)
		return false;
	if (find_move(lc, to, -1) != NULL)
		return true;
	for (int i = 0; i < lc->nrules; i++)
	{
		if ((lc->rules[i].effects & PS_E_CASCADE) && lc->rules[i].cascade_to == to)
			return true;
	}
	return false;
}

/* does a rule lead on, in the order's present status? */
static bool
has_exit(const PsLifecycle *lc, int order_status)
{
	for (int to = 0; to < lc->npayment; to++)
	{
		if (find_move(lc, to, order_status) != NULL)
			return true;
	}
	return false;
}

static bool
takes_parts(const PsLifecycle *lc, const PsOrder *order)
{
	return lc->partial_payment == PS_PARTIAL_LEGS ||
		(lc->partial_payment == PS_PARTIAL_ORDER && order->partial_payment);
}

static PsWhy
amount_why(const PsLifecycle *lc, const PsOrder *order, const PsEvent *event,
		   bool live)
{
	int64		left = order->amount - order->amount_paid;

	if (event->amount < 0 || (event->amount == 0 && order->amount != 0))
		return PS_WHY_NOT_POSITIVE;
	if (!takes_parts(lc, order))
		return event->amount == order->amount ? PS_WHY_NONE : PS_WHY_NOT_ORDER_AMOUNT;
	if (event->amount > order->amount)
		return PS_WHY_ABOVE_DUE;
	if (live && lc->parallel_payments == PS_PARALLEL_LEGS &&
		event->amount > left - order->amount_authorized - order->amount_pending)
		return PS_WHY_LEGS_ABOVE_AMOUNT;
	return PS_WHY_NONE;
}

static bool
step(const PsLifecycle *lc, PsOrder *order, PsPayment *payment, const PsEvent *event)
{
	PsVerdict	verdict;

	paystate_advance(lc, order, payment, event, &verdict);
	*order = verdict.order;
	*payment = verdict.payment;
	return verdict.refusal == PS_LEGAL;
}

/* as a refund of one payment that has all that was captured */
static bool
give_back(const PsLifecycle *lc, PsOrder *order, int settled, int64 amount)
{
	PsPayment	whole = {.status = settled,.amount = order->amount_paid,
	.amount_captured = order->amount_paid};
	PsEvent		refund = {.kind = PS_EV_REFUND,.to = PS_NO_STATUS,.amount = amount};

	return step(lc, order, &whole, &refund);
}

/* had the order that status before its refunds, what would all have come to? */
static bool
settle_from(const PsLifecycle *lc, const PsOrder *order, int status,
			const PsEvent *event, PsVerdict *verdict)
{
	PsEvent		opened = {.kind = PS_EV_INSERT,.to = lc->payment_initial,
	.amount = event->amount,.currency_ok = event->currency_ok};
	PsEvent		captured = {.kind = PS_EV_MOVE,.to = event->to,.amount = event->amount};
	PsOrder		without = *order;
	PsOrder		with;
	PsPayment	leg = {.status = PS_NO_STATUS};

	without.status = status;
	without.amount_refunded = 0;
	with = without;
	if (!give_back(lc, &without, event->to, order->amount_refunded) ||
		without.status != order->status ||
		!step(lc, &with, &leg, &opened) || !step(lc, &with, &leg, &captured) ||
		!give_back(lc, &with, event->to, order->amount_refunded))
		return false;
	verdict->order = with;
	verdict->payment = leg;
	return true;
}

static bool
settle_leg(const PsLifecycle *lc, const PsOrder *order, const PsEvent *event,
		   PsVerdict *verdict)
{
	for (int status = 0; status < lc->norder; status++)
	{
		if (lc->order[status].role == PS_OPEN &&
			settle_from(lc, order, status, event, verdict))
			return true;
	}
	return false;
}

/* by its insert, or else by the result that it had */
static bool
was_attempt(const PsLifecycle *lc, int to)
{
	const PsRule *opened = find_rule(lc, paystate_event_slot(lc, PS_EV_INSERT, PS_NO_STATUS,
															 lc->payment_initial), -1);
	const PsRule *moved = to == lc->payment_initial ? NULL : find_move(lc, to, -1);

	return (opened != NULL && (opened->effects & PS_E_ATTEMPT)) ||
		(moved != NULL && (moved->effects & PS_E_ATTEMPT));
}

static bool
count_payment(const PsLifecycle *lc, const PsEvent *event, bool live, PsVerdict *verdict)
{
	PsOrder    *order = &verdict->order;

	if (was_attempt(lc, event->to) &&
		pg_add_s32_overflow(order->attempts, 1, &order->attempts))
		return false;
	verdict->payment.status = event->to;
	verdict->payment.amount = event->amount;
	return !live ||
		(!pg_add_s64_overflow(order->amount_pending, event->amount, &order->amount_pending) &&
		 !pg_add_s32_overflow(order->payments_open, 1, &order->payments_open));
}

void
paystate_advance_late(const PsLifecycle *lc, const PsOrder *order,
					  const PsEvent *event, PsVerdict *verdict)
{
	bool		live = event->to == lc->payment_initial;
	bool		leg = event->to >= 0 && lc->payment[event->to].role == PS_SETTLED &&
		order->status >= 0 && lc->order[order->status].role == PS_RETURNED;
	PsWhy		why;

	memset(verdict, 0, sizeof(PsVerdict));
	verdict->order = *order;
	verdict->payment.status = PS_NO_STATUS;
	verdict->cascade_to = PS_NO_STATUS;
	if (order->status < 0 || event->to < 0 ||
		!(live ? lc->payment[event->to].role == PS_OPEN : leg || could_die(lc, event->to)))
		refuse(verdict, order, PS_WRONG_INITIAL, PS_WHY_NO_RULE);
	else if (live && !has_exit(lc, order->status))
		refuse(verdict, order, PS_CLOSED, PS_WHY_NOT_HERE);
	else if (lc->max_attempts > 0 && order->attempts >= lc->max_attempts)
		refuse(verdict, order, PS_CLOSED, PS_WHY_ATTEMPTS_USED);
	else if (!event->currency_ok)
		refuse(verdict, order, PS_BAD_CURRENCY, PS_WHY_NONE);
	else if ((why = amount_why(lc, order, event, live || leg)) != PS_WHY_NONE)
		refuse(verdict, order, PS_BAD_AMOUNT, why);
	else if (leg)
	{
		if (!settle_leg(lc, order, event, verdict))
			refuse(verdict, order, PS_CLOSED, PS_WHY_NOT_HERE);
	}
	else if (!count_payment(lc, event, live, verdict))
		refuse(verdict, order, PS_BAD_AMOUNT, PS_WHY_OVERFLOW);
}

/* could that much have been reserved once?  Nothing of it is left. */
bool
paystate_late_refund(const PsPayment *payment, int64 amount)
{
	return amount > 0 && amount <= payment->amount_captured;
}
