import { between, query } from "./api.js";

export const spans = { "15m": 15, "1h": 60, "6h": 360, "24h": 1440, "7d": 10_080 }; // minutes

export const spanName = (range) => range.replace(/\d+/, "$& ");

// view is what is shown, as the URL says.
export const view = {};

let changed;

export const onView = (f) => (changed = f);

export function readURL() {
	const asked = new URLSearchParams(location.search);
	const from = Date.parse(asked.get("from")), to = Date.parse(asked.get("to"));
	view.range = Object.hasOwn(spans, asked.get("range")) ? asked.get("range") : "1h";
	[view.from, view.to] = from < to ? [from, to] : [null, null];
	view.utc = asked.get("zone") === "utc";
	view.alert = parseInt(asked.get("alert")) || null;
	view.flipped = new Set(asked.getAll("flip")); // series whose visibility is not the default, as chart:label
	view.sorted = new Map(asked.getAll("sort").map((text) => text.split(":", 2))); // table: column, or -column for descending
}

export function address(changes) {
	const { range, from, to, utc, alert, flipped, sorted } = { ...view, ...changes };
	const fields = Object.entries({
		...(from ? between([from, to]) : range !== "1h" && { range }), ...(utc && { zone: "utc" }), ...(alert && { alert }),
	});
	for (const key of flipped) fields.push(["flip", key]);
	for (const [table, column] of sorted) fields.push(["sort", `${table}:${column}`]);
	return fields.length ? query(fields) : location.pathname;
}

// change sets what is shown. The range is worth a step back in the browser, the rest is not.
export function change(changes) {
	const step = "range" in changes || "from" in changes;
	Object.assign(view, changes);
	history[step ? "pushState" : "replaceState"](null, "", address());
	changed(changes);
}

export const isFixed = () => view.from != null;

export const span = (now) => (isFixed() ? [view.from, view.to] : [now - spans[view.range] * 60_000, now]);

export const follow = (range = view.range) => change({ range, from: null, to: null });

addEventListener("popstate", () => {
	readURL();
	changed(view);
});
