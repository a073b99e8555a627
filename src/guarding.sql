-- guarding: what create_tables and attach share: the columns by meaning, the
-- guards of a table, the making of a history

-- meaning: key, link, money, count, time, status, word, flag, any.  need:
-- given (must be there), derived (must be there, and can be made from the
-- rest), optional (its rule is off without it), free (never looked at by the
-- guards), own (of the history, which nobody else writes).
CREATE FUNCTION paystate.known_columns()
	RETURNS TABLE (kind pg_catalog.text, column_name pg_catalog.text,
				   meaning pg_catalog.text, need pg_catalog.text,
				   written pg_catalog.bool, about pg_catalog.text)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $known_columns$
	VALUES
	('orders', 'id', 'key', 'given', false, 'key of the order; never changes'),
	('orders', 'gateway_id', 'any', 'free', false, 'the gateway''s own id of the order'),
	('orders', 'lifecycle', 'word', 'optional', false, 'name of the life cycle that the order follows; never changes'),
	('orders', 'amount', 'money', 'given', false, 'what is to be paid, in the currency''s subunit'),
	('orders', 'amount_paid', 'money', 'derived', true, 'captured so far; refunds do not lower it; kept by paystate'),
	('orders', 'amount_due', 'money', 'derived', true, 'amount less amount_paid; kept by paystate'),
	('orders', 'amount_authorized', 'money', 'derived', true, 'amounts of the payments that are held at the issuer; kept by paystate'),
	('orders', 'amount_pending', 'money', 'derived', true, 'amounts of the payments that are live and not yet authorized; kept by paystate'),
	('orders', 'amount_refunded', 'money', 'optional', true, 'processed refunds of captured money; kept by paystate'),
	('orders', 'currency', 'word', 'optional', false, 'ISO code of the currency; never changes'),
	('orders', 'receipt', 'any', 'optional', false, 'the merchant''s own reference, at most 40 characters'),
	('orders', 'offer_id', 'any', 'free', false, 'the gateway''s offer linked with the order'),
	('orders', 'partial_payment', 'flag', 'optional', false, 'whether the order may be paid in parts'),
	('orders', 'first_payment_min_amount', 'money', 'optional', false, 'least amount of the first part, where parts are allowed'),
	('orders', 'notes', 'any', 'optional', false, 'up to 15 keys with scalars of up to 256 characters'),
	('orders', 'status', 'status', 'given', true, 'follows the payments; only cancelled and failed can be set, where the life cycle has them'),
	('orders', 'attempts', 'count', 'derived', true, 'payment attempts as the life cycle counts them; kept by paystate'),
	('orders', 'payments_open', 'count', 'derived', true, 'number of live payments; kept by paystate'),
	('orders', 'version', 'count', 'derived', true, 'number of rows in the order''s history; kept by paystate'),
	('orders', 'status_since', 'time', 'derived', true, 'when the order entered its status; kept by paystate'),
	('orders', 'changed_at', 'time', 'derived', true, 'time of the order''s newest history row; kept by paystate'),
	('orders', 'created_at', 'any', 'optional', false, 'when the order was created; never changes'),
	('payments', 'id', 'key', 'given', false, 'key of the payment; never changes'),
	('payments', 'gateway_id', 'any', 'free', false, 'the gateway''s own id of the payment'),
	('payments', 'order_id', 'link', 'given', false, 'the order that is paid; NULL for a payment without one; never changes'),
	('payments', 'amount', 'money', 'given', false, 'amount of the payment, in the currency''s subunit; what is due where left out'),
	('payments', 'amount_captured', 'money', 'derived', true, 'captured; may be given with the capture where part of a hold may be captured'),
	('payments', 'amount_refunded', 'money', 'derived', true, 'processed refunds; kept by paystate'),
	('payments', 'refund_pending', 'money', 'derived', true, 'refunds that are not processed yet; kept by paystate'),
	('payments', 'currency', 'word', 'optional', false, 'ISO code of the currency, the order''s; never changes'),
	('payments', 'status', 'status', 'given', true, 'moves as the life cycle of the order allows'),
	('payments', 'status_since', 'time', 'derived', true, 'when the payment entered its status; kept by paystate'),
	('payments', 'created_at', 'any', 'optional', false, 'when the payment was created; never changes'),
	('refunds', 'id', 'key', 'given', false, 'key of the refund; never changes'),
	('refunds', 'gateway_id', 'any', 'free', false, 'the gateway''s own id of the refund'),
	('refunds', 'order_id', 'any', 'free', false, 'the order, by which rows are spread; never changes'),
	('refunds', 'payment_id', 'link', 'given', false, 'the payment that is refunded; never changes'),
	('refunds', 'amount', 'money', 'given', false, 'amount of the refund, in the currency''s subunit; never changes'),
	('refunds', 'status', 'status', 'optional', true, 'processed, or pending until it is processed or failed; pending reserves the amount'),
	('refunds', 'created_at', 'any', 'optional', false, 'when the refund was created; never changes'),
	('history', 'order_id', 'link', 'own', true, 'the order'),
	('history', 'seq', 'count', 'own', true, 'position in the order''s history, from 1 without gaps'),
	('history', 'at', 'time', 'own', true, 'when it happened; never falls within an order'),
	('history', 'payment_id', 'any', 'own', true, 'the payment concerned; NULL for an event of the order itself'),
	('history', 'refund_id', 'any', 'own', true, 'the refund concerned'),
	('history', 'payment_from', 'status', 'own', true, 'status of the payment before; NULL when it was inserted'),
	('history', 'payment_to', 'status', 'own', true, 'status of the payment after'),
	('history', 'refund_to', 'status', 'own', true, 'status of the refund after'),
	('history', 'order_from', 'status', 'own', true, 'status of the order before; NULL when it was inserted'),
	('history', 'order_to', 'status', 'own', true, 'status of the order after'),
	('history', 'amount', 'money', 'own', true, 'money concerned, in the currency''s subunit, never negative'),
	('history', 'amount_paid', 'money', 'own', true, 'amount_paid of the order after'),
	('history', 'attempts', 'count', 'own', true, 'attempts of the order after'),
	('history', 'order_since', 'time', 'own', true, 'since when the order had been in its status before'),
	('history', 'payment_since', 'time', 'own', true, 'since when the payment had been in its status before'),
	('history', 'actor', 'word', 'own', true, 'who: the setting paystate.actor, else the session''s user'),
	('history', 'reason', 'word', 'own', true, 'why: the setting paystate.reason'),
	('history', 'event_id', 'word', 'own', true, 'the gateway''s event: the setting paystate.event_id'),
	('history', 'forced', 'flag', 'own', true, 'whether a status was forced against the rules')
$known_columns$;
COMMENT ON FUNCTION paystate.known_columns() IS
	'the columns of the four tables by meaning: which must be there, which paystate writes, what they say';

-- The caller must own the relation, as for any comment or trigger.
CREATE FUNCTION paystate.comment_columns(relation pg_catalog.regclass,
										 kind pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
	SET search_path = pg_catalog, pg_temp
AS $comment_columns$
DECLARE
	item	record;
BEGIN
	FOR item IN
		SELECT c.column_name, c.about
		FROM paystate.known_columns() AS c
		JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname = c.column_name
			AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.kind = comment_columns.kind
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation,
					   item.column_name, item.about);
	END LOOP;
	EXECUTE format('COMMENT ON TABLE %s IS %L', relation, CASE kind
		WHEN 'orders' THEN 'orders; paystate keeps status, totals and counters equal to what the payments say'
		WHEN 'payments' THEN 'payments; each move is judged by the life cycle of its order'
		WHEN 'refunds' THEN 'refunds of payments, whole or in part'
		WHEN 'history' THEN 'one row a change of an order, written by paystate and never altered' END);
END
$comment_columns$;
COMMENT ON FUNCTION paystate.comment_columns(pg_catalog.regclass, pg_catalog.text) IS
	'says on a table of paystate''s own making, and its columns, what they are';

-- Row triggers come down from a partitioned table to its partitions by
-- themselves, TRUNCATE guards do not.
-- Triggers fire in order of their names, and foreign keys' checks are called
-- RI_ConstraintTrigger_c_...  The guard's name sorts before them: it locks the
-- order at its full strength at once, where the check's weaker lock, shared by
-- payments inserted side by side, would leave the order with lists of lockers
-- (measured: half the rate with 8 clients on one order).
CREATE FUNCTION paystate.make_guards(relation pg_catalog.regclass,
									 kind pg_catalog.text,
									 VARIADIC arguments pg_catalog.text[])
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
	SET search_path = pg_catalog, pg_temp
AS $make_guards$
DECLARE
	item	record;
BEGIN
	FOR item IN
		SELECT r.relid, t.trigger_name, t.timing, t.about
		FROM (VALUES
				('_paystate_before',
				 'BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW',
				 'fills in what is left out and refuses what must not reach the table'),
				('A_paystate_guard',
				 'AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW',
				 'judges the row as stored and carries totals and history along'),
				('_paystate_truncate',
				 'BEFORE TRUNCATE ON %s FOR EACH STATEMENT',
				 'refuses TRUNCATE')) AS t (trigger_name, timing, about)
		CROSS JOIN LATERAL (
			SELECT relation AS relid
			UNION
			SELECT p.relid FROM pg_partition_tree(relation) AS p
			WHERE t.trigger_name = '_paystate_truncate') AS r
		WHERE kind <> 'history' OR t.trigger_name <> 'A_paystate_guard'
		ORDER BY r.relid <> relation, r.relid, t.trigger_name
	LOOP
		EXECUTE format('CREATE TRIGGER %I ' || item.timing ||
					   ' EXECUTE FUNCTION paystate.%I(%s)', item.trigger_name,
					   item.relid, 'guard_' || kind,
					   (SELECT string_agg(quote_literal(a), ', ' ORDER BY n)
						FROM unnest(arguments) WITH ORDINALITY AS u (a, n)));
		EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L',
					   item.trigger_name, item.relid, 'paystate: ' || item.about);
	END LOOP;
END
$make_guards$;
COMMENT ON FUNCTION paystate.make_guards(pg_catalog.regclass, pg_catalog.text, pg_catalog.text[]) IS
	'makes the guards of a table of the kind "orders", "payments", "refunds" or "history", which the caller owns, and of its partitions';

CREATE FUNCTION paystate.drop_guards(relation pg_catalog.regclass)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
	SET search_path = pg_catalog, pg_temp
AS $drop_guards$
DECLARE
	item	record;
BEGIN
	FOR item IN
		SELECT t.tgrelid::regclass AS relid, t.tgname
		FROM pg_trigger AS t
		WHERE t.tgparentid = 0
			AND t.tgfoid = ANY (paystate.known_guards())
			AND (t.tgrelid = relation
				 OR t.tgrelid IN (SELECT p.relid FROM pg_partition_tree(relation) AS p))
		ORDER BY t.tgrelid <> relation, t.tgrelid, t.tgname
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', item.tgname, item.relid);
	END LOOP;
END
$drop_guards$;
COMMENT ON FUNCTION paystate.drop_guards(pg_catalog.regclass) IS
	'drops all guards of a table that the caller owns, and of its partitions';

-- in the order orders, payments, refunds, history
CREATE FUNCTION paystate.known_guards() RETURNS pg_catalog.oid[]
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $known_guards$
	SELECT ARRAY['paystate.guard_orders()'::regprocedure::oid,
				 'paystate.guard_payments()'::regprocedure::oid,
				 'paystate.guard_refunds()'::regprocedure::oid,
				 'paystate.guard_history()'::regprocedure::oid]
$known_guards$;
COMMENT ON FUNCTION paystate.known_guards() IS
	'the trigger functions that guard orders, payments, refunds and history';

-- A bytea of strings that each end in a zero byte.
CREATE FUNCTION paystate.known_arguments(arguments pg_catalog.bytea)
	RETURNS pg_catalog.text[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $known_arguments$
BEGIN
	RETURN (
	SELECT coalesce(array_agg(convert_from(decode(m.parts[1], 'hex'), getdatabaseencoding())
							  ORDER BY m.n), '{}')
	FROM regexp_matches(encode(arguments, 'hex'), '((?:[1-9a-f].|.[1-9a-f])*)00', 'g')
		 WITH ORDINALITY AS m (parts, n));
END
$known_arguments$;
COMMENT ON FUNCTION paystate.known_arguments(pg_catalog.bytea) IS
	'the arguments of a trigger, as pg_trigger.tgargs has them';

-- types: of payment_id, refund_id, and of the statuses of payments, refunds
-- and orders.  payment_id and refund_id have no foreign key: each would cost
-- a lookup a row, and no guarded row can ever be deleted.  The key of a
-- partitioned table must have the column that it is partitioned by; what
-- makes seq unique all the same is that it is the order's version, counted
-- up under the order's lock.
CREATE FUNCTION paystate.make_history(
	schema pg_catalog.name, history pg_catalog.name,
	key_columns pg_catalog.text[], key_types pg_catalog.text[],
	orders pg_catalog.regclass, order_key pg_catalog.text[],
	types pg_catalog.text[], partitioned pg_catalog.bool)
	RETURNS pg_catalog.regclass
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
	SET search_path = pg_catalog, pg_temp
AS $make_history$
DECLARE
	keys		text;
	made		regclass;
BEGIN
	SELECT string_agg(format('%I', k), ', ' ORDER BY n) INTO keys
	FROM unnest(key_columns) WITH ORDINALITY AS u (k, n);
	EXECUTE format($ddl$
		CREATE TABLE %1$I.%2$I (
			%3$s,
			seq integer NOT NULL,
			at timestamptz NOT NULL,
			payment_id %4$s,
			refund_id %5$s,
			payment_from %6$s,
			payment_to %6$s,
			refund_to %7$s,
			order_from %8$s,
			order_to %8$s NOT NULL,
			amount bigint NOT NULL,
			amount_paid bigint NOT NULL,
			attempts integer NOT NULL,
			order_since timestamptz,
			payment_since timestamptz,
			actor text NOT NULL,
			reason text,
			event_id text,
			forced boolean NOT NULL DEFAULT false,
			PRIMARY KEY (%9$s),
			FOREIGN KEY (%10$s) REFERENCES %11$s (%12$s)
		)%13$s$ddl$,
		schema, history,
		(SELECT string_agg(format('%I %s NOT NULL', k, t), ', ' ORDER BY n)
		 FROM unnest(key_columns, key_types) WITH ORDINALITY AS u (k, t, n)),
		types[1], types[2], types[3], types[4], types[5],
		keys || ', seq' || CASE WHEN partitioned THEN ', at' ELSE '' END,
		keys, orders,
		(SELECT string_agg(format('%I', k), ', ' ORDER BY n)
		 FROM unnest(order_key) WITH ORDINALITY AS u (k, n)),
		CASE WHEN partitioned THEN ' PARTITION BY RANGE (at)' ELSE '' END);
	made := format('%I.%I', schema, history)::regclass;
	EXECUTE format('CREATE INDEX ON %s USING brin (at)', made);
	RETURN made;
END
$make_history$;
COMMENT ON FUNCTION paystate.make_history(pg_catalog.name, pg_catalog.name, pg_catalog.text[], pg_catalog.text[], pg_catalog.regclass, pg_catalog.text[], pg_catalog.text[], pg_catalog.bool) IS
	'makes a history, without guards, of an orders table that the caller owns';
