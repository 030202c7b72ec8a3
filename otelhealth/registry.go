package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

// registry holds the callers of everything that users have registered.
type registry struct {
	mu      sync.Mutex
	callers []*caller
	leaving []*caller // removed, with a function that may still run
	closed  bool
}

// add starts a caller. The name must be new among those of its kind.
func (r *registry) add(name, kind string, call func(context.Context) (harvest, error)) (*caller, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errShutDown
	}
	same := func(c *caller) bool { return c.name == name && c.kind == kind }
	if slices.ContainsFunc(r.callers, same) {
		return nil, errNameTaken
	}
	c := newCaller(name, kind, call)
	r.callers = append(r.callers, c)
	return c, nil
}

// remove lets c go. A call that is running may still go on: its goroutine ends after it, and close waits for it.
func (r *registry) remove(c *caller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.callers = slices.DeleteFunc(r.callers, func(other *caller) bool { return other == c })
	r.leaving = slices.DeleteFunc(r.leaving, func(other *caller) bool { return hasEnded(other.stopped) })
	r.leaving = append(r.leaving, c)
	c.remove()
}

func hasEnded(stopped <-chan struct{}) bool {
	select {
	case <-stopped:
		return true
	default:
		return false
	}
}

// gathered is what all sources together brought at one tick.
type gathered struct {
	points   []numberedPoint
	metrics  []health.Metric
	failures []health.Failure
	failed   []failed
	sources  []alerting.Source // all that are registered
}

// failed is how often a source has failed until now.
type failed struct {
	labels labels
	count  int
}

// gather calls every source, runs meanwhile, and waits until all that are awaited have answered or the budget is used.
func (r *registry) gather(ctx context.Context, budget time.Duration, meanwhile func()) gathered {
	r.mu.Lock()
	callers := slices.Clone(r.callers)
	r.mu.Unlock()

	round := newRound(ctx, budget)
	for _, c := range callers {
		c.begin(round)
	}
	meanwhile()
	round.wait()
	g := gathered{sources: make([]alerting.Source, 0, len(callers)), points: make([]numberedPoint, 0, 6*len(callers))}
	for _, c := range callers {
		found, ok := c.collect(round)
		if !ok {
			continue
		}
		g.sources = append(g.sources, alerting.Source{Kind: c.kind, Name: c.name})
		if found.err != nil {
			c.failures++
			g.failures = append(g.failures, health.Failure{Source: c.name, Kind: c.kind, Error: found.err.Error()})
		}
		if c.failures > 0 {
			g.failed = append(g.failed, failed{c.labels, c.failures})
		}
		g.points = append(g.points, found.points...)
		g.metrics = append(g.metrics, found.metrics...)
	}
	return g
}

// close lets every goroutine end and waits for them until ctx does. The error names each that still runs.
func (r *registry) close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	callers := slices.Concat(r.callers, r.leaving)
	r.callers, r.leaving = nil, nil
	r.mu.Unlock()
	var errs []error
	for _, c := range callers {
		c.remove()
	}
	for _, c := range callers {
		errs = append(errs, c.wait(ctx))
	}
	return errors.Join(errs...)
}

// registration is a source that was given as an option.
type registration struct {
	kind, name string
	add        func(*Monitor) error
}

// Kinds of sources, as errors name them.
const (
	kindDatabase  = "database"
	kindWebSocket = "websocket source"
	kindSource    = "source"
)

func (r registration) sameAs(other registration) bool {
	return r.kind == other.kind && r.name == other.name
}

// checkSources returns everything that is wrong with the sources given as options, and among them. It adds them to a
// monitor that is disabled, which checks them and starts nothing.
func (c *config) checkSources() error {
	m := &Monitor{config: c, catalog: newCatalog(), disabled: true}
	var errs []error
	for i, r := range c.sources {
		errs = append(errs, r.add(m))
		if slices.ContainsFunc(c.sources[:i], r.sameAs) {
			errs = append(errs, fmt.Errorf("%s %q: %w", r.kind, r.name, errNameTaken))
		}
	}
	for _, check := range c.checks {
		database := registration{kind: kindDatabase, name: check.Name}
		if check.Kind == health.CheckDatabase && slices.ContainsFunc(c.sources, database.sameAs) {
			errs = append(errs, fmt.Errorf("check %q: %w", check.Name, errNameTaken)) // a database has one of that name
		}
	}
	return errors.Join(errs...)
}

var (
	errShutDown  = errors.New("the monitor has been shut down")
	errDisabled  = errors.New("health monitoring is disabled")
	errNameTaken = errors.New("the name is taken")
)

// checkName accepts what can stand in a path, a log line and an attribute alike.
func checkName(what, name string) error {
	if name == "" {
		return fmt.Errorf("%s: the name is empty", what)
	}
	if len(name) > maxName {
		return fmt.Errorf("%s %.20q…: the name has more than %d bytes", what, name, maxName)
	}
	for _, c := range name {
		if c < ' ' || c == 0x7f || c == 0xfffd {
			return fmt.Errorf("%s %q: the name holds a character that cannot be printed", what, name)
		}
	}
	return nil
}

const maxName = 200
