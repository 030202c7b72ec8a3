import { sign } from "./dom.js";
import { view } from "./view.js";

export const words = { pass: "Healthy", warn: "Warning", fail: "Failing", unknown: "Unknown" };

export const labelled = (status) => [sign(status), words[status]];

export const severity = (status) => ["fail", "warn", "unknown", "pass", "none"].indexOf(status);

const digits = (options) => new Intl.NumberFormat("en", options).format;
const whole = digits({ maximumFractionDigits: 0 }), precise = digits({ maximumSignificantDigits: 3 });

const number = (value) => (Math.abs(value) >= 100 ? whole : precise)(value);

export const exactly = digits({ maximumSignificantDigits: 8 });

// The units that UCUM's are shown in, each from a least amount on; "%" is a share of 0 to 1.
const units = {
	By: [[10 * 2 ** 30, 2 ** 30, "GiB"], [2 ** 20, 2 ** 20, "MiB"], [1024, 1024, "KiB"], [0, 1, "B"]],
	s: [[1, 1, "s"], [0.001, 0.001, "ms"], [0, 1e-6, "µs"]],
	"%": [[0, 0.01, "%"]],
	1: [[0, 1, ""]],
};

export function quantity(value, unit = "", write = number) {
	if (value == null) return ["–", ""];
	if (unit === "MiBy") return quantity(value * 2 ** 20, "By", write);
	if (unit.endsWith("/min")) {
		const [figure, name] = quantity(value, unit.slice(0, -4), write);
		return [figure, name + "/min"];
	}
	if (unit.startsWith("{")) {
		const word = unit.slice(1, -1).replaceAll("_", " ");
		return [write(value), value === 1 ? word : word.replace(/([^aeiou])y$/, "$1ie").replace(/[^s]$/, "$&s")];
	}
	const steps = units[unit] ?? [[0, 1, unit]];
	const size = Math.abs(value) || 1; // nothing is shown in the unit itself
	const [, factor, name] = steps.find(([least]) => size >= least);
	return [write(value / factor), name];
}

export function amount(value, unit = "", write = number) {
	const [figure, name] = quantity(value, unit, write);
	return unit.startsWith("{") || name === "" ? figure : `${figure} ${name}`;
}

// marksText names the unit once where it is the same.
export const marksText = (marks, unit) => marks.map(({ level, value }) => `${level} ${amount(value, unit)}`)
	.join(" · ").replace(/( \S+)( · .*\1)$/, "$2");

export const shown = (metric, unit = "") => (unit === "1" && /(utilization|ratio)$/.test(metric) ? "%" : unit);

const lengths = [[86_400, "d"], [3600, "h"], [60, "min"]];

export function duration(ms) {
	let rest = Math.max(0, Math.round(ms / 1000));
	if (rest < 60) return `${rest} s`;
	const parts = [];
	for (const [length, name] of lengths) {
		if (rest >= length) parts.push(`${Math.floor(rest / length)} ${name}`);
		rest %= length;
	}
	return parts.slice(0, 2).join(" ");
}

// offset is what the zone is ahead of UTC, in ms.
export const offset = (time) => (view.utc ? 0 : -new Date(time).getTimezoneOffset() * 60_000);

// written is the zone's time, as in "Tue, 24 Nov 2026 15:41:19 GMT".
const written = (time) => new Date(new Date(time).getTime() + offset(time)).toUTCString();

export const date = (time) => written(time).slice(5, 11);
export const hour = (time) => written(time).slice(17, 22);
export const clock = (time) => written(time).slice(17, 25);
export const moment = (time) => `${date(time)}, ${clock(time)}`;

export const when = (time, now) => (written(time).slice(0, 16) === written(now).slice(0, 16) ? clock(time) : moment(time));

export function zoneName(at) {
	if (view.utc) return "UTC";
	const ahead = new Date(at).toLocaleTimeString("en", { timeZoneName: "shortOffset" }).split(" ").at(-1);
	return `${Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ")} (${ahead.replace("GMT", "UTC")})`;
}
