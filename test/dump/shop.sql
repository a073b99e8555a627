-- A shop in a schema of its own, as psql's variables say: schema, lifecycle,
-- key_type, history (month, or empty), owner, app, analyst (roles).  Orders
-- are known by their receipts, whatever type the keys have.
CREATE SCHEMA :"schema" AUTHORIZATION :"owner";
GRANT USAGE ON SCHEMA :"schema" TO :"app", :"analyst";
SET search_path = :"schema";
SET ROLE :"owner";
SELECT paystate.create_tables(:'schema', :'lifecycle', :'key_type',
	history_partition => nullif(:'history', ''));

-- what owners do to their tables: a column that went, one that came
ALTER TABLE orders DROP COLUMN offer_id CASCADE, ADD COLUMN channel text DEFAULT 'web'
	CONSTRAINT orders_channel_check CHECK (channel <> '');
ALTER TABLE payments ADD COLUMN note text;
COMMENT ON COLUMN orders.channel IS 'where it''s from';
CREATE INDEX orders_receipt_idx ON orders (receipt);
COMMENT ON INDEX orders_receipt_idx IS 'how the shop finds an order';
CREATE VIEW unpaid AS SELECT id, receipt, status, amount_due FROM orders WHERE amount_due > 0;
COMMENT ON VIEW unpaid IS 'whom to remind';
ALTER TABLE refunds ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_refunds ON refunds USING (true);
GRANT SELECT, INSERT ON orders, payments, refunds TO :"app";
GRANT UPDATE (status, notes, receipt) ON orders TO :"app";
GRANT UPDATE (status, amount_captured) ON payments TO :"app";
GRANT UPDATE (status) ON refunds TO :"app";
GRANT SELECT ON orders, order_history, time_in_status TO :"analyst";

-- the application
RESET ROLE;
SET ROLE :"app";
SET paystate.reason = 'it''s a test';
INSERT INTO orders (receipt, amount, lifecycle, notes) VALUES
	('paid', 1000, 'razorpay', '{"gift": "yes"}'), ('open', 1000, 'razorpay', '{}'),
	('paykun', 1000, 'paykun', '{}'), ('held', 1000, 'plural_preauth', '{}'),
	('legs', 1000, 'plural', '{}'), ('free', 0, 'free_of_charge', '{}'),
	('three', 900, 'three_legs', '{}'), ('void', 700, 'plural_preauth', '{}');
INSERT INTO orders (receipt, amount) SELECT 'many ' || n, 1000 + n FROM generate_series(1, 30) AS n;
INSERT INTO payments (order_id, amount)
SELECT id, CASE receipt WHEN 'legs' THEN 400 WHEN 'three' THEN 300 END FROM orders WHERE receipt NOT LIKE 'many 2%';
INSERT INTO payments (amount) VALUES (250);

-- moves the payments of some orders
CREATE FUNCTION pg_temp.move(status paystate.payment_status, VARIADIC receipts text[]) RETURNS void LANGUAGE sql AS $$
	UPDATE payments AS p SET status = $1 FROM orders AS o WHERE o.id = p.order_id AND o.receipt = ANY ($2)
$$;
SELECT pg_temp.move('authorized', 'paid', 'held', 'void'), pg_temp.move('captured', 'paid', 'paykun'),
	pg_temp.move('processed', 'legs', 'three');
UPDATE payments AS p SET status = 'processed', amount_captured = 600 FROM orders AS o WHERE o.id = p.order_id AND o.receipt = 'held';
UPDATE orders SET status = 'cancelled' WHERE receipt = 'void';
INSERT INTO refunds (payment_id, amount, status)
SELECT p.id, r.amount, r.status FROM payments AS p JOIN orders AS o ON o.id = p.order_id,
	(VALUES (300, 'processed'::paystate.refund_status), (200, 'pending')) AS r (amount, status)
WHERE o.receipt = 'paid';
