-- signature: did the gateway send this?  Each by its own published scheme.

CREATE FUNCTION paystate.signature_hmac(hash pg_catalog.text, message pg_catalog.bytea,
										key pg_catalog.bytea)
	RETURNS pg_catalog.bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_hmac';
COMMENT ON FUNCTION paystate.signature_hmac(pg_catalog.text, pg_catalog.bytea, pg_catalog.bytea) IS
	'HMAC of a message by sha256 or sha512; 22023 for another hash';

CREATE FUNCTION paystate.signature_equal(a pg_catalog.bytea, b pg_catalog.bytea)
	RETURNS pg_catalog.bool
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_same_bytes';
COMMENT ON FUNCTION paystate.signature_equal(pg_catalog.bytea, pg_catalog.bytea) IS
	'whether two values are equal; how long that takes does not tell where they differ';

-- What cannot be decoded is no signature at all: NULL.
CREATE FUNCTION paystate.signature_decode(given pg_catalog.text, format pg_catalog.text)
	RETURNS pg_catalog.bytea
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $signature_decode$
BEGIN
	RETURN decode(given, format);
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END
$signature_decode$;
COMMENT ON FUNCTION paystate.signature_decode(pg_catalog.text, pg_catalog.text) IS
	'decode() that gives NULL for what is not well-formed';

-- PayKun signs no bytes but values: those of the transaction in their order,
-- those of an object in it likewise, each followed by "|", and "#" at the end.
-- So the body is read as json, which keeps order and spelling.
CREATE FUNCTION paystate.signature_paykun_message(payload pg_catalog.bytea)
	RETURNS pg_catalog.bytea
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $signature_paykun_message$
DECLARE
	body	json;
BEGIN
	body := convert_from(payload, 'UTF8')::json;
	body := coalesce(body -> 'transaction', body #> '{data,transaction}', body);
	RETURN convert_to((
		SELECT coalesce(string_agg(CASE WHEN json_typeof(f.value) = 'object' THEN (
					SELECT coalesce(string_agg(concat(i.value #>> '{}', '|'), '' ORDER BY i.ordinality), '')
					FROM json_each(f.value) WITH ORDINALITY i)
				ELSE concat(f.value #>> '{}', '|') END, '' ORDER BY f.ordinality), '') || '#'
		FROM json_each(body) WITH ORDINALITY f
		WHERE f.key <> 'signature'), 'UTF8');
EXCEPTION WHEN data_exception OR untranslatable_character THEN
	RETURN NULL;
END
$signature_paykun_message$;
COMMENT ON FUNCTION paystate.signature_paykun_message(pg_catalog.bytea) IS
	'what PayKun signs of a reply or callback; NULL when it is not one';

-- A secret of Plural's is base64, which some of its pages have decoded and
-- its dashboard shows with or without a prefix; several signatures may stand
-- in the header while the secret is being changed.
CREATE FUNCTION paystate.verify_signature(
	gateway pg_catalog.text,
	payload pg_catalog.bytea,
	signature pg_catalog.text,
	secret pg_catalog.text,
	webhook_id pg_catalog.text DEFAULT NULL,
	webhook_timestamp pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.bool
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $verify_signature$
DECLARE
	signed	bytea;
	key		bytea;
BEGIN
	IF gateway IS NULL OR payload IS NULL OR signature IS NULL OR secret IS NULL THEN
		RETURN false;
	END IF;
	IF secret = '' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'secret must not be empty';
	END IF;
	CASE lower(gateway)
		WHEN 'razorpay' THEN
			RETURN coalesce(paystate.signature_equal(
				paystate.signature_hmac('sha256', payload, convert_to(secret, 'UTF8')),
				paystate.signature_decode(btrim(signature), 'hex')), false);
		WHEN 'paykun' THEN
			RETURN coalesce(paystate.signature_equal(
				paystate.signature_hmac('sha512', paystate.signature_paykun_message(payload),
										convert_to(secret, 'UTF8')),
				paystate.signature_decode(btrim(signature), 'hex')), false);
		WHEN 'plural' THEN
			IF webhook_id IS NULL OR webhook_timestamp IS NULL THEN
				RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
					MESSAGE = 'signature of gateway "plural" needs the id and the timestamp of the webhook',
					HINT = 'Pass the headers webhook-id and webhook-timestamp.';
			END IF;
			key := paystate.signature_decode(regexp_replace(secret, '^whsec_', ''), 'base64');
			IF key IS NULL OR length(key) = 0 THEN
				RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
					MESSAGE = 'secret of gateway "plural" must be base64';
			END IF;
			signed := paystate.signature_hmac('sha256',
				convert_to(format('%s.%s.', webhook_id, webhook_timestamp), 'UTF8') || payload, key);
			RETURN coalesce((
				SELECT bool_or(paystate.signature_equal(signed,
					paystate.signature_decode(regexp_replace(s, '^v1,', ''), 'base64')))
				FROM regexp_split_to_table(btrim(signature), '\s+') s), false);
		ELSE
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('gateway "%s" is not known', gateway),
				HINT = 'Gateways are razorpay, paykun and plural.';
	END CASE;
END
$verify_signature$;
COMMENT ON FUNCTION paystate.verify_signature(pg_catalog.text, pg_catalog.bytea, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'whether the signature of a webhook''s body, as it came, was made with the secret; what is no signature is not one; the last two are Plural''s headers webhook-id and webhook-timestamp';
