package checks_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/otelhealth/otelhealth-go/health/checks"
)

func ExampleHTTP() {
	payments := httptest.NewServer(http.NotFoundHandler())
	defer payments.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	fmt.Println(checks.HTTP(payments.URL + "/health")(ctx))
	fmt.Println(checks.HTTP(payments.URL+"/health", checks.ExpectStatus(http.StatusNotFound))(ctx))
	// Output:
	// got 404 Not Found, want 200 to 299
	// <nil>
}

func ExampleDiskSpace() {
	probe := checks.DiskSpace(".", checks.MinFree(1<<20), checks.MinFreeShare(0.001))
	if err := probe(context.Background()); err != nil {
		fmt.Println("make room:", err)
	}
}
