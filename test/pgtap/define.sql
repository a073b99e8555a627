-- define_lifecycle(): every key and kind of value has a refusal and a legal
-- twin; what comes of a definition is what the rule tables then say.
\ir lib/shop.sql

SELECT * FROM no_plan();

-- 'defined', or code, DETAIL and HINT; the message is looked at here.
CREATE FUNCTION helper.definition(name text, definition jsonb, keep boolean DEFAULT false) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	code text; message text; detail text; hint text;
BEGIN
	PERFORM paystate.define_lifecycle(name, definition);
	IF NOT keep THEN
		RAISE SQLSTATE 'TT000';
	END IF;
	RETURN 'defined';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN RETURN 'defined';
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
			detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		RETURN concat_ws(' ', code, CASE WHEN message = format('life cycle "%s" is not valid', name)
			THEN NULL ELSE message END, nullif(detail, ''), CASE WHEN hint <> '' THEN '| ' || hint END);
END
$$;

-- a definition based on a life cycle, refused with that and nothing left
CREATE FUNCTION helper.bad(base text, given jsonb, says text) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
BEGIN
	RETURN NEXT is(helper.definition('mine', jsonb_build_object('based_on', base) || given, true), says,
		format('refused: %s with %s', base, left(given::text, 90)));
	RETURN NEXT is((SELECT count(*) FROM (SELECT name FROM paystate.lifecycle UNION ALL SELECT lifecycle FROM paystate.lifecycle_status
		UNION ALL SELECT lifecycle FROM paystate.lifecycle_transition) r (n) WHERE n = 'mine'), 0::bigint, '- and no row of it is left');
END
$$;

CREATE FUNCTION helper.good(base text, given jsonb) RETURNS text
	LANGUAGE sql
AS $$
	SELECT is(helper.definition('mine', jsonb_build_object('based_on', base) || given), 'defined',
		format('legal: %s with %s', base, left(given::text, 90)));
$$;

--
-- Keys and values
--

SELECT helper.bad('razorpay', given::jsonb, '22023 The definition: ' || says) FROM (VALUES
	('{"order_initial": 1}', '"order_initial" must be a string.'),
	('{"payment_initial": null}', '"payment_initial" must not be null.'),
	('{"attempt_on": "never"}', '"attempt_on" must be one of: result, create.'),
	('{"attempt_on": null}', '"attempt_on" must not be null.'),
	('{"auto_capture": "yes"}', '"auto_capture" must be a boolean.'),
	('{"partial_payment": true}', '"partial_payment" must be a string.'),
	('{"partial_payment": "some"}', '"partial_payment" must be one of: order, legs, no.'),
	('{"partial_capture": 1}', '"partial_capture" must be a boolean.'),
	('{"parallel_payments": "many"}', '"parallel_payments" must be one of: one_authorized, legs.'),
	('{"max_attempts": 0}', '"max_attempts" must be between 1 and 2147483647.'),
	('{"max_attempts": 1.5}', '"max_attempts" must be a whole number.'),
	('{"max_attempts": 2147483648}', '"max_attempts" must be between 1 and 2147483647.'),
	('{"refund_moves": "both"}', '"refund_moves" must be one of: payment, order.'),
	('{"order_cancel": null}', '"order_cancel" must not be null.'),
	('{"payment_min": -1}', '"payment_min" must be between 0 and 9223372036854775807.'),
	('{"payment_min": "100"}', '"payment_min" must be a whole number.'),
	('{"payment_max": 0}', '"payment_max" must be between 1 and 9223372036854775807.'),
	('{"payment_max": 1e30}', '"payment_max" must be between 1 and 9223372036854775807.'),
	('{"currencies": []}', '"currencies" must be an array of strings, or null.'),
	('{"currencies": "INR"}', '"currencies" must be an array of strings, or null.'),
	('{"currencies": [1]}', '"currencies" must be an array of strings, or null.'),
	('{"currencies": ["INR", "INR"]}', '"currencies" names something twice.'),
	('{"amount_fixed": "payment"}', '"amount_fixed" must be one of: creation, first_payment.'),
	('{"late_window": 5}', '"late_window" must be an interval, written as a string, or null.'),
	('{"order_expires": "soon"}', '"order_expires" must be an interval, written as a string, or null.'),
	('{"authorization_expires": "-1 day"}', '"authorization_expires" must be longer than nothing.'),
	('{"order_expires": "1001 years"}', '"order_expires" must be at most 1000 years.'),
	('{"statuses": {}}', '"statuses" must be an array of objects.'),
	('{"transitions": "none"}', '"transitions" must be an array of objects.'),
	('{"based_on": 5}', '"based_on" must be a string.')
) v (given, says);

SELECT helper.good(base, given::jsonb) FROM (VALUES
	('razorpay', '{"order_initial": "created", "payment_initial": "created", "attempt_on": "result", "auto_capture": true}'),
	('razorpay', '{"attempt_on": "create"}'), ('paykun', '{"attempt_on": "create"}'), ('plural', '{"attempt_on": "create"}'),
	('razorpay', '{"partial_payment": "no"}'), ('plural', '{"partial_payment": "legs"}'),
	('razorpay', '{"parallel_payments": "legs"}'),
	('plural_preauth', '{"partial_capture": false}'), ('plural_preauth', '{"order_cancel": false}'), ('plural', '{"order_cancel": false}'),
	('razorpay', '{"max_attempts": 1}'), ('plural', '{"max_attempts": 1}'), ('plural', '{"max_attempts": null}'), ('razorpay', '{"max_attempts": 2147483647}'),
	('razorpay', '{"refund_moves": "payment"}'),
	('razorpay', '{"payment_min": 0}'), ('razorpay', '{"payment_min": null}'), ('plural', '{"payment_min": 0, "payment_max": null}'),
	('razorpay', '{"payment_min": 9223372036854775807, "payment_max": 9223372036854775807}'),
	('razorpay', '{"currencies": ["INR", "JPY", "KWD"]}'), ('paykun', '{"currencies": null}'),
	('razorpay', '{"amount_fixed": "first_payment"}'), ('plural_preauth', '{"amount_fixed": "first_payment"}'),
	('razorpay', '{"late_window": "5 days", "order_expires": "PT12H", "authorization_expires": null}'),
	('razorpay', '{"statuses": [], "transitions": []}'), ('plural', '{}')
) v (base, given);

SELECT helper.bad('razorpay', '{"colour": "red"}',
	'22023 The definition has the unknown key "colour". | Keys are: based_on, order_initial, payment_initial, attempt_on, auto_capture,'
	|| ' partial_payment, partial_capture, parallel_payments, max_attempts, refund_moves, order_cancel, payment_min, payment_max, currencies,'
	|| ' amount_fixed, late_window, order_expires, authorization_expires, statuses, transitions.');
SELECT helper.bad('razorpay', '{"builtin": true}', (SELECT '22023 The definition has the unknown key "builtin". | Keys are: ' || string_agg(key, ', ') || '.'
	FROM paystate.define_keys('definition')));
SELECT helper.bad('nowhere', '{}', '22023 It is based on life cycle "nowhere", which does not exist. | The table paystate.lifecycle lists those that exist.');
SELECT helper.bad('razorpay', '{"payment_min": 500, "payment_max": 499}', '22023 "payment_max" is less than "payment_min".');
SELECT helper.bad('razorpay', '{"currencies": ["XXY"]}', '22023 There is no currency "XXY".');
SELECT is(helper.definition('mine', given), says, format('not an object: %s', given)) FROM (VALUES
	('5'::jsonb, '22023 The definition is not an object.'), ('[]', '22023 The definition is not an object.'), ('null', '22023 The definition is not an object.'),
	(NULL, '22004 definition must not be null')) v (given, says);
SELECT is(helper.definition(NULL, '{}'), '22004 name must not be null', 'a life cycle has a name');
SELECT is(helper.definition('mine', '{"payment_min": 5}'), '22023 The definition lacks "order_initial". | Give all parameters, or a life cycle to base it on.',
	'without a base all parameters are wanted');

--
-- Names and labels
--

SELECT is(helper.definition(name, '{"based_on": "razorpay"}'), '22023 This cannot be the name of a life cycle. | A name has 1 to 63 bytes, no control characters and no blanks around it.',
	format('no name: %L', name)) FROM unnest(ARRAY['', repeat('x', 64), repeat('é', 32), E'a\nb', ' a', 'a ']) name;
SELECT is(helper.definition(name, '{"based_on": "razorpay"}'), 'defined', format('a name: %L', name))
  FROM unnest(ARRAY['x', repeat('x', 63), 'Zahlung über "Bank" = %s', 'lifecycle=razorpay', '''; DROP TABLE orders; --']) name;
SELECT helper.bad('razorpay', jsonb_build_object('statuses', jsonb_build_array(jsonb_build_object('kind', 'payment', 'label', label, 'role', 'open'))),
	format('22023 "%s" cannot be the label of a status. | A label has 1 to 63 bytes, none of the marks > : ; =, no control characters, no blanks around it, and is not "new" or "order".', label))
  FROM unnest(ARRAY['', repeat('x', 64), 'a=b', 'a>b', 'a:b', 'a;b', E'a\tb', ' a', 'new', 'order']) label;
SELECT helper.good('razorpay', jsonb_build_object(
	'statuses', jsonb_build_array(jsonb_build_object('kind', 'payment', 'label', label, 'role', 'dead', 'terminal', true)),
	'transitions', jsonb_build_array(jsonb_build_object('payment_event', 'authorized>' || label, 'order_before', 'attempted', 'order_after', 'attempted'))))
  FROM unnest(ARRAY['x', repeat('x', 63), 'Ungültig, "leider"', '-', 'refund']) label;

--
-- Statuses and transitions, one by one
--

SELECT helper.bad('razorpay', given::jsonb, '22023 ' || says) FROM (VALUES
	('{"statuses": [5]}', 'Item 1 of "statuses" is not an object.'),
	('{"statuses": [{"kind": "order", "label": "held", "role": "held", "color": 1}]}', 'Item 1 of "statuses" has the unknown key "color". | Keys are: kind, label, gateway_spelling, initial, terminal, role.'),
	('{"statuses": [{"kind": "refund", "label": "x", "role": "open"}]}', 'Item 1 of "statuses": "kind" must be one of: order, payment.'),
	('{"statuses": [{"kind": "order", "label": "x", "role": "free"}]}', 'Item 1 of "statuses": "role" must be one of: open, held, settled, returned, dead.'),
	('{"statuses": [{"kind": "order", "label": "x", "role": "open", "initial": "no"}]}', 'Item 1 of "statuses": "initial" must be a boolean.'),
	('{"statuses": [{"kind": "order", "label": null, "role": "open"}]}', 'Item 1 of "statuses": "label" must not be null.'),
	('{"statuses": [{"kind": "order", "role": "open"}]}', 'Item 1 of "statuses" lacks "label".'),
	('{"statuses": [{"label": "x", "role": "open"}]}', 'Item 1 of "statuses" lacks "kind".'),
	('{"statuses": [{"kind": "order", "label": "x"}]}', 'Item 1 of "statuses" lacks "role".'),
	('{"statuses": [{"kind": "order", "label": "paid"}, {"kind": "order", "label": "paid"}]}', 'Item 2 of "statuses" is there twice: ["order", "paid", null].'),
	('{"statuses": [{"kind": "order", "label": "x", "role": null}]}', 'Item 1 of "statuses" takes out what is not there: ["order", "x", null]. | An item whose "role" is null takes out one of the life cycle that the definition is based on.'),
	('{"statuses": [{"kind": "order", "label": "attempted", "initial": true}]}', '"order_initial" is "created", and so must be the only order status that is marked "initial"; marked are: attempted, created.'),
	('{"statuses": [{"kind": "order", "label": "created", "initial": false}]}', '"order_initial" is "created", and so must be the only order status that is marked "initial"; marked are: none.'),
	('{"order_initial": "attempted"}', '"order_initial" is "attempted", and so must be the only order status that is marked "initial"; marked are: created.'),
	('{"payment_initial": "nil"}', '"payment_initial" is "nil", and so must be the only payment status that is marked "initial"; marked are: created.'),
	('{"statuses": [{"kind": "payment", "label": "created", "role": "held"}]}', 'The initial payment status "created" has the role "held", and must have "open".'),
	('{"transitions": ["created>failed"]}', 'Item 1 of "transitions" is not an object.'),
	('{"transitions": [{"payment_event": "order:fail", "order_before": "created", "order_after": "created", "if": "-"}]}', 'Item 1 of "transitions" has the unknown key "if". | Keys are: payment_event, order_before, guard, order_after, money_effect, evidence.'),
	('{"transitions": [{"order_before": "created", "order_after": "created"}]}', 'Item 1 of "transitions" lacks "payment_event".'),
	('{"transitions": [{"payment_event": "order:fail", "order_after": "created"}]}', 'Item 1 of "transitions" lacks "order_before".'),
	('{"transitions": [{"payment_event": "order:fail", "order_before": "created"}]}', 'Item 1 of "transitions" lacks "order_after".'),
	('{"transitions": [{"payment_event": "order:fail", "order_before": "created", "order_after": 5}]}', 'Item 1 of "transitions": "order_after" must be a string.'),
	('{"transitions": [{"payment_event": "order:fail", "order_before": "created", "order_after": null}]}', 'Item 1 of "transitions" takes out what is not there: ["order:fail", "created", "-"]. | An item whose "order_after" is null takes out one of the life cycle that the definition is based on.'),
	('{"transitions": [{"payment_event": "order:fail", "order_before": "created", "order_after": "created"}, {"payment_event": "order:fail", "order_before": "created", "guard": "-", "order_after": "attempted"}]}', 'Item 2 of "transitions" is there twice: ["order:fail", "created", "-"].'),
	('{"transitions": [{"payment_event": "capture", "order_before": "created", "order_after": "created"}]}', '"capture" is not an event. | Events are new>x, x>y, x:refund, order:cancel and order:fail, x and y being statuses of payments.'),
	('{"transitions": [{"payment_event": "order:fail", "order_before": "created", "order_after": "created", "money_effect": ""}]}', 'A rule for "order:fail" has an empty guard or effect. | Where there is none, write "-" or leave it out.'),
	-- what the compiler of the rules has to say
	('{"transitions": [{"payment_event": "order:stop", "order_before": "created", "order_after": "created"}]}', 'Rule "order:stop" in order status "created" is not valid.  There is no such event.'),
	('{"transitions": [{"payment_event": "created>gone", "order_before": "created", "order_after": "created"}]}', 'Rule "created>gone" in order status "created" is not valid.  There is no payment status "gone".'),
	('{"transitions": [{"payment_event": "created>failed", "order_before": "gone", "order_after": "created"}]}', 'Rule "created>failed" in order status "gone" is not valid.  There is no order status "gone".'),
	('{"transitions": [{"payment_event": "authorized>failed", "order_before": "attempted", "guard": "never", "order_after": "attempted"}]}', 'Rule "authorized>failed" in order status "attempted" is not valid.  There is no guard "never".'),
	('{"transitions": [{"payment_event": "authorized>failed", "order_before": "attempted", "order_after": "attempted", "money_effect": "gain"}]}', 'Rule "authorized>failed" in order status "attempted" is not valid.  There is no effect "gain".'),
	('{"transitions": [{"payment_event": "authorized>failed", "order_before": "attempted", "order_after": "attempted", "money_effect": "capture"}]}', 'Rule "authorized>failed" in order status "attempted" is not valid.  The effect "capture" belongs to the moves into a settled status.'),
	('{"transitions": [{"payment_event": "captured>failed", "order_before": "paid", "order_after": "paid"}]}', 'Rule "captured>failed" in order status "paid" is not valid.  Money that was captured or refunded cannot be undone.'),
	('{"transitions": [{"payment_event": "new>authorized", "order_before": "created", "order_after": "created"}]}', 'Rule "new>authorized" in order status "created" is not valid.  A payment is inserted in the initial status.'),
	('{"transitions": [{"payment_event": "created>failed", "order_before": "created", "guard": "-", "order_after": "attempted", "money_effect": "live>created"}]}', 'Rule "created>failed" in order status "created" is not valid.  Live payments cascade into a dead status.'),
	('{"transitions": [{"payment_event": "new>created", "order_before": "created", "guard": "amount=held", "order_after": "created"}]}', 'Rule "new>created" in order status "created" is not valid.  A guard asks for the amount of a payment, which the event does not have.'),
	('{"transitions": [{"payment_event": "order:fail", "order_before": "created", "guard": "refunded_after=amount_paid", "order_after": "created"}]}', 'Rule "order:fail" in order status "created" is not valid.  A guard asks for the amount of a payment, which the event does not have.'),
	('{"transitions": [{"payment_event": "order:fail", "order_before": "created", "guard": "due_after=0", "order_after": "created"}]}', 'Rule "order:fail" in order status "created" is not valid.  A guard asks for an amount, which the event does not have.'),
	('{"transitions": [{"payment_event": "authorized>failed", "order_before": "paid", "guard": "insert_ok", "order_after": "paid"}]}', 'Rule "authorized>failed" in order status "paid" is not valid.  The guard "insert_ok" belongs to the events that insert a payment.'),
	('{"statuses": [{"kind": "payment", "label": "failed", "role": null}]}', 'Rule "created>failed" in order status "attempted" is not valid.  There is no payment status "failed".')
) v (given, says);
SELECT helper.bad('razorpay', jsonb_build_object('statuses', (SELECT jsonb_agg(jsonb_build_object('kind', 'order', 'label', 's' || i, 'role', 'open')) FROM generate_series(1, 62) i)),
	'22023 It has more than 64 statuses of one kind.');

-- legal twins: a guard added, a rule taken out, a status renamed in rules of its own
SELECT helper.good('razorpay', given::jsonb) FROM (VALUES
	('{"transitions": [{"payment_event": "authorized>failed", "order_before": "attempted", "order_after": "attempted"}]}'),
	('{"transitions": [{"payment_event": "failed>authorized", "order_before": "paid", "guard": "-", "order_after": null}]}'),
	('{"transitions": [{"payment_event": "failed>authorized", "order_before": "paid", "order_after": null}, {"payment_event": "failed>authorized", "order_before": "attempted", "order_after": null}]}'),
	('{"transitions": [{"payment_event": "created>failed", "order_before": "created", "evidence": "seen"}]}'),
	('{"statuses": [{"kind": "order", "label": "paid", "gateway_spelling": "PAID"}, {"kind": "payment", "label": "captured", "gateway_spelling": null}]}'),
	('{"order_cancel": true, "statuses": [{"kind": "order", "label": "cancelled", "role": "dead", "terminal": true}], "transitions": [
		{"payment_event": "order:cancel", "order_before": "created", "guard": "amount_paid=0", "order_after": "cancelled", "money_effect": "live>failed"}]}')
) v (given);

--
-- Rules against parameters
--

SELECT helper.bad(base, given::jsonb, '22023 ' || says) FROM (VALUES
	('plural', '{"attempt_on": "result"}', '"attempt_on" is "result", but life cycle "plural" counts attempts when payments are created. | When results come is not to be read off its rules: write them out instead.'),
	('razorpay', '{"transitions": [{"payment_event": "new>created", "order_before": "created", "guard": "insert_ok", "money_effect": "attempt"}]}',
		'attempt_on is "result", but the rules count attempts otherwise: A rule that inserts a payment has the effect "attempt".'),
	('plural', '{"transitions": [{"payment_event": "new>pending", "order_before": "created", "guard": "insert_ok", "money_effect": "-"}]}',
		'attempt_on is "create", but the rules count attempts otherwise: A rule that inserts a payment lacks the effect "attempt".'),
	('plural', '{"transitions": [{"payment_event": "pending>failed", "order_before": "pending", "guard": "other_live", "money_effect": "attempt"}]}',
		'attempt_on is "create", but the rules count attempts otherwise: A rule that inserts no payment has the effect "attempt".'),
	('razorpay', '{"order_cancel": true}', 'order_cancel is true, but no order can be cancelled: There is no rule for the event "order:cancel".'),
	('razorpay', '{"partial_capture": true}', 'partial_capture is true, but no part of a payment can be captured: No rule that captures less than was held ever fires.'),
	('paykun', '{"partial_payment": "order"}', 'partial_payment is "order", but no order can be paid in parts: Two payments of one order are never both captured.'),
	('razorpay', '{"refund_moves": "order"}', 'refund_moves is "order", but a refund moves the payment: The rules with the effect "refund" move both or the other.'),
	('plural', '{"refund_moves": "payment"}', 'refund_moves is "payment", but a refund moves the order: The rules with the effect "refund" move both or the other.'),
	('razorpay', '{"statuses": [{"kind": "order", "label": "attempted", "terminal": true}]}', 'order status "attempted" is terminal, but a rule leaves it: The rule applies in order status "attempted".'),
	('razorpay', '{"statuses": [{"kind": "payment", "label": "failed", "terminal": true}]}', 'payment status "failed" is terminal, but a rule leaves it: The rule applies in order status "attempted".')
) v (base, given, says);

--
-- What comes of a definition
--

SELECT is(helper.definition(name || '_again', paystate.lifecycle_json(name), true), 'defined', format('%s from its own document', name))
  FROM paystate.lifecycle WHERE builtin ORDER BY name;
SELECT is(paystate.lifecycle_json(name || '_again'), paystate.lifecycle_json(name), format('%s_again is %s', name, name))
  FROM paystate.lifecycle WHERE builtin ORDER BY name;
SELECT is((SELECT count(*) FROM paystate.lifecycle WHERE builtin), 4::bigint, 'nothing that was defined is builtin');

-- attempt_on create on a base with result, as the contract words it
SELECT is(helper.definition('on_create', '{"based_on": "razorpay", "attempt_on": "create"}', true), 'defined', 'attempts counted at creation');
SELECT bag_eq($$SELECT payment_event, order_before, guard, order_after, money_effect FROM paystate.lifecycle_transition
		WHERE lifecycle = 'on_create'$$,
	$$SELECT payment_event, order_before, guard,
			CASE WHEN payment_event = 'new>created' AND order_after = 'created' THEN 'attempted' ELSE order_after END,
			CASE WHEN payment_event LIKE 'created>%' THEN '-' WHEN payment_event = 'new>created' THEN 'attempt' ELSE money_effect END
		FROM paystate.lifecycle_transition WHERE lifecycle = 'razorpay'$$,
	'the effect moved from every created>x to new>created');
SELECT is(helper.definition('pk_on_create', '{"based_on": "paykun", "attempt_on": "create"}', true), 'defined', 'and for paykun');
SELECT bag_eq($$SELECT payment_event, order_before, order_after, money_effect FROM paystate.lifecycle_transition
		WHERE lifecycle = 'pk_on_create' AND payment_event IN ('new>created', 'created>captured')$$,
	$$VALUES ('created>captured', 'attempted', 'paid', 'capture'), ('created>captured', 'created', 'paid', 'capture'),
		('new>created', 'attempted', 'attempted', 'attempt'), ('new>created', 'created', 'attempted', 'attempt')$$,
	'where another effect stands beside it, that stays');
SELECT is(helper.given('o1', 'on_create', 1000, 'a=1000 a>failed b=1000'),
	'attempted 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 2, open 1, v4; a failed 0/1000-0-0, b created 0/1000-0-0',
	'the guards follow it');
SELECT helper.cannot('o1', 'b>captured', '23PS1', 'its other rules stand');
SELECT helper.would('o1', 'b>authorized b>captured',
	'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v6; a failed 0/1000-0-0, b captured 1000/1000-0-0', 'capture');

-- parameters that forbid what the rules have are checked beside them
SELECT is(helper.definition('whole', '{"based_on": "plural_preauth", "partial_capture": false, "order_cancel": false}', true), 'defined', 'partial capture and cancel off');
SELECT is(helper.given('o2', 'whole', 1000, 'a=1000 a>authorized'),
	'authorized 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 1, open 1, v3; a authorized 0/1000-0-0', 'a hold');
SELECT helper.cannot('o2', 'a>processed:400', '23PS4', 'partial_capture is false');
SELECT helper.cannot('o2', '!cancel', '23PS1', 'order_cancel is false');
SELECT helper.would('o2', 'a>processed:1000',
	'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a processed 1000/1000-0-0', 'all of it');

-- until it is committed, it may be defined anew, and all see the newest
SELECT is(helper.definition('draft', '{"based_on": "razorpay", "payment_min": 500}', true), 'defined', 'a draft');
SELECT helper.refused($$INSERT INTO orders (id, lifecycle, amount) VALUES ('o3', 'draft', 400)$$,
	'23PS4 insert on table "orders" violates amounts of life cycle "draft"', 'its minimum is 500');
SELECT is(helper.definition('draft', '{"based_on": "razorpay", "payment_min": 500}', true), 'defined', 'the same again');
SELECT is(helper.definition('draft', '{"based_on": "razorpay", "payment_min": 300}', true), 'defined', 'and another');
SELECT helper.accepted($$INSERT INTO orders (id, lifecycle, amount) VALUES ('o3', 'draft', 400)$$, 'its minimum is 300 now');
SELECT is(helper.definition('draft', '{"based_on": "razorpay", "payment_min": -300}', true), '22023 The definition: "payment_min" must be between 0 and 9223372036854775807.', 'refused');
SELECT is((SELECT payment_min FROM paystate.lifecycle WHERE name = 'draft'), 300::bigint, 'and the draft stays as it was');

-- what came with the extension
SELECT is(helper.definition('razorpay', paystate.lifecycle_json('razorpay'), true), 'defined', 'razorpay as it is: nothing to do');
SELECT is((SELECT builtin FROM paystate.lifecycle WHERE name = 'razorpay'), true, 'and it is builtin still');
SELECT is(helper.definition('razorpay', '{"based_on": "razorpay"}', true), 'defined', 'the same, said briefly');
SELECT is(helper.definition('razorpay', '{"based_on": "razorpay", "payment_min": 99}', true),
	'42710 life cycle "razorpay" already exists It is published, with another definition, and orders may rely on it.'
	|| ' | Define the new version under a name of its own; migrate_orders() moves orders to it.', 'razorpay otherwise');

-- tables whose status columns do not know the labels
SELECT is(helper.definition('worded', '{"based_on": "razorpay", "statuses": [{"kind": "payment", "label": "bounced", "role": "dead"}],
	"transitions": [{"payment_event": "authorized>bounced", "order_before": "attempted", "order_after": "attempted"}]}', true), 'defined', 'a label of its own');
CREATE SCHEMA elsewhere;
SELECT throws_ok($$SELECT paystate.create_tables('elsewhere', 'worded')$$, '22023', 'tables for life cycle "worded" cannot be created', 'no tables with our enums for it');
SELECT lives_ok($$SELECT paystate.create_tables('elsewhere', 'draft')$$, 'but for one with our labels');

--
-- Privileges
--

CREATE ROLE pgtap_definer;
GRANT USAGE ON SCHEMA helper, shop TO pgtap_definer;
GRANT CREATE ON SCHEMA shop TO pgtap_definer;
SELECT set_config('helper.role', 'pgtap_definer', true);
SELECT helper.refused($$SELECT paystate.define_lifecycle('theirs', '{"based_on": "razorpay"}')$$, '42501 permission denied for function define_lifecycle', 'not for everybody');
GRANT EXECUTE ON FUNCTION paystate.define_lifecycle TO pgtap_definer;
SELECT helper.refused($$INSERT INTO paystate.lifecycle SELECT * FROM paystate.lifecycle LIMIT 1$$, '42501 permission denied for table lifecycle', 'who may define need not write the rule tables');
SELECT helper.accepted($$SELECT paystate.define_lifecycle('theirs', '{"based_on": "razorpay"}')$$, 'but defines');
SELECT helper.accepted($$SELECT * FROM paystate.check_lifecycle('theirs')$$, 'and all may check');
SELECT helper.refused($$DELETE FROM paystate.lifecycle WHERE name = 'theirs'$$, '42501 permission denied for table lifecycle', 'and not take away');
SELECT set_config('helper.role', '', true);

\ir lib/end.sql
