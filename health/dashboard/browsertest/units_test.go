package browsertest

import "testing"

func TestUnitsAreRead(t *testing.T) {
	s := start(t)
	p := open(t, 1280, 800)
	p.logIn(s.page(""))
	for amount, want := range map[string]string{
		`1, "{query}"`:        "1 query",
		`2, "{query}"`:        "2 queries",
		`0, "{key}"`:          "0 keys",
		`2, "{process}"`:      "2 process",
		`3, "{open_order}"`:   "3 open orders",
		`6, "{request}/min"`:  "6 requests/min",
		`0.25, "%"`:           "25 %",
		`1.5, "MiBy"`:         "1.5 MiB",
		`3 * 2 ** 30, "By"`:   "3,072 MiB",
		`0.0042, "s"`:         "4.2 ms",
		`null, "s"`:           "– ",
		`12345678, "furlong"`: "12,345,678 furlong",
	} {
		got := eval[string](p, `import(document.querySelector("script[type=module]").src.replace("main", "format"))
			.then(({ quantity }) => quantity(`+amount+`).join(" "))`)
		if got != want {
			t.Errorf("%s: got %q, want %q", amount, got, want)
		}
	}
}
