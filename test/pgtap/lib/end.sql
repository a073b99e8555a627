-- What every file ends with.
ANALYZE orders, payments, refunds, order_history;
SELECT cmp_ok((SELECT count(*) FROM orders), '>', 0::bigint, 'there are orders whose totals to check');
SELECT is_empty('SELECT * FROM helper.drift() ORDER BY 1, 2',
	'totals, counters and history of every order agree with its payments');
SELECT is_empty($$SELECT * FROM paystate.verify('orders')$$, 'and verify() says so, too');
\if :{?general}
SELECT cmp_ok((SELECT last_value FROM helper.looks), '>=', (SELECT count(*) FROM order_history WHERE seq > 1),
	'a user trigger on orders saw every change that paystate wrote');
\endif
SELECT * FROM finish();
ROLLBACK;
