-- Definitions at random: the shipped life cycles with one to three things
-- changed.  Each is refused with 22023, or has no problems and can be walked
-- through without the books getting wrong; never does anything else come of it.
\ir lib/shop.sql

SELECT * FROM no_plan();
SELECT setseed(0.42);

CREATE FUNCTION helper.pick(VARIADIC choices text[]) RETURNS text
	LANGUAGE sql VOLATILE AS $$ SELECT choices[1 + floor(random() * cardinality(choices))::int] $$;

-- a label of the life cycle, or seldom one that it does not have
CREATE FUNCTION helper.some_label(definition jsonb, of_kind text) RETURNS text
	LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.05 THEN 'nil' ELSE (
		SELECT s ->> 'label' FROM jsonb_array_elements(definition -> 'statuses') s
		 WHERE s ->> 'kind' = of_kind ORDER BY random() LIMIT 1) END $$;

CREATE FUNCTION helper.some_event(definition jsonb) RETURNS text
	LANGUAGE sql VOLATILE AS $$
	SELECT helper.pick('new>' || (definition ->> 'payment_initial'),
		helper.some_label(definition, 'payment') || '>' || helper.some_label(definition, 'payment'),
		helper.some_label(definition, 'payment') || ':refund', 'order:cancel', 'order:fail') $$;

CREATE FUNCTION helper.some_guard() RETURNS text
	LANGUAGE sql VOLATILE AS $$
	SELECT helper.pick('-', 'insert_ok', 'amount=held', 'captured<held', 'amount=order_due', 'due_after=0', 'amount=held;due_after>0',
		'partial_payment', 'refund=amount', '0<refund', 'refunded_after<captured', 'refunded_after=captured', 'refunded_after<amount_paid',
		'refunded_after=amount_paid', 'other_live', 'no_other_live', 'none_live', 'attempts<max', 'attempts>=max', 'held_after=amount',
		'paid_after<amount', 'amount_paid=0', 'amount_paid>0', 'amount_paid=0;none_live', ';', 'never') $$;

CREATE FUNCTION helper.some_effect(definition jsonb) RETURNS text
	LANGUAGE sql VOLATILE AS $$
	SELECT helper.pick('-', '-', 'attempt', 'capture', 'refund', 'auto_refund', 'attempt;capture',
		'live>' || helper.some_label(definition, 'payment'), 'capture;live>' || helper.some_label(definition, 'payment'), 'gain') $$;

CREATE FUNCTION helper.some_value() RETURNS jsonb
	LANGUAGE sql VOLATILE AS $$
	SELECT helper.pick('null', 'true', 'false', '0', '1', '2', '-1', '1.5', '1e300', '""', '"order"', '"payment"', '"legs"', '"no"',
		'"create"', '"result"', '"one_authorized"', '"first_payment"', '"1 day"', '["INR"]', '[]', '{}', '[null]', '"created"')::jsonb $$;

-- one thing changed
CREATE FUNCTION helper.mutant(d jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	t text; s text;
BEGIN
	IF jsonb_typeof(d -> 'transitions') <> 'array' OR jsonb_typeof(d -> 'statuses') <> 'array'
		OR '[]' IN (d -> 'transitions', d -> 'statuses') OR jsonb_typeof(d -> 'payment_initial') <> 'string'
		OR jsonb_typeof(d -> 'statuses' -> 0) <> 'object' THEN
		RETURN d;		-- an earlier change left nothing to change
	END IF;
	t := floor(random() * jsonb_array_length(d -> 'transitions'))::int;
	s := floor(random() * jsonb_array_length(d -> 'statuses'))::int;
	RETURN CASE floor(random() * 11)::int
		WHEN 0 THEN d #- ARRAY['transitions', t]
		WHEN 1 THEN jsonb_set(d, ARRAY['transitions', t, 'order_after'], to_jsonb(helper.some_label(d, 'order')))
		WHEN 2 THEN jsonb_set(d, ARRAY['transitions', t, 'order_before'], to_jsonb(helper.some_label(d, 'order')))
		WHEN 3 THEN jsonb_set(d, ARRAY['transitions', t, 'guard'], to_jsonb(helper.some_guard()))
		WHEN 4 THEN jsonb_set(d, ARRAY['transitions', t, 'money_effect'], to_jsonb(helper.some_effect(d)))
		WHEN 5 THEN jsonb_set(d, ARRAY['transitions', t, 'payment_event'], to_jsonb(helper.some_event(d)))
		WHEN 6 THEN jsonb_insert(d, '{transitions,0}', jsonb_build_object('payment_event', helper.some_event(d),
			'order_before', helper.some_label(d, 'order'), 'guard', helper.some_guard(),
			'order_after', helper.some_label(d, 'order'), 'money_effect', helper.some_effect(d)))
		WHEN 7 THEN jsonb_set(d, ARRAY['statuses', s, 'role'], to_jsonb(helper.pick('open', 'held', 'settled', 'returned', 'dead')))
		WHEN 8 THEN jsonb_set(d, ARRAY['statuses', s, helper.pick('terminal', 'initial')], to_jsonb(random() < 0.5))
		WHEN 9 THEN jsonb_insert(d, '{statuses,0}', jsonb_build_object('kind', helper.pick('order', 'payment'),
			'label', helper.pick('pending', 'cancelled', 'failed', 'authorized'), 'role', helper.pick('open', 'held', 'settled', 'dead')))
		ELSE jsonb_set(d, ARRAY[(SELECT k FROM jsonb_object_keys(d) k ORDER BY random() LIMIT 1)], helper.some_value())
	END;
END
$$;

-- a life as it comes, with every status tried on every row
CREATE FUNCTION helper.live(lc text, an_order text, rounds int) RETURNS int
	LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	done int := 0;
	word text;
BEGIN
	IF helper.outcome(format('INSERT INTO orders (id, lifecycle, amount, partial_payment) VALUES (%L, %L, 1000, %L)', an_order, lc, random() < 0.5)) <> 'accepted'
		AND helper.outcome(format('INSERT INTO orders (id, lifecycle, amount) VALUES (%L, %L, 1000)', an_order, lc)) <> 'accepted' THEN
		RETURN 0;
	END IF;
	FOR i IN 1 .. rounds LOOP
		word := helper.pick('a', 'b', 'c') || helper.pick('=1000', '=400', '=600', '-100', '-400', '~100',
			'>authorized', '>captured', '>processed', '>processed:300', '>failed', '>cancelled', '>refunded', '>pending');
		IF random() < 0.03 THEN
			word := helper.pick('!cancel', '!fail');
		END IF;
		done := done + (helper.outcome(format('SELECT helper.do_op(%L, helper.op_of(%L))', an_order, word)) = 'accepted')::int;
	END LOOP;
	RETURN done;
END
$$;

CREATE TABLE helper.tried (n int, base text, document jsonb, outcome text, detail text, problems bigint, moves int);
DO $$
DECLARE
	d jsonb;
	base text;
	code text;
	why text;
	moves int;
BEGIN
	FOR n IN 1 .. 120 LOOP
		base := helper.pick('razorpay', 'paykun', 'plural_preauth', 'plural');
		d := helper.mutant(paystate.lifecycle_json(base));
		IF random() < 0.3 THEN
			d := helper.mutant(helper.mutant(d));
		END IF;
		moves := NULL; why := NULL;
		BEGIN
			PERFORM paystate.define_lifecycle('random ' || n, d);
			code := 'defined';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, why = PG_EXCEPTION_DETAIL;
		END;
		IF code = 'defined' THEN
			moves := helper.live('random ' || n, 'o' || n, 40);
		END IF;
		INSERT INTO helper.tried VALUES (n, base, d, code, why,
			CASE WHEN code = 'defined' THEN (SELECT count(*) FROM paystate.check_lifecycle('random ' || n)) END, moves);
	END LOOP;
END
$$;

SELECT is_empty($$SELECT n, outcome, detail, document FROM helper.tried WHERE outcome NOT IN ('defined', '22023')$$, 'refused with 22023, or defined');
SELECT is_empty($$SELECT n, document FROM helper.tried WHERE outcome = '22023' AND coalesce(detail, '') = ''$$, 'who is refused is told why');
SELECT is_empty($$SELECT n, document FROM helper.tried WHERE problems > 0$$, 'what is defined has no problems');
SELECT is_empty($$SELECT r.lifecycle FROM (SELECT name AS lifecycle FROM paystate.lifecycle UNION SELECT lifecycle FROM paystate.lifecycle_status
	UNION SELECT lifecycle FROM paystate.lifecycle_transition) r WHERE r.lifecycle LIKE 'random %'
	AND r.lifecycle NOT IN (SELECT 'random ' || n FROM helper.tried WHERE outcome = 'defined')$$, 'what is refused leaves no row');
SELECT cmp_ok((SELECT count(*) FROM helper.tried WHERE outcome = 'defined'), '>=', 10::bigint, 'some were defined');
SELECT cmp_ok((SELECT count(*) FROM helper.tried WHERE outcome = '22023'), '>=', 60::bigint, 'many were refused');
SELECT cmp_ok((SELECT count(DISTINCT split_part(detail, ':', 1)) FROM helper.tried WHERE outcome = '22023'), '>=', 15::bigint, 'for many reasons');
SELECT cmp_ok((SELECT sum(moves) FROM helper.tried), '>=', 50::bigint, 'and orders lived by those that were defined');
SELECT is_empty($$SELECT n, document FROM helper.tried t WHERE outcome = 'defined' AND paystate.lifecycle_json('random ' || n)
	<> paystate.lifecycle_json('random ' || n) || (document - '{statuses,transitions,late_window,order_expires,authorization_expires}'::text[])$$,
	'the rule tables say what the definition said');

\ir lib/end.sql
