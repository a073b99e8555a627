\set ECHO queries
\echo
\echo '================ PayKun: captured at once, refunded in full'
\echo '(PayKun''s API reference, 11 rupees; the refund is ours)'
\echo
\set order pk-01
INSERT INTO orders (id, lifecycle, amount) VALUES ('pk-01', 'paykun', 1100);
\ir show.sql

\echo '---- refused: less than the order asks for'
\set code 23PS4
INSERT INTO payments (order_id, amount) VALUES ('pk-01', 1000);
\ir refused.sql

INSERT INTO payments (id, order_id) VALUES ('88253-41453-72735-05390', 'pk-01');
\ir show.sql

\echo '---- refused: a refund of money that was never captured'
\set code 23PS1
INSERT INTO refunds (payment_id, amount) VALUES ('88253-41453-72735-05390', 1100);
\ir refused.sql

UPDATE payments SET status = 'captured' WHERE id = '88253-41453-72735-05390';
\ir show.sql
\set sample '{"status": "paid", "amount_paid": 1100, "amount_due": 0}'
\ir published.sql

\echo '---- two refunds in one statement are judged one after the other: refused'
\set code 23PS4
INSERT INTO refunds (payment_id, amount)
VALUES ('88253-41453-72735-05390', 600), ('88253-41453-72735-05390', 600);
\ir refused.sql

UPDATE payments SET status = 'refunded' WHERE id = '88253-41453-72735-05390';
\ir show.sql
SELECT payment_id, amount, status FROM refunds WHERE payment_id = '88253-41453-72735-05390';
