import { between, iso, query } from "./api.js";
import { ask } from "./dialogs.js";
import { button, byId, el, fill, stored } from "./dom.js";
import { duration, moment, offset, zoneName } from "./format.js";
import { change, follow, isFixed, span, spanName, spans, view } from "./view.js";

const { dataset } = document.documentElement;

export function showToolbar({ now, snapshot }) {
	const range = span(now), [from, to] = range;
	const choice = (text, pressed, onclick) => button(text, onclick, { "aria-pressed": String(pressed) });
	fill(byId("toolbar"),
		Object.keys(spans).map((name) => choice(spanName(name), !isFixed() && view.range === name, () => follow(name))),
		choice("Custom …", isFixed(), () => choose(range)), isFixed() && button("Back to live", () => follow()),
		snapshot.history && el("a.button", { id: "export", download: "", href: "export" + query(between(range)) }, "Export CSV"));
	fill(byId("charts-range"), `${moment(from)} – ${isFixed() ? moment(to) : "now"} · ${duration(to - from)} · ${zoneName(to)}`);
	fill(byId("zone"), view.utc ? "UTC" : "Local time");
	byId("zone").ariaPressed = view.utc;
	fill(byId("theme"), { light: "Light", dark: "Dark" }[dataset.theme] ?? "System");
}

function choose([from, to]) {
	const input = (name, time) => el("input", { name, type: "datetime-local", step: 1, required: true, value: iso(time + offset(time)).slice(0, 19) });
	ask({
		title: "Custom range", text: `Times in ${zoneName(to)}.`, action: "Show",
		fields: [["From", input("from", from)], ["To", input("to", to)]],
		send: (form) => {
			const [from, to] = ["from", "to"].map((name) => Date.parse(form.get(name) + (view.utc ? "Z" : "")));
			if (!(from < to)) throw new Error("From must be before to.");
			change({ from, to });
		},
	});
}

export const nextZone = () => change({ utc: !view.utc });

export function nextTheme() {
	const theme = { light: "dark", dark: "" }[dataset.theme] ?? "light";
	if (theme) dataset.theme = theme;
	else delete dataset.theme;
	stored((storage) => storage.setItem("health-theme", theme));
	change({ theme });
}

byId("zone").onclick = nextZone;
byId("theme").onclick = nextTheme;
