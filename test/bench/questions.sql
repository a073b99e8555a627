-- What is measured: a question, how paystate answers it, and the plain SQL that
-- an analyst would write without it, over the same four tables.  Both must give
-- the same rows.  :moment: stands for the moment; what names :key: is asked of
-- one order after the other, a statement each.  "compared" is what of the rows
-- must be the same: a payment has its status since its row was stored, and the
-- history says when it was judged, which is later in a statement over many.
SET search_path = bench;
CREATE TABLE question (n integer, name text, ours text, plain text,
	compared text DEFAULT '*');
INSERT INTO question (n, name, ours, plain) VALUES
(1, 'how long in each status (`time_in_status`): `lag()` over each order and each payment',
$$SELECT kind, lifecycle, status, count, median, p90, p99, max FROM time_in_status$$,
$$SELECT kind, lifecycle, h.status, count(*) AS count,
	justify_hours(make_interval(secs => percentile_cont(0.5) WITHIN GROUP (ORDER BY stay))),
	justify_hours(make_interval(secs => percentile_cont(0.9) WITHIN GROUP (ORDER BY stay))),
	justify_hours(make_interval(secs => percentile_cont(0.99) WITHIN GROUP (ORDER BY stay))),
	justify_hours(make_interval(secs => max(stay)))
FROM (SELECT 'order' AS kind, order_id, order_from::text AS status, order_from <> order_to AS moved,
		date_part('epoch', at - lag(at) OVER (PARTITION BY order_id ORDER BY seq)) AS stay
	FROM order_history WHERE order_from IS DISTINCT FROM order_to
	UNION ALL
	SELECT 'payment', order_id, payment_from::text, payment_from <> payment_to,
		date_part('epoch', at - lag(at) OVER (PARTITION BY payment_id ORDER BY seq))
	FROM order_history WHERE payment_id IS NOT NULL AND payment_from IS DISTINCT FROM payment_to) h
JOIN orders o ON o.id = h.order_id
WHERE moved GROUP BY kind, lifecycle, h.status$$),
(2, 'all orders as they were at a moment (`orders_as_of`): `DISTINCT ON`',
$$SELECT order_key, status, amount_paid, amount_due, attempts, seq
FROM paystate.orders_as_of('bench.orders', :moment:)$$,
$$SELECT DISTINCT ON (h.order_id) h.order_id::text, h.order_to::text, h.amount_paid,
	o.amount - h.amount_paid, h.attempts, h.seq
FROM order_history h JOIN orders o ON o.id = h.order_id
WHERE h.at <= :moment: ORDER BY h.order_id, h.seq DESC$$),
(3, 'one order as it was at a moment (`order_as_of`): `ORDER BY seq DESC LIMIT 1`',
$$SELECT order_key, status, amount_paid, amount_due, attempts, seq
FROM paystate.order_as_of('bench.orders', :moment:, :key:)$$,
$$SELECT h.order_id::text, h.order_to::text, h.amount_paid, o.amount - h.amount_paid, h.attempts, h.seq
FROM order_history h JOIN orders o ON o.id = h.order_id
WHERE h.order_id = :key: AND h.at <= :moment: ORDER BY h.seq DESC LIMIT 1$$),
(4, 'does everything agree (`verify`): sums, and `lag()` over the history',
$$SELECT order_key FROM paystate.verify('bench.orders')$$,
$$SELECT o.id::text FROM orders o
LEFT JOIN (SELECT order_id, sum(amount_captured) AS captured,
		coalesce(sum(p.amount) FILTER (WHERE role = 'held'), 0) AS held,
		coalesce(sum(p.amount) FILTER (WHERE role = 'open'), 0) AS pending,
		count(*) FILTER (WHERE role IN ('held', 'open')) AS open,
		coalesce(sum(p.amount_refunded) FILTER (WHERE amount_captured > 0), 0) AS back,
		count(*) FILTER (WHERE p.amount_refunded <> coalesce(r.processed, 0)
						 OR p.refund_pending <> coalesce(r.pending, 0)) AS wrong
	FROM payments p JOIN orders ON orders.id = p.order_id
	LEFT JOIN (SELECT payment_id, sum(amount) FILTER (WHERE status = 'processed') AS processed,
				sum(amount) FILTER (WHERE status = 'pending') AS pending
			FROM refunds GROUP BY payment_id) r ON r.payment_id = p.id
	JOIN paystate.lifecycle_status s ON s.lifecycle = orders.lifecycle AND s.kind = 'payment'
		AND s.label = p.status::text
	GROUP BY order_id) p ON p.order_id = o.id
LEFT JOIN (SELECT order_id, count(*) AS n, max(seq) AS last,
		count(*) FILTER (WHERE seq <> nr OR order_from IS DISTINCT FROM order_was OR at < at_was
						 OR payment_id IS NOT NULL AND payment_from IS DISTINCT FROM payment_was) AS wrong
	FROM (SELECT order_id, seq, at, order_from, payment_id, payment_from,
			row_number() OVER w AS nr, lag(at) OVER w AS at_was, lag(order_to) OVER w AS order_was,
			lag(payment_to) OVER (PARTITION BY order_id, payment_id ORDER BY seq) AS payment_was
		FROM order_history WINDOW w AS (PARTITION BY order_id ORDER BY seq)) h
	GROUP BY order_id) h ON h.order_id = o.id
LEFT JOIN order_history l ON l.order_id = o.id AND l.seq = o.version
WHERE o.amount_paid <> coalesce(captured, 0) OR o.amount_due <> o.amount - o.amount_paid
	OR (o.amount_authorized, o.amount_pending, o.payments_open, o.amount_refunded)
		<> (coalesce(held, 0), coalesce(pending, 0), coalesce(open, 0), coalesce(back, 0))
	OR p.wrong > 0 OR h.wrong > 0 OR h.n IS DISTINCT FROM o.version OR h.last IS DISTINCT FROM o.version
	OR (o.status, o.amount_paid, o.attempts, o.changed_at)
		IS DISTINCT FROM (l.order_to, l.amount_paid, l.attempts, l.at)$$),
(5, 'how many orders ever came to each status (`status_funnel`): `count(DISTINCT)`',
$$SELECT lifecycle, status, orders FROM status_funnel WHERE orders > 0$$,
$$SELECT o.lifecycle, h.order_to::text, count(DISTINCT h.order_id)
FROM order_history h JOIN orders o ON o.id = h.order_id GROUP BY o.lifecycle, h.order_to$$),
(6, 'conversion a day (`daily_conversion`): orders that the history saw paid',
$$SELECT day, lifecycle, orders, paid, amount_paid FROM daily_conversion$$,
$$SELECT created_at::date, lifecycle, count(*), count(p.order_id), sum(amount_paid)
FROM orders o LEFT JOIN (SELECT DISTINCT order_id FROM order_history
	WHERE order_to IN ('paid', 'processed', 'partially_captured')) p ON p.order_id = o.id
GROUP BY created_at::date, lifecycle$$);
UPDATE question SET compared = 'kind, lifecycle, status, count' WHERE n = 1;

-- The statements that a query stands for.
CREATE FUNCTION statements(query text, keys text[]) RETURNS text[]
	LANGUAGE sql
AS $$
	SELECT CASE WHEN query LIKE '%:key:%'
		THEN array(SELECT replace(query, ':key:', quote_literal(k)) FROM unnest(keys) k)
		ELSE ARRAY[query] END;
$$;

-- Every row of the answer is formed and thrown away; so neither printing nor
-- writing is measured, and no column is left out.
CREATE FUNCTION seconds(query text, keys text[]) RETURNS double precision
	LANGUAGE plpgsql
AS $$
DECLARE
	each text[] := statements(query, keys);
	start timestamptz := clock_timestamp();
	one text;
	rows bigint;
BEGIN
	FOREACH one IN ARRAY each LOOP
		EXECUTE format('SELECT count(t) FROM (%s OFFSET 0) AS t', one) INTO rows;
	END LOOP;
	RETURN extract(epoch FROM clock_timestamp() - start);
END
$$;

-- How many workers the planner wants for it; what a function runs inside, no
-- plan shows.
CREATE FUNCTION workers(query text, keys text[]) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	line text;
	most integer := 0;
BEGIN
	IF query LIKE '%paystate.%_of(%' OR query LIKE '%paystate.verify(%' THEN
		RETURN '';
	END IF;
	FOR line IN EXECUTE format('EXPLAIN SELECT count(t) FROM (%s OFFSET 0) AS t', (statements(query, keys))[1]) LOOP
		most := greatest(most, substring(line FROM 'Workers Planned: (\d+)')::integer);
	END LOOP;
	RETURN most;
END
$$;

-- The same rows, in any order: their number and the sum of their hashes.
CREATE FUNCTION digest(query text, keys text[], compared text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	one text;
	part record;
	rows bigint := 0;
	sum numeric := 0;
BEGIN
	FOREACH one IN ARRAY statements(query, keys) LOOP
		EXECUTE format('SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)), 0) AS sum
			FROM (SELECT %s FROM (%s) AS q) AS t', compared, one) INTO part;
		rows := rows + part.rows;
		sum := sum + part.sum;
	END LOOP;
	RETURN format('%s rows, digest %s', rows, sum);
END
$$;
