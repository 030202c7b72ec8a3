package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"
)

// service is the quickstart as a process of its own, with its history in a folder of its own.
type service struct {
	*process
	address     string
	folder      string
	environment []string
}

// startService starts the quickstart with these settings, sampling every second unless they say otherwise.
func startService(t *testing.T, settings ...string) *service {
	t.Helper()
	s := &service{address: freeAddress(t), folder: t.TempDir()}
	s.environment = append([]string{"HEALTH_SAMPLE_INTERVAL=1", "HEALTH_DRAIN_DELAY=0"}, settings...)
	s.begin(t)
	return s
}

// begin starts the process, again after it was killed.
func (s *service) begin(t *testing.T) {
	t.Helper()
	s.process = start(t, s.folder, programs.quickstart, s.environment, "-addr", s.address)
	await(t, 20*time.Second, "the quickstart is ready", func() error {
		if err := s.alive(); err != nil {
			return err
		}
		_, err := s.get("/health/check", nil)
		return err
	})
}

// get returns the body of a route that answers 200.
func (s *service) get(path string, query url.Values) ([]byte, error) {
	return fetch(http.MethodGet, "http://"+s.address+path+"?"+query.Encode())
}

// plant asks for trouble of a kind; 0 takes it back.
func (s *service) plant(kind string, n int) {
	s.t.Helper()
	if _, err := fetch(http.MethodPost, fmt.Sprintf("http://%s/demo/%s?n=%d", s.address, kind, n)); err != nil {
		s.t.Fatal(err)
	}
}

// fetch returns the body of an answer with status 200.
func fetch(method, address string) ([]byte, error) {
	request, err := http.NewRequest(method, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: got %s, want 200: %s", method, address, response.Status, body)
	}
	return body, nil
}

// ticks returns the times of every sample in the service's history, oldest first.
func (s *service) ticks() []time.Time {
	s.t.Helper()
	var samples []struct{ Timestamp time.Time }
	s.decode("/health/api/history", url.Values{"hours": {"1"}, "series": {"fd_count"}}, &samples)
	times := make([]time.Time, len(samples))
	for n, sample := range samples {
		times[n] = sample.Timestamp
	}
	return times
}

// decode reads the JSON that a route answers.
func (s *service) decode(path string, query url.Values, into any) {
	s.t.Helper()
	body, err := s.get(path, query)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		s.t.Fatalf("%s: %v in %s", path, err, body)
	}
}

// firing returns the rules of which an alert fires.
func (s *service) firing() []string {
	s.t.Helper()
	var alerts []struct{ Rule, State string }
	s.decode("/health/api/alerts", nil, &alerts)
	var rules []string
	for _, alert := range alerts {
		if alert.State == "firing" {
			rules = append(rules, alert.Rule)
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// exportTo are the settings that make a service push to an OTLP endpoint.
func exportTo(address string) []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + address}
}
