package health

import "net/http"

// current is the body of /health/api/current. Its first fields are the original's, under its names and in its order;
// what the original did not have stands beside them.
type current struct {
	Timestamp     string            `json:"timestamp"`
	FD            fdSection         `json:"fd"`
	Memory        memorySection     `json:"memory"`
	Database      databaseSection   `json:"database"`
	WebSocket     webSocketSection  `json:"websocket"`
	Threads       threadsSection    `json:"threads"`
	Processes     []processSection  `json:"processes"`
	OverallStatus Status            `json:"overall_status"`
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
	Count        Number `json:"count"`
	Limit        Number `json:"limit"`
	UsagePercent Number `json:"usage_percent"`
	Status       Status `json:"status"`
}

type memorySection struct {
	RSSMB        Number `json:"rss_mb"`
	VMSMB        Number `json:"vms_mb"`
	Percent      Number `json:"percent"` // RSS over the system's memory
	AvailableMB  Number `json:"available_mb"`
	SwapMB       Number `json:"swap_mb"`
	Status       Status `json:"status"`
	LimitMB      Number `json:"limit_mb"`
	Utilization  Number `json:"utilization"`
	WorkingSetMB Number `json:"working_set_mb"`
	OOMKills     Number `json:"oom_kills"`
}

type databaseSection struct {
	Total       Number                 `json:"total"`
	Connections map[string]Number      `json:"connections"`
	Status      Status                 `json:"status"`
	Pools       map[string]poolSection `json:"pools"`
}

type poolSection struct {
	InUse       Number `json:"in_use"`
	Idle        Number `json:"idle"`
	Max         Number `json:"max"` // null: no maximum
	Utilization Number `json:"utilization"`
	WaitCount   Number `json:"wait_count"`
	WaitSeconds Number `json:"wait_seconds"`
}

type webSocketSection struct {
	Total        Number                   `json:"total"`
	Connections  map[string]brokerSection `json:"connections"`
	TotalSymbols Number                   `json:"total_symbols"`
	Status       Status                   `json:"status"`
}

type brokerSection struct {
	Broker  string `json:"broker"`
	Count   Number `json:"count"`
	Symbols Number `json:"symbols"`
}

type threadsSection struct {
	Count   Number         `json:"count"`
	Stuck   Number         `json:"stuck"`
	Status  Status         `json:"status"`
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
	PID           int    `json:"pid"`
	Name          string `json:"name"`
	RSSMB         Number `json:"rss_mb"`
	VMSMB         Number `json:"vms_mb"`
	MemoryPercent Number `json:"memory_percent"`
}

type goroutinesSection struct {
	Count  Number `json:"count"`
	Status Status `json:"status"`
}

type cpuSection struct {
	UserSeconds      Number `json:"user_seconds"`
	SystemSeconds    Number `json:"system_seconds"`
	Utilization      Number `json:"utilization"`
	ThrottledSeconds Number `json:"throttled_seconds"`
}

type ruleSection struct {
	Name     string `json:"name"`
	Instance string `json:"instance,omitempty"`
	Metric   string `json:"metric"`
	Value    Number `json:"value"`
	Warn     Number `json:"warn"`
	Fail     Number `json:"fail"`
	Status   Status `json:"status"`
	Since    string `json:"since"`
	Reason   string `json:"reason,omitempty"`
}

type checkSection struct {
	Name            string `json:"name"`
	Kind            string `json:"kind"`
	Required        bool   `json:"required"`
	Status          Status `json:"status"`
	Time            string `json:"time,omitempty"`
	DurationSeconds Number `json:"duration_seconds"`
	Since           string `json:"since,omitempty"`
	Error           string `json:"error,omitempty"`
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
	Value      Number            `json:"value"`
}

type serviceSection struct {
	ID            string `json:"id"`
	Version       string `json:"version"`
	Description   string `json:"description"`
	Instance      string `json:"instance"`
	UptimeSeconds Number `json:"uptime_seconds"`
}

type monitorSection struct {
	Sequence        uint64 `json:"sequence"`
	IntervalSeconds Number `json:"interval_seconds"`
	TickSeconds     Number `json:"tick_seconds"`
	Liveness        Status `json:"liveness"`
	Readiness       Status `json:"readiness"`
	Stalled         string `json:"stalled,omitempty"`
}

// newCurrent says in the API's words what the snapshot holds. stalled is empty, or why the numbers are no longer true.
func (e *Endpoints) newCurrent(s *Snapshot, stalled string) *current {
	c := &current{
		Timestamp:     s.Time.Format(timeLayout),
		FD:            newFDSection(s),
		Memory:        newMemorySection(s),
		Database:      newDatabaseSection(s),
		WebSocket:     newWebSocketSection(s),
		Threads:       newThreadsSection(s),
		OverallStatus: s.Overall,
		Goroutines:    goroutinesSection{s.Value(MetricGoroutines), s.ruleStatus(RuleGoroutines)},
		CPU:           newCPUSection(s),
		Rules:         make([]ruleSection, 0, len(s.Rules)),
		Checks:        make([]checkSection, 0, len(s.Checks)),
		Failures:      make([]failureSection, 0, len(s.Failures)),
		Metrics:       newMetricSections(s),
		Service: serviceSection{
			ID: e.service.ID, Version: e.service.Version, Description: e.service.Description, Instance: e.service.Instance,
			UptimeSeconds: s.Value(MetricUptime).round(3),
		},
		Monitor: monitorSection{
			Sequence:        s.Sequence,
			IntervalSeconds: Number(s.Interval.Seconds()),
			TickSeconds:     s.Value(MetricTickDuration),
			Liveness:        s.Liveness.Status,
			Readiness:       s.Readiness.Status,
			Stalled:         stalled,
		},
	}
	c.Processes = []processSection{{
		PID: e.pid, Name: e.processName, RSSMB: c.Memory.RSSMB, VMSMB: c.Memory.VMSMB, MemoryPercent: c.Memory.Percent,
	}}
	for i := range s.Rules {
		c.Rules = append(c.Rules, newRuleSection(&s.Rules[i]))
	}
	for i := range s.Checks {
		c.Checks = append(c.Checks, newCheckSection(&s.Checks[i]))
	}
	for _, f := range s.Failures {
		c.Failures = append(c.Failures, failureSection(f))
	}
	return c
}

// encodeStalledCurrent repeats the last numbers and says that they are old: nothing in it can be taken for healthy.
func (e *Endpoints) encodeStalledCurrent(s *Snapshot) *answer {
	c := e.newCurrent(s, "no snapshot since "+s.Time.Format(timeLayout))
	c.OverallStatus, c.Monitor.Liveness, c.Monitor.Readiness = Fail, Fail, Fail
	return newAnswer(http.StatusOK, mediaJSON, c)
}

func newFDSection(s *Snapshot) fdSection {
	return fdSection{
		Count:        s.Value(MetricFDCount),
		Limit:        s.Value(MetricFDLimit),
		UsagePercent: (s.Value(MetricFDUtilization) * 100).round(2),
		Status:       s.ruleStatus(RuleFD),
	}
}

func newMemorySection(s *Snapshot) memorySection {
	return memorySection{
		RSSMB:        inMiB(s.Value(MetricMemoryRSS)),
		VMSMB:        inMiB(s.Value(MetricMemoryVirtual)),
		Percent:      (s.Value(MetricMemoryRSS).Over(s.Value(MetricMemorySystem)) * 100).round(2),
		AvailableMB:  inMiB(s.Value(MetricMemoryFree)),
		SwapMB:       inMiB(s.Value(MetricMemorySwap)),
		Status:       s.ruleStatus(RuleMemory),
		LimitMB:      inMiB(s.Value(MetricMemoryLimit)),
		Utilization:  s.Value(MetricMemoryUtil).round(4),
		WorkingSetMB: inMiB(s.Value(MetricMemoryWorking)),
		OOMKills:     s.Value(MetricOOMKills),
	}
}

// newDatabaseSection is as healthy as the connections' sum, the fullest pool and the worst database check.
func newDatabaseSection(s *Snapshot) databaseSection {
	d := databaseSection{Connections: make(map[string]Number), Pools: make(map[string]poolSection)}
	d.Total, d.Status = s.total(RuleDatabase)
	for i := range s.Rules {
		if s.Rules[i].Name == RulePool {
			d.Status = Worst(d.Status, s.Rules[i].Status)
		}
	}
	for i := range s.Checks {
		if c := &s.Checks[i]; c.Kind == CheckDatabase {
			d.Status = Worst(d.Status, c.Status)
			d.Connections[c.Name] = UnknownNumber()
			d.Pools[c.Name] = unknownPool
		}
	}
	for _, f := range s.Failures {
		if f.Kind == SourceDatabase {
			d.Connections[f.Source] = UnknownNumber()
			d.Pools[f.Source] = unknownPool
		}
	}
	pool := func(metric string, set func(p *poolSection, r Reading)) {
		for r := range s.All(metric) {
			name := r.Attribute(AttrPoolName)
			p, ok := d.Pools[name]
			if !ok {
				p = unknownPool
			}
			set(&p, r)
			d.Pools[name] = p
		}
	}
	pool(MetricPoolCount, func(p *poolSection, r Reading) {
		if r.Attribute(AttrPoolState) == PoolStateIdle {
			p.Idle = Number(r.Value)
		} else {
			p.InUse = Number(r.Value)
		}
	})
	pool(MetricPoolMax, func(p *poolSection, r Reading) { p.Max = Number(r.Value) })
	pool(MetricPoolUtil, func(p *poolSection, r Reading) { p.Utilization = Number(r.Value).round(4) })
	pool(MetricPoolWaits, func(p *poolSection, r Reading) { p.WaitCount = Number(r.Value) })
	pool(MetricPoolWaitTime, func(p *poolSection, r Reading) { p.WaitSeconds = Number(r.Value) })
	for name, p := range d.Pools {
		d.Connections[name] = p.InUse + p.Idle // unknown when either is
	}
	return d
}

var unknownPool = poolSection{
	InUse: UnknownNumber(), Idle: UnknownNumber(), Max: UnknownNumber(),
	Utilization: UnknownNumber(), WaitCount: UnknownNumber(), WaitSeconds: UnknownNumber(),
}

func newWebSocketSection(s *Snapshot) webSocketSection {
	ws := webSocketSection{Connections: make(map[string]brokerSection)}
	ws.Total, ws.Status = s.total(RuleWebSocket)
	ws.TotalSymbols = s.Value(MetricWSSymbols)
	if !ws.TotalSymbols.Known() && ws.Status == Pass {
		ws.TotalSymbols = 0
	}
	for _, f := range s.Failures {
		if f.Kind == SourceWebSocket {
			ws.Connections[f.Source] = brokerSection{f.Source, UnknownNumber(), UnknownNumber()}
			ws.TotalSymbols = UnknownNumber()
		}
	}
	for r := range s.All(MetricWSConnections) {
		name := r.Attribute(AttrWebSocketSource)
		ws.Connections[name] = brokerSection{name, Number(r.Value), UnknownNumber()}
	}
	for r := range s.All(MetricWSSymbols) {
		name := r.Attribute(AttrWebSocketSource)
		b := ws.Connections[name]
		b.Symbols = Number(r.Value)
		ws.Connections[name] = b
	}
	return ws
}

func newThreadsSection(s *Snapshot) threadsSection {
	t := threadsSection{
		Count:   s.Value(MetricThreads),
		Stuck:   s.Value(MetricStuck),
		Status:  s.ruleStatus(RuleThreads),
		Details: make([]stuckSection, 0, len(s.Stuck)),
	}
	if r, ok := s.Rule(RuleStuck); ok {
		t.Status = Worst(t.Status, r.Status)
	}
	for _, stuck := range s.Stuck {
		t.Details = append(t.Details, stuckSection{
			ID: stuck.ID, Name: stuck.Name, Daemon: true, Alive: true,
			Kind: stuck.Kind, Since: stuck.Since.UTC().Format(timeLayout), Vital: stuck.Vital,
		})
	}
	return t
}

func newCPUSection(s *Snapshot) cpuSection {
	c := cpuSection{
		UserSeconds:      UnknownNumber(),
		SystemSeconds:    UnknownNumber(),
		Utilization:      s.Value(MetricCPUUtil).round(4),
		ThrottledSeconds: s.Value(MetricCPUThrottled),
	}
	for r := range s.All(MetricCPUTime) {
		if r.Attribute(AttrCPUMode) == CPUModeUser {
			c.UserSeconds = Number(r.Value)
		} else {
			c.SystemSeconds = Number(r.Value)
		}
	}
	return c
}

func newRuleSection(r *RuleState) ruleSection {
	return ruleSection{
		Name: r.Name, Instance: r.Instance, Metric: r.Metric, Value: r.Value, Warn: r.Warn, Fail: r.Fail,
		Status: r.Status, Since: r.Since.UTC().Format(timeLayout), Reason: r.Reason,
	}
}

func newCheckSection(c *CheckState) checkSection {
	section := checkSection{
		Name: c.Name, Kind: c.Kind, Required: c.Required, Status: c.Status,
		DurationSeconds: UnknownNumber(), Error: c.Error,
	}
	if !c.Time.IsZero() {
		section.Time = c.Time.UTC().Format(timeLayout)
		section.Since = c.Since.UTC().Format(timeLayout)
		section.DurationSeconds = Number(c.Duration.Seconds())
	}
	return section
}

// newMetricSections lists the metrics that have no section of their own: what sources and the application added.
func newMetricSections(s *Snapshot) []metricSection {
	sections := []metricSection{}
	for _, m := range s.Metrics {
		if m.Scope == Scope || m.Scope == RuntimeScope {
			continue
		}
		for _, r := range m.Readings {
			section := metricSection{Name: m.Name, Unit: m.Unit, Scope: m.Scope, Value: Number(r.Value)}
			if r.Attributes.Len() > 0 {
				section.Attributes = make(map[string]string, r.Attributes.Len())
				for iter := r.Attributes.Iter(); iter.Next(); {
					kv := iter.Attribute()
					section.Attributes[string(kv.Key)] = kv.Value.Emit()
				}
			}
			sections = append(sections, section)
		}
	}
	return sections
}

// ruleStatus is Unknown where the platform has nothing for the rule to judge.
func (s *Snapshot) ruleStatus(name string) Status {
	r, _ := s.Rule(name)
	return r.Status
}

// total is what the rule made of a sum over sources. Without any source it is zero, and healthy.
func (s *Snapshot) total(rule string) (Number, Status) {
	r, ok := s.Rule(rule)
	if !ok {
		return 0, Pass
	}
	return r.Value, r.Status
}

func inMiB(n Number) Number { return (n / mib).round(3) }
