-- A shop in a schema of its own, as psql's variables say: schema, lifecycle,
-- key_type, history (month, or empty), owner, app, analyst (roles).  Orders
-- are known by their receipts, whatever type the keys have.
CREATE SCHEMA :"schema" AUTHORIZATION :"owner";
GRANT USAGE ON SCHEMA :"schema" TO :"app", :"analyst";
SET search_path = :"schema";
SET ROLE :"owner";
SELECT paystate.create_tables(:'schema', :'lifecycle', :'key_type',
	history_partition => nullif(:'history', ''));

-- what owners do to their tables: a column that went, one that came
ALTER TABLE orders DROP COLUMN offer_id CASCADE, ADD COLUMN channel text DEFAULT 'web'
	CONSTRAINT orders_channel_check CHECK (channel <> '');
ALTER TABLE payments ADD COLUMN note text;
COMMENT ON COLUMN orders.channel IS 'where it''s from';
CREATE INDEX orders_receipt_idx ON orders (receipt);
COMMENT ON INDEX orders_receipt_idx IS 'how the shop finds an order';
CREATE VIEW unpaid AS SELECT id, receipt, status, amount_due FROM orders WHERE amount_due > 0;
COMMENT ON VIEW unpaid IS 'whom to remind';
ALTER TABLE refunds ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_refunds ON refunds USING (true);
GRANT SELECT, INSERT ON orders, payments, refunds TO :"app";
GRANT UPDATE (status, notes, receipt) ON orders TO :"app";
GRANT UPDATE (status, amount_captured) ON payments TO :"app";
GRANT UPDATE (status) ON refunds TO :"app";
GRANT SELECT ON orders, order_history, time_in_status TO :"analyst";

\ir use.sql
