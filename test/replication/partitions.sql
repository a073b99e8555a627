-- A shop in the sharded layout, each of its tables in sixteen hash partitions
-- as doc/scale.md makes them; psql's variables: schema, owner.
SET client_min_messages = warning;
CREATE SCHEMA :"schema" AUTHORIZATION :"owner";
CREATE SCHEMA whole AUTHORIZATION :"owner";
SET ROLE :"owner";
SELECT paystate.create_tables('whole', 'plural', sharded => true) \g /dev/null
SET search_path = :"schema";
CREATE TABLE orders (LIKE whole.orders INCLUDING ALL) PARTITION BY HASH (id);
CREATE TABLE payments (LIKE whole.payments INCLUDING ALL) PARTITION BY HASH (order_id);
CREATE TABLE refunds (LIKE whole.refunds INCLUDING ALL) PARTITION BY HASH (order_id);
CREATE TABLE order_history (LIKE whole.order_history INCLUDING ALL) PARTITION BY HASH (order_id);
SELECT format('CREATE TABLE %1$s_%2$s PARTITION OF %1$s FOR VALUES WITH (MODULUS 16, REMAINDER %2$s)', t, n)
  FROM unnest('{orders,payments,refunds,order_history}'::text[]) AS t, generate_series(0, 15) AS n \gexec
ALTER TABLE payments ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE refunds ADD FOREIGN KEY (order_id, payment_id) REFERENCES payments;
ALTER TABLE order_history ADD FOREIGN KEY (order_id) REFERENCES orders;
SELECT * FROM paystate.attach('orders', 'payments', 'refunds', 'order_history');
SELECT paystate.create_views(current_schema) \g /dev/null
RESET ROLE;
DROP SCHEMA whole CASCADE;
