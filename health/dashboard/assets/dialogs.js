import { button, byId, el } from "./dom.js";

const close = () => byId("dialog").close();

// ask shows a form and calls send with its fields. It stays open, with the reason, when send fails.
export function ask({ title, text, fields, action, kind = "primary", send }) {
	const wrong = el("p.wrong", { role: "alert" });
	const confirm = el("button." + kind, action);
	open(title, async (form) => {
		confirm.disabled = true;
		try {
			await send(form);
			close();
		} catch (problem) {
			wrong.textContent = problem.message;
		}
		confirm.disabled = false;
	}, el("p", text), fields.map(([label, input]) => el("label", label, input)), wrong, el("div.buttons", button("Cancel", close), confirm));
}

export function tell(title, ...content) {
	open(title, close, ...content, el("div.buttons", el("button.primary", { autofocus: true }, "Close")));
}

function open(title, submit, ...content) {
	const onsubmit = (event) => {
		event.preventDefault();
		submit(new FormData(event.target));
	};
	byId("dialog").replaceChildren(el("form", { onsubmit }, el("h2", { id: "dialog-title" }, title), ...content));
	byId("dialog").showModal();
}
