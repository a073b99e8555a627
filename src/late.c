/*
 * late.c
 *		The decision on a payment that is told too late: it was made when its
 *		order still took payments, and is known only now.  Gateways' events
 *		come in any order, and an attempt that failed before another one paid
 *		the order did happen.
 *
 * It can do no harm, for it brings no money: either it is dead already, and
 * only counts as the attempt that it was; or it is in its initial status
 * where a rule leads it on from, and then every further move is judged by the
 * rules, as of any payment.  The order's status stays.
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
	PsWhy		why;

	memset(verdict, 0, sizeof(PsVerdict));
	verdict->order = *order;
	verdict->payment.status = PS_NO_STATUS;
	verdict->cascade_to = PS_NO_STATUS;
	if (order->status < 0 || event->to < 0 ||
		!(live ? lc->payment[event->to].role == PS_OPEN : could_die(lc, event->to)))
		refuse(verdict, order, PS_WRONG_INITIAL, PS_WHY_NO_RULE);
	else if (live && !has_exit(lc, order->status))
		refuse(verdict, order, PS_CLOSED, PS_WHY_NOT_HERE);
	else if (lc->max_attempts > 0 && order->attempts >= lc->max_attempts)
		refuse(verdict, order, PS_CLOSED, PS_WHY_ATTEMPTS_USED);
	else if (!event->currency_ok)
		refuse(verdict, order, PS_BAD_CURRENCY, PS_WHY_NONE);
	else if ((why = amount_why(lc, order, event, live)) != PS_WHY_NONE)
		refuse(verdict, order, PS_BAD_AMOUNT, why);
	else if (!count_payment(lc, event, live, verdict))
		refuse(verdict, order, PS_BAD_AMOUNT, PS_WHY_OVERFLOW);
}
