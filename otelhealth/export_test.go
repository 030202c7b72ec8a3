package otelhealth

import "github.com/otelhealth/otelhealth-go/health"

// withSnapshots shows a test each snapshot as it is published, in the tick's goroutine.
func withSnapshots(see func(*health.Snapshot)) Option {
	return func(c *config) { c.onSnapshot = see }
}

// exporterEnded is closed when the export's goroutine has ended.
func (m *Monitor) exporterEnded() <-chan struct{} {
	m.exporter.cancel()
	return m.exporter.stopped
}
