-- check_lifecycle(): silent on the shipped life cycles, and one row with the
-- way to get there for each thing that can be wrong with another.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

SELECT is_empty(format('SELECT * FROM paystate.check_lifecycle(%L)', name), format('nothing is wrong with %s', name))
  FROM paystate.lifecycle ORDER BY name;
SELECT throws_ok($$SELECT * FROM paystate.check_lifecycle('nowhere')$$, '23PS8', 'life cycle "nowhere" does not exist', 'an unknown one');
SELECT is_empty($$SELECT * FROM paystate.check_lifecycle(NULL)$$, 'none');

-- A copy of a life cycle with some rows changed: what is said of it, and that
-- define_lifecycle refuses its document for the same.
CREATE FUNCTION helper.wrong(base text, change text, says text[], description text) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text[];
	document jsonb;
	refusal text := 'not refused';
BEGIN
	BEGIN
		PERFORM helper.variant('v', base, '{}');
		EXECUTE change;
		got := ARRAY(SELECT problem || ': ' || detail FROM paystate.check_lifecycle('v'));
		document := paystate.lifecycle_json('v');
		RAISE SQLSTATE 'TT000';
	EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
	END;
	RETURN NEXT public.is(got, says, description);
	BEGIN
		PERFORM paystate.define_lifecycle('v', document);
		RAISE SQLSTATE 'TT000';
	EXCEPTION
		WHEN SQLSTATE 'TT000' THEN NULL;
		WHEN SQLSTATE '22023' THEN GET STACKED DIAGNOSTICS refusal = PG_EXCEPTION_DETAIL;
	END;
	RETURN NEXT public.is(refusal, coalesce(says[1] || CASE WHEN cardinality(says) > 1
		THEN format(' (and %s more)', cardinality(says) - 1) ELSE '' END, 'not refused'), '- refused for that: ' || description);
END
$$;

-- a rule into, or out of, the copy
CREATE FUNCTION helper.plus(event text, before text, guard text, after text, effect text DEFAULT '-') RETURNS text
	LANGUAGE sql AS $$
	SELECT format('INSERT INTO paystate.lifecycle_transition (lifecycle, payment_event, order_before, guard, order_after, money_effect) VALUES (''v'', %L, %L, %L, %L, %L); ',
		event, before, guard, after, effect)
$$;
CREATE FUNCTION helper.minus(condition text) RETURNS text
	LANGUAGE sql AS $$
	SELECT format('DELETE FROM paystate.lifecycle_transition WHERE lifecycle = ''v'' AND %s; ', condition)
$$;
CREATE FUNCTION helper.status(kind text, label text, role text) RETURNS text
	LANGUAGE sql AS $$
	SELECT format('INSERT INTO paystate.lifecycle_status (lifecycle, kind, label, role) VALUES (''v'', %L, %L, %L); ', kind, label, role)
$$;

SELECT helper.wrong('razorpay', 'SELECT', '{}', 'a copy is as good as the original');

-- statuses that nothing leads to
SELECT helper.wrong('razorpay', helper.status('order', 'lost', 'dead') || helper.status('payment', 'held back', 'held'), ARRAY[
	'order status "lost" is never reached: No sequence of events leads an order there.',
	'payment status "held back" is never reached: No sequence of events leads a payment there.'], 'two that no rule names');
SELECT helper.wrong('razorpay', helper.minus($$payment_event LIKE 'created>authorized'$$) || helper.minus($$payment_event = 'failed>authorized'$$), ARRAY[
	'order status "paid" is never reached: No sequence of events leads an order there.',
	'payment status "authorized" is never reached: No sequence of events leads a payment there.',
	'payment status "captured" is never reached: No sequence of events leads a payment there.',
	'payment status "refunded" is never reached: No sequence of events leads a payment there.',
	'partial_payment is "order", but no order can be paid in parts: Two payments of one order are never both captured.'], 'and all that comes after it');

-- two rules
SELECT helper.wrong('razorpay', helper.plus('created>failed', 'attempted', 'no_other_live', 'attempted'), ARRAY[
	'two rules match: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment a created>failed (order attempted); payment b of 4 inserted created (order attempted); then payment b created>failed'],
	'one of the rules has a guard, and the other none');
SELECT helper.wrong('paykun', helper.plus('created>failed', 'created', 'no_other_live', 'attempted', 'attempt'), ARRAY[
	'two rules match: order of 4 inserted (order created); payment a of 4 inserted created (order created); then payment a created>failed'], 'a guard beside no guard');
SELECT helper.wrong('plural', helper.minus($$guard = 'no_other_live;amount_paid>0'$$) || helper.plus('pending>failed', 'pending', 'no_other_live', 'attempted')
	|| helper.plus('pending>cancelled', 'pending', 'no_other_live;amount_paid>0', 'attempted'), ARRAY[
	'two rules match: order of 4 inserted (order created); payment a of 1 inserted pending (order pending); then payment a pending>failed'], 'guards that overlap');
SELECT helper.wrong('plural_preauth', helper.minus($$payment_event = 'authorized>processed' AND guard = 'captured=held;others_done;due_after>0'$$)
	|| helper.plus('authorized>processed', 'authorized', 'captured=held;due_after>0', 'partially_captured', 'capture'), ARRAY[
	'two rules match: order of 4 inserted (order created); payment a of 1 inserted pending (order pending); payment a pending>authorized (order pending); payment b of 3 inserted pending (order pending); payment b pending>authorized (order authorized); then payment a authorized>processed with 1',
	'a live payment "authorized" has no exit: order of 4 inserted (order created); payment a of 1 inserted pending (order pending); payment a pending>authorized (order pending); payment b of 3 inserted pending (order pending); payment b pending>authorized (order authorized); payment a authorized>processed with 1 (order partially_captured)',
	'partial_payment is "legs", but no order can be paid in parts: Two payments of one order are never both captured.'],
	'guards that overlap when another leg is held');

-- money and statuses that tell different things
SELECT helper.wrong('razorpay', $$UPDATE paystate.lifecycle_transition SET order_after = 'paid' WHERE lifecycle = 'v' AND guard = 'amount=held;partial_payment;due_after>0'; $$
	|| helper.plus('new>created', 'paid', 'insert_ok', 'paid') || helper.plus('authorized>captured', 'paid', 'amount=held;due_after=0', 'paid', 'capture'), ARRAY[
	'an order is "paid" with something due: order of 4 with partial payment inserted (order created); payment a of 1 inserted created (order created); payment a created>authorized (order attempted); payment a authorized>captured with 1 (order paid)'],
	'paid in part is not paid');
SELECT helper.wrong('plural', $$UPDATE paystate.lifecycle_transition SET order_after = 'pending' WHERE lifecycle = 'v' AND guard = 'captured=held;paid_after=amount'; $$, ARRAY[
	'an order is "pending" with nothing due: order of 4 inserted (order created); payment a of 4 inserted pending (order pending); payment a pending>processed with 4 (order pending)',
	'order status "processed" is never reached: No sequence of events leads an order there.'],
	'an order that is paid in full says so');
SELECT helper.wrong('razorpay', $$UPDATE paystate.lifecycle_transition SET order_after = 'done' WHERE lifecycle = 'v' AND order_before = 'attempted' AND money_effect = 'capture'; $$
	|| helper.status('order', 'done', 'settled')
	|| $$UPDATE paystate.lifecycle_transition SET order_before = 'done', order_after = 'done' WHERE lifecycle = 'v' AND order_before = 'paid';
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'v' AND order_before = 'attempted' AND payment_event LIKE 'captured%';
	DELETE FROM paystate.lifecycle_status WHERE lifecycle = 'v' AND label = 'paid'; $$
	|| helper.plus('new>created', 'done', 'insert_ok', 'done') || helper.plus('authorized>captured', 'done', 'amount=held;due_after=0', 'done', 'capture'), ARRAY[
	'an order is "done" now with nothing due, now with something: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment a created>authorized (order attempted); payment a authorized>captured with 4 (order done). But: order of 4 with partial payment inserted (order created); payment a of 1 inserted created (order created); payment a created>authorized (order attempted); payment a authorized>captured with 1 (order done)'],
	'whatever it is called');
SELECT helper.wrong('razorpay', $$UPDATE paystate.lifecycle_transition SET order_after = 'paid' WHERE lifecycle = 'v' AND payment_event = 'failed>authorized'; $$, ARRAY[
	'an order is "paid" with something due: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment a created>failed (order attempted); payment a failed>authorized (order paid)',
	'an order is "paid" with nothing captured: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment a created>failed (order attempted); payment a failed>authorized (order paid)'],
	'an authorization is no payment');
SELECT helper.wrong('plural', $$UPDATE paystate.lifecycle_transition SET guard = 'none_live' WHERE lifecycle = 'v' AND payment_event = 'order:fail'$$, ARRAY[
	'an order is "failed" with money captured: order of 4 inserted (order created); payment a of 1 inserted pending (order pending); payment a pending>processed with 1 (order pending); order:fail (order failed)',
	'captured money of a payment "processed" cannot be refunded: order of 4 inserted (order created); payment a of 1 inserted pending (order pending); payment a pending>processed with 1 (order pending); order:fail (order failed)'],
	'no order fails once money was captured');

-- money that nobody gets out again
SELECT helper.wrong('razorpay', helper.minus($$payment_event = 'captured>refunded' AND order_before = 'attempted'$$) || helper.minus($$payment_event = 'captured:refund' AND order_before = 'attempted'$$), '{}',
	'a refund that must wait until the order is paid');
SELECT helper.wrong('razorpay', helper.minus($$payment_event LIKE 'captured%' AND order_before = 'paid'$$), ARRAY[
	'captured money of a payment "captured" cannot be refunded: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment a created>authorized (order attempted); payment a authorized>captured with 4 (order paid)'],
	'no refund on a paid order');
SELECT helper.wrong('razorpay', helper.minus($$payment_event = 'captured>refunded'$$) || helper.minus($$payment_event LIKE 'authorized>refunded'$$), ARRAY[
	'captured money of a payment "captured" cannot be refunded: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment a created>authorized (order attempted); payment a authorized>captured with 4 (order paid)',
	'a live payment "authorized" has no exit: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment b of 4 inserted created (order created); payment a created>authorized (order attempted); payment a authorized>captured with 4 (order paid); payment b created>authorized (order paid)',
	'payment status "refunded" is never reached: No sequence of events leads a payment there.',
	'refund_moves is "payment", but no refund moves it: The rules with the effect "refund" leave its status as it is.'],
	'the last unit of it');
SELECT helper.wrong('paykun', helper.minus($$payment_event = 'authorized>failed' AND order_before = 'paid'$$), ARRAY[
	'a live payment "authorized" has no exit: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment b of 4 inserted created (order created); payment a created>authorized (order attempted); payment b created>captured with 4 (order paid)'],
	'a hold on an order that is paid');
SELECT helper.wrong('paykun', helper.minus($$payment_event = 'created>failed' AND order_before = 'paid'$$), ARRAY[
	'a live payment "created" has no exit: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment b of 4 inserted created (order created); payment a created>captured with 4 (order paid)'],
	'a payment left open by another');
SELECT helper.wrong('plural_preauth', helper.minus($$payment_event IN ('authorized>cancelled', 'authorized>failed') AND order_before = 'pending'$$), '{}',
	'a hold that can be voided only with its order');

-- the amount, changed when money was taken already, because nothing was counted
SELECT helper.wrong('paykun', $$UPDATE paystate.lifecycle SET amount_fixed = 'first_payment' WHERE name = 'v';
	UPDATE paystate.lifecycle_transition SET money_effect = 'capture' WHERE lifecycle = 'v' AND payment_event = 'created>captured'$$, ARRAY[
	'the totals come to be wrong: order of 4 inserted (order created); payment a of 4 inserted created (order created); payment a created>captured with 4 (order paid); amount of the order changed to 3 (order paid)',
	'an order is "paid" with something due: order of 4 inserted (order created); amount of the order changed to 3 (order created); payment a of 3 inserted created (order created); payment a created>captured with 3 (order paid); amount of the order changed to 4 (order paid)'], 'less than was paid');

-- it does not take long
SELECT cmp_ok((SELECT clock_timestamp() - t FROM (SELECT clock_timestamp() AS t) s,
		LATERAL (SELECT count(*) FROM paystate.lifecycle l, paystate.check_lifecycle(l.name) WHERE t IS NOT NULL) c),
	'<', interval '1 second' * (SELECT count(*) FROM paystate.lifecycle), 'less than a second each');

SELECT * FROM finish();
ROLLBACK;
