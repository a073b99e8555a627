// What every client does, and how it is counted; required by those of Node.
// The steps are the same for all: see steps.txt.
'use strict';

const assert = require('assert');

const list = (words) => words.trim().split(/\s+/);
const statuses = (words) => Object.fromEntries(list(words).map((s) => [s, s]));
let passed = 0, failed = 0;

module.exports = {
	columns: {
		orders: list(`id lifecycle amount amount_paid amount_due amount_authorized amount_pending amount_refunded
			currency receipt offer_id partial_payment first_payment_min_amount notes status attempts payments_open
			version status_since changed_at created_at`),
		payments: list(`id order_id amount amount_captured amount_refunded refund_pending currency status
			status_since created_at`),
	},
	OrderStatus: statuses(`created pending attempted authorized partially_captured paid processed
		partially_refunded fully_refunded cancelled failed`),
	PaymentStatus: statuses('created pending authorized captured processed failed cancelled refunded'),
	refusal: ['23PS1', 'update on table "payments" violates life cycle "razorpay"',
		'Payment "pay_1" of order "order_1" cannot move from "captured" to "created".',
		'Allowed: refunded, a refund.', 'payments', 'paystate_transition'],

	step(name, got, wanted = true) {
		try {
			assert.deepStrictEqual(got, wanted);
			passed++;
			console.log('ok - ' + name);
		} catch (error) {
			failed++;
			console.log('not ok - ' + name + '\n' + error.message);
		}
	},

	// the error, or null
	async caught(work) {
		try {
			await work();
			return null;
		} catch (error) {
			return error;
		}
	},

	run(main) {
		main().then(() => {
			console.log(`${passed} passed, ${failed} failed`);
			process.exit(failed ? 1 : 0);
		}, (error) => {
			console.error(error);
			process.exit(1);
		});
	},
};
