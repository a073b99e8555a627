-- Authorization and capture as with Adyen.
--
-- From Adyen's public documentation, "Payments lifecycle": Received, then
-- Authorised, Refused or Error; an authorised payment is cancelled, expires
-- after four weeks or is SentForSettle, after which it cannot be cancelled; it
-- is then Settled, or CaptureFailed and captured once more.  "Capture": of
-- less than was authorised the rest is cancelled.  "Refund": in parts too.
--
-- Money counts once it is settled: until then a capture may fail, so that
-- "sent_for_settle" and "capture_failed" are still holds, and what is refunded
-- before is refunded there.  An order with a hold is not cancelled by itself:
-- cancel the payment, which is refused once it was sent for settlement.

SELECT paystate.define_lifecycle('adyen', '{
	"order_initial": "open", "payment_initial": "received",
	"attempt_on": "create", "auto_capture": false, "partial_payment": "no", "partial_capture": true,
	"parallel_payments": "one_authorized", "max_attempts": null, "refund_moves": "order",
	"order_cancel": true, "payment_min": null, "payment_max": null, "currencies": null,
	"amount_fixed": "creation", "authorization_expires": "28 days",
	"statuses": [
		{"kind": "order", "label": "open", "role": "open", "initial": true},
		{"kind": "order", "label": "authorised", "role": "held"},
		{"kind": "order", "label": "paid", "role": "settled"},
		{"kind": "order", "label": "partly_paid", "role": "settled"},
		{"kind": "order", "label": "partly_refunded", "role": "returned"},
		{"kind": "order", "label": "refunded", "role": "returned", "terminal": true},
		{"kind": "order", "label": "cancelled", "role": "dead", "terminal": true},
		{"kind": "payment", "label": "received", "gateway_spelling": "Received", "role": "open", "initial": true},
		{"kind": "payment", "label": "authorised", "gateway_spelling": "Authorised", "role": "held"},
		{"kind": "payment", "label": "sent_for_settle", "gateway_spelling": "SentForSettle", "role": "held"},
		{"kind": "payment", "label": "capture_failed", "gateway_spelling": "CaptureFailed", "role": "held"},
		{"kind": "payment", "label": "settled", "gateway_spelling": "Settled", "role": "settled", "terminal": true},
		{"kind": "payment", "label": "refused", "gateway_spelling": "Refused", "role": "dead", "terminal": true},
		{"kind": "payment", "label": "error", "gateway_spelling": "Error", "role": "dead", "terminal": true},
		{"kind": "payment", "label": "cancelled", "gateway_spelling": "Cancelled", "role": "dead", "terminal": true},
		{"kind": "payment", "label": "expired", "gateway_spelling": "Expired", "role": "dead", "terminal": true}],
	"transitions": [
		{"payment_event": "new>received", "order_before": "open", "guard": "insert_ok", "order_after": "open", "money_effect": "attempt"},
		{"payment_event": "received>authorised", "order_before": "open", "order_after": "authorised", "money_effect": "live>cancelled"},
		{"payment_event": "received>refused", "order_before": "open", "order_after": "open"},
		{"payment_event": "received>error", "order_before": "open", "order_after": "open"},
		{"payment_event": "received>cancelled", "order_before": "open", "order_after": "open"},

		{"payment_event": "authorised>cancelled", "order_before": "authorised", "order_after": "open"},
		{"payment_event": "authorised>expired", "order_before": "authorised", "order_after": "open"},
		{"payment_event": "authorised>sent_for_settle", "order_before": "authorised", "order_after": "authorised"},
		{"payment_event": "sent_for_settle>capture_failed", "order_before": "authorised", "order_after": "authorised"},
		{"payment_event": "capture_failed>sent_for_settle", "order_before": "authorised", "order_after": "authorised", "evidence": "captured once more"},
		{"payment_event": "capture_failed>cancelled", "order_before": "authorised", "order_after": "open", "evidence": "not captured once more"},
		{"payment_event": "sent_for_settle>settled", "order_before": "authorised", "guard": "captured=held;due_after=0", "order_after": "paid", "money_effect": "capture"},
		{"payment_event": "sent_for_settle>settled", "order_before": "authorised", "guard": "captured<held", "order_after": "partly_paid", "money_effect": "capture"},

		{"payment_event": "order:cancel", "order_before": "open", "order_after": "cancelled", "money_effect": "live>cancelled"},

		{"payment_event": "settled:refund", "order_before": "paid", "guard": "0<refund;refunded_after<amount_paid", "order_after": "partly_refunded", "money_effect": "refund"},
		{"payment_event": "settled:refund", "order_before": "paid", "guard": "refunded_after=amount_paid", "order_after": "refunded", "money_effect": "refund"},
		{"payment_event": "settled:refund", "order_before": "partly_paid", "guard": "0<refund;refunded_after<amount_paid", "order_after": "partly_refunded", "money_effect": "refund"},
		{"payment_event": "settled:refund", "order_before": "partly_paid", "guard": "refunded_after=amount_paid", "order_after": "refunded", "money_effect": "refund"},
		{"payment_event": "settled:refund", "order_before": "partly_refunded", "guard": "0<refund;refunded_after<amount_paid", "order_after": "partly_refunded", "money_effect": "refund"},
		{"payment_event": "settled:refund", "order_before": "partly_refunded", "guard": "refunded_after=amount_paid", "order_after": "refunded", "money_effect": "refund"}]
}');
