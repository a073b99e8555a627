-- Money with more decimals than any currency has subunits: a guarded table
-- that gets such a column takes no more writes.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();
CREATE SCHEMA s;
SET LOCAL search_path = s, public;
CREATE FUNCTION says(statement text, OUT got text)
	LANGUAGE plpgsql
AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	got := 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	got := concat_ws(' | ', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''));
END
$$;
CREATE TABLE o (id int PRIMARY KEY, amount bigint, status text, currency text);
CREATE TABLE p (id int PRIMARY KEY, o int REFERENCES o, amount bigint, status text, currency text);
CREATE INDEX ON p (o);
SELECT is_empty($$SELECT * FROM paystate.attach('o', 'p', lifecycle => 'razorpay', add_columns => true)$$, 'attached');
CREATE FUNCTION stands() RETURNS text[] LANGUAGE sql
	AS $$ SELECT array_agg(concat_ws(' ', o.id, o.status, o.amount_paid, p.status) ORDER BY o.id) FROM s.o JOIN s.p ON p.o = o.id $$;

INSERT INTO o (id, amount, currency) VALUES (1, 1000, 'KWD'), (2, 1000, 'KWD');
INSERT INTO p (id, o, currency) VALUES (1, 1, 'KWD'), (2, 2, 'KWD');
ALTER TABLE p ALTER amount TYPE numeric(14,3) USING amount / 1000.0;
SELECT is(says('UPDATE p SET status = ''failed'' WHERE id = 1'), 'accepted', 'an amount with three decimals');
ALTER TABLE p ALTER amount TYPE numeric(14,4);
SELECT alike(says('UPDATE p SET status = ''failed'' WHERE id = 2'), '23PS8 %Column "amount" %numeric(14,4)%', 'one with four');
SELECT is(stands(), '{1 attempted 0 failed,2 created 0 created}', 'and nothing has changed');
SELECT * FROM finish();
ROLLBACK;
