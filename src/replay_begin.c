/*
 * replay_begin.c
 *		Where the history of an order can be followed from: from its insert,
 *		from where it was found, attached or repaired, or from the first row
 *		that is left of it.
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

/* was it pending before that step?  Where no row says, its time must do. */
static bool
was_pending(const PsBook *book, const PsRefund *refund, int before,
			TimestampTz begun)
{
	for (int i = before - 1; i >= 0; i--)
	{
		const PsStep *s = &book->steps[i];

		if (!replay_same(s->payment, refund->payment))
			continue;
		if (s->payment_from == NULL)
			return false;
		if (replay_same(s->refund_to, "pending") &&
			replay_same(s->refund, refund->id))
			return true;
	}
	return refund->created_at < begun;
}

/* a step on a refund, taken back; its money stays with the caller */
static void
undo_refund(PsReplay *r, int i, TimestampTz begun, PsLeg *leg)
{
	PsBook	   *book = r->book;
	const PsStep *s = &book->steps[i];
	PsRefund   *refund = paystate_book_refund(book, s->payment, s->refund);
	const char *was = NULL;

	if (replay_same(s->refund_to, "pending"))
		leg->now.refund_pending -= s->amount;
	else if (replay_same(s->refund_to, "failed") ||
			 (refund != NULL &&
			  !replay_has_role(r, replay_payment_index(r, s->payment_from), PS_HELD) &&
			  was_pending(book, refund, i, begun)))
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
undo(PsReplay *r, int i, TimestampTz begun)
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
		undo_refund(r, i, begun, leg);
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
static void
undo_from(PsReplay *r, int first, TimestampTz begun)
{
	PsBook	   *book = r->book;

	for (int i = 0; i < book->nlegs; i++)
	{
		book->legs[i].known = true;
		book->legs[i].now = book->legs[i].row;
	}
	for (int i = 0; i < book->nrefunds; i++)
		book->refunds[i].now = book->refunds[i].status;
	for (int i = book->nsteps - 1; i >= first; i--)
		undo(r, i, begun);
	for (int i = 0; i < book->nlegs; i++)
	{
		if (book->legs[i].known)
			add_leg(r, &book->legs[i]);
	}
}

static bool
begin_found(PsReplay *r, int begin)
{
	const PsStep *s = &r->book->steps[begin];

	undo_from(r, begin + 1, s->at);
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

/* ---- or one whose first rows were let go */

/* the step, tried on an order with so many attempts; all as before if not */
static bool
try_first(PsReplay *r, int attempts)
{
	const PsReplay before = *r;
	const PsStep *s = &r->book->steps[0];
	PsLeg	   *leg = paystate_book_leg(r->book, s->payment);
	PsRefund   *refund = paystate_book_refund(r->book, s->payment, s->refund);
	PsLeg		leg_before = {0};
	PsRefund	refund_before = {0};

	if (leg != NULL)
		leg_before = *leg;
	if (refund != NULL)
		refund_before = *refund;
	r->order.attempts = attempts;
	if (paystate_replay_step(r, s))
		return true;
	*r = before;
	if (leg != NULL)
		*leg = leg_before;
	if (refund != NULL)
		*refund = refund_before;
	return false;
}

/*
 * The first row that is left is judged, too; it does not say how many
 * attempts there were before it.  Payments that go along with an event have
 * its time, so none of them stands in another partition.
 */
static bool
begin_kept(PsReplay *r)
{
	const PsStep *s = &r->book->steps[0];

	undo_from(r, 0, s->at);
	r->order.amount = r->book->order.amount;
	r->order.status = replay_order_index(r, s->order_from);
	if (try_first(r, s->attempts) || try_first(r, s->attempts - 1))
		return true;
	r->order.attempts = s->attempts;
	return paystate_replay_step(r, s);
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
	r->found = book->steps[begin].found || book->steps[begin].seq > 1;
	if (book->steps[begin].found)
		ok = begin_found(r, begin);
	else if (r->found)
		ok = begin_kept(r);
	else
		ok = begin_inserted(r, &book->steps[begin]);
	r->done = begin + 1;
	return ok ? begin : -1;
}
