-- Rows of attached tables that nobody should have written: labels whose place
-- another has taken, keys that are partly null, currencies that are null, and
-- money at the end of a column's type.
\ir lib/bare.sql

-- What comes of a statement after some tampering; then both are undone.
CREATE FUNCTION helper.says(tampering text, statement text, OUT got text)
	LANGUAGE plpgsql
AS $$
DECLARE
	detail text;
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE tampering;
	SET LOCAL session_replication_role = origin;
	BEGIN
		EXECUTE statement;
		got := 'accepted';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS got = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
		got := concat_ws(' | ', SQLSTATE || ' ' || got, nullif(detail, ''));
	END;
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;
CREATE FUNCTION helper.found(tampering text, orders text, OUT got text[])
	LANGUAGE plpgsql
AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE tampering;
	SET LOCAL session_replication_role = origin;
	got := (SELECT coalesce(array_agg(concat_ws('|', order_key, problem, coalesce(expected, '-'), coalesce(actual, '-')) ORDER BY order_key, problem), '{}')
		FROM paystate.verify(orders::regclass));
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;

-- ---- labels of the shop's own, integers, refunds whose status is text
CREATE TABLE o (id int PRIMARY KEY, amount int NOT NULL, status text NOT NULL, currency text, lifecycle text, partial_payment boolean, first_payment_min_amount int);
CREATE TABLE p (id int PRIMARY KEY, o int REFERENCES o, amount int NOT NULL, status text NOT NULL, currency text);
CREATE TABLE r (id int PRIMARY KEY, p int NOT NULL REFERENCES p, amount int NOT NULL, status text NOT NULL DEFAULT 'processed');
CREATE INDEX ON p (o);
ALTER TABLE o ADD amount_paid int DEFAULT 0, ADD amount_due int, ADD amount_authorized int DEFAULT 0, ADD amount_pending int DEFAULT 0, ADD amount_refunded int DEFAULT 0;
SELECT is_empty($$SELECT * FROM paystate.attach('o', 'p', 'r', labels => '{"order": {"paid": "COMPLETE"}, "payment": {"captured": "taken"}}', lifecycle => 'razorpay', add_columns => true)$$, 'attached');
INSERT INTO o (id, amount, currency, partial_payment) VALUES (1, 1000, 'INR', false), (2, 2000000000, 'INR', true), (3, 1000, 'INR', false), (4, 1000, 'INR', false);
INSERT INTO p (id, o, amount) VALUES (10, 1, 1000), (20, 2, 1500000000), (40, 4, 1000);
UPDATE p SET status = 'authorized' WHERE id IN (10, 40);
UPDATE p SET status = 'taken' WHERE id = 10;
INSERT INTO r (id, p, amount) VALUES (100, 10, 100);
SELECT results_eq('SELECT status, amount_paid FROM o WHERE id = 1', $$VALUES ('COMPLETE', 1000)$$, 'in the shop''s words');

SELECT is(helper.found(t, 'o'), says::text[], t) FROM (VALUES
	('SELECT 1', '{}'),
	('UPDATE o SET status = ''paid'' WHERE id = 1', '{"1|unknown status|one of life cycle \"razorpay\"|\"paid\""}'),
	('UPDATE p SET status = ''captured'' WHERE id = 10', '{"1|unknown status of payment \"10\"|one of life cycle \"razorpay\"|\"captured\""}'),
	('UPDATE r SET status = ''odd'' WHERE id = 100', '{"1|status of refund \"100\"|processed|odd","1|unknown status of refund \"100\"|pending, processed or failed|odd"}'),
	('UPDATE r SET status = ''failed'' WHERE id = 100', '{"1|status of refund \"100\"|processed|failed"}'),
	('UPDATE o SET currency = NULL WHERE id = 3', '{"3|currency|one of life cycle \"razorpay\"|-"}')
	) v (t, says);
SELECT is(helper.says(t, s), e, concat_ws(': ', nullif(t, 'SELECT 1'), s)) FROM (VALUES
	('SELECT 1', 'UPDATE p SET status = ''taken'' WHERE id = 40', 'accepted'),
	('SELECT 1', 'UPDATE p SET status = ''captured'' WHERE id = 40', '23PS1 update on table "p" violates life cycle "razorpay" | Payment "40" of order "4" cannot move from "authorized" to "captured".'),
	('UPDATE o SET status = ''paid'' WHERE id = 1', 'INSERT INTO r (id, p, amount) VALUES (101, 10, 100)', '23PS1 insert on table "r" violates life cycle "razorpay" | Payment "10" of order "1" is "taken" and cannot be refunded while the order is "(unknown)".'),
	('SELECT 1', 'INSERT INTO r (id, p, amount) VALUES (101, 10, 100)', 'accepted'),
	('SELECT 1', 'INSERT INTO p (id, o, amount) VALUES (21, 2, 500000000)', 'accepted'),
	('SELECT 1', 'INSERT INTO p (id, o, amount) VALUES (21, 2, 1500000000)', '23PS4 column "amount_pending" of table "o" cannot hold that amount | The value would be 3000000000, which is out of the range of type integer.'),
	('SELECT 1', 'INSERT INTO p (id, o, amount, currency) VALUES (30, 3, 1000, ''INR'')', 'accepted'),
	('UPDATE o SET currency = NULL WHERE id = 3', 'INSERT INTO p (id, o, amount, currency) VALUES (30, 3, 1000, ''INR'')', '23PS5 insert on table "p" violates currency of life cycle "razorpay" | Payment "30" has currency "INR", which life cycle "razorpay" does not take.')
	) v (t, s, e);

-- ---- money with decimals, as much as bigint has subunits and one more
CREATE TABLE n (id int PRIMARY KEY, amount numeric(20,2) NOT NULL, status text NOT NULL, currency text);
CREATE TABLE m (id int PRIMARY KEY, n int REFERENCES n, amount numeric(20,2) NOT NULL, status text NOT NULL, currency text);
CREATE INDEX ON m (n);
SELECT is_empty($$SELECT * FROM paystate.attach('n', 'm', lifecycle => 'razorpay', add_columns => true)$$, 'attached');
SELECT is(helper.says('SELECT 1', s), e, s) FROM (VALUES
	('INSERT INTO n (id, amount, currency) VALUES (1, 92233720368547758.07, ''INR'')', 'accepted'),
	('INSERT INTO n (id, amount, currency) VALUES (1, 92233720368547758.08, ''INR'')', '23PS4 column "amount" of table "n" cannot hold that amount | The value has too many subunits.'),
	('INSERT INTO n (id, amount, currency) VALUES (1, -92233720368547758.09, ''INR'')', '23PS4 column "amount" of table "n" cannot hold that amount | The value has too many subunits.'),
	('INSERT INTO n (id, amount, currency) VALUES (1, ''NaN'', ''INR'')', '23PS4 column "amount" of table "n" cannot hold that amount | The value is not a number of subunits.'),
	('INSERT INTO n (id, amount, currency) VALUES (1, 10, ''JPY'')', '23PS5 column "amount" of table "n" cannot hold that amount | It has 2 decimals, the currency 0.')
	) v (s, e);

-- ---- keys of two columns, partitions, a key that is partly null
CREATE TABLE a (shop text, no int, amount bigint NOT NULL, status text NOT NULL, PRIMARY KEY (shop, no)) PARTITION BY LIST (shop);
CREATE TABLE a_x PARTITION OF a FOR VALUES IN ('x');
CREATE TABLE a_y PARTITION OF a FOR VALUES IN ('y');
CREATE TABLE b (shop text, no int, nr int PRIMARY KEY, amount bigint NOT NULL, status text NOT NULL, FOREIGN KEY (shop, no) REFERENCES a);
CREATE INDEX ON b (shop, no);
SELECT is_empty($$SELECT * FROM paystate.attach('a', 'b', lifecycle => 'plural', add_columns => true)$$, 'attached');
INSERT INTO a (shop, no, amount) VALUES ('x', 1, 1000), ('x', 2, 1000), ('y', 1, 1000);
INSERT INTO b (shop, no, nr) VALUES ('x', 1, 1), ('x', 2, 2);
SELECT is(helper.found('SELECT 1', 'a'), '{}', 'all agrees');
SELECT is(helper.found('INSERT INTO b (shop, no, nr, amount, amount_captured, amount_refunded, refund_pending, status, status_since)
	SELECT ''x'', NULL, 3, 1000, 0, 0, 0, ''odd'', now() UNION ALL SELECT NULL, 1, 4, 1000, 0, 0, 0, ''pending'', now() UNION ALL SELECT NULL, 1, 5, 1000, 0, 0, 0, ''odd'', now()', 'a'),
	'{"order key of payment \"3\"|null or not null as a whole|null in part","order key of payment \"4\"|null or not null as a whole|null in part","order key of payment \"5\"|null or not null as a whole|null in part","unknown status of payment \"3\"|one of life cycle \"plural\"|odd","unknown status of payment \"5\"|one of life cycle \"plural\"|odd"}', 'payments with half a key are looked at one by one');
SELECT is(helper.found('INSERT INTO b (shop, no, nr, amount, amount_captured, amount_refunded, refund_pending, status, status_since)
	SELECT NULL, NULL, 3, 1000, 0, 0, 0, ''pending'', now()', 'a'), '{}', 'a payment without an order has no key at all');
SELECT is(helper.says('SELECT 1', s), e, s) FROM (VALUES
	('INSERT INTO b (shop, no, nr) VALUES (''y'', 1, 5)', 'accepted'),
	('INSERT INTO b (shop, no, nr, amount) VALUES (''y'', NULL, 5, 1000)', '23PS8 table "b" is not bound to a life cycle | The key of the payment''s order is partly null.'),
	('INSERT INTO b (shop, no, nr, amount) VALUES (NULL, NULL, 5, 1000)', 'accepted')
	) v (s, e);
SELECT results_eq($$SELECT kind, payment_id, to_status FROM paystate.allowed_transitions('a_x', 'x', '1') WHERE allowed ORDER BY 1, 2, 3$$,
	$$SELECT kind, payment_id, to_status FROM paystate.allowed_transitions('a', 'x', '1') WHERE allowed ORDER BY 1, 2, 3$$, 'a partition answers as its table does');

-- ---- ids that are alike but for their shop: a payment with half a key, a refund without its payment
CREATE TABLE c (shop text, no int, amount bigint NOT NULL, status text NOT NULL, PRIMARY KEY (shop, no));
CREATE TABLE d (shop text, nr int, no int, amount bigint NOT NULL, status text NOT NULL, PRIMARY KEY (shop, nr), FOREIGN KEY (shop, no) REFERENCES c);
CREATE TABLE e (shop text, nr int, id int PRIMARY KEY, amount bigint NOT NULL, FOREIGN KEY (shop, nr) REFERENCES d);
CREATE INDEX ON d (shop, no);
CREATE INDEX ON e (shop, nr);
SELECT is_empty($$SELECT * FROM paystate.attach('c', 'd', 'e', lifecycle => 'plural', add_columns => true)$$, 'attached');
INSERT INTO c (shop, no, amount) VALUES ('x', 1, 1000);
INSERT INTO d (shop, nr, no) VALUES ('x', 1, 1);
SELECT is(helper.found('INSERT INTO d (shop, nr, no, amount, amount_captured, amount_refunded, refund_pending, status, status_since)
	SELECT ''x'', 7, NULL, 1000, 0, 0, 0, ''pending'', now(); INSERT INTO e (shop, nr, id, amount) SELECT ''y'', 7, 70, 100', 'c'),
	'{"missing payment of refund \"70\"|7|-","order key of payment \"7\"|null or not null as a whole|null in part"}', 'each is looked at by itself');
-- refunds without a status have happened
UPDATE d SET status = 'processed' WHERE nr = 1;
INSERT INTO e (shop, nr, id, amount) VALUES ('x', 1, 1, 300);
SELECT results_eq('SELECT c.status, d.amount_refunded, (SELECT refund_to FROM c_history ORDER BY seq DESC LIMIT 1) FROM c JOIN d USING (shop, no)', $$VALUES ('partially_refunded', 300::bigint, 'processed')$$, 'a refund is processed');
SELECT is(helper.says('SELECT 1', 'UPDATE e SET amount = 301'), '23PS6 column "amount" of table "e" cannot be changed | It is fixed when the row is inserted.', 'and stays as it is');
SELECT is(helper.found('SELECT 1', 'c'), '{}', 'all agrees');

-- ---- attached and used in one transaction: several orders whose payments go along
CREATE TABLE u (id int PRIMARY KEY, amount bigint NOT NULL, status text NOT NULL);
CREATE TABLE w (id int PRIMARY KEY, u int REFERENCES u, amount bigint NOT NULL, status text NOT NULL);
CREATE INDEX ON w (u);
INSERT INTO u VALUES (1, 1000, 'pending'), (2, 1000, 'pending'), (3, 1000, 'pending');
INSERT INTO w VALUES (1, 1, 1000, 'pending'), (2, 2, 1000, 'pending'), (3, 3, 1000, 'pending');
SELECT is_empty($$SELECT * FROM paystate.attach('u', 'w', lifecycle => 'plural', add_columns => true)$$, 'attached');
UPDATE u SET status = 'cancelled' WHERE id = 1;
UPDATE u SET status = 'cancelled' WHERE id = 2;
UPDATE w SET status = 'failed' WHERE id = 3;
SELECT results_eq('SELECT u.id, u.status, w.status, payments_open FROM u JOIN w ON w.u = u.id ORDER BY 1',
	$$VALUES (1, 'cancelled', 'cancelled', 0), (2, 'cancelled', 'cancelled', 0), (3, 'attempted', 'failed', 0)$$, 'the second as the first');

SELECT is_empty('SELECT * FROM paystate.verify(''o'')', 'verify() agrees with all that was written');
SELECT is_empty('SELECT * FROM paystate.verify(''u'')', 'here, too');
SELECT * FROM finish();
ROLLBACK;
