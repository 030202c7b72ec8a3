package history

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// glitch records one sample by a clock that is wrong.
func glitch(t *testing.T, s *Store, l *load, by time.Duration) {
	t.Helper()
	right := l.at
	l.at = l.at.Add(by)
	fill(t, s, l, 1)
	l.at = right
}

// TestClockIsWrongForOneSample: that neither costs the history nor hides the present, whatever is full or old.
func TestClockIsWrongForOneSample(t *testing.T) {
	for name, by := range map[string]time.Duration{
		"8 days ahead": 8 * day, "a year ahead": 366 * day, "back in 1970": epoch.AddDate(-56, 0, 0).Sub(epoch),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, l := open(t, Config{Retention: 12 * time.Hour, AlertRetention: day, Plan: planned("mail")}), newLoad(1)
			l.interval = time.Minute
			fill(t, s, l, 1440)
			story := life(1, l.at)
			s.RecordTransitions(story[:1])
			flush(t, s)
			settle(t, s, claimed(t, s, "mail", l.at), health.DeliverySent)
			s.RecordTransitions(story[1:])
			s.RecordTransitions(life(2, l.at))
			glitch(t, s, l, by)
			for range 60 {
				fill(t, s, l, 1)
			}
			if n := count(t, s, `SELECT count(*) FROM samples WHERE time >= ? AND time < ?`, l.at.Add(-12*time.Hour).UnixMilli(), l.at.UnixMilli()); n != 720 {
				t.Errorf("got %d samples of the last twelve hours, want 720", n)
			}
			newest, ok, err := s.Newest(t.Context())
			if want := l.at.Add(-l.interval); err != nil || !ok || !newest.Time.Equal(want) {
				t.Errorf("the newest sample: got %v, %v, want %v", newest.Time, err, want)
			}
			for _, r := range []struct{ from, to time.Time }{
				{l.at.Add(-time.Hour), l.at}, {epoch.Add(time.Hour), epoch.Add(2 * time.Hour)}, {epoch, l.at},
			} {
				stats, err := s.Statistics(t.Context(), r.from, r.to)
				if want := int(r.to.Sub(r.from) / time.Minute); err != nil || stats.Samples < want || stats.Samples > want+2 {
					t.Errorf("statistics of %v: got %d samples, want %d: %v", r, stats.Samples, want, err)
				}
			}
			pending, err := s.PendingDeliveries(t.Context())
			if err != nil || pending["mail"] != 1 {
				t.Errorf("got %v, %v pending, want the resolved", pending, err)
			}
			if list, err := s.Alerts(t.Context(), health.AlertFilter{}); err != nil || len(list) != 2 {
				t.Errorf("got %d alerts, %v, want both", len(list), err)
			}
		})
	}
}

// TestFullFileKeepsThePresent: what a clock that was ahead left in a full file costs no sample of the present.
func TestFullFileKeepsThePresent(t *testing.T) {
	lastDay := func(by time.Duration) int64 {
		s, l := open(t, Config{MaxBytes: leastBytes}), newLoad(1)
		l.interval = time.Minute
		for i := range 1600 {
			if i == 10 && by != 0 {
				glitch(t, s, l, by)
			}
			snapshot := l.next()
			snapshot.Metrics = append(snapshot.Metrics, sessions(from(0, 300)...))
			s.Record(snapshot)
			if i%100 == 0 {
				flush(t, s)
			}
		}
		flush(t, s)
		return count(t, s, `SELECT count(*) FROM samples WHERE time > ? AND time < ?`, l.at.Add(-day).UnixMilli(), l.at.UnixMilli())
	}
	without, with := lastDay(0), lastDay(366*day)
	if without == 0 || without >= 1440 {
		t.Fatalf("got %d samples without, want a file too full for all of a day", without)
	}
	if with < without-10 {
		t.Errorf("got %d samples of the last day, want %d as without", with, without)
	}
}

// TestRowsAheadMakeRoom: a clock that was ahead for long, and is right again, leaves rows that are never too old.
func TestRowsAheadMakeRoom(t *testing.T) {
	s, l := open(t, Config{MaxBytes: leastBytes}), newLoad(1)
	l.interval = time.Minute
	right := l.at
	l.at = l.at.AddDate(1, 0, 0)
	fill(t, s, l, 1500)
	l.at = right
	fill(t, s, l, 2500)
	if n := count(t, s, `SELECT count(*) FROM samples WHERE time < ?`, l.at.UnixMilli()); n < 1440 {
		t.Errorf("got %d samples of the present, want a day at least", n)
	}
	if state := s.State(); state.Condition != health.HistoryOK || state.Dropped > 0 {
		t.Errorf("got %+v", state)
	}
}

// TestStatisticsAfterClockSetBack: samples of a time that was pruned before are found where they are.
func TestStatisticsAfterClockSetBack(t *testing.T) {
	s, l := open(t, Config{Retention: time.Hour}), newLoad(1)
	fill(t, s, l, 30)
	right := l.at
	l.at = l.at.Add(day)
	fill(t, s, l, 2*360) // of which the first hour is pruned
	l.at = right
	fill(t, s, l, 360)
	from, to := l.at.Add(-7*time.Minute-20*time.Second), l.at.Add(-3*time.Minute-10*time.Second)
	stats, err := s.Statistics(t.Context(), from, to)
	if err != nil || stats.Samples != 25 {
		t.Errorf("got %d samples of 250 s, want 25: %v", stats.Samples, err)
	}
}

// TestNothingIsTooOldAtFirst: the first samples of a process say nothing about the age of the others.
func TestNothingIsTooOldAtFirst(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "health.db"), Retention: time.Hour}
	s, l := open(t, c), newLoad(1)
	fill(t, s, l, 360)
	l.at = l.at.Add(day)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = open(t, c)
	for range agreeing - 1 {
		fill(t, s, l, 1)
	}
	if n := samplesIn(t, s); n < 360 {
		t.Errorf("got %d samples, want all", n)
	}
	for range 12 {
		fill(t, s, l, 1)
	}
	if n := samplesIn(t, s); n > 30 {
		t.Errorf("got %d samples, want those of the last hour", n)
	}
}
