-- An application with the fewest rights does the whole job of all four life
-- cycles; beyond that it gets nothing.
\ir lib/shop.sql

SELECT * FROM no_plan();

CREATE ROLE keeper;
CREATE ROLE app;
GRANT USAGE ON SCHEMA helper, shop TO keeper, app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA helper, public TO app;
GRANT ALL ON SCHEMA shop TO keeper;
SELECT helper.give('keeper') \gset
GRANT SELECT, INSERT ON orders, payments, refunds TO app;
GRANT UPDATE (status, notes, receipt) ON orders TO app;
GRANT UPDATE (status, amount_captured) ON payments TO app;
GRANT UPDATE (status) ON refunds TO app;

SELECT set_config('helper.role', 'app', true) AS "role" \gset
SELECT helper.accepted(format('SELECT helper.given(%L, %L, 1000, %L)', o, lc, script), lc || ': ' || script)
  FROM (VALUES
	('r1', 'razorpay', 'a= b= a>failed b>authorized a>authorized b>captured a>refunded b-100 b~200'),
	('r2', 'razorpay', 'a= a>authorized a>captured a>refunded'),
	('k1', 'paykun', 'a= a>captured a-100 a>refunded'),
	('v1', 'plural_preauth', 'a= a>authorized a>processed:300 a-100 a-200'),
	('v2', 'plural_preauth', 'a=600 b=400 a>authorized !cancel'),
	('l1', 'plural', 'a=600 b=400 a>processed b>processed a-600 b-400'),
	('l2', 'plural', 'a=600 a>failed !fail')) AS t (o, lc, script);
SELECT helper.accepted($$UPDATE refunds SET status = 'failed' WHERE status = 'pending'$$, 'a refund that fails');
SELECT helper.accepted($$UPDATE orders SET notes = '{"a": 1}', receipt = 'r' WHERE id = 'r1'$$, 'notes and receipt');
SELECT helper.accepted($$INSERT INTO payments (id, order_id) VALUES ('r2.a', 'r2') ON CONFLICT DO NOTHING$$, 'a redelivery');
SELECT helper.refused(statement, says, statement)
  FROM (VALUES
	('INSERT INTO order_history (order_id) VALUES (''r1'')', '42501 permission denied for table order_history'),
	('SELECT count(*) FROM order_history', '42501 permission denied for table order_history'),
	('UPDATE orders SET amount_paid = 0', '42501 permission denied for table orders'),
	('UPDATE payments SET amount = 1', '42501 permission denied for table payments'),
	('DELETE FROM payments', '42501 permission denied for table payments'),
	('TRUNCATE refunds', '42501 permission denied for table refunds'),
	('ALTER TABLE orders DISABLE TRIGGER ALL', '42501 must be owner of table orders'),
	('DROP TRIGGER "A_paystate_guard" ON payments', '42501 must be owner of relation payments'),
	('SET session_replication_role = replica', '42501 permission denied to set parameter "session_replication_role"'),
	('SELECT paystate.expire(''orders'')', '42501 permission denied for function expire'),
	('SELECT paystate.repair(''orders'', ''r1'')', '42501 permission denied for function repair'),
	('SELECT paystate.force_status(''orders'', ''created'', ''x'', ''r1'')', '42501 permission denied for function force_status')
	) AS t (statement, says);
SELECT set_config('helper.role', '', true) AS "role" \gset
SELECT is((SELECT string_agg(id || ' ' || status, ', ' ORDER BY id) FROM orders),
	'k1 paid, l1 fully_refunded, l2 failed, r1 paid, r2 paid, v1 fully_refunded, v2 cancelled', 'the whole job is done');
SELECT is_empty('SELECT * FROM paystate.check_guards()', 'and no guard is in danger');

\ir lib/end.sql
