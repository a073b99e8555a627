-- export_tables: the types and tables of an exported script: the columns of
-- create_tables, the labels of our enums, and the comments of both

CREATE FUNCTION paystate.export_types(lifecycle pg_catalog.text) RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_types$
	SELECT string_agg(format($text$
CREATE TYPE @schema@.%1$I AS ENUM (%2$s);
COMMENT ON TYPE @schema@.%1$I IS %3$L;
CREATE CAST (text AS @schema@.%1$I) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS @schema@.%1$I) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (text AS @schema@.%1$I) IS 'lets text be stored into a status';
COMMENT ON CAST (varchar AS @schema@.%1$I) IS 'lets varchar be stored into a status';
$text$, t.name, t.labels, t.about), '' ORDER BY t.name)
	FROM (
		SELECT y.typname::text, string_agg(replace(quote_literal(x.label), '@', '@@'), ', ' ORDER BY x.place, x.label),
			   obj_description(y.oid, 'pg_type')
		FROM pg_type AS y
		CROSS JOIN LATERAL (
			SELECT e.enumlabel::text, e.enumsortorder FROM pg_enum AS e WHERE e.enumtypid = y.oid
			UNION ALL
			SELECT s.label, 'infinity' FROM paystate.lifecycle_status AS s
			WHERE s.lifecycle = export_types.lifecycle COLLATE "C" AND y.typname = s.kind || '_status'
				AND NOT EXISTS (SELECT FROM pg_enum AS e
								WHERE e.enumtypid = y.oid AND e.enumlabel = s.label)
		) AS x (label, place)
		WHERE y.oid IN ('paystate.order_status'::regtype, 'paystate.payment_status'::regtype,
						'paystate.refund_status'::regtype)
		GROUP BY y.oid, y.typname
	) AS t (name, labels, about)
$export_types$;
COMMENT ON FUNCTION paystate.export_types(pg_catalog.text) IS
	'CREATE TYPE of the status columns: the labels of our enums, and those of the life cycle that they lack';

CREATE FUNCTION paystate.export_comments() RETURNS pg_catalog.text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_comments$
	SELECT string_agg(format(E'COMMENT ON COLUMN @schema@.%I.%I IS %L;\n', r.relation, c.column_name, c.about),
					  '' ORDER BY r.place, c.n)
	FROM paystate.known_columns() WITH ORDINALITY AS c (kind, column_name, meaning, need, written, about, n)
	JOIN (VALUES ('orders', 'orders', 1), ('payments', 'payments', 2), ('refunds', 'refunds', 3),
				 ('history', 'order_history', 4)) AS r (kind, relation, place) USING (kind)
	WHERE c.column_name <> 'gateway_id' AND (c.kind <> 'refunds' OR c.column_name <> 'order_id')
$export_comments$;
COMMENT ON FUNCTION paystate.export_comments() IS
	'COMMENT ON COLUMN of the four tables, as on those of create_tables';

CREATE FUNCTION paystate.export_tables() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_tables$
	SELECT $text$
-- "order_", "pay_" or "rfnd_" and 14 of [0-9A-Za-z], sorting by creation time
CREATE FUNCTION @schema@.paystate_new_id(kind text) RETURNS text
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	digits	CONSTANT text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
	moment	bigint := extract(epoch FROM clock_timestamp()) * 1000000;
	noise	bytea := uuid_send(gen_random_uuid());
	id		text := '';
BEGIN
	FOR n IN 1 .. 9 LOOP
		id := substr(digits, (moment % 62)::integer + 1, 1) || id;
		moment := moment / 62;
	END LOOP;
	FOR n IN 0 .. 4 LOOP	-- bytes of the uuid that are random throughout
		id := id || substr(digits, get_byte(noise, n) % 62 + 1, 1);
	END LOOP;
	RETURN CASE kind WHEN 'order' THEN 'order_' WHEN 'payment' THEN 'pay_' ELSE 'rfnd_' END || id;
END
@tag@;
COMMENT ON FUNCTION @schema@.paystate_new_id(text) IS
	'a new id for an order, payment or refund in the form that gateways give';

CREATE TABLE @schema@.orders (
	id text COLLATE "C" DEFAULT @schema@.paystate_new_id('order'),
	lifecycle text NOT NULL DEFAULT @lifecycle@,
	amount bigint NOT NULL,
	amount_paid bigint NOT NULL DEFAULT 0,
	amount_due bigint NOT NULL,
	amount_authorized bigint NOT NULL DEFAULT 0,
	amount_pending bigint NOT NULL DEFAULT 0,
	amount_refunded bigint NOT NULL DEFAULT 0,
	currency text NOT NULL DEFAULT 'INR',
	receipt text,
	offer_id text,
	partial_payment boolean NOT NULL DEFAULT false,
	first_payment_min_amount bigint,
	notes jsonb NOT NULL DEFAULT '{}',
	status @schema@.order_status NOT NULL,
	attempts integer NOT NULL DEFAULT 0,
	payments_open integer NOT NULL DEFAULT 0,
	version integer NOT NULL DEFAULT 1,
	status_since timestamptz NOT NULL,
	changed_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (id)
) WITH (fillfactor = 90);
COMMENT ON TABLE @schema@.orders IS 'orders; the guards keep status, totals and counters equal to what the payments say';

CREATE TABLE @schema@.payments (
	id text COLLATE "C" DEFAULT @schema@.paystate_new_id('payment'),
	order_id text COLLATE "C" REFERENCES @schema@.orders (id),
	amount bigint NOT NULL,
	amount_captured bigint NOT NULL DEFAULT 0,
	amount_refunded bigint NOT NULL DEFAULT 0,
	refund_pending bigint NOT NULL DEFAULT 0,
	currency text NOT NULL,
	status @schema@.payment_status NOT NULL,
	status_since timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (id)
) WITH (fillfactor = 90);
CREATE INDEX payments_order_id_idx ON @schema@.payments (order_id);
COMMENT ON TABLE @schema@.payments IS 'payments; each move is judged by the life cycle of its order';

CREATE TABLE @schema@.refunds (
	id text COLLATE "C" DEFAULT @schema@.paystate_new_id('refund'),
	payment_id text COLLATE "C" NOT NULL REFERENCES @schema@.payments (id),
	amount bigint NOT NULL,
	status @schema@.refund_status NOT NULL DEFAULT 'processed',
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (id)
);
CREATE INDEX refunds_payment_id_idx ON @schema@.refunds (payment_id);
COMMENT ON TABLE @schema@.refunds IS 'refunds of payments, whole or in part';

CREATE TABLE @schema@.order_history (
	order_id text COLLATE "C" NOT NULL REFERENCES @schema@.orders (id),
	seq integer NOT NULL,
	at timestamptz NOT NULL,
	payment_id text COLLATE "C",
	refund_id text COLLATE "C",
	payment_from @schema@.payment_status,
	payment_to @schema@.payment_status,
	refund_to @schema@.refund_status,
	order_from @schema@.order_status,
	order_to @schema@.order_status NOT NULL,
	amount bigint NOT NULL,
	amount_paid bigint NOT NULL,
	attempts integer NOT NULL,
	order_since timestamptz,
	payment_since timestamptz,
	actor text NOT NULL,
	reason text,
	event_id text,
	forced boolean NOT NULL DEFAULT false,
	PRIMARY KEY (order_id, seq)
);
CREATE INDEX order_history_at_idx ON @schema@.order_history USING brin (at);
COMMENT ON TABLE @schema@.order_history IS 'one row a change of an order, written by the guards and never altered';
$text$
$export_tables$;
COMMENT ON FUNCTION paystate.export_tables() IS
	'CREATE TABLE of the four tables, as create_tables makes them with text keys';
