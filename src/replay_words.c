/*
 * replay_words.c
 *		Where and why a history cannot be followed, in words.
 *
 * No state.
 */
#include "postgres.h"

#include "replay.h"

bool
paystate_replay_stop(PsReplay *r, const PsStep *step, const char *what,
					 const char *expected, const char *actual)
{
	r->problem = psprintf("%s in history row %d", what, step->seq);
	r->expected = expected;
	r->actual = actual;
	return false;
}

/* 'payment "a" created>captured, refund "b" to pending, order paid>paid, amount 5' */
static const char *
in_words(const PsStep *s)
{
	StringInfoData text;

	initStringInfo(&text);
	if (s->payment != NULL)
		appendStringInfo(&text, "payment \"%s\" %s>%s, ", s->payment,
						 s->payment_from ? s->payment_from : "new",
						 s->payment_to ? s->payment_to : "null");
	if (s->refund_to != NULL)
		appendStringInfo(&text, "refund \"%s\" to %s, ",
						 s->refund ? s->refund : "null", s->refund_to);
	appendStringInfo(&text, "order %s>%s, amount " INT64_FORMAT,
					 s->order_from ? s->order_from : "new",
					 s->order_to ? s->order_to : "null", s->amount);
	return text.data;
}

bool
paystate_replay_illegal(PsReplay *r, const PsStep *step)
{
	return paystate_replay_stop(r, step, "illegal step",
								psprintf("a rule of life cycle \"%s\"", r->lc->name),
								in_words(step));
}

bool
paystate_replay_enter(PsReplay *r, const PsStep *s, int status)
{
	r->order.status = status;
	if (!replay_same(s->order_to, replay_order_label(r)))
		return paystate_replay_stop(r, s, "order_to", replay_order_label(r), s->order_to);
	if (s->amount_paid != r->order.amount_paid)
		return paystate_replay_stop(r, s, "amount_paid", replay_number(r->order.amount_paid),
									replay_number(s->amount_paid));
	if (s->attempts != r->order.attempts)
		return paystate_replay_stop(r, s, "attempts", replay_number(r->order.attempts),
									replay_number(s->attempts));
	return true;
}
