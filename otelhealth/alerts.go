package otelhealth

import (
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// OnTransition calls f with everything that happens to alerts from now on, one call at a time and in order, in a
// goroutine of its own: neither the tick nor another function waits for it. remove ends that.
func (m *Monitor) OnTransition(f func(health.Transition)) (remove func()) {
	if m.disabled || f == nil {
		return func() {}
	}
	return m.announcer.OnTransition(f)
}

// Acknowledge notes that a person has taken on the firing alert of that id, with a note. Escalation and resolving clear
// it. The error wraps [health.ErrUnknownAlert], [health.ErrAlertResolved] or
// [health.ErrNotFiring].
func (m *Monitor) Acknowledge(id int64, by, note string) error {
	return m.act(func(now time.Time) ([]health.Transition, error) {
		t, err := m.alerter.Acknowledge(id, by, note, now)
		return []health.Transition{t}, err
	})
}

// Resolve ends the alert of that id on a person's word. Its rule opens no other until the value has been healthy once.
// The error wraps [health.ErrUnknownAlert] or [health.ErrAlertResolved].
func (m *Monitor) Resolve(id int64, by, note string) error {
	return m.act(func(now time.Time) ([]health.Transition, error) {
		t, err := m.alerter.Resolve(id, by, note, now)
		return []health.Transition{t}, err
	})
}

// Silence keeps the rule from notifying until then, by a person's word; it is judged and shown all the same. A time that
// has passed ends a silence. The error wraps [health.ErrUnknownRule].
func (m *Monitor) Silence(rule string, until time.Time, by string) error {
	return m.act(func(now time.Time) ([]health.Transition, error) {
		transitions, err := m.alerter.Silence(rule, until, by, now)
		if err == nil && m.recording.store != nil {
			m.recording.store.RecordSilence(health.Silence{Rule: rule, Until: until.UTC(), By: by, At: now.UTC()})
		}
		return transitions, err
	})
}

// act does what a person asks for, publishes it at once, and passes it on.
func (m *Monitor) act(do func(now time.Time) ([]health.Transition, error)) error {
	if m.disabled {
		return errDisabled
	}
	m.judging.Lock()
	defer m.judging.Unlock()
	if m.stopping.Load() {
		return errShutDown // it would not be recorded
	}
	transitions, err := do(time.Now())
	if err != nil {
		return err
	}
	m.republish()
	m.happened(transitions)
	return nil
}
