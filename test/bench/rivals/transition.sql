-- PL/pgSQL with transition tables: statement triggers that judge all rows of
-- a statement together and write orders and history set by set.  Razorpay's
-- life cycle; several payments of one order in one statement are counted
-- together, which is why each order is aggregated first.

-- == setup
\ir tables.sql

CREATE FUNCTION fill_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.amount_due := coalesce(NEW.amount_due, NEW.amount);
	NEW.status := coalesce(NEW.status, 'created');
	NEW.status_since := clock_timestamp();
	NEW.changed_at := NEW.status_since;
	RETURN NEW;
END $$;

CREATE FUNCTION judge_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM new_rows WHERE status <> 'created' OR amount_due <> amount OR amount_paid <> 0
			OR amount_authorized <> 0 OR amount_pending <> 0 OR amount_refunded <> 0 OR attempts <> 0
			OR payments_open <> 0 OR version <> 1 OR amount < 100 OR paystate.currency_exponent(currency) IS NULL) THEN
		RAISE EXCEPTION 'an order must be inserted as created, with a good amount and currency';
	END IF;
	INSERT INTO order_history (order_id, seq, at, order_to, amount, amount_paid, attempts, actor)
	SELECT id, 1, changed_at, status, amount, 0, 0, session_user FROM new_rows;
	RETURN NULL;
END $$;

-- The orders' own columns: one row trigger, for a join of old and new rows by
-- each update of ours would cost more.
CREATE FUNCTION protect_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF pg_trigger_depth() = 1 AND (
		(NEW.id, NEW.status, NEW.amount_paid, NEW.amount_due, NEW.amount_authorized, NEW.amount_pending, NEW.amount_refunded,
			NEW.attempts, NEW.payments_open, NEW.version, NEW.status_since, NEW.changed_at, NEW.lifecycle,
			NEW.amount, NEW.currency, NEW.created_at)
		IS DISTINCT FROM
		(OLD.id, OLD.status, OLD.amount_paid, OLD.amount_due, OLD.amount_authorized, OLD.amount_pending, OLD.amount_refunded,
			OLD.attempts, OLD.payments_open, OLD.version, OLD.status_since, OLD.changed_at, OLD.lifecycle,
			OLD.amount, OLD.currency, OLD.created_at)) THEN
		RAISE EXCEPTION 'a column of order % is derived or immutable', OLD.id;
	END IF;
	RETURN NEW;
END $$;

CREATE FUNCTION fill_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		NEW.status := coalesce(NEW.status, 'created');
		NEW.status_since := clock_timestamp();
	ELSIF NEW.id <> OLD.id OR NEW.order_id <> OLD.order_id THEN
		RAISE EXCEPTION 'the key of payment % cannot change', OLD.id;
	ELSIF NEW.status <> OLD.status THEN
		NEW.status_since := clock_timestamp();
		IF NEW.status = 'captured' AND NEW.amount_captured = 0 THEN
			NEW.amount_captured := NEW.amount;
		END IF;
	END IF;
	RETURN NEW;
END $$;

CREATE FUNCTION judge_inserted_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM orders WHERE id IN (SELECT order_id FROM new_rows) ORDER BY id FOR NO KEY UPDATE;
	IF EXISTS (SELECT FROM new_rows n JOIN orders o ON o.id = n.order_id
		WHERE n.status <> 'created' OR n.amount_captured <> 0 OR n.amount_refunded <> 0 OR n.refund_pending <> 0
			OR o.status NOT IN ('created', 'attempted') OR o.amount_authorized > 0 OR n.currency <> o.currency
			OR n.amount <= 0 OR n.amount > o.amount_due OR (n.amount < o.amount AND NOT o.partial_payment)
			OR (o.amount_paid = 0 AND n.amount < o.first_payment_min_amount)) THEN
		RAISE EXCEPTION 'a payment is not as its order takes it';
	END IF;
	WITH o AS (
		UPDATE orders SET amount_pending = amount_pending + n.pending, payments_open = payments_open + n.n,
			version = version + n.n, changed_at = greatest(clock_timestamp(), changed_at)
		FROM (SELECT order_id, sum(amount)::bigint AS pending, count(*)::int AS n FROM new_rows GROUP BY order_id) n
		WHERE id = n.order_id
		RETURNING id, version - n.n AS version, changed_at, status, amount_paid, attempts, status_since
	)
	INSERT INTO order_history (order_id, seq, at, payment_id, payment_to, order_from, order_to,
		amount, amount_paid, attempts, order_since, actor)
	SELECT o.id, o.version + row_number() OVER (PARTITION BY o.id ORDER BY n.id), o.changed_at, n.id, n.status,
		o.status, o.status, n.amount, o.amount_paid, o.attempts, o.status_since, session_user
	FROM new_rows n JOIN o ON o.id = n.order_id;
	RETURN NULL;
END $$;

-- Where two payments of one order move in one statement the history has the
-- order's state after both.
CREATE FUNCTION judge_updated_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM orders WHERE id IN (SELECT order_id FROM new_rows) ORDER BY id FOR NO KEY UPDATE;
	IF EXISTS (SELECT FROM old_rows b JOIN new_rows n ON n.id = b.id JOIN orders o ON o.id = n.order_id
		WHERE n.amount <> b.amount OR n.currency <> b.currency OR n.created_at <> b.created_at
			OR n.amount_refunded <> b.amount_refunded OR n.refund_pending <> b.refund_pending
			OR n.status = b.status AND (n.amount_captured <> b.amount_captured OR n.status_since <> b.status_since)
			OR n.status <> b.status AND (o.status NOT IN ('created', 'attempted')
				OR (b.status::text || '>' || n.status::text)
					NOT IN ('created>authorized', 'created>failed', 'failed>authorized', 'authorized>captured')
				OR n.status <> 'captured' AND n.amount_captured <> b.amount_captured
				OR n.status = 'captured' AND (n.amount_captured <> b.amount OR b.amount > o.amount_due))) THEN
		RAISE EXCEPTION 'a payment cannot move so';
	END IF;
	WITH moved AS (
		SELECT n.order_id, n.id, n.amount, b.status AS payment_from, n.status AS payment_to, b.status_since
		FROM old_rows b JOIN new_rows n ON n.id = b.id WHERE n.status <> b.status
	), before AS (
		SELECT id, status, status_since FROM orders WHERE id IN (SELECT order_id FROM moved)
	), o AS (
		UPDATE orders SET
			amount_pending = amount_pending - m.pending, amount_authorized = amount_authorized + m.authorized,
			amount_paid = amount_paid + m.paid, amount_due = amount_due - m.paid,
			payments_open = payments_open + m.open, attempts = orders.attempts + m.attempts,
			status = CASE WHEN amount_due = m.paid THEN 'paid' ELSE 'attempted' END::paystate.order_status,
			status_since = CASE WHEN status <> CASE WHEN amount_due = m.paid THEN 'paid' ELSE 'attempted' END::paystate.order_status
				THEN greatest(clock_timestamp(), changed_at) ELSE status_since END,
			version = version + m.n, changed_at = greatest(clock_timestamp(), changed_at)
		FROM (SELECT order_id, count(*)::int AS n,
				coalesce(sum(amount) FILTER (WHERE payment_from = 'created'), 0)::bigint AS pending,
				(coalesce(sum(amount) FILTER (WHERE payment_to = 'authorized'), 0)
					- coalesce(sum(amount) FILTER (WHERE payment_from = 'authorized'), 0))::bigint AS authorized,
				coalesce(sum(amount) FILTER (WHERE payment_to = 'captured'), 0)::bigint AS paid,
				(count(*) FILTER (WHERE payment_from = 'failed')
					- count(*) FILTER (WHERE payment_to IN ('captured', 'failed')))::int AS open,
				count(*) FILTER (WHERE payment_from = 'created')::int AS attempts
			FROM moved GROUP BY order_id) m
		WHERE id = m.order_id
		RETURNING id, version - m.n AS version, changed_at, status, amount_paid, orders.attempts AS attempts
	)
	INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
		amount, amount_paid, attempts, order_since, payment_since, actor)
	SELECT o.id, o.version + row_number() OVER (PARTITION BY o.id ORDER BY m.id), o.changed_at, m.id,
		m.payment_from, m.payment_to, b.status, o.status, m.amount, o.amount_paid, o.attempts,
		b.status_since, m.status_since, session_user
	FROM moved m JOIN o ON o.id = m.order_id JOIN before b ON b.id = o.id;
	RETURN NULL;
END $$;

CREATE TRIGGER fill BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION fill_order();
CREATE TRIGGER protect BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION protect_order();
CREATE TRIGGER judge AFTER INSERT ON orders REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION judge_orders();
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION fill_payment();
CREATE TRIGGER judge_inserted AFTER INSERT ON payments REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION judge_inserted_payments();
CREATE TRIGGER judge_updated AFTER UPDATE ON payments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION judge_updated_payments();

-- The application writes what it writes with paystate.
-- == others paystate
