-- Orders whose history is known to the minute, of two life cycles.  The guards
-- write the clock's time, so the times are written afterwards, past the guards.
CREATE FUNCTION helper.at_times(an_order text, start timestamptz, VARIADIC minutes numeric[])
	RETURNS void
	LANGUAGE plpgsql
AS $$
BEGIN
	IF cardinality(minutes) <> (SELECT version FROM orders WHERE id = an_order) THEN
		RAISE 'order % has % history rows', an_order, (SELECT version FROM orders WHERE id = an_order);
	END IF;
	PERFORM set_config('session_replication_role', 'replica', true);
	UPDATE order_history SET at = start + minutes[seq] * interval '1 minute' WHERE order_id = an_order;
	UPDATE order_history h SET
			order_since = (SELECT max(e.at) FROM order_history e
				WHERE e.order_id = h.order_id AND e.seq < h.seq
					AND e.order_from IS DISTINCT FROM e.order_to),
			payment_since = (SELECT max(e.at) FROM order_history e
				WHERE e.order_id = h.order_id AND e.payment_id = h.payment_id AND e.seq < h.seq
					AND e.payment_from IS DISTINCT FROM e.payment_to)
		WHERE order_id = an_order;
	UPDATE orders SET created_at = start,
			changed_at = (SELECT max(at) FROM order_history WHERE order_id = an_order),
			status_since = (SELECT max(at) FROM order_history
				WHERE order_id = an_order AND order_from IS DISTINCT FROM order_to)
		WHERE id = an_order;
	PERFORM set_config('session_replication_role', 'origin', true);
END
$$;

SET LOCAL TimeZone = 'UTC';
DO $$
DECLARE
	monday timestamptz = '2024-03-04 08:00+00';
BEGIN
	-- paid at once, three times
	PERFORM given('r1', 'razorpay', 1000, 'a=1000 a>authorized a>captured');
	PERFORM at_times('r1', monday, 0, 2, 10, 40);
	PERFORM given('r2', 'razorpay', 1000, 'a=1000 a>authorized a>captured');
	PERFORM at_times('r2', monday, 0, 5, 20, 50);
	PERFORM given('r3', 'razorpay', 1000, 'a=1000 a>authorized a>captured');
	PERFORM at_times('r3', monday + '1 day', 0, 10, 30, 60);
	-- paid by the second payment, then refunded in part
	PERFORM given('r4', 'razorpay', 1000, 'a=1000 a>failed b=1000 b>authorized b>captured b-400');
	PERFORM at_times('r4', monday + '1 day', 0, 30, 60, 70, 80, 200, 500);
	-- never tried
	PERFORM given('r5', 'razorpay', 1000);
	PERFORM at_times('r5', monday + '1 day', 0);
	-- paid and refunded in two parts, days later
	PERFORM given('p1', 'plural', 1000, 'a=1000 a>processed a-300 a-700');
	PERFORM at_times('p1', monday, 0, 1, 3, 2883, 7203);
	-- cancelled after an hour
	PERFORM given('p2', 'plural', 1000, '!cancel');
	PERFORM at_times('p2', monday, 0, 61);
	-- back and forth between two statuses
	PERFORM given('p3', 'plural', 1000, 'a=1000 a>failed b=1000 b>failed');
	PERFORM at_times('p3', monday + '1 day', 0, 1, 2, 3, 4);
END
$$;
