package health

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// query reads the parameters of a request. The first that is wrong is remembered, and the rest is of no account then.
type query struct {
	values url.Values
	wrong  *wrongParameter
}

// wrongParameter names a parameter, what it got and what it wants.
type wrongParameter struct{ name, got, want string }

func (p *wrongParameter) detail() string { return p.name + ": got " + p.got + ", want " + p.want }

func newQuery(r *http.Request) *query {
	q := new(query)
	var err error
	if q.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		q.refuse("query", r.URL.RawQuery, "name=value pairs with & between, percent-encoded")
	}
	return q
}

// longestShown bounds what an answer repeats of a request.
const longestShown = 80

func (q *query) refuse(name, got, want string) {
	if q.wrong == nil {
		q.wrong = &wrongParameter{name, shown(got), want}
	}
}

func shown(text string) string {
	if len(text) > longestShown {
		return strconv.Quote(text[:longestShown]) + " and more"
	}
	return strconv.Quote(text)
}

// text returns the parameter, and false when it was not given.
func (q *query) text(name, want string) (string, bool) {
	values := q.values[name]
	switch {
	case len(values) == 0:
		return "", false
	case len(values) > 1:
		q.refuse(name, strings.Join(values, " and "), want+", once")
		return "", false
	case values[0] == "":
		q.refuse(name, "", want)
		return "", false
	}
	return values[0], true
}

// integer returns the parameter, which lies between least and most.
func (q *query) integer(name string, byDefault, least, most int64) int64 {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	text, ok := q.text(name, want)
	if !ok {
		return byDefault
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most || text[0] == '+' {
		q.refuse(name, text, want)
	}
	return n
}

const wantInstant = "a time such as 2026-03-01T12:00:00Z, or seconds since 1970"

// pairs returns the key=value pairs of a parameter that may be repeated.
func (q *query) pairs(name string) []Attribute {
	var pairs []Attribute
	for _, text := range q.values[name] {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			q.refuse(name, text, "an attribute and its value, such as otelhealth.websocket.source=echo")
		}
		pairs = append(pairs, Attribute{key, value})
	}
	return pairs
}

// instant returns the time, and false when none was given.
func (q *query) instant(name string) (time.Time, bool) {
	text, ok := q.text(name, wantInstant)
	if !ok {
		return time.Time{}, false
	}
	t, ok := parseInstant(text)
	if !ok {
		q.refuse(name, text, wantInstant)
	}
	return t, ok
}

// lastInstant is the end of the year 9999, beyond which RFC 3339 has no times, in seconds since 1970.
const lastInstant = 253402300799

// parseInstant understands RFC 3339, also where the + of an offset became a space on its way, and seconds since 1970. It
// keeps whole milliseconds, as samples do.
func parseInstant(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "+", 1))
	if err != nil {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || strings.Trim(text, "0123456789.") != "" || seconds > lastInstant {
			return time.Time{}, false
		}
		t = time.UnixMilli(int64(math.Round(seconds * 1000)))
	}
	return t.UTC().Truncate(time.Millisecond), t.Unix() >= 0 && t.Unix() <= lastInstant
}

// span is the range that a request asks for: [from, to).
type span struct {
	from, to time.Time
	hours    Number
}

// The hours that a request may ask for, as in the original.
const (
	defaultHours = 24
	mostHours    = 168
)

// span reads hours, counted back from to, or from and to.
func (q *query) span(now time.Time) span {
	hours := q.integer("hours", defaultHours, 1, mostHours)
	to, ok := q.instant("to")
	if !ok {
		to = now.UTC()
	}
	from, ok := q.instant("from")
	switch {
	case !ok:
		from = to.Add(-time.Duration(hours) * time.Hour)
	case q.values.Has("hours"):
		q.refuse("hours", q.values.Get("hours"), "nothing beside from")
	case !from.Before(to):
		q.refuse("from", q.values.Get("from"), "a time before to, which is "+formatTime(to))
	}
	return span{from, to, Number(to.Sub(from).Hours()).round(3)}
}

// list returns the parts of a parameter that may be repeated, or hold several with commas between.
func (q *query) list(name string) []string {
	var parts []string
	for _, value := range q.values[name] {
		for part := range strings.SplitSeq(value, ",") {
			if part == "" {
				q.refuse(name, value, "names with commas between")
			}
			parts = append(parts, part)
		}
	}
	return parts
}

// step returns how finely a series is wanted; neither is set when every row is.
func (q *query) step() (points int, step time.Duration) {
	points = int(q.integer("points", 0, 2, 5000))
	const want = "whole seconds, such as 60 or 15m"
	text, ok := q.text("step", want)
	if !ok {
		return points, 0
	}
	if points > 0 {
		q.refuse("step", text, "nothing beside points")
	}
	step, ok = parseDuration(text)
	if !ok || step < time.Second || step%time.Second != 0 {
		q.refuse("step", text, want)
	}
	return 0, step
}

// parseDuration understands seconds, and durations with a unit.
func parseDuration(text string) (time.Duration, bool) {
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}
