package grpchealth_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	_ "google.golang.org/grpc/health" // client-side health checking
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/grpchealth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWatchSendsEachChangeOnce(t *testing.T) {
	t.Parallel()
	s := startService(t, grpchealth.WithInterval(time.Millisecond))
	overall, ready, alive := s.watch(""), s.watch("readiness"), s.watch("liveness")
	overall.wantNext(notServing) // no snapshot yet
	ready.wantNext(notServing)
	alive.wantNext(serving)

	s.publish(health.Pass, health.Pass)
	overall.wantNext(serving)
	ready.wantNext(serving)
	s.publish(health.Pass, health.Warn) // no change in this protocol's words
	s.publish(health.Fail, health.Fail)
	overall.wantNext(notServing)
	ready.wantNext(notServing)
	alive.wantNext(notServing)
}

func TestWatchOfAnUnknownServiceStaysOpen(t *testing.T) {
	t.Parallel()
	s := startService(t, grpchealth.WithInterval(time.Millisecond))
	w, other := s.watch("orders"), s.watch("")
	w.wantNext(unknown)
	other.wantNext(notServing)
	s.publish(health.Pass, health.Pass)
	other.wantNext(serving) // the other's loop has gone round by now
	s.health.Shutdown()
	w.wantEnd(codes.Unavailable)
}

func TestWatchersAreBounded(t *testing.T) {
	t.Parallel()
	s := startService(t, grpchealth.WithMaxWatchers(2), grpchealth.WithInterval(time.Millisecond))
	first, second := s.watch(""), s.watch("orders")
	first.wantNext(notServing)
	second.wantNext(unknown)
	s.watch("").wantEnd(codes.ResourceExhausted)

	first.leave()
	first.wantEnd(codes.Canceled)
	for deadline := time.Now().Add(10 * time.Second); ; { // the server learns of it a little later
		response, err := s.watch("liveness").stream.Recv()
		if err == nil && response.Status == serving {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place of a watcher who left: got %v, %v, want it given to another", response, err)
		}
	}
	s.watch("").wantEnd(codes.ResourceExhausted)
}

func TestShutdownLetsGracefulStopReturn(t *testing.T) {
	t.Parallel()
	s := startService(t) // looks once a second, which Shutdown does not wait for
	w := s.watch("")
	w.wantNext(notServing)
	s.health.Shutdown()
	s.health.Shutdown()
	w.wantEnd(codes.Unavailable)

	late := s.watch("")
	late.wantNext(notServing)
	late.wantEnd(codes.Unavailable)
	if got := s.check([]string{""})[""]; got != notServing {
		t.Errorf("Check after Shutdown: got %v, want %v", got, notServing)
	}
	s.server.GracefulStop()
}

// A tick that has died announces nothing. The server and its client talk through memory here, so that the bubble's
// clock governs both.
func TestStalledTickIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 10 * time.Second
		s := &service{t: t, server: grpc.NewServer()}
		s.endpoints = newEndpoints(t, interval)
		s.health = grpchealth.Register(s.server, s.endpoints)
		pipe := bufconn.Listen(1 << 16)
		go func() { _ = s.server.Serve(pipe) }()
		connection := dial(t, "passthrough:bubble", grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return pipe.DialContext(ctx)
		}))
		s.client = grpc_health_v1.NewHealthClient(connection)
		s.publish(health.Pass, health.Pass)
		last := time.Now()

		stream, err := s.client.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "liveness"})
		if err != nil {
			t.Fatal(err)
		}
		w := &watcher{t: t, stream: stream}
		w.wantNext(serving)
		w.wantNext(notServing)
		if after := time.Since(last); after <= 3*interval || after > 3*interval+time.Second {
			t.Errorf("stalled is told after %v, want within the second after three intervals of %v", after, interval)
		}
		if got := s.check([]string{"", "liveness"}); got[""] != notServing || got["liveness"] != notServing {
			t.Errorf("Check: got %v, want nothing serving", got)
		}
		s.publish(health.Pass, health.Pass)
		w.wantNext(serving)
		s.health.Shutdown()
		s.server.GracefulStop()
		_ = connection.Close()
	})
}

// A client that checks health itself sends no call to a server that is not serving.
func TestClientSideHealthChecking(t *testing.T) {
	t.Parallel()
	s := startService(t, grpchealth.WithInterval(time.Millisecond))
	connection := dial(t, s.address, grpc.WithDefaultServiceConfig(
		`{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": "readiness"}}`))
	connection.Connect()
	awaitState(t, connection, connectivity.TransientFailure)
	s.publish(health.Pass, health.Warn)
	awaitState(t, connection, connectivity.Ready)
	s.publish(health.Pass, health.Fail)
	awaitState(t, connection, connectivity.TransientFailure)
}

func awaitState(t *testing.T, connection *grpc.ClientConn, want connectivity.State) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for state := connection.GetState(); state != want; state = connection.GetState() {
		if !connection.WaitForStateChange(ctx, state) {
			t.Fatalf("state: got %v, want %v", state, want)
		}
	}
}
