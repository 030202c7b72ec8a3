import { ask } from "./api.js";

// Milliseconds. The API lets all tabs together ask sixty times a minute.
const pollAgain = 5000, openAgain = 10_000;

// Live keeps the newest snapshot: by server-sent events, and by polling while none come.
export class Live {
	snapshot = null;
	condition = "connecting"; // live, polled, stalled, lost, paused (hidden) or ended (logged out)
	problem = ""; // why it is lost

	#source = null;
	#streaming = false;
	#missed = false; // something may have been
	#taken = 0; // when the newest snapshot was taken, by this clock
	#nextOpening = Infinity;
	#nextPoll = 0;

	constructor(listener) {
		this.listener = listener;
	}

	start() {
		document.addEventListener("visibilitychange", () => this.#turn());
		setInterval(() => this.#check(), 1000);
		this.#turn();
	}

	get age() {
		return Date.now() - this.#taken;
	}

	get now() {
		return this.snapshot ? Date.parse(this.snapshot.timestamp) + this.age : Date.now();
	}

	get interval() {
		return (this.snapshot?.monitor.interval_seconds ?? 10) * 1000;
	}

	get isKnown() {
		return ["live", "polled"].includes(this.condition);
	}

	// turn pauses in a hidden tab and goes on in a visible one.
	#turn() {
		this.#source?.close();
		this.#streaming = false;
		if (document.hidden) {
			this.condition = "paused";
			this.listener.condition();
			return;
		}
		this.#open();
		this.#poll();
	}

	#interrupt() {
		this.#streaming = false;
		this.#missed = this.snapshot != null;
	}

	#open() {
		const source = (this.#source = new EventSource("api/stream"));
		this.#nextOpening = Infinity;
		source.onerror = () => {
			this.#interrupt();
			// The browser goes on where it was, unless refused.
			if (source.readyState === EventSource.CLOSED) this.#nextOpening = Date.now() + openAgain;
		};
		const on = (name, take) => source.addEventListener(name, (event) => {
			this.#streaming = true; // an open stream says nothing yet: a proxy may keep it back
			take(JSON.parse(event.data));
			if (this.#missed) this.listener.catchUp();
			this.#missed = false;
		});
		on("snapshot", (snapshot) => this.#accept(snapshot));
		on("transition", (transition) => this.listener.transition(transition));
		on("reset", () => this.listener.missed());
	}

	async #poll() {
		this.#nextPoll = Infinity;
		try {
			const answer = await ask("api/current");
			const snapshot = await answer.json();
			this.#accept(snapshot, Date.parse(answer.headers.get("Date")) - Date.parse(snapshot.timestamp));
			this.#nextPoll = Date.now() + Math.max(this.interval, pollAgain);
			if (this.#missed && !this.#streaming) this.listener.missed();
		} catch (problem) {
			this.problem = problem.message;
			this.#nextPoll = Date.now() + Math.max(problem.retryAfter ?? 0, pollAgain);
			if (problem.status === 401) {
				this.condition = "ended";
				this.#nextPoll += openAgain;
			} else if (problem.status !== 429) this.condition = "lost"; // who refuses is there
		}
		this.#check();
	}

	#accept(snapshot, age = 0) {
		const before = this.snapshot;
		if (document.hidden || (snapshot.timestamp < before?.timestamp && snapshot.monitor.sequence < before.monitor.sequence)) return;
		const taken = Date.now() - Math.max(0, age || 0);
		if (snapshot.timestamp !== before?.timestamp || taken < this.#taken) this.#taken = taken;
		this.snapshot = snapshot;
		this.condition = this.#judge();
		this.listener.snapshot(snapshot);
		this.#check();
	}

	#check() {
		if (document.hidden) return;
		const now = Date.now();
		if (now >= this.#nextPoll && (!this.#streaming || this.age > 1.5 * this.interval + 1000)) {
			this.#interrupt();
			this.#poll();
		}
		if (now >= this.#nextOpening && this.condition !== "ended") this.#open();
		if (!["ended", "lost", "paused"].includes(this.condition)) this.condition = this.#judge();
		this.listener.condition();
	}

	#judge() {
		if (!this.snapshot) return "connecting";
		const patience = Math.max(3 * this.interval, 3000) + (this.#streaming ? 1000 : pollAgain);
		if (this.snapshot.monitor.stalled || this.age > patience) return "stalled";
		return this.#streaming ? "live" : "polled";
	}
}
