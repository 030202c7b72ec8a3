import { shown } from "./format.js";

const mib = 2 ** 20;

// The components that every service has. section is theirs in a snapshot; of and limit are names in it, field is the
// history's. A rule's thresholds are divided by scale to be in the unit.
export const components = [
	{ id: "fd", title: "File descriptors", section: "fd", of: "count", limit: "limit", field: "fd_count", unit: "{file_descriptor}" },
	{ id: "memory", title: "Memory", section: "memory", of: "rss_mb", limit: "limit_mb", field: "memory_rss_mb", unit: "MiBy", scale: mib },
	{ id: "cpu", title: "CPU", section: "cpu", of: "utilization", field: "cpu_utilization", unit: "%" },
	{ id: "goroutines", title: "Goroutines", section: "goroutines", of: "count", field: "goroutines", unit: "{goroutine}" },
	{ id: "threads", title: "Threads", section: "threads", of: "count", field: "threads", unit: "{thread}" },
	{ id: "database", title: "Database", section: "database", of: "total", field: "db_connections", unit: "{connection}", parts: true },
	{ id: "websocket", title: "WebSocket", section: "websocket", of: "total", field: "ws_connections", unit: "{connection}", parts: true },
].map((c) => ({ scale: 1, value: (s) => s[c.section][c.of], ...c }));

const titles = { stuck: "Stuck", pool: "Pool use" };

// titleOf names a rule for people.
export const titleOf = (rule) => components.find((c) => c.id === rule)?.title ?? titles[rule] ?? rule;

const isComponent = (rule) => components.some((c) => c.id === rule.name);

// cardsOf lists what the service's numbers are now: the components, then every other rule.
export function cardsOf(s) {
	const cards = components.map((c) => {
		const { warn = null, fail = null, ...rule } = s.rules.find((r) => r.name === c.id) ?? {};
		const { status = "none", [c.limit]: limit = c.unit === "%" ? 1 : null } = s[c.section];
		return { ...rule, ...c, value: c.value(s), limit, status, warn: warn && warn / c.scale, fail: fail && fail / c.scale };
	});
	for (const rule of s.rules) {
		if (isComponent(rule)) continue;
		const unit = shown(rule.metric, rule.unit);
		cards.push({
			...rule, unit, id: rule.name + (rule.instance ? ":" + rule.instance : ""), title: titleOf(rule.name), limit: unit === "%" ? 1 : null,
		});
	}
	return cards;
}

const poolName = "db.client.connection.pool.name";
const poolState = "db.client.connection.state";
const brokerName = "otelhealth.websocket.source";

// chartsOf lists the charts of a service. Those series that are of one group are asked for together.
export function chartsOf(s, recorded) {
	const charts = components.map((c) => ({
		...c, rule: c.id, series: [{ group: "process", key: c.field, label: c.parts ? "total" : "mean", value: c.value }],
	}));
	const add = (id, name, attributes, label, value) => {
		charts.find((c) => c.id === id).series.push({ group: "connections", name, key: seriesKey(name, attributes), label, value });
	};
	charts.push({ id: "pool", title: titles.pool, unit: "%", rule: "pool", scale: 1, series: [] });
	for (const [pool, { max }] of Object.entries(s.database.pools)) {
		for (const [state, of, word] of [["used", "in_use", "in use"], ["idle", "idle", "idle"]]) {
			add("database", "db.client.connection.count", { [poolName]: pool, [poolState]: state }, `${pool}, ${word}`, (now) => now.database.pools[pool]?.[of]);
		}
		if (max != null) add("pool", "otelhealth.db.pool.utilization", { [poolName]: pool }, pool, (now) => now.database.pools[pool]?.utilization);
	}
	for (const broker of Object.keys(s.websocket.connections)) {
		add("websocket", "otelhealth.websocket.connection.count", { [brokerName]: broker }, broker, (now) => now.websocket.connections[broker]?.count);
	}
	for (const rule of s.rules) {
		if (!isComponent(rule) && !charts.some((c) => c.id === rule.name)) charts.push(ruleChart(rule, recorded));
	}
	return charts;
}

// ruleChart is that of a rule that is no component: all that was recorded of its metric. A rate has no line in it.
function ruleChart({ name, metric, unit = "" }, recorded) {
	const value = unit.replace(/\/min$/, "");
	const chart = { id: name, title: titleOf(name), unit: shown(metric, value), rule: name, scale: value === unit ? 1 : NaN, metric };
	chart.series = recorded.filter((r) => r.name === metric).map(({ attributes = {} }) => {
		const key = seriesKey(metric, attributes);
		return { group: "rules", name: metric, key, label: Object.values(attributes).join(", ") || "mean", value: (now) => valueOf(now, name, metric, key) };
	});
	return chart;
}

// valueOf finds what the snapshot says of a series, and undefined when it does not.
function valueOf(s, rule, metric, key) {
	const found = s.metrics.find((m) => m.name === metric && seriesKey(metric, m.attributes) === key);
	const rules = s.rules.filter((r) => r.name === rule);
	return (found ?? (rules.length === 1 && !rules[0].instance ? rules[0] : null))?.value;
}

export const seriesKey = (name, attributes = {}) => name + JSON.stringify(Object.entries(attributes).sort());

// thresholds are the lines of a chart, in its unit.
export function thresholds(s, chart) {
	const rule = s.rules.find((r) => r.name === chart.rule) ?? {};
	return ["warn", "fail"].filter((level) => rule[level] != null && chart.scale)
		.map((level) => ({ level, value: rule[level] / chart.scale }));
}
