// Webhooks of Razorpay, Plural and PayKun, written down by record_event().
//
//   ORDERS       the orders table: "orders" when not said
//   SECRETS      JSON: {"razorpay": "...", "plural": "...", "paykun": "..."}
//   BOARD        any: the board is served, too (../board)
//   PORT         0, the default, takes any; the one taken is printed
//
// PGHOST and its like say where the database is.  A gateway without a secret
// is not served.
'use strict';

const crypto = require('crypto');
const express = require('express');
const { Pool } = require('pg');

const orders = process.env.ORDERS || 'orders';
const secrets = new Map(Object.entries(JSON.parse(process.env.SECRETS || '{}')));
const pool = new Pool({ max: Number(process.env.CONNECTIONS || 8) });
// a connection that breaks while nobody uses it must not end the service
pool.on('error', (error) => console.error(error.message));

// Where each gateway puts its signature and the event's id.  PayKun gives its
// callbacks no id, and signs within.
const headers = new Map(Object.entries({
	razorpay: (req) => [req.get('x-razorpay-signature'), req.get('x-razorpay-event-id')],
	plural: (req) => [req.get('webhook-signature'), req.get('webhook-id'), req.get('webhook-timestamp')],
	paykun: (req) => [signatureWithin(req.body)],
}));

function signatureWithin(body) {
	try {
		const given = JSON.parse(body);
		return String((given.transaction || given.data.transaction).signature);
	} catch {
		return '';
	}
}

function digest(text) {
	return crypto.createHash('sha256').update(text).digest('hex');
}

// A signature is good for five minutes, where it has a time in it.
function tooOld(at) {
	return at !== undefined && !(Math.abs(Date.now() / 1000 - Number(at)) < 300);
}

// What is no jsonb to PostgreSQL is kept as it came, as base64: refused, and
// not lost.
async function record(gateway, id, body) {
	const take = (payload) => pool.query(
		'SELECT * FROM paystate.record_event($1, $2, $3, $4::text::jsonb)', [orders, gateway, id, payload]);
	try {
		return await take(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
	} catch (error) {
		if (error.code !== 'ERR_ENCODING_INVALID_ENCODED_DATA' && !/^22/.test(error.code))
			throw error;
		return take(JSON.stringify(body.toString('base64')));
	}
}

const app = express();
// the signature is of the bytes, so nothing may parse them before
app.use('/webhooks', express.raw({ type: () => true, limit: '2mb' }), (req, res, next) => {
	req.body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
	next();
});

// recipe begin
app.post('/webhooks/:gateway', async (req, res) => {
	const { gateway } = req.params, secret = secrets.get(gateway);
	if (!secret) return res.sendStatus(404);
	const [signature, id = digest(req.body), at] = headers.get(gateway)(req);
	const signed = await pool.query('SELECT paystate.verify_signature($1, $2, $3, $4, $5, $6) AS ok',
		[gateway, req.body, signature, secret, id, at ?? '']);
	if (!signed.rows[0].ok || tooOld(at)) return res.sendStatus(401);
	const answer = await record(gateway, id.length > 255 ? digest(id) : id, req.body);
	res.json(answer.rows[0]);	// 200 for every outcome: order_events has kept it
});
// recipe end

if (process.env.BOARD)
	require('../board/board').mount(app, pool, orders);

// Anything but 2xx makes the gateway send it again: right for a deadlock and a
// server that is away, and the sender's own fault for the rest.
app.use((error, req, res, next) => {	// eslint-disable-line no-unused-vars
	if (error.status && error.status < 500)
		return res.sendStatus(error.status);
	console.error(error.code, error.message);
	res.sendStatus(/^(40|53|55|57|08|ECONN)/.test(error.code) ? 503 : 500);
});

const server = app.listen(Number(process.env.PORT || 0), '127.0.0.1', () =>
	console.log('http://127.0.0.1:' + server.address().port));
