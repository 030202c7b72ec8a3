package health_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/otelhealth/otelhealth-go/health"
)

// TestAnswersAreAsDescribed asks the endpoints in every state that they know, and compares each answer with the document.
// What the document describes and nothing answered fails it, too.
func TestAnswersAreAsDescribed(t *testing.T) {
	d := servedDocument(t, describedConfig())
	t.Run("by everybody", func(t *testing.T) { answersToEverybody(t, d) })
	t.Run("in every state", func(t *testing.T) { answersInEveryState(t, d) })
	t.Run("to readers", func(t *testing.T) { answersToReaders(t, d) })
	t.Run("to scrapes", func(t *testing.T) { answersToScrapes(t, d) })
	t.Run("of the history", func(t *testing.T) { answersOfTheHistory(t, d) })
	t.Run("to what people do", func(t *testing.T) { answersToActions(t, d) })
	t.Run("at the login page", func(t *testing.T) { answersAtTheLogin(t, d) })
	t.Run("too often", func(t *testing.T) { answersToWhoAsksTooOften(t, d) })
	paths, _ := d.at(d.root, "paths")
	for _, path := range paths.keys() {
		item, _ := d.at(paths, path)
		for _, method := range item.methods() {
			responses, _ := d.at(item, strings.ToLower(method), "responses")
			d.wantAnswered(t, method+" "+path, responses)
		}
	}
	d.wantFields(t)
}

// wantAnswered fails the test when a response of the operation was not seen.
func (d *document) wantAnswered(t *testing.T, operation string, responses node) {
	t.Helper()
	for _, status := range responses.keys() {
		content, _ := d.at(responses, status, "content")
		mediaTypes := content.keys()
		if len(mediaTypes) == 0 {
			mediaTypes = []string{""}
		}
		for _, mediaType := range mediaTypes {
			if what := described(operation, status, mediaType); !d.answered[what] {
				t.Errorf("%s is described, and was not answered", what)
			}
		}
	}
}

// concrete is the path of a request for each route.
var concrete = strings.NewReplacer("{id}", "7", "{name}", "fd", "{build}", "1", "{file}", "page.css")

// everyRoute asks for each route of the endpoints by its own method, and by HEAD.
func (d *document) everyRoute(t *testing.T, e *health.Endpoints, header map[string]string) {
	t.Helper()
	for _, route := range health.Routes(e) {
		method, path, _ := strings.Cut(concrete.Replace(route), " ")
		d.ask(t, e.Handler(), method, path, header)
		d.ask(t, e.Handler(), http.MethodHead, path, header)
	}
}

// ask compares the answer with the document. A stream ends after what is sent at once.
func (d *document) ask(t *testing.T, h http.Handler, method, path string, header map[string]string) *exchange {
	t.Helper()
	r := health.RequestOfTheWalk(t, method, path, header)
	if strings.HasSuffix(r.URL.Path, "/stream") {
		r = r.WithContext(ended(t))
	}
	return d.send(t, h, r)
}

func (d *document) send(t *testing.T, h http.Handler, r *http.Request) *exchange {
	t.Helper()
	x := send(h, r)
	if err := d.compare(x); err != nil {
		t.Errorf("%v: %v", x, err)
	}
	return x
}

// ended is a context that has ended.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// started returns endpoints that have published a snapshot, and limit nobody.
func started(t *testing.T, c health.EndpointsConfig) *health.Endpoints {
	t.Helper()
	e := health.Unlimited(newEndpoints(t, c))
	e.Publish(health.HealthySnapshot(), soon())
	return e
}

// soon is when a snapshot was taken that no test is slow enough to see stalled.
func soon() time.Time { return time.Now().Add(time.Hour) }

func answersToEverybody(t *testing.T, d *document) {
	c := describedConfig()
	c.History = openStore(t, 40)
	e := started(t, c)
	mux := http.NewServeMux()
	e.Register(mux)
	right := bearer["Authorization"]
	for _, header := range []map[string]string{
		{}, bearer,
		{"Authorization": "Bearer wrong"},
		{"Accept": "text/html"}, // a browser
		{"Sec-Fetch-Mode": "cors"},
		{"Authorization": right, "Sec-Fetch-Site": "cross-site"},
		{"Authorization": right, "Host": "evil.example"},
		{"If-None-Match": "*"},
		{"Authorization": right, "If-None-Match": "*"},
		{"Authorization": right, "Accept": protobuf + ", application/jsonl"},
	} {
		d.everyRoute(t, e, header)
	}
	for _, file := range []string{"main.js", "icon.svg", "none.js"} {
		d.ask(t, e.Handler(), http.MethodGet, "/health/assets/1/"+file, bearer)
	}
	for _, route := range health.Routes(e) {
		_, path, _ := strings.Cut(concrete.Replace(route), " ")
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			for _, h := range []http.Handler{e.Handler(), mux} {
				d.ask(t, h, method, path, bearer)
			}
		}
	}
	for _, mediaType := range []string{"application/problem+json", "text/plain"} {
		if what := described("another method", "405", mediaType); !d.answered[what] {
			t.Errorf("%s is described, and was not answered", what)
		}
	}
}

func answersInEveryState(t *testing.T, d *document) {
	early := health.Unlimited(newEndpoints(t, describedConfig()))
	d.everyRoute(t, early, bearer)

	disabled := describedConfig()
	disabled.Disabled = true
	d.everyRoute(t, newEndpoints(t, disabled), bearer)

	hidden := describedConfig()
	hidden.HideDetail = true
	d.everyRoute(t, started(t, hidden), nil)

	for _, s := range []*health.Snapshot{health.FailingSnapshot(), health.UnknownSnapshot(), wellKept(), busySnapshot()} {
		e := started(t, describedConfig())
		e.Publish(s, soon())
		d.everyRoute(t, e, nil)
		d.everyRoute(t, e, bearer)
		e.Publish(s, time.Now().Add(-time.Hour)) // stalled
		d.everyRoute(t, e, bearer)
	}

	closed := describedConfig()
	closed.Protection = health.Protection{}
	d.everyRoute(t, started(t, closed), bearer)
	refusing := describedConfig()
	refusing.Protection = byAnn
	for _, who := range []string{"ann", "bob", "carl"} {
		d.everyRoute(t, started(t, refusing), map[string]string{"Authorization": "Bearer " + who})
	}
}

func answersToReaders(t *testing.T, d *document) {
	e := started(t, describedConfig())
	transitions := fired(7, "fd", began, false)
	transitions[1].Note = "restarted"
	e.Announce(transitions)
	header := map[string]string{"Authorization": bearer["Authorization"], "Last-Event-ID": "1"}
	x := d.ask(t, e.Handler(), http.MethodGet, "/health/api/stream", header)
	if got := strings.Count(string(x.body), "event: "); got != 4 {
		t.Errorf("%v: got %d events, want a snapshot, a reset and two transitions", x, got)
	}
	w := httptest.NewRecorder()
	r := health.RequestOfTheWalk(t, http.MethodGet, "/health/api/stream", bearer)
	e.Handler().ServeHTTP(struct{ http.ResponseWriter }{w}, r) // middleware that hides Flush
	if err := d.compare(&exchange{r.Method, r.URL.Path, w.Code, w.Header(), w.Body.Bytes()}); err != nil {
		t.Error(err)
	}
	e.EndStreams()
	d.ask(t, e.Handler(), http.MethodGet, "/health/api/stream", bearer)
}

// answersToScrapes asks while another scrape is under way, and where the metrics cannot be collected.
func answersToScrapes(t *testing.T, d *document) {
	c := describedConfig()
	var h http.Handler
	c.Metrics = exposition(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		if x := d.ask(t, h, http.MethodGet, "/metrics", bearer); x.status != http.StatusServiceUnavailable {
			t.Errorf("%v: want it refused beside another scrape", x)
		}
		return nil, errors.New("a collector fails")
	}))
	h = started(t, c).Handler()
	if x := d.ask(t, h, http.MethodGet, "/metrics", bearer); x.status != http.StatusInternalServerError {
		t.Errorf("%v: want it failed", x)
	}
}

// protobuf is how Prometheus asks for its second format.
const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// wellKept is a snapshot of which a history is kept.
func wellKept() *health.Snapshot {
	s := health.HealthySnapshot()
	s.History = &health.HistoryState{Condition: health.HistoryOK, Since: began, SizeBytes: 4096}
	s.OTLP = &health.OTLPState{Condition: health.OTLPOK, Since: began, Spool: health.SpoolOff}
	return s
}

// busySnapshot holds what the others lack.
func busySnapshot() *health.Snapshot {
	s := health.FailingSnapshot()
	s.Silences = []health.Silence{{Rule: "fd", Until: began.Add(time.Hour), By: "ann", At: began}, {Rule: "memory", Until: began.Add(time.Hour), By: "ann"}}
	s.Untracked = []health.Untracked{{Rule: "pool", Count: 3}}
	s.History = &health.HistoryState{Condition: health.HistoryCorrupt, Since: began, Error: "malformed", Queued: 2, Dropped: 1, SizeBytes: 4096, SetAside: "health.db.corrupt"}
	s.OTLP = &health.OTLPState{
		Condition: health.OTLPAway, Since: began, Error: "connection refused", LastSuccess: began, Waiting: 1,
		Queued: 2, QueuedBytes: 4096, Oldest: began, Replayed: 3, Dropped: health.OTLPDropped{Rejected: 1, Full: 2, Expired: 3, Damaged: 4},
		Spool: health.SpoolFailing, SpoolError: "no space left on device",
	}
	s.Destinations = []health.DestinationStats{{Destination: "mail", Sent: 4, Failed: 2, GivenUp: 1, Error: "refused"}, {Destination: "chat"}}
	s.Metrics = append(s.Metrics, health.Metric{Name: "orders.open", Unit: "{order}", Scope: "orders", Readings: []health.Reading{{Value: 3}}})
	s.Alerts[0].Instance = "orders"
	s.Rules = append(s.Rules, health.RuleState{Name: "queue: new", Metric: "orders.queue.length", Attributes: []health.Attribute{{Key: "queue", Value: "new"}}, Value: 9, Warn: 5, Fail: 10, Status: health.Warn, Since: began})
	s.Checks = append(s.Checks,
		health.CheckState{Name: "data", Kind: health.CheckDisk, Status: health.Pass, Time: began, Since: began},
		health.CheckState{Name: "cache", Kind: "cache", Status: health.Unknown, Time: began, Since: began, Error: "timeout"})
	return s
}

func answersOfTheHistory(t *testing.T, d *document) {
	c := describedConfig()
	store := openStore(t, 40)
	last := recorded(40)
	last.Metrics = append(last.Metrics, health.Metric{Name: "orders.open", Unit: "{order}", Scope: "orders", Readings: []health.Reading{{Value: 3}}})
	store.Record(last)
	passing := fired(9, "fd", began, false)
	for i := range passing {
		passing[i].Alert.FiredAt = time.Time{} // it was healthy again before it fired
	}
	store.RecordTransitions(passing)
	if err := store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.History = store
	e := started(t, c)
	ranges := []string{
		"/health/api/history?" + hour, "/health/api/series", "/health/api/stats?" + hour, "/health/export?" + hour, "/health/api/alerts?state=all",
	}
	for _, path := range append(ranges,
		"/health/api/history?"+hour+"&series=threads", "/health/api/history?"+hour+"&series=fd_count", "/health/api/history?"+hour+"&points=10",
		"/health/api/history?"+hour+"&step=2m&series=fd_count,db.client.connection.count", "/health/export?format=jsonl&"+hour,
		"/health/api/stats?from=0&to=1", "/health/api/history?from=0&to=1", "/health/api/history?from=0&to=1&points=5", "/health/export?from=0&to=1",
		"/health/api/alerts?rule=fd&limit=1", "/health/api/history?points=1", "/health/api/series?%zz", "/health/api/stats?hours=x", "/health/export?format=x", "/health/api/alerts?limit=x",
	) {
		d.ask(t, e.Handler(), http.MethodGet, path, bearer)
		d.ask(t, e.Handler(), http.MethodHead, path, bearer)
	}
	for _, path := range ranges {
		d.send(t, e.Handler(), health.RequestOfTheWalk(t, http.MethodGet, path, bearer).WithContext(ended(t)))
	}
	if err := store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, path := range ranges {
		d.ask(t, e.Handler(), http.MethodGet, path, bearer)
	}
	c.History = nil
	inUse := started(t, c)
	for _, path := range ranges {
		d.ask(t, inUse.Handler(), http.MethodGet, path, bearer)
	}
	inUse.Publish(&health.Snapshot{Time: began, History: &health.HistoryState{Condition: health.HistoryInUse}}, soon())
	for _, path := range ranges {
		d.ask(t, inUse.Handler(), http.MethodGet, path, bearer)
	}
}

// actions are the paths of the POSTs.
var actions = []string{"/health/api/alerts/7/acknowledge", "/health/api/alerts/7/resolve", "/health/api/rules/fd/silence"}

func answersToActions(t *testing.T, d *document) {
	o := new(operator)
	c := describedConfig()
	c.Operator = o
	h := started(t, c).Handler()
	for _, err := range []error{nil, health.ErrUnknownAlert, health.ErrUnknownRule, health.ErrAlertResolved, health.ErrNotFiring, io.EOF} {
		o.err = err
		for i, path := range actions {
			if err == health.ErrNotFiring && i > 0 {
				continue // it is acknowledging alone that tells
			}
			d.send(t, h, posted(t, path, formType, "until=1h"))
		}
	}
	o.err = nil
	for _, path := range actions {
		for _, sent := range []struct{ contentType, body string }{
			{formType, "until=0&note=on+it&by=carl"}, {jsonType, `{"until":"2h"}`}, {jsonType, `[1]`}, {formType, "by=%ff"},
			{"text/plain", "until"}, {jsonType, strings.Repeat(" ", 17<<10)},
		} {
			d.send(t, h, posted(t, path, sent.contentType, sent.body))
		}
	}
	c.Protection.ReadOnly = true
	readOnly := newEndpoints(t, c).Handler()
	for _, path := range actions {
		d.ask(t, readOnly, http.MethodPost, path, bearer)
	}
}

func posted(t *testing.T, path, contentType, body string) *http.Request {
	t.Helper()
	r := health.RequestOfTheWalk(t, http.MethodPost, path, bearer)
	r.Header.Set("Content-Type", contentType)
	r.Body = io.NopCloser(strings.NewReader(body))
	return r
}

func answersAtTheLogin(t *testing.T, d *document) {
	e := started(t, describedConfig())
	in := d.send(t, e.Handler(), logIn(t, "next=api/current&token="+health.TestCredentials.Token))
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	session := map[string]string{"Cookie": cookie}
	if x := d.ask(t, e.Handler(), http.MethodGet, "/health/api/current", session); x.status != http.StatusOK {
		t.Errorf("%v: the session opens nothing", x)
	}
	d.ask(t, e.Handler(), http.MethodPost, "/health/logout", session)
	for _, sent := range []struct{ contentType, body string }{
		{formType, "token=wrong"}, {formType, "token=%zz"}, {jsonType, `{"token":5}`}, {"text/plain", "token"},
		{jsonType, strings.Repeat(" ", 17<<10)}, {jsonType, `{"username":"ann","password":"pass"}`},
	} {
		d.send(t, e.Handler(), posted(t, "/health/login", sent.contentType, sent.body))
	}
	for range 20 {
		r := logIn(t, "token=wrong")
		r.RemoteAddr = "203.0.113.7:4711"
		d.send(t, e.Handler(), r)
	}
}

// answersToWhoAsksTooOften asks for each route until it is refused.
func answersToWhoAsksTooOften(t *testing.T, d *document) {
	probes := []string{"/health", "/health/status", "/health/check", "/health/startup", "/livez", "/readyz", "/startupz"}
	e := newEndpoints(t, describedConfig())
	e.Publish(health.HealthySnapshot(), soon())
	for _, route := range health.Routes(e) {
		method, path, _ := strings.Cut(concrete.Replace(route), " ")
		if slices.Contains(probes, path) || strings.HasPrefix(path, "/health/log") {
			continue
		}
		x := new(exchange)
		for n := 0; n < 1000 && x.status != http.StatusTooManyRequests; n++ {
			x = send(e.Handler(), health.RequestOfTheWalk(t, method, path, bearer).WithContext(ended(t)))
		}
		if err := d.compare(x); err != nil || x.status != http.StatusTooManyRequests {
			t.Errorf("%v, %v: want it refused after so many requests", x, err)
		}
	}
}

// TestWhatIsNotDescribedIsFound changes the answers of a probe, and wants each change told.
func TestWhatIsNotDescribedIsFound(t *testing.T) {
	d := servedDocument(t, describedConfig())
	e := started(t, describedConfig())
	for name, change := range map[string]func(*exchange){
		"another status":       func(x *exchange) { x.status = http.StatusTeapot },
		"another path":         func(x *exchange) { x.path = "/health/api/secret" },
		"another media type":   func(x *exchange) { x.header.Set("Content-Type", "application/xml") },
		"another field":        func(x *exchange) { x.body = []byte(strings.Replace(string(x.body), "{", `{"more":1,`, 1)) },
		"a field that is gone": func(x *exchange) { x.body = []byte(strings.Replace(string(x.body), `"version"`, `"output"`, 1)) },
		"a field of another type": func(x *exchange) {
			x.body = []byte(strings.Replace(string(x.body), `"version":"1.4.2"`, `"version":1`, 1))
		},
		"a header that is gone": func(x *exchange) { x.header.Del("Cache-Control") },
		"another header":        func(x *exchange) { x.header.Set("Retry-After", "5") },
		"a wrong header":        func(x *exchange) { x.header.Set("ETag", "untagged") },
	} {
		x := send(e.Handler(), health.RequestOfTheWalk(t, http.MethodGet, "/health", nil))
		change(x)
		if d.compare(x) == nil {
			t.Errorf("%s: not found", name)
		}
	}
}
