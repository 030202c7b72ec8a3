package health

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
)

var update = flag.Bool("update", false, "write the golden files anew")

var testService = Service{ID: "orders", Version: "1.4.2", Description: "Takes orders", Instance: "9d0c"}

func testEndpoints(c EndpointsConfig) *Endpoints {
	c.Service = testService
	if c.Interval == 0 {
		c.Interval = 10 * time.Second
	}
	if c.Protection.Authorizer == nil && c.Protection.Credentials == (Credentials{}) {
		c.Protection.Authorizer = anybody
	}
	e, err := NewEndpoints(c)
	if err != nil {
		panic(err) // the test's configuration is wrong
	}
	e.pid, e.processName = 4711, "orders"
	return e
}

// anybody is an Authorizer that lets everybody pass.
var anybody = AuthorizerFunc(func(*http.Request) (Identity, error) { return Identity{Name: "anybody"}, nil })

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	return do(t, h, http.MethodGet, path)
}

func do(t *testing.T, h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	h.ServeHTTP(w, r)
	return w
}

func registered(e *Endpoints) http.Handler {
	mux := http.NewServeMux()
	e.Register(mux)
	return mux
}

// golden compares a body with the file of that name, indented so that a change is easy to read.
func golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, body, "", "  "); err != nil {
		t.Fatalf("%s: %v in %s", name, err, body)
	}
	goldenText(t, name, got.Bytes())
}

// goldenText compares a body with the file of that name as it is.
func goldenText(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestBodiesKeepTheirShape(t *testing.T) {
	for _, test := range []struct {
		name     string
		snapshot *Snapshot
	}{
		{"healthy", healthySnapshot()},
		{"unknown", unknownSnapshot()},
		{"failing", failingSnapshot()},
		{"bare", &Snapshot{Sequence: 1, Time: testTime, Interval: 10 * time.Second, Overall: Pass, Liveness: Verdict{Status: Pass}, Readiness: Verdict{Status: Pass}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := testEndpoints(EndpointsConfig{})
			e.Publish(test.snapshot, time.Now())
			h := registered(e)
			golden(t, test.name+"_health.json", get(t, h, "/health").Body.Bytes())
			golden(t, test.name+"_check.json", get(t, h, "/health/check").Body.Bytes())
			known := guarded(t, EndpointsConfig{})
			known.Publish(test.snapshot, time.Now())
			golden(t, test.name+"_check_detailed.json", do(t, known.Handler(), http.MethodGet, "/health/check", "Authorization", "Bearer "+credentials.Token).Body.Bytes())
			golden(t, test.name+"_current.json", get(t, h, "/health/api/current").Body.Bytes())
			golden(t, test.name+"_alerts.json", get(t, h, "/health/api/alerts").Body.Bytes())
		})
	}
}

func TestBodiesBeforeTheFirstSnapshot(t *testing.T) {
	h := registered(testEndpoints(EndpointsConfig{}))
	golden(t, "early_health.json", get(t, h, "/health").Body.Bytes())
	golden(t, "early_check.json", get(t, h, "/health/check").Body.Bytes())
	golden(t, "early_current.json", get(t, h, "/health/api/current").Body.Bytes())
}

func TestBodiesWhenDisabled(t *testing.T) {
	h := registered(testEndpoints(EndpointsConfig{Disabled: true}))
	golden(t, "disabled_health.json", get(t, h, "/health").Body.Bytes())
	golden(t, "disabled_check.json", get(t, h, "/health/check").Body.Bytes())
	golden(t, "disabled_current.json", get(t, h, "/health/api/current").Body.Bytes())
}

func TestStatusCodes(t *testing.T) {
	verdicts := func(liveness, readiness Status) *Snapshot {
		return &Snapshot{Time: testTime, Liveness: Verdict{Status: liveness}, Readiness: Verdict{Status: readiness}}
	}
	for _, test := range []struct {
		name                       string
		config                     EndpointsConfig
		snapshot                   *Snapshot
		liveness, readiness, state int
	}{
		{"before the first snapshot the process lives and is not ready", EndpointsConfig{}, nil, 200, 503, 503},
		{"pass is 200", EndpointsConfig{}, verdicts(Pass, Pass), 200, 200, 200},
		{"warn is 200 as well", EndpointsConfig{}, verdicts(Pass, Warn), 200, 200, 200},
		{"fail is 503", EndpointsConfig{}, verdicts(Fail, Fail), 503, 503, 200},
		{"disabled passes the probes and has no API", EndpointsConfig{Disabled: true}, nil, 200, 200, 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := testEndpoints(test.config)
			if test.snapshot != nil {
				e.Publish(test.snapshot, time.Now())
			}
			for _, h := range []http.Handler{registered(e), e.Handler()} {
				for path, want := range map[string]int{
					"/health": test.liveness, "/health/status": test.liveness,
					"/health/check": test.readiness, "/health/api/current": test.state,
				} {
					if w := get(t, h, path); w.Code != want {
						t.Errorf("%s: got %d, want %d: %s", path, w.Code, want, w.Body)
					}
				}
			}
		})
	}
}

func TestVerdictsAreTheProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := testEndpoints(EndpointsConfig{})
		want := func(when string, liveness, readiness Status) {
			t.Helper()
			if l, r := e.Liveness(), e.Readiness(); l.Status != liveness || r.Status != readiness || r.Status == Fail && r.Reason == "" {
				t.Errorf("%s: got %+v and %+v, want %v and %v", when, l, r, liveness, readiness)
			}
		}
		want("before the first snapshot", Pass, Fail)
		s := failingSnapshot()
		e.Publish(s, time.Now())
		want("a failing snapshot", s.Liveness.Status, s.Readiness.Status)
		e.Publish(healthySnapshot(), time.Now())
		want("a healthy snapshot", Pass, Pass)
		time.Sleep(3*e.interval + time.Millisecond) //nolint:forbidigo // the bubble's clock
		want("stalled", Fail, Fail)
	})
	e := testEndpoints(EndpointsConfig{Disabled: true})
	if e.Liveness().Status != Pass || e.Readiness().Status != Pass {
		t.Error("disabled: it does not pass")
	}
}

func TestHeaders(t *testing.T) {
	e := testEndpoints(EndpointsConfig{})
	e.Publish(healthySnapshot(), time.Now())
	for path, want := range map[string][2]string{
		"/health":             {"application/json", "max-age=9"},
		"/health/check":       {"application/health+json", "max-age=9"},
		"/health/api/current": {"application/json", "no-store"},
	} {
		w := get(t, registered(e), path)
		got := [2]string{w.Header().Get("Content-Type"), w.Header().Get("Cache-Control")}
		if got != want || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got %v, want %v and nosniff", path, w.Header(), want)
		}
	}
	e.Publish(failingSnapshot(), time.Now())
	if got := get(t, registered(e), "/health/check").Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("a failing probe: got Cache-Control %q, want no-store", got)
	}
}

func TestHeadIsGetWithoutTheBody(t *testing.T) {
	e := testEndpoints(EndpointsConfig{})
	e.Publish(healthySnapshot(), time.Now())
	for _, h := range []http.Handler{registered(e), e.Handler()} {
		for _, path := range []string{"/health", "/health/status", "/health/check", "/health/api/current"} {
			whole, head := get(t, h, path), do(t, h, http.MethodHead, path)
			if diff := cmp.Diff(whole.Header(), head.Header()); diff != "" || head.Code != whole.Code || head.Body.Len() != 0 {
				t.Errorf("%s: HEAD answers %d with %d bytes; headers (-GET +HEAD):\n%s", path, head.Code, head.Body.Len(), diff)
			}
		}
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	e := testEndpoints(EndpointsConfig{})
	for _, h := range []http.Handler{registered(e), e.Handler()} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
			w := do(t, h, method, "/health/check")
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: got %d with Allow %q, want 405 with GET, HEAD", method, w.Code, w.Header().Get("Allow"))
			}
		}
	}
}

func TestRegisterLivesBesideTheApplicationsRoutes(t *testing.T) {
	e := testEndpoints(EndpointsConfig{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("root")) })
	mux.HandleFunc("GET /{x}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) })
	mux.HandleFunc("POST /", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("post")) })
	e.Register(mux)
	for path, want := range map[string]string{"/": "root", "/other": "x", "/a/b": "root", "/health": `{"status"`} {
		if got := get(t, mux, path).Body.String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestRegisterUnderABasePath(t *testing.T) {
	h := registered(testEndpoints(EndpointsConfig{BasePath: "/svc"}))
	for path, want := range map[string]int{"/svc/health": 200, "/svc/health/check": 503, "/health": 404} {
		if w := get(t, h, path); w.Code != want {
			t.Errorf("%s: got %d, want %d", path, w.Code, want)
		}
	}
}

func TestNamesAreEscaped(t *testing.T) {
	e := testEndpoints(EndpointsConfig{})
	s := healthySnapshot()
	s.Checks[0].Name = "a \"quoted\" \\ <name>\x01 ü"
	s.Checks[0].Error = "\xff"
	e.Publish(s, time.Now())
	for _, path := range []string{"/health/check", "/health/api/current"} {
		var body map[string]any
		if err := json.Unmarshal(get(t, e.Handler(), path).Body.Bytes(), &body); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestHandlerFindsItsRoutesWhereverItIsMounted(t *testing.T) {
	for _, test := range []struct {
		name, base, path string
		strip            string
		want             int
	}{
		{"at the root", "", "/health", "", 200},
		{"under a base path", "/svc", "/svc/health", "", 200},
		{"behind a proxy that strips the base path", "/svc", "/health", "", 200},
		{"behind StripPrefix of the base path", "/svc", "/svc/health/status", "/svc", 200},
		{"behind StripPrefix of /health itself", "", "/health", "/health", 200},
		{"behind StripPrefix of /health, deeper", "", "/health/check", "/health", 503},
		{"not elsewhere", "", "/healthy", "", 404},
		{"not with a slash more", "", "/health/check/", "", 404},
		{"not under half a base path", "/svc", "/svchealth", "", 404},
		{"not at the base path itself", "/svc", "/svc", "", 404},
		{"not where an application has a page of that name", "", "/status", "", 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := testEndpoints(EndpointsConfig{BasePath: test.base}).Handler()
			w := get(t, http.StripPrefix(test.strip, h), test.path)
			if w.Code != test.want {
				t.Errorf("%s: got %d, want %d", test.path, w.Code, test.want)
			}
			if test.want == 404 && w.Header().Get("Content-Type") != mediaProblem {
				t.Errorf("%s: got %q, want a problem", test.path, w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestMonitorThatStopsPublishingIsStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := testEndpoints(EndpointsConfig{Interval: 10 * time.Second})
		h := registered(e)
		e.Publish(healthySnapshot(), time.Now())
		time.Sleep(30 * time.Second) //nolint:forbidigo // the bubble's clock
		if w := get(t, h, "/health"); w.Code != 200 {
			t.Fatalf("after three intervals: got %d, want 200", w.Code)
		}
		time.Sleep(time.Millisecond) //nolint:forbidigo // the bubble's clock
		for _, path := range []string{"/health", "/health/check"} {
			if w := get(t, h, path); w.Code != 503 {
				t.Errorf("%s, a moment later: got %d %s, want 503", path, w.Code, w.Body)
			}
		}
		if got := e.Readiness(); !strings.Contains(got.Reason, "stalled") {
			t.Errorf("got %+v, want it stalled", got)
		}
		if w := get(t, h, "/health/api/alerts"); w.Code != 503 {
			t.Errorf("alerts: got %d, want 503", w.Code)
		}
		golden(t, "stalled_health.json", get(t, h, "/health").Body.Bytes())
		golden(t, "stalled_check.json", get(t, h, "/health/check").Body.Bytes())
		golden(t, "stalled_current.json", get(t, h, "/health/api/current").Body.Bytes())

		e.Publish(healthySnapshot(), time.Now())
		if w := get(t, h, "/health"); w.Code != 200 {
			t.Errorf("once it publishes again: got %d, want 200", w.Code)
		}
	})
}

func TestMonitorThatNeverPublishesIsStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := registered(testEndpoints(EndpointsConfig{Interval: time.Second}))
		time.Sleep(3*time.Second + 1) //nolint:forbidigo // the bubble's clock
		for _, path := range []string{"/health", "/health/check", "/health/api/current"} {
			if w := get(t, h, path); w.Code != 503 {
				t.Errorf("%s: got %d, want 503", path, w.Code)
			}
		}
	})
}

func TestDisabledNeverStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := registered(testEndpoints(EndpointsConfig{Interval: time.Second, Disabled: true}))
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		if w := get(t, h, "/health"); w.Code != 200 {
			t.Errorf("got %d, want 200", w.Code)
		}
	})
}

func TestAuthorizerStandsBeforeAllButTheProbes(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want int
	}{
		{"who is recognised passes", nil, 200},
		{"who is not gets 401", errors.New("no such token: s3cret"), 401},
		{"who is refused gets 403", ErrForbidden, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := testEndpoints(EndpointsConfig{Protection: Protection{Authorizer: AuthorizerFunc(func(*http.Request) (Identity, error) {
				return Identity{"ann"}, test.err
			})}})
			e.Publish(healthySnapshot(), time.Now())
			h := e.Handler()
			w := get(t, h, "/health/api/current")
			if w.Code != test.want {
				t.Errorf("got %d, want %d", w.Code, test.want)
			}
			if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
				t.Error("a 401 without WWW-Authenticate")
			}
			if strings.Contains(w.Body.String(), "s3cret") {
				t.Error("the authorizer's error is shown to the client")
			}
			for _, path := range []string{"/health", "/health/status", "/health/check"} {
				if w := get(t, h, path); w.Code != 200 {
					t.Errorf("%s: got %d, want 200", path, w.Code)
				}
			}
		})
	}
}

func TestErrorsOfChecksAreForTheAuthorisedOnly(t *testing.T) {
	e := testEndpoints(EndpointsConfig{})
	e.Publish(failingSnapshot(), time.Now())
	if body := get(t, e.Handler(), "/health/check").Body.String(); strings.Contains(body, "10.0.0.7") {
		t.Errorf("the probe repeats what the driver said: %s", body)
	}
	if body := get(t, e.Handler(), "/health/api/current").Body.String(); !strings.Contains(body, "10.0.0.7") {
		t.Errorf("the API does not: %s", body)
	}
}

// testTime is the instant of every snapshot here.
var testTime = time.Date(2026, 1, 30, 10, 15, 30, 123e6, time.UTC)

func reading(value float64, attributes ...string) Reading {
	var set []attribute.KeyValue
	for i := 0; i < len(attributes); i += 2 {
		set = append(set, attribute.String(attributes[i], attributes[i+1]))
	}
	return Reading{Attributes: attribute.NewSet(set...), Value: value}
}

func one(name string, value float64) Metric { return many(name, reading(value)) }

func many(name string, readings ...Reading) Metric {
	m := Metric{Name: name, Scope: Scope, Readings: readings}
	for _, info := range Vocabulary() {
		if info.Name == name {
			m.Unit = info.Unit
			if info.Scope != "" {
				m.Scope = info.Scope
			}
		}
	}
	return m
}

func healthySnapshot() *Snapshot {
	since := testTime.Add(-time.Hour)
	rule := func(name, metric string, value, warn, fail Number) RuleState {
		return RuleState{Name: name, Metric: metric, Value: value, Warn: warn, Fail: fail, Status: Pass, Since: since}
	}
	pool := rule(RulePool, MetricPoolUtil, 0.25, 0.8, 0.95)
	pool.Instance, pool.Unit = "openalgo", "1"
	return &Snapshot{
		Sequence: 360, Time: testTime, Offset: time.Hour, Interval: 10 * time.Second,
		Metrics: []Metric{
			one(MetricFDCount, 156), one(MetricFDLimit, 1024), one(MetricFDUtilization, 156.0/1024),
			one(MetricMemoryRSS, 245.5*mib), one(MetricMemoryVirtual, 512.25*mib), one(MetricMemorySwap, 0),
			one(MetricMemoryLimit, 2048*mib), one(MetricMemoryUtil, 245.5/2048), one(MetricMemoryWorking, 260*mib),
			one(MetricMemoryFree, 4096*mib), one(MetricMemorySystem, 8192*mib), one(MetricOOMKills, 0),
			one(MetricThreads, 25), many(MetricStuck, reading(0, AttrStuckKind, StuckHeartbeat), reading(0, AttrStuckKind, StuckOSThread)),
			many(MetricCPUTime, reading(12.5, AttrCPUMode, CPUModeUser), reading(3.25, AttrCPUMode, CPUModeSystem)),
			one(MetricCPUUtil, 0.125), one(MetricCPUThrottled, 0), one(MetricUptime, 3601.5),
			many(MetricPoolCount, reading(1, AttrPoolName, "openalgo", AttrPoolState, PoolStateUsed), reading(1, AttrPoolName, "openalgo", AttrPoolState, PoolStateIdle),
				reading(0, AttrPoolName, "logs", AttrPoolState, PoolStateUsed), reading(1, AttrPoolName, "logs", AttrPoolState, PoolStateIdle)),
			many(MetricPoolMax, reading(4, AttrPoolName, "openalgo")), many(MetricPoolUtil, reading(0.25, AttrPoolName, "openalgo")),
			many(MetricPoolWaits, reading(7, AttrPoolName, "openalgo"), reading(0, AttrPoolName, "logs")),
			many(MetricPoolWaitTime, reading(0.5, AttrPoolName, "openalgo"), reading(0, AttrPoolName, "logs")),
			many(MetricWSConnections, reading(2, AttrWebSocketSource, "zerodha"), reading(3, AttrWebSocketSource, "fyers")),
			many(MetricWSSymbols, reading(1500, AttrWebSocketSource, "zerodha"), reading(2200, AttrWebSocketSource, "fyers")),
			one(MetricTickDuration, 0.000201), one(MetricGoroutines, 42),
			{Name: "orders.queue.length", Unit: "{order}", Scope: Scope + "/source", Readings: []Reading{reading(9, "queue", "new")}},
		},
		Rules: []RuleState{
			rule(RuleFD, MetricFDCount, 156, 700, 900), rule(RuleMemory, MetricMemoryRSS, 245.5*mib, 500*mib, 1000*mib),
			rule(RuleDatabase, MetricPoolCount, 3, 10, 20), rule(RuleWebSocket, MetricWSConnections, 5, 10, 20),
			rule(RuleThreads, MetricThreads, 25, 50, 100), rule(RuleGoroutines, MetricGoroutines, 42, 10000, 50000),
			rule(RuleStuck, MetricStuck, 0, 1, UnknownNumber()), pool,
		},
		Checks: []CheckState{
			{Name: "openalgo", Kind: CheckDatabase, Required: true, Status: Pass, Time: testTime.Add(-time.Second), Duration: 1500 * time.Microsecond, Since: since},
			{Name: "logs", Kind: CheckDatabase, Status: Pass, Time: testTime.Add(-time.Second), Duration: time.Millisecond, Since: since},
		},
		Overall: Pass, Liveness: Verdict{Status: Pass}, Readiness: Verdict{Status: Pass},
	}
}

// unknownSnapshot is one in which everything that can be missing is.
func unknownSnapshot() *Snapshot {
	rule := func(name, metric, reason string) RuleState {
		return RuleState{Name: name, Metric: metric, Value: UnknownNumber(), Warn: 10, Fail: 20, Since: testTime, Reason: reason}
	}
	return &Snapshot{
		Sequence: 2, Time: testTime, Offset: time.Second, Interval: 10 * time.Second,
		Rules: []RuleState{
			rule(RuleFD, MetricFDCount, "no reading"), rule(RuleMemory, MetricMemoryRSS, "no reading"),
			rule(RuleDatabase, MetricPoolCount, `database "openalgo" gives no reading`),
			rule(RuleWebSocket, MetricWSConnections, `websocket "fyers" gives no reading`),
		},
		Checks: []CheckState{{Name: "openalgo", Kind: CheckDatabase, Required: true}},
		Failures: []Failure{
			{Source: "openalgo", Kind: SourceDatabase, Error: "has not returned for 12s"},
			{Source: "fyers", Kind: SourceWebSocket, Error: "panicked: no broker"},
		},
		Overall: Unknown, Liveness: Verdict{Status: Pass},
		Readiness: Verdict{Fail, `the required check "openalgo" has not run yet`},
	}
}

func failingSnapshot() *Snapshot {
	s := healthySnapshot()
	for i := range s.Metrics {
		if s.Metrics[i].Name == MetricFDCount {
			s.Metrics[i].Readings = []Reading{reading(950)}
		}
	}
	s.Rules[0].Value, s.Rules[0].Status, s.Rules[0].Since = 950, Fail, testTime
	s.Checks[0].Status, s.Checks[0].Error = Fail, "dial tcp 10.0.0.7:5432: connect: connection refused"
	s.Alerts = []Alert{
		{
			ID: 1769768130001, Rule: RuleFD, Metric: MetricFDCount, Unit: "{file_descriptor}", State: AlertFiring, Severity: Fail,
			Threshold: 900, Value: 950, Peak: 980, Lowest: 720, Breaches: 12,
			Began: testTime.Add(-2 * time.Minute), FiredAt: testTime.Add(-2 * time.Minute), Updated: testTime, Lasted: 2 * time.Minute,
			AcknowledgedAt: testTime.Add(-time.Minute), AcknowledgedBy: "ann", Note: "on it",
		},
		{ID: 1769768130002, Rule: RuleThreads, Metric: MetricThreads, State: AlertPending, Severity: Warn, Threshold: 50, Value: 51},
		{
			ID: 1769768130003, Rule: RuleMemory, Metric: MetricMemoryRSS, Unit: "By", State: AlertFiring, Severity: Warn,
			Threshold: 500 * mib, Value: 612.5 * mib, Peak: 612.5 * mib, Lowest: 501 * mib, Breaches: 2,
			Began: testTime.Add(-20 * time.Second), FiredAt: testTime.Add(-20 * time.Second), Updated: testTime, Lasted: 20 * time.Second,
			SilencedUntil: testTime.Add(time.Hour),
		},
	}
	s.Stuck = []Stuck{
		{Kind: StuckHeartbeat, ID: 1, Name: "place-orders", Since: testTime.Add(-time.Minute), Vital: true},
		{Kind: StuckOSThread, ID: 4712, Name: "thread 4712", Since: testTime.Add(-30 * time.Second)},
	}
	s.Overall = Fail
	s.Liveness = Verdict{Fail, `the vital heartbeat "place-orders" is overdue`}
	s.Readiness = Verdict{Fail, `the required check "openalgo" fails`}
	return s
}

func TestOverallStatusSaysSinceWhen(t *testing.T) {
	e := testEndpoints(EndpointsConfig{})
	for i, step := range []struct {
		overall Status
		since   int // the snapshot since which it has been so
	}{{Pass, 0}, {Pass, 0}, {Fail, 2}, {Warn, 3}, {Warn, 3}, {Pass, 5}} {
		s := healthySnapshot()
		s.Time, s.Overall = testTime.Add(time.Duration(i)*time.Second), step.overall
		e.Publish(s, time.Now())
		want := `"overall_since":"` + formatTime(testTime.Add(time.Duration(step.since)*time.Second)) + `"`
		if got := string(e.published.Load().current.body); !strings.Contains(got, want) {
			t.Errorf("snapshot %d, %v: %s is not in %s", i, step.overall, want, got)
		}
	}
}

// TestRestartDoesNotForgetSinceWhen has an alert restored, at once or with the second snapshot.
func TestRestartDoesNotForgetSinceWhen(t *testing.T) {
	long := Alert{ID: 1, Rule: RuleFD, State: AlertFiring, Severity: Fail, Began: testTime.Add(-time.Hour), FailingSince: testTime.Add(-time.Minute)}
	short := Alert{ID: 2, Rule: RuleMemory, State: AlertFiring, Severity: Warn, Began: testTime.Add(-2 * time.Hour)}
	e := testEndpoints(EndpointsConfig{})
	for i, step := range []struct {
		overall Status
		alerts  []Alert
		want    time.Time
	}{
		{Fail, nil, testTime},
		{Fail, []Alert{short, long}, long.FailingSince},
		{Fail, nil, long.FailingSince},
		{Warn, []Alert{short}, testTime.Add(3 * time.Second)}, // it was worse before
	} {
		s := healthySnapshot()
		s.Time, s.Overall, s.Alerts = testTime.Add(time.Duration(i)*time.Second), step.overall, step.alerts
		e.Publish(s, time.Now())
		if got := e.published.Load().since; !got.Equal(step.want) {
			t.Errorf("snapshot %d: got %v, want %v", i, got, step.want)
		}
	}
}
