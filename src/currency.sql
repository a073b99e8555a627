-- currency: what a stored amount is counted in

CREATE FUNCTION paystate.currency_exponent(code pg_catalog.text) RETURNS pg_catalog.int4
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_sql_currency_exponent';
COMMENT ON FUNCTION paystate.currency_exponent(pg_catalog.text) IS
	'how many decimals the currency has (0, 2 or 3), amounts being stored in its smallest unit; NULL for a currency that the gateways do not take';
