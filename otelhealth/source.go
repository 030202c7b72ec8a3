package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"sync"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelhealth/otelhealth-go/health"
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

// gaugePattern is what OpenTelemetry's specification allows as an instrument's name.
var gaugePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]{0,254}$`)

func (s Source) check() error {
	var errs []error
	if len(s.Gauges) == 0 {
		errs = append(errs, errors.New("it declares no gauges"))
	}
	for _, g := range s.Gauges {
		if !gaugePattern.MatchString(g.Name) {
			errs = append(errs, fmt.Errorf("gauge %q: want a name of letters, digits and _ . - /, that begins with a letter and has at most 255", g.Name))
		}
		if !utf8.ValidString(g.Unit + g.Description) {
			errs = append(errs, fmt.Errorf("gauge %q: its unit or description is not UTF-8", g.Name))
		}
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
			for _, kv := range attributes {
				if !utf8.ValidString(string(kv.Key)) || !utf8.ValidString(kv.Value.String()) {
					errs = append(errs, fmt.Errorf("observed %q with an attribute %q that is not UTF-8", gauge, kv.Key))
					return
				}
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
		if err := errors.Join(errs...); err != nil {
			return harvest{}, err
		}
		return h, nil
	}
}

// AddSource adds readings of any other kind, under instruments that are made from the source's gauges. remove ends
// them.
func (m *Monitor) AddSource(s Source) (remove func(), err error) {
	if err := checkName("source", s.Name); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	metrics, err := m.catalog.gauges(s.Gauges)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	numbers := make(map[string]int, len(metrics))
	for _, n := range metrics {
		numbers[n.info.Name] = n.number
	}
	if m.disabled {
		return func() {}, nil
	}
	return m.startSource(s, numbers, metrics)
}

// customScope is the instrumentation scope of the gauges of sources.
const customScope = health.Scope + "/source"

func (m *Monitor) startSource(s Source, numbers map[string]int, metrics []numbered) (remove func(), err error) {
	registrations, err := m.observeCustom(metrics)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	caller, err := m.sources.add(s.Name, health.SourceCustom, s.call(numbers))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("source %q: %w", s.Name, err), unregister(registrations))
	}
	m.mu.Lock()
	closed := m.closed
	if !closed {
		m.custom[s.Name] = registrations
	}
	m.mu.Unlock()
	if closed {
		m.sources.remove(caller)
		return nil, errors.Join(fmt.Errorf("source %q: %w", s.Name, errShutDown), unregister(registrations))
	}
	return sync.OnceFunc(func() {
		m.mu.Lock()
		delete(m.custom, s.Name)
		m.mu.Unlock()
		if err := unregister(registrations); err != nil {
			m.logger.Warn("a source's gauges are still registered", "source", s.Name, "error", err)
		}
		m.sources.remove(caller)
	}), nil
}

// observeCustom makes the instruments of a source's gauges: on the private provider once and for good, on the
// application's until the source is removed.
func (m *Monitor) observeCustom(metrics []numbered) ([]metric.Registration, error) {
	if err := m.catalog.once(metrics, func(missing []numbered) error {
		return observeForGood(m.pipeline.provider.Meter(customScope), missing, m.sampled.Load)
	}); err != nil {
		return nil, err
	}
	if m.config.provider == nil {
		return nil, nil
	}
	registration, err := observeUntil(m.config.provider.Meter(customScope), metrics, m.published.Load)
	if err != nil {
		return nil, fmt.Errorf("the application's meter provider: %w", err)
	}
	return []metric.Registration{registration}, nil
}
