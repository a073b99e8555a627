/*
 * prove_terms.c
 *		Parameters that promise what the rules do not keep.  What a parameter
 *		forbids may well stand in the rules: it is checked beside them.
 *
 * No state.
 */
#include "postgres.h"

#include "prove.h"

typedef struct Terms
{
	const PsProof *proof;
	const PsLifecycle *lc;
	PsProblemReader reader;
	void	   *arg;
} Terms;

static void
tell(const Terms *t, const char *problem, const char *detail)
{
	t->reader(t->arg, problem, detail);
}

static bool
is_insert(const Terms *t, const PsRule *rule)
{
	return rule->slot < t->lc->npayment;
}

static bool
is_event(const Terms *t, const PsRule *rule, PsEventKind kind)
{
	return rule->slot == paystate_event_slot(t->lc, kind, 0, 0);
}

static void
check_attempts(const Terms *t)
{
	bool		counted = false;

	for (int i = 0; i < t->lc->nrules; i++)
	{
		const PsRule *rule = &t->lc->rules[i];
		bool		counts = (rule->effects & PS_E_ATTEMPT) != 0;

		counted |= counts;
		if (t->lc->attempt_on_create && counts != is_insert(t, rule))
		{
			tell(t, "attempt_on is \"create\", but the rules count attempts otherwise",
				 counts ? "A rule that inserts no payment has the effect \"attempt\"." :
				 "A rule that inserts a payment lacks the effect \"attempt\".");
			return;
		}
		if (!t->lc->attempt_on_create && counts && is_insert(t, rule))
		{
			tell(t, "attempt_on is \"result\", but the rules count attempts otherwise",
				 "A rule that inserts a payment has the effect \"attempt\".");
			return;
		}
	}
	if (!counted)
		tell(t, "attempts are not counted", "No rule has the effect \"attempt\".");
}

/* whose status does a refund move? */
static void
check_refunds(const Terms *t)
{
	bool		refunds = false;
	bool		moves_order = false;
	bool		moves_payment = false;

	for (int i = 0; i < t->lc->nrules; i++)
	{
		const PsRule *rule = &t->lc->rules[i];

		if ((rule->effects & PS_E_REFUND) == 0)
			continue;
		refunds = true;
		moves_order |= rule->order_after != rule->order_before;
		moves_payment |= rule->payment_after != PS_NO_STATUS;
	}
	if (!refunds)
		return;					/* captured money is stranded, and said so */
	if (t->lc->refund_moves_order ? moves_payment : moves_order)
		tell(t, psprintf("refund_moves is \"%s\", but a refund moves the %s",
						 t->lc->refund_moves_order ? "order" : "payment",
						 t->lc->refund_moves_order ? "payment" : "order"),
			 "The rules with the effect \"refund\" move both or the other.");
	else if (t->lc->refund_moves_order ? !moves_order : !moves_payment)
		tell(t, psprintf("refund_moves is \"%s\", but no refund moves it",
						 t->lc->refund_moves_order ? "order" : "payment"),
			 "The rules with the effect \"refund\" leave its status as it is.");
}

static bool
has_event(const Terms *t, PsEventKind kind)
{
	for (int i = 0; i < t->lc->nrules; i++)
	{
		if (is_event(t, &t->lc->rules[i], kind))
			return true;
	}
	return false;
}

/* what is promised, and was not seen in any state that can be reached */
static void
check_promises(const Terms *t)
{
	if (t->lc->order_cancel && !has_event(t, PS_EV_CANCEL))
		tell(t, "order_cancel is true, but no order can be cancelled",
			 "There is no rule for the event \"order:cancel\".");
	if (t->lc->partial_capture && !t->proof->took_less)
		tell(t, "partial_capture is true, but no part of a payment can be captured",
			 "No rule that captures less than was held ever fires.");
	if (t->lc->partial_payment != PS_PARTIAL_NO && t->lc->max_attempts != 1 &&
		!t->proof->paid_in_parts)
		tell(t, psprintf("partial_payment is \"%s\", but no order can be paid in parts",
						 t->lc->partial_payment == PS_PARTIAL_LEGS ? "legs" : "order"),
			 "Two payments of one order are never both captured.");
}

/* after a terminal status comes no other */
static void
check_terminal(const Terms *t)
{
	const PsLifecycle *lc = t->lc;
	const int	n = lc->npayment;

	for (int i = 0; i < lc->nrules; i++)
	{
		const PsRule *rule = &lc->rules[i];
		int			move = rule->slot - n;
		const PsStatus *left = NULL;

		if (lc->order[rule->order_before].terminal &&
			rule->order_after != rule->order_before)
			left = &lc->order[rule->order_before];
		else if (move >= 0 && move < n * n && lc->payment[move / n].terminal)
			left = &lc->payment[move / n];
		if (left == NULL)
			continue;
		tell(t, psprintf("%s status \"%s\" is terminal, but a rule leaves it",
						 left == &lc->order[rule->order_before] ? "order" : "payment",
						 left->label),
			 psprintf("The rule applies in order status \"%s\".",
					  lc->order[rule->order_before].label));
		return;
	}
}

void
paystate_contradictions(const PsProof *proof, PsProblemReader reader, void *arg)
{
	Terms		t = {proof, proof->lc, reader, arg};

	check_attempts(&t);
	check_refunds(&t);
	check_promises(&t);
	check_terminal(&t);
}
