/*
 * repair.c
 *		repair(): makes an order's derived columns what its payments say, and
 *		writes that into the history as a row that was forced.  The row begins
 *		the history anew: what stands before it is not judged any more.
 *
 * Written under the order's lock by the same two paths as any event, so the
 * guards know the write for paystate's own.
 *
 * No state.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "book.h"
#include "derive.h"

/* a payment that stands elsewhere than the history says; labels by id */
typedef struct Moved
{
	Datum		id;
	int			from;			/* -1: the history does not name it */
	int			to;
	int64		amount;
} Moved;

typedef struct Repair
{
	MemoryContext cxt;

	const PsTables *tables;
	PsRow		row;			/* the order, locked */
	TimestampTz kept_since;		/* of the history */
	bool		needed;
	PsOrder		order;			/* as it should be */
	int			version;		/* of the last history row, 0: there is none */
	int			label_before;	/* these three by that row */
	int64		paid_before;
	int			attempts_before;
	TimestampTz since_before;
	Moved	   *moved;
	int			nmoved;
	TimestampTz at;
	TimestampTz since;			/* 0: as it is */
} Repair;

static void
refuse_repair(const Repair *r, int code, const char *detail, const char *hint)
{
	paystate_report(&(PsReport) {
		.code = code,.rel = r->tables->orders_rel,.constraint = "paystate_repair",
		.message = psprintf("order \"%s\" cannot be repaired",
							paystate_key_in_words(r->tables, r->row.key)),
		.detail = detail,.hint = hint
	});
}

/* payments that no order could have */
static void
check_payments(const Repair *r, const PsBook *book)
{
	for (int i = 0; i < book->nlegs; i++)
	{
		if (book->legs[i].row.status == PS_NO_STATUS)
			refuse_repair(r, ERRCODE_PS_ILLEGAL,
						  psprintf("Payment \"%s\" is in a status that life cycle \"%s\" does not have.",
								   book->legs[i].id, book->lc->name),
						  "Mend the payment first.");
	}
	if (r->order.amount_paid < 0 || r->order.amount_paid > r->order.amount)
		refuse_repair(r, ERRCODE_PS_AMOUNT,
					  psprintf("Its payments have captured " INT64_FORMAT " of " INT64_FORMAT ".",
							   r->order.amount_paid, r->order.amount),
					  "Mend the payments first.");
	if (r->order.amount_refunded < 0 ||
		r->order.amount_refunded > r->order.amount_paid)
		refuse_repair(r, ERRCODE_PS_AMOUNT,
					  psprintf("Its payments have refunded " INT64_FORMAT " of " INT64_FORMAT ".",
							   r->order.amount_refunded, r->order.amount_paid),
					  "Mend the payments first.");
}

/* the order's row says all that the payments do */
static bool
totals_right(const Repair *r, const PsBook *book)
{
	const PsOrder *should = &r->order;
	const PsOrder *is = &book->order;

	return should->status == is->status &&
		should->attempts == is->attempts &&
		should->payments_open == is->payments_open &&
		should->amount_paid == is->amount_paid &&
		should->amount_authorized == is->amount_authorized &&
		should->amount_pending == is->amount_pending &&
		should->amount_refunded == is->amount_refunded &&
		book->amount_due == is->amount - should->amount_paid;
}

/* and all that the history does */
static bool
is_right(const Repair *r, const PsBook *book, const PsStep *last)
{
	return last != NULL && totals_right(r, book) &&
		book->version == last->seq && book->changed_at == last->at &&
		(r->since == 0 || r->since == book->status_since);
}

/* the last status of a payment that the history names; NULL: none */
static const char *
told_status(const PsBook *book, const PsLeg *leg)
{
	for (int i = book->nsteps - 1; i >= 0; i--)
	{
		const PsStep *s = &book->steps[i];

		if (s->payment != NULL && strcmp(s->payment, leg->id) == 0)
			return s->payment_to;
	}
	return NULL;
}

static Datum
id_of(const Repair *r, const PsLeg *leg)
{
	Oid			type = r->tables->history->type[PS_H_PAYMENT_ID];
	Oid			input;
	Oid			ioparam;

	getTypeInputInfo(type, &input, &ioparam);
	return OidInputFunctionCall(input, (char *) leg->id, ioparam, -1);
}

static void
list_moved(Repair *r, const PsBook *book)
{
	MemoryContext old = MemoryContextSwitchTo(r->cxt);
	bool		let_go = paystate_let_go(book, r->kept_since);

	r->moved = palloc0(Max(book->nlegs, 1) * sizeof(Moved));
	for (int i = 0; book->nsteps > 0 && i < book->nlegs; i++)
	{
		const PsLeg *leg = &book->legs[i];
		const char *told = told_status(book, leg);
		Moved	   *moved = &r->moved[r->nmoved];

		if (told == NULL ? let_go : strcmp(told, leg->status) == 0)
			continue;
		moved->id = id_of(r, leg);
		moved->from = told == NULL ? -1 : paystate_label_id(told);
		moved->to = paystate_label_id(leg->status);
		moved->amount = leg->row.amount;
		r->nmoved++;
	}
	MemoryContextSwitchTo(old);
}

static void
note_last(Repair *r, const PsBook *book, const PsStep *last, bool let_go)
{
	r->label_before = -1;
	if (last != NULL)
	{
		if (last->order_to != NULL)
			r->label_before = paystate_label_id(last->order_to);
		r->version = last->seq;
		r->paid_before = last->amount_paid;
		r->attempts_before = last->attempts;
	}
	else if (let_go)
	{
		r->label_before = book->lc->order[book->order.status].label_id;
		r->version = book->version;
		r->paid_before = book->order.amount_paid;
		r->attempts_before = book->order.attempts;
		r->at = book->changed_at;
	}
	r->since_before = r->since;
	r->at = paystate_history_clock(last == NULL ? r->at : last->at);
}

/* decides, while the book is open, what is to be written */
static void
decide(PsBook *book, void *arg)
{
	Repair	   *r = arg;
	const PsStep *last = book->nsteps == 0 ? NULL : &book->steps[book->nsteps - 1];
	bool		let_go;
	bool		agreed;

	Assert(book->has_order);	/* it is locked */
	paystate_sum_up(book, &r->order);
	check_payments(r, book);
	let_go = last == NULL && book->order.status != PS_NO_STATUS &&
		paystate_let_go(book, r->kept_since);
	agreed = let_go ||
		paystate_derive(book, &r->order.status, &r->order.attempts);
	for (int i = 0; i < book->nsteps; i++)
		r->since = paystate_since_after(&book->steps[i], r->since);
	r->needed = !agreed ||
		!(let_go ? totals_right(r, book) : is_right(r, book, last));
	note_last(r, book, last, let_go);
	list_moved(r, book);
	if (r->label_before != book->lc->order[r->order.status].label_id)
		r->since = r->at;
}

/* all rows, whatever a policy says, as the guards themselves see them */
static void
read_as_owner(Repair *r)
{
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(r->tables->orders->owner,
						   context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
	paystate_books_read(r->tables, r->row.key, false, decide, r);
	SetUserIdAndSecContext(user, context);
}

/* ---- what it writes */

static void
write_order(Repair *r, const PsLifecycle *lc)
{
	PsRow	   *row = &r->row;

	paystate_set_order(row, lc, &r->order, r->version + r->nmoved + 1, r->at);
	if (r->since != 0)
		row_set_time(row, PS_O_STATUS_SINCE, r->since);
	(void) paystate_row_update(row);
}

static void
set_text(PsRow *row, int column, const char *value, const char *otherwise)
{
	if (value == NULL || value[0] == '\0')
		value = otherwise;
	if (value != NULL)
		row_set(row, column, CStringGetTextDatum(value));
}

static void
set_label(PsRow *row, int column, int label)
{
	if (label >= 0)
		row_set_label(row, column, label);
}

/* the next history row, with what all rows of a repair have */
static void
begin_row(Repair *r, PsRow *row, int order_from, int order_to)
{
	PsTable    *history = r->tables->history;

	memset(row, 0, sizeof(*row));
	memset(row->nulls, true, sizeof(row->nulls));
	row->table = history;
	row->rel = r->tables->history_rel;
	row->link = &history->link;
	row->exponent = r->row.exponent;
	for (int i = 0; i < history->link.nkeys; i++)
		row->linkkey[i] = r->row.key[i];
	row_set_int32(row, PS_H_SEQ, ++r->version);
	row_set_time(row, PS_H_AT, r->at);
	set_label(row, PS_H_ORDER_FROM, order_from);
	set_label(row, PS_H_ORDER_TO, order_to);
	set_text(row, PS_H_ACTOR, GetConfigOption("paystate.actor", true, false),
			 GetUserNameFromId(GetSessionUserId(), false));
	set_text(row, PS_H_REASON, GetConfigOption("paystate.reason", true, false), "repair");
	set_text(row, PS_H_EVENT_ID, GetConfigOption("paystate.event_id", true, false), NULL);
	row_set(row, PS_H_FORCED, BoolGetDatum(true));
}

/* where the payments stand: the history names each of them in its last row */
static void
write_moved(Repair *r)
{
	for (int i = 0; i < r->nmoved; i++)
	{
		const Moved *moved = &r->moved[i];
		PsRow		row;

		begin_row(r, &row, r->label_before, r->label_before);
		row_set(&row, PS_H_PAYMENT_ID, moved->id);
		set_label(&row, PS_H_PAYMENT_FROM, moved->from);
		set_label(&row, PS_H_PAYMENT_TO, moved->to);
		row_set_int64(&row, PS_H_AMOUNT, moved->amount);
		row_set_int64(&row, PS_H_PAID, r->paid_before);
		row_set_int32(&row, PS_H_ATTEMPTS, r->attempts_before);
		if (r->since_before != 0)
			row_set_time(&row, PS_H_ORDER_SINCE, r->since_before);
		paystate_row_insert(&row);
	}
}

/* from this row on, which says not since when, the history is judged again */
static void
write_repaired(Repair *r, const PsLifecycle *lc)
{
	PsRow		row;

	begin_row(r, &row, r->label_before, lc->order[r->order.status].label_id);
	row_set_int64(&row, PS_H_AMOUNT, r->order.amount);
	row_set_int64(&row, PS_H_PAID, r->order.amount_paid);
	row_set_int32(&row, PS_H_ATTEMPTS, r->order.attempts);
	paystate_row_insert(&row);
}

/* ---- the function */

static void
check_owner(const PsTables *t)
{
	if (!has_privs_of_role(GetUserId(), t->orders->owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE,
					   RelationGetRelationName(t->orders_rel));
}

PG_FUNCTION_INFO_V1(paystate_repair);

/* repair(orders, VARIADIC order_key) */
Datum
paystate_repair(PG_FUNCTION_ARGS)
{
	PsTables	tables;
	Repair		r = {.cxt = CurrentMemoryContext,.tables = &tables};
	const PsLifecycle *lc;
	Datum		key[INDEX_MAX_KEYS];

	PreventCommandIfReadOnly("repair()");
	paystate_tables_open(&tables, PG_GETARG_OID(0), RowExclusiveLock);
	check_owner(&tables);
	paystate_order_key(&tables, PG_GETARG_ARRAYTYPE_P(1), key);
	CommandCounterIncrement();
	if (!paystate_row_find(&r.row, tables.orders_rel, tables.orders,
						   &tables.orders->self, key, PS_FIND_LOCK))
		paystate_no_such_order(&tables, key);
	lc = paystate_lifecycle_of_order(&r.row);
	r.kept_since = paystate_kept_since(&tables);
	read_as_owner(&r);
	if (r.needed)
	{
		write_order(&r, lc);
		write_moved(&r);
		write_repaired(&r, lc);
		CommandCounterIncrement();
	}
	paystate_row_release(&r.row);
	paystate_tables_close(&tables);
	PG_RETURN_VOID();
}
