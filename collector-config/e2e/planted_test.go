package e2e

import (
	"context"
	"maps"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otelhealth/otelhealth-go/health"
)

// planted pushes points of instances that are as ill as a test wants them, under the names and units of the README's
// table.
type planted struct {
	t      *testing.T
	client *otlpmetricgrpc.Exporter
	began  time.Time
	end    func() // pushes no more, once it has begun
}

func newPlanted(t *testing.T, address string) *planted {
	t.Helper()
	client, err := otlpmetricgrpc.New(t.Context(), otlpmetricgrpc.WithEndpointURL("http://"+address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Shutdown(context.Background()) })
	return &planted{t: t, client: client, began: time.Now()}
}

// values are an instance's, by metric.
type values map[string]float64

// attributesOf are those under which the metrics that need some are pushed.
var attributesOf = map[string]attribute.Set{
	health.MetricStatus:   attribute.NewSet(attribute.String(health.AttrComponent, health.RuleMemory)),
	health.MetricPoolUtil: attribute.NewSet(attribute.String(health.AttrPoolName, "orders")),
}

// push sends an instance's values with the time at.
func (p *planted) push(instance string, at time.Time, v values) {
	p.t.Helper()
	request := &metricdata.ResourceMetrics{
		Resource: resource.NewWithAttributes(semconv.SchemaURL,
			semconv.ServiceName(instance), semconv.ServiceInstanceID(instance),
			semconv.DeploymentEnvironmentNameKey.String("test")),
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: p.metrics(at, maps.Clone(v))}},
	}
	if err := p.client.Export(p.t.Context(), request); err != nil && p.t.Context().Err() == nil {
		p.t.Errorf("push the planted instance %s: %v", instance, err)
	}
}

func (p *planted) metrics(at time.Time, v values) (metrics []metricdata.Metrics) {
	for _, info := range health.Vocabulary() {
		value, ok := v[info.Name]
		if !ok {
			continue
		}
		delete(v, info.Name)
		points := []metricdata.DataPoint[float64]{{Attributes: attributesOf[info.Name], StartTime: p.began, Time: at, Value: value}}
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

// begin pushes every second, until the end, instances that breach one alert or another; and once those of which
// an alert is about the past.
func (p *planted) begin() {
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
	p.push("full", at, values{
		health.MetricUptime: age, health.MetricFDUtilization: 0.99, health.MetricMemoryUtil: 0.99, health.MetricPoolUtil: 0.99,
		health.MetricStatus: 2, health.MetricOTLPDropped: age,
	})
	p.push("rising", at, values{
		health.MetricUptime: 3600 + age, health.MetricFDUtilization: 0.5 + age/10_000, health.MetricMemoryUtil: 0.5 + age/10_000,
		health.MetricStatus: 1,
	})
}
