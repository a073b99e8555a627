-- repair(): what an order derives from its payments is set to what they say,
-- and the history tells of it; afterwards verify() is silent and the order
-- lives on under the guards.  Run by the owner of the tables, no superuser.
\ir lib/shop.sql

SELECT * FROM no_plan();

CREATE ROLE keeper;
GRANT USAGE ON SCHEMA helper TO keeper;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA helper, public TO keeper;
GRANT ALL ON SCHEMA shop TO keeper;
GRANT EXECUTE ON FUNCTION paystate.repair TO keeper;
ALTER TABLE orders OWNER TO keeper;
ALTER TABLE payments OWNER TO keeper;
ALTER TABLE refunds OWNER TO keeper;
ALTER TABLE order_history OWNER TO keeper;

CREATE FUNCTION helper.findings() RETURNS text[]
	LANGUAGE sql
AS $$
	SELECT coalesce(array_agg(concat_ws('|', coalesce(order_key, '-'), problem, coalesce(expected, '-'),
		coalesce(actual, '-')) ORDER BY order_key, problem), '{}') FROM paystate.verify('orders');
$$;

-- After some tampering and a repair of the order: what is found, and how the
-- order stands; then it is undone.
CREATE FUNCTION helper.mended(tampering text, an_order text, OUT before text[], OUT after text[], OUT standing text, OUT told text[])
	LANGUAGE plpgsql
AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE tampering;
	SET LOCAL session_replication_role = origin;
	before := helper.findings();
	SET LOCAL ROLE keeper;
	PERFORM paystate.repair('orders', an_order);
	RESET ROLE;
	after := helper.findings();
	standing := helper.standing(an_order);
	told := (SELECT array_agg(format('%s %s>%s %s>%s %s/%s/%s %s %s', coalesce(payment_id, '-'), coalesce(payment_from::text, '-'),
			coalesce(payment_to::text, '-'), coalesce(order_from::text, '-'), order_to, amount, amount_paid, attempts, reason, actor) ORDER BY seq)
		FROM order_history WHERE order_id = an_order AND forced);
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;
CREATE FUNCTION helper.mends(tampering text, an_order text, stands text, told text[], why text) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
DECLARE
	m record;
BEGIN
	SELECT * INTO m FROM helper.mended(tampering, an_order);
	RETURN NEXT isnt(m.before, '{}', why || ': is found');
	RETURN NEXT is(m.after, '{}', why || ': is mended');
	RETURN NEXT is(m.standing, stands, why || ': the order stands as its payments say');
	RETURN NEXT is(m.told, told, why || ': the history tells of it');
END
$$;

DO $$ BEGIN
	PERFORM given('w', 'plural_preauth', 1000, 'a=1000 a>authorized a>processed:400');
	PERFORM given('a', 'razorpay', 1000, 'a= a>authorized a>captured a-100 a~100');
	PERFORM given('h', 'razorpay', 1000, 'a= a>authorized');
	PERFORM given('n', 'razorpay', 1000);
	PERFORM given('p', 'plural', 1000, 'a=600 a>processed b=400');
	PERFORM given('t', 'razorpay', 1000, 'a=400 a>authorized a>captured b=600 b>failed c=600', true);
END $$;

-- ---- nothing to do ----------------------------------------------------------------------------
SET ROLE keeper;
SELECT helper.no_op($$SELECT paystate.repair('orders', id) FROM orders$$, 'an order that is right is left alone');
RESET ROLE;

-- ---- columns of the order ----------------------------------------------------------------------
SELECT helper.mends(format('UPDATE orders SET %s WHERE id = %L', what, 'a'), 'a',
	'paid 1000 of 1000, due 0, held 0, pending 0, back 100, attempts 1, open 0, v7; a captured 1000/1000-100-100',
	ARRAY['- ->- paid>paid 1000/1000/1 repair postgres'], what)
  FROM unnest(ARRAY['amount_paid = 900', 'amount_due = 1', 'amount_authorized = 7', 'amount_pending = 7', 'amount_refunded = 0',
	'payments_open = 3', 'attempts = 9', 'status = ''attempted''', 'status = ''fully_refunded''', 'version = 3',
	'changed_at = now() - interval ''1 day''', 'status_since = now() - interval ''1 day''',
	'amount_paid = 0, amount_due = 1000, status = ''created'', attempts = 0, version = 1']) what;

-- ---- payments that were written behind the guards' back ------------------------------------------
SELECT helper.mends($$UPDATE payments SET status = 'captured', amount_captured = 1000 WHERE id = 'h.a'$$, 'h',
	'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v5; a captured 1000/1000-0-0',
	ARRAY['h.a authorized>captured attempted>attempted 1000/0/1 repair postgres', '- ->- attempted>paid 1000/1000/1 repair postgres'],
	'a capture makes the order paid');
SELECT helper.mends($$UPDATE payments SET status = 'failed' WHERE id = 'h.a'$$, 'h',
	'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v5; a failed 0/1000-0-0',
	ARRAY['h.a authorized>failed attempted>attempted 1000/0/1 repair postgres', '- ->- attempted>attempted 1000/0/1 repair postgres'],
	'a failure that no rule leads to from there, but one from the beginning');
SELECT helper.mends($$UPDATE payments SET status = 'created' WHERE id = 'h.a'$$, 'h',
	'created 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 0, open 1, v5; a created 0/1000-0-0',
	ARRAY['h.a authorized>created attempted>attempted 1000/0/1 repair postgres', '- ->- attempted>created 1000/0/0 repair postgres'],
	'a payment that was taken back');
SELECT helper.mends($$INSERT INTO payments (id, order_id, amount, amount_captured, currency, status, status_since)
		VALUES ('n.x', 'n', 1000, 1000, 'INR', 'captured', now())$$, 'n',
	'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v3; x captured 1000/1000-0-0',
	ARRAY['n.x ->captured created>created 1000/0/0 repair postgres', '- ->- created>paid 1000/1000/1 repair postgres'],
	'a payment that was loaded');
SELECT helper.mends($$UPDATE payments SET status = 'processed', amount_captured = 400 WHERE id = 'p.b'$$, 'p',
	'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v6; a processed 600/600-0-0, b processed 400/400-0-0',
	ARRAY['p.b pending>processed pending>pending 400/600/2 repair postgres', '- ->- pending>processed 1000/1000/2 repair postgres'],
	'the second leg of two');
SELECT helper.mends($$DELETE FROM payments WHERE id = 't.c'$$, 't',
	'attempted 400 of 1000, due 600, held 0, pending 0, back 0, attempts 2, open 0, v8; a captured 400/400-0-0, b failed 0/600-0-0',
	ARRAY['- ->- attempted>attempted 1000/400/2 repair postgres'], 'a payment that was removed');

SELECT helper.mends(format($$UPDATE payments SET amount_captured = %1$s WHERE id = 'w.a'; UPDATE orders SET amount_paid = %1$s, amount_due = 1000 - %1$s WHERE id = 'w'$$, paid), 'w',
	format('partially_captured %s of 1000, due %s, held 0, pending 0, back 0, attempts 1, open 0, v5; a processed %1$s/1000-0-0', paid, 1000 - paid),
	ARRAY[format('- ->- partially_captured>partially_captured 1000/%s/1 repair postgres', paid)],
	format('captured %s where the history tells of 400, the order in step with it', paid))
  FROM unnest('{399, 401}'::int[]) paid;

-- ---- histories with holes ---------------------------------------------------------------------------
SELECT helper.mends($$DELETE FROM order_history WHERE order_id = 'h' AND seq = 3$$, 'h',
	'attempted 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 1, open 1, v4; a authorized 0/1000-0-0',
	ARRAY['h.a created>authorized created>created 1000/0/0 repair postgres', '- ->- created>attempted 1000/0/1 repair postgres'],
	'a last row that was removed');
SELECT helper.mends($$DELETE FROM order_history WHERE order_id = 'h'$$, 'h',
	'attempted 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 1, open 1, v1; a authorized 0/1000-0-0',
	ARRAY['- ->- ->attempted 1000/0/1 repair postgres'], 'a history that was removed');
SELECT is(after, ARRAY['h|gap before seq in history row 3|2|3'], 'a row that is missing stays missing')
  FROM helper.mended($$DELETE FROM order_history WHERE order_id = 'h' AND seq = 2$$, 'h');
SELECT is(after, ARRAY['a|amount_refunded of payment "a.a"|100|0'], 'a payment''s own totals are not the order''s to mend')
  FROM helper.mended($$UPDATE payments SET amount_refunded = 0 WHERE id = 'a.a'$$, 'a');

-- ---- who and why -------------------------------------------------------------------------------------
SET LOCAL paystate.actor = 'ticket desk';
SET LOCAL paystate.reason = 'ticket 17';
SELECT is(told, ARRAY['- ->- paid>paid 1000/1000/1 ticket 17 ticket desk'], 'actor and reason are those of the settings')
  FROM helper.mended($$UPDATE orders SET amount_paid = 0 WHERE id = 'a'$$, 'a');
RESET paystate.actor;
RESET paystate.reason;

-- ---- what cannot be repaired ------------------------------------------------------------------------
CREATE FUNCTION helper.cannot_mend(tampering text, an_order text, expected text, why text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE tampering;
	SET LOCAL session_replication_role = origin;
	RETURN helper.refused(format('SELECT paystate.repair(%L, %L)', 'orders', an_order), expected, why);
END
$$;
SAVEPOINT broken;
SELECT helper.cannot_mend($$UPDATE payments SET amount_captured = 5000 WHERE id = 'a.a'$$, 'a', '23PS4 order "a" cannot be repaired', 'more was captured than the order is about');
ROLLBACK TO broken;
SELECT helper.cannot_mend($$UPDATE payments SET amount_refunded = 5000 WHERE id = 'a.a'$$, 'a', '23PS4 order "a" cannot be repaired', 'more was refunded than captured');
ROLLBACK TO broken;
SELECT helper.cannot_mend($$UPDATE payments SET status = 'processed' WHERE id = 'a.a'$$, 'a', '23PS1 order "a" cannot be repaired', 'a payment in a status of no rule');
ROLLBACK TO broken;
SELECT helper.cannot_mend($$UPDATE orders SET lifecycle = 'nope' WHERE id = 'a'$$, 'a', '23PS8 life cycle "nope" does not exist', 'no such life cycle');
ROLLBACK TO broken;
SELECT helper.refused($$SELECT paystate.repair('orders', 'nobody')$$, 'P0002 order "nobody" does not exist', 'an unknown key');
SELECT helper.refused($$SELECT paystate.repair('orders', 'a', 'b')$$, '22023 wrong number of key values for table "orders"', 'too many values');
SELECT helper.refused($$SELECT paystate.repair('orders', NULL)$$, '22004 argument "order_key" must not be null', 'a null key');
SELECT helper.refused($$SELECT paystate.repair('payments', 'a.a')$$, '23PS8 table "payments" is not bound to a life cycle', 'a table that is no orders table');
SAVEPOINT reading;
SET TRANSACTION READ ONLY;
SELECT throws_ok($$SELECT paystate.repair('orders', 'a')$$, '25006', 'cannot execute repair() in a read-only transaction', 'a transaction that only reads');
ROLLBACK TO reading;

-- ---- where paystate writes by SQL: a user's trigger stands on each table ------------------------------
SAVEPOINT by_sql;
CREATE FUNCTION helper.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER nothing BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION helper.nothing();
CREATE TRIGGER nothing BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION helper.nothing();
SELECT helper.mends($$UPDATE orders SET amount_paid = 0, status = 'created' WHERE id = 'a'$$, 'a',
	'paid 1000 of 1000, due 0, held 0, pending 0, back 100, attempts 1, open 0, v7; a captured 1000/1000-100-100',
	ARRAY['- ->- paid>paid 1000/1000/1 repair postgres'], 'by SQL');
ROLLBACK TO by_sql;

-- ---- and it lives on ------------------------------------------------------------------------------------
SET LOCAL session_replication_role = replica;
UPDATE orders SET amount_paid = 0, amount_due = 1000, amount_refunded = 0 WHERE id = 'a';
UPDATE payments SET status = 'created' WHERE id = 'h.a';
SET LOCAL session_replication_role = origin;
SET ROLE keeper;
DO $$ BEGIN
	PERFORM paystate.repair('orders', 'a'), paystate.repair('orders', 'h');
	PERFORM helper.then('a', 'a-300');
	UPDATE refunds SET status = 'processed' WHERE id = 'a.a.r2';
	PERFORM helper.then('h', 'a>authorized a>captured a-1000');
END $$;
RESET ROLE;
SELECT helper.stands('a', 'paid 1000 of 1000, due 0, held 0, pending 0, back 500, attempts 1, open 0, v9; a captured 1000/1000-500-0', 'refunds after a repair');
SELECT helper.stands('h', 'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v8; a refunded 1000/1000-1000-0', 'a whole life after a repair');
SELECT is(helper.findings(), '{}', 'and all of it is followed from there');
SET ROLE keeper;
SELECT helper.no_op($$SELECT paystate.repair('orders', id) FROM orders$$, 'there is nothing left to repair');
RESET ROLE;

\ir lib/end.sql
