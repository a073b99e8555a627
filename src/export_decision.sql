-- export_decision: the text of the functions that decide, as advance.c and
-- atoms.c do.  They read and write no table.

CREATE FUNCTION paystate.export_terms() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_terms$
	SELECT $text$
-- What a status means for money: open, held, settled, returned or dead; NULL
-- for a status that life cycle @name@ does not have.
CREATE FUNCTION @schema@.paystate_order_role(status @schema@.order_status) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE status@order_roles@ END;

CREATE FUNCTION @schema@.paystate_payment_role(status @schema@.payment_status) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE status@payment_roles@ END;

CREATE FUNCTION @schema@.paystate_currency_ok(code text) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN code = ANY (@currencies@::text[]);

-- what is wrong with the amount of a new payment
CREATE FUNCTION @schema@.paystate_insert_why(o @schema@.orders, amount bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE
		WHEN amount < 0 OR amount = 0 AND (o).amount <> 0 THEN 'not positive'
		@insert_why@
	END;

-- what is refunded or captured when a payment's status is set
CREATE FUNCTION @schema@.paystate_move_amount(p @schema@.payments, target @schema@.payment_status, captured bigint)
	RETURNS bigint
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE @schema@.paystate_payment_role(target)
		WHEN 'settled' THEN
			CASE WHEN @schema@.paystate_payment_role((p).status) = 'settled' THEN 0 ELSE captured END
		WHEN 'returned' THEN
			CASE WHEN @schema@.paystate_payment_role((p).status) = 'settled'
				THEN (p).amount_captured - (p).amount_refunded ELSE (p).amount END
		ELSE 0
	END;

-- amount_captured and amount_refunded as a move implies them
CREATE FUNCTION @schema@.paystate_implied(p @schema@.payments, target @schema@.payment_status,
		OUT captured bigint, OUT refunded bigint)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	role_before	text := @schema@.paystate_payment_role(p.status);
	role_after	text := @schema@.paystate_payment_role(target);
BEGIN
	captured := p.amount_captured;
	refunded := p.amount_refunded;
	IF role_after = 'settled' AND role_before <> 'settled' THEN
		captured := p.amount;
	ELSIF role_after = 'returned' AND role_before <> 'returned' THEN
		refunded := CASE WHEN p.amount_captured > 0 THEN p.amount_captured ELSE p.amount END;
	END IF;
END
@tag@;
$text$
$export_terms$;
COMMENT ON FUNCTION paystate.export_terms() IS
	'text of what a life cycle says apart from its rules';

CREATE FUNCTION paystate.export_rule_functions() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_rule_functions$
	SELECT $text$
CREATE TYPE @schema@.paystate_rule AS (
	state text,			-- why the state of things forbids it; NULL: it does not
	amounts boolean,	-- do the amounts allow it?
	order_after @schema@.order_status,
	payment_after @schema@.payment_status,
	effects text[],
	cascade_to @schema@.payment_status	-- where other live payments go
);
COMMENT ON TYPE @schema@.paystate_rule IS 'a rule of the life cycle, and whether it holds';

-- The rules of life cycle @name@ for an event, in the order's present
-- status: none there ({}), or none in any status (NULL).  Written from the
-- rule tables of paystate; change the life cycle there, not here.
-- others: live payments of the order but this one
CREATE FUNCTION @schema@.paystate_rules(
		event text, o @schema@.orders, p @schema@.payments, amount bigint, others integer)
	RETURNS @schema@.paystate_rule[]
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	due		bigint := o.amount - o.amount_paid;
	kept	bigint := p.amount_captured - p.amount_refunded;
	fits	boolean := amount > 0 AND amount <= kept - p.refund_pending;	-- a refund
	takes	boolean := @capture_fits@;	-- a capture
BEGIN
	CASE event
@rules@	ELSE RETURN NULL;
	END CASE;
END
@tag@;

-- the same for a payment that has no order
CREATE FUNCTION @schema@.paystate_lonely_rules(event text, p @schema@.payments, amount bigint)
	RETURNS @schema@.paystate_rule[]
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	kept	bigint := p.amount_captured - p.amount_refunded;
	fits	boolean := amount > 0 AND amount <= kept - p.refund_pending;
BEGIN
	CASE event
@lonely_rules@	ELSE RETURN NULL;
	END CASE;
END
@tag@;
$text$
$export_rule_functions$;
COMMENT ON FUNCTION paystate.export_rule_functions() IS
	'text of the functions that hold the rules of a life cycle';

CREATE FUNCTION paystate.export_advance() RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $export_advance$
	SELECT $text$
-- The decision: an order, one of its payments, an event, and what becomes of
-- both, or a refusal (SQLSTATE) and why.
-- kind: insert, move (to the target), refund; cancel, fail (of the order)
-- reserve: a pending refund is judged like any other, and only sets aside
CREATE FUNCTION @schema@.paystate_advance(
		INOUT o @schema@.orders, INOUT p @schema@.payments, kind text,
		target @schema@.payment_status, amount bigint, reserve boolean,
		currency_ok boolean, elapsed interval,
		OUT refusal text, OUT why text, OUT effects text[], OUT cascade_to @schema@.payment_status)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	others		integer := o.payments_open;
	left_status	@schema@.payment_status;
	left_role	text;
	rules		@schema@.paystate_rule[];
	r			@schema@.paystate_rule;
	nearest		@schema@.paystate_rule;	-- only amounts forbid it
BEGIN
	IF kind = 'insert' AND target <> @payment_initial@ THEN
		refusal := '23PS2';
		RETURN;
	END IF;
	IF kind IN ('move', 'refund') THEN
		left_status := p.status;
		IF @schema@.paystate_payment_role(p.status) IN ('open', 'held') THEN
			others := others - 1;
		END IF;
	END IF;
	rules := @schema@.paystate_rules(
		CASE kind
			WHEN 'insert' THEN 'new>' || target::text
			WHEN 'move' THEN p.status::text || '>' || target::text
			WHEN 'refund' THEN p.status::text || ':refund'
			ELSE 'order:' || kind
		END, o, p, amount, others);
	IF rules IS NULL THEN
		refusal := '23PS1';
		why := 'no rule';
		RETURN;
	END IF;
	IF @too_late@ THEN
		refusal := '23PS1';
		why := 'too late';
		RETURN;
	END IF;

	-- the first rule of which all holds; "why" sorts by what is said first
	why := CASE WHEN rules = '{}' THEN 'not here' END;
	FOREACH r IN ARRAY rules LOOP
		IF r.state IS NOT NULL THEN
			why := least(why, r.state);
		ELSIF NOT currency_ok THEN
			refusal := '23PS5';
			RETURN;
		ELSIF r.amounts THEN
			EXIT;
		ELSE
			nearest := coalesce(nearest, r);
		END IF;
		r := NULL;
	END LOOP;
	IF r.effects IS NULL AND nearest.effects IS NOT NULL AND kind NOT IN ('cancel', 'fail') THEN
		refusal := '23PS4';
		why := CASE
			WHEN kind = 'insert' THEN @schema@.paystate_insert_why(o, amount)
			WHEN 'refund' = ANY (nearest.effects) THEN @schema@.paystate_refund_why(o, p, amount)
		END;
		RETURN;
	ELSIF r.effects IS NULL THEN
		why := CASE WHEN nearest.effects IS NULL THEN why ELSE 'state' END;
		refusal := CASE
			WHEN kind IN ('cancel', 'fail') THEN '23PS1'
			WHEN kind <> 'insert' AND why IN ('not here', 'state')
				AND coalesce(@schema@.paystate_order_role(o.status), 'open') IN ('open', 'held') THEN '23PS1'
			ELSE '23PS3'
		END;
		RETURN;
	END IF;

	-- it fires
	why := NULL;
	IF reserve THEN
		p.refund_pending := p.refund_pending + amount;
		RETURN;
	END IF;
	effects := r.effects;
	IF kind NOT IN ('cancel', 'fail') THEN
		p.status := coalesce(r.payment_after, p.status);
		IF p.status IS DISTINCT FROM left_status THEN
			-- out of the total of one status, into that of another
			left_role := @schema@.paystate_payment_role(left_status);
			IF left_role IN ('open', 'held') THEN
				IF o.payments_open < 1 OR p.amount >
					(CASE left_role WHEN 'open' THEN o.amount_pending ELSE o.amount_authorized END) THEN
					refusal := '23PS6';
					RETURN;
				END IF;
				o.payments_open := o.payments_open - 1;
				IF left_role = 'open' THEN
					o.amount_pending := o.amount_pending - p.amount;
				ELSE
					o.amount_authorized := o.amount_authorized - p.amount;
				END IF;
			END IF;
			CASE @schema@.paystate_payment_role(p.status)
				WHEN 'open' THEN
					IF o.amount_pending > 9223372036854775807 - p.amount THEN
						refusal := '23PS4';
						RETURN;
					END IF;
					o.amount_pending := o.amount_pending + p.amount;
					o.payments_open := o.payments_open + 1;
				WHEN 'held' THEN
					IF o.amount_authorized > 9223372036854775807 - p.amount THEN
						refusal := '23PS4';
						RETURN;
					END IF;
					o.amount_authorized := o.amount_authorized + p.amount;
					o.payments_open := o.payments_open + 1;
				ELSE
			END CASE;
		END IF;
	END IF;
	IF 'attempt' = ANY (effects) THEN
		o.attempts := o.attempts + 1;
	END IF;
	IF 'capture' = ANY (effects) THEN
		p.amount_captured := amount;
		o.amount_paid := o.amount_paid + amount;
		o.amount_due := o.amount - o.amount_paid;
	END IF;
	IF 'refund' = ANY (effects) THEN
		p.amount_refunded := p.amount_refunded + amount;
		o.amount_refunded := o.amount_refunded + amount;
	END IF;
	IF 'auto_refund' = ANY (effects) THEN
		p.amount_refunded := p.amount;
	END IF;
	o.status := r.order_after;
	IF others > 0 THEN
		cascade_to := r.cascade_to;
	END IF;
END
@tag@;

-- The same for a payment without an order: no totals, and nothing captured.
CREATE FUNCTION @schema@.paystate_advance_lonely(
		INOUT p @schema@.payments, kind text, target @schema@.payment_status, amount bigint,
		reserve boolean, currency_ok boolean, elapsed interval,
		OUT refusal text, OUT why text, OUT effects text[])
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS @tag@
DECLARE
	rules	@schema@.paystate_rule[];
	r		@schema@.paystate_rule;
BEGIN
	IF kind = 'insert' THEN
		refusal := CASE WHEN target <> @payment_initial@ THEN '23PS2'
			WHEN NOT currency_ok THEN '23PS5' WHEN amount <= 0 THEN '23PS4' END;
		why := CASE refusal WHEN '23PS4' THEN 'not positive' END;
		RETURN;
	END IF;
	rules := @schema@.paystate_lonely_rules(
		CASE kind WHEN 'move' THEN p.status::text || '>' || target::text
			ELSE p.status::text || ':refund' END, p, amount);
	IF rules IS NULL THEN
		refusal := '23PS1';
		why := 'no rule';
		RETURN;
	ELSIF kind = 'move' AND @schema@.paystate_payment_role(target) = 'settled' THEN
		refusal := '23PS3';
		why := 'not here';
		RETURN;
	ELSIF @too_late@ THEN
		refusal := '23PS1';
		why := 'too late';
		RETURN;
	END IF;
	FOREACH r IN ARRAY rules LOOP
		EXIT WHEN r.amounts;
	END LOOP;
	IF NOT r.amounts THEN
		refusal := '23PS4';
		why := CASE WHEN 'refund' = ANY (r.effects) THEN @schema@.paystate_refund_why(NULL, p, amount) END;
		RETURN;
	END IF;
	IF reserve THEN
		p.refund_pending := p.refund_pending + amount;
		RETURN;
	END IF;
	effects := r.effects;
	p.status := coalesce(r.payment_after, p.status);
	IF 'refund' = ANY (effects) THEN
		p.amount_refunded := p.amount_refunded + amount;
	ELSIF 'auto_refund' = ANY (effects) THEN
		p.amount_refunded := p.amount;
	END IF;
END
@tag@;

CREATE FUNCTION @schema@.paystate_refund_why(o @schema@.orders, p @schema@.payments, amount bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE
		WHEN amount <= 0 THEN 'not positive'
		WHEN amount > (p).amount_captured - (p).amount_refunded THEN 'over refund'
		WHEN amount > (p).amount_captured - (p).amount_refunded - (p).refund_pending THEN 'refund pending'
		WHEN amount > (o).amount_paid - (o).amount_refunded THEN 'over refund'
	END;
$text$
$export_advance$;
COMMENT ON FUNCTION paystate.export_advance() IS
	'text of the functions that decide by the rules';
