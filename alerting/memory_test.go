package alerting

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// memory is a store whose transactions are a mutex: what health/history does in SQLite, for tests of what is above it.
type memory struct {
	mu           sync.Mutex
	alerts       map[int64]health.Alert
	silences     []health.Silence
	transitions  map[string]bool // alert and number
	deliveries   []health.Delivery
	destinations []string
}

func newMemory(destinations ...string) *memory {
	return &memory{alerts: make(map[int64]health.Alert), transitions: make(map[string]bool), destinations: destinations}
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
		m.apply(NewPlan(t, m.destinations, m.of(t.Alert.ID)))
	}
}

func (m *memory) apply(p Plan) {
	for i := range m.deliveries {
		if d := &m.deliveries[i]; slices.Contains(p.Cancel, d.ID) {
			d.State = health.DeliveryCanceled
		}
	}
	for _, d := range p.Insert {
		d.ID = int64(len(m.deliveries) + 1)
		m.deliveries = append(m.deliveries, d)
	}
}

func (m *memory) of(alert int64) []health.Delivery {
	var of []health.Delivery
	for _, d := range m.deliveries {
		if d.AlertID == alert {
			of = append(of, d)
		}
	}
	return of
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

func (m *memory) Claim(_ context.Context, destination string, now time.Time, furthest time.Duration) (*health.Delivery, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var pending []health.Delivery
	for _, d := range m.deliveries {
		if d.Destination == destination && d.State == health.DeliveryPending {
			pending = append(pending, d)
		}
	}
	i, due := Next(pending, now, furthest)
	if i < 0 {
		return nil, due, nil
	}
	d := &m.deliveries[pending[i].ID-1]
	d.Attempts++
	claimed := *d
	return &claimed, time.Time{}, nil
}

func (m *memory) Settle(_ context.Context, d *health.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := &m.deliveries[d.ID-1]
	if kept.State == health.DeliveryPending || d.State == health.DeliverySent {
		kept.State, kept.NextTry, kept.Settled, kept.Error = d.State, d.NextTry, d.Settled, d.Error
	}
	return nil
}

func (m *memory) Abandon(_ context.Context, destinations []string, now time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for i := range m.deliveries {
		d := &m.deliveries[i]
		if d.State == health.DeliveryPending && !slices.Contains(destinations, d.Destination) {
			d.State, d.Settled, d.Error = health.DeliveryGivenUp, now, "its destination is no longer configured"
			n++
		}
	}
	return n, nil
}

func (m *memory) all() []health.Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.deliveries)
}
