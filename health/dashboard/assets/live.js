import { getDated } from "./api.js";

// Milliseconds. The API lets all tabs together ask sixty times a minute.
const slowestOpening = 30_000, fastestPoll = 5_000, slowestPoll = 10_000;

// Live keeps the newest snapshot: by server-sent events, and by asking whenever none has come for too long.
export class Live {
	snapshot = null;
	condition = "connecting"; // live, polling, stalled, lost or ended (logged out)
	problem = ""; // why it is lost

	#source = null;
	#streaming = false;
	#polling = false;
	#missed = false; // something may have been
	#taken = 0; // when the newest snapshot was taken, by this clock
	#openings = 0; // in vain, in a row
	#polls = 0; // likewise
	#nextOpening = 0;
	#nextPoll = 0;
	#timer = 0;

	constructor(listener) {
		this.listener = listener;
	}

	start() {
		document.addEventListener("visibilitychange", () => this.#turn());
		this.#turn();
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

	// turn pauses in a hidden tab, and goes on in a visible one.
	#turn() {
		clearInterval(this.#timer);
		if (document.hidden) {
			this.#break();
			return;
		}
		this.#open();
		this.#poll();
		this.#timer = setInterval(() => this.#check(), 1000);
	}

	#break() {
		this.#source?.close();
		this.#streaming = false;
		this.#missed = this.snapshot != null;
		this.#nextOpening = Infinity;
	}

	#open() {
		const source = (this.#source = new EventSource("api/stream"));
		this.#nextOpening = Infinity;
		source.onopen = () => {
			this.#streaming = true;
			this.#openings = 0;
			this.#catchUp();
		};
		source.addEventListener("snapshot", (event) => this.#accept(JSON.parse(event.data)));
		source.addEventListener("transition", (event) => this.listener.transition(JSON.parse(event.data)));
		source.onerror = () => {
			this.#break();
			this.#nextOpening = Date.now() + Math.min(1000 * 2 ** this.#openings++, slowestOpening);
			this.#poll();
		};
	}

	async #poll() {
		if (this.#polling || this.condition === "ended") return;
		this.#polling = true;
		try {
			const [snapshot, date] = await getDated("api/current");
			this.#polls = 0;
			this.#nextPoll = Date.now() + Math.max(this.interval, fastestPoll);
			this.#accept(snapshot, date - Date.parse(snapshot.timestamp));
			if (this.#streaming) this.#catchUp();
		} catch (problem) {
			if (problem.status === 401) this.condition = "ended";
			this.problem = problem.message;
			this.#polls += problem.status === 429 ? 0 : 1; // who refuses is there
			this.#nextPoll = Date.now() + (problem.retryAfter * 1000 || Math.min(2000 * 1.5 ** this.#polls, slowestPoll));
		}
		this.#polling = false;
		this.#check();
	}

	#catchUp() {
		if (this.#missed) this.listener.catchUp();
		this.#missed = false;
	}

	// accept takes a snapshot that is age milliseconds old, as far as is known.
	#accept(snapshot, age = 0) {
		const before = this.snapshot;
		if (snapshot.timestamp < before?.timestamp && snapshot.service.instance === before.service.instance) return;
		const taken = Date.now() - Math.max(0, age || 0);
		if (snapshot.timestamp !== before?.timestamp || taken < this.#taken) this.#taken = taken;
		this.snapshot = snapshot;
		this.listener.snapshot(snapshot);
		this.#check();
	}

	#check() {
		const now = Date.now();
		if (this.condition !== "ended") {
			if (now >= this.#nextOpening) this.#open();
			if (this.age > 1.5 * this.interval + 1000 && now >= this.#nextPoll) this.#poll();
			this.condition = this.#judge();
		}
		this.listener.condition();
	}

	#judge() {
		if (this.#polls > 0 && !this.#streaming) return "lost";
		if (!this.snapshot) return "connecting";
		if (this.snapshot.monitor.stalled || this.age > Math.max(3 * this.interval, 3000) + 1000) return "stalled";
		return this.#streaming ? "live" : "polling";
	}
}
