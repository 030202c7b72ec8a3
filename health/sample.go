package health

import "time"

// Sample is one row of the history: what one snapshot held, in short. A value without a reading is unknown.
type Sample struct {
	Time     time.Time     // UTC, whole milliseconds
	Interval time.Duration // to the next sample, as it was configured

	FDCount          Number
	FDLimit          Number
	MemoryRSS        Number // bytes, like the five after it
	MemoryVirtual    Number
	MemorySwap       Number
	MemoryLimit      Number // effective: the cgroup's or the system's
	MemoryWorkingSet Number
	MemoryAvailable  Number // of the system
	ThreadCount      Number
	StuckCount       Number
	GoroutineCount   Number
	CPUUtilization   Number // 0 to 1
	DBConnections    Number // of all pools; 0 where none is watched
	WSConnections    Number // of all sources; 0 where none is watched
	WSSymbols        Number // likewise
	CPUUserSeconds   Number // since the process started, like the two after it
	CPUSystemSeconds Number
	UptimeSeconds    Number

	Status Statuses
}

// Statuses are the statuses of one sample, which /health/api/current shows as well. Database is the worst of the
// connections' sum, the pools and the database checks, Threads that of the threads and of what is stuck.
type Statuses struct {
	Overall, Liveness, Readiness                         Status
	FD, Memory, Database, WebSocket, Threads, Goroutines Status
}

// NewSample sums a snapshot up. Sums are as the rules saw them: one that lacks a part is unknown.
func NewSample(s *Snapshot) Sample {
	sample := Sample{
		Time:             s.Time,
		Interval:         s.Interval,
		FDCount:          s.Value(MetricFDCount),
		FDLimit:          s.Value(MetricFDLimit),
		MemoryRSS:        s.Value(MetricMemoryRSS),
		MemoryVirtual:    s.Value(MetricMemoryVirtual),
		MemorySwap:       s.Value(MetricMemorySwap),
		MemoryLimit:      s.Value(MetricMemoryLimit),
		MemoryWorkingSet: s.Value(MetricMemoryWorking),
		MemoryAvailable:  s.Value(MetricMemoryFree),
		ThreadCount:      s.Value(MetricThreads),
		StuckCount:       s.Value(MetricStuck),
		GoroutineCount:   s.Value(MetricGoroutines),
		CPUUtilization:   s.Value(MetricCPUUtil),
		CPUUserSeconds:   UnknownNumber(),
		CPUSystemSeconds: UnknownNumber(),
		UptimeSeconds:    s.Value(MetricUptime),
	}
	for r := range s.All(MetricCPUTime) {
		if r.Attribute(AttrCPUMode) == CPUModeUser {
			sample.CPUUserSeconds = Number(r.Value)
		} else {
			sample.CPUSystemSeconds = Number(r.Value)
		}
	}
	sample.judge(s)
	return sample
}

// judge takes over the statuses, and the sums with them.
func (s *Sample) judge(from *Snapshot) {
	st := &s.Status
	st.Overall, st.Liveness, st.Readiness = from.Overall, from.Liveness.Status, from.Readiness.Status
	st.FD = from.ruleStatus(RuleFD, MetricFDCount)
	st.Memory = from.ruleStatus(RuleMemory, MetricMemoryRSS)
	st.Goroutines = from.ruleStatus(RuleGoroutines, MetricGoroutines)
	st.Threads = from.ruleStatus(RuleThreads, MetricThreads)
	s.DBConnections, st.Database = from.total(RuleDatabase, MetricPoolCount)
	s.WSConnections, st.WebSocket = from.total(RuleWebSocket, MetricWSConnections)
	s.WSSymbols = from.symbols(st.WebSocket)
	for i := range from.Rules {
		switch r := &from.Rules[i]; r.Name {
		case RulePool:
			st.Database = Worst(st.Database, r.Status)
		case RuleStuck:
			st.Threads = Worst(st.Threads, r.Status)
		}
	}
	for i := range from.Checks {
		if c := &from.Checks[i]; c.Kind == CheckDatabase {
			st.Database = Worst(st.Database, c.Status)
		}
	}
}

// symbols is the sum over the sources of WebSocket connections, and unknown when one of them fails.
func (s *Snapshot) symbols(connections Status) Number {
	for i := range s.Failures {
		if s.Failures[i].Kind == SourceWebSocket {
			return UnknownNumber()
		}
	}
	symbols := s.Value(MetricWSSymbols)
	if !symbols.Known() && connections == Pass {
		return 0 // there is no source
	}
	return symbols
}
