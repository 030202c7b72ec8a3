package history

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

func count(t *testing.T, s *Store, query string, args ...any) (n int64) {
	t.Helper()
	if err := s.db.write.Get(&n, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestPruneByAge(t *testing.T) {
	s, l := open(t, Config{Retention: time.Hour}), newLoad(1)
	const hours = 6
	l.interval = 30 * time.Second
	fill(t, s, l, hours*120)
	end := l.at
	if n := samplesIn(t, s); n < 120 || n > 120+int(maintainEvery/l.interval)+agreeing {
		t.Errorf("got %d samples, want those of an hour", n)
	}
	all, err := s.Statistics(t.Context(), epoch, end)
	if err != nil || all.Samples != hours*120 {
		t.Errorf("got %d samples in the rollups, want %d: %v", all.Samples, hours*120, err)
	}
	// A range whose ends are rolled up only grows to whole minutes.
	early, err := s.Statistics(t.Context(), epoch.Add(20*time.Minute), epoch.Add(50*time.Minute))
	if err != nil || early.Samples < 60 || early.Samples > 64 {
		t.Errorf("got %d samples of half an hour, want about 60: %v", early.Samples, err)
	}
	if n := count(t, s, `SELECT pruned_until FROM resolutions WHERE seconds = 0`); n == 0 {
		t.Error("nobody knows that samples are gone")
	}
}

func TestPruneRollupsByAge(t *testing.T) {
	s, l := open(t, Config{}), newLoad(1)
	l.interval = 2 * time.Hour
	fill(t, s, l, 31*12)
	oldest := count(t, s, `SELECT min(time) FROM rollup_1m`)
	if age := l.at.Sub(time.UnixMilli(oldest)); age < 29*day || age > 30*day+(agreeing+1)*l.interval {
		t.Errorf("the oldest minute is %v old, want 30 days", age)
	}
	if n := count(t, s, `SELECT count(*) FROM sketches_1m`); n != count(t, s, `SELECT count(*) FROM rollup_1m`) {
		t.Errorf("sketches stay behind: %d", n)
	}
	stats, err := s.Statistics(t.Context(), epoch, l.at)
	if err != nil || stats.Samples != 31*12 {
		t.Errorf("got %d samples, want %d: %v", stats.Samples, 31*12, err)
	}
}

func TestPruneAlertsByAge(t *testing.T) {
	s, l := open(t, Config{AlertRetention: time.Hour, Plan: twoDestinations}), newLoad(1)
	s.RecordTransitions(life(1, epoch))
	s.RecordTransitions(life(2, epoch.Add(90*time.Minute)))
	s.RecordTransitions(life(3, epoch)[:1])
	fill(t, s, l, 360)
	if _, err := s.Abandon(t.Context(), nil, l.at); err != nil {
		t.Fatal(err)
	}
	fill(t, s, l, 360)
	list, err := s.Alerts(t.Context(), health.AlertFilter{})
	if err != nil || len(list) != 2 || list[0].ID != 3 || list[1].ID != 2 {
		t.Errorf("got %v, %v, want the open alert 3 and the recent 2", list, err)
	}
	if n := count(t, s, `SELECT count(*) FROM deliveries WHERE alert_id = 1`); n != 0 {
		t.Errorf("%d deliveries stay behind", n)
	}
	if saved, err := s.Saved(t.Context()); err != nil || saved.LastID != 3 {
		t.Errorf("got %+v, %v", saved, err)
	}
}

// TestAlertsStayUntilTheyAreDelivered: neither what is to be delivered nor what a person holds is ever too old.
func TestAlertsStayUntilTheyAreDelivered(t *testing.T) {
	s, l := open(t, Config{AlertRetention: time.Hour, Plan: twoDestinations}), newLoad(1)
	s.RecordTransitions(life(1, epoch))
	held := life(2, epoch)
	held[2].Alert.Held = true
	s.RecordTransitions(held)
	fill(t, s, l, 2*360)
	if pending, err := s.PendingDeliveries(t.Context()); err != nil || pending["mail"] != 2 || pending["chat"] != 2 {
		t.Errorf("got %v, %v pending, want the resolved of both alerts", pending, err)
	}
	for range 2 {
		settle(t, s, claimed(t, s, "mail", l.at), health.DeliverySent)
		settle(t, s, claimed(t, s, "chat", l.at), health.DeliveryGivenUp)
	}
	fill(t, s, l, 12)
	list, err := s.Alerts(t.Context(), health.AlertFilter{})
	if err != nil || len(list) != 1 || list[0].ID != 2 {
		t.Errorf("got %v, %v, want the one that is held", list, err)
	}
}

// TestFullOfAlerts: when a receiver is away and alerts fill the file, the oldest deliveries are given up, and it is said.
func TestFullOfAlerts(t *testing.T) {
	var log journal
	s, l := open(t, Config{MaxBytes: leastBytes, Plan: twoDestinations, Logger: log.logger()}), newLoad(1)
	fill(t, s, l, 1000)
	s.RecordTransitions([]health.Transition{another(1, l.at)})
	held := life(2, l.at)
	held[2].Alert.Held = true
	s.RecordTransitions(held)
	const alerts = 70
	for id := range int64(alerts) {
		story := life(id+3, l.at)
		for i := range story {
			story[i].Alert.Note = strings.Repeat("x", 20000)
		}
		s.RecordTransitions(story)
		if id%20 == 0 {
			s.Record(l.next())
			flush(t, s)
		}
	}
	flush(t, s)
	state := await(t, s, health.HistoryOK)
	pending, err := s.PendingDeliveries(t.Context())
	if err != nil || pending["mail"] == 0 || int64(2*alerts+4-pending["mail"]-pending["chat"]) != state.Dropped {
		t.Errorf("got %v pending, %v, and %+v: want the others counted", pending, err, state)
	}
	if log.count("given up") == 0 || log.count("cannot be written") > 0 {
		t.Error("the log does not say what happened")
	}
	list, err := s.Alerts(t.Context(), health.AlertFilter{Before: 3})
	if err != nil || len(list) != 2 {
		t.Errorf("got %v, %v, want the open and the held alert", list, err)
	}
	if newest, ok, err := s.Newest(t.Context()); err != nil || !ok || !newest.Time.Equal(l.at.Add(-l.interval)) {
		t.Errorf("got %v, %v, want the newest sample", newest.Time, err)
	}
}

func TestPruneBySize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	const most = 4 << 20
	s, l := open(t, Config{Path: path, MaxBytes: most}), newLoad(1)
	l.interval = time.Minute
	fill(t, s, l, 3500)
	info, err := os.Stat(path)
	if err != nil || info.Size() > most {
		t.Errorf("the file has %d bytes, want at most %d: %v", info.Size(), most, err)
	}
	newest, ok, err := s.Newest(t.Context())
	if err != nil || !ok || !newest.Time.Equal(l.at.Add(-l.interval)) {
		t.Errorf("got %v, %v, want the newest sample", newest.Time, err)
	}
	if state := s.State(); state.Condition != health.HistoryOK || state.Dropped > 0 {
		t.Errorf("got %+v", state)
	}
	stats, err := s.Statistics(t.Context(), epoch, l.at)
	if err != nil || stats.Samples < 3000 {
		t.Errorf("got %d samples, want most of them in the rollups: %v", stats.Samples, err)
	}
}

func TestLimitLowered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s, l := open(t, Config{Path: path}), newLoad(1)
	l.interval = time.Minute
	fill(t, s, l, 3300)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	const most = 4 << 20
	s = open(t, Config{Path: path, MaxBytes: most})
	fill(t, s, l, 900)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > most {
		t.Errorf("the file has %d bytes, want at most %d: %v", info.Size(), most, err)
	}
}

// TestMemoryDoesNotGrowWithTheRange reads a short and a long range in one loop.
func TestMemoryDoesNotGrowWithTheRange(t *testing.T) {
	s, l := open(t, Config{Retention: 100 * day}), newLoad(1)
	fill(t, s, l, 4000)
	peak := func(to time.Time) (most uint64) {
		n := 0
		for _, err := range s.Samples(t.Context(), epoch, to) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n%500 == 0 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		return most
	}
	short, long := peak(epoch.Add(2*time.Hour)), peak(l.at)
	if long > short+(1<<20) {
		t.Errorf("4,000 samples take %d bytes more than 720", long-short)
	}
}

// TestSeriesWhoseSourceGoes: whether the layout names the series or not, each reading stays with its own.
func TestSeriesWhoseSourceGoes(t *testing.T) {
	for _, name := range []string{"in the layout", "beside it"} {
		t.Run(name, func(t *testing.T) {
			s, l := open(t, Config{}), newLoad(1)
			snapshot := func(n int, queues ...string) *health.Snapshot {
				snapshot := &health.Snapshot{Time: epoch.Add(time.Duration(n) * 10 * time.Second), Interval: 10 * time.Second}
				m := health.Metric{Name: "queue.length", Scope: "test"}
				for _, q := range queues {
					m.Readings = append(m.Readings, health.Reading{Attributes: l.set("queue", q), Value: float64(len(q) + n)})
				}
				snapshot.Metrics = append(snapshot.Metrics, m)
				if name == "in the layout" {
					snapshot.Metrics = append(snapshot.Metrics, sessions(from(0, 2*fewStrays)...))
				}
				return snapshot
			}
			s.Record(snapshot(0, "a", "bb"))
			s.Record(snapshot(1, "bb"))
			s.Record(snapshot(2))
			s.Record(snapshot(3, "ccc", "a"))
			flush(t, s)
			var ids []int64
			if err := s.db.write.Select(&ids, `SELECT id FROM series WHERE name = 'queue.length' ORDER BY attributes`); err != nil {
				t.Fatal(err)
			}
			got, err := s.Series(t.Context(), health.SeriesRequest{From: epoch, To: epoch.Add(time.Minute), Points: 60, Series: ids})
			if err != nil || len(got.Buckets) != 4 {
				t.Fatal(got, err)
			}
			want := [][]health.Number{{1, 2, -1}, {-1, 3, -1}, {-1, -1, -1}, {4, -1, 6}}
			for i, b := range got.Buckets {
				for j, v := range b.Values {
					if known := want[i][j] >= 0; v.Max.Known() != known || known && v.Max != want[i][j] {
						t.Errorf("sample %d, series %d: got %+v, want %v", i, j, v, want[i][j])
					}
				}
			}
		})
	}
}
