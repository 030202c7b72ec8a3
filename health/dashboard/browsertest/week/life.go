package main

import (
	"math"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// life makes up what a service did that is busy by day. It ends near what the tests' service is like.
type life struct {
	now    time.Time
	firing bool // too many files are open now
}

// Levels of the rule fd.
const (
	warnFiles = 700
	failFiles = 900
)

func (l *life) snapshot(at time.Time) *health.Snapshot {
	random := rand.New(rand.NewPCG(uint64(at.Unix()), 1)) // the same in every run
	noise := func(share float64) float64 { return 1 + share*(random.Float64()-0.5) }
	day := l.busy(at)
	files := math.Round(l.files(at, day) * noise(0.06))
	inUse := math.Round(1 + 4*day*noise(0.6))
	echo := math.Round(1 + 2*day)
	status := fileStatus(files)
	return &health.Snapshot{
		Time: at, Interval: interval, Overall: status, Liveness: health.Verdict{Status: health.Pass},
		Readiness: health.Verdict{Status: status},
		Metrics: []health.Metric{
			one(health.MetricFDCount, "{file_descriptor}", files),
			one(health.MetricMemoryRSS, "By", (36+20*day*noise(0.2))*(1<<20)),
			one(health.MetricThreads, "{thread}", math.Round(6+3*day*noise(0.5))),
			one(health.MetricGoroutines, "{goroutine}", math.Round((34+26*day)*noise(0.15))),
			one(health.MetricCPUUtil, "1", (0.001+0.007*day)*noise(0.5)),
			many(health.MetricPoolCount, "{connection}",
				connections("orders", health.PoolStateUsed, inUse), connections("orders", health.PoolStateIdle, 2),
				connections("quotes", health.PoolStateUsed, 1), connections("quotes", health.PoolStateIdle, 1)),
			many(health.MetricPoolUtil, "1", utilization("orders", inUse/8), utilization("quotes", 0.25)),
			many(health.MetricWSConnections, "{connection}", broker("fyers", 3), broker("upstox", echo), broker("zerodha", 2)),
			many(health.MetricStuck, "{thread}",
				reading(0, attribute.String(health.AttrStuckKind, health.StuckHeartbeat)), reading(0, attribute.String(health.AttrStuckKind, health.StuckOSThread))),
			ofSource("orders.queue.length", "{order}",
				queue("new", math.Round(4+36*day*noise(0.9))), queue("amended", math.Round(1+8*day*noise(0.9)))),
		},
		Rules: []health.RuleState{
			{Name: health.RuleFD, Metric: health.MetricFDCount, Value: health.Number(files), Status: status},
			{Name: health.RuleDatabase, Metric: health.MetricPoolCount, Value: health.Number(inUse + 4), Status: health.Pass},
			{Name: health.RuleWebSocket, Metric: health.MetricWSConnections, Value: health.Number(5 + echo), Status: health.Pass},
		},
	}
}

// busy is how busy the service is, from 0 to 1: most when it has been as late as now.
func (l *life) busy(at time.Time) float64 {
	const day = 24 * time.Hour
	weekly := 0.85 + 0.15*math.Cos(2*math.Pi*float64(l.now.Sub(at))/float64(7*day))
	return weekly * (0.5 + 0.5*math.Cos(2*math.Pi*float64(l.now.Sub(at)-3*time.Hour)/float64(day)))
}

// files are those that are open: by how busy the service is, unless it leaks them.
func (l *life) files(at time.Time, busy float64) float64 {
	for _, b := range l.breaches() {
		if !at.Before(b.from) && at.Before(b.to) {
			return b.peak
		}
	}
	return 60 + 120*busy
}

func fileStatus(files float64) health.Status {
	switch {
	case files >= failFiles:
		return health.Fail
	case files >= warnFiles:
		return health.Warn
	default:
		return health.Pass
	}
}

func one(name, unit string, value float64) health.Metric {
	return many(name, unit, health.Reading{Value: value})
}

func many(name, unit string, readings ...health.Reading) health.Metric {
	return health.Metric{Name: name, Unit: unit, Scope: health.Scope, Readings: readings}
}

// ofSource is a metric of the application's own source.
func ofSource(name, unit string, readings ...health.Reading) health.Metric {
	m := many(name, unit, readings...)
	m.Scope += "/source"
	return m
}

func connections(pool, state string, value float64) health.Reading {
	return reading(value, attribute.String(health.AttrPoolName, pool), attribute.String(health.AttrPoolState, state))
}

func utilization(pool string, value float64) health.Reading {
	return reading(value, attribute.String(health.AttrPoolName, pool))
}

func broker(name string, value float64) health.Reading {
	return reading(value, attribute.String(health.AttrWebSocketSource, name))
}

func queue(name string, value float64) health.Reading {
	return reading(value, attribute.String("queue", name))
}

func reading(value float64, attributes ...attribute.KeyValue) health.Reading {
	return health.Reading{Value: value, Attributes: attribute.NewSet(attributes...)}
}
