-- prove: a life cycle, walked through by the same decision that the guards
-- call, with a small order and two payments

CREATE FUNCTION paystate.check_lifecycle(name pg_catalog.text)
	RETURNS TABLE (problem pg_catalog.text, detail pg_catalog.text)
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_check_lifecycle';
COMMENT ON FUNCTION paystate.check_lifecycle(pg_catalog.text) IS
	'what is wrong with a life cycle, one row a problem, with the events that lead to it; none when all is well';
