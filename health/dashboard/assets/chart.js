import { amount, clock, date, hour, offset } from "./format.js";

// CSS pixels. The left edge is the same in every chart.
const left = 64, right = 8, top = 12, bottom = 24, height = 192;

const colors = 6, strokes = [{ style: "solid", dash: [] }, { style: "dashed", dash: [6, 3] }, { style: "dotted", dash: [2, 2] }];

// seriesStroke tells series apart: by colour, and beyond six by dashes.
export const seriesStroke = (index) => ({ color: `series-${(index % colors) + 1}`, ...strokes[Math.floor(index / colors) % strokes.length] });

export class Plot {
	width = 0;
	from = 0;
	to = 1;

	constructor(canvas) {
		this.canvas = canvas;
		this.c = canvas.getContext("2d");
	}

	x(time) {
		return left + ((time - this.from) / (this.to - this.from)) * this.inner;
	}

	time(x) {
		return this.from + Math.min(1, Math.max(0, (x - left) / this.inner)) * (this.to - this.from);
	}

	draw(what) {
		Object.assign(this, what);
		this.width = this.canvas.clientWidth;
		this.inner = this.width - left - right;
		if (this.width === 0) return;
		this.#clear();
		[this.low, this.high, this.gap] = this.#scale();
		this.#grid();
		for (const period of this.periods) if (period.to >= this.from && period.from <= this.to) this.#period(period);
		const { c } = this;
		c.save();
		c.beginPath();
		c.rect(left, 0, this.inner, height - bottom + 1);
		c.clip();
		this.lines.forEach((line) => this.#band(line));
		this.lines.forEach((line) => this.#line(line));
		c.restore();
		for (const mark of this.marks) if (mark.value <= this.high && mark.value >= this.low) this.#threshold(mark);
	}

	#clear() {
		const { c, canvas, width } = this, scale = devicePixelRatio * (canvas.currentCSSZoom ?? 1);
		canvas.width = Math.round(width * scale);
		canvas.height = Math.round(height * scale);
		c.scale(scale, scale);
		c.font = "12px Inter, system-ui, sans-serif";
	}

	// color resolves a colour of the theme, which means nothing to a canvas.
	#color(name) {
		this.canvas.style.color = `var(--${name})`;
		return getComputedStyle(this.canvas).color;
	}

	#y(value) {
		return top + (1 - (value - this.low) / (this.high - this.low)) * (height - top - bottom);
	}

	// scale begins at zero unless all is far above it, and has a threshold in it that is not far away.
	#scale() {
		let low = Infinity, high = -Infinity;
		for (const { data: { times, step, min, max } } of this.lines) {
			times.forEach((time, i) => {
				if (min[i] == null || time + step < this.from || time > this.to) return;
				low = Math.min(low, min[i]);
				high = Math.max(high, max[i]);
			});
		}
		if (low > high) [low, high] = [0, 1];
		for (const { value } of this.marks) if (value <= 1.6 * high) high = Math.max(high, value * 1.05);
		if (low >= 0 && low < 0.7 * high) low = 0;
		if (high === low) [low, high] = [Math.min(0, low), Math.max(1, high)];
		const base = this.unit === "By" ? 1024 ** Math.floor(Math.log2(high - low) / 10) : 1;
		const gap = base * niceGap((high - low) / 4 / base);
		return [Math.floor(low / gap + 1e-9) * gap, Math.ceil(high / gap - 1e-9) * gap, gap];
	}

	#grid() {
		const { c, low, high, gap, width } = this;
		c.strokeStyle = this.#color("line");
		c.fillStyle = this.#color("quiet");
		c.textAlign = "right";
		c.textBaseline = "middle";
		for (let value = low; value <= high + gap / 2; value += gap) {
			const y = this.#level(value);
			this.#across(y);
			c.fillText(amount(Number(value.toPrecision(12)), this.unit), left - 8, y);
		}
		c.textAlign = "center";
		c.textBaseline = "alphabetic";
		for (const [time, label] of timeTicks(this.from, this.to, width / 100)) {
			const x = this.x(time), half = c.measureText(label).width / 2;
			c.fillRect(Math.round(x), height - bottom, 1, 4);
			if (x - half > left - 24 && x + half < width) c.fillText(label, x, height - 6);
		}
	}

	#runs({ times, step, mean }, f) {
		const most = 2.5 * Math.max(step, this.interval);
		let first = -1, last = -1;
		mean.forEach((value, i) => {
			if (value == null) return;
			if (first < 0) first = i;
			else if (times[i] - times[last] > most) {
				f(first, last);
				first = i;
			}
			last = i;
		});
		if (first >= 0) f(first, last);
	}

	// place is where a bucket's value is: in its middle, unless it is one sample.
	#place({ times, step }, values, i) {
		return [this.x(times[i] + (step > this.interval ? step / 2 : 0)), this.#y(values[i])];
	}

	#trace(data, values, from, to) {
		const way = from > to ? -1 : 1;
		for (let i = from; i !== to + way; i += way) if (values[i] != null) this.c.lineTo(...this.#place(data, values, i));
	}

	#band({ data, index }) {
		const { c } = this;
		c.fillStyle = this.#color(seriesStroke(index).color);
		c.globalAlpha = 0.18;
		this.#runs(data, (first, last) => {
			c.beginPath();
			this.#trace(data, data.max, first, last);
			this.#trace(data, data.min, last, first);
			c.fill();
		});
		c.globalAlpha = 1;
	}

	#line({ data, index }) {
		const { c } = this;
		const { color, dash } = seriesStroke(index);
		c.strokeStyle = c.fillStyle = this.#color(color);
		c.lineWidth = 1.75;
		c.lineJoin = "round";
		c.setLineDash(dash);
		this.#runs(data, (first, last) => {
			c.beginPath();
			this.#trace(data, data.mean, first, last);
			c.stroke();
			const [x, y] = this.#place(data, data.mean, first);
			if (first === last) c.fillRect(x - 1.5, y - 1.5, 3, 3);
		});
	}

	#threshold({ level, value }) {
		const { c } = this;
		const y = this.#level(value);
		c.textAlign = "left";
		c.fillStyle = c.strokeStyle = this.#color(level);
		c.lineWidth = 1.25;
		this.#across(y, level === "warn" ? [8, 4] : []);
		c.fillText(level, left + 4, y - 4);
	}

	#level(value) {
		return Math.round(this.#y(value)) + 0.5;
	}

	#across(y, dash = [], from = left, to = left + this.inner) {
		const { c } = this;
		c.setLineDash(dash);
		c.beginPath();
		c.moveTo(from, y);
		c.lineTo(to, y);
		c.stroke();
	}

	// period shades the time that an alert fired, with a bar above: whole for fail, broken for warn.
	#period({ from, to, severity }) {
		const { c } = this;
		const a = Math.max(left, this.x(from)), b = Math.max(a + 2, Math.min(left + this.inner, this.x(to)));
		c.fillStyle = c.strokeStyle = this.#color(severity);
		c.globalAlpha = 0.1;
		c.fillRect(a, 4, b - a, height - bottom - 4);
		c.globalAlpha = 1;
		c.lineWidth = 3;
		this.#across(5.5, severity === "fail" ? [] : [4, 3], a, b);
	}
}

function niceGap(least) {
	const power = 10 ** Math.floor(Math.log10(least));
	return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least * 0.999);
}

const minute = 60_000, day = 1440 * minute;
const gaps = [1 / 60, 1 / 12, 1 / 4, 1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880, 10_080, 40_320]; // minutes

function timeTicks(from, to, most) {
	const gap = minute * (gaps.find((g) => (to - from) / minute / g <= most) ?? gaps.at(-1));
	const ticks = [];
	for (let t = Math.ceil((from + offset(from)) / gap) * gap; ; t += gap) {
		const time = t - offset(t - offset(from));
		if (time > to) return ticks;
		if (time + offset(time) !== t) continue; // the clocks leave it out
		const midnight = t % day === 0 && to - from > day / 2;
		ticks.push([time, gap >= day || midnight ? date(time) : gap < minute ? clock(time) : hour(time)]);
	}
}

export function nearest({ times, step, mean }, time, interval) {
	let low = 0, high = times.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (times[middle] <= time) low = middle + 1;
		else high = middle;
	}
	const width = Math.max(step, interval);
	const away = (i) => Math.abs(time - times[i]);
	const i = away(low) < Math.min(width / 2, away(low - 1)) ? low : low - 1;
	return i < 0 || time - times[i] > 1.5 * width || mean[i] == null ? -1 : i;
}

export function reading({ min, mean, max }, i, unit, write) {
	if (i < 0) return "no data";
	const [low, middle, high] = [min, mean, max].map((values) => amount(values[i], unit, write));
	return low === high ? middle : `${middle} (${low} – ${high})`;
}
