package history

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

// reading is one value of one series, known.
type reading struct {
	series *series
	value  float64
}

// unknown stands for a reading that there is not.
var unknown = math.NaN()

// The readings of a row are a JSON array by position in its layout, and a JSON object by series of those that it does
// not name. An element is null, a value, or, in a rollup whose values differ, [min, mean, max], with the count of readings
// behind when some samples lack one. Of a total since the process started, whose mean and quantiles mean nothing, it is
// [min, max].

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

// appendKey appends what stands before the element of a series in an object, which the first one begins.
func appendKey(b []byte, series int64) []byte {
	if len(b) == 0 {
		b = append(b, '{')
	} else {
		b = append(b, ',')
	}
	return append(strconv.AppendInt(append(b, '"'), series, 10), '"', ':')
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

// appendStat appends the element of a rollup of so many samples. s is nil, or empty, when none of them has a reading.
func appendStat(b []byte, s *stat, samples int64, isTotal bool) []byte {
	switch {
	case s == nil || s.count == 0:
		return append(b, "null"...)
	case s.min == s.max && s.count == samples:
		return appendValue(b, s.min)
	}
	b = appendValue(append(b, '['), s.min)
	if !isTotal || s.count != samples {
		b = appendValue(append(b, ','), s.mean())
	}
	b = appendValue(append(b, ','), s.max)
	if s.count != samples {
		b = strconv.AppendInt(append(b, ','), s.count, 10)
	}
	return append(b, ']')
}

var errReadings = errors.New("the readings are not as they are written here")

// eachReading calls found for each position of an array that has a reading.
func eachReading(text []byte, found func(position int, e element) error) error {
	if len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' {
		return errReadings
	}
	text = text[1 : len(text)-1]
	for position := 0; len(text) > 0; position++ {
		e, rest, err := nextElement(text)
		if err != nil {
			return err
		}
		if e[0] != 'n' {
			if err := found(position, e); err != nil {
				return err
			}
		}
		text = rest
	}
	return nil
}

// eachOther calls found for each series of an object.
func eachOther(text []byte, found func(series int64, e element) error) error {
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return errReadings
	}
	for text = text[1 : len(text)-1]; len(text) > 0; {
		series, value, err := nextKey(text)
		if err != nil {
			return err
		}
		e, rest, err := nextElement(value)
		if err != nil {
			return err
		}
		if err := found(series, e); err != nil {
			return err
		}
		text = rest
	}
	return nil
}

// nextKey reads "1": at the start of text.
func nextKey(text []byte) (series int64, rest []byte, err error) {
	end := 1
	for ; end < len(text) && '0' <= text[end] && text[end] <= '9'; end++ {
		series = series*10 + int64(text[end]-'0')
	}
	if text[0] != '"' || end == 1 || end+2 > len(text) || text[end] != '"' || text[end+1] != ':' {
		return 0, nil, errReadings
	}
	return series, text[end+2:], nil
}

// element is one element of an array or object, not parsed yet: most are not asked for.
type element []byte

// nextElement splits the first element off text, which has one, and the comma behind it.
func nextElement(text []byte) (e element, rest []byte, err error) {
	end := 0
	if len(text) > 0 && text[0] == '[' {
		end = bytes.IndexByte(text, ']') + 1
	} else if end = bytes.IndexByte(text, ','); end < 0 {
		end = len(text)
	}
	switch {
	case end == 0:
		return nil, nil, errReadings
	case end == len(text):
		return text, nil, nil
	case text[end] != ',' || end+1 == len(text):
		return nil, nil, errReadings
	}
	return text[:end], text[end+1:], nil
}

// stat is what the element says of so many samples.
func (e element) stat(samples int64) (stat, error) {
	var numbers [4]float64
	n, err := e.numbers(&numbers)
	if err != nil {
		return stat{}, err
	}
	low, mean, high := numbers[0], numbers[1], numbers[2]
	switch n {
	case 1:
		mean, high = low, low
	case 2:
		mean, high = (numbers[0]+numbers[1])/2, numbers[1]
	case 4:
		samples = int64(numbers[3])
	}
	return stat{count: samples, sum: mean * float64(samples), min: low, max: high}, nil
}

// numbers reads the one to four numbers of the element, and returns how many there are.
func (e element) numbers(into *[4]float64) (n int, err error) {
	text := []byte(e)
	if len(text) > 1 && text[0] == '[' {
		text = text[1 : len(text)-1]
	}
	for n < len(into) {
		if into[n], text, err = decodeNumber(text); err != nil {
			return 0, err
		}
		n++
		if len(text) == 0 {
			return n, nil
		}
		text = text[1:] // the comma
	}
	return 0, errReadings
}

// powers of ten by which a number of up to 15 digits can be divided without an error of its own.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// decodeNumber reads the number at the start of text, up to a comma; the common forms without the detour over a string.
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
	if digits > 0 && (end == len(text) || text[end] == ',') {
		if decimals < 0 {
			return float64(whole), text[end:], nil
		}
		return float64(whole) / powers[digits-decimals], text[end:], nil
	}
	for end < len(text) && text[end] != ',' {
		end++
	}
	v, err = strconv.ParseFloat(string(text[:end]), 64)
	return v, text[end:], err
}
