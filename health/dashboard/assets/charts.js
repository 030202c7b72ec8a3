import { chartsOf, thresholds } from "./catalog.js";
import { Plot, bucketName, height, nearest, palette, reading } from "./chart.js";
import { arrange, button, byId, el, scroller, set, setText } from "./dom.js";
import { marksText, moment, when } from "./format.js";
import { change, view } from "./view.js";

const tableRows = 60;
const shortest = 8; // a drag, in pixels

// Charts is the section of charts. All share one range and one crosshair.
export class Charts {
	list = []; // what is to be shown
	cursor = null; // the time under the crosshair

	#panels = new Map(); // by the chart's id
	#colors = null;
	#frame = 0;
	#hovering = 0;

	constructor(store, live, periods) {
		this.store = store;
		this.live = live;
		this.periods = periods; // of alerts, for a chart
		new ResizeObserver(() => this.redraw()).observe(byId("chart-list"));
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor());
	}

	// update takes the list of charts from a snapshot, and reports whether others than before are to be loaded.
	update(snapshot) {
		const before = this.#signature();
		this.list = chartsOf(snapshot, this.store.recorded);
		return this.#signature() !== before;
	}

	#signature() {
		return this.list.flatMap((c) => c.series.map((s) => s.key)).join("\n");
	}

	// missing reports whether a series is wanted that may have been recorded since the names were asked for.
	missing() {
		return this.list.some((c) => (c.metric && c.series.length === 0) || c.series.some((s) => s.name && !this.store.knows(s.name)));
	}

	recolor() {
		this.#colors = null;
		this.redraw();
	}

	// redraw draws everything at the next frame.
	redraw() {
		this.#frame ||= requestAnimationFrame(() => {
			this.#frame = 0;
			this.#draw();
		});
	}

	#draw() {
		const s = this.live.snapshot;
		if (!s) return;
		this.#colors ??= palette();
		const shown = this.list.filter((c) => c.series.some((one) => this.store.series(one)));
		arrange(byId("chart-list"), shown.map((chart) => this.#panel(chart).root));
		for (const chart of shown) {
			const panel = this.#panels.get(chart.id);
			panel.show(chart, thresholds(s, chart), this.periods(chart), this.#colors, this.live.interval);
		}
		this.#moveCursor();
	}

	#panel(chart) {
		if (!this.#panels.has(chart.id)) this.#panels.set(chart.id, new Panel(this, chart));
		return this.#panels.get(chart.id);
	}

	// point moves the crosshair of all charts to the time, at the next frame; null takes it away.
	point(time) {
		this.cursor = time;
		this.#hovering ||= requestAnimationFrame(() => {
			this.#hovering = 0;
			this.#moveCursor();
		});
	}

	#moveCursor() {
		for (const panel of this.#panels.values()) if (panel.root.isConnected) panel.point(this.cursor);
	}

	zoom(a, b) {
		const [from, to] = a < b ? [a, b] : [b, a];
		if (to - from >= 1000) change({ from: Math.floor(from), to: Math.ceil(to) });
	}

	reset() {
		if (view.from != null) change({ from: null, to: null });
	}
}

// Panel is one chart with its title, legend and table.
class Panel {
	constructor(charts, chart) {
		this.charts = charts;
		const id = "chart-" + chart.id;
		this.canvas = el("canvas", { height: height, "aria-hidden": "true" });
		this.plot = new Plot(this.canvas);
		this.cross = el("div.cross", { hidden: true });
		this.stamp = el("span.stamp");
		this.cross.append(this.stamp);
		this.zone = el("div.zone", { hidden: true });
		this.area = el("div", {
			class: "plot", role: "slider", tabindex: 0, "aria-labelledby": id, "aria-orientation": "horizontal",
		}, this.canvas, this.zone, this.cross);
		this.marks = el("span.quiet");
		this.legend = el("ul.legend");
		this.table = el("details.behind", { ontoggle: () => this.#fillTable() }, el("summary", "Values as a table"));
		this.root = el("article.card.panel", { "aria-labelledby": id, "data-chart": chart.id },
			el("header", el("h3", { id }, chart.title), this.marks), this.area, this.legend, this.table);
		this.items = new Map();
		this.#listen();
	}

	show(chart, limits, periods, colors, interval) {
		this.chart = chart;
		this.interval = interval;
		this.lines = chart.series.map((one, index) => ({ ...one, index, data: this.charts.store.series(one) })).filter((l) => l.data);
		const few = chart.series.length <= 6;
		for (const line of this.lines) line.off = (few || line.index === 0) === view.flipped.has(`${chart.id}:${line.label}`);
		const { from, to } = this.charts.store;
		this.plot.draw({
			from, to: view.from == null ? Math.max(to, this.charts.live.now) : to, lines: this.lines.filter((l) => !l.off),
			thresholds: limits, periods, unit: chart.unit, interval, colors,
		});
		setText(this.marks, marksText(limits, chart.unit));
		arrange(this.legend, this.lines.map((line) => this.#item(line).root));
		set(this.area, "aria-valuemin", String(Math.round(from)));
		set(this.area, "aria-valuemax", String(Math.round(this.plot.to)));
		if (document.activeElement !== this.area) set(this.area, "aria-valuenow", String(Math.round(this.plot.to)));
		if (this.table.open) this.#fillTable();
	}

	#item(line) {
		let item = this.items.get(line.label);
		if (!item) {
			const swatch = el("span.swatch.dash-" + Math.floor(line.index / 6) % 3), value = el("span.reading"), toggle = button("", () => this.#flip(line.label));
			swatch.style.color = `var(--series-${(line.index % 6) + 1})`;
			toggle.append(swatch, el("span.label", line.label), value);
			item = { root: el("li", toggle), value, toggle };
			this.items.set(line.label, item);
		}
		set(item.toggle, "aria-pressed", String(!line.off));
		return item;
	}

	#flip(label) {
		const key = `${this.chart.id}:${label}`;
		const flipped = new Set(view.flipped);
		if (!flipped.delete(key)) flipped.add(key);
		change({ flipped });
	}

	// point shows the values at the time; at null those of the end.
	point(time) {
		const at = time ?? this.plot.to;
		let read = null;
		for (const line of this.lines) {
			const i = nearest(line.data, at, time == null ? Infinity : this.interval);
			const text = reading(line.data, i, this.chart.unit);
			setText(this.items.get(line.label).value, text);
			if (i >= 0 && !line.off) read ??= line.data.times[i];
		}
		const shown = time != null && time >= this.plot.from && time <= this.plot.to;
		this.cross.hidden = !shown;
		if (!shown) return;
		const x = this.plot.x(time);
		this.cross.style.transform = `translateX(${x}px)`;
		this.cross.classList.toggle("near-end", x > this.plot.width - 160);
		setText(this.stamp, when(read ?? time, this.plot.to));
		if (document.activeElement === this.area) this.#speak(time);
	}

	#speak(time) {
		const values = this.lines.filter((l) => !l.off).map((l) => `${l.label} ${this.items.get(l.label).value.textContent}`);
		set(this.area, "aria-valuenow", String(Math.round(time)));
		set(this.area, "aria-valuetext", `${moment(time)}: ${values.join("; ")}`);
	}

	#listen() {
		const { area, charts, zone } = this;
		let begin = null;
		const x = (event) => event.clientX - area.getBoundingClientRect().left;
		const stop = () => {
			begin = null;
			zone.hidden = true;
		};
		const listeners = {
			pointerdown: (event) => {
				if (event.button !== 0) return;
				begin = x(event);
				area.setPointerCapture(event.pointerId);
			},
			pointermove: (event) => {
				const end = x(event);
				charts.point(this.plot.time(end));
				if (begin == null) return;
				const width = Math.abs(end - begin);
				zone.hidden = width < shortest;
				zone.style.transform = `translateX(${Math.min(begin, end)}px)`;
				zone.style.width = `${width}px`;
			},
			pointerup: (event) => {
				if (!zone.hidden) charts.zoom(this.plot.time(begin), this.plot.time(x(event)));
				stop();
			},
			pointercancel: stop,
			pointerleave: () => charts.point(null),
			dblclick: () => charts.reset(),
			focus: () => this.#speak(charts.cursor ?? this.plot.to),
			blur: () => charts.point(null),
			keydown: (event) => this.#key(event),
		};
		for (const [name, f] of Object.entries(listeners)) area.addEventListener(name, f);
	}

	#key(event) {
		const { charts, plot } = this;
		if (event.ctrlKey || event.altKey || event.metaKey) return;
		const step = this.lines[0]?.data.step ?? this.interval;
		const far = event.shiftKey ? 10 : 1;
		const at = charts.cursor ?? plot.to, half = (plot.to - plot.from) / 4;
		const bound = (time) => Math.min(plot.to, Math.max(plot.from, time));
		const actions = {
			ArrowLeft: () => charts.point(bound(at - step * far)),
			ArrowRight: () => charts.point(bound(at + step * far)),
			Home: () => charts.point(plot.from),
			End: () => charts.point(plot.to),
			"+": () => charts.zoom(Math.max(plot.from, at - half), Math.min(plot.to, at + half)),
			"-": () => charts.zoom(plot.from - half, plot.to + half),
			Escape: () => charts.point(null),
		};
		const action = actions[event.key];
		if (!action) return;
		event.preventDefault();
		event.stopPropagation();
		action();
	}

	// fillTable writes the values of the range into the table, several buckets a row where there are many.
	#fillTable() {
		this.table.querySelector(".scroll")?.remove();
		if (!this.table.open) return;
		const { times, step } = this.lines[0].data;
		const inside = times.map((t, i) => [t, i]).filter(([t]) => t + step > this.plot.from && t <= this.plot.to);
		const each = Math.ceil(inside.length / tableRows);
		const rows = [];
		for (let i = inside.length - 1; i >= 0; i -= each) rows.push(inside[i]);
		this.table.append(scroller(`${this.chart.title}, ${bucketName(step)}`, el("table",
			el("thead", el("tr", ...["Time", ...this.lines.map((l) => l.label)].map((text) => el("th", { scope: "col" }, text)))),
			el("tbody", ...rows.map(([t]) => el("tr", el("th", { scope: "row" }, moment(t)),
				...this.lines.map((l) => el("td", reading(l.data, nearest(l.data, t, this.interval), this.chart.unit)))))))));
	}
}
