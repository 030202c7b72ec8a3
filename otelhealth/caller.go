package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// caller runs one user's function for the tick: in a goroutine of its own, one call at a time, with recover. The tick
// waits for a function up to its budget. For one that took more than half of that it does not wait again, until it has
// been quicker: what such a function brings is taken at the next tick.
type caller struct {
	name string
	kind string // one of health's kinds of sources
	call func(ctx context.Context) (harvest, error)

	start   chan job      // at most one waits
	stopped chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	running *round // nil between calls
	since   time.Time
	removed bool
	slow    bool   // the tick does not wait for it
	result  result // of the last call, until it is collected
	late    result // of a call that an earlier tick began

	failures int    // counted by the tick alone
	labels   labels // of the metric that counts them
}

// harvest is what one call brought.
type harvest struct {
	points  []numberedPoint
	metrics []health.Metric // of the application's own providers
}

type numberedPoint struct {
	number int
	point
}

// result is what a call brought, and of an application's provider also what else went wrong.
type result struct {
	round *round
	took  time.Duration
	harvest
	err error
}

// job is one call.
type job struct {
	round   *round
	awaited bool
}

// round is one tick's calls.
type round struct {
	ctx     context.Context // ends with the budget, or when all calls have returned
	cancel  context.CancelFunc
	budget  time.Duration
	done    chan struct{} // closed when all calls that are awaited have returned
	awaited atomic.Int64
	all     atomic.Int64
}

func newRound(ctx context.Context, budget time.Duration) *round {
	r := &round{budget: budget, done: make(chan struct{})}
	r.ctx, r.cancel = context.WithTimeout(ctx, budget)
	r.begun(true) // the tick's own, until it has started every call
	return r
}

func (r *round) begun(awaited bool) {
	r.all.Add(1)
	if awaited {
		r.awaited.Add(1)
	}
}

func (r *round) finish(awaited bool) {
	if awaited && r.awaited.Add(-1) == 0 {
		close(r.done)
	}
	if r.all.Add(-1) == 0 {
		r.cancel()
	}
}

// wait returns when every awaited call has returned or the budget is used up.
func (r *round) wait() {
	defer r.finish(false)
	if r.awaited.Add(-1) == 0 {
		return
	}
	select {
	case <-r.done:
	case <-r.ctx.Done():
	}
}

func newCaller(name, kind string, call func(context.Context) (harvest, error)) *caller {
	c := &caller{
		name: name, kind: kind, call: call,
		labels: newLabels(attribute.String(health.AttrSource, name), attribute.String(health.AttrSourceKind, kind)),
		start:  make(chan job, 1), stopped: make(chan struct{}),
	}
	go c.loop()
	return c
}

func (c *caller) loop() {
	defer close(c.stopped)
	for j := range c.start {
		c.answer(j)
	}
}

var errEnded = errors.New("has ended its goroutine")

// answer makes the call and keeps what it brought, also when the function ends the goroutine. A function that was
// removed is not called any more.
func (c *caller) answer(j job) {
	h, err, began := harvest{}, errEnded, time.Now()
	defer func() {
		if p := recover(); p != nil {
			h, err = harvest{}, fmt.Errorf("panicked: %v", p)
		}
		c.mu.Lock()
		c.result = result{j.round, time.Since(began), h, err}
		c.running = nil
		c.mu.Unlock()
		j.round.finish(j.awaited)
	}()
	c.mu.Lock()
	removed := c.removed
	c.mu.Unlock()
	if !removed {
		h, err = c.call(j.round.ctx)
	}
}

// begin starts a call for the round unless one is still running.
func (c *caller) begin(r *round) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = result{}
	if c.running != nil || c.removed {
		return
	}
	select {
	case <-c.stopped: // its function has ended the goroutine
		return
	default:
	}
	c.late, c.result = c.result, result{}
	c.running, c.since = r, time.Now()
	r.begun(!c.slow)
	c.start <- job{r, !c.slow}
}

// collect returns what the round's call brought, of a slow function what the call before brought, or why there is
// nothing. ok is false for a source that has been removed meanwhile.
func (c *caller) collect(r *round) (found result, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found = c.late
	switch {
	case c.removed:
		return result{}, false
	case c.result.round == r:
		found, c.result = c.result, result{}
		c.slow = found.took > r.budget/2
	case c.late.round != nil:
		c.slow = found.took > r.budget/2
	case c.running != nil:
		c.slow = true
		found.err = fmt.Errorf("has not returned for %v", time.Since(c.since).Round(time.Millisecond))
	default:
		found.err = errEnded
	}
	return found, true
}

// remove lets the goroutine end after the call that is running, if any.
func (c *caller) remove() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.removed {
		c.removed = true
		close(c.start)
	}
}

// wait returns nil once the goroutine has ended, and an error that names the source when ctx ends first.
func (c *caller) wait(ctx context.Context) error {
	return ended(ctx, c.stopped, fmt.Sprintf("%s %q", c.kind, c.name))
}

// ended waits until stopped is closed. When ctx ends first, the error says that what, a user's function, still runs.
func ended(ctx context.Context, stopped <-chan struct{}, what string) error {
	select {
	case <-stopped: // also when ctx has ended
		return nil
	default:
	}
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s ignores its context and still runs", what)
	}
}
