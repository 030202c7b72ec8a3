package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// service is the quickstart as a process of its own.
type service struct {
	t       *testing.T
	binary  string
	folder  string // in which it runs, and keeps its history
	command *exec.Cmd
	base    string
	client  *http.Client
}

func buildService(t *testing.T) *service {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("ends by a signal that Windows does not have")
	}
	s := &service{t: t, binary: filepath.Join(t.TempDir(), "quickstart"), folder: t.TempDir()}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return s
}

func (s *service) start(interval string) {
	t := s.t
	t.Helper()
	s.command = exec.Command(s.binary, "-addr", "127.0.0.1:0")
	s.command.Dir = s.folder
	s.command.Env = append(os.Environ(), "HEALTH_SAMPLE_INTERVAL="+interval, "HEALTH_DRAIN_DELAY=100ms")
	s.command.Stderr = os.Stderr
	out, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	process := s.command.Process
	t.Cleanup(func() { _ = process.Kill() }) // ended already where the test got that far
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("it says nothing: %v", lines.Err())
	}
	_, s.base, _ = strings.Cut(lines.Text(), "listens at ")
	go func() {
		_, _ = io.Copy(io.Discard, out) // what it says later
	}()
	// One connection, so that the requests of the test move no descriptors.
	s.client = &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: 10 * time.Second}
}

// end stops it as an orchestrator would.
func (s *service) end() {
	s.t.Helper()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.command.Wait(); err != nil {
		s.t.Errorf("after SIGTERM: %v", err)
	}
}

func (s *service) do(method, path string) (status int, body []byte, header http.Header) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, body, response.Header
}

// numbers are those of /health/api/current that the test looks at.
type numbers struct {
	FD         struct{ Count int }
	Goroutines struct{ Count int }
	Memory     struct {
		RSSMB float64 `json:"rss_mb"`
	}
	WebSocket struct {
		Total        int
		TotalSymbols int `json:"total_symbols"`
	}
	Database struct{ Connections map[string]int }
}

func (s *service) current() (n numbers) {
	s.t.Helper()
	status, body, _ := s.do(http.MethodGet, "/health/api/current")
	if status == http.StatusServiceUnavailable {
		return numbers{} // no snapshot yet
	}
	if err := json.Unmarshal(body, &n); err != nil {
		s.t.Fatalf("%v in %s", err, body)
	}
	return n
}

// next returns the numbers of a sample that was begun after the call.
func (s *service) next() numbers {
	s.t.Helper()
	s.sampled()
	s.sampled() // the first may have been begun before
	return s.current()
}

// sampled waits for a sample. A probe may be asked as often as one likes.
func (s *service) sampled() {
	s.t.Helper()
	before := s.sampleTime()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if s.sampleTime() != before {
			return
		}
	}
	s.t.Fatal("no new sample")
}

// sampleTime is the time of the sample that the probe answers for; empty: there is none.
func (s *service) sampleTime() string {
	s.t.Helper()
	_, body, _ := s.do(http.MethodGet, "/health/check")
	var probe struct {
		Checks map[string][]struct{ Time string }
	}
	if err := json.Unmarshal(body, &probe); err != nil {
		s.t.Fatalf("%v in %s", err, body)
	}
	for _, check := range probe.Checks["system:file-descriptors"] {
		return check.Time
	}
	return ""
}

func TestQuickstartShowsWhatHappensToIt(t *testing.T) {
	t.Parallel()
	s := buildService(t)
	s.start("300ms")
	s.next()
	for path, mediaType := range map[string]string{
		"/health": "application/json", "/health/status": "application/json",
		"/health/check": "application/health+json", "/health/api/current": "application/json", "/orders": "application/json",
	} {
		if status, body, header := s.do(http.MethodGet, path); status != 200 || header.Get("Content-Type") != mediaType {
			t.Errorf("%s: got %d %s: %s", path, status, header.Get("Content-Type"), body)
		}
	}
	s.plantFiles()
	s.plantMemory() // which collects garbage: the runtime starts goroutines for cleanups only when it does so first
	s.plantGoroutines()
	s.openWebSockets()
	s.end()
}

// alert is what the test looks at of /health/api/alerts.
type alert struct {
	ID             int64
	Type           string `json:"alert_type"`
	State          string
	Severity       string
	Acknowledged   bool
	Note           string
	AcknowledgedBy string `json:"acknowledged_by"`
	Began          time.Time
	Peak           float64
	Lasted         float64 `json:"lasted_seconds"`
	Cause          string
}

// alerts returns the alerts of the fd rule.
func (s *service) alerts(query string) []alert {
	s.t.Helper()
	status, body, _ := s.do(http.MethodGet, "/health/api/alerts"+query)
	var all []alert
	if err := json.Unmarshal(body, &all); err != nil || status != http.StatusOK {
		s.t.Fatalf("got %d, %v: %s", status, err, body)
	}
	return slices.DeleteFunc(all, func(a alert) bool { return !strings.HasPrefix(a.Type, "fd_") })
}

// await returns the one alert of the fd rule once it is as is wanted.
func (s *service) await(what, query string, wanted func(alert) bool) alert {
	s.t.Helper()
	var seen []alert
	for range 20 {
		if seen = s.alerts(query); len(seen) == 1 && wanted(seen[0]) {
			return seen[0]
		}
		s.sampled()
	}
	s.t.Fatalf("%s never came: got %+v", what, seen)
	return alert{}
}

func (s *service) post(path string) {
	s.t.Helper()
	if status, body, _ := s.do(http.MethodPost, path); status != http.StatusOK {
		s.t.Fatalf("%s: got %d: %s", path, status, body)
	}
}

func TestAlertFromTheFirstBreachOverARestartToItsEnd(t *testing.T) {
	t.Parallel()
	s := buildService(t)
	s.start("2s") // a restart loses the planted files, and three healthy samples would end the alert
	s.next()
	s.post("/demo/files?n=900")
	s.next()
	fired := s.alerts("")
	if len(fired) != 1 || fired[0].Severity != "fail" || fired[0].Type != "fd_fail" {
		t.Fatalf("at the next sample: got %+v", fired)
	}
	id := strconv.FormatInt(fired[0].ID, 10)
	s.post("/health/api/alerts/" + id + "/acknowledge")
	if a := s.alerts("")[0]; !a.Acknowledged || a.AcknowledgedBy == "" {
		t.Errorf("acknowledged: got %+v", a)
	}
	s.post("/demo/files?n=720")
	eased := s.await("warn", "", func(a alert) bool { return a.Severity == "warn" })
	if eased.ID != fired[0].ID || !eased.Acknowledged || eased.Peak < 900 {
		t.Errorf("de-escalated: got %+v, want it in place", eased)
	}
	s.end()

	s.start("2s")
	s.post("/demo/files?n=720")
	again := s.await("the alert", "", func(alert) bool { return true })
	if again.ID != eased.ID || !again.Began.Equal(eased.Began) || !again.Acknowledged || again.Peak != eased.Peak {
		t.Errorf("after a restart: got %+v, want %+v", again, eased)
	}
	s.next()
	s.await("the same alert two samples later", "", func(a alert) bool { return a.ID == eased.ID })
	s.post("/demo/files?n=0")
	ended := s.await("its end", "?state=all", func(a alert) bool { return a.State == "resolved" })
	if ended.ID != eased.ID || ended.Cause != "recovered" || ended.Peak != eased.Peak || ended.Lasted < 6 {
		t.Errorf("in the end: got %+v", ended)
	}
	if open := s.alerts(""); len(open) != 0 {
		t.Errorf("still open: %+v", open)
	}
	s.end()
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	s := buildService(t)
	s.start("1h")
	address := strings.TrimPrefix(s.base, "http://")
	if code, said := s.healthcheck(address); code != 0 || said != "" {
		t.Errorf("while it runs: got %d, %q, want 0 and nothing said", code, said)
	}
	s.end()
	code, said := s.healthcheck(address)
	if code != 1 || !strings.HasPrefix(said, "not healthy: GET "+s.base+"/health: ") || strings.Count(said, "\n") != 1 {
		t.Errorf("once it has ended: got %d, %q, want 1 and one line that says why", code, said)
	}
}

// healthcheck runs the quickstart as a container's health check does, in an environment that names a proxy.
func (s *service) healthcheck(address string) (code int, said string) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), s.binary, "-addr", address, "-healthcheck")
	command.Env = append(os.Environ(), "HTTP_PROXY=http://192.0.2.1:1")
	out, err := command.CombinedOutput()
	if command.ProcessState == nil {
		s.t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out)
}

// settled returns numbers in which the service is as busy as it stays: the pool may open a connection more when an
// order is placed just as another one is.
func (s *service) settled() numbers {
	s.t.Helper()
	for range 10 {
		before, after := s.next(), s.next()
		if before.FD.Count == after.FD.Count && before.Goroutines.Count == after.Goroutines.Count {
			return after
		}
	}
	s.t.Fatal("the service does not come to rest")
	return numbers{}
}

func (s *service) plantFiles() {
	s.t.Helper()
	before := s.settled()
	if status, body, _ := s.do(http.MethodPost, "/demo/files?n=200"); status != 200 {
		s.t.Fatalf("got %d: %s", status, body)
	}
	if after := s.next(); after.FD.Count != before.FD.Count+200 {
		s.t.Errorf("200 files more: %d descriptors became %d", before.FD.Count, after.FD.Count)
	}
	s.do(http.MethodPost, "/demo/files?n=0")
	if after := s.next(); after.FD.Count != before.FD.Count {
		s.t.Errorf("and back: %d descriptors, want %d", after.FD.Count, before.FD.Count)
	}
}

func (s *service) plantGoroutines() {
	s.t.Helper()
	before := s.settled()
	s.do(http.MethodPost, "/demo/goroutines?n=300")
	after := s.settled() // the driver has goroutines of its own while an order is placed
	if after.Goroutines.Count != before.Goroutines.Count+300 {
		s.t.Errorf("300 goroutines more: %d became %d", before.Goroutines.Count, after.Goroutines.Count)
	}
	s.do(http.MethodPost, "/demo/goroutines?n=0")
}

func (s *service) plantMemory() {
	s.t.Helper()
	before := s.next()
	s.do(http.MethodPost, "/demo/memory?n=100")
	if grown := s.next().Memory.RSSMB - before.Memory.RSSMB; grown < 90 || grown > 150 {
		s.t.Errorf("100 MiB more: RSS grew by %v", grown)
	}
	s.do(http.MethodPost, "/demo/memory?n=0")
}

func (s *service) openWebSockets() {
	s.t.Helper()
	before := s.settled()
	connections := make([]*websocket.Conn, 50)
	for i := range connections {
		c, _, err := websocket.Dial(s.t.Context(), s.base+"/ws", nil) //nolint:bodyclose // the library closes it
		if err != nil {
			s.t.Fatal(err)
		}
		if err := c.Write(s.t.Context(), websocket.MessageText, []byte("subscribe AAPL MSFT")); err != nil {
			s.t.Fatal(err)
		}
		if _, echo, err := c.Read(s.t.Context()); err != nil || string(echo) != "subscribe AAPL MSFT" {
			s.t.Fatalf("echo: got %q, %v", echo, err)
		}
		connections[i] = c
	}
	after := s.next()
	if after.WebSocket.Total != before.WebSocket.Total+50 || after.WebSocket.TotalSymbols != before.WebSocket.TotalSymbols+100 {
		s.t.Errorf("50 connections more: %+v became %+v", before.WebSocket, after.WebSocket)
	}
	if after.FD.Count != before.FD.Count+50 {
		s.t.Errorf("50 connections more: %d descriptors became %d", before.FD.Count, after.FD.Count)
	}
	for _, c := range connections {
		if err := c.CloseNow(); err != nil {
			s.t.Error(err)
		}
	}
	if back := s.next(); back.WebSocket.Total != before.WebSocket.Total || back.WebSocket.TotalSymbols != before.WebSocket.TotalSymbols {
		s.t.Errorf("and back: %+v, want %+v", back.WebSocket, before.WebSocket)
	}
}

func TestBusyPortIsSaidAtOnce(t *testing.T) {
	t.Chdir(t.TempDir()) // where the history is kept
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := run(ctx, listener.Addr().String(), door{}); err == nil || ctx.Err() != nil {
		t.Errorf("got %v after %v", err, ctx.Err())
	}
}

func TestTroubleIsRefused(t *testing.T) {
	var planted trouble
	mux := http.NewServeMux()
	mux.Handle("POST /demo/{kind}", door{}.localOnly(http.HandlerFunc(planted.servePlant)))
	for _, test := range []struct {
		name, from, path, site string
		want                   int
		host                   string
	}{
		{"by a name that was made to point here", "127.0.0.1:4711", "/demo/files?n=1", "", http.StatusForbidden, "evil.example"},
		{"from elsewhere", "192.0.2.1:4711", "/demo/files?n=1", "", http.StatusForbidden, ""},
		{"by another site's page", "127.0.0.1:4711", "/demo/files?n=1", "cross-site", http.StatusForbidden, ""},
		{"without a number", "127.0.0.1:4711", "/demo/files", "", http.StatusBadRequest, ""},
		{"with a word", "127.0.0.1:4711", "/demo/files?n=many", "", http.StatusBadRequest, ""},
		{"below zero", "127.0.0.1:4711", "/demo/memory?n=-1", "", http.StatusBadRequest, ""},
		{"above the limit", "127.0.0.1:4711", "/demo/memory?n=1000000", "", http.StatusBadRequest, ""},
		{"of another kind", "127.0.0.1:4711", "/demo/disks?n=1", "", http.StatusNotFound, ""},
		{"but not from this machine", "[::1]:4711", "/demo/files?n=1", "", http.StatusOK, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.path, http.NoBody)
			r.RemoteAddr, r.Host = test.from, "localhost:8080"
			if test.host != "" {
				r.Host = test.host
			}
			r.Header.Set("Sec-Fetch-Site", test.site)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, test.want)
			}
		})
	}
	planted.release()
}

func TestDoorOfAContainer(t *testing.T) {
	for _, test := range []struct {
		name, from, host string
		door             door
		open             bool
	}{
		{"from its network, not published", "172.18.0.1:4711", "127.0.0.1:8080", door{}, false},
		{"from its network", "172.18.0.1:4711", "127.0.0.1:8080", door{published: true}, true},
		{"by a name that was made to point here", "172.18.0.1:4711", "evil.example", door{published: true}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health/api/current", http.NoBody)
			r.RemoteAddr, r.Host = test.from, test.host
			if _, err := test.door.authorize(r); (err == nil) != test.open {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWelcomeSaysWhereToLook(t *testing.T) {
	text := welcome("http://localhost:1")
	for _, path := range []string{"/health", "/health/check", "/health/api/current", "/demo/files?n=900", "/ws"} {
		if !strings.Contains(text, "http://localhost:1"+path) {
			t.Errorf("%s is not mentioned", path)
		}
	}
}
