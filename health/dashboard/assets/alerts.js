import { between, get, iso, post, query } from "./api.js";
import { titleOf } from "./catalog.js";
import { ask } from "./dialogs.js";
import { button, byId, el, fill, say, sign } from "./dom.js";
import { amount, duration, shown, when } from "./format.js";
import { fact } from "./glance.js";
import { showTable } from "./tables.js";
import { address, span, view } from "./view.js";

const most = 200; // past alerts at a time
const unknown = "not known yet";

export class Alerts {
	problem = unknown;

	#byID = new Map();
	#news = new Map(); // what came since the last question
	#loads = 0;
	#jumped = null; // the alert that was scrolled to

	constructor(live) {
		this.live = live;
	}

	async load() {
		const load = ++this.#loads;
		this.#news.clear();
		const asked = [{}];
		if (this.live.snapshot.history) {
			asked.push({ state: "all", ...between(span(this.live.now)), limit: most });
			if (view.alert) asked.push({ state: "all", before: view.alert + 1, limit: 1 });
		}
		const answers = await Promise.allSettled(asked.map((fields) => get("api/alerts" + query(fields))));
		if (load !== this.#loads) return; // a later one asked for another range
		const before = this.#byID, isFirst = this.problem === unknown;
		this.problem = answers.find((a) => a.reason)?.reason.message ?? "";
		const kept = this.problem ? [...before.values()].filter((a) => a.state !== "firing" || !answers[0].value) : [];
		this.#byID = new Map([...kept, ...answers.flatMap((a) => a.value ?? []), ...this.#news.values()].map((a) => [a.id, a]));
		if (!isFirst) for (const a of this.#firing()) if (!before.has(a.id)) say(`Alert ${nameOf(a)} firing. ${a.message}`);
	}

	// refresh asks for all when others fire, or otherwise.
	async refresh() {
		const firing = await get("api/alerts").catch(() => []);
		const known = this.#firing();
		const isSame = (a) => known.some((b) => a.id === b.id && a.severity === b.severity && a.acknowledged === b.acknowledged);
		if (firing.length !== known.length || !firing.every(isSame)) await this.load();
	}

	#firing() {
		return this.#sorted().filter((a) => a.state === "firing");
	}

	take({ alert, kind, by }) {
		this.#byID.set(alert.id, alert);
		this.#news.set(alert.id, alert);
		if (alert.fired_at) say(`Alert ${nameOf(alert)} ${kind.replace("_", " ")}${by ? ` by ${by}` : ""}. ${alert.message}`);
	}

	periods(chart) {
		return this.#sorted().filter((a) => a.rule === chart.rule && a.fired_at)
			.map((a) => ({ from: Date.parse(a.began), to: this.#end(a), severity: a.severity }));
	}

	#end(a) {
		return Date.parse(a.resolved ? a.resolved_at : this.live.snapshot.timestamp);
	}

	#sorted() {
		return [...this.#byID.values()].sort((a, b) => b.id - a.id);
	}

	show() {
		const rank = (a) => 2 * (a.state === "pending") + (a.severity === "warn");
		const open = this.#sorted().filter((a) => !a.resolved).sort((a, b) => rank(a) - rank(b));
		const firing = this.#firing().length, pending = open.length - firing;
		fill(byId("alerts-count"), this.problem || `${firing} firing${pending ? `, ${pending} pending` : ""}`);
		fill(byId("firing"), open.length ? open.map((a) => cardOf(a, this.live)) : !this.problem && el("p.empty", sign("pass"), "Nothing is firing."));
		this.#showPast();
	}

	#showPast() {
		const past = this.#sorted().filter((a) => a.resolved && a.fired_at);
		const remark = el("small", past.length === most ? `the last ${most} of the range` : "of the shown range");
		showTable("past", past.map((a) => ({
			...a, row: "alert-" + a.id, name: nameOf(a), lasted: this.#end(a) - Date.parse(a.began), worst: worst(a), unit: unitOf(a),
			ended: a.resolved_by ?? a.cause.replaceAll("_", " "),
			link: el("a" + chosen(a), { href: this.#around(a) }, nameOf(a)),
		})), this.live.now, remark, this.problem || (this.live.snapshot.history ? "" : "No history is kept."));
	}

	#around(a) {
		const from = Date.parse(a.began), to = this.#end(a);
		const margin = Math.max(5 * 60_000, (to - from) / 2);
		return address({ alert: a.id, from: from - margin, to: Math.min(to + margin, this.live.now) });
	}

	jump() {
		const node = byId("alert-" + view.alert);
		if (!node || this.#jumped === view.alert) return;
		this.#jumped = view.alert;
		node.scrollIntoView({ block: "center" });
		node.querySelector("a").focus({ preventScroll: true });
	}
}

const nameOf = (a) => titleOf(a.rule) + (a.instance ? ` · ${a.instance}` : "");
const unitOf = (a) => shown(a.metric, a.unit);
const worst = (a) => (a.below ? a.lowest : a.peak);
const chosen = (a) => (a.id === view.alert ? ".chosen" : "");

const withNote = (alert, action) => ({
	fields: [["Note", el("textarea", { name: "note", rows: 3, maxlength: 1000 })]],
	send: (form) => post(`api/alerts/${alert.id}/${action}`, { note: form.get("note") }),
});

const lengths = { "30m": "30 minutes", "1h": "1 hour", "4h": "4 hours", "24h": "24 hours", "168h": "7 days", "0s": "End the silence" };

const actions = {
	Acknowledge: (alert) => ({
		title: `Acknowledge ${nameOf(alert)}`, text: "Others see that somebody is on it.", ...withNote(alert, "acknowledge"),
	}),
	Silence: (alert) => ({
		title: `Silence rule ${alert.rule}`, text: "Until then nobody is notified of its alerts.",
		fields: [
			["For", el("select", { name: "until" }, Object.entries(lengths).map(([value, text]) => el("option", { value }, text)))],
			["Or until, local time", el("input", { name: "at", type: "datetime-local" })],
		],
		send: (form) => post(`api/rules/${encodeURIComponent(alert.rule)}/silence`, { until: form.get("at") ? iso(form.get("at")) : form.get("until") }),
	}),
	Resolve: (alert) => ({
		title: `Resolve ${nameOf(alert)}?`, kind: "danger", ...withNote(alert, "resolve"),
		text: "It ends although the value may still breach. Another opens only after the value was healthy.",
	}),
};

function cardOf(alert, { snapshot, now }) {
	const { id, severity, state, began } = alert;
	const word = state === "pending" ? "Pending" : severity === "fail" ? "Failing" : "Warning";
	return el(`article.alert.${severity}.${state}${chosen(alert)}`, { id: "alert-" + id, "aria-label": nameOf(alert) },
		el("header", el("h3", nameOf(alert)), el("span.state", sign(severity), word), el("a", { href: address({ alert: id }) }, "Link")),
		el("dl.facts", valuesOf(alert, snapshot), fact(state === "pending" ? "Pending for" : "Firing for", duration(now - Date.parse(began))), fact("Since", when(began, now))),
		remarksOf(alert, now).map((text) => el("p", text)),
		!snapshot.monitor.read_only && el("div.buttons", Object.entries(actions).map(([action, dialog]) =>
			button(action, () => ask({ action, ...dialog(alert) }), { disabled: action === "Acknowledge" && state !== "firing", "aria-label": `${action} ${nameOf(alert)}` }))));
}

function valuesOf(alert, snapshot) {
	const rule = snapshot.rules.find((r) => r.name === alert.rule && r.instance === alert.instance);
	const value = rule?.value ?? alert.value;
	const peak = alert.below ? Math.min(alert.lowest, value) : Math.max(alert.peak, value);
	const text = (amountOf) => amount(amountOf, unitOf(alert));
	return [fact("Value", text(value)), fact("Threshold", `${text(alert.threshold)} ${alert.severity}`), fact("Peak", text(peak))];
}

function remarksOf(alert, now) {
	const at = (time) => when(time, now);
	return [
		alert.no_data && "No data now.",
		alert.silenced_until && `Rule silenced until ${at(alert.silenced_until)}.`,
		alert.acknowledged && `Acknowledged by ${alert.acknowledged_by} at ${at(alert.acknowledged_at)}${alert.note ? `: ${alert.note}` : "."}`,
	].filter(Boolean);
}
