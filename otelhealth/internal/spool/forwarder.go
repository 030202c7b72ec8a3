package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// Forwarder is an interceptor of the OTLP client that keeps what cannot be delivered now in a [Spool], and sends that
// beside the live requests when the Collector answers: over the same connection, with the same metadata, oldest first, and
// at most twenty requests a second.
//
// While the Collector answers, a live request goes straight to it. From the first failure on that may be retried the
// Collector counts as away: live requests are kept at once, and one kept request is tried until one is taken. A live request
// that is larger than the spool is tried all the same, and dropped when that fails.
type Forwarder struct {
	spool   *Spool
	timeout time.Duration // of one request that was kept
	logger  *slog.Logger

	wake    chan struct{} // at most one waits
	closing chan struct{}
	network context.Context // of every call; ends when nothing more is sent
	cut     context.CancelFunc
	stopped chan struct{} // closed when the goroutine has ended
	probe   time.Time     // the earliest time of the next one; the goroutine's alone

	tooLarge    sync.Once // for saying it
	replayed    atomic.Int64
	lastSuccess atomic.Int64 // Unix nanoseconds; 0: none

	mu     sync.Mutex
	call   *call     // how the last live request was sent; nil: there was none
	away   error     // why the Collector counts as away; nil: it answers
	resume time.Time // until then it asked to be left alone
	keeps  error     // what was logged last: why requests cannot be kept; nil: they can
}

// call is how a request is sent: all that the client chose for its own.
type call struct {
	method     string
	metadata   metadata.MD
	connection *grpc.ClientConn
	invoke     grpc.UnaryInvoker
	options    []grpc.CallOption
}

func (c *call) send(ctx context.Context, request *colmetricpb.ExportMetricsServiceRequest) error {
	if c.metadata != nil {
		ctx = metadata.NewOutgoingContext(ctx, c.metadata)
	}
	// The connection is waited for, so that a Collector that is back is noticed at once.
	options := append([]grpc.CallOption{grpc.WaitForReady(true)}, c.options...)
	return c.invoke(ctx, c.method, request, new(colmetricpb.ExportMetricsServiceResponse), c.connection, options...)
}

// ErrKept is what the client's error is when the request was not delivered, but is kept on disk. The error also wraps the
// reason.
var ErrKept = errors.New("kept on disk")

// NewForwarder opens the spool and starts the goroutine that sends what is in it, each request for timeout at most. Where
// the spool cannot be opened requests are not kept, which is logged; it is tried again from time to time.
func NewForwarder(s *Spool, timeout time.Duration, logger *slog.Logger) *Forwarder {
	f := &Forwarder{
		spool: s, timeout: timeout, logger: logger,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	f.network, f.cut = context.WithCancel(context.Background())
	_ = s.Open(time.Now()) // its state has the error
	f.report()
	if left := s.State().Queued; left > 0 {
		logger.Info("OTLP requests of an earlier process wait on disk", "requests", left)
	}
	go f.run()
	return f
}

// Intercept is a [grpc.UnaryClientInterceptor].
func (f *Forwarder) Intercept(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	export, ok := request.(*colmetricpb.ExportMetricsServiceRequest)
	if !ok {
		return invoke(ctx, method, request, reply, connection, options...)
	}
	if cause := f.absence(); cause != nil {
		if settled := f.keep(export, cause); errors.Is(settled, ErrKept) {
			return settled
		}
	}
	ctx, cancel := f.untilCut(ctx)
	defer cancel()
	err := invoke(ctx, method, request, reply, connection, options...)
	outgoing, _ := metadata.FromOutgoingContext(ctx)
	f.remember(&call{method, outgoing, connection, invoke, options}) // after it, so that it is the first one
	throttle, again := Retryable(err)
	switch {
	case err == nil:
		f.answered()
		return nil
	case !again:
		f.present()
		return err
	}
	f.leave(err, throttle)
	settled := f.keep(export, err)
	if errors.Is(settled, ErrTooLarge) {
		f.dropTooLarge(settled)
	}
	if settled != nil {
		return settled
	}
	return err
}

// untilCut ends ctx also when nothing more is to be sent.
func (f *Forwarder) untilCut(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(f.network, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

func (f *Forwarder) remember(c *call) {
	f.mu.Lock()
	first := f.call == nil
	f.call = c
	f.mu.Unlock()
	if first {
		f.notify()
	}
}

var errCut = errors.New("the monitor shuts down")

// absence returns why a live request is not to be sent now; nil: it is.
func (f *Forwarder) absence() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away == nil && f.network.Err() != nil {
		return errCut
	}
	return f.away
}

// leave notes that the Collector is away, and wants to be left alone for so long.
func (f *Forwarder) leave(cause error, throttle time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = cause
	f.resume = time.Now().Add(throttle)
}

// present notes that the Collector answers, whatever it says.
func (f *Forwarder) present() {
	f.mu.Lock()
	wasAway := f.away != nil
	f.away, f.resume = nil, time.Time{}
	f.mu.Unlock()
	if wasAway {
		f.notify()
	}
}

// answered notes that the Collector has taken a request.
func (f *Forwarder) answered() {
	f.lastSuccess.Store(time.Now().UnixNano())
	f.present()
}

// keep writes the request to the disk. It returns what the client is told when it need not try again: [ErrKept], or
// [ErrTooLarge] when it cannot be sent either, and the cause; nil: it must.
func (f *Forwarder) keep(request *colmetricpb.ExportMetricsServiceRequest, cause error) (settled error) {
	payload, err := proto.Marshal(request)
	if err != nil {
		return nil // the client says so itself
	}
	now := time.Now()
	err = f.spool.Put(now, pointTime(request, now), payload)
	f.report()
	f.notify()
	switch {
	case err == nil:
		return fmt.Errorf("%w: %w", ErrKept, cause)
	case errors.Is(err, ErrTooLarge):
		return fmt.Errorf("%w: %w", err, cause)
	default:
		return nil
	}
}

// dropTooLarge counts a request that could be neither kept nor delivered. It is said once.
func (f *Forwarder) dropTooLarge(err error) {
	f.spool.DroppedTooLarge()
	f.tooLarge.Do(func() {
		f.logger.Warn("OTLP requests that are larger than the spool are dropped while the Collector is away; raise HEALTH_SPOOL_MAX_MB", "error", err)
	})
}

// report logs when requests can be kept no more, and when they can again.
func (f *Forwarder) report() {
	err := f.spool.State().Err
	f.mu.Lock()
	before := f.keeps
	f.keeps = err
	f.mu.Unlock()
	switch {
	case err == nil && before != nil:
		f.logger.Info("OTLP requests are kept on disk again while the Collector is away")
	case errors.Is(err, ErrInUse) && before == nil:
		f.logger.Warn("OTLP requests are kept in memory alone while the Collector is away: another process has the folder; give each its own by HEALTH_SPOOL_DIR", "error", err)
	case err != nil && before == nil:
		f.logger.Warn("OTLP requests are kept in memory alone while the Collector is away", "error", err)
	}
}

func (f *Forwarder) notify() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// ForwarderState is how the spool and what is sent from it are doing.
type ForwarderState struct {
	State
	Replayed    int64     // requests that were kept and then delivered, since the process started
	LastSuccess time.Time // when the Collector last took a request, live or kept; zero: it has not yet
}

// State never waits for the disk.
func (f *Forwarder) State() ForwarderState {
	s := ForwarderState{State: f.spool.State(), Replayed: f.replayed.Load()}
	if at := f.lastSuccess.Load(); at != 0 {
		s.LastSuccess = time.Unix(0, at).UTC()
	}
	return s
}

// Cut ends every call, and lets no other begin: from now on requests are kept without being sent. A nil Forwarder has none.
func (f *Forwarder) Cut() {
	if f != nil {
		f.cut()
	}
}

// Close sends what is kept, while the Collector takes it and until Cut or the end of ctx. One that is away is not waited
// for. What is left stays on disk. When ctx ends first the folder is let go of later, as soon as nothing is being sent. A
// nil Forwarder may be closed.
func (f *Forwarder) Close(ctx context.Context) error {
	if f == nil {
		return nil
	}
	close(f.closing)
	defer f.cut()
	if f.absence() != nil {
		f.cut()
	}
	select {
	case <-f.stopped:
		return f.spool.Close()
	case <-ctx.Done():
		f.cut()
		go f.closeLate()
		return fmt.Errorf("sending what was kept had not ended when the time for it was over: %w", ctx.Err())
	}
}

// closeLate lets go of the folder, though nobody waits for it any more.
func (f *Forwarder) closeLate() {
	<-f.stopped
	if err := f.spool.Close(); err != nil {
		f.logger.Warn("the spool was closed after Shutdown", "error", err)
	}
}
