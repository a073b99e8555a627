-- events_payment: what an event says of one payment, made so by plain writes
-- that the guards judge.  The functions raise what refuses it.

CREATE FUNCTION paystate.event_find_payment(tables pg_catalog.jsonb, ref pg_catalog.text)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_find_payment$
DECLARE
	found_row	jsonb;
BEGIN
	EXECUTE format('SELECT jsonb_build_object(''key'', p.%I::text, ''order'', p.%I::text, ''amount'', %s,'
		' ''captured'', %s, ''refunded'', %s, ''pending'', %s, ''currency'', %s, ''status'', p.%s::text)'
		' FROM %s p WHERE p.%s',
		tables #>> '{payments,key}', tables ->> 'order_id', paystate.event_subunits(tables, 'payments', 'amount', 'p'),
		paystate.event_subunits(tables, 'payments', 'amount_captured', 'p'),
		paystate.event_subunits(tables, 'payments', 'amount_refunded', 'p'),
		paystate.event_subunits(tables, 'payments', 'refund_pending', 'p'),
		coalesce('p.' || paystate.event_column(tables, 'payments', 'currency'), 'NULL'),
		paystate.event_column(tables, 'payments', 'status'), tables #>> '{payments,name}',
		paystate.event_row(tables, 'payments', tables #>> '{payments,ref}', 1, 2))
	INTO found_row USING ref, tables ->> 'order_key';
	RETURN found_row || jsonb_build_object('status',
		paystate.event_label(tables, 'payments', found_row ->> 'status', false));
END
$event_find_payment$;
COMMENT ON FUNCTION paystate.event_find_payment(pg_catalog.jsonb, pg_catalog.text) IS
	'a payment by the gateway''s id, as it stands';

-- Shortest way of a payment by the rules.  It passes through no status that
-- is dead or returned: such a one it would not leave for another's sake.
-- In PL/pgSQL, which keeps its plans: SQL with settings is planned every time.
CREATE FUNCTION paystate.event_path(lifecycle pg_catalog.text, from_status pg_catalog.text,
									to_status pg_catalog.text)
	RETURNS pg_catalog.text[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_path$
BEGIN
	RETURN (
	WITH RECURSIVE edge AS (
		SELECT DISTINCT split_part(r.payment_event, '>', 1) AS a, split_part(r.payment_event, '>', 2) AS b
		FROM paystate.lifecycle_transition r
		WHERE r.lifecycle = event_path.lifecycle AND r.payment_event LIKE '%>%'
	), walk AS (
		SELECT from_status COLLATE "C" AS at, '{}'::text[] COLLATE "C" AS path
		UNION ALL
		SELECT e.b, w.path || e.b
		FROM walk w
		JOIN edge e ON e.a = w.at
		JOIN paystate.lifecycle_status s
			ON s.lifecycle = event_path.lifecycle AND s.kind = 'payment' AND s.label = e.b
		WHERE w.at <> to_status AND e.b <> from_status AND e.b <> ALL (w.path)
			AND (e.b = to_status OR s.role NOT IN ('dead', 'returned'))
	)
	SELECT w.path FROM walk w WHERE w.at = to_status ORDER BY cardinality(w.path), w.path LIMIT 1);
END
$event_path$;
COMMENT ON FUNCTION paystate.event_path(pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'the statuses that lead a payment from one to another, the last included; NULL: the rules know no way';

-- Was a payment made before what keeps its order from taking it, by the
-- gateway's clock?  That is another payment that came to anything, when it
-- first did, a refund, or the order's own end.  One that came to nothing and
-- of which nobody says when it was made was made in time, or the gateway had
-- not taken it.
CREATE FUNCTION paystate.event_came_late(tables pg_catalog.jsonb, event pg_catalog.jsonb,
										 payment pg_catalog.jsonb, lifecycle pg_catalog.text)
	RETURNS pg_catalog.bool
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_came_late$
DECLARE
	moment	timestamptz := coalesce(payment ->> 'created', payment ->> 'at', event ->> 'at');
	late	boolean := payment ->> 'created' IS NULL AND EXISTS (SELECT FROM paystate.lifecycle_status l
		WHERE l.lifecycle = event_came_late.lifecycle AND l.kind = 'payment'
			AND l.label = payment ->> 'status' AND l.role = 'dead');
BEGIN
	IF late THEN
		RETURN true;
	END IF;
	EXECUTE format($query$
		WITH said AS MATERIALIZED (
			SELECT e.occurred_at, paystate.event_normal(e.gateway, e.payload) AS event
			FROM %s e
			WHERE e.order_ref = $1 AND e.gateway = $2 AND e.outcome IN ('applied', 'unchanged', 'stale')
			UNION ALL
			SELECT ($3 ->> 'at')::timestamptz, $3
		)
		SELECT EXISTS (
			SELECT FROM said s
			CROSS JOIN jsonb_array_elements(s.event -> 'payments') p
			JOIN paystate.lifecycle_status l
				ON l.lifecycle = $6 AND l.kind = 'payment' AND l.label = p ->> 'status' AND l.role <> 'dead'
			WHERE p ->> 'id' <> $4
			GROUP BY p ->> 'id'
			HAVING min(coalesce((p ->> 'at')::timestamptz, s.occurred_at)) >= $5)
		OR EXISTS (SELECT FROM said s, jsonb_array_elements(s.event -> 'refunds') r
			WHERE r ->> 'status' = 'processed' AND s.occurred_at >= $5)
		OR EXISTS (SELECT FROM said s WHERE s.event #>> '{order,event}' IS NOT NULL AND s.occurred_at >= $5)
		$query$, tables ->> 'inbox')
	INTO late USING event #>> '{order,id}', event ->> 'gateway', event, payment ->> 'id', moment, lifecycle;
	RETURN late;
END
$event_came_late$;
COMMENT ON FUNCTION paystate.event_came_late(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text) IS
	'whether a payment was made before what is known of its order already';

-- As what a payment is inserted late: dead if that is what became of it, or
-- what became of all payments of a dead order; captured, if that was all it
-- came to before a refund moved the order; else as any.
CREATE FUNCTION paystate.event_late_status(lifecycle pg_catalog.text, payment pg_catalog.jsonb,
										   order_status pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_late_status$
BEGIN
	RETURN (
	SELECT s.label
	FROM paystate.lifecycle_status s
	LEFT JOIN paystate.lifecycle_status o
		ON o.lifecycle = s.lifecycle AND o.kind = 'order' AND o.label = order_status
	WHERE s.lifecycle = event_late_status.lifecycle AND s.kind = 'payment'
		AND (s.initial
			OR s.role = 'dead' AND (s.label = payment ->> 'status' OR o.role = 'dead' AND o.label = s.label)
			OR s.role = 'settled' AND s.label = payment ->> 'status' AND o.role = 'returned'
				AND coalesce(payment ->> 'captured', payment ->> 'amount')::numeric
					= (payment ->> 'amount')::numeric)
	ORDER BY s.initial, s.label = payment ->> 'status' DESC LIMIT 1);
END
$event_late_status$;
COMMENT ON FUNCTION paystate.event_late_status(pg_catalog.text, pg_catalog.jsonb, pg_catalog.text) IS
	'the status in which a payment is inserted that is told too late';

CREATE FUNCTION paystate.event_open_payment(tables pg_catalog.jsonb, event pg_catalog.jsonb,
											shop_order pg_catalog.jsonb, payment pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_open_payment$
DECLARE
	fields	jsonb := jsonb_strip_nulls(jsonb_build_object(
		tables #>> '{payments,ref}', payment ->> 'id',
		tables ->> 'order_id', shop_order ->> 'key',
		tables #>> '{payments,columns,amount}',
		paystate.event_units(tables, 'payments', 'amount', payment ->> 'amount')));
	status_now text;
	late_status text;
BEGIN
	-- An event that names the payment alone, as a refund does, has no order to
	-- lock yet: either it is in the inbox before us, and is tried again after
	-- us, or it finds the payment.
	PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', tables ->> 'inbox', payment ->> 'id'), 0));
	IF tables #> '{payments,columns,currency}' IS NOT NULL AND payment ->> 'currency' IS NOT NULL THEN
		fields := fields || jsonb_build_object(tables #>> '{payments,columns,currency}', payment -> 'currency');
	END IF;
	IF tables #> '{payments,columns,created_at}' IS NOT NULL AND payment ->> 'created' IS NOT NULL THEN
		fields := fields || jsonb_build_object(tables #>> '{payments,columns,created_at}', payment -> 'created');
	END IF;
	BEGIN
		EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)'
			' ON CONFLICT DO NOTHING', tables #>> '{payments,name}',
			(SELECT string_agg(quote_ident(k), ', ') FROM jsonb_object_keys(fields) k))
		USING fields;
	EXCEPTION WHEN SQLSTATE '23PS3' OR SQLSTATE '23PS4' THEN
		IF NOT coalesce(paystate.event_came_late(tables, event, payment,
				shop_order ->> 'lifecycle'), false) THEN
			RAISE;
		END IF;
		status_now := paystate.event_order_status(tables, shop_order);
		late_status := paystate.event_late_status(shop_order ->> 'lifecycle', payment, status_now);
		IF EXISTS (SELECT FROM paystate.lifecycle_status s WHERE s.lifecycle = shop_order ->> 'lifecycle'
				AND s.kind = 'payment' AND s.label = late_status AND s.role = 'settled') THEN
			fields := fields || jsonb_build_object(tables #>> '{payments,columns,amount_captured}',
				paystate.event_units(tables, 'payments', 'amount_captured', payment ->> 'amount'));
		END IF;
		PERFORM paystate.late_payment((tables #>> '{payments,oid}')::oid, fields || jsonb_build_object(
			tables #>> '{payments,columns,status}', paystate.event_label(tables, 'payments', late_status, true)));
	END;
END
$event_open_payment$;
COMMENT ON FUNCTION paystate.event_open_payment(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'inserts a payment of which an event is the first to tell';

CREATE FUNCTION paystate.event_check_payment(payment pg_catalog.jsonb, stored pg_catalog.jsonb,
											 shop_order pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_check_payment$
BEGIN
	IF stored ->> 'order' IS DISTINCT FROM shop_order ->> 'key' THEN
		RAISE EXCEPTION USING ERRCODE = '23PS6', MESSAGE = format(
			'payment "%s" belongs to another order than the event says', payment ->> 'id');
	ELSIF stored ->> 'currency' <> payment ->> 'currency' THEN
		RAISE EXCEPTION USING ERRCODE = '23PS5', MESSAGE = format(
			'payment "%s" has currency "%s", the event says "%s"', payment ->> 'id',
			stored ->> 'currency', payment ->> 'currency');
	ELSIF (stored ->> 'amount')::numeric <> (payment ->> 'amount')::numeric THEN
		RAISE EXCEPTION USING ERRCODE = '23PS4', MESSAGE = format(
			'payment "%s" has amount %s, the event says %s', payment ->> 'id',
			stored ->> 'amount', payment ->> 'amount');
	ELSIF stored ->> 'status' = payment ->> 'status'
			AND (stored ->> 'captured')::numeric <> (payment ->> 'captured')::numeric THEN
		RAISE EXCEPTION USING ERRCODE = '23PS4', MESSAGE = format(
			'payment "%s" was captured with %s, the event says %s', payment ->> 'id',
			stored ->> 'captured', payment ->> 'captured');
	END IF;
END
$event_check_payment$;
COMMENT ON FUNCTION paystate.event_check_payment(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'refuses what an event says of a payment when order, currency or amounts are not those of the row';

-- A statuses pair like failed and authorized may be walked either way in some
-- life cycles; then the gateway's clock says which came last.
CREATE FUNCTION paystate.event_is_older(tables pg_catalog.jsonb, event pg_catalog.jsonb,
										payment pg_catalog.jsonb)
	RETURNS pg_catalog.bool
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_is_older$
DECLARE
	newest	timestamptz;
BEGIN
	EXECUTE format($query$
		SELECT max(coalesce((p ->> 'at')::timestamptz, e.occurred_at))
		FROM %s e, jsonb_array_elements(paystate.event_normal(e.gateway, e.payload) -> 'payments') p
		WHERE (e.order_ref = $1 OR e.payment_ref = $2) AND e.gateway = $3 AND e.outcome = 'applied'
			AND p ->> 'id' = $2$query$, tables ->> 'inbox')
	INTO newest USING event #>> '{order,id}', payment ->> 'id', event ->> 'gateway';
	RETURN newest > coalesce(payment ->> 'at', event ->> 'at')::timestamptz;
END
$event_is_older$;
COMMENT ON FUNCTION paystate.event_is_older(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'whether something that was applied to the payment happened after the event';

CREATE FUNCTION paystate.event_step(tables pg_catalog.jsonb, stored pg_catalog.jsonb,
									to_status pg_catalog.text, captured pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_step$
DECLARE
	moved	bigint;
BEGIN
	EXECUTE format('UPDATE %s SET %s = %s%s WHERE %s', tables #>> '{payments,name}',
		paystate.event_column(tables, 'payments', 'status'),
		paystate.event_value(tables, 'payments', tables #>> '{payments,columns,status}', 2),
		CASE WHEN captured IS NOT NULL THEN format(', %s = $3',
			paystate.event_column(tables, 'payments', 'amount_captured')) END,
		paystate.event_row(tables, 'payments', tables #>> '{payments,key}', 1, 4))
	USING stored ->> 'key', paystate.event_label(tables, 'payments', to_status, true),
		paystate.event_units(tables, 'payments', 'amount_captured', captured), tables ->> 'order_key';
	GET DIAGNOSTICS moved = ROW_COUNT;
	IF moved <> 1 THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8', MESSAGE = format(
			'update on table "%s" was suppressed', tables #>> '{payments,name}');
	END IF;
END
$event_step$;
COMMENT ON FUNCTION paystate.event_step(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text, pg_catalog.text) IS
	'one move of a payment';

-- "refunded" of a captured payment is a refund of the rest, under a name that
-- tells it from the gateway's own; what the event of one says is not counted
-- twice then.  What was never captured goes back by the move alone, and so
-- does all where there is no table of refunds.
CREATE FUNCTION paystate.event_refund_rest(tables pg_catalog.jsonb, stored pg_catalog.jsonb,
										   payment pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_refund_rest$
BEGIN
	IF (stored ->> 'captured')::numeric = 0 OR tables #> '{refunds,name}' IS NULL THEN
		PERFORM paystate.event_step(tables, stored, 'refunded', NULL);
		RETURN;
	END IF;
	PERFORM paystate.event_write_refund(tables, stored, jsonb_build_object('id', 'rest_of_' || (payment ->> 'id'),
		'amount', (stored ->> 'captured')::numeric - (stored ->> 'refunded')::numeric), 'processed');
END
$event_refund_rest$;
COMMENT ON FUNCTION paystate.event_refund_rest(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'gives back the rest of a payment';

-- Returns applied, unchanged or stale.
CREATE FUNCTION paystate.event_move_payment(tables pg_catalog.jsonb, event pg_catalog.jsonb,
											shop_order pg_catalog.jsonb, payment pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_move_payment$
DECLARE
	stored	jsonb := paystate.event_find_payment(tables, payment ->> 'id');
	target	text := payment ->> 'status';
	opened	boolean := stored IS NULL;
	cycle	text := coalesce(shop_order ->> 'lifecycle', tables #>> '{payments,lifecycle}');
	path	text[];
	step	text;
BEGIN
	IF opened THEN
		PERFORM paystate.event_open_payment(tables, event, shop_order, payment);
		stored := paystate.event_find_payment(tables, payment ->> 'id');
	END IF;
	PERFORM paystate.event_check_payment(payment, stored, shop_order);
	IF stored ->> 'status' = target THEN
		RETURN CASE WHEN opened THEN 'applied' ELSE 'unchanged' END;
	END IF;
	path := paystate.event_path(cycle, stored ->> 'status', target);
	-- through: a captured payment goes back as a captured one
	IF payment ->> 'through' = 'captured' AND stored ->> 'status' <> 'captured' AND target = 'refunded' THEN
		path := paystate.event_path(cycle, stored ->> 'status', 'captured') || target;
	END IF;
	IF path IS NULL OR (paystate.event_path(cycle, target, stored ->> 'status') IS NOT NULL
						AND paystate.event_is_older(tables, event, payment)) THEN
		IF NOT opened AND paystate.event_path(cycle, target, stored ->> 'status') IS NOT NULL THEN
			RETURN 'stale';
		ELSIF opened AND EXISTS (SELECT FROM paystate.lifecycle_status s
				WHERE s.lifecycle = cycle AND s.kind = 'payment' AND s.role = 'dead'
					AND s.label = stored ->> 'status') THEN
			RETURN 'applied';
		END IF;
		RAISE EXCEPTION USING ERRCODE = '23PS1', MESSAGE = format(
			'payment "%s" cannot move from "%s" to "%s" by life cycle "%s"',
			payment ->> 'id', stored ->> 'status', target, cycle);
	END IF;
	FOREACH step IN ARRAY path LOOP
		stored := paystate.event_find_payment(tables, payment ->> 'id');
		IF step = 'refunded' THEN
			PERFORM paystate.event_refund_rest(tables, stored, payment);
		ELSE
			PERFORM paystate.event_step(tables, stored, step,
				CASE WHEN step = target AND payment ->> 'captured' <> stored ->> 'amount'
					THEN payment ->> 'captured' END);
		END IF;
	END LOOP;
	RETURN 'applied';
END
$event_move_payment$;
COMMENT ON FUNCTION paystate.event_move_payment(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'makes of one payment what an event says of it, by the steps in between that its life cycle demands';
