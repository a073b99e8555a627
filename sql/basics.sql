-- What every client meets: the extension as installed, one Razorpay life with
-- every word of its refusals, and each line of the list of codes beside the
-- legal move that it must not stop.
\getenv srcdir PG_ABS_SRCDIR
\set ledger :srcdir '/sql/include/ledger.psql'
\set code '\\echo SQLSTATE :SQLSTATE'

--
-- As installed
--

SELECT extname, n.nspname AS schema, extrelocatable
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE extname = 'paystate';
-- a comment on everything: no rows
SELECT pg_describe_object(d.classid, d.objid, 0)
FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'paystate'
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND obj_description(d.objid, d.classid::regclass::name) IS NULL
	-- from 17 on, arrays and row types count as members
	AND NOT EXISTS (SELECT FROM pg_type t WHERE d.classid = 'pg_type'::regclass
					AND t.oid = d.objid AND (t.typelem <> 0 OR t.typrelid <> 0))
ORDER BY 1;
-- every function has named arguments: no rows
SELECT p.oid::regprocedure
FROM pg_proc p
WHERE p.pronamespace = 'paystate'::regnamespace AND p.pronargs > 0
	AND p.proargnames IS NULL
ORDER BY 1;
SELECT enum_range(NULL::paystate.order_status);
SELECT enum_range(NULL::paystate.payment_status);
SELECT enum_range(NULL::paystate.refund_status);
-- text becomes a status in an assignment, never by itself
SELECT castsource::regtype, casttarget::regtype, castcontext
FROM pg_cast
WHERE casttarget IN ('paystate.order_status'::regtype, 'paystate.payment_status'::regtype,
					 'paystate.refund_status'::regtype)
ORDER BY 2, 1;
SELECT paystate.to_order_status('PROCESSED'), paystate.to_order_status('canceled'),
	   paystate.to_payment_status('Success'), paystate.to_payment_status('AUTHORIZED'),
	   paystate.to_refund_status('Processed');

CREATE SCHEMA basics;
SET search_path = basics;
SELECT paystate.create_tables();
\set ECHO none
\i :ledger
\set ECHO all
\d orders
\d payments
\d refunds
\d order_history

--
-- One Razorpay life: a failure, a retry, a refund in two parts
--

INSERT INTO orders (id, amount, receipt, notes) VALUES ('order_1', 50000, 'rcpt 1', '{"desk": 4}');	-- ok
INSERT INTO payments (id, order_id) VALUES ('pay_1', 'order_1');	-- ok
TABLE books;
UPDATE payments SET status = 'captured' WHERE id = 'pay_1';			-- fail
:code
UPDATE payments SET status = 'failed' WHERE id = 'pay_1';			-- ok
UPDATE payments SET status = 'refunded' WHERE id = 'pay_1';			-- fail
:code
INSERT INTO payments (id, order_id) VALUES ('pay_2', 'order_1');	-- ok
UPDATE payments SET status = 'authorized' WHERE id = 'pay_2';		-- ok
INSERT INTO payments (id, order_id) VALUES ('pay_3', 'order_1');	-- fail
:code
INSERT INTO refunds (id, payment_id, amount) VALUES ('rfnd_0', 'pay_2', 100);	-- fail
:code
TABLE books;
UPDATE payments SET status = 'captured' WHERE id = 'pay_2';			-- ok
INSERT INTO payments (id, order_id) VALUES ('pay_3', 'order_1');	-- fail
:code
UPDATE payments SET status = 'failed' WHERE id = 'pay_2';			-- fail
:code
INSERT INTO refunds (id, payment_id, amount) VALUES ('rfnd_1', 'pay_2', 20000);	-- ok
INSERT INTO refunds (id, payment_id, amount) VALUES ('rfnd_2', 'pay_2', 30001);	-- fail
:code
INSERT INTO refunds (id, payment_id, amount) VALUES ('rfnd_2', 'pay_2', 30000);	-- ok
INSERT INTO refunds (id, payment_id, amount) VALUES ('rfnd_3', 'pay_2', 1);		-- fail
:code
TABLE books;
TABLE slips;
TABLE trail;
TABLE drift;

--
-- The fields of a refusal, for programs
--

\x
SELECT * FROM refusal($$UPDATE payments SET status = 'captured' WHERE id = 'pay_1'$$);
SELECT * FROM refusal($$INSERT INTO orders (id, amount, status) VALUES ('order_2', 100, 'paid')$$);
SELECT * FROM refusal($$INSERT INTO payments (id, order_id) VALUES ('pay_3', 'order_1')$$);
SELECT * FROM refusal($$INSERT INTO orders (id, amount) VALUES ('order_2', 99)$$);
SELECT * FROM refusal($$INSERT INTO orders (id, amount, currency) VALUES ('order_2', 100, 'XXX')$$);
SELECT * FROM refusal($$UPDATE orders SET amount_paid = 0$$);
SELECT * FROM refusal($$DELETE FROM orders$$);
SELECT * FROM refusal($$INSERT INTO orders (amount, lifecycle) VALUES (100, 'barter')$$);
\x

--
-- 23PS1: illegal transition
--

INSERT INTO orders (id, amount) VALUES ('ps1', 1000);
INSERT INTO payments (id, order_id) VALUES ('ps1_p', 'ps1');
UPDATE payments SET status = 'refunded' WHERE id = 'ps1_p';			-- fail
:code
UPDATE payments SET status = 'processed' WHERE id = 'ps1_p';		-- fail: not of this life cycle
:code
UPDATE orders SET status = 'cancelled' WHERE id = 'ps1';			-- fail
:code
UPDATE orders SET status = 'failed' WHERE id = 'ps1';				-- fail
:code
UPDATE payments SET status = 'authorized' WHERE id = 'ps1_p';		-- ok
UPDATE payments SET status = 'failed' WHERE id = 'ps1_p';			-- fail
:code
UPDATE payments SET status = 'created' WHERE id = 'ps1_p';			-- fail
:code
UPDATE payments SET status = 'refunded' WHERE id = 'ps1_p';			-- ok: the auto-refund
UPDATE payments SET status = 'captured' WHERE id = 'ps1_p';			-- fail: refunded is final
:code
SELECT * FROM books WHERE id = 'ps1';
SELECT * FROM slips WHERE order_id = 'ps1';
SELECT * FROM trail WHERE order_id = 'ps1';
-- a refund's own moves
INSERT INTO orders (id, amount) VALUES ('ps1r', 1000);
INSERT INTO payments (id, order_id) VALUES ('ps1r_p', 'ps1r');
UPDATE payments SET status = 'authorized' WHERE id = 'ps1r_p';
UPDATE payments SET status = 'captured' WHERE id = 'ps1r_p';
INSERT INTO refunds (id, payment_id, amount, status) VALUES ('ps1r_r', 'ps1r_p', 400, 'pending');	-- ok
UPDATE refunds SET status = 'failed' WHERE id = 'ps1r_r';			-- ok
UPDATE refunds SET status = 'processed' WHERE id = 'ps1r_r';		-- fail
:code
INSERT INTO refunds (id, payment_id, amount, status) VALUES ('ps1r_s', 'ps1r_p', 400, 'pending');	-- ok
UPDATE refunds SET status = 'processed' WHERE id = 'ps1r_s';		-- ok
UPDATE refunds SET status = 'pending' WHERE id = 'ps1r_s';			-- fail
:code
SELECT * FROM trail WHERE order_id = 'ps1r';
TABLE drift;

--
-- 23PS2: initial status
--

INSERT INTO orders (id, amount, status) VALUES ('ps2', 1000, 'paid');		-- fail
:code
INSERT INTO orders (id, amount, status) VALUES ('ps2', 1000, 'attempted');	-- fail
:code
INSERT INTO orders (id, amount, status) VALUES ('ps2', 1000, 'created');	-- ok
INSERT INTO payments (id, order_id, status) VALUES ('ps2_p', 'ps2', 'captured');	-- fail
:code
INSERT INTO payments (id, order_id, status) VALUES ('ps2_p', 'ps2', 'pending');		-- fail
:code
INSERT INTO payments (id, order_id, status) VALUES ('ps2_p', 'ps2', 'created');		-- ok
UPDATE payments SET status = 'authorized' WHERE id = 'ps2_p';
UPDATE payments SET status = 'captured' WHERE id = 'ps2_p';
INSERT INTO refunds (payment_id, amount, status) VALUES ('ps2_p', 10, 'failed');	-- fail
:code
INSERT INTO refunds (id, payment_id, amount, status) VALUES ('ps2_r', 'ps2_p', 10, 'pending');	-- ok
INSERT INTO refunds (id, payment_id, amount) VALUES ('ps2_s', 'ps2_p', 10);			-- ok
ALTER TABLE orders ALTER status SET DEFAULT 'paid';
INSERT INTO orders (id, amount) VALUES ('ps2d', 1000);						-- fail
:code
ALTER TABLE orders ALTER status DROP DEFAULT;
INSERT INTO orders (id, amount) VALUES ('ps2d', 1000);						-- ok
SELECT * FROM books WHERE id LIKE 'ps2%';
SELECT * FROM slips WHERE order_id = 'ps2';
TABLE drift;

--
-- 23PS3: the order takes it no more
--

INSERT INTO orders (id, amount, partial_payment) VALUES ('ps3', 1000, true);
INSERT INTO payments (id, order_id, amount) VALUES ('ps3_a', 'ps3', 1000), ('ps3_b', 'ps3', 600);
UPDATE payments SET status = 'authorized' WHERE id LIKE 'ps3%';		-- ok: both
INSERT INTO payments (id, order_id, amount) VALUES ('ps3_c', 'ps3', 100);	-- fail: one is held
:code
UPDATE payments SET status = 'captured' WHERE id = 'ps3_a';			-- ok
UPDATE payments SET status = 'captured' WHERE id = 'ps3_b';			-- fail: paid
:code
INSERT INTO payments (id, order_id, amount) VALUES ('ps3_c', 'ps3', 100);	-- fail: paid
:code
UPDATE payments SET status = 'refunded' WHERE id = 'ps3_b';			-- ok
-- without an order nothing is ever settled
INSERT INTO payments (id, amount) VALUES ('ps3_d', 500);			-- ok
UPDATE payments SET status = 'authorized' WHERE id = 'ps3_d';		-- ok
UPDATE payments SET status = 'captured' WHERE id = 'ps3_d';			-- fail
:code
UPDATE payments SET status = 'refunded' WHERE id = 'ps3_d';			-- ok
SELECT * FROM refusal($$UPDATE payments SET order_id = 'ps3' WHERE id = 'ps3_d'$$);	-- fail
SELECT * FROM books WHERE id = 'ps3';
SELECT * FROM slips WHERE id LIKE 'ps3%';
SELECT * FROM trail WHERE order_id = 'ps3';
TABLE drift;

--
-- 23PS4: amounts
--

INSERT INTO orders (id, amount) VALUES ('ps4', 99);					-- fail
:code
INSERT INTO orders (id, amount) VALUES ('ps4', 0);					-- fail
:code
INSERT INTO orders (id, amount) VALUES ('ps4', -100);				-- fail
:code
INSERT INTO orders (id, amount) VALUES ('ps4', 100);				-- ok
INSERT INTO payments (id, order_id, amount) VALUES ('ps4_p', 'ps4', 99);	-- fail
:code
INSERT INTO payments (id, order_id, amount) VALUES ('ps4_p', 'ps4', 101);	-- fail
:code
INSERT INTO payments (id, order_id, amount) VALUES ('ps4_p', 'ps4', 0);		-- fail
:code
INSERT INTO payments (id, order_id, amount) VALUES ('ps4_p', 'ps4', -100);	-- fail
:code
INSERT INTO payments (id, order_id, amount) VALUES ('ps4_p', 'ps4', 100);	-- ok
UPDATE payments SET status = 'authorized' WHERE id = 'ps4_p';
UPDATE payments SET status = 'captured', amount_captured = 99 WHERE id = 'ps4_p';	-- fail
:code
UPDATE payments SET status = 'captured', amount_captured = 101 WHERE id = 'ps4_p';	-- fail
:code
UPDATE payments SET status = 'captured', amount_captured = 100 WHERE id = 'ps4_p';	-- ok
INSERT INTO refunds (id, payment_id, amount) VALUES ('ps4_r', 'ps4_p', 0);		-- fail
:code
INSERT INTO refunds (id, payment_id, amount) VALUES ('ps4_r', 'ps4_p', -1);		-- fail
:code
INSERT INTO refunds (id, payment_id, amount) VALUES ('ps4_r', 'ps4_p', 101);	-- fail
:code
INSERT INTO refunds (id, payment_id, amount) VALUES ('ps4_r', 'ps4_p', 60), ('ps4_s', 'ps4_p', 60);	-- fail
:code
INSERT INTO refunds (id, payment_id, amount, status) VALUES ('ps4_r', 'ps4_p', 60, 'pending');	-- ok
INSERT INTO refunds (id, payment_id, amount) VALUES ('ps4_s', 'ps4_p', 41);		-- fail: reserved
:code
UPDATE payments SET status = 'refunded' WHERE id = 'ps4_p';			-- fail: a refund is pending
:code
INSERT INTO refunds (id, payment_id, amount) VALUES ('ps4_s', 'ps4_p', 40);		-- ok
UPDATE refunds SET status = 'processed' WHERE id = 'ps4_r';			-- ok: the whole is refunded
SELECT * FROM slips WHERE order_id = 'ps4';
SELECT * FROM trail WHERE order_id = 'ps4';
-- parts, and the least first part
INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES ('ps4b', 1000, true, 300);
INSERT INTO payments (id, order_id, amount) VALUES ('ps4b_p', 'ps4b', 299);		-- fail
:code
INSERT INTO payments (id, order_id, amount) VALUES ('ps4b_p', 'ps4b', 1001);	-- fail
:code
INSERT INTO payments (id, order_id, amount) VALUES ('ps4b_p', 'ps4b', 300);		-- ok
UPDATE payments SET status = 'authorized' WHERE id = 'ps4b_p';
UPDATE payments SET status = 'captured' WHERE id = 'ps4b_p';		-- ok
INSERT INTO payments (id, order_id, amount) VALUES ('ps4b_q', 'ps4b', 701);		-- fail
:code
INSERT INTO payments (id, order_id, amount) VALUES ('ps4b_q', 'ps4b', 100);		-- ok: no longer the first
INSERT INTO payments (id, order_id) VALUES ('ps4b_r', 'ps4b');		-- ok: what is due
SELECT * FROM slips WHERE order_id = 'ps4b';
SELECT * FROM books WHERE id = 'ps4b';
-- parts where the life cycle has none
INSERT INTO orders (id, amount, lifecycle, partial_payment) VALUES ('ps4c', 1000, 'paykun', true);	-- fail
:code
INSERT INTO orders (id, amount, lifecycle) VALUES ('ps4c', 999, 'paykun');		-- fail
:code
INSERT INTO orders (id, amount, lifecycle) VALUES ('ps4c', 1000, 'paykun');		-- ok
INSERT INTO orders (id, amount, lifecycle) VALUES ('ps4d', 100000001, 'plural');	-- fail
:code
INSERT INTO orders (id, amount, lifecycle) VALUES ('ps4d', 100000000, 'plural');	-- ok
-- without an order the amount must be given
INSERT INTO payments (id) VALUES ('ps4_x');							-- fail
:code
INSERT INTO payments (id, amount) VALUES ('ps4_x', 1);				-- ok
SELECT id, order_id, amount, currency, status FROM payments WHERE id = 'ps4_x';
TABLE drift;

-- the largest amount there is, paid in two halves; nothing overflows
INSERT INTO orders (id, amount, partial_payment) VALUES ('big', 9223372036854775807, true);		-- ok
INSERT INTO payments (id, order_id, amount) VALUES ('big_1', 'big', 4611686018427387904), ('big_2', 'big', 4611686018427387903);	-- ok
UPDATE payments SET status = 'authorized' WHERE order_id = 'big';	-- ok
UPDATE payments SET status = 'captured' WHERE order_id = 'big';		-- ok
SELECT * FROM books WHERE id = 'big';
INSERT INTO refunds (payment_id, amount) VALUES ('big_1', 9223372036854775807);	-- fail
:code
INSERT INTO refunds (id, payment_id, amount) VALUES ('big_r', 'big_1', 4611686018427387904);	-- ok
TABLE drift;

--
-- 23PS5: currency
--

INSERT INTO orders (id, amount, currency) VALUES ('ps5', 1000, 'XXX');		-- fail
:code
INSERT INTO orders (id, amount, currency) VALUES ('ps5', 1000, 'inr');		-- fail
:code
INSERT INTO orders (id, amount, currency) VALUES ('ps5', 1000, 'USD');		-- ok
INSERT INTO orders (id, amount, currency, lifecycle) VALUES ('ps5b', 1000, 'USD', 'paykun');	-- fail
:code
INSERT INTO orders (id, amount, currency, lifecycle) VALUES ('ps5b', 1000, 'INR', 'paykun');	-- ok
INSERT INTO payments (id, order_id, currency) VALUES ('ps5_p', 'ps5', 'INR');		-- fail
:code
INSERT INTO payments (id, order_id) VALUES ('ps5_p', 'ps5');				-- ok: the order's
INSERT INTO payments (id, amount, currency) VALUES ('ps5_q', 100, 'XXX');	-- fail
:code
INSERT INTO payments (id, amount, currency) VALUES ('ps5_q', 100, 'KWD');	-- ok
SELECT id, order_id, currency FROM payments WHERE id LIKE 'ps5%';
TABLE drift;

--
-- 23PS6: derived and immutable columns
--

-- each column of an order, changed by a client: all of them fail
CREATE TEMP TABLE snapshot AS SELECT * FROM orders;
SELECT c.column_name, c.value, r.code, r.message, r.column_name AS of_column
FROM (VALUES
	('id', '''other'''), ('lifecycle', '''paykun'''), ('amount', 'amount + 1'),
	('amount_paid', '1'), ('amount_due', '0'), ('amount_authorized', '1'),
	('amount_pending', '1'), ('amount_refunded', '1'), ('currency', '''INR'''),
	('partial_payment', 'true'), ('first_payment_min_amount', '100'),
	('status', '''paid'''), ('status', '''attempted'''), ('status', '''processed'''),
	('attempts', 'attempts + 100'), ('payments_open', '0'), ('version', 'version + 1'),
	('status_since', 'status_since + interval ''1 s'''),
	('changed_at', 'changed_at + interval ''1 s'''),
	('created_at', '''2000-01-01''')) AS c (column_name, value),
	refusal(format('UPDATE orders SET %s = %s WHERE id = ''ps5''',
				   c.column_name,
				   CASE WHEN c.column_name IN ('partial_payment', 'first_payment_min_amount')
				   THEN c.value || CASE c.column_name WHEN 'first_payment_min_amount'
									THEN ', partial_payment = true' ELSE '' END
				   ELSE c.value END)) AS r;
-- of a payment
SELECT c.column_name, c.value, r.code, r.message, r.column_name AS of_column
FROM (VALUES
	('id', '''other'''), ('order_id', '''ps5b'''), ('order_id', 'NULL'),
	('amount', 'amount + 1'), ('amount_captured', '1'), ('amount_refunded', '1'),
	('refund_pending', '1'), ('currency', '''INR'''),
	('status_since', 'status_since + interval ''1 s'''),
	('created_at', '''2000-01-01''')) AS c (column_name, value),
	refusal(format('UPDATE payments SET %s = %s WHERE id = ''ps5_p''', c.column_name, c.value)) AS r;
-- of a refund
SELECT c.column_name, c.value, r.code, r.message, r.column_name AS of_column
FROM (VALUES
	('id', '''other'''), ('payment_id', '''pay_1'''), ('amount', 'amount - 1'),
	('created_at', '''2000-01-01''')) AS c (column_name, value),
	refusal(format('UPDATE refunds SET %s = %s WHERE id = ''rfnd_1''', c.column_name, c.value)) AS r;
-- together with a legal move they fail as well
UPDATE payments SET status = 'failed', amount = 1 WHERE id = 'ps5_p';			-- fail
:code
UPDATE payments SET status = 'failed', amount_captured = 10 WHERE id = 'ps5_p';	-- fail
:code
UPDATE payments SET status = 'failed', amount_refunded = 10 WHERE id = 'ps5_p';	-- fail
:code
-- at the insert of a row: absent, null, or what it would be
INSERT INTO orders (id, amount, amount_paid) VALUES ('ps6', 1000, 1);	-- fail
:code
INSERT INTO orders (id, amount, amount_due) VALUES ('ps6', 1000, 0);	-- fail
:code
INSERT INTO orders (id, amount, attempts) VALUES ('ps6', 1000, 1);		-- fail
:code
INSERT INTO orders (id, amount, version) VALUES ('ps6', 1000, 7);		-- fail
:code
INSERT INTO orders (id, amount, status_since) VALUES ('ps6', 1000, '2000-01-01');	-- fail
:code
INSERT INTO orders (id, amount, amount_paid, amount_due, attempts, version, status, status_since, created_at)
	VALUES ('ps6', 1000, NULL, 1000, 0, 1, NULL, NULL, '2020-02-02 02:02:02+00');	-- ok
SELECT id, status, amount_due, created_at AT TIME ZONE 'UTC' AS created_at,
	   status_since = changed_at AS same, status_since > now() - interval '1 minute' AS fresh
FROM orders WHERE id = 'ps6';
INSERT INTO payments (id, order_id, amount_captured) VALUES ('ps6_p', 'ps6', 1000);	-- fail
:code
INSERT INTO payments (id, order_id, refund_pending) VALUES ('ps6_p', 'ps6', 1);		-- fail
:code
INSERT INTO payments (id, order_id, amount_captured, amount_refunded, refund_pending, amount, status, status_since)
	VALUES ('ps6_p', 'ps6', 0, NULL, 0, NULL, NULL, NULL);				-- ok
-- the history is nobody's to write
INSERT INTO order_history (order_id, seq, at, order_to, amount, amount_paid, attempts, actor)
	VALUES ('ps6', 3, now(), 'paid', 0, 0, 0, 'me');					-- fail
:code
UPDATE order_history SET amount = 1 WHERE order_id = 'ps6';				-- fail
:code
UPDATE order_history SET amount = amount WHERE order_id = 'ps6';		-- fail
:code
-- the columns that are the client's: no history, no time
UPDATE orders SET notes = '{"a": 1}', receipt = 'r', offer_id = 'off' WHERE id = 'ps6';	-- ok
-- a status as it is, and a whole row as it is
UPDATE orders SET status = 'created' WHERE id = 'ps6';					-- ok
UPDATE orders SET amount = 1000, amount_paid = 0, amount_due = 1000, amount_pending = 1000,
	currency = 'INR', status = 'created', attempts = 0, payments_open = 1, version = 2,
	lifecycle = 'razorpay', partial_payment = false, id = 'ps6' WHERE id = 'ps6';	-- ok
UPDATE payments SET status = 'created', amount = 1000, currency = 'INR' WHERE id = 'ps6_p';	-- ok
SELECT id, version, receipt, offer_id, notes FROM orders WHERE id = 'ps6';
SELECT * FROM trail WHERE order_id = 'ps6';
-- a stale row saved whole
UPDATE payments SET status = 'failed' WHERE id = 'ps6_p';				-- ok
UPDATE orders SET amount_pending = 1000, attempts = 0, payments_open = 1, version = 2,
	status = 'created', notes = '{}' WHERE id = 'ps6';					-- fail
:code
SELECT id, status, attempts, version, notes FROM orders WHERE id = 'ps6';
-- of what was there before, nothing has changed
SELECT id FROM snapshot EXCEPT SELECT id FROM orders;
SELECT s.id FROM snapshot s JOIN orders o USING (id) WHERE s IS DISTINCT FROM o;
TABLE drift;

--
-- Of several reasons, the first in the contract's list
--

SELECT code, message FROM refusal($$INSERT INTO orders (id, amount, attempts, status, currency, lifecycle, receipt)
	VALUES ('pre', 1, 5, 'paid', 'XXX', 'barter', repeat('x', 41))$$)
UNION ALL
SELECT code, message FROM refusal($$INSERT INTO orders (id, amount, attempts, status, currency, receipt)
	VALUES ('pre', 1, 5, 'paid', 'XXX', repeat('x', 41))$$)
UNION ALL
SELECT code, message FROM refusal($$INSERT INTO orders (id, amount, attempts, status, currency)
	VALUES ('pre', 1, 5, 'paid', 'XXX')$$)
UNION ALL
SELECT code, message FROM refusal($$INSERT INTO orders (id, amount, status, currency) VALUES ('pre', 1, 'paid', 'XXX')$$)
UNION ALL
SELECT code, message FROM refusal($$INSERT INTO orders (id, amount, currency) VALUES ('pre', 1, 'XXX')$$)
UNION ALL
SELECT code, message FROM refusal($$INSERT INTO orders (id, amount) VALUES ('pre', 1)$$);
SELECT code, message FROM refusal($$INSERT INTO payments (order_id, amount, amount_captured, status, currency)
	VALUES ('order_1', 1, 1, 'captured', 'XXX')$$)
UNION ALL
SELECT code, message FROM refusal($$INSERT INTO payments (order_id, amount, status, currency)
	VALUES ('order_1', 1, 'captured', 'XXX')$$)
UNION ALL
SELECT code, message FROM refusal($$INSERT INTO payments (order_id, amount, currency) VALUES ('order_1', 1, 'XXX')$$)
UNION ALL
SELECT code, message FROM refusal($$INSERT INTO payments (order_id, amount, currency) VALUES ('ps2d', 1, 'XXX')$$)
UNION ALL
SELECT code, message FROM refusal($$INSERT INTO payments (order_id, amount) VALUES ('ps2d', 1)$$)
UNION ALL
SELECT code, message FROM refusal($$UPDATE payments SET status = 'captured', amount = 1, amount_captured = 5 WHERE id = 'pay_1'$$)
UNION ALL
SELECT code, message FROM refusal($$UPDATE payments SET status = 'captured', amount_captured = 5 WHERE id = 'pay_1'$$);

--
-- 23PS7: nothing is deleted
--

DELETE FROM orders WHERE id = 'ps6';				-- fail
:code
DELETE FROM payments WHERE id = 'ps6_p';			-- fail
:code
DELETE FROM refunds WHERE id = 'rfnd_1';			-- fail
:code
DELETE FROM order_history WHERE order_id = 'ps6';	-- fail
:code
DELETE FROM orders WHERE id = 'no such order';		-- ok: nothing to delete
TRUNCATE orders CASCADE;							-- fail
:code
TRUNCATE payments, refunds;							-- fail
:code
TRUNCATE refunds;									-- fail
:code
TRUNCATE order_history;								-- fail
:code
TRUNCATE orders, payments, refunds, order_history;	-- fail
:code
-- nor by a cascade of a foreign key
CREATE TABLE shops (id int PRIMARY KEY);
INSERT INTO shops VALUES (1), (2);
ALTER TABLE orders ADD shop int REFERENCES shops ON DELETE CASCADE;
UPDATE orders SET shop = 1 WHERE id = 'ps6';		-- ok
DELETE FROM shops WHERE id = 1;						-- fail
:code
DELETE FROM shops WHERE id = 2;						-- ok: no order is of it
TRUNCATE shops CASCADE;								-- fail
:code
ALTER TABLE orders DROP shop;
DROP TABLE shops;
SELECT count(*) FROM orders WHERE id = 'ps6';
TABLE drift;

--
-- 23PS8: no such life cycle; unbound tables have a test of their own
--

INSERT INTO orders (id, amount, lifecycle) VALUES ('ps8', 1000, 'barter');	-- fail
:code
INSERT INTO orders (id, amount, lifecycle) VALUES ('ps8', 1000, '');		-- fail
:code
INSERT INTO orders (id, amount, lifecycle) VALUES ('ps8', 1000, 'plural');	-- ok
SELECT code, message FROM refusal($$SELECT paystate.create_tables(lifecycle => 'barter')$$);		-- fail
CREATE TABLE plain (LIKE orders INCLUDING ALL);
CREATE TRIGGER guard AFTER INSERT OR UPDATE OR DELETE ON plain
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_orders('lifecycle=razorpay');
INSERT INTO plain (id, amount, amount_due, status, status_since, changed_at)
	VALUES ('ps8', 1000, 1000, 'created', now(), now());					-- fail
:code
DROP TABLE plain;

--
-- 23503: foreign keys speak for themselves
--

INSERT INTO payments (id, order_id) VALUES ('fk', 'no such order');				-- fail
:code
INSERT INTO payments (id, order_id, amount) VALUES ('fk', 'no such order', 1);	-- fail
:code
INSERT INTO refunds (id, payment_id, amount) VALUES ('fk', 'no such payment', 1);	-- fail
:code
-- and the guard for one that is off
ALTER TABLE payments DISABLE TRIGGER ALL;
ALTER TABLE payments ENABLE TRIGGER USER;
INSERT INTO payments (id, order_id) VALUES ('fk', 'no such order');				-- fail
:code
SELECT table_name, constraint_name
FROM refusal($$INSERT INTO payments (id, order_id) VALUES ('fk', 'no such order')$$);
INSERT INTO payments (id, order_id) VALUES ('fk_p', 'ps8');						-- ok
ALTER TABLE payments ENABLE TRIGGER ALL;
SELECT * FROM slips WHERE id LIKE 'fk%';
TABLE drift;

--
-- 39P01: guards are triggers
--

SELECT paystate.guard_orders();		-- fail
:code
CREATE TABLE plain (a int);
CREATE TRIGGER guard AFTER INSERT ON plain
	FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
INSERT INTO plain VALUES (1);		-- fail
:code
DROP TABLE plain;

--
-- 23514: receipt, notes, partial terms
--

-- the failing row, which core shows, has times in it
\set VERBOSITY terse
INSERT INTO orders (id, amount, receipt) VALUES ('ck', 1000, repeat('x', 41));		-- fail
:code
INSERT INTO orders (id, amount, receipt) VALUES ('ck1', 1000, repeat('é', 40));		-- ok
INSERT INTO orders (id, amount, notes) VALUES ('ck', 1000, '[1]');					-- fail
:code
INSERT INTO orders (id, amount, notes) VALUES ('ck', 1000, '"text"');				-- fail
:code
INSERT INTO orders (id, amount, notes) VALUES ('ck', 1000, '{"a": {"b": 1}}');		-- fail
:code
INSERT INTO orders (id, amount, notes) VALUES ('ck', 1000, '{"a": [1]}');			-- fail
:code
INSERT INTO orders (id, amount, notes)
	SELECT 'ck', 1000, jsonb_object_agg('k' || i, i) FROM generate_series(1, 16) i;	-- fail
:code
INSERT INTO orders (id, amount, notes) VALUES ('ck', 1000, jsonb_build_object('a', repeat('é', 257)));	-- fail
:code
INSERT INTO orders (id, amount, notes)
	SELECT 'ck2', 1000, jsonb_object_agg('k' || i, i) FROM generate_series(1, 15) i;	-- ok
INSERT INTO orders (id, amount, notes) VALUES ('ck3', 1000, jsonb_build_object('a', repeat('é', 256)));	-- ok
INSERT INTO orders (id, amount, notes) VALUES ('ck4', 1000, '[]'), ('ck5', 1000, '{}'),
	('ck6', 1000, '{"a": null, "b": true, "c": 1.5, "d": ""}');						-- ok
UPDATE orders SET notes = '[2]' WHERE id = 'ck4';									-- fail
:code
INSERT INTO orders (id, amount, first_payment_min_amount) VALUES ('ck', 1000, 100);	-- fail
:code
INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES ('ck', 1000, true, 1001);	-- fail
:code
INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES ('ck', 1000, true, 0);		-- fail
:code
INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES ('ck7', 1000, true, 1000);	-- ok
SELECT code, constraint_name FROM refusal($$UPDATE orders SET receipt = repeat('x', 41) WHERE id = 'ck1'$$)
UNION ALL
SELECT code, constraint_name FROM refusal($$UPDATE orders SET notes = '1' WHERE id = 'ck1'$$)
UNION ALL
SELECT code, constraint_name FROM refusal($$INSERT INTO orders (amount, first_payment_min_amount) VALUES (100, 1)$$);

--
-- 23502: null
--

INSERT INTO orders (id) VALUES ('nn');									-- fail
:code
INSERT INTO orders (id, amount, lifecycle) VALUES ('nn', 1000, NULL);	-- fail
:code
INSERT INTO orders (id, amount, currency) VALUES ('nn', 1000, NULL);	-- fail
:code
INSERT INTO orders (id, amount, notes) VALUES ('nn', 1000, NULL);		-- fail
:code
UPDATE orders SET status = NULL WHERE id = 'ck1';						-- fail
:code
UPDATE payments SET status = NULL WHERE id = 'ps6_p';					-- fail
:code
INSERT INTO refunds (id, payment_id) VALUES ('nn', 'ps2_p');			-- fail
:code
INSERT INTO orders (id, amount, status) VALUES ('nn', 1000, NULL);		-- ok: filled in
INSERT INTO refunds (id, payment_id, amount, status) VALUES ('nn', 'ps2_p', 1, NULL);	-- ok: processed
SELECT id, status FROM refunds WHERE id = 'nn';
TABLE drift;
\set VERBOSITY default

--
-- 22P02: labels
--

INSERT INTO orders (id, amount, status) VALUES ('lb', 1000, 'PAID');		-- fail
:code
INSERT INTO orders (id, amount, status) VALUES ('lb', 1000, 'created ');	-- fail
:code
INSERT INTO orders (id, amount, status) VALUES ('lb', 1000, '');			-- fail
:code
UPDATE payments SET status = 'authorised' WHERE id = 'ps6_p';				-- fail
:code
UPDATE orders SET status = 'paid'::text::varchar || ' ' WHERE id = 'ck1';	-- fail
:code
SELECT paystate.to_order_status('sold');									-- fail
:code
SELECT 1::paystate.order_status;											-- fail: no such cast
:code
INSERT INTO orders (id, amount, status) VALUES ('lb', 1000, 'created'::text);	-- ok
SELECT id FROM orders WHERE status = 'created' AND id = 'lb';				-- ok
\set VERBOSITY terse
SELECT id FROM orders WHERE status = 'created'::text AND id = 'lb';			-- fail: a cast is needed
\set VERBOSITY default
:code

--
-- 42501: privileges are core's, and derivation needs none
--

CREATE ROLE regress_paystate_app;
GRANT USAGE ON SCHEMA basics TO regress_paystate_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA basics TO regress_paystate_app;
REVOKE ALL ON orders, order_history FROM regress_paystate_app;
GRANT UPDATE (status) ON payments TO regress_paystate_app;
SET ROLE regress_paystate_app;
UPDATE orders SET amount_paid = 1;								-- fail
:code
INSERT INTO order_history (order_id) VALUES ('ck1');			-- fail
:code
UPDATE payments SET amount_captured = 1;						-- fail
:code
DELETE FROM payments;											-- fail
:code
TRUNCATE payments;												-- fail
:code
ALTER TABLE payments DISABLE TRIGGER ALL;						-- fail
:code
UPDATE paystate.lifecycle SET payment_min = 0;					-- fail
:code
SELECT code, message FROM refusal('SELECT paystate.create_tables()');	-- fail
INSERT INTO payments (id, order_id) VALUES ('app_p', 'ck1');	-- ok: though orders is not his to read
UPDATE payments SET status = 'failed' WHERE id = 'app_p';		-- ok
-- what he may not read, no message tells him
UPDATE payments SET status = 'captured' WHERE id = 'app_p';		-- fail
:code
RESET ROLE;
SELECT * FROM books WHERE id = 'ck1';
SELECT * FROM trail WHERE order_id = 'ck1';
TABLE drift;
REVOKE ALL ON ALL TABLES IN SCHEMA basics FROM regress_paystate_app;
REVOKE ALL ON SCHEMA basics FROM regress_paystate_app;
DROP ROLE regress_paystate_app;

--
-- The rules are published: nobody changes them under live orders
--

UPDATE paystate.lifecycle_transition SET guard = '-' WHERE lifecycle = 'razorpay';	-- fail
:code
DELETE FROM paystate.lifecycle WHERE name = 'razorpay';								-- fail
:code
SELECT lifecycle, count(*) FROM paystate.lifecycle_transition GROUP BY 1 ORDER BY 1;

--
-- The extension is not dropped from under its tables
--

SELECT code, message FROM refusal('DROP EXTENSION paystate')
UNION ALL
SELECT code, message FROM refusal('DROP FUNCTION paystate.guard_payments()')
UNION ALL
SELECT code, message FROM refusal('DROP TYPE paystate.order_status')
UNION ALL
SELECT code, message FROM refusal('ALTER EXTENSION paystate SET SCHEMA basics')
UNION ALL
SELECT code, message FROM refusal('CREATE EXTENSION paystate');

--
-- Other keys
--

-- text: ids as the gateways have them, in the order of creation
INSERT INTO orders (amount) VALUES (100) RETURNING id ~ '^order_[0-9A-Za-z]{14}$' AS ok;
SELECT count(DISTINCT id) AS ids, bool_and(id > before COLLATE "C") AS sorted
FROM (SELECT id, lag(id) OVER (ORDER BY n) AS before
	  FROM (SELECT n, paystate.new_id('payment') AS id FROM generate_series(1, 1000) n) AS made) AS pairs;
SELECT paystate.new_id('refund') ~ '^rfnd_[0-9A-Za-z]{14}$' AS ok;
SELECT paystate.new_id('coupon');	-- fail
:code

CREATE SCHEMA basics_bigint;
SET search_path = basics_bigint;
SELECT paystate.create_tables(key_type => 'bigint', lifecycle => 'plural_preauth');
\set ECHO none
\i :ledger
\set ECHO all
INSERT INTO orders (gateway_id, amount) VALUES ('v1-1', 1000), ('v1-2', 1000);	-- ok
INSERT INTO payments (gateway_id, order_id) VALUES ('v1-p1', 1);				-- ok
UPDATE payments SET status = 'authorized' WHERE gateway_id = 'v1-p1';			-- ok
UPDATE payments SET status = 'processed', amount_captured = 400 WHERE id = 1;	-- ok: in part
UPDATE payments SET status = 'refunded' WHERE id = 1;							-- fail
:code
INSERT INTO refunds (payment_id, amount) VALUES (1, 401);						-- fail
:code
INSERT INTO refunds (payment_id, amount) VALUES (1, 150), (1, 250);				-- ok
UPDATE orders SET status = 'cancelled' WHERE id = 2;							-- ok
INSERT INTO payments (order_id) VALUES (2);										-- fail
:code
INSERT INTO orders (gateway_id, amount) VALUES ('v1-1', 1000);					-- fail
:code
TABLE books;
TABLE slips;
TABLE trail;
TABLE drift;

CREATE SCHEMA basics_uuid;
SET search_path = basics_uuid;
SELECT paystate.create_tables(key_type => 'uuid', lifecycle => 'paykun');
\set ECHO none
\i :ledger
\set ECHO all
\set one '\'00000000-0000-0000-0000-000000000001\''
\set two '\'00000000-0000-0000-0000-000000000002\''
INSERT INTO orders (id, amount) VALUES (:one, 1000);		-- ok
INSERT INTO payments (id, order_id) VALUES (:two, :one);	-- ok
UPDATE payments SET status = 'captured' WHERE id = :two;	-- ok: auto capture
UPDATE payments SET status = 'captured' WHERE id = :two;	-- ok: no-op
INSERT INTO payments (id, order_id) VALUES (:one, :one);				-- fail
:code
UPDATE payments SET status = 'refunded' WHERE id = :two;	-- ok
SELECT status, amount_paid, amount_refunded, attempts, version FROM orders;
SELECT payment_id = :two AS p, refund_id = (SELECT id FROM refunds) AS r, payment_to, order_to, amount
FROM order_history ORDER BY seq;
TABLE drift;

SELECT code, message FROM refusal($$SELECT paystate.create_tables(key_type => 'integer')$$)
UNION ALL
SELECT code, message FROM refusal($$SELECT paystate.create_tables(key_type => 'bigint', sharded => true)$$)
UNION ALL
SELECT code, message FROM refusal($$SELECT paystate.create_tables('no such schema')$$)
UNION ALL
SELECT code, message FROM refusal($$SELECT paystate.create_tables()$$);
