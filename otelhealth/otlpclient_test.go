package otelhealth

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelhealth/otelhealth-go/health"
)

func TestDialOptionsThatWouldReplaceTheMonitorsOwnAreRefused(t *testing.T) {
	dir, kept := spoolIn(t)
	dialing := otlpmetricgrpc.WithDialOption(grpc.WithUserAgent("orders"))
	m, err := Start(t.Context(), new(logBuffer).option(), kept, WithOTLP(otlpmetricgrpc.WithInsecure(), dialing))
	if err == nil {
		_ = m.Shutdown(t.Context())
		t.Fatal("it was started without its own dial options")
	}
	for _, part := range []string{"WithOTLP", "otlpmetricgrpc.WithDialOption", "otelhealth.WithDialOptions"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want it to name %s", err, part)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the spool's folder: %v", err)
	}
}

// TestOtherOptionsOfTheClientArePermitted uses those that otlpmetricgrpc turns into dial options itself.
func TestOtherOptionsOfTheClientArePermitted(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	_, kept := spoolIn(t)
	m := startMonitor(t, nil, kept, WithOTLP(
		otlpmetricgrpc.WithEndpoint(c.address), otlpmetricgrpc.WithInsecure(), otlpmetricgrpc.WithCompressor("gzip"),
		otlpmetricgrpc.WithServiceConfig("{}"), otlpmetricgrpc.WithReconnectionPeriod(time.Second),
	))
	eventually(t, "a request", func() bool { return c.received() > 0 })
	if s := m.exporter.state(); s.Spool != health.SpoolOK {
		t.Errorf("state: got %+v", s)
	}
}

// TestDialOptionsAreAddedToTheMonitorsOwn counts what passes an interceptor, and looks at the spool.
func TestDialOptionsAreAddedToTheMonitorsOwn(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	_, kept := spoolIn(t)
	var first, second atomic.Int64
	counting := func(passed *atomic.Int64) Option {
		return WithDialOptions(grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			passed.Add(1)
			return invoke(ctx, method, request, reply, connection, options...)
		}))
	}
	c.answers(refuse(codes.Unavailable))
	m := startMonitor(t, variables{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, kept, counting(&first), counting(&second))
	eventually(t, "requests on disk", func() bool { return m.exporter.onDisk() > 2 })
	c.answers(nil)
	eventually(t, "that they are sent", func() bool { return m.exporter.onDisk() == 0 })
	if sent, received := first.Load(), int64(c.received()); sent < received-1 || sent == 0 || second.Load() == 0 { // one may be on its way
		t.Errorf("%d and %d requests passed the interceptors, %d arrived", sent, second.Load(), received)
	}
}

func TestConnectionOfOnesOwnGoesPastTheSpool(t *testing.T) {
	c := startCollector(t, "127.0.0.1:0")
	connection, err := grpc.NewClient(c.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Errorf("it was closed: %v", err)
		}
	})
	dir, kept := spoolIn(t)
	var log logBuffer
	m := startMonitor(t, nil, kept, log.option(), WithOTLP(otlpmetricgrpc.WithGRPCConn(connection)))
	eventually(t, "requests", func() bool { return c.received() > 1 })
	if s := m.exporter.state(); s.Spool != health.SpoolOff {
		t.Errorf("state: got %+v", s)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the spool's folder: %v", err)
	}
	if lines := log.lines("otlpmetricgrpc.WithGRPCConn"); len(lines) != 1 {
		t.Errorf("logged %q, want one line", lines)
	}
}
