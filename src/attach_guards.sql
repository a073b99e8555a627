-- attach_guards: the guards that attached tables carry

-- What the guards of a table are told: the life cycle, and every name that is
-- not ours.
CREATE FUNCTION paystate.attach_arguments(relation pg_catalog.regclass,
										  kind pg_catalog.text,
										  columns pg_catalog.jsonb,
										  labels pg_catalog.jsonb,
										  lifecycle pg_catalog.text)
	RETURNS pg_catalog.text[]
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_arguments$
	SELECT ARRAY['lifecycle=' || lifecycle]
		|| ARRAY(SELECT format('column.%s=%s', c.ours, c.theirs)
				 FROM paystate.attach_columns(relation, kind, columns) AS c
				 WHERE c.mapped AND c.meaning NOT IN ('key', 'link') AND (c.need <> 'free' OR kind = 'orders')
					 AND c.theirs IS DISTINCT FROM c.ours
				 ORDER BY c.ours)
		|| ARRAY(SELECT format('label.%s=%s', l.key, l.value)
				 FROM jsonb_each_text(coalesce(labels -> rtrim(kind, 's'), '{}')) AS l
				 WHERE l.key <> l.value ORDER BY l.key)
$attach_arguments$;
COMMENT ON FUNCTION paystate.attach_arguments(pg_catalog.regclass, pg_catalog.text, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text) IS
	'the arguments of a table''s guards';

-- Are just these guards there, each in its shape, and no other?  A trigger of
-- that type: 31 before and 29 after rows, 34 before TRUNCATE.
CREATE FUNCTION paystate.attach_is_guarded(relation pg_catalog.regclass,
										   kind pg_catalog.text,
										   arguments pg_catalog.text[])
	RETURNS pg_catalog.bool
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_is_guarded$
	WITH part AS (
		SELECT relation::oid AS relid
		UNION
		SELECT p.relid::oid FROM pg_partition_tree(relation) AS p
	), wanted AS (
		SELECT p.relid, t.type
		FROM part AS p, (VALUES (31), (29), (34)) AS t (type)
		WHERE (p.relid = relation OR t.type = 34) AND (kind <> 'history' OR t.type <> 29)
	), there AS (
		SELECT t.tgrelid AS relid, t.tgtype::integer AS type,
			   t.tgfoid = ('paystate.guard_' || kind || '()')::regprocedure AND t.tgenabled = 'O'
			   AND t.tgqual IS NULL AND t.tgattr = ''::int2vector AND NOT t.tgdeferrable
			   AND paystate.known_arguments(t.tgargs) = arguments AS good
		FROM part AS p JOIN pg_trigger AS t ON t.tgrelid = p.relid
		WHERE t.tgparentid = 0 AND t.tgfoid = ANY (paystate.known_guards())
	)
	SELECT count(*) = count(w.relid) AND count(*) = count(t.relid)
		AND count(*) = (SELECT count(*) FROM wanted) AND coalesce(bool_and(t.good), false)
	FROM wanted AS w FULL JOIN there AS t ON t.relid = w.relid AND t.type = w.type
$attach_is_guarded$;
COMMENT ON FUNCTION paystate.attach_is_guarded(pg_catalog.regclass, pg_catalog.text, pg_catalog.text[]) IS
	'whether a table has just these guards';

-- Tables that reference this one and carry a guard of that kind.
CREATE FUNCTION paystate.attach_children(relation pg_catalog.regclass,
										 kind pg_catalog.text)
	RETURNS SETOF pg_catalog.regclass
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_children$
	SELECT DISTINCT c.conrelid::regclass
	FROM pg_constraint AS c
	JOIN pg_class AS k ON k.oid = c.conrelid AND NOT k.relispartition
	JOIN pg_class AS p ON p.oid = relation AND p.relowner = k.relowner
	WHERE c.contype = 'f' AND c.confrelid = relation AND c.conrelid <> relation
		AND EXISTS (SELECT FROM pg_trigger AS t
					WHERE t.tgrelid = c.conrelid
						AND t.tgfoid = ('paystate.guard_' || kind || '()')::regprocedure)
$attach_children$;
COMMENT ON FUNCTION paystate.attach_children(pg_catalog.regclass, pg_catalog.text) IS
	'guarded tables of a kind that reference a table';

