package main

import (
	"context"
	"testing"
	"time"
)

func TestRunServesUntilItIsToldToStop(t *testing.T) {
	t.Setenv("HEALTH_DRAIN_DELAY", "1ms")
	t.Chdir(t.TempDir()) // where it keeps its history
	for _, m := range mounts() {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := run(ctx, m.name, "127.0.0.1:0"); err != nil || ctx.Err() == nil {
			t.Errorf("%s: got %v, and the context's %v", m.name, err, ctx.Err())
		}
		cancel()
	}
}

func TestRunRefusesAnUnknownMount(t *testing.T) {
	const want = `mount: got "rails", want one of nethttp, basepath, stripprefix, proxy, proxy-basepath, chi, gin, echo, fiber`
	if err := run(t.Context(), "rails", "127.0.0.1:0"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
