\set ECHO queries
\echo
\echo '================ what an order has been through'
\echo
\set order v1-250515094053-aa-oXnK19
SELECT seq, payment_id, concat_ws(' > ', payment_from, payment_to) AS payment,
	refund_to AS refund, concat_ws(' > ', order_from, order_to) AS "order",
	amount, amount_paid, attempts
FROM order_history WHERE order_id = 'v1-250515094053-aa-oXnK19' ORDER BY seq;

\ir show.sql
\echo '---- refused: to rewrite it, to empty it'
\set code 23PS6
UPDATE order_history SET amount = 0 WHERE order_id = 'v1-250515094053-aa-oXnK19';
\ir refused.sql
\set code 23PS7
TRUNCATE order_history;
\ir refused.sql
