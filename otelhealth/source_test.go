package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// queueSource is a source with one gauge.
func queueSource(name string, sample func(context.Context, Observe) error) Source {
	return Source{Name: name, Gauges: []Gauge{{Name: "orders.queue.length", Unit: "{order}", Description: "Orders that wait."}}, Sample: sample}
}

func failureOf(s *health.Snapshot, source string) string {
	for _, f := range s.Failures {
		if f.Source == source {
			return f.Error
		}
	}
	return ""
}

// TestSourceLosesOnlyItsOwnReading has a good source of each kind beside one that goes wrong.
func TestSourceLosesOnlyItsOwnReading(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for _, test := range []struct {
		name  string
		stats WebSocketStats
		want  string
	}{
		{"returns an error", func(context.Context) (int64, int64, error) { return 0, 0, errors.New("no broker") }, "no broker"},
		{"panics", func(context.Context) (int64, int64, error) { panic("nil map") }, "panicked: nil map"},
		{"hangs until its context ends", func(ctx context.Context) (int64, int64, error) { <-ctx.Done(); return 0, 0, ctx.Err() }, ""},
		{"hangs for good", func(context.Context) (int64, int64, error) { <-release; return 1, 1, nil }, "has not returned"},
		{"counts below zero", func(context.Context) (int64, int64, error) { return -1, 0, nil }, "negative"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var good WebSocketTracker
			good.Opened()
			var log logBuffer
			m, err := Start(t.Context(), WithInterval(20*time.Millisecond), log.option(),
				WithWebSocket("good", good.Stats), WithWebSocket("bad", test.stats),
				WithSource(queueSource("queue", func(_ context.Context, observe Observe) error {
					observe("orders.queue.length", 4)
					return nil
				})))
			if err != nil {
				t.Fatal(err)
			}
			s := nextSnapshot(t, m)
			if got := s.Value(health.MetricWSConnections); got != 1 {
				t.Errorf("the good source: got %v, want 1", got)
			}
			if got := s.Value("orders.queue.length"); got != 4 {
				t.Errorf("the source of another kind: got %v, want 4", got)
			}
			if got := failureOf(s, "bad"); got == "" || !strings.Contains(got, test.want) {
				t.Errorf("the failure: got %q, want %q", got, test.want)
			}
			if got := log.lines("source=bad"); len(got) != 1 {
				t.Errorf("logged %q, want one line", got)
			}
			if r, _ := s.Rule(health.RuleWebSocket); r.Status != health.Unknown || r.Value.Known() || !strings.Contains(r.Reason, `"bad"`) {
				t.Errorf("a sum that lacks a part: got %+v, want unknown", r)
			}
			if s.Readiness.Status != health.Warn {
				t.Errorf("readiness: got %+v, want warn", s.Readiness)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err = m.Shutdown(ctx)
			if hangs := strings.Contains(test.name, "for good"); hangs != (err != nil && strings.Contains(err.Error(), `"bad"`)) {
				t.Errorf("shutdown: got %v", err)
			}
		})
	}
}

func TestSumThatLacksAPartStillAlarms(t *testing.T) {
	var many WebSocketTracker
	for range 25 {
		many.Opened()
	}
	m := startMonitor(t, nil, WithWebSocket("many", many.Stats), WithWebSocket("bad", func(context.Context) (int64, int64, error) {
		return 0, 0, errors.New("away")
	}))
	if r, _ := nextSnapshot(t, m).Rule(health.RuleWebSocket); r.Status != health.Fail || r.Value != 25 {
		t.Errorf("got %+v, want fail at 25", r)
	}
}

func TestHangingSourceHoldsTheTickOnceAtMost(t *testing.T) {
	release := make(chan struct{})
	m := startMonitor(t, nil, WithInterval(time.Second), WithWebSocket("bad", func(context.Context) (int64, int64, error) {
		<-release
		return 3, 0, nil
	}))
	eventually(t, "the first snapshot", func() bool { return m.Snapshot() != nil })
	if took := m.ticker; took == nil {
		t.Fatal("no ticker")
	}
	s := nextSnapshot(t, m)
	if got := s.Value(health.MetricTickDuration); got > 0.2 {
		t.Errorf("the tick after the first took %v s", got)
	}
	close(release)
	eventually(t, "its reading once it returns", func() bool { return nextSnapshot(t, m).Value(health.MetricWSConnections) == 3 })
}

func TestSourceObservesItsGauges(t *testing.T) {
	m := startMonitor(t, nil, WithSource(Source{
		Name:   "queue",
		Gauges: []Gauge{{Name: "orders.queue.length", Unit: "{order}"}, {Name: "orders.queue.age", Unit: "s"}},
		Sample: func(_ context.Context, observe Observe) error {
			observe("orders.queue.length", 3, attribute.String("queue", "new"))
			observe("orders.queue.length", 5, attribute.String("queue", "old"))
			observe("orders.queue.age", 1.25)
			return nil
		},
	}))
	s := nextSnapshot(t, m)
	if got := s.Value("orders.queue.length"); got != 8 {
		t.Errorf("length: got %v, want 8", got)
	}
	if metric, ok := s.Find("orders.queue.age"); !ok || metric.Unit != "s" || metric.Sum() != 1.25 {
		t.Errorf("age: got %+v, %v", metric, ok)
	}
	if body := get(t, m, "/health/api/current").Body.String(); !strings.Contains(body, `"name":"orders.queue.age"`) {
		t.Error("current does not show it")
	}
}

func TestSourceThatObservesWhatItMustNot(t *testing.T) {
	for _, test := range []struct {
		gauge string
		value float64
		want  string
	}{
		{"no.such.gauge", 1, "does not declare"},
		{"orders.queue.length", math.NaN(), "NaN"},
		{"orders.queue.length", math.Inf(1), "Inf"},
	} {
		t.Run(test.gauge+" "+fmt.Sprint(test.value), func(t *testing.T) {
			m := startMonitor(t, nil, WithSource(queueSource("queue", func(_ context.Context, observe Observe) error {
				observe(test.gauge, test.value)
				return nil
			})))
			if got := failureOf(nextSnapshot(t, m), "queue"); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSourcesThatAreRefused(t *testing.T) {
	sample := func(context.Context, Observe) error { return nil }
	m := startMonitor(t, nil, WithSource(queueSource("queue", sample)))
	for _, test := range []struct {
		name   string
		source Source
		want   string
	}{
		{"a name that is taken", queueSource("queue", sample), "taken"},
		{"no name", queueSource("", sample), "empty"},
		{"no gauges", Source{Name: "x", Sample: sample}, "no gauges"},
		{"no function", Source{Name: "x", Gauges: []Gauge{{Name: "a"}}}, "nil"},
		{"a built-in metric's name", Source{Name: "x", Gauges: []Gauge{{Name: health.MetricFDCount}}, Sample: sample}, "built-in"},
		{"the same in other letters", Source{Name: "x", Gauges: []Gauge{{Name: "GO.goroutine.count"}}, Sample: sample}, "built-in"},
		{"another unit", Source{Name: "x", Gauges: []Gauge{{Name: "orders.queue.length", Unit: "s"}}, Sample: sample}, "already registered"},
		{"a name that OpenTelemetry refuses", Source{Name: "x", Gauges: []Gauge{{Name: "1 bad name"}}, Sample: sample}, "1 bad name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := m.AddSource(test.source); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestRefusedSourceLeavesNothingBehind(t *testing.T) {
	m := startMonitor(t, nil)
	sample := func(context.Context, Observe) error { return nil }
	for _, second := range []Gauge{{Name: "bad name!"}, {Name: health.MetricFDCount}, {Name: "jobs.waiting", Unit: "s"}} {
		if _, err := m.AddSource(Source{Name: "jobs", Gauges: []Gauge{{Name: "jobs.waiting", Unit: "1"}, second}, Sample: sample}); err == nil {
			t.Fatalf("%+v was accepted", second)
		}
	}
	if _, err := m.AddSource(Source{Name: "jobs", Gauges: []Gauge{{Name: "jobs.waiting", Unit: "{job}"}}, Sample: sample}); err != nil {
		t.Errorf("mended: %v", err)
	}
}

func TestSourcesComeAndGo(t *testing.T) {
	m := startMonitor(t, nil)
	sample := func(_ context.Context, observe Observe) error {
		observe("orders.queue.length", 2)
		return nil
	}
	for range 3 {
		remove, err := m.AddSource(queueSource("queue", sample))
		if err != nil {
			t.Fatal(err)
		}
		if got := nextSnapshot(t, m).Value("orders.queue.length"); got != 2 {
			t.Errorf("got %v, want 2", got)
		}
		remove()
		remove()
		if got := nextSnapshot(t, m).Value("orders.queue.length"); got.Known() {
			t.Errorf("after its removal: got %v, want unknown", got)
		}
	}
}

func TestTwoSourcesMayShareAGauge(t *testing.T) {
	source := func(name string, value float64) Option {
		return WithSource(queueSource(name, func(_ context.Context, observe Observe) error {
			observe("orders.queue.length", value, attribute.String("queue", name))
			return nil
		}))
	}
	m := startMonitor(t, nil, source("new", 2), source("old", 3))
	if got := nextSnapshot(t, m).Value("orders.queue.length"); got != 5 {
		t.Errorf("got %v, want 5", got)
	}
}

func TestWebSocketSourcesComeAndGo(t *testing.T) {
	m := startMonitor(t, nil)
	var tracker WebSocketTracker
	tracker.Opened()
	tracker.Opened()
	tracker.Closed()
	tracker.Subscribed(10)
	tracker.Unsubscribed(4)
	remove, err := m.AddWebSocket("echo", tracker.Stats)
	if err != nil {
		t.Fatal(err)
	}
	s := nextSnapshot(t, m)
	if s.Value(health.MetricWSConnections) != 1 || s.Value(health.MetricWSSymbols) != 6 {
		t.Errorf("got %v connections and %v symbols, want 1 and 6", s.Value(health.MetricWSConnections), s.Value(health.MetricWSSymbols))
	}
	remove()
	if _, ok := nextSnapshot(t, m).Rule(health.RuleWebSocket); ok {
		t.Error("without a source the rule is still there")
	}
	if _, err := m.AddWebSocket("echo", nil); err == nil {
		t.Error("a nil function was accepted")
	}
}

func TestOverflowOfSeriesIsSaid(t *testing.T) {
	var log logBuffer
	startMonitor(t, nil, WithInterval(100*time.Millisecond), log.option(), WithSource(queueSource("queue", func(_ context.Context, observe Observe) error {
		for i := range 2100 {
			observe("orders.queue.length", 1, attribute.Int("id", i))
		}
		return nil
	})))
	eventually(t, "a warning", func() bool { return len(log.lines("more series")) == 1 })
}

func TestSourceThatEndsItsGoroutine(t *testing.T) {
	m := startMonitor(t, nil, WithWebSocket("bad", func(context.Context) (int64, int64, error) {
		runtime.Goexit()
		return 0, 0, nil
	}))
	if got := failureOf(nextSnapshot(t, m), "bad"); !strings.Contains(got, "has ended its goroutine") {
		t.Errorf("got %q", got)
	}
}

func TestSourceMayRemoveItself(t *testing.T) {
	m := startMonitor(t, nil)
	removed := make(chan struct{})
	var remove func()
	ready := make(chan struct{})
	var once sync.Once
	remove, err := m.AddSource(queueSource("queue", func(context.Context, Observe) error {
		<-ready
		once.Do(func() {
			remove()
			close(removed)
		})
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	close(ready)
	<-removed
	if _, err := m.AddSource(queueSource("queue", func(context.Context, Observe) error { return nil })); err != nil {
		t.Errorf("its name is not free: %v", err)
	}
}

// TestRegisteringWhileShuttingDown is for the race detector and for goleak: whatever comes too late is refused whole.
func TestRegisteringWhileShuttingDown(t *testing.T) {
	db := openSQLite(t, "orders.db")
	for range 20 {
		m := startMonitor(t, nil)
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for j := range 5 {
					name := fmt.Sprintf("%d-%d", i, j)
					removeDB, _ := m.AddDB(name, db) // refused once the monitor is shut down
					removeSource, _ := m.AddSource(queueSource(name, func(context.Context, Observe) error { return nil }))
					removeWS, _ := m.AddWebSocket(name, new(WebSocketTracker).Stats)
					for _, remove := range []func(){removeDB, removeSource, removeWS} {
						if remove != nil && j%2 == 0 {
							remove()
						}
					}
					_ = m.Snapshot()
				}
			})
		}
		group.Go(func() {
			if err := m.Shutdown(t.Context()); err != nil {
				t.Errorf("shutdown: %v", err)
			}
		})
		group.Wait()
	}
}

// TestSlowSourceIsNotWaitedForAgain has a source that always takes longer than its budget.
func TestSlowSourceIsNotWaitedForAgain(t *testing.T) {
	release := make(chan struct{}, 1)
	m := startMonitor(t, nil, WithInterval(400*time.Millisecond), WithWebSocket("slow", func(ctx context.Context) (int64, int64, error) {
		<-ctx.Done() // its budget is used up
		select {
		case release <- struct{}{}:
		default:
		}
		return 7, 0, nil
	}))
	eventually(t, "what it brought the tick before", func() bool { return nextSnapshot(t, m).Value(health.MetricWSConnections) == 7 })
	for range 3 {
		if s := nextSnapshot(t, m); s.Value(health.MetricTickDuration) > 0.09 || s.Value(health.MetricWSConnections) != 7 {
			t.Errorf("a tick took %v s and read %v", s.Value(health.MetricTickDuration), s.Value(health.MetricWSConnections))
		}
	}
}

func TestRemovedFunctionsAreNotCalledAndAreWaitedFor(t *testing.T) {
	release := make(chan struct{})
	m, err := Start(t.Context(), WithInterval(20*time.Millisecond), new(logBuffer).option())
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan struct{}, 1)
	hang := func(context.Context) error {
		select {
		case called <- struct{}{}:
		default:
		}
		<-release
		return nil
	}
	remove, err := m.AddDB("orders", openSQLite(t, "orders.db"), WithProbe(hang))
	if err != nil {
		t.Fatal(err)
	}
	<-called
	remove()
	removeSource, err := m.AddWebSocket("ws", func(ctx context.Context) (int64, int64, error) { return 0, 0, hang(ctx) })
	if err != nil {
		t.Fatal(err)
	}
	<-called
	removeSource()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = m.Shutdown(ctx)
	for _, name := range []string{`"orders"`, `"ws"`} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("shutdown: got %v, want %s named", err, name)
		}
	}
	close(release)
}

func TestRemovingAHealthySourceIsNoNews(t *testing.T) {
	var log logBuffer
	m := startMonitor(t, nil, WithInterval(10*time.Millisecond), log.option())
	for range 200 {
		remove, err := m.AddWebSocket("ws", new(WebSocketTracker).Stats)
		if err != nil {
			t.Fatal(err)
		}
		pause()
		remove()
	}
	nextSnapshot(t, m)
	if got := log.lines("source"); len(got) != 0 {
		t.Errorf("logged %q", got)
	}
}

func TestAttributeThatIsNotUTF8LosesOnlyItsSource(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address},
		WithSource(queueSource("queue", func(_ context.Context, observe Observe) error {
			observe("orders.queue.length", 1, attribute.String("path", "caf\xe9"))
			return nil
		})))
	if got := failureOf(nextSnapshot(t, m), "queue"); !strings.Contains(got, "UTF-8") {
		t.Errorf("got %q", got)
	}
	eventually(t, "requests all the same", func() bool { return c.received() >= 3 })
}
