-- events_refund: what an event says of one refund.

-- A refund that is written stays with its payment, and what is told later must
-- not show that it is another's.  So where the gateway does not say of which
-- payment it is, that is the only one of the order that it can be of, whatever
-- else may come: one that the event lists, where it lists any, with enough left
-- of what was captured.  What was given back is not left; but room that a refund
-- which may yet fail, or has, found when it was made may have been given back
-- since.  Nothing listed, a payment of what is not captured yet may be meant.
CREATE FUNCTION paystate.event_refunded_payment(tables pg_catalog.jsonb, event pg_catalog.jsonb,
												shop_order pg_catalog.jsonb, refund pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_refunded_payment$
DECLARE
	listed	text[] := ARRAY(SELECT p ->> 'id' FROM jsonb_array_elements(event -> 'payments') p);
	made_at	text := CASE WHEN tables -> 'refunds' -> 'types' ->> (tables #>> '{refunds,columns,created_at}') ~ '^timestamp'
		THEN paystate.event_column(tables, 'refunds', 'created_at') END;
	has_it	text;
	refs	text[];
	unpaid	numeric;
BEGIN
	IF refund ->> 'payment' IS NOT NULL THEN
		RETURN paystate.event_find_payment(tables, refund ->> 'payment');
	END IF;
	EXECUTE format($query$
		SELECT min(l.ref) FILTER (WHERE EXISTS (SELECT FROM %1$s r WHERE r.%2$s AND r.%3$I = l.key)),
			coalesce(array_agg(l.ref) FILTER (WHERE (l.ref = ANY ($5) OR $5 = '{}')
				AND l.captured - l.refunded + coalesce(since.amount, 0) >= $2::numeric), '{}'),
			CASE $5 WHEN '{}' THEN $6::numeric - coalesce(sum(l.amount), 0) ELSE 0 END
		FROM (SELECT p.%4$I AS key, p.%5$I::text AS ref, %6$s AS amount, %7$s AS captured, %8$s AS refunded
			FROM %9$s p WHERE p.%10$I = %11$s) l
		CROSS JOIN LATERAL (SELECT sum(%12$s) AS amount FROM %1$s r
			WHERE r.%3$I = l.key%13$s AND r.%14$s::text = $8 AND $4 <> 'processed' AND %15$s >= $7) since
		WHERE l.captured > 0$query$,
		tables #>> '{refunds,name}', paystate.event_row(tables, 'refunds', tables #>> '{refunds,ref}', 3, 1),
		tables ->> 'payment_id', tables #>> '{payments,key}', tables #>> '{payments,ref}',
		paystate.event_subunits(tables, 'payments', 'amount', 'p'),
		paystate.event_subunits(tables, 'payments', 'amount_captured', 'p'),
		paystate.event_subunits(tables, 'payments', 'amount_refunded', 'p'),
		tables #>> '{payments,name}', tables ->> 'order_id',
		paystate.event_value(tables, 'payments', tables ->> 'order_id', 1),
		paystate.event_subunits(tables, 'refunds', 'amount', 'r'),
		CASE WHEN tables #>> '{refunds,shard}' IS NOT NULL THEN format(' AND r.%I = %s', tables #>> '{refunds,shard}',
			paystate.event_value(tables, 'refunds', tables #>> '{refunds,shard}', 1)) END,
		paystate.event_column(tables, 'refunds', 'status'), coalesce('r.' || made_at || '::timestamptz', 'NULL'))
	INTO has_it, refs, unpaid
	USING shop_order ->> 'key', refund ->> 'amount', refund ->> 'id', refund ->> 'status', listed,
		shop_order ->> 'amount', (refund ->> 'created')::timestamptz,
		paystate.event_label(tables, 'refunds', 'processed', true);
	IF has_it IS NOT NULL THEN
		RETURN paystate.event_find_payment(tables, has_it);
	ELSIF cardinality(refs) > 1 THEN
		RAISE EXCEPTION USING ERRCODE = '23PS4', MESSAGE = format(
			'refund "%s" may be of %s payments, and the event does not say which',
			refund ->> 'id', cardinality(refs));
	ELSIF cardinality(refs) = 1 AND unpaid >= (refund ->> 'amount')::numeric THEN
		RAISE EXCEPTION USING ERRCODE = '23PS4', MESSAGE = format(
			'refund "%s" may be of payment "%s" or of one that is not captured here, and the event does not say which',
			refund ->> 'id', refs[1]);
	END IF;
	RETURN paystate.event_find_payment(tables, refs[1]);
END
$event_refunded_payment$;
COMMENT ON FUNCTION paystate.event_refunded_payment(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'the payment that a refund gives back';

CREATE FUNCTION paystate.event_write_refund(tables pg_catalog.jsonb, stored pg_catalog.jsonb,
											refund pg_catalog.jsonb, status pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_write_refund$
DECLARE
	fields	jsonb := jsonb_build_object(
		tables #>> '{refunds,ref}', refund ->> 'id',
		tables ->> 'payment_id', stored ->> 'key',
		tables #>> '{refunds,columns,amount}',
		paystate.event_units(tables, 'refunds', 'amount', refund ->> 'amount'));
BEGIN
	IF tables #> '{refunds,columns,status}' IS NOT NULL THEN
		fields := fields || jsonb_build_object(tables #>> '{refunds,columns,status}',
			paystate.event_label(tables, 'refunds', status, true));
	END IF;
	IF tables #>> '{refunds,shard}' IS NOT NULL THEN
		fields := fields || jsonb_build_object(tables #>> '{refunds,shard}', tables -> 'order_key');
	END IF;
	IF tables #> '{refunds,columns,created_at}' IS NOT NULL AND refund ->> 'created' IS NOT NULL THEN
		fields := fields || jsonb_build_object(tables #>> '{refunds,columns,created_at}', refund -> 'created');
	END IF;
	-- what failed gives nothing back and needs nothing that is left
	IF status = 'failed' THEN
		PERFORM paystate.late_refund((tables #>> '{refunds,oid}')::oid, fields);
		RETURN;
	END IF;
	EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)',
		tables #>> '{refunds,name}',
		(SELECT string_agg(quote_ident(k), ', ') FROM jsonb_object_keys(fields) k))
	USING fields;
END
$event_write_refund$;
COMMENT ON FUNCTION paystate.event_write_refund(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text) IS
	'inserts a refund';

CREATE FUNCTION paystate.event_settle_refund(tables pg_catalog.jsonb, refund pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_settle_refund$
BEGIN
	EXECUTE format('UPDATE %s SET %s = %s WHERE %s', tables #>> '{refunds,name}',
		paystate.event_column(tables, 'refunds', 'status'),
		paystate.event_value(tables, 'refunds', tables #>> '{refunds,columns,status}', 2),
		paystate.event_row(tables, 'refunds', tables #>> '{refunds,ref}', 1, 3))
	USING refund ->> 'id', paystate.event_label(tables, 'refunds', refund ->> 'status', true), tables ->> 'order_key';
END
$event_settle_refund$;
COMMENT ON FUNCTION paystate.event_settle_refund(pg_catalog.jsonb, pg_catalog.jsonb) IS
	'moves a pending refund to where an event says it is';

CREATE FUNCTION paystate.event_find_refund(tables pg_catalog.jsonb, ref pg_catalog.text)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_find_refund$
DECLARE
	found_row	jsonb;
BEGIN
	EXECUTE format('SELECT jsonb_build_object(''payment'', r.%I::text, ''amount'', %s, ''status'', r.%s::text)'
		' FROM %s r WHERE r.%s', tables ->> 'payment_id',
		paystate.event_subunits(tables, 'refunds', 'amount', 'r'), paystate.event_column(tables, 'refunds', 'status'),
		tables #>> '{refunds,name}', paystate.event_row(tables, 'refunds', tables #>> '{refunds,ref}', 1, 2))
	INTO found_row USING ref, tables ->> 'order_key';
	RETURN found_row || jsonb_build_object('status',
		paystate.event_label(tables, 'refunds', found_row ->> 'status', false));
END
$event_find_refund$;
COMMENT ON FUNCTION paystate.event_find_refund(pg_catalog.jsonb, pg_catalog.text) IS
	'a refund by the gateway''s id, as it stands';

-- What was never captured: the payment itself says all that there is to say.
CREATE FUNCTION paystate.event_auto_refund(tables pg_catalog.jsonb, payment pg_catalog.jsonb,
										   refund pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_auto_refund$
BEGIN
	IF (payment ->> 'amount')::numeric <> (refund ->> 'amount')::numeric THEN
		RAISE EXCEPTION USING ERRCODE = '23PS4', MESSAGE = format(
			'refund "%s" of %s is not the whole of a payment of %s that was never captured',
			refund ->> 'id', refund ->> 'amount', payment ->> 'amount');
	ELSIF payment ->> 'status' = 'refunded' THEN
		RETURN CASE refund ->> 'status' WHEN 'processed' THEN 'unchanged' ELSE 'stale' END;
	ELSIF refund ->> 'status' <> 'processed' THEN
		RETURN 'unchanged';
	END IF;
	PERFORM paystate.event_step(tables, payment, 'refunded', NULL);
	RETURN 'applied';
END
$event_auto_refund$;
COMMENT ON FUNCTION paystate.event_auto_refund(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'gives back a payment that was authorized and never captured';

-- The first that is told of a refund.
CREATE FUNCTION paystate.event_open_refund(tables pg_catalog.jsonb, payment pg_catalog.jsonb,
										   refund pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_open_refund$
BEGIN
	IF refund ->> 'status' <> 'failed'
			AND paystate.event_find_refund(tables, 'rest_of_' || (refund ->> 'payment')) IS NOT NULL THEN
		RETURN 'stale';
	END IF;
	PERFORM paystate.event_write_refund(tables, payment, refund, refund ->> 'status');
	RETURN 'applied';
END
$event_open_refund$;
COMMENT ON FUNCTION paystate.event_open_refund(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'inserts a refund of which an event is the first to tell';

-- Returns applied, unchanged or stale.
CREATE FUNCTION paystate.event_move_refund(tables pg_catalog.jsonb, event pg_catalog.jsonb,
										   shop_order pg_catalog.jsonb, refund pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_move_refund$
DECLARE
	payment	jsonb;
	stored	jsonb;
	target	text := refund ->> 'status';
BEGIN
	IF tables #>> '{refunds,columns,status}' IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = '23PS1', MESSAGE = format(
			'refund "%s" cannot be kept: payments of table "%s" have no refunds with a status',
			refund ->> 'id', tables #>> '{payments,name}');
	END IF;
	payment := paystate.event_refunded_payment(tables, event, shop_order, refund);
	stored := paystate.event_find_refund(tables, refund ->> 'id');
	IF refund ->> 'id' IS NULL OR refund ->> 'amount' IS NULL
			OR (target IN ('pending', 'processed', 'failed')) IS NOT TRUE THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_text_representation',
			MESSAGE = 'a refund needs an id, an amount and a status';
	ELSIF payment IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = '23PS1', MESSAGE = format(
			'refund "%s" is of a payment that is not captured here', refund ->> 'id');
	ELSIF refund ->> 'currency' <> payment ->> 'currency' THEN
		RAISE EXCEPTION USING ERRCODE = '23PS5', MESSAGE = format(
			'payment has currency "%s", the refund "%s"', payment ->> 'currency', refund ->> 'currency');
	ELSIF (payment ->> 'captured')::numeric = 0
			AND ((refund -> 'auto')::boolean OR payment ->> 'status' = 'refunded') THEN
		RETURN paystate.event_auto_refund(tables, payment, refund);
	ELSIF stored ->> 'payment' <> payment ->> 'key'
			OR (stored ->> 'amount')::numeric <> (refund ->> 'amount')::numeric THEN
		RAISE EXCEPTION USING ERRCODE = '23PS4', MESSAGE = format(
			'refund "%s" is of another payment or amount than the event says', refund ->> 'id');
	ELSIF stored ->> 'status' = target THEN
		RETURN 'unchanged';
	ELSIF stored ->> 'status' <> 'pending' AND target = 'pending' THEN
		RETURN 'stale';
	ELSIF stored ->> 'status' <> 'pending' THEN
		RAISE EXCEPTION USING ERRCODE = '23PS1', MESSAGE = format(
			'refund "%s" is "%s" and cannot become "%s"', refund ->> 'id', stored ->> 'status', target);
	ELSIF stored IS NULL THEN
		RETURN paystate.event_open_refund(tables, payment, refund);
	END IF;
	PERFORM paystate.event_settle_refund(tables, refund);
	RETURN 'applied';
END
$event_move_refund$;
COMMENT ON FUNCTION paystate.event_move_refund(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'makes of one refund what an event says of it';
