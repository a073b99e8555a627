-- Orders as they were: order_as_of() and orders_as_of() at, between, before
-- and after the moments of their history; amounts that changed; bad input.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

CREATE FUNCTION helper.was(an_order text, at timestamptz) RETURNS text
	LANGUAGE plpgsql
AS $$
BEGIN
	RETURN (SELECT format('%s: %s paid %s due %s attempts %s seq %s', a.order_key, a.status,
			a.amount_paid, a.amount_due, a.attempts, a.seq)
		FROM paystate.order_as_of('orders', at, an_order) a);
EXCEPTION WHEN no_data_found THEN
	RETURN 'nothing';
END
$$;

DO $$ BEGIN
	PERFORM given('a', 'razorpay', 1000, 'x=400 x>authorized x>captured y=600 y>failed', true);
	PERFORM given('b', 'plural', 1000, 'x= !cancel');
	PERFORM given('f', 'razorpay_first_payment', 1000);
	UPDATE orders SET amount = 1500 WHERE id = 'f';
	UPDATE orders SET amount = 1200 WHERE id = 'f';
	PERFORM helper.then('f', 'x= x>authorized x>captured');
END $$;

-- ---- every moment of every history, and one microsecond before it ----------------------------
SELECT is(helper.was(e.id, e.at), format('%s: %s paid %s due %s attempts %s seq %s', e.id,
		e.status, e.paid, e.due, e.attempts, e.seq), format('%s at the moment of its row %s', e.id, e.seq))
  FROM (SELECT e.*, h.at FROM (VALUES
		('a', 1, 'created', 0, 1000, 0), ('a', 2, 'created', 0, 1000, 0), ('a', 3, 'attempted', 0, 1000, 1),
		('a', 4, 'attempted', 400, 600, 1), ('a', 5, 'attempted', 400, 600, 1), ('a', 6, 'attempted', 400, 600, 2),
		('b', 1, 'created', 0, 1000, 0), ('b', 2, 'pending', 0, 1000, 1),
		('f', 1, 'created', 0, 1000, 0), ('f', 2, 'created', 0, 1500, 0), ('f', 3, 'created', 0, 1200, 0),
		('f', 4, 'created', 0, 1200, 0), ('f', 5, 'attempted', 0, 1200, 1), ('f', 6, 'paid', 1200, 0, 1)
	) e (id, seq, status, paid, due, attempts)
  JOIN order_history h ON h.order_id = e.id AND h.seq = e.seq ORDER BY e.id, e.seq) e;
SELECT is(helper.was('b', (SELECT max(at) FROM order_history WHERE order_id = 'b')),
	'b: cancelled paid 0 due 1000 attempts 1 seq 4', 'of rows with the same time the last one counts');
SELECT is(helper.was(h.order_id, h.at - interval '1 microsecond'),
		CASE WHEN h.seq = 1 THEN 'nothing' ELSE helper.was(h.order_id, h.before) END,
		format('%s one microsecond before its row %s', h.order_id, h.seq))
  FROM (SELECT h.*, lag(h.at) OVER (PARTITION BY h.order_id ORDER BY h.seq) AS before
		  FROM order_history h ORDER BY h.order_id, h.seq) h
 WHERE h.before IS DISTINCT FROM h.at;
SELECT is(helper.was('a', 'infinity'), 'a: attempted paid 400 due 600 attempts 2 seq 6', 'at infinity it is as it stands');
SELECT is(helper.was('a', '-infinity'), 'nothing', 'before time there was nothing');
SELECT throws_ok(format('SELECT * FROM paystate.order_as_of(%L, %L, %L)', 'orders', '1999-12-31 23:59:59+00', 'a'), 'P0002',
	'history of order "a" does not go back to ' || to_char('1999-12-31 23:59:59+00'::timestamptz, 'YYYY-MM-DD HH24:MI:SSTZH'), 'a moment before the first event is refused');

-- ---- all of them at once are each of them -----------------------------------------------------
SELECT bag_eq(format('SELECT * FROM paystate.orders_as_of(%L, %L)', 'orders', at),
		format('SELECT a.* FROM (SELECT o.id FROM orders o JOIN order_history h ON h.order_id = o.id AND h.seq = 1 AND h.at <= %2$L OFFSET 0) o, paystate.order_as_of(%1$L, %2$L, o.id) a', 'orders', at),
		format('all orders at moment %s of the history', row_number() OVER (ORDER BY at)))
  FROM (SELECT DISTINCT at FROM order_history) h;
SELECT results_eq($$SELECT order_key, status, amount_paid, amount_due, attempts, seq FROM paystate.orders_as_of('orders', 'infinity') ORDER BY 1$$,
	$$SELECT id COLLATE "default", status::text, amount_paid, amount_due, attempts, version FROM orders ORDER BY 1$$,
	'at infinity all orders are as they stand');
SELECT is_empty($$SELECT * FROM paystate.orders_as_of('orders', '2000-01-01')$$, 'no order before the first event');

-- ---- other keys, other names ------------------------------------------------------------------
CREATE SCHEMA "Big ""Shop";
CREATE SCHEMA unique_shop;
DO $$ BEGIN
	PERFORM paystate.create_tables('Big "Shop', key_type => 'bigint');
	PERFORM paystate.create_tables('unique_shop', key_type => 'uuid');
END $$;
INSERT INTO "Big ""Shop".orders (id, amount) VALUES (17, 1000);
INSERT INTO "Big ""Shop".payments (order_id) VALUES (17);
INSERT INTO unique_shop.orders (id, amount) VALUES ('00000000-0000-0000-0000-00000000abcd', 1000);
SELECT is(a, '(17,created,0,1000,0,2)', 'bigint keys in a schema of an odd name')
  FROM (SELECT a::text FROM paystate.order_as_of('"Big ""Shop".orders', 'infinity', '17') a) a (a);
SELECT is(a, '(00000000-0000-0000-0000-00000000abcd,created,0,1000,0,1)', 'uuid keys, in any spelling')
  FROM (SELECT a::text FROM paystate.order_as_of('unique_shop.orders', 'infinity', '{00000000-0000-0000-0000-00000000ABCD}') a) a (a);
SELECT is((SELECT count(*) FROM paystate.orders_as_of('"Big ""Shop".orders', 'infinity')), 1::bigint, 'all orders of that schema');

-- ---- its plan is kept, and made anew when the tables are others -----------------------------------
SELECT is(helper.was('a', 'infinity'), 'a: attempted paid 400 due 600 attempts 2 seq 6', 'time ' || n) FROM generate_series(1, 8) n;
SAVEPOINT kept;
ALTER TABLE orders RENAME TO "our Orders";
ALTER TABLE order_history RENAME TO "what was";
ALTER TABLE "what was" ADD more integer;
SELECT is((SELECT a::text FROM paystate.order_as_of('"our Orders"', 'infinity', 'a') a), '(a,attempted,400,600,2,6)', 'tables renamed');
ALTER SCHEMA shop RENAME TO "Shop";
SELECT is((SELECT a::text FROM paystate.order_as_of('"Shop"."our Orders"', 'infinity', 'a') a), '(a,attempted,400,600,2,6)', 'so is their schema');
CREATE SCHEMA shop;
CREATE TABLE shop.orders (LIKE "Shop"."our Orders");
SELECT is((SELECT a::text FROM paystate.order_as_of('"Shop"."our Orders"', 'infinity', 'a') a), '(a,attempted,400,600,2,6)', 'others have their names now');
ALTER TABLE "Shop"."what was" DROP more;
ALTER TABLE "Shop"."what was" RENAME attempts TO tries;
SELECT throws_ok($$SELECT * FROM paystate.order_as_of('"Shop"."our Orders"', 'infinity', 'a')$$, '23PS8', NULL, 'a column is missing');
ROLLBACK TO kept;
SELECT is(helper.was('a', 'infinity'), 'a: attempted paid 400 due 600 attempts 2 seq 6', 'all as before');

-- ---- bad input ----------------------------------------------------------------------------------
SELECT throws_ok($$SELECT * FROM paystate.order_as_of('orders', now(), 'nobody')$$, 'P0002', 'order "nobody" does not exist', 'an unknown key');
SELECT throws_ok($$SELECT * FROM paystate.order_as_of('orders', now(), 'a', 'b')$$, '22023', 'wrong number of key values for table "orders"', 'too many values');
SELECT throws_ok($$SELECT * FROM paystate.order_as_of('orders', now(), VARIADIC '{}')$$, '22023', 'wrong number of key values for table "orders"', 'no value');
SELECT throws_ok($$SELECT * FROM paystate.order_as_of('orders', now(), VARIADIC NULL)$$, '22004', 'argument "order_key" must not be null', 'no array');
SELECT throws_ok($$SELECT * FROM paystate.order_as_of('orders', now(), NULL)$$, '22004', 'argument "order_key" must not be null', 'a null key');
SELECT throws_ok($$SELECT * FROM paystate.order_as_of('orders', NULL, 'a')$$, '22004', 'argument "at" must not be null', 'a null moment');
SELECT throws_ok($$SELECT * FROM paystate.orders_as_of('orders', NULL)$$, '22004', 'argument "at" must not be null', 'a null moment for all');
SELECT throws_ok($$SELECT * FROM paystate.orders_as_of(NULL, now())$$, '22004', 'argument "orders" must not be null', 'a null table');
SELECT throws_ok($$SELECT * FROM paystate.order_as_of('"Big ""Shop".orders', now(), 'x')$$, '22P02', 'invalid input syntax for type bigint: "x"', 'a key of the wrong type');
SELECT throws_ok($$SELECT * FROM paystate.order_as_of('payments', now(), 'a')$$, '23PS8', 'table "payments" is not bound to a life cycle', 'a table that is no orders table');
SELECT throws_ok($$SELECT * FROM paystate.orders_as_of('pg_class', now())$$, '23PS8', 'table "pg_class" is not bound to a life cycle', 'a table that is not ours');

-- ---- rights: those of the caller ----------------------------------------------------------------
CREATE ROLE asof_reader;
GRANT USAGE ON SCHEMA shop TO asof_reader;
GRANT SELECT ON orders TO asof_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA helper, public TO asof_reader;
GRANT USAGE ON SCHEMA helper TO asof_reader;
SELECT set_config('helper.role', 'asof_reader', true);
SELECT is(helper.outcome($$SELECT * FROM paystate.order_as_of('orders', now(), 'a')$$), '42501 permission denied for table order_history', 'who may not read the history is refused');
SELECT is(helper.outcome($$SELECT * FROM paystate.orders_as_of('orders', now())$$), '42501 permission denied for table order_history', 'and so for all orders');
RESET ROLE;
GRANT SELECT ON order_history TO asof_reader;
SELECT is(helper.outcome($$SELECT * FROM paystate.order_as_of('orders', 'infinity', 'a')$$), 'accepted', 'who may read both is served');
SELECT is(helper.outcome($$SELECT * FROM paystate.orders_as_of('orders', now())$$), 'accepted', 'and so for all orders');
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY but_a ON orders FOR SELECT TO asof_reader USING (id <> 'a');
SELECT is(o.says, o.outcome, 'whoever asked before, a row that a policy hides is not there: ' || o.id || ' for ' || coalesce(nullif(o.role, ''), 'the owner'))
  FROM (SELECT set_config('helper.role', role, true), helper.outcome(format($$SELECT * FROM paystate.order_as_of('orders', 'infinity', %L)$$, id)), says, role, id
		  FROM (VALUES (1, '', 'a', 'accepted'), (2, 'asof_reader', 'a', 'P0002 order "a" does not exist'), (3, '', 'a', 'accepted'),
			(4, 'asof_reader', 'b', 'accepted')) v (n, role, id, says) ORDER BY n) o;
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;
RESET ROLE;
SELECT set_config('helper.role', '', true);

-- ---- one order is found by the key of the history -------------------------------------------------
DO $$ BEGIN
	FOR i IN 1..300 LOOP
		PERFORM given('many' || i, 'razorpay', 1000, 'x= x>authorized x>captured');
	END LOOP;
END $$;
SELECT is((SELECT count(*) FROM paystate.orders_as_of('orders', 'infinity') WHERE order_key LIKE 'many%' AND status = 'paid'
	AND amount_due = 0 AND seq = 4), 300::bigint, 'three hundred orders at once');
\ir lib/end.sql
