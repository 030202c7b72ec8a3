package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/otelhealth/otelhealth-go/health"
)

// A breach in the service is an alert in Prometheus and in Alertmanager, and a span in Jaeger, while it still lasts; and
// once it is over the second span tells how long it was.
func TestBreachIsSeenEverywhere(t *testing.T) {
	t.Parallel()
	s := startAll(t)
	service := startService(t, exportTo(s.agent.otlp)...)
	service.plant("files", 950)

	span := s.jaeger.awaitSpan(t, time.Minute, "quickstart", isAlert("alert firing"))
	s.prometheus.awaitAlert(t, "InstanceStatus", health.RuleFD)
	s.alertmanager.awaitNotice(t, "InstanceStatus", health.RuleFD)
	if rules := service.firing(); !slices.Contains(rules, health.RuleFD) {
		t.Fatalf("the alert is over already: %v fire", rules)
	}
	if span.Duration != 0 {
		t.Errorf("the span of an alert that fires lasts %d µs, want no length", span.Duration)
	}

	service.plant("files", 0)
	over := s.jaeger.awaitSpan(t, time.Minute, "quickstart", isAlert("alert resolved"))
	if lasted := time.Duration(over.Duration) * time.Microsecond; lasted < time.Second || lasted > 5*time.Minute {
		t.Errorf("the span of the whole alert lasts %s, want the time that it fired", lasted)
	}
}

func isAlert(operation string) func(*span) bool {
	return func(s *span) bool {
		return s.OperationName == operation && s.tag(health.AttrComponent) == health.RuleFD
	}
}

// awaitAlert waits until Prometheus fires the alert about a component.
func (p *prometheus) awaitAlert(t *testing.T, name, component string) {
	t.Helper()
	await(t, 2*time.Minute, "Prometheus fires "+name, func() error {
		result, err := p.Alerts(context.Background())
		if err != nil {
			return err
		}
		var others []string
		for _, alert := range result.Alerts {
			if alert.State == promv1.AlertStateFiring && string(alert.Labels["alertname"]) == name && string(alert.Labels["component"]) == component {
				return nil
			}
			others = append(others, fmt.Sprint(alert.Labels, alert.State))
		}
		return fmt.Errorf("got %q", others)
	})
}

// awaitNotice waits until Alertmanager has the alert about a component, for those that it is to wake.
func (a *alertmanager) awaitNotice(t *testing.T, name, component string) {
	t.Helper()
	await(t, time.Minute, "Alertmanager has "+name, func() error {
		notices, err := a.notices()
		if err != nil {
			return err
		}
		for _, n := range notices {
			if n.Labels["alertname"] != name || n.Labels["component"] != component {
				continue
			}
			if n.Status.State != "active" || len(n.Receivers) != 1 || n.Receivers[0].Name != "pager" {
				return fmt.Errorf("got it as %+v, want it active and for the pager", n)
			}
			return nil
		}
		return fmt.Errorf("got %+v", notices)
	})
}
