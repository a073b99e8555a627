-- The life cycles of doc/lifecycles, defined as the files there say, on tables
-- whose status columns are text: walked through move by move, with what is
-- refused on the way.
\ir lib/shop.sql

SELECT * FROM no_plan();

\o /dev/null
\ir ../../doc/lifecycles/stripe.sql
\ir ../../doc/lifecycles/adyen.sql
\ir ../../doc/lifecycles/cash_on_delivery.sql
\o

SELECT is_empty(format('SELECT * FROM paystate.check_lifecycle(%L)', name), format('nothing is wrong with %s', name))
  FROM paystate.lifecycle WHERE NOT builtin ORDER BY name;
SELECT is((SELECT count(*) FROM paystate.lifecycle WHERE NOT builtin), 4::bigint, 'four life cycles were defined');

-- each says all of itself, and drawing them finds nothing odd
SELECT lives_ok(format('SELECT paystate.lifecycle_dot(%L), paystate.lifecycle_mermaid(%1$L)', name), format('%s is drawn', name))
  FROM paystate.lifecycle WHERE NOT builtin ORDER BY name;
SELECT lives_ok(format('SELECT paystate.define_lifecycle(%L, paystate.lifecycle_json(%1$L))', name), format('%s again from its document', name))
  FROM paystate.lifecycle WHERE NOT builtin ORDER BY name;
SELECT throws_ok(format($$SELECT paystate.create_tables('shop', %L)$$, name), '22023', format('tables for life cycle "%s" cannot be created', name),
	'no tables with status types that lack its labels')
  FROM paystate.lifecycle WHERE NOT builtin ORDER BY name;

SET LOCAL client_min_messages = error;	-- the owner is a superuser here
CREATE SCHEMA worded;
SET LOCAL search_path = worded, helper, public;
SET LOCAL helper.sharded = off;	-- these are tables of their own
CREATE TABLE orders (
	id text PRIMARY KEY, lifecycle text NOT NULL DEFAULT 'adyen', amount bigint NOT NULL, currency text NOT NULL DEFAULT 'INR',
	partial_payment boolean NOT NULL DEFAULT false, first_payment_min_amount bigint, status text NOT NULL,
	amount_paid bigint NOT NULL DEFAULT 0, amount_due bigint NOT NULL, amount_authorized bigint NOT NULL DEFAULT 0,
	amount_pending bigint NOT NULL DEFAULT 0, amount_refunded bigint NOT NULL DEFAULT 0, attempts int NOT NULL DEFAULT 0,
	payments_open int NOT NULL DEFAULT 0, version int NOT NULL DEFAULT 1, status_since timestamptz NOT NULL, changed_at timestamptz NOT NULL);
CREATE TABLE payments (
	id text PRIMARY KEY, order_id text NOT NULL REFERENCES orders, amount bigint NOT NULL, currency text NOT NULL, status text NOT NULL,
	amount_captured bigint NOT NULL DEFAULT 0, amount_refunded bigint NOT NULL DEFAULT 0, refund_pending bigint NOT NULL DEFAULT 0,
	status_since timestamptz NOT NULL);
CREATE INDEX ON payments (order_id);
CREATE TABLE refunds (id text PRIMARY KEY DEFAULT paystate.new_id('refund'), payment_id text NOT NULL REFERENCES payments, amount bigint NOT NULL, status text NOT NULL DEFAULT 'processed');
CREATE INDEX ON refunds (payment_id);
CREATE TABLE order_history (
	order_id text NOT NULL REFERENCES orders, seq int NOT NULL, at timestamptz NOT NULL, payment_id text, refund_id text,
	payment_from text, payment_to text, refund_to text, order_from text, order_to text NOT NULL, amount bigint NOT NULL,
	amount_paid bigint NOT NULL, attempts int NOT NULL, order_since timestamptz, payment_since timestamptz, actor text NOT NULL,
	reason text, event_id text, forced boolean NOT NULL DEFAULT false, PRIMARY KEY (order_id, seq));
SELECT is_empty($$SELECT * FROM paystate.attach('orders', 'payments', 'refunds', 'order_history')$$, 'tables with text statuses are attached');

--
-- Stripe, captured automatically
--

SELECT is(helper.given('s1', 'stripe_automatic', 2000, 'i=2000 i>requires_action i>requires_payment_method i>requires_confirmation i>processing i>requires_payment_method'),
	'awaiting_payment 0 of 2000, due 2000, held 0, pending 2000, back 0, attempts 2, open 1, v7; i requires_payment_method 0/2000-0-0',
	'an authentication that fails and a decline: two attempts, one intent');
SELECT helper.cannot('s1', 'i>requires_capture', '23PS1', 'nothing is held');
SELECT helper.would('s1', 'i>succeeded', 'paid 2000 of 2000, due 0, held 0, pending 0, back 0, attempts 3, open 0, v8; i succeeded 2000/2000-0-0', 'a card');
SELECT helper.would('s1', 'i>processing i>succeeded i-500 i~1500', 'partly_refunded 2000 of 2000, due 0, held 0, pending 0, back 500, attempts 3, open 0, v11; i succeeded 2000/2000-500-1500',
	'a debit, refunded in part, the rest under way');
SELECT helper.would('s1', 'i>canceled j=2000 j>succeeded', 'paid 2000 of 2000, due 0, held 0, pending 0, back 0, attempts 3, open 0, v10; i canceled 0/2000-0-0, j succeeded 2000/2000-0-0',
	'another intent');
SELECT helper.would('s1', 'j=2000 j>succeeded', 'paid 2000 of 2000, due 0, held 0, pending 0, back 0, attempts 3, open 0, v10; i canceled 0/2000-0-0, j succeeded 2000/2000-0-0',
	'two intents, of which one is cancelled by the other');
SELECT helper.then('s1', 'i>processing');
SELECT helper.cannot('s1', 'i>canceled', '23PS1', 'what is processing cannot be cancelled');
SELECT helper.then('s1', 'i>succeeded');
SELECT helper.cannot('s1', 'i>canceled', '23PS1', 'nor what has succeeded');
SELECT helper.cannot('s1', 'k=2000', '23PS3', 'a paid order takes no intent');
SELECT helper.cannot('s1', 'i-2001', '23PS4', 'no more is given back than was taken');
SELECT helper.then('s1', 'i-2000');
SELECT helper.stands('s1', 'refunded 2000 of 2000, due 0, held 0, pending 0, back 2000, attempts 3, open 0, v10; i succeeded 2000/2000-2000-0', 'refunded, and the intent stays succeeded');
SELECT is(helper.given('s2', 'stripe_automatic', 2000, 'i=2000 i>requires_action'),
	'awaiting_payment 0 of 2000, due 2000, held 0, pending 2000, back 0, attempts 0, open 1, v3; i requires_action 0/2000-0-0', 'an order to be cancelled');
SELECT helper.accepted($$UPDATE orders SET status = 'canceled' WHERE id = 's2'$$, 'in Stripe''s spelling');
SELECT helper.stands('s2', 'canceled 0 of 2000, due 2000, held 0, pending 0, back 0, attempts 0, open 0, v5; i canceled 0/2000-0-0', 'and its intent goes along');
SELECT helper.refused($$INSERT INTO orders (id, lifecycle, amount) VALUES ('s3', 'stripe_automatic', 49)$$,
	'23PS4 insert on table "orders" violates amounts of life cycle "stripe_automatic"', 'below the minimum');
SELECT helper.accepted($$INSERT INTO orders (id, lifecycle, amount) VALUES ('s3', 'stripe_automatic', 50)$$, 'at the minimum');
SELECT helper.accepted($$UPDATE orders SET amount = 70 WHERE id = 's3'$$, 'its amount may change before the first payment');

--
-- Stripe, captured by hand
--

SELECT is(helper.given('m1', 'stripe_manual', 2000, 'i=2000 i>requires_action i>requires_capture'),
	'authorized 0 of 2000, due 2000, held 2000, pending 0, back 0, attempts 1, open 1, v4; i requires_capture 0/2000-0-0', 'a hold');
SELECT helper.cannot('m1', 'j=2000', '23PS3', 'and no other intent while it lasts');
SELECT helper.cannot('m1', 'i>succeeded:2001', '23PS4', 'no more than was held');
SELECT helper.would('m1', 'i>succeeded', 'paid 2000 of 2000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v5; i succeeded 2000/2000-0-0', 'all of it');
SELECT helper.would('m1', 'i>succeeded:1200 i-1200', 'refunded 1200 of 2000, due 800, held 0, pending 0, back 1200, attempts 1, open 0, v6; i succeeded 1200/2000-1200-0', 'a part, given back');
SELECT helper.would('m1', 'i>canceled j=2000 j>requires_capture', 'authorized 0 of 2000, due 2000, held 2000, pending 0, back 0, attempts 2, open 1, v7; i canceled 0/2000-0-0, j requires_capture 0/2000-0-0',
	'released, and held by another');
SELECT helper.cannot('m1', 'i>requires_payment_method', '23PS1', 'a hold is not declined any more');
SELECT is(helper.given('m2', 'stripe_manual', 2000, 'i=2000'), 'awaiting_payment 0 of 2000, due 2000, held 0, pending 2000, back 0, attempts 0, open 1, v2; i requires_payment_method 0/2000-0-0', 'another');
SELECT helper.cannot('m2', 'i>succeeded', '23PS1', 'nothing succeeds without a hold');
SELECT helper.then('m1', 'i>succeeded:1200');
SELECT helper.stands('m1', 'partly_captured 1200 of 2000, due 800, held 0, pending 0, back 0, attempts 1, open 0, v5; i succeeded 1200/2000-0-0', 'captured in part');
SELECT helper.cannot('m1', 'i-1201', '23PS4', 'no more back than was captured');
SELECT helper.cannot('m1', 'j=800', '23PS3', 'and nothing more is taken');

--
-- Adyen
--

SELECT is(helper.given('a1', 'adyen', 1000, 'p=1000 p>refused q=1000 q>authorised q>sent_for_settle q>capture_failed q>sent_for_settle'),
	'authorised 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 2, open 1, v8; p refused 0/1000-0-0, q sent_for_settle 0/1000-0-0', 'refused, authorised, captured twice');
SELECT helper.cannot('a1', 'q>cancelled', '23PS1', 'what was sent for settlement cannot be cancelled');
SELECT helper.cannot('a1', '!cancel', '23PS1', 'nor its order');
SELECT helper.cannot('a1', 'p>authorised', '23PS1', 'refused is final');
SELECT helper.cannot('a1', 'q-100', '23PS1', 'not refunded before it is settled');
SELECT helper.would('a1', 'q>settled q-400 q~600', 'partly_refunded 1000 of 1000, due 0, held 0, pending 0, back 400, attempts 2, open 0, v11; p refused 0/1000-0-0, q settled 1000/1000-400-600', 'settled, refunded in parts');
SELECT helper.would('a1', 'q>settled:300 q-300', 'refunded 300 of 1000, due 700, held 0, pending 0, back 300, attempts 2, open 0, v10; p refused 0/1000-0-0, q settled 300/1000-300-0', 'settled in part, refunded');
SELECT helper.would('a1', 'q>capture_failed q>cancelled r=1000', 'open 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 3, open 1, v11; p refused 0/1000-0-0, q cancelled 0/1000-0-0, r received 0/1000-0-0', 'given up, and paid otherwise');
SELECT is(helper.given('a2', 'adyen', 1000, 'p=1000 p>authorised p>expired q=1000 r=1000 q>error !cancel'),
	'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 3, open 0, v9; p expired 0/1000-0-0, q error 0/1000-0-0, r cancelled 0/1000-0-0', 'expired, an error, cancelled');
SELECT helper.cannot('a2', 's=1000', '23PS3', 'a cancelled order is paid no more');
SELECT is(helper.given('a3', 'adyen', 1000, 'p=1000 q=1000 p>authorised'),
	'authorised 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 2, open 1, v5; p authorised 0/1000-0-0, q cancelled 0/1000-0-0', 'of two, one is authorised');

--
-- Cash on delivery
--

SELECT is(helper.given('c1', 'cash_on_delivery', 700, 'p=700 p>with_courier p>to_collect p>with_courier p>to_collect p>with_courier'),
	'out_for_delivery 0 of 700, due 700, held 0, pending 700, back 0, attempts 2, open 1, v7; p with_courier 0/700-0-0', 'twice nobody was at home');
SELECT helper.cannot('c1', '!cancel', '23PS1', 'it is under way');
SELECT helper.cannot('c1', 'p>handed_over', '23PS1', 'nothing was collected yet');
SELECT helper.would('c1', 'p>collected p>handed_over p-200 p>refunded', 'delivered 700 of 700, due 0, held 0, pending 0, back 700, attempts 3, open 0, v11; p refunded 700/700-700-0', 'collected, handed over, returned');
SELECT helper.would('c1', 'p>collected p>refunded', 'delivered 700 of 700, due 0, held 0, pending 0, back 700, attempts 3, open 0, v9; p refunded 700/700-700-0', 'returned at once');
SELECT helper.would('c1', 'p>not_collected', 'refused 0 of 700, due 700, held 0, pending 0, back 0, attempts 3, open 0, v8; p not_collected 0/700-0-0', 'refused at the door');
SELECT helper.cannot('c1', 'p>collected:600', '23PS4', 'all or nothing');
SELECT helper.then('c1', 'p>to_collect');
SELECT helper.cannot('c1', 'p>with_courier', '23PS1', 'three times is enough');
SELECT helper.cannot('c1', 'q=700', '23PS3', 'by whomever');
SELECT helper.would('c1', '!cancel', 'cancelled 0 of 700, due 700, held 0, pending 0, back 0, attempts 3, open 0, v10; p not_collected 0/700-0-0', 'so it is cancelled');

-- a label of another life cycle, or of none
SELECT helper.refused($$UPDATE payments SET status = 'captured' WHERE id = 'a3.p'$$, '23PS1 update on table "payments" violates life cycle "adyen"', 'razorpay''s label is none of adyen''s');
SELECT helper.refused($$UPDATE orders SET status = 'paid' WHERE id = 'a3'$$, '23PS6 column "status" of table "orders" is derived', 'an order''s status follows');

-- whatever was walked, the books agree, and the history says which moves there were
SELECT cmp_ok((SELECT count(*) FROM orders), '>=', 9::bigint, 'there are orders');
SELECT is_empty($$SELECT * FROM paystate.verify('orders')$$, 'verify() finds nothing');
SELECT is_empty($$SELECT * FROM paystate.check_guards() WHERE relation::text LIKE 'worded.%'$$, 'nor check_guards()');
SELECT * FROM finish();
ROLLBACK;
