package browsertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// TestNothingScrollsSideways looks at every view on a phone, where names are as long as they come and have no place to
// be broken at.
func TestNothingScrollsSideways(t *testing.T) {
	s := start(t, longNames(t)...)
	p := open(t, 360, 740)
	p.goTo(s.page(""))
	p.fits("the login page")
	p.fill(find("textbox", "Token"), "wrong")
	p.recorder.duringOutage(func() { p.leave(find("button", "Log in")) }) // the browser logs the answer 401
	p.says(find("alert", ""), "not right")
	p.fits("the login page after a wrong token")
	p.showToken()
	p.ready()
	p.exists(chart("queue"))
	p.fits("the overview")

	s.hold(930)
	alert := firing("File descriptors")
	p.exists(alert)
	p.fits("an alert that fires")
	for _, action := range []string{"Silence", "Resolve", "Acknowledge"} {
		p.click(alert.find("button", action))
		p.exists(find("dialog", action))
		p.fits("the dialog " + action)
		p.click(find("dialog", action).find("button", "Cancel"))
	}
	p.click(alert.find("button", "Acknowledge"))
	p.fill(find("dialog", "Acknowledge").find("textbox", "Note"), long)
	p.click(find("dialog", "Acknowledge").find("button", "Acknowledge"))
	p.says(alert, long)
	p.fits("an alert that is acknowledged")

	p.click(find("button", "Keyboard shortcuts"))
	p.fits("the shortcuts")
	p.click(find("dialog", "Keyboard shortcuts").find("button", "Close"))
	p.click(find("button", "Custom"))
	p.fits("the custom range")
	p.click(find("dialog", "Custom range").find("button", "Cancel"))
	p.run(`for (const details of document.querySelectorAll("details")) details.open = true`)
	p.exists(chart("Memory").find("row", "Time"))
	p.fits("the values as tables")
	s.hold(usual)
	p.says(past("File descriptors"), "recovered")
	p.fits("a past alert")
	p.recorder.duringOutage(func() {
		s.stop()
		p.says(find("alert", ""), "Connection lost")
		p.fits("a lost connection")
	})
}

// fits fails unless the view is as wide as the screen. What reaches out is named.
func (p *tab) fits(view string) {
	p.t.Helper()
	const wide = `(() => {
		const { scrollWidth } = document.scrollingElement;
		if (scrollWidth <= innerWidth && innerWidth === 360) return [];
		const out = [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > 360.5 && !node.closest(".scroll"));
		return [scrollWidth + " px", ...out.slice(0, 5).map((node) => node.cloneNode().outerHTML)];
	})()`
	if out := eval[[]string](p, wide); len(out) > 0 {
		p.t.Errorf("%s: got %s, want 360 px", view, strings.Join(out, " "))
	}
	const dialog = `((d) => d === null || d.scrollWidth <= d.clientWidth)(document.querySelector("dialog[open]"))`
	if !eval[bool](p, dialog) {
		p.t.Errorf("%s: the dialog scrolls sideways", view)
	}
}

var long = strings.Repeat("abcdefghijklmnopqrstuvwxyz", 4)

func longNames(t *testing.T) []otelhealth.Option {
	return []otelhealth.Option{
		otelhealth.WithService(long, long, long+" "+long),
		otelhealth.WithDB(long, pool(t, 4, 1, 1)),
		otelhealth.WithWebSocket(long, steady(1, 1)),
		otelhealth.WithSource(otelhealth.Source{
			Name: long, Gauges: []otelhealth.Gauge{{Name: long, Unit: "{" + long + "}"}},
			Sample: func(_ context.Context, observe otelhealth.Observe) error {
				observe(long, 1e15, attribute.String("name", long))
				return nil
			},
		}),
		otelhealth.WithSource(otelhealth.Source{
			Name: "failing", Gauges: []otelhealth.Gauge{{Name: "never"}},
			Sample: func(context.Context, otelhealth.Observe) error { return errors.New(long) },
		}),
		otelhealth.WithRules(alerting.Rule{Name: long[:60], Metric: long, Warn: alerting.At(1e16)}),
		otelhealth.WithCheck(otelhealth.Check{
			Name: long[:60], Kind: "service", Probe: func(context.Context) error { return fmt.Errorf("dial tcp: %s", long) },
		}),
	}
}
