/*
 * own.c
 *		Telling paystate's own writes from everyone's.
 *
 * What tells the guards that a write is paystate's own: while the statement
 * runs, a frame on the C stack holds the exact values that the decision gave.
 * A guard lets through only a row that has all of them; anything else, and
 * anything written when no frame stands, is judged as a user's write.  So a
 * trigger of the user that runs under our statement can at most write what we
 * are writing, and an error unwinds the frame with the C stack.
 *
 * Static state: the top of that stack of frames; whoever pushed one pops it
 * in PG_FINALLY.
 */
#include "postgres.h"

#include "utils/rel.h"

#include "general.h"
#include "paystate.h"

static PsFrame *top = NULL;

void
paystate_push_frame(PsFrame *frame, PsRow *row, bool insert)
{
	frame->up = top;
	frame->row = row;
	frame->insert = insert;
	frame->used = false;
	top = frame;
}

void
paystate_pop_frame(PsFrame *frame)
{
	top = frame->up;
}

static bool
same_datum(TupleTableSlot *slot, AttrNumber attno, Datum value, bool isnull)
{
	Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, attno - 1);
	bool		slotnull;
	Datum		stored = slot_getattr(slot, attno, &slotnull);

	if (slotnull || isnull)
		return slotnull && isnull;
	return paystate_same_image(att, stored, value);
}

static bool
same_written(const PsTable *self, TupleTableSlot *slot, const Datum *values,
			 const bool *nulls)
{
	int			n;
	const PsColumn *columns = paystate_columns(self->kind, &n);

	for (int i = 0; i < n; i++)
	{
		if (columns[i].written && self->att[i] != 0 &&
			!same_datum(slot, self->att[i], values[i], nulls[i]))
			return false;
	}
	return true;
}

/* what is nobody's to change, beside a write of ours, neither */
static bool
same_rest(const PsTable *self, const TriggerData *td, const PsRow *row)
{
	int			n;
	const PsColumn *columns = paystate_columns(self->kind, &n);

	for (int i = 0; i < n; i++)
	{
		if (columns[i].written || columns[i].meaning == PS_M_FREE ||
			self->att[i] == 0)
			continue;
		/* an order changes its life cycle where migrate_orders() says so */
		if (self->kind == PS_ORDERS && i == PS_O_LIFECYCLE ?
			!same_datum(td->tg_newslot, self->att[i], row->values[i], row->nulls[i]) ||
			!same_datum(td->tg_trigslot, self->att[i], row->old[i], row->oldnulls[i]) :
			!paystate_same_column(td, self->att[i]))
			return false;
	}
	for (int i = 0; i < self->link.nkeys; i++)
	{
		if (!paystate_same_column(td, self->link.fk[i]))
			return false;
	}
	return true;
}

static bool
same_key(TupleTableSlot *slot, int n, const AttrNumber *atts, const Datum *key)
{
	for (int i = 0; i < n; i++)
	{
		if (!same_datum(slot, atts[i], key[i], false))
			return false;
	}
	return true;
}

/*
 * An update of ours goes from exactly what was read to exactly what was
 * decided: if a trigger of the user moved the row in between, this is no
 * longer our write, and is refused like anyone's.  A frame is good for one
 * row, and who pushed it sees by "used" that the guard did meet it.
 */
bool
paystate_is_own_write(PsTable *self, const TriggerData *td)
{
	bool		insert = TRIGGER_FIRED_BY_INSERT(td->tg_event);
	TupleTableSlot *slot = insert ? td->tg_trigslot : td->tg_newslot;
	PsRow	   *row;

	if (top == NULL || top->insert != insert || top->used ||
		top->row->table->root != self->root)
		return false;
	row = top->row;
	if (!same_written(self, slot, row->values, row->nulls))
		return false;
	if (insert && !same_key(slot, row->link->nkeys, self->link.fk, row->linkkey))
		return false;
	if (!insert &&
		(!same_written(self, td->tg_trigslot, row->old, row->oldnulls) ||
		 !same_key(slot, self->nkeys, self->key, row->key) ||
		 !same_rest(self, td, row)))
		return false;
	if (TRIGGER_FIRED_AFTER(td->tg_event) || self->kind == PS_HISTORY)
		top->used = true;
	return true;
}
