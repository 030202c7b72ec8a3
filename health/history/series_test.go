package history

import (
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

func TestSeriesRefusesWhatItCannotAnswer(t *testing.T) {
	s := open(t, Config{})
	hour := epoch.Add(time.Hour)
	for name, r := range map[string]health.SeriesRequest{
		"a range that ends as it begins": {From: epoch, To: epoch},
		"one point":                      {From: epoch, To: hour, Points: 1},
		"a step of half a second":        {From: epoch, To: hour, Step: time.Second / 2},
		"a step of a second and a half":  {From: epoch, To: hour, Step: 3 * time.Second / 2},
		"a negative step":                {From: epoch, To: hour, Step: -time.Second},
		"more steps than anybody draws":  {From: epoch, To: epoch.Add(10_001 * time.Second), Step: time.Second},
		"a column that there is not":     {From: epoch, To: hour, Columns: []health.Column{"disks"}},
	} {
		if _, err := s.Series(t.Context(), r); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, err := s.Series(t.Context(), health.SeriesRequest{From: epoch, To: hour, Step: time.Second}); err != nil {
		t.Error(err)
	}
}

// TestSeriesOfWhatIsRolledUp: where only rollups are left, they answer however finely is asked.
func TestSeriesOfWhatIsRolledUp(t *testing.T) {
	s, l := open(t, Config{Retention: day}), newLoad(1)
	l.interval = time.Minute
	fill(t, s, l, 3*1440)
	hours := func(n float64) time.Time { return epoch.Add(time.Duration(n * float64(time.Hour))) }
	for name, r := range map[string]health.SeriesRequest{
		"as few points as there are rollups":    {From: hours(12), To: hours(14), Points: 60},
		"more points than there are rollups":    {From: hours(12), To: hours(14), Points: 500},
		"the default":                           {From: hours(12), To: hours(14)},
		"steps finer than a rollup":             {From: hours(12), To: hours(14), Step: 10 * time.Second},
		"steps that no rollup divides":          {From: hours(12), To: hours(14), Step: 90 * time.Second},
		"less than a rollup":                    {From: hours(12), To: hours(12).Add(20 * time.Second), Step: time.Second},
		"steps over what is pruned and is not":  {From: hours(47), To: hours(50), Step: 30 * time.Second},
		"points over what is pruned and is not": {From: hours(36), To: hours(60), Points: 2000},
	} {
		r.Columns = []health.Column{health.ColumnFDCount}
		b, err := s.Series(t.Context(), r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		samples := 0
		for i, bucket := range b.Buckets {
			samples += bucket.Samples
			if bucket.Time.Add(b.Width).Before(r.From) || !bucket.Time.Before(r.To) || i > 0 && !bucket.Time.After(b.Buckets[i-1].Time) {
				t.Errorf("%s: bucket %d begins at %v", name, i, bucket.Time)
			}
		}
		if want := max(1, int(r.To.Sub(r.From)/time.Minute)); samples < want || samples > want+2 {
			t.Errorf("%s: got %d samples in %d buckets of %v, want %d", name, samples, len(b.Buckets), b.Width, want)
		}
		if r.Step > 0 && b.Width != r.Step || r.Step == 0 && r.Points > 0 && len(b.Buckets) > r.Points {
			t.Errorf("%s: got %d buckets of %v", name, len(b.Buckets), b.Width)
		}
	}
}

// TestSeriesOfTheCoarsestRollups: with all else pruned, four hours are the finest there is.
func TestSeriesOfTheCoarsestRollups(t *testing.T) {
	s, l := open(t, Config{Retention: time.Hour}), newLoad(1)
	l.interval = time.Hour
	fill(t, s, l, 100)
	execute(t, s.db.write, `DELETE FROM rollup_1m; DELETE FROM rollup_15m`)
	execute(t, s.db.write, `UPDATE resolutions SET pruned_until = 1000 * unixepoch('2026-03-04') WHERE seconds < 14400`)
	b, err := s.Series(t.Context(), health.SeriesRequest{From: epoch.Add(20 * time.Hour), To: epoch.Add(21 * time.Hour)})
	if err != nil || len(b.Buckets) != 1 || b.Width != 4*time.Hour || b.Buckets[0].Samples != 4 {
		t.Errorf("got %+v, %v, want the one bucket of four hours", b, err)
	}
}
