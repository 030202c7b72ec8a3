package health

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// reader reads a stream of events as a browser does.
type reader struct {
	t        *testing.T
	response *http.Response
	lines    *bufio.Scanner
}

type seen struct{ id, event, data string }

func openStream(t *testing.T, server *httptest.Server, lastID string) *reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/health/api/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+credentials.Token)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	s := &reader{t: t, response: response, lines: bufio.NewScanner(response.Body)}
	s.lines.Buffer(nil, 1<<20)
	return s
}

// next returns the next event, and false when the stream has ended.
func (s *reader) next() (e seen, ok bool) {
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data = value
		case "":
			if e.event != "" {
				return e, true
			}
		}
	}
	return e, false
}

func streaming(t *testing.T) (*Endpoints, *httptest.Server) {
	t.Helper()
	e := Unlimited(guarded(t, EndpointsConfig{}))
	server := httptest.NewServer(e.Handler())
	t.Cleanup(server.Close)
	return e, server
}

func happened(id int64, n int, kind TransitionKind) []Transition {
	return []Transition{{Number: n, Kind: kind, Time: testTime, By: "ann", Alert: Alert{
		ID: id, Rule: RuleFD, State: AlertFiring, Severity: Warn, Began: testTime, FiredAt: testTime, Changes: n,
	}}}
}

func TestStreamTellsEachSnapshotAndTransition(t *testing.T) {
	e, server := streaming(t)
	s := openStream(t, server, "")
	if got := s.response.Header; s.response.StatusCode != http.StatusOK || got.Get("Content-Type") != "text/event-stream" || got.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d, %v", s.response.StatusCode, got)
	}
	first, _ := s.next()
	if first.event != "snapshot" || !json.Valid([]byte(first.data)) || !strings.Contains(first.data, `"overall_status"`) {
		t.Fatalf("first: got %+v", first)
	}
	e.Announce(happened(7, 1, TransitionFiring))
	transition, _ := s.next()
	var told struct {
		Kind  string
		By    string
		Alert struct{ ID int }
	}
	if err := json.Unmarshal([]byte(transition.data), &told); err != nil || transition.event != "transition" || told.Kind != "firing" || told.By != "ann" || told.Alert.ID != 7 {
		t.Errorf("a transition: got %+v, %v", transition, err)
	}
	e.Publish(failingSnapshot(), time.Now())
	second, _ := s.next()
	if second.event != "snapshot" || second.data == first.data {
		t.Errorf("the next snapshot: got %+v", second)
	}
	ids := make([]int64, 3)
	for i, event := range []seen{first, transition, second} {
		var err error
		if ids[i], err = strconv.ParseInt(event.id, 10, 64); err != nil || i > 0 && ids[i] <= ids[i-1] {
			t.Errorf("ids do not grow: %v, %v", ids, err)
		}
	}
}

func TestStreamResumesAfterTheLastEvent(t *testing.T) {
	e, server := streaming(t)
	s := openStream(t, server, "")
	s.next()
	e.Announce(happened(1, 1, TransitionFiring))
	last, _ := s.next()
	_ = s.response.Body.Close()
	for n := range keptTransitions + 10 {
		e.Announce(happened(2, n+1, TransitionEscalated))
	}
	resumed := openStream(t, server, last.id)
	if first, _ := resumed.next(); first.event != "snapshot" || first.id != "" {
		t.Errorf("first: got %+v, want the snapshot, which leaves Last-Event-ID alone", first)
	}
	if second, _ := resumed.next(); second.event != "reset" {
		t.Errorf("some are gone: got %+v, want that to be said", second)
	}
	before := last.id
	for n := range keptTransitions {
		event, _ := resumed.next()
		if event.event != "transition" || event.id <= before {
			t.Fatalf("the missed one %d: got %+v after %s", n, event, before)
		}
		before = event.id
	}
	again := openStream(t, server, before)
	again.next() // the snapshot
	e.Announce(happened(3, 1, TransitionFiring))
	if next, _ := again.next(); next.event != "transition" || next.id <= before {
		t.Errorf("after the last one: got %+v, want the new one alone", next)
	}
	for _, id := range []string{"", "nonsense", "1"} {
		if first, _ := openStream(t, server, id).next(); first.event != "snapshot" {
			t.Errorf("after %q: got %+v, want the snapshot alone", id, first)
		}
	}
}

func TestSlowReaderIsDropped(t *testing.T) {
	h := newHub()
	_, slow, err := h.subscribe(0, func() {})
	if err != nil {
		t.Fatal(err)
	}
	_, quick, err := h.subscribe(0, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for n := range subscriberQueue + 1 {
		h.publish([]byte(fmt.Sprintf("{\"n\":%d}\n", n)))
		<-quick.queue
	}
	if len(h.subscribers) != 1 {
		t.Fatalf("%d readers are left, want the quick one", len(h.subscribers))
	}
	for range subscriberQueue {
		<-slow.queue
	}
	if _, open := <-slow.queue; open {
		t.Error("the slow one's stream goes on")
	}
	h.unsubscribe(slow)
	h.unsubscribe(quick)
}

func TestStreamsAreBounded(t *testing.T) {
	_, server := streaming(t)
	for range mostSubscribers {
		openStream(t, server, "")
	}
	full := openStream(t, server, "")
	if full.response.StatusCode != http.StatusServiceUnavailable || full.response.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: got %d", full.response.StatusCode)
	}
}

// TestOpenStreamDoesNotHoldShutdown is what Drain is for.
func TestOpenStreamDoesNotHoldShutdown(t *testing.T) {
	e, server := streaming(t)
	s := openStream(t, server, "")
	s.next()
	e.EndStreams()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if _, open := s.next(); open {
		t.Error("the stream goes on")
	}
	_, _, err := e.hub.subscribe(0, nil)
	if err == nil {
		t.Error("another one is opened while draining")
	}
}

// TestStreamsEndCleanly would let a reader take the end of a drained stream for a broken connection.
func TestStreamsEndCleanly(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for range 50 {
			e := Unlimited(guarded(t, EndpointsConfig{}))
			server := httptest.NewUnstartedServer(e.Handler())
			server.EnableHTTP2 = http2
			server.StartTLS()
			s := openStream(t, server, "")
			s.next()
			e.EndStreams()
			_, open := s.next()
			if err := s.lines.Err(); open || err != nil {
				t.Errorf("HTTP/2 %v: got %v, %v, want the end", http2, open, err)
			}
			server.Close()
		}
	}
}

// TestStreamIsIdleOverHTTP2 waits for longer than one event may take.
func TestStreamIsIdleOverHTTP2(t *testing.T) {
	e := Unlimited(guarded(t, EndpointsConfig{}))
	e.eventPatience = 200 * time.Millisecond
	server := httptest.NewUnstartedServer(e.Handler())
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	s := openStream(t, server, "")
	if s.response.ProtoMajor != 2 {
		t.Fatalf("it speaks %s", s.response.Proto)
	}
	s.next()
	timer := time.NewTimer(600 * time.Millisecond)
	<-timer.C
	e.Announce(happened(1, 1, TransitionFiring))
	if event, ok := s.next(); !ok || event.event != "transition" {
		t.Errorf("got %+v, %v: the stream was reset", event, ok)
	}
}

// TestReaderThatDoesNotReadHoldsNothing fills the way to a reader, and ends the streams.
func TestReaderThatDoesNotReadHoldsNothing(t *testing.T) {
	e, server := streaming(t)
	openStream(t, server, "") // and reads nothing
	big := healthySnapshot()
	for n := range 40_000 {
		big.Rules = append(big.Rules, RuleState{Name: fmt.Sprint("rule", n), Metric: "m", Status: Pass})
	}
	for range 8 {
		e.Publish(big, time.Now())
	}
	e.EndStreams()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestStreamNeedsAServerThatCanFlush(t *testing.T) {
	e := guarded(t, EndpointsConfig{})
	w := &unflushable{header: make(http.Header)}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health/api/stream", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+credentials.Token)
	e.Handler().ServeHTTP(w, r)
	if w.status != http.StatusNotImplemented {
		t.Errorf("got %d", w.status)
	}
}

type unflushable struct {
	header http.Header
	status int
}

func (u *unflushable) Header() http.Header         { return u.header }
func (u *unflushable) Write(p []byte) (int, error) { return len(p), nil }
func (u *unflushable) WriteHeader(status int)      { u.status = status }

func TestStreamTellsThatTheMonitorHasStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := guarded(t, EndpointsConfig{})
		e.Publish(healthySnapshot(), time.Now())
		w := &recording{header: make(http.Header)}
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/health/api/stream", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+credentials.Token)
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.Handler().ServeHTTP(w, r)
		}()
		time.Sleep(50 * time.Second) //nolint:forbidigo // the bubble's clock
		cancel()
		<-done
		if !strings.Contains(w.body.String(), `"stalled":"no snapshot since`) || !strings.Contains(w.body.String(), ": still here") {
			t.Errorf("got %s", w.body.String())
		}
	})
}

// recording is a ResponseWriter that flushes and keeps all.
type recording struct {
	header http.Header
	body   strings.Builder
}

func (r *recording) Header() http.Header         { return r.header }
func (r *recording) Write(p []byte) (int, error) { return r.body.Write(p) }
func (r *recording) WriteHeader(int)             {}
func (r *recording) Flush()                      {}

func TestProbesAreKnownByTheirTag(t *testing.T) {
	e := guarded(t, EndpointsConfig{})
	h := e.Handler()
	for _, path := range []string{"/health", "/health/check", "/health/startup"} {
		first := do(t, h, http.MethodGet, path)
		tag := first.Header().Get("ETag")
		if tag == "" {
			t.Fatalf("%s has no ETag", path)
		}
		for known, want := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				w := do(t, h, method, path, "If-None-Match", known)
				if w.Code != want || want == 304 && (w.Body.Len() > 0 || w.Header().Get("ETag") != tag || w.Header().Get("Cache-Control") == "") {
					t.Errorf("%s %s, %s: got %d, %v", method, path, known, w.Code, w.Header())
				}
			}
		}
	}
	detailed := do(t, h, http.MethodGet, "/health/check", "Authorization", "Bearer "+credentials.Token)
	if got := detailed.Header(); got.Get("ETag") != "" || got.Get("Cache-Control") != "no-store" {
		t.Errorf("what is not for everybody: got %v, which a cache may show to others", got)
	}
	e.Publish(failingSnapshot(), time.Now())
	if w := do(t, h, http.MethodGet, "/health/check", "If-None-Match", "*"); w.Code != 503 || w.Header().Get("ETag") != "" {
		t.Errorf("a failing probe: got %d with ETag %q, want 503 without", w.Code, w.Header().Get("ETag"))
	}
}

func TestStartupWaitsForTheFirstSnapshotAndRequiredChecks(t *testing.T) {
	e, err := NewEndpoints(EndpointsConfig{Service: testService, Interval: time.Second, KubernetesPaths: true})
	if err != nil {
		t.Fatal(err)
	}
	want := func(when string, code int) {
		t.Helper()
		for _, path := range []string{"/health/startup", "/startupz"} {
			if w := do(t, e.Handler(), http.MethodGet, path); w.Code != code {
				t.Errorf("%s: %s: got %d, want %d", when, path, w.Code, code)
			}
		}
	}
	want("before the first snapshot", 503)
	s := healthySnapshot()
	s.Checks = []CheckState{{Name: "db", Kind: CheckDatabase, Required: true}}
	e.Publish(s, time.Now())
	want("while a required check has not run", 503)
	ran := *s
	ran.Checks = []CheckState{{Name: "db", Kind: CheckDatabase, Required: true, Status: Fail}}
	e.Publish(&ran, time.Now())
	want("once it has run", 200)
	e.Publish(s, time.Now())
	want("and from then on", 200)
}

func TestDetailIsHidden(t *testing.T) {
	e := guarded(t, EndpointsConfig{HideDetail: true})
	e.Publish(failingSnapshot(), time.Now())
	if got := do(t, e.Handler(), http.MethodGet, "/health/check").Body.String(); got != "{\"status\":\"fail\"}\n" {
		t.Errorf("anonymous: got %s", got)
	}
	got := do(t, e.Handler(), http.MethodGet, "/health/check", "Authorization", "Bearer "+credentials.Token).Body.String()
	if !strings.Contains(got, `"output"`) || !strings.Contains(got, `"checks"`) {
		t.Errorf("who is known: got %s", got)
	}
}
