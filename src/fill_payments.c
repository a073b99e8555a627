/*
 * fill_payments.c
 *		What BEFORE fills in on a payment: defaults from its order when it is
 *		inserted, and what a change of status implies when it is updated.
 *		Nothing is judged here but a changed order key, which must be refused
 *		before the foreign key speaks.
 *
 * No state.
 */
#include "postgres.h"

#include "access/table.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "paystate.h"

/* what is due, less live legs; the order's amount when nothing is due */
static int64
default_amount(const PsLifecycle *lc, const PsOrder *order)
{
	int64		due = order->amount - order->amount_paid;

	if (lc->parallel_payments == PS_PARALLEL_LEGS)
		due -= order->amount_authorized + order->amount_pending;
	return due > 0 ? due : order->amount;
}

/*
 * The order is read unlocked and as anyone left it, for it may have been
 * inserted by the same statement; only defaults come from it.  Without an
 * order the values are neutral, and the verdict or the foreign key speaks.
 */
static void
fill_from_order(PsFill *f)
{
	const PsLink *link = &f->table->link;
	TupleTableSlot *slot = ps_new_slot(f->td);
	const PsLifecycle *lc = paystate_named_lifecycle(f->td->tg_relation,
													 f->table->lifecycle);
	PsRow		row;
	PsOrder		order = {0};
	Datum		key[INDEX_MAX_KEYS];
	Datum		currency = CStringGetTextDatum("INR");
	Relation	rel = NULL;
	bool		found = false;

	if (paystate_parent_key(f->table, slot, key) == 0)
	{
		rel = table_open(link->parent, RowExclusiveLock);
		found = paystate_row_find(&row, rel, paystate_table(rel, PS_ORDERS),
								  link, key, PS_FIND_PEEK);
	}
	if (found)
	{
		lc = paystate_lifecycle_of_order(&row);
		paystate_read_order(lc, &row, &order);
		f->exponent = row.exponent;
		if (!row.nulls[PS_O_CURRENCY])
			currency = PointerGetDatum(PG_DETOAST_DATUM_COPY(paystate_word(row.table, PS_O_CURRENCY,
																		   row.values[PS_O_CURRENCY])));
		paystate_row_release(&row);
	}
	if (rel != NULL)
		table_close(rel, NoLock);
	paystate_fill_money(f, PS_P_AMOUNT, default_amount(lc, &order));
	paystate_fill_if_null(f, PS_P_CURRENCY, currency);
	paystate_fill_label(f, PS_P_STATUS, lc->payment[lc->payment_initial].label_id);
}

Datum
paystate_fill_inserted_payment(TriggerData *td, PsTable *table)
{
	PsFill		f = {.td = td,.table = table};

	f.exponent = paystate_slot_exponent(ps_new_slot(td), table, PS_P_CURRENCY);
	paystate_note_unjudged(td, table);
	if (paystate_fill_is_null(&f, PS_P_AMOUNT) || paystate_fill_is_null(&f, PS_P_CURRENCY) ||
		paystate_fill_is_null(&f, PS_P_STATUS))
		fill_from_order(&f);
	paystate_fill_money(&f, PS_P_CAPTURED, 0);
	paystate_fill_money(&f, PS_P_REFUNDED, 0);
	paystate_fill_money(&f, PS_P_REFUND_PENDING, 0);
	paystate_fill_if_null(&f, PS_P_STATUS_SINCE, TimestampTzGetDatum(paystate_clock()));
	return paystate_filled(&f);
}

/* the life cycle of a payment's order, for what a status change implies */
static const PsLifecycle *
peek_lifecycle(PsFill *f)
{
	TriggerData *td = f->td;
	const PsTable *table = f->table;
	const PsLink *link = &table->link;
	const PsLifecycle *lc = NULL;
	Datum		key[INDEX_MAX_KEYS];
	Relation	rel;
	PsRow		row;

	f->exponent = paystate_slot_exponent(td->tg_newslot, table, PS_P_CURRENCY);
	if (paystate_parent_key(table, td->tg_newslot, key) > 0)
		return paystate_named_lifecycle(td->tg_relation, table->lifecycle);
	rel = table_open(link->parent, RowExclusiveLock);
	if (paystate_row_find(&row, rel, paystate_table(rel, PS_ORDERS), link, key,
						  PS_FIND_PEEK))
	{
		lc = paystate_lifecycle_of_order(&row);
		if (table->att[PS_P_CURRENCY] == 0)
			f->exponent = row.exponent;
		paystate_row_release(&row);
	}
	table_close(rel, NoLock);
	return lc;
}

/* amount_captured and amount_refunded, where the writer left them alone */
static void
fill_implied(PsFill *f)
{
	TriggerData *td = f->td;
	const PsTable *table = f->table;
	const PsLifecycle *lc = peek_lifecycle(f);
	PsPayment	old;
	PsPayment	new;
	int64		captured;
	int64		refunded;

	if (lc == NULL)
		return;
	paystate_slot_payment(lc, td->tg_relation, table, td->tg_trigslot, f->exponent, &old);
	paystate_slot_payment(lc, td->tg_relation, table, td->tg_newslot, f->exponent, &new);
	if (old.status == PS_NO_STATUS || new.status == PS_NO_STATUS)
		return;
	paystate_implied(lc, &old, new.status, &captured, &refunded);
	/* a null, too, leaves it alone at a capture, be it one of nothing */
	if (new.amount_captured == 0 &&
		(captured != old.amount_captured ||
		 (lc->payment[new.status].role == PS_SETTLED &&
		  paystate_fill_is_null(f, PS_P_CAPTURED))))
		paystate_fill(f, PS_P_CAPTURED,
					  paystate_money_datum(td->tg_relation, table, PS_P_CAPTURED,
										   captured, f->exponent));
	if (refunded != old.amount_refunded &&
		paystate_same_column(td, table->att[PS_P_REFUNDED]))
		paystate_fill(f, PS_P_REFUNDED,
					  paystate_money_datum(td->tg_relation, table, PS_P_REFUNDED,
										   refunded, f->exponent));
}

Datum
paystate_fill_updated_payment(TriggerData *td, PsTable *table)
{
	PsFill		f = {.td = td,.table = table};

	paystate_check_keys(td, table);
	if (paystate_is_own_write(table, td))
		return PointerGetDatum(td->tg_newtuple);
	paystate_note_unjudged(td, table);
	if (paystate_same_column(td, table->att[PS_P_STATUS]) ||
		paystate_fill_is_null(&f, PS_P_STATUS))
		return PointerGetDatum(td->tg_newtuple);
	if (paystate_same_column(td, table->att[PS_P_STATUS_SINCE]))
		paystate_fill(&f, PS_P_STATUS_SINCE, TimestampTzGetDatum(paystate_clock()));
	fill_implied(&f);
	return paystate_filled(&f);
}
