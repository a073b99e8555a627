-- inbox: the gateways' events as they came, beside the tables that they move.

-- An ordinary table of whoever makes it, without guards: it holds what was
-- said, never what is so.
CREATE FUNCTION paystate.create_events(schema pg_catalog.name DEFAULT CURRENT_SCHEMA)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
	SET search_path = pg_catalog, pg_temp
AS $create_events$
DECLARE
	item	record;
BEGIN
	EXECUTE format($ddl$
		CREATE TABLE %1$I.order_events (
			gateway text COLLATE "C" NOT NULL,
			event_id text COLLATE "C" NOT NULL,
			event_type text,
			occurred_at timestamptz,
			order_ref text COLLATE "C",
			payment_ref text COLLATE "C",
			outcome text NOT NULL DEFAULT 'received'
				CONSTRAINT order_events_outcome_check CHECK (outcome IN ('received',
					'applied', 'unchanged', 'stale', 'ignored', 'refused')),
			order_key text,
			payment_id text,
			code text,
			reason text,
			tries integer NOT NULL DEFAULT 0,
			received_at timestamptz NOT NULL DEFAULT now(),
			handled_at timestamptz,
			payload jsonb NOT NULL,
			PRIMARY KEY (gateway, event_id)
		)$ddl$, schema);
	EXECUTE format('CREATE INDEX order_events_order_ref_idx ON %I.order_events (order_ref)', schema);
	EXECUTE format('CREATE INDEX order_events_payment_ref_idx ON %I.order_events (payment_ref)'
				   ' WHERE outcome = ''refused''', schema);

	FOR item IN
		SELECT c.column_name, c.about
		FROM (VALUES
			('gateway', 'who sent it: razorpay, paykun or plural'),
			('event_id', 'the gateway''s id of the event, or the caller''s; one is taken once'),
			('event_type', 'what the gateway calls it'),
			('occurred_at', 'when it happened, by the gateway'),
			('order_ref', 'the gateway''s id of the order'),
			('payment_ref', 'the gateway''s id of the first payment it speaks of'),
			('outcome', 'applied, unchanged, stale, ignored or refused'),
			('order_key', 'key of the order'),
			('payment_id', 'key of the first payment it speaks of'),
			('code', 'SQLSTATE of the refusal'),
			('reason', 'why it is stale, ignored or refused'),
			('tries', 'how often it was judged'),
			('received_at', 'when it was recorded'),
			('handled_at', 'when it was judged last'),
			('payload', 'as it was sent')) AS c (column_name, about)
	LOOP
		EXECUTE format('COMMENT ON COLUMN %I.order_events.%I IS %L', schema,
					   item.column_name, item.about);
	END LOOP;
	EXECUTE format('COMMENT ON TABLE %I.order_events IS %L', schema,
				   'events of the gateways as they came, and what record_event() made of each');
END
$create_events$;
COMMENT ON FUNCTION paystate.create_events(pg_catalog.name) IS
	'creates the table order_events, where record_event() keeps the gateways'' events, in the schema of an orders table; it belongs to the caller';

-- Whoever owns the orders, or may act as their owner, need not ask for the
-- inbox: his first event makes it, for their owner.  Two first events at once
-- wait for each other.
CREATE FUNCTION paystate.event_make_inbox(orders pg_catalog.regclass)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
	SET search_path = pg_catalog, pg_temp
AS $event_make_inbox$
DECLARE
	shop	name;
	owner	oid;
BEGIN
	SELECT n.nspname, c.relowner INTO shop, owner
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE c.oid = orders AND pg_has_role(c.relowner, 'USAGE')
		AND has_schema_privilege(n.oid, 'CREATE')
		AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid
					AND t.tgfoid = 'paystate.guard_orders()'::regprocedure);
	IF shop IS NULL OR to_regclass(format('%I.order_events', shop)) IS NOT NULL THEN
		RETURN;
	END IF;
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', orders);
	IF to_regclass(format('%I.order_events', shop)) IS NULL THEN
		PERFORM paystate.create_events(shop);
		EXECUTE format('ALTER TABLE %I.order_events OWNER TO %I', shop, pg_get_userbyid(owner));
	END IF;
END
$event_make_inbox$;
COMMENT ON FUNCTION paystate.event_make_inbox(pg_catalog.regclass) IS
	'makes the inbox of an orders table that has none, where the caller may';
