package health

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Number is a reading's value, or unknown. Unknown is NaN, and null in JSON: a missing reading is never zero.
type Number float64

// UnknownNumber returns the Number that stands for a missing reading.
func UnknownNumber() Number { return Number(math.NaN()) }

// Known reports whether n holds a value.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// Over returns n divided by d, and unknown when either is unknown or d is zero.
func (n Number) Over(d Number) Number {
	if !n.Known() || !d.Known() || d == 0 {
		return UnknownNumber()
	}
	return n / d
}

// round keeps so many decimals, enough for a person and few enough for a short body.
func (n Number) round(decimals int) Number {
	if n == Number(math.Trunc(float64(n))) {
		return n
	}
	scale := math.Pow10(decimals)
	return Number(math.Round(float64(n)*scale) / scale)
}

// AppendText appends n in its shortest decimal form, "null" when it is unknown.
func (n Number) AppendText(b []byte) ([]byte, error) {
	if !n.Known() {
		return append(b, "null"...), nil
	}
	abs := math.Abs(float64(n))
	if abs < 1e15 && n == Number(int64(n)) { // most are whole, and that is several times faster
		return strconv.AppendInt(b, int64(n), 10), nil
	}
	format := byte('f')
	if abs < 1e-6 || abs >= 1e21 {
		format = 'g'
	}
	return strconv.AppendFloat(b, float64(n), format, -1, 64), nil
}

// MarshalJSON implements [json.Marshaler]: a JSON number, or null.
func (n Number) MarshalJSON() ([]byte, error) { return n.AppendText(make([]byte, 0, 24)) }

// UnmarshalJSON implements [json.Unmarshaler]: null becomes unknown.
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = UnknownNumber()
		return nil
	}
	var f float64
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("number: got %s, want a number or null: %w", data, err)
	}
	*n = Number(f)
	return nil
}
