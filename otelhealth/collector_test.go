package otelhealth

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// collector is a real OTLP server over gRPC on loopback.
type collector struct {
	colmetricpb.UnimplementedMetricsServiceServer
	address string
	server  *grpc.Server

	mu       sync.Mutex
	requests []*colmetricpb.ExportMetricsServiceRequest
	answer   func(ctx context.Context) error
	partial  *colmetricpb.ExportMetricsPartialSuccess
}

func startCollector(t *testing.T, address string) *collector {
	t.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{address: listener.Addr().String(), server: grpc.NewServer()}
	colmetricpb.RegisterMetricsServiceServer(c.server, c)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = c.server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() {
		c.server.Stop()
		<-served
	})
	return c
}

// freeAddress returns an address at which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func (c *collector) Export(ctx context.Context, r *colmetricpb.ExportMetricsServiceRequest) (*colmetricpb.ExportMetricsServiceResponse, error) {
	c.mu.Lock()
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, r)
	return &colmetricpb.ExportMetricsServiceResponse{PartialSuccess: c.partial}, nil
}

// answers lets the collector answer differently from now on.
func (c *collector) answers(f func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

func refuse(code codes.Code) func(context.Context) error {
	return func(context.Context) error { return status.Error(code, "no") }
}

// silent never answers.
func silent(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (c *collector) received() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.requests)
}

// series is what one point of a request says.
type series struct {
	metric, attributes string
}

// points returns every number in the request by its series, and the times that they carry.
func points(r *colmetricpb.ExportMetricsServiceRequest) (values map[series]float64, times map[time.Time]int) {
	values, times = make(map[series]float64), make(map[time.Time]int)
	for _, resource := range r.GetResourceMetrics() {
		for _, scope := range resource.GetScopeMetrics() {
			for _, m := range scope.GetMetrics() {
				data := m.GetGauge().GetDataPoints()
				if m.GetSum() != nil {
					data = m.GetSum().GetDataPoints()
				}
				for _, p := range data {
					values[series{m.GetName(), attributesText(p.GetAttributes())}] = pointValue(p)
					times[time.Unix(0, int64(p.GetTimeUnixNano())).UTC()]++
				}
			}
		}
	}
	return values, times
}

func pointValue(p *metricpb.NumberDataPoint) float64 {
	if v, ok := p.GetValue().(*metricpb.NumberDataPoint_AsInt); ok {
		return float64(v.AsInt)
	}
	return p.GetAsDouble()
}

func attributesText(attributes []*commonpb.KeyValue) string {
	var text string
	for _, kv := range attributes {
		text += kv.GetKey() + "=" + kv.GetValue().GetStringValue() + ","
	}
	return text
}

// discardExport exports to a real server that forgets what it gets.
func discardExport(b *testing.B) []otlpmetricgrpc.Option {
	b.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer()
	colmetricpb.RegisterMetricsServiceServer(server, forgetful{})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Stop
	}()
	b.Cleanup(func() {
		server.Stop()
		<-served
	})
	return []otlpmetricgrpc.Option{otlpmetricgrpc.WithEndpoint(listener.Addr().String()), otlpmetricgrpc.WithInsecure()}
}

type forgetful struct {
	colmetricpb.UnimplementedMetricsServiceServer
}

func (forgetful) Export(context.Context, *colmetricpb.ExportMetricsServiceRequest) (*colmetricpb.ExportMetricsServiceResponse, error) {
	return &colmetricpb.ExportMetricsServiceResponse{}, nil
}
