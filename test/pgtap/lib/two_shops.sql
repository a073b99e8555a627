-- Two shops that get the same statements: in "alone" rows wait for the end of
-- the statement, in "watched" a trigger of the user on payments and on orders
-- keeps each from waiting.  Nobody can tell but by the commands that wrote them
-- and the versions that were left.  Real transactions, hence committed.
\set QUIET on
SET client_min_messages = warning;
CREATE SCHEMA helper;
CREATE SCHEMA alone;
CREATE SCHEMA watched;
SELECT paystate.create_tables('alone', key_type => 'bigint') \g /dev/null
SELECT paystate.create_tables('watched', key_type => 'bigint') \g /dev/null

-- what the trigger sees of the rows that the statement itself wrote: no order
-- is ahead of its history
CREATE TABLE helper.behind (order_id bigint);
CREATE FUNCTION helper.look() RETURNS trigger
	LANGUAGE plpgsql
AS $$
BEGIN
	INSERT INTO helper.behind
	SELECT o.id FROM watched.orders o
	 WHERE o.id = (to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'orders' THEN 'id' ELSE 'order_id' END)::bigint
	   AND o.version > (SELECT count(*) FROM watched.order_history h WHERE h.order_id = o.id);
	RETURN NULL;
END
$$;
CREATE TRIGGER a_look AFTER INSERT OR UPDATE ON watched.orders FOR EACH ROW WHEN (pg_trigger_depth() < 1)
	EXECUTE FUNCTION helper.look();
CREATE TRIGGER z_look AFTER INSERT OR UPDATE ON watched.payments FOR EACH ROW WHEN (pg_trigger_depth() < 1)
	EXECUTE FUNCTION helper.look();

-- all that a shop holds, but for the times, as one text
CREATE FUNCTION helper.all_of(shop text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	found text;
	all_found text = '';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['orders', 'payments', 'refunds', 'order_history'] LOOP
		EXECUTE format($f$SELECT md5(string_agg(j::text, E'\n' ORDER BY j::text)) FROM (
			SELECT to_jsonb(x) - '{at,order_since,payment_since,status_since,changed_at,created_at}'::text[]
			  FROM %I.%I x) AS _ (j)$f$, shop, t) INTO found;
		all_found := concat_ws(' ', all_found, t, found);
	END LOOP;
	RETURN all_found;
END
$$;

CREATE FUNCTION helper.same(what text) RETURNS text
	LANGUAGE sql
	RETURN is(helper.all_of('alone'), helper.all_of('watched'), what);

-- times never fall within an order, and say since when each status was there
CREATE VIEW helper.untimely AS
	SELECT h.order_id, h.seq FROM (
		SELECT *, lag(at) OVER w AS before, row_number() OVER w AS n
		  FROM alone.order_history WINDOW w AS (PARTITION BY order_id ORDER BY seq)) h
	 WHERE h.n <> h.seq OR h.at < h.before;

-- Runs it in both shops.  Each must write so many history rows, and where they
-- may wait they come in a few commands, else each in its own; and so many new
-- versions of orders, of which there is else one an event.
CREATE TABLE helper.found (n serial, what text, got bigint, wanted bigint);
CREATE PROCEDURE helper.both(what text, rows bigint, waits boolean, statement text, versions bigint DEFAULT NULL)
	LANGUAGE plpgsql
AS $$
DECLARE
	shop text;
	updates bigint;
	batches bigint;
	written bigint;
BEGIN
	FOREACH shop IN ARRAY ARRAY['alone', 'watched'] LOOP
		PERFORM set_config('search_path', shop || ', public', true);
		-- by key, and in the order of what is joined, not as rows happen to lie or
		-- are counted: autovacuum may have come to one shop only
		PERFORM set_config(way, 'off', true)
		   FROM unnest('{enable_seqscan,enable_bitmapscan,enable_hashjoin,enable_mergejoin}'::text[]) way;
		EXECUTE format('CREATE TEMP TABLE known AS SELECT order_id, seq FROM %I.order_history', shop);
		SELECT n_tup_upd INTO updates FROM pg_stat_xact_user_tables WHERE schemaname = shop AND relname = 'orders';
		EXECUTE statement;
		INSERT INTO helper.found (what, got, wanted)
		SELECT format('%s: versions of orders in shop %s', what, shop), n_tup_upd - updates,
			CASE shop WHEN 'alone' THEN versions ELSE rows END
		  FROM pg_stat_xact_user_tables WHERE schemaname = shop AND relname = 'orders' AND versions IS NOT NULL;
		EXECUTE format('SELECT count(*), count(DISTINCT concat(h.xmin, ''/'', h.cmin)) FROM %I.order_history h
			LEFT JOIN known k USING (order_id, seq) WHERE k.seq IS NULL', shop) INTO written, batches;
		INSERT INTO helper.found (what, got, wanted) VALUES
			(format('%s: history rows in shop %s', what, shop), written, rows);
		IF rows > 10 THEN
			INSERT INTO helper.found (what, got, wanted) VALUES
				(format('%s: in few commands in shop %s?', what, shop), (batches <= 2 + (rows - 2) / 1000)::int,
				 (waits AND shop = 'alone')::int);
		END IF;
		DROP TABLE known;
	END LOOP;
	COMMIT;
	INSERT INTO helper.found (what, got, wanted)
		VALUES (what || ': both shops hold the same', (helper.all_of('alone') = helper.all_of('watched'))::int, 1);
END
$$;

-- the payment that the refusal names, or 'accepted'
CREATE FUNCTION helper.refused(statement text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION
	WHEN integrity_constraint_violation THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		RETURN substring(detail FROM 'Payment "(\d+)"');
END
$$;
