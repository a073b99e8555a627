/*
 * prove_steps.c
 *		What may happen to a small order and its payments: everything that a
 *		writer could try is put before advance(), and what it lets happen is
 *		handed on.
 *
 * No state.
 */
#include "postgres.h"

#include "atoms.h"
#include "prove.h"

typedef struct Trial
{
	const PsLifecycle *lc;
	const PsSpot *spot;
	PsOrder		order;
	PsOutcomeReader reader;
	void	   *arg;
} Trial;

static void
read_payment(const PsSpotPayment *from, PsPayment *to)
{
	to->status = from->status;
	to->amount = from->amount;
	to->amount_captured = from->captured;
	to->amount_refunded = from->refunded;
	to->refund_pending = from->pending;
}

static void
write_payment(const PsPayment *from, PsSpotPayment *to)
{
	to->status = from->status;
	to->amount = from->amount;
	to->captured = from->amount_captured;
	to->refunded = from->amount_refunded;
	to->pending = from->refund_pending;
}

/* the order, its counters being those of its payments */
void
paystate_spot_order(const PsLifecycle *lc, const PsSpot *spot, PsOrder *order)
{
	memset(order, 0, sizeof(*order));
	order->status = spot->status;
	order->attempts = spot->attempts;
	order->amount = spot->amount;
	order->partial_payment = spot->partial_payment != 0;
	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
	{
		const PsSpotPayment *p = &spot->payments[i];

		if (p->status == PS_NO_STATUS)
			continue;
		order->amount_paid += p->captured;
		if (p->captured > 0)
			order->amount_refunded += p->refunded;
		if (lc->payment[p->status].role == PS_OPEN)
			order->amount_pending += p->amount;
		if (lc->payment[p->status].role == PS_HELD)
			order->amount_authorized += p->amount;
		order->payments_open += paystate_is_live(lc, p->status);
	}
}

static bool
same_totals(const PsOrder *a, const PsOrder *b)
{
	return a->amount_paid == b->amount_paid &&
		a->amount_refunded == b->amount_refunded &&
		a->amount_pending == b->amount_pending &&
		a->amount_authorized == b->amount_authorized &&
		a->payments_open == b->payments_open;
}

/* what no rule may bring about, whatever it is made of */
static bool
is_broken(const PsSpot *spot, const PsOrder *order)
{
	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
	{
		const PsSpotPayment *p = &spot->payments[i];
		int			most = p->captured > 0 ? p->captured : p->amount;

		if (p->captured < 0 || p->captured > p->amount || p->refunded < 0 ||
			p->pending < 0 || p->refunded + p->pending > most)
			elog(ERROR, "a payment of %d with %d captured, %d refunded and %d pending",
				 p->amount, p->captured, p->refunded, p->pending);
	}
	return order->amount_paid > order->amount ||
		order->amount_refunded > order->amount_paid;
}

/* by the same atoms as advance(), which takes the first that matches */
static int
count_rules(const Trial *t, const PsPayment *payment, const PsEvent *event)
{
	const PsLifecycle *lc = t->lc;
	const int	from = payment == NULL ? PS_NO_STATUS : payment->status;
	const int	slot = paystate_event_slot(lc, event->kind, from, event->to);
	const int	at = slot * lc->norder + t->order.status;
	PsQuestion	c = {lc, &t->order, payment, event, t->order.payments_open};
	int			n = 0;

	if (event->kind == PS_EV_MOVE || event->kind == PS_EV_REFUND)
		c.others -= paystate_is_live(lc, from);
	for (int i = lc->first[at]; i < lc->first[at + 1]; i++)
		n += paystate_state_why(&c, &lc->rules[i]) == PS_WHY_NONE &&
			paystate_amounts_hold(&c, &lc->rules[i]);
	return n;
}

/* the other live payments go along, and the totals with them */
static void
take_along(const Trial *t, PsOutcome *o, PsVerdict *v)
{
	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
	{
		PsSpotPayment *p = &o->after.payments[i];

		if (i == o->step.which || !paystate_is_live(t->lc, p->status))
			continue;
		if (!paystate_cascade(t->lc, &v->order, p->amount, p->status,
							  v->cascade_to))
			elog(ERROR, "the totals of an order are not those of its payments");
		p->status = v->cascade_to;
	}
}

static int
most_attempts(const PsLifecycle *lc)
{
	return lc->max_attempts == 0 ? 1 : Min(lc->max_attempts, PS_PROOF_ATTEMPTS);
}

/* payment is before the event; NULL: none, or not there yet */
static void
try_event(const Trial *t, PsProofStep step, const PsPayment *payment,
		  const PsEvent *event)
{
	PsOutcome	o = {.step = step,.after = *t->spot};
	PsVerdict	v;
	PsOrder		sums;

	paystate_advance(t->lc, &t->order, payment, event, &v);
	Assert(v.refusal != PS_DRIFTED);	/* totals are summed from the payments */
	if (v.refusal != PS_LEGAL)
		return;
	o.rules = count_rules(t, payment, event);
	o.after.status = v.order.status;
	o.after.attempts = Min(v.order.attempts, most_attempts(t->lc));
	if (step.which >= 0)
	{
		write_payment(&v.payment, &o.after.payments[step.which]);
		o.took_less = v.payment.amount_captured > 0 &&
			payment != NULL && payment->amount_captured == 0 &&
			v.payment.amount_captured < v.payment.amount;
	}
	if (v.cascade_to != PS_NO_STATUS)
		take_along(t, &o, &v);
	paystate_spot_order(t->lc, &o.after, &sums);
	o.broken = !same_totals(&sums, &v.order) || is_broken(&o.after, &sums);
	t->reader(&o, t->arg);
}

/* ---- everything that could be tried */

static bool
is_rest(const PsOrder *order, int amount)
{
	return amount == order->amount - order->amount_paid ||
		amount == order->amount - order->amount_paid -
		order->amount_pending - order->amount_authorized;
}

static void
try_insert(const Trial *t, int which, bool rest)
{
	PsEvent		event = {.kind = PS_EV_INSERT,.to = t->lc->payment_initial,.currency_ok = true};

	for (int amount = 0; amount <= t->order.amount; amount++)
	{
		if (rest && !is_rest(&t->order, amount))
			continue;
		event.amount = amount;
		try_event(t, (PsProofStep) {PS_S_INSERT, which, event.to, amount},
				  NULL, &event);
	}
}

/*
 * Two payments of any amount; when none of them is live any more, one for the
 * rest; and then another for the rest in the place of one that came to nothing.
 */
static void
try_next_insert(const Trial *t)
{
	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
	{
		if (i == PS_PROOF_LAST && t->order.payments_open > 0)
			return;
		if (t->spot->payments[i].status == PS_NO_STATUS)
		{
			try_insert(t, i, i == PS_PROOF_LAST);
			return;
		}
	}
	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
	{
		const PsSpotPayment *p = &t->spot->payments[i];

		if (p->captured == 0 && !paystate_is_live(t->lc, p->status))
		{
			try_insert(t, i, true);
			return;
		}
	}
}

/* amount_captured may be given with the status, as much as may be held */
static void
try_moves(const Trial *t, int which, const PsPayment *payment)
{
	PsEvent		event;

	for (int to = 0; to < t->lc->npayment; to++)
	{
		const bool	capture = t->lc->payment[to].role == PS_SETTLED &&
			t->lc->payment[payment->status].role != PS_SETTLED;
		int			least = capture && payment->amount > 0 ? 1 : 0;
		int			most = capture ? payment->amount : 0;

		if (to == payment->status ||
			!paystate_has_rule(t->lc, paystate_event_slot(t->lc, PS_EV_MOVE,
														  payment->status, to)))
			continue;
		for (int amount = least; amount <= most; amount++)
		{
			paystate_move_event(t->lc, payment, to, amount, &event);
			try_event(t, (PsProofStep) {PS_S_MOVE, which, to, event.amount},
					  payment, &event);
		}
	}
}

/* the amount is all that counts: of a refund in hand, its own is taken out */
static void
try_refund(const Trial *t, int which, const PsPayment *payment, int amount)
{
	PsEvent		event = {.kind = PS_EV_REFUND,.to = PS_NO_STATUS,.amount = amount};
	PsPayment	before = *payment;

	try_event(t, (PsProofStep) {PS_S_REFUND, which, PS_NO_STATUS, amount},
			  payment, &event);
	event.reserve = true;
	try_event(t, (PsProofStep) {PS_S_RESERVE, which, PS_NO_STATUS, amount},
			  payment, &event);
	event.reserve = false;
	before.refund_pending -= amount;
	if (before.refund_pending < 0)
		return;
	try_event(t, (PsProofStep) {PS_S_PROCESS, which, PS_NO_STATUS, amount},
			  &before, &event);
}

static void
release(const Trial *t, int which, int amount)
{
	PsOutcome	o = {.step = {PS_S_RELEASE, which, PS_NO_STATUS, amount},.after = *t->spot};

	o.after.payments[which].pending -= amount;
	t->reader(&o, t->arg);
}

static void
try_payment(const Trial *t, int which)
{
	PsPayment	payment;

	read_payment(&t->spot->payments[which], &payment);
	try_moves(t, which, &payment);
	if (!paystate_has_rule(t->lc, paystate_event_slot(t->lc, PS_EV_REFUND,
													  payment.status, 0)))
		return;
	for (int amount = 1; amount <= payment.amount_captured; amount++)
	{
		try_refund(t, which, &payment, amount);
		if (amount <= payment.refund_pending)
			release(t, which, amount);
	}
}

/* as the guard of orders has it: while nothing was tried and nothing is open */
static void
try_amount(const Trial *t)
{
	PsOutcome	o = {.step = {PS_S_AMOUNT, -1, PS_NO_STATUS, 0},.after = *t->spot};
	PsOrder		sums;

	if (t->lc->amount_fixed_at_creation || t->order.attempts > 0 ||
		t->order.payments_open > 0 || t->order.amount == 0)
		return;
	o.after.amount = t->order.amount == PS_PROOF_AMOUNT ?
		PS_PROOF_AMOUNT - 1 : PS_PROOF_AMOUNT;
	o.step.amount = o.after.amount;
	paystate_spot_order(t->lc, &o.after, &sums);
	o.broken = is_broken(&o.after, &sums);
	t->reader(&o, t->arg);
}

void
paystate_outcomes(const PsLifecycle *lc, const PsSpot *spot,
				  PsOutcomeReader reader, void *arg)
{
	static const PsEventKind kinds[] = {PS_EV_CANCEL, PS_EV_FAIL};
	Trial		t = {lc, spot,.reader = reader,.arg = arg};
	PsEvent		event = {.to = PS_NO_STATUS};

	paystate_spot_order(lc, spot, &t.order);
	try_amount(&t);
	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
	{
		if (spot->payments[i].status != PS_NO_STATUS)
			try_payment(&t, i);
	}
	try_next_insert(&t);
	for (int i = 0; i < (int) lengthof(kinds); i++)
	{
		event.kind = kinds[i];
		try_event(&t, (PsProofStep) {PS_S_CANCEL + i, -1, PS_NO_STATUS, 0},
				  NULL, &event);
	}
}
