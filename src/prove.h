/*
 * prove.h
 *		Between the files that prove a life cycle: prove_steps.c, which knows
 *		what may happen to an order and its payments, prove_search.c, which
 *		walks all that can, prove_words.c, which tells how one gets somewhere,
 *		and prove.c, which says what is wrong.
 *
 * Two payments of any amount are enough to tell the rules apart, and amounts
 * of a few subunits: guards compare sums with each other, never with a number
 * but 0.  A third payment may come for the rest, again and again, so that no
 * order is given up merely because no more payments are looked at.
 */
#ifndef PAYSTATE_PROVE_H
#define PAYSTATE_PROVE_H

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "paystate.h"

#define PS_PROOF_PAYMENTS 3
#define PS_PROOF_LAST (PS_PROOF_PAYMENTS - 1)
#define PS_PROOF_AMOUNT 4		/* of an order */

/* attempts beyond this are not told apart */
#define PS_PROOF_ATTEMPTS 2

/* a life cycle that needs more than this is refused as too large */
#define PS_PROOF_SPOTS 1000000

/* one payment of a joint state; status PS_NO_STATUS: it is not there yet */
typedef struct PsSpotPayment
{
	int8		status;
	int8		amount;
	int8		captured;
	int8		refunded;
	int8		pending;
} PsSpotPayment;

/* a joint state of an order and its payments, without padding: it is hashed */
typedef struct PsSpot
{
	int8		status;
	int8		attempts;
	int8		amount;
	int8		partial_payment;
	PsSpotPayment payments[PS_PROOF_PAYMENTS];
} PsSpot;

typedef enum PsStepKind
{
	PS_S_OPEN,					/* the order is inserted */
	PS_S_AMOUNT,				/* its amount changes */
	PS_S_INSERT,
	PS_S_MOVE,
	PS_S_REFUND,				/* inserted "processed" */
	PS_S_RESERVE,				/* inserted "pending" */
	PS_S_PROCESS,				/* from "pending" */
	PS_S_RELEASE,				/* the pending one fails */
	PS_S_CANCEL,
	PS_S_FAIL
} PsStepKind;

/* what happened; packed, for there is one for each state */
typedef struct PsProofStep
{
	int8		kind;
	int8		which;			/* payment */
	int8		to;				/* its status */
	int8		amount;
} PsProofStep;

/* what comes of a step; the flags say what must not have come of it */
typedef struct PsOutcome
{
	PsProofStep step;
	PsSpot		after;
	int			rules;			/* how many matched */
	bool		broken;			/* the totals are not those of the payments */
	bool		took_less;		/* captured less than was held */
} PsOutcome;

typedef void (*PsOutcomeReader) (const PsOutcome *outcome, void *arg);

/* a state that was reached, and from where; goals: see prove_search.c */
typedef struct PsNode
{
	PsSpot		spot;
	int			parent;			/* -1: the order was just inserted */
	PsProofStep step;
	uint8		goals;
} PsNode;

/* what an order looks like from afar, for those whose payments are others */
#define PS_NFIGURES 36

/* all that can be reached */
typedef struct PsProof
{
	const PsLifecycle *lc;
	MemoryContext cxt;
	PsNode	   *nodes;			/* in the order in which they were found */
	int			nnodes;
	int			maxnodes;
	int		   *slots;			/* hash table of them, -1: empty */
	int			nslots;
	int			(*edges)[2];
	int64		nedges;
	int64		maxedges;
	int			two_rules;		/* node from which two rules match; -1 */
	PsProofStep two_rules_step;
	int			broken;			/* node that has wrong totals; -1 */
	bool		took_less;
	bool		paid_in_parts;	/* both payments captured something */
	bool		order_reached[PS_MAX_STATUSES];
	bool		payment_reached[PS_MAX_STATUSES];
	bool		figures[PS_MAX_STATUSES][PS_NFIGURES];
} PsProof;

/* prove_steps.c */
extern void paystate_spot_order(const PsLifecycle *lc, const PsSpot *spot,
								PsOrder *order);
extern void paystate_outcomes(const PsLifecycle *lc, const PsSpot *spot,
							  PsOutcomeReader reader, void *arg);

/* prove_search.c: the proof lives in the current memory context */
extern PsProof *paystate_search(const PsLifecycle *lc);

/* which figure of its status an order makes */
extern int	paystate_figure(const PsOrder *order);

/* the goals of payment i, one bit each */
#define PS_GOAL_GONE(i) (1 << (i))	/* it is not live */
#define PS_GOAL_BACK(i) (1 << (PS_PROOF_PAYMENTS + (i)))	/* all is given back */

/* prove_words.c: how one gets to a node, and then takes a step */
extern char *paystate_path(const PsProof *proof, int node,
						   const PsProofStep *then);

/* prove_terms.c: the first parameter that the rules contradict */
typedef void (*PsProblemReader) (void *arg, const char *problem,
								 const char *detail);
extern void paystate_contradictions(const PsProof *proof,
									PsProblemReader reader, void *arg);

/* prove.c: all that is wrong with a life cycle; the proof for who wants it */
extern PsProof *paystate_prove(const PsLifecycle *lc, PsProblemReader reader,
							   void *arg);

/* counterpart.c: why an order cannot go over to another life cycle, or NULL */
struct PsBook;
extern const char *paystate_counterpart_fault(const PsLifecycle *from,
											  const PsLifecycle *to,
											  const PsProof *proof,
											  const struct PsBook *book);

#endif							/* PAYSTATE_PROVE_H */
