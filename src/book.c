/*
 * book.c
 *		Reads what the four tables say, one order after the other, in one
 *		pass: the rows come sorted by order and are never kept for longer
 *		than it takes to look at that order.
 *
 * No state.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "book.h"

/* takes the rows as the executor gives them; none is stored anywhere */
typedef struct BookDest
{
	DestReceiver pub;
	PsBook		book;
	bool		begun;
	const char *lifecycle;		/* of orders that name none */
	const PsLifecycle *alone;	/* of payments that have no order */
	FmgrInfo	equal[INDEX_MAX_KEYS];
	Oid			collation[INDEX_MAX_KEYS];
	int16		typlen[INDEX_MAX_KEYS];
	bool		typbyval[INDEX_MAX_KEYS];
	PsBookReader reader;
	void	   *arg;
} BookDest;

/* ---- a row's columns */

static const char *
get_text(TupleTableSlot *slot, const PsBook *book, int column)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, book->nkeys + column + 1, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* of a bigint, int4, bool or timestamptz: NULL is 0 */
static Datum
get_value(TupleTableSlot *slot, const PsBook *book, int column)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, book->nkeys + column + 1, &isnull);

	return isnull ? (Datum) 0 : value;
}

#define text_at(i)		get_text(slot, book, PS_B_TEXT + (i))
#define number_at(i)	DatumGetInt64(get_value(slot, book, PS_B_NUMBER + (i)))
#define count_at(i)		((int) number_at(i))
#define time_at(i)		DatumGetTimestampTz(get_value(slot, book, PS_B_TIME + (i)))
#define flag_at(i)		DatumGetBool(get_value(slot, book, PS_B_FLAG + (i)))

int
paystate_label_index(const PsStatus *statuses, int n, const char *label)
{
	for (int i = 0; label != NULL && i < n; i++)
	{
		if (strcmp(statuses[i].label, label) == 0)
			return i;
	}
	return PS_NO_STATUS;
}

/* ---- the rows of the four tables, each into its place */

static void
take_order(PsBook *book, TupleTableSlot *slot)
{
	PsOrder    *o = &book->order;
	const char *lifecycle = text_at(1);

	book->has_order = true;
	book->status = text_at(0);
	if (lifecycle != NULL)
		book->lifecycle = lifecycle;
	book->currency = text_at(2);
	book->lc = paystate_lifecycle(book->lifecycle, strlen(book->lifecycle));
	o->status = book->lc == NULL ? PS_NO_STATUS :
		paystate_label_index(book->lc->order, book->lc->norder, book->status);
	o->amount = number_at(0);
	o->amount_paid = number_at(1);
	book->amount_due = number_at(2);
	o->amount_authorized = number_at(3);
	o->amount_pending = number_at(4);
	o->amount_refunded = number_at(5);
	o->attempts = count_at(6);
	o->payments_open = count_at(7);
	book->version = count_at(8);
	o->first_payment_min_amount = number_at(9);
	o->partial_payment = flag_at(0);
	book->changed_at = time_at(0);
	book->status_since = time_at(1);
}

/* a place at the end of an array of the book, all zero */
static void *
next_place(void **array, int *n, int *max, Size size)
{
	char	   *place;

	if (*max == 0)
	{
		*max = 8;
		*array = palloc(*max * size);
	}
	else if (*n == *max)
	{
		*max *= 2;
		*array = repalloc_huge(*array, *max * size);
	}
	place = (char *) *array + (*n)++ * size;
	memset(place, 0, size);
	return place;
}

static void
take_payment(PsBook *book, TupleTableSlot *slot)
{
	PsLeg	   *leg = next_place((void **) &book->legs, &book->nlegs,
								 &book->maxlegs, sizeof(PsLeg));

	leg->id = get_text(slot, book, PS_B_PAYMENT);
	leg->status = text_at(0);
	leg->currency = text_at(1);
	leg->row.status = book->lc == NULL ? PS_NO_STATUS :
		paystate_label_index(book->lc->payment, book->lc->npayment, leg->status);
	leg->row.amount = number_at(0);
	leg->row.amount_captured = number_at(1);
	leg->row.amount_refunded = number_at(2);
	leg->row.refund_pending = number_at(3);
	leg->status_since = time_at(0);
}

static void
take_refund(PsBook *book, TupleTableSlot *slot)
{
	PsRefund   *refund = next_place((void **) &book->refunds, &book->nrefunds,
									&book->maxrefunds, sizeof(PsRefund));
	PsLeg	   *leg;

	refund->payment = get_text(slot, book, PS_B_PAYMENT);
	refund->id = get_text(slot, book, PS_B_REFUND);
	refund->status = text_at(0);
	refund->amount = number_at(0);
	refund->created_at = time_at(0);
	refund->has_payment = flag_at(0);
	leg = paystate_book_leg(book, refund->payment);
	if (leg == NULL || refund->status == NULL)
		return;
	if (strcmp(refund->status, "processed") == 0)
		leg->processed += refund->amount;
	else if (strcmp(refund->status, "pending") == 0)
		leg->pending += refund->amount;
}

static void
take_step(PsBook *book, TupleTableSlot *slot)
{
	PsStep	   *step = next_place((void **) &book->steps, &book->nsteps,
								  &book->maxsteps, sizeof(PsStep));

	step->seq = DatumGetInt32(get_value(slot, book, PS_B_SEQ));
	step->payment = get_text(slot, book, PS_B_PAYMENT);
	step->refund = get_text(slot, book, PS_B_REFUND);
	step->payment_from = text_at(0);
	step->payment_to = text_at(1);
	step->refund_to = text_at(2);
	step->order_from = text_at(3);
	step->order_to = text_at(4);
	step->amount = number_at(0);
	step->amount_paid = number_at(1);
	step->attempts = count_at(2);
	step->at = time_at(0);
	step->order_since = time_at(1);
	step->payment_since = time_at(2);
	step->forced = flag_at(0);
	step->found = step->order_since == 0 && (step->forced || flag_at(1));
}

static int
compare_legs(const void *a, const void *b)
{
	return strcmp(((const PsLeg *) a)->id, ((const PsLeg *) b)->id);
}

static int
compare_refunds(const void *a, const void *b)
{
	const PsRefund *x = a;
	const PsRefund *y = b;
	int			order = strcmp(x->payment, y->payment);

	return order != 0 ? order : strcmp(x->id, y->id);
}

PsLeg *
paystate_book_leg(const PsBook *book, const char *id)
{
	PsLeg		key = {.id = id};

	if (id == NULL || book->nlegs == 0)
		return NULL;
	return bsearch(&key, book->legs, book->nlegs, sizeof(PsLeg), compare_legs);
}

PsRefund *
paystate_book_refund(const PsBook *book, const char *payment, const char *id)
{
	PsRefund	key = {.payment = payment,.id = id};

	if (payment == NULL || id == NULL || book->nrefunds == 0)
		return NULL;
	return bsearch(&key, book->refunds, book->nrefunds, sizeof(PsRefund),
				   compare_refunds);
}

/* ---- from one order to the next */

static bool
same_order(BookDest *dest, TupleTableSlot *slot)
{
	PsBook	   *book = &dest->book;
	bool		isnull;
	Datum		alone = slot_getattr(slot, book->nkeys + PS_B_ALONE + 1, &isnull);

	if (isnull != (book->alone == NULL) ||
		(!isnull && strcmp(TextDatumGetCString(alone), book->alone) != 0))
		return false;
	for (int i = 0; i < book->nkeys; i++)
	{
		Datum		value = slot_getattr(slot, i + 1, &isnull);

		if (isnull || book->nulls[i])
		{
			if (isnull && book->nulls[i])
				continue;
			return false;
		}
		if (!DatumGetBool(FunctionCall2Coll(&dest->equal[i], dest->collation[i],
											book->key[i], value)))
			return false;
	}
	return true;
}

static void
begin_book(BookDest *dest, TupleTableSlot *slot)
{
	PsBook	   *book = &dest->book;
	MemoryContext cxt = book->cxt;
	int			nkeys = book->nkeys;

	MemoryContextReset(cxt);
	memset(book, 0, sizeof(*book));
	book->cxt = cxt;
	book->nkeys = nkeys;
	for (int i = 0; i < nkeys; i++)
	{
		Datum		value = slot_getattr(slot, i + 1, &book->nulls[i]);

		if (!book->nulls[i])
			book->key[i] = datumCopy(value, dest->typbyval[i], dest->typlen[i]);
	}
	book->alone = get_text(slot, book, PS_B_ALONE);
	book->lc = book->alone == NULL ? NULL : dest->alone;
	book->lifecycle = dest->lifecycle;
	dest->begun = true;
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	BookDest   *dest = (BookDest *) self;
	PsBook	   *book = &dest->book;
	MemoryContext old = MemoryContextSwitchTo(book->cxt);

	if (dest->begun && !same_order(dest, slot))
	{
		dest->reader(book, dest->arg);
		dest->begun = false;
	}
	if (!dest->begun)
		begin_book(dest, slot);
	switch (DatumGetInt32(get_value(slot, book, PS_B_KIND)))
	{
		case PS_ORDERS:
			take_order(book, slot);
			break;
		case PS_PAYMENTS:
			take_payment(book, slot);
			break;
		case PS_REFUNDS:
			take_refund(book, slot);
			break;
		case PS_HISTORY:
			take_step(book, slot);
			break;
	}
	MemoryContextSwitchTo(old);
	return true;
}

static void
start_rows(DestReceiver *self pg_attribute_unused(),
		   int operation pg_attribute_unused(),
		   TupleDesc desc pg_attribute_unused())
{
}

static void
end_rows(DestReceiver *self pg_attribute_unused())
{
}

static void
init_dest(BookDest *dest, const PsTables *t, PsBookReader reader, void *arg)
{
	TupleDesc	desc = RelationGetDescr(t->orders_rel);

	memset(dest, 0, sizeof(*dest));
	dest->pub.receiveSlot = receive_row;
	dest->pub.rStartup = start_rows;
	dest->pub.rShutdown = end_rows;
	dest->pub.rDestroy = end_rows;
	dest->pub.mydest = DestTuplestore;
	dest->reader = reader;
	dest->arg = arg;
	dest->lifecycle = t->orders->lifecycle;
	if (t->payments != NULL)
		dest->alone = paystate_lifecycle(t->payments->lifecycle,
										 strlen(t->payments->lifecycle));
	dest->book.nkeys = t->orders->nkeys;
	dest->book.cxt = AllocSetContextCreate(CurrentMemoryContext, "paystate book",
										   ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < t->orders->nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, t->orders->key[i] - 1);

		fmgr_info(get_opcode(t->orders->keyop[i]), &dest->equal[i]);
		dest->collation[i] = att->attcollation;
		dest->typlen[i] = att->attlen;
		dest->typbyval[i] = att->attbyval;
	}
}

/*
 * Gives the reader the book of each order, or of the one named.  It is run as
 * the current user; a book lives until the reader returns.
 */
void
paystate_books_read(const PsTables *t, const Datum *key, bool read_only,
					PsBookReader reader, void *arg)
{
	BookDest	dest;

	init_dest(&dest, t, reader, arg);
	paystate_stream(paystate_book_sql(t, key != NULL),
					key == NULL ? 0 : t->orders->nkeys, t->orders->keytype, key,
					read_only, &dest.pub);
	if (dest.begun)
	{
		MemoryContext old = MemoryContextSwitchTo(dest.book.cxt);

		reader(&dest.book, arg);
		MemoryContextSwitchTo(old);
	}
	MemoryContextDelete(dest.book.cxt);
}
