package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// Config says where and how long a [Store] keeps things. Path is needed; the zero value of each other field is its
// default.
type Config struct {
	Path           string        // of the database file, or a symbolic link to it; folders that are missing are made
	Retention      time.Duration // of samples; 0: 7 days. Rollups are kept for 30 days (1 minute) and a year
	AlertRetention time.Duration // of alerts, from when they are resolved; 0: 90 days
	MaxBytes       int64         // of the database file, not less than 4 MiB; 0: 256 MiB. Its log takes some 4 MiB more
	QueueLength    int           // of samples, and of transitions, that wait while the database is not well; 0: 360
	Logger         *slog.Logger  // nil: slog.Default()

	// Plan says which deliveries a transition causes, and the ids of those that it cancels. It is called inside the
	// transaction that stores the transition, with all deliveries of its alert so far in the order of their ids, without
	// their Alert. lost: an earlier transition of the alert is not in the file, which was exchanged, or whose queue
	// overflowed. nil: none.
	Plan func(t health.Transition, existing []health.Delivery, lost bool) (insert []health.Delivery, cancel []int64)
	// Committed is called after a transaction that stored transitions, from the recorder's goroutine: to wake who
	// delivers. It must not wait. nil: nobody is told.
	Committed func()
}

// Store is the history of one process in one SQLite file. [Open] makes one; its methods are safe for concurrent use.
type Store struct {
	config Config
	queue  *queue

	cancel  context.CancelFunc // of what the recorder is doing
	stop    chan struct{}      // closed: write what is queued, once, and end
	stopped sync.Once
	done    chan struct{}
	suspect atomic.Bool // somebody read a corrupt page
	isRead  atomic.Bool // somebody read what an earlier process left

	mu sync.RWMutex // held for reading while a query runs, for writing while the file is exchanged
	db *database    // nil: not open

	stateMu sync.Mutex
	state   health.HistoryState
	changed chan struct{} // poked when the condition changes: for tests

	recorder recorder
}

// Open opens the history, or begins one, and starts to record. When another process has the file, the error wraps
// [ErrInUse]; other errors are of the configuration. A file that cannot be opened is not an error: it is tried again
// while the store runs, and [Store.State] says what is wrong.
func Open(c Config) (*Store, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{
		config:  c,
		queue:   newQueue(c.QueueLength),
		cancel:  cancel,
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
		changed: make(chan struct{}, 1),
		state:   health.HistoryState{Condition: health.HistoryOK, Since: time.Now().UTC()},
	}
	_, err := s.opened(ctx)
	if errors.Is(err, ErrInUse) {
		cancel()
		return nil, fmt.Errorf("history %s: %w", c.Path, err)
	}
	s.note(err)
	go s.run(ctx)
	return s, nil
}

const (
	leastBytes    = 4 << 20
	defaultBytes  = 256 << 20
	defaultLength = 360
)

// complete checks the configuration and fills in the defaults.
func (c *Config) complete() error {
	var errs []error
	if c.Path == "" {
		errs = append(errs, errors.New("config: Path: got nothing, want the path of a file"))
	}
	if c.Retention < 0 || c.AlertRetention < 0 || c.QueueLength < 0 {
		errs = append(errs, errors.New("config: Retention, AlertRetention, QueueLength: got less than 0, want 0 (the default) or more"))
	}
	if c.MaxBytes != 0 && c.MaxBytes < leastBytes {
		errs = append(errs, fmt.Errorf("MaxBytes: got %d, want at least %d", c.MaxBytes, leastBytes))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	setDefault(&c.Retention, 7*day)
	setDefault(&c.AlertRetention, 90*day)
	setDefault(&c.MaxBytes, defaultBytes)
	setDefault(&c.QueueLength, defaultLength)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return fmt.Errorf("config: Path: %w", err)
	}
	c.Path = resolve(path)
	return nil
}

// mostLinks is how many symbolic links a path may lead over.
const mostLinks = 40

// resolve follows symbolic links to a file, or to where it will be made: SQLite keeps its log beside the file itself, and
// so must be the lock.
func resolve(path string) string {
	for range mostLinks {
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return path // it is yet to be made, or opening will say what is wrong
	}
	return filepath.Join(folder, filepath.Base(path))
}

func setDefault[T ~int | ~int64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Record queues a sample. It never waits; when the queue is full, the oldest sample in it is dropped. A snapshot of a
// time that is recorded already is left out.
func (s *Store) Record(snapshot *health.Snapshot) { s.queue.put(entry{snapshot: snapshot}) }

// RecordTransitions queues what happened to alerts, to be stored in one transaction with the deliveries that
// [Config].Plan says it causes. It never waits. A transition that is stored already is left out. Neither the slice nor
// what it holds may be changed afterwards.
func (s *Store) RecordTransitions(transitions []health.Transition) {
	if len(transitions) > 0 {
		s.queue.put(entry{transitions: transitions, isInformed: s.isRead.Load()})
	}
}

// RecordSilence queues the silence of one rule, which replaces that rule's earlier one. One whose Until is zero, or not after
// its At, says that the rule is silenced no more. It never waits.
func (s *Store) RecordSilence(silence health.Silence) { s.queue.put(entry{silence: &silence}) }

// RecordSilences queues the silences that are in force, all of them: those that are not among them are forgotten, also
// those of an earlier process that nobody has read yet. It never waits.
func (s *Store) RecordSilences(silences []health.Silence) {
	s.queue.put(entry{silences: append([]health.Silence{}, silences...)})
}

// Refresh keeps the numbers of open alerts, so that they are current after a crash: they are written with a later
// sample, about once a minute, and by Close. It never waits. The slice may not be changed afterwards.
func (s *Store) Refresh(open []health.Alert) { s.queue.refresh(open) }

// Flush waits until everything that is queued is written, or ctx ends.
func (s *Store) Flush(ctx context.Context) error {
	empty := s.queue.empty()
	if empty == nil {
		return nil
	}
	select {
	case <-empty:
		return nil
	case <-s.done:
		return errClosed
	case <-ctx.Done():
		return fmt.Errorf("flush the history: %w", ctx.Err())
	}
}

// State returns how the store is doing.
func (s *Store) State() health.HistoryState {
	waiting, dropped := s.queue.counts()
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	state := s.state
	state.Queued, state.Dropped = waiting, dropped
	return state
}

// Close writes what is queued, if the database takes it at once, and closes the file. When ctx ends first, what is under
// way is broken off. The error says how much could not be written. It tolerates a store that is nil or closed already.
func (s *Store) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.stopped.Do(func() { close(s.stop) })
	select {
	case <-s.done:
	case <-ctx.Done():
		s.cancel()
		<-s.done
	}
	s.cancel()
	if waiting, _ := s.queue.counts(); waiting > 0 {
		return fmt.Errorf("close the history: %d records are not written: %s", waiting, s.State().Error)
	}
	return nil
}
