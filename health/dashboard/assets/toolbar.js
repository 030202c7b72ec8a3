import { iso, query } from "./api.js";
import { ask } from "./dialogs.js";
import { button, byId, el, keep, set, setText } from "./dom.js";
import { duration, moment, offset, zoneName } from "./format.js";
import { change, isFixed, span, spans, view } from "./view.js";

const labels = { "15m": "15 m", "1h": "1 h", "6h": "6 h", "24h": "24 h", "7d": "7 d" };

// Toolbar chooses the range, the zone and the theme, and exports the range.
export class Toolbar {
	constructor(live, recolor) {
		this.live = live;
		this.recolor = recolor;
		this.ranges = new Map(Object.keys(spans).map((range) => [range, button(labels[range], () => change({ range, from: null, to: null }))]));
		this.custom = button("Custom …", () => this.#choose());
		this.reset = button("Back to live", () => change({ from: null, to: null }));
		this.export = el("a.button", { download: true, href: "export" }, "Export CSV");
		// The end of a rolling range is when it is asked for.
		for (const event of ["click", "focus", "pointerenter"]) this.export.addEventListener(event, () => this.#setExport());
		byId("toolbar").append(el("div.segments", ...this.ranges.values(), this.custom), this.reset, this.export);
		byId("zone").addEventListener("click", () => change({ utc: !view.utc }));
		byId("theme").addEventListener("click", () => this.nextTheme());
		this.#showTheme();
	}

	show() {
		for (const [range, button] of this.ranges) set(button, "aria-pressed", String(!isFixed() && view.range === range));
		set(this.custom, "aria-pressed", String(isFixed()));
		this.reset.hidden = !isFixed();
		const [from, to] = span(this.live.now);
		setText(byId("charts-range"), `${moment(from)} – ${isFixed() ? moment(to) : "now"} · ${duration(to - from)} · ${zoneName()}`);
		setText(byId("zone"), view.utc ? "UTC" : "Local time");
		set(byId("zone"), "aria-pressed", String(view.utc));
	}

	#setExport() {
		const [from, to] = span(this.live.now);
		this.export.href = "export?" + query({ from: iso(from), to: iso(to) });
	}

	#choose() {
		const [from, to] = span(this.live.now);
		const input = (name, time) => el("input", { name, type: "datetime-local", step: 1, required: true, value: iso(time + offset(time)).slice(0, 19) });
		ask({
			title: "Custom range", text: `Times in ${zoneName()}.`, action: "Show",
			fields: [["From", input("from", from)], ["To", input("to", to)]],
			send: (form) => {
				const [a, b] = ["from", "to"].map((name) => parse(form.get(name)));
				if (!(a < b)) throw new Error("From must be before to.");
				change({ from: a, to: b });
			},
		});
	}

	// nextTheme goes from the system's to light to dark.
	nextTheme() {
		const { dataset } = document.documentElement;
		const next = { light: "dark", dark: "" }[dataset.theme] ?? "light";
		if (next) dataset.theme = next;
		else delete dataset.theme;
		keep("theme", next);
		this.#showTheme();
		this.recolor();
	}

	#showTheme() {
		const names = { light: "Light", dark: "Dark" };
		setText(byId("theme"), names[document.documentElement.dataset.theme] ?? "System theme");
	}
}

const parse = (text) => (view.utc ? Date.parse(text + "Z") : Date.parse(text));
