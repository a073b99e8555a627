-- The tables of Solidus (github.com/solidusio/solidus) that payments are
-- about, as its migrations up to 1.4 leave them: names, types, keys and
-- indexes.  Solidus declares no foreign keys among them.  The rows are made
-- up: a shop that has run for a while, with what goes wrong meanwhile.
CREATE TABLE spree_orders (
	id serial PRIMARY KEY,
	number varchar(32),
	item_total numeric(10,2) NOT NULL DEFAULT 0.0,
	total numeric(10,2) NOT NULL DEFAULT 0.0,
	state varchar,
	adjustment_total numeric(10,2) NOT NULL DEFAULT 0.0,
	user_id integer,
	completed_at timestamp,
	bill_address_id integer,
	ship_address_id integer,
	payment_total numeric(10,2) DEFAULT 0.0,
	shipment_state varchar,
	payment_state varchar,
	email varchar,
	special_instructions text,
	created_at timestamp(6),
	updated_at timestamp(6),
	currency varchar,
	last_ip_address varchar,
	created_by_id integer,
	shipment_total numeric(10,2) NOT NULL DEFAULT 0.0,
	additional_tax_total numeric(10,2) DEFAULT 0.0,
	promo_total numeric(10,2) DEFAULT 0.0,
	channel varchar DEFAULT 'spree',
	included_tax_total numeric(10,2) NOT NULL DEFAULT 0.0,
	item_count integer DEFAULT 0,
	approver_id integer,
	approved_at timestamp,
	confirmation_delivered boolean DEFAULT false,
	guest_token varchar,
	canceled_at timestamp,
	canceler_id integer,
	store_id integer,
	approver_name varchar,
	frontend_viewable boolean NOT NULL DEFAULT true
);
CREATE INDEX index_spree_orders_on_approver_id ON spree_orders (approver_id);
CREATE INDEX index_spree_orders_on_bill_address_id ON spree_orders (bill_address_id);
CREATE INDEX index_spree_orders_on_completed_at ON spree_orders (completed_at);
CREATE INDEX index_spree_orders_on_created_by_id ON spree_orders (created_by_id);
CREATE INDEX index_spree_orders_on_guest_token ON spree_orders (guest_token);
CREATE INDEX index_spree_orders_on_number ON spree_orders (number);
CREATE INDEX index_spree_orders_on_ship_address_id ON spree_orders (ship_address_id);
CREATE INDEX index_spree_orders_on_user_id_and_created_by_id ON spree_orders (user_id, created_by_id);
CREATE INDEX index_spree_orders_on_user_id ON spree_orders (user_id);

CREATE TABLE spree_payments (
	id serial PRIMARY KEY,
	amount numeric(10,2) NOT NULL DEFAULT 0.0,
	order_id integer,
	source_type varchar,
	source_id integer,
	payment_method_id integer,
	state varchar,
	response_code varchar,
	avs_response varchar,
	created_at timestamp(6),
	updated_at timestamp(6),
	number varchar,
	cvv_response_code varchar,
	cvv_response_message varchar
);
CREATE INDEX index_spree_payments_on_order_id ON spree_payments (order_id);
CREATE INDEX index_spree_payments_on_payment_method_id ON spree_payments (payment_method_id);
CREATE INDEX index_spree_payments_on_source_id_and_source_type ON spree_payments (source_id, source_type);

CREATE TABLE spree_refunds (
	id serial PRIMARY KEY,
	payment_id integer,
	amount numeric(10,2) NOT NULL DEFAULT 0.0,
	transaction_id varchar,
	created_at timestamp(6),
	updated_at timestamp(6),
	refund_reason_id integer,
	reimbursement_id integer
);
CREATE INDEX index_spree_refunds_on_payment_id ON spree_refunds (payment_id);
CREATE INDEX index_refunds_on_refund_reason_id ON spree_refunds (refund_reason_id);
CREATE INDEX index_spree_refunds_on_reimbursement_id ON spree_refunds (reimbursement_id);

-- In Solidus payment_total is what was paid less what was refunded, and
-- payment_state is null until the customer has checked out.
INSERT INTO spree_orders (id, number, state, item_total, total, payment_total, payment_state, currency, created_at, updated_at, completed_at)
SELECT id, 'R' || 100000000 + id, state, total, total, payment_total, payment_state, currency, t, t,
	CASE WHEN state <> 'cart' THEN t END
FROM (VALUES
	(1, 'cart', 0.00, 0.00, NULL, 'USD'),
	(2, 'cart', 24.98, 0.00, NULL, 'USD'),
	(3, 'complete', 59.99, 59.99, 'paid', 'USD'),
	(4, 'complete', 120.00, 0.00, 'balance_due', 'USD'),
	(5, 'complete', 35.50, 0.00, 'failed', 'USD'),
	(6, 'complete', 200.00, 150.00, 'paid', 'USD'),		-- 50.00 were refunded
	(7, 'canceled', 15.00, 0.00, 'void', 'USD'),
	(8, 'complete', 80.00, 100.00, 'credit_owed', 'USD'),	-- lowered after it was paid
	(9, 'complete', 42.00, 0.00, 'paid', 'USD'),		-- its payment is still pending
	(10, 'complete', 75.00, 0.00, 'paid', 'USD'),		-- given back by a negative payment
	(11, 'complete', 9.99, 9.99, 'paid', 'EUR'),
	(12, 'complete', 640.00, 0.00, 'balance_due', 'JPY')) AS o (id, state, total, payment_total, payment_state, currency),
	LATERAL (SELECT timestamp '2024-03-01 10:00' + o.id * interval '7 hours') AS c (t);
SELECT setval('spree_orders_id_seq', 100);
INSERT INTO spree_payments (id, order_id, amount, state, number, response_code, created_at, updated_at)
SELECT id, order_id, amount, state, 'P' || 5000 + id, 'ch_' || id, t, t
FROM (VALUES
	(1, 3, 59.99, 'completed'), (2, 4, 120.00, 'pending'), (3, 5, 35.50, 'failed'), (4, 5, 35.50, 'invalid'),
	(5, 6, 200.00, 'completed'), (6, 7, 15.00, 'void'), (7, 8, 100.00, 'completed'), (8, 9, 42.00, 'pending'),
	(9, 10, 75.00, 'completed'), (10, 10, -75.00, 'completed'), (11, 11, 9.99, 'completed'),
	(12, 2, 24.98, 'checkout'), (13, 9999, 12.00, 'failed')) AS p (id, order_id, amount, state),
	LATERAL (SELECT timestamp '2024-03-02 10:00' + p.id * interval '7 hours') AS c (t);
SELECT setval('spree_payments_id_seq', 100);
INSERT INTO spree_refunds (id, payment_id, amount, created_at, updated_at) VALUES
	(1, 5, 50.00, '2024-04-01 12:00', '2024-04-01 12:00');
SELECT setval('spree_refunds_id_seq', 100);
