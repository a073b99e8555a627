/*
 * fuzz.c
 *		What libFuzzer throws at the rooms that need no server: the decision
 *		(advance.c and what it stands on), the compiler of rules, and the
 *		parsers of statuses, currencies and signatures.
 *
 * An input is read as a program: its first byte chooses what is tried, the
 * rest are life cycle, order, payments and events.  A property that does not
 * hold is an abort.  With -DFUZZ_DRIVER it has a main() of its own, which tries
 * N random inputs and the files named, for builds without libFuzzer.
 */
#include "postgres.h"

#include "fuzz.h"

#define MAX_PAYMENTS 6

#define demand(what) \
	((what) ? (void) 0 : fuzz_fail(#what, __func__, __LINE__))

static void
fuzz_fail(const char *what, const char *where, int line)
{
	fprintf(stderr, "not so: %s (%s, line %d)\n", what, where, line);
	abort();
}

/* an order and its payments, as a shop would store them */
typedef struct Shop
{
	const PsLifecycle *lc;
	PsOrder		order;
	PsPayment	payment[MAX_PAYMENTS];
	int			npayments;
} Shop;

static bool
same_order(const PsOrder *a, const PsOrder *b)
{
	return a->status == b->status && a->attempts == b->attempts &&
		a->payments_open == b->payments_open &&
		a->partial_payment == b->partial_payment &&
		a->first_payment_min_amount == b->first_payment_min_amount &&
		a->amount == b->amount && a->amount_paid == b->amount_paid &&
		a->amount_authorized == b->amount_authorized &&
		a->amount_pending == b->amount_pending &&
		a->amount_refunded == b->amount_refunded;
}

static bool
same_payment(const PsPayment *a, const PsPayment *b)
{
	return a->status == b->status && a->amount == b->amount &&
		a->amount_captured == b->amount_captured &&
		a->amount_refunded == b->amount_refunded &&
		a->refund_pending == b->refund_pending;
}

static bool
same_verdict(const PsVerdict *a, const PsVerdict *b)
{
	return a->refusal == b->refusal && a->why == b->why &&
		same_order(&a->order, &b->order) &&
		same_payment(&a->payment, &b->payment) &&
		a->cascade_to == b->cascade_to && a->rule == b->rule;
}

/* the totals of the order are those of its payments */
static void
check_shop(const Shop *s)
{
	const PsOrder *o = &s->order;
	int64		paid = 0,
				held = 0,
				pending = 0,
				refunded = 0;
	int			live = 0;

	for (int i = 0; i < s->npayments; i++)
	{
		const PsPayment *p = &s->payment[i];
		PsRole		role = s->lc->payment[p->status].role;

		demand(p->amount >= 0 && p->amount_captured >= 0);
		demand(p->amount_refunded >= 0 && p->refund_pending >= 0);
		demand(p->amount_captured <= p->amount);
		demand(p->amount_refunded <= p->amount);
		demand(p->amount_captured == 0 ||
			   p->refund_pending <= p->amount_captured - p->amount_refunded);
		demand(p->amount == 0 ||
			   (p->amount_captured > 0) <= (role == PS_SETTLED || role == PS_RETURNED));
		demand(p->amount == 0 || role != PS_SETTLED || p->amount_captured > 0);
		paid += p->amount_captured;
		if (p->amount_captured > 0)
			refunded += p->amount_refunded;
		if (role == PS_HELD)
			held += p->amount;
		if (role == PS_OPEN)
			pending += p->amount;
		live += paystate_is_live(s->lc, p->status);
	}
	demand(o->status >= 0 && o->status < s->lc->norder);
	demand(o->attempts >= 0);
	demand(o->amount_paid == paid && paid <= o->amount);
	demand(o->amount_refunded == refunded && refunded <= paid);
	demand(o->amount_authorized == held);
	demand(o->amount_pending == pending);
	demand(o->payments_open == live);
}

/* asks twice: the answer is one, and a refusal is only that */
static void
judge(const PsLifecycle *lc, const PsOrder *order, const PsPayment *payment,
	  const PsEvent *event, PsVerdict *verdict)
{
	PsVerdict	again;
	const PsOrder order_was = *order;

	memset(&again, 0x5a, sizeof(again));
	paystate_advance(lc, order, payment, event, verdict);
	paystate_advance(lc, order, payment, event, &again);
	demand(same_verdict(verdict, &again));
	demand(same_order(order, &order_was));
	demand(verdict->refusal != PS_LEGAL || verdict->why == PS_WHY_NONE);
	if (verdict->refusal != PS_LEGAL)
	{
		demand(same_order(order, &verdict->order));
		demand(payment == NULL || same_payment(payment, &verdict->payment));
		demand(verdict->rule == NULL && verdict->cascade_to == PS_NO_STATUS);
	}
	else
	{
		demand(verdict->order.amount == order->amount);
		demand(verdict->order.partial_payment == order->partial_payment);
		demand(payment == NULL || event->kind == PS_EV_INSERT ||
			   verdict->payment.amount == payment->amount);
		demand(verdict->cascade_to == PS_NO_STATUS ||
			   lc->payment[verdict->cascade_to].role == PS_DEAD);
	}
}

/* the other live payments follow their order */
static void
cascade(Shop *s, int but, int to)
{
	if (to == PS_NO_STATUS)
		return;
	for (int i = 0; i < s->npayments; i++)
	{
		PsPayment  *p = &s->payment[i];

		if (i == but || !paystate_is_live(s->lc, p->status))
			continue;
		demand(paystate_cascade(s->lc, &s->order, p->amount, p->status, to));
		p->status = to;
	}
}

static PsEvent
read_event(Input *in, const Shop *s, const PsPayment *p, PsEventKind kind)
{
	PsEvent		e = {kind, take_status(in, s->lc->npayment), 0, false, true, 0};

	e.currency_ok = kind != PS_EV_INSERT || take(in) % 16 != 0;
	if (kind == PS_EV_INSERT && take(in) % 8 != 0)
		e.to = s->lc->payment_initial;
	e.amount = take_amount(in, s->order.amount, p == NULL ? 0 : p->amount);
	if (kind == PS_EV_MOVE)
	{
		int64		captured,
					refunded;

		paystate_implied(s->lc, p, e.to, &captured, &refunded);
		if (take(in) % 4 != 0 || e.amount == 0)
			e.amount = captured;
		paystate_move_event(s->lc, p, e.to, e.amount, &e);
		e.elapsed = (int64) take(in) << (take(in) % 40);
	}
	else if (kind == PS_EV_REFUND)
		e.reserve = take(in) % 3 == 0;
	return e;
}

/* a refund that was promised is made, or not */
static void
settle_refund(Input *in, PsPayment *p)
{
	int64		amount = take_amount(in, p->refund_pending, 1) & PG_INT64_MAX;

	p->refund_pending -= Min(p->refund_pending, amount);
}

static void
step(Input *in, Shop *s)
{
	static const PsEventKind kinds[] = {
		PS_EV_INSERT, PS_EV_INSERT, PS_EV_MOVE, PS_EV_MOVE, PS_EV_MOVE, PS_EV_MOVE,
		PS_EV_REFUND, PS_EV_REFUND, PS_EV_CANCEL, PS_EV_FAIL
	};
	PsEventKind kind = kinds[take(in) % lengthof(kinds)];
	bool		of_order = kind == PS_EV_CANCEL || kind == PS_EV_FAIL;
	int			i = s->npayments;
	PsPayment  *p = NULL;
	PsEvent		event;
	PsVerdict	verdict;

	if (kind == PS_EV_INSERT && s->npayments == MAX_PAYMENTS)
		return;
	if (kind == PS_EV_MOVE || kind == PS_EV_REFUND)
	{
		if (s->npayments == 0)
			return;
		i = take(in) % s->npayments;
		p = &s->payment[i];
		if (take(in) % 16 == 0)
			settle_refund(in, p);
	}
	event = read_event(in, s, p, kind);
	if (kind == PS_EV_INSERT && take(in) % 8 == 0)
		paystate_advance_late(s->lc, &s->order, &event, &verdict);
	else
		judge(s->lc, &s->order, p, &event, &verdict);
	if (verdict.refusal != PS_LEGAL)
		return;
	demand(kind != PS_EV_INSERT || event.currency_ok);
	s->order = verdict.order;
	if (!of_order)
		s->payment[i] = verdict.payment;
	if (kind == PS_EV_INSERT)
		s->npayments++;
	cascade(s, of_order ? -1 : i, verdict.cascade_to);
	check_shop(s);
}

/* a status by hand is allowed or not, and moves live payments at most */
static void
force(Input *in, Shop *s)
{
	int			to = take(in) % s->lc->norder;
	PsForceWhy	why = paystate_force(s->lc, &s->order, to);

	demand(why == paystate_force(s->lc, &s->order, to));
	demand(why != PS_FORCE_OK || s->order.amount_paid == 0 ||
		   s->lc->order[to].role != PS_DEAD);
	if (why != PS_FORCE_OK || take(in) % 2 == 0)
		return;
	s->order.status = to;
	cascade(s, -1, paystate_forced_cascade(s->lc, to));
	check_shop(s);
}

static void
try_history(Input *in, const PsLifecycle *lc)
{
	Shop		s = {lc};
	PsWhy		why;
	bool		partial = take(in) % 2;

	s.order.amount = take_amount(in, PG_INT64_MAX, 100000);
	if (paystate_open_order(lc, s.order.amount, partial, take(in) % 8 != 0, &why) != PS_LEGAL)
		return;
	demand(s.order.amount >= 0 && why == PS_WHY_NONE);
	s.order.status = lc->order_initial;
	s.order.partial_payment = partial;
	s.order.first_payment_min_amount = partial ? take(in) : 0;
	check_shop(&s);
	while (has_more(in))
	{
		if (take(in) % 24 == 0)
			force(in, &s);
		else
			step(in, &s);
	}
}

/* what a row may hold that its guards let pass is not negative */
static int64
take_stored(Input *in, int64 a, int64 b)
{
	return take_amount(in, a, b) & PG_INT64_MAX;
}

/*
 * Totals that are not those of the payments: nothing but an answer is asked
 * for, whatever the event's own amount.
 */
static void
try_anything(Input *in, const PsLifecycle *lc)
{
	while (has_more(in))
	{
		PsOrder		o = {0};
		PsPayment	p = {0};
		PsEvent		e;
		PsVerdict	v;

		o.status = take_status(in, lc->norder);
		o.attempts = (int) take_stored(in, PG_INT32_MAX, 10);
		o.payments_open = (int) take_stored(in, PG_INT32_MAX, 2);
		o.partial_payment = take(in) & 1;
		o.amount = take_stored(in, PG_INT64_MAX, 100000);
		o.amount_paid = take_stored(in, o.amount, 100000);
		o.amount_authorized = take_stored(in, o.amount, o.amount_paid);
		o.amount_pending = take_stored(in, o.amount, o.amount_paid);
		o.amount_refunded = take_stored(in, o.amount, o.amount_paid);
		p.status = take(in) % lc->npayment;
		p.amount = take_stored(in, o.amount, o.amount_paid);
		p.amount_captured = take_stored(in, o.amount, p.amount);
		p.amount_refunded = take_stored(in, o.amount, p.amount_captured);
		p.refund_pending = take_stored(in, o.amount, p.amount);
		e.kind = take(in) % 5;
		e.to = take_status(in, lc->npayment);
		e.amount = take_amount(in, o.amount, p.amount);
		e.reserve = take(in) & 1;
		e.currency_ok = take(in) & 1;
		e.elapsed = take_amount(in, PG_INT64_MAX, 0);
		judge(lc, &o, &p, &e, &v);
		paystate_advance_orderless(lc, &p, &e, &v);
		demand(v.refusal == PS_LEGAL || same_payment(&p, &v.payment));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		in = {data, data + size};
	const PsLifecycle *lc;
	int			what;

	if (size < 2)
		return 0;
	what = take(&in) % 8;
	if (what == 0)
		fuzz_parsers(&in);
	else
	{
		lc = what < 4 ? fuzz_lifecycle(&in) : fuzz_gateway(&in);
		if (lc == NULL)
			;					/* its rules were refused */
		else if (what == 1 || what == 4)
			try_anything(&in, lc);
		else
			try_history(&in, lc);
	}
	fuzz_forget();
	return 0;
}

#ifdef FUZZ_DRIVER
/* fuzz N [FILE]...: N inputs, the same each time, and those files */
int
main(int argc, char **argv)
{
	static uint8_t input[4096];
	long		n = argc > 1 ? atol(argv[1]) : 0;
	uint64		seed = UINT64CONST(20260101);

	for (long i = 0; i < n; i++)
	{
		size_t		length = 16 + i % 400;

		for (size_t j = 0; j < length; j++)
		{
			seed = seed * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
			input[j] = seed >> 56;
		}
		LLVMFuzzerTestOneInput(input, length);
	}
	for (int i = 2; i < argc; i++)
	{
		FILE	   *file = fopen(argv[i], "rb");

		if (file == NULL)
		{
			perror(argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof(input), file));
		fclose(file);
	}
	printf("%ld inputs and %d files, no finding\n", n, Max(argc - 2, 0));
	return 0;
}
#endif
