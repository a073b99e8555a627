/*
 * replay_begin.c
 *		Where the history of an order can be followed from: from its insert,
 *		or from where it was found, attached or repaired.
 *
 * No state.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "replay.h"

/* ---- where it begins: an order that was inserted */

static bool
begin_inserted(PsReplay *r, const PsStep *s)
{
	PsWhy		why;

	r->order.amount = s->amount;
	r->order.status = r->lc->order_initial;
	if (s->payment != NULL || s->order_from != NULL || s->order_since != 0 ||
		!replay_same(s->order_to, replay_order_label(r)) ||
		paystate_open_order(r->lc, s->amount, r->order.partial_payment, true,
							&why) != PS_LEGAL)
		return paystate_replay_illegal(r, s);
	return paystate_replay_enter(r, s, r->order.status);
}

/* ---- or one that was found: attached, or repaired */

static bool
was_pending(const PsBook *book, const PsRefund *refund, int before,
			TimestampTz begun)
{
	for (int i = 0; i < before; i++)
	{
		const PsStep *s = &book->steps[i];

		if (replay_same(s->refund_to, "pending") &&
			replay_same(s->refund, refund->id) &&
			replay_same(s->payment, refund->payment))
			return true;
	}
	return refund->created_at < begun;
}

/* a step on a refund, taken back; its money stays with the caller */
static void
undo_refund(PsReplay *r, int i, int begin, PsLeg *leg)
{
	PsBook	   *book = r->book;
	const PsStep *s = &book->steps[i];
	PsRefund   *refund = paystate_book_refund(book, s->payment, s->refund);
	const char *was = NULL;

	if (replay_same(s->refund_to, "pending"))
		leg->now.refund_pending -= s->amount;
	else if (replay_same(s->refund_to, "failed") ||
			 (refund != NULL &&
			  was_pending(book, refund, i, book->steps[begin].at)))
	{
		leg->now.refund_pending += s->amount;
		was = "pending";
	}
	if (replay_same(s->refund_to, "processed"))
		leg->now.amount_refunded -= s->amount;
	if (refund != NULL)
		refund->now = was;
}

/* a step taken back: what its payment was before it */
static void
undo(PsReplay *r, int i, int begin)
{
	const PsStep *s = &r->book->steps[i];
	PsLeg	   *leg = paystate_book_leg(r->book, s->payment);
	int			from = replay_payment_index(r, s->payment_from);
	int			to = replay_payment_index(r, s->payment_to);

	if (leg == NULL)
		return;
	if (s->payment_from == NULL)
	{
		leg->known = false;
		return;
	}
	leg->now.status = from;
	if (s->refund_to != NULL)
		undo_refund(r, i, begin, leg);
	else if (from == to || replay_has_role(r, to, PS_RETURNED))
		leg->now.amount_refunded -= s->amount;
	if (replay_has_role(r, to, PS_SETTLED) && !replay_has_role(r, from, PS_SETTLED))
		leg->now.amount_captured = 0;
}

static void
add_leg(PsReplay *r, const PsLeg *leg)
{
	const PsPayment *p = &leg->now;

	r->order.amount_paid += p->amount_captured;
	if (p->amount_captured > 0)
		r->order.amount_refunded += p->amount_refunded;
	if (replay_has_role(r, p->status, PS_OPEN))
		r->order.amount_pending += p->amount;
	if (replay_has_role(r, p->status, PS_HELD))
		r->order.amount_authorized += p->amount;
	r->order.payments_open += paystate_is_live(r->lc, p->status);
}

/*
 * What the payments were then is not written anywhere: it is what they are
 * now, less all that the history says of them since.
 */
static bool
begin_found(PsReplay *r, int begin)
{
	PsBook	   *book = r->book;
	const PsStep *s = &book->steps[begin];

	for (int i = 0; i < book->nlegs; i++)
	{
		book->legs[i].known = true;
		book->legs[i].now = book->legs[i].row;
	}
	for (int i = 0; i < book->nrefunds; i++)
		book->refunds[i].now = book->refunds[i].status;
	for (int i = book->nsteps - 1; i > begin; i--)
		undo(r, i, begin);
	for (int i = 0; i < book->nlegs; i++)
	{
		if (book->legs[i].known)
			add_leg(r, &book->legs[i]);
	}
	r->order.amount = s->amount;
	r->order.attempts = s->attempts;
	r->order.status = replay_order_index(r, s->order_to);
	if (r->order.status == PS_NO_STATUS)
		return paystate_replay_illegal(r, s);
	if (r->order.amount_paid != s->amount_paid)
		return paystate_replay_stop(r, s, "amount_paid", replay_number(r->order.amount_paid),
									replay_number(s->amount_paid));
	return true;
}

int
paystate_replay_begin(PsReplay *r, PsBook *book)
{
	int			begin = book->nsteps - 1;
	bool		ok;

	memset(r, 0, sizeof(*r));
	r->book = book;
	r->lc = book->lc;
	r->cascade_to = PS_NO_STATUS;
	r->order.partial_payment = book->order.partial_payment;
	r->order.first_payment_min_amount = book->order.first_payment_min_amount;
	while (begin > 0 && !book->steps[begin].found)
		begin--;
	r->found = book->steps[begin].found;
	ok = r->found ? begin_found(r, begin) :
		begin_inserted(r, &book->steps[begin]);
	r->done = begin + 1;
	return ok ? begin : -1;
}
