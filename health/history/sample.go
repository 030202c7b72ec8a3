package history

import (
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// Sample is one row of the history: what one snapshot held, in short. A value without a reading is unknown.
type Sample struct {
	Time     time.Time     // UTC, whole milliseconds
	Interval time.Duration // to the next sample, as it was configured

	FDCount          health.Number
	FDLimit          health.Number
	MemoryRSS        health.Number // bytes, like the five after it
	MemoryVirtual    health.Number
	MemorySwap       health.Number
	MemoryLimit      health.Number // effective: the cgroup's or the system's
	MemoryWorkingSet health.Number
	MemoryAvailable  health.Number // of the system
	ThreadCount      health.Number
	StuckCount       health.Number
	GoroutineCount   health.Number
	CPUUtilization   health.Number // 0 to 1
	DBConnections    health.Number // of all pools; 0 where none is watched
	WSConnections    health.Number // of all sources; 0 where none is watched
	WSSymbols        health.Number // likewise
	CPUUserSeconds   health.Number // since the process started, like the two after it
	CPUSystemSeconds health.Number
	UptimeSeconds    health.Number

	Status Statuses
}

// Statuses are the statuses of one sample. They are those that /health/api/current shows: Database is the worst of the
// connections' sum, the pools and the database checks, Threads that of the threads and of what is stuck.
type Statuses struct {
	Overall, Liveness, Readiness                         health.Status
	FD, Memory, Database, WebSocket, Threads, Goroutines health.Status
}

// newSample takes from a snapshot what has a column of its own.
func newSample(s *health.Snapshot) Sample {
	sample := Sample{
		Time:             s.Time,
		Interval:         s.Interval,
		FDCount:          s.Value(health.MetricFDCount),
		FDLimit:          s.Value(health.MetricFDLimit),
		MemoryRSS:        s.Value(health.MetricMemoryRSS),
		MemoryVirtual:    s.Value(health.MetricMemoryVirtual),
		MemorySwap:       s.Value(health.MetricMemorySwap),
		MemoryLimit:      s.Value(health.MetricMemoryLimit),
		MemoryWorkingSet: s.Value(health.MetricMemoryWorking),
		MemoryAvailable:  s.Value(health.MetricMemoryFree),
		ThreadCount:      s.Value(health.MetricThreads),
		StuckCount:       s.Value(health.MetricStuck),
		GoroutineCount:   s.Value(health.MetricGoroutines),
		CPUUtilization:   s.Value(health.MetricCPUUtil),
		CPUUserSeconds:   health.UnknownNumber(),
		CPUSystemSeconds: health.UnknownNumber(),
		UptimeSeconds:    s.Value(health.MetricUptime),
	}
	for r := range s.All(health.MetricCPUTime) {
		if r.Attribute(health.AttrCPUMode) == health.CPUModeUser {
			sample.CPUUserSeconds = health.Number(r.Value)
		} else {
			sample.CPUSystemSeconds = health.Number(r.Value)
		}
	}
	sample.judge(s)
	return sample
}

// judge takes over the statuses, and the sums as the rules saw them: one that lacks a part is unknown.
func (s *Sample) judge(snapshot *health.Snapshot) {
	st := &s.Status
	st.Overall, st.Liveness, st.Readiness = snapshot.Overall, snapshot.Liveness.Status, snapshot.Readiness.Status
	st.FD, st.Memory, st.Goroutines = ruleStatus(snapshot, health.RuleFD), ruleStatus(snapshot, health.RuleMemory), ruleStatus(snapshot, health.RuleGoroutines)
	st.Threads = ruleStatus(snapshot, health.RuleThreads)
	s.DBConnections, st.Database = total(snapshot, health.RuleDatabase)
	s.WSConnections, st.WebSocket = total(snapshot, health.RuleWebSocket)
	s.WSSymbols = snapshot.Value(health.MetricWSSymbols)
	if !s.WSSymbols.Known() && st.WebSocket == health.Pass {
		s.WSSymbols = 0
	}
	for i := range snapshot.Rules {
		switch r := &snapshot.Rules[i]; r.Name {
		case health.RulePool:
			st.Database = health.Worst(st.Database, r.Status)
		case health.RuleStuck:
			st.Threads = health.Worst(st.Threads, r.Status)
		}
	}
	for i := range snapshot.Checks {
		if c := &snapshot.Checks[i]; c.Kind == health.CheckDatabase {
			st.Database = health.Worst(st.Database, c.Status)
		}
	}
}

func ruleStatus(s *health.Snapshot, name string) health.Status {
	r, _ := s.Rule(name)
	return r.Status
}

// total is what the rule made of a sum over sources. Without any source it is zero, and healthy.
func total(s *health.Snapshot, rule string) (health.Number, health.Status) {
	r, ok := s.Rule(rule)
	if !ok {
		return 0, health.Pass
	}
	return r.Value, r.Status
}

// hasColumn reports whether every reading of the metric is in a sample's columns already.
func hasColumn(metric string) bool {
	switch metric {
	case health.MetricFDCount, health.MetricFDLimit, health.MetricMemoryRSS, health.MetricMemoryVirtual,
		health.MetricMemorySwap, health.MetricMemoryLimit, health.MetricMemoryWorking, health.MetricMemoryFree,
		health.MetricThreads, health.MetricStuck, health.MetricGoroutines, health.MetricCPUUtil, health.MetricCPUTime,
		health.MetricUptime, health.MetricStatus, health.MetricFDUtilization, health.MetricMemoryUtil:
		return true
	}
	return false
}
