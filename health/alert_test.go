package health

import (
	"testing"
	"time"
)

func TestAnAlertIsShownUnderTheOriginalsNames(t *testing.T) {
	for _, row := range []struct {
		alert            Alert
		kind, metric     string
		value, threshold Number
		message          string
	}{
		{Alert{Rule: RuleFD, Severity: Warn, Value: 912, Threshold: 700}, "fd_warn", "fd_count", 912, 700, "fd_count is 912, at or above 700"},
		{Alert{Rule: RuleMemory, Severity: Fail, Value: 1100.5 * mib, Threshold: 1000 * mib}, "memory_fail", "memory_rss_mb", 1100.5, 1000, "memory_rss_mb is 1100.5 MiB, at or above 1000 MiB"},
		{Alert{Rule: RuleDatabase, Severity: Warn, Value: 10, Threshold: 10}, "db_warn", "db_connections_total", 10, 10, "db_connections_total is 10, at or above 10"},
		{Alert{Rule: RuleWebSocket, Severity: Fail, Value: 20, Threshold: 20}, "ws_fail", "ws_connections_total", 20, 20, "ws_connections_total is 20, at or above 20"},
		{Alert{Rule: RuleThreads, Severity: Warn, Value: 50, Threshold: 50}, "thread_warn", "thread_count", 50, 50, "thread_count is 50, at or above 50"},
		{Alert{Rule: RuleGoroutines, Severity: Warn, Value: 10000, Threshold: 10000}, "goroutine_warn", "goroutine_count", 10000, 10000, "goroutine_count is 10000, at or above 10000"},
		{Alert{Rule: RuleStuck, Severity: Warn, Value: 1, Threshold: 1}, "stuck_warn", "stuck_count", 1, 1, "stuck_count is 1, at or above 1"},
		{Alert{Rule: RulePool, Instance: "orders", Severity: Fail, Value: 0.96666, Threshold: 0.95}, "pool_fail", "pool_utilization", 0.967, 0.95, "pool_utilization of orders is 0.967, at or above 0.95"},
		{Alert{Rule: "queue", Metric: "queue.length", Unit: "{order}", Severity: Warn, Value: 7, Threshold: 5}, "queue_warn", "queue.length", 7, 5, "queue.length is 7, at or above 5"},
		{Alert{Rule: "lag", Metric: "lag", Unit: "s", Severity: Warn, Value: 7, Threshold: 5}, "lag_warn", "lag", 7, 5, "lag is 7 s, at or above 5 s"},
		{Alert{Rule: "grow", Metric: "heap", Unit: "By/min", Severity: Warn, Value: 7, Threshold: 5}, "grow_warn", "heap", 7, 5, "heap is 7 By/min, at or above 5 By/min"},
		{Alert{Rule: "hits", Metric: "hits", Unit: "{hit}/min", Severity: Warn, Value: 3, Threshold: 5, Below: true}, "hits_warn", "hits", 3, 5, "hits is 3/min, at or below 5/min"},
		{Alert{Rule: "ratio", Metric: "ratio", Unit: "1", Severity: Warn, Value: 0.5, Threshold: 0.9, Below: true}, "ratio_warn", "ratio", 0.5, 0.9, "ratio is 0.5, at or below 0.9"},
	} {
		a := row.alert
		a.State = AlertFiring
		if a.Type() != row.kind || a.MetricName() != row.metric || a.MetricValue() != row.value || a.ThresholdValue() != row.threshold {
			t.Errorf("%s: got %s, %s, %v, %v, want %s, %s, %v, %v", a.Rule,
				a.Type(), a.MetricName(), a.MetricValue(), a.ThresholdValue(), row.kind, row.metric, row.value, row.threshold)
		}
		if got := a.Message(); got != row.message {
			t.Errorf("%s: got the message\n%s, want\n%s", a.Rule, got, row.message)
		}
	}
}

func TestAMessageTellsTheStory(t *testing.T) {
	base := Alert{Rule: RuleFD, State: AlertFiring, Severity: Warn, Value: 705, Threshold: 700, Peak: 912, Lowest: 702, Breaches: 45, Lasted: 12*time.Minute + 30*time.Second + 4*time.Millisecond}
	for _, row := range []struct {
		sentence string
		change   func(*Alert)
		want     string
	}{
		{"while it fires", func(*Alert) {}, "fd_count is 705, at or above 700 for 12m30s; peak 912, lowest 702 in 45 breaching samples"},
		{"on the way back", func(a *Alert) { a.Value = 600 }, "fd_count is 600, back from 700 for 12m30s; peak 912, lowest 702 in 45 breaching samples"},
		{"without data", func(a *Alert) { a.NoData = true }, "fd_count is 705, at or above 700 for 12m30s; no data now; peak 912, lowest 702 in 45 breaching samples"},
		{"when it recovered", func(a *Alert) { a.State, a.Cause = AlertResolved, CauseRecovered }, "fd_count recovered after 12m30s; peak 912, lowest 702 in 45 breaching samples"},
		{"when a person resolved it", func(a *Alert) { a.State, a.Cause, a.ResolvedBy = AlertResolved, CausePerson, "ann" }, "fd_count was resolved by ann after 12m30s; peak 912, lowest 702 in 45 breaching samples"},
		{"when nobody knows who did", func(a *Alert) { a.State, a.Cause = AlertResolved, CausePerson }, "fd_count was resolved by a person after 12m30s; peak 912, lowest 702 in 45 breaching samples"},
		{"when its rule went away", func(a *Alert) { a.State, a.Cause = AlertResolved, CauseRuleGone }, "fd_count is resolved after 12m30s: its rule is gone; peak 912, lowest 702 in 45 breaching samples"},
		{"when its source went away", func(a *Alert) { a.State, a.Cause = AlertResolved, CauseSourceGone }, "fd_count is resolved after 12m30s: its source is gone; peak 912, lowest 702 in 45 breaching samples"},
		{"when it was one too many", func(a *Alert) { a.State, a.Cause = AlertResolved, CauseDuplicate }, "fd_count is resolved after 12m30s: another alert says the same; peak 912, lowest 702 in 45 breaching samples"},
		{"briefly", func(a *Alert) { a.Lasted, a.Breaches, a.Peak, a.Lowest = 20*time.Millisecond, 1, 705, 705 }, "fd_count is 705, at or above 700 for 20ms; peak 705, lowest 705 in 1 breaching sample"},
	} {
		a := base
		row.change(&a)
		if got := a.Message(); got != row.want {
			t.Errorf("%s:\n got %s\nwant %s", row.sentence, got, row.want)
		}
	}
}

func TestAKeyIsThatOfItsRuleAndAttributesAlone(t *testing.T) {
	base := Alert{ID: 1, Rule: "pool", Attributes: []Attribute{{"name", "orders"}}}
	same := Alert{ID: 2, Rule: "pool", Severity: Fail, Attributes: []Attribute{{"name", "orders"}}}
	if base.Key() != same.Key() {
		t.Error("what is no part of the key changes it")
	}
	for _, other := range []Alert{
		{Rule: "pool"},
		{Rule: "poo", Attributes: base.Attributes},
		{Rule: "pool", Attributes: []Attribute{{"name", "order"}, {"s", ""}}},
		{Rule: "pool", Attributes: []Attribute{{"nameo", "rders"}}},
	} {
		if other.Key() == base.Key() {
			t.Errorf("%+v has the key of another", other)
		}
	}
}

func TestWhatAnAlertSaysOfItself(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a := Alert{State: AlertPending}
	if !a.Open() || a.Fired() || a.Acknowledged() || a.Silenced() {
		t.Error("a pending alert is open and no more")
	}
	a = Alert{State: AlertResolved, FiredAt: at, AcknowledgedAt: at, SilencedUntil: at}
	if a.Open() || !a.Fired() || !a.Acknowledged() || !a.Silenced() {
		t.Error("a resolved alert that fired is not open")
	}
	if d := (&Delivery{}); d.MayHaveArrived() {
		t.Error("what was never attempted cannot have arrived")
	}
	if d := (&Delivery{Attempts: 1, State: DeliveryGivenUp}); !d.MayHaveArrived() {
		t.Error("what was attempted may have arrived, whatever became of it")
	}
}
