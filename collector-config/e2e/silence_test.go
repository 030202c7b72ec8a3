package e2e

import (
	"context"
	"net"
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
			service := startService(t, exportMetricsTo(listen(t))...)
			service.mustGoOn(t, 15*time.Second, time.Second)
			if ticks := service.ticks(); len(ticks) < 13 {
				t.Errorf("got %d samples in 15 s, want one a second", len(ticks))
			}
			service.stop(promptly)
		})
	}
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
	serve(t, server, listener)
	return listener.Addr().String()
}

// serve has the server answer until the test ends.
func serve(t *testing.T, server *grpc.Server, listener net.Listener) {
	t.Helper()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
}
