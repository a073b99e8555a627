-- The attacks on the schema once more, where all tables are partitioned.
\set partitioned on
\ir attacks_schema.sql
