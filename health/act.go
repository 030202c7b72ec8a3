package health

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds on what a POST may send.
const (
	longestBody = 16 << 10
	longestNote = 1000 // characters
	longestBy   = 200
	longestMute = 366 * 24 * time.Hour
)

// action does what a POST asks for, in the name of somebody. It keeps no string of the request, since a server on fasthttp
// uses their memory again.
type action func(r *http.Request, by string, body *form) *answer

// acting lets an action be asked for by whom the guard admits, and by no other site's page in a browser.
func (e *Endpoints) acting(do action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		e.act(w, r, do).write(w, r, noStore)
	}
}

func (e *Endpoints) act(w http.ResponseWriter, r *http.Request, do action) *answer {
	if e.disabled {
		return e.published.Load().current
	}
	identity, refused := e.guard.admit(r, classAct)
	if refused != nil {
		return refused
	}
	if e.operator == nil {
		return e.guard.readOnlyRefusal
	}
	body, refused := readForm(w, r)
	if refused != nil {
		return refused
	}
	by := identity.Name
	if behalf := body.text("by", longestBy); behalf != "" {
		by += " (on behalf of " + behalf + ")"
	}
	return do(r, by, body)
}

func (e *Endpoints) acknowledge(r *http.Request, by string, body *form) *answer {
	note := body.text("note", longestNote)
	if body.wrong != nil {
		return newParameterProblem(body.wrong)
	}
	id, ok := alertID(r)
	if !ok {
		return newAlertProblem(r, ErrUnknownAlert)
	}
	if err := e.operator.Acknowledge(id, by, note); err != nil {
		return newAlertProblem(r, err)
	}
	return newSuccess("Alert acknowledged", func(w *jsonWriter) { w.integer("id", id) })
}

// resolve answers for an alert that is resolved already as it did the first time: one may click twice, or just after it
// recovered.
func (e *Endpoints) resolve(r *http.Request, by string, body *form) *answer {
	note := body.text("note", longestNote)
	if body.wrong != nil {
		return newParameterProblem(body.wrong)
	}
	id, ok := alertID(r)
	if !ok {
		return newAlertProblem(r, ErrUnknownAlert)
	}
	if err := e.operator.Resolve(id, by, note); err != nil && !errors.Is(err, ErrAlertResolved) {
		return newAlertProblem(r, err)
	}
	return newSuccess("Alert resolved", func(w *jsonWriter) { w.integer("id", id) })
}

func alertID(r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	return id, err == nil && id > 0
}

// silence keeps a rule from notifying until a time; one that has passed ends that.
func (e *Endpoints) silence(r *http.Request, by string, body *form) *answer {
	now := time.Now()
	until := body.until(now)
	if body.wrong != nil {
		return newParameterProblem(body.wrong)
	}
	rule := strings.Clone(r.PathValue("name"))
	if err := e.operator.Silence(rule, until, by); err != nil {
		if errors.Is(err, ErrUnknownRule) {
			return newOriginalProblem(http.StatusNotFound, "Rule not found", "there is no rule "+shown(rule))
		}
		return newActionProblem()
	}
	if !until.After(now) {
		return newSuccess("Rule no longer silenced", func(w *jsonWriter) { w.text("rule", rule) })
	}
	return newSuccess("Rule silenced", func(w *jsonWriter) {
		w.text("rule", rule)
		w.time("until", until)
	})
}

// newSuccess answers as the original did, with more beside it.
func newSuccess(message string, more func(*jsonWriter)) *answer {
	w := newJSON(256)
	w.text("status", "success")
	w.text("message", message)
	more(w)
	return w.answer(http.StatusOK, mediaJSON)
}

func newAlertProblem(r *http.Request, err error) *answer {
	switch {
	case errors.Is(err, ErrUnknownAlert):
		return newOriginalProblem(http.StatusNotFound, "Alert not found", "there is no alert "+shown(r.PathValue("id")))
	case errors.Is(err, ErrAlertResolved):
		return newOriginalProblem(http.StatusConflict, "Alert is resolved", ErrAlertResolved.Error())
	case errors.Is(err, ErrNotFiring):
		return newOriginalProblem(http.StatusConflict, "Alert does not fire", ErrNotFiring.Error())
	default:
		return newActionProblem()
	}
}

// newActionProblem answers when the operator can do nothing at all: the monitor is shut down.
func newActionProblem() *answer {
	return newOriginalProblem(http.StatusServiceUnavailable, "Not possible now", "the monitor is shut down")
}

// form is the body of a POST: its fields as text. The first that is wrong is remembered.
type form struct {
	fields map[string]string
	wrong  *wrongParameter
}

// readForm reads a JSON object, an HTML form, or nothing.
func readForm(w http.ResponseWriter, r *http.Request) (*form, *answer) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is longer than %d bytes", longestBody))
	case err != nil:
		return nil, newProblem(http.StatusBadRequest, "the body could not be read")
	case len(body) == 0:
		return new(form), nil
	}
	f := &form{fields: make(map[string]string)}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && mediaType == mediaJSON:
		f.readJSON(body)
	case err == nil && mediaType == "application/x-www-form-urlencoded":
		f.readURLEncoded(body)
	default:
		return nil, newProblem(http.StatusUnsupportedMediaType, "a body is application/json, or application/x-www-form-urlencoded")
	}
	if f.wrong != nil {
		return nil, newParameterProblem(f.wrong)
	}
	return f, nil
}

// formFields are those that mean something here.
var formFields = []string{"by", "note", "until", "token", "username", "password", "next"}

func (f *form) refuse(name, got, want string) {
	if f.wrong == nil {
		f.wrong = &wrongParameter{name, shown(got), want}
	}
}

// readJSON keeps the texts and numbers of an object. What else is in it is of no meaning here, unless it bears the name
// of something that is.
func (f *form) readJSON(body []byte) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		f.refuse("body", string(body), "a JSON object")
		return
	}
	for _, name := range formFields {
		value, ok := object[name]
		var text string
		var number json.Number
		switch {
		case !ok || string(value) == "null":
		case json.Unmarshal(value, &text) == nil:
			f.fields[name] = text
		case name == "until" && json.Unmarshal(value, &number) == nil:
			f.fields[name] = number.String()
		default:
			f.refuse(name, string(value), "text")
		}
	}
}

func (f *form) readURLEncoded(body []byte) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		f.refuse("body", string(body), "name=value pairs with & between, percent-encoded")
		return
	}
	for name, value := range values {
		if len(value) > 1 && slices.Contains(formFields, name) {
			f.refuse(name, value[0]+" and "+value[1], "it once")
		}
		f.fields[name] = value[0]
	}
}

// text returns the field, at most so many characters of UTF-8, and "" when it is not there.
func (f *form) text(name string, longest int) string {
	text := f.fields[name]
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > longest {
		f.refuse(name, text, fmt.Sprintf("at most %d characters of UTF-8", longest))
	}
	return text
}

// until returns the time that a silence is to last: a time, or a duration from now. 0 ends one.
func (f *form) until(now time.Time) time.Time {
	const want = "a time such as 2026-03-01T12:00:00Z, seconds since 1970, or a duration from now such as 2h, a year ahead at most"
	text := f.fields["until"]
	until, ok := parseInstant(text)
	if d, err := time.ParseDuration(text); !ok && err == nil {
		until, ok = now.Add(d).UTC(), true
	}
	if !ok || until.After(now.Add(longestMute)) {
		f.refuse("until", text, want)
	}
	return until
}
