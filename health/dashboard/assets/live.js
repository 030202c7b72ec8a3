import { getDated } from "./api.js";

const slowestReopening = 30_000;
const slowestPoll = 10_000;
const fastestPoll = 5_000; // the API allows sixty a minute to all tabs together

// Live keeps the newest snapshot: by server-sent events, and by asking whenever none has come for too long.
export class Live {
	snapshot = null;
	condition = "connecting"; // live, polling, stalled, lost or ended (logged out)

	#source = null;
	#streaming = false;
	#polling = false;
	#taken = 0; // when the newest snapshot was taken, by this clock
	#ended = false;
	#failures = 0; // polls in a row
	#nextPoll = 0;
	#openings = 0;
	#timers = new Set();
	#broken = false; // something may have been missed

	constructor(listener) {
		this.listener = listener;
	}

	start() {
		document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.#resume()));
		if (!document.hidden) this.#resume();
	}

	// age is how old the newest snapshot is, in milliseconds.
	get age() {
		return Date.now() - this.#taken;
	}

	// now is the server's time.
	get now() {
		return this.snapshot ? Date.parse(this.snapshot.timestamp) + this.age : Date.now();
	}

	get interval() {
		return (this.snapshot?.monitor.interval_seconds ?? 10) * 1000;
	}

	#resume() {
		this.#open();
		this.#poll();
		this.#every(1000, () => this.#check());
	}

	#pause() {
		this.#broken = true;
		this.#streaming = false;
		this.#source?.close();
		for (const timer of this.#timers) clearTimeout(timer);
		this.#timers.clear();
	}

	#every(ms, f) {
		const timer = setTimeout(() => {
			this.#timers.delete(timer);
			f();
			this.#every(ms, f);
		}, ms);
		this.#timers.add(timer);
	}

	#after(ms, f) {
		const timer = setTimeout(() => {
			this.#timers.delete(timer);
			f();
		}, ms);
		this.#timers.add(timer);
	}

	#open() {
		this.#source?.close();
		const source = new EventSource("api/stream");
		this.#source = source;
		source.onopen = () => {
			this.#streaming = true;
			this.#openings = 0;
			this.#connected();
		};
		source.addEventListener("snapshot", (event) => this.#accept(JSON.parse(event.data), 0));
		source.addEventListener("transition", (event) => this.listener.transition(JSON.parse(event.data)));
		source.onerror = () => {
			source.close();
			if (source !== this.#source || this.#ended) return;
			this.#streaming = false;
			this.#broken = true;
			this.#after(Math.min(1000 * 2 ** this.#openings++, slowestReopening), () => this.#open());
			this.#poll();
		};
	}

	async #poll() {
		if (this.#polling || this.#ended) return;
		this.#polling = true;
		try {
			const [snapshot, date] = await getDated("api/current");
			this.#failures = 0;
			this.#nextPoll = Date.now() + Math.max(this.interval, fastestPoll);
			this.#accept(snapshot, Math.max(0, date - Date.parse(snapshot.timestamp)));
			if (this.#streaming) this.#connected();
		} catch (problem) {
			this.#ended = problem.status === 401;
			this.problem = problem.message;
			this.#failures++;
			this.#nextPoll = Date.now() + (problem.retryAfter * 1000 || Math.min(2000 * 1.5 ** this.#failures, slowestPoll));
			if (problem.status === 429) this.#failures = 0; // it is there
		} finally {
			this.#polling = false;
		}
		this.#check();
	}

	// connected tells, once, that what was missed can be asked for.
	#connected() {
		if (this.#broken) {
			this.#broken = false;
			this.listener.catchUp();
		}
	}

	// accept takes a snapshot that is age milliseconds old, as far as is known.
	#accept(snapshot, age) {
		const before = this.snapshot;
		if (before && snapshot.timestamp < before.timestamp && snapshot.service.instance === before.service.instance) return;
		const taken = Date.now() - (age || 0);
		if (snapshot.timestamp !== before?.timestamp || taken < this.#taken) this.#taken = taken;
		this.snapshot = snapshot;
		this.listener.snapshot(snapshot);
		this.#check();
	}

	#check() {
		const overdue = this.age > 1.5 * this.interval + 1000;
		if (overdue && Date.now() >= this.#nextPoll) this.#poll();
		this.condition = this.#judge();
		this.listener.condition();
	}

	#judge() {
		if (this.#ended) return "ended";
		if (this.#failures > 0 && !this.#streaming) return "lost";
		if (!this.snapshot) return "connecting";
		if (this.snapshot.monitor.stalled || this.age > Math.max(3 * this.interval, 3000) + 1000) return "stalled";
		return this.#streaming ? "live" : "polling";
	}
}
