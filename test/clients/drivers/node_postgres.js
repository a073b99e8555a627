// node-postgres (pg): see steps.js.  PGDATABASE has the tables.
'use strict';

const { Pool, types, DatabaseError } = require('pg');
const { step, caught, run, columns, refusal, OrderStatus, PaymentStatus } = require('./steps');

// recipe begin
// A Date has milliseconds, timestamptz has microseconds: rows that are saved
// whole must keep them.  Amounts come as text, since bigint is more than a
// number holds.
types.setTypeParser(types.builtins.TIMESTAMPTZ, (text) => text);
const pool = new Pool();

async function move(paymentId, status) {
	const client = await pool.connect();
	try {
		await client.query('BEGIN');
		await client.query("SET LOCAL paystate.actor = 'shop'");
		await client.query('UPDATE payments SET status = $1 WHERE id = $2', [status, paymentId]);
		await client.query('COMMIT');
	} catch (error) {
		await client.query('ROLLBACK');
		throw error;	// a DatabaseError: code, detail, hint, table, constraint
	} finally {
		client.release();
	}
}

const isRefusal = (error) => error instanceof DatabaseError && /^23/.test(error.code);
// recipe end

async function get(table, id) {
	return (await pool.query(`SELECT * FROM ${table} WHERE id = $1`, [id])).rows[0];
}

function save(table, row) {
	const names = Object.keys(row);
	return pool.query(`UPDATE ${table} SET ${names.map((n, i) => `${n} = $${i + 1}`)} WHERE id = $1`, Object.values(row));
}

run(async () => {
	await pool.query("INSERT INTO orders (id, amount) VALUES ('order_1', 49900)");
	const { rows: [made] } = await pool.query("INSERT INTO payments (id, order_id) VALUES ('pay_1', 'order_1') RETURNING *");
	step('insert: what is left out is filled in', [made.amount, made.currency, made.status], ['49900', 'INR', 'created']);
	const stale = await get('orders', 'order_1');
	await move('pay_1', PaymentStatus.authorized);
	await move('pay_1', PaymentStatus.captured);
	const order = await get('orders', 'order_1');
	step('move: the order follows its payment', order.amount_paid, '49900');
	step("enum: a status is the client's own", [order.status, (await get('payments', 'pay_1')).status],
		[OrderStatus.paid, PaymentStatus.captured]);
	const found = await pool.query('SELECT id FROM orders WHERE status = $1', [OrderStatus.paid]);
	step('where: rows are found by status', found.rows, [{ id: 'order_1' }]);
	await save('orders', { ...order, notes: { gift: 'yes' } });
	await save('payments', await get('payments', 'pay_1'));
	const saved = await get('orders', 'order_1');
	step('whole row: one that is unchanged is saved without a trace', saved, { ...order, notes: { gift: 'yes' } });
	step('stale row: one that was overtaken is refused', (await caught(() => save('orders', stale)))?.code, '23PS6');
	const e = await caught(() => move('pay_1', PaymentStatus.created));
	step("refusal: it is the client's integrity error", isRefusal(e));
	step('fields: it says code, message, detail, hint, table and constraint',
		[e.code, e.message, e.detail, e.hint, e.table, e.constraint], refusal);
	step('afterwards: nothing was written, and the connection is good',
		[await get('orders', 'order_1'), (await get('payments', 'pay_1')).status], [saved, 'captured']);
	const actors = await pool.query("SELECT actor FROM order_history WHERE payment_to = 'captured'");
	step('actor: a transaction says who', actors.rows, [{ actor: 'shop' }]);
	const fields = async (table) => (await pool.query(`SELECT * FROM ${table} LIMIT 0`)).fields.map((f) => f.name);
	step('introspection: the tables are as they are',
		{ orders: await fields('orders'), payments: await fields('payments') }, columns);
});
