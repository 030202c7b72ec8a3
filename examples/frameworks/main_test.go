package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestRunServesUntilItIsToldToStop(t *testing.T) {
	t.Setenv("HEALTH_DRAIN_DELAY", "1ms")
	t.Chdir(t.TempDir()) // where it keeps its history
	for _, m := range mounts() {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := run(ctx, m.name, "127.0.0.1:0", ""); err != nil || ctx.Err() == nil {
			t.Errorf("%s: got %v, and the context's %v", m.name, err, ctx.Err())
		}
		cancel()
	}
}

func TestRunRefusesAnUnknownMount(t *testing.T) {
	const want = `mount: got "rails", want one of nethttp, basepath, stripprefix, proxy, proxy-basepath, chi, gin, echo, fiber`
	if err := run(t.Context(), "rails", "127.0.0.1:0", ""); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestBearer(t *testing.T) {
	for _, test := range []struct {
		name, token, sent string
		pass              bool
	}{
		{"the token", "secret", "Bearer secret", true},
		{"another", "secret", "Bearer other", false},
		{"none", "secret", "", false},
		{"an empty one where none is configured", "", "Bearer ", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health/api/current", http.NoBody)
		r.Header.Set("Authorization", test.sent)
		if _, err := bearer(test.token)(r); (err == nil) != test.pass {
			t.Errorf("%s: got %v, want it to pass: %v", test.name, err, test.pass)
		}
	}
}
