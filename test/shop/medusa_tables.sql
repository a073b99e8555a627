-- The tables of Medusa 1 (github.com/medusajs/medusa) that payments are about,
-- as its initial schema has them: names, types, keys and unique constraints.
-- An order has no total, a payment no status, and refunds are of orders.  The
-- rows are made up.
CREATE TYPE order_status_enum AS ENUM ('pending', 'completed', 'archived', 'canceled', 'requires_action');
CREATE TYPE order_fulfillment_status_enum AS ENUM ('not_fulfilled', 'partially_fulfilled', 'fulfilled',
	'partially_shipped', 'shipped', 'partially_returned', 'returned', 'canceled', 'requires_action');
CREATE TYPE order_payment_status_enum AS ENUM ('not_paid', 'awaiting', 'captured', 'partially_refunded',
	'refunded', 'canceled', 'requires_action');

CREATE TABLE "order" (
	id varchar NOT NULL PRIMARY KEY,
	status order_status_enum NOT NULL DEFAULT 'pending',
	fulfillment_status order_fulfillment_status_enum NOT NULL DEFAULT 'not_fulfilled',
	payment_status order_payment_status_enum NOT NULL DEFAULT 'not_paid',
	display_id serial NOT NULL,
	cart_id varchar UNIQUE,
	customer_id varchar NOT NULL,
	email varchar NOT NULL,
	billing_address_id varchar,
	shipping_address_id varchar,
	region_id varchar NOT NULL,
	currency_code varchar NOT NULL,
	tax_rate integer NOT NULL,
	canceled_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	metadata jsonb,
	idempotency_key varchar
);

CREATE TABLE payment (
	id varchar NOT NULL PRIMARY KEY,
	swap_id varchar UNIQUE,
	cart_id varchar UNIQUE,
	order_id varchar REFERENCES "order" (id),
	amount integer NOT NULL,
	currency_code varchar NOT NULL,
	amount_refunded integer NOT NULL DEFAULT 0,
	provider_id varchar NOT NULL,
	data jsonb NOT NULL,
	captured_at timestamptz,
	canceled_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	metadata jsonb,
	idempotency_key varchar
);

CREATE TABLE line_item (
	id varchar NOT NULL PRIMARY KEY,
	cart_id varchar,
	order_id varchar REFERENCES "order" (id),
	swap_id varchar,
	title varchar NOT NULL,
	unit_price integer NOT NULL,
	quantity integer NOT NULL CHECK (quantity > 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON line_item (order_id);

INSERT INTO "order" (id, payment_status, customer_id, email, region_id, currency_code, tax_rate, canceled_at, created_at)
SELECT 'order_01F' || n, payment_status::order_payment_status_enum, 'cus_' || n, 'c' || n || '@example.com', 'reg_eu', 'eur', 0,
	CASE WHEN payment_status = 'canceled' THEN t END, t
FROM (VALUES ('A', 'captured'), ('B', 'awaiting'), ('C', 'partially_refunded'), ('D', 'canceled'), ('E', 'not_paid'),
	('F', 'captured'), ('G', 'refunded')) AS o (n, payment_status),
	LATERAL (SELECT timestamptz '2021-03-01 09:00+00' + ascii(n) * interval '5 hours') AS c (t);
INSERT INTO line_item (id, order_id, title, unit_price, quantity) VALUES
	('item_1', 'order_01FA', 'Sweatshirt', 2250, 2), ('item_2', 'order_01FB', 'Coat', 12000, 1),
	('item_3', 'order_01FC', 'Mug', 900, 11), ('item_4', 'order_01FD', 'Longsleeve', 1500, 1),
	('item_5', 'order_01FE', 'Tote bag', 700, 1), ('item_6', 'order_01FF', 'Sweatpants', 4000, 1),
	('item_7', 'order_01FG', 'Cap', 2500, 2);
INSERT INTO payment (id, order_id, amount, currency_code, amount_refunded, provider_id, data, captured_at, canceled_at, swap_id)
SELECT 'pay_01F' || n, order_id, amount, 'eur', refunded, 'stripe', '{}',
	CASE WHEN became = 'captured' THEN timestamptz '2021-03-20' END,
	CASE WHEN became = 'canceled' THEN timestamptz '2021-03-20' END, swap_id
FROM (VALUES ('A', 'order_01FA', 4500, 0, 'captured', NULL), ('B', 'order_01FB', 12000, 0, NULL, NULL),
	('C', 'order_01FC', 9900, 900, 'captured', NULL), ('D', 'order_01FD', 1500, 0, 'canceled', NULL),
	('F', 'order_01FF', 3500, 0, 'captured', NULL),		-- 500 were paid with a gift card
	('G', 'order_01FG', 5000, 5500, 'captured', NULL),	-- 500 too much
	('H', NULL, 300, 0, 'captured', 'swap_1')) AS p (n, order_id, amount, refunded, became, swap_id);
