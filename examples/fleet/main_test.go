package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelhealth/otelhealth-go/health"
)

// sink is a real OTLP server that keeps what it is sent.
type sink struct {
	colmetricpb.UnimplementedMetricsServiceServer
	address string
	refuse  bool

	mu       sync.Mutex
	requests []*colmetricpb.ExportMetricsServiceRequest
}

func startSink(t *testing.T, refuse bool) *sink {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{address: "http://" + listener.Addr().String(), refuse: refuse}
	server := grpc.NewServer()
	colmetricpb.RegisterMetricsServiceServer(server, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return s
}

func (s *sink) Export(_ context.Context, r *colmetricpb.ExportMetricsServiceRequest) (*colmetricpb.ExportMetricsServiceResponse, error) {
	if s.refuse {
		return nil, status.Error(codes.InvalidArgument, "no")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	return &colmetricpb.ExportMetricsServiceResponse{}, nil
}

func pushFor(t *testing.T, s *sink, instances int) (*fleet, push) {
	t.Helper()
	f, err := newFleet(t.Context(), config{instances: instances, interval: 50 * time.Millisecond, endpoint: s.address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.close() })
	return f, f.push(t.Context(), 500*time.Millisecond)
}

func TestEachInstanceHasAResourceAndValuesOfItsOwn(t *testing.T) {
	s := startSink(t, false)
	f, pushed := pushFor(t, s, 5)

	var points int64
	values := make(map[string][]float64) // by instance: its uptimes
	for _, request := range s.requests {
		resource := request.GetResourceMetrics()[0]
		for _, scope := range resource.GetScopeMetrics() {
			for _, m := range scope.GetMetrics() {
				points += int64(len(m.GetGauge().GetDataPoints()) + len(m.GetSum().GetDataPoints()))
				if m.GetName() == health.MetricUptime {
					id := attributeOf(resource.GetResource(), "service.instance.id")
					values[id] = append(values[id], m.GetGauge().GetDataPoints()[0].GetAsDouble())
				}
			}
		}
	}
	if points != pushed.points || points != pushed.acknowledged || pushed.failures != 0 {
		t.Errorf("pushed %d points and %d were acknowledged, with %d failures; the sink has %d", pushed.points, pushed.acknowledged, pushed.failures, points)
	}
	if len(values) != 5 {
		t.Errorf("got the instances %v, want five", values)
	}
	first := make(map[float64]bool)
	for _, series := range values {
		first[series[0]] = true
	}
	if len(first) < 2 {
		t.Errorf("every instance has the same values: %v", values)
	}
	if want := pushed.requests * int64(f.series()); pushed.points != want {
		t.Errorf("pushed %d points, want %d requests of %d series", pushed.points, pushed.requests, f.series())
	}
}

func attributeOf(r *resourcepb.Resource, key string) string {
	for _, attribute := range r.GetAttributes() {
		if attribute.GetKey() == key {
			return attribute.GetValue().GetStringValue()
		}
	}
	return ""
}

func TestRefusedRequestsAreToldApart(t *testing.T) {
	_, pushed := pushFor(t, startSink(t, true), 2)
	if pushed.requests == 0 || pushed.failures != pushed.requests || pushed.acknowledged != 0 {
		t.Errorf("got %d failures and %d acknowledged points of %d requests, want every request to fail", pushed.failures, pushed.acknowledged, pushed.requests)
	}
	if !strings.Contains(pushed.lastError, "InvalidArgument") {
		t.Errorf("last error %q, want what the Collector answered", pushed.lastError)
	}
}

func TestCountersOnlyGrow(t *testing.T) {
	i := newInstance("test", 1, time.Second, time.Now())
	for range 100 {
		before := make([]float64, len(i.points))
		for n, point := range i.points {
			before[n] = point.Value
		}
		i.advance(time.Now())
		for n, point := range i.points {
			if i.grows[n] && point.Value < before[n] {
				t.Fatalf("a counter fell from %v to %v", before[n], point.Value)
			}
			if point.Value < 0 {
				t.Fatalf("a value is %v, want none below 0", point.Value)
			}
		}
	}
}

func TestReport(t *testing.T) {
	began := time.Unix(0, 0)
	r := report{
		config: config{instances: 2, interval: 10 * time.Second, prometheus: "http://there"},
		series: 60, began: began, ended: began.Add(time.Minute),
		push:       push{points: 720, acknowledged: 720, requests: 12, bytes: 12_000},
		arrived:    684,
		collectors: []usage{{instance: "gateway:8888", cores: 0.25, rssBytes: 64 << 20}},
	}
	var out bytes.Buffer
	r.write(&out)
	for _, want := range []string{"12 a second", "8.6 MB an instance a day", "36 lost (5.000 %)", "gateway:8888: 0.25 cores, 64 MiB"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &out)
		}
	}
}

func TestNonsense(t *testing.T) {
	for _, c := range []config{
		{instances: 0, interval: 1, duration: 1, endpoint: "http://localhost:4317"},
		{instances: 1, interval: 0, duration: 1, endpoint: "http://localhost:4317"},
		{instances: 1, interval: 1, duration: -1, endpoint: "http://localhost:4317"},
		{instances: 1, interval: 1, duration: 1, endpoint: "localhost:4317"},
	} {
		if err := run(t.Context(), c, new(bytes.Buffer)); err == nil {
			t.Errorf("%+v: got no error", c)
		}
	}
}

// A signal does not wait for a Collector that is away.
func TestSignalBreaksOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, err := newFleet(ctx, config{instances: 2, interval: 10 * time.Millisecond, endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.close() })
	began := time.Now()
	time.AfterFunc(100*time.Millisecond, cancel)
	if pushed := f.push(ctx, time.Hour); pushed.requests == 0 || pushed.failures != pushed.requests {
		t.Errorf("got %d failures of %d requests, want every request to fail", pushed.failures, pushed.requests)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to end", took)
	}
}
