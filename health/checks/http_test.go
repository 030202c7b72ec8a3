package checks_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelhealth/otelhealth-go/health/checks"
)

// serve answers until the test ends.
func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

func answering(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func redirecting(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

func TestHTTPJudgesTheStatus(t *testing.T) {
	for _, test := range []struct {
		code   int
		expect []int
		want   string
	}{
		{200, nil, ""},
		{204, nil, ""},
		{299, nil, ""},
		{304, nil, "got 304 Not Modified, want 200 to 299"},
		{404, nil, "got 404 Not Found, want 200 to 299"},
		{503, nil, "got 503 Service Unavailable, want 200 to 299"},
		{599, nil, "got 599, want 200 to 299"},
		{401, []int{401, 403}, ""},
		{200, []int{401, 403}, "got 200 OK, want 401 403"},
	} {
		s := serve(t, answering(test.code))
		expect(t, checks.HTTP(s.URL, checks.ExpectStatus(test.expect...)), atOnce, test.want)
	}
}

func TestHTTPSendsCredentialsAndHeadersAndNeverShowsThem(t *testing.T) {
	seen := make(chan *http.Request, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		w.WriteHeader(http.StatusTeapot)
	})
	address := strings.Replace(s.URL, "http://", "http://ann:hunter2@", 1) + "/health?token=hunter2"
	probe := checks.HTTP(address, checks.Header("X-Key", "hunter2"), checks.Header("Host", "payments.internal"))
	err := probe(within(t, atOnce))
	r := <-seen
	user, password, _ := r.BasicAuth()
	if user != "ann" || password != "hunter2" || r.Header.Get("X-Key") != "hunter2" || r.Host != "payments.internal" {
		t.Errorf("got %q, %q, %v for %s", user, password, r.Header, r.Host)
	}
	if r.Method != http.MethodGet || r.URL.Path != "/health" || r.UserAgent() != "otelhealth" {
		t.Errorf("got %s %s from %q", r.Method, r.URL.Path, r.UserAgent())
	}
	s.Close()
	for _, err := range []error{err, probe(within(t, atOnce))} {
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ann") {
			t.Errorf("got %v, want an error without credentials", err)
		}
	}
}

func TestHTTPFollowsRedirects(t *testing.T) {
	var asked atomic.Int64
	elsewhere := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("X-Key") != "" || r.Header.Get("Authorization") != "" || r.Referer() != "" {
			t.Errorf("elsewhere got %v", r.Header)
		}
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/here", redirecting("/arrived"))
	mux.HandleFunc("/whole", func(w http.ResponseWriter, r *http.Request) { redirecting("http://"+r.Host+"/arrived")(w, r) })
	mux.HandleFunc("/elsewhere", redirecting(elsewhere.URL+"/login?token=hunter2"))
	mux.HandleFunc("/round", redirecting("/round"))
	mux.HandleFunc("/arrived", func(w http.ResponseWriter, r *http.Request) {
		if user, _, _ := r.BasicAuth(); user != "ann" || r.Header.Get("X-Key") == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	s := serve(t, mux.ServeHTTP)
	base := strings.Replace(s.URL, "http://", "http://ann:hunter2@", 1)
	for _, test := range []struct {
		path    string
		options []checks.HTTPOption
		want    string
		asked   int64
	}{
		{"/here", nil, "", 0},
		{"/whole", nil, "", 0},
		{"/elsewhere", nil, "redirected elsewhere, to " + elsewhere.URL + ", want 200 to 299", 0},
		{"/elsewhere", []checks.HTTPOption{checks.FollowRedirects()}, "", 1},
		{"/elsewhere", []checks.HTTPOption{checks.ExpectStatus(302)}, "", 0},
		{"/round", nil, "redirected more than 10 times", 0},
		{"/round", []checks.HTTPOption{checks.FollowRedirects()}, "redirected more than 10 times", 0},
	} {
		asked.Store(0)
		expect(t, checks.HTTP(base+test.path+"?token=hunter2", append(test.options, checks.Header("X-Key", "x"))...), atOnce, test.want)
		if got := asked.Load(); got != test.asked {
			t.Errorf("%s: elsewhere was asked %d times, want %d", test.path, got, test.asked)
		}
	}
}

func TestHTTPReadsLittleOfTheBody(t *testing.T) {
	var written atomic.Int64
	ended := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		for chunk := bytes.Repeat([]byte("x"), 64<<10); written.Load() < 1<<30; {
			n, err := w.Write(chunk)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	expect(t, checks.HTTP(s.URL), atOnce, "")
	<-ended
	if got := written.Load(); got > 64<<20 { // what the sockets' buffers hold
		t.Errorf("the server could write %d bytes before the connection was closed", got)
	}
}

func TestHTTPWantsTheBeginningOfTheBody(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush() // fails once the probe has gone
		if r.URL.Path == "/hangs" {
			<-r.Context().Done()
		}
	})
	expect(t, checks.HTTP(s.URL+"/short"), atOnce, "read the body: ")
	expect(t, checks.HTTP(s.URL+"/hangs"), 200*time.Millisecond, "read the body: context deadline exceeded")
}

func TestHTTPKeepsNoConnection(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.Close {
			w.WriteHeader(http.StatusExpectationFailed)
		}
	}))
	var opened, open atomic.Int64
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			opened.Add(1)
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	s.Start()
	probe := checks.HTTP(s.URL)
	for range 20 {
		expect(t, probe, atOnce, "")
	}
	s.Close() // waits for connections in use, and closes idle ones
	if opened.Load() != 20 || open.Load() != 0 {
		t.Errorf("opened %d connections of which %d stayed, want 20 and 0", opened.Load(), open.Load())
	}
}

// TestHTTPLeavesNoDialBehind asks one that accepts and then says nothing: the handshake is under way when the deadline
// comes, and would go on for as long as the other side is there.
func TestHTTPLeavesNoDialBehind(t *testing.T) {
	l := listen(t)
	before := goleak.IgnoreCurrent()
	for _, scheme := range []string{"http://", "https://"} {
		expect(t, checks.HTTP(scheme+l.Addr().String()), 100*time.Millisecond, "context deadline exceeded")
	}
	goleak.VerifyNone(t, before)
}

func TestHTTPOverTLS(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if (r.ProtoMajor == 2) != http2 {
				w.WriteHeader(http.StatusHTTPVersionNotSupported)
			}
		}))
		s.EnableHTTP2 = http2
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // that one does not trust it
		s.StartTLS()
		t.Cleanup(s.Close)
		trusted := x509.NewCertPool()
		trusted.AddCert(s.Certificate())
		expect(t, checks.HTTP(s.URL), atOnce, "certificate")
		expect(t, checks.HTTP(s.URL, checks.TLS(&tls.Config{RootCAs: trusted})), atOnce, "")
	}
}

func TestHTTPOfWhatSpeaksNoHTTPFails(t *testing.T) {
	l := listen(t)
	go func() {
		connection, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = connection.Read(make([]byte, 1))                    // a request
		_, _ = connection.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n")) // who asks may have gone
		_ = connection.Close()
	}()
	expect(t, checks.HTTP("http://"+l.Addr().String()), atOnce, "malformed HTTP response")
}

func TestHTTPMayBeCalledConcurrently(t *testing.T) {
	s := serve(t, answering(http.StatusOK))
	probe := checks.HTTP(s.URL)
	results := make(chan error)
	for range 10 {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), atOnce)
			defer cancel()
			results <- probe(ctx)
		}()
	}
	for range 10 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
