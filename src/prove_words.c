/*
 * prove_words.c
 *		A counter-example: the events that lead to where a life cycle is not
 *		as it should be, each with the order's status after it.
 *
 * No state.
 */
#include "postgres.h"

#include "prove.h"

/* payments are called a, b and c, and by the same letter when one takes a place */
static void
append_payment_step(StringInfo text, const PsLifecycle *lc,
					const PsProofStep *s, const PsSpot *before)
{
	static const char *const what[] = {
		[PS_S_REFUND] = "refund",[PS_S_RESERVE] = "pending refund",
		[PS_S_PROCESS] = "pending refund",[PS_S_RELEASE] = "pending refund"
	};
	static const char *const fate[] = {
		[PS_S_REFUND] = "",[PS_S_RESERVE] = "",
		[PS_S_PROCESS] = " processed",[PS_S_RELEASE] = " failed"
	};
	const char	name = 'a' + s->which;
	const PsSpotPayment *p;

	Assert(before != NULL);		/* an order comes before its payments */
	p = &before->payments[s->which];
	switch (s->kind)
	{
		case PS_S_INSERT:
			appendStringInfo(text, "payment %c of %d inserted %s", name,
							 s->amount, lc->payment[s->to].label);
			break;
		case PS_S_MOVE:
			appendStringInfo(text, "payment %c %s>%s", name,
							 lc->payment[p->status].label, lc->payment[s->to].label);
			if (s->amount > 0)
				appendStringInfo(text, " with %d", s->amount);
			break;
		default:
			appendStringInfo(text, "%s of %d from payment %c%s", what[s->kind],
							 s->amount, name, fate[s->kind]);
	}
}

static void
append_step(StringInfo text, const PsLifecycle *lc, const PsProofStep *s,
			const PsSpot *before, const PsSpot *after)
{
	Assert(after != NULL);
	switch (s->kind)
	{
		case PS_S_OPEN:
			appendStringInfo(text, "order of %d%s inserted", s->amount,
							 after->partial_payment ? " with partial payment" : "");
			break;
		case PS_S_AMOUNT:
			appendStringInfo(text, "amount of the order changed to %d", s->amount);
			break;
		case PS_S_CANCEL:
			appendStringInfoString(text, "order:cancel");
			break;
		case PS_S_FAIL:
			appendStringInfoString(text, "order:fail");
			break;
		default:
			append_payment_step(text, lc, s, before);
	}
	if (after != NULL)
		appendStringInfo(text, " (order %s)", lc->order[after->status].label);
}

char *
paystate_path(const PsProof *proof, int node, const PsProofStep *then)
{
	StringInfoData text;
	int		   *way = palloc(proof->nnodes * sizeof(int));
	int			n = 0;

	initStringInfo(&text);
	for (int i = node; i >= 0; i = proof->nodes[i].parent)
		way[n++] = i;
	while (n-- > 0)
	{
		const PsNode *at = &proof->nodes[way[n]];

		append_step(&text, proof->lc, &at->step,
					at->parent < 0 ? NULL : &proof->nodes[at->parent].spot,
					&at->spot);
		if (n > 0)
			appendStringInfoString(&text, "; ");
	}
	if (then != NULL)
	{
		appendStringInfoString(&text, "; then ");
		append_step(&text, proof->lc, then, &proof->nodes[node].spot, NULL);
	}
	pfree(way);
	return text.data;
}
