package e2e

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
)

// A Collector that takes connections and never answers holds up no sample, no request and no Shutdown.
func TestCollectorThatNeverAnswers(t *testing.T) {
	t.Parallel()
	for name, listen := range map[string]func(*testing.T) string{
		"not a byte":        acceptOnly,
		"HTTP/2, no answer": neverAnswer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Metrics alone, or the time that the quickstart takes to give up its spans would count as well.
			service := startService(t, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://"+listen(t))
			slowest := service.ask(t, 15*time.Second)
			if slowest > time.Second {
				t.Errorf("a request took %s", slowest)
			}
			ticks := service.ticks()
			if len(ticks) < 13 {
				t.Errorf("got %d samples in 15 s, want one a second", len(ticks))
			}
			if late := gaps(ticks, 2*time.Second); len(late) > 0 {
				t.Errorf("sampling was held up after %s", joined(late))
			}
			service.stop(2 * time.Second)
		})
	}
}

// ask asks the service how it is for that long, and returns the longest time that an answer took.
func (s *service) ask(t *testing.T, d time.Duration) time.Duration {
	t.Helper()
	pauses := time.NewTicker(20 * time.Millisecond)
	defer pauses.Stop()
	var took []time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); <-pauses.C {
		for _, path := range []string{"/health", "/health/check", "/orders"} {
			began := time.Now()
			if _, err := s.get(path, nil); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
	}
	return slices.Max(took)
}

func listenOn(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// acceptOnly takes connections, and neither reads nor writes.
func acceptOnly(t *testing.T) string {
	listener := listenOn(t)
	go func() {
		var held []net.Conn
		for {
			connection, err := listener.Accept()
			if err != nil {
				for _, connection := range held {
					_ = connection.Close()
				}
				return
			}
			held = append(held, connection)
		}
	}()
	return listener.Addr().String()
}

// mute is an OTLP receiver that takes requests and never answers them.
type mute struct {
	colmetricpb.UnimplementedMetricsServiceServer
}

func (mute) Export(ctx context.Context, _ *colmetricpb.ExportMetricsServiceRequest) (*colmetricpb.ExportMetricsServiceResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func neverAnswer(t *testing.T) string {
	listener := listenOn(t)
	server := grpc.NewServer()
	colmetricpb.RegisterMetricsServiceServer(server, mute{})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return listener.Addr().String()
}
