package spool

import (
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// pointTime returns the time of the request's first point, which is that of all, or else now.
func pointTime(request *colmetricpb.ExportMetricsServiceRequest, now time.Time) time.Time {
	for _, resource := range request.GetResourceMetrics() {
		for _, scope := range resource.GetScopeMetrics() {
			for _, m := range scope.GetMetrics() {
				if at := firstTime(m); at != 0 {
					return time.Unix(0, int64(at))
				}
			}
		}
	}
	return now
}

func firstTime(m *metricpb.Metric) uint64 {
	switch data := m.GetData().(type) {
	case *metricpb.Metric_Gauge:
		return timeOfFirst(data.Gauge.GetDataPoints())
	case *metricpb.Metric_Sum:
		return timeOfFirst(data.Sum.GetDataPoints())
	case *metricpb.Metric_Histogram:
		return timeOfFirst(data.Histogram.GetDataPoints())
	case *metricpb.Metric_ExponentialHistogram:
		return timeOfFirst(data.ExponentialHistogram.GetDataPoints())
	default:
		return 0
	}
}

func timeOfFirst[P interface{ GetTimeUnixNano() uint64 }](points []P) uint64 {
	if len(points) == 0 {
		return 0
	}
	return points[0].GetTimeUnixNano()
}
