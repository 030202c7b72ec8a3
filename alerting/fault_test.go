package alerting

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

var faultEpoch = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

func faultSnap(n int, readings ...health.Reading) *health.Snapshot {
	off := time.Duration(n) * 10 * time.Second
	return &health.Snapshot{Time: faultEpoch.Add(off), Offset: off, Metrics: []health.Metric{{Name: "m", Readings: readings}}}
}

func faultRule() Rule { return Rule{Name: "r", Metric: "m", Warn: At(700), Fail: At(900)} }

func faultNew(t *testing.T, rules ...Rule) *Alerter {
	t.Helper()
	a, err := New(rules)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func faultFiring(id int64) health.Alert {
	return health.Alert{ID: id, Rule: "r", Metric: "m", State: health.AlertFiring, Severity: health.Warn, Value: 800, Peak: 800, Lowest: 800,
		Breaches: 1, Began: faultEpoch.Add(-time.Hour), FiredAt: faultEpoch.Add(-time.Hour), Updated: faultEpoch.Add(-time.Minute), Lasted: time.Hour, Changes: 1}
}

// A person resolves an alert between a late Restore and the next tick.
func TestResolvingWhatWasRestoredLateHoldsNothingUp(t *testing.T) {
	a := faultNew(t, faultRule())
	a.SkipIDs(faultEpoch.UnixMilli())                                   // the store could not be read
	a.Step(faultSnap(0, number(100)), Inventory{})                      // healthy
	a.Restore(Saved{Alerts: []health.Alert{faultFiring(5)}, LastID: 5}) // late
	if _, err := a.Resolve(5, "ann", "", faultEpoch.Add(15*time.Second)); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 4; i++ {
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("tick %d: panic: %v", i, p)
				}
			}()
			a.Step(faultSnap(i, number(100)), Inventory{})
		}()
	}
}

// Held alerts of series that went away give up their places.
func TestSeriesThatAreGoneBlindNoRule(t *testing.T) {
	r := faultRule()
	r.Per = AttributeSet
	a := faultNew(t, r)
	n := 0
	for i := range 100 {
		res := a.Step(faultSnap(n, labelled(950, attribute.Int("connection", i))), Inventory{})
		n++
		a.Step(faultSnap(n), Inventory{}) // the series is gone for good
		n++
		for _, al := range res.Alerts {
			if al.Instance == fmt.Sprintf("connection=%d", i) {
				if _, err := a.Resolve(al.ID, "ann", "it is gone", faultEpoch); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if open := a.Open(); len(open) != 0 {
		t.Fatalf("%d open", len(open))
	}
	n += 360 * 24 * 365 // a year
	res := a.Step(faultSnap(n, labelled(5000, attribute.String("connection", "important"))), Inventory{})
	if len(res.Alerts) != 1 {
		t.Errorf("no alert is open, one series is at 5000 (fail 900): got %d alerts, untracked %v", len(res.Alerts), res.Untracked)
	}
}

// Where was narrowed, or Sum became AttributeSet.
func TestAlertEndsWhenItsRuleJudgesOtherAttributes(t *testing.T) {
	where := faultRule()
	where.Per, where.Where = AttributeSet, []attribute.KeyValue{attribute.String("pool", "b")}
	ofA := faultFiring(5)
	ofA.Attributes, ofA.Instance = []health.Attribute{{Key: "pool", Value: "a"}}, "pool=a"
	per := faultRule()
	per.Per = AttributeSet
	for name, row := range map[string]struct {
		rule  Rule
		saved health.Alert
	}{"Where was added": {where, ofA}, "Sum became AttributeSet": {per, faultFiring(5)}} {
		a := faultNew(t, row.rule)
		a.Restore(Saved{Alerts: []health.Alert{row.saved}, LastID: 5})
		for i := range 1000 {
			a.Step(faultSnap(i, labelled(1, attribute.String("pool", "a")), labelled(1, attribute.String("pool", "b"))), Inventory{})
		}
		for _, al := range a.Open() {
			t.Errorf("%s: after 1000 healthy samples alert %d %q is %s, no data %v", name, al.ID, al.Instance, al.State, al.NoData)
		}
	}
}

// A silence that is long over was never forgotten by the store.
func TestSilenceThatIsOverChangesNothingAtARestart(t *testing.T) {
	over := health.Silence{Rule: "r", Until: faultEpoch.Add(-48 * time.Hour), By: "ann", At: faultEpoch.Add(-49 * time.Hour)}
	a := faultNew(t, faultRule())
	a.Restore(Saved{Alerts: []health.Alert{faultFiring(5)}, LastID: 5, Silences: []health.Silence{over}})
	res := a.Step(faultSnap(0, number(800)), Inventory{})
	gaveUp := []health.Delivery{{ID: 1, Destination: "pager", AlertID: 5, Number: 1, Kind: health.DeliverFiring, Severity: health.Warn,
		State: health.DeliveryGivenUp, Attempts: 300}}
	for _, tr := range res.Transitions {
		t.Errorf("transition %q; deliveries it causes: %d", tr.Kind, len(NewPlan(tr, []string{"pager"}, gaveUp, false).Insert))
	}
}

// The store forgets a silence that ended, so that no clock brings it back.
func TestSilenceThatEndedIsSaid(t *testing.T) {
	a := faultNew(t, faultRule())
	a.Step(faultSnap(0, number(1)), Inventory{})
	if _, err := a.Silence("r", faultEpoch.Add(time.Hour), "ann", faultEpoch); err != nil {
		t.Fatal(err)
	}
	var over []string
	for i := 1; i <= 400; i++ {
		over = append(over, a.Step(faultSnap(i, number(1)), Inventory{}).Unsilenced...)
	}
	if len(a.Silences()) != 0 || len(over) != 1 || over[0] != "r" {
		t.Errorf("silences %v, over: %v, want r once, for the store to forget", a.Silences(), over)
	}
}

// A firing that failed once is not tried again while its rule is silenced.
func TestSilencedRuleTriesNothingAgain(t *testing.T) {
	o := NewMemoryOutbox([]string{"pager"})
	a := faultNew(t, faultRule())
	o.Record(a.Step(faultSnap(0, number(800)), Inventory{}).Transitions)
	ctx := context.Background()
	d, _, _ := o.Claim(ctx, "pager", faultEpoch, time.Minute)
	d.NextTry, d.Error = faultEpoch.Add(time.Second), "connection refused"
	_ = o.Settle(ctx, d)
	tr, _ := a.Silence("r", faultEpoch.Add(time.Hour), "ann", faultEpoch.Add(time.Second))
	o.Record(tr)
	if d, _, _ := o.Claim(ctx, "pager", faultEpoch.Add(30*time.Minute), time.Minute); d != nil {
		t.Errorf("half an hour into the silence attempt %d of %s is made", d.Attempts, d.Kind)
	}
}

// Readiness fails on while the value fails on.
func TestWindowSurvivesARestart(t *testing.T) {
	r := faultRule()
	r.Breaches, r.Within, r.Affects = 3, 5, Readiness
	a := faultNew(t, r)
	var res Result
	for i := range 6 {
		res = a.Step(faultSnap(i, number(950)), Inventory{})
	}
	b := faultNew(t, r)
	b.Restore(Saved{Alerts: a.Open(), LastID: 1})
	after := b.Step(faultSnap(6, number(950)), Inventory{})
	if res.FailsReadiness != after.FailsReadiness {
		t.Errorf("before the restart %q fails readiness, after it %q; the alert: %s %s", res.FailsReadiness, after.FailsReadiness, after.Alerts[0].State, after.Alerts[0].Severity)
	}
}

// The alert of the process before goes on, and the one that opened meanwhile ends.
func TestLateRestoreKeepsTheFirstAlert(t *testing.T) {
	a := faultNew(t, faultRule())
	a.SkipIDs(faultEpoch.UnixMilli())
	a.Step(faultSnap(0, number(800)), Inventory{})
	old := faultFiring(5)
	old.AcknowledgedAt, old.AcknowledgedBy = faultEpoch, "ann"
	a.Restore(Saved{Alerts: []health.Alert{old}, LastID: 5})
	for i := 1; i < 3; i++ {
		for _, tr := range a.Step(faultSnap(i, number(800)), Inventory{}).Transitions {
			if tr.Alert.ID == 5 || tr.Alert.Cause != health.CauseDuplicate {
				t.Errorf("%d %s %s", tr.Alert.ID, tr.Kind, tr.Alert.Cause)
			}
		}
	}
	for _, al := range a.Open() {
		if al.ID != 5 {
			t.Errorf("the alert that fires is %d since %v, acknowledged %v; want 5 since %v, acknowledged", al.ID, al.Began, al.Acknowledged(), old.Began)
		}
	}
}

// A late restore does not double the 100 places.
func TestLateRestoreKeepsTheBound(t *testing.T) {
	r := faultRule()
	r.Per = AttributeSet
	a := faultNew(t, r)
	a.SkipIDs(faultEpoch.UnixMilli())
	var own []health.Reading
	for i := range 100 {
		own = append(own, labelled(950, attribute.String("c", fmt.Sprint("new", i))))
	}
	a.Step(faultSnap(0, own...), Inventory{})
	var saved []health.Alert
	for i := range 100 {
		s := faultFiring(int64(i + 1))
		s.Attributes = []health.Attribute{{Key: "c", Value: fmt.Sprint("old", i)}}
		saved = append(saved, s)
	}
	a.Restore(Saved{Alerts: saved, LastID: 100})
	if n := len(a.Step(faultSnap(1, own...), Inventory{}).Alerts); n > 100 {
		t.Errorf("%d open alerts of one rule", n)
	}
}

// A destination was not configured while the alert resolved.
func TestDestinationThatWasAwayHearsTheEnd(t *testing.T) {
	f := newFile(t)
	destinationsWere := destinations
	defer func() { destinations = destinationsWere }()
	destinations = []string{"pager"}
	f.restart()
	a := faultNew(t, faultRule())
	f.commit(a.Step(faultSnap(0, number(800)), Inventory{}).Transitions)
	ctx := context.Background()
	d, _, err := f.Claim(ctx, "pager", faultEpoch.Add(time.Second), time.Minute)
	if err != nil || d == nil {
		t.Fatal(err)
	}
	d.State = health.DeliverySent
	if err := f.Settle(ctx, d); err != nil {
		t.Fatal(err)
	}
	destinations = []string{"mail"}
	f.restart()
	a = faultNew(t, faultRule())
	a.Restore(f.saved())
	for i := 1; i < 4; i++ {
		f.commit(a.Step(faultSnap(i, number(1)), Inventory{}).Transitions)
	}
	destinations = []string{"pager", "mail"}
	f.restart()
	resolved := 0
	for _, d := range f.all() {
		if d.Kind == health.DeliverResolved {
			resolved++
		}
	}
	if resolved == 0 {
		t.Errorf("pager was told that it fires; of resolved there is no delivery in any state: %d deliveries", len(f.all()))
	}
}

// A destination whose last attempt was broken off is told anew when a silence ends.
func TestSilenceLeavesNobodyWithTheWrongSeverity(t *testing.T) {
	o := NewMemoryOutbox([]string{"pager"})
	r := faultRule()
	a := faultNew(t, r)
	ctx := context.Background()
	n := 0
	step := func(v float64) { o.Record(a.Step(faultSnap(n, number(v)), Inventory{}).Transitions); n++ }
	var last health.Status
	try := func(arrived, acknowledged bool) {
		d, _, _ := o.Claim(ctx, "pager", faultSnap(n).Time.Add(time.Minute), time.Minute)
		if d == nil {
			return
		}
		if arrived {
			last = d.Severity
		}
		if acknowledged {
			d.State = health.DeliverySent
		} else {
			d.Error, d.NextTry = "timeout", faultSnap(n).Time
		}
		_ = o.Settle(ctx, d)
	}
	step(800) // warn
	try(true, true)
	step(950)        // fail
	try(true, false) // it arrives, the answer is lost
	step(800)
	step(800)
	step(800) // warn again: overtakes the pending one
	tr, _ := a.Silence("r", faultSnap(n).Time.Add(15*time.Second), "ann", faultSnap(n).Time)
	o.Record(tr) // cancels it
	for range 5 {
		step(800)
		try(true, true)
	}
	open := a.Open()
	if len(open) != 1 || open[0].Silenced() || last != open[0].Severity {
		t.Errorf("the silence is over, the alert fires at %s, the destination heard %s last", open[0].Severity, last)
	}
}

// For counts by the monotonic clock, also over a restart.
func TestClockThatJumpedChangesNothingAfterARestart(t *testing.T) {
	run := func(jump time.Duration) string {
		r := faultRule()
		r.For = 10 * time.Minute
		a := faultNew(t, r)
		var got string
		step := func(a *Alerter, n int, v float64, jumped time.Duration) {
			s := faultSnap(n, number(v))
			s.Time = s.Time.Add(jumped)
			for _, tr := range a.Step(s, Inventory{}).Transitions {
				got += fmt.Sprintf("%v %s; ", s.Offset, tr.Kind)
			}
		}
		n := 0
		for ; n < 400; n++ {
			step(a, n, 800, 0)
		}
		step(a, n, 950, 0) // fails from here on
		n++
		step(a, n, 950, jump)
		n++
		b := faultNew(t, r)
		b.Restore(Saved{Alerts: a.Open(), LastID: 1})
		for range 5 {
			step(b, n, 950, jump)
			n++
		}
		return got
	}
	if a, b := run(0), run(time.Hour); a != b {
		t.Errorf("without a jump: %s\nwith one: %s", a, b)
	}
}

// Until may be further off than the monotonic clock reaches.
func TestSilenceForEver(t *testing.T) {
	a := faultNew(t, faultRule())
	a.Step(faultSnap(1, number(1)), Inventory{})
	until := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	if _, err := a.Silence("r", until, "ann", faultEpoch); err != nil {
		t.Fatal(err)
	}
	a.Step(faultSnap(2, number(1)), Inventory{})
	if len(a.Silences()) != 1 {
		t.Errorf("silenced until %v: over at the next sample", until)
	}
	b := faultNew(t, faultRule())
	b.Restore(Saved{Silences: []health.Silence{{Rule: "r", Until: until, At: faultEpoch}}})
	b.Step(faultSnap(3, number(1)), Inventory{})
	if len(b.Silences()) != 1 {
		t.Errorf("restored: over at the first sample")
	}
}

// A rule's status stands since an earlier process saw it begin.
func TestStatusStandsSinceBeforeTheRestart(t *testing.T) {
	warned, failed := faultFiring(5), faultFiring(5)
	failed.Severity, failed.FailingSince, failed.FailingFor = health.Fail, faultEpoch.Add(-10*time.Minute), 10*time.Minute
	for _, row := range []struct {
		name  string
		saved health.Alert
		value float64
		want  time.Time
	}{
		{"it warned and warns", warned, 800, warned.Began},
		{"it failed and fails", failed, 950, failed.FailingSince},
		{"it warned and fails now", warned, 950, faultEpoch},
		{"it failed and warns now", failed, 800, faultEpoch},
		{"it warned and is healthy", warned, 100, faultEpoch},
	} {
		for _, unknown := range []int{0, 1} { // samples that have no reading yet
			a := faultNew(t, faultRule())
			a.Restore(Saved{Alerts: []health.Alert{row.saved}, LastID: 5})
			for i := range unknown {
				a.Step(faultSnap(i-unknown), Inventory{})
			}
			for i := range 2 {
				if got := a.Step(faultSnap(i, number(row.value)), Inventory{}).Rules[0].Since; !got.Equal(row.want) {
					t.Errorf("%s, after %d samples without a reading: sample %d: got %v, want %v", row.name, unknown, i, got, row.want)
				}
			}
		}
	}
}
