-- asking: what may happen, without an error when it may not.

CREATE FUNCTION paystate.allowed_transitions(
	orders pg_catalog.regclass,
	VARIADIC order_key pg_catalog.text[])
	RETURNS TABLE (
		kind pg_catalog.text,
		payment_id pg_catalog.text,
		to_status pg_catalog.text,
		allowed pg_catalog.bool,
		reason pg_catalog.text)
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 10
	AS 'MODULE_PATHNAME', 'paystate_allowed_transitions';
COMMENT ON FUNCTION paystate.allowed_transitions(pg_catalog.regclass, pg_catalog.text[]) IS
	'where an update of status may lead the order of that key, and each of its payments: one row for each status of the life cycle but the present one, reason being the message of the refusal; advice, for rows are read unlocked, as the caller sees them: 42501 without SELECT on orders and payments, 23PS8 for tables that are not bound, P0002 for an unknown order, 22023 and 22P02 for a wrong key';

CREATE FUNCTION paystate.try_payment(
	payments pg_catalog.regclass,
	payment_id pg_catalog.text,
	to_status pg_catalog.text,
	amount_captured pg_catalog.int8 DEFAULT NULL,
	VARIADIC order_key pg_catalog.text[] DEFAULT '{}')
	RETURNS TABLE (
		outcome pg_catalog.text,
		reason pg_catalog.text)
	LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
	AS 'MODULE_PATHNAME', 'paystate_try_payment';
COMMENT ON FUNCTION paystate.try_payment(pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.int8, pg_catalog.text[]) IS
	'sets a payment''s status (and amount_captured, unless NULL) with the caller''s rights, and tells: "applied"; "unchanged", it was there; "stale", it is past that already; or "refused", reason being the message; order_key: the key''s columns before the payment''s own, where it has such; raises 23PS8 for a table that is not bound, P0002 for an unknown payment, 22P02 for a bad label or key, 22023 for a wrong number of key values, 22004 for a NULL, and passes on every error that is no refusal of a guard';
