-- The layout that can be spread over machines: the order's key leads every
-- key of its tables.  All life cycles walk it, on plain tables and on sixteen
-- hash partitions of each, by text and by uuid, with an empty search_path.
BEGIN;
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA walk;

-- the same tables in sixteen hash partitions each, attached
CREATE FUNCTION walk.spread(here name, there name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t	record;
BEGIN
	EXECUTE format('CREATE SCHEMA %I', there);
	FOR t IN SELECT * FROM (VALUES ('orders', 'id'), ('payments', 'order_id'), ('refunds', 'order_id')) v (name, key) LOOP
		EXECUTE format('CREATE TABLE %1$I.%3$I (LIKE %2$I.%3$I INCLUDING ALL) PARTITION BY HASH (%4$I)', there, here, t.name, t.key);
		FOR n IN 0 .. 15 LOOP
			EXECUTE format('CREATE TABLE %1$I.%2$I PARTITION OF %1$I.%3$I FOR VALUES WITH (MODULUS 16, REMAINDER %4$s)',
				there, t.name || '_' || n, t.name, n);
		END LOOP;
	END LOOP;
	EXECUTE format('ALTER TABLE %1$I.payments ADD FOREIGN KEY (order_id) REFERENCES %1$I.orders', there);
	EXECUTE format('ALTER TABLE %1$I.refunds ADD FOREIGN KEY (order_id, payment_id) REFERENCES %1$I.payments', there);
END
$$;

-- one order from its insert to a refund in two parts, one of them pending;
-- what was refused on the way, and where it ends
CREATE FUNCTION walk.through(s name, lifecycle text) RETURNS text LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
	o		text;
	p		text;
	r		text;
	said	text := '';
	done	text := CASE WHEN lifecycle LIKE 'plural%' THEN 'processed' ELSE 'captured' END;
	moves	text[];
	m		text;
	code	text;
	got		text;
BEGIN
	EXECUTE format('INSERT INTO %I.orders (amount, lifecycle) VALUES (1000, $1) RETURNING id', s) INTO o USING lifecycle;
	EXECUTE format('INSERT INTO %I.payments (order_id) VALUES ($1::%s) RETURNING id', s, walk.key_type(s)) INTO p USING o;
	moves := CASE lifecycle WHEN 'plural' THEN ARRAY[done]
		WHEN 'paykun' THEN ARRAY[done]
		ELSE ARRAY['authorized', done] END;
	FOREACH m IN ARRAY moves LOOP
		EXECUTE format('SELECT outcome FROM paystate.try_payment(%L::regclass, $1, $2, NULL, $3)', s || '.payments') INTO got USING p, m, o;
		said := said || got || ' ';
	END LOOP;
	BEGIN
		EXECUTE format('INSERT INTO %I.payments (order_id) VALUES ($1::%s)', s, walk.key_type(s)) USING o;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE;
		said := said || code || ' ';
	END;
	EXECUTE format('INSERT INTO %1$I.refunds (order_id, payment_id, amount) VALUES ($1::%2$s, $2::%2$s, 400)', s, walk.key_type(s)) USING o, p;
	EXECUTE format('INSERT INTO %1$I.refunds (order_id, payment_id, amount, status) VALUES ($1::%2$s, $2::%2$s, 600, ''pending'') RETURNING id', s, walk.key_type(s)) INTO r USING o, p;
	BEGIN
		EXECUTE format('INSERT INTO %1$I.refunds (order_id, payment_id, amount) VALUES ($1::%2$s, $2::%2$s, 1)', s, walk.key_type(s)) USING o, p;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE;
		said := said || code || ' ';
	END;
	EXECUTE format('UPDATE %I.refunds SET status = ''processed'' WHERE order_id = $1::%s AND id = $2::%2$s', s, walk.key_type(s)) USING o, r;
	EXECUTE format('SELECT concat_ws('' '', o.status, o.amount_paid, o.amount_refunded, p.status, p.amount_refunded, p.refund_pending, o.version)'
		' FROM %1$I.orders o JOIN %1$I.payments p ON p.order_id = o.id WHERE o.id = $1::%2$s', s, walk.key_type(s)) INTO got USING o;
	RETURN said || got;
END
$$;
CREATE FUNCTION walk.key_type(s name) RETURNS text LANGUAGE sql AS $$
	SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = (s || '.orders')::regclass AND attname = 'id'
$$;

CREATE SCHEMA flat_text;
CREATE SCHEMA flat_uuid;
SELECT lives_ok(format('SELECT paystate.create_tables(%L, ''razorpay'', %L, true)', s, k), 'the layout is made with keys of type ' || k)
  FROM (VALUES ('flat_text', 'text'), ('flat_uuid', 'uuid')) v (s, k);
SELECT walk.spread('flat_text', 'hash_text'), walk.spread('flat_uuid', 'hash_uuid');
SELECT is_empty(format('SELECT * FROM paystate.attach(%L, %L, %L)', s || '.orders', s || '.payments', s || '.refunds'), 'and is attached in hash partitions: ' || s)
  FROM (VALUES ('hash_text'), ('hash_uuid')) v (s);

-- rule 1: the order's key leads every primary key and unique constraint
SELECT is_empty($$
	SELECT x.indexrelid::regclass FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
	  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
	 WHERE c.relnamespace IN ('flat_text'::regnamespace, 'flat_uuid'::regnamespace) AND x.indisunique
	   AND a.attname <> CASE c.relname WHEN 'orders' THEN 'id' ELSE 'order_id' END$$,
	'the order''s key leads every unique index');
SELECT is_empty($$
	SELECT attrelid::regclass, attname FROM pg_attribute
	 WHERE attrelid = ANY ('{flat_text.payments,flat_text.refunds,flat_uuid.payments,flat_uuid.refunds}'::regclass[])
	   AND attname = 'order_id' AND NOT attnotnull$$, 'and is never null');
SELECT is_empty($$
	SELECT * FROM pg_attrdef WHERE pg_get_expr(adbin, adrelid) LIKE '%nextval%'
	   AND adrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN ('flat_text'::regnamespace, 'flat_uuid'::regnamespace))$$,
	'no default comes from a sequence');
SELECT throws_ok('SELECT paystate.create_tables(''walk'', ''razorpay'', ''bigint'', true)', '22023',
	'the sharded layout cannot have keys of type "bigint"', 'keys that come from a sequence are refused');

SELECT is(walk.through(s, c.lifecycle), c.wanted, c.lifecycle || ' in ' || s)
  FROM (VALUES ('flat_text'), ('flat_uuid'), ('hash_text'), ('hash_uuid')) v (s),
	   (VALUES ('razorpay', 'applied applied 23PS3 23PS4 paid 1000 1000 refunded 1000 0 7'),
			   ('paykun', 'applied 23PS3 23PS4 paid 1000 1000 refunded 1000 0 6'),
			   ('plural_preauth', 'applied applied 23PS3 23PS4 fully_refunded 1000 1000 processed 1000 0 7'),
			   ('plural', 'applied 23PS3 23PS4 fully_refunded 1000 1000 processed 1000 0 6')) c (lifecycle, wanted);
SELECT is_empty(format('SELECT * FROM paystate.verify(%L)', s || '.orders'), 'all adds up in ' || s)
  FROM (VALUES ('flat_text'), ('flat_uuid'), ('hash_text'), ('hash_uuid')) v (s);
SELECT is((SELECT count(DISTINCT tableoid) > 1 FROM hash_text.orders), true, 'the orders are spread');
SELECT throws_ok('UPDATE flat_text.payments SET order_id = ''x''', '23PS6', 'column "order_id" of table "payments" cannot be changed', 'the key never changes');
SELECT throws_ok('UPDATE hash_text.payments SET order_id = ''x''', '23PS6', 'column "order_id" of table "payments" cannot be changed', 'nor does it in partitions');
SELECT throws_ok('UPDATE flat_text.refunds SET order_id = ''x''', '23PS6', 'column "order_id" of table "refunds" cannot be changed', 'nor that of a refund');
SELECT throws_ok('INSERT INTO flat_text.payments (order_id) VALUES (NULL)', '23502', NULL, 'a payment has an order');
SELECT throws_ok('INSERT INTO flat_text.payments (order_id) VALUES (''nobody'')', '23503', NULL, 'that there is');
SELECT throws_ok($$INSERT INTO flat_text.refunds (order_id, payment_id, amount)
	SELECT o.id, p.id, 1 FROM flat_text.orders o, flat_text.payments p WHERE p.order_id <> o.id LIMIT 1$$, '23503', NULL,
	'a refund names its payment''s own order');
SELECT * FROM finish();
ROLLBACK;
