-- The general path: whatever hangs on the tables of the user's own, paystate's
-- writes go through it as any statement would, and the totals stay those of
-- the payments.  After each block the same lives are lived and compared.
\getenv srcdir PG_ABS_SRCDIR
\set ledger :srcdir '/sql/include/ledger.psql'
\set code '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE SCHEMA general;
SET search_path = general;
SELECT paystate.create_tables();
\set ECHO none
\i :ledger
\set ECHO all

-- Three lives under a prefix: Razorpay in two parts after a failure, with a
-- refund and the rest refunded; Plural with two holds, one captured in part
-- and the other released; Plural cancelled with a payment under way.
CREATE PROCEDURE live(tag text) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO orders (id, amount, partial_payment, notes)
		VALUES (tag || '_r', 1000, true, '{"desk": "left"}');
	INSERT INTO payments (id, order_id, amount) VALUES (tag || '_r1', tag || '_r', 400);
	UPDATE payments SET status = 'failed' WHERE id = tag || '_r1';
	INSERT INTO payments (id, order_id, amount) VALUES (tag || '_r2', tag || '_r', 400);
	UPDATE payments SET status = 'authorized' WHERE id = tag || '_r2';
	UPDATE payments SET status = 'captured' WHERE id = tag || '_r2';
	INSERT INTO payments (id, order_id) VALUES (tag || '_r3', tag || '_r');
	UPDATE payments SET status = 'authorized' WHERE id = tag || '_r3';
	UPDATE payments SET status = 'captured' WHERE id = tag || '_r3';
	INSERT INTO refunds (id, payment_id, amount) VALUES (tag || '_f1', tag || '_r2', 150);
	INSERT INTO refunds (id, payment_id, amount, status) VALUES (tag || '_f2', tag || '_r3', 250, 'pending');
	UPDATE refunds SET status = 'processed' WHERE id = tag || '_f2';
	UPDATE payments SET status = 'refunded' WHERE id = tag || '_r3';

	INSERT INTO orders (id, amount, lifecycle) VALUES (tag || '_a', 1000, 'plural_preauth');
	INSERT INTO payments (id, order_id, amount) VALUES (tag || '_a1', tag || '_a', 700), (tag || '_a2', tag || '_a', 300);
	UPDATE payments SET status = 'authorized' WHERE order_id = tag || '_a';
	UPDATE payments SET status = 'processed', amount_captured = 500 WHERE id = tag || '_a1';

	INSERT INTO orders (id, amount, lifecycle) VALUES (tag || '_c', 1000, 'plural');
	INSERT INTO payments (id, order_id) VALUES (tag || '_c1', tag || '_c');
	UPDATE orders SET status = 'cancelled' WHERE id = tag || '_c';
END
$$;

--
-- Nothing on the tables: the direct path, for comparison
--

CALL live('plain');
TABLE books;
TABLE slips;
TABLE trail;
TABLE drift;

-- an order with much in it that lies out of line
INSERT INTO orders (id, amount, partial_payment, notes, offer_id)
	SELECT 'long', 1000, true,
		(SELECT jsonb_object_agg('k' || i, (SELECT string_agg(md5(i::text || j), '') FROM generate_series(1, 8) j)) FROM generate_series(1, 15) i),
		(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 30000) i);
SELECT md5(notes::text || offer_id) AS long FROM orders WHERE id = 'long' \gset
INSERT INTO payments (id, order_id, amount) SELECT 'long' || i, 'long', 100 FROM generate_series(1, 10) i;
UPDATE payments SET status = 'authorized' WHERE order_id = 'long';
UPDATE payments SET status = 'captured' WHERE order_id = 'long';
SELECT md5(notes::text || offer_id) = :'long' AS same FROM orders WHERE id = 'long';
SELECT * FROM books WHERE id = 'long';
TABLE drift;

-- every later life must look like these
CREATE VIEW differences AS
	WITH books_of AS (
		SELECT split_part(id, '_', 1) AS tag, split_part(id, '_', 2) AS kind,
			   status, amount, paid, due, held, pending, refunded, tries, open, version
		FROM books),
	trail_of AS (
		SELECT split_part(order_id, '_', 1) AS tag, split_part(order_id, '_', 2) AS kind, seq,
			   split_part(payment, '_', 2) AS payment, payment_from, payment_to, refund_to,
			   order_from, order_to, amount, paid, tries
		FROM trail),
	slips_of AS (
		SELECT split_part(id, '_', 1) AS tag, split_part(id, '_', 2) AS kind,
			   status, amount, captured, refunded, reserved
		FROM slips)
	SELECT tag, kind, 'order' AS what FROM books_of b
	WHERE NOT EXISTS (SELECT FROM books_of p WHERE p.tag = 'plain'
					  AND to_jsonb(p) - 'tag' = to_jsonb(b) - 'tag')
	UNION ALL
	SELECT tag, kind, 'payment' FROM slips_of b
	WHERE NOT EXISTS (SELECT FROM slips_of p WHERE p.tag = 'plain'
					  AND to_jsonb(p) - 'tag' = to_jsonb(b) - 'tag')
	UNION ALL
	SELECT tag, kind, 'history ' || seq FROM trail_of b
	WHERE NOT EXISTS (SELECT FROM trail_of p WHERE p.tag = 'plain'
					  AND to_jsonb(p) - 'tag' = to_jsonb(b) - 'tag')
	UNION ALL
	SELECT tag, NULL, 'of ' || count(*) || ' history rows' FROM trail_of GROUP BY tag
	HAVING count(*) <> (SELECT count(*) FROM trail_of WHERE tag = 'plain')
	ORDER BY 1, 2, 3;
SELECT DISTINCT tag FROM differences ORDER BY tag;	-- it does tell

--
-- Row triggers on orders: BEFORE, AFTER, of columns, with a condition
--

CREATE TABLE log (n int GENERATED ALWAYS AS IDENTITY, what text, id text, detail text);

CREATE FUNCTION count_in_notes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.notes := NEW.notes || jsonb_build_object('writes', coalesce((NEW.notes->>'writes')::int, 0) + 1);
	RETURN NEW;
END
$$;
CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO general.log (what, id, detail)
		VALUES (TG_NAME, NEW.id, CASE TG_OP WHEN 'UPDATE' THEN OLD.status || '>' ELSE '' END || NEW.status);
	RETURN NULL;
END
$$;
CREATE TRIGGER count BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION count_in_notes();
CALL live('before');
SELECT id, version, notes FROM orders WHERE id LIKE 'before%' ORDER BY id;
SELECT * FROM differences WHERE tag NOT LIKE 'long%';
TABLE drift;
DROP TRIGGER count ON orders;

CREATE TRIGGER after_row AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION log_row();
CREATE TRIGGER of_paid AFTER UPDATE OF amount_paid ON orders FOR EACH ROW EXECUTE FUNCTION log_row();
CREATE TRIGGER when_paid AFTER UPDATE ON orders FOR EACH ROW
	WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION log_row();
CALL live('after');
SELECT what, id, count(*), string_agg(detail, ' ' ORDER BY n) FROM log GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM differences WHERE tag NOT LIKE 'long%';
TABLE drift;
-- a note is no money: only the trigger on any column fires
DELETE FROM log;
UPDATE orders SET notes = '{}' WHERE id = 'after_r';
SELECT what, id, detail FROM log;
-- disabled, they are nobody's concern
ALTER TABLE orders DISABLE TRIGGER after_row;
ALTER TABLE orders DISABLE TRIGGER of_paid;
ALTER TABLE orders DISABLE TRIGGER when_paid;
DELETE FROM log;
CALL live('disabled');
SELECT count(*) FROM log;
SELECT * FROM differences WHERE tag NOT LIKE 'long%';
TABLE drift;
DROP TRIGGER after_row ON orders;
DROP TRIGGER of_paid ON orders;
DROP TRIGGER when_paid ON orders;

--
-- Statement triggers on orders, with transition tables
--

CREATE FUNCTION log_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO general.log (what, id, detail)
		SELECT TG_NAME, n.id, o.status || '>' || n.status FROM o JOIN n USING (id);
	RETURN NULL;
END
$$;
CREATE TRIGGER after_statement AFTER UPDATE ON orders REFERENCING OLD TABLE AS o NEW TABLE AS n
	FOR EACH STATEMENT EXECUTE FUNCTION log_statement();
CALL live('statement');
SELECT what, id, count(*), string_agg(detail, ' ' ORDER BY n) FROM log GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM differences WHERE tag NOT LIKE 'long%';
TABLE drift;
DROP TRIGGER after_statement ON orders;
DELETE FROM log;

--
-- Triggers on payments and refunds: they see what paystate writes
--

ALTER TABLE payments ADD touched int DEFAULT 0;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.touched := coalesce(NEW.touched, 0) + 1;
	RETURN NEW;
END
$$;
CREATE TRIGGER touch BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER after_row AFTER INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION log_row();
CREATE TRIGGER after_refund AFTER INSERT OR UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION log_row();
CALL live('payments');
SELECT what, regexp_replace(id, '^rfnd_.*', 'rfnd_*') AS id, count(*), string_agg(detail, ' ' ORDER BY n)
FROM log GROUP BY 1, 2 ORDER BY 1, 2;
SELECT id, touched FROM payments WHERE id LIKE 'payments%' ORDER BY id;
SELECT * FROM differences WHERE tag NOT LIKE 'long%';
TABLE drift;
DROP TRIGGER touch ON payments;
DROP TRIGGER after_row ON payments;
DROP TRIGGER after_refund ON refunds;
ALTER TABLE payments DROP touched;
DELETE FROM log;

--
-- A CHECK over a column that paystate writes
--

ALTER TABLE orders ADD CONSTRAINT at_most CHECK (amount_paid <= 1000);
CALL live('check');
INSERT INTO orders (id, amount) VALUES ('dear', 1001);
INSERT INTO payments (id, order_id) VALUES ('dear_1', 'dear');
UPDATE payments SET status = 'authorized' WHERE id = 'dear_1';
SELECT code, message FROM refusal($$UPDATE payments SET status = 'captured' WHERE id = 'dear_1'$$);	-- fail
SELECT * FROM books WHERE id = 'dear';
SELECT * FROM slips WHERE order_id = 'dear';
ALTER TABLE orders DROP CONSTRAINT at_most;
UPDATE payments SET status = 'captured' WHERE id = 'dear_1';	-- ok
SELECT * FROM books WHERE id = 'dear';
SELECT * FROM differences WHERE tag NOT LIKE 'long%' AND tag <> 'dear';
TABLE drift;

--
-- A stored generated column
--

ALTER TABLE orders ADD percent bigint GENERATED ALWAYS AS (amount_paid * 100 / nullif(amount, 0)) STORED;
CALL live('generated');
SELECT id, amount, amount_paid, percent FROM orders WHERE id LIKE 'generated%' ORDER BY id;
SELECT * FROM differences WHERE tag NOT LIKE 'long%' AND tag <> 'dear';
TABLE drift;
ALTER TABLE orders DROP percent;

--
-- A domain and a type modifier
--

CREATE DOMAIN unpaid AS paystate.order_status CHECK (VALUE <> 'paid');
DROP VIEW differences, drift, books;
DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;	-- they would hold the columns
ALTER TABLE orders ALTER status TYPE unpaid USING
	CASE status WHEN 'paid' THEN 'processed' ELSE status END;	-- the history says what was
INSERT INTO orders (id, amount, partial_payment) VALUES ('domain', 1000, true);
INSERT INTO payments (id, order_id, amount) VALUES ('domain_1', 'domain', 300), ('domain_2', 'domain', 700);
UPDATE payments SET status = 'authorized' WHERE order_id = 'domain';
UPDATE payments SET status = 'captured' WHERE id = 'domain_1';	-- ok
SELECT code, message FROM refusal($$UPDATE payments SET status = 'captured' WHERE id = 'domain_2'$$);	-- fail
SELECT id, status, amount_paid, amount_due, amount_authorized, attempts, version FROM orders WHERE id = 'domain';
ALTER TABLE orders ALTER status TYPE paystate.order_status;
UPDATE payments SET status = 'captured' WHERE id = 'domain_2';	-- ok
SELECT id, status, amount_paid, amount_due, amount_authorized, attempts, version FROM orders WHERE id = 'domain';

-- times cut to the second: what is stored differs from what was decided
CREATE SCHEMA general_typmod;
SET search_path = general_typmod;
SELECT paystate.create_tables();
DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;	-- they would hold the columns
ALTER TABLE orders ALTER changed_at TYPE timestamptz(0), ALTER status_since TYPE timestamptz(0);
ALTER TABLE orders ALTER currency TYPE "char";	-- not written, but read
INSERT INTO orders (id, amount, currency) VALUES ('o', 1000, 'I');	-- fail: not of a type that fits
:code
ALTER TABLE orders ALTER currency TYPE char(5);
INSERT INTO orders (id, amount) VALUES ('o', 1000);				-- ok
INSERT INTO payments (id, order_id) VALUES ('p', 'o');			-- ok
UPDATE payments SET status = 'authorized';						-- ok
UPDATE payments SET status = 'captured';						-- ok
SELECT id, status, amount_paid, amount_due, attempts, version,
	   changed_at = date_trunc('second', changed_at) AS cut FROM orders;
SELECT count(*), bool_and(at >= before) AS rising FROM (
	SELECT at, lag(at, 1, at) OVER (ORDER BY seq) AS before FROM order_history) AS h;
DROP SCHEMA general_typmod CASCADE;

--
-- Indexes that a direct write does not keep
--

CREATE SCHEMA general_index;
SET search_path = general_index;
SELECT paystate.create_tables();
\set ECHO none
\i :ledger
\set ECHO all
-- each kind alone, for one that sends the writes round would hide what another misses
CREATE INDEX by_notes ON orders USING gin (notes);
CREATE INDEX by_change ON orders USING brin (changed_at);
CREATE INDEX by_status ON orders USING hash (status);
CREATE INDEX by_amount ON refunds USING hash (amount);
CALL general.live('any');	-- its names are looked up here
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM orders WHERE notes @> '{"desk": "left"}';
SELECT id, status FROM orders WHERE notes @> '{"desk": "left"}';
SELECT count(*) FROM orders WHERE changed_at > now() - interval '1 hour';
SELECT id FROM orders WHERE status = 'paid';
SELECT id FROM orders WHERE status = 'created';
RESET enable_seqscan;
TABLE drift;
DROP INDEX by_notes, by_change, by_status, by_amount;
CREATE INDEX unpaid ON orders (id) WHERE status <> 'paid';
CREATE INDEX live ON payments (order_id) WHERE status IN ('created', 'authorized');
CALL general.live('part');
INSERT INTO orders (id, amount) VALUES ('part_o', 1000);
INSERT INTO payments (id, order_id) VALUES ('part_o', 'part_o');
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS off) SELECT id, status FROM orders WHERE status <> 'paid' ORDER BY id;
SELECT id, status FROM orders WHERE status <> 'paid' ORDER BY id;
EXPLAIN (COSTS off) SELECT id FROM payments WHERE status IN ('created', 'authorized') ORDER BY order_id;
SELECT id FROM payments WHERE status IN ('created', 'authorized') ORDER BY order_id;
RESET enable_seqscan;
RESET enable_bitmapscan;
TABLE drift;
DROP INDEX unpaid, live;
CREATE INDEX share ON orders ((amount_paid * 100 / amount));
CREATE INDEX given_back ON payments ((amount_captured - amount_refunded));
CALL general.live('expr');
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM orders WHERE amount_paid * 100 / amount = 50;
SELECT id, status FROM orders WHERE amount_paid * 100 / amount = 50 ORDER BY id;
SELECT id FROM payments WHERE amount_captured - amount_refunded = 250 ORDER BY id;
RESET enable_seqscan;
DROP INDEX share, given_back;
-- an exclusion constraint: no two orders of one shop under way
ALTER TABLE orders ADD shop text, ADD CONSTRAINT one_under_way EXCLUDE (shop WITH =) WHERE (status = 'attempted');
INSERT INTO orders (id, amount, shop) VALUES ('ex1', 1000, 's'), ('ex2', 1000, 's');
INSERT INTO payments (id, order_id) VALUES ('ex1', 'ex1'), ('ex2', 'ex2');
UPDATE payments SET status = 'failed' WHERE id = 'ex1';			-- ok
SELECT code, constraint_name FROM refusal($$UPDATE payments SET status = 'failed' WHERE id = 'ex2'$$);	-- fail
SELECT * FROM books WHERE id LIKE 'ex_';
UPDATE payments SET status = 'authorized' WHERE id = 'ex1';
UPDATE payments SET status = 'captured' WHERE id = 'ex1';		-- ok: no longer under way
UPDATE payments SET status = 'failed' WHERE id = 'ex2';			-- ok
TABLE books;
TABLE drift;
DROP SCHEMA general_index CASCADE;

--
-- Rules
--

CREATE SCHEMA general_rule;
SET search_path = general_rule;
SELECT paystate.create_tables();
\set ECHO none
\i :ledger
\set ECHO all
CREATE TABLE log (id text, status text);
CREATE RULE also AS ON UPDATE TO orders DO ALSO INSERT INTO log VALUES (NEW.id, NEW.status);
CALL general.live('also');
SELECT id, count(*) FROM log GROUP BY id ORDER BY id;
TABLE drift;
DROP RULE also ON orders;
CREATE RULE instead AS ON UPDATE TO orders DO INSTEAD NOTHING;
INSERT INTO orders (id, amount) VALUES ('o', 1000);		-- ok
INSERT INTO payments (id, order_id) VALUES ('p', 'o');	-- fail
:code
SELECT * FROM books WHERE id = 'o';
SELECT * FROM slips WHERE order_id = 'o';
DROP RULE instead ON orders;
INSERT INTO payments (id, order_id) VALUES ('p', 'o');	-- ok
SELECT * FROM books WHERE id = 'o';
-- what a rule does runs before the write that called it, and moves the order on
CREATE RULE more AS ON UPDATE TO orders WHERE OLD.amount_pending = 0 AND NEW.amount_pending = 400
	DO ALSO INSERT INTO payments (id, order_id, amount) VALUES ('more', NEW.id, 100);
INSERT INTO orders (id, amount, lifecycle) VALUES ('m', 1000, 'plural_preauth');
INSERT INTO payments (id, order_id, amount) VALUES ('m1', 'm', 400);	-- fail
:code
SELECT * FROM books WHERE id = 'm';
SELECT * FROM slips WHERE order_id = 'm';
DROP RULE more ON orders;
INSERT INTO payments (id, order_id, amount) VALUES ('m1', 'm', 400), ('more', 'm', 100);	-- ok
SELECT * FROM books WHERE id = 'm';
TABLE drift;
DROP SCHEMA general_rule CASCADE;

--
-- An inheritance child
--

CREATE SCHEMA general_child;
SET search_path = general_child;
SELECT paystate.create_tables();
\set ECHO none
\i :ledger
\set ECHO all
CREATE TABLE orders_child () INHERITS (orders);
CALL general.live('parent');
TABLE drift;
-- a row of the child is no order, even one with the key of an order
INSERT INTO orders_child (id, amount, amount_due, status, status_since, changed_at)
	VALUES ('kid', 1000, 1000, 'created', now(), now()),
		   ('o', 5, 5, 'paid', now(), now());
INSERT INTO orders (id, amount) VALUES ('o', 1000);
INSERT INTO payments (id, order_id, amount) VALUES ('p_kid', 'kid', 1000);	-- fail
:code
INSERT INTO payments (id, order_id) VALUES ('p', 'o');		-- ok
UPDATE payments SET status = 'authorized' WHERE id = 'p';	-- ok
UPDATE payments SET status = 'captured' WHERE id = 'p';		-- ok
SELECT tableoid::regclass, id, status, amount, amount_paid, version FROM orders WHERE id IN ('o', 'kid') ORDER BY 1, 2;
SELECT id, order_id, amount, status FROM payments WHERE id = 'p';
DROP SCHEMA general_child CASCADE;

--
-- A publication of updates, of a table without replica identity
--

CREATE SCHEMA general_publication;
SET search_path = general_publication;
SELECT paystate.create_tables();
\set ECHO none
\i :ledger
\set ECHO all
INSERT INTO orders (id, amount) VALUES ('o', 1000);
SET client_min_messages = error;	-- wal_level may say that it is too low
CREATE PUBLICATION regress_paystate FOR TABLE orders, payments;
SET client_min_messages = warning;
CALL general.live('identity');
ALTER TABLE orders REPLICA IDENTITY NOTHING;
INSERT INTO payments (id, order_id) VALUES ('p', 'o');	-- fail
:code
TABLE drift;
SELECT * FROM books WHERE id = 'o';
ALTER TABLE orders REPLICA IDENTITY FULL;
INSERT INTO payments (id, order_id) VALUES ('p', 'o');	-- ok
ALTER TABLE payments REPLICA IDENTITY NOTHING;
UPDATE orders SET status = 'cancelled' WHERE id = 'identity_c';	-- ok: already
UPDATE payments SET status = 'failed' WHERE id = 'p';	-- fail
:code
ALTER TABLE payments REPLICA IDENTITY DEFAULT;
UPDATE payments SET status = 'failed' WHERE id = 'p';	-- ok
SELECT * FROM books WHERE id = 'o';
TABLE drift;
DROP PUBLICATION regress_paystate;
DROP SCHEMA general_publication CASCADE;

--
-- Triggers that meddle
--

CREATE SCHEMA general_meddle;
SET search_path = general_meddle;
SELECT paystate.create_tables();
\set ECHO none
\i :ledger
\set ECHO all
INSERT INTO orders (id, amount, partial_payment) VALUES ('o', 1000, true), ('other', 1000, false);
INSERT INTO payments (id, order_id, amount) VALUES ('p', 'o', 600), ('q', 'o', 400), ('x', 'other', 1000);
UPDATE payments SET status = 'authorized';
-- Each body below becomes a trigger on a table; a statement is tried under it,
-- all is undone, and what is told is the refusal and how many rows of orders,
-- payments, refunds and history differ from before.
CREATE VIEW image AS
	SELECT to_jsonb(o.*) AS image FROM orders o UNION ALL SELECT to_jsonb(p.*) FROM payments p UNION ALL
	SELECT to_jsonb(r.*) FROM refunds r UNION ALL SELECT to_jsonb(h.*) FROM order_history h;
CREATE TABLE before_all AS TABLE image;
CREATE FUNCTION try(on_table text, timing text, body text,
	statement text DEFAULT $$UPDATE payments SET status = 'captured' WHERE id = 'p'$$,
	OUT code text, OUT message text, OUT traces bigint)
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS %L',
				   'BEGIN IF pg_trigger_depth() > 4 THEN RETURN NEW; END IF; ' || body || ' END');
	EXECUTE format('CREATE TRIGGER meddle %s ON %I FOR EACH ROW EXECUTE FUNCTION meddle()',
				   timing, on_table);
	SELECT r.code, r.message INTO code, message FROM refusal(statement) r;
	SELECT count(*) INTO traces FROM (TABLE image EXCEPT TABLE before_all) AS i;
	RAISE EXCEPTION USING ERRCODE = 'XX999';
EXCEPTION WHEN SQLSTATE 'XX999' THEN
	NULL;
END
$$;
-- returns null: the order would stay behind
SELECT * FROM try('orders', 'BEFORE UPDATE', 'RETURN NULL;');
SELECT * FROM try('payments', 'BEFORE UPDATE', 'RETURN NULL;');	-- no row, no event
-- rewrites what paystate decided
SELECT * FROM try('orders', 'BEFORE UPDATE', 'NEW.amount_paid := 0; RETURN NEW;');
SELECT * FROM try('orders', 'BEFORE UPDATE', 'NEW.amount_due := 0; RETURN NEW;');
SELECT * FROM try('orders', 'BEFORE UPDATE', $$NEW.status := 'paid'; RETURN NEW;$$);
SELECT * FROM try('orders', 'BEFORE UPDATE', 'NEW.attempts := NEW.attempts + 1; RETURN NEW;');
SELECT * FROM try('orders', 'BEFORE UPDATE', 'NEW.version := NEW.version + 1; RETURN NEW;');
SELECT * FROM try('orders', 'BEFORE UPDATE', 'NEW.amount := 600; RETURN NEW;');
SELECT * FROM try('orders', 'BEFORE UPDATE', $$NEW.currency := 'USD'; RETURN NEW;$$);
SELECT * FROM try('orders', 'BEFORE UPDATE', $$NEW.lifecycle := 'plural'; RETURN NEW;$$);
SELECT * FROM try('orders', 'BEFORE UPDATE', $$NEW.partial_payment := false; RETURN NEW;$$);
SELECT * FROM try('orders', 'BEFORE UPDATE', $$NEW.created_at := '2000-01-01'; RETURN NEW;$$);
SELECT * FROM try('orders', 'BEFORE UPDATE', $$NEW.id := 'mine'; RETURN NEW;$$);
SELECT * FROM try('orders', 'BEFORE UPDATE', 'RETURN OLD;');
-- rewrites the payment after it was filled in
SELECT * FROM try('payments', 'BEFORE UPDATE', 'NEW.amount_captured := 500; RETURN NEW;');
SELECT * FROM try('payments', 'BEFORE UPDATE', 'NEW.amount := 400; RETURN NEW;');
SELECT * FROM try('payments', 'BEFORE UPDATE', $$NEW.status := 'failed'; RETURN NEW;$$);
SELECT * FROM try('payments', 'BEFORE UPDATE', $$NEW.order_id := 'other'; RETURN NEW;$$);
SELECT * FROM try('payments', 'BEFORE UPDATE', $$NEW.status_since := '2000-01-01'; RETURN NEW;$$);
-- a refund, and the refund that paystate leaves
SELECT * FROM try('refunds', 'BEFORE INSERT', 'NEW.amount := NEW.amount * 2; RETURN NEW;',
	$$UPDATE payments SET status = 'refunded' WHERE id = 'p'$$);
SELECT * FROM try('refunds', 'BEFORE INSERT', $$NEW.payment_id := 'q'; RETURN NEW;$$,
	$$UPDATE payments SET status = 'refunded' WHERE id = 'p'$$);
SELECT * FROM try('refunds', 'BEFORE INSERT', $$NEW.status := 'pending'; RETURN NEW;$$,
	$$UPDATE payments SET status = 'refunded' WHERE id = 'p'$$);
SELECT * FROM try('refunds', 'BEFORE INSERT', 'RETURN NULL;',
	$$UPDATE payments SET status = 'refunded' WHERE id = 'p'$$);
SELECT * FROM try('refunds', 'AFTER INSERT',
	$$INSERT INTO refunds (payment_id, amount) VALUES (NEW.payment_id, NEW.amount); RETURN NULL;$$,
	$$UPDATE payments SET status = 'refunded' WHERE id = 'p'$$);
SELECT * FROM try('refunds', 'BEFORE INSERT',
	$$IF pg_trigger_depth() < 4 THEN
		INSERT INTO refunds (payment_id, amount) VALUES (NEW.payment_id, NEW.amount);
	END IF; RETURN NEW;$$,
	$$UPDATE payments SET status = 'refunded' WHERE id = 'p'$$);
-- the payment that a refund moves
INSERT INTO orders (id, amount) VALUES ('done', 1000);
INSERT INTO payments (id, order_id) VALUES ('d', 'done');
UPDATE payments SET status = 'authorized' WHERE id = 'd';
UPDATE payments SET status = 'captured' WHERE id = 'd';
INSERT INTO before_all TABLE image EXCEPT TABLE before_all;
SELECT * FROM try('payments', 'BEFORE UPDATE', 'NEW.amount_refunded := 0; RETURN NEW;',
	$$INSERT INTO refunds (payment_id, amount) VALUES ('d', 10)$$);
SELECT * FROM try('payments', 'BEFORE UPDATE', 'NEW.amount_captured := 2000; RETURN NEW;',
	$$INSERT INTO refunds (payment_id, amount) VALUES ('d', 10)$$);
SELECT * FROM try('payments', 'BEFORE UPDATE', 'NEW.amount := 2000; RETURN NEW;',
	$$INSERT INTO refunds (payment_id, amount) VALUES ('d', 10)$$);
SELECT * FROM try('payments', 'BEFORE UPDATE', $$NEW.status := 'refunded'; RETURN NEW;$$,
	$$INSERT INTO refunds (payment_id, amount) VALUES ('d', 10)$$);
SELECT * FROM try('payments', 'BEFORE UPDATE', $$NEW.order_id := 'o'; RETURN NEW;$$,
	$$INSERT INTO refunds (payment_id, amount) VALUES ('d', 10)$$);
SELECT * FROM try('payments', 'BEFORE UPDATE', 'RETURN NULL;',
	$$INSERT INTO refunds (payment_id, amount) VALUES ('d', 10)$$);
SELECT * FROM try('payments', 'AFTER UPDATE', $$UPDATE payments SET amount_refunded = 0 WHERE id = NEW.id; RETURN NULL;$$,
	$$INSERT INTO refunds (payment_id, amount) VALUES ('d', 10)$$);
-- writes of its own under ours
SELECT * FROM try('orders', 'AFTER UPDATE',
	$$UPDATE orders SET amount_paid = amount WHERE id = NEW.id; RETURN NULL;$$);
SELECT * FROM try('orders', 'AFTER UPDATE',
	$$UPDATE orders SET amount_paid = NEW.amount_paid, amount_due = NEW.amount_due, status = NEW.status,
		version = version + 1 WHERE id = 'other'; RETURN NULL;$$);
SELECT * FROM try('orders', 'AFTER UPDATE',
	$$INSERT INTO order_history (order_id, seq, at, order_from, order_to, amount, amount_paid, attempts, actor)
		VALUES (NEW.id, NEW.version, NEW.changed_at, OLD.status, NEW.status, 600, NEW.amount_paid, NEW.attempts, 'me');
	RETURN NULL;$$);
SELECT * FROM try('orders', 'AFTER UPDATE', $$DELETE FROM payments; RETURN NULL;$$);
SELECT * FROM try('orders', 'AFTER UPDATE',
	$$UPDATE payments SET status = 'captured' WHERE id = 'x'; /* legal of itself */
	UPDATE orders SET amount_paid = 0 WHERE id = 'other'; RETURN NULL;$$);
-- catches an error of ours, then writes
SELECT * FROM try('orders', 'AFTER UPDATE',
	$$BEGIN
		UPDATE payments SET status = 'failed' WHERE id = 'x';
	EXCEPTION WHEN OTHERS THEN NULL;
	END;
	UPDATE orders SET amount_paid = 1000, amount_due = 0, status = 'paid' WHERE id = NEW.id; RETURN NULL;$$);
SELECT * FROM try('orders', 'BEFORE UPDATE',
	$$BEGIN
		UPDATE payments SET status = 'failed' WHERE id = 'x';
	EXCEPTION WHEN OTHERS THEN NULL;
	END;
	NEW.amount_paid := 1000; NEW.amount_due := 0; RETURN NEW;$$);
-- the very values that paystate is about to write, a moment earlier
SELECT * FROM try('orders', 'BEFORE UPDATE',
	$$IF pg_trigger_depth() < 3 THEN
		UPDATE orders SET amount_paid = NEW.amount_paid, amount_due = NEW.amount_due,
			amount_authorized = NEW.amount_authorized, amount_pending = NEW.amount_pending,
			amount_refunded = NEW.amount_refunded, status = NEW.status, attempts = NEW.attempts,
			payments_open = NEW.payments_open, version = NEW.version,
			status_since = NEW.status_since, changed_at = NEW.changed_at WHERE id = NEW.id;
	END IF; RETURN NEW;$$);
TABLE books;
TABLE slips;
TABLE drift;
-- the same values again, a moment later, are no change at all
CREATE FUNCTION save_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF pg_trigger_depth() < 3 THEN
		UPDATE orders SET amount_paid = NEW.amount_paid, amount_due = NEW.amount_due,
			amount_authorized = NEW.amount_authorized, amount_pending = NEW.amount_pending,
			amount_refunded = NEW.amount_refunded, status = NEW.status, attempts = NEW.attempts,
			payments_open = NEW.payments_open, version = NEW.version,
			status_since = NEW.status_since, changed_at = NEW.changed_at, notes = '{"saved": true}'
		WHERE id = NEW.id;
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER save AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION save_whole();
UPDATE payments SET status = 'captured' WHERE id = 'p';		-- ok
DROP TRIGGER save ON orders;
SELECT id, notes FROM orders ORDER BY id;
TABLE books;
TABLE drift;

--
-- Triggers that go on: each step is judged, in the order of events
--

CREATE FUNCTION move_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE payments SET status = 'captured' WHERE id = NEW.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER zz_move_on AFTER UPDATE ON payments FOR EACH ROW
	WHEN (NEW.status = 'authorized') EXECUTE FUNCTION move_on();
INSERT INTO orders (id, amount) VALUES ('on', 500);
INSERT INTO payments (id, order_id) VALUES ('on_1', 'on');
UPDATE payments SET status = 'authorized' WHERE id = 'on_1';	-- ok: and captured
SELECT * FROM books WHERE id = 'on';
SELECT * FROM trail WHERE order_id = 'on';
-- two in one statement: the second is one too many, and nothing stays
INSERT INTO orders (id, amount) VALUES ('on2', 500);
INSERT INTO payments (id, order_id) VALUES ('on2_1', 'on2'), ('on2_2', 'on2');
SELECT code, message FROM refusal($$UPDATE payments SET status = 'authorized' WHERE order_id = 'on2'$$);	-- fail
SELECT * FROM books WHERE id = 'on2';
TABLE drift;
DROP TRIGGER zz_move_on ON payments;

CREATE FUNCTION retry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO payments (id, order_id) VALUES (NEW.id || '_v' || NEW.version, NEW.id);
	RETURN NULL;
END
$$;
CREATE TRIGGER retry AFTER UPDATE ON orders FOR EACH ROW
	WHEN (NEW.payments_open = 0 AND NEW.status = 'attempted' AND NEW.attempts < 3) EXECUTE FUNCTION retry();
INSERT INTO orders (id, amount) VALUES ('re', 500);
INSERT INTO payments (id, order_id) VALUES ('re_v1', 're');
UPDATE payments SET status = 'failed' WHERE id = 're_v1';	-- ok: and the next is there
UPDATE payments SET status = 'failed' WHERE id = 're_v3';	-- ok
UPDATE payments SET status = 'failed' WHERE id = 're_v5';	-- ok: the last
SELECT * FROM books WHERE id = 're';
SELECT * FROM trail WHERE order_id = 're';
TABLE drift;
DROP TRIGGER retry ON orders;

-- on orders, while the event that moved the order is still being written
CREATE FUNCTION cash_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO refunds (id, payment_id, amount) SELECT id, id, 10 FROM payments WHERE order_id = NEW.id AND status = 'captured';
	RETURN NULL;
END
$$;
CREATE TRIGGER cash_back AFTER UPDATE ON orders FOR EACH ROW
	WHEN (NEW.status = 'paid' AND OLD.status <> 'paid') EXECUTE FUNCTION cash_back();
CREATE FUNCTION capture_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE payments SET status = 'captured' WHERE order_id = NEW.id AND status = 'authorized';
	RETURN NULL;
END
$$;
CREATE TRIGGER capture_all AFTER UPDATE ON orders FOR EACH ROW
	WHEN (NEW.amount_authorized > 0) EXECUTE FUNCTION capture_all();
INSERT INTO orders (id, amount) VALUES ('cb', 1000);
INSERT INTO payments (id, order_id) VALUES ('cb', 'cb');
UPDATE payments SET status = 'authorized' WHERE id = 'cb';	-- ok: captured, and 10 back
SELECT * FROM books WHERE id = 'cb';
SELECT * FROM trail WHERE order_id = 'cb';
TABLE drift;
DROP TRIGGER cash_back ON orders;
DROP TRIGGER capture_all ON orders;

-- in a cascade, on a payment that goes along and is not yet written
INSERT INTO orders (id, amount, lifecycle) VALUES ('ca', 1000, 'plural_preauth');
INSERT INTO payments (id, order_id, amount) VALUES ('ca1', 'ca', 400), ('ca2', 'ca', 300), ('ca3', 'ca', 300);
CREATE FUNCTION elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE payments SET status = 'authorized' WHERE id = 'ca2';
	RETURN NULL;
END
$$;
CREATE TRIGGER elsewhere AFTER UPDATE ON payments FOR EACH ROW
	WHEN (NEW.id = 'ca1' AND NEW.status = 'cancelled') EXECUTE FUNCTION elsewhere();
SELECT code, message FROM refusal($$UPDATE orders SET status = 'cancelled' WHERE id = 'ca'$$);	-- fail
SELECT * FROM slips WHERE order_id = 'ca';
DROP TRIGGER elsewhere ON payments;
UPDATE orders SET status = 'cancelled' WHERE id = 'ca';		-- ok
SELECT * FROM slips WHERE order_id = 'ca';
TABLE drift;

-- at commit, long after our write: refused as anyone's, and the transaction is gone
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE orders SET amount_paid = NEW.amount_paid - 1 WHERE id = NEW.id;
	RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON orders DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION at_commit();
INSERT INTO orders (id, amount) VALUES ('co', 500);
BEGIN;
INSERT INTO payments (id, order_id) VALUES ('co', 'co');		-- ok, so far
COMMIT;															-- fail
:code
DROP TRIGGER at_commit ON orders;
INSERT INTO payments (id, order_id) VALUES ('co', 'co');		-- ok
SELECT * FROM books WHERE id = 'co';
TABLE drift;

-- without end: stopped by core, and nothing stays
CREATE TRIGGER retry AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION retry();
INSERT INTO orders (id, amount) VALUES ('end', 500);
SET max_stack_depth = '100kB';
SELECT code FROM refusal($$INSERT INTO payments (id, order_id) VALUES ('end_1', 'end')$$);
RESET max_stack_depth;
DROP TRIGGER retry ON orders;
INSERT INTO payments (id, order_id) VALUES ('end_1', 'end');	-- ok
SELECT * FROM books WHERE id = 'end';
TABLE drift;
DROP SCHEMA general_meddle CASCADE;

--
-- Row-level security hides no order from its own totals
--

CREATE ROLE regress_paystate_owner;
CREATE ROLE regress_paystate_shop;
CREATE SCHEMA general_rls AUTHORIZATION regress_paystate_owner;
SET search_path = general_rls;
SET ROLE regress_paystate_owner;
SELECT paystate.create_tables();
RESET ROLE;
\set ECHO none
\i :ledger
\set ECHO all
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE refunds ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_history ENABLE ROW LEVEL SECURITY;
-- the shop sees its payments of less than 500, and no order at all
CREATE POLICY small ON payments USING (amount < 500);
GRANT USAGE ON SCHEMA general_rls TO regress_paystate_shop;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA general_rls TO regress_paystate_shop;
SET ROLE regress_paystate_owner;
INSERT INTO orders (id, amount, partial_payment) VALUES ('o', 1000, true);
INSERT INTO payments (id, order_id, amount) VALUES ('big', 'o', 700), ('small', 'o', 400);
UPDATE payments SET status = 'authorized';
UPDATE payments SET status = 'captured' WHERE id = 'big';
RESET ROLE;
SET ROLE regress_paystate_shop;
SELECT count(*) FROM orders;
SELECT id, status FROM payments;
UPDATE payments SET status = 'captured' WHERE id = 'small';		-- fail: the one he cannot see counts
:code
UPDATE payments SET status = 'captured' WHERE id = 'big';		-- ok: none that he sees
INSERT INTO payments (id, order_id, amount) VALUES ('mine', 'o', 100);	-- fail: one is held
:code
UPDATE payments SET status = 'refunded' WHERE id = 'small';		-- ok: the refund is written by the owner
INSERT INTO payments (id, order_id, amount) VALUES ('mine', 'o', 300);	-- ok
UPDATE payments SET status = 'authorized' WHERE id = 'mine';	-- ok
UPDATE payments SET status = 'captured' WHERE id = 'mine';		-- ok
INSERT INTO refunds (id, payment_id, amount) VALUES ('r', 'mine', 100);	-- fail: by core, he has no policy for it
:code
RESET ROLE;
CREATE POLICY all_refunds ON refunds USING (true);
SET ROLE regress_paystate_shop;
INSERT INTO refunds (id, payment_id, amount) VALUES ('r', 'mine', 100);	-- ok
RESET ROLE;
TABLE books;
TABLE slips;
TABLE drift;
-- forced upon the owner as well, with no policy at all on orders and history
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
ALTER TABLE refunds FORCE ROW LEVEL SECURITY;
ALTER TABLE order_history FORCE ROW LEVEL SECURITY;
CREATE POLICY make ON orders FOR INSERT WITH CHECK (true);
SET ROLE regress_paystate_owner;
INSERT INTO orders (id, amount, lifecycle) VALUES ('f', 900, 'plural_preauth');	-- ok
SELECT count(*) FROM orders;
INSERT INTO payments (id, order_id, amount) VALUES ('f1', 'f', 450), ('f2', 'f', 450);	-- ok
UPDATE payments SET status = 'authorized' WHERE order_id = 'f';	-- ok
UPDATE payments SET status = 'cancelled' WHERE id = 'f1';		-- ok: f2 goes along
SELECT id, status FROM payments WHERE order_id = 'f';
RESET ROLE;
-- and on the general path
CREATE FUNCTION who() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.notes := jsonb_build_object('user', current_user);
	RETURN NEW;
END
$$;
CREATE TRIGGER who BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION who();
ALTER TABLE payments ADD n int GENERATED ALWAYS AS (1) STORED;
SET ROLE regress_paystate_owner;
INSERT INTO orders (id, amount, lifecycle) VALUES ('g', 900, 'plural_preauth');	-- ok
INSERT INTO payments (id, order_id, amount) VALUES ('g1', 'g', 400), ('g2', 'g', 400);	-- ok
RESET ROLE;
SET ROLE regress_paystate_shop;
INSERT INTO payments (id, order_id, amount) VALUES ('g3', 'g', 101);	-- fail
:code
INSERT INTO payments (id, order_id, amount) VALUES ('g3', 'g', 100);	-- ok
UPDATE payments SET status = 'authorized' WHERE order_id = 'g';	-- ok
UPDATE payments SET status = 'processed', amount_captured = 100 WHERE id = 'g2';	-- ok: g1 and g3 released
INSERT INTO refunds (id, payment_id, amount) VALUES ('gr', 'g2', 100);	-- ok
SELECT current_user;
RESET ROLE;
SELECT id, notes FROM orders ORDER BY id;	-- triggers run as the owner
TABLE books;
TABLE slips;
SELECT * FROM trail WHERE order_id IN ('f', 'g');
TABLE drift;
DROP SCHEMA general_rls CASCADE;
DROP ROLE regress_paystate_shop;
DROP ROLE regress_paystate_owner;
DROP SCHEMA general CASCADE;
