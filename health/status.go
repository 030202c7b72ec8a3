package health

import "fmt"

// Status is the health of one thing, in the words of draft-inadarei-api-health-check-06, section 3.1, and "unknown",
// which the draft lacks. The zero value is Unknown: what nobody has judged is not healthy.
type Status uint8

// The statuses. Their order here is not their severity: see [Status.WorseThan].
const (
	Unknown Status = iota // no reading, or not judged yet
	Pass                  // healthy
	Warn                  // healthy, with concerns
	Fail                  // unhealthy
)

var statusNames = [...]string{Unknown: "unknown", Pass: "pass", Warn: "warn", Fail: "fail"}

// severity orders the statuses: pass < unknown < warn < fail.
var severity = [...]uint8{Pass: 0, Unknown: 1, Warn: 2, Fail: 3}

// String returns "pass", "warn", "fail" or "unknown".
func (s Status) String() string {
	if int(s) >= len(statusNames) {
		return fmt.Sprintf("Status(%d)", uint8(s))
	}
	return statusNames[s]
}

// WorseThan reports whether s is more severe than t, in the order pass < unknown < warn < fail.
func (s Status) WorseThan(t Status) bool { return severity[s] > severity[t] }

// Worst returns the most severe of the statuses, and Pass when there are none.
func Worst(statuses ...Status) Status {
	worst := Pass
	for _, s := range statuses {
		if s.WorseThan(worst) {
			worst = s
		}
	}
	return worst
}

// MarshalText implements [encoding.TextMarshaler] with the words of [Status.String].
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]; any other word is an error that names it.
func (s *Status) UnmarshalText(text []byte) error {
	for i, name := range statusNames {
		if name == string(text) {
			*s = Status(i)
			return nil
		}
	}
	return fmt.Errorf("status: got %q, want pass, warn, fail or unknown", text)
}
