import "./keys.js";
import { Alerts } from "./alerts.js";
import { showCards } from "./cards.js";
import { Charts } from "./charts.js";
import { showGlance } from "./glance.js";
import { Live } from "./live.js";
import { Store } from "./series.js";
import { addSample, loadSamples, showTables } from "./tables.js";
import { showToolbar } from "./toolbar.js";
import { isFixed, onView, readURL, span, view } from "./view.js";

const drawAfter = 100; // milliseconds

readURL();
const live = new Live({ snapshot: take, transition, condition, catchUp, missed: loadAlerts });
const store = new Store();
const alerts = new Alerts(live);
const charts = new Charts(store, live, alerts);
let loaded = 0; // when the range was asked for
let waiting = null; // to draw

onView((changes) => {
	if (!live.snapshot) return;
	if ("range" in changes || "from" in changes) load();
	show();
});
live.start();

function take(snapshot) {
	const others = charts.update();
	addSample(snapshot);
	if (loaded === 0) {
		show();
		catchUp();
		return;
	}
	store.append(snapshot, charts.list);
	if (others || isOld()) load();
	showSoon();
}

function catchUp() {
	load();
	loadSamples(live).then(show);
}

function isOld() {
	const [from, to] = span(live.now);
	return !isFixed() && Date.now() - loaded > Math.max(60_000, (to - from) / 600);
}

async function load() {
	loaded = Date.now();
	await Promise.all([loadAlerts(), live.snapshot.history && store.load(charts, span(live.now), show)]);
	requestAnimationFrame(() => alerts.jump()); // above it nothing grows any more
}

async function loadAlerts() {
	await alerts.load();
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

// showSoon draws once for all that comes together.
function showSoon() {
	waiting ??= setTimeout(() => {
		waiting = null;
		show();
	}, drawAfter);
}

function show() {
	showGlance(live);
	showCards(live, store, charts.list);
	alerts.show();
	showToolbar(live.now);
	showTables(live);
	charts.redraw();
}
