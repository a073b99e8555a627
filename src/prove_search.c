/*
 * prove_search.c
 *		Every joint state of a small order and two payments that a life cycle
 *		lets come about, nearest first, so that the way to each is a shortest
 *		one; and from which of them the goals can still be reached.
 *
 * No state.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "prove.h"

typedef struct Walk
{
	PsProof    *proof;
	int			from;			/* node in hand */
} Walk;

/* ---- the nodes, and a hash table of them */

static void
make_slots(PsProof *p, int n)
{
	p->nslots = n;
	p->slots = MemoryContextAllocHuge(p->cxt, (Size) n * sizeof(int));
	memset(p->slots, -1, (Size) n * sizeof(int));
}

/* where the spot stands in slots[], or would */
static int
find_slot(const PsProof *p, const PsSpot *spot)
{
	uint32		at = hash_bytes((const unsigned char *) spot, sizeof(*spot));

	for (;; at++)
	{
		int			node = p->slots[at & (p->nslots - 1)];

		if (node < 0 || memcmp(&p->nodes[node].spot, spot, sizeof(*spot)) == 0)
			return at & (p->nslots - 1);
	}
}

static void
grow(PsProof *p)
{
	if (p->nnodes >= PS_PROOF_SPOTS)
		ereport(ERROR,			/* too much to test */
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("life cycle \"%s\" is too large to be checked", p->lc->name),
				 errdetail("An order and two payments have more than %d states.",
						   PS_PROOF_SPOTS)));
	p->maxnodes *= 2;
	p->nodes = repalloc_huge(p->nodes, (Size) p->maxnodes * sizeof(PsNode));
	pfree(p->slots);
	make_slots(p, 4 * p->maxnodes);
	for (int i = 0; i < p->nnodes; i++)
		p->slots[find_slot(p, &p->nodes[i].spot)] = i;
}

/* what is still wanted from a payment in this state is no goal yet */
static uint8
reached_goals(const PsLifecycle *lc, const PsSpot *spot)
{
	uint8		goals = 0;

	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
	{
		const PsSpotPayment *p = &spot->payments[i];

		if (!paystate_is_live(lc, p->status))
			goals |= PS_GOAL_GONE(i);
		if (p->captured == 0 || p->refunded == p->captured)
			goals |= PS_GOAL_BACK(i);
	}
	return goals;
}

int
paystate_figure(const PsOrder *o)
{
	int			paid = o->amount_paid == 0 ? 0 : o->amount_paid < o->amount ? 1 : 2;
	int			back = o->amount_refunded == 0 ? 0 :
		o->amount_refunded < o->amount_paid ? 1 : 2;
	bool		held = o->amount_authorized > 0;
	bool		open = o->payments_open > 0 && o->amount_pending > 0;

	return ((paid * 3 + back) * 2 + held) * 2 + open;
}

static void
take_note(PsProof *p, const PsSpot *spot)
{
	PsOrder		order;

	paystate_spot_order(p->lc, spot, &order);
	p->order_reached[spot->status] = true;
	p->figures[spot->status][paystate_figure(&order)] = true;
	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
	{
		if (spot->payments[i].status != PS_NO_STATUS)
			p->payment_reached[spot->payments[i].status] = true;
	}
	p->paid_in_parts |= spot->payments[0].captured > 0 &&
		spot->payments[1].captured > 0;
}

/* the node of a spot, made if there is none */
static int
reach(PsProof *p, const PsSpot *spot, int parent, PsProofStep step)
{
	int			slot = find_slot(p, spot);

	if (p->slots[slot] >= 0)
		return p->slots[slot];
	if (p->nnodes == p->maxnodes)
	{
		grow(p);
		slot = find_slot(p, spot);
	}
	p->slots[slot] = p->nnodes;
	p->nodes[p->nnodes] = (PsNode) {
		.spot = *spot,.parent = parent,.step = step,
		.goals = reached_goals(p->lc, spot)
	};
	take_note(p, spot);
	return p->nnodes++;
}

static void
add_edge(PsProof *p, int from, int to)
{
	if (p->nedges == p->maxedges)
	{
		p->maxedges *= 2;
		p->edges = repalloc_huge(p->edges, p->maxedges * sizeof(p->edges[0]));
	}
	p->edges[p->nedges][0] = from;
	p->edges[p->nedges][1] = to;
	p->nedges++;
}

/* one thing that may happen at the node in hand */
static void
follow(const PsOutcome *o, void *arg)
{
	Walk	   *w = arg;
	PsProof    *p = w->proof;
	int			to;

	p->took_less |= o->took_less;
	if (o->rules > 1 && p->two_rules < 0)
	{
		p->two_rules = w->from;
		p->two_rules_step = o->step;
	}
	to = reach(p, &o->after, w->from, o->step);
	if (o->broken && p->broken < 0)
		p->broken = to;
	if (to != w->from)
		add_edge(p, w->from, to);
}

/* ---- where it begins */

static void
open_order(PsProof *p, int amount, bool partial)
{
	PsSpot		spot = {.status = p->lc->order_initial,.amount = amount,.partial_payment = partial};

	for (int i = 0; i < PS_PROOF_PAYMENTS; i++)
		spot.payments[i].status = PS_NO_STATUS;
	(void) reach(p, &spot, -1, (PsProofStep) {PS_S_OPEN, -1, PS_NO_STATUS, amount});
}

static void
open_orders(PsProof *p)
{
	open_order(p, PS_PROOF_AMOUNT, false);
	if (p->lc->partial_payment == PS_PARTIAL_ORDER)
		open_order(p, PS_PROOF_AMOUNT, true);
	if (p->lc->payment_min == 0)
		open_order(p, 0, false);
}

/* ---- from where the goals can be reached: along the edges, backwards */

static void
spread_goals(PsProof *p)
{
	int		   *first = MemoryContextAllocHuge(p->cxt, ((Size) p->nnodes + 1) * sizeof(int));
	int		   *into = MemoryContextAllocHuge(p->cxt, Max(p->nedges, 1) * sizeof(int));
	int		   *todo = MemoryContextAllocHuge(p->cxt, (Size) p->nnodes * sizeof(int));
	bool	   *waits = MemoryContextAllocHuge(p->cxt, (Size) p->nnodes);
	int			ntodo = 0;

	memset(first, 0, ((Size) p->nnodes + 1) * sizeof(int));
	for (int64 i = 0; i < p->nedges; i++)
		first[p->edges[i][1]]++;
	for (int i = 0, sum = 0; i <= p->nnodes; i++)
	{
		sum += i < p->nnodes ? first[i] : 0;
		first[i] = sum;
	}
	for (int64 i = 0; i < p->nedges; i++)
		into[--first[p->edges[i][1]]] = p->edges[i][0];
	for (int i = 0; i < p->nnodes; i++)
	{
		todo[ntodo++] = i;
		waits[i] = true;
	}
	while (ntodo > 0)
	{
		int			node = todo[--ntodo];

		waits[node] = false;
		for (int i = first[node]; i < first[node + 1]; i++)
		{
			PsNode	   *from = &p->nodes[into[i]];
			uint8		goals = from->goals | p->nodes[node].goals;

			if (goals == from->goals)
				continue;
			from->goals = goals;
			if (!waits[into[i]])
				todo[ntodo++] = into[i];
			waits[into[i]] = true;
		}
	}
}

/* sizes to begin with; both grow */
static PsProof *
make_proof(const PsLifecycle *lc)
{
	PsProof    *p = palloc0(sizeof(PsProof));

	p->lc = lc;
	p->cxt = CurrentMemoryContext;
	p->two_rules = p->broken = -1;
	p->maxnodes = 1024;
	p->nodes = palloc(p->maxnodes * sizeof(PsNode));
	make_slots(p, 4 * p->maxnodes);
	p->maxedges = 8192;
	p->edges = palloc(p->maxedges * sizeof(p->edges[0]));
	return p;
}

PsProof *
paystate_search(const PsLifecycle *lc)
{
	PsProof    *p = make_proof(lc);
	Walk		walk = {p};

	open_orders(p);
	for (; walk.from < p->nnodes; walk.from++)
	{
		PsSpot		spot = p->nodes[walk.from].spot;

		CHECK_FOR_INTERRUPTS();
		paystate_outcomes(lc, &spot, follow, &walk);
	}
	spread_goals(p);
	return p;
}
