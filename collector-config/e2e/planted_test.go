package e2e

import (
	"context"
	"maps"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelhealth/otelhealth-go/health"
)

// planted pushes points of instances that are as ill as a test wants them, under the names and units of the README's
// table.
type planted struct {
	t       *testing.T
	address string
	client  *otlpmetricgrpc.Exporter
	began   time.Time
	end     func() // pushes no more, once it has begun
}

func newPlanted(t *testing.T, address string) *planted {
	t.Helper()
	client, err := otlpmetricgrpc.New(t.Context(), otlpmetricgrpc.WithEndpointURL("http://"+address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Shutdown(context.Background()) })
	return &planted{t: t, address: address, client: client, began: time.Now()}
}

// values are an instance's, by metric.
type values map[string]float64

// attributesOf are those under which a metric is pushed, once for each; without any where it has none here.
var attributesOf = map[string][]attribute.Set{
	health.MetricStatus: {
		attribute.NewSet(attribute.String(health.AttrComponent, health.Overall)),
		attribute.NewSet(attribute.String(health.AttrComponent, health.RuleMemory)),
	},
	health.MetricPoolUtil: {attribute.NewSet(attribute.String(health.AttrPoolName, "orders"))},
}

// push sends an instance's values with the time at.
func (p *planted) push(instance string, at time.Time, v values) {
	p.t.Helper()
	request := &metricdata.ResourceMetrics{
		Resource:     plantedResource(instance),
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: p.metrics(at, maps.Clone(v))}},
	}
	if err := p.client.Export(p.t.Context(), request); err != nil && p.t.Context().Err() == nil {
		p.t.Errorf("push the planted instance %s: %v", instance, err)
	}
}

func plantedResource(instance string) *resource.Resource {
	return resource.NewWithAttributes(semconv.SchemaURL,
		semconv.ServiceName(instance), semconv.ServiceInstanceID(instance),
		semconv.DeploymentEnvironmentNameKey.String("test"))
}

func (p *planted) metrics(at time.Time, v values) (metrics []metricdata.Metrics) {
	for _, info := range health.Vocabulary() {
		value, ok := v[info.Name]
		if !ok {
			continue
		}
		delete(v, info.Name)
		attributes := attributesOf[info.Name]
		if attributes == nil {
			attributes = []attribute.Set{{}}
		}
		var points []metricdata.DataPoint[float64]
		for _, set := range attributes {
			points = append(points, metricdata.DataPoint[float64]{Attributes: set, StartTime: p.began, Time: at, Value: value})
		}
		m := metricdata.Metrics{Name: info.Name, Unit: info.Unit, Data: metricdata.Gauge[float64]{DataPoints: points}}
		if info.Kind == health.Counter {
			m.Data = metricdata.Sum[float64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
		}
		metrics = append(metrics, m)
	}
	for name := range v {
		p.t.Errorf("%s is no metric of the vocabulary", name)
	}
	return metrics
}

// failRequest sends the span of a request that an instance failed.
func (p *planted) failRequest(instance string) {
	p.t.Helper()
	spans := newTracerProvider(p.t, p.address, plantedResource(instance))
	_, span := spans.Tracer("planted").Start(p.t.Context(), "GET /orders",
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(semconv.HTTPRoute("/orders")))
	span.SetStatus(codes.Error, "planted")
	span.End()
	if err := spans.ForceFlush(p.t.Context()); err != nil {
		p.t.Errorf("send the span of the planted instance %s: %v", instance, err)
	}
}

// newTracerProvider sends spans to an OTLP endpoint until the test ends.
func newTracerProvider(t *testing.T, address string, from *resource.Resource) *sdktrace.TracerProvider {
	t.Helper()
	exporter, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpointURL("http://"+address))
	if err != nil {
		t.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(from))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) }) // where it sends may be gone
	return provider
}

// plantedInstances are those that begin pushes: of each status one at least, and one that is missing.
var plantedInstances = []string{"well", "rising", "full", "restarting", "gone"}

// begin pushes every second, until the end, instances that breach one alert or another, or none; and once those of which
// an alert is about the past.
func (p *planted) begin() {
	p.failRequest("full")
	now := time.Now()
	for age := 14 * time.Minute; age > 0; age -= time.Minute { // restarted every two minutes
		p.push("restarting", now.Add(-age), values{health.MetricUptime: 60 * float64(int(age.Minutes())%2)})
	}
	p.push("gone", now.Add(-2*time.Minute), values{health.MetricUptime: 1000})
	ticks := time.NewTicker(time.Second)
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer ticks.Stop()
		for {
			select {
			case at := <-ticks.C:
				p.tick(at)
			case <-ctx.Done():
				return
			}
		}
	}()
	p.end = func() {
		cancel()
		<-ended
	}
	p.t.Cleanup(p.end)
}

func (p *planted) tick(at time.Time) {
	age := at.Sub(p.began).Seconds()
	p.push("well", at, values{health.MetricUptime: age, health.MetricStatus: 0})
	p.push("full", at, values{
		health.MetricUptime: age, health.MetricFDUtilization: 0.99, health.MetricMemoryUtil: 0.99, health.MetricPoolUtil: 0.99,
		health.MetricStatus: 2, health.MetricOTLPDropped: age,
	})
	p.push("rising", at, values{
		health.MetricUptime: 3600 + age, health.MetricFDUtilization: 0.5 + age/10_000, health.MetricMemoryUtil: 0.5 + age/10_000,
		health.MetricStatus: 1,
	})
}
