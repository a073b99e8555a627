-- What one writes today: row triggers in PL/pgSQL that do for Razorpay's life
-- cycle what paystate does for any: defaults, legal moves, amounts, currency,
-- derived and immutable columns, the order locked and moved along, a history
-- row.  BEFORE fills in, AFTER judges, and one statement a write.

-- == setup
\ir tables.sql

CREATE FUNCTION fill_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		NEW.amount_due := coalesce(NEW.amount_due, NEW.amount);
		NEW.status := coalesce(NEW.status, 'created');
		NEW.status_since := clock_timestamp();
		NEW.changed_at := NEW.status_since;
	ELSIF NEW.id <> OLD.id THEN
		RAISE EXCEPTION 'the key of order % cannot change', OLD.id;
	END IF;
	RETURN NEW;
END $$;

CREATE FUNCTION judge_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		IF pg_trigger_depth() = 1 AND (
			(NEW.status, NEW.amount_paid, NEW.amount_due, NEW.amount_authorized, NEW.amount_pending, NEW.amount_refunded,
				NEW.attempts, NEW.payments_open, NEW.version, NEW.status_since, NEW.changed_at, NEW.lifecycle,
				NEW.amount, NEW.currency, NEW.created_at)
			IS DISTINCT FROM
			(OLD.status, OLD.amount_paid, OLD.amount_due, OLD.amount_authorized, OLD.amount_pending, OLD.amount_refunded,
				OLD.attempts, OLD.payments_open, OLD.version, OLD.status_since, OLD.changed_at, OLD.lifecycle,
				OLD.amount, OLD.currency, OLD.created_at)) THEN
			RAISE EXCEPTION 'a column of order % is derived or immutable', OLD.id;
		END IF;
		RETURN NULL;
	END IF;
	IF NEW.status <> 'created' OR NEW.amount_due <> NEW.amount OR NEW.amount_paid <> 0 OR NEW.amount_authorized <> 0
		OR NEW.amount_pending <> 0 OR NEW.amount_refunded <> 0 OR NEW.attempts <> 0 OR NEW.payments_open <> 0
		OR NEW.version <> 1 THEN
		RAISE EXCEPTION 'order % must be inserted as created, without payments', NEW.id;
	END IF;
	IF NEW.amount < 100 OR paystate.currency_exponent(NEW.currency) IS NULL THEN
		RAISE EXCEPTION 'order % has a bad amount or currency', NEW.id;
	END IF;
	INSERT INTO order_history (order_id, seq, at, order_to, amount, amount_paid, attempts, actor)
	VALUES (NEW.id, 1, NEW.changed_at, NEW.status, NEW.amount, 0, 0, session_user);
	RETURN NULL;
END $$;

CREATE FUNCTION fill_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		IF NEW.amount IS NULL OR NEW.currency IS NULL THEN
			SELECT coalesce(NEW.amount, o.amount_due), coalesce(NEW.currency, o.currency)
			INTO NEW.amount, NEW.currency FROM orders o WHERE o.id = NEW.order_id;
		END IF;
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

CREATE FUNCTION judge_inserted_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	o orders;
	moment timestamptz;
BEGIN
	IF NEW.status <> 'created' OR NEW.amount_captured <> 0 OR NEW.amount_refunded <> 0 OR NEW.refund_pending <> 0 THEN
		RAISE EXCEPTION 'payment % must be inserted as created', NEW.id;
	END IF;
	SELECT * INTO o FROM orders WHERE id = NEW.order_id FOR NO KEY UPDATE;
	IF o.status NOT IN ('created', 'attempted') OR o.amount_authorized > 0 THEN
		RAISE EXCEPTION 'order % takes no payment', o.id;
	ELSIF NEW.currency <> o.currency THEN
		RAISE EXCEPTION 'payment % has another currency than its order', NEW.id;
	ELSIF NEW.amount <= 0 OR NEW.amount > o.amount_due OR (NEW.amount < o.amount AND NOT o.partial_payment)
		OR (o.amount_paid = 0 AND NEW.amount < o.first_payment_min_amount) THEN
		RAISE EXCEPTION 'payment % has a bad amount', NEW.id;
	END IF;
	moment := greatest(clock_timestamp(), o.changed_at);
	UPDATE orders SET amount_pending = o.amount_pending + NEW.amount, payments_open = o.payments_open + 1,
		version = o.version + 1, changed_at = moment
	WHERE id = NEW.order_id;
	INSERT INTO order_history (order_id, seq, at, payment_id, payment_to, order_from, order_to,
		amount, amount_paid, attempts, order_since, actor)
	VALUES (o.id, o.version + 1, moment, NEW.id, NEW.status, o.status, o.status,
		NEW.amount, o.amount_paid, o.attempts, o.status_since, session_user);
	RETURN NULL;
END $$;

-- The order goes from o to what the same variable says at the end.
CREATE FUNCTION judge_updated_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	o orders;
	was_status paystate.order_status;
	was_since timestamptz;
	moved bigint := OLD.amount;
BEGIN
	IF NEW.amount <> OLD.amount OR NEW.currency <> OLD.currency OR NEW.created_at <> OLD.created_at THEN
		RAISE EXCEPTION 'a column of payment % is immutable', OLD.id;
	END IF;
	IF NEW.status = OLD.status THEN
		IF NEW.amount_captured <> OLD.amount_captured OR NEW.amount_refunded <> OLD.amount_refunded
			OR NEW.refund_pending <> OLD.refund_pending OR NEW.status_since <> OLD.status_since THEN
			RAISE EXCEPTION 'a column of payment % is derived', OLD.id;
		END IF;
		RETURN NULL;
	END IF;
	IF NEW.amount_refunded <> OLD.amount_refunded OR NEW.refund_pending <> OLD.refund_pending
		OR (NEW.status <> 'captured' AND NEW.amount_captured <> OLD.amount_captured) THEN
		RAISE EXCEPTION 'a column of payment % is derived', OLD.id;
	END IF;
	SELECT * INTO o FROM orders WHERE id = NEW.order_id FOR NO KEY UPDATE;
	was_status := o.status;
	was_since := o.status_since;
	IF o.status NOT IN ('created', 'attempted') THEN
		RAISE EXCEPTION 'order % takes no payment', o.id;
	END IF;
	CASE OLD.status::text || '>' || NEW.status::text
		WHEN 'created>authorized' THEN
			o.amount_pending := o.amount_pending - OLD.amount;
			o.amount_authorized := o.amount_authorized + OLD.amount;
			o.attempts := o.attempts + 1;
			o.status := 'attempted';
		WHEN 'created>failed' THEN
			o.amount_pending := o.amount_pending - OLD.amount;
			o.payments_open := o.payments_open - 1;
			o.attempts := o.attempts + 1;
			o.status := 'attempted';
		WHEN 'failed>authorized' THEN
			o.amount_authorized := o.amount_authorized + OLD.amount;
			o.payments_open := o.payments_open + 1;
		WHEN 'authorized>captured' THEN
			IF NEW.amount_captured <> OLD.amount OR OLD.amount > o.amount_due THEN
				RAISE EXCEPTION 'payment % must be captured whole', OLD.id;
			END IF;
			o.amount_authorized := o.amount_authorized - OLD.amount;
			o.amount_paid := o.amount_paid + OLD.amount;
			o.amount_due := o.amount_due - OLD.amount;
			o.payments_open := o.payments_open - 1;
			o.status := CASE WHEN o.amount_due = 0 THEN 'paid' ELSE 'attempted' END;
		ELSE
			RAISE EXCEPTION 'payment % cannot move from % to %', OLD.id, OLD.status, NEW.status;
	END CASE;
	o.changed_at := greatest(clock_timestamp(), o.changed_at);
	IF o.status <> was_status THEN
		o.status_since := o.changed_at;
	END IF;
	UPDATE orders SET amount_pending = o.amount_pending, amount_authorized = o.amount_authorized,
		amount_paid = o.amount_paid, amount_due = o.amount_due, payments_open = o.payments_open,
		attempts = o.attempts, status = o.status, status_since = o.status_since, changed_at = o.changed_at,
		version = o.version + 1
	WHERE id = NEW.order_id;
	INSERT INTO order_history (order_id, seq, at, payment_id, payment_from, payment_to, order_from, order_to,
		amount, amount_paid, attempts, order_since, payment_since, actor)
	VALUES (o.id, o.version + 1, o.changed_at, NEW.id, OLD.status, NEW.status, was_status, o.status,
		moved, o.amount_paid, o.attempts, was_since, OLD.status_since, session_user);
	RETURN NULL;
END $$;

CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION fill_order();
CREATE TRIGGER judge AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION judge_order();
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION fill_payment();
CREATE TRIGGER judge_inserted AFTER INSERT ON payments FOR EACH ROW EXECUTE FUNCTION judge_inserted_payment();
CREATE TRIGGER judge_updated AFTER UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION judge_updated_payment();

-- The application writes what it writes with paystate.
-- == others paystate
