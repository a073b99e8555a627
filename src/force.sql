-- force_status: an order's status set by hand, against the rules

-- It runs as the caller, who must own the tables; nobody is given it by
-- default.  Not STRICT: a reason left out must be refused, not ignored.
CREATE FUNCTION paystate.force_status(orders pg_catalog.regclass,
									  to_status pg_catalog.text,
									  reason pg_catalog.text,
									  VARIADIC order_key pg_catalog.text[])
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'paystate_force_status';
COMMENT ON FUNCTION paystate.force_status(pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.text[]) IS
	'sets an order''s status where no rule leads, but never against its money, and records it in the history as forced; live payments go along into a dead one';
