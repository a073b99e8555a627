-- After a step that must be refused: its code, and the order's row once more,
-- which must be what it was.  Wants :order, :code and the :line of show.sql.
\set ECHO none
\set before :line
\set was_code :LAST_ERROR_SQLSTATE
\if :ERROR
\else
	\set was_code 'no error'
\endif
\echo SQLSTATE: :was_code
\ir show.sql
\set ECHO none
SELECT :'code' = :'was_code' AND :'before' = :'line' AS as_told \gset
\if :as_told
\else
	\echo '*** this should have been refused, without a trace, with SQLSTATE' :code
\endif
\set ECHO queries
