package otelhealth

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// Heartbeat is the sign of life of one long-running loop: see [Monitor.Heartbeat]. Its methods are safe for concurrent
// use.
type Heartbeat struct {
	name   string
	id     int64
	within time.Duration
	vital  bool
	began  time.Time
	last   atomic.Int64 // nanoseconds after began, monotonic
	stop   func()
}

// HeartbeatOption changes what an overdue heartbeat means.
type HeartbeatOption func(*Heartbeat)

// Vital makes liveness fail while the heartbeat is overdue: the process cannot recover from that by itself.
func Vital() HeartbeatOption {
	return func(h *Heartbeat) { h.vital = true }
}

// Beat says that the loop is alive. It costs one reading of the clock and one atomic store.
func (h *Heartbeat) Beat() { h.last.Store(int64(time.Since(h.began))) }

// Stop ends the watch, when the loop ends as it should. It is idempotent.
func (h *Heartbeat) Stop() { h.stop() }

// overdue reports since when no beat has come, if that is too long.
func (h *Heartbeat) overdue(now time.Time) (since time.Time, overdue bool) {
	last := h.began.Add(time.Duration(h.last.Load()))
	return last, now.Sub(last) > h.within
}

// heartbeats are those that are watched.
type heartbeats struct {
	mu     sync.Mutex
	byName map[string]*Heartbeat
	lastID int64
	closed bool
}

func (hs *heartbeats) add(name string, within time.Duration, options []HeartbeatOption) (*Heartbeat, error) {
	if err := checkName("heartbeat", name); err != nil {
		return nil, err
	}
	if within <= 0 {
		return nil, fmt.Errorf("heartbeat %q: got within %v, want more than 0", name, within)
	}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.closed {
		return nil, fmt.Errorf("heartbeat %q: %w", name, errShutDown)
	}
	if hs.byName[name] != nil {
		return nil, fmt.Errorf("heartbeat %q: %w", name, errNameTaken)
	}
	if hs.byName == nil {
		hs.byName = make(map[string]*Heartbeat)
	}
	hs.lastID++
	h := &Heartbeat{name: name, id: hs.lastID, within: within, began: time.Now()}
	h.stop = func() { hs.remove(h) }
	if err := applyOptions(h, options, "an otelhealth.HeartbeatOption"); err != nil {
		return nil, fmt.Errorf("heartbeat %q: %w", name, err)
	}
	hs.byName[name] = h
	return h, nil
}

// close refuses what is added from now on.
func (hs *heartbeats) close() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.closed = true
}

func (hs *heartbeats) remove(h *Heartbeat) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.byName[h.name] == h {
		delete(hs.byName, h.name)
	}
}

// overdue returns the heartbeats that are, in the order of their registration.
func (hs *heartbeats) overdue(now time.Time) []health.Stuck {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	var stuck []health.Stuck
	for _, h := range hs.byName {
		if since, overdue := h.overdue(now); overdue {
			stuck = append(stuck, health.Stuck{Kind: health.StuckHeartbeat, ID: h.id, Name: h.name, Since: since, Vital: h.vital})
		}
	}
	slices.SortFunc(stuck, func(a, b health.Stuck) int { return cmp.Compare(a.ID, b.ID) })
	return stuck
}

// Heartbeat watches a long-running loop, which must call Beat on what is returned at least once within that time. An
// overdue heartbeat counts as stuck and is named; a [Vital] one fails liveness too. The name must be new.
func (m *Monitor) Heartbeat(name string, within time.Duration, options ...HeartbeatOption) (*Heartbeat, error) {
	return m.beats.add(name, within, options)
}
