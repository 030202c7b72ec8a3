package history

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// deleteUnused deletes series and layouts that no row refers to any more, at most so many of each.
func deleteUnused(ctx context.Context, tx *sqlx.Tx, most int) (d deleted, err error) {
	ofLayouts, ofAll, err := oldestRows(ctx, tx)
	if err != nil {
		return d, err
	}
	result, err := tx.ExecContext(ctx, `DELETE FROM layouts WHERE layout IN (SELECT layout FROM layouts WHERE until < ? LIMIT ?)`, ofLayouts, most)
	if err != nil {
		return d, fmt.Errorf("delete layouts: %w", err)
	}
	if d.rows, err = result.RowsAffected(); err != nil {
		return d, err
	}
	err = tx.SelectContext(ctx, &d.series, `DELETE FROM series WHERE id IN (SELECT id FROM series WHERE used < ? LIMIT ?) RETURNING id`,
		ofAll-levels[coarsest].width, most)
	d.rows += int64(len(d.series))
	return d, wrap(err, "delete series")
}

// oldestRows returns the time of the oldest row that may use a layout, and of the oldest of all.
func oldestRows(ctx context.Context, tx *sqlx.Tx) (ofLayouts, ofAll int64, err error) {
	var layouts, all sql.NullInt64
	for i := range levels {
		var oldest sql.NullInt64
		if err := tx.GetContext(ctx, &oldest, `SELECT min(time) FROM `+levels[i].table); err != nil {
			return 0, 0, fmt.Errorf("read the oldest row of %s: %w", levels[i].table, err)
		}
		if levels[i].layouts {
			layouts = earlier(layouts, oldest)
		}
		all = earlier(all, oldest)
	}
	return layouts.Int64, all.Int64, nil
}

func earlier(x, y sql.NullInt64) sql.NullInt64 {
	if !x.Valid || y.Valid && y.Int64 < x.Int64 {
		return y
	}
	return x
}

// drop forgets series that are no longer in the file. c may be nil.
func (c *catalog) drop(ids []int64) {
	if c == nil || len(ids) == 0 {
		return
	}
	for _, id := range ids {
		if s := c.byID[id]; s != nil {
			c.text -= s.size
			delete(c.byID, id)
		}
	}
	for key, s := range c.series {
		if c.byID[s.id] != s {
			delete(c.series, key)
		}
	}
}
