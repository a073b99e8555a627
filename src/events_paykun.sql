-- events_paykun: the callback, and the reply to a question for a transaction's
-- status.  Amounts are rupees, "date" is seconds since 1970.

CREATE FUNCTION paystate.event_paykun(payload pg_catalog.jsonb)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_paykun$
DECLARE
	tx		jsonb := coalesce(payload -> 'transaction', payload #> '{data,transaction}');
	word	text := tx ->> 'status';
	at		timestamptz := paystate.event_time(tx -> 'date');
BEGIN
	IF jsonb_typeof(tx) IS DISTINCT FROM 'object' THEN
		RETURN jsonb_build_object('ignored', 'payload is no transaction of paykun');
	ELSIF paystate.event_status(word) NOT IN ('created', 'authorized', 'captured', 'failed', 'refunded')
			IS NOT FALSE THEN
		RETURN jsonb_build_object('type', word, 'ignored',
								  format('status "%s" moves nothing', left(word, 255)));
	END IF;
	RETURN jsonb_build_object('type', word, 'at', at,
		'order', jsonb_build_object('id', paystate.event_text(tx #> '{order,order_id}')),
		'payments', jsonb_build_array(jsonb_build_object(
			'id', paystate.event_text(tx -> 'payment_id'),
			'order', paystate.event_text(tx #> '{order,order_id}'),
			'amount', paystate.event_money(tx #> '{order,gross_amount}', 2),
			'currency', 'INR',
			'status', paystate.event_status(word),
			'through', CASE paystate.event_status(word) WHEN 'refunded' THEN 'captured' END)),
		'refunds', '[]'::jsonb);
END
$event_paykun$;
COMMENT ON FUNCTION paystate.event_paykun(pg_catalog.jsonb) IS
	'a callback or a transaction of PayKun''s in normal form';
