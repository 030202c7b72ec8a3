package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

// sessions is a metric with one series for each session.
func sessions(ids ...int) health.Metric {
	m := health.Metric{Name: "app.session", Scope: "app"}
	for _, id := range ids {
		m.Readings = append(m.Readings, health.Reading{Value: float64(id), Attributes: attribute.NewSet(attribute.Int("session", id))})
	}
	return m
}

// from returns so many numbers, beginning there.
func from(first, n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = first + i
	}
	return ids
}

// TestSeriesThatComeAndGo: they neither fill the file, nor cost a layout each.
func TestSeriesThatComeAndGo(t *testing.T) {
	const samples = 3000
	for _, c := range []struct {
		name     string
		sessions func(sample int) []int
		layouts  int64 // at most
	}{
		{"three at a time, of which one is new", func(i int) []int { return from(i, 3) }, samples / fewStrays},
		{"many take turns", func(i int) []int { return from(i%3*30, 30) }, 5},
		{"one comes after the other, and all stay", func(i int) []int { return from(0, i/100) }, samples/patience + 2},
		{"many come at once, and are gone again", func(i int) []int { return from(0, min(i%1000, 1)*40) }, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, l := open(t, Config{MaxBytes: leastBytes}), newLoad(1)
			for i := range samples {
				snapshot := l.next()
				snapshot.Metrics = append(snapshot.Metrics, sessions(c.sessions(i)...))
				s.Record(snapshot)
				if i%200 == 0 {
					flush(t, s)
				}
			}
			flush(t, s)
			if state := s.State(); state.Condition != health.HistoryOK || state.Dropped > 0 || state.Refused > 0 {
				t.Errorf("got %+v", state)
			}
			if n := count(t, s, `SELECT max(layout) FROM layouts`); n > c.layouts {
				t.Errorf("got %d layouts, want at most %d", n, c.layouts)
			}
			checkSessions(t, s, samples-100, samples, c.sessions)
		})
	}
}

// checkSessions compares the readings of some samples with what was recorded.
func checkSessions(t *testing.T, s *Store, first, last int, sessions func(sample int) []int) {
	t.Helper()
	var rows []struct {
		Time  int64   `db:"time"`
		Value float64 `db:"value"`
	}
	at := func(sample int) int64 { return epoch.Add(time.Duration(sample) * 10 * time.Second).UnixMilli() }
	err := s.db.write.Select(&rows, `SELECT time, value FROM series_readings WHERE name = 'app.session' AND time >= ? AND time < ?
		AND value = CAST(attributes ->> 'session' AS INTEGER) ORDER BY time, value`, at(first), at(last))
	if err != nil {
		t.Fatal(err)
	}
	for i := first; i < last; i++ {
		for _, id := range sessions(i) {
			if len(rows) == 0 || rows[0].Time != at(i) || rows[0].Value != float64(id) {
				t.Fatalf("sample %d has no reading of session %d", i, id)
			}
			rows = rows[1:]
		}
	}
	if len(rows) > 0 {
		t.Errorf("got %v besides", rows)
	}
}

// TestDictionaryIsPruned: when no row holds a series or uses a layout any more, it goes, and another finds its place.
func TestDictionaryIsPruned(t *testing.T) {
	s, l := open(t, Config{Retention: time.Hour}), newLoad(1)
	l.interval = time.Hour
	for i := range maxDictionary/1900 + 1 {
		snapshot := l.next()
		snapshot.Metrics = append(snapshot.Metrics, sessions(from(i*1900, 1900)...))
		s.Record(snapshot)
		flush(t, s)
	}
	if state := s.State(); state.Refused == 0 {
		t.Error("the dictionary is never full")
	}
	l.at = l.at.AddDate(0, 0, 400) // all of that is older than anything is kept
	for range 60 {
		fill(t, s, l, 1)
	}
	snapshot := l.next()
	snapshot.Metrics = append(snapshot.Metrics, sessions(-1))
	s.Record(snapshot)
	flush(t, s)
	if state := s.State(); state.Refused > 0 {
		t.Errorf("%d refused", state.Refused)
	}
	if n := count(t, s, `SELECT count(*) FROM series`); n > 100 {
		t.Errorf("got %d series, want those in use", n)
	}
	if n := count(t, s, `SELECT count(*) FROM layouts`); n > 2 {
		t.Errorf("got %d layouts, want the one in use", n)
	}
	if got := len(s.db.catalog.byID); int64(got) != count(t, s, `SELECT count(*) FROM series`) {
		t.Errorf("got %d series in memory", got)
	}
	list, err := s.Catalog(t.Context())
	if err != nil || list[0].Name != "app.session" || list[0].Attributes[0].Value != "-1" {
		t.Errorf("got %v, %v, want the new session first", list[0], err)
	}
}

// TestNamesAreBounded: a dictionary of long names does not take the file from the samples.
func TestNamesAreBounded(t *testing.T) {
	s, l := open(t, Config{MaxBytes: leastBytes}), newLoad(1)
	for i := range 500 {
		snapshot := l.next()
		m := health.Metric{Name: "app.query", Scope: "app", Readings: []health.Reading{
			{Value: 1, Attributes: attribute.NewSet(attribute.String("text", fmt.Sprint(i, strings.Repeat("x", 8000))))},
		}}
		snapshot.Metrics = append(snapshot.Metrics, m)
		s.Record(snapshot)
		if i%100 == 0 {
			flush(t, s)
		}
	}
	flush(t, s)
	if state := s.State(); state.Condition != health.HistoryOK || state.Refused != 1 {
		t.Errorf("got %+v, want the last reading refused", state)
	}
	if n := samplesIn(t, s); n != 500 {
		t.Errorf("got %d samples, want 500", n)
	}
}

// planned is the plan that services have, for these destinations.
func planned(destinations ...string) func(health.Transition, []health.Delivery, bool) ([]health.Delivery, []int64) {
	return func(t health.Transition, existing []health.Delivery, lost bool) ([]health.Delivery, []int64) {
		p := alerting.NewPlan(t, destinations, existing, lost)
		return p.Insert, p.Cancel
	}
}

// TestOpenAlertDoesNotFillTheFile: of an alert that changes again and again, the first and the last transitions are kept,
// and who was told of it is told that it is resolved.
func TestOpenAlertDoesNotFillTheFile(t *testing.T) {
	s, l := open(t, Config{MaxBytes: leastBytes, Plan: planned("mail", "chat")}), newLoad(1)
	fill(t, s, l, 1)
	const most = 600
	tr := firing(1, l.at)
	for n := 1; n <= most; n++ {
		tr.Number, tr.Alert.Changes = n, n
		if n > 1 {
			tr.Kind = [...]health.TransitionKind{health.TransitionDeescalated, health.TransitionEscalated}[n%2]
		}
		s.RecordTransitions([]health.Transition{tr})
		if n%100 == 0 {
			flush(t, s)
		}
		if n == most/2 {
			settle(t, s, claimed(t, s, "mail", l.at), health.DeliverySent)
		}
	}
	flush(t, s)
	list, err := s.Transitions(t.Context(), 1)
	if err != nil || len(list) > keptFirst+keptLast+pruneEach {
		t.Fatalf("got %d transitions, %v", len(list), err)
	}
	if list[0].Number != 1 || list[keptFirst-1].Number != keptFirst || list[len(list)-1].Number != most {
		t.Errorf("got transitions from %d to %d, want the first and the last", list[0].Number, list[len(list)-1].Number)
	}
	tr.Number, tr.Alert.Changes, tr.Kind, tr.Alert.State = most+1, most+1, health.TransitionResolved, health.AlertResolved
	s.RecordTransitions([]health.Transition{tr})
	flush(t, s)
	pending, err := s.PendingDeliveries(t.Context())
	if diff := cmp.Diff(map[string]int{"mail": 1}, pending); diff != "" || err != nil {
		t.Errorf("pending once it is resolved: %v (-want +got)\n%s", err, diff)
	}
}

// claimed begins an attempt of what is due first.
func claimed(t *testing.T, s *Store, destination string, now time.Time) *health.Delivery {
	t.Helper()
	d, _, err := s.Claim(t.Context(), destination, now, time.Hour)
	if err != nil || d == nil {
		t.Fatalf("got %v, %v, want a delivery to %s", d, err, destination)
	}
	return d
}

func settle(t *testing.T, s *Store, d *health.Delivery, state health.DeliveryState) {
	t.Helper()
	d.State, d.Settled = state, d.NextTry
	if err := s.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// TestAlertsFindRoom: a file that samples have filled has room for alerts, which do not wait behind the samples.
func TestAlertsFindRoom(t *testing.T) {
	committed := make(chan struct{}, 100)
	s, l := open(t, Config{Plan: twoDestinations, Committed: func() { committed <- struct{}{} }}), newLoad(1)
	fill(t, s, l, 3000)
	p, err := readPages(t.Context(), s.db.write)
	if err != nil {
		t.Fatal(err)
	}
	s.db.maxBytes = p.count * pageSize * alertShare / (alertShare - 1) // and nothing makes room
	s.RecordTransitions([]health.Transition{firing(1, l.at)})
	<-committed
	for range 300 {
		s.Record(l.next())
	}
	await(t, s, health.HistoryFull)
	for id := range int64(5) {
		s.RecordTransitions([]health.Transition{another(id+2, l.at)})
		<-committed
	}
	for range 6 {
		settle(t, s, claimed(t, s, "mail", l.at), health.DeliverySent)
	}
	if state := s.State(); state.Queued < 200 {
		t.Errorf("got %+v, want samples still waiting", state)
	}
}
