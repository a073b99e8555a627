-- What binds a table to its life cycle is in the catalog: its guards, its
-- foreign key, its columns, its owner.  Whatever is not as it should be is
-- 23PS8, with nothing written; what may change just works, in a session that
-- has seen the tables before.
\getenv srcdir PG_ABS_SRCDIR
\set ledger :srcdir '/sql/include/ledger.psql'
\set code '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE SCHEMA binding;
SET search_path = binding;
SELECT paystate.create_tables();
DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;	-- they would hold the columns
\set ECHO none
\i :ledger
\set ECHO all

INSERT INTO orders (id, amount, partial_payment) VALUES ('o', 1000, true), ('o2', 1000, false);
INSERT INTO payments (id, order_id, amount) VALUES ('p', 'o', 600), ('q', 'o', 400), ('r', 'o2', NULL);
UPDATE payments SET status = 'authorized' WHERE order_id = 'o';

-- Each case changes something, tries a write, and is undone; told are the
-- refusal, and how many rows of the four tables were changed by it.
CREATE VIEW image AS
	SELECT to_jsonb(o.*) AS image FROM orders o UNION ALL SELECT to_jsonb(p.*) FROM payments p UNION ALL
	SELECT to_jsonb(r.*) FROM refunds r UNION ALL SELECT to_jsonb(h.*) FROM order_history h;
CREATE FUNCTION under(change text, statement text DEFAULT $$UPDATE payments SET status = 'captured' WHERE id = 'p'$$,
	OUT code text, OUT message text, OUT detail text, OUT traces bigint)
	LANGUAGE plpgsql AS $$
DECLARE
	before jsonb[];
BEGIN
	EXECUTE change;
	BEGIN
		before := ARRAY(SELECT to_jsonb(o) FROM orders o) || ARRAY(SELECT to_jsonb(p) FROM payments p)
			|| ARRAY(SELECT to_jsonb(r) FROM refunds r) || ARRAY(SELECT to_jsonb(h) FROM order_history h);
		EXECUTE statement;
		message := 'no error';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	END;
	SELECT count(*) INTO traces FROM (
		SELECT to_jsonb(o) AS i FROM orders o UNION ALL SELECT to_jsonb(p) FROM payments p UNION ALL
		SELECT to_jsonb(r) FROM refunds r UNION ALL SELECT to_jsonb(h) FROM order_history h) AS now
	WHERE i <> ALL (before);
	RAISE EXCEPTION USING ERRCODE = 'XX999';
EXCEPTION WHEN SQLSTATE 'XX999' THEN
	NULL;
END
$$;
-- a capture changes its payment and its order and leaves one row
SELECT * FROM under('SELECT 1');
SELECT * FROM under('SELECT 1', $$UPDATE payments SET status = 'failed' WHERE id = 'p'$$);

--
-- Guards: one of each kind, in the shape that create_tables gives them
--

-- a second copy would count money twice
SELECT * FROM under($$CREATE TRIGGER again AFTER INSERT OR UPDATE OR DELETE ON payments
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
SELECT * FROM under($$CREATE TRIGGER again AFTER UPDATE ON payments
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
SELECT * FROM under($$CREATE TRIGGER again BEFORE INSERT OR UPDATE OR DELETE ON payments
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
SELECT * FROM under($$CREATE TRIGGER again AFTER INSERT OR UPDATE OR DELETE ON orders
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_orders('lifecycle=razorpay')$$);
SELECT * FROM under($$CREATE TRIGGER again BEFORE INSERT ON order_history
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_history('lifecycle=razorpay')$$);
-- of another kind
SELECT * FROM under($$CREATE TRIGGER other AFTER UPDATE ON payments
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_orders('lifecycle=razorpay')$$);
-- disabled, or not on origin alone
SELECT * FROM under('ALTER TABLE payments DISABLE TRIGGER _paystate_before');
SELECT * FROM under('ALTER TABLE orders DISABLE TRIGGER "A_paystate_guard"');
SELECT * FROM under('ALTER TABLE orders DISABLE TRIGGER _paystate_before');
SELECT * FROM under('ALTER TABLE order_history DISABLE TRIGGER _paystate_before');
SELECT * FROM under('ALTER TABLE payments ENABLE ALWAYS TRIGGER "A_paystate_guard"');
SELECT * FROM under('ALTER TABLE payments ENABLE REPLICA TRIGGER _paystate_before');
SELECT * FROM under('ALTER TABLE orders ENABLE ALWAYS TRIGGER "A_paystate_guard"');
-- dropped
SELECT * FROM under('DROP TRIGGER "A_paystate_guard" ON payments');
SELECT * FROM under('DROP TRIGGER _paystate_before ON payments');
SELECT * FROM under('DROP TRIGGER "A_paystate_guard" ON orders');
SELECT * FROM under('DROP TRIGGER _paystate_before ON order_history');
SELECT * FROM under('DROP TRIGGER "A_paystate_guard" ON orders', $$INSERT INTO orders (id, amount) VALUES ('n', 1000)$$);
SELECT * FROM under('DROP TRIGGER "A_paystate_guard" ON refunds', $$UPDATE payments SET status = 'refunded' WHERE id = 'p'$$);
SELECT * FROM under('DROP TRIGGER "A_paystate_guard" ON refunds', $$INSERT INTO refunds (payment_id, amount) VALUES ('p', 1)$$);
-- another shape: a condition, a column list, not all events, deferrable, no argument
SELECT * FROM under($$DROP TRIGGER "A_paystate_guard" ON payments;
	CREATE TRIGGER "A_paystate_guard" AFTER UPDATE ON payments FOR EACH ROW
	WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
SELECT * FROM under($$DROP TRIGGER "A_paystate_guard" ON payments;
	CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OF status OR DELETE ON payments FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
SELECT * FROM under($$DROP TRIGGER "A_paystate_guard" ON payments;
	CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE ON payments FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
SELECT * FROM under($$DROP TRIGGER "A_paystate_guard" ON payments;
	CREATE CONSTRAINT TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON payments
	DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
SELECT * FROM under($$DROP TRIGGER "A_paystate_guard" ON payments;
	CREATE TRIGGER "A_paystate_guard" AFTER UPDATE ON payments REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
SELECT * FROM under($$DROP TRIGGER "A_paystate_guard" ON payments;
	CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments()$$);
-- two guards of one table that do not agree
SELECT * FROM under($$DROP TRIGGER "A_paystate_guard" ON payments;
	CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments('lifecycle=barter')$$);
SELECT * FROM under($$DROP TRIGGER "A_paystate_guard" ON payments;
	CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments('lifecycle=barter');
	DROP TRIGGER _paystate_before ON payments;
	CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments('lifecycle=barter')$$, $$INSERT INTO payments (id, amount) VALUES ('n', 100)$$);
-- the very shape under another name is as good
SELECT * FROM under($$ALTER TRIGGER "A_paystate_guard" ON payments RENAME TO zebra$$);
SELECT * FROM under($$DROP TRIGGER "A_paystate_guard" ON payments;
	CREATE TRIGGER mine AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
-- a trigger of the user on the history
SELECT * FROM under($$CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.amount := 0; RETURN NEW; END';
	CREATE TRIGGER late BEFORE INSERT ON order_history FOR EACH ROW EXECUTE FUNCTION f()$$);

--
-- The foreign key
--

SELECT * FROM under('ALTER TABLE payments DROP CONSTRAINT payments_order_id_fkey');
SELECT * FROM under('ALTER TABLE payments ADD CONSTRAINT twice FOREIGN KEY (order_id) REFERENCES orders (id)');
SELECT * FROM under('ALTER TABLE payments ADD other_order text COLLATE "C" REFERENCES orders (id)');
SELECT * FROM under('ALTER TABLE payments DROP CONSTRAINT payments_order_id_fkey,
	ADD CONSTRAINT fk FOREIGN KEY (order_id) REFERENCES orders (id) NOT VALID');
SELECT * FROM under('ALTER TABLE payments DROP CONSTRAINT payments_order_id_fkey,
	ADD CONSTRAINT fk FOREIGN KEY (order_id) REFERENCES orders (id) NOT VALID, VALIDATE CONSTRAINT fk');
SELECT * FROM under('ALTER TABLE payments ALTER CONSTRAINT payments_order_id_fkey DEFERRABLE');
SELECT * FROM under('ALTER TABLE refunds DROP CONSTRAINT refunds_payment_id_fkey', $$INSERT INTO refunds (payment_id, amount) VALUES ('p', 1)$$);
SELECT * FROM under('ALTER TABLE order_history DROP CONSTRAINT order_history_order_id_fkey');
-- a key to a table that is not ours is nobody's concern
SELECT * FROM under('CREATE TABLE shops (id int PRIMARY KEY); ALTER TABLE payments ADD shop int REFERENCES shops');
SELECT * FROM under('CREATE TABLE lines (order_id text COLLATE "C" REFERENCES orders (id), n int)');
-- two tables of payments, two histories
SELECT * FROM under($$CREATE TABLE payments2 (LIKE payments INCLUDING ALL);
	ALTER TABLE payments2 ADD FOREIGN KEY (order_id) REFERENCES orders (id);
	CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON payments2 FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
	CREATE TRIGGER b AFTER INSERT OR UPDATE OR DELETE ON payments2 FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$);
SELECT * FROM under($$CREATE TABLE history2 (LIKE order_history INCLUDING ALL);
	ALTER TABLE history2 ADD FOREIGN KEY (order_id) REFERENCES orders (id);
	CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON history2 FOR EACH ROW EXECUTE FUNCTION paystate.guard_history('lifecycle=razorpay')$$);

--
-- Columns
--

SELECT * FROM under('ALTER TABLE orders RENAME amount_paid TO paid');
SELECT * FROM under('ALTER TABLE payments RENAME status TO state', $$UPDATE payments SET state = 'captured' WHERE id = 'p'$$);
SELECT * FROM under('ALTER TABLE order_history RENAME seq TO n');
SELECT * FROM under('DROP VIEW books, drift, image; ALTER TABLE orders DROP attempts');
SELECT * FROM under('DROP VIEW books, slips, drift, image; ALTER TABLE orders ALTER amount_paid TYPE numeric');
SELECT * FROM under('DROP VIEW books, slips, drift, image; ALTER TABLE payments ALTER amount TYPE real');
SELECT * FROM under('DROP VIEW books, slips, drift, image; ALTER TABLE payments ALTER amount TYPE integer');	-- good for small money
SELECT * FROM under('ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE');
-- columns of his own come and go, and the statuses need not be our type
SELECT * FROM under('ALTER TABLE orders ADD basket int, ADD shelf text DEFAULT 1; ALTER TABLE orders DROP basket');
SELECT * FROM under('ALTER TABLE orders DROP offer_id');
SELECT * FROM under('DROP VIEW books, drift, image; ALTER TABLE orders ALTER status TYPE text');
SELECT * FROM under('DROP VIEW slips, drift, image; ALTER TABLE payments ALTER status TYPE varchar(20)');

--
-- The owner
--

CREATE ROLE regress_paystate_a;
CREATE ROLE regress_paystate_b;
GRANT CREATE, USAGE ON SCHEMA binding TO regress_paystate_a, regress_paystate_b;
SELECT * FROM under('ALTER TABLE payments OWNER TO regress_paystate_a');
SELECT * FROM under('ALTER TABLE order_history OWNER TO regress_paystate_a');
SELECT * FROM under('ALTER TABLE refunds OWNER TO regress_paystate_a', $$UPDATE payments SET status = 'refunded' WHERE id = 'p'$$);
SELECT * FROM under('ALTER TABLE orders OWNER TO regress_paystate_a');
SELECT * FROM under('ALTER TABLE orders OWNER TO regress_paystate_a; ALTER TABLE payments OWNER TO regress_paystate_a;
	ALTER TABLE refunds OWNER TO regress_paystate_a; ALTER TABLE order_history OWNER TO regress_paystate_a');
-- he who may reference orders makes no money with a table of his own
GRANT SELECT ON ALL TABLES IN SCHEMA binding TO regress_paystate_b;
GRANT REFERENCES ON orders TO regress_paystate_b;
SET ROLE regress_paystate_b;
CREATE TABLE mint (LIKE payments INCLUDING ALL);
ALTER TABLE mint ADD FOREIGN KEY (order_id) REFERENCES orders (id);
CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON mint FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
CREATE TRIGGER b AFTER INSERT OR UPDATE OR DELETE ON mint FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
INSERT INTO mint (id, order_id, amount) VALUES ('m', 'o2', 1000);	-- fail
:code
CREATE TABLE past (LIKE order_history INCLUDING ALL);
ALTER TABLE past ADD FOREIGN KEY (order_id) REFERENCES orders (id);
CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON past FOR EACH ROW EXECUTE FUNCTION paystate.guard_history('lifecycle=razorpay');
INSERT INTO past SELECT 'o2', 3, now(), NULL, NULL, NULL, NULL, NULL, 'created', 'paid', 0, 1000, 0, NULL, NULL, 'b';	-- fail
:code
RESET ROLE;
TABLE drift;
-- ... nor does he stop those of the owner
UPDATE payments SET status = 'authorized' WHERE id = 'r';	-- ok
:code
DROP TABLE mint, past;
REVOKE ALL ON ALL TABLES IN SCHEMA binding FROM regress_paystate_b;
REVOKE ALL ON SCHEMA binding FROM regress_paystate_a, regress_paystate_b;
TABLE books;
TABLE drift;

-- a guard on a table that is of no such kind
CREATE TABLE plain (id text PRIMARY KEY, order_id text COLLATE "C" REFERENCES orders (id), status text);
CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON plain FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
CREATE TRIGGER b AFTER INSERT OR UPDATE OR DELETE ON plain FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
INSERT INTO plain VALUES ('1', 'o', 'captured');	-- fail
:code
DROP TABLE plain;
CREATE FOREIGN DATA WRAPPER regress_paystate;
CREATE SERVER regress_paystate FOREIGN DATA WRAPPER regress_paystate;
CREATE FOREIGN TABLE abroad (id text) SERVER regress_paystate;
CREATE TRIGGER a BEFORE INSERT ON abroad FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
SELECT code FROM refusal($$INSERT INTO abroad VALUES ('1')$$);	-- fail: core has no handler for it
DROP FOREIGN DATA WRAPPER regress_paystate CASCADE;
CREATE VIEW window_on AS SELECT id FROM payments;
CREATE TRIGGER a INSTEAD OF UPDATE ON window_on FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
UPDATE window_on SET id = id;	-- fail
:code
DROP VIEW window_on;
-- EXECUTE is PUBLIC's, else nobody but a superuser could restore his tables
SELECT proname, has_function_privilege('regress_paystate_a', oid, 'EXECUTE') AS may
FROM pg_proc WHERE pronamespace = 'paystate'::regnamespace AND proname LIKE 'guard\_%' AND proname <> 'guard_rules' ORDER BY 1;
CREATE SCHEMA binding_a AUTHORIZATION regress_paystate_a;
SET ROLE regress_paystate_a;
SET search_path = binding_a;
SELECT paystate.create_tables();
INSERT INTO orders (id, amount) VALUES ('o', 1000);			-- ok
INSERT INTO payments (id, order_id) VALUES ('p', 'o');		-- ok
UPDATE payments SET status = 'captured';					-- fail
:code
UPDATE payments SET status = 'authorized';					-- ok
ALTER TABLE payments DISABLE TRIGGER "A_paystate_guard";		-- his right
UPDATE payments SET status = 'captured';					-- fail
:code
ALTER TABLE payments ENABLE TRIGGER "A_paystate_guard";
UPDATE payments SET status = 'captured';					-- ok
SELECT id, status, amount_paid, version FROM orders;
RESET ROLE;
DROP SCHEMA binding_a CASCADE;
DROP ROLE regress_paystate_a;
DROP ROLE regress_paystate_b;
SET search_path = binding;

--
-- A life under changing names, in one session
--

PREPARE pay AS UPDATE payments SET status = $2::paystate.payment_status WHERE id = $1;
INSERT INTO orders (id, amount) VALUES ('n', 1000);
INSERT INTO payments (id, order_id) VALUES ('n', 'n');
EXECUTE pay ('n', 'failed');
-- columns move: dropped, added, one in the place of another
ALTER TABLE orders DROP offer_id, ADD offer_id text, ADD shelf int;
ALTER TABLE payments ADD shelf int;
ALTER TABLE order_history ADD shelf int DEFAULT 7;
EXECUTE pay ('n', 'authorized');		-- ok: late
-- a table, a constraint, a trigger, an index, the schema
ALTER TABLE order_history RENAME TO annals;
ALTER TABLE payments RENAME CONSTRAINT payments_order_id_fkey TO "of an order";
ALTER TRIGGER _paystate_before ON orders RENAME TO "_first of all";
ALTER INDEX orders_pkey RENAME TO "key of orders";
ALTER TABLE orders RENAME TO "Orders %s%n";
ALTER SCHEMA binding RENAME TO "bind""ing";
SET search_path = "bind""ing";
EXECUTE pay ('n', 'captured');			-- ok
INSERT INTO payments (id, order_id) VALUES ('n2', 'n');			-- fail
:code
UPDATE "Orders %s%n" SET amount_paid = 1;						-- fail
:code
INSERT INTO payments (id, order_id) VALUES ('n2', 'nowhere');	-- fail
:code
SELECT id, status, amount_paid, version FROM "Orders %s%n" WHERE id = 'n';
SELECT seq, payment_from, payment_to, order_to, shelf FROM annals WHERE order_id = 'n' ORDER BY seq;
ALTER SCHEMA "bind""ing" RENAME TO binding;
SET search_path = binding;
ALTER TABLE "Orders %s%n" RENAME TO orders;
ALTER TABLE annals RENAME TO order_history;
INSERT INTO refunds (id, payment_id, amount) VALUES ('n', 'n', 1000);	-- ok
-- two columns swap their names: by name they are found, not by number
ALTER TABLE orders RENAME shelf TO shelf_2;
BEGIN;
ALTER TABLE orders RENAME amount_paid TO x;
ALTER TABLE orders RENAME amount_due TO amount_paid;
ALTER TABLE orders RENAME x TO amount_due;
SELECT code, message FROM refusal($$UPDATE orders SET amount_paid = 0 WHERE id = 'o'$$);
ROLLBACK;
EXECUTE pay ('p', 'captured');			-- ok
-- on the general path the saved plans go along
CREATE INDEX early ON orders (id) WHERE status = 'created';
EXECUTE pay ('q', 'captured');			-- ok
INSERT INTO orders (id, amount, lifecycle) VALUES ('m', 1000, 'plural');
INSERT INTO payments (id, order_id, amount) VALUES ('m1', 'm', 500), ('m2', 'm', 500);
ALTER TABLE orders RENAME TO purchases;
ALTER TABLE payments RENAME TO shelf;
ALTER TABLE order_history RENAME seq TO seqno;
UPDATE shelf SET status = 'processed' WHERE id = 'm1';		-- fail
:code
ALTER TABLE order_history RENAME seqno TO seq;
UPDATE shelf SET status = 'processed' WHERE id = 'm1';		-- ok
ALTER TABLE shelf RENAME TO payments;
ALTER TABLE purchases RENAME TO orders;
INSERT INTO orders (id, amount, lifecycle) VALUES ('c', 1000, 'plural');
INSERT INTO payments (id, order_id) VALUES ('c', 'c');
ALTER TABLE payments RENAME TO shelf;
UPDATE orders SET status = 'cancelled' WHERE id = 'c';		-- ok: and its payment
ALTER TABLE shelf RENAME TO payments;
DROP INDEX early;
TABLE books;
TABLE slips;
TABLE drift;

-- a status type of his own: labels are looked up by name, and again when renamed
CREATE TYPE words AS ENUM ('paid', 'attempted', 'created', 'sold');
CREATE SCHEMA binding_words;
SET search_path = binding_words, binding;
SELECT paystate.create_tables('binding_words');
DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;	-- they would hold the columns
ALTER TABLE orders ALTER status TYPE words USING status::text::words;
INSERT INTO orders (id, amount) VALUES ('w', 1000);		-- ok
INSERT INTO payments (id, order_id) VALUES ('w', 'w');	-- ok
ALTER TYPE words RENAME VALUE 'attempted' TO 'tried';
UPDATE payments SET status = 'authorized';				-- fail: nothing to call it by
:code
ALTER TYPE words RENAME VALUE 'sold' TO 'attempted';
UPDATE payments SET status = 'authorized';				-- ok: by the new value of that name
SELECT status, amount_authorized, version FROM orders;
ALTER TYPE words RENAME VALUE 'attempted' TO 'sold';
UPDATE payments SET status = 'captured';				-- fail: the order is at no known status
:code
ALTER TYPE words RENAME VALUE 'tried' TO 'attempted';
UPDATE payments SET status = 'captured';				-- fail: "sold" is still no status of it
:code
ALTER TYPE words RENAME VALUE 'attempted' TO 'tried';
ALTER TYPE words RENAME VALUE 'sold' TO 'attempted';
UPDATE payments SET status = 'captured';				-- ok
SELECT status, amount_paid, version FROM orders;
SET search_path = binding;
DROP SCHEMA binding_words CASCADE;
DROP TYPE words;

--
-- Shadows: names in the search path that are not what they seem
--

CREATE SCHEMA mal;
CREATE FUNCTION mal.yes(paystate.order_status, paystate.order_status) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION mal.yes(paystate.payment_status, paystate.payment_status) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION mal.yes(bigint, bigint) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION mal.yes(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR mal.= (FUNCTION = mal.yes, LEFTARG = paystate.order_status, RIGHTARG = paystate.order_status);
CREATE OPERATOR mal.= (FUNCTION = mal.yes, LEFTARG = paystate.payment_status, RIGHTARG = paystate.payment_status);
CREATE OPERATOR mal.= (FUNCTION = mal.yes, LEFTARG = bigint, RIGHTARG = bigint);
CREATE OPERATOR mal.= (FUNCTION = mal.yes, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION mal.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT '2000-01-01'::timestamptz$$;
CREATE TABLE mal.lifecycle AS SELECT * FROM paystate.lifecycle WHERE false;
CREATE TEMP TABLE orders (LIKE binding.orders INCLUDING DEFAULTS);
CREATE TEMP TABLE payments (LIKE binding.payments INCLUDING DEFAULTS);
CREATE TEMP TABLE order_history (LIKE binding.order_history INCLUDING DEFAULTS);
CREATE PROCEDURE pg_temp.live(tag text) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO binding.orders (id, amount) VALUES (tag OPERATOR(pg_catalog.||) '_r', 1000);
	INSERT INTO binding.payments (id, order_id) VALUES (tag, tag OPERATOR(pg_catalog.||) '_r');
	UPDATE binding.payments SET status = 'authorized' WHERE id OPERATOR(pg_catalog.=) tag;
	UPDATE binding.payments SET status = 'captured' WHERE id OPERATOR(pg_catalog.=) tag;
	UPDATE binding.payments SET status = 'refunded' WHERE id OPERATOR(pg_catalog.=) tag;
	INSERT INTO binding.orders (id, amount, lifecycle) VALUES (tag OPERATOR(pg_catalog.||) '_c', 1000, 'plural_preauth');
	INSERT INTO binding.payments (id, order_id, amount)
		VALUES (tag OPERATOR(pg_catalog.||) '_1', tag OPERATOR(pg_catalog.||) '_c', 500),
			   (tag OPERATOR(pg_catalog.||) '_2', tag OPERATOR(pg_catalog.||) '_c', 500);
	UPDATE binding.orders SET status = 'cancelled' WHERE id OPERATOR(pg_catalog.=) (tag OPERATOR(pg_catalog.||) '_c');
END
$$;
SET search_path = mal, binding;
CALL pg_temp.live('s1');
SET search_path = mal, pg_catalog, binding;
CALL pg_temp.live('s2');
SET search_path = '';
CALL pg_temp.live('s3');
SET search_path = mal, pg_temp, binding, pg_catalog;
CALL pg_temp.live('s4');
-- on the general path, too
SET search_path = binding, pg_temp;
CREATE INDEX early ON binding.orders (id) WHERE status = 'created';
CREATE INDEX others ON binding.payments (id) WHERE status = 'created';
SET search_path = mal, pg_temp, binding, pg_catalog;
CALL pg_temp.live('s5');
DISCARD PLANS;
CALL pg_temp.live('s6');
RESET search_path;
SELECT count(*) FROM pg_temp.orders;
SELECT count(*) FROM pg_temp.order_history;
SELECT status, amount_paid, amount_refunded, attempts, version, count(*) FROM binding.orders
WHERE id LIKE 's%' GROUP BY 1, 2, 3, 4, 5 ORDER BY 1;
SELECT min(at) > pg_catalog.now() - interval '1 hour' AS fresh FROM binding.order_history;
TABLE binding.drift;
DROP TABLE pg_temp.orders, pg_temp.payments, pg_temp.order_history;
DROP SCHEMA mal CASCADE;

-- dropped and made again, under the same name, in the same session
SET search_path = binding;
DEALLOCATE pay;
\set ECHO none
DROP VIEW image, drift, trail, slips, books;
DROP FUNCTION refusal, under;
\set ECHO all
DROP TABLE order_history, refunds, payments, orders;
SELECT paystate.create_tables(key_type => 'bigint');
\set ECHO none
\i :ledger
\set ECHO all
INSERT INTO orders (amount) VALUES (1000);
INSERT INTO payments (order_id) VALUES (1);
UPDATE payments SET status = 'authorized';
UPDATE payments SET status = 'captured';
UPDATE payments SET status = 'refunded';
TABLE books;
TABLE drift;
DROP SCHEMA binding CASCADE;
