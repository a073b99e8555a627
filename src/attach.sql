-- attach: guarding tables that are there, and letting go of them

-- Writers wait, and nobody writes between the look at the data and the guards.
-- The order of locks is that of the guards' own.  To take a guard away or add
-- a column wants the table alone: asked for at once, for a lock that is raised
-- later would deadlock.
CREATE FUNCTION paystate.attach_lock(relations pg_catalog.jsonb,
									 alone pg_catalog.bool)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_lock$
DECLARE
	item	record;
BEGIN
	FOR item IN
		SELECT (relations ->> k.kind)::oid::regclass AS relid
		FROM (VALUES (1, 'refunds'), (2, 'payments'), (3, 'orders'), (4, 'history')) AS k (n, kind)
		WHERE relations ? k.kind ORDER BY k.n
	LOOP
		EXECUTE format('LOCK TABLE %s IN %s MODE', item.relid,
					   CASE WHEN alone THEN 'ACCESS EXCLUSIVE' ELSE 'SHARE ROW EXCLUSIVE' END);
	END LOOP;
END
$attach_lock$;
COMMENT ON FUNCTION paystate.attach_lock(pg_catalog.jsonb, pg_catalog.bool) IS
	'locks the tables of a shop';

-- A policy must not hide rows from their owner while he looks after them.
CREATE FUNCTION paystate.attach_force_policies(forced pg_catalog.regclass[],
											   force pg_catalog.bool)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_force_policies$
DECLARE
	relation	regclass;
BEGIN
	FOREACH relation IN ARRAY forced LOOP
		EXECUTE format('ALTER TABLE %s %s ROW LEVEL SECURITY', relation,
					   CASE WHEN force THEN 'FORCE' ELSE 'NO FORCE' END);
	END LOOP;
END
$attach_force_policies$;
COMMENT ON FUNCTION paystate.attach_force_policies(pg_catalog.regclass[], pg_catalog.bool) IS
	'whether the owner of these tables is subject to their policies';

-- The life cycle: as given, as the guards have it, or where each order names
-- its own that of everything without one.
CREATE FUNCTION paystate.attach_lifecycle(orders pg_catalog.regclass,
										  columns pg_catalog.jsonb,
										  given pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_lifecycle$
DECLARE
	chosen	text := given;
BEGIN
	IF chosen IS NULL THEN
		SELECT substr(a.argument, 11) INTO chosen
		FROM pg_trigger AS t, unnest(paystate.known_arguments(t.tgargs)) AS a (argument)
		WHERE t.tgrelid = orders AND t.tgfoid = 'paystate.guard_orders()'::regprocedure
			AND starts_with(a.argument, 'lifecycle=')
		LIMIT 1;
	END IF;
	IF chosen IS NULL AND EXISTS (SELECT FROM paystate.attach_columns(orders, 'orders', columns) AS c
								WHERE c.ours = 'lifecycle' AND c.attnum IS NOT NULL) THEN
		chosen := 'razorpay';
	END IF;
	IF chosen IS NULL THEN
		PERFORM paystate.attach_refuse(orders, 'It has no column "lifecycle", and no life cycle is given.',
			'Name one by the argument "lifecycle"; the table paystate.lifecycle lists those that exist.');
	ELSIF NOT EXISTS (SELECT FROM paystate.lifecycle AS l WHERE l.name = chosen) THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8',
			MESSAGE = format('life cycle "%s" does not exist', chosen),
			HINT = 'The table paystate.lifecycle lists those that exist.';
	END IF;
	RETURN chosen;
END
$attach_lifecycle$;
COMMENT ON FUNCTION paystate.attach_lifecycle(pg_catalog.regclass, pg_catalog.jsonb, pg_catalog.text) IS
	'the life cycle that the guards are told';

CREATE FUNCTION paystate.attach_check_shape(relations pg_catalog.jsonb,
											columns pg_catalog.jsonb,
											labels pg_catalog.jsonb,
											lifecycle pg_catalog.text,
											add_columns pg_catalog.bool)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_shape$
#variable_conflict use_variable
DECLARE
	item			record;
	link			int2[];
	rival			regclass;
	has_currency	boolean := EXISTS (
		SELECT FROM paystate.attach_columns((relations ->> 'orders')::oid, 'orders', columns) AS c
		WHERE c.ours = 'currency' AND c.attnum IS NOT NULL);
BEGIN
	FOR item IN
		SELECT k.kind, k.parent_kind, (relations ->> k.kind)::oid::regclass AS relid,
			   (relations ->> k.parent_kind)::oid::regclass AS parent
		FROM (VALUES (1, 'orders', NULL), (2, 'payments', 'orders'), (3, 'refunds', 'payments'),
					 (4, 'history', 'orders')) AS k (n, kind, parent_kind)
		WHERE relations ? k.kind OR k.parent_kind IS NOT NULL AND k.kind <> 'history'
		ORDER BY k.n
	LOOP
		-- one guarded table of each kind, or none can tell which
		SELECT c INTO rival FROM paystate.attach_children(item.parent, item.kind) AS c
		WHERE c IS DISTINCT FROM item.relid LIMIT 1;
		IF rival IS NOT NULL AND item.relid IS NULL THEN
			PERFORM paystate.attach_refuse(item.parent, format('Table "%s" is guarded as its %s.',
				(SELECT c.relname FROM pg_class AS c WHERE c.oid = rival), item.kind),
				format('Give it as argument "%s", or detach the orders first.', item.kind));
		ELSIF rival IS NOT NULL THEN
			PERFORM paystate.attach_refuse(item.parent, format('Tables "%s" and "%s" would both be its %s.',
				(SELECT c.relname FROM pg_class AS c WHERE c.oid = rival),
				(SELECT c.relname FROM pg_class AS c WHERE c.oid = item.relid), item.kind),
				'Orders have one table of payments; detach the orders first to give them another.');
		END IF;
		CONTINUE WHEN item.relid IS NULL;
		PERFORM paystate.attach_check_table(item.relid);
		PERFORM paystate.attach_check_types(item.relid, item.kind, columns, add_columns,
											has_currency OR item.kind = 'history');
		PERFORM paystate.attach_check_labels_fit(item.relid, rtrim(item.kind, 's'), columns, labels, lifecycle);
		PERFORM paystate.attach_check_written(item.relid, item.kind, columns);
		PERFORM paystate.attach_check_key(item.relid, item.kind, columns, 'key', paystate.attach_key(item.relid));
		IF item.parent IS NOT NULL THEN
			link := paystate.attach_link(item.relid, item.parent);
			PERFORM paystate.attach_check_key(item.relid, item.kind, columns, 'link', link);
			PERFORM paystate.attach_id_type(item.relid, link) WHERE item.kind <> 'history';
		END IF;
		IF item.kind = 'orders' AND (SELECT l.refund_moves FROM paystate.lifecycle AS l WHERE l.name = lifecycle) = 'order' THEN
			PERFORM paystate.attach_refuse(item.relid, 'Column "amount_refunded" is missing.',
				format('Refunds move the orders of life cycle "%s".', lifecycle))
			FROM paystate.attach_columns(item.relid, 'orders', columns) AS c
			WHERE c.ours = 'amount_refunded' AND c.attnum IS NULL AND (c.mapped OR NOT add_columns);
		END IF;
		IF item.kind = 'payments' THEN
			PERFORM paystate.attach_check_index(item.relid, link);
		ELSIF item.kind = 'history' AND EXISTS (
			SELECT FROM pg_trigger AS t WHERE t.tgrelid = item.relid AND NOT t.tgisinternal
				AND NOT t.tgfoid = ANY (paystate.known_guards())) THEN
			PERFORM paystate.attach_refuse(item.relid, 'A trigger of the user stands on the history.',
				'Drop it: history is written by paystate alone.');
		END IF;
	END LOOP;
END
$attach_check_shape$;
COMMENT ON FUNCTION paystate.attach_check_shape(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text, pg_catalog.bool) IS
	'checks that tables can be guarded as orders, payments, refunds and history';

-- Drops the guards that are there and makes those that are wanted.
CREATE FUNCTION paystate.attach_guard(relations pg_catalog.jsonb,
									  columns pg_catalog.jsonb,
									  labels pg_catalog.jsonb,
									  lifecycle pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_guard$
DECLARE
	item	record;
BEGIN
	FOR item IN
		SELECT k.key AS kind, k.value::oid::regclass AS relid FROM jsonb_each_text(relations) AS k
	LOOP
		PERFORM paystate.drop_guards(item.relid);
		PERFORM paystate.make_guards(item.relid, item.kind,
			VARIADIC paystate.attach_arguments(item.relid, item.kind, columns, labels, lifecycle));
	END LOOP;
END
$attach_guard$;
COMMENT ON FUNCTION paystate.attach_guard(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text) IS
	'makes the guards of a shop anew';
