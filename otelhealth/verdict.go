package otelhealth

import (
	"fmt"

	"github.com/otelhealth/otelhealth-go/health"
)

// fails names the rules that fail a probe at this tick; empty: none does.
type fails struct {
	readiness, liveness string
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
	if !records(s) {
		s.Overall = health.Worst(s.Overall, health.Warn)
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
	if rule := m.fails.liveness; rule != "" {
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
		case c.Required && c.Status == health.Unknown && !c.Time.IsZero():
			return health.Verdict{Status: health.Fail, Reason: fmt.Sprintf("the required check %q has not passed yet", c.Name)}
		case c.Required && c.Status == health.Unknown:
			return health.Verdict{Status: health.Fail, Reason: fmt.Sprintf("the required check %q has not run yet", c.Name)}
		case c.Required && c.Status == health.Fail:
			return health.Verdict{Status: health.Fail, Reason: fmt.Sprintf("the required check %q fails", c.Name)}
		}
	}
	if rule := m.fails.readiness; rule != "" {
		return health.Verdict{Status: health.Fail, Reason: fmt.Sprintf("the rule %q fails", rule)}
	}
	if s.Overall == health.Pass {
		return health.Verdict{Status: health.Pass}
	}
	return health.Verdict{Status: health.Warn, Reason: concern(s)}
}

// records reports whether the history is well, or not wanted.
func records(s *health.Snapshot) bool {
	return s.History == nil || s.History.Condition == health.HistoryOK
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
	if !records(s) {
		return fmt.Sprintf("the history is not recorded: %s", s.History.Condition)
	}
	return ""
}
