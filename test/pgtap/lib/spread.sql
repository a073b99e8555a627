-- The sharded layout in the schema "shop", each of the four tables in sixteen
-- hash partitions, as doc/scale.md makes them: leaf by leaf, then attached.
SET LOCAL helper.sharded = 'on';
SET LOCAL helper.leaves = 'on';
SET LOCAL jit = off;
SET LOCAL client_min_messages = error;
DO $$
DECLARE
	t record;
BEGIN
	CREATE SCHEMA whole;
	PERFORM paystate.create_tables('whole', sharded => true);
	FOR t IN SELECT * FROM (VALUES ('orders', 'id'), ('payments', 'order_id'), ('refunds', 'order_id'), ('order_history', 'order_id')) v (name, key) LOOP
		EXECUTE format('CREATE TABLE shop.%1$I (LIKE whole.%1$I INCLUDING ALL) PARTITION BY HASH (%2$I)', t.name, t.key);
		FOR n IN 0 .. 15 LOOP
			EXECUTE format('CREATE TABLE shop.%I PARTITION OF shop.%I FOR VALUES WITH (MODULUS 16, REMAINDER %s)', t.name || '_' || n, t.name, n);
		END LOOP;
	END LOOP;
	ALTER TABLE shop.payments ADD FOREIGN KEY (order_id) REFERENCES shop.orders;
	ALTER TABLE shop.refunds ADD FOREIGN KEY (order_id, payment_id) REFERENCES shop.payments;
	ALTER TABLE shop.order_history ADD FOREIGN KEY (order_id) REFERENCES shop.orders;
	DROP SCHEMA whole CASCADE;
	FOR t IN SELECT * FROM paystate.attach('shop.orders', 'shop.payments', 'shop.refunds', 'shop.order_history') LOOP
		RAISE 'attach: %', t;
	END LOOP;
	PERFORM paystate.create_views('shop');
END
$$;
SET LOCAL client_min_messages = warning;
