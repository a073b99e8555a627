-- migrate_orders() where paystate writes by SQL.
\set general on
\ir migrate.sql
