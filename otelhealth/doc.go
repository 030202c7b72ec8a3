// Package otelhealth watches the process that it is linked into: file descriptors, memory, threads and goroutines,
// database pools, WebSocket connections, heartbeats, and whatever else a service wants to add. It shows them as
// OpenTelemetry metrics, exports them by OTLP, judges them against thresholds, and answers health probes from them.
//
//	monitor, err := otelhealth.Start(ctx, otelhealth.WithDB("orders", db))
//	if err != nil {
//		return err
//	}
//	defer monitor.Shutdown(context.Background())
//	monitor.Register(mux) // /health, /health/check, /health/api/current
//
// One goroutine ticks, every 10 s by default. Each tick samples everything once; two readers of a private
// MeterProvider are collected from that one sample, so that what is served here and what is exported agree to the
// number, and both bear the time of the tick. One collection becomes an immutable [health.Snapshot], which is judged,
// encoded and published; requests only read it. The other goes through a bounded queue to a goroutine that exports.
// The tick never waits for a disk or the network, and for users' code only briefly and once.
package otelhealth
