package health

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// rowFormat is how the raw rows of a range are written.
type rowFormat struct {
	mediaType  string
	attachment string // the name of the file that a browser saves; "": it shows the answer

	head, between, tail string
	row                 func(b []byte, s *Sample) []byte
}

// newArray writes rows as one JSON array of objects with the fields.
func newArray(fields []*field) *rowFormat {
	return &rowFormat{mediaType: mediaJSON, head: "[", between: ",\n", tail: "]\n", row: rowObject(fields)}
}

// newLines writes an object a line.
func newLines(fields []*field, name string) *rowFormat {
	object := rowObject(fields)
	return &rowFormat{
		mediaType: mediaLines, attachment: name + ".jsonl",
		row: func(b []byte, s *Sample) []byte { return append(object(b, s), '\n') },
	}
}

func rowObject(fields []*field) func([]byte, *Sample) []byte {
	return func(b []byte, s *Sample) []byte {
		b = append(b, `{"timestamp":"`...)
		b = append(appendTime(b, s.Time), '"')
		for _, f := range fields {
			b = f.appendJSON(append(b, f.key...), s)
		}
		return append(b, '}')
	}
}

// csvOrder are the original's columns, in its order. The others follow.
var csvOrder = [...]string{
	"fd_count", "fd_limit", "fd_status", "memory_rss_mb", "memory_status", "db_connections", "database_status",
	"ws_connections", "websocket_status", "threads", "threads_status", "overall_status",
}

// newCSV writes rows as comma-separated values with a heading: RFC 4180. No value needs quoting.
func newCSV(name string) *rowFormat {
	var columns []*field
	ordered := make(map[string]bool)
	for _, name := range csvOrder {
		columns = append(columns, fieldNamed(name))
		ordered[name] = true
	}
	for i := range fields {
		if !ordered[fields[i].name] {
			columns = append(columns, &fields[i])
		}
	}
	head := "Date & Time (UTC)"
	for _, f := range columns {
		head += "," + f.heading
	}
	return &rowFormat{
		mediaType: "text/csv; charset=utf-8", attachment: name + ".csv", head: head + "\r\n",
		row: func(b []byte, s *Sample) []byte {
			b = appendTime(b, s.Time)
			for _, f := range columns {
				b = f.appendCSV(append(b, ','), s)
			}
			return append(b, "\r\n"...)
		},
	}
}

const mediaLines = "application/jsonl"

func (f *rowFormat) header(h http.Header) {
	h["Content-Type"] = []string{f.mediaType}
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noStore
	if f.attachment != "" {
		h["Content-Disposition"] = []string{`attachment; filename="` + f.attachment + `"`}
	}
}

// serveRows writes the samples of the range as they are read.
func (e *Endpoints) serveRows(w http.ResponseWriter, r *http.Request, s span, f *rowFormat) {
	if r.Method == http.MethodHead {
		f.header(w.Header())
		return
	}
	out := pieces{w: w, begin: f.header}
	out.b = append(out.b, f.head...)
	first := true
	for sample, err := range e.history.Samples(r.Context(), s.from, s.to) {
		if err != nil {
			e.breakOff(w, r, &out, err)
			return
		}
		if !first {
			out.b = append(out.b, f.between...)
		}
		first = false
		out.b = f.row(out.b, sample)
		if out.sendWhenFull() != nil {
			return // the client went away
		}
	}
	out.b = append(out.b, f.tail...)
	_ = out.send() // the client went away
}

// breakOff answers with the error, or, when a part of the answer is sent already, breaks the connection so that nobody
// takes it for the whole.
func (e *Endpoints) breakOff(w http.ResponseWriter, r *http.Request, out *pieces, err error) {
	if out.began {
		panic(http.ErrAbortHandler) // also when the context has ended: by a deadline, the client may still be there
	}
	e.historyProblem(err).write(w, r, nil)
}

// pieces sends a body in pieces. Its memory does not depend on the body's length.
type pieces struct {
	w     http.ResponseWriter
	begin func(http.Header) // sets the header before the first piece
	began bool
	b     []byte
}

const (
	pieceSize = 32 << 10
	// patienceWithReader is how long a client may take for a piece; the server's own WriteTimeout would end a long
	// answer even while it is being read.
	patienceWithReader = 30 * time.Second
)

func (s *pieces) sendWhenFull() error {
	if len(s.b) < pieceSize {
		return nil
	}
	return s.send()
}

func (s *pieces) send() error {
	if !s.began {
		s.began = true
		s.begin(s.w.Header())
	}
	_ = http.NewResponseController(s.w).SetWriteDeadline(time.Now().Add(patienceWithReader)) // where the server supports it
	_, err := s.w.Write(s.b)
	s.b = s.b[:0]
	return err
}

// serveHistory answers with every raw row, or with buckets when points or step say how fine they are to be.
func (e *Endpoints) serveHistory(w http.ResponseWriter, r *http.Request) {
	q := newQuery(r)
	s := q.span(time.Now())
	points, step := q.step()
	names := q.list("series")
	if points > 0 || step > 0 {
		e.serveBuckets(w, r, q, bucketRequest{s, points, step, names, q.pairs("where")})
		return
	}
	if where := q.values["where"]; len(where) > 0 {
		q.refuse("where", where[0], "points or step beside it")
	}
	var wanted []*field
	for _, name := range names {
		if f := fieldNamed(name); slices.Contains(wanted, f) {
			q.refuse("series", name, "each name once")
		} else if f != nil {
			wanted = append(wanted, f)
		} else {
			q.refuse("series", name, "names among "+fieldNames()+"; or points or step beside it, for a metric")
		}
		if q.wrong != nil {
			break
		}
	}
	if len(names) == 0 {
		for i := range fields {
			wanted = append(wanted, &fields[i])
		}
	}
	if !e.refused(w, r, q) {
		e.serveRows(w, r, s, newArray(wanted))
	}
}

func fieldNames() string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].name
	}
	return strings.Join(names, ", ")
}

// refused answers a request with a parameter that is wrong, or for a history that there is not, and reports whether it
// did.
func (e *Endpoints) refused(w http.ResponseWriter, r *http.Request, q *query) bool {
	switch {
	case q.wrong != nil:
		newParameterProblem(q.wrong).write(w, r, nil)
	case e.history == nil:
		e.missingHistory().write(w, r, nil)
	default:
		return false
	}
	return true
}
