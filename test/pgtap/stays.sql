-- The aggregates behind the views, by themselves: quantiles as percentile_cont
-- has them, whatever the type of statuses; each row counted once a status; and
-- the same from workers of a parallel query.
SELECT * FROM no_plan();
SET search_path = public, paystate;

CREATE TABLE walk AS
SELECT i, (enum_range(NULL::paystate.order_status))[1 + i % 5] AS was,
	(enum_range(NULL::paystate.order_status))[1 + i * i % 5] AS becomes,
	'2026-01-01'::timestamptz + make_interval(secs => i * 7919 % 1009 + i % 3 * 0.000001) AS at,
	CASE WHEN i % 11 <> 0 THEN '2026-01-01'::timestamptz END AS since
FROM generate_series(1, 5000) AS i;
INSERT INTO walk VALUES (0, NULL, 'created', now(), now()), (-1, 'failed', 'paid', now(), NULL);
ANALYZE walk;

CREATE VIEW expected AS
SELECT was::text AS status, count(*) AS count,
	percentile_cont('{0.5,0.9,0.99,1}'::float8[]) WITHIN GROUP (ORDER BY date_part('epoch', at - since)) AS quantile
FROM walk WHERE was <> becomes GROUP BY was;
CREATE VIEW found AS
SELECT status, count, median, p90, p99, max FROM (SELECT stays(was, becomes, at, since) AS s FROM walk) AS a, unnest(s);
CREATE VIEW wrong AS
SELECT status, f.median FROM found f FULL JOIN expected e USING (status)
WHERE f.count IS DISTINCT FROM e.count
	OR abs(f.median - quantile[1]) > 1e-6 OR abs(f.p90 - quantile[2]) > 1e-6
	OR abs(f.p99 - quantile[3]) > 1e-6 OR abs(f.max - quantile[4]) > 1e-6
	OR (f.median IS NULL) <> (quantile[1] IS NULL);

SELECT is((SELECT count(*) FROM found), 4::bigint, 'stays() tells of each status that was left');
SELECT is_empty('TABLE wrong', 'what percentile_cont says');
SELECT results_eq($$SELECT count, median FROM found WHERE status = 'failed'$$, $$VALUES (1::bigint, NULL::float8)$$,
	'a stay that nobody timed is counted, and has no time');
SELECT bag_eq($$SELECT u.* FROM (SELECT stays(was::text, becomes::text, at, since) AS s FROM walk) AS a, unnest(s) u$$,
	'TABLE found', 'of statuses that are text the same');
SELECT is((SELECT stays(was, was, at, since) FROM walk), NULL, 'nothing was left, nothing is said');
SELECT is((SELECT stays(was, becomes, at, since) FROM walk WHERE false), NULL, 'of no rows neither');
SELECT results_eq($$SELECT status, count, max > 1e12 FROM unnest((SELECT stays('a'::text, 'b'::text, 'infinity', '-infinity'))) u$$,
	$$VALUES ('a', 1::bigint, true)$$, 'a stay without end does not make it fail');

-- ---- visits: the bit of a row counts once, in its own table
CREATE VIEW once AS
SELECT u.status, sum(u.count)::bigint AS count FROM (SELECT visits(s, t, p) AS v FROM (VALUES
		('a', 1::oid, '(0,1)'::tid), ('a', 1, '(0,1)'), ('a', 1, '(0,2)'), ('a', 2, '(0,1)'), ('a', 1, '(70,1)'),
		('b', 1, '(3,290)'), ('b', 1, '(3,290)'), ('b', 1, '(3,64)'), ('b', 1, '(3,63)'), ('b', 1, '(500,1)'),
		(NULL, 1, '(0,1)'), ('c', 1, NULL)) AS v (s, t, p)) AS a, unnest(v) u GROUP BY u.status;
SELECT bag_eq('TABLE once', $$VALUES ('a', 4::bigint), ('b', 4)$$, 'visits() counts each row of each table once a status');
CREATE VIEW seen AS
SELECT u.status, sum(u.count)::bigint AS count
FROM (SELECT visits(was, tableoid, ctid) AS v FROM walk, generate_series(1, 2)) AS a, unnest(v) u GROUP BY u.status;
SELECT bag_eq('TABLE seen', 'SELECT was::text, count(*) FROM walk WHERE was IS NOT NULL GROUP BY was', 'all rows of a table');
SELECT is((SELECT visits(was, tableoid, ctid) FROM walk WHERE false), NULL, 'of no rows nothing');

-- ---- by workers
CREATE TABLE alone AS TABLE found;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3; ALTER TABLE walk SET (parallel_workers = 3);
CREATE FUNCTION in_parallel(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		found := found OR line LIKE '%Partial Aggregate%';
	END LOOP;
	RETURN found;
END $$;
SELECT ok(in_parallel('SELECT stays(was, becomes, at, since) FROM walk'), 'stays() can be gathered by workers');
SELECT ok(in_parallel('SELECT visits(was, tableoid, ctid) FROM walk'), 'visits() can');
SELECT bag_eq('TABLE found', 'TABLE alone', 'stays() says the same then');
SELECT bag_eq('TABLE seen', 'SELECT was::text, count(*) FROM walk WHERE was IS NOT NULL GROUP BY was', 'visits() does');

-- neither can be called but as an aggregate
SELECT throws_ok($$SELECT paystate.stays_add(NULL, 'a'::text, 'b'::text, now(), now())$$, '42883', NULL,
	'the parts cannot be called by hand');
SELECT * FROM finish();
