package alerting

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/otelhealth/otelhealth-go/health"
)

// TestPlan plays what happens to one alert and to the deliveries to one destination, and then reads the outbox. Words
// in capitals are what the worker does with the delivery whose turn it is.
func TestPlan(t *testing.T) {
	for _, row := range []struct {
		sentence, script, want string
	}{
		{"firing is told", "firing", "firing warn pending"},
		{"pending is not", "pending", ""},
		{"nor is an acknowledgement, missing data or their return", "firing SENT acknowledged no_data data_returned", "firing warn sent"},
		{"resolved is told to who was told of the firing", "firing SENT resolved", "firing warn sent; resolved warn pending"},
		{"a firing that was never attempted is canceled together with its resolved", "firing resolved", "firing warn canceled"},
		{"a firing that failed may have arrived: both are told", "firing FAILED resolved", "firing warn pending 1; resolved warn pending"},
		{"a firing whose outcome is unknown may have arrived", "firing CLAIMED resolved", "firing warn pending 1; resolved warn pending"},
		{"a firing that was given up may have arrived", "firing GIVENUP resolved", "firing warn given_up 1; resolved warn pending"},
		{"a pending alert that recovers tells nothing", "pending resolved", ""},
		{"escalation overtakes a firing that is still pending", "firing escalated", "firing warn canceled; firing fail pending"},
		{"also one that was attempted, which counts all the same", "firing FAILED escalated resolved",
			"firing warn canceled 1; firing fail canceled; resolved fail pending"},
		{"a change of severity is told after the firing", "firing SENT escalated SENT deescalated", "firing warn sent; firing fail sent; firing warn pending"},
		{"one that arrives while it is being overtaken counts as sent", "firing CLAIMED escalated ARRIVED", "firing warn sent; firing fail pending"},
		{"one that fails while it is being overtaken stays canceled", "firing CLAIMED escalated REFUSED", "firing warn canceled 1; firing fail pending"},
		{"a silenced alert tells nothing", "silenced firing escalated resolved", ""},
		{"but its resolved to who was told before", "firing SENT silenced escalated resolved", "firing warn sent; resolved fail pending"},
		{"a silence cancels what was not attempted", "firing silenced", "firing warn canceled"},
		{"a silence also cancels what is tried again", "firing FAILED silenced", "firing warn canceled 1"},
		{"when a silence ends, what is new is told", "silenced firing unsilenced", "firing warn pending"},
		{"what was told before is not told again", "firing SENT silenced unsilenced", "firing warn sent"},
		{"unless it escalated", "firing SENT silenced escalated unsilenced", "firing warn sent; firing fail pending"},
		{"or its telling was canceled", "firing silenced unsilenced", "firing warn canceled; firing warn pending"},
		{"or somebody has taken it on meanwhile", "silenced firing acknowledged unsilenced", ""},
		{"what may not have arrived is told when a silence ends", "firing FAILED silenced unsilenced", "firing warn canceled 1; firing warn pending"},
		{"the same transition twice is one", "firing again", "firing warn pending"},
	} {
		t.Run(row.sentence, func(t *testing.T) {
			if got := playOutbox(t, row.script); got != row.want {
				t.Errorf("%s\n got %s\nwant %s", row.script, got, row.want)
			}
		})
	}
}

func playOutbox(t *testing.T, script string) string {
	t.Helper()
	m := newMemory("chat")
	alert := health.Alert{ID: 1, Rule: "fd", Severity: health.Warn, Began: storyStart}
	var claimed *health.Delivery
	settle := func(state health.DeliveryState) {
		d := claimed
		if d == nil {
			d, _, _ = m.Claim(context.Background(), "chat", storyStart, time.Minute)
		}
		if d == nil {
			t.Fatalf("%s: nothing is due", script)
		}
		d.State, claimed = state, nil
		_ = m.Settle(context.Background(), d)
	}
	for word := range strings.FieldsSeq(script) {
		switch word {
		case "CLAIMED":
			claimed, _, _ = m.Claim(context.Background(), "chat", storyStart, time.Minute)
		case "SENT", "ARRIVED":
			settle(health.DeliverySent)
		case "FAILED", "REFUSED":
			settle(health.DeliveryPending)
		case "GIVENUP":
			settle(health.DeliveryGivenUp)
		case "again":
			m.commit([]health.Transition{{Number: alert.Changes, Kind: health.TransitionFiring, Time: storyStart, Alert: alert}})
		default:
			m.commit([]health.Transition{transition(&alert, health.TransitionKind(word))})
		}
	}
	var lines []string
	for _, d := range m.all() {
		line := fmt.Sprintf("%s %v %s", d.Kind, d.Severity, d.State)
		if d.Attempts > 0 && d.State != health.DeliverySent {
			line += fmt.Sprint(" ", d.Attempts)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

// transition changes the alert as the alerter would.
func transition(a *health.Alert, kind health.TransitionKind) health.Transition {
	switch kind {
	case health.TransitionPending:
		a.State = health.AlertPending
	case health.TransitionFiring:
		a.State, a.FiredAt = health.AlertFiring, storyStart
	case health.TransitionEscalated:
		a.Severity = health.Fail
	case health.TransitionDeescalated:
		a.Severity = health.Warn
	case health.TransitionAcknowledged:
		a.AcknowledgedAt = storyStart
	case health.TransitionSilenced:
		a.SilencedUntil = storyStart.Add(time.Hour)
	case health.TransitionUnsilenced:
		a.SilencedUntil = time.Time{}
	case health.TransitionResolved:
		a.State, a.ResolvedAt = health.AlertResolved, storyStart
	default:
	}
	a.Changes++
	return health.Transition{Number: a.Changes, Kind: kind, Time: storyStart, Alert: *a}
}

func TestEachDestinationIsPlannedByItself(t *testing.T) {
	alert := health.Alert{ID: 3, Rule: "fd", Severity: health.Warn, Began: storyStart, FiredAt: storyStart}
	fired := transition(&alert, health.TransitionFiring)
	p := NewPlan(fired, []string{"chat", "pager"}, nil, false)
	if len(p.Insert) != 2 || p.Insert[0].Key != "3-1772366400000-1/chat" || p.Insert[1].Destination != "pager" {
		t.Fatalf("got %+v", p.Insert)
	}
	reached := p.Insert[1]
	reached.ID, reached.Attempts, reached.State = 2, 1, health.DeliverySent
	untouched := p.Insert[0]
	untouched.ID = 1
	p = NewPlan(transition(&alert, health.TransitionResolved), []string{"chat", "pager", "new"}, []health.Delivery{untouched, reached}, false)
	if diff := cmp.Diff([]int64{1}, p.Cancel); diff != "" {
		t.Errorf("canceled (-want +got):\n%s", diff)
	}
	if len(p.Insert) != 1 || p.Insert[0].Destination != "pager" || p.Insert[0].Kind != health.DeliverResolved {
		t.Errorf("inserted %+v, want a resolved to the pager", p.Insert)
	}
}

func TestWhatWasLostCountsAsTold(t *testing.T) {
	alert := health.Alert{ID: 3, Rule: "fd", Severity: health.Warn, Began: storyStart, FiredAt: storyStart, Changes: 1}
	p := NewPlan(transition(&alert, health.TransitionResolved), []string{"chat", "pager"}, nil, true)
	if len(p.Insert) != 2 || p.Insert[0].Kind != health.DeliverResolved || p.Insert[1].Kind != health.DeliverResolved {
		t.Errorf("got %+v, want a resolved to both", p.Insert)
	}
	pending := health.Alert{ID: 4, Rule: "fd", Severity: health.Warn, Began: storyStart, Changes: 1}
	if p := NewPlan(transition(&pending, health.TransitionResolved), []string{"chat"}, nil, true); len(p.Insert) != 0 {
		t.Errorf("one that never fired: got %+v, want nothing", p.Insert)
	}
}

func TestNext(t *testing.T) {
	at := func(seconds int) time.Time { return storyStart.Add(time.Duration(seconds) * time.Second) }
	due := func(alert int64, seconds int) health.Delivery {
		return health.Delivery{AlertID: alert, NextTry: at(seconds)}
	}
	for _, row := range []struct {
		sentence string
		pending  []health.Delivery
		index    int
		due      time.Time
	}{
		{"nothing is pending", nil, -1, time.Time{}},
		{"the one that has been due longest goes first", []health.Delivery{due(1, -1), due(2, -5), due(3, -2)}, 1, time.Time{}},
		{"the elder goes first when they are equal", []health.Delivery{due(1, 0), due(2, 0)}, 0, time.Time{}},
		{"what waits for its alert's first is passed over", []health.Delivery{due(1, 30), due(1, -5), due(2, -1)}, 2, time.Time{}},
		{"when none is due the first that will be is told", []health.Delivery{due(1, 30), due(2, 20), due(1, 5)}, -1, at(20)},
		{"one further off than any wait is due: the clock has jumped", []health.Delivery{due(1, 30), due(2, 7200)}, 1, time.Time{}},
	} {
		t.Run(row.sentence, func(t *testing.T) {
			index, when := Next(row.pending, storyStart, time.Minute)
			if index != row.index || !when.Equal(row.due) {
				t.Errorf("got %d, %v, want %d, %v", index, when, row.index, row.due)
			}
		})
	}
}
