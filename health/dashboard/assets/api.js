// Problem is an answer that is none, or none at all (status 0).
export class Problem extends Error {
	constructor(status, message, retryAfter = 0) {
		super(message);
		this.status = status;
		this.retryAfter = retryAfter; // seconds
	}
}

async function ask(path, options) {
	let response;
	try {
		response = await fetch(path, { cache: "no-store", ...options });
	} catch (error) {
		if (error.name === "AbortError") throw error;
		throw new Problem(0, "The service cannot be reached");
	}
	if (response.ok) return response;
	let detail = response.statusText;
	try {
		const body = await response.json();
		detail = body.detail ?? body.message ?? detail;
	} catch {
		// What stands before the service answers in its own way.
	}
	throw new Problem(response.status, detail, Number(response.headers.get("Retry-After")) || 0);
}

export async function get(path, options) {
	return (await ask(path, options)).json();
}

// getDated also returns the server's time of the answer, in milliseconds; NaN where it says none.
export async function getDated(path) {
	const response = await ask(path);
	return [await response.json(), Date.parse(response.headers.get("Date"))];
}

export async function post(path, fields) {
	const response = await ask(path, {
		method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields),
	});
	return response.json();
}

export const query = (fields) => {
	const q = new URLSearchParams();
	for (const [name, value] of Object.entries(fields)) for (const v of [value].flat()) q.append(name, v);
	return q.toString();
};

export const iso = (time) => new Date(time).toISOString();
