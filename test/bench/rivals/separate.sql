-- The floor's writes as most applications send them: separate statements in a
-- transaction a step.

-- == setup
\ir tables.sql
\ir unchecked.sql

-- == insert_order
BEGIN;
INSERT INTO orders (id, amount, amount_due, status, status_since, changed_at)
VALUES (:o, 49900, 49900, 'created', now(), now());
INSERT INTO order_history (order_id, seq, at, order_to, amount, amount_paid, attempts, actor)
VALUES (:o, 1, now(), 'created', 49900, 0, 0, 'postgres');
COMMIT;

-- == insert_payment
BEGIN;
INSERT INTO payments (id, order_id, amount, currency, status, status_since)
VALUES (:p, :o, 49900, 'INR', 'created', now());
UPDATE orders SET amount_pending = amount_pending + 49900, payments_open = payments_open + 1,
	version = version + 1, changed_at = now()
WHERE id = :o;
INSERT INTO order_history (order_id, seq, at, payment_id, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, actor)
VALUES (:o, 2, now(), :p, 'created', 'created', 'created', 49900, 0, 0, now(), 'postgres');
COMMIT;

-- == authorize
BEGIN;
UPDATE payments SET status = 'authorized', status_since = now() WHERE id = :p;
UPDATE orders SET amount_pending = amount_pending - 49900, amount_authorized = amount_authorized + 49900,
	status = 'attempted', status_since = now(), attempts = attempts + 1,
	version = version + 1, changed_at = now()
WHERE id = :o;
INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, payment_since, actor)
VALUES (:o, 3, now(), :p, 'created', 'authorized', 'created', 'attempted', 49900, 0, 1, now(), now(), 'postgres');
COMMIT;

-- == capture
BEGIN;
UPDATE payments SET status = 'captured', amount_captured = amount, status_since = now() WHERE id = :p;
UPDATE orders SET amount_paid = amount_paid + 49900, amount_due = amount_due - 49900,
	amount_authorized = amount_authorized - 49900, payments_open = payments_open - 1,
	status = 'paid', status_since = now(), version = version + 1, changed_at = now()
WHERE id = :o;
INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
	amount, amount_paid, attempts, order_since, payment_since, actor)
VALUES (:o, 4, now(), :p, 'authorized', 'captured', 'attempted', 'paid', 49900, 49900, 1, now(), now(), 'postgres');
COMMIT;

-- == others floor
