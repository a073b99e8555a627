-- One side of the comparison: runs statements, and tells what each ended in
-- and how everything that belongs to its history then stands.

-- rows in the order of their keys
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
SET synchronous_commit = off;

-- undone: the statements stand between a savepoint and its rollback
CREATE TEMPORARY TABLE ops (n int, orders text[], payments text[], undone boolean, statements text[]);
GRANT SELECT ON ops TO PUBLIC;

CREATE FUNCTION pg_temp.once(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text; d text; h text; t text; c text; k text;
BEGIN
	EXECUTE statement;
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT,
		t = TABLE_NAME, c = COLUMN_NAME, k = CONSTRAINT_NAME;
	-- a row that fails its table's own checks is shown with its times
	RETURN regexp_replace(concat_ws('|', SQLSTATE, m, d, h, t, c, k), '\d{4}-\d\d-\d\d [\d:.+]+', '(time)', 'g');
END $$;

CREATE FUNCTION pg_temp.undone(statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text := '';
	statement text;
BEGIN
	FOREACH statement IN ARRAY statements LOOP
		said := said || pg_temp.once(statement) || ' // ';
	END LOOP;
	RAISE EXCEPTION USING ERRCODE = 'UNDON';
EXCEPTION WHEN SQLSTATE 'UNDON' THEN
	RETURN said;
END $$;

-- keys that nobody gave are made by chance
CREATE FUNCTION pg_temp.key(id text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN id LIKE 'k%' THEN id WHEN id IS NOT NULL THEN '(made)' ELSE '-' END;

-- Not times, which differ, but what holds between them.
CREATE FUNCTION pg_temp.stand(orders text[], payments text[]) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT concat_ws(' # ',
		(SELECT string_agg(concat_ws(' ', o.id, o.lifecycle, o.amount, o.amount_paid, o.amount_due, o.amount_authorized,
				o.amount_pending, o.amount_refunded, o.currency, coalesce(o.receipt, '-'), o.partial_payment,
				coalesce(o.first_payment_min_amount, -1), o.notes, o.status, o.attempts, o.payments_open, o.version,
				o.changed_at = h.at, o.status_since = h.entered), ';' ORDER BY o.id)
		 FROM orders AS o CROSS JOIN LATERAL (
			SELECT max(h.at) AS at, max(h.at) FILTER (WHERE h.order_from IS DISTINCT FROM h.order_to) AS entered
			FROM order_history AS h WHERE h.order_id = o.id) AS h
		 WHERE o.id = ANY ($1)),
		(SELECT string_agg(concat_ws(' ', p.id, coalesce(p.order_id, '-'), p.amount, p.amount_captured,
				p.amount_refunded, p.refund_pending, p.currency, p.status), ';' ORDER BY p.id)
		 FROM payments AS p WHERE p.id = ANY ($2)),
		(SELECT string_agg(concat_ws(' ', pg_temp.key(r.id), r.payment_id, r.amount, r.status), ';'
				ORDER BY r.payment_id, pg_temp.key(r.id), r.amount, r.status::text)
		 FROM refunds AS r WHERE r.payment_id = ANY ($2)),
		(SELECT string_agg(concat_ws(' ', h.order_id, h.seq, pg_temp.key(h.payment_id), pg_temp.key(h.refund_id),
				coalesce(h.payment_from::text, '-'), coalesce(h.payment_to::text, '-'),
				coalesce(h.refund_to::text, '-'), coalesce(h.order_from::text, '-'), h.order_to,
				h.amount, h.amount_paid, h.attempts, h.order_since IS NULL, h.payment_since IS NULL,
				h.order_since = (SELECT max(e.at) FROM order_history AS e WHERE e.order_id = h.order_id
					AND e.seq < h.seq AND e.order_from IS DISTINCT FROM e.order_to),
				h.actor, coalesce(h.reason, '-'), coalesce(h.event_id, '-'), h.forced), ';' ORDER BY h.order_id, h.seq)
		 FROM order_history AS h WHERE h.order_id = ANY ($1)))
$$;

CREATE FUNCTION pg_temp.run() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	op record;
	said text;
BEGIN
	FOR op IN SELECT * FROM ops ORDER BY n LOOP
		said := CASE WHEN op.undone THEN pg_temp.undone(op.statements) ELSE pg_temp.once(op.statements[1]) END;
		RETURN NEXT translate(said || ' ## ' || coalesce(pg_temp.stand(op.orders, op.payments), ''), E'\n', ' ');
	END LOOP;
END $$;
