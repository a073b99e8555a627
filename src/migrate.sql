-- migrate: orders that go over to another life cycle

-- It runs as the caller, who must own the tables; nobody is given it by default.
CREATE FUNCTION paystate.migrate_orders(orders pg_catalog.regclass,
										from_lifecycle pg_catalog.text,
										to_lifecycle pg_catalog.text,
										dry_run pg_catalog.bool DEFAULT true)
	RETURNS TABLE (order_key pg_catalog.text, status pg_catalog.text,
				   outcome pg_catalog.text, reason pg_catalog.text)
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	SET row_security = off
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'paystate_migrate_orders';
COMMENT ON FUNCTION paystate.migrate_orders(pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.bool) IS
	'moves the orders of one life cycle to another where they have a counterpart there, and says of each whether it was "moved" (or is "movable") or "kept", and why';
