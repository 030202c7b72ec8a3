package health

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

// encodeAlerts writes the body of /health/api/alerts: the alerts that fire, newest first. The first fields are the
// original's; a pending alert is none yet.
func encodeAlerts(s *Snapshot) *answer {
	firing := slices.DeleteFunc(slices.Clone(s.Alerts), func(a Alert) bool { return a.State != AlertFiring })
	slices.SortFunc(firing, newestFirst)
	return answerAlerts(firing)
}

func answerAlerts(alerts []Alert) *answer {
	w := newJSONArray(64 + 768*len(alerts))
	for i := range alerts {
		w.alert(&alerts[i])
	}
	w.endArray()
	return newAnswer(http.StatusOK, mediaJSON, w.b)
}

func (w *jsonWriter) alert(a *Alert) {
	w.element()
	w.integer("id", a.ID)
	if a.Fired() {
		w.time("timestamp", a.FiredAt)
	} else {
		w.time("timestamp", a.Began)
	}
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
	w.truth("below", a.Below)
	w.text("state", string(a.State))
	w.number("value", a.Value)
	w.number("threshold", a.Threshold)
	w.number("peak", a.Peak)
	w.number("lowest", a.Lowest)
	w.integer("breaches", int64(a.Breaches))
	w.time("began", a.Began)
	if a.Fired() {
		w.time("fired_at", a.FiredAt)
	}
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
	if !a.Open() {
		w.time("resolved_at", a.ResolvedAt)
		w.text("cause", string(a.Cause))
		w.optional("resolved_by", a.ResolvedBy)
	}
	w.end()
}

// serveAlerts answers with the alerts that fire, or with all that there ever were.
func (e *Endpoints) serveAlerts(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery == "" {
		e.serveFiring(w, r)
		return
	}
	q := newQuery(r)
	const want = "open or all"
	state, ok := q.text("state", want)
	if ok && state != "open" && state != "all" {
		q.refuse("state", state, want)
	}
	filter := q.alertFilter(time.Now())
	switch {
	case q.wrong != nil:
		newParameterProblem(q.wrong).write(w, r, nil)
	case state == "all":
		e.serveAllAlerts(w, r, filter)
	case filter == AlertFilter{Limit: defaultLimit}:
		e.serveFiring(w, r)
	default:
		e.serveSomeFiring(w, r, filter)
	}
}

// serveSomeFiring answers with those of the alerts that fire for which the filter is.
func (e *Endpoints) serveSomeFiring(w http.ResponseWriter, r *http.Request, f AlertFilter) {
	p, _, stalled := e.latest()
	if stalled || p.snapshot == nil {
		e.serveFiring(w, r)
		return
	}
	firing := slices.DeleteFunc(slices.Clone(p.snapshot.Alerts), func(a Alert) bool { return a.State != AlertFiring })
	answerAlerts(combine(nil, firing, f)).write(w, r, noStore)
}

// serveAllAlerts answers with what the history has, and what is newer than that.
func (e *Endpoints) serveAllAlerts(w http.ResponseWriter, r *http.Request, f AlertFilter) {
	if e.history == nil {
		e.missingHistory().write(w, r, nil)
		return
	}
	if r.Method == http.MethodHead {
		headOnly(w)
		return
	}
	stored, err := e.history.Alerts(r.Context(), f)
	if err != nil {
		e.historyProblem(err).write(w, r, nil)
		return
	}
	newer := e.hub.ended()
	if s := e.Snapshot(); s != nil {
		newer = append(newer, s.Alerts...)
	}
	answerAlerts(combine(stored, newer, f)).write(w, r, noStore)
}

const defaultLimit = 100

// alertFilter reads which alerts of the history are wanted: those of every time, unless a range is asked for.
func (q *query) alertFilter(now time.Time) AlertFilter {
	f := AlertFilter{
		Before: q.integer("before", 0, 1, 1<<53),
		Limit:  int(q.integer("limit", defaultLimit, 1, 1000)),
	}
	f.Rule, _ = q.text("rule", "the name of a rule")
	if q.values.Has("hours") || q.values.Has("from") || q.values.Has("to") {
		s := q.span(now)
		f.From, f.To = s.from, s.to
	}
	return f
}

// combine puts alerts that may be newer than what is stored of them into the list, newest first.
func combine(stored, newer []Alert, f AlertFilter) []Alert {
	list := slices.Clone(stored)
	for i := range newer {
		a := &newer[i]
		at := slices.IndexFunc(list, func(other Alert) bool { return other.ID == a.ID })
		switch {
		case at >= 0 && list[at].Changes <= a.Changes:
			list[at] = *a
		case at >= 0:
		case len(stored) == f.Limit && a.ID < stored[len(stored)-1].ID: // on a later page
		default:
			list = append(list, *a)
		}
	}
	list = slices.DeleteFunc(list, func(a Alert) bool { return !f.wants(&a) }) // one that has ended meanwhile
	slices.SortFunc(list, newestFirst)
	return list[:min(len(list), f.Limit)]
}

// wants reports whether the alert passes the filter.
func (f *AlertFilter) wants(a *Alert) bool {
	return (f.Rule == "" || a.Rule == f.Rule) && (f.Before == 0 || a.ID < f.Before) &&
		(f.To.IsZero() || a.Began.Before(f.To)) && (f.From.IsZero() || a.Open() || !a.ResolvedAt.Before(f.From))
}

func newestFirst(a, b Alert) int { return cmp.Compare(b.ID, a.ID) }
