package otelhealth

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/otelhealth/otelhealth-go/health"
)

// instrument is a metric on one meter.
type instrument struct {
	number   int // in the catalog
	integer  metric.Int64Observable
	floating metric.Float64Observable
}

// newInstrument creates the metric on meter. With latest it observes by itself what latest returns, for as long as the
// meter's provider lives; without, it waits for a callback to be registered.
func newInstrument(meter metric.Meter, m numbered, latest func() *sample) (instrument, error) {
	i := instrument{number: m.number}
	unit, description := metric.WithUnit(m.info.Unit), metric.WithDescription(m.info.Description)
	// What stands for the callback where there is none is the unit once more, which changes nothing.
	var observeInt metric.Int64ObservableOption = unit
	var observeFloat metric.Float64ObservableOption = unit
	if latest != nil {
		observeInt = metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for _, p := range latest().of(m.number) {
				o.Observe(int64(p.value), p.labels...)
			}
			return nil
		})
		observeFloat = metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			for _, p := range latest().of(m.number) {
				o.Observe(p.value, p.labels...)
			}
			return nil
		})
	}
	var err error
	switch {
	case m.info.Integer && m.info.Kind == health.Counter:
		i.integer, err = meter.Int64ObservableCounter(m.info.Name, unit, description, observeInt)
	case m.info.Integer:
		i.integer, err = meter.Int64ObservableGauge(m.info.Name, unit, description, observeInt)
	case m.info.Kind == health.Counter:
		i.floating, err = meter.Float64ObservableCounter(m.info.Name, unit, description, observeFloat)
	default:
		i.floating, err = meter.Float64ObservableGauge(m.info.Name, unit, description, observeFloat)
	}
	if err != nil {
		return instrument{}, fmt.Errorf("create instrument %s: %w", m.info.Name, err)
	}
	return i, nil
}

func (i instrument) observable() metric.Observable {
	if i.integer != nil {
		return i.integer
	}
	return i.floating
}

func (i instrument) observe(o metric.Observer, points []point) {
	for _, p := range points {
		if i.integer != nil {
			o.ObserveInt64(i.integer, int64(p.value), p.labels...)
		} else {
			o.ObserveFloat64(i.floating, p.value, p.labels...)
		}
	}
}

// observeForGood lets each of the metrics observe what latest returns for as long as the meter's provider lives, which is
// as long as the monitor. A callback for each instrument costs the SDK less than one for all of them, but cannot be
// taken back.
func observeForGood(meter metric.Meter, metrics []numbered, latest func() *sample) error {
	var errs []error
	for _, m := range metrics {
		_, err := newInstrument(meter, m, latest)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// observeUntil lets the metrics observe what latest returns until the registration is taken back: for a provider that is
// the application's.
func observeUntil(meter metric.Meter, metrics []numbered, latest func() *sample) (metric.Registration, error) {
	instruments := make([]instrument, 0, len(metrics))
	observables := make([]metric.Observable, 0, len(metrics))
	var errs []error
	for _, m := range metrics {
		i, err := newInstrument(meter, m, nil)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		instruments = append(instruments, i)
		observables = append(observables, i.observable())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	callback := func(_ context.Context, o metric.Observer) error {
		s := latest()
		for _, i := range instruments {
			i.observe(o, s.of(i.number))
		}
		return nil
	}
	registration, err := meter.RegisterCallback(callback, observables...)
	if err != nil {
		return nil, fmt.Errorf("register callback: %w", err)
	}
	return registration, nil
}
