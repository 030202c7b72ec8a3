import { get, iso, query } from "./api.js";
import { seriesKey } from "./catalog.js";

const groups = ["process", "connections", "rules"];
const points = 700;

// Store holds the shown range of every series, in groups that are asked for together.
export class Store {
	recorded = []; // the metrics of the history
	problems = new Map(); // by group, what went wrong
	from = 0;
	to = 0;

	#groups = new Map(); // name: { step, times, series: Map of key: { min, mean, max, count } }
	#abort = null;

	// series returns the times and values of one, and null while there are none.
	series(one) {
		const group = this.#groups.get(one.group);
		const values = group?.series.get(one.key);
		return values ? { step: group.step, times: group.times, ...values } : null;
	}

	// learn asks which metrics were recorded.
	async learn() {
		try {
			this.recorded = await get("api/series");
			this.problems.delete("series");
		} catch (problem) {
			this.problems.set("series", problem.message);
		}
	}

	knows(name) {
		return this.recorded.some((r) => r.name === name);
	}

	// load replaces what is held by the range of the charts, and calls each when one group has come.
	async load(charts, from, to, each) {
		this.#abort?.abort();
		const { signal } = (this.#abort = new AbortController());
		await Promise.all(groups.map(async (name) => {
			const wanted = new Set(charts.flatMap((c) => c.series).filter((s) => s.group === name)
				.map((s) => s.name ?? s.key).filter((n) => name === "process" || this.knows(n)));
			if (wanted.size === 0) return;
			try {
				const q = query({ from: iso(from), to: iso(to), points, series: [...wanted].join(",") });
				const answer = await get("api/history?" + q, { signal });
				this.#groups.set(name, unpack(answer, name));
				this.problems.delete(name);
			} catch (problem) {
				if (problem.name === "AbortError") return;
				this.problems.set(name, problem.message);
			}
			this.from = from;
			this.to = to;
			each();
		}));
	}

	// append puts the snapshot at the end of every series.
	append(snapshot, charts) {
		const time = Date.parse(snapshot.timestamp);
		for (const [name, group] of this.#groups) {
			const index = place(group, time);
			if (index < 0) continue;
			for (const one of charts.flatMap((c) => c.series)) {
				const values = one.group === name && group.series.get(one.key);
				if (values) add(values, index, one.value(snapshot));
			}
		}
	}
}

// unpack makes a group of an answer. What was taken before its end is in it.
function unpack(answer, group) {
	const series = new Map();
	for (const { name, attributes, count, min, mean, max } of answer.series) {
		series.set(group === "process" ? name : seriesKey(name, attributes), { count, min, mean, max });
	}
	const times = answer.timestamps.map((text) => Date.parse(text));
	return { step: answer.step_seconds * 1000, times, series, last: Date.parse(answer.to) - 1 };
}

// place returns the index of the bucket for a time after all others, which it makes where there is none; -1: it was
// counted already.
function place(group, time) {
	if (time <= group.last) return -1;
	group.last = time;
	const start = Math.floor(time / group.step) * group.step;
	const end = group.times.length - 1;
	if (end >= 0 && group.times[end] >= start) return end;
	group.times.push(start);
	for (const values of group.series.values()) {
		values.count.push(0);
		for (const list of [values.min, values.mean, values.max]) list.push(null);
	}
	return end + 1;
}

function add(values, i, value) {
	if (value == null) return;
	const count = values.count[i]++;
	values.min[i] = count ? Math.min(values.min[i], value) : value;
	values.max[i] = count ? Math.max(values.max[i], value) : value;
	values.mean[i] = count ? values.mean[i] + (value - values.mean[i]) / (count + 1) : value;
}

// trend is how much the end of a series is above its beginning, and null when too little is known.
export function trend(data) {
	const known = data?.mean.filter((v) => v != null) ?? [];
	if (known.length < 4) return null;
	const part = Math.max(1, Math.floor(known.length / 10));
	const mean = (list) => list.reduce((sum, v) => sum + v, 0) / list.length;
	return mean(known.slice(-part)) - mean(known.slice(0, part));
}
