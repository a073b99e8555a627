-- Part of attacks.sql: statement shapes, transactions, foreign keys, names and
-- privileges.  The owner prepares what an attack needs of the schema (after),
-- then the attacker writes; a refusal must leave every row as it was.
CREATE FUNCTION helper.after(ddl text, statement text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
	before text;
BEGIN
	PERFORM set_config('role', 'attacks_owner', true);
	EXECUTE ddl;
	PERFORM set_config('role', 'none', true);
	before := helper.everything();
	got := helper.outcome(statement);
	IF got <> 'accepted' AND helper.everything() IS DISTINCT FROM before THEN
		got := got || ', but rows changed';
	END IF;
	RAISE SQLSTATE 'TT001';
EXCEPTION WHEN SQLSTATE 'TT001' THEN RETURN got;
END
$$;
DO $$ BEGIN PERFORM fresh('m' || i) FROM generate_series(1, 9) i; END $$;
DO $$ BEGIN PERFORM given('m0', 'razorpay', 1000, 'a=1000'); END $$;

-- ---- 2c
SELECT accepted('DO $d$ BEGIN PERFORM FROM orders WHERE id = ''m1'' FOR UPDATE; PERFORM FROM payments WHERE order_id = ''m1'' FOR UPDATE; UPDATE payments SET status = ''captured'' WHERE id = ''m1.a''; END $d$',
	'C13: a capture by one who has locked the order');
SELECT refused('DO $d$ BEGIN PERFORM FROM orders WHERE id = ''m1'' FOR UPDATE; UPDATE payments SET status = ''failed'' WHERE id = ''m1.a''; END $d$', says('23PS1', 'update payments', 'razorpay'),
	'C13: a lock makes nothing legal');
CREATE ROLE attacks_clerk;
GRANT USAGE ON SCHEMA mall, helper TO attacks_clerk;
GRANT SELECT (id), UPDATE (notes) ON mall.orders TO attacks_clerk;
GRANT attacks_clerk TO attacks_app, attacks_owner;
SET LOCAL helper.role = 'attacks_clerk';
SELECT stands('m2', 'attempted 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 1, open 1, v3; a authorized 0/1000-0-0', 'C15: before');
SELECT accepted('UPDATE mall.orders SET notes = ''{"by": "clerk"}'' WHERE id = ''m2''', 'C15: notes by one who may write nothing else');
SELECT stands('m2', 'attempted 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 1, open 1, v3; a authorized 0/1000-0-0', 'C15: without any other effect');
SELECT refused('UPDATE mall.orders SET status = ''cancelled'' WHERE id = ''m2''', '42501 permission denied for table orders', 'C15: and no more than notes');
SET LOCAL helper.role = :'attacker';
SELECT is(with_ddl('CREATE TRIGGER zz BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION mine.rewrite(''captured'')',
	'UPDATE payments SET amount = amount WHERE id = ''m0.a'''), says('23PS1', 'update payments', 'razorpay'), 'C16: a status written by a trigger, of an UPDATE of another column');
SELECT is(with_ddl('CREATE TRIGGER zz BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION mine.rewrite(''authorized'')',
	'UPDATE payments SET amount = amount WHERE id = ''m0.a'''), 'accepted', 'C16: a legal one');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%\_paystate\_%' AND (tgattr <> '' OR tgqual IS NOT NULL)), 0::bigint, 'C16: no guard is limited to columns or by a condition');
SELECT refused(s, says('23PS1', 'update payments', 'razorpay'), 'C17: refused: ' || s) FROM (VALUES
	('PREPARE backwards AS UPDATE payments SET status = $1::paystate.payment_status WHERE id = $2; EXECUTE backwards(''created'', ''m1.a'')'),
	('DO $d$ BEGIN FOR i IN 1 .. 3 LOOP UPDATE payments SET status = status; END LOOP; UPDATE payments SET status = ''created'' WHERE id = ''m1.a''; END $d$'),
	('CREATE FUNCTION pg_temp.back() RETURNS void LANGUAGE sql AS ''UPDATE mall.payments SET status = ''''created'''' WHERE id = ''''m1.a''''''; SELECT pg_temp.back()'),
	('UPDATE payments SET status = ''created'' WHERE id = ''m1.a'' RETURNING *'),
	('SET LOCAL force_parallel_mode = regress; SET LOCAL parallel_setup_cost = 0; UPDATE payments p SET status = ''created'' FROM (SELECT max(id) AS id FROM payments WHERE id LIKE ''m1.%'') x WHERE x.id = p.id')) v (s)
 WHERE s NOT LIKE '%force_parallel%' OR current_setting('force_parallel_mode', true) IS NOT NULL;
SELECT is(outcome(s, true), 'accepted', 'C17: a legal one: ' || s) FROM (VALUES
	('PREPARE onwards AS UPDATE payments SET status = $1::paystate.payment_status WHERE id = $2; EXECUTE onwards(''captured'', ''m2.a'')'),
	('DO $d$ BEGIN FOR i IN 1 .. 3 LOOP UPDATE payments SET status = ''captured'' WHERE id = ''m2.a''; END LOOP; END $d$'),
	('CREATE FUNCTION pg_temp.pay() RETURNS void LANGUAGE sql AS ''UPDATE mall.payments SET status = ''''captured'''' WHERE id = ''''m2.a''''''; SELECT pg_temp.pay()'),
	('UPDATE payments SET status = ''captured'' WHERE id = ''m2.a'' RETURNING *')) v (s);
SELECT is(outcome(format('UPDATE payments SET status = %L WHERE id = ''m2.a'' RETURNING old.status, new.status', s), true), m, 'C17: RETURNING old and new: ' || s)
  FROM (VALUES ('captured', 'accepted'), ('created', says('23PS1', 'update payments', 'razorpay'))) v (s, m)
 WHERE current_setting('server_version_num')::integer >= 180000;

-- ---- 2d: nothing waits for the end of the transaction
SELECT refused(format('SET CONSTRAINTS ALL %s; UPDATE payments SET status = ''created'' WHERE id = ''m1.a''', c), says('23PS1', 'update payments', 'razorpay'), 'D06: refused at once with constraints ' || c)
  FROM unnest('{DEFERRED,IMMEDIATE}'::text[]) c;
SELECT is(outcome(format('SET CONSTRAINTS ALL %s; UPDATE payments SET status = ''captured'' WHERE id = ''m2.a''; SET CONSTRAINTS ALL IMMEDIATE', c), true), 'accepted', 'D06: a legal one with constraints ' || c)
  FROM unnest('{DEFERRED,IMMEDIATE}'::text[]) c;
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%\_paystate\_%' AND tgdeferrable), 0::bigint, 'D06, D07: no guard can be deferred, hence none runs as a later role');
SELECT is(outcome('UPDATE payments SET status = ''captured'' WHERE id = ''m2.a''; SET LOCAL ROLE attacks_clerk; SET CONSTRAINTS ALL IMMEDIATE', true), 'accepted', 'D07: another role before the end');
SELECT refused('SET LOCAL ROLE attacks_clerk; UPDATE mall.payments SET status = ''captured'' WHERE id = ''m2.a''', '42501 permission denied for table payments', 'D07: another role before the write');

-- D08: interrupted while a guard is at work, then the direct write that the
-- guard was about to make
CREATE FUNCTION helper.stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF TG_ARGV[0] = 'cancel' THEN
		PERFORM pg_cancel_backend(pg_backend_pid());
	END IF;
	PERFORM pg_sleep(60);
	RETURN NEW;
END
$$;
CREATE FUNCTION helper.interrupted(how text, a_time text, a_table text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
	before text := helper.everything();
BEGIN
	BEGIN
		EXECUTE format('CREATE TRIGGER stop %s UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION helper.stop(%L)', a_time, a_table, how);
		PERFORM set_config('role', current_setting('helper.role'), true);
		UPDATE payments SET status = 'captured' WHERE id = 'm3.a';
		got := 'not interrupted';
	EXCEPTION WHEN query_canceled THEN
		got := SQLSTATE;
	END;
	IF helper.everything() <> before THEN
		got := got || ', rows changed';
	END IF;
	RETURN got || ', then ' || helper.outcome('UPDATE orders SET status = ''paid'', amount_paid = 1000, amount_due = 0, amount_authorized = 0, payments_open = 0, version = 4 WHERE id = ''m3''', true);
END
$$;
SELECT is(interrupted('cancel', w, t), '57014, then 23PS6 column "amount_paid" of table "orders" is derived', format('D08: cancelled in a trigger %s UPDATE of %s', w, t))
  FROM (VALUES ('BEFORE', 'orders'), ('AFTER', 'orders'), ('AFTER', 'payments')) v (w, t);
SET LOCAL statement_timeout = '1500ms';
SELECT interrupted('timeout', 'AFTER', 'orders') AS got \gset
SET LOCAL statement_timeout = 0;
SELECT is(:'got'::text, '57014, then 23PS6 column "amount_paid" of table "orders" is derived', 'D08: a statement timeout in a trigger');
SELECT would('m3', 'a>captured', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0', 'D08: left alone');
-- D09: somebody's own deferred trigger fails at the end
CREATE FUNCTION mine.no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not at the end'; END$$;
GRANT USAGE ON SCHEMA mine TO attacks_owner;
GRANT EXECUTE ON FUNCTION mine.no() TO attacks_owner;
SELECT is(after('CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON payments DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mine.no()', s), m, 'D09: a deferred trigger that fails: ' || s)
  FROM (VALUES ('UPDATE payments SET status = ''captured'' WHERE id = ''m3.a''; SET CONSTRAINTS ALL IMMEDIATE', 'P0001 not at the end'),
		('UPDATE payments SET status = ''captured'' WHERE id = ''m3.a''', 'accepted')) v (s, m);
SELECT no_op('DO $d$ BEGIN INSERT INTO orders (id, amount) VALUES (''gone'', 1000); INSERT INTO payments (id, order_id) VALUES (''gone.a'', ''gone'');
	UPDATE payments SET status = ''authorized'' WHERE id = ''gone.a''; UPDATE payments SET status = ''captured'' WHERE id = ''gone.a''; RAISE SQLSTATE ''TT003''; EXCEPTION WHEN SQLSTATE ''TT003'' THEN NULL; END $d$',
	'D10: an order made, paid and rolled back was never there, nor its history');

-- ---- 2f: keys that cascade
SELECT is(after('CREATE TABLE mall.buyers (id text PRIMARY KEY); INSERT INTO mall.buyers VALUES (''b1''), (''b2''), (''INR''), (''USD''); GRANT ALL ON mall.buyers TO attacks_app; ALTER TABLE orders ADD buyer text REFERENCES mall.buyers ON DELETE ' || d || '; UPDATE orders SET buyer = ''b1'' WHERE id = ''m4''', s), m,
	format('F03: %s, %s', d, s))
  FROM (VALUES ('CASCADE', 'DELETE FROM mall.buyers WHERE id = ''b1''', '23PS7 delete on table "orders" is not allowed'),
		('CASCADE', 'DELETE FROM mall.buyers WHERE id = ''b2''', 'accepted'),
		('SET NULL', 'DELETE FROM mall.buyers WHERE id = ''b1''', 'accepted')) v (d, s, m);
SELECT is(after('ALTER TABLE payments DROP CONSTRAINT payments_order_id_fkey, ADD FOREIGN KEY (order_id) REFERENCES orders ' || d, s), m, format('F04: %s, %s', d, s))
  FROM (VALUES ('ON DELETE CASCADE', 'DELETE FROM orders WHERE id = ''m4''', '23PS7 delete on table "orders" is not allowed'),
		('ON DELETE SET NULL', 'DELETE FROM orders WHERE id = ''m4''', '23PS7 delete on table "orders" is not allowed'),
		('ON UPDATE CASCADE', 'UPDATE orders SET id = ''n4'' WHERE id = ''m4''', '23PS6 column "id" of table "orders" cannot be changed'),
		('ON UPDATE CASCADE', 'UPDATE payments SET status = ''captured'' WHERE id = ''m4.a''', 'accepted')) v (d, s, m);
SELECT is(after('CREATE TABLE mall.money (code text PRIMARY KEY); INSERT INTO mall.money SELECT DISTINCT currency FROM orders UNION VALUES (''AUD''); GRANT ALL ON mall.money TO attacks_app; ALTER TABLE orders ADD FOREIGN KEY (currency) REFERENCES mall.money ON DELETE CASCADE ON UPDATE CASCADE', s), m,
	'F04: a key over the currency cascades: ' || s)
  FROM (VALUES ('UPDATE mall.money SET code = ''EUR'' WHERE code = ''INR''', '23PS6 column "currency" of table "orders" cannot be changed'),
		('DELETE FROM mall.money WHERE code = ''INR''', '23PS7 delete on table "orders" is not allowed'),
		('UPDATE mall.money SET code = ''EUR'' WHERE code = ''AUD''', 'accepted'), ('DELETE FROM mall.money WHERE code = ''AUD''', 'accepted')) v (s, m);

-- F13: a user's code under our write of the order runs as the tables' owner
SET LOCAL ROLE :"attacker";
CREATE FUNCTION mine.who() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'as %', current_user; END$$;
CREATE FUNCTION mine.who_asks(n bigint) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN IF n > 0 THEN RAISE 'as %', current_user; END IF; RETURN true; END$$;
RESET ROLE;
GRANT ALL ON FUNCTION mine.who(), mine.who_asks(bigint) TO attacks_owner;
SELECT is(with_ddl(format('CREATE TRIGGER who %s UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION mine.who()', w), 'UPDATE payments SET status = ''captured'' WHERE id = ''m4.a'''), 'P0001 as attacks_owner',
	format('F13: a trigger %s UPDATE of orders runs as their owner, who is no superuser', w))
  FROM unnest('{BEFORE,AFTER}'::text[]) w;
SELECT is(after('ALTER TABLE orders ADD CHECK (mine.who_asks(amount_paid)) NOT VALID', 'UPDATE payments SET status = ''captured'' WHERE id = ''m4.a'''), 'P0001 as attacks_owner', 'F13: so does a CHECK');
SELECT is(after('SELECT', 'UPDATE payments SET status = ''captured'' WHERE id = ''m4.a'''), 'accepted', 'F13: without them');

-- F14: nothing of rows that one may not read; of those that one may, the key
CREATE ROLE attacks_blind;
GRANT USAGE ON SCHEMA mall, helper TO attacks_blind;
GRANT INSERT (id, order_id, amount) ON mall.payments TO attacks_blind;
CREATE FUNCTION helper.told(statement text, as_role text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	d text;
	h text;
BEGIN
	PERFORM set_config('role', as_role, true);
	EXECUTE statement;
	RAISE SQLSTATE 'TT001';
EXCEPTION WHEN SQLSTATE 'TT001' THEN
	RETURN 'accepted';
WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN concat_ws(' ', SQLSTATE, SQLERRM, d, h);
END
$$;
SELECT doesnt_match(told('INSERT INTO mall.payments (id, order_id, amount) VALUES (''spy'', ''paid'', 1000)', 'attacks_blind'), 'order "paid|spy|\.a', 'F14: one who may not read the tables is told no key');
SELECT matches(told('INSERT INTO mall.payments (id, order_id, amount) VALUES (''spy'', ''paid'', 1000)', :'attacker'), '^23PS3 .*order "paid"', 'F14: one who may is');
SELECT doesnt_match(told('INSERT INTO mall.payments (id, order_id, amount) VALUES (''spy'', ''paid'', 1000)', :'attacker'), 'paid\.a|INR', 'F14: and nothing beside the key, the amounts and the status');

-- F15: names with everything in them
SELECT attackable('%s%n "é''\', :{?partitioned}) IS NULL AS made \gset
ALTER TABLE "%s%n ""é'\".orders RENAME TO "%s %n or""ders";
ALTER TABLE "%s%n ""é'\".payments RENAME TO "päy\000%I ments, as long as a name may be at all, which is 63";
SELECT is(told(s, :'attacker'), m, 'F15: ' || s) FROM (VALUES
	($s$INSERT INTO "%s%n ""é'\"."%s %n or""ders" (id, amount) VALUES ('%s%n"', 1000)$s$, 'accepted'),
	($s$INSERT INTO "%s%n ""é'\"."%s %n or""ders" (id, amount) VALUES ('%s%n''', 1000); INSERT INTO "%s%n ""é'\"."päy\000%I ments, as long as a name may be at all, which is 63" (id, order_id) VALUES ('%d', '%s%n'''); UPDATE "%s%n ""é'\"."päy\000%I ments, as long as a name may be at all, which is 63" SET status = 'authorized'; UPDATE "%s%n ""é'\"."päy\000%I ments, as long as a name may be at all, which is 63" SET status = 'captured'$s$, 'accepted'),
	($s$INSERT INTO "%s%n ""é'\"."%s %n or""ders" (id, amount) VALUES ('%s%n"', 1)$s$, '23PS4 insert on table "%s %n or"ders" violates amounts of life cycle "razorpay" Order "%s%n"": its amount is 1. Life cycle "razorpay" takes amounts from 100.')) v (s, m);

-- F16: administration
SELECT refused(s, m, 'F16: ' || s) FROM (VALUES
	('SELECT paystate.define_lifecycle(''evil'', ''{"based_on": "razorpay"}'')', '42501 permission denied for function define_lifecycle'),
	('SELECT paystate.force_status(''mall.orders'', ''paid'', ''x'', ''m5'')', '42501 permission denied for function force_status'),
	('SELECT paystate.repair(''mall.orders'', ''m5'')', '42501 permission denied for function repair'),
	('SELECT paystate.expire(''mall.orders'')', '42501 permission denied for function expire'),
	('UPDATE paystate.lifecycle SET payment_min = 0', '42501 permission denied for table lifecycle'),
	('INSERT INTO paystate.lifecycle_transition SELECT * FROM paystate.lifecycle_transition', '42501 permission denied for table lifecycle_transition'),
	('DELETE FROM paystate.lifecycle_status', '42501 permission denied for table lifecycle_status')) v (s, m);
\if :{?by_owner}
SELECT is(after('SELECT', 'SELECT paystate.detach(''mall.orders'')'), 'accepted', 'F16: the owner may take the guards off');
\else
SELECT refused('SELECT paystate.detach(''mall.orders'')', '42501 must be owner of table orders', 'F16: only the owner takes the guards off');
SELECT refused('SELECT * FROM paystate.attach(''mall.orders'', ''mall.payments'')', '42501 must be owner of table orders', 'F16: or puts them on');
\endif

-- by a leaf partition
\if :{?partitioned}
SELECT is(count(*), 6::bigint, 'each table has two leaves') FROM pg_inherits WHERE inhparent IN ('orders'::regclass, 'payments'::regclass, 'refunds'::regclass);
SELECT matches(outcome(format(s, t, n), true), m, format('a leaf: ' || s, t, n)) FROM (VALUES
	('UPDATE %s_%s SET status = ''paid'' WHERE status <> ''paid''', 'orders', '^23PS6 column "status" of table "orders" is derived$'),
	('TRUNCATE %s_%s CASCADE', 'orders', '^23PS7 truncate on table '), ('TRUNCATE %s_%s CASCADE', 'payments', '^23PS7 truncate on table '), ('TRUNCATE %s_%s', 'refunds', '^23PS7 truncate on table '),
	('DELETE FROM %s_%s', 'orders', '^23PS7 delete on table "orders" is not allowed'), ('DELETE FROM %s_%s', 'payments', '^23PS7 delete on table "payments" is not allowed')) v (s, t, m), generate_series(0, 1) n;
SELECT is((SELECT count(DISTINCT tableoid) FROM orders WHERE status <> 'paid'), 2::bigint, 'both leaves have orders that are not paid');
\endif

-- ---- more ways that the rows of the catalogue list
DO $$ BEGIN
	PERFORM paystate.define_lifecycle('mall_first', '{"based_on": "razorpay", "amount_fixed": "first_payment"}');
	PERFORM given('v0', 'mall_first', 1000), given('v1', 'razorpay', 1000, 'a=1000'), given('v2', 'razorpay', 1000, 'a=1000 a>authorized'), given('v3', 'razorpay', 1000, 'a=1000 a>authorized a>captured a-600');
	PERFORM given('v4', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized'), given('v5', 'plural_preauth', 1000, 'a=600 a>authorized');
END $$;
SELECT refused(s, m, format('%s: %s', id, s)) FROM (VALUES
	('A01', 'UPDATE orders SET status = ''processed'' WHERE id = ''v4''', '23PS6 column "status" of table "orders" is derived'),
	('A08', 'UPDATE refunds SET id = ''nine'' WHERE payment_id = ''v3.a''', '23PS6 column "id" of table "refunds" cannot be changed'),
	('A10', 'UPDATE payments SET order_id = ''v3'' WHERE id = ''v3.a'' OR id = ''v2.a''', '23PS6 column "order_id" of table "payments" cannot be changed'),
	('A13', 'INSERT INTO orders (id, amount, amount_paid, amount_due, attempts, status) VALUES (''nine'', 1000, 1000, 0, 1, ''paid'')', '23PS6 column "amount_paid" of table "orders" is derived'),
	('A18', 'TRUNCATE payments', '0A000 cannot truncate a table referenced in a foreign key constraint'),
	('A18', 'TRUNCATE payments CASCADE', '23PS7 truncate on table "payments" is not allowed'),
	('A18', 'TRUNCATE orders CASCADE', '23PS7 truncate on table "orders" is not allowed'),
	('B02', 'UPDATE orders SET status = NULL WHERE id = ''v1''', '23502 null value in column "status" of relation "orders" violates not-null constraint'),
	('B02', 'UPDATE orders SET currency = NULL WHERE id = ''v1''', '23502 null value in column "currency" of relation "orders" violates not-null constraint'),
	('B02', 'UPDATE payments SET currency = NULL WHERE id = ''v1.a''', '23502 null value in column "currency" of relation "payments" violates not-null constraint'),
	('B02', 'INSERT INTO orders (id, amount, lifecycle) VALUES (''nine'', 1000, NULL)', '23502 null value in column "lifecycle" of relation "orders" violates not-null constraint'),
	('B05', 'INSERT INTO payments (id, order_id, amount) VALUES (''nine'', ''v1'', ''NaN''::numeric)', '0A000 cannot convert NaN to bigint'),
	('B05', 'INSERT INTO refunds (payment_id, amount) VALUES (''v3.a'', ''-Infinity''::float8)', '22003 bigint out of range'),
	('B09', 'INSERT INTO refunds (payment_id, amount) VALUES (''v3.a'', 401)', says('23PS4', 'insert refunds', 'razorpay')),
	('B09', 'INSERT INTO refunds (payment_id, amount) VALUES (''v3.a'', 200), (''v3.a'', 201)', says('23PS4', 'insert refunds', 'razorpay')),
	('B11', 'UPDATE payments SET status = (enum_range(NULL::paystate.payment_status))[4] WHERE id = ''v1.a''', says('23PS1', 'update payments', 'razorpay')),
	('B11', 'UPDATE orders SET status = greatest(status, ''paid'')', '23PS6 column "status" of table "orders" is derived'),
	('B11', 'SELECT ''1''::int::paystate.payment_status', '42846 cannot cast type integer to paystate.payment_status')) v (id, s, m);
SELECT is(outcome(s, true), 'accepted', format('%s: a legal one: %s', id, s)) FROM (VALUES
	('A05', 'UPDATE orders SET amount = 600 WHERE id = ''v0'''),
	('A06', 'INSERT INTO payments (id, order_id, currency) VALUES (''v0.a'', ''v0'', ''INR'')'),
	('A07', 'UPDATE orders SET lifecycle = lifecycle, id = id, created_at = created_at, currency = currency'),
	('A13', 'INSERT INTO orders (id, amount, amount_paid, amount_due, attempts, status) VALUES (''nine'', 1000, 0, 1000, 0, ''created'')'),
	('B02', 'INSERT INTO payments (id, order_id, amount, status, currency) VALUES (''v0.a'', ''v0'', NULL, NULL, NULL)'),
	('B09', 'INSERT INTO refunds (id, payment_id, amount) VALUES (''nine'', ''v3.a'', 200), (''ten'', ''v3.a'', 200)'),
	('B11', 'UPDATE payments SET status = (enum_range(NULL::paystate.payment_status))[3] WHERE id = ''v1.a''')) v (id, s);
\if :{?sharded}
\else
SELECT is((SELECT format('%s %s %s %s %s-%s-%s', order_id, status, amount, currency, amount_captured, amount_refunded, refund_pending) FROM payments WHERE id = 'alone'), ' created 1000 INR 0-0-0', 'A16: without an order nothing follows from it');
SELECT is((SELECT count(*) FROM order_history WHERE payment_id = 'alone'), 0::bigint, 'A16: and no history');
SELECT accepted('UPDATE payments SET status = ''authorized'' WHERE id = ''alone''', 'A16: it may be authorized');
SELECT refused('UPDATE payments SET status = ''captured'' WHERE id = ''alone''', says('23PS3', 'update payments', 'razorpay'), 'A16: but never captured');
SELECT refused('UPDATE payments SET order_id = ''v1'' WHERE id = ''alone''', '23PS6 column "order_id" of table "payments" cannot be changed', 'A16: nor given to an order');
SELECT refused('UPDATE payments SET order_id = NULL WHERE id = ''v2.a''', '23PS6 column "order_id" of table "payments" cannot be changed', 'A16: nor taken from one');
\endif
CREATE TYPE helper.statuses AS RANGE (subtype = paystate.order_status);
SELECT is(lower(helper.statuses('paid', 'failed'))::text || upper(helper.statuses('paid', 'failed')), 'paidfailed', 'B11: ranges give statuses back');

-- COPY BINARY of (id, amount, status) where the status is whatever bytes
CREATE FUNCTION helper.copy_bytes(n integer, bytes text) RETURNS text
	LANGUAGE sql
AS $$
	SELECT format($c$COPY orders (id, amount, status) FROM PROGRAM %L (FORMAT binary)$c$,
		format($p$printf 'PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\003\000\000\000\003bin\000\000\000\010\000\000\000\000\000\000\003\350\000\000\000\%s%s\377\377'$p$, lpad(n::text, 3, '0'), bytes));
$$;
SELECT matches(outcome(copy_bytes(n, bytes), true), m, format('B12: COPY BINARY of %s bytes %s', n, bytes)) FROM (VALUES
	(4, '\177\377\377\377', '^22021 invalid byte sequence for encoding "UTF8": '), (4, '\377\377\377\377', '^22021 invalid byte sequence for encoding "UTF8": '),
	(4, '\000\000\000\013', '^22021 invalid byte sequence for encoding "UTF8": 0x00$'), (2, '\000\001', '^22021 invalid byte sequence for encoding "UTF8": 0x00$'),
	(4, '9999', '^22P02 invalid input value for enum paystate.order_status: "9999"$'), (2, 'pa', '^22P02 invalid input value for enum paystate.order_status: "pa"$'),
	(0, '', '^22P02 invalid input value for enum paystate.order_status: ""$')) v (n, bytes, m);
SELECT is(outcome(copy_bytes(7, 'created'), true), 'accepted', 'B12: COPY BINARY of seven bytes "created"');

-- C01, C10, C14, C17
GRANT CREATE ON DATABASE :"DBNAME" TO :"attacker";
SELECT is(outcome(format('CREATE SCHEMA frozen; SELECT paystate.create_tables(''frozen''); COPY frozen.orders (id, amount, status) FROM PROGRAM ''echo f1,1000,%s'' (FORMAT csv, FREEZE)', s), true),
	m, format('C01: COPY FREEZE into tables of one''s own of an order %s', s))
  FROM (VALUES ('paid', says('23PS2', 'insert orders', 'razorpay')), ('created', 'accepted')) v (s, m);
-- whatever comes first: a payment is judged by the order as the statement stored it
SELECT refused(s, says('23PS3', 'update payments', 'plural_preauth'), 'C10: ' || s) FROM (VALUES
	('WITH a AS (UPDATE payments SET status = ''processed'' WHERE id = ''v4.a'' RETURNING id) UPDATE orders SET status = ''cancelled'' WHERE id = ''v4'' AND (SELECT count(*) FROM a) = 1'),
	('WITH a AS (UPDATE orders SET status = ''cancelled'' WHERE id = ''v4'' RETURNING id) UPDATE payments SET status = ''processed'' WHERE id = ''v4.a'' AND (SELECT count(*) FROM a) = 1'),
	('WITH a AS (UPDATE payments SET status = ''cancelled'' WHERE id = ''v4.a'' RETURNING id) UPDATE orders SET status = ''cancelled'' WHERE id = ''v4'' AND (SELECT count(*) FROM a) = 1')) v (s);
SELECT accepted('WITH a AS (UPDATE payments SET status = status WHERE id = ''v5.a'' RETURNING id) UPDATE orders SET status = ''cancelled'' WHERE id = ''v5'' AND (SELECT count(*) FROM a) = 1', 'C10: the cancel beside a write that changes nothing');
SELECT stands('v5', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v5; a cancelled 0/600-0-0', 'C10: the payment went along, once');
CREATE FUNCTION helper.by_view() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
	UPDATE mall.payments SET status = NEW.status WHERE id OPERATOR(pg_catalog.=) NEW.id;
	RETURN NEW;
END$$;
SET LOCAL ROLE attacks_owner;
CREATE VIEW mall.plain_view AS SELECT * FROM payments;
CREATE VIEW mall.his_view WITH (security_invoker) AS SELECT * FROM payments;
CREATE VIEW mall.both_views AS SELECT * FROM mall.plain_view WHERE amount < 5000 WITH CASCADED CHECK OPTION;
CREATE VIEW mall.no_view AS SELECT DISTINCT id, status FROM payments;
CREATE TRIGGER instead INSTEAD OF UPDATE ON mall.no_view FOR EACH ROW EXECUTE FUNCTION helper.by_view();
GRANT SELECT, INSERT, UPDATE, DELETE ON mall.plain_view, mall.his_view, mall.both_views, mall.no_view TO attacks_app;
RESET ROLE;
SELECT refused(format(s, v), m, 'C14: ' || format(s, v)) FROM unnest('{plain_view,his_view,both_views,no_view}'::text[]) v, (VALUES
	('UPDATE %s SET status = ''failed'' WHERE id = ''v2.a''', says('23PS1', 'update payments', 'razorpay')),
	('INSERT INTO %s (id, order_id, amount, status) VALUES (''nine'', ''v1'', 1000, ''captured'')', says('23PS2', 'insert payments', 'razorpay')),
	('DELETE FROM %s WHERE id = ''v2.a''', '23PS7 delete on table "payments" is not allowed')) w (s, m) WHERE v <> 'no_view' OR s LIKE 'UPDATE%';
SELECT refused('UPDATE both_views SET amount_captured = 1000 WHERE id = ''v2.a''', '23PS6 column "amount_captured" of table "payments" is derived', 'C14: another column');
SELECT is(outcome(format('UPDATE %s SET status = ''captured'' WHERE id = ''v2.a''', v), true), 'accepted', 'C14: a legal one: ' || v) FROM unnest('{plain_view,his_view,both_views,no_view}'::text[]) v;
-- 16: the setting has another name
SELECT is(outcome(format('SELECT set_config(name, wanted, true) FROM (VALUES (''force_parallel_mode'', ''regress''), (''debug_parallel_query'', ''regress''), (''parallel_setup_cost'', ''0''), (''parallel_tuple_cost'', ''0'')) v (name, wanted) JOIN pg_settings USING (name);
	UPDATE payments p SET status = %L FROM (SELECT max(id) AS id FROM payments WHERE id LIKE ''v2.%%'') x WHERE x.id = p.id', s), true), m, 'C17: under parallel plans: ' || s)
  FROM (VALUES ('created', says('23PS1', 'update payments', 'razorpay')), ('captured', 'accepted')) v (s, m);

-- F07: domains and types of one's own over ours, and a cast
SET LOCAL ROLE :"attacker";
CREATE DOMAIN mine.word AS paystate.order_status;
CREATE TYPE mine.label AS ENUM ('paid', 'captured');
CREATE FUNCTION mine.always(mine.label) RETURNS paystate.payment_status LANGUAGE sql AS $$SELECT 'captured'::paystate.payment_status$$;
CREATE CAST (mine.label AS paystate.payment_status) WITH FUNCTION mine.always AS IMPLICIT;
RESET ROLE;
SELECT refused(s, m, 'F07: ' || s) FROM (VALUES ('UPDATE orders SET status = ''paid''::mine.word WHERE id = ''v2''', '23PS6 column "status" of table "orders" is derived'),
	('UPDATE payments SET status = ''paid''::mine.label WHERE id = ''v1.a''', says('23PS1', 'update payments', 'razorpay'))) v (s, m);
SELECT is(outcome('UPDATE payments SET status = ''paid''::mine.label WHERE id = ''v2.a''', true), 'accepted', 'F07: a legal move by a cast of one''s own');

-- F08: of other shapes; and none of them made a row there count here
SELECT is(own(format('CREATE TRIGGER g AFTER %s ON mine.payments FOR EACH ROW %s EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', e, w),
	'INSERT INTO mine.payments (id, order_id, amount, currency, status, status_since) VALUES (''m'', ''f8'', 1000, ''INR'', ''created'', now()); UPDATE mine.payments SET status = ''captured'''), m, format('F08: %s %s', e, w))
  FROM (VALUES ('UPDATE OF status', '', '23PS8 table "payments" is not bound to a life cycle'), ('INSERT OR UPDATE OF status', '', '23PS8 table "payments" is not bound to a life cycle'),
		('INSERT OR UPDATE', 'WHEN (false)', 'accepted'), ('UPDATE', 'WHEN (OLD.status <> NEW.status)', '23PS8 table "payments" is not bound to a life cycle')) v (e, w, m);

-- F10: settings of the role
SELECT is(outcome(format('DO $d$ BEGIN ALTER ROLE %I SET paystate.internal = ''on''; EXCEPTION WHEN OTHERS THEN NULL; END $d$; UPDATE orders SET amount_paid = 1000, version = version + 1 WHERE id = ''v1''', :'attacker'), true),
	'23PS6 column "amount_paid" of table "orders" is derived', 'F10: a setting of the role');
SELECT bag_eq('SELECT name::text FROM pg_settings WHERE name LIKE ''paystate.%''', known, 'F10: there is no setting that could be one') FROM (SELECT ARRAY['paystate.actor', 'paystate.reason', 'paystate.event_id', 'paystate.notify', 'paystate.stuck_after'] AS known) k;

-- F13: an index over what a function of somebody else's says
SET LOCAL ROLE :"attacker";
CREATE FUNCTION mine.who_sorts(n bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$BEGIN IF n > 0 THEN RAISE 'as %', current_user; END IF; RETURN n; END$$;
RESET ROLE;
GRANT ALL ON FUNCTION mine.who_sorts(bigint) TO attacks_owner;
SELECT is(after('CREATE INDEX ON orders (mine.who_sorts(amount_paid)) WHERE id = ''v2''', 'UPDATE payments SET status = ''captured'' WHERE id = ''v2.a'''), 'P0001 as attacks_owner', 'F13: so does an index');
SELECT is(after('CREATE INDEX ON orders (mine.who_sorts(amount_paid)) WHERE id = ''v1''', 'UPDATE payments SET status = ''captured'' WHERE id = ''v2.a'''), 'accepted', 'F13: one that does not ask');
SELECT refused('SELECT paystate.migrate_orders(''mall.orders'', ''razorpay'', ''razorpay'')', '42501 permission denied for function migrate_orders', 'F16: nor are orders migrated');
