package otelhealth

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// check asks in the background, after each tick, whether something answers: in a goroutine of its own, one call at a
// time, with a deadline and recover. It runs after the tick, not beside it, so that the descriptors it may open for a
// moment are not counted.
type check struct {
	probe   func(context.Context) error
	timeout time.Duration
	changed func() // called when the status has changed, without a lock held

	start   chan struct{} // at most one waits
	stopped chan struct{} // closed when the goroutine has ended
	cancel  context.CancelFunc

	mu      sync.Mutex
	state   health.CheckState
	running bool
	since   time.Time
	removed bool
}

func newCheck(state health.CheckState, timeout time.Duration, probe func(context.Context) error, changed func()) *check {
	ctx, cancel := context.WithCancel(context.Background())
	c := &check{
		probe: probe, timeout: timeout, changed: changed, state: state, cancel: cancel,
		start: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	go c.loop(ctx)
	return c
}

func (c *check) loop(ctx context.Context) {
	defer close(c.stopped)
	for range c.start {
		if ctx.Err() != nil {
			return // removed
		}
		began := time.Now()
		err := c.guarded(ctx)
		if took := time.Since(began); err == nil && took > c.timeout {
			err = fmt.Errorf("answered after %v, later than %v", took.Round(time.Millisecond), c.timeout)
		}
		c.mu.Lock()
		c.running = false
		c.mu.Unlock()
		if ctx.Err() == nil {
			c.found(err, time.Since(began))
		}
	}
}

func (c *check) guarded(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panicked: %v", p)
		}
	}()
	return c.probe(ctx)
}

// found keeps what a call brought.
func (c *check) found(err error, took time.Duration) {
	status, text := health.Pass, ""
	if err != nil {
		status, text = health.Fail, err.Error()
	}
	now := time.Now().UTC()
	c.mu.Lock()
	changed := c.state.Status != status
	if changed {
		c.state.Since = now
	}
	c.state.Status, c.state.Error, c.state.Time, c.state.Duration = status, text, now, took
	c.mu.Unlock()
	if changed {
		c.changed()
	}
}

// kick starts a call, unless one is running. One that has been running for longer than it may counts as failed.
func (c *check) kick() {
	c.mu.Lock()
	if c.removed {
		c.mu.Unlock()
		return
	}
	if !c.running {
		c.running, c.since = true, time.Now()
		c.start <- struct{}{}
		c.mu.Unlock()
		return
	}
	took := time.Since(c.since)
	c.mu.Unlock()
	if took > c.timeout {
		c.found(fmt.Errorf("has not returned for %v", took.Round(time.Millisecond)), took)
	}
}

// latest returns what the check found last.
func (c *check) latest() health.CheckState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// remove cancels the call that is running, if any, and lets the goroutine end after it.
func (c *check) remove() {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.removed {
		c.removed = true
		close(c.start)
	}
}

// wait returns nil once the goroutine has ended, and an error that names the check when ctx ends first.
func (c *check) wait(ctx context.Context) error {
	return ended(ctx, c.stopped, fmt.Sprintf("the probe of %s %q", c.state.Kind, c.state.Name))
}

// addCheck watches c from now on; a monitor that is shut down refuses it.
func (m *Monitor) addCheck(c *check) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		c.remove() // before its first call
		return errShutDown
	}
	m.checks = append(m.checks, c)
	sampled := m.latest != nil
	m.mu.Unlock()
	if sampled { // otherwise the first tick starts it
		c.kick()
		m.republish()
	}
	return nil
}

func (m *Monitor) removeCheck(c *check) {
	m.mu.Lock()
	for i := range m.checks {
		if m.checks[i] == c {
			m.checks = append(m.checks[:i:i], m.checks[i+1:]...)
			break
		}
	}
	m.leaving = slices.DeleteFunc(m.leaving, func(other *check) bool { return hasEnded(other.stopped) })
	m.leaving = append(m.leaving, c)
	m.mu.Unlock()
	c.remove()
	m.republish()
}
