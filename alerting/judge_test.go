package alerting

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

func number(v float64) health.Reading { return health.Reading{Value: v} }

func labelled(v float64, kvs ...attribute.KeyValue) health.Reading {
	return health.Reading{Value: v, Attributes: attribute.NewSet(kvs...)}
}

func metricOf(name string, readings ...health.Reading) health.Metric {
	return health.Metric{Name: name, Readings: readings}
}

// said is the states as text: "fd 650 pass", "pool/orders ? unknown (no reading)".
func said(states []health.RuleState) string {
	lines := make([]string, len(states))
	for i, s := range states {
		line := s.Name
		if s.Instance != "" {
			line += "/" + s.Instance
		}
		if s.Value.Known() {
			line += fmt.Sprintf(" %v", float64(s.Value))
		} else {
			line += " ?"
		}
		line += " " + s.Status.String()
		if s.Reason != "" {
			line += " (" + s.Reason + ")"
		}
		lines[i] = line
	}
	return strings.Join(lines, "; ")
}

func component(t *testing.T, name string, warn, fail Threshold) Rule {
	t.Helper()
	for _, r := range Components() {
		if r.Name == name {
			r.Warn, r.Fail = warn, fail
			return r
		}
	}
	t.Fatalf("there is no component %q", name)
	return Rule{}
}

// TestJudgement: what one snapshot says under one rule, without any alert's memory.
func TestJudgement(t *testing.T) {
	fd := component(t, health.RuleFD, ShareOf(health.MetricFDLimit, 0.7), At(900))
	database := component(t, health.RuleDatabase, At(10), At(20))
	pools := component(t, health.RulePool, At(0.8), At(0.95))
	used := attribute.String(health.AttrPoolState, health.PoolStateUsed)
	idle := attribute.String(health.AttrPoolState, health.PoolStateIdle)
	orders, users := attribute.String(health.AttrPoolName, "orders"), attribute.String(health.AttrPoolName, "users")
	usedOnly := Rule{Name: "used", Metric: health.MetricPoolCount, Where: []attribute.KeyValue{used}, Per: AttributeSet, Warn: ShareOf(health.MetricPoolMax, 0.5)}
	usedSum := Rule{Name: "used", Metric: health.MetricPoolCount, Where: []attribute.KeyValue{used, orders}, Warn: ShareOf(health.MetricPoolMax, 0.5)}
	low := component(t, health.RuleDatabase, At(2), Threshold{})
	low.Direction = Below
	scoped := Rule{Name: "queue", Metric: "queue.length", Scope: "b", Warn: At(10)}
	counts := metricOf(health.MetricPoolCount, labelled(6, orders, used), labelled(2, orders, idle), labelled(1, users, used))
	limits := metricOf(health.MetricPoolMax, labelled(10, orders), labelled(20, users))
	failed := []health.Failure{{Source: "users", Kind: health.SourceDatabase}}
	both := []Source{{health.SourceDatabase, "orders"}, {health.SourceDatabase, "users"}}

	for _, row := range []struct {
		sentence string
		rule     Rule
		metrics  []health.Metric
		failures []health.Failure
		sources  []Source
		want     string
	}{
		{"no reading is unknown", fd, nil, nil, nil, "fd ? unknown (no reading)"},
		{"a share is of its limit", fd, []health.Metric{metricOf(health.MetricFDCount, number(700)), metricOf(health.MetricFDLimit, number(1000))}, nil, nil, "fd 700 warn"},
		{"a share of an unknown limit is unknown", fd, []health.Metric{metricOf(health.MetricFDCount, number(800))}, nil, nil,
			"fd 800 unknown (the limit that the threshold is a share of is unknown)"},
		{"but the other level still fails", fd, []health.Metric{metricOf(health.MetricFDCount, number(900))}, nil, nil, "fd 900 fail"},

		{"a sum is over all readings", database, []health.Metric{counts}, nil, both, "database 9 pass"},
		{"without a source of its kind a rule is left out", database, []health.Metric{counts}, nil, nil, ""},
		{"a sum that lacks a part does not pass", database, []health.Metric{counts}, failed, both, `database ? unknown (database "users" gives no reading)`},
		{"a sum that lacks a part is enough for an alarm", database, []health.Metric{metricOf(health.MetricPoolCount, number(15))}, failed, both, "database 15 warn"},
		{"a sum that lacks a part is no proof that it is low", low, []health.Metric{metricOf(health.MetricPoolCount, number(1))}, failed, both,
			`database ? unknown (database "users" gives no reading)`},
		{"but proof that it is not", low, []health.Metric{metricOf(health.MetricPoolCount, number(3))}, failed, both, "database 3 pass"},
		{"the failure of another kind of source does not matter", database, []health.Metric{counts}, []health.Failure{{Source: "feed", Kind: health.SourceWebSocket}}, both, "database 9 pass"},

		{"each pool is judged by itself", pools, []health.Metric{metricOf(health.MetricPoolUtil, pool("orders", 0.5), pool("users", 0.97))}, nil, both,
			"pool/orders 0.5 pass; pool/users 0.97 fail"},
		{"a pool without a maximum is not judged", pools, nil, nil, both, ""},
		{"a pool whose source fails is unknown", pools, []health.Metric{metricOf(health.MetricPoolUtil, pool("orders", 0.5))}, failed, both,
			`pool/orders 0.5 pass; pool/users ? unknown (database "users" gives no reading)`},

		{"a filter leaves the readings that match, and a limit is that of the same pool", usedOnly, []health.Metric{counts, limits}, nil, nil,
			"used/db.client.connection.pool.name=orders,db.client.connection.state=used 6 warn; used/db.client.connection.pool.name=users,db.client.connection.state=used 1 pass"},
		{"the limit of another pool is not its limit", usedOnly, []health.Metric{counts, metricOf(health.MetricPoolMax, labelled(20, users))}, nil, nil,
			"used/db.client.connection.pool.name=orders,db.client.connection.state=used 6 unknown (the limit that the threshold is a share of is unknown); used/db.client.connection.pool.name=users,db.client.connection.state=used 1 pass"},
		{"where a pool has no limit of its own, the one limit of all is", usedOnly, []health.Metric{counts, metricOf(health.MetricPoolMax, number(2), labelled(20, orders))}, nil, nil,
			"used/db.client.connection.pool.name=orders,db.client.connection.state=used 6 pass; used/db.client.connection.pool.name=users,db.client.connection.state=used 1 warn"},
		{"a filtered sum is compared with the limits that the filter leaves", usedSum, []health.Metric{counts, limits}, nil, nil, "used 6 warn"},
		{"a filter that nothing matches is no reading", usedSum, []health.Metric{metricOf(health.MetricPoolCount, labelled(9, users, used))}, nil, nil, "used ? unknown (no reading)"},
		{"a scope picks among metrics of one name", scoped, []health.Metric{{Name: "queue.length", Scope: "a", Readings: []health.Reading{number(99)}}, {Name: "queue.length", Scope: "b", Readings: []health.Reading{number(1)}}}, nil, nil, "queue 1 pass"},
		{"a histogram cannot be judged", Rule{Name: "latency", Metric: "http.server.request.duration", Warn: At(1)}, nil, nil, nil,
			"latency ? unknown (the metric is a histogram, which holds no single number to judge)"},
		{"nor can each of a histogram's series", Rule{Name: "latency", Metric: "http.server.request.duration", Per: AttributeSet, Warn: At(1)}, nil, nil, nil,
			"latency ? unknown (the metric is a histogram, which holds no single number to judge)"},
	} {
		t.Run(row.sentence, func(t *testing.T) {
			a, err := New([]Rule{row.rule})
			if err != nil {
				t.Fatal(err)
			}
			got := a.Step(&health.Snapshot{Time: storyStart, Metrics: row.metrics, Failures: row.failures},
				Inventory{Sources: row.sources, Histograms: []string{"http.server.request.duration"}})
			if said(got.Rules) != row.want {
				t.Errorf("got  %s\nwant %s", said(got.Rules), row.want)
			}
		})
	}
}

func TestAStateSaysSinceWhen(t *testing.T) {
	s := newStory(t, Rule{Warn: At(700), NoDataAfter: 20 * time.Second})
	s.tell("0 700 710 - - -")
	got := s.last.Rules[0]
	got.Value, got.Fail = 0, 0 // unknown is not equal to itself
	want := health.RuleState{
		Name: "fd", Metric: health.MetricFDCount, Unit: "{file_descriptor}", Warn: 700, Status: health.Unknown,
		Since: storyStart.Add(30 * time.Second), Reason: "no reading; no data for more than 20s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the state (-want +got):\n%s", diff)
	}
}

func TestAStateSaysOfWhichSeries(t *testing.T) {
	orders, users := attribute.String("pool", "orders"), attribute.String("pool", "users")
	rule := Rule{Name: "r", Metric: "m", Warn: At(9)}
	narrow, each := rule, rule
	narrow.Where, each.Per = []attribute.KeyValue{orders}, AttributeSet
	for _, row := range []struct {
		sentence string
		rule     Rule
		want     [][]health.Attribute
	}{
		{"a sum of all", rule, [][]health.Attribute{nil}},
		{"a sum of those that bear an attribute", narrow, [][]health.Attribute{{{Key: "pool", Value: "orders"}}}},
		{"each by itself", each, [][]health.Attribute{{{Key: "pool", Value: "orders"}}, {{Key: "pool", Value: "users"}}}},
	} {
		a, err := New([]Rule{row.rule})
		if err != nil {
			t.Fatal(err)
		}
		var got [][]health.Attribute
		for _, r := range a.Step(&health.Snapshot{Time: storyStart, Metrics: []health.Metric{metricOf("m", labelled(1, orders), labelled(2, users))}}, Inventory{}).Rules {
			got = append(got, r.Attributes)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.sentence, diff)
		}
	}
}

func TestARateIsPerMinute(t *testing.T) {
	s := newStory(t, Rule{Measure: RatePerMinute, Warn: At(60)})
	var got []string
	for _, word := range strings.Fields("100 109 119 - 129 100 restart 200") {
		s.tell(word)
		if word != "restart" {
			got = append(got, said(s.last.Rules))
		}
	}
	want := []string{
		"fd ? unknown (a rate needs an earlier reading)", "fd 54 pass", "fd 60 warn", "fd ? unknown (no reading)",
		"fd 30 pass", "fd -174 pass", "fd ? unknown (a rate needs an earlier reading)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rates (-want +got):\n%s", diff)
	}
	if a := s.alert(); a.Unit != "{file_descriptor}/min" || a.Peak != 60 {
		t.Errorf("the alert's peak is %v %s", a.Peak, a.Unit)
	}
}

func TestAPartialSumDoesNotDeescalate(t *testing.T) {
	s := newStory(t, component(t, health.RuleDatabase, At(10), At(20)))
	step := func(value float64, failures ...health.Failure) {
		s.true += interval
		s.step(&health.Snapshot{Time: s.wall(), Offset: s.true - s.process, Failures: failures,
			Metrics: []health.Metric{metricOf(health.MetricPoolCount, number(value))}})
	}
	failed := health.Failure{Source: "orders", Kind: health.SourceDatabase}
	step(20)
	for range 5 {
		step(12, failed)
	}
	for range 5 {
		step(0, failed)
	}
	if got := strings.Join(s.told, "; "); got != "0s firing fail" {
		t.Errorf("got %s, want the alert to stay as it was", got)
	}
}

func TestWhatARuleAffects(t *testing.T) {
	for _, row := range []struct {
		sentence, script string
		rule             Rule
		readiness        string
		liveness         string
	}{
		{"by default nothing", "900", fdRule(nil), "", ""},
		{"readiness, from the first failing sample", "0 900", fdRule(func(r *Rule) { r.Affects = Readiness }), "fd", ""},
		{"both", "900", fdRule(func(r *Rule) { r.Affects = Readiness | Liveness }), "fd", "fd"},
		{"not at warn", "700", fdRule(func(r *Rule) { r.Affects = Readiness }), "", ""},
		{"not before For has passed", "900 900", fdRule(func(r *Rule) { r.Affects, r.For = Readiness, 20*time.Second }), "", ""},
		{"but then", "900 900 900", fdRule(func(r *Rule) { r.Affects, r.For = Readiness, 20*time.Second }), "fd", ""},
		{"no longer than the value fails, though the alert does", "900 700", fdRule(func(r *Rule) { r.Affects = Readiness }), "", ""},
		{"not while there is no reading", "900 -", fdRule(func(r *Rule) { r.Affects = Readiness }), "", ""},
		{"also when a person has resolved the alert", "900 resolve 900", fdRule(func(r *Rule) { r.Affects = Readiness }), "fd", ""},
		{"also while silenced and acknowledged", "900 ack silence:1h 900", fdRule(func(r *Rule) { r.Affects = Readiness }), "fd", ""},
		{"at once after a restart while it fires", "900 900 900 restart 900", fdRule(func(r *Rule) { r.Affects, r.For = Readiness, 20*time.Second }), "fd", ""},
	} {
		t.Run(row.sentence, func(t *testing.T) {
			s := newStory(t, row.rule)
			s.tell(row.script)
			if s.last.FailsReadiness != row.readiness || s.last.FailsLiveness != row.liveness {
				t.Errorf("after %q it fails readiness %q and liveness %q, want %q and %q",
					row.script, s.last.FailsReadiness, s.last.FailsLiveness, row.readiness, row.liveness)
			}
		})
	}
}

func TestARateDoesNotSpanAPartialSum(t *testing.T) {
	r := component(t, health.RuleDatabase, At(60), Threshold{})
	r.Measure = RatePerMinute
	s := newStory(t, r)
	var got []string
	step := func(value float64, failures ...health.Failure) {
		s.true += interval
		s.step(&health.Snapshot{Time: s.wall(), Offset: s.true - s.process, Failures: failures,
			Metrics: []health.Metric{metricOf(health.MetricPoolCount, number(value))}})
		got = append(got, said(s.last.Rules))
	}
	step(100)
	step(20, health.Failure{Source: "orders", Kind: health.SourceDatabase})
	step(100)
	step(101)
	want := []string{
		"database ? unknown (a rate needs an earlier reading)", `database ? unknown (database "orders" gives no reading)`,
		"database ? unknown (a rate needs an earlier reading)", "database 6 pass",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rates (-want +got):\n%s", diff)
	}
}
