package alerting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelhealth/otelhealth-go/health"
)

// AnnouncerConfig says whom an [Announcer] tells.
type AnnouncerConfig struct {
	Logger         *slog.Logger         // nil: slog.Default()
	TracerProvider trace.TracerProvider // nil: no spans
}

// Announcer tells what happens to alerts inside the process: every transition to the log and to each function given to
// [Announcer.OnTransition], and to the traces a zero-length span when an alert fires and, linked to it, a span over the
// time that it fired when it resolves. Each of them has a goroutine and a queue of its own, so that neither the tick nor
// the others wait for one that hangs; what does not fit in the queue is dropped and counted. [NewAnnouncer] makes one;
// its methods are safe for concurrent use.
type Announcer struct {
	logger *slog.Logger

	mu        sync.Mutex
	listeners []*listener
	closed    bool
	dropped   atomic.Int64
}

// queueLength is how many transitions may wait for one listener.
const queueLength = 1024

// listener is somebody who is told, in order, one transition at a time.
type listener struct {
	name  string
	queue chan health.Transition
	done  chan struct{}
}

// NewAnnouncer returns an announcer, which must be closed.
func NewAnnouncer(c AnnouncerConfig) *Announcer {
	a := &Announcer{logger: orDefault(c.Logger)}
	a.listen("the log", a.log)
	if c.TracerProvider != nil {
		a.listen("the tracer", newTracer(c.TracerProvider).trace)
	}
	return a
}

// OnTransition has f called with each transition from now on, one at a time and in order. A panic of f is logged. remove
// ends that; f may still be running when it returns. After Close, f is never called.
func (a *Announcer) OnTransition(f func(health.Transition)) (remove func()) {
	l := a.listen("a function of OnTransition", f)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if i := slices.Index(a.listeners, l); i >= 0 {
			a.listeners = slices.Delete(a.listeners, i, i+1)
			close(l.queue)
		}
	}
}

func (a *Announcer) listen(name string, f func(health.Transition)) *listener {
	l := &listener{name: name, queue: make(chan health.Transition, queueLength), done: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		close(l.done)
		return l
	}
	a.listeners = append(a.listeners, l)
	go func() {
		defer close(l.done)
		for t := range l.queue {
			a.tell(l, f, t)
		}
	}()
	return l
}

func (a *Announcer) tell(l *listener, f func(health.Transition), t health.Transition) {
	defer func() {
		if p := recover(); p != nil {
			a.logger.Error("a transition could not be announced: panic", "to", l.name, "panic", fmt.Sprint(p))
		}
	}()
	f(t)
}

// Announce tells everybody. It never waits.
func (a *Announcer) Announce(transitions []health.Transition) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	for _, t := range transitions {
		for _, l := range a.listeners {
			select {
			case l.queue <- t:
			default:
				a.dropped.Add(1)
			}
		}
	}
}

// Dropped returns how many announcements did not fit in a queue.
func (a *Announcer) Dropped() int64 { return a.dropped.Load() }

// Close tells what is queued and ends the goroutines. It waits for them until ctx ends; the error then names who still
// runs. It tolerates an announcer that is nil or closed already.
func (a *Announcer) Close(ctx context.Context) error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	listeners := a.listeners
	if !a.closed {
		a.closed = true
		for _, l := range listeners {
			close(l.queue)
		}
	}
	a.listeners = nil
	a.mu.Unlock()
	var errs []error
	for _, l := range listeners {
		select {
		case <-l.done:
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("close the announcer: %s still runs: %w", l.name, ctx.Err()))
		}
	}
	return errors.Join(errs...)
}

func (a *Announcer) log(t health.Transition) {
	level := slog.LevelInfo
	switch t.Kind {
	case health.TransitionFiring, health.TransitionEscalated:
		level = levelOf(t.Alert.Severity)
	case health.TransitionNoData:
		level = slog.LevelWarn
	default:
	}
	attrs := append(alertAttrs(&t.Alert), slog.String("state", string(t.Alert.State)))
	if t.Alert.Cause != "" {
		attrs = append(attrs, slog.String("cause", string(t.Alert.Cause)))
	}
	if t.By != "" {
		attrs = append(attrs, slog.String("by", t.By), slog.String("note", t.Note))
	}
	a.logger.LogAttrs(context.Background(), level, "alert "+string(t.Kind), attrs...)
}
