package alerting

import (
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

func TestARuleIsToldEverythingThatIsWrong(t *testing.T) {
	for _, row := range []struct {
		sentence string
		change   func(*Rule)
		want     []string
	}{
		{"a name is needed", func(r *Rule) { r.Name = "" }, []string{`rule "": Name: got "", want 1 to 100 bytes`}},
		{"a name stands in a list with commas", func(r *Rule) { r.Name = "a,b" }, []string{`Name: got "a,b"`}},
		{"a name is no star", func(r *Rule) { r.Name = "*" }, []string{`want a name other than *, none and overall`}},
		{"a metric is needed", func(r *Rule) { r.Metric = "" }, []string{`rule "fd": Metric: got "", want the name of a metric`}},
		{"a level is needed", func(r *Rule) { r.Warn, r.Fail = Threshold{}, Threshold{} }, []string{"Warn, Fail: got both off, want at least one"}},
		{"warn comes before fail", func(r *Rule) { r.Warn = At(901) }, []string{"Warn: got 901, want at most Fail, which is 900"}},
		{"below, the other way round", func(r *Rule) { r.Direction = Below }, []string{"Warn: got 700, want at least Fail, which is 900"}},
		{"shares of one limit are compared", func(r *Rule) { r.Warn, r.Fail = ShareOf("limit", 0.9), ShareOf("limit", 0.8) },
			[]string{"Warn: got 90% of limit, want at most Fail, which is 80% of limit"}},
		{"clear comes before warn", func(r *Rule) { r.Clear = At(701) }, []string{"Clear: got 701, want at most the lowest threshold, which is 700"}},
		{"a threshold is a number", func(r *Rule) { r.Warn = At(math.NaN()) }, []string{"Warn: got NaN, want a finite number"}},
		{"a share is above nothing", func(r *Rule) { r.Warn = ShareOf("limit", 0) }, []string{"Warn: got 0% of limit, want a share above 0"}},
		{"times are not negative", func(r *Rule) { r.For, r.KeepFiringFor, r.NoDataAfter = -1, -1, -1 },
			[]string{"For: got -1ns", "KeepFiringFor: got -1ns", "NoDataAfter: got -1ns"}},
		{"samples are not negative", func(r *Rule) { r.ResolveAfter = -1 }, []string{"ResolveAfter: got -1, want 0 (three) to 10000 samples"}},
		{"the window has an end", func(r *Rule) { r.Breaches, r.Within = 2, 65 }, []string{"Within: got 65, want 0 (one) to 64 samples"}},
		{"no more breaches than samples", func(r *Rule) { r.Breaches, r.Within = 4, 3 }, []string{"Breaches: got 4, want 0 (one) to Within, which is 3"}},
		{"a filter names a key once", func(r *Rule) { r.Where = []attribute.KeyValue{attribute.Int("a", 1), attribute.Int("a", 2)} }, []string{`Where: got "a" twice, want each key once`}},
		{"a filter has keys", func(r *Rule) { r.Where = []attribute.KeyValue{attribute.Int("", 1)} }, []string{`Where: got "", want attributes with a key`}},
		{"a source's name needs its kind", func(r *Rule) { r.SourceName, r.SourceKey = "orders", "name" }, []string{"SourceName: got", "SourceKey: got"}},
		{"enumerations end somewhere", func(r *Rule) { r.Per, r.Measure, r.Direction, r.Affects = 9, 9, 9, 9 },
			[]string{"Per: got 9", "Measure: got 9", "Direction: got 9", "Affects: got 9"}},
	} {
		t.Run(row.sentence, func(t *testing.T) {
			r := Rule{Name: "fd", Metric: "m", Warn: At(700), Fail: At(900)}
			row.change(&r)
			err := r.Validate()
			if err == nil {
				t.Fatal("the rule was accepted")
			}
			if got := len(strings.Split(err.Error(), "\n")); got != len(row.want) {
				t.Errorf("%d complaints, want %d:\n%v", got, len(row.want), err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got\n%v\nwhich does not say %q", err, want)
				}
			}
		})
	}
}

func TestRulesShareNoName(t *testing.T) {
	r := Rule{Name: "fd", Metric: "m", Warn: At(1)}
	_, err := New([]Rule{r, r, {}})
	for _, want := range []string{`rule "fd": Name: got a name that another rule has`, `rule "": Metric`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

func TestComponentsAreOrdinaryRules(t *testing.T) {
	rules := Components()
	for i := range rules {
		rules[i].Warn, rules[i].For = At(1), time.Second
	}
	if err := ValidateRules(rules); err != nil {
		t.Error(err)
	}
	want := []string{health.RuleFD, health.RuleMemory, health.RuleDatabase, health.RuleWebSocket, health.RuleThreads,
		health.RuleGoroutines, health.RuleStuck, health.RulePool}
	for i, name := range want {
		if rules[i].Name != name {
			t.Errorf("component %d is %q, want %q", i, rules[i].Name, name)
		}
	}
}
