// Drizzle, over node-postgres: see steps.js.  PGDATABASE has the tables.
'use strict';

const { Pool, DatabaseError } = require('pg');
const { drizzle } = require('drizzle-orm/node-postgres');
const { bigint, boolean, integer, jsonb, pgSchema, pgTable, text, timestamp, getTableConfig } = require('drizzle-orm/pg-core');
const { eq, sql, getTableColumns } = require('drizzle-orm');
const { step, caught, run, columns, refusal, OrderStatus, PaymentStatus } = require('./steps');

// recipe begin
// The enums are paystate's; timestamps as text keep their microseconds.  What
// has a default is left out of an INSERT, and paystate fills it in.
const paystate = pgSchema('paystate');
const orderStatus = paystate.enum('order_status', Object.values(OrderStatus));
const paymentStatus = paystate.enum('payment_status', Object.values(PaymentStatus));
const money = (name) => bigint(name, { mode: 'number' });
const total = (name) => money(name).notNull().default(0);
const moment = (name) => timestamp(name, { withTimezone: true, mode: 'string' }).notNull().defaultNow();

const orders = pgTable('orders', {
	id: text('id').primaryKey(),
	lifecycle: text('lifecycle').notNull().default('razorpay'),
	amount: money('amount').notNull(),
	amountPaid: total('amount_paid'),
	amountDue: total('amount_due'),
	status: orderStatus('status').notNull().default('created'),
	notes: jsonb('notes').notNull().default({}),
	// recipe end
	amountAuthorized: total('amount_authorized'),
	amountPending: total('amount_pending'),
	amountRefunded: total('amount_refunded'),
	currency: text('currency').notNull().default('INR'),
	receipt: text('receipt'),
	offerId: text('offer_id'),
	partialPayment: boolean('partial_payment').notNull().default(false),
	firstPaymentMinAmount: money('first_payment_min_amount'),
	attempts: integer('attempts').notNull().default(0),
	paymentsOpen: integer('payments_open').notNull().default(0),
	version: integer('version').notNull().default(1),
	statusSince: moment('status_since'),
	changedAt: moment('changed_at'),
	createdAt: moment('created_at'),
});
const payments = pgTable('payments', {
	id: text('id').primaryKey(),
	orderId: text('order_id').references(() => orders.id),
	amount: money('amount').notNull().default(0),
	amountCaptured: total('amount_captured'),
	amountRefunded: total('amount_refunded'),
	refundPending: total('refund_pending'),
	currency: text('currency').notNull().default('INR'),
	status: paymentStatus('status').notNull().default('created'),
	statusSince: moment('status_since'),
	createdAt: moment('created_at'),
});
const db = drizzle(new Pool());

function move(paymentId, status) {
	return db.transaction(async (tx) => {
		await tx.execute(sql`SET LOCAL paystate.actor = 'shop'`);
		await tx.update(payments).set({ status }).where(eq(payments.id, paymentId));
	});	// rejects with a DrizzleQueryError, whose cause is pg's
}

const get = async (table, id) => (await db.select().from(table).where(eq(table.id, id)))[0];
const save = (table, row) => db.update(table).set(row).where(eq(table.id, row.id));

run(async () => {
	await db.insert(orders).values({ id: 'order_1', amount: 49900 });
	const [made] = await db.insert(payments).values({ id: 'pay_1', orderId: 'order_1' }).returning();
	step('insert: what is left out is filled in', [made.amount, made.currency, made.status], [49900, 'INR', 'created']);
	const stale = await get(orders, 'order_1');
	await move('pay_1', PaymentStatus.authorized);
	await move('pay_1', PaymentStatus.captured);
	const order = await get(orders, 'order_1');
	step('move: the order follows its payment', order.amountPaid, 49900);
	step("enum: a status is the client's own", [orderStatus.enumValues.includes(order.status), order.status,
		(await get(payments, 'pay_1')).status], [true, OrderStatus.paid, PaymentStatus.captured]);
	const found = await db.select({ id: orders.id }).from(orders).where(eq(orders.status, OrderStatus.paid));
	step('where: rows are found by status', found, [{ id: 'order_1' }]);
	await save(orders, { ...order, notes: { gift: 'yes' } });
	await save(payments, await get(payments, 'pay_1'));
	const saved = await get(orders, 'order_1');
	step('whole row: one that is unchanged is saved without a trace', saved, { ...order, notes: { gift: 'yes' } });
	step('stale row: one that was overtaken is refused', (await caught(() => save(orders, stale)))?.cause?.code, '23PS6');
	const e = (await caught(() => move('pay_1', PaymentStatus.created))).cause;
	step("refusal: it is the client's integrity error", e instanceof DatabaseError && e.code.startsWith('23'));
	step('fields: it says code, message, detail, hint, table and constraint',
		[e.code, e.message, e.detail, e.hint, e.table, e.constraint], refusal);
	step('afterwards: nothing was written, and the connection is good',
		[await get(orders, 'order_1'), (await get(payments, 'pay_1')).status], [saved, 'captured']);
	const { rows } = await db.execute(sql`SELECT actor FROM order_history WHERE payment_to = 'captured'`);
	step('actor: a transaction says who', rows, [{ actor: 'shop' }]);
	// Drizzle's own introspection is a program apart; its model must be the table
	const names = (table) => getTableConfig(table).columns.map((c) => c.name).sort();
	const inDatabase = async (table) => (await db.execute(sql`SELECT column_name FROM information_schema.columns
		WHERE table_name = ${table} AND table_schema = 'public' ORDER BY 1`)).rows.map((r) => r.column_name).sort();
	step('introspection: the tables are as they are',
		[names(orders), names(payments), Object.keys(getTableColumns(orders)).length],
		[await inDatabase('orders'), await inDatabase('payments'), columns.orders.length]);
});
