/*
 * fuzz_backend.c
 *		As much of a server as the rooms under test call: memory that is
 *		forgotten after each input, errors that jump, an enum of few labels.
 *		Allocations are the system's own where the address sanitizer looks at
 *		them, else pieces of one arena, which is faster.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/hmac.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "compile.h"
#include "fuzz.h"

jmp_buf		fuzz_refusal;

static bool keeping;

void
fuzz_keep(bool keep)
{
	keeping = keep;
}

#if __has_feature(address_sanitizer)
static void *allocated[65536];
static int	nallocated;

void
fuzz_forget(void)
{
	while (nallocated > 0)
		free(allocated[--nallocated]);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	void	   *result = calloc(1, Max(size, 1));

	if (result == NULL || (!keeping && nallocated == (int) lengthof(allocated)))
		abort();
	if (!keeping)
		allocated[nallocated++] = result;
	return result;
}
#else
static char arena[1 << 20] pg_attribute_aligned(16);
static Size used;

void
fuzz_forget(void)
{
	used = 0;
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	void	   *result;

	if (keeping)
		return calloc(1, Max(size, 1));
	if (size > sizeof(arena) - used)
		abort();
	result = arena + used;
	used += TYPEALIGN(16, size);
	return memset(result, 0, size);
}
#endif

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return MemoryContextAllocZero(context, size);
}

void *
palloc(Size size)
{
	return MemoryContextAllocZero(NULL, size);
}

/* ---- errors */

void
paystate_bad_lifecycle(const PsDraft *d, const char *fmt,...)
{
	char		detail[1024];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	longjmp(fuzz_refusal, 1);
}

bool
errstart(int elevel, const char *domain)
{
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return true;
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	longjmp(fuzz_refusal, 1);
}

int
errcode(int sqlerrcode)
{
	return 0;
}

int
errmsg(const char *fmt,...)
{
	return 0;
}

int
errmsg_internal(const char *fmt,...)
{
	return 0;
}

int
errhint(const char *fmt,...)
{
	return 0;
}

/* ---- life cycles: as in compile.c, which reads tables */

int
paystate_status_index(const PsDraft *d, const PsStatus *statuses,
					  const char *label, int len)
{
	const int	n = statuses == d->order ? d->lc->norder : d->lc->npayment;

	for (int i = 0; i < n; i++)
	{
		if (strncmp(statuses[i].label, label, len) == 0 &&
			statuses[i].label[len] == '\0')
			return i;
	}
	paystate_bad_lifecycle(d, "no status");
}

/* ---- values */

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

char *
text_to_cstring(const text *t)
{
	int			length = VARSIZE_ANY_EXHDR(t);
	char	   *result = palloc(length + 1);

	memcpy(result, VARDATA_ANY(t), length);
	result[length] = '\0';
	return result;
}

unsigned char
pg_ascii_tolower(unsigned char ch)
{
	return ch >= 'A' && ch <= 'Z' ? ch + 'a' - 'A' : ch;
}

int
pg_strcasecmp(const char *s1, const char *s2)
{
	return strcasecmp(s1, s2);
}

/* ---- an enum */

Oid
get_func_rettype(Oid funcid)
{
	return 1;
}

bool
SearchSysCacheExists(int cacheId, Datum key1, Datum key2, Datum key3, Datum key4)
{
	const char *label = DatumGetCString(key2);

	return strcmp(label, "captured") == 0 || strcmp(label, "created") == 0 ||
		strcmp(label, "cancelled") == 0;
}

/* reads all that it is given */
Datum
enum_in(PG_FUNCTION_ARGS)
{
	return UInt32GetDatum(strlen(PG_GETARG_CSTRING(0)));
}

Datum
DirectFunctionCall3Coll(PGFunction func, Oid collation, Datum arg1, Datum arg2, Datum arg3)
{
	LOCAL_FCINFO(fcinfo, 3);

	InitFunctionCallInfoData(*fcinfo, NULL, 3, collation, NULL, NULL);
	fcinfo->args[0].value = arg1;
	fcinfo->args[0].isnull = false;
	return func(fcinfo);
}

/* ---- cryptography that only looks at every byte */

struct pg_hmac_ctx
{
	uint8		sum;
};

pg_hmac_ctx *
pg_hmac_create(pg_cryptohash_type type)
{
	return palloc(sizeof(pg_hmac_ctx));
}

int
pg_hmac_init(pg_hmac_ctx *ctx, const uint8 *key, size_t len)
{
	ctx->sum = 0;
	return pg_hmac_update(ctx, key, len);
}

int
pg_hmac_update(pg_hmac_ctx *ctx, const uint8 *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ctx->sum ^= data[i];
	return 0;
}

int
pg_hmac_final(pg_hmac_ctx *ctx, uint8 *dest, size_t len)
{
	memset(dest, ctx->sum, len);
	return 0;
}

const char *
pg_hmac_error(pg_hmac_ctx *ctx)
{
	return "";
}

void
pg_hmac_free(pg_hmac_ctx *ctx)
{
}
