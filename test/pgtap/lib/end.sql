-- What every file ends with.
SELECT cmp_ok((SELECT count(*) FROM orders), '>', 0::bigint, 'there are orders whose totals to check');
SELECT is_empty('SELECT * FROM helper.drift() ORDER BY 1, 2',
	'totals, counters and history of every order agree with its payments');
SELECT * FROM finish();
ROLLBACK;
