-- Histories that no event wrote: verify() says at which row they cannot be
-- followed, replay() stops there, repair() keeps what it cannot derive.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

CREATE FUNCTION helper.as_nobody(tampering text) RETURNS void
	LANGUAGE plpgsql
AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE helper.here(tampering);
	SET LOCAL session_replication_role = origin;
END
$$;

-- What a query says of the tampered tables, one line a row; then it is undone.
CREATE FUNCTION helper.told(tampering text, query text, act text DEFAULT '', OUT says text[])
	LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM helper.as_nobody(tampering);
	BEGIN
		EXECUTE act;
		EXECUTE format('SELECT coalesce(array_agg(t.line), ''{}'') FROM (%s) t (line)', query) INTO says;
	EXCEPTION WHEN OTHERS THEN
		says := ARRAY[SQLSTATE || ' ' || SQLERRM];
	END;
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;
CREATE FUNCTION helper.verified(tampering text) RETURNS text[] LANGUAGE sql
	AS $$ SELECT helper.told(tampering, 'SELECT concat_ws(''|'', order_key, problem, coalesce(expected, ''-''), coalesce(actual, ''-'')) FROM paystate.verify(''orders'') ORDER BY 1') $$;
-- the last row of replay(): how far it came, and why not further
CREATE FUNCTION helper.replayed(tampering text, an_order text) RETURNS text[] LANGUAGE sql
	AS $$ SELECT helper.told(tampering, format('SELECT concat_ws(''|'', seq, status, problem) FROM paystate.replay(''orders'', %L) ORDER BY seq DESC LIMIT 1', an_order)) $$;
-- what a repair leaves: how the order stands, and what verify() finds then
CREATE FUNCTION helper.repaired(tampering text, an_order text) RETURNS text[] LANGUAGE sql
	AS $$ SELECT helper.told(tampering, format('SELECT helper.standing(%1$L) UNION ALL
		SELECT concat_ws(''|'', order_key, problem, coalesce(expected, ''-''), coalesce(actual, ''-'')) FROM paystate.verify(''orders'')', an_order),
		format('SELECT paystate.repair(''orders'', %L)', an_order)) $$;

DO $$ BEGIN
	PERFORM given('a', 'razorpay', 1000, 'a= a>authorized a>captured a-100 a~100');
	PERFORM given('b', 'plural', 1000, 'a=600 a>processed b=400 b>processed a-200');
	PERFORM given('n', 'razorpay', 1000);
	PERFORM given('h', 'razorpay', 1000, 'a= a>authorized');
	PERFORM given('m', 'razorpay', 1000, 'a= a>authorized a>captured a-100');
	PERFORM helper.as_nobody('UPDATE orders SET amount_paid = 7 WHERE id = ''m''');
	PERFORM paystate.repair('orders', 'm');
	PERFORM helper.then('m', 'a-200');
	PERFORM given('k', 'razorpay', 1000, 'a= a>authorized a>captured');
	PERFORM helper.as_nobody('UPDATE orders SET amount_paid = 7 WHERE id = ''k''');
	PERFORM paystate.repair('orders', 'k');
	PERFORM given('w', 'razorpay', 1000, 'a= a>authorized a>captured');
	PERFORM helper.as_nobody('UPDATE orders SET amount_paid = 7 WHERE id = ''w''');
	PERFORM paystate.repair('orders', 'w');
	PERFORM helper.then('w', 'a>refunded');
END $$;
SELECT is(helper.verified('SELECT 1'), '{}', 'what the guards wrote agrees');
SELECT is(helper.replayed('SELECT 1', o), ARRAY[says], 'order "' || o || '" is followed to its end') FROM (VALUES
	('a', '6|paid'), ('b', '6|partially_refunded'), ('n', '1|created'), ('m', '7|paid'), ('w', '6|paid')) v (o, says);

-- ---- rows that say what did not happen
SELECT is(helper.verified('UPDATE order_history SET ' || t), says::text[], t) FROM (VALUES
	('payment_to = ''refunded'' WHERE order_id = ''a'' AND seq = 5',
		'{"a|illegal step in history row 5|a rule of life cycle \"razorpay\"|payment \"a.a\" captured>refunded, refund \"a.a.r1\" to processed, order paid>paid, amount 100"}'),
	('refund_to = NULL, refund_id = NULL WHERE order_id = ''a'' AND seq = 5',
		'{"a|missing history of refund \"a.a.r1\"|a row for each change|-"}'),
	('amount = 900 WHERE order_id = ''a'' AND seq = 3',
		'{"a|illegal step in history row 3|a rule of life cycle \"razorpay\"|payment \"a.a\" created>authorized, order created>attempted, amount 900"}'),
	('amount = 0 WHERE order_id = ''n''',
		'{"n|illegal step in history row 1|a rule of life cycle \"razorpay\"|order new>created, amount 0"}'),
	('payment_id = ''n.a'' WHERE order_id = ''n''',
		'{"n|illegal step in history row 1|a rule of life cycle \"razorpay\"|payment \"n.a\" new>null, order new>created, amount 1000"}'),
	('amount_paid = 900 WHERE order_id = ''m'' AND seq = 6',
		'{"m|amount_paid in history row 6|1000|900"}'),
	('amount_paid = 1001 WHERE order_id = ''m'' AND seq = 6',
		'{"m|amount_paid in history row 6|1000|1001"}'),
	-- what was told before the order was found counts; how it was told does not
	('refund_to = NULL, refund_id = NULL WHERE order_id = ''m'' AND seq = 7', '{}'),
	('refund_to = NULL, refund_id = NULL WHERE order_id = ''w'' AND seq = 6', '{}')
	) v (t, says);

-- ---- replay() does not ask whether the rows hang together; it stops where they do not
SELECT is(helper.replayed(t, o), ARRAY[says], o || ': ' || t) FROM (VALUES
	('UPDATE order_history SET order_from = ''created'' WHERE order_id = ''a'' AND seq = 4', 'a', '4|attempted|order_from in history row 4: expected attempted, actual created'),
	('UPDATE order_history SET order_from = NULL WHERE order_id = ''a'' AND seq = 4', 'a', '4|attempted|order_from in history row 4: expected attempted, actual null'),
	('DELETE FROM order_history WHERE order_id = ''a'' AND seq < 5', 'a', '6|paid'),
	('DELETE FROM order_history WHERE order_id = ''a'' AND seq < 5; UPDATE order_history SET amount_paid = 900 WHERE order_id = ''a'' AND seq = 5', 'a', '5|paid|amount_paid in history row 5: expected 1000, actual 900'),
	('DELETE FROM order_history WHERE order_id = ''a'' AND seq < 3', 'a', '6|paid'),
	('UPDATE order_history SET order_to = ''pending'' WHERE order_id = ''k'' AND seq = 5', 'k', '5|illegal step in history row 5: expected a rule of life cycle "razorpay", actual order paid>pending, amount 1000'),
	('UPDATE orders SET lifecycle = ''nope'' WHERE id = ''a''', 'a', '23PS8 life cycle "nope" does not exist')
	) v (t, o, says);

-- ---- repair(): by what the payments say, where a path of events leads there; else as it was left
SELECT is(helper.repaired(t, o), says::text[], o || ': ' || t) FROM (VALUES
	('UPDATE payments SET amount_refunded = 300 WHERE id = ''m.a''; UPDATE refunds SET amount = 300 WHERE id = ''m.a.r1''; DELETE FROM refunds WHERE id = ''m.a.r2''', 'm', '{"paid 1000 of 1000, due 0, held 0, pending 0, back 300, attempts 1, open 0, v8; a captured 1000/1000-300-0"}'),
	('INSERT INTO payments (id, order_id, amount, currency, status, status_since, amount_captured, amount_refunded, refund_pending) VALUES (''n.x'', ''n'', 1000, ''INR'', ''captured'', now(), 1000, 300, 0);
		INSERT INTO refunds (id, payment_id, amount) VALUES (''n.x.r1'', ''n.x'', 300)', 'n', '{"paid 1000 of 1000, due 0, held 0, pending 0, back 300, attempts 1, open 0, v3; x captured 1000/1000-300-0"}'),
	('INSERT INTO payments (id, order_id, amount, currency, status, status_since, amount_captured, amount_refunded, refund_pending) VALUES (''n.x'', ''n'', 999, ''INR'', ''captured'', now(), 999, 0, 0)', 'n', '{"created 999 of 1000, due 1, held 0, pending 0, back 0, attempts 0, open 0, v3; x captured 999/999-0-0"}'),
	('INSERT INTO payments (id, order_id, amount, currency, status, status_since, amount_captured, amount_refunded, refund_pending) VALUES (''n.x'', ''n'', 999, ''INR'', ''captured'', now(), 999, 0, 0);
		DELETE FROM order_history WHERE order_id = ''n''; UPDATE orders SET status = ''pending'' WHERE id = ''n''', 'n', '{"created 999 of 1000, due 1, held 0, pending 0, back 0, attempts 0, open 0, v1; x captured 999/999-0-0"}'),
	('DELETE FROM orders WHERE id = ''h''', 'h', '{"P0002 order \"h\" does not exist"}')
	) v (t, o, says);

\ir lib/end.sql
