package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/dashboard"
	"github.com/otelhealth/otelhealth-go/health/process"
)

// Monitor samples the process that it lives in, exports what it read, and answers for it. [Start] makes one; its
// methods are safe for concurrent use.
type Monitor struct {
	config    *config
	logger    *slog.Logger
	endpoints *health.Endpoints
	disabled  bool

	began     time.Time // offsets count from it
	catalog   *catalog
	alerter   *alerting.Alerter
	process   *process.Reader
	sources   registry
	announcer *alerting.Announcer
	recording recording
	scraped   http.Handler // at /metrics; nil: nothing is
	beats     heartbeats

	pipeline     *pipeline
	application  application            // behind MeterProvider
	exporter     *exporter              // nil: no export
	runtime      *runtimeMetrics        // on the private provider
	runtimeThere *runtimeMetrics        // on the application's; nil unless asked for
	observed     []metric.Registration  // of the built-in metrics, on every provider
	sampled      atomic.Pointer[sample] // what the private provider's callback observes
	published    atomic.Pointer[sample] // what the application's provider's callback observes

	exportTime atomic.Pointer[time.Time] // the time of this tick's snapshot when it is exported, else nil

	judging  sync.Mutex // held from judging or acting until that is published and passed on, so that all is in order
	mu       sync.Mutex // guards what follows, and publishing
	latest   *health.Snapshot
	taken    time.Time // of latest, with the monotonic clock
	checks   []*checkRunner
	leaving  []*checkRunner                   // removed, with a probe that may still run
	custom   map[string][]metric.Registration // by the name of the source
	fails    fails
	draining bool
	closed   bool // nothing more is registered

	ticker   *ticker       // the tick goroutine's own
	changed  chan struct{} // a check's status has; at most one waits
	cancel   context.CancelFunc
	ticking  chan struct{} // closed when the tick goroutine has ended
	stopping atomic.Bool
	down     chan struct{} // closed when Shutdown is over
	errDown  error         // of it
}

// shutdownTimeout is Shutdown's deadline when its context has none.
const shutdownTimeout = 5 * time.Second

// Start sets a monitor up and starts it; the first snapshot follows at once, the others every interval. The context is
// for setting up alone: a monitor runs until [Monitor.Shutdown].
//
// Settings come from the environment (HEALTH_* and OTEL_*, see the README) and from options. When any of them is wrong,
// Start starts nothing, and its error names each that is, with what it got and what it wants. With
// HEALTH_MONITOR_ENABLED=false the monitor works and does nothing.
//
// Each metric is one of the table in the README; all live on a private MeterProvider, which no View of the application
// reaches.
func Start(ctx context.Context, options ...Option) (*Monitor, error) {
	c, errSettings := newConfig(osEnvironment, options)
	c.identify()
	m := &Monitor{
		config:   c,
		logger:   c.logger,
		disabled: !c.enabled,
		began:    time.Now(),
		catalog:  newCatalog(),
		custom:   make(map[string][]metric.Registration),
		changed:  make(chan struct{}, 1),
		down:     make(chan struct{}),
	}
	if m.disabled && c.scrape != nil {
		m.scraped = http.NotFoundHandler() // there is a route, and the endpoints say that monitoring is disabled
	}
	if m.disabled && errSettings == nil {
		m.endpoints, errSettings = m.newEndpoints()
	}
	if m.disabled && errSettings == nil {
		m.logger.Info("health monitoring is disabled", "setting", "HEALTH_MONITOR_ENABLED")
		return m, nil
	}
	err := m.setUp(ctx, errSettings)
	if err == nil {
		m.endpoints, err = m.newEndpoints()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("otelhealth: %w", err), m.Shutdown(ctx))
	}
	running, cancel := context.WithCancel(context.Background())
	m.cancel, m.ticking = cancel, make(chan struct{})
	go m.run(running)
	return m, nil
}

func (m *Monitor) newEndpoints() (*health.Endpoints, error) {
	c := m.config
	return health.NewEndpoints(health.EndpointsConfig{
		Service:    c.service,
		Interval:   c.interval,
		BasePath:   c.basePath,
		Protection: c.protection,
		History:    m.recording.reader(),
		Operator:   m,
		Disabled:   !c.enabled,

		HideDetail:      c.hideDetail,
		KubernetesPaths: c.kubernetesPaths,
		Metrics:         m.scraped,
		Page:            dashboard.Handler(),
	})
}

// Register puts the endpoints on mux, each under a pattern that names its method, so that they live beside an
// application's own "GET /" and "GET /{x}".
func (m *Monitor) Register(mux health.Mux) { m.endpoints.Register(mux) }

// Handler returns the endpoints as one handler, for routers other than [http.ServeMux]. It finds its routes by the whole
// path, never redirects, and works behind [http.StripPrefix].
func (m *Monitor) Handler() http.Handler { return m.endpoints.Handler() }

// Snapshot returns what was published last, and nil before the first sample. It is shared: do not change it.
func (m *Monitor) Snapshot() *health.Snapshot { return m.endpoints.Snapshot() }

// Liveness returns what the liveness probe answers now.
func (m *Monitor) Liveness() health.Verdict { return m.endpoints.Liveness() }

// Readiness returns what the readiness probe answers now.
func (m *Monitor) Readiness() health.Verdict { return m.endpoints.Readiness() }

// MeterProvider returns a provider for an application that has none. What is measured with it can be judged by rules,
// is in the snapshot, and is exported by OTLP beside the built-in metrics. Callbacks are called at each tick, beside
// the tick, which goes on without them when they take too long.
func (m *Monitor) MeterProvider() metric.MeterProvider {
	if m.disabled {
		return noop.NewMeterProvider()
	}
	m.application.once.Do(func() {
		_, err := m.sources.add("MeterProvider", health.SourceApplication, m.collectApplication)
		if err != nil {
			m.logger.Warn("metrics of the application are not collected", "error", err)
		}
	})
	return watchedProvider{m.application.provider, &m.application.histograms}
}

// Drain tells load balancers to send nothing more: readiness fails from now on. Event streams, which would hold up the
// server's Shutdown, end. It returns after HEALTH_DRAIN_DELAY,
// or when ctx ends, with its error; then the server can be closed.
func (m *Monitor) Drain(ctx context.Context) error {
	if m.disabled {
		return nil // nobody was told anything
	}
	m.mu.Lock()
	m.draining = true
	m.mu.Unlock()
	m.republish()
	m.endpoints.EndStreams()
	timer := time.NewTimer(m.config.drainDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain: %w", ctx.Err())
	}
}

// Shutdown stops the monitor: the tick, every goroutine, and the export after a last try to deliver what is queued. It
// returns within ctx's deadline, or 5 s when ctx has none; the error names each of the user's functions that ignored
// its context and still runs. A second call returns the first one's error. The endpoints go on answering with the last
// snapshot until they count as stalled.
func (m *Monitor) Shutdown(ctx context.Context) error {
	if m == nil || m.config == nil {
		return nil
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, shutdownTimeout)
		defer cancel()
	}
	if m.stopping.CompareAndSwap(false, true) {
		m.errDown = m.stop(ctx)
		close(m.down)
		return m.errDown
	}
	select {
	case <-m.down:
		return m.errDown
	case <-ctx.Done():
		return fmt.Errorf("another shutdown is under way: %w", ctx.Err())
	}
}

// stop undoes what start did, in the opposite order. It tolerates a monitor that was set up in part, or not at all.
func (m *Monitor) stop(ctx context.Context) error {
	// User code comes first and the export last; none may use up the time of what comes after it.
	patience, cancel := context.WithTimeout(ctx, remaining(ctx)*2/5)
	defer cancel()
	if m.cancel != nil {
		m.cancel()
	}
	if m.endpoints != nil {
		m.endpoints.EndStreams()
	}
	if !m.disabled {
		m.beats.close()
	}
	m.mu.Lock()
	m.closed = true
	checks, observed := slices.Concat(m.checks, m.leaving), slices.Clone(m.observed)
	for _, registrations := range m.custom {
		observed = append(observed, registrations...)
	}
	m.mu.Unlock()
	for _, r := range checks { // before sources are waited for, so that each that can end has ended by then
		r.cancel()
	}
	errs := []error{m.sources.close(patience)}
	for _, r := range checks {
		errs = append(errs, r.wait(patience))
	}
	patience, cancel = context.WithTimeout(ctx, remaining(ctx)*2/5)
	defer cancel()
	errTick := m.waitForTick(patience)
	errs = append(errs, errTick)
	errs = append(errs, m.leaveProviders(patience, observed))
	if m.announcer != nil {
		errs = append(errs, m.announcer.Close(patience))
	}
	m.judging.Lock()   // what a person is doing is recorded before that ends
	m.judging.Unlock() //nolint:staticcheck // waits, and guards nothing
	errs = append(errs, m.recording.close(patience))
	if m.exporter != nil {
		flush, cancel := context.WithTimeout(ctx, remaining(ctx)*4/5)
		defer cancel()
		errs = append(errs, m.exporter.close(flush))
	}
	if m.pipeline != nil {
		errs = append(errs, m.pipeline.provider.Shutdown(ctx))
	}
	if m.application.pipeline != nil {
		errs = append(errs, m.application.provider.Shutdown(ctx))
	}
	if m.process != nil && errTick == nil { // a tick that still runs would read from closed descriptors
		errs = append(errs, m.process.Close())
	}
	return errors.Join(errs...)
}

// leaveProviders takes back what is registered. On the application's provider that waits for a collection that is under
// way, and so for callbacks of the application: until ctx ends.
func (m *Monitor) leaveProviders(ctx context.Context, observed []metric.Registration) error {
	left := make(chan error, 1)
	go func() {
		var errs []error
		for _, r := range []*runtimeMetrics{m.runtime, m.runtimeThere} {
			if r != nil {
				errs = append(errs, r.stop())
			}
		}
		left <- errors.Join(append(errs, unregister(observed))...)
	}()
	select {
	case err := <-left:
		return err
	case <-ctx.Done():
		return errors.New("a callback of the application's meter provider hangs, and the gauges there are not unregistered yet")
	}
}

// waitForTick waits until the tick's goroutine has ended. Only a logger that blocks can hold it up.
func (m *Monitor) waitForTick(ctx context.Context) error {
	if m.ticking == nil {
		return nil
	}
	select {
	case <-m.ticking:
		return nil
	case <-ctx.Done():
		return errors.New("the tick is held up by the logger, or by a slow machine, and still runs")
	}
}

func remaining(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	return max(time.Until(deadline), 0)
}
