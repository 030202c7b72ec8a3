package health

import (
	"errors"
	"time"
)

// Operator does what people ask for. An *otelhealth.Monitor is one. Its methods are safe for concurrent use; by is who
// asks. What they do is published before they return.
type Operator interface {
	// Acknowledge notes that a person has taken on the firing alert, with a note. The error wraps [ErrUnknownAlert],
	// [ErrAlertResolved] or [ErrNotFiring].
	Acknowledge(id int64, by, note string) error
	// Resolve ends the alert, pending or firing. The error wraps [ErrUnknownAlert] or [ErrAlertResolved].
	Resolve(id int64, by, note string) error
	// Silence keeps the rule from notifying until then; a time that has passed ends a silence. The error wraps
	// [ErrUnknownRule].
	Silence(rule string, until time.Time, by string) error
}

// Errors of what people do. They are wrapped with the id or the name that was given; compare them with [errors.Is].
var (
	// ErrUnknownAlert: no alert ever had the id.
	ErrUnknownAlert = errors.New("no such alert")
	// ErrAlertResolved: the alert is resolved already.
	ErrAlertResolved = errors.New("the alert is resolved already")
	// ErrNotFiring: the alert is pending, and so there is nothing to take on yet.
	ErrNotFiring = errors.New("the alert does not fire yet")
	// ErrUnknownRule: no rule has the name.
	ErrUnknownRule = errors.New("no such rule")
)
