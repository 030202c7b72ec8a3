package health

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// probe begins the body of a probe, in the field names of draft-inadarei-api-health-check-06, section 3.
func (e *Endpoints) probe(v Verdict, size int) *jsonWriter {
	w := newJSON(size)
	w.status("status", v.Status)
	w.text("version", e.service.Version)
	w.text("serviceId", e.service.ID)
	w.text("description", e.service.Description)
	w.optional("output", v.Reason)
	return w
}

func (e *Endpoints) encodeLiveness(v Verdict, detail bool) *answer {
	if !detail {
		v.Reason = ""
	}
	return e.probe(v, 512).answer(statusCode(v.Status), mediaJSON).kept(!detail)
}

func (e *Endpoints) encodeStartup(started bool) *answer {
	status := Fail
	if started {
		status = Pass
	}
	return e.probe(Verdict{Status: status}, 512).answer(statusCode(status), mediaJSON).tagged()
}

func (e *Endpoints) encodeDisabled(mediaType string) *answer {
	w := e.probe(Verdict{Status: Pass}, 512)
	w.array("notes")
	w.next()
	w.string("monitoring is disabled (HEALTH_MONITOR_ENABLED)")
	w.endArray()
	return w.answer(http.StatusOK, mediaType)
}

// encodeReadiness writes the body of /health/check. Each key of "checks" holds an array: draft section 4. Without detail
// it says what the original said: never why.
func (e *Endpoints) encodeReadiness(s *Snapshot, detail bool) *answer {
	v := s.Readiness
	if !detail && e.hideDetail {
		w := newJSON(64)
		w.status("status", v.Status)
		return w.answer(statusCode(v.Status), mediaHealth).tagged()
	}
	if !detail {
		v.Reason = ""
	}
	w := draftWriter{e.probe(v, 1024+192*(len(s.Rules)+len(s.Checks))), detail}
	w.object("checks")
	w.draftChecks(s.Checks)
	w.draftRules(s.Rules, s.Time)
	w.draftHistory(s.History, s.Time)
	w.end()
	return w.answer(statusCode(v.Status), mediaHealth).kept(!detail)
}

// draftWriter writes the parts of a readiness body.
type draftWriter struct {
	*jsonWriter
	detail bool // why something is not well is told
}

// output tells why, unless there is nothing to tell or nobody to tell it to.
func (w draftWriter) output(text string) {
	if w.detail {
		w.optional("output", text)
	}
}

// draftChecks writes an array for each kind of checks.
func (w draftWriter) draftChecks(checks []CheckState) {
	for i := range checks {
		kind := checks[i].Kind
		if hasKind(checks[:i], kind) {
			continue // written with the first of its kind
		}
		w.array(draftCheckKey(kind))
		for j := i; j < len(checks); j++ {
			if checks[j].Kind == kind {
				w.draftCheck(&checks[j])
			}
		}
		w.endArray()
	}
}

func hasKind(checks []CheckState, kind string) bool {
	return slices.ContainsFunc(checks, func(c CheckState) bool { return c.Kind == kind })
}

func (w draftWriter) draftCheck(c *CheckState) {
	w.element()
	w.text("componentId", c.Name)
	w.text("componentType", draftCheckType(c.Kind))
	w.status("status", draftStatus(c.Status))
	if !c.Time.IsZero() {
		w.time("time", c.Time)
	}
	switch { // what it said is for the authorised
	case c.Status == Unknown && c.Time.IsZero():
		w.output("the check has not run yet")
	case c.Status == Unknown:
		w.output("the check has not passed yet")
	case c.Status != Pass:
		w.output("the check failed")
	}
	w.end()
}

// draftRules writes an array for each rule; the states of one rule follow each other.
func (w draftWriter) draftRules(rules []RuleState, now time.Time) {
	for i := 0; i < len(rules); {
		name := rules[i].Name
		at := draftPlaceOf(name)
		w.array(at.key)
		for ; i < len(rules) && rules[i].Name == name; i++ {
			w.draftRule(&rules[i], at, now)
		}
		w.endArray()
	}
}

func (w draftWriter) draftRule(r *RuleState, at draftPlace, now time.Time) {
	w.element()
	if r.Instance != "" {
		w.text("componentId", r.Instance)
	} else {
		w.text("componentId", at.component)
	}
	w.optional("componentType", at.componentType)
	w.status("status", draftStatus(r.Status))
	if r.Value.Known() {
		value := r.Value
		if at.scale != 0 {
			value = (value * at.scale).round(3)
		}
		w.number("observedValue", value)
		w.optional("observedUnit", at.unit)
	}
	w.time("time", now)
	if r.Status == Unknown {
		w.output(r.Reason)
	}
	w.end()
}

// historyOutputs says in our own words what is wrong with the history; its error may name the file.
var historyOutputs = map[HistoryCondition]string{
	HistoryLocked:      "its database is locked; what is sampled waits",
	HistoryReadOnly:    "its database cannot be written; what is sampled waits",
	HistoryFull:        "its disk is full; what is sampled waits",
	HistoryCorrupt:     "its database is corrupt",
	HistoryInUse:       "another process keeps its history in this file",
	HistoryUnavailable: "its database is not available; what is sampled waits",
	HistoryClosed:      "it is closed",
}

func (w draftWriter) draftHistory(h *HistoryState, now time.Time) {
	if h == nil {
		return
	}
	w.array("history:storage")
	w.element()
	w.text("componentId", "history")
	w.text("componentType", "datastore")
	if h.Condition == HistoryOK {
		w.status("status", Pass)
	} else {
		w.status("status", Warn)
	}
	w.time("time", now)
	w.output(historyOutputs[h.Condition])
	w.end()
	w.endArray()
}

// draftPlace says where a rule stands in "checks", under which id and in which unit.
type draftPlace struct {
	key, component, componentType, unit string
	scale                               Number // from the metric's unit; 0: as it is
}

// draftPlaces keeps the keys, ids and units that the original had; what it did not have stands beside them.
var draftPlaces = map[string]draftPlace{
	RuleFD:         {"system:file-descriptors", "fd_count", "system", "count", 0},
	RuleMemory:     {"system:memory", "rss", "system", "MiB", 1.0 / mib},
	RuleDatabase:   {"database:connections", "db_connections_total", "datastore", "count", 0},
	RuleWebSocket:  {"websocket:proxy", "ws_connections_total", "component", "count", 0},
	RuleThreads:    {"system:threads", "thread_count", "system", "count", 0},
	RuleGoroutines: {"system:goroutines", "goroutine_count", "system", "count", 0},
	RuleStuck:      {"system:stuck", "stuck_count", "system", "count", 0},
	RulePool:       {"database:pool-utilization", "pool_utilization", "datastore", "percent", 100},
}

// The kinds of checks that have a meaning here. Any other kind, such as "cache", stands under its name and
// "connectivity".
const (
	CheckDatabase = "database" // "database:connectivity"
	CheckDisk     = "disk"     // "disk:space"
	CheckOther    = "check"    // "check:result"
)

func draftCheckKey(kind string) string {
	switch kind {
	case CheckDisk:
		return "disk:space"
	case CheckOther:
		return "check:result"
	default:
		return kind + ":connectivity"
	}
}

func draftCheckType(kind string) string {
	switch kind {
	case CheckDatabase:
		return "datastore"
	case CheckDisk:
		return "system"
	default:
		return "component"
	}
}

// noColon writes a rule's name without colons, which neither half of a key may hold, and so that no two read the same.
var noColon = strings.NewReplacer("%", "%25", ":", "%3A")

// draftPlaceOf returns where the rule stands; one of the user's own stands under its name.
func draftPlaceOf(rule string) draftPlace {
	if at, ok := draftPlaces[rule]; ok {
		return at
	}
	return draftPlace{key: "rule:" + noColon.Replace(rule), component: rule}
}

const mib = 1 << 20

// draftStatus expresses unknown, for which the draft has no word, as warn; its output gives the reason.
func draftStatus(s Status) Status {
	if s == Unknown {
		return Warn
	}
	return s
}

// statusCode is exactly 200 for pass and warn, since load balancers accept nothing else by default, and 503 for fail.
func statusCode(s Status) int {
	if s == Fail {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}
