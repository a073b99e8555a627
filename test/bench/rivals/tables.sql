-- The tables of the rivals: the very ones that paystate makes, with their
-- columns, indexes and foreign keys of payments and refunds, but without
-- guards.  The history's foreign key goes, too: an application that fills its
-- own log would not pay for a check that cannot fail.
SELECT paystate.create_tables(key_type => :'key', sharded => :sharded, history_partition => :partition);
SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
  FROM pg_trigger WHERE tgname LIKE '%\_paystate\_%' AND tgparentid = 0 \gexec
-- what the guard of orders says of receipt, notes and partial terms
ALTER TABLE orders ADD CONSTRAINT orders_receipt_check CHECK (paystate.receipt_ok(receipt)),
	ADD CONSTRAINT orders_notes_check CHECK (paystate.notes_ok(notes)),
	ADD CONSTRAINT orders_first_payment_check CHECK (
		paystate.first_payment_ok(first_payment_min_amount, partial_payment, amount));
ALTER TABLE order_history DROP CONSTRAINT order_history_order_id_fkey;
