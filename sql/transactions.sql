-- Whatever the statement and the transaction look like, the verdict is the
-- same, a refusal leaves nothing behind, and what is rolled back never was.
\getenv srcdir PG_ABS_SRCDIR
\set ledger :srcdir '/sql/include/ledger.psql'
\set code '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE SCHEMA transactions;
SET search_path = transactions;
SELECT paystate.create_tables();
\set ECHO none
\i :ledger
\set ECHO all

--
-- Savepoints
--

INSERT INTO orders (id, amount, lifecycle) VALUES ('sp', 1000, 'plural_preauth');
INSERT INTO payments (id, order_id) VALUES ('sp1', 'sp');
UPDATE payments SET status = 'authorized' WHERE id = 'sp1';
BEGIN;
SAVEPOINT a;
UPDATE payments SET status = 'processed' WHERE id = 'sp1';		-- ok
SELECT status, paid, version FROM books WHERE id = 'sp';
ROLLBACK TO a;
SELECT status, paid, version FROM books WHERE id = 'sp';
UPDATE orders SET status = 'cancelled' WHERE id = 'sp';			-- ok: it was never captured
SAVEPOINT b;
UPDATE payments SET status = 'processed' WHERE id = 'sp1';		-- fail
:code
ROLLBACK TO b;
COMMIT;
SELECT * FROM books WHERE id = 'sp';
SELECT * FROM trail WHERE order_id = 'sp';
-- a refusal in a block with a handler, then on
DO $$
BEGIN
	FOR i IN 1..3 LOOP
		BEGIN
			INSERT INTO orders (id, amount) VALUES ('ex' || i, 1000);
			INSERT INTO payments (id, order_id) VALUES ('ex' || i, 'ex' || i);
			UPDATE payments SET status = 'authorized' WHERE id = 'ex' || i;
			IF i = 2 THEN
				UPDATE payments SET status = 'failed' WHERE id = 'ex2';	-- undoes all of this turn
			END IF;
			UPDATE payments SET status = 'captured' WHERE id = 'ex' || i;
		EXCEPTION WHEN SQLSTATE '23PS1' THEN
			RAISE WARNING '% %', i, SQLERRM;
		END;
	END LOOP;
END
$$;
SELECT * FROM books WHERE id LIKE 'ex%';
-- ... and no way to write what was refused
DO $$
BEGIN
	BEGIN
		UPDATE payments SET status = 'failed' WHERE id = 'ex1';
	EXCEPTION WHEN OTHERS THEN NULL;
	END;
	UPDATE orders SET amount_paid = 0, amount_due = 1000 WHERE id = 'ex1';
END
$$;		-- fail
:code
TABLE drift;
-- a whole order made and paid and never there
BEGIN;
INSERT INTO orders (id, amount) VALUES ('gone', 1000);
INSERT INTO payments (id, order_id) VALUES ('gone', 'gone');
UPDATE payments SET status = 'authorized' WHERE id = 'gone';
UPDATE payments SET status = 'captured' WHERE id = 'gone';
UPDATE payments SET status = 'refunded' WHERE id = 'gone';
ROLLBACK;
SELECT count(*) FROM order_history WHERE order_id = 'gone';
-- after a rollback nothing of it is remembered: the same ids again
BEGIN;
INSERT INTO orders (id, amount) VALUES ('gone', 2000);
INSERT INTO payments (id, order_id) VALUES ('gone', 'gone');
COMMIT;
SELECT * FROM books WHERE id = 'gone';
TABLE drift;

-- one transaction sees its own work at every level
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO orders (id, amount) VALUES ('rr', 1000);
INSERT INTO payments (id, order_id) VALUES ('rr', 'rr');
UPDATE payments SET status = 'authorized' WHERE id = 'rr';
UPDATE payments SET status = 'captured' WHERE id = 'rr';
INSERT INTO refunds (id, payment_id, amount) VALUES ('rr1', 'rr', 1), ('rr2', 'rr', 2);
UPDATE payments SET status = 'refunded' WHERE id = 'rr';
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO orders (id, amount, lifecycle) VALUES ('ser', 1000, 'plural');
INSERT INTO payments (id, order_id, amount) VALUES ('ser1', 'ser', 500), ('ser2', 'ser', 500);
UPDATE payments SET status = 'processed' WHERE id = 'ser1';
SAVEPOINT a;
SELECT code, message FROM refusal($$UPDATE orders SET status = 'cancelled' WHERE id = 'ser'$$);	-- fail: money was captured
ROLLBACK TO a;
UPDATE payments SET status = 'failed' WHERE id = 'ser2';
COMMIT;
SELECT * FROM books WHERE id IN ('rr', 'ser');
TABLE drift;

--
-- Several rows in one statement
--

INSERT INTO orders (id, amount, partial_payment) VALUES ('two', 1000, true);
INSERT INTO payments (id, order_id, amount) VALUES ('two1', 'two', 600), ('two2', 'two', 600), ('two3', 'two', 400);
UPDATE payments SET status = 'authorized' WHERE order_id = 'two';
SELECT code, message FROM refusal($$UPDATE payments SET status = 'captured' WHERE order_id = 'two'$$);	-- fail: 1600 of 1000
SELECT code, message FROM refusal($$UPDATE payments SET status = 'captured' WHERE id IN ('two1', 'two2')$$);	-- fail: 1200
UPDATE payments SET status = 'captured' WHERE id IN ('two1', 'two3');			-- ok: exactly
UPDATE payments SET status = 'captured' WHERE id IN ('two1', 'two3');			-- ok: no-op
SELECT * FROM books WHERE id = 'two';
-- every payment of every order to failed: those that are captured stop it all
SELECT code, message FROM refusal($$UPDATE payments SET status = 'failed' WHERE order_id IN ('two', 'gone')$$);	-- fail
-- one statement over many orders
INSERT INTO orders (id, amount) SELECT 'many' || i, 1000 FROM generate_series(1, 100) i;
INSERT INTO payments (id, order_id) SELECT id, id FROM orders WHERE id LIKE 'many%';
UPDATE payments SET status = 'authorized' WHERE id LIKE 'many%';
UPDATE payments SET status = 'captured' WHERE id LIKE 'many%';
INSERT INTO refunds (id, payment_id, amount) SELECT id || n, id, 500 FROM payments, generate_series(1, 2) n WHERE id LIKE 'many%';
SELECT status, paid, refunded, tries, version, count(*) FROM books WHERE id LIKE 'many%' GROUP BY 1, 2, 3, 4, 5;
-- a row moved by the statement and by a cascade is counted once
INSERT INTO orders (id, amount, lifecycle) VALUES ('both', 1000, 'plural_preauth');
INSERT INTO payments (id, order_id, amount) VALUES ('both1', 'both', 500), ('both2', 'both', 500);
UPDATE payments SET status = 'authorized' WHERE order_id = 'both';
UPDATE payments SET status = 'cancelled' WHERE order_id = 'both';				-- ok: the first takes the second along
SELECT * FROM books WHERE id = 'both';
SELECT * FROM trail WHERE order_id = 'both';
-- captured in part and the other cancelled, in one statement
INSERT INTO orders (id, amount, lifecycle) VALUES ('part', 1000, 'plural_preauth');
INSERT INTO payments (id, order_id, amount) VALUES ('part1', 'part', 500), ('part2', 'part', 500);
UPDATE payments SET status = 'authorized' WHERE order_id = 'part';
UPDATE payments SET status = v.status::paystate.payment_status, amount_captured = v.captured
FROM (VALUES ('part1', 'processed', 300), ('part2', 'cancelled', 0)) AS v (id, status, captured)
WHERE payments.id = v.id;														-- ok
SELECT * FROM books WHERE id = 'part';
SELECT * FROM trail WHERE order_id = 'part' AND seq > 5;
TABLE drift;

--
-- CTEs
--

-- a capture, and the order's counters beside it
INSERT INTO orders (id, amount) VALUES ('cte', 1000);
INSERT INTO payments (id, order_id) VALUES ('cte', 'cte');
UPDATE payments SET status = 'authorized' WHERE id = 'cte';
WITH a AS (UPDATE payments SET status = 'captured' WHERE id = 'cte' RETURNING 1),
	 b AS (UPDATE orders SET attempts = attempts + 100 WHERE id = 'cte' RETURNING 1)
SELECT count(*) FROM a, b;				-- fail
:code
SELECT * FROM books WHERE id = 'cte';
-- a capture, and the order's notes
WITH a AS (UPDATE payments SET status = 'captured' WHERE id = 'cte' RETURNING 1),
	 b AS (UPDATE orders SET notes = '{"n": 1}' WHERE id = 'cte' RETURNING 1)
SELECT count(*) FROM a, b;				-- ok
SELECT * FROM books WHERE id = 'cte';
SELECT notes FROM orders WHERE id = 'cte';
-- an order and its payment
WITH o AS (INSERT INTO orders (id, amount) VALUES ('cte2', 1000) RETURNING id)
INSERT INTO payments (id, order_id) SELECT id, id FROM o;		-- ok
WITH p AS (INSERT INTO payments (id, order_id, amount) VALUES ('cte3', 'cte3', 1000) RETURNING 1)
INSERT INTO orders (id, amount) SELECT 'cte3', 1000 FROM p;		-- ok: judged when all is there
SELECT * FROM books WHERE id IN ('cte2', 'cte3');
SELECT * FROM trail WHERE order_id IN ('cte2', 'cte3');
-- a capture and a cancel of the same order
INSERT INTO orders (id, amount, lifecycle) VALUES ('cte4', 1000, 'plural_preauth');
INSERT INTO payments (id, order_id) VALUES ('cte4', 'cte4');
UPDATE payments SET status = 'authorized' WHERE id = 'cte4';
WITH a AS (UPDATE payments SET status = 'processed' WHERE id = 'cte4' RETURNING 1)
UPDATE orders SET status = 'cancelled' FROM a WHERE id = 'cte4';	-- fail
:code
SELECT * FROM books WHERE id = 'cte4';
SELECT * FROM slips WHERE id = 'cte4';
-- an order cancelled, and its payments beside it: as written, one after the other
INSERT INTO orders (id, amount, lifecycle) VALUES ('cte5', 1000, 'plural'), ('cte6', 1000, 'plural');
INSERT INTO payments (id, order_id, amount) SELECT o || n, o, 500 FROM unnest('{cte5,cte6}'::text[]) o, generate_series(1, 2) n;
SELECT code, message FROM refusal($$WITH a AS (UPDATE orders SET status = 'cancelled' WHERE id = 'cte5' RETURNING 1)
	UPDATE payments SET status = 'cancelled' WHERE order_id = 'cte5'$$);	-- fail: the order is cancelled by then
WITH a AS (UPDATE payments SET status = 'cancelled' WHERE order_id = 'cte6' RETURNING 1)
UPDATE orders SET status = 'cancelled' WHERE id = 'cte6';						-- ok: they went along
SELECT * FROM books WHERE id IN ('cte5', 'cte6');
SELECT * FROM slips WHERE order_id IN ('cte5', 'cte6');
SELECT * FROM trail WHERE order_id = 'cte6';
-- a payment and its refund
WITH p AS (UPDATE payments SET status = 'processed' WHERE id = 'cte4' RETURNING id)
INSERT INTO refunds (id, payment_id, amount) SELECT 'cte4', id, 400 FROM p;	-- ok
SELECT * FROM books WHERE id = 'cte4';
SELECT * FROM trail WHERE order_id = 'cte4' AND seq > 3;
TABLE drift;

--
-- ON CONFLICT: a redelivered event
--

INSERT INTO payments (id, order_id) VALUES ('cte', 'cte') ON CONFLICT DO NOTHING;			-- ok: known, on a paid order
INSERT INTO payments (id, order_id) VALUES ('cte', 'cte') ON CONFLICT (id) DO NOTHING;		-- ok
INSERT INTO payments (id, order_id) VALUES ('new', 'cte') ON CONFLICT (id) DO NOTHING;		-- fail: new
:code
INSERT INTO payments (id, order_id, status) VALUES ('cte', 'cte', 'captured') ON CONFLICT DO NOTHING;	-- ok: known
INSERT INTO payments (id, order_id) VALUES ('cte2', 'cte2')
	ON CONFLICT (id) DO UPDATE SET status = 'authorized';									-- ok: one move
INSERT INTO payments (id, order_id) VALUES ('cte2', 'cte2')
	ON CONFLICT (id) DO UPDATE SET status = 'authorized';									-- ok: no-op
INSERT INTO payments (id, order_id) VALUES ('cte2', 'cte2')
	ON CONFLICT (id) DO UPDATE SET status = 'failed';										-- fail
:code
INSERT INTO payments (id, order_id) VALUES ('cte2', 'cte2')
	ON CONFLICT (id) DO UPDATE SET status = 'refunded', amount = 1;							-- fail
:code
INSERT INTO orders (id, amount) VALUES ('cte2', 5000) ON CONFLICT (id) DO UPDATE SET amount = excluded.amount;	-- fail
:code
INSERT INTO orders (id, amount, receipt) VALUES ('cte2', 1000, 'again')
	ON CONFLICT (id) DO UPDATE SET receipt = excluded.receipt;								-- ok
INSERT INTO orders (id, amount, status) VALUES ('cte2', 1000, 'paid') ON CONFLICT DO NOTHING;	-- ok
SELECT * FROM books WHERE id IN ('cte', 'cte2');
SELECT * FROM trail WHERE order_id = 'cte2';
TABLE drift;

--
-- MERGE
--

INSERT INTO orders (id, amount) VALUES ('mg', 1000);
MERGE INTO payments p USING (VALUES ('mg', 'mg')) AS v (id, order_id) ON p.id = v.id
	WHEN MATCHED THEN UPDATE SET status = 'authorized'
	WHEN NOT MATCHED THEN INSERT (id, order_id, status) VALUES (v.id, v.order_id, 'captured');	-- fail
:code
MERGE INTO payments p USING (VALUES ('mg', 'mg')) AS v (id, order_id) ON p.id = v.id
	WHEN MATCHED THEN UPDATE SET status = 'authorized'
	WHEN NOT MATCHED THEN INSERT (id, order_id) VALUES (v.id, v.order_id);				-- ok: inserted
MERGE INTO payments p USING (VALUES ('mg', 'mg')) AS v (id, order_id) ON p.id = v.id
	WHEN MATCHED THEN UPDATE SET status = 'captured';									-- fail
:code
MERGE INTO payments p USING (VALUES ('mg', 'mg')) AS v (id, order_id) ON p.id = v.id
	WHEN MATCHED THEN UPDATE SET status = 'authorized'
	WHEN NOT MATCHED THEN INSERT (id, order_id) VALUES (v.id, v.order_id);				-- ok: moved
MERGE INTO payments p USING (VALUES ('mg')) AS v (id) ON p.id = v.id WHEN MATCHED THEN DELETE;	-- fail
:code
MERGE INTO payments p USING (VALUES ('mg')) AS v (id) ON p.id = v.id WHEN MATCHED THEN DO NOTHING;	-- ok
MERGE INTO orders o USING (VALUES ('mg')) AS v (id) ON o.id = v.id WHEN MATCHED THEN UPDATE SET status = 'paid';	-- fail
:code
SELECT * FROM books WHERE id = 'mg';
SELECT * FROM trail WHERE order_id = 'mg';
TABLE drift;

--
-- COPY
--

-- psql tells the code of a failed COPY in no variable
\set VERBOSITY sqlstate
COPY orders (id, amount, status) FROM stdin;	-- fail
cp1	1000	created
cp2	1000	paid
\.
COPY orders (id, amount) FROM stdin;	-- fail
cp1	1000
cp2	99
\.
COPY orders (id, amount, amount_paid) FROM stdin;	-- fail
cp1	1000	1000
\.
\set VERBOSITY default
SELECT count(*) FROM orders WHERE id LIKE 'cp%';
COPY orders (id, amount, created_at) FROM stdin;	-- ok
cp1	1000	2020-02-02 00:00:00+00
cp2	1000	2020-02-02 00:00:00+00
\.
COPY payments (id, order_id, amount) FROM stdin;	-- ok
cp1	cp1	1000
cp2	cp2	\N
cp3	\N	1000
\.
\set VERBOSITY sqlstate
COPY payments (id, order_id, amount) FROM stdin;	-- fail
cp4	cp1	1000
cp5	nowhere	1000
\.
\set VERBOSITY default
SELECT * FROM books WHERE id LIKE 'cp%';
SELECT * FROM slips WHERE id LIKE 'cp%';
COPY (SELECT id, status FROM payments WHERE id LIKE 'cp%' ORDER BY id) TO stdout;
TABLE drift;

--
-- Cursors, prepared statements, views, stale joins
--

BEGIN;
DECLARE c CURSOR FOR SELECT * FROM payments WHERE id = 'cp1' FOR UPDATE;
FETCH 1 FROM c \gset f_
UPDATE payments SET status = 'authorized' WHERE CURRENT OF c;	-- ok
COMMIT;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM payments WHERE id = 'cp1' FOR UPDATE;
FETCH 1 FROM c \gset f_
UPDATE payments SET status = 'failed' WHERE CURRENT OF c;		-- fail
:code
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM orders WHERE id = 'cp1' FOR UPDATE;
FETCH 1 FROM c \gset f_
UPDATE payments SET status = 'captured' WHERE id = 'cp1';		-- ok: our own lock does not stop us
UPDATE orders SET receipt = 'stale' WHERE CURRENT OF c;			-- ok: the newest row, or none
COMMIT;
SELECT * FROM books WHERE id = 'cp1';
PREPARE move AS UPDATE payments SET status = $2::paystate.payment_status WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE move ('cp2', 'captured');		-- fail
:code
EXECUTE move ('cp2', 'failed');			-- ok
EXECUTE move ('cp2', 'authorized');		-- ok: late
EXECUTE move ('cp2', 'captured');		-- ok
EXECUTE move ('cp2', 'captured');		-- ok: no-op
DEALLOCATE move;
RESET plan_cache_mode;
CREATE VIEW open_payments AS SELECT * FROM payments WHERE status = 'authorized' WITH CHECK OPTION;
INSERT INTO orders (id, amount) VALUES ('vw', 1000);
INSERT INTO payments (id, order_id) VALUES ('vw', 'vw');
UPDATE payments SET status = 'authorized' WHERE id = 'vw';
SELECT code FROM refusal($$UPDATE open_payments SET status = 'captured' WHERE id = 'vw'$$);	-- fail: by the view's check option
CREATE OR REPLACE VIEW open_payments AS SELECT * FROM payments WHERE status = 'authorized';
UPDATE open_payments SET status = 'failed' WHERE id = 'vw';		-- fail
:code
UPDATE open_payments SET amount = 1 WHERE id = 'vw';			-- fail
:code
UPDATE open_payments SET status = 'captured' WHERE id = 'vw';	-- ok
DELETE FROM open_payments;										-- fail
:code
UPDATE payments SET status = 'authorized'
FROM (SELECT id FROM payments WHERE status = 'captured') AS stale WHERE payments.id = stale.id AND stale.id = 'vw';	-- fail
:code
UPDATE payments SET status = 'refunded' WHERE id = 'vw' RETURNING id, status, amount_captured, amount_refunded;		-- ok
SELECT * FROM books WHERE id IN ('cp2', 'vw');
TABLE drift;

--
-- Tricks
--

BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO payments (id, order_id) VALUES ('tr', 'vw');		-- fail: now, not at commit
:code
ROLLBACK;
-- settings that mean nothing
SET paystate.internal = 'on';
SET paystate.guard = 'off';
SET paystate.bypass = 'true';
UPDATE orders SET amount_paid = 0 WHERE id = 'vw';				-- fail
:code
SELECT set_config('paystate.internal', 'vw', true), set_config('paystate.version', '99', true);
UPDATE orders SET status = 'paid', version = version + 1 WHERE id = 'two';	-- fail
:code
RESET paystate.internal;
-- depth
CREATE TABLE deep (id text);
CREATE FUNCTION dive() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE orders SET amount_paid = 0, amount_due = amount WHERE id = NEW.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER dive AFTER INSERT ON deep FOR EACH ROW EXECUTE FUNCTION dive();
INSERT INTO deep VALUES ('vw');									-- fail
:code
DROP TABLE deep;
-- the history row first, as paystate does it
BEGIN;
INSERT INTO order_history (order_id, seq, at, order_from, order_to, amount, amount_paid, attempts, actor)
	SELECT id, version + 1, now(), status, status, 0, 0, attempts, 'me' FROM orders WHERE id = 'vw';	-- fail
:code
ROLLBACK;
-- who does not own the tables cannot switch the guards off
CREATE ROLE regress_paystate_clerk;
GRANT USAGE ON SCHEMA transactions TO regress_paystate_clerk;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES ON ALL TABLES IN SCHEMA transactions TO regress_paystate_clerk;
SET ROLE regress_paystate_clerk;
ALTER TABLE payments DISABLE TRIGGER ALL;						-- fail
:code
ALTER TABLE payments DISABLE TRIGGER "A_paystate_guard";			-- fail
:code
DROP TRIGGER "A_paystate_guard" ON payments;						-- fail
:code
ALTER TRIGGER "A_paystate_guard" ON payments RENAME TO x;			-- fail
:code
SET session_replication_role = replica;							-- fail
:code
TRUNCATE refunds;												-- fail: guarded
:code
DELETE FROM order_history;										-- fail: guarded
:code
-- TRIGGER he has: but our guard twice is refused, and his own judges nothing
CREATE TRIGGER twice AFTER UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
UPDATE payments SET status = 'authorized' WHERE id = 'cte3';	-- fail
:code
RESET ROLE;
DROP TRIGGER twice ON payments;
UPDATE payments SET status = 'authorized' WHERE id = 'cte3';	-- ok
REVOKE ALL ON ALL TABLES IN SCHEMA transactions FROM regress_paystate_clerk;
REVOKE ALL ON SCHEMA transactions FROM regress_paystate_clerk;
DROP ROLE regress_paystate_clerk;
TABLE drift;

--
-- Who, why and by which event
--

INSERT INTO orders (id, amount) VALUES ('who', 1000);
SET paystate.actor = 'webhook';
SET paystate.reason = 'payment.authorized';
SET paystate.event_id = 'evt_1';
INSERT INTO payments (id, order_id) VALUES ('who', 'who');
UPDATE payments SET status = 'authorized' WHERE id = 'who';
BEGIN;
SET LOCAL paystate.actor = 'Ö %s "clerk"';
SET LOCAL paystate.reason = '';
SET LOCAL paystate.event_id = 'evt_2';
UPDATE payments SET status = 'captured' WHERE id = 'who';
COMMIT;
RESET paystate.reason;
RESET paystate.event_id;
INSERT INTO refunds (id, payment_id, amount) VALUES ('who', 'who', 1);
RESET paystate.actor;
CREATE ROLE regress_paystate_clerk;
SET ROLE regress_paystate_clerk;	-- the session's user, not the role he plays
RESET ROLE;
INSERT INTO refunds (id, payment_id, amount) VALUES ('who2', 'who', 1);
DROP ROLE regress_paystate_clerk;
SELECT seq, payment_to, refund_id, CASE WHEN actor = session_user THEN 'session_user' ELSE actor END AS actor,
	   reason, event_id, forced
FROM order_history WHERE order_id = 'who' ORDER BY seq;
-- times: one clock an order, and what stood before
SELECT count(*) FILTER (WHERE at < before) AS fell,
	   bool_and(order_since IS NOT NULL OR seq = 1) AS order_since,
	   bool_and((payment_since IS NOT NULL) = (payment_from IS NOT NULL)) AS payment_since,
	   max(at) = (SELECT changed_at FROM orders WHERE id = 'who') AS changed_at,
	   max(at) FILTER (WHERE order_from IS DISTINCT FROM order_to) = (SELECT status_since FROM orders WHERE id = 'who') AS status_since
FROM (SELECT *, lag(at) OVER (ORDER BY seq) AS before FROM order_history WHERE order_id = 'who') AS h;
SELECT h.seq, h.order_since = (SELECT max(b.at) FROM order_history b
							   WHERE b.order_id = h.order_id AND b.seq < h.seq
								   AND b.order_from IS DISTINCT FROM b.order_to) AS since
FROM order_history h WHERE order_id = 'who' AND seq > 1 ORDER BY seq;
TABLE drift;

--
-- Many savepoints
--

-- 1,000 savepoints, each with a payment, every third of them rolled back
INSERT INTO orders (id, amount, partial_payment) VALUES ('thousand', 1000, true);
DO $$
BEGIN
	FOR i IN 1..1000 LOOP
		BEGIN
			INSERT INTO payments (id, order_id, amount) VALUES ('k' || i, 'thousand', 1);
			UPDATE payments SET status = 'authorized' WHERE id = 'k' || i;
			UPDATE payments SET status = 'captured' WHERE id = 'k' || i;
			IF i % 3 = 0 THEN
				RAISE EXCEPTION USING ERRCODE = 'XX999';
			END IF;
		EXCEPTION WHEN SQLSTATE 'XX999' THEN NULL;
		END;
	END LOOP;
END
$$;
SELECT * FROM books WHERE id = 'thousand';
TABLE drift;

DROP SCHEMA transactions CASCADE;
