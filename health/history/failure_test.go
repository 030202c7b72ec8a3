package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/otelhealth/otelhealth-go/health"
)

// journal is a log that tests read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// count returns how many lines hold the text.
func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for line := range strings.Lines(j.text.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// await waits until the store is in that condition.
func await(t *testing.T, s *Store, want health.HistoryCondition) health.HistoryState {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		state := s.State()
		if state.Condition == want {
			return state
		}
		select {
		case <-deadline:
			t.Fatalf("got %+v, want %s", state, want)
		case <-s.changed:
		}
	}
}

func samplesIn(t *testing.T, s *Store) int {
	t.Helper()
	n := 0
	for _, err := range s.Samples(t.Context(), time.Time{}.AddDate(1970, 0, 0), epoch.AddDate(50, 0, 0)) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// outsider is a connection of somebody else to the same file.
func outsider(t *testing.T, path string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path, nil))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); db.Close() })
	return conn
}

func execute(t *testing.T, conn interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, query string) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func TestLockedByAnother(t *testing.T) {
	var log journal
	path := filepath.Join(t.TempDir(), "health.db")
	s, l := open(t, Config{Path: path, Logger: log.logger()}), newLoad(1)
	fill(t, s, l, 3)
	other := outsider(t, path)
	execute(t, other, `BEGIN IMMEDIATE`)
	for range 5 {
		s.Record(l.next())
	}
	s.RecordTransitions([]health.Transition{firing(1, epoch)})
	state := await(t, s, health.HistoryLocked)
	if state.Queued != 6 || state.Error == "" {
		t.Errorf("got %+v, want 6 queued and why", state)
	}
	if _, ok, err := s.Newest(t.Context()); !ok || err != nil {
		t.Errorf("reading: %v", err)
	}
	execute(t, other, `ROLLBACK`)
	flush(t, s)
	await(t, s, health.HistoryOK)
	if n := samplesIn(t, s); n != 8 {
		t.Errorf("got %d samples, want 8", n)
	}
	if open, err := s.OpenAlerts(t.Context()); len(open) != 1 || err != nil {
		t.Errorf("got the alerts %v, %v", open, err)
	}
	if a, b := log.count("cannot be written"), log.count("written again"); a != 1 || b != 1 {
		t.Errorf("logged %d and %d times, want once each", a, b)
	}
}

func TestReadOnly(t *testing.T) {
	s, l := open(t, Config{}), newLoad(1)
	fill(t, s, l, 1)
	execute(t, s.db.write, `PRAGMA query_only = 1`)
	s.Record(l.next())
	await(t, s, health.HistoryReadOnly)
	execute(t, s.db.write, `PRAGMA query_only = 0`)
	flush(t, s)
	await(t, s, health.HistoryOK)
	if n := samplesIn(t, s); n != 2 {
		t.Errorf("got %d samples, want 2", n)
	}
}

func TestFolderThatCannotBeMade(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, l := open(t, Config{Path: filepath.Join(folder, "db", "health.db")}), newLoad(1)
	state := s.State()
	if state.Condition != health.HistoryUnavailable || state.Error == "" {
		t.Errorf("got %+v", state)
	}
	if _, _, err := s.Newest(t.Context()); !errors.Is(err, health.ErrHistoryUnavailable) {
		t.Errorf("got %v, want health.ErrHistoryUnavailable", err)
	}
	for _, err := range s.Samples(t.Context(), epoch, epoch.Add(time.Hour)) {
		if !errors.Is(err, health.ErrHistoryUnavailable) {
			t.Errorf("got %v, want health.ErrHistoryUnavailable", err)
		}
	}
	s.Record(l.next())
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	await(t, s, health.HistoryOK)
	if n := samplesIn(t, s); n != 1 {
		t.Errorf("got %d samples, want 1", n)
	}
}

// TestDiskFull lets the pages run out while some are free: so it is not our own limit that is reached.
func TestDiskFull(t *testing.T) {
	s, l := open(t, Config{}), newLoad(1)
	fill(t, s, l, 50)
	p, err := readPages(t.Context(), s.db.write)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.write.Exec(`PRAGMA max_page_count = ` + strconv.FormatInt(p.count, 10)); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		s.Record(l.next())
	}
	state := await(t, s, health.HistoryFull)
	if state.Queued == 0 {
		t.Errorf("got %+v, want something queued", state)
	}
	execute(t, s.db.write, `PRAGMA max_page_count = 100000`)
	flush(t, s)
	await(t, s, health.HistoryOK)
	if n := samplesIn(t, s); n != 350 {
		t.Errorf("got %d samples, want 350", n)
	}
}

func overwrite(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	garbage := bytes.Repeat([]byte("not a database! "), int(info.Size()/16)+1)
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCorruptAtOpen(t *testing.T) {
	var log journal
	path := filepath.Join(t.TempDir(), "health.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("garbage "), 9000), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Path: path, Logger: log.logger()})
	state := s.State()
	if state.Condition != health.HistoryOK || !strings.HasPrefix(state.SetAside, path+".corrupt-") {
		t.Fatalf("got %+v", state)
	}
	if b, err := os.ReadFile(state.SetAside); err != nil || !bytes.HasPrefix(b, []byte("garbage")) {
		t.Errorf("what was set aside is not what was there: %v", err)
	}
	if n := log.count("set aside"); n != 1 {
		t.Errorf("logged %d times, want once", n)
	}
	fill(t, s, newLoad(1), 2)
	saved, err := s.Saved(t.Context())
	if err != nil || saved.LastID < time.Now().Add(-time.Hour).Unix() {
		t.Errorf("got %+v, %v: ids of alerts would begin again at 1", saved, err)
	}
}

// TestCorruptWhileRunning overwrites the file under a running store, which writing alone would not notice.
func TestCorruptWhileRunning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s, l := open(t, Config{Path: path}), newLoad(1)
	fill(t, s, l, 2000)
	execute(t, s.db.write, `PRAGMA wal_checkpoint(TRUNCATE)`)
	overwrite(t, path)
	alert := firing(7, epoch)
	s.Record(l.next())
	flush(t, s)
	for _, err := range s.Samples(t.Context(), epoch, epoch.Add(day)) {
		if err != nil { // whoever reads finds out
			if !errors.Is(err, health.ErrHistoryUnavailable) {
				t.Errorf("got %v, want it to say that the history is not available", err)
			}
			break
		}
	}
	s.RecordTransitions([]health.Transition{alert})
	flush(t, s)
	s.Record(l.next())
	s.Refresh([]health.Alert{alert.Alert})
	flush(t, s)
	state := await(t, s, health.HistoryOK)
	if state.SetAside == "" {
		t.Fatalf("got %+v, want the file set aside", state)
	}
	if _, err := s.Statistics(t.Context(), epoch, epoch.Add(day)); err != nil {
		t.Error(err)
	}
}

func TestFileDeletedWhileRunning(t *testing.T) {
	var log journal
	path := filepath.Join(t.TempDir(), "health.db")
	s, l := open(t, Config{Path: path, Logger: log.logger()}), newLoad(1)
	fill(t, s, l, 20)
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(path + suffix); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, s, l, 3)
	if n := samplesIn(t, s); n != 3 {
		t.Errorf("got %d samples, want the 3 of the new file", n)
	}
	if n := log.count("deleted or replaced"); n != 1 {
		t.Errorf("logged %d times, want once", n)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheLogDeleted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s, l := open(t, Config{Path: path}), newLoad(1)
	fill(t, s, l, 5)
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	fill(t, s, l, 5)
	flush(t, s)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	if n := samplesIn(t, s); n < 5 {
		t.Errorf("got %d samples, want those recorded since at least", n)
	}
}

func TestSecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	first := open(t, Config{Path: path})
	if _, err := Open(Config{Path: path, Logger: silent()}); !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v, want ErrInUse", err)
	}
	fill(t, first, newLoad(1), 1)
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := open(t, Config{Path: path})
	if n := samplesIn(t, second); n != 1 {
		t.Errorf("got %d samples, want 1", n)
	}
}

func TestLaterSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := open(t, Config{Path: path})
	execute(t, s.db.write, `PRAGMA user_version = 1000`)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	if state := s.State(); state.Condition != health.HistoryUnavailable || !strings.Contains(state.Error, "later version") {
		t.Errorf("got %+v", state)
	}
}

func TestQueueIsBounded(t *testing.T) {
	s, l := open(t, Config{QueueLength: 10}), newLoad(1)
	fill(t, s, l, 1)
	execute(t, s.db.write, `PRAGMA query_only = 1`)
	s.Record(l.next())
	await(t, s, health.HistoryReadOnly)
	for range 500 {
		s.Record(l.next())
	}
	newest := l.next()
	s.Record(newest)
	for id := range int64(30) {
		s.RecordTransitions([]health.Transition{another(id+1, epoch)})
	}
	state := s.State()
	if state.Queued > 40 || state.Dropped < 460 {
		t.Errorf("got %+v, want some 20 queued and the rest dropped", state)
	}
	execute(t, s.db.write, `PRAGMA query_only = 0`)
	flush(t, s)
	if got, _, err := s.Newest(t.Context()); err != nil || !got.Time.Equal(newest.Time) {
		t.Errorf("got %v, %v, want the newest sample %v", got.Time, err, newest.Time)
	}
	// What an attempt was writing meanwhile, which is as many at most, is not dropped.
	if open, err := s.OpenAlerts(t.Context()); err != nil || len(open) < 10 || len(open) > 20 || open[0].ID != 30 {
		t.Errorf("got %d alerts, want the last 10, and 10 others at most: %v", len(open), err)
	}
}

func TestRefusedRecordDoesNotHoldUpOthers(t *testing.T) {
	var log journal
	plan := func(tr health.Transition, _ []health.Delivery, _ bool) ([]health.Delivery, []int64) {
		switch tr.Alert.ID {
		case 2:
			panic("a fault of the plan")
		case 3: // refers to a transition that there is not
			return []health.Delivery{{Key: "k", Destination: "d", AlertID: 3, Number: 99}}, nil
		}
		return nil, nil
	}
	s := open(t, Config{Plan: plan, Logger: log.logger()})
	for id := int64(1); id <= 4; id++ {
		s.RecordTransitions([]health.Transition{another(id, epoch)})
	}
	flush(t, s)
	open, err := s.OpenAlerts(t.Context())
	if err != nil || len(open) != 2 || open[0].ID != 4 || open[1].ID != 1 {
		t.Errorf("got %v, %v, want alerts 4 and 1", open, err)
	}
	if state := await(t, s, health.HistoryOK); state.Dropped != 2 {
		t.Errorf("got %+v, want 2 dropped", state)
	}
	if n := log.count("refuses a record"); n != 2 {
		t.Errorf("logged %d, want 2", n)
	}
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	s, l := open(t, Config{}), newLoad(1)
	fill(t, s, l, 1)
	execute(t, s.db.write, `PRAGMA query_only = 1`)
	s.Record(l.next())
	await(t, s, health.HistoryReadOnly)
	if err := s.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "1 records") {
		t.Errorf("got %v, want that 1 record is not written", err)
	}
	if err := s.Close(t.Context()); err == nil {
		t.Error("the second Close says nothing")
	}
	if got := s.State().Condition; got != health.HistoryClosed {
		t.Errorf("got %s", got)
	}
	if _, _, err := s.Newest(t.Context()); !errors.Is(err, health.ErrHistoryUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := s.Flush(t.Context()); err == nil {
		t.Error("Flush of a closed store succeeds")
	}
	if err := (*Store)(nil).Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s, l := open(t, Config{Path: path}), newLoad(1)
	for range 200 {
		s.Record(l.next())
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := samplesIn(t, open(t, Config{Path: path})); n != 200 {
		t.Errorf("got %d samples, want 200", n)
	}
}

func TestCloseIsBrokenOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s, l := open(t, Config{Path: path}), newLoad(1)
	fill(t, s, l, 1)
	other := outsider(t, path)
	execute(t, other, `BEGIN IMMEDIATE`)
	s.Record(l.next())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); err == nil {
		t.Error("got no error, want that 1 record is not written")
	}
}

func TestConfiguration(t *testing.T) {
	_, err := Open(Config{Retention: -1, MaxBytes: 5})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"Path", "Retention", "MaxBytes: got 5, want at least 4194304"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to name %s", err, want)
		}
	}
}

func TestPathWithOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=ro#c%20é", "he?alth.db")
	s := open(t, Config{Path: path})
	fill(t, s, newLoad(1), 1)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// TestPathIsALink: the file, its log and its lock are where the link leads, whether the file is there already or not.
func TestPathIsALink(t *testing.T) {
	for _, name := range []string{"to a file", "to no file yet", "relative", "to a link", "to a folder"} {
		t.Run(name, func(t *testing.T) {
			folder, volume := t.TempDir(), t.TempDir()
			file, path := filepath.Join(volume, "real.db"), filepath.Join(folder, "health.db")
			link := func(target, at string) {
				t.Helper()
				if err := os.Symlink(target, at); err != nil {
					t.Fatal(err)
				}
			}
			switch name {
			case "to a file":
				if err := open(t, Config{Path: file}).Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				link(file, path)
			case "to no file yet":
				link(file, path)
			case "relative":
				target, err := filepath.Rel(folder, file)
				if err != nil {
					t.Fatal(err)
				}
				link(target, path)
			case "to a link":
				link(file, filepath.Join(folder, "other.db"))
				link("other.db", path)
			case "to a folder":
				link(volume, filepath.Join(folder, "data"))
				path = filepath.Join(folder, "data", "real.db")
			}
			s := open(t, Config{Path: path})
			fill(t, s, newLoad(1), 1)
			if state := s.State(); state.Condition != health.HistoryOK {
				t.Errorf("got %+v", state)
			}
			for _, suffix := range []string{"", "-wal", ".lock"} {
				if info, err := os.Lstat(file + suffix); err != nil || !info.Mode().IsRegular() {
					t.Errorf("%s: %v, want it beside the file", suffix, err)
				}
			}
			if _, err := Open(Config{Path: file, Logger: silent()}); !errors.Is(err, ErrInUse) {
				t.Errorf("a second process: got %v, want ErrInUse", err)
			}
		})
	}
}

func TestConditionOfACode(t *testing.T) {
	for code, want := range map[int]health.HistoryCondition{
		sqlite3.SQLITE_FULL:             health.HistoryFull,
		sqlite3.SQLITE_IOERR_SHMSIZE:    health.HistoryFull,
		sqlite3.SQLITE_IOERR_WRITE:      health.HistoryUnavailable,
		sqlite3.SQLITE_BUSY_SNAPSHOT:    health.HistoryLocked,
		sqlite3.SQLITE_READONLY_DBMOVED: health.HistoryReadOnly,
		sqlite3.SQLITE_CORRUPT_INDEX:    health.HistoryCorrupt,
	} {
		if got := codeCondition(code); got != want {
			t.Errorf("code %d: got %s, want %s", code, got, want)
		}
	}
}
