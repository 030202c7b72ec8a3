package browsertest

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/history"
)

// The history: a sample a minute for seven days, and one every ten seconds in the last hour.
const (
	week     = 7 * 24 * time.Hour
	lastHour = time.Hour
)

var (
	madeWeek   sync.Once
	weekFolder string
	errWeek    error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if weekFolder != "" {
		_ = os.RemoveAll(weekFolder) // it is in the system's folder for such
	}
	os.Exit(code)
}

// weekOfHistory returns the path of a history that all tests start from.
func weekOfHistory(t *testing.T) string {
	t.Helper()
	madeWeek.Do(func() {
		if weekFolder, errWeek = os.MkdirTemp("", "otelhealth-browsertest-"); errWeek == nil { //nolint:usetesting // outlives the test
			errWeek = writeWeek(filepath.Join(weekFolder, "health.db"), time.Now())
		}
	})
	if errWeek != nil {
		t.Fatalf("write a week of history: %v", errWeek)
	}
	return filepath.Join(weekFolder, "health.db")
}

func writeWeek(path string, now time.Time) error {
	ctx := context.Background()
	store, err := history.Open(history.Config{Path: path})
	if err != nil {
		return err
	}
	days := life{random: rand.New(rand.NewPCG(1, 2)), now: now}
	last := now.Add(-lastHour).Truncate(time.Minute)
	for at, n := now.Add(-week).Truncate(time.Minute), 0; at.Before(now); n++ {
		store.Record(days.snapshot(at))
		if n%200 == 199 { // the queue is bounded
			if err := store.Flush(ctx); err != nil {
				return err
			}
		}
		if at.Before(last) {
			at = at.Add(time.Minute)
		} else {
			at = at.Add(10 * time.Second)
		}
	}
	store.RecordTransitions(days.pastAlerts())
	if err := store.Flush(ctx); err != nil {
		return err
	}
	return store.Close(ctx)
}

// life makes up the numbers of a service that is busy by day.
type life struct {
	random *rand.Rand
	now    time.Time
}

func (l *life) snapshot(at time.Time) *health.Snapshot {
	day := 0.5 - 0.5*math.Cos(2*math.Pi*float64(at.Unix()%86400)/86400)
	noise := func(share float64) float64 { return 1 + share*(l.random.Float64()-0.5) }
	fds := math.Round((120 + 180*day) * noise(0.2))
	for _, breach := range l.breaches() {
		if !at.Before(breach.from) && at.Before(breach.to) {
			fds = math.Round(breach.peak * noise(0.05))
		}
	}
	used, echo := math.Round(1+4*day*noise(0.6)), math.Round(2+2*day)
	one := func(name, unit string, value float64) health.Metric {
		return health.Metric{Name: name, Unit: unit, Scope: health.Scope, Readings: []health.Reading{{Value: value}}}
	}
	poolState := func(pool, state string, value float64) health.Reading {
		return health.Reading{Value: value, Attributes: attribute.NewSet(attribute.String(health.AttrPoolName, pool), attribute.String(health.AttrPoolState, state))}
	}
	broker := func(name string, value float64) health.Reading {
		return health.Reading{Value: value, Attributes: attribute.NewSet(attribute.String(health.AttrWebSocketSource, name))}
	}
	status := health.Pass
	switch {
	case fds >= 900:
		status = health.Fail
	case fds >= 700:
		status = health.Warn
	}
	return &health.Snapshot{
		Time: at.UTC(), Interval: 10 * time.Second, Overall: status,
		Metrics: []health.Metric{
			one(health.MetricFDCount, "{file_descriptor}", fds),
			one(health.MetricMemoryRSS, "By", (180+90*day*noise(0.1))*(1<<20)),
			one(health.MetricThreads, "{thread}", math.Round(14+3*day*noise(0.5))),
			one(health.MetricGoroutines, "{goroutine}", math.Round((60+240*day)*noise(0.25))),
			one(health.MetricCPUUtil, "1", (0.02+0.3*day)*noise(0.5)),
			{Name: health.MetricPoolCount, Unit: "{connection}", Scope: health.Scope, Readings: []health.Reading{
				poolState("orders", health.PoolStateUsed, used), poolState("orders", health.PoolStateIdle, 5-used),
				poolState("quotes", health.PoolStateUsed, 1), poolState("quotes", health.PoolStateIdle, 1),
			}},
			{Name: health.MetricWSConnections, Unit: "{connection}", Scope: health.Scope, Readings: []health.Reading{broker("fyers", 3), broker("zerodha", echo)}},
			{Name: "orders.queue.length", Unit: "{order}", Scope: health.Scope + "/source", Readings: []health.Reading{
				{Value: math.Round(40 * day * noise(1)), Attributes: attribute.NewSet(attribute.String("queue", "new"))},
				{Value: math.Round(9 * day * noise(1)), Attributes: attribute.NewSet(attribute.String("queue", "amended"))},
			}},
		},
		Rules: []health.RuleState{
			{Name: health.RuleFD, Metric: health.MetricFDCount, Value: health.Number(fds), Status: status},
			{Name: health.RuleDatabase, Metric: health.MetricPoolCount, Value: 7, Status: health.Pass},
			{Name: health.RuleWebSocket, Metric: health.MetricWSConnections, Value: health.Number(3 + echo), Status: health.Pass},
		},
	}
}

type breach struct {
	from, to time.Time
	peak     float64
}

// breaches are times at which too many files were open.
func (l *life) breaches() []breach {
	minutes := func(before, lasted time.Duration, peak float64) breach {
		from := l.now.Add(-before).Truncate(time.Minute)
		return breach{from, from.Add(lasted), peak}
	}
	return []breach{
		minutes(5*24*time.Hour, 3*time.Hour, 760), minutes(50*time.Hour, 90*time.Minute, 960), minutes(40*time.Minute, 8*time.Minute, 780),
	}
}

func (l *life) pastAlerts() []health.Transition {
	var transitions []health.Transition
	for i, b := range l.breaches() {
		a := health.Alert{
			ID: int64(i + 1), Rule: health.RuleFD, Metric: health.MetricFDCount, Unit: "{file_descriptor}", State: health.AlertResolved,
			Severity: health.Warn, Threshold: 700, Value: 300, Peak: health.Number(b.peak), Lowest: 700, Breaches: 8,
			Began: b.from.UTC(), FiredAt: b.from.UTC(), Updated: b.to.UTC(), ResolvedAt: b.to.UTC(), Lasted: b.to.Sub(b.from),
			Cause: health.CauseRecovered, Changes: 2,
		}
		if b.peak >= 900 {
			a.Severity, a.Threshold = health.Fail, 900
		}
		transitions = append(transitions, health.Transition{Number: 2, Kind: health.TransitionResolved, Time: a.ResolvedAt, Alert: a})
	}
	return transitions
}
