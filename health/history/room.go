package history

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// How the file's pages are shared out, as parts of what it may take.
const (
	alertShare = 16 // one part is for alerts and their deliveries alone
	spareShare = 8  // one part is kept free by deleting the oldest rows
)

// pagesForSamples returns how many pages the file may have for a sample to be written.
func pagesForSamples(maxBytes int64) int64 {
	most := maxBytes / pageSize
	return most - most/alertShare
}

// pages says how the file is filled.
type pages struct{ count, free int64 }

func readPages(ctx context.Context, q sqlx.QueryerContext) (p pages, err error) {
	for name, into := range map[string]*int64{"page_count": &p.count, "freelist_count": &p.free} {
		if err := sqlx.GetContext(ctx, q, into, "PRAGMA "+name); err != nil {
			return p, fmt.Errorf("read the file's size: %w", err)
		}
	}
	return p, nil
}

// areTight reports whether there is less room than should be kept free of so many pages.
func (p pages) areTight(most int64) bool { return p.count-p.free > most-most/spareShare }

// shrink makes room while the file is tight. Pages that become free are used again; a file that is larger than it may be,
// because it was allowed more before, is written anew once enough of it is free. It reports whether there is more to do.
func (s *Store) shrink(ctx context.Context, db *database) (more bool, err error) {
	p, err := readPages(ctx, db.write)
	if err != nil {
		return false, err
	}
	most := s.config.MaxBytes / pageSize
	if p.areTight(most) {
		if more, err = s.deleteOldest(ctx, db); err != nil {
			return false, err
		}
	}
	if p.count > most && !more {
		if _, err := db.write.ExecContext(ctx, `VACUUM`); err != nil {
			return false, fmt.Errorf("shrink the file: %w", err)
		}
	}
	return more, nil
}

// makeRoom deletes the oldest rows when it is our own limit that is reached, and reports whether that helped.
func (s *Store) makeRoom(ctx context.Context) bool {
	if s.db == nil {
		return false
	}
	p, err := readPages(ctx, s.db.write)
	if err != nil || !p.areTight(s.config.MaxBytes/pageSize) {
		return false // it is the disk
	}
	more, err := s.deleteOldest(ctx, s.db)
	return err == nil && more
}

// deleted is what one way to make room did.
type deleted struct {
	rows       int64
	series     []int64 // that are no longer in the dictionary
	deliveries int64   // that were to be made yet
}

// room deletes a few rows that can be spared at that time, Unix milliseconds.
type room func(ctx context.Context, tx *sqlx.Tx, now int64) (deleted, error)

// rooms are taken in this order: what nothing refers to, samples older than a day, then rollups from fine to coarse, what a
// clock that was ahead left behind, then more of the same, and alerts that are resolved. What is yet to be delivered is the
// last to go.
func rooms() []room {
	return []room{
		unused,
		before(raw, day), before(1, 7*day), before(2, 30*day),
		ahead(raw), ahead(1), ahead(2), ahead(3),
		before(raw, time.Hour), before(1, day), before(2, 7*day), before(3, 30*day),
		before(1, time.Hour), before(2, day), before(3, 7*day), before(raw, 10*time.Minute),
		resolvedAlerts,
		before(1, 10*time.Minute), before(2, 4*time.Hour), before(3, day), before(raw, time.Minute),
		before(3, 0), before(2, 0), before(1, 0),
		openAlerts,
		undelivered,
	}
}

// before spares the rows of a level from that long ago on.
func before(level int, spare time.Duration) room {
	return func(ctx context.Context, tx *sqlx.Tx, now int64) (deleted, error) {
		n, err := deleteBefore(ctx, tx, level, now-spare.Milliseconds(), pruneStep)
		return deleted{rows: n}, err
	}
}

// ahead spares the rows of a level up to a day from now.
func ahead(level int) room {
	return func(ctx context.Context, tx *sqlx.Tx, now int64) (deleted, error) {
		n, err := deleteAhead(ctx, tx, level, now+day.Milliseconds(), pruneStep)
		return deleted{rows: n}, err
	}
}

func unused(ctx context.Context, tx *sqlx.Tx, _ int64) (deleted, error) {
	return deleteUnused(ctx, tx, pruneStep)
}

func resolvedAlerts(ctx context.Context, tx *sqlx.Tx, now int64) (deleted, error) {
	n, err := deleteAlerts(ctx, tx, now, pruneStep/10)
	return deleted{rows: n}, err
}

// openAlerts deletes the transitions of open alerts but for a few.
func openAlerts(ctx context.Context, tx *sqlx.Tx, _ int64) (d deleted, err error) {
	var open []int64
	if err := tx.SelectContext(ctx, &open, `SELECT id FROM alerts WHERE state <> 'resolved'`); err != nil {
		return d, err
	}
	for _, id := range open {
		n, err := pruneTransitions(ctx, tx, id, keptFirst)
		if err != nil {
			return d, err
		}
		d.rows += n
	}
	return d, nil
}

// undelivered deletes the oldest alerts that are resolved, with deliveries that are yet to be made.
func undelivered(ctx context.Context, tx *sqlx.Tx, _ int64) (d deleted, err error) {
	const oldest = `SELECT id FROM alerts WHERE state = 'resolved' AND held = 0 ORDER BY id LIMIT 10`
	err = tx.GetContext(ctx, &d.deliveries, `SELECT count(*) FROM deliveries WHERE state = 'pending' AND alert_id IN (`+oldest+`)`)
	if err != nil {
		return d, err
	}
	result, err := tx.ExecContext(ctx, `DELETE FROM alerts WHERE id IN (`+oldest+`)`)
	if err != nil {
		return d, err
	}
	d.rows, err = result.RowsAffected()
	return d, err
}

// deleteOldest makes room in a small step, and reports whether it found something to delete.
func (s *Store) deleteOldest(ctx context.Context, db *database) (found bool, err error) {
	now, ok := s.recorder.clock.now()
	if !ok {
		if err := db.write.GetContext(ctx, &now, `SELECT ifnull((`+newestTime+`), 0)`); err != nil {
			return false, fmt.Errorf("make room: %w", err)
		}
	}
	var sum deleted
	err = db.durably(ctx, func(tx *sqlx.Tx) error {
		for _, take := range rooms() {
			d, err := take(ctx, tx, now)
			if err != nil {
				return err
			}
			sum.rows += d.rows
			sum.deliveries += d.deliveries
			sum.series = append(sum.series, d.series...)
			p, err := readPages(ctx, tx)
			if err != nil || d.rows >= pruneStep/10 || sum.rows > 0 && !p.areTight(s.config.MaxBytes/pageSize) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("make room: %w", err)
	}
	db.catalog.drop(sum.series)
	if sum.deliveries > 0 {
		s.queue.drop(sum.deliveries)
		s.config.Logger.Error("the history is full of alerts; the oldest are deleted, and what was to be delivered of them is given up",
			"deliveries", sum.deliveries)
	}
	return sum.rows > 0, nil
}
