-- events_words: what the words of a payload mean.  What makes no sense raises
-- a data exception, which the event's refusal then says.

-- ids: text, or a number, of at most 255 characters
CREATE FUNCTION paystate.event_text(given pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_text$
DECLARE
	word	text := given #>> '{}';
BEGIN
	IF jsonb_typeof(given) NOT IN ('string', 'number') THEN
		IF jsonb_typeof(given) = 'null' THEN
			RETURN NULL;
		END IF;
		RAISE EXCEPTION USING ERRCODE = 'invalid_text_representation',
			MESSAGE = format('an id is of type %s', jsonb_typeof(given));
	END IF;
	IF char_length(word) > 255 THEN
		RAISE EXCEPTION USING ERRCODE = 'string_data_right_truncation',
			MESSAGE = 'an id has more than 255 characters';
	END IF;
	RETURN nullif(word, '');
END
$event_text$;
COMMENT ON FUNCTION paystate.event_text(pg_catalog.jsonb) IS
	'an id or word of a payload; NULL where there is none';

-- exact: 11, "11" and 11.00 rupees are 1100 paise, and 11.001 is refused
CREATE FUNCTION paystate.event_money(given pg_catalog.jsonb, decimals pg_catalog.int4 DEFAULT 0)
	RETURNS pg_catalog.int8
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_money$
DECLARE
	word	text := btrim(given #>> '{}');
	amount	numeric;
BEGIN
	IF jsonb_typeof(given) = 'null' THEN
		RETURN NULL;
	END IF;
	IF jsonb_typeof(given) IN ('number', 'string') AND char_length(word) <= 40
			AND word ~ '^[0-9]+([.][0-9]+)?$' THEN
		amount := word::numeric * 10 ^ decimals;
	END IF;
	IF amount IS NULL OR amount <> trunc(amount) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_text_representation',
			MESSAGE = format('amount %s is not a whole number of subunits', left(given::text, 60));
	END IF;
	RETURN amount::int8;
END
$event_money$;
COMMENT ON FUNCTION paystate.event_money(pg_catalog.jsonb, pg_catalog.int4) IS
	'an amount of a payload in subunits; decimals: how many the payload''s unit has';

-- seconds since 1970, or ISO; whatever is neither is no time
CREATE FUNCTION paystate.event_time(given pg_catalog.jsonb)
	RETURNS pg_catalog.timestamptz
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO'
AS $event_time$
DECLARE
	word	text := given #>> '{}';
BEGIN
	IF word ~ '^[0-9]{1,11}([.][0-9]+)?$' THEN
		RETURN to_timestamp(word::float8);
	ELSIF word ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+ *(Z|[+-][0-9:]+)?$' THEN
		RETURN word::timestamptz;
	END IF;
	RETURN NULL;
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END
$event_time$;
COMMENT ON FUNCTION paystate.event_time(pg_catalog.jsonb) IS
	'a time of a payload; NULL where there is none';

CREATE FUNCTION paystate.event_status(word pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_status$
BEGIN
	RETURN paystate.to_payment_status(word);
EXCEPTION WHEN invalid_text_representation THEN
	RETURN NULL;
END
$event_status$;
COMMENT ON FUNCTION paystate.event_status(pg_catalog.text) IS
	'the status of a payment in a gateway''s spelling; NULL for a word that is none';

-- Plural writes order_id in some payloads and orderId in others.
CREATE FUNCTION paystate.event_field(given pg_catalog.jsonb, name pg_catalog.text)
	RETURNS pg_catalog.jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $event_field$
	SELECT COALESCE(given OPERATOR(pg_catalog.->) name, given OPERATOR(pg_catalog.->)
		(pg_catalog.lower(pg_catalog.left(name, 1)) OPERATOR(pg_catalog.||) pg_catalog.substr(
			pg_catalog.replace(pg_catalog.initcap(pg_catalog.replace(name, '_', ' ')), ' ', ''), 2)));
$event_field$;
COMMENT ON FUNCTION paystate.event_field(pg_catalog.jsonb, pg_catalog.text) IS
	'a field of an object by its name_in_snake_case, or its nameInCamelCase';

-- an array's elements that are objects; none of what is no array
CREATE FUNCTION paystate.event_items(given pg_catalog.jsonb)
	RETURNS SETOF pg_catalog.jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 3
	SET search_path = pg_catalog, pg_temp
AS $event_items$
	SELECT i.value
	FROM jsonb_array_elements(CASE WHEN jsonb_typeof(given) = 'array' THEN given ELSE '[]' END)
		WITH ORDINALITY i
	WHERE jsonb_typeof(i.value) = 'object'
	ORDER BY i.ordinality;
$event_items$;
COMMENT ON FUNCTION paystate.event_items(pg_catalog.jsonb) IS
	'the objects of an array';
