-- Makes an empty, guarded table of the schema that is first in the search path
-- a hash-partitioned one of two partitions: same keys, guards, comments apart.
-- The views over it go; foreign keys to and from it come back.
CREATE FUNCTION helper.partition(a_table regclass) RETURNS void
	LANGUAGE plpgsql
AS $$
DECLARE
	name text := (SELECT relname FROM pg_class WHERE oid = a_table);
	owner text := (SELECT relowner::regrole FROM pg_class WHERE oid = a_table);
	keys text[] := ARRAY(SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
		FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND a_table IN (confrelid, conrelid));
	triggers text[] := ARRAY(SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = a_table AND NOT tgisinternal);
	one text;
BEGIN
	EXECUTE format('CREATE TABLE parted (LIKE %s INCLUDING ALL) PARTITION BY HASH (id)', a_table);
	EXECUTE format('DROP TABLE %s CASCADE', a_table);
	EXECUTE format('ALTER TABLE parted RENAME TO %I', name);
	EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 2, REMAINDER 0)', name || '_0', name);
	EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 2, REMAINDER 1)', name || '_1', name);
	FOREACH one IN ARRAY ARRAY[name, name || '_0', name || '_1'] LOOP
		EXECUTE format('ALTER TABLE %I OWNER TO %s', one, owner);
	END LOOP;
	FOREACH one IN ARRAY keys LOOP EXECUTE one; END LOOP;
	FOREACH one IN ARRAY triggers LOOP EXECUTE one; END LOOP;
	FOR one IN SELECT replace(pg_get_triggerdef(oid), format(' ON %I.%I', current_schema, name), format(' ON %I.%I', current_schema, name || '_' || n))
			FROM pg_trigger, generate_series(0, 1) AS n WHERE tgrelid = name::regclass AND tgname = '_paystate_truncate' LOOP
		EXECUTE one;
	END LOOP;
END
$$;
