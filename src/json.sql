-- json: an order as its gateway would tell it.  What reads guarded tables by
-- generated SQL finds them here: names come from the catalog, values are
-- parameters, and all of it runs with the caller's rights.

-- Unlike the guards this asks for no guard in canonical shape: reading does no
-- harm, and is wanted most where something is amiss.
CREATE FUNCTION paystate.order_source(
	orders pg_catalog.regclass,
	OUT orders_name pg_catalog.text,
	OUT cells pg_catalog.jsonb,
	OUT history_name pg_catalog.text,
	OUT history_match pg_catalog.text,
	OUT key_columns pg_catalog.text[],
	OUT key_types pg_catalog.text[],
	OUT key_match pg_catalog.text)
	RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $order_source$
DECLARE
	link	record;
	links	integer := 0;
	why		text;
BEGIN
	FOR link IN
		SELECT k.conindid, k.conrelid, k.confrelid, k.conkey, k.confkey, k.conpfeqop
		FROM pg_constraint k
		JOIN pg_class h ON h.oid = k.conrelid
		JOIN pg_class o ON o.oid = k.confrelid
		WHERE k.contype = 'f' AND k.confrelid = orders
			AND NOT h.relispartition AND NOT o.relispartition
			AND h.relowner = o.relowner
			AND EXISTS (SELECT FROM pg_trigger t
						WHERE t.tgrelid = o.oid AND NOT t.tgisinternal
							AND t.tgfoid = 'paystate.guard_orders()'::regprocedure)
			AND EXISTS (SELECT FROM pg_trigger t
						WHERE t.tgrelid = h.oid AND NOT t.tgisinternal
							AND t.tgfoid = 'paystate.guard_history()'::regprocedure)
	LOOP
		links := links + 1;

		-- keys stand in the order of the primary key, and are compared as
		-- the foreign key compares them
		orders_name := link.confrelid::regclass;
		history_name := link.conrelid::regclass;
		SELECT string_agg(format('h.%I %s o.%I', ha.attname, c.equal, oa.attname),
						  ' AND ' ORDER BY i.place),
			array_agg(oa.attname::text ORDER BY i.place),
			array_agg(c.of_type ORDER BY i.place),
			string_agg(format('o.%I %s ($1)[%s]::%s', oa.attname, c.equal, i.place, c.of_type),
					   ' AND ' ORDER BY i.place)
		INTO history_match, key_columns, key_types, key_match
		FROM unnest(link.conkey, link.confkey, link.conpfeqop) k (fk, pk, op)
		JOIN pg_operator p ON p.oid = k.op
		JOIN pg_attribute ha ON ha.attrelid = link.conrelid AND ha.attnum = k.fk
		JOIN pg_attribute oa ON oa.attrelid = link.confrelid AND oa.attnum = k.pk
		JOIN (pg_index x CROSS JOIN unnest(x.indkey) WITH ORDINALITY i (att, place))
			ON x.indexrelid = link.conindid AND i.att = k.pk
		CROSS JOIN LATERAL (VALUES (
			format('OPERATOR(%s.%s)', p.oprnamespace::regnamespace, p.oprname),
			format_type(oa.atttypid, -1))) c (equal, of_type);

		cells := paystate.order_cells(link.confrelid);
		SELECT format('Column "%s" of table "%s" is missing.', n.column_name, c.relname) INTO why
		FROM (VALUES
			(link.confrelid, 'lifecycle'), (link.confrelid, 'amount'),
			(link.confrelid, 'amount_paid'), (link.confrelid, 'amount_due'),
			(link.confrelid, 'status'), (link.confrelid, 'attempts'),
			(link.conrelid, 'at'), (link.conrelid, 'order_from'),
			(link.conrelid, 'order_to'), (link.conrelid, 'order_since')) n (relation, column_name)
		JOIN pg_class c ON c.oid = n.relation
		WHERE CASE WHEN n.relation = link.confrelid THEN cells ->> n.column_name IS NULL
			ELSE NOT EXISTS (SELECT FROM pg_attribute a
							 WHERE a.attrelid = n.relation AND a.attname = n.column_name
								AND NOT a.attisdropped) END
		LIMIT 1;
	END LOOP;

	IF links = 0 THEN
		why := 'It is not a guarded orders table with a guarded history.';
	ELSIF links > 1 THEN
		why := 'More than one foreign key of a guarded history leads to it.';
	END IF;
	IF why IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8',
			MESSAGE = format('table "%s" is not bound to a life cycle',
							 coalesce((SELECT c.relname::text FROM pg_class c WHERE c.oid = orders),
									  orders::oid::text)),
			DETAIL = why,
			HINT = 'Name an orders table as create_tables makes it.';
	END IF;
END
$order_source$;
COMMENT ON FUNCTION paystate.order_source(pg_catalog.regclass) IS
	'how generated SQL reads a bound orders table "o", by key in the text array $1, and its history "h"; 23PS8 for any other table';

CREATE FUNCTION paystate.order_json(
	orders pg_catalog.regclass,
	VARIADIC order_key pg_catalog.text[])
	RETURNS pg_catalog.json
	LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $order_json$
DECLARE
	source	record;
	id		text;
	entity	json;
BEGIN
	SELECT * INTO STRICT source FROM paystate.order_source(orders);
	IF cardinality(order_key) <> cardinality(source.key_columns) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('wrong number of key values for table "%s"',
							 (SELECT c.relname FROM pg_class c WHERE c.oid = orders)),
			DETAIL = format('Expected: %s; given: %s.',
							cardinality(source.key_columns), cardinality(order_key)),
			HINT = format('The key is: %s.', (
				SELECT string_agg(concat_ws(' ', k.key_column, k.key_type), ', ' ORDER BY k.place)
				FROM unnest(source.key_columns, source.key_types)
					WITH ORDINALITY k (key_column, key_type, place)));
	END IF;
	IF array_position(order_key, NULL) IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'argument "order_key" must not be null';
	END IF;

	-- the gateway's own id, where the key is not one; else the key, in one
	-- text if it has several columns and none of them is the id
	id := CASE WHEN 'id' = ANY (source.key_columns) THEN 'o.id::text'
			ELSE (SELECT 'concat_ws('','', ' || string_agg(format('o.%I', k.key_column), ', ' ORDER BY k.place) || ')'
				  FROM unnest(source.key_columns) WITH ORDINALITY k (key_column, place)) END;
	IF source.cells ->> 'gateway_id' IS NOT NULL THEN
		id := format('coalesce(%s::text, %s)', source.cells ->> 'gateway_id', id);
	END IF;

	EXECUTE format($query$
		SELECT row_to_json(e) FROM (
			SELECT %s AS id, 'order' AS entity, %s AS amount, %s AS amount_paid,
				%s AS amount_due, %s AS currency, %s AS receipt, %s AS offer_id,
				%s AS status, %s AS attempts,
				coalesce(nullif(%s::jsonb, '{}'), '[]') AS notes,
				CASE WHEN isfinite(c.created_at)
					THEN floor(date_part('epoch', c.created_at))::bigint END AS created_at
			FROM %s AS o, LATERAL (SELECT %s::timestamptz) AS c (created_at)
			WHERE %s) AS e$query$,
		id,
		source.cells ->> 'amount', source.cells ->> 'amount_paid', source.cells ->> 'amount_due',
		coalesce(source.cells ->> 'currency', quote_literal('INR')),
		coalesce(source.cells ->> 'receipt', 'NULL::text'),
		coalesce(source.cells ->> 'offer_id', 'NULL::text'),
		source.cells ->> 'status', source.cells ->> 'attempts',
		coalesce(source.cells ->> 'notes', 'NULL'), source.orders_name,
		coalesce(source.cells ->> 'created_at', 'NULL'), source.key_match)
	INTO entity USING order_key;
	IF entity IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'no_data_found',
			MESSAGE = format('order "%s" does not exist', array_to_string(order_key, ', ')),
			DETAIL = format('Table "%s" has no row with that key.',
							(SELECT c.relname FROM pg_class c WHERE c.oid = orders));
	END IF;
	RETURN entity;
END
$order_json$;
COMMENT ON FUNCTION paystate.order_json(pg_catalog.regclass, pg_catalog.text[]) IS
	'an order as Razorpay''s order entity; the id is the gateway''s where the table has one, else the key; read with the caller''s rights';
