-- migrate_orders(): orders that have a counterpart in another life cycle go
-- over, all others are listed with the reason, and the books agree afterwards.
\ir lib/shop.sql

SELECT * FROM no_plan();

-- 'key status outcome reason' of each order
CREATE FUNCTION helper.migrated(a text, b text, dry boolean DEFAULT true) RETURNS text[]
	LANGUAGE sql VOLATILE AS $$
	SELECT array_agg(concat_ws(' ', m.order_key, m.status, m.outcome, '| ' || m.reason) ORDER BY m.order_key)
	  FROM paystate.migrate_orders('orders', a, b, dry) m $$;

DO $$ BEGIN
	PERFORM paystate.define_lifecycle('strict', '{"based_on": "razorpay", "payment_min": 500, "currencies": ["INR"],
		"transitions": [{"payment_event": "failed>authorized", "order_before": "attempted", "order_after": null},
						{"payment_event": "failed>authorized", "order_before": "paid", "order_after": null}]}');
	PERFORM helper.given('paid', 'razorpay', 1000, 'a=1000 a>authorized a>captured a-200 a~100');
	PERFORM helper.given('part', 'razorpay', 1000, 'a=600 a>authorized a>captured', true);
	PERFORM helper.given('held', 'razorpay', 1000, 'a=1000 a>failed b=1000 b>authorized');
	PERFORM helper.given('new', 'razorpay', 1000);
	PERFORM helper.given('small', 'razorpay', 499);
	INSERT INTO orders (id, amount, currency) VALUES ('usd', 1000, 'USD');
	PERFORM helper.given('other', 'plural', 1000, 'a=1000');
	PERFORM helper.given('leg', 'plural_preauth', 1000, 'a=1000 a>authorized a>processed:400');
	PERFORM helper.given('both', 'plural', 1000, 'a=600 b=400 a>processed b>processed');
END $$;

SELECT is(helper.migrated('razorpay', 'strict'), ARRAY['held attempted movable', 'new created movable', 'paid paid movable', 'part attempted movable',
	'small created kept | its amount or terms are not taken there', 'usd created kept | currency "USD" is not taken there'], 'a dry run says what would move');
SELECT is((SELECT count(*) FROM orders WHERE lifecycle = 'strict'), 0::bigint, 'and moves nothing');
SELECT is(helper.migrated('plural_preauth', 'plural'), ARRAY['leg partially_captured kept | there is no order status "partially_captured"'], 'a status that is not there');
SELECT is(helper.migrated('plural', 'plural_preauth'), ARRAY['both processed movable', 'other pending movable'], 'statuses that are');
SELECT is(helper.migrated('razorpay', 'plural'), ARRAY['held attempted kept | there is no payment status "authorized"', 'new created movable',
	'paid paid kept | there is no order status "paid"', 'part attempted kept | there is no payment status "captured"', 'small created movable',
	'usd created kept | currency "USD" is not taken there'], 'another gateway''s: only what was not tried yet');

-- a label with another role, and a status that does not go with the money there
DO $$ BEGIN
	PERFORM paystate.define_lifecycle('whole', '{"based_on": "razorpay", "partial_payment": "no", "transitions": [
		{"payment_event": "authorized>captured", "order_before": "attempted", "guard": "amount=held;partial_payment;due_after>0", "order_after": null}]}');
END $$;
SELECT is((helper.migrated('razorpay', 'whole'))[4], 'part attempted kept | its amount or terms are not taken there', 'partial payment is not taken');

-- moved
SELECT is(helper.migrated('razorpay', 'strict', false), ARRAY['held attempted moved', 'new created moved', 'paid paid moved', 'part attempted moved',
	'small created kept | its amount or terms are not taken there', 'usd created kept | currency "USD" is not taken there'], 'the same, and now they move');
SELECT is((SELECT array_agg(id || ' ' || lifecycle ORDER BY id) FROM orders WHERE lifecycle IN ('razorpay', 'strict')),
	'{held strict,new strict,paid strict,part strict,small razorpay,usd razorpay}', 'to their new life cycle');
SELECT helper.stands('paid', 'paid 1000 of 1000, due 0, held 0, pending 0, back 200, attempts 1, open 0, v7; a captured 1000/1000-200-100', 'as they stood, a version on');
SELECT is((SELECT array_agg(concat_ws(' ', order_id, seq, order_from, order_to, amount, amount_paid, attempts, payment_id, reason, forced) ORDER BY order_id)
	FROM order_history WHERE reason LIKE 'migrated%'), ARRAY['held 6 attempted attempted 1000 0 2 migrated from razorpay to strict t',
	'new 2 created created 1000 0 0 migrated from razorpay to strict t', 'paid 7 paid paid 1000 1000 1 migrated from razorpay to strict t',
	'part 5 attempted attempted 1000 600 1 migrated from razorpay to strict t'], 'with a row of the history each');
SELECT is_empty($$SELECT * FROM paystate.verify('orders')$$, 'verify() finds nothing');
SELECT is(helper.migrated('razorpay', 'strict', false), ARRAY['small created kept | its amount or terms are not taken there', 'usd created kept | currency "USD" is not taken there'],
	'a second time there is nothing more to move');

-- they live on by the new rules
SELECT helper.cannot('held', 'a>authorized', '23PS1', 'no late authorization any more');
SELECT helper.would('held', 'b>captured', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v7; a failed 0/1000-0-0, b captured 1000/1000-0-0', 'what is held is captured');
SELECT helper.would('part', 'b=400 b>authorized b>captured', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v8; a captured 600/600-0-0, b captured 400/400-0-0', 'the rest is paid');
DO $$ BEGIN
	UPDATE refunds SET status = 'processed' WHERE status = 'pending';
	PERFORM helper.then('paid', 'a>refunded');
	PERFORM helper.then('held', 'b>captured b-1');
	PERFORM helper.then('part', 'b=400 b>failed');
END $$;
SELECT is_empty($$SELECT * FROM paystate.verify('orders')$$, 'and verify() follows them');
SELECT is(cardinality(helper.migrated('strict', 'razorpay', false)), 4, 'all of them back again');
SELECT is_empty($$SELECT * FROM paystate.verify('orders')$$, 'and verify() agrees');

-- what is refused
SELECT helper.refused($$SELECT paystate.migrate_orders('orders', 'strict', 'strict')$$, '22023 orders migrate to another life cycle', 'to the same');
SELECT helper.refused($$SELECT paystate.migrate_orders('orders', 'strict', 'nowhere')$$, '23PS8 life cycle "nowhere" does not exist', 'to none');
SELECT helper.refused($$SELECT paystate.migrate_orders('orders', 'nowhere', 'strict')$$, '23PS8 life cycle "nowhere" does not exist', 'from none');
SELECT helper.refused($$SELECT paystate.migrate_orders('paystate.lifecycle', 'razorpay', 'strict')$$,
	helper.outcome($$SELECT paystate.verify('paystate.lifecycle')$$, true), 'of a table that is not bound, as verify() says it');
DO $$ BEGIN
	PERFORM paystate.define_lifecycle('worded', '{"based_on": "razorpay", "statuses": [{"kind": "payment", "label": "bounced", "role": "dead"}],
		"transitions": [{"payment_event": "authorized>bounced", "order_before": "attempted", "order_after": "attempted"}]}');
END $$;
SELECT helper.refused($$SELECT paystate.migrate_orders('orders', 'razorpay', 'worded')$$, '22023 orders cannot migrate to a life cycle whose statuses they cannot have', 'labels that our types lack');
SELECT helper.refused($$UPDATE orders SET lifecycle = 'strict' WHERE id = 'new'$$, '23PS6 column "lifecycle" of table "orders" cannot be changed', 'and nobody moves an order by hand');

CREATE ROLE pgtap_mover;
GRANT USAGE ON SCHEMA helper, shop TO pgtap_mover;
GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA shop TO pgtap_mover;
SELECT set_config('helper.role', 'pgtap_mover', true) \g /dev/null
SELECT helper.refused($$SELECT paystate.migrate_orders('orders', 'razorpay', 'strict')$$, '42501 permission denied for function migrate_orders', 'not for everybody');
GRANT EXECUTE ON FUNCTION paystate.migrate_orders TO pgtap_mover;
SELECT helper.refused($$SELECT paystate.migrate_orders('orders', 'razorpay', 'strict', false)$$, '42501 must be owner of table orders', 'nor for who does not own the table');
SELECT set_config('helper.role', '', true) \g /dev/null

\ir lib/end.sql
