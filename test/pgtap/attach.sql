-- attach() refuses what it cannot guard, with its code and one message, and
-- leaves everything as it was; beside each refusal what is legal.
BEGIN;
SET LOCAL client_min_messages = error;	-- the owner here is a superuser
SELECT * FROM no_plan();

CREATE SCHEMA helper;
CREATE SCHEMA s;
CREATE TABLE s.orders (
	id bigint PRIMARY KEY, amount bigint NOT NULL, currency text NOT NULL DEFAULT 'INR',
	status paystate.order_status NOT NULL, note text, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE s.payments (
	id bigint PRIMARY KEY, order_id bigint REFERENCES s.orders, amount bigint NOT NULL,
	currency text NOT NULL DEFAULT 'INR', status paystate.payment_status NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON s.payments (order_id);
CREATE TABLE s.refunds (
	id bigint PRIMARY KEY, payment_id bigint NOT NULL REFERENCES s.payments, amount bigint NOT NULL,
	status paystate.refund_status NOT NULL DEFAULT 'processed', created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO s.orders (id, amount, status) VALUES (1, 1000, 'created'), (2, 1000, 'paid'), (3, 1000, 'attempted');
INSERT INTO s.payments (id, order_id, amount, status) VALUES
	(21, 2, 1000, 'captured'), (31, 3, 1000, 'failed'), (32, 3, 1000, 'authorized');
INSERT INTO s.refunds (id, payment_id, amount, status) VALUES (211, 21, 100, 'processed'), (212, 21, 50, 'pending');
CREATE ROLE attach_owner;
CREATE ROLE attach_other;
GRANT ALL ON SCHEMA s TO attach_owner, attach_other;
GRANT USAGE ON SCHEMA helper TO attach_owner, attach_other;

-- Everything that attach could have changed, as one text.
CREATE FUNCTION helper.shot() RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
	shot text;
	rel regclass;
BEGIN
	SELECT string_agg(t::text, E'\n' ORDER BY t::text) INTO shot FROM (
		SELECT c.relname, c.relkind, c.relowner, c.relforcerowsecurity, c.relacl::text, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attisdropped,
			   pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
		  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
		  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relnamespace = 's'::regnamespace) t;
	shot := concat_ws(E'\n', shot, (SELECT string_agg(concat_ws(' ', t.tgrelid::regclass, t.tgname, t.tgenabled, t.tgfoid, t.tgargs), E'\n' ORDER BY t.oid)
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 's'::regnamespace));
	FOR rel IN SELECT oid FROM pg_class WHERE relnamespace = 's'::regnamespace AND relkind = 'r' ORDER BY relname LOOP
		EXECUTE format('SELECT concat_ws(E''\n'', $1, string_agg(concat_ws('' '', xmin, ctid, t), E''\n'' ORDER BY t::text)) FROM %s t', rel) INTO shot USING shot;
	END LOOP;
	RETURN shot;
END
$$;

-- What a call says once the tables are spoilt in some way: its findings, or
-- its code, message and detail; and whether it left a trace all the same.
CREATE FUNCTION helper.says(spoil text, call text) RETURNS text
	LANGUAGE plpgsql
AS $$
DECLARE
	before text;
	got text;
	code text;
	detail text;
BEGIN
	BEGIN
		EXECUTE spoil;
		before := helper.shot();
		BEGIN
			EXECUTE format('SELECT coalesce(string_agg(concat_ws(''|'', relation, problem, detail), E''\n'' ORDER BY relation::text, detail), ''attached'') FROM %s', call) INTO got;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, got = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
			got := concat_ws('|', code, got, nullif(detail, ''));
		END;
		IF got <> 'attached' AND helper.shot() IS DISTINCT FROM before THEN
			got := got || ' AND CHANGED SOMETHING';
		END IF;
		RAISE SQLSTATE 'TT000';
	EXCEPTION WHEN SQLSTATE 'TT000' THEN
		RETURN got;
	END;
END
$$;

CREATE FUNCTION helper.attach(more text DEFAULT '') RETURNS text
	LANGUAGE sql AS $$SELECT 'paystate.attach(''s.orders'', ''s.payments'', ''s.refunds'', lifecycle => ''razorpay'', add_columns => true' || more || ')'$$;

CREATE FUNCTION helper.refuses(spoil text, call text, answer text, what text) RETURNS text
	LANGUAGE sql AS $$SELECT is(helper.says(spoil, call), answer, what)$$;
CREATE FUNCTION helper.unbound(spoil text, relation text, detail text, what text) RETURNS text
	LANGUAGE sql AS $$SELECT is(helper.says(spoil, helper.attach()), format('23PS8|table "%s" is not bound to a life cycle|%s', relation, detail), what)$$;
CREATE FUNCTION helper.bad(more text, argument text, detail text, what text) RETURNS text
	LANGUAGE sql AS $$SELECT is(helper.says('', helper.attach(more)), format('22023|argument "%s" of attach is not valid|%s', argument, detail), what)$$;
CREATE FUNCTION helper.takes(spoil text, more text, what text) RETURNS text
	LANGUAGE sql AS $$SELECT is(helper.says(spoil, helper.attach(more)), 'attached', what)$$;

SELECT helper.takes('', '', 'the tables as they are');

-- ---- arguments
SELECT is(helper.says('', $$paystate.attach(NULL, 's.payments')$$), '22004|argument "orders" must not be null', 'no orders');
SELECT is(helper.says('', $$paystate.attach('s.orders', NULL)$$), '22004|argument "payments" must not be null', 'no payments');
SELECT is(helper.says('', helper.attach(', columns => NULL')), '22004|argument "columns" must not be null', 'no map of columns');
SELECT is(helper.says('', $$paystate.attach('s.orders', 's.orders', lifecycle => 'razorpay')$$),
	'22023|argument "payments" of attach is not valid|That table is given twice.', 'one table twice');
SELECT is(helper.says('', $$paystate.attach('s.orders', 's.payments', 's.payments', lifecycle => 'razorpay')$$),
	'22023|argument "refunds" of attach is not valid|That table is given twice.', 'payments as refunds');
SELECT is(helper.says('', $$paystate.attach('s.nothing', 's.payments')$$), '42P01|relation "s.nothing" does not exist', 'a table that does not exist');
SELECT helper.bad(', columns => ''[]''', 'columns', 'It must be an object like {"orders.status": "state"}.', 'a map of columns that is none');
SELECT helper.bad(', columns => ''{"orders.colour": "note"}''', 'columns', 'paystate knows no column "orders.colour".', 'a column of ours that does not exist');
SELECT helper.bad(', columns => ''{"status": "note"}''', 'columns', 'paystate knows no column "status".', 'a column without its table');
SELECT helper.bad(', columns => ''{"orders.status": "state"}''', 'columns', 'Column "state" of table "orders" does not exist.', 'a column of theirs that does not exist');
SELECT helper.bad(', columns => ''{"orders.status": "ctid"}''', 'columns', 'Column "ctid" of table "orders" does not exist.', 'a system column');
SELECT helper.bad(', columns => ''{"orders.status": 1}''', 'columns', 'The value of "orders.status" must be the name of a column.', 'a number for a name');
SELECT helper.bad(', columns => ''{"orders.status": null}''', 'columns', 'The value of "orders.status" must be the name of a column.', 'none for a column that must be there');
SELECT helper.takes('ALTER TABLE s.orders ADD lifecycle integer', ', columns => ''{"orders.lifecycle": null}''', 'none for one of another meaning');
SELECT helper.bad(', columns => ''{"orders.amount_paid": "amount"}''', 'columns', 'Column "amount" of orders would be "amount", "amount_paid" at once.', 'one column for two of ours');
SELECT helper.bad(', columns => ''{"history.seq": "nr"}''', 'columns', 'Column "history.seq" belongs to a table that is not given.', 'a column of no table');
SELECT helper.bad(', columns => ''{"orders.id": "note"}''', 'columns', 'Column "note" is no part of the primary key of table "orders".', 'a key that is none');
SELECT helper.bad(', columns => ''{"payments.order_id": "id"}''', 'columns', 'Column "id" is no part of the foreign key of table "payments".', 'a foreign key that is none');
SELECT helper.takes('', ', columns => ''{"orders.id": "id", "payments.order_id": "order_id", "refunds.payment_id": "payment_id"}''', 'keys by their names');
SELECT helper.bad(', labels => ''1''', 'labels', 'It must be an object like {"order": {"paid": "COMPLETE"}}.', 'labels that are none');
SELECT helper.bad(', labels => ''{"orders": {}}''', 'labels', '"orders" is none of "order", "payment" and "refund".', 'labels of nothing');
SELECT helper.bad(', labels => ''{"order": []}''', 'labels', 'The value of "order" must be an object.', 'labels without names');
SELECT helper.bad(', labels => ''{"order": {"shipped": "sent"}}''', 'labels', 'Life cycle "razorpay" has no order status "shipped".', 'a label of no life cycle');
SELECT helper.bad(', labels => ''{"order": {"cancelled": "void"}}''', 'labels', 'Life cycle "razorpay" has no order status "cancelled".', 'a label of another life cycle');
SELECT helper.bad(', labels => ''{"order": {"paid": ""}}''', 'labels', 'The value of "paid" must be a label.', 'an empty label');
SELECT helper.bad(', labels => ''{"order": {"paid": "a=b"}}''', 'labels', 'Label "a=b" has an equals sign in it.', 'an equals sign');
SELECT helper.bad(', labels => ''{"order": {"paid": "X", "attempted": "X"}}''', 'labels', 'Order status "X" would be "attempted", "paid" at once.', 'one label for two');
SELECT helper.bad(', labels => ''{"payment": {"captured": "failed"}}''', 'labels', 'Payment status "failed" would be "captured", "failed" at once.', 'a label that is taken');
SELECT is(helper.says('', $$paystate.attach('s.orders', 's.payments', 's.refunds', lifecycle => 'stripe', add_columns => true)$$),
	'23PS8|life cycle "stripe" does not exist', 'a life cycle that does not exist');
SELECT is(helper.says('', $$paystate.attach('s.orders', 's.payments', 's.refunds', add_columns => true)$$),
	'23PS8|table "orders" is not bound to a life cycle|It has no column "lifecycle", and no life cycle is given.', 'no life cycle');
SELECT is(helper.says($$ALTER TABLE s.orders ADD lifecycle text NOT NULL DEFAULT 'paykun'$$, $$paystate.attach('s.orders', 's.payments', 's.refunds', add_columns => true)$$),
	'attached', 'orders that name their own');

-- ---- who may
SELECT is(helper.says('SET LOCAL ROLE attach_owner', helper.attach()), '42501|must be owner of table orders', 'not the owner');
SELECT is(helper.says('ALTER TABLE s.orders OWNER TO attach_owner; SET LOCAL ROLE attach_owner', helper.attach()),
	'42501|must be owner of table payments', 'the owner of one of them');
SELECT helper.unbound('ALTER TABLE s.payments OWNER TO attach_owner', 'payments', 'It has another owner than the orders.', 'two owners, and a superuser');
SELECT helper.takes('ALTER TABLE s.orders OWNER TO attach_owner; ALTER TABLE s.payments OWNER TO attach_owner;
	ALTER TABLE s.refunds OWNER TO attach_owner; SET LOCAL ROLE attach_owner', '', 'the owner of all');

-- ---- what they are
SELECT helper.unbound('ALTER TABLE s.orders RENAME TO o; CREATE VIEW s.orders AS SELECT * FROM s.o', 'orders', 'It is neither an ordinary nor a partitioned table.', 'a view');
SELECT helper.unbound('CREATE TABLE s.child () INHERITS (s.orders)', 'orders', 'It inherits from a table, or is inherited from.', 'an inheritance child');
SELECT helper.unbound('CREATE TABLE s.up (note text); ALTER TABLE s.orders INHERIT s.up', 'orders', 'It inherits from a table, or is inherited from.', 'an inheritance parent');
SELECT helper.unbound('CREATE RULE r AS ON UPDATE TO s.payments DO INSTEAD NOTHING', 'payments', 'It has a rule.', 'a rule');
SELECT helper.unbound('ALTER TABLE s.refunds DROP CONSTRAINT refunds_pkey', 'refunds', 'It has no primary key that is checked at once.', 'no primary key');
SELECT helper.unbound('ALTER TABLE s.refunds DROP CONSTRAINT refunds_pkey, ADD PRIMARY KEY (id) DEFERRABLE', 'refunds',
	'It has no primary key that is checked at once.', 'a deferrable primary key');
SELECT is(helper.says('CREATE TEMP TABLE t (id bigint PRIMARY KEY)', $$paystate.attach('pg_temp.t', 's.payments', lifecycle => 'razorpay')$$),
	'23PS8|table "t" is not bound to a life cycle|It is a temporary table.', 'a temporary table');

-- ---- foreign keys
SELECT helper.unbound('ALTER TABLE s.payments DROP CONSTRAINT payments_order_id_fkey', 'payments', 'No foreign key leads to table "orders".', 'no foreign key');
SELECT helper.unbound('ALTER TABLE s.refunds DROP CONSTRAINT refunds_payment_id_fkey', 'refunds', 'No foreign key leads to table "payments".', 'none from the refunds');
SELECT helper.unbound('ALTER TABLE s.payments ADD other bigint REFERENCES s.orders', 'payments', 'More than one foreign key leads to table "orders".', 'two foreign keys');
SELECT helper.unbound('ALTER TABLE s.payments ALTER CONSTRAINT payments_order_id_fkey DEFERRABLE', 'payments',
	'Foreign key "payments_order_id_fkey" is deferrable, not validated or not enforced.', 'a deferrable one');
SELECT helper.unbound('ALTER TABLE s.payments DROP CONSTRAINT payments_order_id_fkey, ADD CONSTRAINT fk FOREIGN KEY (order_id) REFERENCES s.orders NOT VALID', 'payments',
	'Foreign key "fk" is deferrable, not validated or not enforced.', 'one that is not valid');
SELECT helper.takes('ALTER TABLE s.payments DROP CONSTRAINT payments_order_id_fkey, ADD CONSTRAINT fk FOREIGN KEY (order_id) REFERENCES s.orders NOT VALID;
	ALTER TABLE s.payments VALIDATE CONSTRAINT fk', '', 'until it is validated');
SELECT helper.unbound('ALTER TABLE s.orders ADD no bigint UNIQUE; UPDATE s.orders SET no = id;
	ALTER TABLE s.payments DROP CONSTRAINT payments_order_id_fkey, ADD CONSTRAINT fk FOREIGN KEY (order_id) REFERENCES s.orders (no)', 'payments',
	'Foreign key "fk" does not reference the primary key.', 'one to another key');
SELECT helper.takes('CREATE TABLE s.customer (id bigint PRIMARY KEY); ALTER TABLE s.payments ADD customer bigint REFERENCES s.customer;
	ALTER TABLE s.orders ADD previous bigint REFERENCES s.orders', '', 'foreign keys to anything else');

-- ---- columns
SELECT is(helper.says('', $$paystate.attach('s.orders', 's.payments', 's.refunds', lifecycle => 'razorpay')$$),
	'23PS8|table "orders" is not bound to a life cycle|Column "amount_paid" is missing.', 'a column that is missing and not to be added');
SELECT is(helper.says($$ALTER TABLE s.orders ALTER status TYPE text; UPDATE s.orders SET status = 'processed' WHERE status = 'paid'; ALTER TABLE s.payments ALTER status TYPE text;
	UPDATE s.payments SET status = 'processed' WHERE status = 'captured'; UPDATE s.payments SET status = 'failed' WHERE status = 'authorized'$$,
	$$paystate.attach('s.orders', 's.payments', 's.refunds', columns => '{"orders.amount_refunded": null}', lifecycle => 'plural', add_columns => true)$$),
	'23PS8|table "orders" is not bound to a life cycle|Column "amount_refunded" is missing.', 'what was refunded, where refunds move the order');
SELECT helper.unbound('ALTER TABLE s.orders RENAME status TO state', 'orders', 'Column "status" is missing.', 'a status cannot be added');
SELECT helper.unbound('ALTER TABLE s.payments RENAME amount TO value', 'payments', 'Column "amount" is missing.', 'nor an amount');
SELECT helper.takes('ALTER TABLE s.orders RENAME status TO state', ', columns => ''{"orders.status": "state"}''', 'but it can be mapped');
SELECT helper.unbound('ALTER TABLE s.orders ALTER amount TYPE double precision', 'orders',
	'Column "amount" is of type double precision, not bigint, integer or numeric(p,s).', 'money that is not exact');
SELECT helper.unbound('ALTER TABLE s.orders ALTER amount TYPE numeric', 'orders', 'Column "amount" is of type numeric, not bigint, integer or numeric(p,s).', 'money without a scale');
SELECT helper.unbound('ALTER TABLE s.orders ALTER amount TYPE numeric(12,4)', 'orders',
	'Column "amount" is of type numeric(12,4), whose decimals are no subunits of the currency.', 'money with four decimals');
SELECT helper.unbound('ALTER TABLE s.orders DROP currency, ALTER amount TYPE numeric(12,3)', 'orders',
	'Column "amount" is of type numeric(12,3), whose decimals are no subunits of the currency.', 'three are too many for rupees');
SELECT helper.takes('ALTER TABLE s.orders ALTER amount TYPE numeric(12,2) USING amount / 100.0; ALTER TABLE s.payments ALTER amount TYPE numeric(12,2) USING amount / 100.0;
	ALTER TABLE s.refunds ALTER amount TYPE numeric(12,2) USING amount / 100.0', '', 'two are not');
SELECT helper.takes('ALTER TABLE s.payments ALTER amount TYPE numeric(12,2) USING amount / 100.0', '', 'and tables need not agree');
SELECT helper.takes('ALTER TABLE s.orders ALTER amount TYPE integer; ALTER TABLE s.payments ALTER amount TYPE integer', '', 'integer money');
SELECT helper.unbound('ALTER TABLE s.orders ADD version text', 'orders', 'Column "version" is of type text, not integer or bigint.', 'a counter that is none');
SELECT helper.unbound('ALTER TABLE s.orders ADD changed_at timestamp', 'orders',
	'Column "changed_at" is of type timestamp without time zone, not timestamp with time zone.', 'a time without zone');
SELECT helper.unbound('ALTER TABLE s.orders ALTER status TYPE char(12)', 'orders', 'Column "status" is of type character(12), not an enum, text or character varying.', 'a padded status');
SELECT helper.unbound('ALTER TABLE s.orders ALTER status TYPE integer USING 1', 'orders', 'Column "status" is of type integer, not an enum, text or character varying.', 'a numbered status');
SELECT helper.takes('ALTER TABLE s.orders ALTER status TYPE text; ALTER TABLE s.payments ALTER status TYPE varchar(20); CREATE DOMAIN s.word AS text;
	ALTER TABLE s.refunds ALTER status DROP DEFAULT, ALTER status TYPE s.word', '', 'text, varchar, a domain');
SELECT helper.unbound('ALTER TABLE s.orders ALTER status TYPE varchar(8) USING left(status::text, 8)', 'orders',
	'Type character varying(8) of column "status" does not take the status "attempted" of life cycle "razorpay".', 'a status column that is too short');
SELECT helper.unbound($$CREATE TYPE s.word AS ENUM ('created', 'attempted', 'paid', 'failed', 'authorized', 'captured'); ALTER TABLE s.payments ALTER status TYPE s.word USING status::text::s.word$$,
	'payments', 'Type s.word of column "status" does not take the status "refunded" of life cycle "razorpay".', 'an enum without a label');
SELECT helper.takes($$CREATE TYPE s.word AS ENUM ('created', 'attempted', 'paid', 'failed', 'authorized', 'captured', 'back'); ALTER TABLE s.payments ALTER status TYPE s.word USING status::text::s.word$$,
	', labels => ''{"payment": {"refunded": "back"}}''', 'an enum of the shop');
SELECT helper.unbound($$CREATE DOMAIN s.word AS text CHECK (VALUE <> 'paid'); ALTER TABLE s.orders ALTER status TYPE text; UPDATE s.orders SET status = 'attempted'; ALTER TABLE s.orders ALTER status TYPE s.word$$,
	'orders', 'Type s.word of column "status" does not take the status "paid" of life cycle "razorpay".', 'a domain that refuses one');
SELECT helper.unbound('ALTER TABLE s.orders ADD currency_id integer; ALTER TABLE s.orders DROP currency; ALTER TABLE s.orders RENAME currency_id TO currency', 'orders',
	'Column "currency" is of type integer, not text or character varying.', 'a currency by number');
SELECT helper.unbound('ALTER TABLE s.orders ADD amount_due bigint GENERATED ALWAYS AS (amount) STORED', 'orders', 'Column "amount_due" is generated.', 'a generated column');
SELECT helper.takes('ALTER TABLE s.orders ADD shown text GENERATED ALWAYS AS (amount::text) STORED, ADD gone int; ALTER TABLE s.orders DROP gone', '', 'generated ones of other meaning, and dropped ones');

-- ---- indexes, partitions, triggers
SELECT helper.unbound('CREATE UNIQUE INDEX i ON s.orders (status, id)', 'orders', 'Unique index "i" has column "status", which paystate writes.', 'a unique index over a status');
SELECT helper.takes($$CREATE UNIQUE INDEX ON s.payments (order_id) WHERE status = 'captured'; CREATE INDEX ON s.orders (status); CREATE UNIQUE INDEX ON s.orders (id, currency)$$, '',
	'a partial one, a plain one, one over columns that stay');
SELECT helper.unbound('DROP INDEX s.payments_order_id_idx', 'payments', 'It has no index on the order''s key.', 'no index by order');
SELECT helper.unbound($$DROP INDEX s.payments_order_id_idx; CREATE INDEX ON s.payments (order_id) WHERE status = 'created'$$, 'payments', 'It has no index on the order''s key.', 'a partial one is none');
SELECT helper.unbound('DROP INDEX s.payments_order_id_idx; CREATE INDEX ON s.payments (amount, order_id); CREATE INDEX ON s.payments USING hash (order_id)', 'payments',
	'It has no index on the order''s key.', 'nor one that does not lead with it');
SELECT helper.takes('DROP INDEX s.payments_order_id_idx; CREATE INDEX ON s.payments (order_id, amount)', '', 'one that leads with it is');
SELECT helper.unbound($$CREATE TABLE s.list (LIKE s.orders INCLUDING DEFAULTS, PRIMARY KEY (id, status)) PARTITION BY LIST (status);
	ALTER TABLE s.payments DROP CONSTRAINT payments_order_id_fkey; DROP TABLE s.orders; ALTER TABLE s.list RENAME TO orders$$,
	'orders', 'Unique index "list_pkey" has column "status", which paystate writes.', 'partitions by status');
SELECT is(helper.says($$CREATE TABLE s.h (LIKE s.orders) PARTITION BY HASH (id); CREATE TABLE s.h0 PARTITION OF s.h FOR VALUES WITH (MODULUS 1, REMAINDER 0);
	ALTER TABLE s.h0 ADD PRIMARY KEY (id)$$, $$paystate.attach('s.h0', 's.payments', lifecycle => 'razorpay')$$),
	'23PS8|table "h0" is not bound to a life cycle|It is a partition.', 'a partition');
SELECT helper.unbound($$DO $d$ BEGIN PERFORM paystate.attach('s.orders', 's.payments', 's.refunds', lifecycle => 'razorpay', add_columns => true); PERFORM paystate.detach('s.orders'); END $d$;
	CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON s.orders_history FOR EACH ROW EXECUTE FUNCTION s.f()$$,
	'orders_history', 'A trigger of the user stands on the history.', 'a trigger on the history');
SELECT helper.takes($$CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT OR UPDATE ON s.orders FOR EACH ROW EXECUTE FUNCTION s.f();
	CREATE TRIGGER t AFTER UPDATE ON s.payments FOR EACH STATEMENT EXECUTE FUNCTION s.f()$$, '', 'triggers on the others');
SELECT is(helper.says($$CREATE TABLE s.orders_history (x int)$$, helper.attach()),
	'23PS8|table "orders" is not bound to a life cycle|Relation "orders_history", as its history would be named, is there already.', 'the name of the history is taken');

-- ---- data
CREATE FUNCTION helper.finds(spoil text, findings text, what text) RETURNS text
	LANGUAGE sql AS $$SELECT is(helper.says(spoil, helper.attach()), findings, what)$$;
SELECT helper.finds('ALTER TABLE s.orders ALTER status DROP NOT NULL; UPDATE s.orders SET status = NULL WHERE id = 1',
	's.orders|null|Order "1": Column "status" is null.', 'a status that is null');
SELECT helper.finds($$ALTER TABLE s.orders ALTER status TYPE text; UPDATE s.orders SET status = 'Paid' WHERE id = 2; UPDATE s.orders SET status = 'gone' WHERE id = 3$$,
	E's.orders|unknown status|Order "2": Status "Paid" is none of life cycle "razorpay".\ns.orders|unknown status|Order "3": Status "gone" is none of life cycle "razorpay".', 'statuses of no life cycle');
SELECT helper.finds($$UPDATE s.payments SET status = 'cancelled' WHERE id = 31$$,
	's.payments|unknown status|Payment "31": Status "cancelled" is none of life cycle "razorpay".', 'one of another life cycle');
SELECT helper.finds($$ALTER TABLE s.refunds ALTER status DROP DEFAULT, ALTER status TYPE text; UPDATE s.refunds SET status = 'done' WHERE id = 211$$,
	's.refunds|unknown status|Refund "211": Status "done" is none of pending, processed and failed.', 'a refund''s');
SELECT helper.finds('UPDATE s.orders SET amount = 0 WHERE id = 1', 's.orders|amount|Order "1": Its amount is 0.', 'an order of nothing');
SELECT helper.finds('UPDATE s.payments SET amount = -5 WHERE id = 31', E's.payments|amount_captured|Payment "31": It is "failed" with 0 of -5 captured.\ns.payments|amount|Payment "31": Its amount is -5.', 'a payment of less');
SELECT helper.finds('UPDATE s.refunds SET amount = 0 WHERE id = 211', 's.refunds|amount|Refund "211": Its amount is 0.', 'a refund of nothing');
SELECT helper.finds($$UPDATE s.orders SET currency = 'XXX' WHERE id = 1$$, 's.orders|currency|Order "1": one of life cycle "razorpay" is expected, XXX is there.', 'a currency that nobody knows');
SELECT helper.finds($$UPDATE s.payments SET currency = 'USD' WHERE id = 32$$, 's.orders|currency of payment "32"|Order "3": INR is expected, USD is there.', 'a payment in another currency');
SELECT helper.finds($$UPDATE s.orders SET status = 'attempted' WHERE id = 2$$, 's.orders|status|Order "2": It is "attempted" with 1000 of 1000 paid.', 'paid and not said to be');
SELECT helper.finds($$UPDATE s.orders SET status = 'paid' WHERE id = 3$$, 's.orders|status|Order "3": It is "paid" with 0 of 1000 paid.', 'said to be paid');
SELECT helper.finds($$UPDATE s.orders SET amount = 1001 WHERE id = 2$$, 's.orders|status|Order "2": It is "paid" with 1000 of 1001 paid.', 'paid in part');
SELECT helper.finds($$UPDATE s.orders SET amount = 999 WHERE id = 2$$, E's.orders|amount_paid|Order "2": 1000 of 999 are paid.', 'paid too much');
SELECT helper.finds($$UPDATE s.refunds SET amount = 1000 WHERE id = 211$$, 's.payments|amount_refunded|Payment "21": It is "captured" with 1000 captured, 1000 refunded and 50 pending.', 'more back than was captured');
SELECT helper.finds($$UPDATE s.payments SET status = 'refunded' WHERE id = 21$$, 's.payments|amount_refunded|Payment "21": It is "refunded" with 1000 captured, 100 refunded and 50 pending.', 'refunded in part');
SELECT helper.finds($$INSERT INTO s.payments VALUES (9, NULL, 500, 'INR', 'captured')$$, 's.payments|missing order|Payment "9": It is "captured" without an order.', 'captured without an order');
SELECT helper.takes($$INSERT INTO s.payments VALUES (9, NULL, 500, 'INR', 'authorized')$$, '', 'authorized without one');
SELECT helper.finds($$ALTER TABLE s.orders ALTER amount TYPE numeric(12,2) USING amount / 100.0; UPDATE s.orders SET amount = 'NaN' WHERE id = 1$$,
	's.orders|amount|Order "1": Column "amount" is NaN, which is no amount.', 'not a number');
SELECT helper.finds($$ALTER TABLE s.orders ALTER amount TYPE numeric(12,2) USING amount / 100.0; UPDATE s.orders SET currency = 'JPY' WHERE id = 1$$,
	's.orders|currency|Order "1": Column "amount" has 2 decimals, the currency 0.', 'parts of a yen');
SELECT helper.finds($$ALTER TABLE s.orders ADD lifecycle text DEFAULT 'razorpay'; UPDATE s.orders SET lifecycle = 'stripe' WHERE id = 1$$,
	's.orders|unknown life cycle|Order "1": Life cycle "stripe" does not exist.', 'an unknown life cycle');
SELECT helper.finds($$ALTER TABLE s.orders ADD amount_paid bigint NOT NULL DEFAULT 0$$, 's.orders|status|Order "2": It is "paid" with 0 of 1000 paid.', 'a total that does not follow');
SELECT helper.finds($$ALTER TABLE s.orders ADD amount_due bigint NOT NULL DEFAULT 7$$,
	E's.orders|amount_due|Order "1": 1000 is expected, 7 is there.\ns.orders|amount_due|Order "2": 0 is expected, 7 is there.\ns.orders|amount_due|Order "3": 1000 is expected, 7 is there.', 'another one');
SELECT helper.takes($$ALTER TABLE s.orders ADD amount_due bigint; UPDATE s.orders SET amount_due = CASE id WHEN 2 THEN 0 ELSE 1000 END$$, '', 'the same as it should be');

SELECT * FROM finish();
ROLLBACK;
