package history

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// alertRow is a health.Alert as a row of the table alerts, and as the JSON in the table transitions.
type alertRow struct {
	ID             int64   `db:"id" json:"id"`
	Rule           string  `db:"rule" json:"rule"`
	Attributes     pairs   `db:"attributes" json:"attributes"`
	Instance       string  `db:"instance" json:"instance"`
	Metric         string  `db:"metric" json:"metric"`
	Unit           string  `db:"unit" json:"unit"`
	Below          bool    `db:"below" json:"below"`
	State          string  `db:"state" json:"state"`
	Severity       uint8   `db:"severity" json:"severity"`
	Threshold      number  `db:"threshold" json:"threshold"`
	Value          number  `db:"value" json:"value"`
	Peak           number  `db:"peak" json:"peak"`
	Lowest         number  `db:"lowest" json:"lowest"`
	Breaches       int     `db:"breaches" json:"breaches"`
	NoData         bool    `db:"no_data" json:"no_data"`
	Began          instant `db:"began" json:"began"`
	FailingSince   instant `db:"failing_since" json:"failing_since"`
	FiredAt        instant `db:"fired_at" json:"fired_at"`
	Updated        instant `db:"updated" json:"updated"`
	ResolvedAt     instant `db:"resolved_at" json:"resolved_at"`
	Lasted         int64   `db:"lasted_ns" json:"lasted_ns"`
	FailingFor     int64   `db:"failing_ns" json:"failing_ns"`
	AcknowledgedAt instant `db:"acknowledged_at" json:"acknowledged_at"`
	AcknowledgedBy string  `db:"acknowledged_by" json:"acknowledged_by"`
	Note           string  `db:"note" json:"note"`
	SilencedUntil  instant `db:"silenced_until" json:"silenced_until"`
	Cause          string  `db:"cause" json:"cause"`
	ResolvedBy     string  `db:"resolved_by" json:"resolved_by"`
	Held           bool    `db:"held" json:"held"`
	Changes        int     `db:"changes" json:"changes"`
}

// pairs are attributes as a JSON array of [key, value].
type pairs []health.Attribute

// Scan implements [database/sql.Scanner].
func (p *pairs) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("got a %T, want attributes", src)
	}
	return p.UnmarshalJSON([]byte(text))
}

// Value implements [driver.Valuer].
func (p pairs) Value() (driver.Value, error) {
	text, err := p.MarshalJSON()
	return string(text), err
}

// MarshalJSON implements [json.Marshaler].
func (p pairs) MarshalJSON() ([]byte, error) {
	list := make([][2]string, len(p))
	for i, a := range p {
		list[i] = [2]string{a.Key, a.Value}
	}
	return json.Marshal(list)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (p *pairs) UnmarshalJSON(b []byte) error {
	var list [][2]string
	if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("attributes: %w", err)
	}
	*p = nil
	for _, pair := range list {
		*p = append(*p, health.Attribute{Key: pair[0], Value: pair[1]})
	}
	return nil
}

func newAlertRow(a *health.Alert) alertRow {
	return alertRow{
		ID: a.ID, Rule: a.Rule, Attributes: a.Attributes, Instance: a.Instance, Metric: a.Metric, Unit: a.Unit,
		Below: a.Below, State: string(a.State), Severity: uint8(a.Severity), Threshold: number(a.Threshold),
		Value: number(a.Value), Peak: number(a.Peak), Lowest: number(a.Lowest), Breaches: a.Breaches, NoData: a.NoData,
		Began: instant(a.Began), FailingSince: instant(a.FailingSince), FiredAt: instant(a.FiredAt),
		Updated: instant(a.Updated), ResolvedAt: instant(a.ResolvedAt), Lasted: int64(a.Lasted), FailingFor: int64(a.FailingFor),
		AcknowledgedAt: instant(a.AcknowledgedAt), AcknowledgedBy: a.AcknowledgedBy, Note: a.Note,
		SilencedUntil: instant(a.SilencedUntil), Cause: string(a.Cause), ResolvedBy: a.ResolvedBy, Held: a.Held,
		Changes: a.Changes,
	}
}

func (r *alertRow) alert() health.Alert {
	return health.Alert{
		ID: r.ID, Rule: r.Rule, Attributes: r.Attributes, Instance: r.Instance, Metric: r.Metric, Unit: r.Unit,
		Below: r.Below, State: health.AlertState(r.State), Severity: health.Status(r.Severity),
		Threshold: health.Number(r.Threshold), Value: health.Number(r.Value), Peak: health.Number(r.Peak),
		Lowest: health.Number(r.Lowest), Breaches: r.Breaches, NoData: r.NoData, Began: time.Time(r.Began),
		FailingSince: time.Time(r.FailingSince), FiredAt: time.Time(r.FiredAt), Updated: time.Time(r.Updated),
		ResolvedAt: time.Time(r.ResolvedAt), Lasted: time.Duration(r.Lasted), FailingFor: time.Duration(r.FailingFor), AcknowledgedAt: time.Time(r.AcknowledgedAt),
		AcknowledgedBy: r.AcknowledgedBy, Note: r.Note, SilencedUntil: time.Time(r.SilencedUntil),
		Cause: health.Cause(r.Cause), ResolvedBy: r.ResolvedBy, Held: r.Held, Changes: r.Changes,
	}
}

func alerts(rows []alertRow) []health.Alert {
	list := make([]health.Alert, len(rows))
	for i := range rows {
		list[i] = rows[i].alert()
	}
	return list
}

// alertNames are the columns of alerts, in the order of the fields.
func alertNames() []string {
	t := reflect.TypeFor[alertRow]()
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("db")
	}
	return names
}

func alertColumns() string { return strings.Join(alertNames(), ", ") }

// upsertAlert stores an alert unless a later state of it is stored already.
func upsertAlert() string {
	var set []string
	for _, name := range alertNames()[1:] {
		set = append(set, name+" = excluded."+name)
	}
	return "INSERT INTO alerts (" + alertColumns() + ") VALUES (:" + strings.Join(alertNames(), ", :") + ")" +
		" ON CONFLICT (id) DO UPDATE SET " + strings.Join(set, ", ") + " WHERE excluded.changes >= alerts.changes"
}

// refreshAlert stores the numbers of an alert whose last transition is stored.
func refreshAlert() string {
	var set []string
	for _, name := range alertNames()[1:] {
		set = append(set, name+" = :"+name)
	}
	return "UPDATE alerts SET " + strings.Join(set, ", ") + " WHERE id = :id AND changes = :changes"
}
