package history

import (
	"errors"
	"math"
	"strconv"
)

// reading is one value of one series, known.
type reading struct {
	series int64
	value  float64
}

// The readings of a row are a JSON array by position in its layout. An element is null, a value, or, in a rollup whose
// values differ, [min, mean, max], with the count of readings behind when some samples lack one. Of a total since the
// process started, whose mean and quantiles mean nothing, it is [min, max].

// appendValue appends whole numbers as they are, others with nine significant digits, and with six below 1: more than
// anything here is measured with.
func appendValue(b []byte, v float64) []byte {
	switch {
	case isWhole(v):
		return strconv.AppendInt(b, int64(v), 10)
	case math.Abs(v) < 1:
		return strconv.AppendFloat(b, v, 'g', 6, 64)
	default:
		return strconv.AppendFloat(b, v, 'g', 9, 64)
	}
}

// encodeReadings writes the readings of one sample. values is by position; NaN: there is none.
func encodeReadings(b []byte, values []float64) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(v) {
			b = append(b, "null"...)
		} else {
			b = appendValue(b, v)
		}
	}
	return append(b, ']')
}

// encodeStats writes the readings of one rollup. stats is by position; nil: there is none.
func encodeStats(b []byte, stats []*stat, samples int64, isTotal func(position int) bool) []byte {
	b = append(b, '[')
	for i, s := range stats {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case s == nil || s.count == 0:
			b = append(b, "null"...)
		case s.min == s.max && s.count == samples:
			b = appendValue(b, s.min)
		case s.count == samples && isTotal(i):
			b = append(appendValue(append(appendValue(append(b, '['), s.min), ','), s.max), ']')
		default:
			b = appendStat(b, s, samples)
		}
	}
	return append(b, ']')
}

func appendStat(b []byte, s *stat, samples int64) []byte {
	b = appendValue(append(b, '['), s.min)
	b = appendValue(append(b, ','), s.mean())
	b = appendValue(append(b, ','), s.max)
	if s.count != samples {
		b = strconv.AppendInt(append(b, ','), s.count, 10)
	}
	return append(b, ']')
}

var errReadings = errors.New("the readings are not as they are written here")

// decodeReadings calls found for each position that has a reading, with the element's numbers: one to four.
func decodeReadings(text []byte, found func(position int, numbers []float64)) error {
	if len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' {
		return errReadings
	}
	text = text[1 : len(text)-1]
	var numbers [4]float64
	for position := 0; len(text) > 0; position++ {
		var n int
		var err error
		if text, n, err = decodeElement(text, &numbers); err != nil {
			return err
		}
		if n > 0 {
			found(position, numbers[:n])
		}
		if len(text) > 0 {
			if text[0] != ',' {
				return errReadings
			}
			text = text[1:]
		}
	}
	return nil
}

// decodeElement reads one element and returns how many numbers it holds: none for null.
func decodeElement(text []byte, numbers *[4]float64) (rest []byte, n int, err error) {
	switch {
	case text[0] == 'n':
		if len(text) < 4 {
			return nil, 0, errReadings
		}
		return text[4:], 0, nil
	case text[0] != '[':
		numbers[0], rest, err = decodeNumber(text)
		return rest, 1, err
	}
	for text = text[1:]; n < len(numbers); text = text[1:] {
		if numbers[n], text, err = decodeNumber(text); err != nil {
			return nil, 0, err
		}
		n++
		switch {
		case len(text) > 0 && text[0] == ']' && n > 1:
			return text[1:], n, nil
		case len(text) == 0 || text[0] != ',':
			return nil, 0, errReadings
		}
	}
	return nil, 0, errReadings
}

// powers of ten by which a number of up to 15 digits can be divided without an error of its own.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// decodeNumber reads the number at the start of text; the common forms without the detour over a string.
func decodeNumber(text []byte) (v float64, rest []byte, err error) {
	end, digits, decimals, whole := 0, 0, -1, int64(0)
	for ; end < len(text) && digits < len(powers)-1; end++ {
		switch c := text[end]; {
		case '0' <= c && c <= '9':
			whole = whole*10 + int64(c-'0')
			digits++
		case c == '.' && decimals < 0 && digits > 0:
			decimals = digits
		default:
			return decodeEnd(text, end, digits, decimals, whole)
		}
	}
	return decodeEnd(text, end, digits, decimals, whole)
}

func decodeEnd(text []byte, end, digits, decimals int, whole int64) (v float64, rest []byte, err error) {
	if digits > 0 && (end == len(text) || text[end] == ',' || text[end] == ']') {
		if decimals < 0 {
			return float64(whole), text[end:], nil
		}
		return float64(whole) / powers[digits-decimals], text[end:], nil
	}
	for end < len(text) && text[end] != ',' && text[end] != ']' {
		end++
	}
	v, err = strconv.ParseFloat(string(text[:end]), 64)
	return v, text[end:], err
}

// newStat is what the numbers of an element say of so many samples.
func newStat(numbers []float64, samples int64) stat {
	switch len(numbers) {
	case 1:
		return stat{count: samples, sum: numbers[0] * float64(samples), min: numbers[0], max: numbers[0]}
	case 2:
		return stat{count: samples, sum: (numbers[0] + numbers[1]) / 2 * float64(samples), min: numbers[0], max: numbers[1]}
	case 4:
		samples = int64(numbers[3])
	}
	return stat{count: samples, sum: numbers[1] * float64(samples), min: numbers[0], max: numbers[2]}
}
