// The board: one page that shows an orders table as it stands, and is told of
// changes by LISTEN.
//
//   /board         the page
//   /board/events  the state as server-sent events, one now and one a change
//
// Changes are told by paystate.notify, refusals by the trigger of setup.sql.
// LISTEN needs a session of its own: BOARD_HOST and BOARD_PORT lead around a
// pooler in transaction mode.  Nobody is asked who he is: keep it inside.
'use strict';

const path = require('path');
const { Client } = require('pg');

const PAUSE = 100;		// milliseconds in which changes are taken together
const AGAIN = 1000;		// after which a lost connection is made anew

async function state(pool, orders) {
	const { rows: [{ shop }] } = await pool.query(
		`SELECT quote_ident(n.nspname) AS shop FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		 WHERE c.oid = $1::regclass`, [orders]);
	const [flow, funnel, stuck, refusals] = await Promise.all([
		pool.query('SELECT paystate.status_flow_mermaid($1) AS drawing', [orders]),
		pool.query(`SELECT lifecycle, status, orders, round(100 * share, 1) AS percent FROM ${shop}.status_funnel
			ORDER BY lifecycle, orders DESC, status`),
		pool.query(`SELECT order_id, lifecycle, status, date_trunc('second', stuck_for)::text AS stuck_for, amount_due
			FROM ${shop}.stuck_orders ORDER BY stuck_orders.stuck_for DESC, order_id LIMIT 20`),
		pool.query(`SELECT to_char(received_at, 'YYYY-MM-DD HH24:MI:SS') AS received_at, gateway, event_id, event_type, order_ref, code, reason
			FROM ${shop}.order_events WHERE outcome = 'refused' ORDER BY handled_at DESC, event_id LIMIT 20`),
	]);
	return { flow: flow.rows[0].drawing, funnel: funnel.rows, stuck: stuck.rows, refusals: refusals.rows };
}

function mount(app, pool, orders) {
	const watchers = new Set();
	let timer = null;

	async function tell(to = watchers) {
		timer = null;
		try {
			const text = `data: ${JSON.stringify(await state(pool, orders))}\n\n`;
			for (const watcher of to)
				watcher.write(text);
		} catch (error) {
			console.error(error.message);
		}
	}

	const changed = () => {
		timer ??= setTimeout(tell, PAUSE);
	};

	async function listen() {
		const client = new Client({ host: process.env.BOARD_HOST, port: process.env.BOARD_PORT });
		client.on('notification', changed);
		client.on('error', () => {});
		client.on('end', () => setTimeout(listen, AGAIN));
		try {
			await client.connect();
			await client.query('LISTEN paystate; LISTEN paystate_refused');
			changed();		// what came while nobody listened
		} catch (error) {
			console.error(error.message);
			client.end().catch(() => {});
		}
	}

	const file = (name) => (req, res) => res.sendFile(name);
	app.get('/board', file(path.join(__dirname, 'index.html')));
	app.get('/board/page.js', file(path.join(__dirname, 'page.js')));
	app.get('/board/mermaid.js', file(path.join(path.dirname(require.resolve('mermaid')), 'mermaid.min.js')));
	app.get('/board/events', (req, res) => {
		res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
		watchers.add(res);
		req.on('close', () => watchers.delete(res));
		tell([res]);
	});
	listen();
}

module.exports = { mount };
