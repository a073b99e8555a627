/*
 * transition.c
 *		can_transition(): does a life cycle know a way from one status to
 *		another?  Answered from the compiled rules, without any order at hand.
 *
 * No static state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "paystate.h"

/* rules that the life cycle's parameters keep from ever firing do not count */
static bool
can_fire(const PsLifecycle *lc, const PsRule *rule)
{
	if (!lc->order_cancel &&
		rule->slot == paystate_event_slot(lc, PS_EV_CANCEL, 0, 0))
		return false;
	if (!lc->partial_capture && (rule->guards & PS_G_CAPTURE_BELOW_HELD))
		return false;
	return lc->partial_payment == PS_PARTIAL_ORDER ||
		!(rule->guards & PS_G_PARTIAL_PAYMENT);
}

static bool
order_can_move(const PsLifecycle *lc, int from, int to)
{
	for (int i = 0; i < lc->nrules; i++)
	{
		const PsRule *rule = &lc->rules[i];

		if (rule->order_before == from && rule->order_after == to &&
			can_fire(lc, rule))
			return true;
	}
	return false;
}

/*
 * A status to which an event of the order leads, so that a writer may ask for
 * it; cancelled and failed are such, whether this life cycle has them or not.
 */
bool
paystate_order_event(const PsLifecycle *lc, int label, PsEventKind *kind)
{
	static const PsEventKind kinds[] = {PS_EV_CANCEL, PS_EV_FAIL};

	for (int i = 0; label >= 0 && i < lengthof(kinds) * lc->nrules; i++)
	{
		const PsRule *rule = &lc->rules[i % lc->nrules];

		*kind = kinds[i / lc->nrules];
		if (rule->slot == paystate_event_slot(lc, *kind, 0, 0) &&
			lc->order[rule->order_after].label_id == label)
			return true;
	}
	*kind = PS_EV_CANCEL;
	if (label == paystate_label_id("cancelled"))
		return true;
	*kind = PS_EV_FAIL;
	return label == paystate_label_id("failed");
}

/* by an event of its own, or along with its order or another payment */
bool
paystate_payment_can_move(const PsLifecycle *lc, int from, int to)
{
	const int	slot = paystate_event_slot(lc, PS_EV_MOVE, from, to);

	for (int i = 0; i < lc->nrules; i++)
	{
		const PsRule *rule = &lc->rules[i];
		bool		along = (rule->effects & PS_E_CASCADE) &&
			rule->cascade_to == to && paystate_is_live(lc, from);

		if ((rule->slot == slot || along) && can_fire(lc, rule))
			return true;
	}
	return false;
}

static bool
has_refunds(const PsLifecycle *lc)
{
	for (int i = 0; i < lc->nrules; i++)
	{
		if (lc->rules[i].effects & (PS_E_REFUND | PS_E_AUTO_REFUND))
			return true;
	}
	return false;
}

/* refunds are alike in all life cycles that have them */
static bool
refund_can_move(const PsLifecycle *lc, const char *from, const char *to)
{
	if (!has_refunds(lc))
		return false;
	if (from == NULL)
		return strcmp(to, "pending") == 0 || strcmp(to, "processed") == 0;
	return strcmp(from, "pending") == 0 &&
		(strcmp(to, "processed") == 0 || strcmp(to, "failed") == 0);
}

static int
argument_label(PG_FUNCTION_ARGS, int n)
{
	return PG_ARGISNULL(n) ? -1 :
		paystate_label_from_datum(TEXTOID, PG_GETARG_DATUM(n));
}

static bool
status_can_move(const PsLifecycle *lc, bool of_order, bool insert,
				int from_label, int to_label)
{
	int			from = of_order ? paystate_order_status(lc, from_label) :
		paystate_payment_status(lc, from_label);
	int			to = of_order ? paystate_order_status(lc, to_label) :
		paystate_payment_status(lc, to_label);

	if (insert)
		return to != PS_NO_STATUS &&
			to == (of_order ? lc->order_initial : lc->payment_initial);
	if (from == PS_NO_STATUS || to == PS_NO_STATUS || from == to)
		return false;
	return of_order ? order_can_move(lc, from, to) :
		paystate_payment_can_move(lc, from, to);
}

PG_FUNCTION_INFO_V1(paystate_can_transition);

/* can_transition(lifecycle, kind, from_status, to_status) */
Datum
paystate_can_transition(PG_FUNCTION_ARGS)
{
	const bool	insert = PG_ARGISNULL(2);
	const PsLifecycle *lc;
	char	   *kind;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3))
		PG_RETURN_BOOL(false);
	lc = paystate_lifecycle_of_text(PG_GETARG_DATUM(0));
	if (lc == NULL)
		PG_RETURN_BOOL(false);
	kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (strcmp(kind, "refund") == 0)
		PG_RETURN_BOOL(refund_can_move(lc, insert ? NULL :
									   text_to_cstring(PG_GETARG_TEXT_PP(2)),
									   text_to_cstring(PG_GETARG_TEXT_PP(3))));
	if (strcmp(kind, "order") != 0 && strcmp(kind, "payment") != 0)
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(status_can_move(lc, strcmp(kind, "order") == 0, insert,
								   argument_label(fcinfo, 2),
								   argument_label(fcinfo, 3)));
}
