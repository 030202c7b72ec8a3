package history

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// Saved is what the next process's alerter starts from.
type Saved struct {
	Alerts   []health.Alert   // pending, firing or held, by id
	Silences []health.Silence // those last recorded
	LastID   int64            // the highest id that an alert ever had
}

// Saved returns what an earlier process left behind. Transitions that are recorded after the first call are taken to come
// from who knows that: where they open an alert of the same rule and attributes as one that is open in the file, the
// earlier one is over, and is resolved in the file.
func (s *Store) Saved(ctx context.Context) (Saved, error) {
	var saved Saved
	err := s.query("read what alerts there were", func(db *database) error {
		var rows []alertRow
		err := db.read.SelectContext(ctx, &rows, `SELECT `+alertColumns()+` FROM alerts WHERE state <> 'resolved'
			UNION SELECT `+alertColumns()+` FROM alerts WHERE held = 1 ORDER BY id`)
		if err != nil {
			return err
		}
		saved.Alerts = alerts(rows)
		if err := db.read.GetContext(ctx, &saved.LastID, `SELECT max(id) FROM last_alert`); err != nil {
			return err
		}
		if saved.Silences, err = readSilences(ctx, db.read); err == nil {
			s.isRead.Store(true)
		}
		return err
	})
	return saved, err
}

// OpenAlerts returns the alerts that are pending or firing, as they were last recorded, newest first.
func (s *Store) OpenAlerts(ctx context.Context) ([]health.Alert, error) {
	var list []health.Alert
	err := s.query("read open alerts", func(db *database) error {
		var rows []alertRow
		err := db.openAlerts.SelectContext(ctx, &rows)
		list = alerts(rows)
		return err
	})
	return list, err
}

// Alerts returns alerts of any state, newest first. One that does not exist is not an error.
func (s *Store) Alerts(ctx context.Context, f health.AlertFilter) ([]health.Alert, error) {
	where, args := "1 = 1", []any{}
	add := func(set bool, condition string, arg any) {
		if set {
			where += " AND " + condition
			args = append(args, arg)
		}
	}
	add(f.Rule != "", "rule = ?", f.Rule)
	add(!f.From.IsZero(), "(resolved_at IS NULL OR resolved_at >= ?)", f.From.UnixMilli())
	add(!f.To.IsZero(), "began < ?", f.To.UnixMilli())
	add(f.Before > 0, "id < ?", f.Before)
	limit := 100
	if f.Limit > 0 {
		limit = min(f.Limit, 1000)
	}
	var list []health.Alert
	err := s.query("read alerts", func(db *database) error {
		var rows []alertRow
		err := db.read.SelectContext(ctx, &rows, `SELECT `+alertColumns()+` FROM alerts WHERE `+where+
			` ORDER BY id DESC LIMIT ?`, append(args, limit)...)
		list = alerts(rows)
		return err
	})
	return list, err
}

// Alert returns one alert, and false when there is none of that id.
func (s *Store) Alert(ctx context.Context, id int64) (health.Alert, bool, error) {
	var rows []alertRow
	err := s.query("read an alert", func(db *database) error {
		return db.read.SelectContext(ctx, &rows, `SELECT `+alertColumns()+` FROM alerts WHERE id = ?`, id)
	})
	if err != nil || len(rows) == 0 {
		return health.Alert{}, false, err
	}
	return rows[0].alert(), true, nil
}

// Transitions returns what happened to an alert, in order.
func (s *Store) Transitions(ctx context.Context, alert int64) ([]health.Transition, error) {
	var list []health.Transition
	err := s.query("read transitions", func(db *database) error {
		var rows []transitionRow
		err := db.read.SelectContext(ctx, &rows, `SELECT `+transitionColumns+` FROM transitions t WHERE t.alert_id = ? ORDER BY t.number`, alert)
		if err != nil {
			return err
		}
		for i := range rows {
			t, err := rows[i].transition()
			if err != nil {
				return err
			}
			list = append(list, t)
		}
		return nil
	})
	return list, err
}

// transitionRow is a health.Transition as a row of the table transitions.
type transitionRow struct {
	AlertID int64   `db:"alert_id"`
	Number  int     `db:"number"`
	Kind    string  `db:"kind"`
	Time    instant `db:"time"`
	By      string  `db:"by"`
	Note    string  `db:"note"`
	Alert   string  `db:"alert"`
}

const transitionColumns = `t.alert_id, t.number, t.kind, t.time, t.by, t.note, t.alert`

func (r *transitionRow) transition() (health.Transition, error) {
	var after alertRow
	if err := json.Unmarshal([]byte(r.Alert), &after); err != nil {
		return health.Transition{}, fmt.Errorf("transition %d of alert %d: %w", r.Number, r.AlertID, err)
	}
	return health.Transition{
		Number: r.Number, Kind: health.TransitionKind(r.Kind), Time: time.Time(r.Time), By: r.By, Note: r.Note,
		Alert: after.alert(),
	}, nil
}
