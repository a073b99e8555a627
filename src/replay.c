/*
 * replay.c
 *		The history of an order judged once more, row by row, by the same
 *		advance() that judged the writes: it must lead from row to row, and in
 *		the end to the order and payments as they stand.
 *
 * No state.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "replay.h"

/* another payment that goes along with the step before */
static bool
take_along(PsReplay *r, const PsStep *s, int to)
{
	PsLeg	   *leg = paystate_book_leg(r->book, s->payment);

	if (leg == NULL || !leg->known || s->refund_to != NULL ||
		to == PS_NO_STATUS ||
		!paystate_is_live(r->lc, leg->now.status) ||
		replay_payment_index(r, s->payment_from) != leg->now.status ||
		replay_payment_index(r, s->payment_to) != to ||
		!replay_same(s->order_from, s->order_to) ||
		s->amount != leg->now.amount ||
		!paystate_cascade(r->lc, &r->order, leg->now.amount, leg->now.status, to))
		return paystate_replay_illegal(r, s);
	leg->now.status = to;
	if (r->order.payments_open == r->stays)
		r->cascade_to = PS_NO_STATUS;
	return paystate_replay_enter(r, s, r->order.status);
}

/* cancelled or failed, or its amount changed before the first payment */
static bool
take_order_event(PsReplay *r, const PsStep *s)
{
	static const PsEventKind kinds[] = {PS_EV_CANCEL, PS_EV_FAIL};
	PsEvent		event = {0};
	PsVerdict	v;
	PsWhy		why;

	for (int i = 0; i < (int) lengthof(kinds); i++)
	{
		event.kind = kinds[i];
		paystate_advance(r->lc, &r->order, NULL, &event, &v);
		if (v.refusal != PS_LEGAL || s->amount != 0 ||
			v.order.status != replay_order_index(r, s->order_to))
			continue;
		r->order = v.order;
		r->cascade_to = v.cascade_to;
		r->stays = 0;
		return paystate_replay_enter(r, s, v.order.status);
	}
	if (!replay_same(s->order_from, s->order_to) ||
		r->lc->amount_fixed_at_creation || r->order.attempts > 0 ||
		r->order.payments_open > 0 ||
		paystate_open_order(r->lc, s->amount, r->order.partial_payment, true,
							&why) != PS_LEGAL)
		return paystate_replay_illegal(r, s);
	r->order.amount = s->amount;
	return paystate_replay_enter(r, s, r->order.status);
}

/* a status that was forced: by no rule, but never against the money */
static bool
take_forced(PsReplay *r, const PsStep *s)
{
	int			to = replay_order_index(r, s->order_to);

	if (s->payment != NULL || to == PS_NO_STATUS || s->amount != 0 ||
		paystate_force(r->lc, &r->order, to) != PS_FORCE_OK)
		return paystate_replay_illegal(r, s);
	r->stays = 0;
	if (r->order.payments_open > 0)
		r->cascade_to = paystate_forced_cascade(r->lc, to);
	return paystate_replay_enter(r, s, to);
}

/* a refund's own step, its reserve apart; NULL: the history cannot say so */
static const char *
refund_after(const PsRefund *refund, const PsPayment *payment, const char *to)
{
	if (refund->now == NULL)	/* failed at first: told late */
		return replay_same(to, "failed") &&
			!paystate_late_refund(payment, refund->amount) ? NULL : to;
	return replay_same(refund->now, "pending") && !replay_same(to, "pending") ?
		to : NULL;
}

static bool
judge(PsReplay *r, const PsStep *s, const PsPayment *before,
	  const PsEvent *event, PsVerdict *v)
{
	paystate_advance(r->lc, &r->order, before, event, v);
	return v->refusal == PS_LEGAL &&
		v->payment.status == replay_payment_index(r, s->payment_to);
}

/* money given back: by a refund, or by the payment set to "refunded" */
static bool
give_back(PsReplay *r, const PsStep *s, const PsLeg *leg,
		  const PsPayment *before, PsEvent *event, PsVerdict *v)
{
	if (judge(r, s, before, event, v))
		return true;
	paystate_move_event(r->lc, &leg->now, replay_payment_index(r, s->payment_to), 0, event);
	return (event->amount == s->amount && judge(r, s, &leg->now, event, v)) ||
		paystate_replay_illegal(r, s);
}

/* a refund inserted, processed, failed; or the payment set to "refunded" */
static bool
take_refund(PsReplay *r, const PsStep *s, PsLeg *leg, PsVerdict *v)
{
	PsRefund   *refund = paystate_book_refund(r->book, s->payment, s->refund);
	PsEvent		event = {.kind = PS_EV_REFUND,.to = PS_NO_STATUS,.amount = s->amount};
	PsPayment	before = leg->now;
	const char *after;

	/* a shop without a table of refunds has their totals alone */
	if (r->book->tables->refunds == NULL && s->refund == NULL &&
		replay_same(s->refund_to, "processed"))
		return give_back(r, s, leg, &before, &event, v);
	if (refund == NULL)
		return paystate_replay_stop(r, s, "missing refund",
									s->refund ? s->refund : "a row of the refunds", NULL);
	if (refund->amount != s->amount)
		return paystate_replay_stop(r, s, psprintf("amount of refund \"%s\"", refund->id),
									replay_number(s->amount), replay_number(refund->amount));
	after = refund_after(refund, &before, s->refund_to);
	if (after == NULL)
		return paystate_replay_illegal(r, s);
	if (refund->now != NULL)
		before.refund_pending -= s->amount;
	refund->now = after;
	event.reserve = strcmp(after, "pending") == 0;
	if (strcmp(after, "failed") == 0)
	{
		v->order = r->order;
		v->payment = before;
		v->cascade_to = PS_NO_STATUS;
		return before.status == replay_payment_index(r, s->payment_to) || paystate_replay_illegal(r, s);
	}
	return give_back(r, s, leg, &before, &event, v);
}

/* an insert, or else one that was told late */
static bool
judge_insert(PsReplay *r, const PsStep *s, const PsEvent *event, PsVerdict *v)
{
	if (judge(r, s, NULL, event, v))
		return true;
	paystate_advance_late(r->lc, &r->order, event, v);
	return v->refusal == PS_LEGAL;
}

static bool
take_payment(PsReplay *r, const PsStep *s, PsLeg *leg, PsVerdict *v)
{
	PsEvent		event = {.kind = PS_EV_INSERT,.amount = s->amount,.currency_ok = true};
	int			to = replay_payment_index(r, s->payment_to);

	event.to = to;
	if (s->payment_from == NULL)
		return (!leg->known && judge_insert(r, s, &event, v)) || paystate_replay_illegal(r, s);
	if (leg->now.status == to)
		event.kind = PS_EV_REFUND;
	else
	{
		paystate_move_event(r->lc, &leg->now, to, s->amount, &event);
		if (s->amount != (replay_has_role(r, to, PS_SETTLED) || replay_has_role(r, to, PS_RETURNED) ?
						  event.amount : leg->now.amount))
			return paystate_replay_illegal(r, s);
	}
	return judge(r, s, &leg->now, &event, v) || paystate_replay_illegal(r, s);
}

static bool
take_payment_event(PsReplay *r, const PsStep *s)
{
	PsLeg	   *leg = paystate_book_leg(r->book, s->payment);
	PsVerdict	v = {0};

	if (leg == NULL)
		return paystate_replay_stop(r, s, "missing payment", s->payment, NULL);
	if (s->payment_from != NULL &&
		!replay_same(s->payment_from, replay_payment_label(r, leg)))
		return paystate_replay_stop(r, s, "payment_from", replay_payment_label(r, leg), s->payment_from);
	if (!(s->refund_to != NULL ? take_refund(r, s, leg, &v) :
		  take_payment(r, s, leg, &v)))
		return false;
	leg->known = true;
	leg->now = v.payment;
	r->order = v.order;
	r->cascade_to = v.cascade_to;
	r->stays = paystate_is_live(r->lc, v.payment.status);
	return paystate_replay_enter(r, s, v.order.status);
}

bool
paystate_replay_step(PsReplay *r, const PsStep *s)
{
	r->done++;
	if (!replay_same(s->order_from, replay_order_label(r)))
		return paystate_replay_stop(r, s, "order_from", replay_order_label(r), s->order_from);
	if (r->cascade_to != PS_NO_STATUS)
		return take_along(r, s, r->cascade_to);
	if (s->forced)
		return take_forced(r, s);
	return s->payment == NULL ? take_order_event(r, s) : take_payment_event(r, s);
}

bool
paystate_replay(PsReplay *r, PsBook *book)
{
	int			i = paystate_replay_begin(r, book);

	if (i < 0)
		return false;
	while (++i < book->nsteps)
	{
		if (!paystate_replay_step(r, &book->steps[i]))
			return false;
	}
	if (r->cascade_to == PS_NO_STATUS)
		return true;
	return paystate_replay_stop(r, &book->steps[book->nsteps - 1], "payments that did not go along",
								"0", replay_number(r->order.payments_open));
}

bool
paystate_replay_agrees(const PsReplay *r)
{
	for (int i = 0; i < r->book->nlegs; i++)
	{
		const PsLeg *leg = &r->book->legs[i];

		if (!leg->known || leg->row.status != leg->now.status ||
			leg->row.amount != leg->now.amount ||
			leg->row.amount_captured != leg->now.amount_captured ||
			leg->row.amount_refunded != leg->now.amount_refunded ||
			leg->row.refund_pending != leg->now.refund_pending)
			return false;
	}
	return true;
}
