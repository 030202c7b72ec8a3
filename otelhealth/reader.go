package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelhealth/otelhealth-go/health"
)

// Reader lets a monitor see what the application measures with a MeterProvider of its own: give it to that provider
// with the SDK's WithReader, and to [Start] with [WithReader]. Histograms are left out. The application's callbacks run
// at each tick, beside the tick, which goes on without them when they take too long.
type Reader struct {
	*sdkmetric.ManualReader
}

// NewReader returns a Reader for one MeterProvider.
func NewReader() *Reader { return &Reader{newLocalReader()} }

// newLocalReader returns a reader for what rules can judge, which histograms are not.
func newLocalReader() *sdkmetric.ManualReader {
	return sdkmetric.NewManualReader(sdkmetric.WithAggregationSelector(func(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
		if kind == sdkmetric.InstrumentKindHistogram {
			return sdkmetric.AggregationDrop{}
		}
		return sdkmetric.DefaultAggregationSelector(kind)
	}))
}

// call collects the reader for the tick.
func (r *Reader) call(ctx context.Context) (harvest, error) {
	var collected metricdata.ResourceMetrics
	err := r.Collect(ctx, &collected)
	if errors.Is(err, sdkmetric.ErrReaderNotRegistered) {
		err = fmt.Errorf("%w: give it to the application's provider with the SDK's WithReader", err)
	}
	return harvest{metrics: readings(&collected)}, err // a callback that errs loses only its own readings
}

// readings copies the numbers out of what a reader collected: gauges and sums. Other aggregations hold no single number.
func readings(collected *metricdata.ResourceMetrics) []health.Metric {
	var metrics []health.Metric
	var room []health.Reading // one allocation serves many metrics
	for i := range collected.ScopeMetrics {
		scope := &collected.ScopeMetrics[i]
		metrics = slices.Grow(metrics, len(scope.Metrics))
		for j := range scope.Metrics {
			m := health.Metric{Name: scope.Metrics[j].Name, Unit: scope.Metrics[j].Unit, Scope: scope.Scope.Name}
			switch data := scope.Metrics[j].Data.(type) {
			case metricdata.Gauge[int64]:
				m.Readings, room = pointReadings(data.DataPoints, room)
			case metricdata.Gauge[float64]:
				m.Readings, room = pointReadings(data.DataPoints, room)
			case metricdata.Sum[int64]:
				m.Readings, room = pointReadings(data.DataPoints, room)
			case metricdata.Sum[float64]:
				m.Readings, room = pointReadings(data.DataPoints, room)
			}
			if len(m.Readings) > 0 {
				metrics = append(metrics, m)
			}
		}
	}
	return metrics
}

// pointReadings takes the memory for the readings from room, and returns what is left of it.
func pointReadings[N int64 | float64](points []metricdata.DataPoint[N], room []health.Reading) (readings, left []health.Reading) {
	n := len(points)
	if n > len(room) {
		room = make([]health.Reading, max(n, 64))
	}
	readings, left = room[:n:n], room[n:]
	for i := range points {
		readings[i] = health.Reading{Attributes: points[i].Attributes, Value: float64(points[i].Value)}
	}
	return readings, left
}

// overflowed returns the first metric of which more series were observed than the SDK keeps apart.
func overflowed(metrics []health.Metric) (name string, ok bool) {
	for _, m := range metrics {
		for _, r := range m.Readings {
			if v, found := r.Attributes.Value(overflowKey); found && v.AsBool() {
				return m.Name, true
			}
		}
	}
	return "", false
}

// overflowKey marks the one point into which the SDK folds series beyond its limit of 2,000 an instrument.
const overflowKey attribute.Key = "otel.metric.overflow"

// stamp gives every point the time of the snapshot that it belongs to, instead of the moment of its collection.
func stamp(collected *metricdata.ResourceMetrics, at time.Time) {
	for i := range collected.ScopeMetrics {
		for j := range collected.ScopeMetrics[i].Metrics {
			switch data := collected.ScopeMetrics[i].Metrics[j].Data.(type) {
			case metricdata.Gauge[int64]:
				stampPoints(data.DataPoints, at)
			case metricdata.Gauge[float64]:
				stampPoints(data.DataPoints, at)
			case metricdata.Sum[int64]:
				stampPoints(data.DataPoints, at)
			case metricdata.Sum[float64]:
				stampPoints(data.DataPoints, at)
			case metricdata.Histogram[int64]:
				stampHistogram(data.DataPoints, at)
			case metricdata.Histogram[float64]:
				stampHistogram(data.DataPoints, at)
			case metricdata.ExponentialHistogram[int64]:
				stampExponential(data.DataPoints, at)
			case metricdata.ExponentialHistogram[float64]:
				stampExponential(data.DataPoints, at)
			}
		}
	}
}

func stampPoints[N int64 | float64](points []metricdata.DataPoint[N], at time.Time) {
	for i := range points {
		points[i].Time = at
		if points[i].StartTime.After(at) { // snapshots keep whole milliseconds
			points[i].StartTime = at
		}
	}
}

func stampExponential[N int64 | float64](points []metricdata.ExponentialHistogramDataPoint[N], at time.Time) {
	for i := range points {
		points[i].Time = at
		if points[i].StartTime.After(at) {
			points[i].StartTime = at
		}
	}
}

func stampHistogram[N int64 | float64](points []metricdata.HistogramDataPoint[N], at time.Time) {
	for i := range points {
		points[i].Time = at
		if points[i].StartTime.After(at) {
			points[i].StartTime = at
		}
	}
}
