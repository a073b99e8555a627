-- What every client starts with.
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION paystate;
DO $$ BEGIN PERFORM paystate.create_tables('public'); END $$;
