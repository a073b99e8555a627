-- What sqlsmith plays with: a shop of each key type that a role may write, who
-- may call all of paystate's functions.  psql variable "role".

CREATE EXTENSION paystate;
CREATE ROLE :role LOGIN;
CREATE SCHEMA shop;
CREATE SCHEMA numbered;
SELECT paystate.create_tables(schema => 'shop');
SELECT paystate.create_tables(schema => 'numbered', lifecycle => 'plural', key_type => 'bigint');

SET search_path = shop;
INSERT INTO orders (id, lifecycle, amount)
SELECT format('%s_%s', l, i), l, 1000 * i
FROM unnest('{razorpay,paykun,plural,plural_preauth}'::text[]) l, generate_series(1, 5) i;
INSERT INTO payments (id, order_id) SELECT id, id FROM orders WHERE id NOT LIKE '%\_1';
UPDATE payments SET status = 'authorized'
WHERE id ~ '^(razorpay|plural_preauth)_[345]';
UPDATE payments SET status = 'captured' WHERE id ~ '^(razorpay|paykun)_[45]';
UPDATE payments SET status = 'processed' WHERE id ~ '^plural(_preauth)?_[45]';
INSERT INTO refunds (payment_id, amount, status)
SELECT id, amount, 'processed' FROM payments WHERE id LIKE '%\_5';
INSERT INTO numbered.orders (amount) SELECT 1000 FROM generate_series(1, 9);
INSERT INTO numbered.payments (order_id) SELECT id FROM numbered.orders WHERE id > 3;
UPDATE numbered.payments SET status = 'processed' WHERE order_id > 6;

GRANT USAGE ON SCHEMA shop, numbered, paystate TO :role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop, numbered TO :role;
GRANT SELECT ON ALL TABLES IN SCHEMA paystate TO :role;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA paystate TO :role;
