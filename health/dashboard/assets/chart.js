import { date, duration, hour, clock, offset, amount } from "./format.js";

// Places in a chart, CSS pixels. The left edge is the same in every chart, so that they can be compared.
const left = 64, right = 8, top = 12, bottom = 24;
export const height = 192;

const dashes = [[], [6, 3], [2, 2]];
const colors = 6;

// palette resolves the colours of the theme for canvases.
export function palette() {
	const probe = document.createElement("span");
	document.body.append(probe);
	const color = (name) => {
		probe.style.color = `var(--${name})`;
		return getComputedStyle(probe).color;
	};
	const p = { series: [], ...Object.fromEntries(["ink", "quiet", "line", "card", "warn", "fail"].map((name) => [name, color(name)])) };
	for (let i = 1; i <= colors; i++) p.series.push(color("series-" + i));
	probe.remove();
	return p;
}

// Plot draws one chart: series with their bands, thresholds and alerts, over one range of time.
export class Plot {
	constructor(canvas) {
		this.canvas = canvas;
		this.width = 0;
		this.from = 0;
		this.to = 1;
	}

	x(time) {
		return left + ((time - this.from) / (this.to - this.from)) * (this.width - left - right);
	}

	// time is the inverse of x, within the range.
	time(x) {
		const share = (x - left) / (this.width - left - right);
		return this.from + Math.min(1, Math.max(0, share)) * (this.to - this.from);
	}

	// draw takes { from, to, lines, thresholds, periods, unit, interval, colors }; lines are { data, index, label }.
	draw(what) {
		Object.assign(this, what);
		this.width = this.canvas.clientWidth;
		if (this.width === 0) return;
		const scale = devicePixelRatio;
		if (this.canvas.width !== Math.round(this.width * scale)) {
			this.canvas.width = Math.round(this.width * scale);
			this.canvas.height = Math.round(height * scale);
		}
		this.c = this.canvas.getContext("2d");
		this.c.setTransform(scale, 0, 0, scale, 0, 0);
		this.c.clearRect(0, 0, this.width, height);
		this.c.font = `12px ${getComputedStyle(this.canvas).fontFamily}`;
		[this.low, this.high, this.gap] = this.#scale();
		this.#grid();
		this.#periods();
		this.c.save();
		this.c.beginPath();
		this.c.rect(left, 0, this.width - left - right, height - bottom + 1);
		this.c.clip();
		this.lines.forEach((line) => this.#band(line));
		this.lines.forEach((line) => this.#line(line));
		this.c.restore();
		this.#thresholds();
	}

	#y(value) {
		return top + (1 - (value - this.low) / (this.high - this.low)) * (height - top - bottom);
	}

	// scale fits what is to be seen: from zero unless all is far above it, and up to a threshold that is not far away.
	#scale() {
		let low = Infinity, high = -Infinity;
		for (const { data } of this.lines) {
			for (let i = 0; i < data.times.length; i++) {
				if (data.min[i] == null || data.times[i] + data.step < this.from || data.times[i] > this.to) continue;
				low = Math.min(low, data.min[i]);
				high = Math.max(high, data.max[i]);
			}
		}
		if (low > high) [low, high] = [0, 1];
		for (const { value } of this.thresholds) {
			if (value <= 1.6 * high) high = Math.max(high, value * 1.05);
		}
		if (low >= 0 && (low < 0.7 * high || low === high)) low = 0;
		if (high === low) [low, high] = [Math.min(0, low), Math.max(1, high)];
		const gap = niceGap((high - low) / 4);
		return [Math.floor(low / gap + 1e-9) * gap, Math.ceil(high / gap - 1e-9) * gap, gap];
	}

	#grid() {
		const { c } = this;
		c.strokeStyle = this.colors.line;
		c.fillStyle = this.colors.quiet;
		c.lineWidth = 1;
		c.textAlign = "right";
		c.textBaseline = "middle";
		for (let i = 0; this.low + i * this.gap <= this.high + this.gap / 2; i++) {
			const value = this.low + i * this.gap, y = Math.round(this.#y(value)) + 0.5;
			this.#across(y);
			c.fillText(amount(Number(value.toPrecision(12)), this.unit), left - 8, y);
		}
		c.textAlign = "center";
		c.textBaseline = "alphabetic";
		for (const [time, label] of timeTicks(this.from, this.to, Math.max(2, Math.floor((this.width - left) / 88)))) {
			const x = this.x(time), half = c.measureText(label).width / 2;
			c.fillRect(Math.round(x), height - bottom, 1, 4);
			if (x - half > left - 24 && x + half < this.width) c.fillText(label, x, height - 6);
		}
	}

	// runs calls f with the first and last index of each part of a series without a gap.
	#runs(data, f) {
		const most = 2.5 * Math.max(data.step, this.interval);
		let first = -1, last = -1;
		const close = () => { if (first >= 0) f(first, last); first = -1; };
		for (let i = 0; i < data.times.length; i++) {
			if (data.mean[i] == null) continue;
			if (last >= 0 && data.times[i] - data.times[last] > most) close();
			if (first < 0) first = i;
			last = i;
		}
		close();
	}

	// at is the x of a bucket: its middle, unless it is one sample.
	#at(data, i) {
		return this.x(data.times[i] + (data.step > this.interval ? data.step / 2 : 0));
	}

	#color(line) {
		return this.colors.series[line.index % colors];
	}

	#band(line) {
		const { c } = this, { data } = line;
		c.fillStyle = this.#color(line);
		c.globalAlpha = 0.18;
		this.#runs(data, (first, last) => {
			c.beginPath();
			for (let i = first; i <= last; i++) if (data.max[i] != null) c.lineTo(this.#at(data, i), this.#y(data.max[i]));
			for (let i = last; i >= first; i--) if (data.min[i] != null) c.lineTo(this.#at(data, i), this.#y(data.min[i]));
			c.fill();
		});
		c.globalAlpha = 1;
	}

	#line(line) {
		const { c } = this, { data } = line;
		c.strokeStyle = c.fillStyle = this.#color(line);
		c.lineWidth = 1.75;
		c.lineJoin = "round";
		c.setLineDash(dashes[Math.floor(line.index / colors) % dashes.length]);
		this.#runs(data, (first, last) => {
			c.beginPath();
			for (let i = first; i <= last; i++) if (data.mean[i] != null) c.lineTo(this.#at(data, i), this.#y(data.mean[i]));
			c.stroke();
			if (first === last) c.fillRect(this.#at(data, first) - 1.5, this.#y(data.mean[first]) - 1.5, 3, 3);
		});
		c.setLineDash([]);
	}

	#thresholds() {
		const { c } = this;
		c.textAlign = "left";
		c.lineWidth = 1.25;
		for (const { level, value } of this.thresholds) {
			if (value > this.high || value < this.low) continue;
			const y = Math.round(this.#y(value)) + 0.5;
			c.strokeStyle = c.fillStyle = this.colors[level];
			this.#across(y, level === "warn" ? [8, 4] : []);
			c.fillText(level, left + 4, y - 4);
		}
	}

	// across draws a level line.
	#across(y, dash = [], from = left, to = this.width - right) {
		const { c } = this;
		c.setLineDash(dash);
		c.beginPath();
		c.moveTo(from, y);
		c.lineTo(to, y);
		c.stroke();
		c.setLineDash([]);
	}

	// periods shades the time that alerts fired, with a bar above: whole for fail, broken for warn.
	#periods() {
		const { c } = this;
		for (const { from, to, severity } of this.periods) {
			if (to < this.from || from > this.to) continue;
			const a = Math.max(left, this.x(from)), b = Math.max(a + 2, Math.min(this.width - right, this.x(to)));
			c.fillStyle = c.strokeStyle = this.colors[severity] ?? this.colors.quiet;
			c.globalAlpha = 0.1;
			c.fillRect(a, 4, b - a, height - bottom - 4);
			c.globalAlpha = 1;
			c.lineWidth = 3;
			this.#across(5.5, severity === "fail" ? [] : [4, 3], a, b);
		}
	}
}

// niceGap is the next of 1, 2 and 5 times a power of ten.
function niceGap(least) {
	const power = 10 ** Math.floor(Math.log10(least));
	return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least * 0.999);
}

const minute = 60_000, day = 1440 * minute;
const gaps = [1 / 60, 1 / 12, 1 / 4, 1 / 2, 1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160, 40_320, 120_960].map((m) => m * minute);

// timeTicks are round times in the zone that is shown, with their labels.
function timeTicks(from, to, most) {
	const gap = gaps.find((g) => (to - from) / g <= most) ?? gaps.at(-1);
	const ticks = [];
	for (let t = Math.floor((from + offset(from)) / gap) * gap; ; t += gap) {
		const time = t - offset(t - offset(from));
		if (time > to) return ticks;
		if (time < from) continue;
		const midnight = t % day === 0;
		ticks.push([time, gap >= day || (midnight && to - from > day / 2) ? date(time) : gap < minute ? clock(time) : hour(time)]);
	}
}

// nearest is the index of the bucket at the time, and -1 where there is none near.
export function nearest(data, time, interval) {
	let low = 0, high = data.times.length - 1;
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if (data.times[middle] <= time) low = middle;
		else high = middle - 1;
	}
	if (high < 0) return -1;
	const width = Math.max(data.step, interval);
	if (low + 1 < data.times.length && data.times[low + 1] - time < Math.min(width / 2, time - data.times[low])) low++;
	const away = time - data.times[low];
	return away < -width || away > 1.5 * width || data.mean[low] == null ? -1 : low;
}

// reading says in words what a series is at an index.
export function reading(data, i, unit) {
	if (i < 0) return "no data";
	const mean = amount(data.mean[i], unit);
	const [min, max] = [amount(data.min[i], unit), amount(data.max[i], unit)];
	return min === max ? mean : `${mean} (${min} – ${max})`;
}

export const bucketName = (step) => `mean of ${duration(step)}`;
