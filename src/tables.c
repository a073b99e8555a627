/*
 * tables.c
 *		What the ready-made tables need from C: ids in the form that gateways
 *		give them.
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

PG_FUNCTION_INFO_V1(paystate_new_id);

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
		elog(ERROR, "could not generate random values");

	id = palloc(VARHDRSZ + prefixlen + ID_DIGITS);
	SET_VARSIZE(id, VARHDRSZ + prefixlen + ID_DIGITS);
	memcpy(VARDATA(id), prefix, prefixlen);
	put_digits(VARDATA(id) + prefixlen, next_moment(), ID_TIME_DIGITS);
	put_digits(VARDATA(id) + prefixlen + ID_TIME_DIGITS, noise,
			   ID_RANDOM_DIGITS);
	PG_RETURN_TEXT_P(id);
}
