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
	began       time.Time // when it was ready, the last time that it was started
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
	s.began = time.Now()
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

// promptly is how long a service may take to stop, whatever it has not got rid of.
const promptly = 2 * time.Second

// mustGoOn asks the service how it is for that long, while something around it is out of order. It fails the test when
// an answer takes more than a second, or when a sample, since the service was started, comes more than that after its
// interval.
func (s *service) mustGoOn(t *testing.T, d, interval time.Duration) {
	t.Helper()
	const most = time.Second
	if slowest := s.ask(t, d); slowest > most {
		t.Errorf("a request took %s", slowest)
	}
	ticks := slices.DeleteFunc(s.ticks(), s.began.After)
	ticks = append(ticks, time.Now()) // the next one may be held up still
	if late := gaps(ticks, interval+most); len(late) > 0 {
		t.Errorf("sampling was held up after %s", joined(late))
	}
}

// ask asks the service how it is for that long, and returns the longest time that an answer took.
func (s *service) ask(t *testing.T, d time.Duration) time.Duration {
	t.Helper()
	pauses := time.NewTicker(20 * time.Millisecond)
	defer pauses.Stop()
	var took []time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); <-pauses.C {
		for _, path := range []string{"/health", "/health/check", "/orders"} {
			began := time.Now()
			if _, err := s.get(path, nil); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
	}
	return slices.Max(took)
}

// gaps returns the times that are followed by another one only after more than most.
func gaps(times []time.Time, most time.Duration) (late []time.Time) {
	for n := 1; n < len(times); n++ {
		if times[n].Sub(times[n-1]) > most {
			late = append(late, times[n-1])
		}
	}
	return late
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

// exportMetricsTo is exportTo without the quickstart's own spans, which it takes its time to give up when it stops.
func exportMetricsTo(address string) []string {
	return []string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://" + address}
}
