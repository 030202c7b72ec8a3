// Frameworks shows how the health endpoints are mounted beside an application's own routes: in net/http under a base
// path, behind a prefix that is stripped and behind a proxy, and in chi, gin, echo and fiber. Each way is a function in
// a file of its own, to be copied.
//
//	go run . -mount chi -addr 127.0.0.1:8080
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

	"github.com/otelhealth/otelhealth-go/otelhealth"
)

func main() {
	name := flag.String("mount", "nethttp", "how the endpoints are mounted: "+mountNames())
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen at")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *name, *addr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "frameworks:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains and closes.
func run(ctx context.Context, name, addr string) (err error) {
	mount, err := mountNamed(name)
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed already where it was served
	monitor, err := otelhealth.Start(ctx,
		otelhealth.WithService("frameworks", "1.0", "Shows how the endpoints are mounted"),
		otelhealth.WithListenAddress(addr),
		otelhealth.WithBasePath(mount.basePath),
	)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, monitor.Shutdown(context.Background())) }()

	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	served := make(chan error, 1)
	go func() { served <- mount.serve(serving, listener, monitor) }()
	fmt.Printf("curl -i http://%s%s/health\n", listener.Addr(), mount.prefix)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	err = monitor.Drain(serving)
	stop()
	return errors.Join(err, <-served)
}

// serveHTTP serves handler until ctx ends, and then what is under way.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(closing)
}
