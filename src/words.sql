-- words: a table in our words, for the SQL that is generated below

CREATE FUNCTION paystate.order_cells(orders pg_catalog.regclass)
	RETURNS pg_catalog.jsonb
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_order_cells';
COMMENT ON FUNCTION paystate.order_cells(pg_catalog.regclass) IS
	'by our names of the columns of an orders table "o" and its history "h", the expressions that give them in subunits and in the life cycle''s words; null for a column that is not there';
