-- Who, why and which event: paystate.actor, reason and event_id as the history
-- has them, on a connection that a pool hands from one client to the next.
-- Real transactions, hence committed: the database is this file's alone.
\set QUIET on
SET client_min_messages = warning;
CREATE SCHEMA shop;
CREATE ROLE settings_owner;
CREATE ROLE settings_app;
CREATE ROLE settings_login;
GRANT settings_app TO settings_login;
GRANT CREATE, USAGE ON SCHEMA shop TO settings_owner;
GRANT USAGE ON SCHEMA shop TO settings_app, settings_login;
SET search_path = shop, public;
SET ROLE settings_owner;
SELECT paystate.create_tables('shop') \g /dev/null
GRANT SELECT, INSERT, UPDATE ON orders, payments, refunds TO settings_app, settings_login;
RESET ROLE;
SELECT session_user AS me \gset

SELECT * FROM no_plan();

-- one change each: a new order
CREATE FUNCTION shop.change(key text) RETURNS void
	LANGUAGE sql
BEGIN ATOMIC
	INSERT INTO shop.orders (id, amount) VALUES (key, 1000);
END;
CREATE FUNCTION shop.change_as_definer(key text) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
	INSERT INTO shop.orders (id, amount) VALUES (key, 1000);
END;
CREATE FUNCTION shop.noted(key text, who text, why text, event text, what text) RETURNS text
	LANGUAGE sql SET search_path = shop, public
	RETURN results_eq(
		format('SELECT actor, reason, event_id, forced FROM shop.order_history WHERE order_id = %L', key),
		format('VALUES (%L::text, %L::text, %L::text, false)', who, why, event), what);

-- as they come
SELECT change('plain');
SELECT noted('plain', :'me', NULL, NULL, 'nothing set: the session user, no reason, no event');
SELECT is(current_setting('paystate.notify'), 'off', 'notifications are off by default');
SELECT is(current_setting('paystate.' || s), '', format('paystate.%s is empty by default', s))
  FROM unnest(ARRAY['actor', 'reason', 'event_id']) s;

-- set for a session, reset again
SET paystate.actor = 'clerk 7';
SET paystate.reason = 'customer called';
SET paystate.event_id = 'evt_1';
SELECT change('session');
SELECT noted('session', 'clerk 7', 'customer called', 'evt_1', 'SET: all three are noted');
SET paystate.reason = '';
SET paystate.event_id TO DEFAULT;
SELECT change('in_part');
SELECT noted('in_part', 'clerk 7', NULL, NULL, 'an empty setting is NULL in the history, not an empty text');
SET paystate.actor = '';
SELECT change('nobody');
SELECT noted('nobody', :'me', NULL, NULL, 'an empty actor is the session user');
SET paystate.actor = 'a';
SET paystate.reason = 'b';
SET paystate.event_id = 'c';
RESET paystate.actor;
RESET paystate.reason;
RESET paystate.event_id;
SELECT change('reset');
SELECT noted('reset', :'me', NULL, NULL, 'RESET forgets them');
SET paystate.actor = 'a';
RESET ALL;
SET client_min_messages = warning;
SET search_path = shop, public;
SELECT change('reset_all');
SELECT noted('reset_all', :'me', NULL, NULL, 'so does RESET ALL, by which pools clean up');

-- SET LOCAL: the next client of the connection is somebody else
BEGIN;
SET LOCAL paystate.actor = 'webhook';
SET LOCAL paystate.reason = 'payment.captured';
SET LOCAL paystate.event_id = 'evt_2';
SELECT change('local');
SELECT change('local_too');
COMMIT;
SELECT change('next');
SELECT noted('local', 'webhook', 'payment.captured', 'evt_2', 'SET LOCAL: noted in its transaction');
SELECT noted('local_too', 'webhook', 'payment.captured', 'evt_2', 'by each change of it');
SELECT noted('next', :'me', NULL, NULL, 'and gone after COMMIT');
BEGIN;
SET LOCAL paystate.actor = 'webhook';
ROLLBACK;
SELECT change('after_rollback');
SELECT noted('after_rollback', :'me', NULL, NULL, 'and after ROLLBACK');
BEGIN;
SET LOCAL paystate.actor = 'outer';
SAVEPOINT a;
SET LOCAL paystate.actor = 'inner';
SELECT change('inner');
RELEASE a;
SELECT change('released');
SAVEPOINT b;
SET LOCAL paystate.actor = 'undone';
ROLLBACK TO b;
SELECT change('rolled_back_to');
COMMIT;
SELECT noted('inner', 'inner', NULL, NULL, 'a savepoint may have an actor of its own');
SELECT noted('released', 'inner', NULL, NULL, 'which stays when it is released');
SELECT noted('rolled_back_to', 'inner', NULL, NULL, 'and goes when it is rolled back');
SELECT set_config('paystate.actor', 'by function', true), change('set_config') \g /dev/null
SELECT noted('set_config', 'by function', NULL, NULL, 'set_config(..., true) does the same for one statement');
SELECT is(current_setting('paystate.actor'), '', 'and is gone after it');

-- each change is noted with what is set when it happens
BEGIN;
SELECT change('steps');
SET LOCAL paystate.actor = 'shop';
INSERT INTO payments (id, order_id) VALUES ('steps', 'steps');
SET LOCAL paystate.actor = 'gateway';
SET LOCAL paystate.event_id = 'evt_3';
UPDATE payments SET status = 'authorized' WHERE id = 'steps';
UPDATE payments SET status = 'authorized' WHERE id = 'steps';
COMMIT;
SELECT results_eq($$SELECT seq, actor, event_id FROM order_history WHERE order_id = 'steps' ORDER BY seq$$,
	format($$VALUES (1, %L, NULL), (2, 'shop', NULL), (3, 'gateway', 'evt_3')$$, :'me'),
	'each change has the settings of its moment; a status set again leaves no note');

-- long, and of any characters
BEGIN;
SELECT set_config('paystate.actor', repeat('a', 10000), true),
	set_config('paystate.reason', repeat('ä', 500000) || E'\n"''\\\t', true),
	set_config('paystate.event_id', repeat('0123456789', 100000), true) \g /dev/null
SELECT change('long');
COMMIT;
SELECT is((SELECT (actor = repeat('a', 10000), reason = repeat('ä', 500000) || E'\n"''\\\t',
		event_id = repeat('0123456789', 100000))::text FROM order_history WHERE order_id = 'long'),
	'(t,t,t)', 'values of a million bytes are kept whole');

-- the session user is who logged in, whatever he has become since
SET ROLE settings_app;
SELECT change('set_role');
RESET ROLE;
SELECT noted('set_role', :'me', NULL, NULL, 'SET ROLE: the actor is still the session user');
BEGIN;
SET LOCAL SESSION AUTHORIZATION settings_login;
SELECT change('login');
SET LOCAL ROLE settings_app;
SELECT change('login_as_app');
SELECT change_as_definer('definer');
COMMIT;
SELECT noted('login', 'settings_login', NULL, NULL, 'another session user is another actor');
SELECT noted('login_as_app', 'settings_login', NULL, NULL, 'SET ROLE does not hide him');
SELECT noted('definer', 'settings_login', NULL, NULL, 'nor does a SECURITY DEFINER function');
SELECT is((SELECT proowner::regrole::text FROM pg_proc WHERE oid = 'change_as_definer'::regproc), :'me',
	'which belongs to another role');

-- notes, not proofs: anybody may set them, and notifications
BEGIN;
SET LOCAL SESSION AUTHORIZATION settings_login;
SET LOCAL paystate.actor = 'settings_owner';
SET LOCAL paystate.notify = on;
SELECT change('claims');
COMMIT;
SELECT noted('claims', 'settings_owner', NULL, NULL, 'a plain role may set the actor and notifications');
SELECT is(current_setting('paystate.notify'), 'off', 'SET LOCAL paystate.notify ends with the transaction');
SELECT throws_ok('SET paystate.notify = ''loud''', '22023',
	'parameter "paystate.notify" requires a Boolean value', 'notify takes a boolean');
SELECT lives_ok('SET LOCAL paystate.notify = ''yes''', 'as any boolean setting does');

-- the history says it was no correction by hand, whatever is set
SELECT is_empty('SELECT * FROM order_history WHERE forced IS DISTINCT FROM false',
	'forced is false in all of this');
SELECT throws_ok($$UPDATE order_history SET actor = 'x' WHERE order_id = 'plain'$$, '23PS6',
	'update on table "order_history" is not allowed', 'an actor noted once stays');
SELECT noted('plain', :'me', NULL, NULL, 'and is as it was');

SELECT * FROM finish();

DROP SCHEMA shop CASCADE;
DROP ROLE settings_login, settings_app, settings_owner;
