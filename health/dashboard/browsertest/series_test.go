package browsertest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// line is the sparkline of a card.
func line(title string) string {
	return string(card(title)) + `.querySelector(".spark path").getAttribute("d")`
}

// TestSumOfSeriesHasItsLine has a rule over the sum of two series, and one over those of them that bear an attribute.
func TestSumOfSeriesHasItsLine(t *testing.T) {
	s := start(t, otelhealth.WithRules(alerting.Rule{
		Name: "amended", Metric: "orders.queue.length", Where: []attribute.KeyValue{attribute.String("queue", "amended")}, Fail: alerting.At(500),
	}))
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=7d"))
	for _, title := range []string{"queue", "amended", "Stuck"} {
		p.until(line(title) + `.length > 0`)
	}
	p.says(chart("queue"), "warn 100")
	p.exists(chart("queue").find("button", "total"))
	if p.run(`globalThis.lines = [` + line("queue") + `, ` + line("amended") + `]`); eval[bool](p, `lines[0] === lines[1]`) {
		t.Error("the line of the sum is that of a part")
	}
	type values struct{ Min, Mean, Max []*float64 }
	got := eval[values](p, `import(document.querySelector("script[type=module]").src.replace("main", "series")).then(({ total }) => {
		const one = { times: [0, 10, 20, 30], step: 10, mean: [1, null, 3, null] }, other = { ...one, mean: [10, 20, null, null] };
		return total([one, other]);
	})`)
	for name, sum := range map[string][]*float64{"min": got.Min, "mean": got.Mean, "max": got.Max} {
		if text := fmt.Sprint(numbers(sum)); text != "[11 20 3 none]" {
			t.Errorf("%s: got %s, want the sums of what is there", name, text)
		}
	}
}

func numbers(values []*float64) (texts []string) {
	for _, value := range values {
		text := "none"
		if value != nil {
			text = fmt.Sprint(*value)
		}
		texts = append(texts, text)
	}
	return texts
}

// TestRateHasItsLine has a rule over how fast the sum of two series grows.
func TestRateHasItsLine(t *testing.T) {
	served := 0.0
	source := otelhealth.Source{
		Name: "served", Gauges: []otelhealth.Gauge{{Name: "orders.served", Unit: "{order}"}},
		Sample: func(_ context.Context, observe otelhealth.Observe) error {
			served++
			observe("orders.served", served, attribute.String("kind", "new"))
			observe("orders.served", 2*served, attribute.String("kind", "amended"))
			return nil
		},
	}
	rule := alerting.Rule{Name: "served", Metric: "orders.served", Measure: alerting.RatePerMinute, Fail: alerting.At(900)}
	s := start(t, otelhealth.WithSource(source), otelhealth.WithRules(rule))
	s.remembers("orders.served")
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=15m"))
	p.says(chart("served"), "fail 900")
	p.until(line("served") + `.split("L").length > 3`)
	const reading = `.querySelector(".reading").textContent`
	total := string(chart("served").find("button", "total")) + reading // three a sample, two samples a second
	p.until(total + ` > 300 && ` + total + ` < 420`)
	p.says(card("served"), "orders/min")

	type values struct{ Mean []*float64 }
	for name, test := range map[string]struct{ count, max, want string }{
		"a counter that began anew": {"[1, 1, 1, 1]", "[100, 130, 5, 20]", "[none 180 none 90]"},
		"a gauge that falls":        {"[1, 1, 1]", "[100, 90, 60]", "[none -60 -180]"},
		"a gap":                     {"[1, 0, 1, 1]", "[0, null, 20, 30]", "[none none none 60]"},
		"a last part":               {"[6, 6, 5]", "[10, 20, 25]", "[none 60 none]"},
	} {
		got := eval[values](p, `import(document.querySelector("script[type=module]").src.replace("main", "series"))
			.then(({ perMinute }) => perMinute({ times: [0, 10_000, 20_000, 30_000], count: `+test.count+`, max: `+test.max+` }))`)
		if text := fmt.Sprint(numbers(got.Mean)); text != test.want {
			t.Errorf("%s: got %s, want %s", name, text, test.want)
		}
	}
}

// TestSeriesOfARuleIsItsOwn has a rule that judges each series by itself, of which one has the attributes of another and
// one more.
func TestSeriesOfARuleIsItsOwn(t *testing.T) {
	level := 0.0
	source := otelhealth.Source{
		Name: "lag", Gauges: []otelhealth.Gauge{{Name: "orders.lag", Unit: "{order}"}},
		Sample: func(_ context.Context, observe otelhealth.Observe) error {
			level++
			observe("orders.lag", 5, attribute.String("tenant", "a"))
			observe("orders.lag", level, attribute.String("tenant", "a"), attribute.String("region", "eu"))
			return nil
		},
	}
	rule := alerting.Rule{Name: "lag", Metric: "orders.lag", Per: alerting.AttributeSet, Fail: alerting.At(1e6)}
	s := start(t, otelhealth.WithSource(source), otelhealth.WithRules(rule))
	s.remembers("orders.lag")
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=15m"))
	const lines = `[...document.querySelectorAll("[data-card^='lag:']")].map((card) => card.querySelector(".spark path").getAttribute("d"))`
	p.until(lines + `.filter((d) => d.split("L").length > 3).length === 2`)
	flat := lines + `.map((d) => new Set(d.split(/[ML]/).filter(Boolean).map((point) => point.split(" ")[1])).size === 1)`
	if got := eval[[]bool](p, flat); !slices.Contains(got, true) || !slices.Contains(got, false) {
		t.Errorf("got lines of which these are flat: %v, want one that is and one that is not", got)
	}
}

// TestRuleOverTheModulesOwnMetricIsLive has one whose metric has no section in what the page is sent.
func TestRuleOverTheModulesOwnMetricIsLive(t *testing.T) {
	s := start(t, otelhealth.WithRules(alerting.Rule{Name: "heap", Metric: "go.memory.used", Fail: alerting.At(1e12)}))
	s.remembers("go.memory.used")
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=15m"))
	legend := chart("heap").find("list", "")
	p.says(legend, "MiB")
	for range 3 {
		p.run(`globalThis.seen = ` + shownTime)
		p.until(shownTime + ` > seen`)
		p.says(legend, "MiB")
	}
	if text := p.text(legend); containsWords(text, "no data") {
		t.Errorf("got %q", text)
	}
}

// TestManyMetricsTakeFewRequests has twenty of five series each.
func TestManyMetricsTakeFewRequests(t *testing.T) {
	var options []otelhealth.Option
	for n := range 20 {
		options = append(options, withTenants(fmt.Sprintf("lag%02d", n), 5)...)
	}
	s := start(t, options...)
	s.remembers("orders.lag00", "orders.lag19")
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=15m"))
	for n := range 20 {
		p.exists(chart(fmt.Sprintf("lag%02d", n)).find("button", "tenant 4"))
	}
	const requests = `performance.getEntriesByType("resource").filter((entry) => /history.*series=(?!overall)/.test(entry.name)).length`
	if got := eval[int](p, requests); got > 12 {
		t.Errorf("got %d requests for the history, want four or so at each of two or three loads", got)
	}
}

// A proxy's answer without JSON, over HTTP/2 where no text comes with the status.
const proxyFails = `(() => {
	const real = globalThis.fetch;
	globalThis.fetch = (path, options) => (path.startsWith("api/alerts") ? new Response("<h1>no</h1>", { status: 502 }) : real(path, options));
})()`

func TestAnswerWithoutATextIsNoSuccess(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.beforeScripts(proxyFails)
	p.logIn(s.page(""))
	p.says(find("region", "Alerts"), "HTTP 502")
	if text := p.text(find("region", "Alerts")); containsWords(text, "Nothing is firing") {
		t.Errorf("got %q", text)
	}
}

// TestManySeriesBlankNoChart has metrics whose series are together more than one answer of the API may hold, and one that
// has too many by itself.
func TestManySeriesBlankNoChart(t *testing.T) {
	s := start(t, slices.Concat(withTenants("lag", 60), withTenants("backlog", 60), withTenants("crowd", 101))...)
	s.remembers("orders.lag", "orders.backlog", "orders.crowd")
	p := open(t, 1440, 1000)
	p.recorder.callsFail() // the browser logs the answer 400, at each load
	p.logIn(s.page("?range=15m"))
	for title, label := range map[string]string{"lag": "tenant 59", "backlog": "tenant 59", "Database": "orders, in use", "queue": "amended"} {
		p.exists(chart(title).find("button", label))
	}
	p.says(find("region", "Charts"), "Not all charts could be read")
	p.says(find("region", "Charts"), "at most 100 series")
	p.gone(chart("crowd"))
}

// withTenants adds a source with a metric of so many series, and a rule of the same name.
func withTenants(name string, series int) []otelhealth.Option {
	metric := "orders." + name
	source := otelhealth.WithSource(otelhealth.Source{
		Name: name, Gauges: []otelhealth.Gauge{{Name: metric, Unit: "{order}"}},
		Sample: func(_ context.Context, observe otelhealth.Observe) error {
			for i := range series {
				observe(metric, float64(i), attribute.String("tenant", fmt.Sprintf("tenant %d", i)))
			}
			return nil
		},
	})
	rules := otelhealth.WithRules(alerting.Rule{Name: name, Metric: metric, Fail: alerting.At(1e6)})
	return []otelhealth.Option{source, rules}
}
