package alerting

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// MemoryOutbox is the outbox of a process that keeps no history: it holds to the same promises as long as the process
// lives, and everything in it is gone with the process. [NewMemoryOutbox] makes one; its methods are safe for concurrent
// use.
type MemoryOutbox struct {
	destinations []string

	mu         sync.Mutex
	deliveries []health.Delivery // in the order of their ids
	lastID     int64
	over       map[int64]bool // alerts that are resolved, with deliveries in memory
	keepsAll   bool           // for tests: nothing is forgotten
}

// NewMemoryOutbox returns an empty outbox for deliveries to these destinations.
func NewMemoryOutbox(destinations []string) *MemoryOutbox {
	return &MemoryOutbox{destinations: destinations, over: make(map[int64]bool)}
}

// Record plans the deliveries that the transitions cause. Each transition must come once, and those of one alert in
// order.
func (o *MemoryOutbox) Record(transitions []health.Transition) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range transitions {
		p := NewPlan(t, o.destinations, o.of(t.Alert.ID), false)
		for i := range o.deliveries {
			if d := &o.deliveries[i]; slices.Contains(p.Cancel, d.ID) {
				d.State, d.Settled = health.DeliveryCanceled, t.Time
			}
		}
		for _, d := range p.Insert {
			o.lastID++
			d.ID = o.lastID
			o.deliveries = append(o.deliveries, d)
		}
		if t.Kind == health.TransitionResolved {
			o.over[t.Alert.ID] = true
			o.forget(t.Alert.ID)
		}
	}
}

// Claim implements [Outbox].
func (o *MemoryOutbox) Claim(_ context.Context, destination string, now time.Time, furthest time.Duration) (*health.Delivery, time.Time, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var pending []health.Delivery
	for i := range o.deliveries {
		if d := &o.deliveries[i]; d.Destination == destination && d.State == health.DeliveryPending {
			pending = append(pending, *d)
		}
	}
	i, due := Next(pending, now, furthest)
	if i < 0 {
		return nil, due, nil
	}
	d := o.find(pending[i].ID)
	d.Attempts++
	claimed := *d
	return &claimed, time.Time{}, nil
}

// Settle implements [Outbox].
func (o *MemoryOutbox) Settle(_ context.Context, d *health.Delivery) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.find(d.ID)
	if kept == nil {
		return nil // canceled meanwhile, and forgotten
	}
	if kept.State == health.DeliveryPending || d.State == health.DeliverySent {
		kept.State, kept.NextTry, kept.Settled, kept.Error = d.State, d.NextTry, d.Settled, d.Error
	}
	o.forget(d.AlertID)
	return nil
}

// Abandon implements [Outbox].
func (o *MemoryOutbox) Abandon(_ context.Context, destinations []string, now time.Time) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for i := range o.deliveries {
		d := &o.deliveries[i]
		if d.State == health.DeliveryPending && !slices.Contains(destinations, d.Destination) {
			d.State, d.Settled, d.Error = health.DeliveryGivenUp, now, "its destination is no longer configured"
			n++
		}
	}
	return n, nil
}

func (o *MemoryOutbox) of(alert int64) []health.Delivery {
	var of []health.Delivery
	for i := range o.deliveries {
		if o.deliveries[i].AlertID == alert {
			of = append(of, o.deliveries[i])
		}
	}
	return of
}

// find returns the delivery of that id, and nil when there is none any more.
func (o *MemoryOutbox) find(id int64) *health.Delivery {
	i, ok := slices.BinarySearchFunc(o.deliveries, id, func(d health.Delivery, id int64) int { return int(d.ID - id) })
	if !ok {
		return nil
	}
	return &o.deliveries[i]
}

// forget lets go of the deliveries of an alert that is over, once none of them is pending.
func (o *MemoryOutbox) forget(alert int64) {
	if !o.over[alert] || o.keepsAll {
		return
	}
	for i := range o.deliveries {
		if d := &o.deliveries[i]; d.AlertID == alert && d.State == health.DeliveryPending {
			return
		}
	}
	delete(o.over, alert)
	o.deliveries = slices.DeleteFunc(o.deliveries, func(d health.Delivery) bool { return d.AlertID == alert })
}
