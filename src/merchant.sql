-- merchant: what may stand in the columns that are the merchant's own

CREATE FUNCTION paystate.notes_ok(notes pg_catalog.jsonb) RETURNS pg_catalog.bool
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_notes_ok';
COMMENT ON FUNCTION paystate.notes_ok(pg_catalog.jsonb) IS
	'whether the value may stand in orders.notes: an object of at most 15 keys with scalars of at most 256 characters, or an empty array';

CREATE FUNCTION paystate.receipt_ok(receipt pg_catalog.text) RETURNS pg_catalog.bool
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_receipt_ok';
COMMENT ON FUNCTION paystate.receipt_ok(pg_catalog.text) IS
	'whether the value may stand in orders.receipt: at most 40 characters';

CREATE FUNCTION paystate.first_payment_ok(
	minimum pg_catalog.int8,
	partial_payment pg_catalog.bool,
	amount pg_catalog.int8) RETURNS pg_catalog.bool
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_first_payment_ok';
COMMENT ON FUNCTION paystate.first_payment_ok(pg_catalog.int8, pg_catalog.bool, pg_catalog.int8) IS
	'whether the value may stand in orders.first_payment_min_amount: with partial payment, from 1 to the amount; null where one of them is';
