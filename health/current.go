package health

// current is the body of /health/api/current. Its first fields are the original's, under its names and in its order;
// what the original did not have stands beside them. A nil number is unknown, and null.
type current struct {
	Timestamp     string            `json:"timestamp"`
	FD            fdSection         `json:"fd"`
	Memory        memorySection     `json:"memory"`
	Database      databaseSection   `json:"database"`
	WebSocket     webSocketSection  `json:"websocket"`
	Threads       threadsSection    `json:"threads"`
	Processes     []processSection  `json:"processes"`
	OverallStatus string            `json:"overall_status"`
	Goroutines    goroutinesSection `json:"goroutines"`
	CPU           cpuSection        `json:"cpu"`
	Rules         []ruleSection     `json:"rules"`
	Checks        []checkSection    `json:"checks"`
	Failures      []failureSection  `json:"failures"`
	Metrics       []metricSection   `json:"metrics"`
	Service       serviceSection    `json:"service"`
	Monitor       monitorSection    `json:"monitor"`
}

type fdSection struct {
	Count        *float64 `json:"count"`
	Limit        *float64 `json:"limit"`
	UsagePercent *float64 `json:"usage_percent"`
	Status       string   `json:"status"`
}

type memorySection struct {
	RSSMB        *float64 `json:"rss_mb"`
	VMSMB        *float64 `json:"vms_mb"`
	Percent      *float64 `json:"percent"` // RSS over the system's memory
	AvailableMB  *float64 `json:"available_mb"`
	SwapMB       *float64 `json:"swap_mb"`
	Status       string   `json:"status"`
	LimitMB      *float64 `json:"limit_mb"`
	Utilization  *float64 `json:"utilization"`
	WorkingSetMB *float64 `json:"working_set_mb"`
	OOMKills     *float64 `json:"oom_kills"`
}

type databaseSection struct {
	Total       *float64                `json:"total"`
	Connections map[string]*float64     `json:"connections"`
	Status      string                  `json:"status"`
	Pools       map[string]*poolSection `json:"pools"`
}

type poolSection struct {
	InUse       *float64 `json:"in_use"`
	Idle        *float64 `json:"idle"`
	Max         *float64 `json:"max"` // null: no maximum
	Utilization *float64 `json:"utilization"`
	WaitCount   *float64 `json:"wait_count"`
	WaitSeconds *float64 `json:"wait_seconds"`
}

type webSocketSection struct {
	Total        *float64                  `json:"total"`
	Connections  map[string]*brokerSection `json:"connections"`
	TotalSymbols *float64                  `json:"total_symbols"`
	Status       string                    `json:"status"`
}

type brokerSection struct {
	Broker  string   `json:"broker"`
	Count   *float64 `json:"count"`
	Symbols *float64 `json:"symbols"`
}

type threadsSection struct {
	Count   *float64       `json:"count"`
	Stuck   *float64       `json:"stuck"`
	Status  string         `json:"status"`
	Details []stuckSection `json:"details"`
}

// stuckSection describes what is stuck in the field names that the original had for a thread.
type stuckSection struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Daemon bool   `json:"daemon"` // always true: no goroutine or thread of Go keeps a process alive
	Alive  bool   `json:"alive"`
	Kind   string `json:"kind"`
	Since  string `json:"since"`
	Vital  bool   `json:"vital"`
}

type processSection struct {
	PID           int      `json:"pid"`
	Name          string   `json:"name"`
	RSSMB         *float64 `json:"rss_mb"`
	VMSMB         *float64 `json:"vms_mb"`
	MemoryPercent *float64 `json:"memory_percent"`
}

type goroutinesSection struct {
	Count  *float64 `json:"count"`
	Status string   `json:"status"`
}

type cpuSection struct {
	UserSeconds      *float64 `json:"user_seconds"`
	SystemSeconds    *float64 `json:"system_seconds"`
	Utilization      *float64 `json:"utilization"`
	ThrottledSeconds *float64 `json:"throttled_seconds"`
}

type ruleSection struct {
	Name     string   `json:"name"`
	Instance string   `json:"instance,omitempty"`
	Metric   string   `json:"metric"`
	Value    *float64 `json:"value"`
	Warn     *float64 `json:"warn"`
	Fail     *float64 `json:"fail"`
	Status   string   `json:"status"`
	Since    string   `json:"since"`
	Reason   string   `json:"reason,omitempty"`
}

type checkSection struct {
	Name            string   `json:"name"`
	Kind            string   `json:"kind"`
	Required        bool     `json:"required"`
	Status          string   `json:"status"`
	Time            string   `json:"time,omitempty"`
	DurationSeconds *float64 `json:"duration_seconds"`
	Since           string   `json:"since,omitempty"`
	Error           string   `json:"error,omitempty"`
}

type failureSection struct {
	Source string `json:"source"`
	Kind   string `json:"kind"`
	Error  string `json:"error"`
}

type metricSection struct {
	Name       string            `json:"name"`
	Unit       string            `json:"unit"`
	Scope      string            `json:"scope"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Value      *float64          `json:"value"`
}

type serviceSection struct {
	ID            string   `json:"id"`
	Version       string   `json:"version"`
	Description   string   `json:"description"`
	Instance      string   `json:"instance"`
	UptimeSeconds *float64 `json:"uptime_seconds"`
}

type monitorSection struct {
	Sequence        uint64   `json:"sequence"`
	IntervalSeconds *float64 `json:"interval_seconds"`
	TickSeconds     *float64 `json:"tick_seconds"`
	Liveness        string   `json:"liveness"`
	Readiness       string   `json:"readiness"`
	Stalled         string   `json:"stalled,omitempty"`
}
