-- Several rows in one statement: whatever is written together comes to the
-- same as one after the other, in some order, or is refused as a whole.  All
-- pairs of statuses for two payments, with and without an order event beside
-- them, in situations of all four life cycles.
\ir lib/shop.sql
\ir lib/tsv.sql
\ir lib/model.sql

SELECT * FROM no_plan();

CREATE TEMP TABLE situation (id text, lifecycle text, amount bigint, partial boolean, script text, o helper.an_order);
INSERT INTO situation (id, lifecycle, partial, script) VALUES
	('r1', 'razorpay', false, 'a=1000 b=1000'),
	('r2', 'razorpay', false, 'a=1000 b=1000 a>authorized b>authorized'),
	('r3', 'razorpay', true, 'a=600 b=400 a>authorized b>authorized'),
	('r4', 'razorpay', true, 'a=600 b=600 b>authorized a>authorized'),
	('r5', 'razorpay', false, 'a=1000 b=1000 a>authorized b>failed'),
	('r6', 'razorpay', true, 'a=600 a>authorized a>captured b=400 b>authorized'),
	('k1', 'paykun', false, 'a=1000 b=1000'),
	('k2', 'paykun', false, 'a=1000 a>failed b=1000 b>authorized'),
	('p1', 'plural', false, 'a=600 b=400'),
	('p2', 'plural', false, 'a=600 a>processed b=400'),
	('p3', 'plural', false, 'a=600 b=300 a>failed'),
	('p4', 'plural', false, 'a=300 b=300 c=400'),
	('q1', 'plural_preauth', false, 'a=600 b=400'),
	('q2', 'plural_preauth', false, 'a=600 b=400 b>authorized'),
	('q3', 'plural_preauth', false, 'a=600 b=400 a>authorized b>authorized'),
	('q4', 'plural_preauth', false, 'a=500 b=300 c=200 a>authorized b>authorized c>authorized'),
	('q5', 'plural_preauth', false, 'a=500 b=300 c=200 a>authorized b>authorized c>authorized c>processed'),
	('q6', 'plural_preauth', false, 'a=400 b=400 a>authorized');
DO $$ BEGIN
	PERFORM given(id, lifecycle, 1000, script, partial) FROM situation;
	UPDATE situation SET o = helper.as_stored(id);
END $$;

-- What is written: a status for a, for b, for the order; NULL for none.
CREATE TEMP TABLE written AS
	SELECT s.id, a.label AS a, b.label AS b, e AS event
	  FROM situation s
	  CROSS JOIN LATERAL (SELECT label FROM tsv_state t WHERE t.kind = 'payment' AND t.lifecycle = s.lifecycle) a
	  CROSS JOIN LATERAL (SELECT label FROM tsv_state t WHERE t.kind = 'payment' AND t.lifecycle = s.lifecycle) b
	  CROSS JOIN unnest(ARRAY[NULL, 'cancelled', 'failed']) e;

-- One after the other, in one order: the state they lead to, NULL if refused.
CREATE FUNCTION helper.in_turn(o helper.an_order, VARIADIC ops jsonb[]) RETURNS helper.an_order
	LANGUAGE plpgsql
AS $$
DECLARE
	op jsonb;
	s record;
BEGIN
	FOREACH op IN ARRAY ops LOOP
		CONTINUE WHEN op ->> 'status' IS NULL;
		SELECT * INTO s FROM helper.model_step(o, op);
		IF s.code IS NOT NULL THEN
			RETURN NULL;
		END IF;
		o := s.o;
	END LOOP;
	RETURN o;
END
$$;
CREATE FUNCTION helper.possible(o helper.an_order, a text, b text, event text) RETURNS SETOF helper.an_order
	LANGUAGE sql
AS $$
	WITH op AS MATERIALIZED (
		SELECT jsonb_build_object('op', 'to', 'id', 'a', 'status', a) AS a,
			jsonb_build_object('op', 'to', 'id', 'b', 'status', b) AS b,
			jsonb_build_object('op', 'order', 'status', event) AS e)
	SELECT helper.in_turn(o, VARIADIC t) FROM op, LATERAL (VALUES (ARRAY[a, b, e]), (ARRAY[b, a, e]),
		(ARRAY[e, a, b]), (ARRAY[e, b, a]), (ARRAY[a, e, b]), (ARRAY[b, e, a])) v (t)
$$;

-- For real: payments first or the order first.
CREATE FUNCTION helper.together(an_order text, a text, b text, event text, order_first boolean,
		OUT code text, OUT o helper.an_order, OUT drifted bigint)
	LANGUAGE plpgsql
AS $$
DECLARE
	moves text := format('UPDATE payments SET status = CASE id WHEN %L THEN %L ELSE %L END WHERE id IN (%1$L, %4$L)',
		an_order || '.a', a, b, an_order || '.b');
	ev text := format('UPDATE orders SET status = %L WHERE id = %L', event, an_order);
BEGIN
	EXECUTE CASE WHEN event IS NULL THEN moves
		WHEN order_first THEN format('WITH p AS (%s RETURNING 1) %s', moves, ev)
		ELSE format('WITH e AS (%s RETURNING 1) %s', ev, moves) END;
	o := helper.as_stored(an_order);
	drifted := (SELECT count(*) FROM helper.drift() d WHERE starts_with(d.id, an_order));
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN NULL;
	WHEN OTHERS THEN code := SQLSTATE;
END
$$;
CREATE TEMP TABLE tried AS
	SELECT w.*, f AS order_first, t.*, (t.o IN (SELECT p FROM helper.possible(s.o, w.a, w.b, w.event) p)) AS expected,
			s.lifecycle
	  FROM written w JOIN situation s ON s.id = w.id CROSS JOIN unnest(ARRAY[true, false]) f,
		helper.together(w.id, w.a, w.b, w.event, f) t
	 WHERE f OR w.event IS NOT NULL;

SELECT is((array_agg(format('a %s, b %s, order %s: %s', t.a, t.b, coalesce(t.event, '-'), t.o))
			FILTER (WHERE t.code IS NULL AND (t.expected IS NOT TRUE OR t.drifted <> 0)))[1], NULL,
		format('%s (%s): of %s statements %s are taken, each comes to what its parts come to', s.id, s.script, count(*),
			count(*) FILTER (WHERE t.code IS NULL)))
  FROM tried t JOIN situation s ON s.id = t.id GROUP BY s.id, s.script ORDER BY s.id;
SELECT is((array_agg(format('a %s, b %s, order %s: %s', t.a, t.b, coalesce(t.event, '-'), t.code))
			FILTER (WHERE t.code NOT SIMILAR TO '23PS[1346]'))[1], NULL,
		format('%s: of %s statements %s are refused, by a code for it', s.id, count(*), count(*) FILTER (WHERE t.code IS NOT NULL)))
  FROM tried t JOIN situation s ON s.id = t.id GROUP BY s.id ORDER BY s.id;
-- What is legal in any order of the parts is taken, as far as payments go; an
-- order event beside them may find them refused, for they are judged by the
-- order as the statement stored it.
SELECT is((array_agg(format('a %s, b %s: %s', t.a, t.b, t.code)) FILTER (WHERE t.code IS NOT NULL))[1], NULL,
		format('%s: of %s statements on two payments that are legal in any order none is refused', s.id, count(t.id)))
  FROM situation s LEFT JOIN tried t ON s.id = t.id AND t.event IS NULL
	AND NOT EXISTS (SELECT FROM helper.possible(s.o, t.a, t.b, t.event) p WHERE p IS NULL)
 GROUP BY s.id ORDER BY s.id;

\ir lib/end.sql
