import { cardsOf } from "./catalog.js";
import { byId, el, set, setText, sign } from "./dom.js";
import { amount, duration, when, words } from "./format.js";
import { address } from "./view.js";

// showGlance says how the service is, since when and why, and how old that is.
export function showGlance(live) {
	const s = live.snapshot;
	showFreshness(live);
	if (!s) return;
	setText(byId("service"), s.service.id);
	setText(byId("identity"), [s.service.version, s.service.description, `instance ${s.service.instance}`].filter(Boolean).join(" · "));
	byId("logout").hidden = !s.monitor.login;
	showVerdict("liveness", s.monitor.liveness);
	showVerdict("readiness", s.monitor.readiness);
	const known = isKnown(live);
	const status = known ? s.overall_status : "unknown";
	set(byId("glance"), "class", "glance " + status);
	set(byId("glance").querySelector("use"), "href", "#" + status);
	setText(byId("overall"), known ? words[status] : "No data");
	setText(byId("since"), known ? sinceText(Date.parse(s.overall_since), live.now) : `since ${when(Date.parse(s.timestamp), live.now)}`);
	showReasons(known ? reasonsOf(s) : []);
	showNotices(s, live.now);
	document.title = `${{ pass: "✓", warn: "▲", fail: "✕", unknown: "?" }[status]} ${known ? words[status] : "No data"} · ${s.service.id}`;
}

// isKnown reports whether the newest snapshot still says how the service is.
const isKnown = (live) => !["stalled", "lost", "ended"].includes(live.condition);

const sinceText = (since, now) => `for ${duration(now - since)}, since ${when(since, now)}`;

function showVerdict(id, status) {
	const node = byId(id);
	if (node.dataset.status === status) return;
	node.dataset.status = status;
	node.className = status;
	node.replaceChildren(sign(status), words[status]);
}

function reasonsOf(s) {
	const bad = (status) => status === "fail" || status === "warn";
	const reasons = cardsOf(s).filter((c) => bad(c.status)).map((c) => {
		const at = c[c.status] == null ? "" : `, ${c.status} at ${amount(c[c.status], c.unit)}`;
		return [c.status, `${c.title}${c.instance ? " " + c.instance : ""}: ${amount(c.value, c.unit)}${at}`];
	});
	for (const check of s.checks) if (bad(check.status)) reasons.push([check.status, `Check ${check.name}: ${check.error ?? check.status}`]);
	return reasons.sort(([a], [b]) => (a === b ? 0 : a === "fail" ? -1 : 1));
}

// rewrite fills a list, unless it says the same already.
function rewrite(list, texts, children) {
	const key = JSON.stringify(texts);
	if (list.dataset.key === key) return;
	list.dataset.key = key;
	list.replaceChildren(...children());
}

function showReasons(reasons) {
	rewrite(byId("reasons"), reasons, () => reasons.slice(0, 6).map(([status, text]) => el("li", { class: status }, sign(status), text)));
}

function showNotices(s, now) {
	const notices = s.failures.map((f) => `The ${f.kind} ${f.source} gives no reading: ${f.error}`);
	if (s.history && s.history.condition !== "ok") {
		notices.push(`History: ${s.history.condition.replace("_", " ")}${s.history.error ? ` (${s.history.error})` : ""}`);
	}
	for (const silence of s.silences) notices.push(`Rule ${silence.rule} is silenced until ${when(Date.parse(silence.until), now)} by ${silence.by}`);
	for (const u of s.untracked) notices.push(`Rule ${u.rule}: ${u.series} series are not judged`);
	for (const d of s.notifications) if (d.error) notices.push(`Notifications to ${d.destination} fail: ${d.error}`);
	byId("notices").hidden = notices.length === 0;
	rewrite(byId("notices"), notices, () => notices.map((text) => el("li", text)));
}

const conditions = { live: "live", polling: "polled", connecting: "connecting", stalled: "stalled", lost: "connection lost", ended: "logged out" };

// showFreshness is called every second: nothing may look fresh that is not.
function showFreshness(live) {
	const { condition, snapshot } = live;
	document.body.dataset.condition = condition;
	const fresh = byId("fresh");
	if (snapshot) {
		const uptime = snapshot.service.uptime_seconds;
		setText(byId("uptime"), uptime == null ? "–" : duration(uptime * 1000 + (isKnown(live) ? live.age : 0)));
		setText(fresh, `${conditions[condition]}, ${duration(live.age)} ago`);
	} else {
		setText(fresh, conditions[condition]);
	}
	const banner = byId("banner");
	const text = bannerText(live);
	banner.hidden = text === "";
	if (banner.dataset.text === text) return;
	banner.dataset.text = text;
	banner.replaceChildren(text, ...(condition === "ended" ? [" ", el("a", { href: "login?next=" + encodeURIComponent(address()) }, "Log in again")] : []));
}

function bannerText({ condition, snapshot, now, problem }) {
	const at = snapshot ? ` What you see is from ${when(Date.parse(snapshot.timestamp), now)}.` : "";
	switch (condition) {
	case "lost": return `Connection lost: ${problem}.${at} Trying again …`;
	case "stalled": return `The monitor has stalled: no new numbers arrive.${at}`;
	case "ended": return `You are logged out.${at}`;
	default: return "";
	}
}
