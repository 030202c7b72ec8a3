import { get, iso, post, query } from "./api.js";
import { titleOf } from "./catalog.js";
import { ask } from "./dialogs.js";
import { arrange, button, byId, el, say, set, setText, sign } from "./dom.js";
import { amount, duration, shown, when } from "./format.js";
import { showTable } from "./tables.js";
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

	// load asks for the alerts that fire, those of the range, and the one that the URL names or its neighbour.
	async load(from, to) {
		try {
			const asked = [get("api/alerts")];
			if (this.live.snapshot.history) {
				asked.push(get("api/alerts?" + query({ state: "all", from: iso(from), to: iso(to), limit: most })));
				if (view.alert) asked.push(get("api/alerts?" + query({ state: "all", before: view.alert + 1, limit: 1 })));
			}
			this.#byID = new Map((await Promise.all(asked)).flat().map((a) => [a.id, a]));
			this.problem = "";
		} catch (problem) {
			this.problem = problem.message;
		}
	}

	// take changes the list by a transition, and tells it to who cannot see it.
	take(transition) {
		const { alert, kind } = transition;
		this.#byID.set(alert.id, alert);
		if (kind !== "pending") say(`Alert ${nameOf(alert)} ${kind.replace("_", " ")}${transition.by ? ` by ${transition.by}` : ""}. ${alert.message}`);
	}

	// periods are the times that alerts of the chart were firing.
	periods(chart) {
		return this.#sorted().filter((a) => a.rule === chart.rule && a.state !== "pending")
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
		if (!this.empty) this.empty = el("p.empty", sign("pass"), "Nothing is firing.");
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
		showTable("past", past.map((a) => ({
			...a, name: nameOf(a), lasted: Date.parse(a.resolved_at) - Date.parse(a.began), worst: worst(a), unit: shown(a.metric, a.unit),
			link: el("a", { href: link(a), class: view.alert === a.id ? "chosen" : null, onclick: (event) => this.#look(event, a) }, nameOf(a)),
		})));
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
}

const note = (attributes = {}) => ["Note", el("textarea", { name: "note", rows: 3, maxlength: 1000, ...attributes })];

const lengths = { "30m": "30 minutes", "1h": "1 hour", "4h": "4 hours", "24h": "24 hours", "168h": "7 days", "0": "End the silence" };

// actions ask for what they need, and send it.
const actions = {
	Acknowledge: (alert) => ask({
		title: `Acknowledge ${nameOf(alert)}`, text: "The alert goes on; others see that somebody is on it.", action: "Acknowledge",
		fields: [note({ autofocus: true })], send: (form) => post(`api/alerts/${alert.id}/acknowledge`, { note: form.get("note") }),
	}),
	Resolve: (alert) => ask({
		title: `Resolve ${nameOf(alert)}?`, danger: true, action: "Resolve", fields: [note()],
		text: "The alert ends although the value may still breach. Its rule opens no other before the value was healthy once.",
		send: (form) => post(`api/alerts/${alert.id}/resolve`, { note: form.get("note") }),
	}),
	Silence: (alert) => ask({
		title: `Silence rule ${alert.rule}`, text: "Nobody is notified of any alert of this rule until then. It is judged and shown all the same.",
		fields: [
			["For", el("select", { name: "until" }, ...Object.entries(lengths).map(([value, text]) => el("option", { value }, text)))],
			["Or until, local time", el("input", { name: "at", type: "datetime-local" })],
		],
		action: "Silence", send: (form) => post(`api/rules/${encodeURIComponent(alert.rule)}/silence`,
			{ until: form.get("at") ? new Date(form.get("at")).toISOString() : form.get("until") }),
	}),
};

const nameOf = (a) => titleOf(a.rule) + (a.instance ? ` · ${a.instance}` : "");
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
		this.facts = Object.fromEntries(["Value", "Threshold", "Peak", "Firing for", "Since"].map((name) => [name, el("dd")]));
		this.remarks = el("p.quiet");
		this.note = el("p.ack");
		this.actions = el("div.buttons", ...["Acknowledge", "Silence", "Resolve"].map((text) => button(text, () => actions[text](this.alert))));
		this.state = el("span.state");
		this.link = el("a", { href: link(alert) }, "Link");
		this.root = el("article", { id: "alert-" + alert.id, "aria-labelledby": `alert-${alert.id}-name` },
			el("header", el("h3", { id: `alert-${alert.id}-name` }, nameOf(alert)), this.state, this.link),
			el("dl.facts", ...Object.entries(this.facts).map(([name, dd]) => el("div", el("dt", name), dd))), this.remarks, this.note, this.actions);
	}

	show(alert) {
		this.alert = alert;
		const { now, snapshot } = this.alerts.live;
		const rule = snapshot.rules.find((r) => r.name === alert.rule && (r.instance ?? "") === (alert.instance ?? ""));
		const value = rule?.value ?? alert.value;
		const began = Date.parse(alert.began);
		set(this.root, "class", `alert ${alert.severity} ${alert.state}${view.alert === alert.id ? " chosen" : ""}`);
		const state = alert.state === "pending" ? "Pending" : alert.severity === "fail" ? "Failing" : "Warning";
		if (this.shown !== state) {
			this.shown = state;
			this.state.replaceChildren(sign(alert.severity), state);
		}
		const peak = rule?.below ? Math.min(alert.lowest, value) : Math.max(worst(alert), value);
		const values = [amountOf(alert, value), `${amountOf(alert, alert.threshold)} ${alert.severity}`, amountOf(alert, peak), duration(now - began), when(began, now)];
		Object.values(this.facts).forEach((dd, i) => setText(dd, values[i]));
		const remarks = [];
		if (alert.no_data) remarks.push("no data now");
		if (alert.silenced_until) remarks.push(`silenced until ${when(Date.parse(alert.silenced_until), now)}`);
		setText(this.remarks, remarks.join(" · "));
		this.note.hidden = !alert.acknowledged;
		if (alert.acknowledged) {
			setText(this.note, `Acknowledged by ${alert.acknowledged_by} at ${when(Date.parse(alert.acknowledged_at), now)}${alert.note ? `: ${alert.note}` : ""}`);
		}
		this.actions.hidden = snapshot.monitor.read_only;
		this.actions.firstChild.disabled = alert.state !== "firing";
	}
}
