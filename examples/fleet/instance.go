package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otelhealth/otelhealth-go/health"
)

// Where Prometheus files what a fleet pushes: job is namespace/name. A namespace of its own keeps runs apart.
const serviceName = "fleet"

// instance is one simulated instance: a request that is sent again and again with other values.
type instance struct {
	request metricdata.ResourceMetrics
	points  []*metricdata.DataPoint[float64]
	grows   []bool // by point: its metric is a counter
	offset  time.Duration
}

func newInstance(run string, number int, interval time.Duration, start time.Time) *instance {
	i := &instance{offset: rand.N(interval)}
	i.request.Resource = resource.NewWithAttributes(semconv.SchemaURL,
		semconv.ServiceNamespace(run),
		semconv.ServiceName(serviceName),
		semconv.ServiceVersion("1.0"),
		semconv.ServiceInstanceID(fmt.Sprintf("instance-%05d", number)),
		semconv.HostName(fmt.Sprintf("host-%03d", number/10)),
	)
	scopes := make(map[string]int)
	for _, info := range health.Vocabulary() {
		at, ok := scopes[info.Scope]
		if !ok {
			at = len(i.request.ScopeMetrics)
			scopes[info.Scope] = at
			i.request.ScopeMetrics = append(i.request.ScopeMetrics, metricdata.ScopeMetrics{Scope: scopeOf(info)})
		}
		if sets := attributeSets(info); len(sets) > 0 {
			i.request.ScopeMetrics[at].Metrics = append(i.request.ScopeMetrics[at].Metrics, i.metric(info, sets, start))
		}
	}
	return i
}

func scopeOf(info health.MetricInfo) instrumentation.Scope {
	if info.Scope == "" {
		return instrumentation.Scope{Name: health.Scope}
	}
	return instrumentation.Scope{Name: info.Scope}
}

// metric makes the points of one metric, each at a random height.
func (i *instance) metric(info health.MetricInfo, sets []attribute.Set, start time.Time) metricdata.Metrics {
	points := make([]metricdata.DataPoint[float64], len(sets))
	for n, set := range sets {
		points[n] = metricdata.DataPoint[float64]{Attributes: set, StartTime: start, Value: float64(rand.N(1000))}
		i.points = append(i.points, &points[n])
		i.grows = append(i.grows, info.Kind == health.Counter)
	}
	m := metricdata.Metrics{Name: info.Name, Unit: info.Unit, Description: info.Description}
	switch info.Kind {
	case health.Gauge:
		m.Data = metricdata.Gauge[float64]{DataPoints: points}
	default:
		m.Data = metricdata.Sum[float64]{
			DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: info.Kind == health.Counter,
		}
	}
	return m
}

// advance moves every value a little, counters only upwards, and gives all of them the time at.
func (i *instance) advance(at time.Time) {
	for n, point := range i.points {
		step := float64(rand.N(5))
		if !i.grows[n] {
			step = max(step-2, -point.Value)
		}
		point.Value += step
		point.Time = at
	}
}

// values are the attributes' values of a service with one pool and one source of WebSocket connections; an attribute
// that is missing here belongs to a metric that such a service does not have.
var values = map[string][]string{
	health.AttrCPUMode:          {health.CPUModeUser, health.CPUModeSystem},
	health.AttrPoolName:         {"orders"},
	health.AttrPoolState:        {health.PoolStateIdle, health.PoolStateUsed},
	health.AttrStuckKind:        {health.StuckHeartbeat, health.StuckOSThread},
	health.AttrWebSocketSource:  {"feed"},
	health.AttrAlertSeverity:    {health.Warn.String(), health.Fail.String()},
	health.AttrPressureResource: {"cpu", "memory", "io"},
	health.AttrPressureScope:    {"some", "full"},
	health.AttrReason:           {health.ReasonRejected, health.ReasonExpired, health.ReasonFull, health.ReasonDamaged},
	"go.memory.type":            {"stack", "other"},
	health.AttrComponent: {
		health.Overall, health.RuleFD, health.RuleMemory, health.RuleDatabase, health.RuleWebSocket, health.RuleThreads,
		health.RuleGoroutines, health.RuleStuck, health.RulePool,
	},
}

// attributeSets returns every combination of the values of a metric's attributes.
func attributeSets(info health.MetricInfo) []attribute.Set {
	combinations := [][]attribute.KeyValue{nil}
	for _, key := range info.Attributes {
		var longer [][]attribute.KeyValue
		for _, value := range values[key] {
			for _, shorter := range combinations {
				longer = append(longer, append(shorter[:len(shorter):len(shorter)], attribute.String(key, value)))
			}
		}
		combinations = longer
	}
	sets := make([]attribute.Set, len(combinations))
	for n, attributes := range combinations {
		sets[n] = attribute.NewSet(attributes...)
	}
	return sets
}
