package alerting

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// memory is a store whose transactions are a mutex: what health/history does in SQLite, for tests of what is above it.
type memory struct {
	*MemoryOutbox
	mu          sync.Mutex
	alerts      map[int64]health.Alert
	silences    []health.Silence
	transitions map[string]bool // alert and number
}

func newMemory(destinations ...string) *memory {
	m := &memory{
		MemoryOutbox: NewMemoryOutbox(destinations), alerts: make(map[int64]health.Alert), transitions: make(map[string]bool),
	}
	m.keepsAll = true
	return m
}

// commit keeps the transitions and the deliveries that they cause.
func (m *memory) commit(transitions []health.Transition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range transitions {
		key := fmt.Sprint(t.Alert.ID, "/", t.Number)
		if m.transitions[key] {
			continue
		}
		m.transitions[key] = true
		m.alerts[t.Alert.ID] = t.Alert
		m.Record([]health.Transition{t})
	}
}

// refresh keeps the numbers of open alerts, as a store does with its samples.
func (m *memory) refresh(open []health.Alert) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range open {
		if old, ok := m.alerts[a.ID]; ok && old.Changes == a.Changes {
			m.alerts[a.ID] = a
		}
	}
}

func (m *memory) keepSilences(silences []health.Silence) { m.silences = silences }

func (m *memory) restart() {}

func (m *memory) ever() []health.Alert {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.alerts))
}

// saved is what the next process starts from.
func (m *memory) saved() Saved {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Saved{Silences: m.silences}
	for id, a := range m.alerts {
		s.LastID = max(s.LastID, id)
		if a.Open() || a.Held {
			s.Alerts = append(s.Alerts, a)
		}
	}
	return s
}

func (m *memory) all() []health.Delivery {
	m.MemoryOutbox.mu.Lock()
	defer m.MemoryOutbox.mu.Unlock()
	return append([]health.Delivery(nil), m.deliveries...)
}

// TestMemoryOutboxForgets keeps a process that lives for years from keeping every delivery that it ever made.
func TestMemoryOutboxForgets(t *testing.T) {
	o := NewMemoryOutbox([]string{"chat", "pager"})
	fires := health.Transition{Number: 1, Kind: health.TransitionFiring, Time: storyStart, Alert: health.Alert{ID: 1, State: health.AlertFiring, Severity: health.Warn, Changes: 1}}
	ends := fires
	ends.Number, ends.Kind, ends.Alert.State, ends.Alert.Changes = 2, health.TransitionResolved, health.AlertResolved, 2
	o.Record([]health.Transition{fires})
	deliver := func(destination string) {
		t.Helper()
		d, _, err := o.Claim(t.Context(), destination, storyStart, time.Hour)
		if d == nil || err != nil {
			t.Fatalf("%s: nothing is due: %v", destination, err)
		}
		d.State = health.DeliverySent
		if err := o.Settle(context.Background(), d); err != nil {
			t.Error(err)
		}
	}
	deliver("chat")
	o.Record([]health.Transition{ends}) // the pager never heard of it
	if len(o.deliveries) != 3 {
		t.Errorf("while resolved is to be told: got %d deliveries, want 3", len(o.deliveries))
	}
	deliver("chat")
	if len(o.deliveries) != 0 || len(o.over) != 0 {
		t.Errorf("in the end: got %+v", o.deliveries)
	}
	if err := o.Settle(t.Context(), &health.Delivery{ID: 1, AlertID: 1, State: health.DeliverySent}); err != nil {
		t.Errorf("one that is forgotten: %v", err)
	}
}
