package alerting

import (
	"context"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// Outbox is where deliveries wait, as a [Worker] needs it. A store implements it, durably: what a method has returned
// survives a crash. Its methods are called concurrently, each destination by one goroutine.
type Outbox interface {
	// Claim begins an attempt: it picks the delivery to try next at the destination, raises its Attempts, commits that,
	// and returns it with its Alert. [Next] says which it is. When none is due, it returns nil and the time at which the
	// next one will be, zero when nothing is pending.
	Claim(ctx context.Context, destination string, now time.Time, furthest time.Duration) (*health.Delivery, time.Time, error)

	// Settle records how the attempt ended: the State, NextTry, Settled and Error of d. A delivery that has been canceled
	// meanwhile changes to sent, but to nothing else.
	Settle(ctx context.Context, d *health.Delivery) error

	// Abandon gives up every pending delivery to a destination other than these, and returns how many there were.
	Abandon(ctx context.Context, destinations []string, now time.Time) (int, error)
}

// Next picks from the pending deliveries to one destination, in the order of their ids, the one to try next: of each
// alert only its oldest may be tried, and of those that are due the one that has been due longest. A delivery whose
// NextTry is further off than furthest is due: no worker waits that long, so the wall clock must have jumped. When none
// is due, Next returns -1 and the time at which the first will be, zero when there is none.
//
// In SQL: among the rows with the least id of each alert, WHERE next_try <= now OR next_try > now + furthest ORDER BY
// next_try, id LIMIT 1.
func Next(pending []health.Delivery, now time.Time, furthest time.Duration) (index int, due time.Time) {
	index = -1
	first := make(map[int64]bool, len(pending))
	for i := range pending {
		d := &pending[i]
		if first[d.AlertID] {
			continue
		}
		first[d.AlertID] = true
		isDue := !d.NextTry.After(now) || d.NextTry.Sub(now) > furthest
		switch {
		case isDue && (index < 0 || d.NextTry.Before(pending[index].NextTry)):
			index = i
		case !isDue && (due.IsZero() || d.NextTry.Before(due)):
			due = d.NextTry
		}
	}
	if index >= 0 {
		return index, time.Time{}
	}
	return -1, due
}
