package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report is what a run found.
type report struct {
	config
	series       int // of one instance
	began, ended time.Time
	push         push
	arrived      int64
	collectors   []usage
}

func (r *report) write(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer table.Flush()
	row := func(name, format string, values ...any) {
		fmt.Fprintf(table, "%s\t"+format+"\n", append([]any{name}, values...)...)
	}
	seconds := r.ended.Sub(r.began).Seconds()
	row("instances", "%d, %d series each, every %s", r.instances, r.series, r.interval)
	row("tried", "%d points in %.0f s: %.0f a second", r.push.points, seconds, float64(r.push.points)/seconds)
	row("on the wire", "%.0f bytes a request, %.1f MB an instance a day", r.bytesPerRequest(), r.bytesPerDay()/1e6)
	row("acknowledged", "%d points; %d of %d requests were given up", r.push.acknowledged, r.push.failures, r.push.requests)
	if r.push.lastError != "" {
		row("last error", "%s", r.push.lastError)
	}
	if r.prometheus == "" {
		return
	}
	lost := r.push.points - r.arrived
	row("arrived", "%d points in Prometheus: %d lost (%.3f %%)", r.arrived, lost, 100*float64(lost)/float64(max(r.push.points, 1)))
	for _, c := range r.collectors {
		row("Collector", "%s: %.2f cores, %.0f MiB", c.instance, c.cores, c.rssBytes/(1<<20))
	}
}

func (r *report) bytesPerRequest() float64 {
	return float64(r.push.bytes) / float64(max(r.push.requests, 1))
}

func (r *report) bytesPerDay() float64 {
	return r.bytesPerRequest() * (24 * time.Hour).Seconds() / r.interval.Seconds()
}
