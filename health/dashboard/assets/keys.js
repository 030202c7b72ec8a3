import { tell } from "./dialogs.js";
import { byId, el, stored } from "./dom.js";
import { nextTheme, nextZone } from "./toolbar.js";
import { follow, spans } from "./view.js";

const go = (id) => () => {
	byId(id).scrollIntoView();
	byId(id).focus({ preventScroll: true });
};

const keys = {
	a: ["Alerts", go("alerts")], n: ["Numbers now", go("cards")], c: ["Charts", go("charts")], s: ["Tables", go("tables")],
	t: ["Next theme", nextTheme], u: ["UTC or local time", nextZone], e: ["Export the shown range", () => byId("export")?.click()],
	0: ["Back to the live range", () => follow()], "?": ["This list", help],
};
Object.keys(spans).forEach((range, i) => { keys[i + 1] = [`Last ${range}`, () => follow(range)]; });

const inChart = { "← →": ["Move the crosshair, with Shift faster"], "+ −": ["Zoom in or out"], "Home End": ["Ends of the range"] };

// Who dictates to the browser may switch single keys off.
const isOn = () => stored((storage) => storage.getItem("health-keys")) !== "off";

function help() {
	const list = (of) => el("dl.keys", Object.entries(of).map(([key, [text]]) => el("div", el("dt", el("kbd", key)), el("dd", text))));
	const box = el("input", { type: "checkbox", checked: isOn(), onchange: () => stored((storage) => storage.setItem("health-keys", box.checked ? "on" : "off")) });
	tell("Keyboard shortcuts", list(keys), el("h3", "On a chart"), list(inChart), el("label.check", box, "Single keys are on"));
}

byId("help").onclick = help;
document.onkeydown = (event) => {
	if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("dialog, input, textarea, select")) return;
	if (!Object.hasOwn(keys, event.key) || (event.key !== "?" && !isOn())) return;
	event.preventDefault();
	keys[event.key][1]();
};
