-- The attacks once more, by the owner of tables that are all partitioned.
\set by_owner on
\set partitioned on
\ir attacks.sql
