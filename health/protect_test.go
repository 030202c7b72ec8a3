package health

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"
)

// credentials are those of most tests here.
var credentials = Credentials{Token: "t0ken-of-the-test", Username: "ann", Password: "pass"}

// doer does whatever it is asked for.
type doer struct{}

func (doer) Acknowledge(int64, string, string) error { return nil }

func (doer) Resolve(int64, string, string) error { return nil }

func (doer) Silence(string, time.Time, string) error { return nil }

func guarded(t *testing.T, c EndpointsConfig) *Endpoints {
	t.Helper()
	c.Service, c.Interval, c.Operator = testService, 10*time.Second, doer{}
	if c.Protection.Authorizer == nil && c.Protection.Credentials == (Credentials{}) {
		c.Protection.Credentials = credentials
	}
	e, err := NewEndpoints(c)
	if err != nil {
		t.Fatal(err)
	}
	e.Publish(healthySnapshot(), time.Now().Add(time.Hour))
	return e
}

// askers counts those who ask, each from an address of its own: wrong credentials are limited by it.
var askers atomic.Uint32

// asked is one request of the walk.
func asked(t *testing.T, method, path string, header map[string]string) *http.Request {
	t.Helper()
	body, contentType := "", ""
	if method == http.MethodPost {
		body, contentType = "until=1h", "application/x-www-form-urlencoded"
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Host = "localhost:8080"
	n := askers.Add(1)
	r.RemoteAddr = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String() + ":4711"
	r.Header.Set("Content-Type", contentType)
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		} else {
			r.Header.Set(name, value)
		}
	}
	return r
}

// TestEveryRouteDecidesWhoMayAsk walks every route with every method as everybody. A new route that decides nothing
// fails it: what it is for must stand in the table.
func TestEveryRouteDecidesWhoMayAsk(t *testing.T) {
	probes := []string{"/health", "/health/status", "/health/check", "/health/startup", "/livez", "/readyz", "/startupz"}
	reads := []string{
		"/health/", "/health/assets/1/page.css", "/health/api/current", "/health/api/history", "/health/api/series", "/health/api/stats",
		"/health/api/alerts", "/health/api/checks", "/health/api/stream", "/health/export", "/health/openapi.json", "/metrics",
	}
	acts := []string{"/health/api/alerts/7/acknowledge", "/health/api/alerts/7/resolve", "/health/api/rules/fd/silence"}
	ways := map[string][2]int{ // GET and POST by everybody; 0: there is none
		"/health/login": {200, 401}, "/health/login.css": {200, 0}, "/health/logout": {0, 303},
	}
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	e := Unlimited(guarded(t, EndpointsConfig{
		KubernetesPaths: true, Metrics: nothing, Page: nothing,
		Protection: Protection{AllowedHosts: []string{"localhost"}, Credentials: credentials},
	}))
	var known []string
	for _, r := range e.routes() {
		known = append(known, strings.NewReplacer("{id}", "7", "{name}", "fd", "{$}", "", "{build}", "1", "{file}", "page.css").Replace(r.path))
	}
	slices.Sort(known)
	var told []string
	for path, codes := range ways {
		for _, code := range codes {
			if code != 0 {
				told = append(told, path)
			}
		}
	}
	told = append(told, slices.Concat(probes, reads, acts)...)
	slices.Sort(told)
	if diff := cmp.Diff(known, told); diff != "" {
		t.Fatalf("routes (-there +in this test):\n%s", diff)
	}
	right := "Bearer " + credentials.Token
	who := map[string]map[string]string{
		"anonymous":    {},
		"wrong":        {"Authorization": "Bearer wrong"},
		"right":        {"Authorization": right},
		"cross-site":   {"Authorization": right, "Sec-Fetch-Site": "cross-site"},
		"foreign host": {"Authorization": right, "Host": "evil.example"},
	}
	mux := http.NewServeMux()
	e.Register(mux)
	for name, h := range map[string]http.Handler{"mux": mux, "handler": e.Handler()} {
		check := func(method, path, as string, want int) {
			t.Helper()
			w := httptest.NewRecorder()
			r := asked(t, method, path, who[as])
			if path == "/health/api/stream" && method == http.MethodGet && want == 200 {
				return // it does not end: see the tests of streams
			}
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s: %s %s by %s: got %d %s, want %d", name, method, path, as, w.Code, w.Body, want)
			}
		}
		others := []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
		for as := range who {
			for _, path := range probes {
				check(http.MethodGet, path, as, 200)
				check(http.MethodHead, path, as, 200)
				for _, method := range append(others, http.MethodPost) {
					check(method, path, as, 405)
				}
			}
			read := map[string]int{"anonymous": 401, "wrong": 401, "right": 200, "cross-site": 403, "foreign host": 403}[as]
			for _, path := range reads {
				want := read
				if want == 200 && (path == "/health/api/history" || path == "/health/api/series" || path == "/health/api/stats" || path == "/health/export") {
					want = 404 // no history is kept here
				}
				check(http.MethodGet, path, as, want)
				check(http.MethodHead, path, as, want)
				for _, method := range append(others, http.MethodPost) {
					check(method, path, as, 405)
				}
			}
			act := map[string]int{"anonymous": 401, "wrong": 401, "right": 200, "cross-site": 403, "foreign host": 403}[as]
			for _, path := range acts {
				check(http.MethodPost, path, as, act)
				for _, method := range append(others, http.MethodGet, http.MethodHead) {
					check(method, path, as, 405)
				}
			}
			for path, codes := range ways {
				get, post := codes[0], codes[1]
				switch {
				case path == "/health/login.css":
				case as == "foreign host":
					get, post = 403, 403
				case as == "cross-site":
					post = 403
				}
				for method, want := range map[string]int{http.MethodGet: get, http.MethodHead: get, http.MethodPost: post} {
					if (method == http.MethodPost && codes[1] == 0) || (method != http.MethodPost && codes[0] == 0) {
						want = 405
					}
					check(method, path, as, want)
				}
			}
		}
	}
}

func TestCredentialsOpenTheAPI(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("pass"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for name, c := range map[string]Credentials{
		"plain": credentials, "hashed": {Token: credentials.Token, Username: "ann", PasswordHash: string(hash)},
	} {
		h := Unlimited(guarded(t, EndpointsConfig{Protection: Protection{Credentials: c}})).Handler()
		for header, want := range map[string]int{
			"Bearer " + c.Token: 200, "bearer " + c.Token: 200, "Bearer x": 401, "Bearer": 401, "": 401, c.Token: 401,
			basic("ann", "pass"): 200, basic("ann", "x"): 401, basic("bob", "pass"): 401, "Basic !": 401, "Basic " + c.Token: 401,
			"Digest x": 401, basic("", ""): 401,
		} {
			w := do(t, h, http.MethodGet, "/health/api/current", "Authorization", header)
			if w.Code != want && !(want == 401 && w.Code == 429) {
				t.Errorf("%s: %q: got %d, want %d", name, header, w.Code, want)
			}
			if w.Code == 401 && !strings.Contains(strings.Join(w.Header().Values("WWW-Authenticate"), ","), `Basic realm="health"`) {
				t.Errorf("%s: %q: the challenge is %q", name, header, w.Header().Values("WWW-Authenticate"))
			}
			if strings.Contains(w.Body.String(), c.Token) {
				t.Errorf("%s: %q: the answer holds the token", name, header)
			}
		}
	}
	script := do(t, guarded(t, EndpointsConfig{}).Handler(), http.MethodGet, "/health/api/current", "Sec-Fetch-Mode", "cors")
	if script.Code != 401 || strings.Contains(strings.Join(script.Header().Values("WWW-Authenticate"), ","), "Basic") {
		t.Errorf("a page's script: got %d, %q: the browser would ask for a password itself", script.Code, script.Header().Values("WWW-Authenticate"))
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	p := Protection{Credentials: credentials}
	encoded, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	probe := SelfProbe{Address: ":8080", Token: credentials.Token}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "protection", p, "credentials", p.Credentials, "probe", probe)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "protection", p, "credentials", p.Credentials, "probe", probe)
	for _, text := range []string{
		fmt.Sprint(p), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", p.Credentials), fmt.Sprintf("%v", EndpointsConfig{Protection: p}),
		fmt.Sprintf("%#v", p), fmt.Sprintf("%+v", probe), fmt.Sprintf("%#v", probe), string(encoded), log.String(),
	} {
		if strings.Contains(text, credentials.Token) || strings.Contains(text, "pass") {
			t.Errorf("printed: %s", text)
		}
	}
}

func TestWithoutCredentialsNobodyHasAccess(t *testing.T) {
	e, err := NewEndpoints(EndpointsConfig{Service: testService, Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"", "Bearer x", "Basic eDp5"} {
		w := do(t, e.Handler(), http.MethodGet, "/health/api/current", "Authorization", header)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "HEALTH_API_TOKEN") {
			t.Errorf("%q: got %d %s", header, w.Code, w.Body)
		}
	}
	if _, err := NewEndpoints(EndpointsConfig{Protection: Protection{Credentials: Credentials{Username: "ann"}, TrustedOrigins: []string{"health.example"}}}); err == nil {
		t.Error("half a credential and an origin without a scheme are accepted")
	}
}

// browser is a client with a cookie jar, at a real server.
func browser(t *testing.T, e *Endpoints) (client *http.Client, base string) {
	t.Helper()
	server := httptest.NewServer(e.Handler())
	t.Cleanup(server.Close)
	client = server.Client()
	client.Jar = new(jar)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, server.URL
}

// jar keeps every cookie and sends it everywhere.
type jar struct{ cookies []*http.Cookie }

func (j *jar) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		j.cookies = slices.DeleteFunc(j.cookies, func(old *http.Cookie) bool { return old.Name == c.Name })
		if c.MaxAge >= 0 {
			j.cookies = append(j.cookies, c)
		}
	}
}

func (j *jar) Cookies(*url.URL) []*http.Cookie { return j.cookies }

// page is what a browser got.
type page struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
}

func navigate(t *testing.T, c *http.Client, method, address string, form url.Values) page {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return page{response.StatusCode, response.Header, response.Cookies()}
}

func TestBrowserLogsInAndOut(t *testing.T) {
	c, base := browser(t, Unlimited(guarded(t, EndpointsConfig{})))
	sent := navigate(t, c, http.MethodGet, base+"/health/api/current?x=1", nil)
	if sent.status != http.StatusSeeOther || sent.header.Get("Location") != "../login?next=api%2Fcurrent%3Fx%3D1" {
		t.Fatalf("who is not logged in: got %d to %q", sent.status, sent.header.Get("Location"))
	}
	form := navigate(t, c, http.MethodGet, base+"/health/login?next=api/current", nil)
	if form.status != http.StatusOK || !strings.HasPrefix(form.header.Get("Content-Type"), "text/html") ||
		strings.Contains(form.header.Get("Content-Security-Policy"), "unsafe") || !strings.Contains(form.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("the login page: got %d, %v", form.status, form.header)
	}
	if wrong := navigate(t, c, http.MethodPost, base+"/health/login", url.Values{"token": {"wrong"}}); wrong.status != http.StatusUnauthorized || len(wrong.cookies) > 0 {
		t.Errorf("a wrong token: got %d, %v", wrong.status, wrong.cookies)
	}
	for _, sent := range []url.Values{
		{"token": {credentials.Token}, "next": {"api/current"}}, {"username": {"ann"}, "password": {"pass"}, "next": {"api/current"}},
		{"token": {"pass"}, "username": {"ann"}, "password": {"pass"}, "next": {"api/current"}},
	} {
		in := navigate(t, c, http.MethodPost, base+"/health/login", sent)
		if in.status != http.StatusSeeOther || in.header.Get("Location") != "./api/current" || len(in.cookies) != 1 {
			t.Fatalf("%v: got %d to %q with %v", sent, in.status, in.header.Get("Location"), in.cookies)
		}
		if cookie := in.cookies[0]; !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.MaxAge != 43200 || !strings.HasPrefix(cookie.Name, "health_") {
			t.Errorf("the cookie is %v", cookie)
		}
		if seen := navigate(t, c, http.MethodGet, base+"/health/api/current", nil); seen.status != http.StatusOK {
			t.Errorf("who is logged in: got %d", seen.status)
		}
		kept := &jar{slices.Clone(c.Jar.Cookies(nil))}
		if out := navigate(t, c, http.MethodPost, base+"/health/logout", nil); out.status != http.StatusSeeOther || out.header.Get("Location") != "login" {
			t.Errorf("logging out: got %d to %q", out.status, out.header.Get("Location"))
		}
		c.Jar = kept // who has copied the cookie
		if seen := navigate(t, c, http.MethodGet, base+"/health/api/current", nil); seen.status != http.StatusSeeOther {
			t.Errorf("after logging out the session goes on: got %d", seen.status)
		}
		c.Jar = new(jar)
	}
}

func TestSessionCountsBesideWhatOthersSend(t *testing.T) {
	e := guarded(t, EndpointsConfig{})
	session := e.guard.cookie + "=" + e.guard.sessions.Issue("ann", time.Now())
	for name, header := range map[string][]string{
		"a proxy's Authorization":  {"Cookie", session, "Authorization", "Basic cHJveHk6eA=="},
		"a cookie of the name":     {"Cookie", e.guard.cookie + "=x; " + session},
		"a cookie of another name": {"Cookie", "a=b; " + session},
	} {
		for range wrongPerMinute + 1 {
			if w := do(t, e.Handler(), http.MethodGet, "/health/api/current", header...); w.Code != http.StatusOK {
				t.Fatalf("%s: got %d", name, w.Code)
			}
		}
	}
}

func TestLoginGoesNowhereElse(t *testing.T) {
	for next, want := range map[string]string{
		"": "./", "api/current?hours=2": "./api/current?hours=2", "export": "./export", "?alert=7": "./?alert=7", "./": "./",
		"./export": "./export", "a%20b": "./a%20b", "x?next=//y": "./x?next=//y",
		"//evil.example": "./", "https://evil.example": "./", "/elsewhere": "./", `\\evil.example`: "./", "../../elsewhere": "./",
		"javascript:alert(1)": "./", "a\r\nSet-Cookie: x": "./", "a:b": "./", "%": "./", "/\\evil.example": "./",
		" //evil.example": "./", "\t//evil.example": "./", "\u00a0//evil.example": "./", "\x00//evil.example": "./", ".//evil.example": "./evil.example",
		"%5c%5cevil.example": "./", "%2e%2e/elsewhere": "./", "%2f/evil.example": "./", "///evil.example": "./", "?a=b c": "./",
	} {
		if got := localTarget(next); got != want {
			t.Errorf("%q: got %q, want %q", next, got, want)
		}
	}
}

func TestSessionCookieIsSecureUnderTLS(t *testing.T) {
	e := guarded(t, EndpointsConfig{Protection: Protection{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}})
	login := func(remote string) *http.Cookie {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/health/login", strings.NewReader("token="+credentials.Token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, r)
		if len(w.Result().Cookies()) != 1 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		return w.Result().Cookies()[0]
	}
	if !login("192.0.2.9:1").Secure {
		t.Error("behind a trusted proxy that speaks TLS it is not Secure")
	}
	if login("198.51.100.1:1").Secure {
		t.Error("a stranger's X-Forwarded-Proto is believed")
	}
}

func TestLoopbackListenerAnswersUnderLoopbackNames(t *testing.T) {
	server := httptest.NewServer(guarded(t, EndpointsConfig{}).Handler())
	defer server.Close()
	ask := func(path, host string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Authorization", "Bearer "+credentials.Token)
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"localhost:" + port: 200, "127.0.0.1:" + port: 200, "evil.example:" + port: 403} {
		if got := ask("/health/api/current", host); got != want {
			t.Errorf("%s: got %d, want %d", host, got, want)
		}
		if got := ask("/health", host); got != 200 {
			t.Errorf("a probe under %s: got %d", host, got)
		}
	}
}

func TestTrustedOriginsMayPost(t *testing.T) {
	e := guarded(t, EndpointsConfig{Protection: Protection{Credentials: credentials, TrustedOrigins: []string{"https://health.example"}}})
	for origin, want := range map[string]int{"https://health.example": 200, "https://evil.example": 403, "http://health.example": 403} {
		r := asked(t, http.MethodPost, "/health/api/alerts/7/resolve", map[string]string{"Origin": origin, "Authorization": "Bearer " + credentials.Token})
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: got %d, want %d", origin, w.Code, want)
		}
	}
}

func TestReadOnlyChangesNothing(t *testing.T) {
	e := guarded(t, EndpointsConfig{Protection: Protection{Credentials: credentials, ReadOnly: true}})
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, asked(t, http.MethodPost, "/health/api/alerts/7/resolve", map[string]string{"Authorization": "Bearer " + credentials.Token}))
	if w.Code != 403 || !strings.Contains(w.Body.String(), "read-only") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestWhoAsksTooOftenWaits(t *testing.T) {
	h := guarded(t, EndpointsConfig{}).Handler()
	until429 := func(path string) int {
		for n := range 1000 {
			w := do(t, h, http.MethodGet, path, "Authorization", "Bearer "+credentials.Token)
			if w.Code == http.StatusTooManyRequests {
				if w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != mediaProblem {
					t.Errorf("%s: got %v", path, w.Header())
				}
				return n
			}
		}
		return -1
	}
	for path, want := range map[string]int{
		"/health/api/current": 60, "/health/api/alerts": 60, "/health/export": 10, "/health": -1, "/health/check": -1,
	} {
		if got := until429(path); got != want {
			t.Errorf("%s: refused after %d, want %d (-1: never)", path, got, want)
		}
	}
}

// TestWrongTokensLockNobodyOut shows 10,000 wrong tokens from one address, and 10,000 from as many.
func TestWrongTokensLockNobodyOut(t *testing.T) {
	e := Unlimited(guarded(t, EndpointsConfig{}))
	h := e.Handler()
	ask := func(address, token string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health/api/current", http.NoBody)
		r.RemoteAddr = address
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	codes := make(map[int]int)
	for n := range 10_000 {
		codes[ask("203.0.113.7:4711", fmt.Sprint("wrong", n))]++
	}
	if codes[401] < wrongPerMinute || codes[401] > 2*wrongPerMinute || codes[401]+codes[429] != 10_000 {
		t.Errorf("from one address: %v", codes)
	}
	if got := ask("203.0.113.7:4711", credentials.Token); got != 200 {
		t.Errorf("the right one from there: got %d", got)
	}
	for n := range 10_000 {
		ask(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}).String()+":1", "wrong")
	}
	before := heap()
	for n := range 30_000 {
		ask(netip.AddrFrom4([4]byte{11, byte(n >> 16), byte(n >> 8), byte(n)}).String()+":1", "wrong")
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if got := ask("203.0.113.7:4711", credentials.Token); got != 200 {
		t.Errorf("the right one in the end: got %d", got)
	}
}

func FuzzCredentials(f *testing.F) {
	for _, seed := range [][3]string{
		{"Bearer x", "", "token=x&next=a"}, {"Basic YTpi", "health_=x", "username=a&password=b"}, {"Basic", "a=b; c", "%zz"},
		{"Bearer " + credentials.Token, "", "token=" + credentials.Token + "&next=//x"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	e, err := NewEndpoints(EndpointsConfig{Service: testService, Interval: time.Second, Operator: doer{}, Protection: Protection{Credentials: credentials}})
	if err != nil {
		f.Fatal(err)
	}
	e.Publish(healthySnapshot(), time.Now().Add(time.Hour))
	h := Unlimited(e).Handler()
	f.Fuzz(func(t *testing.T, authorization, cookie, form string) {
		for _, path := range []string{"/health/api/checks", "/health/check", "/health/login", "/health/logout"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form))
				r.Header["Authorization"] = []string{authorization}
				r.Header["Cookie"] = []string{cookie, e.guard.cookie + "=" + cookie}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code >= http.StatusInternalServerError {
					t.Errorf("%s %s: got %d", method, path, w.Code)
				}
			}
		}
	})
}
