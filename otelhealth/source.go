package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Gauge declares a metric of a [Source].
type Gauge struct {
	Name        string // in OpenTelemetry's form, such as "orders.queue.length"
	Unit        string // UCUM: "{order}", "By", "s", "1"
	Description string
}

// Observe reports the value of one of the source's gauges, with attributes that tell several values apart. A later
// value for the same attributes replaces an earlier one. It is valid until Sample returns, and only in the goroutine
// that Sample runs in.
type Observe func(gauge string, value float64, attributes ...attribute.KeyValue)

// Source gives readings of the user's own: anything that is not a database or a WebSocket.
type Source struct {
	// Name is unique among the monitor's sources.
	Name string
	// Gauges are the metrics that Sample may observe.
	Gauges []Gauge
	// Sample is called at each tick, one call at a time, in a goroutine of its own. It should return when its context
	// ends; when it fails, panics or hangs, only this source's readings are missing. What is not observed is unknown.
	Sample func(ctx context.Context, observe Observe) error
}

func (s Source) check() error {
	var errs []error
	if len(s.Gauges) == 0 {
		errs = append(errs, errors.New("it declares no gauges"))
	}
	if s.Sample == nil {
		errs = append(errs, errors.New("its Sample is nil"))
	}
	return errors.Join(errs...)
}

// call runs Sample and keeps what it observed.
func (s Source) call(numbers map[string]int) func(context.Context) (harvest, error) {
	return func(ctx context.Context) (harvest, error) {
		var h harvest
		var errs []error
		observe := func(gauge string, value float64, attributes ...attribute.KeyValue) {
			number, ok := numbers[gauge]
			switch {
			case !ok:
				errs = append(errs, fmt.Errorf("observed %q, which it does not declare", gauge))
				return
			case math.IsNaN(value) || math.IsInf(value, 0):
				errs = append(errs, fmt.Errorf("observed %v for %q", value, gauge))
				return
			}
			var l labels
			if len(attributes) > 0 {
				l = labels{metric.WithAttributes(attributes...)}
			}
			h.points = append(h.points, numberedPoint{number, point{value, l}})
		}
		if err := s.Sample(ctx, observe); err != nil {
			errs = append(errs, err)
		}
		return h, errors.Join(errs...)
	}
}
