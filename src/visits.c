/*
 * visits.c
 *		The aggregate visits(status, tableoid, ctid): how many rows were seen
 *		with each status, each counted once.  A row is a bit at its place in
 *		its table, which takes a byte for some dozens of orders where sorting
 *		them would take them all; workers of a parallel query OR theirs.
 *
 * No static state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "port/pg_bitutils.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "stays.h"

#define BITS 64

/* a status in one table; a partition is a table */
typedef struct Seen
{
	Datum		value;			/* where labels are by value */
	char	   *label;
	Oid			table;
	uint32		width;			/* words a block */
	uint64		room;			/* words in all */
	uint64	   *words;
} Seen;

typedef struct Visits
{
	MemoryContext context;
	PsLabelType type;			/* of the statuses */
	int			n,
				room;
	Seen	   *seen;
} Visits;

PG_FUNCTION_INFO_V1(paystate_visits_add);
PG_FUNCTION_INFO_V1(paystate_visits_combine);
PG_FUNCTION_INFO_V1(paystate_visits_send);
PG_FUNCTION_INFO_V1(paystate_visits_receive);
PG_FUNCTION_INFO_V1(paystate_visits_end);

static Visits *
make_visits(FunctionCallInfo fcinfo)
{
	MemoryContext context;
	Visits	   *v;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "called outside an aggregate");
	v = MemoryContextAllocZero(context, sizeof(Visits));
	v->context = context;
	return v;
}

static Seen *
add_seen(Visits *v, Datum value, const char *label, Oid table)
{
	Seen	   *s;

	if (v->n == v->room)
	{
		v->room = Max(8, 2 * v->room);
		v->seen = v->seen == NULL
			? MemoryContextAlloc(v->context, v->room * sizeof(Seen))
			: repalloc(v->seen, v->room * sizeof(Seen));
	}
	s = &v->seen[v->n++];
	memset(s, 0, sizeof(Seen));
	s->value = value;
	s->label = MemoryContextStrdup(v->context, label);
	s->table = table;
	s->width = 1;
	return s;
}

static Seen *
find_label(Visits *v, Datum value, const char *label, Oid table)
{
	for (int i = 0; i < v->n; i++)
		if (v->seen[i].table == table && strcmp(v->seen[i].label, label) == 0)
			return &v->seen[i];
	return add_seen(v, value, label, table);
}

static Seen *
find_value(Visits *v, Datum value, Oid table)
{
	if (!v->type.byval)
		return find_label(v, value, OutputFunctionCall(&v->type.out, value), table);
	for (int i = 0; i < v->n; i++)
		if (v->seen[i].value == value && v->seen[i].table == table)
			return &v->seen[i];
	return add_seen(v, value, OutputFunctionCall(&v->type.out, value), table);
}

/* the words of so many blocks at least, each of such a width at least */
static void
make_room(Visits *v, Seen *s, uint64 blocks, uint32 width)
{
	uint64		had = s->room / s->width,
				room;
	uint64	   *words;

	if (blocks <= had && width <= s->width)
		return;
	blocks = blocks <= had ? had : Max(blocks, Max(2 * had, 64));
	width = Max(width, s->width);
	room = blocks * width;
	words = MemoryContextAllocExtended(v->context, room * sizeof(uint64),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (width == s->width && s->room > 0)
		memcpy(words, s->words, s->room * sizeof(uint64));
	else
		for (uint64 i = 0; i < s->room; i++)
			words[i / s->width * width + i % s->width] = s->words[i];
	if (s->words != NULL)
		pfree(s->words);
	s->words = words;
	s->width = width;
	s->room = room;
}

/* visits_add(state, status, tableoid, ctid) */
Datum
paystate_visits_add(PG_FUNCTION_ARGS)
{
	Visits	   *v = PG_ARGISNULL(0) ? make_visits(fcinfo) : (Visits *) PG_GETARG_POINTER(0);
	ItemPointer place;
	uint64		block;
	uint32		bit;
	Seen	   *s;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_POINTER(v);
	if (!v->type.known)
		paystate_label_type(fcinfo, v->context, &v->type);
	s = find_value(v, PG_GETARG_DATUM(1), PG_GETARG_OID(2));
	place = (ItemPointer) PG_GETARG_POINTER(3);
	block = ItemPointerGetBlockNumberNoCheck(place);
	bit = ItemPointerGetOffsetNumberNoCheck(place);
	make_room(v, s, block + 1, bit / BITS + 1);
	s->words[block * s->width + bit / BITS] |= UINT64CONST(1) << bit % BITS;
	PG_RETURN_POINTER(v);
}

/* visits_combine(state, state): the second goes into the first */
Datum
paystate_visits_combine(PG_FUNCTION_ARGS)
{
	Visits	   *v = PG_ARGISNULL(0) ? make_visits(fcinfo) : (Visits *) PG_GETARG_POINTER(0);
	Visits	   *more = PG_ARGISNULL(1) ? NULL : (Visits *) PG_GETARG_POINTER(1);

	for (int i = 0; more != NULL && i < more->n; i++)
	{
		Seen	   *from = &more->seen[i],
				   *to = find_label(v, 0, from->label, from->table);

		make_room(v, to, from->room / from->width, from->width);
		for (uint64 j = 0; j < from->room; j++)
			to->words[j / from->width * to->width + j % from->width] |= from->words[j];
	}
	PG_RETURN_POINTER(v);
}

/* visits_send(state) */
Datum
paystate_visits_send(PG_FUNCTION_ARGS)
{
	Visits	   *v = (Visits *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint32(&buf, v->n);
	for (int i = 0; i < v->n; i++)
	{
		Seen	   *s = &v->seen[i];

		pq_sendstring(&buf, s->label);
		pq_sendint32(&buf, s->table);
		pq_sendint32(&buf, s->width);
		pq_sendint64(&buf, s->room / s->width);
		pq_sendbytes(&buf, (char *) s->words, s->room * sizeof(uint64));
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* visits_receive(bytea, state) */
Datum
paystate_visits_receive(PG_FUNCTION_ARGS)
{
	bytea	   *sent = PG_GETARG_BYTEA_PP(0);
	Visits	   *v = make_visits(fcinfo);
	StringInfoData buf;

	buf.data = VARDATA_ANY(sent);
	buf.len = buf.maxlen = VARSIZE_ANY_EXHDR(sent);
	buf.cursor = 0;
	for (int n = pq_getmsgint(&buf, 4); n > 0; n--)
	{
		const char *label = pq_getmsgstring(&buf);
		Seen	   *s = add_seen(v, 0, label, pq_getmsgint(&buf, 4));
		uint32		width = pq_getmsgint(&buf, 4);
		uint64		words = pq_getmsgint64(&buf) * width;

		s->width = width;
		s->words = MemoryContextAllocHuge(v->context, words * sizeof(uint64));
		s->room = words;
		pq_copymsgbytes(&buf, (char *) s->words, words * sizeof(uint64));
	}
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(v);
}

static int64
count_rows(const Seen *s)
{
	int64		n = 0;

	for (uint64 i = 0; i < s->room; i++)
		n += pg_popcount64(s->words[i]);
	return n;
}

/* visits_end(state): an array of "visit", one for each status and table */
Datum
paystate_visits_end(PG_FUNCTION_ARGS)
{
	Visits	   *v = PG_ARGISNULL(0) ? NULL : (Visits *) PG_GETARG_POINTER(0);
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	TupleDesc	desc;
	Datum	   *visits;

	if (v == NULL || v->n == 0)
		PG_RETURN_NULL();
	if (!OidIsValid(type))
		elog(ERROR, "could not determine the result's type");
	desc = lookup_rowtype_tupdesc(type, -1);
	visits = palloc(v->n * sizeof(Datum));
	for (int i = 0; i < v->n; i++)
	{
		Datum		values[] = {CStringGetTextDatum(v->seen[i].label), Int64GetDatum(count_rows(&v->seen[i]))};
		bool		nulls[] = {false, false};

		visits[i] = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	}
	ReleaseTupleDesc(desc);
	PG_RETURN_ARRAYTYPE_P(construct_array(visits, v->n, type, -1, false, TYPALIGN_DOUBLE));
}
