-- export_orders: the text of the guard of orders.  BEFORE fills in, AFTER
-- judges the row as stored, as the guards in C do.

CREATE FUNCTION paystate.export_guard_orders() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_guard_orders$
	SELECT $text$
CREATE FUNCTION @schema@.paystate_fill_order() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	moment	CONSTANT timestamptz := CASE
		WHEN @schema@.paystate_is_clock(NEW.changed_at) THEN NEW.changed_at
		WHEN @schema@.paystate_is_clock(NEW.status_since) THEN NEW.status_since
		ELSE clock_timestamp() END;
BEGIN
	IF NEW.lifecycle <> @lifecycle@ THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8',
			MESSAGE = format('life cycle "%s" does not exist', NEW.lifecycle),
			HINT = format('The orders of this table follow life cycle "%s".', @lifecycle@),
			SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'lifecycle', CONSTRAINT = 'paystate_bound';
	END IF;
	NEW.status := coalesce(NEW.status, @order_initial@);
	NEW.amount_due := coalesce(NEW.amount_due, NEW.amount);
	NEW.amount_paid := coalesce(NEW.amount_paid, 0);
	NEW.amount_authorized := coalesce(NEW.amount_authorized, 0);
	NEW.amount_pending := coalesce(NEW.amount_pending, 0);
	NEW.amount_refunded := coalesce(NEW.amount_refunded, 0);
	NEW.attempts := coalesce(NEW.attempts, 0);
	NEW.payments_open := coalesce(NEW.payments_open, 0);
	NEW.version := coalesce(NEW.version, 1);
	NEW.partial_payment := coalesce(NEW.partial_payment, false);
	NEW.status_since := coalesce(NEW.status_since, moment);
	NEW.changed_at := coalesce(NEW.changed_at, moment);
	RETURN NEW;
END
@tag@;

-- receipt, notes and partial terms, where they were given or changed
CREATE FUNCTION @schema@.paystate_check_merchant(was @schema@.orders, o @schema@.orders) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	IF o.receipt IS DISTINCT FROM was.receipt AND length(o.receipt) > 40 THEN
		PERFORM @schema@.paystate_refuse_check('orders', 'orders_receipt_check',
			'A receipt has at most 40 characters.');
	ELSIF o.notes IS DISTINCT FROM was.notes AND o.notes <> '{}' AND NOT (CASE
		WHEN jsonb_typeof(o.notes) = 'object' THEN (
			SELECT count(*) <= 15 AND coalesce(bool_and(jsonb_typeof(n.value) NOT IN ('object', 'array')
				AND coalesce(length(n.value #>> '{}'), 0) <= 256), true)
			FROM jsonb_each(o.notes) AS n)
		ELSE o.notes = '[]' END) THEN
		PERFORM @schema@.paystate_refuse_check('orders', 'orders_notes_check',
			'Notes are an object of at most 15 keys with scalars of at most 256 characters.');
	ELSIF o.first_payment_min_amount IS NOT NULL
		AND NOT (o.partial_payment AND o.first_payment_min_amount BETWEEN 1 AND o.amount)
		AND (o.first_payment_min_amount, o.partial_payment, o.amount) IS DISTINCT FROM
			(was.first_payment_min_amount, was.partial_payment, was.amount) THEN
		PERFORM @schema@.paystate_refuse_check('orders', 'orders_first_payment_check',
			'The least first payment is from 1 to the amount, where partial payment is allowed.');
	END IF;
END
@tag@;

-- the terms on which an order is opened, or changed before its first payment
CREATE FUNCTION @schema@.paystate_check_terms(operation text, o @schema@.orders) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	IF NOT @schema@.paystate_currency_ok(o.currency) THEN
		PERFORM @schema@.paystate_refuse(operation, 'orders', o, NULL, 'open', o.currency, NULL, '23PS5', NULL, NULL);
	ELSIF @amount_bad@ THEN
		PERFORM @schema@.paystate_refuse(operation, 'orders', o, NULL, 'open', NULL, o.amount, '23PS4', NULL, NULL);
	ELSIF @terms_bad@ THEN
		PERFORM @schema@.paystate_refuse(operation, 'orders', o, NULL, 'open', NULL, o.amount, '23PS4',
			'partial terms', NULL);
	END IF;
END
@tag@;

-- The order as paystate_settle() writes it: as the history says that is not
-- counted yet, and nothing else touched.
CREATE FUNCTION @schema@.paystate_is_settled(was @schema@.orders, o @schema@.orders) RETURNS boolean
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	RETURN o.version > was.version AND o.amount_due = o.amount - o.amount_paid
		AND (o.lifecycle, o.amount, o.currency, o.partial_payment, o.first_payment_min_amount, o.created_at)
			IS NOT DISTINCT FROM
			(was.lifecycle, was.amount, was.currency, was.partial_payment, was.first_payment_min_amount, was.created_at)
		AND EXISTS (
			SELECT FROM @schema@.order_history AS h
			WHERE h.order_id = o.id AND h.seq = o.version AND h.order_to = o.status
				AND h.amount_paid = o.amount_paid AND h.attempts = o.attempts AND h.at = o.changed_at);
END
@tag@;

CREATE FUNCTION @schema@.paystate_guard_order() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	operation	CONSTANT text := lower(TG_OP);
	kind		text;
	field		text;
	o			@schema@.orders;
	h			@schema@.order_history;
	v			record;
BEGIN
	IF TG_OP = 'UPDATE' AND pg_trigger_depth() > 1 AND @schema@.paystate_is_settled(OLD, NEW) THEN
		RETURN NULL;
	END IF;

	IF TG_OP = 'INSERT' THEN
		PERFORM @schema@.paystate_check_merchant(NULL, NEW);
		field := CASE
			WHEN NEW.amount_paid <> 0 THEN 'amount_paid'
			WHEN NEW.amount_authorized <> 0 THEN 'amount_authorized'
			WHEN NEW.amount_pending <> 0 THEN 'amount_pending'
			WHEN NEW.amount_refunded <> 0 THEN 'amount_refunded'
			WHEN NEW.attempts <> 0 THEN 'attempts'
			WHEN NEW.payments_open <> 0 THEN 'payments_open'
			WHEN NEW.amount_due <> NEW.amount THEN 'amount_due'
			WHEN NEW.version <> 1 THEN 'version'
			WHEN NOT @schema@.paystate_is_clock(NEW.changed_at) THEN 'changed_at'
			WHEN NEW.status_since <> NEW.changed_at THEN 'status_since'
		END;
		IF field IS NOT NULL THEN
			PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, field, true);
		ELSIF NEW.status <> @order_initial@ THEN
			PERFORM @schema@.paystate_refuse(operation, TG_TABLE_NAME, NEW, NULL, 'open', NEW.status::text, NULL,
				'23PS2', NULL, NULL);
		END IF;
		PERFORM @schema@.paystate_check_terms(operation, NEW);
		INSERT INTO @schema@.order_history (order_id, seq, at, order_to, amount, amount_paid, attempts,
			actor, reason, event_id)
		VALUES (NEW.id, 1, NEW.changed_at, NEW.status, NEW.amount, 0, 0,
			coalesce(nullif(current_setting('paystate.actor', true), ''), session_user),
			nullif(current_setting('paystate.reason', true), ''), nullif(current_setting('paystate.event_id', true), ''));
		RETURN NULL;
	END IF;

	PERFORM @schema@.paystate_check_merchant(OLD, NEW);
	IF NEW.lifecycle IS DISTINCT FROM OLD.lifecycle THEN
		PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, 'lifecycle', false);
	ELSIF NEW.created_at IS DISTINCT FROM OLD.created_at THEN
		PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, 'created_at', false);
	END IF;
	field := CASE
		WHEN NEW.amount_paid <> OLD.amount_paid THEN 'amount_paid'
		WHEN NEW.amount_due <> OLD.amount_due THEN 'amount_due'
		WHEN NEW.amount_authorized <> OLD.amount_authorized THEN 'amount_authorized'
		WHEN NEW.amount_pending <> OLD.amount_pending THEN 'amount_pending'
		WHEN NEW.amount_refunded <> OLD.amount_refunded THEN 'amount_refunded'
		WHEN NEW.attempts <> OLD.attempts THEN 'attempts'
		WHEN NEW.payments_open <> OLD.payments_open THEN 'payments_open'
		WHEN NEW.version <> OLD.version THEN 'version'
		WHEN NEW.status_since <> OLD.status_since THEN 'status_since'
		WHEN NEW.changed_at <> OLD.changed_at THEN 'changed_at'
	END;
	IF field IS NOT NULL THEN
		PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, field, true);
	END IF;
	field := CASE
		WHEN NEW.amount <> OLD.amount THEN 'amount'
		WHEN NEW.currency <> OLD.currency THEN 'currency'
		WHEN NEW.partial_payment <> OLD.partial_payment THEN 'partial_payment'
		WHEN NEW.first_payment_min_amount IS DISTINCT FROM OLD.first_payment_min_amount THEN 'first_payment_min_amount'
	END;
	IF field IS NULL AND NEW.status = OLD.status THEN
		RETURN NULL;
	END IF;

	SELECT * INTO STRICT o FROM @schema@.orders WHERE id = NEW.id FOR NO KEY UPDATE;
	IF field IS NOT NULL THEN	-- the terms, before the first payment
		IF @fixed@ THEN
			PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, field, false, @fixed_since@);
		ELSIF NEW.status <> OLD.status THEN
			PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, field, false,
				'It cannot be changed together with the status.');
		END IF;
		PERFORM @schema@.paystate_check_terms(operation, o);
		h.amount := o.amount;
		PERFORM @schema@.paystate_settle(o, o, h, NULL, NULL, false);
		RETURN NULL;
	END IF;

	-- where an event of the order leads is for a writer to set, nothing else
	kind := CASE NEW.status @order_events@ END;
	IF kind IS NULL THEN
		PERFORM @schema@.paystate_report('23PS6', format('column "status" of table "%s" is derived', TG_TABLE_NAME),
			format('An order does not become "%s" by an update: its status follows from its payments.', NEW.status),
			'Write to the payments, or reload the row and write only the columns you change.',
			TG_TABLE_NAME, 'status', 'paystate_derived');
	END IF;
	o.status := OLD.status;
	v := @schema@.paystate_advance(o, NULL, kind, NULL, 0, false, true, NULL);
	IF v.refusal IS NOT NULL THEN
		PERFORM @schema@.paystate_refuse(operation, TG_TABLE_NAME, o, NULL, kind, NULL, NULL, v.refusal, v.why, NULL);
	END IF;
	h.amount := 0;
	PERFORM @schema@.paystate_settle(o, v.o, h, v.cascade_to, NULL, false);
	RETURN NULL;
END
@tag@;
$text$
$export_guard_orders$;
COMMENT ON FUNCTION paystate.export_guard_orders() IS
	'text of the guard of orders';
