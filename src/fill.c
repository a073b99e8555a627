/*
 * fill.c
 *		Columns that a BEFORE guard fills in.  AFTER judges the stored row
 *		anew, so whatever is filled in here is a convenience, never a proof.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/rel.h"

#include "paystate.h"

bool
paystate_fill_is_null(const PsFill *f, int column)
{
	return slot_attisnull(ps_new_slot(f->td), f->table->att[column]);
}

void
paystate_fill(PsFill *f, int column, Datum value)
{
	f->cols[f->n] = f->table->att[column];
	f->values[f->n] = value;
	f->nulls[f->n] = false;
	f->n++;
}

void
paystate_fill_if_null(PsFill *f, int column, Datum value)
{
	if (paystate_fill_is_null(f, column))
		paystate_fill(f, column, value);
}

/* what the trigger returns */
Datum
paystate_filled(const PsFill *f)
{
	HeapTuple	tuple = ps_new_tuple(f->td);

	if (f->n > 0)
		tuple = heap_modify_tuple_by_cols(tuple,
										  RelationGetDescr(f->td->tg_relation),
										  f->n, (int *) f->cols,
										  (Datum *) f->values,
										  (bool *) f->nulls);
	return PointerGetDatum(tuple);
}
