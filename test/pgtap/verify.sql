-- verify(): silent on what the guards wrote, and one row for each thing that
-- does not agree once someone switched them off.
\ir lib/shop.sql

SELECT * FROM no_plan();

-- Findings as 'key|problem|expected|actual', a time being 2000 or NOW.
CREATE FUNCTION helper.findings(orders regclass DEFAULT 'orders') RETURNS text[]
	LANGUAGE sql
AS $$
	SELECT coalesce(array_agg(regexp_replace(regexp_replace(concat_ws('|', coalesce(order_key, '-'),
			problem, coalesce(expected, '-'), coalesce(actual, '-')),
			'2000-\d\d-\d\d [0-9:.+]+', '2000', 'g'), '\d{4}-\d\d-\d\d [0-9:.+]+', 'NOW', 'g')
			ORDER BY order_key, problem), '{}')
	  FROM paystate.verify(orders);
$$;

-- What is found after some tampering with the guards off, in one way or the other.
CREATE FUNCTION helper.found(way text, tampering text) RETURNS text[]
	LANGUAGE plpgsql
AS $$
DECLARE
	got text[];
	t text;
BEGIN
	IF way = 'replica' THEN
		SET LOCAL session_replication_role = replica;
	END IF;
	FOREACH t IN ARRAY CASE WHEN way = 'disable' THEN '{orders,payments,refunds,order_history}' ELSE '{}' END::text[] LOOP
		EXECUTE format('ALTER TABLE %I DISABLE TRIGGER ALL', t);
	END LOOP;
	EXECUTE helper.here(tampering);
	SET LOCAL session_replication_role = origin;
	FOREACH t IN ARRAY CASE WHEN way = 'disable' THEN '{orders,payments,refunds,order_history}' ELSE '{}' END::text[] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE TRIGGER ALL', t);
	END LOOP;
	got := helper.findings();
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN RETURN got;
END
$$;

-- an order that was there before its history: its payments are taken as they
-- were found, and judged from then on
DO $$ BEGIN
	SET LOCAL session_replication_role = replica;
	INSERT INTO orders (id, amount, amount_paid, amount_due, amount_authorized, amount_refunded, status, attempts, payments_open,
			version, partial_payment, status_since, changed_at)
		VALUES ('old', 1000, 400, 600, 600, 50, 'attempted', 2, 1, 1, true, '2000-01-01', now());
	INSERT INTO payments (id, order_id, amount, amount_captured, amount_refunded, refund_pending, currency, status, status_since)
		VALUES ('old.a', 'old', 400, 400, 50, 30, 'INR', 'captured', '2000-01-01'), ('old.b', 'old', 600, 0, 0, 0, 'INR', 'authorized', '2000-01-01');
	PERFORM helper.write($w$INSERT INTO refunds (id, payment_id, amount, status, created_at) VALUES
		('old.a.r1', 'old.a', 50, 'processed', '2000-01-01'), ('old.a.r2', 'old.a', 30, 'pending', '2000-01-01')$w$);
	INSERT INTO order_history SELECT 'old', 1, now(), NULL, NULL, NULL, NULL, NULL, NULL, 'attempted', 1000, 400, 2, NULL, NULL, 'x', 'attached';
	SET LOCAL session_replication_role = origin;
END $$;
SELECT is(helper.findings(), '{}', 'an order that was attached');
DO $$ BEGIN
	UPDATE refunds SET status = 'processed' WHERE id = 'old.a.r2';
	PERFORM helper.then('old', 'b>captured a-20 a~10');
	UPDATE refunds SET status = 'failed' WHERE id = 'old.a.r4';
END $$;
SELECT helper.stands('old', 'paid 1000 of 1000, due 0, held 0, pending 0, back 100, attempts 2, open 0, v6; a captured 400/400-100-0, b captured 600/600-0-0',
	'it goes on under the guards');
SELECT is(helper.findings(), '{}', 'and is followed from where it was found');
SELECT is(helper.found('replica', $$UPDATE orders SET amount_refunded = 0 WHERE id = 'old'$$), ARRAY['old|amount_refunded|100|0'], 'its totals, too');
SELECT is(helper.found('replica', $$UPDATE refunds SET amount = 40 WHERE id = 'old.a.r1'$$), ARRAY['old|amount_refunded of payment "old.a"|90|100'],
	'and the refunds that were found');

-- ---- what the guards write ----------------------------------------------------------------------
DO $$ BEGIN
	PERFORM given('a', 'razorpay', 1000, 'a= a>authorized a>captured a-100 a~100');
	PERFORM given('b', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized a>processed:300');
	PERFORM given('c', 'razorpay', 1000, 'a= a>authorized');
	PERFORM given('n', 'razorpay', 1000);
END $$;
\if :{?sharded}
\else
INSERT INTO payments (id, amount) VALUES ('alone', 1000);
UPDATE payments SET status = 'authorized' WHERE id = 'alone';
\endif

SELECT is(helper.findings(), '{}', 'what the guards wrote agrees');

CREATE TEMP TABLE tampering (nr integer GENERATED ALWAYS AS IDENTITY, what text, expected text[]);
INSERT INTO tampering (what, expected) VALUES
	($$UPDATE orders SET amount_paid = 900 WHERE id = 'a'$$,
		ARRAY['a|amount_paid|1000|900']),
	($$UPDATE orders SET amount_due = 100 WHERE id = 'a'$$,
		ARRAY['a|amount_due|0|100']),
	($$UPDATE orders SET amount_authorized = 1 WHERE id = 'a'$$,
		ARRAY['a|amount_authorized|0|1']),
	($$UPDATE orders SET amount_pending = 1 WHERE id = 'a'$$,
		ARRAY['a|amount_pending|0|1']),
	($$UPDATE orders SET amount_refunded = 0 WHERE id = 'a'$$,
		ARRAY['a|amount_refunded|100|0']),
	($$UPDATE orders SET payments_open = 1 WHERE id = 'a'$$,
		ARRAY['a|payments_open|0|1']),
	($$UPDATE orders SET attempts = 2 WHERE id = 'a'$$,
		ARRAY['a|attempts|1|2']),
	($$UPDATE orders SET version = 7 WHERE id = 'a'$$,
		ARRAY['a|version|6|7']),
	($$UPDATE orders SET status = 'attempted' WHERE id = 'a'$$,
		ARRAY['a|status|paid|attempted']),
	($$UPDATE orders SET status = 'fully_refunded' WHERE id = 'a'$$,
		ARRAY['a|unknown status|one of life cycle "razorpay"|fully_refunded']),
	($$UPDATE orders SET amount = 1100 WHERE id = 'a'$$,
		ARRAY['a|amount|1000|1100']),
	($$UPDATE orders SET amount = 1100, amount_due = 100 WHERE id = 'a'$$,
		ARRAY['a|amount|1000|1100',
			'a|amount_due|0|100']),
	($$UPDATE orders SET currency = 'EUR' WHERE id = 'c'$$,
		ARRAY['c|currency of payment "c.a"|EUR|INR']),
	($$UPDATE orders SET currency = 'XYZ' WHERE id = 'n'$$,
		ARRAY['n|currency|one of life cycle "razorpay"|XYZ']),
	($$UPDATE orders SET lifecycle = 'nope' WHERE id = 'a'$$,
		ARRAY['a|unknown life cycle|a row of paystate.lifecycle|nope']),
	($$UPDATE orders SET lifecycle = 'plural' WHERE id = 'a'$$,
		ARRAY['a|illegal step in history row 2|a rule of life cycle "plural"|payment "a.a" new>created, order created>created, amount 1000',
			'a|unknown status|one of life cycle "plural"|paid',
			'a|unknown status of payment "a.a"|one of life cycle "plural"|captured']),
	($$UPDATE orders SET status_since = '2000-01-01 00:00+00', changed_at = '2000-01-02 00:00+00' WHERE id = 'a'$$,
		ARRAY['a|changed_at|NOW|2000',
			'a|status_since|NOW|2000']),
	($$DELETE FROM orders WHERE id = 'c'$$,
		ARRAY['c|missing order of 3 history rows|c|-',
			'c|missing order of payment "c.a"|c|-']),
	($$UPDATE payments SET status = 'captured' WHERE id = 'c.a'$$,
		ARRAY['c|status of payment "c.a"|authorized|captured']),
	($$UPDATE payments SET status = 'processed' WHERE id = 'c.a'$$,
		ARRAY['c|unknown status of payment "c.a"|one of life cycle "razorpay"|processed']),
	($$UPDATE payments SET status = 'captured', amount_captured = 1000 WHERE id = 'c.a'$$,
		ARRAY['c|amount_captured of payment "c.a"|0|1000',
			'c|status of payment "c.a"|authorized|captured']),
	($$UPDATE payments SET amount = 999 WHERE id = 'c.a'$$,
		ARRAY['c|amount of payment "c.a"|1000|999']),
	($$UPDATE payments SET amount_captured = 900 WHERE id = 'a.a'$$,
		ARRAY['a|amount_captured of payment "a.a"|1000|900']),
	($$UPDATE payments SET amount_refunded = 0 WHERE id = 'a.a'$$,
		ARRAY['a|amount_refunded of payment "a.a"|100|0']),
	($$UPDATE payments SET refund_pending = 0 WHERE id = 'a.a'$$,
		ARRAY['a|refund_pending of payment "a.a"|100|0']),
	($$UPDATE payments SET currency = 'USD' WHERE id = 'a.a'$$,
		ARRAY['a|currency of payment "a.a"|INR|USD']),
	($$UPDATE payments SET order_id = 'n' WHERE id = 'c.a'$$,
		ARRAY['c|amount_authorized|0|1000',
			'c|missing payment in history row 2|c.a|-',
			'c|payments_open|0|1',
			'n|missing history of payment "c.a"|a row for each change|-']),
	($$UPDATE payments SET order_id = 'gone' WHERE id = 'c.a'$$,
		ARRAY['c|amount_authorized|0|1000',
			'c|missing payment in history row 2|c.a|-',
			'c|payments_open|0|1',
			'gone|missing order of payment "c.a"|gone|-']),
	($$DELETE FROM payments WHERE id = 'c.a'$$,
		ARRAY['c|amount_authorized|0|1000',
			'c|missing payment in history row 2|c.a|-',
			'c|payments_open|0|1']),
	($$INSERT INTO payments (id, order_id, amount, currency, status, status_since) VALUES ('n.x', 'n', 1000, 'INR', 'created', now())$$,
		ARRAY['n|missing history of payment "n.x"|a row for each change|-']),
	($$UPDATE refunds SET amount = 200 WHERE id = 'a.a.r1'$$,
		ARRAY['a|amount of refund "a.a.r1" in history row 5|100|200',
			'a|amount_refunded of payment "a.a"|200|100']),
	($$UPDATE refunds SET status = 'failed' WHERE id = 'a.a.r1'$$,
		ARRAY['a|status of refund "a.a.r1"|processed|failed']),
	($$UPDATE refunds SET status = 'processed' WHERE id = 'a.a.r2'$$,
		ARRAY['a|status of refund "a.a.r2"|pending|processed']),
	($$DELETE FROM refunds WHERE id = 'a.a.r2'$$,
		ARRAY['a|missing refund in history row 6|a.a.r2|-',
			'a|refund_pending of payment "a.a"|0|100']),
	($$INSERT INTO refunds (id, payment_id, amount) VALUES ('x', 'a.a', 1)$$,
		ARRAY['a|missing history of refund "x"|a row for each change|-']),
	($$INSERT INTO refunds (id, payment_id, amount) VALUES ('x', 'nobody', 1)$$,
		ARRAY['-|missing payment of refund "x"|nobody|-']),
	($$UPDATE refunds SET payment_id = 'b.a' WHERE id = 'a.a.r2'$$,
		ARRAY['a|missing refund in history row 6|a.a.r2|-',
			'a|refund_pending of payment "a.a"|0|100',
			'b|missing history of refund "a.a.r2"|a row for each change|-']),
	($$UPDATE payments SET amount_refunded = 5 WHERE id = 'alone'$$,
		ARRAY['-|amount_refunded of payment "alone"|0|5']),
	($$UPDATE payments SET currency = 'XYZ' WHERE id = 'alone'$$,
		ARRAY['-|currency of payment "alone"|one of life cycle "razorpay"|XYZ']),
	($$DELETE FROM order_history WHERE order_id = 'a' AND seq = 1$$,
		ARRAY['a|gap before seq in history row 2|1|2']),
	($$DELETE FROM order_history WHERE order_id = 'a' AND seq = 3$$,
		ARRAY['a|gap before seq in history row 4|3|4']),
	($$DELETE FROM order_history WHERE order_id = 'a' AND seq = 6$$,
		ARRAY['a|changed_at|NOW|NOW',
			'a|missing history of refund "a.a.r2"|a row for each change|-',
			'a|refund_pending of payment "a.a"|0|100',
			'a|version|5|6']),
	($$DELETE FROM order_history WHERE order_id = 'a'$$,
		ARRAY['a|missing history|a row for each change|-']),
	($$UPDATE order_history SET at = '2000-01-01 00:00+00' WHERE order_id = 'a' AND seq = 5$$,
		ARRAY['a|falling time in history row 5|NOW|2000']),
	($$UPDATE order_history SET order_since = '2000-01-01 00:00+00' WHERE order_id = 'a' AND seq = 5$$,
		ARRAY['a|order_since in history row 5|NOW|2000']),
	($$UPDATE order_history SET order_from = 'created' WHERE order_id = 'a' AND seq = 4$$,
		ARRAY['a|order_from in history row 4|attempted|created']),
	($$UPDATE order_history SET order_to = 'paid' WHERE order_id = 'a' AND seq = 3$$,
		ARRAY['a|order_from in history row 4|paid|attempted']),
	($$UPDATE order_history SET order_to = 'attempted' WHERE order_id = 'a' AND seq = 6$$,
		ARRAY['a|order_to in history row 6|paid|attempted',
			'a|status|attempted|paid',
			'a|status_since|NOW|NOW']),
	($$UPDATE order_history SET payment_from = 'created' WHERE order_id = 'a' AND seq = 4$$,
		ARRAY['a|payment_from in history row 4|authorized|created']),
	($$UPDATE order_history SET payment_to = 'failed' WHERE order_id = 'a' AND seq = 3$$,
		ARRAY['a|payment_from in history row 4|failed|authorized']),
	($$UPDATE order_history SET payment_id = 'c.a' WHERE order_id = 'a' AND seq = 3$$,
		ARRAY['a|missing payment in history row 3|c.a|-']),
	($$UPDATE order_history SET amount_paid = 900 WHERE order_id = 'a' AND seq = 4$$,
		ARRAY['a|amount_paid in history row 4|1000|900']),
	($$UPDATE order_history SET attempts = 2 WHERE order_id = 'a' AND seq = 4$$,
		ARRAY['a|attempts in history row 4|1|2']),
	($$UPDATE order_history SET amount = 900 WHERE order_id = 'a' AND seq = 4$$,
		ARRAY['a|illegal step in history row 4|a rule of life cycle "razorpay"|payment "a.a" authorized>captured, order attempted>paid, amount 900']),
	($$UPDATE order_history SET amount = 900 WHERE order_id = 'a' AND seq = 1$$,
		ARRAY['a|illegal step in history row 2|a rule of life cycle "razorpay"|payment "a.a" new>created, order created>created, amount 1000']),
	($$UPDATE order_history SET refund_to = 'failed' WHERE order_id = 'a' AND seq = 6$$,
		ARRAY['a|refund_pending of payment "a.a"|0|100',
			'a|status of refund "a.a.r2"|failed|pending']),
	-- one that failed may be told late, but never of more than was captured
	($$UPDATE refunds SET amount = 1001 WHERE id = 'a.a.r2'; UPDATE order_history SET refund_to = 'failed', amount = 1001 WHERE order_id = 'a' AND seq = 6$$,
		ARRAY['a|illegal step in history row 6|a rule of life cycle "razorpay"|payment "a.a" captured>captured, refund "a.a.r2" to failed, order paid>paid, amount 1001',
			'a|refund_pending of payment "a.a"|1001|100']),
	($$UPDATE order_history SET refund_id = NULL WHERE order_id = 'a' AND seq = 6$$,
		ARRAY['a|missing refund in history row 6|a row of the refunds|-']),
	($$DELETE FROM order_history WHERE order_id = 'b' AND seq = 7$$,
		ARRAY['b|payments that did not go along in history row 6|0|1',
			'b|version|6|7']),
	($$UPDATE order_history SET order_id = 'gone' WHERE order_id = 'n'$$,
		ARRAY['gone|missing order of 1 history rows|gone|-',
			'n|missing history|a row for each change|-']),
	($$INSERT INTO order_history SELECT 'a', 7, h.at, payment_id, NULL, 'captured', 'refunded', NULL, 'paid', 'paid', 900, 1000, 1, status_since, NULL, 'x' FROM order_history h, orders o WHERE o.id = 'a' AND h.order_id = 'a' AND h.seq = 6$$,
		ARRAY['a|illegal step in history row 7|a rule of life cycle "razorpay"|payment "a.a" captured>refunded, order paid>paid, amount 900',
			'a|version|7|6']),
	($$INSERT INTO order_history SELECT 'n', 2, at, NULL, NULL, NULL, NULL, NULL, 'created', 'failed', 0, 0, 0, at, NULL, 'x' FROM order_history WHERE order_id = 'n'$$,
		ARRAY['n|illegal step in history row 2|a rule of life cycle "razorpay"|order created>failed, amount 0',
			'n|status|failed|created',
			'n|version|2|1']);

\if :{?sharded}
DELETE FROM tampering WHERE what LIKE '%''alone''%';
UPDATE tampering SET what = replace(what, 'refunds SET payment_id', 'refunds SET order_id = ''b'', payment_id');
\endif
SELECT is(helper.found(way, what), expected, format('%s: %s', way, what))
  FROM (SELECT * FROM tampering CROSS JOIN unnest(ARRAY['replica', 'disable']) way ORDER BY nr, way) t;
SELECT is(helper.findings(), '{}', 'all of that is undone');

-- ---- several at once: one row each, and none for their neighbours --------------------------------
SELECT is(helper.found('replica', $$UPDATE orders SET amount_paid = amount_paid + 1 WHERE id IN ('a', 'b', 'c')$$),
	ARRAY['a|amount_paid|1000|1001', 'b|amount_paid|300|301', 'c|amount_paid|0|1'], 'three orders, three findings');
-- what is wrong throughout, in payments and order alike, is found by the history
SELECT is(helper.found('replica', $$WITH p AS (UPDATE payments SET status = 'captured', amount_captured = 1000 WHERE id = 'c.a' RETURNING 1)
		UPDATE orders SET amount_paid = 1000, amount_due = 0, amount_authorized = 0, payments_open = 0, status = 'paid' WHERE id = 'c'$$),
	ARRAY['c|amount_authorized|1000|0', 'c|amount_captured of payment "c.a"|0|1000', 'c|amount_due|1000|0', 'c|amount_paid|0|1000',
		'c|payments_open|1|0', 'c|status|attempted|paid', 'c|status of payment "c.a"|authorized|captured'],
	'a capture forged in payment and order');

-- ---- histories that were not written by an event -------------------------------------------------
-- a status that was forced, its payments going along
SELECT is(helper.found('replica', $$
	WITH o AS (UPDATE orders SET status = 'attempted', version = 3, changed_at = now(), status_since = now() WHERE id = 'forced' RETURNING 1)
	SELECT * FROM o$$), '{}', 'no such order, nothing found');
DO $$ BEGIN
	PERFORM given('forced', 'plural', 1000, 'a=600');
	SET LOCAL session_replication_role = replica;
	INSERT INTO order_history SELECT 'forced', 3, o.changed_at + interval '1 s', NULL, NULL, NULL, NULL, NULL,
			'pending', 'failed', 0, 0, 1, o.status_since, NULL, 'boss', 'because', NULL, true FROM orders o WHERE id = 'forced';
	INSERT INTO order_history SELECT 'forced', 4, o.changed_at + interval '1 s', 'forced.a', NULL, 'pending', 'failed', NULL,
			'failed', 'failed', 600, 0, 1, o.changed_at + interval '1 s', NULL, 'boss', 'because', NULL, true FROM orders o WHERE id = 'forced';
	UPDATE payments SET status = 'failed' WHERE id = 'forced.a';
	UPDATE orders SET status = 'failed', version = 4, amount_pending = 0, payments_open = 0,
		changed_at = changed_at + interval '1 s', status_since = changed_at + interval '1 s' WHERE id = 'forced';
	SET LOCAL session_replication_role = origin;
END $$;
SELECT is(helper.findings(), '{}', 'a status that was forced, with its payment');
SELECT is(helper.found('replica', $$UPDATE order_history SET forced = false WHERE order_id = 'forced' AND seq = 3; UPDATE order_history SET forced = false WHERE order_id = 'forced' AND seq = 4; UPDATE order_history SET payment_to = 'cancelled' WHERE order_id = 'forced' AND seq = 4$$),
	ARRAY['forced|illegal step in history row 4|a rule of life cycle "plural"|payment "forced.a" pending>cancelled, order failed>failed, amount 600'],
	'the same without "forced" is an order that failed, whose payment did not');
-- ---- replay(): what the rules make of it, row by row ----------------------------------------------
SELECT results_eq($$SELECT seq, status, amount_paid, amount_due, amount_authorized, amount_pending, amount_refunded, attempts, payments_open, problem
		FROM paystate.replay('orders', 'b')$$,
	$$VALUES (1, 'created', 0::bigint, 1000::bigint, 0::bigint, 0::bigint, 0::bigint, 0, 0, NULL::text),
		(2, 'pending', 0, 1000, 0, 600, 0, 1, 1, NULL), (3, 'pending', 0, 1000, 0, 1000, 0, 2, 2, NULL),
		(4, 'pending', 0, 1000, 600, 400, 0, 2, 2, NULL), (5, 'authorized', 0, 1000, 1000, 0, 0, 2, 2, NULL),
		(6, 'partially_captured', 300, 700, 400, 0, 0, 2, 1, NULL), (7, 'partially_captured', 300, 700, 0, 0, 0, 2, 0, NULL)$$,
	'a capture in part, the other payment going along');
SELECT is_empty($$SELECT o.id FROM orders o, LATERAL (SELECT * FROM paystate.replay('orders', o.id) r ORDER BY seq DESC LIMIT 1) r
	WHERE (o.version, o.status::text, o.amount_paid, o.amount_due, o.amount_authorized, o.amount_pending, o.amount_refunded, o.attempts, o.payments_open, NULL)
		IS DISTINCT FROM (r.seq, r.status, r.amount_paid, r.amount_due, r.amount_authorized, r.amount_pending, r.amount_refunded, r.attempts, r.payments_open, r.problem)$$,
	'the replay of each order ends in the order as it stands');
SAVEPOINT forged;
SET LOCAL session_replication_role = replica;
UPDATE order_history SET payment_to = 'captured', order_to = 'paid' WHERE order_id = 'c' AND seq = 2;
SET LOCAL session_replication_role = origin;
SELECT results_eq($$SELECT seq, status, problem FROM paystate.replay('orders', 'c')$$,
	$$VALUES (1, 'created', NULL), (2, 'created', 'illegal step in history row 2: expected a rule of life cycle "razorpay", actual payment "c.a" new>captured, order created>paid, amount 1000')$$,
	'a replay ends where a row is against the rules');
ROLLBACK TO forged;
SELECT throws_ok($$SELECT * FROM paystate.replay('orders', 'nobody')$$, 'P0002', 'order "nobody" does not exist', 'no replay of an unknown order');
SELECT throws_ok($$SELECT * FROM paystate.replay('payments', 'x')$$, '23PS8', 'table "payments" is not bound to a life cycle', 'nor of another table');

-- ---- other tables ----------------------------------------------------------------------------------
SELECT throws_ok($$SELECT * FROM paystate.verify('payments')$$, '23PS8', 'table "payments" is not bound to a life cycle', 'payments are no orders');
SELECT throws_ok($$SELECT * FROM paystate.verify('pg_class')$$, '23PS8', 'table "pg_class" is not bound to a life cycle', 'a table that is not guarded');
SELECT throws_ok($$SELECT * FROM paystate.verify('nowhere')$$, '42P01', 'relation "nowhere" does not exist', 'a table that is not there');
SAVEPOINT off;
ALTER TABLE orders DISABLE TRIGGER "A_paystate_guard";
SELECT throws_ok($$SELECT * FROM paystate.verify('orders')$$, '23PS8', 'table "orders" is not bound to a life cycle', 'while its guard is off');
ROLLBACK TO off;
CREATE SCHEMA "Big ""Shop";
CREATE SCHEMA unique_shop;
DO $$ BEGIN
	PERFORM paystate.create_tables('Big "Shop', key_type => 'bigint');
	PERFORM paystate.create_tables('unique_shop', key_type => 'uuid');
END $$;
SELECT is_empty($$SELECT * FROM paystate.verify('"Big ""Shop".orders')$$, 'nothing is wrong with empty tables');
INSERT INTO "Big ""Shop".orders (id, amount) SELECT i, 1000 FROM generate_series(1, 12) i;
INSERT INTO "Big ""Shop".payments (id, order_id) SELECT 100 + i, i FROM generate_series(1, 12) i;
UPDATE "Big ""Shop".payments SET status = 'authorized';
UPDATE "Big ""Shop".payments SET status = 'captured';
INSERT INTO "Big ""Shop".refunds (payment_id, amount) SELECT 100 + i, 10 * i FROM generate_series(1, 12) i;
INSERT INTO unique_shop.orders (amount) SELECT 1000 FROM generate_series(1, 12);
INSERT INTO unique_shop.payments (order_id) SELECT id FROM unique_shop.orders;
UPDATE unique_shop.payments SET status = 'failed';
SELECT is(helper.findings('"Big ""Shop".orders'), '{}', 'bigint keys in a schema of an odd name');
SELECT is(helper.findings('unique_shop.orders'), '{}', 'uuid keys');
SET LOCAL session_replication_role = replica;
UPDATE "Big ""Shop".orders SET amount_refunded = 0 WHERE id IN (9, 10);
UPDATE "Big ""Shop".payments SET status = 'authorized' WHERE order_id = 11;
UPDATE unique_shop.orders SET id = '00000000-0000-0000-0000-00000000abcd' WHERE id = (SELECT min(id::text)::uuid FROM unique_shop.orders);
SET LOCAL session_replication_role = origin;
SELECT is(helper.findings('"Big ""Shop".orders'), ARRAY['10|amount_refunded|100|0', '11|status of payment "111"|captured|authorized', '9|amount_refunded|90|0'],
	'drift under bigint keys');
SELECT is((SELECT array_agg(problem ORDER BY problem) FROM paystate.verify('unique_shop.orders') WHERE order_key = '00000000-0000-0000-0000-00000000abcd'),
	ARRAY['missing history'], 'an order whose key was changed has no history');

-- ---- by hash of the key, in two columns, in partitions ------------------------------------------------
CREATE SCHEMA parted;
CREATE TABLE parted.orders (merchant text, LIKE shop.orders INCLUDING DEFAULTS, PRIMARY KEY (merchant, id)) PARTITION BY HASH (merchant);
CREATE TABLE parted.payments (merchant text, LIKE shop.payments INCLUDING DEFAULTS, PRIMARY KEY (merchant, order_id, id),
	FOREIGN KEY (merchant, order_id) REFERENCES parted.orders) PARTITION BY HASH (merchant);
\set order_key 'order_id text COLLATE "C",'
\if :{?sharded}
\set order_key ''
\endif
CREATE TABLE parted.refunds (merchant text, :order_key LIKE shop.refunds INCLUDING DEFAULTS, PRIMARY KEY (merchant, order_id, id),
	FOREIGN KEY (merchant, order_id, payment_id) REFERENCES parted.payments) PARTITION BY HASH (merchant);
CREATE TABLE parted.order_history (merchant text, LIKE shop.order_history INCLUDING DEFAULTS, PRIMARY KEY (merchant, order_id, seq),
	FOREIGN KEY (merchant, order_id) REFERENCES parted.orders) PARTITION BY HASH (merchant);
DO $$ BEGIN
	EXECUTE (SELECT string_agg(format('CREATE TABLE parted.%s_%s PARTITION OF parted.%1$s FOR VALUES WITH (MODULUS 2, REMAINDER %2$s)', t, n), '; ' ORDER BY t)
		FROM unnest('{orders,payments,refunds,order_history}'::text[]) t, generate_series(0, 1) n);
	EXECUTE (SELECT string_agg(format('CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE OR DELETE ON parted.%s FOR EACH ROW
			EXECUTE FUNCTION paystate.guard_%s(''lifecycle=razorpay'')', t, replace(t, 'order_', '')), '; ')
		FROM unnest('{orders,payments,refunds,order_history}'::text[]) t);
	EXECUTE (SELECT string_agg(format('CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON parted.%s FOR EACH ROW
			EXECUTE FUNCTION paystate.guard_%s(''lifecycle=razorpay'')', t, t), '; ')
		FROM unnest('{orders,payments,refunds}'::text[]) t);
	EXECUTE (SELECT string_agg(format('CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON parted.%s FOR EACH STATEMENT
			EXECUTE FUNCTION paystate.guard_%s(''lifecycle=razorpay'')', t || leaf, replace(t, 'order_', '')), '; ')
		FROM unnest('{orders,payments,refunds,order_history}'::text[]) t, unnest('{"",_0,_1}'::text[]) leaf);
END $$;
INSERT INTO parted.orders (merchant, id, amount) SELECT m, i, 1000 FROM unnest('{x,y,z}'::text[]) m, generate_series(1, 4) i;
INSERT INTO parted.payments (merchant, order_id, id) SELECT merchant, id, 'p' FROM parted.orders;
UPDATE parted.payments SET status = 'authorized';
UPDATE parted.payments SET status = 'captured';
INSERT INTO parted.refunds (merchant, order_id, payment_id, id, amount, status)
	SELECT merchant, order_id, id, 'r', 100, CASE merchant WHEN 'x' THEN 'pending' ELSE 'processed' END::paystate.refund_status FROM parted.payments;
SELECT is(helper.findings('parted.orders'), '{}', 'a key of two columns, partitioned by hash');
SELECT is(helper.findings('parted.orders_1'), '{}', 'a partition stands for its table');
SET LOCAL session_replication_role = replica;
UPDATE parted.orders SET amount_paid = 1 WHERE (merchant, id) IN (('x', '2'), ('y', '3'));
UPDATE parted.refunds SET status = 'failed' WHERE (merchant, order_id) = ('z', '4');
SET LOCAL session_replication_role = origin;
SELECT is(helper.findings('parted.orders'), ARRAY['x, 2|amount_paid|1000|1', 'y, 3|amount_paid|1000|1', 'z, 4|status of refund "r"|processed|failed'],
	'drift in partitions');
DO $$ BEGIN
	PERFORM paystate.repair('parted.orders', 'x', '2');
	PERFORM paystate.repair('parted.orders', 'y', '3');
END $$;
SELECT is(helper.findings('parted.orders'), ARRAY['z, 4|status of refund "r"|processed|failed'], 'and mended there');

-- ---- rights: those of the caller ----------------------------------------------------------------------
CREATE ROLE auditor;
GRANT USAGE ON SCHEMA shop, helper TO auditor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA helper, public TO auditor;
GRANT SELECT ON orders, payments, order_history TO auditor;
SELECT set_config('helper.role', 'auditor', true);
SELECT is(helper.outcome($$SELECT * FROM paystate.verify('orders')$$), '42501 permission denied for table refunds', 'who may not read the refunds is refused');
RESET ROLE;
GRANT SELECT ON refunds TO auditor;
SELECT is(helper.outcome($$SELECT * FROM paystate.verify('orders')$$), 'accepted', 'who may read all four may verify');
SELECT is(helper.outcome($$SELECT paystate.repair('orders', 'a')$$), '42501 permission denied for function repair', 'not everyone may repair');
RESET ROLE;
GRANT EXECUTE ON FUNCTION paystate.repair TO auditor;
SELECT is(helper.outcome($$SELECT paystate.repair('orders', 'a')$$), '42501 must be owner of table orders', 'only the owner may repair');
RESET ROLE;
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY hiding ON payments USING (id <> 'a.a');
SELECT is(helper.outcome($$SELECT * FROM paystate.verify('orders')$$), '42501 query would be affected by row-level security policy for table "payments"',
	'a policy that hides rows is an error, not a finding');
RESET ROLE;
ALTER TABLE payments DISABLE ROW LEVEL SECURITY;
SELECT set_config('helper.role', '', true);

-- the plain checks know nothing of orders that were attached
SET LOCAL session_replication_role = replica;
DELETE FROM order_history WHERE order_id = 'old';
DELETE FROM refunds WHERE payment_id = 'old.a';
DELETE FROM payments WHERE order_id = 'old';
DELETE FROM orders WHERE id = 'old';
SET LOCAL session_replication_role = origin;

SELECT throws_ok(format('SELECT paystate.%s', call), '42P01', 'relation with OID 0 does not exist', call)
  FROM unnest('{"verify(0)", "replay(0, ''a'')", "repair(0, ''a'')", "order_as_of(0, now(), ''a'')", "orders_as_of(0, now())",
	"force_status(0, ''paid'', ''why'', ''a'')", "migrate_orders(0, ''razorpay'', ''plural'')"}'::text[]) AS call;

-- The owner's own code, here a cast of his type, runs with his rights alone,
-- whoever has them; and whoever has not must be able to read.
DO $$ BEGIN
	CREATE ROLE verify_owner;
	CREATE ROLE verify_reader;
	CREATE SCHEMA theirs AUTHORIZATION verify_owner;
	GRANT USAGE ON SCHEMA theirs TO verify_reader;
	SET LOCAL ROLE verify_owner;
	CREATE TYPE theirs.state AS ENUM ('created', 'attempted', 'paid');
	CREATE TABLE theirs.orders (id int PRIMARY KEY, amount int NOT NULL, status theirs.state NOT NULL);
	CREATE TABLE theirs.payments (id int PRIMARY KEY, order_id int REFERENCES theirs.orders, amount int NOT NULL, status text NOT NULL);
	CREATE INDEX ON theirs.payments (order_id);
	PERFORM paystate.attach('theirs.orders', 'theirs.payments', lifecycle => 'razorpay', add_columns => true);
	INSERT INTO theirs.orders (id, amount, status) VALUES (1, 1000, 'created');
	CREATE FUNCTION theirs.word(theirs.state) RETURNS text LANGUAGE plpgsql AS
		'BEGIN RETURN CASE $1 WHEN ''created'' THEN current_user::text ELSE ''paid'' END; END';
	CREATE CAST (theirs.state AS text) WITH FUNCTION theirs.word(theirs.state);
	RESET ROLE;
END $$;
SELECT results_eq($$SELECT DISTINCT actual FROM paystate.verify('theirs.orders') WHERE problem = 'unknown status'$$,
	$$VALUES ('verify_owner')$$, 'a superuser verifies as the owner of the tables');
SELECT is(current_user::text, session_user::text, 'and is himself afterwards');
SET LOCAL ROLE verify_reader;
SELECT throws_ok($$SELECT paystate.verify('theirs.orders')$$, '42501', 'permission denied for table payments', 'others verify as themselves');
RESET ROLE;
\ir lib/end.sql
