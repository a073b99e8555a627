-- privileges: last, so that whatever a room above forgot is settled here.
-- Types and trigger functions stay with PUBLIC, else a plain owner could
-- neither create nor restore his triggers; the guards protect themselves.

GRANT USAGE ON SCHEMA paystate TO PUBLIC;
GRANT SELECT ON paystate.lifecycle, paystate.lifecycle_status,
	paystate.lifecycle_transition TO PUBLIC;

-- makes rows legal that no guard has judged
REVOKE EXECUTE ON FUNCTION paystate.repair(pg_catalog.regclass, pg_catalog.text[]) FROM PUBLIC;

-- sets what no rule allows
REVOKE EXECUTE ON FUNCTION paystate.force_status(pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.text[]) FROM PUBLIC;

-- writes the rule tables, as their owner
REVOKE EXECUTE ON FUNCTION paystate.define_lifecycle(pg_catalog.text, pg_catalog.jsonb) FROM PUBLIC;

-- moves orders to other rules
REVOKE EXECUTE ON FUNCTION paystate.migrate_orders(pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.bool) FROM PUBLIC;

-- moves what its limits of time have passed
REVOKE EXECUTE ON FUNCTION paystate.expire(pg_catalog.regclass, pg_catalog.int4) FROM PUBLIC;
