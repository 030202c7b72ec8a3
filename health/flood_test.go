package health_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// flood asks for seven days of history, export and statistics at a fixed rate until ctx ends. What is still being
// answered when the next is due is not waited for, up to eight at once.
func flood(ctx context.Context, tb testing.TB, server *httptest.Server) (done func() int) {
	tb.Helper()
	span := weekOf(7 * days)
	paths := []string{"/health/api/history?" + span, "/health/api/stats?" + span, "/health/export?" + span, "/health/export?format=jsonl&" + span}
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 8, MaxIdleConnsPerHost: 8}}
	var asking sync.WaitGroup
	var mu sync.Mutex
	answered := 0
	slots := make(chan struct{}, 8)
	asking.Go(func() {
		ticks := time.NewTicker(100 * time.Millisecond)
		defer ticks.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			<-ticks.C
			select {
			case slots <- struct{}{}:
			default:
				continue
			}
			asking.Go(func() {
				defer func() { <-slots }()
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+paths[n%len(paths)], http.NoBody)
				if err != nil {
					tb.Error(err)
					return
				}
				response, err := client.Do(r)
				if err != nil {
					return // the flood is over
				}
				_, err = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if err == nil && response.StatusCode == http.StatusOK {
					mu.Lock()
					answered++
					mu.Unlock()
				}
			})
		}
	})
	return func() int {
		asking.Wait()
		client.CloseIdleConnections()
		return answered
	}
}

// residentMiB is the process's resident memory, 0 where /proc does not tell.
func residentMiB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64) // 0 where it is no number
			return kib / 1024
		}
	}
	return 0
}

// BenchmarkProbeInAFlood probes /health, and a handler that writes fixed bytes, by turns, while seven days of history,
// export and statistics are asked for ten times a second: the ratio of both p99, and the memory, are what counts.
func BenchmarkProbeInAFlood(b *testing.B) {
	everybody := health.AuthorizerFunc(func(*http.Request) (health.Identity, error) { return health.Identity{}, nil })
	e := health.Unlimited(newEndpoints(b, health.EndpointsConfig{
		Service: health.TestService, Interval: time.Hour, History: openWeek(b), Protection: health.Protection{Authorizer: everybody},
	}))
	e.Publish(recorded(0), time.Now())
	mux := http.NewServeMux()
	e.Register(mux)
	mux.HandleFunc("GET /fixed", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"pass"}`)) })
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithCancel(b.Context())
	done := flood(ctx, b, server)
	prober := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	ask := func(path string) time.Duration {
		start := time.Now()
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		response, err := prober.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return time.Since(start)
	}
	var probes, fixed []time.Duration
	resident := 0.0
	for b.Loop() {
		probes = append(probes, ask("/health"))
		fixed = append(fixed, ask("/fixed"))
		if len(probes)%64 == 0 {
			resident = max(resident, residentMiB())
		}
	}
	cancel()
	answered := done()
	prober.CloseIdleConnections()
	p99 := func(of []time.Duration) float64 {
		slices.Sort(of)
		return float64(of[len(of)*99/100].Microseconds())
	}
	b.ReportMetric(p99(probes), "µs-p99")
	b.ReportMetric(p99(probes)/p99(fixed), "×fixed-p99")
	b.ReportMetric(resident, "MiB-resident")
	b.ReportMetric(float64(answered)/b.Elapsed().Seconds(), "flood/s")
}
