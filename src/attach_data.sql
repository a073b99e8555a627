-- attach_data: what attach asks of the rows that are there

-- One way in which rows may be wrong, as SQL: bad is the condition on rows of
-- source, detail says it of one.
CREATE FUNCTION paystate.attach_finding(kind pg_catalog.text,
										key pg_catalog.text,
										problem pg_catalog.text,
										detail pg_catalog.text,
										source pg_catalog.text,
										bad pg_catalog.text)
	RETURNS pg_catalog.jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_finding$
	SELECT jsonb_build_object('kind', kind, 'key', key, 'problem', problem,
							  'detail', detail, 'source', source, 'bad', bad)
$attach_finding$;
COMMENT ON FUNCTION paystate.attach_finding(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'one way in which rows of a table may be wrong';

-- Values that no amount and no status can be read from.
CREATE FUNCTION paystate.attach_find_values(relations pg_catalog.jsonb,
											columns pg_catalog.jsonb,
											f pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_find_values$
	WITH known AS (
		SELECT k.kind, k.alias, c.*, format('%s.%I', k.alias, c.theirs) AS cell,
			   (((c.typmod - 4) & 2047) # 1024) - 1024 AS scale,
			   CASE k.alias
				   WHEN 'o' THEN (f ->> 'to') || ' AS o'
				   WHEN 'p' THEN (f ->> 'tp') || ' AS p LEFT JOIN ' || (f ->> 'to') || ' AS o ON ' || (f ->> 'jp')
				   ELSE (f ->> 'tr') || ' AS r LEFT JOIN (' || (f ->> 'tp') || ' AS p LEFT JOIN ' || (f ->> 'to')
					   || ' AS o ON ' || (f ->> 'jp') || ') ON ' || (f ->> 'jr') END AS source
		FROM (VALUES ('orders', 'o'), ('payments', 'p'), ('refunds', 'r')) AS k (kind, alias),
			 paystate.attach_columns((relations ->> k.kind)::oid, k.kind, columns) AS c
		WHERE relations ? k.kind AND c.attnum IS NOT NULL
	)
	SELECT jsonb_agg(p.finding)
	FROM known AS k,
		 LATERAL (
			SELECT paystate.attach_finding(k.kind, f ->> ('k' || k.alias), 'null',
										   quote_literal(format('Column "%s" is null.', k.theirs)),
										   k.source, k.cell || ' IS NULL')
			WHERE k.need IN ('given', 'derived') AND k.meaning <> 'link' AND k.ours NOT IN ('version', 'changed_at')
				OR k.ours IN ('lifecycle', 'currency', 'amount_refunded', 'status')
				OR k.meaning = 'link' AND k.kind = 'refunds'
			UNION ALL
			SELECT paystate.attach_finding(k.kind, f ->> ('k' || k.alias), 'amount',
										   format('format(%L, %s)', format('Column "%s" is %%s, which is no amount.', k.theirs), k.cell),
										   k.source, k.cell || ' = ''NaN'' OR abs(' || k.cell || ') > 9000000000000000')
			WHERE k.meaning = 'money' AND k.type = 'numeric'::regtype
			UNION ALL
			SELECT paystate.attach_finding(k.kind, f ->> ('k' || k.alias), 'currency',
										   format('format(%L, %s)', format('Column "%s" has %s decimals, the currency %%s.', k.theirs, k.scale),
												  f ->> ('e' || k.alias)),
										   k.source, k.cell || ' IS NOT NULL AND ' || (f ->> ('e' || k.alias)) || ' < ' || k.scale)
			WHERE k.meaning = 'money' AND k.type = 'numeric'::regtype AND k.scale > 0
				AND (k.ours = 'amount' OR k.scale > (
					SELECT CASE a.type WHEN 'numeric'::regtype THEN a.scale ELSE 0 END
					FROM known AS a WHERE a.kind = k.kind AND a.ours = 'amount'))) AS p (finding)
$attach_find_values$;
COMMENT ON FUNCTION paystate.attach_find_values(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'rows with values that attach cannot read';

-- What the guards rely on and would never have let happen.  That totals agree
-- is verify()'s to say.
CREATE FUNCTION paystate.attach_find_states(f pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_find_states$
DECLARE
	order_words	text := ' LEFT JOIN paystate.lifecycle AS l ON l.name = ' || (f ->> 'l')
		|| ' LEFT JOIN words AS w ON w.kind = %L AND w.lifecycle = ' || replace(f ->> 'l', '%', '%%') || ' AND w.theirs = %s::text';
	orders		text := (f ->> 'to') || ' AS o' || format(order_words, 'order', f -> 'o' ->> 'status');
	payments	text := (f ->> 'tp') || ' AS p LEFT JOIN ' || (f ->> 'to') || ' AS o ON ' || (f ->> 'jp')
		|| format(order_words, 'payment', f -> 'p' ->> 'status');
	ko			text := f ->> 'ko';
	kp			text := f ->> 'kp';
	amount		text := f -> 'os' ->> 'amount';
	paid		text := f -> 'os' ->> 'amount_paid';
	pay			text := f -> 'ps' ->> 'amount';
	captured	text := f -> 'ps' ->> 'amount_captured';
	refunded	text := f -> 'ps' ->> 'amount_refunded';
	pending		text := f -> 'ps' ->> 'refund_pending';
	ostatus		text := f -> 'o' ->> 'status';
	pstatus		text := f -> 'p' ->> 'status';
	parts		jsonb[];
BEGIN
	parts := ARRAY[
		paystate.attach_finding('orders', ko, 'unknown life cycle', 'format(''Life cycle "%s" does not exist.'', ' || (f ->> 'l') || ')',
			orders, 'l.name IS NULL'),
		paystate.attach_finding('orders', ko, 'unknown status', 'format(''Status "%s" is none of life cycle "%s".'', ' || ostatus || ', l.name)',
			orders, 'l.name IS NOT NULL AND w.ours IS NULL'),
		paystate.attach_finding('orders', ko, 'amount', 'format(''Its amount is %s.'', ' || amount || ')',
			orders, amount || ' < 0 OR ' || amount || ' = 0 AND coalesce(l.payment_min, 1) > 0'),
		paystate.attach_finding('orders', ko, 'amount_paid', 'format(''%s of %s are paid.'', ' || paid || ', ' || amount || ')',
			orders, paid || ' NOT BETWEEN 0 AND ' || amount),
		paystate.attach_finding('orders', ko, 'status', 'format(''It is "%s" with %s of %s paid.'', ' || ostatus || ', ' || paid || ', ' || amount || ')',
			orders, amount || ' > 0 AND (w.role = ''dead'' AND ' || paid || ' > 0 OR w.role = ''settled'' AND (' || paid
			|| ' = 0 OR ' || paid || ' < ' || amount || ' AND NOT w.may_be_due) OR w.role IN (''open'', ''held'') AND ' || paid
			|| ' = ' || amount || ')'),
		paystate.attach_finding('orders', ko, 'payments_open', 'format(''It is "%s" with %s live payments.'', ' || ostatus || ', ' || (f -> 'o' ->> 'payments_open') || ')',
			orders, 'w.role = ''dead'' AND ' || (f -> 'o' ->> 'payments_open') || ' > 0'),
		paystate.attach_finding('payments', kp, 'unknown status', 'format(''Status "%s" is none of life cycle "%s".'', ' || pstatus || ', l.name)',
			payments, 'l.name IS NOT NULL AND w.ours IS NULL'),
		paystate.attach_finding('payments', kp, 'amount', 'format(''Its amount is %s.'', ' || pay || ')',
			payments, pay || ' < 0 OR ' || pay || ' = 0 AND ' || amount || ' IS DISTINCT FROM 0'),
		paystate.attach_finding('payments', kp, 'amount_captured', 'format(''It is "%s" with %s of %s captured.'', ' || pstatus || ', ' || captured || ', ' || pay || ')',
			payments, captured || ' NOT BETWEEN 0 AND ' || pay || ' OR ' || captured || ' > 0 AND w.role IN (''open'', ''held'', ''dead'') OR '
			|| captured || ' = 0 AND ' || pay || ' > 0 AND w.role = ''settled'''),
		paystate.attach_finding('payments', kp, 'amount_refunded', 'format(''It is "%s" with %s captured, %s refunded and %s pending.'', ' || pstatus
			|| ', ' || captured || ', ' || refunded || ', ' || pending || ')',
			payments, refunded || ' < 0 OR ' || pending || ' < 0 OR w.role = ''returned'' AND ' || refunded || ' <> coalesce(nullif('
			|| captured || ', 0), ' || pay || ') OR w.role <> ''returned'' AND ' || refunded || ' + ' || pending || ' > ' || captured),
		paystate.attach_finding('payments', kp, 'missing order', 'format(''It is "%s" without an order.'', ' || pstatus || ')',
			payments, 'w.role = ''settled'' AND ' || amount || ' IS NULL')];
	IF f ? 'tr' THEN
		parts := parts || paystate.attach_finding('refunds', f ->> 'kr', 'amount', 'format(''Its amount is %s.'', ' || (f -> 'rs' ->> 'amount') || ')',
			(f ->> 'tr') || ' AS r LEFT JOIN (' || (f ->> 'tp') || ' AS p LEFT JOIN ' || (f ->> 'to') || ' AS o ON ' || (f ->> 'jp') || ') ON '
			|| (f ->> 'jr'), (f -> 'rs' ->> 'amount') || ' < 0 OR ' || (f -> 'rs' ->> 'amount') || ' = 0 AND ' || pay || ' IS DISTINCT FROM 0');
	END IF;
	IF f -> 'r' ? 'status' THEN
		parts := parts || paystate.attach_finding('refunds', f ->> 'kr', 'unknown status', 'format(''Status "%s" is none of pending, processed and failed.'', '
			|| (f -> 'r' ->> 'status') || ')', (f ->> 'tr') || ' AS r', 'NOT EXISTS (SELECT FROM words AS w WHERE w.kind = ''refund'' AND w.theirs = '
			|| (f -> 'r' ->> 'status') || '::text)');
	END IF;
	RETURN to_jsonb(parts);
END
$attach_find_states$;
COMMENT ON FUNCTION paystate.attach_find_states(pg_catalog.jsonb) IS
	'rows that the guards would never have let happen';

-- A key of several columns of which only some are null leads nowhere.
CREATE FUNCTION paystate.attach_find_half_keys(payments pg_catalog.regclass,
											   link pg_catalog.int2[],
											   f pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_find_half_keys$
	SELECT paystate.attach_finding('payments', f ->> 'kp', 'missing order', quote_literal('Part of its order''s key is null.'),
		(f ->> 'tp') || ' AS p', 'num_nulls(' || string_agg(format('p.%I', u.name), ', ') || ') BETWEEN 1 AND ' || count(*) - 1)
	FROM unnest(paystate.attach_names(payments, link)) AS u (name)
$attach_find_half_keys$;
COMMENT ON FUNCTION paystate.attach_find_half_keys(pg_catalog.regclass, pg_catalog.int2[], pg_catalog.jsonb) IS
	'payments with half of an order''s key';

-- Reads each table once for all that may be wrong with it.  A list that nobody
-- reads to its end need not have one.
CREATE FUNCTION paystate.attach_find(relations pg_catalog.jsonb,
									 labels pg_catalog.jsonb,
									 findings pg_catalog.jsonb)
	RETURNS TABLE (relation pg_catalog.regclass, problem pg_catalog.text,
				   detail pg_catalog.text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_find$
DECLARE
	most	constant integer := 1000;
	item	record;
BEGIN
	FOR item IN
		SELECT f.kind, f.key, f.source, string_agg('(' || f.bad || ')', ' OR ') AS any_bad,
			   string_agg('(' || quote_literal(f.problem) || ', CASE WHEN ' || f.bad || ' THEN ' || f.detail || ' END)', ', ') AS details
		FROM jsonb_to_recordset(findings) AS f (kind text, key text, problem text, detail text, source text, bad text)
		GROUP BY f.kind, f.key, f.source ORDER BY f.kind
	LOOP
		RETURN QUERY EXECUTE 'WITH words AS MATERIALIZED (SELECT * FROM paystate.attach_words($1)) SELECT $2, u.problem, '
			|| 'format(' || quote_literal(initcap(rtrim(item.kind, 's')) || ' "%s": ') || ', ' || item.key || ') || u.detail FROM '
			|| item.source || ' CROSS JOIN LATERAL (VALUES ' || item.details || ') AS u (problem, detail) WHERE ('
			|| item.any_bad || ') AND u.detail IS NOT NULL LIMIT ' || most
			USING labels, (relations ->> item.kind)::oid::regclass;
	END LOOP;
END
$attach_find$;
COMMENT ON FUNCTION paystate.attach_find(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'the rows that are wrong, at most a thousand a table';
