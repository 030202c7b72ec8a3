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
	const known = (status) => (isKnown ? status : "unknown");
	const status = known(s.overall_status);
	const verdict = isKnown ? words[status] : condition === "paused" ? "Paused" : "No data";
	const since = isKnown ? s.overall_since : s.timestamp;
	const uptime = s.service.uptime_seconds;
	const probe = (title, verdict) => fact(title, labelled(known(verdict)), known(verdict));
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
	const { condition, since, queued, error, spool_error } = s.otlp ?? {};
	const verdict = { away: "is away", rejected: "refuses" }[condition];
	return [
		...s.failures.map((f) => `The ${f.kind} ${f.source} gives no reading: ${f.error}`),
		s.history && s.history.condition !== "ok" && `History: ${s.history.condition.replace("_", " ")} ${s.history.error ?? ""}`,
		verdict && `The Collector ${verdict} since ${when(since, now)}, ${queued} requests wait on disk: ${error}`,
		spool_error && `Exports cannot wait on disk: ${spool_error}`,
		...s.threads.details.map(({ name, since }) => `Stuck since ${when(since, now)}: ${name}`),
		...s.silences.map(({ rule, until, by }) => `Rule ${rule} is silenced until ${when(until, now)} by ${by}`),
		...s.untracked.map(({ rule, series }) => `Rule ${rule}: ${series} series are not judged`),
		...s.notifications.map(({ destination, error }) => error && `Notifications to ${destination} fail: ${error}`),
	].filter(Boolean);
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
