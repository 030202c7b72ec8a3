package checks_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelhealth/otelhealth-go/health/checks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// within returns a context for one call of a probe.
func within(t *testing.T, timeout time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// atOnce is more than any probe takes whose answer does not wait for its deadline.
const atOnce = 10 * time.Second

// expect calls the probe and wants an error that contains want, or none where want is empty.
func expect(t *testing.T, probe func(context.Context) error, timeout time.Duration, want string) {
	t.Helper()
	err := probe(within(t, timeout))
	switch {
	case want == "" && err != nil:
		t.Errorf("got %v, want nil", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want %q", err, want)
	}
}

// listen returns a listener on a free port of the loopback interface, which ends with the test.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // a test may have closed it
	return l
}

// TestWrongArgumentsAreNamedAndTheirSecretsAreNot has arguments that nobody can be asked with.
func TestWrongArgumentsAreNamedAndTheirSecretsAreNot(t *testing.T) {
	for name, test := range map[string]struct {
		probe func(context.Context) error
		want  string
	}{
		"no address":           {checks.TCP(""), `address: got "", want host:port`},
		"no port":              {checks.TCP("redis"), `address: got "redis", want host:port`},
		"an empty port":        {checks.TCP("redis:"), "want host:port"},
		"a URL as an address":  {checks.TCP("redis://ann:hunter2@redis:6379"), "want host:port"},
		"a user in an address": {checks.TCP("hunter2@redis:6379"), "want host:port"},
		"no URL":               {checks.HTTP(""), "URL: "},
		"no scheme":            {checks.HTTP("ann:hunter2@payments/health"), "want http:// or https://"},
		"another scheme":       {checks.HTTP("ftp://payments"), "want http:// or https://"},
		"no host":              {checks.HTTP("http:///hunter2"), "want http:// or https://"},
		"a broken URL":         {checks.HTTP("http://ann:hunter2@pay\x7fments"), "want http:// or https://"},
		"a status of nothing":  {checks.HTTP("http://payments", checks.ExpectStatus(200, 99)), "ExpectStatus: got 99, want 200 to 599"},
		"a broken header":      {checks.HTTP("http://payments", checks.Header("Authorization", "hunter2\n")), "Authorization"},
		"no name":              {checks.DNS(""), `host: got "", want a name`},
		"an address as a name": {checks.DNS("10.0.0.7"), `host: got "10.0.0.7", want a name`},
		"a URL as a name":      {checks.DNS("http://ann:hunter2@db"), "want a name"},
		"a server without port": {
			checks.DNS("db.internal", checks.Server("10.0.0.53")), `Server: got "10.0.0.53", want host:port`,
		},
		"no server":                {checks.DNS("db.internal", checks.Server("")), `Server: got "", want host:port`},
		"no path":                  {checks.DiskSpace("", checks.MinFree(1)), `path: got "", want a file or folder`},
		"no least room":            {checks.DiskSpace("."), "want MinFree above 0 or MinFreeShare"},
		"a share of nothing":       {checks.DiskSpace(".", checks.MinFreeShare(0)), "MinFreeShare: got 0, want above 0 and at most 1"},
		"a share of more than all": {checks.DiskSpace(".", checks.MinFreeShare(1.5)), "MinFreeShare: got 1.5"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, test.probe, atOnce, test.want)
			if err := test.probe(t.Context()); strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is in the error: %v", err)
			}
		})
	}
}

// TestContextThatHasEndedEndsEveryProbe asks what answers, so that only the context can be the reason.
func TestContextThatHasEndedEndsEveryProbe(t *testing.T) {
	address := listen(t).Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, probe := range map[string]func(context.Context) error{
		"TCP":       checks.TCP(address),
		"HTTP":      checks.HTTP("http://" + address),
		"DNS":       checks.DNS("db.internal.", checks.Server(address)),
		"DiskSpace": checks.DiskSpace(".", checks.MinFree(1)),
	} {
		if err := probe(ctx); err == nil || !strings.Contains(err.Error(), "canceled") {
			t.Errorf("%s: got %v, want canceled", name, err)
		}
	}
}
