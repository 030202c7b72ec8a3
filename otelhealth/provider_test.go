package otelhealth

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelhealth/otelhealth-go/health"
)

// applicationProvider is a provider as an application may have one.
func applicationProvider(t *testing.T, options ...sdkmetric.Option) (*sdkmetric.MeterProvider, *sdkmetric.ManualReader) {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(append(options, sdkmetric.WithReader(reader))...)
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) }) // a test may have done so
	return provider, reader
}

func collected(t *testing.T, reader *sdkmetric.ManualReader) *health.Snapshot {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	return &health.Snapshot{Metrics: readings(&data)}
}

// dropEverything is the View that an application may have for reasons of its own.
var dropEverything = sdkmetric.WithView(sdkmetric.NewView(
	sdkmetric.Instrument{Name: "*"}, sdkmetric.Stream{Aggregation: sdkmetric.AggregationDrop{}}))

func TestGaugesOnTheApplicationsProvider(t *testing.T) {
	provider, reader := applicationProvider(t)
	var tracker WebSocketTracker
	tracker.Opened()
	m := startMonitor(t, nil, WithMeterProvider(provider), WithWebSocket("echo", tracker.Stats),
		WithSource(queueSource("queue", func(_ context.Context, observe Observe) error {
			observe("orders.queue.length", 4)
			return nil
		})))
	s := nextSnapshot(t, m)
	there := collected(t, reader)
	for _, name := range []string{health.MetricFDLimit, health.MetricWSConnections, "orders.queue.length", health.MetricStatus} {
		if got, want := there.Value(name), s.Value(name); !got.Known() || got != want {
			t.Errorf("%s: got %v there, want %v", name, got, want)
		}
	}
	if there.Value(health.MetricGoroutines).Known() {
		t.Error("go.* is there without being asked for")
	}
	if m.exporter != nil {
		t.Error("the monitor exports as well: the same series would arrive twice")
	}
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := collected(t, reader); len(left.Metrics) != 0 {
		t.Errorf("after Shutdown there is still %+v", left.Metrics)
	}
}

func TestViewsOfTheApplicationReachOnlyItsOwnProvider(t *testing.T) {
	provider, reader := applicationProvider(t, dropEverything)
	var counts [2]health.Number
	for i := range counts {
		m := startMonitor(t, nil, WithMeterProvider(provider), WithRuntimeMetrics())
		s := nextSnapshot(t, m)
		for _, name := range []string{health.MetricFDCount, health.MetricMemoryRSS, health.MetricGoroutines} {
			if !s.Value(name).Known() {
				t.Errorf("start %d: %s is missing", i+1, name)
			}
		}
		counts[i] = s.Value(health.MetricGoroutines)
		if len(collected(t, reader).Metrics) != 0 {
			t.Error("the View does not reach the application's provider")
		}
		if err := m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if counts[0] != counts[1] {
		t.Errorf("goroutines: got %v, want the same each time", counts)
	}
}

func TestRuntimeMetricsDoNotAddUp(t *testing.T) {
	provider, reader := applicationProvider(t)
	for i := range 3 {
		m := startMonitor(t, nil, WithMeterProvider(provider), WithRuntimeMetrics())
		here := nextSnapshot(t, m).Value(health.MetricGoroutines)
		there := collected(t, reader).Value(health.MetricGoroutines)
		if there < here-2 || there > here+2 { // collected a moment later
			t.Errorf("start %d: %v goroutines there, %v here", i+1, there, here)
		}
		if err := m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := collected(t, reader).Value(health.MetricGoroutines); got.Known() {
			t.Errorf("after shutdown %d: still %v", i+1, got)
		}
	}
}

func TestWithoutSemconvNames(t *testing.T) {
	provider, reader := applicationProvider(t)
	c := startCollector(t, "127.0.0.1:0")
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address},
		WithMeterProvider(provider), WithOTLP(), WithoutSemconvNames(),
		WithSource(queueSource("queue", func(_ context.Context, observe Observe) error {
			observe("orders.queue.length", 4)
			return nil
		})))
	s := nextSnapshot(t, m)
	if !s.Value(health.MetricFDCount).Known() {
		t.Error("the snapshot lacks them")
	}
	for _, metric := range collected(t, reader).Metrics {
		if !strings.HasPrefix(metric.Name, "otelhealth.") && metric.Name != "orders.queue.length" {
			t.Errorf("%s is on the application's provider", metric.Name)
		}
	}
	eventually(t, "a request", func() bool { return c.received() > 1 })
	c.mu.Lock()
	defer c.mu.Unlock()
	got, _ := points(c.requests[1])
	for s := range got {
		if !strings.HasPrefix(s.metric, "otelhealth.") && s.metric != "orders.queue.length" {
			t.Errorf("%s is exported", s.metric)
		}
	}
	if got[series{"orders.queue.length", ""}] != 4 {
		t.Error("the gauge of a source is not exported")
	}
}

func TestReaderShowsTheApplicationsMetrics(t *testing.T) {
	reader := NewReader()
	provider, _ := applicationProvider(t, sdkmetric.WithReader(reader))
	meter := provider.Meter("orders")
	placed, err := meter.Int64Counter("orders.placed")
	if err != nil {
		t.Fatal(err)
	}
	placed.Add(t.Context(), 5)
	took, err := meter.Float64Histogram("orders.duration")
	if err != nil {
		t.Fatal(err)
	}
	took.Record(t.Context(), 0.1)
	m := startMonitor(t, nil, WithReader(reader))
	s := nextSnapshot(t, m)
	if got := s.Value("orders.placed"); got != 5 {
		t.Errorf("the counter: got %v, want 5", got)
	}
	if _, ok := s.Find("orders.duration"); ok {
		t.Error("a histogram is in the snapshot")
	}
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := failureOf(nextSnapshot(t, m), "WithReader"); got == "" {
		t.Error("a provider that is shut down is not named")
	}
}

func TestReaderThatWasNotRegisteredIsSaid(t *testing.T) {
	m := startMonitor(t, nil, WithReader(NewReader()))
	if got := failureOf(nextSnapshot(t, m), "WithReader"); !strings.Contains(got, "WithReader") {
		t.Errorf("got %q, want what to do", got)
	}
}

func TestSlowCallbackOfTheApplicationHoldsNoTick(t *testing.T) {
	m := startMonitor(t, nil)
	nextSnapshot(t, m)
	meter := m.MeterProvider().Meter("orders")
	gauge, err := meter.Int64ObservableGauge("orders.slow")
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	var calls atomic.Int64
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		calls.Add(1)
		<-release
		o.ObserveInt64(gauge, 3)
		return nil
	}, gauge)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a call", func() bool { return calls.Load() == 1 })
	before := m.Snapshot().Sequence
	eventually(t, "ten ticks more", func() bool { return m.Snapshot().Sequence >= before+10 })
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls at once, want one at a time", n)
	}
	if got := failureOf(m.Snapshot(), "MeterProvider"); !strings.Contains(got, "has not returned") {
		t.Errorf("the failure: got %q", got)
	}
	close(release)
	eventually(t, "its reading", func() bool { return nextSnapshot(t, m).Value("orders.slow") == 3 })
}

func TestCallbackOfTheApplicationThatPanicsIsSurvived(t *testing.T) {
	m := startMonitor(t, nil)
	meter := m.MeterProvider().Meter("orders")
	if _, err := meter.Int64ObservableGauge("orders.bad", metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error {
		panic("a fault of the application")
	})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its name", func() bool {
		return strings.Contains(failureOf(nextSnapshot(t, m), "MeterProvider"), "a fault of the application")
	})
}

func TestCallbackOfTheApplicationThatHangsForGoodHoldsNoShutdown(t *testing.T) {
	m, err := Start(t.Context(), WithInterval(20*time.Millisecond), new(logBuffer).option())
	if err != nil {
		t.Fatal(err)
	}
	release, called := make(chan struct{}), make(chan struct{}, 1)
	if _, err := m.MeterProvider().Meter("orders").Int64ObservableGauge("orders.stuck", metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error {
		called <- struct{}{}
		<-release
		return nil
	})); err != nil {
		t.Fatal(err)
	}
	<-called
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := m.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "MeterProvider") {
		t.Errorf("got %v, want an error that names it", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %v, want its deadline of half a second", took)
	}
	close(release)
}

func TestMeterProviderIsOne(t *testing.T) {
	m := startMonitor(t, nil)
	if m.MeterProvider() != m.MeterProvider() {
		t.Error("got two")
	}
}

func TestShutdownWaitsForNoTick(t *testing.T) {
	m := startMonitor(t, nil, WithInterval(time.Hour))
	nextBegan := time.Now()
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(nextBegan); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestCallbackOfTheApplicationThatErrsLosesOnlyItsOwnReading(t *testing.T) {
	bad := metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error { return errors.New("no disk") })
	good := metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error { o.Observe(5); return nil })
	reader, second := NewReader(), NewReader()
	provider, _ := applicationProvider(t, sdkmetric.WithReader(reader))
	other, _ := applicationProvider(t, sdkmetric.WithReader(second))
	m := startMonitor(t, nil, WithReader(reader), WithReader(second))
	for name, meter := range map[string]metric.Meter{
		"a": provider.Meter("orders"), "b": other.Meter("orders"), "c": m.MeterProvider().Meter("orders"),
	} {
		if _, err := meter.Int64ObservableGauge("bad."+name, bad); err != nil {
			t.Fatal(err)
		}
		if _, err := meter.Int64ObservableGauge("good."+name, good); err != nil {
			t.Fatal(err)
		}
	}
	s := nextSnapshot(t, m)
	for name, source := range map[string]string{"a": "WithReader", "b": "WithReader 2", "c": "MeterProvider"} {
		if got := s.Value("good." + name); got != 5 {
			t.Errorf("good.%s: got %v, want 5", name, got)
		}
		if got := failureOf(s, source); !strings.Contains(got, "no disk") {
			t.Errorf("%s: the failure is %q", source, got)
		}
	}
}

func TestShutdownKeepsItsDeadlineBesideAnApplicationsCollection(t *testing.T) {
	provider, reader := applicationProvider(t)
	release, entered := make(chan struct{}), make(chan struct{})
	if _, err := provider.Meter("orders").Int64ObservableGauge("orders.slow", metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error {
		close(entered)
		<-release
		return nil
	})); err != nil {
		t.Fatal(err)
	}
	m, err := Start(t.Context(), WithInterval(50*time.Millisecond), new(logBuffer).option(), WithMeterProvider(provider))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var data metricdata.ResourceMetrics
		_ = reader.Collect(context.Background(), &data) // what it brings is not looked at
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := m.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "meter provider") {
		t.Errorf("got %v, want an error that names the provider", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %v", took)
	}
	close(release)
	<-done
}

// TestMetricsOfTheApplicationAreExportedAsTheyAreServed has a gauge that is never the same twice.
func TestMetricsOfTheApplicationAreExportedAsTheyAreServed(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	var published snapshots
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, published.option())
	var calls atomic.Int64
	if _, err := m.MeterProvider().Meter("orders").Int64ObservableGauge("orders.calls", metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(calls.Add(1))
		return nil
	})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "twenty requests", func() bool { return c.received() >= 40 })
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	published.mu.Lock()
	defer published.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	compared := 0
	for _, r := range c.requests {
		got, times := points(r)
		value, ok := got[series{"orders.calls", ""}]
		for at := range times {
			if s := published.byTime[at]; ok && s != nil && s.Value("orders.calls").Known() {
				compared++
				if s.Value("orders.calls") != health.Number(value) {
					t.Errorf("%v is served, %v exported", s.Value("orders.calls"), value)
				}
			}
		}
	}
	if compared < 10 {
		t.Errorf("only %d points to compare", compared)
	}
}
