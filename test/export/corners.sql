-- What random statements do not come to.  Run against guards in C and against
-- exported ones, which must print the same: the search_path finds the tables
-- of razorpay; in_an_hour and at_once have life cycles with such a late window,
-- until_paid one whose terms are open until the first payment.  Roles:
-- export_owner owns them, export_application may read and write,
-- export_blind may insert payments and read no key.

\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

\echo == what may stand in the columns of the merchant
SET ROLE export_application;
INSERT INTO orders (id, amount, receipt) VALUES ('m1', 1000, repeat('ä', 40));
INSERT INTO orders (id, amount, receipt) VALUES ('m2', 1000, repeat('ä', 41));
INSERT INTO orders (id, amount, notes) SELECT 'm3', 1000, jsonb_object_agg(n, n) FROM generate_series(1, 15) AS n;
INSERT INTO orders (id, amount, notes) SELECT 'm4', 1000, jsonb_object_agg(n, n) FROM generate_series(1, 16) AS n;
INSERT INTO orders (id, amount, notes) VALUES ('m5', 1000, '[]'), ('m6', 1000, '{"a": null, "b": true, "c": 1.5}');
INSERT INTO orders (id, amount, notes) VALUES ('m7', 1000, '[1]');
INSERT INTO orders (id, amount, notes) VALUES ('m7', 1000, '"x"');
INSERT INTO orders (id, amount, notes) VALUES ('m7', 1000, 'null');
INSERT INTO orders (id, amount, notes) VALUES ('m7', 1000, '{"a": {"b": 1}}');
INSERT INTO orders (id, amount, notes) VALUES ('m7', 1000, '{"a": [1]}');
INSERT INTO orders (id, amount, notes) VALUES ('m7', 1000, jsonb_build_object('a', repeat('ß', 256)));
INSERT INTO orders (id, amount, notes) VALUES ('m8', 1000, jsonb_build_object('a', repeat('ß', 257)));
UPDATE orders SET notes = '{"a": [1]}' WHERE id = 'm1';
UPDATE orders SET receipt = repeat('x', 41) WHERE id = 'm1';
UPDATE orders SET notes = '{"a": 1}', receipt = NULL, offer_id = 'o' WHERE id = 'm1';
INSERT INTO orders (id, amount, first_payment_min_amount) VALUES ('m8', 1000, 100);
INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES ('m8', 1000, true, 1001);
INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES ('m8', 1000, true, 0);
INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES ('m8', 1000, true, 1000);
SELECT id, length(receipt), version FROM orders ORDER BY id;

\echo == times that are given
INSERT INTO orders (id, amount, status_since) VALUES ('t1', 1000, clock_timestamp());
INSERT INTO orders (id, amount, status_since) VALUES ('t2', 1000, '2000-01-01');
INSERT INTO orders (id, amount, changed_at) VALUES ('t2', 1000, 'infinity');
INSERT INTO orders (id, amount, created_at) VALUES ('t2', 1000, '2000-01-01');
UPDATE orders SET created_at = '2000-01-02' WHERE id = 't2';
UPDATE orders SET changed_at = clock_timestamp() WHERE id = 't2';
INSERT INTO payments (id, order_id, status_since) VALUES ('t2', 't2', '2000-01-01');
INSERT INTO payments (id, order_id, created_at) VALUES ('t2', 't2', '2000-01-01');
UPDATE payments SET status = 'failed', status_since = '2000-01-01' WHERE id = 't2';
UPDATE payments SET status = 'failed', status_since = clock_timestamp() WHERE id = 't2';
UPDATE payments SET created_at = now() WHERE id = 't2';
UPDATE payments SET status_since = now() WHERE id = 't2';
SELECT id, o.status_since = h.at, o.changed_at = h.at FROM orders AS o JOIN order_history AS h ON h.order_id = o.id
WHERE o.id LIKE 't%' ORDER BY 1, seq;

\echo == terms that may change until the first payment
SET search_path = until_paid, paystate;
INSERT INTO orders (id, amount) VALUES ('u1', 1000), ('u2', 1000);
UPDATE orders SET amount = 500 WHERE id = 'u1';
UPDATE orders SET amount = 400, status = 'cancelled' WHERE id = 'u1';
INSERT INTO payments (id, order_id, amount) VALUES ('u1', 'u1', 500);
UPDATE orders SET amount = 400 WHERE id = 'u1';
UPDATE orders SET amount = 400, status = 'cancelled' WHERE id = 'u1';
UPDATE orders SET status = 'cancelled' WHERE id = 'u2';
UPDATE orders SET currency = 'USD' WHERE id = 'u2';
SELECT id, amount, currency, status, version FROM orders ORDER BY id;
SET search_path = razorpay, paystate;

\echo == a whole row that is saved as it was read
INSERT INTO orders (id, amount) VALUES ('w', 1000);
INSERT INTO payments (id, order_id) VALUES ('w', 'w');
UPDATE payments SET status = 'authorized' WHERE id = 'w';
UPDATE orders SET amount = amount, amount_paid = amount_paid, amount_due = amount_due, status = status,
	attempts = attempts, version = version, changed_at = changed_at, notes = '{"saved": true}' WHERE id = 'w';
UPDATE orders SET status = 'created', notes = '{"stale": true}' WHERE id = 'w';
UPDATE orders SET status = 'processed' WHERE id = 'w';
UPDATE payments SET status = 'authorized', amount = 1000, amount_captured = 0, amount_refunded = 0 WHERE id = 'w';
UPDATE payments SET status = 'captured', amount_captured = NULL WHERE id = 'w';
INSERT INTO payments (id, order_id) VALUES ('w', 'w') ON CONFLICT DO NOTHING;
INSERT INTO payments (id, order_id) VALUES ('w', 'w') ON CONFLICT (id) DO UPDATE SET status = 'captured';
SELECT status, amount_paid, version, notes FROM orders WHERE id = 'w';

\echo == who and why
SET paystate.actor = 'somebody';
SET paystate.reason = 'because';
SET paystate.event_id = 'evt_1';
INSERT INTO orders (id, amount) VALUES ('a', 1000);
RESET paystate.actor;
SET paystate.reason = '';
INSERT INTO payments (id, order_id) VALUES ('a', 'a');
RESET paystate.event_id;
SELECT seq, actor, reason, event_id FROM order_history WHERE order_id = 'a' ORDER BY seq;

\echo == text goes into status columns
PREPARE pay(text, text) AS UPDATE payments SET status = $2 WHERE id = $1;
EXECUTE pay('a', 'authorized');
EXECUTE pay('a', 'AUTHORIZED');
COPY payments (id, order_id, amount, status) FROM STDIN;
a2	a	1000	created
\.

\echo == a payment without an order
INSERT INTO payments (id, amount) VALUES ('l', 0);
INSERT INTO payments (id, amount, currency) VALUES ('l', 500, 'XXX');
INSERT INTO payments (id, amount, status) VALUES ('l', 500, 'authorized');
INSERT INTO payments (id, amount) VALUES ('l', 500);
UPDATE payments SET order_id = 'a' WHERE id = 'l';
UPDATE payments SET status = 'captured' WHERE id = 'l';
UPDATE payments SET status = 'authorized' WHERE id = 'l';
UPDATE payments SET status = 'captured' WHERE id = 'l';
INSERT INTO refunds (payment_id, amount) VALUES ('l', 100);
UPDATE payments SET status = 'refunded' WHERE id = 'l';
INSERT INTO refunds (payment_id, amount) VALUES ('l', 500);
SELECT p.status, p.amount_refunded, r.amount, r.status FROM payments AS p JOIN refunds AS r ON r.payment_id = p.id
WHERE p.id = 'l';

\echo == what cannot be taken back
DELETE FROM orders;
DELETE FROM order_history;
TRUNCATE orders CASCADE;
TRUNCATE order_history;
UPDATE order_history SET amount = 0;
INSERT INTO order_history (order_id, seq, at, order_to, amount, amount_paid, attempts, actor)
VALUES ('a', 3, now(), 'paid', 0, 1000, 1, 'me');

\echo == what was decided, then undone, then written by hand
BEGIN;
SAVEPOINT s;
UPDATE payments SET status = 'captured' WHERE id = 'a';
SELECT status, amount_paid, version FROM orders WHERE id = 'a';
ROLLBACK TO s;
UPDATE orders SET status = 'paid', amount_paid = 1000, amount_due = 0, amount_authorized = 0, payments_open = 0,
	version = version + 1, changed_at = clock_timestamp() WHERE id = 'a';
ROLLBACK;

\echo == from within a trigger of the application
RESET ROLE;
CREATE SCHEMA mine AUTHORIZATION export_application;
CREATE SCHEMA theirs AUTHORIZATION export_owner;
SET ROLE export_application;
CREATE TABLE mine.deep (statement text);
CREATE FUNCTION mine.run() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE NEW.statement; RETURN NULL; END';
CREATE TRIGGER run AFTER INSERT ON mine.deep FOR EACH ROW EXECUTE FUNCTION mine.run();
INSERT INTO mine.deep VALUES ('UPDATE payments SET status = ''captured'' WHERE id = ''a''');
INSERT INTO mine.deep VALUES ('INSERT INTO refunds (payment_id, amount) VALUES (''a'', 100)');
INSERT INTO mine.deep VALUES ('INSERT INTO refunds (payment_id, amount) VALUES (''a'', 901)');
INSERT INTO mine.deep VALUES ('INSERT INTO order_history SELECT order_id, seq + 1, at, payment_id, refund_id,
	payment_from, payment_to, refund_to, order_from, order_to, amount, amount_paid, attempts, order_since,
	payment_since, actor FROM order_history WHERE order_id = ''a'' ORDER BY seq DESC LIMIT 1');
INSERT INTO mine.deep VALUES ('UPDATE orders SET amount_refunded = 0, version = version + 1 WHERE id = ''a''');
INSERT INTO mine.deep VALUES ('UPDATE orders SET amount_refunded = 0 WHERE id = ''a''');
INSERT INTO mine.deep VALUES ('UPDATE payments SET amount_refunded = amount_refunded + 100 WHERE id = ''a''');
INSERT INTO mine.deep VALUES ('UPDATE payments SET amount_refunded = 0 WHERE id = ''a''');
RESET ROLE;
SET ROLE export_owner;
CREATE TABLE theirs.deep (statement text);
CREATE FUNCTION theirs.run() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE NEW.statement; RETURN NULL; END';
CREATE TRIGGER run AFTER INSERT ON theirs.deep FOR EACH ROW EXECUTE FUNCTION theirs.run();
INSERT INTO theirs.deep VALUES ('UPDATE orders SET amount_refunded = 0, version = version + 1 WHERE id = ''a''');
INSERT INTO theirs.deep VALUES ('UPDATE orders SET status = ''attempted'' WHERE id = ''a''');
INSERT INTO theirs.deep VALUES ('UPDATE payments SET refund_pending = 1 WHERE id = ''a''');
INSERT INTO theirs.deep VALUES ('INSERT INTO refunds (payment_id, amount, status) VALUES (''a'', 100, ''pending'')');
SELECT amount_refunded, version FROM orders WHERE id = 'a';
SELECT amount_refunded, refund_pending FROM payments WHERE id = 'a';

\echo == a trigger of the owner on payments, which moves on what is not judged yet
CREATE FUNCTION theirs.hasten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.status = 'authorized' AND OLD.status = 'created' THEN
		UPDATE payments SET status = 'captured' WHERE order_id = NEW.order_id AND status = 'authorized' AND id <> NEW.id;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER hasten AFTER UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION theirs.hasten();
INSERT INTO orders (id, amount, partial_payment) VALUES ('h', 1000, true);
INSERT INTO payments (id, order_id, amount) VALUES ('h1', 'h', 400), ('h2', 'h', 600);
UPDATE payments SET status = 'authorized' WHERE order_id = 'h';
UPDATE payments SET status = 'authorized' WHERE id = 'h1';
UPDATE payments SET status = 'authorized' WHERE id = 'h2';
DROP TRIGGER hasten ON payments;
SELECT status, amount_authorized, amount_paid, version FROM orders WHERE id = 'h';

\echo == a trigger of the owner on payments, which alters what is stored
CREATE FUNCTION theirs.alter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.amount_captured := 1;
	RETURN NEW;
END $$;
CREATE TRIGGER alter BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION theirs.alter();
UPDATE payments SET status = 'captured' WHERE id = 'h2';
INSERT INTO refunds (payment_id, amount) VALUES ('h1', 100);
DROP TRIGGER alter ON payments;
INSERT INTO refunds (payment_id, amount) VALUES ('h1', 100);

\echo == who may not read keys
RESET ROLE;
SET ROLE export_blind;
INSERT INTO payments (id, order_id, amount) VALUES ('b', 'h', 0);
INSERT INTO payments (id, order_id, amount) VALUES ('b', 'nowhere', 1);
INSERT INTO payments (id, order_id, amount) VALUES ('b', 'm5', 1000);
INSERT INTO payments (id, order_id, amount) VALUES ('b2', 'm5', 999);
RESET ROLE;
SET ROLE export_owner;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON orders TO export_application USING (true);
RESET ROLE;
SET ROLE export_application;
INSERT INTO payments (id, order_id, amount) VALUES ('b2', 'm5', 999);
RESET ROLE;
SET ROLE export_owner;
INSERT INTO payments (id, order_id, amount) VALUES ('b2', 'm5', 999);
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;
DROP POLICY everything ON orders;

\echo == too late
RESET ROLE;
SET ROLE export_application;
INSERT INTO in_an_hour.orders (id, amount) VALUES ('o', 1000);
INSERT INTO in_an_hour.payments (id, order_id) VALUES ('p', 'o');
UPDATE in_an_hour.payments SET status = 'failed';
UPDATE in_an_hour.payments SET status = 'authorized';
INSERT INTO at_once.orders (id, amount) VALUES ('o', 1000);
INSERT INTO at_once.payments (id, order_id, amount) VALUES ('p', 'o', 1000), ('q', NULL, 1000);
UPDATE at_once.payments SET status = 'failed';
SELECT FROM pg_sleep(0.01);
UPDATE at_once.payments SET status = 'authorized' WHERE id = 'p';
UPDATE at_once.payments SET status = 'authorized' WHERE id = 'q';
SELECT status, attempts, payments_open FROM at_once.orders;
