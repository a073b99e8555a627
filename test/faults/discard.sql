-- A few writes of each kind, for a server whose caches are discarded at every
-- look-up (debug_discard_caches): what was borrowed from them is gone at once.
SET client_min_messages = warning;
CREATE EXTENSION paystate;
SELECT paystate.create_tables();
INSERT INTO orders (id, amount) VALUES ('warm', 1000);

SET debug_discard_caches = 1;
INSERT INTO orders (id, lifecycle, amount) VALUES ('r', 'razorpay', 1000), ('v', 'plural_preauth', 1000);
INSERT INTO payments (id, order_id) VALUES ('r', 'r'), ('v', 'v');
UPDATE payments SET status = 'authorized';
UPDATE payments SET status = 'captured' WHERE id = 'r';
INSERT INTO refunds (payment_id, amount, status) VALUES ('r', 100, 'processed');
UPDATE orders SET status = 'cancelled' WHERE id = 'v';
DO $$
BEGIN
	UPDATE payments SET status = 'authorized' WHERE id = 'r';
	RAISE 'an illegal move was let through';
EXCEPTION
	WHEN SQLSTATE '23PS1' THEN NULL;
END $$;
-- by a query, for there is a trigger now
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER keep BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION keep();
INSERT INTO payments (id, order_id) VALUES ('w', 'warm');
UPDATE payments SET status = 'failed' WHERE id = 'w';
RESET debug_discard_caches;

DO $$
BEGIN
	ASSERT (SELECT array_agg((id, status, amount_paid, amount_refunded, attempts)::text ORDER BY id) FROM orders)
		= '{"(r,paid,1000,100,1)","(v,cancelled,0,0,1)","(warm,attempted,0,0,1)"}', 'other orders than expected';
	ASSERT NOT EXISTS (SELECT FROM paystate.verify('orders')), 'verify() finds something';
END $$;
SELECT 'the orders are what they should be';
