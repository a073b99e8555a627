// Knex: see steps.js.  PGDATABASE has the tables.
'use strict';

const { types, DatabaseError } = require('pg');
const { step, caught, run, columns, refusal, OrderStatus, PaymentStatus } = require('./steps');

// recipe begin
types.setTypeParser(types.builtins.TIMESTAMPTZ, (text) => text);	// keeps microseconds
const knex = require('knex')({ client: 'pg', connection: { host: process.env.PGHOST, database: process.env.PGDATABASE } });

function move(paymentId, status) {
	return knex.transaction(async (trx) => {
		await trx.raw("SET LOCAL paystate.actor = 'shop'");
		await trx('payments').where({ id: paymentId }).update({ status });
	});	// rejects with pg's DatabaseError: code, detail, hint, table, constraint
}

const isRefusal = (error) => error instanceof DatabaseError && /^23/.test(error.code);
// recipe end

const get = (table, id) => knex(table).where({ id }).first();
const save = (table, row) => knex(table).where({ id: row.id }).update(row);

run(async () => {
	await knex('orders').insert({ id: 'order_1', amount: 49900 });
	const [made] = await knex('payments').insert({ id: 'pay_1', order_id: 'order_1' }).returning('*');
	step('insert: what is left out is filled in', [made.amount, made.currency, made.status], ['49900', 'INR', 'created']);
	const stale = await get('orders', 'order_1');
	await move('pay_1', PaymentStatus.authorized);
	await move('pay_1', PaymentStatus.captured);
	const order = await get('orders', 'order_1');
	step('move: the order follows its payment', order.amount_paid, '49900');
	step("enum: a status is the client's own", [order.status, (await get('payments', 'pay_1')).status],
		[OrderStatus.paid, PaymentStatus.captured]);
	step('where: rows are found by status', await knex('orders').select('id').where({ status: OrderStatus.paid }),
		[{ id: 'order_1' }]);
	await save('orders', { ...order, notes: { gift: 'yes' } });
	await save('payments', await get('payments', 'pay_1'));
	const saved = await get('orders', 'order_1');
	step('whole row: one that is unchanged is saved without a trace', saved, { ...order, notes: { gift: 'yes' } });
	step('stale row: one that was overtaken is refused', (await caught(() => save('orders', stale)))?.code, '23PS6');
	const e = await caught(() => move('pay_1', PaymentStatus.created));
	step("refusal: it is the client's integrity error", isRefusal(e));
	step('fields: it says code, message, detail, hint, table and constraint',
		[e.code, e.message.split(' - ').pop(), e.detail, e.hint, e.table, e.constraint], refusal);
	step('afterwards: nothing was written, and the connection is good',
		[await get('orders', 'order_1'), (await get('payments', 'pay_1')).status], [saved, 'captured']);
	step('actor: a transaction says who', await knex('order_history').select('actor').where({ payment_to: 'captured' }),
		[{ actor: 'shop' }]);
	const fields = async (table) => Object.keys(await knex(table).columnInfo());
	const kind = (await knex('orders').columnInfo('status')).type;
	step('introspection: the tables are as they are',
		[{ orders: (await fields('orders')).sort(), payments: (await fields('payments')).sort() }, kind],
		[{ orders: [...columns.orders].sort(), payments: [...columns.payments].sort() }, 'USER-DEFINED']);
});
