-- Asking before writing: allowed_transitions says of every status what an
-- update would come to, and try_payment does it and tells.  Both are held
-- against the guards: on thousands of random orders every answer is compared
-- with what the update itself does.  "psql -v seed=0.5" repeats a run.
\ir lib/shop.sql

\if :{?seed}
\else
SELECT round(random()::numeric, 6) AS seed \gset
\endif
SELECT setseed(:seed) \gset ignore_

SELECT * FROM no_plan();
SELECT diag('seed ' || :seed);

-- ---- what it says of one order

CREATE FUNCTION helper.said(an_order text) RETURNS text[]
	LANGUAGE sql
AS $$
	SELECT array_agg(concat_ws(' ', a.kind, substr(a.payment_id, length(an_order) + 2), a.to_status)
		|| CASE WHEN a.allowed THEN '' ELSE ': ' || a.reason END ORDER BY n)
	  FROM paystate.allowed_transitions('orders', an_order)
		WITH ORDINALITY a (kind, payment_id, to_status, allowed, reason, n);
$$;

SELECT ok(given('r', 'razorpay', 1000, 'a=1000 b=1000 a>authorized') IS NOT NULL, 'a Razorpay order');
SELECT is(said('r'), ARRAY[
	'order created: column "status" of table "orders" is derived',
	'order paid: column "status" of table "orders" is derived',
	'payment a captured',
	'payment a created: update on table "payments" violates life cycle "razorpay"',
	'payment a failed: update on table "payments" violates life cycle "razorpay"',
	'payment a refunded',
	'payment b authorized',
	'payment b captured: update on table "payments" violates life cycle "razorpay"',
	'payment b failed',
	'payment b refunded: update on table "payments" violates life cycle "razorpay"'],
	'one row for each status but the present one, order first, payments by key');
SELECT ok(helper.then('r', 'b>authorized a>captured') IS NOT NULL, 'the first of two authorized payments pays it');
SELECT is((said('r'))[7], 'payment b captured: update on table "payments" violates life cycle "razorpay": the order takes it no more',
	'what a paid order takes no more is said so');
SELECT ok(given('v', 'plural_preauth', 1000, 'a=600 b=400') IS NOT NULL, 'an order with two legs');
SELECT is((SELECT array_agg(to_status ORDER BY to_status) FROM paystate.allowed_transitions('orders', 'v')
			WHERE kind = 'order' AND allowed), '{cancelled,failed}', 'its order may be cancelled and failed');
SELECT is((SELECT count(*) FROM paystate.allowed_transitions('orders', 'v') WHERE allowed = (reason IS NULL) AND
			(payment_id IS NULL) = (kind = 'order')), (SELECT count(*) FROM paystate.allowed_transitions('orders', 'v')),
	'a reason where it is refused and only there, a payment''s id where it is one');

-- ---- wrong questions

CREATE FUNCTION helper.asks(question text, says text, description text) RETURNS text
	LANGUAGE sql
AS $$
	SELECT helper.refused('SELECT * FROM paystate.' || question, says, description);
$$;
SELECT asks($$allowed_transitions('orders', 'nowhere')$$, 'P0002 order "nowhere" of table "orders" does not exist', 'an unknown order');
SELECT asks($$allowed_transitions('orders', VARIADIC ARRAY[NULL])$$, 'P0002 order "NULL" of table "orders" does not exist', 'a null key');
SELECT asks($$allowed_transitions('orders', 'r', 'r')$$, '22023 wrong number of key values for table "orders"', 'too many values');
SELECT asks($$allowed_transitions('orders', VARIADIC '{}')$$, '22023 wrong number of key values for table "orders"', 'no value');
SELECT asks($$allowed_transitions('payments', 'r.a')$$, '23PS8 table "payments" is not bound to a life cycle', 'payments are no orders');
SELECT asks($$allowed_transitions('pg_class', '1')$$, '23PS8 table "pg_class" is not bound to a life cycle', 'a table without guards');
\if :{?sharded}
SELECT asks($$try_payment('payments', 'nowhere', 'failed', NULL, 'r')$$, 'P0002 payment "r, nowhere" of table "payments" does not exist', 'an unknown payment');
SELECT asks($$try_payment('payments', 'r.b', 'failed', NULL, 'v')$$, 'P0002 payment "v, r.b" of table "payments" does not exist', 'one of another order');
SELECT asks($$try_payment('payments', 'r.b', 'failed', NULL)$$, '22023 wrong number of key values for table "payments"', 'the order''s key, which is part of the payment''s');
\else
SELECT asks($$try_payment('payments', 'nowhere', 'failed')$$, 'P0002 payment "nowhere" of table "payments" does not exist', 'an unknown payment');
SELECT asks($$try_payment('payments', 'r.b', 'failed', NULL, 'r')$$, '22023 wrong number of key values for table "payments"', 'the order''s key, where it is not part of the payment''s');
\endif
SELECT asks($$try_payment('payments', 'r.b', 'nonsense')$$, '22P02 invalid input value for enum paystate.payment_status: "nonsense"', 'a bad label');
SELECT asks($$try_payment('orders', 'r', 'failed')$$, '23PS8 table "orders" is not bound to a life cycle', 'orders are no payments');
-- whoever is asked says so in the same words
CREATE FUNCTION helper.count_fault(question text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE 'SELECT * FROM paystate.' || question;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE, SQLERRM, detail, hint);
END
$$;
SELECT is(helper.count_fault(format(question, 'r', 'r')),
		format('22023 / wrong number of key values for table "%s" / Expected: 1; given: 2. / The key is: id text.', t), 'too many key values: ' || question)
  FROM (VALUES ('allowed_transitions(''orders'', %L, %L)', 'orders'), ('order_json(''orders'', %L, %L)', 'orders'),
	('order_as_of(''orders'', now(), %L, %L)', 'orders'), ('replay(''orders'', %L, %L)', 'orders'),
	('repair(''orders'', %L, %L)', 'orders'), ('force_status(''orders'', ''attempted'', ''x'', %L, %L)', 'orders'),
	('try_payment(''payments'', %L, ''failed'', NULL, %L)', 'payments')) q (question, t)
 WHERE t <> 'payments' OR NOT :{?sharded};	-- two are just right there
SELECT asks($$try_payment('payments', NULL, 'failed')$$, '22004 argument "payment_id" must not be null', 'no payment');
SELECT asks($$try_payment('payments', 'r.b', NULL)$$, '22004 argument "to_status" must not be null', 'no status');
SELECT is_empty($$SELECT * FROM paystate.allowed_transitions(NULL, 'r')$$, 'of nothing nothing is said');

-- the guards are asked for, too: what no guard judges cannot be foretold
SAVEPOINT unguarded;
ALTER TABLE payments DISABLE TRIGGER "A_paystate_guard";
SELECT is(outcome($$SELECT * FROM paystate.allowed_transitions('orders', 'r')$$), '23PS8 table "payments" is not bound to a life cycle', 'a disabled guard of the payments is noticed');
SELECT is(outcome($$SELECT * FROM paystate.try_payment('payments', 'r.b', 'refunded')$$), '23PS8 table "payments" is not bound to a life cycle', 'and nothing is tried there');
ROLLBACK TO unguarded;

-- ---- other keys

CREATE SCHEMA whole;
CREATE SCHEMA broad;
DO $$ BEGIN
	PERFORM paystate.create_tables('whole', 'plural', 'bigint');
	PERFORM paystate.create_tables('broad', 'paykun', 'uuid');
	INSERT INTO whole.orders (id, amount) VALUES (7, 1000);
	INSERT INTO whole.payments (id, order_id) VALUES (8, 7);
	INSERT INTO broad.orders (id, amount) VALUES ('00000000-0000-0000-0000-000000000007', 1000);
	INSERT INTO broad.payments (id, order_id) VALUES ('00000000-0000-0000-0000-000000000008', '00000000-0000-0000-0000-000000000007');
END $$;
SELECT results_eq($$SELECT payment_id, to_status FROM paystate.allowed_transitions('whole.orders', '7') WHERE allowed ORDER BY 1, 2$$,
	$$VALUES ('8', 'cancelled'), ('8', 'failed'), ('8', 'processed'), (NULL, 'cancelled'), (NULL, 'failed')$$, 'keys of bigint');
SELECT results_eq($$SELECT payment_id, to_status FROM paystate.allowed_transitions('broad.orders', '00000000-0000-0000-0000-000000000007') WHERE allowed ORDER BY 2$$,
	$$SELECT '00000000-0000-0000-0000-000000000008', unnest('{authorized,captured,failed}'::text[])$$, 'keys of uuid');
SELECT asks($$allowed_transitions('whole.orders', 'seven')$$, '22P02 invalid input syntax for type bigint: "seven"', 'no bigint');
SELECT asks($$allowed_transitions('broad.orders', 'seven')$$, '22P02 invalid input syntax for type uuid: "seven"', 'no uuid');
SELECT asks($$try_payment('whole.payments', 'eight', 'failed')$$, '22P02 invalid input syntax for type bigint: "eight"', 'a payment''s key that is no bigint');
SELECT results_eq($$SELECT * FROM paystate.try_payment('whole.payments', '8', 'processed')$$, $$VALUES ('applied', NULL)$$, 'a payment''s key of bigint');
SELECT is((SELECT status::text FROM whole.orders), 'processed', 'and the order went along');

-- ---- trying

CREATE FUNCTION helper.tried(word text, captured bigint DEFAULT NULL) RETURNS text
	LANGUAGE sql VOLATILE
AS $$
	SELECT concat_ws(': ', outcome, reason)
	  FROM paystate.try_payment('payments', split_part(word, '>', 1), split_part(word, '>', 2), captured, VARIADIC helper.led(split_part(word, '>', 1)));
$$;
CREATE FUNCTION helper.tells(word text, captured bigint, says text, traces boolean, description text) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
DECLARE
	before text := helper.everything();
	got text := helper.tried(word, captured);
BEGIN
	RETURN NEXT public.is(got, says, format('%s: %s', description, word));
	RETURN NEXT public.is(helper.everything() <> before, traces,
		CASE WHEN traces THEN 'and it is done' ELSE 'and nothing changed' END);
END
$$;
SELECT ok(given('t', 'razorpay', 1000, 'a=1000') IS NOT NULL, 'an order to try on');
SELECT tells('t.a>captured', NULL, 'refused: update on table "payments" violates life cycle "razorpay"', false, 'not by this way');
SELECT tells('t.a>created', NULL, 'unchanged', false, 'it is there');
SELECT tells('t.a>authorized', NULL, 'applied', true, 'legal');
SELECT tells('t.a>created', NULL, 'stale: update on table "payments" violates life cycle "razorpay"', false, 'one step behind');
SELECT tells('t.a>captured', 900, 'refused: update on table "payments" violates amounts of life cycle "razorpay"', false, 'less than held');
SELECT tells('t.a>captured', 1000, 'applied', true, 'all that is held');
SELECT tells('t.a>captured', NULL, 'unchanged', false, 'told twice');
SELECT tells('t.a>captured', 1000, 'unchanged', false, 'told twice, with the same amount');
SELECT tells('t.a>captured', 999, 'refused: column "amount_captured" of table "payments" is derived', false, 'told again with another amount');
SELECT tells('t.a>created', NULL, 'stale: update on table "payments" violates life cycle "razorpay"', false, 'two steps behind');
SELECT tells('t.a>authorized', NULL, 'stale: update on table "payments" violates life cycle "razorpay"', false, 'out of order');
SELECT tells('t.a>refunded', NULL, 'applied', true, 'given back');
SELECT tells('t.a>captured', NULL, 'stale: update on table "payments" violates life cycle "razorpay"', false, 'captured before it was refunded');
SELECT stands('t', 'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v5; a refunded 1000/1000-1000-0', 'what was applied counts, once');
SELECT tells('r.b>captured', NULL, 'refused: update on table "payments" violates life cycle "razorpay": the order takes it no more', false, 'too late is not stale');
SELECT ok(given('k', 'paykun', 1000, 'a=1000 b=1000 a>failed b>captured') IS NOT NULL, 'PayKun, where an authorized payment may fail and a failed one be authorized');
SELECT tells('k.a>authorized', NULL, 'refused: update on table "payments" violates life cycle "paykun": the order takes it no more', false,
	'money that the gateway took is not stale news, though failed may follow authorized');
SELECT ok(given('p', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized') IS NOT NULL, 'a hold');
SELECT tells('p.a>processed', 250, 'applied', true, 'captured in part');
SELECT is((SELECT amount_captured FROM payments WHERE id = 'p.a'), 250::bigint, 'just that much');
SELECT tells('p.b>authorized', NULL, 'stale: update on table "payments" violates life cycle "plural_preauth"', false, 'a hold that another''s capture released');
\if :{?sharded}
\else
DO $$ BEGIN INSERT INTO payments (id, amount) VALUES ('alone', 500); END $$;
SELECT tells('alone>authorized', NULL, 'applied', true, 'without an order');
SELECT tells('alone>created', NULL, 'stale: update on table "payments" violates life cycle "razorpay"', false, 'without an order');
SELECT tells('alone>captured', NULL, 'refused: update on table "payments" violates life cycle "razorpay": the order takes it no more', false, 'without an order');
\endif

-- Only the guards' refusals are answers.  Whatever else happens passes.
CREATE FUNCTION helper.stumble() RETURNS trigger
	LANGUAGE plpgsql
AS $$
BEGIN
	RAISE EXCEPTION 'stumbled' USING ERRCODE = current_setting('helper.stumble');
END
$$;
SELECT ok(given('s', 'razorpay', 1000, 'a=1000') IS NOT NULL, 'an order to stumble on');
SAVEPOINT stumbling;
CREATE TRIGGER stumble AFTER UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION helper.stumble();
CREATE FUNCTION helper.stumbles(code text) RETURNS text
	LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM set_config('helper.stumble', code, true);
	RETURN (SELECT outcome FROM paystate.try_payment('payments', 's.a', 'authorized', NULL, VARIADIC helper.led('s.a')));
EXCEPTION
	WHEN query_canceled OR OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;	-- OTHERS leaves out 57014
END
$$;
SELECT is(stumbles(code), code || ' stumbled', code || ' passes through')
  FROM unnest('{40001,40P01,55P03,57014,23503,23514,23505,P0001,23PS8,23PS9}'::text[]) code;
SELECT is(stumbles('23PS4'), 'refused', 'a guard''s code does not');
SELECT is((SELECT status::text FROM payments WHERE id = 's.a'), 'created', 'nothing was done');
ROLLBACK TO stumbling;
CREATE RULE nothing AS ON UPDATE TO payments DO INSTEAD NOTHING;
SELECT is(outcome($$SELECT * FROM paystate.try_payment('payments', 's.a', 'authorized')$$), '23PS8 table "payments" is not bound to a life cycle',
	'an update that a rule swallowed is not said to be applied');
ROLLBACK TO stumbling;
SELECT tells('s.a>authorized', NULL, 'applied', true, 'without any of this');

-- ---- whose rights

CREATE ROLE asking_app;
CREATE ROLE asking_blind;
CREATE ROLE asking_reader;
GRANT USAGE ON SCHEMA shop TO asking_app, asking_blind, asking_reader;
GRANT SELECT ON orders TO asking_app, asking_blind, asking_reader;
GRANT SELECT ON payments TO asking_app, asking_reader;
GRANT UPDATE (status, amount_captured) ON payments TO asking_app;
SET LOCAL helper.role = 'asking_blind';
SELECT asks($$allowed_transitions('shop.orders', 'r')$$, '42501 permission denied for table payments', 'who may not read the payments is told nothing');
SET LOCAL helper.role = 'asking_reader';
SELECT accepted($$SELECT * FROM paystate.allowed_transitions('shop.orders', 'r')$$, 'who may read both tables may ask');
SELECT asks($$try_payment('shop.payments', 'r.b', 'refunded')$$, '42501 permission denied for table payments', 'who may not update may not try');
SET LOCAL helper.role = 'asking_app';
SELECT accepted($$DO 'BEGIN IF (SELECT outcome FROM paystate.try_payment(''shop.payments'', ''r.b'', ''refunded'')) <> ''applied'' THEN RAISE ''not applied''; END IF; END'$$,
	'an application with rights on two columns may');
SET LOCAL helper.role = '';
SELECT is((SELECT status::text FROM payments WHERE id = 'r.b'), 'refunded', 'and it is done');

-- row-level security shows him what is his
SAVEPOINT rls;
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY his ON payments TO asking_app USING (id <> 'v.b');
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY his ON orders TO asking_app USING (id <> 'r');
SET LOCAL ROLE asking_app;
SELECT is((SELECT array_agg(DISTINCT payment_id) FROM paystate.allowed_transitions('orders', 'v') WHERE payment_id IS NOT NULL),
	'{v.a}', 'a payment that a policy hides is not spoken of');
RESET ROLE;
SET LOCAL helper.role = 'asking_app';
SELECT asks($$allowed_transitions('shop.orders', 'r')$$, 'P0002 order "r" of table "orders" does not exist', 'nor is an order');
SELECT asks($$try_payment('shop.payments', 'v.b', 'authorized')$$, format('P0002 payment "%s" of table "payments" does not exist', array_to_string(helper.led('v.b') || 'v.b'::text, ', ')), 'nor can such a payment be tried');
SET LOCAL helper.role = '';
ROLLBACK TO rls;

-- nothing that the caller's search_path finds first is believed
CREATE SCHEMA mine;
CREATE FUNCTION mine.never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR mine.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mine.never);
SET LOCAL search_path = mine, pg_catalog, shop, helper, public;
SELECT count(*) AS shadowed_rows FROM paystate.allowed_transitions('shop.orders', 'v') \gset
SELECT outcome AS shadowed_outcome FROM paystate.try_payment('shop.payments', 'v.a', 'pending', NULL, VARIADIC helper.led('v.a')) \gset
SELECT 'v' = 'v'::text AS shadowed \gset
SET LOCAL search_path = shop, helper, public;
SELECT is(:'shadowed'::text, 'f', 'the caller''s operator is the one found first');
SELECT cmp_ok(:shadowed_rows, '>', 5, 'but it does not decide which order and payments are meant');
SELECT is(:'shadowed_outcome'::text, 'unchanged', 'nor which payment is tried');

-- ---- thousands of random orders

-- One random write on an order, legal or not.
CREATE FUNCTION helper.any_write(an_order text) RETURNS void
	LANGUAGE plpgsql
AS $$
DECLARE
	o orders;
	p payments;
	die double precision := random();
	share bigint;
BEGIN
	SELECT * INTO STRICT o FROM orders WHERE id = an_order;
	SELECT * INTO p FROM payments WHERE order_id = an_order ORDER BY random() LIMIT 1;
	share := greatest(1, (o.amount * (ARRAY[0.1, 0.3, 0.5, 0.7, 1])[1 + floor(5 * random())])::bigint);
	IF p.id IS NULL OR die < 0.2 THEN
		INSERT INTO payments (id, order_id, amount)
			SELECT an_order || '.' || count(*), an_order, CASE WHEN random() < 0.5 THEN share END
			  FROM payments WHERE order_id = an_order;
	ELSIF die < 0.7 THEN
		UPDATE payments SET
				status = (SELECT label FROM paystate.lifecycle_status
						   WHERE lifecycle = o.lifecycle AND kind = 'payment' ORDER BY random() LIMIT 1),
				amount_captured = CASE WHEN random() < 0.2 THEN share ELSE amount_captured END
			WHERE id = p.id;
	ELSIF die < 0.85 THEN
		PERFORM helper.write(format('INSERT INTO refunds (payment_id, amount, status) VALUES (%L, %s, %L)',
			p.id, CASE WHEN random() < 0.3 THEN p.amount_captured - p.amount_refunded ELSE share END,
			(ARRAY['processed', 'pending'])[1 + floor(2 * random())]));
	ELSIF die < 0.95 THEN
		UPDATE refunds SET status = (ARRAY['processed', 'failed'])[1 + floor(2 * random())]
			WHERE id = (SELECT r.id FROM refunds r JOIN payments q ON q.id = r.payment_id
						 WHERE q.order_id = an_order AND r.status = 'pending' LIMIT 1);
	ELSE
		UPDATE orders SET status = (ARRAY['cancelled', 'failed'])[1 + floor(2 * random())] WHERE id = an_order;
	END IF;
EXCEPTION
	WHEN integrity_constraint_violation OR SQLSTATE '23PS1' OR SQLSTATE '23PS3' OR SQLSTATE '23PS4' OR SQLSTATE '23PS6' THEN NULL;
END
$$;

-- what was asked, what it said and what came
CREATE TEMP TABLE asked (lifecycle text, an_order text, state text, kind text, payment_id text,
	from_status text, to_status text, allowed boolean, reason text, got text,
	tried text, tried_reason text, can boolean);

-- the statuses that rules lead to from one, by one or more moves
CREATE TEMP TABLE later AS
	WITH RECURSIVE step AS (
		SELECT DISTINCT lifecycle, split_part(payment_event, '>', 1) AS a, split_part(payment_event, '>', 2) AS b
		  FROM paystate.lifecycle_transition WHERE payment_event LIKE '%>%'
	), chain AS (
		SELECT * FROM step
		UNION
		SELECT c.lifecycle, c.a, s.b FROM chain c JOIN step s ON s.lifecycle = c.lifecycle AND s.a = c.b
	)
	SELECT * FROM chain;

CREATE FUNCTION helper.try_and_undo(a_payment text, label text, OUT o text, OUT r text)
	LANGUAGE plpgsql STRICT
AS $$
BEGIN
	SELECT outcome, reason INTO STRICT o, r FROM paystate.try_payment('payments', a_payment, label, NULL, VARIADIC helper.led(a_payment));
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;

CREATE FUNCTION helper.ask_and_compare(an_order text) RETURNS void
	LANGUAGE sql
AS $$
	INSERT INTO asked
	SELECT o.lifecycle, o.id, helper.standing(o.id), a.kind, a.payment_id, f.from_status, a.to_status, a.allowed, a.reason,
		helper.outcome(format('UPDATE shop.%I SET status = %L WHERE %I = %L AND id = %L', a.kind || 's', a.to_status,
			CASE a.kind WHEN 'order' THEN 'id' ELSE 'order_id' END, o.id, coalesce(a.payment_id, o.id)), true),
		t.o, t.r, paystate.can_transition(o.lifecycle, a.kind, f.from_status, a.to_status)
	  FROM orders o, paystate.allowed_transitions('shop.orders', o.id) a,
		LATERAL (SELECT CASE a.kind WHEN 'order' THEN o.status::text
					ELSE (SELECT p.status::text FROM payments p WHERE p.id = a.payment_id) END AS from_status) f,
		helper.try_and_undo(a.payment_id, a.to_status) t
	 WHERE o.id = an_order;
$$;

SET LOCAL enable_seqscan = off;	-- plans are made while the tables are still small
DO $$
<<q>>
DECLARE
	lc text;
	id text;
	partly boolean;
	before integer;
BEGIN
	FOR n IN 1 .. 440 LOOP
		lc := (ARRAY['razorpay', 'paykun', 'plural_preauth', 'plural'])[1 + n % 4];
		id := 'q' || n;
		partly := lc = 'razorpay' AND random() < 0.5;
		INSERT INTO orders (id, lifecycle, amount, partial_payment, first_payment_min_amount)
			VALUES (id, lc, 1000 * ceil(random() * 10), partly, CASE WHEN partly AND random() < 0.3 THEN 200 END);
		FOR write IN 1 .. 30 LOOP
			before := (SELECT version FROM orders o WHERE o.id = q.id);
			PERFORM helper.any_write(id);
			-- only where something happened there is something new to ask
			IF before <> (SELECT version FROM orders o WHERE o.id = q.id) THEN
				PERFORM helper.ask_and_compare(id);
			END IF;
		END LOOP;
	END LOOP;
END
$$;
RESET enable_seqscan;

SELECT cmp_ok((SELECT count(*) FROM (SELECT DISTINCT an_order, state FROM asked) s), '>', 1500::bigint, 'more than fifteen hundred states were asked about');
SELECT cmp_ok(count(*), '>', 2000::bigint, lifecycle || ': thousands of questions') FROM asked GROUP BY lifecycle ORDER BY lifecycle;

-- The first that differs is shown.
CREATE FUNCTION helper.none_differs(condition text, description text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	bad text;
BEGIN
	EXECUTE format('SELECT min(concat_ws('' | '', lifecycle, state, kind, payment_id, from_status || ''>'' || to_status,
		allowed, reason, got, tried, tried_reason)) FROM asked WHERE (%s) IS NOT TRUE', condition) INTO bad;
	RETURN public.is(bad, NULL, description);
END
$$;
SELECT none_differs($$allowed = (got = 'accepted')$$, 'what is allowed is accepted, and nothing else is');
SELECT none_differs($$allowed OR got = substr(got, 1, 6) || reason$$, 'the reason is the message that comes');
SELECT none_differs($$NOT allowed OR can$$, 'what is allowed, can_transition knows');
SELECT none_differs($$from_status <> to_status$$, 'the present status is not spoken of');
SELECT none_differs($$kind = 'order' OR (tried = 'applied') = allowed$$, 'try_payment applies what is allowed');
SELECT none_differs($$kind = 'order' OR tried_reason IS NOT DISTINCT FROM reason$$, 'and else tells the same reason');
SELECT none_differs($$kind = 'order' OR allowed OR tried = CASE WHEN got LIKE '23PS1 %' AND EXISTS (SELECT FROM later l
	WHERE l.lifecycle = asked.lifecycle AND l.a = asked.to_status AND l.b = asked.from_status) THEN 'stale' ELSE 'refused' END$$,
	'an illegal move to a status before the present one is stale, any other is refused');
SELECT bag_eq($$SELECT an_order, kind, payment_id, to_status FROM asked a
		WHERE state = (SELECT helper.standing(an_order)) GROUP BY 1, 2, 3, 4$$,
	$$SELECT o.id, s.kind, p.id AS payment_id, s.label FROM orders o CROSS JOIN paystate.lifecycle_status s
		LEFT JOIN payments p ON p.order_id = o.id AND s.kind = 'payment'
		WHERE s.lifecycle = o.lifecycle AND o.id LIKE 'q%' AND s.label <> coalesce(p.status::text, o.status::text)
			AND (s.kind = 'order' OR p.id IS NOT NULL)$$,
	'of every order and payment every other status of its life cycle was spoken of, once');

-- The questions were not all of one kind.
SELECT is((SELECT array_agg(DISTINCT tried ORDER BY tried) FROM asked WHERE kind = 'payment' AND lifecycle = l.name),
	'{applied,refused,stale}', l.name || ': payments were moved, refused and stale')
  FROM paystate.lifecycle l ORDER BY l.name;
SELECT bag_eq($$SELECT DISTINCT lifecycle, allowed, substr(got, 1, 5) FROM asked
		WHERE kind = 'order' AND to_status IN ('cancelled', 'failed') AND lifecycle LIKE 'plural%'$$,
	$$VALUES ('plural', true, 'accep'), ('plural', false, '23PS1'), ('plural_preauth', true, 'accep'), ('plural_preauth', false, '23PS1')$$,
	'orders could be cancelled and failed, and could not');
SELECT bag_eq($$SELECT DISTINCT lifecycle, substr(got, 1, 5) FROM asked
		WHERE kind = 'payment' AND NOT allowed AND lifecycle IN ('razorpay', 'paykun')$$,
	$$VALUES ('paykun', '23PS1'), ('paykun', '23PS3'), ('paykun', '23PS4'), ('razorpay', '23PS1'), ('razorpay', '23PS3'), ('razorpay', '23PS4')$$,
	'payments were refused for the move, the order and the amount');
SELECT diag(format('%s questions about %s states', count(*), count(DISTINCT (an_order, state)))) FROM asked;

\ir lib/end.sql
