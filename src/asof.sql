-- asof: orders as they were at some moment, read from the history

-- The key's parameter is not called order_key, as the result's column is.
CREATE FUNCTION paystate.order_as_of(orders pg_catalog.regclass,
									 at pg_catalog.timestamptz,
									 VARIADIC key pg_catalog.text[])
	RETURNS TABLE (order_key pg_catalog.text, status pg_catalog.text,
				   amount_paid pg_catalog.int8, amount_due pg_catalog.int8,
				   attempts pg_catalog.int4, seq pg_catalog.int4)
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'paystate_order_as_of';
COMMENT ON FUNCTION paystate.order_as_of(pg_catalog.regclass, pg_catalog.timestamptz, pg_catalog.text[]) IS
	'an order as it was at that moment; no_data_found when it did not exist yet, or its history does not go back that far';

CREATE FUNCTION paystate.orders_as_of(orders pg_catalog.regclass,
									  at pg_catalog.timestamptz)
	RETURNS TABLE (order_key pg_catalog.text, status pg_catalog.text,
				   amount_paid pg_catalog.int8, amount_due pg_catalog.int8,
				   attempts pg_catalog.int4, seq pg_catalog.int4)
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET jit = off
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'paystate_orders_as_of';
COMMENT ON FUNCTION paystate.orders_as_of(pg_catalog.regclass, pg_catalog.timestamptz) IS
	'every order that existed at that moment, as it was then';
