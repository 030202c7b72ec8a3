package health

import (
	"iter"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// Snapshot is everything the monitor knew at one instant. It is immutable: neither who publishes it nor who reads it
// changes it or what it points to, so it may be shared between goroutines without a lock.
type Snapshot struct {
	Sequence uint64        // counts ticks from 1; a gap never occurs
	Time     time.Time     // when it was sampled: wall time, UTC, whole milliseconds
	Offset   time.Duration // the same instant, monotonic, since the monitor started; durations are counted by it
	Interval time.Duration // time between ticks
	Metrics  []Metric      // every reading, in the order in which they were collected
	Rules    []RuleState   // what each rule says, in the order of the rules
	Checks   []CheckState  // what each check found last, in the order of their registration
	Alerts   []Alert       // those that are pending or firing, in the order of the rules
	Stuck    []Stuck       // what [MetricStuck] counts
	Failures []Failure     // the sources that gave no reading at this tick
	Silences []Silence     // those in force, in the order of the rules

	Untracked []Untracked // series that are not judged because their rule has as many as it may

	History      *HistoryState      // nil: none is kept
	OTLP         *OTLPState         // nil: nothing is exported
	Destinations []DestinationStats // of notifications, in the order of their configuration

	Overall   Status  // the worst of the rules and checks
	Liveness  Verdict // Pass, or Fail when the process cannot recover by itself
	Readiness Verdict // Pass, Warn, or Fail when it should receive no requests
}

// Metric is one metric with its readings, one for each set of attributes.
type Metric struct {
	Name     string
	Unit     string
	Scope    string // the instrumentation scope that emitted it
	Readings []Reading
}

// Reading is one number under its metric's name.
type Reading struct {
	Attributes attribute.Set
	Value      float64
}

// Verdict answers one probe. Reason is empty on Pass.
type Verdict struct {
	Status Status
	Reason string
}

// RuleState is what one rule says at one instant.
type RuleState struct {
	Name       string      // unique together with Instance
	Instance   string      // what the rule judged where it judges several things: a pool's name
	Metric     string      // the judged metric
	Attributes []Attribute // of the judged series; of a sum, those that all of its series bear
	Unit       string      // of every value here, UCUM; with "/min" when the rule judges a rate; empty until a reading told it
	Below      bool        // the rule breaches at or below its thresholds, rather than at or above
	Value      Number      // in the metric's unit; unknown without a reading
	Warn       Number      // threshold in the metric's unit; unknown when switched off or when its limit is
	Fail       Number      // likewise
	Status     Status      // Unknown without a reading
	Since      time.Time   // when it first had this status; of a breach that an earlier process saw begin, its beginning
	Reason     string      // why Status is Unknown
}

// CheckState is what a check found when it last ran. A check runs in the background, never for a request.
type CheckState struct {
	Name     string
	Kind     string // [CheckDatabase], [CheckDisk], [CheckOther], or one of the user's own
	Required bool   // readiness fails while it fails, or is unknown
	Status   Status // Unknown before it has run, and until enough failures in a row decide it
	Time     time.Time
	Duration time.Duration
	Since    time.Time // when it first had this status
	Error    string    // of the last run, also where it does not count yet; may hold what a driver said, so only for who is authorised
}

// Stuck is something that no longer moves: a heartbeat that is overdue, or an OS thread in uninterruptible sleep.
type Stuck struct {
	Kind  string    // [StuckHeartbeat] or [StuckOSThread]
	ID    int64     // the thread's id, or the heartbeat's number
	Name  string    // the heartbeat's name, or "thread" and its id
	Since time.Time // the last beat, or the first look at which the thread slept
	Vital bool      // a vital heartbeat: liveness fails
}

// Untracked is how many series of one rule are not judged.
type Untracked struct {
	Rule  string
	Count int
}

// Failure is a source that gave no reading: it hung, panicked or returned an error.
type Failure struct {
	Source string
	Kind   string // "database", "websocket", "source", "process", "application"
	Error  string // may hold what user code said, so only for who is authorised
}

// Find returns the metric of that name, and false when the snapshot holds none. Where several scopes emit one name it
// returns the first.
func (s *Snapshot) Find(name string) (Metric, bool) {
	for i := range s.Metrics {
		if s.Metrics[i].Name == name {
			return s.Metrics[i], true
		}
	}
	return Metric{}, false
}

// Value returns the sum of the metric's readings, and unknown when there are none.
func (s *Snapshot) Value(name string) Number {
	m, _ := s.Find(name)
	return m.Sum()
}

// All returns the readings of the metric.
func (s *Snapshot) All(name string) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		m, _ := s.Find(name)
		for _, r := range m.Readings {
			if !yield(r) {
				return
			}
		}
	}
}

// Rule returns the state of the first rule of that name.
func (s *Snapshot) Rule(name string) (RuleState, bool) {
	for i := range s.Rules {
		if s.Rules[i].Name == name {
			return s.Rules[i], true
		}
	}
	return RuleState{}, false
}

// Sum returns the sum of the readings, and unknown when there are none.
func (m Metric) Sum() Number {
	if len(m.Readings) == 0 {
		return UnknownNumber()
	}
	var sum float64
	for _, r := range m.Readings {
		sum += r.Value
	}
	return Number(sum)
}

// Attribute returns the value of a string attribute, and "" when the reading has none of that key.
func (r Reading) Attribute(key string) string {
	v, _ := r.Attributes.Value(attribute.Key(key))
	return v.AsString()
}

// ruleStatus is what the rule says. Where the rule is switched off a reading passes, and without one it is Unknown: the
// platform has nothing to judge.
func (s *Snapshot) ruleStatus(rule, metric string) Status {
	if r, ok := s.Rule(rule); ok {
		return r.Status
	}
	if s.Value(metric).Known() {
		return Pass
	}
	return Unknown
}

// total is what the rule made of a sum over sources. Without any source it is zero, and healthy.
func (s *Snapshot) total(rule, metric string) (Number, Status) {
	if r, ok := s.Rule(rule); ok {
		return r.Value, r.Status
	}
	if sum := s.Value(metric); sum.Known() {
		return sum, Pass // the rule is switched off
	}
	return 0, Pass
}

// memoryPercent is the resident memory's share of the system's memory, in percent.
func (s *Snapshot) memoryPercent() Number {
	return (s.Value(MetricMemoryRSS).Over(s.Value(MetricMemorySystem)) * 100).round(2)
}

func inMiB(n Number) Number { return (n / mib).round(3) }
