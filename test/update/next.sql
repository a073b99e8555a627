\echo Use "ALTER EXTENSION paystate UPDATE" to load this file. \quit

-- A made-up step to a next version, with one change of each kind; what
-- test/update/run does to the rooms is the same for a fresh installation.
-- every session reads the rules again, and library and script shake hands
DELETE FROM paystate.lifecycle WHERE false;

CREATE FUNCTION paystate.made_up(number pg_catalog.int4) RETURNS pg_catalog.int4
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_made_up';
COMMENT ON FUNCTION paystate.made_up(pg_catalog.int4) IS 'one more';
REVOKE EXECUTE ON FUNCTION paystate.made_up(pg_catalog.int4) FROM PUBLIC;

ALTER TABLE paystate.lifecycle ADD COLUMN made_up pg_catalog.text DEFAULT 'x';
COMMENT ON COLUMN paystate.lifecycle.made_up IS 'new';
COMMENT ON TABLE paystate.lifecycle_status IS 'said better';
ALTER TYPE paystate.refund_status ADD VALUE 'made_up' BEFORE 'failed';

CREATE TABLE paystate.made_up_rows (name pg_catalog.text PRIMARY KEY);
SELECT pg_catalog.pg_extension_config_dump('paystate.made_up_rows', '');
COMMENT ON TABLE paystate.made_up_rows IS 'a table more';
GRANT SELECT ON paystate.made_up_rows TO PUBLIC;

