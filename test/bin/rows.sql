-- The rows of all tables of the schemas that the psql variable "schemas" lists:
-- a line a table, with the number of its rows and a checksum of them.  A
-- partitioned table is one table, whatever partition a row is in.
\set QUIET on
\pset pager off
\pset tuples_only on
\pset format unaligned
SET search_path = pg_catalog;
SET bytea_output = hex;
SET timezone = 'UTC';
SET client_min_messages = warning;

SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM %s AS t',
		c.oid::regclass::text, c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (:'schemas'::text[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.oid::regclass::text COLLATE "C"
\gexec
