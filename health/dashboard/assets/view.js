// What is shown, kept in the URL so that it can be shared.

export const spans = { "15m": 15, "1h": 60, "6h": 360, "24h": 1440, "7d": 10_080 };
const names = { "15m": "15 minutes", "1h": "hour", "6h": "6 hours", "24h": "24 hours", "7d": "7 days" };

export const view = {
	range: "1h",
	from: null, // with to: a fixed range in place of a rolling one, milliseconds
	to: null,
	utc: false,
	alert: null, // the id of one to look at
	flipped: new Set(), // series whose visibility is not the default, as chart:label
	sorted: new Map(), // table: column, or -column for descending
};

const listeners = [];

// onView calls f after each change.
export const onView = (f) => listeners.push(f);

export function readURL() {
	const asked = new URLSearchParams(location.search);
	const from = Date.parse(asked.get("from")), to = Date.parse(asked.get("to"));
	view.range = asked.get("range") in spans ? asked.get("range") : "1h";
	[view.from, view.to] = from < to ? [from, to] : [null, null];
	view.utc = asked.get("zone") === "utc";
	view.alert = /^\d+$/.test(asked.get("alert") ?? "") ? Number(asked.get("alert")) : null;
	view.flipped = new Set(asked.getAll("flip"));
	view.sorted = new Map(asked.getAll("sort").map((text) => text.split(":", 2)));
}

export function address() {
	const q = new URLSearchParams();
	if (isFixed()) {
		q.set("from", new Date(view.from).toISOString());
		q.set("to", new Date(view.to).toISOString());
	} else if (view.range !== "1h") {
		q.set("range", view.range);
	}
	if (view.utc) q.set("zone", "utc");
	if (view.alert) q.set("alert", view.alert);
	for (const key of view.flipped) q.append("flip", key);
	for (const [table, column] of view.sorted) q.append("sort", `${table}:${column}`);
	const text = q.toString();
	return text ? "?" + text : location.pathname;
}

// change sets what is shown. The range is worth a step back in the browser, the rest is not.
export function change(changes) {
	const step = "range" in changes || "from" in changes;
	Object.assign(view, changes);
	history[step ? "pushState" : "replaceState"](null, "", address());
	listeners.forEach((f) => f(changes));
}

export const isFixed = () => view.from != null;

// span is what the charts show, given the time of the newest numbers.
export function span(now) {
	if (isFixed()) return [view.from, view.to];
	return [now - spans[view.range] * 60_000, now];
}

export const rangeName = () => (isFixed() ? "shown range" : "last " + names[view.range]);

addEventListener("popstate", () => {
	readURL();
	listeners.forEach((f) => f({ range: view.range, alert: view.alert }));
});
