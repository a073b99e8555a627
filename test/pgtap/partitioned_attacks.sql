-- The attacks once more, on tables that are all partitioned.
\set partitioned on
\ir attacks.sql
