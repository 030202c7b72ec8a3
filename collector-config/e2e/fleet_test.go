package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Fifty instances of examples/fleet push through an agent and a gateway, and the report says that nothing was lost.
func TestFleet(t *testing.T) {
	t.Parallel()
	s := startMetrics(t)
	fleet := filepath.Join(t.TempDir(), "fleet")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", fleet, "./examples/fleet")
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}

	// Prometheus scrapes the Collectors every 15 s, and two scrapes make a rate.
	out, err := exec.CommandContext(t.Context(), fleet, "-n", "50", "-interval", "2s", "-for", "40s",
		"-endpoint", "http://"+s.agent.otlp, "-prometheus", "http://"+s.prometheus.address).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{": 0 lost", s.agent.telemetry, s.gateway.telemetry, " 0 of "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
}
