browsertest.focusFaults = (() => {
	const order = [], faults = [];

	document.addEventListener("focusin", ({ target }) => {
		const name = browsertest.nameOf(target);
		if (order.length > 0 && !isBehind(order.at(-1), target)) faults.push(`${name} is out of order`);
		if (!isInView(target)) faults.push(`${name} has the focus out of view`);
		if (!showsFocus(target)) faults.push(`${name} does not show the focus`);
		order.push(target);
	});

	const isBehind = (before, node) => before.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING;

	function isInView(node) {
		const { top, bottom } = node.getBoundingClientRect();
		return bottom > 0 && top < innerHeight;
	}

	function showsFocus(node) {
		const { outlineStyle, outlineWidth } = getComputedStyle(node);
		return node.matches(":focus-visible") && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
	}

	return () => {
		const missed = browsertest.reachable().filter((node) => !order.includes(node));
		return faults.concat(missed.map((node) => `${browsertest.nameOf(node)} is not reached`));
	};
})();
