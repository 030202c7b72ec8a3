package scrape_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/otelhealth"
	"github.com/otelhealth/otelhealth-go/otelhealth/scrape"
)

func start(t *testing.T, options ...otelhealth.Option) (*otelhealth.Monitor, *httptest.Server) {
	t.Helper()
	m, err := otelhealth.Start(t.Context(), append(options, scrape.With(), otelhealth.WithoutHistory(), otelhealth.WithInterval(time.Hour),
		otelhealth.WithCredentials(health.Credentials{Token: "s3cret-of-the-test"}), otelhealth.WithLogger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); m.Snapshot() == nil; {
		if time.Now().After(deadline) {
			t.Fatal("no snapshot")
		}
	}
	server := httptest.NewServer(m.Handler())
	t.Cleanup(server.Close)
	return m, server
}

func fetch(t *testing.T, server *httptest.Server, token string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestScrapeShowsTheLastSample(t *testing.T) {
	tracker := new(otelhealth.WebSocketTracker)
	tracker.Opened()
	m, server := start(t, otelhealth.WithWebSocket("echo", tracker.Stats))
	tracker.Opened() // after the sample
	status, body := fetch(t, server, "s3cret-of-the-test")
	if status != http.StatusOK {
		t.Fatalf("got %d: %s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for metric, family := range map[string]string{
		health.MetricFDCount:       "process_unix_file_descriptor_count",
		health.MetricMemoryRSS:     "process_memory_usage_bytes",
		health.MetricWSConnections: "otelhealth_websocket_connection_count",
		health.MetricAlertFiring:   "otelhealth_alert_firing",
		health.MetricGoroutines:    "go_goroutine_count",
	} {
		f := families[family]
		if f == nil {
			t.Errorf("%s is missing", family)
			continue
		}
		sum := 0.0
		for _, m := range f.GetMetric() {
			sum += m.GetGauge().GetValue() + m.GetUntyped().GetValue()
		}
		if want := float64(m.Snapshot().Value(metric)); sum != want {
			t.Errorf("%s: got %v, want %v, the last sample's", family, strconv.FormatFloat(sum, 'f', -1, 64), want)
		}
	}
	if status, _ := fetch(t, server, "wrong"); status != http.StatusUnauthorized {
		t.Errorf("with a wrong token: got %d", status)
	}
}

func TestScrapeWithoutSemconvNames(t *testing.T) {
	_, server := start(t, otelhealth.WithoutSemconvNames())
	_, body := fetch(t, server, "s3cret-of-the-test")
	if strings.Contains(body, "\nprocess_") || strings.Contains(body, "\ngo_") || !strings.Contains(body, "\notelhealth_") {
		t.Errorf("got %s", body)
	}
}
