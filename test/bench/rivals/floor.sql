-- The floor: an application that writes order, payment and history itself,
-- one data-modifying CTE a step, and looks at nothing.  It knows where payment
-- and order stand, gives the order's key with each event, and takes the order's
-- creation for the time since which it stood, so that nothing is read for the
-- history.

-- == setup
\ir tables.sql
\ir unchecked.sql

-- == insert_order
WITH o AS (
	INSERT INTO orders (id, amount, amount_due, status, status_since, changed_at)
	VALUES (:o, 49900, 49900, 'created', now(), now())
)
INSERT INTO order_history (order_id, seq, at, order_to, amount, amount_paid, attempts, actor)
VALUES (:o, 1, now(), 'created', 49900, 0, 0, 'postgres');

-- == insert_payment
WITH p AS (
	INSERT INTO payments (id, order_id, amount, currency, status, status_since)
	VALUES (:p, :o, 49900, 'INR', 'created', now())
), o AS (
	UPDATE orders SET amount_pending = amount_pending + 49900, payments_open = payments_open + 1,
		version = version + 1, changed_at = now()
	WHERE id = :o RETURNING version, status, amount_paid, attempts, created_at
)
INSERT INTO order_history (order_id, seq, at, payment_id, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, actor)
SELECT :o, version, now(), :p, 'created', status, status,
	49900, amount_paid, attempts, created_at, 'postgres' FROM o;

-- == authorize
WITH p AS (
	UPDATE payments SET status = 'authorized', status_since = now() WHERE id = :p
), o AS (
	UPDATE orders SET amount_pending = amount_pending - 49900, amount_authorized = amount_authorized + 49900,
		status = 'attempted', status_since = now(), attempts = attempts + 1,
		version = version + 1, changed_at = now()
	WHERE id = :o RETURNING version, amount_paid, attempts, created_at
)
INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, payment_since, actor)
SELECT :o, version, now(), :p, 'created', 'authorized', 'created', 'attempted',
	49900, amount_paid, attempts, created_at, created_at, 'postgres' FROM o;

-- == capture
WITH p AS (
	UPDATE payments SET status = 'captured', amount_captured = amount, status_since = now() WHERE id = :p
), o AS (
	UPDATE orders SET amount_paid = amount_paid + 49900, amount_due = amount_due - 49900,
		amount_authorized = amount_authorized - 49900, payments_open = payments_open - 1,
		status = 'paid', status_since = now(), version = version + 1, changed_at = now()
	WHERE id = :o RETURNING version, amount_paid, attempts, created_at
)
INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, payment_since, actor)
SELECT :o, version, now(), :p, 'authorized', 'captured', 'attempted', 'paid',
	49900, amount_paid, attempts, created_at, created_at, 'postgres' FROM o;

-- == bulk_orders
WITH o AS (
	INSERT INTO orders (id, amount, amount_due, status, status_since, changed_at)
	SELECT key(i), 49900, 49900, 'created', now(), now() FROM generate_series(:o1, :o2) AS i
	RETURNING id, amount, changed_at
)
INSERT INTO order_history (order_id, seq, at, order_to, amount, amount_paid, attempts, actor)
SELECT id, 1, changed_at, 'created', amount, 0, 0, 'postgres' FROM o;

-- == bulk_copy
ALTER TABLE orders ALTER status SET DEFAULT 'created', ALTER status_since SET DEFAULT now(),
	ALTER changed_at SET DEFAULT now(), ALTER amount_due SET DEFAULT 49900;
COPY orders (id, amount) FROM :'file';
INSERT INTO order_history (order_id, seq, at, order_to, amount, amount_paid, attempts, actor)
SELECT id, 1, changed_at, status, amount, 0, 0, 'postgres' FROM orders;

-- == bulk_payments
WITH p AS (
	INSERT INTO payments (id, order_id, amount, currency, status, status_since)
	SELECT key(i + 1000000000000000000), key(i), 49900, 'INR', 'created', now() FROM generate_series(:o1, :o2) AS i
	RETURNING id, order_id, amount
), o AS (
	UPDATE orders SET amount_pending = amount_pending + p.amount, payments_open = payments_open + 1,
		version = version + 1, changed_at = now()
	FROM p WHERE orders.id = p.order_id
	RETURNING orders.id, version, status, amount_paid, attempts, orders.created_at, p.id AS payment, p.amount
)
INSERT INTO order_history (order_id, seq, at, payment_id, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, actor)
SELECT id, version, now(), payment, 'created', status, status,
	amount, amount_paid, attempts, created_at, 'postgres' FROM o;

-- == bulk_authorize
WITH p AS (
	UPDATE payments SET status = 'authorized', status_since = now() WHERE status = 'created'
	RETURNING id, order_id, amount
), o AS (
	UPDATE orders SET amount_pending = amount_pending - p.amount, amount_authorized = amount_authorized + p.amount,
		status = 'attempted', status_since = now(), attempts = attempts + 1,
		version = version + 1, changed_at = now()
	FROM p WHERE orders.id = p.order_id
	RETURNING orders.id, version, amount_paid, attempts, orders.created_at, p.id AS payment, p.amount
)
INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, payment_since, actor)
SELECT id, version, now(), payment, 'created', 'authorized', 'created', 'attempted',
	amount, amount_paid, attempts, created_at, created_at, 'postgres' FROM o;

-- == bulk_capture
WITH p AS (
	UPDATE payments SET status = 'captured', amount_captured = amount, status_since = now() WHERE status = 'authorized'
	RETURNING id, order_id, amount
), o AS (
	UPDATE orders SET amount_paid = amount_paid + p.amount, amount_due = amount_due - p.amount,
		amount_authorized = amount_authorized - p.amount, payments_open = payments_open - 1,
		status = 'paid', status_since = now(), version = version + 1, changed_at = now()
	FROM p WHERE orders.id = p.order_id
	RETURNING orders.id, version, amount_paid, attempts, orders.created_at, p.id AS payment, p.amount
)
INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, payment_since, actor)
SELECT id, version, now(), payment, 'authorized', 'captured', 'attempted', 'paid',
	amount, amount_paid, attempts, created_at, created_at, 'postgres' FROM o;

-- == bulk_refunds
WITH r AS (
	INSERT INTO refunds (id, payment_id, amount)
	SELECT key(i + 2000000000000000000), key(i + 1000000000000000000), 1000 FROM generate_series(:o1, :o2) AS i
	RETURNING id, payment_id, amount
), p AS (
	UPDATE payments SET amount_refunded = amount_refunded + r.amount FROM r WHERE payments.id = r.payment_id
	RETURNING payments.id, order_id, r.id AS refund, r.amount, status_since
), o AS (
	UPDATE orders SET amount_refunded = orders.amount_refunded + p.amount, version = version + 1, changed_at = now()
	FROM p WHERE orders.id = p.order_id
	RETURNING orders.id, version, amount_paid, attempts, orders.status, orders.status_since,
		p.id AS payment, p.status_since AS payment_since, p.refund, p.amount
)
INSERT INTO order_history (order_id, seq, at, payment_id, refund_id, payment_from, payment_to, refund_to,
	order_from, order_to, amount, amount_paid, attempts, order_since, payment_since, actor)
SELECT id, version, now(), payment, refund, 'captured', 'captured', 'processed',
	status, status, amount, amount_paid, attempts, status_since, payment_since, 'postgres' FROM o;

-- == fail
WITH p AS (
	UPDATE payments SET status = 'failed', status_since = now() WHERE id = :p
), o AS (
	UPDATE orders SET amount_pending = amount_pending - 49900, payments_open = payments_open - 1,
		status = 'attempted', attempts = attempts + 1, version = version + 1, changed_at = now()
	WHERE id = :o RETURNING version, amount_paid, attempts, created_at
)
INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, payment_since, actor)
SELECT :o, version, now(), :p, 'created', 'failed', 'attempted', 'attempted',
	49900, amount_paid, attempts, created_at, created_at, 'postgres' FROM o;

-- == refund
WITH r AS (
	INSERT INTO refunds (id, payment_id, amount) VALUES (:r, :p, 100)
), p AS (
	UPDATE payments SET amount_refunded = amount_refunded + 100 WHERE id = :p RETURNING status_since
), o AS (
	UPDATE orders SET amount_refunded = amount_refunded + 100, version = version + 1, changed_at = now()
	WHERE id = :o RETURNING version, amount_paid, attempts, status, status_since
)
INSERT INTO order_history (order_id, seq, at, payment_id, refund_id, payment_from, payment_to, refund_to,
	order_from, order_to, amount, amount_paid, attempts, order_since, payment_since, actor)
SELECT :o, version, now(), :p, :r, 'captured', 'captured', 'processed',
	status, status, 100, amount_paid, attempts, o.status_since, p.status_since, 'postgres' FROM o, p;
