-- The library and the script of a database belong together: where they do not,
-- nothing is written, and both sides are told what to do.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT * FROM no_plan();
CREATE SCHEMA helper;
CREATE SCHEMA shop;
SET LOCAL search_path = shop, helper, public;
SELECT paystate.create_tables('shop') \g /dev/null

-- What a write says where the database has that version of the script.
CREATE FUNCTION helper.says(version text, OUT told text) LANGUAGE plpgsql
AS $$
DECLARE
	detail text; hint text;
BEGIN
	UPDATE pg_catalog.pg_extension SET extversion = coalesce(version, extversion) WHERE extname = 'paystate';
	COMMENT ON TABLE shop.orders IS 'changed, so that its description is read anew';
	ALTER TABLE shop.orders ALTER receipt SET STATISTICS 10;
	BEGIN
		INSERT INTO shop.orders (amount) VALUES (1000);
		told := 'accepted';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS told = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		told := concat_ws(' | ', SQLSTATE || ' ' || told, detail, hint);
	END;
	RAISE SQLSTATE 'TT000';
EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
END
$$;
SELECT format('%s.%s', v[1], v[2]) AS here, format('%s.%s', v[1], v[2] + 1) AS later, v[1] + 1 || '.0' AS much_later
  FROM (SELECT string_to_array(extversion, '.')::int[] AS v FROM pg_extension WHERE extname = 'paystate') e \gset
SELECT is(helper.says(version), 'accepted', 'with script ' || coalesce(version, 'as it is'))
  FROM unnest(ARRAY[NULL, :'here' || '.0', :'here' || '.77', 'made up']) version;
SELECT is(helper.says(version), format('55000 extension "paystate" has version %s, but the library that is loaded is for %s | ', version, :'here') || more, 'with script ' || version)
  FROM (VALUES
	('0.0', 'A newer library was installed, and the extension was not updated in this database. | Run ALTER EXTENSION paystate UPDATE.'),
	(:'later', 'The extension was updated in this database, and this session has an older library. | Connect again; if that does not help, install the library of that version.'),
	(:'much_later', 'The extension was updated in this database, and this session has an older library. | Connect again; if that does not help, install the library of that version.')) v (version, more);
SELECT * FROM finish();
ROLLBACK;
