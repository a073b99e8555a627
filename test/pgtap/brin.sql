-- Rows of a history that are written together tell a BRIN over their times only
-- what it must hear: whoever asks by that index still finds all of them, in any
-- order of time, and indexes that keep more than the bounds hear of every row.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA shop;
SET search_path = shop, public, paystate;
SELECT paystate.create_tables('shop', 'razorpay', 'bigint');
SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index
 WHERE indrelid = 'order_history'::regclass AND pg_get_indexdef(indexrelid) ~ 'USING brin' \gexec

CREATE TABLE kinds (kind text PRIMARY KEY, definition text);
INSERT INTO kinds VALUES
	('bounds of the time', 'brin (at)'),
	('bounds, two pages at once', 'brin (at) WITH (pages_per_range = 2, autosummarize)'),
	('bounds of time and order', 'brin (at, order_id)'),
	('many bounds', 'brin (at timestamptz_minmax_multi_ops)'),
	('a filter', 'brin (at timestamptz_bloom_ops)'),
	('a tree', 'btree (at, order_id)');

-- the rows of orders after that one which are not found by their times
CREATE FUNCTION lost(base bigint) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM order_history AS h WHERE order_id > base AND NOT EXISTS
		(SELECT FROM order_history AS o WHERE o.at = h.at AND o.order_id + 0 = h.order_id AND o.seq + 0 = h.seq)
$$;
CREATE FUNCTION plan(q text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line	text;
	whole	text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || q LOOP
		whole := whole || line;
	END LOOP;
	RETURN whole;
END $$;

CREATE FUNCTION try_kind(kind text, definition text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	base	bigint := coalesce((SELECT max(id) FROM orders), 0);
BEGIN
	EXECUTE format('CREATE INDEX kind ON order_history USING %s', definition);
	INSERT INTO orders (id, amount) VALUES (base + 1, 100);
	-- what is summarized so far ends with that row
	IF definition ~ '^brin' THEN
		PERFORM brin_summarize_new_values('kind');
	END IF;
	-- some take their time from the beginning of the transaction, before all others
	INSERT INTO orders (id, amount, changed_at)
	SELECT base + 1 + i, 100, CASE WHEN i % 90 IN (10, 11, 44) THEN now() END FROM generate_series(1, 400) AS i;
	INSERT INTO payments (id, order_id) SELECT base + 1 + i, base + 1 + i FROM generate_series(1, 400) AS i;
	UPDATE payments SET status = 'failed' WHERE id > base;
	RETURN NEXT is((SELECT count(*) FROM order_history WHERE order_id > base), 1201::bigint, kind || ': all rows are there');
	RETURN NEXT cmp_ok((SELECT count(*) FROM order_history AS h, order_history AS o
			WHERE h.order_id > base AND o.order_id = h.order_id - 1 AND h.seq = 1 AND o.seq = 1 AND h.at < o.at), '>', 5::bigint,
		kind || ': some are earlier than those before them');
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_hashjoin = off;
	SET LOCAL enable_mergejoin = off;
	RETURN NEXT matches(plan('SELECT FROM order_history WHERE at = now()'), 'kind', kind || ': the index is used');
	RETURN NEXT is(lost(base), 0::bigint, kind || ': and finds all of them');
	RESET enable_seqscan;
	RESET enable_hashjoin;
	RESET enable_mergejoin;
	EXECUTE 'DROP INDEX kind';
END $$;

SELECT format('SELECT * FROM try_kind(%L, %L)', kind, definition) FROM kinds \gexec
SELECT is_empty($$SELECT * FROM paystate.verify('shop.orders')$$, 'verify() finds nothing');
SELECT * FROM finish();

DROP SCHEMA shop CASCADE;
