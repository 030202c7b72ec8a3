package e2e

import (
	"errors"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// collector is an OpenTelemetry Collector with shipped configuration files, unchanged: their addresses and paths come
// from the environment. Its queues are in a folder of its own, which it finds again when it is started again.
type collector struct {
	*process
	otlp        string // address of its OTLP receiver, gRPC
	health      string
	telemetry   string // address at which Prometheus scrapes it
	folder      string
	arguments   []string
	environment []string
}

// smallQueue is a setting: the smallest queues that the shipped files allow, which hold one batch.
const smallQueue = "QUEUE_BYTES=500000"

// newCollector lays one out with files of collector-config, merged in this order, and does not start it.
func newCollector(t *testing.T, settings []string, files ...string) *collector {
	t.Helper()
	c := &collector{otlp: freeAddress(t), health: freeAddress(t), telemetry: freeAddress(t), folder: t.TempDir()}
	for _, file := range files {
		c.configure(t, file)
	}
	c.environment = append([]string{
		"LISTEN_HOST=127.0.0.1",
		"OTLP_GRPC_PORT=" + portOf(t, c.otlp),
		"OTLP_HTTP_PORT=" + portOf(t, freeAddress(t)),
		"HEALTH_PORT=" + portOf(t, c.health),
		"TELEMETRY_PORT=" + portOf(t, c.telemetry),
		"STORAGE_DIR=" + filepath.Join(c.folder, "queue"),
	}, settings...)
	return c
}

// configure merges one more file of collector-config.
func (c *collector) configure(t *testing.T, file string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(configurations, file))
	if err != nil {
		t.Fatal(err)
	}
	c.arguments = append(c.arguments, "--config="+path)
}

// begin starts it, again after it was stopped or killed.
func (c *collector) begin(t *testing.T) {
	t.Helper()
	c.process = start(t, c.folder, filepath.Join(programs.stack, "otelcol"), c.environment, c.arguments...)
	await(t, 30*time.Second, "the Collector is ready", func() error {
		if err := c.alive(); err != nil {
			return err
		}
		_, err := fetch("GET", "http://"+c.health)
		return err
	})
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// awaitTelemetry waits until one of the Collector's own metrics is above 0.
func (c *collector) awaitTelemetry(t *testing.T, metric string) {
	t.Helper()
	positive := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(metric) + `[{_].* [1-9]`)
	await(t, 2*time.Minute, metric+" is above 0", func() error {
		body, err := fetch("GET", "http://"+c.telemetry+"/metrics")
		if err == nil && !positive.Match(body) {
			err = errors.New("it is not")
		}
		return err
	})
}

// telemetrySum is the sum of one of the Collector's own metrics over all attributes; 0 where it has none yet.
func (c *collector) telemetrySum(t *testing.T, metric string) (sum float64) {
	t.Helper()
	body, err := fetch("GET", "http://"+c.telemetry+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(metric)+`(?:_total)?\{.*\} (\S+)$`).FindAllSubmatch(body, -1) {
		value, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += value
	}
	return sum
}
