package health

import "net/http"

// newCurrent says in the API's words what the snapshot holds. stalled is empty, or why the numbers are no longer true.
func (e *Endpoints) newCurrent(s *Snapshot, stalled string) *current {
	c := &current{
		Timestamp:     s.Time.Format(timeLayout),
		FD:            newFDSection(s),
		Memory:        newMemorySection(s),
		Database:      newDatabaseSection(s),
		WebSocket:     newWebSocketSection(s),
		Threads:       newThreadsSection(s),
		OverallStatus: s.Overall.String(),
		Goroutines:    goroutinesSection{s.Value(MetricGoroutines).orNull(), s.ruleStatus(RuleGoroutines)},
		CPU:           newCPUSection(s),
		Rules:         make([]ruleSection, 0, len(s.Rules)),
		Checks:        make([]checkSection, 0, len(s.Checks)),
		Failures:      make([]failureSection, 0, len(s.Failures)),
		Metrics:       newMetricSections(s),
		Service: serviceSection{
			ID: e.service.ID, Version: e.service.Version, Description: e.service.Description, Instance: e.service.Instance,
			UptimeSeconds: s.Value(MetricUptime).round(3).orNull(),
		},
		Monitor: monitorSection{
			Sequence:        s.Sequence,
			IntervalSeconds: new(s.Interval.Seconds()),
			TickSeconds:     s.Value(MetricTickDuration).orNull(),
			Liveness:        s.Liveness.Status.String(),
			Readiness:       s.Readiness.Status.String(),
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
	fail := Fail.String()
	c.OverallStatus, c.Monitor.Liveness, c.Monitor.Readiness = fail, fail, fail
	return newAnswer(http.StatusOK, mediaJSON, c)
}

func newFDSection(s *Snapshot) fdSection {
	return fdSection{
		Count:        s.Value(MetricFDCount).orNull(),
		Limit:        s.Value(MetricFDLimit).orNull(),
		UsagePercent: (s.Value(MetricFDUtilization) * 100).round(2).orNull(),
		Status:       s.ruleStatus(RuleFD),
	}
}

func newMemorySection(s *Snapshot) memorySection {
	return memorySection{
		RSSMB:        inMiB(s.Value(MetricMemoryRSS)),
		VMSMB:        inMiB(s.Value(MetricMemoryVirtual)),
		Percent:      (s.Value(MetricMemoryRSS).Over(s.Value(MetricMemorySystem)) * 100).round(2).orNull(),
		AvailableMB:  inMiB(s.Value(MetricMemoryFree)),
		SwapMB:       inMiB(s.Value(MetricMemorySwap)),
		Status:       s.ruleStatus(RuleMemory),
		LimitMB:      inMiB(s.Value(MetricMemoryLimit)),
		Utilization:  s.Value(MetricMemoryUtil).round(4).orNull(),
		WorkingSetMB: inMiB(s.Value(MetricMemoryWorking)),
		OOMKills:     s.Value(MetricOOMKills).orNull(),
	}
}

// newDatabaseSection is as healthy as the connections' sum, the fullest pool and the worst database check.
func newDatabaseSection(s *Snapshot) databaseSection {
	total, status := s.total(RuleDatabase)
	for i := range s.Rules {
		if s.Rules[i].Name == RulePool {
			status = Worst(status, s.Rules[i].Status)
		}
	}
	pools := make(map[string]*poolSection)
	pool := func(name string) *poolSection {
		p, ok := pools[name]
		if !ok {
			p = new(poolSection)
			pools[name] = p
		}
		return p
	}
	for i := range s.Checks {
		if c := &s.Checks[i]; c.Kind == CheckDatabase {
			status = Worst(status, c.Status)
			pool(c.Name)
		}
	}
	for _, f := range s.Failures {
		if f.Kind == SourceDatabase {
			pool(f.Source)
		}
	}
	s.fillPools(pool)
	connections := make(map[string]*float64, len(pools))
	for name, p := range pools {
		connections[name] = nil
		if p.InUse != nil && p.Idle != nil {
			connections[name] = new(*p.InUse + *p.Idle)
		}
	}
	return databaseSection{Total: total.orNull(), Connections: connections, Status: status.String(), Pools: pools}
}

// fillPools puts the readings of each pool into the section that pool returns for its name.
func (s *Snapshot) fillPools(pool func(name string) *poolSection) {
	for r := range s.All(MetricPoolCount) {
		p := pool(r.Attribute(AttrPoolName))
		if r.Attribute(AttrPoolState) == PoolStateIdle {
			p.Idle = new(r.Value)
		} else {
			p.InUse = new(r.Value)
		}
	}
	for r := range s.All(MetricPoolMax) {
		pool(r.Attribute(AttrPoolName)).Max = new(r.Value)
	}
	for r := range s.All(MetricPoolUtil) {
		pool(r.Attribute(AttrPoolName)).Utilization = Number(r.Value).round(4).orNull()
	}
	for r := range s.All(MetricPoolWaits) {
		pool(r.Attribute(AttrPoolName)).WaitCount = new(r.Value)
	}
	for r := range s.All(MetricPoolWaitTime) {
		pool(r.Attribute(AttrPoolName)).WaitSeconds = new(r.Value)
	}
}

func newWebSocketSection(s *Snapshot) webSocketSection {
	total, status := s.total(RuleWebSocket)
	symbols := s.Value(MetricWSSymbols)
	if !symbols.Known() && status == Pass {
		symbols = 0
	}
	brokers := make(map[string]*brokerSection)
	for _, f := range s.Failures {
		if f.Kind == SourceWebSocket {
			brokers[f.Source] = &brokerSection{Broker: f.Source}
			symbols = UnknownNumber()
		}
	}
	for r := range s.All(MetricWSConnections) {
		name := r.Attribute(AttrWebSocketSource)
		brokers[name] = &brokerSection{Broker: name, Count: new(r.Value)}
	}
	for r := range s.All(MetricWSSymbols) {
		if b, ok := brokers[r.Attribute(AttrWebSocketSource)]; ok {
			b.Symbols = new(r.Value)
		}
	}
	return webSocketSection{Total: total.orNull(), Connections: brokers, TotalSymbols: symbols.orNull(), Status: status.String()}
}

func newThreadsSection(s *Snapshot) threadsSection {
	t := threadsSection{
		Count:   s.Value(MetricThreads).orNull(),
		Stuck:   s.Value(MetricStuck).orNull(),
		Details: make([]stuckSection, 0, len(s.Stuck)),
	}
	threads, _ := s.Rule(RuleThreads)
	status := threads.Status
	if stuck, ok := s.Rule(RuleStuck); ok {
		status = Worst(status, stuck.Status)
	}
	t.Status = status.String()
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
		Utilization:      s.Value(MetricCPUUtil).round(4).orNull(),
		ThrottledSeconds: s.Value(MetricCPUThrottled).orNull(),
	}
	for r := range s.All(MetricCPUTime) {
		if r.Attribute(AttrCPUMode) == CPUModeUser {
			c.UserSeconds = new(r.Value)
		} else {
			c.SystemSeconds = new(r.Value)
		}
	}
	return c
}

func newRuleSection(r *RuleState) ruleSection {
	return ruleSection{
		Name: r.Name, Instance: r.Instance, Metric: r.Metric,
		Value: r.Value.orNull(), Warn: r.Warn.orNull(), Fail: r.Fail.orNull(),
		Status: r.Status.String(), Since: r.Since.UTC().Format(timeLayout), Reason: r.Reason,
	}
}

func newCheckSection(c *CheckState) checkSection {
	section := checkSection{
		Name: c.Name, Kind: c.Kind, Required: c.Required, Status: c.Status.String(), Error: c.Error,
	}
	if !c.Time.IsZero() {
		section.Time = c.Time.UTC().Format(timeLayout)
		section.Since = c.Since.UTC().Format(timeLayout)
		section.DurationSeconds = new(c.Duration.Seconds())
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
			section := metricSection{Name: m.Name, Unit: m.Unit, Scope: m.Scope, Value: new(r.Value)}
			if r.Attributes.Len() > 0 {
				section.Attributes = make(map[string]string, r.Attributes.Len())
				for iter := r.Attributes.Iter(); iter.Next(); {
					kv := iter.Attribute()
					section.Attributes[string(kv.Key)] = kv.Value.String()
				}
			}
			sections = append(sections, section)
		}
	}
	return sections
}

// ruleStatus is Unknown where the platform has nothing for the rule to judge.
func (s *Snapshot) ruleStatus(name string) string {
	r, _ := s.Rule(name)
	return r.Status.String()
}

// total is what the rule made of a sum over sources. Without any source it is zero, and healthy.
func (s *Snapshot) total(rule string) (Number, Status) {
	r, ok := s.Rule(rule)
	if !ok {
		return 0, Pass
	}
	return r.Value, r.Status
}

func inMiB(n Number) *float64 { return (n / mib).round(3).orNull() }

// orNull returns nil for unknown, which JSON shows as null.
func (n Number) orNull() *float64 {
	if !n.Known() {
		return nil
	}
	return new(float64(n))
}
