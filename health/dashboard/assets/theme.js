// Runs before the page is painted: no flash of the other theme.
try {
	const theme = localStorage.getItem("health-theme");
	if (theme) document.documentElement.dataset.theme = theme;
} catch {} // storage is blocked
