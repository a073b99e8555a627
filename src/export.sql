-- export: a life cycle as a script of SQL and PL/pgSQL that needs no extension

CREATE FUNCTION paystate.export_triggers() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_triggers$
	-- The guards' names sort before those of the foreign keys' checks, as on
	-- tables of the extension: each locks the order at full strength at once.
	SELECT string_agg(format($text$
CREATE TRIGGER _paystate_before BEFORE INSERT%3$s ON @schema@.%1$I
	FOR EACH ROW EXECUTE FUNCTION @schema@.paystate_fill_%2$s();
COMMENT ON TRIGGER _paystate_before ON @schema@.%1$I IS 'fills in what is left out';
CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE ON @schema@.%1$I
	FOR EACH ROW EXECUTE FUNCTION @schema@.paystate_guard_%2$s();
COMMENT ON TRIGGER "A_paystate_guard" ON @schema@.%1$I IS
	'judges the row as stored and carries totals and history along';
$text$, t.relation, t.kind, t.update), '' ORDER BY t.place)
	|| $text$
CREATE TRIGGER _paystate_key BEFORE UPDATE ON @schema@.orders
	FOR EACH ROW WHEN (NEW.id <> OLD.id) EXECUTE FUNCTION @schema@.paystate_guard_key();
COMMENT ON TRIGGER _paystate_key ON @schema@.orders IS 'refuses a changed key';
CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE ON @schema@.order_history
	FOR EACH ROW EXECUTE FUNCTION @schema@.paystate_guard_history();
COMMENT ON TRIGGER _paystate_before ON @schema@.order_history IS 'refuses what the guards have not written';
$text$ || string_agg(format($text$
CREATE TRIGGER _paystate_delete BEFORE DELETE ON @schema@.%1$I
	FOR EACH ROW EXECUTE FUNCTION @schema@.paystate_guard_removal();
COMMENT ON TRIGGER _paystate_delete ON @schema@.%1$I IS 'refuses DELETE';
CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON @schema@.%1$I
	FOR EACH STATEMENT EXECUTE FUNCTION @schema@.paystate_guard_removal();
COMMENT ON TRIGGER _paystate_truncate ON @schema@.%1$I IS 'refuses TRUNCATE';
$text$, t.relation), '' ORDER BY t.place)
	|| format($text$
CREATE TRIGGER _paystate_delete BEFORE DELETE ON @schema@.%1$I
	FOR EACH ROW EXECUTE FUNCTION @schema@.paystate_guard_removal();
COMMENT ON TRIGGER _paystate_delete ON @schema@.%1$I IS 'refuses DELETE';
CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON @schema@.%1$I
	FOR EACH STATEMENT EXECUTE FUNCTION @schema@.paystate_guard_removal();
COMMENT ON TRIGGER _paystate_truncate ON @schema@.%1$I IS 'refuses TRUNCATE';
$text$, 'order_history')
	FROM (VALUES (1, 'orders', 'order', ''), (2, 'payments', 'payment', ' OR UPDATE'),
				 (3, 'refunds', 'refund', ' OR UPDATE')) AS t (place, relation, kind, update)
$export_triggers$;
COMMENT ON FUNCTION paystate.export_triggers() IS
	'CREATE TRIGGER of all guards';

-- What the guards call is nobody's to call but theirs; who inserts needs ids.
CREATE FUNCTION paystate.export_privileges() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_privileges$
	SELECT $text$
-- Only the guards, which run as their owner, call these functions.
DO @tag@
DECLARE
	item	record;
BEGIN
	FOR item IN
		SELECT p.oid::pg_catalog.regprocedure AS signature, a.about
		FROM (VALUES
			('order_role', 'what a status of an order means for money'),
			('payment_role', 'what a status of a payment means for money'),
			('currency_ok', 'whether the life cycle takes the currency'),
			('insert_why', 'what is wrong with the amount of a new payment'),
			('refund_why', 'what is wrong with the amount of a refund'),
			('move_amount', 'what is captured or refunded when the status of a payment is set'),
			('implied', 'amount_captured and amount_refunded as a change of status implies them'),
			('rules', 'the rules of the life cycle for an event, in the present status of the order'),
			('lonely_rules', 'the rules of the life cycle for a payment without an order'),
			('advance', 'the decision: what becomes of an order and its payment by an event'),
			('advance_lonely', 'the decision on a payment without an order'),
			('report', 'raises a refusal'),
			('key', 'a key, for who may read it'),
			('refuse', 'raises a refusal of an event, with what is allowed instead'),
			('refuse_column', 'raises the refusal of a write to a column'),
			('refuse_missing', 'raises what the foreign key would'),
			('refuse_check', 'raises what a CHECK would'),
			('payment_moves', 'the moves that are allowed to a payment'),
			('order_moves', 'the moves that are allowed to an order'),
			('settle', 'writes what was decided: history, payments, refund and order'),
			('is_settled', 'whether a write is that of paystate_settle()'),
			('is_clock', 'whether a time is from the clock, while this transaction ran'),
			('check_merchant', 'checks receipt, notes and partial terms'),
			('check_terms', 'checks currency, amount and partial payment of an order'),
			('fill_order', 'BEFORE INSERT of orders: fills in what is left out'),
			('fill_payment', 'BEFORE INSERT OR UPDATE of payments: fills in what is left out or implied'),
			('fill_refund', 'BEFORE INSERT OR UPDATE of refunds: fills in the status'),
			('guard_order', 'guard of orders: totals and status follow from the payments'),
			('guard_payment', 'guard of payments: judges every move and moves the order along'),
			('guard_refund', 'guard of refunds: never gives back more than was captured'),
			('guard_history', 'guard of the history: append-only, written by the other guards alone'),
			('guard_key', 'refuses a changed key of an order'),
			('guard_removal', 'refuses DELETE and TRUNCATE')) AS a (name, about)
		JOIN pg_catalog.pg_proc AS p ON p.proname OPERATOR(pg_catalog.=) ('paystate_' OPERATOR(pg_catalog.||) a.name)
		JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
		WHERE n.nspname OPERATOR(pg_catalog.=) @schema_name@
	LOOP
		EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', item.signature);
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS %L', item.signature, item.about);
	END LOOP;
END
@tag@;
$text$
$export_privileges$;
COMMENT ON FUNCTION paystate.export_privileges() IS
	'text that comments the guards'' helpers and takes them from PUBLIC';

CREATE FUNCTION paystate.export_head() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_head$
	SELECT $text$-- Orders and payments that follow life cycle @name@, for a server without the
-- extension paystate (PostgreSQL 15 and later).  Written by paystate.export_sql().
--
-- Run it in one transaction (psql -1 -v ON_ERROR_STOP=1), as the role that is
-- to own the tables, and let nobody log in as that role.  The guards run as
-- the owner: grant the application SELECT, INSERT and UPDATE on the tables,
-- and never TRIGGER.
$text$
$export_head$;
COMMENT ON FUNCTION paystate.export_head() IS
	'the first lines of an exported script';

-- WHEN 'label' THEN 'role' of each status
CREATE FUNCTION paystate.export_roles(lifecycle pg_catalog.text, kind pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_roles$
	SELECT string_agg(format(' WHEN %L THEN %L', s.label, s.role), '' ORDER BY s.label)
	FROM paystate.lifecycle_status AS s
	WHERE s.lifecycle = export_roles.lifecycle COLLATE "C" AND s.kind = export_roles.kind
$export_roles$;
COMMENT ON FUNCTION paystate.export_roles(pg_catalog.text, pg_catalog.text) IS
	'the roles of a life cycle''s statuses, as branches of a CASE';

-- NULL: whatever paystate knows
CREATE FUNCTION paystate.export_currencies(currencies pg_catalog.text[])
	RETURNS pg_catalog.text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_currencies$
	SELECT coalesce(currencies, (
		SELECT array_agg(c.code ORDER BY c.code COLLATE "C")
		FROM generate_series(65, 90) AS x, generate_series(65, 90) AS y, generate_series(65, 90) AS z,
			 LATERAL (VALUES (chr(x) || chr(y) || chr(z))) AS c (code)
		WHERE paystate.currency_exponent(c.code) IS NOT NULL))
$export_currencies$;
COMMENT ON FUNCTION paystate.export_currencies(pg_catalog.text[]) IS
	'the currencies that a life cycle takes, one by one';

-- cancel and fail by the statuses that a writer may set; both have their words
-- also where no rule leads there
CREATE FUNCTION paystate.export_order_events(lifecycle pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_order_events$
	SELECT string_agg(format('WHEN %L THEN %L', e.label, e.kind), ' ' ORDER BY e.label)
	FROM (
		SELECT w.label, (array_agg(w.kind ORDER BY w.place))[1]
		FROM (
			SELECT t.order_after, split_part(t.payment_event, ':', 2),
				   CASE t.payment_event WHEN 'order:cancel' THEN 1 ELSE 2 END
			FROM paystate.lifecycle_transition AS t
			WHERE t.lifecycle = export_order_events.lifecycle COLLATE "C" AND t.payment_event LIKE 'order:%'
			UNION ALL
			VALUES ('cancelled', 'cancel', 3), ('failed', 'fail', 4)
		) AS w (label, kind, place)
		GROUP BY w.label
	) AS e (label, kind)
$export_order_events$;
COMMENT ON FUNCTION paystate.export_order_events(pg_catalog.text) IS
	'the order events of a life cycle by the statuses to which they lead, as branches of a CASE';

-- The parameters of a life cycle as pieces of PL/pgSQL.
CREATE FUNCTION paystate.export_names(lifecycle pg_catalog.text, schema pg_catalog.text)
	RETURNS pg_catalog.jsonb
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_names$
	SELECT jsonb_build_object(
		'schema', quote_ident(schema),
		'schema_name', quote_literal(schema),
		'orders', quote_literal(format('%I.orders', schema)),
		'payments', quote_literal(format('%I.payments', schema)),
		'name', to_json(l.name)::text,
		'lifecycle', quote_literal(l.name),
		'order_initial', quote_literal(l.order_initial),
		'payment_initial', quote_literal(l.payment_initial),
		'order_roles', paystate.export_roles(l.name, 'order'),
		'payment_roles', paystate.export_roles(l.name, 'payment'),
		'payment_statuses', (
			SELECT quote_literal(array_agg(s.label ORDER BY s.label))
			FROM paystate.lifecycle_status AS s WHERE s.lifecycle = l.name AND s.kind = 'payment'),
		'order_events', paystate.export_order_events(l.name),
		'currencies', quote_literal(paystate.export_currencies(l.currencies)),
		'max_attempts', coalesce(l.max_attempts::text, 'NULL'),
		'attempts_left', coalesce('o.attempts < ' || l.max_attempts, 'true'),
		'taken', CASE l.parallel_payments WHEN 'legs' THEN ''
			ELSE ' WHEN o.amount_authorized > 0 OR o.amount = 0 AND o.payments_open > 0 THEN ''another held''' END
			|| coalesce(' WHEN o.attempts >= ' || l.max_attempts || ' THEN ''attempts used''',
						CASE l.parallel_payments WHEN 'legs' THEN ' WHEN false THEN NULL' ELSE '' END),
		'insert_why', CASE l.parallel_payments WHEN 'legs' THEN
			'WHEN amount > (o).amount - (o).amount_paid - (o).amount_authorized - (o).amount_pending THEN ''legs above amount'''
			ELSE E'WHEN NOT (o).partial_payment THEN CASE WHEN amount <> (o).amount THEN ''not order amount'' END\n'
				|| E'\t\tWHEN amount > (o).amount - (o).amount_paid THEN ''above due''\n'
				|| E'\t\tWHEN (o).amount_paid = 0 AND amount < (o).first_payment_min_amount THEN ''below first minimum''' END,
		'capture_fits', CASE WHEN l.partial_capture
			THEN 'amount >= 0 AND (amount > 0 OR p.amount = 0) AND amount <= p.amount AND amount <= due'
			ELSE 'amount = p.amount AND amount <= due' END,
		'capture_hint', CASE WHEN l.partial_capture THEN '' ELSE ', and nothing less than what is held' END,
		'due', 'o.amount - o.amount_paid' || CASE l.parallel_payments
			WHEN 'legs' THEN ' - o.amount_authorized - o.amount_pending' ELSE '' END,
		'amount_bad', format('o.amount < %s', coalesce(l.payment_min, 1))
			|| coalesce(' OR o.amount > ' || l.payment_max, ''),
		'terms_bad', CASE l.partial_payment WHEN 'order' THEN 'false' ELSE 'o.partial_payment' END,
		'amounts_hint', quote_literal(format('Life cycle "%s" takes amounts from %s', l.name, coalesce(l.payment_min, 1))
			|| coalesce(' to ' || l.payment_max, '') || '.'),
		'fixed', CASE l.amount_fixed WHEN 'creation' THEN 'true' ELSE 'o.attempts > 0 OR o.payments_open > 0' END,
		'fixed_since', quote_literal(CASE l.amount_fixed WHEN 'creation' THEN 'It is fixed when the row is inserted.'
			ELSE 'It is fixed from the order''s first payment on.' END),
		'too_late', coalesce('kind = ''move'' AND elapsed > ' || quote_literal(l.late_window) || '::interval'
			|| ' AND @schema@.paystate_payment_role(p.status) = ''dead'''
			|| ' AND @schema@.paystate_payment_role(target) <> ''dead''', 'false'))
	FROM paystate.lifecycle AS l
	WHERE l.name = export_names.lifecycle COLLATE "C"
$export_names$;
COMMENT ON FUNCTION paystate.export_names(pg_catalog.text, pg_catalog.text) IS
	'what the names in the texts of an exported script stand for';

CREATE FUNCTION paystate.export_sql(lifecycle pg_catalog.text, schema pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_sql$
DECLARE
	names	jsonb := paystate.export_names(lifecycle, schema);
	tag		text := '$paystate$';
BEGIN
	IF names IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8',
			MESSAGE = format('life cycle "%s" does not exist', lifecycle),
			HINT = 'The table paystate.lifecycle lists those that exist.';
	END IF;
	-- names within names: those of a list are filled in with the list
	names := names
		|| jsonb_build_object('too_late', paystate.export_fill(names ->> 'too_late', names));
	names := names || jsonb_build_object(
		'rules', paystate.export_fill(paystate.export_rules(lifecycle), names),
		'lonely_rules', paystate.export_fill(paystate.export_lonely_rules(lifecycle), names));
	-- nothing that is filled in may end a body
	WHILE strpos(names::text, tag) > 0 LOOP
		tag := '$paystate_' || length(tag) || '$';
	END LOOP;
	RETURN paystate.export_fill(
		concat(paystate.export_head(), paystate.export_types(lifecycle), paystate.export_tables(),
			   paystate.export_comments(), paystate.export_terms(), paystate.export_rule_functions(),
			   paystate.export_advance(), paystate.export_refusals(), paystate.export_words(),
			   paystate.export_settle(), paystate.export_guard_orders(),
			   paystate.export_guard_payments(), paystate.export_guard_refunds(),
			   paystate.export_triggers(), paystate.export_privileges()),
		names || jsonb_build_object('tag', tag));
END
$export_sql$;
COMMENT ON FUNCTION paystate.export_sql(pg_catalog.text, pg_catalog.text) IS
	'a script of SQL and PL/pgSQL: tables that follow a life cycle, their guards and their history, for a server without the extension';
