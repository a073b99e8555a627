-- definition: the parts of a life cycle's definition in JSON, one by one: which
-- keys there are, what their values may be, and how a list of it is laid over
-- that of another life cycle.

-- The one refusal of a definition, worded like those of the rules.
CREATE FUNCTION paystate.define_refuse(
	name pg_catalog.text,
	detail pg_catalog.text,
	hint pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $define_refuse$
BEGIN
	IF hint IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('life cycle "%s" is not valid', name), DETAIL = detail;
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
		MESSAGE = format('life cycle "%s" is not valid', name), DETAIL = detail, HINT = hint;
END
$define_refuse$;
COMMENT ON FUNCTION paystate.define_refuse(pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'helper of define_lifecycle: raises 22023';

-- Every key that a definition, a status and a transition may have; kinds are
-- those of jsonb_typeof, and "integer", "interval" and "strings" narrow them.
CREATE FUNCTION paystate.define_keys(part pg_catalog.text)
	RETURNS TABLE (key pg_catalog.text, kind pg_catalog.text, nullable pg_catalog.bool,
		words pg_catalog.text[], lowest pg_catalog.int8, highest pg_catalog.int8)
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 20
	SET search_path = pg_catalog, pg_temp
AS $define_keys$
	SELECT v.key, v.kind, v.nullable, v.words, v.lowest, v.highest
	  FROM (VALUES
		('definition', 'based_on', 'string', false, NULL::text[], NULL::int8, NULL::int8),
		('definition', 'order_initial', 'string', false, NULL, NULL, NULL),
		('definition', 'payment_initial', 'string', false, NULL, NULL, NULL),
		('definition', 'attempt_on', 'string', false, '{result,create}', NULL, NULL),
		('definition', 'auto_capture', 'boolean', false, NULL, NULL, NULL),
		('definition', 'partial_payment', 'string', false, '{order,legs,no}', NULL, NULL),
		('definition', 'partial_capture', 'boolean', false, NULL, NULL, NULL),
		('definition', 'parallel_payments', 'string', false, '{one_authorized,legs}', NULL, NULL),
		('definition', 'max_attempts', 'integer', true, NULL, 1, 2147483647),
		('definition', 'refund_moves', 'string', false, '{payment,order}', NULL, NULL),
		('definition', 'order_cancel', 'boolean', false, NULL, NULL, NULL),
		('definition', 'payment_min', 'integer', true, NULL, 0, 9223372036854775807),
		('definition', 'payment_max', 'integer', true, NULL, 1, 9223372036854775807),
		('definition', 'currencies', 'strings', true, NULL, NULL, NULL),
		('definition', 'amount_fixed', 'string', false, '{creation,first_payment}', NULL, NULL),
		('definition', 'late_window', 'interval', true, NULL, NULL, NULL),
		('definition', 'order_expires', 'interval', true, NULL, NULL, NULL),
		('definition', 'authorization_expires', 'interval', true, NULL, NULL, NULL),
		('definition', 'statuses', 'array', false, NULL, NULL, NULL),
		('definition', 'transitions', 'array', false, NULL, NULL, NULL),
		('statuses', 'kind', 'string', false, '{order,payment}', NULL, NULL),
		('statuses', 'label', 'string', false, NULL, NULL, NULL),
		('statuses', 'gateway_spelling', 'string', true, NULL, NULL, NULL),
		('statuses', 'initial', 'boolean', false, NULL, NULL, NULL),
		('statuses', 'terminal', 'boolean', false, NULL, NULL, NULL),
		('statuses', 'role', 'string', true, '{open,held,settled,returned,dead}', NULL, NULL),
		('transitions', 'payment_event', 'string', false, NULL, NULL, NULL),
		('transitions', 'order_before', 'string', false, NULL, NULL, NULL),
		('transitions', 'guard', 'string', false, NULL, NULL, NULL),
		('transitions', 'order_after', 'string', true, NULL, NULL, NULL),
		('transitions', 'money_effect', 'string', false, NULL, NULL, NULL),
		('transitions', 'evidence', 'string', true, NULL, NULL, NULL)
	  ) AS v (part, key, kind, nullable, words, lowest, highest)
	 WHERE v.part = define_keys.part;
$define_keys$;
COMMENT ON FUNCTION paystate.define_keys(pg_catalog.text) IS
	'helper of define_lifecycle: the keys of a definition, of one of its statuses or transitions, and what their values may be';

-- What is wrong with one value, or NULL.
CREATE FUNCTION paystate.define_fault(
	given pg_catalog.jsonb,
	kind pg_catalog.text,
	nullable pg_catalog.bool,
	words pg_catalog.text[],
	lowest pg_catalog.int8,
	highest pg_catalog.int8)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $define_fault$
DECLARE
	shape	text := jsonb_typeof(given);
	said	text := given #>> '{}';
	span	interval;
BEGIN
	IF shape = 'null' THEN
		RETURN CASE WHEN NOT nullable THEN 'must not be null' END;
	ELSIF kind = 'integer' THEN
		IF shape <> 'number' OR said::numeric <> trunc(said::numeric) THEN
			RETURN 'must be a whole number';
		ELSIF said::numeric NOT BETWEEN lowest AND highest THEN
			RETURN format('must be between %s and %s', lowest, highest);
		END IF;
	ELSIF kind = 'strings' THEN
		IF shape <> 'array' OR given = '[]' OR EXISTS (
				SELECT FROM jsonb_array_elements(given) AS e (item)
				WHERE jsonb_typeof(e.item) <> 'string') THEN
			RETURN 'must be an array of strings, or null';
		ELSIF jsonb_array_length(given) > (
				SELECT count(DISTINCT e.item) FROM jsonb_array_elements(given) AS e (item)) THEN
			RETURN 'names something twice';
		END IF;
	ELSIF kind = 'interval' THEN
		IF shape <> 'string' THEN
			RETURN 'must be an interval, written as a string, or null';
		END IF;
		BEGIN
			span := said::interval;
		EXCEPTION WHEN data_exception THEN
			RETURN 'must be an interval, written as a string, or null';
		END;
		IF span <= make_interval() THEN
			RETURN 'must be longer than nothing';
		ELSIF span > make_interval(years => 1000) THEN	-- so long ago was no timestamp
			RETURN 'must be at most 1000 years';
		END IF;
	ELSIF shape <> kind THEN
		RETURN format('must be %s', CASE kind WHEN 'array' THEN 'an array of objects' ELSE 'a ' || kind END);
	ELSIF said <> ALL (words) THEN
		RETURN format('must be one of: %s', array_to_string(words, ', '));
	END IF;
	RETURN NULL;
END
$define_fault$;
COMMENT ON FUNCTION paystate.define_fault(pg_catalog.jsonb, pg_catalog.text, pg_catalog.bool, pg_catalog.text[], pg_catalog.int8, pg_catalog.int8) IS
	'helper of define_lifecycle: what is wrong with a value, NULL when nothing is';

-- One object of a definition: its keys are known, its values are of their kind.
CREATE FUNCTION paystate.define_check(
	name pg_catalog.text,
	part pg_catalog.text,
	place pg_catalog.text,
	given pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $define_check$
DECLARE
	wrong	text;
BEGIN
	IF jsonb_typeof(given) <> 'object' THEN
		PERFORM paystate.define_refuse(name, format('%s is not an object.', place));
	END IF;
	SELECT k INTO wrong
	  FROM jsonb_object_keys(given) AS k
	 WHERE NOT EXISTS (SELECT FROM paystate.define_keys(part) AS d WHERE d.key = k)
	 ORDER BY k COLLATE "C" LIMIT 1;
	IF FOUND THEN
		PERFORM paystate.define_refuse(name, format('%s has the unknown key "%s".', place, wrong),
			format('Keys are: %s.', (SELECT string_agg(d.key, ', ') FROM paystate.define_keys(part) AS d)));
	END IF;
	SELECT format('%s: "%s" %s.', place, d.key, f.fault) INTO wrong
	  FROM paystate.define_keys(part) AS d,
		   paystate.define_fault(given -> d.key, d.kind, d.nullable, d.words, d.lowest, d.highest) AS f (fault)
	 WHERE given ? d.key AND f.fault IS NOT NULL
	 LIMIT 1;
	IF FOUND THEN
		PERFORM paystate.define_refuse(name, wrong);
	END IF;
END
$define_check$;
COMMENT ON FUNCTION paystate.define_check(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.jsonb) IS
	'helper of define_lifecycle: refuses an object with unknown keys or values of the wrong kind';

-- A list of a definition laid over that of its base: an item with the key
-- columns of one of the base changes it, one whose "gone" column is null takes
-- it out, any other is added.
CREATE FUNCTION paystate.define_merge(
	name pg_catalog.text,
	part pg_catalog.text,
	base pg_catalog.jsonb,
	given pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $define_merge$
DECLARE
	keys	text[] := CASE part WHEN 'statuses' THEN '{kind,label}'
						ELSE '{payment_event,order_before,guard}' END;
	gone	text := CASE part WHEN 'statuses' THEN 'role' ELSE 'order_after' END;
	spare	jsonb := CASE part WHEN 'statuses' THEN '{"initial": false, "terminal": false}'
						ELSE '{"guard": "-", "money_effect": "-"}' END;
	found	jsonb := '{}';	-- by the text of its key columns
	item	jsonb;
	place	text;
	seen	text[] := '{}';
	spot	text;
BEGIN
	SELECT coalesce(jsonb_object_agg(jsonb_build_array(b -> keys[1], b -> keys[2], b -> keys[3])::text, b), '{}')
	  INTO found FROM jsonb_array_elements(base) AS b;
	FOR item, place IN
		SELECT e.item, format('Item %s of "%s"', e.n, part)
		  FROM jsonb_array_elements(given) WITH ORDINALITY AS e (item, n)
	LOOP
		PERFORM paystate.define_check(name, part, place, item);
		IF part = 'transitions' THEN
			item := '{"guard": "-"}' || item;
		END IF;
		IF NOT item ?& keys[1:CASE part WHEN 'statuses' THEN 2 ELSE 3 END] THEN
			PERFORM paystate.define_refuse(name, format('%s lacks "%s".', place,
				(SELECT k FROM unnest(keys) AS k WHERE NOT item ? k LIMIT 1)));
		END IF;
		spot := jsonb_build_array(item -> keys[1], item -> keys[2], item -> keys[3])::text;
		IF spot = ANY (seen) THEN
			PERFORM paystate.define_refuse(name, format('%s is there twice: %s.', place, spot));
		END IF;
		seen := seen || spot;
		IF item -> gone = 'null' THEN
			IF NOT found ? spot THEN
				PERFORM paystate.define_refuse(name,
					format('%s takes out what is not there: %s.', place, spot),
					format('An item whose "%s" is null takes out one of the life cycle that the definition is based on.', gone));
			END IF;
			found := found - spot;
		ELSIF NOT found ? spot AND NOT item ? gone THEN
			PERFORM paystate.define_refuse(name, format('%s lacks "%s".', place, gone));
		ELSE
			found := jsonb_set(found, ARRAY[spot], coalesce(found -> spot, spare) || item);
		END IF;
	END LOOP;
	RETURN (SELECT coalesce(jsonb_agg(f.value ORDER BY f.key COLLATE "C"), '[]') FROM jsonb_each(found) AS f);
END
$define_merge$;
COMMENT ON FUNCTION paystate.define_merge(pg_catalog.text, pg_catalog.text, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'helper of define_lifecycle: the statuses or transitions of a definition laid over those of its base';
