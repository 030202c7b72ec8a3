package alerting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// WorkerConfig says how a [Worker] delivers. Outbox is needed; the zero value of each other field is its default.
type WorkerConfig struct {
	Outbox    Outbox
	Notifiers []Notifier
	Logger    *slog.Logger  // nil: slog.Default()
	Origin    string        // put before every idempotency key: what tells this instance of the service from others
	Timeout   time.Duration // of one attempt; 0: 10 s
	First     time.Duration // the wait after the first attempt that failed, doubled after each other; 0: 1 s
	Longest   time.Duration // the longest wait; 0: 5 min
	// Attempts after which a delivery is given up for good; 0: 300, which at the defaults takes about a day. Attempts
	// are counted, not hours, so that a wall clock that jumps gives nothing up.
	Attempts int
}

// Worker takes deliveries from an outbox to their destinations: each destination in a goroutine of its own, so that one
// that hangs holds up no other; at least once; of one alert in order; again after a failure, with waits that double and
// vary at random. It goes on after a restart with what is pending then. [NewWorker] makes one; its methods are safe for
// concurrent use.
type Worker struct {
	config       WorkerConfig
	destinations []*destination
	cancel       context.CancelFunc
	running      sync.WaitGroup
	abandoned    atomic.Int64
	start, stop  sync.Once
}

// NewWorker returns a worker that [Worker.Start] starts. The error joins everything that is wrong with the
// configuration.
func NewWorker(c WorkerConfig) (*Worker, error) {
	w := &Worker{config: c.withDefaults()}
	var errs []error
	if c.Outbox == nil {
		errs = append(errs, errors.New("worker: Outbox: got nil, want an outbox"))
	}
	if c.Timeout < 0 || c.First < 0 || c.Longest < 0 || c.Attempts < 0 {
		errs = append(errs, errors.New("worker: Timeout, First, Longest, Attempts: got less than 0, want 0 (the default) or more"))
	}
	seen := make(map[string]bool)
	for i, n := range c.Notifiers {
		if n == nil {
			errs = append(errs, fmt.Errorf("worker: Notifiers[%d]: got nil, want a notifier", i))
			continue
		}
		name := n.Name()
		if name == "" || seen[name] {
			errs = append(errs, fmt.Errorf("worker: Notifiers[%d]: got the name %q, want one that is new and not empty", i, name))
		}
		seen[name] = true
		w.destinations = append(w.destinations, &destination{
			notifier: n, name: name, wake: make(chan struct{}, 1), stats: health.DestinationStats{Destination: name},
		})
	}
	return w, errors.Join(errs...)
}

func (c WorkerConfig) withDefaults() WorkerConfig {
	setDefault(&c.Timeout, 10*time.Second)
	setDefault(&c.First, time.Second)
	setDefault(&c.Longest, 5*time.Minute)
	setDefault(&c.Attempts, 300)
	c.First = min(c.First, c.Longest)
	c.Logger = orDefault(c.Logger)
	return c
}

func setDefault[T time.Duration | int](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Destinations returns the names that a store plans deliveries for.
func (w *Worker) Destinations() []string {
	names := make([]string, len(w.destinations))
	for i, d := range w.destinations {
		names[i] = d.name
	}
	return names
}

// Start begins to deliver, and gives up what waits for destinations that are no longer configured. It does nothing the
// second time, and after [Worker.Close].
func (w *Worker) Start() {
	w.start.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		w.cancel = cancel
		w.running.Go(func() { w.abandon(ctx) })
		for _, d := range w.destinations {
			w.running.Go(func() { w.serve(ctx, d) })
		}
	})
}

// Wake tells the worker that the outbox has something new. It never waits.
func (w *Worker) Wake() {
	for _, d := range w.destinations {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
}

// Removed is the name under which [Worker.Stats] counts what was given up because its destination is no longer
// configured.
const Removed = "(removed)"

// Stats returns what was done so far, one for each destination, and one named [Removed] when there is anything to say.
func (w *Worker) Stats() []health.DestinationStats {
	stats := make([]health.DestinationStats, len(w.destinations), len(w.destinations)+1)
	for i, d := range w.destinations {
		d.mu.Lock()
		stats[i] = d.stats
		d.mu.Unlock()
	}
	if n := w.abandoned.Load(); n > 0 {
		stats = append(stats, health.DestinationStats{Destination: Removed, GivenUp: int(n)})
	}
	return stats
}

// Close stops the worker: attempts under way are canceled, and tried again by the next worker. It waits until every
// goroutine has ended, or ctx has; the error then names the notifiers that ignore their context. It tolerates a worker
// that is nil, was never started, or is closed already.
func (w *Worker) Close(ctx context.Context) error {
	if w == nil {
		return nil
	}
	w.start.Do(func() {})
	w.stop.Do(func() {
		if w.cancel != nil {
			w.cancel()
		}
	})
	ended := make(chan struct{})
	go func() {
		w.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the worker: %w; still notifying: %q", ctx.Err(), w.trying())
	}
}

func (w *Worker) trying() []string {
	var names []string
	for _, s := range w.Stats() {
		if !s.Trying.IsZero() {
			names = append(names, s.Destination)
		}
	}
	return names
}
