-- events_razorpay: webhooks, and the entities that the API gives.  All amounts
-- are subunits, all times seconds since 1970.
--
-- The normal form, of every gateway:
--   type      what the gateway calls it
--   ignored   why it moves nothing; then nothing else is looked at
--   at        when it happened
--   order     id, amount, currency; event: cancelled or failed; stands: the
--             status that the gateway says, where no payment comes with it
--   payments  id, order, amount, currency, status, captured (how much),
--             through (a status that it must have been in), created, at
--   refunds   id, payment, amount, currency, status, created; auto: the money
--             was never captured

-- A refund that comes along is what makes the payment "refunded", not the
-- payment itself; whether the money had been captured, the payment says.
CREATE FUNCTION paystate.event_razorpay_payment(payment pg_catalog.jsonb,
												told pg_catalog.text, with_refund pg_catalog.bool)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_razorpay_payment$
BEGIN
	RETURN (
	SELECT jsonb_build_object(
		'id', paystate.event_text(payment -> 'id'),
		'order', paystate.event_text(payment -> 'order_id'),
		'amount', paystate.event_money(payment -> 'amount'),
		'currency', upper(paystate.event_text(payment -> 'currency')),
		'created', paystate.event_time(payment -> 'created_at'),
		'status', CASE WHEN s.status = 'refunded' AND with_refund THEN s.before ELSE s.status END,
		'through', CASE WHEN s.status = 'refunded' THEN s.before END)
	FROM (SELECT paystate.event_status(coalesce(paystate.event_text(payment -> 'status'), told)),
		CASE payment -> 'captured' WHEN 'false' THEN 'authorized' ELSE 'captured' END) s (status, before));
END
$event_razorpay_payment$;
COMMENT ON FUNCTION paystate.event_razorpay_payment(pg_catalog.jsonb, pg_catalog.text, pg_catalog.bool) IS
	'Razorpay''s payment entity in normal form';

CREATE FUNCTION paystate.event_razorpay(payload pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_razorpay$
DECLARE
	kind	text := coalesce(payload ->> 'event', payload ->> 'entity');
	told	text := split_part(kind, '.', 2);
	payment	jsonb := payload #> '{payload,payment,entity}';
	shop_order jsonb := payload #> '{payload,order,entity}';
	refund	jsonb := payload #> '{payload,refund,entity}';
	wanted	text := split_part(kind, '.', 1);
BEGIN
	IF kind IN ('payment', 'order', 'refund') THEN
		told := '';
		payment := CASE kind WHEN 'payment' THEN payload END;
		shop_order := CASE kind WHEN 'order' THEN payload END;
		refund := CASE kind WHEN 'refund' THEN payload END;
	ELSIF kind NOT IN ('payment.authorized', 'payment.captured', 'payment.failed', 'order.paid',
			'refund.created', 'refund.processed', 'refund.failed') IS NOT FALSE THEN
		RETURN jsonb_build_object('type', kind, 'ignored', CASE
			WHEN kind IS NULL THEN 'payload is no event of razorpay'
			ELSE format('event type "%s" moves nothing', left(kind, 255)) END);
	END IF;
	IF jsonb_typeof(CASE wanted WHEN 'payment' THEN payment WHEN 'order' THEN shop_order
					ELSE refund END) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_text_representation',
			MESSAGE = format('payload of event "%s" has no %s entity', kind, wanted);
	END IF;
	RETURN jsonb_build_object('type', kind,
		'at', CASE WHEN payload ? 'event' THEN paystate.event_time(payload -> 'created_at') END,
		'order', jsonb_build_object(
			'id', coalesce(paystate.event_text(shop_order -> 'id'),
						   paystate.event_text(payment -> 'order_id')),
			'amount', paystate.event_money(shop_order -> 'amount'),
			'currency', upper(paystate.event_text(shop_order -> 'currency')),
			'stands', CASE WHEN payment IS NULL THEN lower(paystate.event_text(shop_order -> 'status')) END),
		'payments', CASE jsonb_typeof(payment) WHEN 'object' THEN jsonb_build_array(
			paystate.event_razorpay_payment(payment, CASE told WHEN 'paid' THEN 'captured'
				WHEN 'authorized' THEN told WHEN 'captured' THEN told WHEN 'failed' THEN told END,
				refund IS NOT NULL)) ELSE '[]' END,
		'refunds', CASE jsonb_typeof(refund) WHEN 'object' THEN jsonb_build_array(jsonb_build_object(
			'id', paystate.event_text(refund -> 'id'),
			'payment', coalesce(paystate.event_text(refund -> 'payment_id'),
								paystate.event_text(payment -> 'id')),
			'amount', paystate.event_money(refund -> 'amount'),
			'currency', upper(paystate.event_text(refund -> 'currency')),
			'status', CASE WHEN told IN ('processed', 'failed') THEN told
				ELSE coalesce(lower(paystate.event_text(refund -> 'status')), 'pending') END,
			'auto', payment -> 'captured' = 'false',
			'created', paystate.event_time(refund -> 'created_at'))) ELSE '[]' END);
END
$event_razorpay$;
COMMENT ON FUNCTION paystate.event_razorpay(pg_catalog.jsonb) IS
	'a webhook or an entity of Razorpay''s in normal form';
