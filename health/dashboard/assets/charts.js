import { chartsOf, marksOf } from "./catalog.js";
import { Plot, nearest, reading, seriesStroke } from "./chart.js";
import { button, byId, el, fill, table } from "./dom.js";
import { duration, exactly, marksText, moment, when } from "./format.js";
import { change, follow, isFixed, span, view } from "./view.js";

function onceAFrame(draw) {
	let frame = 0;
	return () => {
		frame ||= requestAnimationFrame(() => {
			frame = 0;
			draw();
		});
	};
}

const tableRows = 60;
const shortest = 8; // drag, in pixels
const longest = 400 * 86_400_000; // range, in ms: what a history holds

export class Charts {
	redraw = onceAFrame(() => this.live.snapshot && this.#draw());
	list = [];
	cursor = null; // the time under the crosshair

	#panels = new Map(); // by id
	#shown = [];
	#follow = onceAFrame(() => this.#moveCursor());

	constructor(store, live, alerts) {
		Object.assign(this, { store, live, alerts });
		new ResizeObserver(() => this.redraw()).observe(byId("all-charts"));
		matchMedia("(prefers-color-scheme: dark)").onchange = () => this.redraw();
	}

	// update reports whether other series are to be loaded.
	update() {
		const before = JSON.stringify(this.list);
		this.list = chartsOf(this.live.snapshot, this.store.recorded);
		return JSON.stringify(this.list) !== before;
	}

	#draw() {
		const charts = this.list.filter((chart) => chart.series.some((one) => this.store.series(one)));
		this.range = span(this.live.now);
		this.#shown = charts.map((chart) => this.#panel(chart));
		fill(byId("all-charts"), this.#shown.map((panel) => panel.root));
		this.#shown.forEach((panel, i) => panel.show(charts[i]));
		this.#moveCursor();
		const [problem] = this.store.problems.values();
		fill(byId("charts-note"), !this.live.snapshot.history ? "No history is kept, so there is nothing to draw."
			: problem && `Not all charts could be read: ${problem.message}`);
	}

	#panel(chart) {
		if (!this.#panels.has(chart.id)) this.#panels.set(chart.id, new Panel(this, chart));
		return this.#panels.get(chart.id);
	}

	point(time) {
		this.cursor = time;
		this.#follow();
	}

	#moveCursor() {
		const time = this.cursor && Math.max(this.cursor, this.range[0]); // which may have rolled on
		for (const panel of this.#shown) panel.point(time);
	}

	zoom(a, b) {
		const to = Math.ceil(Math.min(Math.max(a, b), this.live.now));
		const from = Math.floor(Math.max(Math.min(a, b), to - longest));
		if (to - from >= 1000) change({ from, to });
	}
}

class Panel {
	constructor(charts, { id, title }) {
		this.charts = charts;
		const canvas = el("canvas", { "aria-hidden": true });
		this.plot = new Plot(canvas);
		this.stamp = el("span.stamp");
		this.cross = el("div.cross", { hidden: true }, this.stamp);
		this.zone = el("div.zone", { hidden: true });
		this.area = el("div.plot", {
			role: "slider", tabindex: 0, "aria-label": title, ...this.#handlers(),
		}, canvas, this.zone, this.cross);
		this.marks = el("span.quiet");
		this.legend = el("ul.legend");
		this.values = el("div");
		this.table = el("details.behind", { ontoggle: () => this.#fillTable() }, el("summary", "Values as a table"), this.values);
		this.root = el("article.card", { id: "chart-" + id, "aria-label": title },
			el("header", el("h3", title), this.marks), this.area, this.legend, this.table);
	}

	show(chart) {
		const { store, live, alerts, range: [from, to] } = this.charts;
		const marks = marksOf(live.snapshot.rules.find((r) => r.name === chart.rule) ?? {}, chart.scale);
		this.chart = chart;
		this.interval = live.interval;
		this.lines = chart.series.map((one, index) => ({
			...one, index, data: store.series(one), off: (chart.series.length <= 6 || index === 0) === view.flipped.has(`${chart.id}:${one.label}`),
		})).filter((line) => line.data);
		this.plot.draw({
			from, to, lines: this.lines.filter((line) => !line.off), marks, periods: alerts.periods(chart), unit: chart.unit, interval: this.interval,
		});
		Object.assign(this.area, { ariaValueMin: Math.round(from), ariaValueMax: Math.round(to) });
		if (document.activeElement !== this.area) this.area.ariaValueNow = Math.round(to);
		fill(this.marks, marksText(marks, chart.unit));
		this.#fillTable();
	}

	point(time) {
		const { plot, cross } = this;
		let read = null;
		for (const line of this.lines) {
			const i = nearest(line.data, time ?? plot.to, this.interval);
			line.reading = reading(line.data, i, this.chart.unit, time == null ? undefined : exactly);
			if (i >= 0 && !line.off) read ??= line.data.times[i];
		}
		fill(this.legend, this.lines.map((line) => this.#item(line)));
		cross.hidden = !(time >= plot.from && time <= plot.to);
		if (cross.hidden) return;
		const x = plot.x(time);
		cross.style.transform = `translateX(${x}px)`;
		cross.classList.toggle("near-end", x > plot.width - 160);
		fill(this.stamp, when(read ?? time, plot.to));
		if (document.activeElement === this.area) this.#speak(time);
	}

	#item({ index, label, off, reading }) {
		const swatch = el("span.swatch", { style: `border-top: 3px ${seriesStroke(index).style} var(--${seriesStroke(index).color})` });
		return el("li", button([swatch, el("span", label), el("span.reading", reading)], () => this.#flip(label), { "aria-pressed": String(!off) }));
	}

	#flip(label) {
		change({ flipped: view.flipped.symmetricDifference(new Set([`${this.chart.id}:${label}`])) });
	}

	#speak(time) {
		const readings = this.lines.filter((line) => !line.off).map((line) => `${line.label} ${line.reading}`);
		this.area.ariaValueNow = Math.round(time);
		this.area.ariaValueText = `${moment(time)}: ${readings.join("; ")}`;
	}

	#handlers() {
		const { charts } = this;
		const x = (event) => (event.clientX - this.area.getBoundingClientRect().left) / (this.area.currentCSSZoom ?? 1);
		const stop = () => {
			this.begin = null;
			this.zone.hidden = true;
		};
		return {
			onpointerdown: (event) => {
				if (event.button !== 0) return;
				this.begin = x(event);
				this.area.setPointerCapture(event.pointerId);
			},
			onpointermove: (event) => {
				charts.point(this.plot.time(x(event)));
				if (this.begin != null) this.#mark(this.begin, x(event));
			},
			onpointerup: (event) => {
				if (!this.zone.hidden) charts.zoom(this.plot.time(this.begin), this.plot.time(x(event)));
				stop();
			},
			onpointercancel: stop,
			onpointerleave: () => charts.point(null),
			ondblclick: () => isFixed() && follow(),
			onfocus: () => this.#speak(charts.cursor ?? this.plot.to),
			onblur: () => charts.point(null),
			onkeydown: (event) => this.#key(event),
		};
	}

	#mark(begin, end) {
		const width = Math.abs(end - begin);
		this.zone.hidden = width < shortest;
		this.zone.style.cssText = `width: ${width}px; transform: translateX(${Math.min(begin, end)}px)`;
	}

	#key(event) {
		const { charts, plot } = this;
		if (event.ctrlKey || event.altKey || event.metaKey) return;
		const at = charts.cursor ?? plot.to, quarter = (plot.to - plot.from) / 4;
		const step = (this.lines[0]?.data.step ?? this.interval) * (event.shiftKey ? 10 : 1);
		const within = (time) => Math.min(plot.to, Math.max(plot.from, time));
		const actions = {
			ArrowLeft: () => charts.point(within(at - step)),
			ArrowRight: () => charts.point(within(at + step)),
			Home: () => charts.point(plot.from),
			End: () => charts.point(plot.to),
			"+": () => charts.zoom(within(at - quarter), within(at + quarter)),
			"-": () => charts.zoom(plot.from - quarter, plot.to + quarter),
			Escape: () => charts.point(null),
		};
		const action = actions[event.key];
		if (!action) return;
		event.preventDefault();
		event.stopPropagation();
		action();
	}

	#fillTable() {
		if (!this.table.open) return;
		const { times, step } = this.lines[0].data;
		const inside = times.filter((time) => time + step > this.plot.from && time <= this.plot.to).reverse();
		const each = Math.ceil(inside.length / tableRows);
		const head = ["Time", ...this.lines.map((line) => line.label)].map((text) => el("th", { scope: "col" }, text));
		const rows = inside.filter((_, i) => i % each === 0).map((time) => el("tr", el("th", { scope: "row" }, moment(time)),
			this.lines.map(({ data }) => el("td", reading(data, nearest(data, time, this.interval), this.chart.unit, exactly)))));
		fill(this.values, table(`${this.chart.title}, mean of ${duration(step)}`, head, rows));
	}
}
