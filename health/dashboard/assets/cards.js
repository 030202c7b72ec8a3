import { cardsOf } from "./catalog.js";
import { arrange, byId, el, set, setText, sign, svg } from "./dom.js";
import { amount, duration, marksText, quantity, severity, words } from "./format.js";
import { trend } from "./series.js";
import { rangeName } from "./view.js";

const cards = new Map(); // by id

// showCards shows what every number is now, what is unhealthy first. series finds the data of a card, for its sparkline.
export function showCards(snapshot, series, now) {
	const list = cardsOf(snapshot);
	list.forEach((card, i) => { card.order = i; });
	list.sort((a, b) => severity(a.status) - severity(b.status) || a.order - b.order);
	arrange(byId("card-list"), list.map((card) => {
		if (!cards.has(card.id)) cards.set(card.id, new Card(card));
		cards.get(card.id).show(card, series(card), now);
		return cards.get(card.id).root;
	}));
	setText(byId("cards-range"), `Lines and trends: ${rangeName()}`);
	set(byId("cards-range"), "title", snapshot.timestamp);
}

class Card {
	constructor(card) {
		this.state = el("span.state");
		this.figure = el("span.figure", { elementtiming: "value" });
		this.unit = el("span.unit");
		this.limit = el("span");
		this.fill = el("span.fill");
		this.marks = { warn: el("span.mark.warn"), fail: el("span.mark.fail") };
		this.bar = el("div.bar", { role: "img" }, this.fill, this.marks.warn, this.marks.fail);
		this.path = svg("path");
		this.spark = svg("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" }, this.path);
		this.trend = el("span.trend.quiet");
		this.note = el("span");
		this.root = el("li.card", { "data-card": card.id },
			el("header", el("h3", card.title, card.instance ? el("small", card.instance) : null), this.state),
			el("p.value", this.figure, this.unit, this.trend), this.bar, el("p.foot.quiet", this.note, this.limit), this.spark);
	}

	show(card, data, now) {
		set(this.root, "class", "card " + card.status);
		if (this.status !== card.status) {
			this.status = card.status;
			this.state.replaceChildren(...(card.status === "none" ? [] : [sign(card.status), words[card.status]]));
		}
		const [figure, unit] = quantity(card.value, card.unit);
		setText(this.figure, figure);
		setText(this.unit, unit);
		setText(this.limit, card.limit != null && card.unit !== "%" ? `limit ${amount(card.limit, card.unit)}` : "");
		this.#showBar(card);
		set(this.path, "d", sparkline(data));
		setText(this.note, noteOf(card, now));
		setText(this.trend, trendText(trend(data), data, card.unit));
	}

	#showBar(card) {
		const end = barEnd(card);
		this.bar.hidden = end == null || card.value == null;
		if (this.bar.hidden) return;
		const share = (value) => `${Math.min(100, Math.max(0, (100 * value) / end))}%`;
		this.fill.style.width = share(card.value);
		const said = [`${amount(card.value, card.unit)} of ${amount(end, card.unit)}`];
		for (const level of ["warn", "fail"]) {
			const mark = this.marks[level];
			mark.hidden = card[level] == null || card[level] > end;
			if (mark.hidden) continue;
			mark.style.left = share(card[level]);
			said.push(`${level} at ${amount(card[level], card.unit)}`);
		}
		set(this.bar, "aria-label", said.join(", "));
	}
}

// barEnd is what a whole bar stands for: the limit, unless it is so high that the marks could not be told apart.
function barEnd({ limit, warn, fail }) {
	const mark = Math.max(warn ?? 0, fail ?? 0);
	if (limit != null && limit > 0 && (mark === 0 || limit <= 8 * mark)) return Math.max(limit, mark);
	return mark > 0 ? mark * 1.25 : null;
}

function noteOf(card, now) {
	if (card.value == null) return card.reason ?? "not measured here";
	if (severity(card.status) < severity("pass")) return `for ${duration(now - Date.parse(card.since))}`;
	return marksText(["warn", "fail"].filter((level) => card[level] != null).map((level) => ({ level, value: card[level] })), card.unit);
}

function trendText(change, data, unit) {
	if (change == null) return "";
	const peak = Math.max(...data.max.map((v) => Math.abs(v ?? 0)));
	if (Math.abs(change) < 0.02 * peak || peak === 0) return "→ steady";
	return `${change > 0 ? "↗ +" : "↘ −"}${amount(Math.abs(change), unit)}`;
}

// sparkline draws the means, with gaps, between the lowest and the highest.
function sparkline(data) {
	const known = data?.mean.filter((v) => v != null) ?? [];
	if (known.length < 2) return "";
	const low = Math.min(...known), high = Math.max(...known), first = data.times[0], width = data.times.at(-1) - first;
	let path = "", pen = "M";
	data.mean.forEach((v, i) => {
		if (v == null || (i > 0 && data.times[i] - data.times[i - 1] > 6 * data.step)) pen = "M";
		if (v == null) return;
		const y = high === low ? 12 : 22 - (20 * (v - low)) / (high - low);
		path += `${pen}${((100 * (data.times[i] - first)) / width).toFixed(1)} ${y.toFixed(1)}`;
		pen = "L";
	});
	return path;
}
