-- status: the types of the status columns

CREATE TYPE paystate.order_status AS ENUM (
	'created', 'pending', 'attempted', 'authorized', 'partially_captured',
	'paid', 'processed', 'partially_refunded', 'fully_refunded', 'cancelled',
	'failed');
COMMENT ON TYPE paystate.order_status IS
	'status of an order; which of them an order may have, its life cycle says';

CREATE TYPE paystate.payment_status AS ENUM (
	'created', 'pending', 'authorized', 'captured', 'processed', 'failed',
	'cancelled', 'refunded');
COMMENT ON TYPE paystate.payment_status IS
	'status of a payment; which of them a payment may have, its life cycle says';

CREATE TYPE paystate.refund_status AS ENUM ('pending', 'processed', 'failed');
COMMENT ON TYPE paystate.refund_status IS
	'status of a refund: pending ones reserve their amount, processed and failed ones are final';

-- Drivers send strings as text or varchar, which may be stored into a status
-- column as they are.  Not implicit: a comparison with text would then be
-- ambiguous, and a misspelt label would not be noticed.
CREATE CAST (pg_catalog.text AS paystate.order_status) WITH INOUT AS ASSIGNMENT;
CREATE CAST (pg_catalog.varchar AS paystate.order_status) WITH INOUT AS ASSIGNMENT;
CREATE CAST (pg_catalog.text AS paystate.payment_status) WITH INOUT AS ASSIGNMENT;
CREATE CAST (pg_catalog.varchar AS paystate.payment_status) WITH INOUT AS ASSIGNMENT;
CREATE CAST (pg_catalog.text AS paystate.refund_status) WITH INOUT AS ASSIGNMENT;
CREATE CAST (pg_catalog.varchar AS paystate.refund_status) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (pg_catalog.text AS paystate.order_status) IS 'lets text be stored into an order''s status';
COMMENT ON CAST (pg_catalog.varchar AS paystate.order_status) IS 'lets varchar be stored into an order''s status';
COMMENT ON CAST (pg_catalog.text AS paystate.payment_status) IS 'lets text be stored into a payment''s status';
COMMENT ON CAST (pg_catalog.varchar AS paystate.payment_status) IS 'lets varchar be stored into a payment''s status';
COMMENT ON CAST (pg_catalog.text AS paystate.refund_status) IS 'lets text be stored into a refund''s status';
COMMENT ON CAST (pg_catalog.varchar AS paystate.refund_status) IS 'lets varchar be stored into a refund''s status';

-- IMMUTABLE, unlike an enum's input function: labels of these enums are
-- neither renamed nor taken away.
CREATE FUNCTION paystate.to_order_status(label pg_catalog.text) RETURNS paystate.order_status
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_to_status';
COMMENT ON FUNCTION paystate.to_order_status(pg_catalog.text) IS
	'the status of an order, in upper or lower case and as the gateways spell it';

CREATE FUNCTION paystate.to_payment_status(label pg_catalog.text) RETURNS paystate.payment_status
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_to_status';
COMMENT ON FUNCTION paystate.to_payment_status(pg_catalog.text) IS
	'the status of a payment, in upper or lower case and as the gateways spell it';

CREATE FUNCTION paystate.to_refund_status(label pg_catalog.text) RETURNS paystate.refund_status
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_to_status';
COMMENT ON FUNCTION paystate.to_refund_status(pg_catalog.text) IS
	'the status of a refund, in upper or lower case and as the gateways spell it';
