// el makes an element. Attributes that begin with "on" are listeners; false and null leave one out.
export function el(tag, attributes = {}, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
		else if (value === true) node.setAttribute(name, "");
		else if (value !== false && value != null) node.setAttribute(name, value);
	}
	node.append(...children.filter((child) => child != null));
	return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
	const node = document.createElementNS(SVG, tag);
	for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
	node.append(...children);
	return node;
}

// sign is the picture of a status: each has a shape of its own.
export const sign = (status) => svg("svg", { class: "sign", "aria-hidden": "true" }, svg("use", { href: "#" + status }));

export const byId = (id) => document.getElementById(id);

// setText leaves a text alone that is the same, so that a selection stays.
export function setText(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
	if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// arrange puts the nodes into the parent in that order, and moves none that is in its place.
export function arrange(parent, nodes) {
	const kept = new Set(nodes);
	for (const node of [...parent.children]) if (!kept.has(node)) node.remove();
	nodes.forEach((node, i) => {
		if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null);
	});
}

let said;

// say tells screen readers what happened.
export function say(text) {
	clearTimeout(said);
	byId("said").textContent = text;
	said = setTimeout(() => { byId("said").textContent = ""; }, 10_000);
}
