-- Life cycles of odd shapes, as rows: no rule that closes an order, refunds
-- that leave it open, dead ends without a way for its payments, guards on
-- amounts where no payment is at hand.  Forcing, late payments, and what the
-- compiler of the rules refuses.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

CREATE FUNCTION helper.status(name text, kind text, label text, role text) RETURNS void LANGUAGE sql
	AS $$ INSERT INTO paystate.lifecycle_status (lifecycle, kind, label, role) VALUES ($1, $2, $3, $4) $$;
CREATE FUNCTION helper.rule(name text, event text, before text, guard text, after text, effect text) RETURNS void LANGUAGE sql
	AS $$ INSERT INTO paystate.lifecycle_transition (lifecycle, payment_event, order_before, guard, order_after, money_effect) VALUES ($1, $2, $3, $4, $5, $6) $$;

DO $$ BEGIN
	-- nothing says "all is paid": two settled statuses, and captures that only take what was held
	PERFORM helper.variant('loose', 'razorpay', '{}');
	PERFORM helper.status('loose', 'order', 'processed', 'settled');
	UPDATE paystate.lifecycle_transition SET guard = 'captured=held' WHERE lifecycle = 'loose' AND payment_event = 'authorized>captured' AND order_after = 'paid';
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'loose' AND payment_event = 'authorized>captured' AND order_after <> 'paid';
	PERFORM helper.rule('loose', 'captured:refund', 'processed', '0<refund;refunded_after<captured', 'processed', 'refund');

	-- returned whatever was refunded; and a refund that leaves the order as it is
	PERFORM helper.variant('whatever', 'plural', '{}');
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'whatever' AND order_after = 'fully_refunded';
	UPDATE paystate.lifecycle_transition SET guard = '0<refund' WHERE lifecycle = 'whatever' AND order_after = 'partially_refunded';
	PERFORM helper.variant('quiet', 'plural', '{}');
	UPDATE paystate.lifecycle_transition SET order_after = 'attempted' WHERE lifecycle = 'quiet' AND payment_event = 'processed:refund' AND order_before = 'attempted';

	-- dead orders that no rule leads to; and no dead payments at all
	PERFORM helper.variant('dead', 'razorpay', '{}');
	PERFORM helper.status('dead', 'order', s, 'dead') FROM unnest('{cancelled,failed}'::text[]) s;
	PERFORM helper.status('dead', 'payment', 'cancelled', 'dead');
	PERFORM helper.variant('deathless', 'razorpay', '{}');
	PERFORM helper.status('deathless', 'order', 'cancelled', 'dead');
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'deathless' AND payment_event LIKE '%failed%';
	DELETE FROM paystate.lifecycle_status WHERE lifecycle = 'deathless' AND label = 'failed';

	-- an order that is cancelled only if it may be paid in parts; payments die with it alone
	PERFORM helper.variant('parts', 'razorpay', '{"order_cancel": true, "max_attempts": 2}');
	PERFORM helper.status('parts', 'order', 'cancelled', 'dead');
	PERFORM helper.status('parts', 'payment', 'cancelled', 'dead');
	PERFORM helper.rule('parts', 'order:cancel', s, 'partial_payment', 'cancelled', 'live>cancelled') FROM unnest('{created,attempted}'::text[]) s;

	-- captures whose rules say nothing of what was held, in part or not; a refund of what was captured in part
	PERFORM helper.variant('silent', 'razorpay', '{"partial_capture": true}');
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'silent' AND payment_event = 'authorized>captured';
	PERFORM helper.rule('silent', 'authorized>captured', 'attempted', 'due_after>0', 'attempted', 'capture');
	PERFORM helper.rule('silent', 'authorized>captured', 'attempted', 'due_after=0', 'paid', 'capture');
	PERFORM helper.rule('silent', 'captured>refunded', 'attempted', 'refunded_after=captured', 'attempted', 'refund')
		WHERE NOT EXISTS (SELECT FROM paystate.lifecycle_transition WHERE lifecycle = 'silent' AND payment_event = 'captured>refunded' AND order_before = 'attempted');

	-- orders that are held: what they do not take is illegal, not late
	PERFORM helper.variant('holding', 'razorpay', '{}');
	UPDATE paystate.lifecycle_status SET role = 'held' WHERE lifecycle = 'holding' AND kind = 'order' AND label = 'attempted';
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'holding' AND payment_event = 'authorized>failed';
	PERFORM helper.rule('holding', 'authorized>failed', 'paid', '-', 'paid', '-');

	-- late payments that are legs
	PERFORM helper.variant('legs', 'plural', '{"max_attempts": 3}');

	PERFORM given('l', 'loose', 1000, 'a= a>authorized a>captured');
	PERFORM given('w', 'whatever', 1000, 'a= a>processed a-1000');
	PERFORM given('q', 'quiet', 1000, 'a=600 a>processed b=400 b>failed a-100');
	PERFORM given('q2', 'quiet', 1000, 'a=600 a>processed b=400 b>failed');
	PERFORM given('r', 'razorpay', 1000, 'a=400 a>authorized a>captured a-100', true);
	PERFORM given('r2', 'razorpay', 1000, 'a=400 a>authorized a>captured', true);
	PERFORM given('d', 'dead', 1000, 'a=');
	PERFORM given('n', 'deathless', 1000, 'a=');
	PERFORM given('n2', 'deathless', 1000);
	PERFORM given('processed', 'plural', 1000, 'a= a>processed');
	PERFORM given('untried', 'plural', 1000, 'a=');
	PERFORM given('held', 'holding', 1000, 'a= a>authorized');
	PERFORM given('silent', 'silent', 1000, 'a=600 b=400 a>authorized b>authorized', true);
	PERFORM given('p', 'parts', 1000, 'a=600', true);
	PERFORM given('whole', 'parts', 1000, 'a=1000');
END $$;

-- ---- force_status(): what the money says, in such life cycles
CREATE FUNCTION helper.forced(an_order text, label text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	detail text;
BEGIN
	PERFORM paystate.force_status('orders', label, 'a test', an_order);
	detail := helper.standing(an_order);
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN RETURN detail;
	WHEN SQLSTATE '23PS4' THEN GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL; RETURN '23PS4 ' || detail;
END
$$;
SELECT is(helper.forced(o, label), says, format('order "%s" forced to "%s"', o, label)) FROM (VALUES
	('l', 'processed', 'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v5; a captured 1000/1000-0-0'),
	('w', 'fully_refunded', 'fully_refunded 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v5; a processed 1000/1000-1000-0'),
	('q', 'pending', '23PS4 What was refunded says otherwise: 600 of 1000 paid, 100 refunded, 0 authorized.'),
	('q2', 'pending', 'pending 600 of 1000, due 400, held 0, pending 0, back 0, attempts 2, open 0, v6; a processed 600/600-0-0, b failed 0/400-0-0'),
	('r', 'paid', '23PS4 Something is due: 400 of 1000 paid, 100 refunded, 0 authorized.'),
	('r2', 'paid', '23PS4 Something is due: 400 of 1000 paid, 0 refunded, 0 authorized.'),
	('d', 'cancelled', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 0, open 0, v4; a cancelled 0/1000-0-0'),
	('d', 'failed', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 0, open 0, v4; a failed 0/1000-0-0'),
	('n', 'cancelled', '23PS4 What was captured, or is under way, could never leave: 0 of 1000 paid, 0 refunded, 0 authorized.'),
	('n2', 'cancelled', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 0, open 0, v2')
	) v (o, label, says);

-- ---- an event of the order with a guard on amounts
SELECT helper.cannot('whole', '!cancel', '23PS1', 'not where it is paid as a whole');
SELECT helper.would('p', '!cancel', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 0, open 0, v4; a cancelled 0/600-0-0', 'where it may be paid in parts');

SELECT helper.cannot('processed', '!fail', '23PS1', 'an event of the order is never merely late');
SELECT helper.would('untried', '!fail', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a failed 0/1000-0-0', 'where a rule has it');
SELECT helper.cannot('held', 'a>failed', '23PS1', 'a rule elsewhere, none here, while the order is held');
SELECT helper.would('held', 'a>captured', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0', 'where one is');

-- ---- what is captured, whatever the rules leave unsaid
SELECT helper.cannot('silent', 'a>captured:601', '23PS4', 'more than was held');
SELECT helper.cannot('silent', 'b>captured:401', '23PS4', 'more than was held, and no less than is due');
SELECT helper.would('silent', 'a>captured:600', 'attempted 600 of 1000, due 400, held 400, pending 0, back 0, attempts 2, open 1, v6; a captured 600/600-0-0, b authorized 0/400-0-0', 'as much');
SELECT helper.would('silent', 'a>captured:250', 'attempted 250 of 1000, due 750, held 400, pending 0, back 0, attempts 2, open 1, v6; a captured 250/600-0-0, b authorized 0/400-0-0', 'a part');
SELECT helper.would('silent', 'a>captured:250 a>refunded', 'attempted 250 of 1000, due 750, held 400, pending 0, back 250, attempts 2, open 1, v7; a refunded 250/600-250-0, b authorized 0/400-0-0', 'and what was captured is refunded, no more');

-- ---- late_payment()
CREATE FUNCTION helper.late(an_order text, more jsonb) RETURNS text LANGUAGE sql
	AS $$ SELECT helper.outcome(format('SELECT paystate.late_payment(''payments'', %L)', jsonb_build_object('id', 'late', 'order_id', an_order) || more), true) $$;
DO $$ BEGIN
	PERFORM given('t', 'legs', 1000, 'a=400 a>failed');
	PERFORM given('t0', 'legs', 1000, 'a=400');
	PERFORM given('t3', 'legs', 1000, 'a=1 a>failed b=1 b>failed c=998');
	PERFORM given('f', 'razorpay', 1000);
END $$;
SELECT is(helper.late(o, f::jsonb), says, format('late on "%s": %s', o, f)) FROM (VALUES
	('p', '{"amount": 400, "status": "cancelled"}', 'accepted'),
	('p', '{"amount": 400, "status": "failed"}', 'accepted'),
	('p', '{"amount": 1001, "status": "failed"}', says('23PS4', 'insert payments', 'parts')),
	('d', '{"amount": 1000, "status": "cancelled"}', says('23PS2', 'insert payments', 'dead')),
	('d', '{"amount": 1000, "status": "failed"}', 'accepted'),
	('f', '{"amount": 0, "status": "failed"}', says('23PS4', 'insert payments', 'razorpay')),
	('f', '{"amount": -5, "status": "failed"}', says('23PS4', 'insert payments', 'razorpay')),
	('f', '{"amount": 1000, "currency": "USD", "status": "failed"}', says('23PS5', 'insert payments', 'razorpay')),
	('f', '{"amount": 1000, "currency": "INR", "status": "failed"}', 'accepted'),
	('f', '{"amount": 999, "status": "failed"}', says('23PS4', 'insert payments', 'razorpay')),
	('t0', '{"amount": 600, "status": "pending"}', 'accepted'),
	('t0', '{"amount": 601, "status": "pending"}', says('23PS4', 'insert payments', 'legs')),
	('t0', '{"amount": 601, "status": "failed"}', 'accepted'),
	('t0', '{"amount": 1001, "status": "failed"}', says('23PS4', 'insert payments', 'legs')),
	('t3', '{"amount": 1, "status": "failed"}', says('23PS3', 'insert payments', 'legs'))
	) v (o, f, says);
SET LOCAL session_replication_role = replica;
UPDATE orders SET attempts = 2147483647 WHERE id = 'f';
SET LOCAL session_replication_role = origin;
SELECT is(helper.late('f', '{"amount": 1000, "status": "failed"}'), says('23PS4', 'insert payments', 'razorpay'), 'one attempt too many to be counted');
SET LOCAL session_replication_role = replica;
UPDATE orders SET attempts = 0 WHERE id = 'f';
SET LOCAL session_replication_role = origin;

-- ---- what the compiler refuses, where define_lifecycle() has nothing to say before
CREATE FUNCTION helper.compiled(spoil text, OUT says text) LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM helper.variant('spoilt', 'razorpay', '{}');
	EXECUTE spoil;
	BEGIN
		INSERT INTO orders (id, lifecycle, amount) VALUES ('spoilt', 'spoilt', 1000);
		says := 'accepted';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS says = PG_EXCEPTION_DETAIL;
		says := SQLSTATE || ' ' || SQLERRM || ' | ' || says;
	END;
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;
SELECT is(helper.compiled(spoil), coalesce('22023 life cycle "spoilt" is not valid | ' || says, 'accepted'), left(spoil, 120)) FROM (VALUES
	('SELECT 1', NULL),
	('UPDATE paystate.lifecycle SET order_initial = ''paid'' WHERE name = ''spoilt''', 'The initial status of orders must be "paid" alone, but "created" is initial too.'),
	('UPDATE paystate.lifecycle_status SET initial = false WHERE lifecycle = ''spoilt'' AND kind = ''payment''', 'The initial status of payments must be "created" alone, but "created" is not initial.'),
	('SELECT helper.rule(''spoilt'', ''authorized>failed'', ''paid'', repeat(''x'', 2000), ''paid'', ''-'')', 'Rule "authorized>failed" in order status "paid" is not valid.  There is no guard "' || repeat('x', 2000) || '".'),
	('SELECT helper.rule(''spoilt'', ''failed>captured'', ''paid'', g, ''paid'', ''capture'') FROM unnest(''{amount=held,captured=held}''::text[]) g', 'Rule "failed>captured" in order status "paid" is not valid.  Another rule has the same guards.'),
	('SELECT helper.rule(''spoilt'', ''created>failed'', ''paid'', ''none_live'', ''paid'', ''live>failed;live>failed'')', 'Rule "created>failed" in order status "paid" is not valid.  There is no effect "live>failed".'),
	('SELECT helper.rule(''spoilt'', ''created>failed'', ''paid'', ''none_live'', ''paid'', ''live>authorized'')', 'Rule "created>failed" in order status "paid" is not valid.  Live payments cascade into a dead status.'),
	('SELECT helper.rule(''spoilt'', ''created>failed'', ''paid'', ''none_live'', ''paid'', ''live>captured'')', 'Rule "created>failed" in order status "paid" is not valid.  Live payments cascade into a dead status.'),
	('SELECT helper.rule(''spoilt'', ''created>failed'', ''paid'', ''none_live'', ''paid'', ''live>failed'')', NULL),
	('SELECT helper.rule(''spoilt'', ''failed>failed'', ''paid'', ''-'', ''paid'', ''-'')', 'Rule "failed>failed" in order status "paid" is not valid.  A payment moves to another status.'),
	('SELECT helper.rule(''spoilt'', ''created>refunded'', ''paid'', ''-'', ''paid'', ''-'')', 'Rule "created>refunded" in order status "paid" is not valid.  The effect "auto_refund" belongs to the moves into a returned status of what was not captured.'),
	('SELECT helper.rule(''spoilt'', ''created>failed'', ''paid'', ''none_live'', ''paid'', ''auto_refund'')', 'Rule "created>failed" in order status "paid" is not valid.  The effect "auto_refund" belongs to the moves into a returned status of what was not captured.')
	) v (spoil, says);

-- ---- no refunds, no answer about them
DO $$ BEGIN
	PERFORM helper.variant('final', 'razorpay', '{}');
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'final' AND money_effect ~ 'refund';
END $$;
SELECT is(paystate.can_transition(l, 'refund', NULL, 'processed'), l = 'razorpay', 'refunds in ' || l) FROM unnest('{final,razorpay}'::text[]) l;
SELECT is(paystate.can_transition('razorpay', 'refund', f, t), can, format('a refund %s>%s', f, t))
  FROM (VALUES ('pending', 'processed', true), ('pending', 'failed', true), ('processed', 'failed', false), (NULL, 'pending', true), (NULL, 'failed', false)) v (f, t, can);
SELECT is(paystate.can_transition(l, k, f, t), false, format('can_transition(%L, %L, %L, %L)', l, k, f, t))
  FROM (VALUES (NULL, 'order', 'created', 'paid'), ('razorpay', NULL, 'created', 'paid'), ('razorpay', 'order', 'created', NULL), ('nowhere', 'order', 'created', 'attempted')) v (l, k, f, t);
SELECT is(paystate.can_transition('razorpay', 'order', 'created', 'attempted'), true, 'but it can');

-- ---- what check_lifecycle() says of them
SELECT is((SELECT array_agg(problem) FROM paystate.check_lifecycle('final')), '{"captured money of a payment \"captured\" cannot be refunded","a live payment \"authorized\" has no exit","payment status \"refunded\" is never reached"}', 'no refunds');
DO $$ BEGIN
	PERFORM helper.variant('uncounted', 'razorpay', '{}');
	UPDATE paystate.lifecycle_transition SET money_effect = '-' WHERE lifecycle = 'uncounted' AND money_effect = 'attempt';
END $$;
SELECT results_eq($$SELECT problem, detail FROM paystate.check_lifecycle('uncounted')$$, $$VALUES ('attempts are not counted', 'No rule has the effect "attempt".')$$, 'attempts that nobody counts');

\ir lib/end.sql
