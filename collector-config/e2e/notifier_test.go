package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// deaf is a destination that takes nothing.
type deaf struct{}

func (deaf) Name() string                                        { return "deaf" }
func (deaf) Notify(context.Context, alerting.Notification) error { return errors.New("not now") }

// The two metrics that the quickstart does not have, of a monitor in this process.
func TestMetricsOfNotifiersAndFailures(t *testing.T) {
	t.Parallel()
	s := startMetrics(t)
	monitor := startMonitor(t, s.agent.otlp)

	for _, name := range elsewhere {
		at, want := awaitReadings(t, monitor, name)
		for _, info := range health.Vocabulary() {
			if info.Name == name {
				s.prometheus.awaitSamples(t, info, at, want)
			}
		}
	}
}

// A monitor that is asked to makes each run of a check a span, failed where the run was.
func TestRunsOfChecksAreSpans(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.jaeger.begin(t)
	s.gateway.begin(t)
	s.agent.begin(t)
	identity, err := otelhealth.NewResource(t.Context(), notifying)
	if err != nil {
		t.Fatal(err)
	}
	startMonitor(t, s.agent.otlp,
		otelhealth.WithTracerProvider(newTracerProvider(t, s.agent.otlp, identity)),
		otelhealth.WithCheckSpans(),
		otelhealth.WithCheck(otelhealth.Check{
			Name: "stock", Kind: "service", Probe: func(context.Context) error { return errors.New("sold out") },
		}),
	)
	run := s.jaeger.awaitSpan(t, time.Minute, "notifying", func(s *span) bool { return s.OperationName == "check stock" })
	for key, want := range map[string]any{"otelhealth.check.kind": "service", "otel.status_code": "ERROR"} {
		if got := run.tag(key); got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
}

// notifying is what the monitor in this process is called.
var notifying = otelhealth.WithService("notifying", "1.0", "")

func startMonitor(t *testing.T, endpoint string, more ...otelhealth.Option) *otelhealth.Monitor {
	t.Helper()
	always := alerting.Rule{Name: "always", Metric: health.MetricThreads, Warn: alerting.At(1)}
	monitor, err := otelhealth.Start(t.Context(), append(more,
		notifying,
		otelhealth.WithInterval(time.Second),
		otelhealth.WithoutHistory(),
		otelhealth.WithOTLP(otlpmetricgrpc.WithEndpointURL("http://"+endpoint)),
		otelhealth.WithNotifier(deaf{}),
		otelhealth.WithRules(always),
		otelhealth.WithSource(otelhealth.Source{
			Name:   "broken",
			Gauges: []otelhealth.Gauge{{Name: "test.gauge", Unit: "1"}},
			Sample: func(context.Context, otelhealth.Observe) error { return errors.New("broken") },
		}),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := monitor.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return monitor
}

// awaitReadings returns what the monitor has of a metric, once one of its readings is above 0.
func awaitReadings(t *testing.T, monitor *otelhealth.Monitor, name string) (at time.Time, values map[string]float64) {
	t.Helper()
	await(t, time.Minute, name+" is above 0", func() error {
		snapshot := monitor.Snapshot()
		if snapshot == nil {
			return errors.New("got no snapshot")
		}
		at, values = snapshot.Time, make(map[string]float64)
		for reading := range snapshot.All(name) {
			values[seriesKey(name, labels(reading.Attributes))] = reading.Value
		}
		for _, value := range values {
			if value > 0 {
				return nil
			}
		}
		return fmt.Errorf("got %v", values)
	})
	return at, values
}

func labels(set attribute.Set) map[string]string {
	labels := make(map[string]string)
	for _, attribute := range set.ToSlice() {
		labels[string(attribute.Key)] = attribute.Value.AsString()
	}
	return labels
}

// awaitSamples waits until Prometheus has exactly these values of a metric at a time.
func (p *prometheus) awaitSamples(t *testing.T, info health.MetricInfo, at time.Time, want map[string]float64) {
	t.Helper()
	selector := prometheusName(t, info) + `{job="notifying"}`
	await(t, time.Minute, "Prometheus has "+selector, func() error {
		stored, err := p.raw(selector)
		if err != nil {
			return err
		}
		got := make(map[string]float64)
		for _, series := range stored {
			for _, sample := range series.Values {
				if sample.Timestamp.Time().Equal(at) {
					got[seriesKey(info.Name, ownLabels(series.Metric))] = float64(sample.Value)
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("got %v at %s, want %v", got, at, want)
		}
		return nil
	})
}
