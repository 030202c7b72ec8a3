package e2e

import (
	"bufio"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// shown is where /health/api/current has what one series exports.
type shown struct {
	series string // as seriesKey has it
	path   string // of names and indexes in the JSON
	unit   float64
	digits int // after the point, to which the JSON rounds
}

const mebibyte = 1 << 20

// whole, and the rest, are how the JSON rounds.
const (
	whole    = 0
	thousand = 3
	permille = 4
	micro    = 6
	exactly  = 12
)

// showns are all of those that are neither a rule's status nor kept in the history as a series of their own.
var showns = []shown{
	{"process.unix.file_descriptor.count{}", "fd.count", 1, whole},
	{"otelhealth.fd.limit{}", "fd.limit", 1, whole},
	{"otelhealth.fd.utilization{}", "fd.usage_percent", 0.01, 2},
	{"process.memory.usage{}", "memory.rss_mb", mebibyte, thousand},
	{"process.memory.virtual{}", "memory.vms_mb", mebibyte, thousand},
	{"otelhealth.memory.swap{}", "memory.swap_mb", mebibyte, thousand},
	{"otelhealth.memory.limit{}", "memory.limit_mb", mebibyte, thousand},
	{"otelhealth.memory.utilization{}", "memory.utilization", 1, permille},
	{"otelhealth.memory.working_set{}", "memory.working_set_mb", mebibyte, thousand},
	{"otelhealth.memory.available{}", "memory.available_mb", mebibyte, thousand},
	{"otelhealth.memory.oom_kill.count{}", "memory.oom_kills", 1, whole},
	{"process.thread.count{}", "threads.count", 1, whole},
	{"process.cpu.time{cpu_mode=user}", "cpu.user_seconds", 1, micro},
	{"process.cpu.time{cpu_mode=system}", "cpu.system_seconds", 1, micro},
	{"process.cpu.utilization{}", "cpu.utilization", 1, permille},
	{"otelhealth.cpu.throttled.time{}", "cpu.throttled_seconds", 1, micro},
	{"process.uptime{}", "service.uptime_seconds", 1, thousand},
	{"db.client.connection.count{db_client_connection_pool_name=orders,db_client_connection_state=used}", "database.pools.orders.in_use", 1, whole},
	{"db.client.connection.count{db_client_connection_pool_name=orders,db_client_connection_state=idle}", "database.pools.orders.idle", 1, whole},
	{"db.client.connection.max{db_client_connection_pool_name=orders}", "database.pools.orders.max", 1, whole},
	{"otelhealth.db.pool.utilization{db_client_connection_pool_name=orders}", "database.pools.orders.utilization", 1, permille},
	{"otelhealth.db.pool.wait.count{db_client_connection_pool_name=orders}", "database.pools.orders.wait_count", 1, whole},
	{"otelhealth.db.pool.wait.time{db_client_connection_pool_name=orders}", "database.pools.orders.wait_seconds", 1, micro},
	{"otelhealth.websocket.connection.count{otelhealth_websocket_source=echo}", "websocket.connections.echo.count", 1, whole},
	{"otelhealth.websocket.symbol.count{otelhealth_websocket_source=echo}", "websocket.connections.echo.symbols", 1, whole},
	{"go.goroutine.count{}", "goroutines.count", 1, whole},
	{"otelhealth.tick.duration{}", "monitor.tick_seconds", 1, exactly},
	{"otelhealth.otlp.queue.length{}", "otlp.waiting", 1, whole},
	{"otelhealth.otlp.spool.length{}", "otlp.queued", 1, whole},
	{"otelhealth.otlp.spool.size{}", "otlp.queued_bytes", 1, whole},
	{"otelhealth.otlp.spool.replayed.count{}", "otlp.replayed", 1, whole},
	{"otelhealth.otlp.spool.dropped.count{otelhealth_reason=rejected}", "otlp.dropped_by_reason.rejected", 1, whole},
	{"otelhealth.otlp.spool.dropped.count{otelhealth_reason=full}", "otlp.dropped_by_reason.full", 1, whole},
	{"otelhealth.otlp.spool.dropped.count{otelhealth_reason=expired}", "otlp.dropped_by_reason.expired", 1, whole},
	{"otelhealth.otlp.spool.dropped.count{otelhealth_reason=damaged}", "otlp.dropped_by_reason.damaged", 1, whole},
	{"otelhealth.history.queue.length{}", "history.queued", 1, whole},
	{"otelhealth.history.dropped.count{}", "history.dropped", 1, whole},
	{"otelhealth.history.size{}", "history.size_mb", mebibyte, thousand},
}

// document is what /health/api/current answers.
type document map[string]any

// at returns the number at a path; false: there is none.
func (d document) at(path string) (float64, bool) {
	var node any = map[string]any(d)
	for name := range strings.SplitSeq(path, ".") {
		object, ok := node.(map[string]any)
		if !ok {
			return 0, false
		}
		node = object[name]
	}
	number, ok := node.(float64)
	return number, ok
}

// rules calls see with the name and the fields of each rule.
func (d document) rules(see func(name string, rule map[string]any)) {
	rules, _ := d["rules"].([]any)
	for _, rule := range rules {
		fields, _ := rule.(map[string]any)
		name, _ := fields["name"].(string)
		see(name, fields)
	}
}

// thresholds returns the values of otelhealth.rule.threshold by component and severity. A level that is off has none.
func (d document) thresholds() map[[2]string]float64 {
	thresholds := make(map[[2]string]float64)
	d.rules(func(name string, rule map[string]any) {
		for _, severity := range []string{health.Warn.String(), health.Fail.String()} {
			if threshold, ok := rule[severity].(float64); ok {
				thresholds[[2]string{name, severity}] = threshold
			}
		}
	})
	return thresholds
}

// statuses returns the values of otelhealth.status by component.
func (d document) statuses() map[string]float64 {
	values := map[string]float64{"pass": 0, "warn": 1, "fail": 2}
	worst := make(map[string]float64)
	note := func(component string, status any) {
		text, _ := status.(string)
		if value, known := values[text]; known {
			worst[component] = max(worst[component], value)
		}
	}
	note(health.Overall, d["overall_status"])
	d.rules(func(name string, rule map[string]any) { note(name, rule["status"]) })
	return worst
}

// stuck returns the values of otelhealth.stuck.count by kind.
func (d document) stuck() map[string]float64 {
	count := map[string]float64{health.StuckHeartbeat: 0, health.StuckOSThread: 0}
	threads, _ := d["threads"].(map[string]any)
	details, _ := threads["details"].([]any)
	for _, detail := range details {
		fields, _ := detail.(map[string]any)
		kind, _ := fields["kind"].(string)
		count[kind]++
	}
	return count
}

// lastSuccess is the value of otelhealth.otlp.success.time.
func (d document) lastSuccess() (seconds float64, ok bool) {
	otlp, _ := d["otlp"].(map[string]any)
	text, _ := otlp["last_success"].(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	return float64(at.UnixMilli()) / 1000, err == nil
}

// expected is a value with how far it may be off, because it was rounded.
type expected struct{ value, within float64 }

// expectations are what the service shows, by series and by the time of the sample.
type expectations map[string]map[time.Time]expected

func (e expectations) add(series string, at time.Time, value, within float64) {
	if e[series] == nil {
		e[series] = make(map[time.Time]expected)
	}
	e[series][at] = expected{value, within}
}

// watch takes from the service's event stream what /health/api/current has at each of n samples from now on.
func (s *service) watch(t *testing.T, n int) (e expectations, from, to time.Time) {
	t.Helper()
	e = make(expectations)
	for i, document := range s.snapshots(t, n+1)[1:] { // the first may have been published again since it was exported
		text, _ := document["timestamp"].(string)
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			from = at
		}
		to = at
		for _, field := range showns {
			if value, ok := document.at(field.path); ok {
				e.add(field.series, at, value*field.unit, field.unit*0.5001*pow10(-field.digits))
			}
		}
		if value, ok := document.lastSuccess(); ok {
			e.add(health.MetricOTLPSuccess+"{}", at, value, 0.001)
		}
		for component, value := range document.statuses() {
			e.add(seriesKey(health.MetricStatus, map[string]string{health.AttrComponent: component}), at, value, 0)
		}
		for level, threshold := range document.thresholds() {
			labels := map[string]string{health.AttrComponent: level[0], health.AttrAlertSeverity: level[1]}
			e.add(seriesKey(health.MetricThreshold, labels), at, threshold, 0)
		}
		for kind, count := range document.stuck() {
			e.add(seriesKey(health.MetricStuck, map[string]string{health.AttrStuckKind: kind}), at, count, 0)
		}
	}
	return e, from, to
}

func pow10(n int) float64 {
	value, _ := strconv.ParseFloat("1e"+strconv.Itoa(n), 64) // always a number
	return value
}

// snapshots reads n snapshots from the event stream.
func (s *service) snapshots(t *testing.T, n int) (documents []document) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address+"/health/api/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	event := ""
	for len(documents) < n && lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			event = name
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || event != "snapshot" {
			continue
		}
		var d document
		if err := json.Unmarshal([]byte(data), &d); err != nil {
			t.Fatal(err)
		}
		documents = append(documents, d)
	}
	if len(documents) < n {
		t.Fatalf("the stream ended after %d snapshots, want %d: %v", len(documents), n, lines.Err())
	}
	return documents
}

// addHistory adds the metrics that the history keeps as series, asked for by the second: at an interval of two seconds
// no two samples fall into one.
func (e expectations) addHistory(t *testing.T, s *service, from, to time.Time) {
	t.Helper()
	var answer struct {
		Timestamps []time.Time
		Series     []struct {
			Name       string
			Attributes map[string]string
			Min, Max   []*float64
		}
	}
	s.decode("/health/api/history", url.Values{
		"from": {from.Truncate(time.Second).Format(time.RFC3339)}, "to": {to.Add(time.Second).Format(time.RFC3339)},
		"step": {"1s"}, "series": {strings.Join(keptAsSeries, ",")},
	}, &answer)
	exact := make(map[int64]time.Time)
	for _, at := range s.ticks() {
		exact[at.Unix()] = at
	}
	for _, series := range answer.Series {
		for n, second := range answer.Timestamps {
			if lowest, highest := series.Min[n], series.Max[n]; lowest != nil && *lowest == *highest {
				e.add(seriesKey(series.Name, series.Attributes), exact[second.Unix()], *lowest, keptWithin(*lowest))
			}
		}
	}
}

// keptWithin is how far the history may be off: it keeps whole numbers as they are, of others nine digits, and six where
// they are below 1.
func keptWithin(v float64) float64 {
	if v == math.Trunc(v) {
		return 0
	}
	return max(math.Abs(v)*0.5e-8, 0.5e-6)
}

// keptAsSeries are metrics that only the history shows.
var keptAsSeries = []string{
	"go.config.gogc", "go.memory.allocated", "go.memory.allocations", "go.memory.gc.goal", "go.memory.limit", "go.memory.used",
	"go.processor.limit", health.MetricAlertFiring, health.MetricOTLPDropped, health.MetricPressure,
	health.MetricMemorySystem,
}
