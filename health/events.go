package health

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Bounds of event streams.
const (
	mostSubscribers = 64
	subscriberQueue = 32  // events that may wait for a reader; one who is slower is dropped
	keptTransitions = 256 // for readers that come back
	heartbeatEvery  = 15 * time.Second
	// patienceWithEvent is how long a reader may take for one event.
	patienceWithEvent = 10 * time.Second
)

// event is one server-sent event, written out: HTML Living Standard, section 9.2.
type event struct {
	id         int64
	transition bool
	text       []byte
}

// hub passes events on to the streams that are open.
type hub struct {
	mu          sync.Mutex
	lastID      int64
	snapshot    *event   // the newest
	transitions []*event // the last ones
	resolved    []Alert  // the last ones that were resolved; the history may not know that yet
	subscribers map[chan *event]bool
	closed      bool
}

// newHub returns a hub whose ids go on above those of an earlier process.
func newHub() *hub {
	return &hub{lastID: time.Now().UnixMilli() << 10, subscribers: make(map[chan *event]bool)}
}

// publish passes on the body of current, which is one line.
func (h *hub) publish(body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.snapshot = h.next("snapshot", body)
	h.pass(h.snapshot)
}

func (h *hub) announce(transitions []Transition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range transitions {
		if t := &transitions[i]; t.Kind == TransitionResolved {
			h.resolved = append(h.resolved[max(0, len(h.resolved)-keptTransitions+1):len(h.resolved):len(h.resolved)], t.Alert)
		}
		w := newJSON(1024)
		w.transition(&transitions[i])
		w.end()
		e := h.next("transition", append(w.b, '\n'))
		e.transition = true
		if len(h.transitions) == keptTransitions {
			h.transitions = append(h.transitions[:0:0], h.transitions[1:]...)
		}
		h.transitions = append(h.transitions, e)
		h.pass(e)
	}
}

// ended returns the alerts that were resolved last.
func (h *hub) ended() []Alert {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.resolved)
}

// next makes the next event of data, which ends with its only line feed.
func (h *hub) next(name string, data []byte) *event {
	h.lastID++
	text := make([]byte, 0, len(data)+64)
	text = append(text, "id: "...)
	text = strconv.AppendInt(text, h.lastID, 10)
	text = append(text, "\nevent: "+name+"\ndata: "...)
	text = append(text, data...)
	return &event{id: h.lastID, text: append(text, '\n')}
}

// pass hands an event to everybody, and drops who does not keep up.
func (h *hub) pass(e *event) {
	for queue := range h.subscribers {
		select {
		case queue <- e:
		default:
			h.drop(queue)
		}
	}
}

func (h *hub) drop(queue chan *event) {
	if h.subscribers[queue] {
		delete(h.subscribers, queue)
		close(queue)
	}
}

var (
	errStreamsEnded = errors.New("no stream is opened any more: draining")
	errCrowded      = errors.New("too many streams are open")
)

// subscribe returns what a reader is to get first, and the queue of what follows: the transitions after the last one that
// it saw, and the newest snapshot.
func (h *hub) subscribe(seen int64) (first []*event, queue chan *event, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, nil, errStreamsEnded
	case len(h.subscribers) >= mostSubscribers:
		return nil, nil, errCrowded
	}
	if seen > 0 {
		for _, e := range h.transitions {
			if e.id > seen {
				first = append(first, e)
			}
		}
	}
	if h.snapshot != nil {
		first = append(first, h.snapshot)
	}
	queue = make(chan *event, subscriberQueue)
	h.subscribers[queue] = true
	return first, queue, nil
}

func (h *hub) unsubscribe(queue chan *event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(queue)
}

// close ends every stream; none is opened any more.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for queue := range h.subscribers {
		h.drop(queue)
	}
}

// Announce passes transitions on to the event streams. It never waits.
func (e *Endpoints) Announce(transitions []Transition) { e.hub.announce(transitions) }

// EndStreams ends the event streams, which would hold up the server's Shutdown. None is opened any more.
func (e *Endpoints) EndStreams() { e.hub.close() }

// serveStream sends each snapshot and each transition as it comes.
func (e *Endpoints) serveStream(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Content-Type"] = []string{"text/event-stream"}
	header["Cache-Control"] = noStore
	header["X-Content-Type-Options"] = nosniff
	header["X-Accel-Buffering"] = []string{"no"} // nginx would keep events back
	if r.Method == http.MethodHead {
		return
	}
	seen, _ := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64) // what is no id was never ours
	first, queue, err := e.hub.subscribe(seen)
	if err != nil {
		a := newProblem(http.StatusServiceUnavailable, err.Error())
		a.retryAfter = retrySoon
		a.write(w, r, noStore)
		return
	}
	defer e.hub.unsubscribe(queue)
	out := eventWriter{w: w, control: http.NewResponseController(w)}
	if err := out.send([]byte("retry: 2000\n\n")); err != nil {
		return
	}
	for _, event := range first {
		if out.send(event.text) != nil {
			return
		}
	}
	beats := time.NewTicker(heartbeatEvery)
	defer beats.Stop()
	for {
		select {
		case event, open := <-queue:
			if !open || out.send(event.text) != nil {
				return
			}
		case <-beats.C:
			if out.send([]byte(": still here\n\n")) != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// eventWriter sends each event at once.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (o *eventWriter) send(text []byte) error {
	_ = o.control.SetWriteDeadline(time.Now().Add(patienceWithEvent)) // where the server supports it
	if _, err := o.w.Write(text); err != nil {
		return err
	}
	return o.control.Flush()
}

// transition writes the fields of a transition, with the alert as it is afterwards.
func (w *jsonWriter) transition(t *Transition) {
	w.text("kind", string(t.Kind))
	w.integer("number", int64(t.Number))
	w.time("time", t.Time)
	w.optional("by", t.By)
	w.optional("note", t.Note)
	w.key("alert")
	w.alert(&t.Alert)
}
