-- attach_history: the history of tables that are there

-- One that is guarded, or was: a table of the same owner that references
-- orders and has all columns of a history.
CREATE FUNCTION paystate.attach_find_history(orders pg_catalog.regclass)
	RETURNS pg_catalog.regclass
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_find_history$
DECLARE
	found	regclass[] := ARRAY(SELECT h FROM paystate.attach_children(orders, 'history') AS h);
BEGIN
	IF found = '{}' THEN
		found := ARRAY(
			SELECT DISTINCT c.conrelid::regclass
			FROM pg_constraint AS c
			JOIN pg_class AS k ON k.oid = c.conrelid AND NOT k.relispartition
			JOIN pg_class AS p ON p.oid = orders AND p.relowner = k.relowner
			WHERE c.contype = 'f' AND c.confrelid = orders
				AND NOT EXISTS (
					SELECT FROM paystate.attach_columns(c.conrelid, 'history', '{}') AS h
					WHERE h.attnum IS NULL AND h.meaning <> 'link'));
	END IF;
	IF cardinality(found) > 1 THEN
		PERFORM paystate.attach_refuse(orders, format('Tables "%s" and "%s" may both be its history.', found[1], found[2]),
			'Name one of them by the argument "history".');
	END IF;
	RETURN found[1];
END
$attach_find_history$;
COMMENT ON FUNCTION paystate.attach_find_history(pg_catalog.regclass) IS
	'the history that an orders table has already, or NULL';

-- the column that tells rows of one parent apart
CREATE FUNCTION paystate.attach_id_type(relation pg_catalog.regclass,
										link pg_catalog.int2[])
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_id_type$
DECLARE
	key		int2[] := paystate.attach_key(relation);
	own		int2[] := ARRAY(SELECT k FROM unnest(key) AS k WHERE NOT k = ANY (link));
BEGIN
	IF cardinality(key) > 1 AND cardinality(own) > 1 THEN
		PERFORM paystate.attach_refuse(relation, 'Its primary key has several columns besides those of its foreign key.');
	END IF;
	RETURN paystate.attach_type(relation, coalesce(own[1], key[cardinality(key)]));
END
$attach_id_type$;
COMMENT ON FUNCTION paystate.attach_id_type(pg_catalog.regclass, pg_catalog.int2[]) IS
	'the type of the ids by which the history knows the rows of a table';

CREATE FUNCTION paystate.attach_type(relation pg_catalog.regclass,
									 att pg_catalog.int2)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_type$
	SELECT format_type(a.atttypid, a.atttypmod)
		|| coalesce((SELECT format(' COLLATE %I.%I', n.nspname, c.collname)
					 FROM pg_type AS t
					 JOIN pg_collation AS c ON c.oid = a.attcollation AND a.attcollation <> t.typcollation
					 JOIN pg_namespace AS n ON n.oid = c.collnamespace
					 WHERE t.oid = a.atttypid), '')
	FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attnum = att
$attach_type$;
COMMENT ON FUNCTION paystate.attach_type(pg_catalog.regclass, pg_catalog.int2) IS
	'type and collation of a column, as a table''s definition has them';

CREATE FUNCTION paystate.attach_make_history(relations pg_catalog.jsonb,
											 columns pg_catalog.jsonb)
	RETURNS pg_catalog.regclass
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_make_history$
DECLARE
	orders		regclass := (relations ->> 'orders')::oid;
	payments	regclass := (relations ->> 'payments')::oid;
	refunds		regclass := (relations ->> 'refunds')::oid;
	key			int2[] := paystate.attach_key(orders);
	names		text[] := paystate.attach_names(orders, key);
	base		text;
	schema		name;
	owner		oid;
	ids			text[];
	statuses	text[];
	made		regclass;
BEGIN
	SELECT c.relname, n.nspname, c.relowner INTO base, schema, owner
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = orders;
	-- a name has 63 bytes
	WHILE octet_length(base) > 63 - octet_length('_history') LOOP
		base := left(base, -1);
	END LOOP;
	base := base || '_history';
	IF EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
			   WHERE n.nspname = schema AND c.relname = base) THEN
		PERFORM paystate.attach_refuse(orders, format('Relation "%s", as its history would be named, is there already.', base),
			'Rename that one, or name a history by the argument "history".');
	END IF;
	ids := ARRAY[paystate.attach_id_type(payments, paystate.attach_link(payments, orders)),
				 paystate.attach_id_type(refunds, paystate.attach_link(refunds, payments))];
	statuses := ARRAY(
		SELECT coalesce((SELECT format_type(a.atttypid, NULL)
						 FROM paystate.attach_columns((relations ->> k.kind)::oid, k.kind, columns) AS c
						 JOIN pg_attribute AS a ON a.attrelid = (relations ->> k.kind)::oid AND a.attnum = c.attnum
						 WHERE c.ours = 'status' AND a.atttypid = ('paystate.' || rtrim(k.kind, 's') || '_status')::regtype), 'text')
		FROM (VALUES (1, 'payments'), (2, 'refunds'), (3, 'orders')) AS k (n, kind) ORDER BY k.n);
	IF NOT relations ? 'refunds' AND statuses[1] <> 'text' THEN
		statuses[2] := 'paystate.refund_status';
	END IF;
	made := paystate.make_history(schema, base::name,
		CASE WHEN cardinality(names) = 1 THEN ARRAY['order_id']
			 ELSE ARRAY(SELECT CASE WHEN EXISTS (SELECT FROM paystate.known_columns() AS k
												 WHERE k.kind = 'history' AND k.column_name = u.name)
									THEN left('order_' || u.name, 63) ELSE u.name END
						FROM unnest(names) WITH ORDINALITY AS u (name, n) ORDER BY u.n) END,
		ARRAY(SELECT paystate.attach_type(orders, u.att) FROM unnest(key) WITH ORDINALITY AS u (att, n) ORDER BY u.n),
		orders, names, ARRAY[ids[1], coalesce(ids[2], ids[1])] || statuses, false);
	IF owner <> (SELECT c.relowner FROM pg_class AS c WHERE c.oid = made) THEN
		EXECUTE format('ALTER TABLE %s OWNER TO %I', made, pg_get_userbyid(owner));
	END IF;
	PERFORM paystate.comment_columns(made, 'history');
	RETURN made;
END
$attach_make_history$;
COMMENT ON FUNCTION paystate.attach_make_history(pg_catalog.jsonb, pg_catalog.jsonb) IS
	'makes the history of an orders table that is to be attached';
