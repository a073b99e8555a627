-- After a step that must be refused: its code, and whether the order's row is
-- what it was.  Wants :order, :code and the :line of show.sql.
\set ECHO none
\set was_code 'no error'
\if :ERROR
	\set was_code :LAST_ERROR_SQLSTATE
\endif
\set before :line
\ir line.sql
SELECT :'code' = :'was_code' AND :'before' = :'line' AS as_told \gset
\if :as_told
	\echo '   SQLSTATE' :was_code 'and nothing changed'
\else
	\echo '*** this should have been refused, without a trace, with SQLSTATE' :code 'and not' :was_code
\endif
\echo
\set ECHO queries
