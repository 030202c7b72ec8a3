package browsertest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

const (
	user     = "ann"
	password = "a password of the test"
	token    = "a-token-of-the-test"
)

// usual is how many files the service holds open when it is well.
const usual = 120

// service is a real service: a monitor with its history, two pools, three brokers, a queue and checks, behind a server
// that can be stopped and brought back.
type service struct {
	t       *testing.T
	monitor *otelhealth.Monitor
	handler http.Handler
	address string
	files   []*os.File
	streams atomic.Int64           // that are open
	broken  atomic.Pointer[string] // the end of a path that is answered 500
	muffled atomic.Bool            // streams open, and what is in them does not come through

	server *http.Server // nil: stopped
	served chan error
}

// start starts a service whose history holds seven days.
func start(t *testing.T, options ...otelhealth.Option) *service {
	t.Helper()
	theBrowser(t) // where there is none, the test skips
	made, err := week()
	if err != nil {
		t.Fatal(err)
	}
	return startWith(t, made, usual, options...)
}

// startWith starts a service that goes on with a copy of a history, and holds so many files open from the beginning.
func startWith(t *testing.T, file string, files int, options ...otelhealth.Option) *service {
	t.Helper()
	s := &service{t: t, address: "127.0.0.1:0"}
	s.hold(files)
	monitor, err := otelhealth.Start(t.Context(), append(s.options(copied(t, file)), options...)...)
	if err != nil {
		t.Fatal(err)
	}
	s.monitor, s.handler = monitor, monitor.Handler()
	t.Cleanup(func() {
		s.stop()
		if err := monitor.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		s.hold(0)
	})
	s.serve()
	return s
}

func copied(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "health.db")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (s *service) options(file string) []otelhealth.Option {
	return []otelhealth.Option{
		otelhealth.WithService("orders", "1.4.2", "Takes orders and passes them on"),
		otelhealth.WithInterval(500 * time.Millisecond),
		otelhealth.WithHistory(otelhealth.HistoryConfig{Path: file}),
		otelhealth.WithCredentials(health.Credentials{Token: token, Username: user, Password: password}),
		otelhealth.WithDB("orders", pool(s.t, 8, 4, 2)), otelhealth.WithDB("quotes", pool(s.t, 4, 1, 1)),
		otelhealth.WithWebSocket("fyers", steady(3, 2200)), otelhealth.WithWebSocket("upstox", steady(3, 1800)),
		otelhealth.WithWebSocket("zerodha", steady(2, 1500)),
		otelhealth.WithSource(queue()),
		otelhealth.WithRules(alerting.Rule{Name: "queue", Metric: "orders.queue.length", Warn: alerting.At(100), Fail: alerting.At(500)}),
		otelhealth.WithCheck(otelhealth.Check{Name: "payments", Kind: "service", Interval: time.Second, Probe: healthy}),
		otelhealth.WithCheck(otelhealth.Check{Name: "exchange", Kind: "service", Interval: time.Second, Probe: healthy}),
		otelhealth.WithLogger(slog.New(slog.DiscardHandler)),
	}
}

// ServeHTTP counts the streams that are open, and stands before the monitor as a proxy that may fail.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if broken := s.broken.Load(); broken != nil && strings.HasSuffix(r.URL.Path, *broken) {
		http.Error(w, "broken by the test", http.StatusInternalServerError)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/stream") {
		s.streams.Add(1)
		defer s.streams.Add(-1)
		if s.muffled.Load() {
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush() // the page is what is tested
			<-r.Context().Done()
			return
		}
	}
	s.handler.ServeHTTP(w, r)
}

// serve listens at the service's address, which stays the same from the first time on.
func (s *service) serve() {
	s.t.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(context.Background(), "tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	s.served = make(chan error, 1)
	go func(server *http.Server, served chan error) { served <- server.Serve(listener) }(s.server, s.served)
}

// stop closes the listener and every connection. A second time does nothing.
func (s *service) stop() {
	if s.server == nil {
		return
	}
	if err := s.server.Close(); err != nil {
		s.t.Errorf("close the server: %v", err)
	}
	if err := <-s.served; !errors.Is(err, http.ErrServerClosed) {
		s.t.Errorf("serve: %v", err)
	}
	s.server = nil
}

// remembers waits until the history has a reading of each metric: the page asks for the names when it opens, and only a
// minute later again.
func (s *service) remembers(metrics ...string) {
	s.t.Helper()
	if !eventually(func() bool {
		known := ask[[]struct{ Name string }](s, "api/series")
		return !slices.ContainsFunc(metrics, func(metric string) bool {
			return !slices.ContainsFunc(known, func(one struct{ Name string }) bool { return one.Name == metric })
		})
	}) {
		s.t.Fatalf("the history does not have all of %q", metrics)
	}
}

// page is the address of the page, with what follows it.
func (s *service) page(query string) string { return "http://" + s.address + "/health/" + query }

// hold holds n files open.
func (s *service) hold(n int) {
	s.t.Helper()
	for len(s.files) > n {
		last := len(s.files) - 1
		if err := s.files[last].Close(); err != nil {
			s.t.Fatal(err)
		}
		s.files = s.files[:last]
	}
	for len(s.files) < n {
		f, err := os.Open(os.DevNull)
		if err != nil {
			s.t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
}

// eventually waits for a condition outside the page, and reports whether it came true.
func eventually(condition func() bool) bool {
	ticks := time.NewTicker(time.Second) // the API answers sixty times a minute
	defer ticks.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-ticks.C {
		if condition() {
			return true
		}
	}
	return false
}
