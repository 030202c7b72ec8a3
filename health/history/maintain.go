package history

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// pruneStep is how many rows of one table go at a time.
const pruneStep = 500

// maintain deletes a few rows that are too old, or for which the file has no room, about once a minute, and with each
// sample while there are more of them. last is the time of the last sample.
func (s *Store) maintain(ctx context.Context, db *database, last int64) error {
	r := &s.recorder
	if !r.pruning && !due(last, r.maintained, maintainEvery) {
		return nil
	}
	r.maintained = last
	more := false
	if now, _ := r.clock.now(); r.clock.agrees() {
		var err error
		if more, err = db.prune(ctx, now, s.config); err != nil {
			return err
		}
	}
	tight, err := s.shrink(ctx, db)
	if err != nil {
		return err
	}
	r.pruning = more || tight
	return db.rollups.learn(ctx, db.write)
}

// prune deletes what is too old, and reports whether there may be more.
func (d *database) prune(ctx context.Context, now int64, c Config) (more bool, err error) {
	tx, err := d.write.BeginTxx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("prune: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing once it is committed
	for i := range levels {
		keep := levels[i].keep
		if i == raw {
			keep = c.Retention
		}
		n, err := deleteBefore(ctx, tx, i, now-keep.Milliseconds(), pruneStep)
		if err != nil {
			return false, err
		}
		more = more || n == pruneStep
	}
	n, err := deleteAlerts(ctx, tx, now-c.AlertRetention.Milliseconds(), pruneStep/10)
	if err != nil {
		return false, err
	}
	if err := deleteSilences(ctx, tx, now); err != nil {
		return false, err
	}
	gone, err := deleteUnused(ctx, tx, pruneStep)
	if err != nil {
		return false, err
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("prune: %w", err)
	}
	d.catalog.drop(gone.series)
	return more || n == pruneStep/10 || gone.rows >= pruneStep, nil
}

// deleteBefore deletes the oldest rows of a level that are older than that, at most so many, and notes how far it got.
func deleteBefore(ctx context.Context, tx *sqlx.Tx, at int, before, most int64) (int64, error) {
	l := &levels[at]
	gone := before - l.width
	var n int64
	var last sql.NullInt64
	err := tx.QueryRowxContext(ctx, `SELECT count(*), max(time) FROM
		(SELECT time FROM `+l.table+` WHERE time < ? ORDER BY time LIMIT ?)`, gone, most).Scan(&n, &last)
	if err != nil {
		return 0, wrap(err, "prune "+l.table)
	}
	if n == most {
		gone = last.Int64 + 1
	}
	if n > 0 {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+l.table+` WHERE time < ?`, gone); err != nil {
			return 0, wrap(err, "prune "+l.table)
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE resolutions SET pruned_until = ?1 WHERE seconds = ?2 AND pruned_until < ?1`,
		ceil(gone, max(1, l.width)), l.width/1000)
	return n, wrap(err, "prune "+l.table)
}

// deleteAhead deletes the latest rows of a level that are later than that, at most so many.
func deleteAhead(ctx context.Context, tx *sqlx.Tx, at int, after, most int64) (int64, error) {
	table := levels[at].table
	result, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE time IN
		(SELECT time FROM `+table+` WHERE time > ? ORDER BY time DESC LIMIT ?)`, after, most)
	if err != nil {
		return 0, wrap(err, "prune "+table)
	}
	return result.RowsAffected()
}

// deleteAlerts deletes the alerts that were resolved before that, with their transitions and deliveries. Those of which
// something is yet to be delivered stay.
func deleteAlerts(ctx context.Context, tx *sqlx.Tx, before int64, most int) (int64, error) {
	result, err := tx.ExecContext(ctx, `DELETE FROM alerts WHERE id IN
		(SELECT id FROM alerts WHERE resolved_at IS NOT NULL AND resolved_at < ? AND held = 0
			AND id NOT IN (SELECT alert_id FROM deliveries WHERE state = 'pending') ORDER BY resolved_at LIMIT ?)`, before, most)
	if err != nil {
		return 0, fmt.Errorf("prune alerts: %w", err)
	}
	return result.RowsAffected()
}

func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
