-- Payloads of every gateway with any one part of them made something else, or
-- left out: each has an outcome, none raises, each is kept as it came, the
-- totals stay right, and no more money is booked than the whole one brings.
\ir lib/shop.sql
SELECT * FROM no_plan();

INSERT INTO orders (id, lifecycle, amount) VALUES ('o_razorpay', 'razorpay', 1000), ('o_paykun', 'paykun', 1000),
	('o_plural', 'plural_preauth', 1000);

CREATE TABLE helper.sample (name text, gateway text, payload jsonb);
INSERT INTO helper.sample VALUES
	('payment', 'razorpay', '{"entity": "event", "event": "payment.captured", "created_at": 1700000050, "payload": {"payment": {"entity": {"id": "p", "entity": "payment", "amount": 1000, "currency": "INR", "status": "captured", "order_id": "o_razorpay", "captured": true, "notes": {"a": "b"}, "created_at": 1700000000}}}}'),
	('order paid', 'razorpay', '{"event": "order.paid", "created_at": 1700000050, "payload": {"payment": {"entity": {"id": "p", "amount": 1000, "currency": "INR", "status": "captured", "order_id": "o_razorpay"}}, "order": {"entity": {"id": "o_razorpay", "amount": 1000, "amount_paid": 1000, "currency": "INR", "status": "paid"}}}}'),
	('refund', 'razorpay', '{"event": "refund.processed", "created_at": 1700000060, "payload": {"refund": {"entity": {"id": "r", "amount": 400, "currency": "INR", "payment_id": "p", "status": "processed", "created_at": 1700000055}}, "payment": {"entity": {"id": "p", "amount": 1000, "currency": "INR", "status": "captured", "order_id": "o_razorpay", "captured": true}}}}'),
	('callback', 'paykun', '{"transaction": {"payment_id": "k", "status": "Success", "status_flag": 1, "order": {"order_id": "o_paykun", "gross_amount": 10}, "date": "1700000050"}}'),
	('order', 'plural', '{"event_type": "ORDER_PROCESSED", "data": {"order_id": "o_plural", "type": "CHARGE", "status": "PARTIALLY_CAPTURED", "order_amount": {"value": 1000, "currency": "INR"}, "payments": [{"id": "v", "status": "PROCESSED", "payment_amount": {"value": 1000, "currency": "INR"}, "capture_data": [{"capture_amount": {"value": 600, "currency": "INR"}}], "created_at": "2023-11-14T22:13:20.000Z", "updated_at": "2023-11-14T22:14:10.000Z"}], "refunds": [{"order_id": "vr", "type": "REFUND", "payments": [{"id": "vr-1", "parent_payment_id": "v", "status": "PROCESSED", "payment_amount": {"value": 100, "currency": "INR"}}]}], "updated_at": "2023-11-14T22:14:10.000Z"}}'),
	('refund', 'plural', '{"event_type": "REFUND_PROCESSED", "data": {"order_id": "vr", "parent_order_id": "o_plural", "type": "REFUND", "status": "PROCESSED", "payments": [{"id": "vr-1", "parent_payment_id": "v", "status": "PROCESSED", "payment_amount": {"value": 100, "currency": "INR"}}]}}');

-- every place in a payload, the whole of it first
CREATE FUNCTION helper.places(payload jsonb) RETURNS SETOF text[]
	LANGUAGE sql
AS $$
	WITH RECURSIVE walk AS (
		SELECT '{}'::text[] AS place, payload AS value
		UNION ALL
		SELECT w.place || i.key, i.value
		FROM walk w, LATERAL (
			SELECT o.key, o.value FROM jsonb_each(CASE jsonb_typeof(w.value) WHEN 'object' THEN w.value ELSE '{}' END) o
			UNION ALL
			SELECT (a.ordinality - 1)::text, a.value
			FROM jsonb_array_elements(CASE jsonb_typeof(w.value) WHEN 'array' THEN w.value ELSE '[]' END) WITH ORDINALITY a) i)
	SELECT place FROM walk;
$$;

-- The event told after those that make it legal, all of it taken back again:
-- NULL when it is well, else what is wrong.
CREATE FUNCTION helper.tell_odd(sample helper.sample, odd jsonb) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
	wrong text;
BEGIN
	BEGIN
		IF sample.name = 'refund' THEN
			PERFORM paystate.record_event('shop.orders', s.gateway, 'before', s.payload #- '{data,refunds}')
			FROM helper.sample s WHERE s.gateway = sample.gateway AND s.name IN ('payment', 'order');
		END IF;
		SELECT r.outcome INTO got FROM paystate.record_event('shop.orders', sample.gateway, 'odd', odd) r;
		SELECT concat_ws('; ',
			CASE WHEN got IN ('applied', 'unchanged', 'stale', 'ignored', 'refused') THEN NULL ELSE coalesce(got, 'no outcome') END,
			CASE WHEN NOT EXISTS (SELECT FROM order_events e WHERE e.event_id = 'odd' AND e.payload = odd AND e.outcome = got
				AND (got NOT IN ('refused', 'ignored') OR e.reason IS NOT NULL)) THEN 'not kept as it came' END,
			CASE WHEN got = 'applied' THEN
				(SELECT 'verify: ' || string_agg(v.problem, ', ') FROM paystate.verify('shop.orders') v) END,
			(SELECT 'money: ' || string_agg(o.id, ', ') FROM orders o WHERE o.amount_paid > 1000 OR o.amount_refunded > 400))
		INTO wrong;
		RAISE SQLSTATE 'TT000';
	EXCEPTION
		WHEN SQLSTATE 'TT000' THEN NULL;
		WHEN OTHERS THEN wrong := concat_ws(' ', 'raised', SQLSTATE, SQLERRM);
	END;
	RETURN nullif(wrong, '');
END
$$;

SELECT is(helper.tell_odd(s, s.payload), NULL, format('%s, %s: as it should be', s.gateway, s.name)) FROM helper.sample s;
SELECT is((SELECT string_agg(format('%s = %s: %s', p.place, v.value, helper.tell_odd(s, CASE cardinality(p.place)
			WHEN 0 THEN v.value ELSE jsonb_set(s.payload, p.place, v.value) END)), E'\n')
		FROM helper.places(s.payload) p (place)
		WHERE helper.tell_odd(s, CASE cardinality(p.place) WHEN 0 THEN v.value ELSE jsonb_set(s.payload, p.place, v.value) END) IS NOT NULL),
	NULL, format('%s, %s: every place made %s', s.gateway, s.name, left(v.value::text, 20)))
  FROM helper.sample s, unnest(ARRAY['null', '-0.5', '1e30', '[[{"id": {}}]]', to_jsonb(repeat('y', 70000))]::jsonb[]) v (value);
SELECT is((SELECT string_agg(format('without %s: %s', p.place, helper.tell_odd(s, s.payload #- p.place)), E'\n')
		FROM helper.places(s.payload) p (place)
		WHERE cardinality(p.place) > 0 AND helper.tell_odd(s, s.payload #- p.place) IS NOT NULL),
	NULL, format('%s, %s: every place left out', s.gateway, s.name))
  FROM helper.sample s;

-- each told as another's: what is unknown is ignored, what is refused stays
SELECT is((SELECT helper.tell_odd(ROW('other', g, s.payload)::helper.sample, s.payload)), NULL,
	format('%s, %s: told as %s', s.gateway, s.name, g))
  FROM helper.sample s, unnest('{razorpay,plural,paykun}'::text[]) g WHERE g <> s.gateway;

-- an order of another gateway's life cycle: refused by name, each pair
SELECT is(r.outcome || ' ' || coalesce(r.reason, ''), format('refused life cycle "%s" of the order is not one of gateway "%s"', o.lifecycle, s.gateway),
	format('%s: an order of %s', s.gateway, o.lifecycle))
  FROM helper.sample s, orders o,
	paystate.record_event('shop.orders', s.gateway, 'evt_' || o.id || s.gateway, replace(s.payload::text, 'o_' || s.gateway, o.id)::jsonb) r
 WHERE s.name IN ('payment', 'callback', 'order') AND (s.gateway = 'plural') <> (o.lifecycle LIKE 'plural%');

-- notes of a megabyte, and a thousand payments in one payload
SELECT is((SELECT outcome FROM paystate.record_event('shop.orders', 'razorpay', 'huge', jsonb_set(payload, '{payload,payment,entity,notes}',
	jsonb_build_object('n', repeat('x', 1048576))))), 'applied', 'notes of 1 MB') FROM helper.sample WHERE name = 'payment';
SELECT is((SELECT length(payload::text) > 1048576 FROM order_events WHERE event_id = 'huge'), true, 'are kept');
SELECT is((SELECT outcome FROM paystate.record_event('shop.orders', 'plural', 'many', jsonb_set(payload #- '{data,refunds}', '{data,payments}',
	(SELECT jsonb_agg(payload #> '{data,payments,0}' || jsonb_build_object('id', 'v' || n)) FROM generate_series(1, 1000) n)))), 'refused',
	'a thousand payments of an order that takes one') FROM helper.sample WHERE gateway = 'plural' AND name = 'order';
SELECT is((SELECT count(*) FROM payments WHERE id LIKE 'v%'), 0::bigint, 'none of them was written');

\ir lib/end.sql
