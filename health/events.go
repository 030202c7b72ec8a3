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

// event is one server-sent event: HTML Living Standard, section 9.2.
type event struct {
	id   int64
	name string
	data []byte // ends with its only line feed
}

// text writes the event out. Without an id it leaves the reader's Last-Event-ID as it is.
func (e *event) text(withID bool) []byte {
	text := make([]byte, 0, len(e.data)+64)
	if withID {
		text = append(text, "id: "...)
		text = append(strconv.AppendInt(text, e.id, 10), '\n')
	}
	text = append(text, "event: "+e.name+"\ndata: "...)
	text = append(text, e.data...)
	return append(text, '\n')
}

// subscriber is an open stream.
type subscriber struct {
	queue chan *event
	stop  func() // ends a write that is under way
}

// hub passes events on to the streams that are open.
type hub struct {
	mu          sync.Mutex
	firstID     int64 // ids up to it are of an earlier process
	lastID      int64
	snapshot    *event   // the newest
	transitions []*event // the last ones
	forgotten   int64    // the id of the last transition that is not among them
	resolved    []Alert  // the last ones that were resolved; the history may not know that yet
	subscribers map[*subscriber]bool
	closed      bool
}

// newHub returns a hub whose ids go on above those of an earlier process.
func newHub() *hub {
	first := time.Now().UnixMilli() << 10
	return &hub{firstID: first, lastID: first, subscribers: make(map[*subscriber]bool)}
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
		if len(h.transitions) == keptTransitions {
			h.forgotten = h.transitions[0].id
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

func (h *hub) next(name string, data []byte) *event {
	h.lastID++
	return &event{h.lastID, name, data}
}

// pass hands an event to everybody, and drops who does not keep up.
func (h *hub) pass(e *event) {
	for s := range h.subscribers {
		select {
		case s.queue <- e:
		default:
			h.drop(s)
		}
	}
}

func (h *hub) drop(s *subscriber) {
	if h.subscribers[s] {
		delete(h.subscribers, s)
		close(s.queue)
	}
}

var (
	errStreamsEnded = errors.New("no stream is opened any more: draining")
	errCrowded      = errors.New("too many streams are open")
)

// resetEvent says that transitions were missed which are no longer here.
var resetEvent = (&event{name: "reset", data: []byte("{}\n")}).text(false)

// subscribe returns what a reader is to get first: the newest snapshot, and after it the transitions that came after the
// last event that the reader has seen, or a reset where some of those are gone.
func (h *hub) subscribe(seen int64, stop func()) (first [][]byte, s *subscriber, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, nil, errStreamsEnded
	case len(h.subscribers) >= mostSubscribers:
		return nil, nil, errCrowded
	}
	resumes := seen > 0
	if h.snapshot != nil {
		first = append(first, h.snapshot.text(!resumes))
	}
	if resumes && seen < max(h.forgotten, h.firstID) {
		first = append(first, resetEvent)
	}
	for _, e := range h.transitions {
		if resumes && e.id > seen {
			first = append(first, e.text(true))
		}
	}
	s = &subscriber{make(chan *event, subscriberQueue), stop}
	h.subscribers[s] = true
	return first, s, nil
}

func (h *hub) unsubscribe(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(s)
}

// close ends every stream, also one whose reader does not read; none is opened any more.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subscribers {
		h.drop(s)
		s.stop()
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
	out := &eventWriter{w: w, control: http.NewResponseController(w), patience: e.eventPatience}
	seen, _ := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64) // what is no id was never ours
	first, s, err := e.hub.subscribe(seen, out.stop)
	if err != nil {
		a := newProblem(http.StatusServiceUnavailable, err.Error())
		a.retryAfter = retrySoon
		a.write(w, r, noStore)
		return
	}
	defer e.hub.unsubscribe(s)
	if err := out.control.Flush(); errors.Is(err, http.ErrNotSupported) {
		newProblem(http.StatusNotImplemented, "what stands before this endpoint cannot stream").write(w, r, noStore)
		return
	}
	if out.send([]byte("retry: 2000\n\n")) != nil {
		return
	}
	for _, text := range first {
		if out.send(text) != nil {
			return
		}
	}
	e.passOn(r, out, s)
}

// passOn sends what comes until the stream ends. At each heartbeat it looks whether the monitor has stalled, and whether
// the reader may still read.
func (e *Endpoints) passOn(r *http.Request, out *eventWriter, s *subscriber) {
	beats := time.NewTicker(heartbeatEvery)
	defer beats.Stop()
	for {
		var text []byte
		select {
		case event, open := <-s.queue:
			if !open {
				return
			}
			text = event.text(true)
		case <-beats.C:
			if _, refusal := e.guard.identify(r); refusal != nil {
				return
			}
			text = []byte(": still here\n\n")
			if p, _, stalled := e.latest(); stalled {
				text = (&event{name: "snapshot", data: p.stalledCurrent().body}).text(false)
			}
		case <-r.Context().Done():
			return
		}
		if out.send(text) != nil {
			return
		}
	}
}

// eventWriter sends each event at once.
type eventWriter struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration

	mu      sync.Mutex
	writing bool
	stopped bool
}

var errStopped = errors.New("the stream has ended")

// send takes the deadline back afterwards: HTTP/2 would reset a stream on which nothing is being written.
func (o *eventWriter) send(text []byte) error {
	if err := o.begin(); err != nil {
		return err
	}
	defer o.done()
	_, err := o.w.Write(text)
	return errors.Join(err, o.control.Flush())
}

// begin sets a deadline where the server supports it.
func (o *eventWriter) begin() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped {
		return errStopped
	}
	o.writing = true
	_ = o.control.SetWriteDeadline(time.Now().Add(o.patience))
	return nil
}

func (o *eventWriter) done() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing = false
	_ = o.control.SetWriteDeadline(time.Time{})
}

// stop breaks a write off that is under way, and allows no other. A stream that waits for an event gets no deadline, which
// would break its end off.
func (o *eventWriter) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	if o.writing {
		_ = o.control.SetWriteDeadline(time.Now())
	}
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
