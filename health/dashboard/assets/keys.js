import { tell } from "./dialogs.js";
import { byId, el } from "./dom.js";
import { change, spans, view } from "./view.js";

const kept = "health-keys";

// listen answers single keys, which who dictates to the browser may switch off.
export function listen(toolbar) {
	const go = (id) => () => {
		byId(id).scrollIntoView();
		byId(id).focus({ preventScroll: true });
	};
	const keys = {
		a: ["Alerts", go("alerts")], n: ["Numbers now", go("cards")], c: ["Charts", go("charts")], s: ["Tables", go("tables")],
		t: ["Next theme", () => toolbar.nextTheme()], u: ["UTC or local time", () => change({ utc: !view.utc })],
		e: ["Export the shown range", () => toolbar.export.click()],
		0: ["Back to the live range", () => change({ from: null, to: null })],
		"?": ["This list", help],
	};
	Object.keys(spans).forEach((range, i) => { keys[i + 1] = [`Last ${range}`, () => change({ range, from: null, to: null })]; });

	function help() {
		const box = el("input", { type: "checkbox", onchange: (event) => store(event.target.checked) });
		box.checked = isOn();
		const list = Object.entries(keys).map(([key, [text]]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)));
		const inChart = [["← →", "Move the crosshair (with Shift faster)"], ["+ −", "Zoom in or out"], ["Home End", "Ends of the range"]]
			.map(([key, text]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)));
		tell("Keyboard shortcuts", el("dl", { class: "keys" }, ...list), el("h3", {}, "On a chart"), el("dl", { class: "keys" }, ...inChart),
			el("label", { class: "check" }, box, "Single keys are on"));
	}

	byId("help").addEventListener("click", help);
	document.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("dialog, input, textarea, select")) return;
		if (event.key !== "?" && !isOn()) return;
		const key = keys[event.key];
		if (!key) return;
		event.preventDefault();
		key[1]();
	});
}

function isOn() {
	try {
		return localStorage.getItem(kept) !== "off";
	} catch {
		return true;
	}
}

function store(on) {
	try {
		localStorage.setItem(kept, on ? "on" : "off");
	} catch {
		// Storage is blocked: they stay on.
	}
}
