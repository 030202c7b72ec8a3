package alerting

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// Alerter judges snapshots and keeps the alerts. It is a state machine without a clock: what it says depends on nothing
// but what it is given. Durations are counted by the snapshots' monotonic offset, so a wall clock that jumps changes
// none of its decisions. [New] makes one; its methods are safe for concurrent use.
type Alerter struct {
	mu       sync.Mutex
	rules    []*judgedRule
	silences map[string]*silence // by rule
	orphans  []orphan            // restored alerts that no rule takes on
	restored []*track            // with restored alerts, to be placed on the monotonic clock at the next step
	lastID   int64
	firstID  int64 // ids up to it are not of this alerter
	savedID  int64 // of those, ids above it are of no other either

	now     moment // of the last step
	stepped bool   // at least once
	began   time.Duration

	transitions []health.Transition // of the call that holds the lock
	states      int                 // of the last step, to size the next one's slice
}

// moment is an instant by both clocks.
type moment struct {
	wall   time.Time
	offset time.Duration
}

// Saved is what a store remembers of an earlier alerter.
type Saved struct {
	// Alerts are those that are not resolved, and those that are Held.
	Alerts []health.Alert
	// Silences are those last asked for, one a rule; those that are over do no harm.
	Silences []health.Silence
	// LastID is the highest id ever given to an alert.
	LastID int64
}

// Inventory says what is sampled at a tick, beside what was read.
type Inventory struct {
	// Sources are those that are registered. An alert whose source was there and no longer is, is resolved for that.
	Sources []Source
	// Histograms are the names of the histograms that were seen, which no rule can judge.
	Histograms []string
}

// Source is a registered source.
type Source struct {
	Kind string // health.SourceDatabase and the others
	Name string
}

// Result is what a snapshot means. It shares nothing with the alerter, so it may be published.
type Result struct {
	// Rules are the states of all rules, for the snapshot. Their Status is that of this sample alone.
	Rules []health.RuleState
	// Alerts are those that are pending or firing, in the order of the rules.
	Alerts []health.Alert
	// Transitions are what happened, in order. A store keeps each with the deliveries it causes.
	Transitions []health.Transition
	// FailsReadiness and FailsLiveness name the first rule that fails the probe; empty: none does. See [Rule.Affects].
	FailsReadiness, FailsLiveness string
	// Unsilenced are the rules whose silence has ended at this snapshot. A store forgets it.
	Unsilenced []string
	// Untracked counts the series that have no alert of their own because their rule has 100 already; nil: none.
	Untracked []health.Untracked
}

// New returns an alerter for the rules, in whose order it reports. The error joins everything that is wrong with them.
func New(rules []Rule) (*Alerter, error) {
	if err := ValidateRules(rules); err != nil {
		return nil, err
	}
	a := &Alerter{silences: make(map[string]*silence)}
	for _, r := range rules {
		a.rules = append(a.rules, newJudgedRule(r.withDefaults()))
	}
	return a, nil
}

// SkipIDs lets alerts have ids above last alone, where no store says which was the highest. Take something that grows
// from one process to the next, such as Unix milliseconds, so that receivers never see one id mean two alerts. It is
// called before the first step.
func (a *Alerter) SkipIDs(last int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lastID = max(a.lastID, last)
	a.firstID = a.lastID
}

// Restore gives the alerter what an earlier one left behind, as a rule before the first step. Firing alerts go on
// firing, pending ones go on waiting; the time in between counts, never as less than nothing. Alerts whose rule is gone,
// and all but one of several for the same rule and attributes, are resolved at the next step.
//
// When the store could not be read at first, Restore may come later, once, as long as [Alerter.SkipIDs] was given an id
// above all that the store may hold: alerts with a higher id are this alerter's own, and left as they are.
func (a *Alerter) Restore(saved Saved) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.savedID = max(a.savedID, saved.LastID)
	if !a.stepped {
		a.lastID = max(a.lastID, saved.LastID)
	}
	for _, s := range saved.Silences {
		if a.silences[s.Rule] == nil {
			a.silences[s.Rule] = &silence{Silence: s, restored: true}
		}
	}
	alerts := slices.Clone(saved.Alerts)
	slices.SortFunc(alerts, func(x, y health.Alert) int { return cmp.Compare(x.ID, y.ID) })
	for i := range alerts {
		switch alert := &alerts[i]; {
		case !alert.Open() && !alert.Held:
		case a.stepped && alert.ID > a.firstID:
		default:
			a.lastID, a.savedID = max(a.lastID, alert.ID), max(a.savedID, alert.ID)
			a.adopt(alert)
		}
	}
	if !a.stepped {
		a.firstID = a.lastID
	}
}

// orphan is a restored alert that is to be resolved at the next step.
type orphan struct {
	alert *health.Alert
	cause health.Cause
}

func (a *Alerter) adopt(alert *health.Alert) {
	r := a.rule(alert.Rule)
	if r == nil || r.Metric != alert.Metric || !r.couldJudge(alert.Attributes) {
		a.orphans = append(a.orphans, orphan{alert, health.CauseRuleGone})
		return
	}
	t := r.restored(alert)
	switch {
	case t == nil:
		a.orphans = append(a.orphans, orphan{alert, health.CauseRuleGone}) // the rule has as many as it may
		return
	case t.alert != nil && (!a.stepped || !alert.Open() || !t.alert.Open()):
		a.orphans = append(a.orphans, orphan{alert, health.CauseDuplicate})
		return
	case t.alert != nil: // opened while the store could not be read
		a.orphans = append(a.orphans, orphan{t.alert, health.CauseDuplicate})
		take(alert, t.alert)
	}
	t.alert = alert
	a.restored = append(a.restored, t)
	if alert.Open() && alert.Silenced() && a.silences[r.Name] == nil {
		a.silences[r.Name] = &silence{Silence: health.Silence{Rule: r.Name, Until: alert.SilencedUntil}, restored: true}
	}
}

// take lets a restored alert go on with what its twin of this process has seen, and with who has taken that on.
func take(alert, twin *health.Alert) {
	alert.Peak, alert.Lowest = max(alert.Peak, twin.Peak), min(alert.Lowest, twin.Lowest)
	alert.Breaches += twin.Breaches
	if twin.Acknowledged() {
		alert.AcknowledgedAt, alert.AcknowledgedBy, alert.Note = twin.AcknowledgedAt, twin.AcknowledgedBy, twin.Note
	}
}

// Step judges a snapshot, of which it reads Time, Offset, Metrics and Failures. Snapshots come in the order of their
// offsets, each once.
func (a *Alerter) Step(s *health.Snapshot, inventory Inventory) Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = moment{s.Time, s.Offset}
	if !a.stepped {
		a.stepped, a.began = true, a.now.offset
	}
	a.place()
	c := collation{snapshot: s, inventory: inventory}
	c.result.Rules = make([]health.RuleState, 0, a.states)
	for _, r := range a.rules {
		a.stepRule(r, &c)
	}
	c.result.Unsilenced = a.endSilences()
	a.states = len(c.result.Rules)
	c.result.Alerts = a.open()
	c.result.Transitions = a.taken()
	return c.result
}

// place puts what was restored on this process's monotonic clock.
func (a *Alerter) place() {
	for _, t := range a.restored {
		if t.alert != nil { // nobody has resolved it since
			t.anchor(t.rule, a.now)
		}
	}
	for rule, s := range a.silences {
		switch {
		case !s.restored:
		case s.remaining(a.now.wall) == 0:
			s.deadline, s.restored = a.now.offset, false // what was silenced by it is told at the end of this step
		default:
			s.deadline, s.restored = a.now.offset+s.remaining(a.now.wall), false
			a.silenceOpen(rule, s.Silence)
		}
	}
	for _, o := range a.orphans {
		a.end(o.alert, o.cause)
	}
	a.restored, a.orphans = nil, nil
}

// silenceOpen silences the alerts that opened before the silence was restored.
func (a *Alerter) silenceOpen(rule string, s health.Silence) {
	r := a.rule(rule)
	if r == nil {
		return
	}
	for _, t := range r.tracks {
		if t.alert != nil && t.alert.Open() && !t.alert.Silenced() {
			t.alert.SilencedUntil = s.Until
			a.emit(t.alert, health.Transition{Kind: health.TransitionSilenced, Time: a.now.wall, By: s.By})
		}
	}
}

// Open returns the alerts that are pending or firing, in the order of the rules. A store that saves them from time to
// time keeps their numbers current across a crash; without, they are as of the last transition.
func (a *Alerter) Open() []health.Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open()
}

func (a *Alerter) open() []health.Alert {
	var open []health.Alert
	for _, r := range a.rules {
		for _, t := range r.tracks {
			if t.alert != nil && t.alert.Open() {
				open = append(open, *t.alert)
			}
		}
	}
	return open
}

// Firing returns how many of the alerts fire at each severity: the values of health.MetricAlertFiring.
func Firing(alerts []health.Alert) (warn, fail int) {
	for i := range alerts {
		switch {
		case alerts[i].State != health.AlertFiring:
		case alerts[i].Severity == health.Fail:
			fail++
		default:
			warn++
		}
	}
	return warn, fail
}

// emit notes a transition of the alert, which is as it is afterwards.
func (a *Alerter) emit(alert *health.Alert, t health.Transition) {
	alert.Changes++
	t.Number = alert.Changes
	t.Alert = *alert
	a.transitions = append(a.transitions, t)
}

// happened notes a transition that no person caused.
func (a *Alerter) happened(kind health.TransitionKind, alert *health.Alert) {
	a.emit(alert, health.Transition{Kind: kind, Time: a.now.wall})
}

// end resolves the alert for that cause, or lets go of a held one.
func (a *Alerter) end(alert *health.Alert, cause health.Cause) {
	if alert.Held {
		alert.Held = false
		a.happened(health.TransitionReleased, alert)
		return
	}
	alert.State, alert.Cause, alert.ResolvedAt = health.AlertResolved, cause, a.now.wall
	unacknowledge(alert)
	a.happened(health.TransitionResolved, alert)
}

// taken returns the transitions of this call.
func (a *Alerter) taken() []health.Transition {
	taken := a.transitions
	a.transitions = nil
	return taken
}

func (a *Alerter) rule(name string) *judgedRule {
	for _, r := range a.rules {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// since returns the time from one instant to another by the wall clock, and 0 when the other is the earlier.
func since(from, to time.Time) time.Duration { return max(to.Sub(from), 0) }

func unacknowledge(alert *health.Alert) {
	alert.AcknowledgedAt, alert.AcknowledgedBy, alert.Note = time.Time{}, "", ""
}
