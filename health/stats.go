package health

import (
	"net/http"
	"time"
)

// serveStats answers with the statistics of a range.
func (e *Endpoints) serveStats(w http.ResponseWriter, r *http.Request) {
	q := newQuery(r)
	s := q.span(time.Now())
	if e.refused(w, r, q) {
		return
	}
	if r.Method == http.MethodHead {
		headOnly(w)
		return
	}
	stats, err := e.history.Statistics(r.Context(), s.from, s.to)
	if err != nil {
		e.historyProblem(err).write(w, r, nil)
		return
	}
	encodeStats(s, &stats).write(w, r, noStore)
}

// statSection is one object of the answer: the statistics of a field, under the original's names.
type statSection struct {
	name      string
	field     string
	suffix    string // of the names of values: "_mb" in the original's memory
	component string // whose statuses are counted; "": none has any
}

var statSections = []statSection{
	{RuleFD, "fd_count", "", RuleFD},
	{RuleMemory, "memory_rss_mb", "_mb", RuleMemory},
	{RuleDatabase, "db_connections", "", RuleDatabase},
	{RuleWebSocket, "ws_connections", "", RuleWebSocket},
	{RuleThreads, "threads", "", RuleThreads},
	{RuleGoroutines, "goroutines", "", RuleGoroutines},
	{"cpu", "cpu_utilization", "", ""},
}

// statComponents are those whose statuses are counted, in the order of the answer.
var statComponents = []string{
	Overall, RuleFD, RuleMemory, RuleDatabase, RuleWebSocket, RuleThreads, RuleGoroutines, "liveness", "readiness",
}

func encodeStats(s span, stats *Statistics) *answer {
	w := newJSON(4096)
	w.integer("total_samples", int64(stats.Samples))
	w.number("time_period_hours", s.hours)
	for i := range statSections {
		w.statSection(&statSections[i], stats)
	}
	w.object("status")
	for _, component := range statComponents {
		counts := stats.Status[component]
		w.object(component)
		w.integer("pass", int64(counts.Pass))
		w.integer("warn", int64(counts.Warn))
		w.integer("fail", int64(counts.Fail))
		w.integer("unknown", int64(counts.Unknown))
		w.end()
	}
	w.end()
	w.number("uptime", stats.Uptime.round(6))
	w.number("coverage", stats.Coverage.round(6))
	w.time("from", s.from)
	w.time("to", s.to)
	return w.answer(http.StatusOK, mediaJSON)
}

func (w *jsonWriter) statSection(s *statSection, stats *Statistics) {
	f := fieldNamed(s.field)
	values := stats.Columns[f.column]
	w.object(s.name)
	for _, v := range [...]struct {
		name  string
		value Number
	}{
		{"current", values.Current}, {"avg", values.Mean}, {"min", values.Min}, {"max", values.Max},
		{"p50", values.P50}, {"p95", values.P95}, {"p99", values.P99},
	} {
		if values.Count == 0 {
			v.value = UnknownNumber()
		}
		w.number(v.name+s.suffix, f.scaled(v.value))
	}
	if s.component != "" {
		counts := stats.Status[s.component]
		w.integer("fail_count", int64(counts.Fail))
		w.integer("warn_count", int64(counts.Warn))
	}
	w.end()
}
