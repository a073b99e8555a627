/*
 * derive.c
 *		Which status, and how many attempts, an order has by its payments.
 *
 * Totals are sums, but a status is where a path of events led.  The history
 * is such a path; where payments stand elsewhere than it leads, the events
 * that it lacks are looked for: first after what it says, then from an empty
 * order.  Where no path can be found the order stays where the history left it.
 *
 * No state.
 */
#include "postgres.h"

#include "derive.h"

/* a payment goes through no more statuses than this */
#define MAX_MOVES 4

static bool
has_role(const PsLifecycle *lc, int status, PsRole role)
{
	return status != PS_NO_STATUS && lc->payment[status].role == role;
}

/* the totals of the payments as they stand */
void
paystate_sum_up(const PsBook *book, PsOrder *sums)
{
	*sums = book->order;
	sums->amount_paid = sums->amount_refunded = 0;
	sums->amount_authorized = sums->amount_pending = 0;
	sums->payments_open = 0;
	for (int i = 0; i < book->nlegs; i++)
	{
		const PsPayment *p = &book->legs[i].row;

		sums->amount_paid += p->amount_captured;
		if (p->amount_captured > 0)
			sums->amount_refunded += p->amount_refunded;
		if (has_role(book->lc, p->status, PS_HELD))
			sums->amount_authorized += p->amount;
		if (has_role(book->lc, p->status, PS_OPEN))
			sums->amount_pending += p->amount;
		sums->payments_open += paystate_is_live(book->lc, p->status);
	}
}

static bool
is_there(const PsPayment *now, const PsPayment *row)
{
	return now->status == row->status &&
		now->amount_captured == row->amount_captured &&
		now->amount_refunded == row->amount_refunded;
}

static bool
judge(const PsLifecycle *lc, const PsOrder *order, const PsPayment *now,
	  const PsEvent *event, PsVerdict *v)
{
	paystate_advance(lc, order, now, event, v);
	return v->refusal == PS_LEGAL && v->cascade_to == PS_NO_STATUS;
}

/* moves of one payment that lead from where it is to its row */
static bool
walk(const PsLifecycle *lc, PsOrder *order, PsPayment *now,
	 const PsPayment *row, int moves)
{
	PsVerdict	v;
	PsEvent		event = {.kind = PS_EV_REFUND,.to = PS_NO_STATUS};

	if (is_there(now, row))
		return true;
	if (moves == 0)
		return false;
	event.amount = row->amount_refunded - now->amount_refunded;
	if (event.amount > 0 && judge(lc, order, now, &event, &v) &&
		walk(lc, &v.order, &v.payment, row, moves - 1))
	{
		*order = v.order;
		*now = v.payment;
		return true;
	}
	for (int to = 0; to < lc->npayment; to++)
	{
		paystate_move_event(lc, now, to, row->amount_captured, &event);
		if (to == now->status || !judge(lc, order, now, &event, &v) ||
			!walk(lc, &v.order, &v.payment, row, moves - 1))
			continue;
		*order = v.order;
		*now = v.payment;
		return true;
	}
	return false;
}

static bool
lead_to_row(const PsLifecycle *lc, PsOrder *order, PsLeg *leg)
{
	PsEvent		event = {.kind = PS_EV_INSERT,.currency_ok = true};
	PsVerdict	v;

	if (!leg->known)
	{
		event.to = lc->payment_initial;
		event.amount = leg->row.amount;
		if (!judge(lc, order, NULL, &event, &v))
			return false;
		*order = v.order;
		leg->now = v.payment;
		leg->known = true;
	}
	return walk(lc, order, &leg->now, &leg->row, MAX_MOVES);
}

/* those of some role after those of another, as they would have happened */
static bool
lead_all(PsBook *book, PsOrder *order, const PsRole *roles, int nroles)
{
	for (int i = 0; i < nroles; i++)
	{
		for (int j = 0; j < book->nlegs; j++)
		{
			PsLeg	   *leg = &book->legs[j];

			if (book->lc->payment[leg->row.status].role == roles[i] &&
				!lead_to_row(book->lc, order, leg))
				return false;
		}
	}
	return true;
}

static bool
lead_from_empty(PsBook *book, PsOrder *order)
{
	static const PsRole orders[][5] = {
		{PS_DEAD, PS_RETURNED, PS_SETTLED, PS_HELD, PS_OPEN},
		{PS_OPEN, PS_HELD, PS_DEAD, PS_RETURNED, PS_SETTLED}
	};

	for (int i = 0; i < (int) lengthof(orders); i++)
	{
		memset(order, 0, sizeof(*order));
		order->status = book->lc->order_initial;
		order->amount = book->order.amount;
		order->partial_payment = book->order.partial_payment;
		order->first_payment_min_amount = book->order.first_payment_min_amount;
		for (int j = 0; j < book->nlegs; j++)
			book->legs[j].known = false;
		if (lead_all(book, order, orders[i], lengthof(orders[i])))
			return true;
	}
	return false;
}

/* where the history left it, or else the row has it */
static void
keep(const PsBook *book, int *status, int *attempts)
{
	*status = book->order.status;
	*attempts = Max(book->order.attempts, 0);
	if (book->nsteps > 0)
	{
		const PsStep *last = &book->steps[book->nsteps - 1];
		int			left = paystate_label_index(book->lc->order, book->lc->norder,
												last->order_to);

		if (left != PS_NO_STATUS)
			*status = left;
		*attempts = last->attempts;
	}
	if (*status == PS_NO_STATUS)
		*status = book->lc->order_initial;
}

bool
paystate_derive(PsBook *book, int *status, int *attempts)
{
	static const PsRole as_they_come[] = {
		PS_DEAD, PS_RETURNED, PS_SETTLED, PS_HELD, PS_OPEN
	};
	PsReplay	replay;
	PsOrder		order;
	bool		followed = book->nsteps > 0 && paystate_replay(&replay, book);
	bool		agreed = followed && paystate_replay_agrees(&replay);

	if (followed)
		order = replay.order;
	if (agreed ||
		(followed && lead_all(book, &order, as_they_come, lengthof(as_they_come))) ||
		lead_from_empty(book, &order))
	{
		*status = order.status;
		*attempts = order.attempts;
	}
	else
		keep(book, status, attempts);
	return agreed;
}
