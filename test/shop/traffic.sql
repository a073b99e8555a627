-- Twelve orders of Solidus, attached, and something at random for clients to
-- do with them, legal or not.  Answers what became of it.
CREATE SCHEMA traffic;
SET search_path = traffic;
SET client_min_messages = error;
\i test/shop/solidus_tables.sql
TRUNCATE spree_orders, spree_payments, spree_refunds;
ALTER TABLE spree_payments ADD FOREIGN KEY (order_id) REFERENCES spree_orders;
ALTER TABLE spree_refunds ADD FOREIGN KEY (payment_id) REFERENCES spree_payments;
INSERT INTO spree_orders (id, total, payment_state, currency)
SELECT n, 10.00, 'balance_due', 'USD' FROM generate_series(1, 12) AS n;
SELECT problem FROM paystate.attach('spree_orders', 'spree_payments', 'spree_refunds',
	columns => '{"orders.status": "payment_state", "orders.amount": "total", "payments.status": "state"}',
	labels => '{"order": {"cancelled": "void"}, "payment": {"cancelled": "void"}}',
	lifecycle => 'solidus', add_columns => true);
-- one that is closed from the start: whatever clients do, some of it is refused for that
UPDATE spree_orders SET payment_state = 'void' WHERE id = 12;
CREATE TABLE answers (answer text);
CREATE FUNCTION act() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	one_order	integer := 1 + floor(random() * 12);
	money		numeric(10,2) := ('{10.00,5.00,2.50,3.33,0.01}'::numeric[])[1 + floor(random() * 5)];
	what		float8 := random();
	payment		integer;
BEGIN
	SELECT id INTO payment FROM spree_payments WHERE order_id = one_order ORDER BY random() LIMIT 1;
	IF what < 0.3 OR payment IS NULL THEN
		INSERT INTO spree_payments (order_id, amount) VALUES (one_order, money);
	ELSIF what < 0.9 THEN
		UPDATE spree_payments SET state = ('{processing,pending,completed,completed,failed,void,invalid}'::text[])[1 + floor(random() * 7)]
		WHERE id = payment;
	ELSIF what < 0.99 THEN
		INSERT INTO spree_refunds (payment_id, amount) VALUES (payment, money);
	ELSE
		UPDATE spree_orders SET payment_state = 'void' WHERE id = one_order;
	END IF;
	RETURN 'done';
EXCEPTION WHEN SQLSTATE '23PS1' OR SQLSTATE '23PS3' OR SQLSTATE '23PS4' THEN
	RETURN SQLSTATE;
END
$$;
