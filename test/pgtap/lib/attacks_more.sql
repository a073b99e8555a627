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
