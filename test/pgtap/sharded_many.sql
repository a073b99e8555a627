-- Many rows in one statement where all four tables are in sixteen hash
-- partitions each: the same statements there and in plain tables of the same
-- layout come to the same rows, are refused for the same payment, and leave
-- nothing when they are.
BEGIN;
SET LOCAL client_min_messages = error;
CREATE SCHEMA helper;
CREATE SCHEMA shop;
SET LOCAL search_path = shop, helper, public;
\ir lib/spread.sql
CREATE SCHEMA flat;
SELECT paystate.create_tables('flat', sharded => true) \g /dev/null
SELECT * FROM no_plan();
\set n 300

-- All that a shop holds, but for the times and the keys that paystate makes.
-- Which of an order's payments came first is left to the plan: its history is
-- compared without them, and beside it what became of each.
CREATE VIEW helper.compared AS SELECT * FROM (VALUES
	('orders', '{status_since,changed_at,created_at}'::text[]), ('payments', '{status_since,created_at}'), ('refunds', '{created_at}'),
	('order_history', '{at,order_since,payment_since,payment_id,refund_id}'),
	('order_history', '{at,order_since,payment_since,seq,amount_paid,attempts,order_from,order_to}')) v (name, without);
CREATE FUNCTION helper.all_of(shop text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	found text;
	all_found text = '';
	t helper.compared;
BEGIN
	FOR t IN SELECT * FROM helper.compared LOOP
		EXECUTE format($f$SELECT concat_ws(' ', count(*), md5(string_agg(j, E'\n' ORDER BY j COLLATE "C"))) FROM (
			SELECT regexp_replace((to_jsonb(x) - $1)::text, 'rfnd_.{14}', 'made') FROM %I.%I x) AS _ (j)$f$, shop, t.name) INTO found USING t.without;
		all_found := concat_ws(' ', all_found, t.name, found);
	END LOOP;
	RETURN all_found;
END
$$;

-- Runs it in both; the number of history rows that came of it, or the refusal.
CREATE FUNCTION helper.in_both(what text, wanted text, statement text) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
DECLARE
	shop text;
	detail text;
	got text;
	rows bigint;
	before text := current_setting('helper.standing', true);	-- of both
	now text;
BEGIN
	FOREACH shop IN ARRAY ARRAY['flat', 'shop'] LOOP
		PERFORM set_config('search_path', shop || ', helper, public', true);
		EXECUTE 'SELECT count(*) FROM order_history' INTO rows;
		BEGIN
			EXECUTE statement;
			EXECUTE 'SELECT count(*) - $1 FROM order_history' INTO got USING rows;
		EXCEPTION WHEN integrity_constraint_violation THEN
			GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
			got := concat_ws(' ', SQLSTATE, substring(detail FROM '^\w+ "\w+"'));
		END;
		RETURN NEXT is(got, wanted, format('%s, %s', what, shop));
		now := helper.all_of(shop);
		IF shop = 'flat' THEN
			PERFORM set_config('helper.standing', now, true);
		END IF;
		IF got LIKE '23%' THEN
			RETURN NEXT is(now, before, 'and nothing is left of it');
		END IF;
	END LOOP;
	RETURN NEXT is(now, current_setting('helper.standing'), what || ': both hold the same');
END
$$;

SELECT in_both('COPY', :'n', format('COPY orders (id, amount) FROM PROGRAM $p$seq 1 %s | sed "s/\(.*\)/o\1\t1000/"$p$', :n));
SELECT in_both('INSERT ... SELECT', :'n', format('INSERT INTO payments (id, order_id) SELECT ''p'' || i, ''o'' || i FROM generate_series(1, %s) i', :n));
SELECT in_both('UPDATE of all', :'n', $$UPDATE payments SET status = 'authorized'$$);
SELECT in_both('refused midway', '23PS4 Payment "p250"', $$UPDATE payments SET status = 'captured', amount_captured = CASE WHEN id = 'p250' THEN 999 ELSE 1000 END$$);
SELECT in_both('UPDATE backwards', :'n', $$UPDATE payments p SET status = 'captured'
	FROM (SELECT order_id, id FROM payments ORDER BY id DESC) x WHERE (x.order_id, x.id) = (p.order_id, p.id)$$);
SELECT in_both('refunds', :'n', format('INSERT INTO refunds (order_id, id, payment_id, amount) SELECT ''o'' || i, ''r'' || i, ''p'' || i, 10 FROM generate_series(1, %s) i', :n));
SELECT in_both('refunds beyond what was captured', '23PS4 Payment "p7"', format('INSERT INTO refunds (order_id, id, payment_id, amount)
	SELECT ''o'' || i, ''s'' || i, ''p'' || i, CASE i WHEN 7 THEN 991 WHEN 9 THEN 992 ELSE 1 END FROM generate_series(1, %s) i', :n));
SELECT in_both('refunded directly', '100', 'UPDATE payments SET status = ''refunded'' WHERE order_id IN (SELECT ''o'' || i FROM generate_series(1, 100) i)');

-- one order, many events of it in one statement, beside others
SELECT in_both('an order in parts', '2', 'INSERT INTO orders (id, amount, partial_payment) VALUES (''many'', 120000, true), (''few'', 1000, false)');
SELECT in_both('its payments', '121', $$INSERT INTO payments (id, order_id, amount)
	SELECT 'm' || i, CASE i WHEN 60 THEN 'few' ELSE 'many' END, 1000 FROM generate_series(1, 121) i$$);
SELECT in_both('authorized', '121', $$UPDATE payments SET status = 'authorized' WHERE order_id IN ('few', 'many')$$);
SELECT in_both('captured', '121', $$UPDATE payments SET status = 'captured' WHERE order_id IN ('few', 'many')$$);
SELECT is(concat_ws(' ', status, amount_paid, attempts, version), 'paid 120000 120 361', 'every one of them counts') FROM shop.orders WHERE id = 'many';

-- where a row may turn out otherwise
SELECT in_both('orders for what follows', '300', 'INSERT INTO orders (id, amount) SELECT ''c'' || i, 1000 FROM generate_series(1, 300) i');
SELECT in_both('payments of some', '100', 'INSERT INTO payments (id, order_id) SELECT ''c'' || i, ''c'' || i FROM generate_series(1, 100) i');
SELECT in_both('ON CONFLICT DO NOTHING', '100', 'INSERT INTO payments (id, order_id) SELECT ''c'' || i, ''c'' || i FROM generate_series(1, 200) i ON CONFLICT DO NOTHING');
SELECT in_both('ON CONFLICT DO UPDATE', '300', $$INSERT INTO payments (id, order_id) SELECT 'c' || i, 'c' || i FROM generate_series(1, 300) i
	ON CONFLICT (order_id, id) DO UPDATE SET status = 'authorized'$$);
SELECT in_both('MERGE', '200', $$MERGE INTO payments p USING (SELECT 'c' || i AS id FROM generate_series(1, 300) i) x ON (p.order_id, p.id) = (x.id, x.id)
	WHEN MATCHED AND p.status = 'authorized' THEN UPDATE SET status = 'captured' WHEN MATCHED THEN DO NOTHING$$);
SELECT in_both('orders that can be cancelled', '120', $$WITH o AS (INSERT INTO orders (id, lifecycle, amount)
	SELECT 'x' || i, 'plural', 1000 FROM generate_series(1, 60) i RETURNING id) INSERT INTO payments (id, order_id) SELECT id, id FROM o$$);
SELECT in_both('with their payments', '120', $$UPDATE orders SET status = 'cancelled' WHERE lifecycle = 'plural'$$);

SELECT is((SELECT count(DISTINCT tableoid) FROM shop.order_history), 16::bigint, 'all partitions have their share');
SELECT is_empty(format('SELECT * FROM paystate.verify(%L)', shop || '.orders'), 'verify() finds nothing in ' || shop) FROM unnest('{flat,shop}'::text[]) shop;
SELECT is_empty($$SELECT * FROM pg_backend_memory_contexts WHERE name ~ '^paystate (pending|waiting)'$$, 'no memory is kept for what waited');
SELECT * FROM finish();
ROLLBACK;
