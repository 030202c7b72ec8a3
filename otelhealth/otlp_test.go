package otelhealth

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

// snapshots keeps every snapshot that a monitor publishes, by its time.
type snapshots struct {
	mu     sync.Mutex
	byTime map[time.Time]*health.Snapshot
}

func (s *snapshots) option() Option {
	return withSnapshots(func(snapshot *health.Snapshot) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.byTime == nil {
			s.byTime = make(map[time.Time]*health.Snapshot)
		}
		s.byTime[snapshot.Time] = snapshot
	})
}

// values returns the snapshot's readings by their series.
func values(s *health.Snapshot) map[series]float64 {
	found := make(map[series]float64)
	for _, m := range s.Metrics {
		for _, r := range m.Readings {
			var text string
			for iter := r.Attributes.Iter(); iter.Next(); {
				kv := iter.Attribute()
				text += string(kv.Key) + "=" + kv.Value.AsString() + ","
			}
			found[series{m.Name, text}] = r.Value
		}
	}
	return found
}

// everySource registers one of each kind, so that every metric of the table has a reading.
func everySource(t *testing.T) []Option {
	t.Helper()
	tracker := new(WebSocketTracker)
	tracker.Opened()
	tracker.Subscribed(3)
	db := openSQLite(t, "orders.db")
	db.SetMaxOpenConns(4)
	return []Option{
		WithDB("orders", db),
		WithWebSocket("echo", tracker.Stats),
		WithSource(Source{
			Name:   "queue",
			Gauges: []Gauge{{Name: "orders.queue.length", Unit: "{order}", Description: "Orders that wait."}},
			Sample: func(_ context.Context, observe Observe) error {
				observe("orders.queue.length", 7, attribute.String("queue", "new"))
				return nil
			},
		}),
		WithSource(Source{
			Name:   "broken",
			Gauges: []Gauge{{Name: "broken.gauge"}},
			Sample: func(context.Context, Observe) error { return errors.New("always") },
		}),
	}
}

// mayBeAbsent are the metrics of the table that depend on the kernel, the control group or GOMEMLIMIT.
var mayBeAbsent = map[string]bool{
	health.MetricMemoryWorking: true, health.MetricOOMKills: true, health.MetricCPUThrottled: true,
	health.MetricPressure: true, "go.memory.limit": true,
}

func TestEveryMetricArrivesWithTheTimeAndValueOfItsSnapshot(t *testing.T) {
	const ticks = 100
	c := startCollector(t, "127.0.0.1:0")
	var published snapshots
	options := append(everySource(t), published.option(), keptIn(historyPath(t)), WithNotifier(alerting.NewSlogNotifier(nil)))
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, options...)
	eventually(t, "100 requests", func() bool { return c.received() >= ticks })
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	published.mu.Lock()
	defer published.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.requests) != len(published.byTime) {
		t.Errorf("%d requests for %d snapshots", len(c.requests), len(published.byTime))
	}
	arrived, seen := make(map[string]bool), make(map[time.Time]bool)
	for _, r := range c.requests {
		got, times := points(r)
		if len(times) != 1 {
			t.Fatalf("a request carries the times %v, want one", times)
		}
		for at := range times {
			if seen[at] {
				t.Errorf("%v came twice", at)
			}
			seen[at] = true
			snapshot := published.byTime[at]
			if snapshot == nil {
				t.Fatalf("%v is the time of no snapshot", at)
			}
			compareSeries(t, values(snapshot), got)
		}
		for s := range got {
			arrived[s.metric] = true
		}
	}
	for _, info := range health.Vocabulary() {
		if !arrived[info.Name] && !mayBeAbsent[info.Name] {
			t.Errorf("%s never arrived", info.Name)
		}
	}
	if !arrived["orders.queue.length"] {
		t.Error("the gauge of a source never arrived")
	}
}

func compareSeries(t *testing.T, want, got map[series]float64) {
	t.Helper()
	for s, value := range want {
		if other, ok := got[s]; !ok || other != value {
			t.Errorf("%v: got %v (%v), want %v", s, other, ok, value)
		}
	}
	for s := range got {
		if _, ok := want[s]; !ok {
			t.Errorf("%v is not in the snapshot", s)
		}
	}
}

func TestEveryNthTickIsExported(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	var published snapshots
	startMonitor(t, variables{
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://" + c.address, "OTEL_METRIC_EXPORT_INTERVAL": "60",
	}, published.option())
	eventually(t, "five requests", func() bool { return c.received() >= 5 })
	c.mu.Lock()
	defer c.mu.Unlock()
	published.mu.Lock()
	defer published.mu.Unlock()
	for i, r := range c.requests[:5] {
		_, times := points(r)
		for at := range times {
			if s := published.byTime[at]; s == nil || s.Sequence != uint64(3*i+1) {
				t.Errorf("request %d: got snapshot %+v, want number %d", i, s, 3*i+1)
			}
		}
	}
}

func TestExportIsOffUntilAskedFor(t *testing.T) {
	for _, test := range []struct {
		name string
		env  variables
		want bool
	}{
		{"nothing is set", nil, false},
		{"an endpoint turns it on", variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true},
		{"so does the metrics endpoint", variables{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1"}, true},
		{"OTEL_SDK_DISABLED turns it off", variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "True"}, false},
		{"OTEL_METRICS_EXPORTER=none too", variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER": "none"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log logBuffer
			test.env.set(t)
			m, err := Start(t.Context(), log.option())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
				defer cancel()
				_ = m.Shutdown(ctx) // what was queued for nobody is not delivered
			}()
			if got := m.exporter != nil; got != test.want {
				t.Errorf("export: got %v, want %v", got, test.want)
			}
			if lines := log.lines("OTLP export is off"); (len(lines) == 1) == test.want {
				t.Errorf("logged %q", lines)
			}
		})
	}
}

// TestCollectorThatFailsHoldsNothingUp goes through the ways in which a Collector can fail.
func TestCollectorThatFailsHoldsNothingUp(t *testing.T) {
	var handled atomic.Int64
	before := otel.GetErrorHandler()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) { handled.Add(1) }))
	t.Cleanup(func() { otel.SetErrorHandler(before) })

	for _, test := range []struct {
		name   string
		answer func(context.Context) error // nil: nobody listens
		drops  bool
	}{
		{"away", nil, false},
		{"not ready", refuse(codes.Unavailable), false},
		{"refusing for good", refuse(codes.PermissionDenied), true},
		{"silent", silent, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c *collector
			address := freeAddress(t)
			if test.answer != nil {
				c = startCollector(t, "127.0.0.1:0")
				c.answers(test.answer)
				address = c.address
			}
			var log logBuffer
			m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + address}, log.option())
			line := "OTLP export fails"
			if test.drops {
				line = "OTLP export is rejected"
			}
			eventually(t, "a log line", func() bool { return len(log.lines(line)) == 1 })
			failedAt := m.Snapshot().Sequence
			eventually(t, "20 ticks more", func() bool { return m.Snapshot().Sequence >= failedAt+20 })
			if w := get(t, m, "/health/check"); w.Code != 200 {
				t.Errorf("/health/check: got %d", w.Code)
			}
			if got := log.lines("OTLP export"); len(got) != 1 {
				t.Errorf("20 ticks without a Collector are logged as %q, want one line", got)
			}
			if c == nil {
				c = startCollector(t, address)
			}
			delivered := c.received()
			c.answers(nil)
			eventually(t, "delivery once it answers", func() bool { return c.received() >= delivered+20 || test.drops && c.received() > delivered })
			eventually(t, "a line that says so", func() bool { return len(log.lines("works again")) > 0 })
			if dropped := m.exporter.dropped(); (dropped > 0) != test.drops {
				t.Errorf("dropped %d requests", dropped)
			}
			if err := m.Shutdown(t.Context()); err != nil {
				t.Errorf("shutdown: %v", err)
			}
		})
	}
	if n := handled.Load(); n != 0 {
		t.Errorf("otel.Handle was called %d times, want never", n)
	}
}

func TestShutdownReturnsInTimeWhateverTheCollectorDoes(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(context.Context) error
	}{{"away", nil}, {"silent", silent}, {"not ready", refuse(codes.Unavailable)}} {
		t.Run(test.name, func(t *testing.T) {
			address := freeAddress(t)
			if test.answer != nil {
				c := startCollector(t, "127.0.0.1:0")
				c.answers(test.answer)
				address = c.address
			}
			variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + address}.set(t)
			m, err := Start(t.Context(), WithInterval(time.Minute), new(logBuffer).option())
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "a request", func() bool { return m.exporter.waiting() > 0 })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			if err := m.Shutdown(ctx); err == nil {
				t.Error("what was not delivered is not said")
			}
			if took := time.Since(began); took > m.exporter.timeout/2 { // a busy machine is late
				t.Errorf("took %v, want little more than its deadline of a second", took)
			}
		})
	}
}

func TestFullQueueDropsTheOldest(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	c.answers(refuse(codes.Unavailable))
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, WithInterval(10*time.Millisecond))
	eventually(t, "a full queue", func() bool { return m.exporter.dropped() >= 10 })
	if n := m.exporter.waiting(); n != queueLength {
		t.Errorf("%d requests wait, want %d", n, queueLength)
	}
	c.answers(nil)
	eventually(t, "an empty queue", func() bool { return m.exporter.waiting() == 0 })
	c.mu.Lock()
	defer c.mu.Unlock()
	var last time.Time
	for _, r := range c.requests {
		_, times := points(r)
		for at := range times {
			if !at.After(last) {
				t.Errorf("%v came after %v", at, last)
			}
			last = at
		}
	}
}

func TestMetricsOfTheApplicationAreExportedAndSeen(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address})
	meter := m.MeterProvider().Meter("orders")
	placed, err := meter.Int64Counter("orders.placed", metric.WithUnit("{order}"))
	if err != nil {
		t.Fatal(err)
	}
	placed.Add(t.Context(), 5)
	took, err := meter.Float64Histogram("orders.duration", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	took.Record(t.Context(), 0.2)
	eventually(t, "the counter in a snapshot", func() bool { return nextSnapshot(t, m).Value("orders.placed") == 5 })
	if _, ok := m.Snapshot().Find("orders.duration"); ok {
		t.Error("a histogram is in the snapshot")
	}
	eventually(t, "both at the Collector", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		found := make(map[string]bool)
		for _, r := range c.requests {
			for _, scope := range r.GetResourceMetrics()[0].GetScopeMetrics() {
				for _, sent := range scope.GetMetrics() {
					found[sent.GetName()] = true
				}
			}
		}
		return found["orders.placed"] && found["orders.duration"]
	})
}

// TestHistogramsOfTheApplicationKeepTheirExemplars, which lead from a graph to a trace.
func TestHistogramsOfTheApplicationKeepTheirExemplars(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address})
	took, err := m.MeterProvider().Meter("orders").Float64Histogram("orders.duration", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := sdktrace.NewTracerProvider().Tracer("orders").Start(t.Context(), "place an order")
	took.Record(ctx, 0.2)
	span.End()
	want := span.SpanContext().TraceID()
	eventually(t, "the trace of what was measured", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.ContainsFunc(c.requests, func(r *colmetricpb.ExportMetricsServiceRequest) bool {
			return slices.ContainsFunc(exemplars(r), func(e *metricpb.Exemplar) bool { return bytes.Equal(e.GetTraceId(), want[:]) })
		})
	})
}

func exemplars(r *colmetricpb.ExportMetricsServiceRequest) (all []*metricpb.Exemplar) {
	for _, scope := range r.GetResourceMetrics()[0].GetScopeMetrics() {
		for _, sent := range scope.GetMetrics() {
			for _, point := range sent.GetHistogram().GetDataPoints() {
				all = append(all, point.GetExemplars()...)
			}
		}
	}
	return all
}

func TestApplicationGetsTheResourceThatIsExported(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	options := []Option{WithService("orders", "1.4.2", ""), WithListenAddress(":8080")}
	startMonitor(t, variables{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address, "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod",
	}, options...)
	eventually(t, "an export", func() bool { return c.received() > 0 })
	r, err := NewResource(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]bool)
	for _, kv := range r.Attributes() {
		got[string(kv.Key)+"="+kv.Value.String()] = true
	}
	want := make(map[string]bool)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kv := range c.requests[0].GetResourceMetrics()[0].GetResource().GetAttributes() {
		text := kv.GetValue().GetStringValue()
		if kv.GetKey() == "process.pid" {
			text = strconv.FormatInt(kv.GetValue().GetIntValue(), 10)
		}
		want[kv.GetKey()+"="+text] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := NewResource(t.Context(), WithInterval(0)); err == nil || !strings.Contains(err.Error(), "WithInterval") {
		t.Errorf("with a wrong option: got %v", err)
	}
}

func TestRequestThatIsTakenInPartIsDelivered(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	c.mu.Lock()
	c.partial = &colmetricpb.ExportMetricsPartialSuccess{RejectedDataPoints: 2, ErrorMessage: "too old"}
	c.mu.Unlock()
	var log logBuffer
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, log.option())
	eventually(t, "ten requests", func() bool { return c.received() >= 10 })
	if dropped := m.exporter.dropped(); dropped != 0 {
		t.Errorf("%d requests count as dropped", dropped)
	}
	if got := log.lines("too old"); len(got) != 1 {
		t.Errorf("logged %q, want one line", got)
	}
	if got := log.lines("OTLP export"); len(got) != 0 {
		t.Errorf("logged %q as well", got)
	}
}

// TestEmptyPartialSuccessIsSuccess answers as a real Collector does.
func TestEmptyPartialSuccessIsSuccess(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	c.mu.Lock()
	c.partial = new(colmetricpb.ExportMetricsPartialSuccess)
	c.mu.Unlock()
	var log logBuffer
	startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, log.option())
	eventually(t, "two requests", func() bool { return c.received() >= 2 })
	if got := log.lines("in part"); len(got) != 0 {
		t.Errorf("logged %q", got)
	}
}

func TestCollectorCannotSilenceTheExportForLong(t *testing.T) {
	busy, err := status.New(codes.ResourceExhausted, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	c := startCollector(t, "127.0.0.1:0")
	c.answers(func(context.Context) error { return busy.Err() })
	logger := slog.New(slog.DiscardHandler)
	client, err := (&otlpConfig{options: []otlpmetricgrpc.Option{otlpmetricgrpc.WithEndpoint(c.address), otlpmetricgrpc.WithInsecure()}}).newClient(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := newExporter(client, nil, time.Second, time.Hour, logger)
	// Its goroutine has nothing to do: the request is not queued.
	if pause := e.deliver(t.Context(), new(metricdata.ResourceMetrics)); pause <= 0 || pause > time.Minute {
		t.Errorf("it waits %v, want at most %v", pause, time.Minute)
	}
	if err := e.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRejectedRequestNeverCountsAsAnotherReason reads the counts while they grow.
func TestRejectedRequestNeverCountsAsAnotherReason(t *testing.T) {
	client, err := new(otlpConfig).newClient(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Shutdown(t.Context()); err != nil { // it refuses everything from now on, and at once
		t.Fatal(err)
	}
	e := newExporter(client, nil, time.Minute, time.Hour, slog.New(slog.DiscardHandler))
	const requests = 5_000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range requests {
			e.deliver(t.Context(), new(metricdata.ResourceMetrics))
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if full := e.state().Dropped.Full; full != 0 {
			t.Errorf("%d requests count as dropped for want of room", full)
			break
		}
	}
	<-done
	if got := e.state().Dropped; got != (health.OTLPDropped{Rejected: requests}) {
		t.Errorf("got %+v, want %d that were rejected", got, requests)
	}
	_ = e.close(t.Context()) // its client is closed already
}
