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

func newInstrument(meter metric.Meter, number int, info health.MetricInfo) (instrument, error) {
	i := instrument{number: number}
	unit, description := metric.WithUnit(info.Unit), metric.WithDescription(info.Description)
	var err error
	switch {
	case info.Integer && info.Kind == health.Counter:
		i.integer, err = meter.Int64ObservableCounter(info.Name, unit, description)
	case info.Integer:
		i.integer, err = meter.Int64ObservableGauge(info.Name, unit, description)
	case info.Kind == health.Counter:
		i.floating, err = meter.Float64ObservableCounter(info.Name, unit, description)
	default:
		i.floating, err = meter.Float64ObservableGauge(info.Name, unit, description)
	}
	if err != nil {
		return instrument{}, fmt.Errorf("create instrument %s: %w", info.Name, err)
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

// observeAll creates an instrument for each of the numbered metrics and registers one callback that observes whatever
// latest returns at that moment. The callback never fails and runs no code of a user.
func observeAll(meter metric.Meter, metrics []numbered, latest func() *sample) (metric.Registration, error) {
	instruments := make([]instrument, 0, len(metrics))
	observables := make([]metric.Observable, 0, len(metrics))
	var errs []error
	for _, m := range metrics {
		i, err := newInstrument(meter, m.number, m.info)
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
		if s == nil {
			return nil
		}
		for _, i := range instruments {
			if i.number < len(s.points) {
				i.observe(o, s.points[i.number])
			}
		}
		return nil
	}
	registration, err := meter.RegisterCallback(callback, observables...)
	if err != nil {
		return nil, fmt.Errorf("register callback: %w", err)
	}
	return registration, nil
}
