package alerting

import (
	"math/bits"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// track is what the alerter remembers of one series under one rule. Offsets are on the monotonic clock.
type track struct {
	rule       *judgedRule
	set        attribute.Set
	key        string
	attributes []health.Attribute
	instance   string
	source     string // the name of its source, where the rule's SourceKey tells it

	step uint64 // the rule's last one that had something to say of it
	seen bool   // it had a reading in this process, or its source failed
	idle bool   // to be forgotten

	status health.Status // of the last sample
	since  time.Time     // of that status
	stands time.Duration // since when, on the monotonic clock
	judged bool          // it had another status than unknown in this process

	earlier   health.Number // the reading before, for rates
	earlierAt time.Duration
	hasRate   bool

	breached, failed uint64        // the last samples, newest in the lowest bit: at either level, at the fail level
	failing          time.Duration // since when failed has not been empty
	began            time.Duration // of the alert
	known            time.Duration // the last known reading
	lastBreach       time.Duration
	lastFail         time.Duration
	healthy          int // healthy samples in a row
	below            int // samples below the fail level in a row

	alert *health.Alert // open or held; nil: neither
}

// forget leaves the track as if nothing had been there.
func (t *track) forget() {
	t.alert, t.breached, t.failed = nil, 0, 0
}

// rate returns the change from the reading before, per minute, and unknown when there is none.
func (t *track) rate(value health.Number, now time.Duration) health.Number {
	change, minutes := value-t.earlier, (now - t.earlierAt).Minutes()
	had := t.hasRate
	t.earlier, t.earlierAt, t.hasRate = value, now, true
	if !had || minutes <= 0 {
		return health.UnknownNumber()
	}
	return change / health.Number(minutes)
}

func (t *track) dropRate() { t.hasRate = false }

// anchor places a restored alert on the monotonic clock. What the alert had lasted counts, and the wall time since, if
// that is not less than nothing. What it takes to resolve is counted anew.
func (t *track) anchor(r *judgedRule, now moment) {
	t.known, t.lastBreach, t.lastFail = now.offset, now.offset, now.offset
	t.healthy, t.below = 0, 0
	if !t.alert.Open() {
		return
	}
	away := since(t.alert.Updated, now.wall)
	t.began = now.offset - t.alert.Lasted - away
	t.breached = t.window(r)
	if !t.alert.FailingSince.IsZero() {
		t.failed = t.window(r)
		t.failing = now.offset - t.alert.FailingFor - away
	}
}

// window stands for the samples of the process before: as many breached as it took to fire, or, of a pending alert, as did.
func (t *track) window(r *judgedRule) uint64 {
	breaches := r.Breaches
	if t.alert.State == health.AlertPending {
		breaches = min(t.alert.Breaches, r.Breaches)
	}
	return ^(^uint64(0) << max(breaches, 1))
}

// sample takes a known reading into the windows and streaks.
func (t *track) sample(r *judgedRule, j judgement, now moment) {
	t.known = now.offset
	breach, fail := isBreach(j.status), j.status == health.Fail
	if fail && t.failed&r.mask == 0 {
		t.failing = now.offset
	}
	t.breached, t.failed = t.breached<<1, t.failed<<1
	t.healthy, t.below = t.healthy+1, t.below+1
	if breach {
		t.breached |= 1
		t.lastBreach = now.offset
	}
	if fail {
		t.failed |= 1
		t.lastFail = now.offset
	}
	if !j.healthy {
		t.healthy = 0
	}
	if fail || j.partial {
		t.below = 0
	}
}

// statusSince is since when the process's first status stands. Where it is a breach that an earlier process saw begin, the
// alert knows: of a failure, since when it failed, of a warning, since when it breached.
func (t *track) statusSince(now moment) time.Time {
	if t.alert == nil || !t.alert.Open() {
		return now.wall
	}
	switch {
	case t.status == health.Fail && !t.alert.FailingSince.IsZero():
		return t.alert.FailingSince
	case t.status == health.Warn && t.alert.Severity == health.Warn:
		return t.alert.Began
	default:
		return now.wall
	}
}

// hasBreached reports whether the value breaches now, and has for long and often enough to fire.
func (t *track) hasBreached(r *judgedRule, now moment) bool {
	return enough(t.breached, r) && now.offset-t.began >= r.For
}

// hasFailed reports the same of the fail level.
func (t *track) hasFailed(r *judgedRule, now moment) bool {
	return enough(t.failed, r) && now.offset-t.failing >= r.For
}

func enough(samples uint64, r *judgedRule) bool {
	return samples&1 == 1 && bits.OnesCount64(samples&r.mask) >= r.Breaches
}

// observe lets one sample change the track's alert. This is the state machine.
func (a *Alerter) observe(r *judgedRule, t *track, j judgement) {
	if j.status == health.Unknown {
		a.miss(r, t)
		return
	}
	t.sample(r, j, a.now)
	opened := false
	switch {
	case t.alert == nil && t.breached&1 == 0:
		return
	case t.alert == nil:
		a.openAlert(r, t, j)
		opened = true
	case t.alert.Held:
		if j.healthy {
			a.end(t.alert, health.CausePerson)
			t.forget()
		}
		return
	}
	t.update(r, j, a.now)
	if t.alert.NoData {
		t.alert.NoData = false
		a.happened(health.TransitionDataReturned, t.alert)
	}
	if t.alert.State == health.AlertPending {
		a.wait(r, t, j, opened)
	} else {
		a.attend(r, t, j)
	}
}

// miss deals with a missing reading: the alert stands as it is, and after some time that is said.
func (a *Alerter) miss(r *judgedRule, t *track) {
	if t.alert == nil || !t.alert.Open() || t.alert.NoData || a.now.offset-t.known < r.NoDataAfter {
		return
	}
	t.alert.NoData = true
	t.alert.Updated, t.alert.Lasted = a.now.wall, a.now.offset-t.began
	a.happened(health.TransitionNoData, t.alert)
}

func (a *Alerter) openAlert(r *judgedRule, t *track, j judgement) {
	a.lastID++
	t.began = a.now.offset
	t.alert = &health.Alert{
		ID: a.lastID, Rule: r.Name, Attributes: t.attributes, Instance: t.instance,
		Metric: r.Metric, Unit: r.unit, Below: r.Direction == Below,
		State: health.AlertPending, Peak: j.value, Lowest: j.value, Began: a.now.wall,
	}
	if s := a.silences[r.Name]; s != nil {
		t.alert.SilencedUntil = s.Until
	}
}

// update keeps the alert's numbers.
func (t *track) update(r *judgedRule, j judgement, now moment) {
	alert := t.alert
	alert.Value, alert.Updated, alert.Lasted = j.value, now.wall, now.offset-t.began
	switch {
	case t.failed&r.mask == 0:
		alert.FailingSince, alert.FailingFor = time.Time{}, 0
	case alert.FailingSince.IsZero():
		alert.FailingSince = now.wall
		fallthrough
	default:
		alert.FailingFor = now.offset - t.failing
	}
	if t.breached&1 == 1 {
		alert.Breaches++
		alert.Peak, alert.Lowest = max(alert.Peak, j.value), min(alert.Lowest, j.value)
	}
	if alert.State == health.AlertPending {
		alert.Severity = t.severity(r, now)
	}
	t.price(j)
}

// price keeps the threshold of the alert's severity, which moves when it is a share of something.
func (t *track) price(j judgement) {
	threshold := j.warn
	if t.alert.Severity == health.Fail {
		threshold = j.fail
	}
	if threshold.Known() {
		t.alert.Threshold = threshold
	}
}

// severity is what an alert that fires now fires with.
func (t *track) severity(r *judgedRule, now moment) health.Status {
	if !r.Warn.set || t.hasFailed(r, now) {
		return health.Fail
	}
	return health.Warn
}

// wait deals with a pending alert: it fires, goes, or waits on.
func (a *Alerter) wait(r *judgedRule, t *track, j judgement, opened bool) {
	switch {
	case t.hasBreached(r, a.now):
		t.alert.State, t.alert.FiredAt = health.AlertFiring, a.now.wall
		t.alert.Severity = t.severity(r, a.now)
		t.price(j)
		a.happened(health.TransitionFiring, t.alert)
	case t.breached&r.mask == 0:
		a.end(t.alert, health.CauseRecovered)
		t.forget()
	case opened:
		a.happened(health.TransitionPending, t.alert)
	}
}

// attend deals with a firing alert: it resolves, escalates, de-escalates, or fires on.
func (a *Alerter) attend(r *judgedRule, t *track, j judgement) {
	kept := func(last time.Duration) bool { return a.now.offset-last >= r.KeepFiringFor }
	switch alert := t.alert; {
	case t.healthy >= r.ResolveAfter && kept(t.lastBreach):
		a.end(alert, health.CauseRecovered)
		t.forget()
	case alert.Severity == health.Warn && t.hasFailed(r, a.now):
		alert.Severity = health.Fail
		unacknowledge(alert)
		t.price(j)
		a.happened(health.TransitionEscalated, alert)
	case alert.Severity == health.Fail && r.Warn.set && t.below >= r.ResolveAfter && kept(t.lastFail):
		alert.Severity = health.Warn
		t.price(j)
		a.happened(health.TransitionDeescalated, alert)
	}
}
