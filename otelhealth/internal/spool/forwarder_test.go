package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// collector is a real OTLP server over gRPC on loopback.
type collector struct {
	colmetricpb.UnimplementedMetricsServiceServer
	address string
	server  *grpc.Server

	mu     sync.Mutex
	answer func(ctx context.Context, name string) error // nil: it takes everything
	tried  []arrival
	taken  []arrival
}

// arrival is a request that came.
type arrival struct {
	name     string // of its metric
	at       time.Time
	points   time.Time
	metadata metadata.MD
}

func startCollector(tb testing.TB, address string) *collector {
	tb.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(tb.Context(), "tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	c := &collector{address: listener.Addr().String(), server: grpc.NewServer()}
	colmetricpb.RegisterMetricsServiceServer(c.server, c)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = c.server.Serve(listener) // ends with Stop
	}()
	tb.Cleanup(func() {
		c.server.Stop()
		<-served
	})
	return c
}

func (c *collector) Export(ctx context.Context, r *colmetricpb.ExportMetricsServiceRequest) (*colmetricpb.ExportMetricsServiceResponse, error) {
	m := r.GetResourceMetrics()[0].GetScopeMetrics()[0].GetMetrics()[0]
	md, _ := metadata.FromIncomingContext(ctx)
	a := arrival{m.GetName(), time.Now(), time.Unix(0, int64(m.GetGauge().GetDataPoints()[0].GetTimeUnixNano())), md}
	c.mu.Lock()
	c.tried = append(c.tried, a)
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		if err := answer(ctx, a.name); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = append(c.taken, a)
	return new(colmetricpb.ExportMetricsServiceResponse), nil
}

// answers lets the collector answer differently from now on.
func (c *collector) answers(f func(ctx context.Context, name string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

func refuse(err error) func(context.Context, string) error {
	return func(context.Context, string) error { return err }
}

// silent never answers.
func silent(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// names returns what was taken, in the order of its arrival.
func (c *collector) names() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.taken {
		names = append(names, a.name)
	}
	return names
}

func (c *collector) tries(name string) (tries []arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.tried {
		if a.name == name {
			tries = append(tries, a)
		}
	}
	return tries
}

// freeAddress returns an address at which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// service is what exports through a forwarder.
type service struct {
	*Forwarder
	spool  *Spool
	client colmetricpb.MetricsServiceClient
	log    *bytes.Buffer // read it after close
	closed bool
	end    func() error
}

// patient is what a request may take: long enough for a busy machine, where one that is given up was often received.
const patient = 2 * time.Second

func startService(tb testing.TB, address string, c Config) *service {
	tb.Helper()
	s := &service{spool: New(c), log: new(bytes.Buffer)}
	s.Forwarder = NewForwarder(s.spool, patient, slog.New(slog.NewTextHandler(s.log, nil)))
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithChainUnaryInterceptor(s.Intercept))
	if err != nil {
		tb.Fatal(err)
	}
	s.client = colmetricpb.NewMetricsServiceClient(connection)
	s.end = func() error { return errors.Join(s.Close(context.Background()), connection.Close()) }
	tb.Cleanup(s.close(tb))
	return s
}

// close ends the service, once.
func (s *service) close(tb testing.TB) func() {
	return func() {
		tb.Helper()
		if s.closed {
			return
		}
		s.closed = true
		s.Cut()
		if err := s.end(); err != nil {
			tb.Error(err)
		}
	}
}

// request has one point of now.
func request(name string) *colmetricpb.ExportMetricsServiceRequest {
	point := &metricpb.NumberDataPoint{TimeUnixNano: uint64(time.Now().UnixNano()), Value: &metricpb.NumberDataPoint_AsInt{AsInt: 1}}
	return &colmetricpb.ExportMetricsServiceRequest{ResourceMetrics: []*metricpb.ResourceMetrics{{ScopeMetrics: []*metricpb.ScopeMetrics{{
		Metrics: []*metricpb.Metric{{Name: name, Data: &metricpb.Metric_Gauge{Gauge: &metricpb.Gauge{DataPoints: []*metricpb.NumberDataPoint{point}}}}},
	}}}}}
}

func (s *service) export(tb testing.TB, name string) error {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(tb.Context(), "authorization", "Bearer abc"), patient)
	defer cancel()
	_, err := s.client.Export(ctx, request(name))
	return err
}

// keep exports requests that must be kept.
func (s *service) keep(tb testing.TB, names ...string) {
	tb.Helper()
	for _, name := range names {
		if err := s.export(tb, name); !errors.Is(err, ErrKept) {
			tb.Fatalf("%s: got %v, want %v", name, err, ErrKept)
		}
	}
}

func (s *service) deliver(tb testing.TB, names ...string) {
	tb.Helper()
	for _, name := range names {
		if err := s.export(tb, name); err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
	}
}

// deliverSoon exports a request to a Collector that counts as away, which is kept, or to one that answers.
func (s *service) deliverSoon(tb testing.TB, name string) {
	tb.Helper()
	if err := s.export(tb, name); err != nil && !errors.Is(err, ErrKept) {
		tb.Fatalf("%s: %v", name, err)
	}
}

func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	const patience = 20 * time.Second
	for deadline := time.Now().Add(patience); !condition(); pauseBetweenLooks() {
		if time.Now().After(deadline) {
			tb.Fatalf("waited %v for: %s", patience, what)
		}
	}
}

func pauseBetweenLooks() { time.Sleep(time.Millisecond) } //nolint:forbidigo // between looks at what another goroutine does

func withRetryInfo(t *testing.T, code codes.Code, delay time.Duration) error {
	t.Helper()
	s, err := status.New(code, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

// TestEveryCode gives each code as the answer to a live request, and to one that was kept.
func TestEveryCode(t *testing.T) {
	retried := []codes.Code{codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss}
	answers := map[string]struct {
		err  error
		kept bool
	}{"RESOURCE_EXHAUSTED with RetryInfo": {withRetryInfo(t, codes.ResourceExhausted, time.Millisecond), true}}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		a := answers[code.String()]
		a.err, a.kept = status.Error(code, "no"), slices.Contains(retried, code)
		answers[code.String()] = a
	}
	for name, test := range answers {
		t.Run(name+" live", func(t *testing.T) {
			t.Parallel()
			c := startCollector(t, "127.0.0.1:0")
			c.answers(refuse(test.err))
			s := startService(t, c.address, roomy(folder(t)))
			err := s.export(t, "a")
			if errors.Is(err, ErrKept) != test.kept || status.Code(err) != status.Code(test.err) {
				t.Errorf("got %v, want it kept: %v", err, test.kept)
			}
			c.answers(nil)
			s.deliverSoon(t, "b")
			eventually(t, "an empty spool", func() bool { return s.State().Queued == 0 })
			taken := c.names()
			slices.Sort(taken)
			want(t, "taken", taken, map[bool][]string{true: {"a", "b"}, false: {"b"}}[test.kept])
		})
		t.Run(name+" kept", func(t *testing.T) {
			t.Parallel()
			c := startCollector(t, "127.0.0.1:0")
			c.answers(func(context.Context, string) error {
				if len(c.tries("a")) == 2 {
					return test.err
				}
				return map[bool]error{true: status.Error(codes.Unavailable, "no")}[len(c.tries("a")) == 1]
			})
			s := startService(t, c.address, roomy(folder(t)))
			s.keep(t, "a")
			eventually(t, "an empty spool", func() bool { return s.State().Queued == 0 })
			want(t, "taken", c.names(), map[bool][]string{true: {"a"}}[test.kept])
			want(t, "dropped", s.State().Dropped.Rejected, map[bool]int{false: 1}[test.kept])
			want(t, "replayed", s.State().Replayed, map[bool]int{true: 1}[test.kept])
		})
	}
}

// TestCollectorThatCannotBeReached goes through the ways in which there is no answer.
func TestCollectorThatCannotBeReached(t *testing.T) {
	t.Run("nobody listens", func(t *testing.T) {
		address := freeAddress(t)
		s := startService(t, address, roomy(folder(t)))
		s.keep(t, "a", "b", "c")
		c := startCollector(t, address)
		began := time.Now()
		eventually(t, "the first", func() bool { return len(c.names()) > 0 })
		if took := time.Since(began); took > 4*time.Second { // gRPC tries again after two, and a bit
			t.Errorf("the Collector was back for %v before anybody came", took)
		} else {
			t.Logf("came back after %v", took)
		}
		eventually(t, "delivery", func() bool { return s.State().Queued == 0 })
		want(t, "taken", c.names(), []string{"a", "b", "c"})
		want(t, "replayed", s.State().Replayed, 3)
	})
	t.Run("it accepts and never answers", func(t *testing.T) {
		c := startCollector(t, "127.0.0.1:0")
		c.answers(silent)
		s := startService(t, c.address, roomy(folder(t)))
		s.keep(t, "a")
		began := time.Now()
		for i := range 20 {
			s.keep(t, fmt.Sprint("b", i))
		}
		if took := time.Since(began); took > 10*patient {
			t.Errorf("20 requests took %v though it was known that nobody answers", took)
		}
		c.answers(nil)
		eventually(t, "delivery", func() bool { return s.State().Queued == 0 })
		want(t, "taken", len(c.names()), 21)
	})
	t.Run("it ends in the middle of a request", func(t *testing.T) {
		c := startCollector(t, "127.0.0.1:0")
		c.answers(func(ctx context.Context, name string) error {
			go c.server.Stop()
			return silent(ctx, name)
		})
		s := startService(t, c.address, roomy(folder(t)))
		s.keep(t, "a")
		c.server.Stop()
		again := startCollector(t, c.address)
		eventually(t, "delivery", func() bool { return s.State().Queued == 0 })
		want(t, "taken", again.names(), []string{"a"})
	})
}

func TestWhileAllIsWellNothingIsWritten(t *testing.T) {
	dir := folder(t)
	c := startCollector(t, "127.0.0.1:0")
	s := startService(t, c.address, roomy(dir))
	before := time.Now()
	s.deliver(t, "a", "b")
	want(t, "files", records(t, dir), []string(nil))
	if _, err := os.Stat(filepath.Join(dir, fileName(1))); err == nil {
		t.Error("there was a file")
	}
	state := s.State()
	if state.LastSuccess.Before(before) {
		t.Errorf("the last success was %v, want one after %v", state.LastSuccess, before)
	}
	state.LastSuccess = time.Time{}
	want(t, "state", state, ForwarderState{})
}

// TestBacklogIsSentOldestFirstBesideLiveRequests looks at what arrives after an outage.
func TestBacklogIsSentOldestFirstBesideLiveRequests(t *testing.T) {
	const backlog = 20
	address := freeAddress(t)
	s := startService(t, address, roomy(folder(t)))
	var kept []string
	began := time.Now()
	for i := range backlog {
		kept = append(kept, fmt.Sprintf("kept %02d", i))
		s.keep(t, kept[i])
	}
	ended := time.Now()
	c := startCollector(t, address)
	eventually(t, "that it answers", func() bool { return s.absence() == nil })
	for i := 0; s.State().Queued > 0; i++ {
		s.deliver(t, fmt.Sprintf("live %03d", i))
		pauseBetweenLooks()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var got, live []string
	var first, last time.Time
	for i, a := range c.taken {
		if !strings.HasPrefix(a.name, "kept") {
			live = append(live, a.name)
			continue
		}
		got = append(got, a.name)
		if a.points.Before(began) || a.points.After(ended) {
			t.Errorf("%s has the time %v, want one from %v to %v", a.name, a.points, began, ended)
		}
		want(t, a.name, a.metadata.Get("authorization"), []string{"Bearer abc"})
		if last = a.at; i == 0 {
			first = a.at
		}
	}
	want(t, "backlog", got, kept)
	if len(live) == 0 || !slices.IsSorted(live) {
		t.Errorf("live requests arrived as %q", live)
	}
	if took := last.Sub(first); took < (backlog-1)*spacing*9/10 {
		t.Errorf("%d requests took %v, want at least %v", backlog, took, (backlog-1)*spacing)
	}
}

// TestCollectorThatAsksToBeLeftAloneIs has it ask at the first try of a request, or at the second.
func TestCollectorThatAsksToBeLeftAloneIs(t *testing.T) {
	const delay = time.Second
	for name, answers := range map[string][]error{
		"by the answer to a live request": {withRetryInfo(t, codes.Unavailable, delay)},
		"by the answer to a kept one":     {status.Error(codes.Unavailable, "no"), withRetryInfo(t, codes.ResourceExhausted, delay)},
	} {
		t.Run(name, func(t *testing.T) {
			c := startCollector(t, "127.0.0.1:0")
			c.answers(func(context.Context, string) error {
				if n := len(c.tries("a")); n <= len(answers) {
					return answers[n-1]
				}
				return nil
			})
			s := startService(t, c.address, roomy(folder(t)))
			s.keep(t, "a")
			eventually(t, "delivery", func() bool { return s.State().Queued == 0 })
			tries := c.tries("a")
			want(t, "tries", len(tries), len(answers)+1)
			if waited := tries[len(answers)].at.Sub(tries[len(answers)-1].at); waited < delay {
				t.Errorf("it was asked again after %v, want %v", waited, delay)
			}
		})
	}
}

// TestCollectorThatAsksToBeLeftAloneGetsNoLiveRequest has more to export meanwhile.
func TestCollectorThatAsksToBeLeftAloneGetsNoLiveRequest(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	c.answers(refuse(withRetryInfo(t, codes.Unavailable, longestThrottle)))
	s := startService(t, c.address, roomy(folder(t)))
	s.keep(t, "a", "b")
	want(t, "tries", len(c.tries("a"))+len(c.tries("b")), 1)
}

func TestLongestThrottleIsBounded(t *testing.T) {
	after, ok := Retryable(withRetryInfo(t, codes.ResourceExhausted, 24*time.Hour))
	if !ok || after != longestThrottle {
		t.Errorf("got %v, %v, want %v", after, ok, longestThrottle)
	}
}

// TestRequestThatNeverPassesBlocksNone has one in the middle of the backlog that is always answered with a retryable
// code.
func TestRequestThatNeverPassesBlocksNone(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	c.answers(refuse(status.Error(codes.Unavailable, "no")))
	s := startService(t, c.address, roomy(folder(t)))
	s.keep(t, "a", "poison", "b")
	c.answers(func(_ context.Context, name string) error {
		if name == "poison" {
			return status.Error(codes.Unavailable, "not this one")
		}
		return nil
	})
	eventually(t, "the others", func() bool { return len(c.names()) == 2 })
	want(t, "taken", c.names(), []string{"a", "b"})
	s.deliver(t, "live")
	c.answers(nil)
	eventually(t, "that one", func() bool { return s.State().Queued == 0 })
	want(t, "taken", c.names(), []string{"a", "b", "live", "poison"})
}

// TestUnreadableRequestBlocksNone has one that becomes unreadable before the Collector is back.
func TestUnreadableRequestBlocksNone(t *testing.T) {
	dir := folder(t)
	c := startCollector(t, "127.0.0.1:0")
	c.answers(refuse(withRetryInfo(t, codes.Unavailable, time.Second))) // until then nothing is read
	s := startService(t, c.address, roomy(dir))
	s.keep(t, "a", "b", "c")
	mkdirInstead(t, records(t, dir)[0])
	c.answers(nil)
	eventually(t, "the others", func() bool { return len(c.names()) == 2 })
	s.deliver(t, "live")
	want(t, "taken", c.names(), []string{"b", "c", "live"})
	want(t, "queued", s.State().Queued, 1)
	want(t, "the spool's error", s.State().Err, nil)
}

// TestCloseSendsWhatIsBehindAnUnreadableRequest has one at the head of the backlog, and ends without being cut.
func TestCloseSendsWhatIsBehindAnUnreadableRequest(t *testing.T) {
	dir := folder(t)
	c := startCollector(t, "127.0.0.1:0")
	first := startService(t, c.address, roomy(dir))
	c.answers(refuse(withRetryInfo(t, codes.Unavailable, time.Second)))
	first.keep(t, "a", "b", "c")
	mkdirInstead(t, records(t, dir)[0])
	c.answers(nil)
	eventually(t, "that it answers", func() bool { return first.absence() == nil })
	first.closed = true
	if err := first.end(); err != nil {
		t.Error(err)
	}
	want(t, "taken", c.names(), []string{"b", "c"})
}

func TestDamagedAndForeignFilesBlockNone(t *testing.T) {
	dir := folder(t)
	address := freeAddress(t)
	first := startService(t, address, roomy(dir))
	first.keep(t, "a", "b", "c")
	first.close(t)()
	if err := os.WriteFile(records(t, dir)[0], []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(records(t, dir)[1], encode(time.Now(), []byte("no protobuf")), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCollector(t, address)
	second := startService(t, address, roomy(dir))
	second.deliver(t, "live")
	eventually(t, "delivery", func() bool { return second.State().Queued == 0 })
	want(t, "taken", c.names(), []string{"live", "c"})
	want(t, "dropped", second.State().Dropped, Dropped{Damaged: 2})
}

func TestNextProcessSendsWhatWasLeft(t *testing.T) {
	dir := folder(t)
	address := freeAddress(t)
	first := startService(t, address, roomy(dir))
	first.keep(t, "a", "b")
	first.close(t)()
	c := startCollector(t, address)
	second := startService(t, address, roomy(dir))
	second.deliver(t, "live")
	eventually(t, "delivery", func() bool { return second.State().Queued == 0 })
	want(t, "taken", c.names(), []string{"live", "a", "b"})
	second.close(t)()
	if !strings.Contains(second.log.String(), "earlier process") {
		t.Errorf("logged %q", second.log)
	}
}

// TestDiskThatTakesNothing changes nothing about the export, and is said once.
func TestDiskThatTakesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCollector(t, "127.0.0.1:0")
	s := startService(t, c.address, roomy(file))
	s.deliver(t, "a")
	c.answers(refuse(status.Error(codes.Unavailable, "no")))
	for range 5 {
		if err := s.export(t, "b"); status.Code(err) != codes.Unavailable || errors.Is(err, ErrKept) {
			t.Errorf("got %v, want the Collector's error", err)
		}
	}
	c.answers(nil)
	s.deliver(t, "c")
	if s.State().Err == nil {
		t.Error("the state says nothing")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	c.answers(refuse(status.Error(codes.Unavailable, "no")))
	s.keep(t, "d") // its folder can be made now
	s.close(t)()
	if lines := strings.Split(strings.TrimSpace(s.log.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "memory alone") || !strings.Contains(lines[1], "again") {
		t.Errorf("logged %q, want two lines", lines)
	}
}

// TestErrorEndsWithItsCause keeps nothing between the failure and its end.
func TestErrorEndsWithItsCause(t *testing.T) {
	dir := folder(t)
	c := startCollector(t, "127.0.0.1:0")
	s := startService(t, c.address, roomy(dir))
	blocked := filepath.Join(dir, temporary)
	if err := os.Mkdir(blocked, 0o700); err != nil { // nothing can be written in its place
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(blocked, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.answers(refuse(status.Error(codes.Unavailable, "no")))
	if err := s.export(t, "a"); errors.Is(err, ErrKept) {
		t.Fatalf("got %v, want the Collector's error alone", err)
	}
	began := time.Now()
	eventually(t, "more than one probe", func() bool { return time.Since(began) > 2*firstPause })
	if s.State().Err == nil {
		t.Error("the error ended before its cause")
	}
	if err := os.RemoveAll(blocked); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	eventually(t, "the end of the error", func() bool { return s.State().Err == nil })
	if took := time.Since(freed); took > 4*firstPause {
		t.Errorf("the error ended after %v, want at most %v", took, 4*firstPause)
	}
	s.close(t)()
	if lines := strings.Split(strings.TrimSpace(s.log.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "again") {
		t.Errorf("logged %q, want two lines", lines)
	}
}

// TestDiskThatTakesNothingHoldsNoReplayUp has requests on it, and probes that fail.
func TestDiskThatTakesNothingHoldsNoReplayUp(t *testing.T) {
	dir := folder(t)
	c := startCollector(t, "127.0.0.1:0")
	c.answers(refuse(withRetryInfo(t, codes.Unavailable, time.Second)))
	s := startService(t, c.address, roomy(dir))
	const backlog = 20
	for i := range backlog {
		s.keep(t, strconv.Itoa(i))
	}
	if err := os.Mkdir(filepath.Join(dir, temporary), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.export(t, "lost"); errors.Is(err, ErrKept) || status.Code(err) != codes.Unavailable {
		t.Fatalf("got %v, want the Collector's error alone", err)
	}
	c.answers(nil)
	eventually(t, "the first", func() bool { return len(c.names()) > 0 })
	began := time.Now()
	eventually(t, "delivery", func() bool { return s.State().Queued == 0 })
	if took := time.Since(began); took > 3*backlog*spacing {
		t.Errorf("%d requests took %v, want about %v", backlog, took, backlog*spacing)
	}
	if s.State().Err == nil {
		t.Error("the error ended before its cause")
	}
}

// TestRequestLargerThanTheSpoolIsDropped has the Collector away, and more than one that is too large.
func TestRequestLargerThanTheSpoolIsDropped(t *testing.T) {
	s := startService(t, freeAddress(t), Config{Dir: folder(t), MaxBytes: 200, MaxAge: time.Hour})
	s.keep(t, "a")
	for range 3 {
		if err := s.export(t, strings.Repeat("b", 300)); !errors.Is(err, ErrTooLarge) || status.Code(err) != codes.Unavailable {
			t.Errorf("got %v, want %v and the Collector's error", err, ErrTooLarge)
		}
	}
	state := s.State()
	want(t, "queued", state.Queued, 1)
	want(t, "dropped", state.Dropped, Dropped{Full: 3})
	s.close(t)()
	if n := strings.Count(s.log.String(), "HEALTH_SPOOL_MAX_MB"); n != 1 {
		t.Errorf("said %d times, want once: %s", n, s.log)
	}
}

// TestRequestLargerThanTheSpoolIsSentLive has nothing but such requests, so that none is kept that could find out whether
// the Collector is back.
func TestRequestLargerThanTheSpoolIsSentLive(t *testing.T) {
	name := strings.Repeat("b", 300) // a request of 354 bytes
	c := startCollector(t, "127.0.0.1:0")
	c.answers(refuse(status.Error(codes.Unavailable, "no")))
	s := startService(t, c.address, Config{Dir: folder(t), MaxBytes: 200, MaxAge: time.Hour})
	for range 3 {
		if err := s.export(t, name); !errors.Is(err, ErrTooLarge) || status.Code(err) != codes.Unavailable {
			t.Errorf("got %v, want %v and the Collector's error", err, ErrTooLarge)
		}
	}
	want(t, "tries", len(c.tries(name)), 3)
	c.answers(nil)
	s.deliver(t, name, name)
	want(t, "dropped", s.State().Dropped, Dropped{Full: 3})
	want(t, "absence", s.absence(), nil)
}

func TestSecondProcessSaysThatItKeepsNothing(t *testing.T) {
	dir := folder(t)
	address := freeAddress(t)
	first := startService(t, address, roomy(dir))
	second := startService(t, address, roomy(dir))
	if err := second.export(t, "a"); errors.Is(err, ErrKept) || status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	if !errors.Is(second.State().Err, ErrInUse) {
		t.Errorf("state: got %v, want %v", second.State().Err, ErrInUse)
	}
	first.close(t)()
	second.keep(t, "b")
	second.close(t)()
	if n := strings.Count(second.log.String(), "has the folder"); n != 1 {
		t.Errorf("said %d times, want once: %s", n, second.log)
	}
}

func TestCloseSendsWhatItCan(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(context.Context, string) error
		left   int
		took   time.Duration // at most
	}{
		{"all, where the Collector takes it", nil, 0, 3 * time.Second},
		{"none, where it is not ready", refuse(status.Error(codes.Unavailable, "no")), 3, patient / 2},
		{"none, where it does not answer", silent, 3, patient / 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t)
			c := startCollector(t, "127.0.0.1:0")
			c.answers(refuse(status.Error(codes.Unavailable, "no")))
			s := startService(t, c.address, roomy(dir))
			s.keep(t, "a", "b", "c")
			c.answers(test.answer)
			if test.answer == nil {
				eventually(t, "that it answers", func() bool { return s.absence() == nil })
			}
			began := time.Now()
			cut := time.AfterFunc(2*time.Second, s.Cut)
			defer cut.Stop()
			s.closed = true
			if err := s.end(); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > test.took {
				t.Errorf("took %v, want at most %v", took, test.took)
			}
			want(t, "left", len(records(t, dir)), test.left)
		})
	}
}

// TestCloseOutOfTimeLetsGoOfTheFolder closes a forwarder that is sending.
func TestCloseOutOfTimeLetsGoOfTheFolder(t *testing.T) {
	dir := folder(t)
	c := startCollector(t, "127.0.0.1:0")
	f := NewForwarder(New(roomy(dir)), time.Minute, slog.New(slog.DiscardHandler))
	connection, err := grpc.NewClient(c.address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithChainUnaryInterceptor(f.Intercept))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	c.answers(refuse(status.Error(codes.Unavailable, "no")))
	client := colmetricpb.NewMetricsServiceClient(connection)
	if _, err := client.Export(t.Context(), request("a")); !errors.Is(err, ErrKept) {
		t.Fatalf("got %v, want %v", err, ErrKept)
	}
	c.answers(silent)
	eventually(t, "that it is sent again", func() bool { return len(c.tries("a")) > 1 })
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if err := f.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	next := New(roomy(dir))
	eventually(t, "the folder for the next one", func() bool { return next.Open(time.Now()) == nil })
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

// TestAfterCutRequestsAreKept goes on while a request is under way to a Collector that does not answer.
func TestAfterCutRequestsAreKept(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	c.answers(silent)
	s := startService(t, c.address, roomy(folder(t)))
	kept := make(chan error)
	go func() {
		_, err := s.client.Export(t.Context(), request("a"))
		kept <- err
	}()
	eventually(t, "the request", func() bool { return len(c.tries("a")) == 1 })
	s.Cut()
	if err := <-kept; !errors.Is(err, ErrKept) {
		t.Errorf("got %v, want %v", err, ErrKept)
	}
	s.keep(t, "b")
	want(t, "tries", len(c.tries("b")), 0)
	want(t, "queued", s.State().Queued, 2)
}

// TestEveryRequestIsSettledOnce exports to a Collector that answers at random, over several processes. Each may end while a
// request is on its way, which then comes again.
func TestEveryRequestIsSettledOnce(t *testing.T) {
	const processes, each = 4, 12
	dir := folder(t)
	random := rand.New(rand.NewPCG(3, 4))
	answers := []error{
		status.Error(codes.Unavailable, "no"), status.Error(codes.InvalidArgument, "never"), nil, nil, nil, nil, nil, nil,
	}
	var mu sync.Mutex
	settled, refused := make(map[string]int), 0
	c := startCollector(t, "127.0.0.1:0")
	c.answers(func(_ context.Context, name string) error {
		mu.Lock()
		defer mu.Unlock()
		answer := answers[random.IntN(len(answers))]
		if status.Code(answer) != codes.Unavailable {
			settled[name]++
		}
		if status.Code(answer) == codes.InvalidArgument {
			refused++
		}
		return answer
	})
	rejected := 0 // as the services have it
	var given []string
	for p := range processes {
		s := startService(t, c.address, roomy(dir))
		for i := range each {
			given = append(given, fmt.Sprintf("%d/%d", p, i))
			if err := s.export(t, given[len(given)-1]); err != nil && !errors.Is(err, ErrKept) {
				rejected++
			}
		}
		if p == processes-1 {
			eventually(t, "an empty spool", func() bool { return s.State().Queued == 0 })
		}
		s.close(t)()
		rejected += int(s.State().Dropped.Rejected)
	}
	mu.Lock()
	defer mu.Unlock()
	again := 0
	for _, name := range given {
		if settled[name] == 0 {
			t.Errorf("%s never arrived", name)
		}
		again += max(settled[name]-1, 0)
	}
	if again >= processes || rejected > refused || rejected <= refused-processes || len(settled) > len(given) {
		t.Errorf("of %d requests %d came again, after %d ends; %d were rejected, and %d counted", len(given), again, processes-1, refused, rejected)
	}
}

// BenchmarkIntercept is what the forwarder adds to a request that the Collector takes.
func BenchmarkIntercept(b *testing.B) {
	s := New(roomy(folder(b)))
	f := NewForwarder(s, time.Second, slog.New(slog.DiscardHandler))
	b.Cleanup(func() { _ = f.Close(context.Background()) })
	taken := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	r := request("a")
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Intercept(b.Context(), "Export", r, nil, nil, taken); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReplay sends what is kept to a real server, without the bound on the rate.
func BenchmarkReplay(b *testing.B) {
	c := startCollector(b, "127.0.0.1:0")
	s := startService(b, c.address, Config{Dir: folder(b), MaxBytes: 1 << 30, MaxAge: time.Hour})
	s.deliver(b, "first")
	call, _, _ := s.how()
	payload, err := proto.Marshal(request("kept"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.send(call, Request{Payload: payload}); err != nil {
			b.Fatal(err)
		}
	}
}
