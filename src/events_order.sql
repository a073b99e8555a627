-- events_order: the order that an event is about, and what is said of it.

-- The order that an event is about, locked.  Where the event does not name
-- it, its payment may.  NULL: it is about none.
CREATE FUNCTION paystate.event_lock_order(tables pg_catalog.jsonb, event pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_lock_order$
DECLARE
	ref		text := event #>> '{order,id}';
	payment_ref text := coalesce(event #>> '{payments,0,id}', event #>> '{refunds,0,payment}');
	payment	jsonb;
	locked	jsonb;
BEGIN
	-- payments that are kept by order are not looked for in all of them
	IF ref IS NULL AND tables #>> '{payments,shard}' IS NOT NULL THEN
		RETURN NULL;
	ELSIF ref IS NULL THEN
		payment := paystate.event_find_payment(tables, payment_ref);
	END IF;
	-- whoever inserts that payment now waits, or is waited for: see event_open_payment()
	IF ref IS NULL AND payment IS NULL AND payment_ref IS NOT NULL THEN
		PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', tables ->> 'inbox', payment_ref), 0));
		payment := paystate.event_find_payment(tables, payment_ref);
	END IF;
	IF ref IS NULL AND payment ->> 'order' IS NULL THEN
		RETURN NULL;
	END IF;
	EXECUTE format('SELECT jsonb_build_object(''key'', o.%I::text, ''ref'', o.%I::text, ''amount'', %s,'
		' ''lifecycle'', %s, ''currency'', %s) FROM %s o WHERE o.%I = %s FOR NO KEY UPDATE',
		tables #>> '{orders,key}', tables #>> '{orders,ref}',
		paystate.event_subunits(tables || jsonb_build_object('unit', format('power(10::numeric, %s)', coalesce(
			'coalesce(paystate.currency_exponent(o.' || paystate.event_column(tables, 'orders', 'currency')
			|| '::text), 2)', '2'))), 'orders', 'amount', 'o'),
		coalesce('o.' || paystate.event_column(tables, 'orders', 'lifecycle'),
				 quote_nullable(tables #>> '{orders,lifecycle}')),
		coalesce('o.' || paystate.event_column(tables, 'orders', 'currency'), 'NULL'),
		tables #>> '{orders,name}',
		tables #>> ARRAY['orders', CASE WHEN ref IS NULL THEN 'key' ELSE 'ref' END],
		paystate.event_value(tables, 'orders',
			tables #>> ARRAY['orders', CASE WHEN ref IS NULL THEN 'key' ELSE 'ref' END], 1))
	INTO locked USING coalesce(ref, payment ->> 'order');
	RETURN coalesce(locked, '{}');
END
$event_lock_order$;
COMMENT ON FUNCTION paystate.event_lock_order(pg_catalog.jsonb, pg_catalog.jsonb) IS
	'locks the order of an event; an empty object when there is none of that name';

CREATE FUNCTION paystate.event_order_status(tables pg_catalog.jsonb, shop_order pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_order_status$
DECLARE
	status	text;
BEGIN
	EXECUTE format('SELECT o.%s::text FROM %s o WHERE o.%I = %s',
		paystate.event_column(tables, 'orders', 'status'), tables #>> '{orders,name}', tables #>> '{orders,key}',
		paystate.event_value(tables, 'orders', tables #>> '{orders,key}', 1))
	INTO status USING shop_order ->> 'key';
	RETURN paystate.event_label(tables, 'orders', status, false);
END
$event_order_status$;
COMMENT ON FUNCTION paystate.event_order_status(pg_catalog.jsonb, pg_catalog.jsonb) IS
	'the status of an order now';

-- Before anything is written: is it the order that the event means?
CREATE FUNCTION paystate.event_check_order(gateway pg_catalog.text, event pg_catalog.jsonb,
										   shop_order pg_catalog.jsonb, lifecycle pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_check_order$
DECLARE
	words	text[] := CASE gateway WHEN 'plural' THEN '{processed,cancelled}' ELSE '{captured,refunded}' END;
BEGIN
	IF shop_order = '{}' THEN
		RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', MESSAGE = format(
			'order "%s" does not exist', event #>> '{order,id}');
	ELSIF (SELECT count(*) FROM paystate.lifecycle_status s WHERE s.lifecycle = event_check_order.lifecycle
			AND s.kind = 'payment' AND s.label = ANY (words)) < cardinality(words) THEN
		RAISE EXCEPTION USING ERRCODE = '23PS1', MESSAGE = format(
			'life cycle "%s" of the order is not one of gateway "%s"', lifecycle, gateway);
	ELSIF shop_order ->> 'currency' <> event #>> '{order,currency}' THEN
		RAISE EXCEPTION USING ERRCODE = '23PS5', MESSAGE = format(
			'order "%s" has currency "%s", the event says "%s"', shop_order ->> 'ref',
			shop_order ->> 'currency', event #>> '{order,currency}');
	ELSIF (shop_order ->> 'amount')::numeric <> (event #>> '{order,amount}')::numeric THEN
		RAISE EXCEPTION USING ERRCODE = '23PS4', MESSAGE = format(
			'order "%s" has amount %s, the event says %s', shop_order ->> 'ref',
			shop_order ->> 'amount', event #>> '{order,amount}');
	ELSIF EXISTS (SELECT FROM jsonb_array_elements(event -> 'payments') p
			WHERE p ->> 'order' <> event #>> '{order,id}') THEN
		RAISE EXCEPTION USING ERRCODE = '23PS6', MESSAGE = 'a payment of the event belongs to another order';
	ELSIF EXISTS (SELECT FROM jsonb_array_elements(event -> 'payments') p
			WHERE p ->> 'id' IS NULL OR p ->> 'status' IS NULL) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_text_representation',
			MESSAGE = 'a payment needs an id and a status of the gateway';
	END IF;
END
$event_check_order$;
COMMENT ON FUNCTION paystate.event_check_order(pg_catalog.text, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text) IS
	'refuses an event that is not about the order as it stands in the table';

-- Where no rule lets the order itself end so, as from authorized to failed,
-- one of its payments does it.
CREATE FUNCTION paystate.event_order_may(tables pg_catalog.jsonb, event pg_catalog.jsonb,
										 shop_order pg_catalog.jsonb)
	RETURNS pg_catalog.bool
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_order_may$
DECLARE
	status	text := paystate.event_order_status(tables, shop_order);
BEGIN
	RETURN EXISTS (SELECT FROM paystate.lifecycle_transition r
		WHERE r.lifecycle = shop_order ->> 'lifecycle' AND r.order_before = status
			AND r.payment_event = CASE event #>> '{order,event}' WHEN 'cancelled' THEN 'order:cancel'
				ELSE 'order:fail' END);
END
$event_order_may$;
COMMENT ON FUNCTION paystate.event_order_may(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'whether a rule lets the order be cancelled or failed as it stands';

-- Cancelled or failed: the order's own event takes its payments along.
CREATE FUNCTION paystate.event_move_order(tables pg_catalog.jsonb, event pg_catalog.jsonb,
										  shop_order pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_move_order$
BEGIN
	IF paystate.event_order_status(tables, shop_order) = event #>> '{order,event}' THEN
		RETURN 'unchanged';
	END IF;
	EXECUTE format('UPDATE %s SET %s = %s WHERE %I = %s', tables #>> '{orders,name}',
		paystate.event_column(tables, 'orders', 'status'),
		paystate.event_value(tables, 'orders', tables #>> '{orders,columns,status}', 2),
		tables #>> '{orders,key}', paystate.event_value(tables, 'orders', tables #>> '{orders,key}', 1))
	USING shop_order ->> 'key', paystate.event_label(tables, 'orders', event #>> '{order,event}', true);
	RETURN 'applied';
END
$event_move_order$;
COMMENT ON FUNCTION paystate.event_move_order(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'cancels or fails an order as an event says';

-- An order without its payments moves nothing: it can only be compared.
CREATE FUNCTION paystate.event_compare_order(tables pg_catalog.jsonb, event pg_catalog.jsonb,
											 shop_order pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_compare_order$
DECLARE
	status	text := paystate.event_order_status(tables, shop_order);
	told	text := event #>> '{order,stands}';
	cycle	text := shop_order ->> 'lifecycle';
BEGIN
	IF told IS NULL OR told = status THEN
		RETURN 'unchanged';
	ELSIF EXISTS (
		WITH RECURSIVE walk AS (
			SELECT told COLLATE "C" AS at
			UNION
			SELECT r.order_after FROM walk w JOIN paystate.lifecycle_transition r
				ON r.lifecycle = cycle AND r.order_before = w.at)
		SELECT FROM walk w WHERE w.at = status) THEN
		RETURN 'stale';
	END IF;
	RAISE EXCEPTION USING ERRCODE = '23PS1', MESSAGE = format(
		'order "%s" is "%s" here and "%s" at the gateway', shop_order ->> 'ref', status, told);
END
$event_compare_order$;
COMMENT ON FUNCTION paystate.event_compare_order(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'whether an order stands where its gateway says';
