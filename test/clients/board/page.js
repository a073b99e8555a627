// What the page does with each state that the service sends.  All of it is put
// in as text: ids and reasons come from outside.
'use strict';

mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' });

const NUMBERS = new Set(['orders', 'percent', 'amount_due']);
let drawings = 0, drawn = null;

function cell(name, value) {
	const td = document.createElement(value === undefined ? 'th' : 'td');
	td.textContent = value === undefined ? name.replaceAll('_', ' ') : value ?? '';
	td.dataset.column = name;
	td.classList.toggle('number', NUMBERS.has(name));
	return td;
}

function bar(percent) {
	const td = document.createElement('td'), span = document.createElement('span');
	span.className = 'bar';
	span.style.width = Number(percent) + 'px';
	td.append(span);
	return td;
}

function fill(id, rows) {
	const table = document.getElementById(id);
	if (rows.length === 0) {
		const tr = document.createElement('tr'), td = document.createElement('td');
		td.className = 'none';
		td.textContent = 'none';
		tr.append(td);
		table.replaceChildren(tr);
		return;
	}
	const names = Object.keys(rows[0]);
	table.replaceChildren(...[undefined, ...rows].map((row) => {
		const tr = document.createElement('tr');
		tr.append(...names.map((name) => cell(name, row && (row[name] ?? ''))));
		if (row && 'percent' in row)
			tr.append(bar(row.percent));
		return tr;
	}));
}

async function draw(text) {
	if (text === drawn)
		return;
	drawn = text;
	const { svg } = await mermaid.render('drawing_' + ++drawings, text);
	document.getElementById('flow').innerHTML = svg;	// Mermaid's own, made strict
}

const events = new EventSource('/board/events');
const say = (text) => {
	document.getElementById('state').textContent = text;
};
events.onerror = () => say('not connected');
events.onmessage = async (message) => {
	const state = JSON.parse(message.data);
	fill('funnel', state.funnel);
	fill('stuck', state.stuck);
	fill('refusals', state.refusals);
	await draw(state.flow);
	document.body.dataset.updates = Number(document.body.dataset.updates ?? 0) + 1;
	say('as of ' + new Date().toLocaleTimeString());
};
