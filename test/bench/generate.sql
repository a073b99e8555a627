-- Makes :n orders (default 1000000) of the four life cycles, with 4 to 5
-- history rows each, through the guards: 60 of 100 orders are Razorpay's, 15
-- PayKun's, 15 Plural's with pre-authorization, 10 Plural's without.  A quarter
-- of the first attempts fail and are followed by another, a few orders are
-- never paid, some captures are of a part, every tenth order has a refund.
-- Writes are INSERT ... SELECT and UPDATE, a statement each over :chunk orders
-- (default 50000), a transaction each.  Orders beyond :made (default 200000)
-- are copies of those before with keys of their own, written with the guards
-- out of the way; N is rounded up to a multiple of it.
--
-- With -v key=bigint (text, uuid are others) keys are of that type; with
-- -v partition=month the history is partitioned.  Makes the schema "bench".
-- Nothing here is random: the number of an order decides all of it.
\set QUIET on
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\if :{?n}
\else
\set n 1000000
\endif
\if :{?made}
\else
\set made 200000
\endif
SELECT least(:n, :made) AS made, ceil(:n::numeric / least(:n, :made)) * least(:n, :made) AS n \gset
\if :{?chunk}
\else
\set chunk 50000
\endif
\if :{?key}
\else
\set key text
\endif
\if :{?partition}
\else
\set partition ''
\endif
CREATE SCHEMA bench;
SET search_path = bench;
SET client_min_messages = warning;
SELECT format('SELECT paystate.create_tables(''bench'', key_type => %L, history_partition => nullif(%L, ''''))',
	:'key', :'partition') \gexec

-- Keys from numbers, in their order: of order i, of its payment k and of its
-- refund; and the key so many numbers later.
SELECT format('CREATE FUNCTION bench.key(prefix text, i bigint) RETURNS %1$s LANGUAGE sql IMMUTABLE
	RETURN (%2$s)::%1$s', :'key', CASE :'key'
		WHEN 'text' THEN 'prefix || lpad(i::text, 14, ''0'')'
		WHEN 'uuid' THEN 'lpad(to_hex(i), 32, ''0'')' ELSE 'i' END),
	format('CREATE FUNCTION bench.later(k %1$s, by bigint) RETURNS %1$s LANGUAGE sql IMMUTABLE
	RETURN (%2$s)::%1$s', :'key', CASE :'key'
		WHEN 'text' THEN 'left(k, -14) || lpad((right(k, 14)::bigint + by)::text, 14, ''0'')'
		WHEN 'uuid' THEN 'lpad(to_hex((''x'' || right(k::text, 12))::bit(48)::bigint + by), 32, ''0'')' ELSE 'k + by' END) \gexec
SELECT format('CREATE FUNCTION bench.order_key(i bigint) RETURNS %1$s LANGUAGE sql IMMUTABLE
	RETURN bench.key(''order_'', i)', :'key'),
	format('CREATE FUNCTION bench.payment_key(i bigint, k integer) RETURNS %1$s LANGUAGE sql IMMUTABLE
	RETURN bench.key(''pay_'', 10 * i + k)', :'key'),
	format('CREATE FUNCTION bench.refund_key(i bigint) RETURNS %1$s LANGUAGE sql IMMUTABLE
	RETURN bench.key(''rfnd_'', 10 * i)', :'key') \gexec

-- What becomes of order i.
CREATE TABLE plan AS
SELECT i, order_key(i) AS order_id,
	CASE WHEN i % 20 < 12 THEN 'razorpay' WHEN i % 20 < 15 THEN 'paykun'
		WHEN i % 20 < 18 THEN 'plural_preauth' ELSE 'plural' END AS lifecycle,
	10000 + i % 977 * 100 AS amount,
	i / 20 % 25 <> 24 AS pays,
	i / 20 % 4 = 3 AS fails_once,
	i / 20 % 21 <> 20 AS is_captured,
	i / 20 % 10 = 5 AS in_part,
	i / 20 % 10 = 7 AS refunds
  FROM generate_series(1::bigint, :made) AS i;
CREATE UNIQUE INDEX ON plan (i);
ANALYZE plan;

-- The steps of a chunk: %1$s is its first number, %2$s its last.
CREATE TABLE step (n integer, statement text);
INSERT INTO step VALUES
(1, $$INSERT INTO orders (id, lifecycle, amount, created_at)
	SELECT order_id, lifecycle, amount, now() - make_interval(hours => (i %% 2160)::int)
	FROM plan WHERE i BETWEEN %1$s AND %2$s$$),
(2, $$INSERT INTO payments (id, order_id)
	SELECT payment_key(i, 1), order_id FROM plan WHERE i BETWEEN %1$s AND %2$s AND pays$$),
(3, $$UPDATE payments SET status = 'failed' FROM plan
	WHERE id = payment_key(i, 1) AND i BETWEEN %1$s AND %2$s AND pays AND fails_once$$),
(4, $$INSERT INTO payments (id, order_id)
	SELECT payment_key(i, 2), order_id FROM plan WHERE i BETWEEN %1$s AND %2$s AND pays AND fails_once$$),
(5, $$UPDATE payments SET status = 'authorized' FROM plan
	WHERE id = payment_key(i, 1 + fails_once::int) AND i BETWEEN %1$s AND %2$s AND pays
		AND lifecycle IN ('razorpay', 'plural_preauth')$$),
(6, $$UPDATE payments SET status = 'captured' FROM plan
	WHERE id = payment_key(i, 1 + fails_once::int) AND i BETWEEN %1$s AND %2$s AND pays
		AND is_captured AND lifecycle IN ('razorpay', 'paykun')$$),
(7, $$UPDATE payments SET status = 'processed',
		amount_captured = payments.amount / CASE WHEN in_part AND lifecycle = 'plural_preauth' THEN 2 ELSE 1 END
	FROM plan
	WHERE id = payment_key(i, 1 + fails_once::int) AND i BETWEEN %1$s AND %2$s AND pays
		AND is_captured AND lifecycle IN ('plural_preauth', 'plural')$$),
(8, $$INSERT INTO refunds (id, payment_id, amount)
	SELECT refund_key(i), payment_key(i, 1 + fails_once::int), 3000 FROM plan
	WHERE i BETWEEN %1$s AND %2$s AND pays AND is_captured AND refunds$$);

SELECT format(statement, first, least(first + :chunk - 1, :made))
  FROM generate_series(1::bigint, :made, :chunk) AS first, step ORDER BY first, step.n \gexec
-- Copies: keys are moved along, everything else stays as it is.
SELECT format('CREATE TEMPORARY TABLE made_%1$s AS SELECT * FROM %1$s', relation)
  FROM unnest('{orders,payments,refunds,order_history}'::text[]) AS relation WHERE :n > :made \gexec
BEGIN;
SET LOCAL session_replication_role = replica;
SELECT format('INSERT INTO %1$s SELECT %2$s FROM made_%1$s', relation, string_agg(CASE
		WHEN attname = 'order_id' OR relation = 'orders' AND attname = 'id' THEN format('later(%s, %s)', attname, i * :made)
		WHEN attname IN ('id', 'payment_id', 'refund_id') THEN format('later(%s, %s)', attname, i * :made * 10)
		ELSE attname END, ', ' ORDER BY attnum))
  FROM generate_series(1::bigint, :n / :made - 1) AS i,
	unnest('{orders,payments,refunds,order_history}'::text[]) WITH ORDINALITY AS t (relation, nr),
	pg_attribute
 WHERE attrelid = relation::regclass AND attnum > 0 AND NOT attisdropped
 GROUP BY i, relation, nr ORDER BY i, nr \gexec
COMMIT;
SELECT 'DISCARD TEMP' \gexec

-- Once, so that nothing that is measured afterwards is the first to see a row.
VACUUM (ANALYZE) orders, payments, refunds, order_history;
DROP TABLE plan, step;

SELECT count(*) AS events, sum(pg_column_size(h)) AS row_bytes FROM order_history h \gset
SELECT sum(pg_relation_size(relid)) AS heap_bytes, sum(pg_indexes_size(relid)) AS index_bytes
  FROM (SELECT 'order_history'::regclass AS relid UNION ALL
		SELECT inhrelid FROM pg_inherits WHERE inhparent = 'order_history'::regclass) t \gset
SELECT sum(pg_total_relation_size(t)) AS other_bytes FROM unnest('{orders,payments,refunds}'::regclass[]) t \gset
SELECT format('%s orders, %s events (%s an order), keys of type %s, history %s',
		:n, :events, round(:events::numeric / :n, 2), :'key', coalesce('partitioned by ' || nullif(:'partition', ''), 'in one table'));
SELECT format('bytes an event: %s (table %s, of it the row with its header %s; indexes %s)',
		round((:heap_bytes::numeric + :index_bytes) / :events, 1), round(:heap_bytes::numeric / :events, 1),
		round(:row_bytes::numeric / :events, 1), round(:index_bytes::numeric / :events, 1));
SELECT format('bytes an order: %s (orders, payments, refunds and their indexes %s, history %s)',
		round((:heap_bytes::numeric + :index_bytes + :other_bytes) / :n), round(:other_bytes::numeric / :n),
		round((:heap_bytes::numeric + :index_bytes) / :n));
