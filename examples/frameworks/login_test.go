package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/otelhealth/otelhealth-go/health"
)

func TestBrowserLogsIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, m mount) {
		a := start(t, m, newEndpoints(t, health.EndpointsConfig{
			BasePath: m.basePath, Protection: health.Protection{Credentials: health.Credentials{Token: token}},
		}))
		browser := http.Header{"Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"same-origin"}}
		turnedAway := a.do(request{path: m.prefix + "/health/api/current", header: browser, anonymous: true})
		if turnedAway.status != http.StatusSeeOther || turnedAway.header.Get("Location") != "../login?next=api%2Fcurrent" {
			t.Fatalf("without a session: got %d to %q", turnedAway.status, turnedAway.header.Get("Location"))
		}
		page := a.do(request{path: m.prefix + "/health/login?next=api%2Fcurrent", header: browser, anonymous: true})
		if page.status != http.StatusOK || !strings.Contains(string(page.body), "<form") {
			t.Errorf("the page: got %d %s", page.status, page.body)
		}
		form := request{method: http.MethodPost, path: m.prefix + "/health/login", header: browser, anonymous: true}
		form.form = "next=api%2Fcurrent&token=" + token
		in := a.do(form)
		cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
		if in.status != http.StatusSeeOther || in.header.Get("Location") != "./api/current" || cookie == "" {
			t.Fatalf("the form: got %d %v", in.status, in.header)
		}
		browser.Set("Cookie", cookie)
		// No snapshot is published: who is let in is told that.
		if got := a.do(request{path: m.prefix + "/health/api/current", header: browser, anonymous: true}); got.status != http.StatusServiceUnavailable {
			t.Errorf("with a session: got %d %s, want 503", got.status, got.body)
		}
	})
}
