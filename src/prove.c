/*
 * prove.c
 *		check_lifecycle(): what is wrong with a life cycle, each with a way to
 *		get there; found by walking through all that an order and two payments
 *		can come to.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "prove.h"

typedef struct Check
{
	const PsProof *proof;
	const PsLifecycle *lc;
	PsProblemReader reader;
	void	   *arg;
	bool	   *told;			/* by fault and status: each is told once */
} Check;

typedef enum Fault
{
	DUE,						/* paid, and yet something is due */
	NOTHING_TAKEN,				/* settled without any money */
	STILL_OPEN,					/* all is paid, and it does not say so */
	DEAD_MONEY,					/* money was captured on a dead order */
	NO_EXIT,
	NO_REFUND,
	NFAULTS
} Fault;

static void
tell(Check *c, Fault fault, int status, int node, const char *problem)
{
	bool	   *told = &c->told[fault * PS_MAX_STATUSES + status];

	if (!*told)
		c->reader(c->arg, problem, paystate_path(c->proof, node, NULL));
	*told = true;
}

/* "paid" and "processed" say of any order that nothing is due */
static bool
claims_all(const char *label)
{
	return strcmp(label, "paid") == 0 || strcmp(label, "processed") == 0;
}

/* an order whose status says other than its money */
static void
check_status(Check *c, int node)
{
	const PsSpot *spot = &c->proof->nodes[node].spot;
	const PsStatus *status = &c->lc->order[spot->status];
	const bool	taken = status->role == PS_SETTLED || status->role == PS_RETURNED;
	PsOrder		o;

	paystate_spot_order(c->lc, spot, &o);
	if (claims_all(status->label) && o.amount_paid < o.amount)
		tell(c, DUE, spot->status, node,
			 psprintf("an order is \"%s\" with something due", status->label));
	if (o.amount == 0)
		return;
	if (taken && o.amount_paid == 0)
		tell(c, NOTHING_TAKEN, spot->status, node,
			 psprintf("an order is \"%s\" with nothing captured", status->label));
	if (status->role == PS_DEAD && o.amount_paid > 0)
		tell(c, DEAD_MONEY, spot->status, node,
			 psprintf("an order is \"%s\" with money captured", status->label));
	else if (!taken && o.amount_paid == o.amount)
		tell(c, STILL_OPEN, spot->status, node,
			 psprintf("an order is \"%s\" with nothing due", status->label));
}

static void
check_goals(Check *c, int node)
{
	const PsNode *n = &c->proof->nodes[node];

	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
	{
		int			status = n->spot.payments[i].status;

		/* a payment of nothing holds nothing up */
		if ((n->goals & PS_GOAL_GONE(i)) == 0 && n->spot.payments[i].amount > 0)
			tell(c, NO_EXIT, status, node,
				 psprintf("a live payment \"%s\" has no exit", c->lc->payment[status].label));
		if ((n->goals & PS_GOAL_BACK(i)) == 0)
			tell(c, NO_REFUND, status, node,
				 psprintf("captured money of a payment \"%s\" cannot be refunded",
						  c->lc->payment[status].label));
	}
}

/*
 * A settled status means that all is paid, or that a part is, not now this
 * and now that: who looks at it could not tell whether to deliver.
 */
static void
check_mixed(Check *c, int status)
{
	int			found[2] = {-1, -1};

	if (c->lc->order[status].role != PS_SETTLED)
		return;
	for (int i = c->proof->nnodes - 1; i >= 0; i--)
	{
		PsOrder		o;

		if (c->proof->nodes[i].spot.status != status)
			continue;
		paystate_spot_order(c->lc, &c->proof->nodes[i].spot, &o);
		if (o.amount > 0)
			found[o.amount_paid == o.amount] = i;
	}
	if (found[0] >= 0 && found[1] >= 0 && !claims_all(c->lc->order[status].label))
		c->reader(c->arg,
				  psprintf("an order is \"%s\" now with nothing due, now with something",
						   c->lc->order[status].label),
				  psprintf("%s. But: %s", paystate_path(c->proof, found[1], NULL),
						   paystate_path(c->proof, found[0], NULL)));
}

/*
 * What a parameter switches off is no fault of the rules, so a status that is
 * reached without such parameters counts as reached.
 */
static void
check_reached(Check *c)
{
	const PsProof *p = c->proof;
	PsLifecycle relaxed = *c->lc;
	bool		all = true;

	for (int i = 0; i < c->lc->norder; i++)
		all &= p->order_reached[i];
	for (int i = 0; i < c->lc->npayment; i++)
		all &= p->payment_reached[i];
	if (all)
		return;
	relaxed.order_cancel = relaxed.partial_capture = true;
	relaxed.partial_payment = PS_PARTIAL_ORDER;
	relaxed.max_attempts = PS_PROOF_ATTEMPTS;
	p = paystate_search(&relaxed);
	for (int i = 0; i < c->lc->norder; i++)
	{
		if (!p->order_reached[i])
			c->reader(c->arg, psprintf("order status \"%s\" is never reached", c->lc->order[i].label),
					  "No sequence of events leads an order there.");
	}
	for (int i = 0; i < c->lc->npayment; i++)
	{
		if (!p->payment_reached[i])
			c->reader(c->arg, psprintf("payment status \"%s\" is never reached", c->lc->payment[i].label),
					  "No sequence of events leads a payment there.");
	}
}

PsProof *
paystate_prove(const PsLifecycle *given, PsProblemReader reader, void *arg)
{
	PsLifecycle *lc = palloc(sizeof(PsLifecycle));
	Check		c = {.lc = lc,.reader = reader,.arg = arg};
	PsProof    *p;

	*lc = *given;
	lc->max_attempts = Min(lc->max_attempts, PS_PROOF_ATTEMPTS);
	c.proof = p = paystate_search(lc);
	c.told = palloc0(NFAULTS * PS_MAX_STATUSES);
	if (p->two_rules >= 0)
		reader(arg, "two rules match",
			   paystate_path(p, p->two_rules, &p->two_rules_step));
	if (p->broken >= 0)
		reader(arg, "the totals come to be wrong", paystate_path(p, p->broken, NULL));
	for (int i = 0; i < p->nnodes; i++)
	{
		check_status(&c, i);
		check_goals(&c, i);
	}
	for (int i = 0; i < lc->norder; i++)
		check_mixed(&c, i);
	check_reached(&c);
	paystate_contradictions(p, reader, arg);
	return p;
}

/* ---- the function */

static void
put_problem(void *arg, const char *problem, const char *detail)
{
	ReturnSetInfo *rsinfo = arg;
	Datum		values[] = {CStringGetTextDatum(problem), CStringGetTextDatum(detail)};
	bool		nulls[lengthof(values)] = {false};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(paystate_check_lifecycle);

/* check_lifecycle(name) */
Datum
paystate_check_lifecycle(PG_FUNCTION_ARGS)
{
	const PsLifecycle *lc = paystate_named_lifecycle(NULL, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "paystate proof",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(cxt);
	(void) paystate_prove(lc, put_problem, fcinfo->resultinfo);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return (Datum) 0;
}
