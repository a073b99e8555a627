-- What the catalogs say of the schemas that the psql variable "schemas" lists
-- ('{paystate}'), and of the extension if the schema paystate is among them:
-- one fact a line, sorted, without OIDs, so that two databases can be
-- compared by diff.  A fact that this leaves out is a fact that no test of
-- dumps and upgrades sees; test/update/run shows of each kind that it is seen.
\set QUIET on
\pset pager off
\pset tuples_only on
\pset format unaligned
SET search_path = pg_catalog;
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.acl(acl aclitem[], kind "char", owner oid) RETURNS text
	LANGUAGE sql STABLE AS $$
	SELECT coalesce(string_agg(format('%s=%s%s by %s',
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
			a.privilege_type, CASE WHEN a.is_grantable THEN '*' END, pg_get_userbyid(a.grantor)),
		', ' ORDER BY pg_get_userbyid(a.grantee), a.grantee, a.privilege_type), 'nobody')
	FROM aclexplode(coalesce(acl, acldefault(kind, owner))) AS a
$$;

WITH schemas AS (
	SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace n
	WHERE n.nspname = ANY (:'schemas'::text[])
), relations AS (
	SELECT c.*, c.oid::regclass::text AS name, CASE c.relkind
			WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
			WHEN 'i' THEN 'index' WHEN 'I' THEN 'partitioned index' WHEN 'S' THEN 'sequence'
			ELSE 'relation ' || c.relkind::text END AS kind
	FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace WHERE c.relkind <> 't'
), members AS (
	SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS name
	FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'paystate'
		AND 'paystate' = ANY (:'schemas'::text[])
), facts (object, fact, value) AS (
	SELECT 'schema ' || nspname, v.* FROM schemas, LATERAL (VALUES
		('owner', pg_get_userbyid(nspowner)::text),
		('privileges', pg_temp.acl(nspacl, 'n', nspowner))) v
	UNION ALL
	SELECT kind || ' ' || r.name, v.* FROM relations r, LATERAL (VALUES
		('owner', pg_get_userbyid(relowner)::text),
		('privileges', CASE WHEN relkind NOT IN ('i', 'I')
			THEN pg_temp.acl(relacl, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner) END),
		('options', array_to_string(reloptions, ', ')),
		('storage', concat_ws(' ', relpersistence,
			(SELECT amname FROM pg_am a WHERE a.oid = relam))),
		('replica identity', relreplident::text),
		('row security', CASE WHEN relkind IN ('r', 'p') THEN concat_ws(' ', relrowsecurity, relforcerowsecurity) END),
		('partition of', (SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = r.oid)),
		('partition bound', pg_get_expr(relpartbound, r.oid)),
		('partition key', CASE relkind WHEN 'p' THEN pg_get_partkeydef(r.oid) END),
		('definition', CASE WHEN relkind = 'v' THEN pg_get_viewdef(r.oid)
			WHEN relkind IN ('i', 'I') THEN pg_get_indexdef(r.oid)
			WHEN relkind = 'S' THEN (SELECT concat_ws(' ', format_type(seqtypid, NULL), seqstart, seqincrement,
				seqmin, seqmax, seqcache, seqcycle) FROM pg_sequence q WHERE q.seqrelid = r.oid) END)) v
	UNION ALL
	SELECT format('column %s.%s', r.name, a.attname), v.* FROM relations r
		JOIN LATERAL (SELECT b.*, row_number() OVER (ORDER BY attnum) AS place FROM pg_attribute b
			WHERE b.attrelid = r.oid AND b.attnum > 0 AND NOT b.attisdropped) a ON relkind IN ('r', 'p', 'v'),
		LATERAL (VALUES
			('type', concat_ws(' ', place, format_type(atttypid, atttypmod),
				CASE WHEN attnotnull THEN 'not null' END, attidentity, attgenerated)),
			('default', (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
				WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum)),
			('collation', nullif(attcollation, 0)::regcollation::text),
			('storage', concat_ws(' ', attstorage, attcompression)),
			('privileges', (SELECT string_agg(p::text, ', ' ORDER BY p::text) FROM unnest(attacl) p))) v
	UNION ALL
	SELECT format('constraint %s on %s', c.conname, coalesce(nullif(c.conrelid, 0)::regclass::text, c.contypid::regtype::text)),
		'definition', concat_ws(' ', pg_get_constraintdef(c.oid), c.contype, c.convalidated, c.conislocal)
	FROM pg_constraint c JOIN schemas s ON s.oid = c.connamespace
	-- what is not null stands with the columns; only 18 has it as constraints
	WHERE c.contype <> 'n'
	UNION ALL
	SELECT format('trigger %s on %s', t.tgname, r.name), v.* FROM relations r
		JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal, LATERAL (VALUES
			('definition', pg_get_triggerdef(t.oid)),
			('enabled', tgenabled::text),
			('of', (SELECT p.tgname FROM pg_trigger p WHERE p.oid = t.tgparentid))) v
	UNION ALL
	-- those of foreign keys have numbers in their names
	SELECT format('triggers of constraints on %s', r.name), 'enabled',
		string_agg(concat_ws(' ', t.tgfoid::regproc, tgenabled), ', ' ORDER BY t.tgfoid::regproc::text, tgenabled)
	FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND t.tgisinternal GROUP BY r.name
	UNION ALL
	SELECT format('rule %s on %s', w.rulename, r.name), 'definition', pg_get_ruledef(w.oid)
	FROM relations r JOIN pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'
	UNION ALL
	SELECT format('policy %s on %s', p.polname, r.name), 'definition', concat_ws(' ', p.polcmd, p.polpermissive,
		pg_get_expr(p.polqual, r.oid), pg_get_expr(p.polwithcheck, r.oid),
		(SELECT string_agg(CASE o WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(o) END, ', ') FROM unnest(p.polroles) o))
	FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
	UNION ALL
	SELECT 'function ' || p.oid::regprocedure, v.* FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace, LATERAL (VALUES
		('owner', pg_get_userbyid(proowner)::text),
		('privileges', pg_temp.acl(proacl, 'f', proowner)),
		('definition', CASE WHEN prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) ELSE prokind::text END)) v
	UNION ALL
	SELECT 'type ' || format_type(t.oid, NULL), v.* FROM pg_type t JOIN schemas s ON s.oid = t.typnamespace, LATERAL (VALUES
		('owner', pg_get_userbyid(typowner)::text),
		('privileges', pg_temp.acl(typacl, 'T', typowner)),
		('definition', concat_ws(' ', typtype, nullif(typbasetype, 0)::regtype, typnotnull, typdefault,
			(SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)))) v
	WHERE t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')
	UNION ALL
	SELECT format('cast (%s as %s)', castsource::regtype, casttarget::regtype), 'definition',
		concat_ws(' ', nullif(castfunc, 0)::regprocedure, castcontext, castmethod)
	FROM pg_cast c WHERE EXISTS (SELECT FROM pg_type t JOIN schemas s ON s.oid = t.typnamespace
		WHERE t.oid IN (castsource, casttarget))
	UNION ALL
	SELECT 'operator ' || o.oid::regoperator, 'definition', concat_ws(' ', o.oprcode::regprocedure, o.oprcom, o.oprrest, o.oprjoin)
	FROM pg_operator o JOIN schemas s ON s.oid = o.oprnamespace
	UNION ALL
	SELECT 'extension ' || e.extname, v.* FROM pg_extension e, LATERAL (VALUES
		('version', extversion), ('owner', pg_get_userbyid(extowner)::text),
		('schema', extnamespace::regnamespace::text),
		('relocatable', extrelocatable::text),
		('dumped rows', (SELECT string_agg(u.t::regclass || ' ' || u.c, ', ' ORDER BY u.t::regclass::text)
			FROM unnest(extconfig, extcondition) u (t, c))),
		('needs', (SELECT string_agg(r.extname, ', ' ORDER BY r.extname) FROM pg_depend d JOIN pg_extension r ON r.oid = d.refobjid
			WHERE d.classid = 'pg_extension'::regclass AND d.refclassid = d.classid AND d.objid = e.oid))) v
	WHERE e.extname = 'paystate' AND 'paystate' = ANY (:'schemas'::text[])
	UNION ALL
	SELECT 'extension paystate', 'member', m.name FROM members m
	UNION ALL
	SELECT m.name, 'first privileges', (SELECT string_agg(p::text, ', ' ORDER BY p::text) FROM unnest(i.initprivs) p)
	FROM members m JOIN pg_init_privs i ON i.classoid = m.classid AND i.objoid = m.objid AND i.objsubid = 0
	UNION ALL
	SELECT pg_describe_object(classoid, objoid, objsubid), 'comment', d.description
	FROM pg_description d
	WHERE EXISTS (SELECT FROM members m WHERE m.classid = d.classoid AND m.objid = d.objoid)
		OR d.classoid = 'pg_class'::regclass AND EXISTS (SELECT FROM relations r WHERE r.oid = d.objoid)
		OR d.classoid = 'pg_namespace'::regclass AND EXISTS (SELECT FROM schemas s WHERE s.oid = d.objoid)
		OR d.classoid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE t.oid = d.objoid)
		OR d.classoid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint c JOIN schemas s ON s.oid = c.connamespace WHERE c.oid = d.objoid)
		OR d.classoid = 'pg_proc'::regclass AND EXISTS (SELECT FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace WHERE p.oid = d.objoid)
		OR d.classoid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t JOIN schemas s ON s.oid = t.typnamespace WHERE t.oid = d.objoid)
		OR d.classoid = 'pg_extension'::regclass AND EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'paystate'
			AND 'paystate' = ANY (:'schemas'::text[]) AND e.oid = d.objoid)
)
SELECT concat(object, ': ', fact, ' = ', replace(value, E'\n', '\n')) FROM facts
WHERE value IS NOT NULL ORDER BY object COLLATE "C", fact COLLATE "C", value COLLATE "C";
