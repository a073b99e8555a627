\echo Use "CREATE EXTENSION paystate" to load this file. \quit

-- CREATE EXTENSION uses a schema "paystate" that is already there.  One that
-- an ordinary role owns, or that holds things already, could have been
-- planted to get at whoever calls our functions, so neither is accepted.
-- Operators and relations are qualified: the search_path is still unknown.
DO $prologue$
DECLARE
	room	pg_catalog.oid;
	holder	pg_catalog.oid;
	other	pg_catalog.text;
BEGIN
	SELECT n.oid, n.nspowner INTO STRICT room, holder
	FROM pg_catalog.pg_namespace AS n
	WHERE n.nspname OPERATOR(pg_catalog.=) 'paystate'::pg_catalog.name;

	-- whoever runs this is a superuser; a dump may name another one as owner
	IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r
			WHERE r.oid OPERATOR(pg_catalog.=) holder) THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = 'schema "paystate" belongs to a role that is not a superuser',
			DETAIL = pg_catalog.format('Its owner is "%s".', pg_catalog.pg_get_userbyid(holder)),
			HINT = 'Drop or rename the schema, then create the extension again.';
	END IF;

	-- every object that stands in a schema depends on it; whatever the
	-- extension itself owns so far is its schema alone
	SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
	INTO other
	FROM pg_catalog.pg_depend AS d
	WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
		AND d.refobjid OPERATOR(pg_catalog.=) room
		AND NOT (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
				 AND d.objid OPERATOR(pg_catalog.=)
					 (SELECT e.oid FROM pg_catalog.pg_extension AS e
					  WHERE e.extname OPERATOR(pg_catalog.=) 'paystate'::pg_catalog.name))
	ORDER BY d.classid, d.objid
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'schema "paystate" is not empty',
			DETAIL = pg_catalog.format('It holds %s.', other),
			HINT = 'Drop or rename the schema, then create the extension again.';
	END IF;
END
$prologue$;

COMMENT ON SCHEMA paystate IS
	'life cycles of orders and payments, enforced in the database';
