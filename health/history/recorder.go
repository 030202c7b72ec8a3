package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// The wait after an attempt to write that failed, doubled after each other.
const (
	firstRetry   = 50 * time.Millisecond
	longestRetry = 5 * time.Second
)

// batchSize is how many entries are written in one transaction when many wait.
const batchSize = 64

// recorder is what the recorder's goroutine remembers.
type recorder struct {
	one        bool // write one entry at a time: a batch was refused
	exchanged  bool // the file was exchanged, and nothing has been written since
	looked     time.Time
	clock      clock
	carried    *carried // nil: no file was opened yet
	inherited  int64    // the highest id in the first one
	maintained int64    // time of the sample at which that was done last, Unix milliseconds
	refreshed  int64
	pruning    bool // there is more to prune
}

// run writes what is queued until the store is closed.
func (s *Store) run(ctx context.Context) {
	defer close(s.done)
	defer s.closeFile(health.HistoryClosed)
	retry := firstRetry
	for {
		entries := s.queue.take(s.recorder.batch())
		if len(entries) == 0 && !s.suspect.Load() {
			select {
			case <-s.queue.ready:
				continue
			case <-s.stop:
				if empty := s.queue.empty(); empty == nil {
					s.keepLast(ctx)
					return
				}
				continue
			}
		}
		err := s.attempt(ctx, entries)
		if err != nil && s.recover(ctx, err, entries) {
			continue
		}
		s.note(err)
		if err == nil {
			s.queue.done()
			s.recorder.one, s.recorder.exchanged = false, false
			retry = firstRetry
			continue
		}
		if s.stopping() || ctx.Err() != nil {
			return
		}
		timer := time.NewTimer(retry)
		select {
		case <-timer.C:
		case <-s.queue.urgent: // alerts do not wait for samples
		case <-s.stop: // one more attempt
		}
		timer.Stop()
		retry = min(2*retry, longestRetry)
	}
}

func (r *recorder) batch() int {
	if r.one {
		return 1
	}
	return batchSize
}

func (s *Store) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

var errPanicked = errors.New("panicked")

// attempt writes the entries, or looks at the file when somebody suspects that it is corrupt.
func (s *Store) attempt(ctx context.Context, entries []entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write the history: %w: %v", errPanicked, p)
		}
	}()
	db, err := s.opened(ctx)
	if err != nil {
		return err
	}
	if err := s.look(ctx, db); err != nil || len(entries) == 0 {
		return err
	}
	if entries[0].snapshot != nil {
		return s.writeSamples(ctx, db, entries)
	}
	made, err := db.writeAlerts(ctx, entries, s.config.Plan, s.recorder.inherited)
	if err == nil {
		s.recorder.carried.note(entries)
		s.recorder.carried.noteTransitions(made)
		s.committed()
	}
	return err
}

// opened returns the open file, opening it first where it is not, or not any more.
func (s *Store) opened(ctx context.Context) (*database, error) {
	if s.db != nil && s.db.moved() {
		s.closeFile(health.HistoryUnavailable)
		s.config.Logger.Error("the history's file was deleted or replaced while it was open; another is begun", "path", s.config.Path)
	}
	if s.db != nil {
		return s.db, nil
	}
	db, err := s.begin(ctx)
	if condition(err) == health.HistoryCorrupt && !s.recorder.exchanged {
		if err := s.setAside(err); err != nil {
			return nil, err
		}
		db, err = s.begin(ctx)
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.db = db
	s.mu.Unlock()
	return db, nil
}

// begin opens the file: the first one to go on from it, another one to go on with what is carried over.
func (s *Store) begin(ctx context.Context) (*database, error) {
	db, err := openDatabase(ctx, s.config.Path, s.config.MaxBytes)
	if err != nil {
		return nil, err
	}
	r := &s.recorder
	if r.carried == nil {
		if r.carried, err = readCarried(ctx, db.write); err == nil {
			r.inherited = r.carried.lastID
		}
	} else if err = db.carryOver(ctx, r.carried, s.config.Plan); err == nil && len(r.carried.last) > 0 {
		r.refreshed = 0 // the numbers follow at once
		s.committed()
	}
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

func (s *Store) committed() {
	if s.config.Committed != nil {
		s.config.Committed()
	}
}

// recover deals with an error that goes away by doing something, and reports whether it did.
func (s *Store) recover(ctx context.Context, err error, entries []entry) bool {
	if s.db != nil {
		s.db.forget()
	}
	switch condition(err) {
	case health.HistoryCorrupt:
		s.suspect.Store(false)
		s.closeFile(health.HistoryCorrupt)
		return !s.recorder.exchanged && s.setAside(err) == nil
	case health.HistoryFull:
		if s.makeRoom(ctx) {
			return true
		}
		isBatch := len(entries) > 1
		s.recorder.one = isBatch // one of them may have room
		return isBatch
	case health.HistoryUnavailable:
		switch {
		case !isRefused(err):
			s.closeFile(health.HistoryUnavailable)
		case len(entries) > 1:
			s.recorder.one = true
			return true
		default:
			s.queue.giveUp()
			s.config.Logger.Error("the history refuses a record, which is dropped", "error", err)
			return true
		}
	}
	return false
}

// closeFile closes the file once no query runs.
func (s *Store) closeFile(why health.HistoryCondition) {
	s.mu.Lock()
	db := s.db
	s.db = nil
	s.mu.Unlock()
	if db != nil {
		_ = db.close() // what was committed is safe; the rest is written again
	}
	if why == health.HistoryClosed {
		s.stateMu.Lock()
		defer s.stateMu.Unlock()
		s.state.Condition, s.state.Since = health.HistoryClosed, time.Now().UTC()
	}
}

// keptAside is how many corrupt files are kept.
const keptAside = 3

// setAside renames the corrupt file and its log.
func (s *Store) setAside(why error) error {
	aside := s.config.Path + ".corrupt-" + time.Now().UTC().Format("20060102T150405.000Z")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := os.Rename(s.config.Path+suffix, aside+suffix)
		if err != nil && (suffix == "" || !errors.Is(err, os.ErrNotExist)) {
			return errors.Join(why, fmt.Errorf("set the corrupt file aside: %w", err))
		}
	}
	s.recorder.exchanged = true
	if s.recorder.carried == nil { // nobody knows what ids were in it
		s.recorder.carried = newCarried()
		s.recorder.carried.lastID = time.Now().Unix()
	}
	s.stateMu.Lock()
	s.state.SetAside = aside
	s.stateMu.Unlock()
	s.config.Logger.Error("the history is corrupt; it is set aside and another is begun", "path", s.config.Path, "aside", aside, "error", why)
	s.removeOldest()
	return nil
}

// removeOldest keeps corrupt files from filling the disk.
func (s *Store) removeOldest() {
	folder, prefix := filepath.Dir(s.config.Path), filepath.Base(s.config.Path)+".corrupt-"
	files, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	var aside []string // by name, and so by date
	for _, f := range files {
		if strings.HasPrefix(f.Name(), prefix) && strings.HasSuffix(f.Name(), "Z") {
			aside = append(aside, filepath.Join(folder, f.Name()))
		}
	}
	for _, path := range aside[:max(0, len(aside)-keptAside)] {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(path + suffix) // tried again the next time
		}
	}
}

// note keeps what became of the last attempt, and logs when that changes.
func (s *Store) note(err error) {
	var refused int
	var size int64
	if s.db != nil {
		size = s.db.size()
		if s.db.catalog != nil {
			refused = s.db.catalog.refused
		}
	}
	now := health.HistoryOK
	if err != nil {
		now = condition(err)
	}
	s.stateMu.Lock()
	before := s.state.Condition
	s.state.Refused, s.state.Error = refused, ""
	if size > 0 {
		s.state.SizeBytes = size
	}
	if err != nil {
		s.state.Error = err.Error()
	}
	if now != before {
		s.state.Condition, s.state.Since = now, time.Now().UTC()
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
	s.stateMu.Unlock()
	switch {
	case now == before:
	case now == health.HistoryOK:
		s.config.Logger.Info("the history is written again", "path", s.config.Path)
	case before == health.HistoryOK:
		s.config.Logger.Error("the history cannot be written; what is recorded waits", "condition", string(now), "error", err)
	}
}
