-- Many rows in one statement: their history rows wait and are written together.
-- Nobody can tell but by the command that wrote them: the same statements in
-- shop "alone", where they wait, and in shop "watched", where a trigger of the
-- user on payments and on orders keeps each from waiting, come to the same.
\ir lib/two_shops.sql
\set n 1300

SELECT * FROM no_plan();

-- the first COPY of a session that has not used paystate before does not wait;
-- this one has
CALL helper.both('COPY', :n, true,
	format('COPY orders (id, amount) FROM PROGRAM $p$seq 1 %s | sed "s/$/\t1000/"$p$', :n));
CALL helper.both('INSERT ... SELECT', :n, true,
	format('INSERT INTO payments (id, order_id) SELECT i, i FROM generate_series(1, %s) i', :n));
CALL helper.both('UPDATE of all', :n, true, $$UPDATE payments SET status = 'authorized'$$);
CALL helper.both('UPDATE backwards', :n, true, $$UPDATE payments p SET status = 'captured'
	FROM (SELECT id FROM payments ORDER BY id DESC) x WHERE x.id = p.id$$);
CALL helper.both('refunds', :n, true,
	format('INSERT INTO refunds (payment_id, amount) SELECT i, 10 FROM generate_series(1, %s) i', :n));

-- one order, many events of it in one statement: each is judged on what the
-- one before left behind
CALL helper.both('an order in parts', 1, true,
	'INSERT INTO orders (id, amount, partial_payment) VALUES (100000, 300000, true)');
CALL helper.both('300 payments of one order', 300, true,
	'INSERT INTO payments (id, order_id, amount) SELECT 100000 + i, 100000, 1000 FROM generate_series(1, 300) i');
CALL helper.both('300 authorized', 300, true, $$UPDATE payments SET status = 'authorized'
	WHERE id BETWEEN 100001 AND 100300$$);
CALL helper.both('300 captured', 300, true, $$UPDATE payments SET status = 'captured'
	WHERE id BETWEEN 100001 AND 100300$$);
SELECT results_eq($$SELECT status::text, amount_paid, attempts, version FROM alone.orders WHERE id = 100000$$,
	$$VALUES ('paid', 300000::bigint, 300, 901)$$, 'the order counts every one of them');
SELECT results_eq($$SELECT seq, amount_paid FROM alone.order_history WHERE order_id = 100000 AND seq > 600 ORDER BY seq$$,
	'SELECT i, greatest(i - 601, 0) * 1000::bigint FROM generate_series(601, 901) i',
	'and its history goes up by one, and by one amount, a row');

-- where a row may turn out otherwise
CALL helper.both('orders for what follows', 1000, true,
	'INSERT INTO orders (id, amount) SELECT 200000 + i, 1000 FROM generate_series(1, 1000) i');
CALL helper.both('payments of half of them', 500, true,
	'INSERT INTO payments (id, order_id) SELECT 200000 + i, 200000 + i FROM generate_series(1, 500) i');
CALL helper.both('ON CONFLICT DO NOTHING', 300, true, $$INSERT INTO payments (id, order_id)
	SELECT 200000 + i, 200000 + i FROM generate_series(1, 800) i ON CONFLICT DO NOTHING$$);
CALL helper.both('ON CONFLICT DO UPDATE', 1000, true, $$INSERT INTO payments (id, order_id)
	SELECT 200000 + i, 200000 + i FROM generate_series(1, 1000) i
	ON CONFLICT (id) DO UPDATE SET status = 'authorized'$$);
CALL helper.both('orders for MERGE', 200, true,
	'INSERT INTO orders (id, amount) SELECT 201000 + i, 1000 FROM generate_series(1, 200) i');
CALL helper.both('MERGE', 1000, true, $$MERGE INTO payments p
	USING (SELECT 200000 + i AS id FROM generate_series(1, 1200) i) x ON p.id = x.id
	WHEN MATCHED AND p.status = 'authorized' THEN UPDATE SET status = 'captured'
	WHEN MATCHED THEN DO NOTHING
	WHEN NOT MATCHED THEN INSERT (id, order_id) VALUES (x.id, x.id)$$);
CALL helper.both('two tables in one statement', 500 + 400, true, $$
	WITH o AS (INSERT INTO orders (id, amount) SELECT 202000 + i, 1000 FROM generate_series(1, 500) i RETURNING id)
	UPDATE payments SET status = 'failed' WHERE id > 200000 AND status = 'created' RETURNING id$$);

-- paystate itself runs statements in between: none waits from then on
CALL helper.both('orders that can be cancelled', 60, true, $$INSERT INTO orders (id, lifecycle, amount)
	SELECT 300000 + i, 'plural', 1000 FROM generate_series(1, 60) i$$);
CALL helper.both('their payments', 60, true,
	'INSERT INTO payments (id, order_id) SELECT 300000 + i, 300000 + i FROM generate_series(1, 60) i');
CALL helper.both('cascades', 120, false, $$UPDATE orders SET status = 'cancelled' WHERE lifecycle = 'plural'$$);
CALL helper.both('refunded directly', :n, false, format($$UPDATE payments SET status = 'refunded' WHERE id <= %s$$, :n));

SELECT is(got, wanted, what) FROM helper.found ORDER BY n;
SELECT is_empty('TABLE helper.behind', 'a trigger of the user never saw an order ahead of its history');
SELECT is_empty('TABLE helper.untimely', 'seq without gaps, times that never fall');

-- refused midway: the first offending row is named, nothing is left, and the
-- next statement is right, also within the transaction
INSERT INTO alone.orders (id, amount) SELECT 400000 + i, 1000 FROM generate_series(1, 1500) i;
SELECT helper.all_of('alone') AS before \gset
SET search_path = alone, public;
SELECT throws_ok($$INSERT INTO payments (id, order_id, amount)
	SELECT 400000 + i, 400000 + i, CASE i WHEN 1400 THEN 5 WHEN 1401 THEN 7 ELSE 1000 END
	  FROM generate_series(1, 1500) i$$, '23PS4', NULL, 'the 1400th of 1500 payments is refused');
SELECT is(helper.all_of('alone'), :'before', 'nothing of the 1399 before it is left');
BEGIN;
SELECT is(helper.refused($$INSERT INTO payments (id, order_id, amount)
	SELECT 400000 + i, 400000 + i, CASE i WHEN 1400 THEN 5 WHEN 1401 THEN 7 ELSE 1000 END
	  FROM generate_series(1, 1500) i$$), '401400', 'the first of two is named, in a subtransaction');
SELECT is(helper.all_of('alone'), :'before', 'nothing is left there, either');
INSERT INTO payments (id, order_id) SELECT 400000 + i, 400000 + i FROM generate_series(1, 1500) i;
SAVEPOINT s;
UPDATE payments SET status = 'authorized' WHERE id > 400000;
ROLLBACK TO s;
UPDATE payments SET status = 'failed' WHERE id > 400000 AND id <= 400100;
SAVEPOINT s;
UPDATE payments SET status = 'authorized' WHERE id > 400100;
RELEASE s;
COMMIT;
SELECT results_eq($$SELECT seq, payment_to::text, count(*) FROM order_history WHERE order_id > 400000 GROUP BY 1, 2 ORDER BY 1, 2$$,
	$$VALUES (1, NULL, 1500::bigint), (2, 'created', 1500), (3, 'authorized', 1400), (3, 'failed', 100)$$,
	'savepoints keep and drop whole statements');

-- whoever reads the history next, reads all of it
CREATE FUNCTION helper.capture_and_count(first bigint, last bigint) RETURNS bigint
	LANGUAGE plpgsql SET search_path = alone, public
AS $$
BEGIN
	UPDATE payments SET status = 'captured' WHERE id BETWEEN first AND last;
	RETURN (SELECT count(*) FROM order_history WHERE payment_id BETWEEN first AND last AND payment_to = 'captured');
END
$$;
SELECT is(helper.capture_and_count(400101, 400400), 300::bigint, 'a function that goes on to read it');
CREATE TABLE told (first bigint, last bigint, n bigint);
CREATE FUNCTION helper.tell() RETURNS trigger
	LANGUAGE plpgsql
AS $$
BEGIN
	UPDATE alone.told SET n = helper.capture_and_count(NEW.first, NEW.last) WHERE first = NEW.first;
	RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER INSERT ON told FOR EACH ROW EXECUTE FUNCTION helper.tell();
INSERT INTO told (first, last) VALUES (400401, 400500), (400501, 400700);
SELECT results_eq('SELECT n FROM told ORDER BY first', 'VALUES (100::bigint), (200)', 'statements in a trigger of the user');

-- beside a table of the user with a trigger, none waits
CREATE TABLE audit (id bigint, seen bigint);
CREATE FUNCTION helper.audit() RETURNS trigger
	LANGUAGE plpgsql
AS $$
BEGIN
	UPDATE alone.audit SET seen = (SELECT count(*) FROM alone.order_history WHERE payment_id = NEW.id) WHERE id = NEW.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION helper.audit();
WITH p AS (UPDATE payments SET status = 'captured' WHERE id BETWEEN 400701 AND 400900 RETURNING id)
INSERT INTO audit (id) SELECT id FROM p;
SELECT results_eq('SELECT seen, count(*) FROM audit GROUP BY 1', 'VALUES (3::bigint, 200::bigint)',
	'a trigger on another table of the same statement sees the rows of the payments before it');

-- row by row through a cursor, and many rows above READ COMMITTED
BEGIN ISOLATION LEVEL SERIALIZABLE;
DECLARE c CURSOR FOR SELECT id FROM payments WHERE id BETWEEN 400901 AND 400910 ORDER BY id FOR UPDATE;
MOVE 3 IN c;
UPDATE payments SET status = 'captured' WHERE CURRENT OF c;
UPDATE payments SET status = 'captured' WHERE id BETWEEN 400904 AND 401000;
CLOSE c;
COMMIT;
SELECT results_eq($$SELECT count(*), min(payment_id), count(DISTINCT cmin::text) FROM order_history
	WHERE payment_to = 'captured' AND payment_id BETWEEN 400901 AND 401000$$,
	$$VALUES (98::bigint, 400903::bigint, 3::bigint)$$, 'a cursor, and what waits at SERIALIZABLE');

-- payments in partitions
\ir lib/routed.sql
INSERT INTO orders (id, amount) SELECT i, 1000 FROM generate_series(1, 700) i;
INSERT INTO payments (id, order_id) SELECT i, i FROM generate_series(1, 700) i;
UPDATE payments SET status = 'authorized';
SELECT results_eq($$SELECT payment_to::text, count(*), count(DISTINCT cmin::text) FROM order_history GROUP BY 1 ORDER BY 1$$,
	$$VALUES ('authorized', 700::bigint, 2::bigint), ('created', 700, 2), (NULL, 700, 1)$$,
	'rows routed to partitions wait together');

SET search_path = alone, public;
SELECT is_empty(format($$SELECT * FROM paystate.verify('%s.orders')$$, shop), 'verify() finds nothing in ' || shop)
  FROM unnest(ARRAY['alone', 'watched', 'routed']) shop;
SELECT is_empty($$SELECT * FROM pg_backend_memory_contexts WHERE name ~ '^paystate (pending|waiting)'$$,
	'no memory is kept for what waited');
SELECT * FROM finish();

SET client_min_messages = error;
DROP SCHEMA alone, watched, routed, helper CASCADE;
