package otelhealth

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/history"
)

// keptIn is a history in a folder of the test's, without the time that it takes to wait for others.
func keptIn(path string) Option { return WithHistory(HistoryConfig{Path: path}) }

func historyPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "db", "health.db")
}

// reopened returns the history that a monitor has left.
func reopened(t *testing.T, path string) *history.Store {
	t.Helper()
	s, err := history.Open(history.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// stop shuts a monitor down in the middle of a test, as the end of its process does.
func stop(t *testing.T, m *Monitor) {
	t.Helper()
	if err := m.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func transitionKinds(t *testing.T, s *history.Store, alert int64) []health.TransitionKind {
	t.Helper()
	transitions, err := s.Transitions(t.Context(), alert)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make([]health.TransitionKind, len(transitions))
	for i := range transitions {
		kinds[i] = transitions[i].Kind
	}
	return kinds
}

func TestRestartGoesOnWithTheSameAlert(t *testing.T) {
	path := historyPath(t)
	var queue level
	queue.value.Store(25)
	start := func() *Monitor {
		return startMonitor(t, nil, keptIn(path), WithSource(queue.source()), WithRules(queueRule()))
	}
	m := start()
	before, ok := alertOf(nextSnapshot(t, m), "queue")
	if !ok || before.ID != 1 {
		t.Fatalf("got %+v, %v, want the first alert of all", before, ok)
	}
	if err := errors.Join(m.Acknowledge(before.ID, "ann", "on it"), m.Silence("queue", time.Now().Add(time.Hour), "ann")); err != nil {
		t.Fatal(err)
	}
	stop(t, m)
	if err := m.Acknowledge(before.ID, "ann", ""); !errors.Is(err, errShutDown) {
		t.Errorf("after Shutdown, when nothing is recorded: got %v", err)
	}

	m = start()
	s := nextSnapshot(t, m)
	after, ok := alertOf(s, "queue")
	if !ok || after.ID != before.ID || !after.Began.Equal(before.Began) || after.AcknowledgedBy != "ann" || !after.Silenced() {
		t.Errorf("after a restart: got %+v, %v, want %+v acknowledged and silenced", after, ok, before)
	}
	if len(s.Silences) != 1 || s.Silences[0].By != "ann" {
		t.Errorf("silences: got %+v", s.Silences)
	}
	stop(t, m)

	queue.value.Store(0)
	m = start()
	eventually(t, "what recovered meanwhile to be resolved", func() bool { _, open := alertOf(nextSnapshot(t, m), "queue"); return !open })
	stop(t, m)
	store := reopened(t, path)
	want := []health.TransitionKind{health.TransitionFiring, health.TransitionAcknowledged, health.TransitionSilenced, health.TransitionResolved}
	if diff := cmp.Diff(want, transitionKinds(t, store, before.ID)); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	a, _, err := store.Alert(t.Context(), before.ID)
	if err != nil || a.Cause != health.CauseRecovered || a.Peak != 25 || a.Lasted <= 0 {
		t.Errorf("in the end: got %+v, %v", a, err)
	}
	samples := 0
	for _, err := range store.Samples(t.Context(), before.Began, time.Now()) {
		if err != nil {
			t.Fatal(err)
		}
		samples++
	}
	if samples < 6 {
		t.Errorf("got %d samples", samples)
	}
}

func TestSecondProcessRunsWithoutHistoryAndSaysSo(t *testing.T) {
	path := historyPath(t)
	var queue level
	queue.value.Store(25)
	first := startMonitor(t, nil, keptIn(path))
	var log logBuffer
	second := startMonitor(t, nil, log.option(), keptIn(path), WithSource(queue.source()), WithRules(queueRule()))
	s := nextSnapshot(t, second)
	if s.History == nil || s.History.Condition != health.HistoryInUse || s.Readiness.Status != health.Warn {
		t.Errorf("got %+v and %+v", s.History, s.Readiness)
	}
	if a, ok := alertOf(s, "queue"); !ok || second.Acknowledge(a.ID, "ann", "") != nil {
		t.Errorf("its alerts: got %+v, %v", a, ok)
	}
	if s := nextSnapshot(t, first); s.History == nil || s.History.Condition != health.HistoryOK {
		t.Errorf("the first: got %+v", s.History)
	}
	if lines := log.lines("nothing is recorded"); len(lines) != 1 {
		t.Errorf("logged %q", lines)
	}
}

// TestHistoryThatCannotBeKeptStopsNothing puts a file where the folder should be, and takes it away again.
func TestHistoryThatCannotBeKeptStopsNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "db", "health.db")
	var queue level
	queue.value.Store(25)
	options := func(log *logBuffer) []Option {
		return []Option{log.option(), keptIn(path), WithSource(queue.source()), WithRules(queueRule())}
	}
	m := startMonitor(t, nil, options(new(logBuffer))...)
	old, _ := alertOf(nextSnapshot(t, m), "queue")
	stop(t, m)
	aside := filepath.Join(folder, "aside")
	if err := errors.Join(os.Rename(filepath.Join(folder, "db"), aside), os.WriteFile(filepath.Join(folder, "db"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}

	var log logBuffer
	m = startMonitor(t, nil, options(&log)...)
	s := nextSnapshot(t, m)
	if s.History == nil || s.History.Condition == health.HistoryOK || s.Readiness.Status != health.Warn ||
		!strings.Contains(get(t, m, "/health").Body.String(), `"pass"`) {
		t.Errorf("got %+v, %+v", s.History, s.Readiness)
	}
	a, ok := alertOf(s, "queue")
	if !ok || a.ID <= old.ID || m.Acknowledge(a.ID, "ann", "") != nil {
		t.Fatalf("an alert while nothing can be read: got %+v, %v", a, ok)
	}
	if lines := log.lines("cannot be written"); len(lines) > 1 {
		t.Errorf("logged again and again: %q", lines)
	}

	exchange(t, aside, filepath.Join(folder, "db"))
	eventually(t, "the history to be well", func() bool { return nextSnapshot(t, m).History.Condition == health.HistoryOK })
	eventually(t, "earlier alerts to be read", func() bool { return len(log.lines("earlier alerts are read")) == 1 })
	after, ok := alertOf(nextSnapshot(t, m), "queue")
	if !ok || after.ID != old.ID || !after.Began.Equal(old.Began) || after.AcknowledgedBy != "ann" || len(m.Snapshot().Alerts) != 1 {
		t.Errorf("got %+v, %v, want the first one to go on, and its twin to end", after, ok)
	}
	stop(t, m)
	store := reopened(t, path)
	if got, _, err := store.Alert(t.Context(), a.ID); err != nil || got.Cause != health.CauseDuplicate {
		t.Errorf("the twin: got %+v, %v", got, err)
	}
	want := []health.TransitionKind{health.TransitionFiring, health.TransitionAcknowledged, health.TransitionResolved}
	if diff := cmp.Diff(want, transitionKinds(t, store, a.ID)); diff != "" {
		t.Errorf("what happened while nothing could be written (-want +got):\n%s", diff)
	}
}

// TestSilencesSurviveAnotherOne silences one rule before those of the process before can be read.
func TestSilencesSurviveAnotherOne(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "db", "health.db")
	m := startMonitor(t, nil, keptIn(path))
	nextSnapshot(t, m)
	if err := m.Silence(health.RuleFD, time.Now().Add(5*time.Hour), "ann"); err != nil {
		t.Fatal(err)
	}
	stop(t, m)
	aside := filepath.Join(folder, "aside")
	if err := errors.Join(os.Rename(filepath.Join(folder, "db"), aside), os.WriteFile(filepath.Join(folder, "db"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	m = startMonitor(t, nil, keptIn(path))
	nextSnapshot(t, m)
	if err := m.Silence(health.RuleMemory, time.Now().Add(time.Hour), "bob"); err != nil {
		t.Fatal(err)
	}
	exchange(t, aside, filepath.Join(folder, "db"))
	eventually(t, "both silences", func() bool { return len(nextSnapshot(t, m).Silences) == 2 })
	stop(t, m)
	saved, err := reopened(t, path).Saved(t.Context())
	if err != nil || len(saved.Silences) != 2 {
		t.Errorf("got %+v, %v", saved.Silences, err)
	}
}

func TestSilenceThatIsOverIsForgotten(t *testing.T) {
	path := historyPath(t)
	m := startMonitor(t, nil, keptIn(path))
	nextSnapshot(t, m)
	if err := m.Silence(health.RuleFD, time.Now().Add(50*time.Millisecond), "ann"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end", func() bool { return len(nextSnapshot(t, m).Silences) == 0 })
	stop(t, m)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM silences").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d silences are in the file, %v", n, err)
	}
}

func TestLockedHistoryHoldsNothingUp(t *testing.T) {
	path := historyPath(t)
	var queue level
	m := startMonitor(t, nil, keptIn(path), WithSource(queue.source()), WithRules(queueRule()))
	nextSnapshot(t, m)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lock", func() bool { _, err := conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); return err == nil })
	queue.value.Store(25)
	began := time.Now()
	a, ok := alertOf(nextSnapshot(t, m), "queue")
	if !ok || m.Acknowledge(a.ID, "ann", "") != nil {
		t.Fatalf("got %+v, %v", a, ok)
	}
	if waited := time.Since(began); waited > 5*time.Second { // the lock is waited for elsewhere
		t.Errorf("an alert and an acknowledgement took %v", waited)
	}
	eventually(t, "the state", func() bool { return nextSnapshot(t, m).History.Condition == health.HistoryLocked })
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the history to be well", func() bool { return nextSnapshot(t, m).History.Condition == health.HistoryOK })
	stop(t, m)
	want := []health.TransitionKind{health.TransitionFiring, health.TransitionAcknowledged}
	if diff := cmp.Diff(want, transitionKinds(t, reopened(t, path), a.ID)); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

// pager is a destination that a test switches off and on.
type pager struct {
	mu    sync.Mutex
	name  string
	down  bool
	hangs bool
	got   []alerting.Notification
}

func (p *pager) Name() string { return p.name }

func (p *pager) Notify(_ context.Context, n alerting.Notification) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hangs {
		p.mu.Unlock()
		time.Sleep(3 * time.Second) //nolint:forbidigo // it ignores its context
		p.mu.Lock()
	}
	if p.down {
		return errors.New("away")
	}
	p.got = append(p.got, n)
	return nil
}

func (p *pager) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var told []string
	for _, n := range p.got {
		if n.Alert.Rule != "queue" {
			continue // this machine's own troubles
		}
		told = append(told, string(n.Kind)+" "+n.Alert.Severity.String())
	}
	return told
}

func (p *pager) set(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

func TestDestinationsAreTold(t *testing.T) {
	for name, kept := range map[string]Option{
		"from the history":            keptIn(historyPath(t)),
		"from memory without history": WithoutHistory(),
	} {
		t.Run(name, func(t *testing.T) {
			var queue level
			chat, away := &pager{name: "chat"}, &pager{name: "away", down: true}
			m := startMonitor(t, nil, kept, WithSource(queue.source()), WithRules(queueRule()), WithNotifier(chat), WithNotifier(away))
			nextSnapshot(t, m)
			queue.value.Store(25)
			eventually(t, "the firing", func() bool { return len(chat.told()) == 1 })
			queue.value.Store(0)
			eventually(t, "its end", func() bool { return len(chat.told()) == 2 })
			if diff := cmp.Diff([]string{"firing fail", "resolved fail"}, chat.told()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			chat.mu.Lock()
			origin := m.config.service.Instance + "/"
			if !strings.HasPrefix(chat.got[0].Key, origin) || chat.got[0].Key == chat.got[1].Key {
				t.Errorf("keys %q and %q, want them to begin with %q", chat.got[0].Key, chat.got[1].Key, origin)
			}
			chat.mu.Unlock()
			eventually(t, "the numbers", func() bool {
				d := nextSnapshot(t, m).Destinations
				return len(d) == 2 && d[0].Sent == 2 && d[1].Failed > 0 && d[1].Error == "away"
			})
			if got := m.Snapshot().Value(health.MetricNotifications); got < 3 {
				t.Errorf("%s: got %v", health.MetricNotifications, got)
			}
		})
	}
}

// TestRestartThatWasTheRecoveryIsTold ends one process while the alert fires and is told to one destination alone.
func TestRestartThatWasTheRecoveryIsTold(t *testing.T) {
	path := historyPath(t)
	var queue level
	queue.value.Store(25)
	chat, away := &pager{name: "chat"}, &pager{name: "away", down: true}
	start := func() *Monitor {
		return startMonitor(t, nil, keptIn(path), WithSource(queue.source()), WithRules(queueRule()), WithNotifier(chat), WithNotifier(away))
	}
	m := start()
	eventually(t, "the firing, and an attempt", func() bool {
		s := m.Snapshot()
		return len(chat.told()) == 1 && s != nil && len(s.Destinations) == 2 && s.Destinations[1].Failed > 0
	})
	stop(t, m)
	queue.value.Store(0)
	away.set(false)
	m = start()
	eventually(t, "the end at both", func() bool { return len(chat.told()) == 2 && len(away.told()) == 2 })
	stop(t, m)
	want := []string{"firing fail", "resolved fail"}
	if diff := cmp.Diff([][]string{want, want}, [][]string{chat.told(), away.told()}); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestShutdownDoesNotWaitForANotifierThatHangs(t *testing.T) {
	var queue level
	queue.value.Store(25)
	p := &pager{name: "hangs", hangs: true}
	m, err := Start(t.Context(), WithInterval(20*time.Millisecond), new(logBuffer).option(), keptIn(historyPath(t)),
		WithSource(queue.source()), WithRules(queueRule()), WithNotifier(p))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "an attempt", func() bool {
		s := m.Snapshot()
		return s != nil && len(s.Destinations) == 1 && !s.Destinations[0].Trying.IsZero()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := m.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), `"hangs"`) || ctx.Err() != nil {
		t.Errorf("got %v, %v, want an error in time that names it", err, ctx.Err())
	}
	eventually(t, "its end", func() bool { return len(p.told()) == 1 })
}

func TestNotifiersWithoutNamesOfTheirOwnAreRefused(t *testing.T) {
	for name, options := range map[string][]Option{
		"nil":      {WithNotifier(nil)},
		"nameless": {WithNotifier(&pager{})},
		"twice":    {WithNotifier(&pager{name: "chat"}), WithNotifier(&pager{name: "chat"})},
	} {
		m, err := Start(t.Context(), append(options, new(logBuffer).option())...)
		if err == nil || !strings.Contains(err.Error(), "WithNotifier") {
			t.Errorf("%s: got %v", name, errors.Join(err, m.Shutdown(t.Context())))
		}
	}
}

// TestCorruptHistoryLosesNoEnding destroys the file while an alert fires whose firing was told.
func TestCorruptHistoryLosesNoEnding(t *testing.T) {
	path := historyPath(t)
	var queue level
	queue.value.Store(25)
	chat := &pager{name: "chat"}
	startMonitor(t, nil, keptIn(path), WithSource(queue.source()), WithRules(queueRule()), WithNotifier(chat))
	eventually(t, "the firing", func() bool { return len(chat.told()) == 1 })
	folder := filepath.Dir(path)
	if err := os.Rename(path, filepath.Join(folder, "gone.db")); err != nil { // which the next write finds out
		t.Fatal(err)
	}
	eventually(t, "another file", func() bool { _, err := os.Stat(path); return err == nil })
	queue.value.Store(0)
	eventually(t, "the end", func() bool { return slices.Contains(chat.told(), "resolved fail") })
}

func TestHistogramIsNoReading(t *testing.T) {
	m := startMonitor(t, nil, WithRules(alerting.Rule{Name: "slow", Metric: "http.server.request.duration", Warn: alerting.At(1)}))
	h, err := m.MeterProvider().Meter("app").Float64Histogram("http.server.request.duration")
	if err != nil {
		t.Fatal(err)
	}
	h.Record(t.Context(), 2)
	r, _ := nextSnapshot(t, m).Rule("slow")
	if r.Status != health.Unknown || !strings.Contains(r.Reason, "histogram") {
		t.Errorf("got %+v, want it unknown, and why", r)
	}
}
