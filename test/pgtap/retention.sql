-- A history by month whose oldest months were detached: what verify() can
-- still prove, and what it then says of a month that is kept.
\set partitioned on
\ir lib/shop.sql

SELECT * FROM no_plan();

CREATE FUNCTION helper.month(ahead integer) RETURNS timestamptz
	LANGUAGE sql
	RETURN (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead)) AT TIME ZONE 'UTC';
CREATE FUNCTION helper.month_name(ahead integer) RETURNS text
	LANGUAGE sql
	RETURN to_char(month(ahead) AT TIME ZONE 'UTC', '"order_history_y"YYYY"m"MM');
CREATE FUNCTION helper.make_month(ahead integer) RETURNS void
	LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE format('CREATE TABLE %I PARTITION OF order_history FOR VALUES FROM (%L) TO (%L)',
		month_name(ahead), month(ahead), month(ahead + 1));
END
$$;
CREATE FUNCTION helper.attach_month(ahead integer) RETURNS void
	LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE format('ALTER TABLE order_history ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
		month_name(ahead), month(ahead), month(ahead + 1));
END
$$;
CREATE FUNCTION helper.detach_month(ahead integer) RETURNS void
	LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE format('ALTER TABLE order_history DETACH PARTITION %I', month_name(ahead));
END
$$;

-- What is there of an order becomes two months old, up to some row of its
-- history.  What stood since then, stood since then.
CREATE FUNCTION helper.age(an_order text, upto integer DEFAULT NULL, by interval DEFAULT now() - (month(-2) + interval '3 days'))
	RETURNS void
	LANGUAGE plpgsql
AS $$
DECLARE
	last timestamptz;
BEGIN
	SET LOCAL session_replication_role = replica;
	SELECT max(at) INTO last FROM order_history WHERE order_id = an_order AND seq <= coalesce(upto, seq);
	UPDATE orders SET created_at = created_at - by,
			changed_at = changed_at - CASE WHEN changed_at <= last THEN by ELSE '0' END,
			status_since = status_since - CASE WHEN status_since <= last THEN by ELSE '0' END
		WHERE id = an_order;
	UPDATE payments SET status_since = status_since - by WHERE order_id = an_order AND status_since <= last;
	UPDATE order_history SET
			order_since = order_since - CASE WHEN order_since <= last THEN by ELSE '0' END,
			payment_since = payment_since - CASE WHEN payment_since <= last THEN by ELSE '0' END
		WHERE order_id = an_order;
	UPDATE order_history SET at = at - by WHERE order_id = an_order AND at <= last;
	SET LOCAL session_replication_role = origin;
END
$$;

-- An order with some life two months ago, and some now.
CREATE FUNCTION helper.lived(an_order text, lc text, first text, since text DEFAULT '', partial boolean DEFAULT false)
	RETURNS text
	LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM given(an_order, lc, 1000, first, partial);
	PERFORM age(an_order);
	RETURN helper.then(an_order, since);
END
$$;

-- Findings as 'key|problem|expected|actual', without moments.
CREATE FUNCTION helper.findings(orders regclass DEFAULT 'orders') RETURNS text[]
	LANGUAGE sql
AS $$
	SELECT coalesce(array_agg(regexp_replace(concat_ws('|', coalesce(order_key, '-'),
			problem, coalesce(expected, '-'), coalesce(actual, '-')), '\d{4}-\d\d-\d\d [0-9:.+]+', 'WHEN', 'g')
			ORDER BY order_key, problem), '{}')
	  FROM paystate.verify(orders);
$$;

-- What is found after some tampering past the guards, which is undone.
CREATE FUNCTION helper.found(tampering text) RETURNS text[]
	LANGUAGE plpgsql
AS $$
DECLARE
	got text[];
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE tampering;
	SET LOCAL session_replication_role = origin;
	got := helper.findings();
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN RETURN got;
END
$$;

-- ---- lives that began two months ago -----------------------------------------------------------
SELECT helper.make_month(n) FROM unnest(ARRAY[-2, -1]) n \g /dev/null
DO $$ BEGIN
	PERFORM lived('gone', 'razorpay', 'a=1000 a>failed b=1000 b>authorized b>captured b-300 b~200');
	PERFORM lived('back', 'razorpay', 'a=1000 a>failed b=1000 b>authorized b>captured b-300 b~200', 'b-100 b~50');
	PERFORM lived('half', 'razorpay', 'a=400 a>authorized', 'a>captured b=600 b>failed b>authorized b>captured', true);
	PERFORM lived('late', 'razorpay', 'a=1000 a>failed', 'b=1000 b>authorized a>authorized b>captured a>refunded');
	PERFORM lived('new', 'razorpay', '', 'a=1000 a>authorized a>captured a-1000');
	PERFORM lived('kun', 'paykun', 'a=1000 a>failed', 'b=1000 b>captured b-10 b>refunded');
	PERFORM lived('void', 'plural_preauth', 'a=600 b=400 a>authorized', 'b>authorized !cancel');
	PERFORM lived('part', 'plural_preauth', 'a=600 b=400 a>authorized b>authorized', 'a>processed:500 a-200');
	PERFORM lived('legs', 'plural', 'a=600 b=400 a>processed', 'b>failed c=400 c>processed a-600 c-400');
	PERFORM lived('open', 'plural', 'a=600', 'b=400');
	PERFORM lived('wait', 'razorpay', 'a=1000 a>authorized a>captured a~400 a~300');
	UPDATE refunds SET status = 'processed' WHERE id = 'wait.a.r1';
	UPDATE refunds SET status = 'failed' WHERE id = 'wait.a.r2';
	PERFORM given('this', 'plural', 1000, 'a=1000 a>processed a-1');
END $$;
SELECT is(helper.findings(), '{}', 'with the old month all agrees');
CREATE TEMP TABLE whole AS SELECT * FROM order_history;
CREATE TEMP TABLE replayed AS SELECT o.id, r.* FROM orders o, paystate.replay('orders', o.id) r;
SELECT cmp_ok((SELECT count(*) FROM order_history WHERE tableoid = month_name(-2)::regclass), '>', 40::bigint,
	'much of it is two months old');

-- ---- wherever the months end ---------------------------------------------------------------------
-- Findings when the history is kept since that moment.
CREATE FUNCTION helper.kept_since(moment timestamptz, OUT lacking bigint, OUT findings text[])
	LANGUAGE plpgsql
AS $$
DECLARE
	ahead integer := CASE WHEN moment < month(0) THEN -2 ELSE 0 END;
BEGIN
	PERFORM detach_month(n) FROM unnest(ARRAY[-2, -1, 0]) n WHERE n <= ahead;
	EXECUTE format('CREATE TABLE kept PARTITION OF order_history FOR VALUES FROM (%L) TO (%L)', moment, month(ahead + 1));
	SET LOCAL session_replication_role = replica;
	EXECUTE format('INSERT INTO kept SELECT * FROM %I WHERE at >= %L', month_name(ahead), moment);
	SET LOCAL session_replication_role = origin;
	SELECT count(*) INTO lacking FROM orders o WHERE NOT EXISTS (SELECT FROM order_history h WHERE h.order_id = o.id AND h.seq = 1);
	findings := helper.findings();
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;
CREATE TEMP TABLE moments AS SELECT h.at, k.* FROM (SELECT DISTINCT at FROM order_history) h, helper.kept_since(h.at) k;
SELECT cmp_ok((SELECT count(*) FROM moments WHERE lacking > 0), '>', 50::bigint, 'of the moments since when it may be kept');
SELECT is_empty('SELECT at, findings FROM moments WHERE findings <> ''{}'' ORDER BY at', 'none makes verify() find anything');

-- ---- retention is no finding ---------------------------------------------------------------------
SELECT helper.detach_month(-2) \g /dev/null
SELECT is(helper.findings(), '{}', 'what was let go with its month is no finding');
SELECT is((SELECT array_agg(id ORDER BY id) FROM orders o WHERE NOT EXISTS (SELECT FROM order_history h WHERE h.order_id = o.id)),
	'{gone}', 'one order has no history any more');
SELECT is((SELECT count(DISTINCT order_id) FROM order_history h WHERE NOT EXISTS (
		SELECT FROM order_history f WHERE f.order_id = h.order_id AND f.seq = 1)), 10::bigint,
	'others have lost their first rows');
SELECT bag_eq($$SELECT o.id, r.* FROM orders o, paystate.replay('orders', o.id) r$$,
	$$SELECT r.* FROM replayed r JOIN order_history h ON h.order_id = r.id AND h.seq = r.seq$$,
	'the rows that are left lead to what all of them led to');
SELECT is(helper.findings(), '{}', 'and that is asked without leaving a trace');

-- ---- whatever else is wrong is found -----------------------------------------------------------
SELECT is(helper.found(what), expected, what) FROM (VALUES
	-- of an order without any history left: sums and counters
	($$UPDATE orders SET amount_paid = 900 WHERE id = 'gone'$$, ARRAY['gone|amount_paid|1000|900']),
	($$UPDATE orders SET amount_due = 1 WHERE id = 'gone'$$, ARRAY['gone|amount_due|0|1']),
	($$UPDATE orders SET amount_authorized = 1 WHERE id = 'gone'$$, ARRAY['gone|amount_authorized|0|1']),
	($$UPDATE orders SET amount_pending = 1 WHERE id = 'gone'$$, ARRAY['gone|amount_pending|0|1']),
	($$UPDATE orders SET amount_refunded = 0 WHERE id = 'gone'$$, ARRAY['gone|amount_refunded|300|0']),
	($$UPDATE orders SET payments_open = 1 WHERE id = 'gone'$$, ARRAY['gone|payments_open|0|1']),
	($$UPDATE orders SET status = 'processed' WHERE id = 'gone'$$, ARRAY['gone|unknown status|one of life cycle "razorpay"|processed']),
	($$UPDATE payments SET amount_captured = 900 WHERE id = 'gone.b'$$, ARRAY['gone|amount_due|100|0', 'gone|amount_paid|900|1000']),
	($$UPDATE payments SET refund_pending = 0 WHERE id = 'gone.b'$$, ARRAY['gone|refund_pending of payment "gone.b"|200|0']),
	($$UPDATE payments SET currency = 'USD' WHERE id = 'gone.b'$$, ARRAY['gone|currency of payment "gone.b"|INR|USD']),
	($$UPDATE refunds SET amount = 301 WHERE id = 'gone.b.r1'$$, ARRAY['gone|amount_refunded of payment "gone.b"|301|300']),
	($$DELETE FROM refunds WHERE id = 'gone.b.r2'$$, ARRAY['gone|refund_pending of payment "gone.b"|0|200']),
	-- its last change cannot have been let go
	($$UPDATE orders SET changed_at = now() WHERE id = 'gone'$$, ARRAY['gone|missing history|a row for each change|-']),
	($$UPDATE payments SET status_since = now() WHERE id = 'gone.a'$$, ARRAY['gone|missing history|a row for each change|-']),
	($$DELETE FROM order_history WHERE order_id = 'this'$$, ARRAY['this|missing history|a row for each change|-']),
	($$DELETE FROM order_history WHERE order_id = 'back'$$, ARRAY['back|missing history|a row for each change|-']),
	-- of one with some: those, and the rows that are left
	($$UPDATE orders SET amount_paid = 999, amount_due = 1 WHERE id = 'half'$$, ARRAY['half|amount_due|0|1', 'half|amount_paid|1000|999']),
	($$UPDATE orders SET attempts = 3 WHERE id = 'half'$$, ARRAY['half|attempts|2|3']),
	($$UPDATE orders SET status = 'attempted' WHERE id = 'half'$$, ARRAY['half|status|paid|attempted']),
	($$UPDATE orders SET version = 7 WHERE id = 'half'$$, ARRAY['half|version|8|7']),
	($$UPDATE orders SET status_since = now() WHERE id = 'void'$$, ARRAY['void|status_since|WHEN|WHEN']),
	($$UPDATE payments SET status = 'captured' WHERE id = 'late.a'$$, ARRAY['late|status of payment "late.a"|refunded|captured']) ,
	($$UPDATE payments SET amount_captured = 399 WHERE id = 'half.a'$$,
		ARRAY['half|amount_captured of payment "half.a"|400|399']),
	($$UPDATE order_history SET order_from = 'created' WHERE order_id = 'half' AND seq = 4$$,
		ARRAY['half|illegal step in history row 4|a rule of life cycle "razorpay"|payment "half.a" authorized>captured, order created>attempted, amount 400',
			'half|order_since in history row 5|WHEN|WHEN',
			'half|order_since in history row 6|WHEN|WHEN',
			'half|order_since in history row 7|WHEN|WHEN',
			'half|order_since in history row 8|WHEN|WHEN']),
	($$UPDATE order_history SET order_to = 'paid' WHERE order_id = 'half' AND seq = 4$$,
		ARRAY['half|order_from in history row 5|paid|attempted',
			'half|order_since in history row 5|WHEN|WHEN',
			'half|order_since in history row 6|WHEN|WHEN',
			'half|order_since in history row 7|WHEN|WHEN',
			'half|order_since in history row 8|WHEN|WHEN']),
	($$UPDATE order_history SET payment_from = 'failed' WHERE order_id = 'half' AND seq = 4$$,
		ARRAY['half|illegal step in history row 4|a rule of life cycle "razorpay"|payment "half.a" failed>captured, order attempted>attempted, amount 400']),
	($$UPDATE order_history SET payment_to = 'failed' WHERE order_id = 'half' AND seq = 4$$,
		ARRAY['half|illegal step in history row 4|a rule of life cycle "razorpay"|payment "half.a" authorized>failed, order attempted>attempted, amount 400']),
	($$UPDATE order_history SET amount = 300 WHERE order_id = 'half' AND seq = 4$$,
		ARRAY['half|illegal step in history row 4|a rule of life cycle "razorpay"|payment "half.a" authorized>captured, order attempted>attempted, amount 300']),
	($$UPDATE order_history SET amount_paid = 300 WHERE order_id = 'half' AND seq = 4$$,
		ARRAY['half|amount_paid in history row 4|400|300']),
	($$UPDATE order_history SET attempts = 2 WHERE order_id = 'half' AND seq = 4$$,
		ARRAY['half|attempts in history row 5|2|1']),
	($$UPDATE order_history SET payment_id = 'half.b' WHERE order_id = 'half' AND seq = 4$$,
		ARRAY['half|gap before seq in history row 4|1|4']),
	($$UPDATE order_history SET at = at - interval '1 minute' WHERE order_id = 'half' AND seq = 5$$,
		ARRAY['half|falling time in history row 5|WHEN|WHEN']),
	($$UPDATE order_history SET order_since = now() WHERE order_id = 'half' AND seq = 6$$,
		ARRAY['half|order_since in history row 6|WHEN|WHEN']),
	($$DELETE FROM order_history WHERE order_id = 'half' AND seq = 6$$,
		ARRAY['half|gap before seq in history row 7|6|7']),
	($$DELETE FROM order_history WHERE order_id = 'half' AND seq = 8$$,
		ARRAY['half|amount_authorized|600|0',
			'half|amount_captured of payment "half.b"|0|600',
			'half|amount_due|600|0',
			'half|amount_paid|400|1000',
			'half|changed_at|WHEN|WHEN',
			'half|payments_open|1|0',
			'half|status|attempted|paid',
			'half|status of payment "half.b"|authorized|captured',
			'half|status_since|WHEN|WHEN',
			'half|version|7|8']),
	-- rows of this month, gone from the front
	($$DELETE FROM order_history WHERE order_id = 'half' AND seq = 4$$,
		ARRAY['half|gap before seq in history row 5|1|5']),
	($$DELETE FROM order_history WHERE order_id = 'half' AND seq <= 5$$,
		ARRAY['half|gap before seq in history row 6|1|6']),
	($$DELETE FROM order_history WHERE order_id = 'half' AND seq <= 7$$,
		ARRAY['half|gap before seq in history row 8|1|8']),
	($$DELETE FROM order_history WHERE order_id = 'new' AND seq <= 4$$,
		ARRAY['new|gap before seq in history row 5|1|5']),
	($$DELETE FROM order_history WHERE order_id = 'this' AND seq = 1$$,
		ARRAY['this|gap before seq in history row 2|1|2']),
	($$DELETE FROM order_history WHERE order_id = 'this' AND seq <= 3$$,
		ARRAY['this|gap before seq in history row 4|1|4']),
	($$DELETE FROM order_history WHERE order_id = 'void' AND seq = 5$$,
		ARRAY['void|gap before seq in history row 6|1|6']),
	($$DELETE FROM order_history WHERE order_id = 'void' AND seq <= 6$$,
		ARRAY['void|gap before seq in history row 7|1|7']),
	($$DELETE FROM order_history WHERE order_id = 'open'$$,
		ARRAY['open|missing history|a row for each change|-'])
	) AS t (what, expected);
SELECT is(helper.findings(), '{}', 'all of that is undone');
-- A refund in part moves no status, so no other row knows of its time; nor
-- does an amount that was changed.
SELECT is(helper.found($$DELETE FROM order_history WHERE order_id = 'back' AND seq = 8$$), '{}',
	'the first row that is left of an order can go unnoticed where it moved no status');

-- ---- what is not retention ---------------------------------------------------------------------
-- a month that is attached would have held it, though it is empty
SELECT helper.make_month(-3) \g /dev/null
SELECT is((SELECT array_agg(f) FROM unnest(helper.findings()) f WHERE f ~ '^(gone|half|this)'),
	ARRAY['gone|missing history|a row for each change|-', 'half|gap before seq in history row 4|1|4'],
	'an older month is attached');
SELECT helper.detach_month(-3) \g /dev/null
SELECT is(helper.findings(), '{}', 'it is not');
-- nor is what the default partition reaches back to
DO $$ BEGIN
	SET LOCAL session_replication_role = replica;
	INSERT INTO order_history SELECT * FROM whole WHERE order_id = 'kun' AND seq = 3;
	SET LOCAL session_replication_role = origin;
END $$;
SELECT is((SELECT array_agg(f) FROM unnest(helper.findings()) f),
	ARRAY['legs|gap before seq in history row 5|1|5', 'open|gap before seq in history row 3|1|3', 'part|gap before seq in history row 6|1|6',
		'void|gap before seq in history row 5|1|5', 'wait|gap before seq in history row 7|1|7'],
	'rows since one that the default partition holds are not let go; those before are');
DO $$ BEGIN
	SET LOCAL session_replication_role = replica;
	DELETE FROM ONLY order_history_default;
	SET LOCAL session_replication_role = origin;
END $$;
-- a hole in the middle: this month is not there, those before are
COMMIT;
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = shop, helper, public;
SELECT helper.attach_month(-2), helper.attach_month(-3) \g /dev/null
SELECT is(helper.findings(), '{}', 'the months come back, and all is there');
SELECT helper.detach_month(0) \g /dev/null
SELECT is((SELECT array_agg(f) FROM unnest(helper.findings()) f WHERE f ~ '^(gone|this|open)'),
	ARRAY['open|amount_pending|600|1000', 'open|attempts|1|2', 'open|changed_at|WHEN|WHEN',
		'open|missing history of payment "open.b"|a row for each change|-', 'open|payments_open|1|2', 'open|version|2|3',
		'this|missing history|a row for each change|-'],
	'the newest month is detached: nothing of it was let go');
SELECT helper.attach_month(0), helper.detach_month(-2), helper.detach_month(-3) \g /dev/null
SELECT is(helper.findings(), '{}', 'again only the old ones are gone');

-- ---- repair() ------------------------------------------------------------------------------------
CREATE FUNCTION helper.mended(an_order text, tampering text) RETURNS text[]
	LANGUAGE plpgsql
AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE tampering;
	SET LOCAL session_replication_role = origin;
	PERFORM paystate.repair('orders', an_order);
	RETURN array_append(helper.findings(), helper.standing(an_order) || ' ' || array_to_string(helper.history(an_order), ', '));
END
$$;
SELECT paystate.repair('orders', id) FROM orders \g /dev/null
SELECT is((SELECT count(*) FROM order_history WHERE forced), 0::bigint, 'repair() leaves alone what was only let go');
SAVEPOINT healthy;
SELECT is(helper.mended('gone', $$UPDATE orders SET amount_paid = 1, payments_open = 3 WHERE id = 'gone'$$),
	ARRAY['paid 1000 of 1000, due 0, held 0, pending 0, back 300, attempts 2, open 0, v9; a failed 0/1000-0-0, b captured 1000/1000-300-200 - - ->- paid>paid 1000/1000/2'],
	'without any history, repair() goes by the payments and goes on counting');
ROLLBACK TO healthy;
SELECT is(helper.mended('legs', $$UPDATE orders SET amount_refunded = 1 WHERE id = 'legs'$$),
	ARRAY['fully_refunded 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 3, open 0, v10; a processed 600/600-600-0, b failed 0/400-0-0, c processed 400/400-400-0 b - pending>failed pending>attempted 400/600/2, c - ->pending attempted>pending 400/600/3, c - pending>processed pending>processed 400/1000/3, a r1:processed processed>processed processed>partially_refunded 600/1000/3, c r1:processed processed>processed partially_refunded>fully_refunded 400/1000/3, - - ->- fully_refunded>fully_refunded 1000/1000/3'],
	'with some of it, too');
ROLLBACK TO healthy;

-- ---- as of some moment ---------------------------------------------------------------------------
SELECT throws_like(format('SELECT * FROM paystate.order_as_of(%L, month(0) - interval %L, %L)', 'orders', '1 second', o),
	format('history of order "%s" does not go back to %%', o), o || ': before the oldest row that is kept there is no answer')
  FROM unnest(ARRAY['gone', 'half', 'new', 'this']) o;
SELECT is_empty($$SELECT FROM paystate.orders_as_of('orders', month(0) - interval '1 second')$$, 'nor for all orders');
SELECT is((SELECT a::text FROM paystate.order_as_of('orders', h.at, 'half') a), '(half,attempted,400,600,1,4)', 'at the oldest row there is')
  FROM order_history h WHERE order_id = 'half' AND seq = 4;
SELECT bag_eq($$SELECT a.* FROM paystate.orders_as_of('orders', now() + interval '1 minute') a$$,
	$$SELECT id, status::text, amount_paid, amount_due, attempts, version FROM orders WHERE id <> 'gone'$$,
	'now: all orders of which a row is left');
SELECT isnt_empty($$SELECT FROM time_in_status$$, 'the views count what is left');

-- ---- a history in one table has no retention, with whatever keys --------------------------------
CREATE FUNCTION helper.try_shop(name text, key text, partition text, sharded boolean DEFAULT false) RETURNS text[]
	LANGUAGE plpgsql
AS $$
DECLARE
	got text[];
BEGIN
	EXECUTE format('CREATE SCHEMA %I', name);
	PERFORM paystate.create_tables(name, key_type => key::regtype, sharded => sharded, history_partition => partition);
	PERFORM set_config('search_path', name || ', helper, public', true);
	FOR i IN 1 .. 2 LOOP
		INSERT INTO orders (amount) VALUES (1000);
	END LOOP;
	INSERT INTO payments (order_id) SELECT id FROM orders ORDER BY created_at LIMIT 1;
	SET LOCAL session_replication_role = replica;
	UPDATE orders SET changed_at = changed_at - interval '40 days', status_since = status_since - interval '40 days';
	UPDATE payments SET status_since = status_since - interval '40 days';
	DELETE FROM order_history;
	SET LOCAL session_replication_role = origin;
	UPDATE payments SET status = 'authorized';
	got := array(SELECT regexp_replace(format('%s|%s|%s', problem, expected, actual), '\d{4}-\d\d-\d\d [0-9:.+]+', 'WHEN', 'g') FROM paystate.verify('orders') ORDER BY 1);
	UPDATE payments SET status = 'captured';
	SET LOCAL session_replication_role = replica;
	UPDATE orders SET amount_paid = 1 WHERE amount_paid > 0;
	SET LOCAL session_replication_role = origin;
	got := got || array(SELECT format('%s|%s|%s', problem, expected, actual) FROM paystate.verify('orders') WHERE problem = 'amount_paid');
	PERFORM set_config('search_path', 'shop, helper, public', true);
	RETURN got;
END
$$;
SELECT is(helper.try_shop('m_' || key, key, 'month'), ARRAY['amount_paid|1000|1'], 'by month, keys of type ' || key)
  FROM unnest(ARRAY['text', 'bigint', 'uuid']) key;
SELECT is(helper.try_shop('s_' || key, key, 'month', true), ARRAY['amount_paid|1000|1'], 'sharded, by month, keys of type ' || key)
  FROM unnest(ARRAY['text', 'uuid']) key;
SELECT is(helper.try_shop('o_' || key, key, NULL),
	ARRAY['gap before seq in history row 3|1|3', 'missing history|a row for each change|', 'amount_paid|1000|1'], 'in one table, keys of type ' || key)
  FROM unnest(ARRAY['text', 'bigint', 'uuid']) key;

-- lib/end.sql would miss what was let go
SELECT is(helper.findings(), '{}', 'all agrees');
SELECT * FROM finish();
ROLLBACK;
