const SVG = "http://www.w3.org/2000/svg";

// el makes an element from "tag.class.class", attributes if the next is an object of them, and children. Attributes that
// begin with "on" are handlers; false and null leave an attribute or a child out.
export function el(name, ...rest) {
	const [tag, ...classes] = name.split(".");
	const node = ["svg", "use", "path"].includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
	node.classList.add(...classes);
	const attributes = rest[0]?.constructor === Object ? rest.shift() : {};
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith("on")) node[name] = value;
		else if (value != null && value !== false) set(node, name, String(value));
	}
	node.append(...present(rest));
	return node;
}

const present = (children) => children.flat().filter((child) => child != null && child !== false);

// set writes a style by its property: the policy forbids the attribute.
function set(node, name, value) {
	if (node.getAttribute(name) === value) return;
	if (name === "style") node.style.cssText = value;
	else node.setAttribute(name, value);
}

// fill gives the parent these children. What is there, by its id or else its place, is made like the new one: it keeps
// focus and selection.
export function fill(parent, ...children) {
	const wanted = present(children);
	for (const child of [...parent.children]) if (child.id && !wanted.some(({ id }) => id === child.id)) child.remove(); // none that stays is moved
	wanted.forEach((child, i) => {
		const next = child.nodeType ? child : new Text(child);
		const here = parent.childNodes[i];
		const old = next.id ? byId(next.id) : here;
		const kept = old?.nodeName === next.nodeName && old.id === next.id ? old : next;
		if (kept !== next) imitate(kept, next);
		if (kept !== here) parent.insertBefore(kept, here ?? null);
	});
	while (parent.childNodes.length > wanted.length) parent.lastChild.remove();
}

function imitate(node, next) {
	if (next.nodeType === Node.TEXT_NODE) {
		if (node.data !== next.data) node.data = next.data;
		return;
	}
	for (const name of node.getAttributeNames()) if (!next.hasAttribute(name)) node.removeAttribute(name);
	for (const name of next.getAttributeNames()) set(node, name, next.getAttribute(name));
	node.onclick = next.onclick;
	fill(node, ...next.childNodes);
}

export const byId = (id) => document.getElementById(id);

export const button = (text, onclick, attributes) => el("button", { type: "button", onclick, ...attributes }, text);

export const sign = (status) => el("svg.sign." + status, { "aria-hidden": true }, el("use", { href: "#" + status }));

export const table = (label, head, rows) => el("div.scroll", { tabindex: 0, role: "region", "aria-label": label },
	el("table", el("thead", el("tr", head)), el("tbody", rows)));

let said = [];

export function say(text) {
	if (said.push(text) > 1) return;
	setTimeout(() => {
		byId("said").textContent = said.join(" ");
		said = [];
	}, 100);
}

export function stored(use) {
	try {
		return use(localStorage);
	} catch {} // it is blocked
}
