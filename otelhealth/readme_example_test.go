package otelhealth_test

// What stands in the README between ```go and ``` stands here too, so that it compiles.

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/otelhealth/otelhealth-go/alerting"
	"github.com/otelhealth/otelhealth-go/health/checks"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

func Example() {
	ctx := context.Background()
	mux := http.NewServeMux()
	serve := func(db *sql.DB) error {
		monitor, err := otelhealth.Start(ctx,
			otelhealth.WithService("orders", "1.4.2", "Takes orders"),
			otelhealth.WithDB("orders", db), // *sql.DB, *sqlx.DB
		)
		if err != nil {
			return err
		}
		defer monitor.Shutdown(context.Background()) //nolint:errcheck // the process ends
		monitor.Register(mux)                        // an *http.ServeMux; monitor.Handler() fits every other router
		return http.ListenAndServe("127.0.0.1:8080", mux)
	}
	db, err := sql.Open("sqlite", "orders.db")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(serve(db))
}

func ExampleCheck() {
	ctx := context.Background()
	monitor, err := otelhealth.Start(ctx, otelhealth.WithCheck(otelhealth.Check{
		Name: "payments", Kind: "service", Required: true, FailureThreshold: 3,
		Probe: checks.HTTP("https://payments.internal/health"),
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()
}

func ExampleWithRules() {
	ctx := context.Background()
	monitor, err := otelhealth.Start(ctx, otelhealth.WithRules(alerting.Rule{
		Name:    "queue",
		Metric:  "orders.queue.length", // built in, of a source, or of monitor.MeterProvider()
		Warn:    alerting.At(100),
		Fail:    alerting.At(500),
		For:     time.Minute,        // above the threshold until the alert fires
		Affects: alerting.Readiness, // which fails while the rule does
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = monitor.Shutdown(context.Background()) }()
}

func ExampleNewSelfProbe() {
	ctx := context.Background()
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen at")
	healthcheck := flag.Bool("healthcheck", false, "ask the program that listens at -addr whether it is alive")
	flag.Parse()
	if *healthcheck {
		os.Exit(otelhealth.NewSelfProbe(*addr).Run(ctx, os.Stderr))
	}
}
