-- late_window: how long after it failed a payment may still be authorized, or
-- captured.  Whoever asks, or is refused, is told the same.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

DO $$ BEGIN
	PERFORM helper.variant('razorpay_quick', 'razorpay', '{"late_window": "200 ms"}');
	PERFORM helper.variant('razorpay_slow', 'razorpay', '{"late_window": "1 mon"}');
	PERFORM helper.variant('razorpay_endless', 'razorpay', '{"late_window": "100000000 years"}');
	PERFORM helper.variant('paykun_quick', 'paykun', '{"late_window": "200 ms"}');
	PERFORM given('quick', 'razorpay_quick', 1000, 'a= a>failed b=');
	PERFORM given('in-time', 'razorpay_quick', 1000, 'a= a>failed a>authorized');
	PERFORM given('slow', 'razorpay_slow', 1000, 'a= a>failed');
	PERFORM given('endless', 'razorpay_endless', 1000, 'a= a>failed');
	PERFORM given('none', 'razorpay', 1000, 'a= a>failed');
	PERFORM given('paid', 'razorpay_quick', 1000, 'a= b= a>failed b>authorized b>captured');
	PERFORM given('paykun', 'paykun_quick', 1000, 'a= a>failed');
	PERFORM given('new', 'razorpay_quick', 1000, 'a=');
END $$;
SELECT pg_sleep(0.25) AS slept \gset

SELECT helper.cannot('quick', 'a>authorized', '23PS1', 'after the window');
SELECT helper.would('quick', 'b>authorized', 'attempted 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 2, open 1, v5; a failed 0/1000-0-0, b authorized 0/1000-0-0', 'another attempt');
SELECT helper.would('new', 'a>authorized', 'attempted 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 1, open 1, v3; a authorized 0/1000-0-0', 'a first result has no window');
SELECT helper.would('in-time', 'a>captured', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v5; a captured 1000/1000-0-0', 'one that came within the window');
SELECT helper.cannot('paid', 'a>authorized', '23PS1', 'after the window, on a paid order');
SELECT helper.cannot('paykun', word, '23PS1', 'after the window') FROM unnest('{a>authorized,a>captured}'::text[]) AS word;
SELECT helper.would(o, 'a>authorized', 'attempted 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 1, open 1, v4; a authorized 0/1000-0-0', 'within the window')
  FROM unnest('{slow,endless,none}'::text[]) AS o;
SELECT helper.no_op($$UPDATE payments SET status = 'failed' WHERE id = 'quick.a'$$, 'the same status once more');

-- said as it is
CREATE FUNCTION helper.said(statement text, OUT detail text, OUT hint text)
	LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE statement;
EXCEPTION
	WHEN OTHERS THEN GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;
SELECT results_eq($$SELECT detail, hint FROM helper.said('UPDATE payments SET status = ''authorized'' WHERE id = ''quick.a''')$$,
	$$VALUES ('Payment "quick.a" of order "quick" has been "failed" for longer than the late window of life cycle "razorpay_quick".', 'No further move of this payment is allowed.')$$,
	'the refusal says why');
SELECT results_eq($$SELECT to_status, allowed FROM paystate.allowed_transitions('orders', 'quick') WHERE payment_id = 'quick.a' ORDER BY 1$$,
	$$VALUES ('authorized', false), ('captured', false), ('created', false), ('refunded', false)$$, 'allowed_transitions() knows');
SELECT ok((SELECT allowed FROM paystate.allowed_transitions('orders', 'slow') WHERE to_status = 'authorized'), 'and within the window, too');
SELECT results_eq($$SELECT outcome FROM paystate.try_payment('payments', 'quick.a', 'authorized', NULL, VARIADIC helper.led('quick.a'))$$, $$VALUES ('refused')$$, 'try_payment() refuses');
SELECT ok(paystate.can_transition('razorpay_quick', 'payment', 'failed', 'authorized'), 'some rule leads there, in time');

-- a payment without an order, and the table's own life cycle
CREATE SCHEMA quick;
SELECT paystate.create_tables('quick', 'razorpay_quick') AS made \gset
INSERT INTO quick.payments (id, amount) VALUES ('p', 100), ('q', 100);
UPDATE quick.payments SET status = 'failed';
UPDATE quick.payments SET status = 'authorized' WHERE id = 'q';
SELECT pg_sleep(0.25) AS slept \gset
SELECT is(helper.outcome($$UPDATE quick.payments SET status = 'authorized' WHERE id = 'p'$$), '23PS1 update on table "payments" violates life cycle "razorpay_quick"', 'a payment without an order');
SELECT is(helper.outcome($$UPDATE quick.payments SET status = 'refunded' WHERE id = 'q'$$), 'accepted', 'one that came within the window');

\ir lib/end.sql
