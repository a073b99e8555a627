-- What the clients of the soak call, and what its reader and its end look at.
-- Runs in a database of its own that has the extension; psql variables
-- "orders": how many orders are worked on at a time; "general": whether
-- paystate shall have to write orders by a query.

CREATE SCHEMA soak;
SET search_path = soak;

SELECT paystate.create_tables(schema => 'soak');

\if :general
CREATE FUNCTION count_saves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.notes = jsonb_build_object('saves', coalesce((OLD.notes ->> 'saves')::int, 0) + 1);
	RETURN NEW;
END $$;
CREATE TRIGGER count_saves BEFORE UPDATE ON orders
	FOR EACH ROW EXECUTE FUNCTION count_saves();
\endif

-- The clients' own account of every rupee, in no relation to paystate: written
-- in the transaction that captured or refunded it.
CREATE TABLE ledger (order_id text NOT NULL, kind text NOT NULL, amount bigint NOT NULL);

-- The orders in work.  One on which nothing can happen any more is replaced.
CREATE TABLE slot (n int PRIMARY KEY, order_id text NOT NULL) WITH (fillfactor = 50);

-- Refusals by code; sequences count without locking and across rollbacks.
CREATE SEQUENCE refused_23ps1 MINVALUE 0 START 0;
CREATE SEQUENCE refused_23ps3 MINVALUE 0 START 0;
CREATE SEQUENCE refused_23ps4 MINVALUE 0 START 0;

CREATE FUNCTION new_order() RETURNS text LANGUAGE sql AS $$
	INSERT INTO soak.orders (lifecycle, amount, partial_payment)
	SELECT l, 1000, l = 'razorpay' AND random() < 0.8
	FROM (SELECT (ARRAY['razorpay', 'razorpay', 'paykun', 'plural',
			'plural_preauth'])[1 + floor(random() * 5)::int] AS l) pick
	RETURNING id
$$;

-- Runs one statement.  A refusal for which a race (or bad luck) is reason
-- enough is counted; anything else is the client's end.  40001 and 40P01 go
-- through to pgbench, which tries the transaction again.
CREATE FUNCTION attempt(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION
	WHEN SQLSTATE '23PS1' OR SQLSTATE '23PS3' OR SQLSTATE '23PS4' THEN
		PERFORM nextval(('soak.refused_' || lower(SQLSTATE))::regclass);
END $$;

-- some payment of the order, in the status where one is given
CREATE FUNCTION some_payment(wanted_order text, wanted paystate.payment_status[] DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$
	SELECT id FROM soak.payments
	WHERE order_id = wanted_order AND (wanted IS NULL OR status = ANY (wanted))
	ORDER BY random() LIMIT 1
$$;

-- To be asked once a transaction: the slot may hold another order a moment later.
CREATE FUNCTION order_in(wanted_slot int) RETURNS text LANGUAGE sql AS $$
	SELECT order_id FROM soak.slot WHERE n = wanted_slot
$$;

CREATE FUNCTION insert_payment(wanted_slot int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	in_slot text = soak.order_in(wanted_slot);
	o soak.orders;
BEGIN
	SELECT * INTO o FROM soak.orders WHERE id = in_slot;
	PERFORM soak.attempt(format(
		'INSERT INTO soak.payments (order_id, amount) VALUES (%L, %s)', o.id,
		CASE WHEN o.partial_payment
			THEN (ARRAY[50, 50, 50, 100, 100, 200, 600])[1 + floor(random() * 7)::int]
			WHEN o.lifecycle LIKE 'plural%' AND random() < 0.6
			THEN (ARRAY[100, 200, 300, 400])[1 + floor(random() * 4)::int]
			WHEN o.lifecycle LIKE 'plural%'
			THEN greatest(o.amount_due - o.amount_authorized - o.amount_pending, 100)
			ELSE o.amount END));
END $$;

-- known payments delivered once more, and saves that change nothing
CREATE FUNCTION redeliver(wanted_slot int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	o text = soak.order_in(wanted_slot);
	p text = soak.some_payment(o);
BEGIN
	INSERT INTO soak.payments (id, order_id, amount)
	SELECT id, order_id, amount FROM soak.payments WHERE id = p
	ON CONFLICT (id) DO NOTHING;
	UPDATE soak.payments SET status = status WHERE id = p;
	UPDATE soak.orders SET notes = jsonb_build_object('seen', random())
	WHERE id = o;
END $$;

-- Half the time some payment that may well have the status, half the time any:
-- late and wrong moves are part of it.
CREATE FUNCTION move_payment(wanted_slot int, wanted text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	o text = soak.order_in(wanted_slot);
	p text = soak.some_payment(o, CASE WHEN random() < 0.5
		THEN '{created,pending}'::paystate.payment_status[] END);
BEGIN
	PERFORM soak.attempt(format('UPDATE soak.payments SET status = %L WHERE id = %L',
		wanted, p));
END $$;

-- The status is looked at in the statement itself, so that what it returns is
-- what this transaction captured.
CREATE FUNCTION capture(wanted_slot int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	in_slot text = soak.order_in(wanted_slot);
	o soak.orders;
BEGIN
	SELECT * INTO o FROM soak.orders WHERE id = in_slot;
	PERFORM soak.attempt(format($sql$
		WITH done AS (
			UPDATE soak.payments SET status = %L %s
			WHERE id = %L AND status = ANY (%L) RETURNING order_id, amount_captured)
		INSERT INTO soak.ledger SELECT order_id, 'capture', amount_captured FROM done $sql$,
		CASE WHEN o.lifecycle LIKE 'plural%' THEN 'processed' ELSE 'captured' END,
		CASE WHEN o.lifecycle = 'plural_preauth' AND random() < 0.1
			THEN ', amount_captured = 20' END,
		soak.some_payment(o.id, CASE WHEN random() < 0.8 AND o.lifecycle IN ('razorpay', 'plural_preauth')
			THEN '{authorized}' ELSE '{authorized,created,pending}' END::paystate.payment_status[]),
		'{authorized,created,pending}'));
END $$;

CREATE FUNCTION refund(wanted_slot int, wanted text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	o text = soak.order_in(wanted_slot);
BEGIN
	PERFORM soak.attempt(format($sql$
		WITH done AS (
			INSERT INTO soak.refunds (payment_id, amount, status)
			SELECT id, 1 + floor(random() * least(amount_captured, 60))::bigint, %L
			FROM soak.payments WHERE id = %L RETURNING amount, status)
		INSERT INTO soak.ledger SELECT %L, 'refund', amount FROM done
		WHERE status = 'processed' $sql$,
		wanted,
		soak.some_payment(o, ARRAY['captured', 'processed', 'refunded']::paystate.payment_status[]),
		o));
END $$;

-- The rest by setting the status; and a hold given back, which is no money.
CREATE FUNCTION refund_rest(wanted_slot int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	p text = soak.some_payment(soak.order_in(wanted_slot), '{authorized,captured}');
	was soak.payments;
	now_status paystate.payment_status;
BEGIN
	SELECT * INTO was FROM soak.payments WHERE id = p FOR UPDATE;
	PERFORM soak.attempt(format(
		'UPDATE soak.payments SET status = ''refunded'' WHERE id = %L', p));
	SELECT status INTO now_status FROM soak.payments WHERE id = p;
	IF was.status = 'captured' AND now_status = 'refunded' THEN
		INSERT INTO soak.ledger
		VALUES (was.order_id, 'refund', was.amount_captured - was.amount_refunded);
	END IF;
END $$;

CREATE FUNCTION settle_refund(wanted_slot int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	o text = soak.order_in(wanted_slot);
BEGIN
	PERFORM soak.attempt(format($sql$
		WITH done AS (
			UPDATE soak.refunds SET status = %L
			WHERE status = 'pending' AND id = %L RETURNING amount, status)
		INSERT INTO soak.ledger SELECT %L, 'refund', amount FROM done
		WHERE status = 'processed' $sql$,
		CASE WHEN random() < 0.6 THEN 'processed' ELSE 'failed' END,
		(SELECT r.id FROM soak.refunds r JOIN soak.payments p ON p.id = r.payment_id
		 WHERE p.order_id = o AND r.status = 'pending' ORDER BY random() LIMIT 1),
		o));
END $$;

CREATE FUNCTION end_order(wanted_slot int, wanted text) RETURNS void LANGUAGE sql AS $$
	SELECT soak.attempt(format('UPDATE soak.orders SET status = %L WHERE id = %L',
		wanted, soak.order_in(wanted_slot)))
$$;

-- A new order in place of one that is over, or sometimes of one that is paid.
CREATE FUNCTION renew(wanted_slot int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	old_order text = soak.order_in(wanted_slot);
BEGIN
	UPDATE soak.slot SET order_id = soak.new_order()
	WHERE n = wanted_slot AND order_id = old_order AND EXISTS (
		SELECT FROM soak.orders o WHERE o.id = old_order AND (
			o.status IN ('cancelled', 'failed', 'fully_refunded')
			OR o.amount_refunded = o.amount
			OR o.amount_due = 0 AND random() < 0.7
			OR o.attempts > CASE WHEN o.lifecycle LIKE 'plural%' THEN 9 ELSE 30 END
				AND random() < 0.3));
END $$;

-- Every order whose own figures differ from those of its payments and refunds.
CREATE FUNCTION wrong(only_orders text[] DEFAULT NULL)
RETURNS TABLE (order_id text, problem text) LANGUAGE sql STABLE AS $$
	SELECT o.id, concat_ws(', ',
		CASE WHEN (o.amount_paid BETWEEN 0 AND o.amount) IS NOT TRUE THEN 'overpaid' END,
		CASE WHEN o.amount_refunded > o.amount_paid OR p.over THEN 'over-refunded' END,
		CASE WHEN o.amount_paid <> p.captured THEN 'amount_paid' END,
		CASE WHEN o.amount_due <> o.amount - o.amount_paid THEN 'amount_due' END,
		CASE WHEN o.amount_refunded <> p.refunded THEN 'amount_refunded' END,
		CASE WHEN (p.given, p.reserved) <> (r.given, r.reserved) THEN 'refunds' END,
		CASE WHEN o.amount_authorized <> p.held THEN 'amount_authorized' END,
		CASE WHEN o.amount_pending <> p.open THEN 'amount_pending' END,
		CASE WHEN o.payments_open <> p.live THEN 'payments_open' END,
		CASE WHEN (o.version, o.version, o.status, o.amount_paid, o.attempts)
			IS DISTINCT FROM (h.rows, h.top, h.status, h.paid, h.attempts)
			THEN 'history' END)
	FROM soak.orders o
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(amount_captured), 0) AS captured,
			coalesce(sum(amount_refunded), 0) AS given,
			coalesce(sum(amount_refunded) FILTER (WHERE amount_captured > 0), 0) AS refunded,
			coalesce(sum(refund_pending), 0) AS reserved,
			coalesce(sum(amount) FILTER (WHERE status = 'authorized'), 0) AS held,
			coalesce(sum(amount) FILTER (WHERE status IN ('created', 'pending')), 0) AS open,
			count(*) FILTER (WHERE status IN ('created', 'pending', 'authorized')) AS live,
			bool_or(amount_refunded + refund_pending >
				CASE WHEN amount_captured > 0 THEN amount_captured ELSE amount END) AS over
		FROM soak.payments WHERE payments.order_id = o.id) p
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(f.amount) FILTER (WHERE f.status = 'processed'), 0) AS given,
			coalesce(sum(f.amount) FILTER (WHERE f.status = 'pending'), 0) AS reserved
		FROM soak.refunds f JOIN soak.payments q ON q.id = f.payment_id
		WHERE q.order_id = o.id) r
	CROSS JOIN LATERAL (
		SELECT count(*) AS rows, max(seq) AS top,
			(array_agg(order_to ORDER BY seq DESC))[1] AS status,
			(array_agg(amount_paid ORDER BY seq DESC))[1] AS paid,
			(array_agg(attempts ORDER BY seq DESC))[1] AS attempts
		FROM soak.order_history WHERE order_history.order_id = o.id) h
	WHERE (only_orders IS NULL OR o.id = ANY (only_orders))
		AND ((o.amount_paid BETWEEN 0 AND o.amount) IS NOT TRUE
			OR o.amount_refunded > o.amount_paid OR p.over
			OR (o.amount_paid, o.amount_due, o.amount_refunded, p.given, p.reserved)
				<> (p.captured, o.amount - p.captured, p.refunded, r.given, r.reserved)
			OR (o.amount_authorized, o.amount_pending, o.payments_open) <> (p.held, p.open, p.live)
			OR (o.version, o.version, o.status, o.amount_paid, o.attempts)
				IS DISTINCT FROM (h.rows, h.top, h.status, h.paid, h.attempts))
$$;

-- The same against the clients' ledger.
CREATE VIEW wrong_in_ledger AS
SELECT o.id, o.amount_paid, l.captured, o.amount_refunded, l.refunded
FROM orders o
LEFT JOIN (
	SELECT order_id,
		coalesce(sum(amount) FILTER (WHERE kind = 'capture'), 0) AS captured,
		coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded
	FROM ledger GROUP BY order_id) l ON l.order_id = o.id
WHERE (o.amount_paid, o.amount_refunded)
	<> (coalesce(l.captured, 0), coalesce(l.refunded, 0));

-- The reader, in the one snapshot of its transaction: the orders in work one by
-- one; and of all orders the sums, and that those are settled which are paid.
CREATE FUNCTION read_totals() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	w record;
BEGIN
	FOR w IN SELECT * FROM soak.wrong(ARRAY(SELECT order_id FROM soak.slot)) LOOP
		RAISE EXCEPTION 'totals of order % are wrong: %', w.order_id, w.problem;
	END LOOP;
	SELECT o.paid, o.refunded, p.captured, p.returned, o.unsettled INTO w
	FROM (SELECT sum(amount_paid) AS paid, sum(amount_refunded) AS refunded,
			min(id) FILTER (WHERE (amount_due = 0) <> (status IN
				('paid', 'processed', 'partially_refunded', 'fully_refunded'))
				AND (amount_due = 0 OR status IN ('paid', 'processed'))) AS unsettled
		FROM soak.orders) o,
		(SELECT coalesce(sum(amount_captured), 0) AS captured,
			coalesce(sum(amount_refunded) FILTER (WHERE amount_captured > 0), 0) AS returned
		FROM soak.payments) p;
	IF (w.paid, w.refunded) IS DISTINCT FROM (w.captured, w.returned) THEN
		RAISE EXCEPTION 'all orders: % paid and % refunded, but % captured and % returned',
			w.paid, w.refunded, w.captured, w.returned;
	ELSIF w.unsettled IS NOT NULL THEN
		RAISE EXCEPTION 'the status of order % is not that of its money', w.unsettled;
	END IF;
	RETURN 0;
END $$;

INSERT INTO slot SELECT n, new_order() FROM generate_series(1, :orders) n;
