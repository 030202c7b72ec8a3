package otelhealth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/checks"
)

// bubble runs a test on a clock of its own, with a monitor that samples every 10 s, and passes what it logs.
func bubble(t *testing.T, test func(t *testing.T, m *Monitor, log *logBuffer), options ...Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBuffer)
		m := startMonitor(t, nil, append([]Option{WithInterval(10 * time.Second), log.option()}, options...)...)
		synctest.Wait()
		test(t, m, log)
	})
}

// pass lets time pass in a bubble, and everything happen that is due by then.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the bubble's clock
	synctest.Wait()
}

func mustAdd(t *testing.T, m *Monitor, c Check) (remove func()) {
	t.Helper()
	remove, err := m.AddCheck(c)
	if err != nil {
		t.Fatal(err)
	}
	return remove
}

// dependency is something that a test can break: what its probe returns.
type dependency struct {
	err   atomic.Pointer[error]
	calls atomic.Int64
}

func (d *dependency) set(err error) { d.err.Store(&err) }

func (d *dependency) probe(context.Context) error {
	d.calls.Add(1)
	if err := d.err.Load(); err != nil {
		return *err
	}
	return nil
}

// diary notes when a probe was called.
type diary struct {
	mu    sync.Mutex
	times []time.Time
}

// note returns how many calls there have been, with this one.
func (d *diary) note() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.times = append(d.times, time.Now())
	return len(d.times)
}

func (d *diary) began() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.times)
}

var errRefused = errors.New("connection refused")

func TestCheckFollowsItsDependency(t *testing.T) {
	var d dependency
	bubble(t, func(t *testing.T, m *Monitor, log *logBuffer) {
		if s := m.Snapshot(); connectivity(s, "payments").Status != health.Unknown || s.Readiness.Status != health.Fail ||
			!strings.Contains(s.Readiness.Reason, "has not run yet") {
			t.Errorf("before the first run: got %+v", s.Readiness)
		}
		pass(10 * time.Second)
		first := connectivity(m.Snapshot(), "payments")
		if first.Status != health.Pass || first.Error != "" || m.Readiness().Status != health.Pass {
			t.Errorf("after the first run: got %+v and %+v", first, m.Readiness())
		}
		d.set(errRefused)
		pass(10 * time.Second)
		failing := connectivity(m.Snapshot(), "payments")
		if failing.Status != health.Fail || failing.Error != "connection refused" || !failing.Since.After(first.Since) {
			t.Errorf("when it is away: got %+v", failing)
		}
		if r := m.Readiness(); r.Status != health.Fail || !strings.Contains(r.Reason, `"payments" fails`) {
			t.Errorf("readiness: got %+v", r)
		}
		pass(30 * time.Second)
		if still := connectivity(m.Snapshot(), "payments"); !still.Since.Equal(failing.Since) || !still.Time.After(failing.Time) {
			t.Errorf("when it is still away: got %+v after %+v", still, failing)
		}
		d.set(nil)
		pass(10 * time.Second)
		if back := connectivity(m.Snapshot(), "payments"); back.Status != health.Pass || back.Error != "" || !back.Since.After(failing.Since) {
			t.Errorf("when it is back: got %+v", back)
		}
		if got := log.lines("a check fails"); len(got) != 1 || !strings.Contains(got[0], "level=WARN") || !strings.Contains(got[0], errRefused.Error()) {
			t.Errorf("logged %q, want one warning with the error", got)
		}
		if got := log.lines("a check passes again"); len(got) != 1 || !strings.Contains(got[0], "level=INFO") {
			t.Errorf("logged %q, want one line", got)
		}
	}, WithCheck(Check{Name: "payments", Kind: "service", Required: true, Probe: d.probe}))
}

func TestOptionalCheckLowersReadinessToWarn(t *testing.T) {
	var d dependency
	d.set(errRefused)
	bubble(t, func(t *testing.T, m *Monitor, _ *logBuffer) {
		pass(10 * time.Second)
		if s := m.Snapshot(); s.Readiness.Status != health.Warn || s.Overall != health.Fail || s.Liveness.Status != health.Pass {
			t.Errorf("got readiness %+v, overall %v, liveness %+v", s.Readiness, s.Overall, s.Liveness)
		}
	}, WithCheck(Check{Name: "cache", Probe: d.probe}))
}

// TestChangeIsPublishedAtOnce has samples that are an hour apart.
func TestChangeIsPublishedAtOnce(t *testing.T) {
	var d dependency
	bubble(t, func(t *testing.T, m *Monitor, _ *logBuffer) {
		pass(time.Second)
		before := m.Snapshot()
		if before.Readiness.Status != health.Pass {
			t.Errorf("got %+v", before.Readiness)
		}
		d.set(errRefused)
		pass(time.Second)
		if s := m.Snapshot(); s.Sequence != before.Sequence || s.Readiness.Status != health.Fail {
			t.Errorf("got snapshot %d and %+v, want the same snapshot and fail", s.Sequence, s.Readiness)
		}
	}, WithInterval(time.Hour), WithCheck(Check{Name: "payments", Required: true, Interval: time.Second, Probe: d.probe}))
}

func TestFailuresCountOnceThereAreEnough(t *testing.T) {
	const fails, passes = true, false
	for _, test := range []struct {
		name string
		runs []bool
		want []health.Status
	}{
		{"undecided until the third", []bool{fails, fails, fails}, []health.Status{health.Unknown, health.Unknown, health.Fail}},
		{"one that passes decides at once", []bool{fails, passes}, []health.Status{health.Unknown, health.Pass}},
		{"two in a row change nothing", []bool{passes, fails, fails, passes}, []health.Status{health.Pass, health.Pass, health.Pass, health.Pass}},
		{"the third in a row does", []bool{passes, fails, fails, fails}, []health.Status{health.Pass, health.Pass, health.Pass, health.Fail}},
		{"one that flaps never fails", []bool{passes, fails, passes, fails, fails, passes}, []health.Status{health.Pass, health.Pass, health.Pass, health.Pass, health.Pass, health.Pass}},
		{"one success is enough to recover", []bool{fails, fails, fails, passes, fails}, []health.Status{health.Unknown, health.Unknown, health.Fail, health.Pass, health.Pass}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var d dependency
			bubble(t, func(t *testing.T, m *Monitor, log *logBuffer) {
				mustAdd(t, m, Check{Name: "payments", Required: true, FailureThreshold: 3, Interval: time.Second, Probe: d.probe})
				for i, failed := range test.runs {
					d.set(nil)
					if failed {
						d.set(errRefused)
					}
					pass(time.Second)
					m.republish() // what does not change the status is shown with the next sample
					got := connectivity(m.Snapshot(), "payments")
					if got.Status != test.want[i] || (got.Error != "") != failed {
						t.Fatalf("run %d: got %+v, want %v", i+1, got, test.want[i])
					}
					if r := m.Readiness(); (r.Status == health.Pass) != (got.Status == health.Pass) {
						t.Errorf("run %d: readiness %+v beside %v", i+1, r, got.Status)
					} else if got.Status == health.Unknown && !strings.Contains(r.Reason, "has not passed yet") {
						t.Errorf("run %d: readiness %+v", i+1, r)
					}
				}
				if got := len(log.lines("a check fails")); got > 1 {
					t.Errorf("logged it %d times", got)
				}
			})
		})
	}
}

func TestProbeThatGoesWrongFailsItsCheck(t *testing.T) {
	for name, test := range map[string]struct {
		probe func(context.Context) error
		want  string
	}{
		"an error":                       {func(context.Context) error { return errRefused }, "connection refused"},
		"a panic":                        {func(context.Context) error { panic("nil map") }, "panicked: nil map"},
		"an error that panics":           {func(context.Context) error { return (*json.SyntaxError)(nil) }, "nil"},
		"a goroutine that ends":          {func(context.Context) error { runtime.Goexit(); return nil }, "has ended its goroutine"},
		"a deadline":                     {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "deadline exceeded"},
		"an answer that comes late":      {func(context.Context) error { time.Sleep(1050 * time.Millisecond); return nil }, "answered after 1.05s, later than 1s"}, //nolint:forbidigo // the bubble's clock
		"an answer that comes very late": {func(context.Context) error { time.Sleep(1500 * time.Millisecond); return nil }, "answered after 1.5s, later than 1s"},  //nolint:forbidigo // the bubble's clock
		"a long story":                   {func(context.Context) error { return errors.New(strings.Repeat("é", 1000)) }, "é…"},
		"what is not UTF-8":              {func(context.Context) error { return errors.New("caf\xe9") }, "caf\ufffd"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *Monitor, _ *logBuffer) {
				pass(30 * time.Second)
				got := connectivity(m.Snapshot(), "bad")
				if got.Status != health.Fail || !strings.Contains(got.Error, test.want) || len(got.Error) > 600 {
					t.Errorf("got %+v, want %q", got, test.want)
				}
				if good := connectivity(m.Snapshot(), "good"); good.Status != health.Pass {
					t.Errorf("another check: got %+v", good)
				}
			}, WithCheck(Check{Name: "bad", Interval: time.Hour, Timeout: time.Second, Probe: test.probe}),
				WithCheck(Check{Name: "good", Probe: new(dependency).probe}))
		})
	}
}

// TestProbeThatHangs ignores its context for 47 s, with a timeout of 2 s and an interval of 10 s.
func TestProbeThatHangs(t *testing.T) {
	for _, threshold := range []int{1, 3} {
		t.Run(fmt.Sprint("threshold ", threshold), func(t *testing.T) {
			var calls diary
			probe := func(context.Context) error {
				if calls.note() == 1 {
					time.Sleep(47 * time.Second) //nolint:forbidigo // the bubble's clock
				}
				return nil
			}
			bubble(t, func(t *testing.T, m *Monitor, log *logBuffer) {
				mustAdd(t, m, Check{Name: "payments", Timeout: 2 * time.Second, FailureThreshold: threshold, Probe: probe})
				for len(calls.began()) == 0 {
					pass(time.Millisecond)
				}
				began := calls.began()[0]
				for _, look := range []struct {
					at     time.Duration // since the run began
					counts int
				}{{time.Second, 0}, {3 * time.Second, 1}, {13 * time.Second, 2}, {23 * time.Second, 3}, {46 * time.Second, 5}} {
					pass(time.Until(began.Add(look.at)))
					m.republish()
					got := connectivity(m.Snapshot(), "payments")
					if (got.Status == health.Fail) != (look.counts >= threshold) || strings.Contains(got.Error, "has not returned for") != (look.counts > 0) {
						t.Errorf("after %v: got %+v", look.at, got)
					}
				}
				pass(2 * time.Second)
				m.republish()
				if got := connectivity(m.Snapshot(), "payments"); got.Status != health.Fail || got.Error != "answered after 47s, later than 2s" {
					t.Errorf("once it has returned: got %+v", got)
				}
				if n := len(calls.began()); n != 1 {
					t.Errorf("it was called %d times meanwhile", n)
				}
				pass(10 * time.Second)
				if got := connectivity(m.Snapshot(), "payments"); got.Status != health.Pass || len(calls.began()) != 2 {
					t.Errorf("after the next run: got %+v, %d runs", got, len(calls.began()))
				}
				if fails, passes := log.lines("a check fails"), log.lines("a check passes"); len(fails) != 1 || len(passes) != 1 {
					t.Errorf("logged %q and %q", fails, passes)
				}
			})
		})
	}
}

// TestLateRunCountsOnce has a threshold of 2, which a single run that is overdue for a moment must not reach.
func TestLateRunCountsOnce(t *testing.T) {
	var calls diary
	bubble(t, func(t *testing.T, m *Monitor, _ *logBuffer) {
		pass(10 * time.Second)
		pass(8 * time.Second)
		if got := connectivity(m.Snapshot(), "payments"); got.Status != health.Unknown || len(calls.began()) != 1 {
			t.Errorf("got %+v after %d runs, want it undecided", got, len(calls.began()))
		}
	}, WithCheck(Check{Name: "payments", Interval: time.Hour, Timeout: time.Second, FailureThreshold: 2, Probe: func(context.Context) error {
		calls.note()
		time.Sleep(5 * time.Second) //nolint:forbidigo // the bubble's clock
		return nil
	}}))
}

func TestRunsKeepTheirInterval(t *testing.T) {
	for _, test := range []struct {
		name         string
		takes, apart time.Duration
	}{
		{"a quick one", 0, 10 * time.Second},
		{"one that takes most of it", 9 * time.Second, 10 * time.Second},
		{"one that takes longer is followed by a pause", 12 * time.Second, 22 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			var calls diary
			bubble(t, func(t *testing.T, m *Monitor, _ *logBuffer) {
				start := time.Now()
				mustAdd(t, m, Check{Name: "payments", InitialDelay: time.Minute, Timeout: time.Minute, Probe: func(ctx context.Context) error {
					calls.note()
					select {
					case <-time.After(test.takes):
					case <-ctx.Done():
					}
					return nil
				}})
				pass(3 * time.Minute)
				began := calls.began()
				if first := began[0].Sub(start); first < time.Minute || first >= 70*time.Second {
					t.Errorf("the first run came after %v, want the initial delay and a part of the interval", first)
				}
				for i := 1; i < len(began); i++ {
					if got := began[i].Sub(began[i-1]); got != test.apart {
						t.Errorf("run %d came %v after the one before, want %v", i+1, got, test.apart)
					}
				}
				if len(began) < 4 {
					t.Errorf("got %d runs", len(began))
				}
			})
		})
	}
}

// TestRareCheckRunsSoon has a check of once a day: readiness does not wait a day for it.
func TestRareCheckRunsSoon(t *testing.T) {
	bubble(t, func(t *testing.T, m *Monitor, _ *logBuffer) {
		pass(longestJitter)
		if r := m.Readiness(); r.Status != health.Pass {
			t.Errorf("got %+v", r)
		}
	}, WithCheck(Check{Name: "certificate", Required: true, Interval: 24 * time.Hour, Probe: new(dependency).probe}))
}

func TestManyChecksDoNotRunInStep(t *testing.T) {
	var mu sync.Mutex
	first := make(map[string]time.Time)
	var running, most int
	var options []Option
	for i := range 200 {
		name := fmt.Sprint("dependency-", i)
		options = append(options, WithCheck(Check{Name: name, Required: true, Probe: func(context.Context) error {
			mu.Lock()
			if _, ok := first[name]; !ok {
				first[name] = time.Now()
			}
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(10 * time.Millisecond) //nolint:forbidigo // the bubble's clock
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		}}))
	}
	bubble(t, func(t *testing.T, m *Monitor, _ *logBuffer) {
		pass(11 * time.Second)
		if r := m.Readiness(); r.Status != health.Pass || len(m.Snapshot().Checks) != 200 {
			t.Errorf("got %+v of %d checks", r, len(m.Snapshot().Checks))
		}
		seconds := make(map[int]int)
		for _, at := range first {
			seconds[at.Second()]++
		}
		for second, runs := range seconds {
			if runs > 60 { // 20 on average
				t.Errorf("%d of 200 first runs fell into second %d", runs, second)
			}
		}
		if most > 50 {
			t.Errorf("%d ran at the same time", most)
		}
	}, options...)
}

// TestTwoHundredChecksThatHang run on the real clock, beside ticks and probes, which must not wait for them.
func TestTwoHundredChecksThatHang(t *testing.T) {
	release := make(chan struct{})
	var called atomic.Int64
	hang := func(context.Context) error {
		called.Add(1)
		<-release
		return nil
	}
	m, err := Start(t.Context(), WithInterval(20*time.Millisecond), new(logBuffer).option())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		mustAdd(t, m, Check{Name: fmt.Sprint("dependency-", i), Timeout: 10 * time.Millisecond, Probe: hang})
	}
	eventually(t, "all of them", func() bool { return called.Load() == 200 })
	before := m.Snapshot().Sequence
	eventually(t, "ticks all the same", func() bool { return m.Snapshot().Sequence > before+5 })
	eventually(t, "liveness", func() bool { return get(t, m, "/health").Code == http.StatusOK }) // a busy machine may miss ticks
	eventually(t, "all of them shown", func() bool {
		for _, c := range m.Snapshot().Checks {
			if !strings.Contains(c.Error, "has not returned for") {
				return false
			}
		}
		return true
	})
	if called.Load() != 200 {
		t.Errorf("called %d times, want each once", called.Load())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	err = m.Shutdown(ctx)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("shutdown took %v", took)
	}
	if err == nil || !strings.Contains(err.Error(), `"dependency-0"`) || !strings.Contains(err.Error(), `"dependency-199"`) {
		t.Errorf("shutdown: got %v, want each named", err)
	}
	close(release)
}

func TestShutdownNamesOnlyTheCheckThatHangs(t *testing.T) {
	release, called, sampled := make(chan struct{}), make(chan struct{}), make(chan struct{})
	m, err := Start(t.Context(), WithInterval(20*time.Millisecond), new(logBuffer).option(),
		WithCheck(Check{Name: "idle", InitialDelay: time.Hour, Probe: new(dependency).probe}),
		WithCheck(Check{Name: "bad", Kind: "service", Probe: func(context.Context) error { close(called); <-release; return nil }}),
		WithCheck(Check{Name: "good", Probe: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}),
		WithWebSocket("hanging", func(context.Context) (int64, int64, error) { close(sampled); <-release; return 0, 0, nil }))
	if err != nil {
		t.Fatal(err)
	}
	<-called
	<-sampled
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = m.Shutdown(ctx)
	if err == nil || !strings.Contains(err.Error(), `service "bad"`) || !strings.Contains(err.Error(), `"hanging"`) || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("shutdown: got %v, want the two that hang and nothing else", err)
	}
	close(release)
}

func TestCheckIsRemovedInTheMiddleOfARun(t *testing.T) {
	bubble(t, func(t *testing.T, m *Monitor, log *logBuffer) {
		called, ended := make(chan struct{}, 1), make(chan struct{})
		c := Check{Name: "payments", Required: true, Timeout: time.Hour, Probe: func(ctx context.Context) error {
			called <- struct{}{}
			<-ctx.Done()
			close(ended)
			return ctx.Err()
		}}
		remove := mustAdd(t, m, c)
		if r := m.Readiness(); r.Status != health.Fail {
			t.Errorf("a required check that was just added: got %+v", r)
		}
		<-called
		remove()
		remove()
		<-ended
		if s := m.Snapshot(); len(s.Checks) != 0 || s.Readiness.Status != health.Pass {
			t.Errorf("at once: got %+v and %+v", s.Checks, s.Readiness)
		}
		pass(time.Minute)
		if len(called) != 0 || len(log.lines("a check")) != 0 {
			t.Errorf("it was called again, or logged %q", log.lines("a check"))
		}
		mustAdd(t, m, c) // its name is free
		<-called
	})
}

func TestCheckMayRemoveItself(t *testing.T) {
	bubble(t, func(t *testing.T, m *Monitor, _ *logBuffer) {
		removed := make(chan func(), 1)
		removed <- mustAdd(t, m, Check{Name: "once", InitialDelay: time.Second, Probe: func(context.Context) error {
			(<-removed)()
			return nil
		}})
		pass(time.Minute)
		if got := m.Snapshot().Checks; len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestRemovedCheckThatHangsIsWaitedFor is for Shutdown, which names it.
func TestRemovedCheckThatHangsIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, m *Monitor, log *logBuffer) {
		release, called := make(chan struct{}), make(chan struct{})
		mustAdd(t, m, Check{Name: "payments", Timeout: time.Second, Probe: func(context.Context) error {
			close(called)
			<-release
			return nil
		}})
		<-called
		m.mu.Lock()
		r := m.checks[0]
		m.mu.Unlock()
		m.removeRunner(r)
		pass(time.Minute)
		if got := log.lines("a check"); len(got) != 0 {
			t.Errorf("logged %q", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.wait(ctx); err == nil || !strings.Contains(err.Error(), `check "payments"`) {
			t.Errorf("got %v, want it named", err)
		}
		close(release)
	})
}

// TestDatabasesAreAskedAfterEachTick, while checks keep a time of their own.
func TestDatabasesAreAskedAfterEachTick(t *testing.T) {
	var d dependency
	bubble(t, func(t *testing.T, m *Monitor, log *logBuffer) {
		for range 5 {
			if calls, ticks := d.calls.Load(), m.Snapshot().Sequence; calls != int64(ticks) {
				t.Errorf("asked %d times in %d ticks", calls, ticks)
			}
			pass(15 * time.Second)
		}
		d.set(errRefused)
		pass(15 * time.Second)
		if c := connectivity(m.Snapshot(), "orders"); c.Status != health.Fail || len(log.lines("kind=database")) != 1 {
			t.Errorf("got %+v, logged %q", c, log.lines("a check"))
		}
	}, WithInterval(15*time.Second), WithDB("orders", idleDB{}, WithProbe(d.probe)))
}

// TestSlowDatabaseIsAskedAgainAfterATick, not at the heels of the run before: it takes 20 s, with a tick every 15 s.
func TestSlowDatabaseIsAskedAgainAfterATick(t *testing.T) {
	var calls diary
	probe := func(ctx context.Context) error {
		calls.note()
		select {
		case <-time.After(20 * time.Second):
		case <-ctx.Done():
		}
		return nil
	}
	bubble(t, func(t *testing.T, _ *Monitor, _ *logBuffer) {
		pass(5 * time.Minute)
		began := calls.began()[1:] // a random part of an interval comes after the first tick
		for i := 1; i < len(began); i++ {
			if got := began[i].Sub(began[i-1]); got != 30*time.Second {
				t.Errorf("run %d came %v after the one before, want 30s", i+2, got)
			}
		}
	}, WithInterval(15*time.Second), WithDB("orders", idleDB{}, WithProbe(probe), WithProbeTimeout(time.Minute)))
}

// TestChecksComeAndGoWhileShuttingDown is for the race detector and for goleak.
func TestChecksComeAndGoWhileShuttingDown(t *testing.T) {
	for range 10 {
		m := startMonitor(t, nil)
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for j := range 10 {
					remove, err := m.AddCheck(Check{Name: fmt.Sprint(i, "-", j), Interval: minCheckInterval, Probe: new(dependency).probe})
					if err == nil && j%2 == 0 {
						remove()
					}
				}
			})
		}
		group.Go(func() {
			if err := m.Shutdown(t.Context()); err != nil {
				t.Errorf("shutdown: %v", err)
			}
		})
		group.Wait()
		if _, err := m.AddCheck(Check{Name: "late", Probe: new(dependency).probe}); !errors.Is(err, errShutDown) {
			t.Errorf("after Shutdown: got %v", err)
		}
	}
}

func TestStartNamesAllThatIsWrongWithChecks(t *testing.T) {
	probe := new(dependency).probe
	m, err := Start(t.Context(), new(logBuffer).option(), WithInterval(0),
		WithCheck(Check{}),
		WithCheck(Check{Name: "a\nb", Probe: probe}),
		WithCheck(Check{
			Name: "negative", Kind: "a:b", Interval: -1, Timeout: -time.Second, InitialDelay: -time.Hour, FailureThreshold: -2, Probe: probe,
		}),
		WithCheck(Check{Name: "huge", Kind: "rule", Interval: 48 * time.Hour, Timeout: time.Nanosecond, InitialDelay: 1 << 62, Probe: probe}),
		WithCheck(Check{Name: "twice", Probe: probe}), WithCheck(Check{Name: "twice", Kind: "check", Probe: probe}),
		WithCheck(Check{Name: "twice", Kind: "cache", Probe: probe}), // of another kind
	)
	if err == nil {
		_ = m.Shutdown(t.Context())
		t.Fatal("all of it was accepted")
	}
	for _, want := range []string{
		"WithInterval: got",
		"check: the name is empty",
		`check "": Probe: got nil, want a function`,
		`check "a\nb": the name holds a character`,
		`check "negative": Kind: got "a:b", want a letter`,
		`check "negative": Interval: got -1ns, want between 10ms and 24h0m0s`,
		`check "negative": Timeout: got -1s, want between 1ms and 24h0m0s`,
		`check "negative": InitialDelay: got -1h0m0s, want between 0s and 24h0m0s`,
		`check "negative": FailureThreshold: got -2, want at least 1`,
		`check "huge": Kind: got "rule"`,
		`check "huge": Interval: got 48h0m0s`,
		`check "huge": Timeout: got 1ns`,
		`check "huge": InitialDelay: got`,
		`check "twice": the name is taken`,
	} {
		if lineWith(err.Error(), want) == "" {
			t.Errorf("%s: not in\n%v", want, err)
		}
	}
	if got := strings.Count(err.Error(), `"twice"`); got != 1 {
		t.Errorf("%q is named %d times, want once", "twice", got)
	}
}

func TestAddCheckRefusesANameThatIsTaken(t *testing.T) {
	m := startMonitor(t, nil, WithDB("orders", openSQLite(t, "orders.db")))
	c := Check{Name: "orders", Kind: health.CheckDatabase, Probe: new(dependency).probe}
	if _, err := m.AddCheck(c); !errors.Is(err, errNameTaken) || !strings.Contains(err.Error(), `"orders"`) {
		t.Errorf("beside the database: got %v", err)
	}
	c.Kind = "cache"
	remove := mustAdd(t, m, c)
	if _, err := m.AddCheck(c); !errors.Is(err, errNameTaken) {
		t.Errorf("a second time: got %v", err)
	}
	remove()
	mustAdd(t, m, c)
	if _, err := m.AddCheck(Check{Name: "nothing"}); err == nil || !strings.Contains(err.Error(), "Probe") {
		t.Errorf("without a probe: got %v", err)
	}
}

func TestDisabledMonitorRunsNoCheck(t *testing.T) {
	var d dependency
	m := startMonitor(t, variables{"HEALTH_MONITOR_ENABLED": "false"}, WithCheck(Check{Name: "payments", Probe: d.probe, Interval: minCheckInterval}))
	remove := mustAdd(t, m, Check{Name: "payments", Probe: d.probe})
	remove()
	if _, err := m.AddCheck(Check{Name: "payments"}); err == nil {
		t.Error("a check without a probe was accepted")
	}
	if d.calls.Load() != 0 {
		t.Error("it was called")
	}
}

// TestChecksInTheProbesBody looks at /health/check as anyone may see it, and at what only who is authorised sees.
func TestChecksInTheProbesBody(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	m := startMonitor(t, nil,
		WithCheck(Check{Name: "sessions", Kind: "cache", Required: true, Probe: checks.TCP(address)}),
		WithCheck(Check{Name: "data", Kind: health.CheckDisk, Probe: checks.DiskSpace(t.TempDir(), checks.MinFree(1<<62))}),
		WithCheck(Check{Name: "license", Probe: new(dependency).probe}),
		WithCheck(Check{Name: "slow", Kind: "cache", InitialDelay: time.Hour, Probe: new(dependency).probe}))
	eventually(t, "ready", func() bool { return get(t, m, "/health/check").Code == 200 })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "not ready", func() bool { return get(t, m, "/health/check").Code == 503 })
	eventually(t, "the other two", func() bool {
		return connectivity(m.Snapshot(), "data").Status == health.Fail && connectivity(m.Snapshot(), "license").Status == health.Pass
	})
	body := get(t, m, "/health/check").Body.String()
	var probe struct {
		Checks map[string][]struct{ ComponentID, ComponentType, Status, Output string }
	}
	if err := json.Unmarshal([]byte(body), &probe); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, key := range []string{"cache:connectivity", "disk:space", "check:result"} {
		for _, c := range probe.Checks[key] {
			got = append(got, strings.Join([]string{key, c.ComponentID, c.ComponentType, c.Status}, " "))
		}
	}
	want := "cache:connectivity sessions component fail, cache:connectivity slow component warn, " +
		"disk:space data system fail, check:result license component pass"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if strings.Contains(body, address) || strings.Contains(body, "EiB") {
		t.Errorf("an error is shown to everyone: %s", body)
	}
	if all := get(t, m, "/health/api/checks").Body.String(); !strings.Contains(all, "refused") || !strings.Contains(all, "want at least 4.00 EiB") {
		t.Errorf("who is authorised does not see the errors: %s", all)
	}
}
