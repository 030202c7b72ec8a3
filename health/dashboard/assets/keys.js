import { tell } from "./dialogs.js";
import { byId, el, keep, kept } from "./dom.js";
import { change, spans, view } from "./view.js";

const isOn = () => kept("keys") !== "off";

const inChart = [["← →", "Move the crosshair, with Shift faster"], ["+ −", "Zoom in or out"], ["Home End", "Ends of the range"]];

const entries = (list) => el("dl.keys", ...list.map(([key, text]) => el("div", el("dt", el("kbd", key)), el("dd", text))));

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
		const box = el("input", { type: "checkbox", onchange: (event) => keep("keys", event.target.checked ? "on" : "off") });
		box.checked = isOn();
		tell("Keyboard shortcuts", entries(Object.entries(keys).map(([key, [text]]) => [key, text])), el("h3", "On a chart"), entries(inChart),
			el("label.check", box, "Single keys are on"));
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
