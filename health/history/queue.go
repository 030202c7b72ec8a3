package history

import (
	"slices"
	"sync"

	"github.com/otelhealth/otelhealth-go/health"
)

// entry is one thing to be written: exactly one of snapshot, transitions, silences and silence is set.
type entry struct {
	snapshot    *health.Snapshot
	transitions []health.Transition
	isInformed  bool             // who recorded the transitions has read what an earlier process left
	silences    []health.Silence // all that are in force; not nil when it is what is set
	silence     *health.Silence  // of one rule, or that it is over
}

// weight is how many records an entry counts for.
func (e *entry) weight() int { return max(1, len(e.transitions)) }

// queue holds what is to be written, and never blocks. Alerts, which are transitions and silences, have a lane of their
// own and go first: neither are they pushed out by samples, nor do they wait behind those that find no room in the file.
type queue struct {
	mu            sync.Mutex
	alerts        lane
	samples       lane
	takenSamples  bool // what is being written, if anything, is samples
	dropped       int64
	refreshed     []health.Alert // open alerts whose numbers are to be kept; only the last ones count
	isFresh       bool
	ready, urgent chan struct{} // something, or an alert, was put in
	idle          chan struct{} // closed once nothing is left; nil while nobody waits for that
}

// newQueue returns a queue that holds so many samples, and as many transitions.
func newQueue(limit int) *queue {
	return &queue{
		alerts: lane{limit: limit}, samples: lane{limit: limit},
		ready: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
	}
}

// put adds an entry. When its lane is full, the oldest one in there goes.
func (q *queue) put(e entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.snapshot != nil {
		q.dropped += q.samples.put(e)
	} else {
		q.dropped += q.alerts.put(e)
		poke(q.urgent)
	}
	poke(q.ready)
}

// poke wakes who waits for a channel that holds one signal.
func poke(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
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

// take returns the first entries, alerts before samples and at most so many, to be written. They stay in the queue until
// done or giveUp; a failed attempt is followed by another take, which begins anew.
func (q *queue) take(most int) []entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.alerts.putBack()
	q.samples.putBack()
	q.takenSamples = len(q.alerts.entries) == 0
	return q.taken().take(most)
}

// taken is the lane of what is being written.
func (q *queue) taken() *lane {
	if q.takenSamples {
		return &q.samples
	}
	return &q.alerts
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
	q.dropped += q.remove()
}

func (q *queue) remove() int64 {
	removed := q.taken().remove()
	if len(q.alerts.entries)+len(q.samples.entries) == 0 && q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
	return removed
}

// empty returns a channel that is closed once nothing is left to be written; nil: nothing is.
func (q *queue) empty() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.alerts.entries)+len(q.samples.entries) == 0 {
		return nil
	}
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	return q.idle
}

// drop counts records that were given up.
func (q *queue) drop(records int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += records
}

// counts returns how many records wait and how many were dropped.
func (q *queue) counts() (waiting int, dropped int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.alerts.count() + q.samples.count(), q.dropped
}

// lane is a part of the queue, in order.
type lane struct {
	limit   int // of records, but for those being written
	entries []entry
	taken   int // entries at the front that are being written
	waiting int // records of the others
}

// put adds an entry, and returns how many records it pushed out: never those being written, nor the entry itself.
func (l *lane) put(e entry) (dropped int64) {
	l.entries = append(l.entries, e)
	l.waiting += e.weight()
	first := l.taken
	for l.waiting > l.limit && first < len(l.entries)-1 {
		l.waiting -= l.entries[first].weight()
		dropped += int64(l.entries[first].weight())
		first++
	}
	l.entries = slices.Delete(l.entries, l.taken, first)
	return dropped
}

func (l *lane) take(most int) []entry {
	for ; l.taken < min(most, len(l.entries)); l.taken++ {
		l.waiting -= l.entries[l.taken].weight()
	}
	return append([]entry(nil), l.entries[:l.taken]...)
}

func (l *lane) putBack() {
	for ; l.taken > 0; l.taken-- {
		l.waiting += l.entries[l.taken-1].weight()
	}
}

// remove removes what was taken, and returns how many records that was.
func (l *lane) remove() (removed int64) {
	for i := range l.entries[:l.taken] {
		removed += int64(l.entries[i].weight())
	}
	l.entries, l.taken = slices.Delete(l.entries, 0, l.taken), 0
	return removed
}

func (l *lane) count() (records int) {
	for i := range l.entries {
		records += l.entries[i].weight()
	}
	return records
}
