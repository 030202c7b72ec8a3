package alerting

import (
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// Rule says when a metric's value is an alert. The zero value of each field is its default; Name, Metric and one of
// Warn and Fail are needed. A Rule is data: [New] checks it.
type Rule struct {
	// Name identifies the rule in alerts, settings and metrics. It is unique, has at most 100 bytes, and holds neither
	// white space, comma nor control character.
	Name string
	// Metric is the metric to judge: a gauge or a sum, of this module or of the application. A histogram holds no
	// single number: the rule then stays unknown, and says why.
	Metric string
	// Scope is the instrumentation scope that emits Metric; empty: the first that does.
	Scope string
	// Where narrows the readings down to those that bear all of these attributes.
	Where []attribute.KeyValue
	// Per says whether the readings are summed, or each set of attributes has an alert of its own.
	Per Grouping
	// Measure says what of the value is compared: itself, or how fast it changes.
	Measure Measure
	// Direction says on which side of a threshold the value breaches.
	Direction Direction

	// Warn and Fail are the thresholds of both levels; a value equal to one breaches it. The zero value switches a level
	// off.
	Warn, Fail Threshold
	// Clear is what the value must be better than to count as healthy once the alert is open; by default Warn, or Fail
	// where Warn is off. Between Clear and the threshold an alert neither starts nor ends.
	Clear Threshold

	// For is how long the value must breach before the alert fires, and how long it must be at the fail level before the
	// alert fires at fail; 0: it fires at the first sample.
	For time.Duration
	// Breaches and Within make the alert wait until so many of the last so many samples breached; 0: one of one. With
	// Within above one a healthy sample in between does not end the wait. Missing samples do not count. Within is at
	// most 64.
	Breaches, Within int
	// KeepFiringFor is the least time from the last breach until the alert resolves or de-escalates.
	KeepFiringFor time.Duration
	// ResolveAfter is how many healthy samples in a row it takes to resolve, and how many below the fail level to
	// de-escalate; 0: three.
	ResolveAfter int
	// NoDataAfter is how long readings may be missing until that is reported; 0: five minutes.
	NoDataAfter time.Duration

	// Affects says which probes fail while the rule fails: while the value is at the fail level now and has been for as
	// long and as often as the alert needs to fire. What people do to the alert does not change that, nor do
	// KeepFiringFor and ResolveAfter prolong it.
	Affects Affects

	// Source is the kind of sources that give the readings (health.SourceDatabase and the others); empty: none in
	// particular. Without a registered one the rule is left out and its alert resolved. While one fails, a sum that lacks
	// its part may raise an alarm, but not pass.
	Source string
	// SourceName narrows Source down to one source; empty: all of that kind.
	SourceName string
	// SourceKey is the attribute that bears the source's name. With Per AttributeSet it tells which source a series
	// belongs to.
	SourceKey attribute.Key
}

// Grouping says what a rule does with several readings of its metric.
type Grouping uint8

// The groupings.
const (
	Sum          Grouping = iota // judges the sum of the readings
	AttributeSet                 // judges each reading, which has an alert of its own
)

// Measure says what a rule compares with its thresholds.
type Measure uint8

// The measures.
const (
	Value         Measure = iota // the reading itself
	RatePerMinute                // the change since the sample before, per minute; unknown at the first
)

// Direction says which side of a threshold is the bad one.
type Direction uint8

// The directions. Both include the threshold itself.
const (
	Above Direction = iota // the value breaches at or above the threshold
	Below                  // the value breaches at or below the threshold
)

// Affects says which probes a failing rule fails. Values may be combined with |.
type Affects uint8

// What a rule may affect. By default it shows its status and lowers the whole to warn.
const (
	Readiness Affects = 1 << iota
	Liveness

	Nothing Affects = 0
)

// Threshold is one level of a rule. The zero value is switched off.
type Threshold struct {
	value float64
	of    string
	set   bool
}

// At returns the threshold at value, in the metric's unit; per minute where the rule measures a rate.
func At(value float64) Threshold { return Threshold{value: value, set: true} }

// ShareOf returns the threshold at a share of what another metric reads, 0 to 1 for a limit. For a rule that judges each
// reading that is the limit's reading whose attributes the judged one has too, the one with the most of them: a pool's
// own maximum, or the one limit of all. For a rule that judges a sum it is the sum of the limit's readings, less those
// that contradict Where. While there is none, the rule is unknown.
func ShareOf(limit string, share float64) Threshold {
	return Threshold{value: share, of: limit, set: true}
}

// On reports whether the level is switched on.
func (t Threshold) On() bool { return t.set }

// resolve returns the threshold as a number; unknown when it is off or the limit that it is a share of is.
func (t Threshold) resolve(limit health.Number) health.Number {
	switch {
	case !t.set:
		return health.UnknownNumber()
	case t.of == "":
		return health.Number(t.value)
	default:
		return health.Number(t.value) * limit
	}
}

// Limits and defaults of rules.
const (
	maxName             = 100
	maxWithin           = 64
	maxResolveAfter     = 10_000
	defaultResolveAfter = 3
	defaultNoDataAfter  = 5 * time.Minute
)

// withDefaults returns r with the defaults in place of the zero values.
func (r Rule) withDefaults() Rule {
	if r.Breaches == 0 {
		r.Breaches = 1
	}
	r.Within = max(r.Within, r.Breaches)
	if r.ResolveAfter == 0 {
		r.ResolveAfter = defaultResolveAfter
	}
	if r.NoDataAfter == 0 {
		r.NoDataAfter = defaultNoDataAfter
	}
	if !r.Clear.set {
		r.Clear = r.lowest()
	}
	return r
}

// lowest is the threshold at which the value begins to breach.
func (r *Rule) lowest() Threshold {
	if r.Warn.set {
		return r.Warn
	}
	return r.Fail
}

// breaches reports whether the value is at the threshold or beyond. Neither an unknown value nor an unknown threshold
// breaches.
func (r *Rule) breaches(value, threshold health.Number) bool {
	if r.Direction == Below {
		return value <= threshold
	}
	return value >= threshold
}
