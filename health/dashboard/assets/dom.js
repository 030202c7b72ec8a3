// el makes an element from "tag.class.class", attributes if the next is an object of them, and children. Attributes that
// begin with "on" are listeners; false and null leave an attribute or a child out.
export function el(name, ...rest) {
	const [tag, ...classes] = name.split(".");
	const node = document.createElement(tag);
	node.classList.add(...classes);
	const attributes = rest[0]?.constructor === Object ? rest.shift() : {};
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
		else if (value != null && value !== false) node.setAttribute(name, value === true ? "" : value);
	}
	node.append(...rest.filter((child) => child != null));
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

export function set(node, name, value) {
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

// kept and keep remember a choice in this browser, unless its storage is blocked.
export function kept(name) {
	try {
		return localStorage.getItem("health-" + name);
	} catch {
		return null;
	}
}

export function keep(name, value) {
	try {
		localStorage.setItem("health-" + name, value);
	} catch {
		// It lasts as long as the page.
	}
}

export const button = (text, onclick) => el("button", { type: "button", onclick }, text);

// scroller lets a table scroll in itself, by keyboard too.
export const scroller = (label, table) => el("div.scroll", { tabindex: 0, role: "region", "aria-label": label }, table);
