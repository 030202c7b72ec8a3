package history

import (
	"github.com/otelhealth/otelhealth-go/health"
)

// Column names a value that each [Sample] holds, as the column of the table samples does.
type Column string

// The columns that [Store.Series] and [Store.Statistics] know. Sizes are in bytes.
const (
	FDCount          Column = "fd_count"
	FDLimit          Column = "fd_limit"
	MemoryRSS        Column = "memory_rss"
	MemoryVirtual    Column = "memory_vms"
	MemorySwap       Column = "memory_swap"
	MemoryLimit      Column = "memory_limit"
	MemoryWorkingSet Column = "memory_working_set"
	MemoryAvailable  Column = "memory_available"
	ThreadCount      Column = "threads"
	StuckCount       Column = "stuck"
	GoroutineCount   Column = "goroutines"
	CPUUtilization   Column = "cpu_utilization" // 0 to 1
	DBConnections    Column = "db_connections"  // of all pools
	WSConnections    Column = "ws_connections"  // of all sources
	WSSymbols        Column = "ws_symbols"
)

// rolledColumns are those that are rolled up. A sketch is stored under its column's number here: append only.
var rolledColumns = [...]Column{
	FDCount, FDLimit, MemoryRSS, MemoryVirtual, MemorySwap, MemoryLimit, MemoryWorkingSet, MemoryAvailable,
	ThreadCount, StuckCount, GoroutineCount, CPUUtilization, DBConnections, WSConnections, WSSymbols,
}

// plainColumns follow them in samples, in whole milliseconds: times since the process started, of which no rollup makes
// sense.
var plainColumns = [...]Column{"cpu_user_ms", "cpu_system_ms", "uptime_ms"}

// components are what has a status in each sample, in the order of [Statuses].
var components = [...]string{
	"overall", "liveness", "readiness", "fd", "memory", "database", "websocket", "thread", "goroutine",
}

const (
	numRolled     = len(rolledColumns)
	numValues     = numRolled + len(plainColumns)
	numComponents = len(components)
)

func (c Column) number() int {
	for i, known := range rolledColumns {
		if c == known {
			return i
		}
	}
	return -1
}

// values points at the sample's values in the order of rolledColumns and plainColumns.
func (s *Sample) values() [numValues]*health.Number {
	return [...]*health.Number{
		&s.FDCount, &s.FDLimit, &s.MemoryRSS, &s.MemoryVirtual, &s.MemorySwap, &s.MemoryLimit, &s.MemoryWorkingSet,
		&s.MemoryAvailable, &s.ThreadCount, &s.StuckCount, &s.GoroutineCount, &s.CPUUtilization, &s.DBConnections,
		&s.WSConnections, &s.WSSymbols, &s.CPUUserSeconds, &s.CPUSystemSeconds, &s.UptimeSeconds,
	}
}

// statuses points at the statuses in the order of components.
func (s *Statuses) statuses() [numComponents]*health.Status {
	return [...]*health.Status{
		&s.Overall, &s.Liveness, &s.Readiness, &s.FD, &s.Memory, &s.Database, &s.WebSocket, &s.Threads, &s.Goroutines,
	}
}
