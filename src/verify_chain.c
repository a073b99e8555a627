/*
 * verify_chain.c
 *		Whether the rows of an order's history hang together, and end where
 *		the order's own row says.
 *
 * No state.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "findings.h"

/* how far back the order has been in its status; 0 where nobody knows */
TimestampTz
paystate_since_after(const PsStep *s, TimestampTz since)
{
	if (s->found && !s->forced)
		return 0;
	if (s->order_from == NULL || s->order_to == NULL ||
		strcmp(s->order_from, s->order_to) != 0)
		return s->at;
	return since;
}

static bool
check_link(PsFindings *f, const PsStep *s, const PsStep *last, TimestampTz since)
{
	if (last->seq == 0 && f->let_go)
		return true;
	if (s->seq != last->seq + 1)
	{
		paystate_find_number(f, "gap before seq", last->seq + 1, s->seq);
		return false;
	}
	if (last->seq == 0)
		return true;
	paystate_find_text(f, "order_from", last->order_to, s->order_from);
	if (s->at < last->at)
		paystate_find_time(f, "falling time", last->at, s->at);
	if (since != 0 && !s->found)
		paystate_find_time(f, "order_since", since, s->order_since);
	return s->order_from != NULL && last->order_to != NULL &&
		strcmp(s->order_from, last->order_to) == 0;
}

/* a status is that of a payment or refund which the row names, and the other way round */
static void
check_names(PsFindings *f, const PsStep *s)
{
	if (s->payment == NULL &&
		(s->payment_from != NULL || s->payment_to != NULL || s->refund_to != NULL))
		paystate_find(f, "payment_id", "the payment that moved", NULL);
	if (s->refund_to != NULL && s->payment_from == NULL)
		paystate_find(f, "payment_from", "the payment's status", NULL);
	if (s->refund != NULL && s->refund_to == NULL)
		paystate_find(f, "refund_to", "the refund's status", NULL);
}

/* its rows hang together; true if they can be followed */
bool
paystate_check_chain(PsFindings *f, TimestampTz *since)
{
	PsBook	   *book = f->book;
	PsStep		none = {0};
	bool		ok = true;

	*since = f->let_go && book->nsteps > 0 ? book->steps[0].order_since : 0;
	for (int i = 0; i < book->nsteps; i++)
	{
		const PsStep *s = &book->steps[i];

		f->step = s;
		check_names(f, s);
		ok &= check_link(f, s, i == 0 ? &none : &book->steps[i - 1], *since);
		*since = paystate_since_after(s, *since);
	}
	f->step = NULL;
	return ok;
}

void
paystate_check_end(PsFindings *f, TimestampTz since)
{
	PsBook	   *book = f->book;
	const PsStep *last = &book->steps[book->nsteps - 1];

	paystate_find_number(f, "version", last->seq, book->version);
	paystate_find_time(f, "changed_at", last->at, book->changed_at);
	if (since != 0)
		paystate_find_time(f, "status_since", since, book->status_since);
}
