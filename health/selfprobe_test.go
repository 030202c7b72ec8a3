package health

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// serveAt serves handler at a listen address until the test ends, and returns the address with the port that it got.
func serveAt(t *testing.T, network, address string, handler http.Handler) string {
	t.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	if network == "unix" {
		return "unix:" + address
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return strings.TrimSuffix(address, "0") + port
}

// mustRun returns what a probe with that exit code writes to stderr.
func mustRun(t *testing.T, p SelfProbe, wantCode int) string {
	t.Helper()
	var stderr bytes.Buffer
	if code := p.Run(t.Context(), &stderr); code != wantCode {
		t.Errorf("%+v: exit code %d, want %d: %s", p, code, wantCode, stderr.String())
	}
	return stderr.String()
}

func TestSelfProbeAtEachKindOfAddress(t *testing.T) {
	e := testEndpoints(EndpointsConfig{BasePath: "/orders"})
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "127.0.0.1:0", "localhost:0"} {
		t.Run(address, func(t *testing.T) {
			at := serveAt(t, "tcp", address, e.Handler())
			for _, path := range []string{"", "/health", "/orders/health/status"} {
				if said := mustRun(t, SelfProbe{Address: at, Path: path}, 0); said != "" {
					t.Errorf("%q: it says %q, want nothing", path, said)
				}
			}
			mustRun(t, SelfProbe{Address: at, Path: "/orders/health/check"}, 1) // no snapshot yet
		})
	}
	t.Run("unix", func(t *testing.T) {
		at := serveAt(t, "unix", filepath.Join(t.TempDir(), "s"), e.Handler())
		mustRun(t, SelfProbe{Address: at}, 0)
		mustRun(t, SelfProbe{Address: at, Path: "/orders/health/check"}, 1)
	})
	t.Run("IPv6 alone, where IPv4 refuses", func(t *testing.T) {
		if !hasIPv6(t) {
			t.Skip("this machine has no IPv6")
		}
		address := serveAt(t, "tcp6", "[::]:0", e.Handler())
		mustRun(t, SelfProbe{Address: address}, 0)
		mustRun(t, SelfProbe{Address: strings.TrimPrefix(address, "[::]")}, 0)
	})
}

func hasIPv6(t *testing.T) bool {
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

func TestSelfProbeSaysWhy(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	answer := func(path string, status int, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
	answer("/well", 200, "")
	answer("/empty", 204, "")
	answer("/fails", 503, `{"status":"fail","output":"the vital heartbeat \"orders\"\nis overdue"}`)
	answer("/other", 500, "<html>\nno JSON\n</html>")
	answer("/long", 503, `{"output":"`+strings.Repeat("x", 1<<20)+`"}`)
	mux.Handle("/moved", http.RedirectHandler("/well", http.StatusTemporaryRedirect))
	address := serveAt(t, "tcp", "127.0.0.1:0", mux)
	for _, test := range []struct{ path, want string }{
		{"/empty", "got 204 No Content, want 200"},
		{"/fails", `got 503 Service Unavailable ("the vital heartbeat \"orders\"\nis overdue"), want 200`},
		{"/other", "got 500 Internal Server Error, want 200"},
		{"/long", "got 503 Service Unavailable, want 200"},
		{"/moved", "got 307 Temporary Redirect, want 200"},
		{"/nothing", "got 404 Not Found, want 200"},
	} {
		want := "not healthy: GET http://" + address + test.path + ": " + test.want + "\n"
		if got := mustRun(t, SelfProbe{Address: address, Path: test.path}, 1); got != want {
			t.Errorf("%s:\ngot  %swant %s", test.path, got, want)
		}
	}
	mustRun(t, SelfProbe{Address: address, Path: "/well"}, 0)
}

func TestSelfProbeIsGivenTheReasonForItsToken(t *testing.T) {
	t.Parallel()
	e := testEndpoints(EndpointsConfig{Protection: Protection{Credentials: Credentials{Token: "s3cret"}}})
	address := serveAt(t, "tcp", "127.0.0.1:0", e.Handler())
	for _, test := range []struct{ token, want string }{
		{"s3cret", `got 503 Service Unavailable ("no snapshot yet"), want 200`},
		{"other", "got 503 Service Unavailable, want 200"},
		{"", "got 503 Service Unavailable, want 200"},
	} {
		got := mustRun(t, SelfProbe{Address: address, Path: "/health/check", Token: test.token}, 1)
		if !strings.HasSuffix(got, ": "+test.want+"\n") {
			t.Errorf("token %q: got %s want %s", test.token, got, test.want)
		}
		mustRun(t, SelfProbe{Address: address, Token: test.token}, 0)
	}
}

func TestSelfProbeOfNobody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	server.Close()
	for _, p := range []SelfProbe{
		{Address: address},
		{Address: ":" + port},
		{Address: "unix:" + filepath.Join(t.TempDir(), "nobody")},
	} {
		got := mustRun(t, p, 1)
		if !regexp.MustCompile(`^not healthy: GET http://\S+/health: dial (tcp|unix) .+\n$`).MatchString(got) {
			t.Errorf("%s: got %q", p.Address, got)
		}
	}
}

func TestSelfProbeTakesNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hangs := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/reason" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_ = http.NewResponseController(w).Flush()
		}
		<-release
	})
	address := serveAt(t, "tcp", "127.0.0.1:0", hangs)
	t.Cleanup(func() { close(release) })
	var listen net.ListenConfig
	silent, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0") // the kernel accepts, and nobody reads
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for _, test := range []struct {
		name, want string
		probe      SelfProbe
	}{
		{"no answer", "no answer within 50ms", SelfProbe{Address: address}},
		{"an answer without its reason", "got 503 Service Unavailable, want 200", SelfProbe{Address: address, Path: "/reason"}},
		{"no TLS handshake", "no answer within 50ms", SelfProbe{Address: silent.Addr().String(), TLS: &tls.Config{}}},
	} {
		test.probe.Timeout = 50 * time.Millisecond
		began := time.Now()
		if got := mustRun(t, test.probe, 1); !strings.HasSuffix(got, ": "+test.want+"\n") {
			t.Errorf("%s: got %q, want %s", test.name, got, test.want)
		}
		if took := time.Since(began); took > selfProbeTimeout {
			t.Errorf("%s: it took %v", test.name, took)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (SelfProbe{Address: address}).Ask(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
	}
}

func TestSelfProbeOverTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(testEndpoints(EndpointsConfig{}).Handler()) // self-signed
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	mustRun(t, SelfProbe{Address: address, TLS: &tls.Config{}}, 0)
	mustRun(t, SelfProbe{Address: ":" + port, TLS: &tls.Config{}}, 0)
	mustRun(t, SelfProbe{Address: address}, 1)
	mustRun(t, SelfProbe{Address: address, Path: "/health/check", TLS: &tls.Config{}}, 1)
}

func TestSelfProbeVerifiesOtherMachines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		remote net.Addr
		verify bool
	}{
		{"loopback", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, false},
		{"IPv6 loopback", &net.TCPAddr{IP: net.IPv6loopback}, false},
		{"Unix socket", &net.UnixAddr{Name: "/run/orders", Net: "unix"}, false},
		{"another address", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, true},
	} {
		config := SelfProbe{TLS: &tls.Config{}}.tlsFor(test.remote, "orders.example")
		if config.InsecureSkipVerify == test.verify || config.ServerName != "orders.example" {
			t.Errorf("%s: got %+v", test.name, config)
		}
	}
	given := SelfProbe{TLS: &tls.Config{ServerName: "shop.example"}}
	if config := given.tlsFor(&net.TCPAddr{IP: net.IPv6loopback}, "localhost"); config.ServerName != "shop.example" {
		t.Errorf("server name: got %q, want the one that was given", config.ServerName)
	}
	if given.TLS.InsecureSkipVerify {
		t.Error("the config that was given is changed")
	}
}

// A proxy that the environment names is for others, and would not find the service.
func TestSelfProbeUsesNoProxy(t *testing.T) {
	t.Parallel()
	if (SelfProbe{}).transport(listenAddress{}).Proxy != nil {
		t.Error("it may go through a proxy")
	}
}

func TestSelfProbeOfNonsense(t *testing.T) {
	t.Parallel()
	const wantAddress = `, want ":port", "host:port" or "unix:/path"`
	for _, test := range []struct{ address, path, want string }{
		{"", "", `address: got ""` + wantAddress},
		{"8080", "", `address: got "8080"` + wantAddress},
		{"localhost:", "", `address: got "localhost:"` + wantAddress},
		{"unix:", "", `address: got "unix:"` + wantAddress},
		{"::1:8080", "", `address: got "::1:8080"` + wantAddress},
		{":8080", "health", `path: got "health", want one that begins with "/"`},
	} {
		got := mustRun(t, SelfProbe{Address: test.address, Path: test.path}, 1)
		if want := "not healthy: " + test.want + "\n"; got != want {
			t.Errorf("got %s want %s", got, want)
		}
	}
}
