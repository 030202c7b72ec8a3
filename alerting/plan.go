package alerting

import (
	"fmt"
	"slices"

	"github.com/otelhealth/otelhealth-go/health"
)

// Plan is what a transition does to the outbox. A store commits it in one transaction with the transition.
type Plan struct {
	Insert []health.Delivery // new ones, pending, due at once, without ID
	Cancel []int64           // ids of pending ones that nothing has been attempted of, or that a later one overtakes
}

// NewPlan says which deliveries a transition causes and which it makes pointless. existing are all deliveries of this
// alert so far, in any state and to any destination, in the order of insertion, as the transaction reads them. For each
// destination by itself:
//
//   - Firing, and a change of severity, tell that the alert fires. That overtakes a pending firing, so that at most one
//     is pending; what has been attempted of the one overtaken counts all the same.
//   - Resolved is told to a destination that a firing may have reached, after it. To another the firing that is still
//     pending is canceled, and resolved is not told at all.
//   - A silenced alert tells nothing but resolved. A silence cancels a pending firing, also one that is being tried again.
//     When it ends, what the destination may not know yet is told, unless somebody has acknowledged it.
//   - A destination that is no longer configured is told that it is resolved once it is configured again, if it was told
//     that it fires.
//
// A firing may have reached a destination from the moment that an attempt was begun: a store must count an attempt, and
// commit that, before it is made ([Outbox]).
//
// lost says that earlier transitions of the alert are not in the store: its file was exchanged, or its queue overflowed.
// Nobody knows what was told then, so every destination counts as reached.
func NewPlan(t health.Transition, destinations []string, existing []health.Delivery, lost bool) Plan {
	var p Plan
	switch t.Kind {
	case health.TransitionFiring, health.TransitionEscalated, health.TransitionDeescalated:
		if !t.Alert.Silenced() {
			p.tellFiring(t, destinations, existing)
		}
	case health.TransitionUnsilenced:
		if t.Alert.State == health.AlertFiring && !t.Alert.Silenced() && !t.Alert.Acknowledged() {
			p.tellFiring(t, strangers(t.Alert.Severity, destinations, existing), existing)
		}
	case health.TransitionSilenced:
		p.cancel(existing, func(d *health.Delivery) bool { return d.Kind == health.DeliverFiring })
	case health.TransitionResolved:
		p.tellResolved(t, destinations, existing, lost)
	case health.TransitionPending, health.TransitionAcknowledged, health.TransitionNoData,
		health.TransitionDataReturned, health.TransitionReleased:
	}
	return p
}

// cancel cancels the pending deliveries that pointless says are.
func (p *Plan) cancel(existing []health.Delivery, pointless func(*health.Delivery) bool) {
	for i := range existing {
		if d := &existing[i]; d.State == health.DeliveryPending && pointless(d) {
			p.Cancel = append(p.Cancel, d.ID)
		}
	}
}

func (p *Plan) tellFiring(t health.Transition, destinations []string, existing []health.Delivery) {
	for _, destination := range destinations {
		p.cancel(existing, func(d *health.Delivery) bool {
			return d.Destination == destination && d.Kind == health.DeliverFiring
		})
		p.Insert = append(p.Insert, newDelivery(t, health.DeliverFiring, destination))
	}
}

// tellResolved cancels what has not been attempted, and tells who may have heard of the alert.
func (p *Plan) tellResolved(t health.Transition, destinations []string, existing []health.Delivery, lost bool) {
	p.cancel(existing, func(d *health.Delivery) bool {
		return d.Kind == health.DeliverFiring && !d.MayHaveArrived()
	})
	for _, destination := range everTold(destinations, existing) {
		reached, told := lost && t.Alert.Fired(), false
		for i := range existing {
			if d := &existing[i]; d.Destination == destination {
				reached = reached || d.Kind == health.DeliverFiring && d.MayHaveArrived()
				told = told || d.Kind == health.DeliverResolved
			}
		}
		if reached && !told {
			p.Insert = append(p.Insert, newDelivery(t, health.DeliverResolved, destination))
		}
	}
}

// everTold returns the destinations, and those that something was meant for before.
func everTold(destinations []string, existing []health.Delivery) []string {
	all := slices.Clone(destinations)
	for i := range existing {
		if d := existing[i].Destination; !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// strangers returns the destinations that may not know, and will not learn, that the alert fires at this severity: nobody
// can tell what became of an attempt that was broken off.
func strangers(severity health.Status, destinations []string, existing []health.Delivery) []string {
	var unaware []string
	for _, destination := range destinations {
		aware := false
		for i := range existing {
			switch d := &existing[i]; {
			case d.Destination != destination:
			case d.State == health.DeliverySent, d.State == health.DeliveryPending:
				aware = d.Severity == severity
			case d.MayHaveArrived():
				aware = false
			}
		}
		if !aware {
			unaware = append(unaware, destination)
		}
	}
	return unaware
}

func newDelivery(t health.Transition, kind health.DeliveryKind, destination string) health.Delivery {
	return health.Delivery{
		Key:         fmt.Sprintf("%d-%d-%d/%s", t.Alert.ID, t.Alert.Began.UnixMilli(), t.Number, destination),
		Destination: destination,
		AlertID:     t.Alert.ID,
		Number:      t.Number,
		Kind:        kind,
		Severity:    t.Alert.Severity,
		State:       health.DeliveryPending,
		Created:     t.Time,
		NextTry:     t.Time,
		Alert:       t.Alert,
	}
}
