// postgres.js (postgres): see steps.js.  PGDATABASE has the tables.
'use strict';

const os = require('os');
const postgres = require('postgres');
const { step, caught, run, columns, refusal, OrderStatus, PaymentStatus } = require('./steps');

// recipe begin
// Timestamps stay text, so that rows saved whole keep their microseconds; the
// types are looked up by name when a statement is described.
const sql = postgres({
	host: process.env.PGHOST, database: process.env.PGDATABASE, username: process.env.PGUSER || os.userInfo().username,
	prepare: !process.env.POOLED,	// not by name behind a pooler in transaction mode
	types: { timestamptz: { to: 1184, from: [1184], serialize: String, parse: (text) => text } },
});

function move(paymentId, status) {
	return sql.begin(async (tx) => {
		await tx`SET LOCAL paystate.actor = 'shop'`;
		await tx`UPDATE payments SET status = ${status} WHERE id = ${paymentId}`;
	});	// rejects with a PostgresError: code, detail, hint, table_name, constraint_name
}

const isRefusal = (error) => error instanceof postgres.PostgresError && /^23/.test(error.code);
// recipe end

const get = async (table, id) => ({ ...(await sql`SELECT * FROM ${sql(table)} WHERE id = ${id}`)[0] });
const save = (table, row) => sql`UPDATE ${sql(table)} SET ${sql(row)} WHERE id = ${row.id}`;

run(async () => {
	await sql`INSERT INTO orders ${sql({ id: 'order_1', amount: 49900 })}`;
	const [made] = await sql`INSERT INTO payments ${sql({ id: 'pay_1', order_id: 'order_1' })} RETURNING *`;
	step('insert: what is left out is filled in', [made.amount, made.currency, made.status], ['49900', 'INR', 'created']);
	const stale = await get('orders', 'order_1');
	await move('pay_1', PaymentStatus.authorized);
	await move('pay_1', PaymentStatus.captured);
	const order = await get('orders', 'order_1');
	step('move: the order follows its payment', order.amount_paid, '49900');
	step("enum: a status is the client's own", [order.status, (await get('payments', 'pay_1')).status],
		[OrderStatus.paid, PaymentStatus.captured]);
	step('where: rows are found by status', [...await sql`SELECT id FROM orders WHERE status = ${OrderStatus.paid}`],
		[{ id: 'order_1' }]);
	await save('orders', { ...order, notes: { gift: 'yes' } });
	await save('payments', await get('payments', 'pay_1'));
	const saved = await get('orders', 'order_1');
	step('whole row: one that is unchanged is saved without a trace', saved, { ...order, notes: { gift: 'yes' } });
	step('stale row: one that was overtaken is refused', (await caught(() => save('orders', stale)))?.code, '23PS6');
	const e = await caught(() => move('pay_1', PaymentStatus.created));
	step("refusal: it is the client's integrity error", isRefusal(e));
	step('fields: it says code, message, detail, hint, table and constraint',
		[e.code, e.message, e.detail, e.hint, e.table_name, e.constraint_name], refusal);
	step('afterwards: nothing was written, and the connection is good',
		[await get('orders', 'order_1'), (await get('payments', 'pay_1')).status], [saved, 'captured']);
	step('actor: a transaction says who', [...await sql`SELECT actor FROM order_history WHERE payment_to = 'captured'`],
		[{ actor: 'shop' }]);
	const fields = async (table) => (await sql`SELECT * FROM ${sql(table)} LIMIT 0`).columns.map((c) => c.name);
	step('introspection: the tables are as they are',
		{ orders: await fields('orders'), payments: await fields('payments') }, columns);
});
