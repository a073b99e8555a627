/*
 * forcing.c
 *		What a status that is forced on an order may not deny: its money.  The
 *		rules are set aside, not what they are there for.  Which statuses need
 *		something captured, held or returned, their roles say; which need all
 *		of it, the guards of the rules that lead there.
 *
 * Pure: no palloc, SPI, locks or ereport.  No static state.
 */
#include "postgres.h"

#include "advance.h"

/* guards of a rule that leaves nothing due */
#define CLOSING \
	(PS_G_DUE_AFTER_ZERO | PS_G_AMOUNT_IS_DUE | PS_G_PAID_AFTER_IS)

/* does a rule with one of these guards lead there? */
static bool
entered_with(const PsLifecycle *lc, int status, uint32 guards)
{
	for (int i = 0; i < lc->nrules; i++)
	{
		if (lc->rules[i].order_after == status && (lc->rules[i].guards & guards))
			return true;
	}
	return false;
}

/* does one with none of them, from another status? */
static bool
entered_without(const PsLifecycle *lc, int status, uint32 guards)
{
	for (int i = 0; i < lc->nrules; i++)
	{
		if (lc->rules[i].order_after == status &&
			lc->rules[i].order_before != status &&
			!(lc->rules[i].guards & guards))
			return true;
	}
	return false;
}

static bool
has_role(const PsLifecycle *lc, int status, PsRole role)
{
	return status != PS_NO_STATUS && lc->order[status].role == role;
}

/* do refunds move the order, so that its status tells of them? */
static bool
tells_refunds(const PsLifecycle *lc)
{
	for (int i = 0; i < lc->norder; i++)
	{
		if (lc->order[i].role == PS_RETURNED)
			return true;
	}
	return false;
}

static bool
settles_whole(const PsLifecycle *lc)
{
	for (int i = 0; i < lc->norder; i++)
	{
		if (lc->order[i].role == PS_SETTLED && entered_with(lc, i, CLOSING))
			return true;
	}
	return false;
}

static PsForceWhy
settled_why(const PsLifecycle *lc, const PsOrder *o, int to)
{
	if (o->amount_paid == 0)
		return PS_FORCE_NOTHING_PAID;
	if (o->amount_refunded > 0 && tells_refunds(lc))
		return PS_FORCE_REFUNDED;
	if (o->amount_paid < o->amount)
		return entered_without(lc, to, CLOSING) ? PS_FORCE_OK : PS_FORCE_DUE;
	return entered_with(lc, to, CLOSING) || !settles_whole(lc) ?
		PS_FORCE_OK : PS_FORCE_NOTHING_DUE;
}

static PsForceWhy
returned_why(const PsLifecycle *lc, const PsOrder *o, int to)
{
	const bool	part = entered_with(lc, to, PS_G_REFUNDED_BELOW_PAID);
	const bool	whole = entered_with(lc, to, PS_G_REFUNDED_IS_PAID);

	if (o->amount_refunded == 0)
		return PS_FORCE_NOTHING_REFUNDED;
	if (part == whole)
		return PS_FORCE_OK;
	return whole == (o->amount_refunded == o->amount_paid) ?
		PS_FORCE_OK : PS_FORCE_REFUNDED;
}

/*
 * Some statuses are never entered once money was captured, so their rules
 * need not ask for it.  Do rules lead from there to a dead order, past others
 * of that kind, without asking?
 */
static bool
forgets_paid(const PsLifecycle *lc, int status)
{
	uint64		reached;
	uint64		before;

	Assert(status >= 0);
	reached = UINT64CONST(1) << status;
	do
	{
		before = reached;
		for (int i = 0; i < lc->nrules; i++)
		{
			const PsRule *rule = &lc->rules[i];
			PsRole		role = lc->order[rule->order_after].role;

			if (!(reached >> rule->order_before & 1) ||
				(rule->guards & PS_G_NOTHING_PAID))
				continue;
			if (role == PS_DEAD)
				return true;
			if (role == PS_OPEN || role == PS_HELD)
				reached |= UINT64CONST(1) << rule->order_after;
		}
	} while (reached != before);
	return false;
}

/* neither settled nor returned */
static PsForceWhy
unsettled_why(const PsLifecycle *lc, const PsOrder *o, int to)
{
	if (o->amount_paid > 0 &&
		(has_role(lc, to, PS_DEAD) || o->amount_paid == o->amount ||
		 has_role(lc, o->status, PS_SETTLED) ||
		 has_role(lc, o->status, PS_RETURNED) || forgets_paid(lc, to)))
		return PS_FORCE_PAID;
	if (o->amount_refunded > 0 && tells_refunds(lc))
		return PS_FORCE_REFUNDED;
	if (has_role(lc, to, PS_HELD) && o->amount_authorized == 0)
		return PS_FORCE_NOTHING_HELD;
	return PS_FORCE_OK;
}

/* does a rule refund captured payments in that status? */
static bool
can_refund(const PsLifecycle *lc, int status)
{
	for (int i = 0; i < lc->npayment; i++)
	{
		int			at = paystate_event_slot(lc, PS_EV_REFUND, i, i) * lc->norder + status;

		if (lc->payment[i].role == PS_SETTLED && lc->first[at] < lc->first[at + 1])
			return true;
	}
	return false;
}

PsForceWhy
paystate_force(const PsLifecycle *lc, const PsOrder *order, int to)
{
	PsForceWhy	why;

	if (has_role(lc, to, PS_SETTLED))
		why = settled_why(lc, order, to);
	else if (has_role(lc, to, PS_RETURNED))
		why = returned_why(lc, order, to);
	else
		why = unsettled_why(lc, order, to);
	if (why == PS_FORCE_OK && order->payments_open == 0 &&
		order->amount_paid > order->amount_refunded && !can_refund(lc, to))
		why = PS_FORCE_STRANDED;
	if (why == PS_FORCE_OK && has_role(lc, to, PS_DEAD) &&
		order->payments_open > 0 &&
		paystate_forced_cascade(lc, to) == PS_NO_STATUS)
		why = PS_FORCE_STRANDED;
	return why;
}

/*
 * Where the live payments of an order go that is forced into a dead status:
 * where a rule into it takes them, else to the payments' status of that name,
 * else to any dead one.
 */
int
paystate_forced_cascade(const PsLifecycle *lc, int to)
{
	int			found = PS_NO_STATUS;

	if (!has_role(lc, to, PS_DEAD))
		return PS_NO_STATUS;
	for (int i = 0; i < lc->nrules; i++)
	{
		if (lc->rules[i].order_after == to && (lc->rules[i].effects & PS_E_CASCADE))
			return lc->rules[i].cascade_to;
	}
	for (int i = 0; i < lc->npayment; i++)
	{
		if (lc->payment[i].role != PS_DEAD)
			continue;
		if (lc->payment[i].label_id == lc->order[to].label_id)
			return i;
		if (found == PS_NO_STATUS)
			found = i;
	}
	return found;
}
