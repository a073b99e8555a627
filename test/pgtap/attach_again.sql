-- What attach() makes of the tables, and what comes after: the same call and
-- others, detach(), renames, several shops, the view of all of them.  Each
-- statement is a transaction, as where a shop is attached and then goes on.
SET client_min_messages = error;
SELECT * FROM no_plan();
-- every role here keeps count of the tests
DO $$
BEGIN
	EXECUTE format('GRANT ALL ON ALL TABLES IN SCHEMA %1$s TO PUBLIC; GRANT ALL ON ALL SEQUENCES IN SCHEMA %1$s TO PUBLIC; GRANT ALL ON SCHEMA %1$s TO PUBLIC', pg_my_temp_schema()::regnamespace);
END
$$;
CREATE ROLE attach_owner;
CREATE ROLE attach_reader;
CREATE SCHEMA s AUTHORIZATION attach_owner;
GRANT USAGE ON SCHEMA s TO attach_reader;
SET ROLE attach_owner;
SET search_path = s, public;

CREATE FUNCTION triggers() RETURNS text[]
	LANGUAGE sql AS $$SELECT array_agg(concat_ws(' ', tgrelid::regclass, tgname) ORDER BY tgrelid::regclass::text, tgname) FROM pg_trigger
	WHERE tgname LIKE '%\_paystate\_%' AND tgparentid = 0 AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = quote_ident(current_schema)::regnamespace)$$;

-- ---- columns added and filled, histories opened
CREATE TABLE orders (id text PRIMARY KEY, amount bigint NOT NULL, status text NOT NULL, partial_payment boolean NOT NULL DEFAULT false, note text);
CREATE TABLE payments (id text PRIMARY KEY, order_id text REFERENCES orders, amount bigint NOT NULL, status text NOT NULL);
CREATE INDEX ON payments (order_id);
CREATE TABLE refunds (id text PRIMARY KEY DEFAULT paystate.new_id('refund'), payment_id text NOT NULL REFERENCES payments, amount bigint NOT NULL, status text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO orders VALUES ('new', 1000, 'created'), ('tried', 1000, 'attempted'), ('held', 1000, 'attempted'), ('paid', 1000, 'paid'), ('late', 1000, 'paid'), ('back', 1000, 'paid');
INSERT INTO orders VALUES ('parts', 1000, 'attempted', true);
INSERT INTO payments VALUES ('new.1', 'new', 1000, 'created'), ('tried.1', 'tried', 1000, 'failed'), ('tried.2', 'tried', 1000, 'failed'),
	('held.1', 'held', 1000, 'authorized'), ('held.2', 'held', 1000, 'failed'), ('paid.1', 'paid', 1000, 'captured'),
	('late.1', 'late', 1000, 'captured'), ('late.2', 'late', 1000, 'refunded'), ('back.1', 'back', 1000, 'refunded'),
	('parts.1', 'parts', 300, 'captured'), ('parts.2', 'parts', 700, 'authorized'), ('alone', NULL, 500, 'refunded');
INSERT INTO refunds VALUES ('r1', 'paid.1', 100, 'processed'), ('r2', 'paid.1', 50, 'pending'), ('r3', 'paid.1', 70, 'failed'),
	('r4', 'late.2', 1000, 'processed'), ('r5', 'back.1', 600, 'processed'), ('r6', 'back.1', 400, 'processed'), ('r7', 'alone', 500, 'processed');
SET paystate.actor = 'the DBA';
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds', lifecycle => 'razorpay', add_columns => true)$$, 'attached');
RESET paystate.actor;
SELECT results_eq($$SELECT id, amount_paid, amount_due, amount_authorized, amount_pending, attempts, payments_open, version FROM orders ORDER BY id$$,
	$$VALUES ('back', 1000::bigint, 0::bigint, 0::bigint, 0::bigint, 1, 0, 1), ('held', 0, 1000, 1000, 0, 2, 1, 1), ('late', 1000, 0, 0, 0, 2, 0, 1), ('new', 0, 1000, 0, 1000, 0, 1, 1),
		('paid', 1000, 0, 0, 0, 1, 0, 1), ('parts', 300, 700, 700, 0, 2, 1, 1), ('tried', 0, 1000, 0, 0, 2, 0, 1)$$, 'orders are filled in by their payments');
SELECT results_eq($$SELECT id, amount_captured, amount_refunded, refund_pending FROM payments WHERE amount_captured + amount_refunded > 0 ORDER BY id$$,
	$$VALUES ('alone', 0::bigint, 500::bigint, 0::bigint), ('back.1', 1000, 1000, 0), ('late.1', 1000, 0, 0), ('late.2', 0, 1000, 0), ('paid.1', 1000, 100, 50), ('parts.1', 300, 0, 0)$$,
	'payments by their status and refunds; what the order has no room for came late');
SELECT results_eq($$SELECT order_id, seq, order_from, order_to, h.amount, h.amount_paid, h.attempts, actor, reason, at = changed_at FROM orders_history AS h JOIN orders ON id = order_id ORDER BY order_id$$,
	$$SELECT id, 1, NULL::text, status, amount, amount_paid, attempts, 'the DBA', 'attached', true FROM orders ORDER BY id$$, 'each history begins with the order as found');
SELECT cmp_ok((SELECT at FROM orders_history WHERE order_id = 'paid'), '>', (SELECT created_at FROM refunds WHERE id = 'r2'), 'after the refunds that wait');
SELECT is(triggers(), ARRAY['orders A_paystate_guard', 'orders _paystate_before', 'orders _paystate_truncate', 'orders_history _paystate_before', 'orders_history _paystate_truncate',
	'payments A_paystate_guard', 'payments _paystate_before', 'payments _paystate_truncate', 'refunds A_paystate_guard', 'refunds _paystate_before', 'refunds _paystate_truncate'], 'all guards');
SELECT is((SELECT count(*) FROM pg_trigger t WHERE tgname LIKE '%\_paystate\_%' AND tgrelid IN ('orders'::regclass, 'payments'::regclass, 'refunds'::regclass, 'orders_history'::regclass)
	AND obj_description(oid, 'pg_trigger') LIKE 'paystate: %'), 11::bigint, 'which say what they are');
SELECT is(obj_description('orders_history'::regclass), 'one row a change of an order, written by paystate and never altered', 'and so does the history');
SELECT is(col_description('orders'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'amount_due')), 'amount less amount_paid; kept by paystate',
	'and columns that were added');
SELECT is(col_description('orders'::regclass, 1), NULL, 'not those of the shop');
SELECT lives_ok($$INSERT INTO orders (id, amount) VALUES ('o8', 1000); INSERT INTO payments (id, order_id) VALUES ('o8.1', 'o8'); UPDATE payments SET status = 'authorized' WHERE id = 'o8.1';
	UPDATE payments SET status = 'captured' WHERE id IN ('o8.1', 'held.1', 'parts.2'); UPDATE refunds SET status = 'processed' WHERE id = 'r2'; UPDATE payments SET status = 'refunded' WHERE id = 'o8.1'$$,
	'an INSERT names none of the columns that were added');
SELECT is_empty($$SELECT * FROM paystate.verify('orders')$$, 'and everything agrees');

SELECT is_empty('SELECT * FROM paystate.check_guards()', 'nothing gets round the guards');

-- ---- the same again
CREATE TEMP TABLE before AS SELECT oid, xmin::text AS x FROM pg_trigger;
CREATE TEMP TABLE rows_before AS SELECT ctid::text AS c, xmin::text AS x, id FROM orders UNION ALL SELECT ctid::text, xmin::text, concat(order_id, seq) FROM orders_history;
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds')$$, 'the same, without a life cycle');
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds', 'orders_history', '{}', '{}', 'razorpay', true)$$, 'the same, with everything');
SELECT set_eq($$SELECT ctid::text AS c, xmin::text AS x, id FROM orders UNION ALL SELECT ctid::text, xmin::text, concat(order_id, seq) FROM orders_history$$, 'TABLE rows_before', 'and no row');
SELECT set_eq($$SELECT oid, xmin::text AS x FROM pg_trigger$$, 'TABLE before', 'and no trigger');

-- ---- guards that are not as they were
DROP TRIGGER "A_paystate_guard" ON payments;
SELECT throws_ok($$UPDATE payments SET status = 'captured' WHERE id = 'new.1'$$, '23PS8', NULL, 'a guard is missing');
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds')$$, 'attached again');
SELECT is(cardinality(triggers()), 11, 'it is there again');
ALTER TABLE refunds DISABLE TRIGGER _paystate_before;
SELECT is((SELECT enabled FROM paystate.attached_tables WHERE orders = 'orders'::regclass), false, 'the view tells of a guard that is disabled');
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds')$$, 'attached again');
SELECT is((SELECT enabled FROM paystate.attached_tables WHERE orders = 'orders'::regclass), true, 'and is enabled');
CREATE TRIGGER other AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds')$$, 'a second guard');
SELECT is(cardinality(triggers()), 11, 'is dropped');
SELECT is((SELECT count(*) FROM orders_history WHERE reason = 'attached'), 7::bigint, 'no history began anew');

-- ---- renames
ALTER TABLE orders RENAME status TO state;
SELECT throws_ok($$INSERT INTO orders (id, amount) VALUES ('o9', 1000)$$, '23PS8', 'table "orders" is not bound to a life cycle', 'a column was renamed');
SELECT throws_ok($$SELECT paystate.attach('orders', 'payments', 'refunds')$$, '23PS8', 'table "orders" is not bound to a life cycle', 'attach must be told');
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds', columns => '{"orders.status": "state"}')$$, 'and is');
SELECT lives_ok($$INSERT INTO orders (id, amount) VALUES ('o9', 1000)$$, 'then it is taken');
ALTER TABLE orders RENAME state TO state2;
SELECT throws_ok($$UPDATE payments SET status = 'failed' WHERE id = 'new.1'$$, '23PS8', 'table "orders" is not bound to a life cycle', 'a mapped column was renamed');
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds', columns => '{"orders.status": "state2"}')$$, 'attached again');
SELECT is((SELECT columns FROM paystate.attached_tables), '{"orders.status": "state2"}', 'the view tells the map');
ALTER TABLE orders RENAME state2 TO status;
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds')$$, 'back to our names');
ALTER TABLE orders RENAME TO "the orders";
RESET ROLE;
ALTER SCHEMA s RENAME TO "The Shop";
SET ROLE attach_owner;
SET search_path = "The Shop", public;
SELECT lives_ok($$UPDATE payments SET status = 'authorized' WHERE id = 'tried.1'$$, 'tables and schemas are renamed');
SELECT is_empty($$SELECT * FROM paystate.attach('"the orders"', 'payments', 'refunds')$$, 'attached again, with the history of the old name');
SELECT is((SELECT history FROM paystate.attached_tables), 'orders_history'::regclass, 'it is the same one');

-- ---- other tables of the same shop
CREATE TABLE payments2 (LIKE payments INCLUDING DEFAULTS INCLUDING INDEXES, FOREIGN KEY (order_id) REFERENCES "the orders");
SELECT throws_ok($$SELECT paystate.attach('"the orders"', 'payments2', 'refunds')$$, '23PS8', NULL, 'a second payments table');
SELECT throws_ok($$SELECT paystate.attach('"the orders"', 'payments')$$, '23PS8', 'table "payments" is not bound to a life cycle', 'its refunds left out');
DROP TABLE payments2;

-- ---- detach, and what is written then
SELECT lives_ok($$SELECT paystate.detach('"the orders"')$$, 'detached');
SELECT is_empty('SELECT * FROM paystate.attached_tables', 'nothing is guarded');
SELECT throws_ok($$SELECT paystate.detach('"the orders"')$$, '23PS8', 'table "the orders" is not bound to a life cycle', 'nothing is left to detach');
UPDATE payments SET status = 'failed' WHERE id = 'tried.1';
UPDATE "the orders" SET amount_authorized = 0, payments_open = 0 WHERE id = 'tried';
INSERT INTO "the orders" VALUES ('o10', 1000, 'created', false, '', 0, 1000, 0, 0, 0, 0, 77, now(), now());
SELECT is_empty($$SELECT * FROM paystate.attach('"the orders"', 'payments', 'refunds', lifecycle => 'razorpay')$$, 'attached again');
SELECT results_eq($$SELECT order_id, seq, order_from, order_to FROM orders_history WHERE reason = 'attached' AND (seq > 1 OR order_id = 'o10') ORDER BY 1$$,
	$$VALUES ('o10', 1, NULL, 'created'), ('tried', 3, 'attempted', 'attempted')$$, 'what was written meanwhile begins anew, and nothing else');
SELECT is((SELECT array_agg(version ORDER BY id) FROM "the orders" WHERE id IN ('o10', 'tried')), '{1,3}', 'versions follow');
SELECT lives_ok($$UPDATE payments SET status = 'authorized' WHERE id = 'tried.1'; UPDATE payments SET status = 'captured' WHERE id = 'tried.1'$$, 'it goes on');
SELECT is_empty($$SELECT * FROM paystate.verify('"the orders"')$$, 'and agrees');

-- data that does not agree: everything stays detached
SELECT paystate.detach('"the orders"');
UPDATE "the orders" SET amount_paid = 999, amount_due = 1 WHERE id = 'paid';
SELECT results_eq($$SELECT * FROM paystate.attach('"the orders"', 'payments', 'refunds', lifecycle => 'razorpay')$$,
	$$VALUES ('"the orders"'::regclass, 'status', 'Order "paid": It is "paid" with 999 of 1000 paid.')$$, 'a total was changed');
SELECT is(triggers(), NULL, 'no guard');
UPDATE "the orders" SET amount_paid = 1000, amount_due = 0 WHERE id = 'paid';
SELECT is_empty($$SELECT * FROM paystate.attach('"the orders"', 'payments', 'refunds', lifecycle => 'razorpay')$$, 'and changed back');

-- ---- who sees it
SET ROLE attach_reader;
SELECT is_empty('SELECT * FROM paystate.attached_tables', 'not who may not look into the orders');
SELECT throws_ok($$SELECT paystate.detach('"The Shop"."the orders"')$$, '42501', 'must be owner of table the orders', 'who may not detach them either');
SET ROLE attach_owner;
GRANT SELECT (id) ON "the orders" TO attach_reader;
SET ROLE attach_reader;
SELECT results_eq('SELECT orders, payments, refunds, history, lifecycle, columns, labels, enabled FROM paystate.attached_tables',
	$$VALUES ('"The Shop"."the orders"'::regclass, '"The Shop".payments'::regclass, '"The Shop".refunds'::regclass, '"The Shop".orders_history'::regclass, 'razorpay', '{}'::jsonb, '{}'::jsonb, true)$$,
	'who may read a column of them');
SET ROLE attach_owner;

-- ---- another shop beside it, of odd names, partitioned, policies forced, keys named like columns of ours
CREATE TABLE "%s \ '""ünïcode, and as long as a name may be at all, which is 63" (seq int, at text, amount int NOT NULL, "lifecycle=razorpay" text NOT NULL DEFAULT 'x', status text NOT NULL DEFAULT '%1$s',
	PRIMARY KEY (seq, at)) PARTITION BY HASH (seq);
CREATE TABLE part0 PARTITION OF "%s \ '""ünïcode, and as long as a name may be at all, which is 63" FOR VALUES WITH (MODULUS 2, REMAINDER 0) PARTITION BY HASH (at);
CREATE TABLE part00 PARTITION OF part0 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE part1 PARTITION OF "%s \ '""ünïcode, and as long as a name may be at all, which is 63" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE "%s" (nr int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text, s int, "%I" int, status text NOT NULL DEFAULT 'it''s ''new', FOREIGN KEY (s, a) REFERENCES "%s \ '""ünïcode, and as long as a name may be at all, which is 63");
CREATE INDEX ON "%s" (a, s);
ALTER TABLE "%s" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "%s" FORCE ROW LEVEL SECURITY;
CREATE POLICY half ON "%s" USING (s > 1);
INSERT INTO "%s \ '""ünïcode, and as long as a name may be at all, which is 63" (seq, at, amount) VALUES (1, 'x', 1000), (2, '', 1000);
ALTER TABLE "%s" NO FORCE ROW LEVEL SECURITY;
INSERT INTO "%s" (s, a, "%I", status) VALUES (1, 'x', 1000, DEFAULT);
ALTER TABLE "%s" FORCE ROW LEVEL SECURITY;
SELECT is_empty($$SELECT * FROM paystate.attach('"%s \ ''""ünïcode, and as long as a name may be at all, which is 63"', '"%s"', columns => '{"payments.amount": "%I"}',
	labels => '{"order": {"created": "%1$s"}, "payment": {"created": "it''s ''new", "failed": "\\000"}}', lifecycle => 'razorpay', add_columns => true)$$, 'odd names');
SELECT results_eq($$SELECT seq, at, amount_pending, payments_open FROM "%s \ '""ünïcode, and as long as a name may be at all, which is 63" ORDER BY 1$$,
	$$VALUES (1, 'x', 1000, 1), (2, '', 0, 0)$$, 'policies have hidden nothing');
SELECT is((SELECT relforcerowsecurity FROM pg_class WHERE oid = '"%s"'::regclass), true, 'and are forced as before');
SELECT is((SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute a JOIN paystate.attached_tables t ON t.history = attrelid AND payments = '"%s"'::regclass WHERE attnum BETWEEN 1 AND 4),
	'{order_seq,order_at,seq,at}', 'keys named like columns of a history');
SELECT is((SELECT labels FROM paystate.attached_tables WHERE payments = '"%s"'::regclass), '{"order": {"created": "%1$s"}, "payment": {"created": "it''s ''new", "failed": "\\000"}}', 'the view reads what the guards are told');
SELECT throws_ok($$TRUNCATE part00 CASCADE$$, '23PS7', NULL, 'a leaf');
SELECT throws_ok($$TRUNCATE part1 CASCADE$$, '23PS7', NULL, 'another');
ALTER TABLE "%s" NO FORCE ROW LEVEL SECURITY;
SELECT lives_ok($$UPDATE "%s" SET status = '\000' WHERE nr = 1$$, 'a label that looks like the end of another');
ALTER TABLE "%s" FORCE ROW LEVEL SECURITY;
SELECT is((SELECT status FROM "%s \ '""ünïcode, and as long as a name may be at all, which is 63" WHERE seq = 1), 'attempted', 'moves the order');
SELECT is((SELECT count(*) FROM paystate.attached_tables), 2::bigint, 'two shops');
SELECT lives_ok($$SELECT paystate.detach('"%s \ ''""ünïcode, and as long as a name may be at all, which is 63"')$$, 'one is detached');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('part00'::regclass, 'part0'::regclass, 'part1'::regclass) AND tgname LIKE '%\_paystate\_%'), 0::bigint, 'and its partitions');
SELECT is((SELECT count(*) FROM paystate.attached_tables), 1::bigint, 'the other is not');
RESET ROLE;

-- ---- someone refuses our DDL: nothing is left
CREATE FUNCTION public.veto() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no DDL on Fridays'; END$$;
CREATE EVENT TRIGGER veto ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION public.veto();
SET ROLE attach_owner;
SELECT throws_ok($$SELECT paystate.attach('"%s \ ''""ünïcode, and as long as a name may be at all, which is 63"', '"%s"', columns => '{"payments.amount": "%I"}',
	labels => '{"order": {"created": "%1$s"}, "payment": {"created": "it''s ''new", "failed": "\\000"}}', lifecycle => 'razorpay')$$, 'P0001', 'no DDL on Fridays', 'an event trigger says no');
RESET ROLE;
DROP EVENT TRIGGER veto;

-- ---- Citus, where it is there, is asked to allow triggers for the moment
SET citus.enable_unsafe_triggers = off;
CREATE FUNCTION public.look() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('helper.seen', current_setting('citus.enable_unsafe_triggers'), false); END$$;
CREATE EVENT TRIGGER look ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION public.look();
SELECT is_empty($$SELECT * FROM paystate.attach('"%s \ ''""ünïcode, and as long as a name may be at all, which is 63"', '"%s"', columns => '{"payments.amount": "%I"}',
	labels => '{"order": {"created": "%1$s"}, "payment": {"created": "it''s ''new", "failed": "\\000"}}', lifecycle => 'razorpay')$$, 'attached by a superuser');
SELECT is(current_setting('helper.seen'), 'on', 'with the setting on');
SELECT is(current_setting('citus.enable_unsafe_triggers'), 'off', 'which is as it was');
SELECT is((SELECT DISTINCT relowner::regrole::text FROM pg_class c JOIN paystate.attached_tables t ON c.oid IN (t.orders, t.payments, t.refunds, t.history)), 'attach_owner', 'all belongs to the tables'' owner');

-- ---- orders whose payments the history does not name, cancelled in one transaction: all go along
CREATE SCHEMA two;
CREATE TABLE two.orders (id int PRIMARY KEY, amount int NOT NULL, status text NOT NULL);
CREATE TABLE two.payments (id int PRIMARY KEY, order_id int REFERENCES two.orders, amount int NOT NULL, status text NOT NULL);
CREATE INDEX ON two.payments (order_id);
INSERT INTO two.orders SELECT n, 1000, 'authorized' FROM generate_series(1, 3) AS n;
INSERT INTO two.payments SELECT 10 * n + m, n, 500, 'authorized' FROM generate_series(1, 3) AS n, generate_series(1, 2) AS m;
SELECT is_empty($$SELECT * FROM paystate.attach('two.orders', 'two.payments', lifecycle => 'plural_preauth', add_columns => true)$$, 'three orders are held');
SELECT lives_ok($$UPDATE two.orders SET status = 'cancelled' WHERE id < 3; UPDATE two.orders SET status = 'cancelled' WHERE id = 3$$, 'and cancelled');
SELECT is((SELECT array_agg(DISTINCT status) FROM two.payments), '{cancelled}', 'with all of their payments');
SELECT is_empty($$SELECT * FROM paystate.verify('two.orders')$$, 'and everything agrees');

-- ---- what create_tables made
CREATE SCHEMA made;
SELECT paystate.create_tables('made', 'paykun');
SELECT is((SELECT lifecycle FROM paystate.attached_tables WHERE orders = 'made.orders'::regclass), 'paykun', 'the view has the tables of create_tables');
SELECT is_empty($$SELECT * FROM paystate.attach('made.orders', 'made.payments', 'made.refunds')$$, 'they are attached already');
SELECT lives_ok($$SELECT paystate.detach('made.orders')$$, 'detached');
SELECT is_empty($$SELECT * FROM paystate.attach('made.orders', 'made.payments', 'made.refunds', lifecycle => 'paykun')$$, 'and attached with the history they have');
SELECT is((SELECT history FROM paystate.attached_tables WHERE orders = 'made.orders'::regclass), 'made.order_history'::regclass, 'of the old name');

SELECT * FROM finish();
RESET ROLE;
DROP EVENT TRIGGER look;
DROP OWNED BY attach_owner, attach_reader CASCADE;
DROP ROLE attach_owner, attach_reader;
