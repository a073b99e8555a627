-- Receipt, notes and partial terms on tables that were attached: the rules
-- that create_tables states as CHECKs, said by the guard.
BEGIN;
SET client_min_messages = error;
SELECT * FROM no_plan();
CREATE SCHEMA shop;
SET search_path = shop, public;
CREATE TABLE o (id int PRIMARY KEY, status text, amount numeric(8,2) NOT NULL, ref varchar(100), notes jsonb,
	partial_payment boolean DEFAULT false, floor numeric(8,2));
CREATE TABLE p (id int PRIMARY KEY, oid int REFERENCES o, amount numeric(8,2), status text);
CREATE INDEX ON p (oid);
INSERT INTO o VALUES (1, 'created', 10.50, repeat('x', 60), '{"a": [1]}');
SELECT is_empty($$SELECT * FROM paystate.attach('o', 'p', lifecycle => 'razorpay', add_columns => true,
	columns => '{"orders.receipt": "ref", "orders.first_payment_min_amount": "floor"}')$$, 'what was there before stays');
CREATE FUNCTION refused(s text, c text, d text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	before	text := (SELECT string_agg(o::text, ';' ORDER BY id) FROM o);
	code	text;
	name	text;
	said	text;
	rel		text;
BEGIN
	BEGIN
		EXECUTE s;
		said := 'no error';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, name = CONSTRAINT_NAME, said = MESSAGE_TEXT, rel = TABLE_NAME;
	END;
	RETURN NEXT is(concat_ws(' ', code, name, rel, said),
		format('23514 %1$s o new row for relation "o" violates check constraint "%1$s"', c), d);
	RETURN NEXT is((SELECT string_agg(o::text, ';' ORDER BY id) FROM o), before, d || ': nothing has changed');
END
$$;
SELECT refused('INSERT INTO o (id, amount, ref) VALUES (2, 5, repeat(''é'', 41))', 'orders_receipt_check', 'a receipt of 41 characters');
SELECT lives_ok('INSERT INTO o (id, amount, ref) VALUES (2, 5, repeat(''é'', 40))', 'one of 40');
SELECT refused('UPDATE o SET ref = repeat(''x'', 41) WHERE id = 2', 'orders_receipt_check', 'set later');
SELECT refused('INSERT INTO o (id, amount, notes) VALUES (3, 5, ''{"a": {}}'')', 'orders_notes_check', 'nested notes');
SELECT refused('UPDATE o SET notes = ''[1]'' WHERE id = 1', 'orders_notes_check', 'notes that are a list');
SELECT lives_ok('UPDATE o SET notes = ''{"b": 1}'' WHERE id = 1', 'flat notes');
SELECT refused('INSERT INTO o (id, amount, floor) VALUES (3, 5, 3)', 'orders_first_payment_check', 'a least first payment without partial payment');
SELECT refused('INSERT INTO o (id, amount, floor, partial_payment) VALUES (3, 5, 5.01, true)', 'orders_first_payment_check', 'one above the amount');
SELECT lives_ok('INSERT INTO o (id, amount, floor, partial_payment) VALUES (3, 5, 5, true)', 'one of the whole amount');
SELECT lives_ok('UPDATE o SET ref = ref WHERE id = 1', 'a receipt from before, unchanged');
SELECT is(paystate.order_json('o', '2') ->> 'receipt', repeat('é', 40), 'order_json has the mapped receipt');
-- a column that only has the name is no receipt of ours
SELECT is_empty($$SELECT * FROM paystate.attach('o', 'p', lifecycle => 'razorpay',
	columns => '{"orders.receipt": null, "orders.notes": null, "orders.first_payment_min_amount": "floor"}')$$, 'mapped to nothing');
SELECT lives_ok('UPDATE o SET ref = repeat(''x'', 100), notes = ''[1]'' WHERE id = 1', 'both are free');
SELECT is_empty('SELECT * FROM paystate.verify(''o'')', 'all adds up');
SELECT * FROM finish();
ROLLBACK;
