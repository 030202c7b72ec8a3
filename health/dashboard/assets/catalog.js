import { shown } from "./format.js";

// The components that every service has, by their names in a snapshot: of and limit are names in theirs, field is the
// history's. A rule's thresholds are divided by scale to be in the unit.
export const components = [
	{ id: "fd", title: "File descriptors", limit: "limit", field: "fd_count", unit: "{file_descriptor}" },
	{ id: "memory", title: "Memory", of: "rss_mb", limit: "limit_mb", field: "memory_rss_mb", unit: "MiBy", scale: 2 ** 20 },
	{ id: "cpu", title: "CPU", of: "utilization", field: "cpu_utilization", unit: "%" },
	{ id: "goroutines", title: "Goroutines", field: "goroutines", unit: "{goroutine}" },
	{ id: "threads", title: "Threads", field: "threads", unit: "{thread}" },
	{ id: "stuck", title: "Stuck", field: "stuck", unit: "{thread}", value: (s) => s.threads.stuck },
	{ id: "database", title: "Database", of: "total", field: "db_connections", unit: "{connection}" },
	{ id: "websocket", title: "WebSocket", of: "total", field: "ws_connections", unit: "{connection}" },
].map((c) => ({ scale: 1, value: (s) => s[c.id][c.of ?? "count"], ...c }));

const componentOf = (rule) => components.find((c) => c.id === rule);

export const titleOf = (rule) => componentOf(rule)?.title ?? (rule === "pool" ? "Pool use" : rule);

export function cardsOf(s) {
	const cards = components.map((c) => {
		const { warn = null, fail = null, ...rule } = s.rules.find((r) => r.name === c.id) ?? {};
		const { status = rule.status ?? "none", [c.limit]: limit = wholeOf(c.unit) } = s[c.id] ?? {};
		return { ...rule, ...c, value: c.value(s), limit, status, judged: rule.status, warn: warn && warn / c.scale, fail: fail && fail / c.scale };
	});
	const others = s.rules.filter((rule) => !componentOf(rule.name)).map((rule) => {
		const unit = shown(rule.metric, rule.unit);
		return { ...rule, unit, judged: rule.status, id: [rule.name, rule.instance].filter(Boolean).join(":"), title: titleOf(rule.name), limit: wholeOf(unit) };
	});
	return [...cards, ...others];
}

const wholeOf = (unit) => (unit === "%" ? 1 : null);

export function chartsOf(s, recorded) {
	const charts = components.map((c) => ({
		...c, rule: c.id, series: [{ group: "process", key: c.field, label: c.of === "total" ? "total" : "mean", value: c.value }],
	}));
	const [database, websocket] = charts.slice(-2), groups = groupsOf(recorded);
	const add = (chart, name, attributes, label, value) => {
		chart.series.push({ group: groups[name], name, key: seriesKey(name, attributes), label, value });
	};
	for (const pool of Object.keys(s.database.pools)) {
		for (const [state, field, word] of [["used", "in_use", "in use"], ["idle", "idle", "idle"]]) {
			const attributes = { "db.client.connection.pool.name": pool, "db.client.connection.state": state };
			add(database, "db.client.connection.count", attributes, `${pool}, ${word}`, (now) => now.database.pools[pool]?.[field]);
		}
	}
	for (const broker of Object.keys(s.websocket.connections)) {
		add(websocket, "otelhealth.websocket.connection.count", { "otelhealth.websocket.source": broker }, broker,
			(now) => now.websocket.connections[broker]?.count);
	}
	for (const rule of s.rules) if (!charts.some((c) => c.rule === rule.name)) charts.push(ruleChart(rule, recorded, groups));
	return charts;
}

// ruleChart shows all that was recorded of a rule's metric, what the rule judges first.
function ruleChart({ name, instance, metric, attributes: judged = {}, unit = "" }, recorded, groups) {
	const rate = unit.endsWith("/min");
	let series = recorded.filter((r) => r.name === metric).map(({ attributes = {} }) => {
		const key = seriesKey(metric, attributes), label = Object.values(attributes).join(", ") || "mean";
		return { group: groups[metric], name: metric, attributes, key, label, rate, value: (now) => valueOf(now, key) };
	});
	const parts = series.filter(({ attributes }) => Object.entries(judged).every(([key, value]) => attributes[key] === value));
	const [first] = parts;
	if (first && !instance) series = parts[1] ? [{ ...first, key: "", label: "total", parts }, ...series] : [...new Set([first, ...series])];
	return { id: name, title: titleOf(name), unit: shown(metric, unit), rule: name, series };
}

function valueOf(s, key) {
	const isIt = ({ name, metric = name, attributes }) => seriesKey(metric, attributes) === key;
	return (s.metrics.find(isIt) ?? s.rules.find((r) => isIt(r) && !r.unit?.endsWith("/min")))?.value;
}

// groupsOf says by name which metrics are asked for together: an answer holds a hundred series.
function groupsOf(recorded) {
	const groups = {};
	let group = 0, size = 0;
	for (const [name, { length }] of Object.entries(Object.groupBy(recorded, (r) => r.name))) {
		if ((size += length) > 100) [group, size] = [group + 1, length];
		groups[name] = group;
	}
	return groups;
}

export const seriesKey = (name, attributes = {}) => name + JSON.stringify(Object.entries(attributes).sort());

export const marksOf = (rule, scale = 1) => ["warn", "fail"].filter((level) => rule[level] != null)
	.map((level) => ({ level, value: rule[level] / scale }));
