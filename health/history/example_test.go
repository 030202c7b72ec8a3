package history_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/history"
)

// record is what a monitor does at each tick.
func record(store *history.Store, from time.Time, counts ...float64) {
	for i, n := range counts {
		status := health.Pass
		if n >= 700 {
			status = health.Warn
		}
		store.Record(&health.Snapshot{
			Time:     from.Add(time.Duration(i) * 10 * time.Second),
			Interval: 10 * time.Second,
			Metrics:  []health.Metric{{Name: health.MetricFDCount, Readings: []health.Reading{{Value: n}}}},
			Rules:    []health.RuleState{{Name: health.RuleFD, Status: status}},
			Overall:  status,
		})
	}
	if err := store.Flush(context.Background()); err != nil {
		fmt.Println(err)
	}
}

func Example() {
	folder, err := os.MkdirTemp("", "history")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	store, err := history.Open(history.Config{Path: filepath.Join(folder, "db", "health.db")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close(ctx)
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	record(store, from, 310, 320, 750, 330, 340, 350, 360)
	to := from.Add(70 * time.Second)

	for sample, err := range store.Samples(ctx, from, from.Add(30*time.Second)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(sample.Time.Format(time.TimeOnly), sample.FDCount, sample.Status.FD)
	}

	stats, err := store.Statistics(ctx, from, to)
	if err != nil {
		fmt.Println(err)
		return
	}
	fd := stats.Columns[health.ColumnFDCount]
	fmt.Printf("%d samples, from %v to %v, now %v; warned %d times, up %v of the time\n",
		stats.Samples, fd.Min, fd.Max, fd.Current, stats.Status[health.RuleFD].Warn, stats.Uptime)

	series, err := store.Series(ctx, health.SeriesRequest{From: from, To: to, Points: 3, Columns: []health.Column{health.ColumnFDCount}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range series.Buckets {
		fmt.Println(b.Time.Format(time.TimeOnly), series.Width, b.Values[0].Mean, b.Values[0].Max)
	}
	fmt.Println(store.State().Condition)
	// Output:
	// 12:00:00 310 pass
	// 12:00:10 320 pass
	// 12:00:20 750 warn
	// 7 samples, from 310 to 750, now 360; warned 1 times, up 1 of the time
	// 12:00:00 35s 427.5 750
	// 12:00:35 35s 350 360
	// ok
}
