-- attach_check: what attach asks of its arguments and of the tables' shape
-- before it looks at a single row

-- 23PS8 in the guards' own words
CREATE FUNCTION paystate.attach_refuse(relation pg_catalog.regclass,
									   detail pg_catalog.text,
									   hint pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_refuse$
DECLARE
	name	text := (SELECT c.relname FROM pg_class AS c WHERE c.oid = relation);
	schema	text := (SELECT n.nspname FROM pg_class AS c
					 JOIN pg_namespace AS n ON n.oid = c.relnamespace
					 WHERE c.oid = relation);
	message	text := format('table "%s" is not bound to a life cycle', name);
BEGIN
	IF hint IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8', MESSAGE = message,
			DETAIL = detail, SCHEMA = schema, TABLE = name, CONSTRAINT = 'paystate_bound';
	END IF;
	RAISE EXCEPTION USING ERRCODE = '23PS8', MESSAGE = message, DETAIL = detail,
		HINT = hint, SCHEMA = schema, TABLE = name, CONSTRAINT = 'paystate_bound';
END
$attach_refuse$;
COMMENT ON FUNCTION paystate.attach_refuse(pg_catalog.regclass, pg_catalog.text, pg_catalog.text) IS
	'refuses a table as the guards would: 23PS8';

-- 22023
CREATE FUNCTION paystate.attach_refuse_argument(argument pg_catalog.text,
												detail pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_refuse_argument$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
		MESSAGE = format('argument "%s" of attach is not valid', argument),
		DETAIL = detail;
END
$attach_refuse_argument$;
COMMENT ON FUNCTION paystate.attach_refuse_argument(pg_catalog.text, pg_catalog.text) IS
	'refuses an argument of attach: 22023';

-- One row for each column that paystate knows; attnum is NULL where the table
-- has none, type and typmod are those below all domains.
CREATE FUNCTION paystate.attach_columns(relation pg_catalog.regclass,
										kind pg_catalog.text,
										columns pg_catalog.jsonb)
	RETURNS TABLE (ours pg_catalog.text, theirs pg_catalog.text,
				   meaning pg_catalog.text, need pg_catalog.text,
				   written pg_catalog.bool, mapped pg_catalog.bool,
				   attnum pg_catalog.int2, type pg_catalog.oid,
				   typmod pg_catalog.int4, generated pg_catalog.bool)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_columns$
	WITH RECURSIVE known AS (
		SELECT k.column_name AS ours, k.meaning, k.need, k.written,
			   columns ? m.name AS mapped,
			   CASE WHEN columns ? m.name THEN columns ->> m.name
					ELSE k.column_name END AS theirs
		FROM paystate.known_columns() AS k,
			 LATERAL (VALUES (k.kind || '.' || k.column_name)) AS m (name)
		WHERE k.kind = attach_columns.kind
	), there AS (
		SELECT k.*, a.attnum, a.atttypid, a.atttypmod, a.attgenerated <> '' AS generated
		FROM known AS k
		LEFT JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname = k.theirs
			AND a.attnum > 0 AND NOT a.attisdropped
	), base AS (
		SELECT t.ours, t.atttypid AS type, t.atttypmod AS typmod
		FROM there AS t WHERE t.attnum IS NOT NULL
		UNION ALL
		SELECT b.ours, d.typbasetype, d.typtypmod
		FROM base AS b JOIN pg_type AS d ON d.oid = b.type AND d.typtype = 'd'
	)
	SELECT t.ours, t.theirs, t.meaning, t.need, t.written, t.mapped,
		   t.attnum, b.type, b.typmod, t.generated
	FROM there AS t
	LEFT JOIN (base AS b JOIN pg_type AS y ON y.oid = b.type AND y.typtype <> 'd')
		ON b.ours = t.ours
$attach_columns$;
COMMENT ON FUNCTION paystate.attach_columns(pg_catalog.regclass, pg_catalog.text, pg_catalog.jsonb) IS
	'the columns of a table by meaning, as the argument "columns" of attach maps them';

CREATE FUNCTION paystate.attach_check_columns(relations pg_catalog.jsonb,
											  columns pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_columns$
DECLARE
	item	record;
BEGIN
	IF jsonb_typeof(columns) IS DISTINCT FROM 'object' THEN
		PERFORM paystate.attach_refuse_argument('columns',
			'It must be an object like {"orders.status": "state"}.');
	END IF;
	FOR item IN
		SELECT e.key, e.value, k.kind, k.need, relations ->> k.kind AS relid
		FROM jsonb_each(columns) AS e
		LEFT JOIN paystate.known_columns() AS k ON k.kind || '.' || k.column_name = e.key
	LOOP
		IF item.kind IS NULL THEN
			PERFORM paystate.attach_refuse_argument('columns',
				format('paystate knows no column "%s".', item.key));
		ELSIF item.relid IS NULL THEN
			PERFORM paystate.attach_refuse_argument('columns',
				format('Column "%s" belongs to a table that is not given.', item.key));
		ELSIF jsonb_typeof(item.value) = 'null' AND item.need IN ('optional', 'free') THEN
			CONTINUE;
		ELSIF jsonb_typeof(item.value) <> 'string' THEN
			PERFORM paystate.attach_refuse_argument('columns',
				format('The value of "%s" must be the name of a column.', item.key));
		ELSIF NOT EXISTS (
			SELECT FROM pg_attribute AS a
			WHERE a.attrelid = item.relid::oid AND a.attname = columns ->> item.key
				AND a.attnum > 0 AND NOT a.attisdropped) THEN
			PERFORM paystate.attach_refuse_argument('columns',
				format('Column "%s" of table "%s" does not exist.', columns ->> item.key,
					   (SELECT c.relname FROM pg_class AS c WHERE c.oid = item.relid::oid)));
		END IF;
	END LOOP;
	FOR item IN
		SELECT r.key AS kind, c.theirs, string_agg(format('"%s"', c.ours), ', ' ORDER BY c.ours) AS names
		FROM jsonb_each_text(relations) AS r,
			 paystate.attach_columns(r.value::oid::regclass, r.key, columns) AS c
		WHERE c.attnum IS NOT NULL AND c.meaning NOT IN ('key', 'link')
		GROUP BY r.key, c.theirs HAVING count(*) > 1 AND bool_or(c.mapped)
	LOOP
		PERFORM paystate.attach_refuse_argument('columns',
			format('Column "%s" of %s would be %s at once.', item.theirs, item.kind, item.names));
	END LOOP;
END
$attach_check_columns$;
COMMENT ON FUNCTION paystate.attach_check_columns(pg_catalog.jsonb, pg_catalog.jsonb) IS
	'checks the argument "columns" of attach; relations is {kind: oid}';

-- theirs: what the shop calls a status of a life cycle; may_be_due: whether
-- an order may stand there with something due although it is settled
CREATE FUNCTION paystate.attach_words(labels pg_catalog.jsonb)
	RETURNS TABLE (lifecycle pg_catalog.text, kind pg_catalog.text,
				   ours pg_catalog.text, theirs pg_catalog.text,
				   role pg_catalog.text, may_be_due pg_catalog.bool)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_words$
	SELECT s.lifecycle, s.kind, s.label, coalesce(labels -> s.kind ->> s.label, s.label),
		   s.role,
		   EXISTS (SELECT FROM paystate.lifecycle_transition AS t
				   WHERE t.lifecycle = s.lifecycle AND t.order_after = s.label
					   AND 'capture' = ANY (string_to_array(t.money_effect, ';'))
					   AND NOT string_to_array(t.guard, ';')
						   && ARRAY['due_after=0', 'amount=order_due', 'paid_after=amount'])
	FROM paystate.lifecycle_status AS s
	UNION ALL
	SELECT l.name, 'refund', r.label, coalesce(labels -> 'refund' ->> r.label, r.label), NULL, NULL
	FROM paystate.lifecycle AS l,
		 (VALUES ('pending'), ('processed'), ('failed')) AS r (label)
$attach_words$;
COMMENT ON FUNCTION paystate.attach_words(pg_catalog.jsonb) IS
	'statuses of all life cycles in the words that the argument "labels" of attach gives them';

-- any_lifecycle: orders may follow others than the one named
CREATE FUNCTION paystate.attach_check_labels(labels pg_catalog.jsonb,
											 lifecycle pg_catalog.text,
											 any_lifecycle pg_catalog.bool)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_labels$
DECLARE
	item	record;
BEGIN
	IF jsonb_typeof(labels) IS DISTINCT FROM 'object' THEN
		PERFORM paystate.attach_refuse_argument('labels',
			'It must be an object like {"order": {"paid": "COMPLETE"}}.');
	END IF;
	FOR item IN SELECT e.key, e.value FROM jsonb_each(labels) AS e LOOP
		IF item.key NOT IN ('order', 'payment', 'refund') THEN
			PERFORM paystate.attach_refuse_argument('labels',
				format('"%s" is none of "order", "payment" and "refund".', item.key));
		ELSIF jsonb_typeof(item.value) <> 'object' THEN
			PERFORM paystate.attach_refuse_argument('labels',
				format('The value of "%s" must be an object.', item.key));
		END IF;
	END LOOP;
	FOR item IN
		SELECT k.key AS kind, e.key, e.value, e.value #>> '{}' AS theirs
		FROM jsonb_each(labels) AS k, jsonb_each(k.value) AS e
	LOOP
		IF jsonb_typeof(item.value) <> 'string' OR item.theirs = '' THEN
			PERFORM paystate.attach_refuse_argument('labels',
				format('The value of "%s" must be a label.', item.key));
		ELSIF strpos(item.theirs, '=') > 0 OR strpos(item.key, '=') > 0 THEN
			PERFORM paystate.attach_refuse_argument('labels',
				format('Label "%s" has an equals sign in it.',
					   CASE WHEN strpos(item.theirs, '=') > 0 THEN item.theirs ELSE item.key END));
		ELSIF NOT EXISTS (
			SELECT FROM paystate.attach_words(labels) AS w
			WHERE w.kind = item.kind AND w.ours = item.key
				AND (any_lifecycle OR w.lifecycle = attach_check_labels.lifecycle)) THEN
			PERFORM paystate.attach_refuse_argument('labels',
				format('Life cycle "%s" has no %s status "%s".', lifecycle, item.kind, item.key));
		END IF;
	END LOOP;
	FOR item IN
		SELECT w.kind, w.theirs, string_agg(format('"%s"', w.ours), ', ' ORDER BY w.ours) AS names
		FROM paystate.attach_words(labels) AS w
		WHERE any_lifecycle OR w.lifecycle = attach_check_labels.lifecycle
		GROUP BY w.lifecycle, w.kind, w.theirs HAVING count(*) > 1
	LOOP
		PERFORM paystate.attach_refuse_argument('labels',
			format('%s status "%s" would be %s at once.', initcap(item.kind), item.theirs, item.names));
	END LOOP;
END
$attach_check_labels$;
COMMENT ON FUNCTION paystate.attach_check_labels(pg_catalog.jsonb, pg_catalog.text, pg_catalog.bool) IS
	'checks the argument "labels" of attach';

-- Whoever may not do this learns nothing of the table but what core tells.
CREATE FUNCTION paystate.attach_check_owner(relation pg_catalog.regclass,
											owner pg_catalog.oid)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_owner$
DECLARE
	c	pg_class;
BEGIN
	SELECT * INTO c FROM pg_class AS k WHERE k.oid = relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_table',
			MESSAGE = format('relation with OID %s does not exist', relation::oid);
	ELSIF NOT pg_has_role(c.relowner, 'USAGE') THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('must be owner of %s %s',
							 CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
								 WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence'
								 WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END,
							 c.relname);
	ELSIF c.relowner <> owner THEN
		PERFORM paystate.attach_refuse(relation, 'It has another owner than the orders.',
			'Orders, payments, refunds and history have one owner.');
	END IF;
END
$attach_check_owner$;
COMMENT ON FUNCTION paystate.attach_check_owner(pg_catalog.regclass, pg_catalog.oid) IS
	'checks that the caller owns a table, and that its owner is the one given';
