-- events_plural: webhooks, each with the order as it was then, and the reply
-- to a question for an order.  Amounts are objects of value, in paise, and
-- currency; a payment in another currency has its base_amount beside.

CREATE FUNCTION paystate.event_plural_payment(payment pg_catalog.jsonb, order_id pg_catalog.text)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_plural_payment$
BEGIN
	RETURN (
	SELECT jsonb_build_object(
		'id', paystate.event_text(payment -> 'id'),
		'order', order_id,
		'amount', paystate.event_money(a.amount -> 'value'),
		'currency', upper(paystate.event_text(a.amount -> 'currency')),
		'status', CASE s.status WHEN 'created' THEN 'pending' ELSE s.status END,
		'captured', CASE s.status WHEN 'processed' THEN (
			SELECT sum(paystate.event_money(paystate.event_field(c, 'capture_amount') -> 'value'))
			FROM paystate.event_items(paystate.event_field(payment, 'capture_data')) c) END,
		'created', paystate.event_time(paystate.event_field(payment, 'created_at')),
		'at', paystate.event_time(paystate.event_field(payment, 'updated_at')))
	FROM (SELECT coalesce(paystate.event_field(payment, 'base_amount'),
						  paystate.event_field(payment, 'payment_amount'))) a (amount),
		 (SELECT paystate.event_status(paystate.event_text(payment -> 'status'))) s (status));
END
$event_plural_payment$;
COMMENT ON FUNCTION paystate.event_plural_payment(pg_catalog.jsonb, pg_catalog.text) IS
	'one of the payments of Plural''s order in normal form';

-- A refund is itself an order, of type REFUND, with a payment for each one
-- that it gives back; where it is one alone, it goes by the order's name.
CREATE FUNCTION paystate.event_plural_refunds(refund pg_catalog.jsonb)
	RETURNS SETOF pg_catalog.jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
	SET search_path = pg_catalog, pg_temp
AS $event_plural_refunds$
	SELECT jsonb_build_object(
		'id', coalesce(CASE WHEN count(*) OVER () = 1
			THEN paystate.event_text(paystate.event_field(refund, 'order_id')) END,
			paystate.event_text(p -> 'id')),
		'payment', paystate.event_text(paystate.event_field(p, 'parent_payment_id')),
		'amount', paystate.event_money(paystate.event_field(p, 'payment_amount') -> 'value'),
		'currency', upper(paystate.event_text(paystate.event_field(p, 'payment_amount') -> 'currency')),
		'status', CASE lower(paystate.event_text(p -> 'status')) WHEN 'created' THEN 'pending'
			ELSE lower(paystate.event_text(p -> 'status')) END,
		'created', paystate.event_time(paystate.event_field(p, 'created_at')))
	FROM paystate.event_items(refund -> 'payments') p;
$event_plural_refunds$;
COMMENT ON FUNCTION paystate.event_plural_refunds(pg_catalog.jsonb) IS
	'what one of Plural''s refunds gives back, in normal form';

CREATE FUNCTION paystate.event_plural(payload pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_plural$
DECLARE
	kind	text := paystate.event_field(payload, 'event_type') #>> '{}';
	body	jsonb := coalesce(payload -> 'data', payload);
	own_id	text;
	is_refund boolean;
	status	text;
BEGIN
	IF (kind IS NOT NULL AND kind !~ '^(ORDER|PAYMENT|REFUND)_')
			OR (kind IS NULL AND paystate.event_field(body, 'order_id') IS NULL) THEN
		RETURN jsonb_build_object('type', kind, 'ignored', CASE
			WHEN kind IS NULL THEN 'payload is no event of plural'
			ELSE format('event type "%s" moves nothing', left(kind, 255)) END);
	END IF;
	own_id := paystate.event_text(paystate.event_field(body, 'order_id'));
	is_refund := body ->> 'type' = 'REFUND';
	status := lower(paystate.event_text(body -> 'status'));
	IF own_id IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_text_representation',
			MESSAGE = format('payload of event "%s" has no order', kind);
	END IF;
	IF is_refund THEN
		RETURN jsonb_build_object('type', kind,
			'at', paystate.event_time(paystate.event_field(body, 'updated_at')),
			'order', jsonb_build_object(
				'id', paystate.event_text(paystate.event_field(body, 'parent_order_id'))),
			'payments', '[]'::jsonb,
			'refunds', (SELECT coalesce(jsonb_agg(r), '[]') FROM paystate.event_plural_refunds(body) r));
	END IF;
	RETURN jsonb_build_object('type', kind,
		'at', paystate.event_time(paystate.event_field(body, 'updated_at')),
		'order', jsonb_build_object('id', own_id,
			'amount', paystate.event_money(paystate.event_field(body, 'order_amount') -> 'value'),
			'currency', upper(paystate.event_text(paystate.event_field(body, 'order_amount') -> 'currency')),
			'event', CASE WHEN status IN ('cancelled', 'failed') THEN status END,
			'stands', CASE WHEN jsonb_array_length(CASE jsonb_typeof(body -> 'payments')
				WHEN 'array' THEN body -> 'payments' ELSE '[]' END) = 0 THEN status END),
		'payments', (SELECT coalesce(jsonb_agg(paystate.event_plural_payment(p, own_id)), '[]')
					 FROM paystate.event_items(body -> 'payments') p),
		'refunds', (SELECT coalesce(jsonb_agg(r), '[]')
					FROM paystate.event_items(body -> 'refunds') f, paystate.event_plural_refunds(f) r));
END
$event_plural$;
COMMENT ON FUNCTION paystate.event_plural(pg_catalog.jsonb) IS
	'a webhook or an order of Plural''s in normal form';
