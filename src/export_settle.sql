-- export_settle: the text of what an event writes, and of the guards of the
-- history and against removals

CREATE FUNCTION paystate.export_settle() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_settle$
	SELECT $text$
-- Writes what was decided: history, other payments that go along, the payment
-- a refund moves, the refund that a direct "refunded" leaves, the order.  The
-- history comes first and the order, whose version counts it, last: in between
-- it has rows that the order does not count yet, and those tell the guards
-- what is written by this function, and exactly how.  Nobody else can have
-- such rows: see paystate_guard_history().
--
-- h: payment_id, payment_from, payment_to, payment_since, amount; refund_id
-- and refund_to where there is a refund
CREATE FUNCTION @schema@.paystate_settle(
		before @schema@.orders, after @schema@.orders, h @schema@.order_history,
		cascade_to @schema@.payment_status, refunded @schema@.payments, leave_refund boolean)
	RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	moment	CONSTANT timestamptz := greatest(clock_timestamp(), before.changed_at);
	actor	CONSTANT text := coalesce(nullif(current_setting('paystate.actor', true), ''), session_user);
	reason	CONSTANT text := nullif(current_setting('paystate.reason', true), '');
	event	CONSTANT text := nullif(current_setting('paystate.event_id', true), '');
	since	CONSTANT timestamptz := CASE WHEN before.status = after.status THEN before.status_since ELSE moment END;
	other	record;
BEGIN
	h.seq := before.version + 1;
	INSERT INTO @schema@.order_history (order_id, seq, at, payment_id, refund_id, payment_from, payment_to,
		refund_to, order_from, order_to, amount, amount_paid, attempts, order_since, payment_since,
		actor, reason, event_id)
	VALUES (before.id, h.seq, moment, h.payment_id, h.refund_id, h.payment_from, h.payment_to,
		h.refund_to, before.status, after.status, h.amount, after.amount_paid, after.attempts, before.status_since,
		h.payment_since, actor, reason, event);

	-- What this statement stored and nobody judged yet is taken as judged: as
	-- the newest history row that names the payment has it.  Stored as where it
	-- would go, it is only counted; stored otherwise, its own event will speak.
	IF cascade_to IS NOT NULL AND after.payments_open > 0 THEN
		FOR other IN
			SELECT p.id, p.amount, p.status, j.payment_to AS judged,
				CASE WHEN j.payment_to = p.status THEN p.status_since ELSE j.at END AS since
			FROM @schema@.payments AS p
			CROSS JOIN LATERAL (
				SELECT l.payment_to, l.at FROM @schema@.order_history AS l
				WHERE l.order_id = before.id AND l.payment_id = p.id
				ORDER BY l.seq DESC LIMIT 1) AS j
			WHERE p.order_id = before.id AND p.id IS DISTINCT FROM h.payment_id
				AND (p.status = j.payment_to OR p.status = cascade_to)
				AND @schema@.paystate_payment_role(j.payment_to) IN ('open', 'held')
			ORDER BY p.id
			FOR NO KEY UPDATE OF p
		LOOP
			h.seq := h.seq + 1;
			after.payments_open := after.payments_open - 1;
			IF @schema@.paystate_payment_role(other.judged) = 'open' THEN
				after.amount_pending := after.amount_pending - other.amount;
			ELSE
				after.amount_authorized := after.amount_authorized - other.amount;
			END IF;
			INSERT INTO @schema@.order_history (order_id, seq, at, payment_id, payment_from, payment_to,
				order_from, order_to, amount, amount_paid, attempts, order_since, payment_since,
				actor, reason, event_id)
			VALUES (before.id, h.seq, moment, other.id, other.judged, cascade_to,
				after.status, after.status, other.amount, after.amount_paid, after.attempts, since,
				other.since, actor, reason, event);
			IF other.status <> cascade_to THEN
				UPDATE @schema@.payments SET status = cascade_to, status_since = moment WHERE id = other.id;
			END IF;
		END LOOP;
	END IF;

	IF refunded.id IS NOT NULL THEN
		UPDATE @schema@.payments SET amount_refunded = refunded.amount_refunded,
			refund_pending = refunded.refund_pending, status = refunded.status,
			status_since = CASE WHEN status = refunded.status THEN status_since ELSE moment END
		WHERE id = refunded.id;
	END IF;
	IF leave_refund THEN
		INSERT INTO @schema@.refunds (id, payment_id, amount, status)
		VALUES (h.refund_id, h.payment_id, h.amount, h.refund_to);
	END IF;
	UPDATE @schema@.orders SET amount_paid = after.amount_paid, amount_due = after.amount - after.amount_paid,
		amount_authorized = after.amount_authorized, amount_pending = after.amount_pending,
		amount_refunded = after.amount_refunded, attempts = after.attempts, payments_open = after.payments_open,
		version = h.seq, changed_at = moment, status = after.status,
		status_since = since
	WHERE id = before.id;
END
@tag@;

-- Append-only, and appended to only by code that runs as the table's owner
-- within a trigger: paystate_settle(), called by the guards, which are the
-- owner's.  Not SECURITY DEFINER: here it matters who writes.
CREATE FUNCTION @schema@.paystate_guard_history() RETURNS trigger
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	IF TG_OP = 'INSERT' AND pg_trigger_depth() > 1
		AND current_user = (SELECT pg_get_userbyid(c.relowner) FROM pg_class AS c WHERE c.oid = TG_RELID) THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION USING ERRCODE = '23PS6',
		MESSAGE = format('%s on table "%s" is not allowed', lower(TG_OP), TG_TABLE_NAME),
		DETAIL = 'The history of an order is written by paystate alone.',
		HINT = 'Write to the orders, the payments or the refunds.',
		SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = 'paystate_history';
END
@tag@;

CREATE FUNCTION @schema@.paystate_guard_removal() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	PERFORM @schema@.paystate_report('23PS7',
		format('%s on table "%s" is not allowed', lower(TG_OP), TG_TABLE_NAME),
		'Orders, payments, refunds and their history are kept.',
		'Cancel, fail or refund instead; to drop old data, drop the tables or detach a partition.',
		TG_TABLE_NAME, '', 'paystate_no_delete');
END
@tag@;

CREATE FUNCTION @schema@.paystate_guard_key() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	PERFORM @schema@.paystate_refuse_column(TG_TABLE_NAME, 'id', false);
END
@tag@;

-- A status_since or changed_at that was given must be from the clock, while
-- this transaction ran.
CREATE FUNCTION @schema@.paystate_is_clock(at timestamptz) RETURNS boolean
	LANGUAGE sql VOLATILE
	RETURN at >= transaction_timestamp() AND at <= clock_timestamp();
$text$
$export_settle$;
COMMENT ON FUNCTION paystate.export_settle() IS
	'text of the functions that write what was decided, and that keep what was written';
