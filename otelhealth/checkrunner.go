package otelhealth

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelhealth/otelhealth-go/health"
)

// checkRunner runs one check: in a goroutine of its own, which starts another for each run and watches over it.
type checkRunner struct {
	check    Check // with its defaults filled in
	tracer   trace.Tracer
	changed  func(before health.Status, now health.CheckState)
	failures int // in a row until now; the goroutine's own

	kicks   chan struct{} // at most one waits
	stopped chan struct{} // closed when the goroutine has ended
	cancel  context.CancelFunc

	mu    sync.Mutex
	state health.CheckState
}

// newCheckRunner makes a runner that waits for start. It calls changed after the status has changed, without a lock
// held.
func newCheckRunner(c Check, tracer trace.Tracer, changed func(before health.Status, now health.CheckState)) *checkRunner {
	return &checkRunner{
		check: c, tracer: tracer, changed: changed,
		kicks: make(chan struct{}, 1), stopped: make(chan struct{}),
		state: health.CheckState{Name: c.Name, Kind: c.Kind, Required: c.Required, Since: time.Now().UTC()},
	}
}

// start runs loop, everyInterval or afterTicks, until cancel is called.
func (r *checkRunner) start(loop func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		defer close(r.stopped)
		loop(ctx)
	}()
}

// longestJitter bounds for how long a required check that runs once a day may hold readiness up.
const longestJitter = 10 * time.Second

// everyInterval keeps the starts of two runs an interval apart. After a run that took longer a whole interval passes, so
// that a slow dependency is not asked without a pause.
func (r *checkRunner) everyInterval(ctx context.Context) {
	interval := r.check.Interval
	timer := time.NewTimer(r.check.InitialDelay + rand.N(min(interval, longestJitter)))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			rest := interval - r.run(ctx)
			if rest <= 0 {
				rest = interval
			}
			timer.Reset(rest)
		case <-ctx.Done():
			return
		}
	}
}

// afterTicks makes a run for each kick that finds none under way. After the tick, not beside it, the descriptors that a
// run may open for a moment are not counted.
func (r *checkRunner) afterTicks(ctx context.Context) {
	for {
		select {
		case <-r.kicks:
			r.run(ctx)
			select {
			case <-r.kicks: // it came during the run
			default:
			}
		case <-ctx.Done():
			return
		}
	}
}

// kick makes afterTicks start a run. It never waits.
func (r *checkRunner) kick() {
	select {
	case r.kicks <- struct{}{}:
	default:
	}
}

// returnTime is what a probe gets to return in once its context has ended.
const returnTime = 100 * time.Millisecond

// run makes one run, keeps what it brings and returns how long it took. One that does not return is kept as a failure
// after its timeout, and once more each interval.
func (r *checkRunner) run(ctx context.Context) time.Duration {
	began := time.Now()
	answer := make(chan error, 1)
	go r.ask(ctx, answer)
	overdue := time.NewTimer(r.check.Timeout + returnTime)
	defer overdue.Stop()
	counted := false
	for {
		select {
		case err := <-answer:
			took := time.Since(began)
			if err == nil && took > r.check.Timeout {
				err = fmt.Errorf("answered after %v, later than %v", took.Round(time.Millisecond), r.check.Timeout)
			}
			if counted {
				r.failures-- // or this run would count twice
			}
			r.found(ctx, err, took)
			return took
		case <-overdue.C:
			took := time.Since(began)
			counted = true
			r.found(ctx, fmt.Errorf("has not returned for %v", took.Round(time.Millisecond)), took)
			overdue.Reset(r.check.Interval)
		}
	}
}

// ask calls the probe. It answers also for one that panics or ends its goroutine.
func (r *checkRunner) ask(ctx context.Context, answer chan<- error) {
	ctx, span := r.startSpan(ctx)
	err := errEnded
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panicked: %v", p)
		}
		if err != nil {
			span.SetStatus(codes.Error, errorText(err))
		}
		span.End()
		answer <- err
	}()
	ctx, cancel := context.WithTimeout(ctx, r.check.Timeout)
	defer cancel()
	err = r.check.Probe(ctx)
}

func (r *checkRunner) startSpan(ctx context.Context) (context.Context, trace.Span) {
	return r.tracer.Start(ctx, "check "+r.check.Name, trace.WithNewRoot(), trace.WithAttributes(
		attribute.String("otelhealth.check.name", r.check.Name),
		attribute.String("otelhealth.check.kind", r.check.Kind),
		attribute.Bool("otelhealth.check.required", r.check.Required),
	))
}

// found keeps what a run brought, unless the check has been removed meanwhile.
func (r *checkRunner) found(ctx context.Context, err error, took time.Duration) {
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	before, now := r.state.Status, time.Now().UTC()
	r.state.Time, r.state.Duration = now, took
	if err == nil {
		r.failures = 0
		r.state.Status, r.state.Error = health.Pass, ""
	} else {
		r.failures++
		r.state.Error = errorText(err)
		if r.failures >= r.check.FailureThreshold {
			r.state.Status = health.Fail
		}
	}
	state := r.state
	changed := state.Status != before
	if changed {
		r.state.Since, state.Since = now, now
	}
	r.mu.Unlock()
	if changed {
		r.changed(before, state)
	}
}

// longestError is how much is kept of what a probe says, in bytes.
const longestError = 500

// errorText survives an Error method that panics, such as that of a nil pointer.
func errorText(err error) string {
	text := fmt.Sprint(err)
	if len(text) > longestError {
		text = text[:longestError] + "…"
	}
	return strings.ToValidUTF8(text, "\ufffd")
}

// latest returns what the check found last.
func (r *checkRunner) latest() health.CheckState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// wait returns nil once the goroutine has ended, and an error that names the check when ctx ends first.
func (r *checkRunner) wait(ctx context.Context) error {
	return ended(ctx, r.stopped, fmt.Sprintf("the probe of %s %q", r.check.Kind, r.check.Name))
}
