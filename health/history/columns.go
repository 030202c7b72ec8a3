package history

import (
	"github.com/otelhealth/otelhealth-go/health"
)

// rolledColumns are those that are rolled up. A sketch is stored under its column's number here: append only.
var rolledColumns = [...]health.Column{
	health.ColumnFDCount, health.ColumnFDLimit, health.ColumnMemoryRSS, health.ColumnMemoryVirtual, health.ColumnMemorySwap,
	health.ColumnMemoryLimit, health.ColumnMemoryWorkingSet, health.ColumnMemoryAvailable, health.ColumnThreads,
	health.ColumnStuck, health.ColumnGoroutines, health.ColumnCPUUtilization, health.ColumnDBConnections,
	health.ColumnWSConnections, health.ColumnWSSymbols,
}

// plainColumns follow them in samples, in whole milliseconds: times since the process started, of which no rollup makes
// sense.
var plainColumns = [...]health.Column{"cpu_user_ms", "cpu_system_ms", "uptime_ms"}

// components are what has a status in each sample, in the order of [health.Statuses].
var components = [...]string{
	"overall", "liveness", "readiness", "fd", "memory", "database", "websocket", "thread", "goroutine",
}

const (
	numRolled     = len(rolledColumns)
	numValues     = numRolled + len(plainColumns)
	numComponents = len(components)
)

func columnNumber(c health.Column) int {
	for i, known := range rolledColumns {
		if c == known {
			return i
		}
	}
	return -1
}

// sampleValues points at the sample's values in the order of rolledColumns and plainColumns.
func sampleValues(s *health.Sample) [numValues]*health.Number {
	return [...]*health.Number{
		&s.FDCount, &s.FDLimit, &s.MemoryRSS, &s.MemoryVirtual, &s.MemorySwap, &s.MemoryLimit, &s.MemoryWorkingSet,
		&s.MemoryAvailable, &s.ThreadCount, &s.StuckCount, &s.GoroutineCount, &s.CPUUtilization, &s.DBConnections,
		&s.WSConnections, &s.WSSymbols, &s.CPUUserSeconds, &s.CPUSystemSeconds, &s.UptimeSeconds,
	}
}

// sampleStatuses points at the statuses in the order of components.
func sampleStatuses(s *health.Statuses) [numComponents]*health.Status {
	return [...]*health.Status{
		&s.Overall, &s.Liveness, &s.Readiness, &s.FD, &s.Memory, &s.Database, &s.WebSocket, &s.Threads, &s.Goroutines,
	}
}
