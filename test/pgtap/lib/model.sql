-- A second opinion on every write, straight from the data files: the guards
-- and effects of the rules spelled out once more, in SQL.
CREATE TYPE helper.a_payment AS (id text, status text, amount bigint,
	captured bigint, refunded bigint);
CREATE TYPE helper.an_order AS (lifecycle text, status text, amount bigint,
	partial boolean, first_min bigint, paid bigint, held bigint, pending bigint,
	open integer, refunded bigint, attempts integer, version integer,
	payments helper.a_payment[]);

CREATE FUNCTION helper.role_of(lc text, a_kind text, a_label text) RETURNS text
	LANGUAGE sql STABLE
AS $$
	SELECT role FROM tsv_state
	 WHERE lifecycle = lc AND kind = a_kind AND label = a_label;
$$;

-- insert_ok, split as its failures are reported: may the order take one more
-- payment, and is the amount right?
CREATE FUNCTION helper.takes_one_more(o helper.an_order) RETURNS boolean
	LANGUAGE sql STABLE
AS $$
	SELECT o.attempts < coalesce(max_attempts, o.attempts + 1)
		AND (parallel_payments <> 'one_authorized'
			 OR o.held = 0 AND (o.amount > 0 OR o.open = 0))
	  FROM tsv_lifecycle WHERE name = o.lifecycle;
$$;

CREATE FUNCTION helper.takes_amount(o helper.an_order, a bigint) RETURNS boolean
	LANGUAGE sql STABLE
AS $$
	SELECT (a > 0 OR a = 0 AND o.amount = 0)
		AND CASE WHEN parallel_payments = 'legs' THEN o.pending + o.held + o.paid + a <= o.amount
			WHEN o.partial THEN a <= o.amount - o.paid
				AND (o.paid > 0 OR a >= coalesce(o.first_min, 0))
			ELSE a = o.amount END
	  FROM tsv_lifecycle WHERE name = o.lifecycle;
$$;

-- c: captured now, r: refunded now
CREATE FUNCTION helper.atom_holds(atom text, o helper.an_order,
								  p helper.a_payment, c bigint, r bigint)
	RETURNS boolean
	LANGUAGE plpgsql
AS $$
DECLARE
	max integer := (SELECT max_attempts FROM tsv_lifecycle WHERE name = o.lifecycle);
BEGIN
	RETURN CASE atom
		WHEN '-' THEN true
		WHEN 'insert_ok' THEN helper.takes_one_more(o) AND helper.takes_amount(o, p.amount)
		WHEN 'amount=held' THEN c = p.amount
		WHEN 'captured=held' THEN c = p.amount
		WHEN 'captured<held' THEN 0 < c AND c < p.amount
		WHEN 'amount=order_due' THEN p.amount = o.amount - o.paid AND c = p.amount
		WHEN 'due_after=0' THEN o.amount - o.paid - c = 0
		WHEN 'due_after>0' THEN o.amount - o.paid - c > 0
		WHEN 'partial_payment' THEN o.partial
		WHEN 'refund=amount' THEN r = p.amount
		WHEN '0<refund' THEN r > 0
		WHEN 'refunded_after<captured' THEN r > 0 AND p.refunded + r < p.captured
		WHEN 'refunded_after=captured' THEN r > 0 AND p.refunded + r = p.captured
		WHEN 'refunded_after<amount_paid' THEN o.refunded + r < o.paid
			AND p.refunded + r <= p.captured
		WHEN 'refunded_after=amount_paid' THEN o.refunded + r = o.paid
			AND p.refunded + r <= p.captured
		WHEN 'other_live' THEN o.open - 1 > 0
		WHEN 'no_other_live' THEN o.open - 1 = 0
		WHEN 'others_held' THEN o.open - 1 > 0
		WHEN 'others_done' THEN o.open - 1 = 0
		WHEN 'none_live' THEN o.open = 0
		WHEN 'attempts<max' THEN o.attempts < coalesce(max, o.attempts + 1)
		WHEN 'attempts>=max' THEN o.attempts >= max
		WHEN 'held_after<amount' THEN o.held + o.paid + p.amount < o.amount
		WHEN 'held_after=amount' THEN o.held + o.paid + p.amount = o.amount
		WHEN 'paid_after<amount' THEN o.paid + p.amount < o.amount
		WHEN 'paid_after=amount' THEN o.paid + p.amount = o.amount
		WHEN 'amount_paid=0' THEN o.paid = 0
		WHEN 'amount_paid>0' THEN o.paid > 0
	END;	-- no ELSE: an atom not listed here is an error
END
$$;

-- A payment leaves (sign -1) or enters (+1) its status.
CREATE FUNCTION helper.count_live(INOUT o helper.an_order, p helper.a_payment, sign integer)
	LANGUAGE plpgsql
AS $$
DECLARE
	role text := helper.role_of(o.lifecycle, 'payment', p.status);
BEGIN
	IF role = 'held' THEN o.held := o.held + sign * p.amount; END IF;
	IF role = 'open' THEN o.pending := o.pending + sign * p.amount; END IF;
	IF role IN ('held', 'open') THEN o.open := o.open + sign; END IF;
END
$$;

CREATE FUNCTION helper.model_open(lc text, amount bigint, partial boolean, first_min bigint)
	RETURNS helper.an_order
	LANGUAGE sql STABLE
AS $$
	SELECT row(lc, order_initial, amount, partial, first_min, 0, 0, 0, 0, 0, 0, 1,
			   '{}'::helper.a_payment[])::helper.an_order
	  FROM tsv_lifecycle WHERE name = lc;
$$;

-- What one operation makes of an order: its state after, or the code of its
-- refusal; and the line of transitions.tsv that allowed it (none: no-op).
CREATE FUNCTION helper.model_step(INOUT o helper.an_order, op jsonb,
								  OUT event text, OUT code text, OUT line integer)
	LANGUAGE plpgsql
AS $$
DECLARE
	verb text := op ->> 'op';
	wanted text := op ->> 'status';
	initial text := (SELECT payment_initial FROM tsv_lifecycle WHERE name = o.lifecycle);
	i integer := coalesce((SELECT n FROM unnest(o.payments) WITH ORDINALITY u(id, s, a, c, r, n)
							WHERE id = op ->> 'id'), cardinality(o.payments) + 1);
	p helper.a_payment := o.payments[i];
	c bigint := coalesce((op ->> 'captured')::bigint, p.amount);
	r bigint;
	present text := CASE verb WHEN 'to' THEN p.status WHEN 'order' THEN o.status END;
	rule record;
	fires record;
	known boolean := false;
	here boolean := false;
	closed boolean := false;
	effect text[];
BEGIN
	IF verb = 'pay' THEN
		wanted := coalesce(wanted, initial);
		event := 'new>' || wanted;
		p := row(op ->> 'id', NULL, (op ->> 'amount')::bigint, 0, 0);
		code := CASE WHEN wanted <> initial THEN '23PS2' END;
	ELSIF verb = 'to' THEN
		event := p.status || '>' || wanted;
		r := CASE WHEN p.captured = 0 THEN p.amount ELSE p.captured - p.refunded END;
	ELSIF verb = 'refund' THEN
		event := p.status || ':refund';
		r := (op ->> 'amount')::bigint;
	ELSE
		event := CASE wanted WHEN 'cancelled' THEN 'order:cancel'
							 WHEN 'failed' THEN 'order:fail'
							 ELSE 'order>' || wanted END;
		code := CASE WHEN wanted NOT IN ('cancelled', 'failed') THEN '23PS6' END;
	END IF;
	IF wanted = present THEN
		code := NULL;
		RETURN;
	ELSIF code IS NOT NULL THEN
		RETURN;
	END IF;

	FOR rule IN
		SELECT t.*, string_to_array(t.guard, ';') AS atoms,
				string_to_array(t.money_effect, ';') AS effects
		  FROM tsv_rule t WHERE t.lifecycle = o.lifecycle
	LOOP
		CONTINUE WHEN rule.payment_event <> event
			AND NOT (verb = 'refund' AND starts_with(rule.payment_event, p.status || '>')
					 AND 'refund' = ANY (rule.effects));
		known := true;
		CONTINUE WHEN rule.order_before <> o.status;
		here := true;
		IF verb = 'pay' AND NOT helper.takes_one_more(o)
			OR 'none_live' = ANY (rule.atoms) AND o.open > 0 THEN
			closed := true;
		END IF;
		CONTINUE WHEN NOT (SELECT bool_and(helper.atom_holds(a, o, p, c, r))
							 FROM unnest(rule.atoms) a);
		IF fires IS NOT NULL THEN
			RAISE 'two rules match: lines % and %', fires.line, rule.line;
		END IF;
		fires := rule;
	END LOOP;
	IF fires IS NULL THEN
		code := CASE WHEN NOT known OR verb = 'order' THEN '23PS1'
			WHEN here THEN CASE WHEN closed THEN '23PS3' ELSE '23PS4' END
			WHEN verb = 'pay' THEN '23PS3'
			WHEN helper.role_of(o.lifecycle, 'order', o.status) IN ('open', 'held') THEN '23PS1'
			ELSE '23PS3' END;
		RETURN;
	END IF;

	line := fires.line;
	effect := fires.effects;
	o := helper.count_live(o, p, -1);
	IF fires.payment_event LIKE '%>%' THEN
		p.status := split_part(fires.payment_event, '>', 2);
	END IF;
	o := helper.count_live(o, p, 1);
	IF 'capture' = ANY (effect) THEN
		p.captured := c;
		o.paid := o.paid + c;
	END IF;
	IF 'refund' = ANY (effect) THEN
		p.refunded := p.refunded + r;
		o.refunded := o.refunded + r;
	END IF;
	IF 'auto_refund' = ANY (effect) THEN
		p.refunded := p.amount;
	END IF;
	IF 'attempt' = ANY (effect) THEN
		o.attempts := o.attempts + 1;
	END IF;
	IF verb <> 'order' THEN
		o.payments[i] := p;
	END IF;
	o.version := o.version + 1;
	o.status := fires.order_after;
	FOR j IN 1 .. cardinality(o.payments) LOOP
		p := o.payments[j];
		CONTINUE WHEN NOT fires.money_effect LIKE '%live>%' OR j = i AND verb <> 'order'
			OR helper.role_of(o.lifecycle, 'payment', p.status) NOT IN ('open', 'held');
		o := helper.count_live(o, p, -1);
		p.status := substring(fires.money_effect FROM 'live>(\w+)');
		o.payments[j] := p;
		o.version := o.version + 1;
	END LOOP;
END
$$;

-- The order in the tables, in the model's form.
CREATE FUNCTION helper.as_stored(an_order text) RETURNS helper.an_order
	LANGUAGE sql VOLATILE
AS $$
	SELECT row(o.lifecycle, o.status, o.amount, o.partial_payment,
			o.first_payment_min_amount, o.amount_paid, o.amount_authorized,
			o.amount_pending, o.payments_open, o.amount_refunded, o.attempts, o.version,
			(SELECT coalesce(array_agg(row(split_part(p.id, '.', 2), p.status, p.amount,
					p.amount_captured, p.amount_refunded)::helper.a_payment
					ORDER BY p.id), '{}')
			   FROM payments p WHERE p.order_id = o.id))::helper.an_order
	  FROM orders o WHERE o.id = an_order AND o.amount_due = o.amount - o.amount_paid;
$$;
