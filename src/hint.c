/*
 * hint.c
 *		The HINT of a refusal: the moves and amounts that are allowed instead,
 *		read from the same rules that refused.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/numeric.h"

#include "paystate.h"

/* a label of the life cycle as the tables at hand have it */
const char *
paystate_shop_word(const PsCase *c, PsKind kind, const char *label)
{
	return paystate_their_word(&c->family.history->labels[kind], label);
}

/* money as the column it was given in has it: subunits, or units */
const char *
paystate_amount(const PsCase *c, int64 amount)
{
	const PsTable *self = c->family.self;
	int			column = self->kind == PS_ORDERS ? (int) PS_O_AMOUNT :
		self->kind == PS_PAYMENTS ? (int) PS_P_AMOUNT : (int) PS_R_AMOUNT;

	if (self->base[column] != NUMERICOID)
		return psprintf(INT64_FORMAT, amount);
	return numeric_normalize(int64_div_fast_to_numeric(amount, c->exponent));
}

/* would advance() let that happen, all else as it stands? */
static bool
is_allowed(const PsCase *c, const PsEvent *event)
{
	PsVerdict	verdict;

	if (c->has_order || c->family.self->kind == PS_ORDERS)
		paystate_advance(c->lc, &c->before, &c->payment, event, &verdict);
	else
		paystate_advance_orderless(c->lc, &c->payment, event, &verdict);
	return verdict.refusal == PS_LEGAL;
}

static bool
is_move_allowed(const PsCase *c, int to)
{
	int64		captured;
	int64		refunded;
	PsEvent		event;

	paystate_implied(c->lc, &c->payment, to, &captured, &refunded);
	paystate_move_event(c->lc, &c->payment, to, captured, &event);
	event.elapsed = c->event.elapsed;
	return is_allowed(c, &event);
}

static bool
is_refund_allowed(const PsCase *c)
{
	PsEvent		one = {.kind = PS_EV_REFUND,.amount = 1};
	PsEvent		rest = {.kind = PS_EV_REFUND};

	rest.amount = c->payment.amount_captured - c->payment.amount_refunded -
		c->payment.refund_pending;
	return is_allowed(c, &one) || is_allowed(c, &rest);
}

static bool
is_event_allowed(const PsCase *c, PsEventKind kind)
{
	PsEvent		event = {.kind = kind};

	return is_allowed(c, &event);
}

static void
append_move(StringInfo list, const char *label)
{
	appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", label);
}

/* statuses to which the payment may move while the order stands as it does */
static const char *
payment_moves(const PsCase *c)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int to = 0; to < c->lc->npayment; to++)
	{
		if (is_move_allowed(c, to))
			append_move(&list, paystate_shop_word(c, PS_PAYMENTS, c->lc->payment[to].label));
	}
	if (is_refund_allowed(c))
		append_move(&list, "a refund");
	if (list.len == 0)
		return "No further move of this payment is allowed.";
	return psprintf("Allowed: %s.", list.data);
}

static const char *
order_moves(const PsCase *c)
{
	StringInfoData list;

	initStringInfo(&list);
	if (is_event_allowed(c, PS_EV_CANCEL))
		append_move(&list, paystate_shop_word(c, PS_ORDERS, "cancelled"));
	if (is_event_allowed(c, PS_EV_FAIL))
		append_move(&list, paystate_shop_word(c, PS_ORDERS, "failed"));
	if (list.len == 0)
		return "The status of this order moves with its payments alone.";
	return psprintf("Allowed: %s.", list.data);
}

static const char *
insert_hint(const PsCase *c)
{
	switch (c->verdict.why)
	{
		case PS_WHY_ANOTHER_HELD:
			return "Capture or refund the authorized payment first.";
		case PS_WHY_NOT_ORDER_AMOUNT:
			return psprintf("The payment must be of %s.", paystate_amount(c, c->before.amount));
		case PS_WHY_BELOW_FIRST_MINIMUM:
			return psprintf("The first payment must be of at least %s.",
							paystate_amount(c, c->before.first_payment_min_amount));
		case PS_WHY_ABOVE_DUE:
			return psprintf("At most %s is due.",
							paystate_amount(c, c->before.amount - c->before.amount_paid));
		case PS_WHY_NOT_HERE:
		case PS_WHY_ATTEMPTS_USED:
			return "Insert a new order for a further payment.";
		default:
			return "";
	}
}

/* a move whose amount is wrong: what the amount must be */
static const char *
amount_hint(const PsCase *c)
{
	int64		due = c->before.amount - c->before.amount_paid;

	if (c->verdict.why == PS_WHY_REFUND_PENDING)
		return "Wait until the pending refund is processed or failed.";
	if (c->event.kind == PS_EV_REFUND)
		return psprintf("At most %s can be refunded.",
						paystate_amount(c, c->payment.amount_captured -
										c->payment.amount_refunded -
										c->payment.refund_pending));
	if (paystate_is_live(c->lc, c->payment.status) &&
		c->lc->payment[c->event.to].role == PS_SETTLED)
		return psprintf("At most %s can be captured%s.",
						paystate_amount(c, Min(due, c->payment.amount)),
						c->lc->partial_capture ? "" : ", and nothing less than what is held");
	return "";
}

static const char *
order_hint(const PsCase *c)
{
	if (c->event.kind == PS_EV_CANCEL || c->event.kind == PS_EV_FAIL)
		return order_moves(c);
	if (c->verdict.why == PS_WHY_PARTIAL_TERMS)
		return "Leave partial_payment false, or use a life cycle that has it.";
	if (c->lc->payment_max == PG_INT64_MAX)
		return psprintf("Life cycle \"%s\" takes amounts from %s.",
						c->lc->name, paystate_amount(c, c->lc->payment_min));
	return psprintf("Life cycle \"%s\" takes amounts from %s to %s.",
					c->lc->name, paystate_amount(c, c->lc->payment_min),
					paystate_amount(c, c->lc->payment_max));
}

const char *
paystate_hint(const PsCase *c)
{
	PsRefusalClass refusal = c->verdict.refusal;

	if (refusal == PS_DRIFTED)
		return "Compare the order with its payments: something wrote to them while the guards were off.";
	if (c->verdict.why == PS_WHY_UNJUDGED)
		return "Move a payment by one step a statement.";
	if (refusal == PS_BAD_CURRENCY)
		return "A payment has the currency of its order, an order one of its life cycle's.";
	if (c->family.self->kind == PS_ORDERS)
		return order_hint(c);
	if (c->event.kind == PS_EV_INSERT)
		return insert_hint(c);
	if (refusal == PS_BAD_AMOUNT)
		return amount_hint(c);
	return payment_moves(c);
}
