package otelhealth

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// ask asks the monitor for what is protected, with a bearer token.
func ask(t *testing.T, m *Monitor, token string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health/api/checks", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	return w
}

// withoutAuthorizer takes back the one of startMonitor.
func withoutAuthorizer(c *config) { c.protection.Authorizer = nil }

// unprotected starts a monitor for which no credentials are set.
func unprotected(t *testing.T, options ...Option) *Monitor {
	t.Helper()
	m := startMonitor(t, nil, append([]Option{withoutAuthorizer}, options...)...)
	nextSnapshot(t, m)
	return m
}

func TestTokenIsKeptBesideTheHistory(t *testing.T) {
	path := historyPath(t)
	var log logBuffer
	m := unprotected(t, keptIn(path), log.option())
	file := path + ".token"
	lines := log.lines("the health API opens")
	data, err := os.ReadFile(file)
	if err != nil || len(lines) != 1 || !strings.Contains(lines[0], file) {
		t.Fatalf("%v; logged %q", err, lines)
	}
	token := strings.TrimSpace(string(data))
	if len(log.lines(token)) > 0 {
		t.Error("the token itself is in the log")
	}
	if info, err := os.Stat(file); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != 0o600) {
		t.Errorf("the file's mode: %v, %v", info.Mode(), err)
	}
	if got := ask(t, m, token).Code; got != http.StatusOK {
		t.Errorf("with the token: got %d", got)
	}
	if got := ask(t, m, token+"x").Code; got != http.StatusUnauthorized {
		t.Errorf("with another: got %d", got)
	}
	stop(t, m)
	m = unprotected(t, keptIn(path))
	if got := ask(t, m, token).Code; got != http.StatusOK {
		t.Errorf("after a restart: got %d", got)
	}
}

func TestSessionsOutliveARestart(t *testing.T) {
	path := historyPath(t)
	login := func(m *Monitor) *http.Cookie {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/health/login", strings.NewReader("token=a-token-of-the-test"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, r)
		if len(w.Result().Cookies()) != 1 {
			t.Fatalf("the login: got %d %s", w.Code, w.Body)
		}
		return w.Result().Cookies()[0]
	}
	with := func(m *Monitor, session *http.Cookie) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health/api/checks", http.NoBody)
		r.AddCookie(session)
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, r)
		return w.Code
	}
	credentials := WithCredentials(health.Credentials{Token: "a-token-of-the-test"})
	m := unprotected(t, keptIn(path), credentials)
	session := login(m)
	if info, err := os.Stat(path + ".session-key"); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info, err)
	}
	stop(t, m)
	for name, test := range map[string]struct {
		option Option
		token  string
		want   int
	}{
		"the same":          {keptIn(path), "a-token-of-the-test", http.StatusOK},
		"another token":     {keptIn(path), "another-token-of-the-test", http.StatusUnauthorized},
		"without a history": {WithoutHistory(), "a-token-of-the-test", http.StatusUnauthorized},
	} {
		m := unprotected(t, test.option, WithCredentials(health.Credentials{Token: test.token}))
		if got := with(m, session); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
		stop(t, m)
	}
}

func TestWithoutAPlaceForATokenNobodyHasAccess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	if err := os.Mkdir(path+".token", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]Option{"no history": WithoutHistory(), "no file": keptIn(path)} {
		var log logBuffer
		m := unprotected(t, option, log.option())
		w := ask(t, m, "x")
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "HEALTH_API_TOKEN") || len(log.lines("nobody has access")) != 1 {
			t.Errorf("%s: got %d %s; logged %q", name, w.Code, w.Body, log.lines("nobody"))
		}
		stop(t, m)
	}
}

func TestCredentialsOfTheEnvironment(t *testing.T) {
	m := startMonitor(t, variables{"HEALTH_API_TOKEN": "of the environment"}, withoutAuthorizer, keptIn(historyPath(t)))
	nextSnapshot(t, m)
	if got := ask(t, m, "of the environment").Code; got != http.StatusOK {
		t.Errorf("got %d", got)
	}
	if _, err := os.Stat(m.config.history.Path + ".token"); err == nil {
		t.Error("a token was made all the same")
	}
	stop(t, m)
	code := health.Credentials{Token: "of the code"}
	m = startMonitor(t, variables{"HEALTH_API_TOKEN": "of the environment"}, withoutAuthorizer, WithCredentials(code))
	nextSnapshot(t, m)
	if ask(t, m, "of the code").Code != http.StatusOK || ask(t, m, "of the environment").Code == http.StatusOK {
		t.Error("code does not win over the environment")
	}
}

func TestCredentialsThatAreRefusedAreNamedOnce(t *testing.T) {
	for _, test := range []struct {
		env     map[string]string
		options []Option
		want    string
	}{
		{map[string]string{"HEALTH_AUTH_USERNAME": "ann", "HEALTH_AUTH_PASSWORD": "x"}, nil, "HEALTH_AUTH_PASSWORD: got "},
		{map[string]string{"HEALTH_AUTH_USERNAME": "ann", "HEALTH_AUTH_PASSWORD_HASH": "x"}, nil, "HEALTH_AUTH_PASSWORD_HASH: got "},
		{map[string]string{"HEALTH_AUTH_USERNAME": "ann:b", "HEALTH_AUTH_PASSWORD": "password"}, nil, "HEALTH_AUTH_USERNAME: got "},
		{map[string]string{"HEALTH_AUTH_USERNAME": "ann"}, nil, "HEALTH_AUTH_PASSWORD_HASH: got a user name without a password"},
		{nil, []Option{WithCredentials(health.Credentials{Password: "password"})}, "WithCredentials: got a password without a user name"},
	} {
		_, err := newConfig(env(test.env), test.options)
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want one line with %q", test.env, err, test.want)
		}
	}
	refused := env(map[string]string{"HEALTH_API_TOKEN": "x"})
	if _, err := newConfig(refused, []Option{WithCredentials(health.Credentials{Username: "ann"})}); strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("a refused variable beside a wrong option: got %v, want both", err)
	}
}

func TestProtectionSettings(t *testing.T) {
	c, err := newConfig(env(map[string]string{
		"HEALTH_CHECK_DETAIL": "none", "HEALTH_TRUSTED_ORIGINS": "https://a.example, https://b.example:8443",
		"HEALTH_TRUSTED_PROXIES": "10.1.2.3/8, 192.0.2.1, 2001:db8::/32", "HEALTH_ALLOWED_HOSTS": "Health.Example, localhost",
		"HEALTH_AUTH_USERNAME": "ann", "HEALTH_AUTH_PASSWORD": "password",
	}), []Option{WithReadOnly(), WithKubernetesPaths()})
	if err != nil {
		t.Fatal(err)
	}
	p := c.protection
	switch {
	case !c.hideDetail, !c.kubernetesPaths, !p.ReadOnly, p.Username != "ann", p.Password != "password":
		t.Errorf("got %+v", c)
	case len(p.TrustedOrigins) != 2, p.TrustedOrigins[1] != "https://b.example:8443":
		t.Errorf("origins: got %q", p.TrustedOrigins)
	case len(p.TrustedProxies) != 3, p.TrustedProxies[0].String() != "10.0.0.0/8", p.TrustedProxies[1].String() != "192.0.2.1/32":
		t.Errorf("proxies: got %v", p.TrustedProxies)
	case len(p.AllowedHosts) != 2, p.AllowedHosts[0] != "health.example":
		t.Errorf("hosts: got %q", p.AllowedHosts)
	}
}

func TestDrainEndsStreamsAndFailsReadiness(t *testing.T) {
	m := startMonitor(t, variables{"HEALTH_DRAIN_DELAY": "10ms"})
	nextSnapshot(t, m)
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/health/api/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := server.Config.Shutdown(t.Context()); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("the server's Shutdown: %v after %v", err, time.Since(began))
	}
	if got := get(t, m, "/health/check").Code; got != http.StatusServiceUnavailable {
		t.Errorf("readiness: got %d", got)
	}
}
