// Week writes the history of a service for the tests to start from: seven days of samples, ten seconds apart, and past
// alerts. It is a program of its own because the race detector makes SQLite, which is translated from C, twenty times as
// slow.
//
//	go run ./week -file health.db
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/otelhealth/otelhealth-go/health/history"
)

const (
	interval = 10 * time.Second
	length   = 7 * 24 * time.Hour // 60,480 samples
	batch    = 300                // the queue is bounded
)

func main() {
	file := flag.String("file", "", "the history to write")
	firing := flag.Bool("firing", false, "an alert fires since 25 minutes ago")
	flag.Parse()
	if err := write(*file, life{now: time.Now().UTC(), firing: *firing}); err != nil {
		fmt.Fprintln(os.Stderr, "week:", err)
		os.Exit(1)
	}
}

func write(file string, l life) (err error) {
	ctx := context.Background()
	store, err := history.Open(history.Config{Path: file})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(ctx)) }()
	first := l.now.Add(-length).Truncate(interval)
	for n := range int(length / interval) {
		store.Record(l.snapshot(first.Add(time.Duration(n) * interval)))
		if n%batch == batch-1 {
			if err := store.Flush(ctx); err != nil {
				return err
			}
		}
	}
	store.RecordTransitions(l.alerts())
	if err := store.Flush(ctx); err != nil {
		return err
	}
	if state := store.State(); state.Dropped > 0 {
		return fmt.Errorf("%d records were dropped", state.Dropped)
	}
	return nil
}
