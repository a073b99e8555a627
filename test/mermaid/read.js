// read.js MERMAID-BUNDLE
//
// Reads a drawing from standard input by Mermaid's own parser and prints what
// Mermaid understood, as JSON: nodes, edges and subgraphs with their labels.
// Fails when Mermaid refuses the drawing.
'use strict';
const fs = require('fs');
const vm = require('vm');

// The bundle wants a browser.  Parsing asks no more of it than this.
class Node {}
class Element extends Node {}
const page = {
	Node, Element, HTMLTemplateElement: Element, HTMLFormElement: Element,
	NodeFilter: {}, NamedNodeMap: class {}, DOMParser: class {},
	document: {nodeType: 9, implementation: {}, documentElement: {},
		createElement: () => ({style: {}, setAttribute() {}}),
		querySelectorAll: () => [], addEventListener() {}},
	addEventListener() {}, setTimeout, clearTimeout, console, structuredClone,
	URL, TextEncoder, TextDecoder,
};
page.window = page.self = page;

// Mermaid keeps "#34;" and "#lt;" as marks that its renderer turns into HTML
const named = {lt: '<', gt: '>', amp: '&', quot: '"'};
function plain(text) {
	return (text ?? '')
		.replace(/ﬂ°°(\d+)¶ß/g, (all, code) => String.fromCodePoint(code))
		.replace(/ﬂ°(\w+)¶ß/g, (all, name) => named[name] ?? all);
}

async function main() {
	vm.createContext(page);
	vm.runInContext(fs.readFileSync(process.argv[2], 'utf8'), page);
	const text = fs.readFileSync(0, 'utf8');
	const known = await page.mermaid.parse(text);
	const {db} = await page.mermaid.mermaidAPI.getDiagramFromText(text);
	const edges = db.getEdges();
	console.log(JSON.stringify({
		type: known.diagramType,
		nodes: [...db.getVertices().values()].map(
			(v) => ({id: v.id, text: plain(v.text), classes: v.classes})),
		edges: edges.map((e) => ({from: e.start, to: e.end,
			lines: e.text ? e.text.split('<br/>').map(plain) : [],
			dashed: e.stroke === 'dotted'})),
		subgraphs: db.getSubGraphs().map(
			(s) => ({title: plain(s.title), nodes: s.nodes})),
	}));
}

main().catch((error) => {
	console.error(error.message);
	process.exit(1);
});
