-- verify: whether the tables agree, and the history judged once more

-- A policy that hides rows would make others look wrong, so it is an error.
-- The statement is long and its expressions are few: compiling it does not pay.
CREATE FUNCTION paystate.verify(orders pg_catalog.regclass)
	RETURNS TABLE (order_key pg_catalog.text, problem pg_catalog.text,
				   expected pg_catalog.text, actual pg_catalog.text)
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE
	SET row_security = off
	SET jit = off
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'paystate_verify';
COMMENT ON FUNCTION paystate.verify(pg_catalog.regclass) IS
	'what does not agree between orders, payments, refunds and history, one row a finding; none when all is well';

CREATE FUNCTION paystate.replay(orders pg_catalog.regclass,
								VARIADIC order_key pg_catalog.text[])
	RETURNS TABLE (seq pg_catalog.int4, status pg_catalog.text,
				   amount_paid pg_catalog.int8, amount_due pg_catalog.int8,
				   amount_authorized pg_catalog.int8, amount_pending pg_catalog.int8,
				   amount_refunded pg_catalog.int8, attempts pg_catalog.int4,
				   payments_open pg_catalog.int4, problem pg_catalog.text)
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE
	SET row_security = off
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'paystate_replay_order';
COMMENT ON FUNCTION paystate.replay(pg_catalog.regclass, pg_catalog.text[]) IS
	'what the rules make of an order with each row of its history; ends where a row is against them, else in the order as it stands';

-- It runs as the caller, who must own the tables; nobody is given it by
-- default, for it makes rows legal that the guards have not judged.
CREATE FUNCTION paystate.repair(orders pg_catalog.regclass,
								VARIADIC order_key pg_catalog.text[])
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	SET row_security = off
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'paystate_repair';
COMMENT ON FUNCTION paystate.repair(pg_catalog.regclass, pg_catalog.text[]) IS
	'sets what an order derives from its payments to what they say, and records it in the history as forced; nothing when all agrees';
