-- The types, their casts and spellings; that everything says what it is; and
-- the tables that create_tables makes for each type of key.
\ir lib/shop.sql
\ir lib/tsv.sql

SELECT * FROM no_plan();

-- Labels, in order.
SELECT enum_has_labels('paystate', 'order_status', '{created,pending,attempted,authorized,partially_captured,paid,processed,partially_refunded,fully_refunded,cancelled,failed}',
	'labels of order_status, in order');
SELECT enum_has_labels('paystate', 'payment_status', '{created,pending,authorized,captured,processed,failed,cancelled,refunded}',
	'labels of payment_status, in order');
SELECT enum_has_labels('paystate', 'refund_status', '{pending,processed,failed}',
	'labels of refund_status, in order');
SELECT ok('created'::paystate.order_status < 'paid' AND 'paid'::paystate.order_status < 'failed',
	'statuses compare in the order of their labels');

-- Casts: from text and varchar, on assignment only.
SELECT bag_eq($$
	SELECT castsource::regtype::text AS s, casttarget::regtype::text AS t, castcontext::text AS c FROM pg_cast
	 WHERE 'paystate'::regnamespace IN (
		SELECT typnamespace FROM pg_type WHERE oid IN (castsource, casttarget))$$, $$
	SELECT s, 'paystate.' || t AS t, 'a' AS c FROM unnest(ARRAY['text', 'character varying']) s,
		unnest(ARRAY['order_status', 'payment_status', 'refund_status']) t$$,
	'casts from text and varchar are there on assignment, and no other casts');
CREATE TEMP TABLE target (o paystate.order_status, p paystate.payment_status, r paystate.refund_status);
SELECT accepted(format('INSERT INTO target VALUES (''paid''::%s, ''captured''::%1$s, ''failed''::%1$s)', t),
	t || ' is assigned to the three types')
  FROM unnest(ARRAY['text', 'varchar', 'varchar(40)']) t;
SELECT results_eq('SELECT DISTINCT o::text, p::text, r::text FROM target',
	$$VALUES ('paid', 'captured', 'failed')$$, 'what was assigned stands there');
SELECT refused(format('SELECT * FROM target WHERE o = ''paid''::%s', t),
	format('42883 operator does not exist: paystate.order_status = %s', t),
	t || ' does not compare with a status by itself')
  FROM unnest(ARRAY['text', 'character varying']) t;
SELECT accepted($$SELECT * FROM target WHERE o = 'paid' AND o = 'paid'::text::paystate.order_status$$,
	'a literal and an explicit cast do');
SELECT refused(format('INSERT INTO target (%s) VALUES (%L::%s)', c, l, s),
	format('22P02 invalid input value for enum paystate.%s: "%s"', t, l),
	format('%s: no label "%s" from %s', t, l, s))
  FROM (VALUES ('o', 'order_status'), ('p', 'payment_status'), ('r', 'refund_status')) v (c, t),
	unnest(ARRAY['PROCESSED', 'processed ', '', 'nonsense']) l, unnest(ARRAY['text', 'varchar']) s;

-- Spellings: any case, and the gateways' own.
SELECT is(paystate.to_order_status(w)::text, label, format('to_order_status reads "%s"', w))
  FROM (SELECT DISTINCT w, label FROM tsv_state, unnest(ARRAY[gateway_spelling,
			upper(gateway_spelling), lower(gateway_spelling), label, initcap(label)]) w
		 WHERE kind = 'order' AND gateway_spelling NOT LIKE '(%' ORDER BY 1) s;
SELECT is(paystate.to_payment_status(w)::text, label, format('to_payment_status reads "%s"', w))
  FROM (SELECT DISTINCT w, label FROM tsv_state, unnest(ARRAY[gateway_spelling,
			upper(gateway_spelling), lower(gateway_spelling), label, initcap(label)]) w
		 WHERE kind = 'payment' AND gateway_spelling NOT LIKE '(%' ORDER BY 1) s;
SELECT is(paystate.to_refund_status(w)::text, lower(w), format('to_refund_status reads "%s"', w))
  FROM unnest(ARRAY['pending', 'PENDING', 'Processed', 'PROCESSED', 'failed', 'FAILED']) w;
SELECT is(paystate.to_order_status('canceled')::text, 'cancelled', 'to_order_status reads the American "canceled"');
SELECT is(paystate.to_payment_status('CANCELED')::text, 'cancelled', 'to_payment_status reads the American "CANCELED"');
SELECT is(paystate.to_order_status(NULL), NULL, 'to_order_status of NULL is NULL');
SELECT matches(outcome(format('SELECT paystate.to_%s(%L)', t, w)), '^22P02 ',
	format('to_%s refuses "%s"', t, w))
  FROM unnest(ARRAY['order_status', 'payment_status', 'refund_status']) t,
	unnest(ARRAY['nonsense', '', 'pаid', repeat('x', 1000)]) w;

-- Everything that the extension owns has a comment, every function's
-- arguments have names.  Array and row types come with what they belong to.
SELECT is_empty($$
	SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
	  FROM pg_depend d
	  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	  LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
	 WHERE e.extname = 'paystate' AND d.deptype = 'e'
		AND coalesce(t.typelem, 0) = 0 AND coalesce(t.typrelid, 0) = 0
		AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = ''$$,
	'every object of the extension has a comment');
SELECT cmp_ok((SELECT count(*) FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
		WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'paystate' AND d.deptype = 'e'),
	'>', 20::bigint, 'there are objects whose comments to check');
SELECT isnt(obj_description('paystate'::regnamespace, 'pg_namespace'), NULL, 'the schema has a comment');
SELECT is_empty($$
	SELECT oid::regprocedure FROM pg_proc
	 WHERE pronamespace = 'paystate'::regnamespace AND pronargs > 0
		AND (proargnames IS NULL OR '' = ANY (proargnames[1:pronargs]))$$,
	'every argument has a name');
SELECT is_empty($$SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	 WHERE c.relnamespace = 'paystate'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
		AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL$$,
	'every column of the rule tables has a comment');

-- Privileges.
CREATE ROLE types_anyone;
SELECT ok(has_schema_privilege('types_anyone', 'paystate', 'USAGE'), 'anyone may use the schema');
SELECT ok(NOT has_schema_privilege('types_anyone', 'paystate', 'CREATE'), 'no one may create in it');
SELECT ok(has_type_privilege('types_anyone', 'paystate.' || t, 'USAGE'), 'anyone may use ' || t)
  FROM unnest(ARRAY['order_status', 'payment_status', 'refund_status']) t;
SELECT table_privs_are('paystate', t::name, 'types_anyone', ARRAY['SELECT'],
	format('anyone may read %s and no more', t))
  FROM unnest(ARRAY['lifecycle', 'lifecycle_status', 'lifecycle_transition']) t;
SELECT ok(has_function_privilege('types_anyone', p.oid, 'EXECUTE'),
	format('anyone may have a trigger call %s', p.proname))
  FROM pg_proc p WHERE p.pronamespace = 'paystate'::regnamespace AND p.prorettype = 'trigger'::regtype;

-- create_tables for each type of key.
CREATE FUNCTION helper.columns_of(s text, t text) RETURNS text
	LANGUAGE sql
AS $$
	SELECT string_agg(attname || ' ' || replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz'),
			', ' ORDER BY attnum)
	  FROM pg_attribute WHERE attrelid = format('%I.%I', s, t)::regclass AND attnum > 0 AND NOT attisdropped;
$$;
CREATE TEMP TABLE made (s text, key text, gateway text, key_default text);
INSERT INTO made VALUES ('by_text', 'text', '', 'paystate.new_id(''%s''::text)'),
	('by_bigint', 'bigint', 'gateway_id text, ', NULL),
	('by_uuid', 'uuid', 'gateway_id text, ', 'gen_random_uuid()');
DO $$
DECLARE
	m made;
BEGIN
	FOR m IN SELECT * FROM made LOOP
		EXECUTE format('CREATE SCHEMA %I', m.s);
		PERFORM paystate.create_tables(m.s::name, 'plural', m.key::regtype);
	END LOOP;
END
$$;
SELECT is(columns_of(s, 'orders'), format('id %s, %slifecycle text, amount bigint, amount_paid bigint, amount_due bigint, amount_authorized bigint, amount_pending bigint, amount_refunded bigint, currency text, receipt text, offer_id text, partial_payment boolean, first_payment_min_amount bigint, notes jsonb, status paystate.order_status, attempts integer, payments_open integer, version integer, status_since timestamptz, changed_at timestamptz, created_at timestamptz', key, gateway),
	s || ': columns of orders') FROM made;
SELECT is(columns_of(s, 'payments'), format('id %s, %sorder_id %1$s, amount bigint, amount_captured bigint, amount_refunded bigint, refund_pending bigint, currency text, status paystate.payment_status, status_since timestamptz, created_at timestamptz', key, gateway),
	s || ': columns of payments') FROM made;
SELECT is(columns_of(s, 'refunds'), format('id %s, %spayment_id %1$s, amount bigint, status paystate.refund_status, created_at timestamptz', key, gateway),
	s || ': columns of refunds') FROM made;
SELECT is(columns_of(s, 'order_history'), format('order_id %s, seq integer, at timestamptz, payment_id %1$s, refund_id %1$s, payment_from paystate.payment_status, payment_to paystate.payment_status, refund_to paystate.refund_status, order_from paystate.order_status, order_to paystate.order_status, amount bigint, amount_paid bigint, attempts integer, order_since timestamptz, payment_since timestamptz, actor text, reason text, event_id text, forced boolean', key),
	s || ': columns of order_history') FROM made;

SELECT col_default_is(s::name, t::name, 'id', replace(key_default, '%s', k), format('%s: default of %s.id', s, t))
  FROM made, (VALUES ('orders', 'order'), ('payments', 'payment'), ('refunds', 'refund')) v (t, k)
 WHERE key_default IS NOT NULL;
SELECT isnt(attidentity, '', format('by_bigint: %s.id is an identity', t))
  FROM unnest(ARRAY['orders', 'payments', 'refunds']) t
  JOIN pg_attribute ON attrelid = ('by_bigint.' || t)::regclass AND attname = 'id';
SELECT col_default_is(s::name, 'orders', 'currency', 'INR', s || ': orders are in INR by default') FROM made;
SELECT col_default_is(s::name, 'orders', 'notes', '{}', s || ': notes are empty by default') FROM made;
SELECT col_default_is(s::name, 'refunds', 'status', 'processed', s || ': refunds are processed by default') FROM made;

SELECT col_is_pk(s::name, t::name, ARRAY['id']::name[], format('%s: key of %s', s, t))
  FROM made, unnest(ARRAY['orders', 'payments', 'refunds']) t;
SELECT col_is_pk(s::name, 'order_history', ARRAY['order_id', 'seq']::name[], s || ': key of order_history') FROM made;
SELECT col_is_unique(s::name, t::name, ARRAY['gateway_id']::name[], format('%s: %s.gateway_id is unique', s, t))
  FROM made, unnest(ARRAY['orders', 'payments', 'refunds']) t WHERE gateway <> '';
SELECT bag_eq(format($$SELECT conrelid::regclass::text AS a, confrelid::regclass::text AS b, pg_get_constraintdef(oid) ~ 'FOREIGN KEY \((order_id|payment_id)\)' AS c
		FROM pg_constraint WHERE contype = 'f' AND connamespace = %L::regnamespace AND convalidated AND NOT condeferrable$$, s),
	format($$VALUES ('%1$s.payments', '%1$s.orders', true), ('%1$s.refunds', '%1$s.payments', true), ('%1$s.order_history', '%1$s.orders', true)$$, s),
	s || ': foreign keys') FROM made;
SELECT is_empty(format($$SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = %L::regnamespace$$, s),
	s || ': no CHECK, which each statement would parse anew') FROM made;
SELECT ok(EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = format('%I.%I', s, t)::regclass AND a.attname = c AND i.indisvalid AND i.indpred IS NULL),
	format('%s: %s are indexed by %s', s, t, c))
  FROM made, (VALUES ('payments', 'order_id'), ('refunds', 'payment_id')) v (t, c);
SELECT is_empty(format($$SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
		WHERE i.indrelid = '%I.orders'::regclass AND a.attname = 'status'$$, s),
	s || ': no index on the status of orders') FROM made;
SELECT ok('fillfactor=90' = ANY (c.reloptions), s || ': orders are filled to 90 per cent')
  FROM made JOIN pg_class c ON c.oid = format('%I.orders', s)::regclass;
SELECT is_empty($$SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace = 'by_text'::regnamespace AND c.relkind = 'r'
			AND a.attname IN ('id', 'order_id', 'payment_id', 'refund_id')
			AND a.attcollation <> '"C"'::regcollation$$,
	'by_text: all keys are of collation "C"');
SELECT is_empty(format($$SELECT c.relname FROM pg_class c WHERE c.relnamespace = %L::regnamespace AND c.relkind = 'r'
		AND (obj_description(c.oid, 'pg_class') IS NULL OR EXISTS (SELECT FROM pg_attribute a
			WHERE a.attrelid = c.oid AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL))$$, s),
	s || ': every table and every column has a comment') FROM made;
SELECT bag_eq(format($$SELECT tgrelid::regclass::text AS a, tgname::text AS b, pg_get_triggerdef(oid) ~ 'lifecycle=plural' AS c FROM pg_trigger
		WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = %L::regnamespace)
			AND tgenabled = 'O' AND obj_description(oid, 'pg_trigger') IS NOT NULL$$, s),
	format($$SELECT %L || '.' || t AS a, n AS b, true AS c FROM unnest(ARRAY['orders', 'payments', 'refunds', 'order_history']) t,
		unnest(ARRAY['_paystate_before', 'A_paystate_guard', '_paystate_truncate']) n
		WHERE (t, n) <> ('order_history', 'A_paystate_guard')$$, s),
	s || ': guards, enabled and commented') FROM made;

-- They work: an order that is paid and refunded, keys by default.
CREATE FUNCTION helper.walk(s text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text;
BEGIN
	EXECUTE format('SET LOCAL search_path = %I', s);
	INSERT INTO orders (amount) VALUES (1000);
	INSERT INTO payments (order_id) SELECT id FROM orders;
	UPDATE payments SET status = 'processed';
	INSERT INTO refunds (payment_id, amount) SELECT id, 400 FROM payments;
	SELECT concat_ws(' ', o.status, o.amount_paid, o.amount_refunded, o.version, p.status, r.status,
			(SELECT count(*) FROM order_history h WHERE h.order_id = o.id))
		INTO got FROM orders o JOIN payments p ON p.order_id = o.id JOIN refunds r ON r.payment_id = p.id;
	SET LOCAL search_path = shop, helper, public;
	RETURN got;
END
$$;
SELECT is(walk(s), 'partially_refunded 1000 400 4 processed processed 4', s || ': an order is paid and refunded') FROM made;
SELECT is(o.lifecycle, 'plural', 'orders follow the life cycle named at create_tables')
  FROM by_uuid.orders o;
SELECT is(format('%s; %s; %s', proargnames[1:4], ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes[0:3]) t), pronargdefaults = pronargs),
	'{schema,lifecycle,key_type,sharded}; {name,text,regtype,boolean}; t', 'create_tables has its four arguments first, all with defaults')
  FROM pg_proc WHERE proname = 'create_tables' AND pronamespace = 'paystate'::regnamespace;
CREATE SCHEMA here;
SET LOCAL search_path = here, shop, helper, public;
SELECT lives_ok('SELECT paystate.create_tables()', 'create_tables without arguments takes the current schema');
SET LOCAL search_path = shop, helper, public;
SELECT tables_are('here', ARRAY['orders', 'payments', 'refunds', 'order_history'], 'four tables stand there');
SELECT is(tgargs, 'lifecycle=razorpay\000'::bytea, 'and follow razorpay: ' || tgname || ' of ' || tgrelid::regclass)
  FROM pg_trigger WHERE tgname LIKE '%\_paystate\_%' AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'here'::regnamespace)
 ORDER BY tgrelid, tgname;
SELECT refused('SELECT paystate.create_tables(''here'', ''nowhere'')', '23PS8 life cycle "nowhere" does not exist',
	'create_tables refuses an unknown life cycle');
SELECT matches(outcome('SELECT paystate.create_tables(''here'', key_type => ''numeric'')', true), '^22023 ',
	'create_tables refuses another type of key');
SELECT refused('SELECT paystate.create_tables(''here'', key_type => ''bigint'', sharded => true)',
	'22023 the sharded layout cannot have keys of type "bigint"', 'no shard has a sequence');

-- currencies
SELECT is(paystate.currency_exponent(c), e, format('exponent of "%s"', c))
  FROM (VALUES ('INR', 2), ('AED', 2), ('ZMW', 2), ('JPY', 0), ('KWD', 3), ('XXX', NULL), ('INRS', NULL), ('INR ', NULL), ('IN', NULL), ('inr', NULL), ('', NULL)) v (c, e);

-- new_id
SELECT matches(paystate.new_id(k), p || '[0-9A-Za-z]{14}$', 'new_id of ' || k)
  FROM (VALUES ('order', '^order_'), ('payment', '^pay_'), ('refund', '^rfnd_')) v (k, p);
CREATE TEMP TABLE minted (nr integer GENERATED ALWAYS AS IDENTITY, id text COLLATE "C");
INSERT INTO minted (id) SELECT paystate.new_id('payment') FROM generate_series(1, 10000);
SELECT is((SELECT count(DISTINCT id) FROM minted), 10000::bigint, 'ten thousand ids are all different');
SELECT is_empty('SELECT * FROM (SELECT id, lag(id) OVER (ORDER BY nr) AS before FROM minted) s WHERE before >= id',
	'ids sort as they were made');
SELECT matches(outcome('SELECT paystate.new_id(''basket'')'), '^22023 ', 'new_id knows no other kind');

SELECT given('closing', 'razorpay', 1000, 'a=1000 a>authorized a>captured') LIKE 'paid%' AS ok \gset
\ir lib/end.sql
