-- The life cycle of payments in Medusa 1: one payment pays an order, whole; it
-- is authorized at checkout and captured by an operator; refunds move the
-- order.  In paystate's words where it has one, for Medusa's are mapped.
SELECT paystate.define_lifecycle('medusa', $$ {
	"order_initial": "created", "payment_initial": "created", "attempt_on": "result",
	"auto_capture": false, "partial_payment": "no", "partial_capture": false,
	"parallel_payments": "one_authorized", "refund_moves": "order", "order_cancel": true,
	"payment_min": 1, "amount_fixed": "creation",
	"statuses": [
		{"kind": "order", "label": "created", "initial": true, "role": "open", "gateway_spelling": "not_paid"},
		{"kind": "order", "label": "requires_action", "role": "open"},
		{"kind": "order", "label": "authorized", "role": "held", "gateway_spelling": "awaiting"},
		{"kind": "order", "label": "paid", "role": "settled", "gateway_spelling": "captured"},
		{"kind": "order", "label": "partially_refunded", "role": "returned"},
		{"kind": "order", "label": "refunded", "role": "returned", "terminal": true},
		{"kind": "order", "label": "cancelled", "role": "dead", "terminal": true, "gateway_spelling": "canceled"},
		{"kind": "payment", "label": "created", "initial": true, "role": "open", "gateway_spelling": "pending"},
		{"kind": "payment", "label": "authorized", "role": "held"},
		{"kind": "payment", "label": "captured", "role": "settled", "terminal": true},
		{"kind": "payment", "label": "failed", "role": "dead", "terminal": true, "gateway_spelling": "error"},
		{"kind": "payment", "label": "cancelled", "role": "dead", "terminal": true, "gateway_spelling": "canceled"}
	],
	"transitions": [
		{"payment_event": "new>created", "order_before": "created", "guard": "insert_ok", "order_after": "created"},
		{"payment_event": "new>created", "order_before": "requires_action", "guard": "insert_ok", "order_after": "requires_action"},
		{"payment_event": "created>authorized", "order_before": "created", "order_after": "authorized", "money_effect": "attempt"},
		{"payment_event": "created>authorized", "order_before": "requires_action", "order_after": "authorized", "money_effect": "attempt"},
		{"payment_event": "created>failed", "order_before": "created", "order_after": "requires_action", "money_effect": "attempt"},
		{"payment_event": "created>failed", "order_before": "requires_action", "order_after": "requires_action", "money_effect": "attempt"},
		{"payment_event": "created>failed", "order_before": "authorized", "order_after": "authorized", "money_effect": "attempt"},
		{"payment_event": "authorized>cancelled", "order_before": "authorized", "order_after": "requires_action"},
		{"payment_event": "authorized>captured", "order_before": "authorized", "guard": "due_after=0", "order_after": "paid", "money_effect": "capture;live>cancelled"},
		{"payment_event": "captured:refund", "order_before": "paid", "guard": "0<refund;refunded_after<amount_paid", "order_after": "partially_refunded", "money_effect": "refund"},
		{"payment_event": "captured:refund", "order_before": "paid", "guard": "0<refund;refunded_after=amount_paid", "order_after": "refunded", "money_effect": "refund"},
		{"payment_event": "captured:refund", "order_before": "partially_refunded", "guard": "0<refund;refunded_after<amount_paid", "order_after": "partially_refunded", "money_effect": "refund"},
		{"payment_event": "captured:refund", "order_before": "partially_refunded", "guard": "0<refund;refunded_after=amount_paid", "order_after": "refunded", "money_effect": "refund"},
		{"payment_event": "order:cancel", "order_before": "created", "guard": "amount_paid=0", "order_after": "cancelled", "money_effect": "live>cancelled"},
		{"payment_event": "order:cancel", "order_before": "requires_action", "guard": "amount_paid=0", "order_after": "cancelled", "money_effect": "live>cancelled"},
		{"payment_event": "order:cancel", "order_before": "authorized", "guard": "amount_paid=0", "order_after": "cancelled", "money_effect": "live>cancelled"}
	]} $$);
