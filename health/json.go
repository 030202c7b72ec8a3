package health

import (
	"encoding/json"
	"strconv"
	"time"
)

// jsonWriter writes one JSON value. Bodies are written at every tick, and by hand in a third of the time that
// encoding/json takes for them; the order of the fields is the order of the calls.
type jsonWriter struct {
	b []byte
}

// newJSON returns a writer with room for size bytes, more when it must, whose value is an object, to be closed with end.
func newJSON(size int) *jsonWriter { return &jsonWriter{append(make([]byte, 0, size), '{')} }

// newJSONArray is newJSON with an array, to be closed with endArray.
func newJSONArray(size int) *jsonWriter { return &jsonWriter{append(make([]byte, 0, size), '[')} }

// next puts a comma where one is needed.
func (w *jsonWriter) next() {
	if last := w.b[len(w.b)-1]; last != '{' && last != '[' && last != ':' {
		w.b = append(w.b, ',')
	}
}

func (w *jsonWriter) key(name string) {
	w.next()
	w.string(name)
	w.b = append(w.b, ':')
}

// object opens an object as the field of that name.
func (w *jsonWriter) object(name string) {
	w.key(name)
	w.b = append(w.b, '{')
}

// array opens an array as the field of that name.
func (w *jsonWriter) array(name string) {
	w.key(name)
	w.b = append(w.b, '[')
}

// element opens an object as an element of an array.
func (w *jsonWriter) element() {
	w.next()
	w.b = append(w.b, '{')
}

func (w *jsonWriter) end()      { w.b = append(w.b, '}') }
func (w *jsonWriter) endArray() { w.b = append(w.b, ']') }

func (w *jsonWriter) text(name, value string) {
	w.key(name)
	w.string(value)
}

// optional writes the field unless its value is empty.
func (w *jsonWriter) optional(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *jsonWriter) status(name string, s Status) { w.text(name, s.String()) }

func (w *jsonWriter) truth(name string, value bool) {
	w.key(name)
	w.b = strconv.AppendBool(w.b, value)
}

func (w *jsonWriter) integer(name string, value int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, value, 10)
}

// number writes n in its shortest form, and null when it is unknown.
func (w *jsonWriter) number(name string, n Number) {
	w.key(name)
	w.b, _ = n.AppendText(w.b) // never fails
}

// time writes t as RFC 3339 in UTC with milliseconds, which is how exactly snapshots keep their time.
func (w *jsonWriter) time(name string, t time.Time) {
	w.key(name)
	w.b = append(w.b, '"')
	w.b = appendTime(w.b, t)
	w.b = append(w.b, '"')
}

// string writes s; what needs no escaping, which is nearly everything, is copied.
func (w *jsonWriter) string(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // of a string, never fails
			w.b = append(w.b, quoted...)
			return
		}
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, s...)
	w.b = append(w.b, '"')
}

// appendTime appends t as RFC 3339 in UTC with milliseconds. A layout with a fraction would take twice as long as the
// standard one, for which package time has a short way.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	b = t.AppendFormat(b, time.RFC3339)
	ms := t.Nanosecond() / 1e6
	return append(b[:len(b)-1], '.', '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z')
}

func formatTime(t time.Time) string { return string(appendTime(nil, t)) }
