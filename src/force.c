/*
 * force.c
 *		force_status(): sets an order's status where no rule of its life cycle
 *		leads, for whoever must put right what the rules did not foresee.
 *		What the order's money says stands above it (forcing.c), and so does
 *		that every live payment must have a way out.
 *
 * Locked, written and recorded as an event of the order is, so the guards know
 * the write for paystate's own.
 *
 * No state.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "book.h"

/* an order and where it is to be forced */
typedef struct Force
{
	PsTables	tables;
	TriggerData td;				/* refusals name the table by it */
	PsCase		c;
	int			to;
	const char *label;
	const char *reason;
} Force;

/* ---- refusals */

pg_noreturn static void refuse(const Force *f, int code, const char *detail);
pg_noreturn static void refuse_money(const Force *f, PsForceWhy why);

static void
refuse(const Force *f, int code, const char *detail)
{
	paystate_report(&(PsReport) {
		.code = code,.rel = f->tables.orders_rel,.column = "status",
		.constraint = "paystate_force",
		.message = psprintf("order \"%s\" cannot be forced to \"%s\"",
							paystate_key_in_words(&f->tables, f->c.order.key),
							f->label),
		.detail = detail
	});
}

static const char *
why_in_words(PsForceWhy why)
{
	switch (why)
	{
		case PS_FORCE_PAID:
			return "What was captured would be denied";
		case PS_FORCE_NOTHING_PAID:
			return "Nothing was captured";
		case PS_FORCE_DUE:
			return "Something is due";
		case PS_FORCE_NOTHING_DUE:
			return "Nothing is due";
		case PS_FORCE_NOTHING_HELD:
			return "Nothing is authorized";
		case PS_FORCE_NOTHING_REFUNDED:
			return "Nothing was refunded";
		case PS_FORCE_REFUNDED:
			return "What was refunded says otherwise";
		default:
			return "What was captured, or is under way, could never leave";
	}
}

static void
refuse_money(const Force *f, PsForceWhy why)
{
	const PsOrder *o = &f->c.before;

	refuse(f, ERRCODE_PS_AMOUNT,
		   psprintf("%s: " INT64_FORMAT " of " INT64_FORMAT " paid, " INT64_FORMAT " refunded, " INT64_FORMAT " authorized.",
					why_in_words(why), o->amount_paid, o->amount,
					o->amount_refunded, o->amount_authorized));
}

/* ---- what must hold */

static void
check_owner(const PsTables *t)
{
	if (!has_privs_of_role(GetUserId(), t->orders->owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE,
					   RelationGetRelationName(t->orders_rel));
}

static int
status_of_label(const Force *f)
{
	const PsLifecycle *lc = f->c.lc;

	for (int i = 0; i < lc->norder; i++)
	{
		if (strcmp(lc->order[i].label, f->label) == 0)
			return i;
	}
	refuse(f, ERRCODE_PS_ILLEGAL,
		   psprintf("Life cycle \"%s\" has no such order status.", lc->name));
}

/* may a bare change of its status lead the payment anywhere? */
static bool
has_way_out(const PsLifecycle *lc, const PsOrder *order, const PsPayment *payment)
{
	for (int to = 0; to < lc->npayment; to++)
	{
		int64		captured;
		int64		refunded;
		PsEvent		event;
		PsVerdict	verdict;

		if (to == payment->status)
			continue;
		paystate_implied(lc, payment, to, &captured, &refunded);
		paystate_move_event(lc, payment, to, captured, &event);
		paystate_advance(lc, order, payment, &event, &verdict);
		if (verdict.refusal == PS_LEGAL)
			return true;
	}
	return false;
}

/* locks the order's payments, as an event does that takes them along */
static void
check_ways_out(Force *f)
{
	PsCase	   *c = &f->c;
	PsOrder		forced = c->before;
	PsRow	   *rows;
	int			n;

	forced.status = f->to;
	paystate_open_payments(&c->family);
	n = paystate_general_list(&c->order, c->family.payments,
							  c->family.payments_rel, &rows);
	for (int i = 0; i < n; i++)
	{
		PsPayment	payment;

		paystate_read_payment(c->lc, &rows[i], &payment);
		if (paystate_is_live(c->lc, payment.status) &&
			!has_way_out(c->lc, &forced, &payment))
			refuse_money(f, PS_FORCE_STRANDED);
	}
}

/* ---- the order */

static void
find_order(Force *f, ArrayType *given)
{
	PsCase	   *c = &f->c;
	Datum		key[INDEX_MAX_KEYS];

	f->td = (TriggerData) {.type = T_TriggerData,
		.tg_event = TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_ROW,
		.tg_relation = f->tables.orders_rel};
	c->td = &f->td;
	c->entry = (PsEntry) PS_NO_ENTRY;
	c->family = (PsFamily) {
		.self = f->tables.orders,.self_rel = f->tables.orders_rel,
		.orders = f->tables.orders,.orders_rel = f->tables.orders_rel,
		.payments = f->tables.payments,.payments_rel = f->tables.payments_rel,
		.history = f->tables.history,.history_rel = f->tables.history_rel
	};
	paystate_order_key(&f->tables, given, key);
	c->hold = true;
	if (!paystate_find_order(c, key))
		paystate_no_such_order(&f->tables, key);
}

static void
force_order(Force *f)
{
	PsCase	   *c = &f->c;
	PsForceWhy	why = paystate_force(c->lc, &c->before, f->to);
	int			nest;

	if (why != PS_FORCE_OK)
		refuse_money(f, why);
	c->verdict.order = c->before;
	c->verdict.order.status = f->to;
	c->verdict.cascade_to = paystate_forced_cascade(c->lc, f->to);
	if (c->verdict.cascade_to == PS_NO_STATUS && c->before.payments_open > 0)
		check_ways_out(f);
	c->entry.forced = true;
	c->entry.at = paystate_history_clock(DatumGetTimestampTz(c->order.values[PS_O_CHANGED_AT]));
	nest = NewGUCNestLevel();
	(void) set_config_option("paystate.reason", f->reason, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) paystate_settle(c, NULL, false);
	AtEOXact_GUC(true, nest);
	CommandCounterIncrement();
}

/* ---- the function */

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

static void
check_arguments(FunctionCallInfo fcinfo, Force *f)
{
	if (PG_ARGISNULL(0))
		paystate_null_argument("orders");
	if (PG_ARGISNULL(1))
		paystate_null_argument("to_status");
	if (PG_ARGISNULL(3))
		paystate_null_argument("order_key");
	f->label = text_to_cstring(PG_GETARG_TEXT_PP(1));
	f->reason = PG_ARGISNULL(2) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (is_blank(f->reason))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a status is not forced without a reason"),
				 errhint("It is written to the order's history.")));
}

PG_FUNCTION_INFO_V1(paystate_force_status);

/* force_status(orders, to_status, reason, VARIADIC order_key) */
Datum
paystate_force_status(PG_FUNCTION_ARGS)
{
	Force		f = {0};

	check_arguments(fcinfo, &f);
	PreventCommandIfReadOnly("force_status()");
	paystate_tables_open(&f.tables, PG_GETARG_OID(0), RowExclusiveLock);
	check_owner(&f.tables);
	find_order(&f, PG_GETARG_ARRAYTYPE_P(3));
	f.to = status_of_label(&f);
	if (f.to != f.c.before.status)
		force_order(&f);
	paystate_row_release(&f.c.order);
	paystate_tables_close(&f.tables);
	PG_RETURN_VOID();
}
