package grpchealth_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/grpchealth"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

const (
	serving    = grpc_health_v1.HealthCheckResponse_SERVING
	notServing = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	unknown    = grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN
)

var quiet = otelhealth.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))

// service is a gRPC server whose health comes from endpoints, and a client of it.
type service struct {
	t         *testing.T
	endpoints *health.Endpoints
	health    *grpchealth.Server
	server    *grpc.Server
	address   string
	client    grpc_health_v1.HealthClient
}

func newEndpoints(t *testing.T, interval time.Duration) *health.Endpoints {
	t.Helper()
	endpoints, err := health.NewEndpoints(health.EndpointsConfig{Interval: interval})
	if err != nil {
		t.Fatal(err)
	}
	return endpoints
}

func startService(t *testing.T, options ...grpchealth.Option) *service {
	t.Helper()
	endpoints := newEndpoints(t, time.Hour)
	s := serve(t, endpoints, options...)
	s.endpoints = endpoints
	return s
}

// serve answers for source on the loopback interface until the test ends.
func serve(t *testing.T, source grpchealth.Source, options ...grpchealth.Option) *service {
	t.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, server: grpc.NewServer(), address: listener.Addr().String()}
	s.health = grpchealth.Register(s.server, source, options...)
	go func() { _ = s.server.Serve(listener) }() // until Stop
	t.Cleanup(s.server.Stop)
	s.client = grpc_health_v1.NewHealthClient(dial(t, s.address))
	return s
}

func dial(t *testing.T, target string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	connection, err := grpc.NewClient(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

func (s *service) publish(liveness, readiness health.Status) {
	now := time.Now()
	s.endpoints.Publish(&health.Snapshot{
		Time:      now,
		Liveness:  health.Verdict{Status: liveness},
		Readiness: health.Verdict{Status: readiness},
	}, now)
}

func (s *service) watch(service string) *watcher {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	s.t.Cleanup(cancel)
	stream, err := s.client.Watch(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		s.t.Fatal(err)
	}
	return &watcher{s.t, stream, cancel}
}

// watcher is a client in the middle of a Watch.
type watcher struct {
	t      *testing.T
	stream grpc.ServerStreamingClient[grpc_health_v1.HealthCheckResponse]
	leave  context.CancelFunc
}

func (w *watcher) wantNext(want grpc_health_v1.HealthCheckResponse_ServingStatus) {
	w.t.Helper()
	response, err := w.stream.Recv()
	if err != nil || response.Status != want {
		w.t.Fatalf("next status: got %v, %v, want %v", response, err, want)
	}
}

func (w *watcher) wantEnd(want codes.Code) {
	w.t.Helper()
	if response, err := w.stream.Recv(); status.Code(err) != want {
		w.t.Fatalf("end: got %v, %v, want %v", response, err, want)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := startService(t)
	for _, test := range []struct {
		name                string
		liveness, readiness health.Status
		live, ready         grpc_health_v1.HealthCheckResponse_ServingStatus
	}{
		{"all is well", health.Pass, health.Pass, serving, serving},
		{"concerns are no failure", health.Pass, health.Warn, serving, serving},
		{"alive but not ready", health.Pass, health.Fail, serving, notServing},
		{"ready but not alive", health.Fail, health.Pass, notServing, serving},
		{"what nobody judged is not serving", health.Unknown, health.Unknown,
			grpc_health_v1.HealthCheckResponse_UNKNOWN, grpc_health_v1.HealthCheckResponse_UNKNOWN},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.publish(test.liveness, test.readiness)
			want := map[string]grpc_health_v1.HealthCheckResponse_ServingStatus{
				"": test.ready, "readiness": test.ready, "liveness": test.live,
			}
			if got := s.check(slices.Collect(maps.Keys(want))); !maps.Equal(got, want) {
				t.Errorf("Check: got %v, want %v", got, want)
			}
			if got := s.list(); !maps.Equal(got, want) {
				t.Errorf("List: got %v, want %v", got, want)
			}
		})
	}
}

func (s *service) check(services []string) map[string]grpc_health_v1.HealthCheckResponse_ServingStatus {
	s.t.Helper()
	statuses := make(map[string]grpc_health_v1.HealthCheckResponse_ServingStatus)
	for _, name := range services {
		response, err := s.client.Check(s.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: name})
		if err != nil {
			s.t.Fatalf("service %q: %v", name, err)
		}
		statuses[name] = response.Status
	}
	return statuses
}

func (s *service) list() map[string]grpc_health_v1.HealthCheckResponse_ServingStatus {
	s.t.Helper()
	response, err := s.client.List(s.t.Context(), &grpc_health_v1.HealthListRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	statuses := make(map[string]grpc_health_v1.HealthCheckResponse_ServingStatus)
	for name, status := range response.Statuses {
		statuses[name] = status.Status
	}
	return statuses
}

func TestCheckOfAnUnknownService(t *testing.T) {
	t.Parallel()
	s := startService(t)
	_, err := s.client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "orders"})
	const want = `service: got "orders", want "", "readiness" or "liveness"`
	if got := status.Convert(err); got.Code() != codes.NotFound || got.Message() != want {
		t.Errorf("got %v, want NotFound, %s", err, want)
	}
}

// grpc_health_probe connects, calls Check once for the service it is given, none by default, within a timeout of one
// second, and asks for nothing but SERVING. The kubelet's grpc probe does the same.
func TestAsProbesAsk(t *testing.T) {
	t.Parallel()
	s := startService(t)
	healthy := func(service string) bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		response, err := s.client.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service}, grpc.WaitForReady(true))
		return err == nil && response.GetStatus() == serving
	}
	if healthy("") || healthy("readiness") || !healthy("liveness") {
		t.Error("before the first snapshot: want it alive and not ready")
	}
	s.publish(health.Pass, health.Pass)
	if !healthy("") || !healthy("readiness") || !healthy("liveness") {
		t.Error("after it: want it ready")
	}
	if healthy("orders") {
		t.Error("an unknown service is healthy")
	}
}

func TestOverAMonitor(t *testing.T) {
	t.Setenv("HEALTH_DRAIN_DELAY", "1ms")
	monitor, err := otelhealth.Start(t.Context(), otelhealth.WithoutHistory(), otelhealth.WithInterval(time.Hour), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = monitor.Shutdown(context.Background()) })
	s := serve(t, monitor, grpchealth.WithInterval(time.Millisecond))
	ready, alive := s.watch("readiness"), s.watch("liveness")
	alive.wantNext(serving)
	response, err := ready.stream.Recv()
	if err == nil && response.Status == notServing { // looked before the first snapshot
		response, err = ready.stream.Recv()
	}
	if err != nil || response.Status != serving {
		t.Fatalf("after the first snapshot: got %v, %v, want %v", response, err, serving)
	}
	if err := monitor.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	ready.wantNext(notServing)
	if got := s.check([]string{"liveness"})["liveness"]; got != serving {
		t.Errorf("liveness while draining: got %v, want %v", got, serving)
	}
	s.health.Shutdown()
	s.server.GracefulStop()
	ready.wantEnd(codes.Unavailable)
	alive.wantEnd(codes.Unavailable)
}
