package otelhealth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/otelhealth/otelhealth-go/health"
)

// Check asks, in the background and again and again, whether something that the service depends on is well. Times and
// counts are named after those of Kubernetes' probes.
type Check struct {
	// Name is unique among the checks of its kind.
	Name string
	// Kind says what is asked, such as "cache" or "service": its checks stand in /health/check under
	// "cache:connectivity". It begins with a letter and holds letters, digits and . _ -, 50 at most; "rule" is taken.
	// Two kinds ask for something else than connectivity: [health.CheckDisk] stands under "disk:space", and
	// [health.CheckOther], the default, under "check:result".
	Kind string
	// Required fails readiness while the check fails or has not been decided yet; otherwise that lowers it to warn.
	Required bool
	// Interval is the time from the start of one run to the start of the next, 10 ms to 24 h; by default that between
	// samples. A run that takes longer delays the next by a whole interval.
	Interval time.Duration
	// Timeout bounds one run, 1 ms to 24 h; 5 s by default.
	Timeout time.Duration
	// InitialDelay passes before the first run, 24 h at most; none by default. A random part of the interval, 10 s at
	// most, always comes on top, so that many checks do not run in step.
	InitialDelay time.Duration
	// FailureThreshold is how many runs in a row must fail until the check fails; 1 by default. One that passes is
	// enough for it to pass.
	FailureThreshold int
	// Probe is one run: nil is well, an error says what is not. It is called one at a time, in a goroutine of its own,
	// and should return when its context ends. One that panics, or returns after the timeout, has failed. One that does
	// not return at all is not called again meanwhile, and fails once more each interval. Package health/checks has
	// ready-made ones.
	Probe func(ctx context.Context) error
}

// defaultCheckTimeout bounds a run where nothing else is said.
const defaultCheckTimeout = 5 * time.Second

// What the durations of a check may be.
const (
	minCheckInterval = 10 * time.Millisecond
	minCheckTimeout  = time.Millisecond
	maxCheckDuration = 24 * time.Hour
)

var kindPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,49}$`)

// ruleKind would have the key of a rule named "connectivity".
const ruleKind = "rule"

// validate returns everything that is wrong, each part naming the check and the field.
func (c Check) validate() error {
	errs := []error{checkName("check", c.Name)}
	wrong := func(field, got, want string) {
		errs = append(errs, settingError(fmt.Sprintf("check %.200q: %s", c.Name, field), got, errors.New(want)))
	}
	duration := func(field string, got, least time.Duration) {
		if got != 0 && got < least || got > maxCheckDuration {
			wrong(field, got.String(), fmt.Sprintf("between %v and %v", least, maxCheckDuration))
		}
	}
	if c.Kind == ruleKind || c.Kind != "" && !kindPattern.MatchString(c.Kind) {
		wrong("Kind", strconv.Quote(c.Kind), `a letter and up to 49 letters, digits and . _ -, other than "rule"`)
	}
	duration("Interval", c.Interval, minCheckInterval)
	duration("Timeout", c.Timeout, minCheckTimeout)
	duration("InitialDelay", c.InitialDelay, 0)
	if c.FailureThreshold < 0 {
		wrong("FailureThreshold", strconv.Itoa(c.FailureThreshold), "at least 1")
	}
	if c.Probe == nil {
		wrong("Probe", "nil", "a function")
	}
	return errors.Join(errs...)
}

// validateChecks returns everything that is wrong with the checks, and among them.
func validateChecks(checks []Check) error {
	var errs []error
	for i, c := range checks {
		errs = append(errs, c.validate())
		if slices.ContainsFunc(checks[:i], c.sameAs) {
			errs = append(errs, fmt.Errorf("check %q: %w", c.Name, errNameTaken))
		}
	}
	return errors.Join(errs...)
}

func (c Check) sameAs(other Check) bool { return c.Name == other.Name && c.kind() == other.kind() }

func (c Check) kind() string { return cmp.Or(c.Kind, health.CheckOther) }

// withDefaults fills in what is left out.
func (c Check) withDefaults(interval time.Duration) Check {
	c.Kind = c.kind()
	c.Interval = cmp.Or(c.Interval, interval)
	c.Timeout = cmp.Or(c.Timeout, defaultCheckTimeout)
	c.FailureThreshold = cmp.Or(c.FailureThreshold, 1)
	return c
}

// AddCheck runs a check from now on, beside samples and probes: neither ever waits for one. Until its first run it is
// unknown. When it begins to fail, and when it passes again, that is published at once and logged; its last error, how
// long it took and since when it is as it is are shown to who may see more than the probes. remove ends it; a run that
// is under way may still go on for a moment. The error names everything that is wrong with the check.
func (m *Monitor) AddCheck(check Check) (remove func(), err error) {
	if err := check.validate(); err != nil {
		return nil, err
	}
	if m.disabled {
		return func() {}, nil
	}
	r := m.newCheckRunner(check)
	if err := m.addRunner(r, r.everyInterval); err != nil {
		return nil, fmt.Errorf("check %q: %w", check.Name, err)
	}
	return sync.OnceFunc(func() { m.removeRunner(r) }), nil
}

// addRunner starts r's goroutine, which runs loop, unless the name is taken or the monitor is shut down.
func (m *Monitor) addRunner(r *checkRunner, loop func(context.Context)) error {
	m.mu.Lock()
	switch {
	case m.closed:
		m.mu.Unlock()
		return errShutDown
	case slices.ContainsFunc(m.checks, func(other *checkRunner) bool { return r.check.sameAs(other.check) }):
		m.mu.Unlock()
		return errNameTaken
	}
	r.start(loop)
	m.checks = append(m.checks, r)
	sampled := m.latest != nil
	m.mu.Unlock()
	if sampled { // otherwise the first tick does both
		r.kick()
		m.republish()
	}
	return nil
}

func (m *Monitor) removeRunner(r *checkRunner) {
	m.mu.Lock()
	for i := range m.checks {
		if m.checks[i] == r {
			m.checks = append(m.checks[:i:i], m.checks[i+1:]...)
			break
		}
	}
	m.leaving = slices.DeleteFunc(m.leaving, func(other *checkRunner) bool { return hasEnded(other.stopped) })
	m.leaving = append(m.leaving, r)
	m.mu.Unlock()
	r.cancel()
	m.republish()
}

// newCheckRunner fills in what is left out of check. The runner waits for start.
func (m *Monitor) newCheckRunner(check Check) *checkRunner {
	return newCheckRunner(check.withDefaults(m.config.interval), m.config.checkTracer(), m.checkChanged)
}

// checkTracer returns one that makes no spans unless they are wanted.
func (c *config) checkTracer() trace.Tracer {
	if !c.checkSpans {
		return noop.NewTracerProvider().Tracer(health.Scope)
	}
	return c.tracerProvider.Tracer(health.Scope)
}

// checkChanged has the tick's goroutine republish, once for all the checks that change at about the same time, and logs
// when a check begins to fail and when it passes again.
func (m *Monitor) checkChanged(before health.Status, now health.CheckState) {
	select {
	case m.changed <- struct{}{}:
	default:
	}
	switch {
	case now.Status == health.Fail:
		m.logger.Warn("a check fails", "kind", now.Kind, "check", now.Name, "required", now.Required, "error", now.Error)
	case before == health.Fail:
		m.logger.Info("a check passes again", "kind", now.Kind, "check", now.Name, "required", now.Required)
	}
}
