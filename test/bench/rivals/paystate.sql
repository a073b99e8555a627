-- paystate itself: what an application writes where the guards stand.

-- == setup
SELECT paystate.create_tables(key_type => :'key', sharded => :sharded, history_partition => :partition);

-- == insert_order
INSERT INTO orders (id, amount) VALUES (:o, 49900);

-- == insert_payment
INSERT INTO payments (id, order_id, amount, currency) VALUES (:p, :o, 49900, 'INR');

-- == authorize
UPDATE payments SET status = 'authorized' WHERE id = :p;

-- == capture
UPDATE payments SET status = 'captured' WHERE id = :p;

-- == bulk_orders
INSERT INTO orders (id, amount) SELECT key(i), 49900 FROM generate_series(:o1, :o2) AS i;

-- == bulk_copy
COPY orders (id, amount) FROM :'file';

-- == bulk_payments
INSERT INTO payments (id, order_id, amount, currency)
SELECT key(i + 1000000000000000000), key(i), 49900, 'INR' FROM generate_series(:o1, :o2) AS i;

-- == bulk_authorize
UPDATE payments SET status = 'authorized' WHERE status = 'created';

-- == bulk_capture
UPDATE payments SET status = 'captured' WHERE status = 'authorized';

-- == bulk_refunds
INSERT INTO refunds (id, payment_id, amount)
SELECT key(i + 2000000000000000000), key(i + 1000000000000000000), 1000 FROM generate_series(:o1, :o2) AS i;

-- == fail
UPDATE payments SET status = 'failed' WHERE id = :p;

-- == refund
INSERT INTO refunds (id, payment_id, amount) VALUES (:r, :p, 100);
