package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver

	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// store is the service's database: a SQLite file that lives as long as the process.
type store struct {
	db  *sqlx.DB
	dir string
}

func openStore(ctx context.Context) (_ *store, err error) {
	dir, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	dsn := "file:" + filepath.ToSlash(filepath.Join(dir, "orders.db")) +
		"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(2000)&_pragma=synchronous(NORMAL)"
	db, err := sqlx.ConnectContext(ctx, "sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db.SetMaxOpenConns(8)
	const schema = "CREATE TABLE orders (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, placed TEXT NOT NULL)"
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("create the schema: %w", err), db.Close())
	}
	return &store{db, dir}, nil
}

func (s *store) close() error { return errors.Join(s.db.Close(), os.RemoveAll(s.dir)) }

type order struct {
	ID     int64  `db:"id" json:"id"`
	Symbol string `db:"symbol" json:"symbol"`
	Placed string `db:"placed" json:"placed"`
}

func (s *store) place(ctx context.Context, symbol string) error {
	_, err := s.db.ExecContext(ctx, "INSERT INTO orders (symbol, placed) VALUES (?, ?)",
		symbol, time.Now().UTC().Format(time.RFC3339Nano))
	return err
}

// serveOrders places an order and answers with the newest ten.
func (s *store) serveOrders(w http.ResponseWriter, r *http.Request) {
	orders := []order{}
	err := s.place(r.Context(), "AAPL")
	if err == nil {
		err = s.db.SelectContext(r.Context(), &orders, "SELECT id, symbol, placed FROM orders ORDER BY id DESC LIMIT 10")
	}
	if err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(orders) // the client went away
}

// loop places an order every second, and says with each that it still moves.
type loop struct {
	done sync.WaitGroup
}

func startLoop(ctx context.Context, monitor *otelhealth.Monitor, s *store) (*loop, error) {
	beat, err := monitor.Heartbeat("place-orders", 30*time.Second, otelhealth.Vital())
	if err != nil {
		return nil, err
	}
	l := new(loop)
	l.done.Go(func() {
		defer beat.Stop()
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				if err := s.place(ctx, "MSFT"); err != nil && ctx.Err() == nil {
					fmt.Fprintln(os.Stderr, "quickstart: place an order:", err)
				}
				beat.Beat()
			case <-ctx.Done():
				return
			}
		}
	})
	return l, nil
}

func (l *loop) wait() { l.done.Wait() }
