-- s1's operations: an error ends the transaction, its code made visible.
CREATE FUNCTION act(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLSTATE || ' ' || SQLERRM;
END $$;

-- s2's: a refusal is caught, what asks for another try goes on.
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION
	WHEN integrity_constraint_violation THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
	WHEN OTHERS THEN
		RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLSTATE || ' ' || SQLERRM;
END $$;

CREATE VIEW totals AS
SELECT digest FROM stands
UNION ALL
SELECT 'wrong ' || v::text FROM paystate.verify('race.orders') AS v;

-- Tables keep the plans of tables never analyzed.
CREATE PROCEDURE forget_races() LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	DELETE FROM order_history;
	DELETE FROM refunds;
	DELETE FROM payments;
	DELETE FROM orders;
END $$;

ALTER TABLE orders SET (autovacuum_enabled = off);
ALTER TABLE payments SET (autovacuum_enabled = off);
ALTER TABLE refunds SET (autovacuum_enabled = off);
ALTER TABLE order_history SET (autovacuum_enabled = off);
