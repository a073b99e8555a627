-- The views beside the tables: exact numbers on orders whose history is known
-- to the minute, who may read them, and what they look like.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

-- Before any order there is nothing to tell.
SELECT is_empty(format('TABLE %I', v), format('%s is empty without orders', v))
  FROM unnest(ARRAY['time_in_status', 'status_funnel', 'stuck_orders', 'daily_conversion', 'order_attempts']) v;

-- What the guards record agrees with what the moments of the moves say.
DO $$
BEGIN
	PERFORM given('t1', 'razorpay', 1000, 'a=1000 a>failed b=1000 b>authorized a>authorized b>captured b-400 b-600');
	PERFORM given('t2', 'paykun', 1000, 'a=1000 a>captured a-1000');
	PERFORM given('t3', 'plural', 1000, 'a=600 b=400 a>processed b>failed c=400 c>processed a-600 c-400');
	PERFORM given('t4', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized a>processed:500 a-500');
	PERFORM given('t5', 'plural_preauth', 1000, 'a=600 b=400 a>authorized !cancel');
	PERFORM given('t6', 'plural', 1000, 'a=1000 a>failed b=1000 b>failed c=1000 !fail');
END
$$;
CREATE TEMP TABLE by_window AS
	WITH move AS (
		SELECT 'order' AS kind, order_id, order_id AS id, order_from::text AS was, order_to::text AS becomes, seq, at
		  FROM order_history
		UNION ALL
		SELECT 'payment', order_id, payment_id, payment_from::text, payment_to::text, seq, at
		  FROM order_history WHERE payment_id IS NOT NULL
	), stay AS (
		SELECT kind, order_id, becomes AS status, lead(at) OVER (PARTITION BY kind, id ORDER BY seq) - at AS lasted
		  FROM move WHERE was IS DISTINCT FROM becomes
	)
	SELECT kind, lifecycle, s.status, count(lasted),
		percentile_cont(0.5) WITHIN GROUP (ORDER BY lasted) AS median, max(lasted)
	  FROM stay s JOIN orders ON id = order_id WHERE lasted IS NOT NULL GROUP BY kind, lifecycle, s.status;
SELECT bag_eq('SELECT kind, lifecycle, status, count FROM time_in_status',
	'SELECT kind, lifecycle, status, count FROM by_window',
	'time_in_status counts the stays that a window over the history finds, for all four life cycles');
SELECT bag_eq($$SELECT lifecycle, status, max FROM time_in_status WHERE kind = 'order'$$,
	$$SELECT lifecycle, status, max FROM by_window WHERE kind = 'order'$$,
	'the longest of orders are the same');
-- a payment's own clock is read before its order is locked, so its stay may
-- begin a little before the history's row
SELECT is_empty($$SELECT t.*, w.median FROM time_in_status t JOIN by_window w USING (kind, lifecycle, status)
		WHERE t.max < w.max OR t.median < w.median - interval '1 microsecond'$$,
	'those of payments are no shorter');
SELECT cmp_ok((SELECT count(*) FROM time_in_status), '>=', 20::bigint, 'which is said of many statuses');
SELECT bag_eq('SELECT lifecycle, status, orders FROM status_funnel WHERE orders > 0', $$
	SELECT lifecycle, order_to::text, count(DISTINCT order_id) FROM order_history JOIN orders ON id = order_id
	 GROUP BY lifecycle, order_to$$,
	'status_funnel counts the orders that the history shows in each status');

-- From here on only the known orders count.
SET LOCAL session_replication_role = replica;
DELETE FROM refunds; DELETE FROM order_history; DELETE FROM payments; DELETE FROM orders;
SET LOCAL session_replication_role = origin;
\ir lib/known.sql

SELECT bag_eq('TABLE time_in_status', $$VALUES
	('order', 'razorpay', 'open', 'created', 4::bigint, '25 min'::interval, '51 min'::interval, '59 min 6 s'::interval, '1 h'::interval),
	('order', 'razorpay', 'open', 'attempted', 4, '30 min', '1 h 47 min', '2 h 16 min 42 s', '2 h 20 min'),
	('payment', 'razorpay', 'open', 'created', 5, '15 min', '26 min', '29 min 36 s', '30 min'),
	('payment', 'razorpay', 'held', 'authorized', 4, '30 min', '1 h 33 min', '1 h 57 min 18 s', '2 h'),
	('order', 'plural', 'open', 'created', 3, '1 min', '49 min', '59 min 48 s', '61 min'),
	('order', 'plural', 'open', 'pending', 3, '1 min', '1 min 48 s', '1 min 58.8 s', '2 min'),
	('order', 'plural', 'open', 'attempted', 1, '1 min', '1 min', '1 min', '1 min'),
	('order', 'plural', 'settled', 'processed', 1, '2 days', '2 days', '2 days', '2 days'),
	('order', 'plural', 'returned', 'partially_refunded', 1, '3 days', '3 days', '3 days', '3 days'),
	('payment', 'plural', 'open', 'pending', 3, '1 min', '1 min 48 s', '1 min 58.8 s', '2 min')$$,
	'time_in_status: closed stays with their quantiles; none of the order never tried, nor of what lasts');
SELECT is((SELECT max::text FROM time_in_status WHERE status = 'partially_refunded'), '3 days', 'days are days');

SELECT bag_eq('TABLE status_funnel', $$VALUES
	('razorpay', 'open', 'created', 5::bigint, 1.0000),
	('razorpay', 'open', 'attempted', 4, 0.8000),
	('razorpay', 'settled', 'paid', 4, 0.8000),
	('plural', 'open', 'created', 3, 1.0000),
	('plural', 'open', 'pending', 2, 0.6667),
	('plural', 'open', 'attempted', 1, 0.3333),
	('plural', 'settled', 'processed', 1, 0.3333),
	('plural', 'returned', 'partially_refunded', 1, 0.3333),
	('plural', 'returned', 'fully_refunded', 1, 0.3333),
	('plural', 'dead', 'cancelled', 1, 0.3333),
	('plural', 'dead', 'failed', 0, 0.0000)$$,
	'status_funnel: an order counts once however often it entered, a status that none entered counts 0');
SELECT is((SELECT array_agg(status) FROM (SELECT status FROM status_funnel WHERE lifecycle = 'razorpay') s),
	ARRAY['created', 'attempted', 'paid'], 'status_funnel narrows');

SELECT bag_eq('TABLE order_attempts', $$VALUES
	('razorpay', 0::bigint, 1::bigint, 0::bigint),
	('razorpay', 1, 3, 3),
	('razorpay', 2, 1, 1),
	('plural', 0, 1, 0),
	('plural', 1, 1, 1),
	('plural', 2, 1, 0)$$,
	'order_attempts: orders by their number of attempts, and how many are paid');

SELECT bag_eq('TABLE daily_conversion', $$VALUES
	('2024-03-04'::date, 'razorpay', 'INR', 2::bigint, 2::bigint, 1.0000, 2000::numeric),
	('2024-03-05', 'razorpay', 'INR', 3, 2, 0.6667, 2000),
	('2024-03-04', 'plural', 'INR', 2, 1, 0.5000, 1000),
	('2024-03-05', 'plural', 'INR', 1, 0, 0.0000, 0)$$,
	'daily_conversion: created and paid by the day of creation; refunds lower nothing');
INSERT INTO orders (id, amount, currency, created_at, partial_payment) VALUES
	('usd', 700, 'USD', '2024-03-05 18:29:59+00', true), ('late', 900, 'INR', '2024-03-05 18:30:00+00', false);
SELECT helper.then('usd', 'a=200 a>authorized a>captured') \g /dev/null
SET LOCAL TimeZone = 'Asia/Kolkata';
SELECT bag_eq($$SELECT day, currency, orders, paid, conversion, amount_paid FROM daily_conversion
		WHERE lifecycle = 'razorpay' AND day >= '2024-03-05'$$, $$VALUES
	('2024-03-05'::date, 'INR', 3::bigint, 2::bigint, 0.6667, 2000::numeric),
	('2024-03-05', 'USD', 1, 0, 0.0000, 200),
	('2024-03-06', 'INR', 1, 0, 0.0000, 0)$$,
	'daily_conversion: days of the session''s time zone, currencies apart, what was paid in part is paid money of an order not paid');
SET LOCAL TimeZone = 'UTC';

-- Stuck is later than expected.  The clock of a view stands still within a
-- transaction, so ages can be set to the second.
SELECT is_empty($$SELECT order_id FROM stuck_orders WHERE status IN ('paid', 'cancelled', 'fully_refunded')$$,
	'stuck_orders: an outcome is not stuck, however old');
SELECT bag_eq('SELECT order_id, role, status, attempts, amount_due FROM stuck_orders', $$VALUES
	('r5', 'open', 'created', 0::bigint, 1000::bigint), ('p3', 'open', 'attempted', 2, 1000)$$,
	'stuck_orders: old orders without an outcome');
SET LOCAL session_replication_role = replica;
DELETE FROM refunds; DELETE FROM order_history; DELETE FROM payments; DELETE FROM orders;
SET LOCAL session_replication_role = origin;

DO $$
BEGIN
	PERFORM helper.variant('rz_expires', 'razorpay', '{"order_expires": "10 days", "late_window": "3 days"}');
	PERFORM helper.variant('rz_late', 'razorpay', '{"late_window": "3 days"}');
	PERFORM helper.variant('rz_auth', 'razorpay', '{"authorization_expires": "2 hours", "order_expires": "10 days"}');
	PERFORM helper.variant('pre_auth', 'plural_preauth', '{"authorization_expires": "5 days"}');
END
$$;
CREATE TEMP TABLE waiting (lifecycle text, script text, allowed interval, of text);
INSERT INTO waiting VALUES
	('razorpay', '', '24 hours', 'nothing'),
	('razorpay', 'a=1000 a>authorized', '24 hours', 'nothing'),
	('razorpay', 'a=1000 a>failed', '24 hours', 'nothing'),
	('plural', 'a=1000', '24 hours', 'nothing'),
	('plural_preauth', 'a=1000 a>authorized', '24 hours', 'nothing'),
	('rz_expires', '', '10 days', 'order_expires'),
	('rz_expires', 'a=1000 a>failed', '10 days', 'order_expires'),
	('rz_expires', 'a=1000 a>authorized', '10 days', 'order_expires'),
	('rz_late', 'a=1000 a>failed', '3 days', 'late_window'),
	('rz_late', 'a=1000 a>failed b=1000', '24 hours', 'nothing'),
	('rz_late', '', '24 hours', 'nothing'),
	('rz_auth', 'a=1000 a>authorized', '2 hours', 'authorization_expires'),
	('rz_auth', '', '10 days', 'order_expires'),
	('pre_auth', 'a=1000 a>authorized', '5 days', 'authorization_expires'),
	('pre_auth', 'a=1000', '24 hours', 'nothing');
DO $$
DECLARE
	w record;
BEGIN
	FOR w IN SELECT *, row_number() OVER () AS nr FROM waiting LOOP
		PERFORM given('on_time' || w.nr, w.lifecycle, 1000, w.script);
		PERFORM given('too_late' || w.nr, w.lifecycle, 1000, w.script);
		SET LOCAL session_replication_role = replica;
		UPDATE orders SET status_since = now() - w.allowed WHERE id = 'on_time' || w.nr;
		UPDATE orders SET status_since = now() - w.allowed - interval '1 second' WHERE id = 'too_late' || w.nr;
		SET LOCAL session_replication_role = origin;
	END LOOP;
END
$$;
SELECT is((SELECT array_agg(format('%s after %s of %s', s.order_id, s.stuck_for, s.expected))
			 FROM stuck_orders s WHERE s.order_id IN ('on_time' || nr, 'too_late' || nr)),
		ARRAY[format('too_late%s after %s of %s', nr, justify_hours(allowed + interval '1 second'), allowed)],
		format('stuck_orders: %s, "%s" is stuck after %s (by %s)', lifecycle, script, allowed, of))
  FROM (SELECT *, row_number() OVER () AS nr FROM waiting) w ORDER BY nr;
SELECT results_eq($$SELECT status_since = now() - interval '10 days 1 second' FROM stuck_orders WHERE order_id = 'too_late6'$$,
	'VALUES (true)', 'stuck_orders: since when');
SET LOCAL paystate.stuck_after = '48 hours';
SELECT bag_eq('SELECT DISTINCT lifecycle, expected FROM stuck_orders', $$VALUES
	('rz_expires', '10 days'::interval), ('rz_late', '3 days'), ('rz_auth', '2 hours'),
	('rz_auth', '10 days'), ('pre_auth', '5 days')$$,
	'stuck_orders: the setting decides where the life cycle has no limit, there alone');
SET LOCAL paystate.stuck_after = '23 hours';
SELECT is((SELECT count(*) FROM stuck_orders WHERE expected = '23 hours'), 16::bigint,
	'stuck_orders: a lower setting shows those that were on time');
SET LOCAL paystate.stuck_after = 'soon';
SELECT throws_ok('TABLE stuck_orders', '22007', 'invalid input syntax for type interval: "soon"',
	'stuck_orders: a setting that is no interval is refused');
SET LOCAL paystate.stuck_after = '';
SELECT is((SELECT count(*) FROM stuck_orders), 15::bigint, 'stuck_orders: an empty setting is none');

SELECT helper.variant('rz_end', 'razorpay', '{}') \g /dev/null
UPDATE paystate.lifecycle_status SET terminal = true WHERE lifecycle = 'rz_end' AND kind = 'order' AND label = 'attempted';
SELECT helper.given('ended', 'rz_end', 1000, 'a=1000 a>failed'), helper.given('not_ended', 'rz_end', 1000) \g /dev/null
SET LOCAL session_replication_role = replica;
UPDATE orders SET status_since = now() - interval '9 days' WHERE lifecycle = 'rz_end';
SET LOCAL session_replication_role = origin;
SELECT bag_eq($$SELECT order_id FROM stuck_orders WHERE lifecycle = 'rz_end'$$, ARRAY['not_ended'],
	'stuck_orders: nothing is expected after a terminal status');

-- What they look like.
SELECT bag_eq($$
	SELECT c.relname::text, string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
	  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
	 WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind = 'v'
	 GROUP BY c.relname$$, $$VALUES
	('daily_conversion', 'day date, lifecycle text, currency text, orders bigint, paid bigint, conversion numeric, amount_paid numeric'),
	('order_attempts', 'lifecycle text, attempts bigint, orders bigint, paid bigint'),
	('status_funnel', 'lifecycle text, role text, status text, orders bigint, share numeric'),
	('stuck_orders', 'order_id text, lifecycle text, role text, status text, status_since timestamp with time zone, stuck_for interval, expected interval, attempts bigint, amount_due bigint'),
	('time_in_status', 'kind text, lifecycle text, role text, status text, count bigint, median interval, p90 interval, p99 interval, max interval')$$,
	'columns are of plain types');
SELECT is_empty($$
	SELECT c.relname, a.attname
	  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND (a.attnum > 0 OR a.attname = 'tableoid')
	 WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind = 'v' AND col_description(c.oid, a.attnum) IS NULL
	UNION ALL
	SELECT c.relname, NULL FROM pg_class c
	 WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind = 'v' AND obj_description(c.oid, 'pg_class') IS NULL$$,
	'each view and each column has a comment');

-- A dump writes a view as it is read back: doing so once must be the end of it.
CREATE FUNCTION helper.read_back(OUT view_name text, OUT first text, OUT second text) RETURNS SETOF record
	LANGUAGE plpgsql
AS $$
BEGIN
	FOR view_name, first IN SELECT relname, pg_get_viewdef(oid) FROM pg_class
			WHERE relnamespace = 'shop'::regnamespace AND relkind = 'v' LOOP
		EXECUTE 'CREATE VIEW helper.again AS ' || first;
		second := pg_get_viewdef('helper.again'::regclass);
		DROP VIEW helper.again;
		RETURN NEXT;
	END LOOP;
END
$$;
SELECT is(second, first, view_name || ' is restored as it was dumped') FROM helper.read_back() ORDER BY view_name;

-- Who may read them: SELECT on a view is enough, and is needed.
CREATE ROLE tap_analyst;
GRANT USAGE ON SCHEMA shop TO tap_analyst;
SELECT helper.given('w1', 'razorpay', 1000, 'a=1000 a>authorized a>captured') \g /dev/null
CREATE TEMP TABLE seen AS SELECT (SELECT count(*) FROM time_in_status) AS t, (SELECT count(*) FROM status_funnel) AS f,
	(SELECT count(*) FROM stuck_orders) AS s, (SELECT count(*) FROM daily_conversion) AS d, (SELECT count(*) FROM order_attempts) AS a;
SELECT set_config('helper.role', 'tap_analyst', true) \g /dev/null
SELECT helper.refused(format('SELECT FROM shop.%I', v), format('42501 permission denied for view %s', v),
	format('%s: not without SELECT on it', v))
  FROM unnest(ARRAY['time_in_status', 'status_funnel', 'stuck_orders', 'daily_conversion', 'order_attempts']) v;
GRANT SELECT ON shop.time_in_status, shop.status_funnel, shop.stuck_orders, shop.daily_conversion, shop.order_attempts TO tap_analyst;
SELECT helper.refused('SELECT FROM shop.orders', '42501 permission denied for table orders', 'the tables stay closed');
SELECT set_config('helper.role', '', true) \g /dev/null
SET LOCAL search_path = pg_catalog;
SET LOCAL ROLE tap_analyst;
CREATE TEMP TABLE seen_by_analyst AS SELECT (SELECT count(*) FROM shop.time_in_status) AS t, (SELECT count(*) FROM shop.status_funnel) AS f,
	(SELECT count(*) FROM shop.stuck_orders) AS s, (SELECT count(*) FROM shop.daily_conversion) AS d, (SELECT count(*) FROM shop.order_attempts) AS a;
RESET ROLE;
SET LOCAL search_path = shop, helper, public;
SELECT results_eq('TABLE seen_by_analyst', 'TABLE seen', 'with SELECT on the views alone all of them answer, whatever the search_path');
SELECT cmp_ok((SELECT least(t, f, s, d, a) FROM seen), '>', 0::bigint, 'and there was something to see');

-- Whose they are, and of other keys and layouts.
CREATE ROLE tap_owner;
CREATE SCHEMA "Shop ""2""" AUTHORIZATION tap_owner;
SET LOCAL ROLE tap_owner;
SELECT paystate.create_tables('Shop "2"', 'plural', 'bigint') \g /dev/null
RESET ROLE;
SELECT results_eq($$SELECT count(*), min(relowner)::regrole::text, max(relowner)::regrole::text FROM pg_class
		WHERE relnamespace = '"Shop ""2"""'::regnamespace AND relkind = 'v'$$,
	$$VALUES (5::bigint, 'tap_owner', 'tap_owner')$$, 'the views belong to the caller of create_tables');
INSERT INTO "Shop ""2""".orders (amount) VALUES (1000);
INSERT INTO "Shop ""2""".payments (order_id) VALUES (1);
UPDATE "Shop ""2""".payments SET status = 'processed';
SELECT results_eq($$SELECT status, count FROM "Shop ""2""".time_in_status WHERE kind = 'order'$$,
	$$VALUES ('created', 1::bigint), ('pending', 1)$$, 'in a schema whose name wants quotes, with bigint keys');
SELECT helper.refused($$SELECT paystate.create_views('Shop "2"')$$, '42P07 relation "time_in_status" already exists',
	'the views are made once');
SELECT helper.refused($$SELECT paystate.create_views('helper')$$, '42P01 relation "helper.order_history" does not exist',
	'and not without the tables');
CREATE SCHEMA months;
SELECT paystate.create_tables('months', 'razorpay', 'uuid', history_partition => 'month') \g /dev/null
INSERT INTO months.orders (amount) VALUES (1000);
INSERT INTO months.payments (order_id) SELECT id FROM months.orders;
UPDATE months.payments SET status = 'failed';
SELECT results_eq('SELECT status, orders FROM months.status_funnel WHERE orders > 0',
	$$VALUES ('attempted', 1::bigint), ('created', 1)$$, 'with uuid keys and a history by months');

-- lib/end.sql would find the times that were written past the guards
SELECT * FROM finish();
ROLLBACK;
