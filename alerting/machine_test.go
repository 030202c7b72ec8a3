package alerting

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/otelhealth/otelhealth-go/health"
)

func fdRule(change func(*Rule)) Rule {
	r := Rule{Warn: At(700), Fail: At(900)}
	if change != nil {
		change(&r)
	}
	return r
}

func lasting(d time.Duration) Rule { return fdRule(func(r *Rule) { r.For = d }) }

// TestAlerts: each row is one story of the file descriptors, which warn at 700 and fail at 900.
func TestAlerts(t *testing.T) {
	plain := fdRule(nil)
	clearAt := fdRule(func(r *Rule) { r.Clear = At(600) })
	twoOfThree := fdRule(func(r *Rule) { r.Breaches, r.Within = 2, 3 })
	keep := fdRule(func(r *Rule) { r.KeepFiringFor = time.Minute })
	failOnly := Rule{Fail: At(900)}
	warnOnly := Rule{Warn: At(700)}
	below := Rule{Warn: At(10), Fail: At(5), Direction: Below}

	for _, row := range []struct {
		sentence string
		rule     Rule
		script   string
		want     string
	}{
		// thresholds
		{"below the threshold nothing happens", plain, "0 699 699.9", ""},
		{"a value equal to the threshold breaches it", plain, "699 700", "10s firing warn"},
		{"at the fail threshold it fires at fail at once", plain, "900", "0s firing fail"},
		{"a rule without warn fires at fail", failOnly, "899 900", "10s firing fail"},
		{"a rule without fail fires at warn however high the value", warnOnly, "5000", "0s firing warn"},
		{"a rule that looks below breaches at and below its thresholds", below, "11 10 5 11 11 11",
			"10s firing warn; 20s escalated fail; 50s resolved recovered"},

		// resolving and flapping
		{"it resolves at the third healthy sample in a row", plain, "700 699 699 699", "0s firing warn; 30s resolved recovered"},
		{"a flapping value is one alert, not many", plain, "700 699 700 699 699 700 699 699 699",
			"0s firing warn; 1m20s resolved recovered"},
		{"the next breach after resolving is another alert", plain, "700 0 0 0 700", "0s firing warn; 30s resolved recovered; 40s firing warn"},
		{"with a clear threshold a value in between neither resolves", clearAt, "700 650 650 650 650 599 599 599",
			"0s firing warn; 1m10s resolved recovered"},
		{"with a clear threshold a value in between does not fire either", clearAt, "650 650 650", ""},
		{"a value in between starts the healthy samples anew", clearAt, "700 599 599 650 599 599 599", "0s firing warn; 1m0s resolved recovered"},
		{"it keeps firing for a minute after the last breach", keep, "700 0 0 0 0 0 0 0", "0s firing warn; 1m0s resolved recovered"},
		{"a breach starts that minute anew", keep, "700 0 0 0 700 0 0 0 0 0 0", "0s firing warn; 1m40s resolved recovered"},

		// severity
		{"it escalates in place", plain, "700 900", "0s firing warn; 10s escalated fail"},
		{"it de-escalates in place, at the third sample below fail", plain, "900 800 800 800", "0s firing fail; 30s deescalated warn"},
		{"a fail in between starts the way down anew", plain, "900 800 800 900 800 800 800", "0s firing fail; 1m0s deescalated warn"},
		{"up and down and up is still one alert", plain, "700 900 800 800 800 900 0 0 0",
			"0s firing warn; 10s escalated fail; 40s deescalated warn; 50s escalated fail; 1m20s resolved recovered"},
		{"from fail straight to healthy it resolves without de-escalating", plain, "900 0 0 0", "0s firing fail; 30s resolved recovered"},
		{"KeepFiringFor holds the severity too", keep, "900 800 800 800 800 800 800", "0s firing fail; 1m0s deescalated warn"},
		{"without a warn level it stays at fail while it is not clear", fdRule(func(r *Rule) { r.Warn, r.Clear = Threshold{}, At(600) }),
			"900 800 800 800 800", "0s firing fail"},

		// waiting
		{"with For it is pending first and fires when the time has passed", lasting(20 * time.Second), "700 700 700 700",
			"0s pending warn; 20s firing warn"},
		{"a pending alert that recovers never fires", lasting(20 * time.Second), "700 700 699", "0s pending warn; 20s resolved recovered"},
		{"with For each breach waits by itself", lasting(10 * time.Second), "700 699 700 699",
			"0s pending warn; 10s resolved recovered; 20s pending warn; 30s resolved recovered"},
		{"a fail that has not lasted long enough fires at warn, and escalates when it has", lasting(20 * time.Second), "700 700 900 900 900",
			"0s pending warn; 20s firing warn; 40s escalated fail"},
		{"a short fail does not escalate", lasting(20 * time.Second), "700 700 700 900 700", "0s pending warn; 20s firing warn"},
		{"two breaches of three samples fire", twoOfThree, "700 699 700", "0s pending warn; 20s firing warn"},
		{"two breaches of four samples do not", twoOfThree, "700 699 699 699 700", "0s pending warn; 30s resolved recovered; 40s pending warn"},
		{"two fails of three samples escalate", twoOfThree, "700 700 900 700 900", "0s pending warn; 10s firing warn; 40s escalated fail"},

		// missing data
		{"a missing reading does not fire", plain, "- - -", ""},
		{"a missing reading does not resolve", plain, "700 - - - - 699 - 699 699", "0s firing warn; 1m20s resolved recovered"},
		{"a missing reading does not end the wait", lasting(20 * time.Second), "700 - 700", "0s pending warn; 20s firing warn"},
		{"after a while without readings that is said, once, and so is their return",
			fdRule(func(r *Rule) { r.NoDataAfter = 30 * time.Second }), "700 - - - - 700",
			"0s firing warn; 30s no_data; 50s data_returned"},
		{"two breaches of three samples are counted without the missing ones", twoOfThree, "700 - - - - 700", "0s pending warn; 50s firing warn"},

		// persons
		{"an acknowledged alert resolves by itself", plain, "700 ack 0 0 0", "0s firing warn; 0s acknowledged by ann; 30s resolved recovered"},
		{"escalation clears the acknowledgement", plain, "700 ack 900 ack", "0s firing warn; 0s acknowledged by ann; 10s escalated fail; 10s acknowledged by ann"},
		{"a pending alert cannot be acknowledged", lasting(time.Minute), "700 ack", "0s pending warn; error: the alert does not fire yet"},
		{"resolved by a person while it breaches, it does not reopen", plain, "700 resolve 700 900 700", "0s firing warn; 0s resolved person by ann"},
		{"until the value has been healthy once", plain, "700 resolve 700 699 700",
			"0s firing warn; 0s resolved person by ann; 20s released; 30s firing warn"},
		{"healthy means better than the clear threshold", clearAt, "700 resolve 650 700 599 700",
			"0s firing warn; 0s resolved person by ann; 30s released; 40s firing warn"},
		{"resolved by a person while it was already healthy, it may reopen", plain, "700 699 resolve 700",
			"0s firing warn; 10s resolved person by ann; 20s firing warn"},
		{"a person may resolve a pending alert", lasting(time.Minute), "700 resolve 700 700", "0s pending warn; 0s resolved person by ann"},
		{"a missing reading does not release", plain, "700 resolve - 700", "0s firing warn; 0s resolved person by ann"},

		// silence
		{"a silenced rule is judged all the same", plain, "silence:1h 700 900 0 0 0", "0s firing warn; 10s escalated fail; 40s resolved recovered"},
		{"a silence ends by itself", plain, "700 silence:15s 700 700 700", "0s firing warn; 0s silenced by ann; 20s unsilenced"},
		{"or by a person", plain, "700 silence:1h 700 unsilence 700", "0s firing warn; 0s silenced by ann; 10s unsilenced by ann"},
		{"an alert that recovers when the silence ends is not brought up again", plain, "700 silence:25s 0 0 0",
			"0s firing warn; 0s silenced by ann; 30s resolved recovered"},

		// restarts
		{"a firing alert goes on firing over a restart", plain, "700 restart 700 700", "0s firing warn"},
		{"what recovered meanwhile resolves", plain, "700 restart:1h 0 0 0", "0s firing warn; 1h0m30s resolved recovered"},
		{"what got worse meanwhile escalates", plain, "700 restart 900", "0s firing warn; 10s escalated fail"},
		{"a missing reading after a restart does not resolve", plain, "700 restart - - 700", "0s firing warn"},
		{"a pending alert goes on waiting", lasting(20 * time.Second), "700 restart 700 700", "0s pending warn; 20s firing warn"},
		{"the time away counts", lasting(20 * time.Second), "700 restart:30s 700", "0s pending warn; 40s firing warn"},
		{"a pending alert that recovered meanwhile is gone", lasting(20 * time.Second), "700 restart 0", "0s pending warn; 10s resolved recovered"},
		{"the fail level goes on waiting too", lasting(20 * time.Second), "700 700 700 900 restart 900 900",
			"0s pending warn; 20s firing warn; 50s escalated fail"},
		{"KeepFiringFor is counted anew after a restart", keep, "700 0 0 0 restart 0 0 0 0 0 0 0 0", "0s firing warn; 1m40s resolved recovered"},
		{"an acknowledgement survives", plain, "700 ack restart 700 900", "0s firing warn; 0s acknowledged by ann; 20s escalated fail"},
		{"a person's resolving survives", plain, "700 resolve restart 700 0 700",
			"0s firing warn; 0s resolved person by ann; 20s released; 30s firing warn"},
		{"a silence survives", plain, "700 silence:25s restart 700 700 700", "0s firing warn; 0s silenced by ann; 30s unsilenced"},
		{"a silence that ended meanwhile is ended", plain, "700 silence:25s restart:1h 700", "0s firing warn; 0s silenced by ann; 1h0m10s unsilenced"},
		{"no data survives", fdRule(func(r *Rule) { r.NoDataAfter = 10 * time.Second }), "700 - restart - - 700",
			"0s firing warn; 10s no_data; 40s data_returned"},
		{"a crash resolves what recovered, from what was last committed", plain, "700 700 700 crash 0 0 0", "0s firing warn; 50s resolved recovered"},
		{"an alert whose rule is gone is resolved for that", plain, "700 norule -", "0s firing warn; 10s resolved rule_gone"},

		// clocks
		{"a wall clock that jumps ahead fires nothing early", lasting(20 * time.Second), "700 clock:24h 700 700", "0s pending warn; 20s firing warn"},
		{"one that jumps back delays nothing", lasting(20 * time.Second), "700 clock:-24h 700 700", "0s pending warn; 20s firing warn"},
		{"a jump ahead does not cut KeepFiringFor short", keep, "700 0 clock:24h 0 0 0 0 0", "0s firing warn; 1m0s resolved recovered"},
		{"a jump back does not prolong it", keep, "700 0 clock:-24h 0 0 0 0 0", "0s firing warn; 1m0s resolved recovered"},
		{"a jump ahead does not end a silence", plain, "700 silence:25s clock:24h 700 700 700", "0s firing warn; 0s silenced by ann; 30s unsilenced"},
		{"a jump back does not prolong a silence", plain, "700 silence:25s clock:-24h 700 700 700", "0s firing warn; 0s silenced by ann; 30s unsilenced"},
		{"a jump back during a restart counts as no time", lasting(20 * time.Second), "700 clock:-24h restart 700 700 700",
			"0s pending warn; 30s firing warn"},
		{"a jump back during a restart does not prolong a silence", plain, "700 silence:15s clock:-24h restart 700 700 700",
			"0s firing warn; 0s silenced by ann; 30s unsilenced"},
	} {
		t.Run(row.sentence, func(t *testing.T) {
			got := strings.Join(newStory(t, row.rule).tell(row.script), "; ")
			if got != row.want {
				t.Errorf("%s\nscript %s\n   got %s\n  want %s", row.sentence, row.script, got, row.want)
			}
		})
	}
}

func TestTheAlertKnowsItsNumbers(t *testing.T) {
	s := newStory(t, fdRule(nil))
	s.tell("0 710 950 690 705 restart 600")
	want := health.Alert{
		ID: 1, Rule: "fd", Metric: health.MetricFDCount, Unit: "{file_descriptor}",
		State: health.AlertFiring, Severity: health.Fail, Threshold: 900,
		Value: 600, Peak: 950, Lowest: 705, Breaches: 3,
		Began: storyStart.Add(10 * time.Second), FiredAt: storyStart.Add(10 * time.Second),
		Updated: storyStart.Add(50 * time.Second), Lasted: 40 * time.Second, Changes: 2,
	}
	if diff := cmp.Diff(want, s.alert()); diff != "" {
		t.Errorf("the alert (-want +got):\n%s", diff)
	}
}

func TestAnAcknowledgementIsKeptUntilItEnds(t *testing.T) {
	s := newStory(t, fdRule(nil))
	s.tell("900 ack restart 900")
	a := s.alert()
	if !a.Acknowledged() || a.AcknowledgedBy != "ann" || a.Note != "mine" || !a.AcknowledgedAt.Equal(storyStart.Add(time.Second)) {
		t.Errorf("after a restart the acknowledgement is by %q with %q at %v", a.AcknowledgedBy, a.Note, a.AcknowledgedAt)
	}
	s.tell("800 800 800")
	if a := s.alert(); !a.Acknowledged() {
		t.Error("de-escalation cleared the acknowledgement")
	}
	s.tell("900")
	if a := s.alert(); a.Acknowledged() || a.AcknowledgedBy != "" || a.Note != "" {
		t.Error("escalation left the acknowledgement")
	}
}

func TestDurationsIgnoreTheWallClock(t *testing.T) {
	s := newStory(t, fdRule(nil))
	s.tell("700 clock:24h 700 700 clock:-48h 700")
	if a := s.alert(); a.Lasted != 30*time.Second {
		t.Errorf("it lasted %v, want 30s", a.Lasted)
	}
}

func TestIDsThatNoAlertHad(t *testing.T) {
	const skipped = 1000
	for _, test := range []struct {
		name    string
		saved   []int64 // the last id of each Restore
		unknown []int64
		had     []int64
	}{
		{"no store", nil, []int64{1, skipped}, []int64{skipped + 1}},
		{"a store that can be read late", []int64{5}, []int64{6, skipped}, []int64{1, 5, skipped + 1}},
	} {
		s := newStory(t, fdRule(nil))
		s.alerter.SkipIDs(skipped)
		s.tell("700 0 0 0")
		for _, id := range test.saved {
			s.alerter.Restore(Saved{LastID: id})
		}
		for ids, want := range map[*[]int64]error{&test.unknown: health.ErrUnknownAlert, &test.had: health.ErrAlertResolved} {
			for _, id := range *ids {
				if _, err := s.alerter.Resolve(id, "ann", "", storyStart); !errors.Is(err, want) {
					t.Errorf("%s: alert %d: got %v, want %v", test.name, id, err, want)
				}
			}
		}
	}
}

func TestAnActionNamesWhatItCannotFind(t *testing.T) {
	s := newStory(t, fdRule(nil))
	s.tell("700 0 0 0")
	for _, row := range []struct {
		id   int64
		want string
	}{
		{0, "no such alert"}, {-1, "no such alert"}, {2, "no such alert"}, {1, "the alert is resolved already"},
	} {
		_, errAcknowledge := s.alerter.Acknowledge(row.id, "ann", "", storyStart)
		_, errResolve := s.alerter.Resolve(row.id, "ann", "", storyStart)
		for _, err := range []error{errAcknowledge, errResolve} {
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("alert %d: got %v, want %q", row.id, err, row.want)
			}
		}
	}
	if _, err := s.alerter.Silence("fds", storyStart, "ann", storyStart); err == nil || !strings.Contains(err.Error(), `"fds": no such rule`) {
		t.Errorf("silencing an unknown rule: got %v", err)
	}
}

func TestOfTwoRestoredAlertsForOneBreachTheOldestStays(t *testing.T) {
	s := newStory(t, fdRule(nil))
	s.tell("700")
	twin := s.alert()
	twin.ID = 7
	s.store.alerts[7] = twin
	got := strings.Join(s.tell("restart 700"), "; ")
	if want := "0s firing warn; 10s resolved duplicate"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if a := s.alert(); a.ID != 1 {
		t.Errorf("alert %d stayed, want 1", a.ID)
	}
	s.tell("0 0 0 700")
	if a := s.alert(); a.ID != 8 {
		t.Errorf("the next alert is %d, want 8, which no alert had before", a.ID)
	}
}

func TestIdsGoOnWhereTheyStopped(t *testing.T) {
	s := newStory(t, fdRule(nil))
	s.alerter.SkipIDs(1_700_000_000_000)
	s.tell("700")
	if a := s.alert(); a.ID != 1_700_000_000_001 {
		t.Errorf("the first alert is %d, want the id after the last", a.ID)
	}
}

func TestAnAlertThatOpensWhileItsRuleIsSilencedIsSilenced(t *testing.T) {
	s := newStory(t, fdRule(nil))
	s.store.destinations = []string{"chat"}
	s.tell("silence:25s 700 restart 700")
	if a := s.alert(); !a.Silenced() || !a.SilencedUntil.Equal(storyStart.Add(16*time.Second)) {
		t.Errorf("it is silenced until %v", a.SilencedUntil)
	}
	if d := s.store.all(); len(d) != 0 {
		t.Errorf("it notifies: %+v", d)
	}
	s.tell("700 700")
	if d := s.store.all(); len(d) != 1 || s.alerter.Silences() != nil {
		t.Errorf("after the silence there are %d deliveries, want the firing", len(d))
	}
}

func TestAStoreThatCannotBeReadAtFirst(t *testing.T) {
	for _, row := range []struct{ sentence, script, want string }{
		{"what fired goes on firing", "700 blind sees 700 0 0 0", "0s firing warn; 40s resolved recovered"},
		{"what fired anew meanwhile stays, and the old one ends", "700 blind 700 sees 700", "0s firing warn; 10s firing warn; 20s resolved duplicate"},
		{"what recovered meanwhile is resolved", "700 blind 0 0 0 sees 0 0 0", "0s firing warn; 1m0s resolved recovered"},
		{"what escalated meanwhile escalates", "700 blind sees 900", "0s firing warn; 10s escalated fail"},
		{"what was resolved by a person stays so", "700 resolve blind 0 700 sees 700", "0s firing warn; 0s resolved person by ann; 20s firing warn; 30s released"},
		{"what was silenced is silenced, also what fired meanwhile", "silence:1h blind 700 sees 700", "0s firing warn; 10s silenced by ann"},
		{"what is of this process is left alone", "blind 700 sees 700 0 0 0", "0s firing warn; 40s resolved recovered"},
		{"and so is what it resolved", "blind 700 resolve sees 0 700", "0s firing warn; 0s resolved person by ann; 10s released; 20s firing warn"},
	} {
		t.Run(row.sentence, func(t *testing.T) {
			s := newStory(t, fdRule(nil))
			if got := strings.Join(s.tell(row.script), "; "); got != row.want {
				t.Errorf("%s\ngot  %s\nwant %s", row.script, got, row.want)
			}
			if got := len(s.alerter.Open()); got > 1 {
				t.Errorf("%d alerts are open for one breach", got)
			}
		})
	}
}
