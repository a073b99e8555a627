-- What every file starts with: a transaction that is rolled back at the end,
-- the four tables in a schema of their own, and the helpers of the tests.
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA shop;
CREATE SCHEMA helper;
SET LOCAL search_path = shop, helper, public;

-- With :sharded set, keys are led by the order's and all four tables are in
-- sixteen hash partitions each; with :partitioned, the history is partitioned
-- by month.
\if :{?sharded}
\ir spread.sql
\elif :{?partitioned}
DO $$ BEGIN PERFORM paystate.create_tables('shop', history_partition => 'month'); END $$;
\else
DO $$ BEGIN PERFORM paystate.create_tables('shop'); END $$;
\endif

-- With :general set, the same tests run where paystate writes by SQL: a user
-- trigger on each table sees what it writes.
\if :{?general}
CREATE SEQUENCE helper.looks;
CREATE FUNCTION helper.look() RETURNS trigger
	LANGUAGE plpgsql
AS $$
BEGIN
	IF TG_ARGV[0] = 'orders' AND TG_OP = 'UPDATE' THEN
		PERFORM nextval('helper.looks');
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER look BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION helper.look('orders');
CREATE TRIGGER look AFTER INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION helper.look();
CREATE TRIGGER look AFTER INSERT OR UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION helper.look();
\endif

-- All rows of the four tables as one text: "nothing changed" compares it.
CREATE FUNCTION helper.everything() RETURNS text
	LANGUAGE sql VOLATILE
AS $$
	SELECT md5(concat(
		(SELECT string_agg(o::text, ';' ORDER BY o.id) FROM orders o),
		(SELECT string_agg(p::text, ';' ORDER BY p.id) FROM payments p),
		(SELECT string_agg(r::text, ';' ORDER BY r.id) FROM refunds r),
		(SELECT string_agg(h::text, ';' ORDER BY h.order_id, h.seq)
		   FROM order_history h)));
$$;

-- A statement as this layout has it: with :sharded set a refund names its
-- payment's order, too, that of an unknown payment just some order; the key of
-- payments is led by the order's, which try_payment() is told.
\if :{?sharded}
CREATE TABLE helper.a_refund AS SELECT * FROM refunds WITH NO DATA;
GRANT USAGE ON SCHEMA helper TO PUBLIC;
GRANT SELECT, INSERT ON helper.a_refund TO PUBLIC;
CREATE FUNCTION helper.order_of(payment text, shop text, OUT an_order text)
	LANGUAGE plpgsql STABLE SECURITY DEFINER
AS $$
BEGIN
	EXECUTE pg_catalog.format('SELECT coalesce((SELECT order_id FROM %1$spayments WHERE id OPERATOR(pg_catalog.=) $1), (SELECT pg_catalog.min(id) FROM %1$sorders))', shop)
		INTO an_order USING payment;
END
$$;
CREATE FUNCTION helper.here(statement text) RETURNS text
	LANGUAGE sql IMMUTABLE
AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace(statement,
		'(INTO payments .*) ON CONFLICT \(id\)', '\1 ON CONFLICT (order_id, id)'),
		'try_payment\((''+(?:shop\.)?payments''+), (''+)(\w+)\.(\w+)(''+), (''+\w+''+)\)', 'try_payment(\1, \2\3.\4\5, \6, NULL, \2\3\5)'),
		'\mINSERT INTO (\w+\.)??refunds \(((?:(?!order_id)[^)])*?)\) VALUES\s+(.*?)(?=;| ON CONFLICT| RETURNING|$)',
		'WITH v AS (INSERT INTO helper.a_refund (\2) VALUES \3 RETURNING *) INSERT INTO \1refunds (order_id, \2) SELECT helper.order_of(payment_id, ''\1''), \2 FROM v', 'g');
$$;
\else
CREATE FUNCTION helper.here(statement text) RETURNS text
	LANGUAGE sql IMMUTABLE
	RETURN statement;
\endif

-- Such a statement among those that prepare.
CREATE FUNCTION helper.write(statement text) RETURNS void
	LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE helper.here(statement);
END
$$;

-- What leads a payment's key: its order's, with :sharded set.
CREATE FUNCTION helper.led(payment text) RETURNS text[]
	LANGUAGE plpgsql STABLE
AS $$
BEGIN
	IF current_setting('helper.sharded', true) OPERATOR(pg_catalog.=) 'on' THEN
		RETURN ARRAY[coalesce((SELECT order_id FROM payments WHERE id OPERATOR(pg_catalog.=) payment), '')];
	END IF;
	RETURN '{}';
END
$$;

-- The tables and their partitions for another owner.
CREATE FUNCTION helper.give(an_owner text) RETURNS void
	LANGUAGE plpgsql
AS $$
DECLARE
	t regclass;
BEGIN
	FOR t IN SELECT p.relid FROM unnest('{orders,payments,refunds,order_history}'::regclass[]) AS whole, pg_partition_tree(whole) AS p
		UNION ALL SELECT whole FROM unnest('{orders,payments,refunds,order_history}'::regclass[]) AS whole WHERE NOT EXISTS (SELECT FROM pg_partition_tree(whole))
	LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO %I', t, an_owner);
	END LOOP;
END
$$;

-- A message without the numbers of leaf partitions, where helper.leaves is on.
CREATE FUNCTION helper.leafless(message text) RETURNS text
	LANGUAGE sql STABLE
	RETURN CASE WHEN current_setting('helper.leaves', true) = 'on'
		THEN regexp_replace(message, '\m(orders|payments|refunds|order_history)_\d+\M', '\1', 'g') ELSE message END;

-- Runs a statement as the role of helper.role, if one is set.  Returns
-- 'accepted' or '<sqlstate> <primary message>'; with helper.leaves on, a leaf
-- partition goes by the name of its table there.
CREATE FUNCTION helper.outcome(statement text, undo boolean DEFAULT false)
	RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	app text := nullif(current_setting('helper.role', true), '');
	path text := current_setting('search_path');
	written text := helper.here(statement);
BEGIN
	BEGIN
		IF app IS NOT NULL THEN
			PERFORM set_config('role', app, true);
		END IF;
		EXECUTE written;
		PERFORM pg_catalog.set_config('search_path', path, true);
		IF app IS NOT NULL THEN
			PERFORM set_config('role', 'none', true);
		END IF;
		IF undo THEN
			RAISE SQLSTATE 'TT000';
		END IF;
	EXCEPTION
		WHEN SQLSTATE 'TT000' THEN NULL;
		WHEN OTHERS THEN
			RETURN SQLSTATE || ' ' || helper.leafless(SQLERRM);
	END;
	RETURN 'accepted';
END
$$;

-- The statement is refused with just that code and message, and leaves all
-- as it was.
CREATE FUNCTION helper.refused(statement text, says text, description text)
	RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	before text := helper.everything();
	got text := helper.outcome(statement, true);
BEGIN
	IF helper.everything() IS DISTINCT FROM before THEN
		got := got || ', but rows changed';
	END IF;
	RETURN public.is(got, says, description);
END
$$;

-- The legal twin of a refusal.
CREATE FUNCTION helper.accepted(statement text, description text)
	RETURNS text
	LANGUAGE sql
AS $$
	SELECT public.is(helper.outcome(statement), 'accepted', description);
$$;

-- A write that is accepted and leaves no trace at all.
CREATE FUNCTION helper.no_op(statement text, description text)
	RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	before text := helper.everything();
	got text := helper.outcome(statement);
BEGIN
	IF helper.everything() IS DISTINCT FROM before THEN
		got := got || ', but rows changed';
	END IF;
	RETURN public.is(got, 'accepted', description);
END
$$;

-- An order in one line, for example
-- 'attempted 600 of 1000, due 400, held 0, pending 400, back 0, attempts 2, open 1, v6; a captured 600/600-0-0, b created 0/400-0-0'
-- a payment being: captured/amount-refunded-refund pending.
CREATE FUNCTION helper.standing(an_order text) RETURNS text
	LANGUAGE sql VOLATILE
AS $$
	SELECT format(
		'%s %s of %s, due %s, held %s, pending %s, back %s, attempts %s, open %s, v%s',
		o.status, o.amount_paid, o.amount, o.amount_due, o.amount_authorized,
		o.amount_pending, o.amount_refunded, o.attempts, o.payments_open,
		o.version)
		|| coalesce('; ' || (
			SELECT string_agg(format('%s %s %s/%s-%s-%s',
					substr(p.id, length(an_order) + 2),
					p.status, p.amount_captured, p.amount, p.amount_refunded,
					p.refund_pending), ', ' ORDER BY p.id)
			  FROM payments p WHERE p.order_id = o.id), '')
	  FROM orders o WHERE o.id = an_order;
$$;

-- History rows from a seq on, one text each:
-- 'payment refund:refund_to payment_from>payment_to order_from>order_to amount/amount_paid/attempts'
-- where a refund that paystate made itself is called 'new'.
CREATE FUNCTION helper.history(an_order text, since integer DEFAULT 1)
	RETURNS text[]
	LANGUAGE sql VOLATILE
AS $$
	SELECT array_agg(format('%s %s %s>%s %s>%s %s/%s/%s',
			coalesce(substr(h.payment_id, length(an_order) + 2), '-'),
			coalesce(CASE WHEN starts_with(h.refund_id, h.payment_id)
						THEN substr(h.refund_id, length(h.payment_id) + 2)
						ELSE 'new' END || ':' || h.refund_to, '-'),
			coalesce(h.payment_from::text, '-'), coalesce(h.payment_to::text, '-'),
			coalesce(h.order_from::text, '-'), h.order_to,
			h.amount, h.amount_paid, h.attempts)
		ORDER BY h.seq)
	  FROM order_history h WHERE h.order_id = an_order AND h.seq >= since;
$$;

-- One operation of a gateway history as the write it stands for.  Payments
-- and refunds are named after their order: 'o1.a', 'o1.a.r1'.
CREATE FUNCTION helper.do_op(an_order text, op jsonb) RETURNS void
	LANGUAGE plpgsql
AS $$
DECLARE
	payment text := an_order || '.' || (op ->> 'id');
BEGIN
	CASE op ->> 'op'
		WHEN 'pay' THEN
			INSERT INTO payments (id, order_id, amount, status)
				VALUES (payment, an_order, (op ->> 'amount')::bigint,
						(op ->> 'status')::paystate.payment_status);
		WHEN 'to' THEN
			IF op ? 'captured' THEN
				UPDATE payments SET status = op ->> 'status',
						amount_captured = (op ->> 'captured')::bigint
					WHERE id = payment;
			ELSE
				UPDATE payments SET status = op ->> 'status' WHERE id = payment;
			END IF;
			IF NOT FOUND THEN
				RAISE 'no payment %', payment;
			END IF;
		WHEN 'refund' THEN
			IF current_setting('helper.sharded', true) = 'on' THEN
				INSERT INTO refunds (order_id, id, payment_id, amount, status)
					SELECT an_order, payment || '.r' || count(*) + 1, payment,
							(op ->> 'amount')::bigint,
							coalesce(op ->> 'status', 'processed')
					  FROM refunds WHERE order_id = an_order AND payment_id = payment;
				RETURN;
			END IF;
			INSERT INTO refunds (id, payment_id, amount, status)
				SELECT payment || '.r' || count(*) + 1, payment,
						(op ->> 'amount')::bigint,
						coalesce(op ->> 'status', 'processed')
				  FROM refunds WHERE payment_id = payment;
		WHEN 'order' THEN
			UPDATE orders SET status = coalesce(op ->> 'status',
					CASE op ->> 'event' WHEN 'cancel' THEN 'cancelled'
										WHEN 'fail' THEN 'failed' END)
				WHERE id = an_order;
			IF NOT FOUND THEN
				RAISE 'no order %', an_order;
			END IF;
	END CASE;
END
$$;

-- A word of a script as an operation:
-- 'a=600' pay, 'a>authorized', 'a>processed:500' capture 500,
-- 'a-100' refund, 'a~100' pending refund, '!cancel', '!fail'.
CREATE FUNCTION helper.op_of(word text) RETURNS jsonb
	LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
	part text[] := regexp_match(word, '^(\w*)([=>~!-])(\w*)(?::(\d+))?$');
BEGIN
	RETURN jsonb_strip_nulls(CASE part[2]
		WHEN '=' THEN jsonb_build_object('op', 'pay', 'id', part[1],
										 'amount', nullif(part[3], ''))
		WHEN '>' THEN jsonb_build_object('op', 'to', 'id', part[1],
										 'status', part[3], 'captured', part[4])
		WHEN '-' THEN jsonb_build_object('op', 'refund', 'id', part[1],
										 'amount', part[3])
		WHEN '~' THEN jsonb_build_object('op', 'refund', 'id', part[1],
										 'amount', part[3], 'status', 'pending')
		WHEN '!' THEN jsonb_build_object('op', 'order', 'event', part[3])
	END);
END
$$;

-- More of an order's life.
CREATE FUNCTION helper.then(an_order text, script text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	word text;
BEGIN
	FOREACH word IN ARRAY regexp_split_to_array(trim(script), '\s+') LOOP
		IF word <> '' THEN
			PERFORM helper.do_op(an_order, helper.op_of(word));
		END IF;
	END LOOP;
	RETURN helper.standing(an_order);
END
$$;

-- An order of a life cycle with what happened to it so far.
CREATE FUNCTION helper.given(an_order text, lc text, amount bigint,
							 script text DEFAULT '', partial boolean DEFAULT NULL,
							 first_min bigint DEFAULT NULL)
	RETURNS text
	LANGUAGE plpgsql
AS $$
BEGIN
	INSERT INTO orders (id, lifecycle, amount, partial_payment, first_payment_min_amount)
		VALUES (an_order, lc, amount, coalesce(partial, false), first_min);
	RETURN helper.then(an_order, script);
END
$$;

-- The same as a test: the order comes to stand just so.
CREATE FUNCTION helper.stands(an_order text, expected text, description text)
	RETURNS text
	LANGUAGE sql VOLATILE
AS $$
	SELECT public.is(helper.standing(an_order), expected, description);
$$;

\ir drift.sql

-- The primary message of a refusal: says('23PS4', 'insert payments', 'razorpay').
CREATE FUNCTION helper.says(code text, write text, lc text) RETURNS text
	LANGUAGE sql IMMUTABLE
AS $$
	SELECT format('%s %s on table "%s" violates %slife cycle "%s"%s', code,
		split_part(write, ' ', 1), split_part(write, ' ', 2),
		CASE code WHEN '23PS2' THEN 'initial status of '
				  WHEN '23PS4' THEN 'amounts of '
				  WHEN '23PS5' THEN 'currency of ' ELSE '' END,
		lc, CASE code WHEN '23PS3' THEN ': the order takes it no more' ELSE '' END);
$$;

-- A word of a script is refused: cannot('o1', 'a=999', '23PS4', '...').
CREATE FUNCTION helper.cannot(an_order text, word text, code text, description text)
	RETURNS text
	LANGUAGE sql
AS $$
	SELECT helper.refused(format('SELECT helper.do_op(%L, helper.op_of(%L))', an_order, word),
		helper.says(code, CASE WHEN word LIKE '%=%' THEN 'insert payments'
							   WHEN word LIKE '%>%' THEN 'update payments'
							   WHEN word LIKE '!%' THEN 'update orders'
							   ELSE 'insert refunds' END,
					(SELECT lifecycle FROM orders WHERE id = an_order)),
		format('%s: %s on "%s" is %s', description, word, an_order, code));
$$;

-- A word of a script is taken and makes the order stand so; then it is undone,
-- so that its neighbours can be tried on the same order.
CREATE FUNCTION helper.would(an_order text, word text, expected text, description text)
	RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
BEGIN
	BEGIN
		got := helper.then(an_order, word) || coalesce((
			SELECT ' DRIFT: ' || string_agg(concat(id, ' ', problem), ', ') FROM helper.drift()), '');
		RAISE SQLSTATE 'TT000';
	EXCEPTION
		WHEN SQLSTATE 'TT000' THEN NULL;
		WHEN OTHERS THEN got := SQLSTATE || ' ' || SQLERRM;
	END;
	RETURN public.is(got, expected, format('%s: %s on "%s" is taken', description, word, an_order));
END
$$;

-- Sixteen partitions take longer to plan than to read: these are planned once.
\if :{?sharded}
DO $$
DECLARE
	body text;
BEGIN
	SELECT rtrim(prosrc, E';\n\t ') INTO body FROM pg_proc WHERE oid = 'helper.drift'::regproc;
	EXECUTE format('CREATE OR REPLACE FUNCTION helper.drift() RETURNS TABLE (id text, problem text) LANGUAGE plpgsql AS %L',
		E'#variable_conflict use_column\nBEGIN RETURN QUERY ' || body || '; END');
	SELECT rtrim(prosrc, E';\n\t ') INTO body FROM pg_proc WHERE oid = 'helper.everything'::regproc;
	EXECUTE format('CREATE OR REPLACE FUNCTION helper.everything() RETURNS text LANGUAGE plpgsql AS %L',
		'BEGIN RETURN (' || body || '); END');
END
$$;
\endif
