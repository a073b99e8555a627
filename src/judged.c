/*
 * judged.c
 *		Rows that are stored but not judged yet.  A statement stores all its
 *		rows before the first AFTER event is fired, and a trigger of the user
 *		may write in between; so the status in a payment's row may be ahead of
 *		the judgement.  The history is not: the last row that names a payment
 *		says what it was judged to be.
 *
 * Static state, for one top-level transaction: how many payments BEFORE has
 * seen that AFTER has not, whether payments were moved along with an order,
 * and which of those had been stored so by their own statement.  None of it
 * decides alone: it says when the history must be asked, and an error leaves
 * the count too high, never too low, which costs a question.  And which orders
 * had several payments among them, by hashes: only what is worth to wait.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "paystate.h"

typedef struct Place
{
	Oid			tableoid;
	ItemPointerData tid;
} Place;

static LocalTransactionId counted_in = InvalidLocalTransactionId;
static int64 unjudged = 0;
static bool cascaded = false;
static Place *counted = NULL;
static int	ncounted = 0;
static int	maxcounted = 0;

/* parents of the last rows that BEFORE saw, and those that came again */
#define NLAST 8
#define NSHARED 8192
static uint32 last[NLAST];
static uint32 nlast = 0;
static uint8 shared[NSHARED / BITS_PER_BYTE];
static bool any_shared = false;

static void
begin_count(void)
{
	if (counted_in == ps_local_transaction())
		return;
	counted_in = ps_local_transaction();
	unjudged = 0;
	cascaded = false;
	ncounted = 0;
}

static uint32
hash_parent(const TriggerData *td, const PsTable *payments)
{
	Datum		key[INDEX_MAX_KEYS];

	if (paystate_parent_key(payments, ps_new_slot(td), key) > 0)
		return 0;
	return paystate_key_hash(td->tg_relation, payments->link.nkeys,
							 payments->link.fk, key);
}

static void
forget_parents(void)
{
	memset(last, 0, sizeof(last));
	if (any_shared)
		memset(shared, 0, sizeof(shared));
	any_shared = false;
}

static void
note_parent(uint32 hash)
{
	for (int i = 0; i < NLAST; i++)
	{
		if (last[i] != hash || hash == 0)
			continue;
		shared[hash % NSHARED / BITS_PER_BYTE] |= 1 << hash % BITS_PER_BYTE;
		any_shared = true;
		return;
	}
	last[nlast++ % NLAST] = hash;
}

/* BEFORE: a payment is going to be stored that may need a judgement */
void
paystate_note_unjudged(const TriggerData *td, const PsTable *payments)
{
	begin_count();
	if (unjudged == 0)
		forget_parents();
	note_parent(hash_parent(td, payments));
	unjudged++;
}

/* may other payments of the order be judged in the same statement? */
bool
paystate_has_siblings(const PsCase *c)
{
	uint32		hash;

	if (!any_shared || !c->fired || c->family.self->kind != PS_PAYMENTS)
		return false;
	hash = hash_parent(c->td, c->family.self);
	return (shared[hash % NSHARED / BITS_PER_BYTE] & (1 << hash % BITS_PER_BYTE)) != 0;
}

/* AFTER: it is being judged now, or needed none */
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

/* a cascade moved a payment that its statement had stored so already */
void
paystate_note_counted(const PsRow *payment)
{
	begin_count();
	if (ncounted == maxcounted)
	{
		int			n = maxcounted == 0 ? 16 : 2 * maxcounted;

		if (counted == NULL)
			counted = MemoryContextAlloc(TopMemoryContext, n * sizeof(Place));
		else
			counted = repalloc(counted, n * sizeof(Place));
		maxcounted = n;
	}
	counted[ncounted].tableoid = payment->tableoid;
	counted[ncounted].tid = payment->tid;
	ncounted++;
}

static bool
was_counted(const TriggerData *td)
{
	for (int i = 0; i < ncounted; i++)
	{
		if (counted[i].tableoid == RelationGetRelid(td->tg_relation) &&
			ItemPointerEquals(&counted[i].tid, &td->tg_newtuple->t_self))
			return true;
	}
	return false;
}

pg_noreturn static void refuse_unjudged(PsCase *c, int judged);

static void
refuse_unjudged(PsCase *c, int judged)
{
	c->payment.status = judged;
	c->verdict.refusal = PS_ILLEGAL;
	c->verdict.why = PS_WHY_UNJUDGED;
	paystate_refuse(c);
}

/*
 * May the status that an event starts from be one that nobody judged?  Only
 * where this transaction wrote it, or moved payments along with an order.
 */
bool
paystate_may_be_unjudged(TransactionId xmin)
{
	begin_count();
	return cascaded ||
		(unjudged > 0 && TransactionIdIsCurrentTransactionId(xmin));
}

/*
 * May a payment that the history does not name be one whose INSERT is still to
 * be judged?  If none is, it was attached, maybe by this transaction.
 */
bool
paystate_may_be_new(TransactionId xmin)
{
	begin_count();
	return unjudged > 0 && TransactionIdIsCurrentTransactionId(xmin);
}

/*
 * A move whose payment the statement stored, and a cascade moved, is counted
 * already: true.  A move that does not start from where the payment was
 * judged to be is refused: a trigger of the user moved it too early.  One that
 * the history does not name and that is past its initial status was attached
 * by this transaction.
 */
bool
paystate_counted_already(PsCase *c, int new_label)
{
	const TriggerData *td = c->td;
	TransactionId xmin = HeapTupleHeaderGetXmin(td->tg_trigtuple->t_data);
	TimestampTz since;
	int			judged;

	if (!paystate_may_be_unjudged(xmin))
		return false;
	judged = paystate_judged_status(c, c->entry.payment_id, &since);
	if (judged == c->payment.status || (judged == PS_NO_STATUS &&
										(!paystate_may_be_new(xmin) ||
										 c->payment.status != c->lc->payment_initial)))
		return false;
	if (judged != PS_NO_STATUS && was_counted(td) &&
		c->lc->payment[judged].label_id == new_label)
		return true;
	refuse_unjudged(c, judged);
}

/*
 * A refund is judged on a payment that was itself judged.  One that the
 * history does not name came before the guards; or its INSERT is still to be
 * judged, and then it has its initial status or will be refused.
 */
void
paystate_check_judged(PsCase *c, const PsRow *payment)
{
	TimestampTz since;
	int			judged;

	if (!paystate_may_be_unjudged(payment->xmin))
		return;
	judged = paystate_judged_status(c, c->entry.payment_id, &since);
	if (judged == c->payment.status || judged == PS_NO_STATUS)
		return;
	refuse_unjudged(c, judged);
}
