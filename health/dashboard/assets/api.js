const patience = 10_000; // ms

export async function ask(path, { signal, ...options } = {}) {
	let response;
	const over = AbortSignal.timeout(patience);
	try {
		response = await fetch(path, { cache: "no-store", signal: signal ? AbortSignal.any([signal, over]) : over, ...options });
	} catch (error) {
		throw error.name === "AbortError" ? error : new Error("The service cannot be reached");
	}
	if (response.ok) return response;
	// What stands before the service answers in its own way.
	const { detail } = await response.json().catch(() => ({}));
	const seconds = Number(response.headers.get("Retry-After")) || 0;
	throw Object.assign(new Error(detail || `HTTP ${response.status}`), { status: response.status, retryAfter: seconds * 1000 });
}

export const get = async (path, signal) => (await ask(path, { signal })).json();

export const post = (path, fields) => ask(path, {
	method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields),
});

export const iso = (time) => new Date(time).toISOString();

export const query = (fields) => "?" + new URLSearchParams(fields);

export const between = ([from, to]) => ({ from: iso(from), to: iso(to) });
