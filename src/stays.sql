-- stays: the aggregate behind the view time_in_status

CREATE TYPE paystate.stay AS (
	status pg_catalog.text, count pg_catalog.int8, median pg_catalog.float8,
	p90 pg_catalog.float8, p99 pg_catalog.float8, max pg_catalog.float8);
COMMENT ON TYPE paystate.stay IS
	'how often a status was left, and after how many seconds';

CREATE FUNCTION paystate.stays_add(state pg_catalog.internal, left_status "any", new_status "any", at pg_catalog.timestamptz, since pg_catalog.timestamptz)
	RETURNS pg_catalog.internal
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_stays_add';
COMMENT ON FUNCTION paystate.stays_add(pg_catalog.internal, "any", "any", pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'internal: a row of the history, for stays()';

CREATE FUNCTION paystate.stays_combine(state pg_catalog.internal, other pg_catalog.internal)
	RETURNS pg_catalog.internal
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_stays_combine';
COMMENT ON FUNCTION paystate.stays_combine(pg_catalog.internal, pg_catalog.internal) IS
	'internal: what two workers found, for stays()';

CREATE FUNCTION paystate.stays_send(state pg_catalog.internal)
	RETURNS pg_catalog.bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_stays_send';
COMMENT ON FUNCTION paystate.stays_send(pg_catalog.internal) IS
	'internal: what a worker found, on its way, for stays()';

CREATE FUNCTION paystate.stays_receive(sent pg_catalog.bytea, state pg_catalog.internal)
	RETURNS pg_catalog.internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_stays_receive';
COMMENT ON FUNCTION paystate.stays_receive(pg_catalog.bytea, pg_catalog.internal) IS
	'internal: what a worker found, arrived, for stays()';

CREATE FUNCTION paystate.stays_end(state pg_catalog.internal)
	RETURNS paystate.stay[]
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_stays_end';
COMMENT ON FUNCTION paystate.stays_end(pg_catalog.internal) IS
	'internal: the quantiles, for stays()';

-- a group's state grows by 8 bytes a stay: the planner is told of some
CREATE AGGREGATE paystate.stays(left_status "any", new_status "any", at pg_catalog.timestamptz, since pg_catalog.timestamptz) (
	SFUNC = paystate.stays_add, STYPE = pg_catalog.internal, SSPACE = 65536,
	FINALFUNC = paystate.stays_end, FINALFUNC_MODIFY = READ_WRITE,
	COMBINEFUNC = paystate.stays_combine, SERIALFUNC = paystate.stays_send,
	DESERIALFUNC = paystate.stays_receive, PARALLEL = SAFE);
COMMENT ON AGGREGATE paystate.stays("any", "any", pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'internal: of rows of a history, each with status before, status after, its moment and since when the first had lasted: how long each status that was left had lasted';
