package spool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	spacing      = 50 * time.Millisecond // between requests of the backlog
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Second
	idle         = 10 * time.Second // between looks at a spool that is empty, or cannot be opened
	triesInTurn  = 3                // of one request, before the next one has its turn
)

// round is how far the goroutine is.
type round struct {
	after  uint64    // the requests up to this number had their turn
	failed int       // tries of the next one
	sent   bool      // whether one was settled since the first had its turn
	pauses int       // in a row
	next   time.Time // of the next try
	away   bool      // at the last step
}

// run sends what is kept until nothing more is to be sent.
func (f *Forwarder) run() {
	defer close(f.stopped)
	var r round
	timer := time.NewTimer(0)
	defer timer.Stop()
	closing := f.closing
	for {
		select {
		case <-timer.C:
		case <-f.wake:
		case <-closing:
			closing = nil
		case <-f.network.Done():
			return
		}
		wait, more := f.step(&r, time.Now())
		if closing == nil && !more {
			return
		}
		timer.Reset(wait)
	}
}

// step looks after the spool, and sends one request if it is time to. It returns how long to wait for the next step, and
// whether that goes on sending.
func (f *Forwarder) step(r *round, now time.Time) (wait time.Duration, more bool) {
	err := f.spool.Open(now)
	f.report()
	if err != nil {
		return idle, false
	}
	f.spool.Expire(now)
	wait, more = f.replay(r, now)
	return min(wait, f.probeDisk()), more
}

// probeDisk lets the spool find out whether requests can be kept again, where they cannot. It returns how long to wait for
// the next time; idle without a need.
func (f *Forwarder) probeDisk() (wait time.Duration) {
	if f.spool.State().Err == nil {
		return idle
	}
	if wait := time.Until(f.probe); wait > 0 {
		return wait
	}
	f.spool.Probe()
	f.report()
	f.probe = time.Now().Add(firstPause)
	return firstPause
}

// replay sends one request if it is time to. It returns how long to wait for the next try, and whether that goes on
// sending: not after a failure, while the Collector is away, or without a request that can be sent.
func (f *Forwarder) replay(r *round, now time.Time) (wait time.Duration, more bool) {
	call, away, resume := f.how()
	r.turn(away, now)
	if wait := resume.Sub(now); wait > 0 {
		return wait, false
	}
	if call == nil {
		return idle, false
	}
	if wait := r.next.Sub(now); wait > 0 {
		return wait, r.pauses == 0
	}
	request, ok, err := f.spool.Take(r.after)
	switch {
	case err != nil: // its next turn is after the others'
		r.after, r.failed, r.next = request.Number, 0, now.Add(firstPause)
		return firstPause, r.pauses == 0
	case !ok && r.after == 0:
		return idle, false // nothing is kept
	case !ok:
		sent := r.sent
		*r = round{away: r.away} // those that failed have another turn
		return 0, sent
	}
	f.settle(r, request.Number, f.send(call, request))
	return max(time.Until(r.next), 0), r.pauses == 0
}

// turn follows the Collector's going away and coming back.
func (r *round) turn(away bool, now time.Time) {
	switch {
	case r.away && !away:
		*r = round{next: r.next} // oldest first
	case away && !r.away:
		r.away, r.next = true, now.Add(pause(0, nil)) // it has just been asked
	}
}

func (f *Forwarder) how() (c *call, away bool, resume time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.call, f.away != nil, f.resume
}

func (f *Forwarder) send(c *call, request Request) error {
	export := new(colmetricpb.ExportMetricsServiceRequest)
	if err := proto.Unmarshal(request.Payload, export); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	ctx, cancel := context.WithTimeout(f.network, f.timeout)
	defer cancel()
	return c.send(ctx, export)
}

// settle notes what became of a request. One that fails again and again lets the next ones have their turn, so that it
// blocks none; it has its next turn after them.
func (f *Forwarder) settle(r *round, number uint64, err error) {
	throttle, again := Retryable(err)
	if !again {
		switch {
		case err == nil:
			f.replayed.Add(1)
			f.spool.Delivered(number)
			f.answered()
		case errors.Is(err, errDamaged):
			f.spool.Damaged(number)
		default:
			f.spool.Rejected(number)
			f.present()
		}
		r.sent, r.failed, r.pauses, r.next = true, 0, 0, time.Now().Add(spacing)
		return
	}
	f.spool.Release(number)
	if throttle > 0 {
		f.leave(err, throttle)
	}
	if r.failed++; r.failed == triesInTurn {
		r.failed, r.after = 0, number
	}
	r.next = time.Now().Add(pause(r.pauses, err))
	r.pauses++
}

// pause returns how long to wait after so many failures in a row and another. A Collector that did not answer in time has
// been waited for.
func pause(before int, err error) time.Duration {
	longest := firstPause
	if status.Code(err) != codes.DeadlineExceeded {
		longest = min(firstPause<<min(before, 10), longestPause)
	}
	return longest/2 + rand.N(longest/2)
}
