import { cardsOf, marksOf, seriesKey } from "./catalog.js";
import { byId, el, fill } from "./dom.js";
import { amount, duration, labelled, marksText, quantity, severity } from "./format.js";
import { isFixed, spanName, view } from "./view.js";

export function showCards({ snapshot, now, interval }, store, charts) {
	const cards = cardsOf(snapshot).sort((a, b) => severity(a.status) - severity(b.status));
	fill(byId("all-cards"), cards.map((card) => cardOf(card, seriesOf(card, store, charts), now, interval)));
	fill(byId("cards-range"), `Lines and trends: ${isFixed() ? "shown range" : "last " + spanName(view.range)}`);
	byId("cards-range").title = snapshot.timestamp;
}

function seriesOf({ id, name, instance, metric, attributes }, store, charts) {
	const { series } = charts.find((chart) => chart.rule === (name ?? id));
	return store.series(instance ? series.find((one) => one.key === seriesKey(metric, attributes)) : series[0]);
}

function cardOf(card, data, now, interval) {
	const { id, title, instance, status, value, unit, limit } = card;
	const [figure, name] = quantity(value, unit);
	const known = data?.mean.filter((v) => v != null) ?? [];
	return el("li.card." + status, { id: "card-" + id, "data-card": id },
		el("header", el("h3", title, " ", instance && el("small", instance)), el("span.state", status !== "none" && labelled(status))),
		el("p.value", el("span.figure", figure), el("span.unit", name), el("span.trend.quiet", trendText(data, known, unit))),
		barOf(card),
		el("p.foot.quiet", el("span", noteOf(card, now)), el("span", limit == null || unit === "%" ? "" : `limit ${amount(limit, unit)}`)),
		el("svg.spark", { viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": true }, el("path", { d: sparkline(data, known, interval) })));
}

function barOf(card) {
	const { value, unit } = card;
	const end = barEnd(card);
	if (end == null || value == null) return null;
	const share = (part) => `${Math.min(100, Math.max(0, (100 * part) / end))}%`;
	return el("div.bar", { role: "img", "aria-label": `${amount(value, unit)} of ${amount(end, unit)}` },
		el("span.fill", { style: `width: ${share(value)}` }),
		marksOf(card).filter((mark) => mark.value <= end).map((mark) => el("span.mark." + mark.level, { style: `left: ${share(mark.value)}` })));
}

// barEnd is what a whole bar stands for: the limit, unless it is so high that the marks could not be told apart.
function barEnd({ limit, warn, fail }) {
	const mark = Math.max(warn, fail);
	if (limit > 0 && (mark === 0 || limit <= 8 * mark)) return Math.max(limit, mark);
	return mark > 0 ? mark * 1.25 : null;
}

function noteOf(card, now) {
	if (card.value == null) return card.reason ?? "not measured";
	if (card.status !== card.judged) return "";
	if (severity(card.status) < severity("pass")) return `for ${duration(now - Date.parse(card.since))}`;
	return marksText(marksOf(card), card.unit);
}

function trendText(data, known, unit) {
	if (known.length < 4) return "";
	const part = Math.ceil(known.length / 10);
	const mean = (list) => list.reduce((sum, v) => sum + v, 0) / list.length;
	const change = mean(known.slice(-part)) - mean(known.slice(0, part));
	const peak = Math.max(...data.max.map(Math.abs));
	if (Math.abs(change) < 0.02 * peak || peak === 0) return "→ steady";
	return `${change > 0 ? "↗ +" : "↘ −"}${amount(Math.abs(change), unit)}`;
}

function sparkline(data, known, interval) {
	if (known.length < 2) return "";
	const { times, step, mean } = data;
	const low = Math.min(...known), high = Math.max(...known);
	let path = "", pen = "M";
	mean.forEach((v, i) => {
		if (v == null || times[i] - times[i - 1] > 2.5 * Math.max(step, interval)) pen = "M";
		if (v == null) return;
		const x = (100 * (times[i] - times[0])) / (times.at(-1) - times[0]);
		const y = high === low ? 12 : 22 - (20 * (v - low)) / (high - low);
		path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
		pen = "L";
	});
	return path;
}
