package health

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// SelfProbe asks a service on this machine how it is. A program that does so under a flag of its own can be probed in
// an image that holds neither a shell nor curl, by Docker (HEALTHCHECK CMD ["/app", "-healthcheck"]) and by exec probes:
//
//	if *healthcheck {
//		os.Exit(health.SelfProbe{Address: *addr}.Run(context.Background(), os.Stderr))
//	}
//
// It never goes through a proxy and follows no redirect.
type SelfProbe struct {
	// Address is where the service listens: ":8080", "0.0.0.0:8080", "[::]:8080", "host:port", or "unix:/path" for a
	// Unix socket. Of a service that listens on every interface, the loopback interface is asked.
	Address string
	// Path is that of the probe, with the base path. Default "/health", liveness.
	Path string
	// Timeout is for everything together. Default 3 s. Give Docker or the kubelet a longer one, or they end the program
	// before it can say why.
	Timeout time.Duration
	// Token is the bearer token of the service's API, if it has one: with it the service gives its reason. A wrong one
	// does no harm.
	Token string
	// TLS is for a service that speaks TLS; nil: it does not. The service's certificate is not verified where it comes
	// over a loopback address or a Unix socket, so it may be self-signed there; elsewhere it is.
	TLS *tls.Config
}

// String tells the address alone, not the token.
func (p SelfProbe) String() string { return "probe of " + p.Address }

// GoString tells the address alone.
func (p SelfProbe) GoString() string { return p.String() }

// LogValue tells the address alone.
func (p SelfProbe) LogValue() slog.Value { return slog.StringValue(p.String()) }

const (
	selfProbePath    = "/health"
	selfProbeTimeout = 3 * time.Second
	longestProbeBody = 64 << 10 // of which the reason is read
)

// Run asks, and returns the exit code: 0 when the service is healthy, else 1, with one line on stderr that says why.
func (p SelfProbe) Run(ctx context.Context, stderr io.Writer) (exitCode int) {
	if err := p.Ask(ctx); err != nil {
		fmt.Fprintln(stderr, "not healthy:", err)
		return 1
	}
	return 0
}

// Ask returns nil when the service answers 200 in time. The error of another answer holds the reason that the service
// gives.
func (p SelfProbe) Ask(ctx context.Context) error {
	timeout := cmp.Or(p.Timeout, selfProbeTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %v", timeout))
	defer cancel()
	at, err := parseListenAddress(p.Address)
	if err != nil {
		return err
	}
	target, err := p.url(at)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return err
	}
	if p.Token != "" {
		request.Header.Set("Authorization", "Bearer "+p.Token)
	}
	response, err := p.transport(at).RoundTrip(request)
	if err != nil {
		return fmt.Errorf("GET %s: %w", target, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: got %s%s, want 200", target, response.Status, reasonIn(response.Body))
	}
	return nil
}

func (p SelfProbe) url(at listenAddress) (string, error) {
	target := url.URL{Scheme: "http", Host: at.name, Path: cmp.Or(p.Path, selfProbePath)}
	if p.TLS != nil {
		target.Scheme = "https"
	}
	if !strings.HasPrefix(target.Path, "/") {
		return "", fmt.Errorf(`path: got %q, want one that begins with "/"`, p.Path)
	}
	return target.String(), nil
}

func (p SelfProbe) transport(at listenAddress) *http.Transport {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return at.dial(ctx) }
	dialTLS := func(ctx context.Context, _, address string) (net.Conn, error) {
		connection, err := at.dial(ctx)
		if err != nil {
			return nil, err
		}
		host, _, _ := net.SplitHostPort(address)
		return tls.Client(connection, p.tlsFor(connection.RemoteAddr(), host)), nil // the transport shakes hands
	}
	return &http.Transport{DialContext: dial, DialTLSContext: dialTLS, DisableKeepAlives: true}
}

func (p SelfProbe) tlsFor(remote net.Addr, host string) *tls.Config {
	config := p.TLS.Clone()
	config.ServerName = cmp.Or(config.ServerName, host)
	config.InsecureSkipVerify = config.InsecureSkipVerify || isThisMachine(remote)
	return config
}

// isThisMachine reports whether only this machine can have answered from address.
func isThisMachine(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

// reasonIn returns the reason that the body of a probe gives, in parentheses, or nothing.
func reasonIn(body io.Reader) string {
	var probe struct {
		Output string `json:"output"`
	}
	err := json.NewDecoder(io.LimitReader(body, longestProbeBody)).Decode(&probe)
	if err != nil || probe.Output == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", probe.Output)
}
