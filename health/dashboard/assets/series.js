import { between, get, query } from "./api.js";
import { seriesKey } from "./catalog.js";

const points = 700;
const namesLast = 30_000; // ms

// Store holds the shown range of every series, in groups asked for together.
export class Store {
	recorded = []; // the metrics of the history
	problems = new Map(); // by group, what went wrong

	#groups = new Map(); // name: { step, times, series: Map of key: { min, mean, max, count }, last }
	#abort = null;
	#named = 0; // when the names were asked for

	series(one) {
		if (one?.parts) return total(one.parts.map((part) => this.series(part)).filter(Boolean));
		const group = this.#groups.get(one?.group), values = group?.series.get(one.key);
		if (!values) return null;
		const data = { step: group.step, times: group.times, ...values };
		return one.rate ? perMinute(data) : data;
	}

	async load(charts, span, each) {
		this.#abort?.abort();
		this.#abort = new AbortController();
		const { signal } = this.#abort;
		const load = async (group) => {
			await this.#loadGroup(group, charts.list, span, signal);
			each();
		};
		const process = load("process");
		if (Date.now() - this.#named > namesLast) {
			const recorded = await this.#ask("names", "api/series", signal);
			if (recorded) [this.recorded, this.#named] = [recorded, Date.now()];
		}
		charts.update();
		const others = new Set(charts.list.flatMap((c) => c.series.map((s) => s.group)));
		others.delete("process");
		await Promise.all([process, ...[...others].map(load)]);
	}

	// loadGroup asks for columns, and for recorded metrics: others would be refused.
	async #loadGroup(group, charts, span, signal) {
		const isThere = ({ name }) => !name || this.recorded.some((r) => r.name === name);
		const wanted = charts.flatMap((c) => c.series).filter((s) => s.group === group && isThere(s)).map((s) => s.name ?? s.key);
		if (wanted.length === 0) return;
		const answer = await this.#ask(group, "api/history" + query({ ...between(span), points, series: [...new Set(wanted)] }), signal);
		if (answer) this.#groups.set(group, unpack(answer, group));
	}

	async #ask(name, path, signal) {
		try {
			const answer = await get(path, signal);
			this.problems.delete(name);
			return answer;
		} catch (problem) {
			if (problem.name !== "AbortError") this.problems.set(name, problem);
		}
	}

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

function unpack(answer, group) {
	const series = new Map();
	for (const { name, attributes, count, min, mean, max } of answer.series) {
		series.set(group === "process" ? name : seriesKey(name, attributes), { count, min, mean, max });
	}
	return { step: answer.step_seconds * 1000, times: answer.timestamps.map(Date.parse), series, last: Date.parse(answer.to) - 1 };
}

// total adds up series of one answer.
export function total(list) {
	if (list.length < 2) return list[0];
	return flat(list[0], list[0].mean.map((_, i) => list.reduce((sum, { mean }) => (mean[i] == null ? sum : sum + mean[i]), null)));
}

const flat = (data, mean) => ({ ...data, min: mean, mean, max: mean });

// perMinute is how fast the highest values grow; not where a counter begins anew, or the last bucket lacks samples.
export function perMinute(data) {
	const { times, count, max } = data;
	return flat(data, max.map((value, i) => {
		const earlier = max[i - 1] ?? NaN, change = (value ?? NaN) - earlier;
		const tells = change >= -Math.abs(earlier) / 2 && (i + 1 < max.length || count[i] >= count[i - 1]);
		return tells ? (change * 60_000) / (times[i] - times[i - 1]) : null;
	}));
}

// place finds or makes the bucket for a time; -1: it was counted already.
function place(group, time) {
	if (time <= group.last) return -1;
	group.last = time;
	const start = Math.floor(time / group.step) * group.step;
	const end = group.times.length - 1;
	if (end >= 0 && group.times[end] >= start) return end;
	group.times.push(start);
	for (const { count, min, mean, max } of group.series.values()) {
		count.push(0);
		[min, mean, max].forEach((list) => list.push(null));
	}
	return end + 1;
}

function add({ count, min, mean, max }, i, value) {
	if (value == null) return;
	min[i] = Math.min(min[i] ?? value, value);
	max[i] = Math.max(max[i] ?? value, value);
	mean[i] = (mean[i] * count[i] + value) / ++count[i];
}
