package history

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

func readSilences(ctx context.Context, q sqlx.QueryerContext) (silences []health.Silence, err error) {
	var rows []struct {
		Rule  string  `db:"rule"`
		Until instant `db:"until"`
		By    string  `db:"by"`
		At    instant `db:"at"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT rule, until, by, at FROM silences ORDER BY rule`); err != nil {
		return nil, fmt.Errorf("read the silences: %w", err)
	}
	for _, r := range rows {
		silences = append(silences, health.Silence{Rule: r.Rule, Until: time.Time(r.Until), By: r.By, At: time.Time(r.At)})
	}
	return silences, nil
}

// writeSilences stores the silences of an entry, if there are any.
func writeSilences(ctx context.Context, tx *sqlx.Tx, e *entry) error {
	if e.silence != nil {
		return writeSilence(ctx, tx, *e.silence)
	}
	if e.silences == nil {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM silences`); err != nil {
		return fmt.Errorf("forget the silences: %w", err)
	}
	for _, s := range e.silences {
		if err := writeSilence(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

func writeSilence(ctx context.Context, tx *sqlx.Tx, s health.Silence) (err error) {
	if isOver(s) {
		_, err = tx.ExecContext(ctx, `DELETE FROM silences WHERE rule = ?`, s.Rule)
	} else {
		_, err = tx.ExecContext(ctx, `REPLACE INTO silences (rule, until, by, at) VALUES (?, ?, ?, ?)`,
			s.Rule, s.Until.UnixMilli(), s.By, s.At.UnixMilli())
	}
	return wrap(err, "record the silence of "+s.Rule)
}

// isOver reports whether a silence says that there is none.
func isOver(s health.Silence) bool { return !s.Until.After(s.At) }

// deleteSilences deletes those that have ended by then, Unix milliseconds.
func deleteSilences(ctx context.Context, tx *sqlx.Tx, now int64) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM silences WHERE until <= ?`, now)
	return wrap(err, "delete silences that have ended")
}
