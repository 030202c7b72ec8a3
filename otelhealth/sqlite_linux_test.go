package otelhealth

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/otelhealth/otelhealth-go/health"
)

// TestSQLiteProbeKeepsTheLocksOfTheProcess asks the kernel: a probe that opened and closed the file past SQLite would
// have dropped the lock of the transaction.
func TestSQLiteProbeKeepsTheLocksOfTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	db := openSQLiteIn(t, path, "DELETE")
	m := startMonitor(t, nil, WithDB("orders", db))
	nextSnapshot(t, m)
	tx, err := db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO t VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	if !locked(t, path) {
		t.Fatal("the transaction holds no lock")
	}
	ran := connectivity(m.Snapshot(), "orders").Time
	eventually(t, "two probes", func() bool {
		last := connectivity(nextSnapshot(t, m), "orders").Time
		return last.Sub(ran) > 2*m.config.interval
	})
	if c := connectivity(m.Snapshot(), "orders"); c.Status != health.Pass {
		t.Errorf("a database that is being written: got %+v, want pass", c)
	}
	if !locked(t, path) {
		t.Error("the probe dropped the lock of the transaction")
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// locked reports whether this process holds a write lock on the file.
func locked(t *testing.T, path string) bool {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatalf("stat: got %T", info.Sys())
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	owner, inode := fmt.Sprintf(" WRITE %d ", os.Getpid()), fmt.Sprintf(":%d ", stat.Ino)
	for line := range strings.Lines(string(locks)) {
		if strings.Contains(line, owner) && strings.Contains(line, inode) {
			return true
		}
	}
	return false
}
