package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/otelhealth/otelhealth-go/health"
)

// deliveryRow is a health.Delivery as a row of the table deliveries.
type deliveryRow struct {
	ID          int64   `db:"id"`
	Key         string  `db:"key"`
	Destination string  `db:"destination"`
	AlertID     int64   `db:"alert_id"`
	Number      int     `db:"number"`
	Kind        string  `db:"kind"`
	Severity    uint8   `db:"severity"`
	State       string  `db:"state"`
	Attempts    int     `db:"attempts"`
	Created     instant `db:"created"`
	NextTry     instant `db:"next_try"`
	Settled     instant `db:"settled"`
	Error       string  `db:"error"`
	Alert       string  `db:"alert"` // of its transition; empty where that was not read
}

const deliveryColumns = `d.id, d.key, d.destination, d.alert_id, d.number, d.kind, d.severity, d.state, d.attempts, d.created,
	d.next_try, d.settled, d.error`

func newDeliveryRow(d *health.Delivery) *deliveryRow {
	return &deliveryRow{
		Key: d.Key, Destination: d.Destination, AlertID: d.AlertID, Number: d.Number, Kind: string(d.Kind),
		Severity: uint8(d.Severity), State: string(d.State), Attempts: d.Attempts, Created: instant(d.Created),
		NextTry: instant(d.NextTry), Settled: instant(d.Settled), Error: d.Error,
	}
}

func (r *deliveryRow) delivery() health.Delivery {
	return health.Delivery{
		ID: r.ID, Key: r.Key, Destination: r.Destination, AlertID: r.AlertID, Number: r.Number,
		Kind: health.DeliveryKind(r.Kind), Severity: health.Status(r.Severity), State: health.DeliveryState(r.State),
		Attempts: r.Attempts, Created: time.Time(r.Created), NextTry: time.Time(r.NextTry),
		Settled: time.Time(r.Settled), Error: r.Error,
	}
}

// withAlert is delivery with the alert as it was at its transition.
func (r *deliveryRow) withAlert() (health.Delivery, error) {
	d := r.delivery()
	var alert alertRow
	if err := json.Unmarshal([]byte(r.Alert), &alert); err != nil {
		return d, fmt.Errorf("delivery %d: read its alert: %w", r.ID, err)
	}
	d.Alert = alert.alert()
	return d, nil
}

// oldest holds, of each alert, for the oldest pending delivery to the destination.
const oldest = `d.destination = ? AND d.state = 'pending' AND d.id = (SELECT min(e.id) FROM deliveries e
	WHERE e.destination = d.destination AND e.alert_id = d.alert_id AND e.state = 'pending')`

// Claim begins an attempt: of the pending deliveries to the destination it picks the one to try next, raises its
// Attempts, and returns it with its Alert once that is on the disk. Of each alert only the oldest may be tried, and of
// those that are due the one that has been due longest; one that is further off than furthest is due as well. When none
// is, it returns nil and the time at which the next one will be, zero when nothing is pending.
func (s *Store) Claim(ctx context.Context, destination string, now time.Time, furthest time.Duration) (*health.Delivery, time.Time, error) {
	var claimed *health.Delivery
	var next time.Time
	err := s.query("claim a delivery", func(db *database) error {
		id, due, err := pick(ctx, db.read, destination, now, furthest)
		if err != nil || id == 0 {
			next = due
			return err
		}
		return db.durably(ctx, func(tx *sqlx.Tx) error {
			id, due, err := pick(ctx, tx, destination, now, furthest)
			if err != nil || id == 0 {
				next = due
				return err
			}
			claimed, err = claim(ctx, tx, id)
			return err
		})
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return claimed, next, nil
}

// pick returns the id of the delivery to try next; 0: none is due, but one will be at that time.
func pick(ctx context.Context, q sqlx.QueryerContext, destination string, now time.Time, furthest time.Duration) (int64, time.Time, error) {
	var id int64
	err := sqlx.GetContext(ctx, q, &id, `SELECT d.id FROM deliveries d WHERE `+oldest+`
		AND (d.next_try <= ? OR d.next_try > ?) ORDER BY d.next_try, d.id LIMIT 1`,
		destination, now.UnixMilli(), now.Add(furthest).UnixMilli())
	if !errors.Is(err, sql.ErrNoRows) {
		return id, time.Time{}, err
	}
	var due instant
	err = sqlx.GetContext(ctx, q, &due, `SELECT min(d.next_try) FROM deliveries d WHERE `+oldest, destination)
	return 0, time.Time(due), err
}

func claim(ctx context.Context, tx *sqlx.Tx, id int64) (*health.Delivery, error) {
	if _, err := tx.ExecContext(ctx, `UPDATE deliveries SET attempts = attempts + 1 WHERE id = ?`, id); err != nil {
		return nil, err
	}
	var row deliveryRow
	err := tx.GetContext(ctx, &row, `SELECT `+deliveryColumns+`, t.alert FROM deliveries d
		JOIN transitions t ON t.alert_id = d.alert_id AND t.number = d.number WHERE d.id = ?`, id)
	if err != nil {
		return nil, err
	}
	d, err := row.withAlert()
	return &d, err
}

// Settle records how the attempt ended: the State, NextTry, Settled and Error of d. A delivery that has been canceled
// meanwhile changes to sent, but to nothing else. One that is no longer in the file, because that was exchanged, is
// settled already.
func (s *Store) Settle(ctx context.Context, d *health.Delivery) error {
	return s.query("settle a delivery", func(db *database) error {
		return db.durably(ctx, func(tx *sqlx.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = ?, next_try = ?, settled = ?, error = ?
				WHERE id = ? AND key = ? AND (state = 'pending' OR ? = 'sent')`,
				string(d.State), instant(d.NextTry), instant(d.Settled), d.Error, d.ID, d.Key, string(d.State))
			return err
		})
	})
}

// Abandon gives up every pending delivery to a destination other than these, and returns how many there were.
func (s *Store) Abandon(ctx context.Context, destinations []string, now time.Time) (int, error) {
	known, err := json.Marshal(append([]string{}, destinations...))
	if err != nil {
		return 0, err
	}
	var abandoned int64
	err = s.query("abandon deliveries", func(db *database) error {
		return db.durably(ctx, func(tx *sqlx.Tx) error {
			result, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'given_up', settled = ?,
				error = 'its destination is no longer configured'
				WHERE state = 'pending' AND destination NOT IN (SELECT value FROM json_each(?))`, now.UnixMilli(), string(known))
			if err != nil {
				return err
			}
			abandoned, err = result.RowsAffected()
			return err
		})
	})
	return int(abandoned), err
}

// Deliveries returns the deliveries of one alert in the order in which they were caused, without their Alert.
func (s *Store) Deliveries(ctx context.Context, alert int64) ([]health.Delivery, error) {
	var list []health.Delivery
	err := s.query("read deliveries", func(db *database) error {
		var rows []deliveryRow
		err := db.read.SelectContext(ctx, &rows, `SELECT `+deliveryColumns+` FROM deliveries d WHERE alert_id = ? ORDER BY id`, alert)
		for i := range rows {
			list = append(list, rows[i].delivery())
		}
		return err
	})
	return list, err
}

// PendingDeliveries returns how many deliveries wait at each destination that has any.
func (s *Store) PendingDeliveries(ctx context.Context) (map[string]int, error) {
	pending := make(map[string]int)
	err := s.query("count deliveries", func(db *database) error {
		var rows []struct {
			Destination string `db:"destination"`
			Count       int    `db:"count"`
		}
		err := db.read.SelectContext(ctx, &rows, `SELECT destination, count(*) AS count FROM deliveries
			WHERE state = 'pending' GROUP BY destination`)
		for _, r := range rows {
			pending[r.Destination] = r.Count
		}
		return err
	})
	return pending, err
}
