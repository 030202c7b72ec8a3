package main

import (
	"net/http"
	"strings"
	"testing"
)

// each runs a test in every way to mount the endpoints.
func each(t *testing.T, test func(t *testing.T, m mount)) {
	for _, m := range mounts() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

// routes are those that GET reads, with the media types of their answers.
var routes = []struct {
	path, mediaType string
	public          bool
}{
	{"/health", "application/json", true},
	{"/health/status", "application/json", true},
	{"/health/check", "application/health+json", true},
	{"/health/startup", "application/json", true},
	{"/health/api/current", "application/json", false},
	{"/health/api/history", "application/json", false},
	{"/health/api/history?points=10&series=fd_count,threads", "application/json", false},
	{"/health/api/stats?hours=1", "application/json", false},
	{"/health/api/alerts", "application/json", false},
	{"/health/api/alerts?state=all", "application/json", false},
	{"/health/api/checks", "application/json", false},
	{"/health/export", "text/csv; charset=utf-8", false},
	{"/health/export?format=jsonl", "application/jsonl", false},
}

func TestEveryRouteIsRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m mount) {
		a := startMonitored(t, m)
		for _, route := range routes {
			path := m.prefix + route.path
			got := a.do(request{path: path})
			if got.status != http.StatusOK || got.header.Get("Content-Type") != route.mediaType || len(got.body) == 0 {
				t.Errorf("GET %s: got %d %q %s, want 200 %q", path, got.status, got.header["Content-Type"], got.body, route.mediaType)
			}
			head := a.do(request{method: http.MethodHead, path: path})
			if head.status != http.StatusOK || head.header.Get("Content-Type") != route.mediaType || len(head.body) != 0 {
				t.Errorf("HEAD %s: got %d %q %s, want 200 %q", path, head.status, head.header["Content-Type"], head.body, route.mediaType)
			}
			if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") == "" {
				t.Errorf("GET %s: a header is lost: %v", path, got.header)
			}
			wantStatus := http.StatusUnauthorized
			if route.public {
				wantStatus = http.StatusOK
			}
			if anybody := a.do(request{path: path, anonymous: true}); anybody.status != wantStatus {
				t.Errorf("GET %s without a token: got %d, want %d", path, anybody.status, wantStatus)
			}
		}
	})
}

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m mount) {
		a := startMonitored(t, m)
		for _, route := range routes {
			path, _, _ := strings.Cut(m.prefix+route.path, "?")
			a.wantRefused(http.MethodPost, path, "GET, HEAD")
			if got := a.do(request{method: http.MethodDelete, path: path}); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") == "" {
				t.Errorf("DELETE %s: got %d %v, want 405 with Allow", path, got.status, got.header)
			}
		}
		for _, path := range []string{
			m.prefix + "/health/api/alerts/1/acknowledge",
			m.prefix + "/health/api/alerts/1/resolve",
			m.prefix + "/health/api/rules/always/silence",
		} {
			if m.name == "nethttp" || m.name == "basepath" {
				continue // the application's own "GET /" answers there
			}
			a.wantRefused(http.MethodGet, path, "POST")
		}
	})
}

func (a *application) wantRefused(method, path, allow string) {
	a.t.Helper()
	got := a.do(request{method: method, path: path})
	if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != allow {
		a.t.Errorf("%s %s: got %d, Allow %q, want 405, %q", method, path, got.status, got.header["Allow"], allow)
	}
}

func TestPeopleAct(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m mount) {
		a := startMonitored(t, m)
		alert := m.prefix + "/health/api/alerts/" + a.alert()
		silence := m.prefix + "/health/api/rules/always/silence"
		ownPage := http.Header{"Origin": {a.base}}
		otherSite := http.Header{"Origin": {"http://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}
		for _, test := range []struct {
			name   string
			sent   request
			status int
			want   string
		}{
			{"acknowledge", request{path: alert + "/acknowledge", form: "note=mine"}, 200, `"message":"Alert acknowledged"`},
			{"silence, from a page", request{path: silence, form: "until=2h", header: ownPage}, 200, `"rule":"always"`},
			{"resolve", request{path: alert + "/resolve"}, 200, `"message":"Alert resolved"`},
			{"an alert that there is not", request{path: m.prefix + "/health/api/alerts/999/resolve"}, 404, `"message":"Alert not found"`},
			{"a rule that there is not", request{path: m.prefix + "/health/api/rules/a%2Fb/silence", form: "until=2h"}, 404, `there is no rule \"a/b\"`},
			{"an until that there is not", request{path: silence}, 400, `"parameter":"until"`},
			{"a page of another site", request{path: silence, form: "until=2h", header: otherSite}, 403, "another site"},
			{"anybody", request{path: silence, form: "until=2h", anonymous: true}, 401, "credentials"},
		} {
			test.sent.method = http.MethodPost
			got := a.do(test.sent)
			if got.status != test.status || !strings.Contains(string(got.body), test.want) {
				t.Errorf("%s: got %d %s, want %d with %s", test.name, got.status, got.body, test.status, test.want)
			}
		}
	})
}

// Fiber uses the memory behind a request's strings again for the next one.
func TestWhatPeopleDidOutlivesTheirRequest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m mount) {
		a := startMonitored(t, m)
		user := http.Header{"X-User": {"alice"}}
		silence := request{method: http.MethodPost, path: m.prefix + "/health/api/rules/always/silence", form: "until=2h", header: user}
		if got := a.do(silence); got.status != http.StatusOK {
			t.Fatalf("silence: got %d %s", got.status, got.body)
		}
		other := http.Header{"X-User": {"mallo"}}
		a.do(request{path: "/" + strings.Repeat("x", len(silence.path)-1), header: other})
		a.do(request{method: http.MethodPost, path: m.prefix + "/health/api/alerts/" + a.alert() + "/acknowledge", header: other}) // publishes
		current := a.do(request{path: m.prefix + "/health/api/current"})
		if !strings.Contains(string(current.body), `"silences":[{"rule":"always",`) || !strings.Contains(string(current.body), `"by":"alice"`) {
			t.Errorf("the silence of alice is lost: %s", current.body)
		}
	})
}

// Likewise what a user has asked for already, which is counted over all connections.
func TestLimitsOutliveTheirRequest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m mount) {
		a := startMonitored(t, m)
		export := request{path: m.prefix + "/health/export", header: http.Header{"X-User": {"alice"}}}
		for a.do(export).status == http.StatusOK { // ten a minute
		}
		a.do(request{path: export.path, header: http.Header{"X-User": {"mallo"}}})
		other := &http.Transport{}
		defer other.CloseIdleConnections()
		a.client.Transport = other
		if got := a.do(export); got.status != http.StatusTooManyRequests {
			t.Errorf("over another connection: got %d, want 429", got.status)
		}
	})
}

func TestApplicationKeepsItsOwnRoutes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m mount) {
		a := startMonitored(t, m)
		before := m.prefix
		if m.name == "basepath" || m.name == "stripprefix" {
			before = "" // they put the endpoints alone under the prefix
		}
		for _, test := range []struct {
			path   string
			status int
			body   string
		}{
			{"/", 200, "home"},
			{"/pear", 200, `item "pear"`},
			{"/healthy", 200, `item "healthy"`},
		} {
			got := a.do(request{path: before + test.path})
			if got.status != test.status || test.body != "" && string(got.body) != test.body {
				t.Errorf("GET %s: got %d %s, want %d %s", before+test.path, got.status, got.body, test.status, test.body)
			}
		}
	})
}
