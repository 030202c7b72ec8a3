package history

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// epoch is when the tests' samples begin: in the middle of a bucket of every width.
var epoch = time.Date(2026, 3, 1, 13, 7, 23, 0, time.UTC)

// load makes snapshots of a busy service: 5 pools, 2 brokers, one custom source, the runtime.
type load struct {
	random   *rand.Rand
	interval time.Duration
	at       time.Time
	n        uint64
	sets     map[string]attribute.Set
	rss      float64
	counters map[string]float64
	gaps     bool // some readings are missing
}

func newLoad(seed uint64) *load {
	return &load{
		random: rand.New(rand.NewPCG(seed, 1)), interval: 10 * time.Second, at: epoch, rss: 200 << 20,
		sets: make(map[string]attribute.Set), counters: make(map[string]float64),
	}
}

func (l *load) set(kv ...string) attribute.Set {
	key := strings.Join(kv, "\x00")
	set, ok := l.sets[key]
	if !ok {
		var list []attribute.KeyValue
		for i := 0; i < len(kv); i += 2 {
			list = append(list, attribute.String(kv[i], kv[i+1]))
		}
		set = attribute.NewSet(list...)
		l.sets[key] = set
	}
	return set
}

func (l *load) count(name string, most float64) float64 {
	l.counters[name] += most * l.random.Float64()
	return l.counters[name]
}

// next returns the next snapshot.
func (l *load) next() *health.Snapshot {
	l.n++
	s := &health.Snapshot{Sequence: l.n, Time: l.at, Interval: l.interval, Offset: time.Duration(l.n) * l.interval}
	l.at = l.at.Add(l.interval)
	gauge := func(name, unit string, v float64) {
		s.Metrics = append(s.Metrics, health.Metric{Name: name, Unit: unit, Scope: health.Scope, Readings: []health.Reading{{Value: v}}})
	}
	wave := math.Sin(float64(l.n) / 360)
	l.rss += (l.random.Float64() - 0.5) * (4 << 20)
	fds := math.Round(300 + 100*wave + 20*l.random.NormFloat64())
	if l.random.IntN(500) == 0 {
		fds += 500
	}
	if !l.gaps || l.random.IntN(7) > 0 {
		gauge(health.MetricFDCount, "{file_descriptor}", fds)
	}
	gauge(health.MetricFDLimit, "{file_descriptor}", 1048576)
	gauge(health.MetricMemoryRSS, "By", math.Round(l.rss/4096)*4096)
	gauge(health.MetricMemoryVirtual, "By", math.Round(l.rss/4096)*4096+(1500<<20))
	gauge(health.MetricMemorySwap, "By", 0)
	gauge(health.MetricMemoryLimit, "By", 8<<30)
	gauge(health.MetricMemoryWorking, "By", math.Round(l.rss/4096)*4096-(10<<20))
	gauge(health.MetricMemoryFree, "By", math.Round((4+l.random.Float64())*(1<<18))*4096)
	gauge(health.MetricMemorySystem, "By", 16<<30)
	gauge(health.MetricThreads, "{thread}", math.Round(18+2*l.random.NormFloat64()))
	gauge(health.MetricGoroutines, "{goroutine}", math.Round(220+30*wave+10*l.random.NormFloat64()))
	gauge(health.MetricCPUUtil, "1", math.Abs(0.1+0.05*l.random.NormFloat64()))
	gauge(health.MetricUptime, "s", float64(l.n)*10+l.random.Float64())
	gauge(health.MetricTickDuration, "s", 0.0003+0.0001*l.random.Float64())
	gauge(health.MetricOOMKills, "{kill}", 0)
	gauge(health.MetricCPUThrottled, "s", l.count("throttled", 0.001))
	gauge(health.MetricOTLPQueue, "{request}", 0)
	gauge(health.MetricOTLPDropped, "{request}", 0)
	gauge(health.MetricHistoryQueue, "{record}", 0)
	gauge(health.MetricHistoryDropped, "{record}", 0)
	gauge(health.MetricHistorySize, "By", float64(l.n*650))
	s.Metrics = append(s.Metrics,
		health.Metric{Name: health.MetricCPUTime, Unit: "s", Scope: health.Scope, Readings: []health.Reading{
			{Attributes: l.set(health.AttrCPUMode, "user"), Value: l.count("user", 1)},
			{Attributes: l.set(health.AttrCPUMode, "system"), Value: l.count("system", 0.2)},
		}},
		health.Metric{Name: health.MetricStuck, Unit: "{thread}", Scope: health.Scope, Readings: []health.Reading{
			{Attributes: l.set(health.AttrStuckKind, "heartbeat")}, {Attributes: l.set(health.AttrStuckKind, "os_thread")},
		}})
	connections := l.pools(s)
	brokers := l.brokers(s)
	l.runtime(s)
	if l.n%3 == 0 || !l.gaps {
		s.Metrics = append(s.Metrics, health.Metric{Name: "orders.queue.length", Unit: "{order}", Scope: "orders", Readings: []health.Reading{
			{Attributes: l.set("queue", "express"), Value: float64(l.random.IntN(50))},
			{Attributes: l.set("queue", "normal"), Value: math.Exp(3 * l.random.NormFloat64())},
		}})
	}
	l.judge(s, fds, connections, brokers)
	return s
}

func (l *load) pools(s *health.Snapshot) (connections float64) {
	metric := func(name, unit string) *health.Metric {
		return &health.Metric{Name: name, Unit: unit, Scope: health.Scope}
	}
	count, most := metric(health.MetricPoolCount, "{connection}"), metric(health.MetricPoolMax, "{connection}")
	util, waits, waited := metric(health.MetricPoolUtil, "1"), metric(health.MetricPoolWaits, "{wait}"), metric(health.MetricPoolWaitTime, "s")
	for _, pool := range []string{"orders", "quotes", "users", "audit", "reports"} {
		used, idle := float64(l.random.IntN(5)), float64(l.random.IntN(4))
		connections += used + idle
		set := l.set(health.AttrPoolName, pool)
		count.Readings = append(count.Readings,
			health.Reading{Attributes: l.set(health.AttrPoolName, pool, health.AttrPoolState, "used"), Value: used},
			health.Reading{Attributes: l.set(health.AttrPoolName, pool, health.AttrPoolState, "idle"), Value: idle})
		most.Readings = append(most.Readings, health.Reading{Attributes: set, Value: 30})
		util.Readings = append(util.Readings, health.Reading{Attributes: set, Value: used / 30})
		waits.Readings = append(waits.Readings, health.Reading{Attributes: set, Value: math.Floor(l.count(pool, 0.2))})
		waited.Readings = append(waited.Readings, health.Reading{Attributes: set, Value: l.count(pool+"s", 0.01)})
	}
	s.Metrics = append(s.Metrics, *count, *most, *util, *waits, *waited)
	return connections
}

func (l *load) brokers(s *health.Snapshot) (connections float64) {
	count := health.Metric{Name: health.MetricWSConnections, Unit: "{connection}", Scope: health.Scope}
	symbols := health.Metric{Name: health.MetricWSSymbols, Unit: "{symbol}", Scope: health.Scope}
	for _, broker := range []string{"zerodha", "upstox"} {
		set, n := l.set(health.AttrWebSocketSource, broker), float64(l.random.IntN(4))
		connections += n
		count.Readings = append(count.Readings, health.Reading{Attributes: set, Value: n})
		symbols.Readings = append(symbols.Readings, health.Reading{Attributes: set, Value: n * 100})
	}
	s.Metrics = append(s.Metrics, count, symbols)
	return connections
}

func (l *load) runtime(s *health.Snapshot) {
	add := func(name string, values ...float64) {
		m := health.Metric{Name: name, Unit: "By", Scope: health.RuntimeScope}
		for i, v := range values {
			m.Readings = append(m.Readings, health.Reading{Attributes: l.set("go.memory.type", strconv.Itoa(i)), Value: v})
		}
		s.Metrics = append(s.Metrics, m)
	}
	add("go.memory.used", math.Round(l.rss/3), 2<<20)
	add("go.memory.allocated", math.Round(l.count("allocated", 1<<26)))
	add("go.memory.allocations", math.Round(l.count("allocations", 1<<18)))
	add("go.memory.gc.goal", math.Round(l.rss/2))
	add("go.processor.limit", 2)
	add("go.config.gogc", 100)
}

func (l *load) judge(s *health.Snapshot, fds, connections, brokers float64) {
	above := func(v, warn, fail float64) health.Status {
		switch {
		case v >= fail:
			return health.Fail
		case v >= warn:
			return health.Warn
		}
		return health.Pass
	}
	fd := above(fds, 700, 900)
	if _, ok := s.Find(health.MetricFDCount); !ok {
		fd = health.Unknown
	}
	s.Rules = []health.RuleState{
		{Name: health.RuleFD, Value: s.Value(health.MetricFDCount), Status: fd},
		{Name: health.RuleMemory, Value: s.Value(health.MetricMemoryRSS), Status: above(l.rss, 230<<20, 260<<20)},
		{Name: health.RuleDatabase, Value: health.Number(connections), Status: above(connections, 22, 30)},
		{Name: health.RuleWebSocket, Value: health.Number(brokers), Status: above(brokers, 10, 20)},
		{Name: health.RuleThreads, Status: health.Pass},
		{Name: health.RuleGoroutines, Status: health.Pass},
	}
	for i := range s.Rules {
		s.Overall = health.Worst(s.Overall, s.Rules[i].Status)
	}
	s.Liveness, s.Readiness = health.Verdict{Status: health.Pass}, health.Verdict{Status: above(fds, 700, 900)}
}

// silent discards a log.
func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// open opens a store that the test closes at its end.
func open(tb testing.TB, c Config) *Store {
	tb.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(tb.TempDir(), "db", "health.db")
	}
	if c.Logger == nil {
		c.Logger = silent()
	}
	s, err := Open(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// fill records so many snapshots and waits until they are written.
func fill(tb testing.TB, s *Store, l *load, n int) {
	tb.Helper()
	for i := range n {
		s.Record(l.next())
		if i%300 == 299 {
			flush(tb, s)
		}
	}
	flush(tb, s)
}

func flush(tb testing.TB, s *Store) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		tb.Fatalf("%v: %+v", err, s.State())
	}
}

func weekPath() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("otelhealth-history-%d.db", os.Getpid()))
}

// week returns the path of a file with seven days at 10 s, which the benchmarks of one run share.
func week(b *testing.B) string {
	b.Helper()
	path := weekPath()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	s, err := Open(Config{Path: path, Logger: silent()})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, s, newLoad(1), weekOfSamples)
	if err := s.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	return path
}

const weekOfSamples = 60480
