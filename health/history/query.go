package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"

	"github.com/otelhealth/otelhealth-go/health"
)

// query runs f with the open file, which stays open until f returns.
func (s *Store) query(doing string, f func(*database) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		state := s.State()
		return fmt.Errorf("%s: %w: %s", doing, health.ErrHistoryUnavailable, state.Condition)
	}
	err := f(s.db)
	if err == nil {
		return nil
	}
	if condition(err) == health.HistoryCorrupt {
		s.suspect.Store(true)
		poke(s.queue.ready)
	}
	var sqliteErr *sqlite.Error
	if errors.As(err, &sqliteErr) && !isRefused(err) {
		return fmt.Errorf("%s: %w: %w", doing, health.ErrHistoryUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// consistently runs f in a transaction that only reads, and so sees one state of the file.
func (s *Store) consistently(ctx context.Context, doing string, f func(tx *sqlx.Tx, layouts layoutFinder) error) error {
	return s.query(doing, func(db *database) error {
		tx, err := db.read.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // does nothing once it is committed
		return f(tx, layoutFinder{ctx, tx, &db.layouts})
	})
}

var selectSamples = "SELECT " + strings.Join(sampleColumns()[:2+numValues+numComponents], ", ") + " FROM samples"

// newestTime selects the time of the sample that was recorded last: the latest, unless the clock was set back.
const newestTime = `SELECT ifnull(open_time, (SELECT max(time) FROM samples)) FROM resolutions WHERE seconds = 0`

// sampleScanner reads rows of samples into one health.Sample.
type sampleScanner struct {
	sample         health.Sample
	time, interval int64
	dest           []any
}

func newSampleScanner() *sampleScanner {
	s := new(sampleScanner)
	s.dest = append(s.dest, &s.time, &s.interval)
	for _, v := range sampleValues(&s.sample) {
		s.dest = append(s.dest, (*number)(v))
	}
	for _, st := range sampleStatuses(&s.sample.Status) {
		s.dest = append(s.dest, (*status)(st))
	}
	return s
}

func (s *sampleScanner) scan(row interface{ Scan(...any) error }) error {
	if err := row.Scan(s.dest...); err != nil {
		return err
	}
	s.sample.Time = time.UnixMilli(s.time).UTC()
	s.sample.CPUUserSeconds /= 1000
	s.sample.CPUSystemSeconds /= 1000
	s.sample.UptimeSeconds /= 1000
	s.sample.Interval = time.Duration(s.interval) * time.Millisecond
	return nil
}

// Newest returns the sample that was recorded last, and false when there is none.
func (s *Store) Newest(ctx context.Context) (health.Sample, bool, error) {
	scanner := newSampleScanner()
	err := s.query("read the newest sample", func(db *database) error {
		return scanner.scan(db.newestSample.QueryRowxContext(ctx))
	})
	if errors.Is(err, sql.ErrNoRows) {
		return health.Sample{}, false, nil
	}
	return scanner.sample, err == nil, err
}

// chunk is how many samples are read at a time.
const chunk = 256

// Samples returns the samples of [from, to), oldest first, as they are read: a few hundred are in memory at a time, and
// the file is not held while the loop's body runs, however slow it is. An error ends them. A *Sample is valid until the
// next one is asked for.
func (s *Store) Samples(ctx context.Context, from, to time.Time) iter.Seq2[*health.Sample, error] {
	return func(yield func(*health.Sample, error) bool) {
		samples := make([]health.Sample, 0, chunk)
		scanner := newSampleScanner()
		for at, until := from.UnixMilli(), to.UnixMilli(); ; {
			samples = samples[:0]
			err := s.query("read samples", func(db *database) error {
				rows, err := db.someSamples.QueryxContext(ctx, at, until, chunk)
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
					if err := scanner.scan(rows); err != nil {
						return err
					}
					samples = append(samples, scanner.sample)
				}
				return rows.Err()
			})
			for i := range samples {
				if !yield(&samples[i], nil) {
					return
				}
			}
			switch {
			case err != nil:
				yield(nil, err)
				return
			case len(samples) < chunk:
				return
			}
			at = samples[chunk-1].Time.UnixMilli() + 1
		}
	}
}
