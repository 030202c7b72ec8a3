package otelhealth

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

// Option changes how [Start] sets a Monitor up. What an option says wins over HEALTH_* variables, which win over the
// defaults; of OpenTelemetry's own variables those for the resource win over options.
type Option func(*config)

// config is everything Start needs to know: defaults, then the environment, then options.
type config struct {
	enabled        bool
	service        health.Service
	interval       time.Duration
	basePath       string
	thresholds     map[string]thresholds // by component
	readinessRules ruleSet
	livenessRules  ruleSet
	drainDelay     time.Duration
	listenAddress  string
	history        HistoryConfig // Path empty: none is kept
	withHistory    bool          // by an option
	withoutHistory bool          // by an option
	notifiers      []alerting.Notifier
	rules          []alerting.Rule // given with WithRules
	tracerProvider trace.TracerProvider
	checkSpans     bool
	otlp           otlpConfig
	spool          spoolSettings

	otelServiceName    string
	resourceAttributes map[string]string // of OTEL_RESOURCE_ATTRIBUTES

	logger          *slog.Logger
	protection      health.Protection
	credentialsBy   string // the settings that gave them
	badCredentials  bool   // the environment's; some of them were refused
	hideDetail      bool
	kubernetesPaths bool
	provider        metric.MeterProvider // the application's
	runtimeThere    bool                 // go.* on the application's provider as well
	noSemconv       bool
	readers         []*Reader
	sources         []registration
	checks          []Check
	scrape          Scrape

	onSnapshot func(*health.Snapshot) // called by the tick with what it has published; nil: nobody

	errs    []error         // what options found wrong
	refused map[string]bool // the options that errs name
}

type otlpConfig struct {
	requested        bool     // by an endpoint in the environment
	forced           bool     // by WithOTLP
	offBy            []string // variables that turn it off, as name=value
	options          []otlpmetricgrpc.Option
	dialing          []grpc.DialOption // after the monitor's own
	protocol         string
	protocolVariable string // that set it
	timeout          time.Duration
	interval         time.Duration // 0: with every sample
}

func newConfig(env environment, options []Option) (*config, error) {
	c := &config{
		enabled:        true,
		interval:       10 * time.Second,
		credentialsBy:  "HEALTH_API_TOKEN, HEALTH_AUTH_USERNAME, HEALTH_AUTH_PASSWORD, HEALTH_AUTH_PASSWORD_HASH",
		readinessRules: ruleSet{health.RuleFD},
		drainDelay:     5 * time.Second,
		history: HistoryConfig{
			Path: "db/health.db", Retention: 7 * 24 * time.Hour, AlertRetention: 90 * 24 * time.Hour, MaxBytes: 256 << 20,
		},
		thresholds: make(map[string]thresholds),
		otlp:       otlpConfig{timeout: 10 * time.Second},
		spool:      spoolSettings{SpoolConfig: SpoolConfig{MaxBytes: 64 << 20, MaxAge: 30 * time.Minute}, enabled: true},
		logger:     slog.Default(),
		refused:    make(map[string]bool),
	}
	for _, component := range components() {
		c.thresholds[component.name] = component.defaults()
	}
	errEnvironment := env.apply(c)
	c.errs = append(c.errs, applyOptions(c, options, "an otelhealth.Option"))
	c.checkRuleSets()
	c.checkProtection()
	for _, component := range components() {
		c.errs = append(c.errs, component.check(c.thresholds[component.name]))
	}
	c.errs = append(c.errs, validateChecks(c.checks), c.checkSources())
	c.checkCombinations()
	return c, errors.Join(append([]error{errEnvironment}, c.errs...)...)
}

// applyOptions returns which of the options are nil.
func applyOptions[T any, O ~func(*T)](changed *T, options []O, want string) error {
	var errs []error
	for i, option := range options {
		if option == nil {
			errs = append(errs, settingError("option "+strconv.Itoa(i+1), `"nil"`, errors.New(want)))
			continue
		}
		option(changed)
	}
	return errors.Join(errs...)
}

// checkCombinations refuses what makes no sense beside something else, or without it.
func (c *config) checkCombinations() {
	if c.checkSpans && c.tracerProvider == nil && !c.refused["WithTracerProvider"] {
		c.wrong("WithTracerProvider", "nil", errors.New("a provider for the spans of WithCheckSpans"))
	}
	if c.runtimeThere && c.provider == nil && !c.refused["WithMeterProvider"] {
		c.wrong("WithMeterProvider", "nil", errors.New("a provider for the metrics of WithRuntimeMetrics"))
	}
	if c.spool.with && c.spool.without {
		c.wrong("WithoutSpool", "WithSpool as well", errors.New("one of the two"))
	}
	if c.withHistory && c.withoutHistory {
		c.wrong("WithoutHistory", "WithHistory as well", errors.New("one of the two"))
	}
	if c.exportOff() == "" && c.otlp.protocol != "" && c.otlp.protocol != "grpc" {
		c.wrong(c.otlp.protocolVariable, c.otlp.protocol, errors.New("grpc, the only protocol spoken here"))
	}
}

// exportOff returns why there is no export, and how to turn it on; "" when there is one.
func (c *config) exportOff() string {
	switch {
	case len(c.otlp.offBy) > 0:
		return "turned off by " + strings.Join(c.otlp.offBy, " and ")
	case c.otlp.forced:
		return ""
	case c.provider != nil:
		return "the application's meter provider exports the same metrics, WithOTLP turns it on"
	case !c.otlp.requested:
		return "set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4317, to turn it on"
	default:
		return ""
	}
}

func (c *config) wrong(option, got string, want error) {
	c.errs = append(c.errs, settingError(option, strconv.Quote(got), want))
	c.refused[option] = true
}

// isNothing also finds a nil pointer or function in an interface.
func isNothing[T any](value T) bool {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func:
		return v.IsNil()
	default:
		return false
	}
}

// WithService names the service in the probes' bodies and in what is exported. An empty text leaves what the
// environment or the build say.
func WithService(id, version, description string) Option {
	return func(c *config) {
		if !utf8.ValidString(id + version + description) {
			c.wrong("WithService", id+" "+version+" "+description, errors.New("text in UTF-8"))
			return
		}
		setUnlessEmpty(&c.service.ID, id)
		setUnlessEmpty(&c.service.Version, version)
		setUnlessEmpty(&c.service.Description, description)
	}
}

func setUnlessEmpty(field *string, text string) {
	if text != "" {
		*field = text
	}
}

// WithListenAddress tells the address at which the service listens, such as ":8080" or "unix:/path". Together with the
// host it keeps apart several instances of one service that share a machine without containers. An empty text says nothing.
func WithListenAddress(address string) Option {
	return func(c *config) {
		if address != "" && !isListenAddress(address) {
			c.wrong("WithListenAddress", address, errors.New("an address such as :8080, localhost:8080 or unix:/path"))
			return
		}
		c.listenAddress = address
	}
}

func isListenAddress(address string) bool {
	if path, ok := strings.CutPrefix(address, "unix:"); ok && path != "" {
		return true
	}
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

// WithInterval sets the time between samples; 10 s by default, 10 ms to 1 h.
func WithInterval(d time.Duration) Option {
	return func(c *config) {
		if err := checkInterval(d); err != nil {
			c.wrong("WithInterval", d.String(), err)
			return
		}
		c.interval = d
	}
}

// WithBasePath puts a path such as "/orders" before every route.
func WithBasePath(path string) Option {
	return func(c *config) {
		if err := setBasePath(c, path); err != nil {
			c.wrong("WithBasePath", path, err)
		}
	}
}

// WithRules adds rules of the application's own. One that bears the name of a component ("fd", "memory", …) takes its
// place, thresholds and all. What HEALTH_READINESS_RULES and HEALTH_LIVENESS_RULES list is added to what a rule says that
// it affects.
func WithRules(rules ...alerting.Rule) Option {
	return func(c *config) { c.rules = append(c.rules, rules...) }
}

// WithTracerProvider marks in the application's traces when an alert fires, by a span without length, and when it
// resolves, by a span over the time that it fired.
func WithTracerProvider(provider trace.TracerProvider) Option {
	return func(c *config) {
		if isNothing(provider) {
			c.wrong("WithTracerProvider", "nil", errors.New("a tracer provider"))
			return
		}
		c.tracerProvider = provider
	}
}

// WithCheckSpans makes each run of a check, those of databases too, a span in the traces of [WithTracerProvider], failed
// where the run was. The probe's context carries it, so that what the probe does may be traced below it. Off by default:
// checks run often, and most runs say nothing new.
func WithCheckSpans() Option {
	return func(c *config) { c.checkSpans = true }
}

// WithLogger sends what the monitor has to say to l instead of [slog.Default]. Background failures are logged when
// their state changes, not at each tick. A handler that blocks holds the tick, and the probes then say "stalled".
func WithLogger(l *slog.Logger) Option {
	return func(c *config) {
		if l == nil {
			c.wrong("WithLogger", "nil", errors.New("a logger"))
			return
		}
		c.logger = l
	}
}

// WithDB watches a database pool: see [Monitor.AddDB].
func WithDB(name string, db DB, options ...DBOption) Option {
	return withSource(kindDatabase, name, func(m *Monitor) error { _, err := m.AddDB(name, db, options...); return err })
}

// WithWebSocket watches a source of WebSocket connections: see [Monitor.AddWebSocket].
func WithWebSocket(name string, stats WebSocketStats) Option {
	return withSource(kindWebSocket, name, func(m *Monitor) error { _, err := m.AddWebSocket(name, stats); return err })
}

// WithSource adds readings of any other kind: see [Monitor.AddSource].
func WithSource(s Source) Option {
	return withSource(kindSource, s.Name, func(m *Monitor) error { _, err := m.AddSource(s); return err })
}

// WithCheck runs a check in the background: see [Monitor.AddCheck].
func WithCheck(check Check) Option {
	return func(c *config) { c.checks = append(c.checks, check) }
}

func withSource(kind, name string, add func(*Monitor) error) Option {
	return func(c *config) { c.sources = append(c.sources, registration{kind, name, add}) }
}

// WithOTLP turns the export by OTLP over gRPC on, also where no endpoint is set in the environment (then it goes to
// https://localhost:4317 unless the options say otherwise). Options given here win over the environment. Timeout and
// retry are the monitor's own: WithTimeout and WithRetry have no effect. WithDialOption is an error, since it would take
// the place of the monitor's own dial options: see [WithDialOptions]. A connection of one's own (WithGRPCConn) is used as
// it is, and never closed; requests are then not kept on disk, and one that the Collector takes in part counts as rejected.
func WithOTLP(options ...otlpmetricgrpc.Option) Option {
	return func(c *config) {
		c.otlp.forced = true
		if slices.ContainsFunc(options, isNothing) {
			c.wrong("WithOTLP", "nil", errors.New("options of otlpmetricgrpc"))
			return
		}
		c.otlp.options = append(c.otlp.options, options...)
	}
}

// WithDialOptions adds to how the export's connection is dialed. Options given here win over the monitor's own times of
// reconnecting. Interceptors (grpc.WithChainUnaryInterceptor) come after the monitor's own, and see every request that is
// sent, kept ones too. It has no effect on a connection given by otlpmetricgrpc.WithGRPCConn.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(c *config) {
		if slices.ContainsFunc(options, isNothing) {
			c.wrong("WithDialOptions", "nil", errors.New("options of grpc"))
			return
		}
		c.otlp.dialing = append(c.otlp.dialing, options...)
	}
}

// WithMeterProvider observes the same gauges a second time on the application's own provider, for its exporters. The
// monitor's own export is then off, or the same series would arrive twice; [WithOTLP] turns it on again. The
// application's Views apply to its provider alone.
func WithMeterProvider(provider metric.MeterProvider) Option {
	return func(c *config) {
		if isNothing(provider) {
			c.wrong("WithMeterProvider", "nil", errors.New("a meter provider"))
			return
		}
		c.provider = provider
	}
}

// WithRuntimeMetrics emits the go.* metrics on the provider of [WithMeterProvider] as well, for an application that
// has not started contrib's runtime instrumentation there itself. Without such a provider it is an error of [Start].
func WithRuntimeMetrics() Option {
	return func(c *config) { c.runtimeThere = true }
}

// WithoutSemconvNames keeps the metrics that bear a name of the semantic conventions (process.*, db.client.*, go.*) out
// of what leaves the process, for applications where another instrumentation emits them already. Rules, endpoints and
// snapshots have them all the same.
func WithoutSemconvNames() Option {
	return func(c *config) { c.noSemconv = true }
}

// Scrape makes a reader of the built-in metrics and of the sources' gauges, and the handler that shows what it reads.
// ownNamesOnly is true when WithoutSemconvNames was given. Package otelhealth/scrape has one for Prometheus.
type Scrape func(ownNamesOnly bool) (sdkmetric.Reader, http.Handler, error)

// WithScrape answers GET /metrics with the handler that s makes: see package otelhealth/scrape.
func WithScrape(s Scrape) Option {
	return func(c *config) {
		if s == nil {
			c.wrong("WithScrape", "nil", errors.New("what makes a reader and its handler"))
			return
		}
		c.scrape = s
	}
}

// WithReader lets the monitor see the metrics of the application's own provider, so that rules may judge them. The
// reader must have been given to that provider with the SDK's WithReader.
func WithReader(r *Reader) Option {
	return func(c *config) {
		if r == nil {
			c.wrong("WithReader", "nil", errors.New("a reader made by NewReader"))
			return
		}
		c.readers = append(c.readers, r)
	}
}
