-- events_refund: what an event says of one refund.

-- Where the gateway does not say of which payment it is: the one that has it
-- already, or the only payment of the order that it fits.  One that failed
-- needs no money that is left.
CREATE FUNCTION paystate.event_refunded_payment(tables pg_catalog.jsonb, shop_order pg_catalog.jsonb,
												refund pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_refunded_payment$
DECLARE
	refs	text[];
BEGIN
	IF refund ->> 'payment' IS NOT NULL THEN
		RETURN paystate.event_find_payment(tables, refund ->> 'payment');
	END IF;
	EXECUTE format($query$
		SELECT array_agg(f.ref)
		FROM (SELECT p.*, min(p.rank) OVER () AS best
			  FROM (SELECT p.%1$I::text AS ref, CASE
						WHEN EXISTS (SELECT FROM %8$s r WHERE r.%9$s AND r.%10$I = p.%11$I) THEN 1
						WHEN %5$s - %6$s - %7$s >= $2::numeric THEN 2
						WHEN $4 = 'failed' AND %5$s >= $2::numeric THEN 3 END AS rank
					FROM %2$s p WHERE p.%3$I = %4$s AND %5$s > 0) p) f
		WHERE f.rank = f.best$query$,
		tables #>> '{payments,ref}', tables #>> '{payments,name}', tables ->> 'order_id',
		paystate.event_value(tables, 'payments', tables ->> 'order_id', 1),
		paystate.event_subunits(tables, 'payments', 'amount_captured', 'p'),
		paystate.event_subunits(tables, 'payments', 'amount_refunded', 'p'),
		paystate.event_subunits(tables, 'payments', 'refund_pending', 'p'),
		tables #>> '{refunds,name}', paystate.event_row(tables, 'refunds', tables #>> '{refunds,ref}', 3, 1),
		tables ->> 'payment_id', tables #>> '{payments,key}')
	INTO refs USING shop_order ->> 'key', refund ->> 'amount', refund ->> 'id', refund ->> 'status';
	IF cardinality(refs) > 1 THEN
		RAISE EXCEPTION USING ERRCODE = '23PS4', MESSAGE = format(
			'refund "%s" may be of %s payments, and the event does not say which',
			refund ->> 'id', cardinality(refs));
	END IF;
	RETURN paystate.event_find_payment(tables, refs[1]);
END
$event_refunded_payment$;
COMMENT ON FUNCTION paystate.event_refunded_payment(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
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

CREATE FUNCTION paystate.event_has_captured(tables pg_catalog.jsonb, shop_order pg_catalog.jsonb)
	RETURNS pg_catalog.bool
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_has_captured$
DECLARE
	captured	boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s p WHERE p.%I = %s AND p.%s > 0)', tables #>> '{payments,name}',
		tables ->> 'order_id', paystate.event_value(tables, 'payments', tables ->> 'order_id', 1),
		paystate.event_column(tables, 'payments', 'amount_captured'))
	INTO captured USING shop_order ->> 'key';
	RETURN captured;
END
$event_has_captured$;
COMMENT ON FUNCTION paystate.event_has_captured(pg_catalog.jsonb, pg_catalog.jsonb) IS
	'whether any payment of the order was captured';

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

-- Does the inbox know, or the event say, that the refund came to nothing?
CREATE FUNCTION paystate.event_refund_failed(tables pg_catalog.jsonb, event pg_catalog.jsonb,
											 refund pg_catalog.jsonb)
	RETURNS pg_catalog.bool
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_refund_failed$
DECLARE
	failed	boolean;
BEGIN
	EXECUTE format($query$
		SELECT EXISTS (
			SELECT FROM %s e, jsonb_array_elements(paystate.event_normal(e.gateway, e.payload) -> 'refunds') r
			WHERE e.order_ref = $1 AND e.gateway = $2 AND e.outcome = 'stale'
				AND r ->> 'id' = $3 AND r ->> 'status' = 'failed')$query$, tables ->> 'inbox')
	INTO failed USING event #>> '{order,id}', event ->> 'gateway', refund ->> 'id';
	RETURN failed OR refund ->> 'status' = 'failed';
END
$event_refund_failed$;
COMMENT ON FUNCTION paystate.event_refund_failed(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'whether a refund is known to have failed';

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
	payment := paystate.event_refunded_payment(tables, shop_order, refund);
	stored := paystate.event_find_refund(tables, refund ->> 'id');
	IF refund ->> 'id' IS NULL OR refund ->> 'amount' IS NULL
			OR (target IN ('pending', 'processed', 'failed')) IS NOT TRUE THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_text_representation',
			MESSAGE = 'a refund needs an id, an amount and a status';
	ELSIF payment IS NULL AND paystate.event_has_captured(tables, shop_order) AND target <> 'processed'
			AND paystate.event_refund_failed(tables, event, refund) THEN
		RETURN 'stale';
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
