package otelhealth

import (
	"fmt"
	"slices"

	"github.com/otelhealth/otelhealth-go/health"
)

// judge says of one snapshot what each built-in rule makes of it. It has no clock and no memory but the rules' states
// of the snapshot before, from which it takes since when a status stands.
type judge struct {
	components []component
	thresholds map[string]thresholds
	absent     map[string]bool // metrics that this platform does not have: their rules are left out
}

// rules judges s, of which sources of the given kinds are registered. before is the snapshot before it, or nil.
func (j judge) rules(s *health.Snapshot, kinds map[string]bool, before *health.Snapshot) []health.RuleState {
	states := make([]health.RuleState, 0, len(j.components))
	for _, c := range j.components {
		if j.absent[c.metric] || c.source != "" && !kinds[c.source] {
			continue
		}
		if c.instance != "" {
			states = append(states, j.each(c, s)...)
		} else {
			states = append(states, j.sum(c, s))
		}
	}
	for i := range states {
		states[i].Since = s.Time
		if old := sameRule(&states[i], i, before); old != nil && old.Status == states[i].Status {
			states[i].Since = old.Since
		}
	}
	return states
}

// sum judges the sum of the metric's readings.
func (j judge) sum(c component, s *health.Snapshot) health.RuleState {
	limit := health.UnknownNumber()
	if c.limit != "" {
		limit = s.Value(c.limit)
	}
	state := j.compare(c, s.Value(c.metric), limit)
	if failed := failedSource(s, c.source); failed != "" && state.Status == health.Pass {
		// The sum lacks a part: enough for an alarm, too little to call it healthy.
		state.Status, state.Value = health.Unknown, health.UnknownNumber()
		state.Reason = fmt.Sprintf("%s %q gives no reading", c.source, failed)
	}
	return state
}

// each judges every reading of the metric by itself.
func (j judge) each(c component, s *health.Snapshot) []health.RuleState {
	var states []health.RuleState
	for r := range s.All(c.metric) {
		state := j.compare(c, health.Number(r.Value), health.UnknownNumber())
		state.Instance = r.Attribute(c.instance)
		states = append(states, state)
	}
	for _, f := range s.Failures {
		if f.Kind == c.source {
			state := j.compare(c, health.UnknownNumber(), health.UnknownNumber())
			state.Instance = f.Source
			states = append(states, state)
		}
	}
	return states
}

// compare is where a status comes from: a value at or above a threshold has reached it.
func (j judge) compare(c component, value, limit health.Number) health.RuleState {
	t := j.thresholds[c.name]
	state := health.RuleState{
		Name: c.name, Metric: c.metric, Value: value,
		Warn: t.warn.resolve(c, limit), Fail: t.fail.resolve(c, limit),
	}
	switch {
	case !value.Known():
		state.Reason = "no reading"
	case state.Fail.Known() && value >= state.Fail:
		state.Status = health.Fail
	case t.fail.set && !state.Fail.Known():
		state.Reason = "the limit that the threshold is a share of is unknown"
	case state.Warn.Known() && value >= state.Warn:
		state.Status = health.Warn
	case t.warn.set && !state.Warn.Known():
		state.Reason = "the limit that the threshold is a share of is unknown"
	default:
		state.Status = health.Pass
	}
	return state
}

// failedSource returns the first source of that kind that gave no reading, or "".
func failedSource(s *health.Snapshot, kind string) string {
	if kind == "" {
		return ""
	}
	for _, f := range s.Failures {
		if f.Kind == kind {
			return f.Source
		}
	}
	return ""
}

// sameRule returns the state of the same rule in the snapshot before, or nil. It most likely stands at the same place.
func sameRule(state *health.RuleState, place int, before *health.Snapshot) *health.RuleState {
	if before == nil {
		return nil
	}
	is := func(old health.RuleState) bool { return old.Name == state.Name && old.Instance == state.Instance }
	if place >= len(before.Rules) || !is(before.Rules[place]) {
		place = slices.IndexFunc(before.Rules, is)
	}
	if place < 0 {
		return nil
	}
	return &before.Rules[place]
}

// verdicts sums s up: its overall status, and the answers to both probes.
func (m *Monitor) verdicts(s *health.Snapshot, draining bool) {
	s.Overall = health.Pass
	for i := range s.Rules {
		s.Overall = health.Worst(s.Overall, s.Rules[i].Status)
	}
	for i := range s.Checks {
		s.Overall = health.Worst(s.Overall, s.Checks[i].Status)
	}
	s.Liveness = m.liveness(s)
	s.Overall = health.Worst(s.Overall, s.Liveness.Status)
	s.Readiness = m.readiness(s, draining)
}

// liveness fails when the process cannot recover by itself; never for a dependency.
func (m *Monitor) liveness(s *health.Snapshot) health.Verdict {
	for _, stuck := range s.Stuck {
		if stuck.Vital {
			return health.Verdict{Status: health.Fail, Reason: fmt.Sprintf("the vital heartbeat %q is overdue", stuck.Name)}
		}
	}
	if rule, ok := failingRule(s, m.config.livenessRules); ok {
		return health.Verdict{Status: health.Fail, Reason: fmt.Sprintf("the rule %q fails", rule)}
	}
	return health.Verdict{Status: health.Pass}
}

// readiness fails while draining, while a required check fails or has not run, and while a listed rule fails. Whatever
// else is not well lowers it to warn.
func (m *Monitor) readiness(s *health.Snapshot, draining bool) health.Verdict {
	if draining {
		return health.Verdict{Status: health.Fail, Reason: "draining"}
	}
	for i := range s.Checks {
		c := &s.Checks[i]
		switch {
		case c.Required && c.Status == health.Unknown:
			return health.Verdict{Status: health.Fail, Reason: fmt.Sprintf("the required check %q has not run yet", c.Name)}
		case c.Required && c.Status == health.Fail:
			return health.Verdict{Status: health.Fail, Reason: fmt.Sprintf("the required check %q fails", c.Name)}
		}
	}
	if rule, ok := failingRule(s, m.config.readinessRules); ok {
		return health.Verdict{Status: health.Fail, Reason: fmt.Sprintf("the rule %q fails", rule)}
	}
	if s.Overall == health.Pass {
		return health.Verdict{Status: health.Pass}
	}
	return health.Verdict{Status: health.Warn, Reason: concern(s)}
}

func failingRule(s *health.Snapshot, listed ruleSet) (name string, ok bool) {
	for i := range s.Rules {
		if s.Rules[i].Status == health.Fail && listed.has(s.Rules[i].Name) {
			return s.Rules[i].Name, true
		}
	}
	return "", false
}

// concern names the first thing that is as bad as the whole.
func concern(s *health.Snapshot) string {
	if s.Liveness.Status == health.Fail {
		return s.Liveness.Reason
	}
	for i := range s.Rules {
		if s.Rules[i].Status == s.Overall {
			return fmt.Sprintf("the rule %q is at %v", s.Rules[i].Name, s.Overall)
		}
	}
	for i := range s.Checks {
		if s.Checks[i].Status == s.Overall {
			return fmt.Sprintf("the check %q is at %v", s.Checks[i].Name, s.Overall)
		}
	}
	return ""
}
