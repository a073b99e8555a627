-- expire(): orders and authorizations past the limits of their life cycles,
-- and authorizations that have no order.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

DO $$ BEGIN
	PERFORM helper.variant('razorpay_hold', 'razorpay', '{"authorization_expires": "100 ms"}');
	PERFORM helper.variant('paykun_hold', 'paykun', '{"authorization_expires": "100 ms"}');
	PERFORM helper.variant('preauth_hold', 'plural_preauth', '{"authorization_expires": "100 ms", "order_expires": "100 ms"}');
	PERFORM helper.variant('preauth_order', 'plural_preauth', '{"order_expires": "100 ms"}');
	PERFORM helper.variant('plural_wait', 'plural', '{"order_expires": "100 ms"}');
	PERFORM helper.variant('plural_slow', 'plural', '{"order_expires": "1 hour", "late_window": "100 ms"}');
	PERFORM helper.variant('plural_late', 'plural', '{"late_window": "100 ms"}');
	PERFORM helper.variant('razorpay_wait', 'razorpay', '{"order_expires": "100 ms"}');

	PERFORM given('hold', 'razorpay_hold', 1000, 'a= b= a>authorized');
	PERFORM given('held-for-good', 'razorpay', 1000, 'a= a>authorized');
	PERFORM given('captured', 'razorpay_hold', 1000, 'a= a>authorized a>captured');
	PERFORM given('late', 'razorpay_hold', 1000, 'a= b= a>authorized a>captured b>authorized');
	PERFORM given('paykun', 'paykun_hold', 1000, 'a= a>authorized');
	PERFORM given('void', 'preauth_hold', 1000, 'a= a>authorized');
	PERFORM given('leg', 'preauth_hold', 1000, 'a=600 b=400 a>authorized');
	PERFORM given('legs', 'preauth_hold', 1000, 'a=600 b=400 a>authorized b>authorized');
	PERFORM given('part', 'preauth_hold', 1000, 'a=600 b=400 a>authorized b>authorized a>processed');
	PERFORM given('whole', 'preauth_order', 1000, 'a= a>authorized');
	PERFORM given('new', 'plural_wait', 1000);
	PERFORM given('open', 'plural_wait', 1000, 'a=600 b=400');
	PERFORM given('failed', 'plural_wait', 1000, 'a= a>failed');
	PERFORM given('split', 'plural_wait', 1000, 'a=600 a>processed b=400 b>failed');
	PERFORM given('done', 'plural_wait', 1000, 'a= a>processed');
	PERFORM given('young', 'plural_slow', 1000, 'a= a>failed');
	PERFORM given('late-failed', 'plural_late', 1000, 'a= a>failed');
	PERFORM given('late-open', 'plural_late', 1000, 'a=');
	PERFORM given('late-new', 'plural_late', 1000);
	PERFORM given('no-event', 'razorpay_wait', 1000, 'a= a>failed');
	INSERT INTO orders (id, lifecycle, amount, created_at) VALUES ('old', 'plural_slow', 1000, now() - interval '2 hours');
END $$;
-- where every payment has its order, one more of these stands for what has none
\if :{?sharded}
SELECT given('alone-held', 'razorpay_hold', 1000, 'a= a>authorized') \gset
\else
DO $$ BEGIN
	INSERT INTO payments (id, amount) VALUES ('alone-new', 100), ('alone-held', 100), ('alone-failed', 100);
	UPDATE payments SET status = 'authorized' WHERE id = 'alone-held';
	UPDATE payments SET status = 'failed' WHERE id = 'alone-failed';
END $$;
\endif
SELECT pg_sleep(0.15) AS slept \gset
CREATE TEMP TABLE before AS SELECT order_id, max(seq) AS seq FROM order_history GROUP BY order_id;

-- ---- what may not -------------------------------------------------------------------------------------
CREATE ROLE keeper;
CREATE ROLE stranger;
GRANT USAGE ON SCHEMA helper, shop TO keeper, stranger;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA helper, public TO keeper, stranger;
GRANT ALL ON SCHEMA shop TO keeper;
GRANT SELECT ON before TO keeper;
GRANT SELECT, INSERT, UPDATE ON orders, payments, refunds TO stranger;
SELECT helper.give('keeper') \gset
SELECT ok(NOT has_function_privilege('public', 'paystate.expire(regclass, integer)', 'EXECUTE'), 'EXECUTE is not with PUBLIC');
SELECT set_config('helper.role', 'stranger', true) AS "role" \gset
SELECT helper.refused($$SELECT paystate.expire('orders')$$, '42501 permission denied for function expire', 'not without EXECUTE');
GRANT EXECUTE ON FUNCTION paystate.expire TO keeper, stranger;
SELECT helper.refused($$SELECT paystate.expire('orders')$$, '42501 must be owner of table orders', 'nor on tables of another owner');
SELECT set_config('helper.role', 'keeper', true) AS "role" \gset
SELECT helper.refused($$SELECT paystate.expire('orders', -1)$$, '22023 argument "batch" must not be negative', 'a negative batch');
SELECT helper.refused($$SELECT paystate.expire('payments')$$, '23PS8 table "payments" is not bound to a life cycle', 'a table of payments');
SELECT is(left(helper.outcome($$SELECT paystate.expire('pg_class')$$), 5), '23PS8', 'a table that is not bound');
SELECT helper.no_op($$SELECT paystate.expire('orders', 0)$$, 'a batch of nothing');
SELECT helper.no_op($$SELECT paystate.expire('orders', NULL)$$, 'no batch');
SELECT set_config('helper.role', '', true) AS "role" \gset

-- ---- in one batch, or in many small ones --------------------------------------------------------------
CREATE FUNCTION helper.all_standing() RETURNS text
	LANGUAGE sql AS $$ SELECT string_agg(id || ': ' || helper.standing(id), E'\n' ORDER BY id) FROM orders $$;
CREATE FUNCTION helper.in_batches(batch integer, OUT counts bigint[], OUT standing text)
	LANGUAGE plpgsql
AS $$
DECLARE
	n bigint;
BEGIN
	LOOP
		n := paystate.expire('orders', batch);
		counts := counts || n;
		EXIT WHEN n = 0;
	END LOOP;
	standing := helper.all_standing();
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;
GRANT EXECUTE ON FUNCTION helper.in_batches TO keeper;
SET ROLE keeper;
SELECT results_eq('SELECT counts FROM helper.in_batches(1)', $$VALUES (array_fill(1::bigint, ARRAY[15]) || 0::bigint)$$, 'one by one, until there is none');
SELECT results_eq('SELECT counts FROM helper.in_batches(5)', $$VALUES ('{5,5,5,0}'::bigint[])$$, 'five by five');
SELECT is((SELECT standing FROM helper.in_batches(1)), (SELECT standing FROM helper.in_batches(1000)), 'it comes to the same');
SELECT is(paystate.expire('orders'), 15::bigint, 'all at once');
SELECT helper.no_op($$SELECT paystate.expire('orders')$$, 'then there is nothing left');
RESET ROLE;

-- ---- what became of each -------------------------------------------------------------------------------
SELECT is(helper.standing(o), stands, what)
  FROM (VALUES
	('hold', 'attempted 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 1, open 1, v5; a refunded 0/1000-1000-0, b created 0/1000-0-0', 'an authorization is given back, where refunds are known'),
	('held-for-good', 'attempted 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 1, open 1, v3; a authorized 0/1000-0-0', 'not where there is no limit'),
	('captured', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0', 'what was captured stays'),
	('late', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v7; a captured 1000/1000-0-0, b refunded 0/1000-1000-0', 'an authorization that the order took no more'),
	('paykun', 'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a failed 0/1000-0-0', 'or fails'),
	('void', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a cancelled 0/1000-0-0', 'or is voided, with its order'),
	('leg', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v7; a cancelled 0/600-0-0, b failed 0/400-0-0', 'of two legs, the held one is voided, and then the order fails'),
	('legs', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v7; a cancelled 0/600-0-0, b cancelled 0/400-0-0', 'one leg takes the other along'),
	('part', 'partially_captured 600 of 1000, due 400, held 0, pending 0, back 0, attempts 2, open 0, v7; a processed 600/600-0-0, b cancelled 0/400-0-0', 'a hold beside captured money is released'),
	('whole', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v5; a cancelled 0/1000-0-0', 'where only the order has a limit, it takes its hold along'),
	('new', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 0, open 0, v2', 'a new order cannot fail, so it is cancelled'),
	('open', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v6; a failed 0/600-0-0, b failed 0/400-0-0', 'one with payments under way fails with them'),
	('failed', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a failed 0/1000-0-0', 'one whose attempts failed'),
	('split', 'attempted 600 of 1000, due 400, held 0, pending 0, back 0, attempts 2, open 0, v5; a processed 600/600-0-0, b failed 0/400-0-0', 'captured money keeps an order'),
	('done', 'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v3; a processed 1000/1000-0-0', 'so does an outcome'),
	('young', 'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v3; a failed 0/1000-0-0', 'before its time nothing expires; the order''s limit goes before the late window'),
	('old', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 0, open 0, v2', 'time runs from the creation'),
	('late-failed', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a failed 0/1000-0-0', 'an order whose attempts failed waits for a late authorization no longer than the window'),
	('late-open', 'pending 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 1, open 1, v2; a pending 0/1000-0-0', 'the window has nothing to say while one is under way'),
	('late-new', 'created 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 0, open 0, v1', 'nor before the first'),
	('no-event', 'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v3; a failed 0/1000-0-0', 'where orders neither fail nor are cancelled, none expires')
	) AS t (o, stands, what);
\if :{?sharded}
SELECT is((SELECT string_agg(concat_ws(' ', payment_id, amount, status), ', ' ORDER BY payment_id) FROM refunds),
	'alone-held.a 1000 processed, hold.a 1000 processed, late.b 1000 processed', 'refunds tell of what was given back');
\else
SELECT is((SELECT string_agg(concat_ws(' ', id, status, amount_refunded), ', ' ORDER BY id) FROM payments WHERE order_id IS NULL),
	'alone-failed failed 0, alone-held refunded 100, alone-new created 0', 'an authorization without an order is given back');
SELECT is((SELECT string_agg(concat_ws(' ', payment_id, amount, status), ', ' ORDER BY payment_id) FROM refunds),
	'alone-held 100 processed, hold.a 1000 processed, late.b 1000 processed', 'refunds tell of what was given back');
\endif
SELECT is((SELECT array_agg(DISTINCT concat_ws(' ', h.reason, h.actor = session_user, h.forced)) FROM order_history h JOIN before b USING (order_id) WHERE h.seq > b.seq),
	'{expired t f}', 'the history says why');
SELECT is(current_setting('paystate.reason', true), '', 'and the setting is as it was');

-- ---- a policy, a user trigger, other names ---------------------------------------------------------------
DO $$ BEGIN PERFORM given('policy', 'razorpay_hold', 1000, 'a= a>authorized'); END $$;
SELECT pg_sleep(0.15) AS slept \gset
SAVEPOINT policy;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
SELECT set_config('helper.role', 'keeper', true) AS "role" \gset
SELECT helper.refused($$SELECT paystate.expire('orders')$$, '42501 query would be affected by row-level security policy for table "orders"', 'a policy that would hide orders');
SELECT set_config('helper.role', '', true) AS "role" \gset
ROLLBACK TO policy;
CREATE FUNCTION helper.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER nothing BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION helper.nothing();
CREATE TRIGGER nothing BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION helper.nothing();
SELECT is(paystate.expire('orders'), 1::bigint, 'by the general path');
SELECT helper.stands('policy', 'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a refunded 0/1000-1000-0', 'given back');

CREATE SCHEMA other;
CREATE TABLE other.bills (region text, no integer, state varchar(20) NOT NULL, total integer NOT NULL, PRIMARY KEY (region, no));
CREATE TABLE other.tries (id serial PRIMARY KEY, region text, no integer, state text NOT NULL, total integer NOT NULL, FOREIGN KEY (region, no) REFERENCES other.bills);
CREATE INDEX ON other.tries (region, no);
SELECT is_empty($$SELECT * FROM paystate.attach('other.bills', 'other.tries', lifecycle => 'preauth_hold', add_columns => true,
	columns => '{"orders.status": "state", "orders.amount": "total", "payments.status": "state", "payments.amount": "total"}',
	labels => '{"order": {"cancelled": "VOID", "created": "NEW"}, "payment": {"authorized": "HELD", "cancelled": "VOID", "pending": "OPEN"}}')$$, 'tables with names and labels of their own');
INSERT INTO other.bills (region, no, total, state) VALUES ('x', 1, 1000, 'NEW'), ('x', 2, 1000, 'NEW'), ('y', 1, 1000, 'NEW');
INSERT INTO other.tries (region, no, total, state) VALUES ('x', 1, 1000, 'OPEN'), ('x', 2, 1000, 'OPEN');
UPDATE other.tries SET state = 'HELD' WHERE no = 1;
SELECT pg_sleep(0.15) AS slept \gset
SELECT is(paystate.expire('other.bills'), 3::bigint, 'expire, too');
SELECT is((SELECT string_agg(concat_ws(' ', b.region, b.no, b.state, t.state), ', ' ORDER BY b.region, b.no) FROM other.bills b LEFT JOIN other.tries t USING (region, no)),
	'x 1 VOID VOID, x 2 failed failed, y 1 VOID', 'in their words');
SELECT is_empty($$SELECT * FROM paystate.verify('other.bills')$$, 'and all agrees');

-- ---- other keys, a history by month ------------------------------------------------------------------------
CREATE FUNCTION helper.other_keys(a_type regtype) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	home text := 'keys_' || a_type;
	said text;
BEGIN
	EXECUTE format('CREATE SCHEMA %I', home);
	PERFORM paystate.create_tables(home, 'preauth_hold', a_type, history_partition => 'month');
	EXECUTE format('INSERT INTO %I.orders (amount) VALUES (1000), (2000)', home);
	EXECUTE format('INSERT INTO %I.payments (order_id) SELECT id FROM %1$I.orders WHERE amount = 1000', home);
	EXECUTE format('UPDATE %I.payments SET status = ''authorized''', home);
	PERFORM pg_sleep(0.15);
	EXECUTE format($f$SELECT concat_ws(' ', paystate.expire('%1$I.orders'), (SELECT count(*) FROM paystate.verify('%1$I.orders')))$f$, home) INTO said;
	EXECUTE format($f$SELECT concat_ws(' ', %L::text, string_agg(o.status || ' ' || coalesce(p.status::text, '-'), ' ' ORDER BY o.amount))
		FROM %I.orders o LEFT JOIN %2$I.payments p ON p.order_id = o.id$f$, said, home) INTO said;
	RETURN said;
END
$$;
SELECT is(helper.other_keys(t), '2 0 cancelled cancelled cancelled -', t || ' keys') FROM unnest('{text,bigint,uuid}'::regtype[]) AS t;

\ir lib/end.sql
