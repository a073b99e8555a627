-- visits: the aggregate behind the view status_funnel

CREATE TYPE paystate.visit AS (status pg_catalog.text, count pg_catalog.int8);
COMMENT ON TYPE paystate.visit IS
	'how many rows of a table were seen with a status';

CREATE FUNCTION paystate.visits_add(state pg_catalog.internal, status "any", relation pg_catalog.oid, place pg_catalog.tid)
	RETURNS pg_catalog.internal
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_visits_add';
COMMENT ON FUNCTION paystate.visits_add(pg_catalog.internal, "any", pg_catalog.oid, pg_catalog.tid) IS
	'internal: a row of the history, for visits()';

CREATE FUNCTION paystate.visits_combine(state pg_catalog.internal, other pg_catalog.internal)
	RETURNS pg_catalog.internal
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_visits_combine';
COMMENT ON FUNCTION paystate.visits_combine(pg_catalog.internal, pg_catalog.internal) IS
	'internal: what two workers found, for visits()';

CREATE FUNCTION paystate.visits_send(state pg_catalog.internal)
	RETURNS pg_catalog.bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_visits_send';
COMMENT ON FUNCTION paystate.visits_send(pg_catalog.internal) IS
	'internal: what a worker found, on its way, for visits()';

CREATE FUNCTION paystate.visits_receive(sent pg_catalog.bytea, state pg_catalog.internal)
	RETURNS pg_catalog.internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_visits_receive';
COMMENT ON FUNCTION paystate.visits_receive(pg_catalog.bytea, pg_catalog.internal) IS
	'internal: what a worker found, arrived, for visits()';

CREATE FUNCTION paystate.visits_end(state pg_catalog.internal)
	RETURNS paystate.visit[]
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_visits_end';
COMMENT ON FUNCTION paystate.visits_end(pg_catalog.internal) IS
	'internal: the counts, for visits()';

-- a group's state grows with the table, by some bits a block for each status
CREATE AGGREGATE paystate.visits(status "any", relation pg_catalog.oid, place pg_catalog.tid) (
	SFUNC = paystate.visits_add, STYPE = pg_catalog.internal, SSPACE = 65536,
	FINALFUNC = paystate.visits_end, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = paystate.visits_combine, SERIALFUNC = paystate.visits_send,
	DESERIALFUNC = paystate.visits_receive, PARALLEL = SAFE);
COMMENT ON AGGREGATE paystate.visits("any", pg_catalog.oid, pg_catalog.tid) IS
	'internal: of statuses, each with the table and place of the row that had it: how many rows had each';
