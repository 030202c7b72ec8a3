package health

import (
	"context"
	"errors"
	"iter"
	"time"
)

// History is what the endpoints read of what was recorded: a *history.Store. Its methods are safe for concurrent use.
// While the database cannot be read, every error wraps [ErrHistoryUnavailable].
type History interface {
	// Samples returns the samples of [from, to), oldest first, a few hundred in memory at a time. An error ends them. A
	// *Sample is valid until the next one is asked for.
	Samples(ctx context.Context, from, to time.Time) iter.Seq2[*Sample, error]
	// Series returns columns and other series in buckets.
	Series(ctx context.Context, r SeriesRequest) (Buckets, error)
	// Statistics sums up the samples of [from, to).
	Statistics(ctx context.Context, from, to time.Time) (Statistics, error)
	// Catalog returns every series that was recorded beside the columns, by name.
	Catalog(ctx context.Context) ([]SeriesInfo, error)
	// Alerts returns alerts of any state, newest first.
	Alerts(ctx context.Context, f AlertFilter) ([]Alert, error)
}

// ErrHistoryUnavailable is wrapped by the error of every query while the history cannot be read.
var ErrHistoryUnavailable = errors.New("the history is not available")

// Column names a value that each [Sample] holds, as the history's table samples does.
type Column string

// The columns that series and statistics know. Sizes are in bytes.
const (
	ColumnFDCount          Column = "fd_count"
	ColumnFDLimit          Column = "fd_limit"
	ColumnMemoryRSS        Column = "memory_rss"
	ColumnMemoryVirtual    Column = "memory_vms"
	ColumnMemorySwap       Column = "memory_swap"
	ColumnMemoryLimit      Column = "memory_limit"
	ColumnMemoryWorkingSet Column = "memory_working_set"
	ColumnMemoryAvailable  Column = "memory_available"
	ColumnThreads          Column = "threads"
	ColumnStuck            Column = "stuck"
	ColumnGoroutines       Column = "goroutines"
	ColumnCPUUtilization   Column = "cpu_utilization" // 0 to 1
	ColumnDBConnections    Column = "db_connections"  // of all pools
	ColumnWSConnections    Column = "ws_connections"  // of all sources
	ColumnWSSymbols        Column = "ws_symbols"
)

// SeriesInfo describes a series that has no column of its own: one metric with one set of attributes.
type SeriesInfo struct {
	ID         int64
	Name       string
	Unit       string // UCUM
	Scope      string // the instrumentation scope that emits it
	Attributes []Attribute
}

// SeriesRequest says what [History].Series reads, and how finely: by Step, or by Points where Step is 0.
type SeriesRequest struct {
	From, To time.Time     // [From, To)
	Points   int           // at most so many buckets; 0: 500
	Step     time.Duration // width of a bucket, whole seconds; at most 10,000 buckets
	Columns  []Column
	Series   []int64 // by [SeriesInfo].ID
}

// Buckets are series of one range, in buckets of one width.
type Buckets struct {
	Width   time.Duration
	Buckets []Bucket // those that hold samples, oldest first
}

// Bucket sums up the samples of [Time, Time+Width). Peaks survive in Max.
type Bucket struct {
	Time    time.Time // UTC, a multiple of the width since 1970
	Samples int
	Values  []Summary // of the request's columns, then of its series
	Overall Counts    // how many samples had which overall status
}

// Summary sums up one value. Without a reading Count is 0 and the rest is unknown.
type Summary struct {
	Count          int
	Min, Mean, Max Number
}

// Counts are how many samples had which status.
type Counts struct{ Pass, Warn, Fail, Unknown int }

// Statistics sum up a range.
type Statistics struct {
	Samples int
	Columns map[Column]ColumnStatistics
	Status  map[string]Counts // by component: overall, liveness, readiness, fd, memory, database, websocket, threads, goroutines
	// Uptime is the share of the range, from its first sample on, that samples cover whose overall status is not fail.
	Uptime Number
	// Coverage is the share of it that samples cover at all: what is missing, the monitor did not run.
	Coverage Number
}

// ColumnStatistics sum up one value over a range. What is not known is unknown; quantiles are within 1 % of the exact
// ones (the value of rank q·(n-1), rounded down).
type ColumnStatistics struct {
	Count          int    // samples with a reading
	Current        Number // of the newest sample of the range; where that is rolled up, the mean of its newest rollup
	Min, Mean, Max Number
	P50, P95, P99  Number
}

// AlertFilter says which alerts [History].Alerts returns. The zero value of each field does not filter.
type AlertFilter struct {
	Rule   string
	From   time.Time // open at this time or later
	To     time.Time // begun before this time
	Before int64     // with a lower id than this: the last one of the page before
	Limit  int       // 0: 100; at most 1000
}

// HistoryCondition says how the history's database is.
type HistoryCondition string

// The conditions. In all but ok what is recorded waits in a queue, and is written once the database is well again; in use
// and closed are final.
const (
	HistoryOK          HistoryCondition = "ok"
	HistoryLocked      HistoryCondition = "locked"      // by another connection
	HistoryReadOnly    HistoryCondition = "read_only"   // the file, its folder or the file system
	HistoryFull        HistoryCondition = "full"        // the disk, or what the history may take
	HistoryCorrupt     HistoryCondition = "corrupt"     // and not to be set aside
	HistoryInUse       HistoryCondition = "in_use"      // by another process, which holds the lock beside the file
	HistoryUnavailable HistoryCondition = "unavailable" // cannot be opened, or fails in another way
	HistoryClosed      HistoryCondition = "closed"
)

// HistoryState is how the history is doing.
type HistoryState struct {
	Condition HistoryCondition
	Since     time.Time // since when; wall time, UTC
	Error     string    // what the database said last; empty while Condition is ok. It may name the file: for who is authorised
	Queued    int       // samples and transitions that are not written yet
	Dropped   int64     // samples and transitions given up because the queue was full, or the database refused them, and deliveries for which the file had no room
	Refused   int       // readings of the last sample for which the dictionary of series had no place
	SizeBytes int64     // of the database file and its write-ahead log
	SetAside  string    // where the last corrupt file is kept; empty: there was none
}
