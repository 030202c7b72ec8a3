package history

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// How often, in the samples' time, the numbers of open alerts are kept and old rows looked for.
const (
	refreshEvery  = time.Minute
	maintainEvery = time.Minute
)

// writeSamples records the entries' snapshots in one transaction, and then does what is due of the upkeep.
func (s *Store) writeSamples(ctx context.Context, db *database, entries []entry) error {
	tx, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("record samples: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing once it is committed
	if err := db.remember(ctx, tx); err != nil {
		return err
	}
	for i := range entries {
		if err := db.record(ctx, tx, entries[i].snapshot); err != nil {
			return fmt.Errorf("record a sample: %w", err)
		}
	}
	now := entries[len(entries)-1].snapshot.Time.UnixMilli()
	if due(now, s.recorder.refreshed, refreshEvery) {
		if alerts, ok := s.queue.takeRefreshed(); ok {
			s.recorder.refreshed = now
			if err := db.keepAlerts(ctx, tx, alerts); err != nil {
				return err
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("record samples: %w", err)
	}
	for i := range entries {
		s.recorder.clock.see(entries[i].snapshot.Time.UnixMilli())
	}
	return s.maintain(ctx, db, now)
}

// keepLast keeps the numbers of open alerts at the end.
func (s *Store) keepLast(ctx context.Context) {
	alerts, ok := s.queue.takeRefreshed()
	if !ok {
		return
	}
	err := func() error {
		db, err := s.opened(ctx)
		if err != nil {
			return err
		}
		return db.durably(ctx, func(tx *sqlx.Tx) error { return db.keepAlerts(ctx, tx, alerts) })
	}()
	if err != nil {
		s.config.Logger.Warn("the last numbers of open alerts are not kept", "error", err)
	}
}

// due reports whether it is time again, or the clock was set back.
func due(now, last int64, every time.Duration) bool {
	return now-last >= every.Milliseconds() || now < last
}

// remember reads what the recorder must know of the file.
func (d *database) remember(ctx context.Context, tx *sqlx.Tx) (err error) {
	if d.catalog != nil && d.rollups != nil {
		return nil
	}
	if d.catalog, err = readCatalog(ctx, tx, d.maxBytes); err == nil {
		d.rollups, err = readRollups(ctx, tx, d.catalog)
	}
	return err
}

// record stores one sample and rolls it up. One of a time that is there already is left out.
func (d *database) record(ctx context.Context, tx *sqlx.Tx, snapshot *health.Snapshot) error {
	sample := health.NewSample(snapshot)
	readings, err := d.catalog.take(ctx, tx, snapshot)
	if err != nil {
		return err
	}
	args := make([]any, 0, 40)
	args = append(args, sample.Time.UnixMilli(), sample.Interval.Milliseconds())
	for i, v := range sampleValues(&sample) {
		if i >= numRolled {
			args = append(args, stored(math.Round(1000*float64(*v))))
		} else {
			args = append(args, stored(float64(*v)))
		}
	}
	for _, st := range sampleStatuses(&sample.Status) {
		args = append(args, int64(*st))
	}
	columns := d.catalog.encode(readings)
	args = append(args, columns[:]...)
	result, err := tx.StmtxContext(ctx, d.insertSample).ExecContext(ctx, args...)
	if err != nil {
		return err
	}
	if inserted, err := result.RowsAffected(); err != nil || inserted == 0 {
		return err
	}
	return d.rollups.add(ctx, tx, d.catalog, &sample, readings)
}

// sampleColumns are those of the table samples, in its order.
func sampleColumns() []string {
	list := []string{"time", "interval_ms"}
	for _, c := range rolledColumns {
		list = append(list, string(c))
	}
	for _, c := range plainColumns {
		list = append(list, string(c))
	}
	for _, c := range components {
		list = append(list, c+"_status")
	}
	return append(list, "layout", "readings", "others")
}
