async function ask(path, options) {
	let response;
	try {
		response = await fetch(path, { cache: "no-store", ...options });
	} catch (error) {
		throw error.name === "AbortError" ? error : new Error("The service cannot be reached");
	}
	if (response.ok) return response;
	// What stands before the service answers in its own way.
	const { detail = response.statusText } = await response.json().catch(() => ({}));
	const seconds = Number(response.headers.get("Retry-After")) || 0;
	throw Object.assign(new Error(detail), { status: response.status, retryAfter: seconds * 1000 });
}

export async function get(path, { signal } = {}) {
	return (await ask(path, { signal })).json();
}

// getDated also returns the server's time of the answer, in milliseconds; NaN where it says none.
export async function getDated(path) {
	const response = await ask(path);
	return [await response.json(), Date.parse(response.headers.get("Date"))];
}

export const post = (path, fields) => ask(path, {
	method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields),
});

export const iso = (time) => new Date(time).toISOString();

export const query = (fields) => "?" + new URLSearchParams(fields);

// between are the fields of a range.
export const between = ([from, to]) => ({ from: iso(from), to: iso(to) });
