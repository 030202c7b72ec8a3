package otelhealth

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver

	"github.com/otelhealth/otelhealth-go/health"
)

// openSQLite makes a database with one table, in write-ahead mode, in a folder of the test's.
func openSQLite(t *testing.T, name string) *sqlx.DB {
	t.Helper()
	return openSQLiteIn(t, filepath.Join(t.TempDir(), name), "WAL")
}

func openSQLiteIn(t *testing.T, path, journal string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("sqlite", "file:"+path+"?_pragma=journal_mode("+journal+")")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // one that was damaged cannot close well
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (x); INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	return db
}

func connectivity(s *health.Snapshot, name string) health.CheckState {
	for _, c := range s.Checks {
		if c.Name == name {
			return c
		}
	}
	return health.CheckState{}
}

func TestPoolsAreCounted(t *testing.T) {
	db := openSQLite(t, "orders.db")
	db.SetMaxOpenConns(2)
	m := startMonitor(t, nil, WithDB("orders", db))
	held, err := db.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := nextSnapshot(t, m)
	for r := range s.All(health.MetricPoolCount) {
		if r.Attribute(health.AttrPoolState) == health.PoolStateUsed && r.Value < 1 {
			t.Errorf("used: got %v, want the one that is held", r.Value)
		}
	}
	if got := s.Value(health.MetricPoolMax); got != 2 {
		t.Errorf("max: got %v, want 2", got)
	}
	if r, ok := s.Rule(health.RulePool); !ok || r.Instance != "orders" || r.Value < 0.5 {
		t.Errorf("the rule pool: got %+v, %v, want half of orders used", r, ok)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPoolWithoutAMaximumIsNotJudged(t *testing.T) {
	m := startMonitor(t, nil, WithDB("orders", openSQLite(t, "orders.db")))
	s := nextSnapshot(t, m)
	if r, ok := s.Rule(health.RulePool); ok {
		t.Errorf("got %+v", r)
	}
	if r, ok := s.Rule(health.RuleDatabase); !ok || r.Status != health.Pass {
		t.Errorf("the rule database: got %+v, %v", r, ok)
	}
}

func TestReadinessWaitsForTheDatabaseAndFollowsIt(t *testing.T) {
	db := openSQLite(t, "orders.db")
	m := startMonitor(t, nil, WithDB("orders", db))
	eventually(t, "ready", func() bool { return get(t, m, "/health/check").Code == 200 })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "not ready", func() bool { return get(t, m, "/health/check").Code == 503 })
	if w := get(t, m, "/health"); w.Code != 200 {
		t.Errorf("liveness looks at a dependency: got %d", w.Code)
	}
	if c := connectivity(m.Snapshot(), "orders"); c.Status != health.Fail || c.Error == "" || c.Since.IsZero() {
		t.Errorf("got %+v", c)
	}
}

func TestOptionalDatabaseLowersReadinessToWarn(t *testing.T) {
	db := openSQLite(t, "orders.db")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	m := startMonitor(t, nil, WithDB("orders", db, Optional()))
	eventually(t, "warn", func() bool { return m.Snapshot() != nil && m.Snapshot().Readiness.Status == health.Warn })
	eventually(t, "a failing check", func() bool { return connectivity(m.Snapshot(), "orders").Status == health.Fail })
	if w := get(t, m, "/health/check"); w.Code != 200 {
		t.Errorf("got %d, want 200", w.Code)
	}
}

// TestDamagedSQLiteFileIsFound overwrites and deletes the file of an open pool, which a ping does not notice.
func TestDamagedSQLiteFileIsFound(t *testing.T) {
	for _, journal := range []string{"DELETE", "WAL"} {
		for _, test := range []struct {
			name   string
			damage func(t *testing.T, path string)
		}{
			{"random bytes", func(t *testing.T, path string) {
				t.Helper()
				f, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = f.Close() })
				junk := make([]byte, 4096)
				_, _ = rand.Read(junk) // never fails
				if _, err := f.WriteAt(junk, 0); err != nil {
					t.Fatal(err)
				}
			}},
			{"emptied", func(t *testing.T, path string) {
				t.Helper()
				if err := os.Truncate(path, 0); err != nil {
					t.Fatal(err)
				}
			}},
			{"replaced", func(t *testing.T, path string) {
				t.Helper()
				other := path + ".other"
				if err := openSQLiteIn(t, other, "DELETE").Close(); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(other, path); err != nil {
					t.Fatal(err)
				}
			}},
			{"deleted", func(t *testing.T, path string) {
				t.Helper()
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}},
		} {
			t.Run(journal+" "+test.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "orders.db")
				db := openSQLiteIn(t, path, journal)
				db.SetMaxOpenConns(1) // a second connection would open the file that took the other's place
				m := startMonitor(t, nil, WithDB("orders", db))
				eventually(t, "pass", func() bool { return m.Snapshot() != nil && connectivity(m.Snapshot(), "orders").Status == health.Pass })
				test.damage(t, path)
				if err := db.PingContext(t.Context()); err != nil {
					t.Logf("here even a ping notices: %v", err)
				}
				eventually(t, "fail", func() bool { return connectivity(m.Snapshot(), "orders").Status == health.Fail })
			})
		}
	}
}

func TestSQLiteInMemoryIsPinged(t *testing.T) {
	db, err := sqlx.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	m := startMonitor(t, nil, WithDB("cache", db))
	eventually(t, "pass", func() bool { return connectivity(nextSnapshot(t, m), "cache").Status == health.Pass })
}

func TestProbeOfOnesOwn(t *testing.T) {
	for _, test := range []struct {
		name  string
		probe func(context.Context) error
		want  string
	}{
		{"that fails", func(context.Context) error { return errors.New("no quorum") }, "no quorum"},
		{"that panics", func(context.Context) error { panic("no pool") }, "no pool"},
		{"that runs into its deadline", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "deadline exceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := startMonitor(t, nil, WithDB("orders", openSQLite(t, "orders.db"), WithProbe(test.probe), WithProbeTimeout(30*time.Millisecond)))
			eventually(t, "fail", func() bool {
				return strings.Contains(connectivity(nextSnapshot(t, m), "orders").Error, test.want)
			})
		})
	}
}

func TestProbeThatHangsIsFoundAndNamed(t *testing.T) {
	release := make(chan struct{})
	m, err := Start(t.Context(),
		WithInterval(20*time.Millisecond), new(logBuffer).option(),
		WithDB("orders", openSQLite(t, "orders.db"), WithProbeTimeout(30*time.Millisecond),
			WithProbe(func(context.Context) error { <-release; return nil })),
	)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "fail", func() bool {
		return m.Snapshot() != nil && strings.Contains(connectivity(m.Snapshot(), "orders").Error, "has not returned")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := m.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), `"orders"`) {
		t.Errorf("shutdown: got %v, want an error that names the probe", err)
	}
	close(release)
}

func TestDatabasesComeAndGo(t *testing.T) {
	m := startMonitor(t, nil)
	db := openSQLite(t, "orders.db")
	remove, err := m.AddDB("orders", db)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.AddDB("orders", db); err == nil {
		t.Error("one name was given twice")
	}
	eventually(t, "pass", func() bool { return connectivity(nextSnapshot(t, m), "orders").Status == health.Pass })
	remove()
	remove()
	s := nextSnapshot(t, m)
	if _, ok := s.Find(health.MetricPoolCount); ok || len(s.Checks) != 0 {
		t.Errorf("after its removal: %+v", s.Checks)
	}
	if _, err := m.AddDB("orders", db); err != nil {
		t.Errorf("adding it again: %v", err)
	}
	for _, test := range []struct {
		name string
		db   DB
		opts []DBOption
	}{{"", db, nil}, {"nil", nil, nil}, {"nil pool", (*sql.DB)(nil), nil}, {"probe", db, []DBOption{WithProbe(nil)}}, {"timeout", db, []DBOption{WithProbeTimeout(-1)}}} {
		if _, err := m.AddDB(test.name, test.db, test.opts...); err == nil {
			t.Errorf("%q was accepted", test.name)
		}
	}
}

func TestSQLiteProbeReadsFilesOfAnyName(t *testing.T) {
	for _, name := range []string{"a b.db", "100%.db", "a%20b.db", "a?mode=rw.db", "a#b.db", "ä&ö.db"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			db := openSQLiteIn(t, (&url.URL{Path: path}).EscapedPath(), "WAL")
			if _, err := os.Stat(path); err != nil {
				t.Fatal(err)
			}
			probe, ok := newSQLiteProbe(db)
			if !ok {
				t.Fatal("SQLite was not recognised")
			}
			if err := probe(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDatabaseWithoutATableYetPasses(t *testing.T) {
	db, err := sqlx.Open("sqlite", filepath.Join(t.TempDir(), "new.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	probe, _ := newSQLiteProbe(db)
	for range 2 {
		if err := probe(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestSQLiteProbeIsNotInTheWay writes as fast as it can while the file is probed at every tick: neither may notice the
// other.
func TestSQLiteProbeIsNotInTheWay(t *testing.T) {
	for _, pragma := range []string{"journal_mode(DELETE)", "journal_mode(WAL)", "locking_mode(EXCLUSIVE)"} {
		t.Run(pragma, func(t *testing.T) {
			db, err := sqlx.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "orders.db")+"?_pragma="+pragma)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() }) // after the monitor's probes
			db.SetMaxOpenConns(1)
			if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (x)"); err != nil {
				t.Fatal(err)
			}
			m := startMonitor(t, nil, WithInterval(10*time.Millisecond), WithDB("orders", db))
			eventually(t, "the first probe", func() bool {
				return m.Snapshot() != nil && connectivity(m.Snapshot(), "orders").Status != health.Unknown
			})
			for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
				if _, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); err != nil {
					t.Fatalf("the application: %v", err)
				}
				if c := connectivity(m.Snapshot(), "orders"); c.Status != health.Pass {
					t.Fatalf("the probe: %+v", c)
				}
			}
		})
	}
}

func TestProbeThatAnswersTooLateFailsEachTime(t *testing.T) {
	var mu sync.Mutex
	var seen []health.Status
	m := startMonitor(t, nil, WithDB("orders", openSQLite(t, "orders.db"), WithProbeTimeout(10*time.Millisecond), WithProbe(func(context.Context) error {
		timer := time.NewTimer(60 * time.Millisecond)
		<-timer.C
		return nil
	})), withSnapshots(func(s *health.Snapshot) {
		mu.Lock()
		defer mu.Unlock()
		if status := connectivity(s, "orders").Status; status != health.Unknown {
			seen = append(seen, status)
		}
	}))
	eventually(t, "twenty looks", func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) >= 20 })
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, status := range seen {
		if status != health.Fail {
			t.Fatalf("look %d: got %v, want fail each time", i+1, status)
		}
	}
}
