package history

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// number is a health.Number in a column: NULL when it is unknown, an integer when it is whole, which SQLite stores in
// few bytes.
type number health.Number

// Scan implements [database/sql.Scanner].
func (n *number) Scan(src any) error {
	switch v := src.(type) {
	case int64:
		*n = number(v)
	case float64:
		*n = number(v)
	case nil:
		*n = number(math.NaN())
	default:
		return fmt.Errorf("got a %T, want a number or NULL", src)
	}
	return nil
}

// Value implements [driver.Valuer].
func (n number) Value() (driver.Value, error) { return stored(float64(n)), nil }

// MarshalJSON implements [json.Marshaler]: a number or null.
func (n number) MarshalJSON() ([]byte, error) { return json.Marshal(health.Number(n)) }

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*health.Number)(n)) }

// stored returns what is bound for n.
func stored(n float64) any {
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0):
		return nil
	case isWhole(n):
		return int64(n)
	default:
		return n
	}
}

func isWhole(n float64) bool { return n == math.Trunc(n) && math.Abs(n) < 1<<53 }

// status is a health.Status in a column.
type status health.Status

// Scan implements [database/sql.Scanner]. What no status has as its number is unknown.
func (s *status) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return fmt.Errorf("got a %T, want the number of a status", src)
	}
	*s = status(health.Unknown)
	if v >= int64(health.Unknown) && v <= int64(health.Fail) {
		*s = status(v)
	}
	return nil
}

// instant is a time in a column: Unix milliseconds, NULL when it is zero.
type instant time.Time

// Scan implements [database/sql.Scanner].
func (i *instant) Scan(src any) error {
	switch v := src.(type) {
	case int64:
		*i = instant(time.UnixMilli(v).UTC())
	case nil:
		*i = instant{}
	default:
		return fmt.Errorf("got a %T, want Unix milliseconds or NULL", src)
	}
	return nil
}

// Value implements [driver.Valuer].
func (i instant) Value() (driver.Value, error) {
	if time.Time(i).IsZero() {
		return nil, nil
	}
	return time.Time(i).UnixMilli(), nil
}

// MarshalJSON implements [json.Marshaler]: Unix milliseconds or null.
func (i instant) MarshalJSON() ([]byte, error) {
	v, err := i.Value()
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (i *instant) UnmarshalJSON(b []byte) error {
	var ms *int64
	if err := json.Unmarshal(b, &ms); err != nil {
		return err
	}
	*i = instant{}
	if ms != nil {
		*i = instant(time.UnixMilli(*ms).UTC())
	}
	return nil
}
