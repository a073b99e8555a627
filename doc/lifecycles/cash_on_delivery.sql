-- Cash on delivery: no gateway, but a courier who collects.
--
-- The payment is what is to be collected.  It goes out with the courier, comes
-- back where nobody was at home (three times at most), is refused at the door
-- or collected, and handed over to the shop later.  An attempt is a delivery.

SELECT paystate.define_lifecycle('cash_on_delivery', '{
	"order_initial": "placed", "payment_initial": "to_collect",
	"attempt_on": "result", "auto_capture": true, "partial_payment": "no", "partial_capture": false,
	"parallel_payments": "one_authorized", "max_attempts": 3, "refund_moves": "payment",
	"order_cancel": true, "payment_min": null, "payment_max": 5000000, "currencies": ["INR"],
	"amount_fixed": "first_payment", "order_expires": "30 days",
	"statuses": [
		{"kind": "order", "label": "placed", "role": "open", "initial": true},
		{"kind": "order", "label": "out_for_delivery", "role": "open"},
		{"kind": "order", "label": "delivered", "role": "settled", "terminal": true},
		{"kind": "order", "label": "refused", "role": "dead", "terminal": true},
		{"kind": "order", "label": "cancelled", "role": "dead", "terminal": true},
		{"kind": "payment", "label": "to_collect", "role": "open", "initial": true},
		{"kind": "payment", "label": "with_courier", "role": "open"},
		{"kind": "payment", "label": "collected", "role": "settled"},
		{"kind": "payment", "label": "handed_over", "role": "settled"},
		{"kind": "payment", "label": "not_collected", "role": "dead", "terminal": true},
		{"kind": "payment", "label": "refunded", "role": "returned", "terminal": true}],
	"transitions": [
		{"payment_event": "new>to_collect", "order_before": "placed", "guard": "insert_ok", "order_after": "placed"},
		{"payment_event": "to_collect>with_courier", "order_before": "placed", "guard": "attempts<max", "order_after": "out_for_delivery", "money_effect": "live>not_collected"},
		{"payment_event": "with_courier>to_collect", "order_before": "out_for_delivery", "order_after": "placed", "money_effect": "attempt", "evidence": "nobody at home"},
		{"payment_event": "with_courier>not_collected", "order_before": "out_for_delivery", "order_after": "refused", "money_effect": "attempt"},
		{"payment_event": "with_courier>collected", "order_before": "out_for_delivery", "guard": "amount=order_due", "order_after": "delivered", "money_effect": "attempt;capture"},
		{"payment_event": "collected>handed_over", "order_before": "delivered", "order_after": "delivered"},
		{"payment_event": "order:cancel", "order_before": "placed", "order_after": "cancelled", "money_effect": "live>not_collected"},

		{"payment_event": "collected:refund", "order_before": "delivered", "guard": "0<refund;refunded_after<captured", "order_after": "delivered", "money_effect": "refund"},
		{"payment_event": "collected>refunded", "order_before": "delivered", "guard": "refunded_after=captured", "order_after": "delivered", "money_effect": "refund"},
		{"payment_event": "handed_over:refund", "order_before": "delivered", "guard": "0<refund;refunded_after<captured", "order_after": "delivered", "money_effect": "refund"},
		{"payment_event": "handed_over>refunded", "order_before": "delivered", "guard": "refunded_after=captured", "order_after": "delivered", "money_effect": "refund"}]
}');
