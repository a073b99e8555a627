-- Events of gateways one by one: what each outcome is, that a refusal raises
-- nothing and loses nothing, and whatever malformed thing may come.  In which
-- order they come is tested by test/events/run.
\ir lib/shop.sql
SELECT * FROM no_plan();

CREATE FUNCTION helper.payment(id text, status text, an_order text, more jsonb DEFAULT '{}') RETURNS jsonb
	LANGUAGE sql
AS $$
	SELECT jsonb_build_object('id', id, 'amount', 1000, 'currency', 'INR', 'status', status,
							  'order_id', an_order, 'created_at', 1700000000) || more;
$$;
CREATE FUNCTION helper.webhook(id text, status text, an_order text, at int, more jsonb DEFAULT '{}') RETURNS jsonb
	LANGUAGE sql
AS $$
	SELECT jsonb_build_object('entity', 'event', 'event', 'payment.' || status, 'created_at', 1700000000 + at,
		'payload', jsonb_build_object('payment', jsonb_build_object('entity', helper.payment(id, status, an_order, more))));
$$;
CREATE SEQUENCE helper.event_nr;
-- 'outcome: reason', of an event with an id of its own
CREATE FUNCTION helper.tell(gateway text, payload jsonb) RETURNS text
	LANGUAGE sql
AS $$
	SELECT concat_ws(': ', r.outcome, r.reason)
	FROM paystate.record_event('shop.orders', gateway, 'evt_' || nextval('helper.event_nr'), payload) r;
$$;
-- The event is answered so, nothing but the inbox changes, and there it stands
-- as it came.
CREATE FUNCTION helper.answers(gateway text, payload jsonb, answer text, description text) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
DECLARE
	before text := helper.everything();
BEGIN
	RETURN NEXT is(helper.tell(gateway, payload), answer, description);
	RETURN NEXT is(helper.everything(), before, description || ': nothing was written');
	RETURN NEXT is((SELECT to_jsonb(e.payload) FROM order_events e
					WHERE e.event_id = 'evt_' || currval('helper.event_nr')
						AND e.outcome = split_part(answer, ':', 1)), payload, description || ': kept as it came');
END
$$;

INSERT INTO orders (id, lifecycle, amount) VALUES ('o1', 'razorpay', 1000), ('o2', 'razorpay', 1000),
	('k1', 'paykun', 1050), ('v1', 'plural_preauth', 1000), ('l1', 'plural', 1000);

-- ---- outcomes
SELECT is(helper.tell('razorpay', helper.webhook('a', 'captured', 'o1', 20)), 'applied', 'the first that tells of a payment');
SELECT is((SELECT array_agg(concat_ws('>', payment_from, payment_to) ORDER BY seq) FROM order_history WHERE order_id = 'o1'),
	'{"",created,created>authorized,authorized>captured}', 'the steps in between were taken');
SELECT is((SELECT array_agg(DISTINCT concat_ws(' ', actor, event_id)) FROM order_history WHERE order_id = 'o1' AND seq > 1),
	'{razorpay evt_1}', 'the history names gateway and event');
SELECT is(current_setting('paystate.event_id') || current_setting('paystate.actor'), '', 'the settings are as they were');
SET LOCAL paystate.actor = 'worker';
SET LOCAL paystate.event_id = 'mine';
SELECT is(helper.tell('razorpay', helper.webhook('r', 'failed', 'o2', 5)), 'applied', 'with settings of the caller');
SELECT is((SELECT array_agg(DISTINCT concat_ws(' ', actor, event_id)) FROM order_history WHERE payment_id = 'r'),
	'{worker evt_2}', 'an actor of the caller''s stays');
SELECT is(current_setting('paystate.event_id') || current_setting('paystate.actor'), 'mineworker', 'and so do his settings');
RESET paystate.actor;
RESET paystate.event_id;
SELECT answers('razorpay', helper.webhook('a', 'captured', 'o1', 20), 'unchanged', 'the same by another id');
SELECT answers('razorpay', helper.webhook('a', 'authorized', 'o1', 10), 'stale: what the event tells has been overtaken', 'overtaken');
SELECT answers('razorpay', helper.payment('a', 'captured', 'o1', '{"entity": "payment"}'), 'unchanged', 'the API''s payment');
SELECT answers('razorpay', '{"entity": "order", "id": "o1", "amount": 1000, "currency": "INR", "status": "paid"}', 'unchanged', 'the API''s order');
SELECT answers('razorpay', '{"entity": "order", "id": "o1", "status": "attempted"}', 'stale: what the event tells has been overtaken', 'the API''s order of before');
SELECT answers('razorpay', '{"entity": "order", "id": "o2", "status": "paid"}', 'refused: order "o2" is "attempted" here and "paid" at the gateway', 'the API''s order, ahead of us');
SELECT results_eq($$SELECT * FROM paystate.record_event('orders', 'RazorPay', 'evt_1', '{}')$$,
	$$VALUES ('duplicate', 'o1', 'a', 'was applied before, with another payload')$$, 'an event is taken once');

-- ---- money and orders
SELECT answers('razorpay', helper.webhook('b', 'captured', 'o2', 30, '{"amount": 900}'),
	'refused: ' || substr(says('23PS4', 'insert payments', 'razorpay'), 7), 'another amount than the order''s');
SELECT answers('razorpay', helper.webhook('r', 'authorized', 'o2', 30, '{"amount": 900}'),
	'refused: payment "r" has amount 1000, the event says 900', 'another amount than the payment''s');
SELECT answers('razorpay', helper.webhook('b', 'captured', 'o2', 30, '{"currency": "USD"}'),
	'refused: ' || substr(says('23PS5', 'insert payments', 'razorpay'), 7), 'another currency');
\if :{?sharded}
-- where the order leads a payment's key, this is another payment of that name
\else
SELECT answers('razorpay', helper.webhook('r', 'authorized', 'o1', 30),
	'refused: payment "r" belongs to another order than the event says', 'another order');
\endif
SELECT answers('razorpay', helper.webhook('b', 'captured', 'nowhere', 30), 'refused: order "nowhere" does not exist', 'no such order');
SELECT answers('razorpay', '{"entity": "order", "id": "o1", "amount": 999}', 'refused: order "o1" has amount 1000, the event says 999', 'another amount of the order');
SELECT answers('razorpay', '{"entity": "order", "id": "o1", "currency": "usd"}', 'refused: order "o1" has currency "INR", the event says "USD"', 'another currency of the order');
SELECT answers('razorpay', helper.webhook('z', 'authorized', 'o1', 100, '{"created_at": 1700000090}'),
	'refused: ' || substr(says('23PS3', 'insert payments', 'razorpay'), 7), 'a payment of a paid order');
SELECT answers('razorpay', helper.webhook('z', 'authorized', 'o1', 100, '{"created_at": null}') - 'created_at',
	'refused: ' || substr(says('23PS3', 'insert payments', 'razorpay'), 7), 'likewise, without times');
SELECT is(helper.tell('razorpay', helper.webhook('e', 'failed', 'o1', 10)), 'applied', 'one that had failed before is taken');
SELECT is((SELECT attempts FROM orders WHERE id = 'o1'), 2, 'and counts');
SELECT is((SELECT string_agg(DISTINCT code, ' ' ORDER BY code) FROM order_events WHERE outcome = 'refused'),
	'23503 23PS1 23PS3 23PS4 23PS5' || CASE WHEN :{?sharded} THEN '' ELSE ' 23PS6' END, 'each refusal has its code');

-- ---- tried again
SELECT is((SELECT string_agg(DISTINCT outcome, ' ') FROM order_events WHERE order_ref = 'nowhere'), 'refused', 'before there is the order');
INSERT INTO orders (id, amount) VALUES ('nowhere', 1000);
SELECT results_eq($$SELECT r.* FROM order_events e, paystate.retry_event('orders', e.gateway, e.event_id) r WHERE order_ref = 'nowhere'$$,
	$$VALUES ('applied', 'nowhere', 'b', NULL)$$, 'the cause is mended');
SELECT results_eq($$SELECT outcome, code, reason, tries FROM order_events WHERE order_ref = 'nowhere'$$,
	$$VALUES ('applied', NULL, NULL, 2)$$, 'and the inbox says so');
SELECT results_eq($$SELECT r.outcome, r.reason FROM order_events e, paystate.retry_event('orders', e.gateway, e.event_id) r WHERE order_ref = 'nowhere'$$,
	$$VALUES ('duplicate', 'was applied before')$$, 'not twice');
SELECT throws_ok($$SELECT paystate.retry_event('orders', 'paykun', 'nothing')$$, 'P0002', 'event "nothing" of gateway "paykun" does not exist', 'an unknown event');

-- ---- PayKun's rupees, Plural's objects
SELECT answers('paykun', jsonb_build_object('transaction', jsonb_build_object('payment_id', 'kx', 'status', 'Success', 'order',
	jsonb_build_object('order_id', 'k1', 'gross_amount', v))), 'refused: amount ' || v::text || ' is not a whole number of subunits', 'PayKun: ' || v::text)
  FROM unnest('{10.505,-1,true,[],"\"ten\""}'::jsonb[]) v;
SELECT is(helper.tell('paykun', '{"status": true, "data": {"transaction": {"payment_id": "k", "status": "Success", "order": {"order_id": "k1", "gross_amount": "10.5"}}}}'), 'applied', 'PayKun: rupees as text');
SELECT is((SELECT amount_paid FROM orders WHERE id = 'k1'), 1050::bigint, 'exact');
SELECT answers('paykun', '{"transaction": {"payment_id": "k", "status": "Pending"}}', 'ignored: status "Pending" moves nothing', 'PayKun: another word');
SELECT answers('paykun', '{"status": false, "errors": {}}', 'ignored: payload is no transaction of paykun', 'PayKun: an error');
SELECT is(helper.tell('plural', '{"event_type": "ORDER_PROCESSED", "data": {"order_id": "v1", "status": "PARTIALLY_CAPTURED", "order_amount": {"value": 1000, "currency": "INR"}, "payments": [{"id": "v", "status": "PROCESSED", "payment_amount": {"value": 1000, "currency": "INR"}, "capture_data": [{"capture_amount": {"value": 600, "currency": "INR"}}]}]}}'), 'applied', 'Plural: captured in part');
SELECT is((SELECT status::text || amount_paid FROM orders WHERE id = 'v1'), 'partially_captured600', 'just so much');
SELECT is(helper.tell('plural', '{"eventType": "ORDER_PROCESSED", "data": {"orderId": "l1", "status": "PROCESSED", "orderAmount": {"value": 1000}, "payments": [{"id": "l", "status": "PROCESSED", "paymentAmount": {"value": 12, "currency": "USD"}, "base_amount": {"value": 1000, "currency": "INR"}}]}}'), 'applied', 'Plural: camel case, and another currency');
SELECT answers('plural', '{"event_type": "ORDER_AUTHORIZED", "data": {"order_id": "l1", "status": "AUTHORIZED", "payments": [{"id": "m", "status": "AUTHORIZED", "payment_amount": {"value": 1000}}]}}',
	'refused: ' || substr(says('23PS3', 'insert payments', 'plural'), 7), 'Plural: one more on a processed order');

-- ---- what makes no sense
SELECT answers('razorpay', v, 'refused: payload is of type ' || jsonb_typeof(v) || ', not an object', 'no object: ' || v::text)
  FROM unnest(ARRAY['1', '"x"', '[]', 'null', 'true']::jsonb[]) v;
SELECT answers('razorpay', v, 'ignored: payload is no event of razorpay', 'nothing known: ' || v::text)
  FROM unnest('{"{}","{\"a\": {\"b\": []}}"}'::jsonb[]) v;
SELECT answers(g, jsonb_build_object(f, 'TOKEN.activated', 'data', 7), format('ignored: event type "TOKEN.activated" moves nothing'), g || ': another event')
  FROM (VALUES ('razorpay', 'event'), ('plural', 'event_type')) v (g, f);
SELECT answers('razorpay', jsonb_build_object('event', 'payment.captured') || v, 'refused: payload of event "payment.captured" has no payment entity', 'no entity: ' || v::text)
  FROM unnest(ARRAY['{}', '{"payload": null}', '{"payload": []}', '{"payload": {"payment": {"entity": 7}}}']::jsonb[]) v;
SELECT answers('razorpay', helper.webhook('y', 'captured', 'o2', 9, v.more), 'refused: ' || v.answer, 'payment with ' || v.more::text)
  FROM (VALUES ('{"amount": "12x"}'::jsonb, 'amount "12x" is not a whole number of subunits'),
			   ('{"amount": 10.5}', 'amount 10.5 is not a whole number of subunits'),
			   ('{"amount": -5}', 'amount -5 is not a whole number of subunits'),
			   ('{"amount": {}}', 'amount {} is not a whole number of subunits'),
			   ('{"amount": 99999999999999999999}', 'bigint out of range'),
			   ('{"id": null}', 'a payment needs an id and a status of the gateway'),
			   ('{"id": []}', 'an id is of type array'),
			   ('{"status": "gone"}', 'a payment needs an id and a status of the gateway')) v (more, answer);
SELECT answers('razorpay', helper.webhook(repeat('y', 300), 'captured', 'o2', 9), 'refused: an id has more than 255 characters', 'a long id');
SELECT answers('razorpay', helper.webhook('y', 'captured', 'l1', 9), 'refused: life cycle "plural" of the order is not one of gateway "razorpay"', 'another gateway''s order');
SELECT answers('plural', '{"order_id": "o1", "status": "CANCELLED", "payments": []}', 'refused: life cycle "razorpay" of the order is not one of gateway "plural"', 'and the other way round');
SELECT is(helper.tell('razorpay', helper.webhook('s', 'captured', 'o2', 50, jsonb_build_object('amount', '1000', 'notes',
	jsonb_build_object('n', repeat('x', 1000000))))), 'applied', 'an amount as text, and huge notes');
SELECT is((SELECT created_at FROM payments WHERE id = 's'), to_timestamp(1700000000), 'made when the gateway says');
\if :{?sharded}
SELECT answers('razorpay', helper.webhook('free', 'authorized', NULL, 9),
	'refused: the event names no order, and table "shop.payments" keeps its rows by order', 'a payment without an order');
\else
SELECT is(helper.tell('razorpay', helper.webhook('free', 'authorized', NULL, 9)), 'applied', 'a payment without an order');
SELECT answers('razorpay', helper.webhook('free', 'captured', NULL, 10),
	'refused: ' || substr(says('23PS3', 'update payments', 'razorpay'), 7), 'is never captured');
\endif
SELECT is(helper.tell('razorpay', helper.webhook('t', 'captured', 'o2', 60, '{"created_at": "soon"}') || '{"created_at": 1e300}') LIKE 'refused: %', true, 'times that are none');
SELECT throws_ok($$SELECT paystate.record_event('orders', 'stripe', 'e', '{}')$$, '22023', 'gateway "stripe" is not known', 'an unknown gateway');
SELECT throws_ok($$SELECT paystate.record_event('orders', 'razorpay', '', '{}')$$, '22023', 'id of an event must have 1 to 255 characters', 'no id');
SELECT throws_ok($$SELECT paystate.record_event('orders', 'razorpay', NULL, '{}')$$, '22004', 'argument "event_id" must not be null', 'a null');
SELECT throws_ok($$SELECT paystate.record_event('orders', 'razorpay', 'e', NULL)$$, '22004', 'argument "payload" must not be null', 'no payload');
SELECT throws_ok($$SELECT paystate.record_event('payments', 'razorpay', 'e', '{}')$$, '23PS8', 'table "shop.payments" cannot record events', 'not an orders table');

-- ---- late_payment(): dead, or where a rule leads on; money only where refunds
-- have moved the order since
SELECT throws_ok(format('SELECT paystate.late_payment(''payments'', %L)', jsonb_build_object('id', 'x', 'order_id', 'o1', 'amount', 1000, 'currency', 'INR', 'status', s)),
	'23PS2', 'insert on table "payments" violates initial status of life cycle "razorpay"', 'never late as ' || s)
  FROM unnest('{authorized,captured,refunded}'::text[]) s;
SELECT throws_ok($$SELECT paystate.late_payment('payments', '{"id": "x", "order_id": "o1", "amount": 900, "status": "failed"}')$$,
	'23PS4', 'insert on table "payments" violates amounts of life cycle "razorpay"', 'never of another amount');
SELECT throws_ok($$SELECT paystate.late_payment('payments', '{"id": "x", "order_id": "l1", "amount": 100}')$$,
	'23PS3', 'insert on table "payments" violates life cycle "plural": the order takes it no more', 'never live where no rule leads on');
SELECT lives_ok($$SELECT paystate.late_payment('payments', '{"id": "x", "order_id": "o1", "amount": 1000}')$$, 'live where one does');
SELECT throws_ok($$UPDATE payments SET status = 'authorized' WHERE id = 'x'; UPDATE payments SET status = 'captured' WHERE id = 'x'$$,
	'23PS3', 'update on table "payments" violates life cycle "razorpay": the order takes it no more', 'and judged as any from then on');
SELECT throws_ok($$INSERT INTO payments (id, order_id, amount, status) VALUES ('w', 'o1', 1000, 'failed')$$,
	'23PS2', 'insert on table "payments" violates initial status of life cycle "razorpay"', 'a plain insert is not late');
CREATE FUNCTION helper.second() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO shop.payments (id, order_id, amount, status) VALUES ('late2', 'o1', 1000, 'failed');
	RETURN NULL;
END $$;
CREATE TRIGGER zz_second AFTER INSERT ON payments FOR EACH ROW WHEN (NEW.id = 'late1') EXECUTE FUNCTION helper.second();
SELECT throws_ok($$SELECT paystate.late_payment('payments', '{"id": "late1", "order_id": "o1", "amount": 1000, "status": "failed"}')$$,
	'23PS2', 'insert on table "payments" violates initial status of life cycle "razorpay"', 'nor is one that a trigger inserts beside it');
DROP TRIGGER zz_second ON payments;
SELECT lives_ok($$SELECT paystate.late_payment('payments', '{"id": "late1", "order_id": "o1", "amount": 1000, "status": "failed"}')$$, 'without it, it is late');
SELECT throws_ok($$SELECT paystate.late_payment('payments', v) FROM jsonb_array_elements('[{}]') v$$, '22023', 'fields of a payment must be an object that names columns', 'no fields');

DO $$ BEGIN
	INSERT INTO orders (id, lifecycle, amount) VALUES ('back', 'plural', 1000), ('held', 'plural_preauth', 1000), ('whole', 'plural', 1000), ('open', 'plural', 1000);
	INSERT INTO payments (id, order_id, amount) VALUES ('back1', 'back', 600), ('held1', 'held', 1000), ('whole1', 'whole', 1000), ('open1', 'open', 600);
	UPDATE payments SET status = 'processed' WHERE id IN ('back1', 'whole1', 'open1');
	UPDATE payments SET status = 'authorized' WHERE id = 'held1';
	UPDATE payments SET status = 'processed', amount_captured = 600 WHERE id = 'held1';
	PERFORM helper.write($w$INSERT INTO refunds (id, payment_id, amount) VALUES ('back_r', 'back1', 600), ('held_r', 'held1', 600), ('whole_r', 'whole1', 1000)$w$);
END $$;
CREATE FUNCTION helper.leg(order_id text, amount int, captured int, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql
	AS $$ SELECT format('SELECT paystate.late_payment(''payments'', %L)', jsonb_build_object('id', order_id || '2', 'order_id', order_id,
		'amount', amount, 'amount_captured', captured, 'status', 'processed') || more) $$;
SELECT throws_ok(helper.leg('back', 400, 300), '23PS6', 'column "amount_captured" of table "payments" is derived', 'a leg is captured whole');
SELECT throws_ok(helper.leg('back', 401, 401), '23PS4', 'insert on table "payments" violates amounts of life cycle "plural"', 'a leg is of no more than is due');
SELECT throws_ok(helper.leg('back', 0, 0), '23PS4', 'insert on table "payments" violates amounts of life cycle "plural"', 'nor of nothing');
SELECT throws_ok(helper.leg('back', 400, 400, '{"currency": "USD"}'), '23PS5', 'insert on table "payments" violates currency of life cycle "plural"', 'nor in another currency');
SELECT throws_ok(helper.leg('held', 400, 400), '23PS3', 'insert on table "payments" violates life cycle "plural_preauth": the order takes it no more', 'no leg where the rules would not have had it before');
SELECT throws_ok(helper.leg('whole', 400, 400), '23PS4', 'insert on table "payments" violates amounts of life cycle "plural"', 'none where all was paid');
SELECT throws_ok(helper.leg('open', 400, 400), '23PS2', 'insert on table "payments" violates initial status of life cycle "plural"', 'none where the order still takes payments');
SELECT throws_ok($$INSERT INTO payments (id, order_id, amount, amount_captured, status) VALUES ('back2', 'back', 400, 400, 'processed')$$,
	'23PS6', 'column "amount_captured" of table "payments" is derived', 'none by a plain insert');
SELECT throws_ok($$INSERT INTO payments (id, order_id, amount, status) VALUES ('back2', 'back', 400, 'processed')$$,
	'23PS2', 'insert on table "payments" violates initial status of life cycle "plural"', 'nor by one that says nothing of the capture');
SELECT is_empty($$SELECT FROM payments WHERE id LIKE '%2' AND order_id IN ('back', 'held', 'whole', 'open')$$, 'nothing came of these');
SELECT lives_ok(helper.leg('back', 400, 400), 'a leg that was captured before another went back');
SELECT is((SELECT concat_ws(' ', status, amount_paid, amount_due, amount_refunded, attempts, payments_open, version) FROM orders WHERE id = 'back'),
	'partially_refunded 1000 0 600 2 0 5', 'counts as it would have in time');
SELECT throws_ok(helper.leg('back', 1, 1, '{"id": "back3"}'), '23PS4', 'insert on table "payments" violates amounts of life cycle "plural"', 'and once');

-- ---- late_refund(): one that failed, and nothing else
CREATE FUNCTION helper.back(payment_id text, amount int, status text) RETURNS text LANGUAGE sql
	AS $$ SELECT format('SELECT paystate.late_refund(''refunds'', %L)', jsonb_build_object('id', 'late_' || payment_id, 'payment_id', payment_id, 'amount', amount, 'status', status)
		|| CASE WHEN helper.led(payment_id) = '{}' THEN '{}' ELSE jsonb_build_object('order_id', (helper.led(payment_id))[1]) END) $$;
SELECT throws_ok(helper.back('whole1', 1001, 'failed'), '23PS4', 'insert on table "refunds" violates amounts of life cycle "plural"', 'of no more than was captured');
SELECT throws_ok(helper.back('whole1', 0, 'failed'), '23PS4', 'insert on table "refunds" violates amounts of life cycle "plural"', 'nor of nothing');
SELECT throws_ok(helper.back('x', 1, 'failed'), '23PS4', 'insert on table "refunds" violates amounts of life cycle "razorpay"', 'nor of a payment that was never captured');
SELECT throws_ok(helper.back('whole1', 1, 'processed'), '23PS3', NULL, 'what gives money back is judged as ever');
SELECT throws_ok(helper.here($$INSERT INTO refunds (id, payment_id, amount, status) VALUES ('late_whole1', 'whole1', 400, 'failed')$$), '23PS2', NULL, 'a plain insert is not late');
SELECT throws_ok($$SELECT paystate.late_refund('payments', '{"id": "x"}')$$, '23PS8', 'table "payments" is not bound to a life cycle', 'not into another table');
SELECT throws_ok($$SELECT paystate.late_refund('refunds', v) FROM jsonb_array_elements('[{}]') v$$, '22023', 'fields of a refund must be an object that names columns', 'no fields of a refund');
SELECT lives_ok(helper.back('whole1', 400, 'failed'), 'one that failed before all went back');
SELECT is((SELECT concat_ws(' ', o.status, o.amount_refunded, p.amount_refunded, p.refund_pending, r.status, h.refund_to, h.amount, h.order_from = h.order_to)
	FROM orders o JOIN payments p ON p.order_id = o.id JOIN refunds r ON r.payment_id = p.id JOIN order_history h ON h.refund_id = r.id WHERE r.id = 'late_whole1'),
	'fully_refunded 1000 1000 0 failed failed 400 t', 'leaves everything as it was');
SELECT is_empty($$SELECT * FROM paystate.verify('orders')$$, 'verify() follows what was told late');

-- ---- Plural's refunds that do not name their payment
CREATE FUNCTION helper.legs(order_id text, VARIADIC legs text[]) RETURNS jsonb LANGUAGE sql
	AS $$ SELECT jsonb_build_object('event_type', 'ORDER_PENDING', 'data', jsonb_build_object('order_id', order_id, 'status', 'PENDING',
		'payments', (SELECT jsonb_agg(jsonb_build_object('id', order_id || split_part(l, ' ', 1), 'status', split_part(l, ' ', 2),
			'payment_amount', jsonb_build_object('value', split_part(l, ' ', 3)::int, 'currency', 'INR'), 'created_at', '2026-01-01T00:00:0' || n || 'Z')) FROM unnest(legs) WITH ORDINALITY u (l, n)))) $$;
CREATE FUNCTION helper.back_of(order_id text, id text, amount int, status text, second int, payment text DEFAULT NULL) RETURNS jsonb LANGUAGE sql
	AS $$ SELECT jsonb_build_object('event_type', 'REFUND_' || status, 'data', jsonb_build_object('order_id', id, 'parent_order_id', order_id, 'type', 'REFUND',
		'payments', jsonb_build_array(jsonb_build_object('id', id || '-1', 'parent_payment_id', payment, 'status', status,
			'payment_amount', jsonb_build_object('value', amount, 'currency', 'INR'), 'created_at', '2026-01-01T00:01:0' || second || 'Z')))) $$;
INSERT INTO orders (id, lifecycle, amount) VALUES ('u', 'plural', 1000), ('v', 'plural', 1000), ('w', 'plural', 1200);
SELECT is(helper.tell('plural', helper.legs('u', 'a processed 500', 'b processed 500')), 'applied', 'two legs alike');
SELECT helper.answers('plural', helper.back_of('u', 'ur', 500, 'PROCESSED', 1),
	'refused: refund "ur" may be of 2 payments, and the event does not say which', 'a refund of either waits');
SELECT is(helper.tell('plural', helper.back_of('u', 'ur', 500, 'PROCESSED', 1, 'ub')), 'applied', 'until its payment is named');
SELECT is((SELECT string_agg(concat_ws(' ', outcome, tries), ', ' ORDER BY outcome DESC) FROM order_events WHERE order_ref = 'u' AND event_type = 'REFUND_PROCESSED'),
	'unchanged 2, applied 1', 'and is told then');
SELECT is(helper.tell('plural', helper.back_of('u', 'us', 300, 'PROCESSED', 2)), 'applied', 'one leg has nothing left, so the next is of the other');
SELECT is(helper.tell('plural', helper.legs('v', 'a processed 600', 'b failed 400')), 'applied', 'one leg of two');
SELECT helper.answers('plural', helper.back_of('v', 'vr', 400, 'PROCESSED', 1),
	'refused: refund "vr" may be of payment "va" or of one that is not captured here, and the event does not say which',
	'a leg that is not told may be as large');
SELECT is(helper.tell('plural', helper.back_of('v', 'vs', 401, 'PENDING', 2)), 'applied', 'not so large');
SELECT is(helper.tell('plural', helper.back_of('v', 'vs', 401, 'FAILED', 2)), 'applied', 'it fails');
SELECT helper.write($$INSERT INTO refunds (id, payment_id, amount) VALUES ('vr', 'va', 400)$$) \gset
SELECT is((SELECT r.outcome FROM order_events e, paystate.retry_event('orders', 'plural', e.event_id) r WHERE e.order_ref = 'v' AND e.outcome = 'refused'),
	'unchanged', 'whoever knows writes it, and tries the event again');
SELECT is(helper.tell('plural', helper.legs('w', 'a processed 600', 'b processed 600')), 'applied', 'two legs alike');
SELECT is(helper.tell('plural', helper.back_of('w', 'w1', 600, 'PROCESSED', 1, 'wa')), 'applied', 'one goes back');
SELECT is(helper.tell('plural', helper.back_of('w', 'w3', 600, 'PROCESSED', 3, 'wb')), 'applied', 'and the other');
SELECT is(helper.tell('plural', helper.back_of('w', 'w2', 500, 'FAILED', 2)), 'applied', 'one failed between the two');
SELECT is((SELECT concat_ws(' ', payment_id, status) FROM refunds WHERE id = 'w2'), 'wb failed', 'of what had not gone back by then');
SELECT helper.answers('plural', helper.back_of('w', 'w0', 500, 'FAILED', 0),
	'refused: refund "w0" may be of 2 payments, and the event does not say which', 'before both it may be of either');
SELECT helper.answers('plural', helper.back_of('w', 'w4', 500, 'FAILED', 4),
	'refused: refund "w4" is of a payment that is not captured here', 'after both of neither');
SELECT is_empty($$SELECT * FROM paystate.verify('orders')$$, 'verify() finds nothing');

-- ---- the least rights
DO $$ BEGIN
	CREATE ROLE events_app;
	GRANT USAGE ON SCHEMA shop, helper TO events_app;
	GRANT SELECT, INSERT ON orders, payments, refunds, order_events TO events_app;
	GRANT UPDATE (status, notes, receipt) ON orders TO events_app;
	GRANT UPDATE (status, amount_captured) ON payments TO events_app;
	GRANT UPDATE (status) ON refunds TO events_app;
	INSERT INTO orders (id, lifecycle, amount) VALUES ('o5', 'razorpay', 1000), ('v5', 'plural_preauth', 1000);
END $$;
SELECT set_config('helper.role', 'events_app', true) \gset
SELECT is(helper.outcome($$SELECT paystate.record_event('shop.orders', 'razorpay', 'app_1', '{}')$$), '42501 permission denied for table order_events',
	'without UPDATE on the inbox') ;
GRANT UPDATE ON order_events TO events_app;
SELECT set_config('helper.events', jsonb_build_array(helper.webhook('o5a', 'captured', 'o5', 9, '{"created_at": 1700000005}'), helper.webhook('o5b', 'failed', 'o5', 8),
	'{"entity": "refund", "id": "rf", "payment_id": "o5a", "amount": 1000, "status": "processed"}'::jsonb)::text, true) \gset
SELECT is(helper.outcome(format('SELECT paystate.record_event(''shop.orders'', ''razorpay'', ''app_'' || %s, %L)', n + 1, current_setting('helper.events')::jsonb -> n - 1)), 'accepted', 'the application may: event ' || n)
  FROM generate_series(1, 3) n;
SELECT is(helper.outcome($$SELECT paystate.record_event('shop.orders', 'plural', 'app_5', '{"event_type": "ORDER_CANCELLED", "data": {"order_id": "v5", "status": "CANCELLED", "payments": [{"id": "v5p", "status": "CANCELLED", "payment_amount": {"value": 1000}}]}}')$$), 'accepted', 'and cancel');
SELECT set_config('helper.role', '', true) \gset
SELECT results_eq($$SELECT id COLLATE "default", status::text, attempts FROM orders WHERE id IN ('o5', 'v5') ORDER BY id$$,
	$$VALUES ('o5', 'paid', 2), ('v5', 'cancelled', 1)$$, 'all of it was done');
SELECT results_eq($$SELECT outcome, count(*)::int FROM order_events WHERE event_id LIKE 'app_%' GROUP BY outcome$$,
	-- a refund that names no order is told in vain where the order leads its key
	CASE WHEN :{?sharded} THEN $$VALUES ('applied', 3), ('refused', 1)$$ ELSE $$VALUES ('applied', 4)$$ END, 'and applied');

-- ---- attached tables: the shop's own words, and its money
SET LOCAL client_min_messages = error;
DO $$ BEGIN
	CREATE SCHEMA bazaar;
	CREATE TABLE bazaar.sales (id text PRIMARY KEY, amount integer NOT NULL, status text NOT NULL);
	CREATE TABLE bazaar.payments (id text PRIMARY KEY, order_id text REFERENCES bazaar.sales, amount integer NOT NULL, status text NOT NULL);
	CREATE INDEX ON bazaar.payments (order_id);
	CREATE TABLE bazaar.refunds (id text PRIMARY KEY, payment_id text REFERENCES bazaar.payments, amount integer NOT NULL, status text NOT NULL);
	CREATE INDEX ON bazaar.refunds (payment_id);
	PERFORM paystate.attach('bazaar.sales', 'bazaar.payments', 'bazaar.refunds', lifecycle => 'razorpay', add_columns => true,
		labels => '{"order": {"paid": "चुकाया"}, "payment": {"captured": "a\\b\"c"}, "refund": {"processed": "लौटाया"}}');
	PERFORM paystate.create_events('bazaar');
	INSERT INTO bazaar.sales (id, amount, status) VALUES ('s1', 1000, 'created');
END $$;
SELECT results_eq($$SELECT r.outcome FROM (VALUES ('b1', helper.webhook('sp', 'captured', 's1', 1)),
		('b2', helper.webhook('sp', 'captured', 's1', 1)),
		('b3', '{"entity": "refund", "id": "sr", "payment_id": "sp", "amount": 300, "status": "processed"}'),
		('b4', '{"entity": "refund", "id": "sr", "payment_id": "sp", "amount": 300, "status": "processed"}')) e (id, payload),
	paystate.record_event('bazaar.sales', 'razorpay', e.id, e.payload) r$$,
	$$VALUES ('applied'), ('unchanged'), ('applied'), ('unchanged')$$, 'labels beyond ASCII and with a backslash are the shop''s own');
SELECT results_eq($$SELECT o.status, p.status, r.status, p.amount_refunded FROM bazaar.sales o, bazaar.payments p, bazaar.refunds r$$,
	$$VALUES ('चुकाया', 'a\b"c', 'लौटाया', 300)$$, 'and are written so');

-- ---- no table of refunds: payments are told, a refund is kept with the reason
DO $$ BEGIN
	CREATE SCHEMA stall;
	CREATE TABLE stall.sales (id text PRIMARY KEY, amount integer NOT NULL, status text NOT NULL);
	CREATE TABLE stall.payments (id text PRIMARY KEY, order_id text REFERENCES stall.sales, amount integer NOT NULL, status text NOT NULL);
	CREATE INDEX ON stall.payments (order_id);
	PERFORM paystate.attach('stall.sales', 'stall.payments', lifecycle => 'razorpay', add_columns => true);
	PERFORM paystate.create_events('stall');
	INSERT INTO stall.sales (id, amount, status) VALUES ('t1', 1000, 'created'), ('t2', 1000, 'created');
END $$;
SELECT results_eq($$SELECT concat_ws(': ', r.outcome, r.reason) FROM (VALUES ('c1', helper.webhook('tf', 'failed', 't1', 1, '{"created_at": 1699999990}')),
		('c2', helper.webhook('tp', 'captured', 't1', 5)), ('c3', helper.webhook('tp', 'authorized', 't1', 2)),
		('c4', '{"entity": "refund", "id": "tr", "payment_id": "tp", "amount": 300, "status": "processed"}'),
		('c5', helper.payment('tp', 'refunded', 't1', '{"entity": "payment", "captured": true}')), ('c6', helper.payment('tp', 'refunded', 't1', '{"entity": "payment", "captured": true}')),
		('c7', helper.webhook('tv', 'authorized', 't2', 1)), ('c8', helper.payment('tv', 'refunded', 't2', '{"entity": "payment", "captured": false}'))) e (id, payload),
	paystate.record_event('stall.sales', 'razorpay', e.id, e.payload) r$$,
	$$VALUES ('applied'), ('applied'), ('stale: what the event tells has been overtaken'),
		('refused: refund "tr" cannot be kept: payments of table "stall.payments" have no refunds with a status'),
		('applied'), ('unchanged'), ('applied'), ('applied')$$, 'without refunds, payments are told all the same');
SELECT results_eq($$SELECT o.status, o.amount_paid::int, o.attempts, p.id, p.status, p.amount_refunded::int FROM stall.sales o JOIN stall.payments p ON p.order_id = o.id ORDER BY p.id$$,
	$$VALUES ('paid', 1000, 2, 'tf', 'failed', 0), ('paid', 1000, 2, 'tp', 'refunded', 1000), ('attempted', 0, 1, 'tv', 'refunded', 1000)$$, 'and stand as they should');
SELECT is((SELECT concat_ws(' ', outcome, code) FROM stall.order_events WHERE event_id = 'c4'), 'refused 23PS1', 'what could not be done is kept');
SELECT is_empty($$SELECT * FROM paystate.verify('stall.sales')$$, 'verify() finds nothing where there are no refunds');

-- ---- rows that are kept by order: an event must name it
DO $$ BEGIN
	CREATE SCHEMA depot;
	PERFORM paystate.create_tables('depot', sharded => true);
	CREATE SCHEMA depot_uuid;
	PERFORM paystate.create_tables('depot_uuid', key_type => 'uuid', sharded => true);
	INSERT INTO depot.orders (id, amount) VALUES ('d1', 1000), ('d2', 1000);
	INSERT INTO depot_uuid.orders (gateway_id, amount) VALUES ('d1', 1000), ('d2', 1000);
	CREATE SCHEMA mall;
	CREATE TABLE mall.orders (shop int, id text, amount int NOT NULL, status text NOT NULL, PRIMARY KEY (shop, id));
	CREATE TABLE mall.payments (shop int, id text, order_id text, amount int NOT NULL, status text NOT NULL, PRIMARY KEY (shop, id),
		FOREIGN KEY (shop, order_id) REFERENCES mall.orders);
	CREATE INDEX ON mall.payments (shop, order_id);
	PERFORM paystate.attach('mall.orders', 'mall.payments', lifecycle => 'razorpay', add_columns => true);
END $$;
CREATE VIEW helper.depot_events AS SELECT * FROM (VALUES
	(1, helper.webhook('dp', 'captured', 'd1', 1)), (2, helper.webhook('dp', 'captured', 'd2', 1)),
	(3, '{"entity": "refund", "id": "dr", "payment_id": "dp", "amount": 300, "status": "pending"}'),
	(4, helper.webhook('dp', 'captured', NULL, 1)),
	(5, helper.webhook('dp', 'captured', 'd1', 9) || jsonb_build_object('event', 'refund.created', 'payload', jsonb_build_object(
		'payment', jsonb_build_object('entity', helper.payment('dp', 'captured', 'd1')),
		'refund', '{"entity": {"id": "dr", "payment_id": "dp", "amount": 300, "status": "pending"}}'::jsonb))),
	(6, helper.webhook('dp', 'captured', 'd1', 9) || jsonb_build_object('event', 'refund.processed', 'payload', jsonb_build_object(
		'payment', jsonb_build_object('entity', helper.payment('dp', 'captured', 'd1')),
		'refund', '{"entity": {"id": "dr", "payment_id": "dp", "amount": 300, "status": "processed"}}'::jsonb))),
	(7, helper.payment('dp', 'refunded', 'd2', '{"entity": "payment", "captured": true}'))) e (n, payload);
SELECT results_eq(format($$SELECT concat_ws(': ', r.outcome, r.reason) FROM helper.depot_events e, paystate.record_event('%s.orders', 'razorpay', 'd' || e.n, e.payload) r$$, shop),
	format($$VALUES ('applied'), ('applied'), ('refused: the event names no order, and table "%1$s.payments" keeps its rows by order'),
		('refused: the event names no order, and table "%1$s.payments" keeps its rows by order'), ('applied'), ('applied'), ('applied')$$, shop), shop || ': each event is of its own order')
FROM unnest('{depot,depot_uuid}'::text[]) shop;
SELECT results_eq(format($$SELECT o.amount_paid, o.amount_refunded, p.status::text, p.refund_pending FROM %1$s.orders o JOIN %1$s.payments p ON p.order_id = o.id ORDER BY o.amount_refunded$$, shop),
	$$VALUES (1000::bigint, 300::bigint, 'captured', 0::bigint), (1000, 1000, 'refunded', 0)$$, shop || ': also where two have payments of one name')
FROM unnest('{depot,depot_uuid}'::text[]) shop;
SELECT is((SELECT count(*) FROM paystate.verify((shop || '.orders')::regclass)), 0::bigint, shop || ': verify() finds nothing')
FROM unnest('{depot,depot_uuid}'::text[]) shop;
SELECT throws_ok($$SELECT paystate.record_event('mall.orders', 'razorpay', 'm1', helper.webhook('mp', 'captured', 'm', 1))$$,
	'23PS8', 'table "mall.payments" does not say the gateway''s ids', 'an order of two keys is more than an event can name');

-- ---- money in units: each currency has its own, and events give subunits
DO $$ BEGIN
	CREATE SCHEMA fair2;
	CREATE DOMAIN fair2.money AS numeric(15,2);
	CREATE TABLE fair2.sales (id text PRIMARY KEY, amount fair2.money NOT NULL, currency char(3) NOT NULL, flow text NOT NULL, state text NOT NULL);
	CREATE TABLE fair2.payments (id text PRIMARY KEY, sale text REFERENCES fair2.sales, amount numeric(15,2) NOT NULL, currency char(3) NOT NULL, state text NOT NULL);
	CREATE INDEX ON fair2.payments (sale);
	CREATE TABLE fair2.refunds (id text PRIMARY KEY, payment_id text REFERENCES fair2.payments, amount numeric(15,2) NOT NULL, status text NOT NULL);
	CREATE INDEX ON fair2.refunds (payment_id);
	PERFORM paystate.attach('fair2.sales', 'fair2.payments', 'fair2.refunds', add_columns => true,
		columns => '{"orders.status": "state", "orders.lifecycle": "flow", "payments.status": "state", "payments.order_id": "sale"}');
END $$;
SELECT is((SELECT count(*) FROM paystate.attach('fair2.sales', 'fair2.payments', 'fair2.refunds',
		columns => '{"orders.status": "state", "orders.lifecycle": "flow", "payments.status": "state", "payments.order_id": "sale"}')),
	0::bigint, 'money in units is attached');
INSERT INTO fair2.sales (id, amount, currency, flow, state) VALUES ('inr', 499.50, 'INR', 'razorpay', 'created'),
	('kwd', 1.23, 'KWD', 'razorpay', 'created'),
	('pk', 10.50, 'INR', 'paykun', 'created'), ('pl', 20, 'INR', 'plural_preauth', 'created');
SELECT results_eq($$SELECT r.outcome FROM (VALUES
		('razorpay', 'n1', helper.webhook('ip', 'captured', 'inr', 1, '{"amount": 49950}')),
		('razorpay', 'n2', '{"entity": "refund", "id": "ir", "payment_id": "ip", "amount": 10050, "status": "processed"}'),
		('razorpay', 'n3', '{"entity": "refund", "id": "ir", "payment_id": "ip", "amount": 10050, "status": "processed"}'),
		('razorpay', 'n4', helper.webhook('ip', 'captured', 'inr', 1, '{"amount": 499}')),
		('razorpay', 'n5', '{"entity": "order", "id": "inr", "amount": 49950, "currency": "INR", "status": "paid"}'),
		('razorpay', 'n7', helper.webhook('kp', 'captured', 'kwd', 1, '{"amount": 1230, "currency": "KWD"}')),
		('razorpay', 'n8', '{"entity": "refund", "id": "kr2", "payment_id": "kp", "amount": 1231, "status": "processed"}'),
		('razorpay', 'n9', '{"entity": "refund", "id": "kr", "payment_id": "kp", "amount": 10, "status": "pending"}'),
		('paykun', 'n10', '{"transaction": {"payment_id": "pp", "status": "Refund", "order": {"order_id": "pk", "gross_amount": 10.5}}}'),
		('plural', 'n11', '{"event_type": "ORDER_PROCESSED", "data": {"order_id": "pl", "status": "PARTIALLY_CAPTURED", "order_amount": {"value": 2000, "currency": "INR"}, "payments": [{"id": "vp", "status": "PROCESSED", "payment_amount": {"value": 2000, "currency": "INR"}, "capture_data": [{"capture_amount": {"value": 1250, "currency": "INR"}}]}]}}'),
		('plural', 'n12', '{"event_type": "REFUND_PROCESSED", "data": {"order_id": "vr", "parent_order_id": "pl", "type": "REFUND", "payments": [{"id": "vr-1", "status": "PROCESSED", "payment_amount": {"value": 250, "currency": "INR"}}]}}')
	) e (gateway, id, payload), paystate.record_event('fair2.sales', e.gateway, e.id, e.payload) r$$,
	$$VALUES ('applied'), ('applied'), ('unchanged'), ('refused'), ('unchanged'), ('applied'), ('refused'), ('applied'),
		('applied'), ('applied'), ('applied')$$, 'money in units: each event has its outcome');
SELECT results_eq($$SELECT id, state, amount_paid::text, amount_due::text FROM fair2.sales ORDER BY id$$,
	$$VALUES ('inr', 'paid', '499.50', '0.00'), ('kwd', 'paid', '1.23', '0.00'),
		('pk', 'paid', '10.50', '0.00'), ('pl', 'partially_refunded', '12.50', '7.50')$$, 'money in units: the orders');
SELECT results_eq($$SELECT id, state, amount_captured::text, amount_refunded::text, refund_pending::text FROM fair2.payments ORDER BY id$$,
	$$VALUES ('ip', 'captured', '499.50', '100.50', '0.00'), ('kp', 'captured', '1.23', '0.00', '0.01'),
		('pp', 'refunded', '10.50', '10.50', '0.00'), ('vp', 'processed', '12.50', '2.50', '0.00')$$, 'money in units: the payments');
SELECT results_eq($$SELECT id, amount::text FROM fair2.refunds ORDER BY id$$,
	$$VALUES ('ir', '100.50'), ('kr', '0.01'), ('rest_of_pp', '10.50'), ('vr', '2.50')$$, 'money in units: the refunds');
SELECT results_eq($$SELECT event_id COLLATE "default", reason FROM fair2.order_events WHERE outcome = 'refused' ORDER BY event_id$$,
	$$VALUES ('n4', 'payment "ip" has amount 49950, the event says 499'), ('n8', 'column "amount" of table "fair2.refunds" cannot hold 1231 subunits')$$,
	'money in units: what is refused says subunits, and nothing is rounded');
SELECT is_empty($$SELECT * FROM paystate.verify('fair2.sales')$$, 'money in units: verify() finds nothing');

-- ---- what another role put beside an orders table is not written to
DO $$ BEGIN
	CREATE ROLE events_other;
	CREATE SCHEMA fair;
	GRANT ALL ON SCHEMA fair TO events_other;
	CREATE TABLE fair.orders (id text PRIMARY KEY, amount int NOT NULL, status text NOT NULL);
	GRANT REFERENCES ON fair.orders TO events_other;
	SET LOCAL ROLE events_other;
	CREATE TABLE fair.older (id text PRIMARY KEY, order_id text REFERENCES fair.orders, amount int NOT NULL, status text NOT NULL);
	PERFORM paystate.make_guards('fair.older', 'payments', 'lifecycle=razorpay');
	CREATE TABLE fair.order_events (gateway text, event_id text, payload jsonb);
	RESET ROLE;
	CREATE TABLE fair.payments (id text PRIMARY KEY, order_id text REFERENCES fair.orders, amount int NOT NULL, status text NOT NULL);
	CREATE INDEX ON fair.payments (order_id);
	CREATE TABLE fair.refunds (id text PRIMARY KEY, payment_id text REFERENCES fair.payments, amount int NOT NULL, status text NOT NULL);
	CREATE INDEX ON fair.refunds (payment_id);
	PERFORM paystate.attach('fair.orders', 'fair.payments', 'fair.refunds', lifecycle => 'razorpay', add_columns => true);
	INSERT INTO fair.orders (id, amount, status) VALUES ('f1', 1000, 'created');
END $$;
SELECT throws_ok($$SELECT paystate.record_event('fair.orders', 'razorpay', 'f_1', helper.webhook('fp', 'captured', 'f1', 1))$$,
	'23PS8', 'table "fair.orders" cannot record events', 'the inbox of another owner is none');
DROP TABLE fair.order_events;
SELECT is((SELECT outcome FROM paystate.record_event('fair.orders', 'razorpay', 'f_1', helper.webhook('fp', 'captured', 'f1', 1))),
	'applied', 'beside payments of another owner');
SELECT results_eq('SELECT id, status FROM fair.payments UNION ALL SELECT id, status FROM fair.older', $$VALUES ('fp', 'captured')$$,
	'which got nothing');

\ir lib/end.sql
