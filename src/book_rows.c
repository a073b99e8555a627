/*
 * book_rows.c
 *		What a row of each of the four tables puts into the book of its order,
 *		in the words of the life cycle and in subunits.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "book.h"

/* ---- a row's columns */

const char *
paystate_book_text(TupleTableSlot *slot, const PsBook *book, int column)
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

/* a label that another one has taken the place of, so that it is none of ours */
static const char *
foreign_word(const char *word)
{
	return psprintf("\"%s\"", word);
}

/* the life cycle's word for a label of the shop */
static const char *
get_label(TupleTableSlot *slot, const PsBook *book, int column,
		  const PsLabels *labels)
{
	const char *word = paystate_book_text(slot, book, column);
	const char *ours = word;

	for (int i = 0; word != NULL && i < labels->n; i++)
	{
		if (strcmp(paystate_label(labels->theirs[i]), word) == 0)
			return paystate_label(labels->ours[i]);
		if (strcmp(paystate_label(labels->ours[i]), word) == 0)
			ours = foreign_word(word);
	}
	return ours;
}

/* money in subunits; numeric money came in thousandths of a unit */
static int64
get_money(TupleTableSlot *slot, const PsBook *book, int i,
		  const PsTable *table, int cell)
{
	int64		value = DatumGetInt64(get_value(slot, book, PS_B_NUMBER + i));

	if (table->base[cell] != NUMERICOID)
		return value;
	for (int decimals = book->exponent; decimals < PS_B_DECIMALS; decimals++)
		value /= 10;
	return value;
}

#define text_at(i)		paystate_book_text(slot, book, PS_B_TEXT + (i))
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

static int
exponent_of(const char *currency, int otherwise)
{
	return currency == NULL ? otherwise :
		paystate_exponent(CStringGetTextDatum(currency), false);
}

static void
take_order(PsBook *book, TupleTableSlot *slot)
{
	const PsTable *table = book->tables->orders;
	PsOrder    *o = &book->order;
	const char *lifecycle = text_at(1);

	book->has_order = true;
	book->status = get_label(slot, book, PS_B_TEXT, &table->labels[PS_ORDERS]);
	if (lifecycle != NULL)
		book->lifecycle = lifecycle;
	book->currency = table->att[PS_O_CURRENCY] == 0 ? "INR" : text_at(2);
	book->exponent = exponent_of(book->currency, book->exponent);
	book->lc = paystate_lifecycle(book->lifecycle, strlen(book->lifecycle));
	o->status = book->lc == NULL ? PS_NO_STATUS :
		paystate_label_index(book->lc->order, book->lc->norder, book->status);
	o->amount = get_money(slot, book, 0, table, PS_O_AMOUNT);
	o->amount_paid = get_money(slot, book, 1, table, PS_O_PAID);
	book->amount_due = get_money(slot, book, 2, table, PS_O_DUE);
	o->amount_authorized = get_money(slot, book, 3, table, PS_O_AUTHORIZED);
	o->amount_pending = get_money(slot, book, 4, table, PS_O_PENDING);
	o->amount_refunded = get_money(slot, book, 5, table, PS_O_REFUNDED);
	o->attempts = count_at(6);
	o->payments_open = count_at(7);
	book->version = count_at(8);
	o->first_payment_min_amount = get_money(slot, book, 9, table, PS_O_FIRST_MIN);
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
	const PsTable *table = book->tables->payments;
	PsLeg	   *leg = next_place((void **) &book->legs, &book->nlegs,
								 &book->maxlegs, sizeof(PsLeg));

	leg->id = paystate_book_text(slot, book, PS_B_PAYMENT);
	leg->status = get_label(slot, book, PS_B_TEXT, &table->labels[PS_PAYMENTS]);
	leg->currency = text_at(1);
	if (!book->has_order)
		book->exponent = exponent_of(leg->currency, book->exponent);
	leg->row.status = book->lc == NULL ? PS_NO_STATUS :
		paystate_label_index(book->lc->payment, book->lc->npayment, leg->status);
	leg->row.amount = get_money(slot, book, 0, table, PS_P_AMOUNT);
	leg->row.amount_captured = get_money(slot, book, 1, table, PS_P_CAPTURED);
	leg->row.amount_refunded = get_money(slot, book, 2, table, PS_P_REFUNDED);
	leg->row.refund_pending = get_money(slot, book, 3, table, PS_P_REFUND_PENDING);
	leg->status_since = time_at(0);
}

static void
take_refund(PsBook *book, TupleTableSlot *slot)
{
	const PsTable *table = book->tables->refunds;
	PsRefund   *refund = next_place((void **) &book->refunds, &book->nrefunds,
									&book->maxrefunds, sizeof(PsRefund));
	PsLeg	   *leg;

	refund->payment = paystate_book_text(slot, book, PS_B_PAYMENT);
	refund->id = paystate_book_text(slot, book, PS_B_REFUND);
	refund->status = table->att[PS_R_STATUS] == 0 ? "processed" :
		get_label(slot, book, PS_B_TEXT, &table->labels[PS_REFUNDS]);
	refund->amount = get_money(slot, book, 0, table, PS_R_AMOUNT);
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
	const PsTable *table = book->tables->history;
	const PsLabels *labels = table->labels;
	PsStep	   *step = next_place((void **) &book->steps, &book->nsteps,
								  &book->maxsteps, sizeof(PsStep));

	step->seq = DatumGetInt32(get_value(slot, book, PS_B_SEQ));
	step->payment = paystate_book_text(slot, book, PS_B_PAYMENT);
	step->refund = paystate_book_text(slot, book, PS_B_REFUND);
	step->payment_from = get_label(slot, book, PS_B_TEXT, &labels[PS_PAYMENTS]);
	step->payment_to = get_label(slot, book, PS_B_TEXT + 1, &labels[PS_PAYMENTS]);
	step->refund_to = get_label(slot, book, PS_B_TEXT + 2, &labels[PS_REFUNDS]);
	step->order_from = get_label(slot, book, PS_B_TEXT + 3, &labels[PS_ORDERS]);
	step->order_to = get_label(slot, book, PS_B_TEXT + 4, &labels[PS_ORDERS]);
	step->amount = get_money(slot, book, 0, table, PS_H_AMOUNT);
	step->amount_paid = get_money(slot, book, 1, table, PS_H_PAID);
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


void
paystate_book_take(PsBook *book, TupleTableSlot *slot)
{
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
}
