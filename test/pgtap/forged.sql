-- Rows that cannot have come about under the guards: totals, statuses and
-- counters written behind their back, orders taken away, the end of bigint.
-- What finds them says so and changes nothing; beside each the same event on
-- an order that was left alone.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

-- The statement after some tampering, refused so; then all is undone.
CREATE FUNCTION helper.after_tampering(tampering text, statement text, OUT says text)
	LANGUAGE plpgsql
AS $$
DECLARE
	code text; detail text; before text;
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE tampering;
	SET LOCAL session_replication_role = origin;
	before := helper.everything();
	BEGIN
		EXECUTE helper.here(statement);
		says := 'accepted';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, says = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
		says := helper.leafless(concat_ws(' ', code, says, '|', detail));
		IF helper.everything() IS DISTINCT FROM before THEN
			says := says || ', but rows changed';
		END IF;
	END;
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;
CREATE FUNCTION helper.found(tampering text, statement text, expected text) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
BEGIN
	RETURN NEXT is(helper.outcome(statement, true), 'accepted', 'as it should be: ' || statement);
	RETURN NEXT is(helper.after_tampering(tampering, statement), expected, 'after ' || tampering);
END
$$;

DO $$ BEGIN
	PERFORM helper.variant('mute', 'razorpay', '{}');
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'mute' AND payment_event LIKE 'new>%';
	PERFORM given('open', 'razorpay', 1000, 'a=');
	PERFORM given('held', 'razorpay', 1000, 'a= a>authorized');
	PERFORM given('part', 'razorpay', 1000, 'a=400 a>authorized a>captured b=600 b>authorized', true);
	PERFORM given('rest', 'razorpay', 1000, 'a=400 a>authorized a>captured', true);
	PERFORM given('paid', 'razorpay', 1000, 'a= a>authorized a>captured a~100');
	PERFORM given('back', 'razorpay', 1000, 'a= a>authorized a>captured a-100');
	PERFORM given('two', 'plural', 1000, 'a=600 b=400');
	PERFORM given('leg', 'plural_preauth', 1000, 'a=600 a>authorized');
	PERFORM given('legs', 'plural', 1000, 'a=600 a>processed b=400');
	PERFORM given('first', 'razorpay_first_payment', 1000);
	PERFORM given('mute', 'mute', 1000);
END $$;
\if :{?sharded}
\else
INSERT INTO payments (id, amount) VALUES ('alone', 1000), ('alone2', 1000);
UPDATE payments SET status = 'authorized' WHERE id IN ('alone', 'alone2');
\endif

-- ---- totals that a payment cannot be taken out of
SELECT helper.found(t, s, '23PS6 ' || m || ' | The totals of order ' || o || ' cannot be those of its payments.') FROM (VALUES
	('UPDATE orders SET amount_pending = 999 WHERE id = ''open''', 'UPDATE payments SET status = ''failed'' WHERE id = ''open.a''', 'update on table "payments" finds totals that drifted from life cycle "razorpay"', '"open"'),
	('UPDATE orders SET payments_open = 0 WHERE id = ''open''', 'UPDATE payments SET status = ''authorized'' WHERE id = ''open.a''', 'update on table "payments" finds totals that drifted from life cycle "razorpay"', '"open"'),
	('UPDATE orders SET amount_authorized = 0 WHERE id = ''held''', 'UPDATE payments SET status = ''captured'' WHERE id = ''held.a''', 'update on table "payments" finds totals that drifted from life cycle "razorpay"', '"held"'),
	('UPDATE orders SET amount_pending = 999 WHERE id = ''two''', 'UPDATE orders SET status = ''cancelled'' WHERE id = ''two''', 'update on table "orders" finds totals that drifted from life cycle "plural"', '"two"'),
	('UPDATE orders SET status = ''pending'' WHERE id = ''first''', 'UPDATE orders SET amount = 2000 WHERE id = ''first''', 'update on table "orders" finds totals that drifted from life cycle "razorpay_first_payment"', '"first"'),
	('UPDATE payments SET refund_pending = 99 WHERE id = ''paid.a''', 'UPDATE refunds SET status = ''processed'' WHERE payment_id = ''paid.a''', 'update on table "refunds" finds totals that drifted from life cycle "razorpay"', '"paid"'),
	('UPDATE payments SET refund_pending = 99 WHERE id = ''paid.a''', 'UPDATE refunds SET status = ''failed'' WHERE payment_id = ''paid.a''', 'update on table "refunds" finds totals that drifted from life cycle "razorpay"', '"paid"'),
	('UPDATE orders SET status = ''pending'' WHERE id = ''paid''', 'UPDATE refunds SET status = ''failed'' WHERE payment_id = ''paid.a''', 'update on table "refunds" finds totals that drifted from life cycle "razorpay"', '"paid"')
	) v (t, s, m, o);

-- ---- statuses of another life cycle
SELECT helper.found('UPDATE orders SET status = ''processed'' WHERE id = ''open''', 'UPDATE payments SET status = ''failed'' WHERE id = ''open.a''',
	'23PS1 update on table "payments" violates life cycle "razorpay" | Payment "open.a" of order "open" cannot move from "created" to "failed" while the order is "(unknown)".');
SELECT helper.found('UPDATE payments SET status = ''pending'' WHERE id = ''open.a''', 'UPDATE payments SET status = ''failed'' WHERE id = ''open.a''',
	'23PS1 update on table "payments" violates life cycle "razorpay" | Payment "open.a" of order "open" was judged to be "created"; what was stored since is not judged yet.');

-- ---- sums that do not fit
SELECT helper.found(t, s, says) FROM (VALUES
	('UPDATE orders SET amount_refunded = 9223372036854775807 WHERE id = ''back''', 'INSERT INTO refunds (payment_id, amount) VALUES (''back.a'', 1)',
		'23PS4 insert on table "refunds" violates amounts of life cycle "razorpay" | Payment "back.a" of order "back": a refund of 1 with 1000 captured, 100 refunded and 0 pending.'),
	('UPDATE orders SET attempts = 2147483647 WHERE id = ''open''', 'UPDATE payments SET status = ''failed'' WHERE id = ''open.a''',
		'23PS4 update on table "payments" violates amounts of life cycle "razorpay" | Payment "open.a" of order "open": 0 to capture of 1000 held, with 1000 due.'),
	('UPDATE orders SET payments_open = 2147483647 WHERE id = ''first''', 'INSERT INTO payments (id, order_id, amount) VALUES (''x'', ''first'', 1000)',
		'23PS4 insert on table "payments" violates amounts of life cycle "razorpay_first_payment" | Payment "x" of order "first": its amount is 1000, with 0 of 1000 paid and 0 under way.'),
	('UPDATE orders SET amount_paid = 9223372036854775807 WHERE id = ''part''', 'UPDATE payments SET status = ''captured'' WHERE id = ''part.b''',
		'23PS4 update on table "payments" violates amounts of life cycle "razorpay" | Payment "part.b" of order "part": 600 to capture of 600 held, with -9223372036854774807 due.'),
	('UPDATE orders SET amount_paid = 9223372036854775807 WHERE id = ''rest''', 'INSERT INTO payments (id, order_id, amount) VALUES (''x'', ''rest'', 600)',
		'23PS4 insert on table "payments" violates amounts of life cycle "razorpay" | Payment "x" of order "rest": its amount is 600, with 9223372036854775807 of 1000 paid and 0 under way.'),
	('UPDATE orders SET amount_pending = 9223372036854775807 WHERE id = ''leg''', 'INSERT INTO payments (id, order_id, amount) VALUES (''x'', ''leg'', 400)',
		'23PS4 insert on table "payments" violates amounts of life cycle "plural_preauth" | Payment "x" of order "leg": its amount is 400, with 0 of 1000 paid and -9223372036854775209 under way.')
	) v (t, s, says);

-- ---- rows that are gone
SELECT helper.found('DELETE FROM orders WHERE id = ''back''', 'INSERT INTO refunds (payment_id, amount) VALUES (''back.a'', 1)',
	'23PS8 table "refunds" is not bound to a life cycle | The payment''s order is missing.');
SELECT helper.found('DELETE FROM orders WHERE id = ''open''', 'UPDATE payments SET status = ''failed'' WHERE id = ''open.a''',
	'23503 insert or update on table "payments" violates foreign key constraint "payments_order_id_fkey" | Key (order_id)=(open) is not present in table "orders".');

-- ---- a life cycle in which no payment is ever inserted
SELECT helper.refused('INSERT INTO payments (id, order_id, amount) VALUES (''p'', ''mute'', 1000)', says('23PS1', 'insert payments', 'mute'), 'no rule inserts a payment');
SELECT helper.accepted('INSERT INTO payments (id, order_id, amount) VALUES (''p'', ''first'', 1000)', 'where one does');

-- ---- foreign keys that a superuser switched off
DO $$
DECLARE t record;
BEGIN
	FOR t IN SELECT tgrelid::regclass AS rel, tgname FROM pg_trigger
		WHERE tgisinternal AND tgconstrrelid <> 0 AND tgrelid IN ('payments'::regclass, 'refunds'::regclass) LOOP
		EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', t.rel, t.tgname);
	END LOOP;
END $$;
CREATE ROLE forged_app;
GRANT USAGE ON SCHEMA shop, helper TO forged_app;
GRANT INSERT ON payments, refunds TO forged_app;
SELECT conname AS refunds_key FROM pg_constraint WHERE conrelid = 'refunds'::regclass AND confrelid = 'payments'::regclass AND contype = 'f' \gset
SELECT helper.refused('INSERT INTO refunds (payment_id, amount) VALUES (''nobody'', 1)',
	format('23503 insert or update on table "refunds" violates foreign key constraint "%s"', :'refunds_key'), 'no such payment');
SELECT helper.after_tampering('SELECT 1', 'INSERT INTO refunds (payment_id, amount) VALUES (''nobody'', 1)') AS said \gset
SELECT alike(:'said'::text, format('23503 insert or update on table "refunds" violates foreign key constraint "%s" | Key (%%payment_id)=(%%nobody) is not present in table "payments".', :'refunds_key'), 'its key is said');
SELECT set_config('role', 'forged_app', true) \g /dev/null
DO $$ BEGIN
	INSERT INTO shop.payments (id, order_id, amount) VALUES ('x', 'nobody', 1);
EXCEPTION WHEN foreign_key_violation THEN
	DECLARE detail text;
	BEGIN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		PERFORM set_config('forged.said', detail, true);
	END;
END $$;
RESET ROLE;
SELECT is(current_setting('forged.said'), 'Key is not present in table "orders".', 'but not to who may not read it');

\ir lib/end.sql
