package otelhealth

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// idleDB is a pool with numbers and nothing behind them: what is measured is the tick, not a database.
type idleDB struct{}

func (idleDB) Stats() sql.DBStats { return sql.DBStats{MaxOpenConnections: 8, Idle: 1, InUse: 2} }

func (idleDB) PingContext(context.Context) error { return nil }

// benchMonitor is a monitor whose tick the benchmark calls itself, with so many pools and WebSocket sources.
func benchMonitor(b *testing.B, pools, sockets int, options ...Option) *Monitor {
	b.Helper()
	options = append(options, WithInterval(time.Hour), new(logBuffer).option())
	for i := range pools {
		options = append(options, WithDB(fmt.Sprintf("pool-%d", i), idleDB{}))
	}
	tracker := new(WebSocketTracker)
	for i := range sockets {
		options = append(options, WithWebSocket(fmt.Sprintf("broker-%d", i), tracker.Stats))
	}
	m, err := Start(b.Context(), options...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Shutdown(context.Background()) }) // the bench's exporter leaves nothing behind
	for m.Snapshot() == nil {
		pause()
	}
	m.cancel()
	<-m.ticking // from here on the benchmark is the tick's goroutine
	return m
}

// serviceHeap is what a small service keeps in memory. In an empty process the garbage collector would run every thirty
// ticks, which it does in no service.
const serviceHeap = 64 << 20

// BenchmarkTick measures a whole tick: sources, sample, both collections, judgement, snapshot and bodies. "reference"
// is the smallest thing that the SDK can do: collecting the runtime's metrics once.
func BenchmarkTick(b *testing.B) {
	heap := make([]byte, serviceHeap)
	defer runtime.KeepAlive(heap)
	b.Run("reference", func(b *testing.B) {
		m := benchMonitor(b, 0, 0)
		var data metricdata.ResourceMetrics
		b.ReportAllocs()
		for b.Loop() {
			if err := m.pipeline.local.Collect(b.Context(), &data); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, size := range []struct{ pools, sockets int }{{0, 0}, {10, 10}, {50, 50}, {500, 500}} {
		b.Run(fmt.Sprintf("sources=%d", size.pools+size.sockets), func(b *testing.B) {
			benchTicks(b, benchMonitor(b, size.pools, size.sockets))
		})
	}
	// With the second collection, and without what other goroutines do with it: without a spool, and with one that has
	// nothing to do.
	for _, export := range []struct {
		name  string
		spool Option
	}{{"otlp", WithoutSpool()}, {"otlp,spool", WithSpool(SpoolConfig{Dir: filepath.Join(b.TempDir(), "spool")})}} {
		b.Run("sources=20,"+export.name, func(b *testing.B) {
			m := benchMonitor(b, 10, 10, WithOTLP(discardExport(b)...), export.spool)
			old := m.exporter
			if err := old.close(b.Context()); err != nil {
				b.Fatal(err)
			}
			m.exporter = newExporter(forgetfulClient{old.client}, m.setUpSpool(b.Context()), time.Second, time.Hour, m.logger)
			benchTicks(b, m)
		})
	}
	// With export and a Collector in this process, which share its two cores with the tick.
	b.Run("sources=20,otlp,collector", func(b *testing.B) {
		benchTicks(b, benchMonitor(b, 10, 10, WithOTLP(discardExport(b)...)))
	})
}

// forgetfulClient sends nothing.
type forgetfulClient struct{ sdkmetric.Exporter }

func (forgetfulClient) Export(context.Context, *metricdata.ResourceMetrics) error { return nil }

func (forgetfulClient) Shutdown(context.Context) error { return nil } // the old exporter has done so

func benchTicks(b *testing.B, m *Monitor) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		m.tick(b.Context(), time.Now())
	}
}
