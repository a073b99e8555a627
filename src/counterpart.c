/*
 * counterpart.c
 *		Whether an order of one life cycle could as well stand in another as it
 *		stands: same labels with the same roles, terms that are taken there,
 *		and a status that goes with its money, as the proof of the other knows.
 *
 * No state.
 */
#include "postgres.h"

#include "book.h"
#include "prove.h"

static const char *
status_fault(const char *kind, const PsStatus *here, const PsStatus *there, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (there[i].label_id != here->label_id)
			continue;
		return there[i].role == here->role ? NULL :
			psprintf("%s status \"%s\" has another role there", kind, here->label);
	}
	return psprintf("there is no %s status \"%s\"", kind, here->label);
}

static const char *
payments_fault(const PsLifecycle *from, const PsLifecycle *to, const PsBook *book)
{
	for (int i = 0; i < book->nlegs; i++)
	{
		int			status = book->legs[i].row.status;
		const char *fault = status == PS_NO_STATUS ? "a payment stands in no status of its life cycle" :
			status_fault("payment", &from->payment[status], to->payment, to->npayment);

		if (fault != NULL)
			return fault;
	}
	return NULL;
}

static const char *
terms_fault(const PsLifecycle *to, const PsBook *book)
{
	bool		currency_ok = book->currency == NULL ||
		paystate_currency_ok(to, book->currency, strlen(book->currency));
	PsWhy		why;

	switch (paystate_open_order(to, book->order.amount, book->order.partial_payment,
								currency_ok, &why))
	{
		case PS_LEGAL:
			return NULL;
		case PS_BAD_CURRENCY:
			return psprintf("currency \"%s\" is not taken there", book->currency);
		default:
			return "its amount or terms are not taken there";
	}
}

const char *
paystate_counterpart_fault(const PsLifecycle *from, const PsLifecycle *to,
						   const PsProof *proof, const PsBook *book)
{
	int			status = book->order.status;
	const char *fault;
	PsOrder		sums;

	if (status == PS_NO_STATUS)
		return "it stands in no status of its life cycle";
	fault = status_fault("order", &from->order[status], to->order, to->norder);
	if (fault == NULL)
		fault = payments_fault(from, to, book);
	if (fault == NULL)
		fault = terms_fault(to, book);
	if (fault != NULL)
		return fault;
	paystate_sum_up(book, &sums);
	if (sums.amount_paid != book->order.amount_paid ||
		sums.amount_authorized != book->order.amount_authorized ||
		sums.amount_pending != book->order.amount_pending ||
		sums.amount_refunded != book->order.amount_refunded ||
		sums.payments_open != book->order.payments_open)
		return "its totals are not those of its payments";
	status = paystate_order_status(to, from->order[status].label_id);
	if (!proof->figures[status][paystate_figure(&sums)])
		return psprintf("no order there is \"%s\" with what this one has paid, held and returned",
						to->order[status].label);
	return NULL;
}
