package health

import (
	"net/http"
	"slices"
)

// encodeAlerts writes the body of /health/api/alerts: the alerts that fire, newest first. The first fields are the
// original's; a pending alert is none yet.
func encodeAlerts(s *Snapshot) *answer {
	w := &jsonWriter{b: append(make([]byte, 0, 64+512*len(s.Alerts)), '[')}
	firing := slices.DeleteFunc(slices.Clone(s.Alerts), func(a Alert) bool { return a.State != AlertFiring })
	slices.SortFunc(firing, func(a, b Alert) int { return int(b.ID - a.ID) })
	for i := range firing {
		w.alert(&firing[i])
	}
	w.endArray()
	return newAnswer(http.StatusOK, mediaJSON, w.b)
}

func (w *jsonWriter) alert(a *Alert) {
	w.element()
	w.integer("id", a.ID)
	w.time("timestamp", a.FiredAt)
	w.text("alert_type", a.Type())
	w.text("severity", a.Severity.String())
	w.text("metric_name", a.MetricName())
	w.number("metric_value", a.MetricValue())
	w.number("threshold_value", a.ThresholdValue())
	w.text("message", a.Message())
	w.truth("acknowledged", a.Acknowledged())
	w.truth("resolved", !a.Open())
	w.text("rule", a.Rule)
	w.optional("instance", a.Instance)
	w.text("metric", a.Metric)
	w.text("unit", a.Unit)
	w.text("state", string(a.State))
	w.number("value", a.Value)
	w.number("threshold", a.Threshold)
	w.number("peak", a.Peak)
	w.number("lowest", a.Lowest)
	w.integer("breaches", int64(a.Breaches))
	w.time("began", a.Began)
	w.number("lasted_seconds", Number(a.Lasted.Seconds()).round(3))
	w.truth("no_data", a.NoData)
	if a.Acknowledged() {
		w.time("acknowledged_at", a.AcknowledgedAt)
		w.text("acknowledged_by", a.AcknowledgedBy)
		w.optional("note", a.Note)
	}
	if a.Silenced() {
		w.time("silenced_until", a.SilencedUntil)
	}
	w.end()
}
