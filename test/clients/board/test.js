// The board as a browser shows it: headless Chromium opens the page of the
// service, then events come, and without a reload the page must say so.
// PGDATABASE is a new database; an argument is where a screenshot goes.
// Last line: N passed, N failed.
'use strict';

const { spawn } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const { Client } = require('pg');
const puppeteer = require('puppeteer-core');

const SECRET = 'not the real one';
let passed = 0, failed = 0;

function check(what, got, wanted) {
	const good = JSON.stringify(got) === JSON.stringify(wanted);
	good ? passed++ : failed++;
	console.log((good ? 'ok - ' : 'not ok - ') + what);
	if (!good)
		console.log('    wanted: ' + JSON.stringify(wanted) + '\n    got:    ' + JSON.stringify(got));
}

async function setUp(db) {
	await db.query("DO $$ BEGIN PERFORM paystate.create_events('public'); END $$");
	await db.query(fs.readFileSync(path.join(__dirname, 'setup.sql'), 'utf8'));
	await db.query('SET paystate.notify = on');	// this session is older than the database's setting
	await db.query(`INSERT INTO orders (id, amount, created_at) SELECT 'order_' || n, 1000, now() FROM generate_series(1, 4) AS n`);
}

function service() {
	const child = spawn('node', [path.join(__dirname, '../webhook/service.js')], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ...process.env, BOARD: '1', SECRETS: JSON.stringify({ razorpay: SECRET }), PGOPTIONS: '-c paystate.stuck_after=2s' },
	});
	return new Promise((resolve) => readline.createInterface(child.stdout).once('line', (url) => resolve({ child, url })));
}

async function send(url, id, event, payment) {
	const body = JSON.stringify({ event, created_at: 1700000050, payload: { payment: { entity: {
		amount: 1000, currency: 'INR', status: event.split('.')[1], created_at: 1700000000, ...payment } } } });
	const response = await fetch(url + '/webhooks/razorpay', { method: 'POST', body, headers: {
		'x-razorpay-event-id': id,
		'x-razorpay-signature': crypto.createHmac('sha256', SECRET).update(body).digest('hex') } });
	return (await response.json()).outcome;
}

// rows of a table of the page, as arrays of the columns' texts
const rows = (page, id, ...columns) => page.$$eval(`#${id} tr:has(td[data-column])`, (trs, names) => trs.map((tr) =>
	names.map((n) => tr.querySelector(`[data-column=${n}]`).textContent)), columns);

// waits for the page to say so, and no longer than a minute
async function comes(what, read, wanted) {
	const end = Date.now() + 60000;
	let got;
	do {
		got = await read();
		if (JSON.stringify(got) === JSON.stringify(wanted))
			break;
		await new Promise((resolve) => setTimeout(resolve, 100));
	} while (Date.now() < end);
	check(what, got, wanted);
}

async function look(page, url, db) {
	const funnel = () => rows(page, 'funnel', 'status', 'orders');
	const labels = () => page.$$eval('#flow .node .nodeLabel', (all) => all.map((l) => l.innerText.replace(/\s+/g, ' ')).filter((t) => t.trim()));
	const refusals = () => rows(page, 'refusals', 'event_id', 'order_ref', 'code');
	const open = async () => page.evaluate(() => window.opened);

	await page.goto(url + '/board');
	await page.evaluate(() => { window.opened = 'once'; });
	await comes('the funnel, as the page is opened', funnel, [['created', '4'], ['attempted', '0'], ['paid', '0']]);
	await comes('the flow', labels, ['created 4 now']);
	check('no refusals', await refusals(), []);

	check('an event comes', await send(url, 'evt_1', 'payment.captured', { id: 'pay_1', order_id: 'order_1' }), 'applied');
	await comes('the funnel follows', funnel, [['created', '4'], ['attempted', '1'], ['paid', '1']]);
	await comes('and so does the flow', async () => (await labels()).sort(), ['attempted 0 now', 'created 3 now', 'paid 1 now']);

	check('one is refused', await send(url, 'evt_2', 'payment.captured', { id: 'pay_2', order_id: 'order_<b>9' }), 'refused');
	await comes('the refusal is shown, as text', refusals, [['evt_2', 'order_<b>9', '23503']]);
	check('another is', await send(url, 'evt_3', 'payment.captured', { id: 'pay_3', order_id: 'order_2', amount: 1 }), 'refused');
	await comes('the latest first', refusals, [['evt_3', 'order_2', '23PS4'], ['evt_2', 'order_<b>9', '23503']]);

	await db.query("INSERT INTO payments (id, order_id) VALUES ('pay_4', 'order_3')");
	await db.query("UPDATE payments SET status = 'authorized' WHERE id = 'pay_4'");
	await comes('what is written without an event is shown as well', funnel, [['created', '4'], ['attempted', '2'], ['paid', '1']]);
	await new Promise((resolve) => setTimeout(resolve, 2500));
	await db.query("UPDATE payments SET status = 'captured' WHERE id = 'pay_4'");
	await comes('orders that are stuck', async () => (await rows(page, 'stuck', 'order_id', 'status', 'amount_due')).sort(),
		[['order_2', 'created', '1000'], ['order_4', 'created', '1000']]);
	await comes('three are open no more', async () => (await labels()).sort(), ['attempted 0 now', 'created 2 now', 'paid 2 now']);

	// the session that listens ends, and another takes its place
	await db.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^LISTEN' AND pid <> pg_backend_pid()");
	check('while nobody listens', await send(url, 'evt_4', 'payment.failed', { id: 'pay_5', order_id: 'order_4' }), 'applied');
	await comes('nothing is missed', funnel, [['created', '4'], ['attempted', '3'], ['paid', '2']]);
	check('all of it without a reload', await open(), 'once');
}

async function main() {
	const db = new Client(), { child, url } = await (async () => {
		await db.connect();
		await setUp(db);
		return service();
	})();
	const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true,
		timeout: 120000,	// the first start of a browser, on a busy machine
		args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
	try {
		const page = await browser.newPage(), errors = [];
		await page.setViewport({ width: 1280, height: 900 });
		page.on('pageerror', (error) => errors.push(error.message));
		page.on('request', (request) => request.url().startsWith(url) || errors.push(request.url()));
		await look(page, url, db);
		check('no error, and nothing from elsewhere', errors, []);
		if (process.argv[2])
			await page.screenshot({ path: process.argv[2], fullPage: true });
	} finally {
		await browser.close();
		child.kill();
		await db.end();
	}
}

main().then(() => {
	console.log(`${passed} passed, ${failed} failed`);
	process.exit(failed ? 1 : 0);
}, (error) => {
	console.error(error);
	process.exit(1);
});
