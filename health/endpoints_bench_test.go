package health

import (
	"net/http"
	"testing"
	"time"
)

// discard is a ResponseWriter that is used again and again, so that only the handler is measured.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// fixedBytes is the reference: a handler that writes the same bytes each time, with one header.
func fixedBytes(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = fixedType
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(fixedBody)
}

// fixedResponse is the reference that sends what the endpoints send: fixed bytes with the same four headers.
func fixedResponse(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h["Content-Type"] = fixedType
	h["Content-Length"] = fixedLength
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noStore
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(fixedBody)
}

var (
	fixedBody   = []byte(`{"status":"pass"}` + "\n")
	fixedType   = []string{"application/json"}
	fixedLength = []string{"18"}
)

// BenchmarkHandlers measures each endpoint beside its reference, in one run, for only the ratio counts. "mounted" is
// what an application does: both behind a ServeMux, at paths of the same depth, the reference with a single header.
// "alone" leaves the routing out, and there the reference sends the same headers.
func BenchmarkHandlers(b *testing.B) {
	e := Unlimited(testEndpoints(EndpointsConfig{Protection: Protection{Credentials: Credentials{Token: "s3cret"}}}))
	e.Publish(healthySnapshot(), time.Now().Add(24*time.Hour)) // fresh for as long as the benchmark runs
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fixed", fixedBytes)
	mux.HandleFunc("GET /fixed/check", fixedBytes)
	mux.HandleFunc("GET /fixed/api/current", fixedBytes)
	e.Register(mux)
	for _, bench := range []struct {
		name, path string
		handler    http.Handler
	}{
		{"mounted/liveness/reference", "/fixed", mux},
		{"mounted/liveness", "/health", mux},
		{"mounted/readiness/reference", "/fixed/check", mux},
		{"mounted/readiness", "/health/check", mux},
		{"mounted/current/reference", "/fixed/api/current", mux},
		{"mounted/current", "/health/api/current", mux},
		{"alone/reference", "/fixed", http.HandlerFunc(fixedResponse)},
		{"alone/liveness", "/health", http.HandlerFunc(e.serveLiveness)},
		{"alone/readiness", "/health/check", http.HandlerFunc(e.serveReadiness)},
		{"alone/current", "/health/api/current", http.HandlerFunc(e.serveCurrent)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, bench.path, http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			r.RemoteAddr = "192.0.2.1:4711"
			if bench.handler == mux && bench.path == "/health/api/current" {
				r.Header.Set("Authorization", "Bearer s3cret")
			}
			w := discard{make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				bench.handler.ServeHTTP(w, r)
			}
		})
	}
}

func TestHandlersAllocateNothing(t *testing.T) {
	e := Unlimited(testEndpoints(EndpointsConfig{Protection: Protection{Credentials: Credentials{Token: "s3cret"}}}))
	e.Publish(healthySnapshot(), time.Now())
	h := e.Handler()
	for _, path := range []string{"/health", "/health/check", "/health/startup", "/health/api/current"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr = "192.0.2.1:4711"
		if path == "/health/api/current" {
			r.Header.Set("Authorization", "Bearer s3cret")
		}
		w := discard{make(http.Header)}
		if allocs := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); allocs != 0 {
			t.Errorf("%s: %v allocations, want 0", path, allocs)
		}
	}
}
