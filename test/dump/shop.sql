-- A shop with a paid order, an open one, a refund, and a life cycle of its own.
CREATE EXTENSION paystate;
CREATE SCHEMA shop;
SELECT paystate.create_tables('shop');

INSERT INTO paystate.lifecycle
SELECT (pg_catalog.jsonb_populate_record(l, '{"name": "free_of_charge", "builtin": false, "payment_min": 0}')).*
FROM paystate.lifecycle AS l WHERE l.name = 'razorpay';
INSERT INTO paystate.lifecycle_status
SELECT (pg_catalog.jsonb_populate_record(s, '{"lifecycle": "free_of_charge", "builtin": false}')).*
FROM paystate.lifecycle_status AS s WHERE s.lifecycle = 'razorpay';
INSERT INTO paystate.lifecycle_transition
SELECT (pg_catalog.jsonb_populate_record(t, '{"lifecycle": "free_of_charge", "builtin": false}')).*
FROM paystate.lifecycle_transition AS t WHERE t.lifecycle = 'razorpay';

INSERT INTO shop.orders (id, amount, lifecycle) VALUES
	('paid', 1000, 'razorpay'), ('open', 1000, 'razorpay'), ('free', 0, 'free_of_charge');
INSERT INTO shop.payments (id, order_id) VALUES ('paid_1', 'paid'), ('open_1', 'open');
UPDATE shop.payments SET status = 'authorized' WHERE id = 'paid_1';
UPDATE shop.payments SET status = 'captured' WHERE id = 'paid_1';
INSERT INTO shop.refunds (id, payment_id, amount) VALUES ('r1', 'paid_1', 300);
INSERT INTO shop.refunds (id, payment_id, amount, status) VALUES ('r2', 'paid_1', 200, 'pending');
