package alerting

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// world is everything that can happen to alerts and their deliveries: samples, persons, restarts, crashes at the worst
// moments, receivers that are away or lie, and a wall clock that jumps. A sequence of bytes drives it, two for each
// event. After each, what must always hold is checked; at the end, what must hold in the end.
type world struct {
	t          testing.TB
	alerter    *Alerter
	store      keeper
	worker     *Worker
	true       time.Duration
	process    time.Duration
	jumped     time.Duration
	registered []string
	receivers  map[string]*model
	events     []string
}

// keeper is a store, in memory or in SQLite, as far as the world needs one.
type keeper interface {
	Outbox
	commit(transitions []health.Transition)
	refresh(open []health.Alert)
	keepSilences(silences []health.Silence)
	restart() // in another process
	saved() Saved
	ever() []health.Alert
	all() []health.Delivery
}

// model is a receiver: what it does, and what it got.
type model struct {
	mode     int
	arrivals []Notification
}

const (
	modeUp      = iota
	modeDown    // nothing arrives
	modeLying   // arrives, and says that it did not
	modeRefuses // nothing arrives, for good
	modes
)

var destinations = []string{"chat", "pager"}

func worldRules() []Rule {
	return []Rule{
		{Name: "fd", Metric: health.MetricFDCount, Warn: At(700), Fail: At(900), Clear: At(600), NoDataAfter: time.Minute},
		{Name: "pool", Metric: health.MetricPoolUtil, Per: AttributeSet, Source: health.SourceDatabase, SourceKey: health.AttrPoolName,
			Warn: At(0.7), Fail: At(0.9), For: interval, Breaches: 2, Within: 3, KeepFiringFor: 2 * interval, ResolveAfter: 2, NoDataAfter: time.Minute},
	}
}

func newWorld(tb testing.TB, store keeper) *world {
	w := &world{
		t: tb, store: store, registered: []string{"orders", "users"},
		worker:    &Worker{config: WorkerConfig{Attempts: 4}.withDefaults()},
		receivers: map[string]*model{"chat": {}, "pager": {}},
	}
	w.restart(0)
	return w
}

func (w *world) wall() time.Time { return storyStart.Add(w.true + w.jumped) }

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\nafter %v", fmt.Sprintf(format, args...), w.events)
}

func (w *world) restart(after time.Duration) {
	w.true += after
	w.store.restart()
	a, err := New(worldRules())
	if err != nil {
		w.t.Fatal(err)
	}
	a.Restore(w.store.saved())
	w.alerter, w.process = a, w.true
}

func (w *world) play(events []byte) {
	for ; len(events) >= 2; events = events[2:] {
		w.event(int(events[0])%16, int(events[1]))
		w.always()
	}
	w.end()
}

func (w *world) event(kind, argument int) {
	w.events = append(w.events, fmt.Sprintf("%d:%d", kind, argument))
	switch kind {
	default:
		w.store.commit(w.sample(argument))
	case 6: // a crash between judging and committing
		w.sample(argument)
		w.restart(0)
	case 7:
		if argument%2 == 0 {
			w.store.refresh(w.alerter.Open())
		}
		w.restart(time.Duration(argument) * time.Second)
	case 8:
		w.receivers[destinations[argument%2]].mode = argument / 2 % modes
	case 9:
		for range argument % 8 {
			for _, d := range destinations {
				w.attempt(d)
			}
		}
	case 10: // a crash during an attempt
		d := destinations[argument%2]
		if delivery, _, _ := w.store.Claim(context.Background(), d, w.wall(), time.Hour); delivery != nil && argument%4 < 2 {
			_ = w.receivers[d].notify(delivery)
		}
		w.restart(time.Second)
	case 11, 12:
		w.person(kind, argument)
	case 13:
		rule, length := worldRules()[argument%2].Name, time.Duration(argument/2%3)*time.Minute
		transitions, err := w.alerter.Silence(rule, w.wall().Add(length), "ann", w.wall())
		if err != nil {
			w.fatalf("silence: %v", err)
		}
		w.store.keepSilences(w.alerter.Silences())
		w.store.commit(transitions)
	case 14:
		w.jumped += time.Duration(argument-128) * time.Hour
	case 15:
		w.register(argument)
	}
}

// sample judges one snapshot; the argument says of each series whether it is healthy, in between, at warn, at fail or
// missing.
func (w *world) sample(argument int) []health.Transition {
	w.true += interval
	s := &health.Snapshot{Time: w.wall(), Offset: w.true - w.process}
	values := []float64{0.1, 0.65, 0.8, 0.95}
	if i := argument % 5; i < 4 {
		s.Metrics = append(s.Metrics, metricOf(health.MetricFDCount, number(values[i]*1000)))
	}
	utils, inventory := metricOf(health.MetricPoolUtil), Inventory{}
	for n, name := range w.registered {
		inventory.Sources = append(inventory.Sources, Source{health.SourceDatabase, name})
		if i := (argument / (5 + 20*n)) % 5; i < 4 {
			utils.Readings = append(utils.Readings, pool(name, values[i]))
		} else {
			s.Failures = append(s.Failures, health.Failure{Source: name, Kind: health.SourceDatabase})
		}
	}
	s.Metrics = append(s.Metrics, utils)
	return w.alerter.Step(s, inventory).Transitions
}

func (w *world) person(kind, argument int) {
	open := w.alerter.Open()
	if len(open) == 0 {
		return
	}
	alert := open[argument%len(open)]
	var t health.Transition
	var err error
	if kind == 11 {
		t, err = w.alerter.Acknowledge(alert.ID, "ann", "", w.wall())
	} else {
		t, err = w.alerter.Resolve(alert.ID, "ann", "", w.wall())
	}
	switch {
	case errors.Is(err, health.ErrNotFiring):
	case err != nil:
		w.fatalf("alert %d is open: %v", alert.ID, err)
	default:
		w.store.commit([]health.Transition{t})
	}
}

func (w *world) register(argument int) {
	name := []string{"orders", "users"}[argument%2]
	if i := slices.Index(w.registered, name); i >= 0 {
		w.registered = slices.Delete(slices.Clone(w.registered), i, i+1)
	} else {
		w.registered = append(slices.Clone(w.registered), name)
	}
}

// attempt is what the worker does with one delivery.
func (w *world) attempt(destination string) (more bool) {
	d, due, _ := w.store.Claim(context.Background(), destination, w.wall(), time.Hour)
	if d == nil {
		return !due.IsZero()
	}
	w.worker.outcome(d, w.receivers[destination].notify(d), w.wall())
	if d.State == health.DeliveryPending {
		d.NextTry = w.wall().Add(time.Duration(d.Attempts) * interval) // what is random there
	}
	_ = w.store.Settle(context.Background(), d)
	return true
}

func (m *model) notify(d *health.Delivery) error {
	n := Notification{Key: d.Key, Kind: d.Kind, Alert: d.Alert, Attempt: d.Attempts}
	switch m.mode {
	case modeDown:
		return errors.New("away")
	case modeLying:
		m.arrivals = append(m.arrivals, n)
		return errors.New("timeout")
	case modeRefuses:
		return Permanent(errors.New("no such channel"))
	default:
		m.arrivals = append(m.arrivals, n)
		return nil
	}
}

// always checks what must hold at any moment.
func (w *world) always() {
	open := make(map[string]int64)
	for _, a := range w.store.saved().Alerts {
		if !a.Open() {
			continue
		}
		if other, twice := open[a.Key()]; twice {
			w.fatalf("the store holds alerts %d and %d open for %q", other, a.ID, a.Key())
		}
		open[a.Key()] = a.ID
	}
	seen := make(map[string]bool)
	for _, a := range w.alerter.Open() {
		if seen[a.Key()] {
			w.fatalf("two alerts are open for %q", a.Key())
		}
		seen[a.Key()] = true
	}
	keys, pending := make(map[string]int64), make(map[string]int64)
	for _, d := range w.store.all() {
		if keys[d.Key] != 0 {
			w.fatalf("deliveries %d and %d have the key %s", keys[d.Key], d.ID, d.Key)
		}
		keys[d.Key] = d.ID
		if d.State == health.DeliveryPending {
			of := fmt.Sprint(d.AlertID, d.Destination, d.Kind)
			if pending[of] != 0 {
				w.fatalf("deliveries %d and %d are pending for %s", pending[of], d.ID, of)
			}
			pending[of] = d.ID
		}
	}
}

// end lets everything recover and everything arrive, and checks what must hold then.
func (w *world) end() {
	for _, m := range w.receivers {
		if m.mode != modeRefuses {
			m.mode = modeUp
		}
	}
	for range 20 {
		w.store.commit(w.sample(0))
		w.always()
	}
	for _, a := range w.store.ever() {
		if a.Open() || a.Held {
			w.fatalf("when all is healthy alert %d is %s, held: %v", a.ID, a.State, a.Held)
		}
	}
	for _, d := range destinations {
		for tries := 0; w.attempt(d); tries++ {
			if w.true += interval; tries > 10_000 {
				w.fatalf("the outbox for %s is never empty", d)
			}
		}
	}
	for _, d := range destinations {
		for _, a := range w.store.ever() {
			w.paired(a.ID, d)
		}
	}
}

// paired checks what one destination got, and was to get, of one alert.
func (w *world) paired(id int64, destination string) {
	var attempted, told, gaveUp, got, resolved bool
	for _, d := range w.store.all() {
		if d.AlertID != id || d.Destination != destination {
			continue
		}
		if d.State == health.DeliveryPending {
			w.fatalf("delivery %d is pending in the end", d.ID)
		}
		if d.Kind == health.DeliverResolved {
			if told {
				w.fatalf("alert %d has two resolved deliveries to %s", id, destination)
			}
			told, gaveUp = true, d.State == health.DeliveryGivenUp
		} else {
			attempted = attempted || d.MayHaveArrived()
		}
	}
	if attempted != told {
		w.fatalf("alert %d, %s: a firing was attempted: %v, a resolved was told: %v", id, destination, attempted, told)
	}
	var last string
	number := 0
	for _, n := range w.receivers[destination].arrivals {
		if n.Alert.ID != id {
			continue
		}
		if n.Alert.Changes < number {
			w.fatalf("%s got %s after %s", destination, n.Key, last)
		}
		number, last = n.Alert.Changes, n.Key
		got = got || n.Kind == health.DeliverFiring
		resolved = resolved || n.Kind == health.DeliverResolved
	}
	if got && !resolved && !gaveUp {
		w.fatalf("%s got that alert %d fires, and never that it is resolved", destination, id)
	}
}

func someEvents(seed uint64, most int) []byte {
	random := rand.New(rand.NewPCG(seed, 0))
	events := make([]byte, 2*random.IntN(most))
	for i := range events {
		events[i] = byte(random.Uint32())
	}
	return events
}

func TestDeliveriesPairUpWhateverHappens(t *testing.T) {
	sequences := 400
	if testing.Short() {
		sequences = 50
	}
	for seed := range uint64(sequences) {
		newWorld(t, newMemory(destinations...)).play(someEvents(seed, 300))
	}
}

func FuzzDeliveriesPairUp(f *testing.F) {
	f.Add([]byte{0, 2, 9, 1, 0, 3, 9, 1, 0, 0, 0, 0, 0, 0, 9, 2})          // fires, escalates, recovers
	f.Add([]byte{0, 3, 8, 2, 9, 1, 7, 60, 0, 0, 0, 0, 0, 0})               // down while firing, recovers over a restart
	f.Add([]byte{0, 3, 8, 4, 9, 1, 10, 0, 0, 2, 12, 0, 0, 2, 0, 0})        // lies, crashes, resolved by a person
	f.Add([]byte{0, 43, 0, 43, 13, 3, 0, 0, 14, 0, 0, 43, 15, 0, 0, 0, 6}) // pools, silence, clock, source gone
	f.Fuzz(func(t *testing.T, events []byte) {
		if len(events) > 300 {
			t.Skip("longer than it takes")
		}
		newWorld(t, newMemory(destinations...)).play(events)
	})
}
