package otelhealth

import (
	"slices"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

// alertingRules are the rules of the components, by their settings, and those of the application. A component whose
// metric this platform does not have, or whose levels are both off, is left out; one whose name the application gives to
// a rule of its own gives way.
func (c *config) alertingRules(absent map[string]bool) []alerting.Rule {
	var rules []alerting.Rule
	thresholds := make(map[string][2]alerting.Threshold)
	for _, component := range components() {
		t := c.thresholds[component.name]
		thresholds[component.name] = [2]alerting.Threshold{t.warn.forAlerts(component), t.fail.forAlerts(component)}
	}
	for _, r := range alerting.Components() {
		own := func(other alerting.Rule) bool { return other.Name == r.Name }
		if absent[r.Metric] || slices.ContainsFunc(c.rules, own) {
			continue
		}
		r.Warn, r.Fail = thresholds[r.Name][0], thresholds[r.Name][1]
		r.Scope = health.Scope // an application may emit a metric of the same name
		if r.Metric == health.MetricGoroutines {
			r.Scope = health.RuntimeScope
		}
		if r.Warn.On() || r.Fail.On() {
			rules = append(rules, r)
		}
	}
	rules = append(rules, c.rules...)
	for i := range rules {
		if c.readinessRules.has(rules[i].Name) {
			rules[i].Affects |= alerting.Readiness
		}
		if c.livenessRules.has(rules[i].Name) {
			rules[i].Affects |= alerting.Liveness
		}
	}
	return rules
}

// forAlerts says in a rule's words what the setting said. Utilization is a share already.
func (t threshold) forAlerts(c component) alerting.Threshold {
	switch {
	case !t.set:
		return alerting.Threshold{}
	case t.share && c.metric != health.MetricPoolUtil:
		return alerting.ShareOf(c.limit, t.value)
	default:
		return alerting.At(t.value)
	}
}
