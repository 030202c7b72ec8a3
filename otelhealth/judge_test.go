package otelhealth

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

func readingsOf(metric string, values ...float64) health.Metric {
	m := health.Metric{Name: metric}
	for i, v := range values {
		set := attribute.NewSet(attribute.String(health.AttrPoolName, string(rune('a'+i))))
		m.Readings = append(m.Readings, health.Reading{Attributes: set, Value: v})
	}
	return m
}

func judgeWith(t *testing.T, settings map[string]string) judge {
	t.Helper()
	c, err := newConfig(env(settings), nil)
	if err != nil {
		t.Fatal(err)
	}
	return judge{components: components(), thresholds: c.thresholds}
}

func TestRulesJudge(t *testing.T) {
	everything := map[string]bool{health.SourceDatabase: true, health.SourceWebSocket: true}
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
		{
			"and both off always pass",
			map[string]string{"HEALTH_THREAD_WARNING_THRESHOLD": "off", "HEALTH_THREAD_CRITICAL_THRESHOLD": "off"},
			[]health.Metric{readingsOf(health.MetricThreads, 5000)}, health.RuleThreads, health.Pass,
		},
		{"each pool by itself", nil, []health.Metric{readingsOf(health.MetricPoolUtil, 0.1, 0.95)}, health.RulePool, health.Pass},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &health.Snapshot{Metrics: test.metrics}
			s.Rules = judgeWith(t, test.settings).rules(s, everything, nil)
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

func TestEachPoolHasItsOwnState(t *testing.T) {
	s := &health.Snapshot{
		Metrics:  []health.Metric{readingsOf(health.MetricPoolUtil, 0.1, 0.85, 1)},
		Failures: []health.Failure{{Source: "d", Kind: health.SourceDatabase, Error: "away"}},
	}
	got := make(map[string]health.Status)
	for _, r := range judgeWith(t, nil).rules(s, map[string]bool{health.SourceDatabase: true}, nil) {
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
	j := judgeWith(t, nil)
	j.absent = map[string]bool{health.MetricFDCount: true}
	s.Rules = j.rules(s, nil, nil)
	for _, name := range []string{health.RuleFD, health.RuleDatabase, health.RuleWebSocket, health.RulePool} {
		if r, ok := s.Rule(name); ok {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

func TestSinceStandsAsLongAsTheStatus(t *testing.T) {
	j := judgeWith(t, nil)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var before *health.Snapshot
	for i, step := range []struct {
		threads float64
		since   int
	}{{10, 0}, {20, 0}, {60, 2}, {70, 2}, {10, 4}} {
		s := &health.Snapshot{
			Time:    start.Add(time.Duration(i) * time.Second),
			Metrics: []health.Metric{readingsOf(health.MetricThreads, step.threads)},
		}
		s.Rules = j.rules(s, map[string]bool{health.SourceDatabase: i%2 == 0}, before)
		r, _ := s.Rule(health.RuleThreads)
		if want := start.Add(time.Duration(step.since) * time.Second); !r.Since.Equal(want) {
			t.Errorf("sample %d: since %v, want %v", i, r.Since, want)
		}
		before = s
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
		{"fd fails readiness by default", health.Snapshot{Rules: []health.RuleState{rule("fd", health.Fail)}}, health.Pass, health.Fail, health.Fail},
		{"another rule lowers it to warn", health.Snapshot{Rules: []health.RuleState{rule("memory", health.Fail)}}, health.Pass, health.Warn, health.Fail},
		{"so does a warning", health.Snapshot{Rules: []health.RuleState{rule("fd", health.Warn)}}, health.Pass, health.Warn, health.Warn},
		{"and what is unknown", health.Snapshot{Rules: []health.RuleState{rule("fd", health.Unknown)}}, health.Pass, health.Warn, health.Unknown},
		{"a listed rule fails liveness", health.Snapshot{Rules: []health.RuleState{rule("goroutines", health.Fail)}}, health.Fail, health.Warn, health.Fail},
		{"a required check that has not run fails readiness", health.Snapshot{Checks: []health.CheckState{check(true, health.Unknown)}}, health.Pass, health.Fail, health.Unknown},
		{"so does one that fails", health.Snapshot{Checks: []health.CheckState{check(true, health.Fail)}}, health.Pass, health.Fail, health.Fail},
		{"an optional one lowers it to warn", health.Snapshot{Checks: []health.CheckState{check(false, health.Fail)}}, health.Pass, health.Warn, health.Fail},
		{"a vital heartbeat fails liveness", health.Snapshot{Stuck: []health.Stuck{{Name: "loop", Vital: true}}}, health.Fail, health.Warn, health.Fail},
		{"any other does not", health.Snapshot{Stuck: []health.Stuck{{Name: "loop"}}}, health.Pass, health.Pass, health.Pass},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &Monitor{config: &config{readinessRules: ruleSet{"fd"}, livenessRules: ruleSet{"goroutines"}}}
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
			m.verdicts(&s, true)
			if s.Readiness.Status != health.Fail || s.Readiness.Reason != "draining" {
				t.Errorf("while draining: got %+v", s.Readiness)
			}
		})
	}
}
