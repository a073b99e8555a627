\set ECHO queries
\echo
\echo '================ Razorpay: two attempts fail, the third one pays'
\echo '(Razorpay''s documents, webhooks of recurring payments; the failures are told by the sample''s count of attempts)'
\echo
\set order order_FHhvTLKwXS9bnS
INSERT INTO orders (id, amount) VALUES ('order_FHhvTLKwXS9bnS', 100);
\ir show.sql
INSERT INTO payments (id, order_id) VALUES ('pay_first', 'order_FHhvTLKwXS9bnS');
\ir show.sql
UPDATE payments SET status = 'failed' WHERE id = 'pay_first';
\ir show.sql
INSERT INTO payments (id, order_id) VALUES ('pay_second', 'order_FHhvTLKwXS9bnS');
UPDATE payments SET status = 'failed' WHERE id = 'pay_second';
\ir show.sql
INSERT INTO payments (id, order_id) VALUES ('pay_FHhw4RhnuZPiuO', 'order_FHhvTLKwXS9bnS');
\ir show.sql

\echo '---- refused: to capture what was never authorized'
\set code 23PS1
UPDATE payments SET status = 'captured' WHERE id = 'pay_FHhw4RhnuZPiuO';
\ir refused.sql

UPDATE payments SET status = 'authorized' WHERE id = 'pay_FHhw4RhnuZPiuO';
\ir show.sql

\echo '---- refused: to call the order paid by hand'
\set code 23PS6
UPDATE orders SET status = 'paid' WHERE id = 'order_FHhvTLKwXS9bnS';
\ir refused.sql

UPDATE payments SET status = 'captured' WHERE id = 'pay_FHhw4RhnuZPiuO';
\ir show.sql
\set sample '{"status": "paid", "amount_paid": 100, "amount_due": 0, "attempts": 3}'
\ir published.sql

\echo '---- the same webhook once more changes nothing'
UPDATE payments SET status = 'captured' WHERE id = 'pay_FHhw4RhnuZPiuO';
\ir show.sql

\echo '---- refused: to pay a paid order, to undo a capture, to delete the evidence'
\set code 23PS3
INSERT INTO payments (order_id, amount) VALUES ('order_FHhvTLKwXS9bnS', 100);
\ir refused.sql
\set code 23PS1
UPDATE payments SET status = 'failed' WHERE id = 'pay_FHhw4RhnuZPiuO';
\ir refused.sql
\set code 23PS7
DELETE FROM payments WHERE id = 'pay_first';
\ir refused.sql
