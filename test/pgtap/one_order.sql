-- Many events of one order in one statement: the order is written once, as the
-- last of them left it, and in between each is judged on what the one before
-- left behind.  Elsewhere and in between nobody sees less than if each had been
-- written.
\ir lib/two_shops.sql

SELECT * FROM no_plan();

CALL helper.both('an order in parts', 1, true,
	'INSERT INTO orders (id, amount, partial_payment) VALUES (100000, 300000, true)');
CALL helper.both('300 payments of one order', 300, true,
	'INSERT INTO payments (id, order_id, amount) SELECT 100000 + i, 100000, 1000 FROM generate_series(1, 300) i', 1);
CALL helper.both('300 authorized', 300, true, $$UPDATE payments SET status = 'authorized'
	WHERE id BETWEEN 100001 AND 100300$$, 1);
CALL helper.both('300 captured', 300, true, $$UPDATE payments SET status = 'captured'
	WHERE id BETWEEN 100001 AND 100300$$, 1);
SELECT results_eq($$SELECT status::text, amount_paid, attempts, version FROM alone.orders WHERE id = 100000$$,
	$$VALUES ('paid', 300000::bigint, 300, 901)$$, 'the order counts every one of them');
SELECT results_eq($$SELECT seq, amount_paid FROM alone.order_history WHERE order_id = 100000 AND seq > 600 ORDER BY seq$$,
	'SELECT i, greatest(i - 601, 0) * 1000::bigint FROM generate_series(601, 901) i',
	'and its history goes up by one, and by one amount, a row');

-- that the order has more refunds is known from the second on
CALL helper.both('300 refunds of one order', 300, true,
	'INSERT INTO refunds (payment_id, amount) SELECT 100000 + i, 10 FROM generate_series(1, 300) i', 2);
SELECT results_eq($$SELECT amount_paid, amount_refunded, version FROM alone.orders WHERE id = 100000$$,
	'VALUES (300000::bigint, 3000::bigint, 1201)', 'each of them counts');
CALL helper.both('five orders', 5, true,
	'INSERT INTO orders (id, amount, partial_payment) SELECT 110000 + i, 60000, true FROM generate_series(0, 4) i');
CALL helper.both('their payments by turns', 300, true,
	'INSERT INTO payments (id, order_id, amount) SELECT 110000 + i, 110000 + i % 5, 1000 FROM generate_series(0, 299) i', 5);
CALL helper.both('moved by turns, to this and that', 300, true, $$UPDATE payments
	SET status = CASE WHEN id % 3 = 0 THEN 'failed' ELSE 'authorized' END::paystate.payment_status
	WHERE id BETWEEN 110000 AND 110299$$, 5);
-- more than can wait at a time
CALL helper.both('seventy orders', 70, true,
	'INSERT INTO orders (id, amount, partial_payment) SELECT 120000 + i, 60000, true FROM generate_series(0, 69) i');
CALL helper.both('their payments, seven each, by turns', 490, true,
	'INSERT INTO payments (id, order_id, amount) SELECT 120000 + i, 120000 + i % 70, 1000 FROM generate_series(0, 489) i');
CALL helper.both('moved one order after the other', 490, true, $$UPDATE payments p SET status = 'authorized'
	FROM (SELECT 120000 + i * 70 + k AS id FROM generate_series(0, 69) k, generate_series(0, 6) i ORDER BY k, i) x
	WHERE p.id = x.id$$);
CALL helper.both('orders and several payments of each in one statement', 20 + 60, true, $$
	WITH o AS (INSERT INTO orders (id, amount, partial_payment)
		SELECT 1300 + i, 9000, true FROM generate_series(1, 20) i RETURNING id)
	INSERT INTO payments (id, order_id, amount) SELECT 100 * id + k, id, 1000 FROM o, generate_series(1, 3) k$$);
CALL helper.both('ON CONFLICT, old and new payments of one order', 40, true, $$INSERT INTO payments (id, order_id, amount)
	SELECT 130100 + i, 1301, 100 FROM generate_series(1, 40) i
	ON CONFLICT (id) DO UPDATE SET status = 'failed'$$, 1);
CALL helper.both('ON CONFLICT DO NOTHING, the same', 10, true, $$INSERT INTO payments (id, order_id, amount)
	SELECT 130100 + i, 1301, 100 FROM generate_series(1, 50) i ON CONFLICT DO NOTHING$$, 1);
CALL helper.both('MERGE, the same', 37 + 20, true, $$MERGE INTO payments p
	USING (SELECT 130100 + i AS id FROM generate_series(1, 70) i) x ON p.id = x.id
	WHEN MATCHED AND p.status = 'created' AND p.id <= 130140 THEN UPDATE SET status = 'failed'
	WHEN MATCHED THEN DO NOTHING
	WHEN NOT MATCHED THEN INSERT (id, order_id, amount) VALUES (x.id, 1301, 100)$$, 1);
-- statements of paystate's own in between: what waits is written first
CALL helper.both('orders that are captured in part', 2, true,
	$$INSERT INTO orders (id, lifecycle, amount) VALUES (140000, 'plural_preauth', 1000), (140001, 'plural_preauth', 600)$$);
CALL helper.both('five legs of one, three of the other', 8, true,
	'INSERT INTO payments (id, order_id, amount) SELECT 140000 + i, 140000 + (i > 5)::int, 200 FROM generate_series(1, 8) i', 2);
CALL helper.both('all held but the first of each', 6, true,
	$$UPDATE payments SET status = 'authorized' WHERE order_id IN (140000, 140001) AND id NOT IN (140001, 140006)$$, 2);
CALL helper.both('the first is held; the second, captured in part, releases all others', 1 + 1 + 4, false, $$UPDATE payments
	SET status = CASE id WHEN 140001 THEN 'authorized' ELSE 'processed' END::paystate.payment_status,
		amount_captured = CASE id WHEN 140001 THEN 0 ELSE 100 END WHERE id IN (140001, 140002)$$);
CALL helper.both('the first is held; the second fails, and all others with it, one of which the statement wrote', 1 + 1 + 2, false,
	$$UPDATE payments SET status = CASE id WHEN 140006 THEN 'authorized' ELSE 'failed' END::paystate.payment_status
	WHERE id BETWEEN 140006 AND 140008$$);

SELECT is(got, wanted, what) FROM helper.found ORDER BY n;
SELECT is_empty('TABLE helper.behind', 'a trigger of the user never saw an order ahead of its history');
SELECT is_empty('TABLE helper.untimely', 'seq without gaps, times that never fall');

SET search_path = alone, public;
-- refused midway: the order has 1000 due, and the third of four goes beyond
INSERT INTO alone.orders (id, amount, partial_payment) SELECT 150000 + i, 1000 * i, true FROM generate_series(1, 3) i;
INSERT INTO alone.payments (id, order_id, amount) SELECT 150000 + i, 150001, 400 FROM generate_series(1, 4) i;
UPDATE alone.payments SET status = 'authorized' WHERE order_id = 150001;
SELECT helper.all_of('alone') AS before \gset
SELECT is(helper.refused($$UPDATE payments SET status = 'captured' WHERE order_id = 150001$$), '150003',
	'the first that an order cannot take is named');
SELECT is(helper.all_of('alone'), :'before', 'nothing of the two before it is left');
DO $$
BEGIN
	FOR i IN 1 .. 3 LOOP
		BEGIN
			UPDATE payments SET status = 'captured' WHERE order_id = 150001 AND id <= 150001 + i;
			INSERT INTO payments (id, order_id, amount) SELECT 150010 + k, 150002, 100 FROM generate_series(1, 5) k;
			RAISE division_by_zero;
		EXCEPTION
			WHEN division_by_zero OR integrity_constraint_violation THEN NULL;
		END;
	END LOOP;
	INSERT INTO payments (id, order_id, amount) SELECT 150010 + k, 150002, 100 FROM generate_series(1, 5) k;
	UPDATE payments SET status = 'captured' WHERE order_id = 150001 AND id <= 150002;
END
$$;
SELECT results_eq('SELECT id, amount_paid, payments_open, version FROM orders WHERE id BETWEEN 150001 AND 150002 ORDER BY id',
	'VALUES (150001::bigint, 800::bigint, 2, 11), (150002, 0, 5, 6)',
	'what an exception took back is not counted, what follows it is');
-- many events of one order, in a trigger of the user, which reads the order
CREATE TABLE told_order (first bigint, last bigint, open int, version int);
CREATE FUNCTION helper.tell_order() RETURNS trigger
	LANGUAGE plpgsql
AS $$
BEGIN
	INSERT INTO alone.payments (id, order_id, amount) SELECT k, 150003, 10 FROM generate_series(NEW.first, NEW.last) k;
	UPDATE alone.payments SET status = 'failed' WHERE id BETWEEN NEW.first + 1 AND NEW.last;
	UPDATE alone.told_order SET (open, version) = (SELECT o.payments_open, o.version FROM alone.orders o WHERE id = 150003)
	 WHERE first = NEW.first;
	RETURN NULL;
END
$$;
CREATE TRIGGER tell_order AFTER INSERT ON told_order FOR EACH ROW EXECUTE FUNCTION helper.tell_order();
INSERT INTO told_order (first, last) VALUES (150101, 150110), (150111, 150130);
SELECT results_eq('SELECT open, version FROM told_order ORDER BY first', 'VALUES (1, 20), (2, 59)',
	'a trigger of the user that writes many payments reads their order as it is then');

-- a foreign key of the user takes another table along, whose trigger reads orders
ALTER TABLE payments ADD tag int UNIQUE;
UPDATE payments SET tag = id - 150000 WHERE id BETWEEN 150101 AND 150130;
CREATE TABLE tagged (tag int REFERENCES payments (tag) ON UPDATE CASCADE, version int, history bigint);
INSERT INTO tagged SELECT i FROM generate_series(101, 130) i;
CREATE FUNCTION helper.tagged() RETURNS trigger
	LANGUAGE plpgsql
AS $$
BEGIN
	NEW.version := (SELECT o.version FROM alone.orders o WHERE id = 150003);
	NEW.history := (SELECT count(*) FROM alone.order_history WHERE order_id = 150003);
	RETURN NEW;
END
$$;
CREATE TRIGGER tagged BEFORE UPDATE ON tagged FOR EACH ROW EXECUTE FUNCTION helper.tagged();
INSERT INTO payments (id, order_id, amount, tag) SELECT 150130 + k, 150003, 10, 130 + k FROM generate_series(1, 9) k;
INSERT INTO tagged SELECT i FROM generate_series(131, 139) i;
UPDATE payments SET status = 'authorized', tag = -tag WHERE order_id = 150003 AND tag > 130;
SELECT is_empty('SELECT * FROM tagged WHERE tag < 0 AND version IS DISTINCT FROM history',
	'a trigger of the user sees no order ahead of its history, or behind it');
SELECT results_eq('SELECT min(version), max(version), count(*) FROM tagged WHERE tag < 0', 'VALUES (69, 77, 9::bigint)',
	'and each order as its last payment left it');

-- payments in partitions
\ir lib/routed.sql
INSERT INTO orders (id, amount, partial_payment) VALUES (1000, 100000, true);
BEGIN;
SELECT n_tup_upd AS before FROM pg_stat_xact_user_tables WHERE relid = 'routed.orders'::regclass \gset
INSERT INTO payments (id, order_id, amount) SELECT 1000 + i, 1000, 1000 FROM generate_series(1, 100) i;
SELECT is(n_tup_upd - :before, 1::bigint, 'an order whose payments are routed to partitions is written once')
  FROM pg_stat_xact_user_tables WHERE relid = 'routed.orders'::regclass;
COMMIT;
SELECT results_eq('SELECT version, payments_open FROM orders WHERE id = 1000', 'VALUES (101, 100)', 'and counts all of them');

SET search_path = alone, public;
SELECT is_empty(format($$SELECT * FROM paystate.verify('%s.orders')$$, shop), 'verify() finds nothing in ' || shop)
  FROM unnest(ARRAY['alone', 'watched', 'routed']) shop;
SELECT is_empty($$SELECT * FROM pg_backend_memory_contexts WHERE name ~ '^paystate (pending|waiting)'$$,
	'no memory is kept for what waited');
SELECT * FROM finish();

SET client_min_messages = error;
DROP SCHEMA alone, watched, routed, helper CASCADE;
