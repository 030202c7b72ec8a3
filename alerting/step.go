package alerting

import (
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// collation is one step on its way.
type collation struct {
	snapshot  *health.Snapshot
	inventory Inventory
	result    Result
}

// has reports whether a source of that kind is registered, of that name unless it is empty.
func (c *collation) has(kind, name string) bool {
	for i := range c.inventory.Sources {
		s := &c.inventory.Sources[i]
		if s.Kind == kind && (name == "" || s.Name == name) {
			return true
		}
	}
	return false
}

// failure returns the first failure that concerns the rule, or nil.
func (c *collation) failure(r *judgedRule) *health.Failure {
	if r.Source == "" {
		return nil
	}
	for i := range c.snapshot.Failures {
		if f := &c.snapshot.Failures[i]; r.concerns(f) {
			return f
		}
	}
	return nil
}

// isHistogram reports whether the name was seen to be a histogram.
func (c *collation) isHistogram(metric string) bool {
	return slices.Contains(c.inventory.Histograms, metric)
}

// metric returns what the rule judges, or nil.
func (c *collation) metric(r *judgedRule) *health.Metric {
	for i := range c.snapshot.Metrics {
		m := &c.snapshot.Metrics[i]
		if m.Name == r.Metric && (r.Scope == "" || r.Scope == m.Scope) {
			return m
		}
	}
	return nil
}

// stepRule judges everything that the rule judges.
func (a *Alerter) stepRule(r *judgedRule, c *collation) {
	if r.Source != "" && !c.has(r.Source, r.SourceName) {
		a.leaveOut(r)
		return
	}
	r.seen = true
	m := c.metric(r)
	if m != nil {
		r.learnUnit(m.Unit)
	}
	if r.Per == Sum {
		a.stepSum(r, m, c)
	} else {
		a.stepEach(r, m, c)
	}
	if r.untracked > 0 {
		c.result.Untracked = append(c.result.Untracked, health.Untracked{Rule: r.Name, Count: r.untracked})
	}
}

// leaveOut deals with a rule that has no source: its alerts end, unless they were restored and the source may still be
// registered.
func (a *Alerter) leaveOut(r *judgedRule) {
	if !a.isGone(r, r.seen) {
		return
	}
	for _, t := range r.tracks {
		a.drop(t, health.CauseSourceGone)
	}
	r.clear()
}

// isGone reports whether a source that is not registered is gone for good: it was there, or had its time to come.
func (a *Alerter) isGone(r *judgedRule, seen bool) bool {
	return seen || a.now.offset-a.began >= r.NoDataAfter
}

// drop ends the track's alert.
func (a *Alerter) drop(t *track, cause health.Cause) {
	if t.alert != nil {
		a.end(t.alert, cause)
		t.forget()
	}
}

func (a *Alerter) stepSum(r *judgedRule, m *health.Metric, c *collation) {
	var j judgement
	value := r.sum(m)
	if value.Known() && r.Measure == RatePerMinute {
		value = r.whole.rate(value, a.now.offset)
		j = r.judge(c.snapshot, value, nil)
		if !value.Known() {
			j.reason = noEarlier
		}
	} else {
		j = r.judge(c.snapshot, value, nil)
	}
	if f := c.failure(r); f != nil {
		j = r.lacking(j, f)
		r.whole.dropRate()
	}
	if !value.Known() && c.isHistogram(r.Metric) {
		j.reason = isHistogram
	}
	a.conclude(r, r.whole, j, c)
}

func (a *Alerter) stepEach(r *judgedRule, m *health.Metric, c *collation) {
	r.step++
	r.untracked = 0
	before := len(c.result.Rules)
	if m != nil {
		for i := range m.Readings {
			if matches(&m.Readings[i].Attributes, r.Where) {
				a.stepReading(r, &m.Readings[i], c)
			}
		}
	}
	a.stepFailures(r, c)
	a.stepAbsent(r, c)
	if len(c.result.Rules) > before || r.Source != "" {
		r.whole.since = time.Time{}
		return
	}
	reason := noReading
	if c.isHistogram(r.Metric) {
		reason = isHistogram
	}
	a.report(r, r.whole, r.missing(c.snapshot, attribute.EmptySet(), reason), c)
}

func (a *Alerter) stepReading(r *judgedRule, reading *health.Reading, c *collation) {
	value, set := health.Number(reading.Value), &reading.Attributes
	t := r.track(set)
	if t == nil {
		// There is no room. A breach is worth more than what another series is remembered for.
		if r.Measure == Value && isBreach(r.judge(c.snapshot, value, set).status) {
			t = a.makeRoom(r, set)
		}
		if t == nil {
			r.untracked++
			return
		}
	}
	t.step, t.seen = r.step, true
	reason := ""
	if value.Known() && r.Measure == RatePerMinute {
		value, reason = t.rate(value, a.now.offset), noEarlier
	}
	j := r.judge(c.snapshot, value, set)
	if !value.Known() && reason != "" {
		j.reason = reason
	}
	a.conclude(r, t, j, c)
}

// makeRoom makes a track in the place of one that is worth less, if there is such.
func (a *Alerter) makeRoom(r *judgedRule, set *attribute.Set) *track {
	spare := r.leastWorth()
	if spare == nil {
		return nil
	}
	if spare.alert != nil {
		a.end(spare.alert, health.CausePerson)
		spare.forget()
	}
	spare.idle = true
	r.compact()
	return r.track(set)
}

// stepFailures shows the series of the sources that fail.
func (a *Alerter) stepFailures(r *judgedRule, c *collation) {
	for i := range c.snapshot.Failures {
		f := &c.snapshot.Failures[i]
		if !r.concerns(f) || r.SourceKey == "" {
			continue
		}
		reason := fmt.Sprintf(givesNothing, f.Kind, f.Source)
		known := false
		for _, t := range r.tracks {
			if t.source != f.Source {
				continue
			}
			known = true
			if t.step != r.step {
				t.step, t.seen = r.step, true
				a.conclude(r, t, r.missing(c.snapshot, &t.set, reason), c)
			}
		}
		if known {
			continue
		}
		if t := r.placeholder(f.Source); t != nil {
			t.step = r.step
			a.conclude(r, t, r.missing(c.snapshot, &t.set, reason), c)
		}
	}
}

// stepAbsent deals with the series that have no reading and no failure to explain it.
func (a *Alerter) stepAbsent(r *judgedRule, c *collation) {
	others := slices.ContainsFunc(r.tracks, func(t *track) bool { return t.step == r.step })
	for _, t := range r.tracks {
		switch {
		case t.step == r.step:
		case t.alert == nil:
			t.idle = true
		case r.SourceKey != "" && t.source != "" && !c.has(r.Source, t.source):
			if a.isGone(r, t.seen) {
				a.drop(t, health.CauseSourceGone)
				t.idle = true
			}
		case t.alert.Open() && !t.seen && len(t.attributes) == 0 && others:
			a.drop(t, health.CauseRuleGone) // it judged a sum in the process before
			t.idle = true
		case t.alert.Open():
			a.conclude(r, t, r.missing(c.snapshot, &t.set, noReading), c)
		}
	}
	r.compact()
}

// conclude lets the judgement change the track's alert, and reports the rule's state.
func (a *Alerter) conclude(r *judgedRule, t *track, j judgement, c *collation) {
	a.observe(r, t, j)
	a.report(r, t, j, c)
	if j.status != health.Fail || !t.hasFailed(r, a.now) {
		return
	}
	if r.Affects&Readiness != 0 && c.result.FailsReadiness == "" {
		c.result.FailsReadiness = r.Name
	}
	if r.Affects&Liveness != 0 && c.result.FailsLiveness == "" {
		c.result.FailsLiveness = r.Name
	}
}

func (a *Alerter) report(r *judgedRule, t *track, j judgement, c *collation) {
	if j.status != t.status || t.since.IsZero() {
		t.status, t.since, t.stands = j.status, a.now.wall, a.now.offset
		if !t.judged {
			t.since = t.statusSince(a.now)
		}
	}
	t.judged = t.judged || j.status != health.Unknown
	if j.status == health.Unknown && a.now.offset-t.stands >= r.NoDataAfter {
		j.reason += fmt.Sprintf("; no data for more than %v", r.NoDataAfter)
	}
	attributes := t.attributes
	if t == r.whole {
		attributes = r.where
	}
	c.result.Rules = append(c.result.Rules, health.RuleState{
		Name: r.Name, Instance: t.instance, Metric: r.Metric, Attributes: attributes, Unit: r.unit, Below: r.Direction == Below,
		Value: j.value, Warn: j.warn, Fail: j.fail,
		Status: j.status, Since: t.since, Reason: j.reason,
	})
}

func isBreach(s health.Status) bool { return s == health.Warn || s == health.Fail }
