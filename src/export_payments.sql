-- export_payments: the text of the guards of payments and of refunds

CREATE FUNCTION paystate.export_guard_payments() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_guard_payments$
	SELECT $text$
CREATE FUNCTION @schema@.paystate_fill_payment() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	o		@schema@.orders;
	due		bigint;
	implied	record;
BEGIN
	IF TG_OP = 'UPDATE' THEN
		IF NEW.id IS DISTINCT FROM OLD.id THEN
			PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, 'id', false);
		ELSIF NEW.order_id IS DISTINCT FROM OLD.order_id THEN
			PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, 'order_id', false);
		ELSIF NEW.status <> OLD.status THEN
			IF NEW.status_since IS NOT DISTINCT FROM OLD.status_since THEN
				NEW.status_since := clock_timestamp();
			END IF;
			implied := @schema@.paystate_implied(OLD, NEW.status);
			IF coalesce(NEW.amount_captured, 0) = 0 AND (implied.captured <> OLD.amount_captured
					OR NEW.amount_captured IS NULL AND @schema@.paystate_payment_role(NEW.status) = 'settled') THEN
				NEW.amount_captured := implied.captured;
			END IF;
			IF NEW.amount_refunded = OLD.amount_refunded THEN
				NEW.amount_refunded := implied.refunded;
			END IF;
		END IF;
		RETURN NEW;
	END IF;
	IF NEW.amount IS NULL OR NEW.currency IS NULL OR NEW.status IS NULL THEN
		SELECT * INTO o FROM @schema@.orders WHERE id = NEW.order_id;
		due := @due@;
		NEW.amount := coalesce(NEW.amount, CASE WHEN due > 0 THEN due ELSE o.amount END, 0);
		NEW.currency := coalesce(NEW.currency, o.currency, 'INR');
		NEW.status := coalesce(NEW.status, @payment_initial@);
	END IF;
	NEW.amount_captured := coalesce(NEW.amount_captured, 0);
	NEW.amount_refunded := coalesce(NEW.amount_refunded, 0);
	NEW.refund_pending := coalesce(NEW.refund_pending, 0);
	NEW.status_since := coalesce(NEW.status_since, clock_timestamp());
	RETURN NEW;
END
@tag@;

-- The payment as paystate_settle() writes it: as the history says that its
-- order does not count yet, and nothing else touched.
CREATE FUNCTION @schema@.paystate_is_settled(was @schema@.payments, p @schema@.payments) RETURNS boolean
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	RETURN (p.amount, p.amount_captured, p.currency, p.created_at)
			IS NOT DISTINCT FROM (was.amount, was.amount_captured, was.currency, was.created_at)
		AND EXISTS (
			SELECT FROM @schema@.orders AS o JOIN @schema@.order_history AS h
				ON h.order_id = o.id AND h.seq > o.version
			WHERE o.id = p.order_id AND h.payment_id = p.id
				AND h.payment_from = was.status AND h.payment_to = p.status
				AND p.amount_refunded - was.amount_refunded =
					CASE h.refund_to WHEN 'processed' THEN h.amount ELSE 0 END
				AND p.refund_pending - was.refund_pending IN (
					CASE h.refund_to WHEN 'pending' THEN h.amount WHEN 'failed' THEN -h.amount ELSE 0 END,
					CASE h.refund_to WHEN 'pending' THEN h.amount WHEN 'failed' THEN -h.amount
						WHEN 'processed' THEN -h.amount ELSE 0 END));
END
@tag@;

CREATE FUNCTION @schema@.paystate_guard_payment() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	operation	CONSTANT text := lower(TG_OP);
	o			@schema@.orders;
	p			@schema@.payments := NEW;
	h			@schema@.order_history;
	v			record;
	implied		record;
	judged		record;
	kind		text := 'insert';
	field		text;
	elapsed		interval;
	returned	boolean := false;
BEGIN
	IF TG_OP = 'UPDATE' THEN
		IF pg_trigger_depth() > 1 AND @schema@.paystate_is_settled(OLD, NEW) THEN
			RETURN NULL;
		END IF;
		field := CASE
			WHEN NEW.amount <> OLD.amount THEN 'amount'
			WHEN NEW.currency <> OLD.currency THEN 'currency'
			WHEN NEW.created_at <> OLD.created_at THEN 'created_at'
		END;
		IF field IS NOT NULL THEN
			PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, field, false);
		END IF;
		kind := 'move';
		p := OLD;
		IF NEW.status = OLD.status THEN
			field := CASE
				WHEN NEW.amount_captured <> OLD.amount_captured THEN 'amount_captured'
				WHEN NEW.refund_pending <> OLD.refund_pending THEN 'refund_pending'
				WHEN NEW.status_since <> OLD.status_since THEN 'status_since'
				WHEN NEW.amount_refunded <> OLD.amount_refunded THEN 'amount_refunded'
			END;
			IF field IS NOT NULL THEN
				PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, field, true);
			END IF;
			RETURN NULL;
		END IF;
	END IF;

	-- Above READ COMMITTED this fails with 40001 where the order has changed
	-- since the snapshot; it is written by every event, never only locked.
	IF NEW.order_id IS NOT NULL THEN
		SELECT * INTO o FROM @schema@.orders WHERE id = NEW.order_id FOR NO KEY UPDATE;
		IF NOT FOUND THEN
			PERFORM @schema@.paystate_refuse_missing(TG_TABLE_NAME, 'order_id', 'orders', NEW.order_id);
		END IF;
	END IF;

	-- beside a change of status, what that implies; only what is captured is
	-- the writer's to say, at a capture
	IF TG_OP = 'INSERT' THEN
		field := CASE
			WHEN NEW.amount_captured <> 0 THEN 'amount_captured'
			WHEN NEW.amount_refunded <> 0 THEN 'amount_refunded'
			WHEN NEW.refund_pending <> 0 THEN 'refund_pending'
		END;
	ELSE
		implied := @schema@.paystate_implied(OLD, NEW.status);
		field := CASE
			WHEN NEW.amount_captured <> implied.captured
				AND NOT coalesce(@schema@.paystate_payment_role(NEW.status) = 'settled'
					AND @schema@.paystate_payment_role(OLD.status) IS DISTINCT FROM 'settled', false) THEN 'amount_captured'
			WHEN NEW.amount_refunded <> implied.refunded THEN 'amount_refunded'
			WHEN NEW.refund_pending <> OLD.refund_pending THEN 'refund_pending'
		END;
	END IF;
	IF field IS NULL AND NOT @schema@.paystate_is_clock(NEW.status_since) THEN
		field := 'status_since';
	END IF;
	IF field IS NOT NULL THEN
		PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, field, true);
	END IF;

	IF TG_OP = 'INSERT' THEN
		h.amount := NEW.amount;
	ELSE
		-- A payment moves from where it was judged to be, which its newest row
		-- of history says: a statement stores all its rows before the first is
		-- judged.  One that a cascade counted since it was stored is done.
		IF o.id IS NOT NULL THEN
			SELECT l.payment_from, l.payment_to, l.at INTO judged FROM @schema@.order_history AS l
			WHERE l.order_id = o.id AND l.payment_id = NEW.id ORDER BY l.seq DESC LIMIT 1;
			IF judged.payment_to IS DISTINCT FROM OLD.status THEN
				IF judged.payment_to = NEW.status AND judged.payment_from = OLD.status AND judged.at >= NEW.status_since THEN
					RETURN NULL;
				END IF;
				p.status := judged.payment_to;
				PERFORM @schema@.paystate_refuse(operation, TG_TABLE_NAME, o, p, kind, NEW.status::text, NULL,
					'23PS1', 'unjudged', NULL);
			END IF;
		END IF;
		elapsed := clock_timestamp() - OLD.status_since;
		h.amount := @schema@.paystate_move_amount(OLD, NEW.status, NEW.amount_captured);
		h.payment_from := OLD.status;
		h.payment_since := OLD.status_since;
	END IF;

	IF o.id IS NULL THEN
		v := @schema@.paystate_advance_lonely(p, kind, NEW.status, h.amount, false,
			@schema@.paystate_currency_ok(NEW.currency), elapsed);
	ELSE
		v := @schema@.paystate_advance(o, p, kind, NEW.status, h.amount, false,
			TG_OP = 'UPDATE' OR NEW.currency = o.currency AND @schema@.paystate_currency_ok(NEW.currency), elapsed);
	END IF;
	IF v.refusal IS NOT NULL THEN
		PERFORM @schema@.paystate_refuse(operation, TG_TABLE_NAME, o, p, kind,
			CASE v.refusal WHEN '23PS5' THEN NEW.currency ELSE NEW.status::text END, h.amount, v.refusal, v.why, elapsed);
	END IF;

	h.payment_id := NEW.id;
	h.payment_to := NEW.status;
	IF v.effects && '{refund, auto_refund}' THEN
		returned := true;
		h.refund_id := @schema@.paystate_new_id('refund');
		h.refund_to := 'processed';
	END IF;
	IF o.id IS NOT NULL THEN
		IF kind = 'move' AND @schema@.paystate_payment_role(NEW.status) NOT IN ('settled', 'returned') THEN
			h.amount := OLD.amount;	-- held, lost, released
		END IF;
		PERFORM @schema@.paystate_settle(o, v.o, h, v.cascade_to, NULL, returned);
	ELSIF returned THEN
		INSERT INTO @schema@.refunds (id, payment_id, amount, status)
		VALUES (h.refund_id, NEW.id, h.amount, h.refund_to);
	END IF;
	RETURN NULL;
END
@tag@;
$text$
$export_guard_payments$;
COMMENT ON FUNCTION paystate.export_guard_payments() IS
	'text of the guard of payments';

CREATE FUNCTION paystate.export_guard_refunds() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_guard_refunds$
	SELECT $text$
CREATE FUNCTION @schema@.paystate_fill_refund() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	IF TG_OP = 'INSERT' THEN
		NEW.status := coalesce(NEW.status, 'processed');
	ELSIF NEW.id IS DISTINCT FROM OLD.id THEN
		PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, 'id', false);
	ELSIF NEW.payment_id IS DISTINCT FROM OLD.payment_id THEN
		PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, 'payment_id', false);
	END IF;
	RETURN NEW;
END
@tag@;

-- The refund that a payment leaves which was set to be refunded, as
-- paystate_settle() writes it; of a payment without an order, the only one.
CREATE FUNCTION @schema@.paystate_is_settled(r @schema@.refunds) RETURNS boolean
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	p	@schema@.payments;
BEGIN
	SELECT * INTO p FROM @schema@.payments WHERE id = r.payment_id;
	IF p.order_id IS NULL THEN
		RETURN r.status = 'processed' AND r.amount = p.amount_refunded
			AND NOT EXISTS (SELECT FROM @schema@.refunds AS x WHERE x.payment_id = r.payment_id AND x.id <> r.id);
	END IF;
	RETURN EXISTS (
		SELECT FROM @schema@.orders AS o JOIN @schema@.order_history AS h
			ON h.order_id = o.id AND h.seq > o.version
		WHERE o.id = p.order_id AND h.payment_id = p.id AND h.refund_id = r.id
			AND h.refund_to = r.status AND h.amount = r.amount AND h.payment_from <> h.payment_to);
END
@tag@;

-- Locks the refund, its payment, the order, in that order.  A payment without
-- an order is never captured, so it has nothing that a refund could take.
CREATE FUNCTION @schema@.paystate_guard_refund() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	operation	CONSTANT text := lower(TG_OP);
	o			@schema@.orders;
	p			@schema@.payments;
	after		@schema@.payments;
	h			@schema@.order_history;
	judged		@schema@.payment_status;
	v			record;
BEGIN
	IF TG_OP = 'UPDATE' THEN
		IF NEW.amount <> OLD.amount THEN
			PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, 'amount', false);
		ELSIF NEW.created_at <> OLD.created_at THEN
			PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, 'created_at', false);
		ELSIF NEW.status = OLD.status THEN
			RETURN NULL;
		END IF;
	ELSIF pg_trigger_depth() > 1 AND @schema@.paystate_is_settled(NEW) THEN
		RETURN NULL;
	END IF;

	SELECT * INTO p FROM @schema@.payments WHERE id = NEW.payment_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		PERFORM @schema@.paystate_refuse_missing(TG_TABLE_NAME, 'payment_id', 'payments', NEW.payment_id);
	END IF;
	IF p.order_id IS NOT NULL THEN
		SELECT * INTO STRICT o FROM @schema@.orders WHERE id = p.order_id FOR NO KEY UPDATE;
		SELECT l.payment_to INTO judged FROM @schema@.order_history AS l
		WHERE l.order_id = o.id AND l.payment_id = p.id ORDER BY l.seq DESC LIMIT 1;
		IF judged <> p.status THEN
			p.status := judged;
			PERFORM @schema@.paystate_refuse(operation, TG_TABLE_NAME, o, p, 'refund', NULL, NULL,
				'23PS1', 'unjudged', NULL);
		END IF;
	END IF;

	IF TG_OP = 'INSERT' AND NEW.status = 'failed' THEN
		PERFORM @schema@.paystate_refuse(operation, TG_TABLE_NAME, o, p, 'refund', NEW.status::text, NULL,
			'23PS2', NULL, NULL);
	ELSIF TG_OP = 'UPDATE' THEN
		IF OLD.status <> 'pending' THEN
			PERFORM @schema@.paystate_refuse(operation, TG_TABLE_NAME, o, p, 'refund',
				format('from "%s" to "%s"', OLD.status, NEW.status), NULL, '23PS1', 'final', NULL);
		END IF;
		-- out of what is reserved: it is judged anew
		p.refund_pending := p.refund_pending - NEW.amount;
		IF p.refund_pending < 0 THEN
			PERFORM @schema@.paystate_refuse(operation, TG_TABLE_NAME, o, p, 'refund', NULL, NULL,
				'23PS6', NULL, NULL);
		END IF;
	END IF;

	h.amount := NEW.amount;
	h.refund_id := NEW.id;
	h.refund_to := NEW.status;
	h.payment_id := p.id;
	h.payment_from := p.status;
	h.payment_since := p.status_since;
	IF NEW.status = 'failed' THEN	-- gives back what it had reserved
		h.payment_to := p.status;
		PERFORM @schema@.paystate_settle(o, o, h, NULL, p, false);
		RETURN NULL;
	ELSIF o.id IS NULL THEN
		v := @schema@.paystate_advance_lonely(p, 'refund', NULL, NEW.amount, NEW.status = 'pending', true, NULL);
	ELSE
		v := @schema@.paystate_advance(o, p, 'refund', NULL, NEW.amount, NEW.status = 'pending', true, NULL);
	END IF;
	IF v.refusal IS NOT NULL THEN
		PERFORM @schema@.paystate_refuse(operation, TG_TABLE_NAME, o, p, 'refund', NULL, NEW.amount,
			v.refusal, v.why, NULL);
	END IF;
	after := v.p;
	h.payment_to := after.status;
	PERFORM @schema@.paystate_settle(o, v.o, h, v.cascade_to, after, false);
	RETURN NULL;
END
@tag@;
$text$
$export_guard_refunds$;
COMMENT ON FUNCTION paystate.export_guard_refunds() IS
	'text of the guard of refunds';
