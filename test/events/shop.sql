-- What the tests of events start with: shops, one a key type and two whose
-- rows are kept by order, and what plays events in them.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION paystate;
CREATE SCHEMA helper;
\ir ../pgtap/lib/variants.sql

DO $$
DECLARE
	kind text;
BEGIN
	FOREACH kind IN ARRAY '{text,bigint,uuid}'::text[] LOOP
		EXECUTE format('CREATE SCHEMA shop_%s', kind);
		PERFORM paystate.create_tables(('shop_' || kind)::name, 'razorpay', kind::regtype);
		PERFORM paystate.create_events(('shop_' || kind)::name);
	END LOOP;
	FOREACH kind IN ARRAY '{text,uuid}'::text[] LOOP
		EXECUTE format('CREATE SCHEMA shard_%s', kind);
		PERFORM paystate.create_tables(('shard_' || kind)::name, 'razorpay', kind::regtype, sharded => true);
		PERFORM paystate.create_events(('shard_' || kind)::name);
	END LOOP;
	-- what a gateway has of the same orders
	CREATE SCHEMA gateway;
	PERFORM paystate.create_tables('gateway');
	PERFORM paystate.create_events('gateway');
END
$$;

-- All that must be the same whatever came first: ids are the gateways' own,
-- our clock's times and the counts of history rows are left out.  What was
-- never captured has no refund of that name.
CREATE FUNCTION helper.state(shop text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	col text := CASE WHEN shop ~ '_(bigint|uuid)$' THEN 'gateway_id' ELSE 'id' END;
	state text;
BEGIN
	EXECUTE format($query$
		SELECT concat_ws(E'\n',
			(SELECT string_agg(concat_ws(' ', 'order', o.%1$I, o.status, 'paid', amount_paid, 'due', amount_due,
					'held', amount_authorized, 'pending', amount_pending, 'back', amount_refunded,
					'attempts', attempts, 'open', payments_open), E'\n' ORDER BY o.%1$I)
			 FROM %2$I.orders o),
			(SELECT string_agg(concat_ws(' ', 'payment', p.%1$I, 'of', o.%1$I, p.status, 'amount', p.amount,
					'captured', p.amount_captured, 'back', p.amount_refunded, 'on its way', p.refund_pending),
					E'\n' ORDER BY p.%1$I)
			 FROM %2$I.payments p LEFT JOIN %2$I.orders o ON o.id = p.order_id),
			(SELECT string_agg(concat_ws(' ', 'refund', CASE WHEN p.amount_captured > 0 THEN r.%1$I END,
					'of', p.%1$I, r.status, r.amount), E'\n' ORDER BY p.%1$I, r.%1$I)
			 FROM %2$I.refunds r JOIN %2$I.payments p ON p.id = r.payment_id))$query$, col, shop)
	INTO state;
	RETURN state;
END
$$;

-- An order as it is before its first event.
CREATE FUNCTION helper.open_order(shop text, fields jsonb) RETURNS void
	LANGUAGE plpgsql
AS $$
BEGIN
	IF shop ~ '_(bigint|uuid)$' THEN
		fields := (fields - 'id') || jsonb_build_object('gateway_id', fields -> 'id');
	END IF;
	EXECUTE format('INSERT INTO %1$I.orders (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$I.orders, $1)',
		shop, (SELECT string_agg(quote_ident(k), ', ') FROM jsonb_object_keys(fields) k)) USING fields;
END
$$;

-- Plays events in the order given, each as often as said, then undoes it all.
-- What comes back: the end state, which events are refused to the end, where
-- some are to be, and whatever was not as it should be.
CREATE FUNCTION helper.play(shop text, fields jsonb, events jsonb, places int[], times int DEFAULT 1,
							waiting int DEFAULT 0)
	RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	place int;
	got text;
	wrong text := '';
	state text;
	left_over text;
BEGIN
	BEGIN
		PERFORM helper.open_order(shop, fields);
		FOREACH place IN ARRAY places LOOP
			FOR turn IN 1..times LOOP
				SELECT outcome INTO got FROM paystate.record_event((shop || '.orders')::regclass,
					events -> place ->> 'gateway', 'evt_' || place, events -> place -> 'payload');
				IF (turn > 1) <> (got = 'duplicate') THEN
					wrong := wrong || format(E'\nwrong: event %s was %s at turn %s', place, got, turn);
				END IF;
			END LOOP;
		END LOOP;
		state := helper.state(shop);
		EXECUTE format('SELECT string_agg(CASE WHEN outcome = ''refused'' AND $1 <> 0 THEN E''\nwaits: '' || event_id'
			' ELSE E''\nwrong: '' || concat_ws('' '', event_id, outcome, code, reason) END, '''' ORDER BY event_id)'
			' FROM %I.order_events WHERE outcome NOT IN (''applied'', ''unchanged'', ''stale'')', shop)
		INTO left_over USING coalesce(waiting, -1);
		wrong := concat(wrong, left_over);
		SELECT concat(wrong, string_agg(E'\nwrong: verify ' || concat_ws(' ', v.order_key, v.problem, v.expected, v.actual), ''))
		INTO wrong FROM paystate.verify((shop || '.orders')::regclass) v;
		RAISE SQLSTATE 'TT000';
	EXCEPTION WHEN SQLSTATE 'TT000' THEN NULL;
	END;
	RETURN state || wrong;
END
$$;

-- How many of the sequences end otherwise than the first, or with more or less
-- events refused than are "waiting" (NULL: as many as may be); the first such.
CREATE FUNCTION helper.permute(shop text, fields jsonb, events jsonb, sequences jsonb, times int,
							   waiting int,
							   OUT played int, OUT failed int, OUT example text, OUT first text)
	LANGUAGE plpgsql
AS $$
DECLARE
	sequence int[];
	state text;
BEGIN
	played := 0;
	failed := 0;
	FOR sequence IN SELECT ARRAY(SELECT x::int FROM jsonb_array_elements_text(s.value) x)
			FROM jsonb_array_elements(sequences) WITH ORDINALITY s ORDER BY s.ordinality LOOP
		state := helper.play(shop, fields, events, sequence, times, waiting);
		played := played + 1;
		first := coalesce(first, state);
		IF state <> first OR state LIKE '%wrong:%' OR state IS NULL
				OR waiting <> (SELECT count(*) FROM regexp_matches(state, 'waits:', 'g')) THEN
			failed := failed + 1;
			example := coalesce(example, format(E'%s: %s', sequence, state));
		END IF;
	END LOOP;
END
$$;
