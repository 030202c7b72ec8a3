package otelhealth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.uber.org/goleak"

	"github.com/otelhealth/otelhealth-go/health"
)

func TestMain(m *testing.M) {
	if err := os.Setenv("HEALTH_HISTORY_PATH", "off"); err != nil { // but where a test says so
		panic(err)
	}
	if endpoint := os.Getenv(crashEndpointEnv); endpoint != "" {
		crashChild(endpoint, os.Getenv(crashFolderEnv)) // does not return
	}
	settleRuntime()
	goleak.VerifyTestMain(m)
}

// settleRuntime lets the runtime start the goroutines of its own that it starts when it first needs them: a worker for
// each CPU at the first garbage collection, one for cleanups at the first cleanup. go.goroutine.count has them in it, and
// tests that compare it exactly must not see them appear.
func settleRuntime() {
	cleaned := make(chan struct{})
	runtime.AddCleanup(new([64]byte), func(done chan struct{}) { close(done) }, cleaned)
	runtime.GC()
	<-cleaned
}

// variables is an environment for one test: the process's own, since the OTLP exporter reads that.
type variables map[string]string

func (v variables) set(t *testing.T) {
	t.Helper()
	for name, value := range v {
		t.Setenv(name, value)
	}
}

// logBuffer collects what a monitor logs.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// lines returns the lines that contain part.
func (b *logBuffer) lines(part string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []string
	for line := range strings.Lines(b.text.String()) {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return found
}

func (b *logBuffer) option() Option { return WithLogger(slog.New(slog.NewTextHandler(b, nil))) }

// startMonitor starts a monitor that samples every 20 ms, unless the options say otherwise, and ends with the test.
func startMonitor(t *testing.T, env variables, options ...Option) *Monitor {
	t.Helper()
	options = append([]Option{WithInterval(20 * time.Millisecond), new(logBuffer).option(), WithAuthorizer(anybody)}, options...)
	env.set(t)
	m, err := Start(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return m
}

// anybody is an Authorizer that lets everybody pass.
var anybody = health.AuthorizerFunc(func(*http.Request) (health.Identity, error) { return health.Identity{Name: "anybody"}, nil })

// patience bounds how long a test waits for what should happen at once.
const patience = 20 * time.Second

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for: %s", patience, what)
		}
		pause()
	}
}

func pause() { time.Sleep(time.Millisecond) } //nolint:forbidigo // between looks at what another goroutine does

// nextSnapshot returns a snapshot that was begun after the call.
func nextSnapshot(t *testing.T, m *Monitor) *health.Snapshot {
	t.Helper()
	var before uint64
	if s := m.Snapshot(); s != nil {
		before = s.Sequence
	}
	var s *health.Snapshot
	eventually(t, "a new snapshot", func() bool {
		s = m.Snapshot()
		return s != nil && s.Sequence >= before+2 // one may have begun already
	})
	return s
}

// get answers a request to the monitor's endpoints.
func get(t *testing.T, m *Monitor, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	m.Handler().ServeHTTP(w, r)
	return w
}

func TestNextTickShowsExactlyTheDifference(t *testing.T) {
	var tracker WebSocketTracker
	m := startMonitor(t, nil, WithWebSocket("echo", tracker.Stats))
	before := nextSnapshot(t, m)
	var files []*os.File
	for range 37 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	stop := make(chan struct{})
	for range 50 {
		tracker.Opened()
		tracker.Subscribed(30)
		go func() { <-stop }()
	}
	after := nextSnapshot(t, m)
	for metric, want := range map[string]health.Number{
		health.MetricFDCount: 37, health.MetricWSConnections: 50, health.MetricWSSymbols: 1500, health.MetricGoroutines: 50,
	} {
		if got := after.Value(metric) - before.Value(metric); got != want {
			t.Errorf("%s: moved by %v, want %v", metric, got, want)
		}
	}
	close(stop)
	for _, f := range files {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := nextSnapshot(t, m).Value(health.MetricFDCount); got != before.Value(health.MetricFDCount) {
		t.Errorf("once they are closed: %v descriptors, want %v", got, before.Value(health.MetricFDCount))
	}
}

func TestSnapshotsFollowEachOther(t *testing.T) {
	var mu sync.Mutex
	var seen []*health.Snapshot
	m := startMonitor(t, nil, withSnapshots(func(s *health.Snapshot) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, s)
	}))
	eventually(t, "ten snapshots", func() bool { return m.Snapshot() != nil && m.Snapshot().Sequence >= 10 })
	mu.Lock()
	defer mu.Unlock()
	for i, s := range seen {
		if s.Sequence != uint64(i+1) {
			t.Errorf("snapshot %d has sequence %d", i+1, s.Sequence)
		}
		if i > 0 && (!s.Time.After(seen[i-1].Time) || s.Offset <= seen[i-1].Offset) {
			t.Errorf("snapshot %d is not after the one before", i+1)
		}
		if s.Time.Location() != time.UTC || s.Time.Nanosecond()%1e6 != 0 {
			t.Errorf("snapshot %d: time %v, want whole milliseconds in UTC", i+1, s.Time)
		}
	}
}

func TestEndpointsAnswerWithTheSnapshot(t *testing.T) {
	m := startMonitor(t, variables{"HEALTH_SERVICE_ID": "orders", "HEALTH_SERVICE_VERSION": "2.1"})
	nextSnapshot(t, m)
	var probe struct{ Status, Version, ServiceID string }
	if err := json.Unmarshal(get(t, m, "/health").Body.Bytes(), &probe); err != nil {
		t.Fatal(err)
	}
	if probe.Status != "pass" || probe.Version != "2.1" || probe.ServiceID != "orders" {
		t.Errorf("/health: got %+v", probe)
	}
	var current struct {
		FD struct{ Count, Limit float64 }
	}
	if err := json.Unmarshal(get(t, m, "/health/api/current").Body.Bytes(), &current); err != nil {
		t.Fatal(err)
	}
	if current.FD.Count < 3 || current.FD.Limit < current.FD.Count {
		t.Errorf("/health/api/current: got %+v", current)
	}
}

func TestTickThatIsHeldIsStalled(t *testing.T) {
	m := startMonitor(t, nil)
	nextSnapshot(t, m)
	m.mu.Lock() // a tick cannot publish without it
	defer m.mu.Unlock()
	eventually(t, "503 stalled", func() bool {
		w := get(t, m, "/health")
		return w.Code == http.StatusServiceUnavailable && strings.Contains(m.Liveness().Reason, "stalled")
	})
	if w := get(t, m, "/health/check"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("/health/check: got %d, want 503", w.Code)
	}
}

func TestFaultOfTheMonitorItselfIsSurvived(t *testing.T) {
	var log logBuffer
	m := startMonitor(t, nil, log.option(), withSnapshots(func(*health.Snapshot) { panic("a fault") }))
	eventually(t, "five ticks", func() bool { return m.Snapshot() != nil && m.Snapshot().Sequence >= 5 })
	if got := log.lines("a fault"); len(got) != 1 {
		t.Errorf("logged %d times, want once", len(got))
	}
}

func TestVitalHeartbeatThatIsOverdueFailsLiveness(t *testing.T) {
	m := startMonitor(t, nil)
	beat, err := m.Heartbeat("matching-engine", time.Hour, Vital())
	if err != nil {
		t.Fatal(err)
	}
	lazy, err := m.Heartbeat("cleaner", time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	s := nextSnapshot(t, m)
	if s.Liveness.Status != health.Pass || s.Value(health.MetricStuck) != 1 || s.Stuck[0].Name != "cleaner" {
		t.Errorf("an overdue heartbeat that is not vital: liveness %+v, stuck %+v", s.Liveness, s.Stuck)
	}
	if r, _ := s.Rule(health.RuleStuck); r.Status != health.Warn {
		t.Errorf("the rule stuck: got %+v, want warn", r)
	}
	lazy.Stop()
	lazy.Stop()

	beat.last.Store(int64(-2 * time.Hour))
	s = nextSnapshot(t, m)
	if s.Liveness.Status != health.Fail || !strings.Contains(s.Liveness.Reason, "matching-engine") || s.Overall != health.Fail {
		t.Errorf("an overdue vital heartbeat: liveness %+v, overall %v", s.Liveness, s.Overall)
	}
	if w := get(t, m, "/health"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("/health: got %d, want 503", w.Code)
	}
	beat.Beat()
	if s = nextSnapshot(t, m); s.Liveness.Status != health.Pass || s.Value(health.MetricStuck) != 0 {
		t.Errorf("after a beat: liveness %+v, stuck %+v", s.Liveness, s.Stuck)
	}
}

func TestHeartbeatsNeedANameAndATime(t *testing.T) {
	m := startMonitor(t, nil)
	if _, err := m.Heartbeat("loop", time.Second); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		within time.Duration
	}{{"loop", time.Second}, {"", time.Second}, {"other", 0}, {"other", -time.Second}, {"a\nb", time.Second}} {
		if _, err := m.Heartbeat(test.name, test.within); err == nil {
			t.Errorf("%q within %v was accepted", test.name, test.within)
		}
	}
	if _, err := m.Heartbeat("other", time.Second, Vital(), nil); err == nil || !strings.Contains(err.Error(), `heartbeat "other": option 2: got "nil"`) {
		t.Errorf("an option that is nil: got %v", err)
	}
}

func TestDrainFailsReadinessAtOnce(t *testing.T) {
	m := startMonitor(t, variables{"HEALTH_DRAIN_DELAY": "0"})
	nextSnapshot(t, m)
	if w := get(t, m, "/health/check"); w.Code != http.StatusOK {
		t.Fatalf("before: got %d: %s", w.Code, w.Body)
	}
	if err := m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := get(t, m, "/health/check"); w.Code != http.StatusServiceUnavailable || m.Readiness().Reason != "draining" {
		t.Errorf("got %d %s, want 503 draining", w.Code, w.Body)
	}
	if w := get(t, m, "/health"); w.Code != http.StatusOK {
		t.Errorf("liveness: got %d, want 200", w.Code)
	}
	nextSnapshot(t, m)
	if w := get(t, m, "/health/check"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("after more ticks: got %d, want 503", w.Code)
	}
}

func TestDrainReturnsWhenItsContextEnds(t *testing.T) {
	m := startMonitor(t, variables{"HEALTH_DRAIN_DELAY": "1h"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

func TestShutdownIsIdempotentAndSafeFirst(t *testing.T) {
	var none *Monitor
	if err := none.Shutdown(t.Context()); err != nil {
		t.Errorf("of no monitor: %v", err)
	}
	if err := new(Monitor).Shutdown(t.Context()); err != nil {
		t.Errorf("of a zero monitor: %v", err)
	}
	m := startMonitor(t, nil)
	for range 3 {
		if err := m.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.AddWebSocket("late", new(WebSocketTracker).Stats); !errors.Is(err, errShutDown) {
		t.Errorf("registering afterwards: got %v, want %v", err, errShutDown)
	}
	if _, err := m.Heartbeat("late", time.Second); !errors.Is(err, errShutDown) {
		t.Errorf("a heartbeat afterwards: got %v, want %v", err, errShutDown)
	}
}

func TestShutdownInTheMiddleOfATickIsNoNews(t *testing.T) {
	var log logBuffer
	called := make(chan struct{}, 1)
	m := startMonitor(t, nil, log.option(), WithInterval(time.Minute), WithWebSocket("slow", func(ctx context.Context) (int64, int64, error) {
		called <- struct{}{}
		<-ctx.Done()
		return 0, 0, ctx.Err()
	}))
	<-called
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := log.lines("slow"); len(got) != 0 {
		t.Errorf("logged %q", got)
	}
}

func TestStartAgainGivesTheSameNumbers(t *testing.T) {
	var counts [3]health.Number
	for i := range counts {
		m := startMonitor(t, nil)
		counts[i] = nextSnapshot(t, m).Value(health.MetricGoroutines)
		if err := m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if counts[0] != counts[1] || counts[1] != counts[2] {
		t.Errorf("goroutines: got %v, want the same each time", counts)
	}
}

func TestDisabledMonitorWorksAndDoesNothing(t *testing.T) {
	scrape := WithScrape(func(bool) (sdkmetric.Reader, http.Handler, error) { return nil, nil, errors.New("it was called") })
	m := startMonitor(t, variables{"HEALTH_MONITOR_ENABLED": "false", "HEALTH_DRAIN_DELAY": "0"},
		WithWebSocket("ws", new(WebSocketTracker).Stats), scrape)
	for path, want := range map[string]int{"/health": 200, "/health/check": 200, "/health/api/current": 404, "/metrics": 404} {
		w := get(t, m, path)
		if w.Code != want {
			t.Errorf("%s: got %d, want %d", path, w.Code, want)
		}
		if want == 404 && (w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), "HEALTH_MONITOR_ENABLED")) {
			t.Errorf("%s: got %s %s", path, w.Header().Get("Content-Type"), w.Body)
		}
	}
	beat, err := m.Heartbeat("loop", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	beat.Beat()
	beat.Stop()
	remove, err := m.AddSource(Source{Name: "s", Gauges: []Gauge{{Name: "a.b"}}, Sample: func(context.Context, Observe) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	remove()
	if _, err := m.MeterProvider().Meter("x").Int64Counter("c"); err != nil {
		t.Error(err)
	}
	if m.Snapshot() != nil {
		t.Error("it has a snapshot")
	}
	if err := m.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if err := m.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := m.Heartbeat("late", time.Second); err != nil {
		t.Errorf("a heartbeat after its Shutdown: %v", err)
	}
}

// blockedHandler is a log handler behind a pipe that nobody reads.
type blockedHandler struct {
	slog.Handler
	release chan struct{}
}

func (h blockedHandler) Handle(context.Context, slog.Record) error {
	<-h.release
	return nil
}

func TestShutdownKeepsItsDeadlineBesideALoggerThatBlocks(t *testing.T) {
	h := blockedHandler{slog.DiscardHandler, make(chan struct{})}
	h.Handler = slog.NewTextHandler(new(logBuffer), nil)
	started := make(chan *Monitor)
	go func() {
		m, err := Start(context.Background(), WithInterval(20*time.Millisecond), WithOTLP(), WithAuthorizer(anybody), WithLogger(slog.New(h)),
			WithWebSocket("bad", func(context.Context) (int64, int64, error) { return 0, 0, errors.New("away") }))
		if err != nil {
			t.Error(err)
		}
		started <- m
	}()
	m := <-started
	for range 50 {
		pause() // the tick comes to its first line
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := m.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "logger") {
		t.Errorf("got %v, want an error that names the logger", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %v", took)
	}
	close(h.release)
	<-m.ticking
	<-m.exporterEnded()
}

func TestSecondShutdownKeepsItsOwnDeadline(t *testing.T) {
	release := make(chan struct{})
	called := make(chan struct{}, 1)
	m, err := Start(t.Context(), WithInterval(time.Minute), new(logBuffer).option(), WithWebSocket("bad", func(context.Context) (int64, int64, error) {
		called <- struct{}{}
		<-release
		return 0, 0, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	<-called
	first := make(chan error, 1)
	go func() { first <- m.Shutdown(context.Background()) }()
	eventually(t, "the first shutdown", m.stopping.Load)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := m.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second: got %v, want its own deadline", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the first: %v", err)
	}
}
