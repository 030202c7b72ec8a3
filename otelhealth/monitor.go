package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/process"
)

// Monitor samples the process that it lives in, exports what it read, and answers for it. [Start] makes one; its
// methods are safe for concurrent use.
type Monitor struct {
	config    *config
	logger    *slog.Logger
	endpoints *health.Endpoints
	disabled  bool

	began   time.Time // offsets count from it
	catalog *catalog
	judge   judge
	process *process.Reader
	sources registry
	beats   heartbeats

	pipeline    *pipeline
	application application // behind MeterProvider
	exporter    *exporter   // nil: no export
	stopRuntime []func() error
	observed    []metric.Registration  // of the built-in metrics, on every provider
	sampled     atomic.Pointer[sample] // what the private provider's callback observes
	published   atomic.Pointer[sample] // what the application's provider's callback observes

	exportTime atomic.Pointer[time.Time] // the time of this tick's snapshot when it is exported, else nil

	mu       sync.Mutex // guards what follows, and publishing
	latest   *health.Snapshot
	taken    time.Time // of latest, with the monotonic clock
	checks   []*check
	custom   map[string][]metric.Registration // by the name of the source
	draining bool

	ticker   *ticker       // the tick goroutine's own
	changed  chan struct{} // a check's status has; at most one waits
	cancel   context.CancelFunc
	ticking  chan struct{} // closed when the tick goroutine has ended
	shutdown sync.Once
	errDown  error
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
	c, err := newConfig(osEnvironment, options)
	if err != nil {
		return nil, fmt.Errorf("otelhealth: wrong settings:\n%w", err)
	}
	c.identify()
	m := &Monitor{
		config:   c,
		logger:   c.logger,
		disabled: !c.enabled,
		began:    time.Now(),
		catalog:  newCatalog(),
		custom:   make(map[string][]metric.Registration),
		changed:  make(chan struct{}, 1),
	}
	m.endpoints = health.NewEndpoints(health.EndpointsConfig{
		Service:    c.service,
		Interval:   c.interval,
		BasePath:   c.basePath,
		Authorizer: c.authorizer,
		Disabled:   m.disabled,
	})
	if m.disabled {
		m.logger.Info("health monitoring is disabled", "setting", "HEALTH_MONITOR_ENABLED")
		return m, nil
	}
	if err := m.setUp(ctx); err != nil {
		m.endpoints = nil
		return nil, errors.Join(fmt.Errorf("otelhealth: %w", err), m.Shutdown(ctx))
	}
	running, cancel := context.WithCancel(context.Background())
	m.cancel, m.ticking = cancel, make(chan struct{})
	go m.run(running)
	return m, nil
}

// setUp opens what the tick needs. What it has opened when it fails is closed by Shutdown.
func (m *Monitor) setUp(ctx context.Context) error {
	var err error
	if m.process, err = process.Open(); err != nil {
		return fmt.Errorf("measure this process: %w", err)
	}
	if err := m.setUpJudge(); err != nil {
		return err
	}
	if err := m.setUpMetrics(ctx); err != nil {
		return err
	}
	var errs []error
	for _, register := range m.config.register {
		errs = append(errs, register(m))
	}
	for _, r := range m.config.readers {
		_, err := m.sources.add("WithReader", health.SourceApplication, r.call)
		errs = append(errs, err)
	}
	m.ticker = newTicker(m)
	return errors.Join(errs...)
}

// setUpJudge leaves out the rules for what this platform does not have, and refuses thresholds that make no sense here.
func (m *Monitor) setUpJudge() error {
	var v vitals
	v.read(m.process)
	m.judge = judge{components: components(), thresholds: m.config.thresholds, absent: v.absent()}
	var errs []error
	for _, c := range m.judge.components {
		limit, t := v.limit(c.limit), m.config.thresholds[c.name]
		errs = append(errs, c.check(t, limit))
		if c.limit != health.MetricFDLimit && c.limit != health.MetricMemoryLimit || limit.Known() {
			continue
		}
		noLimit := fmt.Errorf("a number of %s or off: there is no limit here to take a share of", c.unit)
		if t.warn.share {
			errs = append(errs, settingError(c.warningName(), shown("", t.warnText), noLimit))
		}
		if t.fail.share {
			errs = append(errs, settingError(c.criticalName(), shown("", t.failText), noLimit))
		}
	}
	return errors.Join(errs...)
}

// setUpMetrics makes the private provider with its readers and the export, and observes the built-in metrics there and
// on the application's provider.
func (m *Monitor) setUpMetrics(ctx context.Context) error {
	c := m.config
	if err := m.setUpExport(ctx); err != nil {
		return err
	}
	r, err := c.newResource(ctx)
	if err != nil {
		m.logger.Warn("the resource is incomplete", "error", err)
	}
	var client sdkmetric.Exporter
	if m.exporter != nil {
		client = m.exporter.client
	}
	m.pipeline = newPipeline(r, client)
	m.application.pipeline = newPipeline(r, client)

	registration, err := observeAll(m.pipeline.provider.Meter(health.Scope), m.catalog.builtins, m.sampled.Load)
	if err != nil {
		return err
	}
	m.observed = append(m.observed, registration)
	stop, err := startRuntime(m.pipeline.provider, c.interval/2)
	if err != nil {
		return err
	}
	m.stopRuntime = append(m.stopRuntime, stop)
	if c.provider == nil {
		return nil
	}
	registration, err = observeAll(c.provider.Meter(health.Scope), c.exported(m.catalog.builtins), m.published.Load)
	if err != nil {
		return fmt.Errorf("the application's meter provider: %w", err)
	}
	m.observed = append(m.observed, registration)
	if c.runtimeThere {
		stop, err := startRuntime(c.provider, c.interval/2)
		if err != nil {
			return fmt.Errorf("the application's meter provider: %w", err)
		}
		m.stopRuntime = append(m.stopRuntime, stop)
	}
	return nil
}

// exported leaves out what WithoutSemconvNames keeps from leaving the process.
func (c *config) exported(metrics []numbered) []numbered {
	if !c.noSemconv {
		return metrics
	}
	var kept []numbered
	for _, n := range metrics {
		if isOwnName(n.info.Name) {
			kept = append(kept, n)
		}
	}
	return kept
}

// setUpExport decides whether there is an export, and logs how to turn it on where there is none.
func (m *Monitor) setUpExport(ctx context.Context) error {
	c := m.config.otlp
	switch {
	case c.disabled:
		m.logger.Info("OTLP export is off", "because", "OTEL_SDK_DISABLED or OTEL_METRICS_EXPORTER turns it off")
		return nil
	case c.forced:
	case m.config.provider != nil:
		m.logger.Info("OTLP export is off", "because", "the application's meter provider exports the same metrics; WithOTLP turns it on")
		return nil
	case !c.requested:
		m.logger.Info("OTLP export is off; set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4317, to turn it on")
		return nil
	}
	client, err := newOTLPClient(ctx, c.options)
	if err != nil {
		return err
	}
	m.exporter = newExporter(client, c.timeout, m.config.interval, m.logger)
	return nil
}

// Register puts the endpoints on mux, each under a pattern that names its method, so that they live beside an
// application's own "GET /" and "GET /{x}".
func (m *Monitor) Register(mux health.Mux) { m.endpoints.Register(mux) }

// Handler returns the endpoints as one handler, for routers other than [http.ServeMux]. It finds its routes by the whole
// path, never redirects, and works behind [http.StripPrefix].
func (m *Monitor) Handler() http.Handler { return m.endpoints.Handler() }

// Snapshot returns what was published last, and nil before the first sample. It is shared: do not change it.
func (m *Monitor) Snapshot() *health.Snapshot { return m.endpoints.Snapshot() }

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
	return m.application.provider
}

// Heartbeat watches a long-running loop, which must call Beat on what is returned at least once within that time. An
// overdue heartbeat counts as stuck and is named; a [Vital] one fails liveness too. The name must be new.
func (m *Monitor) Heartbeat(name string, within time.Duration, options ...HeartbeatOption) (*Heartbeat, error) {
	return m.beats.add(name, within, options)
}

// AddDB watches a database pool: its connections and waits at each tick, and in the background, after each tick,
// whether it answers. By default that is a ping; for SQLite, where a ping on an open pool proves nothing, the file's
// header is read on a connection of its own. The check is required unless [Optional] says otherwise: readiness fails
// while it fails or has not run yet. The monitor neither opens nor closes the pool. remove ends the watch.
func (m *Monitor) AddDB(name string, db DB, options ...DBOption) (remove func(), err error) {
	if err := checkName("database", name); err != nil {
		return nil, err
	}
	d, err := newDatabase(name, db, m.catalog, options)
	if err != nil {
		return nil, fmt.Errorf("database %q: %w", name, err)
	}
	if m.disabled {
		return func() {}, nil
	}
	caller, err := m.sources.add(name, health.SourceDatabase, d.sample)
	if err != nil {
		return nil, fmt.Errorf("database %q: %w", name, err)
	}
	c := newCheck(health.CheckState{Name: name, Kind: health.CheckDatabase, Required: d.required}, d.timeout, d.probe, m.checkChanged)
	m.addCheck(c)
	return sync.OnceFunc(func() {
		m.sources.remove(caller)
		m.removeCheck(c)
	}), nil
}

// AddWebSocket watches a source of WebSocket connections; stats is called at each tick. remove ends the watch.
func (m *Monitor) AddWebSocket(name string, stats WebSocketStats) (remove func(), err error) {
	if err := checkName("websocket source", name); err != nil {
		return nil, err
	}
	if stats == nil {
		return nil, fmt.Errorf("websocket source %q: its stats function is nil", name)
	}
	if m.disabled {
		return func() {}, nil
	}
	caller, err := m.sources.add(name, health.SourceWebSocket, newWebSocketCall(name, stats, m.catalog))
	if err != nil {
		return nil, fmt.Errorf("websocket source %q: %w", name, err)
	}
	return sync.OnceFunc(func() { m.sources.remove(caller) }), nil
}

// AddSource adds readings of any other kind, under instruments that are made from the source's gauges. remove ends
// them.
func (m *Monitor) AddSource(s Source) (remove func(), err error) {
	if err := checkName("source", s.Name); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	numbers := make(map[string]int, len(s.Gauges))
	var metrics []numbered
	for _, g := range s.Gauges {
		n, err := m.catalog.gauge(g)
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", s.Name, err)
		}
		if _, twice := numbers[g.Name]; !twice {
			metrics = append(metrics, n)
		}
		numbers[g.Name] = n.number
	}
	if m.disabled {
		return func() {}, nil
	}
	return m.startSource(s, numbers, metrics)
}

// customScope is the instrumentation scope of the gauges of sources.
const customScope = health.Scope + "/source"

func (m *Monitor) startSource(s Source, numbers map[string]int, metrics []numbered) (remove func(), err error) {
	registrations, err := m.observeCustom(metrics)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("source %q: %w", s.Name, err), unregister(registrations))
	}
	caller, err := m.sources.add(s.Name, health.SourceCustom, s.call(numbers))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("source %q: %w", s.Name, err), unregister(registrations))
	}
	m.mu.Lock()
	m.custom[s.Name] = registrations
	m.mu.Unlock()
	return sync.OnceFunc(func() {
		m.mu.Lock()
		delete(m.custom, s.Name)
		m.mu.Unlock()
		if err := unregister(registrations); err != nil {
			m.logger.Warn("a source's gauges are still registered", "source", s.Name, "error", err)
		}
		m.sources.remove(caller)
	}), nil
}

func (m *Monitor) observeCustom(metrics []numbered) ([]metric.Registration, error) {
	registration, err := observeAll(m.pipeline.provider.Meter(customScope), metrics, m.sampled.Load)
	if err != nil {
		return nil, err
	}
	registrations := []metric.Registration{registration}
	if m.config.provider != nil {
		there, err := observeAll(m.config.provider.Meter(customScope), metrics, m.published.Load)
		if err != nil {
			return registrations, fmt.Errorf("the application's meter provider: %w", err)
		}
		registrations = append(registrations, there)
	}
	return registrations, nil
}

func (m *Monitor) addCheck(c *check) {
	m.mu.Lock()
	m.checks = append(m.checks, c)
	sampled := m.latest != nil
	m.mu.Unlock()
	if sampled { // otherwise the first tick starts it
		c.kick()
		m.republish()
	}
}

func (m *Monitor) removeCheck(c *check) {
	m.mu.Lock()
	for i := range m.checks {
		if m.checks[i] == c {
			m.checks = append(m.checks[:i:i], m.checks[i+1:]...)
			break
		}
	}
	m.mu.Unlock()
	c.remove()
	m.republish()
}

// Drain tells load balancers to send nothing more: readiness fails from now on. It returns after HEALTH_DRAIN_DELAY,
// or when ctx ends, with its error; then the server can be closed.
func (m *Monitor) Drain(ctx context.Context) error {
	m.mu.Lock()
	m.draining = true
	m.mu.Unlock()
	m.republish()
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
	if m == nil {
		return nil
	}
	m.shutdown.Do(func() {
		if _, bounded := ctx.Deadline(); !bounded {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, shutdownTimeout)
			defer cancel()
		}
		m.errDown = m.stop(ctx)
	})
	return m.errDown
}

// stop undoes what start did, in the opposite order. It tolerates a monitor that was set up in part, or not at all.
func (m *Monitor) stop(ctx context.Context) error {
	if m.config == nil || m.disabled {
		return nil
	}
	// User code and the export come first and last; neither may use up all the time.
	patience, cancel := context.WithTimeout(ctx, remaining(ctx)*2/5)
	defer cancel()
	if m.cancel != nil {
		m.cancel()
	}
	errs := []error{m.sources.close(patience)}
	m.mu.Lock()
	checks, observed := m.checks, m.observed
	for _, registrations := range m.custom {
		observed = append(observed, registrations...)
	}
	m.mu.Unlock()
	for _, c := range checks {
		c.remove()
	}
	for _, c := range checks {
		errs = append(errs, c.wait(patience))
	}
	if m.ticking != nil {
		<-m.ticking
	}
	for _, stop := range m.stopRuntime {
		errs = append(errs, stop())
	}
	errs = append(errs, unregister(observed))
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
	if m.process != nil {
		errs = append(errs, m.process.Close())
	}
	return errors.Join(errs...)
}

func remaining(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	return max(time.Until(deadline), 0)
}
