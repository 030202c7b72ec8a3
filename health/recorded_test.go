package health_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/history"
)

// began is when what the tests record begins.
var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// recorded is the sample of that number: every 17th lacks its descriptors, every 10th warns, every 30th fails.
func recorded(n int) *health.Snapshot {
	s := &health.Snapshot{Sequence: uint64(n + 1), Time: began.Add(time.Duration(n) * 10 * time.Second), Interval: 10 * time.Second}
	gauge := func(name, unit string, value float64) {
		s.Metrics = append(s.Metrics, health.Metric{Name: name, Unit: unit, Scope: health.Scope, Readings: []health.Reading{{Value: value}}})
	}
	fd := health.RuleState{Name: health.RuleFD, Metric: health.MetricFDCount, Status: health.Unknown, Value: health.UnknownNumber()}
	if n%17 != 16 {
		fd.Value, fd.Status = health.Number(100+n), health.Pass
		gauge(health.MetricFDCount, "{file_descriptor}", float64(100+n))
	}
	switch {
	case n%30 == 29:
		fd.Status = health.Fail
	case n%10 == 9:
		fd.Status = health.Warn
	}
	gauge(health.MetricFDLimit, "{file_descriptor}", 1024)
	gauge(health.MetricMemoryRSS, "By", float64(200<<20+n*4096))
	gauge(health.MetricMemoryVirtual, "By", 1<<31)
	gauge(health.MetricMemoryLimit, "By", 8<<30)
	gauge(health.MetricThreads, "{thread}", 17)
	gauge(health.MetricGoroutines, "{goroutine}", float64(40+n%5))
	gauge(health.MetricCPUUtil, "1", 0.0473)
	gauge(health.MetricUptime, "s", float64(10*n))
	pool := func(name string, used float64) health.Reading {
		return health.Reading{Value: used, Attributes: attribute.NewSet(
			attribute.String(health.AttrPoolName, name), attribute.String(health.AttrPoolState, health.PoolStateUsed))}
	}
	s.Metrics = append(s.Metrics, health.Metric{
		Name: health.MetricPoolCount, Unit: "{connection}", Scope: health.Scope,
		Readings: []health.Reading{pool("orders", 3), pool("quotes", float64(n%4))},
	})
	s.Rules = []health.RuleState{
		fd,
		{Name: health.RuleMemory, Metric: health.MetricMemoryRSS, Status: health.Pass},
		{Name: health.RuleDatabase, Metric: health.MetricPoolCount, Status: health.Pass, Value: health.Number(3 + n%4)},
		{Name: health.RuleThreads, Metric: health.MetricThreads, Status: health.Pass},
		{Name: health.RuleGoroutines, Metric: health.MetricGoroutines, Status: health.Pass},
	}
	s.Overall, s.Liveness.Status, s.Readiness.Status = fd.Status, health.Pass, fd.Status
	return s
}

// fired is the life of one alert, resolved unless it is still open.
func fired(id int64, rule string, at time.Time, open bool) []health.Transition {
	a := health.Alert{
		ID: id, Rule: rule, Metric: health.MetricFDCount, Unit: "{file_descriptor}", State: health.AlertFiring,
		Severity: health.Fail, Threshold: 900, Value: 912, Peak: 930, Lowest: 905, Breaches: 4, Began: at, FiredAt: at,
		FailingSince: at, Updated: at.Add(30 * time.Second), Lasted: 30 * time.Second, Changes: 1,
	}
	list := []health.Transition{{Number: 1, Kind: health.TransitionFiring, Time: at, Alert: a}}
	if !open {
		a.State, a.Cause, a.ResolvedAt, a.Changes = health.AlertResolved, health.CausePerson, a.Updated, 2
		a.ResolvedBy = "ann"
		list = append(list, health.Transition{Number: 2, Kind: health.TransitionResolved, Time: a.Updated, Alert: a, By: "ann"})
	}
	return list
}

// openStore returns a history of so many samples, and of three alerts.
func openStore(tb testing.TB, samples int) *history.Store {
	tb.Helper()
	store, err := history.Open(history.Config{Path: filepath.Join(tb.TempDir(), "health.db"), QueueLength: max(samples, 16)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close(context.Background()) }) // some tests close it themselves
	for n := range samples {
		store.Record(recorded(n))
	}
	store.RecordTransitions(slices.Concat(fired(1, "fd", began, false), fired(2, "memory", began.Add(time.Minute), false), fired(3, "fd", began.Add(2*time.Minute), true)))
	if err := store.Flush(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return store
}

// ann is an Authorizer that knows one person.
var ann = health.AuthorizerFunc(func(r *http.Request) (health.Identity, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer ann":
		return health.Identity{Name: "ann"}, nil
	case "Bearer bob":
		return health.Identity{}, health.ErrForbidden
	}
	return health.Identity{}, errors.New("nobody")
})

func newEndpoints(tb testing.TB, c health.EndpointsConfig) *health.Endpoints {
	tb.Helper()
	e, err := health.NewEndpoints(c)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// byAnn is the protection of most tests.
var byAnn = health.Protection{Authorizer: ann}

// api is the endpoints on a mux behind a real server.
type api struct {
	t         testing.TB
	endpoints *health.Endpoints
	server    *httptest.Server
}

func newAPI(tb testing.TB, c health.EndpointsConfig) *api {
	tb.Helper()
	c.Service, c.Interval, c.Protection.Authorizer = health.TestService, 10*time.Second, ann
	e := health.Unlimited(newEndpoints(tb, c))
	mux := http.NewServeMux()
	e.Register(mux)
	a := &api{t: tb, endpoints: e, server: httptest.NewServer(mux)}
	tb.Cleanup(a.server.Close)
	return a
}

func (a *api) do(method, path, contentType, body string) (status int, header http.Header, answer []byte) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, a.server.URL+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ann")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	response, err := a.server.Client().Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if answer, err = io.ReadAll(response.Body); err != nil {
		a.t.Fatal(err)
	}
	return response.StatusCode, response.Header, answer
}

func (a *api) get(path string) []byte {
	a.t.Helper()
	status, _, body := a.do(http.MethodGet, path, "", "")
	if status != http.StatusOK {
		a.t.Fatalf("%s: got %d: %s", path, status, body)
	}
	return body
}

// hour is the first hour of what is recorded.
const hour = "from=2026-03-01T12:00:00Z&to=2026-03-01T13:00:00Z"

func TestRecordedBodiesKeepTheirShape(t *testing.T) {
	a := newAPI(t, health.EndpointsConfig{History: openStore(t, 40)})
	live := fired(3, "fd", began.Add(2*time.Minute), true)[0].Alert
	live.Value = 950
	a.endpoints.Publish(&health.Snapshot{Time: began, Alerts: []health.Alert{live}}, time.Now())
	const minute = "from=2026-03-01T12:02:00Z&to=2026-03-01T12:03:00Z"
	for name, path := range map[string]string{
		"recorded_history.json": "/health/api/history?" + minute,
		"recorded_chosen.json":  "/health/api/history?" + minute + "&series=fd_count,threads&series=fd_status",
		"recorded_buckets.json": "/health/api/history?" + hour + "&step=2m",
		"recorded_series.json":  "/health/api/series",
		"recorded_pools.json":   "/health/api/history?" + minute + "&step=60&series=fd_count,db.client.connection.count",
		"recorded_stats.json":   "/health/api/stats?" + hour,
		"recorded_alerts.json":  "/health/api/alerts?state=all",
	} {
		health.Golden(t, name, a.get(path))
	}
	health.GoldenText(t, "recorded_export.csv", a.get("/health/export?"+minute))
	health.GoldenText(t, "recorded_export.jsonl", a.get("/health/export?format=jsonl&"+minute))
}

// kinds are JSON's, as encoding/json decodes them.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case float64:
		return "number"
	case bool:
		return "truth"
	case map[string]any:
		return "object"
	default:
		return "array"
	}
}

// reads checks that an object has each field, as that kind. A number may be null: unknown.
func reads(t *testing.T, what string, object map[string]any, want map[string]string) {
	t.Helper()
	for name, kind := range want {
		v, ok := object[name]
		if got := kindOf(v); !ok || got != kind && !(kind == "number" && got == "null") {
			t.Errorf("%s.%s: got %v, %s, want a %s", what, name, v, got, kind)
		}
	}
}

// TestFrontEndOfTheOriginalReads looks for every field of spec/original-api.md as a client written for it does.
func TestFrontEndOfTheOriginalReads(t *testing.T) {
	a := newAPI(t, health.EndpointsConfig{History: openStore(t, 400)})
	var rows []map[string]any
	if err := json.Unmarshal(a.get("/health/api/history?"+hour), &rows); err != nil || len(rows) != 360 {
		t.Fatalf("history: %d rows, %v", len(rows), err)
	}
	last := ""
	for _, row := range rows {
		reads(t, "history", row, map[string]string{
			"timestamp": "text", "fd_count": "number", "memory_rss_mb": "number", "db_connections": "number",
			"ws_connections": "number", "threads": "number", "overall_status": "text",
		})
		at, _ := row["timestamp"].(string)
		if at <= last {
			t.Fatal("the rows do not ascend")
		}
		last = at
	}
	var stats map[string]any
	if err := json.Unmarshal(a.get("/health/api/stats?hours=168&to=2026-03-01T13:00:00Z"), &stats); err != nil {
		t.Fatal(err)
	}
	reads(t, "stats", stats, map[string]string{
		"total_samples": "number", "time_period_hours": "number", "fd": "object", "memory": "object",
		"database": "object", "websocket": "object", "threads": "object", "status": "object",
	})
	if stats["total_samples"] != 360.0 || stats["time_period_hours"] != 168.0 {
		t.Errorf("stats: got %v samples in %v hours", stats["total_samples"], stats["time_period_hours"])
	}
	part := func(of map[string]any, name string) map[string]any {
		object, _ := of[name].(map[string]any) // nil holds none of the fields
		return object
	}
	section := func(name string) map[string]any { return part(stats, name) }
	plain := map[string]string{"current": "number", "avg": "number", "min": "number", "max": "number"}
	for _, name := range []string{"fd", "database", "websocket", "threads"} {
		reads(t, name, section(name), plain)
	}
	counted := map[string]string{"fail_count": "number", "warn_count": "number"}
	reads(t, "fd", section("fd"), counted)
	reads(t, "memory", section("memory"), counted)
	reads(t, "memory", section("memory"), map[string]string{"current_mb": "number", "avg_mb": "number", "min_mb": "number", "max_mb": "number"})
	status := section("status")
	reads(t, "status.overall", part(status, "overall"), map[string]string{"pass": "number", "warn": "number", "fail": "number"})
	for _, name := range []string{"fd", "memory", "database", "websocket", "threads"} {
		reads(t, "status."+name, part(status, name), map[string]string{"warn": "number", "fail": "number"})
	}
	var alerts []map[string]any
	if err := json.Unmarshal(a.get("/health/api/alerts?state=all"), &alerts); err != nil || len(alerts) != 3 {
		t.Fatalf("alerts: got %d, %v", len(alerts), err)
	}
	for _, alert := range alerts {
		reads(t, "alert", alert, map[string]string{
			"id": "number", "timestamp": "text", "alert_type": "text", "severity": "text", "metric_name": "text",
			"metric_value": "number", "threshold_value": "number", "message": "text", "acknowledged": "truth", "resolved": "truth",
		})
	}
}

func TestExportsAreWhatWasRecorded(t *testing.T) {
	store := openStore(t, 700)
	a := newAPI(t, health.EndpointsConfig{History: store})
	var samples []health.Sample
	for s, err := range store.Samples(t.Context(), began, began.Add(2*time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, *s)
	}
	const all = "from=2026-03-01T12:00:00Z&to=2026-03-01T14:00:00Z"
	records, err := csv.NewReader(bytes.NewReader(a.get("/health/export?" + all))).ReadAll()
	if err != nil || len(records) != len(samples)+1 {
		t.Fatalf("%d records of %d samples, %v", len(records), len(samples), err)
	}
	want := []string{
		"Date & Time (UTC)", "FD Count", "FD Limit", "FD Status", "Memory (MB)", "Memory Status", "DB Connections", "DB Status",
		"WebSocket Connections", "WS Status", "Threads", "Thread Status", "Overall Status",
	}
	if diff := cmp.Diff(want, records[0][:len(want)]); diff != "" {
		t.Errorf("the original's headings (-want +got):\n%s", diff)
	}
	lines := bytes.Split(bytes.TrimSuffix(a.get("/health/export?format=jsonl&"+all), []byte("\n")), []byte("\n"))
	var rows []map[string]any
	if err := json.Unmarshal(a.get("/health/api/history?"+all), &rows); err != nil || len(lines) != len(samples) || len(rows) != len(samples) {
		t.Fatalf("%d lines and %d rows of %d samples, %v", len(lines), len(rows), len(samples), err)
	}
	for i, s := range samples {
		fds := ""
		if s.FDCount.Known() {
			fds = strconv.FormatFloat(float64(s.FDCount), 'f', -1, 64)
		}
		record := []string{s.Time.Format("2006-01-02T15:04:05.000Z"), fds, "1024", s.Status.FD.String()}
		if diff := cmp.Diff(record, records[i+1][:4]); diff != "" {
			t.Fatalf("record %d (-want +got):\n%s", i, diff)
		}
		var line map[string]any
		if err := json.Unmarshal(lines[i], &line); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows[i], line); diff != "" {
			t.Fatalf("line %d differs from the history's row:\n%s", i, diff)
		}
		if got, ok := rows[i]["fd_count"].(float64); ok != s.FDCount.Known() || ok && got != float64(s.FDCount) {
			t.Fatalf("row %d: got %v, want %v", i, rows[i]["fd_count"], s.FDCount)
		}
	}
}

func TestExportFormats(t *testing.T) {
	a := newAPI(t, health.EndpointsConfig{History: openStore(t, 1)})
	for _, test := range []struct{ query, accept, want string }{
		{"", "", "text/csv; charset=utf-8"},
		{"", "*/*", "text/csv; charset=utf-8"},
		{"", "application/jsonl", "application/jsonl"},
		{"", "application/x-ndjson, */*;q=0.1", "application/jsonl"},
		{"", "application/jsonl;q=0.3, text/csv", "text/csv; charset=utf-8"},
		{"format=csv&", "application/jsonl", "text/csv; charset=utf-8"},
		{"format=jsonl&", "text/csv", "application/jsonl"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.server.URL+"/health/export?"+test.query+hour, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer ann")
		r.Header.Set("Accept", test.accept)
		response, err := a.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		name := response.Header.Get("Content-Disposition")
		if got := response.Header.Get("Content-Type"); got != test.want || !strings.HasPrefix(name, `attachment; filename="orders-health-20260301T120000Z-20260301T130000Z.`) {
			t.Errorf("%q, %q: got %q as %q", test.query, test.accept, got, name)
		}
	}
}

// untouched fails the test when anything is read.
type untouched struct{ t *testing.T }

func (u untouched) Samples(context.Context, time.Time, time.Time) iter.Seq2[*health.Sample, error] {
	u.t.Error("samples were read")
	return maps.All(map[*health.Sample]error{})
}

func (u untouched) Series(context.Context, health.SeriesRequest) (health.Buckets, error) {
	u.t.Error("series were read")
	return health.Buckets{}, nil
}

func (u untouched) Statistics(context.Context, time.Time, time.Time) (health.Statistics, error) {
	u.t.Error("statistics were read")
	return health.Statistics{}, nil
}

func (u untouched) Catalog(context.Context) ([]health.SeriesInfo, error) {
	u.t.Error("the catalog was read")
	return nil, nil
}

func (u untouched) Alerts(context.Context, health.AlertFilter) ([]health.Alert, error) {
	u.t.Error("alerts were read")
	return nil, nil
}

func TestWrongParametersAreNamed(t *testing.T) {
	a := newAPI(t, health.EndpointsConfig{History: untouched{t}})
	everywhere := map[string]string{
		"hours=abc": "hours", "hours=0": "hours", "hours=169": "hours", "hours=": "hours", "hours=1.5": "hours", "hours=1&hours=2": "hours",
		"hours=99999999999999999999": "hours", "from=yesterday": "from", "from=-1": "from", "from=1e300": "from", "from=NaN": "from",
		"to=2026-13-01T00:00:00Z": "to", "to=": "to", "from=2026-03-01T13:00:00Z&to=2026-03-01T12:00:00Z": "from",
		"from=0x1p3": "from", "from=1e3": "from", "hours=%2B24": "hours", "from=1969-12-31T23:59:59Z": "from", "to=9999-12-31T23:59:59-14:00": "to",
		"from=2026-03-01T12:00:00.0001Z&to=2026-03-01T12:00:00.0002Z": "from", "from=0001-01-01T00:00:00Z&to=9999-12-31T00:00:00Z": "from",
		"from=2026-03-01T13:00:00Z&to=2026-03-01T13:00:00Z": "from", "from=2026-03-01T12:00:00Z&hours=2": "hours", "hours=%zz": "query",
	}
	for _, path := range []string{"/health/api/history", "/health/api/stats", "/health/export", "/health/api/alerts"} {
		for query, name := range everywhere {
			if path == "/health/api/alerts" {
				query += "&state=all"
			}
			wrong(t, a, path+"?"+query, name)
		}
	}
	for query, name := range map[string]string{
		"/health/api/history?points=1": "points", "/health/api/history?points=5001": "points", "/health/api/history?points=many": "points",
		"/health/api/history?step=0": "step", "/health/api/history?step=1.5s": "step", "/health/api/history?step=-1m": "step",
		"/health/api/history?step=soon": "step", "/health/api/history?step=60&points=100": "step", "/health/api/history?step=1&hours=168": "step",
		"/health/api/history?series=fd_count,fd_count": "series", "/health/api/history?points=9&where=pool": "where", "/health/api/history?where=a=b": "where",
		"/health/api/history?points=9&series=" + strings.Repeat("stuck,", 20_000) + "stuck": "series",
		"/health/api/history?series=" + strings.Repeat("stuck,", 20_000) + "stuck":          "series",
		"/health/api/history?points=9&series=stuck,stuck":                                   "series",
		"/health/api/alerts?limit=abc":                                                      "limit", "/health/api/alerts?from=nonsense": "from", "/health/api/alerts?hours=999": "hours",
		"/health/api/history?step=1000000&from=1970-01-01T00:00:00Z&to=9999-12-31T00:00:00Z": "step",
		"/health/api/history?series=disks":                                                   "series", "/health/api/history?series=": "series", "/health/api/history?series=fd_count,": "series",
		"/health/export?format=xml": "format", "/health/export?format=": "format", "/health/api/alerts?state=closed": "state",
		"/health/api/alerts?state=": "state", "/health/api/alerts?state=all&limit=0": "limit", "/health/api/alerts?state=all&limit=1001": "limit",
		"/health/api/alerts?state=all&before=x": "before", "/health/api/alerts?state=all&rule=": "rule",
	} {
		wrong(t, a, query, name)
	}
	_, _, body := a.do(http.MethodGet, "/health/api/stats?hours="+strings.Repeat("9", 5000), "", "")
	if len(body) > 1000 {
		t.Errorf("the answer to a long parameter has %d bytes", len(body))
	}
	_, _, body = a.do(http.MethodGet, "/health/api/stats?hours=abc", "", "")
	health.Golden(t, "wrong_parameter.json", body)
}

// wrong checks that the request is refused for the parameter of that name.
func wrong(t *testing.T, a *api, path, name string) {
	t.Helper()
	status, header, body := a.do(http.MethodGet, path, "", "")
	var p struct{ Parameter, Detail string }
	if err := json.Unmarshal(body, &p); err != nil || status != http.StatusBadRequest || header.Get("Content-Type") != "application/problem+json" ||
		p.Parameter != name || !strings.HasPrefix(p.Detail, name+": got ") || !strings.Contains(p.Detail, ", want ") {
		t.Errorf("%s: got %d %s, %v, want 400 that names %s", path, status, body, err, name)
	}
}

func TestMetricOfManySeriesIsNarrowedDown(t *testing.T) {
	store := openStore(t, 3)
	many := recorded(3)
	queue := health.Metric{Name: "orders.queue.length", Unit: "{order}", Scope: "orders"}
	for i := range 150 {
		queue.Readings = append(queue.Readings, health.Reading{Value: float64(i), Attributes: attribute.NewSet(attribute.Int("queue", i))})
	}
	many.Metrics = append(many.Metrics, queue)
	store.Record(many)
	if err := store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := newAPI(t, health.EndpointsConfig{History: store})
	wrong(t, a, "/health/api/history?points=10&series=orders.queue.length&"+hour, "series")
	var got struct {
		Series []struct{ Max []float64 }
	}
	if err := json.Unmarshal(a.get("/health/api/history?points=10&series=orders.queue.length&where=queue=149&"+hour), &got); err != nil ||
		len(got.Series) != 1 || got.Series[0].Max[0] != 149 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestAlertsAreFiltered asks for those that fire and for all, of which the store does not know the newest yet.
func TestAlertsAreFiltered(t *testing.T) {
	a := newAPI(t, health.EndpointsConfig{History: openStore(t, 1)})
	of := func(id int64, rule string) health.Alert { return fired(id, rule, began.Add(time.Hour), true)[0].Alert }
	a.endpoints.Publish(&health.Snapshot{Time: began, Alerts: []health.Alert{of(5, "fd"), of(6, "memory")}}, time.Now())
	a.endpoints.Announce(fired(3, "fd", began.Add(2*time.Minute), false)) // whose end is not stored yet
	for query, want := range map[string][]string{
		"":                                   {"6 firing", "5 firing"},
		"?state=open&rule=memory":            {"6 firing"},
		"?rule=pool":                         {},
		"?before=6":                          {"5 firing"},
		"?limit=1":                           {"6 firing"},
		"?to=2026-03-01T12:30:00Z":           {},
		"?state=all":                         {"6 firing", "5 firing", "3 resolved", "2 resolved", "1 resolved"},
		"?state=all&rule=fd":                 {"5 firing", "3 resolved", "1 resolved"},
		"?state=all&limit=2":                 {"6 firing", "5 firing"},
		"?state=all&limit=2&before=5":        {"3 resolved", "2 resolved"},
		"?state=all&to=2026-03-01T12:01:30Z": {"2 resolved", "1 resolved"},
		"?state=all&from=2026-03-01T12:10:00Z&to=2026-03-01T14:00:00Z": {"6 firing", "5 firing"},
	} {
		var alerts []struct {
			ID    int
			State string
		}
		if err := json.Unmarshal(a.get("/health/api/alerts"+query), &alerts); err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, alert := range alerts {
			got = append(got, fmt.Sprint(alert.ID, " ", alert.State))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
}

func TestRangesReachWhatIsKept(t *testing.T) {
	a := newAPI(t, health.EndpointsConfig{History: openStore(t, 100)})
	samples := func(query string) int {
		var rows []map[string]any
		if err := json.Unmarshal(a.get("/health/api/history?"+query), &rows); err != nil {
			t.Fatal(err)
		}
		return len(rows)
	}
	for query, want := range map[string]int{
		"from=2020-01-01T00:00:00Z":                                   100,
		"from=2026-03-01T13:00:00+01:00&to=2026-03-01T13:01:00 01:00": 6, // a + that was not encoded is a space
		"from=1772366400&to=1772366460":                               6,
		"to=2026-03-01T12:01:00Z":                                     6,
		"hours=1&to=2026-03-01T13:00:30Z":                             97,
		"from=2026-03-01T12:00:00Z&to=2026-03-01T12:00:10Z&unknown=1": 1,
		"": 0,
	} {
		if got := samples(strings.ReplaceAll(query, " ", "%20")); got != want {
			t.Errorf("%q: got %d rows, want %d", query, got, want)
		}
	}
}

func TestHeadReadsNothing(t *testing.T) {
	a := newAPI(t, health.EndpointsConfig{History: untouched{t}})
	for path, mediaType := range map[string]string{
		"/health/api/history": "application/json", "/health/api/history?points=10&series=x": "application/json",
		"/health/api/stats": "application/json", "/health/api/alerts?state=all": "application/json",
		"/health/export": "text/csv; charset=utf-8", "/health/export?format=jsonl": "application/jsonl",
	} {
		status, header, body := a.do(http.MethodHead, path, "", "")
		if status != http.StatusOK || header.Get("Content-Type") != mediaType || header.Get("Cache-Control") != "no-store" || len(body) > 0 {
			t.Errorf("%s: got %d, %v", path, status, header)
		}
	}
	if status, _, _ := a.do(http.MethodHead, "/health/api/stats?hours=abc", "", ""); status != http.StatusBadRequest {
		t.Errorf("a wrong parameter: got %d", status)
	}
}

// failing yields so many samples, and then an error.
type failing struct {
	untouched
	samples int
	err     error
}

func (f failing) Samples(context.Context, time.Time, time.Time) iter.Seq2[*health.Sample, error] {
	return func(yield func(*health.Sample, error) bool) {
		sample := health.NewSample(recorded(0))
		for range f.samples {
			if !yield(&sample, nil) {
				return
			}
		}
		yield(nil, f.err)
	}
}

func (f failing) Statistics(context.Context, time.Time, time.Time) (health.Statistics, error) {
	return health.Statistics{}, f.err
}

func TestHistoryThatCannotBeRead(t *testing.T) {
	secret := fmt.Errorf("read: %w: /srv/secret/health.db", health.ErrHistoryUnavailable)
	for _, test := range []struct {
		name    string
		history health.History
		state   *health.HistoryState
		want    int
		says    string
	}{
		{"none is kept", nil, nil, http.StatusNotFound, "no history is kept here"},
		{"another process has it", nil, &health.HistoryState{Condition: health.HistoryInUse}, http.StatusServiceUnavailable, "in_use"},
		{"it is locked", failing{untouched{t}, 3, secret}, &health.HistoryState{Condition: health.HistoryLocked}, http.StatusServiceUnavailable, "locked"},
		{"another error", failing{untouched{t}, 0, errors.New("secret")}, nil, http.StatusInternalServerError, "could not be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAPI(t, health.EndpointsConfig{History: test.history})
			a.endpoints.Publish(&health.Snapshot{Time: began, History: test.state}, time.Now())
			for _, path := range []string{"/health/api/history", "/health/api/stats", "/health/export"} {
				status, header, body := a.do(http.MethodGet, path, "", "")
				if status != test.want || !strings.Contains(string(body), test.says) || strings.Contains(string(body), "secret") ||
					header.Get("Content-Type") != "application/problem+json" || header.Get("Content-Disposition") != "" {
					t.Errorf("%s: got %d %v %s, want %d with %q", path, status, header, body, test.want, test.says)
				}
			}
		})
	}
}

// TestHalfAnAnswerIsNoAnswer reads a history that fails when a part of the answer has been sent.
func TestHalfAnAnswerIsNoAnswer(t *testing.T) {
	a := newAPI(t, health.EndpointsConfig{History: failing{untouched{t}, 1000, errors.New("the disk is gone")}})
	a.server.Config.ErrorLog = nil
	for _, path := range []string{"/health/api/history", "/health/export"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer ann")
		response, err := a.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil || len(body) == 0 {
			t.Errorf("%s: the client takes %d bytes for the whole", path, len(body))
		}
	}
}

// TestAnswerCutByADeadlineIsNotWhole ends the request's context while the client still reads, as timeout middleware does.
func TestAnswerCutByADeadlineIsNotWhole(t *testing.T) {
	for _, path := range []string{"/health/api/history", "/health/export", "/health/export?format=jsonl"} {
		h := &endless{untouched: untouched{t}, done: make(chan struct{})}
		e := health.Unlimited(newEndpoints(t, health.EndpointsConfig{Service: health.TestService, Interval: time.Second, Protection: byAnn, History: h}))
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
			defer cancel()
			e.Handler().ServeHTTP(w, r.WithContext(ctx))
		}))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer ann")
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("%s: the client takes %d bytes for the whole", path, n)
		}
		_ = response.Body.Close()
		server.Close()
	}
}

// endless never runs out of samples, and counts those that are asked for.
type endless struct {
	untouched
	asked atomic.Int64
	done  chan struct{}
}

func (f *endless) Samples(ctx context.Context, _, _ time.Time) iter.Seq2[*health.Sample, error] {
	return func(yield func(*health.Sample, error) bool) {
		defer close(f.done)
		sample := health.NewSample(recorded(0))
		for ctx.Err() == nil {
			f.asked.Add(1)
			if !yield(&sample, nil) {
				return
			}
		}
		yield(nil, ctx.Err())
	}
}

func TestClientThatGoesAwayEndsTheReading(t *testing.T) {
	h := &endless{untouched: untouched{t}, done: make(chan struct{})}
	a := newAPI(t, health.EndpointsConfig{History: h})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server.URL+"/health/export", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ann")
	response, err := a.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = response.Body.Close()
	select {
	case <-h.done:
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on reading")
	}
}

// TestSlowReaderIsServedBeyondTheWriteTimeout reads for longer than the server allows for one answer.
func TestSlowReaderIsServedBeyondTheWriteTimeout(t *testing.T) {
	h := &endless{untouched: untouched{t}, done: make(chan struct{})}
	e := newEndpoints(t, health.EndpointsConfig{Service: health.TestService, Interval: time.Second, Protection: byAnn, History: h})
	server := httptest.NewUnstartedServer(e.Handler())
	server.Config.WriteTimeout = 200 * time.Millisecond
	server.Start()
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/health/export", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ann")
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	until := time.Now().Add(time.Second)
	for piece := make([]byte, 1<<20); time.Now().Before(until); {
		if _, err := io.ReadFull(response.Body, piece); err != nil {
			t.Fatalf("the server broke off: %v", err)
		}
	}
}
