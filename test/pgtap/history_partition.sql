-- A history partitioned by month: how it is made, that rows find their month,
-- that nothing but paystate writes to any part of it, and what goes on when a
-- month is detached and comes back.
\set partitioned on
\ir lib/shop.sql

SELECT * FROM no_plan();

-- ---- how it is made --------------------------------------------------------
CREATE FUNCTION helper.month_name(ahead integer) RETURNS text
	LANGUAGE sql
AS $$
	SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead),
		'"order_history_y"YYYY"m"MM');
$$;
-- A further month, as its owner makes it.
CREATE FUNCTION helper.make_month(ahead integer) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	first timestamptz := (date_trunc('month', now() AT TIME ZONE 'UTC')
						  + make_interval(months => ahead)) AT TIME ZONE 'UTC';
BEGIN
	EXECUTE format('CREATE TABLE %I PARTITION OF order_history FOR VALUES FROM (%L) TO (%L)',
		month_name(ahead), first,
		(first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
	EXECUTE format('CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON %I
		FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_history(''lifecycle=razorpay'')',
		month_name(ahead));
	RETURN month_name(ahead);
END
$$;
CREATE FUNCTION helper.parts() RETURNS SETOF text
	LANGUAGE sql
AS $$
	SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	 WHERE i.inhparent = 'order_history'::regclass;
$$;

SELECT bag_eq('SELECT parts()',
	'SELECT month_name(n) FROM generate_series(0, 3) n UNION ALL SELECT ''order_history_default''',
	'this month, three months ahead and a default');
SELECT is((SELECT pg_get_partkeydef('order_history'::regclass)), 'RANGE (at)', 'partitioned by time');
SELECT is((SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = 'order_history_default'::regclass),
	'DEFAULT', 'the default one is the default');
SELECT is(pg_get_constraintdef(c.oid), 'PRIMARY KEY (order_id, seq, at)', 'primary key of ' || c.conrelid::regclass)
  FROM pg_constraint c WHERE c.contype = 'p'
	AND c.conrelid = ANY (array(SELECT parts()::regclass) || 'order_history'::regclass)
 ORDER BY c.conrelid::regclass::text;
SELECT is((SELECT count(*) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
			WHERE x.indrelid = part::regclass AND a.amname = 'brin'
				AND x.indkey::text = (SELECT attnum::text FROM pg_attribute
									   WHERE attrelid = x.indrelid AND attname = 'at')),
	1::bigint, 'a BRIN on time: ' || part)
  FROM unnest(array(SELECT parts()) || 'order_history'::text) part ORDER BY part;
SELECT is((SELECT array_agg(tgname::text ORDER BY tgname) FROM pg_trigger
			WHERE tgrelid = part::regclass AND NOT tgisinternal AND tgenabled = 'O'
				AND tgfoid = 'paystate.guard_history'::regproc),
	ARRAY['_paystate_before', '_paystate_truncate'], 'both guards: ' || part)
  FROM unnest(array(SELECT parts()) || 'order_history'::text) part ORDER BY part;
SELECT isnt(obj_description(part::regclass, 'pg_class'), NULL, 'commented: ' || part)
  FROM unnest(array(SELECT parts()) || 'order_history'::text) part ORDER BY part;
SELECT isnt(obj_description(t.oid, 'pg_trigger'), NULL,
		format('commented: %s on %s', tgname, tgrelid::regclass))
  FROM pg_trigger t WHERE tgrelid = ANY (array(SELECT parts()::regclass)) AND tgname = '_paystate_truncate'
 ORDER BY tgrelid::regclass::text;

-- without the argument it is one table, and other words are refused
CREATE SCHEMA other;
SELECT is(outcome('SELECT paystate.create_tables(''other'', history_partition => ' || word || ')', true),
	format('22023 history cannot be partitioned by "%s"', btrim(word, '''')), 'refused: ' || word)
  FROM unnest(ARRAY['''week''', '''''', '''MONTH''']) word;
SELECT is_empty('SELECT FROM pg_class WHERE relnamespace = ''other''::regnamespace', 'and nothing was made');
SELECT accepted('SELECT paystate.create_tables(''other'', history_partition => NULL)', 'NULL is one table');
SELECT is((SELECT relkind FROM pg_class WHERE oid = 'other.order_history'::regclass), 'r'::"char",
	'an ordinary one');
SELECT is((SELECT pg_get_constraintdef(oid) FROM pg_constraint
			WHERE conrelid = 'other.order_history'::regclass AND contype = 'p'),
	'PRIMARY KEY (order_id, seq)', 'with its key');
SELECT is((SELECT count(*) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
			WHERE x.indrelid = 'other.order_history'::regclass AND a.amname = 'brin'), 1::bigint,
	'and a BRIN on time');

-- every key type has it
CREATE SCHEMA by_number;
CREATE SCHEMA by_uuid;
SELECT accepted(format('SELECT paystate.create_tables(%L, key_type => %L, history_partition => ''month'')', s, k),
	'keys of type ' || k) FROM (VALUES ('by_number', 'bigint'), ('by_uuid', 'uuid')) v (s, k);
SELECT accepted('INSERT INTO by_number.orders (amount) VALUES (1000)', 'an order with a bigint key');
SELECT accepted('INSERT INTO by_uuid.orders (amount) VALUES (1000)', 'an order with a uuid key');
SELECT is((SELECT count(*) FROM by_number.order_history) + (SELECT count(*) FROM by_uuid.order_history),
	2::bigint, 'and their histories');

-- ---- lives, one of each life cycle -----------------------------------------
SELECT is(given('rz', 'razorpay', 1000, 'a=1000 a>failed b=1000 b>authorized a>authorized b>captured a>refunded b-300 b~200'),
	'paid 1000 of 1000, due 0, held 0, pending 0, back 300, attempts 2, open 0, v10; a refunded 0/1000-1000-0, b captured 1000/1000-300-200',
	'razorpay: a retry, a late authorization, refunds');
SELECT is(given('pk', 'paykun', 1000, 'a=1000 a>failed b=1000 b>captured b>refunded'),
	'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 2, open 0, v6; a failed 0/1000-0-0, b refunded 1000/1000-1000-0',
	'paykun: a retry, the whole refunded');
SELECT is(given('pa', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized a>processed:500 a-200'),
	'partially_refunded 500 of 1000, due 500, held 0, pending 0, back 200, attempts 2, open 0, v8; a processed 500/600-200-0, b cancelled 0/400-0-0',
	'plural_preauth: a capture in part that releases the rest, a refund');
SELECT is(given('void', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized !cancel'),
	'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v8; a cancelled 0/600-0-0, b cancelled 0/400-0-0',
	'plural_preauth: a cancelled order takes its payments along');
SELECT is(given('pl', 'plural', 1000, 'a=600 b=400 a>processed b>processed a-600 b-400'),
	'fully_refunded 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 2, open 0, v7; a processed 600/600-600-0, b processed 400/400-400-0',
	'plural: two legs, all refunded');
SELECT is(history('pa', 6), ARRAY[
	'a - authorized>processed authorized>partially_captured 500/500/2',
	'b - authorized>cancelled partially_captured>partially_captured 400/500/2',
	'a r1:processed processed>processed partially_captured>partially_refunded 200/500/2'],
	'the history says what happened');
SELECT is((SELECT array_agg(DISTINCT tableoid::regclass::text) FROM order_history),
	ARRAY[month_name(0)], 'all of it in this month');
SELECT cannot('rz', 'c=1000', '23PS3', 'a paid order');
SELECT cannot('pl', 'a-1', '23PS3', 'all was refunded');
SELECT cannot('pa', 'b>processed', '23PS1', 'the hold was released');
SELECT is_empty('SELECT * FROM drift()', 'all agree');

-- many orders in one statement
INSERT INTO orders (id, amount) SELECT 'many' || n, 1000 FROM generate_series(1, 50) n;
INSERT INTO payments (id, order_id) SELECT 'many' || n || '.a', 'many' || n FROM generate_series(1, 50) n;
UPDATE payments SET status = 'authorized' WHERE id LIKE 'many%';
UPDATE payments SET status = 'captured' WHERE id LIKE 'many%';
SELECT is((SELECT count(*) FROM order_history WHERE order_id LIKE 'many%'), 200::bigint,
	'four rows for each of many orders');

-- ---- nobody else writes, to the whole or to a part -------------------------
CREATE FUNCTION helper.no_write(statement text, part text, verb text) RETURNS text
	LANGUAGE sql
AS $$
	SELECT helper.refused(format(statement, part),
		format('%s %s on table "order_history" is not allowed',
			CASE WHEN verb IN ('delete', 'truncate') THEN '23PS7' ELSE '23PS6' END, verb),
		format('%s on %s', verb, part));
$$;
SELECT no_write(w.statement, part, w.verb)
  FROM (VALUES ('UPDATE %s SET amount = 7', 'update'), ('DELETE FROM %s', 'delete'),
			   ('INSERT INTO %s SELECT * FROM order_history WHERE seq = 1', 'insert'),
			   ('TRUNCATE %s', 'truncate')) w (statement, verb),
	unnest(ARRAY['order_history', month_name(0)]) part;
SELECT no_write('TRUNCATE %s', part, 'truncate') FROM parts() part ORDER BY part;
SELECT refused('TRUNCATE orders, payments, refunds, order_history',
	'23PS7 truncate on table "orders" is not allowed', 'truncate of all of them');
SELECT refused('UPDATE order_history SET at = at + interval ''1 month''',
	'23PS6 update on table "order_history" is not allowed', 'a row is not moved to another month');

-- a month of one's own making has the guard of rows from the parent
SELECT accepted(format('SELECT helper.make_month(%s)', n), 'the owner makes the month ' || n)
  FROM unnest(ARRAY[-3, -2]) n;
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = month_name(-2)::regclass
			AND tgname = '_paystate_before' AND tgparentid <> 0), 1::bigint, 'which is guarded');

-- ---- time goes on, and the month is detached -------------------------------
-- All that there is happened two months ago, this row says.  A superuser may.
CREATE TEMP TABLE ago AS
	SELECT now() - ((date_trunc('month', now() AT TIME ZONE 'UTC') - interval '2 months')
			AT TIME ZONE 'UTC' + interval '3 days') AS by;
SET LOCAL session_replication_role = replica;
UPDATE order_history SET at = at - by, order_since = order_since - by, payment_since = payment_since - by FROM ago;
UPDATE orders SET created_at = created_at - by, changed_at = changed_at - by, status_since = status_since - by FROM ago;
UPDATE payments SET created_at = created_at - by, status_since = status_since - by FROM ago;
SET LOCAL session_replication_role = origin;
SELECT is((SELECT array_agg(DISTINCT tableoid::regclass::text) FROM order_history),
	ARRAY[month_name(-2)], 'all of it two months ago');
SELECT is_empty('SELECT * FROM drift()', 'all agree');

SELECT is(helper.then('rz', 'b-200'),
	'paid 1000 of 1000, due 0, held 0, pending 0, back 500, attempts 2, open 0, v11; a refunded 0/1000-1000-0, b captured 1000/1000-500-200',
	'an old order has a refund this month');
SELECT is((SELECT tableoid::regclass::text FROM order_history WHERE order_id = 'rz' AND seq = 11),
	month_name(0), 'which is in this month');
SELECT is((SELECT array_agg(seq ORDER BY seq) FROM order_history WHERE order_id = 'rz'),
	ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 'the history is read across months');

SELECT is(given('mid', 'razorpay', 1000, 'a=1000'),
	'created 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 0, open 1, v2; a created 0/1000-0-0',
	'an order of this month');
CREATE TEMP TABLE before AS SELECT count(*) AS rows FROM order_history;
-- the months before are no business of this transaction
COMMIT;
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = shop, helper, public;
SELECT accepted(format('ALTER TABLE order_history DETACH PARTITION %I', month_name(-2)), 'the old month is detached');
SELECT is((SELECT min(seq) FROM order_history WHERE order_id = 'rz'), 11, 'and is read no more');
SELECT is(helper.then('rz', 'b-100'),
	'paid 1000 of 1000, due 0, held 0, pending 0, back 600, attempts 2, open 0, v12; a refunded 0/1000-1000-0, b captured 1000/1000-600-200',
	'an order that lost rows goes on');
SELECT is(helper.then('many1', 'a-1000'),
	'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v5; a refunded 1000/1000-1000-0',
	'so does one that lost all of them');
SELECT is(given('new', 'plural', 1000, 'a=1000 a>processed'),
	'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v3; a processed 1000/1000-0-0',
	'and new ones come');
SELECT is(helper.then('mid', 'a>authorized a>captured'),
	'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0',
	'and go on');
SELECT cannot('many1', 'a-1', '23PS1', 'still nothing is refunded twice');
SELECT no_write(w.statement, month_name(0), w.verb)
  FROM (VALUES ('UPDATE %s SET amount = 7', 'update'), ('DELETE FROM %s', 'delete'),
			   ('TRUNCATE %s', 'truncate')) w (statement, verb);
SELECT throws_ok('TRUNCATE ' || month_name(-2), '23PS7', format('truncate on table "%s" is not allowed', month_name(-2)),
	'what was detached keeps its guard against TRUNCATE');
SELECT isnt_empty('SELECT FROM drift()', 'what is gone shows');
SELECT is_empty('SELECT * FROM drift() WHERE id IN (''mid'', ''new'', ''mid.a'', ''new.a'')',
	'but not in orders of this month');

SELECT accepted(format('ALTER TABLE order_history ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', month_name(-2),
		(date_trunc('month', now() AT TIME ZONE 'UTC') - interval '2 months') AT TIME ZONE 'UTC',
		(date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month') AT TIME ZONE 'UTC'),
	'the month comes back');
SELECT is((SELECT count(*) FROM order_history), (SELECT rows + 1 + 1 + 3 + 2 FROM before), 'with all its rows');
SELECT is((SELECT array_agg(tgname::text ORDER BY tgname) FROM pg_trigger
			WHERE tgrelid = month_name(-2)::regclass AND NOT tgisinternal),
	ARRAY['_paystate_before', '_paystate_truncate'], 'and both guards');
SELECT no_write('DELETE FROM %s', month_name(-2), 'delete');
SELECT is(helper.then('rz', 'b-100'),
	'paid 1000 of 1000, due 0, held 0, pending 0, back 700, attempts 2, open 0, v13; a refunded 0/1000-1000-0, b captured 1000/1000-700-200',
	'and writes go on');

-- two months gone, one of them for good; nothing claims to be the history
SELECT accepted(format('ALTER TABLE order_history DETACH PARTITION %I', month_name(-3)), 'an empty month is detached');
SELECT accepted('DROP TABLE ' || month_name(-3), 'and dropped');
SELECT accepted('ALTER TABLE order_history DETACH PARTITION ' || month_name(2), 'a month is detached');
SELECT accepted('ALTER TABLE order_history DETACH PARTITION ' || month_name(3), 'and another');
SELECT accepted('UPDATE payments SET status = ''refunded'' WHERE id = ''many2.a''', 'and writes go on');

-- a plan of this transaction may still name what was dropped
COMMIT;
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = shop, helper, public;

-- no partition for now: the default takes it
SELECT accepted(format('ALTER TABLE order_history DETACH PARTITION %I', month_name(0)), 'this month is detached');
SELECT accepted('UPDATE payments SET status = ''refunded'' WHERE id = ''many3.a''', 'a write without a month');
SELECT is((SELECT tableoid::regclass::text FROM order_history WHERE order_id = 'many3' AND seq = 5),
	'order_history_default', 'is in the default partition');
-- not even that: the write fails as a whole
SELECT accepted('ALTER TABLE order_history DETACH PARTITION order_history_default', 'the default is detached');
SELECT refused('UPDATE payments SET status = ''refunded'' WHERE id = ''many4.a''',
	'23514 no partition of relation "order_history" found for row', 'a write that has no place');
SELECT accepted('ALTER TABLE order_history ATTACH PARTITION order_history_default DEFAULT', 'the default comes back');
SELECT accepted('UPDATE payments SET status = ''refunded'' WHERE id = ''many4.a''', 'now it has');
DO $$ BEGIN
	EXECUTE 'CREATE TEMP TABLE late AS SELECT * FROM order_history_default';
	SET LOCAL session_replication_role = replica;
	DELETE FROM order_history_default;
	SET LOCAL session_replication_role = origin;
	EXECUTE format('ALTER TABLE order_history ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', month_name(0),
		date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
		(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC');
	SET LOCAL session_replication_role = replica;
	INSERT INTO order_history SELECT * FROM late;
	SET LOCAL session_replication_role = origin;
END $$;
SELECT is((SELECT tableoid::regclass::text FROM order_history WHERE order_id = 'many4' AND seq = 5),
	month_name(0), 'and the rows are sorted in afterwards');

\ir lib/end.sql
