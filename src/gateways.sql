-- gateways: the four life cycles, rows only.  Each rule says where it is
-- documented: "seed" are the documents that the life cycles were drawn from,
-- "docs" and "webhook" the gateway's public documentation and its samples.
-- "inferred" and "decision" mark what they leave open.

-- Razorpay: orders paid by one payment or, where the order says so, in parts; a payment is authorized, then captured; retries until paid

INSERT INTO paystate.lifecycle (
	name, order_initial, payment_initial, attempt_on, auto_capture,
	partial_payment, partial_capture, parallel_payments, max_attempts,
	refund_moves, order_cancel, payment_min, payment_max, currencies,
	amount_fixed, builtin)
VALUES (
	'razorpay', 'created', 'created', 'result', false,
	'order', false, 'one_authorized', NULL,
	'payment', false, 100, NULL, NULL,
	'creation', true);

INSERT INTO paystate.lifecycle_status (
	lifecycle, kind, label, gateway_spelling, initial, terminal, role, builtin)
VALUES
	('razorpay', 'order', 'created', 'created', true, false, 'open', true),
	('razorpay', 'order', 'attempted', 'attempted', false, false, 'open', true),
	('razorpay', 'order', 'paid', 'paid', false, true, 'settled', true),
	('razorpay', 'payment', 'created', 'created', true, false, 'open', true),
	('razorpay', 'payment', 'authorized', 'authorized', false, false, 'held', true),
	('razorpay', 'payment', 'captured', 'captured', false, false, 'settled', true),
	('razorpay', 'payment', 'failed', 'failed', false, false, 'dead', true),
	('razorpay', 'payment', 'refunded', 'refunded', false, true, 'returned', true);

INSERT INTO paystate.lifecycle_transition (
	lifecycle, payment_event, order_before, guard, order_after, money_effect,
	evidence, builtin)
VALUES
	-- a payment is inserted
	('razorpay', 'new>created', 'created', 'insert_ok', 'created', '-',
		'seed000 StageI; seed002; retry: docs api/orders/create', true),
	('razorpay', 'new>created', 'attempted', 'insert_ok', 'attempted', '-',
		'seed000 StageI; seed002; retry: docs api/orders/create', true),
	-- a payment is authorized, fails or is cancelled
	('razorpay', 'created>authorized', 'created', '-', 'attempted', 'attempt',
		'seed000 StageII', true),
	('razorpay', 'created>authorized', 'attempted', '-', 'attempted', 'attempt',
		'seed000 StageII', true),
	('razorpay', 'created>authorized', 'paid', '-', 'paid', 'attempt',
		'docs late-authorisation/handle (then auto-refund)', true),
	('razorpay', 'created>failed', 'created', '-', 'attempted', 'attempt',
		'seed000 StageII', true),
	('razorpay', 'created>failed', 'attempted', '-', 'attempted', 'attempt',
		'seed000 StageII', true),
	('razorpay', 'created>failed', 'paid', '-', 'paid', 'attempt',
		'inferred: bank result of a payment opened before the order was paid', true),
	('razorpay', 'failed>authorized', 'attempted', '-', 'attempted', '-',
		'docs late-authorisation', true),
	('razorpay', 'failed>authorized', 'paid', '-', 'paid', '-',
		'docs late-authorisation/handle (then auto-refund)', true),
	-- money is captured
	('razorpay', 'authorized>captured', 'attempted', 'amount=held;due_after=0', 'paid', 'capture',
		'seed000 StageIII', true),
	('razorpay', 'authorized>captured', 'attempted', 'amount=held;partial_payment;due_after>0', 'attempted', 'capture',
		'docs webhooks/invoices.md partially_paid x4', true),
	-- money goes back
	('razorpay', 'authorized>refunded', 'attempted', 'refund=amount', 'attempted', 'auto_refund',
		'docs refunds/auto-refunds; capture-settings', true),
	('razorpay', 'authorized>refunded', 'paid', 'refund=amount', 'paid', 'auto_refund',
		'docs refunds/auto-refunds; capture-settings', true),
	('razorpay', 'captured:refund', 'attempted', '0<refund;refunded_after<captured', 'attempted', 'refund',
		'seed000 (order stays paid); docs webhooks/refunds.md', true),
	('razorpay', 'captured:refund', 'paid', '0<refund;refunded_after<captured', 'paid', 'refund',
		'seed000 (order stays paid); docs webhooks/refunds.md', true),
	('razorpay', 'captured>refunded', 'attempted', 'refunded_after=captured', 'attempted', 'refund',
		'seed000/002 (order stays paid)', true),
	('razorpay', 'captured>refunded', 'paid', 'refunded_after=captured', 'paid', 'refund',
		'seed000/002 (order stays paid)', true);

-- PayKun: authorizes and captures by itself, for the whole order at once; names payments only, the orders' labels are ours

INSERT INTO paystate.lifecycle (
	name, order_initial, payment_initial, attempt_on, auto_capture,
	partial_payment, partial_capture, parallel_payments, max_attempts,
	refund_moves, order_cancel, payment_min, payment_max, currencies,
	amount_fixed, builtin)
VALUES (
	'paykun', 'created', 'created', 'result', true,
	'no', false, 'one_authorized', NULL,
	'payment', false, 1000, NULL, '{INR}',
	'creation', true);

INSERT INTO paystate.lifecycle_status (
	lifecycle, kind, label, gateway_spelling, initial, terminal, role, builtin)
VALUES
	('paykun', 'order', 'created', '(unnamed by PayKun)', true, false, 'open', true),
	('paykun', 'order', 'attempted', '(unnamed by PayKun)', false, false, 'open', true),
	('paykun', 'order', 'paid', '(unnamed by PayKun)', false, true, 'settled', true),
	('paykun', 'payment', 'created', 'Initialized', true, false, 'open', true),
	('paykun', 'payment', 'authorized', '(authorization)', false, false, 'held', true),
	('paykun', 'payment', 'captured', 'Success', false, false, 'settled', true),
	('paykun', 'payment', 'failed', 'Failed', false, false, 'dead', true),
	('paykun', 'payment', 'refunded', 'Refund', false, true, 'returned', true);

INSERT INTO paystate.lifecycle_transition (
	lifecycle, payment_event, order_before, guard, order_after, money_effect,
	evidence, builtin)
VALUES
	-- a payment is inserted
	('paykun', 'new>created', 'created', 'insert_ok', 'created', '-',
		'seed003 s1; api GET orders/{id} may return several transactions', true),
	('paykun', 'new>created', 'attempted', 'insert_ok', 'attempted', '-',
		'seed003 s1; api GET orders/{id} may return several transactions', true),
	-- a payment is authorized, fails or is cancelled
	('paykun', 'created>authorized', 'created', '-', 'attempted', 'attempt',
		'seed003 s2', true),
	('paykun', 'created>authorized', 'attempted', '-', 'attempted', 'attempt',
		'seed003 s2', true),
	('paykun', 'created>failed', 'created', '-', 'attempted', 'attempt',
		'seed003 s4', true),
	('paykun', 'created>failed', 'attempted', '-', 'attempted', 'attempt',
		'seed003 s4', true),
	('paykun', 'created>failed', 'paid', '-', 'paid', 'attempt',
		'decision: no captured money and no hold is ever stranded', true),
	('paykun', 'failed>authorized', 'attempted', '-', 'attempted', '-',
		'seed003 s2 Late-Authorization', true),
	('paykun', 'authorized>failed', 'attempted', '-', 'attempted', '-',
		'inferred: auto capture fails (seed003 s4 technical error)', true),
	('paykun', 'authorized>failed', 'paid', '-', 'paid', '-',
		'decision: no captured money and no hold is ever stranded', true),
	-- money is captured
	('paykun', 'created>captured', 'created', 'amount=order_due', 'paid', 'attempt;capture',
		'seed003 s2 (auto capture, both steps in one)', true),
	('paykun', 'created>captured', 'attempted', 'amount=order_due', 'paid', 'attempt;capture',
		'seed003 s2 (auto capture, both steps in one)', true),
	('paykun', 'authorized>captured', 'attempted', 'amount=order_due', 'paid', 'capture',
		'seed003 s2', true),
	('paykun', 'failed>captured', 'attempted', 'amount=order_due', 'paid', 'capture',
		'seed003 s2 Late-Authorization + auto capture', true),
	-- money goes back
	('paykun', 'captured:refund', 'paid', '0<refund;refunded_after<captured', 'paid', 'refund',
		'inferred (partial refund not documented)', true),
	('paykun', 'captured>refunded', 'paid', 'refunded_after=captured', 'paid', 'refund',
		'seed003 s3; order label inferred', true);

-- Plural, pre-authorization on: money is held first and captured on request, wholly or in part; payments are legs of the order

INSERT INTO paystate.lifecycle (
	name, order_initial, payment_initial, attempt_on, auto_capture,
	partial_payment, partial_capture, parallel_payments, max_attempts,
	refund_moves, order_cancel, payment_min, payment_max, currencies,
	amount_fixed, builtin)
VALUES (
	'plural_preauth', 'created', 'pending', 'create', false,
	'legs', true, 'legs', 10,
	'order', true, 100, 100000000, '{INR}',
	'creation', true);

INSERT INTO paystate.lifecycle_status (
	lifecycle, kind, label, gateway_spelling, initial, terminal, role, builtin)
VALUES
	('plural_preauth', 'order', 'created', 'CREATED', true, false, 'open', true),
	('plural_preauth', 'order', 'pending', 'PENDING', false, false, 'open', true),
	('plural_preauth', 'order', 'attempted', 'ATTEMPTED', false, false, 'open', true),
	('plural_preauth', 'order', 'authorized', 'AUTHORIZED', false, false, 'held', true),
	('plural_preauth', 'order', 'partially_captured', 'PARTIALLY_CAPTURED', false, false, 'settled', true),
	('plural_preauth', 'order', 'processed', 'PROCESSED', false, false, 'settled', true),
	('plural_preauth', 'order', 'partially_refunded', 'PARTIALLY_REFUNDED', false, false, 'returned', true),
	('plural_preauth', 'order', 'fully_refunded', 'FULLY_REFUNDED', false, true, 'returned', true),
	('plural_preauth', 'order', 'cancelled', 'CANCELLED', false, true, 'dead', true),
	('plural_preauth', 'order', 'failed', 'FAILED', false, true, 'dead', true),
	('plural_preauth', 'payment', 'pending', 'PENDING', true, false, 'open', true),
	('plural_preauth', 'payment', 'authorized', 'AUTHORIZED', false, false, 'held', true),
	('plural_preauth', 'payment', 'processed', 'PROCESSED', false, true, 'settled', true),
	('plural_preauth', 'payment', 'cancelled', 'CANCELLED', false, true, 'dead', true),
	('plural_preauth', 'payment', 'failed', 'FAILED', false, true, 'dead', true);

INSERT INTO paystate.lifecycle_transition (
	lifecycle, payment_event, order_before, guard, order_after, money_effect,
	evidence, builtin)
VALUES
	-- a payment is inserted
	('plural_preauth', 'new>pending', 'created', 'insert_ok', 'pending', 'attempt',
		'seed004 PENDING/ATTEMPTED', true),
	('plural_preauth', 'new>pending', 'attempted', 'insert_ok', 'pending', 'attempt',
		'seed004 PENDING/ATTEMPTED', true),
	('plural_preauth', 'new>pending', 'pending', 'insert_ok', 'pending', 'attempt',
		'docs split payment (card+points)', true),
	-- a payment is authorized, fails or is cancelled
	('plural_preauth', 'pending>failed', 'pending', 'other_live', 'pending', '-',
		'inferred: split payment, other leg still open', true),
	('plural_preauth', 'pending>failed', 'pending', 'no_other_live;attempts<max', 'attempted', '-',
		'seed004 ATTEMPTED', true),
	('plural_preauth', 'pending>failed', 'pending', 'no_other_live;attempts>=max', 'failed', '-',
		'seed004 FAILED (max retries)', true),
	('plural_preauth', 'pending>cancelled', 'pending', 'no_other_live', 'failed', '-',
		'docs payment-life-cycle (customer cancels) + ORDER_FAILED text; order target inferred', true),
	('plural_preauth', 'pending>cancelled', 'pending', 'other_live', 'pending', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural_preauth', 'pending>authorized', 'pending', 'held_after<amount', 'pending', '-',
		'inferred: first leg of a split payment', true),
	('plural_preauth', 'pending>authorized', 'pending', 'held_after=amount', 'authorized', '-',
		'seed004 AUTHORIZED', true),
	('plural_preauth', 'authorized>cancelled', 'authorized', 'amount_paid=0', 'cancelled', 'live>cancelled',
		'seed004 Cancel Order', true),
	('plural_preauth', 'authorized>cancelled', 'authorized', 'amount_paid>0;others_done', 'partially_captured', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural_preauth', 'authorized>cancelled', 'authorized', 'amount_paid>0;others_held', 'authorized', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural_preauth', 'authorized>cancelled', 'pending', 'other_live', 'pending', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural_preauth', 'authorized>cancelled', 'pending', 'no_other_live', 'cancelled', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural_preauth', 'authorized>failed', 'authorized', 'amount_paid=0', 'failed', 'live>failed',
		'webhook IKvddb (capture failure)', true),
	('plural_preauth', 'authorized>failed', 'authorized', 'amount_paid>0;others_done', 'partially_captured', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural_preauth', 'authorized>failed', 'authorized', 'amount_paid>0;others_held', 'authorized', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural_preauth', 'authorized>failed', 'pending', 'other_live', 'pending', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural_preauth', 'authorized>failed', 'pending', 'no_other_live;attempts<max', 'attempted', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural_preauth', 'authorized>failed', 'pending', 'no_other_live;attempts>=max', 'failed', '-',
		'decision: no captured money and no hold is ever stranded', true),
	-- money is captured
	('plural_preauth', 'authorized>processed', 'authorized', 'captured=held;others_done;due_after=0', 'processed', 'capture',
		'seed004 Capture Order', true),
	('plural_preauth', 'authorized>processed', 'authorized', 'captured=held;others_held', 'authorized', 'capture',
		'inferred: first leg of a split capture', true),
	('plural_preauth', 'authorized>processed', 'authorized', 'captured<held', 'partially_captured', 'capture;live>cancelled',
		'webhook eAX0xI; docs orders-capture', true),
	('plural_preauth', 'authorized>processed', 'authorized', 'captured=held;others_done;due_after>0', 'partially_captured', 'capture',
		'decision: no captured money and no hold is ever stranded', true),
	-- the order is cancelled or fails
	('plural_preauth', 'order:cancel', 'created', 'amount_paid=0', 'cancelled', 'live>cancelled',
		'seed004 CANCELLED; created/pending edges: older order-life-cycle page; webhook FP1ezF; attempted inferred', true),
	('plural_preauth', 'order:cancel', 'pending', 'amount_paid=0', 'cancelled', 'live>cancelled',
		'seed004 CANCELLED; created/pending edges: older order-life-cycle page; webhook FP1ezF; attempted inferred', true),
	('plural_preauth', 'order:cancel', 'attempted', 'amount_paid=0', 'cancelled', 'live>cancelled',
		'seed004 CANCELLED; created/pending edges: older order-life-cycle page; webhook FP1ezF; attempted inferred', true),
	('plural_preauth', 'order:cancel', 'authorized', 'amount_paid=0', 'cancelled', 'live>cancelled',
		'seed004 Cancel Order', true),
	('plural_preauth', 'order:fail', 'pending', 'amount_paid=0', 'failed', 'live>failed',
		'seed004 FAILED; webhook PmmJWg (24 min after the failed payment)', true),
	('plural_preauth', 'order:fail', 'attempted', 'amount_paid=0', 'failed', 'live>failed',
		'seed004 FAILED; webhook PmmJWg (24 min after the failed payment)', true),
	-- money goes back
	('plural_preauth', 'processed:refund', 'processed', '0<refund;refunded_after<amount_paid', 'partially_refunded', 'refund',
		'seed004 PARTIALLY_REFUNDED', true),
	('plural_preauth', 'processed:refund', 'partially_captured', '0<refund;refunded_after<amount_paid', 'partially_refunded', 'refund',
		'seed004 PARTIALLY_REFUNDED', true),
	('plural_preauth', 'processed:refund', 'partially_refunded', '0<refund;refunded_after<amount_paid', 'partially_refunded', 'refund',
		'seed004 PARTIALLY_REFUNDED', true),
	('plural_preauth', 'processed:refund', 'processed', 'refunded_after=amount_paid', 'fully_refunded', 'refund',
		'seed004 FULLY_REFUNDED; payment stays PROCESSED: webhook Sys3RK', true),
	('plural_preauth', 'processed:refund', 'partially_captured', 'refunded_after=amount_paid', 'fully_refunded', 'refund',
		'seed004 FULLY_REFUNDED; payment stays PROCESSED: webhook Sys3RK', true),
	('plural_preauth', 'processed:refund', 'partially_refunded', 'refunded_after=amount_paid', 'fully_refunded', 'refund',
		'seed004 FULLY_REFUNDED; payment stays PROCESSED: webhook Sys3RK', true);

-- Plural, pre-authorization off: what is paid is captured at once; payments are legs of the order

INSERT INTO paystate.lifecycle (
	name, order_initial, payment_initial, attempt_on, auto_capture,
	partial_payment, partial_capture, parallel_payments, max_attempts,
	refund_moves, order_cancel, payment_min, payment_max, currencies,
	amount_fixed, builtin)
VALUES (
	'plural', 'created', 'pending', 'create', true,
	'legs', false, 'legs', 10,
	'order', true, 100, 100000000, '{INR}',
	'creation', true);

INSERT INTO paystate.lifecycle_status (
	lifecycle, kind, label, gateway_spelling, initial, terminal, role, builtin)
VALUES
	('plural', 'order', 'created', 'CREATED', true, false, 'open', true),
	('plural', 'order', 'pending', 'PENDING', false, false, 'open', true),
	('plural', 'order', 'attempted', 'ATTEMPTED', false, false, 'open', true),
	('plural', 'order', 'processed', 'PROCESSED', false, false, 'settled', true),
	('plural', 'order', 'partially_refunded', 'PARTIALLY_REFUNDED', false, false, 'returned', true),
	('plural', 'order', 'fully_refunded', 'FULLY_REFUNDED', false, true, 'returned', true),
	('plural', 'order', 'cancelled', 'CANCELLED', false, true, 'dead', true),
	('plural', 'order', 'failed', 'FAILED', false, true, 'dead', true),
	('plural', 'payment', 'pending', 'PENDING', true, false, 'open', true),
	('plural', 'payment', 'processed', 'PROCESSED', false, true, 'settled', true),
	('plural', 'payment', 'cancelled', 'CANCELLED', false, true, 'dead', true),
	('plural', 'payment', 'failed', 'FAILED', false, true, 'dead', true);

INSERT INTO paystate.lifecycle_transition (
	lifecycle, payment_event, order_before, guard, order_after, money_effect,
	evidence, builtin)
VALUES
	-- a payment is inserted
	('plural', 'new>pending', 'created', 'insert_ok', 'pending', 'attempt',
		'seed004 PENDING/ATTEMPTED', true),
	('plural', 'new>pending', 'attempted', 'insert_ok', 'pending', 'attempt',
		'seed004 PENDING/ATTEMPTED', true),
	('plural', 'new>pending', 'pending', 'insert_ok', 'pending', 'attempt',
		'docs split payment (card+points)', true),
	-- a payment fails or is cancelled
	('plural', 'pending>failed', 'pending', 'other_live', 'pending', '-',
		'inferred: split payment, other leg still open', true),
	('plural', 'pending>failed', 'pending', 'no_other_live;attempts<max;amount_paid=0', 'attempted', '-',
		'seed004 ATTEMPTED', true),
	('plural', 'pending>failed', 'pending', 'no_other_live;attempts>=max;amount_paid=0', 'failed', '-',
		'seed004 FAILED (max retries)', true),
	('plural', 'pending>failed', 'pending', 'no_other_live;amount_paid>0', 'attempted', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural', 'pending>cancelled', 'pending', 'no_other_live;amount_paid=0', 'failed', '-',
		'docs payment-life-cycle (customer cancels) + ORDER_FAILED text; order target inferred', true),
	('plural', 'pending>cancelled', 'pending', 'other_live', 'pending', '-',
		'decision: no captured money and no hold is ever stranded', true),
	('plural', 'pending>cancelled', 'pending', 'no_other_live;amount_paid>0', 'attempted', '-',
		'decision: no captured money and no hold is ever stranded', true),
	-- money is captured
	('plural', 'pending>processed', 'pending', 'captured=held;paid_after<amount', 'pending', 'capture',
		'inferred: first leg of a split payment', true),
	('plural', 'pending>processed', 'pending', 'captured=held;paid_after=amount', 'processed', 'capture',
		'seed004 PROCESSED', true),
	-- the order is cancelled or fails
	('plural', 'order:cancel', 'created', 'amount_paid=0', 'cancelled', 'live>cancelled',
		'seed004 CANCELLED; created/pending edges: older order-life-cycle page; webhook FP1ezF; attempted inferred', true),
	('plural', 'order:cancel', 'pending', 'amount_paid=0', 'cancelled', 'live>cancelled',
		'seed004 CANCELLED; created/pending edges: older order-life-cycle page; webhook FP1ezF; attempted inferred', true),
	('plural', 'order:cancel', 'attempted', 'amount_paid=0', 'cancelled', 'live>cancelled',
		'seed004 CANCELLED; created/pending edges: older order-life-cycle page; webhook FP1ezF; attempted inferred', true),
	('plural', 'order:fail', 'pending', 'amount_paid=0', 'failed', 'live>failed',
		'seed004 FAILED; webhook PmmJWg (24 min after the failed payment)', true),
	('plural', 'order:fail', 'attempted', 'amount_paid=0', 'failed', 'live>failed',
		'seed004 FAILED; webhook PmmJWg (24 min after the failed payment)', true),
	-- money goes back
	('plural', 'processed:refund', 'processed', '0<refund;refunded_after<amount_paid', 'partially_refunded', 'refund',
		'seed004 PARTIALLY_REFUNDED', true),
	('plural', 'processed:refund', 'partially_refunded', '0<refund;refunded_after<amount_paid', 'partially_refunded', 'refund',
		'seed004 PARTIALLY_REFUNDED', true),
	('plural', 'processed:refund', 'processed', 'refunded_after=amount_paid', 'fully_refunded', 'refund',
		'seed004 FULLY_REFUNDED; payment stays PROCESSED: webhook Sys3RK', true),
	('plural', 'processed:refund', 'partially_refunded', 'refunded_after=amount_paid', 'fully_refunded', 'refund',
		'seed004 FULLY_REFUNDED; payment stays PROCESSED: webhook Sys3RK', true),
	('plural', 'processed:refund', 'attempted', 'none_live;0<refund;refunded_after<amount_paid', 'partially_refunded', 'refund',
		'decision: no captured money and no hold is ever stranded', true),
	('plural', 'processed:refund', 'attempted', 'none_live;refunded_after=amount_paid', 'fully_refunded', 'refund',
		'decision: no captured money and no hold is ever stranded', true),
	('plural', 'processed:refund', 'pending', 'none_live;0<refund;refunded_after<amount_paid', 'partially_refunded', 'refund',
		'decision: no captured money and no hold is ever stranded', true),
	('plural', 'processed:refund', 'pending', 'none_live;refunded_after=amount_paid', 'fully_refunded', 'refund',
		'decision: no captured money and no hold is ever stranded', true);
