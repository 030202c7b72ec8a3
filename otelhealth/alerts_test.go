package otelhealth

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

// level is a source of one gauge that a test sets.
type level struct{ value atomic.Int64 }

func (l *level) source() Source {
	return queueSource("queue", func(_ context.Context, observe Observe) error {
		observe("orders.queue.length", float64(l.value.Load()))
		return nil
	})
}

func queueRule() alerting.Rule {
	return alerting.Rule{Name: "queue", Metric: "orders.queue.length", Warn: alerting.At(10), Fail: alerting.At(20), ResolveAfter: 2}
}

func alertOf(s *health.Snapshot, rule string) (health.Alert, bool) {
	for _, a := range s.Alerts {
		if a.Rule == rule {
			return a, true
		}
	}
	return health.Alert{}, false
}

func TestAlertFromItsFirstSampleToItsLast(t *testing.T) {
	var queue level
	var mu sync.Mutex
	var kinds []health.TransitionKind
	c := startCollector(t, "127.0.0.1:0")
	var log logBuffer
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, log.option(),
		WithSource(queue.source()), WithRules(queueRule()))
	remove := m.OnTransition(func(tr health.Transition) {
		mu.Lock()
		defer mu.Unlock()
		kinds = append(kinds, tr.Kind)
	})
	defer remove()
	if s := nextSnapshot(t, m); len(s.Alerts) != 0 {
		t.Fatalf("before: got %+v", s.Alerts)
	}

	queue.value.Store(25)
	fired, ok := alertOf(nextSnapshot(t, m), "queue")
	if !ok || fired.State != health.AlertFiring || fired.Severity != health.Fail || fired.Value != 25 {
		t.Fatalf("at 25: got %+v, %v, want it to fire at fail", fired, ok)
	}
	if got := m.Snapshot().Value(health.MetricAlertFiring); got != 1 {
		t.Errorf("%s: got %v, want 1", health.MetricAlertFiring, got)
	}
	if err := m.Acknowledge(fired.ID, "ann", "on it"); err != nil {
		t.Fatal(err)
	}
	if a, _ := alertOf(m.Snapshot(), "queue"); a.AcknowledgedBy != "ann" || a.Note != "on it" {
		t.Errorf("acknowledged: got %+v, want it at once", a)
	}

	queue.value.Store(12)
	eventually(t, "warn", func() bool { a, _ := alertOf(nextSnapshot(t, m), "queue"); return a.Severity == health.Warn })
	if a, _ := alertOf(m.Snapshot(), "queue"); a.ID != fired.ID || a.Peak != 25 {
		t.Errorf("de-escalated: got %+v, want the same alert with its peak", a)
	}
	queue.value.Store(0)
	eventually(t, "the end", func() bool { _, open := alertOf(nextSnapshot(t, m), "queue"); return !open })
	eventually(t, "what happened", func() bool { mu.Lock(); defer mu.Unlock(); return len(kinds) == 4 })
	want := []health.TransitionKind{health.TransitionFiring, health.TransitionAcknowledged, health.TransitionDeescalated, health.TransitionResolved}
	mu.Lock()
	defer mu.Unlock()
	for i := range want {
		if kinds[i] != want[i] {
			t.Errorf("told %v, want %v", kinds, want)
			break
		}
	}
	eventually(t, "the gauge at the Collector", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, r := range c.requests {
			got, _ := points(r)
			if got[series{health.MetricAlertFiring, "otelhealth.alert.severity=fail,"}] == 1 {
				return true
			}
		}
		return false
	})
}

func TestWhatPersonsDoToAlerts(t *testing.T) {
	var queue level
	queue.value.Store(25)
	m := startMonitor(t, nil, WithSource(queue.source()), WithRules(queueRule()))
	a, ok := alertOf(nextSnapshot(t, m), "queue")
	if !ok {
		t.Fatal("it does not fire")
	}
	if err := m.Silence("queue", time.Now().Add(time.Hour), "ann"); err != nil {
		t.Error(err)
	}
	if silenced, _ := alertOf(m.Snapshot(), "queue"); !silenced.Silenced() {
		t.Errorf("got %+v, want it silenced", silenced)
	}
	if err := m.Resolve(a.ID, "ann", "known"); err != nil {
		t.Error(err)
	}
	if _, open := alertOf(nextSnapshot(t, m), "queue"); open {
		t.Error("it is open again while the value has not been healthy once")
	}
	for _, test := range []struct {
		name string
		err  error
		want error
	}{
		{"one that is resolved", m.Acknowledge(a.ID, "ann", ""), health.ErrAlertResolved},
		{"one that never was", m.Resolve(1<<52, "ann", ""), health.ErrUnknownAlert},
		{"one before the first", m.Acknowledge(99, "ann", ""), health.ErrUnknownAlert},
		{"no such rule", m.Silence("nothing", time.Now(), "ann"), health.ErrUnknownRule},
	} {
		if !errors.Is(test.err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, test.err, test.want)
		}
	}
}

// TestWhatAPersonDoesInTheMiddleOfATickStands acts after a snapshot was judged and before it is published.
func TestWhatAPersonDoesInTheMiddleOfATickStands(t *testing.T) {
	var queue level
	queue.value.Store(25)
	m := startMonitor(t, nil, WithSource(queue.source()), WithRules(queueRule()))
	a, ok := alertOf(nextSnapshot(t, m), "queue")
	if !ok {
		t.Fatal("it does not fire")
	}
	m.cancel()
	<-m.ticking // from here on the test is the tick's goroutine
	judged := *m.Snapshot()
	if err := m.Acknowledge(a.ID, "ann", ""); err != nil {
		t.Fatal(err)
	}
	m.publish(&judged, time.Now(), fails{})
	if published, _ := alertOf(m.Snapshot(), "queue"); published.AcknowledgedBy != "ann" {
		t.Errorf("got %+v, want it acknowledged", published)
	}
}

func TestAlertsEndpointListsThoseThatFire(t *testing.T) {
	var queue level
	queue.value.Store(25)
	m := startMonitor(t, nil, WithSource(queue.source()), WithRules(queueRule()))
	a, _ := alertOf(nextSnapshot(t, m), "queue")
	var alerts []struct {
		ID       int64
		Type     string `json:"alert_type"`
		Severity string
		Value    float64 `json:"metric_value"`
	}
	if err := json.Unmarshal(get(t, m, "/health/api/alerts").Body.Bytes(), &alerts); err != nil {
		t.Fatal(err)
	}
	if len(alerts) != 1 || alerts[0].ID != a.ID || alerts[0].Type != "queue_fail" || alerts[0].Value != 25 {
		t.Errorf("got %+v", alerts)
	}
}

func TestRulesOfOnesOwn(t *testing.T) {
	t.Run("one that bears a component's name takes its place", func(t *testing.T) {
		m := startMonitor(t, nil, WithRules(alerting.Rule{Name: health.RuleThreads, Metric: health.MetricThreads, Fail: alerting.At(1)}))
		if r, ok := nextSnapshot(t, m).Rule(health.RuleThreads); !ok || r.Status != health.Fail {
			t.Errorf("got %+v, %v", r, ok)
		}
	})
	t.Run("one may be listed for readiness", func(t *testing.T) {
		var queue level
		queue.value.Store(25)
		m := startMonitor(t, variables{"HEALTH_READINESS_RULES": "queue"}, WithSource(queue.source()), WithRules(queueRule()))
		if s := nextSnapshot(t, m); s.Readiness.Status != health.Fail {
			t.Errorf("got %+v", s.Readiness)
		}
	})
	t.Run("one that makes no sense is refused", func(t *testing.T) {
		if m, err := Start(t.Context(), new(logBuffer).option(), WithRules(alerting.Rule{Name: "queue"})); err == nil {
			_ = m.Shutdown(t.Context()) // the test has failed
			t.Error("accepted")
		}
	})
}

func TestDisabledMonitorHasNoAlerts(t *testing.T) {
	m := startMonitor(t, variables{"HEALTH_MONITOR_ENABLED": "false"})
	m.OnTransition(func(health.Transition) {})()
	for _, err := range []error{m.Acknowledge(1, "ann", ""), m.Resolve(1, "ann", ""), m.Silence("fd", time.Now(), "ann")} {
		if !errors.Is(err, errDisabled) {
			t.Errorf("got %v", err)
		}
	}
}
