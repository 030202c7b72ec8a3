package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCollectorConfigurations has the Collector judge each configuration, and each overlay on top of what it is for.
func TestCollectorConfigurations(t *testing.T) {
	t.Parallel()
	used := make(map[string]bool)
	for _, files := range [][]string{
		{"agent.yaml"},
		{"agent.yaml", "overlay-agent-tls.yaml"},
		{"agent.yaml", "overlay-agent-tls.yaml", "overlay-agent-bearer.yaml"},
		{"agent.yaml", "overlay-tls.yaml", "overlay-bearer.yaml"},
		{"gateway.yaml"},
		{"gateway.yaml", "overlay-tls.yaml"},
		{"gateway.yaml", "overlay-tls.yaml", "overlay-bearer.yaml"},
		{"gateway-loadbalancing.yaml"},
		{"gateway-loadbalancing.yaml", "overlay-loadbalancing-tls.yaml"},
		{"gateway-loadbalancing.yaml", "overlay-loadbalancing-tls.yaml", "overlay-loadbalancing-bearer.yaml"},
		{"gateway-loadbalancing.yaml", "overlay-tls.yaml", "overlay-bearer.yaml"},
		{
			"gateway-loadbalancing.yaml", "overlay-tls.yaml", "overlay-bearer.yaml",
			"overlay-loadbalancing-tls.yaml", "overlay-loadbalancing-bearer.yaml",
		},
	} {
		arguments := []string{"validate"}
		for _, file := range files {
			used[file] = true
			arguments = append(arguments, "--config="+filepath.Join(configurations, file))
		}
		t.Run(strings.Join(files, " "), func(t *testing.T) { check(t, "otelcol", arguments...) })
	}
	for _, path := range glob(t, "*.yaml") {
		if name := filepath.Base(path); !used[name] && name != "builder.yaml" {
			t.Errorf("%s was not validated", name)
		}
	}
}

func TestPrometheusConfiguration(t *testing.T) {
	t.Parallel()
	check(t, "promtool", "check", "config", filepath.Join(configurations, "prometheus", "prometheus.yml"))
	check(t, "promtool", append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, glob(t, "prometheus/rules/*.yml")...)...)
	check(t, "promtool", append([]string{"test", "rules"}, glob(t, "prometheus/tests/*.yml")...)...)
}

func TestAlertmanagerConfiguration(t *testing.T) {
	t.Parallel()
	check(t, "amtool", "check-config", filepath.Join(configurations, "alertmanager", "alertmanager.yml"))
}

// glob returns the shipped files that fit, of which there is one at least.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(configurations, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: got no file (%v)", pattern, err)
	}
	return paths
}

// check runs a program that judges files.
func check(t *testing.T, program string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(programs.stack, program), arguments...)
	command.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", program, strings.Join(arguments, " "), err, out)
	}
}
