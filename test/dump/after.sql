-- A restored shop goes on, as its application: refused is what was refused,
-- legal what was legal.  Prints the same for every type of keys.
\set QUIET on
\pset tuples_only on
\pset format unaligned
\set VERBOSITY sqlstate
\set refusal '\\echo :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE'
SET search_path = :"schema";
SET ROLE :"app";
INSERT INTO payments (order_id, amount) SELECT id, 1000 FROM orders WHERE receipt = 'paid';
:refusal
UPDATE payments AS p SET status = 'captured' FROM orders AS o WHERE o.id = p.order_id AND o.receipt = 'open';
:refusal
INSERT INTO orders (amount, status) VALUES (1000, 'pending');
:refusal
INSERT INTO refunds (payment_id, amount) SELECT p.id, 501 FROM payments AS p JOIN orders AS o ON o.id = p.order_id WHERE o.receipt = 'paid';
:refusal
INSERT INTO orders (amount, currency, lifecycle) VALUES (1000, 'USD', 'free_of_charge');
:refusal
INSERT INTO orders (amount, channel) VALUES (1000, '');
:refusal
UPDATE payments SET amount_captured = 1;
:refusal
RESET ROLE;
SET ROLE :"owner";
UPDATE orders SET amount_paid = 0 WHERE receipt = 'paid';
:refusal
UPDATE order_history SET amount = 0;
:refusal
DELETE FROM payments;
:refusal
TRUNCATE refunds;
:refusal

RESET ROLE;
SET ROLE :"app";
CREATE FUNCTION pg_temp.move(status paystate.payment_status, VARIADIC receipts text[]) RETURNS void LANGUAGE sql AS $$
	UPDATE payments AS p SET status = $1 FROM orders AS o WHERE o.id = p.order_id AND o.receipt = ANY ($2)
$$;
INSERT INTO orders (receipt, amount) VALUES ('new', 500);
INSERT INTO payments (order_id) SELECT id FROM orders WHERE receipt IN ('new', 'legs', 'three');
SELECT pg_temp.move('authorized', 'open', 'free') AS a, pg_temp.move('captured', 'open', 'free') AS b,
	pg_temp.move('processed', 'new', 'legs', 'three') AS c \gset moved_
UPDATE refunds SET status = 'processed' WHERE status = 'pending';
SELECT concat_ws(' ', receipt, status, amount_paid, amount_due, amount_refunded, version, channel)
FROM orders WHERE receipt NOT LIKE 'many%' ORDER BY receipt COLLATE "C";
SET paystate.actor = 'a clerk';
UPDATE orders SET status = 'cancelled' WHERE receipt = 'many 1';

RESET ROLE;
SELECT 'history: ' || concat_ws(' ', h.seq, h.payment_from, h.payment_to, h.order_to, h.actor)
FROM order_history AS h JOIN orders AS o ON o.id = h.order_id WHERE o.receipt = 'many 1' ORDER BY seq;
SELECT 'not as it should be: ' || v FROM paystate.verify(format('%I.orders', :'schema')::regclass) AS v;
SELECT to_regproc('paystate.check_guards') IS NOT NULL AS checks \gset
\if :checks
SELECT 'guard: ' || g FROM paystate.check_guards() AS g;
\endif
