-- The row of the order :order, compact, as :line.
SELECT json_strip_nulls(row_to_json(o)) AS line
FROM (SELECT id, lifecycle, status, amount, amount_paid, amount_due,
		nullif(amount_authorized, 0) AS amount_authorized,
		nullif(amount_refunded, 0) AS amount_refunded, attempts,
		(SELECT json_object_agg(p.id, p.status ORDER BY p.created_at, p.id)
		 FROM payments p WHERE p.order_id = o.id) AS payments
	FROM orders o WHERE id = :'order') o \gset
