package health

import "time"

// OTLPCondition says how the Collector takes what is exported.
type OTLPCondition string

// The conditions of the export. It is ok before the first request too.
const (
	OTLPOK       OTLPCondition = "ok"
	OTLPAway     OTLPCondition = "away"     // it does not answer, or not now: requests are kept and sent later
	OTLPRejected OTLPCondition = "rejected" // it refuses requests for good: they are dropped
)

// SpoolCondition says whether requests can be kept on disk.
type SpoolCondition string

// The conditions of the spool. Where it is not ok requests are kept in memory, where there is room for few.
const (
	SpoolOff     SpoolCondition = "off"     // none is wanted
	SpoolOK      SpoolCondition = "ok"      // requests are kept in it while the Collector is away
	SpoolInUse   SpoolCondition = "in_use"  // by another process
	SpoolFailing SpoolCondition = "failing" // its folder or disk takes nothing
)

// OTLPState is how the export is doing. Counts begin at the start of the process.
type OTLPState struct {
	Condition   OTLPCondition
	Since       time.Time   // since when; wall time, UTC
	Error       string      // why it is not ok; it may name hosts: for who is authorised
	LastSuccess time.Time   // when the Collector last took a request; zero: it has not yet
	Waiting     int         // requests in memory
	Queued      int         // requests on disk
	QueuedBytes int64       // of their files
	Oldest      time.Time   // of the points of the first request on disk; zero: there is none
	Replayed    int64       // requests that were on disk and then delivered
	Dropped     OTLPDropped // requests that were not delivered and never will be

	Spool      SpoolCondition
	SpoolError string // why the spool is not ok; it may name the folder: for who is authorised
}

// OTLPDropped counts requests by the reason why they were given up. Points that the Collector refuses in a request that it
// takes are not among them.
type OTLPDropped struct {
	Rejected int64 // by the Collector, for good
	Full     int64 // to make room for newer ones, in memory or on disk, or larger than all the room on disk
	Expired  int64 // too old to be of use
	Damaged  int64 // on disk
}

// otlp is null where nothing is exported.
func (w *jsonWriter) otlp(o *OTLPState) {
	if o == nil {
		w.key("otlp")
		w.b = append(w.b, "null"...)
		return
	}
	w.object("otlp")
	w.text("condition", string(o.Condition))
	w.time("since", o.Since)
	if !o.LastSuccess.IsZero() {
		w.time("last_success", o.LastSuccess)
	}
	w.integer("waiting", int64(o.Waiting))
	w.integer("queued", int64(o.Queued))
	w.integer("queued_bytes", o.QueuedBytes)
	if !o.Oldest.IsZero() {
		w.time("oldest", o.Oldest)
	}
	w.integer("replayed", o.Replayed)
	d := &o.Dropped
	w.integer("dropped", d.Rejected+d.Full+d.Expired+d.Damaged)
	w.object("dropped_by_reason")
	w.integer(ReasonRejected, d.Rejected)
	w.integer(ReasonFull, d.Full)
	w.integer(ReasonExpired, d.Expired)
	w.integer(ReasonDamaged, d.Damaged)
	w.end()
	w.text("spool", string(o.Spool))
	w.optional("error", o.Error)
	w.optional("spool_error", o.SpoolError)
	w.end()
}
