package health

import (
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// encodeCurrent writes the body of /health/api/current. The first fields of each section are the original's, under its
// names; what the original did not have stands beside them. since is when the overall status became what it is. stalled
// is empty, or says since when there has been no snapshot: then nothing in the body can be taken for healthy.
func (e *Endpoints) encodeCurrent(s *Snapshot, since time.Time, stalled string) *answer {
	overall, liveness, readiness := s.Overall, s.Liveness.Status, s.Readiness.Status
	if stalled != "" {
		overall, liveness, readiness = Fail, Fail, Fail
	}
	sample := NewSample(s)
	w := newJSON(2048 + 256*(len(s.Rules)+len(s.Checks)) + 160*len(s.Metrics))
	w.time("timestamp", s.Time)
	w.fd(s, &sample)
	w.memory(s, &sample)
	w.database(s, &sample)
	w.webSocket(s, &sample)
	w.threads(s, &sample)
	e.writeProcess(w, s)
	w.status("overall_status", overall)
	w.time("overall_since", since)
	w.goroutines(&sample)
	w.cpu(s, &sample)
	w.rules(s)
	w.array("checks")
	w.checks(s)
	w.endArray()
	w.failures(s)
	w.silences(s)
	w.untracked(s)
	w.history(s.History)
	w.otlp(s.OTLP)
	w.notifications(s)
	w.metrics(s)
	e.writeService(w, s)
	w.object("monitor")
	w.integer("sequence", int64(s.Sequence))
	w.number("interval_seconds", Number(s.Interval.Seconds()))
	w.number("tick_seconds", s.Value(MetricTickDuration))
	w.status("liveness", liveness)
	w.status("readiness", readiness)
	w.truth("read_only", e.guard.readOnly || e.operator == nil)
	w.truth("login", e.guard.verifier != nil)
	w.optional("stalled", stalled)
	w.end()
	return w.answer(http.StatusOK, mediaJSON)
}

func (w *jsonWriter) fd(s *Snapshot, sample *Sample) {
	w.object("fd")
	w.number("count", sample.FDCount)
	w.number("limit", sample.FDLimit)
	w.number("usage_percent", (s.Value(MetricFDUtilization) * 100).round(2))
	w.status("status", sample.Status.FD)
	w.end()
}

func (w *jsonWriter) memory(s *Snapshot, sample *Sample) {
	w.object("memory")
	w.number("rss_mb", inMiB(sample.MemoryRSS))
	w.number("vms_mb", inMiB(sample.MemoryVirtual))
	w.number("percent", s.memoryPercent())
	w.number("available_mb", inMiB(sample.MemoryAvailable))
	w.number("swap_mb", inMiB(sample.MemorySwap))
	w.status("status", sample.Status.Memory)
	w.number("limit_mb", inMiB(sample.MemoryLimit))
	w.number("utilization", s.Value(MetricMemoryUtil).round(4))
	w.number("working_set_mb", inMiB(sample.MemoryWorkingSet))
	w.number("oom_kills", s.Value(MetricOOMKills))
	w.end()
}

func (w *jsonWriter) database(s *Snapshot, sample *Sample) {
	pools := s.pools()
	w.object("database")
	w.number("total", sample.DBConnections)
	w.object("connections")
	for i := range pools {
		w.number(pools[i].name, pools[i].used+pools[i].idle) // unknown when either is
	}
	w.end()
	w.status("status", sample.Status.Database)
	w.object("pools")
	for i := range pools {
		p := &pools[i]
		w.object(p.name)
		w.number("in_use", p.used)
		w.number("idle", p.idle)
		w.number("max", p.maximum) // null: no maximum
		w.number("utilization", p.utilization.round(4))
		w.number("wait_count", p.waits)
		w.number("wait_seconds", p.waitTime)
		w.end()
	}
	w.end()
	w.end()
}

func (w *jsonWriter) webSocket(s *Snapshot, sample *Sample) {
	brokers := s.brokers()
	w.object("websocket")
	w.number("total", sample.WSConnections)
	w.object("connections")
	for i := range brokers {
		w.object(brokers[i].name)
		w.text("broker", brokers[i].name)
		w.number("count", brokers[i].connections)
		w.number("symbols", brokers[i].symbols)
		w.end()
	}
	w.end()
	w.number("total_symbols", sample.WSSymbols)
	w.status("status", sample.Status.WebSocket)
	w.end()
}

// threads describes what is stuck in the field names that the original had for a thread.
func (w *jsonWriter) threads(s *Snapshot, sample *Sample) {
	w.object("threads")
	w.number("count", sample.ThreadCount)
	w.number("stuck", sample.StuckCount)
	w.status("status", sample.Status.Threads)
	w.array("details")
	for i := range s.Stuck {
		stuck := &s.Stuck[i]
		w.element()
		w.integer("id", stuck.ID)
		w.text("name", stuck.Name)
		w.truth("daemon", true) // no goroutine or thread of Go keeps a process alive
		w.truth("alive", true)
		w.text("kind", stuck.Kind)
		w.time("since", stuck.Since)
		w.truth("vital", stuck.Vital)
		w.end()
	}
	w.endArray()
	w.end()
}

func (e *Endpoints) writeProcess(w *jsonWriter, s *Snapshot) {
	w.array("processes")
	w.element()
	w.integer("pid", int64(e.pid))
	w.text("name", e.processName)
	w.number("rss_mb", inMiB(s.Value(MetricMemoryRSS)))
	w.number("vms_mb", inMiB(s.Value(MetricMemoryVirtual)))
	w.number("memory_percent", s.memoryPercent())
	w.end()
	w.endArray()
}

func (w *jsonWriter) goroutines(sample *Sample) {
	w.object("goroutines")
	w.number("count", sample.GoroutineCount)
	w.status("status", sample.Status.Goroutines)
	w.end()
}

func (w *jsonWriter) cpu(s *Snapshot, sample *Sample) {
	w.object("cpu")
	w.number("user_seconds", sample.CPUUserSeconds)
	w.number("system_seconds", sample.CPUSystemSeconds)
	w.number("utilization", sample.CPUUtilization.round(4))
	w.number("throttled_seconds", s.Value(MetricCPUThrottled))
	w.end()
}

func (w *jsonWriter) rules(s *Snapshot) {
	w.array("rules")
	for i := range s.Rules {
		r := &s.Rules[i]
		w.element()
		w.text("name", r.Name)
		w.optional("instance", r.Instance)
		w.text("metric", r.Metric)
		w.pairs(r.Attributes)
		w.optional("unit", r.Unit)
		w.truth("below", r.Below)
		w.number("value", r.Value)
		w.number("warn", r.Warn)
		w.number("fail", r.Fail)
		w.status("status", r.Status)
		w.time("since", r.Since)
		w.optional("reason", r.Reason)
		w.end()
	}
	w.endArray()
}

// checks writes the elements of an array.
func (w *jsonWriter) checks(s *Snapshot) {
	for i := range s.Checks {
		c := &s.Checks[i]
		w.element()
		w.text("name", c.Name)
		w.text("kind", c.Kind)
		w.truth("required", c.Required)
		w.status("status", c.Status)
		duration := UnknownNumber()
		if !c.Time.IsZero() {
			w.time("time", c.Time)
			w.time("since", c.Since)
			duration = Number(c.Duration.Seconds())
		}
		w.number("duration_seconds", duration)
		w.optional("error", c.Error)
		w.end()
	}
}

// serveChecks answers with the checks of the snapshot alone.
func (e *Endpoints) serveChecks(w http.ResponseWriter, r *http.Request) {
	p, _, stalled := e.latest()
	switch {
	case p.snapshot == nil:
		p.current.write(w, r, noStore) // disabled, or too early
		return
	case stalled:
		e.stalled.alerts.write(w, r, noStore)
		return
	}
	body := newJSONArray(64 + 256*len(p.snapshot.Checks))
	body.checks(p.snapshot)
	body.endArray()
	newAnswer(http.StatusOK, mediaJSON, body.b).write(w, r, noStore)
}

func (w *jsonWriter) silences(s *Snapshot) {
	w.array("silences")
	for i := range s.Silences {
		silence := &s.Silences[i]
		w.element()
		w.text("rule", silence.Rule)
		w.time("until", silence.Until)
		w.text("by", silence.By)
		if !silence.At.IsZero() {
			w.time("at", silence.At)
		}
		w.end()
	}
	w.endArray()
}

func (w *jsonWriter) untracked(s *Snapshot) {
	w.array("untracked")
	for i := range s.Untracked {
		w.element()
		w.text("rule", s.Untracked[i].Rule)
		w.integer("series", int64(s.Untracked[i].Count))
		w.end()
	}
	w.endArray()
}

// history is null where none is kept.
func (w *jsonWriter) history(h *HistoryState) {
	if h == nil {
		w.key("history")
		w.b = append(w.b, "null"...)
		return
	}
	w.object("history")
	w.text("condition", string(h.Condition))
	w.time("since", h.Since)
	w.integer("queued", int64(h.Queued))
	w.integer("dropped", h.Dropped)
	w.integer("refused_readings", int64(h.Refused))
	w.number("size_mb", inMiB(Number(h.SizeBytes)))
	w.optional("error", h.Error)
	w.optional("set_aside", h.SetAside)
	w.end()
}

func (w *jsonWriter) notifications(s *Snapshot) {
	w.array("notifications")
	for i := range s.Destinations {
		d := &s.Destinations[i]
		w.element()
		w.text("destination", d.Destination)
		w.integer("sent", int64(d.Sent))
		w.integer("failed", int64(d.Failed))
		w.integer("given_up", int64(d.GivenUp))
		w.optional("error", d.Error)
		w.end()
	}
	w.endArray()
}

func (w *jsonWriter) failures(s *Snapshot) {
	w.array("failures")
	for i := range s.Failures {
		f := &s.Failures[i]
		w.element()
		w.text("source", f.Source)
		w.text("kind", f.Kind)
		w.text("error", f.Error)
		w.end()
	}
	w.endArray()
}

// metrics lists what has no section of its own: what sources and the application added, and what else rules judge.
func (w *jsonWriter) metrics(s *Snapshot) {
	w.array("metrics")
	for i := range s.Metrics {
		m := &s.Metrics[i]
		own := m.Scope == Scope || m.Scope == RuntimeScope
		if !own || !hasSection(m.Name) && s.judges(m.Name) {
			w.metric(m)
		}
	}
	w.endArray()
}

// hasSection reports whether all readings of a metric that rules judge by default stand in a section.
func hasSection(metric string) bool {
	switch metric {
	case MetricFDCount, MetricMemoryRSS, MetricPoolCount, MetricPoolUtil, MetricWSConnections, MetricThreads, MetricGoroutines, MetricStuck:
		return true
	}
	return false
}

func (s *Snapshot) judges(metric string) bool {
	for i := range s.Rules {
		if s.Rules[i].Metric == metric {
			return true
		}
	}
	return false
}

func (w *jsonWriter) metric(m *Metric) {
	for i := range m.Readings {
		w.element()
		w.text("name", m.Name)
		w.text("unit", m.Unit)
		w.text("scope", m.Scope)
		w.attributes(&m.Readings[i].Attributes)
		w.number("value", Number(m.Readings[i].Value))
		w.end()
	}
}

func (w *jsonWriter) attributes(set *attribute.Set) {
	if set.Len() == 0 {
		return
	}
	w.object("attributes")
	for iter := set.Iter(); iter.Next(); {
		kv := iter.Attribute()
		w.text(string(kv.Key), kv.Value.String())
	}
	w.end()
}

func (e *Endpoints) writeService(w *jsonWriter, s *Snapshot) {
	w.object("service")
	w.text("id", e.service.ID)
	w.text("version", e.service.Version)
	w.text("description", e.service.Description)
	w.text("instance", e.service.Instance)
	w.number("uptime_seconds", s.Value(MetricUptime).round(3))
	w.end()
}
