/*
 * settle.c
 *		From an order's row to the state that advance() judges, and from its
 *		verdict to everything that one event writes: the order, the payment a
 *		refund moves, the refund that a direct "refunded" leaves, the history,
 *		and the other payments that go along.
 *
 * No state.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "paystate.h"

/* a payment that goes along with the event of another, or of the order */
typedef struct Moved
{
	PsRow	   *row;
	int			from;
	TimestampTz since;
	bool		stored;			/* the statement itself wrote it already */
} Moved;

void
paystate_read_order(const PsLifecycle *lc, const PsRow *row, PsOrder *order)
{
	order->status = paystate_order_status(lc, row_label(row, PS_O_STATUS));
	order->attempts = row_int32(row, PS_O_ATTEMPTS);
	order->payments_open = row_int32(row, PS_O_OPEN);
	order->partial_payment = !row->nulls[PS_O_PARTIAL] &&
		DatumGetBool(row->values[PS_O_PARTIAL]);
	order->first_payment_min_amount = row_int64(row, PS_O_FIRST_MIN);
	order->amount = row_int64(row, PS_O_AMOUNT);
	order->amount_paid = row_int64(row, PS_O_PAID);
	order->amount_authorized = row_int64(row, PS_O_AUTHORIZED);
	order->amount_pending = row_int64(row, PS_O_PENDING);
	order->amount_refunded = row_int64(row, PS_O_REFUNDED);
}

void
paystate_read_payment(const PsLifecycle *lc, const PsRow *row,
					  PsPayment *payment)
{
	payment->status = paystate_payment_status(lc, row_label(row, PS_P_STATUS));
	payment->amount = row_int64(row, PS_P_AMOUNT);
	payment->amount_captured = row_int64(row, PS_P_CAPTURED);
	payment->amount_refunded = row_int64(row, PS_P_REFUNDED);
	payment->refund_pending = row_int64(row, PS_P_REFUND_PENDING);
}

/*
 * Finds the order of an event, as the isolation level wants it, and reads its
 * state.  What this transaction wrote so far must be seen, so each event
 * begins a new command.
 *
 * The order is held only where c->hold says so: most events are legal, and
 * writing their order tells whether the version judged by was the last.  Who
 * is going to refuse, or to touch other rows first, holds it before that; and
 * whatever finds the order changed since says false, up to paystate_guard(),
 * which has all of it done once more with the order held.
 */
bool
paystate_find_order(PsCase *c, const Datum *key)
{
	const PsLink *link = c->family.self->kind == PS_ORDERS ?
		&c->family.orders->self :
		c->family.payments != NULL ? &c->family.payments->link :
		&c->family.self->link;

	CommandCounterIncrement();
	if (!paystate_row_find(&c->order, c->family.orders_rel, c->family.orders,
						   link, key, c->hold ? PS_FIND_LOCK : PS_FIND_READ))
		return false;
	c->has_order = true;
	c->order.events = !c->fired ? 0 : paystate_has_siblings(c) ? 2 : 1;
	c->exponent = c->order.exponent;
	c->lc = paystate_lifecycle_of_order(&c->order);
	paystate_read_order(c->lc, &c->order, &c->before);
	return true;
}

/* false: it has changed since it was read */
bool
paystate_hold_order(PsCase *c)
{
	return !c->has_order || paystate_row_hold(&c->order);
}

/* ---- the order's row */

/* all that follows from the payments, but since when it has its status */
void
paystate_set_order(PsRow *row, const PsLifecycle *lc, const PsOrder *order,
				   int version, TimestampTz at)
{
	row_set_int64(row, PS_O_PAID, order->amount_paid);
	row_set_int64(row, PS_O_DUE, order->amount - order->amount_paid);
	row_set_int64(row, PS_O_AUTHORIZED, order->amount_authorized);
	row_set_int64(row, PS_O_PENDING, order->amount_pending);
	row_set_int64(row, PS_O_REFUNDED, order->amount_refunded);
	row_set_int32(row, PS_O_ATTEMPTS, order->attempts);
	row_set_int32(row, PS_O_OPEN, order->payments_open);
	row_set_int32(row, PS_O_VERSION, version);
	row_set_time(row, PS_O_CHANGED_AT, at);
	row_set_label(row, PS_O_STATUS, lc->order[order->status].label_id);
}

/* ---- others that go along */

static bool
is_own_payment(const PsCase *c, const PsRow *row)
{
	const PsTable *payments = row->table;

	if (c->family.self->kind == PS_ORDERS)
		return false;
	for (int i = 0; i < payments->nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(row->rel),
											  payments->key[i] - 1);

		if (!paystate_same_image(att, row->key[i], c->payment_key[i]))
			return false;
	}
	return true;
}

static void
move_along(PsCase *c, PsOrder *order, Moved *moved, PsRow *row, int from,
		   TimestampTz since, bool stored)
{
	if (!paystate_cascade(c->lc, order, row_int64(row, PS_P_AMOUNT), from,
						  c->verdict.cascade_to))
		paystate_refuse_drift(c);
	moved->row = row;
	moved->from = from;
	moved->since = since;
	moved->stored = stored;
	if (stored)
		paystate_note_counted(row);
}

/*
 * The status from which a payment goes along, or PS_NO_STATUS when it does
 * not.  What the statement stored and nobody judged yet is taken as judged:
 * if it is stored as where it would go, it only has to be counted; otherwise
 * its own event will speak.  One that the history does not name and that is
 * past its initial status, or of another transaction, was attached so.
 */
static int
status_to_leave(PsCase *c, PsRow *row, TimestampTz *since, bool *stored)
{
	PsTable    *table = row->table;
	int			label = row_label(row, PS_P_STATUS);
	int			status = paystate_payment_status(c->lc, label);
	int			judged = status;

	*since = row_time(row, PS_P_STATUS_SINCE);
	if (status == c->verdict.cascade_to || paystate_may_be_unjudged(row->xmin))
		judged = paystate_judged_status(c, row->key[table->id], since);
	if (judged == PS_NO_STATUS && (status != c->lc->payment_initial ||
								   !paystate_may_be_new(row->xmin)))
		judged = status;
	*stored = judged != status;
	if (*stored && status != c->verdict.cascade_to)
		return PS_NO_STATUS;
	return paystate_is_live(c->lc, judged) ? judged : PS_NO_STATUS;
}

static int
list_moved(PsCase *c, PsOrder *order, Moved **moved)
{
	PsRow	   *rows;
	int			n;
	int			nmoved = 0;

	if (c->verdict.cascade_to == PS_NO_STATUS || order->payments_open == 0)
		return 0;
	paystate_open_payments(&c->family);
	n = paystate_general_list(&c->order, c->family.payments,
							  c->family.payments_rel, &rows);
	*moved = palloc(Max(n, 1) * sizeof(Moved));
	for (int i = 0; i < n; i++)
	{
		TimestampTz since;
		bool		stored;
		int			status;

		if (is_own_payment(c, &rows[i]))
			continue;
		status = status_to_leave(c, &rows[i], &since, &stored);
		if (status != PS_NO_STATUS)
			move_along(c, order, &(*moved)[nmoved++], &rows[i], status, since,
					   stored);
	}
	paystate_note_cascade();
	return nmoved;
}

static void
write_moved(PsCase *c, const Moved *moved)
{
	PsRow	   *row = moved->row;
	int			label = c->lc->payment[c->verdict.cascade_to].label_id;

	if (moved->stored)
		return;
	row_set_label(row, PS_P_STATUS, label);
	row_set_time(row, PS_P_STATUS_SINCE, c->entry.at);
	(void) paystate_row_update(row);
}

static void
record_moved(PsCase *c, const Moved *moved, int version)
{
	PsEntry		entry = PS_NO_ENTRY;
	int			order_label = c->lc->order[c->verdict.order.status].label_id;

	entry.has_payment = true;
	entry.payment_id = moved->row->key[moved->row->table->id];
	entry.payment_from = c->lc->payment[moved->from].label_id;
	entry.payment_to = c->lc->payment[c->verdict.cascade_to].label_id;
	entry.order_from = order_label;
	entry.order_to = order_label;
	entry.amount = row_int64(moved->row, PS_P_AMOUNT);
	entry.at = c->entry.at;
	entry.order_since = row_time(&c->order, PS_O_STATUS_SINCE);
	entry.payment_since = moved->since;
	row_set_int32(&c->order, PS_O_VERSION, version);
	paystate_history_append(c->family.history, c->family.history_rel,
							&c->order, &entry);
}

/* ---- the refund that a direct "refunded" leaves */

/* a column of the root table, in the partition that fired the trigger */
static AttrNumber
att_in_self(const PsTable *self, AttrNumber att)
{
	if (self->root == self->relid)
		return att;
	return get_attnum(self->relid, get_attname(self->root, att, false));
}

void
paystate_leave_refund(PsCase *c)
{
	PsTable    *payments = c->family.self;
	Relation	rel;
	PsTable    *refunds;
	PsRow		row = {0};

	c->entry.refund_to = paystate_label_id("processed");
	if (!OidIsValid(payments->refunds))
		return;
	rel = table_open(payments->refunds, RowExclusiveLock);
	refunds = paystate_table(rel, PS_REFUNDS);
	row.table = refunds;
	row.rel = rel;
	row.link = &refunds->link;
	for (int i = 0; i < row.link->nkeys; i++)
	{
		AttrNumber	att = att_in_self(payments, row.link->pk[i]);

		paystate_slot_key(c->td->tg_newslot, 1, &att, &row.linkkey[i]);
	}
	row.exponent = c->exponent;
	row_set_int64(&row, PS_R_AMOUNT, c->event.amount);
	row_set_label(&row, PS_R_STATUS, c->entry.refund_to);
	paystate_general_insert(&row, &c->entry.refund_id);
	c->entry.has_refund = true;
	table_close(rel, NoLock);
}

/* ---- all of it */

static void
complete_entry(PsCase *c)
{
	c->entry.order_from = row_label(&c->order, PS_O_STATUS);
	if (c->family.self->kind == PS_ORDERS && c->before.status != PS_NO_STATUS)
		c->entry.order_from = c->lc->order[c->before.status].label_id;
	c->entry.order_to = c->lc->order[c->verdict.order.status].label_id;
	c->entry.order_since = row_time(&c->order, PS_O_STATUS_SINCE);
}

/*
 * Writes what the verdict says.  The order first: whatever a trigger of the
 * user does meanwhile finds it in its new state.  Then the payment that a
 * refund moves, the refund left, the history, the others.  False: the order
 * has changed since it was read, and nothing was written.
 */
bool
paystate_settle(PsCase *c, PsRow *payment, bool leave_refund)
{
	PsOrder		after = c->verdict.order;
	int			version = row_int32(&c->order, PS_O_VERSION) + 1;
	Moved	   *moved = NULL;
	int			n;

	if ((after.status == PS_NO_STATUS || c->verdict.cascade_to != PS_NO_STATUS) &&
		!paystate_hold_order(c))
		return false;
	if (after.status == PS_NO_STATUS)
		paystate_refuse_drift(c);
	complete_entry(c);
	n = list_moved(c, &after, &moved);
	paystate_set_order(&c->order, c->lc, &after, version + n, c->entry.at);
	if (c->entry.order_from != c->entry.order_to)
		row_set_time(&c->order, PS_O_STATUS_SINCE, c->entry.at);
	if (!paystate_row_update(&c->order))
		return false;
	if (payment != NULL)
		(void) paystate_row_update(payment);
	if (leave_refund)
		paystate_leave_refund(c);
	row_set_int32(&c->order, PS_O_VERSION, version);
	paystate_history_append(c->family.history, c->family.history_rel,
							&c->order, &c->entry);
	for (int i = 0; i < n; i++)
		record_moved(c, &moved[i], version + 1 + i);
	for (int i = 0; i < n; i++)
		write_moved(c, &moved[i]);
	return true;
}
