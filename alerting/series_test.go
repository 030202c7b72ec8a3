package alerting

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// pools plays a rule over several pools.
type pools struct {
	*story
	registered []string
	failed     []string
}

func newPools(t *testing.T, registered ...string) *pools {
	return &pools{story: newStory(t, component(t, health.RulePool, At(0.8), At(0.95))), registered: registered}
}

func (p *pools) sample(readings ...health.Reading) {
	p.true += interval
	snapshot := &health.Snapshot{Time: p.wall(), Offset: p.true - p.process,
		Metrics: []health.Metric{{Name: health.MetricPoolUtil, Unit: "1", Readings: readings}}}
	for _, name := range p.failed {
		snapshot.Failures = append(snapshot.Failures, health.Failure{Source: name, Kind: health.SourceDatabase})
	}
	var inventory Inventory
	for _, name := range p.registered {
		inventory.Sources = append(inventory.Sources, Source{health.SourceDatabase, name})
	}
	p.last = p.alerter.Step(snapshot, inventory)
	for _, t := range p.last.Transitions {
		p.store.commit([]health.Transition{t})
		line := fmt.Sprintf("%v %s %s", p.true, t.Alert.Instance, t.Kind)
		if t.Alert.Cause != "" {
			line += " " + string(t.Alert.Cause)
		}
		p.told = append(p.told, line)
	}
}

func (p *pools) want(want ...string) {
	p.t.Helper()
	if diff := cmp.Diff(want, p.told); diff != "" {
		p.t.Errorf("transitions (-want +got):\n%s", diff)
	}
}

func TestEachPoolHasAnAlertOfItsOwn(t *testing.T) {
	p := newPools(t, "orders", "users")
	p.sample(pool("orders", 0.9), pool("users", 0.1))
	p.sample(pool("users", 0.8), pool("orders", 0.9))
	for range 3 {
		p.sample(pool("orders", 0.1), pool("users", 0.9))
	}
	p.want("0s orders firing", "10s users firing", "40s orders resolved recovered")
}

func TestAPoolThatFailsKeepsItsAlert(t *testing.T) {
	p := newPools(t, "orders")
	p.sample(pool("orders", 0.9))
	p.failed = []string{"orders"}
	for range 5 {
		p.sample()
	}
	if got := said(p.last.Rules); got != `pool/orders ? unknown (database "orders" gives no reading)` {
		t.Errorf("got %s", got)
	}
	p.want("0s orders firing")
}

func TestAPoolThatLosesItsMaximumStaysAndSaysThatThereIsNoData(t *testing.T) {
	p := newPools(t, "orders")
	p.sample(pool("orders", 0.9))
	for range 31 {
		p.sample()
	}
	if got := said(p.last.Rules); got != "pool/orders ? unknown (no reading; no data for more than 5m0s)" {
		t.Errorf("got %s", got)
	}
	p.want("0s orders firing", "5m0s orders no_data")
}

func TestAPoolThatIsRemovedResolvesItsAlert(t *testing.T) {
	p := newPools(t, "orders", "users")
	p.sample(pool("orders", 0.9), pool("users", 0.9))
	p.registered = []string{"users"}
	p.sample(pool("users", 0.9))
	p.registered = nil
	p.sample()
	p.want("0s orders firing", "0s users firing", "10s orders resolved source_gone", "20s users resolved source_gone")
}

func TestAPoolMayBeRegisteredAWhileAfterARestart(t *testing.T) {
	p := newPools(t, "orders")
	p.sample(pool("orders", 0.9))
	p.tell("restart")
	p.registered = nil
	p.sample()
	p.registered = []string{"users"}
	p.sample(pool("users", 0.1))
	p.registered = []string{"orders", "users"}
	p.sample(pool("users", 0.1), pool("orders", 0.9))
	p.want("0s orders firing")
}

func TestAPoolThatIsNotRegisteredAfterARestartIsGone(t *testing.T) {
	p := newPools(t, "orders")
	p.sample(pool("orders", 0.9))
	p.tell("restart")
	p.registered = []string{"users"}
	for range 32 {
		p.sample(pool("users", 0.1))
	}
	p.want("0s orders firing", "5m10s orders resolved source_gone")
}

func TestAHeldAlertOfARemovedPoolIsReleased(t *testing.T) {
	p := newPools(t, "orders")
	p.sample(pool("orders", 0.9))
	p.play("resolve", 0)
	p.registered = nil
	p.sample()
	p.registered = []string{"orders"}
	p.sample(pool("orders", 0.9))
	p.want("0s orders firing", "0s resolved person by ann", "10s orders released person", "20s orders firing")
}

func TestARuleThatNowJudgesSomethingElseLetsItsAlertGo(t *testing.T) {
	p := newPools(t, "orders")
	p.sample(pool("orders", 0.9))
	summed := p.rule
	summed.Per = Sum
	p.start(summed)
	p.sample(pool("orders", 0.1))
	p.want("0s orders firing", "10s orders resolved rule_gone")
}

func TestAtMostAHundredAlertsARule(t *testing.T) {
	s := newStory(t, Rule{Name: "queue", Metric: "queue.length", Per: AttributeSet, Warn: At(10)})
	queue := func(i int, v float64) health.Reading { return labelled(v, attribute.Int("queue", i)) }
	var calm, full []health.Reading
	for i := range 150 {
		calm, full = append(calm, queue(i, 1)), append(full, queue(i, 10))
	}
	s.sample(calm)
	if len(s.last.Rules) != 100 || len(s.last.Untracked) != 1 || s.last.Untracked[0] != (health.Untracked{Rule: "queue", Count: 50}) {
		t.Fatalf("calm: %d states, untracked %v", len(s.last.Rules), s.last.Untracked)
	}
	s.sample(append(slices.Clone(calm[:149]), queue(149, 10)))
	if alerts := s.alerter.Open(); len(alerts) != 1 || alerts[0].Instance != "queue=149" {
		t.Fatalf("a breach of the last series makes %d alerts, want its own", len(alerts))
	}
	s.sample(full)
	if n := len(s.alerter.Open()); n != 100 || s.last.Untracked[0].Count != 50 {
		t.Fatalf("%d alerts and untracked %v, want 100 and 50", n, s.last.Untracked)
	}
	for range 3 {
		s.sample(calm)
	}
	if n := len(s.alerter.Open()); n != 0 {
		t.Fatalf("%d alerts stay, want none", n)
	}
	s.sample(calm[:10])
	s.sample(calm[:10])
	if len(s.last.Rules) != 10 || s.last.Untracked != nil {
		t.Fatalf("series that went away are still remembered: %d states, untracked %v", len(s.last.Rules), s.last.Untracked)
	}
}

func TestSeriesThatDifferInATypeAloneAreOne(t *testing.T) {
	s := newStory(t, Rule{Name: "queue", Metric: "queue.length", Per: AttributeSet, Warn: At(10)})
	s.sample([]health.Reading{labelled(10, attribute.Int("queue", 1)), labelled(10, attribute.String("queue", "1"))})
	s.tell("restart")
	s.sample([]health.Reading{labelled(10, attribute.String("queue", "1")), labelled(10, attribute.Int("queue", 1))})
	s.sample([]health.Reading{labelled(10, attribute.Int("queue", 1))})
	s.sample([]health.Reading{labelled(10, attribute.Int("queue", 1)), labelled(1, attribute.String("queue", "1"))})
	if got := strings.Join(s.told, "; "); got != "0s firing warn" {
		t.Errorf("got %s, want one alert", got)
	}
	if len(s.last.Rules) != 1 || len(s.last.Untracked) != 1 || s.last.Untracked[0].Count != 1 {
		t.Errorf("%d states, untracked %v, want one of each", len(s.last.Rules), s.last.Untracked)
	}
}

func TestASumThatLosesItsLastSourceIsGone(t *testing.T) {
	s := newStory(t, Rule{Name: "database", Metric: health.MetricPoolCount, Source: health.SourceDatabase, Warn: At(10)})
	got := strings.Join(s.tell("10 gone - back 10"), "; ")
	if want := "0s firing warn; 10s resolved source_gone; 20s firing warn"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
