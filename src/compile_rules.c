/*
 * compile_rules.c
 *		One row of the rules after the other: labels become numbers, guards
 *		and effects bits; and at last the rules are laid out so that those for
 *		an event in an order status stand side by side.  No static state.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "atoms.h"
#include "compile.h"

/* "-" is none, else the words stand between semicolons */
static void
read_guards(const PsDraft *d, const char *text, PsRule *rule)
{
	if (strcmp(text, "-") == 0)
		return;
	for (;;)
	{
		int			len = strcspn(text, ";");

		if (!paystate_guard_atom(text, len, &rule->guards))
			paystate_bad_lifecycle(d, "There is no guard \"%.*s\".", len, text);
		if (text[len] == '\0')
			return;
		text += len + 1;
	}
}

static void
read_effects(const PsDraft *d, const char *text, PsRule *rule)
{
	if (strcmp(text, "-") == 0)
		return;
	for (;;)
	{
		int			len = strcspn(text, ";");
		const char *target = NULL;
		int			targetlen = 0;

		if (!paystate_effect_atom(text, len, &rule->effects, &target,
								  &targetlen))
			paystate_bad_lifecycle(d, "There is no effect \"%.*s\".", len,
								   text);
		if (target != NULL)
			rule->cascade_to = paystate_status_index(d, d->payment, target,
													 targetlen);
		if (text[len] == '\0')
			return;
		text += len + 1;
	}
}

/* the event's slot; the status that the payment leaves goes to *from */
static void
read_event(const PsDraft *d, PsRule *rule, int *from)
{
	PsEventName name;
	int			to = PS_NO_STATUS;

	*from = PS_NO_STATUS;
	if (!paystate_event_name(d->event, &name))
		paystate_bad_lifecycle(d, "There is no such event.");
	if (name.kind == PS_EV_MOVE || name.kind == PS_EV_REFUND)
		*from = paystate_status_index(d, d->payment, name.from, name.fromlen);
	if (name.kind == PS_EV_MOVE || name.kind == PS_EV_INSERT)
		to = paystate_status_index(d, d->payment, name.to, name.tolen);
	rule->payment_after = to;
	rule->slot = paystate_event_slot(d->lc, name.kind, *from, to);
}

/* of two rules with one guard, no one could tell which is meant */
static void
add_rule(PsDraft *d, const PsRule *rule)
{
	for (int i = 0; i < d->nrules; i++)
	{
		if (d->rules[i].slot == rule->slot &&
			d->rules[i].order_before == rule->order_before &&
			d->rules[i].guards == rule->guards)
			paystate_bad_lifecycle(d, "Another rule has the same guards.");
	}
	d->rules[d->nrules++] = *rule;
}

/* a move that refunds is also what a refund does: see PsLifecycle */
void
paystate_compile_rule(PsDraft *d, const PsRuleText *text)
{
	PsRule		rule = {0};
	const char *fault;
	int			from;

	d->event = text->event;
	d->before = text->before;
	rule.cascade_to = PS_NO_STATUS;
	read_event(d, &rule, &from);
	rule.order_before = paystate_status_index(d, d->order, text->before,
											  strlen(text->before));
	rule.order_after = paystate_status_index(d, d->order, text->after,
											 strlen(text->after));
	read_guards(d, text->guard, &rule);
	read_effects(d, text->effect, &rule);
	fault = paystate_rule_fault(d->lc, &rule);
	if (fault != NULL)
		paystate_bad_lifecycle(d, "%s.", fault);
	add_rule(d, &rule);
	if (rule.payment_after != PS_NO_STATUS && (rule.effects & PS_E_REFUND))
	{
		rule.slot = paystate_event_slot(d->lc, PS_EV_REFUND, from, 0);
		add_rule(d, &rule);
	}
	d->event = NULL;
}

/* a counting sort: rules of one event and status keep their order */
void
paystate_lay_out_rules(PsDraft *d)
{
	PsLifecycle *lc = d->lc;
	const int	norder = lc->norder;
	const int	ncells = lc->nslots * norder;
	int		   *first = MemoryContextAllocZero(d->cxt,
											   (ncells + 1) * sizeof(int));
	int		   *next = palloc((ncells + 1) * sizeof(int));
	PsRule	   *sorted = MemoryContextAlloc(d->cxt,
											Max(d->nrules, 1) * sizeof(PsRule));

	for (int i = 0; i < d->nrules; i++)
		first[d->rules[i].slot * norder + d->rules[i].order_before + 1]++;
	for (int i = 0; i < ncells; i++)
		first[i + 1] += first[i];
	memcpy(next, first, (ncells + 1) * sizeof(int));
	for (int i = 0; i < d->nrules; i++)
	{
		const PsRule *rule = &d->rules[i];

		sorted[next[rule->slot * norder + rule->order_before]++] = *rule;
	}
	lc->first = first;
	lc->rules = sorted;
	lc->nrules = d->nrules;
}
