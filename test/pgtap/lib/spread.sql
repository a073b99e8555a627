-- The sharded layout in the schema "shop", each of the four tables in sixteen
-- hash partitions, as doc/scale.md makes them: leaf by leaf, then attached.
SET LOCAL helper.sharded = 'on';
SET LOCAL helper.leaves = 'on';
-- not what is tried here, and each check would be compiled for all partitions
SET LOCAL jit = off;
SET LOCAL client_min_messages = error;
CREATE FUNCTION helper.spread(shop name) RETURNS void
	LANGUAGE plpgsql
AS $$
DECLARE
	t record;
BEGIN
	SET LOCAL client_min_messages = error;
	CREATE SCHEMA whole;
	PERFORM paystate.create_tables('whole', sharded => true);
	FOR t IN SELECT * FROM (VALUES ('orders', 'id'), ('payments', 'order_id'), ('refunds', 'order_id'), ('order_history', 'order_id')) v (name, key) LOOP
		EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE whole.%2$I INCLUDING ALL) PARTITION BY HASH (%3$I)', shop, t.name, t.key);
		FOR n IN 0 .. 15 LOOP
			EXECUTE format('CREATE TABLE %1$I.%2$I PARTITION OF %1$I.%3$I FOR VALUES WITH (MODULUS 16, REMAINDER %4$s)', shop, t.name || '_' || n, t.name, n);
		END LOOP;
	END LOOP;
	EXECUTE format('ALTER TABLE %1$I.payments ADD FOREIGN KEY (order_id) REFERENCES %1$I.orders', shop);
	EXECUTE format('ALTER TABLE %1$I.refunds ADD FOREIGN KEY (order_id, payment_id) REFERENCES %1$I.payments', shop);
	EXECUTE format('ALTER TABLE %1$I.order_history ADD FOREIGN KEY (order_id) REFERENCES %1$I.orders', shop);
	DROP SCHEMA whole CASCADE;
	FOR t IN SELECT * FROM paystate.attach(format('%I.orders', shop), format('%I.payments', shop), format('%I.refunds', shop), format('%I.order_history', shop)) LOOP
		RAISE 'attach: %', t;
	END LOOP;
	PERFORM paystate.create_views(shop);
END
$$;
SELECT helper.spread('shop') \gset
SET LOCAL client_min_messages = warning;
