-- export_rules: the rules of a life cycle as conditions of PL/pgSQL.  What an
-- atom means is said here once more, for a server that has no C; that both say
-- the same, test/export shows.  What stands between marks of @ in a text is
-- filled in by export_fill().

-- In one pass, so that what is filled in is never looked at again.  Two @ side
-- by side stand for one; a name that is not known is a mistake of ours.
CREATE FUNCTION paystate.export_fill(template pg_catalog.text, names pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_fill$
DECLARE
	filled	text;
	missing	text;
BEGIN
	SELECT string_agg(CASE WHEN u.n % 2 = 1 THEN u.part WHEN u.part = '' THEN '@' ELSE names ->> u.part END,
					  '' ORDER BY u.n),
		   min(u.part) FILTER (WHERE u.n % 2 = 0 AND u.part <> '' AND names ->> u.part IS NULL)
	INTO filled, missing
	FROM string_to_table(template, '@') WITH ORDINALITY AS u (part, n);
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'nothing is known by the name "%"', missing;
	END IF;
	RETURN filled;
END
$export_fill$;
COMMENT ON FUNCTION paystate.export_fill(pg_catalog.text, pg_catalog.jsonb) IS
	'a text with what the names between marks of @ stand for';

-- place: guards that speak of where things stand (state) are asked before
-- those that speak of an amount, and each group in this order.
-- alone: can be asked of a payment that has no order
CREATE FUNCTION paystate.export_atoms()
	RETURNS TABLE (atom pg_catalog.text, place pg_catalog.int4, state pg_catalog.bool,
				   alone pg_catalog.bool, condition pg_catalog.text)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_atoms$
	VALUES
	('other_live', 1, true, false, 'others > 0'),
	('no_other_live', 2, true, false, 'others = 0'),
	('others_held', 3, true, false, 'others > 0'),
	('others_done', 4, true, false, 'others = 0'),
	('none_live', 5, true, false, 'o.payments_open = 0'),
	('attempts<max', 6, true, false, '@attempts_left@'),
	('attempts>=max', 7, true, false, 'NOT (@attempts_left@)'),
	('amount_paid=0', 8, true, false, 'o.amount_paid = 0'),
	('amount_paid>0', 9, true, false, 'o.amount_paid > 0'),
	('insert_ok', 10, false, false, '@schema@.paystate_insert_why(o, amount) IS NULL'),
	('amount=held', 11, false, false, 'amount = p.amount'),
	('captured=held', 12, false, false, 'amount = p.amount'),
	('captured<held', 13, false, false, 'amount > 0 AND amount < p.amount'),
	('amount=order_due', 14, false, false, 'amount = p.amount AND amount = due'),
	('due_after=0', 15, false, false, 'amount = due'),
	('due_after>0', 16, false, false, 'amount < due'),
	('partial_payment', 17, false, false, 'o.partial_payment'),
	('refund=amount', 18, false, true, 'amount = p.amount'),
	('0<refund', 19, false, true, 'amount > 0'),
	('refunded_after<captured', 20, false, true, 'fits AND amount < kept'),
	('refunded_after=captured', 21, false, true, 'fits AND amount = kept'),
	('refunded_after<amount_paid', 22, false, false, 'fits AND amount < o.amount_paid - o.amount_refunded'),
	('refunded_after=amount_paid', 23, false, false, 'fits AND amount = o.amount_paid - o.amount_refunded'),
	('held_after<amount', 24, false, false, 'p.amount < due - o.amount_authorized'),
	('held_after=amount', 25, false, false, 'p.amount = due - o.amount_authorized'),
	('paid_after<amount', 26, false, false, 'p.amount < due'),
	('paid_after=amount', 27, false, false, 'p.amount = due'),
	-- effects: what must be true of the amount before money moves by them
	('capture', 28, false, false, 'takes'),
	('refund', 29, false, true, 'fits'),
	('auto_refund', 30, false, true, 'p.amount_captured = 0 AND amount = p.amount')
$export_atoms$;
COMMENT ON FUNCTION paystate.export_atoms() IS
	'the atoms of guards and effects as conditions of PL/pgSQL';

-- NULL where all that the rule asks of the state holds, else why it does not
CREATE FUNCTION paystate.export_state(guard pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_state$
	SELECT coalesce('CASE' || string_agg(w.clause, '' ORDER BY w.place) || ' END', 'NULL')
	FROM (
		SELECT a.place, format(' WHEN NOT (%s) THEN %L', a.condition,
							   CASE a.atom WHEN 'none_live' THEN 'others live' ELSE 'state' END)
		FROM paystate.export_atoms() AS a
		WHERE a.state AND a.atom = ANY (string_to_array(guard, ';'))
		UNION ALL
		SELECT 0, '@taken@' WHERE 'insert_ok' = ANY (string_to_array(guard, ';'))
	) AS w (place, clause)
$export_state$;
COMMENT ON FUNCTION paystate.export_state(pg_catalog.text) IS
	'what a rule asks of the state of things, as an expression: NULL, or why it does not hold';

-- whether all that the rule asks of amounts holds
CREATE FUNCTION paystate.export_amounts(guard pg_catalog.text, effect pg_catalog.text,
										inserts pg_catalog.bool, alone pg_catalog.bool)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_amounts$
	SELECT coalesce(string_agg(c.condition, ' AND ' ORDER BY c.place), 'true')
	FROM (
		SELECT t.condition, min(t.place)
		FROM (
			SELECT string_to_table(a.condition, ' AND '), a.place
			FROM paystate.export_atoms() AS a
			WHERE NOT a.state AND (a.alone OR NOT export_amounts.alone)
				AND a.atom = ANY (string_to_array(guard, ';') || string_to_array(effect, ';'))
			UNION ALL
			SELECT '(amount > 0 OR amount = 0 AND o.amount = 0)', 0
			WHERE inserts AND NOT 'insert_ok' = ANY (string_to_array(guard, ';'))
		) AS t (condition, place)
		GROUP BY t.condition
	) AS c (condition, place)
$export_amounts$;
COMMENT ON FUNCTION paystate.export_amounts(pg_catalog.text, pg_catalog.text, pg_catalog.bool, pg_catalog.bool) IS
	'what a rule asks of amounts, as an expression';

-- The rules by what is asked of them, in the order in which they are tried;
-- an @ in a label is doubled, for export_fill().
-- A move that refunds stands twice: as the move, and as the refund of what it
-- starts from.  An order is not cancelled where its life cycle has no cancel.
CREATE FUNCTION paystate.export_known_rules(lifecycle pg_catalog.text)
	RETURNS TABLE (event pg_catalog.text, order_before pg_catalog.text, n pg_catalog.int8,
				   guard pg_catalog.text, effect pg_catalog.text,
				   order_after pg_catalog.text, payment_after pg_catalog.text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_known_rules$
	SELECT replace(r.event, '@', '@@'), replace(r.order_before, '@', '@@'),
		   row_number() OVER (PARTITION BY r.event ORDER BY r.order_before, r.written, r.guard),
		   r.guard, replace(r.effect, '@', '@@'), replace(r.order_after, '@', '@@'),
		   replace(r.payment_after, '@', '@@')
	FROM (
		SELECT t.payment_event, t.payment_event, t.order_before, t.guard, t.money_effect,
			   t.order_after, CASE WHEN t.payment_event LIKE '%>%' THEN split_part(t.payment_event, '>', 2) END
		FROM paystate.lifecycle_transition AS t
		JOIN paystate.lifecycle AS l ON l.name = t.lifecycle
		WHERE l.name = export_known_rules.lifecycle COLLATE "C"
			AND (l.order_cancel OR t.payment_event <> 'order:cancel')
		UNION ALL
		SELECT split_part(t.payment_event, '>', 1) || ':refund', t.payment_event, t.order_before,
			   t.guard, t.money_effect, t.order_after, split_part(t.payment_event, '>', 2)
		FROM paystate.lifecycle_transition AS t
		WHERE t.lifecycle = export_known_rules.lifecycle COLLATE "C"
			AND t.payment_event LIKE '%>%' AND 'refund' = ANY (string_to_array(t.money_effect, ';'))
	) AS r (event, written, order_before, guard, effect, order_after, payment_after)
$export_known_rules$;
COMMENT ON FUNCTION paystate.export_known_rules(pg_catalog.text) IS
	'the rules of a life cycle by event and status of the order, in the order in which they are tried';

-- (why not, amounts hold, order after, payment after, effects, others go to)
CREATE FUNCTION paystate.export_rule(state pg_catalog.text, amounts pg_catalog.text,
									 order_after pg_catalog.text, payment_after pg_catalog.text,
									 effect pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_rule$
	SELECT format('(%s, %s, %L, %L, %L, %L)', state, amounts, order_after, payment_after,
				  coalesce(array_agg(e.word ORDER BY e.n) FILTER (WHERE e.word NOT LIKE 'live>%' AND e.word <> '-'),
						   '{}'),
				  max(substr(e.word, 6)) FILTER (WHERE e.word LIKE 'live>%'))
	FROM string_to_table(effect, ';') WITH ORDINALITY AS e (word, n)
$export_rule$;
COMMENT ON FUNCTION paystate.export_rule(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'a rule as a row of what it asks and what it does';

-- CASE event WHEN 'x>y' THEN CASE o.status WHEN ... RETURN ARRAY[ rules ] ...
CREATE FUNCTION paystate.export_rules(lifecycle pg_catalog.text) RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_rules$
	SELECT string_agg(format(E'\tWHEN %L THEN\n\t\tCASE o.status\n%s\t\tELSE RETURN ''{}'';\n\t\tEND CASE;\n',
							 e.event, e.cells), '' ORDER BY e.event COLLATE "C")
	FROM (
		SELECT c.event, string_agg(format(E'\t\tWHEN %L THEN RETURN ARRAY[\n%s\n\t\t\t]::@schema@.paystate_rule[];\n',
										  c.order_before, c.rules), '' ORDER BY c.order_before COLLATE "C")
		FROM (
			SELECT r.event, r.order_before, string_agg(
				format(E'\t\t\t-- %s\n\t\t\t%s', r.guard, paystate.export_rule(
					paystate.export_state(r.guard),
					paystate.export_amounts(r.guard, r.effect, r.event LIKE 'new>%', false),
					r.order_after, r.payment_after, r.effect)), E',\n' ORDER BY r.n)
			FROM paystate.export_known_rules(export_rules.lifecycle) AS r
			GROUP BY r.event, r.order_before
		) AS c (event, order_before, rules)
		GROUP BY c.event
	) AS e (event, cells)
$export_rules$;
COMMENT ON FUNCTION paystate.export_rules(pg_catalog.text) IS
	'the rules of a life cycle as branches of a CASE of PL/pgSQL';

-- The same of a payment that has no order: what rules ask of it is left out,
-- and what then is the same, is said once.
CREATE FUNCTION paystate.export_lonely_rules(lifecycle pg_catalog.text) RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_lonely_rules$
	SELECT string_agg(format(E'\tWHEN %L THEN RETURN ARRAY[\n%s\n\t\t]::@schema@.paystate_rule[];\n',
							 e.event, e.rules), '' ORDER BY e.event COLLATE "C")
	FROM (
		SELECT d.event, string_agg(E'\t\t' || d.rule, E',\n' ORDER BY d.n)
		FROM (
			SELECT r.event, w.rule, min(r.n)
			FROM paystate.export_known_rules(export_lonely_rules.lifecycle) AS r
			CROSS JOIN LATERAL (VALUES (paystate.export_rule('NULL',
				paystate.export_amounts(r.guard, r.effect, false, true), NULL, r.payment_after,
				regexp_replace(r.effect, '(^|;)live>[^;]*', '')))) AS w (rule)
			WHERE r.event NOT LIKE 'new>%' AND r.event NOT LIKE 'order:%'
			GROUP BY r.event, w.rule
		) AS d (event, rule, n)
		GROUP BY d.event
	) AS e (event, rules)
$export_lonely_rules$;
COMMENT ON FUNCTION paystate.export_lonely_rules(pg_catalog.text) IS
	'the rules of a life cycle for a payment without an order, as branches of a CASE of PL/pgSQL';
