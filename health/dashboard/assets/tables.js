import { between, get, query } from "./api.js";
import { components } from "./catalog.js";
import { button, byId, el, fill, sign, table } from "./dom.js";
import { amount, duration, labelled, severity, when } from "./format.js";
import { change, view } from "./view.js";

const most = 60; // recent samples

const text = (title, field, kind) => ({ title, kind, value: (row) => row[field], show: (row) => row[field] ?? "–" });
const numeric = (title, field, unit) => ({ title, kind: "number", value: (row) => row[field], show: (row) => amount(row[field], unit ?? row.unit) });
const timed = (title, field) => ({ title, value: (row) => row[field], show: (row, now) => (row[field] ? when(row[field], now) : "–") });
const judged = (field) => ({ title: "Status", value: (row) => severity(row[field]), show: (row) => labelled(row[field]) });

const tables = {
	past: [
		{ title: "Alert", value: (a) => a.name, show: (a) => [sign(a.severity), a.link] }, timed("Began", "began"),
		{ title: "Lasted", value: (a) => a.lasted, show: (a) => duration(a.lasted), kind: "number" },
		numeric("Peak", "worst"), numeric("Threshold", "threshold"), text("Ended by", "ended"), text("Note", "note", "long"),
	],
	checks: [
		text("Check", "name"), judged("status"), text("Kind", "kind"), timed("Since", "since"), timed("Last run", "time"),
		numeric("Took", "duration_seconds", "s"), text("Last error", "error", "long"),
	],
	pools: [
		text("Pool", "name"), numeric("In use", "in_use"), numeric("Idle", "idle"), numeric("Maximum", "max"), numeric("Use", "utilization", "%"),
		numeric("Waits", "wait_count"), numeric("Waited", "wait_seconds", "s"),
	],
	exports: [
		text("Collector", "condition"), timed("Last success", "last_success"), numeric("On disk", "queued"), numeric("Size", "queued_bytes", "By"),
		numeric("Sent later", "replayed"), numeric("Dropped", "dropped"), text("Last error", "error", "long"),
	],
	brokers: [text("Broker", "broker"), numeric("Connections", "count"), numeric("Symbols", "symbols")],
	samples: [timed("Time", "timestamp"), judged("overall_status"), ...components.map((c) => numeric(c.title, c.field, c.unit))],
};

let samples = [];

// Where loadSamples fails, what comes live is shown all the same.
export async function loadSamples(live) {
	if (!live.snapshot.history) return;
	const to = live.now + 1, series = ["overall_status", ...components.map((c) => c.field)];
	const list = await get("api/history" + query({ ...between([to - most * live.interval, to]), series })).catch(() => []);
	const newest = list.at(-1)?.timestamp ?? "";
	samples = list.concat(samples.filter((s) => s.timestamp > newest)).slice(-most);
}

export function addSample(s) {
	if (samples.at(-1)?.timestamp >= s.timestamp) return;
	const { timestamp, overall_status } = s;
	samples = [...samples, { timestamp, overall_status, ...Object.fromEntries(components.map((c) => [c.field, c.value(s)])) }].slice(-most);
}

export function showTables({ snapshot: s, now }) {
	showTable("checks", s.checks.map((c) => ({ ...c, kind: c.required ? `${c.kind}, required` : c.kind })), now);
	showTable("pools", Object.entries(s.database.pools).map(([name, pool]) => ({ name, ...pool })), now);
	showTable("brokers", Object.values(s.websocket.connections), now);
	showTable("exports", s.otlp ? [s.otlp] : [], now);
	showTable("samples", samples.toReversed(), now);
}

export function showTable(name, rows, now, remark, nothing) {
	const columns = tables[name], section = byId(name), label = section.ariaLabel;
	const order = view.sorted.get(name) ?? "";
	const column = columns.find((c) => [c.title, "-" + c.title].includes(order)), direction = order.startsWith("-") ? "descending" : "ascending";
	const head = columns.map((c) => el("th", { scope: "col", class: c.kind, "aria-sort": c === column && direction },
		button(c.title, () => sort(name, c.title))));
	const body = sorted(rows, column, direction).map((row) => el("tr", { id: row.row }, columns.map((c, i) =>
		el(i === 0 ? "th" : "td", { scope: i === 0 && "row", class: c.kind }, c.show(row, now)))));
	fill(section, el("h2", label, " ", remark), rows.length ? table(label + " table", head, body) : el("p.empty", nothing || "None."));
}

function sorted(rows, column, direction) {
	if (!column) return rows;
	const up = rows.toSorted((a, b) => {
		const [x, y] = [a, b].map((row) => column.value(row) ?? "");
		return x < y ? -1 : Number(x > y);
	});
	return direction === "ascending" ? up : up.reverse();
}

function sort(name, title) {
	const now = view.sorted.get(name);
	const order = { [title]: "-" + title, ["-" + title]: "" }[now] ?? title;
	const all = new Map(view.sorted).set(name, order);
	if (!order) all.delete(name);
	change({ sorted: all });
}
