-- What a write means once more, with a history partitioned by month.
\set partitioned on
\ir contract_writes.sql
