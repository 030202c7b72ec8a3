package access

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func hashOf(tb testing.TB, password string) string {
	tb.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		tb.Fatal(err)
	}
	return string(hash)
}

func newVerifier(tb testing.TB, c Credentials) *Verifier {
	tb.Helper()
	v, err := NewVerifier(c)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestCredentials(t *testing.T) {
	for name, c := range map[string]Credentials{
		"plain":  {Token: "s3cret", Username: "ann", Password: "pass"},
		"bcrypt": {Token: "s3cret", Username: "ann", PasswordHash: hashOf(t, "pass")},
	} {
		v := newVerifier(t, c)
		for token, want := range map[string]bool{
			"s3cret": true, "": false, "s3cre": false, "s3crett": false, "S3CRET": false, strings.Repeat("x", 10_000): false,
		} {
			if v.Token(token) != want {
				t.Errorf("%s: token %.20q: got %v", name, token, !want)
			}
		}
		for _, given := range []struct {
			user, password string
			want           bool
		}{
			{"ann", "pass", true}, {"ann", "pass", true}, {"ann", "Pass", false}, {"bob", "pass", false}, {"ann", "", false},
			{"", "", false}, {"", "pass", false}, {"ann\x00pass", "", false}, {"ann", strings.Repeat("x", 10_000), false},
		} {
			if got, err := v.Compare(t.Context(), given.user, given.password, netip.Addr{}, false); got != given.want || err != nil {
				t.Errorf("%s: %q, %.10q: got %v, %v", name, given.user, given.password, got, err)
			}
		}
	}
	if v := newVerifier(t, Credentials{Username: "ann", Password: "pass"}); v.Token("") {
		t.Error("without a token an empty one passes")
	}
	if v := newVerifier(t, Credentials{Token: "t"}); func() bool { ok, _ := v.Password("", ""); return ok }() {
		t.Error("without a user an empty one passes")
	}
}

func TestCredentialsThatMakeNoSense(t *testing.T) {
	for want, c := range map[string]Credentials{
		"without a user name": {Password: "x"},
		"without a password":  {Username: "x"},
		"one must go":         {Username: "x", Password: "y", PasswordHash: hashOf(t, "y")},
		"not bcrypt's":        {Username: "x", PasswordHash: "hunter2"},
	} {
		if _, err := NewVerifier(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: got %v, want %q", c, err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	now := time.Now()
	l := NewLimits[string](3)
	take := func(key string) (int, time.Duration) {
		for n := 0; ; n++ {
			if ok, wait := l.Take(key, 10, now); !ok {
				return n, wait
			}
		}
	}
	if n, wait := take("a"); n != 10 || wait <= 5*time.Second || wait > 6*time.Second {
		t.Errorf("got %d at once and then a wait of %v, want 10 and 6 s", n, wait)
	}
	if n, _ := take("b"); n != 10 {
		t.Errorf("another key: got %d, want 10", n)
	}
	now = now.Add(12 * time.Second)
	if n, _ := take("a"); n != 2 {
		t.Errorf("after 12 s: got %d, want 2", n)
	}
	for i := range 100 {
		l.Take(strconv.Itoa(i), 10, now)
	}
	if len(l.known) != 3 || l.order.Len() != 3 {
		t.Errorf("%d keys are known, want 3", len(l.known))
	}
	if allocs := testing.AllocsPerRun(100, func() { l.Take("99", 10, now) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func request(remote string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://inner:8080/", http.NoBody)
	r.RemoteAddr = remote
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestForwardedHeadersAreBelievedOfTrustedProxiesAlone(t *testing.T) {
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, test := range []struct {
		remote, way, want string
	}{
		{"192.0.2.1:1", "", "192.0.2.1"},
		{"192.0.2.1:1", "203.0.113.9", "192.0.2.1"},
		{"10.1.1.1:1", "203.0.113.9", "203.0.113.9"},
		{"10.1.1.1:1", "6.6.6.6, 203.0.113.9, 10.2.2.2", "203.0.113.9"},
		{"[::1]:1", "2001:db8::1", "2001:db8::1"},
		{"[::ffff:10.1.1.1]:1", "203.0.113.9:4711", "203.0.113.9"},
		{"10.1.1.1:1", "[2001:db8::1]:99", "2001:db8::1"},
		{"10.1.1.1:1", "what", "10.1.1.1"},
		{"10.1.1.1:1", "what, 10.3.3.3", "10.3.3.3"},
		{"@", "203.0.113.9", "invalid IP"},
	} {
		r := request(test.remote)
		if test.way != "" {
			r = request(test.remote, "X-Forwarded-For", test.way)
		}
		if got := proxies.Client(r).String(); got != test.want {
			t.Errorf("from %s by way of %q: got %s, want %s", test.remote, test.way, got, test.want)
		}
	}
	forwarded := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "outer.example"}
	trusted, stranger := request("10.1.1.1:1", forwarded...), request("192.0.2.1:1", forwarded...)
	if !proxies.IsTLS(trusted) || proxies.Host(trusted) != "outer.example" {
		t.Error("a trusted proxy is not believed")
	}
	if proxies.IsTLS(stranger) || proxies.Host(stranger) != "inner:8080" || Proxies(nil).IsTLS(trusted) {
		t.Error("a stranger is believed")
	}
	if Network(netip.MustParseAddr("2001:db8:1:2:3::4")) != Network(netip.MustParseAddr("2001:db8:1:2:ffff::1")) ||
		Network(netip.MustParseAddr("192.0.2.1")) == Network(netip.MustParseAddr("192.0.2.2")) {
		t.Error("networks are told apart wrongly")
	}
}

func TestHosts(t *testing.T) {
	listening := func(ip string) *http.Request {
		r := request("192.0.2.1:1")
		return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.ParseIP(ip)})))
	}
	loopback, public := listening("127.0.0.1"), listening("192.0.2.7")
	for _, test := range []struct {
		hosts Hosts
		r     *http.Request
		host  string
		want  bool
	}{
		{nil, loopback, "localhost:8080", true},
		{nil, loopback, "127.0.0.1:8080", true},
		{nil, loopback, "[::1]:8080", true},
		{nil, loopback, "[::1]", true},
		{nil, loopback, "orders.localhost", true},
		{nil, loopback, "LOCALHOST.", true},
		{nil, loopback, "evil.example:8080", false},
		{nil, loopback, "127.0.0.1.evil.example", false},
		{nil, loopback, "", false},
		{nil, public, "evil.example", true},
		{nil, request("192.0.2.1:1"), "evil.example", true},
		{Hosts{"health.example"}, public, "health.example:443", true},
		{Hosts{"health.example"}, public, "evil.example", false},
		{Hosts{"health.example"}, loopback, "localhost", false},
		{Hosts{"*"}, loopback, "evil.example", true},
	} {
		if got := test.hosts.Allow(test.r, test.host); got != test.want {
			t.Errorf("%v, %q: got %v", test.hosts, test.host, got)
		}
	}
}

func TestHostsAreComparedAsTheyAreMeant(t *testing.T) {
	hosts, err := NewHosts([]string{"Health.Example.", "[2001:DB8::1]", "::1", "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"health.example:443": true, "HEALTH.EXAMPLE": true, "[2001:db8::1]:8080": true, "[::1]": true, "192.0.2.1:80": true, "example": false,
	} {
		if hosts.Allow(request("192.0.2.1:1"), host) != want {
			t.Errorf("%s: got %v", host, !want)
		}
	}
	for _, wrong := range []string{"", "localhost:8080", "https://health.example", "*.example", "user@health.example"} {
		if _, err := NewHosts([]string{wrong}); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	r := request("10.1.1.1:1", "X-Forwarded-Proto", "HTTPS, http", "X-Forwarded-Host", "a.example, b.example")
	if !proxies.IsTLS(r) || proxies.Host(r) != "a.example" {
		t.Errorf("lists: got %v, %q", proxies.IsTLS(r), proxies.Host(r))
	}
}

func TestManyAtOnce(t *testing.T) {
	v, l := newVerifier(t, Credentials{Token: "t", Username: "ann", PasswordHash: hashOf(t, "pass")}), NewLimits[int](8)
	s := NewSessions([]byte("k"))
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			session := s.Issue("ann", time.Now())
			for n := range 50 {
				v.Token("t")
				if _, err := v.Compare(t.Context(), "ann", "pass", netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 4)}), n%2 == 0); err != nil && !errors.Is(err, ErrBusy) {
					t.Error(err)
				}
				l.Take(i, 10, time.Now())
				s.User(session, time.Now())
			}
			s.End(session, time.Now())
		})
	}
	all.Wait()
}
