package otelhealth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otelhealth/otelhealth-go/health"
)

// pipeline is a private MeterProvider with the readers that the tick collects: one for what is judged and served here,
// and, where an export is wanted, one for that. A PeriodicReader would run on a clock of its own, and so miss and double
// ticks.
type pipeline struct {
	provider *sdkmetric.MeterProvider
	local    *sdkmetric.ManualReader
	otlp     *sdkmetric.ManualReader // nil: no export

	collected metricdata.ResourceMetrics // of the local reader, whose memory the SDK uses again
}

func newPipeline(r *resource.Resource, exporter sdkmetric.Exporter, others ...sdkmetric.Reader) *pipeline {
	p := &pipeline{local: newLocalReader()}
	options := []sdkmetric.Option{sdkmetric.WithResource(r), sdkmetric.WithReader(p.local)}
	if exporter != nil {
		p.otlp = sdkmetric.NewManualReader(
			sdkmetric.WithTemporalitySelector(exporter.Temporality),
			sdkmetric.WithAggregationSelector(exporter.Aggregation),
		)
		options = append(options, sdkmetric.WithReader(p.otlp))
	}
	for _, other := range others {
		options = append(options, sdkmetric.WithReader(other))
	}
	p.provider = sdkmetric.NewMeterProvider(options...)
	return p
}

// readings collects the local reader. Only one goroutine at a time may call it.
func (p *pipeline) readings(ctx context.Context) ([]health.Metric, error) {
	p.collected.ScopeMetrics = p.collected.ScopeMetrics[:0] // a context that has ended leaves it as it is
	err := p.local.Collect(ctx, &p.collected)
	return readings(&p.collected), err
}

// request collects the OTLP reader into request, whose points carry the time of the snapshot.
func (p *pipeline) request(ctx context.Context, request *metricdata.ResourceMetrics, at time.Time) error {
	err := p.otlp.Collect(ctx, request)
	stamp(request, at)
	return err
}

// dropSemconv removes every built-in metric whose name is not this module's own.
func dropSemconv(request *metricdata.ResourceMetrics) {
	for i := range request.ScopeMetrics {
		if request.ScopeMetrics[i].Scope.Name == customScope {
			continue
		}
		kept := request.ScopeMetrics[i].Metrics[:0]
		for _, m := range request.ScopeMetrics[i].Metrics {
			if isOwnName(m.Name) {
				kept = append(kept, m)
			}
		}
		request.ScopeMetrics[i].Metrics = kept
	}
}

func isOwnName(metric string) bool { return strings.HasPrefix(metric, "otelhealth.") }

// application is the private provider behind [Monitor.MeterProvider], for applications that have none. It is a
// pipeline of its own: its callbacks are the application's code, which must not hold the tick.
type application struct {
	*pipeline
	once       sync.Once // for collecting it from the first use on
	histograms histograms
}

// collectApplication collects for the tick, and hands what is to be exported to the queue as a request of its own, when
// it is ready. The readings are those of the request, so that what is exported is what was judged; only deltas are of no
// use to a rule, and then the local reader is collected besides.
func (m *Monitor) collectApplication(ctx context.Context) (harvest, error) {
	at := m.exportTime.Load()
	if m.exporter == nil || at == nil {
		metrics, err := m.application.readings(ctx)
		return harvest{metrics: metrics}, err // a callback that errs loses only its own readings
	}
	request := m.exporter.empty()
	err := m.application.request(ctx, request, *at)
	var metrics []health.Metric
	if m.exporter.client.Temporality(sdkmetric.InstrumentKindCounter) == metricdata.CumulativeTemporality {
		metrics = readings(request)
	} else {
		var errLocal error
		metrics, errLocal = m.application.readings(ctx)
		err = errors.Join(err, errLocal)
	}
	if len(request.ScopeMetrics) > 0 {
		m.exporter.enqueue(request)
	}
	return harvest{metrics: metrics}, err
}
