-- The pattern of state machine libraries: the application asks for the newest
-- transition of order and payment, decides, and adds a row to a table of
-- transitions for each, of which one is marked as the most recent.  Totals
-- are kept on the order; statuses stand in the transitions alone.

-- == setup
\ir tables.sql
DROP TABLE order_history CASCADE;
SELECT format($$
	CREATE TABLE %1$s_transitions (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		%2$I %3$s NOT NULL REFERENCES %4$I (id),
		to_state text NOT NULL,
		metadata jsonb NOT NULL DEFAULT '{}',
		sort_key integer NOT NULL,
		most_recent boolean NOT NULL,
		created_at timestamptz NOT NULL DEFAULT now(),
		updated_at timestamptz NOT NULL DEFAULT now());
	CREATE UNIQUE INDEX ON %1$s_transitions (%2$I, sort_key);
	CREATE UNIQUE INDEX ON %1$s_transitions (%2$I, most_recent) WHERE most_recent;$$,
	kind, kind || '_id', :'key', kind || 's')
  FROM unnest('{order,payment}'::text[]) AS kind \gexec

-- == insert_order
BEGIN;
INSERT INTO orders (id, amount, amount_due, status, status_since, changed_at)
VALUES (:o, 49900, 49900, 'created', now(), now());
INSERT INTO order_transitions (order_id, to_state, sort_key, most_recent) VALUES (:o, 'created', 10, true);
COMMIT;

-- == insert_payment
BEGIN;
SELECT id, amount_due, currency FROM orders WHERE id = :o FOR UPDATE;
SELECT to_state, sort_key FROM order_transitions WHERE order_id = :o AND most_recent;
INSERT INTO payments (id, order_id, amount, currency, status, status_since)
VALUES (:p, :o, 49900, 'INR', 'created', now());
INSERT INTO payment_transitions (payment_id, to_state, sort_key, most_recent) VALUES (:p, 'created', 10, true);
UPDATE orders SET amount_pending = amount_pending + 49900, payments_open = payments_open + 1 WHERE id = :o;
COMMIT;

-- == authorize
BEGIN;
SELECT id, amount_due FROM orders WHERE id = :o FOR UPDATE;
SELECT to_state, sort_key FROM payment_transitions WHERE payment_id = :p AND most_recent;
UPDATE payment_transitions SET most_recent = false, updated_at = now() WHERE payment_id = :p AND most_recent;
INSERT INTO payment_transitions (payment_id, to_state, sort_key, most_recent) VALUES (:p, 'authorized', 20, true);
SELECT to_state, sort_key FROM order_transitions WHERE order_id = :o AND most_recent;
UPDATE order_transitions SET most_recent = false, updated_at = now() WHERE order_id = :o AND most_recent;
INSERT INTO order_transitions (order_id, to_state, sort_key, most_recent) VALUES (:o, 'attempted', 20, true);
UPDATE orders SET amount_pending = amount_pending - 49900, amount_authorized = amount_authorized + 49900,
	attempts = attempts + 1 WHERE id = :o;
COMMIT;

-- == capture
BEGIN;
SELECT id, amount_due FROM orders WHERE id = :o FOR UPDATE;
SELECT to_state, sort_key FROM payment_transitions WHERE payment_id = :p AND most_recent;
UPDATE payment_transitions SET most_recent = false, updated_at = now() WHERE payment_id = :p AND most_recent;
INSERT INTO payment_transitions (payment_id, to_state, sort_key, most_recent) VALUES (:p, 'captured', 30, true);
UPDATE payments SET amount_captured = amount WHERE id = :p;
SELECT to_state, sort_key FROM order_transitions WHERE order_id = :o AND most_recent;
UPDATE order_transitions SET most_recent = false, updated_at = now() WHERE order_id = :o AND most_recent;
INSERT INTO order_transitions (order_id, to_state, sort_key, most_recent) VALUES (:o, 'paid', 30, true);
UPDATE orders SET amount_authorized = amount_authorized - 49900, amount_paid = amount_paid + 49900,
	amount_due = amount_due - 49900, payments_open = payments_open - 1 WHERE id = :o;
COMMIT;

-- == bulk_orders
WITH o AS (
	INSERT INTO orders (id, amount, amount_due, status, status_since, changed_at)
	SELECT key(i), 49900, 49900, 'created', now(), now() FROM generate_series(:o1, :o2) AS i
	RETURNING id
)
INSERT INTO order_transitions (order_id, to_state, sort_key, most_recent)
SELECT id, to_state, sort_key, sort_key = 30 FROM o, (VALUES ('created', 10), ('attempted', 20), ('paid', 30)) s (to_state, sort_key);

-- == bulk_payments
WITH p AS (
	INSERT INTO payments (id, order_id, amount, currency, status, status_since)
	SELECT key(i + 1000000000000000000), key(i), 49900, 'INR', 'created', now() FROM generate_series(:o1, :o2) AS i
	RETURNING id
)
INSERT INTO payment_transitions (payment_id, to_state, sort_key, most_recent)
SELECT id, to_state, sort_key, sort_key = 30 FROM p, (VALUES ('created', 10), ('authorized', 20), ('captured', 30)) s (to_state, sort_key);
