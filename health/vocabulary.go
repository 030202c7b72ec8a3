package health

// Names of the metrics. Those of OpenTelemetry's semantic conventions (1.43.0) keep their name there; what no
// convention names is under otelhealth.
const (
	MetricFDCount        = "process.unix.file_descriptor.count"
	MetricFDLimit        = "otelhealth.fd.limit"
	MetricFDUtilization  = "otelhealth.fd.utilization"
	MetricMemoryRSS      = "process.memory.usage"
	MetricMemoryVirtual  = "process.memory.virtual"
	MetricMemorySwap     = "otelhealth.memory.swap"
	MetricMemoryLimit    = "otelhealth.memory.limit"
	MetricMemoryUtil     = "otelhealth.memory.utilization"
	MetricMemoryWorking  = "otelhealth.memory.working_set"
	MetricMemoryFree     = "otelhealth.memory.available"
	MetricMemorySystem   = "system.memory.limit"
	MetricOOMKills       = "otelhealth.memory.oom_kill.count"
	MetricThreads        = "process.thread.count"
	MetricStuck          = "otelhealth.stuck.count"
	MetricCPUTime        = "process.cpu.time"
	MetricCPUUtil        = "process.cpu.utilization"
	MetricCPUThrottled   = "otelhealth.cpu.throttled.time"
	MetricPressure       = "otelhealth.pressure.stall.time"
	MetricUptime         = "process.uptime"
	MetricPoolCount      = "db.client.connection.count"
	MetricPoolMax        = "db.client.connection.max"
	MetricPoolUtil       = "otelhealth.db.pool.utilization"
	MetricPoolWaits      = "otelhealth.db.pool.wait.count"
	MetricPoolWaitTime   = "otelhealth.db.pool.wait.time"
	MetricWSConnections  = "otelhealth.websocket.connection.count"
	MetricWSSymbols      = "otelhealth.websocket.symbol.count"
	MetricStatus         = "otelhealth.status"
	MetricThreshold      = "otelhealth.rule.threshold"
	MetricAlertFiring    = "otelhealth.alert.firing"
	MetricTickDuration   = "otelhealth.tick.duration"
	MetricSourceFailures = "otelhealth.source.failure.count"
	MetricOTLPQueue      = "otelhealth.otlp.queue.length"
	MetricOTLPDropped    = "otelhealth.otlp.dropped.count"
	MetricOTLPSuccess    = "otelhealth.otlp.success.time"
	MetricSpoolLength    = "otelhealth.otlp.spool.length"
	MetricSpoolSize      = "otelhealth.otlp.spool.size"
	MetricSpoolReplayed  = "otelhealth.otlp.spool.replayed.count"
	MetricSpoolDropped   = "otelhealth.otlp.spool.dropped.count"
	MetricHistoryQueue   = "otelhealth.history.queue.length"
	MetricHistoryDropped = "otelhealth.history.dropped.count"
	MetricHistorySize    = "otelhealth.history.size"
	MetricNotifications  = "otelhealth.notification.count"
	MetricGoroutines     = "go.goroutine.count"
)

// Keys of the attributes, and the values that are fixed.
const (
	AttrCPUMode          = "cpu.mode"                       // user, system
	AttrPoolName         = "db.client.connection.pool.name" // the name given to the pool
	AttrPoolState        = "db.client.connection.state"     // idle, used
	AttrStuckKind        = "otelhealth.stuck.kind"          // heartbeat, os_thread
	AttrWebSocketSource  = "otelhealth.websocket.source"    // the name given to the source
	AttrComponent        = "otelhealth.component"           // a rule's name, or overall
	AttrAlertSeverity    = "otelhealth.alert.severity"      // warn, fail
	AttrSource           = "otelhealth.source"              // the name given to the source
	AttrSourceKind       = "otelhealth.source.kind"         // database, websocket, source, application
	AttrDestination      = "otelhealth.destination"         // the name of the notifier
	AttrOutcome          = "otelhealth.outcome"             // sent, failed, given_up
	AttrReason           = "otelhealth.reason"              // rejected, expired, full, damaged
	AttrPressureResource = "otelhealth.pressure.resource"   // cpu, memory, io
	AttrPressureScope    = "otelhealth.pressure.scope"      // some, full

	PoolStateIdle  = "idle"
	PoolStateUsed  = "used"
	StuckHeartbeat = "heartbeat"
	StuckOSThread  = "os_thread"
	OutcomeSent    = "sent"     // deliveries that the destination took
	OutcomeFailed  = "failed"   // attempts that failed
	OutcomeGivenUp = "given_up" // deliveries that are not tried again
	ReasonRejected = "rejected" // by the Collector, for good
	ReasonExpired  = "expired"  // too old to be of use
	ReasonFull     = "full"     // to make room for newer ones
	ReasonDamaged  = "damaged"  // on disk
	CPUModeUser    = "user"
	CPUModeSystem  = "system"
	Overall        = "overall"
)

// Names of the components, which are the names of the rules that judge them.
const (
	RuleFD         = "fd"
	RuleMemory     = "memory"
	RuleDatabase   = "database"
	RuleWebSocket  = "websocket"
	RuleThreads    = "threads"
	RuleGoroutines = "goroutines"
	RuleStuck      = "stuck"
	RulePool       = "pool"
)

// Kinds of the sources that a [Failure] may name. [AttrSourceKind] has those that users registered: all but [SourceProcess].
const (
	SourceProcess     = "process"
	SourceDatabase    = "database"
	SourceWebSocket   = "websocket"
	SourceCustom      = "source"
	SourceApplication = "application" // metrics of the application, collected through its reader
)

// Kind says how a metric's values relate over time.
type Kind string

// The kinds of metrics. Semantic conventions list some of the gauges here as up-down counters; this module observes
// everything that is not cumulative as a gauge, and a Prometheus behind a Collector stores both alike.
const (
	Gauge         Kind = "gauge"
	Counter       Kind = "counter"
	UpDownCounter Kind = "up-down counter" // some of those that contrib's runtime instrumentation emits
)

// MetricInfo is one row of the table that drives the instruments, their units and descriptions, and the README.
type MetricInfo struct {
	Name        string
	Kind        Kind
	Unit        string // UCUM
	Integer     bool   // an int64 instrument; otherwise float64
	Attributes  []string
	Description string
	Scope       string // the instrumentation scope of a metric that others emit; empty for this module's own
}

// Scope is the instrumentation scope of this module's metrics.
const Scope = "github.com/otelhealth/otelhealth-go"

// RuntimeScope is the scope of the go.* metrics, which contrib's runtime instrumentation emits.
const RuntimeScope = "go.opentelemetry.io/contrib/instrumentation/runtime"

// Vocabulary returns the table of every metric, in the README's order. The slice is the caller's to keep.
func Vocabulary() []MetricInfo {
	return []MetricInfo{
		{Name: MetricFDCount, Kind: Gauge, Unit: "{file_descriptor}", Integer: true, Description: "File descriptors that the process has open."},
		{Name: MetricFDLimit, Kind: Gauge, Unit: "{file_descriptor}", Integer: true, Description: "Soft limit on open file descriptors (RLIMIT_NOFILE)."},
		{Name: MetricFDUtilization, Kind: Gauge, Unit: "1", Description: "Open file descriptors over their limit."},
		{Name: MetricMemoryRSS, Kind: Gauge, Unit: "By", Integer: true, Description: "Resident memory of the process (RSS)."},
		{Name: MetricMemoryVirtual, Kind: Gauge, Unit: "By", Integer: true, Description: "Virtual memory of the process."},
		{Name: MetricMemorySwap, Kind: Gauge, Unit: "By", Integer: true, Description: "Memory of the process that is swapped out."},
		{Name: MetricMemoryLimit, Kind: Gauge, Unit: "By", Integer: true, Description: "Effective memory limit: the smallest of the cgroup's limits, or the system's memory."},
		{Name: MetricMemoryUtil, Kind: Gauge, Unit: "1", Description: "Resident memory over the effective limit."},
		{Name: MetricMemoryWorking, Kind: Gauge, Unit: "By", Integer: true, Description: "Working set of the cgroup: its usage less inactive file pages, which is what the OOM killer counts."},
		{Name: MetricMemoryFree, Kind: Gauge, Unit: "By", Integer: true, Description: "System memory available without swapping."},
		{Name: MetricMemorySystem, Kind: Gauge, Unit: "By", Integer: true, Description: "Memory that the system has."},
		{Name: MetricOOMKills, Kind: Counter, Unit: "{kill}", Integer: true, Description: "Processes of the cgroup that the OOM killer ended."},
		{Name: MetricThreads, Kind: Gauge, Unit: "{thread}", Integer: true, Description: "OS threads of the process."},
		{Name: MetricStuck, Kind: Gauge, Unit: "{thread}", Integer: true, Attributes: []string{AttrStuckKind}, Description: "Overdue heartbeats, and OS threads in uninterruptible sleep in three looks in a row."},
		{Name: MetricCPUTime, Kind: Counter, Unit: "s", Attributes: []string{AttrCPUMode}, Description: "CPU time that the process used."},
		{Name: MetricCPUUtil, Kind: Gauge, Unit: "1", Description: "CPU time over elapsed time since the sample before, divided by the CPUs that Go may use (GOMAXPROCS)."},
		{Name: MetricCPUThrottled, Kind: Counter, Unit: "s", Description: "Time that the cgroup's CPU quota kept it from running."},
		{Name: MetricPressure, Kind: Counter, Unit: "s", Attributes: []string{AttrPressureResource, AttrPressureScope}, Description: "Time that tasks of the cgroup stalled for want of a resource (PSI)."},
		{Name: MetricUptime, Kind: Gauge, Unit: "s", Description: "Time since the process started."},
		{Name: MetricPoolCount, Kind: Gauge, Unit: "{connection}", Integer: true, Attributes: []string{AttrPoolName, AttrPoolState}, Description: "Connections of a database pool, by state."},
		{Name: MetricPoolMax, Kind: Gauge, Unit: "{connection}", Integer: true, Attributes: []string{AttrPoolName}, Description: "Most connections that the pool may open; absent where there is no maximum."},
		{Name: MetricPoolUtil, Kind: Gauge, Unit: "1", Attributes: []string{AttrPoolName}, Description: "Used connections over the pool's maximum."},
		{Name: MetricPoolWaits, Kind: Counter, Unit: "{wait}", Integer: true, Attributes: []string{AttrPoolName}, Description: "Times a caller waited for a connection of the pool."},
		{Name: MetricPoolWaitTime, Kind: Counter, Unit: "s", Attributes: []string{AttrPoolName}, Description: "Time that callers waited for a connection of the pool."},
		{Name: MetricWSConnections, Kind: Gauge, Unit: "{connection}", Integer: true, Attributes: []string{AttrWebSocketSource}, Description: "Open WebSocket connections."},
		{Name: MetricWSSymbols, Kind: Gauge, Unit: "{symbol}", Integer: true, Attributes: []string{AttrWebSocketSource}, Description: "Symbols subscribed to over WebSocket connections."},
		{Name: MetricStatus, Kind: Gauge, Unit: "1", Integer: true, Attributes: []string{AttrComponent}, Description: "Health of a component, and of all (overall): 0 pass, 1 warn, 2 fail. Absent while unknown."},
		{Name: MetricThreshold, Kind: Gauge, Unit: "{threshold}", Attributes: []string{AttrComponent, AttrAlertSeverity}, Description: "Threshold of a component, in the unit of the metric that it judges. Absent where it is off, or a share of a limit that is not known."},
		{Name: MetricAlertFiring, Kind: Gauge, Unit: "{alert}", Integer: true, Attributes: []string{AttrAlertSeverity}, Description: "Alerts that fire."},
		{Name: MetricTickDuration, Kind: Gauge, Unit: "s", Description: "Time that the tick before this one took."},
		{Name: MetricSourceFailures, Kind: Counter, Unit: "{failure}", Integer: true, Attributes: []string{AttrSource, AttrSourceKind}, Description: "Times a registered source hung, panicked or returned an error."},
		{Name: MetricOTLPQueue, Kind: Gauge, Unit: "{request}", Integer: true, Description: "OTLP requests that wait in memory to be delivered."},
		{Name: MetricOTLPDropped, Kind: Counter, Unit: "{request}", Integer: true, Description: "OTLP requests that were rejected for good before they were on disk, or given up when the queue in memory was full."},
		{Name: MetricOTLPSuccess, Kind: Gauge, Unit: "s", Description: "Unix time at which the Collector last took an OTLP request; absent before the first."},
		{Name: MetricSpoolLength, Kind: Gauge, Unit: "{request}", Integer: true, Description: "OTLP requests kept on disk until the Collector answers again."},
		{Name: MetricSpoolSize, Kind: Gauge, Unit: "By", Integer: true, Description: "Size of the OTLP requests that are kept on disk."},
		{Name: MetricSpoolReplayed, Kind: Counter, Unit: "{request}", Integer: true, Description: "OTLP requests that were kept on disk and then delivered, since the process started."},
		{Name: MetricSpoolDropped, Kind: Counter, Unit: "{request}", Integer: true, Attributes: []string{AttrReason}, Description: "OTLP requests that were kept on disk and then given up: rejected for good, expired, dropped from a full spool, or damaged."},
		{Name: MetricHistoryQueue, Kind: Gauge, Unit: "{record}", Integer: true, Description: "Samples and transitions of alerts that wait to be written to the history."},
		{Name: MetricHistoryDropped, Kind: Counter, Unit: "{record}", Integer: true, Description: "Samples, transitions and deliveries that were given up, because the queue or the file was full, or the database refused them."},
		{Name: MetricHistorySize, Kind: Gauge, Unit: "By", Integer: true, Description: "Size of the history's file and its write-ahead log."},
		{Name: MetricNotifications, Kind: Counter, Unit: "{notification}", Integer: true, Attributes: []string{AttrDestination, AttrOutcome}, Description: "Notifications sent and given up, and attempts that failed, since the process started."},
		{Name: "go.memory.used", Kind: UpDownCounter, Unit: "By", Integer: true, Attributes: []string{"go.memory.type"}, Description: "Memory used by the Go runtime.", Scope: RuntimeScope},
		{Name: "go.memory.limit", Kind: UpDownCounter, Unit: "By", Integer: true, Description: "GOMEMLIMIT, where one is set.", Scope: RuntimeScope},
		{Name: "go.memory.allocated", Kind: Counter, Unit: "By", Integer: true, Description: "Memory allocated to the heap.", Scope: RuntimeScope},
		{Name: "go.memory.allocations", Kind: Counter, Unit: "{allocation}", Integer: true, Description: "Allocations to the heap.", Scope: RuntimeScope},
		{Name: "go.memory.gc.goal", Kind: UpDownCounter, Unit: "By", Integer: true, Description: "Heap size at the end of the next collection.", Scope: RuntimeScope},
		{Name: MetricGoroutines, Kind: UpDownCounter, Unit: "{goroutine}", Integer: true, Description: "Goroutines that exist.", Scope: RuntimeScope},
		{Name: "go.processor.limit", Kind: UpDownCounter, Unit: "{thread}", Integer: true, Description: "Threads that may run Go code at once (GOMAXPROCS).", Scope: RuntimeScope},
		{Name: "go.config.gogc", Kind: UpDownCounter, Unit: "%", Integer: true, Description: "GOGC.", Scope: RuntimeScope},
	}
}
