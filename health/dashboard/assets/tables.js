import { get, iso, query } from "./api.js";
import { components } from "./catalog.js";
import { button, byId, el, scroller, sign } from "./dom.js";
import { amount, clock, duration, moment, severity, when, words } from "./format.js";
import { change, view } from "./view.js";

const rows = 60; // recent samples

const status = (value) => [sign(value), words[value]];
const numeric = (title, value, unit) => ({ title, value, show: (row) => [amount(value(row), unit?.call ? unit(row) : unit)], number: true });

const tables = {
	past: {
		empty: "No alert was resolved in the shown range.",
		id: (a) => "alert-" + a.id,
		columns: [
			{ title: "Alert", value: (a) => a.name, show: (a) => [sign(a.severity), a.link] },
			{ title: "Began", value: (a) => a.began, show: (a) => [moment(Date.parse(a.began))] },
			{ title: "Lasted", value: (a) => a.lasted, show: (a) => [duration(a.lasted)], number: true },
			numeric("Peak", (a) => a.worst, (a) => a.unit), numeric("Threshold", (a) => a.threshold, (a) => a.unit),
			{ title: "Ended by", value: (a) => a.resolved_by ?? a.cause.replaceAll("_", " ") },
			{ title: "Note", value: (a) => a.note ?? "", long: true },
		],
	},
	checks: {
		empty: "This service has no checks.",
		columns: [
			{ title: "Check", value: (c) => c.name },
			{ title: "Status", value: (c) => severity(c.status), show: (c) => status(c.status) },
			{ title: "Kind", value: (c) => c.kind + (c.required ? ", required" : "") },
			{ title: "Since", value: (c) => c.since ?? "", show: (c, now) => [c.since ? when(Date.parse(c.since), now) : "not run yet"] },
			{ title: "Last run", value: (c) => c.time ?? "", show: (c, now) => [c.time ? when(Date.parse(c.time), now) : "–"] },
			numeric("Took", (c) => c.duration_seconds, "s"),
			{ title: "Last error", value: (c) => c.error ?? "", show: (c) => [c.error ?? "–"], long: true },
		],
	},
	pools: {
		empty: "This service has no database pools.",
		columns: [
			{ title: "Pool", value: (p) => p.name },
			numeric("In use", (p) => p.in_use), numeric("Idle", (p) => p.idle), numeric("Maximum", (p) => p.max),
			numeric("Use", (p) => p.utilization, "%"), numeric("Waits", (p) => p.wait_count), numeric("Waited", (p) => p.wait_seconds, "s"),
		],
	},
	brokers: {
		empty: "This service has no WebSocket brokers.",
		columns: [{ title: "Broker", value: (b) => b.broker }, numeric("Connections", (b) => b.count), numeric("Symbols", (b) => b.symbols)],
	},
	samples: {
		empty: "No samples yet.",
		columns: [
			{ title: "Time", value: (s) => s.timestamp, show: (s) => [clock(Date.parse(s.timestamp))] },
			{ title: "Status", value: (s) => severity(s.overall_status), show: (s) => status(s.overall_status) },
			...components.map((c) => numeric(c.title, (s) => s[c.field], c.unit)),
		],
	},
};

const fields = ["overall_status", ...components.map((c) => c.field)];

let samples = [];

// loadSamples asks for the newest samples of the history.
export async function loadSamples(live) {
	if (!live.snapshot.history) return;
	try {
		const to = live.now + 1;
		const list = await get("api/history?" + query({ from: iso(to - rows * live.interval), to: iso(to), series: fields.join(",") }));
		const newest = list.at(-1)?.timestamp ?? "";
		samples = list.concat(samples.filter((s) => s.timestamp > newest)).slice(-rows);
	} catch {
		// What comes live is shown all the same.
	}
}

// addSample puts the snapshot after the newest sample.
export function addSample(s) {
	if (samples.at(-1)?.timestamp >= s.timestamp) return;
	const { timestamp, overall_status } = s;
	samples = [...samples, { timestamp, overall_status, ...Object.fromEntries(components.map((c) => [c.field, c.value(s)])) }].slice(-rows);
}

export function showTables(s, now) {
	showTable("checks", s.checks, now);
	showTable("pools", Object.entries(s.database.pools).map(([name, pool]) => ({ name, ...pool })), now);
	showTable("brokers", Object.values(s.websocket.connections), now);
	showTable("samples", samples.toReversed(), now);
}

const built = new Map();

// showTable fills the table of that name, in the order that the URL asks for.
export function showTable(name, list, now) {
	const place = byId(name + "-table");
	if (list.length === 0) {
		if (!place.querySelector(".empty")) place.replaceChildren(el("p.empty", tables[name].empty));
		built.delete(name);
		return;
	}
	if (!built.has(name)) {
		built.set(name, build(name));
		place.replaceChildren(built.get(name).root);
	}
	const { body, heads } = built.get(name);
	const { columns } = tables[name];
	const [column, descending] = sorting(name);
	const key = JSON.stringify([list, column?.title, descending, view.utc, view.alert]);
	if (place.dataset.key === key) return; // what has the focus keeps it
	place.dataset.key = key;
	heads.forEach((head, i) => {
		if (columns[i] === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
		else head.removeAttribute("aria-sort");
	});
	body.replaceChildren(...sorted(list, column, descending).map((row) => el("tr", { id: tables[name].id?.(row) }, ...columns.map((c, i) =>
		el(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: c.number ? "number" : c.long ? "long" : null }, ...(c.show ? c.show(row, now) : [c.value(row)]))))));
}

function build(name) {
	const heads = tables[name].columns.map((c) => el("th", { scope: "col", class: c.number ? "number" : null },
		button(c.title, () => sort(name, c.title))));
	const body = el("tbody");
	const root = scroller(byId(name + "-title").textContent, el("table", el("thead", el("tr", ...heads)), body));
	return { root, heads, body };
}

function sorting(name) {
	const kept = view.sorted.get(name) ?? "";
	const column = tables[name].columns.find((c) => c.title === kept.replace(/^-/, ""));
	return [column, kept.startsWith("-")];
}

function sorted(list, column, descending) {
	if (!column) return list;
	const order = (a, b) => {
		const [x, y] = [column.value(a) ?? -Infinity, column.value(b) ?? -Infinity];
		return typeof x === "string" ? x.localeCompare(y) : x - y;
	};
	const up = list.toSorted(order);
	return descending ? up.reverse() : up;
}

// sort goes from ascending to descending to the order that the rows come in.
function sort(name, title) {
	const next = { [title]: "-" + title, ["-" + title]: "" };
	const now = view.sorted.get(name) ?? "";
	const order = now in next ? next[now] : title;
	const all = new Map(view.sorted);
	if (order) all.set(name, order);
	else all.delete(name);
	change({ sorted: all });
}
