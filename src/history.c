/*
 * history.c
 *		Appends to an order's history: one row a change, numbered by the
 *		order's version, which the order's lock makes gap-free.
 *
 * Static state: the settings paystate.actor, paystate.reason and
 * paystate.event_id, which say who and why; nothing is decided by them.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "paystate.h"

static char *setting_actor = NULL;
static char *setting_reason = NULL;
static char *setting_event_id = NULL;
static char *setting_stuck_after = NULL;	/* read by the view alone */

void
paystate_define_settings(void)
{
	DefineCustomStringVariable("paystate.actor",
							   "Who causes the changes, as written to the history.",
							   "The session user when empty.",
							   &setting_actor, "", PGC_USERSET, 0,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("paystate.reason",
							   "Why, as written to the history.",
							   NULL, &setting_reason, "", PGC_USERSET, 0,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("paystate.event_id",
							   "The gateway's event, as written to the history.",
							   NULL, &setting_event_id, "", PGC_USERSET, 0,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("paystate.stuck_after",
							   "After which interval the view stuck_orders calls an order stuck.",
							   "For life cycles without limits of their own; 24 hours when empty.",
							   &setting_stuck_after, "", PGC_USERSET, 0,
							   NULL, NULL, NULL);
	paystate_define_notify_setting();
}

static void
set_setting(PsRow *row, int column, const char *value)
{
	row->nulls[column] = value == NULL || value[0] == '\0';
	if (!row->nulls[column])
		row->values[column] = CStringGetTextDatum(value);
}

static void
set_actor(PsRow *row)
{
	const char *actor = setting_actor;

	if (actor == NULL || actor[0] == '\0')
		actor = GetUserNameFromId(GetSessionUserId(), false);
	row_set(row, PS_H_ACTOR, CStringGetTextDatum(actor));
}

static void
set_label(PsRow *row, int column, int label)
{
	row->nulls[column] = label < 0;
	if (label >= 0)
		row->values[column] = paystate_status_datum(row->table, column, label);
}

static void
set_time(PsRow *row, int column, TimestampTz at)
{
	row->nulls[column] = at == 0;
	row->values[column] = TimestampTzGetDatum(at);
}

/* how long a payment has had its status, where its life cycle asks */
int64
paystate_elapsed(const PsLifecycle *lc, TimestampTz since)
{
	if (lc->late_window == 0 || since == 0)
		return 0;
	return GetCurrentTimestamp() - since;
}

/*
 * Within an order the clock never falls: the later of now and its last
 * change, which the caller reads under the order's lock.
 */
TimestampTz
paystate_history_clock(TimestampTz changed_at)
{
	TimestampTz now = GetCurrentTimestamp();

	return Max(now, changed_at);
}

/* the order's key, version, amount_paid and attempts are those after */
void
paystate_history_append(PsTable *table, Relation rel, const PsRow *order,
						const PsEntry *entry)
{
	PsRow		row = {.table = table,.rel = rel,.link = &table->link,
	.exponent = order->exponent};

	for (int i = 0; i < table->link.nkeys; i++)
		row.linkkey[i] = order->key[i];
	row_set_int32(&row, PS_H_SEQ, row_int32(order, PS_O_VERSION));
	row_set_time(&row, PS_H_AT, entry->at);
	row.nulls[PS_H_PAYMENT_ID] = !entry->has_payment;
	row.values[PS_H_PAYMENT_ID] = entry->payment_id;
	row.nulls[PS_H_REFUND_ID] = !entry->has_refund;
	row.values[PS_H_REFUND_ID] = entry->refund_id;
	set_label(&row, PS_H_PAYMENT_FROM, entry->payment_from);
	set_label(&row, PS_H_PAYMENT_TO, entry->payment_to);
	set_label(&row, PS_H_REFUND_TO, entry->refund_to);
	set_label(&row, PS_H_ORDER_FROM, entry->order_from);
	set_label(&row, PS_H_ORDER_TO, entry->order_to);
	row_set_int64(&row, PS_H_AMOUNT, entry->amount);
	row_set_int64(&row, PS_H_PAID, row_int64(order, PS_O_PAID));
	row_set_int32(&row, PS_H_ATTEMPTS, row_int32(order, PS_O_ATTEMPTS));
	set_time(&row, PS_H_ORDER_SINCE, entry->order_since);
	set_time(&row, PS_H_PAYMENT_SINCE, entry->payment_since);
	set_actor(&row);
	set_setting(&row, PS_H_REASON, setting_reason);
	set_setting(&row, PS_H_EVENT_ID, setting_event_id);
	row_set(&row, PS_H_FORCED, BoolGetDatum(entry->forced));
	paystate_row_insert(&row);
	paystate_notify(table, order, entry);
}
