package history

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// pruneStep is how many rows of one table go at a time. A clock that jumps ahead for one sample costs no more.
const pruneStep = 500

// maintain deletes a few rows that are too old, or for which the file has no room, about once a minute, and with each
// sample while there are more of them.
func (s *Store) maintain(ctx context.Context, db *database, now int64) error {
	r := &s.recorder
	if !r.pruning && !due(now, r.maintained, maintainEvery) {
		return nil
	}
	r.maintained = now
	more, err := db.prune(ctx, now, s.config)
	if err != nil {
		return err
	}
	tight, err := db.shrink(ctx, s.config.MaxBytes)
	r.pruning = more || tight
	return err
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
	return more || n == pruneStep/10, tx.Commit()
}

// deleteBefore deletes the oldest rows of a level that are older than that, at most so many, and notes how far it got.
func deleteBefore(ctx context.Context, tx *sqlx.Tx, at int, before, most int64) (int64, error) {
	l := &levels[at]
	var first, last *int64
	err := tx.QueryRowxContext(ctx, `SELECT min(time), max(time) FROM
		(SELECT time FROM `+l.table+` WHERE time < ? ORDER BY time LIMIT ?)`, before-l.width, most).Scan(&first, &last)
	if err != nil || last == nil {
		return 0, wrap(err, "prune "+l.table)
	}
	result, err := tx.ExecContext(ctx, `DELETE FROM `+l.table+` WHERE time BETWEEN ? AND ?`, *first, *last)
	if err != nil {
		return 0, wrap(err, "prune "+l.table)
	}
	_, err = tx.ExecContext(ctx, `UPDATE resolutions SET pruned_until = max(pruned_until, ?) WHERE seconds = ?`,
		*last+max(1, l.width), l.width/1000)
	if err != nil {
		return 0, wrap(err, "prune "+l.table)
	}
	return result.RowsAffected()
}

// deleteAlerts deletes the alerts that were resolved before that, with their transitions and deliveries.
func deleteAlerts(ctx context.Context, tx *sqlx.Tx, before int64, most int) (int64, error) {
	result, err := tx.ExecContext(ctx, `DELETE FROM alerts WHERE id IN
		(SELECT id FROM alerts WHERE resolved_at IS NOT NULL AND resolved_at < ? AND held = 0 ORDER BY resolved_at LIMIT ?)`, before, most)
	if err != nil {
		return 0, fmt.Errorf("prune alerts: %w", err)
	}
	return result.RowsAffected()
}

// pages says how the file is filled.
type pages struct{ count, free int64 }

func (d *database) pages(ctx context.Context) (p pages, err error) {
	for name, into := range map[string]*int64{"page_count": &p.count, "freelist_count": &p.free} {
		if err := d.write.GetContext(ctx, into, "PRAGMA "+name); err != nil {
			return p, fmt.Errorf("read the file's size: %w", err)
		}
	}
	return p, nil
}

// shrink deletes the oldest rows while less than an eighth of what the file may take is free. Pages that become free are
// used again; a file that is larger than it may be, because it was allowed more before, is written anew once enough of it
// is free. It reports whether there is more to do.
func (d *database) shrink(ctx context.Context, maxBytes int64) (more bool, err error) {
	p, err := d.pages(ctx)
	if err != nil {
		return false, err
	}
	most := maxBytes / pageSize
	if p.count-p.free > most-most/8 {
		if more, err = d.deleteOldest(ctx); err != nil {
			return false, err
		}
	}
	if p.count > most && !more {
		if _, err := d.write.ExecContext(ctx, `VACUUM`); err != nil {
			return false, fmt.Errorf("shrink the file: %w", err)
		}
	}
	return more, nil
}

// deleteOldest makes room in small steps: samples older than a day go first, then rollups from fine to coarse, then more
// of the same, and resolved alerts last.
func (d *database) deleteOldest(ctx context.Context) (bool, error) {
	tx, err := d.write.BeginTxx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("make room: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing once it is committed
	var newest int64
	if err := tx.GetContext(ctx, &newest, `SELECT ifnull(max(time), 0) FROM samples`); err != nil {
		return false, fmt.Errorf("make room: %w", err)
	}
	deleted := int64(0)
	for _, step := range []struct {
		level int
		spare time.Duration // of the newest rows
	}{
		{raw, day}, {1, 7 * day}, {2, 30 * day}, {raw, time.Hour}, {1, day}, {2, 7 * day}, {3, 30 * day},
		{1, time.Hour}, {2, day}, {3, 7 * day}, {raw, 10 * time.Minute},
	} {
		n, err := deleteBefore(ctx, tx, step.level, newest-step.spare.Milliseconds(), pruneStep-deleted)
		if err != nil {
			return false, err
		}
		if deleted += n; deleted == pruneStep {
			return true, tx.Commit()
		}
	}
	n, err := deleteAlerts(ctx, tx, newest, pruneStep/10)
	if err != nil {
		return false, err
	}
	return deleted+n > 0, tx.Commit()
}

// makeRoom deletes the oldest rows when it is our own limit that is reached, and reports whether that helped.
func (s *Store) makeRoom(ctx context.Context) bool {
	if s.db == nil {
		return false
	}
	most := s.config.MaxBytes / pageSize
	p, err := s.db.pages(ctx)
	if err != nil || p.count < most || p.free > most/8 {
		return false // it is the disk
	}
	more, err := s.db.deleteOldest(ctx)
	return err == nil && more
}

// lookEvery is how often the file is looked at for damage that writing alone would not find.
const lookEvery = time.Minute

// look reads from the file what is not in memory: writing alone does not notice that its pages were overwritten.
func (s *Store) look(ctx context.Context, db *database) error {
	suspect := s.suspect.Load()
	if !suspect && time.Since(s.recorder.looked) < lookEvery {
		return nil
	}
	if suspect {
		var found string
		if err := db.read.GetContext(ctx, &found, `PRAGMA quick_check(1)`); err != nil {
			return fmt.Errorf("check the file: %w", err)
		}
		if found != "ok" {
			return fmt.Errorf("check the file: %w: %s", errCorrupt, found)
		}
	}
	var n int64
	err := db.read.GetContext(ctx, &n, `SELECT (SELECT count(*) FROM sqlite_schema) + ifnull((SELECT min(time) FROM samples), 0)`)
	if err != nil {
		return fmt.Errorf("look at the file: %w", err)
	}
	s.recorder.looked = time.Now()
	s.suspect.Store(false)
	return nil
}

// seed makes the ids of alerts in a file that follows a corrupt one greater than those that were in it.
func (d *database) seed(ctx context.Context) error {
	_, err := d.write.ExecContext(ctx, `UPDATE last_alert SET id = max(id, ?)`, time.Now().Unix())
	return wrap(err, "begin another file")
}

func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
