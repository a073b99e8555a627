/*
 * book.c
 *		Reads what the four tables say, one order after the other, in one
 *		pass: the rows come sorted by order and are never kept for longer
 *		than it takes to look at that order.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
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
	const PsTables *tables = book->tables;

	MemoryContextReset(cxt);
	memset(book, 0, sizeof(*book));
	book->cxt = cxt;
	book->nkeys = nkeys;
	book->tables = tables;
	book->exponent = paystate_exponent((Datum) 0, true);
	for (int i = 0; i < nkeys; i++)
	{
		Datum		value = slot_getattr(slot, i + 1, &book->nulls[i]);

		if (!book->nulls[i])
			book->key[i] = datumCopy(value, dest->typbyval[i], dest->typlen[i]);
	}
	book->alone = paystate_book_text(slot, book, PS_B_ALONE);
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
	paystate_book_take(book, slot);
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
	dest->book.tables = t;
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
