-- Corners: what only an odd statement, setting or table reaches.  Each refusal
-- with its exact words, each beside what is legal.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

-- ---- two shops written by one statement: each history gets its own rows
CREATE SCHEMA other;
DO $$ BEGIN
	PERFORM paystate.create_tables('other');
	INSERT INTO orders (id, amount) SELECT 'two' || i, 1000 FROM generate_series(1, 3) i;
	INSERT INTO other.orders (id, amount) SELECT 'two' || i, 1000 FROM generate_series(1, 3) i;
END $$;
WITH here AS (INSERT INTO payments (id, order_id) SELECT 'p' || i, 'two' || i FROM generate_series(1, 3) i)
INSERT INTO other.payments (id, order_id) SELECT 'p' || i, 'two' || i FROM generate_series(1, 3) i;
SELECT results_eq($$SELECT 'here ' || order_id || payment_id COLLATE "default" AS t FROM order_history WHERE seq = 2 UNION ALL
	SELECT 'other ' || order_id || payment_id COLLATE "default" FROM other.order_history WHERE seq = 2 ORDER BY t$$,
	$$SELECT s || ' two' || i || 'p' || i AS t FROM unnest('{here,other}'::text[]) s, generate_series(1, 3) i ORDER BY t$$, 'two histories in one statement');
SELECT is_empty('SELECT * FROM paystate.verify(''other.orders'')', 'the other one adds up');

-- ---- a COPY whose table goes by another name while it runs
CREATE FUNCTION helper.elsewhere() RETURNS trigger LANGUAGE plpgsql
	AS $$ BEGIN PERFORM set_config('search_path', TG_ARGV[0], true); RETURN NEW; END $$;
DO $$
DECLARE
	place text;
BEGIN
	FOREACH place IN ARRAY '{pg_catalog,other,"shop, helper, public"}'::text[] LOOP
		INSERT INTO shop.orders (id, amount) SELECT place || i, 1000 FROM generate_series(1, 3) i;
		EXECUTE format('CREATE TRIGGER elsewhere BEFORE INSERT ON shop.payments FOR EACH ROW EXECUTE FUNCTION helper.elsewhere(%L)', place);
		EXECUTE format('COPY payments (id, order_id) FROM PROGRAM %L', format(E'for i in 1 2 3; do printf "%%s\\t%%s\\n" "%1$s${i}p" "%1$s$i"; done', place));
		SET LOCAL search_path = shop, helper, public;
		DROP TRIGGER elsewhere ON shop.payments;
	END LOOP;
END $$;
SELECT is((SELECT count(*) FROM order_history WHERE payment_id LIKE '%p' AND seq = 2), 9::bigint, 'COPY under a changing search_path');
SELECT is_empty('SELECT * FROM paystate.verify(''orders'')', 'adds up');

-- ---- sums that do not fit, once more: a reserve below nothing
DO $$ BEGIN
	PERFORM helper.variant('whatever', 'plural', '{}');
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'whatever' AND order_after = 'fully_refunded';
	UPDATE paystate.lifecycle_transition SET guard = '0<refund' WHERE lifecycle = 'whatever' AND order_after = 'partially_refunded';
	PERFORM given('full', 'whatever', 1000, 'a= a>processed');
	PERFORM given('left', 'whatever', 1000, 'a= a>processed');
END $$;
SET LOCAL session_replication_role = replica;
UPDATE payments SET amount_captured = 9223372036854775807, amount_refunded = 9223372036854775800, refund_pending = -1000 WHERE id = 'full.a';
SET LOCAL session_replication_role = origin;
SELECT helper.refused('INSERT INTO refunds (payment_id, amount) VALUES (''full.a'', 100)', says('23PS4', 'insert refunds', 'whatever'), 'refunds beyond the end of bigint');
SELECT helper.accepted('INSERT INTO refunds (payment_id, amount) VALUES (''left.a'', 100)', 'beside it as usual');
SET LOCAL session_replication_role = replica;
UPDATE payments SET amount_captured = 1000, amount_refunded = 0, refund_pending = 0 WHERE id = 'full.a';
SET LOCAL session_replication_role = origin;

-- ---- a payment that no four moves lead to
SELECT given('far', 'razorpay', 1000, 'a= a>authorized a>captured a-400') \g /dev/null
SET LOCAL session_replication_role = replica;
UPDATE payments SET status = 'refunded' WHERE id = 'far.a';
SET LOCAL session_replication_role = origin;
SELECT bag_eq('SELECT problem, expected, actual FROM paystate.verify(''orders'')',
	$$VALUES ('status of payment "far.a"', 'captured', 'refunded')$$, 'verify() tells');
SELECT paystate.repair('orders', 'far') \g /dev/null
SELECT results_eq($$SELECT status::text, amount_paid, amount_refunded FROM orders WHERE id = 'far'$$, $$VALUES ('paid', 1000::bigint, 400::bigint)$$, 'repair() keeps the order''s status');
SET LOCAL session_replication_role = replica;
DELETE FROM refunds WHERE payment_id = 'far.a';
DELETE FROM payments WHERE order_id = 'far';
DELETE FROM order_history WHERE order_id = 'far';
DELETE FROM orders WHERE id = 'far';
SET LOCAL session_replication_role = origin;

-- ---- orders that cannot go to another life cycle, or are gone by then
DO $$ BEGIN
	PERFORM helper.variant('whole', 'paykun', '{}');
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'whole' AND payment_event = 'captured:refund';
	PERFORM helper.variant('parts', 'paykun', '{}');
	PERFORM given('mig1', 'parts', 1000, 'a= a>captured a-400');
	PERFORM given('mig2', 'parts', 1000, 'a= a>captured');
END $$;
SELECT results_eq($$SELECT order_key, outcome, reason FROM paystate.migrate_orders('orders', 'parts', 'whole', true) ORDER BY 1$$,
	$$VALUES ('mig1', 'kept', 'no order there is "paid" with what this one has paid, held and returned'), ('mig2', 'movable', NULL)$$, 'no order gives back a part there');
-- nor can one whose totals drifted, whichever they are
CREATE FUNCTION helper.kept(tampering text, OUT said text) LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE tampering;
	SET LOCAL session_replication_role = origin;
	SELECT concat_ws(': ', outcome, reason) INTO said FROM paystate.migrate_orders('orders', 'parts', 'whole', true) WHERE order_key = 'mig2';
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END $$;
SELECT is(helper.kept('UPDATE ' || t), says, t) FROM (VALUES
	('orders SET receipt = ''r'' WHERE id = ''mig2''', 'movable'),
	('orders SET amount_paid = 999 WHERE id = ''mig2''', 'kept: its totals are not those of its payments'),
	('orders SET amount_authorized = 1 WHERE id = ''mig2''', 'kept: its totals are not those of its payments'),
	('orders SET amount_pending = 1 WHERE id = ''mig2''', 'kept: its totals are not those of its payments'),
	('orders SET amount_refunded = 1 WHERE id = ''mig2''', 'kept: its totals are not those of its payments'),
	('orders SET payments_open = 1 WHERE id = ''mig2''', 'kept: its totals are not those of its payments'),
	('orders SET status = ''processed'' WHERE id = ''mig2''', 'kept: it stands in no status of its life cycle'),
	('payments SET status = ''processed'' WHERE id = ''mig2.a''', 'kept: a payment stands in no status of its life cycle')) v (t, says);

CREATE FUNCTION helper.take_away() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.lifecycle = 'whole' AND OLD.lifecycle = 'parts' THEN
		PERFORM set_config('session_replication_role', 'replica', true);
		DELETE FROM shop.order_history WHERE order_id = 'mig3';
		DELETE FROM shop.orders WHERE id = 'mig3';
		PERFORM set_config('session_replication_role', 'origin', true);
	END IF;
	RETURN NEW;
END $$;
SELECT given('mig3', 'parts', 1000) \g /dev/null
CREATE TRIGGER take_away BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION helper.take_away();
SELECT results_eq($$SELECT order_key, outcome FROM paystate.migrate_orders('orders', 'parts', 'whole', false) ORDER BY 1$$,
	$$VALUES ('mig1', 'kept'), ('mig2', 'moved')$$, 'an order that is gone is not told of');
DROP TRIGGER take_away ON orders;
-- who moves them, and why, is what the settings say
SELECT given('mig4', 'parts', 1000), given('mig5', 'parts', 1000) \g /dev/null
SELECT set_config('paystate.actor', 'the auditor', true), set_config('paystate.reason', 'year''s end', true) \g /dev/null
SELECT is((SELECT outcome FROM paystate.migrate_orders('orders', 'parts', 'whole', false) WHERE order_key = 'mig4'), 'moved', 'moved by name');
SELECT set_config('paystate.actor', '', true), set_config('paystate.reason', '', true) \g /dev/null
SELECT given('mig6', 'parts', 1000) \g /dev/null
SELECT is((SELECT outcome FROM paystate.migrate_orders('orders', 'parts', 'whole', false) WHERE order_key = 'mig6'), 'moved', 'moved by nobody in particular');
SELECT results_eq($$SELECT order_id COLLATE "default", actor, reason FROM order_history WHERE order_id IN ('mig4', 'mig6') AND seq = 2 ORDER BY 1$$,
	$$VALUES ('mig4', 'the auditor', 'migrated from parts to whole: year''s end'), ('mig6', session_user::text COLLATE "default", 'migrated from parts to whole')$$, 'as the history says');
CREATE TABLE plain_o (id int PRIMARY KEY, amount bigint NOT NULL, status text NOT NULL);
CREATE TABLE plain_p (id int PRIMARY KEY, o int REFERENCES plain_o, amount bigint NOT NULL, status text NOT NULL);
CREATE INDEX ON plain_p (o);
SELECT is_empty($$SELECT * FROM paystate.attach('plain_o', 'plain_p', lifecycle => 'parts', add_columns => true)$$, 'attached');
SELECT throws_ok($$SELECT * FROM paystate.migrate_orders('plain_o', 'parts', 'whole', true)$$, '22023', 'table "plain_o" has no column for the life cycle', 'where no column says the life cycle');

-- ---- more statuses than the aggregates of the views begin with
SELECT results_eq($$SELECT status, count FROM unnest((SELECT paystate.stays(l, l || 'x', now(), now() - interval '1 s') FROM (SELECT 's' || i % 20 FROM generate_series(10, 69) i) x (l))) ORDER BY 1$$,
	$$SELECT 's' || i, 3::bigint FROM generate_series(0, 19) i ORDER BY 1$$, 'stays() of 20 statuses');
SELECT results_eq($$SELECT status, count FROM unnest((SELECT paystate.visits(l, 1, t) FROM (SELECT 's' || i % 20, format('(%s,1)', i / 20)::tid FROM generate_series(0, 59) i) x (l, t))) ORDER BY 1$$,
	$$SELECT 's' || i, 3::bigint FROM generate_series(0, 19) i ORDER BY 1$$, 'visits() of 20 statuses');

SELECT is((SELECT paystate.visits(s, r, p) FROM (VALUES (NULL::text, 1::oid, '(0,1)'::tid), ('a', NULL, '(0,1)'), ('a', 1, NULL)) v (s, r, p)), NULL, 'what is null is no visit');
SELECT results_eq($$SELECT status, count, median FROM unnest((SELECT paystate.stays(a, b, t, s) FROM (VALUES (NULL::text, 'b', now(), now()), ('a', NULL, now(), now()), ('a', 'b', NULL, now()), ('a', 'b', now(), NULL)) v (a, b, t, s)))$$,
	$$VALUES ('a', 2::bigint, NULL::float8)$$, 'what is null is no stay, or has no time');

-- ---- a rule that the parameters keep from firing is no way
DO $$ BEGIN
	PERFORM helper.variant('unparted', 'razorpay', '{"partial_payment": "no"}');
	UPDATE paystate.lifecycle_transition SET guard = 'partial_payment' WHERE lifecycle = 'unparted' AND payment_event = 'authorized>refunded';
END $$;
SELECT ok(paystate.can_transition('razorpay', 'payment', 'authorized', 'refunded'), 'razorpay gives back what is authorized');
SELECT ok(NOT paystate.can_transition('unparted', 'payment', 'authorized', 'refunded'), 'no order is paid in parts there');

\ir lib/end.sql
