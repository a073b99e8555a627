-- What a transaction of its own reaches: life cycles that were committed, and
-- events above READ COMMITTED whose order does not exist.  Not rolled back:
-- the database is the test's own.
SELECT * FROM no_plan();
SET client_min_messages = warning;
CREATE SCHEMA shop;
SET search_path = shop, public;
SELECT paystate.create_tables('shop') \g /dev/null
SELECT paystate.define_lifecycle('published', '{"based_on": "razorpay", "max_attempts": 3}') \g /dev/null
SELECT throws_ok(s, '55000', m, s) FROM (VALUES
	('INSERT INTO paystate.lifecycle_status (lifecycle, kind, label, role) VALUES (''published'', ''order'', ''cancelled'', ''dead'')', 'published life cycles in table "lifecycle_status" cannot be changed'),
	('DELETE FROM paystate.lifecycle WHERE name = ''published''', 'published life cycles in table "lifecycle" cannot be changed')) v (s, m);
-- a restore of a dump may: it sets what nobody else sets
BEGIN;
SET LOCAL check_function_bodies = off;
SELECT lives_ok('INSERT INTO paystate.lifecycle_status (lifecycle, kind, label, role) VALUES (''published'', ''order'', ''cancelled'', ''dead'')', 'a dump''s rows');
ROLLBACK;
SELECT is(count(*), 0::bigint, 'nothing was added') FROM paystate.lifecycle_status WHERE lifecycle = 'published' AND label = 'cancelled';

INSERT INTO orders (id, amount) VALUES ('o', 1000);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT throws_ok('INSERT INTO payments (id, order_id, amount, currency) VALUES (''p'', ''nobody'', 1000, ''INR'')', '23503',
	'insert or update on table "payments" violates foreign key constraint "payments_order_id_fkey"', 'no such order, whatever the isolation level');
SELECT lives_ok('INSERT INTO payments (id, order_id, amount, currency) VALUES (''p'', ''o'', 1000, ''INR'')', 'of one that is there');
COMMIT;
CREATE TABLE parted (id text PRIMARY KEY, amount bigint NOT NULL, status text NOT NULL) PARTITION BY HASH (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE paid (id text PRIMARY KEY, parted_id text REFERENCES parted, amount bigint NOT NULL, status text NOT NULL);
CREATE INDEX ON paid (parted_id);
SELECT is_empty($$SELECT * FROM paystate.attach('parted', 'paid', lifecycle => 'razorpay', add_columns => true)$$, 'attached');
INSERT INTO parted (id, amount) VALUES ('o', 1000);
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT throws_ok('INSERT INTO paid (id, parted_id, amount) VALUES (''q'', ''nobody'', 1000)', '23503',
	'insert or update on table "paid" violates foreign key constraint "paid_parted_id_fkey"', 'nor where it is looked for by SQL');
SELECT lives_ok('INSERT INTO paid (id, parted_id, amount) VALUES (''q'', ''o'', 1000)', 'of one that is there');
COMMIT;
SELECT is_empty('SELECT * FROM paystate.verify(''parted'')', 'there, too, all adds up');
SELECT is_empty('SELECT * FROM paystate.verify(''orders'')', 'all adds up');
SELECT * FROM finish();
