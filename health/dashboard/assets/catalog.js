import { shown } from "./format.js";

// The components that every service has, by their names in a snapshot: of and limit are names in theirs, field is the
// history's. A rule's thresholds are divided by scale to be in the unit.
export const components = [
	{ id: "fd", title: "File descriptors", limit: "limit", field: "fd_count", unit: "{file_descriptor}" },
	{ id: "memory", title: "Memory", of: "rss_mb", limit: "limit_mb", field: "memory_rss_mb", unit: "MiBy", scale: 2 ** 20 },
	{ id: "cpu", title: "CPU", of: "utilization", field: "cpu_utilization", unit: "%" },
	{ id: "goroutines", title: "Goroutines", field: "goroutines", unit: "{goroutine}" },
	{ id: "threads", title: "Threads", field: "threads", unit: "{thread}" },
	{ id: "database", title: "Database", of: "total", field: "db_connections", unit: "{connection}" },
	{ id: "websocket", title: "WebSocket", of: "total", field: "ws_connections", unit: "{connection}" },
].map((c) => ({ scale: 1, value: (s) => s[c.id][c.of ?? "count"], ...c }));

const titles = { stuck: "Stuck", pool: "Pool use" };

const componentOf = (rule) => components.find((c) => c.id === rule);

// titleOf names a rule for people.
export const titleOf = (rule) => componentOf(rule)?.title ?? titles[rule] ?? rule;

// cardsOf lists what the service's numbers are now: the components, then every other rule.
export function cardsOf(s) {
	const cards = components.map((c) => {
		const { warn = null, fail = null, ...rule } = s.rules.find((r) => r.name === c.id) ?? {};
		const { status = "none", [c.limit]: limit = wholeOf(c.unit) } = s[c.id];
		return { ...rule, ...c, value: c.value(s), limit, status, warn: warn && warn / c.scale, fail: fail && fail / c.scale };
	});
	const others = s.rules.filter((rule) => !componentOf(rule.name)).map((rule) => {
		const unit = shown(rule.metric, rule.unit);
		return { ...rule, unit, id: [rule.name, rule.instance].filter(Boolean).join(":"), title: titleOf(rule.name), limit: wholeOf(unit) };
	});
	return [...cards, ...others];
}

const wholeOf = (unit) => (unit === "%" ? 1 : null);

const poolName = "db.client.connection.pool.name", poolState = "db.client.connection.state";

// chartsOf lists the charts of a service. Those series that are of one group are asked for together.
export function chartsOf(s, recorded) {
	const charts = components.map((c) => ({
		...c, rule: c.id, series: [{ group: "process", key: c.field, label: c.of === "total" ? "total" : "mean", value: c.value }],
	}));
	const pools = { id: "pool", title: titles.pool, unit: "%", rule: "pool", scale: 1, series: [] };
	const [database, websocket] = charts.slice(-2);
	charts.push(pools);
	const add = (chart, name, attributes, label, value) => {
		chart.series.push({ group: "connections", name, key: seriesKey(name, attributes), label, value });
	};
	for (const [pool, { max }] of Object.entries(s.database.pools)) {
		const of = (field) => (now) => now.database.pools[pool]?.[field];
		add(database, "db.client.connection.count", { [poolName]: pool, [poolState]: "used" }, `${pool}, in use`, of("in_use"));
		add(database, "db.client.connection.count", { [poolName]: pool, [poolState]: "idle" }, `${pool}, idle`, of("idle"));
		if (max != null) add(pools, "otelhealth.db.pool.utilization", { [poolName]: pool }, pool, of("utilization"));
	}
	for (const broker of Object.keys(s.websocket.connections)) {
		add(websocket, "otelhealth.websocket.connection.count", { "otelhealth.websocket.source": broker }, broker,
			(now) => now.websocket.connections[broker]?.count);
	}
	for (const rule of s.rules) if (!charts.some((c) => c.rule === rule.name)) charts.push(ruleChart(rule, recorded));
	return charts;
}

// ruleChart is that of a rule that is no component: all that was recorded of its metric. A rate has no line in it.
function ruleChart({ name, metric, unit = "" }, recorded) {
	const value = unit.replace(/\/min$/, "");
	const series = recorded.filter((r) => r.name === metric).map(({ attributes = {} }) => {
		const key = seriesKey(metric, attributes);
		return { group: "rules", name: metric, key, label: Object.values(attributes).join(", ") || "mean", value: (now) => valueOf(now, name, metric, key) };
	});
	return { id: name, title: titleOf(name), unit: shown(metric, value), rule: name, scale: value === unit ? 1 : NaN, metric, series };
}

// valueOf finds what the snapshot says of a series, and undefined when it does not.
function valueOf(s, rule, metric, key) {
	const found = s.metrics.find((m) => m.name === metric && seriesKey(metric, m.attributes) === key);
	const rules = s.rules.filter((r) => r.name === rule);
	return (found ?? (rules.length === 1 && !rules[0].instance ? rules[0] : null))?.value;
}

export const seriesKey = (name, attributes = {}) => name + JSON.stringify(Object.entries(attributes).sort());

// thresholds are the lines of a chart, in its unit.
export function thresholds(s, { rule, scale }) {
	const levels = s.rules.find((r) => r.name === rule) ?? {};
	return ["warn", "fail"].filter((level) => levels[level] != null && scale).map((level) => ({ level, value: levels[level] / scale }));
}
