-- Every value of every row of a history, one after the other, made another
-- one behind the guards' back: verify() finds each, at that order alone, and
-- all agrees again when it is undone.  Only what nobody can know better is let
-- pass: that an event of the order was forced, the first amount of an order
-- whose amount changed, and words like actor and reason.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

DO $$ BEGIN
	PERFORM given('a', 'razorpay', 1000, 'a= a>failed b= b>authorized b>captured b-100 b~100');
	PERFORM given('b', 'plural', 1000, 'a=600 a>processed b=400 b>processed a-200');
	PERFORM given('c', 'plural', 1000, 'a=600 b=400');
	UPDATE orders SET status = 'cancelled' WHERE id = 'c';
	PERFORM given('d', 'plural_preauth', 1000, 'a=600 b=400 a>authorized');
	UPDATE orders SET status = 'cancelled' WHERE id = 'd';
	PERFORM given('e', 'razorpay_first_payment', 1000);
	UPDATE orders SET amount = 2000 WHERE id = 'e';
	INSERT INTO payments (id, order_id) VALUES ('e.a', 'e');
	UPDATE payments SET status = 'authorized' WHERE id = 'e.a';
	UPDATE payments SET status = 'refunded' WHERE id = 'e.a';
	PERFORM given('f', 'plural', 1000, 'a=600 b=400');
	PERFORM paystate.force_status('orders', 'failed', 'the shop closed', VARIADIC '{f}');
	PERFORM given('g', 'paykun', 1000, 'a= a>authorized a>captured a-300');
	UPDATE payments SET status = 'refunded' WHERE id = 'g.a';
END $$;
SELECT is_empty($$SELECT * FROM paystate.verify('orders')$$, 'what the guards wrote agrees');

-- The orders at which verify() finds something after it, then all is undone.
CREATE FUNCTION helper.found_at(tampering text, OUT orders text) LANGUAGE plpgsql
AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE tampering;
	SET LOCAL session_replication_role = origin;
	SELECT coalesce(string_agg(DISTINCT order_key, ' ' ORDER BY order_key), 'nothing') INTO found_at.orders FROM paystate.verify('orders');
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;

-- Each column with values of its type that it does not have.
CREATE TEMP TABLE another AS
SELECT h.order_id, h.seq, c.name, v.value
  FROM order_history h
  CROSS JOIN (VALUES ('payment_id'), ('refund_id'), ('payment_from'), ('payment_to'), ('refund_to'), ('order_from'), ('order_to'),
	('amount'), ('amount_paid'), ('attempts'), ('seq'), ('at'), ('order_since')) c (name)
  CROSS JOIN LATERAL (SELECT v AS value FROM unnest(CASE
	WHEN c.name IN ('payment_id', 'refund_id') THEN ARRAY[NULL, h.order_id || '.a', h.order_id || '.b', 'nobody']
	WHEN c.name LIKE 'payment_%' THEN ARRAY[NULL, 'created', 'pending', 'authorized', 'captured', 'processed', 'failed', 'cancelled', 'refunded']
	WHEN c.name = 'refund_to' THEN ARRAY[NULL, 'pending', 'processed', 'failed']
	WHEN c.name LIKE 'order_%' AND c.name <> 'order_since' THEN
		ARRAY[NULL, 'created', 'pending', 'attempted', 'paid', 'processed', 'partially_refunded', 'cancelled', 'failed']
	WHEN c.name = 'at' THEN ARRAY['infinity', '2001-01-01']
	WHEN c.name = 'order_since' THEN ARRAY['2001-01-01', '2002-02-02']
	WHEN c.name = 'seq' THEN ARRAY['0', '77']
	ELSE ARRAY['0', '1', '400', '1000', '9223372036854775807', '-1']
	END) v) v
 WHERE (to_jsonb(h) ->> c.name) IS DISTINCT FROM v.value
	AND NOT (c.name = 'attempts' AND length(v.value) > 9)
	AND NOT (c.name = 'amount' AND h.order_id = 'e' AND h.seq = 1 AND v.value::numeric > 1)	-- it was changed later
	AND NOT (c.name IN ('order_to', 'amount_paid', 'attempts') AND v.value IS NULL);
SELECT cmp_ok((SELECT count(*) FROM another), '>', 1000::bigint, 'there are many ways to forge');
CREATE TEMP TABLE judged AS
SELECT a.*, helper.found_at(format('UPDATE order_history SET %I = %L WHERE order_id = %L AND seq = %s', name, value, order_id, seq)) AS at
  FROM another a;
SELECT is_empty('SELECT order_id, seq, name, value, at FROM judged WHERE at <> order_id ORDER BY 1, 2, 3, 4', 'each is found, at its order alone');
SELECT is_empty(format('SELECT %L::text FROM (SELECT 1) x WHERE helper.found_at(%L) <> %L', h.order_id || seq, format('DELETE FROM order_history WHERE order_id = %L AND seq = %s', h.order_id, seq), h.order_id),
	format('a history of order "%s" without row %s', h.order_id, seq)) FROM order_history h;

\ir lib/end.sql
