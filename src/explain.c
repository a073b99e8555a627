/*
 * explain.c
 *		A refusal in words: the message by its code, where the order stands in
 *		the DETAIL, the moves that are allowed in the HINT.
 *
 * No state.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "paystate.h"

static const char *
payment_label(const PsCase *c, int status)
{
	return status == PS_NO_STATUS ? "(unknown)" :
		paystate_shop_word(c, PS_PAYMENTS, c->lc->payment[status].label);
}

static const char *
order_label(const PsCase *c)
{
	return c->before.status == PS_NO_STATUS ? "(unknown)" :
		paystate_shop_word(c, PS_ORDERS, c->lc->order[c->before.status].label);
}

/* '"pay_x" ', or '' when the user may not see the key */
static const char *
payment_name(const PsCase *c)
{
	const PsFamily *f = &c->family;
	const PsTable *table = f->self->kind == PS_REFUNDS ? f->payments : f->self;
	Relation	rel = f->self->kind == PS_REFUNDS ? f->payments_rel : f->self_rel;
	const char *key = paystate_key_text(rel, 1, &table->key[table->id],
										&c->payment_key[table->id]);

	return key[0] == '\0' ? "" : psprintf(" \"%s\"", key);
}

static const char *
order_name(const PsCase *c)
{
	const PsTable *table = c->order.table;
	const char *key;

	Assert(table != NULL);		/* it was found before anything is refused */
	key = paystate_key_text(c->order.rel, table->nkeys, table->key, c->order.key);
	return key[0] == '\0' ? "" : psprintf(" \"%s\"", key);
}

/* "Payment "p" of order "o"", as far as it has one */
static const char *
subject(const PsCase *c)
{
	if (!c->has_order)
		return psprintf("Payment%s without an order", payment_name(c));
	return psprintf("Payment%s of order%s", payment_name(c), order_name(c));
}

/* ---- DETAIL: where it stands */

static const char *
closed_detail(const PsCase *c)
{
	switch (c->verdict.why)
	{
		case PS_WHY_ANOTHER_HELD:
			return psprintf("Order%s has another payment that is authorized.",
							order_name(c));
		case PS_WHY_ATTEMPTS_USED:
			return psprintf("Order%s has used %d of %d attempts.", order_name(c),
							c->before.attempts, c->lc->max_attempts);
		case PS_WHY_OTHERS_LIVE:
			return psprintf("Order%s is \"%s\" and has %d payments under way.",
							order_name(c), order_label(c), c->before.payments_open);
		default:
			if (!c->has_order)
				return psprintf("%s cannot be settled.", subject(c));
			return psprintf("%s stands at order status \"%s\", with %s of %s paid.",
							subject(c), order_label(c), paystate_amount(c, c->before.amount_paid),
							paystate_amount(c, c->before.amount));
	}
}

static const char *
illegal_detail(const PsCase *c)
{
	const char *where = c->verdict.why == PS_WHY_NO_RULE || !c->has_order ? "" :
		psprintf(" while the order is \"%s\"", order_label(c));

	if (c->verdict.why == PS_WHY_TOO_LATE)
		return psprintf("%s has been \"%s\" for longer than the late window of life cycle \"%s\".",
						subject(c), payment_label(c, c->payment.status), c->lc->name);
	if (c->verdict.why == PS_WHY_UNJUDGED)
		return psprintf("%s was judged to be \"%s\"; what was stored since is not judged yet.",
						subject(c), payment_label(c, c->payment.status));
	switch (c->event.kind)
	{
		case PS_EV_CANCEL:
		case PS_EV_FAIL:
			return psprintf("Order%s is \"%s\" and cannot be %s.", order_name(c),
							order_label(c),
							c->event.kind == PS_EV_CANCEL ? "cancelled" : "failed");
		case PS_EV_REFUND:
			return psprintf("%s is \"%s\" and cannot be refunded%s.", subject(c),
							payment_label(c, c->payment.status), where);
		case PS_EV_INSERT:
			return psprintf("%s cannot be inserted%s.", subject(c), where);
		default:
			return psprintf("%s cannot move from \"%s\" to \"%s\"%s.", subject(c),
							payment_label(c, c->payment.status),
							paystate_slot_word(ps_new_slot(c->td), c->family.self,
											   PS_P_STATUS),
							where);
	}
}

static const char *
refund_detail(const PsCase *c)
{
	return psprintf("%s: a refund of %s with %s captured, %s refunded and %s pending.",
					subject(c), paystate_amount(c, c->event.amount),
					paystate_amount(c, c->payment.amount_captured),
					paystate_amount(c, c->payment.amount_refunded),
					paystate_amount(c, c->payment.refund_pending));
}

static const char *
amount_detail(const PsCase *c)
{
	PsWhy		why = c->verdict.why;

	if (c->family.self->kind == PS_ORDERS)
		return why == PS_WHY_PARTIAL_TERMS ?
			psprintf("Life cycle \"%s\" has no partial payment.", c->lc->name) :
			psprintf("Order%s: its amount is %s.", order_name(c),
					 paystate_amount(c, c->event.amount));
	if (c->event.kind == PS_EV_REFUND || why == PS_WHY_REFUND_PENDING ||
		why == PS_WHY_OVER_REFUND)
		return refund_detail(c);
	if (c->event.kind == PS_EV_MOVE)
		return psprintf("%s: %s to capture of %s held, with %s due.",
						subject(c), paystate_amount(c, c->event.amount),
						paystate_amount(c, c->payment.amount),
						paystate_amount(c, c->before.amount - c->before.amount_paid));
	if (!c->has_order)
		return psprintf("%s: its amount is %s.", subject(c),
						paystate_amount(c, c->event.amount));
	return psprintf("%s: its amount is %s, with %s of %s paid and %s under way.",
					subject(c), paystate_amount(c, c->event.amount),
					paystate_amount(c, c->before.amount_paid),
					paystate_amount(c, c->before.amount),
					paystate_amount(c, c->before.amount_authorized +
									c->before.amount_pending));
}

static const char *
currency_detail(const PsCase *c)
{
	TupleTableSlot *slot = ps_new_slot(c->td);
	PsKind		kind = c->family.self->kind;
	int			column = kind == PS_ORDERS ? (int) PS_O_CURRENCY : (int) PS_P_CURRENCY;
	bool		isnull;
	Datum		given;

	if (c->family.self->att[column] == 0)
		return psprintf("The table has no currencies, and life cycle \"%s\" does not take \"INR\".",
						c->lc->name);
	given = slot_getattr(slot, c->family.self->att[column], &isnull);
	if (isnull)
		return "The currency is null.";
	if (c->has_order && kind != PS_ORDERS && !c->order.nulls[PS_O_CURRENCY])
		return psprintf("%s has currency \"%s\", the order \"%s\".", subject(c),
						TextDatumGetCString(given),
						TextDatumGetCString(c->order.values[PS_O_CURRENCY]));
	return psprintf("%s%s has currency \"%s\", which life cycle \"%s\" does not take.",
					kind == PS_ORDERS ? "Order" : "Payment",
					kind == PS_ORDERS ? order_name(c) : payment_name(c),
					TextDatumGetCString(given), c->lc->name);
}

/* ---- the message, by code */

typedef struct Wording
{
	int			code;
	const char *constraint;
	const char *column;
	const char *format;			/* operation, table, life cycle */
	const char *(*detail) (const PsCase *c);
} Wording;

static const char *
drift_detail(const PsCase *c)
{
	return psprintf("The totals of order%s cannot be those of its payments.",
					order_name(c));
}

static const Wording wordings[] = {
	[PS_ILLEGAL] = {ERRCODE_PS_ILLEGAL, "paystate_transition", "status",
	"%s on table \"%s\" violates life cycle \"%s\"", illegal_detail},
	[PS_WRONG_INITIAL] = {ERRCODE_PS_INITIAL, "paystate_initial", "status",
	"%s on table \"%s\" violates initial status of life cycle \"%s\"", NULL},
	[PS_CLOSED] = {ERRCODE_PS_CLOSED, "paystate_closed", "status",
	"%s on table \"%s\" violates life cycle \"%s\": the order takes it no more", closed_detail},
	[PS_BAD_AMOUNT] = {ERRCODE_PS_AMOUNT, "paystate_amount", "amount",
	"%s on table \"%s\" violates amounts of life cycle \"%s\"", amount_detail},
	[PS_BAD_CURRENCY] = {ERRCODE_PS_CURRENCY, "paystate_currency", "currency",
	"%s on table \"%s\" violates currency of life cycle \"%s\"", currency_detail},
	[PS_DRIFTED] = {ERRCODE_PS_COLUMN, "paystate_totals", NULL,
	"%s on table \"%s\" finds totals that drifted from life cycle \"%s\"", drift_detail},
};

/* the primary message, for who refuses and for who only asks */
char *
paystate_refusal_message(PsRefusalClass refusal, const char *operation,
						 Relation rel, const PsLifecycle *lc)
{
	return psprintf(wordings[refusal].format, operation,
					paystate_relation_name(rel), lc->name);
}

pg_noreturn static void report_case(const PsCase *c, PsRefusalClass refusal,
									const char *detail, const char *hint_text);

static void
report_case(const PsCase *c, PsRefusalClass refusal, const char *detail,
			const char *hint_text)
{
	Relation	rel = c->td->tg_relation;
	const Wording *w = &wordings[refusal];

	paystate_report(&(PsReport) {
		.code = w->code,.rel = rel,
		.column = w->code == ERRCODE_PS_AMOUNT && c->event.kind == PS_EV_MOVE ?
			"amount_captured" : w->column,
		.constraint = w->constraint,
		.message = paystate_refusal_message(refusal, paystate_operation(c->td),
											rel, c->lc),
		.detail = detail,.hint = hint_text
	});
}

void
paystate_refuse(PsCase *c)
{
	PsRefusalClass refusal = c->verdict.refusal;

	report_case(c, refusal, wordings[refusal].detail(c), paystate_hint(c));
}

/* the rows at hand cannot have come about under the guards */
void
paystate_refuse_drift(PsCase *c)
{
	c->verdict.refusal = PS_DRIFTED;
	c->verdict.why = PS_WHY_TOTALS;
	paystate_refuse(c);
}

/* 23PS2 */
void
paystate_refuse_initial(PsCase *c, const char *label)
{
	PsKind		kind = c->family.self->kind;
	const char *initial = kind == PS_ORDERS ?
		paystate_shop_word(c, kind, c->lc->order[c->lc->order_initial].label) :
		kind == PS_PAYMENTS ?
		paystate_shop_word(c, kind, c->lc->payment[c->lc->payment_initial].label) :
		psprintf("%s or %s", paystate_shop_word(c, kind, "processed"),
				 paystate_shop_word(c, kind, "pending"));

	report_case(c, PS_WRONG_INITIAL,
				psprintf("%s is inserted with status \"%s\".",
						 kind == PS_ORDERS ? psprintf("Order%s", order_name(c)) :
						 kind == PS_PAYMENTS ? subject(c) :
						 psprintf("A refund of payment%s", payment_name(c)),
						 label),
				psprintf("Allowed: %s.", initial));
}

/* 23PS1: a refund that is processed or failed is final */
void
paystate_refuse_refund(PsCase *c, const char *from)
{
	report_case(c, PS_ILLEGAL,
				psprintf("%s: its refund cannot move from \"%s\" to \"%s\".",
						 subject(c), from,
						 paystate_slot_word(ps_new_slot(c->td), c->family.self, PS_R_STATUS)),
				"A processed or failed refund is final.");
}

/* 23PS6: an order's status follows from its payments */
void
paystate_refuse_order_status(Relation rel, AttrNumber att, const char *label)
{
	const char *column = NameStr(TupleDescAttr(RelationGetDescr(rel), att - 1)->attname);

	paystate_report(&(PsReport) {
		.code = ERRCODE_PS_COLUMN,.rel = rel,.column = column,
		.constraint = "paystate_derived",
		.message = paystate_derived_message(rel, att),
		.detail = psprintf("An order does not become \"%s\" by an update: its status follows from its payments.",
						   label),
		.hint = "Write to the payments, or reload the row and write only the columns you change."
	});
}

/*
 * ---- 23503, which we say before the foreign key does, in its very words: its
 * columns are in the order of its declaration, a link's in that of the index
 */

static void
declared_order(Relation rel, const PsLink *link, const Datum *key,
			   AttrNumber *atts, Datum *values)
{
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *fk = lfirst_node(ForeignKeyCacheInfo, lc);

		if (fk->confrelid == link->parent)
			memcpy(atts, fk->conkey, link->nkeys * sizeof(AttrNumber));
	}
	for (int i = 0; i < link->nkeys; i++)
	{
		for (int j = 0; j < link->nkeys; j++)
		{
			if (link->fk[j] == atts[i])
				values[i] = key[j];
		}
	}
}

void
paystate_refuse_missing(Relation rel, const PsLink *link, const Datum *key)
{
	StringInfoData names;
	AttrNumber	atts[INDEX_MAX_KEYS];
	Datum		values[INDEX_MAX_KEYS];
	const char *value;

	memcpy(atts, link->fk, sizeof(atts));
	declared_order(rel, link, key, atts, values);
	value = paystate_key_text(rel, link->nkeys, atts, values);
	initStringInfo(&names);
	for (int i = 0; i < link->nkeys; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 get_attname(RelationGetRelid(rel), atts[i], false));
	paystate_report(&(PsReport) {
		.code = ERRCODE_FOREIGN_KEY_VIOLATION,.rel = rel,
		.constraint = link->name,
		.message = psprintf("insert or update on table \"%s\" violates foreign key constraint \"%s\"",
							RelationGetRelationName(rel), link->name),
		.detail = value[0] == '\0' ?
			psprintf("Key is not present in table \"%s\".", get_rel_name(link->parent)) :
			psprintf("Key (%s)=(%s) is not present in table \"%s\".", names.data,
					 value, get_rel_name(link->parent))
	});
}
