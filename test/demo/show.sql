-- After a step: the order's row.
\set ECHO none
\ir line.sql
\echo '  ' :line
\echo
\set ECHO queries
