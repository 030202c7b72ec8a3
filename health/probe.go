package health

import (
	"net/http"
)

// probeBody is the body of both probes, in the field names of draft-inadarei-api-health-check-06, section 3.
type probeBody struct {
	Status      string                  `json:"status"`
	Version     string                  `json:"version"`
	ServiceID   string                  `json:"serviceId"`
	Description string                  `json:"description"`
	Notes       []string                `json:"notes,omitempty"`
	Output      string                  `json:"output,omitempty"`
	Checks      map[string][]draftCheck `json:"checks,omitempty"`
}

// draftCheck is one element of "checks": draft section 4.
type draftCheck struct {
	ComponentID   string   `json:"componentId"`
	ComponentType string   `json:"componentType,omitempty"`
	Status        string   `json:"status"`
	ObservedValue *float64 `json:"observedValue,omitempty"`
	ObservedUnit  string   `json:"observedUnit,omitempty"`
	Time          string   `json:"time,omitempty"`
	Output        string   `json:"output,omitempty"`
}

func (e *Endpoints) probe(v Verdict) probeBody {
	return probeBody{
		Status:      v.Status.String(),
		Version:     e.service.Version,
		ServiceID:   e.service.ID,
		Description: e.service.Description,
		Output:      v.Reason,
	}
}

func (e *Endpoints) encodeLiveness(v Verdict) *answer {
	return newAnswer(statusCode(v.Status), mediaJSON, e.probe(v))
}

func (e *Endpoints) encodeReadiness(s *Snapshot) *answer {
	body := e.probe(s.Readiness)
	body.Checks = make(map[string][]draftCheck)
	for i := range s.Checks {
		body.addCheck(&s.Checks[i])
	}
	now := s.Time.Format(timeLayout)
	for i := range s.Rules {
		body.addRule(&s.Rules[i], now)
	}
	return newAnswer(statusCode(s.Readiness.Status), mediaHealth, body)
}

func (e *Endpoints) encodeDisabled(mediaType string) *answer {
	body := e.probe(Verdict{Status: Pass})
	body.Notes = []string{"monitoring is disabled (HEALTH_MONITOR_ENABLED)"}
	return newAnswer(http.StatusOK, mediaType, body)
}

func (b *probeBody) add(key string, c draftCheck) { b.Checks[key] = append(b.Checks[key], c) }

func (b *probeBody) addCheck(c *CheckState) {
	entry := draftCheck{ComponentID: c.Name, Status: draftStatus(c.Status)}
	key := c.Kind + ":connectivity"
	if c.Kind == CheckDatabase {
		entry.ComponentType = "datastore"
	}
	if !c.Time.IsZero() {
		entry.Time = c.Time.UTC().Format(timeLayout)
	}
	switch c.Status {
	case Unknown:
		entry.Output = "the check has not run yet"
	case Fail, Warn:
		entry.Output = "the check failed" // what it said is for the authorised
	}
	b.add(key, entry)
}

func (b *probeBody) addRule(r *RuleState, now string) {
	at, ok := draftPlaces[r.Name]
	if !ok {
		at = draftPlace{key: "rule:" + r.Name, component: r.Name}
	}
	entry := draftCheck{
		ComponentID:   at.component,
		ComponentType: at.componentType,
		Status:        draftStatus(r.Status),
		Time:          now,
	}
	if r.Instance != "" {
		entry.ComponentID = r.Instance
	}
	if r.Value.Known() {
		value := r.Value
		if at.scale != 0 {
			value = (value * at.scale).round(3)
		}
		entry.ObservedValue, entry.ObservedUnit = value.orNull(), at.unit
	}
	if r.Status == Unknown {
		entry.Output = r.Reason
	}
	b.add(at.key, entry)
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

// CheckDatabase is the kind of the checks behind "database:connectivity".
const CheckDatabase = "database"

// timeLayout is RFC 3339 in UTC with milliseconds, which is how exactly snapshots keep their time.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

const mib = 1 << 20

// draftStatus expresses unknown, for which the draft has no word, as warn; its output gives the reason.
func draftStatus(s Status) string {
	if s == Unknown {
		return Warn.String()
	}
	return s.String()
}

// statusCode is exactly 200 for pass and warn, since load balancers accept nothing else by default, and 503 for fail.
func statusCode(s Status) int {
	if s == Fail {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}
