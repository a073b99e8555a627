-- What must hold of every order whatever was written: nothing of it is taken
-- from paystate's own functions.  Roles come from the rule tables' rows.
CREATE FUNCTION helper.drift() RETURNS TABLE (id text, problem text)
	LANGUAGE sql VOLATILE
AS $$
	WITH role AS (
		SELECT s.lifecycle, s.label, s.role
		  FROM paystate.lifecycle_status s WHERE s.kind = 'payment'
	), paid AS (
		SELECT p.order_id,
				sum(p.amount_captured) AS captured,
				coalesce(sum(p.amount) FILTER (WHERE r.role = 'held'), 0) AS held,
				coalesce(sum(p.amount) FILTER (WHERE r.role = 'open'), 0) AS pending,
				count(*) FILTER (WHERE r.role IN ('held', 'open')) AS open,
				coalesce(sum(p.amount_refunded) FILTER (WHERE p.amount_captured > 0), 0) AS back
		  FROM payments p
		  JOIN orders o ON o.id = p.order_id
		  JOIN role r ON r.lifecycle = o.lifecycle AND r.label = p.status::text
		 GROUP BY p.order_id
	), past AS (
		SELECT h.*, row_number() OVER w AS nr, count(*) OVER (PARTITION BY h.order_id) AS n,
				lag(h.order_to) OVER w AS order_was,
				lag(h.at) OVER w AS at_was,
				lag(h.payment_to) OVER (PARTITION BY h.order_id, h.payment_id ORDER BY h.seq)
					AS payment_was,
				row_number() OVER (PARTITION BY h.order_id, h.payment_id
								   ORDER BY h.seq DESC) AS payment_last
		  FROM order_history h WINDOW w AS (PARTITION BY h.order_id ORDER BY h.seq)
	)
	SELECT o.id, 'amount_paid is not the sum of what was captured' FROM orders o
		LEFT JOIN paid ON paid.order_id = o.id WHERE o.amount_paid <> coalesce(captured, 0)
	UNION ALL
	SELECT o.id, 'amount_due' FROM orders o WHERE o.amount_due <> o.amount - o.amount_paid
		OR o.amount_paid NOT BETWEEN 0 AND o.amount
	UNION ALL
	SELECT o.id, 'held, pending or open' FROM orders o
		LEFT JOIN paid ON paid.order_id = o.id
		WHERE (o.amount_authorized, o.amount_pending, o.payments_open)
			<> (coalesce(held, 0), coalesce(pending, 0), coalesce(open, 0))
	UNION ALL
	SELECT o.id, 'amount_refunded' FROM orders o
		LEFT JOIN paid ON paid.order_id = o.id WHERE o.amount_refunded <> coalesce(back, 0)
			OR o.amount_refunded NOT BETWEEN 0 AND o.amount_paid
	UNION ALL
	SELECT p.id, 'refunds of the payment' FROM payments p
		LEFT JOIN refunds r ON r.payment_id = p.id GROUP BY p.order_id, p.id, p.status, p.amount_refunded, p.refund_pending, p.amount_captured
		HAVING p.amount_refunded
				<> coalesce(sum(r.amount) FILTER (WHERE r.status = 'processed'), 0)
			OR p.refund_pending
				<> coalesce(sum(r.amount) FILTER (WHERE r.status = 'pending'), 0)
			OR p.amount_captured > 0
				AND p.amount_refunded + p.refund_pending > p.amount_captured
	UNION ALL
	SELECT o.id, 'version is not the number of history rows' FROM orders o
		WHERE o.version <> (SELECT count(*) FROM order_history h WHERE h.order_id = o.id)
	UNION ALL
	SELECT order_id, 'a gap in seq' FROM past WHERE seq <> nr
	UNION ALL
	SELECT order_id, 'order_from is not the order_to before' FROM past
		WHERE order_from IS DISTINCT FROM order_was
	UNION ALL
	SELECT order_id, 'payment_from is not the payment_to before' FROM past
		WHERE payment_id IS NOT NULL AND payment_from IS DISTINCT FROM payment_was
	UNION ALL
	SELECT order_id, 'time fell' FROM past WHERE at < at_was
	UNION ALL
	SELECT p.id, 'payment status is not that of its last history row' FROM past h
		JOIN payments p ON p.id = h.payment_id
		WHERE h.payment_last = 1 AND p.status IS DISTINCT FROM h.payment_to
	UNION ALL
	SELECT o.id, 'the order is not as its last history row says' FROM orders o
		JOIN past h ON h.order_id = o.id AND h.nr = h.n
		WHERE (o.status, o.amount_paid, o.attempts, o.changed_at)
			IS DISTINCT FROM (h.order_to, h.amount_paid, h.attempts, h.at)
	UNION ALL
	SELECT o.id, 'status_since is not the time of its last change of status'
		FROM orders o WHERE o.status_since IS DISTINCT FROM (
			SELECT max(h.at) FROM order_history h WHERE h.order_id = o.id
				AND h.order_from IS DISTINCT FROM h.order_to)
	UNION ALL
	SELECT o.id, 'no history' FROM orders o
		WHERE NOT EXISTS (SELECT FROM order_history h WHERE h.order_id = o.id)
$$;
