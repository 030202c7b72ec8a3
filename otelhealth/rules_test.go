package otelhealth

import (
	"encoding/json"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

func readingsOf(metric string, values ...float64) health.Metric {
	m := health.Metric{Name: metric, Scope: health.Scope}
	if metric == health.MetricGoroutines {
		m.Scope = health.RuntimeScope
	}
	for i, v := range values {
		set := attribute.NewSet(attribute.String(health.AttrPoolName, string(rune('a'+i))))
		m.Readings = append(m.Readings, health.Reading{Attributes: set, Value: v})
	}
	return m
}

// alerterWith returns an alerter for the rules of the settings.
func alerterWith(t *testing.T, settings map[string]string, absent map[string]bool) *alerting.Alerter {
	t.Helper()
	c, err := newConfig(env(settings), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := alerting.New(c.alertingRules(absent))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// everySourceKind is an inventory with a source of each kind.
var everySourceKind = alerting.Inventory{Sources: []alerting.Source{
	{Kind: health.SourceDatabase, Name: "a"}, {Kind: health.SourceDatabase, Name: "d"}, {Kind: health.SourceWebSocket, Name: "a"},
}}

func TestRulesJudge(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings map[string]string
		metrics  []health.Metric
		rule     string
		want     health.Status
	}{
		{"below the warning passes", nil, []health.Metric{readingsOf(health.MetricThreads, 49)}, health.RuleThreads, health.Pass},
		{"at the warning warns", nil, []health.Metric{readingsOf(health.MetricThreads, 50)}, health.RuleThreads, health.Warn},
		{"at the critical level fails", nil, []health.Metric{readingsOf(health.MetricThreads, 100)}, health.RuleThreads, health.Fail},
		{"the sum counts", nil, []health.Metric{readingsOf(health.MetricPoolCount, 6, 6)}, health.RuleDatabase, health.Warn},
		{"without a reading it is unknown", nil, nil, health.RuleThreads, health.Unknown},
		{
			"a share is one of the limit",
			map[string]string{"HEALTH_FD_WARNING_THRESHOLD": "50%", "HEALTH_FD_CRITICAL_THRESHOLD": "90%"},
			[]health.Metric{readingsOf(health.MetricFDCount, 60), readingsOf(health.MetricFDLimit, 100)}, health.RuleFD, health.Warn,
		},
		{
			"a share of an unknown limit is unknown",
			map[string]string{"HEALTH_FD_WARNING_THRESHOLD": "50%", "HEALTH_FD_CRITICAL_THRESHOLD": "90%"},
			[]health.Metric{readingsOf(health.MetricFDCount, 60)}, health.RuleFD, health.Unknown,
		},
		{
			"but a number that is reached still fails",
			map[string]string{"HEALTH_FD_WARNING_THRESHOLD": "50%", "HEALTH_FD_CRITICAL_THRESHOLD": "60"},
			[]health.Metric{readingsOf(health.MetricFDCount, 60)}, health.RuleFD, health.Fail,
		},
		{
			"off switches one level off",
			map[string]string{"HEALTH_THREAD_CRITICAL_THRESHOLD": "off"},
			[]health.Metric{readingsOf(health.MetricThreads, 5000)}, health.RuleThreads, health.Warn,
		},
		{"each pool by itself", nil, []health.Metric{readingsOf(health.MetricPoolUtil, 0.1, 0.95)}, health.RulePool, health.Pass},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &health.Snapshot{Metrics: test.metrics}
			s.Rules = alerterWith(t, test.settings, nil).Step(s, everySourceKind).Rules
			r, ok := s.Rule(test.rule)
			if !ok || r.Status != test.want {
				t.Errorf("got %+v, %v, want %v", r, ok, test.want)
			}
			if (r.Status == health.Unknown) != (r.Reason != "") {
				t.Errorf("%v with the reason %q", r.Status, r.Reason)
			}
		})
	}
}

func TestRuleJudgesNoStrangersMetric(t *testing.T) {
	stranger := readingsOf(health.MetricThreads, 5000)
	stranger.Scope = "somebody.else"
	s := &health.Snapshot{Metrics: []health.Metric{stranger}}
	s.Rules = alerterWith(t, nil, nil).Step(s, alerting.Inventory{}).Rules
	if r, _ := s.Rule(health.RuleThreads); r.Status != health.Unknown {
		t.Errorf("got %+v, want unknown", r)
	}
}

func TestRulesThatAreOffAreNotJudged(t *testing.T) {
	m := startMonitor(t, variables{"HEALTH_THREAD_WARNING_THRESHOLD": "off", "HEALTH_THREAD_CRITICAL_THRESHOLD": "off"})
	s := nextSnapshot(t, m)
	if r, ok := s.Rule(health.RuleThreads); ok {
		t.Errorf("got %+v", r)
	}
	var current struct{ Threads struct{ Status string } }
	if err := json.Unmarshal(get(t, m, "/health/api/current").Body.Bytes(), &current); err != nil {
		t.Fatal(err)
	}
	if current.Threads.Status != "pass" {
		t.Errorf("current shows %q, want pass", current.Threads.Status)
	}
}

func TestEachPoolHasItsOwnState(t *testing.T) {
	s := &health.Snapshot{
		Metrics:  []health.Metric{readingsOf(health.MetricPoolUtil, 0.1, 0.85, 1)},
		Failures: []health.Failure{{Source: "d", Kind: health.SourceDatabase, Error: "away"}},
	}
	got := make(map[string]health.Status)
	for _, r := range alerterWith(t, nil, nil).Step(s, everySourceKind).Rules {
		if r.Name == health.RulePool {
			got[r.Instance] = r.Status
		}
	}
	for instance, want := range map[string]health.Status{"a": health.Pass, "b": health.Warn, "c": health.Fail, "d": health.Unknown} {
		if got[instance] != want {
			t.Errorf("pool %s: got %v, want %v", instance, got[instance], want)
		}
	}
}

func TestRulesWithNothingToJudgeAreLeftOut(t *testing.T) {
	s := new(health.Snapshot)
	s.Rules = alerterWith(t, nil, map[string]bool{health.MetricFDCount: true}).Step(s, alerting.Inventory{}).Rules
	for _, name := range []string{health.RuleFD, health.RuleDatabase, health.RuleWebSocket, health.RulePool} {
		if r, ok := s.Rule(name); ok {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

func TestSinceStandsAsLongAsTheStatus(t *testing.T) {
	alerter := alerterWith(t, nil, nil)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		threads float64
		since   int
	}{{10, 0}, {20, 0}, {60, 2}, {70, 2}, {10, 4}} {
		s := &health.Snapshot{
			Time:    start.Add(time.Duration(i) * time.Second),
			Offset:  time.Duration(i) * time.Second,
			Metrics: []health.Metric{readingsOf(health.MetricThreads, step.threads)},
		}
		s.Rules = alerter.Step(s, alerting.Inventory{}).Rules
		r, _ := s.Rule(health.RuleThreads)
		if want := start.Add(time.Duration(step.since) * time.Second); !r.Since.Equal(want) {
			t.Errorf("sample %d: since %v, want %v", i, r.Since, want)
		}
	}
}

// TestListedRulesAffectTheProbes goes from the settings to what the alerter says.
func TestListedRulesAffectTheProbes(t *testing.T) {
	for _, test := range []struct {
		name                string
		settings            map[string]string
		metric              string
		readiness, liveness string
	}{
		{"fd fails readiness by default", nil, health.MetricFDCount, "fd", ""},
		{"another does not", nil, health.MetricThreads, "", ""},
		{"unless it is listed", map[string]string{"HEALTH_READINESS_RULES": "threads"}, health.MetricThreads, "threads", ""},
		{"then fd no longer does", map[string]string{"HEALTH_READINESS_RULES": "threads"}, health.MetricFDCount, "", ""},
		{"liveness likewise", map[string]string{"HEALTH_LIVENESS_RULES": "*"}, health.MetricThreads, "", "threads"},
		{"none is none", map[string]string{"HEALTH_READINESS_RULES": "none"}, health.MetricFDCount, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &health.Snapshot{Metrics: []health.Metric{readingsOf(test.metric, 1e9)}}
			got := alerterWith(t, test.settings, nil).Step(s, alerting.Inventory{})
			if got.FailsReadiness != test.readiness || got.FailsLiveness != test.liveness {
				t.Errorf("got readiness %q and liveness %q", got.FailsReadiness, got.FailsLiveness)
			}
		})
	}
}

func TestVerdicts(t *testing.T) {
	check := func(required bool, status health.Status) health.CheckState {
		return health.CheckState{Name: "orders", Required: required, Status: status}
	}
	rule := func(name string, status health.Status) health.RuleState {
		return health.RuleState{Name: name, Status: status}
	}
	for _, test := range []struct {
		name                         string
		snapshot                     health.Snapshot
		liveness, readiness, overall health.Status
	}{
		{"nothing is wrong", health.Snapshot{}, health.Pass, health.Pass, health.Pass},
		{"another rule lowers it to warn", health.Snapshot{Rules: []health.RuleState{rule("memory", health.Fail)}}, health.Pass, health.Warn, health.Fail},
		{"so does a warning", health.Snapshot{Rules: []health.RuleState{rule("fd", health.Warn)}}, health.Pass, health.Warn, health.Warn},
		{"and what is unknown", health.Snapshot{Rules: []health.RuleState{rule("fd", health.Unknown)}}, health.Pass, health.Warn, health.Unknown},
		{"a required check that has not run fails readiness", health.Snapshot{Checks: []health.CheckState{check(true, health.Unknown)}}, health.Pass, health.Fail, health.Unknown},
		{"so does one that fails", health.Snapshot{Checks: []health.CheckState{check(true, health.Fail)}}, health.Pass, health.Fail, health.Fail},
		{"an optional one lowers it to warn", health.Snapshot{Checks: []health.CheckState{check(false, health.Fail)}}, health.Pass, health.Warn, health.Fail},
		{"a vital heartbeat fails liveness", health.Snapshot{Stuck: []health.Stuck{{Name: "loop", Vital: true}}}, health.Fail, health.Warn, health.Fail},
		{"any other does not", health.Snapshot{Stuck: []health.Stuck{{Name: "loop"}}}, health.Pass, health.Pass, health.Pass},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := new(Monitor)
			s := test.snapshot
			m.verdicts(&s, false)
			if s.Liveness.Status != test.liveness || s.Readiness.Status != test.readiness || s.Overall != test.overall {
				t.Errorf("got liveness %+v, readiness %+v, overall %v", s.Liveness, s.Readiness, s.Overall)
			}
			for _, v := range []health.Verdict{s.Liveness, s.Readiness} {
				if (v.Status == health.Pass) != (v.Reason == "") {
					t.Errorf("%v with the reason %q", v.Status, v.Reason)
				}
			}
			m.fails = fails{readiness: "fd", liveness: "goroutines"}
			m.verdicts(&s, false)
			if s.Readiness.Status != health.Fail || s.Liveness.Status != health.Fail {
				t.Errorf("with rules that fail the probes: got %+v and %+v", s.Readiness, s.Liveness)
			}
			m.verdicts(&s, true)
			if s.Readiness.Status != health.Fail || s.Readiness.Reason != "draining" {
				t.Errorf("while draining: got %+v", s.Readiness)
			}
		})
	}
}

func TestThresholdsArePublishedInTheJudgedUnit(t *testing.T) {
	m := startMonitor(t, variables{
		"HEALTH_MEMORY_WARNING_THRESHOLD": "300", "HEALTH_MEMORY_CRITICAL_THRESHOLD": "off",
		"HEALTH_FD_WARNING_THRESHOLD": "50%", "HEALTH_FD_CRITICAL_THRESHOLD": "90%",
	}, WithDB("orders", idleDB{}), WithRules(alerting.Rule{Name: "queue", Metric: health.MetricHistoryQueue, Fail: alerting.At(40)}))
	s := nextSnapshot(t, m)
	published, _ := s.Find(health.MetricThreshold)
	got := make(map[string]float64)
	for _, r := range published.Readings {
		component, _ := r.Attributes.Value(health.AttrComponent)
		severity, _ := r.Attributes.Value(health.AttrAlertSeverity)
		got[component.AsString()+" "+severity.AsString()] = r.Value
	}
	for threshold, want := range map[string]float64{
		"memory warn": 300 << 20, "fd warn": float64(s.Value(health.MetricFDLimit)) / 2, "pool fail": 0.95, "queue fail": 40,
	} {
		if got[threshold] != want {
			t.Errorf("%s: got %v, want %v", threshold, got[threshold], want)
		}
	}
	for _, off := range []string{"memory fail", "queue warn", "stuck fail"} {
		if value, ok := got[off]; ok {
			t.Errorf("%s is off: got %v", off, value)
		}
	}
}
