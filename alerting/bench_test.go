package alerting

import (
	"fmt"
	"testing"

	"github.com/otelhealth/otelhealth-go/health"
)

// benchSnapshot is what the built-in rules see of a service with ten pools, half-way through forty metrics.
func benchSnapshot(rss float64) (*health.Snapshot, Inventory) {
	var inventory Inventory
	s := &health.Snapshot{}
	for _, info := range health.Vocabulary() {
		if info.Name != health.MetricPoolUtil && info.Name != health.MetricPoolCount {
			s.Metrics = append(s.Metrics, health.Metric{Name: info.Name, Unit: info.Unit, Readings: []health.Reading{number(5)}})
		}
	}
	counts, utils := metricOf(health.MetricPoolCount), metricOf(health.MetricPoolUtil)
	for i := range 10 {
		name := fmt.Sprint("pool", i)
		inventory.Sources = append(inventory.Sources, Source{health.SourceDatabase, name})
		counts.Readings = append(counts.Readings, pool(name, 0.5), pool(name, 0.5))
		utils.Readings = append(utils.Readings, pool(name, 0.5))
	}
	inventory.Sources = append(inventory.Sources, Source{health.SourceWebSocket, "feed"})
	s.Metrics = append(s.Metrics, counts, utils)
	for i := range s.Metrics {
		switch s.Metrics[i].Name {
		case health.MetricMemoryRSS:
			s.Metrics[i].Readings[0].Value = rss
		case health.MetricFDLimit, health.MetricMemoryLimit:
			s.Metrics[i].Readings[0].Value = 100
		}
	}
	return s, inventory
}

func BenchmarkStep(b *testing.B) {
	for _, row := range []struct {
		name string
		rss  float64
	}{{"healthy", 5}, {"firing", 95}} {
		b.Run(row.name, func(b *testing.B) {
			rules := Components()
			for i := range rules {
				rules[i].Warn, rules[i].Fail = At(1e6), At(1e7)
			}
			rules[0].Warn, rules[0].Fail = ShareOf(health.MetricFDLimit, 0.7), ShareOf(health.MetricFDLimit, 0.9)
			rules[1].Warn, rules[1].Fail = ShareOf(health.MetricMemoryLimit, 0.7), ShareOf(health.MetricMemoryLimit, 0.9)
			a, err := New(rules)
			if err != nil {
				b.Fatal(err)
			}
			s, inventory := benchSnapshot(row.rss)
			b.ReportAllocs()
			for b.Loop() {
				s.Offset += interval
				a.Step(s, inventory)
			}
		})
	}
}

func TestStepAllocatesLittle(t *testing.T) {
	rules := Components()
	for i := range rules {
		rules[i].Warn = At(1e6)
	}
	a, err := New(rules)
	if err != nil {
		t.Fatal(err)
	}
	s, inventory := benchSnapshot(5)
	a.Step(s, inventory)
	if got := testing.AllocsPerRun(100, func() {
		s.Offset += interval
		a.Step(s, inventory)
	}); got > 1 {
		t.Errorf("a healthy step makes %v allocations, want one: the states", got)
	}
}
