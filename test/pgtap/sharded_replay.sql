-- The gateways' histories once more, in sixteen hash partitions of all four tables.
\set sharded on
\ir replay.sql
