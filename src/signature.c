/*
 * signature.c
 *		What signatures of webhooks are made of: HMAC by the server's own
 *		cryptography, and a comparison whose time says nothing.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "utils/builtins.h"

static pg_cryptohash_type
hash_named(const char *name, int *length)
{
	if (pg_strcasecmp(name, "sha256") == 0)
	{
		*length = PG_SHA256_DIGEST_LENGTH;
		return PG_SHA256;
	}
	if (pg_strcasecmp(name, "sha512") == 0)
	{
		*length = PG_SHA512_DIGEST_LENGTH;
		return PG_SHA512;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("hash \"%s\" is not supported", name),
			 errhint("Hashes are sha256 and sha512.")));
}

PG_FUNCTION_INFO_V1(paystate_hmac);

/* signature_hmac(hash, message, key) */
Datum
paystate_hmac(PG_FUNCTION_ARGS)
{
	bytea	   *message = PG_GETARG_BYTEA_PP(1);
	bytea	   *key = PG_GETARG_BYTEA_PP(2);
	int			length;
	pg_cryptohash_type hash = hash_named(text_to_cstring(PG_GETARG_TEXT_PP(0)), &length);
	pg_hmac_ctx *ctx = pg_hmac_create(hash);
	bytea	   *result = palloc(VARHDRSZ + length);
	const uint8 *bytes = (const uint8 *) VARDATA_ANY(message);
	const uint8 *secret = (const uint8 *) VARDATA_ANY(key);
	Size		n = VARSIZE_ANY_EXHDR(message);
	Size		nsecret = VARSIZE_ANY_EXHDR(key);

	if (ctx == NULL ||
		pg_hmac_init(ctx, secret, nsecret) < 0 ||
		pg_hmac_update(ctx, bytes, n) < 0 ||
		pg_hmac_final(ctx, (uint8 *) VARDATA(result), length) < 0)
		elog(ERROR, "could not compute an HMAC: %s", pg_hmac_error(ctx));
	pg_hmac_free(ctx);
	SET_VARSIZE(result, VARHDRSZ + length);
	PG_RETURN_BYTEA_P(result);
}

PG_FUNCTION_INFO_V1(paystate_same_bytes);

/* signature_equal(a, b): every byte is looked at, wherever they differ */
Datum
paystate_same_bytes(PG_FUNCTION_ARGS)
{
	bytea	   *a = PG_GETARG_BYTEA_PP(0);
	bytea	   *b = PG_GETARG_BYTEA_PP(1);
	const unsigned char *pa = (const unsigned char *) VARDATA_ANY(a);
	const unsigned char *pb = (const unsigned char *) VARDATA_ANY(b);
	Size		n = VARSIZE_ANY_EXHDR(a);
	Size		m = VARSIZE_ANY_EXHDR(b);
	volatile unsigned char differ = 0;

	if (n != m)
		PG_RETURN_BOOL(false);
	for (Size i = 0; i < n; i++)
		differ |= pa[i] ^ pb[i];
	PG_RETURN_BOOL(differ == 0);
}
