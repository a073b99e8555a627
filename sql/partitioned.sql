-- Partitioned tables: all four by hash of the order key, with the columns, the
-- foreign keys and the guards of create_tables.  The same lives, the same
-- refusals, and no way round through a leaf.
\getenv srcdir PG_ABS_SRCDIR
\set ledger :srcdir '/sql/include/ledger.psql'
\set code '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE SCHEMA model;
SELECT paystate.create_tables('model');
CREATE SCHEMA partitioned;
SET search_path = partitioned;

CREATE TABLE orders (LIKE model.orders INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id))
	PARTITION BY HASH (id);
CREATE TABLE payments (LIKE model.payments INCLUDING DEFAULTS, PRIMARY KEY (order_id, id),
	FOREIGN KEY (order_id) REFERENCES orders (id)) PARTITION BY HASH (order_id);
CREATE TABLE refunds (LIKE model.refunds INCLUDING DEFAULTS, order_id text COLLATE "C" NOT NULL,
	PRIMARY KEY (order_id, id),
	FOREIGN KEY (order_id, payment_id) REFERENCES payments (order_id, id)) PARTITION BY HASH (order_id);
CREATE TABLE order_history (LIKE model.order_history INCLUDING DEFAULTS, PRIMARY KEY (order_id, seq),
	FOREIGN KEY (order_id) REFERENCES orders (id)) PARTITION BY HASH (order_id);
SELECT format('CREATE TABLE %s_%s PARTITION OF %1$s FOR VALUES WITH (MODULUS 3, REMAINDER %2$s)', t, n)
FROM unnest('{orders,payments,refunds,order_history}'::text[]) t, generate_series(0, 2) n
WHERE (t, n) NOT IN (('orders', 1), ('payments', 2)) \gexec
-- leaves whose columns stand elsewhere than the root's
CREATE TABLE orders_1 (junk int, LIKE model.orders INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id));
ALTER TABLE orders_1 DROP junk;
ALTER TABLE orders ATTACH PARTITION orders_1 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE payments_2 (junk int, LIKE model.payments INCLUDING DEFAULTS);
ALTER TABLE payments_2 DROP junk, ALTER order_id SET NOT NULL;
ALTER TABLE payments ATTACH PARTITION payments_2 FOR VALUES WITH (MODULUS 3, REMAINDER 2);

SELECT format('CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW '
			  'EXECUTE FUNCTION paystate.guard_%s(''lifecycle=razorpay'')', t, replace(t, 'order_', ''))
FROM unnest('{orders,payments,refunds,order_history}'::text[]) t
UNION ALL
SELECT format('CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW '
			  'EXECUTE FUNCTION paystate.guard_%1$s(''lifecycle=razorpay'')', t)
FROM unnest('{orders,payments,refunds}'::text[]) t
UNION ALL	-- TRUNCATE of the root does not fire what stands on a leaf, nor the reverse
SELECT format('CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT '
			  'EXECUTE FUNCTION paystate.guard_%s(''lifecycle=razorpay'')', t || leaf, replace(t, 'order_', ''))
FROM unnest('{orders,payments,refunds,order_history}'::text[]) t, unnest('{"",_0,_1,_2}'::text[]) leaf
\gexec
\set ECHO none
\i :ledger
\set ECHO all
SELECT tgrelid::regclass, tgname FROM pg_trigger
WHERE tgrelid = 'orders_1'::regclass AND NOT tgisinternal ORDER BY 2;

-- Lives as the gateways tell them, thirty times, so that every leaf has some.
CREATE PROCEDURE live(tag text) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO orders (id, amount, partial_payment) VALUES (tag || '_r', 1000, true);
	INSERT INTO payments (id, order_id, amount) VALUES ('r1', tag || '_r', 400);
	UPDATE payments SET status = 'failed' WHERE id = 'r1' AND order_id = tag || '_r';
	INSERT INTO payments (id, order_id, amount) VALUES ('r2', tag || '_r', 400);
	UPDATE payments SET status = 'authorized' WHERE id = 'r2' AND order_id = tag || '_r';
	UPDATE payments SET status = 'captured' WHERE id = 'r2' AND order_id = tag || '_r';
	INSERT INTO payments (id, order_id) VALUES ('r3', tag || '_r');
	UPDATE payments SET status = 'authorized' WHERE id = 'r3' AND order_id = tag || '_r';
	UPDATE payments SET status = 'captured' WHERE id = 'r3' AND order_id = tag || '_r';
	INSERT INTO refunds (id, order_id, payment_id, amount) VALUES ('f1', tag || '_r', 'r2', 150);
	INSERT INTO refunds (id, order_id, payment_id, amount, status) VALUES ('f2', tag || '_r', 'r3', 250, 'pending');
	UPDATE refunds SET status = 'processed' WHERE order_id = tag || '_r' AND id = 'f2';
	UPDATE payments SET status = 'refunded' WHERE id = 'r3' AND order_id = tag || '_r';

	INSERT INTO orders (id, amount, lifecycle) VALUES (tag || '_a', 1000, 'plural_preauth');
	INSERT INTO payments (id, order_id, amount) VALUES ('a1', tag || '_a', 700), ('a2', tag || '_a', 300);
	UPDATE payments SET status = 'authorized' WHERE order_id = tag || '_a';
	UPDATE payments SET status = 'processed', amount_captured = 500 WHERE id = 'a1' AND order_id = tag || '_a';

	INSERT INTO orders (id, amount, lifecycle) VALUES (tag || '_c', 1000, 'plural');
	INSERT INTO payments (id, order_id) VALUES ('c1', tag || '_c');
	UPDATE orders SET status = 'cancelled' WHERE id = tag || '_c';
END
$$;
DO $$
BEGIN
	FOR i IN 1..30 LOOP
		CALL partitioned.live('t' || i);
	END LOOP;
END
$$;
SELECT tableoid::regclass::text COLLATE "C" AS leaf, count(*) > 0 AS some FROM orders GROUP BY 1
UNION ALL SELECT tableoid::regclass::text, count(*) > 0 FROM payments GROUP BY 1
UNION ALL SELECT tableoid::regclass::text, count(*) > 0 FROM refunds GROUP BY 1
UNION ALL SELECT tableoid::regclass::text, count(*) > 0 FROM order_history GROUP BY 1
ORDER BY 1;
SELECT split_part(id, '_', 2) AS kind, status, amount, paid, due, held, pending, refunded, tries, open, version, count(*)
FROM books GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 ORDER BY 1;
SELECT id, status, amount, captured, refunded, reserved, count(*)
FROM slips GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1;
SELECT split_part(order_id, '_', 2) AS kind, seq, payment, payment_from, payment_to, refund, refund_to,
	   order_from, order_to, amount, paid, tries, count(*)
FROM trail GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 ORDER BY 1, 2;

-- drift joins payments by their id alone: here ids are an order's own
CREATE VIEW wrong AS
	SELECT o.id FROM orders o
	LEFT JOIN LATERAL (
		SELECT coalesce(sum(amount_captured), 0) AS paid,
			   coalesce(sum(amount) FILTER (WHERE status = 'authorized'), 0) AS held,
			   coalesce(sum(amount) FILTER (WHERE status IN ('created', 'pending')), 0) AS pending,
			   coalesce(sum(amount_refunded) FILTER (WHERE amount_captured > 0), 0) AS refunded,
			   count(*) FILTER (WHERE status IN ('created', 'pending', 'authorized')) AS open
		FROM payments p WHERE p.order_id = o.id) AS p ON true
	LEFT JOIN LATERAL (
		SELECT count(*) AS n, max(seq) AS last, max(at) AS at FROM order_history h WHERE h.order_id = o.id) AS h ON true
	LEFT JOIN LATERAL (
		SELECT order_to, amount_paid, attempts FROM order_history l WHERE l.order_id = o.id
		ORDER BY seq DESC LIMIT 1) AS l ON true
	WHERE (o.amount_paid, o.amount_due, o.amount_authorized, o.amount_pending, o.amount_refunded, o.payments_open,
		   o.version, o.version, o.changed_at, o.status, o.amount_paid, o.attempts)
		  IS DISTINCT FROM
		  (p.paid, o.amount - p.paid, p.held, p.pending, p.refunded, p.open, h.n, h.last, h.at, l.order_to, l.amount_paid, l.attempts)
	UNION ALL
	SELECT p.order_id || '/' || p.id FROM payments p
	WHERE ROW(p.amount_refunded, p.refund_pending) IS DISTINCT FROM
		  (SELECT ROW(coalesce(sum(amount) FILTER (WHERE status = 'processed'), 0)::bigint,
					  coalesce(sum(amount) FILTER (WHERE status = 'pending'), 0)::bigint)
		   FROM refunds r WHERE (r.order_id, r.payment_id) = (p.order_id, p.id));
TABLE wrong;

--
-- Refusals, by the root
--

INSERT INTO payments (id, order_id) VALUES ('r4', 't1_r');						-- fail
:code
UPDATE payments SET status = 'failed' WHERE order_id = 't1_r' AND id = 'r2';	-- fail
:code
INSERT INTO refunds (order_id, payment_id, amount) VALUES ('t1_r', 'r2', 251);	-- fail
:code
INSERT INTO payments (id, order_id) VALUES ('x', 'no such order');				-- fail
:code
INSERT INTO payments (id, order_id, currency) VALUES ('x', 't1_r', 'USD');		-- fail
:code
INSERT INTO orders (id, amount, status) VALUES ('x', 100, 'paid');				-- fail
:code
UPDATE orders SET amount_paid = 0 WHERE id = 't1_r';							-- fail
:code
UPDATE orders SET status = 'cancelled' WHERE id = 't1_a';						-- fail
:code
UPDATE orders SET id = 'elsewhere' WHERE id = 't1_r';							-- fail
:code
UPDATE payments SET order_id = 't2_c' WHERE order_id = 't1_r';					-- fail
:code
DELETE FROM orders WHERE id = 't1_r';											-- fail
:code
TRUNCATE orders CASCADE;														-- fail
:code
TRUNCATE order_history;															-- fail
:code
INSERT INTO order_history SELECT (h).* FROM (SELECT h FROM order_history h LIMIT 1) AS x;	-- fail
:code
UPDATE order_history SET amount = 0;											-- fail
:code

--
-- By a leaf
--

SELECT tableoid::regclass::text AS orders_leaf FROM orders WHERE id = 't1_r' \gset
SELECT tableoid::regclass::text AS payments_leaf FROM payments WHERE order_id = 't1_r' LIMIT 1 \gset
SELECT tableoid::regclass::text AS refunds_leaf FROM refunds WHERE order_id = 't1_r' LIMIT 1 \gset
SELECT tableoid::regclass::text AS history_leaf FROM order_history WHERE order_id = 't1_r' LIMIT 1 \gset
SELECT :'orders_leaf' AS orders, :'payments_leaf' AS payments, :'refunds_leaf' AS refunds, :'history_leaf' AS history;
UPDATE :orders_leaf SET amount_paid = 0 WHERE id = 't1_r';						-- fail
:code
UPDATE :orders_leaf SET notes = '{"by": "leaf"}' WHERE id = 't1_r';				-- ok
UPDATE :payments_leaf SET status = 'failed' WHERE order_id = 't1_r' AND id = 'r2';	-- fail
:code
INSERT INTO :refunds_leaf (order_id, payment_id, amount) VALUES ('t1_r', 'r2', 251);	-- fail
:code
INSERT INTO :refunds_leaf (id, order_id, payment_id, amount) VALUES ('leaf', 't1_r', 'r2', 250);	-- ok
INSERT INTO :payments_leaf (id, order_id) VALUES ('r4', 't1_r');				-- fail
:code
DELETE FROM :orders_leaf WHERE id = 't1_r';										-- fail
:code
DELETE FROM :history_leaf WHERE order_id = 't1_r';								-- fail
:code
UPDATE :history_leaf SET amount = 0 WHERE order_id = 't1_r';					-- fail
:code
TRUNCATE :orders_leaf CASCADE;													-- fail
:code
TRUNCATE :payments_leaf CASCADE;												-- fail
:code
TRUNCATE :refunds_leaf;															-- fail
:code
TRUNCATE :history_leaf;															-- fail
:code
SELECT id, status, amount_paid, amount_refunded, version, notes FROM orders WHERE id = 't1_r';
SELECT id, status, amount, captured, refunded, reserved FROM slips WHERE order_id = 't1_r';
SELECT seq, payment, refund, payment_from, payment_to, order_from, order_to, amount FROM trail WHERE order_id = 't1_r' AND seq > 12;
TABLE wrong;
-- an order of every leaf, inserted and moved there
DO $$
DECLARE
	leaf regclass;
	key text;
BEGIN
	FOR leaf IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'partitioned.orders'::regclass LOOP
		FOR i IN 1..100 LOOP
			BEGIN
				key := 'leaf_' || i;
				EXECUTE format('INSERT INTO %s (id, amount, lifecycle) VALUES (%L, 600, %L)', leaf, key, 'plural');
				EXIT;
			EXCEPTION WHEN feature_not_supported THEN NULL;	-- a key of another leaf
			END;
		END LOOP;
		INSERT INTO partitioned.payments (id, order_id, amount) VALUES ('l1', key, 200), ('l2', key, 400);
		UPDATE partitioned.payments SET status = 'processed' WHERE order_id = key AND id = 'l1';
		EXECUTE format('UPDATE %s SET offer_id = %L WHERE id = %L', leaf, 'leaf', key);
		UPDATE partitioned.payments SET status = 'processed' WHERE order_id = key AND id = 'l2';
		INSERT INTO partitioned.refunds (order_id, payment_id, amount) VALUES (key, 'l1', 200), (key, 'l2', 400);
	END LOOP;
END
$$;
SELECT count(DISTINCT tableoid), status, amount_paid, amount_refunded, attempts, version FROM orders
WHERE offer_id = 'leaf' GROUP BY 2, 3, 4, 5, 6;
-- cancelled by the leaf: the payments of the order go along
INSERT INTO orders (id, amount, lifecycle) VALUES ('t1_l', 1000, 'plural_preauth');
INSERT INTO payments (id, order_id, amount) VALUES ('m1', 't1_l', 500), ('m2', 't1_l', 500);
SELECT tableoid::regclass::text AS orders_leaf FROM orders WHERE id = 't1_l' \gset
UPDATE :orders_leaf SET status = 'cancelled' WHERE id = 't1_l';					-- ok
SELECT * FROM books WHERE id = 't1_l';
SELECT * FROM slips WHERE order_id = 't1_l';
SELECT * FROM trail WHERE order_id = 't1_l';
TABLE wrong;

--
-- Triggers of users, of the root and of a leaf
--

CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.notes := NEW.notes || jsonb_build_object(TG_NAME, coalesce((NEW.notes->>TG_NAME)::int, 0) + 1);
	RETURN NEW;
END
$$;
CREATE TRIGGER root BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER leaf BEFORE UPDATE ON orders_0 FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER leaf BEFORE UPDATE ON orders_1 FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER leaf BEFORE UPDATE ON orders_2 FOR EACH ROW EXECUTE FUNCTION note();
CALL live('user');
SELECT id, notes FROM orders WHERE id LIKE 'user%' ORDER BY id;
TABLE wrong;
DROP TRIGGER root ON orders;

--
-- A leaf comes, a leaf goes
--

SELECT tableoid::regclass::text AS payments_leaf FROM payments WHERE order_id = 't1_r' LIMIT 1 \gset
-- detached, a leaf is a table of its own, its guards are gone, and no row gets in by the root
BEGIN;
ALTER TABLE refunds DETACH PARTITION :refunds_leaf;
SELECT count(*) FROM pg_trigger WHERE tgrelid = :'refunds_leaf'::regclass AND tgname IN ('_paystate_before', 'A_paystate_guard');
SELECT code FROM refusal($$INSERT INTO refunds (id, order_id, payment_id, amount) VALUES ('late', 't1_r', 'r2', 1)$$);	-- fail
ROLLBACK;
INSERT INTO refunds (id, order_id, payment_id, amount) VALUES ('late', 't1_r', 'r2', 1);	-- fail: refunded
:code
-- a guard disabled on one leaf leaves that leaf unbound, and the others at work
ALTER TABLE :payments_leaf DISABLE TRIGGER "A_paystate_guard";
UPDATE payments SET status = 'failed' WHERE order_id = 't1_r' AND id = 'r2';	-- fail
:code
ALTER TABLE :payments_leaf ENABLE TRIGGER "A_paystate_guard";
UPDATE payments SET status = 'failed' WHERE order_id = 't1_r' AND id = 'r2';	-- fail
:code
UPDATE payments SET status = 'refunded' WHERE order_id = 't2_r' AND id = 'r2';	-- ok
SELECT * FROM books WHERE id = 't2_r';
TABLE wrong;

DROP SCHEMA partitioned CASCADE;
DROP SCHEMA model CASCADE;
