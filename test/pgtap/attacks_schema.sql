-- Attacks on the schema by those who may: the tables' owner, a DBA, a
-- superuser (ids G01 ... of the catalogue, mapped in test/attacks/README.md).
-- What cannot be stopped is found: by check_guards() where it is about guards,
-- by verify() where it is about rows.  Each is seeded, seen and undone; beside
-- it stands what is harmless.  More of it: check_guards.sql, verify.sql and
-- sql/binding.sql.
--
-- With :partitioned set, all tables are partitioned.
\ir lib/shop.sql
CREATE ROLE attacks_keeper;
\if :{?partitioned}
\ir lib/partition.sql
SET LOCAL helper.leaves = on;
DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;
DO $$ BEGIN PERFORM helper.partition('orders'), helper.partition('payments'), helper.partition('refunds'); END $$;
\endif
DO $$
DECLARE
	relation regclass;
BEGIN
	GRANT ALL ON SCHEMA shop TO attacks_keeper;
	GRANT USAGE ON SCHEMA helper TO attacks_keeper;
	FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'p', 'v') LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO attacks_keeper', relation);
	END LOOP;
END
$$;
SELECT * FROM no_plan();
DO $$ BEGIN
	PERFORM given('g1', 'razorpay', 1000, 'a=1000 a>authorized');
	PERFORM given('g2', 'razorpay', 1000, 'a=1000 a>authorized a>captured a-100');
	PERFORM given('g3', 'plural_preauth', 1000, 'a=600 b=400 a>authorized');
END $$;

-- What is found after a role did something: the problems that check_guards()
-- and verify() name, and what becomes of a capture after it.
CREATE FUNCTION helper.seen(a_role text, tampering text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	guards text;
	rows text;
	capture text;
BEGIN
	PERFORM set_config('role', a_role, true);
	EXECUTE tampering;
	PERFORM set_config('role', 'none', true);
	SET LOCAL session_replication_role = origin;
	guards := (SELECT string_agg(DISTINCT problem, ', ' ORDER BY problem) FROM paystate.check_guards());
	BEGIN
		rows := (SELECT string_agg(DISTINCT problem, ', ' ORDER BY problem) FROM paystate.verify('orders'));
	EXCEPTION WHEN SQLSTATE '23PS8' THEN
		rows := SQLSTATE;
	END;
	capture := left(helper.outcome('UPDATE payments SET status = ''captured'' WHERE id = ''g1.a''', true), 8);
	RAISE SQLSTATE 'TT001';
EXCEPTION WHEN SQLSTATE 'TT001' THEN
	RETURN format('guards: %s; rows: %s; capture: %s', coalesce(guards, '-'), coalesce(rows, '-'), capture);
WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT is(seen('none', 'SELECT'), 'guards: -; rows: -; capture: accepted', 'before anything was done');

-- rows written past the guards: found in the rows
SELECT is(seen('none', 'SET LOCAL session_replication_role = replica; ' || s), 'guards: -; rows: ' || r || '; capture: accepted', 'G01: by a superuser, guards silenced: ' || s) FROM (VALUES
	('UPDATE orders SET status = ''paid'' WHERE id = ''g3''', 'unknown status'),
	('UPDATE orders SET amount_paid = 1000, amount_due = 0 WHERE id = ''g3''', 'amount_due, amount_paid'),
	('UPDATE payments SET status = ''captured'', amount_captured = 1000 WHERE id = ''g1.a''', 'amount_captured of payment "g1.a", status of payment "g1.a"'),
	('DELETE FROM payments WHERE id = ''g3.b''', 'amount_pending, missing payment in history row 3, payments_open'),
	('DELETE FROM refunds', 'amount_refunded of payment "g2.a", missing refund in history row 5'),
	('UPDATE orders SET notes = ''{}''', '-')) v (s, r);
SELECT matches(seen('none', 'UPDATE pg_trigger SET tgenabled = ''D'' WHERE tgrelid = ''payments''::regclass AND tgname = ''A_paystate_guard'''), '^guards: disabled guard; ', 'G03: by a superuser, in the catalog');
SELECT is(seen('attacks_keeper', s), m, 'G02: ' || s) FROM (VALUES
	('ALTER TABLE payments DISABLE TRIGGER "A_paystate_guard"', 'guards: disabled guard; rows: 23PS8; capture: 23PS8 ta'),
	('ALTER TABLE payments DISABLE TRIGGER USER', 'guards: disabled guard; rows: 23PS8; capture: accepted'),
	('ALTER TABLE orders ENABLE REPLICA TRIGGER "A_paystate_guard"', 'guards: guard not on origin; rows: 23PS8; capture: 23PS8 ta'), ('ALTER TABLE payments DISABLE TRIGGER "A_paystate_guard"; ALTER TABLE payments ENABLE TRIGGER "A_paystate_guard"', 'guards: -; rows: -; capture: accepted'),
	('ALTER TABLE orders ENABLE ALWAYS TRIGGER "A_paystate_guard"', 'guards: guard not on origin; rows: 23PS8; capture: 23PS8 ta'),
	('DROP TRIGGER _paystate_before ON payments', 'guards: missing guard; rows: 23PS8; capture: 23PS8 ta'), ('ALTER TRIGGER "A_paystate_guard" ON payments RENAME TO mine', 'guards: -; rows: -; capture: accepted')) v (s, m);
SELECT is(seen('none', 'ALTER TABLE payments DISABLE TRIGGER ALL'), 'guards: disabled foreign key, disabled guard; rows: 23PS8; capture: accepted', 'G02: by a superuser, of foreign keys, too');
SELECT is(seen('attacks_keeper', s), m, 'G04: ' || s) FROM (VALUES
	('DROP VIEW IF EXISTS time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts; ALTER TABLE orders ALTER status TYPE paystate.order_status USING ''paid''', 'guards: -; rows: status, unknown status; capture: 23PS3 up'),
	('ALTER TABLE payments ALTER status TYPE paystate.payment_status USING ''captured''', 'guards: -; rows: status of payment "g1.a", unknown status of payment "g3.a", unknown status of payment "g3.b"; capture: accepted'),
	('ALTER TABLE payments ALTER amount_captured TYPE bigint USING 5', 'guards: -; rows: amount_captured of payment "g1.a", amount_captured of payment "g2.a", amount_captured of payment "g3.a", amount_captured of payment "g3.b"; capture: 23PS4 up'),
	('ALTER TABLE payments ALTER amount TYPE bigint USING amount', 'guards: -; rows: -; capture: accepted')) v (s, m);
\if :{?partitioned}
-- a partition with rows that no guard has seen
CREATE FUNCTION helper.dirty(status text) RETURNS text LANGUAGE sql AS $$
	SELECT format('ALTER TABLE payments DETACH PARTITION payments_1; CREATE TABLE fresh (LIKE payments INCLUDING ALL); INSERT INTO fresh SELECT * FROM payments_1;
		UPDATE fresh SET status = %s; SET CONSTRAINTS ALL IMMEDIATE; DROP TABLE payments_1; ALTER TABLE payments ATTACH PARTITION fresh FOR VALUES WITH (MODULUS 2, REMAINDER 1);
		CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON fresh FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', status);
$$;
SELECT is(seen('attacks_keeper', dirty(s)), m, 'G06: a partition of other rows, status ' || s) FROM (VALUES ('status', 'guards: -; rows: -; capture: accepted'), ('''failed''', 'guards: -; rows: status of payment "g1.a", status of payment "g3.a"; capture: 23PS1 up')) v (s, m);
SELECT is(seen('attacks_keeper', 'ALTER TABLE refunds DETACH PARTITION refunds_0; ALTER TABLE refunds DETACH PARTITION refunds_1'), 'guards: missing guard; rows: amount_refunded of payment "g2.a", missing refund in history row 5; capture: accepted', 'G07: a partition taken away');
\endif
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%\_paystate\_%' AND (tgoldtable IS NOT NULL OR tgnewtable IS NOT NULL)), 0::bigint, 'G09: no guard has transition tables');
SELECT is(seen('attacks_keeper', 'CREATE RULE quiet AS ON UPDATE TO orders DO INSTEAD NOTHING'), 'guards: rule; rows: -; capture: 23PS8 ta', 'G11: a rule that swallows what paystate writes');
SELECT is(seen('attacks_keeper', 'CREATE TABLE more () INHERITS (payments); INSERT INTO more (id, order_id, amount, currency, status, amount_captured, amount_refunded, refund_pending, status_since, created_at) VALUES (''x'', ''g1'', 1000, ''INR'', ''captured'', 1000, 0, 0, now(), now())'),
	'guards: inheritance child; rows: -; capture: accepted', 'G10: an inheritance child with a captured payment') WHERE NOT (:{?partitioned} OR :{?sharded});
SELECT is(seen('attacks_keeper', 'ALTER TABLE orders ADD due_text text GENERATED ALWAYS AS (amount_due::text) STORED'), 'guards: -; rows: -; capture: accepted', 'G14: a generated column over what paystate writes');
SELECT is(seen('attacks_keeper', 'ALTER TABLE orders RENAME TO sales; ALTER TABLE sales RENAME TO orders; ALTER TABLE payments RENAME CONSTRAINT payments_order_id_fkey TO k'), 'guards: -; rows: -; capture: accepted', 'G15: renamed and renamed back');
SELECT is(helper.outcome('ALTER EXTENSION paystate SET SCHEMA shop', true), '0A000 extension "paystate" does not support SET SCHEMA', 'G15: the extension stays where it is');
SELECT matches(helper.outcome('DROP EXTENSION paystate', true), '^2BP01 cannot drop extension paystate because other objects depend on it', 'G16: DROP EXTENSION');
SELECT is(seen('none', 'UPDATE paystate.lifecycle_transition SET guard = ''-'' WHERE lifecycle = ''razorpay'' AND payment_event = ''authorized>captured'''), '55000 published life cycles in table "lifecycle_transition" cannot be changed', 'G20: by a superuser, the rules');
SELECT is(seen('none', s), '55000 published life cycles in table "' || t || '" cannot be changed', 'G20: by a superuser: ' || s) FROM (VALUES
	('DELETE FROM paystate.lifecycle_transition WHERE lifecycle = ''razorpay'' AND payment_event = ''authorized>captured''', 'lifecycle_transition'), ('UPDATE paystate.lifecycle SET payment_max = 1', 'lifecycle'), ('DELETE FROM paystate.lifecycle_status', 'lifecycle_status')) v (s, t);
SELECT is(seen('none', 'SET LOCAL session_replication_role = replica; ' || s), m, 'G22, G23: the history: ' || s) FROM (VALUES
	('TRUNCATE order_history', 'guards: -; rows: missing history; capture: accepted'),
	('UPDATE order_history SET amount = amount + 1 WHERE order_id = ''g2'' AND seq = 4', 'guards: -; rows: illegal step in history row 4; capture: accepted'),
	('UPDATE order_history SET order_to = ''created'' WHERE order_id = ''g2'' AND seq = 3', 'guards: -; rows: order_from in history row 4, order_since in history row 4; capture: accepted'),
	('DELETE FROM order_history WHERE order_id = ''g2'' AND seq = 5', 'guards: -; rows: amount_refunded, amount_refunded of payment "g2.a", changed_at, missing history of refund "g2.a.r1", version; capture: accepted'),
	('DELETE FROM order_history WHERE order_id = ''g2'' AND seq = 2', 'guards: -; rows: gap before seq in history row 3; capture: accepted'),
	('UPDATE order_history SET actor = ''nobody''', 'guards: -; rows: -; capture: accepted')) v (s, m);
SELECT is(seen('attacks_keeper', 'ALTER TABLE order_history ALTER amount TYPE numeric'), 'guards: writes are refused; rows: 23PS8; capture: 23PS8 ta', 'G22: the type of a column of the history');

-- G31, G34: codes and indexes
SELECT is((SELECT string_agg(format('%s %s', t.typname, e.enumlabel), ', ' ORDER BY t.typname, e.enumsortorder) FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE typnamespace = 'paystate'::regnamespace AND typname = 'refund_status'),
	'refund_status pending, refund_status processed, refund_status failed', 'G31: labels are an enum''s, dumped by name');
CREATE EXTENSION amcheck SCHEMA public;
CREATE FUNCTION helper.checked() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	i regclass;
	n integer := 0;
BEGIN
	FOR i IN SELECT x.indexrelid FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am a ON a.oid = c.relam
			WHERE x.indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'shop'::regnamespace) AND amname = 'btree' AND c.relkind = 'i' LOOP
		PERFORM public.bt_index_parent_check(i, true);
		n := n + 1;
	END LOOP;
	RETURN CASE WHEN n > 5 THEN 'sound' ELSE 'too few' END;
END
$$;
CREATE INDEX by_status ON orders (status);
CREATE INDEX by_status_hash ON payments USING hash (status);
DO $$ BEGIN PERFORM helper.then('g1', 'a>captured'), helper.then('g3', 'b>authorized a>processed'); END $$;
SELECT is(checked(), 'sound', 'G34: indexes over statuses, written to');
DO $$
DECLARE
	leaf regclass;
BEGIN
	FOR leaf IN SELECT oid FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind = 'r' AND relname ~ '^(orders|payments)' LOOP
		EXECUTE format('REINDEX TABLE %s', leaf);
	END LOOP;
END
$$;
SELECT is(checked(), 'sound', 'G34: and after REINDEX');
SET LOCAL enable_seqscan = off;
SELECT is((SELECT count(*) FROM payments WHERE status = 'captured'), 2::bigint, 'G34: the hash index finds what is there');
RESET enable_seqscan;

-- two mapped columns swap their names: bound again, the other way round
CREATE SCHEMA swapped AUTHORIZATION attacks_keeper;
SET ROLE attacks_keeper;
SET LOCAL search_path = swapped, helper, public;
CREATE TABLE sales (id text PRIMARY KEY, total bigint NOT NULL, paid bigint NOT NULL DEFAULT 0, due bigint, state text NOT NULL DEFAULT 'created');
CREATE TABLE txn (id text PRIMARY KEY, sale text REFERENCES sales, amount bigint NOT NULL, status text NOT NULL DEFAULT 'created');
CREATE INDEX ON txn (sale);
INSERT INTO sales VALUES ('s1', 1000, 0, 1000), ('s2', 500, 0, 500);
SELECT is((SELECT count(*) FROM paystate.attach('sales', 'txn', lifecycle => 'razorpay', add_columns => true,
	columns => '{"orders.amount": "total", "orders.amount_paid": "paid", "orders.amount_due": "due", "orders.status": "state"}')), 0::bigint, 'attached, with names of their own');
INSERT INTO txn (id, sale, amount) VALUES ('t1', 's1', 1000);
SELECT is_empty('SELECT * FROM paystate.verify(''sales'')', 'and all is well');
ALTER TABLE sales RENAME paid TO x;
ALTER TABLE sales RENAME due TO paid;
ALTER TABLE sales RENAME x TO due;
SELECT set_eq('SELECT DISTINCT problem FROM paystate.verify(''sales'')', ARRAY['amount_due', 'amount_paid'], 'two mapped columns that swapped their names: verify() finds it');
RESET ROLE;

SET LOCAL search_path = shop, helper, public;
\ir lib/end.sql
