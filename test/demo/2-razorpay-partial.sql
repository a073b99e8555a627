\set ECHO queries
\echo
\echo '================ Razorpay: four partial payments leave the order attempted'
\echo '(Razorpay''s documents, webhooks of invoices: by card, netbanking, wallet and UPI; the refund is ours)'
\echo
\set order order_DEW1rvumj0vSXG
INSERT INTO orders (id, amount, receipt, partial_payment)
VALUES ('order_DEW1rvumj0vSXG', 479030, '14', true);
\ir show.sql

INSERT INTO payments (id, order_id, amount) VALUES ('pay_DEW3tZzpXkKWtO', 'order_DEW1rvumj0vSXG', 10000);
UPDATE payments SET status = 'authorized' WHERE id = 'pay_DEW3tZzpXkKWtO';
UPDATE payments SET status = 'captured' WHERE id = 'pay_DEW3tZzpXkKWtO';
\ir show.sql
\set sample '{"status": "attempted", "amount_paid": 10000, "amount_due": 469030, "attempts": 1}'
\ir published.sql

INSERT INTO payments (id, order_id, amount) VALUES ('pay_DEW499hvSyqk4Q', 'order_DEW1rvumj0vSXG', 10000);
UPDATE payments SET status = 'authorized' WHERE id = 'pay_DEW499hvSyqk4Q';
UPDATE payments SET status = 'captured' WHERE id = 'pay_DEW499hvSyqk4Q';
\ir show.sql
\set sample '{"status": "attempted", "amount_paid": 20000, "amount_due": 459030, "attempts": 2}'
\ir published.sql

INSERT INTO payments (id, order_id, amount) VALUES ('pay_DEW4Klrh5QZOcZ', 'order_DEW1rvumj0vSXG', 10000);
UPDATE payments SET status = 'authorized' WHERE id = 'pay_DEW4Klrh5QZOcZ';
UPDATE payments SET status = 'captured' WHERE id = 'pay_DEW4Klrh5QZOcZ';
\ir show.sql
\set sample '{"status": "attempted", "amount_paid": 30000, "amount_due": 449030, "attempts": 3}'
\ir published.sql

INSERT INTO payments (id, order_id, amount) VALUES ('pay_DEW4fwWyn23Ufp', 'order_DEW1rvumj0vSXG', 10000);
UPDATE payments SET status = 'authorized' WHERE id = 'pay_DEW4fwWyn23Ufp';
UPDATE payments SET status = 'captured' WHERE id = 'pay_DEW4fwWyn23Ufp';
\ir show.sql
\set sample '{"status": "attempted", "amount_paid": 40000, "amount_due": 439030, "attempts": 4}'
\ir published.sql

\echo '---- refused: more than is due, another currency'
\set code 23PS4
INSERT INTO payments (order_id, amount) VALUES ('order_DEW1rvumj0vSXG', 439031);
\ir refused.sql
\set code 23PS5
INSERT INTO payments (order_id, amount, currency) VALUES ('order_DEW1rvumj0vSXG', 10000, 'USD');
\ir refused.sql

\echo '---- a part is given back: the payment is refunded, the order keeps what it knew'
INSERT INTO refunds (payment_id, amount) VALUES ('pay_DEW4fwWyn23Ufp', 4000);
\ir show.sql
INSERT INTO refunds (payment_id, amount) VALUES ('pay_DEW4fwWyn23Ufp', 6000);
\ir show.sql

\echo '---- refused: to refund it twice'
\set code 23PS1
INSERT INTO refunds (payment_id, amount) VALUES ('pay_DEW4fwWyn23Ufp', 1);
\ir refused.sql
