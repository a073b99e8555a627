-- views: what analysts ask most, beside the tables of a shop.  The views belong
-- to whoever makes them and read as he does, so that SELECT on a view is all
-- that its reader needs.

-- The text of a view names its tables and is otherwise the same everywhere.
-- Times are percentiles over seconds: sorting those is cheaper than sorting
-- intervals, and one sort serves them all.
CREATE FUNCTION paystate.create_views(schema pg_catalog.name)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
	SET search_path = pg_catalog, pg_temp
AS $create_views$
DECLARE
	item	record;
BEGIN
	-- A stay has ended where the history says since when it had lasted.  One
	-- pass over the history and one join serve all statuses.
	EXECUTE format($ddl$
		CREATE VIEW %1$I.time_in_status AS
		SELECT x.kind, t.lifecycle, s.role, x.status, x.count,
			justify_hours(make_interval(secs => x.median)) AS median,
			justify_hours(make_interval(secs => x.p90)) AS p90,
			justify_hours(make_interval(secs => x.p99)) AS p99,
			justify_hours(make_interval(secs => x.max)) AS max
		FROM (
			SELECT o.lifecycle,
				paystate.stays(h.order_from, h.order_to, h.at, h.order_since) AS orders,
				paystate.stays(h.payment_from, h.payment_to, h.at, h.payment_since) AS payments
			FROM %1$I.order_history h
			JOIN %1$I.orders o ON o.id = h.order_id
			GROUP BY o.lifecycle
		) t
		CROSS JOIN LATERAL (
			SELECT 'order'::text AS kind, u.* FROM unnest(t.orders) u
			UNION ALL
			SELECT 'payment'::text AS kind, u.* FROM unnest(t.payments) u
		) x
		LEFT JOIN paystate.lifecycle_status s
			ON s.lifecycle = t.lifecycle AND s.kind = x.kind AND s.label = x.status
		ORDER BY x.kind, t.lifecycle COLLATE "C", x.count DESC, x.status$ddl$,
		schema);

	EXECUTE format($ddl$
		CREATE VIEW %1$I.status_funnel AS
		WITH entered AS MATERIALIZED (
			SELECT v.lifecycle, u.status, sum(u.count)::bigint AS orders
			FROM (
				SELECT o.lifecycle, paystate.visits(h.order_to, o.tableoid, o.ctid) AS visits
				FROM %1$I.order_history h
				JOIN %1$I.orders o ON o.id = h.order_id
				WHERE h.order_from IS DISTINCT FROM h.order_to
				GROUP BY o.lifecycle
			) v
			CROSS JOIN LATERAL unnest(v.visits) u
			GROUP BY v.lifecycle, u.status
		), everyone AS MATERIALIZED (
			SELECT o.lifecycle, count(*) AS orders
			FROM %1$I.orders o
			GROUP BY o.lifecycle
		)
		SELECT a.lifecycle, s.role, s.label::text COLLATE "default" AS status,
			coalesce(r.orders, 0) AS orders,
			round(coalesce(r.orders, 0)::numeric / a.orders, 4) AS share
		FROM everyone a
		JOIN paystate.lifecycle_status s ON s.lifecycle = a.lifecycle AND s.kind = 'order'
		LEFT JOIN entered r ON r.lifecycle = a.lifecycle AND r.status = s.label
		ORDER BY a.lifecycle, coalesce(r.orders, 0) DESC, s.label$ddl$,
		schema);

	-- an order whose attempts have all failed waits for a late authorization
	-- at most; one that money is held for, for its capture
	EXECUTE format($ddl$
		CREATE VIEW %1$I.stuck_orders AS
		SELECT w.order_id, w.lifecycle, w.role, w.status, w.status_since,
			w.stuck_for, w.expected, w.attempts, w.amount_due
		FROM (
			SELECT o.id AS order_id, o.lifecycle, s.role, o.status::text AS status,
				o.status_since, now() - o.status_since AS stuck_for,
				coalesce(
					CASE WHEN s.role = 'held' OR o.amount_authorized > 0
						THEN l.authorization_expires END,
					l.order_expires,
					CASE WHEN o.attempts > 0 AND o.payments_open = 0
						THEN l.late_window END,
					(SELECT coalesce(
						nullif(current_setting('paystate.stuck_after', true), '')::interval,
						'24 hours'::interval))) AS expected,
				o.attempts::bigint AS attempts, o.amount_due
			FROM %1$I.orders o
			JOIN paystate.lifecycle l ON l.name = o.lifecycle
			JOIN paystate.lifecycle_status s
				ON s.lifecycle = o.lifecycle AND s.kind = 'order' AND s.label = o.status::text
			WHERE s.role IN ('open', 'held') AND NOT s.terminal
		) w
		WHERE w.stuck_for > w.expected$ddl$,
		schema);

	-- sums of different currencies would mean nothing
	EXECUTE format($ddl$
		CREATE VIEW %1$I.daily_conversion AS
		SELECT o.created_at::date AS day, o.lifecycle, o.currency,
			count(*) AS orders,
			count(*) FILTER (WHERE s.role IN ('settled', 'returned')) AS paid,
			round(count(*) FILTER (WHERE s.role IN ('settled', 'returned'))::numeric
				/ count(*), 4) AS conversion,
			sum(o.amount_paid) AS amount_paid
		FROM %1$I.orders o
		LEFT JOIN paystate.lifecycle_status s
			ON s.lifecycle = o.lifecycle AND s.kind = 'order' AND s.label = o.status::text
		GROUP BY o.created_at::date, o.lifecycle, o.currency
		ORDER BY o.created_at::date, o.lifecycle, o.currency$ddl$,
		schema);

	EXECUTE format($ddl$
		CREATE VIEW %1$I.order_attempts AS
		SELECT o.lifecycle, o.attempts::bigint AS attempts, count(*) AS orders,
			count(*) FILTER (WHERE s.role IN ('settled', 'returned')) AS paid
		FROM %1$I.orders o
		LEFT JOIN paystate.lifecycle_status s
			ON s.lifecycle = o.lifecycle AND s.kind = 'order' AND s.label = o.status::text
		GROUP BY o.lifecycle, o.attempts
		ORDER BY o.lifecycle, o.attempts$ddl$,
		schema);

	FOR item IN
		SELECT c.view_name, c.column_name, c.about
		FROM (VALUES
			('time_in_status', NULL, 'how long orders and payments stayed in each status they have left'),
			('time_in_status', 'kind', 'whose status it is: "order" or "payment"'),
			('time_in_status', 'lifecycle', 'life cycle of the orders'),
			('time_in_status', 'role', 'what the status means for money: open, held, settled, returned or dead'),
			('time_in_status', 'status', 'the status that was left'),
			('time_in_status', 'count', 'number of stays that have ended; those that last are not counted'),
			('time_in_status', 'median', 'half of the stays were no longer than this'),
			('time_in_status', 'p90', 'nine of ten stays were no longer than this'),
			('time_in_status', 'p99', '99 of 100 stays were no longer than this'),
			('time_in_status', 'max', 'the longest stay'),
			('status_funnel', NULL, 'how many orders ever entered each status of their life cycle, by their history'),
			('status_funnel', 'lifecycle', 'life cycle of the orders'),
			('status_funnel', 'role', 'what the status means for money: open, held, settled, returned or dead'),
			('status_funnel', 'status', 'the status; also one that no order has entered'),
			('status_funnel', 'orders', 'number of orders that entered it, once or more often'),
			('status_funnel', 'share', 'orders as a part of all orders of the life cycle, from 0 to 1'),
			('stuck_orders', NULL, 'orders without an outcome that have stood still for longer than expected'),
			('stuck_orders', 'order_id', 'the order'),
			('stuck_orders', 'lifecycle', 'life cycle of the order'),
			('stuck_orders', 'role', 'what the status means for money: open or held'),
			('stuck_orders', 'status', 'the status in which it stands'),
			('stuck_orders', 'status_since', 'when it entered the status'),
			('stuck_orders', 'stuck_for', 'how long it has stood there'),
			('stuck_orders', 'expected', 'how long at most was expected: authorization_expires where money is held, else order_expires, else late_window where all attempts have failed; where the life cycle has none, the setting paystate.stuck_after, or 24 hours'),
			('stuck_orders', 'attempts', 'payment attempts so far'),
			('stuck_orders', 'amount_due', 'what is still to be paid, in the currency''s subunit'),
			('daily_conversion', NULL, 'orders by the day of their creation, and how many of them came to be paid'),
			('daily_conversion', 'day', 'day on which the orders were created, in the session''s time zone'),
			('daily_conversion', 'lifecycle', 'life cycle of the orders'),
			('daily_conversion', 'currency', 'ISO code of their currency'),
			('daily_conversion', 'orders', 'number of orders created'),
			('daily_conversion', 'paid', 'how many of them are settled by now, whether refunded since or not'),
			('daily_conversion', 'conversion', 'paid as a part of orders, from 0 to 1'),
			('daily_conversion', 'amount_paid', 'captured so far on all of these orders, in the currency''s subunit; refunds do not lower it'),
			('order_attempts', NULL, 'how many attempts orders took'),
			('order_attempts', 'lifecycle', 'life cycle of the orders'),
			('order_attempts', 'attempts', 'payment attempts as the life cycle counts them'),
			('order_attempts', 'orders', 'number of orders with just so many attempts'),
			('order_attempts', 'paid', 'how many of them are settled by now, whether refunded since or not')
			) AS c (view_name, column_name, about)
	LOOP
		IF item.column_name IS NULL THEN
			EXECUTE format('COMMENT ON VIEW %I.%I IS %L',
						   schema, item.view_name, item.about);
		ELSE
			EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L',
						   schema, item.view_name, item.column_name, item.about);
		END IF;
	END LOOP;
END
$create_views$;
COMMENT ON FUNCTION paystate.create_views(pg_catalog.name) IS
	'creates the views time_in_status, status_funnel, stuck_orders, daily_conversion and order_attempts beside the tables of a schema; they belong to the caller, and create_tables has made them already';
