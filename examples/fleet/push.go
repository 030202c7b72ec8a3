package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// fleet is the instances with their connections.
type fleet struct {
	run       string // names this run apart from others
	interval  time.Duration
	instances []*instance
	clients   []*otlpmetricgrpc.Exporter // by instance

	points, acknowledged, requests, failures atomic.Int64
	wire                                     wireBytes
	lastError                                atomic.Pointer[string]
}

// push is what became of the requests.
type push struct {
	points       int64 // that were to be delivered
	acknowledged int64 // of those, by the Collector
	requests     int64
	failures     int64 // requests that were given up
	bytes        int64 // of the requests on the wire
	lastError    string
}

// newFleet dials lazily: it succeeds while the Collector is away.
func newFleet(ctx context.Context, c config) (*fleet, error) {
	start := time.Now()
	f := &fleet{run: fmt.Sprintf("fleet-%d-%d", start.Unix(), os.Getpid()), interval: c.interval}
	for number := range c.instances {
		client, err := otlpmetricgrpc.New(ctx,
			otlpmetricgrpc.WithEndpointURL(c.endpoint),
			otlpmetricgrpc.WithDialOption(grpc.WithStatsHandler(&f.wire)),
		)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connect instance %d: %w", number, err), f.close())
		}
		f.clients = append(f.clients, client)
		f.instances = append(f.instances, newInstance(f.run, number, c.interval, start))
	}
	return f, nil
}

func (f *fleet) close() error {
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var errs []error
	for _, client := range f.clients {
		errs = append(errs, client.Shutdown(ending))
	}
	return errors.Join(errs...)
}

// series returns how many series one instance has.
func (f *fleet) series() int { return len(f.instances[0].points) }

// push lets every instance export at its own moments of the interval for so long, and waits for what is on its way. When
// ctx ends, it breaks that off.
func (f *fleet) push(ctx context.Context, long time.Duration) push {
	pushing, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	var running sync.WaitGroup
	for n := range f.instances {
		running.Go(func() { f.pushOne(ctx, pushing, f.instances[n], f.clients[n]) })
	}
	running.Wait()
	p := push{
		points: f.points.Load(), acknowledged: f.acknowledged.Load(), requests: f.requests.Load(),
		failures: f.failures.Load(), bytes: f.wire.sent.Load(),
	}
	if text := f.lastError.Load(); text != nil {
		p.lastError = *text
	}
	return p
}

func (f *fleet) pushOne(ctx, pushing context.Context, i *instance, client *otlpmetricgrpc.Exporter) {
	next := time.NewTimer(i.offset)
	defer next.Stop()
	for {
		select {
		case <-pushing.Done():
			return
		case at := <-next.C:
			next.Reset(f.interval)
			i.advance(at.Truncate(time.Millisecond))
			f.export(ctx, i, client)
		}
	}
}

// export delivers one request within the exporter's own timeout and retries.
func (f *fleet) export(ctx context.Context, i *instance, client *otlpmetricgrpc.Exporter) {
	f.requests.Add(1)
	f.points.Add(int64(len(i.points)))
	if err := client.Export(ctx, &i.request); err != nil {
		text := err.Error()
		f.failures.Add(1)
		f.lastError.Store(&text)
		return
	}
	f.acknowledged.Add(int64(len(i.points)))
}

// wireBytes counts what the connections send, compressed where they compress.
type wireBytes struct{ sent atomic.Int64 }

// HandleRPC counts a request that leaves.
func (w *wireBytes) HandleRPC(_ context.Context, s stats.RPCStats) {
	if payload, ok := s.(*stats.OutPayload); ok {
		w.sent.Add(int64(payload.WireLength))
	}
}

// TagRPC, TagConn and HandleConn have nothing to count.
func (w *wireBytes) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (w *wireBytes) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (w *wireBytes) HandleConn(context.Context, stats.ConnStats)                       {}
