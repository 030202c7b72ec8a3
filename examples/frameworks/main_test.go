package main

import (
	"context"
	"os"
	"regexp"
	"testing"
	"time"
)

// readmeToken returns the token in the README's command.
func readmeToken(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^HEALTH_API_TOKEN=(\S+) go run \. `).FindSubmatch(readme)
	if found == nil {
		t.Fatal("the README has no command with a token")
	}
	return string(found[1])
}

func TestRunServesUntilItIsToldToStop(t *testing.T) {
	t.Setenv("HEALTH_DRAIN_DELAY", "1ms")
	t.Setenv("HEALTH_API_TOKEN", readmeToken(t))
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
