package health

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// serveExport answers with the raw rows of a range as a file: CSV, or JSON Lines.
func (e *Endpoints) serveExport(w http.ResponseWriter, r *http.Request) {
	q := newQuery(r)
	s := q.span(time.Now())
	lines := q.lines(r.Header["Accept"])
	if e.refused(w, r, q) {
		return
	}
	name := e.fileName(s)
	if !lines {
		e.serveRows(w, r, s, newCSV(name))
		return
	}
	all := make([]*field, len(fields))
	for i := range fields {
		all[i] = &fields[i]
	}
	e.serveRows(w, r, s, newLines(all, name))
}

// lines reports whether JSON Lines are wanted rather than CSV: by format, or else by what the client prefers.
func (q *query) lines(accept []string) bool {
	const want = "csv or jsonl"
	format, ok := q.text("format", want)
	switch {
	case !ok:
		return prefersLines(accept)
	case format != "csv" && format != "jsonl":
		q.refuse("format", format, want)
	}
	return format == "jsonl"
}

// prefersLines weighs the media types of Accept: RFC 9110, section 12.5.1. Who has no preference gets CSV.
func prefersLines(accept []string) bool {
	var csv, lines float64
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		mediaType, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, ok := parameters["q"]; ok {
			weight, _ = strconv.ParseFloat(q, 64) // what is no number weighs nothing
		}
		switch mediaType {
		case mediaLines, "application/x-ndjson", "application/ndjson", "application/x-jsonlines":
			lines = max(lines, weight)
		case "text/csv", "text/*", "*/*":
			csv = max(csv, weight)
		}
	}
	return lines > csv
}

// fileName names the file after the service and the range, without what a file system could misunderstand.
func (e *Endpoints) fileName(s span) string {
	safe := func(r rune) rune {
		if r == '-' || r == '.' || r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}
	const compact = "20060102T150405Z"
	name := strings.TrimLeft(strings.Map(safe, e.service.ID), ".")
	return name + "-health-" + s.from.UTC().Format(compact) + "-" + s.to.UTC().Format(compact)
}
