-- define: a life cycle from a definition in JSON, checked as a whole before
-- anyone can use it.

-- From results to creation: the effect "attempt" moves from the rules that
-- leave the initial status of payments to those that insert them, and with it
-- the order's way into "attempted".
CREATE FUNCTION paystate.define_attempt_on_create(
	name pg_catalog.text,
	base pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $define_attempt_on_create$
DECLARE
	first_status	text := base ->> 'payment_initial';
	tried			text;
	candidates		text[];
BEGIN
	-- where an order comes to stand by the first result of its first payment
	SELECT array_agg(DISTINCT t ->> 'order_after' ORDER BY t ->> 'order_after') INTO candidates
	  FROM jsonb_array_elements(base -> 'transitions') AS t
	  JOIN jsonb_array_elements(base -> 'statuses') AS s
		ON s ->> 'kind' = 'order' AND s ->> 'label' = t ->> 'order_after' AND s ->> 'role' = 'open'
	 WHERE starts_with(t ->> 'payment_event', first_status || '>')
		AND t ->> 'order_before' = base ->> 'order_initial'
		AND 'attempt' = ANY (string_to_array(t ->> 'money_effect', ';'));
	tried := CASE WHEN 'attempted' = ANY (candidates) THEN 'attempted'
				  WHEN cardinality(candidates) = 1 THEN candidates[1] END;
	IF tried IS NULL THEN
		PERFORM paystate.define_refuse(name,
			'"attempt_on" is "create", but it is not plain to which status the first attempt would lead an order.',
			'Write the rules out instead of basing the definition on another.');
	END IF;
	RETURN base || jsonb_build_object('transitions', (
		SELECT jsonb_agg(CASE
			WHEN starts_with(t ->> 'payment_event', first_status || '>') THEN
				t || jsonb_build_object('money_effect', coalesce(nullif(array_to_string(
					array_remove(string_to_array(t ->> 'money_effect', ';'), 'attempt'), ';'), ''), '-'))
			WHEN t ->> 'payment_event' = 'new>' || first_status THEN
				t || jsonb_build_object(
					'money_effect', CASE WHEN t ->> 'money_effect' = '-' THEN 'attempt'
										 ELSE 'attempt;' || (t ->> 'money_effect') END,
					'order_after', CASE WHEN t ->> 'order_after' = base ->> 'order_initial' THEN tried
										ELSE t ->> 'order_after' END)
			ELSE t END)
		  FROM jsonb_array_elements(base -> 'transitions') AS t));
END
$define_attempt_on_create$;
COMMENT ON FUNCTION paystate.define_attempt_on_create(pg_catalog.text, pg_catalog.jsonb) IS
	'helper of define_lifecycle: a life cycle that counts attempts by results, made to count them when payments are inserted';

-- A definition with all that its base gives, and all its keys.
CREATE FUNCTION paystate.define_complete(
	name pg_catalog.text,
	definition pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $define_complete$
DECLARE
	based_on	text;
	base		jsonb := '{"payment_min": null, "payment_max": null, "max_attempts": null,
		"currencies": null, "late_window": null, "order_expires": null,
		"authorization_expires": null, "statuses": [], "transitions": []}';
	lacking		text;
BEGIN
	PERFORM paystate.define_check(name, 'definition', 'The definition', definition);
	based_on := definition ->> 'based_on';
	IF based_on IS NOT NULL THEN
		IF NOT EXISTS (SELECT FROM paystate.lifecycle AS l WHERE l.name = based_on COLLATE "C") THEN
			PERFORM paystate.define_refuse(name, format('It is based on life cycle "%s", which does not exist.', based_on),
				'The table paystate.lifecycle lists those that exist.');
		END IF;
		base := paystate.lifecycle_json(based_on);
		IF base ->> 'attempt_on' = 'create' AND definition ->> 'attempt_on' = 'result' THEN
			PERFORM paystate.define_refuse(name,
				format('"attempt_on" is "result", but life cycle "%s" counts attempts when payments are created.', based_on),
				'When results come is not to be read off its rules: write them out instead.');
		ELSIF base ->> 'attempt_on' = 'result' AND definition ->> 'attempt_on' = 'create' THEN
			base := paystate.define_attempt_on_create(name, base);
		END IF;
	END IF;
	definition := base || (definition - 'based_on') || jsonb_build_object(
		'statuses', paystate.define_merge(name, 'statuses', base -> 'statuses',
										  coalesce(definition -> 'statuses', '[]')),
		'transitions', paystate.define_merge(name, 'transitions', base -> 'transitions',
											 coalesce(definition -> 'transitions', '[]')));
	SELECT d.key INTO lacking FROM paystate.define_keys('definition') AS d
	 WHERE NOT definition ? d.key AND d.key <> 'based_on' LIMIT 1;
	IF FOUND THEN
		PERFORM paystate.define_refuse(name, format('The definition lacks "%s".', lacking),
			'Give all parameters, or a life cycle to base it on.');
	END IF;
	RETURN definition;
END
$define_complete$;
COMMENT ON FUNCTION paystate.define_complete(pg_catalog.text, pg_catalog.jsonb) IS
	'helper of define_lifecycle: the definition with everything that the life cycle it is based on brings';

-- What a single value cannot tell, and the rule tables would refuse less
-- plainly.
CREATE FUNCTION paystate.define_check_whole(
	name pg_catalog.text,
	whole pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $define_check_whole$
DECLARE
	wrong	text;
	item	record;
BEGIN
	IF (whole ->> 'payment_max')::int8 < (whole ->> 'payment_min')::int8 THEN
		PERFORM paystate.define_refuse(name, '"payment_max" is less than "payment_min".');
	END IF;
	-- they travel in the arguments of guards and in events, between marks
	SELECT s ->> 'label' INTO wrong
	  FROM jsonb_array_elements(whole -> 'statuses') AS s
	 WHERE octet_length(s ->> 'label') NOT BETWEEN 1 AND 63
		OR s ->> 'label' ~ '[>:;=[:cntrl:]]' OR s ->> 'label' <> btrim(s ->> 'label')
		OR s ->> 'label' IN ('new', 'order')
	 LIMIT 1;
	IF FOUND THEN
		PERFORM paystate.define_refuse(name, format('"%s" cannot be the label of a status.', wrong),
			'A label has 1 to 63 bytes, none of the marks > : ; =, no control characters, no blanks around it, and is not "new" or "order".');
	END IF;
	FOR item IN
		SELECT k.kind, whole ->> (k.kind || '_initial') AS first_status,
			   (SELECT array_agg(s ->> 'label') FROM jsonb_array_elements(whole -> 'statuses') AS s
				WHERE s ->> 'kind' = k.kind AND (s ->> 'initial')::boolean) AS marked,
			   (SELECT s ->> 'role' FROM jsonb_array_elements(whole -> 'statuses') AS s
				WHERE s ->> 'kind' = k.kind AND s ->> 'label' = whole ->> (k.kind || '_initial')) AS role
		  FROM unnest('{order,payment}'::text[]) AS k (kind)
	LOOP
		IF item.marked IS DISTINCT FROM ARRAY[item.first_status] THEN
			PERFORM paystate.define_refuse(name,
				format('"%s_initial" is "%s", and so must be the only %s status that is marked "initial"; marked are: %s.',
					   item.kind, item.first_status, item.kind,
					   coalesce(array_to_string(item.marked, ', '), 'none')));
		ELSIF item.role <> 'open' THEN
			PERFORM paystate.define_refuse(name,
				format('The initial %s status "%s" has the role "%s", and must have "open".',
					   item.kind, item.first_status, item.role));
		END IF;
	END LOOP;
	IF whole -> 'transitions' = '[]' THEN
		PERFORM paystate.define_refuse(name, 'There are no transitions.');
	END IF;
	-- the compiler knows what events mean, the table only their form
	SELECT t ->> 'payment_event' INTO wrong
	  FROM jsonb_array_elements(whole -> 'transitions') AS t
	 WHERE t ->> 'payment_event' !~ '^[^>:]+[>:][^>:]+$'
	 LIMIT 1;
	IF FOUND THEN
		PERFORM paystate.define_refuse(name, format('"%s" is not an event.', wrong),
			'Events are new>x, x>y, x:refund, order:cancel and order:fail, x and y being statuses of payments.');
	END IF;
	SELECT t ->> 'payment_event' INTO wrong
	  FROM jsonb_array_elements(whole -> 'transitions') AS t
	 WHERE '' IN (t ->> 'guard', t ->> 'money_effect')
	 LIMIT 1;
	IF FOUND THEN
		PERFORM paystate.define_refuse(name, format('A rule for "%s" has an empty guard or effect.', wrong),
			'Where there is none, write "-" or leave it out.');
	END IF;
END
$define_check_whole$;
COMMENT ON FUNCTION paystate.define_check_whole(pg_catalog.text, pg_catalog.jsonb) IS
	'helper of define_lifecycle: refuses what is wrong with a complete definition before it goes to the rule tables';

-- It runs as the owner of the rule tables, whom nobody need be who may call
-- it: what it does there is insert a life cycle that has been proved.
CREATE FUNCTION paystate.define_lifecycle(
	name pg_catalog.text,
	definition pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET intervalstyle = 'iso_8601'
AS $define_lifecycle$
DECLARE
	whole		jsonb;
	parameters	paystate.lifecycle;
	statuses	paystate.lifecycle_status[];
	rules		paystate.lifecycle_transition[];
	present		paystate.lifecycle;
	fault		record;
	faults		bigint;
BEGIN
	IF name IS NULL OR definition IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = format('%s must not be null', CASE WHEN name IS NULL THEN 'name' ELSE 'definition' END);
	END IF;
	IF octet_length(name) NOT BETWEEN 1 AND 63 OR name ~ '[[:cntrl:]]' OR name <> btrim(name) THEN
		PERFORM paystate.define_refuse(name, 'This cannot be the name of a life cycle.',
			'A name has 1 to 63 bytes, no control characters and no blanks around it.');
	END IF;

	-- one definition after the other; nobody who reads has to wait
	LOCK TABLE paystate.lifecycle IN SHARE ROW EXCLUSIVE MODE;
	whole := paystate.define_complete(name, definition);
	PERFORM paystate.define_check_whole(name, whole);
	parameters := jsonb_populate_record(NULL::paystate.lifecycle,
		whole || jsonb_build_object('name', name, 'builtin', false));
	SELECT array_agg(jsonb_populate_record(NULL::paystate.lifecycle_status,
				s || jsonb_build_object('lifecycle', name, 'builtin', false)))
	  INTO statuses FROM jsonb_array_elements(whole -> 'statuses') AS s;
	SELECT array_agg(jsonb_populate_record(NULL::paystate.lifecycle_transition,
				t || jsonb_build_object('lifecycle', name, 'builtin', false)))
	  INTO rules FROM jsonb_array_elements(whole -> 'transitions') AS t;

	SELECT l.* INTO present FROM paystate.lifecycle AS l WHERE l.name = parameters.name;
	IF FOUND THEN
		parameters.builtin := present.builtin;
		IF present IS NOT DISTINCT FROM parameters
			AND NOT EXISTS (
				(SELECT to_jsonb(s) - 'builtin' FROM unnest(statuses) AS s
				 EXCEPT SELECT to_jsonb(s) - 'builtin' FROM paystate.lifecycle_status AS s WHERE s.lifecycle = parameters.name)
				UNION ALL
				(SELECT to_jsonb(s) - 'builtin' FROM paystate.lifecycle_status AS s WHERE s.lifecycle = parameters.name
				 EXCEPT SELECT to_jsonb(s) - 'builtin' FROM unnest(statuses) AS s)
				UNION ALL
				(SELECT to_jsonb(t) - 'builtin' FROM unnest(rules) AS t
				 EXCEPT SELECT to_jsonb(t) - 'builtin' FROM paystate.lifecycle_transition AS t WHERE t.lifecycle = parameters.name)
				UNION ALL
				(SELECT to_jsonb(t) - 'builtin' FROM paystate.lifecycle_transition AS t WHERE t.lifecycle = parameters.name
				 EXCEPT SELECT to_jsonb(t) - 'builtin' FROM unnest(rules) AS t))
		THEN
			RETURN;
		END IF;
		-- the guard of the rule tables knows what is published
		BEGIN
			DELETE FROM paystate.lifecycle_transition AS t WHERE t.lifecycle = parameters.name;
			DELETE FROM paystate.lifecycle_status AS s WHERE s.lifecycle = parameters.name;
			DELETE FROM paystate.lifecycle AS l WHERE l.name = parameters.name;
		EXCEPTION WHEN object_not_in_prerequisite_state THEN
			RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
				MESSAGE = format('life cycle "%s" already exists', parameters.name),
				DETAIL = 'It is published, with another definition, and orders may rely on it.',
				HINT = 'Define the new version under a name of its own; migrate_orders() moves orders to it.';
		END;
	END IF;

	INSERT INTO paystate.lifecycle SELECT parameters.*;
	INSERT INTO paystate.lifecycle_status SELECT s.* FROM unnest(statuses) AS s;
	INSERT INTO paystate.lifecycle_transition SELECT t.* FROM unnest(rules) AS t;
	SELECT c.problem, c.detail INTO fault FROM paystate.check_lifecycle(parameters.name) AS c LIMIT 1;
	IF FOUND THEN
		SELECT count(*) INTO faults FROM paystate.check_lifecycle(parameters.name) AS c;
		PERFORM paystate.define_refuse(parameters.name,
			format('%s: %s%s', fault.problem, fault.detail,
				   CASE WHEN faults > 1 THEN format(' (and %s more)', faults - 1) ELSE '' END));
	END IF;
END
$define_lifecycle$;
COMMENT ON FUNCTION paystate.define_lifecycle(pg_catalog.text, pg_catalog.jsonb) IS
	'defines a life cycle: its parameters, statuses and transitions, or what differs from the one it is based on; checks it as a whole; once committed it cannot be changed';
