package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// full is an alert of which every field is set.
func full(id int64) health.Alert {
	at := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }
	return health.Alert{
		ID: id, Rule: "pool", Attributes: []health.Attribute{{Key: "db.client.connection.pool.name", Value: "orders \"x\""}},
		Instance: "orders", Metric: health.MetricPoolUtil, Unit: "1", Below: true, State: health.AlertFiring,
		Severity: health.Fail, Threshold: 0.95, Value: 0.97, Peak: 1, Lowest: 0.951, Breaches: 7, NoData: true,
		Began: at(0), FailingSince: at(1), FiredAt: at(2), Updated: at(3), ResolvedAt: at(4), Lasted: 12345 * time.Microsecond, FailingFor: 77 * time.Microsecond,
		AcknowledgedAt: at(5), AcknowledgedBy: "ann", Note: "scaling out", SilencedUntil: at(6), Cause: health.CausePerson,
		ResolvedBy: "bob", Held: true, Changes: 1,
	}
}

// sameNumbers takes unknown for unknown.
func sameNumbers() cmp.Option {
	return cmp.Comparer(func(x, y health.Number) bool { return x == y || !x.Known() && !y.Known() })
}

// TestAlertsComeBackAsTheyWere also fails when a field is added to health.Alert that is not stored.
func TestAlertsComeBackAsTheyWere(t *testing.T) {
	s := open(t, Config{})
	for v, i := reflect.ValueOf(full(1)), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("the test leaves %s empty", v.Type().Field(i).Name)
		}
	}
	unknown := firing(2, epoch).Alert
	unknown.Value, unknown.Threshold = health.UnknownNumber(), health.UnknownNumber()
	want := []health.Alert{unknown, full(1)}
	transitions := []health.Transition{
		{Number: 1, Kind: health.TransitionAcknowledged, Time: epoch, Alert: full(1), By: "ann", Note: "scaling out"},
		{Number: 1, Kind: health.TransitionFiring, Time: epoch, Alert: unknown},
	}
	s.RecordTransitions(transitions)
	flush(t, s)
	got, err := s.OpenAlerts(t.Context())
	if diff := cmp.Diff(want, got, sameNumbers()); diff != "" || err != nil {
		t.Errorf("open alerts: %v (-want +got)\n%s", err, diff)
	}
	for _, tr := range transitions {
		got, err := s.Transitions(t.Context(), tr.Alert.ID)
		if diff := cmp.Diff([]health.Transition{tr}, got, sameNumbers()); diff != "" || err != nil {
			t.Errorf("transitions: %v (-want +got)\n%s", err, diff)
		}
	}
	one, ok, err := s.Alert(t.Context(), 1)
	if diff := cmp.Diff(full(1), one); diff != "" || !ok || err != nil {
		t.Errorf("alert 1: %v, %v (-want +got)\n%s", ok, err, diff)
	}
	if _, ok, err := s.Alert(t.Context(), 99); ok || err != nil {
		t.Errorf("alert 99: got %v, %v", ok, err)
	}
}

func TestSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := open(t, Config{Path: path})
	saved, err := s.Saved(t.Context())
	if err != nil || saved.LastID != 0 || len(saved.Alerts) > 0 {
		t.Errorf("of a new file: got %+v, %v", saved, err)
	}
	held := life(3, epoch)[2]
	held.Number, held.Alert.Held, held.Alert.Changes = 1, true, 1
	s.RecordTransitions([]health.Transition{firing(1, epoch), held})
	s.RecordTransitions(lifeOf(another(9, epoch)))
	silence := health.Silence{Rule: "fd", Until: epoch.Add(time.Hour), By: "ann", At: epoch}
	s.RecordSilences([]health.Silence{{Rule: "memory", Until: epoch, By: "bob", At: epoch}, silence})
	s.RecordSilences([]health.Silence{silence})
	refreshed := firing(1, epoch).Alert
	refreshed.Value, refreshed.Breaches = 800, 5
	s.Refresh([]health.Alert{refreshed})
	l := newLoad(1)
	s.Record(l.next())
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	saved, err = open(t, Config{Path: path}).Saved(t.Context())
	want := Saved{Alerts: []health.Alert{refreshed, held.Alert}, Silences: []health.Silence{silence}, LastID: 9}
	if diff := cmp.Diff(want, saved); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// TestRefreshNeverUndoes: numbers that were queued before a transition do not bring the old state back.
func TestRefreshNeverUndoes(t *testing.T) {
	s, l := open(t, Config{}), newLoad(1)
	transitions := life(1, epoch)
	s.Refresh([]health.Alert{transitions[0].Alert})
	s.RecordTransitions(transitions)
	s.Record(l.next())
	s.RecordTransitions(transitions[:1]) // repeated
	flush(t, s)
	if open, err := s.OpenAlerts(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("got %v, %v, want none open", open, err)
	}
}

// TestNumbersNeverComeFirst: after a crash between the two, no alert is there without its transition and deliveries.
func TestNumbersNeverComeFirst(t *testing.T) {
	s, l := open(t, Config{Plan: twoDestinations}), newLoad(1)
	fires, escalates := life(1, l.at)[0], life(1, l.at)[1]
	check := func(want ...health.Alert) {
		t.Helper()
		got, err := s.OpenAlerts(t.Context())
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
	}
	s.Refresh([]health.Alert{fires.Alert})
	fill(t, s, l, 1)
	check()
	s.RecordTransitions([]health.Transition{fires})
	flush(t, s)
	l.at = l.at.Add(refreshEvery)
	s.Refresh([]health.Alert{escalates.Alert})
	fill(t, s, l, 1)
	check(fires.Alert)
}

func TestAlertsFilter(t *testing.T) {
	s := open(t, Config{})
	for id := range int64(10) {
		transitions := life(id+1, epoch.Add(time.Duration(id)*time.Hour))
		if id%2 == 1 {
			for i := range transitions {
				transitions[i].Alert.Rule = "memory"
			}
		}
		s.RecordTransitions(transitions)
	}
	s.RecordTransitions([]health.Transition{firing(11, epoch.Add(30*time.Minute))})
	flush(t, s)
	for _, c := range []struct {
		name   string
		filter health.AlertFilter
		want   []int64
	}{
		{"all", health.AlertFilter{}, []int64{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
		{"a page", health.AlertFilter{Limit: 3}, []int64{11, 10, 9}},
		{"the next page", health.AlertFilter{Limit: 3, Before: 9}, []int64{8, 7, 6}},
		{"of a rule", health.AlertFilter{Rule: "memory"}, []int64{10, 8, 6, 4, 2}},
		{"open since", health.AlertFilter{From: epoch.Add(8*time.Hour + time.Minute)}, []int64{11, 10}},
		{"begun before", health.AlertFilter{To: epoch.Add(time.Hour)}, []int64{11, 1}},
	} {
		list, err := s.Alerts(t.Context(), c.filter)
		var got []int64
		for _, a := range list {
			got = append(got, a.ID)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// outbox is what alerting's worker needs.
type outbox interface {
	Claim(ctx context.Context, destination string, now time.Time, furthest time.Duration) (*health.Delivery, time.Time, error)
	Settle(ctx context.Context, d *health.Delivery) error
	Abandon(ctx context.Context, destinations []string, now time.Time) (int, error)
}

var _ outbox = (*Store)(nil)

func TestOutbox(t *testing.T) {
	committed := make(chan struct{}, 100)
	s := open(t, Config{Plan: twoDestinations, Committed: func() { committed <- struct{}{} }})
	now := epoch.Add(time.Minute)
	claim := func(destination string) *health.Delivery {
		t.Helper()
		d, _, err := s.Claim(t.Context(), destination, now, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	settle := func(d *health.Delivery, state health.DeliveryState) {
		t.Helper()
		d.State, d.Settled = state, now
		if err := s.Settle(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	steps := life(1, epoch)
	s.RecordTransitions(steps[:1])
	<-committed
	d := claim("mail")
	if d == nil || d.Attempts != 1 || d.Kind != health.DeliverFiring || d.Key != "1-1/mail" {
		t.Fatalf("got %+v", d)
	}
	if diff := cmp.Diff(steps[0].Alert, d.Alert); diff != "" {
		t.Errorf("its alert (-want +got)\n%s", diff)
	}
	if again := claim("mail"); again == nil || again.Attempts != 2 {
		t.Errorf("a second attempt: got %+v", again)
	}
	// It fails, and is due later.
	d.NextTry, d.Error = now.Add(time.Second), "refused"
	if err := s.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	none, next, err := s.Claim(t.Context(), "mail", now, time.Hour)
	if none != nil || !next.Equal(d.NextTry) || err != nil {
		t.Errorf("got %v, %v, %v, want the next at %v", none, next, err, d.NextTry)
	}
	// The wall clock jumped back: what is too far off is due.
	if d, _, err := s.Claim(t.Context(), "mail", now.Add(-2*time.Hour), time.Hour); d == nil || err != nil {
		t.Errorf("got %v, %v", d, err)
	}
	// Of one alert in order: the escalation waits behind the firing.
	now = now.Add(time.Second)
	s.RecordTransitions(steps[1:2])
	<-committed
	if d = claim("mail"); d == nil || d.Number != 1 {
		t.Fatalf("got %+v, want the firing", d)
	}
	// Resolving cancels the firing under way; that it was sent is noted all the same, that it failed is not.
	s.RecordTransitions(steps[2:])
	<-committed
	settle(d, health.DeliverySent)
	chat := s.deliveries(t, 1, "chat")
	if chat[0].State != health.DeliveryCanceled {
		t.Errorf("got %+v, want it canceled", chat[0])
	}
	settle(&chat[0], health.DeliveryGivenUp)
	if got := s.deliveries(t, 1, "chat")[0].State; got != health.DeliveryCanceled {
		t.Errorf("a canceled delivery became %s", got)
	}
	if got := s.deliveries(t, 1, "mail")[0].State; got != health.DeliverySent {
		t.Errorf("a delivery that was sent is %s", got)
	}
	if d = claim("mail"); d == nil || d.Kind != health.DeliverResolved {
		t.Errorf("got %+v, want the resolved", d)
	}
	n, err := s.Abandon(t.Context(), []string{"mail"}, now)
	if n != 1 || err != nil {
		t.Errorf("abandoned %d, %v, want the one to chat", n, err)
	}
	pending, err := s.PendingDeliveries(t.Context())
	if diff := cmp.Diff(map[string]int{"mail": 1}, pending); diff != "" || err != nil {
		t.Errorf("pending: %v (-want +got)\n%s", err, diff)
	}
	if n, err := s.Abandon(t.Context(), nil, now); n != 1 || err != nil {
		t.Errorf("abandoned %d, %v", n, err)
	}
}

func (s *Store) deliveries(t *testing.T, alert int64, destination string) (list []health.Delivery) {
	t.Helper()
	all, err := s.Deliveries(t.Context(), alert)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Destination == destination {
			list = append(list, d)
		}
	}
	return list
}

// TestClaimPicksAsDocumented compares Claim with its documentation, by brute force.
func TestClaimPicksAsDocumented(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	plan := func(tr health.Transition, _ []health.Delivery, _ bool) (insert []health.Delivery, _ []int64) {
		for i := range 1 + random.IntN(3) {
			insert = append(insert, health.Delivery{
				Key: fmt.Sprintf("%d-%d-%d", tr.Alert.ID, tr.Number, i), Destination: "mail", AlertID: tr.Alert.ID, Number: tr.Number,
				State: health.DeliveryPending, Created: tr.Time, NextTry: epoch.Add(time.Duration(random.IntN(100)) * time.Minute),
			})
		}
		return insert, nil
	}
	s := open(t, Config{Plan: plan})
	for id := range int64(12) {
		s.RecordTransitions(life(id+1, epoch))
	}
	flush(t, s)
	for {
		now, furthest := epoch.Add(time.Duration(random.IntN(100))*time.Minute), time.Duration(random.IntN(40)+10)*time.Minute
		var want *health.Delivery
		var due time.Time
		pending := 0
		for id := range int64(12) {
			list, err := s.Deliveries(t.Context(), id+1)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(list, func(d health.Delivery) bool { return d.State == health.DeliveryPending })
			if i < 0 {
				continue
			}
			d := &list[i]
			pending++
			if isDue := !d.NextTry.After(now) || d.NextTry.Sub(now) > furthest; !isDue {
				if due.IsZero() || d.NextTry.Before(due) {
					due = d.NextTry
				}
			} else if want == nil || d.NextTry.Before(want.NextTry) || d.NextTry.Equal(want.NextTry) && d.ID < want.ID {
				want = d
			}
		}
		got, next, err := s.Claim(t.Context(), "mail", now, furthest)
		switch {
		case err != nil:
			t.Fatal(err)
		case (got == nil) != (want == nil), got != nil && got.ID != want.ID:
			t.Fatalf("got %+v, want %+v", got, want)
		case got == nil && !next.Equal(due):
			t.Fatalf("got the next at %v, want %v", next, due)
		case pending == 0:
			return
		case got != nil:
			got.State = health.DeliverySent
			if err := s.Settle(t.Context(), got); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestAlertsAreDurable: the connection synchronises fully while alerts are stored, and only then.
func TestAlertsAreDurable(t *testing.T) {
	var s *Store
	within := make(chan int64, 1)
	s = open(t, Config{})
	err := s.db.durably(t.Context(), func(tx *sqlx.Tx) error {
		var mode int64
		err := tx.Get(&mode, `PRAGMA synchronous`)
		within <- mode
		return err
	})
	if mode := <-within; err != nil || mode != 2 {
		t.Errorf("within: got %d, %v, want 2 (FULL)", mode, err)
	}
	failed := errors.New("failed")
	if err := s.db.durably(t.Context(), func(*sqlx.Tx) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if mode := count(t, s, `PRAGMA synchronous`); mode != 1 {
		t.Errorf("afterwards: got %d, want 1 (NORMAL)", mode)
	}
}

// TestManyAtOnce is for the race detector.
func TestManyAtOnce(t *testing.T) {
	s, l := open(t, Config{Plan: twoDestinations}), newLoad(1)
	fill(t, s, l, 30)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 30 {
				var err error
				switch i {
				case 0:
					_, _, err = s.Newest(t.Context())
				case 1:
					_, err = s.Statistics(t.Context(), epoch, epoch.Add(time.Hour))
				case 2:
					_, err = s.Series(t.Context(), health.SeriesRequest{From: epoch, To: epoch.Add(time.Hour), Columns: []health.Column{health.ColumnFDCount}, Series: []int64{1}})
				case 3:
					_, _, err = s.Claim(t.Context(), "mail", epoch, time.Hour)
				case 4:
					for _, e := range s.Samples(t.Context(), epoch, epoch.Add(time.Hour)) {
						err = errors.Join(err, e)
					}
				case 5:
					_, err = s.OpenAlerts(t.Context())
				case 6:
					s.State()
				case 7:
					s.suspect.Store(true)
					poke(s.queue.ready)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for id := range int64(40) {
		s.Record(l.next())
		s.RecordTransitions(life(id+1, epoch))
	}
	all.Wait()
	flush(t, s)
	if n := samplesIn(t, s); n != 70 {
		t.Errorf("got %d samples, want 70", n)
	}
}
