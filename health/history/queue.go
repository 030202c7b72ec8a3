package history

import (
	"sync"

	"github.com/otelhealth/otelhealth-go/health"
)

// entry is one thing to be written: exactly one of the fields is set.
type entry struct {
	snapshot    *health.Snapshot
	transitions []health.Transition
	silences    []health.Silence // all that are in force; not nil when it is what is set
}

// weight is how many records an entry counts for.
func (e *entry) weight() int { return max(1, len(e.transitions)) }

// queue holds what is to be written, in order, and never blocks. When it is full, the oldest of the same kind goes:
// samples never push out transitions.
type queue struct {
	limit int // of samples, and of transitions by themselves

	mu          sync.Mutex
	entries     []entry
	taken       int // entries at the front that are being written
	samples     int // not being written, like the two after it
	transitions int
	dropped     int64

	refreshed []health.Alert // open alerts whose numbers are to be kept; only the last ones count
	isFresh   bool

	ready chan struct{} // something was put in
	idle  chan struct{} // closed once nothing is left; nil while nobody waits for that
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, ready: make(chan struct{}, 1)}
}

func (q *queue) put(e entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.entries = append(q.entries, e)
	if e.snapshot != nil {
		if q.samples++; q.samples > q.limit {
			q.dropOldest(func(e *entry) bool { return e.snapshot != nil })
		}
	} else {
		q.transitions += e.weight()
		for q.transitions > q.limit && q.transitions > e.weight() {
			q.dropOldest(func(e *entry) bool { return e.snapshot == nil })
		}
	}
	q.poke()
}

// refresh replaces the alerts whose numbers are to be kept.
func (q *queue) refresh(alerts []health.Alert) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refreshed, q.isFresh = alerts, true
}

// takeRefreshed returns them once.
func (q *queue) takeRefreshed() ([]health.Alert, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	alerts, ok := q.refreshed, q.isFresh
	q.refreshed, q.isFresh = nil, false
	return alerts, ok
}

func (q *queue) poke() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// dropOldest drops the first such entry that is not being written.
func (q *queue) dropOldest(is func(*entry) bool) {
	for i := q.taken; i < len(q.entries); i++ {
		if e := &q.entries[i]; is(e) {
			q.discount(e)
			q.dropped += int64(e.weight())
			q.entries = append(q.entries[:i], q.entries[i+1:]...)
			return
		}
	}
}

func (q *queue) discount(e *entry) {
	if e.snapshot != nil {
		q.samples--
	} else {
		q.transitions -= e.weight()
	}
}

// take returns the first entries, of one kind and at most so many, to be written. They stay in the queue until done or
// giveUp; a failed attempt is followed by another take, which returns them again.
func (q *queue) take(most int) []entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.taken > 0 {
		q.taken--
		e := &q.entries[q.taken]
		if e.snapshot != nil {
			q.samples++
		} else {
			q.transitions += e.weight()
		}
	}
	for q.taken < min(most, len(q.entries)) {
		e := &q.entries[q.taken]
		if (e.snapshot != nil) != (q.entries[0].snapshot != nil) {
			break
		}
		q.discount(e)
		q.taken++
	}
	return append([]entry(nil), q.entries[:q.taken]...)
}

// done removes what was taken.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.remove()
}

// giveUp removes what was taken and counts it as dropped.
func (q *queue) giveUp() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.entries[:q.taken] {
		q.dropped += int64(q.entries[i].weight())
	}
	q.remove()
}

func (q *queue) remove() {
	left := copy(q.entries, q.entries[q.taken:])
	clear(q.entries[left:])
	q.entries, q.taken = q.entries[:left], 0
	if left == 0 && q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
}

// empty returns a channel that is closed once nothing is left to be written; nil: nothing is.
func (q *queue) empty() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.entries) == 0 {
		return nil
	}
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	return q.idle
}

// counts returns how many records wait and how many were dropped.
func (q *queue) counts() (waiting int, dropped int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.entries {
		waiting += q.entries[i].weight()
	}
	return waiting, q.dropped
}
