-- What a write means once more, by the general path: see :general in lib/shop.sql.
\set general on
\ir contract_writes.sql
