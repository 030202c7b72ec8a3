package browsertest

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	_ "modernc.org/sqlite" // the pools' driver

	"github.com/otelhealth/otelhealth-go/otelhealth"
)

// writeWeek writes a history of seven days into a folder, and returns its file.
func writeWeek(folder string, flags ...string) (string, error) {
	file := filepath.Join(folder, "week.db")
	command := exec.Command("go", append([]string{"run", "./week", "-file", file}, flags...)...)
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", command, err, output)
	}
	return file, nil
}

// pool opens a database of which so many connections are in use and idle.
func pool(t *testing.T, most, inUse, idle int) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "pool.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(idle)
	connections := make([]*sql.Conn, inUse+idle)
	for i := range connections {
		if connections[i], err = db.Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	giveBack := func(connections []*sql.Conn) {
		for _, connection := range connections {
			if err := connection.Close(); err != nil {
				t.Errorf("close a connection: %v", err)
			}
		}
	}
	giveBack(connections[inUse:])
	t.Cleanup(func() {
		giveBack(connections[:inUse])
		if err := db.Close(); err != nil {
			t.Errorf("close a pool: %v", err)
		}
	})
	return db
}

func steady(connections, symbols int64) otelhealth.WebSocketStats {
	return func(context.Context) (int64, int64, error) { return connections, symbols, nil }
}

func queue() otelhealth.Source {
	return otelhealth.Source{
		Name: "queue", Gauges: []otelhealth.Gauge{{Name: "orders.queue.length", Unit: "{order}"}},
		Sample: func(_ context.Context, observe otelhealth.Observe) error {
			observe("orders.queue.length", 31, attribute.String("queue", "new"))
			observe("orders.queue.length", 8, attribute.String("queue", "amended"))
			return nil
		},
	}
}

func healthy(context.Context) error { return nil }
