// Package history keeps what a monitor saw in one SQLite file: samples, their rollups, alerts with their transitions,
// and the deliveries that wait to be made (the outbox).
//
//	Record, RecordTransitions ─► bounded queue ─► recorder ─► SQLite (one connection that writes)
//	                                                           │
//	      Newest, Samples, Series, Statistics, Alerts … ◄──────┘ (a few connections that read)
//
// Nothing that records ever waits: [Store.Record] and its like only queue, and one goroutine writes. While the database
// is locked, read-only, full, gone or corrupt, what is queued waits until it can be written, [Store.State] says what is
// wrong, and the log says so once. A corrupt file is set aside under a dated name and a new one is begun.
//
// # What is in the file
//
// A sample is one wide row in samples; the readings that have no column of their own, of pools, brokers and custom
// sources, stand in it as one JSON array whose positions a layout names, and those of series that come and go as a JSON
// object beside it. Samples are rolled up while they are recorded,
// into buckets of 1 minute, 15 minutes and 4 hours with minimum, mean, maximum, counts and quantile sketches, so that
// any range is answered from a few hundred rows. A bucket's row is written once the bucket is full; until then, and at
// the ends of a range, finer rows are read. The views history, series_readings and alert_history are for people with
// the sqlite3 shell.
//
// What has outlived its retention is deleted in small steps, and so is the oldest when the file has less than an eighth
// of its limit left: samples and rollups first, alerts that are resolved later, and what is yet to be delivered last. Samples
// never take the last sixteenth, which is for alerts.
//
// A kill loses at most what was queued, which is one sample while the database is well. A power cut may lose samples of
// the last minutes as well, but never a transition or a delivery: those are synchronised to the disk when they are
// committed, together.
package history
