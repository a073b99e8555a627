-- attach_fill: what attach writes into tables that are there: columns that
-- follow from the rest, and the rows that begin the history of each order

-- SQL for money in subunits, and back.  Numeric money is in units.
CREATE FUNCTION paystate.attach_subunits(expression pg_catalog.text,
										 type pg_catalog.oid,
										 exponent pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_subunits$
	SELECT CASE WHEN expression IS NULL THEN NULL
		WHEN type = 'pg_catalog.numeric'::regtype
		THEN format('(%s * power(10::numeric, %s))::bigint', expression, exponent)
		ELSE format('%s::bigint', expression) END
$attach_subunits$;
COMMENT ON FUNCTION paystate.attach_subunits(pg_catalog.text, pg_catalog.oid, pg_catalog.text) IS
	'SQL that turns a money column into subunits';

CREATE FUNCTION paystate.attach_units(expression pg_catalog.text,
									  type pg_catalog.oid,
									  exponent pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_units$
	SELECT CASE WHEN type = 'pg_catalog.numeric'::regtype
		THEN format('(%s) / power(10::numeric, %s)', expression, exponent)
		ELSE format('(%s)', expression) END
$attach_units$;
COMMENT ON FUNCTION paystate.attach_units(pg_catalog.text, pg_catalog.oid, pg_catalog.text) IS
	'SQL that turns subunits into what a money column holds';

-- "a.x = b.y AND ..." by the operators of the foreign key itself
CREATE FUNCTION paystate.attach_join(child pg_catalog.regclass,
									 child_alias pg_catalog.text,
									 parent pg_catalog.regclass,
									 parent_alias pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_join$
	SELECT string_agg(format('%s.%I OPERATOR(%I.%s) %s.%I', parent_alias, pa.attname,
							 n.nspname, o.oprname, child_alias, ca.attname), ' AND ' ORDER BY u.n)
	FROM pg_constraint AS c
	CROSS JOIN LATERAL unnest(c.conkey, c.confkey, c.conpfeqop) WITH ORDINALITY AS u (fk, pk, op, n)
	JOIN pg_attribute AS ca ON ca.attrelid = child AND ca.attnum = u.fk
	JOIN pg_attribute AS pa ON pa.attrelid = parent AND pa.attnum = u.pk
	JOIN pg_operator AS o ON o.oid = u.op
	JOIN pg_namespace AS n ON n.oid = o.oprnamespace
	WHERE c.contype = 'f' AND c.conrelid = child AND c.confrelid = parent AND c.conparentid = 0
$attach_join$;
COMMENT ON FUNCTION paystate.attach_join(pg_catalog.regclass, pg_catalog.text, pg_catalog.regclass, pg_catalog.text) IS
	'SQL that joins a table to its parent by their foreign key';

CREATE FUNCTION paystate.attach_key_words(relation pg_catalog.regclass,
										  alias pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_key_words$
	SELECT format('concat_ws('', '', %s)',
				  string_agg(format('%s.%I::text', alias, u.name), ', ' ORDER BY u.n))
	FROM unnest(paystate.attach_names(relation, paystate.attach_key(relation)))
		WITH ORDINALITY AS u (name, n)
$attach_key_words$;
COMMENT ON FUNCTION paystate.attach_key_words(pg_catalog.regclass, pg_catalog.text) IS
	'SQL for a row''s key as verify() words it';

-- The parts of all statements over a shop, as SQL: t tables, j joins, k keys
-- in words, e exponents, l the life cycle; orders, payments, refunds and
-- history by our names of columns (o, p, r, h), their own names (on, pn, rn,
-- hn) and types (ot, pt, rt, ht), and money in subunits (os, ps, rs, hs).
CREATE FUNCTION paystate.attach_frame(relations pg_catalog.jsonb,
									  columns pg_catalog.jsonb,
									  lifecycle pg_catalog.text)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_frame$
DECLARE
	frame	jsonb := '{}';
	item	record;
	rel		regclass;
	own		text;
BEGIN
	FOR item IN
		SELECT k.kind, k.alias FROM (VALUES ('orders', 'o'), ('payments', 'p'),
											('refunds', 'r'), ('history', 'h')) AS k (kind, alias)
	LOOP
		rel := (relations ->> item.kind)::oid::regclass;
		CONTINUE WHEN rel IS NULL;
		frame := frame || jsonb_build_object(
			't' || item.alias, (SELECT CASE WHEN c.relkind = 'p' THEN '' ELSE 'ONLY ' END FROM pg_class AS c
								WHERE c.oid = rel) || rel,
			'k' || item.alias, paystate.attach_key_words(rel, item.alias),
			item.alias || 'n', (SELECT coalesce(jsonb_object_agg(c.ours, format('%I', c.theirs)), '{}')
								FROM paystate.attach_columns(rel, item.kind, columns) AS c WHERE c.attnum IS NOT NULL),
			item.alias, (SELECT coalesce(jsonb_object_agg(c.ours, format('%s.%I', item.alias, c.theirs)), '{}')
						 FROM paystate.attach_columns(rel, item.kind, columns) AS c WHERE c.attnum IS NOT NULL),
			item.alias || 't', (SELECT coalesce(jsonb_object_agg(c.ours, c.type::text), '{}')
								FROM paystate.attach_columns(rel, item.kind, columns) AS c WHERE c.attnum IS NOT NULL));
		own := frame -> item.alias ->> 'currency';
		frame := jsonb_set(frame, ARRAY['e' || item.alias], to_jsonb(
			CASE WHEN own IS NOT NULL THEN format('coalesce(paystate.currency_exponent(%s::text), 2)', own)
				 WHEN item.alias = 'p' THEN frame ->> 'eo'
				 WHEN item.alias = 'r' THEN frame ->> 'ep'
				 ELSE '2' END));
		frame := jsonb_set(frame, ARRAY[item.alias || 's'],
			(SELECT coalesce(jsonb_object_agg(c.ours, paystate.attach_subunits(
								format('%s.%I', item.alias, c.theirs), c.type, frame ->> ('e' || item.alias))), '{}')
			 FROM paystate.attach_columns(rel, item.kind, columns) AS c
			 WHERE c.attnum IS NOT NULL AND c.meaning = 'money'));
	END LOOP;
	frame := frame || jsonb_build_object(
		'l', CASE WHEN frame -> 'o' ->> 'lifecycle' IS NULL THEN quote_literal(lifecycle)
				  ELSE format('coalesce(%s::text, %L)', frame -> 'o' ->> 'lifecycle', lifecycle) END,
		'jp', paystate.attach_join((relations ->> 'payments')::oid, 'p', (relations ->> 'orders')::oid, 'o'),
		'jr', paystate.attach_join((relations ->> 'refunds')::oid, 'r', (relations ->> 'payments')::oid, 'p'),
		'jh', paystate.attach_join((relations ->> 'history')::oid, 'h', (relations ->> 'orders')::oid, 'o'));
	RETURN frame;
END
$attach_frame$;
COMMENT ON FUNCTION paystate.attach_frame(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text) IS
	'the parts of the statements that attach runs over a shop';

-- Returns our names of the columns that it added.  A default that is the same
-- for all rows is not written into them.
CREATE FUNCTION paystate.attach_add_columns(relation pg_catalog.regclass,
											kind pg_catalog.text,
											columns pg_catalog.jsonb,
											also pg_catalog.text[])
	RETURNS pg_catalog.text[]
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_add_columns$
DECLARE
	item	record;
	money	text := (SELECT format_type(c.type, c.typmod)
					 FROM paystate.attach_columns(relation, kind, columns) AS c WHERE c.ours = 'amount');
	added	text[] := '{}';
BEGIN
	FOR item IN
		SELECT c.ours, c.theirs, c.meaning, k.about
		FROM paystate.attach_columns(relation, kind, columns) AS c
		JOIN paystate.known_columns() AS k ON k.kind = attach_add_columns.kind AND k.column_name = c.ours
		WHERE c.attnum IS NULL AND (c.need = 'derived' OR c.ours = ANY (also) AND NOT c.mapped)
	LOOP
		EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s NOT NULL DEFAULT %s', relation, item.theirs,
					   CASE item.meaning WHEN 'money' THEN money WHEN 'time' THEN 'timestamptz'
						   ELSE 'integer' END,
					   CASE WHEN item.meaning = 'time' THEN 'now()' WHEN item.ours = 'version' THEN '1'
						   ELSE '0' END);
		IF item.meaning = 'time' OR item.ours = 'amount_due' THEN
			EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', relation, item.theirs);
		END IF;
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, item.theirs, item.about);
		added := added || item.ours;
	END LOOP;
	RETURN added;
END
$attach_add_columns$;
COMMENT ON FUNCTION paystate.attach_add_columns(pg_catalog.regclass, pg_catalog.text, pg_catalog.jsonb, pg_catalog.text[]) IS
	'adds to a table what it lacks and what follows from the rest';

-- What was captured is not written anywhere else.  A payment that was given
-- back had been captured, unless the order has no room for it: then it was an
-- authorization that came late.
CREATE FUNCTION paystate.attach_fill_payments(payments pg_catalog.regclass,
											  orders pg_catalog.regclass,
											  f pg_catalog.jsonb,
											  labels pg_catalog.jsonb,
											  added pg_catalog.text[])
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_fill_payments$
DECLARE
	amount		text := f -> 'ps' ->> 'amount';
	captured	text := f -> 'ps' ->> 'amount_captured';
	room		text;
	sums		text[];
	refunded	text;
	pending		text := '0';
	item		record;
	names		text[] := '{}';
	exprs		text[] := '{}';
BEGIN
	IF 'amount_captured' = ANY (added) THEN
		room := '(SELECT sum(' || paystate.attach_subunits('p2.' || (f -> 'pn' ->> 'amount'), (f -> 'pt' ->> 'amount')::oid, f ->> 'ep')
			|| ') FROM ' || (f ->> 'tp') || ' AS p2 JOIN words AS w2 ON w2.kind = ''payment'' AND w2.lifecycle = ' || (f ->> 'l')
			|| ' AND w2.theirs = p2.' || (f -> 'pn' ->> 'status') || '::text WHERE '
			|| paystate.attach_join(payments, 'p2', orders, 'o') || ' AND (w2.role = ''settled'' OR w2.role = ''returned'' AND '
			|| paystate.attach_key_words(payments, 'p2') || ' <= ' || (f ->> 'kp') || '))';
		captured := 'CASE WHEN w.role = ''settled'' OR w.role = ''returned'' AND ' || room || ' <= '
			|| (f -> 'os' ->> 'amount') || ' THEN ' || amount || ' ELSE 0 END';
	END IF;
	IF f ? 'tr' THEN
		SELECT array_agg('coalesce((SELECT sum(' || (f -> 'rs' ->> 'amount') || ') FROM ' || (f ->> 'tr') || ' AS r WHERE '
						 || (f ->> 'jr') || coalesce(' AND ' || (f -> 'r' ->> 'status') || '::text = '
						 || quote_literal(coalesce(labels -> 'refund' ->> l.label, l.label)), '') || '), 0)' ORDER BY l.label DESC)
			INTO sums FROM unnest(ARRAY['processed', 'pending']) AS l (label);
		refunded := sums[1];
		pending := CASE WHEN f -> 'r' ->> 'status' IS NULL THEN '0' ELSE sums[2] END;
	ELSE
		refunded := 'CASE WHEN w.role = ''returned'' THEN coalesce(nullif(v.captured, 0), ' || amount || ') ELSE 0 END';
	END IF;
	FOR item IN
		SELECT a.ours, CASE a.ours WHEN 'amount_captured' THEN 'v.captured' WHEN 'amount_refunded' THEN refunded
							ELSE pending END AS expr
		FROM unnest(added) AS a (ours)
		WHERE a.ours IN ('amount_captured', 'amount_refunded', 'refund_pending')
	LOOP
		names := names || (f -> 'pn' ->> item.ours);
		exprs := exprs || paystate.attach_units(item.expr, (f -> 'pt' ->> item.ours)::oid, f ->> 'ep');
	END LOOP;
	IF names = '{}' THEN
		RETURN;
	END IF;
	EXECUTE 'WITH words AS MATERIALIZED (SELECT * FROM paystate.attach_words($1)) UPDATE ' || (f ->> 'tp') || ' AS p SET ('
		|| array_to_string(names, ', ') || ') = (SELECT ' || array_to_string(exprs, ', ')
		|| ' FROM (VALUES (1)) AS one LEFT JOIN ' || (f ->> 'to') || ' AS o ON ' || (f ->> 'jp')
		|| ' LEFT JOIN words AS w ON w.kind = ''payment'' AND w.lifecycle = ' || (f ->> 'l') || ' AND w.theirs = '
		|| (f -> 'p' ->> 'status') || '::text CROSS JOIN LATERAL (VALUES (' || captured || ')) AS v (captured))'
		USING labels;
END
$attach_fill_payments$;
COMMENT ON FUNCTION paystate.attach_fill_payments(pg_catalog.regclass, pg_catalog.regclass, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text[]) IS
	'fills columns that attach has added to payments';

CREATE FUNCTION paystate.attach_fill_orders(f pg_catalog.jsonb,
											labels pg_catalog.jsonb,
											added pg_catalog.text[])
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_fill_orders$
DECLARE
	amount	text := f -> 'ps' ->> 'amount';
	item	record;
	names	text[] := '{}';
	exprs	text[] := '{}';
BEGIN
	FOR item IN
		SELECT e.ours, e.meaning, e.expr
		FROM (VALUES
			('amount_paid', 'money', 'sum(' || (f -> 'ps' ->> 'amount_captured') || ')'),
			('amount_due', 'money', (f -> 'os' ->> 'amount') || ' - coalesce(sum(' || (f -> 'ps' ->> 'amount_captured') || '), 0)'),
			('amount_authorized', 'money', 'sum(' || amount || ') FILTER (WHERE w.role = ''held'')'),
			('amount_pending', 'money', 'sum(' || amount || ') FILTER (WHERE w.role = ''open'')'),
			('amount_refunded', 'money', 'sum(' || (f -> 'ps' ->> 'amount_refunded') || ') FILTER (WHERE '
				|| (f -> 'ps' ->> 'amount_captured') || ' > 0)'),
			('payments_open', 'count', 'count(*) FILTER (WHERE w.role IN (''held'', ''open''))'),
			('attempts', 'count', 'count(' || (f -> 'p' ->> 'status') || ') FILTER (WHERE l.attempt_on = ''create'''
				|| ' OR w.ours <> l.payment_initial)')) AS e (ours, meaning, expr)
		WHERE e.ours = ANY (added)
	LOOP
		names := names || (f -> 'on' ->> item.ours);
		exprs := exprs || CASE item.meaning
			WHEN 'money' THEN paystate.attach_units('coalesce(' || item.expr || ', 0)', (f -> 'ot' ->> item.ours)::oid, f ->> 'eo')
			ELSE item.expr END;
	END LOOP;
	IF names = '{}' THEN
		RETURN;
	END IF;
	EXECUTE 'WITH words AS MATERIALIZED (SELECT * FROM paystate.attach_words($1)) UPDATE ' || (f ->> 'to') || ' AS o SET ('
		|| array_to_string(names, ', ') || ') = (SELECT ' || array_to_string(exprs, ', ') || ' FROM ' || (f ->> 'tp')
		|| ' AS p LEFT JOIN paystate.lifecycle AS l ON l.name = ' || (f ->> 'l')
		|| ' LEFT JOIN words AS w ON w.kind = ''payment'' AND w.lifecycle = l.name AND w.theirs = '
		|| (f -> 'p' ->> 'status') || '::text WHERE ' || (f ->> 'jp') || ')'
		USING labels;
END
$attach_fill_orders$;
COMMENT ON FUNCTION paystate.attach_fill_orders(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text[]) IS
	'fills columns that attach has added to orders';

-- The row that begins an order's history, or begins it anew where keys names
-- the order: something was written while nobody guarded it.  Its time is when
-- the order last changed, so that few rows of orders have to be written; but
-- a pending refund came before it.
CREATE FUNCTION paystate.attach_open(orders pg_catalog.regclass,
									 history pg_catalog.regclass,
									 f pg_catalog.jsonb,
									 keys pg_catalog.text[] DEFAULT NULL)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_open$
DECLARE
	since	text := '';
	key_to	text;
	key_of	text;
	label	text;
BEGIN
	IF keys IS NOT NULL THEN
		since := ', clock_timestamp()';
	ELSIF f -> 'r' ->> 'status' IS NOT NULL
		AND (f -> 'rt' ->> 'created_at')::oid IN ('timestamptz'::regtype, 'timestamp'::regtype) THEN
		since := ', (SELECT max(' || (f -> 'r' ->> 'created_at') || ')::timestamptz + ''1us'' FROM ' || (f ->> 'tr') || ' AS r JOIN '
			|| (f ->> 'tp') || ' AS p ON ' || (f ->> 'jr') || ' WHERE ' || (f ->> 'jp') || ' AND '
			|| (f -> 'p' ->> 'refund_pending') || ' > 0)';
	END IF;
	SELECT string_agg(format('%I', hn), ', ' ORDER BY n), string_agg(format('o.%I', orn), ', ' ORDER BY n)
		INTO key_to, key_of
	FROM unnest(paystate.attach_names(history, paystate.attach_link(history, orders)),
				paystate.attach_names(orders, paystate.attach_key(orders))) WITH ORDINALITY AS u (hn, orn, n);
	label := '::text::' || (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
							WHERE a.attrelid = history AND format('%I', a.attname) = f -> 'hn' ->> 'order_to' AND a.attnum > 0);
	EXECUTE format($sql$
		WITH opened AS (
			INSERT INTO %1$s (%2$s, %3$s)
			SELECT %4$s, coalesce(s.seq, 0) + 1, greatest(coalesce(%5$s, clock_timestamp()), s.at%6$s), s.order_to,
				   %7$s, %8$s, %9$s, %10$s,
				   coalesce(nullif(current_setting('paystate.actor', true), ''), session_user), 'attached',
				   nullif(current_setting('paystate.event_id', true), ''), false
			FROM %11$s AS o
			LEFT JOIN LATERAL (SELECT %12$s AS seq, %13$s AS at, %14$s AS order_to
							   FROM %15$s AS h WHERE %16$s ORDER BY 1 DESC LIMIT 1) AS s ON true
			WHERE %17$s
			RETURNING %2$s, %18$s AS seq, %19$s AS at)
		UPDATE %11$s AS o SET (%20$s, %21$s) = ROW (h.seq, h.at)
		FROM opened AS h
		WHERE %16$s AND (%22$s, %5$s) IS DISTINCT FROM (h.seq, h.at)$sql$,
		history, key_to,
		(SELECT string_agg(f -> 'hn' ->> c, ', ' ORDER BY n)
		 FROM unnest(ARRAY['seq', 'at', 'order_from', 'order_to', 'amount', 'amount_paid', 'attempts', 'actor', 'reason',
						   'event_id', 'forced']) WITH ORDINALITY AS u (c, n)),
		key_of, f -> 'o' ->> 'changed_at', since, (f -> 'o' ->> 'status') || label,
		paystate.attach_units(f -> 'os' ->> 'amount', (f -> 'ht' ->> 'amount')::oid, f ->> 'eo'),
		paystate.attach_units(f -> 'os' ->> 'amount_paid', (f -> 'ht' ->> 'amount_paid')::oid, f ->> 'eo'),
		f -> 'o' ->> 'attempts', f ->> 'to',
		f -> 'h' ->> 'seq', f -> 'h' ->> 'at', f -> 'h' ->> 'order_to', f ->> 'th', f ->> 'jh',
		CASE WHEN keys IS NULL THEN 's.seq IS NULL' ELSE (f ->> 'ko') || ' = ANY ($1)' END,
		f -> 'hn' ->> 'seq', f -> 'hn' ->> 'at',
		f -> 'on' ->> 'version', f -> 'on' ->> 'changed_at', f -> 'o' ->> 'version')
		USING keys;
END
$attach_open$;
COMMENT ON FUNCTION paystate.attach_open(pg_catalog.regclass, pg_catalog.regclass, pg_catalog.jsonb, pg_catalog.text[]) IS
	'writes the history row with which an order that was there comes under guard';
