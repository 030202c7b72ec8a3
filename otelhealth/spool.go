package otelhealth

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/otelhealth/otelhealth-go/otelhealth/internal/spool"
)

// SpoolConfig says where and how much of what the Collector could not take is kept on disk. The zero value of a field
// leaves what the environment, or else the default, says.
type SpoolConfig struct {
	Dir      string        // folder for one process alone, made where it is missing. HEALTH_SPOOL_DIR, beside the history's file
	MaxBytes int64         // of the requests; at least 1 MiB. HEALTH_SPOOL_MAX_MB, 64 MiB
	MaxAge   time.Duration // of their points; at least a second. HEALTH_SPOOL_MAX_AGE, 30 minutes
}

// spoolSettings are a SpoolConfig, and whether there is a spool at all.
type spoolSettings struct {
	SpoolConfig
	enabled       bool
	with, without bool   // the options were given
	ageBy         string // the setting that MaxAge comes from; empty: the default
}

// spoolFolder returns where requests are kept: beside the history's file unless another place was named; "" for nowhere.
func (c *config) spoolFolder() string {
	switch {
	case !c.spool.enabled:
		return ""
	case c.spool.Dir != "":
		return c.spool.Dir
	case c.history.Path != "":
		return c.history.Path + ".spool"
	default:
		return ""
	}
}

// setUpSpool returns what keeps requests on disk; nil where none are.
func (m *Monitor) setUpSpool(ctx context.Context) *spool.Forwarder {
	c := m.config
	folder := c.spoolFolder()
	if folder == "" {
		return nil
	}
	if c.otlp.bringsConnection(ctx) {
		m.logger.Warn("OTLP requests are kept in memory alone while the Collector is away: a connection given by otlpmetricgrpc.WithGRPCConn goes past the spool")
		return nil
	}
	m.warnOfSpoolAge()
	kept := spool.New(spool.Config{Dir: folder, MaxBytes: c.spool.MaxBytes, MaxAge: c.spool.MaxAge})
	return spool.NewForwarder(kept, exportTimeout(c.otlp.timeout, c.interval), m.logger)
}

// prometheusWindow is the out_of_order_time_window of the Prometheus that this project ships.
const prometheusWindow = time.Hour

// warnOfSpoolAge tells of requests that may be delivered when they are of no use any more. Another database may take them.
func (m *Monitor) warnOfSpoolAge() {
	if age := m.config.spool.MaxAge; age > prometheusWindow {
		m.logger.Warn("requests are kept for longer than the out_of_order_time_window of the Prometheus in collector-config, which drops older points without a word",
			"setting", m.config.spool.ageBy, "max_age", age, "out_of_order_time_window", prometheusWindow)
	}
}

// WithSpool keeps what the Collector could not take in another place, or more or less of it, than the environment says. A
// connection of one's own (otlpmetricgrpc.WithGRPCConn) goes past it: then there is none, and Start warns.
func WithSpool(s SpoolConfig) Option {
	return func(c *config) {
		c.spool.enabled, c.spool.with = true, true
		if s.Dir != "" {
			c.spool.Dir = s.Dir
		}
		if s.MaxBytes != 0 {
			c.spool.MaxBytes = s.MaxBytes
		}
		if s.MaxAge != 0 {
			c.spool.MaxAge, c.spool.ageBy = s.MaxAge, "WithSpool: MaxAge"
		}
		if s.MaxBytes != 0 && s.MaxBytes < leastSpoolMiB<<20 {
			c.wrong("WithSpool: MaxBytes", strconv.FormatInt(s.MaxBytes, 10), errLeastSpool)
		}
		if err := checkSpoolAge(s.MaxAge); s.MaxAge != 0 && err != nil {
			c.wrong("WithSpool: MaxAge", s.MaxAge.String(), err)
		}
	}
}

// WithoutSpool keeps nothing on disk: while the Collector is away the last requests wait in memory, and a restart loses
// them. Beside [WithSpool] it is an error of [Start].
func WithoutSpool() Option {
	return func(c *config) { c.spool.enabled, c.spool.without = false, true }
}

const leastSpoolMiB = 1

var errLeastSpool = fmt.Errorf("at least %d bytes (%d MiB)", leastSpoolMiB<<20, leastSpoolMiB)

func setSpoolMax(c *config, value string) error {
	mib, err := strconv.ParseInt(value, 10, 32)
	if err != nil || mib < leastSpoolMiB {
		return fmt.Errorf("a whole number of MiB, at least %d", leastSpoolMiB)
	}
	c.spool.MaxBytes = mib << 20
	return nil
}

func setSpoolAge(c *config, value string) (err error) {
	c.spool.ageBy = "HEALTH_SPOOL_MAX_AGE"
	c.spool.MaxAge, err = parseSeconds(value)
	if err == nil {
		err = checkSpoolAge(c.spool.MaxAge)
	}
	return err
}

const longestSpoolAge = 7 * 24 * time.Hour

func checkSpoolAge(d time.Duration) error {
	if d < time.Second || d > longestSpoolAge {
		return fmt.Errorf("between %v and %v", time.Second, longestSpoolAge)
	}
	return nil
}
