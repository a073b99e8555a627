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

/* what the trigger returns: its tuple, of the slot's columns, which are there */
Datum
paystate_filled(const PsFill *f)
{
	HeapTuple	old = ps_new_tuple(f->td);
	TupleTableSlot *slot = ps_new_slot(f->td);
	TupleDesc	desc = RelationGetDescr(f->td->tg_relation);
	Datum		values[MaxHeapAttributeNumber];
	bool		nulls[MaxHeapAttributeNumber];
	HeapTuple	new;

	if (f->n == 0)
		return PointerGetDatum(old);
	slot_getallattrs(slot);
	memcpy(values, slot->tts_values, desc->natts * sizeof(Datum));
	memcpy(nulls, slot->tts_isnull, desc->natts * sizeof(bool));
	for (int i = 0; i < f->n; i++)
	{
		values[f->cols[i] - 1] = f->values[i];
		nulls[f->cols[i] - 1] = f->nulls[i];
	}
	new = heap_form_tuple(desc, values, nulls);
	new->t_data->t_ctid = old->t_data->t_ctid;
	new->t_self = old->t_self;
	new->t_tableOid = old->t_tableOid;
	return PointerGetDatum(new);
}
