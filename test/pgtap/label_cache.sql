-- Two types of statuses that fall on the same place of the cache of labels,
-- which has 128 of them, and share labels: each column gets its own type's.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();
CREATE SCHEMA s;
SET LOCAL search_path = s, public;

-- of 129 types two have OIDs that differ by a multiple of 128
DO $$
DECLARE
	labels text := (SELECT string_agg(DISTINCT quote_literal(label), ', ') FROM paystate.lifecycle_status WHERE lifecycle = 'plural');
	two text[];
BEGIN
	FOR i IN 1..129 LOOP
		EXECUTE format('CREATE TYPE t%s AS ENUM (%s)', i, labels);
	END LOOP;
	two := (SELECT array_agg(typname) FROM pg_type WHERE typtype = 'e' AND typnamespace = 's'::regnamespace
		GROUP BY oid::bigint % 128 HAVING count(*) > 1 LIMIT 1);
	EXECUTE format('CREATE TABLE o (id int PRIMARY KEY, amount bigint, status %I)', two[1]);
	EXECUTE format('CREATE TABLE p (id int PRIMARY KEY, o int REFERENCES o, amount bigint, status %I)', two[2]);
END $$;
SELECT is((max(atttypid::bigint) - min(atttypid::bigint)) % 128, 0::bigint, 'two types on one place')
  FROM pg_attribute WHERE attrelid IN ('o'::regclass, 'p'::regclass) AND attname = 'status' HAVING max(atttypid::bigint) > min(atttypid::bigint);
CREATE INDEX ON p (o);
SELECT is_empty($$SELECT * FROM paystate.attach('o', 'p', lifecycle => 'plural', add_columns => true)$$, 'attached');
INSERT INTO o (id, amount) VALUES (1, 1000), (2, 1000), (3, 1000);
INSERT INTO p (id, o, amount) VALUES (1, 1, 600), (2, 2, 1000), (3, 3, 1000);
SELECT is(array_agg(o.status || ' ' || p.status ORDER BY p.id), '{pending pending,pending pending,pending pending}', 'payments begin') FROM o JOIN p ON p.o = o.id;
-- compared as values of its own type, not as they are printed
SELECT is((SELECT count(*) FROM o WHERE status = 'pending'), 3::bigint, 'orders have values of their type');
SELECT is((SELECT count(*) FROM p WHERE status = 'pending'), 3::bigint, 'payments of theirs');
UPDATE p SET status = 'processed' WHERE id = 3;
UPDATE p SET status = 'failed' WHERE id = 1;
UPDATE o SET status = 'cancelled' WHERE id = 2;
SELECT is(array_agg(o.status || ' ' || p.status ORDER BY p.id), '{attempted failed,cancelled cancelled,processed processed}', 'and end') FROM o JOIN p ON p.o = o.id;
SELECT is_empty('SELECT * FROM paystate.verify(''o'')', 'all adds up');
SELECT * FROM finish();
ROLLBACK;
