-- Shards as a sharded server has them: several copies of the four tables in
-- one schema, told apart by a number behind the name, written with an empty
-- search_path.  The numbers are such that whoever guessed a table from
-- another's name would come to one that is there, and is another shard's.
BEGIN;
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA shards;
CREATE FUNCTION shards.make(orders int, payments int, refunds int, history int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t	record;
BEGIN
	CREATE SCHEMA making;
	PERFORM paystate.create_tables('making', 'razorpay', 'text', true);
	FOR t IN SELECT * FROM (VALUES ('orders', orders), ('payments', payments), ('refunds', refunds), ('order_history', history)) v (name, number) LOOP
		EXECUTE (SELECT string_agg(format('ALTER INDEX %s RENAME TO %I;', indexrelid::regclass, relname || '_' || t.number), '')
			FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = ('making.' || t.name)::regclass);
		EXECUTE format('ALTER TABLE making.%I RENAME TO %I', t.name, t.name || '_' || t.number);
		EXECUTE format('ALTER TABLE making.%I SET SCHEMA shards', t.name || '_' || t.number);
	END LOOP;
	DROP SCHEMA making CASCADE;
END
$$;

-- what a statement is answered where nothing is found by name
CREATE FUNCTION shards.said(statement text) RETURNS text LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
	code	text;
	message	text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN integrity_constraint_violation THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	RETURN code || ': ' || message;
END
$$;
SELECT shards.make(102008, 102016, 102024, 102032);
SELECT shards.make(102016, 102008, 102032, 102024);
SET LOCAL search_path = '';

-- the same keys in both: an event that came to the wrong shard would find rows
INSERT INTO shards.orders_102008 (id, amount, lifecycle) VALUES ('o', 1000, 'razorpay'), ('q', 1000, 'plural');
INSERT INTO shards.orders_102016 (id, amount, lifecycle) VALUES ('o', 700, 'razorpay'), ('q', 700, 'plural');
INSERT INTO shards.payments_102016 (order_id, id) VALUES ('o', 'p'), ('q', 'p');
UPDATE shards.payments_102016 SET status = 'authorized' WHERE order_id = 'o';
UPDATE shards.payments_102016 SET status = 'captured' WHERE order_id = 'o';
UPDATE shards.payments_102016 SET status = 'processed' WHERE order_id = 'q';
INSERT INTO shards.refunds_102024 (order_id, payment_id, id, amount) VALUES ('o', 'p', 'r', 400), ('q', 'p', 'r', 1000);

SET LOCAL search_path = public;
SELECT results_eq($$SELECT id COLLATE "default", status::text, amount_paid, amount_refunded, version FROM shards.orders_102008 ORDER BY id$$,
	$$VALUES ('o', 'paid', 1000::int8, 400::int8, 5), ('q', 'fully_refunded', 1000, 1000, 4)$$,
	'a payment moves the order that its foreign key leads to');
SELECT results_eq($$SELECT id COLLATE "default", status::text, amount_paid, version FROM shards.orders_102016 ORDER BY id$$,
	$$VALUES ('o', 'created', 0::int8, 1), ('q', 'created', 0, 1)$$,
	'not the one that its name suggests');
SELECT results_eq($$SELECT count(*)::int4 FROM shards.order_history_102032 UNION ALL SELECT count(*)::int4 FROM shards.order_history_102024$$,
	$$VALUES (9), (2)$$, 'nor does history go astray');
SELECT is_empty(format('SELECT * FROM paystate.verify(%L)', o), 'all adds up in ' || o)
  FROM (VALUES ('shards.orders_102008'), ('shards.orders_102016')) v (o);
SELECT is_empty('SELECT * FROM paystate.check_guards() WHERE problem <> ''superuser owns it''', 'and the guards are as they were made');

SELECT is(shards.said($$UPDATE shards.payments_102016 SET status = 'failed' WHERE order_id = 'o'$$), '23PS1: update on table "payments_102016" violates life cycle "razorpay"', 'an illegal move is refused');
SELECT is(shards.said($$INSERT INTO shards.payments_102016 (order_id, id) VALUES ('o', 'p2')$$), '23PS3: insert on table "payments_102016" violates life cycle "razorpay": the order takes it no more', 'so is a payment of a paid order');
SELECT is(shards.said($$INSERT INTO shards.payments_102008 (order_id, id) VALUES ('o', 'p2')$$), 'done',
	'which in the other shard still is to be paid');
SELECT is(shards.said($$DELETE FROM shards.orders_102016$$), '23PS7: delete on table "orders_102016" is not allowed', 'nothing is deleted');
SELECT is(shards.said($$UPDATE shards.orders_102016 SET id = 'x' WHERE id = 'q'$$), '23PS6: column "id" of table "orders_102016" cannot be changed', 'a key never changes');
SELECT is(shards.said($$INSERT INTO shards.refunds_102032 (order_id, payment_id, id, amount) VALUES ('o', 'p', 'r2', 1)$$),
	'23503: insert or update on table "refunds_102032" violates foreign key constraint "refunds_order_id_payment_id_fkey"',
	'a refund of the other shard''s payment finds none');

-- the whole of an order's life by name of the tables alone, still without a search_path
SELECT results_eq($$SELECT outcome FROM paystate.try_payment('shards.payments_102008', 'p2', 'authorized', NULL, 'o')$$,
	$$VALUES ('applied')$$, 'functions that are told a table act on that one');
SELECT is((SELECT status::text FROM shards.orders_102016 WHERE id = 'o'), 'attempted', 'and its order moves');

SELECT * FROM finish();
ROLLBACK;
