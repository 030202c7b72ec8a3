import { Alerts } from "./alerts.js";
import { showCards } from "./cards.js";
import { Charts } from "./charts.js";
import { byId, setText } from "./dom.js";
import { showGlance } from "./glance.js";
import { listen } from "./keys.js";
import { Live } from "./live.js";
import { Store } from "./series.js";
import { addSample, loadSamples, showTables } from "./tables.js";
import { Toolbar } from "./toolbar.js";
import { isFixed, onView, readURL, span, view } from "./view.js";

const slowest = 500; // milliseconds between two drawings of what comes live
const namesAgain = 15_000; // until the names of what was recorded are asked for again

readURL();
const live = new Live({ snapshot: take, transition, condition, catchUp: () => load() });
const store = new Store();
const alerts = new Alerts(live);
const charts = new Charts(store, live, (chart) => alerts.periods(chart));
const toolbar = new Toolbar(live, () => charts.recolor());
listen(toolbar);
let loaded = 0; // when the range was asked for
let named = 0; // when the names were
let drawn = 0;
let waiting = false;

onView((changes) => {
	if (!live.snapshot) return;
	if ("range" in changes || "from" in changes) load();
	else if ("alert" in changes) loadAlerts();
	show();
});
live.start();

// take is called with each snapshot.
function take(snapshot) {
	const first = loaded === 0;
	const others = charts.update(snapshot);
	addSample(snapshot);
	if (first) {
		show();
		load();
		loadSamples(live).then(show);
		return;
	}
	store.append(snapshot, charts.list);
	if (others || isOld()) load();
	showSoon();
}

// isOld reports whether a rolling range is so far behind that it is to be asked for again.
function isOld() {
	const [from, to] = span(live.now);
	const patience = Math.min(Math.max((to - from) / 60, 60_000), 600_000);
	return !isFixed() && Date.now() - loaded > patience;
}

// load asks for all that belongs to the range. What fails is said where it would be; the rest is shown.
async function load() {
	loaded = Date.now();
	loadAlerts();
	if (!live.snapshot.history) return;
	const [from, to] = span(live.now);
	const process = charts.list.filter((c) => c.series[0]?.group === "process");
	if (charts.missing() && Date.now() - named > namesAgain) {
		named = Date.now();
		await Promise.all([store.load(process, from, to, show), store.learn()]);
		charts.update(live.snapshot);
	}
	await store.load(charts.list, from, to, show);
}

async function loadAlerts() {
	const [from, to] = span(live.now);
	await alerts.load(from, to);
	show();
}

function transition(t) {
	alerts.take(t);
	showSoon();
}

// condition is called every second, and when the connection changes.
function condition() {
	showGlance(live);
	if (live.snapshot && view.range === "15m" && !isFixed()) charts.redraw();
}

// showSoon draws once for many snapshots.
function showSoon() {
	if (waiting) return;
	waiting = true;
	setTimeout(() => {
		waiting = false;
		show();
	}, Math.max(0, drawn + slowest - Date.now()));
}

function show() {
	const s = live.snapshot;
	if (!s) return;
	drawn = Date.now();
	showGlance(live);
	showCards(s, (card) => seriesOf(card), live.now);
	alerts.show();
	toolbar.show();
	showNote(s);
	showTables(s, live.now);
	charts.redraw();
}

// seriesOf finds what a card's sparkline is drawn from.
function seriesOf(card) {
	if (card.field) return store.series({ group: "process", key: card.field });
	const series = charts.list.flatMap((c) => c.series).filter((one) => one.name === card.metric);
	const one = card.instance ? series.find((candidate) => candidate.label === card.instance) : series.length === 1 && series[0];
	return one ? store.series(one) : null;
}

function showNote(s) {
	const problems = [...store.problems.values()];
	const note = byId("charts-note");
	const text = !s.history ? "No history is kept here, so there is nothing to draw."
		: problems.length > 0 ? `A part of the charts could not be read: ${problems[0]}` : "";
	note.hidden = text === "";
	setText(note, text);
}
