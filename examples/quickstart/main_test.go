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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// service is the quickstart as a process of its own.
type service struct {
	t       *testing.T
	command *exec.Cmd
	base    string
	client  *http.Client
}

func startService(t *testing.T) *service {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("ends by a signal that Windows does not have")
	}
	binary := filepath.Join(t.TempDir(), "quickstart")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	s := &service{t: t, command: exec.Command(binary, "-addr", "127.0.0.1:0")}
	s.command.Env = append(os.Environ(), "HEALTH_SAMPLE_INTERVAL=300ms", "HEALTH_DRAIN_DELAY=100ms")
	s.command.Stderr = os.Stderr
	out, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.command.Process.Kill() }) // ended already where the test got that far
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
	return s
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
	Monitor  struct{ Sequence int }
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
	before := s.current().Monitor.Sequence
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if n := s.current(); n.Monitor.Sequence >= before+2 {
			return n
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal("no new sample")
	return numbers{}
}

func TestQuickstartShowsWhatHappensToIt(t *testing.T) {
	s := startService(t)
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
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.command.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
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
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := run(ctx, listener.Addr().String()); err == nil || ctx.Err() != nil {
		t.Errorf("got %v after %v", err, ctx.Err())
	}
}

func TestTroubleIsRefused(t *testing.T) {
	var planted trouble
	mux := http.NewServeMux()
	mux.Handle("POST /demo/{kind}", loopbackOnly(http.HandlerFunc(planted.servePlant)))
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

func TestWelcomeSaysWhereToLook(t *testing.T) {
	text := welcome("http://localhost:1")
	for _, path := range []string{"/health", "/health/check", "/health/api/current", "/demo/files?n=200", "/ws"} {
		if !strings.Contains(text, "http://localhost:1"+path) {
			t.Errorf("%s is not mentioned", path)
		}
	}
}
