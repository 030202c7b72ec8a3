package history

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("HISTORY_CRASH_PATH"); path != "" {
		crashChild(path) // does not return
	}
	code := m.Run()
	files, _ := filepath.Glob(weekPath() + "*")
	for _, f := range files {
		os.Remove(f)
	}
	os.Exit(code)
}

func openWeek(b *testing.B) (s *Store, from, to time.Time) {
	b.Helper()
	s = open(b, Config{Path: week(b)})
	return s, epoch, epoch.Add(weekOfSamples * 10 * time.Second)
}

// BenchmarkRecord is one tick's insert, with everything that follows from it, upkeep included.
func BenchmarkRecord(b *testing.B) {
	path := filepath.Join(b.TempDir(), "health.db")
	data, err := os.ReadFile(week(b))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	s, to := open(b, Config{Path: path}), epoch.Add(weekOfSamples*10*time.Second)
	l := newLoad(2)
	l.at = to
	for b.Loop() {
		b.StopTimer()
		snapshot := l.next()
		b.StartTimer()
		s.Record(snapshot)
		flush(b, s)
	}
}

func BenchmarkNewest(b *testing.B) {
	s, _, _ := openWeek(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := s.Newest(b.Context()); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkSeriesWeek(b *testing.B) {
	for name, columns := range map[string][]health.Column{
		"one":  {health.ColumnFDCount},
		"five": {health.ColumnFDCount, health.ColumnMemoryRSS, health.ColumnDBConnections, health.ColumnWSConnections, health.ColumnThreads},
	} {
		b.Run(name, func(b *testing.B) {
			s, from, to := openWeek(b)
			b.ReportAllocs()
			for b.Loop() {
				buckets, err := s.Series(b.Context(), health.SeriesRequest{From: from, To: to, Points: 700, Columns: columns})
				if err != nil || len(buckets.Buckets) < 600 || len(buckets.Buckets) > 700 {
					b.Fatal(len(buckets.Buckets), err)
				}
			}
		})
	}
}

func BenchmarkSeriesWeekOfPools(b *testing.B) {
	s, from, to := openWeek(b)
	list, err := s.Catalog(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var ids []int64
	for _, info := range list {
		if info.Name == health.MetricPoolCount {
			ids = append(ids, info.ID)
		}
	}
	for b.Loop() {
		if _, err := s.Series(b.Context(), health.SeriesRequest{From: from, To: to, Points: 700, Series: ids}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStatisticsWeek(b *testing.B) {
	s, from, to := openWeek(b)
	b.ReportAllocs()
	for b.Loop() {
		stats, err := s.Statistics(b.Context(), from.Add(17*time.Second), to.Add(-3*time.Second))
		if err != nil || stats.Samples < weekOfSamples-5 {
			b.Fatal(stats.Samples, err)
		}
	}
}

func BenchmarkOpenAlerts(b *testing.B) {
	s, _, _ := openWeek(b)
	var list []health.Transition
	for i := range 10 {
		list = append(list, another(int64(i+1), epoch))
	}
	s.RecordTransitions(list)
	flush(b, s)
	b.ReportAllocs()
	for b.Loop() {
		if open, err := s.OpenAlerts(b.Context()); err != nil || len(open) != 10 {
			b.Fatal(len(open), err)
		}
	}
}

// BenchmarkSamplesWeek and BenchmarkBareScanWeek read the same columns of seven days.
func BenchmarkSamplesWeek(b *testing.B) {
	s, from, to := openWeek(b)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range s.Samples(b.Context(), from, to) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != weekOfSamples {
			b.Fatal(n)
		}
	}
}

func BenchmarkBareScanWeek(b *testing.B) {
	s, from, to := openWeek(b)
	b.ReportAllocs()
	for b.Loop() {
		rows, err := s.db.read.QueryContext(b.Context(), selectSamples+" WHERE time >= ? AND time < ? ORDER BY time", from.UnixMilli(), to.UnixMilli())
		if err != nil {
			b.Fatal(err)
		}
		columns, _ := rows.Columns()
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		n := 0
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || n != weekOfSamples { //nolint:sqlclosecheck // in a loop
			b.Fatal(n, err)
		}
	}
}

// BenchmarkFileSize reports the bytes that seven days take.
func BenchmarkFileSize(b *testing.B) {
	info, err := os.Stat(week(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(math.Round(float64(info.Size())/1e4)/100, "MB")
}
