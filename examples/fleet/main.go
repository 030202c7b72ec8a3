// Fleet stands in for a great many instances of a service: each with a resource, values and a connection of its own, and
// as many series as a small service has. It pushes to a Collector for a while and reports what that cost and whether all
// of it arrived:
//
//	go run ./examples/fleet -n 1000 -endpoint http://localhost:4317 -prometheus http://localhost:9090
//
// What arrived is counted where it ends up, in Prometheus: an acknowledgement says only that the Collector took it. The
// Collector's own CPU time and memory are read there as well. Without -prometheus only what was acknowledged is told.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// config is what the flags say.
type config struct {
	instances  int
	interval   time.Duration // between two exports of one instance
	duration   time.Duration
	endpoint   string // of the Collector, http:// or https://
	prometheus string // base URL; empty: nothing is counted there
	settle     time.Duration
}

func main() {
	c := readFlags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, c, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func readFlags() config {
	var c config
	flag.IntVar(&c.instances, "n", 100, "number of instances")
	flag.DurationVar(&c.interval, "interval", 10*time.Second, "time between two exports of one instance")
	flag.DurationVar(&c.duration, "for", time.Minute, "how long to push")
	flag.StringVar(&c.endpoint, "endpoint", "http://localhost:4317", "the Collector's OTLP endpoint, gRPC")
	flag.StringVar(&c.prometheus, "prometheus", "", "base URL of the Prometheus in which the points end up, such as http://localhost:9090")
	flag.DurationVar(&c.settle, "settle", time.Minute, "how long to wait for the last points to arrive in Prometheus")
	flag.Parse()
	return c
}

// run pushes for c.duration, or until ctx ends, and writes the report.
func run(ctx context.Context, c config, out io.Writer) error {
	if err := c.validate(); err != nil {
		return err
	}
	fleet, err := newFleet(ctx, c)
	if err != nil {
		return err
	}
	defer fleet.close()
	report := report{config: c, series: fleet.series(), began: time.Now()}
	report.push = fleet.push(ctx, c.duration)
	report.ended = time.Now()

	if c.prometheus != "" {
		far := &farEnd{base: c.prometheus, run: fleet.run}
		if report.arrived, err = far.await(ctx, report.push.points, c.settle); err != nil {
			return err
		}
		if report.collectors, err = far.collectors(ctx, report.began); err != nil {
			return err
		}
	}
	report.write(out)
	switch {
	case c.prometheus != "" && report.arrived < report.push.points:
		return errors.New("points were lost")
	case c.prometheus == "" && report.push.failures > 0:
		return errors.New("requests were given up")
	}
	return nil
}

func (c *config) validate() error {
	if c.instances < 1 || c.interval <= 0 || c.duration <= 0 {
		return fmt.Errorf("got -n %d, -interval %s and -for %s, want more than nothing of each", c.instances, c.interval, c.duration)
	}
	address, err := url.Parse(c.endpoint)
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return fmt.Errorf("-endpoint: got %q, want a URL such as http://localhost:4317", c.endpoint)
	}
	return nil
}
