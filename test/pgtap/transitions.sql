-- Every (from, to) pair of every status in every life cycle, in every order
-- situation that legal writes lead to: legal exactly where transitions.tsv
-- has a rule whose guard holds.  What to expect is computed from the data
-- files by lib/model.sql, what happens is read from the tables.
\ir lib/shop.sql
\ir lib/tsv.sql
\ir lib/model.sql

SELECT * FROM no_plan();

SELECT is((SELECT count(*) FROM tsv_rule), 96::bigint, 'transitions.tsv holds 96 rules');
SELECT bag_eq(
	'SELECT lifecycle, payment_event, order_before, guard, order_after, money_effect, evidence
	   FROM paystate.lifecycle_transition',
	'SELECT lifecycle, payment_event, order_before, guard, order_after, money_effect, evidence
	   FROM tsv_rule',
	'paystate.lifecycle_transition holds the rules of transitions.tsv');
SELECT bag_eq(
	'SELECT lifecycle, kind, label, gateway_spelling, initial, terminal, role
	   FROM paystate.lifecycle_status',
	'SELECT * FROM tsv_state',
	'paystate.lifecycle_status holds the statuses of states.tsv');
SELECT bag_eq(
	'SELECT name, order_initial, payment_initial, attempt_on, auto_capture, partial_payment,
			partial_capture, parallel_payments, max_attempts, refund_moves, order_cancel,
			payment_min, payment_max, currencies, amount_fixed FROM paystate.lifecycle',
	'SELECT * FROM tsv_lifecycle',
	'paystate.lifecycle holds the parameters of lifecycles.tsv');

-- can_transition: where each status leads, of all labels there are.
WITH pair AS (
	SELECT DISTINCT lifecycle, 'payment' AS kind, nullif(split_part(payment_event, '>', 1), 'new') AS a,
			split_part(payment_event, '>', 2) AS b
	  FROM tsv_rule WHERE payment_event LIKE '%>%'
	UNION
	SELECT lifecycle, 'order', order_before, order_after
	  FROM tsv_rule WHERE order_before <> order_after
	UNION
	SELECT name, 'order', NULL, order_initial FROM tsv_lifecycle
	UNION
	SELECT name, 'refund', f, t FROM tsv_lifecycle,
		(VALUES (NULL, 'pending'), (NULL, 'processed'), ('pending', 'processed'),
				('pending', 'failed')) r (f, t)
), label (kind, l) AS (
	SELECT 'order', unnest(enum_range(NULL::paystate.order_status))::text
	UNION ALL
	SELECT 'payment', unnest(enum_range(NULL::paystate.payment_status))::text
	UNION ALL
	SELECT 'refund', unnest(enum_range(NULL::paystate.refund_status))::text
), lc (name) AS (
	SELECT name FROM tsv_lifecycle UNION ALL SELECT 'nowhere'
), origin AS (
	SELECT kind, l FROM label UNION ALL SELECT DISTINCT kind, NULL FROM label
)
SELECT is(
	(SELECT array_agg(t.l ORDER BY t.l) FROM label t WHERE t.kind = f.kind
		AND paystate.can_transition(lc.name, f.kind, f.l, t.l)),
	(SELECT array_agg(b ORDER BY b) FROM pair
	  WHERE lifecycle = lc.name AND pair.kind = f.kind AND a IS NOT DISTINCT FROM f.l),
	format('can_transition: %s, %s %s leads where the rules say and nowhere else',
		lc.name, f.kind, coalesce(f.l, '(insert)')))
  FROM lc, origin f ORDER BY lc.name, f.kind, f.l;

SELECT is(paystate.can_transition('razorpay', k, f, t), false,
	format('can_transition: %s %s to %s is no move', k, f, t))
  FROM (VALUES ('payment', 'created', 'nonsense'), ('payment', 'nonsense', 'created'),
		('order', 'created', 'created'), ('payment', 'authorized', 'authorized'),
		('refund', 'processed', 'processed'), ('nonsense', 'created', 'attempted')) v (k, f, t);

-- A situation: an order that legal operations lead to.
CREATE TEMP TABLE situation (nr integer GENERATED ALWAYS AS IDENTITY, family text,
	path jsonb[], o helper.an_order, key text UNIQUE, depth integer,
	stored helper.an_order);
CREATE TEMP TABLE try (situation integer, op jsonb, event text, code text,
	line integer, o helper.an_order);

-- Where searches begin: life cycle, partial payment and its first minimum,
-- what has happened, the amounts of payments to try, at most how many.
CREATE TEMP TABLE family (name text, lifecycle text, partial boolean, first_min bigint,
	script text, amounts bigint[], most integer);
INSERT INTO family VALUES
	('razorpay', 'razorpay', false, NULL, '', '{1000,999}', 2),
	('razorpay in parts', 'razorpay', true, 300, '', '{600,400,200}', 2),
	('paykun', 'paykun', false, NULL, '', '{1000,999}', 2),
	('plural', 'plural', false, NULL, '', '{1000,600,400,1}', 2),
	('plural, three legs', 'plural', false, NULL, 'a=300 b=300 c=400', '{}', 3),
	('plural, last attempt', 'plural', false, NULL,
		'a=1 a>failed b=1 b>failed c=1 c>failed d=1 d>failed e=1 e>failed f=1 f>failed g=1 g>failed h=1 h>failed i=1 i>failed',
		'{1000,600}', 10),
	('plural, last two attempts', 'plural', false, NULL,
		'a=1 a>failed b=1 b>failed c=1 c>failed d=1 d>failed e=1 e>failed f=1 f>failed g=1 g>failed h=1 h>failed i=600',
		'{400,300}', 10),
	('plural_preauth', 'plural_preauth', false, NULL, '', '{1000,600,400,1}', 2),
	('plural_preauth, three legs', 'plural_preauth', false, NULL, 'a=300 b=300 c=400', '{}', 3),
	('plural_preauth, last attempt', 'plural_preauth', false, NULL,
		'a=1 a>failed b=1 b>failed c=1 c>failed d=1 d>failed e=1 e>failed f=1 f>failed g=1 g>failed h=1 h>failed i=1 i>failed',
		'{1000,600}', 10),
	('plural_preauth, last two attempts', 'plural_preauth', false, NULL,
		'a=1 a>failed b=1 b>failed c=1 c>failed d=1 d>failed e=1 e>failed f=1 f>failed g=1 g>failed h=1 h>failed i=600',
		'{400,300}', 10);

-- Situations that differ only in which payment is which are one.
CREATE FUNCTION helper.key_of(family text, o helper.an_order) RETURNS text
	LANGUAGE sql
AS $$
	SELECT concat_ws(' ', family, o.status, o.paid, o.refunded, o.attempts,
		(SELECT string_agg(concat_ws('/', status, amount, captured, refunded), ','
				ORDER BY status, amount, captured, refunded)
		   FROM unnest(o.payments)));
$$;

-- All operations to try in a situation; on payments beyond the last three
-- none, those have failed.
CREATE FUNCTION helper.operations(f family, o helper.an_order) RETURNS SETOF jsonb
	LANGUAGE sql
AS $$
	SELECT jsonb_build_object('op', 'pay', 'id', chr(97 + cardinality(o.payments)), 'amount', a)
	  FROM unnest(f.amounts || ARRAY[0, -1]) a
	UNION ALL
	SELECT jsonb_build_object('op', 'pay', 'id', chr(97 + cardinality(o.payments)), 'amount', o.amount,
			'status', s)
	  FROM unnest(enum_range(NULL::paystate.payment_status)) s
	UNION ALL
	SELECT jsonb_build_object('op', 'to', 'id', p.id, 'status', s)
	  FROM unnest((o.payments)[greatest(1, cardinality(o.payments) - 2):]) p,
		unnest(enum_range(NULL::paystate.payment_status)) s
	UNION ALL
	SELECT jsonb_build_object('op', 'to', 'id', p.id, 'status', s.label, 'captured', c)
	  FROM unnest((o.payments)[greatest(1, cardinality(o.payments) - 2):]) p,
		tsv_state s, unnest(ARRAY[p.amount - 1, p.amount + 1]) c
	 WHERE s.lifecycle = o.lifecycle AND s.kind = 'payment' AND s.role = 'settled'
		AND p.status <> s.label AND c > 0
	UNION ALL
	SELECT jsonb_build_object('op', 'refund', 'id', p.id, 'amount', r)
	  FROM unnest((o.payments)[greatest(1, cardinality(o.payments) - 2):]) p,
		unnest(CASE WHEN p.refunded = 0 THEN ARRAY[100] END
			|| ARRAY[p.captured - p.refunded, p.captured - p.refunded + 1]) r
	UNION ALL
	SELECT jsonb_build_object('op', 'order', 'status', s)
	  FROM unnest(enum_range(NULL::paystate.order_status)) s;
$$;

-- Search breadth first, so that each situation has a shortest path.
CREATE FUNCTION helper.explore(f family) RETURNS void
	LANGUAGE plpgsql
AS $$
DECLARE
	o helper.an_order := helper.model_open(f.lifecycle, 1000, f.partial, f.first_min);
	path jsonb[] := '{}';
	word text;
	d integer := 0;
BEGIN
	FOREACH word IN ARRAY regexp_split_to_array(trim(f.script), '\s+') LOOP
		CONTINUE WHEN word = '';
		SELECT (s.o).* INTO STRICT o FROM helper.model_step(o, helper.op_of(word)) s WHERE s.line > 0;
		path := path || helper.op_of(word);
	END LOOP;
	INSERT INTO situation (family, path, o, key, depth)
		VALUES (f.name, path, o, helper.key_of(f.name, o), 0);
	LOOP
		INSERT INTO try (situation, op, event, code, line, o)
			SELECT x.nr, op, s.event, s.code, s.line, s.o
			  FROM situation x, helper.operations(f, x.o) op, helper.model_step(x.o, op) s
			 WHERE x.family = f.name AND x.depth = d;
		EXIT WHEN NOT FOUND;
		INSERT INTO situation (family, path, o, key, depth)
			SELECT f.name, x.path || t.op, t.o, helper.key_of(f.name, t.o), d + 1
			  FROM try t JOIN situation x ON x.nr = t.situation
			 WHERE x.family = f.name AND x.depth = d AND t.line IS NOT NULL
				AND cardinality((t.o).payments) <= f.most
			ON CONFLICT (key) DO NOTHING;
		d := d + 1;
	END LOOP;
END
$$;
DO $$ BEGIN PERFORM helper.explore(f) FROM family f; END $$;

-- Now for real: build each situation by its path, then try each operation
-- there and take it back.
CREATE FUNCTION helper.attempt(an_order text, INOUT op jsonb, OUT code text, OUT o helper.an_order)
	LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM helper.do_op(an_order, op);
	o := helper.as_stored(an_order);
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN NULL;
	WHEN OTHERS THEN code := SQLSTATE; o := helper.as_stored(an_order);
END
$$;
DO $$
DECLARE
	s record;
	op jsonb;
BEGIN
	FOR s IN SELECT x.*, f.partial, f.first_min, f.lifecycle
			   FROM situation x JOIN family f ON f.name = x.family
	LOOP
		PERFORM helper.given('s' || s.nr, s.lifecycle, 1000, '', s.partial, s.first_min);
		FOREACH op IN ARRAY s.path LOOP
			PERFORM helper.do_op('s' || s.nr, op);
		END LOOP;
	END LOOP;
	UPDATE situation SET stored = helper.as_stored('s' || nr);
END
$$;
CREATE TEMP TABLE tried AS
	SELECT t.*, a.code AS got_code, a.o AS got
	  FROM try t, helper.attempt('s' || t.situation, t.op) a;

SELECT is((SELECT format('%s: %s, not %s', array_to_string(path, ' '), stored, o)
			 FROM situation WHERE family = f.name AND stored IS DISTINCT FROM o
			ORDER BY nr LIMIT 1),
	NULL, format('%s: all %s situations come to stand as computed', f.name,
		(SELECT count(*) FROM situation WHERE family = f.name)))
  FROM family f;

-- One test a (status of the order, event): in every situation the answer is
-- the one computed, and the rows are too.
-- The shortest history with another answer is shown.
SELECT is((array_agg(format('%s then %s: %s %s, not %s %s', array_to_string(x.path, ' '), t.op,
			coalesce(t.got_code, 'accepted'), t.got, coalesce(t.code, 'accepted'), t.o) ORDER BY x.nr)
		FILTER (WHERE t.got_code IS DISTINCT FROM t.code OR t.got IS DISTINCT FROM t.o))[1],
	NULL,
	format('%s, order %s, %s: %s in %s situations', f.lifecycle, (x.o).status, t.event,
		string_agg(DISTINCT coalesce(t.code, CASE WHEN t.line IS NULL THEN 'nothing to do'
			ELSE 'line ' || t.line END), ', '), count(*)))
  FROM tried t JOIN situation x ON x.nr = t.situation JOIN family f ON f.name = x.family
 GROUP BY f.lifecycle, (x.o).status, t.event
 ORDER BY f.lifecycle, (x.o).status, t.event;

-- Nothing was left out: each order status was reached, and from each payment
-- status each of the eight was tried.
SELECT bag_eq(
	format('SELECT DISTINCT (o).status FROM situation WHERE (o).lifecycle = %L', name),
	format($$SELECT label FROM tsv_state WHERE lifecycle = %L AND kind = 'order'$$, name),
	name || ': every order status was reached')
  FROM tsv_lifecycle;
SELECT bag_eq(
	format($$SELECT DISTINCT t.event FROM try t JOIN situation x ON x.nr = t.situation
		WHERE (x.o).lifecycle = %L AND t.event NOT LIKE 'order%%' AND t.event LIKE '%%>%%'$$, name),
	format($$SELECT coalesce(f.label, 'new') || '>' || t AS event
		FROM (SELECT label FROM tsv_state WHERE lifecycle = %L AND kind = 'payment'
			  UNION ALL SELECT NULL) f,
			unnest(enum_range(NULL::paystate.payment_status)) t$$, name),
	name || ': from every payment status every status was tried')
  FROM tsv_lifecycle;

-- The mapping: each row of transitions.tsv -> the writes that it allowed.
SELECT ok(count(t.line) > 0 AND bool_and(t.got_code IS NULL AND t.got IS NOT DISTINCT FROM t.o),
	format('transitions.tsv:%s %s %s on an order %s [%s] -> %s (%s): written in %s situations',
		r.line, r.lifecycle, r.payment_event, r.order_before, r.guard, r.order_after,
		r.money_effect, count(t.line)))
  FROM tsv_rule r LEFT JOIN tried t ON t.line = r.line
 GROUP BY r.line, r.lifecycle, r.payment_event, r.order_before, r.guard, r.order_after,
	r.money_effect
 ORDER BY r.line;

\ir lib/end.sql
