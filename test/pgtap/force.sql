-- force_status(): a status where no rule leads, by the owner of the tables,
-- with a reason; never against the money; told in the history.
\ir lib/shop.sql

SELECT * FROM no_plan();

CREATE ROLE keeper;
CREATE ROLE stranger;
GRANT USAGE ON SCHEMA helper, shop TO keeper, stranger;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA helper, public TO keeper, stranger;
GRANT ALL ON SCHEMA shop TO keeper;
GRANT EXECUTE ON FUNCTION paystate.force_status TO keeper;
ALTER TABLE orders OWNER TO keeper;
ALTER TABLE payments OWNER TO keeper;
ALTER TABLE refunds OWNER TO keeper;
ALTER TABLE order_history OWNER TO keeper;

DO $$ BEGIN
	PERFORM given('r-new', 'razorpay', 1000);
	PERFORM given('r-open', 'razorpay', 1000, 'a=');
	PERFORM given('r-failed', 'razorpay', 1000, 'a= a>failed');
	PERFORM given('r-held', 'razorpay', 1000, 'a= a>authorized');
	PERFORM given('r-part', 'razorpay', 1000, 'a=400 a>authorized a>captured', true);
	PERFORM given('r-paid', 'razorpay', 1000, 'a= a>authorized a>captured a-100');
	PERFORM given('r-late', 'razorpay', 1000, 'a= b= a>authorized a>captured');
	PERFORM given('k-paid', 'paykun', 1000, 'a= a>captured');
	PERFORM given('v-new', 'plural_preauth', 1000);
	PERFORM given('v-open', 'plural_preauth', 1000, 'a=600 b=400');
	PERFORM given('v-mixed', 'plural_preauth', 1000, 'a=600 a>authorized b=400');
	PERFORM given('v-held', 'plural_preauth', 1000, 'a= a>authorized');
	PERFORM given('v-leg', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized a>processed');
	PERFORM given('v-part', 'plural_preauth', 1000, 'a= a>authorized a>processed:300');
	PERFORM given('v-whole', 'plural_preauth', 1000, 'a= a>authorized a>processed');
	PERFORM given('v-back', 'plural_preauth', 1000, 'a= a>authorized a>processed a-100');
	PERFORM given('v-all', 'plural_preauth', 1000, 'a= a>authorized a>processed a-1000');
	PERFORM given('v-void', 'plural_preauth', 1000, 'a= a>authorized !cancel');
	PERFORM given('l-split', 'plural', 1000, 'a=600 a>processed b=400 b>failed');
	PERFORM given('l-dead', 'plural', 1000, 'a= a>cancelled');
END $$;

-- ---- which status each of them may be forced to: all others are against its money ------------------
CREATE FUNCTION helper.forcible(an_order text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	label text;
	got text;
	may text[] := '{}';
	odd text[] := '{}';
BEGIN
	FOR label IN SELECT s.label FROM paystate.lifecycle_status s JOIN orders o ON o.lifecycle = s.lifecycle
			WHERE o.id = an_order AND s.kind = 'order' AND s.label <> o.status::text ORDER BY s.label LOOP
		BEGIN
			PERFORM paystate.force_status('orders', label, 'a test', an_order);
			got := 'forced ' || (SELECT status FROM orders WHERE id = an_order)
				|| coalesce((SELECT ' DRIFT ' || string_agg(concat(problem, ' ', expected, ' ', actual), ', ') FROM paystate.verify('orders')), '')
				|| coalesce((SELECT ' DRIFT ' || string_agg(concat(id, ' ', problem), ', ') FROM helper.drift()), '');
			RAISE SQLSTATE 'TT000';
		EXCEPTION
			WHEN SQLSTATE 'TT000' THEN NULL;
			WHEN OTHERS THEN got := SQLSTATE || ' ' || SQLERRM;
		END;
		IF got = 'forced ' || label THEN
			may := may || label;
		ELSIF got <> format('23PS4 order "%s" cannot be forced to "%s"', an_order, label) THEN
			odd := odd || got;
		END IF;
	END LOOP;
	RETURN array_to_string(may || odd, ' ');
END
$$;

SELECT is(helper.forcible(an_order), may, 'where order "' || an_order || '" may be forced')
  FROM (VALUES
	('r-new', 'attempted'), ('r-open', 'attempted'), ('r-failed', 'created'), ('r-held', ''),
	('r-part', ''), ('r-paid', ''), ('r-late', ''), ('k-paid', ''),
	('v-new', 'attempted cancelled failed pending'), ('v-open', 'cancelled failed'),
	('v-mixed', 'cancelled failed'), ('v-held', 'cancelled failed pending'), ('v-leg', ''),
	('v-part', ''), ('v-whole', ''), ('v-back', ''), ('v-all', ''),
	('v-void', 'attempted created failed pending'),
	('l-split', 'pending'), ('l-dead', 'attempted cancelled created pending')
	) AS t (an_order, may);

-- ---- what it leaves ------------------------------------------------------------------------------------
SET LOCAL paystate.actor = 'ops';
SET LOCAL paystate.reason = 'something else';
SET ROLE keeper;
SELECT helper.accepted($$SELECT paystate.force_status('orders', 'failed', 'bank says no', 'v-mixed')$$, 'the owner forces an order into a dead status');
SELECT is(current_setting('paystate.reason'), 'something else', 'the setting is as it was');
RESET ROLE;
SELECT helper.stands('v-mixed', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v7; a failed 0/600-0-0, b failed 0/400-0-0',
	'live payments went along');
SELECT is(helper.history('v-mixed', 5), ARRAY['- - ->- pending>failed 0/0/2', 'a - authorized>failed failed>failed 600/0/2', 'b - pending>failed failed>failed 400/0/2'],
	'one row of the order, one each of its payments');
SELECT results_eq($$SELECT seq, forced, reason, actor, order_since IS NOT NULL FROM order_history WHERE order_id = 'v-mixed' AND seq >= 5 ORDER BY seq$$,
	$$VALUES (5, true, 'bank says no', 'ops', true), (6, false, 'bank says no', 'ops', true), (7, false, 'bank says no', 'ops', true)$$,
	'forced, by whom and why');
SELECT is((SELECT (status_since, changed_at) FROM orders WHERE id = 'v-mixed'), (SELECT (at, at) FROM order_history WHERE order_id = 'v-mixed' AND seq = 5),
	'since then');
RESET paystate.actor;
RESET paystate.reason;

SELECT helper.accepted($$SELECT paystate.force_status('orders', 'attempted', 'revived', 'v-void')$$, 'a dead order is revived');
SELECT helper.would('v-void', 'b= b>authorized b>processed', 'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v9; a cancelled 0/1000-0-0, b processed 1000/1000-0-0', 'and paid after all');
SELECT helper.cannot('v-mixed', 'c=', '23PS3', 'the rules hold afterwards');

-- ---- what is no such event -------------------------------------------------------------------------------
SELECT helper.no_op($$SELECT paystate.force_status('orders', 'paid', 'why not', 'r-paid')$$, 'the status that it has already');
SELECT helper.refused($$SELECT paystate.force_status('orders', 'cancelled', 'no such label', 'r-new')$$,
	'23PS1 order "r-new" cannot be forced to "cancelled"', 'a label of other life cycles');
SELECT helper.refused(format('SELECT paystate.force_status(''orders'', %L, ''no such label'', ''r-new'')', label),
	format('23PS1 order "r-new" cannot be forced to "%s"', label), 'no label: ' || label)
  FROM unnest(ARRAY['', 'PAID', 'captured', 'paid ']) AS label;
SELECT helper.refused(format('SELECT paystate.force_status(''orders'', ''attempted'', %L, ''r-new'')', reason),
	'22023 a status is not forced without a reason', 'reason: ' || coalesce(quote_literal(reason), 'NULL'))
  FROM unnest(ARRAY[NULL, '', E' \t\n']) AS reason;
SELECT helper.refused(format('SELECT paystate.force_status(%s)', arguments), '22004 argument "' || name || '" must not be null', 'null ' || name)
  FROM (VALUES ('NULL, ''attempted'', ''x'', ''r-new''', 'orders'), ('''orders'', NULL, ''x'', ''r-new''', 'to_status'),
	('''orders'', ''attempted'', ''x'', NULL', 'order_key'), ('''orders'', ''attempted'', ''x'', VARIADIC NULL', 'order_key')) AS t (arguments, name);
SELECT helper.refused($$SELECT paystate.force_status('orders', 'attempted', 'x', 'nobody')$$, 'P0002 order "nobody" does not exist', 'an unknown key');
SELECT helper.refused($$SELECT paystate.force_status('orders', 'attempted', 'x', 'r-new', 'r-new')$$, '22023 wrong number of key values for table "orders"', 'too many keys');
CREATE TABLE plain (id text PRIMARY KEY, status text);
SELECT is(left(helper.outcome($$SELECT paystate.force_status('plain', 'attempted', 'x', 'r-new')$$), 5), '23PS8', 'a table that is not bound');
SELECT is(left(helper.outcome($$SELECT paystate.force_status('payments', 'attempted', 'x', 'r-new')$$), 5), '23PS8', 'a table of payments');

-- ---- whose it is -----------------------------------------------------------------------------------------
SELECT ok(NOT has_function_privilege('public', 'paystate.force_status(regclass, text, text, text[])', 'EXECUTE'), 'EXECUTE is not with PUBLIC');
GRANT SELECT, INSERT, UPDATE ON orders, payments, refunds, order_history TO stranger;
SELECT set_config('helper.role', 'stranger', true) AS "role" \gset
SELECT helper.refused($$SELECT paystate.force_status('orders', 'attempted', 'x', 'r-new')$$, '42501 permission denied for function force_status', 'not without EXECUTE');
GRANT EXECUTE ON FUNCTION paystate.force_status TO stranger;
SELECT helper.refused($$SELECT paystate.force_status('orders', 'attempted', 'x', 'r-new')$$, '42501 must be owner of table orders', 'nor on tables of another owner');
SELECT set_config('helper.role', '', true) AS "role" \gset
CREATE FUNCTION as_owner(a_status text, a_reason text, a_key text) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$ SELECT paystate.force_status('shop.orders', a_status, a_reason, a_key) $$;
ALTER FUNCTION as_owner OWNER TO keeper;
SELECT set_config('helper.role', 'stranger', true) AS "role" \gset
SELECT helper.accepted($$SELECT shop.as_owner('attempted', 'on the phone', 'r-new')$$, 'but through a function of the owner');
SELECT set_config('helper.role', '', true) AS "role" \gset
SELECT is((SELECT actor FROM order_history WHERE order_id = 'r-new' AND forced), session_user::text, 'which tells who the session is');

-- ---- a history that tells of a force against the money is none -----------------------------------------
SAVEPOINT tampered;
SELECT paystate.force_status('orders', 'attempted', 'x', 'v-new') AS forced \gset
SET LOCAL session_replication_role = replica;
UPDATE order_history SET order_to = 'processed' WHERE order_id = 'v-new' AND seq = 2;
UPDATE orders SET status = 'processed' WHERE id = 'v-new';
SET LOCAL session_replication_role = origin;
SELECT is((SELECT array_agg(concat_ws('|', order_key, problem, actual)) FROM paystate.verify('orders')),
	ARRAY['v-new|illegal step in history row 2|order created>processed, amount 0'], 'verify() holds a forced row against the money');
ROLLBACK TO tampered;

-- ---- other keys, other layouts -----------------------------------------------------------------------------
CREATE FUNCTION helper.other_keys(a_type regtype, a_key text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	home text := 'keys_' || a_type;
	key text;
BEGIN
	EXECUTE format('CREATE SCHEMA %I', home);
	PERFORM paystate.create_tables(home, 'plural', a_type, history_partition => 'month');
	EXECUTE format('INSERT INTO %I.orders (amount) VALUES (1000) RETURNING id', home) INTO key;
	EXECUTE format('INSERT INTO %I.payments (order_id) SELECT id FROM %1$I.orders', home);
	PERFORM paystate.force_status(format('%I.orders', home)::regclass, 'cancelled', 'x', key);
	EXECUTE format($f$SELECT concat_ws(' ', o.status, p.status, o.version, (SELECT count(*) FROM paystate.verify('%1$I.orders')))
		FROM %1$I.orders o JOIN %1$I.payments p ON p.order_id = o.id$f$, home) INTO key;
	RETURN key;
END
$$;
SELECT is(helper.other_keys(t, ''), 'cancelled cancelled 4 0', t || ' keys, a history by month') FROM unnest('{text,bigint,uuid}'::regtype[]) AS t;

-- what paystate writes by SQL, a user trigger sees; one that suppresses it makes an error
CREATE FUNCTION helper.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER nothing BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION helper.nothing();
CREATE TRIGGER nothing BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION helper.nothing();
SELECT is(helper.forcible('v-open'), 'cancelled failed', 'by the general path');
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
SELECT set_config('helper.role', 'keeper', true) AS "role" \gset
SELECT helper.accepted($$SELECT paystate.force_status('orders', 'cancelled', 'x', 'v-open')$$, 'row-level security hides no order from it');
SELECT set_config('helper.role', '', true) AS "role" \gset
SELECT helper.stands('v-open', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v6; a cancelled 0/600-0-0, b cancelled 0/400-0-0', 'nor its payments');

\ir lib/end.sql
