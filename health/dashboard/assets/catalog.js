import { shown } from "./format.js";

const mib = 2 ** 20;

// The components that every service has. A chart's series are fields of the history; its rule's thresholds are divided
// by scale to be in the series' unit.
const components = [
	{ id: "fd", title: "File descriptors", field: "fd_count", unit: "{file_descriptor}", value: (s) => s.fd.count, limit: (s) => s.fd.limit, status: (s) => s.fd.status },
	{ id: "memory", title: "Memory", field: "memory_rss_mb", unit: "MiBy", scale: mib, value: (s) => s.memory.rss_mb, limit: (s) => s.memory.limit_mb, status: (s) => s.memory.status },
	{ id: "cpu", title: "CPU", field: "cpu_utilization", unit: "%", value: (s) => s.cpu.utilization, limit: () => 1, status: () => "none" },
	{ id: "goroutines", title: "Goroutines", field: "goroutines", unit: "{goroutine}", value: (s) => s.goroutines.count, status: (s) => s.goroutines.status },
	{ id: "threads", title: "Threads", field: "threads", unit: "{thread}", value: (s) => s.threads.count, status: (s) => s.threads.status },
	{ id: "database", title: "Database", field: "db_connections", unit: "{connection}", value: (s) => s.database.total, status: (s) => s.database.status },
	{ id: "websocket", title: "WebSocket", field: "ws_connections", unit: "{connection}", value: (s) => s.websocket.total, status: (s) => s.websocket.status },
];

const titles = { stuck: "Stuck", pool: "Pool use" };

const isComponent = (rule) => components.some((c) => c.id === rule.name);

// cardsOf lists what the service's numbers are now: the components, then every other rule.
export function cardsOf(s) {
	const cards = components.map((c) => {
		const rule = s.rules.find((r) => r.name === c.id);
		const scale = c.scale ?? 1;
		return {
			id: c.id, title: c.title, unit: c.unit, value: c.value(s), limit: c.limit?.(s) ?? null, status: c.status(s),
			warn: rule?.warn == null ? null : rule.warn / scale, fail: rule?.fail == null ? null : rule.fail / scale,
			below: rule?.below ?? false, since: rule?.since, reason: rule?.reason, series: c.field,
		};
	});
	for (const rule of s.rules) {
		if (isComponent(rule)) continue;
		const unit = shown(rule.metric, rule.unit);
		cards.push({
			id: rule.instance ? `${rule.name}:${rule.instance}` : rule.name, title: titles[rule.name] ?? rule.name,
			instance: rule.instance, unit, limit: unit === "%" ? 1 : null, series: null,
			...pick(rule, ["value", "status", "warn", "fail", "below", "since", "reason", "metric"]),
		});
	}
	return cards;
}

const pick = (object, names) => Object.fromEntries(names.map((name) => [name, object[name]]));

const poolName = "db.client.connection.pool.name";
const poolState = "db.client.connection.state";
const brokerName = "otelhealth.websocket.source";

// chartsOf lists the charts of a service. Those of one group are asked for together.
export function chartsOf(s) {
	const charts = components.map((c) => ({
		id: c.id, title: c.title, unit: c.unit, rule: c.id, scale: c.scale ?? 1,
		series: [{ group: "process", key: c.field, label: c.id === "database" || c.id === "websocket" ? "total" : "mean", value: c.value }],
	}));
	const of = (id) => charts.find((c) => c.id === id).series;
	const pools = Object.keys(s.database.pools), brokers = Object.keys(s.websocket.connections);
	for (const pool of pools) {
		for (const [state, field] of [["used", "in_use"], ["idle", "idle"]]) {
			of("database").push(metric("connections", "db.client.connection.count", { [poolName]: pool, [poolState]: state },
				`${pool}, ${state === "used" ? "in use" : state}`, (now) => now.database.pools[pool]?.[field]));
		}
	}
	for (const broker of brokers) {
		of("websocket").push(metric("connections", "otelhealth.websocket.connection.count", { [brokerName]: broker }, broker,
			(now) => now.websocket.connections[broker]?.count));
	}
	const bounded = pools.filter((pool) => s.database.pools[pool].max != null);
	if (bounded.length > 0) {
		charts.push({
			id: "pool", title: "Pool use", unit: "%", rule: "pool", scale: 1,
			series: bounded.map((pool) => metric("connections", "otelhealth.db.pool.utilization", { [poolName]: pool }, pool,
				(now) => now.database.pools[pool]?.utilization)),
		});
	}
	return charts.concat(ruleCharts(s));
}

function metric(group, name, attributes, label, value) {
	return { group, name, key: seriesKey(name, attributes), label, value };
}

// ruleCharts are those of the rules that are no component. Their series are what was recorded of the metric.
function ruleCharts(s) {
	const charts = new Map();
	for (const rule of s.rules) {
		if (isComponent(rule) || rule.name === "pool" || charts.has(rule.name)) continue;
		charts.set(rule.name, {
			id: rule.name, title: titles[rule.name] ?? rule.name, unit: shown(rule.metric, (rule.unit ?? "").replace(/\/min$/, "")),
			rule: (rule.unit ?? "").endsWith("/min") ? null : rule.name, alerts: rule.name, scale: 1, metric: rule.metric, series: [],
		});
	}
	return [...charts.values()];
}

// withRecorded adds to a chart of a metric each series that was recorded of it.
export function withRecorded(chart, recorded) {
	if (!chart.metric) return chart;
	const series = recorded.filter((r) => r.name === chart.metric).map((r) => {
		const attributes = r.attributes ?? {};
		const label = Object.values(attributes).join(", ") || "mean";
		const key = seriesKey(r.name, attributes);
		return { group: "rules", name: r.name, key, label, value: (now) => valueOf(now, chart, r.name, key) };
	});
	return { ...chart, series };
}

// valueOf finds what the snapshot says of a series, and undefined when it does not.
function valueOf(s, chart, name, key) {
	const found = s.metrics.find((m) => m.name === name && seriesKey(name, m.attributes ?? {}) === key);
	if (found) return found.value;
	const rules = s.rules.filter((r) => r.name === chart.rule);
	return rules.length === 1 && !rules[0].instance ? rules[0].value : undefined;
}

export const seriesKey = (name, attributes) => name + JSON.stringify(Object.entries(attributes).sort());

// thresholds are the lines of a chart, in its unit.
export function thresholds(s, chart) {
	const rule = chart.rule && s.rules.find((r) => r.name === chart.rule);
	if (!rule) return [];
	return ["warn", "fail"].filter((level) => rule[level] != null)
		.map((level) => ({ level, value: rule[level] / chart.scale, below: rule.below }));
}
