-- One block for each bug that was found, beside it what must stay legal.
\getenv srcdir PG_ABS_SRCDIR
\set ledger :srcdir '/sql/include/ledger.psql'
\set code '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE SCHEMA issues;
SET search_path = issues;
SELECT paystate.create_tables();
\set ECHO none
\i :ledger
\set ECHO all

--
-- A refunded payment went back to captured, with any amount, in the very
-- transaction that had captured it
--

BEGIN;
INSERT INTO orders (id, amount) VALUES ('back', 1000);
INSERT INTO payments (id, order_id) VALUES ('back', 'back');
UPDATE payments SET status = 'authorized' WHERE id = 'back';
UPDATE payments SET status = 'captured' WHERE id = 'back';
UPDATE payments SET status = 'refunded' WHERE id = 'back';
SELECT code, message FROM refusal($$UPDATE payments SET status = 'captured', amount_captured = 999 WHERE id = 'back'$$);	-- fail
SELECT code, message FROM refusal($$UPDATE payments SET status = 'captured' WHERE id = 'back'$$);		-- fail
SELECT code, message FROM refusal($$UPDATE payments SET status = 'authorized' WHERE id = 'back'$$);		-- fail
UPDATE payments SET status = 'refunded' WHERE id = 'back';			-- ok: no-op
COMMIT;
BEGIN;
INSERT INTO orders (id, amount) VALUES ('void', 1000);
INSERT INTO payments (id, order_id) VALUES ('void', 'void');
UPDATE payments SET status = 'authorized' WHERE id = 'void';
UPDATE payments SET status = 'refunded' WHERE id = 'void';			-- ok: the auto-refund
SELECT code, message FROM refusal($$UPDATE payments SET status = 'authorized' WHERE id = 'void'$$);		-- fail
COMMIT;
BEGIN;
INSERT INTO orders (id, amount, lifecycle) VALUES ('pk', 1000, 'paykun');
INSERT INTO payments (id, order_id) VALUES ('pk', 'pk');
UPDATE payments SET status = 'captured' WHERE id = 'pk';
UPDATE payments SET status = 'refunded' WHERE id = 'pk';
SELECT code, message FROM refusal($$UPDATE payments SET status = 'captured' WHERE id = 'pk'$$);			-- fail
COMMIT;
SELECT * FROM books WHERE id IN ('back', 'void', 'pk');
SELECT * FROM slips WHERE order_id IN ('back', 'void', 'pk');
TABLE drift;

--
-- The key of a payment that has refunds: the foreign key spoke first
--

UPDATE payments SET id = 'forth' WHERE id = 'back';		-- fail
:code
UPDATE orders SET id = 'forth' WHERE id = 'back';		-- fail
:code
UPDATE payments SET id = 'back' WHERE id = 'back';		-- ok

--
-- An unknown currency where amount, currency and terms may still change
--

INSERT INTO paystate.lifecycle
	SELECT (jsonb_populate_record(l, '{"name": "regress_later", "builtin": false, "amount_fixed": "first_payment"}')).*
	FROM paystate.lifecycle l WHERE name = 'razorpay';
INSERT INTO paystate.lifecycle_status
	SELECT (jsonb_populate_record(l, '{"lifecycle": "regress_later", "builtin": false}')).*
	FROM paystate.lifecycle_status l WHERE lifecycle = 'razorpay';
INSERT INTO paystate.lifecycle_transition
	SELECT (jsonb_populate_record(l, '{"lifecycle": "regress_later", "builtin": false}')).*
	FROM paystate.lifecycle_transition l WHERE lifecycle = 'razorpay';
INSERT INTO orders (id, amount, lifecycle) VALUES ('later', 1000, 'regress_later');
UPDATE orders SET currency = 'XYZ' WHERE id = 'later';	-- fail
:code
UPDATE orders SET amount = 99 WHERE id = 'later';		-- fail
:code
UPDATE orders SET currency = 'USD' WHERE id = 'later';	-- ok
UPDATE orders SET amount = 2000 WHERE id = 'later';		-- ok
INSERT INTO payments (id, order_id) VALUES ('later', 'later');
UPDATE orders SET amount = 3000 WHERE id = 'later';		-- fail: a payment is open
:code
UPDATE payments SET status = 'failed' WHERE id = 'later';
UPDATE orders SET amount = 3000 WHERE id = 'later';		-- fail: an attempt was made
:code
SELECT * FROM books WHERE id = 'later';
SELECT * FROM trail WHERE order_id = 'later';
SELECT id, currency FROM orders WHERE id = 'later';
TABLE drift;

--
-- NULL in a column whose NOT NULL the owner dropped: the server crashed
--

ALTER TABLE orders ALTER currency DROP NOT NULL, ALTER lifecycle DROP NOT NULL;
ALTER TABLE payments ALTER currency DROP NOT NULL, ALTER amount DROP NOT NULL;
SELECT left(code, 2) AS class FROM refusal($$INSERT INTO orders (id, amount, currency) VALUES ('null1', 1000, NULL)$$);	-- fail
INSERT INTO orders (id, amount) VALUES ('null2', 1000);					-- ok
CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.currency := NULL;
	RETURN NEW;
END
$$;
CREATE TRIGGER forget BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION forget();
SELECT left(code, 2) AS class FROM refusal($$INSERT INTO payments (id, order_id) VALUES ('null2', 'null2')$$);	-- fail
DROP TRIGGER forget ON payments;
INSERT INTO payments (id, order_id) VALUES ('null2', 'null2');			-- ok
CREATE TRIGGER forget BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION forget();
SELECT left(code, 2) AS class FROM refusal($$UPDATE payments SET status = 'failed' WHERE id = 'null2'$$);		-- fail
DROP TRIGGER forget ON payments;
ALTER TABLE orders ALTER currency SET NOT NULL, ALTER lifecycle SET NOT NULL;
ALTER TABLE payments ALTER currency SET NOT NULL, ALTER amount SET NOT NULL;
SELECT * FROM books WHERE id LIKE 'null%';
SELECT * FROM slips WHERE id LIKE 'null%';
TABLE drift;

--
-- A refund of a captured payment without an order, as rows of before the
-- guards may be: the server crashed
--

SET session_replication_role = replica;
INSERT INTO payments (id, amount, amount_captured, currency, status, status_since)
	VALUES ('old1', 1000, 1000, 'INR', 'captured', now()), ('old2', 1000, 1000, 'INR', 'captured', now());
RESET session_replication_role;
INSERT INTO refunds (id, payment_id, amount) VALUES ('old1a', 'old1', 100);						-- ok
INSERT INTO refunds (id, payment_id, amount, status) VALUES ('old1b', 'old1', 900, 'pending');	-- ok
INSERT INTO refunds (id, payment_id, amount) VALUES ('old1c', 'old1', 1);						-- fail
:code
UPDATE refunds SET status = 'processed' WHERE id = 'old1b';										-- ok
UPDATE payments SET status = 'refunded' WHERE id = 'old2';										-- ok
SELECT * FROM slips WHERE id LIKE 'old%';
SELECT regexp_replace(id, '^rfnd_.*', 'rfnd_*') AS id, payment_id, amount, status FROM refunds WHERE payment_id LIKE 'old%' ORDER BY 1;
TABLE drift;

--
-- Refunded and captured by one statement, the refund first
--

INSERT INTO orders (id, amount) VALUES ('early', 1000);
INSERT INTO payments (id, order_id) VALUES ('early', 'early');
UPDATE payments SET status = 'authorized' WHERE id = 'early';
WITH r AS (INSERT INTO refunds (id, payment_id, amount) VALUES ('early', 'early', 1000) RETURNING 1),
	 c AS (UPDATE payments SET status = 'captured' WHERE id = 'early' RETURNING 1)
SELECT count(*) FROM r, c;			-- fail
:code
SELECT * FROM books WHERE id = 'early';
WITH c AS (UPDATE payments SET status = 'captured' WHERE id = 'early' RETURNING id)
INSERT INTO refunds (id, payment_id, amount) SELECT id, id, 1000 FROM c;	-- ok
SELECT * FROM trail WHERE order_id = 'early';
TABLE drift;

--
-- A trigger moved a payment that the statement had stored and nobody judged
--

CREATE FUNCTION hurry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE payments SET status = 'failed' WHERE id = 'hurry2';
	RETURN NULL;
END
$$;
CREATE TRIGGER hurry AFTER UPDATE ON payments FOR EACH ROW WHEN (NEW.id = 'hurry1') EXECUTE FUNCTION hurry();
INSERT INTO orders (id, amount, lifecycle) VALUES ('hurry', 1000, 'paykun');
INSERT INTO payments (id, order_id) VALUES ('hurry1', 'hurry'), ('hurry2', 'hurry');
SELECT left(code, 4) AS class FROM refusal($$UPDATE payments SET status = 'authorized' WHERE order_id = 'hurry'$$);	-- fail
DROP TRIGGER hurry ON payments;
UPDATE payments SET status = 'authorized' WHERE order_id = 'hurry';	-- ok
UPDATE payments SET status = 'failed' WHERE id = 'hurry2';			-- ok
SELECT * FROM slips WHERE order_id = 'hurry';
TABLE drift;

--
-- One write of paystate let two through: a reserve without a refund
--

INSERT INTO orders (id, amount) VALUES ('twice', 1000);
INSERT INTO payments (id, order_id) VALUES ('twice', 'twice');
UPDATE payments SET status = 'authorized' WHERE id = 'twice';
UPDATE payments SET status = 'captured' WHERE id = 'twice';
CREATE FUNCTION forge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF pg_trigger_depth() < 4 THEN
		UPDATE refunds SET status = 'failed' WHERE id = 'twice';
		UPDATE payments SET refund_pending = 100 WHERE id = 'twice';
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER forge AFTER UPDATE ON payments FOR EACH ROW WHEN (NEW.refund_pending = 100) EXECUTE FUNCTION forge();
SELECT code, message FROM refusal($$INSERT INTO refunds (id, payment_id, amount, status) VALUES ('twice', 'twice', 100, 'pending')$$);	-- fail
DROP TRIGGER forge ON payments;
INSERT INTO refunds (id, payment_id, amount, status) VALUES ('twice', 'twice', 100, 'pending');	-- ok
SELECT * FROM slips WHERE id = 'twice';
TABLE drift;

--
-- Constraints of the owner on the history, and foreign keys on what paystate
-- writes, were not asked
--

ALTER TABLE order_history ADD CONSTRAINT reasons CHECK (reason IS NOT NULL) NOT VALID;
SELECT code, constraint_name FROM refusal($$INSERT INTO orders (id, amount) VALUES ('why', 1000)$$);	-- fail
SET paystate.reason = 'test';
INSERT INTO orders (id, amount) VALUES ('why', 1000);	-- ok
ALTER TABLE order_history DROP CONSTRAINT reasons;
RESET paystate.reason;
CREATE TABLE staff (name text PRIMARY KEY);
ALTER TABLE order_history ADD CONSTRAINT of_staff FOREIGN KEY (actor) REFERENCES staff (name) NOT VALID;
SET paystate.actor = 'nobody';
SELECT code, constraint_name FROM refusal($$INSERT INTO orders (id, amount) VALUES ('who', 1000)$$);	-- fail
INSERT INTO staff VALUES ('nobody');
INSERT INTO orders (id, amount) VALUES ('who', 1000);	-- ok
RESET paystate.actor;
ALTER TABLE order_history DROP CONSTRAINT of_staff;
CREATE TABLE words (status paystate.order_status PRIMARY KEY);
INSERT INTO words SELECT unnest(enum_range(NULL::paystate.order_status)) EXCEPT SELECT 'paid';
ALTER TABLE orders ADD CONSTRAINT of_words FOREIGN KEY (status) REFERENCES words NOT VALID;
INSERT INTO payments (id, order_id) VALUES ('who', 'who');
UPDATE payments SET status = 'authorized' WHERE id = 'who';
SELECT code, constraint_name FROM refusal($$UPDATE payments SET status = 'captured' WHERE id = 'who'$$);	-- fail
INSERT INTO words VALUES ('paid');
UPDATE payments SET status = 'captured' WHERE id = 'who';	-- ok
ALTER TABLE orders DROP CONSTRAINT of_words;
TABLE drift;
CREATE SCHEMA issues_reason;
SELECT paystate.create_tables('issues_reason');
ALTER TABLE issues_reason.order_history ALTER reason SET NOT NULL;
SELECT code FROM refusal($$INSERT INTO issues_reason.orders (id, amount) VALUES ('why', 1000)$$);	-- fail
SET paystate.reason = 'test';
INSERT INTO issues_reason.orders (id, amount) VALUES ('why', 1000);	-- ok
RESET paystate.reason;
DROP SCHEMA issues_reason CASCADE;

--
-- Statuses kept as text: a word of no life cycle was an internal error
--

CREATE SCHEMA issues_text;
SET search_path = issues_text;
SELECT paystate.create_tables();
DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;	-- they would hold the columns
ALTER TABLE orders ALTER status TYPE text;
ALTER TABLE payments ALTER status TYPE text;
ALTER TABLE refunds ALTER status DROP DEFAULT, ALTER status TYPE text;
\set ECHO none
\i :ledger
\set ECHO all
SELECT code, message FROM refusal($$INSERT INTO orders (id, amount, status) VALUES ('t', 1000, 'sold')$$);	-- fail
INSERT INTO orders (id, amount) VALUES ('t', 1000);		-- ok
SELECT code, message FROM refusal($$UPDATE orders SET status = 'sold'$$);									-- fail
SELECT code, message FROM refusal($$INSERT INTO payments (id, order_id, status) VALUES ('t', 't', 'sold')$$);	-- fail
INSERT INTO payments (id, order_id) VALUES ('t', 't');	-- ok
SELECT code, message FROM refusal($$UPDATE payments SET status = 'sold'$$);									-- fail
UPDATE payments SET status = 'authorized';				-- ok
UPDATE payments SET status = 'captured';				-- ok
SELECT code, message FROM refusal($$INSERT INTO refunds (payment_id, amount, status) VALUES ('t', 10, 'sold')$$);	-- fail
INSERT INTO refunds (id, payment_id, amount, status) VALUES ('t', 't', 10, 'pending');	-- ok
SELECT code, message FROM refusal($$UPDATE refunds SET status = 'sold'$$);									-- fail
UPDATE refunds SET status = 'processed';				-- ok
TABLE books;
TABLE drift;
SET search_path = issues;
DROP SCHEMA issues_text CASCADE;

--
-- Composite keys: partly NULL (the server crashed), and in another order than
-- the primary key's (the history got the wrong columns)
--

CREATE SCHEMA issues_keys;
SET search_path = issues_keys;
SELECT paystate.create_tables();
ALTER TABLE orders ADD shop text COLLATE "C" NOT NULL, DROP CONSTRAINT orders_pkey CASCADE, ADD PRIMARY KEY (shop, id);
ALTER TABLE payments ADD shop text COLLATE "C", ADD FOREIGN KEY (order_id, shop) REFERENCES orders (id, shop);
ALTER TABLE order_history ADD shop text COLLATE "C" NOT NULL, DROP CONSTRAINT order_history_pkey,
	ADD PRIMARY KEY (shop, order_id, seq), ADD FOREIGN KEY (order_id, shop) REFERENCES orders (id, shop);
INSERT INTO orders (shop, id, amount, lifecycle) VALUES ('s1', 'o1', 1000, 'plural'), ('s2', 'o1', 600, 'plural');
INSERT INTO payments (id, shop, order_id, amount) VALUES ('p1', 's1', 'o1', 500), ('p2', 's1', 'o1', 500), ('p3', 's2', 'o1', NULL);	-- ok
INSERT INTO payments (id, shop, order_id) VALUES ('p4', 's1', NULL);				-- fail
:code
INSERT INTO payments (id, shop, order_id) VALUES ('p4', NULL, 'o1');				-- fail
:code
INSERT INTO payments (id, shop, order_id, amount) VALUES ('p4', NULL, 'o1', 100);	-- fail
:code
INSERT INTO payments (id, shop, order_id) VALUES ('p4', 's3', 'o1');				-- fail
:code
INSERT INTO payments (id, amount) VALUES ('p5', 100);								-- ok: without an order
UPDATE payments SET status = 'processed' WHERE id = 'p1';							-- ok
UPDATE orders SET status = 'cancelled' WHERE shop = 's2';							-- ok: p3 alone goes along
SELECT shop, id, status, amount, amount_paid, version FROM orders ORDER BY 1, 2;
SELECT id, shop, order_id, amount, status FROM payments ORDER BY 1;
SELECT shop, order_id, seq, payment_id, payment_to, order_to FROM order_history ORDER BY 1, 2, 3;
SET search_path = issues;
DROP SCHEMA issues_keys CASCADE;

--
-- An inheritance child of payments: its rows are no payments
--

CREATE SCHEMA issues_child;
SET search_path = issues_child;
SELECT paystate.create_tables(lifecycle => 'plural');
\set ECHO none
\i :ledger
\set ECHO all
CREATE TABLE kid () INHERITS (payments);
INSERT INTO orders (id, amount) VALUES ('o', 1000);
INSERT INTO payments (id, order_id) VALUES ('p', 'o');
INSERT INTO kid (id, order_id, amount, currency, status, status_since) VALUES ('k', 'o', 1000, 'INR', 'pending', now());
UPDATE orders SET status = 'cancelled';		-- ok
TABLE books;
SELECT tableoid::regclass AS of, id, status FROM payments ORDER BY 2;
SET search_path = issues;
DROP SCHEMA issues_child CASCADE;

--
-- In a life cycle whose rule of insert says nothing of amounts, a payment could
-- be of less than nothing
--

BEGIN;
SELECT paystate.define_lifecycle('regress_loose', '{"based_on": "razorpay", "transitions": [
	{"payment_event": "new>created", "order_before": "created", "guard": "insert_ok", "order_after": null},
	{"payment_event": "new>created", "order_before": "created", "guard": "-", "order_after": "created"}]}');
INSERT INTO orders (id, lifecycle, amount) VALUES ('loose', 'regress_loose', 1000);
SELECT * FROM refusal($$INSERT INTO payments (id, order_id, amount) VALUES ('loose', 'loose', -1)$$);	-- fail
SELECT * FROM refusal($$INSERT INTO payments (id, order_id, amount) VALUES ('loose', 'loose', 0)$$);	-- fail
INSERT INTO payments (id, order_id, amount) VALUES ('loose', 'loose', 1);	-- ok
SELECT * FROM slips WHERE id = 'loose';
ROLLBACK;

--
-- Rows written while the guards were off: refused as such, not read past the end
--

INSERT INTO orders (id, amount) VALUES ('off', 1000);
INSERT INTO payments (id, order_id) VALUES ('off', 'off');
UPDATE payments SET status = 'authorized' WHERE id = 'off';
UPDATE payments SET status = 'captured' WHERE id = 'off';
INSERT INTO refunds (id, payment_id, amount, status) VALUES ('off', 'off', 100, 'pending');
SET session_replication_role = replica;
UPDATE payments SET status = 'processed' WHERE id = 'off';	-- no status of Razorpay
RESET session_replication_role;
SELECT left(code, 4) AS class FROM refusal($$UPDATE refunds SET status = 'failed' WHERE id = 'off'$$);	-- fail
SELECT left(code, 4) AS class FROM refusal($$UPDATE payments SET status = 'refunded' WHERE id = 'off'$$);	-- fail
SET session_replication_role = replica;
UPDATE payments SET status = 'captured' WHERE id = 'off';
RESET session_replication_role;
UPDATE refunds SET status = 'failed' WHERE id = 'off';		-- ok
SELECT * FROM slips WHERE id = 'off';
TABLE drift;

--
-- The first event of an order in a session was taken for a derived status where
-- columns are text and no life cycle so far had the label
--

CREATE SCHEMA issues_words;
SET search_path = issues_words, issues;
CREATE TABLE orders (id text PRIMARY KEY, amount bigint NOT NULL, status text NOT NULL);
CREATE TABLE payments (id text PRIMARY KEY, order_id text REFERENCES orders, amount bigint NOT NULL, status text NOT NULL);
CREATE INDEX ON payments (order_id);
SELECT relation FROM paystate.attach('orders', 'payments', lifecycle => 'razorpay', add_columns => true);
INSERT INTO orders (id, amount) VALUES ('w', 1000);
\c -
SET client_min_messages = warning;
SET search_path = issues_words, issues;
SELECT code FROM refusal($$UPDATE orders SET status = 'cancelled'$$);	-- fail: no rule
SELECT code FROM refusal($$UPDATE orders SET status = 'cancelled'$$);	-- fail: the same
SELECT code FROM refusal($$UPDATE orders SET status = 'paid'$$);		-- fail: derived
UPDATE orders SET status = 'created';		-- ok
SET search_path = issues;
DROP SCHEMA issues_words CASCADE;

DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'regress_later';	-- fail: published
:code
DROP SCHEMA issues CASCADE;
