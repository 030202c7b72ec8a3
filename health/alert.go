package health

import (
	"strings"
	"time"
)

// AlertState says where an alert stands in its life:
//
//	pending ─► firing ─► resolved
//	   └──────────────────►┘
//
// Acknowledged is not a state of its own but a mark on a firing alert.
type AlertState string

// The states of an alert. Resolved is final: the next breach opens another alert.
const (
	AlertPending  AlertState = "pending"  // the value breaches, but not for long or not often enough
	AlertFiring   AlertState = "firing"   // at [Alert.Severity]
	AlertResolved AlertState = "resolved" // for the reason in [Alert.Cause]
)

// Cause says why an alert is resolved.
type Cause string

// The causes. The zero value belongs to an alert that is not resolved.
const (
	CauseRecovered  Cause = "recovered"   // the value was healthy for long enough
	CausePerson     Cause = "person"      // a person resolved it: [Alert.ResolvedBy]
	CauseRuleGone   Cause = "rule_gone"   // its rule is no longer configured, or no longer judges these attributes
	CauseSourceGone Cause = "source_gone" // the source of its readings was removed
	CauseDuplicate  Cause = "duplicate"   // another alert for the same rule and attributes was open when it was restored
)

// Attribute is one attribute of a series, as text: of the one that an [Alert] or a [RuleState] is about, or of one that was
// recorded ([SeriesInfo]).
type Attribute struct {
	Key   string
	Value string
}

// Alert is one breach of one rule from its first sample to its resolution. At most one alert that is not resolved
// exists for a rule and a set of attributes. It is plain data: what it refers to is never changed, so that copies may
// be shared between goroutines. Times are wall time of snapshots, UTC; a time that has not come yet is zero.
type Alert struct {
	ID         int64       // from 1, below 2^53
	Rule       string      // the rule's name; of the components one of [RuleFD] and the others
	Attributes []Attribute // of the judged series, by key; none when the rule judges a sum
	Instance   string      // the same in short, for people: a pool's name
	Metric     string      // the judged metric
	Unit       string      // of every value here, UCUM; with "/min" when the rule judges a rate
	Below      bool        // the rule breaches at or below its thresholds, rather than at or above

	State     AlertState
	Severity  Status // Warn or Fail; what it would fire with while it is pending
	Threshold Number // that of the severity, in the metric's unit
	Value     Number // the last known reading, in the metric's unit
	Peak      Number // the highest reading that breached
	Lowest    Number // the lowest reading that breached
	Breaches  int    // how many samples breached
	NoData    bool   // readings have been missing for longer than the rule bears

	Began        time.Time     // the first sample that breached
	FailingSince time.Time     // since when the value has been at the fail level; zero when it is not
	FiredAt      time.Time     // zero: it never fired
	Updated      time.Time     // the last sample that it was judged at
	ResolvedAt   time.Time     // zero: it is open
	Lasted       time.Duration // from Began to Updated or ResolvedAt, by the monotonic clock
	FailingFor   time.Duration // from FailingSince to Updated, likewise

	AcknowledgedAt time.Time // zero: not acknowledged; escalation and resolving clear it
	AcknowledgedBy string
	Note           string // of who acknowledged it

	SilencedUntil time.Time // zero: not silenced

	Cause      Cause
	ResolvedBy string // of CausePerson
	Held       bool   // resolved by a person; its rule opens no other for these attributes until healthy once

	Changes int // transitions so far, which is the Number of the last one
}

// Open reports whether a is pending or firing.
func (a *Alert) Open() bool { return a.State != AlertResolved }

// severeSince returns since when the alert has had its severity, or a worse one.
func (a *Alert) severeSince() time.Time {
	if a.Severity == Fail && !a.FailingSince.IsZero() {
		return a.FailingSince
	}
	return a.Began
}

// Fired reports whether a fires or has fired. A pending alert that recovered never did.
func (a *Alert) Fired() bool { return !a.FiredAt.IsZero() }

// Acknowledged reports whether somebody has taken a on.
func (a *Alert) Acknowledged() bool { return !a.AcknowledgedAt.IsZero() }

// Silenced reports whether a notifies nobody for now.
func (a *Alert) Silenced() bool { return !a.SilencedUntil.IsZero() }

// Key returns the rule and the attributes in one text: two alerts of one key are never open at once. It is made for
// comparing, not for reading.
func (a *Alert) Key() string { return a.Rule + "\x00" + AttributesKey(a.Attributes) }

// AttributesKey returns the attributes, which are sorted by key, as one text that no other attributes have.
func AttributesKey(attributes []Attribute) string {
	var b strings.Builder
	for _, attribute := range attributes {
		b.WriteString(attribute.Key)
		b.WriteByte(0)
		b.WriteString(attribute.Value)
		b.WriteByte(0)
	}
	return b.String()
}

// TransitionKind says what happened to an alert.
type TransitionKind string

// The kinds of transitions, and what they do to the alert's state.
const (
	TransitionPending      TransitionKind = "pending"       // opened, pending
	TransitionFiring       TransitionKind = "firing"        // pending ─► firing; a rule that waits for nothing opens and fires at one sample
	TransitionEscalated    TransitionKind = "escalated"     // from warn to fail; no longer acknowledged
	TransitionDeescalated  TransitionKind = "deescalated"   // from fail to warn
	TransitionAcknowledged TransitionKind = "acknowledged"  // by By, with Note
	TransitionSilenced     TransitionKind = "silenced"      // its rule was silenced by By
	TransitionUnsilenced   TransitionKind = "unsilenced"    // the silence ended, or By ended it
	TransitionNoData       TransitionKind = "no_data"       // readings are missing for too long
	TransitionDataReturned TransitionKind = "data_returned" // there are readings again
	TransitionResolved     TransitionKind = "resolved"      // for the alert's Cause
	TransitionReleased     TransitionKind = "released"      // a held alert's value was healthy once: the rule may open another
)

// Transition is one change of one alert. AlertID and Number together are unique and never change their meaning, so that
// storing a transition twice can be told.
type Transition struct {
	Number int            // counts the alert's transitions from 1
	Kind   TransitionKind // what happened
	Time   time.Time      // the snapshot's, or that of the person's action
	Alert  Alert          // as it is afterwards
	By     string         // the person, where one acted
	Note   string         // what the person said
}

// Silence keeps a rule from notifying until a time. The rule is judged and shown all the same.
type Silence struct {
	Rule  string
	Until time.Time // UTC
	By    string
	At    time.Time // when it was asked for, UTC
}

// DeliveryKind is what a delivery tells.
type DeliveryKind string

// The kinds of deliveries.
const (
	DeliverFiring   DeliveryKind = "firing"   // it fires, at the severity of its alert; also after a change of severity
	DeliverResolved DeliveryKind = "resolved" // it no longer does
)

// DeliveryState says what became of a delivery. All but pending are final.
type DeliveryState string

// The states of a delivery. One with Attempts above 0, in whatever state, may have reached its destination.
const (
	DeliveryPending  DeliveryState = "pending"  // to be tried at NextTry
	DeliverySent     DeliveryState = "sent"     // the destination took it
	DeliveryCanceled DeliveryState = "canceled" // overtaken by a later one, or by the recovery
	DeliveryGivenUp  DeliveryState = "given_up" // tried too often, refused for good, or its destination is no longer configured
)

// Delivery is one message about one transition to one destination.
type Delivery struct {
	ID          int64         // given by the store, in the order of insertion; 0 before
	Key         string        // idempotency key: the same at every attempt, unique in one store
	Destination string        // the notifier's name
	AlertID     int64         // with Destination, what deliveries are kept in order by
	Number      int           // of the transition that caused it
	Kind        DeliveryKind  // firing or resolved
	Severity    Status        // of the alert at that transition
	State       DeliveryState // pending at first
	Attempts    int           // attempts begun, counted before each is made
	Created     time.Time     // the transition's time
	NextTry     time.Time     // when it is due, while pending
	Settled     time.Time     // when its state became final
	Error       string        // of the last attempt that failed
	Alert       Alert         // as it was after the transition; what the message tells
}

// DestinationStats is what was done for one destination of notifications since the process started.
type DestinationStats struct {
	Destination string
	Sent        int       // deliveries that the destination took
	Failed      int       // attempts that failed
	GivenUp     int       // deliveries given up
	Error       string    // of the last attempt; empty when it succeeded. For who is authorised
	Trying      time.Time // since when an attempt is under way; zero: none is
}

// MayHaveArrived reports whether the destination may have got d: an attempt was begun, whatever became of it.
func (d *Delivery) MayHaveArrived() bool { return d.Attempts > 0 }
