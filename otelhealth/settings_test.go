package otelhealth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/process"
)

// env is an environment that only newConfig sees.
func env(pairs map[string]string) environment {
	return func(name string) string { return pairs[name] }
}

func TestEachWrongSettingIsNamedAtOnce(t *testing.T) {
	wrong := map[string]string{
		"HEALTH_MONITOR_ENABLED":              "perhaps",
		"HEALTH_SAMPLE_INTERVAL":              "ten",
		"HEALTH_BASE_PATH":                    "orders/{id}",
		"HEALTH_READINESS_RULES":              "fd,cpus",
		"HEALTH_LIVENESS_RULES":               "everything",
		"HEALTH_DRAIN_DELAY":                  "-1",
		"HEALTH_API_TOKEN":                    "hunter2",
		"HEALTH_AUTH_USERNAME":                "ann:b",
		"HEALTH_AUTH_PASSWORD":                "hunter2",
		"HEALTH_AUTH_PASSWORD_HASH":           "hunter2",
		"HEALTH_CHECK_DETAIL":                 "some",
		"HEALTH_TRUSTED_ORIGINS":              "health.example",
		"HEALTH_TRUSTED_PROXIES":              "10.0.0.0/8,proxy",
		"HEALTH_ALLOWED_HOSTS":                "https://health.example",
		"HEALTH_DATABASE_URL":                 "postgres://monitor:hunter2@db/health",
		"HEALTH_HISTORY_PATH":                 "db/",
		"HEALTH_RETENTION_DAYS":               "0",
		"HEALTH_ALERT_RETENTION_DAYS":         "forever",
		"HEALTH_HISTORY_MAX_MB":               "3",
		"HEALTH_SPOOL_ENABLED":                "perhaps",
		"HEALTH_SPOOL_MAX_MB":                 "0",
		"HEALTH_SPOOL_MAX_AGE":                "10ms",
		"HEALTH_FD_WARNING_THRESHOLD":         "many",
		"HEALTH_FD_CRITICAL_THRESHOLD":        "101%",
		"HEALTH_MEMORY_WARNING_THRESHOLD":     "500MB",
		"HEALTH_MEMORY_CRITICAL_THRESHOLD":    "-1",
		"HEALTH_WS_WARNING_THRESHOLD":         "70%",
		"HEALTH_THREAD_CRITICAL_THRESHOLD":    "50%",
		"HEALTH_DB_WARNING_THRESHOLD":         "0",
		"HEALTH_POOL_CRITICAL_THRESHOLD":      "95",
		"OTEL_EXPORTER_OTLP_ENDPOINT":         "localhost:4317",
		"OTEL_EXPORTER_OTLP_TIMEOUT":          "soon",
		"OTEL_METRIC_EXPORT_INTERVAL":         "0",
		"OTEL_METRICS_EXPORTER":               "carrier-pigeon",
		"HEALTH_GOROUTINE_WARNING_THRESHOLD":  "60000",
		"OTEL_EXPORTER_OTLP_COMPRESSION":      "zstd",
		"OTEL_EXPORTER_OTLP_CERTIFICATE":      "/no/such/file",
		"OTEL_RESOURCE_ATTRIBUTES":            "token hunter2",
		"OTEL_EXPORTER_OTLP_METRICS_HEADERS":  "hunter2",
		"OTEL_EXPORTER_OTLP_CLIENT_KEY":       "/no/such/key",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "ftp://h/?token=hunter2",
		"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json",
		"OTEL_EXPORTER_OTLP_HEADERS":          "hunter2",
	}
	_, err := newConfig(env(wrong), []Option{
		WithInterval(0), WithBasePath("x y"), WithReader(nil), WithMeterProvider(nil), WithNotifier(nil),
		WithHistory(HistoryConfig{Retention: time.Minute, AlertRetention: -1, MaxBytes: 1}), WithSpool(SpoolConfig{MaxBytes: 1, MaxAge: -1}),
		WithAuthorizer(nil), WithTracerProvider(nil), WithScrape(nil), WithLogger(nil), WithOTLP(nil), WithDialOptions(nil), nil,
		WithListenAddress("zz"), WithoutSpool(), WithoutHistory(), WithRuntimeMetrics(), WithCheckSpans(),
		WithDB("nowhere", nil), WithWebSocket("unheard", nil), WithSource(Source{Name: "unread", Gauges: []Gauge{{Name: "a.b"}}}),
	})
	if err == nil {
		t.Fatal("all of it was accepted")
	}
	for name, value := range wrong {
		line := lineWith(err.Error(), name+": ")
		if line == "" || !strings.Contains(line, "want ") {
			t.Errorf("%s: the error does not say what it wants: %q", name, line)
		}
		secret := strings.Contains(value, "hunter2")
		if strings.Contains(line, value) == secret {
			t.Errorf("%s: got %q in the error: %v", name, value, !secret)
		}
	}
	for _, option := range []string{
		"WithInterval", "WithBasePath", "WithReader", "WithMeterProvider", "WithNotifier", "WithHistory: Retention",
		"WithHistory: AlertRetention", "WithHistory: MaxBytes", "WithSpool: MaxBytes", "WithSpool: MaxAge",
		"WithAuthorizer", "WithTracerProvider", "WithScrape", "WithLogger", "WithOTLP", "WithDialOptions", "option 14",
		"WithListenAddress", "WithoutSpool", "WithoutHistory", `database "nowhere"`, `websocket source "unheard"`, `source "unread"`,
	} {
		if n := strings.Count(err.Error(), "\n"+option+": "); n != 1 {
			t.Errorf("%s is named %d times, want once", option, n)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a secret is in the error")
	}
}

func TestOptionsThatAreNothing(t *testing.T) {
	var spans *sdktrace.TracerProvider
	for _, test := range []struct {
		name   string
		option Option
		want   string
	}{
		{"no option", nil, `option 1: got "nil", want an otelhealth.Option`},
		{"no authorizer", WithAuthorizer(nil), `WithAuthorizer: got "nil", want an authorizer`},
		{"a function that is nil", WithAuthorizer(health.AuthorizerFunc(nil)), `WithAuthorizer: got "nil"`},
		{"no tracer provider", WithTracerProvider(nil), `WithTracerProvider: got "nil", want a tracer provider`},
		{"a pointer that is nil", WithTracerProvider(spans), `WithTracerProvider: got "nil"`},
		{"nothing that scrapes", WithScrape(nil), `WithScrape: got "nil", want what makes a reader and its handler`},
		{"no logger", WithLogger(nil), `WithLogger: got "nil", want a logger`},
		{"no notifier", WithNotifier(nil), `WithNotifier: got "nil", want a notifier`},
		{"a notifier that is a nil pointer", WithNotifier((*pager)(nil)), `WithNotifier: got "nil"`},
		{"no option of a database", WithDB("orders", openSQLite(t, "orders.db"), nil), `database "orders": option 1: got "nil", want an otelhealth.DBOption`},
		{"a database that is a nil pointer", WithDB("orders", (*sql.DB)(nil)), `database "orders": the database is nil`},
		{"no option of the exporter", WithOTLP(otlpmetricgrpc.WithInsecure(), nil), `WithOTLP: got "nil", want options of otlpmetricgrpc`},
		{"no dial option", WithDialOptions(nil), `WithDialOptions: got "nil", want options of grpc`},
		{"no address", WithListenAddress("zz"), `WithListenAddress: got "zz", want an address such as :8080, localhost:8080 or unix:/path`},
		{"no socket's path", WithListenAddress("unix:"), `WithListenAddress: got "unix:"`},
		{"no port", WithListenAddress("localhost:"), `WithListenAddress: got "localhost:"`},
		{"bytes too few for a history", WithHistory(HistoryConfig{MaxBytes: 5}), `WithHistory: MaxBytes: got "5", want at least 4194304 bytes (4 MiB)`},
		{"bytes too few for a spool", WithSpool(SpoolConfig{MaxBytes: 5}), `WithSpool: MaxBytes: got "5", want at least 1048576 bytes (1 MiB)`},
		{"nothing to emit on", WithRuntimeMetrics(), `WithMeterProvider: got "nil", want a provider for the metrics of WithRuntimeMetrics`},
	} {
		_, err := newConfig(env(nil), []Option{test.option})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

func TestListenAddressesAreTaken(t *testing.T) {
	for _, address := range []string{"", ":8080", ":http", "localhost:0", "[::1]:8080", "unix:/run/orders.sock"} {
		if c, err := newConfig(env(nil), []Option{WithListenAddress(address)}); err != nil || c.listenAddress != address {
			t.Errorf("%q: got %q, %v", address, c.listenAddress, err)
		}
	}
}

func TestNamesThatAreTakenAreNamedBesideWrongSettings(t *testing.T) {
	tracker := new(WebSocketTracker)
	check := func(kind string) Option {
		return WithCheck(Check{Name: "orders", Kind: kind, Probe: func(context.Context) error { return nil }})
	}
	queue := func(name, unit string) Option {
		return WithSource(Source{Name: name, Gauges: []Gauge{{Name: "queue.length", Unit: unit}}, Sample: func(context.Context, Observe) error { return nil }})
	}
	for _, test := range []struct {
		name    string
		options []Option
		want    string
	}{
		{"databases", []Option{WithDB("orders", idleDB{}), WithDB("orders", idleDB{})}, `database "orders": the name is taken`},
		{"websocket sources", []Option{WithWebSocket("feed", tracker.Stats), WithWebSocket("feed", tracker.Stats)}, `websocket source "feed": the name is taken`},
		{"sources", []Option{queue("queue", "1"), queue("queue", "1")}, `source "queue": the name is taken`},
		{"sources that disagree", []Option{queue("a", "1"), queue("b", "s")}, `source "b": gauge "queue.length": already registered`},
		{"a database's check and another", []Option{check(health.CheckDatabase), WithDB("orders", idleDB{})}, `check "orders": the name is taken`},
		{"of different kinds", []Option{WithDB("orders", idleDB{}), WithWebSocket("orders", tracker.Stats), queue("orders", "1"), check("")}, ""},
	} {
		_, err := newConfig(env(map[string]string{"HEALTH_SAMPLE_INTERVAL": "ten"}), test.options)
		if lines := strings.Count(err.Error(), "\n") + 1; (lines == 2) != (test.want != "") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

func TestRulesAreEitherNoneOrSome(t *testing.T) {
	for value, want := range map[string]bool{"none": true, "fd": true, "*": true, "none,fd": false, "fd, none": false} {
		_, err := newConfig(env(map[string]string{"HEALTH_LIVENESS_RULES": value}), nil)
		if got := err == nil; got != want || !want && !strings.Contains(err.Error(), "none alone") {
			t.Errorf("%q: got %v, accepted should be %v", value, err, want)
		}
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

func TestStartRefusesWhatContradictsItself(t *testing.T) {
	for _, test := range []struct {
		name string
		env  variables
		want []string
	}{
		{
			"a warning above the critical level",
			variables{"HEALTH_FD_WARNING_THRESHOLD": "950"},
			[]string{`HEALTH_FD_WARNING_THRESHOLD: got "950"`, `HEALTH_FD_CRITICAL_THRESHOLD, which is "900"`},
		},
		{
			"a share above a share, and a number above a number, both named",
			variables{
				"HEALTH_FD_WARNING_THRESHOLD": "90%", "HEALTH_FD_CRITICAL_THRESHOLD": "80%",
				"HEALTH_THREAD_WARNING_THRESHOLD": "200",
			},
			[]string{`HEALTH_FD_WARNING_THRESHOLD: got "90%"`, `HEALTH_THREAD_WARNING_THRESHOLD: got "200"`},
		},
		{
			"together with what cannot be read at all",
			variables{"HEALTH_FD_WARNING_THRESHOLD": "950", "HEALTH_WS_WARNING_THRESHOLD": "lots", "HEALTH_SAMPLE_INTERVAL": "soon"},
			[]string{`HEALTH_FD_WARNING_THRESHOLD: got "950"`, `HEALTH_WS_WARNING_THRESHOLD: got "lots"`, `HEALTH_SAMPLE_INTERVAL: got "soon"`},
		},
		{
			"a number above a share of the limit",
			variables{"HEALTH_FD_WARNING_THRESHOLD": "100000000", "HEALTH_FD_CRITICAL_THRESHOLD": "80%"},
			[]string{`HEALTH_FD_WARNING_THRESHOLD: got "100000000"`},
		},
		{
			"a warning in other units above the critical level",
			variables{"HEALTH_MEMORY_WARNING_THRESHOLD": "2GiB"},
			[]string{`HEALTH_MEMORY_WARNING_THRESHOLD: got "2GiB"`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.env.set(t)
			m, err := Start(t.Context(), new(logBuffer).option())
			if err == nil {
				_ = m.Shutdown(t.Context()) // the test has failed
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

func TestStartThatFailsLeavesNothingBehind(t *testing.T) {
	for range 3 {
		before := openDescriptors(t)
		_, err := Start(t.Context(), new(logBuffer).option(), keptIn(historyPath(t)), WithOTLP(),
			WithScrape(func(bool) (sdkmetric.Reader, http.Handler, error) { return nil, nil, errors.New("no reader today") }))
		if err == nil || !strings.Contains(err.Error(), "WithScrape: no reader today") {
			t.Fatalf("got %v", err)
		}
		if after := openDescriptors(t); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	}
}

func openDescriptors(t *testing.T) uint64 {
	t.Helper()
	r, err := process.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var core process.Core
	if err := r.Core(&core); err != nil {
		t.Fatal(err)
	}
	return core.FDs.Value
}

func TestSettingsAreRead(t *testing.T) {
	c, err := newConfig(env(map[string]string{
		"HEALTH_SAMPLE_INTERVAL": "2.5", "HEALTH_DRAIN_DELAY": "1m", "HEALTH_BASE_PATH": "/orders/",
		"HEALTH_READINESS_RULES": "fd, memory", "HEALTH_LIVENESS_RULES": "*",
		"HEALTH_MONITOR_ENABLED": "FALSE", "HEALTH_SERVICE_ID": "orders",
		"OTEL_SERVICE_NAME": "other", "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=i-1,region=eu%2Dwest",
		"OTEL_EXPORTER_OTLP_TIMEOUT": "1500",
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.identify()
	switch {
	case c.interval != 2500*time.Millisecond, c.drainDelay != time.Minute, c.basePath != "/orders", c.enabled,
		c.otlp.timeout != 1500*time.Millisecond:
		t.Errorf("got %+v", c)
	case !c.readinessRules.has("memory"), c.readinessRules.has("threads"), !c.livenessRules.has("pool"):
		t.Errorf("rules: got %v and %v", c.readinessRules, c.livenessRules)
	case c.service.ID != "orders", c.service.Instance != "i-1", c.resourceAttributes["region"] != "eu-west":
		t.Errorf("service: got %+v, %v", c.service, c.resourceAttributes)
	}
}

func TestHistorySettings(t *testing.T) {
	const day = 24 * time.Hour
	defaults := HistoryConfig{"db/health.db", 7 * day, 90 * day, 256 << 20}
	with := func(change func(*HistoryConfig)) HistoryConfig { c := defaults; change(&c); return c }
	for _, test := range []struct {
		name    string
		env     map[string]string
		options []Option
		want    HistoryConfig
	}{
		{"nothing is set", nil, nil, defaults},
		{"the original's relative URL", map[string]string{"HEALTH_DATABASE_URL": "sqlite:///var/h%20h.db"}, nil, with(func(c *HistoryConfig) { c.Path = "var/h h.db" })},
		{"the original's absolute URL", map[string]string{"HEALTH_DATABASE_URL": "sqlite:////var/h.db?timeout=5"}, nil, with(func(c *HistoryConfig) { c.Path = "/var/h.db" })},
		{"a path wins over a URL", map[string]string{"HEALTH_DATABASE_URL": "sqlite:///a.db", "HEALTH_HISTORY_PATH": "b.db"}, nil, with(func(c *HistoryConfig) { c.Path = "b.db" })},
		{"off", map[string]string{"HEALTH_HISTORY_PATH": "off"}, nil, with(func(c *HistoryConfig) { c.Path = "" })},
		{
			"every number",
			map[string]string{"HEALTH_RETENTION_DAYS": "0.5", "HEALTH_ALERT_RETENTION_DAYS": "365", "HEALTH_HISTORY_MAX_MB": "4"}, nil,
			HistoryConfig{"db/health.db", day / 2, 365 * day, 4 << 20},
		},
		{"code wins", map[string]string{"HEALTH_HISTORY_PATH": "off"}, []Option{WithHistory(HistoryConfig{Path: "c.db"})}, with(func(c *HistoryConfig) { c.Path = "c.db" })},
		{"without", nil, []Option{WithoutHistory()}, with(func(c *HistoryConfig) { c.Path = "" })},
	} {
		c, err := newConfig(env(test.env), test.options)
		if err != nil || c.history != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", test.name, c.history, err, test.want)
		}
	}
}

func TestOptionsWinOverTheEnvironment(t *testing.T) {
	c, err := newConfig(env(map[string]string{
		"HEALTH_SAMPLE_INTERVAL": "5", "HEALTH_SERVICE_ID": "env", "HEALTH_SERVICE_VERSION": "env", "HEALTH_BASE_PATH": "/env",
	}), []Option{WithInterval(time.Second), WithService("code", "", "d"), WithBasePath("/code")})
	if err != nil {
		t.Fatal(err)
	}
	if c.interval != time.Second || c.service.ID != "code" || c.service.Version != "env" || c.service.Description != "d" || c.basePath != "/code" || c.logger == nil {
		t.Errorf("got %+v", c)
	}
}

func TestResourceIsWhatTheEnvironmentSays(t *testing.T) {
	c, err := newConfig(env(map[string]string{
		"OTEL_SERVICE_NAME": "from-env", "OTEL_RESOURCE_ATTRIBUTES": "service.version=9,deployment.environment.name=prod,service.name=loses",
	}), []Option{WithService("code", "1", "")})
	if err != nil {
		t.Fatal(err)
	}
	c.identify()
	r, err := c.newResource(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for iter := r.Iter(); iter.Next(); {
		got[string(iter.Attribute().Key)] = iter.Attribute().Value.String()
	}
	for key, want := range map[string]string{
		"service.name": "from-env", "service.version": "9", "deployment.environment.name": "prod",
		"service.instance.id": c.service.Instance, "telemetry.sdk.language": "go", "os.type": runtime.GOOS,
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
	for key := range got {
		if strings.Contains(key, "command") || strings.Contains(key, "args") {
			t.Errorf("%s is exported", key)
		}
	}
}

func TestInstanceIsStableAndDiffers(t *testing.T) {
	instance := func(id, address string, attributes map[string]string) string {
		c := &config{listenAddress: address, resourceAttributes: attributes}
		c.service.ID = id
		c.identify()
		return c.service.Instance
	}
	first := instance("orders", ":8080", nil)
	if first != instance("orders", ":8080", nil) {
		t.Error("the same instance got another id")
	}
	for name, other := range map[string]string{
		"another service": instance("quotes", ":8080", nil),
		"another address": instance("orders", ":8081", nil),
		"another pod":     instance("orders", ":8080", map[string]string{"k8s.pod.uid": "7b1f"}),
	} {
		if other == first {
			t.Errorf("%s has the same id", name)
		}
	}
	if got := instance("orders", ":8080", map[string]string{"service.instance.id": "mine"}); got != "mine" {
		t.Errorf("OTEL_RESOURCE_ATTRIBUTES does not win: got %q", got)
	}
}

func TestThresholds(t *testing.T) {
	byName := make(map[string]component)
	for _, c := range components() {
		byName[c.name] = c
	}
	for _, test := range []struct {
		component, text string
		limit           health.Number
		want            health.Number
	}{
		{health.RuleFD, "700", 1024, 700},
		{health.RuleFD, "70%", 1000, 700},
		{health.RuleFD, " 70 % ", 1000, 700},
		{health.RuleMemory, "500", 0, 500 << 20},
		{health.RuleMemory, "1.5GiB", 0, 1536 << 20},
		{health.RuleMemory, "64 KiB", 0, 64 << 10},
		{health.RuleMemory, "50%", 1 << 30, 512 << 20},
		{health.RulePool, "80%", 4, 0.8},
		{health.RulePool, "0.8", 4, 0.8},
		{health.RuleStuck, "off", 0, health.UnknownNumber()},
		{health.RuleFD, "70%", health.UnknownNumber(), health.UnknownNumber()},
	} {
		parsed, err := byName[test.component].parse(test.text)
		got := parsed.resolve(byName[test.component], test.limit)
		if err != nil || got.Known() != test.want.Known() || got.Known() && got != test.want {
			t.Errorf("%s %q of %v: got %v, %v, want %v", test.component, test.text, test.limit, got, err, test.want)
		}
	}
	for _, text := range []string{"", "x", "1e400", "NaN", "Inf", "-5", "0", "10 20", "5%%", "0x10"} {
		if got, err := byName[health.RuleFD].parse(text); err == nil {
			t.Errorf("%q was taken for %+v", text, got)
		}
	}
}

func FuzzThreshold(f *testing.F) {
	for _, seed := range []string{"700", "70%", "off", "512MiB", "1e3", "-1", "NaN"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range components() {
			parsed, err := c.parse(text)
			if err == nil && parsed.set && !(parsed.value > 0) {
				t.Errorf("%s %q: got %+v", c.name, text, parsed)
			}
		}
	})
}

func FuzzPairs(f *testing.F) {
	f.Add("a=b,c=%20d")
	f.Fuzz(func(t *testing.T, text string) {
		pairs, err := parsePairs(text)
		if _, empty := pairs[""]; err == nil && empty {
			t.Errorf("%q: an empty key", text)
		}
	})
}

func TestFilesOfTheExportAreChecked(t *testing.T) {
	dir := t.TempDir()
	certificate, key, garbage := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem"), filepath.Join(dir, "x.pem")
	writeCertificate(t, certificate, key)
	if err := os.WriteFile(garbage, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	const prefix = "OTEL_EXPORTER_OTLP_"
	for _, test := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"a certificate to check against", map[string]string{prefix + "CERTIFICATE": certificate}, ""},
		{"garbage to check against", map[string]string{prefix + "METRICS_CERTIFICATE": garbage}, "METRICS_CERTIFICATE: got"},
		{"a certificate and its key", map[string]string{prefix + "CLIENT_CERTIFICATE": certificate, prefix + "METRICS_CLIENT_KEY": key}, ""},
		{"a certificate without its key", map[string]string{prefix + "CLIENT_CERTIFICATE": certificate}, "CLIENT_CERTIFICATE: got"},
		{"a key without its certificate", map[string]string{prefix + "CLIENT_KEY": key}, "CLIENT_KEY: got"},
		{"a key that belongs to another", map[string]string{prefix + "CLIENT_CERTIFICATE": certificate, prefix + "CLIENT_KEY": garbage}, "a certificate and its key"},
	} {
		_, err := newConfig(env(test.env), nil)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

func writeCertificate(t *testing.T, certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEndpointsAndHeadersThatCannotBe(t *testing.T) {
	for _, value := range []string{"localhost:4317", "http://", "http://127.0.0.1:99999", "ftp://h", "http://user:pw@[::1"} {
		if err := setEndpoint(new(config), value); err == nil {
			t.Errorf("%q was accepted", value)
		}
	}
	for _, value := range []string{"a=b,", "a=b, ,c=d", "a=%ff", "a b=x", "a=x%0Ay", "=x", "a", "a=%zz", "ä=x"} {
		if err := setHeaders(nil, value); err == nil {
			t.Errorf("%q was accepted", value)
		}
	}
	if err := setHeaders(nil, "Authorization=Bearer%20abc, x-tenant=7"); err != nil {
		t.Error(err)
	}
}

func TestWhatTurnsTheExportOffIsNamed(t *testing.T) {
	for _, test := range []struct{ exporter, disabled, want string }{
		{"none", "", "turned off by OTEL_METRICS_EXPORTER=none"},
		{"none", "false", "turned off by OTEL_METRICS_EXPORTER=none"},
		{"console,prometheus", "", "turned off by OTEL_METRICS_EXPORTER=console,prometheus"},
		{"", "True", "turned off by OTEL_SDK_DISABLED=True"},
		{"otlp", "true", "turned off by OTEL_SDK_DISABLED=true"},
		{"none", "true", "turned off by OTEL_METRICS_EXPORTER=none and OTEL_SDK_DISABLED=true"},
		{"console,otlp", "false", ""},
	} {
		c, err := newConfig(env(map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_METRICS_EXPORTER": test.exporter, "OTEL_SDK_DISABLED": test.disabled,
		}), nil)
		if got := c.exportOff(); err != nil || got != test.want {
			t.Errorf("%q and %q: got %q, %v, want %q", test.exporter, test.disabled, got, err, test.want)
		}
	}
}

func TestDefaultsAreTheOriginals(t *testing.T) {
	c, err := newConfig(env(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.interval != 10*time.Second || !c.enabled || c.drainDelay != 5*time.Second {
		t.Errorf("got %+v", c)
	}
	for name, want := range map[string][2]float64{
		health.RuleMemory: {500 << 20, 1000 << 20}, health.RuleDatabase: {10, 20}, health.RuleWebSocket: {10, 20}, health.RuleThreads: {50, 100},
	} {
		if got := c.thresholds[name]; got.warn.value != want[0] || got.fail.value != want[1] {
			t.Errorf("%s: got %+v, want %v", name, got, want)
		}
	}
}

func TestAnotherProtocolIsAnErrorWhereTheExportIsOn(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, test := range []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"the export is on", map[string]string{endpoint: "http://localhost:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, true},
		{"the form for metrics wins", map[string]string{endpoint: "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"}, false},
		{"nobody asked for an export", map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, false},
		{"it is switched off", map[string]string{endpoint: "http://localhost:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_SDK_DISABLED": "true"}, false},
		{"the application exports by other means", map[string]string{endpoint: "http://localhost:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_METRICS_EXPORTER": "prometheus"}, false},
	} {
		_, err := newConfig(env(test.env), nil)
		if got := err != nil && strings.Contains(err.Error(), "want grpc"); got != test.want || err != nil && !test.want {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
}
