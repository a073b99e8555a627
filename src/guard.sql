-- The guards.  One function a table kind serves all three timings: BEFORE ROW
-- fills in defaults, AFTER ROW judges the row as stored, BEFORE TRUNCATE
-- refuses.  EXECUTE stays with PUBLIC, else a plain owner could neither create
-- nor restore his triggers; a guard protects itself by what it checks first.

CREATE FUNCTION paystate.guard_orders() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'paystate_guard_orders';
COMMENT ON FUNCTION paystate.guard_orders() IS
	'guard of an orders table: totals and status follow from the payments';

CREATE FUNCTION paystate.guard_payments() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'paystate_guard_payments';
COMMENT ON FUNCTION paystate.guard_payments() IS
	'guard of a payments table: judges every move and moves the order along';

CREATE FUNCTION paystate.guard_refunds() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'paystate_guard_refunds';
COMMENT ON FUNCTION paystate.guard_refunds() IS
	'guard of a refunds table: never gives back more than was captured';

CREATE FUNCTION paystate.guard_history() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'paystate_guard_history';
COMMENT ON FUNCTION paystate.guard_history() IS
	'guard of an order history: append-only, written by paystate alone';
