-- order_json: an order as the gateway publishes it, and who gets an answer.
\ir lib/shop.sql

SELECT * FROM no_plan();

CREATE FUNCTION helper.keys_of(entity json) RETURNS text[]
	LANGUAGE sql IMMUTABLE
AS $$ SELECT array_agg(k ORDER BY o) FROM json_object_keys(entity) WITH ORDINALITY u (k, o) $$;

-- Orders as published in the documentation, inserted with their values.
CREATE TEMP TABLE published (entity json);
INSERT INTO published VALUES
	('{"id": "order_IluGWxBm9U8zJ8","entity": "order","amount": 5000,"amount_paid": 0,"amount_due": 5000,"currency": "INR","receipt": "rcptid_11","offer_id": null,"status": "created","attempts": 0,"notes": [],"created_at": 1642662092}'),
	('{ "id": "order_DBJOWzybf0sJbb", "entity": "order", "amount": 50000, "amount_paid": 0, "amount_due": 50000, "currency": "INR", "receipt": "rcptid_11", "status": "created", "attempts": 0, "notes": [], "created_at": 1566986570 }');
INSERT INTO orders (id, amount, currency, receipt, offer_id, notes, created_at)
	SELECT entity ->> 'id', (entity ->> 'amount')::bigint, entity ->> 'currency', entity ->> 'receipt',
		entity ->> 'offer_id', (entity ->> 'notes')::jsonb, to_timestamp((entity ->> 'created_at')::bigint)
	  FROM published;

SELECT is(paystate.order_json('orders', 'order_IluGWxBm9U8zJ8')::text,
	(SELECT regexp_replace(entity::text, '": ', '":', 'g') FROM published WHERE entity ->> 'id' = 'order_IluGWxBm9U8zJ8'),
	'a published order to the letter, but for spaces');
SELECT is(paystate.order_json('orders', entity ->> 'id')::jsonb - 'offer_id', entity::jsonb - 'offer_id',
		format('%s: the published values, and of the same types', entity ->> 'id'))
  FROM published;
SELECT is(array_remove(helper.keys_of(paystate.order_json('orders', entity ->> 'id')), 'offer_id'),
		array_remove(helper.keys_of(entity), 'offer_id'), format('%s: the keys in the published order', entity ->> 'id'))
  FROM published;
SELECT is(helper.keys_of(paystate.order_json('orders', id)),
		ARRAY['id', 'entity', 'amount', 'amount_paid', 'amount_due', 'currency', 'receipt', 'offer_id', 'status', 'attempts', 'notes', 'created_at'],
		format('%s: all keys, no other', id))
  FROM orders ORDER BY id;

-- In the course of its life.
SELECT is(pg_typeof(paystate.order_json('orders', 'order_DBJOWzybf0sJbb')), 'json'::regtype, 'it is json');
INSERT INTO orders (id, amount, partial_payment, currency, offer_id, notes, created_at) VALUES
	('o1', 1000, true, 'USD', 'offer_JHD834hjbxzhd38d', '{"desk": 4, "by": "R \"2\"", "gift": true, "of": null}', '2024-02-29 23:59:59.999999+00');
SELECT helper.then('o1', 'a=600 a>failed b=400 b>authorized b>captured b-100') \g /dev/null
SELECT is(paystate.order_json('orders', 'o1')::text,
	'{"id":"o1","entity":"order","amount":1000,"amount_paid":400,"amount_due":600,"currency":"USD","receipt":null,"offer_id":"offer_JHD834hjbxzhd38d","status":"attempted","attempts":2,"notes":'
		|| (SELECT notes::text FROM orders WHERE id = 'o1') || ',"created_at":1709251199}',
	'paid in part and refunded in part: totals as they stand, notes as given, whole seconds');
SELECT helper.then('o1', 'c=600 c>authorized c>captured') \g /dev/null
SELECT is(paystate.order_json('orders', 'o1')::jsonb
		- '{id,entity,amount,currency,receipt,offer_id,notes,created_at}'::text[],
	'{"amount_paid": 1000, "amount_due": 0, "status": "paid", "attempts": 3}', 'paid');
SELECT helper.given('v1', 'plural', 1000, 'a=1000 a>processed a-300') \g /dev/null
SELECT is(paystate.order_json('orders', 'v1') ->> 'status', 'partially_refunded', 'the status in our spelling');
INSERT INTO orders (id, amount, created_at) VALUES ('o2', 9007199254740993, '1969-12-31 23:59:58.5+00');
SELECT is(paystate.order_json('orders', 'o2')::text,
	'{"id":"o2","entity":"order","amount":9007199254740993,"amount_paid":0,"amount_due":9007199254740993,"currency":"INR","receipt":null,"offer_id":null,"status":"created","attempts":0,"notes":[],"created_at":-2}',
	'money is exact; no notes are an empty array; seconds before 1970 are whole');
INSERT INTO orders (id, amount, created_at) VALUES ('o3', 1000, '-infinity');
SELECT is(paystate.order_json('orders', 'o3') ->> 'created_at', NULL, 'no moment, no seconds');
INSERT INTO orders (id, amount, receipt) VALUES (E'o\'"; \\ -- 4', 1000, E'"\n\\');
SELECT is(paystate.order_json('orders', E'o\'"; \\ -- 4') ->> 'receipt', E'"\n\\', 'a key and a receipt of whatever letters');

-- Refusals, each beside its legal twin.
SELECT helper.refused($$SELECT paystate.order_json('orders', 'o9')$$,
	'P0002 order "o9" does not exist', 'an unknown key');
SELECT helper.refused($$SELECT paystate.order_json('orders', NULL::text)$$,
	'22004 argument "order_key" must not be null', 'a key that is null');
SELECT helper.refused($$SELECT paystate.order_json('orders', 'o1'' OR ''1''=''1')$$,
	'P0002 order "o1'' OR ''1''=''1" does not exist', 'a key is a value, not SQL');
SELECT helper.refused($$SELECT paystate.order_json('orders', 'o1', 'o2')$$,
	'22023 wrong number of key values for table "orders"', 'two values for a key of one column');
SELECT helper.refused($$SELECT paystate.order_json('orders', VARIADIC '{}')$$,
	'22023 wrong number of key values for table "orders"', 'no value');
SELECT helper.accepted($$SELECT paystate.order_json('orders', VARIADIC '{o1}')$$, 'one value');
CREATE TABLE plain (id text);
CREATE VIEW veiled AS TABLE orders;
SELECT helper.refused(format('SELECT paystate.order_json(%L, ''o1'')', t),
		format('23PS8 table "%s" is not bound to a life cycle', t), format('%s is no orders table', t))
  FROM unnest(ARRAY['payments', 'refunds', 'order_history', 'plain', 'veiled', 'orders_pkey']) t;
SELECT helper.refused($$SELECT paystate.order_json('no_such', 'o1')$$,
	'42P01 relation "no_such" does not exist', 'a table that does not exist');
SELECT is(paystate.order_json(NULL, 'o1')::text, NULL, 'no table, no answer');

-- A table that fell out of its binding.
SAVEPOINT bound;
ALTER TABLE orders RENAME amount_due TO due;
SELECT throws_ok($$SELECT paystate.order_json('orders', 'o1')$$, '23PS8',
	'table "orders" is not bound to a life cycle', 'a column of another name');
ROLLBACK TO bound;
ALTER TABLE order_history DROP CONSTRAINT order_history_order_id_fkey;
SELECT throws_ok($$SELECT paystate.order_json('orders', 'o1')$$, '23PS8',
	'table "orders" is not bound to a life cycle', 'no key leads to it from a history');
ROLLBACK TO bound;
DROP TRIGGER _paystate_before ON orders;
DROP TRIGGER "A_paystate_guard" ON orders;
DROP TRIGGER _paystate_truncate ON orders;
SELECT throws_ok($$SELECT paystate.order_json('orders', 'o1')$$, '23PS8',
	'table "orders" is not bound to a life cycle', 'no guards');
ROLLBACK TO bound;
CREATE TABLE past (order_id text COLLATE "C" REFERENCES orders, at timestamptz,
	order_from paystate.order_status, order_to paystate.order_status, order_since timestamptz);
CREATE TRIGGER guard BEFORE INSERT ON past FOR EACH ROW EXECUTE FUNCTION paystate.guard_history('lifecycle=razorpay');
SELECT throws_ok($$SELECT paystate.order_json('orders', 'o1')$$, '23PS8',
	'table "orders" is not bound to a life cycle', 'a second guarded history');
CREATE ROLE tap_other;
ALTER TABLE past OWNER TO tap_other;
SELECT is(paystate.order_json('orders', 'o1') ->> 'status', 'paid', 'one of another owner is nobody''s');
ROLLBACK TO bound;
ALTER TABLE orders DISABLE TRIGGER USER;
SELECT is(paystate.order_json('orders', 'o1') ->> 'status', 'paid', 'while guards are disabled it can still be read');
ROLLBACK TO bound;
DROP VIEW veiled;
ALTER TABLE orders DROP receipt, DROP offer_id, DROP notes;
SELECT is(paystate.order_json('orders', 'o1')::jsonb - '{id,entity,amount,amount_paid,amount_due,currency,status,attempts,created_at}'::text[],
	'{"receipt": null, "offer_id": null, "notes": []}', 'what may be left out of the table is empty, not missing');
ROLLBACK TO bound;

-- Keys of other types, and of several columns.
CREATE SCHEMA numbers;
SELECT paystate.create_tables('numbers', key_type => 'bigint') \g /dev/null
INSERT INTO numbers.orders (id, amount, gateway_id) VALUES (17, 1000, NULL), (18, 2000, 'order_18');
SELECT is(paystate.order_json('numbers.orders', '17') ->> 'id', '17', 'a bigint key is the id, as text');
SELECT is((paystate.order_json('numbers.orders', '17') -> 'id')::text, '"17"', 'in quotes as ids are');
SELECT is(paystate.order_json('numbers.orders', '18')::jsonb - '{entity,amount_paid,amount_due,currency,receipt,offer_id,status,attempts,notes,created_at}'::text[],
	'{"id": "order_18", "amount": 2000}', 'the gateway''s own id, where the table has it');
SELECT helper.refused($$SELECT paystate.order_json('numbers.orders', 'order_18')$$,
	'22P02 invalid input syntax for type bigint: "order_18"', 'a value that is no key of that type');
SELECT helper.refused($$SELECT paystate.order_json('numbers.orders', '19')$$,
	'P0002 order "19" does not exist', 'an unknown number');
CREATE SCHEMA uuids;
SELECT paystate.create_tables('uuids', key_type => 'uuid') \g /dev/null
INSERT INTO uuids.orders (id, amount) VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1000);
SELECT is(paystate.order_json('uuids.orders', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11') ->> 'id',
	'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a uuid key, however it is written');

CREATE SCHEMA "Two ""keys""";
SET LOCAL search_path = "Two ""keys""", helper, public;
SELECT paystate.create_tables() \g /dev/null
DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;
ALTER TABLE payments DROP CONSTRAINT payments_order_id_fkey;
ALTER TABLE order_history DROP CONSTRAINT order_history_order_id_fkey, DROP CONSTRAINT order_history_pkey,
	ADD "the shop" char(3) NOT NULL;
ALTER TABLE payments ADD "the shop" char(3);
ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD "the shop" char(3) NOT NULL, ADD PRIMARY KEY (id, "the shop");
ALTER TABLE payments ADD FOREIGN KEY ("the shop", order_id) REFERENCES orders ("the shop", id);
ALTER TABLE order_history ADD FOREIGN KEY ("the shop", order_id) REFERENCES orders ("the shop", id),
	ADD PRIMARY KEY ("the shop", order_id, seq);
INSERT INTO orders ("the shop", id, amount) VALUES ('ab', 'o1', 1000), ('abc', 'o1', 2000);
SELECT is(paystate.order_json('orders', 'o1', 'abc') ->> 'amount', '2000', 'a key of two columns, in the order of the primary key');
SELECT is(paystate.order_json('orders', 'o1', 'ab') ->> 'id', 'o1', 'the id is the column of that name');
SELECT throws_ok($$SELECT paystate.order_json('orders', 'abc', 'o1')$$, 'P0002',
	'order "abc, o1" does not exist', 'in that order, not another');
SELECT throws_ok($$SELECT paystate.order_json('orders', 'o1')$$, '22023',
	'wrong number of key values for table "orders"', 'one value for a key of two columns');
ALTER TABLE orders RENAME id TO "Nr";
SELECT is(paystate.order_json('orders', 'o1', 'abc') ->> 'id', 'o1,abc', 'with no column of that name it is all of the key');
SET LOCAL search_path = shop, helper, public;

-- A history in partitions.
CREATE SCHEMA months;
SELECT paystate.create_tables('months', history_partition => 'month') \g /dev/null
INSERT INTO months.orders (id, amount) VALUES ('m', 1000);
SELECT is(paystate.order_json('months.orders', 'm') ->> 'status', 'created', 'with a history by months');

-- With the caller's rights.
CREATE ROLE tap_reader;
GRANT USAGE ON SCHEMA shop TO tap_reader;
SELECT set_config('helper.role', 'tap_reader', true) \g /dev/null
SELECT helper.refused($$SELECT paystate.order_json('shop.orders', 'o1')$$,
	'42501 permission denied for table orders', 'not without SELECT on the table');
GRANT SELECT ON orders TO tap_reader;
SELECT helper.accepted($$SELECT paystate.order_json('shop.orders', 'o1')$$, 'with SELECT on it alone');
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON orders FOR SELECT TO tap_reader USING (id <> 'o1');
SELECT helper.refused($$SELECT paystate.order_json('shop.orders', 'o1')$$,
	'P0002 order "o1" does not exist', 'a row that its reader may not see is unknown');
SELECT helper.accepted($$SELECT paystate.order_json('shop.orders', 'o2')$$, 'another is there');
SELECT set_config('helper.role', '', true) \g /dev/null

-- Whatever the caller's search_path and temporary tables.
CREATE TEMP TABLE orders (id text PRIMARY KEY, amount bigint);
SET LOCAL search_path = pg_temp, shop, helper, public;
SELECT is(paystate.order_json('shop.orders', 'o1') ->> 'status', 'paid', 'a temporary table of that name is another one');
SELECT throws_ok($$SELECT paystate.order_json('orders', 'o1')$$, '23PS8',
	'table "orders" is not bound to a life cycle', 'and no orders table');
DROP TABLE pg_temp.orders;
SET LOCAL search_path = shop, helper, public;

\ir lib/end.sql
