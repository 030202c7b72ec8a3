import { get, iso, query } from "./api.js";
import { byId, el, sign } from "./dom.js";
import { amount, clock, duration, severity, when, words } from "./format.js";
import { change, view } from "./view.js";

const rows = 60; // recent samples

const status = (value) => [sign(value), words[value]];
const numeric = (title, value, unit) => ({ title, value, show: (row) => [amount(value(row), unit)], number: true });

const tables = {
	checks: {
		empty: "This service has no checks.",
		columns: [
			{ title: "Check", value: (c) => c.name },
			{ title: "Status", value: (c) => severity(c.status), show: (c) => status(c.status) },
			{ title: "Kind", value: (c) => c.kind + (c.required ? ", required" : "") },
			{ title: "Since", value: (c) => c.since ?? "", show: (c, now) => [c.since ? when(Date.parse(c.since), now) : "not run yet"] },
			{ title: "Last run", value: (c) => c.time ?? "", show: (c, now) => [c.time ? `${duration(now - Date.parse(c.time))} ago` : "–"] },
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
			numeric("Descriptors", (s) => s.fd_count), numeric("Memory", (s) => s.memory_rss_mb, "MiBy"),
			numeric("CPU", (s) => s.cpu_utilization, "%"), numeric("Goroutines", (s) => s.goroutines), numeric("Threads", (s) => s.threads),
			numeric("Database", (s) => s.db_connections), numeric("WebSocket", (s) => s.ws_connections),
		],
	},
};

const fields = ["overall_status", "fd_count", "memory_rss_mb", "cpu_utilization", "goroutines", "threads", "db_connections", "ws_connections"];

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
	samples.push({
		timestamp: s.timestamp, overall_status: s.overall_status, fd_count: s.fd.count, memory_rss_mb: s.memory.rss_mb,
		cpu_utilization: s.cpu.utilization, goroutines: s.goroutines.count, threads: s.threads.count,
		db_connections: s.database.total, ws_connections: s.websocket.total,
	});
	samples = samples.slice(-rows);
}

export function showTables(s, now) {
	show("checks", byId("checks-table"), s.checks, now);
	show("pools", byId("pools"), Object.entries(s.database.pools).map(([name, pool]) => ({ name, ...pool })), now);
	show("brokers", byId("brokers"), Object.values(s.websocket.connections), now);
	show("samples", byId("samples"), samples.toReversed(), now);
}

const built = new Map();

function show(name, place, list, now) {
	if (list.length === 0) {
		if (!place.querySelector(".empty")) place.replaceChildren(el("p", { class: "empty" }, tables[name].empty));
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
	heads.forEach((head, i) => {
		if (columns[i] === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
		else head.removeAttribute("aria-sort");
	});
	body.replaceChildren(...sorted(list, column, descending).map((row) => el("tr", {}, ...columns.map((c, i) =>
		el(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: c.number ? "number" : c.long ? "long" : null }, ...(c.show ? c.show(row, now) : [c.value(row)]))))));
}

function build(name) {
	const heads = tables[name].columns.map((c) => el("th", { scope: "col", class: c.number ? "number" : null },
		el("button", { type: "button", onclick: () => sort(name, c.title) }, c.title)));
	const body = el("tbody");
	const title = place(name).replace("-table", "") + "-title";
	const root = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": title },
		el("table", { "aria-labelledby": title }, el("thead", {}, el("tr", {}, ...heads)), body));
	return { root, heads, body };
}

const place = (name) => (name === "checks" ? "checks-table" : name);

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
