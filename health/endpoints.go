package health

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
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
	Authorizer Authorizer    // before what is protected; nil: nothing stands there
	History    History       // what was recorded; nil: nothing is, and what needs it answers 404
	Operator   Operator      // does what is asked for by POST
	Disabled   bool          // monitoring is switched off: probes pass with a note, the API answers 404
}

// Endpoints answers for the snapshot that was published last. Its methods are safe for concurrent use.
//
//	GET  /health, /health/status  liveness: whether the process can recover by itself
//	GET  /health/check            readiness, with every check: draft-inadarei-api-health-check-06
//
// Behind the Authorizer:
//
//	GET  /health/api/current      everything in the snapshot
//	GET  /health/api/history      samples of a range, or series in buckets
//	GET  /health/api/stats        statistics of a range
//	GET  /health/api/alerts       the alerts that fire, newest first, or all that there were
//	GET  /health/api/checks       the checks
//	GET  /health/export           samples of a range as CSV or JSON Lines
//	POST /health/api/alerts/{id}/acknowledge, /health/api/alerts/{id}/resolve, /health/api/rules/{name}/silence
//
// Nobody may POST where there is no Authorizer. Pass and warn answer 200, fail 503. HEAD is answered as GET without the body. A monitor that published nothing for
// three intervals is answered for as "stalled".
type Endpoints struct {
	service    Service
	interval   time.Duration
	basePath   string
	authorizer Authorizer
	history    History
	operator   Operator
	disabled   bool
	freshness  freshness

	crossOrigin *http.CrossOriginProtection

	pid         int
	processName string // the executable's, without the path that may tell more than a client need know

	published atomic.Pointer[publication]
	stalled   publication // the probes' bodies once no snapshot arrives any more

	unauthorized, forbidden, notFound *answer
}

// publication is a snapshot with the bodies made of it.
type publication struct {
	snapshot  *Snapshot // nil before the first
	verdicts  verdicts
	taken     time.Time // of the snapshot, with its monotonic reading
	liveness  *answer
	readiness *answer
	current   *answer
	alerts    *answer
	// stalledCurrent makes, for the first who asks, the body that says how old the numbers are.
	stalledCurrent func() *answer
}

// verdicts are the answers of both probes.
type verdicts struct{ liveness, readiness Verdict }

// stalledAfter is how many intervals may pass without a snapshot.
const stalledAfter = 3

// NewEndpoints returns endpoints that pass liveness and fail readiness until the first snapshot is published.
func NewEndpoints(c EndpointsConfig) *Endpoints {
	e := &Endpoints{
		service:      c.Service,
		interval:     c.Interval,
		basePath:     c.BasePath,
		authorizer:   c.Authorizer,
		history:      c.History,
		operator:     c.Operator,
		disabled:     c.Disabled,
		crossOrigin:  http.NewCrossOriginProtection(),
		freshness:    newFreshness(c.Interval),
		pid:          os.Getpid(),
		processName:  filepath.Base(os.Args[0]),
		unauthorized: newProblem(http.StatusUnauthorized, "credentials are missing or wrong"),
		forbidden:    newProblem(http.StatusForbidden, "these credentials do not give access"),
		notFound:     newProblem(http.StatusNotFound, "there is nothing at this path"),
	}
	e.unauthorized.challenge = []string{`Bearer realm="health"`}
	const stalled = "stalled: no snapshot for three intervals"
	e.stalled.verdicts = verdicts{Verdict{Fail, stalled}, Verdict{Fail, stalled}}
	e.stalled.liveness = e.encodeLiveness(Verdict{Fail, stalled})
	e.stalled.alerts = newProblem(http.StatusServiceUnavailable, stalled)
	e.stalled.readiness = e.encodeReadiness(&Snapshot{Readiness: Verdict{Fail, stalled}})

	first := &publication{taken: time.Now()}
	first.verdicts = verdicts{Verdict{Status: Pass}, Verdict{Status: Pass}}
	if c.Disabled {
		first.liveness, first.readiness = e.encodeDisabled(mediaJSON), e.encodeDisabled(mediaHealth)
		first.current = newProblem(http.StatusNotFound, "monitoring is disabled (HEALTH_MONITOR_ENABLED)")
	} else {
		const early = "no snapshot yet"
		first.verdicts.readiness = Verdict{Fail, early}
		first.liveness = e.encodeLiveness(first.verdicts.liveness)
		first.readiness = e.encodeReadiness(&Snapshot{Readiness: first.verdicts.readiness})
		first.current = newProblem(http.StatusServiceUnavailable, early)
		first.current.retryAfter = []string{"1"}
	}
	first.alerts = first.current
	first.stalledCurrent = func() *answer { return first.current }
	e.published.Store(first)
	return e
}

// Publish encodes s and answers with it from now on. taken is the instant of the snapshot, with its monotonic clock
// reading: the age of the snapshot is counted from it.
func (e *Endpoints) Publish(s *Snapshot, taken time.Time) {
	e.published.Store(&publication{
		snapshot:       s,
		verdicts:       verdicts{s.Liveness, s.Readiness},
		taken:          taken,
		liveness:       e.encodeLiveness(s.Liveness),
		readiness:      e.encodeReadiness(s),
		current:        e.encodeCurrent(s, ""),
		alerts:         encodeAlerts(s),
		stalledCurrent: sync.OnceValue(func() *answer { return e.encodeCurrent(s, "no snapshot since "+formatTime(s.Time)) }),
	})
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

func (e *Endpoints) routes() []route {
	get := func(path string, serve http.HandlerFunc) route { return newRoute(http.MethodGet, path, serve) }
	post := func(path string, do action) route { return newRoute(http.MethodPost, path, e.acting(do)) }
	return []route{
		get("/health", e.serveLiveness),
		get("/health/status", e.serveLiveness),
		get("/health/check", e.serveReadiness),
		get("/health/api/current", e.protected(e.serveCurrent)),
		get("/health/api/history", e.protected(e.serveHistory)),
		get("/health/api/stats", e.protected(e.serveStats)),
		get("/health/api/alerts", e.protected(e.serveAlerts)),
		get("/health/api/checks", e.protected(e.serveChecks)),
		get("/health/export", e.protected(e.serveExport)),
		post("/health/api/alerts/{id}/acknowledge", e.acknowledge),
		post("/health/api/alerts/{id}/resolve", e.resolve),
		post("/health/api/rules/{name}/silence", e.silence),
	}
}

func (e *Endpoints) serveLiveness(w http.ResponseWriter, r *http.Request) {
	p, age, stalled := e.latest()
	a := p.liveness
	if stalled {
		a = e.stalled.liveness
	}
	a.write(w, r, e.freshFor(age))
}

func (e *Endpoints) serveReadiness(w http.ResponseWriter, r *http.Request) {
	p, age, stalled := e.latest()
	a := p.readiness
	if stalled {
		a = e.stalled.readiness
	}
	a.write(w, r, e.freshFor(age))
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

// protected lets next answer only whom the Authorizer lets pass.
func (e *Endpoints) protected(next http.HandlerFunc) http.HandlerFunc {
	if e.authorizer == nil {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := e.authorizer.Authorize(r); err != nil {
			e.refusal(err).write(w, r, nil)
			return
		}
		next(w, r)
	}
}

// refusal answers whom the Authorizer does not let pass.
func (e *Endpoints) refusal(err error) *answer {
	if errors.Is(err, ErrForbidden) {
		return e.forbidden
	}
	return e.unauthorized
}
