package otelhealth

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"

	"github.com/otelhealth/otelhealth-go/health"
)

// component is what a built-in rule judges: one row of the table behind the HEALTH_…_THRESHOLD settings.
type component struct {
	name    string // the rule's
	setting string // HEALTH_<setting>_WARNING_THRESHOLD
	metric  string // judged
	limit   string // metric that a share is a share of; "" when there is no limit
	unit    string // of a setting, in words
	scale   float64
	warn    string // defaults, as a setting would say them
	fail    string
}

func components() []component {
	fdWarn, fdFail := "700", "900"
	if runtime.GOOS == "windows" { // handles, of which a process has more
		fdWarn, fdFail = "5000", "10000"
	}
	return []component{
		{name: health.RuleFD, setting: "FD", metric: health.MetricFDCount, limit: health.MetricFDLimit, unit: "descriptors", warn: fdWarn, fail: fdFail},
		{name: health.RuleMemory, setting: "MEMORY", metric: health.MetricMemoryRSS, limit: health.MetricMemoryLimit, unit: "MiB", scale: 1 << 20, warn: "500", fail: "1000"},
		{name: health.RuleDatabase, setting: "DB", metric: health.MetricPoolCount, unit: "connections", warn: "10", fail: "20"},
		{name: health.RuleWebSocket, setting: "WS", metric: health.MetricWSConnections, unit: "connections", warn: "10", fail: "20"},
		{name: health.RuleThreads, setting: "THREAD", metric: health.MetricThreads, unit: "threads", warn: "50", fail: "100"},
		{name: health.RuleGoroutines, setting: "GOROUTINE", metric: health.MetricGoroutines, unit: "goroutines", warn: "10000", fail: "50000"},
		{name: health.RuleStuck, setting: "STUCK", metric: health.MetricStuck, unit: "stuck threads and heartbeats", warn: "1", fail: "off"},
		{name: health.RulePool, setting: "POOL", metric: health.MetricPoolUtil, limit: health.MetricPoolMax, unit: "used connections over the maximum (0 to 1)", warn: "80%", fail: "95%"},
	}
}

func componentNames() []string {
	var names []string
	for _, c := range components() {
		names = append(names, c.name)
	}
	return names
}

// threshold is one level of a rule. The zero value is switched off.
type threshold struct {
	set   bool
	share bool    // value is a share of the limit, 0 to 1
	value float64 // in the metric's unit, or a share
}

// thresholds are both levels of one component, with what the settings said, for errors.
type thresholds struct {
	warn, fail         threshold
	warnText, failText string
}

const (
	warningSetting  = "HEALTH_%s_WARNING_THRESHOLD"
	criticalSetting = "HEALTH_%s_CRITICAL_THRESHOLD"
)

func (c component) warningName() string  { return fmt.Sprintf(warningSetting, c.setting) }
func (c component) criticalName() string { return fmt.Sprintf(criticalSetting, c.setting) }

// settings are the component's two rows in the table of settings.
func (c component) settings() []setting {
	meaning := func(level string) string {
		text := level + " when " + c.metric + ", in " + c.unit + ", is at least this; "
		switch {
		case c.scale != 0:
			return text + "a number, a size such as 1GiB, a share of the limit such as 70%, or off."
		case c.limit != "":
			return text + "a number, a share of the limit such as 70%, or off."
		default:
			return text + "a number, or off."
		}
	}
	return []setting{
		{c.warningName(), c.warn, meaning("Warns"), func(cfg *config, value string) (err error) {
			t := cfg.thresholds[c.name]
			t.warn, err = c.parse(value)
			t.warnText = value
			cfg.thresholds[c.name] = t
			return err
		}},
		{c.criticalName(), c.fail, meaning("Fails"), func(cfg *config, value string) (err error) {
			t := cfg.thresholds[c.name]
			t.fail, err = c.parse(value)
			t.failText = value
			cfg.thresholds[c.name] = t
			return err
		}},
	}
}

// defaults are the component's thresholds where no setting says otherwise.
func (c component) defaults() thresholds {
	warn, errWarn := c.parse(c.warn)
	fail, errFail := c.parse(c.fail)
	if err := errors.Join(errWarn, errFail); err != nil {
		panic("defaults of " + c.name + ": " + err.Error()) // the table above is wrong
	}
	return thresholds{warn, fail, c.warn, c.fail}
}

// byteUnits may follow a threshold of memory.
var byteUnits = map[string]float64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

// parse reads a threshold: "700", "70%", "off", and for memory also "512MiB".
func (c component) parse(text string) (threshold, error) {
	text = strings.TrimSpace(text)
	if text == "off" {
		return threshold{}, nil
	}
	digits := strings.TrimRight(text, "%ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz ")
	unit := strings.TrimSpace(text[len(digits):])
	value, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsInf(value, 0) || value <= 0 {
		return threshold{}, c.want()
	}
	switch {
	case unit == "%" && c.limit == "":
		return threshold{}, fmt.Errorf("%w; there is no limit to take a share of", c.want())
	case unit == "%" && value > 100:
		return threshold{}, fmt.Errorf("%w; a share is at most 100%%", c.want())
	case unit == "%":
		return threshold{set: true, share: true, value: value / 100}, nil
	case unit == "" && c.metric == health.MetricPoolUtil && value > 1:
		return threshold{}, fmt.Errorf("%w; more than 1 is never reached", c.want())
	case unit == "":
		return threshold{set: true, value: value * cmp.Or(c.scale, 1)}, nil
	case c.scale != 0 && byteUnits[unit] != 0:
		return threshold{set: true, value: value * byteUnits[unit]}, nil
	default:
		return threshold{}, fmt.Errorf("%w; %q is not a unit here", c.want(), unit)
	}
}

func (c component) want() error {
	switch {
	case c.scale != 0:
		return errors.New("a number of " + c.unit + ", a number with B, KiB, MiB, GiB or TiB, a share of the limit such as 70%, or off")
	case c.limit != "":
		return errors.New("a number of " + c.unit + ", a share of the limit such as 70%, or off")
	default:
		return errors.New("a number of " + c.unit + ", or off")
	}
}

// check compares two numbers, or two shares.
func (c component) check(t thresholds) error {
	if t.warn.set && t.fail.set && t.warn.share == t.fail.share && t.warn.value > t.fail.value {
		return c.contradiction(t)
	}
	return nil
}

// checkBeside compares a number with a share of the limit.
func (c component) checkBeside(t thresholds, limit health.Number) error {
	warn, fail := t.warn.resolve(c, limit), t.fail.resolve(c, limit)
	if t.warn.share != t.fail.share && warn > fail { // never when either is unknown
		return c.contradiction(t)
	}
	return nil
}

func (c component) contradiction(t thresholds) error {
	return settingError(c.warningName(), strconv.Quote(t.warnText), fmt.Errorf("at most %s, which is %q", c.criticalName(), t.failText))
}

// resolve returns the threshold in the metric's unit; unknown when it is off, or a share of an unknown limit.
func (t threshold) resolve(c component, limit health.Number) health.Number {
	switch {
	case !t.set:
		return health.UnknownNumber()
	case !t.share, c.metric == health.MetricPoolUtil: // utilization is a share already
		return health.Number(t.value)
	default:
		return health.Number(t.value) * limit
	}
}
