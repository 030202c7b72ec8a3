package otelhealth

import (
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

// statusMetric says what is published of the statuses. Unknown is not observed: absence never means healthy.
func (t *ticker) statusMetric(s *health.Snapshot) health.Metric {
	metric := health.Metric{Name: health.MetricStatus, Unit: "1", Scope: health.Scope}
	add := func(component string, status health.Status) {
		if value, ok := statusValues[status]; ok {
			metric.Readings = append(metric.Readings, health.Reading{
				Attributes: t.judged[health.AttrComponent+component].set, Value: value,
			})
		}
	}
	for i := 0; i < len(s.Rules); {
		name, worst := s.Rules[i].Name, s.Rules[i].Status
		for i++; i < len(s.Rules) && s.Rules[i].Name == name; i++ {
			worst = health.Worst(worst, s.Rules[i].Status)
		}
		add(name, worst)
	}
	add(health.Overall, s.Overall)
	return metric
}

var statusValues = map[health.Status]float64{health.Pass: 0, health.Warn: 1, health.Fail: 2}

// thresholdMetric says at which values the rules warn and fail. What a rule judges several of shares its thresholds.
func (t *ticker) thresholdMetric(s *health.Snapshot) health.Metric {
	metric := health.Metric{Name: health.MetricThreshold, Unit: "{threshold}", Scope: health.Scope}
	add := func(rule string, severity health.Status, threshold health.Number) {
		if threshold.Known() {
			metric.Readings = append(metric.Readings, health.Reading{
				Attributes: t.judged[thresholdKey(rule, severity)].set, Value: float64(threshold),
			})
		}
	}
	for i := range s.Rules {
		rule := &s.Rules[i]
		if i == 0 || s.Rules[i-1].Name != rule.Name {
			add(rule.Name, health.Warn, rule.Warn)
			add(rule.Name, health.Fail, rule.Fail)
		}
	}
	return metric
}

// thresholdKey finds a threshold's attributes among those that are judged.
func thresholdKey(rule string, severity health.Status) string {
	return health.AttrAlertSeverity + severity.String() + health.AttrComponent + rule
}

// firingMetric says how many alerts fire at each severity.
func (t *ticker) firingMetric(s *health.Snapshot) health.Metric {
	warn, fail := alerting.Firing(s.Alerts)
	reading := func(severity health.Status, count int) health.Reading {
		return health.Reading{Attributes: t.judged[health.AttrAlertSeverity+severity.String()].set, Value: float64(count)}
	}
	return health.Metric{
		Name: health.MetricAlertFiring, Unit: "{alert}", Scope: health.Scope,
		Readings: []health.Reading{reading(health.Warn, warn), reading(health.Fail, fail)},
	}
}

// judgedPoints are the snapshot's readings of that metric as points.
func (t *ticker) judgedPoints(s *health.Snapshot, metric string) []point {
	m, _ := s.Find(metric)
	points := make([]point, 0, len(m.Readings))
	for _, r := range m.Readings {
		points = append(points, point{r.Value, t.judged[judgedKey(r.Attributes)].labels})
	}
	return points
}

// judgedKey is each key and its value, in the set's order.
func judgedKey(set attribute.Set) string {
	var key string
	for iter := set.Iter(); iter.Next(); {
		kv := iter.Attribute()
		key += string(kv.Key) + kv.Value.AsString()
	}
	return key
}

// publish gives the snapshot its checks and verdicts and answers with it from now on.
func (m *Monitor) publish(s *health.Snapshot, taken time.Time, f fails) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails = f
	m.complete(s)
	s.Metrics = append(s.Metrics, m.ticker.statusMetric(s), m.ticker.thresholdMetric(s), m.ticker.firingMetric(s))
	m.latest, m.taken = s, taken
	m.endpoints.Publish(s, taken)
}

// republish answers with the latest snapshot anew, after a check or draining has changed what it means.
func (m *Monitor) republish() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.latest == nil {
		return
	}
	s := *m.latest
	m.complete(&s)
	m.latest = &s
	m.endpoints.Publish(&s, m.taken)
}

// complete fills in what depends on more than the tick. The caller holds the lock.
func (m *Monitor) complete(s *health.Snapshot) {
	s.Alerts = m.alerter.Open() // a person may have acted since they were judged
	s.Silences = m.alerter.Silences()
	s.History, s.Destinations = m.recording.state(), m.recording.destinations()
	s.OTLP = m.exporter.state()
	s.Checks = make([]health.CheckState, len(m.checks))
	for i, r := range m.checks {
		s.Checks[i] = r.latest()
	}
	m.verdicts(s, m.draining)
}
