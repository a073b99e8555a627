-- The gateways' histories once more, by the general path: see :general in lib/shop.sql.
\set general on
\ir replay.sql
