package health_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/dashboard"
)

// describedConfig answers at every path that there may be.
func describedConfig() health.EndpointsConfig {
	return health.EndpointsConfig{
		Service: health.TestService, Interval: 10 * time.Second, Operator: new(operator), KubernetesPaths: true,
		Metrics:    exposition(prometheus.NewRegistry()),
		Page:       dashboard.Handler(),
		Protection: health.Protection{Credentials: health.TestCredentials, AllowedHosts: []string{"localhost"}},
	}
}

// exposition is what answers a scrape, from the library that package scrape uses.
func exposition(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{MaxRequestsInFlight: 1})
}

// bearer is the header of who knows the token.
var bearer = map[string]string{"Authorization": "Bearer " + health.TestCredentials.Token}

func askFor(t *testing.T, h http.Handler, method, path string, header map[string]string) *exchange {
	t.Helper()
	return send(h, health.RequestOfTheWalk(t, method, path, header))
}

func send(h http.Handler, r *http.Request) *exchange {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return &exchange{r.Method, r.URL.RequestURI(), w.Code, w.Header(), w.Body.Bytes()}
}

// servedDocument is what endpoints of that configuration say of themselves.
func servedDocument(t *testing.T, c health.EndpointsConfig) *document {
	t.Helper()
	x := askFor(t, newEndpoints(t, c).Handler(), http.MethodGet, "/health/openapi.json", bearer)
	if x.status != http.StatusOK || x.header.Get("Content-Type") != "application/json" || x.header.Get("ETag") == "" {
		t.Fatalf("%v, %v: %s", x, x.header, x.body)
	}
	return readDocument(t, x.body)
}

func TestDocumentHasEveryRouteAndNoOther(t *testing.T) {
	all := describedConfig()
	few := describedConfig()
	few.KubernetesPaths, few.Metrics, few.Page = false, nil, nil
	for name, c := range map[string]health.EndpointsConfig{"all": all, "few": few} {
		d := servedDocument(t, c)
		var got []string
		paths, _ := d.at(d.root, "paths")
		for _, path := range paths.keys() {
			item, _ := d.at(paths, path)
			for _, method := range item.methods() {
				got = append(got, method+" "+path)
			}
		}
		want := health.Routes(newEndpoints(t, c))
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: operations (-routes +document):\n%s", name, diff)
		}
	}
}

// TestDocumentIsTheServicesOwn looks for all that is in the file, with the service's name, version and cookie put in.
func TestDocumentIsTheServicesOwn(t *testing.T) {
	c := describedConfig()
	c.Service.ID, c.Service.Version = `the "orders"`, ""
	e := newEndpoints(t, c)
	x := askFor(t, e.Handler(), http.MethodGet, "/health/openapi.json", bearer)
	file, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	text := strings.NewReplacer("{service}", `the \"orders\"`, "{version}", "unknown", "{cookie}", sessionCookie(t, e).Name).Replace(string(file))
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(x.body, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-file +served:\n%s", diff)
	}
}

// sessionCookie logs in.
func sessionCookie(t *testing.T, e *health.Endpoints) *http.Cookie {
	t.Helper()
	x := send(e.Handler(), logIn(t, "token="+health.TestCredentials.Token))
	cookie, err := http.ParseSetCookie(x.header.Get("Set-Cookie"))
	if err != nil {
		t.Fatalf("%v: %v", x, err)
	}
	return cookie
}

// logIn is what the login page's form sends.
func logIn(t *testing.T, form string) *http.Request {
	t.Helper()
	r := health.RequestOfTheWalk(t, http.MethodPost, "/health/login", map[string]string{"Content-Type": formType})
	r.Body = io.NopCloser(strings.NewReader(form))
	return r
}

func TestDocumentIsKnownByItsTag(t *testing.T) {
	h := newEndpoints(t, describedConfig()).Handler()
	first := askFor(t, h, http.MethodGet, "/health/openapi.json", bearer)
	header := map[string]string{"Authorization": bearer["Authorization"], "If-None-Match": first.header.Get("ETag")}
	again := askFor(t, h, http.MethodGet, "/health/openapi.json", header)
	if again.status != http.StatusNotModified || len(again.body) > 0 || again.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%v, %v", again, again.header)
	}
}

// TestServerIsFoundFromTheDocument resolves the document's server as a client does, wherever the endpoints are.
func TestServerIsFoundFromTheDocument(t *testing.T) {
	for _, test := range []struct{ name, base, strip, before string }{
		{"at the root", "", "", ""},
		{"under a base path", "/orders", "", "/orders"},
		{"behind a proxy that strips the base path", "/orders", "/orders", "/orders"},
		{"behind a proxy that strips what the service does not know", "", "/team/orders", "/team/orders"},
		{"behind StripPrefix of /health itself", "", "/health", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := describedConfig()
			c.BasePath, c.Protection.AllowedHosts = test.base, []string{"*"}
			e := newEndpoints(t, c)
			e.Publish(health.HealthySnapshot(), soon())
			server := httptest.NewServer(http.StripPrefix(test.strip, e.Handler()))
			defer server.Close()
			at := server.URL + test.before + "/health/openapi.json"
			var d struct{ Servers []struct{ URL string } }
			if err := json.Unmarshal(fetch(t, at), &d); err != nil || len(d.Servers) != 1 {
				t.Fatal(d, err)
			}
			base, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			found, err := base.Parse(d.Servers[0].URL)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/health/api/current", "/health", "/livez"} {
				if test.strip == "/health" && path == "/livez" {
					continue // it is not below what was stripped
				}
				fetch(t, strings.TrimSuffix(found.String(), "/")+path)
			}
		})
	}
}

// fetch returns the body of a 200.
func fetch(t *testing.T, address string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", bearer["Authorization"])
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %d %s, %v", address, response.StatusCode, body, err)
	}
	return body
}

// TestCredentialsAreAsDescribed opens the API by each of the document's schemes, and asks for every route without any.
func TestCredentialsAreAsDescribed(t *testing.T) {
	d := servedDocument(t, describedConfig())
	e := started(t, describedConfig())
	schemes, _ := d.at(d.root, "components", "securitySchemes")
	for _, name := range schemes.keys() {
		scheme, _ := d.at(schemes, name)
		if x := d.ask(t, e.Handler(), http.MethodGet, "/health/api/current", shown(t, e, scheme)); x.status != http.StatusOK {
			t.Errorf("%s: %v: %s", name, x, x.body)
		}
	}
	for _, route := range health.Routes(e) {
		method, path, _ := strings.Cut(concrete.Replace(route), " ")
		_, item, _ := d.find(path)
		operation, _ := d.at(item, strings.ToLower(method))
		if operation.object()["security"] == nil {
			operation = d.root
		}
		ways := d.elements(operation, "security")
		for _, way := range ways {
			for _, name := range way.keys() {
				if _, ok := d.at(schemes, name); !ok {
					t.Errorf("%s: the scheme %q is not described", route, name)
				}
			}
		}
		needed := len(ways) > 0 && !slices.ContainsFunc(ways, func(way node) bool { return len(way.object()) == 0 })
		if x := d.ask(t, e.Handler(), method, path, nil); needed != (x.header.Get("WWW-Authenticate") != "") {
			t.Errorf("%v, and credentials are described as needed: %t", x, needed)
		}
	}
}

// shown is the header that bears the credentials of a scheme.
func shown(t *testing.T, e *health.Endpoints, scheme node) map[string]string {
	t.Helper()
	switch kind := scheme.text("type") + " " + scheme.text("scheme") + scheme.text("in"); kind {
	case "http bearer":
		return bearer
	case "http basic":
		r := new(http.Request)
		r.Header = make(http.Header)
		r.SetBasicAuth(health.TestCredentials.Username, health.TestCredentials.Password)
		return map[string]string{"Authorization": r.Header.Get("Authorization")}
	case "apiKey cookie":
		cookie := sessionCookie(t, e)
		return map[string]string{"Cookie": scheme.text("name") + "=" + cookie.Value}
	default:
		t.Errorf("got a scheme that is %s, want bearer, basic or a cookie", kind)
		return nil
	}
}
