-- Orders of the past, :size of them, keys of type bigint, written with the
-- guards out of the way: each was paid by the second of two payments, which
-- is six rows of history.  Two sessions write, one the part "orders", one the
-- part "history".

-- == orders
SET session_replication_role = replica;
INSERT INTO orders (id, amount, amount_paid, amount_due, status, attempts, version, status_since, changed_at, created_at)
SELECT i, 49900, 49900, 0, 'paid', 2, 6, t, t, t - interval '50 s'
FROM generate_series(1::bigint, :size) AS i, LATERAL (SELECT :'now'::timestamptz - make_interval(secs => (:size - i) * 0.5) AS t) AS t;
INSERT INTO payments (id, order_id, amount, amount_captured, currency, status, status_since, created_at)
SELECT 2 * i - k, i, 49900, CASE k WHEN 0 THEN 49900 ELSE 0 END, 'INR',
	CASE k WHEN 0 THEN 'captured' ELSE 'failed' END::paystate.payment_status,
	t - make_interval(secs => 30 * k), t - make_interval(secs => 20 + 20 * k)
FROM generate_series(1::bigint, :size) AS i, generate_series(1, 0, -1) AS k,
	LATERAL (SELECT :'now'::timestamptz - make_interval(secs => (:size - i) * 0.5) AS t) AS t;

-- == history
SET session_replication_role = replica;
INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, payment_since, actor)
SELECT i, seq, t - make_interval(secs => 10 * (6 - seq)), 2 * i - k, was::paystate.payment_status, is_::paystate.payment_status,
	o_was::paystate.order_status, o_is::paystate.order_status, 49900, CASE seq WHEN 6 THEN 49900 ELSE 0 END, attempts,
	t - make_interval(secs => o_since), t - make_interval(secs => p_since), 'postgres'
FROM generate_series(1::bigint, :size) AS i,
	LATERAL (SELECT :'now'::timestamptz - make_interval(secs => (:size - i) * 0.5) AS t) AS t,
	(VALUES (1, NULL::int, NULL, NULL, NULL, 'created', 0, NULL::int, NULL::int),
		(2, 1, NULL, 'created', 'created', 'created', 0, 50, NULL),
		(3, 1, 'created', 'failed', 'created', 'attempted', 1, 50, 40),
		(4, 0, NULL, 'created', 'attempted', 'attempted', 1, 30, NULL),
		(5, 0, 'created', 'authorized', 'attempted', 'attempted', 2, 30, 20),
		(6, 0, 'authorized', 'captured', 'attempted', 'paid', 2, 30, 10))
	AS h (seq, k, was, is_, o_was, o_is, attempts, o_since, p_since);
