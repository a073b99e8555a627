-- export_words: the text of the functions that refuse, in the very words of
-- explain.c, hint.c and report.c

CREATE FUNCTION paystate.export_refusals() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_refusals$
	SELECT $text$
-- A refusal; '' where a column or a hint is none.
CREATE FUNCTION @schema@.paystate_report(
		code text, message text, detail text, hint text, relation text, field text, reason text)
	RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	IF hint = '' AND field = '' THEN
		RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail,
			SCHEMA = @schema_name@, TABLE = relation, CONSTRAINT = reason;
	ELSIF hint = '' THEN
		RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail,
			SCHEMA = @schema_name@, TABLE = relation, COLUMN = field, CONSTRAINT = reason;
	ELSIF field = '' THEN
		RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail, HINT = hint,
			SCHEMA = @schema_name@, TABLE = relation, CONSTRAINT = reason;
	ELSE
		RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail, HINT = hint,
			SCHEMA = @schema_name@, TABLE = relation, COLUMN = field, CONSTRAINT = reason;
	END IF;
END
@tag@;

-- ' "key"', if who writes may read that column.  The guards run as the owner,
-- so it is asked of the role that the session has set.
CREATE FUNCTION @schema@.paystate_key(relation regclass, key_column text, key text) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	writer	CONSTANT name := coalesce(nullif(current_setting('role'), 'none'), session_user);
BEGIN
	IF NOT has_column_privilege(writer, relation, key_column, 'SELECT') OR EXISTS (
		SELECT FROM pg_class AS c JOIN pg_roles AS r ON r.rolname = writer
		WHERE c.oid = relation AND c.relrowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
			AND (c.relforcerowsecurity OR NOT pg_has_role(writer, c.relowner, 'USAGE'))) THEN
		RETURN '';
	END IF;
	RETURN format(' "%s"', key);
END
@tag@;

-- 23PS6, a column that is nobody's to write
CREATE FUNCTION @schema@.paystate_refuse_column(relation text, field text, derived boolean,
		since text DEFAULT 'It is fixed when the row is inserted.') RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	PERFORM @schema@.paystate_report('23PS6',
		format(CASE WHEN derived THEN 'column "%s" of table "%s" is derived'
			ELSE 'column "%s" of table "%s" cannot be changed' END, field, relation),
		CASE WHEN derived THEN 'It follows from the payments and is written by paystate alone.'
			ELSE since END,
		'Reload the row, or write only the columns you change.',
		relation, field, CASE WHEN derived THEN 'paystate_derived' ELSE 'paystate_immutable' END);
END
@tag@;

-- 23503, before the foreign key says so, and in its words
CREATE FUNCTION @schema@.paystate_refuse_missing(relation text, field text, parent text, key text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	PERFORM @schema@.paystate_report('23503',
		format('insert or update on table "%s" violates foreign key constraint "%1$s_%s_fkey"', relation, field),
		format('Key%s is not present in table "%s".',
			CASE WHEN @schema@.paystate_key(format('%I.%I', @schema_name@, relation)::regclass, field, key) <> ''
				THEN format(' (%s)=(%s)', field, key) ELSE '' END, parent),
		'', relation, '', format('%s_%s_fkey', relation, field));
END
@tag@;

CREATE FUNCTION @schema@.paystate_refuse_check(relation text, reason text, detail text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
BEGIN
	PERFORM @schema@.paystate_report('23514',
		format('new row for relation "%s" violates check constraint "%s"', relation, reason),
		detail, '', relation, '', reason);
END
@tag@;
$text$
$export_refusals$;
COMMENT ON FUNCTION paystate.export_refusals() IS
	'text of the functions that raise refusals';

-- An event that was refused, in words: "relation" is whose guard it was.
CREATE FUNCTION paystate.export_words() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_words$
	SELECT $text$
-- The moves that are allowed while the order stands as it does, for a HINT.
CREATE FUNCTION @schema@.paystate_payment_moves(o @schema@.orders, p @schema@.payments, elapsed interval) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	rest	CONSTANT bigint := p.amount_captured - p.amount_refunded - p.refund_pending;
	moves	text[] := '{}';
	target	@schema@.payment_status;
	part	bigint;
	amount	bigint;
	refusal	text;
BEGIN
	FOREACH target IN ARRAY @payment_statuses@::@schema@.payment_status[] LOOP
		amount := @schema@.paystate_move_amount(p, target, (@schema@.paystate_implied(p, target)).captured);
		refusal := CASE WHEN o.id IS NULL
			THEN (@schema@.paystate_advance_lonely(p, 'move', target, amount, false, true, elapsed)).refusal
			ELSE (@schema@.paystate_advance(o, p, 'move', target, amount, false, true, elapsed)).refusal END;
		IF refusal IS NULL THEN
			moves := moves || target::text;
		END IF;
	END LOOP;
	FOREACH part IN ARRAY ARRAY[1, rest] LOOP
		refusal := CASE WHEN o.id IS NULL
			THEN (@schema@.paystate_advance_lonely(p, 'refund', NULL, part, false, true, NULL)).refusal
			ELSE (@schema@.paystate_advance(o, p, 'refund', NULL, part, false, true, NULL)).refusal END;
		IF refusal IS NULL THEN
			moves := moves || 'a refund'::text;
			EXIT;
		END IF;
	END LOOP;
	RETURN CASE WHEN moves = '{}' THEN 'No further move of this payment is allowed.'
		ELSE format('Allowed: %s.', array_to_string(moves, ', ')) END;
END
@tag@;

CREATE FUNCTION @schema@.paystate_order_moves(o @schema@.orders) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	moves	text[] := '{}';
BEGIN
	IF (@schema@.paystate_advance(o, NULL, 'cancel', NULL, 0, false, true, NULL)).refusal IS NULL THEN
		moves := moves || 'cancelled'::text;
	END IF;
	IF (@schema@.paystate_advance(o, NULL, 'fail', NULL, 0, false, true, NULL)).refusal IS NULL THEN
		moves := moves || 'failed'::text;
	END IF;
	RETURN CASE WHEN moves = '{}' THEN 'The status of this order moves with its payments alone.'
		ELSE format('Allowed: %s.', array_to_string(moves, ', ')) END;
END
@tag@;

-- given: the status or the currency that was written.  A payment without an
-- order comes with an o that is NULL.
CREATE FUNCTION @schema@.paystate_refuse(
		operation text, relation text, o @schema@.orders, p @schema@.payments, kind text, given text,
		amount bigint, refusal text, why text, elapsed interval)
	RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	order_name		CONSTANT text := @schema@.paystate_key(@orders@, 'id', o.id);
	payment_name	CONSTANT text := @schema@.paystate_key(@payments@, 'id', p.id);
	order_label		CONSTANT text := CASE WHEN @schema@.paystate_order_role(o.status) IS NULL
		THEN '(unknown)' ELSE o.status::text END;
	payment_label	CONSTANT text := CASE WHEN @schema@.paystate_payment_role(p.status) IS NULL
		THEN '(unknown)' ELSE p.status::text END;
	due				CONSTANT bigint := o.amount - o.amount_paid;
	subject			CONSTANT text := CASE WHEN o.id IS NULL THEN format('Payment%s without an order', payment_name)
		ELSE format('Payment%s of order%s', payment_name, order_name) END;
	place			CONSTANT text := CASE WHEN why = 'no rule' OR o.id IS NULL THEN ''
		ELSE format(' while the order is "%s"', order_label) END;
	message			text := '%s on table "%s" violates life cycle "%s"';
	detail			text;
	hint			text := '';
	field			text := 'status';
	reason			text := 'paystate_transition';
BEGIN
	CASE refusal
	WHEN '23PS1' THEN
		detail := CASE
			WHEN why = 'too late' THEN format('%s has been "%s" for longer than the late window of life cycle "%s".',
				subject, payment_label, @lifecycle@)
			WHEN why = 'unjudged' THEN format('%s was judged to be "%s"; what was stored since is not judged yet.',
				subject, payment_label)
			WHEN why = 'final' THEN format('%s: its refund cannot move %s.', subject, given)
			WHEN kind IN ('cancel', 'fail') THEN format('Order%s is "%s" and cannot be %s.', order_name, order_label,
				CASE kind WHEN 'cancel' THEN 'cancelled' ELSE 'failed' END)
			WHEN kind = 'refund' THEN format('%s is "%s" and cannot be refunded%s.', subject, payment_label, place)
			WHEN kind = 'insert' THEN format('%s cannot be inserted%s.', subject, place)
			ELSE format('%s cannot move from "%s" to "%s"%s.', subject, payment_label, given, place)
		END;
	WHEN '23PS2' THEN
		message := '%s on table "%s" violates initial status of life cycle "%s"';
		reason := 'paystate_initial';
		detail := format('%s is inserted with status "%s".', CASE
			WHEN kind = 'open' THEN format('Order%s', order_name)
			WHEN kind = 'refund' THEN format('A refund of payment%s', payment_name)
			ELSE subject END, given);
		hint := format('Allowed: %s.', CASE kind WHEN 'open' THEN @order_initial@
			WHEN 'refund' THEN 'processed or pending' ELSE @payment_initial@ END);
	WHEN '23PS3' THEN
		message := message || ': the order takes it no more';
		reason := 'paystate_closed';
		detail := CASE
			WHEN why = 'another held' THEN format('Order%s has another payment that is authorized.', order_name)
			WHEN why = 'attempts used' THEN format('Order%s has used %s of %s attempts.', order_name, o.attempts, @max_attempts@)
			WHEN why = 'others live' THEN format('Order%s is "%s" and has %s payments under way.',
				order_name, order_label, o.payments_open)
			WHEN o.id IS NULL THEN format('%s cannot be settled.', subject)
			ELSE format('%s stands at order status "%s", with %s of %s paid.', subject, order_label, o.amount_paid, o.amount)
		END;
	WHEN '23PS4' THEN
		message := '%s on table "%s" violates amounts of life cycle "%s"';
		reason := 'paystate_amount';
		field := CASE kind WHEN 'move' THEN 'amount_captured' ELSE 'amount' END;
		detail := CASE
			WHEN why = 'partial terms' THEN format('Life cycle "%s" has no partial payment.', @lifecycle@)
			WHEN kind = 'open' THEN format('Order%s: its amount is %s.', order_name, amount)
			WHEN kind = 'refund' OR why IN ('over refund', 'refund pending') THEN
				format('%s: a refund of %s with %s captured, %s refunded and %s pending.', subject, amount,
					p.amount_captured, p.amount_refunded, p.refund_pending)
			WHEN kind = 'move' THEN format('%s: %s to capture of %s held, with %s due.', subject, amount, p.amount,
				coalesce(due, 0))
			WHEN o.id IS NULL THEN format('%s: its amount is %s.', subject, amount)
			ELSE format('%s: its amount is %s, with %s of %s paid and %s under way.', subject, amount, o.amount_paid,
				o.amount, o.amount_authorized + o.amount_pending)
		END;
	WHEN '23PS5' THEN
		message := '%s on table "%s" violates currency of life cycle "%s"';
		reason := 'paystate_currency';
		field := 'currency';
		detail := CASE WHEN o.id IS NULL OR kind = 'open'
			THEN format('%s has currency "%s", which life cycle "%s" does not take.',
				CASE kind WHEN 'open' THEN 'Order' || order_name ELSE 'Payment' || payment_name END, given, @lifecycle@)
			ELSE format('%s has currency "%s", the order "%s".', subject, given, o.currency) END;
		hint := 'A payment has the currency of its order, an order one of its life cycle''s.';
	ELSE
		message := '%s on table "%s" finds totals that drifted from life cycle "%s"';
		reason := 'paystate_totals';
		field := '';
		detail := format('The totals of order%s cannot be those of its payments.', order_name);
		hint := 'Compare the order with its payments: something wrote to them while the guards were off.';
	END CASE;

	IF hint = '' THEN
		hint := CASE
			WHEN why = 'unjudged' THEN 'Move a payment by one step a statement.'
			WHEN why = 'final' THEN 'A processed or failed refund is final.'
			WHEN kind IN ('cancel', 'fail') THEN @schema@.paystate_order_moves(o)
			WHEN why = 'partial terms' THEN 'Leave partial_payment false, or use a life cycle that has it.'
			WHEN kind = 'open' THEN @amounts_hint@
			WHEN kind = 'insert' THEN CASE why
				WHEN 'another held' THEN 'Capture or refund the authorized payment first.'
				WHEN 'not order amount' THEN format('The payment must be of %s.', o.amount)
				WHEN 'below first minimum' THEN
					format('The first payment must be of at least %s.', coalesce(o.first_payment_min_amount, 0))
				WHEN 'above due' THEN format('At most %s is due.', due)
				WHEN 'not here' THEN 'Insert a new order for a further payment.'
				WHEN 'attempts used' THEN 'Insert a new order for a further payment.'
				ELSE '' END
			WHEN refusal <> '23PS4' THEN @schema@.paystate_payment_moves(o, p, elapsed)
			WHEN why = 'refund pending' THEN 'Wait until the pending refund is processed or failed.'
			WHEN kind = 'refund' THEN
				format('At most %s can be refunded.', p.amount_captured - p.amount_refunded - p.refund_pending)
			WHEN @schema@.paystate_payment_role(p.status) IN ('open', 'held')
				AND @schema@.paystate_payment_role(given::@schema@.payment_status) = 'settled' THEN
				format('At most %s can be captured@capture_hint@.', least(coalesce(due, 0), p.amount))
			ELSE '' END;
	END IF;
	PERFORM @schema@.paystate_report(refusal, format(message, operation, relation, @lifecycle@),
		detail, hint, relation, field, reason);
END
@tag@;
$text$
$export_words$;
COMMENT ON FUNCTION paystate.export_words() IS
	'text of the functions that say why an event was refused, and what is allowed';
