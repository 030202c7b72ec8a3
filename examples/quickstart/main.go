// Quickstart is a small real service with its health in plain view: a SQLite database, a WebSocket echo endpoint, a
// route with a little load, and ways to plant trouble and watch it being noticed.
//
//	go run ./examples/quickstart -addr 127.0.0.1:8080
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/otelhealth"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen at")
	healthcheck := flag.Bool("healthcheck", false, "ask the quickstart that listens at -addr whether it is alive, and exit with 0 or 1")
	published := flag.Bool("published", false, "the port is published by a container, on the loopback interface alone: trust who comes through it")
	flag.Parse()
	if *healthcheck {
		os.Exit(otelhealth.NewSelfProbe(*addr).Run(context.Background(), os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends it at once
	err := run(ctx, *addr, door{*published})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains, closes what it opened in the opposite order, and returns.
func run(ctx context.Context, addr string, door door) (err error) {
	store, err := openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.close()) }()
	echo := new(echoServer)
	trouble := new(trouble)
	defer trouble.release()

	service := otelhealth.WithService("quickstart", "1.0", "A small service that shows its health")
	listen := otelhealth.WithListenAddress(addr)
	spans, err := newTracerProvider(ctx, service, listen)
	if err != nil {
		return err
	}
	defer flush(spans)
	monitor, err := otelhealth.Start(ctx, service, listen,
		otelhealth.WithDB("orders", store.db),
		otelhealth.WithWebSocket("echo", echo.tracker.Stats),
		otelhealth.WithTracerProvider(spans),
		otelhealth.WithAuthorizer(health.AuthorizerFunc(door.authorize)),
	)
	if err != nil {
		return err
	}
	// The contexts here do not end with ctx: it has ended by then.
	defer func() { err = errors.Join(err, monitor.Shutdown(context.Background())) }()
	working, stopWork := context.WithCancel(ctx)
	loop, err := startLoop(working, monitor, store)
	if err != nil {
		stopWork()
		return err
	}
	defer loop.wait()
	defer stopWork() // also when the server fails

	mux := http.NewServeMux()
	monitor.Register(mux)
	mux.HandleFunc("GET /{$}", home)
	mux.Handle("GET /orders", instrument(store.serveOrders, spans, monitor.MeterProvider()))
	mux.Handle("GET /ws", echo)
	mux.Handle("POST /demo/{kind}", door.localOnly(http.HandlerFunc(trouble.servePlant)))
	return serve(ctx, addr, mux, monitor, echo)
}

func serve(ctx context.Context, addr string, handler http.Handler, monitor *otelhealth.Monitor, echo *echoServer) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	server.RegisterOnShutdown(echo.closeAll)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Print(welcome("http://" + listener.Addr().String()))

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	fmt.Println("draining …")
	drained := monitor.Drain(context.Background()) // for HEALTH_DRAIN_DELAY
	closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(drained, server.Shutdown(closing))
}

// home says where to look.
func home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, welcome("http://"+r.Host))
}

func welcome(base string) string {
	return fmt.Sprintf(`quickstart listens at %[1]s

  is it alive?          curl -i %[1]s/health
  may it get traffic?   curl -i %[1]s/health/check
  everything in it      curl -s %[1]s/health/api/current
  which alerts fire?    curl -s %[1]s/health/api/alerts
  the last hour         curl -s '%[1]s/health/api/stats?hours=1'
                        curl -s '%[1]s/health/export?hours=1'
  a little load         curl -s %[1]s/orders
  a WebSocket echo      %[1]s/ws ("subscribe AAPL MSFT" counts two symbols)

plant trouble, look again after the next sample, and take it back with n=0:
  open 900 files        curl -X POST '%[1]s/demo/files?n=900'
  acknowledge an alert  curl -X POST '%[1]s/health/api/alerts/1/acknowledge' -d note=mine
  start goroutines      curl -X POST '%[1]s/demo/goroutines?n=20000'
  hold memory, MiB      curl -X POST '%[1]s/demo/memory?n=600'

`, base)
}
