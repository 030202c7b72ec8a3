package health

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Service is what the endpoints say of the service that they speak for.
type Service struct {
	ID          string // serviceId
	Version     string
	Description string
	Instance    string // stable across restarts of one instance
}

// EndpointsConfig holds what the endpoints need to know.
type EndpointsConfig struct {
	Service    Service
	Interval   time.Duration // between snapshots: after three without one the monitor counts as stalled
	BasePath   string        // before every route: "" or "/something"
	Protection Protection    // before everything but the probes
	History    History       // what was recorded; nil: nothing is, and what needs it answers 404
	Operator   Operator      // does what is asked for by POST; needed unless Disabled or Protection.ReadOnly
	Disabled   bool          // monitoring is switched off: probes pass with a note, the API answers 404

	HideDetail      bool         // /health/check tells anonymous clients the status alone
	KubernetesPaths bool         // the probes are also at /livez, /readyz and /startupz
	Metrics         http.Handler // at /metrics, in the text format of Prometheus; nil: nothing is
	Page            http.Handler // at /health/ and below /health/assets/, for browsers; nil: nothing is
}

// Endpoints answers for the snapshot that was published last. Its methods are safe for concurrent use.
//
//	GET  /health, /health/status  liveness: whether the process can recover by itself
//	GET  /health/check            readiness, with every check: draft-inadarei-api-health-check-06
//	GET  /health/startup          whether the first snapshot has been taken and every required check has run
//
// The probes are open to everybody; what went wrong is told to whom the [Protection] admits. Behind it:
//
//	GET  /health/api/current      everything in the snapshot
//	GET  /health/                 the page
//	GET  /health/api/history      samples of a range, or series in buckets
//	GET  /health/api/series       the names of what was recorded beside the columns
//	GET  /health/api/stats        statistics of a range
//	GET  /health/api/alerts       the alerts that fire, newest first, or all that there were
//	GET  /health/api/checks       the checks
//	GET  /health/api/stream       each snapshot and each transition, as server-sent events
//	GET  /health/export           samples of a range as CSV or JSON Lines
//	GET  /health/openapi.json     all of this as an OpenAPI 3.1 document
//	GET  /metrics                 the metrics as text for Prometheus, where Metrics is set
//	POST /health/api/alerts/{id}/acknowledge, /health/api/alerts/{id}/resolve, /health/api/rules/{name}/silence
//
// With KubernetesPaths the probes are also at /livez (liveness), /readyz (readiness) and /startupz (startup), beside
// /health and below the same base path.
//
// A browser is sent to GET /health/login, where POST makes a session of credentials; POST /health/logout ends it. Pass and
// warn answer 200, fail 503. HEAD is answered as GET without the body. A monitor that published nothing for three intervals
// is answered for as "stalled".
type Endpoints struct {
	service       Service
	interval      time.Duration
	basePath      string
	guard         *guard
	hasToken      bool // the login page asks for one
	hasPassword   bool
	history       History
	operator      Operator
	metrics       http.Handler
	page          http.Handler
	disabled      bool
	hideDetail    bool
	kubernetes    bool
	freshness     freshness
	hub           *hub
	eventPatience time.Duration
	started       atomic.Bool

	pid         int
	processName string // the executable's, without the path that may tell more than a client need know

	published atomic.Pointer[publication]
	stalled   publication // the probes' bodies once no snapshot arrives any more

	notFound    *answer
	description func() *answer // the OpenAPI document, made for the first who asks
}

// publication is a snapshot with the bodies made of it.
type publication struct {
	snapshot  *Snapshot // nil before the first
	verdicts  verdicts
	taken     time.Time // of the snapshot, with its monotonic reading
	first     time.Time // of the first snapshot
	since     time.Time // when the overall status became what it is
	liveness  probeAnswers
	readiness probeAnswers
	startup   *answer
	current   *answer
	alerts    *answer
	// stalledCurrent makes, for the first who asks, the body that says how old the numbers are.
	stalledCurrent func() *answer
}

// probeAnswers are those of one probe: to everybody, and with the reason to whom the guard admits.
type probeAnswers struct{ plain, detailed *answer }

// verdicts are the answers of both probes.
type verdicts struct{ liveness, readiness Verdict }

// stalledAfter is how many intervals may pass without a snapshot.
const stalledAfter = 3

// NewEndpoints returns endpoints that pass liveness and fail readiness until the first snapshot is published.
// The error names what is wrong with the Protection.
func NewEndpoints(c EndpointsConfig) (*Endpoints, error) {
	guard, err := newGuard(c.Protection, c.Service.ID, c.BasePath)
	if err != nil {
		return nil, fmt.Errorf("endpoints: %w", err)
	}
	e := &Endpoints{
		service:       c.Service,
		interval:      c.Interval,
		basePath:      c.BasePath,
		guard:         guard,
		hasToken:      c.Protection.Token != "",
		hasPassword:   c.Protection.Username != "",
		history:       c.History,
		operator:      c.Operator,
		metrics:       c.Metrics,
		page:          c.Page,
		disabled:      c.Disabled,
		hideDetail:    c.HideDetail,
		kubernetes:    c.KubernetesPaths,
		hub:           newHub(),
		eventPatience: patienceWithEvent,
		freshness:     newFreshness(c.Interval),
		pid:           os.Getpid(),
		processName:   filepath.Base(os.Args[0]),
		notFound:      newProblem(http.StatusNotFound, "there is nothing at this path"),
	}
	e.description = sync.OnceValue(e.encodeOpenAPI)
	const stalled = "stalled: no snapshot for three intervals"
	e.stalled.verdicts = verdicts{Verdict{Fail, stalled}, Verdict{Fail, stalled}}
	e.stalled.alerts = newProblem(http.StatusServiceUnavailable, stalled)
	e.encodeProbes(&e.stalled, &Snapshot{Liveness: Verdict{Fail, stalled}, Readiness: Verdict{Fail, stalled}})

	first := &publication{taken: time.Now()}
	first.verdicts = verdicts{Verdict{Status: Pass}, Verdict{Status: Pass}}
	if c.Disabled {
		liveness, readiness := e.encodeDisabled(mediaJSON), e.encodeDisabled(mediaHealth)
		first.liveness, first.readiness, first.startup = probeAnswers{liveness, liveness}, probeAnswers{readiness, readiness}, liveness
		first.current = newProblem(http.StatusNotFound, "monitoring is disabled (HEALTH_MONITOR_ENABLED)")
	} else {
		const early = "no snapshot yet"
		first.verdicts.readiness = Verdict{Fail, early}
		e.encodeProbes(first, &Snapshot{Liveness: first.verdicts.liveness, Readiness: first.verdicts.readiness})
		first.current = newProblem(http.StatusServiceUnavailable, early)
		first.current.retryAfter = []string{"1"}
	}
	first.alerts = first.current
	first.stalledCurrent = func() *answer { return first.current }
	e.published.Store(first)
	return e, nil
}

// Publish encodes s and answers with it from now on. taken is the instant of the snapshot, with its monotonic clock
// reading: the age of the snapshot is counted from it.
func (e *Endpoints) Publish(s *Snapshot, taken time.Time) {
	if !e.started.Load() && hasStarted(s) {
		e.started.Store(true)
	}
	p := &publication{
		snapshot:       s,
		verdicts:       verdicts{s.Liveness, s.Readiness},
		taken:          taken,
		first:          e.published.Load().first,
		since:          e.overallSince(s),
		alerts:         encodeAlerts(s),
		stalledCurrent: sync.OnceValue(func() *answer { return e.encodeCurrent(s, s.Time, "no snapshot since "+formatTime(s.Time)) }),
	}
	if p.first.IsZero() {
		p.first = s.Time
	}
	p.current = e.encodeCurrent(s, p.since, "")
	e.encodeProbes(p, s)
	e.published.Store(p)
	e.hub.publish(p.current.body)
}

// overallSince returns since when the overall status has been that of s. Where it has been so since the first snapshot of
// the process, an alert that was restored may know of an earlier time.
func (e *Endpoints) overallSince(s *Snapshot) time.Time {
	before := e.published.Load()
	since := s.Time
	if before.snapshot != nil {
		if before.snapshot.Overall != s.Overall {
			return s.Time
		}
		if since = before.since; since.After(before.first) {
			return since
		}
	}
	for i := range s.Alerts {
		if a := &s.Alerts[i]; a.Severity == s.Overall && a.severeSince().Before(since) {
			since = a.severeSince()
		}
	}
	return since
}

// hasStarted reports whether every required check has run.
func hasStarted(s *Snapshot) bool {
	return !slices.ContainsFunc(s.Checks, func(c CheckState) bool { return c.Required && c.Status == Unknown })
}

// encodeProbes makes the probes' bodies.
func (e *Endpoints) encodeProbes(p *publication, s *Snapshot) {
	p.liveness = probeAnswers{e.encodeLiveness(s.Liveness, false), e.encodeLiveness(s.Liveness, true)}
	p.readiness = probeAnswers{e.encodeReadiness(s, false), e.encodeReadiness(s, true)}
	p.startup = e.encodeStartup(e.started.Load())
}

// Snapshot returns the snapshot that was published last, and nil before the first.
func (e *Endpoints) Snapshot() *Snapshot { return e.published.Load().snapshot }

// Liveness returns what the liveness probe answers now, also when no snapshot arrives any more.
func (e *Endpoints) Liveness() Verdict {
	return e.verdict(func(p *publication) Verdict { return p.verdicts.liveness })
}

// Readiness returns what the readiness probe answers now, also when no snapshot arrives any more.
func (e *Endpoints) Readiness() Verdict {
	return e.verdict(func(p *publication) Verdict { return p.verdicts.readiness })
}

func (e *Endpoints) verdict(of func(*publication) Verdict) Verdict {
	p, _, stalled := e.latest()
	if stalled {
		p = &e.stalled
	}
	return of(p)
}

// Mux is what [Endpoints.Register] needs of an [http.ServeMux].
type Mux interface {
	Handle(pattern string, handler http.Handler)
}

// Register puts each route on mux under a pattern that names its method, so that it lives beside an application's own
// "GET /" and "GET /{x}".
func (e *Endpoints) Register(mux Mux) {
	for _, route := range e.routes() {
		mux.Handle(route.method+" "+e.basePath+route.path, route.handler)
	}
}

// routes are all that is answered. Each decides who may ask: a probe everybody, the way in who has no credentials yet,
// and the rest whom the guard admits.
func (e *Endpoints) routes() []route {
	probe := func(path string, serve http.HandlerFunc) route { return newRoute(http.MethodGet, path, forAll, serve) }
	get := func(path string, c class, serve http.HandlerFunc) route {
		return newRoute(http.MethodGet, path, forAdmitted, e.protected(c, serve))
	}
	post := func(path string, do action) route { return newRoute(http.MethodPost, path, forAdmitted, e.acting(do)) }
	routes := []route{
		probe("/health", e.serveLiveness),
		probe("/health/status", e.serveLiveness),
		probe("/health/check", e.serveReadiness),
		probe("/health/startup", e.serveStartup),
		get("/health/api/current", classCurrent, e.serveCurrent),
		get("/health/api/history", classHistory, e.serveHistory),
		get("/health/api/series", classHistory, e.serveCatalog),
		get("/health/api/stats", classStats, e.serveStats),
		get("/health/api/alerts", classAlerts, e.serveAlerts),
		get("/health/api/checks", classChecks, e.serveChecks),
		get("/health/api/stream", classStream, e.serveStream),
		get("/health/export", classExport, e.serveExport),
		get("/health/openapi.json", classPage, e.serveOpenAPI),
		post("/health/api/alerts/{id}/acknowledge", e.acknowledge),
		post("/health/api/alerts/{id}/resolve", e.resolve),
		post("/health/api/rules/{name}/silence", e.silence),
		newRoute(http.MethodGet, "/health/login", wayIn, e.serveLogin),
		newRoute(http.MethodGet, "/health/login.css", wayIn, e.serveLoginStyle),
		newRoute(http.MethodPost, "/health/login", wayIn, e.logIn),
		newRoute(http.MethodPost, "/health/logout", wayIn, e.logOut),
	}
	if e.kubernetes {
		routes = append(routes, probe("/livez", e.serveLiveness), probe("/readyz", e.serveReadiness), probe("/startupz", e.serveStartup))
	}
	if e.page != nil {
		routes = append(routes,
			get("/health/{$}", classPage, e.page.ServeHTTP),
			get("/health/assets/{build}/{file}", classPage, e.page.ServeHTTP))
	}
	if e.metrics != nil {
		routes = append(routes, get("/metrics", classMetrics, e.serveMetrics))
	}
	return routes
}

func (e *Endpoints) serveLiveness(w http.ResponseWriter, r *http.Request) {
	p, age, stalled := e.latest()
	if stalled {
		p = &e.stalled
	}
	e.answerFor(w, r, p.liveness).write(w, r, e.freshFor(age))
}

func (e *Endpoints) serveReadiness(w http.ResponseWriter, r *http.Request) {
	p, age, stalled := e.latest()
	if stalled {
		p = &e.stalled
	}
	e.answerFor(w, r, p.readiness).write(w, r, e.freshFor(age))
}

// answerFor picks the answer for who asks. Nobody is refused, and nothing is waited for: an Authorizer of the
// application's own is not asked.
func (e *Endpoints) answerFor(w http.ResponseWriter, r *http.Request, a probeAnswers) *answer {
	w.Header()["Vary"] = varyOnCredentials
	if e.guard.knows(r) {
		return a.detailed
	}
	return a.plain
}

var varyOnCredentials = []string{"Authorization, Cookie"}

func (e *Endpoints) serveStartup(w http.ResponseWriter, r *http.Request) {
	p, age, _ := e.latest() // one that stalls has started
	p.startup.write(w, r, e.freshFor(age))
}

func (e *Endpoints) serveCurrent(w http.ResponseWriter, r *http.Request) {
	p, _, stalled := e.latest()
	a := p.current
	if stalled {
		a = p.stalledCurrent()
	}
	a.write(w, r, noStore)
}

func (e *Endpoints) serveFiring(w http.ResponseWriter, r *http.Request) {
	p, _, stalled := e.latest()
	a := p.alerts
	if stalled {
		a = e.stalled.alerts // that no alert is listed says nothing any more
	}
	a.write(w, r, noStore)
}

// latest returns what was published last, how old it is, and whether that is too old. The tick cannot say that it has
// died, so whoever asks finds it out here.
func (e *Endpoints) latest() (p *publication, age time.Duration, stalled bool) {
	p = e.published.Load()
	age = time.Since(p.taken)
	return p, age, age > stalledAfter*e.interval && !e.disabled
}

// freshFor returns the Cache-Control value of a snapshot of that age.
func (e *Endpoints) freshFor(age time.Duration) []string {
	return e.freshness.remaining(e.interval - age)
}

// serveMetrics answers a scrape, unless the numbers are too old.
func (e *Endpoints) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if _, _, stalled := e.latest(); stalled {
		e.stalled.alerts.write(w, r, noStore)
		return
	}
	w.Header()["Cache-Control"] = noStore
	w.Header()["X-Content-Type-Options"] = nosniff
	e.metrics.ServeHTTP(w, r)
}
