package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
)

// jaeger is a Jaeger with the shipped configuration.
type jaeger struct {
	*process
	otlp        string // address of its OTLP receiver, gRPC
	query       string
	telemetry   string
	health      string
	folder      string
	config      string
	environment []string
}

// newJaeger lays one out and does not start it.
func newJaeger(t *testing.T, prometheusAddress string) *jaeger {
	t.Helper()
	config, err := filepath.Abs(filepath.Join(configurations, "jaeger", "jaeger.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	j := &jaeger{
		otlp: freeAddress(t), query: freeAddress(t), telemetry: freeAddress(t), health: freeAddress(t),
		folder: t.TempDir(), config: config,
	}
	j.environment = []string{
		"LISTEN_HOST=127.0.0.1",
		"HEALTH_PORT=" + portOf(t, j.health),
		"OTLP_GRPC_PORT=" + portOf(t, j.otlp),
		"QUERY_HTTP_PORT=" + portOf(t, j.query),
		"QUERY_GRPC_PORT=" + portOf(t, freeAddress(t)),
		"TELEMETRY_PORT=" + portOf(t, j.telemetry),
		"PROMETHEUS_URL=http://" + prometheusAddress,
	}
	return j
}

func (j *jaeger) begin(t *testing.T) {
	t.Helper()
	j.process = start(t, j.folder, filepath.Join(programs.stack, "jaeger"), j.environment, "--config="+j.config)
	await(t, 30*time.Second, "Jaeger is ready", func() error {
		if err := j.alive(); err != nil {
			return err
		}
		_, err := fetch("GET", "http://"+j.query+"/api/services")
		return err
	})
}

// refuse puts something in the place of a Jaeger that is gone: it refuses every span for good.
func (j *jaeger) refuse(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", j.otlp)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, grpc.NewServer(), listener) // it has no service, and says so
}

// span is one as Jaeger's API shows it.
type span struct {
	OperationName string
	Duration      int64 // microseconds
	Tags          []struct {
		Key   string
		Value any
	}
}

// tag returns the value of an attribute; nil: the span does not have it.
func (s *span) tag(key string) any {
	for _, tag := range s.Tags {
		if tag.Key == key {
			return tag.Value
		}
	}
	return nil
}

// awaitSpan waits for a span of the service that fits.
func (j *jaeger) awaitSpan(t *testing.T, within time.Duration, service string, fits func(*span) bool) (found span) {
	t.Helper()
	await(t, within, "Jaeger shows the span", func() error {
		spans, err := j.spans(service, nil)
		if err != nil {
			return err
		}
		var names []string
		for n := range spans {
			if fits(&spans[n]) {
				found = spans[n]
				return nil
			}
			names = append(names, spans[n].OperationName)
		}
		return fmt.Errorf("got the spans %q", names)
	})
	return found
}

// spans returns those of a service's newest traces, of which one span has the tags.
func (j *jaeger) spans(service string, tags map[string]string) ([]span, error) {
	query := url.Values{"service": {service}, "limit": {"1000"}, "lookback": {"1h"}}
	if tags != nil {
		encoded, err := json.Marshal(tags)
		if err != nil {
			return nil, err
		}
		query.Set("tags", string(encoded))
	}
	body, err := fetch("GET", "http://"+j.query+"/api/traces?"+query.Encode())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data []struct{ Spans []span }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	var spans []span
	for _, trace := range answer.Data {
		spans = append(spans, trace.Spans...)
	}
	if len(spans) == 0 {
		return nil, errors.New("got no span of " + service)
	}
	return spans, nil
}

// awaitNumbers waits until Jaeger shows, as its Monitor page does, that a service is called and how long that takes.
func (j *jaeger) awaitNumbers(t *testing.T, service string) {
	t.Helper()
	for _, kind := range []string{"calls", "latencies"} {
		await(t, time.Minute, "Jaeger shows "+kind, func() error { return j.hasNumbers(kind, service) })
	}
}

// hasNumbers returns an error unless a number of the service's requests is above 0.
func (j *jaeger) hasNumbers(kind, service string) error {
	query := url.Values{
		"service": {service}, "spanKind": {"server"}, "quantile": {"0.95"},
		"lookback": {"300000"}, "step": {"5000"}, "ratePer": {"60000"}, // milliseconds
	}
	body, err := fetch("GET", "http://"+j.query+"/api/metrics/"+kind+"?"+query.Encode())
	if err != nil {
		return err
	}
	var answer struct {
		Metrics []struct {
			MetricPoints []struct{ GaugeValue struct{ DoubleValue float64 } }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	for _, metric := range answer.Metrics {
		for _, point := range metric.MetricPoints {
			if point.GaugeValue.DoubleValue > 0 {
				return nil
			}
		}
	}
	return fmt.Errorf("got no %s above 0: %s", kind, body)
}
