package history

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/otelhealth/otelhealth-go/health"
)

// TestAnotherFileGoesOn: whatever became of the open file, another one has the open alerts and the silences at once, and
// who was told that an alert fires is told that it is resolved.
func TestAnotherFileGoesOn(t *testing.T) {
	remove := func(t *testing.T, path string) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(path + suffix); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, lose := range map[string]func(t *testing.T, s *Store, path string){
		"deleted": func(t *testing.T, _ *Store, path string) { remove(t, path) },
		"replaced": func(t *testing.T, _ *Store, path string) {
			remove(t, path)
			other := filepath.Join(t.TempDir(), "other.db")
			if err := open(t, Config{Path: other}).Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(other, path); err != nil {
				t.Fatal(err)
			}
		},
		"overwritten": func(t *testing.T, s *Store, path string) {
			execute(t, s.db.write, `PRAGMA wal_checkpoint(TRUNCATE)`)
			overwrite(t, path)
			s.suspect.Store(true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "health.db")
			s, l := open(t, Config{Path: path, Plan: planned("mail")}), newLoad(1)
			fill(t, s, l, 3)
			transitions := openStories(l.at)
			s.RecordTransitions(transitions)
			silence := health.Silence{Rule: "memory", Until: l.at.Add(time.Hour), By: "ann", At: l.at}
			s.RecordSilences([]health.Silence{silence})
			flush(t, s)
			before, err := s.OpenAlerts(t.Context())
			if err != nil || len(before) != 3 {
				t.Fatal(before, err)
			}
			lose(t, s, path)
			fill(t, s, l, 1)
			after, err := s.OpenAlerts(t.Context())
			if diff := cmp.Diff(before, after); diff != "" || err != nil {
				t.Errorf("open alerts: %v (-want +got)\n%s", err, diff)
			}
			saved, err := s.Saved(t.Context())
			if diff := cmp.Diff([]health.Silence{silence}, saved.Silences); diff != "" || err != nil || saved.LastID != 9 {
				t.Errorf("got the highest id %d, want 9, and the silences %v (-want +got)\n%s", saved.LastID, err, diff)
			}
			resolveAll(t, s, after)
			var told []int64
			for {
				d, _, err := s.Claim(t.Context(), "mail", l.at.Add(time.Hour), time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				if d == nil {
					break
				}
				if d.Kind == health.DeliverResolved {
					told = append(told, d.AlertID)
				}
				settle(t, s, d, health.DeliverySent)
			}
			if slices.Sort(told); !slices.Equal(told, []int64{8, 9}) {
				t.Errorf("told that %v are resolved, want 8 and 9: 7 never fired", told)
			}
		})
	}
}

// openStories are those of alerts that stay open: one pending, one that somebody has taken on, and one that just fires.
func openStories(at time.Time) []health.Transition {
	waits, fires, other := firing(7, at), firing(8, at), firing(9, at)
	waits.Kind, waits.Alert.State, waits.Alert.Rule, waits.Alert.FiredAt = health.TransitionPending, health.AlertPending, "db", time.Time{}
	taken := fires
	taken.Number, taken.Kind, taken.By, taken.Note = 2, health.TransitionAcknowledged, "ann", "mine"
	taken.Alert.Changes, taken.Alert.AcknowledgedAt, taken.Alert.AcknowledgedBy, taken.Alert.Note = 2, at, "ann", "mine"
	other.Alert.Rule = "memory"
	return []health.Transition{waits, fires, taken, other}
}

func resolveAll(t *testing.T, s *Store, open []health.Alert) {
	t.Helper()
	for _, a := range open {
		a.State, a.Cause, a.Changes = health.AlertResolved, health.CauseRecovered, a.Changes+1
		s.RecordTransitions([]health.Transition{{Number: a.Changes, Kind: health.TransitionResolved, Time: a.Updated, Alert: a}})
	}
	flush(t, s)
}

// TestReopenedFileStaysAsItIs: what is carried over into the file that it is from changes nothing there.
func TestReopenedFileStaysAsItIs(t *testing.T) {
	s, l := open(t, Config{Plan: planned("mail")}), newLoad(1)
	s.RecordTransitions(openStories(l.at))
	refreshed := openStories(l.at)[2].Alert
	refreshed.Peak = 5000
	s.Refresh([]health.Alert{refreshed})
	fill(t, s, l, 1)
	settle(t, s, claimed(t, s, "mail", l.at), health.DeliverySent)
	everything := func() (rows []string) {
		t.Helper()
		err := s.db.write.Select(&rows, `SELECT json_array(id, state, peak, changes, carried) FROM alerts
			UNION ALL SELECT json_array(id, key, state, attempts) FROM deliveries UNION ALL SELECT json_array(alert_id, number) FROM transitions`)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	before := everything()
	s.closeFile(health.HistoryUnavailable)
	fill(t, s, l, 1)
	if diff := cmp.Diff(before, everything()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestCloseKeepsTheLastNumbers: an orderly restart goes on where the process ended.
func TestCloseKeepsTheLastNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s, l := open(t, Config{Path: path}), newLoad(1)
	fill(t, s, l, 1)
	tr := firing(1, l.at)
	s.RecordTransitions([]health.Transition{tr})
	for range 4 {
		tr.Alert.Peak += 1000
		tr.Alert.Breaches++
		s.Record(l.next())
		s.Refresh([]health.Alert{tr.Alert})
		flush(t, s)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	saved, err := open(t, Config{Path: path}).Saved(t.Context())
	if diff := cmp.Diff([]health.Alert{tr.Alert}, saved.Alerts); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}
