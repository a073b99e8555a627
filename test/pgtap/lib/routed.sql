-- A shop "routed" whose payments are partitioned by hash, with columns that stand
-- otherwise in one of the partitions.
CREATE SCHEMA routed;
SELECT paystate.create_tables('routed', key_type => 'bigint') \g /dev/null
SET search_path = routed, public;
ALTER TABLE payments RENAME TO one;
DROP TABLE refunds;
CREATE TABLE payments (LIKE one INCLUDING DEFAULTS, PRIMARY KEY (id), FOREIGN KEY (order_id) REFERENCES orders (id))
	PARTITION BY HASH (id);
DROP TABLE one;
CREATE TABLE payments_0 PARTITION OF payments FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE payments_1 (junk int, LIKE payments INCLUDING DEFAULTS);
ALTER TABLE payments_1 DROP junk;
ALTER TABLE payments ATTACH PARTITION payments_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON payments (order_id);
CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
CREATE TRIGGER _paystate_guard AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW
	EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
