-- An application that looks at nothing has no checks on what merchants say.
ALTER TABLE orders DROP CONSTRAINT orders_notes_check, DROP CONSTRAINT orders_receipt_check,
	DROP CONSTRAINT orders_first_payment_check;
