-- The guards' boundaries once more, by the general path: see :general in lib/shop.sql.
\set general on
\ir guards_at_boundary.sql
