-- Every refusal: its code, message, DETAIL, HINT and fields; which of two
-- faults is named; what is hidden from those who may not see it.  Beside each
-- refusal stands its legal twin.
\ir lib/shop.sql
\ir lib/tsv.sql

SELECT * FROM no_plan();

-- What a statement is told, taken apart; all NULL when it is accepted.
CREATE TYPE helper.fault AS (code text, message text, detail text, hint text,
	place text, "constraint" text);
CREATE FUNCTION helper.fault_of(statement text, role text DEFAULT 'none') RETURNS helper.fault
	LANGUAGE plpgsql
AS $$
DECLARE
	f helper.fault;
	s text; t text; c text;
	written text := helper.here(statement);
BEGIN
	PERFORM set_config('role', role, true);
	EXECUTE written;
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN RETURN NULL;
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS f.code = RETURNED_SQLSTATE, f.message = MESSAGE_TEXT,
			f.detail = PG_EXCEPTION_DETAIL, f.hint = PG_EXCEPTION_HINT, s = SCHEMA_NAME,
			t = TABLE_NAME, c = COLUMN_NAME, f."constraint" = CONSTRAINT_NAME;
		f.message := helper.leafless(f.message);
		f.place := helper.leafless(concat_ws('.', nullif(s, ''), nullif(t, ''), nullif(c, '')));
		RETURN f;
END
$$;
CREATE FUNCTION helper.told(statement text, expected helper.fault, description text) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
DECLARE
	before text := helper.everything();
	f helper.fault := helper.fault_of(statement);
BEGIN
	RETURN NEXT is(f.code || ' ' || f.message, expected.code || ' ' || expected.message, description);
	RETURN NEXT is(f.place, expected.place, description || ': schema, table and column');
	RETURN NEXT is(f."constraint", expected."constraint", description || ': constraint');
	RETURN NEXT alike(f.detail, expected.detail, description || ': DETAIL');
	RETURN NEXT alike(f.hint, expected.hint, description || ': HINT');
	RETURN NEXT is(helper.everything(), before, description || ': nothing changed');
END
$$;

DO $$ BEGIN
	PERFORM given('open', 'razorpay', 1000, 'a=1000');
	PERFORM given('held', 'razorpay', 1000, 'a=1000 a>authorized');
	PERFORM given('paid', 'razorpay', 1000, 'a=1000 a>authorized a>captured');
	PERFORM given('part', 'razorpay', 1000, '', true, 300);
	PERFORM given('done', 'plural', 1000, 'a=1000 a>processed');
	PERFORM given('legs', 'plural', 1000, 'a=600 a>processed b=400');
	PERFORM given('tried', 'plural', 1000, 'a=600');
	PERFORM given('fresh', 'razorpay', 1000);
	PERFORM given('wait', 'razorpay', 1000, 'a= a>authorized a>captured a~100');
END $$;

-- ---- the legal twin of each ---------------------------------------------------------------
SELECT is(helper.fault_of(s), NULL, 'taken: ' || s) FROM unnest(ARRAY[
	'UPDATE payments SET status = ''authorized'' WHERE id = ''open.a''',
	'UPDATE payments SET status = ''captured'' WHERE id = ''held.a''',
	'UPDATE payments SET status = ''captured'', amount_captured = 1000 WHERE id = ''held.a''',
	'INSERT INTO orders (id, amount) VALUES (''new'', 1000)',
	'INSERT INTO orders (id, amount, currency) VALUES (''new'', 1000, ''JPY'')',
	'INSERT INTO orders (id, amount, status) VALUES (''new'', 1000, ''created'')',
	'INSERT INTO payments (order_id, amount) VALUES (''open'', 1000)',
	'INSERT INTO payments (order_id, amount, currency, status) VALUES (''open'', 1000, ''INR'', ''created'')',
	'INSERT INTO payments (order_id, amount) VALUES (''part'', 300)',
	'INSERT INTO payments (amount) VALUES (300)',
	'INSERT INTO refunds (payment_id, amount) VALUES (''paid.a'', 1000)',
	'INSERT INTO refunds (payment_id, amount, status) VALUES (''paid.a'', 1000, ''pending'')',
	'UPDATE orders SET status = ''cancelled'' WHERE id = ''tried''',
	'UPDATE orders SET notes = ''{"a": 1}'', receipt = ''r'', offer_id = ''o'' WHERE id = ''paid''']) s
 WHERE s NOT LIKE 'INSERT INTO payments (amount)%' OR NOT :{?sharded};

-- ---- each code ------------------------------------------------------------------------------
SELECT told('UPDATE payments SET status = ''captured'' WHERE id = ''open.a''',
	('23PS1', 'update on table "payments" violates life cycle "razorpay"',
	'Payment "open.a" of order "open" cannot move from "created" to "captured".', 'Allowed: authorized, failed.',
	'shop.payments.status', 'paystate_transition'), '23PS1, no such rule');
SELECT told('UPDATE orders SET status = ''cancelled'' WHERE id = ''paid''',
	('23PS1', 'update on table "orders" violates life cycle "razorpay"', 'Order "paid"%"paid"%cancelled%', '%',
	'shop.orders.status', 'paystate_transition'), '23PS1, an order event that the life cycle has not');
SELECT told('UPDATE orders SET status = ''cancelled'' WHERE id = ''done''',
	('23PS1', 'update on table "orders" violates life cycle "plural"', 'Order "done"%"processed"%cancelled%', '%',
	'shop.orders.status', 'paystate_transition'), '23PS1, an order event that has no rule there');
SELECT told('INSERT INTO refunds (payment_id, amount) VALUES (''held.a'', 1000)',
	('23PS1', 'insert on table "refunds" violates life cycle "razorpay"', '%"held.a"%', '%',
	'shop.refunds.status', 'paystate_transition'), '23PS1, a refund of an authorized payment');
SELECT told('INSERT INTO orders (id, amount, status) VALUES (''new'', 1000, ''paid'')',
	('23PS2', 'insert on table "orders" violates initial status of life cycle "razorpay"', '%"new"%"paid"%', '%created%',
	'shop.orders.status', 'paystate_initial'), '23PS2, an order');
SELECT told('INSERT INTO payments (id, order_id, amount, status) VALUES (''new'', ''open'', 1000, ''captured'')',
	('23PS2', 'insert on table "payments" violates initial status of life cycle "razorpay"', '%"new"%"captured"%', '%created%',
	'shop.payments.status', 'paystate_initial'), '23PS2, a payment');
SELECT told('INSERT INTO refunds (id, payment_id, amount, status) VALUES (''new'', ''paid.a'', 1000, ''failed'')',
	('23PS2', 'insert on table "refunds" violates initial status of life cycle "razorpay"', '%"failed"%', '%p%',
	'shop.refunds.status', 'paystate_initial'), '23PS2, a refund');
SELECT told('INSERT INTO payments (id, order_id, amount) VALUES (''new'', ''paid'', 1000)',
	('23PS3', 'insert on table "payments" violates life cycle "razorpay": the order takes it no more', '%"paid"%', '%',
	'shop.payments.status', 'paystate_closed'), '23PS3, a payment on a paid order');
SELECT told('INSERT INTO refunds (id, payment_id, amount) VALUES (''new'', ''legs.a'', 100)',
	('23PS3', 'insert on table "refunds" violates life cycle "plural": the order takes it no more', '%"legs"%', '%',
	'shop.refunds.status', 'paystate_closed'), '23PS3, a refund while a leg is live');
SELECT told('INSERT INTO payments (id, order_id, amount) VALUES (''new'', ''open'', 999)',
	('23PS4', 'insert on table "payments" violates amounts of life cycle "razorpay"', '%"open"%', '%',
	'shop.payments.amount', 'paystate_amount'), '23PS4, a payment of another amount');
SELECT told('UPDATE payments SET status = ''captured'', amount_captured = 999 WHERE id = ''held.a''',
	('23PS4', 'update on table "payments" violates amounts of life cycle "razorpay"', '%"held.a"%', '%',
	'shop.payments.amount_captured', 'paystate_amount'), '23PS4, less captured than held');
SELECT told('INSERT INTO refunds (id, payment_id, amount) VALUES (''new'', ''paid.a'', 1001)',
	('23PS4', 'insert on table "refunds" violates amounts of life cycle "razorpay"', '%"paid.a"%', '%',
	'shop.refunds.amount', 'paystate_amount'), '23PS4, more refunded than captured');
SELECT told('INSERT INTO orders (id, amount) VALUES (''new'', 99)',
	('23PS4', 'insert on table "orders" violates amounts of life cycle "razorpay"', '%"new"%', '%',
	'shop.orders.amount', 'paystate_amount'), '23PS4, an order below the minimum');
SELECT told('INSERT INTO orders (id, amount, currency) VALUES (''new'', 1000, ''XYZ'')',
	('23PS5', 'insert on table "orders" violates currency of life cycle "razorpay"', '%XYZ%', '%',
	'shop.orders.currency', 'paystate_currency'), '23PS5, no such currency');
SELECT told('INSERT INTO payments (id, order_id, amount, currency) VALUES (''new'', ''open'', 1000, ''USD'')',
	('23PS5', 'insert on table "payments" violates currency of life cycle "razorpay"', '%USD%', '%',
	'shop.payments.currency', 'paystate_currency'), '23PS5, not the order''s currency');
SELECT told('UPDATE orders SET amount_paid = 1 WHERE id = ''open''',
	('23PS6', 'column "amount_paid" of table "orders" is derived', '%', '%eload%',
	'shop.orders.amount_paid', 'paystate_derived'), '23PS6, a derived column');
SELECT told('UPDATE orders SET status = ''paid'' WHERE id = ''open''',
	('23PS6', 'column "status" of table "orders" is derived', '%', '%',
	'shop.orders.status', 'paystate_derived'), '23PS6, the status of an order');
SELECT told('UPDATE orders SET currency = ''USD'' WHERE id = ''open''',
	('23PS6', 'column "currency" of table "orders" cannot be changed', '%', '%',
	'shop.orders.currency', 'paystate_immutable'), '23PS6, an immutable column');
SELECT told('DELETE FROM orders WHERE id = ''fresh''',
	('23PS7', 'delete on table "orders" is not allowed', '%', '%',
	'shop.orders', 'paystate_no_delete'), '23PS7, DELETE');
SELECT told('UPDATE order_history SET amount = 1 WHERE order_id = ''open''',
	('23PS6', 'update on table "order_history" is not allowed', '%', '%',
	'shop.order_history', 'paystate_history'), '23PS6, a write of history');
SELECT told('DELETE FROM order_history WHERE order_id = ''open''',
	('23PS7', 'delete on table "order_history" is not allowed', '%', '%',
	'shop.order_history', 'paystate_no_delete'), '23PS7, a DELETE of history');
SELECT told('TRUNCATE refunds',
	('23PS7', 'truncate on table "refunds" is not allowed', '%', '%',
	'shop.refunds', 'paystate_no_delete'), '23PS7, TRUNCATE');
SELECT told('INSERT INTO orders (id, lifecycle, amount) VALUES (''new'', ''nowhere'', 1000)',
	('23PS8', 'life cycle "nowhere" does not exist', '%', '%',
	'shop.orders.lifecycle', 'paystate_bound'), '23PS8, no such life cycle');

-- unbound tables
CREATE SCHEMA unbound;
DO $$ BEGIN PERFORM paystate.create_tables('unbound'); END $$;
INSERT INTO unbound.orders (id, amount) VALUES ('o', 1000);
INSERT INTO unbound.payments (id, order_id) VALUES ('p', 'o');
CREATE FUNCTION helper.unbound(ddl text, description text) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
DECLARE
	f helper.fault;
	twin text;
BEGIN
	twin := helper.outcome('UPDATE unbound.payments SET status = ''failed'' WHERE id = ''p''', true);
	RETURN NEXT is(twin, 'accepted', 'bound, before: ' || description);
	BEGIN
		EXECUTE ddl;
		f := helper.fault_of('UPDATE unbound.payments SET status = ''failed'' WHERE id = ''p''');
		RAISE SQLSTATE 'TT000';
	EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
	END;
	RETURN NEXT is(f.code || ' ' || regexp_replace(f.message, '"(orders|payments|order_history)"', '"x"'),
		'23PS8 table "x" is not bound to a life cycle', 'not bound: ' || description);
	RETURN NEXT isnt(nullif(f.detail, ''), NULL, 'not bound: ' || description || ', the DETAIL says why: ' || f.detail);
END
$$;
CREATE ROLE refusals_other;
SELECT unbound(ddl, d) FROM (VALUES
	('ALTER TABLE unbound.payments DROP CONSTRAINT payments_order_id_fkey', 'no foreign key'),
	('ALTER TABLE unbound.payments ADD FOREIGN KEY (order_id) REFERENCES unbound.orders', 'two foreign keys'),
	('ALTER TABLE unbound.payments DROP CONSTRAINT payments_order_id_fkey, ADD FOREIGN KEY (order_id) REFERENCES unbound.orders NOT VALID', 'a foreign key not validated'),
	('ALTER TABLE unbound.payments DROP CONSTRAINT payments_order_id_fkey, ADD FOREIGN KEY (order_id) REFERENCES unbound.orders DEFERRABLE', 'a deferrable foreign key'),
	('ALTER TABLE unbound.orders OWNER TO refusals_other', 'another owner'),
	('ALTER TABLE unbound.order_history OWNER TO refusals_other', 'another owner of history'),
	('ALTER TABLE unbound.payments RENAME amount_captured TO captured', 'a renamed column of payments'),
	('ALTER TABLE unbound.orders DROP COLUMN amount_pending', 'a missing column of orders'),
	('ALTER TABLE unbound.orders RENAME version TO revision', 'a renamed column of orders'),
	('DROP TRIGGER "A_paystate_guard" ON unbound.orders', 'no guard on orders'),
	('ALTER TABLE unbound.orders DISABLE TRIGGER "A_paystate_guard"', 'a disabled guard on orders'),
	('CREATE TRIGGER second AFTER INSERT OR UPDATE OR DELETE ON unbound.payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'a second guard on payments'),
	('DROP TRIGGER "A_paystate_guard" ON unbound.payments; CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE ON unbound.payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'a guard without DELETE'),
	('DROP TRIGGER "A_paystate_guard" ON unbound.payments; CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OF status OR DELETE ON unbound.payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'a guard of one column')) v (ddl, d);

-- ---- which of two faults ------------------------------------------------------------------------
SELECT refused(s, m, d) FROM (VALUES
	('UPDATE payments SET status = ''created'', amount = 999 WHERE id = ''open.a''',
		'23PS6 column "amount" of table "payments" cannot be changed', 'a no-op of status with another column changed is no no-op'),
	('INSERT INTO orders (id, amount, status, amount_paid) VALUES (''new'', 1000, ''paid'', 1000)',
		'23PS6 column "amount_paid" of table "orders" is derived', '23PS6 before 23PS2'),
	('INSERT INTO payments (order_id, amount, status, amount_captured) VALUES (''paid'', 1000, ''captured'', 1000)',
		'23PS6 column "amount_captured" of table "payments" is derived', '23PS6 before 23PS2 and 23PS3'),
	('UPDATE payments SET status = ''captured'', amount = 1 WHERE id = ''open.a''',
		'23PS6 column "amount" of table "payments" cannot be changed', '23PS6 before 23PS1'),
	('UPDATE payments SET status = ''captured'', amount_captured = 1, amount = 1 WHERE id = ''held.a''',
		'23PS6 column "amount" of table "payments" cannot be changed', '23PS6 before 23PS4'),
	('UPDATE payments SET status = ''failed'', amount_captured = 5 WHERE id = ''open.a''',
		'23PS6 column "amount_captured" of table "payments" is derived', 'only a capture may give amount_captured'),
	('UPDATE payments SET status = ''refunded'', amount_refunded = 5 WHERE id = ''open.a''',
		'23PS6 column "amount_refunded" of table "payments" is derived', '23PS6 before 23PS1, a refund'),
	('UPDATE payments SET status = ''failed'', refund_pending = 5 WHERE id = ''open.a''',
		'23PS6 column "refund_pending" of table "payments" is derived', 'no move may give refund_pending'),
	('UPDATE payments SET status = ''captured'', created_at = ''2000-01-01'' WHERE id = ''held.a''',
		'23PS6 column "created_at" of table "payments" cannot be changed', 'a legal move does not cover another column'),
	('UPDATE refunds SET status = ''failed'', amount = 1 WHERE id = ''wait.a.r1''',
		'23PS6 column "amount" of table "refunds" cannot be changed', 'nor does that of a refund'),
	('UPDATE orders SET status = ''cancelled'', amount_paid = 5 WHERE id = ''open''',
		'23PS6 column "amount_paid" of table "orders" is derived', '23PS6 before 23PS1, an order'),
	('INSERT INTO payments (order_id, amount, status) VALUES (''paid'', 1000, ''captured'')',
		'23PS2 insert on table "payments" violates initial status of life cycle "razorpay"', '23PS2 before 23PS3'),
	('INSERT INTO payments (order_id, amount, status, currency) VALUES (''open'', 1, ''captured'', ''XYZ'')',
		'23PS2 insert on table "payments" violates initial status of life cycle "razorpay"', '23PS2 before 23PS5 and 23PS4'),
	('INSERT INTO orders (id, amount, status, currency) VALUES (''new'', 1, ''paid'', ''XYZ'')',
		'23PS2 insert on table "orders" violates initial status of life cycle "razorpay"', '23PS2 before 23PS5 and 23PS4, an order'),
	('UPDATE payments SET status = ''captured'', amount_captured = 1 WHERE id = ''open.a''',
		'23PS1 update on table "payments" violates life cycle "razorpay"', '23PS1 before 23PS4'),
	('INSERT INTO refunds (payment_id, amount) VALUES (''held.a'', 5000)',
		'23PS1 insert on table "refunds" violates life cycle "razorpay"', '23PS1 before 23PS4, a refund'),
	('UPDATE payments SET status = ''failed'' WHERE id = ''paid.a''',
		'23PS1 update on table "payments" violates life cycle "razorpay"', 'captured to failed is 23PS1, also on a paid order'),
	('INSERT INTO payments (order_id, amount, currency) VALUES (''paid'', 1000, ''USD'')',
		'23PS3 insert on table "payments" violates life cycle "razorpay": the order takes it no more', '23PS3 before 23PS5'),
	('INSERT INTO payments (order_id, amount) VALUES (''paid'', 1)',
		'23PS3 insert on table "payments" violates life cycle "razorpay": the order takes it no more', '23PS3 before 23PS4'),
	('INSERT INTO payments (order_id, amount) VALUES (''held'', 1)',
		'23PS3 insert on table "payments" violates life cycle "razorpay": the order takes it no more', '23PS3 before 23PS4, another held'),
	('INSERT INTO refunds (payment_id, amount) VALUES (''legs.a'', 5000)',
		'23PS3 insert on table "refunds" violates life cycle "plural": the order takes it no more', '23PS3 before 23PS4, a leg is live'),
	('INSERT INTO payments (order_id, amount, currency) VALUES (''open'', 1, ''USD'')',
		'23PS5 insert on table "payments" violates currency of life cycle "razorpay"', '23PS5 before 23PS4'),
	('INSERT INTO orders (id, amount, currency) VALUES (''new'', 1, ''XYZ'')',
		'23PS5 insert on table "orders" violates currency of life cycle "razorpay"', '23PS5 before 23PS4, an order'),
	('INSERT INTO orders (id, lifecycle, amount, status, currency) VALUES (''new'', ''nowhere'', 1, ''paid'', ''XYZ'')',
		'23PS8 life cycle "nowhere" does not exist', '23PS8 before all'),
	('UPDATE orders SET status = ''fully_refunded'' WHERE id = ''open''',
		'23PS6 column "status" of table "orders" is derived', 'a status that the life cycle has not is 23PS6, on an order'),
	('UPDATE payments SET status = ''processed'' WHERE id = ''open.a''',
		'23PS1 update on table "payments" violates life cycle "razorpay"', 'a status that the life cycle has not is 23PS1, on a payment'),
	('INSERT INTO payments (order_id, amount, status) VALUES (''open'', 1000, ''processed'')',
		'23PS2 insert on table "payments" violates initial status of life cycle "razorpay"', 'and 23PS2 on INSERT')) v (s, m, d);

-- ---- the tables' own constraints, before any verdict ----------------------------------------------
SELECT told(s, ('23514', 'new row for relation "orders" violates check constraint "' || c || '"', '%', '%', 'shop.orders', c), d)
  FROM (VALUES
	('INSERT INTO orders (id, amount, status, receipt) VALUES (''new'', 1, ''paid'', repeat(''r'', 41))', 'orders_receipt_check', 'a receipt of 41 characters'),
	('INSERT INTO orders (id, amount, notes) VALUES (''new'', 1000, ''{"a": {"b": 1}}'')', 'orders_notes_check', 'nested notes'),
	('INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES (''new'', 1000, false, 100)', 'orders_first_payment_check', 'a first minimum without partial payment'),
	('INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES (''new'', 1000, true, 1001)', 'orders_first_payment_check', 'a first minimum above the amount')) v (s, c, d);
SELECT is((fault_of(format('UPDATE orders SET notes = %L WHERE id = ''fresh''', n))).code, c, d)
  FROM (VALUES
	('{}', NULL, 'notes: an empty object'), ('[]', NULL, 'notes: an empty array'), ('[1]', '23514', 'notes: no other array'),
	('1', '23514', 'notes: no scalar'), ('null', '23514', 'notes: no JSON null'),
	((SELECT jsonb_object_agg('k' || i, i)::text FROM generate_series(1, 15) i), NULL, 'notes: 15 keys'),
	((SELECT jsonb_object_agg('k' || i, i)::text FROM generate_series(1, 16) i), '23514', 'notes: not 16'),
	(jsonb_build_object('k', repeat('é', 256))::text, NULL, 'notes: 256 characters'),
	(jsonb_build_object('k', repeat('é', 257))::text, '23514', 'notes: not 257'),
	('{"a": "s", "b": 1, "c": true, "d": null}', NULL, 'notes: any scalar'),
	('{"a": []}', '23514', 'notes: no array inside')) v (n, c, d);
SELECT is((fault_of(format('UPDATE orders SET receipt = repeat(''é'', %s) WHERE id = ''fresh''', n))).code, c, format('receipt: %s characters', n))
  FROM (VALUES (0, NULL), (40, NULL), (41, '23514')) v (n, c);
SELECT is((fault_of(format('INSERT INTO orders (id, amount, partial_payment, first_payment_min_amount) VALUES (''new'', 1000, true, %s)', n))).code, c,
	format('first_payment_min_amount: %s of 1000', n))
  FROM (VALUES (1, NULL), (1000, NULL), (1001, '23514')) v (n, c);
SELECT is((fault_of(s)).code, '23502', s) FROM unnest(ARRAY[
	'INSERT INTO orders (id, amount) VALUES (''new'', NULL)', 'INSERT INTO orders (id) VALUES (''new'')',
	'UPDATE orders SET notes = NULL WHERE id = ''fresh''', 'UPDATE orders SET amount = NULL WHERE id = ''fresh''',
	'UPDATE payments SET status = NULL WHERE id = ''open.a''', 'UPDATE orders SET status = NULL WHERE id = ''fresh''',
	'INSERT INTO refunds (payment_id, amount) VALUES (''paid.a'', NULL)',
	'INSERT INTO refunds (payment_id, amount) VALUES (NULL, 100)']) s;
SELECT is((fault_of(s)).code, '23505', s) FROM unnest(ARRAY[
	'INSERT INTO orders (id, amount) VALUES (''open'', 1)',
	format('INSERT INTO payments (id, order_id, amount) VALUES (''open.a'', %L, 1)', CASE WHEN :{?sharded} THEN 'open' ELSE 'paid' END)]) s;
SELECT is((fault_of(s)).code, '22P02', s) FROM unnest(ARRAY[
	'UPDATE payments SET status = ''CAPTURED'' WHERE id = ''held.a''', 'UPDATE payments SET status = ''nonsense''::text WHERE id = ''held.a''',
	'INSERT INTO orders (id, amount, status) VALUES (''new'', 1000, ''PAID'')']) s;

-- currencies: all 128 where the life cycle has no list, its own where it has
CREATE TEMP TABLE currency_line (l text);
\copy currency_line from program 'tail -n +3 test/data/razorpay_currencies.tsv' with (delimiter E'\001')
SELECT is((SELECT count(*) FROM currency_line), 128::bigint, 'there are 128 currencies');
SELECT is_empty($$SELECT l FROM currency_line WHERE helper.outcome(format(
	'INSERT INTO orders (id, amount, currency) VALUES (''new'', 1000, %L)', split_part(l, E'\t', 1)), true) <> 'accepted'$$,
	'Razorpay takes every one of them');
SELECT is((fault_of(format('INSERT INTO orders (id, lifecycle, amount, currency) VALUES (''new'', %L, 1000, %L)', lc, c))).code, e,
	format('%s and currency "%s"', lc, c))
  FROM (VALUES ('razorpay', 'inr', '23PS5'), ('razorpay', 'IN', '23PS5'), ('razorpay', 'INRX', '23PS5'), ('razorpay', '', '23PS5'),
		('razorpay', 'XXX', '23PS5'), ('paykun', 'INR', NULL), ('paykun', 'USD', '23PS5'), ('plural', 'USD', '23PS5'),
		('plural_preauth', 'INR', NULL), ('plural_preauth', 'JPY', '23PS5')) v (lc, c, e);

-- an unknown order is the foreign key's word, also where the key is off
SELECT told('INSERT INTO payments (id, order_id, amount) VALUES (''new'', ''nobody'', 1000)',
	('23503', 'insert or update on table "payments" violates foreign key constraint "payments_order_id_fkey"',
	'Key (order_id)=(nobody) is not present in table "orders".', '%', 'shop.payments', 'payments_order_id_fkey'), 'a payment of an unknown order');
SELECT conname AS refunds_key FROM pg_constraint WHERE conrelid = 'refunds'::regclass AND confrelid = 'payments'::regclass AND contype = 'f' \gset
SELECT told('INSERT INTO refunds (id, payment_id, amount) VALUES (''new'', ''nobody'', 1000)',
	('23503', format('insert or update on table "refunds" violates foreign key constraint "%s"', :'refunds_key'),
	'Key (%payment_id)=(%nobody) is not present in table "payments".', '%', 'shop.refunds', :'refunds_key'), 'a refund of an unknown payment');
SELECT told('INSERT INTO payments (id, order_id) VALUES (''new'', ''nobody'')',
	('23503', 'insert or update on table "payments" violates foreign key constraint "payments_order_id_fkey"', '%', '%',
	'shop.payments', 'payments_order_id_fkey'), 'also with its amount to be filled in');
CREATE FUNCTION helper.keyless(statement text) RETURNS helper.fault
	LANGUAGE plpgsql
AS $$
DECLARE
	f helper.fault;
BEGIN
	EXECUTE (SELECT string_agg(format('ALTER TABLE payments DISABLE TRIGGER %I', tgname), ';')
			   FROM pg_trigger WHERE tgrelid = 'payments'::regclass AND tgisinternal);
	f := helper.fault_of(statement);
	RAISE SQLSTATE 'TT001';
EXCEPTION WHEN SQLSTATE 'TT001' THEN RETURN f;
END
$$;
SELECT is((f).code || ' ' || (f)."constraint", '23503 payments_order_id_fkey', 'the guard itself says so where the key''s triggers are off')
  FROM keyless('INSERT INTO payments (id, order_id, amount) VALUES (''new'', ''nobody'', 1000)') f;

-- a guard called by hand
SELECT is((fault_of(format('SELECT paystate.%I()', f))).code, '39P01', f || ' called outside a trigger')
  FROM unnest(ARRAY['guard_orders', 'guard_payments', 'guard_refunds', 'guard_history']) f;

-- ---- key values are for those who may see them ------------------------------------------------------
CREATE ROLE refusals_clerk;
CREATE ROLE refusals_blind;
GRANT USAGE ON SCHEMA shop TO refusals_clerk, refusals_blind;
GRANT SELECT, INSERT, UPDATE ON orders, payments, refunds TO refusals_clerk;
GRANT INSERT ON payments, refunds, orders TO refusals_blind;
GRANT UPDATE (status), SELECT (amount) ON payments TO refusals_blind;
SELECT matches((fault_of(s, 'refusals_clerk')).detail, '"paid', 'one who may read the tables is told the key')
  FROM unnest(ARRAY['INSERT INTO payments (id, order_id, amount) VALUES (''x'', ''paid'', 1000)',
	'INSERT INTO refunds (payment_id, amount) VALUES (''paid.a'', 5000)']) s;
SELECT is((f).code, c, 'one who may not is refused all the same: ' || s)
  FROM (VALUES ('INSERT INTO payments (id, order_id, amount) VALUES (''secret'', ''paid'', 1000)', '23PS3'),
		('INSERT INTO refunds (id, payment_id, amount) VALUES (''secret'', ''paid.a'', 5000)', '23PS4'),
		('INSERT INTO orders (id, amount) VALUES (''secret'', 1)', '23PS4'),
		('UPDATE payments SET status = ''created''', '23PS1')) v (s, c), fault_of(s, 'refusals_blind') f;
SELECT doesnt_match(concat_ws(' ', (f).message, (f).detail, (f).hint), p, 'but is not told the key: ' || s)
  FROM (VALUES ('INSERT INTO payments (id, order_id, amount) VALUES (''secret'', ''paid'', 1000)', 'secret|order "paid"'),
		('INSERT INTO refunds (id, payment_id, amount) VALUES (''secret'', ''paid.a'', 5000)', 'secret|paid\.a'),
		('INSERT INTO orders (id, amount) VALUES (''secret'', 1)', 'secret'),
		('UPDATE payments SET status = ''created''', '\.a"')) v (s, p), fault_of(s, 'refusals_blind') f;
SELECT is((fault_of(s, 'refusals_blind')).code, '42501', 'without the privilege: ' || s)
  FROM unnest(ARRAY['UPDATE orders SET notes = ''{}''', 'DELETE FROM payments', 'TRUNCATE payments', 'SELECT * FROM order_history',
	'INSERT INTO paystate.lifecycle SELECT * FROM paystate.lifecycle', 'UPDATE paystate.lifecycle_transition SET guard = ''-''']) s;

\ir lib/end.sql
