package alerting_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health"
)

// snapshot is one sample of a queue, ten seconds after the one before.
func snapshot(n int, length float64) *health.Snapshot {
	return &health.Snapshot{
		Time:   time.Date(2026, 3, 1, 12, 0, 10*n, 0, time.UTC),
		Offset: time.Duration(n) * 10 * time.Second,
		Metrics: []health.Metric{{
			Name: "orders.queue.length", Unit: "{order}",
			Readings: []health.Reading{{Value: length}},
		}},
	}
}

func Example() {
	alerter, err := alerting.New([]alerting.Rule{{
		Name:    "queue",
		Metric:  "orders.queue.length",
		Warn:    alerting.At(100),
		Fail:    alerting.At(500),
		Affects: alerting.Readiness,
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for n, length := range []float64{20, 120, 700, 90, 80, 70} {
		result := alerter.Step(snapshot(n, length), alerting.Inventory{})
		fmt.Println(length, result.Rules[0].Status)
		for _, t := range result.Transitions {
			fmt.Printf("  %s: %s\n", t.Kind, t.Alert.Message())
		}
		if result.FailsReadiness != "" {
			fmt.Println("  not ready because of", result.FailsReadiness)
		}
	}
	// Output:
	// 20 pass
	// 120 warn
	//   firing: orders.queue.length is 120, at or above 100; peak 120, lowest 120 in 1 breaching sample
	// 700 fail
	//   escalated: orders.queue.length is 700, at or above 500 for 10s; peak 700, lowest 120 in 2 breaching samples
	//   not ready because of queue
	// 90 pass
	// 80 pass
	// 70 pass
	//   resolved: orders.queue.length recovered after 40s; peak 700, lowest 120 in 2 breaching samples
}

func ExampleRule() {
	rule := alerting.Rule{
		Name:          "checkout",
		Metric:        "checkout.failures",
		Measure:       alerting.RatePerMinute,
		Fail:          alerting.At(30),
		For:           time.Minute,
		KeepFiringFor: 5 * time.Minute,
		Breaches:      4, Within: 6,
	}
	fmt.Println(rule.Validate())
	// Output: <nil>
}

func ExampleRule_Validate() {
	rule := alerting.Rule{
		Name: "fd",
		Warn: alerting.ShareOf(health.MetricFDLimit, 0.9),
		Fail: alerting.ShareOf(health.MetricFDLimit, 0.7),
	}
	fmt.Println(rule.Validate())
	// Output:
	// rule "fd": Metric: got "", want the name of a metric
	// rule "fd": Warn: got 90% of otelhealth.fd.limit, want at most Fail, which is 70% of otelhealth.fd.limit
}

func ExampleComponents() {
	for _, rule := range alerting.Components() {
		fmt.Println(rule.Name, "judges", rule.Metric)
	}
	// Output:
	// fd judges process.unix.file_descriptor.count
	// memory judges process.memory.usage
	// database judges db.client.connection.count
	// websocket judges otelhealth.websocket.connection.count
	// threads judges process.thread.count
	// goroutines judges go.goroutine.count
	// stuck judges otelhealth.stuck.count
	// pool judges otelhealth.db.pool.utilization
}

func ExampleAlerter_Acknowledge() {
	alerter, err := alerting.New([]alerting.Rule{{Name: "queue", Metric: "orders.queue.length", Warn: alerting.At(100)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	alerter.Step(snapshot(0, 120), alerting.Inventory{})
	at := time.Date(2026, 3, 1, 12, 0, 5, 0, time.UTC)
	t, err := alerter.Acknowledge(1, "ann", "scaling out", at)
	fmt.Println(t.Kind, t.Alert.AcknowledgedBy, t.Alert.Note, err)
	_, err = alerter.Acknowledge(2, "ann", "", at)
	fmt.Println(err)
	// Output:
	// acknowledged ann scaling out <nil>
	// acknowledge alert 2: no such alert
}

func ExampleSlogNotifier() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	_ = alerting.NewSlogNotifier(logger).Notify(context.Background(), alerting.Notification{
		Key:  "orders-1/7-1772366400000-1/slog",
		Kind: health.DeliverFiring,
		Alert: health.Alert{
			ID: 7, Rule: health.RuleMemory, Metric: health.MetricMemoryRSS, State: health.AlertFiring,
			Severity: health.Fail, Value: 1100 << 20, Threshold: 1000 << 20, Peak: 1100 << 20, Lowest: 1010 << 20, Breaches: 2,
		},
	})
	// Output:
	// level=ERROR msg="alert firing" id=7 rule=memory severity=fail metric=process.memory.usage value=1.1534336e+09 threshold=1.048576e+09 message="memory_rss_mb is 1100 MiB, at or above 1000 MiB; peak 1100 MiB, lowest 1010 MiB in 2 breaching samples" key=orders-1/7-1772366400000-1/slog
}
