package otelhealth

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelhealth/otelhealth-go/health"
)

// TestBothCollectionsOfATickSeeTheSameRuntime lets much happen between the two, as it may in a slow tick.
func TestBothCollectionsOfATickSeeTheSameRuntime(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, WithInterval(time.Hour))
	eventually(t, "the first snapshot", func() bool { return m.Snapshot() != nil })
	m.cancel()
	<-m.ticking // from here on the test is the tick's goroutine

	m.runtime.forget()
	local, err := m.pipeline.readings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	defer close(stop)
	for range 500 { // many more than gRPC starts and ends meanwhile
		go func() { <-stop }()
	}
	garbage := make([]byte, 8<<20)
	garbage[len(garbage)-1] = 1
	request := new(metricdata.ResourceMetrics)
	if err := m.pipeline.request(t.Context(), request, time.Now()); err != nil {
		t.Fatal(err)
	}
	before, after := &health.Snapshot{Metrics: local}, &health.Snapshot{Metrics: readings(request)}
	for _, name := range []string{health.MetricGoroutines, "go.memory.allocated", "go.memory.allocations"} {
		if !before.Value(name).Known() || before.Value(name) != after.Value(name) {
			t.Errorf("%s: %v is judged and served, %v exported", name, before.Value(name), after.Value(name))
		}
	}
	m.runtime.forget()
	again, err := m.pipeline.readings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := &health.Snapshot{Metrics: again}
	if got := now.Value(health.MetricGoroutines) - before.Value(health.MetricGoroutines); got < 450 {
		t.Errorf("the next tick sees %v goroutines more, want about 500: it read nothing anew", got)
	}
}

// TestCollectionThatIsCutOffBringsNothingOld ends the context of a collection into memory that was used before.
func TestCollectionThatIsCutOffBringsNothingOld(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, WithInterval(time.Hour))
	eventually(t, "memory to use again", func() bool { return len(m.exporter.spare) == 1 })
	m.cancel()
	<-m.ticking
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	request := m.exporter.empty()
	if err := m.pipeline.request(ended, request, time.Now()); err == nil || len(request.ScopeMetrics) != 0 {
		t.Errorf("got %v and %d scopes of an earlier request", err, len(request.ScopeMetrics))
	}
	if metrics, err := m.pipeline.readings(ended); err == nil || len(metrics) != 0 {
		t.Errorf("got %v and %d metrics of an earlier tick", err, len(metrics))
	}
}
