package alerting

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// destination is a notifier with what its goroutine knows.
type destination struct {
	notifier Notifier
	name     string
	wake     chan struct{}

	mu    sync.Mutex
	stats health.DestinationStats
	ill   bool // the outbox failed last time
}

func (w *Worker) abandon(ctx context.Context) {
	for failures := 1; ctx.Err() == nil; failures++ {
		n, err := w.config.Outbox.Abandon(ctx, w.Destinations(), time.Now().UTC())
		if err == nil {
			w.abandoned.Store(int64(n))
			if n > 0 {
				w.config.Logger.Warn("deliveries given up: their destinations are no longer configured", "count", n)
			}
			return
		}
		pause(ctx, w.backoff(failures), nil) // that the outbox fails is said by who delivers
	}
}

// serve delivers to one destination until ctx ends.
func (w *Worker) serve(ctx context.Context, d *destination) {
	for failures := 0; ctx.Err() == nil; {
		delivery, next, err := w.config.Outbox.Claim(ctx, d.name, time.Now().UTC(), w.config.Longest)
		w.noteOutbox(ctx, d, err)
		switch {
		case err != nil:
			failures++
			pause(ctx, w.backoff(failures), nil)
		case delivery == nil:
			failures = 0
			wait := w.config.Longest // at the latest: the wall clock may jump
			if !next.IsZero() {
				wait = min(max(time.Until(next), 0), wait)
			}
			pause(ctx, wait, d.wake)
		default:
			failures = 0
			w.deliver(ctx, d, delivery)
		}
	}
}

// deliver makes one attempt and settles it. It does not return before that is recorded, or the same would be delivered
// over and over while the disk is full.
func (w *Worker) deliver(ctx context.Context, d *destination, delivery *health.Delivery) {
	d.begin()
	err := w.attempt(ctx, d.notifier, delivery)
	w.outcome(delivery, err, time.Now().UTC())
	before := d.end(delivery, err)
	w.logOutcome(delivery, before, delivery.Error)
	for failures := 1; ; failures++ {
		settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.config.Timeout)
		err := w.config.Outbox.Settle(settling, delivery)
		cancel()
		w.noteOutbox(ctx, d, err)
		if err == nil || ctx.Err() != nil {
			return
		}
		pause(ctx, w.backoff(failures), nil)
	}
}

// attempt calls the notifier, whose panic is an error like another.
func (w *Worker) attempt(ctx context.Context, n Notifier, d *health.Delivery) (err error) {
	ctx, cancel := context.WithTimeout(ctx, w.config.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the notifier panicked: %v", p)
		}
	}()
	return n.Notify(ctx, Notification{Key: w.config.Origin + d.Key, Kind: d.Kind, Alert: d.Alert, Attempt: d.Attempts})
}

// outcome writes into the delivery what became of the attempt.
func (w *Worker) outcome(d *health.Delivery, err error, now time.Time) {
	switch {
	case err == nil:
		d.State, d.Settled, d.Error = health.DeliverySent, now, ""
	case isPermanent(err) || d.Attempts >= w.config.Attempts:
		d.State, d.Settled, d.Error = health.DeliveryGivenUp, now, err.Error()
	default:
		d.NextTry, d.Error = now.Add(w.backoff(d.Attempts)), err.Error()
	}
}

// backoff is the wait after so many failures: doubled each time, between half of that and all of it at random.
func (w *Worker) backoff(failures int) time.Duration {
	wait := w.config.Longest
	if shift := failures - 1; shift < 32 && w.config.First<<shift>>shift == w.config.First {
		wait = min(wait, w.config.First<<shift)
	}
	return wait/2 + rand.N(wait/2+1)
}

// logOutcome logs when a destination begins to fail, when it works again, and every delivery that is given up.
func (w *Worker) logOutcome(d *health.Delivery, before, after string) {
	log := w.config.Logger.With("destination", d.Destination)
	switch {
	case d.State == health.DeliveryGivenUp:
		log.Error("a notification is given up", "alert", d.AlertID, "kind", string(d.Kind), "attempts", d.Attempts, "error", after)
	case after != "" && before == "":
		log.Warn("notifications cannot be delivered; they are tried again", "error", after)
	case after == "" && before != "":
		log.Info("notifications are delivered again")
	}
}

// noteOutbox logs when the outbox begins to fail, and when it works again.
func (w *Worker) noteOutbox(ctx context.Context, d *destination, err error) {
	switch {
	case ctx.Err() != nil || d.ill == (err != nil):
		return
	case err != nil:
		w.config.Logger.Error("the outbox fails", "destination", d.name, "error", err)
	default:
		w.config.Logger.Info("the outbox works again", "destination", d.name)
	}
	d.ill = err != nil
}

func (d *destination) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.Trying = time.Now().UTC()
}

// end counts the attempt and returns the error of the one before.
func (d *destination) end(delivery *health.Delivery, err error) (before string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before = d.stats.Error
	d.stats.Trying, d.stats.Error = time.Time{}, delivery.Error
	if err != nil {
		d.stats.Failed++
	}
	switch delivery.State {
	case health.DeliverySent:
		d.stats.Sent++
	case health.DeliveryGivenUp:
		d.stats.GivenUp++
	case health.DeliveryPending, health.DeliveryCanceled:
	}
	return before
}

// pause waits that long, or until ctx ends or wake is sent to.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}
