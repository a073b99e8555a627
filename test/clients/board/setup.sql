-- What the board wants of a database, beside the tables of create_tables and
-- create_events in the schema that is named first in search_path: changes are
-- announced, and so are refusals, which leave no history.
DO $$
BEGIN
	EXECUTE format('ALTER DATABASE %I SET paystate.notify = on', current_database());
END
$$;

CREATE FUNCTION tell_board() RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_notify('paystate_refused', '');
	RETURN NULL;
END
$$;

CREATE TRIGGER tell_board AFTER INSERT OR UPDATE OF outcome ON order_events
	FOR EACH ROW WHEN (NEW.outcome = 'refused') EXECUTE FUNCTION tell_board();
