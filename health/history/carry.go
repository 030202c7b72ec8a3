package history

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// carried is what goes over into another file when the open one is lost.
type carried struct {
	last     map[int64]health.Transition // of each alert that is open or held, by its id
	silences map[string]health.Silence   // by rule
	lastID   int64                       // the highest id that an alert ever had
}

func newCarried() *carried {
	return &carried{last: make(map[int64]health.Transition), silences: make(map[string]health.Silence)}
}

// readCarried reads what would have to be carried over.
func readCarried(ctx context.Context, q sqlx.QueryerContext) (*carried, error) {
	c := newCarried()
	var rows []transitionRow
	err := sqlx.SelectContext(ctx, q, &rows, `SELECT `+transitionColumns+` FROM transitions t
		JOIN alerts a ON a.id = t.alert_id AND a.changes = t.number WHERE a.state <> 'resolved' OR a.held = 1`)
	if err != nil {
		return nil, fmt.Errorf("read open alerts: %w", err)
	}
	for i := range rows {
		t, err := rows[i].transition()
		if err != nil {
			return nil, fmt.Errorf("read open alerts: %w", err)
		}
		c.last[t.Alert.ID] = t
	}
	silences, err := readSilences(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, s := range silences {
		c.silences[s.Rule] = s
	}
	err = sqlx.GetContext(ctx, q, &c.lastID, `SELECT max(id) FROM last_alert`)
	return c, wrap(err, "read the highest id")
}

// note takes in what was committed.
func (c *carried) note(entries []entry) {
	for i := range entries {
		c.noteSilences(&entries[i])
		c.noteTransitions(entries[i].transitions)
	}
}

func (c *carried) noteTransitions(list []health.Transition) {
	for _, t := range list {
		c.lastID = max(c.lastID, t.Alert.ID)
		switch isLater := t.Number >= c.last[t.Alert.ID].Number; {
		case isLater && (t.Alert.Open() || t.Alert.Held):
			c.last[t.Alert.ID] = t
		case isLater:
			delete(c.last, t.Alert.ID)
		}
	}
}

func (c *carried) noteSilences(e *entry) {
	if e.silences != nil {
		clear(c.silences)
	}
	for _, s := range e.silences {
		c.silences[s.Rule] = s
	}
	if e.silence != nil {
		c.silences[e.silence.Rule] = *e.silence
	}
}

// carryOver writes it into a file, with the deliveries that the transitions cause: nobody knows what was told before, so
// that it may be told twice, under the same key. What is in the file already stays as it is.
func (d *database) carryOver(ctx context.Context, c *carried, plan planner) error {
	err := d.durably(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE last_alert SET id = ?1 WHERE id < ?1`, c.lastID); err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(c.last)) {
			t := c.last[id]
			if err := d.carryAlert(ctx, tx, &t, plan); err != nil {
				return fmt.Errorf("alert %d: %w", id, err)
			}
		}
		for _, s := range c.silences {
			if err := writeSilence(ctx, tx, s); err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "go on in another file")
}

func (d *database) carryAlert(ctx context.Context, tx *sqlx.Tx, t *health.Transition, plan planner) error {
	if stored, err := isStored(ctx, tx, t); err != nil || stored {
		return err
	}
	if err := d.writeTransition(ctx, tx, t, plan); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE alerts SET carried = 1 WHERE id = ?`, t.Alert.ID)
	return err
}
