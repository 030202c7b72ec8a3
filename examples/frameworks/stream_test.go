package main

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// Events come at once, and the stream ends before the server does.
func TestEventStream(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m mount) {
		e := newEndpoints(t, health.EndpointsConfig{
			BasePath: m.basePath, Protection: health.Protection{Authorizer: health.AuthorizerFunc(authorizer)},
		})
		a := start(t, m, e)
		publish := func() { e.Publish(&health.Snapshot{Time: time.Now()}, time.Now()) }
		publish()
		response, err := a.send(request{path: m.prefix + "/health/api/stream"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "text/event-stream" {
			t.Fatalf("got %d %q", response.StatusCode, got)
		}
		events := bufio.NewReader(response.Body)
		for range 3 {
			wantSnapshot(t, events)
			publish()
		}
		e.EndStreams()
		if _, err := io.Copy(io.Discard, events); err != nil {
			t.Errorf("the end: got %v", err)
		}
	})
}

func wantSnapshot(t *testing.T, events *bufio.Reader) {
	t.Helper()
	for {
		line, err := events.ReadString('\n')
		if err != nil {
			t.Fatalf("no snapshot comes: %v", err)
		}
		if strings.TrimSpace(line) == "event: snapshot" {
			return
		}
	}
}
