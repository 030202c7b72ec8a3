package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

const token = "a-token-for-the-test"

// application is one that runs with the endpoints mounted, seen by a client.
type application struct {
	t      *testing.T
	base   string // URL of its "/", without the slash
	prefix string
	client *http.Client
}

// authorizer lets the token pass, and takes the name from a header as behind a proxy that people log in at.
func authorizer(r *http.Request) (health.Identity, error) {
	if r.Header.Get("Authorization") != "Bearer "+token {
		return health.Identity{}, errors.New("no token")
	}
	return health.Identity{Name: r.Header.Get("X-User")}, nil
}

func newEndpoints(t *testing.T, c health.EndpointsConfig) *health.Endpoints {
	t.Helper()
	c.Interval = time.Hour
	e, err := health.NewEndpoints(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// start serves e as m says until the test ends.
func start(t *testing.T, m mount, e endpoints) *application {
	t.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- m.serve(ctx, listener, e) }()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return &application{t, "http://" + listener.Addr().String(), m.prefix, &http.Client{
		Transport:     transport,
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// startMonitored starts an application with a monitor that has taken its first snapshot, written it to its history, and
// has an alert that fires.
func startMonitored(t *testing.T, m mount) *application {
	t.Helper()
	monitor, err := otelhealth.Start(t.Context(),
		otelhealth.WithBasePath(m.basePath),
		otelhealth.WithInterval(time.Hour),
		otelhealth.WithHistory(otelhealth.HistoryConfig{Path: filepath.Join(t.TempDir(), "health.db")}),
		otelhealth.WithAuthorizer(health.AuthorizerFunc(authorizer)),
		otelhealth.WithRules(alerting.Rule{Name: "always", Metric: "go.goroutine.count", Warn: alerting.At(1)}),
		otelhealth.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := monitor.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	a := start(t, m, monitor)
	for deadline := time.Now().Add(20 * time.Second); !a.hasSample(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no sample reaches the history")
		}
	}
	return a
}

func (a *application) hasSample() bool {
	var samples []struct{ Timestamp string }
	poller := http.Header{"X-User": {"poller"}} // who asks often does so at the expense of nobody else
	answer := a.do(request{path: a.prefix + "/health/api/history", header: poller})
	return answer.status == http.StatusOK && json.Unmarshal(answer.body, &samples) == nil && len(samples) > 0
}

// alert returns the id of the alert that fires.
func (a *application) alert() string {
	a.t.Helper()
	var alerts []struct{ ID json.Number }
	answer := a.do(request{path: a.prefix + "/health/api/alerts"})
	if err := json.Unmarshal(answer.body, &alerts); err != nil || len(alerts) != 1 {
		a.t.Fatalf("alerts: got %d %s, want one", answer.status, answer.body)
	}
	return alerts[0].ID.String()
}

// request is what a client sends; its method is GET unless it says otherwise.
type request struct {
	method, path, form string
	header             http.Header
	anonymous          bool
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *application) do(r request) answer {
	a.t.Helper()
	answer, err := a.try(r)
	if err != nil {
		a.t.Fatal(err)
	}
	return answer
}

// try returns an error when the answer is not whole.
func (a *application) try(r request) (answer, error) {
	a.t.Helper()
	response, err := a.send(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, body}, err
}

func (a *application) send(r request) (*http.Response, error) {
	a.t.Helper()
	sent, err := http.NewRequestWithContext(a.t.Context(), r.method, a.base+r.path, strings.NewReader(r.form))
	if err != nil {
		a.t.Fatal(err)
	}
	if r.header != nil {
		sent.Header = r.header.Clone()
	}
	if r.form != "" {
		sent.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !r.anonymous {
		sent.Header.Set("Authorization", "Bearer "+token)
	}
	return a.client.Do(sent)
}
