package health

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/otelhealth/otelhealth-go/health/internal/access"
)

// Protection says who may see more than the probes, and who may act. The zero value lets nobody.
type Protection struct {
	Authorizer Authorizer // the application's own; it is asked instead of Credentials, and there is no login page then
	Credentials

	TrustedOrigins []string       // origins such as https://health.example whose pages may POST, beside the service's own
	TrustedProxies []netip.Prefix // whose X-Forwarded-For, -Proto and -Host are believed; none by default
	AllowedHosts   []string       // host names under which page and API answer; none: all, and on a loopback listener loopback names
	ReadOnly       bool           // every POST is refused

	// SessionKey signs what browsers get at the login, at least 32 random bytes that nobody else knows. Sessions outlive a
	// restart, and hold on every instance, with the same one. None: one of this process is made.
	SessionKey []byte
}

// Credentials are what opens the API without an Authorizer: a bearer token, or a user's password (HTTP Basic, RFC 7617),
// as it is or hashed by bcrypt. Both may be set.
type Credentials struct {
	Token        string
	Username     string
	Password     string
	PasswordHash string
}

// String tells no secret.
func (c Credentials) String() string { return "credentials" }

// GoString tells no secret.
func (c Credentials) GoString() string { return "credentials" }

// MarshalJSON tells no secret: of a [Protection] neither.
func (c Credentials) MarshalJSON() ([]byte, error) { return []byte(`"credentials"`), nil }

// LogValue tells no secret.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Validate returns what is wrong with the credentials, without repeating them. That none are set is not wrong.
func (c Credentials) Validate() error {
	_, err := access.NewVerifier(access.Credentials(c))
	return err
}

// ValidateOrigin returns an error unless origin may stand in [Protection].TrustedOrigins.
func ValidateOrigin(origin string) error {
	if u, err := url.Parse(origin); err != nil || u.User != nil || origin != strings.ToLower(origin) {
		return errors.New("an origin as browsers send it: in lower case, and without a user")
	}
	return http.NewCrossOriginProtection().AddTrustedOrigin(origin)
}

// ValidateHost returns an error unless host may stand in [Protection].AllowedHosts.
func ValidateHost(host string) error {
	_, err := access.NewHosts([]string{host})
	return err
}

// class is what a route is counted as when somebody asks too often.
type class uint8

const (
	classCurrent class = iota
	classHistory
	classStats
	classAlerts
	classChecks
	classStream
	classExport
	classAct
	classPage
	classMetrics
	classes
)

// perMinute are the original's limits, for each credential and kind of route.
var perMinute = [classes]int{
	classCurrent: 60, classHistory: 60, classStats: 60, classAlerts: 60, classChecks: 60, classStream: 60, classExport: 10,
	classAct: 30, classPage: 300, classMetrics: 600,
}

// wrongPerMinute is how often one address may show wrong credentials.
const wrongPerMinute = 10

// Bounds on what is remembered of who asks.
const (
	mostAddresses   = 4096
	mostCredentials = 1024
)

type rateKey struct {
	user  string
	class class
}

// guard stands before everything but the probes.
type guard struct {
	authorizer  Authorizer
	verifier    *access.Verifier // nil: there are no credentials
	sessions    *access.Sessions
	cookie      string // the name of the session's
	basePath    string
	proxies     access.Proxies
	hosts       access.Hosts
	crossOrigin *http.CrossOriginProtection
	readOnly    bool

	wrong     *access.Limits[netip.Addr] // credentials, by network
	rates     *access.Limits[rateKey]
	perMinute [classes]int

	unauthorized, unauthorizedPage, forbidden, closed, foreignHost, foreignSite, foreignReader, readOnlyRefusal *answer
}

func newGuard(p Protection, service, basePath string) (*guard, error) {
	g := &guard{
		authorizer: p.Authorizer, cookie: access.CookieName(service, basePath), basePath: basePath, proxies: p.TrustedProxies,
		crossOrigin: http.NewCrossOriginProtection(), readOnly: p.ReadOnly,
		wrong: access.NewLimits[netip.Addr](mostAddresses), rates: access.NewLimits[rateKey](mostCredentials), perMinute: perMinute,
	}
	var errs []error
	if c := access.Credentials(p.Credentials); c.Set() && g.authorizer == nil {
		var err error
		g.verifier, err = access.NewVerifier(c)
		errs = append(errs, err)
		g.sessions, err = newSessions(p, g.cookie)
		errs = append(errs, err)
	}
	for _, origin := range p.TrustedOrigins {
		errs = append(errs, g.crossOrigin.AddTrustedOrigin(origin))
	}
	var errHosts error
	g.hosts, errHosts = access.NewHosts(p.AllowedHosts)
	errs = append(errs, errHosts)
	g.unauthorized = newProblem(http.StatusUnauthorized, "credentials are missing or wrong")
	g.unauthorized.challenge = []string{`Bearer realm="health"`}
	g.unauthorizedPage = newProblem(http.StatusUnauthorized, "credentials are missing or wrong")
	g.unauthorizedPage.challenge = g.unauthorized.challenge
	if p.Username != "" {
		g.unauthorized.challenge = []string{`Bearer realm="health"`, `Basic realm="health", charset="UTF-8"`}
	}
	g.forbidden = newProblem(http.StatusForbidden, "these credentials do not give access")
	g.closed = newProblem(http.StatusForbidden, "nobody has access until HEALTH_API_TOKEN, HEALTH_AUTH_USERNAME or an Authorizer is set")
	g.foreignHost = newProblem(http.StatusForbidden, "the service is not asked for under this host name (HEALTH_ALLOWED_HOSTS)")
	g.foreignSite = newProblem(http.StatusForbidden, "a page of another site may not do this (HEALTH_TRUSTED_ORIGINS)")
	g.foreignReader = newProblem(http.StatusForbidden, "a page of another site may not read this")
	g.readOnlyRefusal = newProblem(http.StatusForbidden, "nothing may be changed here: read-only")
	return g, errors.Join(errs...)
}

// shortestSessionKey is in bytes.
const shortestSessionKey = 32

func newSessions(p Protection, cookie string) (*access.Sessions, error) {
	secret := p.SessionKey
	switch {
	case len(secret) == 0:
		secret = access.NewSecret()
	case len(secret) < shortestSessionKey:
		return nil, fmt.Errorf("SessionKey: got %d bytes, want at least %d", len(secret), shortestSessionKey)
	}
	return access.NewSessions(access.Credentials(p.Credentials).SessionKey(secret, cookie)), nil
}

// admit returns who asks, or the refusal: for the host name, for the page that asks, for the credentials, or because it is
// too often. Only who is admitted uses up what may be asked a minute.
func (g *guard) admit(r *http.Request, c class) (Identity, *answer) {
	if !g.hosts.Allow(r, g.proxies.Host(r)) {
		return Identity{}, g.foreignHost
	}
	if refusal := g.mayAsk(r); refusal != nil {
		return Identity{}, refusal
	}
	identity, refusal := g.identify(r)
	if refusal != nil {
		return identity, refusal
	}
	if ok, wait := g.rates.Take(rateKey{identity.Name, c}, g.perMinute[c], time.Now()); !ok {
		return identity, tooMany(wait, "asked too often")
	}
	return identity, nil
}

// mayAsk refuses what comes from another site's page, but for following a link to a page, and what would change something
// where nothing may be.
func (g *guard) mayAsk(r *http.Request) *answer {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		if g.readOnly {
			return g.readOnlyRefusal
		}
		return g.sameSite(r)
	case r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate":
		return g.foreignReader
	}
	return nil
}

// knows reports whether the request shows credentials that can be looked at without waiting: the token, a session, or a
// password that was right a moment ago.
func (g *guard) knows(r *http.Request) bool {
	shown := r.Header["Authorization"]
	if g.verifier == nil || g.authorizer != nil || len(shown) == 0 && len(r.Header["Cookie"]) == 0 || !g.hosts.Allow(r, g.proxies.Host(r)) {
		return false
	}
	if len(shown) > 0 {
		scheme, given, _ := strings.Cut(shown[0], " ")
		if strings.EqualFold(scheme, "Bearer") && g.verifier.Token(given) {
			return true
		}
		if username, password, ok := r.BasicAuth(); ok {
			if right, decided := g.verifier.Password(username, password); right && decided {
				return true
			}
		}
	}
	_, ok := g.session(r)
	return ok
}

// sameSite refuses what comes from another site's page.
func (g *guard) sameSite(r *http.Request) *answer {
	if host := g.proxies.Host(r); host != r.Host {
		outer := *r // as the client sent it to the proxy
		outer.Host = host
		r = &outer
	}
	if g.crossOrigin.Check(r) != nil {
		return g.foreignSite
	}
	return nil
}

// identify returns who asks, or the refusal.
func (g *guard) identify(r *http.Request) (Identity, *answer) {
	switch {
	case g.authorizer != nil:
		identity, err := g.authorizer.Authorize(r)
		switch {
		case err == nil:
			identity.Name = strings.Clone(identity.Name) // of a header, perhaps: its memory is used again by fasthttp
			return identity, nil
		case errors.Is(err, ErrForbidden):
			return Identity{}, g.forbidden
		default:
			return Identity{}, g.unauthorized
		}
	case g.verifier == nil:
		return Identity{}, g.closed
	}
	if user, ok := g.session(r); ok {
		return Identity{Name: user}, nil
	}
	if shown := r.Header["Authorization"]; len(shown) > 0 {
		return g.verify(r, shown[0])
	}
	return Identity{}, g.challenge(r)
}

// session returns the user of a session among the request's cookies: others may have set cookies of that name, and a proxy
// may need an Authorization of its own.
func (g *guard) session(r *http.Request) (user string, ok bool) {
	if len(r.Header["Cookie"]) == 0 {
		return "", false
	}
	for _, cookie := range r.CookiesNamed(g.cookie) {
		if user, ok := g.sessions.User(cookie.Value, time.Now()); ok {
			return user, true
		}
	}
	return "", false
}

// challenge asks for credentials. A browser's script gets no challenge for a password, or the browser would ask for one
// in a window of its own.
func (g *guard) challenge(r *http.Request) *answer {
	if r.Header.Get("Sec-Fetch-Mode") != "" {
		return g.unauthorizedPage
	}
	return g.unauthorized
}

// verify looks at an Authorization header: RFC 6750, section 2.1, and RFC 7617.
func (g *guard) verify(r *http.Request, header string) (Identity, *answer) {
	scheme, given, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		if g.verifier.Token(given) {
			return Identity{Name: access.TokenUser}, nil
		}
	case strings.EqualFold(scheme, "Basic"):
		decoded, err := base64.StdEncoding.DecodeString(given)
		if username, password, ok := strings.Cut(string(decoded), ":"); ok && err == nil {
			return g.verifyPassword(r, username, password)
		}
	}
	return Identity{}, g.wrongCredentials(r)
}

func (g *guard) verifyPassword(r *http.Request, username, password string) (Identity, *answer) {
	right, decided := g.verifier.Password(username, password)
	switch {
	case right:
		return Identity{Name: username}, nil
	case decided:
		return Identity{}, g.wrongCredentials(r)
	}
	network := access.Network(g.proxies.Client(r))
	calm, wait := g.wrong.Take(network, wrongPerMinute, time.Now()) // before it takes time: many may come at once
	right, err := g.verifier.Compare(r.Context(), username, password, network, !calm)
	switch {
	case right:
		return Identity{Name: username}, nil
	case err != nil:
		return Identity{}, tooMany(time.Second, access.ErrBusy.Error())
	case !calm:
		return Identity{}, tooMany(wait, wrongTooOften)
	default:
		return Identity{}, g.challenge(r)
	}
}

const wrongTooOften = "wrong credentials too often"

// wrongCredentials counts them for the address that they come from. Who shows too many is told to wait; right ones from
// there pass all the same.
func (g *guard) wrongCredentials(r *http.Request) *answer {
	if ok, wait := g.wrong.Take(access.Network(g.proxies.Client(r)), wrongPerMinute, time.Now()); !ok {
		return tooMany(wait, wrongTooOften)
	}
	return g.challenge(r)
}

func tooMany(wait time.Duration, detail string) *answer {
	seconds := max(int(math.Ceil(wait.Seconds())), 1)
	a := newProblem(http.StatusTooManyRequests, fmt.Sprintf("%s; again in %d s", detail, seconds))
	a.retryAfter = []string{strconv.Itoa(seconds)}
	return a
}

var (
	closedPolicy = []string{"default-src 'none'; frame-ancestors 'none'"}
	sameOrigin   = []string{"same-origin"}
)

// secure sets the headers of everything behind the guard.
func secure(h http.Header) {
	h["Content-Security-Policy"] = closedPolicy
	h["Referrer-Policy"] = sameOrigin
}

// protected lets next answer only whom the guard admits.
func (e *Endpoints) protected(c class, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if e.disabled {
			e.published.Load().current.write(w, r, nil)
			return
		}
		if _, refusal := e.guard.admit(r, c); refusal != nil {
			e.turnAway(w, r, c, refusal)
			return
		}
		next(w, r)
	}
}

// turnAway answers with the refusal, but shows a browser that lacks credentials the login page.
func (e *Endpoints) turnAway(w http.ResponseWriter, r *http.Request, c class, refusal *answer) {
	if refusal.status == http.StatusUnauthorized && e.guard.verifier != nil && isNavigation(r) && c != classMetrics {
		w.Header()["Cache-Control"] = noStore
		w.Header().Set("Location", loginLocation(r, e.basePath))
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	refusal.write(w, r, noStore)
}

// isNavigation reports whether a person's browser asks for a page, rather than a script for data.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
