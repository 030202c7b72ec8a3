package health_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// What a program does under its -healthcheck flag, with the address that it listens at otherwise.
func ExampleSelfProbe() {
	endpoints, err := health.NewEndpoints(health.EndpointsConfig{Interval: 10 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	service := httptest.NewServer(endpoints.Handler())
	defer service.Close()

	probe := health.SelfProbe{Address: service.Listener.Addr().String()}
	exitCode := probe.Run(context.Background(), os.Stderr)
	fmt.Println(exitCode)
	// Output: 0
}
