-- What the tables of create_tables cost in the long run, for every life cycle
-- and type of keys: updates of orders and payments stay in their page and touch
-- no index (HOT); history rows are narrow; a stretch of time is read by BRIN.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE TABLE made AS
SELECT l || '_' || k AS s, l, k::regtype AS k, row_number() OVER () AS n
FROM unnest('{razorpay,paykun,plural,plural_preauth}'::text[]) AS l, unnest('{text,bigint,uuid}'::text[]) AS k;

-- orders taken to their end, each event a transaction of its own
CREATE PROCEDURE take_orders(shop text, lifecycle text, key_type regtype, first int, last int)
LANGUAGE plpgsql AS $$
DECLARE
	captured	text := CASE WHEN lifecycle LIKE 'plural%' THEN 'processed' ELSE 'captured' END;
	key			text;
BEGIN
	FOR i IN first .. last LOOP
		key := CASE WHEN key_type = 'uuid'::regtype THEN md5(i::text) ELSE i::text END;
		EXECUTE format('INSERT INTO %I.orders (id, amount) VALUES (%L, 49900)', shop, key);
		COMMIT;
		EXECUTE format('INSERT INTO %I.payments (id, order_id, amount) VALUES (%L, %2$L, 49900)', shop, key);
		COMMIT;
		IF lifecycle <> 'plural' THEN
			EXECUTE format('UPDATE %I.payments SET status = ''authorized'' WHERE id = %L', shop, key);
			COMMIT;
		END IF;
		EXECUTE format('UPDATE %I.payments SET status = %L WHERE id = %L', shop, captured, key);
		COMMIT;
	END LOOP;
END $$;

CREATE FUNCTION updates(shop text, OUT n bigint, OUT hot bigint) LANGUAGE sql AS $$
	SELECT sum(n_tup_upd)::bigint, sum(n_tup_hot_upd)::bigint FROM pg_stat_user_tables
	WHERE schemaname = shop AND relname IN ('orders', 'payments')
$$;

SELECT format('CREATE SCHEMA %I', s) FROM made \gexec
SELECT lives_ok(format('SELECT paystate.create_tables(%L, %L, %L)', s, l, k), s || ': made') FROM made;
SELECT format('CALL take_orders(%L, %L, %L, 1, 100)', s, l, k) FROM made \gexec
SELECT pg_stat_force_next_flush();
CREATE TABLE warm AS SELECT s, u.* FROM made, updates(s) AS u;
SELECT format('CALL take_orders(%L, %L, %L, 101, 400)', s, l, k) FROM made \gexec
SELECT pg_stat_force_next_flush();

SELECT is(u.n - w.n, CASE WHEN l = 'plural' THEN 3 ELSE 5 END * 300::bigint, s || ': the updates are counted')
  FROM made JOIN warm AS w USING (s), updates(s) AS u;
SELECT cmp_ok((u.hot - w.hot)::numeric / (u.n - w.n), '>=', 0.95, s || ': at least 95 % of them are HOT')
  FROM made JOIN warm AS w USING (s), updates(s) AS u;
SELECT is((SELECT array_agg(c.reloptions ORDER BY c.relname)::text FROM pg_class c
		WHERE c.relnamespace = s::regnamespace AND c.relname IN ('orders', 'payments')),
	'{{fillfactor=90},{fillfactor=90}}', s || ': pages have room for it') FROM made;

-- the twin: an index over a column that moves ends it
CREATE INDEX ON razorpay_text.orders (status);
CREATE TABLE before AS SELECT * FROM updates('razorpay_text');
CALL take_orders('razorpay_text', 'razorpay', 'text', 401, 500);
SELECT pg_stat_force_next_flush();
SELECT cmp_ok((u.hot - b.hot)::numeric / (u.n - b.n), '<', 0.8, 'with an index on the status they are not')
  FROM before AS b, updates('razorpay_text') AS u;

-- as stored, header and short keys included
CREATE FUNCTION width(shop text, OUT w numeric) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT avg(pg_column_size(h.*)) FROM %I.order_history AS h', shop) INTO w;
END $$;
SELECT cmp_ok(width(s), '<=', CASE k WHEN 'uuid'::regtype THEN 140 ELSE 125 END::numeric, s || ': history rows are narrow') FROM made;
SELECT is((SELECT string_agg(m.amname, ' ' ORDER BY m.amname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
		WHERE i.indrelid = format('%I.order_history', s)::regclass), 'brin btree', s || ': one btree, one BRIN') FROM made;

-- an hour of a history that is as long as a year, in order of time
CREATE TABLE stretched (LIKE razorpay_text.order_history INCLUDING DEFAULTS);
INSERT INTO stretched (order_id, seq, at, order_to, amount, amount_paid, attempts, actor)
SELECT i, 1, '2025-01-01Z'::timestamptz + i * interval '2 minutes', 'created', 1, 0, 0, 'x' FROM generate_series(1, 200000) AS i;
SELECT format('CREATE INDEX stretched_brin ON stretched USING %s', substring(pg_get_indexdef(indexrelid) FROM 'USING (brin .*)'))
  FROM pg_index WHERE indrelid = 'razorpay_text.order_history'::regclass AND pg_get_indexdef(indexrelid) ~ 'USING brin' \gexec
VACUUM (ANALYZE) stretched;
CREATE FUNCTION plan(q text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, TIMING off, COSTS off, SUMMARY off) ' || q;
END $$;
CREATE TABLE planned AS SELECT p FROM plan($$SELECT count(*) FROM stretched WHERE at >= '2025-03-01Z' AND at < '2025-03-01 01:00Z'$$) AS p;
SELECT ok(bool_or(p ~ 'Bitmap Index Scan on stretched_brin'), 'an hour of it is found by BRIN') FROM planned;
SELECT cmp_ok(max(substring(p FROM 'Rows Removed by Index Recheck: (\d+)')::int), '<', 20000, 'which reads a tenth of it at most') FROM planned;

SELECT * FROM finish();
