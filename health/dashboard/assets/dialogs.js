import { button, byId, el } from "./dom.js";

const dialog = () => byId("dialog");

// ask shows a form and calls send with its fields. It stays open, with the reason, when send fails.
export function ask({ title, text, fields = [], action, danger = false, send }) {
	const wrong = el("p.wrong", { role: "alert", hidden: true });
	const confirm = el("button", { class: danger ? "danger" : "primary" }, action);
	const form = el("form", { method: "dialog" },
		el("h2", { id: "dialog-title" }, title), text ? el("p", text) : null,
		...fields.map(([label, input]) => el("label", label, input)), wrong,
		el("div.buttons", button("Cancel", () => dialog().close()), confirm));
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		confirm.disabled = true;
		try {
			await send(new FormData(form));
			dialog().close();
		} catch (problem) {
			wrong.textContent = problem.message;
			wrong.hidden = false;
		}
		confirm.disabled = false;
	});
	open(form);
}

// tell shows what needs no answer.
export function tell(title, ...content) {
	open(el("form", { method: "dialog" }, el("h2", { id: "dialog-title" }, title), ...content,
		el("div.buttons", el("button.primary", { autofocus: true }, "Close"))));
}

function open(content) {
	dialog().replaceChildren(content);
	dialog().showModal();
}
