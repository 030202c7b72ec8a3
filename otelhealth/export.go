package otelhealth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/otelhealth/internal/spool"
)

// exporter delivers requests by OTLP in one goroutine, in order. What cannot be delivered now its forwarder keeps on
// disk; where it cannot, or there is none, a bounded queue in memory does. It owns timeout, retry and logging: nothing
// reaches otel.Handle.
type exporter struct {
	client    sdkmetric.Exporter
	forwarder *spool.Forwarder // of the client's requests; nil: there is no spool
	timeout   time.Duration    // of one export
	pause     time.Duration    // longest, between tries
	logger    *slog.Logger

	wake    chan struct{} // at most one waits
	cancel  context.CancelFunc
	stopped chan struct{}
	closing chan struct{}

	spare chan *metricdata.ResourceMetrics // requests whose memory may be used again

	// Requests that were dropped without having been on disk.
	full     atomic.Int64 // to make room in the queue
	rejected atomic.Int64 // by the Collector

	mu          sync.Mutex
	queue       []*metricdata.ResourceMetrics // oldest first
	last        outcome                       // of the last export
	since       time.Time                     // it is so; UTC
	err         error                         // of the last export; nil: it was delivered
	lastSuccess time.Time                     // UTC; zero: there was none
}

// outcome is what became of an export.
type outcome int

const (
	delivered outcome = iota
	postponed         // it is kept and tried again
	rejected          // for good
)

// queueLength bounds the requests that wait; at the default interval they are ten minutes' worth.
const queueLength = 64

// outcomeConditions are the outcomes' names in what is published.
var outcomeConditions = map[outcome]health.OTLPCondition{
	delivered: health.OTLPOK, postponed: health.OTLPAway, rejected: health.OTLPRejected,
}

// shortestTimeout is what an export may take even where half an interval is less: one that is given up too early was
// often received, and then arrives twice.
const shortestTimeout = 500 * time.Millisecond

// exportTimeout is what an export may take: half an interval at most, so that a silent Collector costs no more than every
// other request's worth of time.
func exportTimeout(timeout, interval time.Duration) time.Duration {
	return min(timeout, max(interval/2, shortestTimeout))
}

// newExporter starts the goroutine.
func newExporter(client sdkmetric.Exporter, forwarder *spool.Forwarder, timeout, interval time.Duration, logger *slog.Logger) *exporter {
	ctx, cancel := context.WithCancel(context.Background())
	e := &exporter{
		client:    client,
		forwarder: forwarder,
		timeout:   exportTimeout(timeout, interval),
		pause:     min(interval/2, 5*time.Second),
		logger:    logger,
		wake:      make(chan struct{}, 1),
		cancel:    cancel,
		stopped:   make(chan struct{}),
		closing:   make(chan struct{}),
		spare:     make(chan *metricdata.ResourceMetrics, 2),
		since:     time.Now().UTC(),
	}
	go e.loop(ctx)
	return e
}

// enqueue never waits: when the queue is full the oldest request that is not being delivered is dropped and counted.
func (e *exporter) enqueue(request *metricdata.ResourceMetrics) {
	e.mu.Lock()
	if len(e.queue) == queueLength {
		e.queue = append(e.queue[:1], e.queue[2:]...) // the first may be on its way just now
		e.full.Add(1)
	}
	e.queue = append(e.queue, request)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *exporter) oldest() *metricdata.ResourceMetrics {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		return nil
	}
	return e.queue[0]
}

// done removes the request, which is the first of the queue, and keeps its memory.
func (e *exporter) done(request *metricdata.ResourceMetrics) {
	e.mu.Lock()
	if len(e.queue) > 0 {
		e.queue = append(e.queue[:0], e.queue[1:]...)
	}
	e.mu.Unlock()
	select {
	case e.spare <- request:
	default:
	}
}

// empty returns a request for the SDK to fill, whose memory it uses again where it can.
func (e *exporter) empty() *metricdata.ResourceMetrics {
	select {
	case request := <-e.spare:
		// A collection whose context has ended leaves the request as it is: what was delivered must not be in it.
		request.ScopeMetrics = request.ScopeMetrics[:0]
		return request
	default:
		return new(metricdata.ResourceMetrics)
	}
}

// waiting returns how many requests are queued.
func (e *exporter) waiting() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.queue)
}

func (e *exporter) loop(ctx context.Context) {
	defer close(e.stopped)
	for {
		request := e.oldest()
		if request == nil {
			select {
			case <-e.wake:
				continue
			case <-e.closing:
				if e.oldest() == nil {
					return
				}
				continue
			case <-ctx.Done():
				return
			}
		}
		if retry := e.deliver(ctx, request); retry > 0 && !e.sleep(ctx, retry) {
			return
		}
	}
}

// deliver exports one request. It returns how long to wait before the same request is tried again, and 0 when it is
// done with: delivered, or rejected for good.
func (e *exporter) deliver(ctx context.Context, request *metricdata.ResourceMetrics) (retry time.Duration) {
	timed, cancel := context.WithTimeout(ctx, e.timeout)
	err := e.client.Export(timed, request)
	cancel()
	throttle, again := spool.Retryable(err)
	switch {
	case err == nil:
		e.report(delivered, nil)
		e.done(request)
		return 0
	case errors.Is(err, spool.ErrKept), errors.Is(err, spool.ErrTooLarge): // the forwarder counts it
		e.report(postponed, err)
		e.done(request)
		return 0
	case ctx.Err() != nil:
		return e.pause // Shutdown's deadline has passed
	case !again:
		e.report(rejected, err)
		e.done(request)
		e.rejected.Add(1)
		return 0
	default:
		e.report(postponed, err)
		return max(throttle, e.pause/2+rand.N(e.pause/2+1))
	}
}

// sleep waits between tries. It returns false when there will be none: at Shutdown a Collector that is away is not
// waited for.
func (e *exporter) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.closing:
		return false
	case <-ctx.Done():
		return false
	}
}

// report logs changes of state: one line when exports begin to fail or to be rejected, one when they work again.
func (e *exporter) report(now outcome, err error) {
	if !e.note(now, err) {
		return
	}
	switch now {
	case delivered:
		e.logger.Info("OTLP export works again", "dropped_requests", e.dropped(), "requests_on_disk", e.onDisk())
	case postponed:
		e.logger.Warn("OTLP export fails; requests are kept and tried again", "error", err)
	case rejected:
		e.logger.Warn("OTLP export is rejected; requests are dropped", "error", err)
	}
}

// note remembers the outcome of an export, and returns whether it is another one than before.
func (e *exporter) note(now outcome, err error) (changed bool) {
	at := time.Now().UTC()
	e.mu.Lock()
	defer e.mu.Unlock()
	changed = now != e.last
	if changed {
		e.last, e.since = now, at
	}
	if e.err = err; now == delivered {
		e.lastSuccess = at
	}
	return changed
}

// success returns when a live request was last delivered; zero: none was.
func (e *exporter) success() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lastSuccess
}

// dropped returns how many requests were dropped without having been on disk.
func (e *exporter) dropped() int64 { return e.full.Load() + e.rejected.Load() }

// onDisk returns how many requests are kept there.
func (e *exporter) onDisk() int {
	if e.forwarder == nil {
		return 0
	}
	return e.forwarder.State().Queued
}

// notePartial tells the log, once for each text, of points that the Collector refused in a request that it took: it
// would only refuse them again.
func notePartial(logger *slog.Logger) grpc.UnaryClientInterceptor {
	var last atomic.Pointer[string]
	return func(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		err := invoke(ctx, method, request, reply, connection, options...)
		response, ok := reply.(*colmetricpb.ExportMetricsServiceResponse)
		if err != nil || !ok || response.GetPartialSuccess() == nil {
			return err
		}
		refused := response.GetPartialSuccess()
		response.PartialSuccess = nil // the exporter would make an error of it, and the request would count as dropped
		text := refused.GetErrorMessage()
		if refused.GetRejectedDataPoints() == 0 && text == "" {
			return nil // OTLP has that mean the same as none
		}
		if before := last.Swap(&text); before == nil || *before != text {
			logger.Warn("the Collector took a request in part", "rejected_points", refused.GetRejectedDataPoints(), "message", text)
		}
		return nil
	}
}

// close tries to deliver what is queued, each request once, until ctx ends. With a spool it stops sending halfway: what is
// left in memory then goes to the disk. What has not ended with ctx ends later, beside the caller.
func (e *exporter) close(ctx context.Context) error {
	close(e.closing)
	stop := context.AfterFunc(ctx, e.cancel)
	defer stop()
	sending := time.AfterFunc(remaining(ctx)/2, e.forwarder.Cut)
	defer sending.Stop()
	select {
	case <-e.stopped:
		return e.end(ctx)
	case <-ctx.Done():
		e.forwarder.Cut()
		go e.endLate()
		return fmt.Errorf("the export had not ended when the time for it was over, and still runs: %w", ctx.Err())
	}
}

// end closes what the goroutine used, which has ended.
func (e *exporter) end(ctx context.Context) error {
	e.cancel()
	left := e.waiting()
	errSpool := e.forwarder.Close(ctx)
	if kept := e.onDisk(); kept > 0 {
		e.logger.Info("OTLP requests wait on disk for the next start", "requests", kept)
	}
	errClient := e.client.Shutdown(ctx)
	if left > 0 {
		return errors.Join(fmt.Errorf("%d OTLP requests were not delivered", left), errSpool, errClient)
	}
	return errors.Join(errSpool, errClient)
}

// endLate lets the next process have the spool's folder, though nobody waits for it any more.
func (e *exporter) endLate() {
	<-e.stopped
	if err := e.end(context.Background()); err != nil {
		e.logger.Warn("the OTLP export ended after Shutdown", "error", err)
	}
}
