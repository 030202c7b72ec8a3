package otelhealth_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/checks"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// quiet keeps the examples' output to what they print themselves.
var quiet = otelhealth.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))

func ExampleStart() {
	monitor, err := otelhealth.Start(context.Background(), quiet,
		otelhealth.WithService("orders", "1.4.2", "Takes orders"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()

	mux := http.NewServeMux()
	monitor.Register(mux)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/health", http.NoBody))
	fmt.Print(answer.Code, " ", answer.Body)
	// Output: 200 {"status":"pass","version":"1.4.2","serviceId":"orders","description":"Takes orders"}
}

func ExampleMonitor_AddSource() {
	monitor, err := otelhealth.Start(context.Background(), quiet)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()

	remove, err := monitor.AddSource(otelhealth.Source{
		Name:   "queue",
		Gauges: []otelhealth.Gauge{{Name: "orders.queue.length", Unit: "{order}", Description: "Orders that wait."}},
		Sample: func(_ context.Context, observe otelhealth.Observe) error {
			observe("orders.queue.length", 12, attribute.String("queue", "new"))
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer remove()
}

func ExampleWithCheck() {
	monitor, err := otelhealth.Start(context.Background(), quiet,
		otelhealth.WithCheck(otelhealth.Check{
			Name: "payments", Kind: "service", Required: true, FailureThreshold: 3,
			Probe: checks.HTTP("https://payments.internal/health"),
		}),
		otelhealth.WithCheck(otelhealth.Check{
			Name: "sessions", Kind: "cache", Timeout: time.Second,
			Probe: checks.TCP("redis.internal:6379"),
		}),
		otelhealth.WithCheck(otelhealth.Check{
			Name: "data", Kind: health.CheckDisk, Interval: time.Minute,
			Probe: checks.DiskSpace("/var/lib/orders", checks.MinFree(1<<30), checks.MinFreeShare(0.05)),
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()
}

func ExampleMonitor_AddCheck() {
	monitor, err := otelhealth.Start(context.Background(), quiet)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()

	expires := time.Now().Add(90 * 24 * time.Hour)
	remove, err := monitor.AddCheck(otelhealth.Check{
		Name: "license",
		Probe: func(context.Context) error {
			if left := time.Until(expires); left < 7*24*time.Hour {
				return fmt.Errorf("the license ends in %v", left.Round(time.Hour))
			}
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer remove()
}

func ExampleMonitor_Heartbeat() {
	monitor, err := otelhealth.Start(context.Background(), quiet)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()

	beat, err := monitor.Heartbeat("matching-engine", 30*time.Second, otelhealth.Vital())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer beat.Stop()
	for range 3 { // the loop that must not hang
		beat.Beat()
	}
}

func ExampleWebSocketTracker() {
	var tracker otelhealth.WebSocketTracker // give tracker.Stats to WithWebSocket
	tracker.Opened()
	tracker.Subscribed(2)
	fmt.Println(tracker.Stats(context.Background()))
	// Output: 1 2 <nil>
}

func ExampleNewReader() {
	reader := otelhealth.NewReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)) // the application's own
	monitor, err := otelhealth.Start(context.Background(), quiet,
		otelhealth.WithMeterProvider(provider), otelhealth.WithReader(reader))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()
}

func ExampleWithAuthorizer() {
	token := "read from a secret store"
	authorizer := health.AuthorizerFunc(func(r *http.Request) (health.Identity, error) {
		if r.Header.Get("Authorization") != "Bearer "+token { // compare in constant time in earnest
			return health.Identity{}, fmt.Errorf("wrong token")
		}
		return health.Identity{Name: "operator"}, nil
	})
	monitor, err := otelhealth.Start(context.Background(), quiet, otelhealth.WithAuthorizer(authorizer))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()
	answer := httptest.NewRecorder()
	monitor.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/health/api/current", http.NoBody))
	fmt.Println(answer.Code)
	// Output: 401
}
