-- events: record_event() takes what gateways say, keeps it in the inbox, and
-- makes it so by plain writes with the caller's rights, which the guards judge.
--
-- Events of one order are taken one after the other: each locks the order's
-- row first, and a refused one keeps that lock.  So whoever comes next sees
-- it in the inbox, and tries it again once something was applied.

CREATE FUNCTION paystate.late_payment(payments pg_catalog.regclass, fields pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'paystate_late_payment';
COMMENT ON FUNCTION paystate.late_payment(pg_catalog.regclass, pg_catalog.jsonb) IS
	'inserts a payment that was made while its order still took payments and is known only now: in its initial status where a rule leads on from there, failed or cancelled, or captured (with its amount_captured) where refunds have moved the order since; fields: values by column name';

CREATE FUNCTION paystate.late_refund(refunds pg_catalog.regclass, fields pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'paystate_late_refund_row';
COMMENT ON FUNCTION paystate.late_refund(pg_catalog.regclass, pg_catalog.jsonb) IS
	'inserts a refund that failed and is known only now, whatever was given back meanwhile; fields: values by column name';

CREATE FUNCTION paystate.event_normal(gateway pg_catalog.text, payload pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_normal$
BEGIN
	IF jsonb_typeof(payload) <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_text_representation',
			MESSAGE = format('payload is of type %s, not an object', jsonb_typeof(payload));
	END IF;
	RETURN CASE gateway WHEN 'razorpay' THEN paystate.event_razorpay(payload)
		WHEN 'paykun' THEN paystate.event_paykun(payload)
		WHEN 'plural' THEN paystate.event_plural(payload) END;
END
$event_normal$;
COMMENT ON FUNCTION paystate.event_normal(pg_catalog.text, pg_catalog.jsonb) IS
	'a payload in the form that is the same for all gateways';

-- The payments of an event in the order of their times: a retry begins when
-- the attempt before has failed, two legs begin before either ends.  Without
-- times, one after the other as they are listed.
CREATE FUNCTION paystate.event_steps(event pg_catalog.jsonb)
	RETURNS TABLE (payment pg_catalog.jsonb, moves pg_catalog.bool)
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 2
	SET search_path = pg_catalog, pg_temp
AS $event_steps$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT s.payment, s.moves
	FROM (SELECT bool_and(p ->> 'created' IS NOT NULL AND coalesce(p ->> 'at', event ->> 'at') IS NOT NULL)
		  FROM jsonb_array_elements(event -> 'payments') p) t (timed),
		 jsonb_array_elements(event -> 'payments') WITH ORDINALITY p (payment, place),
		 LATERAL (VALUES (p.payment, false, p.payment ->> 'created'),
						 (p.payment, true, coalesce(p.payment ->> 'at', event ->> 'at')))
			AS s (payment, moves, moment)
	ORDER BY CASE WHEN t.timed THEN s.moment::timestamptz END,
		CASE WHEN t.timed THEN NOT s.moves END, p.place, s.moves;
END
$event_steps$;
COMMENT ON FUNCTION paystate.event_steps(pg_catalog.jsonb) IS
	'when each payment of an event was opened, and when it moved';

-- All that an event says, or nothing of it.
CREATE FUNCTION paystate.event_apply(tables pg_catalog.jsonb, event pg_catalog.jsonb,
									 shop_order pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_apply$
DECLARE
	whole	text := event #>> '{order,event}';
	said	text[] := '{}';
	step	record;
	refund	jsonb;
BEGIN
	IF shop_order IS NULL AND tables #>> '{payments,shard}' IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', MESSAGE = format(
			'the event names no order, and table "%s" keeps its rows by order', tables #>> '{payments,name}');
	END IF;
	PERFORM paystate.event_check_order(event ->> 'gateway', event, shop_order,
		coalesce(shop_order ->> 'lifecycle', tables #>> '{payments,lifecycle}'));
	FOR step IN SELECT * FROM paystate.event_steps(event) LOOP
		IF NOT step.moves OR step.payment ->> 'status' = whole THEN
			IF paystate.event_find_payment(tables, step.payment ->> 'id') IS NULL THEN
				PERFORM paystate.event_open_payment(tables, event, shop_order, step.payment);
				said := said || 'applied'::text;
			END IF;
		ELSE
			said := said || paystate.event_move_payment(tables, event, shop_order, step.payment);
		END IF;
	END LOOP;
	IF whole IS NOT NULL THEN
		IF paystate.event_order_may(tables, event, shop_order) THEN
			said := said || paystate.event_move_order(tables, event, shop_order);
		END IF;
		FOR step IN SELECT * FROM paystate.event_steps(event) s
				WHERE s.moves AND s.payment ->> 'status' = whole LOOP
			said := said || paystate.event_move_payment(tables, event, shop_order, step.payment);
		END LOOP;
		said := said || paystate.event_move_order(tables, event, shop_order);
	ELSIF event #>> '{order,stands}' IS NOT NULL THEN
		said := said || paystate.event_compare_order(tables, event, shop_order);
	END IF;
	FOR refund IN SELECT * FROM jsonb_array_elements(event -> 'refunds') LOOP
		said := said || paystate.event_move_refund(tables, event, shop_order, refund);
	END LOOP;
	RETURN CASE WHEN 'applied' = ANY (said) THEN 'applied' WHEN 'stale' = ANY (said) THEN 'stale'
		ELSE 'unchanged' END;
END
$event_apply$;
COMMENT ON FUNCTION paystate.event_apply(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'makes so what an event says, or raises why not';

-- A refusal of the guards, or a payload that makes no sense, is an answer.
-- 23PS8, missing rights, 40001 and their like are not, and go on as they came.
CREATE FUNCTION paystate.event_handle(tables pg_catalog.jsonb, gateway pg_catalog.text,
									  event_id pg_catalog.text, payload pg_catalog.jsonb,
									  OUT outcome pg_catalog.text, OUT order_key pg_catalog.text,
									  OUT payment_id pg_catalog.text, OUT reason pg_catalog.text,
									  OUT order_ref pg_catalog.text, OUT payment_refs pg_catalog.text[])
	RETURNS record
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_handle$
DECLARE
	event	jsonb;
	known	jsonb := tables;
	shop_order jsonb;
	code	text;
	actor	text := coalesce(current_setting('paystate.actor', true), '');
	before	text := coalesce(current_setting('paystate.event_id', true), '');
BEGIN
	BEGIN
		event := paystate.event_normal(gateway, payload)
			|| jsonb_build_object('gateway', gateway, 'event_id', event_id);
	EXCEPTION WHEN data_exception THEN
		outcome := 'refused';
		code := SQLSTATE;
		reason := SQLERRM;
	END;
	IF event ->> 'ignored' IS NOT NULL THEN
		outcome := 'ignored';
		reason := event ->> 'ignored';
	ELSIF event IS NOT NULL THEN
		payment_refs := ARRAY(SELECT p ->> 'id' FROM jsonb_array_elements(event -> 'payments') p
			UNION SELECT r ->> 'payment' FROM jsonb_array_elements(event -> 'refunds') r);
		shop_order := paystate.event_lock_order(tables, event);
		known := tables || jsonb_build_object('order_key', shop_order ->> 'key', 'unit', 10 ^ coalesce(paystate.currency_exponent(
			coalesce(shop_order ->> 'currency', event #>> '{payments,0,currency}')), 2)::numeric);
		order_ref := coalesce(event #>> '{order,id}', shop_order ->> 'ref');
		order_key := shop_order ->> 'key';
		event := jsonb_set(event, '{order,id}', coalesce(to_jsonb(order_ref), 'null'));
		BEGIN
			PERFORM set_config('paystate.event_id', event_id, true),
				set_config('paystate.actor', coalesce(nullif(actor, ''), gateway), true);
			outcome := paystate.event_apply(known, event, shop_order);
			PERFORM set_config('paystate.event_id', before, true), set_config('paystate.actor', actor, true);
		EXCEPTION WHEN integrity_constraint_violation OR data_exception THEN
			IF SQLSTATE = '23PS8' THEN
				RAISE;
			END IF;
			outcome := 'refused';
			code := SQLSTATE;
			reason := SQLERRM;
		END;
		payment_id := paystate.event_find_payment(known, coalesce(event #>> '{payments,0,id}',
			event #>> '{refunds,0,payment}')) ->> 'key';
		IF outcome = 'stale' THEN
			reason := 'what the event tells has been overtaken';
		END IF;
	END IF;
	EXECUTE format('UPDATE %s SET outcome = $3, code = $4, reason = $5, order_key = $6, payment_id = $7,'
		' order_ref = $8, payment_ref = $9, event_type = $10, occurred_at = $11, tries = tries + 1,'
		' handled_at = clock_timestamp() WHERE gateway = $1 AND event_id = $2', tables ->> 'inbox')
	USING gateway, event_id, outcome, code, reason, order_key, payment_id, order_ref,
		coalesce(event #>> '{payments,0,id}', event #>> '{refunds,0,payment}'),
		left(event ->> 'type', 255), coalesce(event ->> 'at', event #>> '{payments,0,at}')::timestamptz;
END
$event_handle$;
COMMENT ON FUNCTION paystate.event_handle(pg_catalog.jsonb, pg_catalog.text, pg_catalog.text, pg_catalog.jsonb) IS
	'judges an event that is in the inbox, and writes there what came of it';

-- What was refused may have lacked the event that has come now.
CREATE FUNCTION paystate.event_handle_refused(tables pg_catalog.jsonb, order_ref pg_catalog.text,
											  payment_refs pg_catalog.text[])
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $event_handle_refused$
DECLARE
	item	record;
	again	boolean := true;
BEGIN
	WHILE again LOOP
		again := false;
		FOR item IN EXECUTE format('SELECT e.gateway, e.event_id, e.payload FROM %s e'
				' WHERE e.outcome = ''refused'' AND (e.order_ref = $1 OR e.payment_ref = ANY ($2))'
				' ORDER BY e.occurred_at, e.received_at, e.event_id FOR UPDATE SKIP LOCKED',
				tables ->> 'inbox') USING order_ref, payment_refs LOOP
			again := again OR (SELECT h.outcome IN ('applied', 'stale')
				FROM paystate.event_handle(tables, item.gateway, item.event_id, item.payload) h);
		END LOOP;
	END LOOP;
END
$event_handle_refused$;
COMMENT ON FUNCTION paystate.event_handle_refused(pg_catalog.jsonb, pg_catalog.text, pg_catalog.text[]) IS
	'tries the refused events of an order again, as long as that leads on';

CREATE FUNCTION paystate.event_check_arguments(orders pg_catalog.regclass, gateway pg_catalog.text,
											   event_id pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_check_arguments$
DECLARE
	missing	text := CASE WHEN orders IS NULL THEN 'orders' WHEN gateway IS NULL THEN 'gateway'
		WHEN event_id IS NULL THEN 'event_id' END;
BEGIN
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = format('argument "%s" must not be null', missing);
	ELSIF lower(gateway) NOT IN ('razorpay', 'paykun', 'plural') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('gateway "%s" is not known', left(gateway, 255)),
			HINT = 'Gateways are razorpay, paykun and plural.';
	ELSIF char_length(event_id) NOT BETWEEN 1 AND 255 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'id of an event must have 1 to 255 characters';
	END IF;
	RETURN lower(gateway);
END
$event_check_arguments$;
COMMENT ON FUNCTION paystate.event_check_arguments(pg_catalog.regclass, pg_catalog.text, pg_catalog.text) IS
	'refuses what cannot name an event; the gateway''s name as the inbox has it';

CREATE FUNCTION paystate.record_event(orders pg_catalog.regclass, gateway pg_catalog.text,
									  event_id pg_catalog.text, payload pg_catalog.jsonb)
	RETURNS TABLE (outcome pg_catalog.text, order_key pg_catalog.text,
				   payment_id pg_catalog.text, reason pg_catalog.text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1
	SET search_path = pg_catalog, pg_temp
AS $record_event$
#variable_conflict use_variable
DECLARE
	from_gateway text := paystate.event_check_arguments(orders, gateway, event_id);
	tables	jsonb;
	taken	bigint;
	handled	record;
BEGIN
	IF payload IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'argument "payload" must not be null';
	END IF;
	PERFORM paystate.event_make_inbox(orders);
	tables := paystate.event_tables(orders);
	EXECUTE format('INSERT INTO %s (gateway, event_id, payload) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
				   tables ->> 'inbox')
	USING from_gateway, event_id, payload;
	GET DIAGNOSTICS taken = ROW_COUNT;
	IF taken = 0 THEN
		RETURN QUERY EXECUTE format('SELECT ''duplicate''::text, e.order_key, e.payment_id,'
			' concat(''was '', e.outcome, '' before'', CASE WHEN e.payload <> $3 THEN '', with another payload'' END)'
			' FROM %s e WHERE e.gateway = $1 AND e.event_id = $2', tables ->> 'inbox')
		USING from_gateway, event_id, payload;
		RETURN;
	END IF;
	SELECT * INTO handled FROM paystate.event_handle(tables, from_gateway, event_id, payload);
	IF handled.outcome IN ('applied', 'stale') THEN
		PERFORM paystate.event_handle_refused(tables, handled.order_ref, handled.payment_refs);
	END IF;
	RETURN QUERY SELECT handled.outcome, handled.order_key, handled.payment_id, handled.reason;
END
$record_event$;
COMMENT ON FUNCTION paystate.record_event(pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.jsonb) IS
	'takes an event or a reply of a gateway as it was sent, keeps it in order_events and does what it says: "applied"; "unchanged", it stood so already; "duplicate", that event was taken before; "stale", it is overtaken; "ignored", it moves nothing; or "refused", with the reason';

CREATE FUNCTION paystate.retry_event(orders pg_catalog.regclass, gateway pg_catalog.text,
									 event_id pg_catalog.text)
	RETURNS TABLE (outcome pg_catalog.text, order_key pg_catalog.text,
				   payment_id pg_catalog.text, reason pg_catalog.text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1
	SET search_path = pg_catalog, pg_temp
AS $retry_event$
#variable_conflict use_variable
DECLARE
	from_gateway text := paystate.event_check_arguments(orders, gateway, event_id);
	tables	jsonb := paystate.event_tables(orders);
	item	record;
	handled	record;
BEGIN
	EXECUTE format('SELECT e.outcome, e.payload, e.order_key, e.payment_id FROM %s e'
				   ' WHERE e.gateway = $1 AND e.event_id = $2 FOR UPDATE', tables ->> 'inbox')
	INTO item USING from_gateway, event_id;
	IF item.outcome IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'no_data_found',
			MESSAGE = format('event "%s" of gateway "%s" does not exist', event_id, from_gateway);
	ELSIF item.outcome NOT IN ('refused', 'ignored') THEN
		RETURN QUERY SELECT 'duplicate'::text, item.order_key::text, item.payment_id::text,
			format('was %s before', item.outcome);
		RETURN;
	END IF;
	SELECT * INTO handled FROM paystate.event_handle(tables, from_gateway, event_id, item.payload);
	IF handled.outcome IN ('applied', 'stale') THEN
		PERFORM paystate.event_handle_refused(tables, handled.order_ref, handled.payment_refs);
	END IF;
	RETURN QUERY SELECT handled.outcome, handled.order_key, handled.payment_id, handled.reason;
END
$retry_event$;
COMMENT ON FUNCTION paystate.retry_event(pg_catalog.regclass, pg_catalog.text, pg_catalog.text) IS
	'judges an event once more that was refused or ignored, from the payload that order_events kept; P0002 when there is none of that id';
