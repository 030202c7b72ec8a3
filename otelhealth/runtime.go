package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"
)

// runtimeMetrics is contrib's runtime instrumentation on one provider. It goes through a MeterProvider that keeps what is
// registered: the instrumentation throws its registration away, and so could never be stopped.
type runtimeMetrics struct {
	metric.MeterProvider
	replays       bool
	callbacks     []*replay
	registrations []metric.Registration
}

// startRuntime starts the instrumentation on a provider that is collected at any time.
func startRuntime(provider metric.MeterProvider) (*runtimeMetrics, error) {
	return (&runtimeMetrics{MeterProvider: provider}).start()
}

// startReplayedRuntime starts it on a provider that several readers collect at each tick, where all of them see the same
// numbers until forget is called.
func startReplayedRuntime(provider metric.MeterProvider) (*runtimeMetrics, error) {
	return (&runtimeMetrics{MeterProvider: provider, replays: true}).start()
}

func (m *runtimeMetrics) start() (*runtimeMetrics, error) {
	always := runtime.WithMinimumReadMemStatsInterval(time.Nanosecond) // 0 would mean 15 s
	if err := runtime.Start(runtime.WithMeterProvider(m), always); err != nil {
		return nil, errors.Join(fmt.Errorf("start the runtime instrumentation: %w", err), m.stop())
	}
	return m, nil
}

// forget lets the next collection read the runtime's numbers anew.
func (m *runtimeMetrics) forget() {
	for _, r := range m.callbacks {
		r.forget()
	}
}

func (m *runtimeMetrics) stop() error { return unregister(m.registrations) }

func unregister(registrations []metric.Registration) error {
	var errs []error
	for _, r := range registrations {
		errs = append(errs, r.Unregister())
	}
	return errors.Join(errs...)
}

// Meter implements [metric.MeterProvider].
func (m *runtimeMetrics) Meter(name string, options ...metric.MeterOption) metric.Meter {
	return runtimeMeter{m.MeterProvider.Meter(name, options...), m}
}

type runtimeMeter struct {
	metric.Meter
	metrics *runtimeMetrics
}

// RegisterCallback implements [metric.Meter].
func (m runtimeMeter) RegisterCallback(f metric.Callback, instruments ...metric.Observable) (metric.Registration, error) {
	if m.metrics.replays {
		r := &replay{callback: f}
		m.metrics.callbacks = append(m.metrics.callbacks, r)
		f = r.observe
	}
	registration, err := m.Meter.RegisterCallback(f, instruments...)
	if err == nil {
		m.metrics.registrations = append(m.metrics.registrations, registration)
	}
	return registration, err
}

// replay lets every collection of one tick see the same: the first calls the callback, the others are told what it
// observed then. The runtime's numbers change from one microsecond to the next, and what is exported must be what was
// judged and served.
type replay struct {
	embedded.Observer
	callback metric.Callback

	mu     sync.Mutex
	filled bool
	ints   []observation[metric.Int64Observable, int64]
	floats []observation[metric.Float64Observable, float64]
}

type observation[I any, N int64 | float64] struct {
	instrument I
	value      N
	options    []metric.ObserveOption
}

// forget makes the next collection call the callback again.
func (r *replay) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.filled = false
}

// observe is the callback that is registered instead of the other.
func (r *replay) observe(ctx context.Context, o metric.Observer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.filled {
		r.ints, r.floats = r.ints[:0], r.floats[:0]
		if err := r.callback(ctx, r); err != nil {
			return err
		}
		r.filled = true
	}
	for _, seen := range r.ints {
		o.ObserveInt64(seen.instrument, seen.value, seen.options...)
	}
	for _, seen := range r.floats {
		o.ObserveFloat64(seen.instrument, seen.value, seen.options...)
	}
	return nil
}

// ObserveInt64 implements [metric.Observer] for the callback that is called.
func (r *replay) ObserveInt64(instrument metric.Int64Observable, value int64, options ...metric.ObserveOption) {
	r.ints = append(r.ints, observation[metric.Int64Observable, int64]{instrument, value, options})
}

// ObserveFloat64 implements [metric.Observer] likewise.
func (r *replay) ObserveFloat64(instrument metric.Float64Observable, value float64, options ...metric.ObserveOption) {
	r.floats = append(r.floats, observation[metric.Float64Observable, float64]{instrument, value, options})
}
