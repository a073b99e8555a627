-- Known ways around a life cycle that triggers enforce, tried by an
-- application's role that owns nothing; the tables' owner is no superuser
-- either.  Ids (A01 ...) are those of the catalogue of attacks, which
-- test/attacks/README.md maps to tests.  Beside the refusals stand the legal
-- twins.
--
-- With :by_owner set, the tables' owner tries the same; with :partitioned set,
-- all four tables are partitioned; with :sharded, by the order's key.
\ir lib/shop.sql
\if :{?by_owner}
\set attacker attacks_owner
\else
\set attacker attacks_app
\endif

CREATE ROLE attacks_owner IN ROLE pg_execute_server_program;
CREATE ROLE attacks_app IN ROLE pg_execute_server_program;
-- tables of attacks_owner in a schema of that name, for everybody to attack
\if :{?partitioned}
\ir lib/partition.sql
SET LOCAL helper.leaves = on;
\endif
\if :{?sharded}
GRANT CREATE ON DATABASE :"DBNAME" TO attacks_owner;
\endif
CREATE FUNCTION helper.attackable(a_schema name, partitioned boolean) RETURNS void
	LANGUAGE plpgsql
AS $$
DECLARE
	path text := current_setting('search_path');
BEGIN
	EXECUTE format('CREATE SCHEMA %I AUTHORIZATION attacks_owner', a_schema);
	SET LOCAL ROLE attacks_owner;
	IF current_setting('helper.sharded', true) = 'on' THEN
		PERFORM helper.spread(a_schema);
	ELSE
		PERFORM paystate.create_tables(a_schema, history_partition => CASE WHEN partitioned THEN 'month' END);
	END IF;
	RESET ROLE;
	IF partitioned THEN
		PERFORM set_config('search_path', quote_ident(a_schema) || ', helper, public', true);
		DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;
		PERFORM helper.partition('orders'), helper.partition('payments'), helper.partition('refunds');
		PERFORM set_config('search_path', path, true);
	END IF;
	EXECUTE format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO attacks_app', a_schema);
	EXECUTE format('GRANT USAGE ON SCHEMA %I TO attacks_app', a_schema);
END
$$;
SELECT attackable('mall', :{?partitioned}) IS NULL AS made \gset
GRANT USAGE ON SCHEMA helper TO attacks_app, attacks_owner;
SET LOCAL search_path = mall, helper, public;
SET LOCAL helper.role = :'attacker';

SELECT * FROM no_plan();
SELECT is((SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname LIKE 'attacks%'), false, 'neither the owner nor the application is a superuser');

SET LOCAL ROLE :"attacker";
DO $$ BEGIN
	PERFORM given('open', 'razorpay', 1000, 'a=1000');
	PERFORM given('held', 'razorpay', 1000, 'a=1000 a>authorized');
	PERFORM given('two', 'razorpay', 1000, 'a=1000 b=1000 a>authorized b>authorized');
	PERFORM given('parts', 'razorpay', 1000, 'a=600 b=400 a>authorized b>authorized', true);
	PERFORM given('paid', 'razorpay', 1000, 'a=1000 b=1000 a>authorized a>captured');
	PERFORM given('back', 'razorpay', 1000, 'a=1000 a>authorized a>captured a-1000');
	PERFORM given('lost', 'razorpay', 1000, 'a=1000 a>failed');
	PERFORM given('min', 'razorpay', 1000, '', true, 300);
	PERFORM given('free', 'razorpay', 1000);
	PERFORM given('void', 'plural', 1000, '!cancel');
	PERFORM given('dead', 'plural', 1000, 'a=1000 !fail');
	PERFORM given('legs', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized');
END $$;
RESET ROLE;

-- ---- 2a direct writes --------------------------------------------------------------------------
SELECT refused(s, m, format('%s: %s', id, s)) FROM (VALUES
	('A01', 'UPDATE orders SET status = ''paid'' WHERE id = ''open''', '23PS6 column "status" of table "orders" is derived'),
	('A01', 'UPDATE orders SET status = ''attempted'' WHERE id = ''open''', '23PS6 column "status" of table "orders" is derived'),
	('A02', 'UPDATE orders SET status = ''created'' WHERE id = ''paid''', '23PS6 column "status" of table "orders" is derived'),
	('A03', 'UPDATE orders SET amount_paid = 1000 WHERE id = ''open''', '23PS6 column "amount_paid" of table "orders" is derived'),
	('A03', 'UPDATE orders SET attempts = attempts + 100 WHERE id = ''open''', '23PS6 column "attempts" of table "orders" is derived'),
	('A04', 'UPDATE orders SET amount_due = 0 WHERE id = ''open''', '23PS6 column "amount_due" of table "orders" is derived'),
	('A05', 'UPDATE orders SET amount = 600 WHERE id = ''open''', '23PS6 column "amount" of table "orders" cannot be changed'),
	('A06', 'UPDATE orders SET currency = ''USD'' WHERE id = ''open''', '23PS6 column "currency" of table "orders" cannot be changed'),
	('A06', 'UPDATE payments SET currency = ''USD'' WHERE id = ''open.a''', '23PS6 column "currency" of table "payments" cannot be changed'),
	('A06', 'INSERT INTO payments (order_id, amount, currency) VALUES (''open'', 1000, ''USD'')', says('23PS5', 'insert payments', 'razorpay')),
	('A07', 'UPDATE orders SET lifecycle = ''plural_preauth'' WHERE id = ''open''', '23PS6 column "lifecycle" of table "orders" cannot be changed'),
	('A08', 'UPDATE orders SET id = ''nine'' WHERE id = ''open''', '23PS6 column "id" of table "orders" cannot be changed'),
	('A08', 'UPDATE orders SET id = ''nine'' WHERE id = ''free''', '23PS6 column "id" of table "orders" cannot be changed'),
	('A08', 'UPDATE payments SET id = ''nine'' WHERE id = ''open.a''', '23PS6 column "id" of table "payments" cannot be changed'),
	('A09', 'UPDATE orders SET created_at = ''2000-01-01'' WHERE id = ''open''', '23PS6 column "created_at" of table "orders" cannot be changed'),
	('A10', 'UPDATE payments SET order_id = ''free'' WHERE id = ''open.a''', '23PS6 column "order_id" of table "payments" cannot be changed'),
	('A10', 'UPDATE payments SET order_id = ''free'' WHERE id = ''paid.a''', '23PS6 column "order_id" of table "payments" cannot be changed'),
	('A11', 'UPDATE payments SET amount = 1 WHERE id = ''paid.a''', '23PS6 column "amount" of table "payments" cannot be changed'),
	('A12', 'UPDATE payments SET status = ''captured'' WHERE id = ''open.a''', says('23PS1', 'update payments', 'razorpay')),
	('A12', 'UPDATE payments SET status = ''captured'' WHERE id = ''lost.a''', says('23PS1', 'update payments', 'razorpay')),
	('A12', 'UPDATE payments SET status = ''captured'' WHERE id = ''back.a''', says('23PS1', 'update payments', 'razorpay')),
	('A13', 'INSERT INTO orders (id, amount, status) VALUES (''nine'', 1000, ''paid'')', says('23PS2', 'insert orders', 'razorpay')),
	('A13', 'INSERT INTO orders (id, amount, amount_paid) VALUES (''nine'', 1000, 1000)', '23PS6 column "amount_paid" of table "orders" is derived'),
	('A13', 'INSERT INTO orders (id, amount, attempts) VALUES (''nine'', 1000, 5)', '23PS6 column "attempts" of table "orders" is derived'),
	('A14', 'INSERT INTO payments (order_id, amount, status) VALUES (''open'', 1000, ''captured'')', says('23PS2', 'insert payments', 'razorpay')),
	('A15', 'INSERT INTO payments (order_id, amount) VALUES (''paid'', 1000)', says('23PS3', 'insert payments', 'razorpay')),
	('A15', 'INSERT INTO payments (order_id, amount) VALUES (''void'', 1000)', says('23PS3', 'insert payments', 'plural')),
	('A15', 'INSERT INTO payments (order_id, amount) VALUES (''dead'', 1000)', says('23PS3', 'insert payments', 'plural')),
	('A16', 'INSERT INTO payments (order_id, amount) VALUES (''nobody'', 1000)', '23503 insert or update on table "payments" violates foreign key constraint "payments_order_id_fkey"'),
	('A17', 'DELETE FROM orders WHERE id = ''free''', '23PS7 delete on table "orders" is not allowed'),
	('A17', 'DELETE FROM payments WHERE id = ''open.a''', '23PS7 delete on table "payments" is not allowed'),
	('A17', 'DELETE FROM refunds', '23PS7 delete on table "refunds" is not allowed'),
	('A17', 'DELETE FROM order_history', '23PS7 delete on table "order_history" is not allowed'),
	('A18', 'TRUNCATE refunds', '23PS7 truncate on table "refunds" is not allowed'),
	('A18', 'TRUNCATE payments, refunds', '23PS7 truncate on table "payments" is not allowed'),
	('A18', 'TRUNCATE order_history', '23PS7 truncate on table "order_history" is not allowed'),
	('A21', 'UPDATE payments SET status = ''captured'' WHERE order_id = ''two''', says('23PS3', 'update payments', 'razorpay'))) v (id, s, m);
SELECT matches(outcome('TRUNCATE orders CASCADE', true), '^23PS7 truncate on table ', 'A18: TRUNCATE orders CASCADE');
SELECT no_op(s, format('%s: nothing happens: %s', id, s)) FROM (VALUES
	('A19', 'UPDATE orders SET status = status'), ('A19', 'UPDATE payments SET status = status'),
	('A20', 'UPDATE payments SET status = ''captured'' WHERE id = ''paid.a''')) v (id, s);
\if :{?sharded}
SELECT refused('INSERT INTO payments (id, amount) VALUES (''alone'', 1000)', '23502 null value in column "order_id" of relation "payments" violates not-null constraint', 'A16: a payment has its order');
\else
SELECT accepted('INSERT INTO payments (id, amount) VALUES (''alone'', 1000)', 'A16: a payment may have no order');
\endif
SELECT would('held', 'a>captured', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0', 'A12, A20: the legal capture');
SELECT accepted('UPDATE payments SET status = ''captured'' WHERE order_id = ''parts''', 'A22: one statement captures 600 and 400');
SELECT stands('parts', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v7; a captured 600/600-0-0, b captured 400/400-0-0', 'A22: paid exactly');
SELECT accepted('UPDATE payments SET status = ''captured'' WHERE id = ''two.a''', 'A21: one of two may');

-- ---- 2b values -----------------------------------------------------------------------------------
SELECT refused(s, m, format('%s: %s', id, left(s, 120))) FROM (VALUES
	('B01', 'INSERT INTO orders (id, amount) VALUES (''nine'', 0)', says('23PS4', 'insert orders', 'razorpay')),
	('B01', 'INSERT INTO orders (id, amount) VALUES (''nine'', -1)', says('23PS4', 'insert orders', 'razorpay')),
	('B01', 'INSERT INTO payments (order_id, amount) VALUES (''open'', 0)', says('23PS4', 'insert payments', 'razorpay')),
	('B01', 'INSERT INTO payments (order_id, amount) VALUES (''open'', -1)', says('23PS4', 'insert payments', 'razorpay')),
	('B01', 'INSERT INTO refunds (payment_id, amount) VALUES (''paid.a'', 0)', says('23PS4', 'insert refunds', 'razorpay')),
	('B01', 'INSERT INTO refunds (payment_id, amount) VALUES (''paid.a'', -1)', says('23PS4', 'insert refunds', 'razorpay')),
	('B02', 'INSERT INTO orders (id, amount) VALUES (''nine'', NULL)', '23502 null value in column "amount" of relation "orders" violates not-null constraint'),
	('B02', 'INSERT INTO refunds (payment_id, amount) VALUES (''paid.a'', NULL)', '23502 null value in column "amount" of relation "refunds" violates not-null constraint'),
	('B02', 'UPDATE payments SET status = NULL WHERE id = ''open.a''', '23502 null value in column "status" of relation "payments" violates not-null constraint'),
	('B02', 'UPDATE orders SET lifecycle = NULL WHERE id = ''open''', '23502 null value in column "lifecycle" of relation "orders" violates not-null constraint'),
	('B04', 'INSERT INTO orders (id, amount) VALUES (''nine'', -9223372036854775808)', says('23PS4', 'insert orders', 'razorpay')),
	('B04', 'INSERT INTO payments (order_id, amount) VALUES (''open'', -9223372036854775808)', says('23PS4', 'insert payments', 'razorpay')),
	('B04', 'INSERT INTO refunds (payment_id, amount) VALUES (''paid.a'', 9223372036854775807)', says('23PS4', 'insert refunds', 'razorpay')),
	('B04', 'UPDATE orders SET amount_paid = -1 WHERE id = ''open''', '23PS6 column "amount_paid" of table "orders" is derived'),
	('B05', 'INSERT INTO orders (id, amount) VALUES (''nine'', ''NaN''::numeric)', '0A000 cannot convert NaN to bigint'),
	('B05', 'INSERT INTO orders (id, amount) VALUES (''nine'', ''Infinity''::numeric)', '0A000 cannot convert infinity to bigint'),
	('B07', 'UPDATE payments SET status = ''CAPTURED'' WHERE id = ''held.a''', '22P02 invalid input value for enum paystate.payment_status: "CAPTURED"'),
	('B07', 'UPDATE payments SET status = ''captured '' WHERE id = ''held.a''', '22P02 invalid input value for enum paystate.payment_status: "captured "'),
	('B07', 'UPDATE payments SET status = '''' WHERE id = ''held.a''', '22P02 invalid input value for enum paystate.payment_status: ""'),
	('B07', 'UPDATE orders SET status = ''pаid'' WHERE id = ''open''', '22P02 invalid input value for enum paystate.order_status: "pаid"'),
	('B08', 'INSERT INTO payments (order_id, amount) VALUES (''min'', 299)', says('23PS4', 'insert payments', 'razorpay')),
	('B08', 'INSERT INTO payments (order_id, amount) VALUES (''min'', 1001)', says('23PS4', 'insert payments', 'razorpay')),
	('B08', 'INSERT INTO payments (order_id, amount) VALUES (''open'', 600)', says('23PS4', 'insert payments', 'razorpay')),
	('B09', 'INSERT INTO refunds (payment_id, amount) VALUES (''paid.a'', 1001)', says('23PS4', 'insert refunds', 'razorpay')),
	('B09', 'INSERT INTO refunds (payment_id, amount) VALUES (''held.a'', 100)', says('23PS1', 'insert refunds', 'razorpay')),
	('B09', 'INSERT INTO refunds (payment_id, amount) VALUES (''back.a'', 1)', says('23PS1', 'insert refunds', 'razorpay')),
	('B11', 'SELECT 1::paystate.order_status', '42846 cannot cast type integer to paystate.order_status'),
	('B11', 'SELECT status + 1 FROM orders', '42883 operator does not exist: paystate.order_status + integer')) v (id, s, m);
SELECT matches(outcome(format('UPDATE payments SET status = %L WHERE id = ''held.a''', repeat('x', 1024 * 1024))), '^22P02 ', 'B07: a label of a megabyte');
SELECT accepted('INSERT INTO payments (id, order_id, amount) VALUES (''min.a'', ''min'', 300)', 'B08: the first minimum');
SELECT is(given('huge', 'razorpay', 9223372036854775807, 'a= a>authorized a>captured'),
	'paid 9223372036854775807 of 9223372036854775807, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 9223372036854775807/9223372036854775807-0-0',
	'B03: the largest amount there is, captured');
SELECT cannot('huge', 'b=1', '23PS3', 'B03: one more');
SELECT is(given('halves', 'razorpay', 9223372036854775807, 'a=4611686018427387903 a>authorized a>captured b=4611686018427387904 b>authorized b>captured', true),
	'paid 9223372036854775807 of 9223372036854775807, due 0, held 0, pending 0, back 0, attempts 2, open 0, v7; a captured 4611686018427387903/4611686018427387903-0-0, b captured 4611686018427387904/4611686018427387904-0-0',
	'B04: and in two halves');
SELECT is(given('over', 'razorpay', 9223372036854775807, 'a=9223372036854775807', true),
	'created 0 of 9223372036854775807, due 9223372036854775807, held 0, pending 9223372036854775807, back 0, attempts 0, open 1, v2; a created 0/9223372036854775807-0-0',
	'B03: a payment of all of it is open');
SELECT cannot('over', 'b=9223372036854775807', '23PS4', 'B03: a counter never wraps');
-- attempts at their end: only the owner can bring that about, guards off
CREATE FUNCTION helper.worn(statement text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
BEGIN
	ALTER TABLE orders DISABLE TRIGGER USER;
	UPDATE orders SET attempts = 2147483647 WHERE id = 'free';
	ALTER TABLE orders ENABLE TRIGGER USER;
	got := helper.outcome(statement);
	RAISE SQLSTATE 'TT001';
EXCEPTION WHEN SQLSTATE 'TT001' THEN RETURN got;
END
$$;
SELECT is(worn('INSERT INTO payments (id, order_id) VALUES (''free.z'', ''free'')'), 'accepted', 'B06: a payment that does not count yet');
SELECT is(worn('INSERT INTO payments (id, order_id) VALUES (''free.z'', ''free''); UPDATE payments SET status = ''failed'' WHERE id = ''free.z'''),
	says('23PS4', 'update payments', 'razorpay'), 'B06: attempts never wrap');
SELECT accepted('INSERT INTO payments (id, order_id) VALUES (''free.a'', ''free'')', 'B06: far from the end');
SET LOCAL ROLE attacks_owner;
ALTER TABLE orders ALTER status SET DEFAULT 'paid';
ALTER TABLE payments ALTER status SET DEFAULT 'captured';
RESET ROLE;
SELECT refused('INSERT INTO orders (id, amount) VALUES (''nine'', 1000)', says('23PS2', 'insert orders', 'razorpay'), 'B10: a default of paid');
SELECT refused('INSERT INTO payments (id, order_id) VALUES (''nine'', ''open'')', says('23PS2', 'insert payments', 'razorpay'), 'B10: a default of captured');
SET LOCAL ROLE attacks_owner;
ALTER TABLE orders ALTER status DROP DEFAULT;
ALTER TABLE payments ALTER status DROP DEFAULT;
RESET ROLE;
SELECT accepted('INSERT INTO orders (id, amount) VALUES (''ten'', 1000)', 'B10: without it');
SELECT is((ARRAY['paid'::paystate.order_status])[1]::text || (ROW('paid'::paystate.order_status)).f1
		|| (to_jsonb('paid'::paystate.order_status) #>> '{}')::paystate.order_status, 'paidpaidpaid', 'B11: arrays, rows and jsonb give statuses back');
-- COPY BINARY of (id, amount, status): id "bin", amount 1000
CREATE FUNCTION helper.copy_binary(label text) RETURNS text
	LANGUAGE sql
AS $$
	SELECT format($c$COPY orders (id, amount, status) FROM PROGRAM %L (FORMAT binary)$c$,
		format($p$printf 'PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\003\000\000\000\003bin\000\000\000\010\000\000\000\000\000\000\003\350\000\000\000\%s%s\377\377'$p$,
			lpad(to_char(octet_length(label) / 8 * 10 + octet_length(label) % 8, 'FM000'), 3, '0'), label));
$$;
SELECT matches(outcome(copy_binary(l), true), '^22P02 invalid input value for enum paystate.order_status: ', format('B12: COPY BINARY of label "%s"', l))
  FROM unnest(ARRAY['nine', 'PAID', '1', '    ']) l;
SELECT refused(copy_binary('paid'), says('23PS2', 'insert orders', 'razorpay'), 'B12: COPY BINARY of paid');
SELECT is(outcome(copy_binary('created'), true), 'accepted', 'B12: COPY BINARY of created');

-- ---- 2c statement shapes -----------------------------------------------------------------------------
SELECT refused('COPY orders (id, amount, status) FROM PROGRAM ''printf "c1,1000,\nc2,1000,paid\n"'' (FORMAT csv)', says('23PS2', 'insert orders', 'razorpay'),
	'C01: COPY with one row paid');
SELECT accepted('COPY orders (id, amount, status) FROM PROGRAM ''printf "c1,1000,\nc2,1000,created\n"'' (FORMAT csv)', 'C01: COPY with none');
SELECT is((SELECT count(*) FROM orders WHERE id IN ('c1', 'c2')), 2::bigint, 'C01: both are there');
SET LOCAL helper.role = '';
SELECT is(outcome(format('CREATE SCHEMA frozen; SELECT paystate.create_tables(''frozen''); COPY frozen.orders (id, amount, status) FROM PROGRAM ''echo f1,1000,%s'' (FORMAT csv, FREEZE)', s), true),
	m, format('C01: COPY FREEZE of an order %s', s))
  FROM (VALUES ('paid', says('23PS2', 'insert orders', 'razorpay')), ('created', 'accepted')) v (s, m);
SET LOCAL helper.role = :'attacker';
SELECT no_op('INSERT INTO payments (id, order_id, amount) VALUES (''paid.a'', ''paid'', 1000) ON CONFLICT (id) DO NOTHING', 'C02: a payment delivered again on a paid order');
SELECT accepted('INSERT INTO payments (id, order_id, amount) VALUES (''open.a'', ''open'', 1000) ON CONFLICT (id) DO UPDATE SET status = ''authorized''', 'C03: ON CONFLICT DO UPDATE is an UPDATE');
SELECT stands('open', 'attempted 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 1, open 1, v3; a authorized 0/1000-0-0', 'C03: with one row of history');
SELECT refused('INSERT INTO payments (id, order_id, amount) VALUES (''open.a'', ''open'', 1000) ON CONFLICT (id) DO UPDATE SET status = ''refunded'', amount = 1',
	'23PS6 column "amount" of table "payments" cannot be changed', 'C04: ON CONFLICT DO UPDATE of the amount');
SELECT refused('INSERT INTO payments (id, order_id, amount) VALUES (''open.a'', ''open'', 1000) ON CONFLICT (id) DO UPDATE SET status = ''created''',
	says('23PS1', 'update payments', 'razorpay'), 'C04: ON CONFLICT DO UPDATE backwards');
SELECT refused(s, m, 'C05: ' || s) FROM (VALUES
	('MERGE INTO payments p USING (VALUES (''open.a'')) v (id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET status = ''created''', says('23PS1', 'update payments', 'razorpay')),
	('MERGE INTO orders o USING (VALUES (''nine'')) v (id) ON o.id = v.id WHEN NOT MATCHED THEN INSERT (id, amount, status) VALUES (v.id, 1000, ''paid'')', says('23PS2', 'insert orders', 'razorpay')),
	('MERGE INTO payments p USING (VALUES (''open.a'')) v (id) ON p.id = v.id WHEN MATCHED THEN DELETE', '23PS7 delete on table "payments" is not allowed')) v (s, m);
SELECT accepted('MERGE INTO payments p USING (VALUES (''two.b'')) v (id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET status = ''refunded''', 'C05: a legal MERGE');
SELECT no_op('MERGE INTO payments p USING (VALUES (''paid.a'')) v (id) ON p.id = v.id WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (id, order_id, amount) VALUES (v.id, ''paid'', 1000)', 'C06: MERGE with nothing to do');
SELECT refused(s, m, 'C06: ' || s) FROM (VALUES
	('MERGE INTO payments p USING (VALUES (''open.a'')) v (id) ON p.id = v.id WHEN NOT MATCHED BY SOURCE THEN DELETE', '23PS7 delete on table "payments" is not allowed'),
	('MERGE INTO payments p USING (VALUES (''open.a'')) v (id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET status = ''captured'' RETURNING p.status', 'accepted')) v (s, m)
 WHERE current_setting('server_version_num')::integer >= 170000;
SELECT refused('WITH a AS (UPDATE payments SET status = ''captured'' WHERE id = ''open.a'' RETURNING 1), b AS (UPDATE orders SET attempts = attempts + 100 WHERE id = ''open'' RETURNING 1) SELECT * FROM a, b',
	'23PS6 column "attempts" of table "orders" is derived', 'C07: a capture and a counter in one statement');
SELECT accepted('WITH a AS (UPDATE payments SET status = ''captured'' WHERE id = ''open.a'' RETURNING 1), b AS (UPDATE orders SET notes = ''{"n": "x"}'' WHERE id = ''open'' RETURNING 1) SELECT * FROM a, b',
	'C08: a capture and the order''s notes in one statement');
SELECT stands('open', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0', 'C08: captured once');
SELECT is((SELECT notes FROM orders WHERE id = 'open'), '{"n": "x"}', 'C08: and noted');
SELECT accepted('WITH o AS (INSERT INTO orders (id, amount) VALUES (''c9'', 1000) RETURNING id) INSERT INTO payments (id, order_id, amount) SELECT id || ''.a'', id, 1000 FROM o', 'C09: an order and its payment in one statement');
SELECT stands('c9', 'created 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 0, open 1, v2; a created 0/1000-0-0', 'C09: both are there');
SELECT matches(outcome('WITH a AS (UPDATE payments SET status = ''processed'' WHERE id = ''legs.a'' RETURNING 1), b AS (UPDATE orders SET status = ''cancelled'' WHERE id = ''legs'' RETURNING 1) SELECT * FROM a, b', true),
	'^23PS[13] ', 'C10: a capture and the cancel of its order in one statement');
SELECT stands('legs', 'authorized 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 2, open 2, v5; a authorized 0/600-0-0, b authorized 0/400-0-0', 'C10: neither happened');
SELECT refused('UPDATE payments p SET status = ''captured'' FROM (SELECT id FROM payments WHERE status = ''created'') s WHERE p.id = s.id AND p.order_id = ''c9''', says('23PS1', 'update payments', 'razorpay'), 'C11: an UPDATE by a join');
SELECT accepted('UPDATE payments p SET status = ''authorized'' FROM (SELECT id FROM payments WHERE status = ''created'') s WHERE p.id = s.id AND p.order_id = ''c9''', 'C11: a legal one');
SELECT refused('DO $d$ DECLARE c CURSOR FOR SELECT * FROM payments WHERE id LIKE ''c9.a%'' FOR UPDATE; BEGIN OPEN c; MOVE c; UPDATE payments SET status = ''created'' WHERE CURRENT OF c; CLOSE c; END $d$',
	says('23PS1', 'update payments', 'razorpay'), 'C12: WHERE CURRENT OF');
SELECT accepted('DO $d$ DECLARE c CURSOR FOR SELECT * FROM payments WHERE id LIKE ''c9.a%'' FOR UPDATE; BEGIN OPEN c; MOVE c; UPDATE payments SET status = ''captured'' WHERE CURRENT OF c; CLOSE c; END $d$',
	'C12: a legal one');
SET LOCAL ROLE attacks_owner;
CREATE VIEW mall.seen AS SELECT * FROM payments WHERE amount > 0 WITH CHECK OPTION;
GRANT SELECT, INSERT, UPDATE ON mall.seen TO attacks_app;
RESET ROLE;
SELECT refused('UPDATE seen SET status = ''authorized'' WHERE id = ''c9.a''', says('23PS1', 'update payments', 'razorpay'), 'C14: through a view');
SELECT accepted('UPDATE seen SET status = ''refunded'' WHERE id = ''c9.a''', 'C14: a legal one');

-- ---- 2d transactions --------------------------------------------------------------------------------------
SET LOCAL ROLE :"attacker";
SAVEPOINT d01;
UPDATE payments SET status = 'processed', amount_captured = 500 WHERE id = 'legs.a';
ROLLBACK TO d01;
UPDATE orders SET status = 'cancelled' WHERE id = 'legs';
RESET ROLE;
SELECT stands('legs', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v8; a cancelled 0/600-0-0, b cancelled 0/400-0-0',
	'D01: after ROLLBACK TO a capture was never there');
SELECT refused(format('DO $d$ BEGIN BEGIN %s; EXCEPTION WHEN OTHERS THEN NULL; END; UPDATE orders SET amount_paid = 1000, version = version + 1 WHERE id = ''c1''; END $d$', s),
	'23PS6 column "amount_paid" of table "orders" is derived', 'D02: a direct write after a refusal that was swallowed')
  FROM unnest(ARRAY['UPDATE payments SET status = ''created'' WHERE id = ''paid.a''', 'INSERT INTO payments (order_id, amount) VALUES (''c1'', 1)']) s;
SELECT refused('DO $d$ BEGIN INSERT INTO payments (id, order_id) VALUES (''c1.a'', ''c1''); UPDATE orders SET amount_paid = 1000, version = version + 1 WHERE id = ''c1''; END $d$',
	'23PS6 column "amount_paid" of table "orders" is derived', 'D02: a direct write after a legal one');
-- ten thousand; a thousand where the matrix repeats it
SELECT set_config('helper.many', CASE WHEN :{?by_owner} OR :{?partitioned} THEN '9' ELSE '99' END, true) AS many \gset
DO $$ BEGIN
	PERFORM set_config('role', current_setting('helper.role'), true);
	FOR o IN 0 .. current_setting('helper.many')::integer LOOP
		INSERT INTO orders (id, amount) VALUES ('d3.' || o, 1000);
		FOR p IN 0 .. 99 LOOP
			BEGIN
				INSERT INTO payments (id, order_id) VALUES (format('d3.%s.%s', o, p), 'd3.' || o);
				IF p % 2 = 1 THEN
					RAISE SQLSTATE 'TT000';
				END IF;
			EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
			END;
		END LOOP;
	END LOOP;
	RESET ROLE;
END $$;
SELECT is((SELECT count(*) FROM orders WHERE id LIKE 'd3.%'), current_setting('helper.many')::bigint + 1, 'D03: orders with a hundred savepoints each');
SELECT is((SELECT array_agg(DISTINCT concat_ws(' ', payments_open, amount_pending, version)) FROM orders WHERE id LIKE 'd3.%'), '{50 50000 51}',
	'D03: savepoints, a payment each, every other rolled back');

ANALYZE orders, payments, refunds, order_history;

-- ---- 2f names, roles, privileges ------------------------------------------------------------------------------
CREATE FUNCTION helper.fresh(o text) RETURNS text LANGUAGE sql AS $$SELECT helper.given(o, 'razorpay', 1000, 'a= a>authorized')$$;
DO $$ BEGIN PERFORM fresh('f' || i) FROM generate_series(5, 12) i; END $$;
\if :{?by_owner}
-- he may, and then either nothing can be written or check_guards() tells
SELECT refused(d || '; UPDATE payments SET status = ''failed'' WHERE id = ''f5.a''', m, 'F01: ' || d) FROM (VALUES
	('ALTER TABLE payments DISABLE TRIGGER "A_paystate_guard"', '23PS8 table "payments" is not bound to a life cycle'),
	('DROP TRIGGER "A_paystate_guard" ON payments', '23PS8 table "payments" is not bound to a life cycle')) v (d, m);
SELECT matches(outcome(d || '; DO $d$ BEGIN RAISE ''%'', (SELECT string_agg(problem, '','' ORDER BY problem) FROM paystate.check_guards() WHERE relation = ''mall.payments''::regclass); END $d$', true),
	m, 'F01, G02: found: ' || d) FROM (VALUES
	('ALTER TABLE payments DISABLE TRIGGER USER', '^P0001 disabled guard,disabled guard,disabled guard'),
	('DROP TRIGGER "A_paystate_guard" ON payments; DROP TRIGGER _paystate_before ON payments; DROP TRIGGER _paystate_truncate ON payments', '^P0001 missing guard')) v (d, m);
\else
SELECT refused(s, m, 'F01: ' || s) FROM (VALUES
	('ALTER TABLE payments DISABLE TRIGGER ALL', '42501 must be owner of table payments'),
	('DROP TRIGGER "A_paystate_guard" ON payments', '42501 must be owner of relation payments')) v (s, m);
\endif
SELECT refused('SET LOCAL session_replication_role = replica', '42501 permission denied to set parameter "session_replication_role"', 'F01: SET session_replication_role');
-- F02: the application holds TRIGGER, from GRANT ALL
CREATE SCHEMA mine AUTHORIZATION :"attacker";
CREATE FUNCTION helper.with_ddl(ddl text, statement text) RETURNS text
	LANGUAGE sql
AS $$
	SELECT helper.outcome(ddl || ';' || statement, true);
$$;
SET LOCAL ROLE :"attacker";
CREATE FUNCTION mine.rewrite() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.status := TG_ARGV[0]; RETURN NEW; END$$;
CREATE FUNCTION mine.enrich() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.amount_captured := 5; RETURN NEW; END$$;
RESET ROLE;
SELECT is(with_ddl('CREATE TRIGGER zz BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION mine.rewrite(''created'')',
	'UPDATE payments SET status = ''captured'' WHERE id = ''f5.a'''), '23PS6 column "amount_captured" of table "payments" is derived', 'F02: a later BEFORE trigger takes the status back and keeps the capture');
SELECT is(with_ddl('CREATE TRIGGER zz BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION mine.rewrite(''captured'')',
	'UPDATE payments SET status = ''failed'' WHERE id = ''free.a'''), says('23PS1', 'update payments', 'razorpay'), 'F02: or rewrites it');
SELECT matches(with_ddl('CREATE TRIGGER zz BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION mine.enrich()',
	'UPDATE payments SET status = ''failed'' WHERE id = ''free.a'''), '^23PS6 ', 'F02: or the captured amount');
SELECT is(with_ddl('CREATE TRIGGER zz BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION mine.rewrite(''captured'')',
	'INSERT INTO payments (id, order_id) VALUES (''zz'', ''c1'')'), says('23PS2', 'insert payments', 'razorpay'), 'F02: or the initial status');
SELECT is(with_ddl('CREATE TRIGGER zz BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION mine.rewrite(''captured'')',
	'UPDATE payments SET status = ''captured'' WHERE id = ''f5.a'''), 'accepted', 'F02: one that does what is legal');

SELECT is(with_ddl('CREATE TEMP TABLE orders (LIKE mall.orders) ON COMMIT DROP; CREATE TEMP TABLE order_history (LIKE mall.order_history)',
	'UPDATE mall.payments SET status = ''captured'' WHERE id = ''f5.a'';
	 DO $d$ BEGIN IF EXISTS (SELECT FROM pg_temp.orders) OR (SELECT status FROM mall.orders WHERE id = ''f5'') <> ''paid''
		OR EXISTS (SELECT FROM pg_temp.order_history) OR (SELECT count(*) FROM mall.order_history WHERE order_id = ''f5'') <> 4 THEN RAISE ''shadowed''; END IF; END $d$'),
	'accepted', 'F05: temporary tables of the same names have no effect');

-- F06, F07: whatever stands first in the search path raises
SET LOCAL ROLE :"attacker";
CREATE FUNCTION mine.gone(l bigint, r bigint) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RAISE 'shadow used'; END$$;
CREATE FUNCTION mine.glued(l text, r text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'shadow used'; END$$;
DO $$
DECLARE
	t text;
	op text;
BEGIN
	FOREACH t IN ARRAY ARRAY['paystate.order_status', 'paystate.payment_status', 'paystate.refund_status', 'text', 'bigint', 'integer', 'name'] LOOP
		EXECUTE format('CREATE FUNCTION mine.used(l %s, r %1$s) RETURNS boolean LANGUAGE plpgsql AS %L', t, 'BEGIN RAISE ''shadow used''; END');
		FOREACH op IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>='] LOOP
			EXECUTE format('CREATE OPERATOR mine.%s (FUNCTION = mine.used, LEFTARG = %s, RIGHTARG = %2$s)', op, t);
		END LOOP;
	END LOOP;
	FOREACH op IN ARRAY ARRAY['+', '-', '*'] LOOP
		EXECUTE format('CREATE OPERATOR mine.%s (FUNCTION = mine.gone, LEFTARG = bigint, RIGHTARG = bigint)', op);
	END LOOP;
	CREATE OPERATOR mine.|| (FUNCTION = mine.glued, LEFTARG = text, RIGHTARG = text);
	FOREACH t IN ARRAY ARRAY['now()', 'clock_timestamp()', 'sum(bigint)', 'count(bigint)', 'format(text)', 'char_length(text)', 'notes_ok(jsonb)',
			'current_setting(text)', 'jsonb_build_object(text)', 'new_id(text)'] LOOP
		EXECUTE format('CREATE FUNCTION mine.%s RETURNS text LANGUAGE plpgsql AS %L', t, 'BEGIN RAISE ''shadow used''; END');
	END LOOP;
	CREATE DOMAIN mine.order_status AS text CHECK (VALUE = 'shadow');
END $$;
RESET ROLE;
SELECT is(outcome('SET LOCAL search_path = mine, pg_catalog; SELECT 1::bigint = 1::bigint', true), 'P0001 shadow used', 'F06: the shadow works where it is looked at');
CREATE FUNCTION helper.under(path text, o text) RETURNS text
	LANGUAGE sql
AS $$
	SELECT helper.outcome(format($s$SET LOCAL search_path = %s;
		INSERT INTO mall.orders (id, amount, notes, receipt) VALUES ('%s', 1000, '{"a": 1}', 'r');
		INSERT INTO mall.payments (id, order_id) VALUES ('%2$s.a', '%2$s'), ('%2$s.b', '%2$s');
		UPDATE mall.payments SET status = 'authorized' WHERE id OPERATOR(pg_catalog.=) '%2$s.a';
		UPDATE mall.payments SET status = 'captured' WHERE id OPERATOR(pg_catalog.=) '%2$s.a';
		INSERT INTO mall.refunds (payment_id, amount) VALUES ('%2$s.a', 400);
		UPDATE mall.payments SET status = 'refunded' WHERE id OPERATOR(pg_catalog.=) '%2$s.a'$s$, path, o));
$$;
SELECT is(under(p, o), 'accepted', format('F06, F07: writes under search_path %s', p))
  FROM (VALUES ('mine, mall, pg_catalog', 's1'), ('mine, pg_catalog', 's2'), ('''''', 's3'), ('mine, mall', 's4')) v (p, o);
SELECT stands(o, 'paid 1000 of 1000, due 0, held 0, pending 1000, back 1000, attempts 1, open 1, v7; a refunded 1000/1000-1000-0, b created 0/1000-0-0',
	'F06, F07: and come to the same')
  FROM unnest(ARRAY['s1', 's2', 's3', 's4']) o;
SELECT is(outcome('SET LOCAL search_path = mine, mall, pg_catalog; UPDATE mall.orders SET status = ''paid'' WHERE id OPERATOR(pg_catalog.=) ''c1''', true),
	'23PS6 column "status" of table "orders" is derived', 'F06: nor is more allowed there');

-- F08: our guards on a table of one's own
SET LOCAL ROLE :"attacker";
\set refund_key payment_id
\set refund_row '(id, payment_id, amount) VALUES (''m'', ''paid.a'', 1000)'
\if :{?sharded}
\set refund_key 'order_id, payment_id'
\set refund_row '(order_id, id, payment_id, amount) VALUES (''paid'', ''m'', ''paid.a'', 1000)'
\endif
CREATE TABLE mine.payments (LIKE mall.payments INCLUDING DEFAULTS, PRIMARY KEY (id), FOREIGN KEY (order_id) REFERENCES mall.orders);
CREATE TABLE mine.refunds (LIKE mall.refunds INCLUDING DEFAULTS, PRIMARY KEY (id), FOREIGN KEY (:refund_key) REFERENCES mall.payments);
CREATE TABLE mine.history (LIKE mall.order_history INCLUDING DEFAULTS, PRIMARY KEY (order_id, seq), FOREIGN KEY (order_id) REFERENCES mall.orders);
CREATE VIEW mine.v AS SELECT * FROM mine.payments;
RESET ROLE;
CREATE FUNCTION helper.own(triggers text, statement text) RETURNS text
	LANGUAGE sql
AS $$
	SELECT helper.outcome(triggers || ';' || statement || '; DO $d$ BEGIN IF (SELECT row(status, amount_paid, payments_open, version) FROM mall.orders WHERE id = ''f8'')
		IS DISTINCT FROM row(''attempted''::paystate.order_status, 0::bigint, 1, 3) THEN RAISE ''minted''; END IF; END $d$', true);
$$;
SELECT is(own(format('CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE OR DELETE ON mine.payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(%L);
	CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON mine.payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(%1$L);
	CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON mine.payments EXECUTE FUNCTION paystate.guard_payments(%1$L)', 'lifecycle=razorpay'),
	'INSERT INTO mine.payments (id, order_id, amount) VALUES (''m'', ''f8'', 1000)'),
	format('23PS8 table "%s" is not bound to a life cycle', CASE :'attacker' WHEN 'attacks_app' THEN 'payments' ELSE 'orders' END),
	'F08: a full set of guards on payments of one''s own');
SELECT matches(own(format('CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE OR DELETE ON mine.refunds FOR EACH ROW EXECUTE FUNCTION paystate.guard_refunds(%L);
	CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON mine.refunds FOR EACH ROW EXECUTE FUNCTION paystate.guard_refunds(%1$L);
	CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON mine.refunds EXECUTE FUNCTION paystate.guard_refunds(%1$L)', 'lifecycle=razorpay'),
	'INSERT INTO mine.refunds ' || :'refund_row'), '^23PS8 table "\w+" is not bound to a life cycle',
	'F08: guards on refunds of one''s own');
SELECT is(own(t, s), CASE WHEN t ~ 'STATEMENT|INSTEAD' THEN '39P01 function "guard_payments" must be fired before or after, for each row' ELSE '23PS8 table "payments" is not bound to a life cycle' END, 'F08: ' || t) FROM (VALUES
	('CREATE TRIGGER g AFTER INSERT ON mine.payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'INSERT INTO mine.payments (id, order_id, amount, currency, status, status_since) VALUES (''m'', ''f8'', 1000, ''INR'', ''created'', now())'),
	('CREATE TRIGGER g AFTER INSERT OR UPDATE OR DELETE ON mine.payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments()', 'INSERT INTO mine.payments (id, order_id, amount, currency, status, status_since) VALUES (''m'', ''f8'', 1000, ''INR'', ''created'', now())'),
	('CREATE TRIGGER g AFTER INSERT ON mine.payments FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'INSERT INTO mine.payments (id, order_id, amount, currency, status, status_since) VALUES (''m'', ''f8'', 1000, ''INR'', ''created'', now())'),
	('CREATE TRIGGER g INSTEAD OF INSERT ON mine.v FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'INSERT INTO mine.v (id, order_id, amount) VALUES (''m'', ''f8'', 1000)'),
	('CREATE TRIGGER g BEFORE INSERT ON mine.payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_orders(''lifecycle=razorpay'')', 'INSERT INTO mine.payments (id, order_id, amount) VALUES (''m'', ''f8'', 1000)'),
	('CREATE TRIGGER g AFTER INSERT ON mine.payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_refunds(''lifecycle=razorpay'')', 'INSERT INTO mine.payments (id, order_id, amount, currency, status, status_since) VALUES (''m'', ''f8'', 1000, ''INR'', ''created'', now())')) v (t, s);
SELECT matches(outcome(format('SELECT paystate.%I()', f), true), '^39P01 ', 'F09: ' || f || ' called by hand')
  FROM unnest(ARRAY['guard_orders', 'guard_payments', 'guard_refunds', 'guard_history']) f;

-- F10: forged marks of an internal write
SELECT is(outcome(format('DO $d$ BEGIN PERFORM set_config(%L, %L, true); EXCEPTION WHEN OTHERS THEN NULL; END $d$; UPDATE orders SET amount_paid = 1000, version = version + 1 WHERE id = ''f10''', s, v), true),
	'23PS6 column "amount_paid" of table "orders" is derived', format('F10: %s = %s', s, v))
  FROM unnest(ARRAY['paystate.internal', 'paystate.guard', 'paystate.forced', 'paystate.reason']) s, unnest(ARRAY['on', 'off']) v;
SET LOCAL ROLE :"attacker";
CREATE TABLE mine.lever (n integer);
CREATE FUNCTION mine.pull() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.n > 1 THEN INSERT INTO mine.lever VALUES (NEW.n - 1); RETURN NEW; END IF;
	UPDATE mall.orders SET amount_paid = 1000, amount_due = 0, status = 'paid', version = version + 1 WHERE id = 'f10';
	RETURN NEW;
END $$;
CREATE TRIGGER pull AFTER INSERT ON mine.lever FOR EACH ROW EXECUTE FUNCTION mine.pull();
CREATE FUNCTION mine.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE mall.orders SET notes = '{"pulled": true}' WHERE id = 'f10'; RETURN NEW; END $$;
RESET ROLE;
SELECT matches(outcome(format('INSERT INTO mine.lever VALUES (%s)', n), true), '^23PS6 column "\w+" of table "orders" is derived$', format('F10: a write from %s triggers deep', n))
  FROM unnest(ARRAY[1, 5]) n;
SELECT is(outcome('ALTER TABLE mine.lever DISABLE TRIGGER pull; CREATE TRIGGER note AFTER INSERT ON mine.lever FOR EACH ROW EXECUTE FUNCTION mine.note(); INSERT INTO mine.lever VALUES (1)', true), 'accepted', 'F10: notes may be written from there');
SELECT matches(outcome('INSERT INTO order_history (order_id, seq, at, order_from, order_to, amount, amount_paid, attempts, actor) VALUES (''f10'', 4, now(), ''attempted'', ''paid'', 1000, 1000, 1, ''me'');
	UPDATE orders SET amount_paid = 1000, amount_due = 0, status = ''paid'', version = 4 WHERE id = ''f10''', true), '^23PS6 .*order_history', 'F10: a forged history row');

-- F11: row-level security hides rows from the application and the owner, not from the totals
SET LOCAL ROLE attacks_owner;
CREATE POLICY few ON payments USING (id LIKE '%.a');
CREATE POLICY few_new ON payments FOR INSERT WITH CHECK (true);
CREATE POLICY none ON orders FOR SELECT USING (id NOT LIKE 'rls%');
CREATE POLICY write ON orders FOR UPDATE USING (id NOT LIKE 'rls%');
CREATE POLICY new ON orders FOR INSERT WITH CHECK (true);
RESET ROLE;
DO $$ BEGIN PERFORM given('rls', 'razorpay', 1000, 'b=600 b>authorized', true); PERFORM given('rlsx', 'razorpay', 1000, 'a=600 a>authorized', true); END $$;
CREATE FUNCTION helper.secured(mode text, statement text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
BEGIN
	EXECUTE format('ALTER TABLE orders %s ROW LEVEL SECURITY', mode);
	EXECUTE format('ALTER TABLE payments %s ROW LEVEL SECURITY', mode);
	EXECUTE format('ALTER TABLE order_history %s ROW LEVEL SECURITY', mode);
	EXECUTE 'ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE payments ENABLE ROW LEVEL SECURITY; ALTER TABLE order_history ENABLE ROW LEVEL SECURITY';
	got := helper.outcome(statement);
	got := got || '; ' || helper.standing('rls') || '; drift ' || (SELECT count(*) FROM helper.drift());
	RAISE SQLSTATE 'TT001';
EXCEPTION WHEN SQLSTATE 'TT001' THEN
	RETURN got;
END
$$;
SELECT is(secured(m, 'INSERT INTO payments (id, order_id, amount) VALUES (''rls.a'', ''rls'', 400)'),
	says('23PS3', 'insert payments', 'razorpay') || '; attempted 0 of 1000, due 1000, held 600, pending 0, back 0, attempts 1, open 1, v3; b authorized 0/600-0-0; drift 0',
	format('F11: %s row-level security, another payment is held though unseen', m))
  FROM unnest(ARRAY['ENABLE', 'FORCE']) m;
SELECT is(secured(m, 'UPDATE payments SET status = ''captured'' WHERE id = ''rlsx.a'''),
	'accepted; attempted 0 of 1000, due 1000, held 600, pending 0, back 0, attempts 1, open 1, v3; b authorized 0/600-0-0; drift 0',
	format('F11: %s row-level security, a capture reaches an order that is unseen', m))
  FROM unnest(ARRAY['ENABLE', 'FORCE']) m;

-- F12: a role that may write the status of payments and nothing else
CREATE ROLE attacks_cashier;
GRANT USAGE ON SCHEMA mall, helper TO attacks_cashier;
GRANT SELECT (id), UPDATE (status) ON mall.payments TO attacks_cashier;
SET LOCAL helper.role = 'attacks_cashier';
SELECT accepted('UPDATE mall.payments SET status = ''captured'' WHERE id = ''f12.a''', 'F12: one who may write only the status captures');
SELECT stands('f12', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0', 'F12: the order goes along');
SELECT refused('UPDATE mall.payments SET status = ''failed'' WHERE id = ''f12.a''', says('23PS1', 'update payments', 'razorpay'), 'F12: what is illegal stays so');
SELECT refused(s, '42501 permission denied for table ' || t, 'F12: ' || s) FROM (VALUES
	('UPDATE mall.orders SET status = ''cancelled''', 'orders'), ('UPDATE mall.payments SET amount_captured = 1', 'payments'),
	('INSERT INTO mall.refunds (payment_id, amount) VALUES (''f12.a'', 1)', 'refunds')) v (s, t);
SELECT accepted('UPDATE mall.payments SET status = ''refunded'' WHERE id = ''f12.a''', 'F12: a refund by status writes its row as the owner');

SET LOCAL helper.role = :'attacker';

\ir lib/attacks_more.sql

-- Forged rows: in the transaction that wrote a row, and so could have meant
-- it, every combination of values near its own is written over it.  Whatever
-- is accepted must leave totals and history in agreement; and the only
-- changes accepted are legal moves.
CREATE FUNCTION helper.forge(a_table text, an_id text, columns text, rows text) RETURNS TABLE (tried bigint, taken text)
	LANGUAGE plpgsql
AS $$
DECLARE
	v text;
	got text;
	drifted text;
	before text := helper.everything();
BEGIN
	tried := 0;
	FOR v IN EXECUTE rows LOOP
		tried := tried + 1;
		BEGIN
			got := helper.outcome(format('UPDATE %s SET (%s) = ROW %s WHERE id = %L', a_table, columns, v, an_id));
			drifted := (SELECT string_agg(concat(d.id, ' ', d.problem), ', ') FROM helper.drift() d WHERE got = 'accepted');
			IF got = 'accepted' AND helper.everything() <> before THEN
				taken := concat_ws('; ', taken, concat_ws(' DRIFT ', v, drifted));
			ELSIF got NOT LIKE '23PS%' AND got <> 'accepted' THEN
				taken := concat_ws('; ', taken, v || ' ' || got);
			END IF;
			RAISE SQLSTATE 'TT002';
		EXCEPTION WHEN SQLSTATE 'TT002' THEN NULL;
		END;
	END LOOP;
	RETURN NEXT;
END
$$;
SELECT attackable('fake', :{?partitioned}) IS NULL AS made \gset
SET LOCAL search_path = fake, helper, public;
CREATE TEMP TABLE forgery (a_table text, an_id text, columns text, rows text, taken text);
INSERT INTO forgery
	SELECT 'payments', id, 'status, amount_captured, amount_refunded, refund_pending',
		'SELECT format(''(%L, %s, %s, %s)'', s, c, r, n) FROM unnest(enum_range(NULL::paystate.payment_status)) s, unnest(ARRAY[0, 400, 600, 1000]) c, unnest(ARRAY[0, 400, 1000]) r, unnest(ARRAY[0, 100]) n', taken
	  FROM (VALUES
		('ro.a', '(''authorized'', 0, 0, 0); (''failed'', 0, 0, 0)'),
		('rh.a', '(''captured'', 0, 0, 0); (''captured'', 1000, 0, 0); (''refunded'', 0, 0, 0); (''refunded'', 0, 1000, 0)'),
		('rc.a', '(''refunded'', 1000, 0, 0); (''refunded'', 1000, 1000, 0)'),
		('rr.a', '(''refunded'', 1000, 400, 0); (''refunded'', 1000, 1000, 0)'),
		('rb.a', NULL), ('ra.a', NULL), ('rf.a', '(''authorized'', 0, 0, 0)'), ('rn.a', NULL),
		('pc.a', NULL), ('pc.b', NULL), ('px.a', NULL), ('px.b', NULL)) v (id, taken)
	UNION ALL
	SELECT 'orders', id, 'status, amount_paid, amount_due, attempts, payments_open, version',
		'SELECT format(''(%L, %s, %s, %s, %s, %s)'', s, p, d, a, o, v) FROM unnest(enum_range(NULL::paystate.order_status)) s, unnest(ARRAY[0, 1000]) p, unnest(ARRAY[0, 1000]) d, unnest(ARRAY[0, 1, 2]) a, unnest(ARRAY[0, 1]) o, unnest(ARRAY[1, 3, 4, 5]) v', taken
	  FROM (VALUES ('rc', NULL), ('px', NULL)) v (id, taken)
	UNION ALL
	SELECT 'refunds', id, 'status, amount', 'SELECT format(''(%L, %s)'', s, a) FROM unnest(enum_range(NULL::paystate.refund_status)) s, unnest(ARRAY[100, 400, 1000]) a', taken
	  FROM (VALUES ('rr.a.r1', NULL), ('rn.a.r1', '(''processed'', 100); (''failed'', 100)')) v (id, taken);
SET LOCAL ROLE :"attacker";
DO $$ BEGIN
	PERFORM given('ro', 'razorpay', 1000, 'a=1000');
	PERFORM given('rh', 'razorpay', 1000, 'a=1000 a>authorized');
	PERFORM given('rc', 'razorpay', 1000, 'a=1000 a>authorized a>captured');
	PERFORM given('rr', 'razorpay', 1000, 'a=1000 a>authorized a>captured a-400');
	PERFORM given('rb', 'razorpay', 1000, 'a=1000 a>authorized a>captured a>refunded');
	PERFORM given('ra', 'razorpay', 1000, 'a=1000 a>authorized a>refunded');
	PERFORM given('rf', 'razorpay', 1000, 'a=1000 a>failed');
	PERFORM given('rn', 'razorpay', 1000, 'a=1000 a>authorized a>captured a~100');
	PERFORM given('pc', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized a>processed:400');
	PERFORM given('px', 'plural_preauth', 1000, 'a=600 b=400 a>authorized !cancel');
END $$;
RESET ROLE;
ANALYZE orders, payments, refunds, order_history;
-- all of them once; where the matrix repeats the rest, one of each table
DELETE FROM forgery WHERE (:{?by_owner} OR :{?partitioned}) AND an_id NOT IN ('rh.a', 'rc', 'rr.a.r1');
SELECT is(f.taken, forgery.taken, format('forged: of %s versions of %s "%s" only legal moves are taken', f.tried, a_table, an_id))
  FROM forgery, helper.forge(a_table, an_id, columns, rows) f;
-- once more where paystate's own writes go by SQL, past the guards
CREATE FUNCTION mine.look() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER look AFTER INSERT OR UPDATE ON fake.orders FOR EACH ROW EXECUTE FUNCTION mine.look();
CREATE TRIGGER look AFTER INSERT OR UPDATE ON fake.payments FOR EACH ROW EXECUTE FUNCTION mine.look();
CREATE TRIGGER look AFTER INSERT OR UPDATE ON fake.refunds FOR EACH ROW EXECUTE FUNCTION mine.look();
DO $$ BEGIN
	PERFORM helper.then('ro', 'b=1000'), helper.then('rc', 'a~100'), helper.then('rf', 'a>authorized a>refunded b=1000');
END $$;
UPDATE forgery SET taken = '(''refunded'', 1000, 400, 0); (''refunded'', 1000, 1000, 0)' WHERE an_id = 'rr.a';
UPDATE forgery SET taken = NULL WHERE an_id IN ('rc.a', 'rf.a');
SELECT is(f.taken, forgery.taken, format('forged, general path: of %s versions of %s "%s" only legal moves are taken', f.tried, a_table, an_id))
  FROM forgery, helper.forge(a_table, an_id, columns, rows) f;

ANALYZE orders, payments, refunds, order_history;

-- A trigger on orders or payments runs under paystate's own write, too.  It
-- may write what is its user's, and nothing that is derived.
CREATE FUNCTION mine.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_ARGV[0] = 'nothing' THEN
		RETURN NULL;
	ELSIF TG_WHEN = 'BEFORE' THEN
		RETURN jsonb_populate_record(NEW, TG_ARGV[0]::jsonb);
	ELSIF pg_trigger_depth() < 4 THEN
		EXECUTE format('UPDATE %I.%I SET %s WHERE id = %L', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_ARGV[0], NEW.id);
	END IF;
	RETURN NULL;
END $$;
CREATE FUNCTION helper.meddled(a_time text, a_table text, arg text, word text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
BEGIN
	EXECUTE format('CREATE TRIGGER meddle %s UPDATE ON fake.%I FOR EACH ROW EXECUTE FUNCTION mine.meddle(%L)', a_time, a_table, arg);
	SET CONSTRAINTS ALL IMMEDIATE;
	got := helper.outcome(format('SELECT helper.then(%L, %L)', split_part(word, ' ', 1), split_part(word, ' ', 2)));
	got := got || coalesce((SELECT ' DRIFT ' || string_agg(concat(id, ' ', problem), ', ') FROM helper.drift()), '');
	RAISE SQLSTATE 'TT001';
EXCEPTION WHEN SQLSTATE 'TT001' THEN RETURN got;
END
$$;
SELECT is(meddled(w, t, a, o), 'accepted', format('a trigger %s UPDATE of %s may write %s', w, t, a))
  FROM (VALUES ('BEFORE', 'orders', '{"notes": {"seen": true}}', 'rh a>captured'), ('AFTER', 'orders', 'notes = ''{"seen": 1}''', 'rh a>captured'),
		('BEFORE', 'orders', '{"receipt": "r1"}', 'rc a-100')) v (w, t, a, o);
SELECT matches(meddled(w, t, a, o), '^23PS6 column "\w+" of table "(orders|payments)" (is derived|cannot be changed)$', format('a trigger %s UPDATE of %s may not write %s', w, t, a))
  FROM (VALUES ('BEFORE', 'orders', '{"amount_paid": 5}', 'rh a>captured'), ('BEFORE', 'orders', '{"attempts": 0}', 'rf b>failed'),
		('BEFORE', 'orders', '{"status": "created"}', 'rh a>captured'), ('BEFORE', 'orders', '{"version": 1}', 'rh a>captured'),
		('BEFORE', 'orders', '{"amount_refunded": 0}', 'rc a-100'), ('BEFORE', 'orders', '{"changed_at": "2000-01-01"}', 'rh a>captured'),
		('BEFORE', 'orders', '{"currency": "USD"}', 'rh a>captured'), ('BEFORE', 'orders', '{"amount": 5000}', 'rh a>captured'),
		('AFTER', 'orders', 'amount_paid = amount_paid + 1', 'rh a>captured'), ('AFTER', 'orders', 'attempts = 0', 'rh a>captured'),
		('BEFORE', 'payments', '{"amount_refunded": 50}', 'rc a-100'), ('BEFORE', 'payments', '{"refund_pending": 0}', 'rc a~200'),
		('AFTER', 'payments', 'amount_refunded = 0', 'rc a-100')) v (w, t, a, o);
SELECT is(meddled('BEFORE', t, a, o), format('23PS8 table "%s" is not bound to a life cycle', t), format('a trigger that suppresses paystate''s write of %s, or undoes it, is an error: %s', t, a))
  FROM (VALUES ('orders', 'nothing', 'rh a>captured'), ('payments', 'nothing', 'rc a-100'), ('payments', '{"amount_refunded": 0}', 'rc a-100')) v (t, a, o);

-- G12: a trigger that moves a payment on: after the guard has judged the first
-- move the second is judged like any other; before, it comes too early.
CREATE FUNCTION mine.auto_capture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.status = 'authorized' THEN
		UPDATE fake.payments SET status = 'captured' WHERE id = NEW.id;
	END IF;
	RETURN NULL;
END $$;
CREATE FUNCTION helper.moved_on(a_name text, an_order text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
BEGIN
	EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON fake.payments FOR EACH ROW EXECUTE FUNCTION mine.auto_capture()', a_name);
	got := helper.outcome(format('SELECT helper.then(%L, %L)', an_order, 'a>authorized'));
	got := concat_ws('; ', got, helper.standing(an_order), (SELECT 'DRIFT ' || string_agg(concat(id, ' ', problem), ', ') FROM helper.drift()));
	RAISE SQLSTATE 'TT001';
EXCEPTION WHEN SQLSTATE 'TT001' THEN RETURN got;
END
$$;
SELECT given('mo', 'razorpay', 1000, 'a=1000') IS NOT NULL AS made \gset
SELECT is(moved_on('auto', 'mo'), 'accepted; paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0',
	'G12: a later trigger captures what was authorized');
SELECT is(moved_on('AUTO', 'mo'), says('23PS1', 'update payments', 'razorpay') || '; created 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 0, open 1, v2; a created 0/1000-0-0',
	'G12: an earlier trigger is refused');

SET LOCAL helper.role = '';
\ir lib/end.sql
