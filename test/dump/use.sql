-- What the application of a shop does in its tables: orders of every life
-- cycle, at every stage.
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
