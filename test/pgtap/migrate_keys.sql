-- migrate_orders() whatever the keys: bigint, uuid, the sharded layout, and
-- attached tables with a key of two columns, numeric money and other labels.
BEGIN;
SET client_min_messages = error;
SELECT * FROM no_plan();
SELECT lives_ok($$SELECT paystate.define_lifecycle('razorpay_again', '{"based_on": "razorpay", "max_attempts": 5}')$$, 'a new version');
CREATE SCHEMA by_bigint;
CREATE SCHEMA by_uuid;
CREATE SCHEMA spread;
CREATE SCHEMA own;
SELECT paystate.create_tables('by_bigint', 'razorpay', 'bigint'), paystate.create_tables('by_uuid', 'razorpay', 'uuid'),
	paystate.create_tables('spread', 'razorpay', 'uuid', true);
CREATE TABLE own.orders (m int, id int, st text, amount numeric(10,2), lifecycle text, PRIMARY KEY (m, id));
CREATE TABLE own.payments (m int, id int, oid int, status text, amount numeric(10,2), PRIMARY KEY (m, id), FOREIGN KEY (m, oid) REFERENCES own.orders);
CREATE INDEX ON own.payments (m, oid);
SELECT is_empty($$SELECT * FROM paystate.attach('own.orders', 'own.payments', lifecycle => 'razorpay', add_columns => true,
	columns => '{"orders.status": "st"}', labels => '{"order": {"paid": "DONE"}}')$$, 'tables that were there');
INSERT INTO own.orders (m, id, amount, lifecycle) VALUES (1, 1, 10.5, 'razorpay'), (1, 2, 10.5, 'razorpay');
INSERT INTO own.payments (m, id, oid) VALUES (1, 1, 1), (1, 2, 2);
DO $$
DECLARE
	s	text;
BEGIN
	FOREACH s IN ARRAY ARRAY['by_bigint', 'by_uuid', 'spread'] LOOP
		EXECUTE format('INSERT INTO %I.orders (amount) VALUES (1000), (2000)', s);
		EXECUTE format('INSERT INTO %1$I.payments (order_id) SELECT id FROM %1$I.orders', s);
	END LOOP;
	FOREACH s IN ARRAY ARRAY['by_bigint', 'by_uuid', 'spread', 'own'] LOOP
		EXECUTE format('UPDATE %I.payments SET status = ''authorized''', s);
		EXECUTE format('UPDATE %1$I.payments SET status = ''captured'' WHERE id = (SELECT id FROM %1$I.payments ORDER BY id LIMIT 1)', s);
	END LOOP;
END
$$;
SELECT results_eq(format('SELECT outcome, count(*)::int FROM paystate.migrate_orders(%L, ''razorpay'', ''razorpay_again'', false) GROUP BY 1', s || '.orders'),
	$$VALUES ('moved', 2)$$, 'both orders move: ' || s) FROM unnest(ARRAY['by_bigint', 'by_uuid', 'spread', 'own']) s;
SELECT results_eq(format('SELECT lifecycle, count(*)::int FROM %I.orders GROUP BY 1', s), $$VALUES ('razorpay_again', 2)$$, 'and are there: ' || s)
  FROM unnest(ARRAY['by_bigint', 'by_uuid', 'spread', 'own']) s;
SELECT is_empty(format('SELECT * FROM paystate.verify(%L)', s || '.orders'), 'all adds up: ' || s)
  FROM unnest(ARRAY['by_bigint', 'by_uuid', 'spread', 'own']) s;
SELECT lives_ok(format('UPDATE %I.payments SET status = ''captured''', s), 'they go on: ' || s)
  FROM unnest(ARRAY['by_bigint', 'by_uuid', 'spread', 'own']) s;
SELECT is((SELECT string_agg(st, ' ') FROM own.orders), 'DONE DONE', 'in the shop''s own words');
SELECT is_empty(format('SELECT * FROM paystate.verify(%L)', s || '.orders'), 'all adds up at the end: ' || s)
  FROM unnest(ARRAY['by_bigint', 'by_uuid', 'spread', 'own']) s;
SELECT * FROM finish();
ROLLBACK;
