/*
 * fuzz_parts.c
 *		Life cycles, made of bytes or of the tables in test/data, through the
 *		very compiler of rules that a server uses; and inputs for the parsers.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "compile.h"
#include "fuzz.h"

/* the rows of test/data, as a script made C of them */
typedef struct StatusRow
{
	const char *lifecycle,
			   *kind,
			   *label,
			   *initial,
			   *terminal,
			   *role;
} StatusRow;

typedef struct RuleRow
{
	const char *lifecycle;
	PsRuleText	text;
} RuleRow;

typedef struct TermsRow
{
	const char *name,
			   *attempt_on,
			   *partial_payment,
			   *partial_capture,
			   *parallel_payments;
	int			max_attempts;
	const char *refund_moves,
			   *order_cancel;
	int64		payment_min,
				payment_max;
	const char *amount_fixed;
} TermsRow;

#include "fuzz_tables.h"

/* bytes of the words of a rule */
#define MAX_WORDS 96
/* of one kind, in the life cycles tried here */
#define MAX_STATUSES 12

static const char *const labels[] = {
	"a", "b", "c", "d", "e", "f", "new", "order"
};

int64
take_amount(Input *in, int64 a, int64 b)
{
	int64		any = 0;

	switch (take(in) % 9)
	{
		case 0:
			return a;
		case 1:
			return b;
		case 2:
			return a > 0 ? a / 2 : 0;
		case 3:
			return (int64) ((uint64) a - (uint64) b);
		case 4:
			return (int64) ((uint64) b + (uint64) (take(in) % 3) - 1);
		case 5:
			return take(in) * 100;
		case 6:
			return take(in) - 8;
		case 7:
			return PG_INT64_MAX - take(in) % 4;
		default:
			for (int i = 0; i < 8; i++)
				any = (int64) (((uint64) any << 8) | take(in));
			return any;
	}
}

/* NULL: paystate_bad_lifecycle() had its say */
static const PsLifecycle *
start(PsDraft *d)
{
	d->lc = MemoryContextAllocZero(NULL, sizeof(PsLifecycle));
	d->order = MemoryContextAllocZero(NULL, MAX_STATUSES * sizeof(PsStatus));
	d->payment = MemoryContextAllocZero(NULL, MAX_STATUSES * sizeof(PsStatus));
	d->lc->order = d->order;
	d->lc->payment = d->payment;
	d->lc->payment_min = 1;
	d->lc->payment_max = PG_INT64_MAX;
	d->lc->all_currencies = true;
	return d->lc;
}

/* guards or effects: words between semicolons, now and then a wrong one */
static const char *
take_words(Input *in, const char *const *words, int nwords, int at_most)
{
	char	   *text = MemoryContextAllocZero(NULL, MAX_WORDS);
	int			n = take(in) % (at_most + 1);

	if (n == 0)
		return "-";
	for (int i = 0; i < n; i++)
	{
		const char *word = words[take(in) % nwords];

		if (strlen(text) + strlen(word) + 2 > MAX_WORDS)
			break;
		if (i > 0)
			strcat(text, ";");
		strcat(text, word);
	}
	return text;
}

static const char *
take_event(Input *in, const PsLifecycle *lc)
{
	char	   *event = MemoryContextAllocZero(NULL, 64);
	const char *from = labels[take(in) % lc->npayment];
	const char *to = labels[take(in) % lc->npayment];

	switch (take(in) % 10)
	{
		case 0:
			sprintf(event, "new>%s", labels[lc->payment_initial]);
			break;
		case 1:
			return "order:cancel";
		case 2:
			return "order:fail";
		case 3:
		case 4:
			sprintf(event, "%s:refund", from);
			break;
		default:
			sprintf(event, "%s>%s", from, to);
	}
	return event;
}

static void
take_rule(Input *in, PsDraft *d)
{
	static const char *const guards[] = {
		"insert_ok", "amount=held", "captured=held", "captured<held", "amount=order_due",
		"due_after=0", "due_after>0", "partial_payment", "refund=amount", "0<refund",
		"refunded_after<captured", "refunded_after=captured",
		"refunded_after<amount_paid", "refunded_after=amount_paid", "other_live",
		"no_other_live", "others_held", "others_done", "none_live", "attempts<max",
		"attempts>=max", "held_after<amount", "held_after=amount",
		"paid_after<amount", "paid_after=amount", "amount_paid=0", "amount_paid>0", "no"
	};
	static const char *const effects[] = {
		"capture", "capture", "refund", "refund", "auto_refund", "attempt",
		"live>a", "live>c", "live>e", "live>", "money"
	};
	PsRuleText	text;

	text.event = take_event(in, d->lc);
	text.before = labels[take(in) % d->lc->norder];
	text.after = labels[take(in) % d->lc->norder];
	text.guard = take_words(in, guards, lengthof(guards), 3);
	text.effect = take_words(in, effects, lengthof(effects), 2);
	/* a rule that is none is left out, and the next one tried */
	if (setjmp(fuzz_refusal) == 0)
		paystate_compile_rule(d, &text);
}

static void
take_statuses(Input *in, PsStatus *statuses, int n)
{
	for (int i = 0; i < n; i++)
	{
		statuses[i].label = labels[i];
		statuses[i].label_id = i;
		statuses[i].role = take(in) % 5;
		statuses[i].initial = i == 0;
	}
	statuses[0].role = PS_OPEN;
}

const PsLifecycle *
fuzz_lifecycle(Input *in)
{
	PsDraft		d = {0};
	PsLifecycle *lc = (PsLifecycle *) start(&d);
	int			nrules = take(in) % 24;
	int			terms = take(in);

	lc->norder = 1 + take(in) % 6;
	lc->npayment = 2 + take(in) % 5;
	take_statuses(in, d.order, lc->norder);
	take_statuses(in, d.payment, lc->npayment);
	lc->nslots = paystate_event_slot(lc, PS_EV_FAIL, 0, 0) + 1;
	lc->partial_payment = terms % 3;
	lc->parallel_payments = terms / 4 % 2;
	lc->partial_capture = terms >> 3 & 1;
	lc->order_cancel = terms >> 4 & 1;
	lc->attempt_on_create = terms >> 5 & 1;
	lc->refund_moves_order = terms >> 6 & 1;
	lc->max_attempts = take(in) % 4;
	lc->payment_min = terms >> 7;
	lc->late_window = take(in) % 4 ? 0 : 1000;
	d.rules = MemoryContextAllocZero(NULL, (2 * nrules + 2) * sizeof(PsRule));
	while (nrules-- > 0)
		take_rule(in, &d);
	paystate_lay_out_rules(&d);
	return lc;
}

/* which of the words; the last where it is none of them */
static int
which(const char *word, const char *first, const char *second)
{
	return strcmp(word, first) == 0 ? 0 : strcmp(word, second) == 0 ? 1 : 2;
}

static void
read_status_row(PsDraft *d, const StatusRow *row)
{
	static const char *const roles[] = {"open", "held", "settled", "returned", "dead"};
	const bool	of_order = strcmp(row->kind, "order") == 0;
	int		   *n = of_order ? &d->lc->norder : &d->lc->npayment;
	PsStatus   *status = &(of_order ? d->order : d->payment)[(*n)++];

	status->label = row->label;
	for (int i = 0; i < (int) lengthof(status_rows); i++)
		if (strcmp(status_rows[i].label, row->label) == 0)
			status->label_id = i;
	while (strcmp(roles[status->role], row->role) != 0)
		status->role++;
	status->initial = *row->initial == 't';
	status->terminal = *row->terminal == 't';
	if (status->initial)
		*(of_order ? &d->lc->order_initial : &d->lc->payment_initial) = *n - 1;
}

static const PsLifecycle *
compile_gateway(const TermsRow *row)
{
	PsDraft		d = {0};
	PsLifecycle *lc = (PsLifecycle *) start(&d);

	lc->name = row->name;
	lc->partial_payment = which(row->partial_payment, "order", "legs");
	lc->parallel_payments = which(row->parallel_payments, "one_authorized", "legs");
	lc->attempt_on_create = which(row->attempt_on, "result", "create");
	lc->refund_moves_order = which(row->refund_moves, "payment", "order");
	lc->amount_fixed_at_creation = which(row->amount_fixed, "first_payment", "creation");
	lc->partial_capture = *row->partial_capture == 't';
	lc->order_cancel = *row->order_cancel == 't';
	lc->max_attempts = row->max_attempts;
	lc->payment_min = row->payment_min;
	lc->payment_max = row->payment_max;
	for (int i = 0; i < (int) lengthof(status_rows); i++)
		if (strcmp(status_rows[i].lifecycle, row->name) == 0)
			read_status_row(&d, &status_rows[i]);
	lc->nslots = paystate_event_slot(lc, PS_EV_FAIL, 0, 0) + 1;
	d.rules = MemoryContextAllocZero(NULL, 2 * lengthof(rule_rows) * sizeof(PsRule));
	if (setjmp(fuzz_refusal) != 0)
		abort();				/* these make sense */
	for (int i = 0; i < (int) lengthof(rule_rows); i++)
		if (strcmp(rule_rows[i].lifecycle, row->name) == 0)
			paystate_compile_rule(&d, &rule_rows[i].text);
	paystate_lay_out_rules(&d);
	return lc;
}

const PsLifecycle *
fuzz_gateway(Input *in)
{
	static const PsLifecycle *compiled[lengthof(terms_rows)];

	if (compiled[0] == NULL)
	{
		fuzz_keep(true);
		for (int i = 0; i < (int) lengthof(terms_rows); i++)
			compiled[i] = compile_gateway(&terms_rows[i]);
		fuzz_keep(false);
	}
	return compiled[take(in) % lengthof(terms_rows)];
}

/* a copy that ends where its bytes do, so that a byte too far is noticed */
static char *
take_rest(Input *in, int *length)
{
	char	   *text;

	*length = in->end - in->next;
	text = MemoryContextAlloc(NULL, *length + 1);
	memcpy(text, in->next, *length);
	text[*length] = '\0';
	in->next = in->end;
	return text;
}

static text *
as_text(const char *bytes, int length)
{
	text	   *result = MemoryContextAlloc(NULL, VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return result;
}

extern Datum paystate_to_status(PG_FUNCTION_ARGS);
extern Datum paystate_sql_currency_exponent(PG_FUNCTION_ARGS);
extern Datum paystate_same_bytes(PG_FUNCTION_ARGS);
extern Datum paystate_hmac(PG_FUNCTION_ARGS);

static Datum
call(PGFunction function, int n, text *a, text *b, text *c)
{
	LOCAL_FCINFO(fcinfo, 3);
	FmgrInfo	flinfo = {0};

	InitFunctionCallInfoData(*fcinfo, &flinfo, n, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = PointerGetDatum(a);
	fcinfo->args[1].value = PointerGetDatum(b);
	fcinfo->args[2].value = PointerGetDatum(c);
	fcinfo->args[0].isnull = fcinfo->args[1].isnull = fcinfo->args[2].isnull = false;
	return function(fcinfo);
}

static void
parse_rule(const char *bytes, int length)
{
	PsEventName name;
	uint32		bits = 0;
	const char *target;
	int			targetlen;

	if (strlen(bytes) == (size_t) length && paystate_event_name(bytes, &name) &&
		(name.kind == PS_EV_MOVE || name.kind == PS_EV_REFUND) &&
		(name.fromlen <= 0 || name.fromlen + name.tolen + 1 != length))
		abort();
	if (paystate_guard_atom(bytes, length, &bits) && (bits & (bits - 1)) != 0)
		abort();
	bits = 0;
	if (paystate_effect_atom(bytes, length, &bits, &target, &targetlen) &&
		(bits & PS_E_CASCADE) && targetlen != length - 5)
		abort();
}

void
fuzz_parsers(Input *in)
{
	int			what = take(in) % 5;
	int			length;
	char	   *bytes = take_rest(in, &length);
	text	   *value = as_text(bytes, length);

	if (setjmp(fuzz_refusal) != 0)
		return;
	if (what == 0)
		parse_rule(bytes, length);
	else if (what == 1)
		(void) call(paystate_to_status, 1, value, NULL, NULL);
	else if (what == 2)
		(void) call(paystate_sql_currency_exponent, 1, value, NULL, NULL);
	else if (what == 3)
	{
		text	   *half = as_text(bytes, length / 2);

		if (DatumGetBool(call(paystate_same_bytes, 2, value, half, NULL)) != (length == 0) ||
			!DatumGetBool(call(paystate_same_bytes, 2, value, as_text(bytes, length), NULL)))
			abort();
	}
	else
		(void) call(paystate_hmac, 3, as_text("sha256", 6), value, value);
}
