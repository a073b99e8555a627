/*
 * verify.c
 *		verify(): does everything that the four tables say of each order
 *		agree?  The history is judged once more and must lead to the order and
 *		its payments as they stand; where it cannot be followed, totals are
 *		compared with the sums over the payments.
 *
 * No state.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "findings.h"

/* ---- each row for itself */

/* of columns that a table need not have */
static bool
has_column(const PsTable *table, int column)
{
	return table != NULL && table->att[column] != 0;
}

static void
check_currency(PsFindings *f, bool has_currency, const char *currency)
{
	const PsLifecycle *lc = f->book->lc;

	if (!has_currency)
		return;
	if (currency == NULL ||
		!paystate_currency_ok(lc, currency, strlen(currency)))
		paystate_find(f, "currency",
					  psprintf("one of life cycle \"%s\"", lc->name), currency);
}

static void
check_status(PsFindings *f, int status, const char *label)
{
	const PsLifecycle *lc = f->book->lc;

	if (lc != NULL && status == PS_NO_STATUS)
		paystate_find(f, "unknown status",
					  psprintf("one of life cycle \"%s\"", lc->name), label);
}

static void
check_legs(PsFindings *f)
{
	PsBook	   *book = f->book;
	bool		has_currency = has_column(f->tables->payments, PS_P_CURRENCY);

	for (int i = 0; i < book->nlegs; i++)
	{
		f->leg = &book->legs[i];
		check_status(f, f->leg->row.status, f->leg->status);
		if (has_currency && book->has_order && book->currency != NULL)
			paystate_find_text(f, "currency", book->currency, f->leg->currency);
		else if (book->lc != NULL)
			check_currency(f, has_currency, f->leg->currency);
	}
	f->leg = NULL;
}

static bool
is_refund_status(const char *label)
{
	return label != NULL && (strcmp(label, "pending") == 0 ||
							 strcmp(label, "processed") == 0 ||
							 strcmp(label, "failed") == 0);
}

static void
check_refunds(PsFindings *f)
{
	PsBook	   *book = f->book;

	for (int i = 0; i < book->nrefunds; i++)
	{
		f->refund = &book->refunds[i];
		if (!f->refund->has_payment)
			paystate_find(f, "missing payment", f->refund->payment, NULL);
		else if (!is_refund_status(f->refund->status))
			paystate_find(f, "unknown status", "pending, processed or failed",
						  f->refund->status);
	}
	f->refund = NULL;
}

/* a payment's totals are those of its refunds */
static void
check_sums_of_refunds(PsFindings *f)
{
	for (int i = 0; f->tables->refunds != NULL && i < f->book->nlegs; i++)
	{
		f->leg = &f->book->legs[i];
		paystate_find_number(f, "amount_refunded", f->leg->processed,
							 f->leg->row.amount_refunded);
		paystate_find_number(f, "refund_pending", f->leg->pending,
							 f->leg->row.refund_pending);
	}
	f->leg = NULL;
}

/* ---- what stands against what it should be */

static void
compare_order(PsFindings *f, const PsOrder *expected)
{
	const PsOrder *o = &f->book->order;

	paystate_find_number(f, "amount_paid", expected->amount_paid, o->amount_paid);
	paystate_find_number(f, "amount_due", expected->amount - expected->amount_paid,
						 f->book->amount_due);
	paystate_find_number(f, "amount_authorized", expected->amount_authorized,
						 o->amount_authorized);
	paystate_find_number(f, "amount_pending", expected->amount_pending, o->amount_pending);
	if (has_column(f->tables->orders, PS_O_REFUNDED))
		paystate_find_number(f, "amount_refunded", expected->amount_refunded,
							 o->amount_refunded);
	paystate_find_number(f, "payments_open", expected->payments_open, o->payments_open);
}

static void
compare_leg(PsFindings *f, const PsPayment *now, const PsPayment *row)
{
	const PsLifecycle *lc = f->book->lc;

	if (row->status != PS_NO_STATUS && row->status != now->status)
		paystate_find(f, "status", now->status == PS_NO_STATUS ?
					  NULL : lc->payment[now->status].label, f->leg->status);
	paystate_find_number(f, "amount", now->amount, row->amount);
	paystate_find_number(f, "amount_captured", now->amount_captured, row->amount_captured);
	paystate_find_number(f, "amount_refunded", now->amount_refunded, row->amount_refunded);
	paystate_find_number(f, "refund_pending", now->refund_pending, row->refund_pending);
}

static void
compare_legs(PsFindings *f)
{
	for (int i = 0; i < f->book->nlegs; i++)
	{
		f->leg = &f->book->legs[i];
		if (f->leg->known)
			compare_leg(f, &f->leg->now, &f->leg->row);
		else
			paystate_find(f, "missing history", "a row for each change", NULL);
	}
	f->leg = NULL;
}

static void
compare_refunds(PsFindings *f)
{
	for (int i = 0; i < f->book->nrefunds; i++)
	{
		f->refund = &f->book->refunds[i];
		if (f->refund->now != NULL)
			paystate_find_text(f, "status", f->refund->now, f->refund->status);
		else
			paystate_find(f, "missing history", "a row for each change", NULL);
	}
	f->refund = NULL;
}

/* the history was followed to its end, and everything must be as it says */
static void
compare_replayed(PsFindings *f, const PsReplay *r)
{
	PsBook	   *book = f->book;

	paystate_find_number(f, "amount", r->order.amount, book->order.amount);
	compare_order(f, &r->order);
	paystate_find_number(f, "attempts", r->order.attempts, book->order.attempts);
	if (book->order.status != PS_NO_STATUS)
		paystate_find_text(f, "status", r->lc->order[r->order.status].label, book->status);
	compare_legs(f);
	compare_refunds(f);
	if (r->found)				/* its payments were taken at their word */
		check_sums_of_refunds(f);
}

/* the history cannot be followed: its last row must do, if there is one */
static void
compare_summed(PsFindings *f)
{
	PsBook	   *book = f->book;
	PsOrder		sums;

	paystate_sum_up(book, &sums);
	compare_order(f, &sums);
	check_sums_of_refunds(f);
	if (book->nsteps > 0)
	{
		const PsStep *last = &book->steps[book->nsteps - 1];

		paystate_find_text(f, "status", last->order_to, book->status);
		paystate_find_number(f, "attempts", last->attempts, book->order.attempts);
	}
}

/* ---- an order */

static void
check_history(PsFindings *f)
{
	PsBook	   *book = f->book;
	PsReplay	replay;
	TimestampTz since;
	bool		linked;

	f->let_go = paystate_let_go(book, f->kept_since);
	linked = paystate_check_chain(f, &since);
	if (book->nsteps == 0 && !f->let_go)
		paystate_find(f, "missing history", "a row for each change", NULL);
	else if (book->nsteps > 0)
		paystate_check_end(f, since);
	if (book->lc == NULL)
		return;
	if (book->nsteps == 0 || !linked)
		compare_summed(f);
	else if (!paystate_replay(&replay, book))
	{
		paystate_find(f, replay.problem, replay.expected, replay.actual);
		compare_summed(f);
	}
	else
		compare_replayed(f, &replay);
}

static void
check_order(PsFindings *f)
{
	PsBook	   *book = f->book;

	if (book->lc == NULL)
		paystate_find(f, "unknown life cycle", "a row of paystate.lifecycle",
					  book->lifecycle);
	else
	{
		check_status(f, book->order.status, book->status);
		check_currency(f, has_column(f->tables->orders, PS_O_CURRENCY), book->currency);
	}
	check_history(f);
}

/* ---- whatever stands there without its order */

static void
check_orphans(PsFindings *f)
{
	PsBook	   *book = f->book;

	for (int i = 0; i < book->nlegs; i++)
	{
		f->leg = &book->legs[i];
		paystate_find(f, "missing order", paystate_find_key(f), NULL);
	}
	f->leg = NULL;
	if (book->nsteps > 0)
		paystate_find(f, psprintf("missing order of %d history rows", book->nsteps),
					  paystate_find_key(f), NULL);
}

/* a foreign key asks nothing of a key that is null in part; the guards refuse it */
static void
check_alone(PsFindings *f)
{
	PsBook	   *book = f->book;
	int			nulls = 0;

	for (int i = 0; i < book->nkeys; i++)
		nulls += book->nulls[i];
	for (int i = 0; nulls < book->nkeys && i < book->nlegs; i++)
	{
		f->leg = &book->legs[i];
		paystate_find(f, "order key", "null or not null as a whole", "null in part");
	}
	f->leg = NULL;
	check_sums_of_refunds(f);
}

static void
check_book(PsBook *book, void *arg)
{
	PsFindings *f = arg;

	f->book = book;
	check_legs(f);
	check_refunds(f);
	if (book->alone != NULL)
		check_alone(f);
	else if (book->has_order)
		check_order(f);
	else
		check_orphans(f);
}

PG_FUNCTION_INFO_V1(paystate_verify);

/*
 * verify(orders)
 *
 * Whoever has the owner's rights reads as the owner: casts and domains of the
 * tables' types are the owner's code, which must not run as a superuser.
 */
Datum
paystate_verify(PG_FUNCTION_ARGS)
{
	PsTables	tables;
	PsFindings	findings = {.tables = &tables};
	Oid			user;
	int			context;

	InitMaterializedSRF(fcinfo, 0);
	findings.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	paystate_tables_open(&tables, PG_GETARG_OID(0), AccessShareLock);
	findings.kept_since = paystate_kept_since(&tables);
	GetUserIdAndSecContext(&user, &context);
	if (has_privs_of_role(user, tables.orders->owner))
		SetUserIdAndSecContext(tables.orders->owner, context |
							   SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	paystate_books_read(&tables, NULL, true, check_book, &findings);
	SetUserIdAndSecContext(user, context);
	paystate_tables_close(&tables);
	return (Datum) 0;
}
