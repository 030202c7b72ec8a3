package otelhealth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// setting is one row of the table of environment variables, which the README repeats.
type setting struct {
	name      string
	byDefault string
	meaning   string
	set       func(c *config, value string) error // the error's text says what is wanted
}

// settings returns the table, in the README's order.
func settings() []setting {
	rows := []setting{
		{"HEALTH_MONITOR_ENABLED", "true", "Whether the monitor runs. When false, probes answer 200 with a note and the API 404.", setBool(func(c *config) *bool { return &c.enabled })},
		{"HEALTH_SAMPLE_INTERVAL", "10", "Time between samples: seconds, or a duration such as 500ms.", setInterval},
		{"HEALTH_SERVICE_ID", "service.name, else the program's name", "serviceId in the probes' bodies, and service.name where OpenTelemetry's own variables name none.", setText(func(c *config) *string { return &c.service.ID })},
		{"HEALTH_SERVICE_VERSION", "from the build", "version in the probes' bodies, and service.version.", setText(func(c *config) *string { return &c.service.Version })},
		{"HEALTH_SERVICE_DESCRIPTION", "", "description in the probes' bodies.", setText(func(c *config) *string { return &c.service.Description })},
		{"HEALTH_BASE_PATH", "", "Path before every route, such as /orders.", setBasePath},
		{"HEALTH_READINESS_RULES", "fd", "Rules that fail readiness when they fail: names with commas between, * for all, none for none.", setRules(func(c *config) *ruleSet { return &c.readinessRules })},
		{"HEALTH_LIVENESS_RULES", "none", "Rules that fail liveness when they fail: likewise.", setRules(func(c *config) *ruleSet { return &c.livenessRules })},
		{"HEALTH_DRAIN_DELAY", "5s", "How long Drain waits for load balancers to notice: seconds, or a duration.", setDrainDelay},
		{"HEALTH_API_TOKEN", "made at start", "What opens the API as a bearer token, or at the login page; at least 16 bytes.", setCredential(setSecret(func(c *config) *string { return &c.protection.Token }, shortestToken))},
		{"HEALTH_AUTH_USERNAME", "", "User name that opens the API with a password (HTTP Basic, or at the login page).", setCredential(setUsername)},
		{"HEALTH_AUTH_PASSWORD", "", "Its password; at least 8 bytes.", setCredential(setSecret(func(c *config) *string { return &c.protection.Password }, shortestPassword))},
		{"HEALTH_AUTH_PASSWORD_HASH", "", "Its password hashed by bcrypt, in place of HEALTH_AUTH_PASSWORD.", setCredential(setPasswordHash)},
		{"HEALTH_CHECK_DETAIL", "full", "What /health/check tells anonymous clients: full (each check's status), or none (the whole's alone).", setCheckDetail},
		{"HEALTH_TRUSTED_ORIGINS", "", "Other origins whose pages may POST, such as https://health.example, with commas between.", setOrigins},
		{"HEALTH_TRUSTED_PROXIES", "", "Addresses or networks of proxies whose X-Forwarded-For, -Proto and -Host are believed, with commas between.", setProxies},
		{"HEALTH_ALLOWED_HOSTS", "over the loopback interface loopback names, otherwise every name", "Host names under which the API answers, with commas between; * for every one. Probes answer under each.", setHosts},
		{"HEALTH_DATABASE_URL", "", "The history's file in the form that the original had: sqlite:///relative/path or sqlite:////absolute/path.", setDatabaseURL},
		{"HEALTH_HISTORY_PATH", "db/health.db", "The history's SQLite file; folders that are missing are made. Wins over HEALTH_DATABASE_URL; off: nothing is kept.", setHistoryPath},
		{"HEALTH_RETENTION_DAYS", "7", "Days for which samples are kept; sums of minutes are kept for 30 days, of quarters of an hour for a year.", setDays(func(c *config) *time.Duration { return &c.history.Retention })},
		{"HEALTH_ALERT_RETENTION_DAYS", "90", "Days for which alerts are kept after they are resolved.", setDays(func(c *config) *time.Duration { return &c.history.AlertRetention })},
		{"HEALTH_HISTORY_MAX_MB", "256", "MiB that the history's file may take; what is oldest goes first.", setHistoryMax},
	}
	for _, component := range components() {
		rows = append(rows, component.settings()...)
	}
	return append(rows,
		setting{"OTEL_EXPORTER_OTLP_ENDPOINT", "", "Where to push metrics by OTLP over gRPC, such as http://localhost:4317. Setting it, or OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, turns the export on.", setEndpoint},
		setting{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "", "Likewise, for metrics alone; wins over the general one.", setEndpoint},
		setting{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "Only grpc is spoken: another protocol is an error where the export is on.", setProtocol("OTEL_EXPORTER_OTLP_PROTOCOL")},
		likewise("PROTOCOL", "grpc", setProtocol("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL")),
		setting{"OTEL_EXPORTER_OTLP_TIMEOUT", "10000", "Milliseconds that one export may take; at most half an interval, or half a second where that is more.", setExportTimeout},
		likewise("TIMEOUT", "10000", setExportTimeout),
		setting{"OTEL_EXPORTER_OTLP_CERTIFICATE", "", "File with the certificates that the Collector's is checked against.", setCertificates},
		likewise("CERTIFICATE", "", setCertificates),
		setting{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "", "File with the client's certificate for mutual TLS.", setFile},
		likewise("CLIENT_CERTIFICATE", "", setFile),
		setting{"OTEL_EXPORTER_OTLP_CLIENT_KEY", "", "File with the client's key for mutual TLS.", setFile},
		likewise("CLIENT_KEY", "", setFile),
		setting{"OTEL_EXPORTER_OTLP_HEADERS", "", "Headers sent with each export, such as authorization=Bearer%20token.", setHeaders},
		likewise("HEADERS", "", setHeaders),
		setting{"OTEL_EXPORTER_OTLP_COMPRESSION", "", "gzip, or none.", setCompression},
		likewise("COMPRESSION", "", setCompression),
		setting{"HEALTH_SPOOL_ENABLED", "true", "Whether requests that the Collector cannot take now are kept on disk, and sent when it answers again.", setBool(func(c *config) *bool { return &c.spool.enabled })},
		setting{"HEALTH_SPOOL_DIR", "HEALTH_HISTORY_PATH with .spool after it; none without a history", "Their folder, for one process alone; made where it is missing.", setText(func(c *config) *string { return &c.spool.Dir })},
		setting{"HEALTH_SPOOL_MAX_MB", "64", "MiB that they may take; the oldest go first.", setSpoolMax},
		setting{"HEALTH_SPOOL_MAX_AGE", "30m", "Age of their points from which they are dropped: seconds, or a duration. Not above what the database behind the Collector still takes (out_of_order_time_window of Prometheus).", setSpoolAge},
		setting{"OTEL_METRIC_EXPORT_INTERVAL", "every sample", "Milliseconds between exports, rounded to whole samples.", setExportInterval},
		setting{"OTEL_METRICS_EXPORTER", "otlp", "Anything without otlp, such as none, turns the export off.", setMetricsExporter},
		setting{"OTEL_SDK_DISABLED", "false", "true turns the export off.", setSDKDisabled},
		setting{"OTEL_SERVICE_NAME", "", "service.name of what is exported; wins over code.", setText(func(c *config) *string { return &c.otelServiceName })},
		setting{"OTEL_RESOURCE_ATTRIBUTES", "", "Attributes of what is exported, such as deployment.environment.name=prod; wins over code.", setResourceAttributes},
	)
}

// likewise is the row of a variable's form for metrics alone.
func likewise(name, byDefault string, set func(*config, string) error) setting {
	return setting{"OTEL_EXPORTER_OTLP_METRICS_" + name, byDefault, "Likewise, for metrics alone; wins over the general one.", set}
}

func setBool(field func(*config) *bool) func(*config, string) error {
	return func(c *config, value string) error {
		switch strings.ToLower(value) {
		case "true", "1", "yes", "on":
			*field(c) = true
		case "false", "0", "no", "off":
			*field(c) = false
		default:
			return errors.New("true or false")
		}
		return nil
	}
}

// setSDKDisabled follows OpenTelemetry's specification: what is not "true" is false.
func setSDKDisabled(c *config, value string) error {
	if strings.EqualFold(value, "true") {
		c.otlp.offBy = append(c.otlp.offBy, "OTEL_SDK_DISABLED="+value)
	}
	return nil
}

func setText(field func(*config) *string) func(*config, string) error {
	return func(c *config, value string) error {
		if !utf8.ValidString(value) {
			return errors.New("text in UTF-8")
		}
		*field(c) = value
		return nil
	}
}

func setInterval(c *config, value string) (err error) {
	c.interval, err = parseSeconds(value)
	if err == nil {
		err = checkInterval(c.interval)
	}
	return err
}

// Shortest and longest time between samples.
const (
	minInterval = 10 * time.Millisecond
	maxInterval = time.Hour
)

func checkInterval(d time.Duration) error {
	if d < minInterval || d > maxInterval {
		return fmt.Errorf("between %v and %v", minInterval, maxInterval)
	}
	return nil
}

func setDrainDelay(c *config, value string) (err error) {
	c.drainDelay, err = parseSeconds(value)
	if err == nil && (c.drainDelay < 0 || c.drainDelay > maxInterval) {
		return fmt.Errorf("between 0 and %v", maxInterval)
	}
	return err
}

// setDatabaseURL understands the URLs of SQLAlchemy for SQLite. Another database cannot hold the history.
func setDatabaseURL(c *config, value string) error {
	path, ok := strings.CutPrefix(value, "sqlite:///")
	path, _, _ = strings.Cut(path, "?")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	if !ok || path == "" || path == ":memory:" {
		return errors.New("sqlite:/// and a file's path, since the history is kept in an SQLite file")
	}
	return setHistoryPath(c, path)
}

func setHistoryPath(c *config, value string) error {
	switch {
	case value == "off":
		c.history.Path = ""
	case strings.ContainsRune(value, 0) || strings.HasSuffix(value, "/"):
		return errors.New("the path of a file, or off")
	default:
		c.history.Path = value
	}
	return nil
}

const mostDays = 3650

func setDays(field func(*config) *time.Duration) func(*config, string) error {
	return func(c *config, value string) error {
		days, err := strconv.ParseFloat(value, 64)
		if err != nil || !(days <= mostDays) { // NaN is not
			return fmt.Errorf("a number of days up to %d", mostDays)
		}
		*field(c) = time.Duration(days * 24 * float64(time.Hour))
		return checkRetention(*field(c))
	}
}

func checkRetention(d time.Duration) error {
	if d < time.Hour || d > mostDays*24*time.Hour {
		return fmt.Errorf("at least an hour, and at most %d days", mostDays)
	}
	return nil
}

const leastHistoryMiB = 4

var errLeastHistory = fmt.Errorf("at least %d bytes (%d MiB)", leastHistoryMiB<<20, leastHistoryMiB)

func setHistoryMax(c *config, value string) error {
	mib, err := strconv.ParseInt(value, 10, 32)
	if err != nil || mib < leastHistoryMiB {
		return fmt.Errorf("a whole number of MiB, at least %d", leastHistoryMiB)
	}
	c.history.MaxBytes = mib << 20
	return nil
}

// parseSeconds understands a bare number as seconds, as the original did, and a duration with a unit.
func parseSeconds(value string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if math.IsNaN(seconds) || math.Abs(seconds) > maxInterval.Seconds()*1000 {
			return 0, errors.New("a number of seconds such as 10, or a duration such as 10s")
		}
		return time.Duration(seconds * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0, errors.New("a number of seconds such as 10, or a duration such as 10s")
	}
	return d, nil
}

var pathPattern = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

func setBasePath(c *config, value string) error {
	path := strings.TrimSuffix(value, "/")
	if !pathPattern.MatchString(path) || slices.ContainsFunc(strings.Split(path, "/"), isDots) {
		return errors.New("a path such as /orders, of letters, digits and . _ ~ -")
	}
	c.basePath = path
	return nil
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

// ruleSet says which rules count for a verdict: names, or * for all.
type ruleSet []string

func (s ruleSet) has(rule string) bool { return slices.Contains(s, rule) || slices.Contains(s, "*") }

// setRules keeps the names; whether there are such rules is known once the options have been read.
func setRules(field func(*config) *ruleSet) func(*config, string) error {
	return func(c *config, value string) error {
		set := ruleSet{}
		none := false
		for name := range strings.SplitSeq(value, ",") {
			switch name = strings.TrimSpace(name); name {
			case "":
			case "none":
				none = true
			default:
				set = append(set, name)
			}
		}
		if none && len(set) > 0 {
			return errors.New("names of rules with commas between, * for all, or none alone")
		}
		*field(c) = set
		return nil
	}
}

// checkRuleSets refuses names of rules that do not exist.
func (c *config) checkRuleSets() {
	known := componentNames()
	for i := range c.rules {
		known = append(known, c.rules[i].Name)
	}
	check := func(setting string, set ruleSet) {
		for _, name := range set {
			if name != "*" && !slices.Contains(known, name) {
				c.wrong(setting, strings.Join(set, ","), fmt.Errorf("rules among %s, * or none; there is no rule %q", strings.Join(known, ", "), name))
				return
			}
		}
	}
	check("HEALTH_READINESS_RULES", c.readinessRules)
	check("HEALTH_LIVENESS_RULES", c.livenessRules)
}

func setEndpoint(c *config, value string) error {
	c.otlp.requested = true
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("a URL such as http://localhost:4317, or https:// for TLS")
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return errors.New("a URL with a port from 0 to 65535")
		}
	}
	return nil
}

// setProtocol only notes what is wanted: applications whose own exporters speak another protocol may have no export here.
func setProtocol(variable string) func(*config, string) error {
	return func(c *config, value string) error {
		c.otlp.protocol, c.otlp.protocolVariable = value, variable
		return nil
	}
}

func setExportTimeout(c *config, value string) error {
	d, err := parseMilliseconds(value)
	if err == nil {
		c.otlp.timeout = d
	}
	return err
}

func setExportInterval(c *config, value string) error {
	d, err := parseMilliseconds(value)
	if err == nil {
		c.otlp.interval = d
	}
	return err
}

func parseMilliseconds(value string) (time.Duration, error) {
	ms, err := strconv.ParseInt(value, 10, 32)
	if err != nil || ms <= 0 {
		return 0, errors.New("a whole number of milliseconds above 0")
	}
	return time.Duration(ms) * time.Millisecond, nil
}

func setFile(_ *config, value string) error {
	if _, err := os.ReadFile(value); err != nil {
		return fmt.Errorf("a file that can be read: %w", err)
	}
	return nil
}

func setCertificates(_ *config, value string) error {
	content, err := os.ReadFile(value)
	if err != nil {
		return fmt.Errorf("a file that can be read: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return errors.New("a file with certificates in PEM form")
	}
	return nil
}

// checkClientCertificate refuses a certificate without its key, and the other way round.
func (env environment) checkClientCertificate() error {
	certificateName, certificate := env.first("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE")
	keyName, key := env.first("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY")
	switch {
	case certificate == "" && key == "":
		return nil
	case key == "":
		return settingError(certificateName, shown("", certificate), errors.New("its key in OTEL_EXPORTER_OTLP_CLIENT_KEY beside it"))
	case certificate == "":
		return settingError(keyName, shown("", key), errors.New("its certificate in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE beside it"))
	}
	if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
		return settingError(certificateName, shown("", certificate), fmt.Errorf("a certificate and its key: %w", err))
	}
	return nil
}

// setMetricsExporter understands the names that OpenTelemetry's specification gives to exporters; of those only otlp
// concerns the monitor.
func setMetricsExporter(c *config, value string) error {
	otlp := false
	for name := range strings.SplitSeq(value, ",") {
		switch strings.TrimSpace(name) {
		case "otlp":
			otlp = true
		case "none", "prometheus", "console", "logging":
		default:
			return errors.New("otlp, none, prometheus, console, or several of them with commas between")
		}
	}
	if !otlp {
		c.otlp.offBy = append(c.otlp.offBy, "OTEL_METRICS_EXPORTER="+value)
	}
	return nil
}

func setCompression(_ *config, value string) error {
	if value != "gzip" && value != "none" {
		return errors.New("gzip or none")
	}
	return nil
}

// setHeaders refuses what gRPC would refuse at each export.
func setHeaders(_ *config, value string) error {
	pairs, err := parsePairs(value)
	if err != nil {
		return err
	}
	for key, text := range pairs {
		if !headerPattern.MatchString(key) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return errors.New("names of letters, digits and . _ -, with values of printable ASCII")
		}
	}
	return nil
}

var headerPattern = regexp.MustCompile(`^[0-9A-Za-z._-]+$`)

func setResourceAttributes(c *config, value string) (err error) {
	c.resourceAttributes, err = parsePairs(value)
	return err
}

// parsePairs reads the form of OTEL_RESOURCE_ATTRIBUTES: key=value pairs with commas between, percent-encoded.
func parsePairs(value string) (map[string]string, error) {
	pairs := make(map[string]string)
	for pair := range strings.SplitSeq(value, ",") {
		key, encoded, ok := strings.Cut(pair, "=")
		text, err := url.PathUnescape(strings.TrimSpace(encoded))
		if key = strings.TrimSpace(key); !ok || key == "" || err != nil || !utf8.ValidString(key+text) {
			return nil, errors.New("key=value pairs with commas between, percent-encoded")
		}
		pairs[key] = text
	}
	return pairs, nil
}
