/*
 * compile.c
 *		From the rows of the rule tables to a PsLifecycle: what is read is
 *		checked as it comes, so that no rule is ever followed that does not
 *		make sense.
 *
 * The tables are read by SPI and by name, as the current user, who may read
 * them like everybody: they may be reference tables on another node, and
 * nothing here is worth more rights.  No static state.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compile.h"

/* columns of the three queries, in the order in which they are asked for */
enum LifecycleColumn
{
	L_ORDER_INITIAL = 1, L_PAYMENT_INITIAL, L_ATTEMPT_ON, L_PARTIAL_PAYMENT,
	L_PARTIAL_CAPTURE, L_PARALLEL_PAYMENTS, L_MAX_ATTEMPTS, L_ORDER_CANCEL,
	L_PAYMENT_MIN, L_PAYMENT_MAX, L_CURRENCIES, L_AMOUNT_FIXED, L_REFUND_MOVES,
	L_LATE_WINDOW
};

enum StatusColumn
{
	S_KIND = 1, S_LABEL, S_ROLE, S_INITIAL, S_TERMINAL
};

enum RuleColumn
{
	R_EVENT = 1, R_BEFORE, R_GUARD, R_AFTER, R_EFFECT
};

static const char lifecycle_query[] =
"SELECT l.order_initial, l.payment_initial, l.attempt_on, l.partial_payment,"
" l.partial_capture, l.parallel_payments, l.max_attempts, l.order_cancel,"
" l.payment_min, l.payment_max, l.currencies, l.amount_fixed, l.refund_moves,"
/* a month is 30 days here, as where intervals are compared */
" (LEAST(pg_catalog.date_part('epoch', l.late_window), 9e12::pg_catalog.float8)"
" OPERATOR(pg_catalog.*) 1e6::pg_catalog.float8)::pg_catalog.int8"
" FROM paystate.lifecycle AS l"
" WHERE l.name OPERATOR(pg_catalog.=) $1";

static const char status_query[] =
"SELECT s.kind, s.label, s.role, s.initial, s.terminal"
" FROM paystate.lifecycle_status AS s"
" WHERE s.lifecycle OPERATOR(pg_catalog.=) $1"
" ORDER BY s.kind USING OPERATOR(pg_catalog.<),"
" s.label USING OPERATOR(pg_catalog.<)";

static const char rule_query[] =
"SELECT t.payment_event, t.order_before, t.guard, t.order_after,"
" t.money_effect"
" FROM paystate.lifecycle_transition AS t"
" WHERE t.lifecycle OPERATOR(pg_catalog.=) $1"
" ORDER BY t.payment_event USING OPERATOR(pg_catalog.<),"
" t.order_before USING OPERATOR(pg_catalog.<),"
" t.guard USING OPERATOR(pg_catalog.<)";

void
paystate_bad_lifecycle(const PsDraft *d, const char *fmt,...)
{
	StringInfoData detail;
	int			needed;

	initStringInfo(&detail);
	if (d->event != NULL)
		appendStringInfo(&detail, "Rule \"%s\" in order status \"%s\" is not valid.  ",
						 d->event, d->before);
	do
	{
		va_list		args;

		va_start(args, fmt);
		needed = appendStringInfoVA(&detail, fmt, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(&detail, needed);
	} while (needed > 0);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("life cycle \"%s\" is not valid", d->lc->name),
			 errdetail_internal("%s", detail.data)));
}

/* a parallel query may not take a snapshot, so it reads with its own */
static void
run_query(const PsDraft *d, const char *query)
{
	Oid			type = TEXTOID;
	Datum		name = d->name;
	SPIPlanPtr	plan = SPI_prepare(query, 1, &type);
	int			result;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	result = SPI_execute_snapshot(plan, &name, NULL, d->snapshot,
								  InvalidSnapshot,
								  d->snapshot == InvalidSnapshot, false, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_snapshot failed: %s",
			 SPI_result_code_string(result));
}

static const char *
column(uint64 row, int number)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						number);
}

static bool
column_is_true(uint64 row, int number)
{
	const char *value = column(row, number);

	return value != NULL && strcmp(value, "t") == 0;
}

/* a column of the one row of the life cycle, or what stands for NULL */
static int64
parameter(int number, int64 otherwise)
{
	const char *value = column(0, number);

	return value == NULL ? otherwise : pg_strtoint64(value);
}

/* which of the n words a column says */
static int
choice(const PsDraft *d, const char *value, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (value != NULL && strcmp(value, words[i]) == 0)
			return i;
	}
	elog(ERROR, "the rule tables have no \"%s\"", value == NULL ? "null" : value);	/* by their CHECKs */
}

static void
read_currencies(PsDraft *d)
{
	const char **codes;
	Datum	   *items;
	int			nitems;
	bool		isnull;
	Datum		array = SPI_getbinval(SPI_tuptable->vals[0],
									  SPI_tuptable->tupdesc,
									  L_CURRENCIES, &isnull);

	d->lc->all_currencies = isnull;
	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &items, NULL, &nitems);
	codes = MemoryContextAlloc(d->cxt, Max(nitems, 1) * sizeof(char *));
	for (int i = 0; i < nitems; i++)
	{
		char	   *code = TextDatumGetCString(items[i]);

		if (paystate_currency_exponent(code, strlen(code)) < 0)
			paystate_bad_lifecycle(d, "There is no currency \"%s\".", code);
		codes[i] = MemoryContextStrdup(d->cxt, code);
	}
	d->lc->ncurrencies = nitems;
	d->lc->currencies = codes;
}

/* false: there is no such life cycle; the initials are looked up later */
static bool
read_parameters(PsDraft *d, const char **initials)
{
	static const char *const partial[] = {"order", "legs", "no"};
	static const char *const parallel[] = {"one_authorized", "legs"};
	static const char *const attempt[] = {"result", "create"};
	static const char *const fixed[] = {"first_payment", "creation"};
	static const char *const moves[] = {"payment", "order"};
	PsLifecycle *lc = d->lc;

	run_query(d, lifecycle_query);
	if (SPI_processed == 0)
		return false;
	initials[0] = column(0, L_ORDER_INITIAL);
	initials[1] = column(0, L_PAYMENT_INITIAL);
	lc->partial_payment = choice(d, column(0, L_PARTIAL_PAYMENT), partial,
								 lengthof(partial));
	lc->parallel_payments = choice(d, column(0, L_PARALLEL_PAYMENTS),
								   parallel, lengthof(parallel));
	lc->attempt_on_create = choice(d, column(0, L_ATTEMPT_ON), attempt,
								   lengthof(attempt));
	lc->amount_fixed_at_creation = choice(d, column(0, L_AMOUNT_FIXED), fixed,
										  lengthof(fixed));
	lc->refund_moves_order = choice(d, column(0, L_REFUND_MOVES), moves,
									lengthof(moves));
	lc->partial_capture = column_is_true(0, L_PARTIAL_CAPTURE);
	lc->order_cancel = column_is_true(0, L_ORDER_CANCEL);
	lc->max_attempts = (int) parameter(L_MAX_ATTEMPTS, 0);
	lc->payment_min = parameter(L_PAYMENT_MIN, 1);
	lc->payment_max = parameter(L_PAYMENT_MAX, PG_INT64_MAX);
	lc->late_window = parameter(L_LATE_WINDOW, 0);
	read_currencies(d);
	return true;
}

static void
read_status(const PsDraft *d, uint64 row, PsStatus *status)
{
	static const char *const roles[] = {
		"open", "held", "settled", "returned", "dead"
	};
	const char *label = column(row, S_LABEL);

	status->label_id = paystate_label_id(label);
	status->label = paystate_label(status->label_id);
	status->role = choice(d, column(row, S_ROLE), roles, lengthof(roles));
	status->initial = column_is_true(row, S_INITIAL);
	status->terminal = column_is_true(row, S_TERMINAL);
}

static void
read_statuses(PsDraft *d)
{
	PsLifecycle *lc = d->lc;

	d->order = MemoryContextAllocZero(d->cxt,
									  PS_MAX_STATUSES * sizeof(PsStatus));
	d->payment = MemoryContextAllocZero(d->cxt,
										PS_MAX_STATUSES * sizeof(PsStatus));
	lc->order = d->order;
	lc->payment = d->payment;
	run_query(d, status_query);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		of_order = strcmp(column(row, S_KIND), "order") == 0;
		int		   *n = of_order ? &lc->norder : &lc->npayment;

		if (*n == PS_MAX_STATUSES)
			paystate_bad_lifecycle(d, "It has more than %d statuses of one kind.",
								   PS_MAX_STATUSES);
		read_status(d, row, &(of_order ? d->order : d->payment)[(*n)++]);
	}
	lc->nslots = paystate_event_slot(lc, PS_EV_FAIL, 0, 0) + 1;
}

int
paystate_status_index(const PsDraft *d, const PsStatus *statuses,
					  const char *label, int len)
{
	const bool	of_order = statuses == d->order;
	const int	n = of_order ? d->lc->norder : d->lc->npayment;

	for (int i = 0; i < n; i++)
	{
		if (strncmp(statuses[i].label, label, len) == 0 &&
			statuses[i].label[len] == '\0')
			return i;
	}
	paystate_bad_lifecycle(d, "There is no %s status \"%.*s\".",
						   of_order ? "order" : "payment", len, label);
}

/* the one status marked initial, which the parameter must name as well */
static int
initial_status(const PsDraft *d, const PsStatus *statuses, int n,
			   const char *label)
{
	const char *kind = statuses == d->order ? "order" : "payment";
	int			index = paystate_status_index(d, statuses, label, strlen(label));

	for (int i = 0; i < n; i++)
	{
		if (statuses[i].initial != (i == index))
			paystate_bad_lifecycle(d, "The initial status of %ss must be \"%s\" alone, but \"%s\" is %s.",
								   kind, label, statuses[i].label,
								   statuses[i].initial ? "initial too" : "not initial");
	}
	return index;
}

static const PsLifecycle *
compile(PsDraft *d)
{
	PsLifecycle *lc = d->lc;
	const char *initials[2];

	if (!read_parameters(d, initials))
		return NULL;
	read_statuses(d);
	lc->order_initial = initial_status(d, d->order, lc->norder, initials[0]);
	lc->payment_initial = initial_status(d, d->payment, lc->npayment,
										 initials[1]);
	run_query(d, rule_query);
	d->rules = palloc0(Max(2 * SPI_processed, 1) * sizeof(PsRule));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		const PsRuleText text = {
			column(row, R_EVENT), column(row, R_BEFORE),
			column(row, R_GUARD), column(row, R_AFTER), column(row, R_EFFECT)
		};

		paystate_compile_rule(d, &text);
	}
	paystate_lay_out_rules(d);
	return lc;
}

/*
 * The newest snapshot rather than the transaction's: what is compiled here
 * serves later transactions as well, and life cycles do not change.
 */
const PsLifecycle *
paystate_compile(const char *name, int len, MemoryContext cxt, bool *lasting)
{
	const PsLifecycle *result;
	PsDraft		d = {0};

	d.cxt = cxt;
	d.lc = MemoryContextAllocZero(cxt, sizeof(PsLifecycle));
	d.lc->name = MemoryContextStrdup(cxt, pnstrdup(name, len));
	*lasting = !IsInParallelMode();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	d.name = PointerGetDatum(cstring_to_text_with_len(name, len));
	if (*lasting)
		d.snapshot = RegisterSnapshot(GetLatestSnapshot());
	result = compile(&d);
	if (*lasting)
		UnregisterSnapshot(d.snapshot);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	return result;
}
