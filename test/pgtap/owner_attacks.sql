-- The attacks once more, by the tables' owner.
\set by_owner on
\ir attacks.sql
