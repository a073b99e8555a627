-- attach_public: attach, detach and attached_tables

-- All that it does is one subtransaction: where something is wrong with the
-- data, that is undone, and what is wrong is returned.
CREATE FUNCTION paystate.attach(
	orders pg_catalog.regclass,
	payments pg_catalog.regclass,
	refunds pg_catalog.regclass DEFAULT NULL,
	history pg_catalog.regclass DEFAULT NULL,
	columns pg_catalog.jsonb DEFAULT '{}',
	labels pg_catalog.jsonb DEFAULT '{}',
	lifecycle pg_catalog.text DEFAULT NULL,
	add_columns pg_catalog.bool DEFAULT false)
	RETURNS TABLE (relation pg_catalog.regclass, problem pg_catalog.text,
				   detail pg_catalog.text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY INVOKER
	SET row_security = off
	SET jit = off
	SET search_path = pg_catalog, pg_temp
AS $attach$
#variable_conflict use_variable
DECLARE
	given		jsonb := jsonb_strip_nulls(jsonb_build_object('orders', orders::oid::text,
						'payments', payments::oid::text, 'refunds', refunds::oid::text));
	all_of_them	jsonb;
	forced		regclass[];
	owner		oid;
	name		text;
	changed		boolean;
	unsafe		text := current_setting('citus.enable_unsafe_triggers', true);
	item		record;
BEGIN
	IF orders IS NULL OR payments IS NULL OR columns IS NULL OR labels IS NULL OR add_columns IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = format('argument "%s" must not be null', CASE WHEN orders IS NULL THEN 'orders'
				WHEN payments IS NULL THEN 'payments' WHEN columns IS NULL THEN 'columns'
				WHEN labels IS NULL THEN 'labels' ELSE 'add_columns' END);
	ELSIF orders = payments OR refunds IN (orders, payments) OR history IN (orders, payments, refunds) THEN
		PERFORM paystate.attach_refuse_argument(CASE WHEN orders = payments THEN 'payments'
				WHEN refunds IN (orders, payments) THEN 'refunds' ELSE 'history' END,
			'That table is given twice.');
	END IF;
	SELECT c.relowner INTO owner FROM pg_class AS c WHERE c.oid = orders;
	PERFORM paystate.attach_check_owner(k.relid, owner)
	FROM unnest(ARRAY[orders, payments, refunds, history]) AS k (relid) WHERE k.relid IS NOT NULL;
	PERFORM paystate.attach_check_table(k.relid)
	FROM unnest(ARRAY[orders, payments, refunds, history]) AS k (relid) WHERE k.relid IS NOT NULL;

	IF history IS NULL THEN
		history := paystate.attach_find_history(orders);
	END IF;
	all_of_them := given || jsonb_strip_nulls(jsonb_build_object('history', history::oid::text));
	PERFORM paystate.attach_check_columns(all_of_them, columns);
	name := paystate.attach_lifecycle(orders, columns, lifecycle);
	PERFORM paystate.attach_check_labels(labels, name, EXISTS (
		SELECT FROM paystate.attach_columns(orders, 'orders', columns) AS c
		WHERE c.ours = 'lifecycle' AND c.attnum IS NOT NULL));
	forced := ARRAY(SELECT c.oid::regclass FROM pg_class AS c
					WHERE c.relforcerowsecurity AND all_of_them @> jsonb_build_object(
						CASE c.oid WHEN orders THEN 'orders' WHEN payments THEN 'payments' WHEN refunds THEN 'refunds'
							WHEN history THEN 'history' ELSE '' END, c.oid::text));
	SELECT history IS NULL OR NOT bool_and(paystate.attach_is_guarded(k.value::oid, k.key,
			paystate.attach_arguments(k.value::oid, k.key, columns, labels, name))) INTO changed
	FROM jsonb_each_text(all_of_them) AS k;
	PERFORM paystate.attach_lock(all_of_them, add_columns OR forced <> '{}' OR changed AND EXISTS (
		SELECT FROM pg_trigger AS t JOIN jsonb_each_text(all_of_them) AS k ON k.value::oid = t.tgrelid
		WHERE t.tgfoid = ANY (paystate.known_guards())));

	IF unsafe IS NOT NULL THEN
		PERFORM set_config('citus.enable_unsafe_triggers', 'on', true);
	END IF;
	BEGIN
		PERFORM paystate.attach_check_shape(all_of_them, columns, labels, name, add_columns);
		PERFORM paystate.attach_force_policies(forced, false);
		FOR item IN SELECT * FROM paystate.attach_all(all_of_them, columns, labels, name, add_columns, changed) LOOP
			relation := item.relation;
			problem := item.problem;
			detail := item.detail;
			RETURN NEXT;
		END LOOP;
		IF problem IS NOT NULL THEN
			RAISE SQLSTATE 'PS001';
		END IF;
		PERFORM paystate.attach_force_policies(forced, true);
	EXCEPTION WHEN SQLSTATE 'PS001' THEN
		NULL;
	END;
	IF unsafe IS NOT NULL THEN
		PERFORM set_config('citus.enable_unsafe_triggers', unsafe, true);
	END IF;
	IF changed AND problem IS NULL AND (SELECT r.rolsuper FROM pg_roles AS r WHERE r.oid = owner) THEN
		RAISE WARNING USING MESSAGE = format('the owner of table "%s" is a superuser',
				(SELECT c.relname FROM pg_class AS c WHERE c.oid = orders)),
			DETAIL = 'Whoever may create triggers on it can act as that superuser.',
			HINT = 'Give the tables to a role that nobody logs in as.';
	END IF;
END
$attach$;
COMMENT ON FUNCTION paystate.attach(pg_catalog.regclass, pg_catalog.regclass, pg_catalog.regclass, pg_catalog.regclass, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text, pg_catalog.bool) IS
	'guards tables that are there already; returns what is wrong with their data, and then guards nothing';

-- An order that was written to while nobody guarded it does not agree with
-- its history: that begins anew.
CREATE FUNCTION paystate.attach_all(relations pg_catalog.jsonb,
									columns pg_catalog.jsonb,
									labels pg_catalog.jsonb,
									name pg_catalog.text,
									add_columns pg_catalog.bool,
									changed pg_catalog.bool)
	RETURNS TABLE (relation pg_catalog.regclass, problem pg_catalog.text,
				   detail pg_catalog.text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_all$
#variable_conflict use_variable
DECLARE
	orders		regclass := (relations ->> 'orders')::oid;
	payments	regclass := (relations ->> 'payments')::oid;
	f			jsonb;
	added		text[] := '{}';
	paid_added	text[] := '{}';
	keys		text[];
	link		int2[] := paystate.attach_link(payments, orders);
BEGIN
	IF add_columns THEN
		paid_added := paystate.attach_add_columns(payments, 'payments', columns, '{}');
		added := paystate.attach_add_columns(orders, 'orders', columns,
			CASE WHEN (SELECT l.refund_moves FROM paystate.lifecycle AS l WHERE l.name = name) = 'order'
					  OR EXISTS (SELECT FROM paystate.attach_columns(orders, 'orders', columns) AS c
								 WHERE c.ours = 'lifecycle' AND c.attnum IS NOT NULL)
				 THEN ARRAY['amount_refunded'] ELSE '{}' END);
	END IF;
	f := paystate.attach_frame(relations, columns, name);
	RETURN QUERY SELECT * FROM paystate.attach_find(relations, labels, paystate.attach_find_values(relations, columns, f));
	IF FOUND THEN
		RETURN;
	END IF;
	changed := changed OR added || paid_added <> '{}';
	IF changed THEN
		PERFORM paystate.drop_guards(k.value::oid) FROM jsonb_each_text(relations) AS k;
	END IF;
	PERFORM paystate.attach_fill_payments(payments, orders, f, labels, paid_added);
	PERFORM paystate.attach_fill_orders(f, labels, added);
	RETURN QUERY SELECT * FROM paystate.attach_find(relations, labels, paystate.attach_find_states(f)
		|| CASE WHEN cardinality(link) > 1 THEN paystate.attach_find_half_keys(payments, link, f) ELSE '[]' END);
	IF FOUND THEN
		RETURN;
	END IF;

	IF changed THEN
		IF NOT relations ? 'history' THEN
			relations := relations || jsonb_build_object('history', paystate.attach_make_history(relations, columns)::oid::text);
			f := paystate.attach_frame(relations, columns, name);
		END IF;
		PERFORM paystate.attach_open(orders, (relations ->> 'history')::oid, f);
		PERFORM paystate.attach_guard(relations, columns, labels, name);
		keys := ARRAY(SELECT DISTINCT v.order_key FROM paystate.verify(orders) AS v WHERE v.order_key IS NOT NULL);
		IF keys <> '{}' THEN
			PERFORM paystate.drop_guards(k.value::oid) FROM jsonb_each_text(relations) AS k;
			PERFORM paystate.attach_open(orders, (relations ->> 'history')::oid, f, keys);
			PERFORM paystate.attach_guard(relations, columns, labels, name);
		END IF;
	END IF;
	RETURN QUERY
		SELECT orders, v.problem,
			   CASE WHEN v.order_key IS NULL THEN '' ELSE format('Order "%s": ', v.order_key) END
			   || format('%s is expected, %s is there.', coalesce(v.expected, 'nothing'), coalesce(v.actual, 'nothing'))
		FROM paystate.verify(orders) AS v LIMIT 1000;
END
$attach_all$;
COMMENT ON FUNCTION paystate.attach_all(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text, pg_catalog.bool, pg_catalog.bool) IS
	'all that attach does; what it returns is wrong, and is to be undone';

-- Keeps columns and history.  Whatever is left of the guards is dropped.
CREATE FUNCTION paystate.detach(orders pg_catalog.regclass)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
	SET search_path = pg_catalog, pg_temp
AS $detach$
#variable_conflict use_variable
DECLARE
	owner		oid := (SELECT c.relowner FROM pg_class AS c WHERE c.oid = orders);
	payments	regclass[];
	relations	regclass[];
	relation	regclass;
BEGIN
	PERFORM paystate.attach_check_owner(orders, owner);
	payments := ARRAY(SELECT c FROM paystate.attach_children(orders, 'payments') AS c);
	relations := ARRAY(SELECT c FROM unnest(payments) AS p (relid), paystate.attach_children(p.relid, 'refunds') AS c)
		|| payments || orders || ARRAY(SELECT c FROM paystate.attach_children(orders, 'history') AS c);
	IF NOT EXISTS (SELECT FROM pg_trigger AS t
				   WHERE t.tgrelid = orders AND t.tgfoid = 'paystate.guard_orders()'::regprocedure)
		AND cardinality(relations) = 1 THEN
		PERFORM paystate.attach_refuse(orders, 'It carries no guard of orders.');
	END IF;
	FOREACH relation IN ARRAY relations LOOP
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
	END LOOP;
	FOREACH relation IN ARRAY relations LOOP
		PERFORM paystate.drop_guards(relation);
	END LOOP;
END
$detach$;
COMMENT ON FUNCTION paystate.detach(pg_catalog.regclass) IS
	'drops the guards of an orders table and of its payments, refunds and history, and nothing else';

-- What the guards of row events are told: (orders, column, status, state).
CREATE FUNCTION paystate.attach_told(relations pg_catalog.regclass[])
	RETURNS TABLE (kind pg_catalog.text, word pg_catalog.text,
				   ours pg_catalog.text, theirs pg_catalog.text,
				   enabled pg_catalog.bool)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_told$
	SELECT (ARRAY['orders', 'payments', 'refunds', 'history'])[array_position(paystate.known_guards(), t.tgfoid)],
		   m.parts[1], m.parts[2], m.parts[3], t.tgenabled = 'O'
	FROM pg_trigger AS t
	CROSS JOIN LATERAL unnest(paystate.known_arguments(t.tgargs)) AS a (argument)
	CROSS JOIN LATERAL regexp_match(a.argument, '^(lifecycle|column|label)\.?([^=]*)=(.*)$') AS m (parts)
	WHERE t.tgrelid = ANY (relations) AND t.tgfoid = ANY (paystate.known_guards())
$attach_told$;
COMMENT ON FUNCTION paystate.attach_told(pg_catalog.regclass[]) IS
	'the arguments of the guards of some tables, in parts';

-- From the catalog alone, and only of tables that the user may look into.
CREATE VIEW paystate.attached_tables AS
	SELECT o.oid::pg_catalog.regclass AS orders, p.payments, r.refunds, h.history,
		   t.lifecycle, t.columns, l.labels, t.enabled
	FROM pg_catalog.pg_class AS o
	LEFT JOIN LATERAL (SELECT c AS payments FROM paystate.attach_children(o.oid, 'payments') AS c) AS p ON true
	LEFT JOIN LATERAL (SELECT c AS refunds FROM paystate.attach_children(p.payments, 'refunds') AS c) AS r ON true
	LEFT JOIN LATERAL (SELECT c AS history FROM paystate.attach_children(o.oid, 'history') AS c) AS h ON true
	CROSS JOIN LATERAL (
		SELECT pg_catalog.max(g.theirs) FILTER (WHERE g.kind OPERATOR(pg_catalog.=) 'orders'
												AND g.word OPERATOR(pg_catalog.=) 'lifecycle') AS lifecycle,
			   coalesce(pg_catalog.jsonb_object_agg(pg_catalog.concat(g.kind, '.', g.ours), nullif(g.theirs, ''))
						FILTER (WHERE g.word OPERATOR(pg_catalog.=) 'column'), '{}') AS columns,
			   pg_catalog.bool_and(g.enabled) AS enabled
		FROM paystate.attach_told(ARRAY[o.oid::pg_catalog.regclass, p.payments, r.refunds, h.history]) AS g) AS t
	CROSS JOIN LATERAL (
		SELECT coalesce(pg_catalog.jsonb_object_agg(pg_catalog.rtrim(w.kind, 's'), w.words), '{}') AS labels
		FROM (SELECT g.kind, pg_catalog.jsonb_object_agg(g.ours, g.theirs) AS words
			  FROM paystate.attach_told(ARRAY[o.oid::pg_catalog.regclass, p.payments, r.refunds]) AS g
			  WHERE g.word OPERATOR(pg_catalog.=) 'label' GROUP BY g.kind) AS w) AS l
	WHERE o.relkind IN ('r', 'p') AND NOT o.relispartition
		AND pg_catalog.has_any_column_privilege(o.oid, 'SELECT')
		AND EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
					WHERE g.tgrelid OPERATOR(pg_catalog.=) o.oid
						AND g.tgfoid OPERATOR(pg_catalog.=) 'paystate.guard_orders()'::pg_catalog.regprocedure);
COMMENT ON VIEW paystate.attached_tables IS
	'orders tables under guard, made by create_tables or attached, that the user may look into';
COMMENT ON COLUMN paystate.attached_tables.orders IS 'the orders';
COMMENT ON COLUMN paystate.attached_tables.payments IS 'their payments';
COMMENT ON COLUMN paystate.attached_tables.refunds IS 'refunds of those; NULL where a refund is an update of its payment';
COMMENT ON COLUMN paystate.attached_tables.history IS 'the orders'' history';
COMMENT ON COLUMN paystate.attached_tables.lifecycle IS 'the life cycle of payments without an order, and of orders that name none';
COMMENT ON COLUMN paystate.attached_tables.columns IS 'columns that stand for ours, as attach was told';
COMMENT ON COLUMN paystate.attached_tables.labels IS 'labels that stand for ours, as attach was told';
COMMENT ON COLUMN paystate.attached_tables.enabled IS 'whether all guards that are there are enabled, as they must be';
GRANT SELECT ON paystate.attached_tables TO PUBLIC;
