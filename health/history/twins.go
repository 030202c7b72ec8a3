package history

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// closeTwins resolves the open alerts of the same rule and attributes as one that comes into the file: whoever opened that
// knew that they are over, but their last transition is lost. Alerts up to the id unknown may be those of an earlier
// process that nobody has read yet: they stay until whoever reads them says which of the two goes on.
func (d *database) closeTwins(ctx context.Context, tx *sqlx.Tx, t *health.Transition, unknown int64, plan planner) ([]health.Transition, error) {
	if !t.Alert.Open() {
		return nil, nil
	}
	var rows []alertRow
	err := tx.SelectContext(ctx, &rows, `SELECT `+alertColumns()+` FROM alerts WHERE state <> 'resolved' AND rule = ? AND attributes = ?
		AND id > ? AND id < ? AND NOT EXISTS (SELECT 1 FROM alerts WHERE id = ?) ORDER BY id`,
		t.Alert.Rule, pairs(t.Alert.Attributes), unknown, t.Alert.ID, t.Alert.ID)
	if err != nil {
		return nil, fmt.Errorf("look for another open alert of rule %s: %w", t.Alert.Rule, err)
	}
	var closed []health.Transition
	for i := range rows {
		end := duplicate(rows[i].alert(), t)
		if err := d.writeTransition(ctx, tx, &end, plan); err != nil {
			return nil, fmt.Errorf("close alert %d: %w", end.Alert.ID, err)
		}
		closed = append(closed, end)
	}
	return closed, nil
}

// duplicate is the transition that resolves an alert because of another one.
func duplicate(a health.Alert, of *health.Transition) health.Transition {
	a.State, a.Cause, a.ResolvedAt = health.AlertResolved, health.CauseDuplicate, of.Time
	a.AcknowledgedAt, a.AcknowledgedBy, a.Note = time.Time{}, "", ""
	a.Changes++
	return health.Transition{Number: a.Changes, Kind: health.TransitionResolved, Time: of.Time, Alert: a}
}
