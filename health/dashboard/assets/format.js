import { view } from "./view.js";

export const words = { pass: "Healthy", warn: "Warning", fail: "Failing", unknown: "Unknown" };

const severities = ["fail", "warn", "unknown", "pass", "none"];

// severity orders statuses: what is worst comes first.
export const severity = (status) => severities.indexOf(status);

const formats = [0, 1, 2, 3].map((digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits }));

// number shows three significant digits of what is below 100, and whole numbers above.
export function number(value) {
	if (value == null || Number.isNaN(value)) return "–";
	const size = Math.abs(value);
	return formats[size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3].format(value);
}

const binary = ["B", "KiB", "MiB", "GiB", "TiB"];

function bytes(value) {
	let unit = 0;
	while (Math.abs(value) >= 10_240 || (Math.abs(value) >= 1024 && unit < 2)) {
		value /= 1024;
		unit++;
	}
	return [number(value), binary[unit]];
}

function seconds(value) {
	if (Math.abs(value) >= 1 || value === 0) return [number(value), "s"];
	return Math.abs(value) >= 0.001 ? [number(value * 1000), "ms"] : [number(value * 1e6), "µs"];
}

// quantity splits a value into its number and its unit, as people say it. Units are UCUM; "%" is a share of 0 to 1.
export function quantity(value, unit = "") {
	if (value == null) return ["–", ""];
	if (unit.endsWith("/min")) {
		const [figure, rest] = quantity(value, unit.slice(0, -4));
		return [figure, rest + "/min"];
	}
	switch (unit) {
	case "By": return bytes(value);
	case "MiBy": return bytes(value * 2 ** 20);
	case "s": return seconds(value);
	case "%": return [number(value * 100), "%"];
	case "1": return [number(value), ""];
	}
	if (unit.startsWith("{")) {
		const word = unit.slice(1, -1).replaceAll("_", " ");
		return [number(value), value === 1 || word.endsWith("s") ? word : word + "s"];
	}
	return [number(value), unit];
}

// amount is a quantity in one text. What is counted is not named.
export function amount(value, unit = "") {
	const [figure, name] = quantity(value, unit);
	return unit.startsWith("{") || name === "" ? figure : `${figure} ${name}`;
}

// marksText names thresholds, with their unit once where it is the same.
export function marksText(marks, unit) {
	const texts = marks.map(({ level, value }) => `${level} ${amount(value, unit)}`);
	const name = " " + quantity(marks.at(-1)?.value, unit)[1];
	return texts.map((text, i) => (i < texts.length - 1 && text.endsWith(name) ? text.slice(0, -name.length) : text)).join(" · ");
}

// shown is the unit to show a metric in: a utilization is a share.
export const shown = (metric, unit = "") => (unit === "1" && /(utilization|ratio)$/.test(metric) ? "%" : unit);

export function duration(ms) {
	const total = Math.max(0, Math.round(ms / 1000));
	if (total < 60) return `${total} s`;
	const minutes = Math.floor(total / 60);
	if (minutes < 60) return `${minutes} min`;
	const hours = Math.floor(minutes / 60);
	if (hours < 24) return `${hours} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
	const days = Math.floor(hours / 24);
	return `${days} d${hours % 24 ? ` ${hours % 24} h` : ""}`;
}

const made = new Map();

function formatted(time, options) {
	const zone = view.utc ? "UTC" : undefined;
	const key = zone + JSON.stringify(options);
	if (!made.has(key)) made.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }));
	return made.get(key).format(time);
}

const day = { day: "numeric", month: "short" };
const minute = { hour: "2-digit", minute: "2-digit" };

export const clock = (time) => formatted(time, { ...minute, second: "2-digit" });
export const hour = (time) => formatted(time, minute);
export const date = (time) => formatted(time, day);
export const moment = (time) => formatted(time, { ...day, ...minute, second: "2-digit" });

// when leaves out today's date.
export const when = (time, now) => (date(time) === date(now) ? clock(time) : moment(time));

export function zoneName() {
	if (view.utc) return "UTC";
	const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
	return `${timeZone.replaceAll("_", " ")} (${offsetName(offset(Date.now()))})`;
}

function offsetName(ms) {
	const minutes = Math.abs(ms) / 60_000;
	const rest = minutes % 60 ? ":" + String(minutes % 60).padStart(2, "0") : "";
	return `UTC${ms < 0 ? "−" : "+"}${Math.floor(minutes / 60)}${rest}`;
}

// offset is what the zone's clocks are ahead of UTC at that time, in milliseconds.
export const offset = (time) => (view.utc ? 0 : -new Date(time).getTimezoneOffset() * 60_000);
