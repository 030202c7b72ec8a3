package otelhealth

import (
	"slices"
	"sync"

	"go.opentelemetry.io/otel/metric"
)

// histograms remembers the names of the histograms that the application makes with the monitor's provider, so that a
// rule over one says what is wrong with it. Their values are not collected for rules, which would cost the application
// a second aggregation at each measurement.
type histograms struct {
	mu   sync.Mutex
	seen []string // never changed, only replaced
}

func (h *histograms) add(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.seen, name) {
		h.seen = append(slices.Clip(h.seen), name)
	}
}

func (h *histograms) names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seen
}

// watchedProvider tells histograms what is made with it.
type watchedProvider struct {
	metric.MeterProvider
	histograms *histograms
}

func (p watchedProvider) Meter(name string, options ...metric.MeterOption) metric.Meter {
	return watchedMeter{p.MeterProvider.Meter(name, options...), p.histograms}
}

type watchedMeter struct {
	metric.Meter
	histograms *histograms
}

func (m watchedMeter) Int64Histogram(name string, options ...metric.Int64HistogramOption) (metric.Int64Histogram, error) {
	m.histograms.add(name)
	return m.Meter.Int64Histogram(name, options...)
}

func (m watchedMeter) Float64Histogram(name string, options ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	m.histograms.add(name)
	return m.Meter.Float64Histogram(name, options...)
}
