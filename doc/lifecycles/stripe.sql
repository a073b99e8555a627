-- Stripe's PaymentIntent, captured automatically and by hand.
--
-- From Stripe's public documentation, "How PaymentIntents work" (statuses, and
-- that a declined attempt goes back to requires_payment_method), "Place a hold
-- on a payment method" (capturing less releases the rest; a hold of a card
-- lasts 7 days online) and "Refund and cancel payments" (a succeeded intent is
-- refunded, in parts too, and stays succeeded).
--
-- A payment is a PaymentIntent, the order is the shop's own.  Cards skip
-- "processing", so that every status before it may lead to the result.  Once
-- one intent has succeeded or holds the money, the order's others are
-- cancelled, as an integration does that opened two.  Where one of them is
-- "processing" already, Stripe cannot cancel it: it will be refunded there.

SELECT paystate.define_lifecycle('stripe_automatic', '{
	"order_initial": "awaiting_payment", "payment_initial": "requires_payment_method",
	"attempt_on": "result", "auto_capture": true, "partial_payment": "no", "partial_capture": false,
	"parallel_payments": "one_authorized", "max_attempts": null, "refund_moves": "order",
	"order_cancel": true, "payment_min": 50, "payment_max": 99999999, "currencies": null,
	"amount_fixed": "first_payment",
	"statuses": [
		{"kind": "order", "label": "awaiting_payment", "role": "open", "initial": true},
		{"kind": "order", "label": "paid", "role": "settled"},
		{"kind": "order", "label": "partly_refunded", "role": "returned"},
		{"kind": "order", "label": "refunded", "role": "returned", "terminal": true},
		{"kind": "order", "label": "canceled", "role": "dead", "terminal": true},
		{"kind": "payment", "label": "requires_payment_method", "role": "open", "initial": true},
		{"kind": "payment", "label": "requires_confirmation", "role": "open"},
		{"kind": "payment", "label": "requires_action", "role": "open"},
		{"kind": "payment", "label": "processing", "role": "open"},
		{"kind": "payment", "label": "succeeded", "role": "settled", "terminal": true},
		{"kind": "payment", "label": "canceled", "role": "dead", "terminal": true}],
	"transitions": [
		{"payment_event": "new>requires_payment_method", "order_before": "awaiting_payment", "guard": "insert_ok", "order_after": "awaiting_payment"},
		{"payment_event": "requires_payment_method>requires_confirmation", "order_before": "awaiting_payment", "order_after": "awaiting_payment"},
		{"payment_event": "requires_payment_method>requires_action", "order_before": "awaiting_payment", "order_after": "awaiting_payment"},
		{"payment_event": "requires_payment_method>processing", "order_before": "awaiting_payment", "order_after": "awaiting_payment"},
		{"payment_event": "requires_confirmation>requires_action", "order_before": "awaiting_payment", "order_after": "awaiting_payment"},
		{"payment_event": "requires_confirmation>processing", "order_before": "awaiting_payment", "order_after": "awaiting_payment"},
		{"payment_event": "requires_action>requires_confirmation", "order_before": "awaiting_payment", "order_after": "awaiting_payment", "evidence": "confirmation_method manual"},
		{"payment_event": "requires_action>processing", "order_before": "awaiting_payment", "order_after": "awaiting_payment"},

		{"payment_event": "requires_confirmation>requires_payment_method", "order_before": "awaiting_payment", "order_after": "awaiting_payment", "money_effect": "attempt", "evidence": "declined"},
		{"payment_event": "requires_action>requires_payment_method", "order_before": "awaiting_payment", "order_after": "awaiting_payment", "money_effect": "attempt", "evidence": "authentication failed"},
		{"payment_event": "processing>requires_payment_method", "order_before": "awaiting_payment", "order_after": "awaiting_payment", "money_effect": "attempt", "evidence": "declined"},

		{"payment_event": "requires_payment_method>succeeded", "order_before": "awaiting_payment", "guard": "amount=order_due", "order_after": "paid", "money_effect": "attempt;capture;live>canceled"},
		{"payment_event": "requires_confirmation>succeeded", "order_before": "awaiting_payment", "guard": "amount=order_due", "order_after": "paid", "money_effect": "attempt;capture;live>canceled"},
		{"payment_event": "requires_action>succeeded", "order_before": "awaiting_payment", "guard": "amount=order_due", "order_after": "paid", "money_effect": "attempt;capture;live>canceled"},
		{"payment_event": "processing>succeeded", "order_before": "awaiting_payment", "guard": "amount=order_due", "order_after": "paid", "money_effect": "attempt;capture;live>canceled"},

		{"payment_event": "requires_payment_method>canceled", "order_before": "awaiting_payment", "order_after": "awaiting_payment"},
		{"payment_event": "requires_confirmation>canceled", "order_before": "awaiting_payment", "order_after": "awaiting_payment"},
		{"payment_event": "requires_action>canceled", "order_before": "awaiting_payment", "order_after": "awaiting_payment"},
		{"payment_event": "order:cancel", "order_before": "awaiting_payment", "order_after": "canceled", "money_effect": "live>canceled"},

		{"payment_event": "succeeded:refund", "order_before": "paid", "guard": "0<refund;refunded_after<amount_paid", "order_after": "partly_refunded", "money_effect": "refund"},
		{"payment_event": "succeeded:refund", "order_before": "paid", "guard": "refunded_after=amount_paid", "order_after": "refunded", "money_effect": "refund"},
		{"payment_event": "succeeded:refund", "order_before": "partly_refunded", "guard": "0<refund;refunded_after<amount_paid", "order_after": "partly_refunded", "money_effect": "refund"},
		{"payment_event": "succeeded:refund", "order_before": "partly_refunded", "guard": "refunded_after=amount_paid", "order_after": "refunded", "money_effect": "refund"}]
}');

-- capture_method "manual": what would succeed is held first.  The status
-- requires_capture, the order's that go with it, and the rules that lead there
-- in the place of those that captured at once.
SELECT paystate.define_lifecycle('stripe_manual', '{
	"based_on": "stripe_automatic", "auto_capture": false, "partial_capture": true,
	"authorization_expires": "7 days",
	"statuses": [
		{"kind": "order", "label": "authorized", "role": "held"},
		{"kind": "order", "label": "partly_captured", "role": "settled"},
		{"kind": "payment", "label": "requires_capture", "role": "held"}],
	"transitions": [
		{"payment_event": "requires_payment_method>succeeded", "order_before": "awaiting_payment", "guard": "amount=order_due", "order_after": null},
		{"payment_event": "requires_confirmation>succeeded", "order_before": "awaiting_payment", "guard": "amount=order_due", "order_after": null},
		{"payment_event": "requires_action>succeeded", "order_before": "awaiting_payment", "guard": "amount=order_due", "order_after": null},
		{"payment_event": "processing>succeeded", "order_before": "awaiting_payment", "guard": "amount=order_due", "order_after": null},

		{"payment_event": "requires_payment_method>requires_capture", "order_before": "awaiting_payment", "order_after": "authorized", "money_effect": "attempt;live>canceled"},
		{"payment_event": "requires_confirmation>requires_capture", "order_before": "awaiting_payment", "order_after": "authorized", "money_effect": "attempt;live>canceled"},
		{"payment_event": "requires_action>requires_capture", "order_before": "awaiting_payment", "order_after": "authorized", "money_effect": "attempt;live>canceled"},
		{"payment_event": "processing>requires_capture", "order_before": "awaiting_payment", "order_after": "authorized", "money_effect": "attempt;live>canceled"},

		{"payment_event": "requires_capture>succeeded", "order_before": "authorized", "guard": "captured=held;due_after=0", "order_after": "paid", "money_effect": "capture"},
		{"payment_event": "requires_capture>succeeded", "order_before": "authorized", "guard": "captured<held", "order_after": "partly_captured", "money_effect": "capture", "evidence": "amount_to_capture; the rest is released"},
		{"payment_event": "requires_capture>canceled", "order_before": "authorized", "order_after": "awaiting_payment"},
		{"payment_event": "order:cancel", "order_before": "authorized", "order_after": "canceled", "money_effect": "live>canceled"},

		{"payment_event": "succeeded:refund", "order_before": "partly_captured", "guard": "0<refund;refunded_after<amount_paid", "order_after": "partly_refunded", "money_effect": "refund"},
		{"payment_event": "succeeded:refund", "order_before": "partly_captured", "guard": "refunded_after=amount_paid", "order_after": "refunded", "money_effect": "refund"}]
}');
