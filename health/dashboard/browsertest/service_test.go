package browsertest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	_ "modernc.org/sqlite" // the pools' driver

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

const (
	user     = "ann"
	password = "a password of the test"
	token    = "a-token-of-the-test"
)

// service is a real service: a monitor with its history, two pools, two brokers, a queue and checks, behind a server that
// can be stopped and brought back.
type service struct {
	t       *testing.T
	monitor *otelhealth.Monitor
	address string
	files   []*os.File // held to breach the rule fd
	handler http.Handler

	mu     sync.Mutex
	server *http.Server
	served chan error
}

// start starts a service whose history holds seven days.
func start(t *testing.T, options ...otelhealth.Option) *service {
	t.Helper()
	path := filepath.Join(t.TempDir(), "health.db")
	week, err := os.ReadFile(weekOfHistory(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, week, 0o600); err != nil {
		t.Fatal(err)
	}
	orders, quotes := pool(t, 8), pool(t, 4)
	options = append([]otelhealth.Option{
		otelhealth.WithService("orders", "1.4.2", "Takes orders and passes them on"),
		otelhealth.WithInterval(500 * time.Millisecond),
		otelhealth.WithHistory(otelhealth.HistoryConfig{Path: path}),
		otelhealth.WithCredentials(health.Credentials{Token: token, Username: user, Password: password}),
		otelhealth.WithDB("orders", orders), otelhealth.WithDB("quotes", quotes),
		otelhealth.WithWebSocket("fyers", steady(3, 2200)), otelhealth.WithWebSocket("zerodha", steady(2, 1500)),
		otelhealth.WithSource(queue()),
		otelhealth.WithRules(alerting.Rule{Name: "queue", Metric: "orders.queue.length", Warn: alerting.At(100), Fail: alerting.At(500)}),
		otelhealth.WithCheck(otelhealth.Check{Name: "payments", Kind: "service", Interval: time.Second, Probe: healthy}),
		otelhealth.WithCheck(otelhealth.Check{Name: "exchange", Kind: "service", Interval: time.Second, Probe: unhealthy}),
		otelhealth.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}, options...)
	monitor, err := otelhealth.Start(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, monitor: monitor, handler: monitor.Handler()}
	t.Cleanup(func() {
		s.breach(0)
		s.stop()
		if err := monitor.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	s.address = "127.0.0.1:0"
	s.serve()
	return s
}

// serve listens at the service's address, which stays the same from the first time on.
func (s *service) serve() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var listen net.ListenConfig
	listener, err := listen.Listen(context.Background(), "tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	s.server = &http.Server{Handler: s.handler, ReadHeaderTimeout: 5 * time.Second}
	s.served = make(chan error, 1)
	go func(server *http.Server, served chan error) { served <- server.Serve(listener) }(s.server, s.served)
}

// stop closes the listener and every connection. A second time does nothing.
func (s *service) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
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

// page is the address of the page, with what follows it.
func (s *service) page(query string) string { return "http://" + s.address + "/health/" + query }

// breach holds n files open.
func (s *service) breach(n int) {
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

// ask decodes what the API answers. It shows the token, so that the page's own limit is not used up.
func ask[T any](s *service, path string) T {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.page(path), http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var value T
	if err := json.NewDecoder(response.Body).Decode(&value); err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: got %d, %v", path, response.StatusCode, err)
	}
	return value
}

func pool(t *testing.T, most int) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "pool.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(most)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close a pool: %v", err)
		}
	})
	return db
}

func steady(connections, symbols int64) otelhealth.WebSocketStats {
	return func(context.Context) (int64, int64, error) { return connections, symbols, nil }
}

func queue() otelhealth.Source {
	return otelhealth.Source{
		Name: "queue", Gauges: []otelhealth.Gauge{{Name: "orders.queue.length", Unit: "{order}"}},
		Sample: func(_ context.Context, observe otelhealth.Observe) error {
			observe("orders.queue.length", 12, attribute.String("queue", "new"))
			observe("orders.queue.length", 3, attribute.String("queue", "amended"))
			return nil
		},
	}
}

func healthy(context.Context) error { return nil }

func unhealthy(context.Context) error {
	return errors.New("dial tcp 10.0.0.7:443: connect: connection refused")
}
