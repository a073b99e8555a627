/*
 * tables.c
 *		What the ready-made tables need from C: ids in the form that gateways
 *		give them, and the checks of what a merchant says of an order.
 *
 * Static state: the last moment that an id of this backend was made from,
 * kept for the life of the backend.  Nothing depends on its being lost.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "paystate.h"

#define ID_TIME_DIGITS 9		/* microseconds, enough until the year 2398 */
#define ID_RANDOM_DIGITS 5
#define ID_DIGITS (ID_TIME_DIGITS + ID_RANDOM_DIGITS)

#define RECEIPT_MAX_CHARS 40
#define NOTES_MAX_KEYS 15
#define NOTES_MAX_CHARS 256

PG_FUNCTION_INFO_V1(paystate_new_id);
PG_FUNCTION_INFO_V1(paystate_notes_ok);
PG_FUNCTION_INFO_V1(paystate_receipt_ok);
PG_FUNCTION_INFO_V1(paystate_first_payment_ok);

/* ascending in ASCII, so that collation "C" sorts ids as the numbers sort */
static const char base62[] =
"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static const char *
id_prefix(const char *kind)
{
	if (strcmp(kind, "order") == 0)
		return "order_";
	if (strcmp(kind, "payment") == 0)
		return "pay_";
	if (strcmp(kind, "refund") == 0)
		return "rfnd_";
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("kind of id \"%s\" is not known", kind),
			 errhint("Kinds are \"order\", \"payment\" and \"refund\".")));
}

/* Writes the low digits of value, leading zeros included. */
static void
put_digits(char *to, uint64 value, int digits)
{
	while (digits-- > 0)
	{
		to[digits] = base62[value % 62];
		value /= 62;
	}
}

/*
 * Microseconds since 1970.  A clock that stands still or is set back must not
 * make a later id sort first, so every call is at least one past the last.
 */
static uint64
next_moment(void)
{
	static uint64 last = 0;
	uint64		now = (uint64) GetCurrentTimestamp() +
		(uint64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	last = Max(now, last + 1);
	return last;
}

Datum
paystate_new_id(PG_FUNCTION_ARGS)
{
	const char *prefix = id_prefix(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	size_t		prefixlen = strlen(prefix);
	uint64		noise;
	text	   *id;

	/* 64 bits cut to 62 ^ 5: the digits are even to one part in 10 ^ 10 */
	if (!pg_strong_random(&noise, sizeof(noise)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));

	id = palloc(VARHDRSZ + prefixlen + ID_DIGITS);
	SET_VARSIZE(id, VARHDRSZ + prefixlen + ID_DIGITS);
	memcpy(VARDATA(id), prefix, prefixlen);
	put_digits(VARDATA(id) + prefixlen, next_moment(), ID_TIME_DIGITS);
	put_digits(VARDATA(id) + prefixlen + ID_TIME_DIGITS, noise,
			   ID_RANDOM_DIGITS);
	PG_RETURN_TEXT_P(id);
}

/*
 * A CHECK is read anew by each statement, and at length: one call of a column
 * or three is the shortest there is.
 */
Datum
paystate_receipt_ok(PG_FUNCTION_ARGS)
{
	text	   *receipt = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(pg_mbstrlen_with_len(VARDATA_ANY(receipt),
										VARSIZE_ANY_EXHDR(receipt)) <= RECEIPT_MAX_CHARS);
}

/* first_payment_ok(minimum, partial_payment, amount) */
Datum
paystate_first_payment_ok(PG_FUNCTION_ARGS)
{
	int64		minimum = PG_GETARG_INT64(0);

	PG_RETURN_BOOL(PG_GETARG_BOOL(1) && minimum > 0 && minimum <= PG_GETARG_INT64(2));
}

/* Is it a scalar, and is its text short enough? */
static bool
note_ok(const JsonbValue *note)
{
	switch (note->type)
	{
		case jbvNull:
		case jbvBool:
			return true;
		case jbvString:
			return pg_mbstrlen_with_len(note->val.string.val,
										note->val.string.len) <= NOTES_MAX_CHARS;
		case jbvNumeric:
			return strlen(DatumGetCString(DirectFunctionCall1(numeric_out,
															  NumericGetDatum(note->val.numeric)))) <= NOTES_MAX_CHARS;
		default:
			return false;
	}
}

/*
 * May this stand in orders.notes?  An object, or the empty array that the
 * gateways print for an object without keys.
 */
Datum
paystate_notes_ok(PG_FUNCTION_ARGS)
{
	Jsonb	   *notes = PG_GETARG_JSONB_P(0);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	note;

	if (!JB_ROOT_IS_OBJECT(notes))
		PG_RETURN_BOOL(JB_ROOT_IS_ARRAY(notes) && JB_ROOT_COUNT(notes) == 0);
	if (JB_ROOT_COUNT(notes) > NOTES_MAX_KEYS)
		PG_RETURN_BOOL(false);

	/* the first token opens the object; its members are not descended into */
	it = JsonbIteratorInit(&notes->root);
	(void) JsonbIteratorNext(&it, &note, false);
	while ((token = JsonbIteratorNext(&it, &note, true)) != WJB_END_OBJECT)
	{
		if (token == WJB_VALUE && !note_ok(&note))
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}
