-- A transaction with an empty schema s for tables of a test's own.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();
CREATE SCHEMA helper;
CREATE SCHEMA s;
SET LOCAL search_path = s, helper, public;
