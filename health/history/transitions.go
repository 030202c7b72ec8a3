package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// durably runs f in a transaction that is on the disk when it has returned, and that may use the part of the file that
// samples may not.
func (d *database) durably(ctx context.Context, f func(tx *sqlx.Tx) error) (err error) {
	conn, err := d.write.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	set := func(ctx context.Context, synchronous string, pages int64) error {
		_, err := conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA synchronous = %s; PRAGMA max_page_count = %d`, synchronous, pages))
		return err
	}
	if err := set(ctx, "FULL", d.maxBytes/pageSize); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, set(context.WithoutCancel(ctx), "NORMAL", pagesForSamples(d.maxBytes)))
	}()
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing once it is committed
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

type planner func(t health.Transition, existing []health.Delivery, lost bool) (insert []health.Delivery, cancel []int64)

// writeAlerts stores transitions with their deliveries, and silences, in the order in which they were queued. It returns
// the transitions that it made itself. Alerts up to the id inherited were there before this process.
func (d *database) writeAlerts(ctx context.Context, entries []entry, plan planner, inherited int64) (made []health.Transition, err error) {
	err = d.durably(ctx, func(tx *sqlx.Tx) error {
		for i := range entries {
			if err := writeSilences(ctx, tx, &entries[i]); err != nil {
				return err
			}
			unknown := inherited
			if entries[i].isInformed {
				unknown = 0
			}
			for j := range entries[i].transitions {
				t := &entries[i].transitions[j]
				closed, err := d.closeTwins(ctx, tx, t, unknown, plan)
				if err != nil {
					return err
				}
				made = append(made, closed...)
				if err := d.writeTransition(ctx, tx, t, plan); err != nil {
					return fmt.Errorf("alert %d: %w", t.Alert.ID, err)
				}
			}
		}
		return nil
	})
	return made, wrap(err, "record transitions")
}

func isStored(ctx context.Context, tx *sqlx.Tx, t *health.Transition) (stored bool, err error) {
	err = tx.GetContext(ctx, &stored, `SELECT EXISTS (SELECT 1 FROM transitions WHERE alert_id = ? AND number = ?)`, t.Alert.ID, t.Number)
	return stored, err
}

// writeTransition stores a transition, with the alert as it is afterwards, unless it is stored already.
func (d *database) writeTransition(ctx context.Context, tx *sqlx.Tx, t *health.Transition, plan planner) error {
	if stored, err := isStored(ctx, tx, t); err != nil || stored {
		return err
	}
	row := newAlertRow(&t.Alert)
	if _, err := tx.NamedStmtContext(ctx, d.upsertAlert).ExecContext(ctx, &row); err != nil { //nolint:sqlclosecheck // ends with the transaction
		return err
	}
	text, err := json.Marshal(&row)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO transitions (alert_id, number, kind, time, by, note, alert)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, t.Alert.ID, t.Number, string(t.Kind), t.Time.UnixMilli(), t.By, t.Note, string(text))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE last_alert SET id = ?1 WHERE id < ?1`, t.Alert.ID); err != nil {
		return err
	}
	if plan != nil {
		if err := follow(ctx, tx, t, plan); err != nil {
			return err
		}
	}
	if t.Number%pruneEach == 0 {
		_, err := pruneTransitions(ctx, tx, t.Alert.ID, keptLast)
		return err
	}
	return nil
}

// follow stores the deliveries that the transition causes and cancels those that it makes pointless.
func follow(ctx context.Context, tx *sqlx.Tx, t *health.Transition, plan planner) error {
	var rows []deliveryRow
	err := tx.SelectContext(ctx, &rows, `SELECT `+deliveryColumns+` FROM deliveries d WHERE alert_id = ? ORDER BY id`, t.Alert.ID)
	if err != nil {
		return err
	}
	existing := make([]health.Delivery, len(rows))
	for i := range rows {
		existing[i] = rows[i].delivery()
	}
	var lost bool // those that were pruned were not
	err = tx.GetContext(ctx, &lost, `SELECT carried OR pruned + (SELECT count(*) FROM transitions WHERE alert_id = id AND number < ?1) < ?1 - 1
		FROM alerts WHERE id = ?2`, t.Number, t.Alert.ID)
	if err != nil {
		return err
	}
	add, cancel := plan(*t, existing, lost)
	for _, id := range cancel {
		_, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = ?, settled = ? WHERE id = ? AND state = ?`,
			string(health.DeliveryCanceled), t.Time.UnixMilli(), id, string(health.DeliveryPending))
		if err != nil {
			return err
		}
	}
	for i := range add {
		_, err := tx.NamedExecContext(ctx, `INSERT INTO deliveries
			(key, destination, alert_id, number, kind, severity, state, attempts, created, next_try, settled, error) VALUES
			(:key, :destination, :alert_id, :number, :kind, :severity, :state, :attempts, :created, :next_try, :settled, :error)`,
			newDeliveryRow(&add[i]))
		if err != nil {
			return err
		}
	}
	return nil
}

// What is kept of the transitions of an alert that stays open.
const (
	keptFirst = 10
	keptLast  = 50
	pruneEach = 10 // the others are looked for at every so many transitions
)

// pruneTransitions deletes what happened to an alert between its first and its last transitions, with the deliveries. It
// keeps what is yet to be delivered, and what tells which destinations know of the alert.
func pruneTransitions(ctx context.Context, tx *sqlx.Tx, alert int64, last int) (int64, error) {
	result, err := tx.ExecContext(ctx, `DELETE FROM transitions WHERE alert_id = ?1 AND number > ?2
		AND number <= (SELECT max(number) FROM transitions WHERE alert_id = ?1) - ?3
		AND number NOT IN (SELECT d.number FROM deliveries d WHERE d.alert_id = ?1 AND (d.state = 'pending' OR d.attempts > 0
			AND NOT EXISTS (SELECT 1 FROM deliveries later WHERE later.alert_id = ?1 AND later.destination = d.destination
				AND later.id > d.id AND later.attempts > 0 AND (later.state = 'sent' OR d.state <> 'sent'))))`,
		alert, keptFirst, last)
	if err != nil {
		return 0, fmt.Errorf("prune transitions of alert %d: %w", alert, err)
	}
	n, err := result.RowsAffected()
	if err != nil || n == 0 {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE alerts SET pruned = pruned + ? WHERE id = ?`, n, alert)
	return n, wrap(err, "prune transitions")
}

// keepAlerts keeps the numbers of open alerts. One whose last transition is not stored is left out: that is yet to come,
// with its deliveries.
func (d *database) keepAlerts(ctx context.Context, tx *sqlx.Tx, open []health.Alert) error {
	statement := tx.NamedStmtContext(ctx, d.refreshAlert) //nolint:sqlclosecheck // ends with the transaction
	for i := range open {
		row := newAlertRow(&open[i])
		if _, err := statement.ExecContext(ctx, &row); err != nil {
			return fmt.Errorf("keep the numbers of alert %d: %w", open[i].ID, err)
		}
	}
	return nil
}
