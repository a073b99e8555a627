-- events_tables: which tables, columns and labels an event is about.  Names
-- come from the catalog and from the guards' arguments alone.

-- by_order: the columns that name the order.  Where tables are sharded the key
-- leads with one, and rows are looked for in their order alone.
CREATE FUNCTION paystate.event_table(relation pg_catalog.regclass, guard pg_catalog.regproc,
									 by_order pg_catalog.name[] DEFAULT '{}')
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_table$
DECLARE
	argument	text[];
	places		int2[];			-- of the primary key
	mapped		jsonb;			-- our name by theirs
	described	jsonb;
	in_units	boolean;
BEGIN
	SELECT paystate.known_arguments(g.tgargs) INTO argument
	FROM pg_trigger g
	WHERE g.tgrelid = relation AND NOT g.tgisinternal AND g.tgfoid = guard AND g.tgtype = 29;
	SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] INTO places
	FROM pg_index i WHERE i.indrelid = relation AND i.indisprimary;
	SELECT coalesce(jsonb_object_agg(a.word, a.ours) FILTER (WHERE a.kind = 'column'), '{}'),
		jsonb_build_object('name', relation::text, 'oid', relation::oid::int8,
			'lifecycle', min(a.word) FILTER (WHERE a.kind = 'lifecycle'),
			'labels', coalesce(jsonb_object_agg(a.ours, a.word) FILTER (WHERE a.kind = 'label'), '{}'),
			'meanings', coalesce(jsonb_object_agg(a.word, a.ours) FILTER (WHERE a.kind = 'label'), '{}'))
	INTO mapped, described
	FROM (SELECT split_part(split_part(u, '=', 1), '.', 1), substr(split_part(u, '=', 1), strpos(u, '.') + 1),
			substr(u, strpos(u, '=') + 1)
		  FROM unnest(argument) u) a (kind, ours, word);
	SELECT described || jsonb_build_object(
			'columns', jsonb_object_agg(coalesce(mapped ->> a.attname, a.attname), a.attname)
				FILTER (WHERE mapped ? a.attname::text
						OR a.attname::text <> ALL (ARRAY(SELECT m.value FROM jsonb_each_text(mapped) m))),
			'types', jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)),
			'key', CASE WHEN count(*) FILTER (WHERE k.is_key AND NOT k.apart) = 1
				THEN min(a.attname) FILTER (WHERE k.is_key AND NOT k.apart) END,
			'shard', min(a.attname) FILTER (WHERE k.is_key AND k.apart)),
		bool_or(a.atttypid = 'numeric'::regtype OR a.typtype = 'd')
	INTO described, in_units
	FROM (SELECT t.*, y.typtype FROM pg_attribute t JOIN pg_type y ON y.oid = t.atttypid) a
	CROSS JOIN LATERAL (SELECT coalesce(a.attnum = ANY (places), false), coalesce(a.attname = ANY (by_order), false))
		AS k (is_key, apart)
	WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
	-- the gateway's id is the key where that is text, else it is beside it
	described := described || jsonb_build_object('ref', CASE
		WHEN described -> 'types' ->> (described ->> 'key') ~ '^(text|character varying.*)$'
			THEN described ->> 'key'
		ELSE described -> 'columns' ->> 'gateway_id' END);
	IF described ->> 'ref' IS NULL OR described ->> 'key' IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8',
			MESSAGE = format('table "%s" does not say the gateway''s ids', relation),
			DETAIL = 'A gateway''s event names rows by a key of one text column, the order''s before it where rows are kept by order, or by the column gateway_id.',
			TABLE = relation::text;
	END IF;
	IF NOT in_units THEN
		RETURN described || '{"units": {}}';
	END IF;
	-- numeric money is in units, of so many decimals, and events give subunits
	RETURN described || jsonb_build_object('units', (
		WITH RECURSIVE base AS (
			SELECT c.key AS ours, a.atttypid AS type, a.atttypmod AS typmod
			FROM jsonb_each_text(described -> 'columns') c
			JOIN pg_attribute a ON a.attrelid = relation AND a.attname = c.value
			WHERE c.key IN ('amount', 'amount_captured', 'amount_refunded', 'refund_pending')
			UNION ALL
			SELECT b.ours, d.typbasetype, d.typtypmod FROM base b JOIN pg_type d ON d.oid = b.type AND d.typtype = 'd')
		SELECT coalesce(jsonb_object_agg(b.ours, (b.typmod - 4) & 2047), '{}')
		FROM base b WHERE b.type = 'numeric'::regtype));
END
$event_table$;
COMMENT ON FUNCTION paystate.event_table(pg_catalog.regclass, pg_catalog.regproc, pg_catalog.name[]) IS
	'what record_event() must know of a guarded table: its columns, key and labels';

CREATE FUNCTION paystate.event_tables(orders pg_catalog.regclass)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_tables$
DECLARE
	payments	regclass;
	refunds		regclass;
	inbox		regclass;
	order_id	name;
	payment		jsonb;
	payment_id	name;
	by_order	name[];
BEGIN
	-- one of another owner is none of ours: its triggers would run as whoever calls
	SELECT min(k.conrelid::oid::int8)::oid::regclass INTO payments
	FROM pg_constraint k
	JOIN pg_class c ON c.oid = k.conrelid
	JOIN pg_class o ON o.oid = orders AND o.relowner = c.relowner
	WHERE k.contype = 'f' AND k.confrelid = orders AND k.conparentid = 0
		AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = k.conrelid AND g.tgtype = 29
					AND g.tgfoid = 'paystate.guard_payments()'::regprocedure);
	SELECT min(k.conrelid::oid::int8)::oid::regclass INTO refunds
	FROM pg_constraint k
	JOIN pg_class c ON c.oid = k.conrelid
	JOIN pg_class o ON o.oid = orders AND o.relowner = c.relowner
	WHERE k.contype = 'f' AND k.confrelid = payments AND k.conparentid = 0
		AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = k.conrelid AND g.tgtype = 29
					AND g.tgfoid = 'paystate.guard_refunds()'::regprocedure);
	SELECT c.oid INTO inbox
	FROM pg_class o
	JOIN pg_class c ON c.relnamespace = o.relnamespace AND c.relname = 'order_events'
		AND pg_has_role(c.relowner, o.relowner, 'MEMBER')
	WHERE o.oid = orders;
	IF payments IS NULL OR inbox IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8',
			MESSAGE = format('table "%s" cannot record events', orders),
			DETAIL = CASE WHEN payments IS NULL THEN 'No guarded table of payments references it.'
				ELSE 'There is no table order_events beside it.' END,
			HINT = CASE WHEN payments IS NULL
				THEN 'Name an orders table as create_tables makes it.'
				ELSE 'paystate.create_events makes that table.' END,
			TABLE = orders::text;
	END IF;
	SELECT CASE WHEN cardinality(k.conkey) = 1 THEN a.attname END INTO order_id
	FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
	WHERE k.contype = 'f' AND k.conrelid = payments AND k.confrelid = orders AND k.conparentid = 0 LIMIT 1;
	payment := paystate.event_table(payments, 'paystate.guard_payments', ARRAY[order_id]);
	SELECT min(a.attname) FILTER (WHERE f.attname = payment ->> 'key'),
		coalesce(array_agg(a.attname) FILTER (WHERE f.attname = payment ->> 'shard'), '{}')
	INTO payment_id, by_order
	FROM pg_constraint k
	CROSS JOIN unnest(k.conkey, k.confkey) u (here, there)
	JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.here
	JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.there
	WHERE k.contype = 'f' AND k.conrelid = refunds AND k.confrelid = payments AND k.conparentid = 0;
	RETURN jsonb_build_object('inbox', inbox::text,
		'orders', paystate.event_table(orders, 'paystate.guard_orders'),
		'payments', payment,
		'refunds', paystate.event_table(refunds, 'paystate.guard_refunds', by_order),	-- null: there are none
		'order_id', order_id, 'payment_id', payment_id);
END
$event_tables$;
COMMENT ON FUNCTION paystate.event_tables(pg_catalog.regclass) IS
	'the tables that an event of a gateway moves, as event_table() describes each';

-- Those in SQL have no settings of their own, so that they can be inlined: each
-- event calls them often.

-- column "amount" of table "payments", quoted; NULL where it has none
CREATE FUNCTION paystate.event_column(tables pg_catalog.jsonb, kind pg_catalog.text, ours pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $event_column$
	SELECT pg_catalog.quote_ident(tables OPERATOR(pg_catalog.#>>) ARRAY[kind, 'columns', ours]);
$event_column$;
COMMENT ON FUNCTION paystate.event_column(pg_catalog.jsonb, pg_catalog.text, pg_catalog.text) IS
	'a column of a table by our name for it, quoted';

-- a money column in subunits: 'p.amount', or '(p.amount * 100)::pg_catalog.int8'.
-- What the order's currency makes of one unit, event_handle() puts into tables.
CREATE FUNCTION paystate.event_subunits(tables pg_catalog.jsonb, kind pg_catalog.text,
										ours pg_catalog.text, alias pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE PARALLEL SAFE
AS $event_subunits$
	SELECT CASE WHEN (tables OPERATOR(pg_catalog.#>) ARRAY[kind, 'units', ours]) IS NULL THEN
			pg_catalog.format('%s.%s', alias, paystate.event_column(tables, kind, ours))
		ELSE pg_catalog.format('CAST(%s.%s * %s AS pg_catalog.int8)', alias,
			paystate.event_column(tables, kind, ours), COALESCE(tables OPERATOR(pg_catalog.->>) 'unit', '1')) END;
$event_subunits$;
COMMENT ON FUNCTION paystate.event_subunits(pg_catalog.jsonb, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'SQL that reads a money column in subunits';

-- subunits as such a column holds them; one of fewer decimals than the currency
-- has would round
CREATE FUNCTION paystate.event_units(tables pg_catalog.jsonb, kind pg_catalog.text,
									 ours pg_catalog.text, subunits pg_catalog.text)
	RETURNS pg_catalog.numeric
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $event_units$
DECLARE
	decimals	int4 := tables #>> ARRAY[kind, 'units', ours];
	amount	numeric := subunits;
BEGIN
	IF decimals IS NULL THEN
		RETURN amount;
	END IF;
	amount := amount / (tables ->> 'unit')::numeric;
	IF amount <> round(amount, decimals) THEN
		RAISE EXCEPTION USING ERRCODE = '23PS4', MESSAGE = format(
			'column "%s" of table "%s" cannot hold %s subunits', tables #>> ARRAY[kind, 'columns', ours],
			tables #>> ARRAY[kind, 'name'], subunits);
	END IF;
	RETURN amount;
END
$event_units$;
COMMENT ON FUNCTION paystate.event_units(pg_catalog.jsonb, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'an amount in subunits as a money column holds it';

-- a placeholder as a value of a column's type: '$2::pg_catalog.int8'
CREATE FUNCTION paystate.event_value(tables pg_catalog.jsonb, kind pg_catalog.text,
									 name pg_catalog.text, place pg_catalog.int4)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $event_value$
	SELECT 'CAST($' OPERATOR(pg_catalog.||) CAST(place AS pg_catalog.text) OPERATOR(pg_catalog.||) ' AS '
		OPERATOR(pg_catalog.||) (tables OPERATOR(pg_catalog.#>>) ARRAY[kind, 'types', name])
		OPERATOR(pg_catalog.||) ')';
$event_value$;
COMMENT ON FUNCTION paystate.event_value(pg_catalog.jsonb, pg_catalog.text, pg_catalog.text, pg_catalog.int4) IS
	'a parameter of a statement as a value of a column''s type';

-- a row by one of its columns, and by its order where rows are kept so:
-- 'id = $1 AND order_id = $2'
CREATE FUNCTION paystate.event_row(tables pg_catalog.jsonb, kind pg_catalog.text, name pg_catalog.text,
								   place pg_catalog.int4, order_place pg_catalog.int4)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE PARALLEL SAFE
AS $event_row$
	SELECT pg_catalog.format('%I = %s', name, paystate.event_value(tables, kind, name, place))
		OPERATOR(pg_catalog.||) CASE WHEN (tables OPERATOR(pg_catalog.#>>) ARRAY[kind, 'shard']) IS NULL THEN ''
			ELSE pg_catalog.format(' AND %I = %s', tables OPERATOR(pg_catalog.#>>) ARRAY[kind, 'shard'],
				paystate.event_value(tables, kind, tables OPERATOR(pg_catalog.#>>) ARRAY[kind, 'shard'], order_place)) END;
$event_row$;
COMMENT ON FUNCTION paystate.event_row(pg_catalog.jsonb, pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.int4) IS
	'SQL that finds one row of a table';

-- our label as the shop spells it, and back
CREATE FUNCTION paystate.event_label(tables pg_catalog.jsonb, kind pg_catalog.text,
									 label pg_catalog.text, theirs pg_catalog.bool)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $event_label$
	SELECT COALESCE(tables OPERATOR(pg_catalog.#>>)
		ARRAY[kind, CASE WHEN theirs THEN 'labels' ELSE 'meanings' END, label], label);
$event_label$;
COMMENT ON FUNCTION paystate.event_label(pg_catalog.jsonb, pg_catalog.text, pg_catalog.text, pg_catalog.bool) IS
	'a status as the shop''s own column has it, or back';
