package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/history"
)

// HistoryConfig says where and how long samples and alerts are kept. The zero value of a field leaves what the
// environment, or else the default, says.
type HistoryConfig struct {
	Path           string        // of the SQLite file; folders that are missing are made. HEALTH_HISTORY_PATH, db/health.db
	Retention      time.Duration // of samples; at least an hour. HEALTH_RETENTION_DAYS, 7 days
	AlertRetention time.Duration // of resolved alerts; at least an hour. HEALTH_ALERT_RETENTION_DAYS, 90 days
	MaxBytes       int64         // of the file; at least 4 MiB. HEALTH_HISTORY_MAX_MB, 256 MiB
}

// recording is where the tick leaves what it saw, and what takes notifications to their destinations. Both have
// goroutines of their own; nothing here waits for them.
type recording struct {
	store  *history.Store         // nil: nothing is kept
	memory *alerting.MemoryOutbox // in place of the store's outbox
	worker *alerting.Worker       // nil: nobody is to be notified
	inUse  *health.HistoryState   // another process has the file
	cancel context.CancelFunc     // of what still waits for the store
	late   chan struct{}          // closed once that has ended; nil: nothing waited
}

// setUpRecording opens the history, gives the alerter what an earlier process left behind, and begins to notify.
func (m *Monitor) setUpRecording(ctx context.Context) error {
	r, c := &m.recording, m.config
	destinations := make([]string, len(c.notifiers))
	for i, n := range c.notifiers {
		destinations[i] = n.Name()
	}
	plan := func(t health.Transition, existing []health.Delivery, lost bool) ([]health.Delivery, []int64) {
		p := alerting.NewPlan(t, destinations, existing, lost)
		return p.Insert, p.Cancel
	}
	committed := func() {
		if r.worker != nil { // it is set before anything is recorded
			r.worker.Wake()
		}
	}
	if err := m.openStore(plan, committed); err != nil {
		return err
	}
	m.restore(ctx)
	if len(c.notifiers) == 0 {
		return nil
	}
	var outbox alerting.Outbox = r.store
	if r.store == nil {
		r.memory = alerting.NewMemoryOutbox(destinations)
		outbox = r.memory
	}
	worker, err := alerting.NewWorker(alerting.WorkerConfig{
		Outbox: outbox, Notifiers: c.notifiers, Logger: m.logger, Origin: c.service.Instance + "/",
	})
	if err != nil {
		return fmt.Errorf("WithNotifier: %w", err)
	}
	r.worker = worker
	worker.Start()
	return nil
}

type planner = func(t health.Transition, existing []health.Delivery, lost bool) ([]health.Delivery, []int64)

// openStore opens the history unless it is switched off, or another process keeps its own in that file.
func (m *Monitor) openStore(plan planner, committed func()) error {
	c := m.config
	if c.history.Path == "" {
		return nil
	}
	store, err := history.Open(history.Config{
		Path:           c.history.Path,
		Retention:      c.history.Retention,
		AlertRetention: c.history.AlertRetention,
		MaxBytes:       c.history.MaxBytes,
		Logger:         m.logger,
		Plan:           plan,
		Committed:      committed,
	})
	switch {
	case errors.Is(err, history.ErrInUse):
		m.recording.inUse = &health.HistoryState{Condition: health.HistoryInUse, Since: m.began.UTC(), Error: err.Error()}
		m.logger.Warn("nothing is recorded: another process keeps its history in this file; give each its own by HEALTH_HISTORY_PATH", "error", err)
		return nil
	case err != nil:
		return err
	}
	m.recording.store = store
	return nil
}

// restore gives the alerter what the store holds. While that cannot be read, ids begin above all that may be in it, and
// the rest follows as soon as it can.
func (m *Monitor) restore(ctx context.Context) {
	r := &m.recording
	if r.store != nil {
		saved, err := r.store.Saved(ctx)
		if err == nil {
			m.alerter.Restore(alerting.Saved(saved))
			return
		}
		m.logger.Warn("earlier alerts cannot be read yet", "error", err)
	}
	// Unix milliseconds grow from one process to the next, so that an id never means two alerts.
	m.alerter.SkipIDs(m.began.UnixMilli())
	if r.store == nil {
		return
	}
	var waiting context.Context
	waiting, r.cancel = context.WithCancel(context.Background())
	r.late = make(chan struct{})
	go m.restoreLater(waiting)
}

// retryRestore is how long to wait before earlier alerts are tried again.
const retryRestore = time.Second

func (m *Monitor) restoreLater(ctx context.Context) {
	defer close(m.recording.late)
	ticks := time.NewTicker(retryRestore)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
		if saved, err := m.recording.store.Saved(ctx); err == nil {
			m.alerter.Restore(alerting.Saved(saved))
			m.logger.Info("earlier alerts are read", "open", len(saved.Alerts))
			return
		}
	}
}

// happened passes on what happened to alerts. The caller holds the lock that keeps transitions in order.
func (m *Monitor) happened(transitions []health.Transition) {
	m.announcer.Announce(transitions)
	m.endpoints.Announce(transitions)
	r := &m.recording
	switch {
	case len(transitions) == 0:
	case r.store != nil:
		r.store.RecordTransitions(transitions)
	case r.memory != nil:
		r.memory.Record(transitions)
		r.worker.Wake()
	}
}

// record keeps the snapshot, which is published and changes no more.
func (r *recording) record(s *health.Snapshot) {
	if r.store != nil {
		r.store.Record(s)
		r.store.Refresh(s.Alerts)
	}
}

// forget keeps the silences that are over from coming back.
func (r *recording) forget(unsilenced []string) {
	for _, rule := range unsilenced {
		if r.store != nil {
			r.store.RecordSilence(health.Silence{Rule: rule})
		}
	}
}

// state is how the history is doing; nil: none is wanted.
func (r *recording) state() *health.HistoryState {
	if r.store == nil {
		return r.inUse
	}
	state := r.store.State()
	return &state
}

func (r *recording) destinations() []health.DestinationStats {
	if r.worker == nil {
		return nil
	}
	return r.worker.Stats()
}

// close stops notifying, and then writes what is left.
func (r *recording) close(ctx context.Context) error {
	if r.cancel != nil {
		r.cancel()
		<-r.late
	}
	notifying, cancel := context.WithTimeout(ctx, remaining(ctx)/2)
	defer cancel()
	return errors.Join(r.worker.Close(notifying), r.store.Close(ctx))
}

// reader is what the endpoints read of the history; nil: there is nothing to read.
func (r *recording) reader() health.History {
	if r.store == nil {
		return nil
	}
	return r.store
}

// WithHistory keeps the history in another place, or for another time, than the environment says.
func WithHistory(h HistoryConfig) Option {
	return func(c *config) {
		c.withHistory = true
		if h.Path != "" {
			c.history.Path = h.Path
		}
		if h.Retention != 0 {
			c.history.Retention = h.Retention
		}
		if h.AlertRetention != 0 {
			c.history.AlertRetention = h.AlertRetention
		}
		if h.MaxBytes != 0 {
			c.history.MaxBytes = h.MaxBytes
		}
		if err := checkRetention(h.Retention); h.Retention != 0 && err != nil {
			c.wrong("WithHistory: Retention", h.Retention.String(), err)
		}
		if err := checkRetention(h.AlertRetention); h.AlertRetention != 0 && err != nil {
			c.wrong("WithHistory: AlertRetention", h.AlertRetention.String(), err)
		}
		if h.MaxBytes != 0 && h.MaxBytes < leastHistoryMiB<<20 {
			c.wrong("WithHistory: MaxBytes", strconv.FormatInt(h.MaxBytes, 10), errLeastHistory)
		}
	}
}

// WithoutHistory keeps nothing: neither samples nor alerts survive a restart, and no file is made. Beside
// [WithHistory] it is an error of [Start].
func WithoutHistory() Option {
	return func(c *config) { c.history.Path, c.withoutHistory = "", true }
}

// WithNotifier adds a destination to which is delivered that an alert fires, and that it is resolved: at least once, in
// order for each alert, across restarts where a history is kept. Its Name must be another than that of the others.
func WithNotifier(n alerting.Notifier) Option {
	return func(c *config) {
		switch {
		case isNothing(n):
			c.wrong("WithNotifier", "nil", errors.New("a notifier"))
		case n.Name() == "" || slices.ContainsFunc(c.notifiers, func(other alerting.Notifier) bool { return other.Name() == n.Name() }):
			c.wrong("WithNotifier", n.Name(), errors.New("a notifier whose name is new and not empty"))
		default:
			c.notifiers = append(c.notifiers, n)
		}
	}
}
