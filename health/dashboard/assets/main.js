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

// Milliseconds.
const drawAfter = 100, loadAfter = 300, tryAgain = 20_000, tooOften = 60_000;

readURL();
const live = new Live({ snapshot: take, transition, condition, catchUp, missed: () => alerts.refresh().then(show) });
const store = new Store();
const alerts = new Alerts(live);
const charts = new Charts(store, live, alerts);
let loaded = 0; // when the range was asked for
let waiting = null; // to draw
let zooming = null; // to load

onView((changes) => {
	if (!live.snapshot) return;
	if ("range" in changes || "from" in changes) {
		clearTimeout(zooming);
		zooming = setTimeout(load, loadAfter); // who zooms again asks once
	}
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
	if (!isFixed() || Date.parse(snapshot.timestamp) < view.to) store.append(snapshot, charts.list);
	if (others || isOld()) load();
	showSoon();
}

function catchUp() {
	load();
	loadSamples(live).then(show);
}

function isOld() {
	const age = Date.now() - loaded, [from, to] = span(live.now);
	const problems = [...store.problems.values()].filter((p) => p.status !== 400); // refused for good
	if (alerts.problem || problems.length > 0) return age > (problems.some((p) => p.status === 429) ? tooOften : tryAgain);
	return !isFixed() && age > Math.max(60_000, (to - from) / 600);
}

async function load() {
	loaded = Date.now();
	await Promise.all([alerts.load().then(show), live.snapshot.history && store.load(charts, span(live.now), show)]);
	requestAnimationFrame(() => alerts.jump()); // above it nothing grows any more
}

function transition(t) {
	alerts.take(t);
	showSoon();
}

function condition() {
	if (live.condition === "paused") loaded = 0;
	showGlance(live);
	if (live.snapshot && view.range === "15m" && !isFixed()) charts.redraw();
}

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
	showToolbar(live);
	showTables(live);
	charts.redraw();
}
