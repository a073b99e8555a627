-- The shops that test/stress/twice pays in, one with the same tables and no
-- rule, one with triggers as they are often written, one that paystate guards.
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION paystate;

CREATE SCHEMA checked;
SET search_path = checked;
CREATE TABLE orders (id text PRIMARY KEY, amount bigint NOT NULL);
CREATE TABLE payments (id text PRIMARY KEY, order_id text NOT NULL REFERENCES orders, amount bigint NOT NULL,
	status text NOT NULL DEFAULT 'created');
CREATE INDEX ON payments (order_id);
CREATE TABLE refunds (id text PRIMARY KEY, payment_id text NOT NULL REFERENCES payments, amount bigint NOT NULL);
CREATE INDEX ON refunds (payment_id);

CREATE SCHEMA locked;
SET search_path = locked;
CREATE TABLE orders (LIKE checked.orders INCLUDING ALL);
CREATE TABLE payments (LIKE checked.payments INCLUDING ALL, FOREIGN KEY (order_id) REFERENCES orders);
CREATE TABLE refunds (LIKE checked.refunds INCLUDING ALL, FOREIGN KEY (payment_id) REFERENCES payments);

CREATE FUNCTION one_refund() RETURNS trigger
	LANGUAGE plpgsql
AS $$
DECLARE
	paid bigint;
BEGIN
	SELECT amount INTO paid FROM locked.payments WHERE id = NEW.payment_id FOR UPDATE;
	IF (SELECT coalesce(sum(amount), 0) FROM locked.refunds WHERE payment_id = NEW.payment_id) + NEW.amount > paid THEN
		RAISE check_violation USING MESSAGE = 'refunds exceed the payment';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER one_refund BEFORE INSERT ON refunds FOR EACH ROW EXECUTE FUNCTION one_refund();

CREATE FUNCTION one_capture() RETURNS trigger
	LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM FROM locked.orders WHERE id = NEW.order_id FOR UPDATE;
	IF EXISTS (SELECT FROM locked.payments WHERE order_id = NEW.order_id AND status = 'captured') THEN
		RAISE check_violation USING MESSAGE = 'the order is paid';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER one_capture BEFORE UPDATE ON payments FOR EACH ROW
	WHEN (NEW.status = 'captured') EXECUTE FUNCTION one_capture();

CREATE SCHEMA guarded;
SELECT FROM paystate.create_tables('guarded');
