import { query } from "./api.js";
import { cardsOf } from "./catalog.js";
import { byId, el, fill, sign } from "./dom.js";
import { amount, duration, labelled, severity, when, words } from "./format.js";
import { address } from "./view.js";

// showGlance is called every second: nothing may look fresh that is not.
export function showGlance(live) {
	document.body.classList.toggle("stale", !live.isKnown);
	fill(byId("banner"), bannerOf(live));
	const s = live.snapshot;
	if (!s) return;
	const { id, version, description, instance } = s.service;
	fill(byId("service"), id);
	fill(byId("identity"), [version, description, `instance ${instance}`].filter(Boolean).join(" · "));
	byId("logout").hidden = !s.monitor.login;
	showStatus(live);
	fill(byId("notices"), noticesOf(s, live.now).map((text) => el("li", text)));
}

function showStatus({ snapshot: s, isKnown, now, age, condition }) {
	const status = isKnown ? s.overall_status : "unknown";
	const verdict = isKnown ? words[status] : condition === "paused" ? "Paused" : "No data";
	const since = isKnown ? s.overall_since : s.timestamp;
	const uptime = s.service.uptime_seconds;
	const probe = (title, verdict) => fact(title, labelled(isKnown ? verdict : "unknown"), isKnown ? verdict : "unknown");
	byId("glance").className = "glance " + status;
	fill(byId("glance"), sign(status),
		el("div", el("p.overall", verdict), el("p.quiet", isKnown && `for ${duration(now - Date.parse(since))}, `, `since ${when(since, now)}`)),
		el("ul.reasons", isKnown && reasonsOf(s)),
		el("dl.facts", probe("Liveness", s.monitor.liveness), probe("Readiness", s.monitor.readiness),
			fact("Uptime", uptime == null ? "–" : duration(uptime * 1000 + (isKnown ? age : 0))), fact("Data", `${condition}, ${duration(age)} old`)));
	document.title = `${verdict} · ${s.service.id}`;
}

export const fact = (name, value, status) => el("div", el("dt", name), el("dd", { class: status }, value));

function reasonsOf(s) {
	const checks = s.checks.map((c) => ({ status: c.status, text: `Check ${c.name}: ${c.error ?? c.status}` }));
	const cards = cardsOf(s).filter((card) => card.status === card.judged).map(({ status, title, instance, value, unit, [status]: mark }) => ({
		status, text: `${title}${instance ? " " + instance : ""}: ${amount(value, unit)}, ${status} at ${amount(mark, unit)}`,
	}));
	return [...checks, ...cards].filter(({ status }) => severity(status) < severity("unknown"))
		.sort((a, b) => severity(a.status) - severity(b.status)).slice(0, 6)
		.map(({ status, text }) => el("li", sign(status), text));
}

function noticesOf(s, now) {
	const notices = s.failures.map((f) => `The ${f.kind} ${f.source} gives no reading: ${f.error}`);
	if (s.history && s.history.condition !== "ok") notices.push(`History: ${s.history.condition.replace("_", " ")} ${s.history.error ?? ""}`);
	const { condition, since, queued, error, spool_error } = s.otlp ?? {};
	const verdict = { away: "is away", rejected: "refuses" }[condition];
	if (verdict) notices.push(`The Collector ${verdict} since ${when(since, now)}, ${queued} requests wait on disk: ${error}`);
	if (spool_error) notices.push(`Exports cannot wait on disk: ${spool_error}`);
	for (const { name, since } of s.threads.details) notices.push(`Stuck since ${when(since, now)}: ${name}`);
	for (const { rule, until, by } of s.silences) notices.push(`Rule ${rule} is silenced until ${when(until, now)} by ${by}`);
	for (const { rule, series } of s.untracked) notices.push(`Rule ${rule}: ${series} series are not judged`);
	for (const { destination, error } of s.notifications) if (error) notices.push(`Notifications to ${destination} fail: ${error}`);
	return notices;
}

function bannerOf({ condition, snapshot, now, problem }) {
	const at = snapshot ? ` What you see is from ${when(snapshot.timestamp, now)}. ` : " ";
	switch (condition) {
	case "lost": return `Connection lost: ${problem}.${at}Trying again …`;
	case "stalled": return `The monitor has stalled: no new numbers arrive.${at}`;
	case "ended": return snapshot?.monitor.login ? [`You are logged out.${at}`, el("a", { href: "login" + query({ next: address() }) }, "Log in again")]
		: `Access is refused.${at}`;
	case "connecting": return problem && `No numbers yet: ${problem}.`;
	}
}
