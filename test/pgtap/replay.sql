-- The gateways' own published histories: those of replay.jsonl come to stand
-- as published, the illegal step of those of reject.jsonl is refused with its
-- code and leaves no trace.
\ir lib/shop.sql
\ir lib/variants.sql

CREATE TEMP TABLE line (h jsonb);
\copy line from 'test/data/replay.jsonl' with (format csv, quote E'\001', delimiter E'\002')
\copy line from 'test/data/reject.jsonl' with (format csv, quote E'\001', delimiter E'\002')
CREATE TEMP TABLE published AS
	SELECT h ->> 'id' AS id, h,
			CASE coalesce(h ->> 'needs', '')
				WHEN '' THEN h ->> 'lifecycle'
				WHEN 'zero_amount' THEN h ->> 'lifecycle' || '_zero'
				WHEN 'attempt_on=create' THEN h ->> 'lifecycle' || '_on_create'
			END AS lifecycle
	  FROM line;

-- What each illegal step is answered: the precedence of refusals decides.
CREATE TEMP TABLE answer (id text, code text, write text, why text);
INSERT INTO answer VALUES
	('rz-pay-on-paid', '23PS3', 'insert payments', 'no payment on a paid order'),
	('rz-capture-created', '23PS1', 'update payments', 'no rule created>captured'),
	('rz-capture-failed', '23PS1', 'update payments', 'no rule failed>captured'),
	('rz-double-capture', NULL, NULL, 'the status the row already has'),
	('rz-capture-other-amount', '23PS4', 'update payments', 'captured is not held'),
	('rz-amount-mismatch', '23PS4', 'insert payments', 'not the order''s amount'),
	('rz-captured-back', '23PS1', 'update payments', 'no rule captured>authorized'),
	('rz-captured-failed', '23PS1', 'update payments', 'no rule captured>failed'),
	('rz-capture-late-dup', '23PS3', 'update payments', 'the order is paid already'),
	('rz-part-over-due', '23PS4', 'insert payments', 'more than is due'),
	('pk-refund-uncaptured', '23PS1', 'insert refunds', 'no refund of a failed payment'),
	('pl-capture-nonpreauth', '23PS1', 'update payments', 'no status authorized'),
	('pl-void-processed', '23PS1', 'update orders', 'no cancel once processed'),
	('pl-pay-on-failed', '23PS3', 'insert payments', 'the order is dead'),
	('pl-refund-authorized', '23PS1', 'insert refunds', 'no refund of an authorized payment'),
	('pl-refund-too-much', '23PS4', 'insert refunds', 'more than was captured'),
	('pl-capture-over', '23PS4', 'update payments', 'more than was held');

-- The order of a history, from just the keys it has.
CREATE FUNCTION helper.open_order(an_order text, lc text, fields jsonb) RETURNS void
	LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE (SELECT format('INSERT INTO orders (id, lifecycle, %1$s) SELECT %2$L, %3$L, %1$s
			FROM jsonb_populate_record(NULL::orders, %4$L)',
			string_agg(quote_ident(k), ', '), an_order, lc, fields)
		FROM jsonb_object_keys(fields) k);
END
$$;

-- Takes the steps; one test a check, and one that all were taken.
CREATE FUNCTION helper.replay(an_order text, steps jsonb) RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
DECLARE
	step jsonb;
	n integer := 0;
	there jsonb;
BEGIN
	FOR step IN SELECT * FROM jsonb_array_elements(steps) LOOP
		n := n + 1;
		BEGIN
			IF step ->> 'op' <> 'check' THEN
				PERFORM helper.do_op(an_order, step);
				CONTINUE;
			END IF;
			there := jsonb_build_object('op', 'check',
				'order', (SELECT jsonb_object_agg(k, to_jsonb(o) -> k)
							FROM orders o, jsonb_object_keys(step -> 'order') k
						   WHERE o.id = an_order),
				'payments', (SELECT coalesce(jsonb_object_agg(k, to_jsonb(p) -> 'status'), '{}')
							   FROM jsonb_object_keys(step -> 'payments') k
							   JOIN payments p ON p.id = an_order || '.' || k));
			RETURN NEXT is(there, step, format('%s: check at step %s', an_order, n));
			RETURN NEXT is((SELECT jsonb_object_agg(k, j -> k) FROM jsonb_object_keys(step -> 'order') k),
					step -> 'order', format('%s: order_json() at step %s', an_order, n))
				FROM to_jsonb(paystate.order_json('orders', an_order)) j;
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT fail(format('%s: step %s, %s', an_order, n, step));
			RETURN NEXT diag(SQLSTATE, ' ', SQLERRM);
		END;
	END LOOP;
	RETURN NEXT is(n, jsonb_array_length(steps), an_order || ': all steps were taken');
END
$$;

SELECT * FROM no_plan();

SELECT cmp_ok((SELECT count(*) FROM published WHERE NOT h ? 'illegal'), '>=', 20::bigint,
	'there are histories to replay');
SELECT bag_eq('SELECT id FROM published WHERE h ? ''illegal''', 'SELECT id FROM answer',
	'for each illegal step the answer is known');
SELECT is((SELECT count(*) FROM published WHERE lifecycle IS NULL), 0::bigint,
	'every need of a history has its life cycle');

DO $$ BEGIN
	PERFORM helper.open_order(id, lifecycle, h -> 'order') FROM published;
END $$;

SELECT t FROM (SELECT * FROM published ORDER BY id) p, helper.replay(id, h -> 'steps') t;

-- The illegal steps.
SELECT refused(format('SELECT helper.do_op(%L, %L)', p.id, p.h -> 'illegal'),
	says(a.code, a.write, p.lifecycle),
	format('%s: %s (%s)', p.id, p.h ->> 'illegal', a.why))
  FROM published p JOIN answer a USING (id) WHERE a.code IS NOT NULL ORDER BY p.id;
SELECT no_op(format('SELECT helper.do_op(%L, %L)', p.id, p.h -> 'illegal'),
	format('%s: %s (%s)', p.id, p.h ->> 'illegal', a.why))
  FROM published p JOIN answer a USING (id) WHERE a.code IS NULL ORDER BY p.id;

-- as the gateway would tell them
SELECT is((SELECT array_agg(k) FROM json_object_keys(j) k),
		ARRAY['id', 'entity', 'amount', 'amount_paid', 'amount_due', 'currency', 'receipt', 'offer_id', 'status', 'attempts', 'notes', 'created_at'],
		id || ': order_json() has the keys of the published entity')
  FROM published, paystate.order_json('orders', id) j ORDER BY id;
SELECT is(to_jsonb(j) - '{status,amount_paid,amount_due,attempts,created_at}'::text[],
		jsonb_build_object('id', id, 'entity', 'order', 'amount', (h -> 'order' -> 'amount'), 'currency', coalesce(h -> 'order' ->> 'currency', 'INR'),
			'receipt', NULL, 'offer_id', NULL, 'notes', '[]'::jsonb), id || ': and the values given')
  FROM published, paystate.order_json('orders', id) j ORDER BY id;

\ir lib/end.sql
