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

/* what the table has no column for needs no filling */
bool
paystate_fill_is_null(const PsFill *f, int column)
{
	return f->table->att[column] != 0 &&
		slot_attisnull(ps_new_slot(f->td), f->table->att[column]);
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

void
paystate_fill_money(PsFill *f, int column, int64 amount)
{
	if (paystate_fill_is_null(f, column))
		paystate_fill(f, column,
					  paystate_money_datum(f->td->tg_relation, f->table, column,
										   amount, f->exponent));
}

void
paystate_fill_count(PsFill *f, int column, int32 n)
{
	if (paystate_fill_is_null(f, column))
		paystate_fill(f, column, paystate_count_datum(f->table, column, n));
}

void
paystate_fill_label(PsFill *f, int column, int label)
{
	if (paystate_fill_is_null(f, column))
		paystate_fill(f, column, paystate_status_datum(f->table, column, label));
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
