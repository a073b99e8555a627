-- The gateways' histories once more, with a history partitioned by month.
\set partitioned on
\ir replay.sql
