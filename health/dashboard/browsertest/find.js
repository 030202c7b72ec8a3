// What the tests find in the page, and how: as people and screen readers do, by role, name and text.
globalThis.browsertest = (() => {
	const roles = {
		alert: "[role=alert]",
		article: "article",
		button: "button",
		checkbox: "[type=checkbox]",
		combobox: "select",
		dialog: "dialog[open]",
		group: "[role=group]",
		heading: "h1, h2, h3",
		link: "a[href]",
		list: "ul, dl",
		listitem: "li",
		region: "section, [role=region]",
		row: "tr",
		slider: "[role=slider]",
		status: "[role=status]",
		summary: "summary",
		textbox: "input:not([type=checkbox], [type=hidden]), textarea",
	};
	const focusable = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
	const words = (text) => text.trim().replace(/\s+/g, " ");
	const ownText = (node) => [...node.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.data).join(" ");

	function nameOf(node) {
		const by = node.getAttribute("aria-labelledby");
		if (by) return words(by.split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" "));
		if (node.hasAttribute("aria-label")) return words(node.getAttribute("aria-label"));
		return words(node.labels?.length ? ownText(node.labels[0]) : node.textContent);
	}

	// find returns the first element of the role that is seen, and whose name is or begins with the text.
	function find(role, name, within = document) {
		const seen = [...(within?.querySelectorAll(roles[role]) ?? [])].filter((node) => node.checkVisibility({ visibilityProperty: true }));
		return seen.find((node) => nameOf(node) === name) ?? seen.find((node) => nameOf(node).startsWith(name)) ?? null;
	}

	// place scrolls to an element, and returns where its middle is when it has come to rest.
	async function place(node) {
		node.scrollIntoView({ block: "center", behavior: "instant" });
		let before, box;
		do {
			before = box;
			await new Promise(requestAnimationFrame);
			box = node.getBoundingClientRect();
		} while (box.x !== before?.x || box.y !== before.y);
		return { x: box.x + box.width / 2, y: box.y + box.height / 2, left: box.x, width: box.width };
	}

	const text = (node) => words(node?.innerText ?? "");
	const reachable = (within = document) =>
		[...within.querySelectorAll(focusable)].filter((node) => !node.disabled && node.tabIndex >= 0 && node.checkVisibility({ visibilityProperty: true }));

	return { find, nameOf, place, reachable, text };
})();
