// Runs before the page is painted, so that the chosen theme does not follow a flash of the other.
try {
	const kept = localStorage.getItem("health-theme");
	if (kept) document.documentElement.dataset.theme = kept;
} catch {
	// Storage is blocked: the system's theme it is.
}
