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

// TestNothingScrollsSideways looks at every view on a phone, where names are as long as they come.
func TestNothingScrollsSideways(t *testing.T) {
	s := start(t, longNames(t)...)
	p := open(t, 360, 740)
	p.throughEveryView(s, p.fits)
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
