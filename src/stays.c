/*
 * stays.c
 *		The aggregate stays(from, to, at, since): how long things stayed in
 *		each status they have left.  One pass over the history serves all
 *		statuses; nothing is sorted but the times themselves, and those only as
 *		far as the quantiles need.  Workers of a parallel query each gather
 *		times of their own.
 *
 * No static state.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "stays.h"

/* a bytea takes no more than a GB */
#define MAX_SENT (UINT64CONST(1) << 26)

static const double quantiles[] = {0.5, 0.9, 0.99, 1};

#define QUANTILES ((int) lengthof(quantiles))
#define COLUMNS (2 + QUANTILES) /* of the type "stay" */

/* one status that has been left */
typedef struct Left
{
	Datum		value;			/* where labels are by value */
	char	   *label;
	int64		count;
	uint64		n,
				room;
	int64	   *took;			/* microseconds */
} Left;

typedef struct Stays
{
	MemoryContext context;
	PsLabelType type;			/* of the statuses */
	int			n,
				room;
	int			last;			/* found last: mostly the next one, too */
	Left	   *left;
} Stays;

PG_FUNCTION_INFO_V1(paystate_stays_add);
PG_FUNCTION_INFO_V1(paystate_stays_combine);
PG_FUNCTION_INFO_V1(paystate_stays_send);
PG_FUNCTION_INFO_V1(paystate_stays_receive);
PG_FUNCTION_INFO_V1(paystate_stays_end);

static Stays *
make_stays(FunctionCallInfo fcinfo)
{
	MemoryContext context;
	Stays	   *s;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "called outside an aggregate");
	s = MemoryContextAllocZero(context, sizeof(Stays));
	s->context = context;
	return s;
}

/* of the aggregate's first argument */
void
paystate_label_type(FunctionCallInfo fcinfo, MemoryContext context, PsLabelType *type)
{
	Oid			oid = get_fn_expr_argtype(fcinfo->flinfo, 1),
				out;
	bool		varlena;

	type->byval = get_typbyval(oid);
	getTypeOutputInfo(oid, &out, &varlena);
	fmgr_info_cxt(out, &type->out, context);
	type->known = true;
}

static Left *
add_left(Stays *s, Datum value, const char *label)
{
	Left	   *l;

	if (s->n == s->room)
	{
		s->room = Max(8, 2 * s->room);
		s->left = s->left == NULL
			? MemoryContextAlloc(s->context, s->room * sizeof(Left))
			: repalloc(s->left, s->room * sizeof(Left));
	}
	l = &s->left[s->last = s->n++];
	memset(l, 0, sizeof(Left));
	l->value = value;
	l->label = MemoryContextStrdup(s->context, label);
	return l;
}

static Left *
find_label(Stays *s, Datum value, const char *label)
{
	for (int i = 0; i < s->n; i++)
		if (strcmp(s->left[i].label, label) == 0)
			return &s->left[s->last = i];
	return add_left(s, value, label);
}

static Left *
find_value(Stays *s, Datum value)
{
	if (s->n > 0 && s->left[s->last].value == value)
		return &s->left[s->last];
	for (int i = 0; i < s->n; i++)
		if (s->left[i].value == value)
			return &s->left[s->last = i];
	return add_left(s, value, OutputFunctionCall(&s->type.out, value));
}

static void
make_room(Stays *s, Left *l, uint64 n)
{
	if (l->n + n <= l->room)
		return;
	l->room = Max(l->n + n, 2 * l->room);
	l->room = Max(l->room, 64);
	l->took = l->took == NULL
		? MemoryContextAllocHuge(s->context, l->room * sizeof(int64))
		: repalloc_huge(l->took, l->room * sizeof(int64));
}

/* the status that was left, or NULL when the two are the same */
static Left *
find_left(Stays *s, Datum from, Datum to)
{
	char	   *was;

	if (s->type.byval)
		return from == to ? NULL : find_value(s, from);
	was = OutputFunctionCall(&s->type.out, from);
	if (strcmp(was, OutputFunctionCall(&s->type.out, to)) == 0)
		return NULL;
	return find_label(s, from, was);
}

/* stays_add(state, from, to, at, since) */
Datum
paystate_stays_add(PG_FUNCTION_ARGS)
{
	Stays	   *s = PG_ARGISNULL(0) ? make_stays(fcinfo) : (Stays *) PG_GETARG_POINTER(0);
	Left	   *l;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(s);
	if (!s->type.known)
		paystate_label_type(fcinfo, s->context, &s->type);
	l = find_left(s, PG_GETARG_DATUM(1), PG_GETARG_DATUM(2));
	if (l == NULL)
		PG_RETURN_POINTER(s);
	l->count++;
	if (!PG_ARGISNULL(3) && !PG_ARGISNULL(4))
	{
		make_room(s, l, 1);
		if (pg_sub_s64_overflow(PG_GETARG_TIMESTAMPTZ(3), PG_GETARG_TIMESTAMPTZ(4), &l->took[l->n]))
			l->took[l->n] = PG_INT64_MAX;	/* from or to infinity */
		l->n++;
	}
	PG_RETURN_POINTER(s);
}

/* stays_combine(state, state): the second goes into the first */
Datum
paystate_stays_combine(PG_FUNCTION_ARGS)
{
	Stays	   *s = PG_ARGISNULL(0) ? make_stays(fcinfo) : (Stays *) PG_GETARG_POINTER(0);
	Stays	   *more = PG_ARGISNULL(1) ? NULL : (Stays *) PG_GETARG_POINTER(1);

	for (int i = 0; more != NULL && i < more->n; i++)
	{
		Left	   *from = &more->left[i],
				   *to = find_label(s, 0, from->label);

		to->count += from->count;
		if (from->n == 0)
			continue;
		make_room(s, to, from->n);
		memcpy(to->took + to->n, from->took, from->n * sizeof(int64));
		to->n += from->n;
	}
	PG_RETURN_POINTER(s);
}

/* stays_send(state) */
Datum
paystate_stays_send(PG_FUNCTION_ARGS)
{
	Stays	   *s = (Stays *) PG_GETARG_POINTER(0);
	StringInfoData buf;
	uint64		all = 0;

	for (int i = 0; i < s->n; i++)
		all += s->left[i].n;
	if (all > MAX_SENT)
		ereport(ERROR,			/* too much to test */
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many stays for a parallel query"),
				 errhint("Set max_parallel_workers_per_gather to 0.")));
	pq_begintypsend(&buf);
	pq_sendint32(&buf, s->n);
	for (int i = 0; i < s->n; i++)
	{
		Left	   *l = &s->left[i];

		pq_sendstring(&buf, l->label);
		pq_sendint64(&buf, l->count);
		pq_sendint64(&buf, l->n);
		if (l->n > 0)
			pq_sendbytes(&buf, (char *) l->took, l->n * sizeof(int64));
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* stays_receive(bytea, state) */
Datum
paystate_stays_receive(PG_FUNCTION_ARGS)
{
	bytea	   *sent = PG_GETARG_BYTEA_PP(0);
	Stays	   *s = make_stays(fcinfo);
	StringInfoData buf;

	buf.data = VARDATA_ANY(sent);
	buf.len = buf.maxlen = VARSIZE_ANY_EXHDR(sent);
	buf.cursor = 0;
	for (int n = pq_getmsgint(&buf, 4); n > 0; n--)
	{
		Left	   *l = add_left(s, 0, pq_getmsgstring(&buf));
		uint64		took;

		l->count = pq_getmsgint64(&buf);
		took = pq_getmsgint64(&buf);
		if (took == 0)
			continue;
		make_room(s, l, took);
		pq_copymsgbytes(&buf, (char *) l->took, took * sizeof(int64));
		l->n = took;
	}
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(s);
}

/* puts a[k] where sorting would, given that it lies in [low, high] */
static void
place(int64 *a, int64 low, int64 high, int64 k)
{
	while (low < high)
	{
		int64		pivot = a[low + (high - low) / 2],
					i = low,
					j = high;

		while (i <= j)
		{
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i <= j)
			{
				int64		swap = a[i];

				a[i++] = a[j];
				a[j--] = swap;
			}
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			return;
	}
}

/* as percentile_cont does it, in seconds; from the lowest quantile upwards */
static void
fill_quantiles(Left *l, Datum *values, bool *nulls)
{
	int64		low = 0;

	for (int q = 0; q < QUANTILES; q++)
	{
		double		rank = quantiles[q] * (double) (l->n - 1);
		int64		first = (int64) floor(rank);
		double		took;

		nulls[q] = l->n == 0;
		if (nulls[q])
			continue;
		place(l->took, low, l->n - 1, first);
		took = l->took[first] / 1000000.0;
		if (first < ceil(rank))
		{
			place(l->took, first + 1, l->n - 1, first + 1);
			took += (rank - first) * (l->took[first + 1] / 1000000.0 - took);
		}
		values[q] = Float8GetDatum(took);
		low = first;
	}
}

/* stays_end(state): an array of "stay" */
Datum
paystate_stays_end(PG_FUNCTION_ARGS)
{
	Stays	   *s = PG_ARGISNULL(0) ? NULL : (Stays *) PG_GETARG_POINTER(0);
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	TupleDesc	desc;
	Datum	   *stays;

	if (s == NULL || s->n == 0)
		PG_RETURN_NULL();
	if (!OidIsValid(type))
		elog(ERROR, "could not determine the result's type");
	desc = lookup_rowtype_tupdesc(type, -1);
	stays = palloc(s->n * sizeof(Datum));
	for (int i = 0; i < s->n; i++)
	{
		Datum		values[COLUMNS];
		bool		nulls[COLUMNS] = {false, false};

		values[0] = CStringGetTextDatum(s->left[i].label);
		values[1] = Int64GetDatum(s->left[i].count);
		fill_quantiles(&s->left[i], values + 2, nulls + 2);
		stays[i] = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	}
	ReleaseTupleDesc(desc);
	PG_RETURN_ARRAYTYPE_P(construct_array(stays, s->n, type, -1, false, TYPALIGN_DOUBLE));
}
