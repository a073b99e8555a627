/*
 * notify.c
 *		Tells listeners of a change: NOTIFY paystate, once a history row, sent
 *		when the transaction commits and never when it does not.  Off unless
 *		asked for, since commits that notify wait for each other.
 *
 * Static state: the setting paystate.notify.  Whoever may write may set it:
 * it does no more than the NOTIFY that anybody may send on any channel.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#include "paystate.h"

/*
 * No text takes more, so that all of them together stay below what NOTIFY
 * takes, which is BLCKSZ - NAMEDATALEN - 128.
 */
#define MAX_TEXT ((BLCKSZ - NAMEDATALEN - 128) / 10)

static bool setting_notify = false;

void
paystate_define_notify_setting(void)
{
	DefineCustomBoolVariable("paystate.notify",
							 "Sends NOTIFY paystate for each change of an order.",
							 "The payload is a JSON object.",
							 &setting_notify, false, PGC_USERSET, 0,
							 NULL, NULL, NULL);
}

/*
 * What is too long is left out.  A part of a key would be the key of another
 * order, and NULL says something else: that there is no payment, no status.
 */
static void
add_text(StringInfo json, const char *name, const char *value)
{
	int			before = json->len;
	int			start;

	appendStringInfo(json, "%s\"%s\":", json->len > 1 ? "," : "", name);
	start = json->len;
	if (value == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, value);
	if (json->len - start > MAX_TEXT)
	{
		json->len = before;
		json->data[before] = '\0';
	}
}

static void
add_value(StringInfo json, const char *name, Oid type, Datum value)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(type, &output, &varlena);
	add_text(json, name, OidOutputFunctionCall(output, value));
}

static void
add_label(StringInfo json, const char *name, const PsLabels *labels, int label)
{
	add_text(json, name, label < 0 ? NULL :
			 paystate_label(paystate_their_label(labels, label)));
}

/* the table that users know, where the order's row is in a partition */
static void
add_relation(StringInfo json, const PsTable *orders)
{
	add_text(json, "relation",
			 quote_qualified_identifier(get_namespace_name(get_rel_namespace(orders->root)),
										get_rel_name(orders->root)));
}

/* a key of several columns as text[] is written: {a,b} */
static void
add_order(StringInfo json, const PsRow *order)
{
	const PsTable *orders = order->table;
	Datum		texts[INDEX_MAX_KEYS];

	if (orders->nkeys == 1)
	{
		add_value(json, "order", orders->keytype[0], order->key[0]);
		return;
	}
	for (int i = 0; i < orders->nkeys; i++)
	{
		Oid			output;
		bool		varlena;

		getTypeOutputInfo(orders->keytype[i], &output, &varlena);
		texts[i] = CStringGetTextDatum(OidOutputFunctionCall(output, order->key[i]));
	}
	add_value(json, "order", TEXTARRAYOID,
			  PointerGetDatum(construct_array(texts, orders->nkeys, TEXTOID, -1,
											  false, TYPALIGN_INT)));
}

/* the history row of this entry is there, under the order's version */
void
paystate_notify(const PsTable *history, const PsRow *order,
				const PsEntry *entry)
{
	const PsLabels *words = history->labels;
	StringInfoData json;

	if (!setting_notify)
		return;
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_relation(&json, order->table);
	add_order(&json, order);
	appendStringInfo(&json, "%s\"seq\":%d", json.len > 1 ? "," : "",
					 row_int32(order, PS_O_VERSION));
	if (entry->has_payment)
		add_value(&json, "payment", history->type[PS_H_PAYMENT_ID],
				  entry->payment_id);
	else
		add_text(&json, "payment", NULL);
	add_label(&json, "order_from", &words[PS_ORDERS], entry->order_from);
	add_label(&json, "order_to", &words[PS_ORDERS], entry->order_to);
	add_label(&json, "payment_from", &words[PS_PAYMENTS], entry->payment_from);
	add_label(&json, "payment_to", &words[PS_PAYMENTS], entry->payment_to);
	appendStringInfoChar(&json, '}');
	Async_Notify("paystate", json.data);
	pfree(json.data);
}
