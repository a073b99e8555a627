-- lifecycle: the rule tables.  A life cycle is one row of lifecycle, its
-- statuses and its rules; what is no rule is refused.  Each table has the
-- column builtin: rows that came with the extension come with it again, so a
-- dump leaves them out.

CREATE TABLE paystate.lifecycle (
	name pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	order_initial pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	payment_initial pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	attempt_on pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	auto_capture pg_catalog.bool NOT NULL,
	partial_payment pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	partial_capture pg_catalog.bool NOT NULL,
	parallel_payments pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	max_attempts pg_catalog.int4,
	refund_moves pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	order_cancel pg_catalog.bool NOT NULL,
	payment_min pg_catalog.int8,
	payment_max pg_catalog.int8,
	currencies pg_catalog.text[],
	amount_fixed pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	late_window pg_catalog.interval,
	order_expires pg_catalog.interval,
	authorization_expires pg_catalog.interval,
	builtin pg_catalog.bool NOT NULL DEFAULT false,
	CONSTRAINT lifecycle_pkey PRIMARY KEY (name),
	-- fits into a trigger's argument and a message
	CONSTRAINT lifecycle_name_check
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	-- an attempt counts when its result is known, or when it is made
	CONSTRAINT lifecycle_attempt_on_check
		CHECK (attempt_on IN ('result', 'create')),
	-- the order's own flag decides, payments are legs of it, or never
	CONSTRAINT lifecycle_partial_payment_check
		CHECK (partial_payment IN ('order', 'legs', 'no')),
	-- one at a time is authorized, or live legs sum to at most the amount
	CONSTRAINT lifecycle_parallel_payments_check
		CHECK (parallel_payments IN ('one_authorized', 'legs')),
	-- no limit is NULL
	CONSTRAINT lifecycle_max_attempts_check
		CHECK (max_attempts > 0),
	-- whose status a refund moves
	CONSTRAINT lifecycle_refund_moves_check
		CHECK (refund_moves IN ('payment', 'order')),
	-- 0 admits orders of nothing, as mandates are registered with
	CONSTRAINT lifecycle_payment_min_check
		CHECK (payment_min >= 0),
	-- the bounds leave something between them
	CONSTRAINT lifecycle_payment_max_check
		CHECK (payment_max > 0 AND (payment_min IS NULL OR payment_max >= payment_min)),
	-- all currencies is NULL, and no currency would be no order
	CONSTRAINT lifecycle_currencies_check
		CHECK (pg_catalog.array_ndims(currencies) = 1 AND pg_catalog.cardinality(currencies) > 0
			AND pg_catalog.array_position(currencies, NULL) IS NULL),
	-- whether amount and terms may change while nothing has been tried
	CONSTRAINT lifecycle_amount_fixed_check
		CHECK (amount_fixed IN ('creation', 'first_payment')),
	-- limits of time lie ahead; no limit is NULL
	CONSTRAINT lifecycle_intervals_check
		CHECK (late_window > pg_catalog.make_interval()
			AND order_expires > pg_catalog.make_interval()
			AND authorization_expires > pg_catalog.make_interval())
);
SELECT pg_catalog.pg_extension_config_dump('paystate.lifecycle', 'WHERE NOT builtin');
COMMENT ON TABLE paystate.lifecycle IS 'life cycles and their parameters';
COMMENT ON COLUMN paystate.lifecycle.name IS 'name by which orders refer to the life cycle';
COMMENT ON COLUMN paystate.lifecycle.order_initial IS 'status in which an order is inserted';
COMMENT ON COLUMN paystate.lifecycle.payment_initial IS 'status in which a payment is inserted';
COMMENT ON COLUMN paystate.lifecycle.attempt_on IS 'when an attempt counts: at its "result", or when a payment is inserted ("create")';
COMMENT ON COLUMN paystate.lifecycle.auto_capture IS 'whether the gateway captures by itself what is authorized; descriptive';
COMMENT ON COLUMN paystate.lifecycle.partial_payment IS 'whether an order may be paid in parts: as its own flag says ("order"), by several "legs", or "no"';
COMMENT ON COLUMN paystate.lifecycle.partial_capture IS 'whether less than was authorized may be captured';
COMMENT ON COLUMN paystate.lifecycle.parallel_payments IS '"one_authorized": no new payment while one is authorized; "legs": live payments sum to at most the order''s amount';
COMMENT ON COLUMN paystate.lifecycle.max_attempts IS 'most attempts to pay an order; NULL: no limit';
COMMENT ON COLUMN paystate.lifecycle.refund_moves IS 'whose status a refund moves: "payment" or "order"';
COMMENT ON COLUMN paystate.lifecycle.order_cancel IS 'whether an order may be cancelled by setting its status';
COMMENT ON COLUMN paystate.lifecycle.payment_min IS 'least amount of an order, in the currency''s smallest unit; NULL: 1';
COMMENT ON COLUMN paystate.lifecycle.payment_max IS 'greatest amount of an order, in the currency''s smallest unit; NULL: no limit';
COMMENT ON COLUMN paystate.lifecycle.currencies IS 'currencies that are taken; NULL: all that paystate knows';
COMMENT ON COLUMN paystate.lifecycle.amount_fixed IS 'until when an order''s amount and terms may change: "creation", or the "first_payment"';
COMMENT ON COLUMN paystate.lifecycle.late_window IS 'how long after it failed a payment may still be authorized; NULL: no limit';
COMMENT ON COLUMN paystate.lifecycle.order_expires IS 'after which time without an outcome an order expires; NULL: never';
COMMENT ON COLUMN paystate.lifecycle.authorization_expires IS 'after which time an authorization that is not captured expires; NULL: never';
COMMENT ON COLUMN paystate.lifecycle.builtin IS 'whether the row came with the extension';

CREATE TABLE paystate.lifecycle_status (
	lifecycle pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	kind pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	label pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	gateway_spelling pg_catalog.text,
	initial pg_catalog.bool NOT NULL DEFAULT false,
	terminal pg_catalog.bool NOT NULL DEFAULT false,
	role pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	builtin pg_catalog.bool NOT NULL DEFAULT false,
	CONSTRAINT lifecycle_status_pkey PRIMARY KEY (lifecycle, kind, label),
	-- refunds have the same statuses everywhere
	CONSTRAINT lifecycle_status_kind_check
		CHECK (kind IN ('order', 'payment')),
	-- fits into an enum, and apart from the words and marks of events, effects
	-- and the arguments of guards
	CONSTRAINT lifecycle_status_label_check
		CHECK (pg_catalog.octet_length(label) >= 1 AND pg_catalog.octet_length(label) <= 63
			AND pg_catalog.translate(label, '>:;=', '') = label
			AND label NOT IN ('new', 'order')),
	-- what a status means for money: live and not yet held, live and held,
	-- captured, given back, or gone without any
	CONSTRAINT lifecycle_status_role_check
		CHECK (role IN ('open', 'held', 'settled', 'returned', 'dead')),
	-- everything starts live, with no money moved
	CONSTRAINT lifecycle_status_initial_check
		CHECK (NOT initial OR role = 'open')
);
SELECT pg_catalog.pg_extension_config_dump('paystate.lifecycle_status', 'WHERE NOT builtin');
CREATE UNIQUE INDEX lifecycle_status_initial_key
	ON paystate.lifecycle_status (lifecycle, kind) WHERE initial;
COMMENT ON INDEX paystate.lifecycle_status_initial_key IS 'one initial status of orders and one of payments';
COMMENT ON TABLE paystate.lifecycle_status IS 'the statuses that orders and payments of a life cycle may have';
COMMENT ON COLUMN paystate.lifecycle_status.lifecycle IS 'name of the life cycle';
COMMENT ON COLUMN paystate.lifecycle_status.kind IS 'whose status it is: "order" or "payment"';
COMMENT ON COLUMN paystate.lifecycle_status.label IS 'the status as it is stored';
COMMENT ON COLUMN paystate.lifecycle_status.gateway_spelling IS 'the status as the gateway writes it; in parentheses where it has no word for it';
COMMENT ON COLUMN paystate.lifecycle_status.initial IS 'whether it is the status of a new row';
COMMENT ON COLUMN paystate.lifecycle_status.terminal IS 'whether nothing comes after it';
COMMENT ON COLUMN paystate.lifecycle_status.role IS 'what it means for money: open, held, settled, returned or dead';
COMMENT ON COLUMN paystate.lifecycle_status.builtin IS 'whether the row came with the extension';

CREATE TABLE paystate.lifecycle_transition (
	lifecycle pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	payment_event pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	order_before pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	guard pg_catalog.text COLLATE pg_catalog."C" NOT NULL DEFAULT '-',
	order_after pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	money_effect pg_catalog.text COLLATE pg_catalog."C" NOT NULL DEFAULT '-',
	evidence pg_catalog.text,
	builtin pg_catalog.bool NOT NULL DEFAULT false,
	-- an event in a status may have several rules, told apart by their guards
	CONSTRAINT lifecycle_transition_pkey
		PRIMARY KEY (lifecycle, payment_event, order_before, guard),
	-- two words with > or : between them; what they mean, the compiler checks
	CONSTRAINT lifecycle_transition_payment_event_check
		CHECK (payment_event ~ '^[^>:]+[>:][^>:]+$'),
	-- no condition is "-"
	CONSTRAINT lifecycle_transition_guard_check
		CHECK (guard <> ''),
	-- no effect is "-"
	CONSTRAINT lifecycle_transition_money_effect_check
		CHECK (money_effect <> '')
);
SELECT pg_catalog.pg_extension_config_dump('paystate.lifecycle_transition', 'WHERE NOT builtin');
COMMENT ON TABLE paystate.lifecycle_transition IS 'the rules of life cycles: what may happen to an order and its payments; nothing else may';
COMMENT ON COLUMN paystate.lifecycle_transition.lifecycle IS 'name of the life cycle';
COMMENT ON COLUMN paystate.lifecycle_transition.payment_event IS 'new>x (a payment is inserted), x>y (it moves), x:refund (it is refunded and stays), order:cancel, order:fail';
COMMENT ON COLUMN paystate.lifecycle_transition.order_before IS 'status of the order in which the rule applies';
COMMENT ON COLUMN paystate.lifecycle_transition.guard IS 'conditions, joined by semicolons; - for none';
COMMENT ON COLUMN paystate.lifecycle_transition.order_after IS 'status that the order has afterwards';
COMMENT ON COLUMN paystate.lifecycle_transition.money_effect IS 'what happens besides, joined by semicolons; - for nothing';
COMMENT ON COLUMN paystate.lifecycle_transition.evidence IS 'where the rule is documented, or why it was decided so';
COMMENT ON COLUMN paystate.lifecycle_transition.builtin IS 'whether the row came with the extension';

-- What is published stays, and every session learns of what is new.
CREATE FUNCTION paystate.guard_rules() RETURNS pg_catalog.trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'paystate_guard_rules';
COMMENT ON FUNCTION paystate.guard_rules() IS
	'trigger of the rule tables: refuses changes of published rows, and makes all sessions read the rules again';

CREATE TRIGGER lifecycle_before BEFORE INSERT OR UPDATE OR DELETE ON paystate.lifecycle
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_rules();
CREATE TRIGGER lifecycle_changed AFTER INSERT OR UPDATE OR DELETE ON paystate.lifecycle
	FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_rules();
CREATE TRIGGER lifecycle_truncate BEFORE TRUNCATE ON paystate.lifecycle
	FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_rules();
COMMENT ON TRIGGER lifecycle_before ON paystate.lifecycle IS 'refuses changes of published rows';
COMMENT ON TRIGGER lifecycle_changed ON paystate.lifecycle IS 'makes all sessions read the rules again';
COMMENT ON TRIGGER lifecycle_truncate ON paystate.lifecycle IS 'refuses TRUNCATE';

CREATE TRIGGER lifecycle_before BEFORE INSERT OR UPDATE OR DELETE ON paystate.lifecycle_status
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_rules();
CREATE TRIGGER lifecycle_changed AFTER INSERT OR UPDATE OR DELETE ON paystate.lifecycle_status
	FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_rules();
CREATE TRIGGER lifecycle_truncate BEFORE TRUNCATE ON paystate.lifecycle_status
	FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_rules();
COMMENT ON TRIGGER lifecycle_before ON paystate.lifecycle_status IS 'refuses changes of published rows';
COMMENT ON TRIGGER lifecycle_changed ON paystate.lifecycle_status IS 'makes all sessions read the rules again';
COMMENT ON TRIGGER lifecycle_truncate ON paystate.lifecycle_status IS 'refuses TRUNCATE';

CREATE TRIGGER lifecycle_before BEFORE INSERT OR UPDATE OR DELETE ON paystate.lifecycle_transition
	FOR EACH ROW EXECUTE FUNCTION paystate.guard_rules();
CREATE TRIGGER lifecycle_changed AFTER INSERT OR UPDATE OR DELETE ON paystate.lifecycle_transition
	FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_rules();
CREATE TRIGGER lifecycle_truncate BEFORE TRUNCATE ON paystate.lifecycle_transition
	FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_rules();
COMMENT ON TRIGGER lifecycle_before ON paystate.lifecycle_transition IS 'refuses changes of published rows';
COMMENT ON TRIGGER lifecycle_changed ON paystate.lifecycle_transition IS 'makes all sessions read the rules again';
COMMENT ON TRIGGER lifecycle_truncate ON paystate.lifecycle_transition IS 'refuses TRUNCATE';

CREATE FUNCTION paystate.can_transition(
	lifecycle pg_catalog.text,
	kind pg_catalog.text,
	from_status pg_catalog.text,
	to_status pg_catalog.text)
	RETURNS pg_catalog.bool
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'paystate_can_transition';
COMMENT ON FUNCTION paystate.can_transition(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'whether some rule of the life cycle leads an "order", "payment" or "refund" from one status to the other; from NULL: whether a row may be inserted so';
