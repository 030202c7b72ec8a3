package alerting

import (
	"fmt"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// silence is a silence on the monotonic clock.
type silence struct {
	health.Silence
	deadline time.Duration // its offset
	restored bool          // deadline is known from the next step on
}

// remaining is how much of a restored silence is left, which is never more than was asked for.
func (s *silence) remaining(now time.Time) time.Duration {
	left := min(since(now, s.Until), longestSilence)
	if s.At.IsZero() {
		return left
	}
	return min(left, since(s.At, s.Until))
}

// longestSilence keeps the monotonic clock from running over.
const longestSilence = 100 * 365 * 24 * time.Hour

// Acknowledge notes that a person has taken on the firing alert. Who comes later takes over. Escalation and resolving
// clear it. The error wraps [health.ErrUnknownAlert], [health.ErrAlertResolved] or [health.ErrNotFiring].
func (a *Alerter) Acknowledge(id int64, by, note string, at time.Time) (health.Transition, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, err := a.find(id)
	if err != nil {
		return health.Transition{}, fmt.Errorf("acknowledge alert %d: %w", id, err)
	}
	if t.alert.State != health.AlertFiring {
		return health.Transition{}, fmt.Errorf("acknowledge alert %d: %w", id, health.ErrNotFiring)
	}
	t.alert.AcknowledgedAt, t.alert.AcknowledgedBy, t.alert.Note = at.UTC(), by, note
	return a.did(health.TransitionAcknowledged, t.alert, by, note, at), nil
}

// Resolve ends the alert, pending or firing, on a person's word. While the value is not healthy the rule opens no other
// for these attributes; what the rule affects is not changed by that. The error wraps [health.ErrUnknownAlert] or
// [health.ErrAlertResolved].
func (a *Alerter) Resolve(id int64, by, note string, at time.Time) (health.Transition, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, err := a.find(id)
	if err != nil {
		return health.Transition{}, fmt.Errorf("resolve alert %d: %w", id, err)
	}
	alert := t.alert
	alert.State, alert.Cause = health.AlertResolved, health.CausePerson
	alert.ResolvedAt, alert.ResolvedBy, alert.Held = at.UTC(), by, t.healthy == 0
	unacknowledge(alert)
	if !alert.Held {
		t.forget()
	}
	return a.did(health.TransitionResolved, alert, by, note, at), nil
}

// Silence keeps the rule from notifying until a time, by a person's word. It goes on being judged and shown. A time that
// is not after at ends a silence. The transitions are those of the rule's open alerts. The error wraps
// [health.ErrUnknownRule].
//
// How long it lasts is counted by the monotonic clock, from the last snapshot on.
func (a *Alerter) Silence(rule string, until time.Time, by string, at time.Time) ([]health.Transition, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.rule(rule)
	if r == nil {
		return nil, fmt.Errorf("silence rule %q: %w", rule, health.ErrUnknownRule)
	}
	until, at = until.UTC(), at.UTC()
	kind := health.TransitionSilenced
	if until.After(at) {
		a.silences[rule] = &silence{
			Silence:  health.Silence{Rule: rule, Until: until, By: by, At: at},
			deadline: a.now.offset + min(until.Sub(at), longestSilence),
		}
	} else {
		delete(a.silences, rule)
		kind, until = health.TransitionUnsilenced, time.Time{}
	}
	for _, t := range r.tracks {
		if t.alert != nil && t.alert.Open() && (t.alert.Silenced() || !until.IsZero()) {
			t.alert.SilencedUntil = until
			a.emit(t.alert, health.Transition{Kind: kind, Time: at, By: by})
		}
	}
	return a.taken(), nil
}

// Silences returns the silences that are in force, in the order of the rules.
func (a *Alerter) Silences() []health.Silence {
	a.mu.Lock()
	defer a.mu.Unlock()
	var silences []health.Silence
	for _, r := range a.rules {
		if s := a.silences[r.Name]; s != nil {
			silences = append(silences, s.Silence)
		}
	}
	return silences
}

// endSilences ends those whose time has come. It runs after judging, so that an alert that recovers at this very step is
// not told any more.
func (a *Alerter) endSilences() (rules []string) {
	if len(a.silences) == 0 {
		return nil
	}
	for _, r := range a.rules {
		s := a.silences[r.Name]
		if s == nil || a.now.offset < s.deadline {
			continue
		}
		delete(a.silences, r.Name)
		rules = append(rules, r.Name)
		for _, t := range r.tracks {
			if t.alert != nil && t.alert.Silenced() && t.alert.Open() {
				t.alert.SilencedUntil = time.Time{}
				a.happened(health.TransitionUnsilenced, t.alert)
			}
		}
	}
	return rules
}

// did notes what a person did and returns it.
func (a *Alerter) did(kind health.TransitionKind, alert *health.Alert, by, note string, at time.Time) health.Transition {
	a.emit(alert, health.Transition{Kind: kind, Time: at.UTC(), By: by, Note: note})
	return a.taken()[0]
}

// find returns the track of the open alert with that id.
func (a *Alerter) find(id int64) (*track, error) {
	for _, r := range a.rules {
		for _, t := range r.tracks {
			if t.alert != nil && t.alert.ID == id && t.alert.Open() {
				return t, nil
			}
		}
	}
	if id < 1 || id > a.lastID || a.savedID < id && id <= a.firstID {
		return nil, health.ErrUnknownAlert
	}
	return nil, health.ErrAlertResolved
}
