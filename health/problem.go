package health

import (
	"errors"
	"net/http"
)

// problem begins an error's response: RFC 9457, with the message of the original's errors beside it.
func problem(status int, detail string) *jsonWriter {
	w := newJSON(512)
	w.text("type", "about:blank")
	w.text("title", http.StatusText(status))
	w.integer("status", int64(status))
	w.text("detail", detail)
	w.text("message", detail)
	return w
}

func newProblem(status int, detail string) *answer {
	return problem(status, detail).answer(status, mediaProblem)
}

// newParameterProblem answers a request with a parameter, or a field of a body, that is wrong.
func newParameterProblem(p *wrongParameter) *answer {
	w := problem(http.StatusBadRequest, p.detail())
	w.text("parameter", p.name)
	return w.answer(http.StatusBadRequest, mediaProblem)
}

// newOriginalProblem answers as the original did where its clients look at status and message. RFC 9457 lets others pass
// over a status that is no number.
func newOriginalProblem(status int, message, detail string) *answer {
	w := newJSON(512)
	w.text("status", "error")
	w.text("message", message)
	w.text("type", "about:blank")
	w.text("title", http.StatusText(status))
	w.text("detail", detail)
	return w.answer(status, mediaProblem)
}

var retrySoon = []string{"5"}

// historyProblem answers for a history that cannot be read. What the driver said may name the file, and stays here.
func (e *Endpoints) historyProblem(err error) *answer {
	if !errors.Is(err, ErrHistoryUnavailable) {
		return newProblem(http.StatusInternalServerError, "the history could not be read")
	}
	detail := ErrHistoryUnavailable.Error()
	if s := e.Snapshot(); s != nil && s.History != nil {
		detail += ": " + string(s.History.Condition)
	}
	a := newProblem(http.StatusServiceUnavailable, detail)
	a.retryAfter = retrySoon
	return a
}

// missingHistory answers where none is kept.
func (e *Endpoints) missingHistory() *answer {
	if e.disabled {
		return e.published.Load().current
	}
	if s := e.Snapshot(); s != nil && s.History != nil {
		return newProblem(http.StatusServiceUnavailable, ErrHistoryUnavailable.Error()+": "+string(s.History.Condition))
	}
	return newProblem(http.StatusNotFound, "no history is kept here (WithoutHistory, HEALTH_HISTORY_PATH)")
}
