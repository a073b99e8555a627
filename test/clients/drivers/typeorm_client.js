// TypeORM: see steps.js.  PGDATABASE has the tables.
'use strict';

require('reflect-metadata');
const { DataSource, EntitySchema, QueryFailedError } = require('typeorm');
const { step, caught, run, columns, refusal, OrderStatus, PaymentStatus } = require('./steps');

// recipe begin
// "default" tells TypeORM to read the column back after an INSERT.  A Date has
// no microseconds, so the moments are never written.
const total = { type: 'bigint', default: 0 };
const moment = { type: 'timestamptz', default: () => 'now()', insert: false, update: false };
const status = (name, values) => ({
	type: 'enum', enum: values, enumName: name, default: 'created',
});
const Order = new EntitySchema({
	name: 'Order', tableName: 'orders', columns: {
		id: { type: 'text', primary: true },
		amount: { type: 'bigint' },
		notes: { type: 'jsonb', default: {} },
		status: status('order_status', OrderStatus),
		amount_paid: total, amount_due: total,
		status_since: moment, changed_at: moment, created_at: moment,
		// recipe end
		lifecycle: { type: 'text', default: 'razorpay' }, currency: { type: 'text', default: 'INR' },
		receipt: { type: 'text', nullable: true }, offer_id: { type: 'text', nullable: true },
		partial_payment: { type: 'boolean', default: false },
		first_payment_min_amount: { type: 'bigint', nullable: true },
		amount_authorized: total, amount_pending: total, amount_refunded: total,
		attempts: { type: 'integer', default: 0 }, payments_open: { type: 'integer', default: 0 },
		version: { type: 'integer', default: 1 },
	},
});
const Payment = new EntitySchema({
	name: 'Payment', tableName: 'payments', columns: {
		id: { type: 'text', primary: true }, order_id: { type: 'text' },
		amount: total, amount_captured: total, amount_refunded: total, refund_pending: total,
		currency: { type: 'text', default: 'INR' }, status: status('payment_status', PaymentStatus),
		status_since: moment, created_at: moment,
	},
});
const source = new DataSource({
	type: 'postgres', host: process.env.PGHOST, database: process.env.PGDATABASE, username: process.env.PGUSER,
	entities: [Order, Payment],
});

function move(paymentId, to) {
	return source.transaction(async (manager) => {
		await manager.query("SET LOCAL paystate.actor = 'shop'");
		const payment = await manager.findOneByOrFail(Payment, { id: paymentId });
		payment.status = to;
		await manager.save(Payment, payment);
	});	// rejects with a QueryFailedError, whose driverError is pg's
}

const get = async (entity, id) => ({ ...await source.getRepository(entity).findOneByOrFail({ id }) });
// every column that may be written is, changed or not
const save = (entity, row) => source.createQueryBuilder().update(entity)
	.set(Object.fromEntries(Object.entries(row).filter(([k]) => !/_(at|since)$/.test(k)))).where({ id: row.id }).execute();

run(async () => {
	await source.initialize();
	await source.getRepository(Order).save({ id: 'order_1', amount: 49900 });
	const made = await source.getRepository(Payment).save({ id: 'pay_1', order_id: 'order_1' });
	step('insert: what is left out is filled in', [made.amount, made.currency, made.status], ['49900', 'INR', 'created']);
	const stale = await get(Order, 'order_1');
	await move('pay_1', PaymentStatus.authorized);
	await move('pay_1', PaymentStatus.captured);
	const order = await get(Order, 'order_1');
	step('move: the order follows its payment', order.amount_paid, '49900');
	const own = source.getMetadata(Order).findColumnWithPropertyName('status').enum;
	step("enum: a status is the client's own", [own.includes(order.status), order.status, (await get(Payment, 'pay_1')).status],
		[true, OrderStatus.paid, PaymentStatus.captured]);
	const found = await source.getRepository(Order).findBy({ status: OrderStatus.paid });
	step('where: rows are found by status', found.map((o) => o.id), ['order_1']);
	await save(Order, { ...order, notes: { gift: 'yes' } });
	await save(Payment, await get(Payment, 'pay_1'));
	const saved = await get(Order, 'order_1');
	step('whole row: one that is unchanged is saved without a trace', saved, { ...order, notes: { gift: 'yes' } });
	step('stale row: one that was overtaken is refused', (await caught(() => save(Order, stale)))?.driverError?.code, '23PS6');
	const error = await caught(() => move('pay_1', PaymentStatus.created)), e = error.driverError;
	step("refusal: it is the client's integrity error", error instanceof QueryFailedError && e.code.startsWith('23'));
	step('fields: it says code, message, detail, hint, table and constraint',
		[e.code, e.message, e.detail, e.hint, e.table, e.constraint], refusal);
	step('afterwards: nothing was written, and the connection is good',
		[await get(Order, 'order_1'), (await get(Payment, 'pay_1')).status], [saved, 'captured']);
	step('actor: a transaction says who', await source.query("SELECT actor FROM order_history WHERE payment_to = 'captured'"),
		[{ actor: 'shop' }]);
	const runner = source.createQueryRunner();
	const table = async (name) => (await runner.getTable(name)).columns;
	const found2 = await table('orders');
	step('introspection: the tables are as they are',
		[found2.map((c) => c.name).sort(), (await table('payments')).map((c) => c.name).sort(),
			found2.find((c) => c.name === 'status').type],
		[[...columns.orders].sort(), [...columns.payments].sort(), 'paystate.order_status']);
});
