package main

import (
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// breach is a time at which too many files were open.
type breach struct {
	from, to time.Time // to is in the future while it lasts
	peak     float64
	by, note string // who ended it, or has taken it on
}

func (l *life) breaches() []breach {
	past := func(before, lasted time.Duration, peak float64) breach {
		from := l.now.Add(-before).Truncate(time.Minute)
		return breach{from: from, to: from.Add(lasted), peak: peak}
	}
	all := []breach{past(5*24*time.Hour, 3*time.Hour, 760), past(50*time.Hour, 90*time.Minute, 965), past(9*time.Hour, 25*time.Minute, 790)}
	all[1].by, all[1].note = "ann", "The quotes feed kept its sockets. Restarted it."
	if l.firing {
		now := past(25*time.Minute, 26*time.Minute, 930)
		now.by, now.note = "ann", "Leaking upstream sockets since 1.4.2. Rolling back."
		all = append(all, now)
	}
	return all
}

// alerts are the transitions of one alert for each breach, the oldest first.
func (l *life) alerts() []health.Transition {
	var transitions []health.Transition
	for i, b := range l.breaches() {
		a := b.alert(int64(i + 1))
		a.Updated = b.from.Add(time.Minute)
		transitions = append(transitions, health.Transition{Number: 1, Kind: health.TransitionFiring, Time: a.FiredAt, Alert: a})
		a.Changes++
		if b.to.Before(l.now) {
			transitions = append(transitions, b.resolved(a))
		} else {
			transitions = append(transitions, b.acknowledged(a))
		}
	}
	return transitions
}

func (b *breach) alert(id int64) health.Alert {
	a := health.Alert{
		ID: id, Rule: health.RuleFD, Metric: health.MetricFDCount, Unit: "{file_descriptor}", State: health.AlertFiring,
		Severity: health.Warn, Threshold: warnFiles, Value: health.Number(b.peak), Peak: health.Number(b.peak + 12), Lowest: health.Number(b.peak - 12),
		Breaches: 6, Began: b.from, FiredAt: b.from, Changes: 1,
	}
	if b.peak >= failFiles {
		a.Severity, a.Threshold, a.FailingSince = health.Fail, failFiles, b.from
	}
	return a
}

func (b *breach) resolved(a health.Alert) health.Transition {
	a.State, a.Cause, a.ResolvedBy, a.Note = health.AlertResolved, health.CauseRecovered, b.by, b.note
	if b.by != "" {
		a.Cause = health.CausePerson
	}
	a.Value, a.Updated, a.ResolvedAt, a.Lasted = 180, b.to, b.to, b.to.Sub(b.from)
	return health.Transition{Number: a.Changes, Kind: health.TransitionResolved, Time: b.to, By: b.by, Note: b.note, Alert: a}
}

func (b *breach) acknowledged(a health.Alert) health.Transition {
	a.AcknowledgedAt, a.AcknowledgedBy, a.Note = b.from.Add(4*time.Minute), b.by, b.note
	a.Updated, a.Lasted = a.AcknowledgedAt, 4*time.Minute
	return health.Transition{Number: a.Changes, Kind: health.TransitionAcknowledged, Time: a.AcknowledgedAt, By: b.by, Note: b.note, Alert: a}
}
