-- The server's half of the oracle: runs operations, each in a subtransaction,
-- and tells how orders stand.  KEYTYPE, OSTATUS, PSTATUS and RSTATUS are replaced
-- by the types of the tables at hand.

-- rows in the order of their keys
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;

CREATE UNLOGGED TABLE ops (n int, phase int, kind text, a text, b text, c text,
	d text, statements text[]);

-- One operation; 00000, or the SQLSTATEs of a savepoint's joined by commas.
CREATE FUNCTION once(op ops) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	cur refcursor;
	key KEYTYPE;
BEGIN
	CASE op.kind
	WHEN 'S' THEN
		UPDATE payments SET status = op.b::PSTATUS WHERE id = op.a::KEYTYPE;
	WHEN 'P' THEN
		INSERT INTO payments (id, order_id, amount)
			VALUES (op.a::KEYTYPE, op.b::KEYTYPE, op.c::bigint);
	WHEN 'O' THEN
		INSERT INTO orders (id, lifecycle, amount, partial_payment)
			VALUES (op.a::KEYTYPE, op.b, op.c::bigint, op.d::boolean);
	WHEN 'C' THEN
		UPDATE payments SET status = op.b::PSTATUS, amount_captured = op.c::bigint
			WHERE id = op.a::KEYTYPE;
	WHEN 'R' THEN
		INSERT INTO refunds (id, payment_id, amount, status)
			VALUES (op.a::KEYTYPE, op.b::KEYTYPE, op.c::bigint, op.d::RSTATUS);
	WHEN 'T' THEN
		UPDATE refunds SET status = op.b::RSTATUS WHERE id = op.a::KEYTYPE;
	WHEN 'U' THEN
		UPDATE orders SET status = op.b::OSTATUS WHERE id = op.a::KEYTYPE;
	WHEN 'K' THEN
		OPEN cur FOR SELECT id FROM payments WHERE id = op.a::KEYTYPE FOR UPDATE;
		FETCH cur INTO key;
		IF FOUND THEN
			UPDATE payments SET status = op.b::PSTATUS WHERE CURRENT OF cur;
		END IF;
		CLOSE cur;
	WHEN 'V' THEN
		RETURN undone(op.statements);
	ELSE
		EXECUTE op.statements[1];
	END CASE;
	RETURN '00000';
END $$;

-- Runs what was loaded for a phase, each in a subtransaction.
CREATE FUNCTION run(which int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	op ops;
BEGIN
	FOR op IN SELECT * FROM ops WHERE phase = which ORDER BY n LOOP
		BEGIN
			RETURN NEXT once(op);
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT SQLSTATE;
		END;
	END LOOP;
END $$;

-- SAVEPOINT; the statements, each in a subtransaction of its own; ROLLBACK TO.
CREATE FUNCTION undone(statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	codes text[];
BEGIN
	FOREACH statement IN ARRAY statements LOOP
		BEGIN
			EXECUTE statement;
			codes := codes || '00000'::text;
		EXCEPTION WHEN OTHERS THEN
			codes := codes || SQLSTATE;
		END;
	END LOOP;
	RAISE EXCEPTION USING ERRCODE = 'ORACL';
EXCEPTION WHEN SQLSTATE 'ORACL' THEN
	RETURN array_to_string(codes, ',');
END $$;

CREATE FUNCTION payment_text(p payments) RETURNS text LANGUAGE sql STABLE
RETURN concat_ws(' ', p.id, p.status, p.amount, p.amount_captured,
	p.amount_refunded, p.refund_pending, p.currency);

CREATE VIEW stands AS
SELECT o.id, concat_ws('|', o.id, o.lifecycle, o.status, o.amount, o.amount_paid,
		o.amount_due, o.amount_authorized, o.amount_pending, o.amount_refunded,
		o.currency, o.partial_payment::int,
		coalesce(o.first_payment_min_amount, -1), o.attempts, o.payments_open,
		o.version, coalesce(o.receipt, '-'), o.notes) || '|P ' ||
		coalesce(p.list, '') || '|R ' || coalesce(r.list, '') ||
		'|H ' || coalesce(h.list, '') AS digest
FROM orders AS o
CROSS JOIN LATERAL (
	SELECT string_agg(payment_text(p), ',' ORDER BY p.id) AS list
	FROM payments AS p WHERE p.order_id = o.id) AS p
CROSS JOIN LATERAL (
	SELECT string_agg(concat_ws(' ', r.payment_id, r.amount, r.status), ','
		ORDER BY r.payment_id, r.amount, r.status::text) AS list
	FROM payments AS p JOIN refunds AS r ON r.payment_id = p.id
	WHERE p.order_id = o.id) AS r
CROSS JOIN LATERAL (
	SELECT string_agg(concat_ws(' ', h.seq, coalesce(h.payment_id::text, '-'),
		(h.refund_id IS NOT NULL)::int, coalesce(h.refund_to::text, '-'),
		coalesce(h.payment_from::text, '-'), coalesce(h.payment_to::text, '-'),
		coalesce(h.order_from::text, '-'), h.order_to, h.amount, h.amount_paid,
		h.attempts), ',' ORDER BY h.seq) AS list
	FROM order_history AS h WHERE h.order_id = o.id) AS h;

-- payments without an order
CREATE VIEW lonely AS
SELECT p.id, payment_text(p) || '|R ' || coalesce((
	SELECT string_agg(concat_ws(' ', r.amount, r.status), ','
		ORDER BY r.amount, r.status::text)
	FROM refunds AS r WHERE r.payment_id = p.id), '') AS digest
FROM payments AS p WHERE p.order_id IS NULL;

-- A tree of histories: an operation that is to succeed is followed by what
-- may come after it, and by how its order then stands (kind "end"); one that
-- is to be refused stands alone.  Whatever succeeds is undone on the way back.
CREATE UNLOGGED TABLE steps (LIKE ops, code text, key KEYTYPE, digest text, PRIMARY KEY (n));

CREATE FUNCTION difference(step steps) RETURNS text LANGUAGE sql
RETURN (SELECT format('%s: found %s, predicted %s', step.n, s.digest, step.digest)
	FROM stands AS s WHERE s.id = step.key AND s.digest IS DISTINCT FROM step.digest);

-- From one step to the end of its level; goes on where what was predicted is
-- wrong, with the next of the level.
CREATE FUNCTION walk(INOUT at int, INOUT wrong text[]) LANGUAGE plpgsql AS $$
DECLARE
	step steps;
	deeper int;
	code text;
BEGIN
	LOOP
		SELECT * INTO step FROM steps WHERE n = at;
		IF step.n IS NULL OR step.kind = 'end' THEN
			code := difference(step);
			wrong := CASE WHEN code IS NULL THEN wrong ELSE wrong || code END;
			RETURN;
		END IF;
		at := at + 1;
		code := '00000';
		deeper := NULL;
		BEGIN
			PERFORM once((step.n, step.phase, step.kind, step.a, step.b, step.c,
				step.d, step.statements)::ops);
			IF step.code = '00000' THEN
				SELECT * INTO deeper, wrong FROM walk(at, wrong);
			END IF;
			RAISE EXCEPTION USING ERRCODE = 'ORACL';
		EXCEPTION
			WHEN SQLSTATE 'ORACL' THEN NULL;
			WHEN OTHERS THEN code := SQLSTATE;
		END;
		IF code <> step.code AND (step.code <> '?' OR code = '00000') THEN
			wrong := wrong || format('%s: %s, predicted %s', step.n, code, step.code);
		END IF;
		-- past what follows it, up to its end
		at := CASE WHEN step.code = '00000' THEN step.phase ELSE at END;
	END LOOP;
END $$;

-- How an order stands at a root, having got there by operations that count.
CREATE FUNCTION explore() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	at int := 0;
	wrong text[] := '{}';
BEGIN
	SELECT w.at, w.wrong INTO at, wrong FROM walk(0, wrong) AS w;
	RETURN QUERY SELECT unnest(wrong);
END $$;

CREATE PROCEDURE forget() LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	TRUNCATE orders, payments, refunds, order_history, ops, steps;
END $$;

PREPARE pay(text, text) AS
	UPDATE payments SET status = $2::PSTATUS WHERE id = $1::KEYTYPE;
PREPARE add_payment(text, text, bigint) AS
	INSERT INTO payments (id, order_id, amount) VALUES ($1::KEYTYPE, $2::KEYTYPE, $3);
PREPARE add_refund(text, text, bigint, text) AS
	INSERT INTO refunds (id, payment_id, amount, status)
	VALUES ($1::KEYTYPE, $2::KEYTYPE, $3, $4::RSTATUS);
PREPARE move_order(text, text) AS
	UPDATE orders SET status = $2::OSTATUS WHERE id = $1::KEYTYPE;
