import { get, iso, post, query } from "./api.js";
import { ask } from "./dialogs.js";
import { arrange, byId, el, say, setAttribute, setText, sign } from "./dom.js";
import { amount, duration, moment, shown, when } from "./format.js";
import { address, change, view } from "./view.js";

const most = 200; // past alerts at a time

// Alerts holds the alerts of the shown range and those that are open.
export class Alerts {
	problem = "";

	#byID = new Map();
	#firing = new Map(); // id: the element
	#jumped = null; // the alert that was scrolled to

	constructor(live) {
		this.live = live;
	}

	// load asks for the alerts that were open in the range, and for the one that the URL names.
	async load(from, to) {
		try {
			const range = this.live.snapshot.history ? query({ state: "all", from: iso(from), to: iso(to), limit: most }) : "";
			const [list, linked] = await Promise.all([get("api/alerts" + (range ? "?" + range : "")), this.#linked()]);
			const kept = [...this.#byID.values()].filter((a) => a.state !== "resolved" && !range);
			this.#byID = new Map([...kept, ...linked, ...list].map((a) => [a.id, a]));
			this.problem = "";
		} catch (problem) {
			this.problem = problem.message;
		}
	}

	async #linked() {
		if (!view.alert || this.#byID.has(view.alert) || !this.live.snapshot.history) return [];
		const [found] = await get("api/alerts?" + query({ state: "all", before: view.alert + 1, limit: 1 }));
		return found?.id === view.alert ? [found] : [];
	}

	// take changes the list by a transition, and tells it to who cannot see it.
	take(transition) {
		const { alert, kind } = transition;
		this.#byID.set(alert.id, alert);
		const name = alert.rule + (alert.instance ? ` of ${alert.instance}` : "");
		if (kind !== "pending") say(`Alert ${name} ${kind.replace("_", " ")}${transition.by ? ` by ${transition.by}` : ""}. ${alert.message}`);
	}

	// periods are the times that alerts of the chart were firing.
	periods(chart) {
		const rule = chart.alerts ?? chart.rule;
		return this.#sorted().filter((a) => a.rule === rule && a.state !== "pending")
			.map((a) => ({ from: Date.parse(a.began), to: a.resolved ? Date.parse(a.resolved_at) : this.live.now, severity: a.severity }));
	}

	#sorted() {
		return [...this.#byID.values()].sort((a, b) => b.id - a.id);
	}

	show() {
		const rank = { fail: 0, warn: 1 };
		const open = this.#sorted().filter((a) => !a.resolved);
		open.sort((a, b) => (a.state === "pending") - (b.state === "pending") || rank[a.severity] - rank[b.severity]);
		const firing = open.filter((a) => a.state === "firing").length, pending = open.length - firing;
		setText(byId("alerts-count"), this.problem || `${firing} firing${pending ? `, ${pending} pending` : ""}`);
		const cards = open.map((alert) => this.#card(alert));
		if (cards.length === 0) cards.push(this.#nothing());
		arrange(byId("firing"), cards);
		this.#showPast();
		this.#jump();
	}

	#nothing() {
		if (!this.empty) this.empty = el("p", { class: "empty" }, sign("pass"), "Nothing is firing.");
		return this.empty;
	}

	#card(alert) {
		let card = this.#firing.get(alert.id);
		if (!card) {
			card = new AlertCard(this, alert);
			this.#firing.set(alert.id, card);
		}
		card.show(alert);
		return card.root;
	}

	#showPast() {
		const past = this.#sorted().filter((a) => a.resolved);
		setText(byId("past-count"), past.length === most ? `the last ${most} of the range` : "of the shown range");
		const key = JSON.stringify([past.map((a) => a.id), view.alert, view.utc]);
		if (byId("past").dataset.key === key) return;
		byId("past").dataset.key = key;
		if (past.length === 0) {
			byId("past").replaceChildren(el("p", { class: "empty" }, "No alert was resolved in the shown range."));
			return;
		}
		byId("past").replaceChildren(el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "past-title" }, el("table", {},
			el("thead", {}, el("tr", {}, ...["Alert", "Began", "Lasted", "Peak", "Threshold", "Ended by"].map((text) => el("th", { scope: "col" }, text)))),
			el("tbody", {}, ...past.map((a) => this.#row(a))))));
	}

	#row(a) {
		const began = Date.parse(a.began);
		return el("tr", { id: "alert-" + a.id, class: view.alert === a.id ? "chosen" : null },
			el("th", { scope: "row" }, sign(a.severity), el("a", { href: link(a), onclick: (event) => this.#look(event, a) }, nameOf(a))),
			el("td", {}, moment(began)), el("td", {}, duration(Date.parse(a.resolved_at) - began)),
			el("td", {}, amountOf(a, worst(a))), el("td", {}, `${a.severity} ${amountOf(a, a.threshold)}`),
			el("td", {}, a.resolved_by ?? (a.cause ?? "").replaceAll("_", " ")));
	}

	// look shows the charts around the alert.
	#look(event, a) {
		if (event.ctrlKey || event.metaKey || event.shiftKey) return;
		event.preventDefault();
		const from = Date.parse(a.began), to = a.resolved ? Date.parse(a.resolved_at) : this.live.now;
		const margin = Math.max(5 * 60_000, (to - from) / 2);
		change({ alert: a.id, from: from - margin, to: Math.min(to + margin, this.live.now) });
	}

	// jump scrolls, once, to the alert that the URL names.
	#jump() {
		if (!view.alert || this.#jumped === view.alert) return;
		const node = byId("alert-" + view.alert);
		if (!node) return;
		this.#jumped = view.alert;
		node.scrollIntoView({ block: "center" });
		(node.querySelector("a, button") ?? node).focus({ preventScroll: true });
	}

	acknowledge(alert) {
		const note = el("textarea", { name: "note", rows: 3, maxlength: 1000, autofocus: true });
		ask({
			title: `Acknowledge ${nameOf(alert)}`, text: "The alert goes on; others see that somebody is on it.", fields: [["Note", note]],
			action: "Acknowledge", send: (form) => post(`api/alerts/${alert.id}/acknowledge`, { note: form.get("note") }),
		});
	}

	resolve(alert) {
		const note = el("input", { name: "note", maxlength: 1000 });
		ask({
			title: `Resolve ${nameOf(alert)}?`, danger: true, fields: [["Note", note]], action: "Resolve",
			text: "The alert ends although the value may still breach. Its rule opens no other before the value was healthy once.",
			send: (form) => post(`api/alerts/${alert.id}/resolve`, { note: form.get("note") }),
		});
	}

	silence(alert) {
		const lengths = { "30m": "30 minutes", "1h": "1 hour", "4h": "4 hours", "12h": "12 hours", "24h": "24 hours", "168h": "7 days", "0": "End the silence" };
		const until = el("select", { name: "until" }, ...Object.entries(lengths).map(([value, text]) => el("option", { value }, text)));
		const at = el("input", { name: "at", type: "datetime-local" });
		ask({
			title: `Silence rule ${alert.rule}`, text: "Nobody is notified of any alert of this rule until then. It is judged and shown all the same.",
			fields: [["For", until], ["Or until (local time)", at]], action: "Silence",
			send: (form) => post(`api/rules/${encodeURIComponent(alert.rule)}/silence`,
				{ until: form.get("at") ? new Date(form.get("at")).toISOString() : form.get("until") }),
		});
	}
}

const nameOf = (a) => a.rule + (a.instance ? ` · ${a.instance}` : "");
const worst = (a) => (a.peak < a.threshold ? a.lowest : a.peak);
const amountOf = (a, value) => amount(value, shown(a.metric, a.unit));

function link(a) {
	const url = new URL(address(), location);
	url.searchParams.set("alert", a.id);
	return url.search;
}

// AlertCard is an alert that is open.
class AlertCard {
	constructor(alerts, alert) {
		this.alerts = alerts;
		this.value = el("strong");
		this.facts = el("p", { class: "facts-line" });
		this.note = el("p", { class: "ack" });
		const act = (text, does) => el("button", { type: "button", onclick: () => alerts[does](this.alert) }, text);
		this.actions = el("div", { class: "buttons" }, act("Acknowledge", "acknowledge"), act("Silence", "silence"), act("Resolve", "resolve"));
		this.state = el("span", { class: "state" });
		this.link = el("a", { href: link(alert) }, "Link");
		this.root = el("article", { id: "alert-" + alert.id, "aria-labelledby": `alert-${alert.id}-name` },
			el("header", {}, el("h3", { id: `alert-${alert.id}-name` }, nameOf(alert)), this.state, this.link),
			el("p", { class: "compared" }, this.value), this.facts, this.note, this.actions);
	}

	show(alert) {
		this.alert = alert;
		const { now, snapshot } = this.alerts.live;
		const rule = snapshot.rules.find((r) => r.name === alert.rule && (r.instance ?? "") === (alert.instance ?? ""));
		const value = rule?.value ?? alert.value;
		const began = Date.parse(alert.began);
		setAttribute(this.root, "class", `alert ${alert.severity} ${alert.state}${view.alert === alert.id ? " chosen" : ""}`);
		const state = alert.state === "pending" ? "Pending" : alert.severity === "fail" ? "Failing" : "Warning";
		if (this.shown !== state) {
			this.shown = state;
			this.state.replaceChildren(sign(alert.severity), state);
		}
		setText(this.value, `${amountOf(alert, value)} against ${amountOf(alert, alert.threshold)}`);
		const peak = rule?.below ? Math.min(alert.lowest, value) : Math.max(worst(alert), value);
		setText(this.facts, `for ${duration(now - began)}, since ${when(began, now)} · ${rule?.below ? "lowest" : "peak"} ${amountOf(alert, peak)}` +
			(alert.no_data ? " · no data now" : "") + (alert.silenced_until ? ` · silenced until ${when(Date.parse(alert.silenced_until), now)}` : ""));
		this.note.hidden = !alert.acknowledged;
		if (alert.acknowledged) {
			setText(this.note, `Acknowledged by ${alert.acknowledged_by} at ${when(Date.parse(alert.acknowledged_at), now)}${alert.note ? `: ${alert.note}` : ""}`);
		}
		this.actions.hidden = snapshot.monitor.read_only;
		this.actions.firstChild.disabled = alert.state !== "firing";
	}
}
