package health_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/otelhealth/otelhealth-go/health"
)

// operator writes down what it is asked for.
type operator struct {
	asked []string
	until time.Time
	err   error
}

func (o *operator) note(format string, args ...any) error {
	o.asked = append(o.asked, fmt.Sprintf(format, args...))
	return o.err
}

func (o *operator) Acknowledge(id int64, by, note string) error {
	return o.note("acknowledge %d by %s: %s", id, by, note)
}

func (o *operator) Resolve(id int64, by, note string) error {
	return o.note("resolve %d by %s: %s", id, by, note)
}

func (o *operator) Silence(rule string, until time.Time, by string) error {
	o.until = until
	return o.note("silence %s by %s", rule, by)
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// both serves the endpoints on a mux and by their own handler.
func both(t *testing.T, c health.EndpointsConfig, serve func(t *testing.T, h http.Handler)) {
	t.Helper()
	c.Service, c.Interval = health.TestService, 10*time.Second
	e := health.Unlimited(newEndpoints(t, c))
	mux := http.NewServeMux()
	e.Register(mux)
	t.Run("mux", func(t *testing.T) { serve(t, mux) })
	t.Run("handler", func(t *testing.T) { serve(t, e.Handler()) })
}

func post(t *testing.T, h http.Handler, path, contentType, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer ann")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPostsActInTheNameOfWhoIsKnown(t *testing.T) {
	for _, test := range []struct{ path, contentType, body, asked, message string }{
		{"/health/api/alerts/7/acknowledge", "", "", "acknowledge 7 by ann: ", "Alert acknowledged"},
		{"/health/api/alerts/7/acknowledge", jsonType, `{"note":"on it","more":[1]}`, "acknowledge 7 by ann: on it", "Alert acknowledged"},
		{"/health/api/alerts/7/acknowledge", formType, "note=on%20it", "acknowledge 7 by ann: on it", "Alert acknowledged"},
		{"/health/api/alerts/7/acknowledge", jsonType, `{"by":"carl","note":null}`, "acknowledge 7 by ann (on behalf of carl): ", "Alert acknowledged"},
		{"/health/api/alerts/7/acknowledge?note=no&by=no", "", "", "acknowledge 7 by ann: ", "Alert acknowledged"},
		{"/health/api/alerts/7/resolve", jsonType + "; charset=utf-8", `{"note":"gone"}`, "resolve 7 by ann: gone", "Alert resolved"},
		{"/health/api/rules/fd/silence", formType, "until=2h", "silence fd by ann", "Rule silenced"},
		{"/health/api/rules/my%2Frule/silence", formType, "until=2h", "silence my/rule by ann", "Rule silenced"},
		{"/health/api/rules/fd/silence", jsonType, `{"until":0}`, "silence fd by ann", "Rule no longer silenced"},
		{"/health/api/rules/fd/silence", jsonType, `{"until":"-5m"}`, "silence fd by ann", "Rule no longer silenced"},
	} {
		o := new(operator)
		both(t, health.EndpointsConfig{Protection: byAnn, Operator: o}, func(t *testing.T, h http.Handler) {
			o.asked = nil
			w := post(t, h, test.path, test.contentType, test.body)
			var got struct{ Status, Message string }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || got.Status != "success" || got.Message != test.message {
				t.Errorf("%s %s: got %d %s", test.path, test.body, w.Code, w.Body)
			}
			if diff := cmp.Diff([]string{test.asked}, o.asked); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", test.path, test.body, diff)
			}
		})
	}
}

func TestSilenceLastsUntilItsTime(t *testing.T) {
	soon := time.Now().Add(3 * time.Hour).UTC().Truncate(time.Second)
	for _, body := range []string{
		`{"until":"` + soon.Format(time.RFC3339) + `"}`, fmt.Sprintf(`{"until":%d}`, soon.Unix()), fmt.Sprintf(`{"until":"%d"}`, soon.Unix()),
		`{"until":"` + soon.In(time.FixedZone("", 5400)).Format(time.RFC3339) + `"}`, `{"until":"3h"}`,
	} {
		o := new(operator)
		both(t, health.EndpointsConfig{Protection: byAnn, Operator: o}, func(t *testing.T, h http.Handler) {
			w := post(t, h, "/health/api/rules/fd/silence", jsonType, body)
			if diff := o.until.Sub(soon).Abs(); w.Code != http.StatusOK || diff > 2*time.Second {
				t.Errorf("%s: got %d until %v, want %v", body, w.Code, o.until, soon)
			}
		})
	}
}

func TestPostsThatAreRefused(t *testing.T) {
	const acknowledge, silence = "/health/api/alerts/7/acknowledge", "/health/api/rules/fd/silence"
	from := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, test := range []struct {
		name, path, contentType, body string
		change                        func(*http.Request)
		err                           error
		want                          int
		says                          string
	}{
		{"an unknown alert", acknowledge, "", "", nil, fmt.Errorf("7: %w", health.ErrUnknownAlert), 404, `{"status":"error","message":"Alert not found"`},
		{"an unknown alert, by its id", acknowledge, "", "", nil, health.ErrUnknownAlert, 404, `"detail":"there is no alert \"7\""`},
		{"an unknown alert, to resolve", "/health/api/alerts/7/resolve", "", "", nil, health.ErrUnknownAlert, 404, `{"status":"error","message":"Alert not found"`},
		{"an id that is no number", "/health/api/alerts/x/acknowledge", "", "", nil, nil, 404, `"there is no alert \"x\""`},
		{"an id of 0", "/health/api/alerts/0/resolve", "", "", nil, nil, 404, `"there is no alert \"0\""`},
		{"an alert that is resolved", acknowledge, "", "", nil, health.ErrAlertResolved, 409, `"status":"error"`},
		{"an alert that does not fire yet", acknowledge, "", "", nil, health.ErrNotFiring, 409, `"status":"error"`},
		{"an unknown rule", silence, formType, "until=1h", nil, health.ErrUnknownRule, 404, `"Rule not found"`},
		{"a monitor that is shut down", acknowledge, "", "", nil, fmt.Errorf("secret"), 503, `shut down`},
		{"nobody", acknowledge, "", "", from("Authorization", ""), nil, 401, "credentials"},
		{"who may not", acknowledge, "", "", from("Authorization", "Bearer bob"), nil, 403, "credentials"},
		{"another site's page", acknowledge, "", "", from("Sec-Fetch-Site", "cross-site"), nil, 403, "another site"},
		{"another origin", acknowledge, "", "", from("Origin", "https://evil.example"), nil, 403, "another site"},
		{"no time", silence, "", "", nil, nil, 400, "until"},
		{"a time that is none", silence, jsonType, `{"until":"later"}`, nil, nil, 400, "until"},
		{"a time that is a list", silence, jsonType, `{"until":[1]}`, nil, nil, 400, "until"},
		{"a time too far away", silence, jsonType, `{"until":"2999-01-01T00:00:00Z"}`, nil, nil, 400, "until"},
		{"a time twice", silence, formType, "until=1h&until=2h", nil, nil, 400, "until"},
		{"a note that is a number", acknowledge, jsonType, `{"note":5}`, nil, nil, 400, "note"},
		{"a note that is too long", acknowledge, formType, "note=" + strings.Repeat("x", 1001), nil, nil, 400, "note"},
		{"a note that is no text", acknowledge, formType, "note=%ff", nil, nil, 400, "note"},
		{"a name that is too long", acknowledge, formType, "by=" + strings.Repeat("x", 201), nil, nil, 400, "by"},
		{"half an object", acknowledge, jsonType, `{"note":`, nil, nil, 400, "body"},
		{"a list", acknowledge, jsonType, `[1]`, nil, nil, 400, "body"},
		{"null", acknowledge, jsonType, `null`, nil, nil, 400, "body"},
		{"a form that is none", acknowledge, formType, "note=%zz", nil, nil, 400, "body"},
		{"a body of another type", acknowledge, "text/plain", "on it", nil, nil, 415, "application/json"},
		{"a body of no type", acknowledge, "", "on it", nil, nil, 415, "application/json"},
		{"a body that is too long", acknowledge, jsonType, `{"note":"` + strings.Repeat("x", 17<<10) + `"}`, nil, nil, 413, "16384"},
	} {
		o := &operator{err: test.err}
		both(t, health.EndpointsConfig{Protection: byAnn, Operator: o}, func(t *testing.T, h http.Handler) {
			change := test.change
			if change == nil {
				change = func(*http.Request) {}
			}
			w := post(t, h, test.path, test.contentType, test.body, change)
			if w.Code != test.want || !strings.Contains(w.Body.String(), test.says) || strings.Contains(w.Body.String(), "secret") ||
				w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: got %d %v %s, want %d with %s", test.name, w.Code, w.Header(), w.Body, test.want, test.says)
			}
			if test.err == nil && len(o.asked) > 0 {
				t.Errorf("%s: it was done all the same: %q", test.name, o.asked)
			}
		})
	}
}

func TestResolvingTwiceIsNoError(t *testing.T) {
	both(t, health.EndpointsConfig{Protection: byAnn, Operator: &operator{err: health.ErrAlertResolved}}, func(t *testing.T, h http.Handler) {
		if w := post(t, h, "/health/api/alerts/7/resolve", "", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"Alert resolved"`) {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

func TestNobodyPostsWithoutAnAuthorizer(t *testing.T) {
	o := new(operator)
	both(t, health.EndpointsConfig{Operator: o}, func(t *testing.T, h http.Handler) {
		w := post(t, h, "/health/api/alerts/7/resolve", "", "")
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "HEALTH_API_TOKEN") || len(o.asked) > 0 {
			t.Errorf("got %d %s, and %q was done", w.Code, w.Body, o.asked)
		}
	})
	both(t, health.EndpointsConfig{Operator: o, Disabled: true, Protection: byAnn}, func(t *testing.T, h http.Handler) {
		if w := post(t, h, "/health/api/alerts/7/resolve", "", ""); w.Code != http.StatusNotFound || len(o.asked) > 0 {
			t.Errorf("disabled: got %d %s", w.Code, w.Body)
		}
	})
}

func TestEachRouteHasItsMethod(t *testing.T) {
	gets := []string{"/health/api/current", "/health/api/history", "/health/api/stats", "/health/api/alerts", "/health/api/checks", "/health/export", "/health/openapi.json"}
	posts := []string{"/health/api/alerts/7/acknowledge", "/health/api/alerts/7/resolve", "/health/api/rules/fd/silence"}
	both(t, health.EndpointsConfig{Protection: byAnn, Operator: new(operator)}, func(t *testing.T, h http.Handler) {
		refused := func(method, path, allow string) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow {
				t.Errorf("%s %s: got %d with Allow %q, want 405 with %s", method, path, w.Code, w.Header().Get("Allow"), allow)
			}
		}
		for _, path := range gets {
			refused(http.MethodPost, path, "GET, HEAD")
			refused(http.MethodDelete, path, "GET, HEAD")
		}
		for _, path := range posts {
			refused(http.MethodGet, path, "POST")
			refused(http.MethodPut, path, "POST")
		}
		for _, path := range append(gets, posts[0]+"/more", "/health/api/alerts//acknowledge/", "/health/api/rules/fd") {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
			if w.Code != http.StatusUnauthorized && w.Code != http.StatusNotFound && w.Code != http.StatusTemporaryRedirect {
				t.Errorf("GET %s by nobody: got %d", path, w.Code)
			}
		}
	})
}

func TestHandlerFindsRoutesWithWildcardsBehindWhatStrips(t *testing.T) {
	o := new(operator)
	e := newEndpoints(t, health.EndpointsConfig{BasePath: "/orders", Interval: time.Second, Protection: byAnn, Operator: o})
	h := e.Handler()
	for name, c := range map[string]struct {
		h    http.Handler
		path string
	}{
		"by its whole path":           {h, "/orders/health/api/alerts/7/resolve"},
		"with the base path stripped": {h, "/health/api/alerts/7/resolve"},
		"with /health stripped":       {http.StripPrefix("/health", h), "/health/api/alerts/7/resolve"},
		"with both stripped":          {http.StripPrefix("/orders/health", h), "/orders/health/api/alerts/7/resolve"},
	} {
		if w := post(t, c.h, c.path, "", ""); w.Code != http.StatusOK {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
	}
	if w := post(t, h, "/alerts/7/resolve", "", ""); w.Code != http.StatusNotFound {
		t.Errorf("elsewhere: got %d", w.Code)
	}
}

func FuzzParameters(f *testing.F) {
	for _, query := range []string{"hours=24", "from=1&to=2&step=60", "points=5&series=a,b", "format=jsonl", "state=all&limit=3", "hours=%zz&hours", "until=1h"} {
		f.Add(query, query)
	}
	o := new(operator)
	e := health.Unlimited(newEndpoints(f, health.EndpointsConfig{Interval: time.Second, Protection: byAnn, Operator: o, History: failing{samples: 2}}))
	h := e.Handler()
	f.Fuzz(func(t *testing.T, query, body string) {
		for _, path := range []string{"/health/api/history", "/health/api/stats", "/health/export", "/health/api/alerts"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodHead, path, http.NoBody)
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "Bearer ann")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK && w.Code != http.StatusBadRequest && w.Code != http.StatusServiceUnavailable {
				t.Errorf("%s?%s: got %d", path, query, w.Code)
			}
		}
		paths := []string{
			"/health/api/rules/fd/silence", "/health/api/rules/" + url.PathEscape(query) + "/silence",
			"/health/api/alerts/" + url.PathEscape(query) + "/resolve", "/health/api/alerts/" + url.PathEscape(body) + "/acknowledge",
		}
		for n, contentType := range []string{formType, jsonType, formType, jsonType} {
			w := post(t, h, paths[n], contentType, body)
			if w.Code >= http.StatusInternalServerError || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s %q: got %d %s", contentType, body, w.Code, w.Body)
			}
		}
	})
}
