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

// caller runs one user's function for the tick: in a goroutine of its own, one call at a time, with recover. A function
// that hangs holds only its own goroutine; the tick waits for it once, up to its budget, and from then on goes on
// without it until it returns.
type caller struct {
	name string
	kind string // one of health's kinds of sources
	call func(ctx context.Context) (harvest, error)

	start   chan *round   // at most one waits
	stopped chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	running *round // nil between calls
	since   time.Time
	removed bool
	result  result

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

type result struct {
	round *round
	harvest
	err error
}

// round is one tick's calls. Its done channel is closed when all of them have returned.
type round struct {
	ctx     context.Context
	waiting atomic.Int64
	done    chan struct{}
}

func newRound(ctx context.Context) *round {
	r := &round{ctx: ctx, done: make(chan struct{})}
	r.waiting.Store(1) // the tick's own, until it has started every call
	return r
}

func (r *round) finish() {
	if r.waiting.Add(-1) == 0 {
		close(r.done)
	}
}

// wait returns when every call has returned or ctx ends.
func (r *round) wait() {
	r.finish()
	select {
	case <-r.done:
	case <-r.ctx.Done():
	}
}

func newCaller(name, kind string, call func(context.Context) (harvest, error)) *caller {
	c := &caller{
		name: name, kind: kind, call: call,
		labels: newLabels(attribute.String(health.AttrSource, name), attribute.String(health.AttrSourceKind, kind)),
		start:  make(chan *round, 1), stopped: make(chan struct{}),
	}
	go c.loop()
	return c
}

func (c *caller) loop() {
	defer close(c.stopped)
	for r := range c.start {
		c.answer(r)
	}
}

// answer makes the round's call and keeps what it brought, also when the function ends the goroutine.
func (c *caller) answer(r *round) {
	h, err := harvest{}, errors.New("has ended its goroutine")
	defer func() {
		if p := recover(); p != nil {
			h, err = harvest{}, fmt.Errorf("panicked: %v", p)
		}
		c.mu.Lock()
		c.result = result{r, h, err}
		c.running = nil
		c.mu.Unlock()
		r.finish()
	}()
	h, err = c.call(r.ctx)
}

// begin starts a call for the round unless one is still running.
func (c *caller) begin(r *round) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil || c.removed {
		return
	}
	select {
	case <-c.stopped: // its function has ended the goroutine
		return
	default:
	}
	c.running, c.since = r, time.Now()
	r.waiting.Add(1)
	c.start <- r
}

// collect returns what the round's call brought, or why it brought nothing.
func (c *caller) collect(r *round) (harvest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.result.round == r:
		h, err := c.result.harvest, c.result.err
		c.result = result{}
		if err != nil {
			return harvest{}, err
		}
		return h, nil
	case c.running != nil:
		return harvest{}, fmt.Errorf("has not returned for %v", time.Since(c.since).Round(time.Millisecond))
	default:
		return harvest{}, errors.New("has ended its goroutine")
	}
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
