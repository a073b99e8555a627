/*
 * terms.c
 *		What a life cycle says apart from its rules: the terms on which an
 *		order may be opened, and what setting a payment's status means for
 *		the amounts that its writer left out.
 *
 * Pure: no palloc, SPI, locks or ereport.  No static state.
 */
#include "postgres.h"

#include "advance.h"

static PsRefusalClass
bad_amount(PsWhy *why, PsWhy reason)
{
	*why = reason;
	return PS_BAD_AMOUNT;
}

PsRefusalClass
paystate_open_order(const PsLifecycle *lc, int64 amount, bool partial_payment,
					bool currency_ok, PsWhy *why)
{
	*why = PS_WHY_NONE;
	if (!currency_ok)
		return PS_BAD_CURRENCY;
	if (amount < 0 || (amount == 0 && lc->payment_min > 0))
		return bad_amount(why, PS_WHY_NOT_POSITIVE);
	if (amount < lc->payment_min)
		return bad_amount(why, PS_WHY_BELOW_MINIMUM);
	if (amount > lc->payment_max)
		return bad_amount(why, PS_WHY_ABOVE_MAXIMUM);
	if (partial_payment && lc->partial_payment != PS_PARTIAL_ORDER)
		return bad_amount(why, PS_WHY_PARTIAL_TERMS);
	return PS_LEGAL;
}

static bool
has_role(const PsLifecycle *lc, int status, PsRole role)
{
	return status >= 0 && status < lc->npayment &&
		lc->payment[status].role == role;
}

void
paystate_implied(const PsLifecycle *lc, const PsPayment *payment, int to,
				 int64 *amount_captured, int64 *amount_refunded)
{
	*amount_captured = payment->amount_captured;
	*amount_refunded = payment->amount_refunded;
	if (has_role(lc, to, PS_SETTLED) &&
		!has_role(lc, payment->status, PS_SETTLED))
		*amount_captured = payment->amount;
	else if (has_role(lc, to, PS_RETURNED) &&
			 !has_role(lc, payment->status, PS_RETURNED))
		*amount_refunded = payment->amount_captured > 0 ?
			payment->amount_captured : payment->amount;
}

void
paystate_move_event(const PsLifecycle *lc, const PsPayment *payment, int to,
					int64 amount_captured, PsEvent *event)
{
	event->kind = PS_EV_MOVE;
	event->to = to;
	event->amount = 0;
	event->reserve = false;
	event->currency_ok = true;
	event->elapsed = 0;
	if (has_role(lc, to, PS_SETTLED) &&
		!has_role(lc, payment->status, PS_SETTLED))
		event->amount = amount_captured;
	else if (has_role(lc, to, PS_RETURNED))
		event->amount = has_role(lc, payment->status, PS_SETTLED) ?
			payment->amount_captured - payment->amount_refunded :
			payment->amount;
}
