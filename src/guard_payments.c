/*
 * guard_payments.c
 *		The guard of a payments table.
 *
 * BEFORE fills in what the writer left out, and refuses what must be refused
 * before the foreign keys speak: a delete, a changed key.  AFTER ROW gives
 * the verdict on the row as stored, whatever a trigger of someone else made
 * of it in between, and moves the order along.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "paystate.h"

/* ---- BEFORE: defaults only */

typedef struct Fill
{
	TriggerData *td;
	const PsTable *table;
	int			n;
	int			cols[PS_P_END];
	Datum		values[PS_P_END];
	bool		nulls[PS_P_END];
} Fill;

static bool
is_null(const Fill *f, int column)
{
	return slot_attisnull(ps_new_slot(f->td), f->table->att[column]);
}

static void
fill(Fill *f, int column, Datum value)
{
	f->cols[f->n] = f->table->att[column];
	f->values[f->n] = value;
	f->nulls[f->n] = false;
	f->n++;
}

static void
fill_if_null(Fill *f, int column, Datum value)
{
	if (is_null(f, column))
		fill(f, column, value);
}

static Datum
filled(Fill *f)
{
	HeapTuple	tuple = ps_new_tuple(f->td);

	if (f->n > 0)
		tuple = heap_modify_tuple_by_cols(tuple,
										  RelationGetDescr(f->td->tg_relation),
										  f->n, f->cols, f->values, f->nulls);
	return PointerGetDatum(tuple);
}

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
fill_from_order(Fill *f)
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

	paystate_slot_key(slot, link->nkeys, link->fk, key);
	if (!slot_attisnull(slot, link->fk[0]))
	{
		rel = table_open(link->parent, AccessShareLock);
		found = paystate_row_find(&row, rel, paystate_table(rel, PS_ORDERS),
								  link, key, PS_FIND_PEEK);
	}
	if (found)
	{
		lc = paystate_lifecycle_or_fail(rel, row.values[PS_O_LIFECYCLE]);
		paystate_read_order(lc, &row, &order);
		currency = PointerGetDatum(PG_DETOAST_DATUM_COPY(row.values[PS_O_CURRENCY]));
		paystate_row_release(&row);
	}
	if (rel != NULL)
		table_close(rel, NoLock);
	fill_if_null(f, PS_P_AMOUNT, Int64GetDatum(default_amount(lc, &order)));
	fill_if_null(f, PS_P_CURRENCY, currency);
	fill_if_null(f, PS_P_STATUS,
				 paystate_label_to_datum(f->table->type[PS_P_STATUS],
										 lc->payment[lc->payment_initial].label_id));
}

static Datum
before_insert(TriggerData *td, PsTable *table)
{
	Fill		f = {.td = td,.table = table};

	if (is_null(&f, PS_P_AMOUNT) || is_null(&f, PS_P_CURRENCY) ||
		is_null(&f, PS_P_STATUS))
		fill_from_order(&f);
	fill_if_null(&f, PS_P_CAPTURED, Int64GetDatum(0));
	fill_if_null(&f, PS_P_REFUNDED, Int64GetDatum(0));
	fill_if_null(&f, PS_P_REFUND_PENDING, Int64GetDatum(0));
	fill_if_null(&f, PS_P_STATUS_SINCE, TimestampTzGetDatum(GetCurrentTimestamp()));
	return filled(&f);
}

/* the life cycle of a payment's order, for what a status change implies */
static const PsLifecycle *
peek_lifecycle(const PsTable *table, TriggerData *td)
{
	const PsLink *link = &table->link;
	const PsLifecycle *lc = NULL;
	Datum		key[INDEX_MAX_KEYS];
	Relation	rel;
	PsRow		row;

	if (slot_attisnull(td->tg_newslot, link->fk[0]))
		return paystate_named_lifecycle(td->tg_relation, table->lifecycle);
	paystate_slot_key(td->tg_newslot, link->nkeys, link->fk, key);
	rel = table_open(link->parent, AccessShareLock);
	if (paystate_row_find(&row, rel, paystate_table(rel, PS_ORDERS), link, key,
						  PS_FIND_PEEK))
	{
		lc = paystate_lifecycle_or_fail(rel, row.values[PS_O_LIFECYCLE]);
		paystate_row_release(&row);
	}
	table_close(rel, NoLock);
	return lc;
}

/* amount_captured and amount_refunded, where the writer left them alone */
static void
fill_implied(Fill *f)
{
	TriggerData *td = f->td;
	const PsTable *table = f->table;
	const PsLifecycle *lc = peek_lifecycle(table, td);
	PsPayment	old;
	PsPayment	new;
	int64		captured;
	int64		refunded;

	if (lc == NULL)
		return;
	paystate_slot_payment(lc, table, td->tg_trigslot, &old);
	paystate_slot_payment(lc, table, td->tg_newslot, &new);
	if (old.status == PS_NO_STATUS || new.status == PS_NO_STATUS)
		return;
	paystate_implied(lc, &old, new.status, &captured, &refunded);
	if (captured != old.amount_captured && new.amount_captured == 0)
		fill(f, PS_P_CAPTURED, Int64GetDatum(captured));
	if (refunded != old.amount_refunded &&
		paystate_same_column(td, table->att[PS_P_REFUNDED]))
		fill(f, PS_P_REFUNDED, Int64GetDatum(refunded));
}

static Datum
before_update(TriggerData *td, PsTable *table)
{
	Fill		f = {.td = td,.table = table};

	for (int i = 0; i < table->link.nkeys; i++)
	{
		if (!paystate_same_column(td, table->link.fk[i]))
			paystate_refuse_column(td->tg_relation, table->link.fk[i], false);
	}
	if (paystate_same_column(td, table->att[PS_P_STATUS]) ||
		is_null(&f, PS_P_STATUS) || paystate_is_own_write(table, td))
		return PointerGetDatum(td->tg_newtuple);
	if (paystate_same_column(td, table->att[PS_P_STATUS_SINCE]))
		fill(&f, PS_P_STATUS_SINCE, TimestampTzGetDatum(GetCurrentTimestamp()));
	fill_implied(&f);
	return filled(&f);
}

/* ---- AFTER: the verdict */

/* 23503 as the foreign key itself would say it, for where it is switched off */
static void
refuse_missing_order(const PsCase *c)
{
	Relation	rel = c->td->tg_relation;
	const PsLink *link = &c->family.self->link;
	Datum		key[INDEX_MAX_KEYS];
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < link->nkeys; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 get_attname(RelationGetRelid(rel), link->fk[i], false));
	paystate_slot_key(ps_new_slot(c->td), link->nkeys, link->fk, key);
	paystate_report(&(PsReport) {
		.code = ERRCODE_FOREIGN_KEY_VIOLATION,.rel = rel,
		.constraint = link->name,
		.message = psprintf("insert or update on table \"%s\" violates foreign key constraint \"%s\"",
							RelationGetRelationName(rel), link->name),
		.detail = psprintf("Key (%s)=(%s) is not present in table \"%s\".",
						   names.data,
						   paystate_key_text(rel, link->nkeys, link->fk, key),
						   get_rel_name(link->parent))
	});
}

/*
 * Locks the order of the payment at hand, if it has one.  A composite key
 * that is partly null would check nothing.
 */
static void
find_order(PsCase *c)
{
	const PsTable *self = c->family.self;
	TupleTableSlot *slot = ps_new_slot(c->td);
	Datum		key[INDEX_MAX_KEYS];
	int			nulls = 0;

	for (int i = 0; i < self->link.nkeys; i++)
		nulls += slot_attisnull(slot, self->link.fk[i]);
	if (nulls == self->link.nkeys)
	{
		c->lc = paystate_named_lifecycle(c->td->tg_relation, self->lifecycle);
		return;
	}
	if (nulls > 0)
		paystate_unbound(c->td->tg_relation, NULL,
						 "The key of the payment's order is partly null.");
	paystate_slot_key(slot, self->link.nkeys, self->link.fk, key);
	if (!paystate_lock_order(c, key))
		refuse_missing_order(c);
}

static void
begin_case(PsCase *c, TriggerData *td)
{
	const PsTable *self;

	memset(c, 0, sizeof(*c));
	c->td = td;
	c->entry = (PsEntry) PS_NO_ENTRY;
	paystate_family_open(&c->family, td->tg_relation, PS_PAYMENTS);
	self = c->family.self;
	paystate_slot_key(ps_new_slot(td), self->nkeys, self->key, c->payment_key);
	c->entry.has_payment = true;
	c->entry.payment_id = c->payment_key[self->nkeys - 1];
	find_order(c);
}

static void
judge(PsCase *c)
{
	if (c->has_order)
		paystate_advance(c->lc, &c->before, &c->payment, &c->event, &c->verdict);
	else
		paystate_advance_orderless(c->lc, &c->payment, &c->event, &c->verdict);
	if (c->verdict.refusal != PS_LEGAL)
		paystate_refuse(c);
}

static void
end_case(PsCase *c)
{
	if (c->has_order)
		paystate_row_release(&c->order);
	paystate_family_close(&c->family);
}

/* the currency is the order's, and one of the life cycle's */
static bool
currency_ok(const PsCase *c)
{
	const PsTable *self = c->family.self;
	bool		isnull;
	Datum		value = slot_getattr(c->td->tg_trigslot,
									 self->att[PS_P_CURRENCY], &isnull);
	text	   *currency = DatumGetTextPP(value);

	if (c->has_order &&
		!DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, value,
											  c->order.values[PS_O_CURRENCY])))
		return false;
	return paystate_currency_ok(c->lc, VARDATA_ANY(currency),
								VARSIZE_ANY_EXHDR(currency));
}

static void
check_inserted_derived(const PsCase *c)
{
	static const int zero[] = {PS_P_CAPTURED, PS_P_REFUNDED, PS_P_REFUND_PENDING};
	const PsTable *self = c->family.self;
	TupleTableSlot *slot = c->td->tg_trigslot;

	for (int i = 0; i < lengthof(zero); i++)
	{
		if (paystate_slot_int64(slot, self->att[zero[i]]) != 0)
			paystate_refuse_column(c->td->tg_relation, self->att[zero[i]], true);
	}
	if (!paystate_is_clock(slot, self->att[PS_P_STATUS_SINCE]))
		paystate_refuse_column(c->td->tg_relation, self->att[PS_P_STATUS_SINCE], true);
}

static void
after_insert(TriggerData *td)
{
	PsCase		c;
	int			label;

	begin_case(&c, td);
	check_inserted_derived(&c);
	label = paystate_slot_label(td->tg_trigslot, c.family.self, PS_P_STATUS);
	if (paystate_payment_status(c.lc, label) != c.lc->payment_initial)
		paystate_refuse_initial(&c, label);
	c.payment.status = PS_NO_STATUS;
	c.event.kind = PS_EV_INSERT;
	c.event.to = c.lc->payment_initial;
	c.event.amount = paystate_slot_int64(td->tg_trigslot,
										 c.family.self->att[PS_P_AMOUNT]);
	c.event.currency_ok = currency_ok(&c);
	judge(&c);
	if (c.has_order)
	{
		c.entry.payment_to = label;
		c.entry.amount = c.event.amount;
		c.entry.at = paystate_history_clock(DatumGetTimestampTz(c.order.values[PS_O_CHANGED_AT]));
		paystate_settle(&c, NULL, false);
	}
	end_case(&c);
}

/* unchanged: equal to the row as stored, so a whole-row save passes */
static bool
check_update(const TriggerData *td, const PsTable *self)
{
	static const int derived[] = {
		PS_P_CAPTURED, PS_P_REFUNDED, PS_P_REFUND_PENDING, PS_P_STATUS_SINCE
	};

	for (int i = 0; i < self->nkeys; i++)
	{
		if (!paystate_same_column(td, self->key[i]))
			paystate_refuse_column(td->tg_relation, self->key[i], false);
	}
	for (int i = 0; i < self->link.nkeys; i++)
	{
		if (!paystate_same_column(td, self->link.fk[i]))
			paystate_refuse_column(td->tg_relation, self->link.fk[i], false);
	}
	paystate_check_immutable(td, self, PS_P_AMOUNT);
	paystate_check_immutable(td, self, PS_P_CURRENCY);
	paystate_check_immutable(td, self, PS_P_CREATED_AT);
	if (!paystate_same_column(td, self->att[PS_P_STATUS]))
		return true;
	for (int i = 0; i < lengthof(derived); i++)
		paystate_check_derived(td, self, derived[i]);
	return false;
}

/*
 * Beside a status change the derived columns must be what that change
 * implies; only amount_captured is the writer's, at a capture.
 */
static void
check_moved_derived(const PsCase *c, const PsPayment *new)
{
	const PsTable *self = c->family.self;
	Relation	rel = c->td->tg_relation;
	int64		captured = c->payment.amount_captured;
	int64		refunded = c->payment.amount_refunded;

	if (c->payment.status != PS_NO_STATUS && new->status != PS_NO_STATUS)
		paystate_implied(c->lc, &c->payment, new->status, &captured, &refunded);
	if (captured == c->payment.amount_captured &&
		new->amount_captured != captured)
		paystate_refuse_column(rel, self->att[PS_P_CAPTURED], true);
	if (new->amount_refunded != refunded)
		paystate_refuse_column(rel, self->att[PS_P_REFUNDED], true);
	if (new->refund_pending != c->payment.refund_pending)
		paystate_refuse_column(rel, self->att[PS_P_REFUND_PENDING], true);
	if (!paystate_is_clock(c->td->tg_newslot, self->att[PS_P_STATUS_SINCE]))
		paystate_refuse_column(rel, self->att[PS_P_STATUS_SINCE], true);
}

/* held, lost, released; captured; or given back */
static int64
moved_amount(const PsCase *c, const PsPayment *new)
{
	PsRole		role = c->lc->payment[new->status].role;

	if (role == PS_SETTLED || role == PS_RETURNED)
		return c->event.amount;
	return c->payment.amount;
}

static void
settle_move(PsCase *c, const PsPayment *new, int label)
{
	bool		returned = c->verdict.rule != NULL &&
		(c->verdict.rule->effects & (PS_E_REFUND | PS_E_AUTO_REFUND)) != 0;
	bool		isnull;

	if (!c->has_order)
	{
		if (returned)
			paystate_leave_refund(c);
		return;
	}
	c->entry.payment_from = c->lc->payment[c->payment.status].label_id;
	c->entry.payment_to = label;
	c->entry.amount = moved_amount(c, new);
	c->entry.payment_since =
		DatumGetTimestampTz(slot_getattr(c->td->tg_trigslot,
										 c->family.self->att[PS_P_STATUS_SINCE],
										 &isnull));
	c->entry.at = paystate_history_clock(DatumGetTimestampTz(c->order.values[PS_O_CHANGED_AT]));
	paystate_settle(c, NULL, returned);
}

static void
after_update(TriggerData *td)
{
	PsTable    *self = paystate_table(td->tg_relation, PS_PAYMENTS);
	PsCase		c;
	PsPayment	new;
	int			label;

	if (paystate_is_own_write(self, td) || !check_update(td, self))
		return;
	begin_case(&c, td);
	self = c.family.self;
	label = paystate_slot_label(td->tg_newslot, self, PS_P_STATUS);
	paystate_slot_payment(c.lc, self, td->tg_trigslot, &c.payment);
	paystate_slot_payment(c.lc, self, td->tg_newslot, &new);
	if (c.has_order && paystate_counted_already(&c, label))
	{
		end_case(&c);
		return;
	}
	check_moved_derived(&c, &new);
	paystate_move_event(c.lc, &c.payment, new.status, new.amount_captured, &c.event);
	judge(&c);
	settle_move(&c, &new, label);
	end_case(&c);
}

/* ---- the trigger */

PG_FUNCTION_INFO_V1(paystate_guard_payments);

Datum
paystate_guard_payments(PG_FUNCTION_ARGS)
{
	TriggerData *td = paystate_trigger_data(fcinfo, "guard_payments");

	if (TRIGGER_FIRED_BEFORE(td->tg_event))
	{
		PsTable    *self = paystate_table(td->tg_relation, PS_PAYMENTS);

		if (TRIGGER_FIRED_BY_UPDATE(td->tg_event))
			return before_update(td, self);
		return before_insert(td, self);
	}
	if (TRIGGER_FIRED_BY_UPDATE(td->tg_event))
		after_update(td);
	else
		after_insert(td);
	return PointerGetDatum(NULL);
}
