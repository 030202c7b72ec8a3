package alerting

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

const interval = 10 * time.Second

var storyStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// story tells the life of one rule's alerts. A script is words: a number is a sample of that value, "-" a sample without
// a reading, each 10 s after the one before and the first at 0 s. What persons and the world do stands between them:
//
//	ack resolve silence:1m unsilence   by "ann", a second after the last sample
//	restart restart:5m crash           a new process, at once or after that time; crash keeps what was last committed
//	clock:24h clock:-24h               the wall clock jumps; nothing else knows
//	norule                             a new process that has not the rule
//	blind sees                         a new process that cannot read its store, and when it can
type story struct {
	t       *testing.T
	rule    Rule
	alerter *Alerter
	store   *memory
	source  bool // the rule's source is registered
	blind   bool // the store cannot be read, nor written
	queued  []health.Transition

	sequence uint64
	true     time.Duration // what a perfect clock shows
	process  time.Duration // of that, when this process started
	jumped   time.Duration // the wall clock is wrong by
	told     []string
	last     Result
}

func newStory(t *testing.T, r Rule) *story {
	t.Helper()
	if r.Name == "" {
		r.Name = "fd"
	}
	if r.Metric == "" {
		r.Metric = health.MetricFDCount
	}
	s := &story{t: t, rule: r, store: newMemory(), source: true, true: -interval, process: -interval}
	s.start(r)
	return s
}

func (s *story) start(rules ...Rule) {
	s.t.Helper()
	a, err := New(rules)
	if err != nil {
		s.t.Fatal(err)
	}
	a.Restore(s.store.saved())
	s.alerter, s.process = a, s.true
}

func (s *story) wall() time.Time { return storyStart.Add(s.true + s.jumped) }

// tell plays the script and returns every transition as "20s firing warn".
func (s *story) tell(script string) []string {
	s.t.Helper()
	for word := range strings.FieldsSeq(script) {
		name, argument, _ := strings.Cut(word, ":")
		var d time.Duration
		if argument != "" {
			var err error
			if d, err = time.ParseDuration(argument); err != nil {
				s.t.Fatal(err)
			}
		}
		s.play(name, d)
	}
	return s.told
}

func (s *story) play(word string, d time.Duration) {
	s.t.Helper()
	switch word {
	case "-":
		s.sample(nil)
	case "restart":
		s.store.refresh(s.alerter.Open())
		s.true += d
		s.start(s.rule)
	case "crash":
		s.true += d
		s.start(s.rule)
	case "norule":
		s.start(Rule{Name: "other", Metric: "other", Warn: At(1)})
	case "blind":
		s.store.refresh(s.alerter.Open())
		s.start(s.rule)
		s.blind = true
		a, err := New([]Rule{s.rule})
		if err != nil {
			s.t.Fatal(err)
		}
		a.SkipIDs(1000)
		s.alerter = a
	case "sees":
		s.blind = false
		s.store.commit(s.queued)
		s.alerter.Restore(s.store.saved())
	case "clock":
		s.jumped += d
	case "gone":
		s.source = false
	case "back":
		s.source = true
	case "ack", "resolve", "silence", "unsilence":
		s.act(word, d)
	default:
		value, err := strconv.ParseFloat(word, 64)
		if err != nil {
			s.t.Fatalf("the script's word %q: %v", word, err)
		}
		s.sample([]health.Reading{{Value: value}})
	}
}

func (s *story) sample(readings []health.Reading) {
	s.true += interval
	s.sequence++
	snapshot := &health.Snapshot{Sequence: s.sequence, Time: s.wall(), Offset: s.true - s.process, Interval: interval}
	if readings != nil {
		snapshot.Metrics = []health.Metric{{Name: s.rule.Metric, Unit: "{file_descriptor}", Readings: readings}}
	}
	s.step(snapshot)
}

func (s *story) step(snapshot *health.Snapshot) {
	var inventory Inventory
	if s.source && s.rule.Source != "" {
		inventory.Sources = []Source{{Kind: s.rule.Source, Name: "orders"}}
	}
	s.last = s.alerter.Step(snapshot, inventory)
	s.heard(s.last.Transitions...)
}

// act is what ann does to the one alert there is.
func (s *story) act(word string, d time.Duration) {
	s.t.Helper()
	at := s.wall().Add(time.Second)
	var transitions []health.Transition
	var err error
	switch word {
	case "silence":
		transitions, err = s.alerter.Silence(s.rule.Name, at.Add(d), "ann", at)
	case "unsilence":
		transitions, err = s.alerter.Silence(s.rule.Name, at, "ann", at)
	case "ack":
		transitions = make([]health.Transition, 1)
		transitions[0], err = s.alerter.Acknowledge(s.alert().ID, "ann", "mine", at)
	case "resolve":
		transitions = make([]health.Transition, 1)
		transitions[0], err = s.alerter.Resolve(s.alert().ID, "ann", "known", at)
	}
	if err != nil {
		s.told = append(s.told, "error: "+errors.Unwrap(err).Error())
		return
	}
	s.store.silences = s.alerter.Silences()
	s.heard(transitions...)
}

func (s *story) alert() health.Alert {
	s.t.Helper()
	open := s.alerter.Open()
	if len(open) != 1 {
		s.t.Fatalf("%d alerts are open, want the one that ann means", len(open))
	}
	return open[0]
}

func (s *story) heard(transitions ...health.Transition) {
	if s.blind {
		s.queued = append(s.queued, transitions...)
	} else {
		s.store.commit(transitions)
	}
	for _, t := range transitions {
		line := fmt.Sprintf("%v %s", s.true, t.Kind)
		switch t.Kind {
		case health.TransitionResolved:
			line += " " + string(t.Alert.Cause)
		case health.TransitionPending, health.TransitionFiring, health.TransitionEscalated, health.TransitionDeescalated:
			line += " " + t.Alert.Severity.String()
		default:
		}
		if t.By != "" {
			line += " by " + t.By
		}
		s.told = append(s.told, line)
	}
}

func pool(name string, value float64) health.Reading {
	return health.Reading{Attributes: attribute.NewSet(attribute.String(health.AttrPoolName, name)), Value: value}
}
