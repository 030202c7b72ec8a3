package health

import "strconv"

// field is one value of a raw row: in the history's answer, in the export and, where it has a column, in series and
// statistics.
type field struct {
	name    string // in JSON
	heading string // in CSV
	column  Column // of the history; "" where none is rolled up
	unit    string
	scale   Number // from the history's unit; 0: as it is
	value   func(s *Sample) Number
	status  func(s *Sample) Status // in place of a value

	key []byte // `,"name":`
}

// fields is the table of a raw row after its timestamp. The first six are the original's, under its names.
var fields = makeFields()

func makeFields() []field {
	const inMB = 1.0 / mib
	list := []field{
		{name: "fd_count", heading: "FD Count", column: ColumnFDCount, unit: "{file_descriptor}", value: func(s *Sample) Number { return s.FDCount }},
		{name: "memory_rss_mb", heading: "Memory (MB)", column: ColumnMemoryRSS, unit: "MiBy", scale: inMB, value: func(s *Sample) Number { return s.MemoryRSS }},
		{name: "db_connections", heading: "DB Connections", column: ColumnDBConnections, unit: "{connection}", value: func(s *Sample) Number { return s.DBConnections }},
		{name: "ws_connections", heading: "WebSocket Connections", column: ColumnWSConnections, unit: "{connection}", value: func(s *Sample) Number { return s.WSConnections }},
		{name: "threads", heading: "Threads", column: ColumnThreads, unit: "{thread}", value: func(s *Sample) Number { return s.ThreadCount }},
		{name: "overall_status", heading: "Overall Status", status: func(s *Sample) Status { return s.Status.Overall }},
		{name: "goroutines", heading: "Goroutines", column: ColumnGoroutines, unit: "{goroutine}", value: func(s *Sample) Number { return s.GoroutineCount }},
		{name: "cpu_utilization", heading: "CPU Utilization", column: ColumnCPUUtilization, unit: "1", value: func(s *Sample) Number { return s.CPUUtilization }},
		{name: "stuck", heading: "Stuck", column: ColumnStuck, unit: "{thread}", value: func(s *Sample) Number { return s.StuckCount }},
		{name: "ws_symbols", heading: "WebSocket Symbols", column: ColumnWSSymbols, unit: "{symbol}", value: func(s *Sample) Number { return s.WSSymbols }},
		{name: "fd_limit", heading: "FD Limit", column: ColumnFDLimit, unit: "{file_descriptor}", value: func(s *Sample) Number { return s.FDLimit }},
		{name: "memory_vms_mb", heading: "Virtual Memory (MB)", column: ColumnMemoryVirtual, unit: "MiBy", scale: inMB, value: func(s *Sample) Number { return s.MemoryVirtual }},
		{name: "memory_swap_mb", heading: "Swap (MB)", column: ColumnMemorySwap, unit: "MiBy", scale: inMB, value: func(s *Sample) Number { return s.MemorySwap }},
		{name: "memory_limit_mb", heading: "Memory Limit (MB)", column: ColumnMemoryLimit, unit: "MiBy", scale: inMB, value: func(s *Sample) Number { return s.MemoryLimit }},
		{name: "memory_working_set_mb", heading: "Working Set (MB)", column: ColumnMemoryWorkingSet, unit: "MiBy", scale: inMB, value: func(s *Sample) Number { return s.MemoryWorkingSet }},
		{name: "memory_available_mb", heading: "Available Memory (MB)", column: ColumnMemoryAvailable, unit: "MiBy", scale: inMB, value: func(s *Sample) Number { return s.MemoryAvailable }},
		{name: "uptime_seconds", heading: "Uptime (s)", value: func(s *Sample) Number { return s.UptimeSeconds }},
		{name: "liveness", heading: "Liveness", status: func(s *Sample) Status { return s.Status.Liveness }},
		{name: "readiness", heading: "Readiness", status: func(s *Sample) Status { return s.Status.Readiness }},
		{name: "fd_status", heading: "FD Status", status: func(s *Sample) Status { return s.Status.FD }},
		{name: "memory_status", heading: "Memory Status", status: func(s *Sample) Status { return s.Status.Memory }},
		{name: "database_status", heading: "DB Status", status: func(s *Sample) Status { return s.Status.Database }},
		{name: "websocket_status", heading: "WS Status", status: func(s *Sample) Status { return s.Status.WebSocket }},
		{name: "threads_status", heading: "Thread Status", status: func(s *Sample) Status { return s.Status.Threads }},
		{name: "goroutines_status", heading: "Goroutine Status", status: func(s *Sample) Status { return s.Status.Goroutines }},
	}
	for i := range list {
		list[i].key = append(strconv.AppendQuote([]byte{','}, list[i].name), ':')
	}
	return list
}

// fieldNamed returns the field of that name, and nil when there is none.
func fieldNamed(name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

// scaled returns a number of the history in the field's unit, with three decimals, and four of a share.
func (f *field) scaled(n Number) Number {
	if f.scale != 0 {
		n *= f.scale
	}
	if f.unit == "1" {
		return n.round(4)
	}
	return n.round(3)
}

// appendJSON appends the field's value as JSON.
func (f *field) appendJSON(b []byte, s *Sample) []byte {
	if f.status != nil {
		b = append(b, '"')
		b = append(b, f.status(s).String()...)
		return append(b, '"')
	}
	b, _ = f.scaled(f.value(s)).AppendText(b) // it never fails
	return b
}

// appendCSV appends it as a cell, which is empty when it is unknown.
func (f *field) appendCSV(b []byte, s *Sample) []byte {
	if f.status != nil {
		return append(b, f.status(s).String()...)
	}
	if n := f.scaled(f.value(s)); n.Known() {
		b, _ = n.AppendText(b)
	}
	return b
}
