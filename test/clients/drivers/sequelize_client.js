// Sequelize: see steps.js.  PGDATABASE has the tables.
'use strict';

const { Sequelize, DataTypes, DatabaseError } = require('sequelize');
const { step, caught, run, columns, refusal, OrderStatus, PaymentStatus } = require('./steps');

// recipe begin
const sequelize = new Sequelize(process.env.PGDATABASE, process.env.PGUSER || '', '', {
	host: process.env.PGHOST, port: process.env.PGPORT, dialect: 'postgres', logging: false, define: { timestamps: false, underscored: true },
});
// paystate's own columns: left out of an INSERT, and read back from it
const derived = (type) => ({ type, defaultValue: undefined });
const Order = sequelize.define('Order', {
	id: { type: DataTypes.STRING, primaryKey: true },
	amount: DataTypes.BIGINT,
	notes: DataTypes.JSONB,
	status: derived(DataTypes.ENUM(...Object.values(OrderStatus))),
	amountPaid: derived(DataTypes.BIGINT),
	amountDue: derived(DataTypes.BIGINT),
	// recipe end
	...Object.fromEntries(['lifecycle', 'currency', 'receipt', 'offerId'].map((n) => [n, DataTypes.STRING])),
	partialPayment: DataTypes.BOOLEAN,
	...Object.fromEntries(['amountAuthorized', 'amountPending', 'amountRefunded', 'firstPaymentMinAmount',
		'attempts', 'paymentsOpen', 'version'].map((n) => [n, DataTypes.BIGINT])),
}, { tableName: 'orders' });
const Payment = sequelize.define('Payment', {
	id: { type: DataTypes.STRING, primaryKey: true },
	orderId: DataTypes.STRING,
	currency: DataTypes.STRING,
	status: derived(DataTypes.ENUM(...Object.values(PaymentStatus))),
	...Object.fromEntries(['amount', 'amountCaptured', 'amountRefunded', 'refundPending'].map((n) => [n, DataTypes.BIGINT])),
}, { tableName: 'payments' });

function move(paymentId, status) {
	return sequelize.transaction(async (transaction) => {
		await sequelize.query("SET LOCAL paystate.actor = 'shop'", { transaction });
		await Payment.update({ status }, { where: { id: paymentId }, transaction });
	});	// rejects with a DatabaseError, whose "original" is pg's
}

const get = async (model, id) => (await model.findByPk(id)).get({ plain: true });
const save = (model, row) => model.update(row, { where: { id: row.id }, fields: Object.keys(row) });

run(async () => {
	await Order.create({ id: 'order_1', amount: 49900 });
	const made = await Payment.create({ id: 'pay_1', orderId: 'order_1' });
	step('insert: what is left out is filled in', [made.amount, made.currency, made.status], ['49900', 'INR', 'created']);
	const stale = await get(Order, 'order_1');
	await move('pay_1', PaymentStatus.authorized);
	await move('pay_1', PaymentStatus.captured);
	const order = await get(Order, 'order_1');
	step('move: the order follows its payment', order.amountPaid, '49900');
	step("enum: a status is the client's own", [Order.getAttributes().status.values.includes(order.status), order.status,
		(await get(Payment, 'pay_1')).status], [true, OrderStatus.paid, PaymentStatus.captured]);
	const found = await Order.findAll({ where: { status: OrderStatus.paid }, attributes: ['id'], raw: true });
	step('where: rows are found by status', found, [{ id: 'order_1' }]);
	await save(Order, { ...order, notes: { gift: 'yes' } });
	await save(Payment, await get(Payment, 'pay_1'));
	const saved = await get(Order, 'order_1');
	step('whole row: one that is unchanged is saved without a trace', saved, { ...order, notes: { gift: 'yes' } });
	step('stale row: one that was overtaken is refused', (await caught(() => save(Order, stale)))?.original?.code, '23PS6');
	const error = await caught(() => move('pay_1', PaymentStatus.created)), e = error.original;
	step("refusal: it is the client's integrity error", error instanceof DatabaseError && e.code.startsWith('23'));
	step('fields: it says code, message, detail, hint, table and constraint',
		[e.code, e.message, e.detail, e.hint, e.table, e.constraint], refusal);
	step('afterwards: nothing was written, and the connection is good',
		[await get(Order, 'order_1'), (await get(Payment, 'pay_1')).status], [saved, 'captured']);
	const [actors] = await sequelize.query("SELECT actor FROM order_history WHERE payment_to = 'captured'");
	step('actor: a transaction says who', actors, [{ actor: 'shop' }]);
	const describe = (table) => sequelize.getQueryInterface().describeTable(table);
	const described = { orders: await describe('orders'), payments: await describe('payments') };
	step('introspection: the tables are as they are',
		[Object.keys(described.orders), Object.keys(described.payments), described.orders.status.special],
		[columns.orders, columns.payments, Object.values(OrderStatus)]);
});
