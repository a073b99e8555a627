-- Attached tables of odd shapes: without currencies, without NOT NULL, without
-- refunds, with guards whose arguments were written by hand, with foreign keys
-- that cannot be followed.  What cannot be guarded is refused with its code and
-- says why; beside it what can.
\ir lib/bare.sql

-- What comes of a statement after another; then both are undone.
CREATE FUNCTION helper.says(before text, statement text, OUT got text)
	LANGUAGE plpgsql
AS $$
DECLARE
	code text; detail text;
BEGIN
	EXECUTE before;
	BEGIN
		EXECUTE statement;
		got := 'accepted';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, got = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
		got := concat_ws(' | ', code || ' ' || got, nullif(detail, ''));
	END;
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;

-- The guards of a table once more, with those arguments.
CREATE FUNCTION helper.guard(rel text, kind text, VARIADIC arguments text[]) RETURNS void
	LANGUAGE plpgsql
AS $$
DECLARE
	called text := format('paystate.guard_%s(%s)', kind, (SELECT string_agg(quote_literal(a), ', ') FROM unnest(arguments) a));
BEGIN
	EXECUTE format('DROP TRIGGER _paystate_before ON %s', rel);
	EXECUTE format('DROP TRIGGER "A_paystate_guard" ON %s', rel);
	EXECUTE format('CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s', rel, called);
	EXECUTE format('CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s', rel, called);
END
$$;

DO $$ BEGIN
	PERFORM paystate.define_lifecycle('dollars', '{"based_on": "razorpay", "currencies": ["USD"]}');
	PERFORM paystate.define_lifecycle('first', '{"based_on": "razorpay", "amount_fixed": "first_payment"}');
END $$;

-- ---- no currency on the orders, one on the payments; a total instead of refunds; text that may be null
CREATE TABLE o (id int PRIMARY KEY, amount bigint, status text, lifecycle text, notes jsonb, receipt text);
CREATE TABLE p (id int PRIMARY KEY, o int REFERENCES o, amount bigint, status text, currency text);
CREATE INDEX ON p (o);
SELECT is_empty($$SELECT * FROM paystate.attach('o', 'p', lifecycle => 'razorpay', add_columns => true)$$, 'attached');
INSERT INTO o (id, amount) VALUES (1, 1000), (2, 1000), (3, 1000);
INSERT INTO p (id, o) VALUES (10, 1), (20, 2);
UPDATE p SET status = 'authorized' WHERE id = 20;
UPDATE p SET status = 'captured' WHERE id = 20;
SET LOCAL session_replication_role = replica;	-- captured without an order, as no guard lets one be
INSERT INTO p (id, amount, amount_captured, amount_refunded, refund_pending, status, status_since, currency) VALUES (90, 500, 500, 0, 0, 'captured', now(), 'INR');
SET LOCAL session_replication_role = origin;

SELECT is(helper.says('', s), e, 'rupees alone: ' || s) FROM (VALUES
	('INSERT INTO p (id, o, currency) VALUES (11, 3, ''INR'')', 'accepted'),
	('INSERT INTO p (id, o, currency) VALUES (11, 3, ''USD'')', '23PS5 insert on table "p" violates currency of life cycle "razorpay" | Payment "11" has currency "USD", which life cycle "razorpay" does not take.'),
	('INSERT INTO o (id, amount, lifecycle) VALUES (4, 1000, ''razorpay'')', 'accepted'),
	('INSERT INTO o (id, amount, lifecycle) VALUES (4, 1000, ''dollars'')', '23PS5 insert on table "o" violates currency of life cycle "dollars" | The table has no currencies, and life cycle "dollars" does not take "INR".')
	) v (s, e);
SELECT is(helper.says('', s), e, 'no status: ' || s) FROM (VALUES
	('UPDATE p SET status = NULL WHERE id = 10', '23PS1 update on table "p" violates life cycle "razorpay" | Payment "10" of order "1" cannot move from "created" to "".'),
	('UPDATE o SET status = NULL WHERE id = 1', '23PS6 column "status" of table "o" is derived | An order does not become "" by an update: its status follows from its payments.'),
	('UPDATE p SET status = ''failed'' WHERE id = 10', 'accepted')
	) v (s, e);
SELECT is(helper.says('', s), e, 'refunds as a total: ' || s) FROM (VALUES
	('UPDATE p SET amount_refunded = 500 WHERE id = 90', 'accepted'),
	('UPDATE p SET amount_refunded = 499 WHERE id = 90', 'accepted'),
	('UPDATE p SET amount_refunded = 501 WHERE id = 90', '23PS4 update on table "p" violates amounts of life cycle "razorpay" | Payment "90" without an order: a refund of 501 with 500 captured, 0 refunded and 0 pending.'),
	('UPDATE p SET amount_refunded = -1 WHERE id = 90', '23PS4 update on table "p" violates amounts of life cycle "razorpay" | Payment "90" without an order: a refund of -1 with 500 captured, 0 refunded and 0 pending.')
	) v (s, e);
UPDATE p SET amount_refunded = 500 WHERE id = 90;
SELECT results_eq('SELECT status, amount_refunded FROM p WHERE id = 90', $$VALUES ('refunded', 500::bigint)$$, 'all of it makes the payment refunded, without an order, too');
SELECT is(helper.says('SET LOCAL session_replication_role = replica; UPDATE p SET amount_refunded = -2 WHERE id = 20; SET LOCAL session_replication_role = origin',
	'UPDATE p SET amount_refunded = 9223372036854775807 WHERE id = 20'),
	'23PS4 update on table "p" violates amounts of life cycle "razorpay" | Payment "20" of order "2": a refund of 0 with 1000 captured, -2 refunded and 0 pending.', 'more than bigint counts');
SELECT is(helper.says('', 'UPDATE p SET amount_refunded = 1000 WHERE id = 20'), 'accepted', 'all of it, of an order');

-- ---- arguments of guards, written by hand
SELECT is(helper.says(format('SELECT helper.guard(''p'', ''payments'', %s)', a), 'INSERT INTO p (id, o) VALUES (11, 3)'),
	e, 'arguments ' || a) FROM (VALUES
	('''lifecycle=razorpay'', ''column.order=o''', '23PS8 table "p" is not bound to a life cycle | The guard''s argument "column.order=o" means nothing.'),
	('''lifecycle=razorpay''', 'accepted'),
	('''lifecycle=razorpay'', ''column.currency=''', 'accepted'),
	('''lifecycle=razorpay'', ''label.created''', '23PS8 table "p" is not bound to a life cycle | The guard''s argument "label.created" means nothing.'),
	('''lifecycle=razorpay'', ''label.created=created''', 'accepted'),
	('''lifecycle=razorpay'', ''x''', '23PS8 table "p" is not bound to a life cycle | The guard''s argument "x" means nothing.'),
	('''lifecycle=razorpay'', ''lifecycle=paykun''', '23PS8 table "p" is not bound to a life cycle | The guard''s argument "lifecycle=paykun" names again what another names.'),
	('''lifecycle=razorpay'', ''column.amount=a'', ''column.amount=amount''', '23PS8 table "p" is not bound to a life cycle | The guard''s argument "column.amount=amount" names again what another names.'),
	('''lifecycle=razorpay'', ''label.failed=no'', ''label.failed=never''', '23PS8 table "p" is not bound to a life cycle | The guard''s argument "label.failed=never" names again what another names.'),
	('''lifecycle=razorpay'', ''column.offer_id=receipt''', '23PS8 table "p" is not bound to a life cycle | The guard''s argument "column.offer_id=receipt" means nothing.'),
	('''lifecycle=razorpay'', ''column.amount_captured=amount''', '23PS8 table "p" is not bound to a life cycle | One column stands for both "amount" and "amount_captured".')
	) v (a, e);
SELECT is(helper.says(format('SELECT helper.guard(''o'', ''orders'', %s)', a), 'INSERT INTO o (id, amount) VALUES (4, 1000)'),
	e, 'arguments ' || a) FROM (VALUES
	('''lifecycle=razorpay'', ''column.offer_id=receipt''', 'accepted'),
	('''lifecycle=razorpay'', ''column.paid_by=receipt''', '23PS8 table "o" is not bound to a life cycle | The guard''s argument "column.paid_by=receipt" means nothing.')
	) v (a, e);
SELECT is(helper.says('SELECT helper.guard(''p'', ''payments'', ''lifecycle=razorpay'', ''label.created'')', 'INSERT INTO o (id, amount) VALUES (4, 1000)'),
	'accepted', 'orders, which have no payments yet, do not mind a guard of payments');

-- ---- keys that cannot be followed
CREATE TABLE q (id int PRIMARY KEY, code text UNIQUE, amount bigint NOT NULL, status text NOT NULL);
CREATE TABLE r (id int PRIMARY KEY, q text REFERENCES q (code), amount bigint NOT NULL, status text NOT NULL);
CREATE TABLE r8 (id int PRIMARY KEY, q bigint REFERENCES q, amount bigint NOT NULL, status text NOT NULL);
CREATE TABLE r4 (id int PRIMARY KEY, q int REFERENCES q, amount bigint NOT NULL, status text NOT NULL);
CREATE INDEX ON r (q);
CREATE INDEX ON r8 (q);
CREATE INDEX ON r4 (q);
CREATE FUNCTION helper.attached(payments text) RETURNS text LANGUAGE sql
	AS $$SELECT helper.says('', format('DO $d$ BEGIN PERFORM * FROM paystate.attach(''q'', %L, lifecycle => ''razorpay'', add_columns => true); IF NOT EXISTS (SELECT FROM paystate.attached_tables a WHERE a.orders = ''q''::regclass) THEN RAISE ''not attached''; END IF; END $d$', payments))$$;
SELECT is(helper.attached('r4'), 'accepted', 'to the primary key, of its type');
SELECT isnt(helper.attached('r'), 'accepted', 'not to another key');
SELECT isnt(helper.attached('r8'), 'accepted', 'nor of another type');
-- and where it was attached before
SELECT is_empty($$SELECT * FROM paystate.attach('q', 'r4', lifecycle => 'razorpay', add_columns => true)$$, 'attached');
SELECT is(helper.says(ddl, 'INSERT INTO r4 (id, amount) VALUES (1, 100)'), e, ddl) FROM (VALUES
	('SELECT 1', 'accepted'),
	('ALTER TABLE r4 DROP CONSTRAINT r4_q_fkey; ALTER TABLE r4 ALTER q TYPE text; ALTER TABLE r4 ADD CONSTRAINT by_code FOREIGN KEY (q) REFERENCES q (code)',
		'23PS8 table "r4" is not bound to a life cycle | Foreign key "by_code" does not reference the primary key.'),
	('ALTER TABLE r4 ALTER q TYPE bigint',
		'23PS8 table "r4" is not bound to a life cycle | Foreign key "r4_q_fkey" has columns of another type than the key it references.'),
	('ALTER TABLE r4 ADD up int REFERENCES r4', 'accepted')
	) v (ddl, e);

-- ---- who has lost his payments
SELECT is(helper.says('DROP TABLE r4', s), e, 'without payments: ' || s) FROM (VALUES
	('INSERT INTO q (id, amount) VALUES (1, 1000)', 'accepted'),
	('SELECT * FROM paystate.allowed_transitions(''q'', ''1'')', '23PS8 table "q" is not bound to a life cycle | No guarded payments table references it.')
	) v (s, e);
CREATE TABLE v1 (id int PRIMARY KEY, amount bigint NOT NULL, status text NOT NULL);
CREATE TABLE v2 (id int PRIMARY KEY, q int REFERENCES v1, amount bigint NOT NULL, status text NOT NULL);
CREATE INDEX ON v2 (q);
SELECT is_empty($$SELECT * FROM paystate.attach('v1', 'v2', lifecycle => 'plural', add_columns => true)$$, 'attached');
INSERT INTO v1 (id, amount) VALUES (1, 1000);
INSERT INTO v2 (id, q) VALUES (1, 1);
SELECT is(helper.says('', 'UPDATE v1 SET status = ''cancelled'' WHERE id = 1'), 'accepted', 'payments go along');
SELECT is(helper.says('DROP TABLE v2', 'UPDATE v1 SET status = ''cancelled'' WHERE id = 1'),
	'23PS8 table "v1" is not bound to a life cycle | No guarded payments table references it.', 'payments that are gone do not');

-- ---- what there is no table for
SELECT is(helper.says('', s), e, s) FROM (VALUES
	('SELECT * FROM paystate.allowed_transitions(99999999::regclass, ''1'')', '42P01 relation with OID 99999999 does not exist'),
	('SELECT paystate.try_payment(99999999::regclass, ''1'', ''failed'')', '42P01 relation with OID 99999999 does not exist'),
	('SELECT * FROM paystate.late_payment(''o'', ''{"id": 1}'')', '23PS8 table "o" is not bound to a life cycle | It has no guard of payments.'),
	('SELECT * FROM paystate.guarded_findings(99999999::regclass)', '42P01 relation with OID 99999999 does not exist')
	) v (s, e);

SELECT is_empty('SELECT * FROM paystate.verify(''o'')', 'verify() agrees with all that was written');
SELECT is_empty('SELECT * FROM paystate.verify(''v1'')', 'here, too');
SELECT * FROM finish();
ROLLBACK;
