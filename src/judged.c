/*
 * judged.c
 *		Rows that are stored but not judged yet.  A statement stores all its
 *		rows before the first AFTER event is fired, and a trigger of the user
 *		may write in between; so the status in a payment's row may be ahead of
 *		the judgement.  The history is not: the last row that names a payment
 *		says what it was judged to be.
 *
 * Static state, for one top-level transaction: how many payments BEFORE has
 * seen that AFTER has not, and whether payments were moved along with an
 * order.  Both only say when the history must be asked; an error leaves the
 * count too high, never too low, and that costs a question.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "storage/proc.h"

#include "paystate.h"

static LocalTransactionId counted_in = InvalidLocalTransactionId;
static int64 unjudged = 0;
static bool cascaded = false;

static void
begin_count(void)
{
	if (counted_in == ps_local_transaction())
		return;
	counted_in = ps_local_transaction();
	unjudged = 0;
	cascaded = false;
}

/* BEFORE: a payment is going to be stored that needs a judgement */
void
paystate_note_unjudged(void)
{
	begin_count();
	unjudged++;
}

/* AFTER: it is being judged now */
void
paystate_note_judged(void)
{
	begin_count();
	if (unjudged > 0)
		unjudged--;
}

void
paystate_note_cascade(void)
{
	begin_count();
	cascaded = true;
}

/* PS_NO_STATUS when the history does not name the payment */
int
paystate_judged_status(PsCase *c, Datum payment_id, TimestampTz *since)
{
	int			label = paystate_general_judged(c->family.history,
												c->family.history_rel,
												&c->order, payment_id, since);

	return label < 0 ? PS_NO_STATUS : paystate_payment_status(c->lc, label);
}

/* was that version of a row written by this transaction? */
static bool
is_of_this_transaction(HeapTuple tuple)
{
	return tuple == NULL ||
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
}

/*
 * May the status that an event starts from, c->payment.status, be one that
 * nobody judged?  "stored" is the version that has it, NULL where unknown.
 */
static bool
may_be_unjudged(HeapTuple stored)
{
	begin_count();
	return cascaded || (unjudged > 0 && is_of_this_transaction(stored));
}

static void
refuse_unjudged(PsCase *c, int judged)
{
	c->payment.status = judged;
	c->verdict.refusal = PS_ILLEGAL;
	c->verdict.why = PS_WHY_UNJUDGED;
	paystate_refuse(c);
}

/*
 * A move whose payment the statement stored, and a cascade moved, is counted
 * already: true.  A move that does not start from where the payment was
 * judged to be is refused: a trigger of the user moved it on too early.
 */
bool
paystate_counted_already(PsCase *c, HeapTuple old, int new_label)
{
	TimestampTz since;
	int			judged;

	if (!may_be_unjudged(old))
		return false;
	judged = paystate_judged_status(c, c->entry.payment_id, &since);
	if (judged == c->payment.status || judged == PS_NO_STATUS)
		return false;
	if (c->lc->payment[judged].label_id == new_label)
		return true;
	refuse_unjudged(c, judged);
	return false;
}

/* a refund is judged on a payment that was itself judged */
void
paystate_check_judged(PsCase *c, const PsRow *payment)
{
	TimestampTz since;
	HeapTuple	stored = NULL;
	bool		should_free = false;
	int			judged;

	if (payment->slot != NULL)
		stored = ExecFetchSlotHeapTuple(payment->slot, false, &should_free);
	if (!may_be_unjudged(stored))
		return;
	judged = paystate_judged_status(c, c->entry.payment_id, &since);
	if (judged != c->payment.status)
		refuse_unjudged(c, judged);
}
