-- expire: what stands for longer than its life cycle lets it

-- A label of the life cycle as a table stores it, and back, as SQL.
CREATE FUNCTION paystate.expire_label(stored pg_catalog.text, labels pg_catalog.jsonb)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $expire_label$
BEGIN
	IF labels = '{}' THEN
		RETURN stored || '::text COLLATE "C"';
	END IF;
	RETURN (SELECT format('(CASE %s::text %s ELSE %1$s::text END) COLLATE "C"', stored,
						  string_agg(format('WHEN %L THEN %L', l.value, l.key), ' '))
			FROM jsonb_each_text(labels) AS l);
END
$expire_label$;
COMMENT ON FUNCTION paystate.expire_label(pg_catalog.text, pg_catalog.jsonb) IS
	'the SQL that makes a label of the life cycle of what a table stores; helper of expire()';

-- The statements of expire(), made of identifiers alone; $1 is the moment.
-- They lock what they find and pass over what is locked, the order with its
-- payment, so that expire() waits for nobody and nobody waits for each other.
CREATE FUNCTION paystate.expire_statements(orders pg_catalog.regclass,
										   OUT payments_relation pg_catalog.regclass,
										   OUT held pg_catalog.text,
										   OUT alone pg_catalog.text,
										   OUT waiting pg_catalog.text,
										   OUT others pg_catalog.text,
										   OUT locked pg_catalog.text,
										   OUT move_payment pg_catalog.text,
										   OUT move_order pg_catalog.text,
										   OUT payment_labels pg_catalog.jsonb,
										   OUT order_labels pg_catalog.jsonb)
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $expire_statements$
DECLARE
	o record;
	p record;
	the_order text;
	no_order text;
	order_lifecycle text;
	order_label text;
	payment_label text;
	created text;
	from_orders text;
	from_payments text;
BEGIN
	SELECT * INTO o FROM paystate.guarded_table(orders);
	IF o.kind <> 'orders' THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8',
			MESSAGE = format('table "%s" is not bound to a life cycle', (SELECT c.relname FROM pg_class AS c WHERE c.oid = orders)),
			DETAIL = format('It is a table of %s.', o.kind), HINT = 'Name an orders table.';
	END IF;
	-- rows of inheritance children are no rows of ours; partitions are
	SELECT CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || c.oid::regclass INTO from_orders
		FROM pg_class AS c WHERE c.oid = orders;
	order_labels := o.labels;
	order_lifecycle := coalesce('o.' || quote_ident(o.columns ->> 'lifecycle') || '::text COLLATE "C"', quote_literal(o.lifecycle));
	order_label := paystate.expire_label('o.' || quote_ident(o.columns ->> 'status'), o.labels);
	created := coalesce('o.' || quote_ident(o.columns ->> 'created_at') || '::timestamptz', 'NULL');

	-- as where the time in a status is counted: an authorization's own limit
	-- comes first, and the late window is for orders whose attempts all failed
	waiting := format($waiting$
		SELECT o.ctid, o.tableoid, l.name AS lifecycle, s.label
		FROM %1$s AS o
		JOIN paystate.lifecycle AS l ON l.name = %2$s
		JOIN paystate.lifecycle_status AS s ON s.lifecycle = l.name AND s.kind = 'order' AND s.label = %3$s
		WHERE s.role IN ('open', 'held')
			AND NOT (o.%4$I > 0 AND l.authorization_expires IS NOT NULL)
			AND least(o.%5$I, %6$s) < $1 - coalesce(l.order_expires,
				CASE WHEN o.%7$I > 0 AND o.%8$I = 0 THEN l.late_window END)
			AND EXISTS (SELECT FROM paystate.lifecycle_transition AS t
				WHERE t.lifecycle = l.name AND t.order_before = s.label
					AND t.payment_event IN ('order:fail', 'order:cancel')
					AND (o.%9$I = 0 OR t.guard NOT LIKE '%%amount\_paid=0%%'))
		FOR NO KEY UPDATE OF o SKIP LOCKED$waiting$,
		from_orders, order_lifecycle, order_label, o.columns ->> 'amount_authorized', o.columns ->> 'status_since',
		created, o.columns ->> 'attempts', o.columns ->> 'payments_open', o.columns ->> 'amount_paid');
	move_order := format('UPDATE %s AS o SET %I = $1::%s WHERE o.ctid = $2 AND o.tableoid = $3', from_orders, o.columns ->> 'status',
		(SELECT format_type(a.atttypid, NULL) FROM pg_attribute AS a WHERE a.attrelid = orders AND a.attname = o.columns ->> 'status'));

	payments_relation := o.payments;
	IF payments_relation IS NULL THEN
		RETURN;
	END IF;
	SELECT * INTO p FROM paystate.guarded_table(payments_relation);
	SELECT CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || c.oid::regclass INTO from_payments
		FROM pg_class AS c WHERE c.oid = payments_relation;
	payment_labels := p.labels;
	payment_label := paystate.expire_label('p.' || quote_ident(p.columns ->> 'status'), p.labels);
	SELECT string_agg(format('o.%I OPERATOR(%s.%s) p.%I', oa.attname, e.oprnamespace::regnamespace, e.oprname, pa.attname), ' AND '),
		string_agg(format('p.%I IS NULL', pa.attname), ' AND ')
		INTO the_order, no_order
		FROM pg_constraint AS k
		CROSS JOIN LATERAL unnest(k.conkey, k.confkey, k.conpfeqop) AS c (here, there, op)
		JOIN pg_operator AS e ON e.oid = c.op
		JOIN pg_attribute AS pa ON pa.attrelid = k.conrelid AND pa.attnum = c.here
		JOIN pg_attribute AS oa ON oa.attrelid = orders AND oa.attnum = c.there
		WHERE k.contype = 'f' AND k.conrelid = payments_relation AND k.confrelid = orders AND k.conparentid = 0;

	held := format($held$
		SELECT p.ctid, p.tableoid, l.name AS lifecycle, s.label, o.ctid AS order_ctid, o.tableoid AS order_tableoid
		FROM %1$s AS p
		JOIN %2$s AS o ON %3$s
		JOIN paystate.lifecycle AS l ON l.name = %4$s
		JOIN paystate.lifecycle_status AS s ON s.lifecycle = l.name AND s.kind = 'payment' AND s.label = %5$s
		WHERE s.role = 'held' AND p.%6$I < $1 - l.authorization_expires
		FOR NO KEY UPDATE OF p, o SKIP LOCKED$held$,
		from_payments, from_orders, the_order, order_lifecycle, payment_label, p.columns ->> 'status_since');
	alone := format($alone$
		SELECT p.ctid, p.tableoid, s.lifecycle, s.label
		FROM %1$s AS p
		JOIN paystate.lifecycle_status AS s ON s.lifecycle = %2$L AND s.kind = 'payment' AND s.label = %3$s
		WHERE s.role = 'held' AND %4$s
		FOR NO KEY UPDATE OF p SKIP LOCKED$alone$,
		from_payments, p.lifecycle, payment_label, no_order);

	-- live payments of an order: all of them, and those that are free to lock
	others := format($others$
		FROM %1$s AS p
		JOIN %2$s AS o ON %3$s
		JOIN paystate.lifecycle_status AS s ON s.lifecycle = %4$s AND s.kind = 'payment' AND s.label = %5$s
		WHERE s.role IN ('open', 'held') AND o.ctid = $1 AND o.tableoid = $2$others$,
		from_payments, from_orders, the_order, order_lifecycle, payment_label);
	locked := 'SELECT count(*) FROM (SELECT' || others || ' FOR NO KEY UPDATE OF p SKIP LOCKED) AS n';
	others := 'SELECT count(*)' || others;
	move_payment := format('UPDATE %s AS p SET %I = $1::%s WHERE p.ctid = $2 AND p.tableoid = $3', from_payments, p.columns ->> 'status',
		(SELECT format_type(a.atttypid, NULL) FROM pg_attribute AS a WHERE a.attrelid = payments_relation AND a.attname = p.columns ->> 'status'));
END
$expire_statements$;
COMMENT ON FUNCTION paystate.expire_statements(pg_catalog.regclass) IS
	'the statements by which expire() finds, locks and moves; its helper';

-- Where an authorization may go that is not captured: given back rather than
-- voided, voided rather than failed.
CREATE FUNCTION paystate.expire_ways(lifecycle pg_catalog.text, label pg_catalog.text)
	RETURNS pg_catalog.text[]
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $expire_ways$
	SELECT ARRAY(SELECT s.label FROM paystate.lifecycle_status AS s
		WHERE s.lifecycle = expire_ways.lifecycle AND s.kind = 'payment' AND s.role IN ('returned', 'dead')
			AND EXISTS (SELECT FROM paystate.lifecycle_transition AS t
				WHERE t.lifecycle = s.lifecycle AND t.payment_event = expire_ways.label || '>' || s.label)
		ORDER BY s.role = 'returned' DESC, s.label = 'cancelled' DESC, s.label)
$expire_ways$;
COMMENT ON FUNCTION paystate.expire_ways(pg_catalog.text, pg_catalog.text) IS
	'statuses into which rules lead an authorized payment without a capture, best first; helper of expire()';

-- One row to the first of some statuses that the guard lets it into.  Another
-- error than a refusal goes on as it came.
CREATE FUNCTION paystate.expire_one(statement pg_catalog.text,
									statuses pg_catalog.text[],
									labels pg_catalog.jsonb,
									place pg_catalog.tid,
									relation pg_catalog.oid)
	RETURNS pg_catalog.int8
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $expire_one$
DECLARE
	status text;
	moved bigint;
BEGIN
	FOREACH status IN ARRAY statuses LOOP
		BEGIN
			EXECUTE statement USING coalesce(labels ->> status, status), place, relation;
			GET DIAGNOSTICS moved = ROW_COUNT;
			RETURN moved;
		EXCEPTION
			WHEN SQLSTATE '23PS1' OR SQLSTATE '23PS3' OR SQLSTATE '23PS4' THEN NULL;
		END;
	END LOOP;
	RETURN 0;
END
$expire_one$;
COMMENT ON FUNCTION paystate.expire_one(pg_catalog.text, pg_catalog.text[], pg_catalog.jsonb, pg_catalog.tid, pg_catalog.oid) IS
	'moves one row to the first of some statuses that its guard lets it into; helper of expire()';

-- It runs as the caller, who must own the tables; nobody is given it by
-- default.  A policy that hides rows is an error, not a smaller batch.
CREATE FUNCTION paystate.expire(orders pg_catalog.regclass,
								batch pg_catalog.int4 DEFAULT 1000)
	RETURNS pg_catalog.int8
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET row_security = off
	SET paystate.reason = 'expired'
AS $expire$
DECLARE
	root CONSTANT regclass := coalesce(pg_partition_root(orders), orders);
	moment CONSTANT timestamptz := clock_timestamp();
	s record;
	r record;
	all_others bigint;
	free_others bigint;
	moved bigint := 0;
BEGIN
	IF batch < 0 THEN
		RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'argument "batch" must not be negative';
	END IF;
	SELECT * INTO s FROM paystate.expire_statements(root);
	IF NOT (SELECT pg_has_role(current_user, c.relowner, 'USAGE') FROM pg_class AS c WHERE c.oid = root) THEN
		RAISE EXCEPTION USING ERRCODE = '42501',
			MESSAGE = format('must be owner of table %s', (SELECT c.relname FROM pg_class AS c WHERE c.oid = root));
	END IF;

	-- authorizations that nobody captured: given back, voided, else failed
	IF s.held IS NOT NULL AND batch > 0
		AND EXISTS (SELECT FROM paystate.lifecycle AS l WHERE l.authorization_expires IS NOT NULL) THEN
		FOR r IN EXECUTE s.held USING moment LOOP
			EXECUTE s.others INTO all_others USING r.order_ctid, r.order_tableoid;
			EXECUTE s.locked INTO free_others USING r.order_ctid, r.order_tableoid;
			CONTINUE WHEN free_others < all_others;
			moved := moved + paystate.expire_one(s.move_payment,
				paystate.expire_ways(r.lifecycle, r.label), s.payment_labels, r.ctid, r.tableoid);
			EXIT WHEN moved >= batch;
		END LOOP;
	END IF;

	-- authorizations of no order can never be captured
	IF s.alone IS NOT NULL AND moved < batch THEN
		FOR r IN EXECUTE s.alone LOOP
			moved := moved + paystate.expire_one(s.move_payment,
				paystate.expire_ways(r.lifecycle, r.label), s.payment_labels, r.ctid, r.tableoid);
			EXIT WHEN moved >= batch;
		END LOOP;
	END IF;

	-- orders without an outcome
	IF moved < batch AND EXISTS (SELECT FROM paystate.lifecycle AS l
			WHERE l.order_expires IS NOT NULL OR l.late_window IS NOT NULL) THEN
		FOR r IN EXECUTE s.waiting USING moment LOOP
			IF s.others IS NOT NULL THEN
				EXECUTE s.others INTO all_others USING r.ctid, r.tableoid;
				EXECUTE s.locked INTO free_others USING r.ctid, r.tableoid;
				CONTINUE WHEN free_others < all_others;
			END IF;
			moved := moved + paystate.expire_one(s.move_order, '{failed,cancelled}',
				s.order_labels, r.ctid, r.tableoid);
			EXIT WHEN moved >= batch;
		END LOOP;
	END IF;
	RETURN moved;
END
$expire$;
COMMENT ON FUNCTION paystate.expire(pg_catalog.regclass, pg_catalog.int4) IS
	'moves at most so many orders and authorizations as stand for longer than their life cycle lets them, and gives back authorizations without an order; passes over what is locked; returns how many it moved';
