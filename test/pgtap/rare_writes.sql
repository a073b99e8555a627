-- Writes that are rare: values at the end of a column's type, two things
-- changed at once, triggers that swallow rows, labels and names too long to be
-- any, rule tables written by hand, many tables and many orders in one session.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

-- What comes of a statement after another, with its DETAIL; then both are undone.
CREATE FUNCTION helper.says(before text, statement text, OUT got text)
	LANGUAGE plpgsql
AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE before;
	BEGIN
		EXECUTE statement;
		got := 'accepted';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS got = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
		got := helper.leafless(concat_ws(' | ', SQLSTATE || ' ' || got, nullif(detail, '')));
	END;
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;

DO $$ BEGIN
	PERFORM helper.variant('plural_first_payment', 'plural', '{"amount_fixed": "first_payment"}');
	PERFORM given('free', 'plural', 1000);
	PERFORM given('fresh', 'plural_first_payment', 1000);
	PERFORM given('begun', 'plural_first_payment', 1000, 'a=');
	PERFORM given('open', 'razorpay', 1000, 'a=');
	PERFORM given('first', 'razorpay_first_payment', 1000);
END $$;

-- ---- two things at once
SELECT is(helper.says('', s), e, s) FROM (VALUES
	('UPDATE orders SET status = ''cancelled'', amount = 500 WHERE id = ''free''', '23PS6 column "amount" of table "orders" cannot be changed | It is fixed when the row is inserted.'),
	('UPDATE orders SET status = ''cancelled'', amount = 500 WHERE id = ''fresh''', '23PS6 column "amount" of table "orders" cannot be changed | It cannot be changed together with the status.'),
	('UPDATE orders SET status = ''cancelled'', amount = 500 WHERE id = ''begun''', '23PS6 column "amount" of table "orders" cannot be changed | It is fixed from the order''s first payment on.'),
	('UPDATE orders SET amount = 500 WHERE id = ''begun''', '23PS6 column "amount" of table "orders" cannot be changed | It is fixed from the order''s first payment on.'),
	('UPDATE orders SET amount = 500 WHERE id = ''fresh''', 'accepted'),
	('UPDATE orders SET status = ''cancelled'', receipt = ''x'' WHERE id = ''free''', 'accepted'),
	('UPDATE orders SET amount = 500, receipt = ''x'' WHERE id = ''first''', 'accepted')) v (s, e);

-- ---- an explicit null at a capture is a column left alone; elsewhere it is none
DO $$ BEGIN
	PERFORM given('nothing', 'razorpay_zero', 0);
	INSERT INTO payments (id, order_id) VALUES ('nothing', 'nothing');
	UPDATE payments SET status = 'authorized' WHERE id = 'nothing';
END $$;
SELECT is(regexp_replace(helper.says('', s), ' \| Failing row.*', ''), e, s) FROM (VALUES
	('UPDATE payments SET status = ''failed'', amount_captured = NULL WHERE order_id = ''nothing''',
		'23502 null value in column "amount_captured" of relation "payments" violates not-null constraint'),
	('UPDATE payments SET status = ''captured'', amount_captured = 1 WHERE order_id = ''nothing''',
		'23PS4 update on table "payments" violates amounts of life cycle "razorpay_zero" | Payment "nothing" of order "nothing": 1 to capture of 0 held, with 0 due.'),
	('UPDATE payments SET status = ''captured'', amount_captured = NULL WHERE order_id = ''nothing''', 'accepted')) v (s, e);

-- ---- a trigger that swallows what paystate inserts or updates
CREATE FUNCTION helper.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION helper.burst() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''burst''; END';
SELECT is(helper.says(b, s), e, concat_ws(': ', nullif(b, ''), s)) FROM (VALUES
	('', 'SELECT paystate.late_payment(''payments'', ''{"id": "l", "order_id": "open", "amount": 1000, "status": "failed"}'')', 'accepted'),
	('CREATE TRIGGER zz BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION helper.swallow()',
		'SELECT paystate.late_payment(''payments'', ''{"id": "l", "order_id": "open", "amount": 1000, "status": "failed"}'')',
		'23PS8 table "payments" is not bound to a life cycle | Something suppressed the insert of a payment.'),
	('', 'SELECT paystate.late_payment(''orders'', ''{"id": "l"}'')', '23PS8 table "orders" is not bound to a life cycle | It has no guard of payments.'),
	('', 'SELECT paystate.migrate_orders(''orders'', ''razorpay'', ''razorpay_zero'', false)', 'accepted'),
	('CREATE TRIGGER zz BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION helper.swallow()',
		'SELECT paystate.migrate_orders(''orders'', ''razorpay'', ''razorpay_zero'', false)',
		'23PS8 table "orders" is not bound to a life cycle | Something suppressed or changed what paystate wrote to it.'),
	('CREATE TRIGGER zz BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION helper.burst()',
		'SELECT paystate.migrate_orders(''orders'', ''razorpay'', ''razorpay_zero'', false)', 'P0001 burst'),
	('CREATE TRIGGER zz BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION helper.burst()',
		'SELECT paystate.migrate_orders(''orders'', ''razorpay'', ''razorpay_zero'')', 'accepted')) v (b, s, e);

-- ---- where orders cannot migrate to
DO $$ BEGIN
	PERFORM helper.variant('final', 'razorpay', '{}');
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'final' AND money_effect ~ 'refund';
	PERFORM helper.variant('roles', 'razorpay', '{}');
	UPDATE paystate.lifecycle_status SET role = 'held' WHERE lifecycle = 'roles' AND kind = 'order' AND label = 'attempted';
	PERFORM helper.variant('other_roles', 'razorpay', '{}');
END $$;
SELECT alike(helper.says('', 'SELECT paystate.migrate_orders(''orders'', ''razorpay'', ''final'')'),
	'22023 life cycle "final" has problems | captured money%', 'a life cycle with problems');
DO $$ BEGIN
	PERFORM helper.variant('forgotten', 'plural', '{}');
	UPDATE paystate.lifecycle_transition SET money_effect = '-' WHERE lifecycle = 'forgotten' AND payment_event = 'order:cancel';
END $$;
SELECT is((SELECT array_agg(problem || ': ' || detail ORDER BY problem) FROM paystate.check_lifecycle('forgotten')),
	'{"a live payment \"pending\" has no exit: order of 4 inserted (order created); payment a of 1 inserted pending (order pending); order:cancel (order cancelled)"}', 'the way to a problem, told step by step');
DO $$ BEGIN
	PERFORM given('tried', 'razorpay', 1000, 'a= a>failed');
	PERFORM given('forged', 'other_roles', 1000, 'a=');
	PERFORM given('odd', 'other_roles', 1000);
	SET LOCAL session_replication_role = replica;
	UPDATE orders SET amount_pending = 999 WHERE id = 'forged';
	UPDATE orders SET status = 'pending' WHERE id = 'odd';
	SET LOCAL session_replication_role = origin;
END $$;
SELECT results_eq($$SELECT order_key, outcome, reason FROM paystate.migrate_orders('orders', 'razorpay', 'roles') ORDER BY 1$$,
	$$VALUES ('open', 'movable', NULL), ('tried', 'kept', 'order status "attempted" has another role there')$$, 'a status with another role');
SELECT results_eq($$SELECT order_key, outcome, reason FROM paystate.migrate_orders('orders', 'other_roles', 'razorpay') ORDER BY 1$$,
	$$VALUES ('forged', 'kept', 'its totals are not those of its payments'), ('odd', 'kept', 'it stands in no status of its life cycle')$$, 'orders that drifted');
DO $$ BEGIN
	SET LOCAL session_replication_role = replica;
	UPDATE orders SET amount_pending = 1000 WHERE id = 'forged';
	UPDATE orders SET status = 'created' WHERE id = 'odd';
	SET LOCAL session_replication_role = origin;
	PERFORM given('many' || i, 'razorpay_first_payment', 1000) FROM generate_series(1, 150) i;
END $$;
SELECT is((SELECT count(*) FROM paystate.migrate_orders('orders', 'razorpay_first_payment', 'razorpay_zero', false) WHERE outcome = 'moved'), 151::bigint, 'many orders at once');

-- ---- texts that are no label and no name of a life cycle, however long
CREATE TABLE helper.long (short text, long text);
ALTER TABLE helper.long ALTER long SET STORAGE MAIN;
INSERT INTO helper.long VALUES ('razorpay', repeat('razorpay', 5000)), ('created', repeat('created', 5000)), (repeat('x', 64), repeat('x', 64));
SELECT cmp_ok(max(pg_column_size(long)), '<', 8000, 'they are stored compressed') FROM helper.long;
SELECT is(paystate.can_transition(l.long, 'order', 'created', 'attempted'), false, 'no life cycle has such a name') FROM helper.long l;
SELECT is(paystate.can_transition('razorpay', 'order', l.long, 'attempted'), false, 'no status is called so') FROM helper.long l;
SELECT is(paystate.can_transition(l.short, 'order', 'created', 'attempted'), l.short = 'razorpay', 'that is one') FROM helper.long l;

-- ---- asked by a parallel worker, which reads the rules with its own snapshot
SELECT count(set_config(name, 'on', true)) AS forced FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
SELECT is(paystate.can_transition(l, 'order', 'created', 'attempted'), l <> 'nowhere', 'in parallel: ' || l) FROM unnest('{razorpay,final,nowhere}'::text[]) l;
SELECT paystate.can_transition('final', 'order', 'created', 'attempted') AS alone \gset
SELECT is(:'alone'::boolean, true, 'alone');
SELECT count(set_config(name, 'off', true)) AS forced FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset

-- ---- the rule tables, written by hand
SELECT is(helper.says('', s), e, s) FROM (VALUES
	('INSERT INTO paystate.lifecycle_status (lifecycle, kind, label, role) VALUES (''final'', ''order'', ''cancelled'', ''dead'')', 'accepted'),
	('INSERT INTO paystate.lifecycle_status (lifecycle, kind, label, role) VALUES (NULL, ''order'', ''cancelled'', ''dead'')', '23502 null value in column "lifecycle" of relation "lifecycle_status" violates not-null constraint | Failing row contains (null, order, cancelled, null, f, f, dead, f).'),
	('INSERT INTO paystate.lifecycle_status (lifecycle, kind, label, role) VALUES (''razorpay'', ''order'', ''cancelled'', ''dead'')', '55000 published life cycles in table "lifecycle_status" cannot be changed | The life cycle belongs to the extension.'),
	('INSERT INTO paystate.lifecycle_status (lifecycle, kind, label, role, builtin) VALUES (''final'', ''order'', ''cancelled'', ''dead'', true)', '55000 published life cycles in table "lifecycle_status" cannot be changed | Only rows of the extension are marked "builtin".'),
	('UPDATE paystate.lifecycle_status SET role = ''dead'' WHERE lifecycle = ''razorpay''', '55000 published life cycles in table "lifecycle_status" cannot be changed | The row belongs to the extension.'),
	('DELETE FROM paystate.lifecycle_transition WHERE lifecycle = ''plural''', '55000 published life cycles in table "lifecycle_transition" cannot be changed | The row belongs to the extension.'),
	('DELETE FROM paystate.lifecycle_transition WHERE lifecycle = ''final''', 'accepted'),
	('TRUNCATE paystate.lifecycle', '55000 published life cycles in table "lifecycle" cannot be changed | The table holds the life cycles of the extension.'),
	('SELECT paystate.guard_rules()', '39P01 function "paystate.guard_rules" was not called by trigger manager')) v (s, e);

-- ---- guards that are too many
CREATE TRIGGER again AFTER INSERT OR UPDATE OR DELETE ON order_history FOR EACH ROW EXECUTE FUNCTION paystate.guard_history('lifecycle=razorpay');
SELECT is((SELECT array_agg(problem || ': ' || detail) FROM paystate.check_guards() WHERE relation = 'order_history'::regclass AND problem LIKE '%guard'),
	'{"altered guard: Trigger \"again\" fires at another time or for other events."}', 'a guard AFTER on the history is found');
SELECT is(helper.says('', 'INSERT INTO orders (id, amount) VALUES (''x'', 1000)'),
	'23PS8 table "order_history" is not bound to a life cycle | A guard trigger of it is missing, disabled, doubled or altered.', 'and nothing is written');
DROP TRIGGER again ON order_history;
SELECT is(helper.says('', 'INSERT INTO orders (id, amount) VALUES (''x'', 1000)'), 'accepted', 'without it all is well');

-- ---- a table that no guard says anything of
CREATE TABLE plain (id text, amount bigint, lifecycle text);
SELECT is(paystate.order_cells('plain') -> c, e::jsonb, 'order_cells() of a table without guards: ' || c)
  FROM (VALUES ('lifecycle', '"o.lifecycle::pg_catalog.text"'), ('currency', 'null'), ('order_to', '"h.order_to::pg_catalog.text"')) v (c, e);
CREATE TABLE plainer (id text);
SELECT is(paystate.order_cells('plainer') -> 'lifecycle', 'null', 'and where there is no such column');

-- ---- everything is forgotten and read anew, and many tables fit into one session
SET LOCAL client_min_messages = error;
CREATE PUBLICATION rare_writes FOR ALL TABLES;
SELECT helper.stands('open', 'created 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 0, open 1, v2; a created 0/1000-0-0', 'before');
UPDATE payments SET status = 'failed' WHERE id = 'open.a';
DROP PUBLICATION rare_writes;
SELECT helper.stands('open', 'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v3; a failed 0/1000-0-0', 'the caches were emptied meanwhile');
CREATE FUNCTION helper.branch(i integer) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
	home text := 'branch' || i; got text;
BEGIN
	EXECUTE format('CREATE SCHEMA %I', home);
	PERFORM paystate.create_tables(home, key_type => 'bigint');
	EXECUTE format('INSERT INTO %1$I.orders (amount) VALUES (1000); INSERT INTO %1$I.payments (order_id) SELECT id FROM %1$I.orders; UPDATE %1$I.payments SET status = ''failed''', home);
	EXECUTE format('SELECT concat_ws('' '', status, attempts, version) FROM %I.orders', home) INTO got;
	RETURN got;
END
$$;
SELECT is((SELECT array_agg(DISTINCT helper.branch(i)) FROM generate_series(1, 40) i), '{"attempted 1 3"}', 'forty shops of four tables each');

-- what is given back of nothing is a refund of nothing, and no reason not to attach
DO $$ BEGIN
	PERFORM given('zero1', 'razorpay_zero', 0, 'a=0 a>authorized a>refunded');
	PERFORM paystate.detach('orders');
END $$;
SELECT is((SELECT array_agg(concat_ws(' ', payment_id, amount, status) ORDER BY payment_id) FROM refunds WHERE payment_id = 'zero1.a'), '{zero1.a 0 processed}', 'nothing is given back');
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds', 'order_history')$$, 'which attach() takes for what it is');
SELECT no_op('UPDATE payments SET status = ''refunded'' WHERE id = ''zero1.a''', 'and all is as it was');

\ir lib/end.sql
