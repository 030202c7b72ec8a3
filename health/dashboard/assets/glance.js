import { query } from "./api.js";
import { cardsOf } from "./catalog.js";
import { byId, el, fill, sign } from "./dom.js";
import { amount, duration, labelled, severity, when, words } from "./format.js";
import { address } from "./view.js";

const signs = { pass: "✓", warn: "▲", fail: "✕", unknown: "?" };

// showGlance says how the service is, since when and why, and how old that is: every second, since nothing may look fresh
// that is not.
export function showGlance(live) {
	document.body.dataset.condition = live.condition;
	showBanner(live);
	const s = live.snapshot;
	if (!s) return;
	fill(byId("service"), s.service.id);
	fill(byId("identity"), [s.service.version, s.service.description, `instance ${s.service.instance}`].filter(Boolean).join(" · "));
	byId("logout").hidden = !s.monitor.login;
	showStatus(live);
	showNotices(noticesOf(s, live.now));
}

function showStatus({ snapshot: s, isKnown, now, age, condition }) {
	const status = isKnown ? s.overall_status : "unknown";
	const verdict = isKnown ? words[status] : "No data";
	const since = Date.parse(isKnown ? s.overall_since : s.timestamp);
	const uptime = s.service.uptime_seconds;
	byId("glance").className = "glance " + status;
	fill(byId("glance"), sign(status),
		el("div", el("p.overall", { id: "overall" }, verdict), el("p.quiet", isKnown ? `for ${duration(now - since)}, ` : "", `since ${when(since, now)}`)),
		el("ul.reasons", isKnown ? reasonsOf(s) : null),
		el("dl.facts", ["liveness", "readiness"].map((name) => probe(name, isKnown ? s.monitor[name] : "unknown")),
			fact("Uptime", uptime == null ? "–" : duration(uptime * 1000 + (isKnown ? age : 0))),
			fact("Data", `${condition}, ${duration(age)} old`, { id: "fresh" })));
	document.title = `${signs[status]} ${verdict} · ${s.service.id}`;
}

export const fact = (name, value, attributes = {}) => el("div", el("dt", name), el("dd", attributes, value));

const probe = (name, status) => fact(name[0].toUpperCase() + name.slice(1), labelled(status), { id: name, class: status });

// reasonsOf lists what is bad, and why, the worst first.
function reasonsOf(s) {
	const checks = s.checks.map((c) => ({ status: c.status, text: `Check ${c.name}: ${c.error ?? c.status}` }));
	const cards = cardsOf(s).map((c) => {
		const mark = c[c.status] == null ? "" : `, ${c.status} at ${amount(c[c.status], c.unit)}`;
		return { status: c.status, text: `${c.title} ${c.instance ?? ""}: ${amount(c.value, c.unit)}${mark}`.replace(" :", ":") };
	});
	return [...cards, ...checks].filter(({ status }) => severity(status) < severity("unknown"))
		.sort((a, b) => severity(a.status) - severity(b.status)).slice(0, 6)
		.map(({ status, text }) => el("li", sign(status), text));
}

function noticesOf(s, now) {
	const notices = s.failures.map((f) => `The ${f.kind} ${f.source} gives no reading: ${f.error}`);
	if (s.history && s.history.condition !== "ok") notices.push(`History: ${s.history.condition.replace("_", " ")} ${s.history.error ?? ""}`);
	for (const { rule, until, by } of s.silences) notices.push(`Rule ${rule} is silenced until ${when(Date.parse(until), now)} by ${by}`);
	for (const { rule, series } of s.untracked) notices.push(`Rule ${rule}: ${series} series are not judged`);
	for (const { destination, error } of s.notifications) if (error) notices.push(`Notifications to ${destination} fail: ${error}`);
	return notices;
}

function showNotices(notices) {
	byId("notices").hidden = notices.length === 0;
	fill(byId("notices"), notices.map((text) => el("li", text)));
}

function showBanner(live) {
	const text = bannerText(live);
	byId("banner").hidden = text === "";
	fill(byId("banner"), text, live.condition === "ended" && el("a", { href: "login" + query({ next: address() }) }, "Log in again"));
}

function bannerText({ condition, snapshot, now, problem }) {
	const at = snapshot ? ` What you see is from ${when(Date.parse(snapshot.timestamp), now)}. ` : " ";
	switch (condition) {
	case "lost": return `Connection lost: ${problem}.${at}Trying again …`;
	case "stalled": return `The monitor has stalled: no new numbers arrive.${at}`;
	case "ended": return `You are logged out.${at}`;
	default: return "";
	}
}
